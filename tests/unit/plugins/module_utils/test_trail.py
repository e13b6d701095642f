# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import resource
import signal
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils import journal, trail

root = pytest.mark.skipif(os.geteuid() != 0, reason="root alone keeps the trail")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "log" / "changes.jsonl"


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("export GOPROXY=https://anna:hunter2@proxy.example.com", "hunter2"),
        ("//nas/x /mnt/x cifs user=anna,password=hunter2,uid=0 0 0", "hunter2"),
        ("export GITHUB_TOKEN=hunter2", "hunter2"),
        ('api_key: "hunter2 and more"', "hunter2"),
        ("AWS_SECRET_ACCESS_KEY = 'hunter2'", "hunter2"),
    ],
)
def test_a_secret_is_hidden_and_its_name_stays(line: str, secret: str) -> None:
    masked = trail.mask(line)
    assert secret not in masked and trail.HIDDEN in masked and masked.split("=")[0].split(":")[0] in line


def test_what_is_no_secret_stays() -> None:
    line = "tmpfs /var/cache/gotmp tmpfs size=1g,mode=0755,nosuid,nodev 0 0"
    assert trail.mask(line) == line


def test_the_lines_that_did_not_change_are_left_out() -> None:
    went, came = trail.compare(b"one\ntwo\nthree\n", b"one\n2\nthree\nfour\n")
    assert (went, came) == (["two"], ["2", "four"])
    assert len(trail.compare(None, b"x\n" * 100)[1]) == trail.MOST_LINES


@pytest.mark.parametrize(
    ("environment", "uid", "expected"),
    [
        ({"WSLTUNE_STARTED_BY": "wsltune-pull", "SUDO_USER": "anna"}, 0, "wsltune-pull"),
        ({"SUDO_USER": "anna"}, 0, "anna"),
        ({}, 0, "root"),
        ({}, trail.NOBODY, ""),
        ({}, 3999999999, "3999999999"),
    ],
)
def test_who_started_it(environment: dict[str, str], uid: int, expected: str) -> None:
    assert trail.find_starter(environment, uid) == expected


@root
def test_a_run_and_its_rollback_are_in_the_trail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSLTUNE_COMMIT", "c" * 40)
    monkeypatch.setenv("WSLTUNE_STARTED_BY", "wsltune-pull")
    file = tmp_path / "fstab"
    file.write_text("proc /proc proc defaults 0 0\n")
    book = journal.Journal(str(tmp_path / "state"), run="1")
    assert book.trail == "" and journal.Journal().trail == trail.PATH
    book.trail = str(tmp_path / "changes.jsonl")
    book.edit(str(file), lambda content: content + b"tmpfs /x tmpfs 0 0\n", role="go_tmpfs")
    book.write(str(tmp_path / "new"), b"a\n", role="go_env")
    for path in (file, tmp_path / "new"):
        book.restore(str(path))
    book.restore(str(file))
    changes = lines(tmp_path / "changes.jsonl")
    assert [(one["action"], one["role"], one["before"], one["after"]) for one in changes] == [
        ("write", "go_tmpfs", [], ["tmpfs /x tmpfs 0 0"]),
        ("write", "go_env", [], ["a"]),
        ("restore", "go_tmpfs", ["tmpfs /x tmpfs 0 0"], []),
        ("remove", "go_env", ["a"], []),
    ]
    assert {(one["commit"], one["by"]) for one in changes} == {("c" * 40, "wsltune-pull")}
    assert changes[0]["path"] == str(file)


@root
def test_it_is_for_root_alone_whatever_the_umask_is(kept: Path) -> None:
    mask = os.umask(0)
    try:
        trail.note("write", "/etc/x", "go_env", b"a", b"b", str(kept))
    finally:
        os.umask(mask)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@root
def test_what_changed_nothing_is_no_change(kept: Path) -> None:
    trail.note("write", "/etc/x", "go_env", b"a", b"a", str(kept))
    assert not kept.exists()


@root
def test_each_month_has_a_file_and_the_oldest_go(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(0, 300, 15):
        monkeypatch.setattr(time, "time", lambda moment=1_767_225_600 + day * 86400: float(moment))
        trail.note("write", f"/etc/{day}", "go_env", None, b"x", str(kept))
    months = sorted(path.name for path in kept.parent.glob("changes-*"))
    assert months[0] == "changes-2026-04.jsonl" and months[-1] == "changes-2026-09.jsonl"
    assert {one["time"][:7] for one in lines(kept)} == {"2026-10"}
    # The clock is moved back: nothing is renamed or removed.
    monkeypatch.setattr(time, "time", lambda: 1_767_225_600.0)
    trail.note("write", "/etc/x", "go_env", None, b"x", str(kept))
    assert sorted(path.name for path in kept.parent.glob("changes-*")) == months


def _write_many(path: str, name: str) -> None:
    for number in range(50):
        trail.note("write", f"/etc/{name}", "go_env", None, str(number).encode() * 300, path)


@root
def test_lines_of_several_runs_never_mix(kept: Path) -> None:
    context = multiprocessing.get_context("fork")
    several = [context.Process(target=_write_many, args=(str(kept), name)) for name in "abcd"]
    for one in several:
        one.start()
    for one in several:
        one.join()
    assert len(lines(kept)) == 200


def _write_to_full(path: str) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = os.path.getsize(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40, size + 40))
    trail.note("write", "/etc/b", "go_env", None, b"x" * 200, path)
    os._exit(0)


@root
def test_a_full_disk_leaves_whole_lines_and_fails_nothing(kept: Path) -> None:
    trail.note("write", "/etc/a", "go_env", None, b"x", str(kept))
    child = multiprocessing.get_context("fork").Process(target=_write_to_full, args=(str(kept),))
    child.start()
    child.join()
    assert child.exitcode == 0
    trail.note("write", "/etc/c", "go_env", None, b"x", str(kept))
    assert [one["path"] for one in lines(kept)] == ["/etc/a", "/etc/c"]


@root
def test_a_trail_that_cannot_be_written_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    trail.note("write", "/etc/a", "go_env", None, b"x", str(tmp_path / "file" / "changes.jsonl"))
    (tmp_path / "elsewhere").write_text("keep\n")
    (tmp_path / "changes.jsonl").symlink_to(tmp_path / "elsewhere")
    trail.note("write", "/etc/a", "go_env", None, b"x", str(tmp_path / "changes.jsonl"))
    assert (tmp_path / "elsewhere").read_text() == "keep\n"


def test_whoever_fills_a_file_to_keep_root_busy_does_not() -> None:
    signs = [chr(number) for number in range(33, 133)]
    # As many of each as SequenceMatcher just takes for rare, so that it looks at each pair of them.
    settings = "\n".join(signs * 1200).encode() + b"\n"
    begin = time.monotonic()
    assert trail.compare(settings, settings + b"GOTMPDIR=/x\n") == ([], ["GOTMPDIR=/x"])
    went, came = trail.compare(settings, b"GOTMPDIR=/x\n" + settings + b"GOTMPDIR=/y\n")
    assert len(went) == len(came) == trail.MOST_LINES and came[0] == "GOTMPDIR=/x"
    for line in ("GOFLAGS=" + "a." * 50000, "b" * 100000, "key." * 25000):
        assert len(trail.mask(line)) <= trail.LONGEST
    assert time.monotonic() - begin < 5


@root
def test_a_logger_that_may_write_above_it_keeps_no_change_out_of_the_trail(kept: Path) -> None:
    """As on Ubuntu, where /var/log is the group's that rsyslog runs as."""
    kept.parent.mkdir()
    os.chown(kept.parent.parent, 4711, 4711)
    trail.note("write", "/etc/fstab", "go_tmpfs", b"", b"x\n", str(kept))
    assert len(lines(kept)) == 1
    elsewhere = kept.parent.with_name("elsewhere")
    kept.parent.rename(elsewhere)
    kept.parent.symlink_to(elsewhere)
    trail.note("write", "/etc/fstab", "go_tmpfs", b"", b"y\n", str(kept))
    assert len(lines(elsewhere / kept.name)) == 1


@root
def test_whoever_locks_its_folder_holds_no_run(kept: Path) -> None:
    """Any account can lock what it can open for reading, for as long as it likes."""
    kept.parent.mkdir(mode=0o755)
    folder = os.open(kept.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        program = multiprocessing.get_context("fork").Process(
            target=trail.note, args=("write", "/etc/x", "go_env", b"", b"a\n", str(kept))
        )
        program.start()
        program.join(10)
        held = program.is_alive()
        program.kill()
        assert not held and len(lines(kept)) == 1
    finally:
        os.close(folder)
