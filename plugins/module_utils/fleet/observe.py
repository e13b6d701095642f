# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads what wsltune last applied to a machine and what stands there now, for drift.py to judge. Changes nothing."""

from __future__ import annotations

import functools
import os
import pwd
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.go import applied as go_applied
from ansible_collections.wsltune.go.plugins.module_utils.go import envfile
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, files, fstab, text
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import observe as tmpfs_observe
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan
from ansible_collections.wsltune.go.plugins.module_utils.workspace import places
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf

ROOT_ONLY = "only root can read what was applied here (needs root)"
WRITTEN = (*go_observe.SETTINGS, *go_tuning.FROM_FILE)
"""The settings that go_env writes into a user's file."""
WATCHED = (*go_applied.WATCHED, tmpfs_plan.FOLDERS_PATH, tmpfs_plan.HELPER_PATH)
"""Files that a role may make and that are looked at even where none made them."""
LIMIT = 10.0
"""Seconds that reading one file of an account may take; several accounts are asked at a time."""
LONGEST = 4096
"""Characters of a setting in a report."""


def block_of(content: bytes | None) -> bytes | None:
    """Return wsltune's block in a shell's file; None where it has none."""
    if content is None:
        return None
    pattern = rf"(?ms)^{re.escape(go_plan.BEGIN)}.*?^{re.escape(go_plan.END)}\n"
    match = re.search(pattern.encode("ascii"), content)
    return match[0] if match else None


def owner_of(uid: int) -> str:
    """Return the name of the account that owns a file; its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _look(path: str, program: bool, block: bool, settings: bool) -> dict[str, Any]:
    """As the file's owner: return what stands at C(path), and of Go's C(settings) those that a role may write."""
    hands = files.Files()
    if program:
        content = hands.head(path)
    else:
        state = hands.read(path, go_observe.LARGEST if settings else files.LARGEST)
        content = None if state is None else state.content
    if content is None:
        return {"now": None, "there": False, "owner": "", "mtime": None, "values": {}}
    status = os.stat(path)
    values = envfile.parse(content.decode("utf-8", "surrogateescape")) if settings else {}
    return {
        # No others, because a person's own may hold a password, such as that of a GOPROXY.
        "values": {name: value[:LONGEST] for name, value in values.items() if name in WRITTEN},
        "now": text.digest(block_of(content) if block else content),
        "there": True,
        "owner": owner_of(status.st_uid),
        "mtime": status.st_mtime,
    }


def _is_watched(path: str) -> bool:
    return path in map(os.path.realpath, WATCHED)


def _recorded(path: str, entry: journal.Entry | None) -> dict[str, Any]:
    """Return what was last written to a file."""
    written = entry.written if entry else None
    return {
        "roles": entry.roles if entry else [],
        "displaced": entry is not None and entry.displaced,
        "account": owner_of(entry.uid) if entry and entry.uid else "",
        "recorded": entry is not None,
        "applied": text.digest(block_of(written) if _has_block(path) else written),
        "reason": "",
    }


def _has_block(path: str) -> bool:
    return path in map(os.path.realpath, go_plan.BLOCK_PATHS)


def _unread(path: str, error: OSError) -> dict[str, Any]:
    unread = {"now": None, "there": None, "owner": "", "mtime": None, "values": None}
    return {**unread, "reason": f"{path} cannot be read: {error.strerror or 'no answer'}"}


def _state_of(path: str, entry: journal.Entry | None) -> dict[str, Any]:
    """Return a file as it was last written and as it is now."""
    path = os.path.realpath(path) if entry is None else entry.path
    found = _recorded(path, entry)
    who = accounts.identity_of(entry.uid, entry.gid) if entry else None
    # What go_env wrote and is none of the files above is what a user's Go reads.
    program = found["displaced"]
    settings = entry is not None and not program and "go_env" in entry.roles and not _is_watched(path)
    look = functools.partial(_look, path, program, _has_block(path), settings)
    try:
        # What a user mounted over a home may never answer; root's own files do.
        return {**found, **(look() if who is None else become.ask(who, look, LIMIT, always=True))}
    except OSError as error:
        return {**found, **_unread(path, error)}


def _states(entries: Mapping[str, journal.Entry | None]) -> dict[str, dict[str, Any]]:
    """Return each file by its path; those of accounts several at a time, because any may give no answer."""
    theirs = {path: functools.partial(_state_of, path, entry) for path, entry in entries.items() if entry and entry.uid}
    found = become.side_by_side(theirs, LIMIT + become.GRACE)
    for path, entry in entries.items():
        if path not in found:
            found[path] = _state_of(path, entry)
        elif isinstance(found[path], OSError):
            found[path] = {**_recorded(path, entry), **_unread(path, found[path])}
    return dict(sorted(found.items()))


def _lines(content: bytes | None) -> list[str] | None:
    """Return the lines of wsltune's in an fstab, of all of its roles."""
    if content is None:
        return None
    table = content.decode("utf-8", "surrogateescape")
    marks = (fstab.MARK, places.MARK)
    return [line.render() for mark in marks for line in fstab.marked(table, mark)]


def _when(entries: Sequence[journal.Entry]) -> float | None:
    runs = [float(entry.run) for entry in entries if re.fullmatch(r"[0-9]+(\.[0-9]+)?", entry.run)]
    return max(runs, default=None)


def decisions_of(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what was decided about levers, of the account that measured last."""
    try:
        latest = max(record.values(), key=lambda entry: entry["decided_at"])
        return [dict(decision) for decision in latest["levers"].values()]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def observe(root: str = journal.ROOT, conf_path: str = "/etc/wsl.conf", is_root: bool | None = None) -> dict[str, Any]:
    """Return what was applied and what there is now, as go_facts documents it."""
    is_root = os.geteuid() == 0 if is_root is None else is_root
    # Without root there is no telling whether a record is there.
    record = journal.Journal(root)
    entries = record.entries() if is_root else []
    by_path = {entry.path: entry for entry in entries if not entry.directory}
    table, conf = by_path.get(os.path.realpath(tmpfs_observe.FSTAB)), by_path.get(os.path.realpath(conf_path))
    # By the names that roles use for them, also where these are links.
    named = {path: by_path.get(os.path.realpath(path)) for path in (*WATCHED, tmpfs_observe.FSTAB, conf_path)}
    others = {path: entry for path, entry in by_path.items() if entry not in named.values()}
    applied = journal.read_record(go_applied.RECORD, root) if is_root else {}
    settings = applied.get("settings")
    return {
        "reason": "" if is_root else ROOT_ONLY,
        "applied_at": _when(entries),
        "files": _states({**named, **others}),
        "wsl_conf": _settings(conf) if conf else None,
        "fstab": _lines(table.written) if table else None,
        "go": settings if isinstance(settings, dict) else None,
        "go_options": applied.get("options"),
        "damaged": record.damaged() if is_root else [],
    }


def _settings(entry: journal.Entry) -> dict[str, Any]:
    """Return what the file that was last written meant to WSL."""
    return dict(wsl_conf.parse((entry.written or b"").decode("utf-8", "surrogateescape")).values)
