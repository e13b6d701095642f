# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a project that is named lies and goes to, as it is written."""

from __future__ import annotations

import os
import re

from ansible_collections.wsltune.go.plugins.module_utils.linux import fstab

MARK = fstab.MARK + "-workspace"


class WorkspaceError(ValueError):
    """A project that cannot or must not be moved, in one sentence."""


def normal(path: str, home: str, name: str) -> str:
    """Return C(path) absolute and normal, with C(~) for C(home); WorkspaceError naming the option otherwise."""
    expanded = home + path[1:] if path == "~" or path.startswith("~/") else path
    if not os.path.isabs(expanded) or re.search(r"[\0\n]", expanded):
        raise WorkspaceError(
            f"workspace_projects has {name} {path!r}: give an absolute path, or one that begins with ~/."
        )
    return "/" + os.path.normpath(expanded).lstrip("/")


def default_target(source: str, home: str) -> str:
    """Return ~/src/NAME, NAME being the source's."""
    return os.path.join(home, "src", os.path.basename(source))
