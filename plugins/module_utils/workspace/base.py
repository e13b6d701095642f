# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a project was like when its original and its copy were last the same: the base that a sync compares with.

It lies in the user's own state folder, and is read and written by a process of that user's.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

VERSION = 1


def folder(home: str, target: str) -> str:
    """Return the folder for what is kept about the copy C(target)."""
    name = os.path.basename(target) + "-" + hashlib.sha256(os.fsencode(target)).hexdigest()[:12]
    return os.path.join(home, ".local/state/wsltune/workspace", name)


def read(home: str, target: str, mark: bytes) -> dict[str, dict[str, Any]] | None:
    """Return the base by relative path; None where none was kept, or it is that of another copy than C(mark) names."""
    try:
        with open(os.path.join(folder(home, target), "base.json"), encoding="ascii") as handle:
            kept = json.load(handle)
        if kept["version"] != VERSION or kept["mark"] != mark.decode("ascii"):
            return None
        files: dict[str, dict[str, Any]] = kept["files"]
        return files if all(isinstance(file["digest"], str) for file in files.values()) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write(home: str, target: str, mark: bytes, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep the base of the copy that bears C(mark), whole or not at all."""
    place = folder(home, target)
    os.makedirs(place, mode=0o700, exist_ok=True)
    path = os.path.join(place, "base.json")
    with open(path + ".new", "w", encoding="ascii") as handle:
        json.dump({"version": VERSION, "mark": mark.decode("ascii"), "files": files}, handle)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(path + ".new", path)


def is_of_git(path: str) -> bool:
    """Return whether the relative C(path) belongs to a repository of Git's, which is never compared file by file."""
    return ".git" in path.split("/")
