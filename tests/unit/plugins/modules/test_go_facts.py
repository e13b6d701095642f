# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.linux import process
from ansible_collections.wsltune.go.plugins.module_utils.workspace import observe as workspace_observe
from ansible_collections.wsltune.go.plugins.modules import go_facts

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becomes the users: needs root")
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def eves(people: Any, eve: process.Identity, home: Path, state: Path) -> Path:
    people.add("eve", eve, home)
    return home


def test_it_returns_what_is_documented(call: Run, eves: Path, tmp_path: Path) -> None:
    done = call(go_facts, wsl=True, tmpfs_path=f"{tmp_path}/gotmp", conf_path=f"{tmp_path}/wsl.conf", drift=True)
    assert done["changed"] is False
    documented = yaml.safe_load(go_facts.RETURN)["ansible_facts"]["contains"]
    assert set(done["ansible_facts"]) == set(documented)
    assert set(done["ansible_facts"]["go"]) == set(documented["go"]["contains"])
    facts = done["ansible_facts"]["go"]["users"]["eve"]
    assert facts["go"]["path"] == f"{eves}/sdk/go/bin/go" and facts["go"]["version"] == "go1.99"
    assert facts["before"] is None and done["ansible_facts"]["go"]["applied"] is None
    assert done["ansible_facts"]["go_tmpfs"]["users"]["eve"]["folder"] is None
    record = done["ansible_facts"]["drift"]
    assert record["reason"] == "" and record["applied_at"] is None and "/etc/fstab" in record["files"]


def test_the_facts_about_go_alone(call: Run, eves: Path) -> None:
    assert set(call(go_facts, users=["eve"])["ansible_facts"]) == {"go"}


def test_an_account_that_does_not_exist_is_named(call: Run, eves: Path) -> None:
    assert call(go_facts, users=["nobody-here"])["msg"] == "There is no account 'nobody-here' on this machine"


def test_a_project_is_found_where_its_user_finds_it(call: Run, eves: Path, tmp_path: Path) -> None:
    shop, disk = tmp_path / "c/shop", tmp_path / "disk"
    shop.mkdir(parents=True)
    disk.mkdir()
    (eves / "win").symlink_to(shop.parent)
    (eves / "src").symlink_to(disk)
    over = {"source": f"{eves}/win/shop", "user": "eve", "bind": True}
    named = [
        over,
        {"source": str(shop), "target": f"{eves}/src/../src/api", "user": "eve", "bind": True},
        {"source": f"{eves}/win/none", "user": "nobody-here", "bind": True},
        {"source": f"{eves}/win/not-bound", "user": "eve"},
    ]
    found = call(go_facts, drift=True, projects=named)["ansible_facts"]["drift"]["projects"]
    assert found[over["source"]] == {"source": str(shop), "target": f"{disk}/shop", "reason": ""}
    assert found[str(shop)] == {"source": str(shop), "target": f"{disk}/api", "reason": ""}
    assert "no account" in found[f"{eves}/win/none"]["reason"] and len(found) == 3


def test_a_dead_path_of_a_project_gives_a_reason_in_time(
    call: Run, eves: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace_observe.os.path, "realpath", lambda _path: time.sleep(60))
    begun = time.monotonic()
    named = {"source": "/mnt/c/shop", "user": "eve", "bind": True}
    places = workspace_observe.find_places([named])
    assert "no answer in 2 s" in places["/mnt/c/shop"]["reason"] and time.monotonic() - begun < 20
