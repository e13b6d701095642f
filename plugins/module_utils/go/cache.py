# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How large Go's caches are and how fast they grow, and what keeps the build cache below a size: a timer of systemd."""

from __future__ import annotations

import inspect
import json
import os
import random
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.go import trim
from ansible_collections.wsltune.go.plugins.module_utils.linux import files, systemd, text

PROGRAM = "/usr/local/lib/wsltune/go-trim.py"
TIMER_NAME = "wsltune-go-trim.timer"
TIMER = f"/etc/systemd/system/{TIMER_NAME}"
SERVICE = "/etc/systemd/system/wsltune-go-trim.service"
WANTED = "/etc/systemd/system/timers.target.d/wsltune-go-trim.conf"
"""What starts the timer with the machine: a file, and no link, so that rollback restores it as any other one."""
DAY = 86400.0
WEEK = 7
LEAST = 256 << 20
"""The standard library and one module's packages take this much; less would have Go build them again and again."""
SECONDS = 1.5
"""For a look at one cache."""
UNITS = {"MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
INDEX = re.compile(rb"v1 [0-9a-f]{64} [0-9a-f]{64} +(\d+) +(\d+)\n")
"""What an entry of the cache's index is: two hashes, the size of the output, and when it was put there."""


class LimitError(ValueError):
    """A limit that cannot be meant, in one sentence."""


def parse_limit(wanted: str) -> int:
    """Return the bytes of go_env_gocache_limit; 0 for none."""
    if not wanted:
        return 0
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?) ?(MiB|GiB|TiB)", wanted)
    size = int(float(match[1]) * UNITS[match[2]]) if match else 0
    if size < LEAST:
        raise LimitError(
            f"go_env_gocache_limit is {wanted!r}: give a size of at least {LEAST >> 20}MiB, such as 10GiB, or nothing; "
            "nothing was changed."
        )
    return size


def list_caches(users: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the build cache of each user: the one that C(wanted) sets, or that a login's Go has."""
    caches = {}
    for name, settings in wanted.items():
        observed = users[name]["settings"].get("GOCACHE", {}).get("value", "")
        path = users[name]["exports"].get("GOCACHE") or settings.get("GOCACHE") or observed
        if os.path.isabs(path):
            caches[name] = os.path.normpath(path)
    return caches


def texts(limit: int, caches: Mapping[str, str], has_systemd: bool) -> dict[str, str]:
    """Return the files that trim these caches, by path; what starts the program comes last."""
    settings = json.dumps({"limit": limit, "caches": dict(caches)}, indent=2, sort_keys=True) + "\n"
    # The settings are for root alone: a path may have names of what nobody else can look into.
    known = " ".join(sorted({_digest(path) for path in caches.values()}))
    texts = {PROGRAM: f"{inspect.getsource(trim)}# {limit} bytes: {known}\n", trim.SETTINGS: settings}
    if has_systemd:
        service = SERVICE_TEXT.format(python=interpreter(), program=PROGRAM)
        texts.update({SERVICE: service, TIMER: TIMER_TEXT, WANTED: WANTED_TEXT})
    return texts


def interpreter() -> str:
    """Return the Python that starts the program, as a command: what an earlier run wrote, or this process's own.

    A machine's python3 may be one that the program is too new for, such as 3.6 on AlmaLinux 8. One that another account
    can change, such as in a home, is none that root's timer starts.
    """
    written = re.search(r"^ExecStart=(/\S+) -I ", _read(SERVICE) or "", re.MULTILINE)
    if written and os.access(written[1], os.X_OK):
        return written[1]
    # A virtual environment may be gone tomorrow.
    own = sys.executable if sys.prefix == sys.base_prefix else os.path.realpath(sys.executable)
    try:
        is_fit = re.fullmatch(r"/[\w./+-]+", own) is not None and not go_sources.others_change(own)
    except OSError:
        is_fit = False
    return own if is_fit else "/usr/bin/env python3"


def all_paths() -> tuple[str, ...]:
    """Return every path of texts(), in the order in which they are removed: first what starts the program."""
    return (WANTED, TIMER, SERVICE, trim.SETTINGS, PROGRAM)


SERVICE_TEXT = """# Written by wsltune (go_env_gocache_limit).
[Unit]
Description=Keeps Go's build caches below a size

[Service]
Type=oneshot
ExecStart={python} -I {program}
Nice=19
CPUSchedulingPolicy=idle
CPUWeight=20
IOSchedulingClass=idle
NoNewPrivileges=true
TimeoutStartSec=30min
"""
TIMER_TEXT = """# Written by wsltune (go_env_gocache_limit).
[Unit]
Description=Keeps Go's build caches below a size, some minutes after a start and every three hours

# WSL ends an idle distro, so that a time of the day would be slept through.
[Timer]
OnStartupSec=10min
OnUnitInactiveSec=3h
"""
WANTED_TEXT = f"""# Written by wsltune (go_env_gocache_limit).
[Unit]
Wants={TIMER_NAME}
"""


def is_met(wanted: str, users: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Mapping[str, str]]) -> bool:
    """Return whether what trims the build caches of these users stands there as a run would write it."""
    contents = texts(parse_limit(wanted), list_caches(users, settings), systemd.is_running()) if wanted else {}
    return all(_read(path) == content for path, content in contents.items())


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read()
    except (OSError, ValueError):
        return None


def headlines(changes: Sequence[str], wanted: str) -> list[str]:
    """Return in few words what C(changes) come to for the build caches; nothing where they have no part in it."""
    touched = [change for change in changes if change.partition(" ")[2] in all_paths()]
    if not touched:
        return []
    return [f"build caches kept below {wanted}" if wanted else "build caches grow as Go has them"]


def limit_of(path: str) -> int:
    """Return the bytes that the build cache at C(path) is trimmed to; 0 where nothing trims it."""
    known = re.search(r"^# (\d+) bytes: ([0-9a-f ]*)\n\Z", _read(PROGRAM) or "", re.MULTILINE)
    found = known is not None and _digest(path) in known[2].split()
    return int(known[1]) if known and found and (os.path.exists(TIMER) or not systemd.is_running()) else 0


def _digest(path: str) -> str:
    """Return what stands for a path where everybody can read it."""
    return str(text.digest(text.encode(path)))


def measure(path: str, now: float, seconds: float = SECONDS) -> dict[str, Any]:
    """Return what a look at a build cache of C(seconds) finds, as the account that runs this; OSError for none.

    C(bytes) and C(written_a_day) are estimated where C(complete) is false: entries are spread over 256 folders by
    their hashes, so that some folders stand for all. C(written_a_day) is what Go put there in the last week, or since
    the oldest entry, and C(unused_days) the age of the last use that lies back longest; both None for an empty cache.
    """
    until = time.monotonic() + seconds
    opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        folders = trim.list_folders(opened)
        looked = size = written = entries = 0
        oldest, first = now, now
        for folder in random.sample(folders, len(folders)):
            if looked and time.monotonic() > until:
                break
            for entry in trim.list_entries(opened, folder):
                entries, size = entries + 1, size + entry.size
                oldest = min(oldest, entry.used / 1e9)
                put = _put(opened, entry) if entry.name.endswith("-a") else None
                if put:
                    first = min(first, put[1])
                    written += put[0] if put[1] > now - WEEK * DAY else 0
            looked += 1
    finally:
        os.close(opened)
    share = len(folders) / looked if looked else 1.0
    days = min(max((now - first) / DAY, 1.0), WEEK)
    return {
        "bytes": round(size * share),
        "written_a_day": round(written * share / days) if entries else None,
        "unused_days": max(0.0, (now - oldest) / DAY) if entries else None,
        "complete": looked == len(folders),
        "limit": limit_of(path),
    }


def _put(cache: int, entry: trim.Entry) -> tuple[int, float] | None:
    """Return what an entry of the index and its output take on disk, and when Go put them there; None for no entry."""
    try:
        where = os.path.join(entry.folder, entry.name)
        descriptor = os.open(where, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=cache)
        try:
            match = INDEX.fullmatch(os.read(descriptor, 512))
        finally:
            os.close(descriptor)
    except OSError:
        return None
    if not match:
        return None
    return trim.rounded(int(match[1])) + entry.size, int(match[2]) / 1e9


def count(path: str, seconds: float = SECONDS) -> dict[str, Any]:
    """Return what a look at any folder of C(seconds) finds: C(bytes), which are fewer than all if not C(complete)."""
    until = time.monotonic() + seconds
    size = 0
    for _path, status in files.walk(path):
        if time.monotonic() > until:
            return {"bytes": size, "complete": False}
        size += trim.rounded(status.st_size)
    return {"bytes": size, "complete": True}
