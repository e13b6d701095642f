# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Windows programs: on which drive one lies, and with which environment it is started."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo

LAUNCHED: Mapping[str, str] = {
    "clip.exe": "Windows/System32/clip.exe",
    "cmd.exe": "Windows/System32/cmd.exe",
    "code": "Program Files/Microsoft VS Code/bin/code",
    "explorer.exe": "Windows/explorer.exe",
    "powershell.exe": "Windows/System32/WindowsPowerShell/v1.0/powershell.exe",
    "wsl.exe": "Windows/System32/wsl.exe",
}
"""Those that a distro gets a launcher for, and where each lies below the root of the drive that has Windows."""
_DRIVE = re.compile(r"[A-Za-z]:\\?")


def drive_roots(mounts: Sequence[mountinfo.Mount]) -> list[mountinfo.Mount]:
    """List the mounts of whole Windows drives, C: first, because Windows is nearly always on it."""
    whole = [mount for mount in mounts if mount.windows_drive and _DRIVE.fullmatch(mount.windows_path or "")]
    return sorted(whole, key=lambda mount: (mount.windows_path or "").upper()[:1] != "C")


def is_on_drive(mounts: Sequence[mountinfo.Mount], path: str) -> bool:
    """Return whether a path leads to a Windows drive, and not to what an account mounted over it, as by FUSE."""
    found = mountinfo.find(mounts, path)
    return found is not None and found.windows_drive


def find_program(mounts: Sequence[mountinfo.Mount], program: str, exists: Callable[[str], bool | None]) -> str | None:
    """Return the Linux path of a program that is given below the root of a Windows drive.

    On a drive without Windows anybody may write. So where an account mounted something over the program, or nothing
    answers (C(exists) returns None), it is looked for on no further drive.
    """
    for mount in drive_roots(mounts):
        path = mount.mount_point.rstrip("/") + "/" + program.replace("\\", "/")
        there = exists(path) if is_on_drive(mounts, path) else None
        if there is None:
            return None
        if there:
            return path
    return None


def to_linux(mounts: Sequence[mountinfo.Mount], windows_path: str) -> str | None:
    """Return where a Windows path is mounted, by the longest mount that covers it; case does not count in Windows."""
    wanted = windows_path.replace("/", "\\")
    best: tuple[int, str] | None = None
    for mount in mounts:
        base = (mount.windows_path or "").rstrip("\\")
        if not mount.windows_drive or not base:
            continue
        rest = wanted[len(base) :]
        covers = wanted[: len(base)].lower() == base.lower() and rest[:1] in ("", "\\")
        if covers and (best is None or len(base) > best[0]):
            best = (len(base), mount.mount_point.rstrip("/") + rest.rstrip("\\").replace("\\", "/"))
    if best is None:
        return None
    path = best[1] or "/"
    return path if is_on_drive(mounts, path) else None


def environment(base: dict[str, str], socket: str | None) -> dict[str, str]:
    """Return the environment of the Linux side: nothing of it crosses to Windows."""
    result = {**base, "WSLENV": ""}
    if socket:
        result["WSL_INTEROP"] = socket
    return result
