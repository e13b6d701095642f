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
PROGRAMS: Mapping[str, str] = {
    "clip.exe": "Windows/System32/clip.exe",
    "cmd.exe": "Windows/System32/cmd.exe",
    "code": "Program Files/Microsoft VS Code/bin/code",
    "explorer.exe": "Windows/explorer.exe",
    "powershell.exe": "Windows/System32/WindowsPowerShell/v1.0/powershell.exe",
    "wsl.exe": "Windows/System32/wsl.exe",
}
"""Where each lies below the root of the drive that has Windows."""
OWN_PROGRAMS: Mapping[str, str] = {"code": "AppData/Local/Programs/Microsoft VS Code/bin/code"}
"""Where a person has one that is not there, in a profile."""
SYSTEM = "Windows/System32"
PROFILES = "Users/*/AppData/Local"
NOBODYS = ("default", "default user", "public", "all users")
"""What lies beside the profiles; everybody can look into it."""
LIMIT = 20.0
"""Seconds for looking at the drives, which may never answer."""
SEARCHED = ("/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where a program of the same name on the distro's own disk makes a launcher unnecessary."""


def find(mounts: Sequence[mountinfo.Mount]) -> dict[str, str]:
    """Return the path of each program; none that another Windows user could have put there.

    On a drive that has not Windows any of them may write.
    """
    folder = interop.find_program(mounts, SYSTEM, os.path.isdir)
    if folder is None:
        return {}
    system = folder[: -len(SYSTEM) - 1]
    own = find_own_profile(system)
    paths = {name: os.path.join(own, place) for name, place in OWN_PROGRAMS.items()} if own else {}
    programs = {name: path for name, path in paths.items() if os.path.isfile(path)}
    paths = {name: os.path.join(system, place) for name, place in PROGRAMS.items()}
    return {**programs, **{name: path for name, path in paths.items() if os.path.isfile(path)}}


def find_own_profile(system: str) -> str | None:
    """Return the profile of the Windows user whose distro this is; None where more than one may be it.

    That user can always look into it. Another one is there to look into where its user opened it, or where WSL has an
    administrator's rights.
    """
    found = [path[: -len("/AppData/Local")] for path in glob.glob(os.path.join(glob.escape(system), PROFILES))]
    profiles = [path for path in found if os.path.basename(path).lower() not in NOBODYS]
    return profiles[0] if len(profiles) == 1 else None


def find_in_time(mounts: Sequence[mountinfo.Mount]) -> dict[str, str]:
    """Return what find() returns for the Windows drives in C(mounts); nothing when they do not answer in time."""
    try:
        found: dict[str, str] = look.once(functools.partial(find, mounts), LIMIT) if interop.drive_roots(mounts) else {}
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
