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


def files(folder: str) -> dict[str, Any]:
    """Return the times of each operation in a folder; it holds nothing new afterwards."""
    measured: dict[str, Any] = {"path": folder, "writable": True, "times": {}, "clock": None}
    timer = Timer()
    scratch = os.path.join(folder, f"{PREFIX}{os.getpid()}")
    try:
        os.mkdir(scratch, 0o700)
    except OSError as error:
        measured.update(writable=False, reason=error.strerror)
        scratch = ""
    try:
        target = os.path.join(scratch, "kept") if scratch else existing_file(folder)
        if scratch and target:
            with open(target, "wb") as handle:
                handle.write(b"x" * 65536)
            # A drive that another system serves dates its files by that system's clock.
            measured["clock"] = round(os.stat(target).st_mtime - time.time(), 3)
        until = time.monotonic() + SECONDS
        for number in range(ROUNDS):
            if number > 2 and time.monotonic() > until:
                break
            if target:
                with timer.of("stat"):
                    os.stat(target)
                with timer.of("open"):
                    descriptor = os.open(target, os.O_RDONLY)
                with timer.of("read"):
                    os.pread(descriptor, 4096, 0)
                os.close(descriptor)
            if scratch:
                here, there = (os.path.join(scratch, f"{name}{number}") for name in "ab")
                with timer.of("create"):
                    descriptor = os.open(here, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                os.write(descriptor, b"x" * 4096)
                if number < 5:
                    with timer.of("fsync"):
                        os.fsync(descriptor)
                os.close(descriptor)
                with timer.of("rename"):
                    os.rename(here, there)
                os.unlink(there)
    except OSError as error:
        measured["reason"] = f"{error.strerror} ({error.filename})" if error.filename else str(error.strerror)
    finally:
        if scratch:
            for name in os.listdir(scratch):
                os.unlink(os.path.join(scratch, name))
            os.rmdir(scratch)
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
