# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.go import image as go_image
from ansible_collections.wsltune.go.plugins.module_utils.linux import process, programs
from ansible_collections.wsltune.go.plugins.modules import go_module_file

Run = Callable[..., dict[str, Any]]
NAME = ".github/workflows/image.yml"
ROOT = Path(__file__).resolve().parents[4]
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="becomes the module's user: needs root")


@pytest.fixture
def shop(home: Path, eve: process.Identity, people: Any) -> Path:
    people.add("eve", eve, home)
    shop = home / "shop"
    shop.mkdir()
    os.chown(shop, eve.uid, eve.gid)
    return shop


def write(call: Run, shop: Path, content: str, check: bool = False, **more: Any) -> dict[str, Any]:
    wanted = {"path": str(shop), "name": NAME, "user": "eve", "content": content, **more}
    return call(go_module_file, check, **wanted)


@root_only
def test_the_file_is_the_users_and_written_once(call: Run, shop: Path) -> None:
    first, second = go_image.mark("a: 1\n"), go_image.mark("a: 2\n")
    checked = write(call, shop, first, True)
    assert checked["changed"] and not list(shop.iterdir())
    done = write(call, shop, first)
    assert done["changed"] and done["diff"] == checked["diff"] and (shop / NAME).read_text() == first
    for path in (shop / NAME, *(shop / NAME).parents[:2]):
        assert path.stat().st_uid == 4711
    assert (shop / NAME).stat().st_mode & 0o7777 == 0o644
    assert not write(call, shop, first)["changed"]
    assert write(call, shop, second)["diff"][0]["before"] == first
    assert write(call, shop, "", True, state="absent")["changed"] and (shop / NAME).exists()
    assert write(call, shop, "", state="absent")["changed"] and not (shop / NAME).exists()
    assert not write(call, shop, "", state="absent")["changed"]


@root_only
@pytest.mark.parametrize("state", ["present", "absent"])
def test_what_somebody_else_wrote_stays(call: Run, shop: Path, tmp_path: Path, state: str) -> None:
    (shop / "Containerfile").write_text("FROM mine\n")
    done = write(call, shop, go_image.mark("x"), name="Containerfile", state=state)
    assert done["failed"] and "was changed meanwhile by another program" in done["msg"]
    assert (shop / "Containerfile").read_text() == "FROM mine\n"
    done = write(call, shop, go_image.mark("x"), name="../up", state=state)
    assert done["failed"] and "leads out of the module" in done["msg"]


@root_only
def test_a_link_leads_nowhere_that_its_owner_could_not_go(call: Run, shop: Path, tmp_path: Path, people: Any) -> None:
    people.add("root", process.Identity(0, 0, [0]), tmp_path / "root")
    roots = tmp_path / "roots"
    roots.mkdir()
    (shop / ".github").symlink_to(roots)
    done = write(call, shop, go_image.mark("x"))
    assert done["failed"] and not list(roots.iterdir())
    done = write(call, shop, go_image.mark("x"), user="root")
    assert done["failed"] and "can be changed by other accounts" in done["msg"] and not list(roots.iterdir())


@root_only
def test_a_link_that_a_module_came_with_leads_to_no_other_folder_of_its_users(
    call: Run, shop: Path, home: Path
) -> None:
    for place in (home / "other", home / "other/workflows"):
        place.mkdir()
        os.chown(place, 4711, 4711)
    (shop / ".github").symlink_to("../other")
    done = write(call, shop, go_image.mark("x"))
    assert (
        done["failed"] and "leads out of the module" in done["msg"] and not list((home / "other/workflows").iterdir())
    )
    (home / "other/workflows/image.yml").write_text(go_image.mark("x"))
    done = write(call, shop, "", state="absent")
    assert done["failed"] and (home / "other/workflows/image.yml").exists()


@root_only
@pytest.mark.parametrize("swapped", ["shop", "shop/.github"])
def test_whoever_shares_its_folder_leads_the_modules_user_nowhere_else(
    call: Run, shop: Path, home: Path, tmp_path: Path, swapped: str
) -> None:
    """In a folder of a team's everybody there can put a link in the place of another's module, or of a folder in it."""
    team, private = tmp_path / "team", home / "private"
    team.mkdir()
    team.chmod(0o777)
    shop.rename(team / "shop")
    for place in (team / "shop/.github", private, private / ".github", private / "workflows"):
        place.mkdir()
        os.chown(place, 4711, 4711)
    for folder in (team / "shop", team / "shop/.github"):
        folder.chmod(0o777)
    # A link of the user's own leads there all the same.
    (home / "link").symlink_to(team)
    assert write(call, home / "link/shop", go_image.mark("x"))["changed"]
    assert (team / "shop" / NAME).stat().st_uid == 4711
    (team / swapped).rename(team / "moved")
    (team / swapped).symlink_to(private)
    for path in (team / "shop", home / "link/shop"):
        done = write(call, path, go_image.mark("x"))
        assert done["failed"] and "leads over a link that another account can change" in done["msg"]
    assert sorted(it.name for it in private.rglob("*")) == [".github", "workflows"]
    (private / "workflows/image.yml").write_text(go_image.mark("x"))
    assert write(call, team / "shop", "", state="absent")["failed"] and (private / "workflows/image.yml").exists()


def test_no_task_runs_as_another_account_than_root() -> None:
    """What that account's Python prints would be the task's result, and facts for the tasks of root that follow."""
    for path in [*ROOT.glob("roles/*/**/*.yml"), *ROOT.glob("playbooks/**/*.yml"), ROOT / "site.yml"]:
        assert "become_user:" not in path.read_text(encoding="utf-8"), path


def looked_for(tasks: list[Any], variables: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Return each program that tasks of Ansible's own have looked for in PATH, and that PATH; empty for root's own."""
    for task in tasks:
        given = task.get("environment", {})
        own = (variables[given.strip("{} ")] if isinstance(given, str) else given).get("PATH", path)
        for part in ("block", "rescue", "always"):
            yield from looked_for(task.get(part, []), variables, own)
        if "ansible.builtin.systemd_service" in task:
            yield "systemctl", own
        command = task.get("ansible.builtin.command", {}).get("argv", ["/"])
        # What is a variable's is an absolute path.
        if not command[0].startswith(("/", "{{ ")):
            yield command[0], own


def test_no_task_starts_a_program_of_a_folder_of_path_that_others_write_in() -> None:
    found = []
    for role in (ROOT / "roles").iterdir():
        settings = role / "vars/main.yml"
        variables = yaml.safe_load(settings.read_text(encoding="utf-8")) if settings.exists() else {}
        for path in role.glob("tasks/*.yml"):
            found += [(path.name, *it) for it in looked_for(yaml.safe_load(path.read_text("utf-8")), variables)]
    assert {"systemctl", "sha256sum"} <= {name for _file, name, _path in found}
    assert [it for it in found if it[2] != programs.SEARCHED] == []
