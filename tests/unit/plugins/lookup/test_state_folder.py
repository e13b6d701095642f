# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible.errors import AnsibleLookupError

from ansible_collections.wsltune.go.plugins.lookup import state_folder

ROOT = Path(__file__).resolve().parents[4]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root is led astray")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "/home/anna/.local/state/wsltune/one"),
        ({"HOME": "/home/other"}, "/home/other/.local/state/wsltune/one"),
        ({"HOME": "/home/other", "XDG_STATE_HOME": "/srv/state"}, "/srv/state/wsltune/one"),
    ],
)
def test_a_person_has_it_where_their_variables_say(environment: dict[str, str], expected: str) -> None:
    assert state_folder.choose("one", environment, "/home/anna", is_root=False) == expected


def test_without_a_name_it_is_the_folder_itself() -> None:
    assert state_folder.choose("", {}, "/home/anna", is_root=False) == "/home/anna/.local/state/wsltune"


@needs_root
@pytest.mark.parametrize("name", ["HOME", "XDG_STATE_HOME"])
@pytest.mark.parametrize("is_there", [True, False])
def test_root_follows_no_folder_of_another_account(tmp_path: Path, name: str, is_there: bool) -> None:
    """As with sudo -E, which keeps the variables of who called it."""
    place, own = tmp_path / "place", tmp_path / "root"
    own.mkdir()
    (place / ".local/state/wsltune/one" if is_there else place).mkdir(parents=True)
    environment = {name: str(place)}
    state = place if name == "XDG_STATE_HOME" else place / ".local/state"
    assert state_folder.choose("one", environment, str(own), is_root=True) == f"{state}/wsltune/one"
    subprocess.run(["chown", "-R", "4711", place], check=True)
    assert state_folder.choose("one", environment, str(own), is_root=True) == f"{own}/.local/state/wsltune/one"


@needs_root
def test_root_follows_no_link_of_another_account_further_down(tmp_path: Path) -> None:
    state, elsewhere = tmp_path / "state", tmp_path / "elsewhere"
    (state / "wsltune").mkdir(parents=True)
    elsewhere.mkdir()
    (state / "wsltune/one").symlink_to(elsewhere)
    found = [state_folder.choose("one", {"XDG_STATE_HOME": str(state)}, "/root", is_root=True)]
    os.chown(state / "wsltune", 4711, 4711)
    found.append(state_folder.choose("one", {"XDG_STATE_HOME": str(state)}, "/root", is_root=True))
    # A link of root's own is what root wants.
    assert found == [f"{state}/wsltune/one", "/root/.local/state/wsltune/one"]


def test_every_place_on_the_controller_is_asked_of_it() -> None:
    used = [path for folder in ("roles", "playbooks") for path in (ROOT / folder).rglob("*.yml")]
    assert [path for path in used if "XDG_STATE_HOME" in path.read_text() and path.name != "argument_specs.yml"] == []


def test_it_takes_no_options() -> None:
    with pytest.raises(AnsibleLookupError):
        state_folder.LookupModule().run([], folder="x")
