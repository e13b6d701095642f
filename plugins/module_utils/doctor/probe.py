# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What file operations cost in a folder, how long a process takes to start, what the C library says of names.

The doctor runs this file as a program of its own, as the user and with a time limit, so it imports nothing of the
collection: probe.py files FOLDER LABEL..., lookups FOLDER..., start COMMAND..., names NAME...
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

ROUNDS = 25
SECONDS = 1.5
PREFIX = ".wsltune-doctor-"
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def spread(times: list[float]) -> dict[str, float]:
    """Return the median, the range of the middle half and the quickest, in microseconds."""
    if not times:
        return {}
    quarters = statistics.quantiles(times, n=4) if len(times) > 1 else [times[0]] * 3
    return {
        "median": round(statistics.median(times) * 1e6, 2),
        "low": round(quarters[0] * 1e6, 2),
        "high": round(quarters[2] * 1e6, 2),
        "best": round(min(times) * 1e6, 2),
        "n": len(times),
    }


class Timer:
    """Collects durations by the name of an operation, in seconds."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    @contextlib.contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Time what runs inside; an operation that raises is not counted."""
        begin = time.perf_counter()
        yield
        self.times.setdefault(name, []).append(time.perf_counter() - begin)


def existing_file(folder: str) -> str | None:
    """Return a file to read where none can be made."""
    for place in (folder, os.path.join(folder, "bin"), os.path.join(folder, "src", "fmt")):
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                if entry.is_file() and os.access(entry.path, os.R_OK):
                    return entry.path
    return None


class Scratch:
    """A folder of its own for what is made, reached by its descriptor: others may give its name to another folder."""

    def __init__(self, folder: str) -> None:
        # Nobody has files of these names elsewhere, such as where the name of the folder leads by then.
        self.token = os.urandom(6).hex()
        self.made: set[str] = set()
        name = f"{PREFIX}{os.getpid()}-{self.token}"
        self.path = os.path.join(folder, name)
        self._parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.mkdir(name, 0o700, dir_fd=self._parent)
            self._folder = os.open(name, FOLDER, dir_fd=self._parent)
        except OSError:
            os.close(self._parent)
            raise
        self._name = name

    def name(self, label: str) -> str:
        """Return the name of a file."""
        return f"{label}-{self.token}"

    def make(self, label: str) -> int:
        """Make a file and return its descriptor."""
        flags = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY | os.O_CLOEXEC
        descriptor = os.open(self.name(label), flags, 0o600, dir_fd=self._folder)
        self.made.add(label)
        return descriptor

    def rename(self, label: str, other: str) -> None:
        """Give a file that was made another label."""
        self.made.add(other)
        os.rename(self.name(label), self.name(other), src_dir_fd=self._folder, dst_dir_fd=self._folder)
        self.made.discard(label)

    def remove(self, label: str) -> None:
        """Remove a file that was made."""
        os.unlink(self.name(label), dir_fd=self._folder)
        self.made.discard(label)

    def close(self) -> None:
        """Remove what was made, and nothing else."""
        try:
            for label in sorted(self.made):
                with contextlib.suppress(FileNotFoundError):
                    self.remove(label)
            with contextlib.suppress(OSError):
                os.rmdir(self._name, dir_fd=self._parent)
        finally:
            os.close(self._folder)
            os.close(self._parent)


def files(folder: str) -> dict[str, Any]:
    """Return the times of each operation in a folder; it holds nothing new afterwards."""
    measured: dict[str, Any] = {"path": folder, "writable": True, "times": {}, "clock": None}
    timer = Timer()
    scratch = None
    try:
        scratch = Scratch(folder)
    except OSError as error:
        measured.update(writable=False, reason=error.strerror)
    try:
        target = existing_file(folder) if scratch is None else ""
        if scratch is not None:
            descriptor = scratch.make("kept")
            with open(descriptor, "wb") as handle:
                handle.write(b"x" * 65536)
                handle.flush()
                # A drive that another system serves dates its files by that system's clock.
                measured["clock"] = round(os.fstat(handle.fileno()).st_mtime - time.time(), 3)
            # By its whole path, because that is what Go's operations cost; what is read by it is forgotten.
            target = os.path.join(scratch.path, scratch.name("kept"))
        until = time.monotonic() + SECONDS
        for number in range(ROUNDS):
            if number > 2 and time.monotonic() > until:
                break
            if target:
                with timer.of("stat"):
                    os.stat(target)
                with timer.of("open"):
                    descriptor = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                with timer.of("read"):
                    os.pread(descriptor, 4096, 0)
                os.close(descriptor)
            if scratch is not None:
                with timer.of("create"):
                    descriptor = scratch.make(f"a{number}")
                os.write(descriptor, b"x" * 4096)
                if number < 5:
                    with timer.of("fsync"):
                        os.fsync(descriptor)
                os.close(descriptor)
                with timer.of("rename"):
                    scratch.rename(f"a{number}", f"b{number}")
                scratch.remove(f"b{number}")
    except OSError as error:
        measured["reason"] = f"{error.strerror} ({error.filename})" if error.filename else str(error.strerror)
    finally:
        if scratch is not None:
            scratch.close()
    measured["times"] = {name: spread(times) for name, times in timer.times.items()}
    try:
        size = os.statvfs(folder)
        measured.update(
            total_bytes=size.f_blocks * size.f_frsize,
            free_bytes=size.f_bavail * size.f_frsize,
            inodes=size.f_files,
            free_inodes=size.f_favail,
        )
    except OSError:
        pass
    return measured


def lookups(folders: list[str]) -> list[dict[str, Any]]:
    """Measure what it costs to look for a program in each folder of PATH and not to find it."""
    measured = []
    for folder in folders:
        timer = Timer()
        for number in range(7):
            with timer.of("stat"), contextlib.suppress(OSError):
                os.stat(os.path.join(folder, f"wsltune-no-such-program-{number}"))
        measured.append({"path": folder, "exists": os.path.isdir(folder), "times": spread(timer.times["stat"])})
    return measured


def _become(command: list[str]) -> None:
    """Turn into the program, in the child, with nothing to read or to say. Never returns."""
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1):
            os.dup2(nothing, stream)
        os.execvp(command[0], command)
    finally:
        os._exit(127)


def start(command: list[str]) -> dict[str, float]:
    """Measure 15 times how long a program takes from its start to its end."""
    timer = Timer()
    for _number in range(15):
        with timer.of("start"):
            child = os.fork()
            if child == 0:
                _become(command)
            os.waitpid(child, 0)
    return spread(timer.times["start"])


def names(wanted: list[str]) -> list[dict[str, Any]]:
    """Return what the C library's resolver says of each name."""
    resolved = []
    for name in wanted:
        begin = time.perf_counter()
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            answer = {"addresses": sorted({str(answer[4][0]).partition("%")[0] for answer in answers}), "error": ""}
        except (OSError, UnicodeError) as error:
            answer = {"addresses": [], "error": getattr(error, "strerror", None) or str(error)}
        resolved.append({"name": name, "us": round((time.perf_counter() - begin) * 1e6, 1), **answer})
    return resolved


def main(arguments: list[str]) -> None:
    """Print as JSON what the verb asks for: files, lookups or start, and anything else is names to resolve."""
    verb, *rest = arguments
    verbs: dict[str, Callable[[], Any]] = {
        "files": lambda: files(rest[0]),
        "lookups": lambda: lookups(rest),
        "start": lambda: start(rest),
    }
    answer = verbs.get(verb)
    sys.stdout.write(json.dumps(answer() if answer else names(rest)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
