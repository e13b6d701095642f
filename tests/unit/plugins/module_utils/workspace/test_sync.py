# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import dataclasses
import json
import os
import pwd
import signal
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.workspace import base as workspace_base
from ansible_collections.wsltune.go.plugins.module_utils.workspace import copy as workspace_copy
from ansible_collections.wsltune.go.plugins.module_utils.workspace import sync as workspace_sync
from ansible_collections.wsltune.go.plugins.module_utils.workspace.plan import Project


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    environment = {"PATH": os.defpath, "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


class Pair:
    """An original with its copy, made by the code that makes copies."""

    def __init__(self, folder: Path, repository: bool) -> None:
        self.there, self.here = folder / "drive/shop", folder / "home/src/shop"
        (self.there / "dir").mkdir(parents=True)
        (folder / "home").mkdir()
        for name in ("a.txt", "b.txt", "dir/c.txt"):
            (self.there / name).write_text(name)
        if repository:
            git(self.there, "init", "-q", "-b", "main")
            git(self.there, "add", ".")
            git(self.there, "commit", "-qm", "one")
        root = mountinfo.Mount("/", "/", "ext4", "/dev/sdc", mount_id=1)
        drive = mountinfo.Mount(str(folder / "drive"), "/", "9p", "C:\\", windows_drive=True, mount_id=2, parent_id=1)
        account = accounts.find([pwd.getpwuid(os.getuid()).pw_name])[0]
        self.account = dataclasses.replace(account, home=str(folder / "home"))
        self.mounts = [root, drive]
        self.environment = {"PATH": os.defpath, "HOME": str(folder / "home"), "GIT_CONFIG_NOSYSTEM": "1"}
        self.project = Project(str(self.there), str(self.here), account.name)
        courier = workspace_copy.Courier(self.account, self.mounts)
        courier.scan(asdict(self.project), self.environment)
        courier.make(self.project.source)

    def sync(self, direction: str = "report", check: bool = False) -> dict[str, Any]:
        courier = workspace_sync.Courier(self.account, self.mounts)
        return courier.sync(asdict(self.project), self.environment, direction, check)

    def kept(self) -> dict[str, list[str]]:
        """Return what the backups hold, by path."""
        found: dict[str, list[str]] = {}
        for backup in Path(workspace_base.folder(self.account.home, self.project.target)).glob("before-*"):
            for path, text in content(backup).items():
                found.setdefault(path, []).append(text)
        return found


@pytest.fixture(params=[False, True], ids=["folder", "repository"])
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Pair:
    return Pair(tmp_path, request.param)


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def test_a_fresh_copy_is_unchanged(pair: Pair) -> None:
    report = pair.sync()
    assert report["has_base"] and report["counts"]["unchanged"] == 3 and report["files"] == {}
    assert report["in_the_way"] == "" and report["git"] == []


def test_what_one_side_alone_changed_goes_over_and_what_was_there_is_kept(pair: Pair) -> None:
    (pair.here / "a.txt").write_text("here")
    (pair.here / "new/deep").mkdir(parents=True)
    (pair.here / "new/deep/n.txt").write_text("n")
    (pair.here / "dir/c.txt").unlink()
    (pair.there / "b.txt").write_text("there")
    before = content(pair.there)
    assert pair.sync("to_drive", check=True)["written"] == ["a.txt", "new/deep/n.txt"]
    assert content(pair.there) == before
    said = pair.sync("to_drive")
    assert (said["written"], said["removed"], said["refused"]) == (["a.txt", "new/deep/n.txt"], ["dir/c.txt"], "")
    assert content(pair.there) == {"a.txt": "here", "b.txt": "there", "new/deep/n.txt": "n"}
    assert content(Path(said["backup"])) == {"a.txt": "a.txt", "dir/c.txt": "dir/c.txt"}
    assert not (pair.there / "dir").exists()
    # What the other side alone changed is still known as such.
    assert pair.sync()["files"] == {"b.txt": "changed there"}
    assert pair.sync("to_drive")["written"] == []
    assert pair.sync("to_distro")["written"] == ["b.txt"]
    assert content(pair.here) == content(pair.there) and pair.sync()["files"] == {}


def test_nothing_is_written_where_both_sides_changed_a_file(pair: Pair) -> None:
    (pair.here / "a.txt").write_text("here")
    (pair.there / "a.txt").write_text("there")
    (pair.here / "b.txt").write_text("here alone")
    sides = content(pair.here), content(pair.there)
    for direction in ("to_drive", "to_distro"):
        assert "changed on both sides" in pair.sync(direction)["refused"]
    assert (content(pair.here), content(pair.there)) == sides
    report = pair.sync()
    assert report["refused"] == "" and "a.txt of" in report["in_the_way"]


def test_without_the_base_of_this_copy_only_equal_sides_are_certain(pair: Pair) -> None:
    kept = Path(workspace_base.folder(pair.account.home, pair.project.target)) / "base.json"
    kept.write_text(kept.read_text().replace("digest", "Digest"))
    (pair.here / "a.txt").write_text("here")
    said = pair.sync("to_drive")
    assert "no base is kept" in said["refused"] and not said["has_base"]


def test_a_file_that_changes_meanwhile_stays(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    (pair.here / "a.txt").write_text("here")
    keep = workspace_sync.Sync.keep

    def late(self: workspace_sync.Sync, side: workspace_sync.Side, path: str, kept: str) -> None:
        keep(self, side, path, kept)
        (pair.there / "a.txt").write_text("late")

    monkeypatch.setattr(workspace_sync.Sync, "keep", late)
    assert "changed while it was compared" in pair.sync("to_drive")["refused"]
    assert (pair.there / "a.txt").read_text() == "late" and not list(pair.there.glob(".*sync"))


STEPS = ("fsync", "makedirs", "mkdir", "open", "rename", "replace", "rmdir", "unlink")
"""What changes something on a disk, or proves that it did; a kill comes right before one of these."""


def killed_at(pair: Pair, direction: str, moment: int) -> bool:
    """Sync in a process that is killed right before its step number C(moment); False where it ended before that."""
    child = os.fork()
    if child == 0:
        steps = 0

        def counted(original: Callable[..., Any]) -> Callable[..., Any]:
            def step(*words: Any, **named: Any) -> Any:
                nonlocal steps
                writes = original is not os_open or (words[1] if len(words) > 1 else named["flags"]) & os.O_CREAT
                steps += bool(writes)
                if writes and steps == moment:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*words, **named)

            return step

        os_open = os.open
        for name in STEPS:
            setattr(os, name, counted(getattr(os, name)))
        try:
            said = pair.sync(direction)
            os._exit(0 if said["refused"] == "" else 1)
        finally:
            os._exit(2)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("direction", ["to_drive", "to_distro"])
def test_a_sync_killed_anywhere_loses_nothing_and_the_next_one_finishes_it(tmp_path: Path, direction: str) -> None:
    old = {"a.txt": "a.txt", "b.txt": "b.txt", "dir/c.txt": "dir/c.txt"}
    sentences = set()
    for moment in range(1, 200):
        pair = Pair(tmp_path / str(moment), False)
        start, end = (pair.here, pair.there) if direction == "to_drive" else (pair.there, pair.here)
        (start / "a.txt").write_text("new")
        (start / "dir/c.txt").unlink()
        (start / "dir").rmdir()
        (start / "dir").write_text("a file where a folder was")
        (start / "more/deep").mkdir(parents=True)
        (start / "more/deep/n.txt").write_text("n")
        if not killed_at(pair, direction, moment):
            break
        # Each file is the old or the new one, and what is not there any more is in a backup.
        kept = pair.kept()
        for path, text in content(end).items():
            if not path.endswith(workspace_sync.NEW):
                assert text in (old.get(path), content(start).get(path)), (moment, path)
        for path, text in old.items():
            assert content(end).get(path) == text or text in kept[path], (moment, path)
        assert content(start)["a.txt"] == "new"
        # Work goes on before anybody looks.
        (start / "a.txt").write_text("newer")
        report = pair.sync()
        assert (report["in_the_way"], report["refused"]) == ("", ""), moment
        sentences.add(report["interrupted"][: len("A sync to_drive before this one ended in the middle")])
        said = pair.sync(direction)
        assert said["refused"] == "" and content(end) == content(start), (moment, said)
        assert "a.txt" in pair.kept() and not [*pair.there.rglob("*-sync"), *pair.here.rglob("*-sync")], moment
        last = pair.sync()
        assert (last["files"], last["interrupted"]) == ({}, ""), (moment, last)
    assert moment > 20
    assert len(sentences) == 2 and "" in sentences


def test_what_changed_on_the_other_side_after_a_kill_is_not_overwritten(pair: Pair) -> None:
    for name in ("a.txt", "b.txt"):
        (pair.here / name).write_text("here")
    moment = 1
    while (pair.there / "a.txt").read_text() == "a.txt":
        assert killed_at(pair, "to_drive", moment)
        moment += 1
    assert (pair.there / "b.txt").read_text() == "b.txt"
    (pair.there / "a.txt").write_text("there")
    for direction in ("to_drive", "to_distro"):
        assert "a.txt of" in pair.sync(direction)["refused"]
    assert (content(pair.there)["a.txt"], content(pair.here)["a.txt"]) == ("there", "here")


def test_what_a_killed_sync_carried_counts_also_if_the_next_one_is_killed(tmp_path: Path) -> None:
    pair = Pair(tmp_path, False)
    for name in ("a.txt", "b.txt"):
        (pair.here / name).write_text("here")
    for name in ("a.txt", "b.txt"):
        moment = 1
        while (pair.there / name).read_text() != "here":
            assert killed_at(pair, "to_drive", moment)
            moment += 1
    (pair.here / "a.txt").write_text("newer")
    assert pair.sync()["files"] == {"a.txt": "changed here"}
    assert pair.sync("to_drive")["refused"] == "" and content(pair.there) == content(pair.here)


def test_a_damaged_note_of_what_was_carried_is_no_reason_to_stop(pair: Pair) -> None:
    (pair.here / "a.txt").write_text("here")
    place = Path(workspace_base.folder(pair.account.home, pair.project.target))
    known = json.loads((place / "base.json").read_text())
    for damaged in ("{", "[]", json.dumps({"version": 1, "mark": known["mark"], "files": {"a.txt": {}}})):
        (place / "carrying.json").write_text(damaged)
        assert pair.sync()["files"] == {"a.txt": "changed here"}
    assert pair.sync("to_drive")["written"] == ["a.txt"] and not (place / "carrying.json").exists()


def test_a_side_without_any_file_is_a_drive_that_is_not_mounted(tmp_path: Path) -> None:
    pair = Pair(tmp_path, False)
    for path in (pair.there / "a.txt", pair.there / "b.txt", pair.there / "dir/c.txt"):
        path.unlink()
    for direction in ("to_distro", "to_drive"):
        assert f"{pair.there} has none of its 3 files any more" in pair.sync(direction)["refused"]
    assert len(content(pair.here)) == 3 and "findmnt" in pair.sync()["in_the_way"]


def test_two_syncs_at_once_do_not_meet(pair: Pair) -> None:
    (pair.here / "a.txt").write_text("here")
    with workspace_base.alone(pair.account.home, pair.project.target, writes=True) as free:
        assert free
        for direction in ("to_drive", "report"):
            with pytest.raises(workspace_sync.WorkspaceError, match="Another sync of"):
                pair.sync(direction)
    assert pair.sync()["files"] == {"a.txt": "changed here"} and pair.sync("to_drive")["written"] == ["a.txt"]


def test_an_empty_folder_in_the_place_of_a_file_gives_way_and_one_with_files_stays(tmp_path: Path) -> None:
    pair = Pair(tmp_path, False)
    (pair.here / "new").write_text("new")
    (pair.there / "new/deep").mkdir(parents=True)
    assert pair.sync("to_drive")["written"] == ["new"] and (pair.there / "new").read_text() == "new"
    (pair.here / "second").write_text("second")
    (pair.there / "second").mkdir()
    os.mkfifo(pair.there / "second/pipe")
    said = pair.sync("to_drive")
    assert "second could not be changed" in said["refused"] and (pair.there / "second/pipe").exists()


def test_a_link_and_a_program_go_over(pair: Pair) -> None:
    (pair.here / "link").symlink_to("a.txt")
    (pair.here / "run").write_text("#!/bin/sh\n")
    (pair.here / "run").chmod(0o755)
    assert pair.sync("to_drive")["written"] == ["link", "run"]
    assert os.readlink(pair.there / "link") == "a.txt" and os.access(pair.there / "run", os.X_OK)


def test_other_commits_stop_files_and_name_the_command(tmp_path: Path) -> None:
    pair = Pair(tmp_path, True)
    (pair.here / "a.txt").write_text("here")
    git(pair.here, "commit", "-qam", "two")
    said = pair.sync("to_drive")
    assert "not at the same commit" in said["refused"] and (pair.there / "a.txt").read_text() == "a.txt"
    (sentence,) = said["git"]
    assert f"main has commits only in {pair.here}: git -C {pair.there} fetch {pair.here} main" == sentence
    git(pair.there, "fetch", "-q", str(pair.here), "main")
    git(pair.there, "merge", "-q", "--ff-only", "FETCH_HEAD")
    said = pair.sync("to_drive")
    assert said["refused"] == "" and said["git"] == [] and said["counts"]["both_the_same"] == 1


def test_what_a_new_gitignore_ignores_is_not_gone(tmp_path: Path) -> None:
    pair = Pair(tmp_path, True)
    for side in (pair.here, pair.there):
        (side / "x.log").write_text("x")
    pair.sync("to_drive")
    (pair.here / ".gitignore").write_text("*.log\n")
    said = pair.sync("to_drive")
    assert said["removed"] == [] and (pair.there / "x.log").exists()
    assert said["files"] == {".gitignore": "changed here"}


def test_the_inventory_names_what_stays_on_the_drive(tmp_path: Path) -> None:
    pair = Pair(tmp_path, False)
    (pair.there / "go.mod").write_text("module a\nreplace b => ../lib\n")
    (tmp_path / "drive/lib").mkdir()
    (tmp_path / "drive/lib/go.mod").write_text("module b\n")
    left = " ".join(pair.sync()["left"])
    assert f"names {tmp_path}/drive/lib" in left and f"the Go project {tmp_path}/drive/lib" in left


def test_what_is_not_the_copy_is_refused(pair: Pair) -> None:
    os.removexattr(pair.here, workspace_copy.ATTRIBUTE)
    with pytest.raises(workspace_sync.WorkspaceError, match="is not wsltune's copy"):
        pair.sync()
