# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a program as a user, in a given environment and no other, and know what it used.

AnsibleModule.run_command adds to its own environment, cannot become another user and knows no resource usage.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable, NamedTuple

# `go build` asks Git for the state of a tree, and Git would write what it found into the index of the repository.
GIT_READS_ONLY = {"GIT_OPTIONAL_LOCKS": "0"}


class Identity(NamedTuple):
    """Who a program runs as."""

    uid: int
    gid: int
    groups: Sequence[int]


@dataclass
class Done:
    """How a program ended: exit code (negative for a signal), output, seconds, bytes and 512-byte blocks.

    `stopped` says that the watcher ended it.
    """

    code: int
    out: str
    err: str
    timed_out: bool
    wall: float
    user: float
    system: float
    max_rss: int
    blocks_written: int
    stopped: bool = False

    @property
    def reason(self) -> str:
        """The last line it said, for a message about its failure."""
        said = (self.err.strip() or self.out.strip()).splitlines()
        return said[-1] if said else f"exit {self.code}"


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    directory: str = "/",
    identity: Identity | None = None,
    limit: float = 60.0,
    watch: Callable[[int], bool] | None = None,
) -> Done:
    """Run C(command) to its end, at most C(limit) seconds; its whole process group is ended with it.

    OSError when it cannot be started. Standard input is empty; the command is looked for in the PATH of C(environment).
    C(watch) is called five times a second with the bytes of output so far, and ends the program by returning true.
    """
    out, err = _memory_file(), _memory_file()
    timed_out, stopped, over = threading.Event(), threading.Event(), threading.Event()
    pid, timer, watcher, status = 0, None, None, None
    try:
        pid, begin = _start(command, environment, directory, identity, out, err)
        timer = threading.Timer(limit, _end, (pid, timed_out))
        timer.daemon = True
        timer.start()
        if watch is not None:
            watcher = threading.Thread(target=_watch, args=(watch, (out, err), pid, stopped, over), daemon=True)
            watcher.start()
        _pid, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - begin
        return Done(
            code=os.waitstatus_to_exitcode(status),
            out=_read(out),
            err=_read(err),
            timed_out=timed_out.is_set(),
            wall=wall,
            user=usage.ru_utime,
            system=usage.ru_stime,
            max_rss=usage.ru_maxrss * 1024,
            blocks_written=usage.ru_oublock,
            stopped=stopped.is_set(),
        )
    finally:
        over.set()
        if watcher is not None:
            watcher.join()
        if timer is not None:
            timer.cancel()
            # A thread still about when the next program is forked is one too many.
            timer.join()
        if pid and status is None:
            _end(pid)
            os.waitpid(pid, 0)
        os.close(out)
        os.close(err)


def _start(
    command: Sequence[str],
    environment: Mapping[str, str],
    directory: str,
    identity: Identity | None,
    out: int,
    err: int,
) -> tuple[int, float]:
    """Start the program in a session of its own; return its process id and when it began.

    The child takes the time, since the fork of a large Python is no part of what the program costs; the clock is
    the same for all processes (CLOCK_MONOTONIC).
    """
    told, tell = os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        pid = os.fork()
        if pid == 0:
            _become(command, environment, directory, identity, (nothing, out, err), tell)
        os.close(tell)
        tell = -1
        # The pipe closes by itself when the program starts.
        words = b"".join(iter(lambda: os.read(told, 64), b"")).split()
        if len(words) != 1:
            os.waitpid(pid, 0)
            number = int(words[-1]) if words else errno.ENOEXEC
            raise OSError(number, os.strerror(number), command[0])
        return pid, float(words[0])
    finally:
        for descriptor in (told, tell, nothing):
            if descriptor >= 0:
                os.close(descriptor)


def _become(
    command: Sequence[str],
    environment: Mapping[str, str],
    directory: str,
    identity: Identity | None,
    streams: Sequence[int],
    tell: int,
) -> None:
    """In the child: turn into the program. Never returns."""
    try:
        os.setsid()
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
        if identity is not None:
            os.setgroups(list(identity.groups))
            os.setgid(identity.gid)
            os.setuid(identity.uid)
        os.chdir(directory)
        # Python ignores these two, and a program would inherit that.
        for name in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(name, signal.SIG_DFL)
        os.write(tell, b"%.9f " % time.perf_counter())
        os.execvpe(command[0], list(command), {**environment, "PWD": directory})
    except OSError as error:
        os.write(tell, b"failed %d" % (error.errno or errno.ENOEXEC))
    finally:
        os._exit(127)


def _memory_file() -> int:
    # A file on a disk would be counted among the blocks that are written.
    if hasattr(os, "memfd_create"):
        with contextlib.suppress(OSError):
            return os.memfd_create("output")
    descriptor, path = tempfile.mkstemp()
    os.unlink(path)
    return descriptor


def _read(descriptor: int) -> str:
    size = os.lseek(descriptor, 0, os.SEEK_END)
    return os.pread(descriptor, size, 0).decode("utf-8", "surrogateescape")


def _watch(
    watch: Callable[[int], bool],
    streams: Sequence[int],
    group: int,
    stopped: threading.Event,
    over: threading.Event,
) -> None:
    while not over.wait(0.2):
        if watch(sum(os.fstat(descriptor).st_size for descriptor in streams)):
            _end(group, stopped)
            return


def _end(group: int, mark: Any = None) -> None:
    if mark is not None:
        mark.set()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def holders(path: str) -> list[str]:
    """Return the programs that have C(path), or something below it, open or as their working directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        links = [f"/proc/{pid}/cwd", f"/proc/{pid}/exe"]
        try:
            links += [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue
        for link in links:
            # A descriptor may be closed meanwhile.
            with contextlib.suppress(OSError):
                if f"{os.readlink(link)}/".startswith(path + "/"):
                    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as handle:
                        found.append(f"{handle.read().strip()} ({pid})")
                    break
    return found
