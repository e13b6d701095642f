# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks about the person's folders with a time limit: one on a server that is gone never answers."""

from __future__ import annotations

import sys
from pathlib import Path

from onboard.options import ROOT


def collection() -> None:
    """Have Python find the collection; it is imported late, where it is needed."""
    place = str(ROOT / "collections")
    if place not in sys.path:
        sys.path.append(place)


def answers(path: Path) -> bool:
    """Whether C(path), or nothing at it, is seen within two seconds."""
    collection()
    from ansible_collections.wsltune.go.plugins.module_utils.linux import look

    return not look.silent([str(path)])


def in_go_module(folder: Path) -> bool:
    """Whether C(folder) or one above it has a go.mod or a go.work, as the Go command looks for them."""
    names = [place / name for place in (folder, *folder.parents) for name in ("go.mod", "go.work")]
    return answers(folder) and any(name.is_file() for name in names)


def is_there(path: Path) -> bool:
    """Whether there is something at C(path) that answers."""
    return answers(path) and path.exists()
