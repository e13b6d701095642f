# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan

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
    for option in ("exec", "nosuid", "nodev", "nofail", "mode=0755", "size=2097152k", "x-wsltune"):
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
    text = tmpfs_plan.folders_text([str(tmp_path)], [("alice", os.getuid(), os.getgid())])
    (tmp_path / "list").write_text(text)
    (tmp_path / "helper").write_text(tmpfs_plan.HELPER_TEXT)
    for _time in range(2):
        subprocess.run(
            ["sh", str(tmp_path / "helper"), str(tmp_path / "list"), "/var/lib/wsltune", "-o", "rw"], check=True
        )
    assert tmpfs_plan.folders_of(text) == [("alice", str(tmp_path / "alice"))]
    assert (tmp_path / "alice").stat().st_mode & 0o7777 == 0o700


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


def observed(**changes):
    lines = tmpfs_plan.wanted_lines("/var/cache/gotmp", 1024 * tmpfs_plan.MIB, 0, changes.get("needs_helper", False))
    found = {
        "path": "/var/cache/gotmp",
        "fstab": "".join(f"{line.render()}\n" for line in lines),
        "folders": tmpfs_plan.folders_text(["/var/cache/gotmp"], [("alice", 1, 2)]),
        "helper": tmpfs_plan.HELPER_TEXT if changes.get("needs_helper") else None,
        "needs_helper": False,
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
