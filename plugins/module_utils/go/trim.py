# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keeps build caches of Go below a size: removes what was not used for longest (go_env_gocache_limit).

go_env installs this file as a program of its own, so it imports the standard library alone. Root only reads the
settings: each cache is trimmed in a child that has become its user.

Go marks an entry as used by its time of change, at most once an hour, and itself removes what was not used for five
days (cmd/go/internal/cache, markUsed and Trim). An entry that is missing is built again.
"""

from __future__ import annotations

import json
import os
import pwd
import random
import re
import resource
import signal
import stat
import sys
import time
from collections.abc import Collection, Iterator
from typing import Any, Callable, NamedTuple, TextIO

SETTINGS = "/etc/wsltune/go-trim.json"
FOLDER = re.compile("[0-9a-f]{2}")
ENTRY = re.compile("[0-9a-f]{64}-[ad]")
COMMAND = re.compile(r"go(\d[\d.a-z]*)?(\.distrib)?")
"""Names of the Go command's processes; C(go.distrib) is the one that a program of wsltune's stands in front of."""
BLOCK = 4096
YOUNGEST = 25 * 3600.0
"""Seconds that an entry is kept after its last use: a day, and the hour by which Go may be late to mark it."""
LOOK = 0.2
"""Seconds of removing until Go's processes are looked for again."""
MEMORY = 1 << 30
"""Bytes of memory for one cache; of a million entries a quarter is needed."""
LIMIT = 600.0
"""Seconds for one cache, which may lie on a server that is gone."""
TOTAL = 1500.0
"""Seconds for all caches; the timer's service ends after half an hour."""
LEAST = 60.0
"""Seconds for one cache where there are many, and others give no answer."""
LONGEST = 200
"""Characters of a path in a line that is printed."""


class Entry(NamedTuple):
    """One file of a build cache, or the folder of a program in it; C(used) is when Go used it last."""

    used: int
    size: int
    folder: str
    name: str


class Trimmed(NamedTuple):
    """What trimming came to: C(size) is what is left, C(reason) why it is more than the limit."""

    removed: int
    freed: int
    size: int
    reason: str


def rounded(size: int) -> int:
    """Return what a file of C(size) bytes takes on a disk."""
    return -(-size // BLOCK) * BLOCK


def _open(name: str, folder: int) -> int:
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)


def list_folders(cache: int) -> list[str]:
    """Return the folders of entries in a build cache that is open."""
    return sorted(name for name in os.listdir(cache) if FOLDER.fullmatch(name))


def list_entries(cache: int, folder: str) -> Iterator[Entry]:
    """Yield the entries of one folder; what has another shape than Go's own is passed over."""
    try:
        opened = _open(folder, cache)
    except OSError:
        return
    try:
        with os.scandir(opened) as found:
            for entry in found:
                if not ENTRY.fullmatch(entry.name) or not entry.name.startswith(folder):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                    is_program = stat.S_ISDIR(status.st_mode) and entry.name.endswith("-d")
                    size = rounded(status.st_size) + (_program_size(opened, entry.name) if is_program else 0)
                except OSError:
                    continue
                if is_program or stat.S_ISREG(status.st_mode):
                    yield Entry(status.st_mtime_ns, size, folder, entry.name)
    finally:
        os.close(opened)


def _program_size(folder: int, name: str) -> int:
    opened = _open(name, folder)
    try:
        with os.scandir(opened) as found:
            return sum(rounded(entry.stat(follow_symlinks=False).st_size) for entry in found)
    finally:
        os.close(opened)


def _remove(cache: int, entry: Entry) -> bool:
    """Remove one entry where it is still the one that was seen: Go may have used it since."""
    folder = _open(entry.folder, cache)
    try:
        status = os.stat(entry.name, dir_fd=folder, follow_symlinks=False)
        if status.st_mtime_ns != entry.used:
            return False
        if not stat.S_ISDIR(status.st_mode):
            os.unlink(entry.name, dir_fd=folder)
            return True
        program = _open(entry.name, folder)
        try:
            for name in os.listdir(program):
                os.unlink(name, dir_fd=program)
        finally:
            os.close(program)
        os.rmdir(entry.name, dir_fd=folder)
        return True
    finally:
        os.close(folder)


def is_go_running(users: Collection[int], proc: str = "/proc") -> bool:
    """Return whether a Go command of one of C(users) runs, but for one that has ended and waits for its parent.

    What counts is who started it, because a link gives any program of root's that name.
    """
    for number in filter(str.isdigit, os.listdir(proc)):
        try:
            with open(f"{proc}/{number}/status", encoding="utf-8", errors="replace") as handle:
                lines = dict(line.partition(":")[::2] for line in handle)
        except OSError:
            continue
        name, state, user = (lines.get(key, "").split() or [""] for key in ("Name", "State", "Uid"))
        if len(name) == 1 and COMMAND.fullmatch(name[0]) and state[0] not in ("Z", "X", "") and int(user[0]) in users:
            return True
    return False


def trim(
    path: str, limit: int, now: float, users: Collection[int] = (), is_busy: Callable[..., bool] = is_go_running
) -> Trimmed:
    """Have the build cache at C(path) take at most C(limit) bytes, as the account that runs this.

    The entries that were not used for longest go first. It stops where Go starts and leaves what the last day used.
    Go counts that this account runs, root, whoever the cache belongs to, or one of C(users), which have it too.
    """
    cache = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        status = os.fstat(cache)
        # Anybody can name another account's cache as theirs, and Go has no use for one that it cannot write.
        users = {0, os.geteuid(), status.st_uid, *(users if status.st_mode & 0o022 else ())}
        entries = [entry for folder in list_folders(cache) for entry in list_entries(cache, folder)]
        size = sum(entry.size for entry in entries)
        removed = freed = 0
        reason = ""
        looked = 0.0
        for entry in sorted(entries) if size > limit else ():
            if size - freed <= limit:
                break
            if entry.used > (now - YOUNGEST) * 1e9:
                reason = "what is left was used in the last day"
                break
            if time.monotonic() - looked >= LOOK:
                if is_busy(users):
                    reason = "a Go command runs"
                    break
                looked = time.monotonic()
            try:
                gone = _remove(cache, entry)
            except FileNotFoundError:
                # Go's own trim, or go clean.
                gone = True
            except OSError as error:
                reason = f"{entry.folder}/{entry.name}: {error.strerror}"
                continue
            if gone:
                removed, freed = removed + 1, freed + entry.size
        return Trimmed(removed, freed, size - freed, reason if size - freed > limit else "")
    finally:
        os.close(cache)


def check_for_root(path: str) -> str:
    """Return C(path) without links; OSError where another account can change what it leads to."""
    real = where = os.path.realpath(path)
    while True:
        status = os.stat(where)
        shared = status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX
        if status.st_uid or shared:
            raise PermissionError(1, "others can write there", where)
        if where == os.path.dirname(where):
            return real
        where = os.path.dirname(where)


def describe(name: str, path: str, limit: int, done: Trimmed) -> str:
    """Return one line for the journal."""
    gib = 1 << 30
    line = f"{name}: {shown(path)} takes {done.size / gib:.2f} of {limit / gib:.2f} GiB"
    line += f", after {done.removed} entries with {done.freed / gib:.2f} GiB were removed" if done.removed else ""
    return line + (f"; {done.reason}" if done.reason else "")


def shown(path: str) -> str:
    """Return a path, which its user chose, as it can stand in a line."""
    text = path if path.isprintable() else ascii(path)
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def say(line: str, where: TextIO | None = None) -> None:
    """Write a line for systemd's journal, at once."""
    where = where or sys.stdout
    where.write(f"{line}\n")
    where.flush()


def _work(account: pwd.struct_passwd, path: str, limit: int, users: Collection[int]) -> int:
    """As a child: become the account, trim its cache, say what it came to; return the code to end with."""
    os.setsid()
    # What its user has in a folder may be without end.
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    # In it the account could read what root has read.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if account.pw_uid != os.geteuid():
        os.initgroups(account.pw_name, account.pw_gid)
        os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
        os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    os.chdir("/")
    try:
        if account.pw_uid == 0:
            path = check_for_root(path)
        say(describe(account.pw_name, path, limit, trim(path, limit, time.time(), users)))
    except FileNotFoundError:
        # Whoever has built nothing yet has no cache.
        return 0
    except OSError as error:
        say(f"{account.pw_name}: {shown(str(error.filename or path))}: {error.strerror}", sys.stderr)
        return 1
    return 0


def as_user(name: str, path: str, limit: int, seconds: float = LIMIT, users: Collection[int] = ()) -> int:
    """Trim the cache of one user in a child that is that user; return its code, 1 where it gives no answer in time.

    C(users) have the same cache.
    """
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        return 0
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = _work(account, path, limit, users)
        finally:
            os._exit(code)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return 1 if status else 0
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    say(f"{name}: {shown(path)} gives no answer in {seconds:.0f} s", sys.stderr)
    return 1


def _user_of(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return -1


def trim_all(caches: dict[str, str], limit: int, total: float = TOTAL) -> int:
    """Trim the caches one after the other in C(total) seconds; return the highest code.

    Each has an equal part of what is left, and they come in another order each time: one user's cache, which may give
    no answer, keeps no other from its turn.
    """
    until = time.monotonic() + total
    code = 0
    names = random.sample(list(caches), len(caches))
    for number, name in enumerate(names):
        left = until - time.monotonic()
        if left <= 0:
            say(f"{', '.join(sorted(names[number:]))}: not looked at this time, because others took {total:.0f} s")
            return 1
        sharing = {_user_of(other) for other, path in caches.items() if path == caches[name]}
        seconds = min(LIMIT, max(LEAST, left / (len(names) - number)))
        code = max(code, as_user(name, caches[name], limit, seconds, sharing))
    return code


def main() -> int:
    """Trim each cache that the settings name, one after the other."""
    with open(SETTINGS, encoding="utf-8") as handle:
        settings: dict[str, Any] = json.load(handle)
    return trim_all(settings["caches"], settings["limit"])


if __name__ == "__main__":
    raise SystemExit(main())
