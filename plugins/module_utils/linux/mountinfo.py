# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read /proc/self/mountinfo and tell which mounts are Windows drives."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import text

# WSL keeps a link per virtiofs tag here; it leads to the Windows path.
VIRTIOFS_LINKS = "/run/wsl/virtiofs"


IN_MEMORY = ("tmpfs", "ramfs")
"""File systems whose files never reach a disk."""


@dataclass(frozen=True)
class Mount:
    """One line of mountinfo. `windows_path` is the Windows side of `mount_point`, where it is known."""

    mount_point: str
    root: str
    fstype: str
    source: str
    options: list[str] = field(default_factory=list)
    super_options: list[str] = field(default_factory=list)
    windows_drive: bool = False
    windows_path: str | None = None
    mount_id: int = 0
    parent_id: int = 0
    device: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the mount as facts have it."""
        return asdict(self)


def _unescape(word: str) -> str:
    # No others than the kernel's own, so that "C:\\2024" is not mistaken for an escape.
    return text.unescape(word, text.MOUNTINFO)


def _join_windows(base: str, rest: str) -> str:
    if len(base) == 2 and base[1] == ":":
        base += "\\"
    rest = rest.strip("/").replace("/", "\\")
    return base.rstrip("\\") + "\\" + rest if rest else base


def _drvfs_server_options(super_options: Sequence[str]) -> dict[str, str] | None:
    """Return what WSL's 9p server was given, or None where it is not WSL's drive server."""
    for option in super_options:
        name, _sep, value = option.partition("=")
        if name == "aname":
            server, *rest = value.split(";")
            if server != "drvfs":
                return None
            pairs = [part.partition("=") for part in rest if part]
            return {key: val for key, _eq, val in pairs}
    return None


def _windows_side(
    fstype: str, source: str, root: str, super_options: Sequence[str], is_wsl: bool, links: Mapping[str, str]
) -> tuple[bool, str | None]:
    if fstype == "drvfs":
        return True, _join_windows(source, root)
    if fstype == "9p":
        server = _drvfs_server_options(super_options)
        if server is None:
            return False, None
        path = server.get("path", "")
        if path.startswith("UNC\\"):
            path = "\\" + path[3:]
        return True, _join_windows(path, root) if path else None
    if fstype == "virtiofs" and is_wsl:
        if source in links:
            return True, _join_windows(links[source], root)
        # One device for all drives: the tag is the first folder of the root.
        tag, _sep, rest = root.lstrip("/").partition("/")
        if tag in links:
            return True, _join_windows(links[tag], rest)
        return True, None
    return False, None


def table() -> str:
    """Return the kernel's text of the mounts that this process sees."""
    # A mount point, such as that of a user's own file system, may hold a carriage return.
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape", newline="\n") as handle:
        return handle.read()


def parse(table: str, is_wsl: bool = False, virtiofs_links: Mapping[str, str] | None = None) -> list[Mount]:
    """Return the mounts in the order of the table.

    virtiofs is what many virtual machines use, so it counts as a Windows drive only where `is_wsl`
    says so; `virtiofs_links` is what the links in VIRTIOFS_LINKS lead to, by their name.
    """
    links = virtiofs_links or {}
    mounts = []
    for number, line in enumerate(table.split("\n"), 1):
        if not line.strip():
            continue
        # The super options come last because 9p does not escape the blanks in its Windows paths.
        before, dash, after = line.partition(" - ")
        head, tail = before.split(" "), after.split(" ", 2)
        if not dash or len(head) < 6 or len(tail) < 2 or not (head[0].isdigit() and head[1].isdigit()):
            raise ValueError(
                f"mountinfo line {number} is not one ({line[:80]!r}): read /proc/self/mountinfo, not /proc/mounts."
            )
        fstype, source = _unescape(tail[0]), _unescape(tail[1])
        root, mount_point = _unescape(head[3]), _unescape(head[4])
        super_options = [_unescape(option) for option in (tail[2] if len(tail) > 2 else "").split(",") if option]
        drive, windows_path = _windows_side(fstype, source, root, super_options, is_wsl, links)
        mounts.append(
            Mount(
                mount_point=mount_point,
                root=root,
                fstype=fstype,
                source=source,
                options=[_unescape(option) for option in head[5].split(",")],
                super_options=super_options,
                windows_drive=drive,
                windows_path=windows_path,
                mount_id=int(head[0]),
                parent_id=int(head[1]),
                device=head[2],
            )
        )
    return mounts


def _covers(mount_point: str, path: str) -> bool:
    return mount_point == "/" or path == mount_point or path.startswith(mount_point + "/")


def find(mounts: Sequence[Mount], path: str) -> Mount | None:
    """Return the mount that `path` lies on; `path` is absolute and without symbolic links.

    It goes down from mount to mount as the kernel does, so that a mount over a parent folder hides what was
    mounted below it before. In most tables that is simply the longest mount point.
    """
    path = "/" + posixpath.normpath(path).lstrip("/")
    ids = {mount.mount_id for mount in mounts}
    top = [mount for mount in mounts if mount.parent_id not in ids or mount.parent_id == mount.mount_id]
    root = next((mount for mount in top if mount.mount_point == "/"), None)

    children: dict[int, list[Mount]] = {}
    for mount in mounts:
        if mount is root or not _covers(mount.mount_point, path):
            continue
        known = mount.parent_id in ids and mount.parent_id != mount.mount_id
        children.setdefault(mount.parent_id if known else (root.mount_id if root else -1), []).append(mount)

    here = root
    seen = {root.mount_id} if root else set()
    while True:
        below = [mount for mount in children.get(here.mount_id if here else -1, ()) if mount.mount_id not in seen]
        if not below:
            return here
        # The first one met on the way down; of several on one spot, the last.
        shortest = min(len(mount.mount_point) for mount in below)
        here = [mount for mount in below if len(mount.mount_point) == shortest][-1]
        seen.add(here.mount_id)


def path_inside(mount: Mount, path: str) -> str:
    """Return where a path that lies on its mount is in the file system itself, of which a bind shows a part."""
    return mount.root.rstrip("/") + path[len(mount.mount_point.rstrip("/")) :]


def windows_path(mount: Mount, path: str) -> str | None:
    """Return what Windows calls a path that lies on its mount; None where it is not known."""
    return _join_windows(mount.windows_path, path[len(mount.mount_point.rstrip("/")) :]) if mount.windows_path else None
