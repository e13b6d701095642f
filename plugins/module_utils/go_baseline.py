# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment in which each user's Go ran before wsltune's first run, kept to measure against."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils import journal

NAME = "before.json"


def overlay(observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables that give Go today's settings again, whatever its files say later.

    An empty GOTMPDIR would fall back to the user's file, so the folder it stands for is named.
    """
    environment = {
        name: observed["places"][name]["path"]
        for name in ("GOTMPDIR", "GOCACHE", "GOMODCACHE")
        if name in observed["places"]
    }
    for name in ("CGO_ENABLED", "GOFLAGS"):
        value = observed["settings"].get(name, {}).get("value")
        if value:
            environment[name] = value
    return {"environment": environment, "unset": []}


def read(root: str = journal.ROOT) -> dict[str, Any]:
    """Return the overlays by user; empty when nothing was recorded or only root may read it."""
    try:
        with open(os.path.join(root, NAME), encoding="utf-8") as handle:
            return json.load(handle)
    except OSError:
        return {}


def record(users: Mapping[str, Mapping[str, Any]], root: str = journal.ROOT) -> None:
    """Remember today's settings of the users that are not known yet."""
    known = read(root)
    new = {name: overlay(observed) for name, observed in users.items() if name not in known and observed.get("go")}
    if new:
        os.makedirs(root, mode=0o700, exist_ok=True)
        content = json.dumps(dict(known, **new), indent=1, sort_keys=True).encode("utf-8")
        journal.replace(os.path.join(root, NAME), journal.FileState(content, 0o600, os.geteuid(), os.getegid(), 0))


def forget(root: str = journal.ROOT) -> None:
    """Remove what was remembered."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(root, NAME))
