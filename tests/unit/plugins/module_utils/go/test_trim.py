# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The build cache kept below a size: what goes, what stays, and a real Go that works with what is left."""

from __future__ import annotations

import json
import mmap
import os
import pwd
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import trim
from ansible_collections.wsltune.go.plugins.module_utils.linux import process
from tests.unit.real_go import GO, needs_go

DAY = 86400.0
KIB = 1 << 10
ROOT = os.geteuid() == 0


def name_of(number: int, kind: str = "d") -> str:
    return f"{number:02x}" + f"{number:062x}-{kind}"


def put(cache: Path, number: int, age: float, size: int = 64 * KIB, kind: str = "d") -> Path:
    """Put an entry that was used C(age) days ago, as Go names it."""
    path = cache / f"{number:02x}" / name_of(number, kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    used = time.time() - age * DAY
    os.utime(path, (used, used))
    return path


def trimmed(cache: Path, limit: int, busy: bool = False) -> trim.Trimmed:
    return trim.trim(str(cache), limit, time.time(), is_busy=lambda _users: busy)


def test_what_was_not_used_for_longest_goes_until_the_limit_is_met(tmp_path: Path) -> None:
    entries = [put(tmp_path, number, age=9.0 - number) for number in range(6)]
    done = trimmed(tmp_path, 200 * KIB)
    assert done == trim.Trimmed(3, 192 * KIB, 192 * KIB, "")
    assert [path.exists() for path in entries] == [False] * 3 + [True] * 3
    assert trimmed(tmp_path, 200 * KIB).removed == 0


def test_what_was_used_in_the_last_day_stays_though_the_limit_is_not_met(tmp_path: Path) -> None:
    old, late, young = put(tmp_path, 1, 2.0), put(tmp_path, 2, 24.5 / 24), put(tmp_path, 3, 0.5)
    done = trimmed(tmp_path, 0)
    assert (done.removed, done.size, done.reason) == (1, 128 * KIB, "what is left was used in the last day")
    # Go may be an hour late to mark what it uses.
    assert not old.exists() and late.exists() and young.exists()


def test_only_what_has_the_shape_of_an_entry_goes(tmp_path: Path) -> None:
    entry = put(tmp_path / "cache", 1, 9.0, kind="a")
    outside = put(tmp_path / "elsewhere", 7, 9.0)
    cache = entry.parents[1]
    strange = [cache / "README", cache / "trim.txt", cache / "fuzz" / name_of(1), entry.parent / "notes.txt"]
    strange += [entry.parent / name_of(2), entry.parent / name_of(1).replace("-d", "-x"), cache / "AB" / name_of(1)]
    for path in strange:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
        os.utime(path, (0, 0))
    # Links: to a folder of entries elsewhere, and as an entry.
    (cache / "07").symlink_to(outside.parent)
    link = cache / "01" / name_of(1)
    link.symlink_to(outside)
    os.utime(link, (0, 0), follow_symlinks=False)
    assert trimmed(cache, 0).removed == 1
    assert not entry.exists() and outside.exists() and link.is_symlink() and all(path.exists() for path in strange)


def test_a_program_in_the_cache_goes_with_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "0a" / name_of(10)
    folder.mkdir(parents=True)
    (folder / "hello").write_bytes(b"x" * 100 * KIB)
    os.utime(folder, (0, 0))
    done = trimmed(tmp_path, 0)
    assert done.removed == 1 and done.freed == 104 * KIB and not folder.exists()


def test_nothing_goes_while_a_go_command_runs(tmp_path: Path) -> None:
    entry = put(tmp_path, 1, 9.0)
    assert trimmed(tmp_path, 0, busy=True).reason == "a Go command runs"
    assert entry.exists()


def test_what_go_used_since_it_was_seen_stays(tmp_path: Path) -> None:
    entry = put(tmp_path, 1, 9.0)

    def used(_users: object) -> bool:
        os.utime(entry)
        return False

    assert trim.trim(str(tmp_path), 0, time.time(), is_busy=used).removed == 0
    assert entry.exists()


@pytest.mark.parametrize(
    ("name", "state", "user", "counts"),
    [
        ("go", "S (sleeping)", 1000, True),
        ("go.distrib", "R (running)", 1000, True),
        ("go1.27.3", "S (sleeping)", 1000, True),
        ("go", "Z (zombie)", 1000, False),
        ("gopls", "S (sleeping)", 1000, False),
        ("a (go) S", "S (sleeping)", 1000, False),
        # Another account's, in whatever file that account may have put under that name.
        ("go", "S (sleeping)", 4711, False),
    ],
)
def test_a_go_command_is_known_by_its_process(tmp_path: Path, name: str, state: str, user: int, counts: bool) -> None:
    (tmp_path / "12").mkdir()
    (tmp_path / "12/status").write_text(f"Name:\t{name}\nState:\t{state}\nUid:\t{user}\t0\t0\t0\n")
    (tmp_path / "self").mkdir()
    assert trim.is_go_running({0, 1000}, str(tmp_path)) is counts


@pytest.mark.skipif(not ROOT, reason="becomes another account: needs root")
def test_a_program_of_another_account_keeps_no_trim_from_running(tmp_path: Path, eve: process.Identity) -> None:
    program = (
        f"import ctypes, os, time; os.setresuid({eve.uid}, {eve.uid}, {eve.uid})\n"
        "ctypes.CDLL(None).prctl(15, b'go'); print('ready', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None and running.stdout.readline() == "ready\n"
            (tmp_path / str(running.pid)).symlink_to(f"/proc/{running.pid}")
            assert trim.is_go_running({eve.uid}, str(tmp_path))
            assert not trim.is_go_running({0, 1000}, str(tmp_path))
        finally:
            running.kill()


def test_whose_go_commands_count(tmp_path: Path) -> None:
    put(tmp_path, 1, 9.0)
    asked: list[set[int]] = []

    def note(users: set[int]) -> bool:
        asked.append(users)
        return True

    tmp_path.chmod(0o775)
    trim.trim(str(tmp_path), 0, time.time(), [4711], note)
    # Who only says that it is theirs cannot write there.
    tmp_path.chmod(0o755)
    trim.trim(str(tmp_path), 0, time.time(), [4711], note)
    assert asked == [{0, 4711, os.geteuid()}, {0, os.geteuid()}]


@pytest.mark.skipif(not ROOT, reason="becomes the users: needs root")
def test_each_cache_is_trimmed_as_its_user_and_no_further(
    eve: process.Identity, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = pwd.struct_passwd(("eve", "x", eve.uid, eve.gid, "", str(home), "/bin/sh"))
    monkeypatch.setattr(trim.pwd, "getpwnam", lambda _name: account)
    cache = home / "cache"
    own, roots = put(cache, 1, 9.0), put(cache, 2, 9.0)
    for path in (cache, own.parent, own):
        os.chown(path, eve.uid, eve.gid)
    # A Go that runs on this machine now is another matter.
    monkeypatch.setattr(trim.trim, "__defaults__", ((), lambda _users: False))
    assert trim.as_user("eve", str(cache), 0) == 0
    # Root's folder there is none that eve can change.
    assert not own.exists() and roots.exists()


@pytest.mark.skipif(not ROOT, reason="asks for root's own folders")
def test_root_does_not_go_where_others_can_change_the_way(tmp_path: Path) -> None:
    folder = tmp_path / "open" / "cache"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o777)
    with pytest.raises(PermissionError):
        trim.check_for_root(str(folder))
    folder.parent.chmod(0o755)
    (tmp_path / "way").symlink_to("/root")
    assert trim.check_for_root(str(tmp_path / "way")) == "/root"


def test_a_cache_that_gives_no_answer_is_given_up(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trim, "_work", lambda *_words: time.sleep(60))
    began = time.monotonic()
    assert trim.as_user("root", "/gone", 0, seconds=0.2) == 1
    assert time.monotonic() - began < 10
    assert "/gone gives no answer in 0 s" in capfd.readouterr().err


def test_caches_that_give_no_answer_leave_time_for_the_others(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    asked: dict[str, float] = {}

    def as_user(name: str, path: str, limit: int, seconds: float, users: set[int]) -> int:
        asked[name] = seconds
        assert users == {0} if name == "root" else users == {-1}
        clock[0] += seconds if name.startswith("dead") else 1.0
        return int(name.startswith("dead"))

    monkeypatch.setattr(trim.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(trim, "as_user", as_user)
    caches = {name: f"/home/{name}" for name in ("root", *(f"dead{number}" for number in range(9)))}
    assert trim.trim_all(caches, 0) == 1
    assert set(asked) == set(caches) and clock[0] <= trim.TOTAL + 1
    # More than there is time to wait for: the service is not ended in the middle, and says who was left.
    asked.clear()
    assert trim.trim_all({f"dead{number}": f"/home/{number}" for number in range(40)}, 0) == 1
    assert len(asked) == trim.TOTAL / trim.LEAST
    assert capfd.readouterr().out.count("dead") == 15
    clock[0] = 0.0
    assert trim.trim_all({"alice": "/home/alice"}, 0) == 0 and asked["alice"] == trim.LIMIT


def test_a_path_that_its_user_chose_is_printed_in_one_short_line() -> None:
    line = trim.describe("eve", "/home/eve/\x1b[2Ja\nb" + "c" * 9999, 0, trim.Trimmed(0, 0, 0, ""))
    assert line.isprintable() and len(line) < 300 and "eve: '/home/eve/" in line


def go(module: Path, cache: Path, *words: str) -> str:
    environment = {"PATH": os.defpath, "HOME": str(module), "GOCACHE": str(cache), "CGO_ENABLED": "0", "GOFLAGS": ""}
    environment.update(GOENV="off", GOTOOLCHAIN="local", GOPROXY="off")
    done = subprocess.run([GO, *words], cwd=module, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@needs_go
def test_a_real_go_builds_with_what_is_left(tmp_path: Path) -> None:
    module, cache = tmp_path / "module", tmp_path / "cache"
    module.mkdir()
    (module / "go.mod").write_text("module example.com/hello\n\ngo 1.19\n")
    (module / "main.go").write_text('package main\n\nfunc main() { println("hello") }\n')
    # Its program is in the cache too, as a folder.
    assert "hello" in go(module, cache, "run", ".")
    marks = {name: (cache / name).read_bytes() for name in ("README", "trim.txt")}
    entries = sorted(path for path in cache.glob("??/*") if trim.ENTRY.fullmatch(path.name))
    assert any(path.is_dir() for path in entries)
    for number, path in enumerate(entries):
        used = time.time() - 4 * DAY + number
        os.utime(path, (used, used))
    size = trimmed(cache, 1 << 40).size
    # By the program as it is installed, and not by this process.
    settings, program = tmp_path / "trim.json", tmp_path / "go-trim.py"
    settings.write_text(json.dumps({"limit": size // 2, "caches": {pwd.getpwuid(os.getuid()).pw_name: str(cache)}}))
    # Others may run Go on this machine meanwhile.
    (tmp_path / "proc").mkdir()
    text = Path(trim.__file__).read_text()
    for old, new in ((trim.SETTINGS, str(settings)), ('"/proc"', f'"{tmp_path}/proc"')):
        assert old in text
        text = text.replace(old, new)
    program.write_text(text)
    done = subprocess.run([sys.executable, "-I", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "were removed" in done.stdout, done.stdout + done.stderr
    left = trimmed(cache, 1 << 40).size
    assert size // 2 - (8 << 20) < left <= size // 2
    gone = [path.exists() for path in entries]
    assert gone == sorted(gone), "the oldest did not go first"
    assert {name: (cache / name).read_bytes() for name in marks} == marks
    assert "hello" in go(module, cache, "run", ".")
    # Go's own trim goes on by its own mark, and so does go clean.
    assert (cache / "trim.txt").read_bytes() == marks["trim.txt"]
    go(module, cache, "clean", "-cache")
    assert not list(cache.glob("??/*-d"))


def test_what_becomes_an_account_leaves_no_core_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends it a signal could read in one what root has read, such as where the others have their caches."""
    limits = mmap.mmap(-1, 2)

    def look(*_words: object) -> trim.Trimmed:
        limits[:] = bytes(int(limit == 0) for limit in resource.getrlimit(resource.RLIMIT_CORE))
        return trim.Trimmed(0, 0, 0, "")

    monkeypatch.setattr(trim, "trim", look)
    monkeypatch.setattr(trim, "check_for_root", str)
    assert trim.as_user(pwd.getpwuid(os.geteuid()).pw_name, "/", 0) == 0
    assert limits[:] == b"\1\1"
