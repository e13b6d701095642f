# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import errno
import functools
import mmap
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import become, files, process

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can become someone else")


class Refusal(ValueError):
    """An error of the caller's own."""


def test_it_has_become_the_account_for_good(eve: process.Identity) -> None:
    def back() -> list[object]:
        refused = []
        for turn in (lambda: os.setuid(0), lambda: os.seteuid(0), lambda: os.setgroups([0])):
            try:
                turn()
            except PermissionError:
                refused.append(True)
        return [os.getresuid(), os.getresgid(), os.getgroups(), refused, os.getsid(0) == os.getpid()]

    assert become.ask(eve, back) == [[4711] * 3, [4711] * 3, [4711], [True] * 3, True]


def test_its_account_can_neither_trace_nor_signal_root_through_it(eve: process.Identity) -> None:
    def look() -> list[object]:
        with open("/proc/self/status", encoding="ascii") as handle:
            lines = dict(line.rstrip("\n").split(":\t", 1) for line in handle if ":\t" in line)
        return [lines["CapEff"], lines["CapPrm"], os.stat("/proc/self/mem").st_uid]

    # What is not dumpable belongs to root in /proc, and is traced by root alone (ptrace(2), proc(5)).
    assert become.ask(eve, look) == ["0" * 16, "0" * 16, 0]


def test_its_account_gets_no_memory_of_roots_in_a_core_file(eve: process.Identity) -> None:
    """Without a word of its own it has what fs.suid_dumpable says, which is 2 where systemd takes core files."""
    get_dumpable = 3
    assert become.ask(eve, lambda: process.LIBRARY.prctl(get_dumpable)) == 0
    look = "import ctypes; print(ctypes.CDLL(None).prctl(3))"
    # What it turns into has the account's own memory alone.
    assert process.run(["/usr/bin/python3", "-c", look], os.environ, identity=eve).out == "1\n"


def test_no_signal_of_the_account_comes_before_its_memory_is_hidden(
    eve: process.Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends one to the next number without a pause meets the moment in which it has just become the account."""
    hide, blocked = process.hide_memory, mmap.mmap(-1, 1)

    def look() -> None:
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        blocked[0] += {signal.SIGABRT, signal.SIGQUIT, signal.SIGXCPU} <= mask
        hide()

    monkeypatch.setattr(process, "hide_memory", look)
    assert become.ask(eve, lambda: len(signal.pthread_sigmask(signal.SIG_BLOCK, []))) == 0
    assert blocked[0] == 1
    done = process.run(["grep", "SigBlk", "/proc/self/status"], os.environ, identity=eve)
    assert int(done.out.split()[1], 16) == 0
    assert blocked[0] == 2


@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="another number of the call")
def test_no_account_sees_the_keys_of_root(eve: process.Identity) -> None:
    add = {"x86_64": 248, "aarch64": 217}[os.uname().machine]
    look = ["cat", "/proc/keys"]

    def with_a_key() -> list[bool]:
        process.LIBRARY.syscall(process.KEYCTL[os.uname().machine], process.KEYCTL_JOIN_SESSION_KEYRING, None)
        if process.LIBRARY.syscall(add, b"user", b"wsltune-test", b"secret", 6, process.KEY_SPEC_SESSION_KEYRING) < 0:
            return []
        listed = [
            process.run(look, os.environ).out,
            process.run(look, os.environ, identity=eve).out,
            become.ask(eve, lambda: process.run(look, os.environ).out),
        ]
        return ["wsltune-test" in one for one in listed]

    found = become.ask(None, with_a_key, always=True)
    if not found:
        pytest.skip("no keys can be had here")
    assert found == [True, False, False]


def test_values_and_errors_come_back_as_they_are(eve: process.Identity) -> None:
    state = files.FileState(b"\xff", 0o600, 1, 2, 3)
    assert become.ask(eve, lambda: {"a": [b"\x00", "\udcff", None, state]}) == {"a": [b"\x00", "\udcff", None, state]}

    def refuse() -> None:
        raise Refusal("a sentence")

    with pytest.raises(Refusal, match="a sentence"):
        become.ask(eve, refuse, errors=[Refusal])
    with pytest.raises(become.Lost, match="Refusal: a sentence"):
        become.ask(eve, refuse)
    with pytest.raises(PermissionError) as error:
        become.ask(eve, lambda: os.listdir("/root"))
    assert error.value.filename == "/root"


@pytest.mark.parametrize("kind", ["bytes", "FileState", "none"])
def test_no_name_that_a_user_chose_turns_an_answer_into_something_else(eve: process.Identity, kind: str) -> None:
    """Such as that of a variable of a login's environment."""
    told = {"!": kind, "value": "aGk=", "PATH": "/bin"}
    assert become.ask(eve, lambda: told) == told
    assert become.ask(eve, lambda: [b"hi", files.FileState(b"a", 0o600, 1, 2, 3)]) == [
        b"hi",
        files.FileState(b"a", 0o600, 1, 2, 3),
    ]


def test_what_is_said_on_the_way_is_heard(eve: process.Identity) -> None:
    heard: list[object] = []
    assert become.ask(eve, lambda tell: [tell(1), tell({"step": 2})], heard=heard.append) == [None, None]
    assert heard == [1, {"step": 2}]


def test_no_answer_is_not_waited_for(eve: process.Identity) -> None:
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match="no answer in 0 s"):
        become.ask(eve, lambda: time.sleep(30), limit=0.3)
    assert time.monotonic() - begin < 10


def test_a_child_that_dies_is_an_error(eve: process.Identity) -> None:
    with pytest.raises(become.Lost):
        become.ask(eve, lambda: os.kill(os.getpid(), signal.SIGKILL))
    damaged: list[object] = [{become.MARK: "bytes", "value": 1}, {become.MARK: "FileState", "value": {}}]
    for answer in ("x" * (become.LARGEST + 1), *damaged):
        with pytest.raises(become.Lost):
            become.ask(eve, lambda answer=answer: answer)


def scratch(home: Path) -> Callable[[Callable[[object], None]], None]:
    """Work that has a folder for as long as it lasts."""

    def work(tell: Callable[[object], None]) -> None:
        (home / "scratch").mkdir()
        try:
            tell("made")
            time.sleep(30)
        finally:
            (home / "scratch").rmdir()

    return work


def test_it_tidies_up_when_it_is_ended(eve: process.Identity, home: Path) -> None:
    def stop(_message: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        become.ask(eve, scratch(home), heard=stop)
    assert list(home.iterdir()) == []


def test_it_ends_with_whoever_started_it(eve: process.Identity, home: Path) -> None:
    parent = os.fork()
    if parent == 0:
        become.ask(eve, scratch(home), heard=lambda _message: os.kill(os.getpid(), signal.SIGKILL))
    os.waitpid(parent, 0)
    until = time.monotonic() + 5
    while list(home.iterdir()) and time.monotonic() < until:
        time.sleep(0.05)
    assert list(home.iterdir()) == []


def test_one_child_for_each_account_and_none_for_oneself(eve: process.Identity) -> None:
    with become.Pool() as pool:
        assert pool.of(eve) is pool.of(eve)
        assert isinstance(pool.of(None), files.Files)
        assert pool.of(eve).read("/etc/passwd").content == Path("/etc/passwd").read_bytes()


def test_many_late_answers_are_not_waited_for(eve: process.Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(become, "TOTAL", 1.0)
    monkeypatch.setattr(files.Files, "nearest", lambda self, path: time.sleep(0.4))
    begin = time.monotonic()
    with become.Pool() as pool:
        for _number in range(10):
            try:
                pool.of(eve).nearest("/slow")
            except OSError as error:
                refused = error
    assert time.monotonic() - begin < 3 and isinstance(refused, OSError)


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split())


def test_several_are_asked_at_the_same_time() -> None:
    before = children()

    def refuse() -> None:
        raise PermissionError(13, "no", "/there")

    def wait() -> None:
        time.sleep(60)

    errands = {"slow": wait, "refused": refuse, "dead": lambda: os.kill(os.getpid(), signal.SIGKILL)}
    errands.update({str(number): lambda number=number: [number, os.getpid()] for number in range(12)})
    began = time.monotonic()
    answers = become.gather(errands, 2.0)
    assert time.monotonic() - began < 45
    assert list(answers) == list(errands)
    assert isinstance(answers["slow"], TimeoutError) and isinstance(answers["dead"], become.Lost)
    assert isinstance(answers["refused"], PermissionError) and answers["refused"].filename == "/there"
    assert [answers[str(number)][0] for number in range(12)] == list(range(12))
    assert os.getpid() not in [answers[str(number)][1] for number in range(12)]
    assert children() <= before


def test_a_single_one_is_asked_here() -> None:
    assert become.gather({}, 1.0) == {} and become.gather({"only": os.getpid}, 1.0) == {"only": os.getpid()}


def take(size: int) -> int:
    return len(bytearray(size))


def test_a_child_takes_no_more_memory_than_it_is_given() -> None:
    with pytest.raises(OSError, match="what is there takes too much memory") as error:
        become.ask(None, functools.partial(take, become.LITTLE + (64 << 20)), always=True)
    assert error.value.errno == errno.ENOMEM
    assert become.ask(None, functools.partial(take, 64 << 20), always=True) == 64 << 20
    assert become.ask(None, functools.partial(take, become.LITTLE), always=True, memory=become.MUCH) == become.LITTLE
    # Where the child asks another one, that has no more.
    more = functools.partial(take, become.LITTLE + (64 << 20))
    asked_again = functools.partial(become.ask, None, more, always=True, memory=become.MUCH)
    with pytest.raises(OSError, match="too much memory"):
        become.ask(None, asked_again, always=True)


def test_a_program_that_a_child_starts_has_all_the_memory() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)

    def limits() -> list[str]:
        own = str(resource.getrlimit(resource.RLIMIT_DATA)[0])
        return [own, process.run(["sh", "-c", "ulimit -d"], {"PATH": os.defpath}).out.strip()]

    own, given = become.ask(None, limits, always=True)
    unlimited = before[0] == resource.RLIM_INFINITY
    assert own != str(before[0]) and given == ("unlimited" if unlimited else str(before[0] >> 10))


def test_a_child_that_its_account_stopped_is_not_waited_for(
    eve: process.Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(become, "STOPPED", 0.4)
    monkeypatch.setattr(become, "LOOK", 0.1)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="its process was stopped for"):
        become.ask(eve, lambda: os.kill(os.getpid(), signal.SIGSTOP), limit=60.0)
    assert time.monotonic() - began < 20

    def slow() -> str:
        time.sleep(1.0)
        return "done"

    assert become.ask(eve, slow, limit=60.0) == "done"
