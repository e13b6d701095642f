# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import fstab, mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import observe as tmpfs_observe
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge

GIB = 1024 * tmpfs_plan.MIB


def memory(total: int, swap: int = 0) -> dict[str, int]:
    return {"total_bytes": total, "available_bytes": total, "swap_total_bytes": swap}


@pytest.mark.parametrize(
    ("wanted", "total", "swap", "mib"),
    [
        ("auto", 24 * GIB, 0, 2048),
        ("auto", 4 * GIB, 0, 1024),
        ("auto", GIB, GIB, 256),
        ("25%", 8 * GIB, 0, 2048),
        ("50%", 8 * GIB, GIB, 4096),
        ("3g", 12 * GIB, 0, 3072),
        ("524288k", 8 * GIB, 0, 512),
        (str(300 * tmpfs_plan.MIB + 5), 8 * GIB, 0, 300),
    ],
)
def test_size(wanted: str, total: int, swap: int, mib: int) -> None:
    assert tmpfs_plan.plan_size(wanted, memory(total, swap)) == mib * tmpfs_plan.MIB


@pytest.mark.parametrize(("inodes", "refused"), [(0, False), (10_000, False), (9_999, True), (1, True), (-5, True)])
def test_too_few_files_are_refused(inodes: int, refused: bool) -> None:
    refusal = tmpfs_plan.explain_refusal(inodes)
    assert refusal.startswith(f"go_tmpfs_inodes is {inodes}: ") if refused else refusal == ""


TOTAL = 15625 * tmpfs_plan.MIB


@pytest.mark.parametrize(
    ("wanted", "path", "total", "swap", "written", "mib"),
    [
        # A kernel update, and swap turned off and on.
        ("auto", "/tmp", TOTAL - 5 * tmpfs_plan.MIB, GIB, 7812, 7812),
        ("auto", "/tmp", TOTAL, 0, 7812, 7812),
        ("auto", "/tmp", TOTAL, GIB, 3906, 3906),
        ("auto", "/tmp", 2 * TOTAL, 0, 3906, 7812),
        ("auto", "/tmp", TOTAL, GIB, 5000, 7812),
        ("3906m", "/tmp", TOTAL, GIB, 3910, 3906),
        ("25%", "/tmp", TOTAL - 5 * tmpfs_plan.MIB, GIB, 3906, 3906),
        ("auto", "/x/gotmp", 4000 * tmpfs_plan.MIB, 0, 1005, 1005),
        ("auto", "/x/gotmp", 4000 * tmpfs_plan.MIB, 0, 2000, 1000),
    ],
)
def test_what_the_memory_gave_at_the_first_run_stays_on_the_same_machine(
    wanted: str, path: str, total: int, swap: int, written: int, mib: int
) -> None:
    size = written * tmpfs_plan.MIB
    line = tmpfs_plan.tmp_line(size, 0) if path == "/tmp" else tmpfs_plan.wanted_lines(path, size, 0, False)[0]
    other = tmpfs_plan.wanted_lines("/other", 2 * size, 0, False)[0]
    table = f"{other.render()}\n{line.render()}\n"
    assert tmpfs_plan.settle_size(wanted, memory(total, swap), table, path) == mib * tmpfs_plan.MIB
    foreign = table.replace("comment=wsltune", "nofail")
    own = tmpfs_plan.plan_size(wanted, memory(total, swap), path == "/tmp")
    for without in (foreign, "", table.replace("size=", "size=x")):
        assert tmpfs_plan.settle_size(wanted, memory(total, swap), without, path) == own


@pytest.mark.parametrize(
    ("wanted", "total", "swap", "sentence"),
    [
        ("auto", 900 * tmpfs_plan.MIB, 0, "has 900 MiB of memory"),
        ("3g", 8 * GIB, 0, "no swap to page out to at most 2048m"),
        ("5g", 8 * GIB, GIB, "swap at most 4096m"),
        ("100m", 8 * GIB, 0, "at least 256m"),
        ("0%", 8 * GIB, 0, "between 1% and 50%"),
        ("120%", 8 * GIB, 0, "between 1% and 50%"),
        ("2gb", 8 * GIB, 0, "give a number with k, m, g or %"),
        ("-1g", 8 * GIB, 0, "give a number"),
        ("", 8 * GIB, 0, "give a number"),
        ("1.5g", 8 * GIB, 0, "give a number"),
    ],
)
def test_a_size_that_memory_does_not_carry(wanted: str, total: int, swap: int, sentence: str) -> None:
    with pytest.raises(tmpfs_plan.TmpfsError, match=sentence):
        tmpfs_plan.plan_size(wanted, memory(total, swap))


@pytest.mark.parametrize(
    "path",
    [
        "/tmp",
        "/tmp/",
        "/tmp/go",
        "//tmp",
        "/var/tmp",
        "/dev/shm",
        "/run",
        "/",
        "/usr",
        "/home",
        "relative",
        "",
        "/var/../tmp",
        "/var/cache/a b",
        "/proc/go",
        "/sys/x/y",
        "/dev/x/y",
        "/var/cache/go;rm",
    ],
)
def test_a_mount_point_that_is_refused(path: str) -> None:
    with pytest.raises(tmpfs_plan.TmpfsError):
        tmpfs_plan.check_path(path)


def test_a_mount_point_in_its_normal_form() -> None:
    assert tmpfs_plan.check_path("/var//cache/./gotmp/") == "/var/cache/gotmp"


def test_the_line_has_what_go_needs() -> None:
    (line,) = tmpfs_plan.wanted_lines("/var/cache/gotmp", 2 * GIB, 0, helper=False)
    for option in ("exec", "nosuid", "nodev", "nofail", "mode=0755", "size=2097152k", "comment=wsltune"):
        assert option in line.options
    assert "noexec" not in line.options and not any(option.startswith("nr_inodes") for option in line.options)


def test_live_deviations_are_named() -> None:
    good = (["rw", "nosuid", "nodev", "relatime"], ["rw", "size=2097152k", "nr_inodes=20k"])
    assert tmpfs_plan.deviations(*good, 2 * GIB, 0o755, 20480) == []
    found = tmpfs_plan.deviations(["ro", "noexec"], ["rw", "size=8192k"], 2 * GIB, 0o1777, 20480)
    assert len(found) == 7
    assert any("noexec" in sentence for sentence in found)
    assert tmpfs_plan.deviations(["rw", "nosuid", "nodev"], ["rw"], GIB, 0o755, 0) == [
        "its size was unlimited instead of 1024 MiB"
    ]


def test_the_helper_makes_the_folders_that_tmpfiles_makes(tmp_path: Path) -> None:
    text = tmpfs_plan.folders_text(str(tmp_path), [(os.getuid(), os.getgid())])
    (tmp_path / "list").write_text(text)
    (tmp_path / "helper").write_text(tmpfs_plan.HELPER_TEXT)
    for _time in range(2):
        subprocess.run(
            ["sh", str(tmp_path / "helper"), str(tmp_path / "list"), "/var/lib/wsltune", "-o", "rw"], check=True
        )
    folder = tmp_path / str(os.getuid())
    line = f"d {folder} 0700 {os.getuid()} {os.getgid()} -"
    assert tmpfs_plan.folder_lines(text) == [(line, str(folder), os.getuid(), os.getgid())]
    assert folder.stat().st_mode & 0o7777 == 0o700


def test_busybox_is_given_no_file_for_a_source_because_the_helper_would_get_a_loop_device(tmp_path: Path) -> None:
    plain, busybox = (tmpfs_plan.wanted_lines("/var/cache/gotmp", GIB, 0, True, kind)[1] for kind in (False, True))
    assert plain.source == tmpfs_plan.FOLDERS_PATH in tmpfs_plan.HELPER_TEXT
    assert (busybox.source, busybox.options) == ("wsltune", ("nofail", "comment=wsltune"))
    (tmp_path / "list").write_text(tmpfs_plan.folders_text(str(tmp_path), [(os.getuid(), os.getgid())]))
    text = tmpfs_plan.HELPER_TEXT.replace(tmpfs_plan.FOLDERS_PATH, str(tmp_path / "list"))
    (tmp_path / "helper").write_text(text)
    # A file of that name where root happens to stand is not the list.
    (tmp_path / busybox.source).write_text(f"d {tmp_path}/elsewhere 0700 0 0\n")
    subprocess.run(["sh", "helper", busybox.source, "/var/lib/wsltune"], check=True, cwd=tmp_path)
    assert not (tmp_path / "elsewhere").exists()
    assert (tmp_path / str(os.getuid())).is_dir()


def test_a_mount_is_used_by_what_lies_on_it() -> None:
    assert tmpfs_plan.is_used("/var/cache/gotmp", ["/tmp", "/var/cache/gotmp/alice"])
    assert tmpfs_plan.is_used("/var/cache/gotmp", ["/var/cache/gotmp"])
    assert not tmpfs_plan.is_used("/var/cache/gotmp", ["/var/cache/gotmp2/alice", ""])


def test_the_helper_follows_no_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    (tmp_path / "alice").symlink_to(elsewhere)
    (tmp_path / "list").write_text(f"d {tmp_path}/alice 0700 {os.getuid()} {os.getgid()} -\n")
    (tmp_path / "helper").write_text(tmpfs_plan.HELPER_TEXT)
    subprocess.run(["sh", str(tmp_path / "helper"), str(tmp_path / "list")], check=True)
    assert elsewhere.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("kind", ["GNU", "BusyBox"])
def test_an_account_whose_name_is_a_number_gets_nobody_elses_folder(tmp_path: Path, kind: str) -> None:
    """POSIX has chown take a number for a name first; BusyBox does not, and knows no other way to write one."""
    (tmp_path / "bin").mkdir()
    refuses = "case $2 in +*) exit 1 ;; esac\n" if kind == "BusyBox" else ""
    (tmp_path / "bin/chown").write_text(f'#!/bin/sh\n{refuses}echo "$@" >>{tmp_path}/given\n')
    (tmp_path / "bin/chown").chmod(0o755)
    (tmp_path / "list").write_text(f"d {tmp_path}/1001 0700 1001 1002 -\n")
    (tmp_path / "helper").write_text(tmpfs_plan.HELPER_TEXT.replace("PATH=", f"PATH={tmp_path}/bin:", 1))
    subprocess.run(["sh", str(tmp_path / "helper"), str(tmp_path / "list")], check=True)
    owner = "+1001:+1002" if kind == "GNU" else "1001:1002"
    assert (tmp_path / "given").read_text() == f"-h {owner} {tmp_path}/1001\n"


def observed(**changes):
    lines = tmpfs_plan.wanted_lines("/var/cache/gotmp", 1024 * tmpfs_plan.MIB, 0, changes.get("needs_helper", False))
    found = {
        "path": "/var/cache/gotmp",
        "fstab": "".join(f"{line.render()}\n" for line in lines),
        "folders": tmpfs_plan.folders_text("/var/cache/gotmp", [(1, 2)]),
        "helper": tmpfs_plan.HELPER_TEXT if changes.get("needs_helper") else None,
        "needs_helper": False,
        "busybox": False,
        "memory": {"total_bytes": 16 << 30, "swap_total_bytes": 0},
        "live": live(),
        "users": {"alice": person()},
    }
    return dict(found, **changes)


def live(**changes):
    size = f"size={1024 * 1024}k"
    usual = {"fstype": "tmpfs", "source": "wsltune", "options": ["rw", "nosuid", "nodev"], "super_options": [size]}
    return dict(usual, mode=0o755, **changes) if "mode" not in changes else dict(usual, **changes)


def person(**changes):
    return dict({"uid": 1, "gid": 2, "folder": [0o700, 1, 2]}, **changes)


@pytest.mark.parametrize("helper", [False, True])
def test_what_is_as_wanted_is_met(helper):
    assert tmpfs_plan.is_met(observed(needs_helper=helper), "1g", 0, ["alice"])


@pytest.mark.parametrize(
    "changes",
    [
        {"live": None},
        {"live": live(mode=0o1777)},
        {"live": dict(live(), source="tmpfs")},
        {"live": dict(live(), options=["rw", "nosuid", "nodev", "noexec"])},
        {"live": dict(live(), super_options=["size=1k"])},
        {"fstab": ""},
        {"fstab": None},
        {"fstab": observed()["fstab"] + "tmpfs /var/cache/gotmp tmpfs defaults 0 0\n"},
        {"fstab": observed()["fstab"] + "one word\n"},
        {"folders": None},
        {"folders": ""},
        {"needs_helper": True, "helper": "#!/bin/sh\n"},
        {"users": {}},
        {"users": {"alice": person(folder=[0o755, 1, 2])}},
        {"users": {"alice": person(folder=[0o700, 0, 2])}},
        {"users": {"alice": person(folder=None)}},
        {"users": {"alice": person(gid=3, folder=[0o700, 1, 3])}},
    ],
)
def test_what_differs_is_not_met(changes):
    assert not tmpfs_plan.is_met(observed(**changes), "1g", 0, ["alice"])


@pytest.mark.parametrize(
    "wanted",
    [
        ("2g", 0, ["alice"]),
        ("big", 0, ["alice"]),
        ("1g", 20000, ["alice"]),
        ("1g", 0, ["alice", "bob"]),
        ("1g", 0, []),
    ],
)
def test_what_else_is_wanted_is_not_met(wanted):
    assert not tmpfs_plan.is_met(observed(), *wanted)


PATH = "/var/cache/gotmp"
OURS = mountinfo.Mount(PATH, "/", "tmpfs", "wsltune")
LINE = "wsltune /var/cache/gotmp tmpfs size=1g,comment=wsltune 0 0\n"


@pytest.mark.parametrize(
    ("ground", "sentence"),
    [
        ({"table": "one two\n"}, r"/etc/fstab is broken, .*: fix that line first$"),
        ({"table_is_writable": False}, r"/etc/fstab cannot be written .*: make it writable$"),
        ({"table": f"tmpfs {PATH} tmpfs rw 0 0\n"}, r"has a line for /var/cache/gotmp that wsltune did not write"),
        ({"table_is_followed": False}, r"nothing would mount /var/cache/gotmp at the next start"),
        ({"changeable": "/var/cache"}, r"others than root can change /var/cache: choose"),
        ({"link": "/var"}, r"/var is a symbolic link: give the folder's real path$"),
        ({"file": "/var/cache"}, r"/var/cache is not a directory: choose another path$"),
        ({"live": mountinfo.Mount(PATH, "/", "ext4", "/dev/sdb")}, r"is in use: a ext4 \(/dev/sdb\) is mounted there"),
        ({"live": mountinfo.Mount(PATH, "/", "tmpfs", "tmpfs")}, r"is in use: a tmpfs \(tmpfs\)"),
        ({"names": ("alice", "notes.txt")}, r"holds files \('notes.txt'\) that a mount would hide"),
    ],
)
def test_a_machine_that_cannot_take_the_tmpfs(ground: dict[str, Any], sentence: str) -> None:
    ground = {"table": "", **ground}
    assert re.search(sentence, tmpfs_plan.obstacle(PATH, tmpfs_plan.Ground(**ground), ["alice"]))


@pytest.mark.parametrize(
    "ground",
    [
        {"table": ""},
        {"table": LINE, "live": OURS},
        {"table": "", "names": ("alice",)},
        {"table": "", "live": OURS, "names": ("notes.txt",)},
    ],
)
def test_a_machine_that_can_take_the_tmpfs(ground: dict[str, Any]) -> None:
    assert tmpfs_plan.obstacle(PATH, tmpfs_plan.Ground(**ground), ["alice"]) == ""


def test_the_fstab_is_named_before_the_place(tmp_path: Path) -> None:
    ground = tmpfs_plan.Ground("", table_is_writable=False, link="/var")
    assert tmpfs_plan.obstacle(PATH, ground, []).startswith("/etc/fstab cannot")


def test_what_stands_at_a_path_is_read(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "notes").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    real = tmpfs_observe.ground(f"{tmp_path}/real", "", wsl_judge.Machine())
    assert (real.names, real.link, real.file, real.live) == (("notes",), None, None, None)
    link = tmpfs_observe.ground(f"{tmp_path}/link/inside", "", wsl_judge.Machine())
    assert (link.names, link.link) == ((), f"{tmp_path}/link")
    assert tmpfs_observe.ground(f"{tmp_path}/real/notes/inside", "", wsl_judge.Machine()).file is not None


@pytest.mark.parametrize(
    ("wsl", "conf", "followed"),
    [
        (True, "[automount]\nmountFsTab=false\n", False),
        (True, "[automount]\nmountFsTab=false\n[boot]\nsystemd=true\n", True),
        (True, "", True),
        (False, "[automount]\nmountFsTab=false\n", True),
    ],
)
def test_whether_the_fstab_is_followed(wsl: bool, conf: str, followed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsl_judge, "is_wsl", lambda machine: wsl)
    machine = wsl_judge.Machine(conf=conf)
    assert tmpfs_observe.ground("/nowhere/at/all", "", machine).table_is_followed is followed


def test_which_mounts_a_rollback_takes_away() -> None:
    (before,) = fstab.marked(LINE)
    old = LINE.replace("gotmp", "old")
    assert tmpfs_plan.mounts_to_unmount(LINE, [PATH], ["/var/cache/left"], [], whole=True) == [PATH, "/var/cache/left"]
    assert tmpfs_plan.mounts_to_unmount(LINE, [], ["/var/cache/left"], [], whole=False) == [PATH]
    assert tmpfs_plan.mounts_to_unmount(LINE + old, [], [], [before], whole=False) == ["/var/cache/old"]


def test_the_tmpfs_of_an_earlier_path() -> None:
    table = (
        LINE
        + LINE.replace("gotmp", "old")
        + "/etc/tmpfiles.d/wsltune-go.conf /var/lib/wsltune wsltune comment=wsltune 0 0\n"
    )
    wanted = tmpfs_plan.wanted_lines(PATH, GIB, 0, helper=False)
    assert [line.mount_point for line in tmpfs_plan.earlier_lines(table, wanted)] == ["/var/cache/old"]
    own = [line.mount_point for line in tmpfs_plan.earlier_lines(table, [tmpfs_plan.tmp_line(GIB, 0)])]
    assert own == [PATH, "/var/cache/old"]


def test_the_options_of_a_remount() -> None:
    assert tmpfs_plan.remount_options(1 << 30, 0) == "remount,rw,nosuid,nodev,exec,size=1048576k"
    assert tmpfs_plan.remount_options(1 << 30, 5) == "remount,rw,nosuid,nodev,exec,size=1048576k,nr_inodes=5"


@pytest.mark.parametrize(
    ("mode", "owner", "deviates"),
    [
        (0o700, (1000, 1000), False),
        (0o755, (1000, 1000), True),
        (0o700, (1000, 0), True),
        (0o700, (0, 0), True),
        (0o700, (1001, 1000), None),
    ],
)
def test_a_users_folder(mode: int, owner: tuple[int, int], deviates: bool | None) -> None:
    assert tmpfs_plan.folder_deviation(mode, *owner, (1000, 1000)) is deviates


def test_people_who_share_the_tmpfs_know_it() -> None:
    assert tmpfs_plan.shared_note(PATH, 1 << 30, [0, 1000]) == ""
    assert tmpfs_plan.shared_note(PATH, 1 << 30, [0, 1000, 1001]).startswith("2 users share the 1024 MiB on")


def test_the_settings_of_go_name_the_folder_that_is_made_for_each_user() -> None:
    named = tmpfs_plan.name_settings("/var/cache/gotmp")
    assert named["gotmpdir"].replace("{uid}", "1000") == tmpfs_plan.folder_of("/var/cache/gotmp", 1000)
    assert named["gocache"] == "/var/cache/gotmp/{uid}/gocache"
