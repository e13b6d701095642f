# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment in which each user's Go ran before wsltune's first run, kept to measure against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils import journal


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
    return journal.read_record(journal.BEFORE, root)


def record(users: Mapping[str, Mapping[str, Any]], root: str = journal.ROOT) -> None:
    """Remember today's settings of the users that are not known yet."""
    known = read(root)
    new = {name: overlay(observed) for name, observed in users.items() if name not in known and observed.get("go")}
    if new:
        journal.write_record(journal.BEFORE, dict(known, **new), root)
