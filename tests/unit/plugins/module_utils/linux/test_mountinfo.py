# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo

DATA = Path(__file__).parent / "data" / "mountinfo"
C_TAG = "6f1a0b5e-3c51-4c0e-9d5b-0d4f7f1f2a11"
D_TAG = "0b7c2e9a-88d4-4f63-b1de-5a7a1f6f9c02"
LINKS = {C_TAG: "C:\\", D_TAG: "D:\\"}


def load(name, **kwargs):
    return mountinfo.parse((DATA / (name + ".txt")).read_text(), **kwargs)


def windows(mounts):
    return {mount.mount_point: mount.windows_path for mount in mounts if mount.windows_drive}


@pytest.mark.parametrize(
    ("name", "is_wsl", "expected"),
    [
        ("wsl1", True, {"/mnt/c": "C:\\", "/mnt/d": "D:\\"}),
        (
            "wsl2_9p",
            True,
            {
                "/mnt/c": "C:\\",
                "/mnt/d": "D:\\",
                "/home/me/src": "C:\\Users\\me\\src code",
                "/srv/share": "\\\\nas\\builds",
            },
        ),
        ("wsl2_virtiofs_guid", True, {"/mnt/c": "C:\\", "/mnt/d": "D:\\"}),
        ("wsl2_virtiofs_aggregate", True, {"/mnt/c": "C:\\", "/mnt/d": "D:\\", "/home/me/src": "C:\\Users\\me\\src"}),
        (
            "wsl2_docker_desktop",
            True,
            {
                "/mnt/c": "C:\\",
                "/mnt/d": "D:\\",
                "/home/me/src": "C:\\Users\\me\\src code",
                "/srv/share": "\\\\nas\\builds",
                "/Docker/host": "C:\\Program Files\\Docker\\Docker\\resources",
            },
        ),
        ("docker_container_on_wsl2", False, {"/win": "C:\\Users\\me\\project"}),
        ("linux", False, {}),
    ],
)
def test_windows_drives(name, is_wsl, expected):
    assert windows(load(name, is_wsl=is_wsl, virtiofs_links=LINKS)) == expected


def test_virtiofs_is_a_windows_drive_only_inside_wsl():
    assert windows(load("wsl2_virtiofs_guid", is_wsl=False, virtiofs_links=LINKS)) == {}


def test_virtiofs_without_links_is_a_drive_with_an_unknown_path():
    assert windows(load("wsl2_virtiofs_aggregate", is_wsl=True)) == {
        "/mnt/c": None,
        "/mnt/d": None,
        "/home/me/src": None,
    }


def test_fields_and_escapes():
    mount = next(m for m in load("linux") if m.source == "tmpfs" and m.super_options == ["rw", "size=1024k"])
    assert mount.mount_point == "/srv/with blank\ttab\\slash"
    assert (mount.mount_id, mount.parent_id, mount.device, mount.root) == (41, 27, "0:36", "/")
    assert mount.options == ["rw", "relatime"]
    assert mount.as_dict()["fstype"] == "tmpfs"


def test_a_windows_path_with_digits_after_the_backslash_is_no_escape():
    line = "1 0 0:9 / /x rw - 9p C:\\134 rw,aname=drvfs;path=C:\\2024\\101;symlinkroot=/mnt/,trans=fd"
    assert mountinfo.parse(line)[0].windows_path == "C:\\2024\\101"


@pytest.mark.parametrize("aname", ["drivers", "drvfsx", "x;drvfs", ""])
def test_other_9p_servers_are_no_windows_drives(aname):
    assert not mountinfo.parse("1 0 0:9 / /mnt/c rw - 9p C:\\134 rw,aname=" + aname)[0].windows_drive


@pytest.mark.parametrize(
    ("path", "mount_point"),
    [
        ("/", "/"),
        ("/mnt/c", "/mnt/c"),
        ("/mnt/c/Users", "/mnt/c"),
        ("/mnt/cc", "/"),
        ("/mnt/c/../d/x", "/mnt/d"),
        ("/home/me", "/"),
        ("/home/me/src/x", "/home/me/src"),
        ("/run/user/1000/go", "/run/user/1000"),
        ("/mnt/wslg/distro/etc", "/mnt/wslg/distro"),
    ],
)
def test_find(path, mount_point):
    assert mountinfo.find(load("wsl2_9p", is_wsl=True), path).mount_point == mount_point


def test_find_where_the_root_is_listed_after_its_children():
    mounts = load("linux")
    assert mountinfo.find(mounts, "/dev/shm/x").mount_point == "/dev/shm"
    assert mountinfo.find(mounts, "/etc").mount_point == "/"


ROOT = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"


def test_later_mount_on_the_same_point_hides_the_earlier_one():
    text = ROOT + "2 1 0:2 / /x rw - ext4 /dev/sdb1 rw\n3 2 0:3 / /x rw - tmpfs tmpfs rw\n"
    assert mountinfo.find(mountinfo.parse(text), "/x/y").fstype == "tmpfs"


def test_later_mount_on_a_parent_folder_hides_what_was_below():
    text = ROOT + "2 1 0:2 / /x/y rw - ext4 /dev/sdb1 rw\n3 1 0:3 / /x rw - tmpfs tmpfs rw\n"
    assert mountinfo.find(mountinfo.parse(text), "/x/y/z").fstype == "tmpfs"


def test_find_without_a_root_mount_as_in_a_plain_chroot():
    text = "5 90 0:4 / /proc rw - proc proc rw\n6 90 0:5 / /srv/go rw - tmpfs tmpfs rw\n"
    mounts = mountinfo.parse(text)
    assert mountinfo.find(mounts, "/srv/go/x").fstype == "tmpfs"
    assert mountinfo.find(mounts, "/srv") is None


@pytest.mark.parametrize("line", ["C:\\134 /mnt/c 9p rw 0 0", "a b 0:1 / / rw - ext4 x rw", "1 2 0:1 / / rw ext4 x rw"])
def test_text_that_is_not_mountinfo(line):
    with pytest.raises(ValueError, match="mountinfo line 2"):
        mountinfo.parse(ROOT + line + "\n")


def test_this_machine():
    mounts = mountinfo.parse(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape"))
    assert mountinfo.find(mounts, "/proc/self").fstype == "proc"


def test_what_windows_calls_a_path():
    drive = mountinfo.Mount("/mnt/c", "/", "9p", "C:\\", windows_drive=True, windows_path="C:\\")
    assert mountinfo.windows_path(drive, "/mnt/c/src/shop") == "C:\\src\\shop"
    assert mountinfo.windows_path(drive, "/mnt/c") == "C:\\"
    assert mountinfo.windows_path(mountinfo.Mount("/", "/", "ext4", "/dev/sdc"), "/src") is None
