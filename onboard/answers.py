# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks about the person's folders with a time limit: one on a server that is gone never answers."""

from __future__ import annotations

import functools
import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from onboard.options import ROOT

LIMIT = 5.0
"""Seconds for looking at what is in a folder and above it, where another account may have put anything."""
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


def _in_time(question: Callable[[], Any], asked: Path | None = None) -> Any:
    """Return the answer to a question, None where it comes late or takes too much memory.

    Of the folder C(asked) root has its owner asked, whose links may lead anywhere.
    """
    collection()
    from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, look

    try:
        identity = None
        if asked is not None and os.geteuid() == 0:
            identity = accounts.identity_of_owner(int(look.once(functools.partial(files.owner_of, str(asked)))))
            if identity is None:
                files.check_folder(str(asked))
        return look.once(question, LIMIT, identity)
    except OSError:
        return None


def _find_above(folder: Path, *names: str) -> str | None:
    """Return the nearest folder that has a file of one of the names. Not every link of others in /tmp is followed."""
    places = (str(place) for place in (folder, *folder.parents))
    return next((place for place in places if any(os.path.isfile(f"{place}/{name}") for name in names)), None)


def _is_everybodys(folder: str) -> bool:
    """Return whether any account can put a file into C(folder), such as /var/tmp.

    What somebody opened of their own is theirs to answer for, and a Windows drive may show that of all that is on it.
    """
    collection()
    from ansible_collections.wsltune.go.plugins.module_utils.go import sources

    status = os.stat(folder)
    is_shared = status.st_uid != os.geteuid() or status.st_mode & stat.S_ISVTX
    return bool(status.st_mode & stat.S_IWOTH and is_shared and sources.others_change(folder, whoever=True))


def _find_own(folder: Path, *names: str) -> str | None:
    found = _find_above(folder, *names)
    return None if found is None or _is_everybodys(found) else found


def _find_everybodys(folder: Path) -> str | None:
    found = _find_above(folder, "go.mod", "go.work")
    return found if found is not None and _is_everybodys(found) else None


def go_module(folder: Path) -> Path | None:
    """Return the Go module that C(folder) is in; None where it is in none, or in one that may be anybody's."""
    found = _in_time(functools.partial(_find_own, folder, "go.mod"))
    return Path(found) if found else None


def in_go_module(folder: Path) -> bool:
    """Return whether C(folder) or one above it has a go.mod or a go.work, as the Go command looks for them.

    Not where any account can have put it: whoever starts the doctor in /var/tmp means no module there.
    """
    return bool(_in_time(functools.partial(_find_own, folder, "go.mod", "go.work")))


def everybodys_module(folder: Path) -> str:
    """Return where any account can have put the go.mod or go.work that counts in C(folder); empty where none can."""
    return _in_time(functools.partial(_find_everybodys, folder)) or ""


def lacks_container_file(module: Path) -> bool:
    """Return whether a Go module has a program, and nothing that an image is built from.

    A program is taken to have a C(main.go), in the module's folder or in C(cmd/NAME). What an image is built from may
    lie in the module, one folder below, or beside it up to the repository's root.
    """
    return bool(_in_time(functools.partial(_lacks_container_file, module), module))


def _lacks_container_file(module: Path) -> bool:
    above = (module, *module.parents)
    if not any([*module.glob("main.go"), *module.glob("cmd/*/main.go")]):
        return False
    root = next((place for place in above if os.path.exists(place / ".git")), module)
    places = [path for place in above[: above.index(root) + 1] for path in place.iterdir()]
    return not any(CONTAINER_FILE.search(path.name) for path in [*places, *module.glob("*/*")])


def is_there(path: Path) -> bool:
    """Return whether there is something at C(path) that answers."""
    return answers(path) and os.path.exists(path)
