# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judges /etc/fstab: lines on which `mount -a` fails or waits, by libmount's rules and systemd's."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor.check import Check
from ansible_collections.wsltune.go.plugins.module_utils.linux import fstab
from ansible_collections.wsltune.go.plugins.module_utils.linux.text import join_names

# WSL gives a distro this long before it gives up (wsl2.distributionStartTimeout).
START_TIMEOUT = 60
# systemd's list (fstype_is_network in src/basic/mountpoint-util.c), with and without "fuse." before them.
_REMOTE = "afs ceph cifs davfs gfs gfs2 glusterfs lustre ncp ncpfs nfs nfs4 ocfs2 pvfs2 smb3 smbfs sshfs"
# FUSE programs that reach over the network and are not on it.
_PROGRAMS = "blobfuse blobfuse2 curlftpfs davfs2 gcsfuse goofys juicefs mount.davfs nfs-fuse rclone s3fs smbnetfs"
# They have a file or a disk for a source, not a name that only they know.
_DISKS = (
    "bcachefs btrfs erofs exfat ext2 ext3 ext4 f2fs fuseblk iso9660 jfs msdos ntfs ntfs-3g ntfs3 reiserfs squashfs udf "
    "vfat xfs"
)
REMOTE_KINDS = frozenset(_REMOTE.split())
NETWORK_KINDS = REMOTE_KINDS | frozenset(_PROGRAMS.split())
DISK_KINDS = frozenset(_DISKS.split())
ALWAYS_KNOWN = ("swap", "none", "auto", "bind", "tmpfs", "proc", "sysfs", "devpts", "drvfs")
_SERVER = re.compile(r"[A-Za-z][\w+.-]+://|[^/\s@]+@[^/\s:]+:|(?:\[[0-9A-Fa-f:]+\]|[^/\s.][^/\s]+):/")
"""A source with a server in it: an address, user@host: or host:/path. C:/ is a drive, .host:/ the host of a VM."""
TAGS = {
    "ID": "by-id",
    "LABEL": "by-label",
    "PARTLABEL": "by-partlabel",
    "PARTUUID": "by-partuuid",
    "UUID": "by-uuid",
}
"""The folder of /dev/disk for each kind of name that a file system's disk may have (fstab(5))."""


def link_name(value: str) -> str:
    """Return how udev spells the name of a disk in /dev/disk (encode_devnode_name in src/shared/device-nodes.c)."""
    # An escape is for a byte; what is beyond ASCII stays, unless it is no UTF-8.
    return "".join(
        char
        if char in "#+-.:=@_" or (char.isascii() and char.isalnum()) or "\x80" <= char < "\ud800" or char > "\udfff"
        else "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
        for char in value
    )


def path_of(line: fstab.Line) -> str:
    """Return the path that C(line) needs for its source; nothing where the source is none, or only a helper knows it.

    A share (//server/name), the branches of a pool (/a:/b, /a*), sshfs#host: and names such as tmpfs are no paths.
    """
    name, equals, value = line.source.partition("=")
    if equals and name in TAGS:
        quoted = re.fullmatch(r"\"(.*)\"|'(.*)'", value)
        return f"/dev/disk/{TAGS[name]}/{link_name((quoted[1] or quoted[2] or '') if quoted else value)}"
    if not line.source.startswith("/") or line.source.startswith("//") or is_network(line):
        return ""
    loops = any(option.partition("=")[0] == "loop" for option in line.options)
    if is_bind(line) or loops or line.fstype in DISK_KINDS:
        return line.source
    pool = re.search(r"[:*?\[,]", line.source)
    return line.source if line.source.startswith("/dev/") and not (line.fstype.startswith("fuse") and pool) else ""


def is_bind(line: fstab.Line) -> bool:
    """Return whether the line mounts a folder of this machine a second time."""
    return any(option in ("bind", "rbind") for option in line.options)


def is_remote(line: fstab.Line) -> bool:
    """Return whether the mount is of systemd's remote-fs.target, whose failure stops no start (systemd.mount(5))."""
    return "_netdev" in line.options or _kind(line) in REMOTE_KINDS


def _kind(line: fstab.Line) -> str:
    return re.sub(r"^fuse3?\.", "", line.fstype)


def is_network(line: fstab.Line) -> bool:
    """Return whether the mount asks a server."""
    program = line.source.partition("#")[0] if line.fstype == "fuse" and "#" in line.source else _kind(line)
    if is_remote(line) or program in NETWORK_KINDS:
        return True
    # Kinds come and go, but the source names a server wherever there is one.
    local = line.source.partition("=")[0] in TAGS or line.fstype == "drvfs" or line.fstype in DISK_KINDS
    return not local and (bool(_SERVER.match(line.source)) or "trans=tcp" in line.options)


def is_share(line: fstab.Line) -> bool:
    """Return whether WSL mounts a folder that Windows has from a server."""
    return line.fstype == "drvfs" and bool(re.match(r"[/\\]{2,}[^/\\]", line.source))


@dataclass(frozen=True)
class Failure:
    """A line that fails: its number, why, whether systemd stops at it, and whether systemd mounts it all the same.

    C(missing) is the path that is not there, where that is why.
    """

    number: int
    reason: str
    stops: bool = False
    later: bool = False
    command: str = ""
    missing: str = ""

    def __str__(self) -> str:
        return f"line {self.number}: {self.reason}"


def lines(content: str) -> tuple[list[tuple[int, fstab.Line]], list[Failure]]:
    """Return the mounts of an fstab with the numbers of their lines, and the lines that cannot be read."""
    mounts, broken = [], []
    for number, row in enumerate(fstab.rows(content), 1):
        try:
            line = fstab.parse_line(row)
        except fstab.FstabError as error:
            broken.append(Failure(number, f"{error}, so mount passes over it"))
            continue
        if line is not None:
            mounts.append((number, line))
    return mounts, broken


def judge(seen: Mapping[str, Any], is_wsl: bool, systemd: bool | None, drives: Sequence[str]) -> list[Check]:
    """WT-027 and WT-028: lines on which `mount -a` fails or waits."""
    if seen.get("unknown"):
        return [doctor_check.unknown(check_id, f"/etc/fstab: {seen['unknown']}.") for check_id in ("WT-027", "WT-028")]
    if seen.get("text") is None:
        reason = "There is no /etc/fstab."
        if is_wsl:
            return [
                Check(
                    "WT-027",
                    doctor_check.WARNING,
                    f"{reason} WSL says at each start that mount -a failed.",
                    command="sudo touch /etc/fstab",
                ),
                doctor_check.ok("WT-028", reason),
            ]
        return [doctor_check.ok("WT-027", reason), doctor_check.ok("WT-028", reason)]
    mounts, failures = lines(seen["text"])
    silent = seen.get("silent", {})
    waiting: list[tuple[int, fstab.Line]] = []
    unanswered: list[tuple[int, fstab.Line]] = []
    own_drives: set[str] = set()
    to_come: list[str] = []
    for number, line in mounts:
        if line.fstype == "drvfs":
            own_drives.add(line.mount_point)
        if _waits(line, is_wsl):
            waiting.append((number, line))
        if line.mount_point in silent or line.source in silent:
            unanswered.append((number, line))
            continue
        if "noauto" in line.options or (line.mount_point.rstrip("/") or "/") in seen["mounted"]:
            continue
        failure = _fails(number, line, seen, drives if is_wsl else (), own_drives, is_wsl, bool(systemd))
        # What lies on a mount that is yet to come says nothing of its own line.
        if failure and not (failure.missing and any(f"{failure.missing}/".startswith(place) for place in to_come)):
            failures.append(failure)
        elif line.mount_point.startswith("/"):
            to_come.append(line.mount_point.rstrip("/") + "/")
    failures.sort(key=lambda failure: failure.number)
    rows = fstab.rows(seen["text"])
    edits = [on_demand(number, line, rows[number - 1], systemd) for number, line in waiting]
    return [_failing(failures, unanswered, silent, is_wsl), _hanging(waiting, edits, unanswered, silent)]


def _lets_go_on(line: fstab.Line) -> bool:
    """Return whether systemd starts without the mount: only what local-fs.target needs stops it (systemd.mount(5))."""
    return bool({"nofail", "x-systemd.automount"} & set(line.options)) or is_remote(line)


def _fails(
    number: int,
    line: fstab.Line,
    seen: Mapping[str, Any],
    drives: Sequence[str],
    own_drives: set[str],
    is_wsl: bool,
    systemd: bool,
) -> Failure | None:
    """Return why C(line), which is not mounted now, fails."""
    there = seen["there"]
    if line.fstype in ("swap", "none", "ignore", "wsltune") and not is_bind(line):
        return None
    stops = systemd and not _lets_go_on(line)
    if not line.mount_point.startswith("/"):
        odd = "; a no-break space separates nothing" if "\u00a0" in "".join((line.source, *line.options)) else ""
        return Failure(number, f"{line.mount_point!r} is no folder's path{odd}")
    made = any(option.lower().partition("=")[0] == "x-mount.mkdir" for option in line.options)
    if not there.get(line.mount_point, True) and not made and (is_wsl or not systemd):
        # systemd makes the folders of its mounts; WSL's own mount -a comes before it.
        command = f"sudo mkdir -p {shlex.quote(line.mount_point)}"
        reason = f"the folder {line.mount_point} does not exist"
        return Failure(number, reason, later=systemd, command=command, missing=line.mount_point)
    below = [drive for drive in drives if line.source == drive or line.source.startswith(drive + "/")]
    if below and not own_drives & set(below):
        return Failure(number, f"{line.source} is on a Windows drive, which WSL mounts only after fstab", stops)
    if path_of(line) and not there.get(line.source, True):
        stops = stops and not _contradicts(seen, line, "unreachable")
        return Failure(number, f"{line.source} does not exist", stops, missing=path_of(line))
    known = line.fstype in seen["kinds"] or line.fstype in ALWAYS_KNOWN or line.fstype.startswith("fuse")
    if not known and not seen["modules"] and not is_network(line) and "," not in line.fstype and not is_bind(line):
        reason = f"the kernel has no file system {line.fstype!r}"
        return Failure(number, reason, stops and not _contradicts(seen, line, "unsupported"))
    return None


def _contradicts(seen: Mapping[str, Any], line: fstab.Line, word: str) -> bool:
    """Return whether findmnt or mount, where they could be asked, do not blame C(line) with C(word)."""
    verdict = seen.get("findmnt")
    if verdict is not None and word not in " ".join(verdict.get(line.mount_point, [])):
        return True
    # mount looks for a disk by its name itself, also where udev made no links.
    return "=" in line.source and line.mount_point in (seen.get("mount_fake") or ())


def parse_verify(output: str) -> dict[str, list[str]]:
    """Return what `findmnt --verify` says of each mount point: its errors and warnings."""
    reasons: dict[str, list[str]] = {}
    here = ""
    for row in output.split("\n"):
        if re.match(r"\s+\[[EW]\]", row):
            reasons.setdefault(here, []).append(row.strip())
        elif row and not row[0].isspace():
            here = row
    return reasons


def parse_fake(output: str) -> list[str]:
    """Return the mount points that `mount --fake --all --verbose` would mount."""
    return re.findall(r"^(\S.*?)\s+: successfully mounted$", output, re.MULTILINE)


def _waits(line: fstab.Line, is_wsl: bool) -> bool:
    if "noauto" in line.options or not (is_network(line) or (is_wsl and is_share(line))):
        return False
    # WSL calls mount -a before the network is up and waits for it, whatever nofail, _netdev and systemd's options say.
    return is_wsl or not {"nofail", "_netdev", "x-systemd.automount"} & set(line.options)


def _failing(
    failures: Sequence[Failure],
    unanswered: Sequence[tuple[int, fstab.Line]],
    silent: Mapping[str, str],
    is_wsl: bool,
) -> Check:
    if not failures and unanswered:
        number, line = unanswered[0]
        place = line.mount_point if line.mount_point in silent else line.source
        return doctor_check.unknown(
            "WT-027", f"Whether line {number} of /etc/fstab can be mounted is not known: {place} gives {silent[place]}."
        )
    if not failures:
        return doctor_check.ok("WT-027", "Every line of /etc/fstab can be mounted.")
    stops = any(failure.stops for failure in failures)
    effect = "systemd stops in emergency mode for it" if stops else "the mount is not there after a start"
    first = next((failure for failure in failures if failure.stops), failures[0])
    if all(failure.later for failure in failures):
        effect = "systemd makes the folder and mounts it later"
    return Check(
        "WT-027",
        doctor_check.CRITICAL if stops else doctor_check.WARNING,
        f"/etc/fstab has lines that fail: {join_names([str(failure) for failure in failures])}.",
        effect=effect + (", and WSL says that mount -a failed" if is_wsl else ""),
        command=first.command or f"sudo sed -i '{first.number}s/^/# /' /etc/fstab",
    )


def on_demand(number: int, line: fstab.Line, row: str, systemd: bool | None) -> str:
    """Return what has sed give C(line) the options to be mounted when needed; without systemd that is by hand."""
    wanted = ["noauto", *(["x-systemd.automount"] if systemd else [])]
    options = ",".join(option for option in wanted if option not in line.options)
    # A line may end after its third field.
    if len(re.split("[ \t]+", row.strip(" \t\r\n"))) > 3:
        return rf"-e '{number}s/^([ \t]*([^ \t]+[ \t]+){{3}}[^ \t\r]+)/\1,{options}/'"
    return rf"-e '{number}s/[ \t\r]*$/ {options}/'"


def _hanging(
    waiting: Sequence[tuple[int, fstab.Line]],
    edits: Sequence[str],
    unanswered: Sequence[tuple[int, fstab.Line]],
    silent: Mapping[str, str],
) -> Check:
    dead = [(number, line) for number, line in unanswered if line.mount_point in silent]
    if dead:
        number, line = dead[0]
        names = [f"{line.mount_point} (line {number}, {line.fstype}) gives {silent[line.mount_point]}"]
        names += [f"{line.mount_point} (line {number}, {line.fstype}) too" for number, line in dead[1:]]
        return Check(
            "WT-028",
            doctor_check.WARNING,
            f"A mount of /etc/fstab does not answer: {join_names(names)}.",
            effect="every program that looks there waits, and so may the next start",
            command=f"sudo umount -l {shlex.quote(line.mount_point)}",
        )
    if not waiting:
        return doctor_check.ok("WT-028", "No line of /etc/fstab makes a start wait for the network.")
    names = [f"line {number} ({line.source} on {line.mount_point}, {line.fstype})" for number, line in waiting]
    return Check(
        "WT-028",
        doctor_check.WARNING,
        f"/etc/fstab mounts over the network at start: {join_names(names)}.",
        value=START_TIMEOUT,
        unit="s",
        effect=f"a start waits up to {START_TIMEOUT} s when the server does not answer",
        command=f"sudo sed -i -E {' '.join(edits)} /etc/fstab",
    )
