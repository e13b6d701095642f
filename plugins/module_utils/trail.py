# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The trail of changes: one line of JSON for each, for whoever asks later what was changed, when, by whom and why.

It is a record beside the run: where it cannot be written, such as on a full disk, the run goes on.
"""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import json
import os
import pwd
import re
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import files, text

PATH = "/var/log/wsltune/changes.jsonl"
KEPT_DAYS = 180
MOST_LINES, LONGEST = 20, 200
"""Lines that are kept of each side of a change, and characters of each."""
MOST_COMPARED, LONGEST_LOOKED_AT = 400, 2000
"""Lines of a change that are compared one by one, and characters of a line in which a secret is looked for: a user
decides how long both are."""
NOBODY = 0xFFFFFFFF
"""The login id of what no login started."""
_SECRET = re.compile(
    # From where a word begins alone, because a line with many beginnings would take minutes.
    r"(?P<name>(?<![\w.-])[\w.-]*(?:pass|passwd|password|token|secret|credential|apikey|api_key|key)[\w.-]*\s*[=:]\s*)"
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s,;]+)",
    re.IGNORECASE,
)
_IN_ADDRESS = re.compile(r"((?<!\w)\w+://)[^/\s@]+@")
HIDDEN = "(hidden)"


def mask(line: str) -> str:
    """Return a line without what looks like a secret in it."""
    line = _IN_ADDRESS.sub(rf"\1{HIDDEN}@", line[:LONGEST_LOOKED_AT])
    return _SECRET.sub(rf"\g<name>{HIDDEN}", line)[:LONGEST]


def compare(before: bytes | None, after: bytes | None) -> tuple[list[str], list[str]]:
    """Return the lines that went and those that came; the others of a file are nobody's business here."""
    old, new = ((content or b"").decode("utf-8", "replace").splitlines() for content in (before, after))
    old, new = text.differing(old, new)
    if max(len(old), len(new)) > MOST_COMPARED:
        return [mask(line) for line in old[:MOST_LINES]], [mask(line) for line in new[:MOST_LINES]]
    went, came = [], []
    for kind, first, last, new_first, new_last in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if kind != "equal":
            went += old[first:last]
            came += new[new_first:new_last]
    return [mask(line) for line in went[:MOST_LINES]], [mask(line) for line in came[:MOST_LINES]]


def find_starter(environment: Mapping[str, str], login_uid: int) -> str:
    """Return who started this run: what runs by itself, who called sudo, or who logged in; empty if nothing says."""
    for name in ("WSLTUNE_STARTED_BY", "SUDO_USER"):
        if environment.get(name):
            return environment[name]
    if login_uid == NOBODY:
        return ""
    try:
        return pwd.getpwuid(login_uid).pw_name
    except KeyError:
        return str(login_uid)


def describe(
    action: str,
    path: str,
    role: str,
    before: bytes | None,
    after: bytes | None,
    now: float,
    environment: Mapping[str, str],
    login_uid: int,
) -> dict[str, Any]:
    """Return one change as the trail has it."""
    went, came = compare(before, after)
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "commit": environment.get("WSLTUNE_COMMIT") or None,
        "by": find_starter(environment, login_uid),
        "role": role,
        "action": action,
        "path": path,
        "before": went,
        "after": came,
    }


def _login_uid() -> int:
    try:
        with open("/proc/self/loginuid", encoding="ascii") as handle:
            return int(handle.read())
    except (OSError, ValueError):
        return NOBODY


def note(action: str, path: str, role: str, before: bytes | None, after: bytes | None, trail: str = PATH) -> None:
    """Add a change to the trail, as root alone; a trail that cannot be written keeps nothing back."""
    if os.geteuid() != 0 or before == after:
        return
    now = time.time()
    line = json.dumps(describe(action, path, role, before, after, now, os.environ, _login_uid())) + "\n"
    with contextlib.suppress(OSError):
        _append(trail, line.encode("ascii"), now)


def _append(trail: str, line: bytes, now: float) -> None:
    # Some distributions have a logger's account write in /var/log, so that the folder is held open and not named again.
    os.makedirs(os.path.dirname(trail), mode=0o755, exist_ok=True)
    with files.own_place(trail) as target:
        descriptor = _open_locked(target)
        try:
            if _rotate(target, descriptor, now):
                new = _open_locked(target)
                os.close(descriptor)
                descriptor = new
            os.fchmod(descriptor, 0o600)
            size = os.fstat(descriptor).st_size
            if os.write(descriptor, line) != len(line):
                # The disk is full: half a line would spoil the next one.
                os.ftruncate(descriptor, size)
        finally:
            os.close(descriptor)


def _open_locked(target: files.Place) -> int:
    """Open the trail, made where it is missing, and lock it; its folder any account could keep locked."""
    while True:
        descriptor = target.open(os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            there = target.status()
            if there is not None and os.path.samestat(os.fstat(descriptor), there):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        # Another run has given it its month's name meanwhile.
        os.close(descriptor)


def _rotate(target: files.Place, trail: int, now: float) -> bool:
    """Give a trail of an earlier month that month's name, and return whether it did; remove what was kept too long."""
    stem, ending = os.path.splitext(target.name)
    folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=target.folder)
    try:
        month = os.pread(trail, 40, 0).partition(b'"time": "')[2][:7].decode("ascii", "replace")
        is_old = bool(re.fullmatch(r"\d{4}-\d{2}", month)) and month < time.strftime("%Y-%m", time.gmtime(now))
        if is_old:
            os.replace(target.name, f"{stem}-{month}{ending}", src_dir_fd=folder, dst_dir_fd=folder)
        limit = now - KEPT_DAYS * 86400
        for name in os.listdir(folder):
            old = re.fullmatch(re.escape(stem) + r"-(\d{4}-\d{2})" + re.escape(ending), name)
            # By the last change in it, which is no later than the end of its month.
            if old and time.strftime("%Y-%m", time.gmtime(limit)) > old[1]:
                os.unlink(name, dir_fd=folder)
        return is_old
    finally:
        os.close(folder)
