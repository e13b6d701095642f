# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find Go projects on slow drives, for a while and no longer: a Windows drive can hold a million folders."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import files, look, mountinfo

DEPTH = 6
SECONDS = 5.0
PASSED_OVER = frozenset(("node_modules", "testdata", "venv"))
"""At any depth: what others wrote, or what Go itself passes over."""
OF_WINDOWS = frozenset(
    (
        "perflogs",
        "program files",
        "program files (x86)",
        "programdata",
        "recovery",
        "system volume information",
        "windows",
    )
)
"""At the root of a drive alone: deeper down a project may have such a name."""
USUAL = ("src", "source", "repos", "projects", "code", "dev", "work", "workspace", "git", "go", "documents", "desktop")
"""Looked into first, so that a search that must end early has seen them."""


@dataclass
class Found:
    """Projects by path; C(complete) when every folder down to DEPTH was looked into."""

    projects: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = True
    folders: int = 0
    seconds: float = 0.0


def places(mounts: Sequence[mountinfo.Mount]) -> list[str]:
    """Return where to begin: the roots of the Windows drives."""
    drives = [mount.mount_point for mount in mounts if mount.windows_drive and mount.root in ("/", "")]
    return list(dict.fromkeys(drives))


def find_in_time(mounts: Sequence[mountinfo.Mount]) -> Found | None:
    """Return what find() returns for the Windows drives that answer; None where there are none, or they stop to."""
    drives = places(mounts)
    silent = look.silent(drives)
    answering = [drive for drive in drives if drive not in silent]
    if not answering:
        return None
    try:
        result = Found(**look.once(lambda: asdict(find(answering)), SECONDS + look.LIMIT))
    except OSError:
        return None
    result.complete = result.complete and not silent
    return result


def _rank(name: str) -> int:
    lower = name.lower()
    return USUAL.index(lower) if lower in USUAL else len(USUAL)


def find(
    roots: Iterable[str],
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Look for folders with a go.mod or go.work, the shallow and the usual ones first; never into one that was found.

    A repository with its go.mod deeper down is named by the repository's folder. No link is followed, also none that
    another account puts in the place of a folder meanwhile.
    """
    begin = clock()
    result = Found()
    waiting = deque((root, 0, "") for root in roots)
    named: set[str] = set()
    while waiting:
        if clock() - begin > seconds:
            result.complete = False
            break
        folder, depth, repository = waiting.popleft()
        result.folders += 1
        user = depth == 2 and os.path.basename(os.path.dirname(folder)).lower() == "users"
        passed_over = PASSED_OVER | (OF_WINDOWS if depth == 0 else frozenset(("appdata",) if user else ()))
        try:
            names, below = _list(folder, passed_over if depth < DEPTH else None)
        except OSError:
            continue
        if ".git" in names and not repository:
            repository = folder
        if names & {"go.mod", "go.work"}:
            place = repository or folder
            if place not in named:
                named.add(place)
                result.projects.append({"path": place, "git": bool(repository)})
            continue
        for name in sorted(below, key=lambda name: (_rank(name), name)):
            if repository not in named:
                waiting.append((os.path.join(folder, name), depth + 1, repository))
    result.projects.sort(key=lambda project: str(project["path"]))
    result.seconds = round(clock() - begin, 3)
    return result


def _list(folder: str, passed_over: Set[str] | None) -> tuple[set[str], list[str]]:
    """Return the names in a folder, and of these the folders that may hold projects; none of them for None."""
    with files.opened_folder(folder) as opened:
        listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=opened)
        try:
            with os.scandir(listed) as found:
                entries = list(found)
            names = {entry.name for entry in entries}
            if passed_over is None or names & {"go.mod", "go.work"}:
                return names, []
            return names, [entry.name for entry in entries if _may_hold(entry, passed_over)]
        finally:
            os.close(listed)


def _may_hold(entry: os.DirEntry[str], passed_over: Set[str]) -> bool:
    if entry.name.startswith((".", "_", "$")) or entry.name.lower() in passed_over:
        return False
    try:
        # Links lead out of the drive, or in circles.
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False
