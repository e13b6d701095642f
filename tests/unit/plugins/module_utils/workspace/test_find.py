# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import time
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.workspace import find as workspace_find

DATA = Path(__file__).parents[1] / "linux" / "data" / "mountinfo"


def make(root: Path, *files: str) -> None:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")


def paths(found: workspace_find.Found, root: Path) -> list[str]:
    return [str(Path(project["path"]).relative_to(root)) for project in found.projects]


def test_projects_are_found_once_and_foreign_ones_not(tmp_path: Path) -> None:
    make(
        tmp_path,
        "Users/a/src/shop/go.mod",
        "Users/a/src/shop/deep/go.mod",
        "work/mono/.git/HEAD",
        "work/mono/services/one/go.mod",
        "work/mono/services/two/go.mod",
        "work/ws/go.work",
        "Windows/x/go.mod",
        "Users/a/AppData/Local/x/go.mod",
        "Users/a/src/js/node_modules/x/go.mod",
        "Users/a/src/other/main.c",
        "a/b/c/d/e/f/g/h/go.mod",
    )
    found = workspace_find.find([str(tmp_path)])
    assert paths(found, tmp_path) == ["Users/a/src/shop", "work/mono", "work/ws"]
    assert [project["git"] for project in found.projects] == [False, True, False]
    assert found.complete


def test_names_of_windows_are_passed_over_where_windows_has_them(tmp_path: Path) -> None:
    kept = ["Boot/loader", "src/vendor/tools", "work/appdata", "work/program files/x", "work/windows/agent"]
    make(tmp_path, *(f"{name}/go.mod" for name in kept))
    make(
        tmp_path, *(f"{name}/x/go.mod" for name in ("Windows", "Users/a/AppData", "Program Files", "src/node_modules"))
    )
    found = workspace_find.find([str(tmp_path)])
    assert paths(found, tmp_path) == kept and found.complete


def test_a_drive_that_stops_to_answer_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make(tmp_path, "src/shop/go.mod")
    mount = mountinfo.Mount(str(tmp_path), "/", "9p", "C:", windows_drive=True)
    found = workspace_find.find_in_time([mount])
    assert found is not None and paths(found, tmp_path) == ["src/shop"]
    assert workspace_find.find_in_time([]) is None
    monkeypatch.setattr(workspace_find, "SECONDS", -1.0)
    monkeypatch.setattr(workspace_find, "find", lambda _places: time.sleep(60))
    assert workspace_find.find_in_time([mount]) is None


def test_links_are_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "elsewhere/p/go.mod")
    (tmp_path / "drive").mkdir()
    (tmp_path / "drive" / "loop").symlink_to(tmp_path)
    assert workspace_find.find([str(tmp_path / "drive")]).projects == []


def test_no_folder_that_becomes_a_link_leads_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On a Windows drive every account may write, and put a link in the place of a folder that was just seen."""
    make(tmp_path, "elsewhere/secret/go.mod", "drive/theirs/x", "drive/deep/er/x")
    rank = workspace_find._rank

    def swap(name: str) -> int:
        for place in ("theirs", "deep/er"):
            if (tmp_path / "drive" / place).is_dir() and not (tmp_path / "drive" / place).is_symlink():
                (tmp_path / "drive" / place).rename(tmp_path / place.replace("/", "-"))
                (tmp_path / "drive" / place).symlink_to(tmp_path / "elsewhere")
        return rank(name)

    monkeypatch.setattr(workspace_find, "_rank", swap)
    assert workspace_find.find([str(tmp_path / "drive")]).projects == []


def test_it_ends_in_time_with_the_usual_places_first(tmp_path: Path) -> None:
    make(tmp_path, *(f"a{number}/x/go.mod" for number in range(50)), "src/shop/go.mod")
    ticks = iter(range(1000))
    found = workspace_find.find([str(tmp_path)], seconds=53, clock=lambda: float(next(ticks)))
    assert not found.complete
    assert paths(found, tmp_path)[-1] == "src/shop" and len(found.projects) < 51


def test_a_folder_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    assert workspace_find.find([str(tmp_path / "gone")]).projects == []


def test_it_begins_at_the_windows_drives() -> None:
    mounts = mountinfo.parse((DATA / "wsl2_9p.txt").read_text())
    assert "/mnt/c" in workspace_find.places(mounts)
    assert all(mount.windows_drive for mount in mounts if mount.mount_point in workspace_find.places(mounts))
    assert workspace_find.places(mountinfo.parse((DATA / "linux.txt").read_text())) == []
