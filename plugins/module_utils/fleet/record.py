# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the controller remembers of a rollout: one file about its rings and one about each host.

Each file is replaced in one step that is on disk when it is done, so a run that is killed leaves the old or the new
one. A host has a file of its own because many are tuned at a time.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TextIO

from ansible_collections.wsltune.go.plugins.module_utils.fleet import host as fleet_host
from ansible_collections.wsltune.go.plugins.module_utils.fleet.rings import Ring
from ansible_collections.wsltune.go.plugins.module_utils.linux import process
from ansible_collections.wsltune.go.plugins.module_utils.linux.files import (
    Files,
    FileState,
    make_own_folders,
    read_from,
)
from ansible_collections.wsltune.go.plugins.module_utils.linux.text import join_names

VERSION = 1
LARGEST = 4 << 20
"""Bytes of one file of the record; what hosts return is in there, and is whatever they say."""
MOST_HISTORY = 1000
"""Decisions that are kept."""
LARGEST_HISTORY = 1 << 20
"""Characters of the decisions that are kept: one host's names are in them, each other ones at every look."""
RUNNING = "running"
HELD = "held"
ROLLED_BACK = "rolled back"
ABORTED = "aborted"
FINISHED = "finished"

DESCRIPTORS: dict[str, int] = {}
"""By the path of a lock, the descriptor that this process holds it by, or the one that it was forked from."""
PATIENCE = 2.0
"""Seconds in which a lock is free that somebody only writes to."""
MOST_HOLDERS = 5


class RecordError(Exception):
    """Why a record cannot be read, written or locked, in one sentence."""


@dataclass
class RingState:
    """How far a ring is: C(opened) is when a run first tuned its hosts, C(since) when enough of them had answered.

    C(passed) is when its gate said go.
    """

    ring: Ring
    hosts: list[str]
    opened: float | None = None
    since: float | None = None
    passed: float | None = None
    decision: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RingState:
        """Read the state of a ring; raise TypeError for fields that are not those of a ring."""
        return cls(**{**data, "ring": Ring.from_json(data["ring"])})


@dataclass
class Rollout:
    """A rollout: its rings with their hosts, as assigned when it began, the ring it is at, and what was decided."""

    name: str
    started: float
    rings: list[RingState]
    excluded: dict[str, str] = field(default_factory=dict)
    status: str = RUNNING
    current: int = 0
    why: str = ""
    history: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rollout:
        """Read a rollout; raise TypeError or KeyError for what is none."""
        return cls(**{**data, "rings": [RingState.from_json(ring) for ring in data["rings"]]})

    def to_json(self) -> dict[str, Any]:
        """Return the rollout as rollout.json has it."""
        rings = [{**vars(state), "ring": state.ring.to_json()} for state in self.rings]
        return {**vars(self), "rings": rings}

    def note(self, now: float, ring: str, result: str, sentences: list[str]) -> None:
        """Add what was decided to the history, unless it says the same as last time."""
        entry = {"at": now, "ring": ring, "result": result, "sentences": sentences}
        if not self.history or {**self.history[-1], "at": now} != entry:
            self.history.append(entry)
            del self.history[:-MOST_HISTORY]
            while len(self.history) > 1 and len(json.dumps(self.history)) > LARGEST_HISTORY:
                del self.history[: len(self.history) // 2]


@dataclass
class HostState:
    """What is known of a host. C(effective) is what was in force after it was tuned.

    C(run) names the run in the host's journal that is taken back with its ring. It is here before the host is touched,
    so a controller that is killed in between forgets no change, and goes when the host has been taken back.
    """

    host: str
    state: str = fleet_host.PENDING
    tries: int = 0
    times_done: int = 0
    began: float | None = None
    at: float | None = None
    run: str = ""
    measures: bool = False
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    effective: dict[str, str] = field(default_factory=dict)
    critical: list[str] | None = None
    reread: float | None = None
    lost: list[str] = field(default_factory=list)
    new_critical: list[str] = field(default_factory=list)
    pending_restart: int = 0
    note: str = ""
    retry: bool = False
    """Whether a person let it be tried again and it has not been."""
    times_slower: int = 0
    """How often in a row Go got slower on it since its ring began; twice is no chance."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> HostState:
        """Read the state of a host; fields that this version does not know are passed over."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})


class Store:
    """A folder on the controller that holds one rollout, or whatever C(what) says."""

    def __init__(self, folder: str, what: str = "rollout") -> None:
        self.what = what
        self.folder = os.path.abspath(os.path.expanduser(folder))
        self.path = os.path.join(self.folder, "rollout.json")
        self.lock_path = os.path.join(self.folder, "lock")

    def load(self) -> Rollout | None:
        """Return the rollout, None before the first run."""
        data = self._read(self.path)
        try:
            return Rollout.from_json(data) if data is not None else None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise RecordError(_not_a_record(self.path)) from None

    def save(self, rollout: Rollout) -> None:
        """Replace rollout.json as a whole."""
        self._write(self.path, rollout.to_json())

    def host_path(self, host: str) -> str:
        """Return the file of a host, whose name may hold any character."""
        return os.path.join(self.folder, "hosts", urllib.parse.quote(host, safe="") + ".json")

    def load_host(self, host: str) -> HostState:
        """Return what is known of a host, an empty state at first; raise RecordError for a file that is no record."""
        path = self.host_path(host)
        data = self._read(path)
        try:
            return HostState.from_json(data) if data is not None else HostState(host)
        except (TypeError, ValueError):
            raise RecordError(_not_a_record(path)) from None

    def save_host(self, host: HostState) -> None:
        """Replace the host's file as a whole."""
        self._write(self.host_path(host.host), asdict(host))

    def write_reports(self, data: Mapping[str, Any], page: str) -> None:
        """Write fleet.json and fleet.html beside the record."""
        self._put(os.path.join(self.folder, "fleet.json"), json.dumps(data, indent=1))
        self._put(os.path.join(self.folder, "fleet.html"), page)

    def _read(self, path: str) -> dict[str, Any] | None:
        try:
            state = read_from(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), path, LARGEST)
            data = json.loads(state.content)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RecordError(f"cannot read {path}: {error.strerror}.") from None
        except (ValueError, RecursionError):
            raise RecordError(_not_a_record(path)) from None
        if not isinstance(data, dict) or not isinstance(data.get("version"), int):
            raise RecordError(_not_a_record(path))
        if data["version"] != VERSION:
            raise RecordError(
                f"{path} is a record of version {data['version']} and this wsltune knows version {VERSION}: use the "
                "wsltune that wrote it, or name another rollout by wsltune_rollout_name."
            )
        return {key: value for key, value in data.items() if key != "version"}

    def _write(self, path: str, data: Mapping[str, Any]) -> None:
        text = json.dumps({"version": VERSION, **data}, indent=1, sort_keys=True)
        # It could not be read again, and no run of the rollout would go on.
        if len(text) > LARGEST:
            raise RecordError(f"{path} would be larger than {LARGEST >> 20} MiB: look at what the host returns.")
        self._put(path, text)

    def _put(self, path: str, text: str) -> None:
        try:
            make_own_folders(os.path.dirname(path))
            Files().put(path, FileState.own(text.encode()))
        except OSError as error:
            room = ": make room and run this again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
            raise RecordError(f"cannot write {path}: {error.strerror}{room}.") from None

    def hold(self) -> None:
        """Have this process and all that are forked from it hold the record until the last of them has ended.

        Without that, a run that takes the lock knows only whether the process that had it before lives, and what that
        one has forked ends its task first. Whoever has the record already is met by C(lock), which says so.
        """
        if self.lock_path in DESCRIPTORS:
            return
        with contextlib.suppress(OSError):
            descriptor = self._open_lock()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                raise
            DESCRIPTORS[self.lock_path] = descriptor

    def _open_lock(self) -> int:
        # Not for what is executed, such as ssh, which stays for the next connection.
        make_own_folders(self.folder)
        return os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def lock(self, pid: int) -> None:
        """Take the record for the process C(pid); raise RecordError while another one that lives has it.

        The name of the process stays in the file after its end, so that it takes no process of its own to hold it.
        What C(hold) holds is free when all that were forked from it have ended as well.
        """
        own = {"host": socket.gethostname(), "pid": pid, "began": read_start(pid), "since": time.time()}
        if own["began"] is None:
            raise RecordError(f"process {pid}, to which this belongs, has ended: run it again.")
        try:
            held = DESCRIPTORS.get(self.lock_path)
            descriptor = self._open_lock() if held is None else os.dup(held)
        except OSError as error:
            raise RecordError(f"cannot lock {self.lock_path}: {error.strerror}.") from None
        with os.fdopen(descriptor, "r+", encoding="utf-8") as handle:
            is_free = self._wait_for_others(handle)
            handle.seek(0)
            self._refuse_other(handle.read(), own, is_free)
            try:
                handle.seek(0)
                handle.truncate()
                handle.write(json.dumps(own))
                handle.flush()
            except OSError as error:
                raise RecordError(f"cannot lock {self.lock_path}: {error.strerror}.") from None

    def _wait_for_others(self, handle: TextIO) -> bool:
        """Return whether nobody else holds the file any more; for a moment, whoever only writes to it does."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if time.monotonic() > until:
                    return False
                time.sleep(0.05)
            except OSError as error:
                raise RecordError(f"cannot lock {self.lock_path}: {error.strerror}.") from None

    def _refuse_other(self, text: str, own: Mapping[str, Any], is_free: bool) -> None:
        try:
            other = json.loads(text) if text.strip() else {}
            host, pid, began = (other.get(name) for name in ("host", "pid", "began"))
        except (ValueError, AttributeError):
            # Whoever wrote half of it was killed.
            host, pid, began = None, None, None
        is_own = (host, pid, began) == (own["host"], own["pid"], own["began"])
        if host and host != own["host"]:
            raise RecordError(
                f"the controller {host} has this {self.what}: wait for its end, or remove {self.lock_path} if it is "
                "gone."
            )
        if host and not is_own and isinstance(pid, int) and read_start(pid) is not None and read_start(pid) == began:
            raise RecordError(f"process {pid} on this controller has this {self.what}: wait for its end.")
        if not is_free:
            raise RecordError(
                f"a run of this {self.what} was killed and what it began on hosts is still under way in "
                f"{self._name_holders()}: run it again when that has ended."
            )

    def _name_holders(self) -> str:
        """Return the processes that hold the lock, as far as this account can see them."""
        pids = sorted(process.find_holders(os.path.realpath(self.lock_path)))
        holders = [f"process {pid}" for pid in pids if pid != os.getpid()]
        return join_names(holders, MOST_HOLDERS) if holders else "processes of this controller"

    def unlock(self, pid: int) -> None:
        """Let go of what C(lock) and C(hold) took, for all that were forked, too."""
        with (
            contextlib.suppress(OSError, ValueError, AttributeError),
            open(self.lock_path, "r+", encoding="utf-8") as handle,
        ):
            held = DESCRIPTORS.get(self.lock_path)
            fcntl.flock(handle if held is None else held, fcntl.LOCK_EX)
            if json.load(handle).get("pid") == pid:
                handle.truncate(0)
            if held is not None:
                fcntl.flock(held, fcntl.LOCK_UN)


def read_start(pid: int) -> str | None:
    """Return when a process began, as its system counts, so that a number used again is not taken for it."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as handle:
            return handle.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    # A controller without /proc, such as macOS.
    if os.path.isdir("/proc/self"):
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return "unknown"


def _not_a_record(path: str) -> str:
    return f"{path} is no record of a rollout: restore it from a backup, or remove it to begin again."
