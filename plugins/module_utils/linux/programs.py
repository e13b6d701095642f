# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs of the system: where root looks for them, whatever it has for a PATH."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

SEARCHED = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin"


def find_program(name: str) -> str | None:
    """Return where a program of the system lies, whatever this process has for a PATH."""
    return shutil.which(name, path=SEARCHED)


def own_path() -> dict[str, str]:
    """Return the variable by which root finds programs of the system, and none of a folder in which others write."""
    return {"PATH": SEARCHED}


def is_busybox(program: str = "mount", which: Callable[[str], str | None] = find_program) -> bool:
    """Return whether a program is BusyBox's, whose mount knows no options that begin with x-."""
    path = which(program)
    return path is not None and os.path.basename(os.path.realpath(path)).startswith("busybox")
