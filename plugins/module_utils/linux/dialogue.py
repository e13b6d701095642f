# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Talk with a program that runs: bytes in, bytes out, every step with an end in time and in size.

C(subprocess.Popen.communicate) waits for whoever holds an output, also when the program itself has ended long ago, and
keeps whatever is printed.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from typing import IO, cast

from ansible_collections.wsltune.go.plugins.module_utils.linux import process

MOST_OUTPUT = 256 << 20
MOST_ERRORS = 16 << 20
QUIET = 0.5
"""Seconds without a byte after which a program that has ended is heard to its end."""
AFTERWARDS = 5.0
"""Seconds that what it left running is listened to at most."""
PART = 1 << 16


class TooMuchError(Exception):
    """The program printed more than is kept."""


class Dialogue:
    """A program of C(subprocess) with pipes at stdin, stdout and stderr; TimeoutError when the time of a step is up."""

    def __init__(self, program: subprocess.Popen[bytes]) -> None:
        self.program = program
        self.out, self.err = bytearray(), bytearray()
        self._stdin = cast(IO[bytes], program.stdin)
        self._pending = memoryview(b"")
        self._searched = 0
        self._ended = 0.0
        self._selector = selectors.DefaultSelector()
        for stream, most in ((program.stdout, self.out), (program.stderr, self.err)):
            pipe = cast(IO[bytes], stream)
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ, most)
        os.set_blocking(self._stdin.fileno(), False)

    def exchange(self, data: bytes, limit: float) -> int:
        """Hand over all of the input, close it, and return the exit code at the end of the program."""
        deadline = time.monotonic() + limit
        with contextlib.suppress(BrokenPipeError):
            self.send(data, deadline)
        self.close_input()
        self._attend(lambda: not self._selector.get_map(), deadline)
        return self.wait(deadline)

    def send(self, data: bytes, deadline: float) -> None:
        """Write input; BrokenPipeError where nobody takes it."""
        self._pending = memoryview(data)
        if not data:
            return
        self._selector.register(self._stdin, selectors.EVENT_WRITE, None)
        try:
            self._attend(lambda: not self._pending, deadline)
        finally:
            self._selector.unregister(self._stdin)
        if self._pending:
            raise BrokenPipeError

    def line(self, deadline: float, most: int) -> bytes:
        """Return the next line with its end, or C(most) bytes of a longer one; nothing once the program has ended."""
        self._attend(lambda: self._line_end(most) > 0, deadline)
        end = self._line_end(most) or len(self.out)
        taken = bytes(self.out[:end])
        del self.out[:end]
        self._searched = 0
        return taken

    def _line_end(self, most: int) -> int:
        place = self.out.find(b"\n", self._searched) + 1
        self._searched = 0 if place else len(self.out)
        if place:
            return min(place, most)
        return most if len(self.out) >= most else 0

    def rest(self, deadline: float) -> None:
        """Close the input and read on to the end of the program; what was not taken as lines is C(out)."""
        self.close_input()
        self._attend(lambda: not self._selector.get_map(), deadline)

    def wait(self, deadline: float) -> int:
        """Return the exit code."""
        try:
            return self.program.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise TimeoutError from None

    def _attend(self, done: Callable[[], bool], deadline: float) -> None:
        """Move bytes both ways until something is so, or nothing more can come."""
        heard = time.monotonic()
        while self._selector.get_map() and not done():
            now = time.monotonic()
            if now >= deadline:
                raise TimeoutError
            moved = False
            for key, _events in self._selector.select(min(0.1, deadline - now)):
                moved = (self._write() if key.data is None else self._read(key)) or moved
            now = time.monotonic()
            heard = now if moved else heard
            if self.program.poll() is not None:
                self._ended = self._ended or now
                if now >= max(heard, self._ended) + QUIET or now >= self._ended + AFTERWARDS:
                    return

    def _write(self) -> bool:
        try:
            written = os.write(self._stdin.fileno(), self._pending[:PART])
        except BlockingIOError:
            return False
        self._pending = self._pending[written:]
        return True

    def _read(self, key: selectors.SelectorKey) -> bool:
        try:
            part = os.read(key.fd, PART)
        except BlockingIOError:
            return False
        if not part:
            self._selector.unregister(key.fileobj)
            return False
        if key.data is self.err:
            self.err += part[: MOST_ERRORS - len(self.err)]
        elif len(self.out) + len(part) > MOST_OUTPUT:
            raise TooMuchError
        else:
            self.out += part
        return True

    def close_input(self) -> None:
        """Close the program's standard input; it may have ended already."""
        with contextlib.suppress(OSError):
            self._stdin.close()

    def close(self) -> None:
        """Let go of the pipes; the program must have ended."""
        self._selector.close()
        for stream in (self.program.stdin, self.program.stdout, self.program.stderr):
            with contextlib.suppress(OSError):
                cast(IO[bytes], stream).close()


def end(program: subprocess.Popen[bytes]) -> None:
    """Kill a program that leads a process group, and what it has started, also what has a session of its own."""
    others = process.descendants({program.pid}) if program.returncode is None else {}
    # Once the program was waited for, a process with its number is another one, which may lead a group of its own.
    if program.returncode is None or not os.path.exists(f"/proc/{program.pid}"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(program.pid, signal.SIGKILL)
    process.kill(others)
    # One that the kernel cannot end, as when a server is gone, is left to itself.
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.wait(5)
