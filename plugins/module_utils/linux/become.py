# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A child process that has become an account for good, and calls there what it is asked to.

Whatever root has to do below a folder that another account may write is done in one. It has that account's rights and
no way back, so that a link or a folder that moves leads it nowhere its owner could not go alone. It is asked with a
time limit, because a path may never answer, and what it says is limited in size.
"""

from __future__ import annotations

import base64
import codecs
import contextlib
import errno
import functools
import importlib
import json
import os
import select
import signal
import socket
import struct
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, cast

from ansible_collections.wsltune.go.plugins.module_utils.linux import files, process

LIMIT = 20.0
"""Seconds for an answer, where none are given; a disk under load takes a few."""
TOTAL = 30.0
"""Seconds for all answers of one account's child in a pool: each may come late, just in time, and there are many."""
GRACE = 5.0
"""Seconds that ending a child which gave no answer may take, where another one waits for it."""
MOST_AT_ONCE = 8
"""Children that gather() has at the same time."""
STOPPED, LOOK = 60.0, 2.0
"""Seconds that a child which its account stopped is waited for, and between two looks at that."""
LARGEST = 256 << 20
LITTLE, MUCH = 512 << 20, 4 << 30
"""Bytes of memory that a child may take beside what this process has: one that looks around, and one that measures or
copies. What a user has in a folder, or in an answer, may be without end.
"""
PR_SET_PDEATHSIG = 1
LENGTH = struct.Struct("!Q")
# Python loads these when they are first used (os.wait4 the module), from where another account may not read.
importlib.import_module("resource")
for _encoding in ("ascii", "latin-1", "utf-8", "idna"):
    codecs.lookup(_encoding)
KINDS: dict[str, Any] = {"FileState": files.FileState}
MARK = f"!{uuid.uuid4().hex}"
"""The key of what is no JSON. What a user chose can be a key as well, such as the name of a variable, and nobody can
guess this one: it is new in each process, and a child has it from its parent.
"""


class Lost(OSError):
    """A child that ended without an answer."""


def _encode(value: Any) -> Any:
    if isinstance(value, bytes):
        return {MARK: "bytes", "value": base64.b64encode(value).decode("ascii")}
    name = type(value).__name__
    if name in KINDS:
        return {MARK: name, "value": value.to_json()}
    raise TypeError(f"a {name} cannot be passed on")


def _decode(data: dict[str, Any]) -> Any:
    kind = data.get(MARK)
    if kind == "bytes":
        return base64.b64decode(data["value"])
    return KINDS[kind].from_json(data["value"]) if kind in KINDS else data


def _send(channel: socket.socket, message: Any) -> None:
    # Strings with bytes that are no UTF-8 pass as escapes.
    data = json.dumps(message, default=_encode).encode("ascii")
    channel.sendall(LENGTH.pack(len(data)) + data)


def _receive(channel: socket.socket, deadline: float | None, sender: int = 0) -> Any:
    """Return the next message; EOFError when there will be none, TimeoutError when it does not come in time.

    A process C(sender) that its account stopped is not waited for until then.
    """

    def wait_for_more() -> None:
        stopped = 0.0
        while deadline is not None and deadline > time.monotonic():
            if select.select([channel], [], [], max(0.0, min(LOOK, deadline - time.monotonic())))[0]:
                return
            stopped = stopped + LOOK if process.is_stopped(sender) else 0.0
            if stopped > STOPPED:
                raise TimeoutError(errno.ETIMEDOUT, f"its process was stopped for {STOPPED:.0f} s")

    def exactly(size: int) -> bytes:
        parts = []
        while size:
            if deadline is not None:
                if sender:
                    wait_for_more()
                channel.settimeout(max(0.001, deadline - time.monotonic()))
            part = channel.recv(min(size, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    (size,) = LENGTH.unpack(exactly(LENGTH.size))
    if size > LARGEST:
        raise EOFError
    return json.loads(exactly(size), object_hook=_decode)


def _close_all_but(kept: int) -> None:
    """Close what was inherited: connections to other accounts' children, and files whose lock the copy would hold."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


def become(identity: process.Identity | None) -> None:
    """Turn this process into the account, with no way back; a session of its own, so that no terminal is shared."""
    with contextlib.suppress(OSError):
        os.setsid()
    if identity is not None:
        process.turn_into(identity)
    os.umask(0o022)
    os.chdir("/")


def _stop(signum: int, _frame: Any) -> NoReturn:
    raise SystemExit(128 + signum)


class Hands:
    """The child: calls the methods of what C(make) returns there, as if they were its own.

    A method may have a parameter C(tell), which gets a function that passes a message to C(heard) here.
    Errors of C(errors) and OSError are raised here as they were there.
    """

    def __init__(
        self,
        identity: process.Identity | None,
        make: Callable[[], Any] = files.Files,
        errors: Sequence[type[Exception]] = (),
        patience: float = 2.0,
        total: float | None = None,
        memory: int = LITTLE,
    ) -> None:
        """Start the child; C(patience) is how many seconds close() waits for the end of one that it killed.

        C(total): seconds that all its answers may take. C(memory): bytes that it may take beside this process's own.
        """
        self._memory = memory
        self._patience = patience
        self._left = total
        self._errors = {error.__name__: error for error in (*errors, TimeoutError, files.ChangedMeanwhile)}
        parent = os.getpid()
        self._channel, theirs = socket.socketpair()
        with process.undisturbed():
            self._start(identity, make, parent, theirs)
        theirs.close()

    def _start(
        self, identity: process.Identity | None, make: Callable[[], Any], parent: int, theirs: socket.socket
    ) -> None:
        self._pid = os.fork()
        if self._pid == 0:
            code = 1
            try:
                _close_all_but(theirs.fileno())
                # A child that cannot be ended, in a call to a server that is gone, would hold root's output open.
                nothing = os.open(os.devnull, os.O_RDWR)
                for stream in range(3):
                    os.dup2(nothing, stream)
                become(identity)
                process.limit_memory(self._memory)
                # After the change of account, which clears it.
                process.LIBRARY.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
                for number in process.ENDING:
                    signal.signal(number, _stop)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, process.ENDING)
                if os.getppid() == parent:
                    self._serve(theirs, make)
                code = 0
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 1
            finally:
                os._exit(code)
        process.KEPT.add(self._pid)

    def __enter__(self) -> Hands:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @staticmethod
    def _serve(channel: socket.socket, make: Callable[[], Any]) -> None:
        target = None
        while True:
            try:
                name, arguments, named, listens = _receive(channel, None)
            except EOFError:
                return
            try:
                target = make() if target is None else target
                if listens:
                    named["tell"] = lambda message: _send(channel, ["heard", message])
                answer = ["done", getattr(target, name)(*arguments, **named)]
            except MemoryError:
                answer = ["error", "OSError", [errno.ENOMEM, "what is there takes too much memory", None]]
            except OSError as error:
                answer = ["error", type(error).__name__, [error.errno, error.strerror or str(error), error.filename]]
            except Exception as error:
                answer = ["error", type(error).__name__, [str(error)]]
            _send(channel, answer)

    def call(
        self,
        name: str,
        *arguments: Any,
        limit: float | None = LIMIT,
        heard: Callable[[Any], None] | None = None,
        **named: Any,
    ) -> Any:
        """Call the method C(name) in the child; TimeoutError after C(limit) seconds, and the child is ended then."""
        begin = time.monotonic()
        if self._left is not None:
            limit = self._left if limit is None else min(limit, self._left)
        try:
            deadline = None if limit is None else begin + limit
            self._begin(name, arguments, named, heard is not None, limit)
            return self._finish(arguments, limit, deadline, heard)
        finally:
            if self._left is not None:
                self._left = max(0.01, self._left - (time.monotonic() - begin))

    def _begin(self, name: str, arguments: Sequence[Any], named: dict[str, Any], listens: bool, limit: Any) -> None:
        # Where this fails, so does waiting for the answer.
        with contextlib.suppress(OSError):
            if self._pid >= 0:
                self._channel.settimeout(limit)
                _send(self._channel, [name, arguments, named, listens])

    def _finish(
        self,
        arguments: Sequence[Any],
        limit: float | None,
        deadline: float | None,
        heard: Callable[[Any], None] | None = None,
    ) -> Any:
        try:
            if self._pid < 0:
                raise EOFError
            while True:
                kind, *told = _receive(self._channel, deadline, self._pid)
                if kind != "heard":
                    break
                if heard is not None:
                    heard(told[0])
        except (TimeoutError, socket.timeout) as error:
            self.close(at_once=True)
            where = next((word for word in arguments if isinstance(word, str)), None)
            reason = getattr(error, "strerror", None) or f"no answer in {limit:.0f} s"
            raise TimeoutError(errno.ETIMEDOUT, reason, where) from None
        except (EOFError, BrokenPipeError, ConnectionResetError, ValueError, KeyError, TypeError):
            # Also an answer that cannot be understood: what it is made of comes from the account.
            self.close(at_once=True)
            raise Lost(errno.EIO, "the process that looked there ended without an answer") from None
        if kind == "done":
            return told[0]
        return self._raise(*told)

    def _raise(self, kind: str, details: list[Any]) -> NoReturn:
        if len(details) == 1 and kind in self._errors:
            raise self._errors[kind](details[0])
        if len(details) == 1:
            raise Lost(errno.EIO, f"{kind}: {details[0]}")
        number, text, name = details
        error = OSError(number or 0, text, name)
        if kind == "ChangedMeanwhile":
            error = files.ChangedMeanwhile(name)
        raise error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *arguments, **named: self.call(name, *arguments, **named)

    def close(self, at_once: bool = False) -> None:
        """End the child: by closing the connection and SIGTERM, so that it can tidy up, or C(at_once)."""
        if self._pid < 0:
            return
        self._channel.close()
        pid, self._pid = self._pid, -1
        kill = (signal.SIGKILL, self._patience)
        for number, seconds in (kill,) if at_once else ((signal.SIGTERM, 30.0), kill):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                # Its account may have stopped it.
                os.kill(pid, signal.SIGCONT)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                with contextlib.suppress(ChildProcessError):
                    if os.waitpid(pid, os.WNOHANG)[0] == 0:
                        time.sleep(0.002)
                        continue
                process.KEPT.discard(pid)
                return
        # It is in a call that nothing interrupts, and ends when its server is back or its mount is gone.


class Errand:
    """What a child is made for: calls one function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def run(self, tell: Callable[[Any], None] | None = None) -> Any:
        """Call the function, with `tell` where what it reports on the way is wanted."""
        return self.function() if tell is None else self.function(tell)


def ask(
    identity: process.Identity | None,
    function: Callable[..., Any],
    limit: float | None = LIMIT,
    errors: Sequence[type[Exception]] = (),
    heard: Callable[[Any], None] | None = None,
    always: bool = False,
    memory: int = LITTLE,
) -> Any:
    """Return what C(function) returns in a child that has become C(identity); here where that is who runs this.

    What it returns passes as JSON, so that tuples become lists. With C(heard) it gets a function that passes a message.
    With C(always) it is a child in any case, because only a child can be given up after C(limit) seconds.
    """
    if not always and not is_other(identity):
        return function() if heard is None else function(heard)
    with Hands(identity, lambda: Errand(function), errors, memory=memory) as hands:
        return hands.call("run", limit=limit, heard=heard)


def gather(errands: Mapping[str, Callable[[], Any]], limit: float) -> dict[str, Any]:
    """Return what each function returns or the OSError it raised; several run at a time, so that none waits for all.

    Each is called in a child that stays who this process is, with C(limit) seconds; a single one is called here.
    """
    if len(errands) < 2:
        return {name: function() for name, function in errands.items()}
    return side_by_side(errands, limit)


def side_by_side(
    errands: Mapping[str, Callable[[], Any]],
    limit: float,
    most: int = MOST_AT_ONCE,
    total: float | None = None,
    identity: process.Identity | None = None,
    patience: float = 2.0,
) -> dict[str, Any]:
    """Return what each function returns or the OSError it raised, each in a child of its own, C(most) at a time.

    Each has C(limit) seconds. What has not begun after C(total) seconds is not asked, which is a TimeoutError too.
    """
    waiting = list(errands)
    answers: dict[str, Any] = {}
    running: dict[str, tuple[Hands, float]] = {}
    until = None if total is None else time.monotonic() + total
    try:
        while waiting or running:
            while waiting and len(running) < most:
                name = waiting.pop(0)
                if until is not None and time.monotonic() >= until:
                    sentence = f"no answer, and was not waited for, because others gave none for {total:.0f} s"
                    answers[name] = TimeoutError(errno.ETIMEDOUT, sentence)
                    continue
                hands = Hands(identity, functools.partial(Errand, errands[name]), patience=patience)
                hands._begin("run", (), {}, False, limit)
                running[name] = (hands, time.monotonic() + limit)
            soonest = min((deadline for _hands, deadline in running.values()), default=0.0)
            channels = [hands._channel for hands, _deadline in running.values()]
            ready = select.select(channels, [], [], max(0.0, soonest - time.monotonic()))[0]
            for name, (hands, deadline) in list(running.items()):
                if hands._channel not in ready and deadline > time.monotonic():
                    continue
                try:
                    answers[name] = hands._finish((), limit, deadline)
                except OSError as error:
                    answers[name] = error
                hands.close()
                del running[name]
    finally:
        for hands, _deadline in running.values():
            hands.close(at_once=True)
    return {name: answers[name] for name in errands}


def is_other(identity: process.Identity | None) -> bool:
    """Return whether root has to become somebody else for C(identity)."""
    return os.geteuid() == 0 and identity is not None and identity.uid != 0


class Pool:
    """One child for each account, made when it is first needed; a context that ends them."""

    def __init__(self) -> None:
        self._own = files.Files()
        self._children: dict[tuple[int, int], Hands] = {}

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def of(self, identity: process.Identity | None) -> files.Files:
        """Return what does files.Files' work for the account: this process for itself, a child for others."""
        if identity is None or not is_other(identity):
            return self._own
        key = (identity.uid, identity.gid)
        if key not in self._children:
            self._children[key] = Hands(identity, total=TOTAL)
        # A child has every method of files.Files, by the name alone.
        return cast("files.Files", self._children[key])

    def close(self) -> None:
        """End the children."""
        while self._children:
            self._children.popitem()[1].close()
