# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import re
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import files, look, mountinfo, process
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import observe as tmpfs_observe
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import place as tmpfs_place
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan
from ansible_collections.wsltune.go.plugins.modules import go_tmpfs

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="gives folders to users: needs root")
Run = Callable[..., dict[str, Any]]
SIZE = "256m"


class Mounts:
    """What is mounted, as the kernel would show it; mount and umount are played."""

    def __init__(self, fstab: Path) -> None:
        self.fstab = fstab
        self.live: dict[str, mountinfo.Mount] = {}
        self.failing: set[str] = set()
        self.failing_path = ""
        self.full = False
        self.calls: list[list[str]] = []

    def run(self, *words: str) -> str:
        self.calls.append(list(words))
        command, path = words[0], words[-1]
        if command in self.failing or path == self.failing_path or (self.full and "size=" in words[-2]):
            return f"{command}: {path}: target is busy."
        if command == "umount":
            del self.live[path]
        elif "-o" in words:
            size = re.search(r"size=(\d+k)", words[2])
            self.mount(path, *([f"size={size[1]}"] if size else self.live[path].super_options))
        else:
            line = next(line for line in self.fstab.read_text().splitlines() if f" {path} " in line)
            self.mount(path, *re.findall(r"(?:size|nr_inodes)=\w+", line))
            os.chmod(path, 0o755)
        return ""

    def mount(self, path: str, *super_options: str, options: tuple[str, ...] = ("rw", "nosuid", "nodev")) -> None:
        self.live[path] = mountinfo.Mount(path, "/", "tmpfs", "wsltune", list(options), list(super_options))


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "cache").mkdir()
    return f"{tmp_path}/cache/gotmp"


@pytest.fixture
def mounts(tmp_path: Path, path: str, state: Path, monkeypatch: pytest.MonkeyPatch) -> Mounts:
    fstab = tmp_path / "fstab"
    fstab.write_text("# mine\n")
    played = Mounts(fstab)
    for place in (go_tmpfs, tmpfs_observe):
        monkeypatch.setattr(place, "FSTAB", str(fstab))
    monkeypatch.setattr(tmpfs_plan, "FOLDERS_PATH", f"{tmp_path}/tmpfiles.d/wsltune-go.conf")
    monkeypatch.setattr(tmpfs_plan, "HELPER_PATH", f"{tmp_path}/mount.wsltune")
    # The tests' own folder lies below /tmp.
    monkeypatch.setattr(tmpfs_plan, "FORBIDDEN", {})
    # The people are played too, so that /etc/passwd does not have them; and this machine may have sandboxes.
    monkeypatch.setattr(tmpfs_place, "account_hazard", lambda person: "")
    monkeypatch.setattr(tmpfs_place, "PROGRAMS", {})
    monkeypatch.setattr(tmpfs_observe, "live", played.live.get)
    monkeypatch.setattr(tmpfs_observe, "ours", lambda: list(played.live))
    monkeypatch.setattr(tmpfs_observe, "needs_helper", lambda is_wsl: True)
    monkeypatch.setattr(go_tmpfs.Tmpfs, "command", played.run)
    monkeypatch.setattr(go_tmpfs.Tmpfs, "tell_systemd", lambda *_words: None)
    return played


@pytest.fixture
def eves(people: Any, eve: process.Identity, home: Path) -> None:
    people.add("eve", eve, home)


def options(path: str, **more: Any) -> dict[str, Any]:
    return {"place": "gotmpdir", "path": path, "size": SIZE, "users": ["eve"], **more}


def test_root_mounts_by_no_program_of_a_folder_of_path_that_others_write_in(
    call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "umount").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "umount").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def present(self: go_tmpfs.Tmpfs) -> None:
        self.module.exit_json(said=self.command("umount", "--version"))

    monkeypatch.setattr(go_tmpfs.Tmpfs, "present", present)
    assert call(go_tmpfs, path="/x")["said"] == "" and not (tmp_path / "started").exists()


def test_what_check_mode_lists_is_done_once_and_restored(
    call: Run, mounts: Mounts, eves: None, path: str, tmp_path: Path
) -> None:
    wanted = call(go_tmpfs, True, **options(path))
    assert not mounts.calls and mounts.fstab.read_text() == "# mine\n"
    done = call(go_tmpfs, **options(path))
    assert done["changes"] == wanted["changes"] and done["diff"] == wanted["diff"]
    assert done["changes"] == [
        f"wrote {mounts.fstab}",
        f"wrote {tmp_path}/tmpfiles.d/wsltune-go.conf",
        f"wrote {tmp_path}/mount.wsltune",
        f"mounted a tmpfs of 256 MiB on {path}",
        f"made {path}/4711",
    ]
    assert os.stat(f"{path}/4711").st_uid == 4711 and done["folders"] == {"eve": f"{path}/4711"}
    assert done["live"]["options"] == ["rw", "nosuid", "nodev", "size=262144k"] and done["live"]["mode"] == "0755"
    assert done["ansible_facts"]["go_tmpfs"]["users"]["eve"]["folder"] == [0o700, 4711, 4711]
    assert not call(go_tmpfs, **options(path))["changed"]
    wanted = call(go_tmpfs, True, state="absent", path=path)
    done = call(go_tmpfs, state="absent", path=path)
    assert done["changes"] == wanted["changes"] and done["diff"] == wanted["diff"]
    assert f"unmounted {path}" in done["changes"] and f"restored {mounts.fstab}" in done["changes"]
    assert mounts.fstab.read_text() == "# mine\n" and not mounts.live
    # Here the folder holds eve's still, because nothing was mounted over it.
    assert sorted(os.listdir(tmp_path / "cache")) == ["gotmp"]
    assert not call(go_tmpfs, state="absent", path=path)["changed"]


def test_without_an_fstab_one_is_made_and_goes_again(call: Run, mounts: Mounts, eves: None, path: str) -> None:
    mounts.fstab.unlink()
    wanted = call(go_tmpfs, True, **options(path))
    assert not mounts.fstab.exists()
    before = os.umask(0o077)
    try:
        done = call(go_tmpfs, **options(path))
    finally:
        os.umask(before)
    assert done["changes"] == wanted["changes"] and f" {path} tmpfs " in mounts.fstab.read_text()
    status = os.stat(mounts.fstab)
    assert (status.st_mode & 0o7777, status.st_uid) == (0o644, 0)
    call(go_tmpfs, state="absent", path=path)
    assert not mounts.fstab.exists() and not mounts.live


def test_check_mode_of_absent_knows_what_someone_else_changed(
    call: Run, mounts: Mounts, eves: None, path: str, tmp_path: Path
) -> None:
    call(go_tmpfs, **options(path))
    (tmp_path / "mount.wsltune").write_text("# mine\n")
    mounts.fstab.write_text("# theirs\n" + mounts.fstab.read_text())
    wanted = call(go_tmpfs, True, state="absent", path=path)
    done = call(go_tmpfs, state="absent", path=path)
    assert (done["changes"], done["kept"]) == (wanted["changes"], wanted["kept"]) and len(done["kept"]) == 2
    assert mounts.fstab.read_text() == "# theirs\n# mine\n" and (tmp_path / "mount.wsltune").exists()


def test_a_mount_that_fails_leaves_everything_as_it_was(call: Run, mounts: Mounts, eves: None, path: str) -> None:
    mounts.failing = {"mount"}
    said = call(go_tmpfs, **options(path))
    assert "could not be mounted (mount:" in said["msg"] and said["changes"] == []
    assert mounts.fstab.read_text() == "# mine\n" and not os.path.exists(path)


@pytest.mark.parametrize("was_mounted", [True, False])
def test_a_mount_that_fails_leaves_an_earlier_one_as_it_was(
    call: Run, mounts: Mounts, eves: None, path: str, tmp_path: Path, was_mounted: bool
) -> None:
    call(go_tmpfs, **options(path))
    table = mounts.fstab.read_text()
    os.chmod(f"{path}/4711", 0o755)
    mounts.failing_path = other = f"{tmp_path}/cache/other"
    if not was_mounted:
        mounts.live.clear()
    said = call(go_tmpfs, **options(other))
    assert "could not be mounted (mount:" in said["msg"] and said["changes"] == []
    assert list(mounts.live) == ([path] if was_mounted else []) and mounts.fstab.read_text() == table
    assert stat.S_IMODE(os.stat(f"{path}/4711").st_mode) == (0o700 if was_mounted else 0o755)


LOCKED = """
mount -t tmpfs none /run && mkdir /run/mount /run/place || exit
printf 'SRC=none TARGET=/run/place ROOT=/ OPTS=x-one\\n' >/run/mount/utab
: >/run/mount/utab.lock
"$@" | flock /run/mount/utab.lock cat
"""


@pytest.mark.parametrize(
    "words",
    [
        ("mount", "-t", "tmpfs", "-o", "x-two", "none", "/run/place"),
        ("mount", "-o", "remount,size=1m,x-two", "/run/place"),
        ("umount", "/run/place"),
    ],
)
def test_a_lock_that_any_account_can_hold_lets_no_mount_wait(words: tuple[str, ...]) -> None:
    asked: list[list[str]] = []

    def run_command(command: list[str], environ_update: dict[str, str]) -> tuple[int, str, str]:
        asked.append(command)
        return 0, "", ""

    changing: Any = SimpleNamespace(module=SimpleNamespace(run_command=run_command))
    assert go_tmpfs.Tmpfs.command(changing, *words) == ""
    mounted = "" if "none" in words else "mount -n -t tmpfs none /run/place\n"
    script = LOCKED.replace('"$@"', f'({mounted}sleep 0.5; timeout -s KILL 10 "$@"; echo $?)')
    shell = ["unshare", "--mount", "sh", "-c", script, "sh", *asked[0]]
    done = subprocess.run(shell, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_live_mount_that_deviates_is_remounted(call: Run, mounts: Mounts, eves: None, path: str) -> None:
    call(go_tmpfs, **options(path))
    mounts.mount(path, "size=1024k", options=("rw", "noexec"))
    os.chmod(path, 0o1777)
    wanted = call(go_tmpfs, True, **options(path))
    done = call(go_tmpfs, **options(path))
    assert done["changes"] == wanted["changes"] and done["changes"][0] == f"gave {path} mode 0755"
    assert "nosuid was missing, nodev was missing, noexec was set" in done["changes"][1]
    assert mounts.calls[-1][2] == "remount,rw,nosuid,nodev,exec,size=262144k"
    mounts.mount(path, "size=1024k")
    mounts.failing = {"mount"}
    assert "could not be remounted (mount:" in call(go_tmpfs, **options(path))["msg"]


def test_a_tmpfs_that_somebody_filled_keeps_its_size_and_stops_nobody(
    call: Run, mounts: Mounts, eves: None, path: str
) -> None:
    call(go_tmpfs, **options(path))
    mounts.mount(path, "size=524288k", options=("rw", "nosuid", "nodev"))
    mounts.full = True
    done = call(go_tmpfs, **options(path))
    assert not done["changed"] and done["live"]["options"] == ["rw", "nosuid", "nodev", "size=524288k"]
    assert done["notes"][0].startswith(f"{path} keeps its size until the next start, because it may hold more than 256")


def test_a_tmpfs_elsewhere_is_left_once_nobody_uses_it(
    call: Run, mounts: Mounts, eves: None, path: str, tmp_path: Path
) -> None:
    call(go_tmpfs, **options(path))
    other = f"{tmp_path}/cache/other"
    done = call(go_tmpfs, **options(other, in_use=[f"{path}/4711"]))
    assert done["stale"] == [path] and path in mounts.live
    mounts.failing = {"umount"}
    done = call(go_tmpfs, **options(other))
    assert done["stale"] == [path] and f"{path} could not be unmounted (umount:" in done["left"][0]
    mounts.failing = set()
    done = call(go_tmpfs, **options(other))
    assert done["stale"] == [] and f"unmounted {path}" in done["changes"] and list(mounts.live) == [other]
    assert path not in mounts.fstab.read_text()


def test_that_tmp_will_be_in_memory_is_said_by_the_run_that_has_it_so(
    call: Run, mounts: Mounts, eves: None, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not again by one that only takes away what was used until then."""
    call(go_tmpfs, **options(path))
    monkeypatch.setattr(tmpfs_place, "choose", lambda *_words: tmpfs_place.Place(tmpfs_place.TMP, ""))
    sentence = "/tmp is in memory from the next start on, at most 256 MiB"
    done = call(go_tmpfs, **options(path, in_use=[f"{path}/4711"]))
    assert done["stale"] == [path] and sentence in done["changes"]
    done = call(go_tmpfs, **options(path))
    assert f"unmounted {path}" in done["changes"] and sentence not in done["changes"]


def test_one_that_is_in_use_at_a_rollback_is_named_and_goes_later(
    call: Run, mounts: Mounts, eves: None, path: str, tmp_path: Path
) -> None:
    call(go_tmpfs, **options(path))
    mounts.failing = {"umount"}
    done = call(go_tmpfs, state="absent", path=path)
    assert "could not be unmounted" in done["left"][0] and f"unmounted {path}" not in done["changes"]
    assert mounts.fstab.read_text() == "# mine\n"
    mounts.failing = set()
    assert call(go_tmpfs, state="absent", path=path)["changes"] == [f"unmounted {path}"]


def test_what_an_account_mounted_in_it_is_named_at_a_rollback(
    call: Run, mounts: Mounts, eves: None, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No process need have anything open there, so that none would be found that keeps the tmpfs busy."""
    call(go_tmpfs, **options(path))
    table = f"1 0 0:5 / {path} rw - tmpfs wsltune rw\n2 1 0:6 / {path}/4711/a\\012b rw - fuse eve rw,user_id=4711\n"
    known = {"/proc/self/mountinfo": f"{table}3 0 0:7 / {path}-2 rw - tmpfs other rw\n"}
    read = tmpfs_observe.text_of
    monkeypatch.setattr(tmpfs_observe, "text_of", lambda name: known.get(name) or read(name))
    monkeypatch.setattr(go_tmpfs.process, "holders", lambda _path: ["go (12)"])
    mounts.failing = {"umount"}
    said = call(go_tmpfs, state="absent", path=path)["left"][0]
    assert f"): go (12) use it and something is mounted on {path}/4711/a" in said and f"{path}-2" not in said
    assert "\n" not in said


def test_one_run_is_taken_back_alone(call: Run, mounts: Mounts, eves: None, path: str, tmp_path: Path) -> None:
    call(go_tmpfs, run="1", **options(path))
    before = mounts.fstab.read_text()
    other = f"{tmp_path}/cache/other"
    call(go_tmpfs, run="2", **options(other))
    done = call(go_tmpfs, state="absent", only_this_run=True, run="2", path=other)
    assert f"unmounted {other}" in done["changes"] and f"mounted a tmpfs of 256 MiB on {path}" in done["changes"]
    assert list(mounts.live) == [path] and mounts.fstab.read_text() == before
    assert call(go_tmpfs, state="absent", only_this_run=True, run="3", path=path)["changes"] == []


@pytest.mark.parametrize("what", ["file", "other owner", "unwritable"])
def test_a_user_whose_folder_cannot_be_made_is_named(
    call: Run, mounts: Mounts, eves: None, path: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(go_tmpfs, **options(path))
    os.rmdir(f"{path}/4711")
    if what == "file":
        Path(f"{path}/4711").touch()
    elif what == "other owner":
        os.mkdir(f"{path}/4711")
        os.chown(f"{path}/4711", 4712, 4712)
    else:

        def mkdir(*_words: Any) -> None:
            raise FileExistsError(17, "File exists")

        monkeypatch.setattr(go_tmpfs.os, "mkdir", mkdir)
    done = call(go_tmpfs, **options(path))
    assert done["folders"] == {} and done["notes"][0].startswith("eve has no folder for Go's temporary files:")


def test_a_folder_with_another_mode_is_given_to_its_user(call: Run, mounts: Mounts, eves: None, path: str) -> None:
    call(go_tmpfs, **options(path))
    os.chmod(f"{path}/4711", 0o755)
    for check in (True, False):
        assert call(go_tmpfs, check, **options(path))["changes"] == [f"gave {path}/4711 to eve, mode 0700"]
    assert os.stat(f"{path}/4711").st_mode & 0o777 == 0o700


def mounted_there(path: str) -> str:
    """In mounts of this child's own: what is done with a folder that somebody mounts over after root's look."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700", "late", f"{path}/eve"], check=True)
    before = os.stat(f"{path}/eve").st_mode, os.stat(f"{path}/eve").st_uid
    done = go_tmpfs._give(f"{path}/eve", 4711, 4711, False)
    same = (os.stat(f"{path}/eve").st_mode, os.stat(f"{path}/eve").st_uid) == before
    return f"{' '.join(done)}, {'same' if same else 'changed'}"


def test_what_is_mounted_after_the_look_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "eve").mkdir()

    def apart() -> str:
        assert process.LIBRARY.unshare(0x00020000) == 0
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        return mounted_there(str(tmp_path))

    assert look.once(apart, 20.0) == " is on another file system, same"


def test_a_look_at_a_folder_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = go_tmpfs.Tmpfs(SimpleNamespace(params={"run": ""}, check_mode=False))  # type: ignore[arg-type]
    assert module.make_folder(f"{tmp_path}/eve", 4711, 4711, "eve") == f"{tmp_path}/eve"
    assert module.changes.made == [f"made {tmp_path}/eve"] and (tmp_path / "eve").stat().st_uid == 4711
    monkeypatch.setattr(look.once, "__defaults__", (0.2, None))
    monkeypatch.setattr(files, "opened_inner", lambda _folder, _name: time.sleep(60))
    assert module.make_folder(f"{tmp_path}/eve", 4711, 4711, "eve") == ""
    assert f"{tmp_path}/eve gives no answer in 0 s" in module.changes.notes[0]


def test_people_who_share_it_know_it(
    call: Run, mounts: Mounts, eves: None, path: str, people: Any, tmp_path: Path
) -> None:
    (tmp_path / "bob").mkdir()
    people.add("bob", process.Identity(4712, 4712, [4712]), tmp_path / "bob")
    assert "2 users share the 256 MiB" in call(go_tmpfs, **options(path, users=["eve", "bob"]))["notes"][0]


@pytest.mark.parametrize(
    ("table", "more", "sentence"),
    [
        ("broken\n", {}, "is broken, line 1"),
        ("", {"size": "1m"}, "give at least 256m"),
        ("", {"users": ["nobody-here"]}, "There is no account 'nobody-here'"),
        ("", {"path": "relative"}, "give an absolute path"),
    ],
)
def test_what_cannot_be_is_refused(
    call: Run, mounts: Mounts, eves: None, path: str, table: str, more: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    if "path" in more:
        more = {"path": f"{tmp_path}/with blank"}
    mounts.fstab.write_text(table)
    assert sentence in call(go_tmpfs, **{**options(path), **more})["msg"]
    assert mounts.fstab.read_text() == table and not mounts.calls


def test_an_error_of_the_system_is_one_sentence(
    call: Run, mounts: Mounts, eves: None, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_words: Any, **_named: Any) -> None:
        raise OSError(28, "No space left on device", str(mounts.fstab))

    monkeypatch.setattr(go_tmpfs.journal.Journal, "edit", full)
    said = call(go_tmpfs, **options(path))["msg"]
    assert said == f"{mounts.fstab} cannot be read or written: No space left on device; fix that, then run again."


def test_it_needs_root(call: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "run it as root" in call(go_tmpfs)["msg"]
