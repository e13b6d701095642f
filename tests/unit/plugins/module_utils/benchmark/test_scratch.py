# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import bench, scratch
from ansible_collections.wsltune.go.plugins.module_utils.doctor import observe_go
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, files
from tests.unit import dead_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")
# Stands in for go: answers what the benchmark and the doctor ask, and leaves a folder behind that nobody may enter.
GO = """#!/bin/sh
case "$1" in
env) echo '{"GOCACHE": "'$HOME'/.cache/go-build", "GOROOT": "/opt/go", "GOVERSION": "go1.99", "CGO_ENABLED": "1"}' ;;
list)
  if [ "$2" = -deps ]; then printf 'x/lib\\tfalse\\tlib\\tfalse\\t\\t\\t%s\\tx\\t0\\n' "$PWD"; exit; fi
  printf 'x/lib\\t%s/lib\\tlib.go\\t\\tfmt\\tlib\\n' "$PWD"
;;
test)
  for place in "$TMPDIR" "$GOTMPDIR"; do
    case "$place" in */.wsltune-bench-*) mkdir -p "$place/left/behind"; chmod 0 "$place/left" ;; esac
  done
  [ -z "$BROKEN" ] || exit 1
;;
esac
"""


@pytest.fixture
def gone() -> int:
    """The id of a process that is no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_what_a_killed_benchmark_left_is_swept(tmp_path: Path, gone: int) -> None:
    for name in (f".wsltune-bench-{gone}-cold-1", f"wsltune-bench-{gone}-sample", f"wsltune-bench-{os.getpid()}-again"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub").chmod(0o500)
    kept = [f"wsltune-bench-{os.getppid()}-sample", "wsltune-bench-mine", "src"]
    for name in kept:
        (tmp_path / name).mkdir()
    os.symlink("src", tmp_path / f"wsltune-bench-{gone}-link")
    (tmp_path / f"wsltune-bench-{gone}-file").touch()
    before = tmp_path.stat().st_mode
    scratch.sweep(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, f"wsltune-bench-{gone}-link", f"wsltune-bench-{gone}-file"])
    assert tmp_path.stat().st_mode == before


def test_what_a_benchmark_in_another_container_uses_is_not_swept(tmp_path: Path, gone: int) -> None:
    code = (
        "import os, sys\n"
        "from ansible_collections.wsltune.go.plugins.module_utils.benchmark import scratch\n"
        f"os.getpid = lambda: {gone}\n"
        "folders = scratch.Folders()\n"
        f"folders.make({str(tmp_path)!r}, 'sample')\n"
        # A program that is started does not keep the lock.
        "import subprocess\n"
        "sleeper = subprocess.Popen(['sleep', '60'], close_fds=False)\n"
        "print(sleeper.pid, flush=True)\n"
        "sys.stdin.read()\n"
        "os._exit(0)\n"
    )
    root = Path(__file__).parents[5]
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(root / "collections")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin and other.stdout
        sleeper = int(other.stdout.readline())
        scratch.sweep(str(tmp_path))
        assert os.listdir(tmp_path) == [f".wsltune-bench-{gone}-sample"]
        other.stdin.close()
        other.wait()
        scratch.sweep(str(tmp_path))
        os.kill(sleeper, 9)
    assert os.listdir(tmp_path) == []


@as_root
def test_folders_of_others_are_not_swept(tmp_path: Path, gone: int) -> None:
    (tmp_path / f"wsltune-bench-{gone}-x").mkdir()
    os.chown(tmp_path / f"wsltune-bench-{gone}-x", 4711, 4711)
    scratch.sweep(str(tmp_path))
    assert os.listdir(tmp_path) == [f"wsltune-bench-{gone}-x"]
    # Where somebody could have renamed a folder of ours, none is removed.
    os.chown(tmp_path / f"wsltune-bench-{gone}-x", 0, 0)
    tmp_path.chmod(0o777)
    scratch.sweep(str(tmp_path))
    assert os.listdir(tmp_path) == [f"wsltune-bench-{gone}-x"]


@as_root
def test_a_folder_of_roots_that_another_account_moved_is_not_swept(tmp_path: Path, gone: int) -> None:
    """Whoever can write in a folder of root's can give it a name in /var/tmp, with what others have in it."""
    tmp_path.chmod(0o1777)
    hers = tmp_path / "hers"
    (hers / "shared" / "of a third").mkdir(parents=True)
    (hers / "shared" / "of a third" / "file").touch()
    (hers / "shared").chmod(0o777)
    os.chown(hers, 4711, 4711)
    moved = tmp_path / f"wsltune-bench-{gone}-x"
    subprocess.run(["mv", "hers/shared", moved.name], cwd=tmp_path, user=4711, group=4711, extra_groups=[], check=True)
    scratch.sweep(str(tmp_path))
    assert (moved / "of a third" / "file").exists()


@pytest.mark.parametrize("mounted", ["", "scratch.mountinfo.table = lambda: ''"], ids=["before", "meanwhile"])
def test_what_another_account_mounted_under_such_a_name_keeps_nobody_waiting(
    tmp_path: Path, gone: int, mounted: str
) -> None:
    """Which never answers who opens it, and is mounted before or after the list of mounts was read."""
    dead, left = (tmp_path / f"wsltune-bench-{gone}-{name}" for name in ("dead", "left"))
    dead.mkdir()
    left.mkdir()
    code = f"""
import json, sys, time
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import scratch
scratch.LIMIT = 1.0
{mounted}
begin = time.monotonic()
scratch.sweep(sys.argv[1])
print(json.dumps(time.monotonic() - begin))
"""
    assert json.loads(dead_folder.run_beside(dead, code, str(tmp_path))) < 10
    assert not left.exists()


@as_root
def test_nothing_is_swept_where_a_list_lets_another_account_give_names(
    home: Path, eve, gone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mode shows what the list gives at most in the place of the group, in which an account is alone."""
    folder = home / f"wsltune-bench-{gone}-x"
    folder.mkdir()
    os.chown(folder, eve.uid, eve.gid)
    monkeypatch.setattr(files, "has_other_members", lambda _gid: False)
    home.chmod(0o775)
    entries = [(1, 7, -1), (2, 7, 4712), (4, 5, -1), (16, 7, -1), (32, 5, -1)]
    access = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(home, "system.posix_acl_access", access)
    except OSError:
        pytest.skip("no lists can be had here")
    become.ask(eve, lambda: scratch.sweep(str(home)))
    assert folder.exists()
    os.removexattr(home, "system.posix_acl_access")
    become.ask(eve, lambda: scratch.sweep(str(home)))
    assert not folder.exists()


def test_a_name_that_another_account_took_stops_no_benchmark_below_tmp(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    taken = tmp_path / f".wsltune-bench-{os.getpid()}-copy-before"
    os.symlink("/nowhere", taken)
    with scratch.Folders() as folders:
        made = folders.make(str(tmp_path), "copy-before")
        assert made.startswith(f"{taken}-") and stat.S_IMODE(os.stat(made).st_mode) == 0o700
        assert scratch._NAME.fullmatch(os.path.basename(made))
    assert os.listdir(tmp_path) == [taken.name]


def test_removing_twice_and_what_was_put_in_its_place_harms_nothing(tmp_path: Path) -> None:
    with scratch.Folders() as folders:
        path = folders.make(str(tmp_path), "a")
        other = folders.make(str(tmp_path), "b")
        folders.remove(path)
        os.mkdir(path, 0o755)
        folders.remove(path)
        os.rename(other, tmp_path / "moved")
        os.mkdir(other, 0o755)
        left = sorted([os.path.basename(path), os.path.basename(other), "moved"])
    assert sorted(os.listdir(tmp_path)) == left


@as_root
def test_root_makes_nothing_where_others_could_replace_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with scratch.Folders() as folders:
        with pytest.raises(files.NotOurs):
            folders.make(str(tmp_path), "a")
        tmp_path.chmod(0o1777)
        assert os.path.isdir(folders.make(str(tmp_path), "a"))
    assert os.listdir(tmp_path) == []


@pytest.fixture
def person(request: pytest.FixtureRequest, home: Path, eve) -> Iterator[accounts.Account]:
    """Whose Go it is: root's own or eve's."""
    uid = eve.uid if request.param == "eve" else 0
    for path in (home, home / "bin", home / ".cache", home / "tmp", home / "src", home / "src" / "app"):
        path.mkdir(0o755, exist_ok=True)
    (home / "tmp").chmod(0o1777)
    (home / "bin" / "go").write_text(GO)
    (home / "bin" / "go").chmod(0o755)
    (home / "src" / "app" / "lib").mkdir()
    (home / "src" / "app" / "lib" / "lib.go").write_text("package lib\n")
    (home / "src" / "app" / "go.mod").write_text("module x\n")
    for path in (home, *home.rglob("*")):
        os.chown(path, uid, uid)
    return accounts.Account(request.param, uid, uid, str(home), "/bin/sh")


def looks(home: Path, used: set[Path]) -> dict[str, tuple[int, ...]]:
    """Mode and owner of all folders on the way and below; the time where nothing is to be made."""
    found = {}
    for path in (Path("/tmp"), *home.parents, home, *home.rglob("*")):
        status = path.lstat()
        found[str(path)] = (stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
        if path not in used and path.is_relative_to(home):
            found[str(path)] += (status.st_mtime_ns, status.st_ctime_ns)
    return found


def measure(account: accounts.Account, environment: dict[str, str], fails: bool) -> None:
    variants = [bench.Variant("before"), bench.Variant("after", {"GOTMPDIR": environment["TMPDIR"]})]
    module = f"{account.home}/src/app"
    with bench.Bench(account, variants, [module], environment=environment) as session:
        session.prepare()
        for scenario in ("test", "edit", "cold"):
            assert session.scenario(scenario).reason == ""
            session.execute(scenario, "after", 1)
        if fails:
            raise bench.BenchmarkError("half-way")
        session.works("after")
    with bench.copy_home(account, module) as copy:
        assert os.path.isfile(f"{copy}/go.mod")


def examine(account: accounts.Account, environment: dict[str, str], fails: bool) -> None:
    temporary = environment["TMPDIR"]
    facts = {
        "go": {"path": f"{account.home}/bin/go"},
        "settings": {},
        "places": {"TMPDIR": {"path": temporary}, "GOTMPDIR": {"path": environment.get("GOTMPDIR", temporary)}},
        "user_file": {"path": f"{account.home}/.config/go/env"},
    }
    with observe_go.Workshop(account, environment, facts) as shop:
        shop.build_program(20)
        found = observe_go.Project(shop, f"{account.home}/src/app", observe_go.Budget(60), 2**30).observe()
        assert not found["trouble"] and found["test"]["code"] == int("BROKEN" in environment)
        if fails:
            raise bench.BenchmarkError("half-way")


@as_root
@pytest.mark.parametrize(("person", "caller"), [("root", "root"), ("eve", "root"), ("eve", "eve")], indirect=["person"])
@pytest.mark.parametrize("what", [measure, examine])
@pytest.mark.parametrize("fails", ["", "half-way", "tests"])
@pytest.mark.parametrize("temporary", ["/tmp", "{home}/tmp"])
def test_no_folder_is_another_one_afterwards(home, eve, person, what, fails, temporary, caller) -> None:
    environment = {"HOME": str(home), "PATH": f"{home}/bin:/usr/bin:/bin", "TMPDIR": temporary.format(home=home)}
    if fails == "tests":
        environment["BROKEN"] = "1"

    def run() -> None:
        bench.run_as_user(person, lambda: what(person, environment, fails == "half-way"), 1.0)

    used = {home, home / ".cache", home / "tmp", home / "src"}
    before = looks(home, used)
    said: list[str] = []
    for _time in range(2):
        try:
            if caller == "eve":
                become.ask(eve, run, 60, [bench.BenchmarkError])
            else:
                run()
        except bench.BenchmarkError as error:
            said.append(str(error))
        assert looks(home, used) == before
    assert said == (["half-way"] * 2 if fails == "half-way" else [])
    assert not [name for name in os.listdir("/tmp") if name.startswith(f".wsltune-bench-{os.getpid()}-")]
