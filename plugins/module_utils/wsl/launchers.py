# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Launchers for the Windows programs that people start from a distro, for when PATH has no Windows directories.

Interop runs a Windows program by its path whatever PATH says, so a launcher is two lines of shell.
"""

from __future__ import annotations

import contextlib
import functools
import glob
import os
import shlex
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.linux import files, look, mountinfo, process, text
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import programs as wsl_programs

OWN_PROGRAMS: Mapping[str, str] = {"code": "AppData/Local/Programs/Microsoft VS Code/bin/code"}
"""Where a person has one that is not there, in a profile."""
SYSTEM = "Windows/System32"
DATA = "/AppData/Local"
ASKED = ("/d", "/u", "/c", "echo", "%LOCALAPPDATA%")
SECONDS = 10.0
"""For an answer of Windows."""
NOBODYS = ("default", "default user", "public", "all users")
"""What lies beside the profiles; everybody can look into it."""
LIMIT = 20.0
"""Seconds for looking at the drives, which may never answer."""
SEARCHED = ("/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where a program of the same name on the distro's own disk makes a launcher unnecessary."""


def find(mounts: Sequence[mountinfo.Mount], ask: Callable[[], str | None] = lambda: None) -> dict[str, str | None]:
    """Return the path of each program; none that another Windows user could have put there, None where that is unknown.

    On a drive that has not Windows any of them may write. C(ask) says which profile is the own one. Where it does not,
    that is the only one to look into: into its own a user always can, and into others where their users opened them or
    where WSL has an administrator's rights.
    """
    folder = wsl_programs.find_program(mounts, SYSTEM, os.path.isdir)
    if folder is None:
        return {}
    system = folder[: -len(SYSTEM) - 1]
    profiles = [path[: -len(DATA)] for path in glob.glob(os.path.join(glob.escape(system), f"Users/*{DATA}"))]
    profiles = [path for path in profiles if os.path.basename(path).lower() not in NOBODYS]
    programs: dict[str, str | None] = {}
    for name, place in OWN_PROGRAMS.items():
        there = [path for path in profiles if os.path.isfile(os.path.join(path, place))]
        own = (ask() or (profiles[0] if len(profiles) == 1 else None)) if there else None
        same = [path for path in there if own and path.lower() == own.lower()]
        if same or (there and own is None):
            programs[name] = os.path.join(same[0], place) if same else None
    paths = {name: os.path.join(system, place) for name, place in wsl_programs.LAUNCHED.items()}
    return {**programs, **{name: path for name, path in paths.items() if os.path.isfile(path)}}


def ask_profile(mounts: Sequence[mountinfo.Mount], machine: wsl_judge.Machine) -> str | None:
    """Return what Windows says is the profile of the user whose distro this is; None where it does not say."""
    program = wsl_programs.find_program(mounts, wsl_programs.LAUNCHED["cmd.exe"], os.path.isfile)
    # Without a socket WSL's program looks for one of a parent by its number, and anybody can make one of that name.
    if program is None or not machine.safe_sockets or wsl_judge.interop(machine)["enabled"] is False:
        return None
    environment = wsl_programs.environment({"PATH": os.defpath}, f"/run/WSL/{machine.safe_sockets[0]}")
    try:
        # By /u in UTF-16, and in a folder of a drive, because cmd.exe complains of others.
        out = process.run([program, *ASKED], environment, os.path.dirname(program), limit=SECONDS).out
    except OSError:
        return None
    said = text.encode(out).decode("utf-16-le", "replace").strip()
    # One that is mounted nowhere is none of those that are there.
    path = (wsl_programs.to_linux(mounts, said) or said) if "\\" in said else ""
    return path.removesuffix(DATA) or None


def find_in_time(mounts: Sequence[mountinfo.Mount], machine: wsl_judge.Machine) -> dict[str, str | None]:
    """Return what find() returns for the Windows drives in C(mounts); nothing when they do not answer in time."""
    look_for = functools.partial(find, mounts, functools.partial(ask_profile, mounts, machine))
    try:
        found: dict[str, str | None] = look.once(look_for, LIMIT) if wsl_programs.drive_roots(mounts) else {}
    except OSError:
        return {}
    # Every account starts them, and one could have mounted its own over a folder of the drive.
    return {name: path for name, path in found.items() if path is None or wsl_programs.is_on_drive(mounts, path)}


def launcher(program: str) -> str:
    """Return the text of a launcher for a Windows program."""
    return f'#!/bin/sh\n# Made by wsltune because PATH has no Windows directories.\nexec {shlex.quote(program)} "$@"\n'


def plan(programs: Mapping[str, str | None], taken: Sequence[str], folder: str) -> dict[str, str]:
    """Return the launchers to write, by path; none for a name that the distro's own disk has already (C(taken))."""
    known = {name: path for name, path in sorted(programs.items()) if path is not None and name not in taken}
    return {os.path.join(folder, name): launcher(path) for name, path in known.items()}


def names_taken(ours: Sequence[str], folder: str) -> list[str]:
    """Return the names of programs that the distro has itself; C(ours) are the paths of launchers."""
    folders = [folder, *SEARCHED]
    paths = {name: [os.path.join(folder, name) for folder in folders] for name in wsl_programs.LAUNCHED}
    return [name for name, places in paths.items() if any(os.path.lexists(p) and p not in ours for p in places)]


def state_of(path: str, written: bytes | None) -> str:
    """Return what became of the launcher at C(path), which was C(written) by a run, or by none."""
    if not os.path.lexists(path):
        return wsl_judge.GONE
    if written is None or os.path.islink(path) or not os.path.isfile(path):
        return wsl_judge.EDITED
    state = files.Files().read(path)
    return wsl_judge.AS_WRITTEN if state is not None and state.content == written else wsl_judge.EDITED


def look_up(record: journal.Journal) -> dict[str, str]:
    """Return what became of each launcher on record, by its path; root alone can read the record."""
    folder = os.path.realpath(wsl_judge.LAUNCHERS)
    states = {}
    for path in (os.path.join(folder, name) for name in wsl_programs.LAUNCHED):
        # What is wrong with the record is said where a run needs it.
        with contextlib.suppress(OSError):
            entry = record.entry(path)
            if entry is not None:
                states[path] = state_of(path, entry.written)
    return states
