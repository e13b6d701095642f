# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks about the person's folders with a time limit: one on a server that is gone never answers."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from onboard.options import ROOT

CONTAINER_FILE = re.compile("containerfile|dockerfile", re.IGNORECASE)


def collection() -> None:
    """Have Python find the collection; it is imported late, where it is needed."""
    place = str(ROOT / "collections")
    if place not in sys.path:
        sys.path.append(place)


def answers(path: Path) -> bool:
    """Return whether C(path), or nothing at it, is seen within two seconds."""
    collection()
    from ansible_collections.wsltune.go.plugins.module_utils.linux import look

    return not look.silent([str(path)])


def go_module(folder: Path) -> Path | None:
    """Return the Go module that C(folder) is in; None where it is in none."""
    places = (folder, *folder.parents) if answers(folder) else ()
    return next((place for place in places if (place / "go.mod").is_file()), None)


def in_go_module(folder: Path) -> bool:
    """Return whether C(folder) or one above it has a go.mod or a go.work, as the Go command looks for them."""
    names = [place / name for place in (folder, *folder.parents) for name in ("go.mod", "go.work")]
    return answers(folder) and any(name.is_file() for name in names)


def lacks_container_file(module: Path) -> bool:
    """Return whether a Go module has a program, and nothing that an image is built from.

    A program is taken to have a C(main.go), in the module's folder or in C(cmd/NAME). What an image is built from may
    lie in the module, one folder below, or beside it up to the repository's root.
    """
    if not answers(module):
        return False
    above = (module, *module.parents)
    try:
        if not any([*module.glob("main.go"), *module.glob("cmd/*/main.go")]):
            return False
        root = next((place for place in above if (place / ".git").exists()), module)
        places = [path for place in above[: above.index(root) + 1] for path in place.iterdir()]
        return not any(CONTAINER_FILE.search(path.name) for path in [*places, *module.glob("*/*")])
    except OSError:
        return False


def is_there(path: Path) -> bool:
    """Return whether there is something at C(path) that answers."""
    return answers(path) and path.exists()
