# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Launchers for the Windows programs that people start from a distro, for when PATH has no Windows directories.

Interop runs a Windows program by its path whatever PATH says, so a launcher is two lines of shell.
"""

from __future__ import annotations

import functools
import glob
import os
import shlex
from collections.abc import Mapping, Sequence

from ansible_collections.wsltune.go.plugins.module_utils.linux import look, mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.wsl import interop

FOLDER = "/usr/local/bin"
PROGRAMS: Mapping[str, Sequence[str]] = {
    "clip.exe": ["Windows/System32/clip.exe"],
    "cmd.exe": ["Windows/System32/cmd.exe"],
    "code": [
        "Program Files/Microsoft VS Code/bin/code",
        "Users/*/AppData/Local/Programs/Microsoft VS Code/bin/code",
    ],
    "explorer.exe": ["Windows/explorer.exe"],
    "powershell.exe": ["Windows/System32/WindowsPowerShell/v1.0/powershell.exe"],
    "wsl.exe": ["Windows/System32/wsl.exe"],
}
"""Where each lies below the root of a drive, the best place first."""
LIMIT = 20.0
"""Seconds for looking at the drives, which may never answer."""
SEARCHED = ("/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where a program of the same name on the distro's own disk makes a launcher unnecessary."""


def find(drives: Sequence[str]) -> dict[str, str]:
    """Return the path of each program on the drives; not of one that several people each have for themselves."""
    programs: dict[str, str] = {}
    for name, places in PROGRAMS.items():
        for pattern in (os.path.join(glob.escape(drive), place) for drive in drives for place in places):
            matches = [path for path in glob.glob(pattern) if os.path.isfile(path)]
            if len(matches) == 1 and name not in programs:
                programs[name] = matches[0]
    return programs


def find_in_time(mounts: Sequence[mountinfo.Mount]) -> dict[str, str]:
    """Return what find() returns for the Windows drives in C(mounts); nothing when they do not answer in time."""
    drives = [mount.mount_point for mount in interop.drive_roots(mounts)]
    try:
        found: dict[str, str] = look.once(functools.partial(find, drives), LIMIT) if drives else {}
    except OSError:
        return {}
    # Every account starts them, and one could have mounted its own over a folder of the drive.
    return {name: path for name, path in found.items() if interop.is_on_drive(mounts, path)}


def launcher(program: str) -> str:
    """Return the text of a launcher for a Windows program."""
    return f'#!/bin/sh\n# Made by wsltune because PATH has no Windows directories.\nexec {shlex.quote(program)} "$@"\n'


def plan(programs: Mapping[str, str], taken: Sequence[str], folder: str) -> dict[str, str]:
    """Return the launchers to write, by path; none for a name that the distro's own disk has already (C(taken))."""
    return {os.path.join(folder, name): launcher(path) for name, path in sorted(programs.items()) if name not in taken}


def names_taken(ours: Sequence[str], folder: str) -> list[str]:
    """Return the names of programs that the distro has itself; C(ours) are the paths of launchers."""
    folders = [folder, *SEARCHED]
    paths = {name: [os.path.join(folder, name) for folder in folders] for name in PROGRAMS}
    return [name for name, places in paths.items() if any(os.path.lexists(p) and p not in ours for p in places)]
