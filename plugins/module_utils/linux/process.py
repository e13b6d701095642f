# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a program as a user, in a given environment and no other, and know what it used.

AnsibleModule.run_command adds to its own environment, cannot become another user and knows no resource usage.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import os
import resource
import select
import selectors
import signal
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable, NamedTuple

from ansible_collections.wsltune.go.plugins.module_utils.linux import text

# `go build` asks Git for the state of a tree, and Git would write what it found into the index of the repository.
GIT_READS_ONLY = {"GIT_OPTIONAL_LOCKS": "0"}
MOST_OUTPUT = 16 << 20
"""Bytes of each of the two outputs that are kept, the last ones; the rest is read and forgotten."""
PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36
KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280}
"""The number of the call keyctl(2), which the C library has no function for."""
KEYCTL_JOIN_SESSION_KEYRING, KEYCTL_LINK = 1, 8
KEY_SPEC_SESSION_KEYRING, KEY_SPEC_USER_KEYRING = -3, -4
LIBRARY = ctypes.CDLL(None, use_errno=True)
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
START = 10.0
"""Seconds until a program has begun; its folder, or one of PATH, may lie on a server that gives no answer."""
LOOKING = 5.0
"""Seconds that looking for the programs which use a folder may take."""
MOST_DESCRIPTORS = 4096
"""Open files of a program that are looked at; an account may have millions, and processes that share them."""
LIMITED: list[tuple[int, int]] = []
"""The limit of memory that this process had before limit_memory(), which the programs it starts get back."""
KEPT: set[int] = set()
"""Children of this process that are no program of run()."""


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
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return text.line(lines[-1]) if lines else f"exit {self.code}"


def _keyctl(*words: object) -> int:
    """Return the number of the error, 0 for none."""
    number = KEYCTL.get(os.uname().machine)
    if number is None or ctypes.sizeof(ctypes.c_void_p) != 8:
        return errno.ENOSYS
    return ctypes.get_errno() if LIBRARY.syscall(number, *words) == -1 else 0


def leave_keyring() -> None:
    """Have a keyring for this session alone, before root becomes somebody else.

    A child has its parent's keys, such as those of Kerberos, and reads them whoever it is by then (session-keyring(7)).
    """
    # As root, whose quota no account can fill. A kernel without keys has none, and a container that forbids the call
    # forbids it to children too.
    number = _keyctl(KEYCTL_JOIN_SESSION_KEYRING, None)
    if number not in (0, errno.ENOSYS, errno.EPERM):
        raise OSError(number, os.strerror(number), "keyring")


def link_own_keyring() -> None:
    """Have the keys of the account that this process has become, as a login has them (pam_keyinit(8))."""
    _keyctl(KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING)


def hide_memory() -> None:
    """Have no core file and no tracer get at what this process knew as root, once it has become an account.

    The account can end it by a signal that dumps its memory. Where fs.suid_dumpable is 2, as with systemd-coredump, the
    kernel dumps it all the same, and not every version of what takes the file sees that it must not be the account's.
    """
    LIBRARY.prctl(PR_SET_DUMPABLE, 0)


def turn_into(identity: Identity) -> None:
    """Give up root for C(identity), whose signals wait until they find no memory of root's to dump."""
    leave_keyring()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    os.setgroups(list(identity.groups))
    os.setresgid(identity.gid, identity.gid, identity.gid)
    os.setresuid(identity.uid, identity.uid, identity.uid)
    hide_memory()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    link_own_keyring()


def limit_memory(more: int) -> None:
    """Have this process, but not the programs it starts, fail for want of memory with C(more) bytes beside its own."""
    with contextlib.suppress(OSError, ValueError), open("/proc/self/statm", encoding="ascii") as handle:
        own = int(handle.read().split()[5]) * resource.getpagesize()
        before = resource.getrlimit(resource.RLIMIT_DATA)
        more = min(more, os.sysconf("SC_PHYS_PAGES") * resource.getpagesize() // 2)
        most = min([own + more, *(limit for limit in before if limit != resource.RLIM_INFINITY)])
        resource.setrlimit(resource.RLIMIT_DATA, (most, before[1]))
        LIMITED[:] = LIMITED or [before]


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hold signals back: an exception in the functions that a fork calls is lost, and so is what is not noted yet."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Output:
    """What a program prints on one stream: the reading end of a pipe, and the last C(most) bytes that came."""

    def __init__(self, identity: Identity | None, most: int) -> None:
        self.most, self.total, self._kept = most, 0, 0
        self._parts: deque[bytes] = deque()
        self.descriptor, self.end = os.pipe()
        os.set_blocking(self.descriptor, False)
        if identity is not None:
            # Scripts open /dev/stderr anew.
            os.fchown(self.end, identity.uid, identity.gid)

    def read(self) -> bool:
        """Take what is there, at most a part; whether more may come."""
        try:
            part = os.read(self.descriptor, 1 << 16)
        except BlockingIOError:
            return True
        self.total += len(part)
        self._kept += len(part)
        self._parts.append(part)
        while self._kept - len(self._parts[0]) >= self.most:
            self._kept -= len(self._parts.popleft())
        return bool(part)

    def drain(self) -> None:
        """Take what the pipe held when the program ended; what it left running may go on writing, and is not heard."""
        until = self.total + (1 << 20)
        before = -1
        while before < self.total < until:
            before = self.total
            self.read()

    def text(self) -> str:
        return b"".join(self._parts)[-self.most :].decode("utf-8", "surrogateescape")

    def close_end(self) -> None:
        if self.end >= 0:
            os.close(self.end)
            self.end = -1

    def close(self) -> None:
        self.close_end()
        os.close(self.descriptor)


class _Waiter(threading.Thread):
    """Waits for a process, and takes the time of its end before anything else is done."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.when, self.status = pid, 0.0, 0
        # As long as nobody waits for it, its number is its own.
        self.begin = _start_of(pid)
        self.usage: Any = None
        self.ended, self._tell = os.pipe()
        self.start()

    def run(self) -> None:
        try:
            _pid, self.status, self.usage = os.wait4(self.pid, 0)
            self.when = time.perf_counter()
        finally:
            os.close(self._tell)

    def close(self) -> None:
        """End the program where it has not ended; give up on one that cannot be ended, as when a server is gone."""
        if self.usage is None:
            _end(self.pid, self.begin)
        # A thread still about when the next program is forked is one too many.
        self.join(5.0)
        if not self.is_alive():
            os.close(self.ended)


def is_stopped(pid: int) -> bool:
    """Return whether a process was stopped by a signal and goes on by another one alone."""
    with contextlib.suppress(OSError, IndexError):
        return _words(pid)[0] == b"T"
    return False


def waits_for_lock(pid: int) -> bool:
    """Return whether a process waits for a lock on a file that another one holds (proc_locks(5))."""
    with contextlib.suppress(OSError), open("/proc/locks", "rb") as handle:
        lines = (line.split() for line in handle)
        return any(words[1:2] == [b"->"] and words[5:6] == [b"%d" % pid] for words in lines)
    return False


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    directory: str = "/",
    identity: Identity | None = None,
    limit: float = 60.0,
    watch: Callable[[int], bool] | None = None,
    most: int = MOST_OUTPUT,
) -> Done:
    """Run C(command) to its end, at most C(limit) seconds; what it started is ended with it then.

    OSError when it cannot be started. Standard input is empty; the command is looked for in the PATH of C(environment).
    C(watch) is called five times a second with the bytes of output so far, and ends the program by returning true.
    C(most) bytes of each output are kept, the last ones.
    """
    adopt()
    outputs: list[_Output] = []
    waiter = None
    try:
        outputs = [_Output(identity, most) for _stream in range(2)]
        with undisturbed():
            streams = outputs[0].end, outputs[1].end
            pid, begin = _start(command, environment, directory, identity, *streams, min(limit, START))
            waiter = _Waiter(pid)
        for output in outputs:
            output.close_end()
        timed_out, stopped = _attend(waiter, outputs, limit, watch)
        for output in outputs:
            output.drain()
        if waiter.usage is None:
            raise TimeoutError(errno.ETIMEDOUT, f"no end within {limit:.0f} s, and it cannot be ended", command[0])
        return Done(
            code=os.waitstatus_to_exitcode(waiter.status),
            out=outputs[0].text(),
            err=outputs[1].text(),
            timed_out=timed_out,
            wall=waiter.when - begin,
            user=waiter.usage.ru_utime,
            system=waiter.usage.ru_stime,
            max_rss=waiter.usage.ru_maxrss * 1024,
            blocks_written=waiter.usage.ru_oublock,
            stopped=stopped,
        )
    finally:
        if waiter is not None:
            waiter.close()
        for output in outputs:
            output.close()


def _attend(
    waiter: _Waiter,
    outputs: Sequence[_Output],
    limit: float,
    watch: Callable[[int], bool] | None,
) -> tuple[bool, bool]:
    """Read what a program prints until it ends; return whether it was ended for its time, or by the watcher."""
    timed_out, stopped = False, False
    deadline = time.monotonic() + limit
    with selectors.DefaultSelector() as selector:
        selector.register(waiter.ended, selectors.EVENT_READ, None)
        for output in outputs:
            selector.register(output.descriptor, selectors.EVENT_READ, output)
        look = time.monotonic() + 0.2
        while True:
            until = deadline if watch is None else min(deadline, look)
            ready = selector.select(max(0.0, until - time.monotonic()))
            for key, _events in ready:
                if key.data is not None and not key.data.read():
                    selector.unregister(key.fd)
            if any(key.data is None for key, _events in ready):
                return timed_out, stopped
            now = time.monotonic()
            if now >= deadline:
                if timed_out or stopped:
                    return timed_out, stopped
                timed_out = True
            elif watch is not None and now >= look:
                look = now + 0.2
                stopped = watch(sum(output.total for output in outputs))
            if now >= deadline or (stopped and watch is not None):
                watch, deadline = None, now + 5.0
                _end(waiter.pid, waiter.begin)


def _start(
    command: Sequence[str],
    environment: Mapping[str, str],
    directory: str,
    identity: Identity | None,
    out: int,
    err: int,
    limit: float,
) -> tuple[int, float]:
    """Start the program in a session of its own; return its process id and when it began.

    TimeoutError where it has not begun within C(limit) seconds.

    The child takes the time, because the fork of a large Python is no part of what the program costs; the clock is
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
        words = _until_closed(told, pid, limit, command[0], directory).split()
        if len(words) != 1:
            os.waitpid(pid, 0)
            number = int(words[-1]) if words else errno.ENOEXEC
            raise OSError(number, os.strerror(number), command[0])
        return pid, float(words[0])
    finally:
        for descriptor in (told, tell, nothing):
            if descriptor >= 0:
                os.close(descriptor)


def _until_closed(told: int, pid: int, limit: float, name: str, directory: str) -> bytes:
    """Return what the child says before it turns into the program; it is given up after C(limit) seconds."""
    parts: list[bytes] = []
    deadline = time.monotonic() + limit
    while select.select([told], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(told, 64)
        if not part:
            return b"".join(parts)
        parts.append(part)
    os.kill(pid, signal.SIGKILL)
    # A call to a server that is gone may go on all the same.
    os.waitpid(pid, os.WNOHANG)
    raise TimeoutError(errno.ETIMEDOUT, f"not started within {limit:.0f} s in {directory}", name)


def _become(
    command: Sequence[str],
    environment: Mapping[str, str],
    directory: str,
    identity: Identity | None,
    streams: Sequence[int],
    tell: int,
) -> None:
    """Turn into the program, in the child. Never returns."""
    try:
        os.setsid()
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
        if identity is not None:
            turn_into(identity)
        elif command[0] == "su":
            # Not every distribution's su does it.
            leave_keyring()
        for before in LIMITED:
            resource.setrlimit(resource.RLIMIT_DATA, before)
        os.chdir(directory)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        # Python ignores these two, and a program would inherit that.
        for name in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(name, signal.SIG_DFL)
        os.write(tell, b"%.9f " % time.perf_counter())
        os.execvpe(command[0], list(command), {**environment, "PWD": directory})
    except OSError as error:
        os.write(tell, b"failed %d" % (error.errno or errno.ENOEXEC))
    finally:
        os._exit(127)


def _words(pid: int) -> list[bytes]:
    """Return what the kernel says of a process, from its state on."""
    with open(f"/proc/{pid}/stat", "rb") as handle:
        # The name of a program may hold anything, even a parenthesis (proc_pid_stat(5)).
        return handle.read().rpartition(b")")[2].split()


def _look() -> dict[int, tuple[int, int]]:
    found = {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        with contextlib.suppress(OSError, ValueError, IndexError):
            words = _words(pid)
            found[pid] = int(words[1]), int(words[19])
    return found


def running() -> dict[int, tuple[int, int]]:
    """Return parent and start time of the processes that two looks find the same.

    Looking takes its time, in which a number that was a parent's may have become another process's.
    """
    first, second = _look(), _look()
    return {pid: process for pid, process in second.items() if first.get(pid) == process}


def descendants(pids: set[int], processes: Mapping[int, tuple[int, int]] | None = None) -> dict[int, int]:
    """Return these processes with all that they have started and that still has its parent, each with its start."""
    known = running() if processes is None else processes
    found, size = pids & set(known), -1
    while size < len(found):
        size = len(found)
        found |= {child for child, (parent, _start) in known.items() if parent in found}
    return {child: known[child][1] for child in found}


def started_nothing(name: str) -> bool:
    """Return whether a program of root's called C(name), which this process started, has started none itself."""
    known = running()
    parents = {parent for parent, _start in known.values()}
    for pid, (parent, _start) in known.items():
        with contextlib.suppress(OSError):
            if parent != os.getpid() or pid in parents or started_by(str(pid)) != 0:
                continue
            with open(f"/proc/{pid}/comm", "rb") as handle:
                if handle.read().strip() == name.encode():
                    return True
    return False


def _start_of(pid: int) -> int:
    """Return the start time of a process, 0 where there is none."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(_words(pid)[19])
    return 0


def is_running(pid: int, start: int) -> bool:
    """Return whether the process that started then runs; one that only waits to be collected does not."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        words = _words(pid)
        return words[0] != b"Z" and int(words[19]) == start
    return False


def kill(processes: Mapping[int, int]) -> None:
    """Kill the processes that descendants() found.

    Not another one that has the number of one by now: an account whose programs start and end without a pause has the
    numbers come round in no time, and root would kill what others started meanwhile.
    """
    for pid, start in processes.items():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if _start_of(pid) == start:
                os.kill(pid, signal.SIGKILL)


def _end(pid: int, begin: int) -> None:
    """Kill a program that started at C(begin), with all that it started: also in a session of its own, or orphaned."""
    for _time in range(3):
        processes = running()
        # This process is the parent of orphans (prctl above) and starts nothing else meanwhile.
        found = {
            child
            for child, (parent, start) in processes.items()
            if (child == pid and start == begin)
            or (child != pid and parent == os.getpid() and start >= begin > 0 and child not in KEPT)
        }
        started = descendants(found, processes)
        kill(started)
        if set(started) <= {pid}:
            break
    if _start_of(pid) in (0, begin):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def adopt() -> None:
    """Have what children of this process leave running come to this process, so that it can be found (prctl(2))."""
    LIBRARY.prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_descendants(limit: float = 5.0) -> None:
    """Kill all that this process started and what they started; it has called adopt(), and needs none of them."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        found = descendants({os.getpid()})
        found.pop(os.getpid(), None)
        kill(found)
        for child in found:
            # Of a child of another one nothing is left to wait for.
            with contextlib.suppress(OSError):
                os.waitpid(child, os.WNOHANG)
        if not found:
            return
        time.sleep(0.005)


def started_by(pid: str) -> int | None:
    """Return the real user id of a process; who has a program run as somebody else stays the one who started it."""
    with contextlib.suppress(OSError, IndexError, ValueError), open(f"/proc/{pid}/status", "rb") as handle:
        for line in handle:
            if line.startswith(b"Uid:"):
                return int(line.split()[1])
    return None


def holders(path: str, of: Collection[int] | None = None, limit: float = LOOKING) -> list[str]:
    """Return the programs that find_holders() finds, each with its name."""
    programs = []
    for pid in find_holders(path, of, limit):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as handle:
            programs.append(f"{text.line(handle.read())} ({pid})")
    return programs


def find_holders(path: str, of: Collection[int] | None = None, limit: float = LOOKING) -> Iterator[int]:
    """Yield the processes that have C(path), or something below it, open or as their working directory.

    With C(of), only those that these user ids started: in mounts of its own, any account can have any path. What is
    not found within C(limit) seconds is left out.
    """
    until = time.monotonic() + limit
    # The newest first, because what an account holds to keep root busy is there for long.
    for pid in sorted(filter(str.isdigit, os.listdir("/proc")), key=int, reverse=True):
        if time.monotonic() > until:
            break
        if of is not None and started_by(pid) not in of:
            continue
        links = [f"/proc/{pid}/cwd", f"/proc/{pid}/exe"]
        try:
            with os.scandir(f"/proc/{pid}/fd") as descriptors:
                links += [descriptor.path for descriptor in itertools.islice(descriptors, MOST_DESCRIPTORS)]
        except OSError:
            continue
        for link in links:
            # A descriptor may be closed meanwhile.
            with contextlib.suppress(OSError):
                if f"{os.readlink(link)}/".startswith(path + "/"):
                    yield int(pid)
                    break
