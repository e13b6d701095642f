# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a project was like when its original and its copy were last the same: the base that a sync compares with.

It lies in the user's own state folder, and is read and written by a process of that user's.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

VERSION = 1


def folder(home: str, target: str) -> str:
    """Return the folder for what is kept about the copy C(target)."""
    name = os.path.basename(target) + "-" + hashlib.sha256(os.fsencode(target)).hexdigest()[:12]
    return os.path.join(home, ".local/state/wsltune/workspace", name)


def read(home: str, target: str, mark: bytes) -> dict[str, dict[str, Any]] | None:
    """Return the base by relative path; None where none was kept, or it is that of another copy than C(mark) names."""
    try:
        files: dict[str, dict[str, Any]] = _get(home, target, mark, "base.json")["files"]
        return files if all(isinstance(file["digest"], str) for file in files.values()) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write(home: str, target: str, mark: bytes, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep the base of the copy that bears C(mark), whole or not at all."""
    _put(home, target, mark, "base.json", {"files": files})


def _get(home: str, target: str, mark: bytes, name: str) -> dict[str, Any]:
    """Return what is kept of the copy that bears C(mark); OSError, ValueError, KeyError or TypeError where none is."""
    with open(os.path.join(folder(home, target), name), encoding="ascii") as handle:
        kept: dict[str, Any] = json.load(handle)
    if (kept.pop("version"), kept.pop("mark")) != (VERSION, mark.decode("ascii")):
        raise ValueError(f"{name} is of another copy, or another version")
    return kept


def _put(home: str, target: str, mark: bytes, name: str, content: Mapping[str, Any]) -> None:
    place = folder(home, target)
    os.makedirs(place, mode=0o700, exist_ok=True)
    path = os.path.join(place, name)
    with open(path + ".new", "w", encoding="ascii") as handle:
        json.dump({"version": VERSION, "mark": mark.decode("ascii"), **content}, handle)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(path + ".new", path)


@dataclass(frozen=True)
class Carrying:
    """What a sync is about to write, kept before it does: after a kill it says which files went over."""

    direction: str
    backup: str
    token: str
    """Part of the names under which files are written before they take their place."""
    files: Mapping[str, dict[str, Any] | None]
    """By path what is written there, as in the base; None where a file is removed."""


def begin(home: str, target: str, mark: bytes, carrying: Carrying) -> None:
    """Keep what is about to be written."""
    _put(home, target, mark, "carrying.json", asdict(carrying))


def unfinished(home: str, target: str, mark: bytes) -> Carrying | None:
    """Return what a sync of the copy that bears C(mark) was about to write when it ended in the middle."""
    try:
        carrying = Carrying(**_get(home, target, mark, "carrying.json"))
        entries = [entry for entry in carrying.files.values() if entry is not None]
        whole = all(isinstance(entry["digest"], str) and isinstance(entry["kind"], str) for entry in entries)
        words = (carrying.direction, carrying.backup, carrying.token)
        return carrying if whole and all(isinstance(word, str) for word in words) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def end(home: str, target: str) -> None:
    """Forget what was about to be written: all of it was, and the base says so."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder(home, target), "carrying.json"))


@contextlib.contextmanager
def alone(home: str, target: str, writes: bool) -> Iterator[bool]:
    """Hold the copy for one sync; C(False) where another one holds it. One that C(writes) nothing only looks.

    A process that waits for a drive without an answer goes on holding it, also when nobody waits for that process.
    """
    place = folder(home, target)
    flags = os.O_RDONLY | os.O_CLOEXEC
    if writes:
        os.makedirs(place, mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        descriptor = os.open(os.path.join(place, "lock"), flags, 0o600)
    except FileNotFoundError:
        yield True
        return
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if writes else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            if not writes:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            free = True
        except BlockingIOError:
            free = False
        yield free
    finally:
        os.close(descriptor)


def is_of_git(path: str) -> bool:
    """Return whether the relative C(path) belongs to a repository of Git's, which is never compared file by file."""
    return ".git" in path.split("/")
