# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.fleet import record, rings


@pytest.fixture
def store(tmp_path):
    return record.Store(str(tmp_path / "rollout"))


def rollout() -> record.Rollout:
    return record.Rollout("december", 1.0, [record.RingState(rings.Ring("a", ("x",)), ["x"], since=2.0)])


def test_what_was_saved_is_loaded(store):
    store.save(rollout())
    host = record.HostState("x", "done", 2, 1, comparisons=[{"ratio": 0.8}], lost=["GOTMPDIR of anna"])
    store.save_host(host)
    assert store.load() == rollout() and store.load_host("x") == host
    assert os.stat(store.path).st_mode & 0o777 == 0o600 and os.stat(store.folder).st_mode & 0o777 == 0o700


def test_nothing_is_there_before_the_first_run(store):
    assert store.load() is None and store.load_host("x") == record.HostState("x")


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "..", "ü", "x" * 60, "*"])
def test_no_name_of_a_host_leaves_the_folder(store, name):
    store.save_host(record.HostState(name, "done"))
    assert os.path.dirname(store.host_path(name)) == os.path.join(store.folder, "hosts")
    assert store.load_host(name).state == "done"


BROKEN = ["", "{", '{"version": 1', "[]", '{"name": "x"}', '{"version": 1, "name": "x"}', '{"version": "1"}']


@pytest.mark.parametrize("text", BROKEN)
def test_half_a_record_is_refused_in_one_sentence(store, text):
    os.makedirs(store.folder)
    with open(store.path, "w", encoding="utf-8") as handle:
        handle.write(text)
    with pytest.raises(record.RecordError, match=f"^{store.path} is no record of a rollout: restore it from a backup"):
        store.load()


def test_a_record_that_has_no_end_is_not_read(store):
    os.makedirs(store.folder)
    with open(store.path, "wb") as handle:
        handle.truncate(1 << 40)
    with pytest.raises(record.RecordError, match=r"cannot read .*larger than 4096 KiB"):
        store.load()
    os.unlink(store.path)
    os.mkfifo(store.path)
    with pytest.raises(record.RecordError, match=r"cannot read .*not a regular file"):
        store.load()
    os.unlink(store.path)
    with open(store.path, "w", encoding="utf-8") as handle:
        handle.write("[" * 100000)
    with pytest.raises(record.RecordError, match="is no record of a rollout"):
        store.load()


def test_what_a_host_returns_makes_no_record_that_cannot_be_read_again(store):
    store.save_host(record.HostState("x", "done", 2))
    with pytest.raises(record.RecordError, match=r"hosts/x\.json would be larger than 4 MiB"):
        store.save_host(record.HostState("x", "done", effective={"GOFLAGS of eve": "x" * record.LARGEST}))
    assert store.load_host("x") == record.HostState("x", "done", 2)


def test_a_rollout_that_holds_for_ever_has_a_record_of_limited_size():
    held = rollout()
    for number in range(record.MOST_HISTORY + 10):
        held.note(number, "a", "hold", [f"{number} hosts have answered"])
    assert len(held.history) == record.MOST_HISTORY and held.history[-1]["at"] == record.MOST_HISTORY + 9


def test_a_record_of_another_version_is_refused(store):
    store.save(rollout())
    with open(store.path, encoding="utf-8") as handle:
        later = {**json.load(handle), "version": 2}
    with open(store.path, "w", encoding="utf-8") as handle:
        json.dump(later, handle)
    with pytest.raises(record.RecordError, match="is a record of version 2 and this wsltune knows version 1: use the"):
        store.load()


def test_a_full_disk_leaves_the_record_before(store, monkeypatch):
    store.save(rollout())

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        record.RecordError, match=r"cannot write .*rollout.json: No space left on device: make room and"
    ):
        store.save(record.Rollout("other", 2.0, []))
    assert store.load() == rollout()


def test_a_second_run_on_this_controller_is_refused_until_the_first_has_ended(store):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        store.lock(other.pid)
        with pytest.raises(record.RecordError, match=f"^process {other.pid} on this controller has this rollout: wait"):
            store.lock(os.getpid())
        other.communicate(b"\n")
    store.lock(os.getpid())
    store.lock(os.getpid())


def test_a_number_that_another_process_has_now_is_not_taken_for_the_first(store):
    store.lock(os.getpid())
    with open(store.lock_path, encoding="utf-8") as handle:
        held = json.load(handle)
    with open(store.lock_path, "w", encoding="utf-8") as handle:
        json.dump({**held, "began": "1"}, handle)
    store.lock(os.getpid())


def test_another_controller_is_never_guessed_to_be_gone(store):
    os.makedirs(store.folder)
    with open(store.lock_path, "w", encoding="utf-8") as handle:
        json.dump({"host": "elsewhere", "pid": 1, "began": "1"}, handle)
    with pytest.raises(record.RecordError, match="the controller elsewhere has this rollout: wait for its end, or rem"):
        store.lock(os.getpid())


def test_it_is_free_after_unlock_and_after_half_a_lock(store):
    store.lock(os.getpid())
    store.unlock(os.getpid())
    with open(store.lock_path, "r+", encoding="utf-8") as handle:
        assert handle.read() == ""
        handle.write('{"host": "el')
    store.lock(os.getpid())


def test_what_is_left_of_a_run_that_was_killed_takes_no_lock(store):
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    with pytest.raises(record.RecordError, match="to which this belongs, has ended"):
        store.lock(gone.pid)
    store.lock(os.getpid())


HOLDER = """
import os, sys, time
from ansible_collections.wsltune.go.plugins.module_utils.fleet import record
store = record.Store(sys.argv[1])
store.hold()
store.lock(os.getpid())
worker = os.fork()
if not worker:
    if sys.argv[2] == "unlock":
        store.unlock(os.getppid())
    # In one piece, whatever the environment says about buffers.
    os.write(1, b"%d\\n" % os.getpid())
time.sleep(60)
"""


@pytest.fixture
def start_holder(store):
    """Start a process that holds the store and forks another; its number, and both are gone at the end."""
    started = []

    def start(what: str = "") -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, store.folder, what],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        started.extend([process.pid, int(process.stdout.readline())])
        return process, started[-1]

    yield start
    for pid in started:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_what_a_run_that_was_killed_has_forked_keeps_the_lock_until_it_ends(store, start_holder):
    process, worker = start_holder()
    with pytest.raises(record.RecordError, match=f"^process {process.pid} on this controller has this rollout: wait"):
        store.lock(os.getpid())
    process.kill()
    process.wait()
    sentence = f"^a run of this rollout was killed and what it began on hosts is still under way in process {worker}: "
    with pytest.raises(record.RecordError, match=sentence):
        store.lock(os.getpid())
    os.kill(worker, signal.SIGKILL)
    store.lock(os.getpid())


def test_a_worker_lets_go_for_all(store, start_holder):
    start_holder("unlock")
    store.lock(os.getpid())


def test_who_holds_it_takes_it_again_and_again(store, monkeypatch):
    monkeypatch.setattr(record, "DESCRIPTORS", {})
    store.hold()
    store.hold()
    for _time in range(2):
        store.lock(os.getpid())
        with open(store.lock_path, encoding="utf-8") as handle:
            assert json.load(handle)["pid"] == os.getpid()
    store.unlock(os.getpid())
    os.close(record.DESCRIPTORS[store.lock_path])


def test_a_link_in_place_of_the_lock_is_not_followed(store, tmp_path):
    os.makedirs(store.folder)
    os.symlink(tmp_path / "elsewhere", store.lock_path)
    with pytest.raises(record.RecordError, match="cannot lock"):
        store.lock(os.getpid())
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
@pytest.mark.parametrize("way", ["rollout", "theirs/rollout", "theirs"])
def test_root_keeps_no_record_where_another_account_leads_it(tmp_path, home, eve, way):
    victim = tmp_path / "victim"
    victim.mkdir(0o755)
    (victim / "lock").write_text("mine")
    (home / "rollout").symlink_to(victim)
    (home / "theirs").mkdir(0o755)
    os.chown(home / "theirs", eve.uid, eve.gid)
    (home / "theirs" / "rollout").symlink_to(victim)
    store = record.Store(str(home / way))
    for act in (lambda: store.lock(os.getpid()), lambda: store.save_host(record.HostState("laptop"))):
        with pytest.raises(record.RecordError, match="another account can write there"):
            act()
    assert [path.name for path in victim.iterdir()] == ["lock"] and (victim / "lock").read_text() == "mine"
    assert sorted(path.name for path in home.rglob("*")) == ["rollout", "rollout", "theirs"]


def test_no_host_fills_the_record_of_all_with_what_it_says_from_run_to_run(store):
    """Letters beyond the first 65,536 take twelve characters each there, and are what a host calls its users."""
    held = rollout()
    for number in range(500):
        held.note(
            float(number), "a", "hold", [f"What was set is not in force any more: {number} " + "\U0001f600" * 1000]
        )
    store.save(held)
    known = store.load()
    assert known is not None and known.history[-1]["at"] == 499.0 and len(known.history) > 20


def test_the_history_says_each_thing_once():
    found = rollout()
    for now in (1.0, 2.0, 3.0):
        found.note(now, "a", "hold", ["asleep"])
    found.note(4.0, "a", "go", ["met"])
    assert [(entry["at"], entry["result"]) for entry in found.history] == [(1.0, "hold"), (4.0, "go")]
