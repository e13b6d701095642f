# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import observe as tmpfs_observe
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import place as tmpfs_place
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge

GIB = 1 << 30
DISK = {
    "mount_point": "/",
    "fstype": "ext4",
    "source": "/dev/sda",
    "options": ["rw"],
    "is_link": False,
    "size_bytes": None,
    "used_bytes": 4096,
    "names": ["build.log"],
    "count": 1,
}
TMPFS = {**DISK, "mount_point": "/tmp", "fstype": "tmpfs", "source": "tmpfs", "size_bytes": 4 * GIB, "names": []}
OURS = {**TMPFS, "source": "wsltune"}
LINUX = {
    "is_wsl": False,
    "container": False,
    "pid1": "systemd",
    "systemd": True,
    "mount_fs_tab": True,
    "automount_root": None,
    "wslg": False,
    "wslg_unit": False,
    "wsl_version": [],
    "tmp_unit": "",
    "restart_command": None,
}
WSL = {**LINUX, "is_wsl": True, "wslg": True, "wsl_version": [2, 6, 1], "restart_command": "wsl.exe --terminate Debian"}


def person(**changes: Any) -> dict[str, Any]:
    usual = {"uid": 1000, "gid": 1000, "folder": None, "home": "/home/alice", "fstype": "ext4", "shared": ""}
    return {**usual, "signs": [], "local": True, "answer": "", **changes}


def observed(**changes: Any) -> dict[str, Any]:
    usual = {
        "path": "/var/cache/gotmp",
        "fstab": "",
        "folders": None,
        "helper": None,
        "needs_helper": False,
        "busybox": False,
        "memory": {"total_bytes": 16 * GIB, "swap_total_bytes": 4 * GIB},
        "temporary": DISK,
        "start": LINUX,
        "sandboxes": [],
        "live": None,
        "users": {"alice": person()},
    }
    return {**usual, **changes}


def choose(wanted: str = "auto", gocache: bool = False, **changes: Any) -> tmpfs_place.Place:
    return tmpfs_place.choose(wanted, observed(**changes), gocache=gocache)


@pytest.mark.parametrize("wanted", ["auto", "tmp"])
@pytest.mark.parametrize("fstype", ["tmpfs", "ramfs"])
def test_where_tmp_is_in_memory_nothing_is_done(wanted: str, fstype: str) -> None:
    place = choose(wanted, temporary={**TMPFS, "fstype": fstype})
    assert (place.kind, place.waits) == ("memory", False)
    assert "Nothing is mounted and no setting made" in tmpfs_place.notes(place, TMPFS)[0]


def test_a_distribution_that_is_about_to_do_it_is_left_to_it() -> None:
    place = choose(start={**LINUX, "tmp_unit": "enabled"})
    assert (place.kind, place.waits) == ("memory", True)
    # Without systemd nobody reads the unit.
    start = {**WSL, "systemd": False, "tmp_unit": "enabled"}
    assert choose(start=start).kind == "tmp"


@pytest.mark.parametrize("start", [LINUX, WSL, {**LINUX, "container": True}, {**LINUX, "pid1": "init"}])
def test_tmp_comes_first_because_it_needs_no_setting(start: dict[str, Any]) -> None:
    place = choose(start=start)
    assert (place.kind, place.waits) == ("tmp", True)
    assert tmpfs_place.pending_sentences(place, start["restart_command"])
    assert "build.log" in tmpfs_place.notes(place, DISK)[0]


def test_what_a_start_has_brought_stays() -> None:
    place = choose(temporary=OURS, start={**WSL, "wsl_version": []})
    assert (place.kind, place.waits) == ("tmp", False)
    assert tmpfs_place.pending_sentences(place, None) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"temporary": {**TMPFS, "options": ["rw", "noexec"]}}, "has noexec"),
        ({"temporary": {**TMPFS, "size_bytes": 64 << 20}}, "holds 64 MiB at most"),
        ({"temporary": {**DISK, "mount_point": "/tmp"}}, "a mount that wsltune did not make"),
        ({"temporary": {**DISK, "is_link": True}}, "symbolic link"),
        ({"fstab": "/dev/sdb1 /tmp ext4 defaults 0 2\n"}, "a line for /tmp that wsltune did not write"),
        ({"start": {**LINUX, "container": True, "pid1": "sleep"}}, "no start that reads /etc/fstab"),
        ({"start": {**LINUX, "tmp_unit": "masked"}}, "tmp.mount is masked"),
        ({"start": {**LINUX, "tmp_unit": "own"}}, "tmp.mount of its own"),
        ({"start": {**WSL, "wsl_version": []}}, "version of WSL is not known"),
        ({"start": {**WSL, "wsl_version": [2, 5, 9]}}, "WSL is 2.5.9"),
        ({"start": {**WSL, "mount_fs_tab": False, "systemd": False}}, "nothing mounts /etc/fstab"),
        ({"start": {**WSL, "mount_fs_tab": False, "automount_root": "/"}}, "another automount.root"),
        ({"start": {**WSL, "mount_fs_tab": False, "wsl_version": []}}, "version of WSL is not known"),
    ],
)
def test_where_tmp_is_not_safe_go_gets_its_own_folder(changes: dict[str, Any], reason: str) -> None:
    place = choose(**changes)
    assert place.kind == "gotmpdir" and reason in place.reason
    with pytest.raises(tmpfs_plan.TmpfsError, match=r"go_tmpfs_place is tmp, but .*nothing was changed"):
        choose("tmp", **changes)


@pytest.mark.parametrize(("used", "reason"), [(3 * GIB, "3072 MiB lie in /tmp"), (None, "could not be counted")])
def test_whoever_fills_tmp_stops_nobody(used: int | None, reason: str) -> None:
    place = choose(temporary={**DISK, "used_bytes": used})
    assert place.kind == "gotmpdir" and reason in place.reason
    place = choose("tmp", temporary={**DISK, "used_bytes": used})
    assert place.kind == "none" and reason in tmpfs_place.sentence(place)


@pytest.mark.parametrize(
    "start",
    [
        {**WSL, "wslg": False, "wsl_version": []},
        {**WSL, "wsl_version": [2, 5, 10]},
        {**WSL, "mount_fs_tab": False},
        {**WSL, "mount_fs_tab": False, "wsl_version": [], "wslg_unit": True},
        {**WSL, "automount_root": "/win/"},
        {**WSL, "tmp_unit": "masked"},
    ],
)
def test_the_socket_of_wslg_is_safe(start: dict[str, Any]) -> None:
    assert choose(start=start).kind == "tmp"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fstype": "nfs4"}, "lies on nfs4"),
        ({"fstype": "fuse.sshfs"}, "lies on fuse.sshfs"),
        ({"fstype": "cifs"}, "lies on cifs"),
        ({"fstype": "9p"}, "lies on 9p"),
        ({"fstype": "virtiofs"}, "lies on virtiofs"),
        ({"fstype": None}, "is not known"),
        ({"local": False}, "not in /etc/passwd"),
        ({"shared": "comes from outside of this container"}, "comes from outside of this container, and its owner"),
        ({"answer": "no answer in 3 s"}, "does not answer"),
        ({"fstype": "gpfs"}, "lies on gpfs"),
        ({"fstype": "panfs"}, "lies on panfs"),
        ({"fstype": "vmhgfs"}, "lies on vmhgfs"),
        ({"signs": [".codex"]}, "Codex"),
        ({"signs": [".cursor"]}, "Cursor"),
        ({"signs": [".apptainer"]}, "Apptainer"),
        ({"signs": [".local/share/distrobox"]}, "distrobox"),
    ],
)
def test_whose_go_runs_elsewhere_too_gets_no_folder(changes: dict[str, Any], reason: str) -> None:
    users = {"alice": person(**changes), "bob": person(uid=1001)}
    place = choose("gotmpdir", users=users)
    assert place.kind == "gotmpdir" and set(place.left_out) == {"alice"} and reason in place.left_out["alice"]
    assert tmpfs_place.notes(place, DISK) == [f"alice has no GOTMPDIR: {place.left_out['alice']}"]
    alone = choose("gotmpdir", users={"alice": person(**changes)})
    assert alone.kind == "none" and "stay on the disk" in tmpfs_place.sentence(alone)


DISKS = """1 0 8:1 / / rw - ext4 /dev/sda rw
2 1 0:34 / /mnt/wsl rw shared:1 - tmpfs none rw
3 2 8:9 / /mnt/wsl/work rw shared:2 - ext4 /dev/sdc rw
4 2 8:1 /home/carol/app /mnt/wsl/docker-desktop-bind-mounts/Debian/71 rw shared:3 - ext4 /dev/sda rw
5 1 8:9 /homes/bob /home/bob rw - ext4 /dev/sdc rw
6 1 8:5 / /home/dora rw - ext4 /dev/sdd rw
"""


@pytest.mark.parametrize(
    ("home", "container", "distros", "said"),
    [
        ("/home/alice", True, None, ""),
        ("/home/alice", False, "/mnt/wsl", ""),
        ("/home/dora", False, None, ""),
        # toolbox, distrobox and dev containers mount the home, or all of /home.
        ("/home/dora", True, None, "comes from outside of this container"),
        # Another distro has that disk as well, also where this one shows a part of it elsewhere.
        ("/mnt/wsl/work/alice", True, "/mnt/wsl", "lies on /mnt/wsl/work, which all WSL distros"),
        ("/home/bob", True, "/mnt/wsl", "lies on /mnt/wsl/work, which all WSL distros"),
        ("/home/bob", True, "/win/wsl", ""),
        # A disk of this distro's own, and what Docker Desktop was given of a home.
        ("/home/dora", True, "/mnt/wsl", ""),
        ("/home/carol", True, "/mnt/wsl", ""),
        ("/home/carol/app", True, "/mnt/wsl", "lies on /mnt/wsl/docker"),
    ],
)
def test_who_else_has_a_home(home: str, container: bool, distros: str | None, said: str) -> None:
    found = tmpfs_place.explain_sharing(home, mountinfo.parse(DISKS), container, distros)
    assert found.startswith(said) and bool(found) == bool(said)


def test_all_of_home_in_a_container_is_from_outside() -> None:
    table = "1 0 0:1 / / rw - overlay overlay rw\n2 1 8:1 /home /home rw - ext4 /dev/sda rw\n"
    assert tmpfs_place.explain_sharing("/home/alice", mountinfo.parse(table), True, None)


@pytest.mark.parametrize("fstype", ["ext4", "btrfs", "xfs", "overlay", "zfs", "f2fs"])
def test_a_home_on_a_disk_of_this_machine_is_no_hazard(fstype: str) -> None:
    assert tmpfs_place.account_hazard(person(fstype=fstype)) == ""


@pytest.mark.parametrize("name", ["bwrap", "apptainer", "singularity", "ch-run", "schroot", "nsjail"])
def test_a_sandbox_that_is_installed_concerns_everyone(name: str) -> None:
    assert choose("gotmpdir", sandboxes=[name]).kind == "none"


def test_a_build_cache_in_memory_needs_folders() -> None:
    assert choose(gocache=True).kind == "gotmpdir"
    assert choose(gocache=True, temporary=TMPFS).kind == "gotmpdir"
    with pytest.raises(tmpfs_plan.TmpfsError, match="build cache needs a folder"):
        choose("tmp", gocache=True)


def test_too_little_memory_is_no_error_unless_a_size_is_asked_for() -> None:
    small = {"total_bytes": GIB // 2, "swap_total_bytes": 0}
    start = {**LINUX, "tmp_unit": "own"}
    assert choose(memory=small, start=start).kind == "none"


@pytest.mark.parametrize("size", ["big", "64m", "900g"])
def test_a_wrong_value_is_refused_also_where_it_is_not_needed(size: str) -> None:
    with pytest.raises(tmpfs_plan.TmpfsError, match="go_tmpfs_size is"):
        tmpfs_place.choose("auto", observed(temporary=TMPFS), size)
    assert not is_met(temporary=TMPFS, path="/tmp")


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("WSL version: 2.6.1.0\r\nKernel version: 6.6.87.2-1\r\n", (2, 6, 1)),
        ("W\0S\0L\0-\0V\0e\0r\0s\0i\0o\0n\0:\0 \0002\0.\0005\0.\0001\0000\0.\0000\0\r\0\n\0", (2, 5, 10)),
        ("Version WSL : 2.5.7.0\nVersion du noyau : 6.6.87.2\n", (2, 5, 7)),
        ("Invalid command line option: --version\n", ()),
        ("", ()),
    ],
)
def test_the_version_of_wsl_in_any_language(output: str, version: tuple[int, ...]) -> None:
    assert tmpfs_place.parse_wsl_version(output) == version


def tmp_line(size: int = 8 * GIB) -> str:
    return tmpfs_plan.tmp_line(size, 0).render() + "\n"


def is_met(wanted: str = "auto", **changes: Any) -> bool:
    return tmpfs_place.is_met(observed(**changes), wanted, "auto", 0, ["alice"])


def test_what_is_met_needs_no_call() -> None:
    assert is_met(fstab=tmp_line())
    assert is_met(fstab=tmp_line(), temporary=OURS)
    assert is_met(temporary=TMPFS)
    # A kernel that leaves 5 MiB less, and swap that is turned off.
    for total, swap in ((16 * GIB - (5 << 20), 4 * GIB), (16 * GIB, 0)):
        assert is_met(fstab=tmp_line(), memory={"total_bytes": total, "swap_total_bytes": swap})
    header = tmpfs_plan.folders_text("/var/cache/gotmp", [])
    assert is_met(temporary=TMPFS, folders=header)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"fstab": tmp_line(GIB)},
        {"fstab": tmp_line(), "folders": "d /var/cache/gotmp/1000 0700 1000 1000 -\n"},
        {"fstab": tmp_line(), "live": {"source": "wsltune"}},
        {"fstab": tmp_line(), "temporary": TMPFS},
        {"fstab": tmp_line() + "broken\n"},
        {"wanted": "tmp", "start": {**LINUX, "tmp_unit": "own"}},
        {"wanted": "gotmpdir", "fstab": tmp_line()},
    ],
)
def test_what_differs_needs_a_call(changes: dict[str, Any]) -> None:
    assert not is_met(**changes)


def test_the_line_of_tmp_is_what_a_distribution_would_make() -> None:
    line = tmpfs_plan.tmp_line(2 * GIB, 0)
    assert (line.source, line.mount_point, line.fstype) == ("wsltune", "/tmp", "tmpfs")
    wanted = {"nosuid", "nodev", "exec", "nofail", "mode=1777", "size=2097152k", "nr_inodes=1048576", "comment=wsltune"}
    assert wanted <= set(line.options)


def test_tmp_is_never_unmounted() -> None:
    assert tmpfs_plan.mounts_to_unmount(tmp_line(), [], ["/tmp", "/var/cache/x"], [], whole=True) == ["/var/cache/x"]


def test_folders_of_an_earlier_run_stay_while_go_uses_them() -> None:
    old = "d /var/cache/gotmp/alice 0700 1000 1000 -\nd /var/cache/gotmp/bob 0700 1001 1001 -\n"
    wanted = tmpfs_plan.folders_text("/var/cache/gotmp", [(1000, 1000)])
    (line,) = tmpfs_plan.lines_in_use(old, ["/var/cache/gotmp/alice"], wanted)
    assert line == old.splitlines()[0]
    assert tmpfs_plan.lines_in_use(old, ["/tmp"], wanted) == []
    assert tmpfs_plan.lines_in_use(wanted, ["/var/cache/gotmp/1000"], wanted) == []


def test_no_folder_that_becomes_a_link_has_root_look_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any account can make a folder in /tmp, and a link of it once it was seen."""
    for name in ("tmp/theirs", "tmp/other/inner", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "elsewhere/large").write_bytes(b"x" * (4 << 20))
    (tmp_path / "tmp/other/inner/file").write_bytes(b"x" * (1 << 20))
    scandir = os.scandir

    @contextlib.contextmanager
    def look(place: Any) -> Iterator[Any]:
        with scandir(place) as entries:
            yield list(entries)
        theirs = tmp_path / "tmp/theirs"
        if not theirs.is_symlink():
            theirs.rmdir()
            theirs.symlink_to(tmp_path / "elsewhere")

    monkeypatch.setattr(os, "scandir", look)
    used = tmpfs_observe._used(str(tmp_path / "tmp"))
    assert used is not None and 1 << 20 <= used < 2 << 20


def test_what_lies_in_tmp_is_counted_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = [mountinfo.Mount("/", "/", "ext4", "/dev/sda", ["rw"], mount_id=1)]
    (tmp_path / "below").mkdir()
    (tmp_path / "below/data").write_bytes(b"x" * 100_000)
    (tmp_path / "link").symlink_to("/")
    (tmp_path / "systemd-private-1").mkdir()
    # Of the run that asks.
    (tmp_path / "wsltune-run-x").mkdir()
    (tmp_path / "pymp-x").mkdir()
    found = tmpfs_observe.temporary(mounts, str(tmp_path))
    assert 100_000 <= found["used_bytes"] < 200_000 and found["names"] == ["below", "link"]
    for number in range(5):
        (tmp_path / f"a{number}").touch()
    found = tmpfs_observe.temporary(mounts, str(tmp_path))
    assert (found["names"], found["count"]) == (["a0", "a1", "a2"], 7)
    place = tmpfs_place.Place("tmp", "", waits=True)
    assert "(a0, a1, a2 and 4 more)" in tmpfs_place.notes(place, found)[0]
    monkeypatch.setattr(tmpfs_observe, "MOST_FILES", 2)
    assert tmpfs_observe.temporary(mounts, str(tmp_path))["used_bytes"] is None
    monkeypatch.setattr(tmpfs_observe, "LIMIT", 0.2)
    monkeypatch.setattr(tmpfs_observe, "_used", lambda _path: time.sleep(30))
    began = time.monotonic()
    assert tmpfs_observe.temporary(mounts, str(tmp_path))["used_bytes"] is None
    assert time.monotonic() - began < 10


def test_a_home_that_does_not_answer_is_a_hazard(monkeypatch: pytest.MonkeyPatch) -> None:
    account = accounts.Account("alice", os.getuid(), os.getgid(), "/home/alice", "/bin/sh")
    bob = accounts.Account("bob", os.getuid(), os.getgid(), "/home/bob", "/bin/sh")
    monkeypatch.setattr(tmpfs_observe, "LIMIT", 0.2)
    monkeypatch.setattr(tmpfs_observe, "_signs", lambda _home: time.sleep(30))
    machine = wsl_judge.Machine(mountinfo="1 0 8:1 / / rw - ext4 /dev/sda rw\n")
    found = tmpfs_observe.observe("/nowhere/gotmp", [account, bob], machine)
    assert "does not answer" in tmpfs_place.account_hazard(found["users"]["alice"])


def test_signs_of_sandboxes_are_found(tmp_path: Path) -> None:
    (tmp_path / ".codex").mkdir()
    assert tmpfs_observe._signs(str(tmp_path)) == (str(tmp_path), [".codex"])
