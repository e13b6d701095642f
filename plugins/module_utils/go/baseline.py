# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment in which each user's Go ran before wsltune's first run, kept to measure against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.go import envfile
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.linux import text


def read(root: str = journal.ROOT) -> dict[str, Any]:
    """Return the overlays by user; empty when nothing was recorded or only root may read it."""
    return journal.read_record(journal.BEFORE, root)


def record(users: Mapping[str, Mapping[str, Any]], root: str = journal.ROOT) -> None:
    """Remember today's settings of the users that are not known yet."""
    known = read(root)
    new = {
        name: go_tuning.overlay(observed)
        for name, observed in users.items()
        if name not in known and observed.get("go")
    }
    if new:
        journal.write_record(journal.BEFORE, dict(known, **new), root)


def list_before(users: Mapping[str, Mapping[str, Any]], root: str = journal.ROOT) -> dict[str, dict[str, Any] | None]:
    """Return for each user what to lay over a login to have Go as it was before the first run; None where unknown."""
    known = read(root)
    # Only root can read either.
    entries = journal.Journal(root).entries("go_env") if known else []
    return {
        name: go_tuning.neutral(known.get(name), observed, list_replaced(observed, entries))
        for name, observed in users.items()
    }


def list_replaced(observed: Mapping[str, Any], entries: Sequence[journal.Entry]) -> dict[str, str | None]:
    """Return those of go_tuning.FROM_FILE that wsltune wrote for one user, and what the user had (None: nothing).

    By the owner of the file and not by its path, which the user may have as a link.
    """
    now = observed["user_file"]["values"]
    replaced = {}
    for entry in entries:
        if entry.uid != observed["uid"] or entry.displaced or entry.written is None:
            continue
        own = envfile.parse(text.decode(entry.base.content) if entry.base else "")
        ours = envfile.parse(text.decode(entry.written))
        for name in go_tuning.FROM_FILE:
            if name in ours and own.get(name) != ours[name] == now.get(name):
                replaced[name] = own.get(name)
    return replaced
