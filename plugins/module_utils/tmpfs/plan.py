# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tmpfs for Go's temporary files: how large, which lines bring it back, what is wrong with the live one."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import fstab, meminfo, mountinfo

MIB = 1024 * 1024
SMALLEST = 256 * MIB
"""A warm test run of 28 packages with -p 8 peaked at 60 MiB (docs/benchmarks.md)."""
LARGEST_DEFAULT = 2048 * MIB
"""The largest peak measured was 902 MiB: building the standard library and the toolchain with an empty cache."""
FOLDERS_PATH = "/etc/tmpfiles.d/wsltune-go.conf"
HELPER_PATH = "/sbin/mount.wsltune"
HELPER_TARGET = "/var/lib/wsltune"
SOURCE = "wsltune"
"""The first field of the line; the kernel shows it in mountinfo, so that a live mount tells whose it is."""
OPTIONS = ("nosuid", "nodev", "exec", "nofail", "mode=0755")
"""Root alone makes folders at the top: where anyone may, a missing folder's name can be taken by somebody else."""
MODE = 0o755
TMP_OPTIONS = ("nosuid", "nodev", "exec", "nofail", "mode=1777")
HOLD_PATH = "/run/systemd/system/tmp.mount.d/50-wsltune.conf"
HOLD_TEXT = """# Written by wsltune: /etc/fstab has /tmp in memory from the next start on, when this file is gone.
# Until then a service with PrivateTmp=yes would have systemd mount it over what programs keep there (systemd.exec(5)).
[Unit]
ConditionPathExists=!/run/systemd/system
"""
TMP_INODES = 1048576
"""What Debian's and systemd's own tmp.mount allows (nr_inodes=1m)."""
FEWEST_INODES = 10_000
MOST_NAMED = 5
"""Programs, or mounts, that are named where they keep one from being unmounted."""
FORBIDDEN = {
    "/tmp": "WSL keeps the X11 socket of WSLg there and running programs keep theirs",
    "/var/tmp": "files there must survive a restart",
    "/dev/shm": "programs share memory there",
    "/run": "the system keeps its own state there",
}


class TmpfsError(ValueError):
    """A tmpfs that cannot or must not be made, in one sentence."""


def parse_size(text: str, total: int) -> int:
    """Return the bytes that C(text) means: 512m, 2g, 1048576k, plain bytes, or a percentage of C(total)."""
    match = re.fullmatch(r"(\d+)([kKmMgG%]?)", text.strip())
    if not match:
        raise TmpfsError(f"go_tmpfs_size is {text!r}: give a number with k, m, g or %, such as 2g or 25%, or auto.")
    number, unit = int(match.group(1)), match.group(2).lower()
    if unit == "%":
        if not 0 < number <= 100:
            raise TmpfsError(f"go_tmpfs_size is {text!r}: a percentage of memory lies between 1% and 50%.")
        return total * number // 100
    return number * {"": 1, "k": 1024, "m": MIB, "g": 1024 * MIB}[unit]


def plan_size(wanted: str, memory: Mapping[str, int], for_all: bool = False) -> int:
    """Return the size in bytes, a multiple of 1 MiB; TmpfsError when the machine's memory does not carry it.

    auto is a quarter of the memory, at most 2 GiB. A full tmpfs can only be paged out to swap, so without swap
    it may take a quarter of the memory and with swap half of it. C(for_all) is /tmp, which has to do for every program
    and not for Go alone, so that auto is all that it may take, as distributions have it (size=50%).
    """
    total, swap = memory["total_bytes"], memory["swap_total_bytes"]
    share = 2 if swap else 4
    if wanted == "auto":
        size = total // share if for_all else min(total // 4, LARGEST_DEFAULT)
        if size < SMALLEST:
            raise TmpfsError(
                f"This machine has {total // MIB} MiB of memory: a quarter of it is less than the {SMALLEST // MIB} "
                "MiB that Go's temporary files need; give it more memory or set go_tmpfs_state: absent."
            )
    else:
        size = parse_size(wanted, total)
        if size < SMALLEST:
            raise TmpfsError(
                f"go_tmpfs_size is {wanted!r}: go test fails with 'no space left on device' below "
                f"{SMALLEST // MIB} MiB; give at least {SMALLEST // MIB}m."
            )
        if size > total // share:
            raise TmpfsError(
                f"go_tmpfs_size is {wanted!r}: with {total // MIB} MiB of memory and "
                f"{'swap' if swap else 'no swap to page out to'} at most {total // share // MIB}m can be filled "
                "without starving the machine; give less or add memory or swap."
            )
    return max(size // MIB, 1) * MIB


def settle_size(wanted: str, memory: Mapping[str, int], table: str, path: str) -> int:
    """Return plan_size() for C(path), or the size that wsltune's own line in C(table) has, while it still holds.

    A share of the memory is settled by the run that wrote the line: the kernel has a little more or less memory after
    every update. What auto gives for /tmp with swap and without both hold, so that swapoff or a .wslconfig is no reason
    to write the fstab anew.
    """
    for_all = path == "/tmp"
    holding = [plan_size(wanted, memory, for_all)]
    if wanted == "auto" and for_all:
        holding += [memory["total_bytes"] // 4, memory["total_bytes"] // 2]
    elif wanted != "auto" and "%" not in wanted:
        return holding[0]
    for line in fstab.marked(table):
        if line.mount_point == path and line.fstype == "tmpfs":
            with contextlib.suppress(TmpfsError):
                written = parse_live_size(line.options) or 0
                if any(abs(written - size) <= meminfo.TOLERANCE * size for size in holding):
                    return written
    return holding[0]


def check_path(path: str) -> str:
    """Return the normal form of the mount point C(path); TmpfsError when nothing may be mounted there."""
    if not re.fullmatch(r"/[A-Za-z0-9._/+-]+", path):
        raise TmpfsError(
            f"go_tmpfs_path is {path!r}: give an absolute path of letters, digits and ._+-, such as /var/cache/gotmp."
        )
    normal = os.path.normpath(path)
    if normal.startswith("//"):
        normal = normal[1:]
    for forbidden, reason in FORBIDDEN.items():
        if normal == forbidden or (forbidden == "/tmp" and normal.startswith("/tmp/")):
            raise TmpfsError(
                f"go_tmpfs_path is {path!r}: nothing may be mounted there, {reason}; use a folder of its own, "
                "such as /var/cache/gotmp."
            )
    if ".." in path.split("/") or normal.count("/") < 2 or normal.startswith(("/proc/", "/sys/", "/dev/", "/boot/")):
        raise TmpfsError(
            f"go_tmpfs_path is {path!r}: give a folder of its own below a directory such as /var/cache, not a "
            "directory of the system."
        )
    return normal


@dataclass(frozen=True)
class Ground:
    """What stands where the tmpfs is to go, and whether it would come back; observe.ground reads it."""

    table: str
    table_is_writable: bool = True
    table_is_followed: bool = True
    changeable: str | None = None
    """A part of the path that others than root can change."""
    link: str | None = None
    file: str | None = None
    """A part of the path that is a symbolic link, and one that is no directory."""
    live: mountinfo.Mount | None = None
    names: tuple[str, ...] = ()
    """What lies in the folder, where nothing is mounted on it."""


def is_ours(mount: mountinfo.Mount) -> bool:
    """Return whether a live mount is a tmpfs that wsltune made."""
    return mount.fstype == "tmpfs" and mount.source == SOURCE


def table_obstacle(table: str, is_writable: bool) -> str:
    """Return why the fstab cannot be changed, as the end of a sentence; empty when it can."""
    try:
        fstab.check(table)
    except fstab.FstabError as error:
        return f"/etc/fstab is broken, {error}: fix that line first"
    if not is_writable:
        return "/etc/fstab cannot be written (read-only file system?): make it writable"
    return ""


def obstacle(path: str, ground: Ground, users: Sequence[str]) -> str:
    """Return why the tmpfs cannot be on C(path), as the end of a sentence; empty when it can.

    C(users) are the names of folders that a run without a mount may have left there.
    """
    reason = table_obstacle(ground.table, ground.table_is_writable)
    if reason:
        return reason
    foreign = [line for line in fstab.lines_for(ground.table, path) if not line.ours]
    if foreign:
        return (
            f"/etc/fstab has a line for {path} that wsltune did not write ({foreign[0].render()!r}): remove it or "
            "choose another go_tmpfs_path"
        )
    if not ground.table_is_followed:
        return (
            "automount.mountFsTab is false in /etc/wsl.conf and boot.systemd is not true, so nothing would mount "
            f"{path} at the next start: set automount.mountFsTab to true in wsl_conf_settings"
        )
    return _obstacle_in_place(path, ground, users)


def _obstacle_in_place(path: str, ground: Ground, users: Sequence[str]) -> str:
    if ground.changeable is not None:
        return (
            f"go_tmpfs_path is {path!r}, and others than root can change {ground.changeable}: choose a folder that "
            "root alone can"
        )
    if ground.link is not None:
        return f"go_tmpfs_path is {path!r} and {ground.link} is a symbolic link: give the folder's real path"
    if ground.file is not None:
        return f"go_tmpfs_path is {path!r} and {ground.file} is not a directory: choose another path"
    live = ground.live
    if live is not None and not is_ours(live):
        return (
            f"{path} is in use: a {live.fstype} ({live.source}) is mounted there; unmount it or choose another "
            "go_tmpfs_path"
        )
    strange = sorted(set(ground.names) - set(users)) if live is None else []
    if strange:
        return f"{path} holds files ({strange[0]!r}) that a mount would hide: empty it or choose another go_tmpfs_path"
    return ""


def earlier_lines(table: str, wanted: Sequence[fstab.Line]) -> list[fstab.Line]:
    """Return the lines of wsltune's earlier tmpfs, on other paths than C(wanted); one on /tmp has no user to ask."""
    paths = {"/tmp", *(line.mount_point for line in wanted)}
    return [line for line in fstab.marked(table) if line.fstype == "tmpfs" and line.mount_point not in paths]


def mounts_to_unmount(
    table: str, folders: Iterable[str], live: Iterable[str], stay: Sequence[fstab.Line], whole: bool
) -> list[str]:
    """Return the mount points to unmount for a rollback, each once.

    They are those of the marked lines and of the C(folders) that were made, and where C(whole) (not one run alone)
    the C(live) mounts too, such as one that was in use at the last rollback. C(stay) has what was there before.
    """
    places = [line.mount_point for line in fstab.marked(table)] + list(folders) + (list(live) if whole else [])
    staying = [line.mount_point for line in stay]
    # /tmp is in use by everything, and a mount there ends with the machine's next start.
    return [place for place in dict.fromkeys(places) if place not in (*staying, "/tmp")]


def explain_use(programs: Sequence[str], inner: Sequence[str]) -> str:
    """Return what keeps a tmpfs from being unmounted, to follow that sentence; empty where it is not known."""
    said = [f"{', '.join(programs[:MOST_NAMED])} use it"] if programs else []
    if inner:
        said.append(f"something is mounted on {', '.join(inner[:MOST_NAMED])}")
    return f": {' and '.join(said)}" if said else ""


REMOUNT = "remount,rw,nosuid,nodev,exec"


def explain_refusal(inodes: int) -> str:
    """Return what is wrong with a number of files, nothing where a tmpfs can have it."""
    if inodes == 0 or inodes >= FEWEST_INODES:
        return ""
    return (
        f"go_tmpfs_inodes is {inodes}: Go reports 'no space left on device' when the files run out; give at least "
        f"{FEWEST_INODES}, or 0 for the kernel's default."
    )


def remount_options(size: int, inodes: int) -> str:
    """Return the options of mount that bring a live tmpfs to what is wanted."""
    return f"{REMOUNT},size={size // 1024}k" + (f",nr_inodes={inodes}" if inodes else "")


def folder_deviation(mode: int, uid: int, gid: int, account: tuple[int, int]) -> bool | None:
    """Return whether a user's folder has another mode or owner than it should; None where it is somebody else's."""
    if uid not in (0, account[0]):
        return None
    return mode != 0o700 or (uid, gid) != account


def shared_note(path: str, size: int, uids: Sequence[int]) -> str:
    """Return the note that several people share the tmpfs; empty for one, because root is no other person."""
    others = sum(uid != 0 for uid in uids)
    if others < 2:
        return ""
    return f"{others} users share the {size // MIB} MiB on {path}: one of them can fill it for all"


def wanted_lines(path: str, size: int, inodes: int, helper: bool, busybox: bool = False) -> list[fstab.Line]:
    """Return the fstab lines: the tmpfs and, where no systemd makes the folders, the helper that does.

    x-systemd.before: with nofail the mount is not ordered before local-fs.target, so systemd-tmpfiles would make
    the folders below the mount (systemd.mount(5)). x-systemd.wanted-by: systemd passes the helper's line over. Neither
    stands there where C(busybox) says whose mount reads the table, and the helper's line has no file for its source
    then: BusyBox's mount puts a file into a loop device and hands that to the helper, and a device has whole sectors
    only, so that the end of the list is missing (singlemount in util-linux/mount.c).
    """
    options = OPTIONS + (f"size={size // 1024}k",) + ((f"nr_inodes={inodes}",) if inodes else ())
    lines = [
        fstab.Line(SOURCE, path, "tmpfs", options + ("x-systemd.before=local-fs.target", fstab.MARK)),
    ]
    if helper:
        lines.append(
            fstab.Line(
                SOURCE if busybox else FOLDERS_PATH,
                HELPER_TARGET,
                "wsltune",
                ("nofail", "x-systemd.wanted-by=wsltune-without-systemd.target", fstab.MARK),
            )
        )
    return [line.for_busybox() for line in lines] if busybox else lines


def tmp_line(size: int, inodes: int, busybox: bool = False) -> fstab.Line:
    """Return the fstab line that has /tmp in memory from the next start on; systemd and WSL read it.

    x-systemd.before: with nofail nothing else orders the mount before what uses /tmp (systemd.mount(5)).
    """
    options = (*TMP_OPTIONS, f"size={size // 1024}k", f"nr_inodes={inodes or TMP_INODES}")
    line = fstab.Line(SOURCE, "/tmp", "tmpfs", (*options, "x-systemd.before=local-fs.target", fstab.MARK))
    return line.for_busybox() if busybox else line


def is_used(mount_point: str, folders: Sequence[str]) -> bool:
    """Return whether one of C(folders) lies on the mount."""
    return any(f"{folder}/".startswith(f"{mount_point}/") for folder in folders)


def folder_of(path: str, uid: int | str) -> str:
    """Return one user's folder on a tmpfs.

    A number is short: a socket's path has 107 bytes, and Go's t.TempDir() and a test's name are below this folder.
    """
    return f"{path}/{uid}"


def name_settings(path: str) -> dict[str, str]:
    """Return what GOTMPDIR and GOCACHE say of a tmpfs on C(path) for every user, in the words of go_env."""
    own = folder_of(path, "{uid}")
    return {"gotmpdir": own, "gocache": f"{own}/gocache"}


def folders_text(path: str, owners: Sequence[tuple[int, int]], earlier: Sequence[str] = ()) -> str:
    """Return the tmpfiles.d text that makes a folder for each (uid, gid); mount.wsltune reads the same text.

    Numbers, because a group's name may hold a blank, and an account may not be known yet at a start. C(earlier) are the
    lines of folders that Go still uses.
    """
    lines = ["# Written by wsltune: a folder for each user's temporary files of Go, at every start."]
    lines += [f"d {folder_of(path, uid)} 0700 {uid} {gid} -" for uid, gid in owners]
    return "\n".join([*lines, *earlier]) + "\n"


def folder_lines(text: str) -> list[tuple[str, str, int, int]]:
    """Return each line of a tmpfiles.d text with its folder, user id and group id."""
    lines = [(line, line.split()) for line in text.splitlines() if line.startswith("d ")]
    return [
        (line, words[1], int(words[3]), int(words[4]))
        for line, words in lines
        if len(words) > 4 and words[3].isdigit() and words[4].isdigit()
    ]


def lines_in_use(text: str, in_use: Sequence[str], wanted: str) -> list[str]:
    """Return the lines of the folders of an earlier run that Go uses now, unless C(wanted) has them."""
    return [
        line
        for line, folder, _uid, _gid in folder_lines(text)
        if line not in wanted.splitlines() and is_used(folder, in_use)
    ]


HELPER_TEXT = """#!/bin/sh
# Written by wsltune. Without systemd nothing reads tmpfiles.d at a start; `mount -a` does run this, for the
# line of type wsltune in /etc/fstab (mount(8), "external helpers").
PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 077
list=/etc/tmpfiles.d/wsltune-go.conf
case $1 in
/*) [ ! -f "$1" ] || list=$1 ;;
esac
while read -r kind path mode user group _; do
    [ "$kind" = d ] || continue
    [ -e "$path" ] || [ -L "$path" ] || {
        # A number with + is never the name of an account; BusyBox takes no + and no such name.
        mkdir -p -m "$mode" "$path" &&
            { chown -h "+$user:+$group" "$path" 2>/dev/null || chown -h "$user:$group" "$path"; }
    }
done < "$list"
"""


def list_stale(mount_points: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Return the mounts of earlier runs that stay, and the folders that lie on none of them."""
    return [
        *mount_points,
        *(folder for folder in folders if not any(is_used(point, [folder]) for point in mount_points)),
    ]


def headlines(changes: Sequence[str], path: str, folders: Mapping[str, str]) -> list[str]:
    """Return C(changes) in few words: the mount, then whose folders were made."""
    lines = [change for change in changes if not change.startswith(("wrote ", "made "))]
    made = [name for name, folder in folders.items() if f"made {folder}" in changes]
    if made:
        lines.append(f"a folder each there for {', '.join(made)}")
    if changes and not lines:
        lines.append(f"what keeps {path} there after a restart")
    return lines


def parse_live_size(super_options: Sequence[str]) -> int | None:
    """Return the size in bytes that the kernel shows for a tmpfs, None when it shows none."""
    for option in super_options:
        if option.startswith("size="):
            return parse_size(option[len("size=") :], 0)
    return None


def deviations(options: Sequence[str], super_options: Sequence[str], size: int, mode: int, inodes: int) -> list[str]:
    """Return what is wrong with the live tmpfs, as sentences; none when it is as wanted."""
    differences = []
    for flag in ("nosuid", "nodev"):
        if flag not in options:
            differences.append(f"{flag} was missing")
    if "noexec" in options:
        differences.append("noexec was set, which breaks go test and go run")
    if "ro" in options:
        differences.append("it was read-only")
    live = parse_live_size(super_options)
    if live != size:
        differences.append(
            f"its size was {'unlimited' if live is None else f'{live // MIB} MiB'} instead of {size // MIB} MiB"
        )
    if inodes and f"nr_inodes={inodes}" not in super_options and f"nr_inodes={inodes // 1024}k" not in super_options:
        differences.append(f"its number of inodes was not {inodes}")
    if mode != MODE:
        differences.append(f"its mode was {mode:04o} instead of {MODE:04o}")
    return differences


def is_met(observed: Mapping[str, Any], size: str, inodes: int, users: Sequence[str]) -> bool:
    """Return whether the machine that C(observed) describes (observe.observe) already has its folders for C(users).

    False where that has to be looked at closely, such as values that are wrong or a foreign mount.
    """
    mount, people = observed["live"], [observed["users"].get(name) for name in users]
    if mount is None or mount["fstype"] != "tmpfs" or mount["source"] != SOURCE or not people or None in people:
        return False
    try:
        path = check_path(observed["path"])
        wanted = settle_size(size, observed["memory"], observed["fstab"] or "", path)
    except ValueError:
        return False
    lines = wanted_lines(path, wanted, inodes, observed["needs_helper"], observed["busybox"])
    files = (
        _has_lines(observed, lines)
        and len(fstab.lines_for(observed["fstab"] or "", path)) == 1
        and observed["folders"] == folders_text(path, [(person["uid"], person["gid"]) for person in people])
        and observed["helper"] == (HELPER_TEXT if observed["needs_helper"] else None)
    )
    own = all(person["folder"] == [0o700, person["uid"], person["gid"]] for person in people)
    return (
        files and own and not deviations(mount["options"], mount["super_options"], wanted, mount["mode"] or 0, inodes)
    )


def is_met_without_folders(observed: Mapping[str, Any], line: fstab.Line | None) -> bool:
    """Return whether C(line), or no line at all, is all that there is of wsltune's tmpfs."""
    own_mount = observed["live"] is not None and observed["live"]["source"] == SOURCE
    no_folders = observed["folders"] in (None, folders_text(observed["path"], []))
    return _has_lines(observed, [line] if line else []) and no_folders and not own_mount


def _has_lines(observed: Mapping[str, Any], lines: list[fstab.Line]) -> bool:
    table = observed["fstab"] or ""
    try:
        fstab.check(table)
    except fstab.FstabError:
        return False
    return bool(table == fstab.with_lines(table, lines))
