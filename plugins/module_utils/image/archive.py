# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judges the members of an archive before any of them is unpacked. Pure.

An archive is unpacked by root, so no member may be written through a link, outside of the folder or as a device. Links
themselves stay as they are: they count inside of the image alone. build.pack writes an archive, and makes it the same
each time.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

FILE, FOLDER, LINK, HARDLINK, DEVICE, FIFO, OTHER = (
    "file",
    "folder",
    "link",
    "hard link",
    "device",
    "FIFO",
    "special file",
)
VOLATILE = ("dev", "proc", "sys", "run")
"""Folders that each start fills; what an archive has in them is not unpacked."""
LEFT_OUT = tuple(f"{start}{name}/" for name in VOLATILE for start in ("./", "", "/"))
"""Beginnings of the names that build.unpack has tar leave out."""
MOST_LINKS = 40


class ImageError(ValueError):
    """Why no image can be made of what was given; the message is one sentence for users."""


@dataclass(frozen=True)
class Member:
    """One entry of an archive; C(target) is where a link of either kind leads."""

    name: str
    kind: str
    size: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    target: str = ""


def is_volatile(name: str) -> bool:
    """Return whether a member lies in a folder that each start fills."""
    return name.partition("/")[0] in VOLATILE and "/" in name


def clean_name(name: str) -> str:
    """Return a name without what only says that it is relative to the root; ImageError where it leads out of it."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ImageError(f"the archive has {name!r}, which leads out of the folder that it is unpacked in")
    return "/".join(parts)


def above(name: str) -> Iterable[str]:
    """Yield every folder above the name, the innermost first."""
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def check(members: Iterable[Member]) -> dict[str, Member]:
    """Return the members to unpack by name, such as C(etc/passwd); ImageError for an archive that could do harm."""
    members_by_name: dict[str, Member] = {}
    for member in members:
        name = clean_name(member.name)
        if is_volatile(name) and not member.name.startswith(LEFT_OUT):
            # tar would unpack it, because by the name that it has there it is none of those.
            raise ImageError(f"the archive has {member.name!r}: make it anew, by `tar -C FOLDER -cf FILE .`")
        if not name or is_volatile(name):
            continue
        renamed = replace(member, name=name)
        _check_kind(renamed, members_by_name)
        through = next(
            (part for part in above(name) if part in members_by_name and members_by_name[part].kind != FOLDER), None
        )
        if through is not None:
            raise ImageError(
                f"the archive has {name!r} below {through!r}, which is no folder but a {members_by_name[through].kind}"
            )
        if name in members_by_name and not renamed.kind == members_by_name[name].kind == FOLDER:
            raise ImageError(f"the archive has {name!r} twice")
        members_by_name[name] = renamed
    if not members_by_name:
        raise ImageError("the archive is empty")
    return members_by_name


def _check_kind(member: Member, members: Mapping[str, Member]) -> None:
    if member.kind in (DEVICE, FIFO, OTHER):
        raise ImageError(f"the archive has a {member.kind} outside of /dev, {member.name!r}")
    if member.kind == HARDLINK:
        target = clean_name(member.target)
        if target not in members or members[target].kind not in (FILE, HARDLINK):
            raise ImageError(
                f"the archive has the hard link {member.name!r} to {member.target!r}, which is no file before it"
            )


def resolve(members: Mapping[str, Member], path: str) -> Member | None:
    """Return what C(path) is inside of the image, links followed; None for nothing, or links without end."""
    left = [part for part in path.split("/") if part not in ("", ".")]
    at: list[str] = []
    links = 0
    while left:
        part = left.pop(0)
        if part == "..":
            at = at[:-1]
            continue
        member = members.get("/".join([*at, part]))
        if member is None:
            return None
        if member.kind == LINK:
            links += 1
            if links > MOST_LINKS:
                return None
            at = [] if member.target.startswith("/") else at
            left = [name for name in member.target.split("/") if name not in ("", ".")] + left
            continue
        at.append(part)
    return members.get(posixpath.join(*at)) if at else None


def is_root(members: Mapping[str, Member]) -> bool:
    """Return whether the members are a root file system, and not a folder that has one, or something else."""
    return resolve(members, "/etc/passwd") is not None and resolve(members, "/bin/sh") is not None


def check_root(members: Mapping[str, Member]) -> None:
    """Raise ImageError where the members are no root file system."""
    link = next((name for name in (*VOLATILE, "tmp") if members.get(name, Member(name, FOLDER)).kind != FOLDER), "")
    if link:
        raise ImageError(f"the archive has {link!r}, which is no folder but a {members[link].kind}")
    if is_root(members):
        return
    folder = next((name for name in sorted(members) if resolve(members, f"{name}/etc/passwd") is not None), "")
    if folder:
        raise ImageError(f"the archive has its root file system in the folder {folder!r}: make it from inside of that")
    raise ImageError("the archive is no root file system: it has no /etc/passwd or no /bin/sh")


PROGRAMS = {
    "python3": ("/usr/bin/python3", "the roles and the first start need"),
    "bash": ("/bin/bash", "Microsoft's rules for distributions ask for"),
}
"""What an image needs by package, where it lies, and why."""


def check_programs(members: Mapping[str, Member]) -> None:
    """Raise ImageError where a program is missing without which no image can be made."""
    missing = {name: why for name, why in PROGRAMS.items() if resolve(members, why[0]) is None}
    if missing:
        reasons = " and ".join(f"no {path}, which {why}" for path, why in missing.values())
        names = " ".join(missing)
        raise ImageError(
            f"the archive has {reasons}: install {names} in the source by its package manager, such as"
            f" `apt-get install {names}` or `apk add {names}`"
        )


def count_bytes(members: Iterable[Member]) -> int:
    """Return what the members take on a disk with blocks of 4 KiB."""
    return sum(4096 * (1 + (member.size + 4095) // 4096) for member in members)
