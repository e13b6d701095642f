# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import process

PATH = {"PATH": os.environ["PATH"]}


def test_output_exit_code_and_environment_are_its_own() -> None:
    done = process.run(["sh", "-c", "env; pwd; echo no >&2; exit 3"], {**PATH, "A": "b c"}, "/usr")
    assert (done.code, done.err, done.timed_out) == (3, "no\n", False)
    assert "A=b c" in done.out.splitlines() and done.out.endswith("/usr\n")
    assert not any(line.startswith("HOME=") for line in done.out.splitlines())
    assert done.reason == "no"


def test_what_it_used_is_counted(tmp_path: Path) -> None:
    script = f"head -c 4194304 /dev/zero > {tmp_path}/file; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"
    done = process.run(["sh", "-c", script], PATH)
    assert 0 < done.user <= done.wall and done.max_rss > 100_000
    if os.statvfs(tmp_path).f_fsid:
        assert done.blocks_written >= 4194304 // 512


def test_standard_input_is_empty_and_signals_are_as_usual() -> None:
    assert process.run(["cat"], PATH).out == ""
    assert process.run(["sh", "-c", "kill -PIPE $$"], PATH).code == -13


def test_too_long_a_run_is_ended_with_its_children(tmp_path: Path) -> None:
    begin = time.monotonic()
    done = process.run(["sh", "-c", f"(sleep 30; touch {tmp_path}/late) & wait; exec sleep 30"], PATH, limit=0.3)
    assert done.timed_out and done.code == -9 and time.monotonic() - begin < 10


def test_a_program_that_is_not_there_is_an_error() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        process.run(["no-such-program"], PATH)
    with pytest.raises(NotADirectoryError):
        process.run(["true"], PATH, "/etc/passwd")
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become someone else")
def test_it_runs_as_someone_else() -> None:
    done = process.run(["sh", "-c", "id -u; id -g; id -G"], PATH, identity=process.Identity(4711, 4712, [4712, 4713]))
    assert done.out.split() == ["4711", "4712", "4712", "4713"]


def test_a_watcher_sees_the_output_grow_and_can_end_it() -> None:
    seen: list[int] = []

    def watch(output: int) -> bool:
        seen.append(output)
        return output == 6 and len(seen) > 2

    done = process.run(["sh", "-c", "echo hello; exec sleep 30"], PATH, limit=20, watch=watch)
    assert done.stopped and not done.timed_out and done.code == -9 and len(seen) > 2


def test_a_program_that_its_watcher_leaves_alone_ends_by_itself() -> None:
    seen: list[int] = []

    def watch(output: int) -> bool:
        seen.append(output)
        return False

    done = process.run(["sh", "-c", "sleep 1; exit 3"], PATH, limit=20, watch=watch)
    assert not done.stopped and done.code == 3 and seen


def test_endless_output_takes_no_memory_and_its_end_is_kept() -> None:
    script = "head -c 100000000 /dev/zero | tr '\\0' x; echo end; echo more > /dev/stderr"
    done = process.run(["sh", "-c", script], PATH, limit=60, most=1 << 20)
    assert done.code == 0 and len(done.out) == 1 << 20 and done.out.endswith("xend\n") and done.err == "more\n"


def test_what_left_its_parent_and_its_session_is_ended_too(tmp_path: Path) -> None:
    script = f"setsid sh -c '(sleep 60; touch {tmp_path}/late) & sleep 60' & sleep 60"
    assert process.run(["sh", "-c", script], PATH, limit=0.5).timed_out
    left = subprocess.run(["pgrep", "-f", f"{tmp_path}/late"], capture_output=True, text=True, check=False)
    assert left.stdout == ""


def test_whoever_has_the_number_of_a_process_that_ended_is_not_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of an account that starts and ends processes without a pause, while another one starts its own."""
    true = process.running
    with subprocess.Popen(["sleep", "30"]) as other:

        def before() -> dict[int, tuple[int, int]]:
            """Return what was there just before, when the other one's number was a child's of the program."""
            now = true()
            start = now[other.pid][1]
            children = {pid for pid, (parent, _start) in now.items() if parent == os.getpid()} - {other.pid}
            return {**now, other.pid: (max(children, default=0), start - 1)}

        monkeypatch.setattr(process, "running", before)
        assert process.run(["sleep", "60"], PATH, limit=0.3).timed_out
        assert other.poll() is None
        process.kill(process.descendants({other.pid}, true()))
        assert other.wait(5) == -9


def test_whose_parent_another_process_is_by_now_was_not_started_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = [{1: (0, 1), 7: (1, 5), 8: (7, 9)}, {1: (0, 1), 7: (1, 8), 8: (7, 9)}]
    monkeypatch.setattr(process, "_look", lambda: looks.pop(0))
    assert process.descendants({7}) == {}


def test_what_goes_on_in_the_background_is_not_waited_for() -> None:
    begin = time.monotonic()
    assert process.run(["sh", "-c", "sleep 20 & echo done"], PATH).out == "done\n"
    assert time.monotonic() - begin < 10


def test_the_reason_of_a_failure_moves_no_cursor() -> None:
    done = process.run(["printf", "\\033]0;title\\007\\033[2Jgone\\n"], PATH)
    assert done.reason == "\\x1b]0;title\\x07\\x1b[2Jgone"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become someone else")
def test_whoever_did_not_start_it_holds_nothing(home: Path, eve: process.Identity) -> None:
    started = [
        subprocess.Popen(["sleep", "30"], cwd=home, user=uid, group=uid, extra_groups=[]) for uid in (0, eve.uid)
    ]
    try:
        own, hers = (f"sleep ({one.pid})" for one in started)
        assert set(process.holders(str(home))) == {own, hers}
        assert process.holders(str(home), {0}) == [own] and process.holders(str(home), {eve.uid}) == [hers]
    finally:
        for one in started:
            one.kill()
            one.wait()


@pytest.mark.skipif(os.getuid() != 0, reason="only root sees what others have open")
def test_an_account_with_any_number_of_open_files_lets_nobody_wait(
    home: Path, eve: process.Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MOST_DESCRIPTORS", 50)
    hold = "import os, sys, time\nfor number in range(5000):\n    os.dup(0)\nprint(1, flush=True)\ntime.sleep(60)\n"
    words = {"user": eve.uid, "group": eve.gid, "extra_groups": [], "cwd": "/"}
    with subprocess.Popen(
        ["/usr/bin/python3", "-c", hold], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **words
    ) as one:
        assert one.stdout and one.stdout.readline() == b"1\n"
        looked: list[str] = []
        true = os.readlink
        monkeypatch.setattr(os, "readlink", lambda path: looked.append(path) or true(path))
        assert process.holders(str(home), {eve.uid}) == []
        assert len([path for path in looked if f"/{one.pid}/" in path]) <= 52
        assert process.holders("/", {eve.uid}, limit=-1.0) == []
        one.kill()
