# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import bench
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import Scenario
from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts
from tests.unit import real_go

GO = """#!/bin/sh
# Stands in for go: answers what the benchmark asks, and notes how it was started.
case "$1" in
env) cat <<END
{"GOCACHE": "$HOME/.cache/go-build", "GOTMPDIR": "$GOTMPDIR", "GOROOT": "/opt/go",
 "GOVERSION": "go1.99", "CGO_ENABLED": "1"}
END
;;
list)
  if [ "$2" = -m ]; then cat go.work; exit; fi
  printf 'x/cmd\\t%s/cmd\\tmain.go\\t\\tfmt x/lib\\tmain\\n' "$PWD"
  printf 'x/lib\\t%s/lib\\tlib.go extra.go\\t\\tfmt\\tlib\\n' "$PWD"
;;
test | build | run)
  edit=$(cat lib/lib.go core/core.go 2>/dev/null | tail -n 1)
  echo "$PWD|$*|$GOCACHE|$GOTMPDIR|$GOWORK|$GOPROXY|$edit" >> "$HOME/started"
  if [ -n "$SLOW" ]; then sleep "$SLOW"; fi
  if [ -n "$BROKEN" ]; then echo "ok x 0.1s"; echo "--- FAIL: TestX"; exit 1; fi
;;
esac
"""


@pytest.fixture
def home(tmp_path):
    """A home with a stand-in for go."""
    folder = tmp_path / "home"
    (folder / "bin").mkdir(parents=True)
    go = folder / "bin" / "go"
    go.write_text(GO)
    go.chmod(0o755)
    return folder


@pytest.fixture
def session(home, account):
    """Makes a benchmark of a login that finds the stand-in."""
    environment = {"PATH": f"{home}/bin:/usr/bin:/bin", "HOME": str(home), "GOTMPDIR": "/login"}
    return lambda variants, **more: bench.Bench(account, variants, environment=environment, **more)


@pytest.fixture
def account():
    entry = pwd.getpwuid(os.geteuid())
    return accounts.Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, "/bin/sh")


VARIANTS = [
    bench.Variant("before", {"GOTMPDIR": "/was"}, []),
    bench.Variant("after", {}, ["GOTMPDIR"]),
]


def started(home):
    return [line.split("|") for line in (home / "started").read_text().splitlines()]


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.name != "started")


@pytest.fixture
def module(home):
    folder = home / "src" / "app"
    (folder / "lib").mkdir(parents=True)
    (folder / "cmd").mkdir()
    (folder / ".git").mkdir()
    (folder / "go.mod").write_text("module x\n")
    (folder / "lib" / "lib.go").write_text("package lib")
    (folder / "cmd" / "main.go").write_text("package main\n")
    return folder


def test_run_measures_what_a_child_used():
    code = "import time; b = bytearray(60 << 20); time.sleep(0.2); sum(range(3000000))"
    found = bench.run([sys.executable, "-c", code], "/", dict(os.environ))
    assert found["exit_code"] == 0
    assert found["wall"] > 0.2
    assert 0 < found["user"] < found["wall"]
    assert found["max_rss"] > 60 << 20
    assert "output_tail" not in found


def test_run_counts_what_is_written_and_not_its_own_output(tmp_path):
    quiet = bench.run(["sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x"], "/", dict(os.environ))
    loud = bench.run(["sh", "-c", "head -c 1000000 /dev/zero > big"], str(tmp_path), dict(os.environ))
    assert quiet["blocks_written"] == 0
    # On a tmpfs nothing is written to a disk.
    assert loud["blocks_written"] >= 1000000 // 512 or loud["blocks_written"] == 0


def test_a_failing_run_keeps_its_last_words():
    found = bench.run(["sh", "-c", "seq 10000; echo no >&2; exit 3"], "/", dict(os.environ))
    assert found["exit_code"] == 3
    assert found["output_tail"].endswith("10000\nno\n")
    assert "\n1\n" not in found["output_tail"]
    assert len(found["output_tail"]) <= bench.TAIL


def test_a_run_over_its_limit_is_ended_with_its_children(tmp_path):
    script = f"sleep 77.5 & echo $! > {tmp_path}/child; wait; exec sleep 77.5"
    found = bench.run(["sh", "-c", script], "/", dict(os.environ), limit=0.5)
    assert found["timed_out"] and found["exit_code"] == -signal.SIGKILL
    child = int((tmp_path / "child").read_text())
    for _wait in range(50):
        status = Path(f"/proc/{child}/stat")
        if not status.exists() or status.read_text().split()[2] == "Z":
            break
        time.sleep(0.02)
    else:
        pytest.fail("the child still runs")


def test_a_signal_ends_the_child_too():
    def interrupt(*_arguments):
        raise SystemExit(1)

    old = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        began = time.monotonic()
        with pytest.raises(SystemExit):
            bench.run(["sleep", "60"], "/", dict(os.environ))
        assert time.monotonic() - began < 10
    finally:
        signal.signal(signal.SIGALRM, old)


def test_each_variant_gets_its_environment(home, session):
    with session(VARIANTS) as run:
        run.prepare()
        for name in ("before", "after", "control"):
            assert run.execute("test", name, 1)["exit_code"] == 0
        assert run.go == f"{home}/bin/go"
    assert [line[3] for line in started(home)] == ["/was", "", "/was"]
    assert all(line[1] == "test -count=1 " + " ".join(bench.STD_PACKAGES) for line in started(home))
    assert {line[5] for line in started(home)} == {"off"}


def test_nothing_is_left_behind(home, session, module):
    before = tree(home)
    with session(VARIANTS, modules=[str(module)]) as run:
        run.prepare()
        (home / ".cache").mkdir(exist_ok=True)
        for scenario in ("test", "edit", "cold", "race"):
            assert run.scenario(scenario).reason == ""
            run.execute(scenario, "after", 1)
        assert tree(home) != before
    assert [path for path in tree(home) if path != ".cache"] == before


def test_edit_changes_copies_and_never_the_source(home, session, module):
    with session(VARIANTS, modules=[str(module)]) as run:
        run.prepare()
        assert run.scenario("edit") == Scenario("edit", "go test ./...")
        for serial, name in enumerate(["before", "after", "control", "before"], 1):
            run.execute("edit", name, serial)
        assert not any(".git" in folders for _parent, folders, _files in os.walk(run.copies["before"]))
    lines = started(home)
    places = [line[0] for line in lines]
    assert len(set(places)) == 3 and places[0] == places[3]
    assert {os.path.dirname(place) for place in places} == {str(module.parent)}
    assert [line[6] for line in lines] == [f"var wsltuneBenchmarkEdit = {n}" for n in (1, 2, 3, 4)]
    assert {line[4] for line in lines} == {"off"}
    assert (module / "lib" / "lib.go").read_text() == "package lib"


def test_a_file_that_is_read_only_is_edited_in_the_copy(session, module):
    """As root, whom its mode does not stop, only the mode shows it."""
    (module / "lib" / "lib.go").chmod(0o444)
    with session(VARIANTS, modules=[str(module)]) as run:
        run.prepare()
        assert run.scenario("edit").reason == ""
        run.execute("edit", "before", 7)
        assert (Path(run.copies["before"]) / "lib/lib.go").stat().st_mode & 0o777 == 0o644
    assert (module / "lib" / "lib.go").stat().st_mode & 0o777 == 0o444


def test_a_file_that_modules_share_by_a_link_is_edited_in_the_copy_alone(home, session, module):
    shared = home / "src" / "shared.go"
    shared.write_text("package lib")
    for link in ("../../shared.go", str(shared)):
        (module / "lib" / "lib.go").unlink()
        (module / "lib" / "lib.go").symlink_to(link)
        with session(VARIANTS, modules=[str(module)]) as run:
            run.prepare()
            assert run.scenario("edit").reason == ""
            for name in ("before", "after"):
                run.execute("edit", name, 7)
        assert shared.read_text() == "package lib" and os.readlink(module / "lib" / "lib.go") == link
    assert [line[-1] for line in started(home)] == ["var wsltuneBenchmarkEdit = 7"] * 4


def test_edit_without_modules_uses_a_module_of_its_own(home, session):
    with session(VARIANTS) as run:
        run.prepare()
        assert run.scenario("edit").reason == ""
        run.execute("edit", "before", 7)
    assert started(home)[0][6] == "var wsltuneBenchmarkEdit = 7"


def test_cold_uses_an_empty_cache_of_its_own(home, session):
    (home / ".cache" / "go-build").mkdir(parents=True)
    with session(VARIANTS) as run:
        run.prepare()
        assert run.scenario("cold").reason == ""
        run.execute("cold", "before", 1)
        run.execute("cold", "before", 2)
        one, other = (line[2] for line in started(home))
        assert one != other
        assert os.path.dirname(one) == str(home / ".cache")
        assert not os.path.exists(one)


def test_race_without_a_compiler_says_so(home, session):
    variants = [bench.Variant("before", {"CC": "no-such-compiler -m64"})]
    with session(variants) as run:
        run.prepare()
        said = run.scenario("race").reason
    assert said == "the race detector needs cgo, and there is no C compiler (no-such-compiler)"


def test_a_failing_test_is_told(home, session):
    with session([bench.Variant("before", {"BROKEN": "1"})]) as run:
        run.prepare()
        found = run.execute("test", "before", 1)
    assert found["exit_code"] == 1
    assert "--- FAIL: TestX" in found["output_tail"]


def test_several_modules_count_as_one_run(home, session, module):
    other = module.parent / "other"
    other.mkdir()
    (other / "go.mod").write_text("module y\n")
    with session(VARIANTS, modules=[str(module), str(other)]) as run:
        run.prepare()
        run.execute("test", "before", 1)
    assert [line[0] for line in started(home)] == [str(module), str(other)]


def test_a_variant_may_have_its_own_folder(home, session, module):
    other = module.parent / "moved"
    other.mkdir()
    (other / "go.mod").write_text("module x\n")
    variants = [bench.Variant("before"), bench.Variant("after", directory=str(other))]
    with session(variants, modules=[str(module)]) as run:
        run.prepare()
        for name in ("before", "after", "control"):
            run.execute("test", name, 1)
    assert [line[0] for line in started(home)] == [str(module), str(other), str(module)]


@pytest.mark.parametrize(("go", "said"), [(None, "finds no go in its PATH"), ("/bin/false", "/bin/false env fail")])
def test_no_go_is_one_sentence(home, session, go, said):
    (home / "bin" / "go").unlink()
    with session(VARIANTS, go=go) as run, pytest.raises(bench.BenchmarkError, match=said):
        run.prepare()


def test_a_folder_without_a_module_is_refused(home, session):
    with session(VARIANTS, modules=[str(home)]) as run:  # noqa: SIM117
        with pytest.raises(bench.BenchmarkError, match=r"has no go\.mod"):
            run.prepare()


def test_a_folder_in_a_module_is_measured_and_the_whole_module_is_copied(home, session, module):
    (module / "lib" / "lib").mkdir()
    (module / "lib" / "lib" / "lib.go").write_text("package lib")
    with session(VARIANTS, modules=[str(module / "lib")]) as run:
        run.prepare()
        assert run.modules == [str(module / "lib")]
        run.scenario("edit")
        copy = Path(run.copies["before"])
        assert copy.name == "lib" and (copy.parent / "go.mod").is_file() and copy.parent.parent == module.parent
        run.execute("test", "before", 1)
        run.execute("edit", "before", 2)
    assert [line[0] for line in started(home)] == [str(module / "lib"), str(copy)]
    assert not copy.parent.exists()


def test_a_file_that_an_earlier_scenario_edited_is_edited_anew(home, session, module):
    with session(VARIANTS, modules=[str(module)]) as run:
        run.prepare()
        for serial, name in enumerate(("edit", "build"), 1):
            run.scenario(name)
            run.execute(name, "before", serial)
        edited = Path(run.edits["build", "before"][0])
        assert run.edits["edit", "before"] == run.edits["build", "before"]
        assert edited.read_text().count("wsltuneBenchmarkEdit") == 1


def test_a_workspace_is_measured_by_its_modules(home, session, module):
    (module.parent / "go.work").write_text(f"{module}\n")
    with session(VARIANTS, modules=[str(module.parent)]) as run:
        run.prepare()
        assert run.modules == [str(module)]
    (module.parent / "go.work").write_text("/elsewhere\n")
    with session(VARIANTS, modules=[str(module.parent)]) as run:  # noqa: SIM117
        with pytest.raises(bench.BenchmarkError, match=r"the go\.work that counts in .* uses no module there"):
            run.prepare()


def test_progress_is_replaced_in_one_step_and_readable(tmp_path):
    path = tmp_path / "progress.json"
    old_mask = os.umask(0o077)
    try:
        bench.write_progress(str(path), {"round": 1})
        bench.write_progress(str(path), {"round": 2})
    finally:
        os.umask(old_mask)
    assert json.loads(path.read_text()) == {"round": 2}
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["progress.json"]


def test_progress_never_writes_through_a_link(tmp_path):
    (tmp_path / "victim").write_text("mine")
    os.symlink("victim", tmp_path / "progress.json")
    bench.write_progress(str(tmp_path / "progress.json"), {})
    assert (tmp_path / "victim").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as someone else")
def test_root_writes_progress_with_the_rights_of_the_folders_owner(tmp_path, eve):
    tmp_path.chmod(0o711)
    for parent in tmp_path.parents[:-1]:
        parent.chmod(parent.stat().st_mode | 0o011)
    told = tmp_path / "told"
    told.mkdir(0o700)
    os.chown(told, eve.uid, eve.gid)
    with bench.report_progress_to(f"{told}/progress.json") as write:
        write({"round": 1})
        write({"round": 2})
    written = told / "progress.json"
    assert json.loads(written.read_text()) == {"round": 2}
    assert (written.stat().st_uid, written.stat().st_mode & 0o777) == (eve.uid, 0o644)

    # Neither through a link of hers that leads to what only root may write ...
    (tmp_path / "roots").mkdir(0o700)
    os.symlink("../roots", told / "roots")
    with pytest.raises(PermissionError), bench.report_progress_to(f"{told}/roots/progress.json") as write:
        write({})
    # ... nor where everybody could replace it.
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    with (
        pytest.raises(bench.BenchmarkError, match="others can write"),
        bench.report_progress_to(f"{tmp_path}/shared/progress.json"),
    ):
        pass
    # In a folder like /tmp what eve made is hers alone.
    (tmp_path / "shared").chmod(0o1777)
    (tmp_path / "shared" / "hers").mkdir()
    os.chown(tmp_path / "shared" / "hers", eve.uid, eve.gid)
    with bench.report_progress_to(f"{tmp_path}/shared/hers/progress.json") as write:
        write({})
    assert (tmp_path / "shared" / "hers" / "progress.json").stat().st_uid == eve.uid


def test_a_copy_that_is_refused_leaves_the_home_alone(tmp_path, account, monkeypatch):
    home = tmp_path / "home"
    home.mkdir(0o755)
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "blob").write_bytes(b"x" * 100)
    monkeypatch.setattr(bench, "COPY_LIMIT", 10)
    account.home = str(home)
    before = home.stat()
    with (
        pytest.raises(bench.BenchmarkError, match="more than"),
        bench.copy_home(account, str(tmp_path / "big")),
    ):
        pass
    assert (home.stat().st_mode, home.stat().st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


def test_a_copy_is_closed_to_others_and_does_not_run_as_its_owner(tmp_path, account):
    account.home = str(tmp_path)
    source = tmp_path / "src"
    (source / "sub").mkdir(parents=True)
    (source / ".git").mkdir()
    for name in ("tool", "sub/tool"):
        (source / name).write_text("x")
        (source / name).chmod(0o6755)
    (source / "link").symlink_to("sub")
    source.chmod(0o2775)
    with bench.copy_home(account, str(source)) as copy:
        found = {path: os.lstat(f"{copy}/{path}").st_mode & 0o7777 for path in (".", "tool", "sub/tool")}
        assert sorted(os.listdir(copy)) == ["link", "sub", "tool"] and os.readlink(f"{copy}/link") == "sub"
    assert found == {".": 0o700, "tool": 0o755, "sub/tool": 0o755}


def test_a_copy_leaves_sockets_and_pipes_out(tmp_path, account):
    """Such as .overmind.sock, which a program keeps there while it runs, or left there."""
    account.home = str(tmp_path)
    source = tmp_path / "src"
    (source / "sub").mkdir(parents=True)
    for folder in (source, source / "sub"):
        (folder / "main.go").touch()
        (folder / "nowhere").symlink_to("gone")
        os.mkfifo(folder / "pipe")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "x.sock"))
    with bench.copy_home(account, str(source)) as copy:
        assert sorted(os.listdir(copy)) == ["main.go", "nowhere", "sub"]
        assert sorted(os.listdir(f"{copy}/sub")) == ["main.go", "nowhere"]


LEASE = """
import fcntl, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
held = [open(path, "r+") for path in sys.argv[1:]]
for file in held:
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print(flush=True)
signal.pause()
"""


def test_leases_of_others_on_a_shared_project_keep_no_copy_waiting(tmp_path, account, monkeypatch):
    """The kernel has each reader of a file wait 45 s for its lease (fcntl(2)), and its owner may take it again."""
    monkeypatch.setattr(bench, "PATIENCE", 0.3)
    account.home = str(tmp_path)
    (tmp_path / "src").mkdir()
    paths = [tmp_path / "src" / name for name in ("one", "two")]
    for path in paths:
        path.write_text("x")
    with subprocess.Popen([sys.executable, "-c", LEASE, *map(str, paths)], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        begin = time.monotonic()
        project = bench.copy_home(account, str(tmp_path / "src"))
        with pytest.raises(OSError, match="another process keeps it by a lease"), project:
            pass
        holder.kill()
    assert time.monotonic() - begin < 5


def test_what_became_a_pipe_or_a_link_since_it_was_listed_is_not_copied(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match=r"something else|symbolic links"):
            bench._copy_file(str(tmp_path / name), str(tmp_path / "copy"), bench._Patience())
        assert not (tmp_path / "copy").exists()


def test_a_folder_of_the_copys_name_is_left_alone(tmp_path, account):
    account.home = str(tmp_path)
    (tmp_path / "src").mkdir()
    taken = tmp_path / f".wsltune-bench-{os.getpid()}-source"
    taken.write_text("mine")
    with bench.copy_home(account, str(tmp_path / "src")) as copy:
        assert copy.startswith(f"{taken}-") and os.path.isdir(copy)
    assert taken.read_text() == "mine" and sorted(os.listdir(tmp_path)) == [taken.name, "src"]


def test_root_does_not_run_code_of_others(home, session, module):
    (home / "src").chmod(0o777)
    with session(VARIANTS, modules=[str(module)]) as run:
        if os.geteuid() != 0:
            run.prepare()
            return
        with pytest.raises(bench.BenchmarkError, match="can be changed by other accounts, whose code root would"):
            run.prepare()


def test_root_does_not_run_code_of_others_deeper_down(home, module):
    inner, shared = module / "uploads", home / "shared"
    inner.mkdir()
    shared.mkdir()
    shared.chmod(0o1777)
    (module / "link").symlink_to(shared)
    assert go_sources.find_code_of_others(str(module)) == ""
    for changed in (inner, inner / "e_test.go"):
        changed.touch()
        changed.chmod(0o777)
        assert (f"{changed} can be changed" in go_sources.find_code_of_others(str(module))) == (os.geteuid() == 0)
        inner.chmod(0o755)


@real_go.needs_go
@pytest.mark.parametrize("vet", [[], ["-vet=off"]])
def test_a_go_that_may_write_go_mod_leaves_it_as_it_is(home, account, vet):
    """With -mod=mod it adds a line that says for which Go the module is."""
    module = home / "src/plain"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("module plain\n")
    (module / "plain_test.go").write_text("package plain\n")
    environment = {
        "PATH": f"{os.path.dirname(real_go.GO)}:/usr/bin:/bin",
        "HOME": str(home),
        "GOPROXY": "off",
        "GOFLAGS": " ".join(["-mod=mod", *vet]),
    }
    variants = [bench.Variant("a", {}, []), bench.Variant("b", {}, [])]
    with bench.Bench(account, variants, environment=environment, modules=[str(module)]) as run:
        run.prepare()
        assert run.execute("test", "a", 1)["exit_code"] == 0
        assert run.environments["b"]["GOFLAGS"].split()[: 1 + len(vet)] == ["-mod=readonly", *vet]
    assert (module / "go.mod").read_text() == "module plain\n"


@real_go.needs_go
@pytest.mark.skipif(os.geteuid() != 0, reason="only root's Go may not build what others can change")
@pytest.mark.parametrize("directory", ["", "app"])
def test_root_measures_nothing_that_go_says_comes_from_others(home, account, module, directory):
    """Here an import that is not spelt as the link is, to code that others have taken away for now."""
    (home / "team").mkdir()
    os.chown(home / "team", 4711, 4711)
    (module / "lib/lib.go").write_text('package lib\n\nimport _ "x/\\x70lugin/y"\n')
    (module / "plugin").symlink_to(home / "team")
    environment = {"PATH": f"{os.path.dirname(real_go.GO)}:/usr/bin:/bin", "HOME": str(home), "GOPROXY": "off"}
    (home / "src/other").mkdir()
    (home / "src/other/go.mod").write_text("module other\n")
    modules = [str(home / "src/other" if directory else module)]
    variants = [bench.Variant("a", {}, []), bench.Variant("b", {}, [], str(module) if directory else None)]
    said = f"{module}/plugin/y can be changed by other accounts"
    with (
        bench.Bench(account, variants, environment=environment, modules=modules) as run,
        pytest.raises(bench.BenchmarkError, match=said),
    ):
        run.prepare()


@pytest.mark.parametrize("name", ["GOCACHE", "GOMODCACHE", "GOROOT", "GOENV", "GOTMPDIR"])
def test_root_runs_nothing_from_a_cache_that_a_team_shares(home, session, tmp_path, name):
    """Go links into a program what it finds in its caches, and runs some of it."""
    shared = tmp_path / "shared"
    (shared / "00").mkdir(parents=True)
    (home / "bin" / "go").write_text(f"""#!/bin/sh\necho '{{"GOROOT": "/none", "{name}": "{shared}"}}'\n""")
    with session([bench.Variant("now")]) as run:
        run.prepare()
    (shared / "00").chmod(0o777)
    if name == "GOTMPDIR":
        shared.chmod(0o777)
    with session([bench.Variant("now")]) as run:
        if os.geteuid() != 0:
            run.prepare()
            return
        with pytest.raises(bench.BenchmarkError, match=f"can be changed by other accounts.*a {name} of its own"):
            run.prepare()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")
def test_roots_compiler_makes_nothing_where_others_can_replace_it(home, session, tmp_path):
    """What a C compiler hands to its assembler lies in TMPDIR, also where Go has a GOTMPDIR of its own."""
    (tmp_path / "shared").mkdir()
    (home / "bin" / "go").write_text(f"""#!/bin/sh\necho '{{"GOROOT": "/none", "GOTMPDIR": "{tmp_path}"}}'\n""")
    variant = bench.Variant("now", {"TMPDIR": f"{tmp_path}/shared"})
    with session([variant]) as run:
        run.prepare()
    (tmp_path / "shared").chmod(0o777)
    with session([variant]) as run, pytest.raises(bench.BenchmarkError, match="give root a TMPDIR of its own"):
        run.prepare()


@pytest.mark.parametrize("setting", ["GOFLAGS=-toolexec={}", "CC=gcc -B{}", "GOCACHEPROG={} x", "CGO_LDFLAGS=-L{}"])
def test_no_settings_file_of_roots_has_it_build_by_a_program_of_others(home, session, tmp_path, setting):
    """What `go env -w` wrote is in no environment."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (tmp_path / "env").write_text(f"GOPROXY=off\n{setting.format(shared)}/x\n")
    (home / "bin" / "go").write_text(f"""#!/bin/sh\necho '{{"GOROOT": "/none", "GOENV": "{tmp_path}/env"}}'\n""")
    with session([bench.Variant("now")]) as run:
        if os.geteuid() != 0:
            run.prepare()
            return
        with pytest.raises(bench.BenchmarkError, match=f"{setting.partition('=')[0]} names what another account can"):
            run.prepare()
    # A variable counts before it.
    with session([bench.Variant("now", {setting.partition("=")[0]: "-O2"})]) as run:
        run.prepare()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")
def test_root_measures_with_no_go_of_another_account(home, session):
    os.chown(home / "bin", 4711, 4711)
    with session([bench.Variant("now")]) as run, pytest.raises(bench.BenchmarkError, match="was not asked"):
        run.prepare()
    assert not (home / "started").exists()


def test_a_workspace_above_that_others_can_write_is_not_read_by_root(session, module):
    """All of this lies below /tmp, where any account can put a go.work."""
    with session(VARIANTS, modules=[str(module)]) as run:
        run.prepare()
        chosen = {environment.get("GOWORK") for environment in run.environments.values()}
    assert chosen == ({"off"} if os.geteuid() == 0 else {None})


def test_no_repository_above_that_others_can_write_is_asked_by_root(home, session, module):
    """All of this lies below /tmp, where any account can put a .git, whose settings name what Git runs."""
    said = (home / "bin" / "go").read_text()
    (home / "bin" / "go").write_text(said.replace('"CGO_ENABLED"', '"GOFLAGS": "${GOFLAGS:--v}", "CGO_ENABLED"'))
    variants = [bench.Variant("before"), bench.Variant("after", {"GOFLAGS": "-vet=off"})]
    for modules in ([str(module)], []):
        with session(variants, modules=modules) as run:
            run.prepare()
            chosen = [run.environments[name].get("GOFLAGS") for name in ("before", "after")]
            assert all("GOFLAGS" not in values for values in run.go_env.values())
        if os.geteuid() == 0:
            assert chosen == ["-v -buildvcs=false", "-vet=off -buildvcs=false"]
        else:
            assert chosen == [None, "-vet=off"]


def test_no_workspace_above_is_read_for_a_module_of_the_benchmarks_own(home, session):
    """It lies below the home or /var/tmp, where any account can put a go.work; one of the user's does not list it."""
    with session([bench.Variant("now")]) as run:
        run.prepare()
        assert {one.get("GOWORK") for one in run.environments.values()} == {"off"}
        run.works("now")
    assert {line[4] for line in started(home)} == {"off"}


def test_a_program_of_the_benchmarks_own_is_run_without_a_workspace(home, session, module):
    with session(VARIANTS, modules=[str(module)]) as run:
        run.prepare()
        for environment in run.environments.values():
            environment["GOWORK"] = "/theirs/go.work"
        run.works("after")
    assert {line[1]: line[4] for line in started(home)}["run main.go"] == "off"


# A module with one package that always fails, one that fails each third time, and one that fails with GOTMPDIR=/broken.
FLAKY_GO = """#!/bin/sh
case "$1" in
env) echo '{"GOCACHE": "'$HOME'/.cache/go-build", "GOTMPDIR": "", "GOROOT": "/opt/go", "GOVERSION": "go1.99"}' ;;
test)
  echo "$*" >> "$HOME/started"
  count=$(($(cat "$HOME/count" 2>/dev/null || echo 0) + 1)); echo $count > "$HOME/count"
  case "$*" in *./...*) all=x ;; esac
  code=0
  verdict() {
    case "$all $*" in *x*|*"$1"*) ;; *) return ;; esac
    if [ "$2" = fail ]; then
      code=1
      if [ "$json" ]; then
        echo '{"Action":"output","Package":"'$1'","Test":"TestX","Output":"    x_test.go:5: no"}'
        echo '{"Action":"output","Package":"'$1'","Test":"TestX","Output":"--- FAIL: TestX (0.1s)"}'
        echo '{"Action":"fail","Package":"'$1'","Test":"TestX"}'; echo '{"Action":"fail","Package":"'$1'"}'
      else printf -- '--- FAIL: TestX (0.1s)\\n    x_test.go:5: no\\nFAIL\\t%s\\t0.1s\\n' "$1"
      fi
    elif [ "$json" ]; then
      echo '{"Action":"pass","Package":"'$1'","Test":"TestA"}'; echo '{"Action":"pass","Package":"'$1'"}'
    fi
  }
  case "$*" in *-json*) json=x ;; esac
  wanted=" $* "
  for package in x/steady x/failing x/flaky; do
    case "$all$wanted" in x*|*" $package "*) ;; *) continue ;; esac
    result=pass
    case $package in
    x/failing) result=fail ;;
    x/flaky) if [ -e "$HOME/flaky" ] && [ $((count % 3)) = 0 ]; then result=fail; fi ;;
    x/steady) if [ "$GOTMPDIR" = /broken ]; then result=fail; fi ;;
    esac
    verdict $package $result
  done
  exit $code
;;
esac
"""


@pytest.fixture
def measured(home, module, session):
    (home / "bin" / "go").write_text(FLAKY_GO)

    def measure(variants=VARIANTS):
        with session(variants, modules=[str(module)]) as bench_session:
            found = bench_session.experiment(["test"], 0.5, time.monotonic(), 1, max_runs=8)
        return found.scenarios[0]

    return measure


def test_a_failing_test_of_the_users_leaves_a_number(measured):
    scenario = measured()
    assert (scenario.status, scenario.reason) == ("measured", "")
    assert scenario.command == "go test -count=1 x/flaky x/steady"
    assert scenario.notes == ["measured without TestX in x/failing (x_test.go:5: no)"]


def test_a_flaky_test_of_the_users_leaves_a_number(home, measured):
    (home / "flaky").touch()
    scenario = measured()
    assert (scenario.status, scenario.reason) == ("measured", "")
    assert scenario.command == "go test -count=1 x/steady"
    assert scenario.notes[-1] == "TestX in x/flaky does not pass every time (TestX: x_test.go:5: no): left out"
    assert all(run.exit_code == 0 for run in scenario.runs)


def test_what_a_variant_breaks_is_never_left_out(measured):
    scenario = measured([VARIANTS[0], bench.Variant("after", {"GOTMPDIR": "/broken"}, [])])
    assert scenario.status == "failed"
    assert "go test of variant after exited with 1" in scenario.reason
    assert scenario.reason.endswith("TestX: x_test.go:5: no")


def commands(*given):
    return [bench.Command(name, run, setup) for name, run, setup in given]


def test_a_build_changes_copies_and_never_the_source(home, session, module):
    before = tree(home)
    with session(VARIANTS, modules=[str(module)]) as run:
        run.prepare()
        ready = run.scenario("build")
        assert (ready.reason, ready.command) == ("", "go build x/cmd")
        # The program itself and the library that it is built from; the library is what others use.
        assert run.edits["build", "before"][0].endswith("/lib/lib.go")
        for serial, name in enumerate(("before", "after", "control"), 1):
            assert run.execute("build", name, serial)["exit_code"] == 0
    lines = started(home)
    assert [line[1] for line in lines] == ["build -o .wsltune-build/ x/cmd"] * 3
    assert all(line[0] != str(module) for line in lines)
    assert [line[6] for line in lines] == [f"var wsltuneBenchmarkEdit = {serial}" for serial in (1, 2, 3)]
    assert tree(home) == before


def test_a_command_runs_in_a_copy_after_its_set_up_step(home, session, module):
    wanted = commands(("make", "cat set-up >> lib/lib.go; rm go.mod", "echo ready > set-up; git init -q ."))
    original = (module / "lib" / "lib.go").read_text()
    with session(VARIANTS, modules=[str(module)], commands=wanted) as run:
        run.prepare()
        assert run.scenario("make").reason == ""
        done = run.execute("make", "after", 1)
        assert done["exit_code"] == 0, done
        # The time of the set-up step is not the benchmark's own between two runs either.
        assert "gap" not in done
        copy = Path(run.copies["after"])
        assert (copy / "lib" / "lib.go").read_text() == f"{original}ready\n"
        assert not (copy / "go.mod").exists()
    assert (module / "lib" / "lib.go").read_text() == original
    assert (module / "go.mod").exists()
    assert not (module / "set-up").exists()


@pytest.mark.parametrize(
    ("command", "setup", "said"),
    [
        ("echo wrong >&2; exit 3", "", "of variant before exited with 3 while warming up: wrong"),
        ("sleep 60", "", "sleep 60 of variant before was stopped after"),
        ("true", "echo no room; exit 1", "exited with 1 while warming up: set-up step: no room"),
        ("read word < /dev/tty", "", "it wants a terminal, which a measurement has not"),
        ("/no/such/program", "", "exited with 127"),
    ],
)
def test_a_command_that_does_not_end_well_is_named(session, module, command, setup, said):
    began = time.monotonic()
    with session(
        [bench.Variant("before")], modules=[str(module)], commands=commands(("mine", command, setup)), limit=2.0
    ) as run:
        found = run.experiment([], 0.2, began, 1)
    assert [(one.name, one.status) for one in found.scenarios] == [("mine", "failed")]
    assert said in found.scenarios[0].reason
    assert time.monotonic() - began < 30


def repository(module):
    """Make a repository of a module whose library is another now; return how git sees it."""

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=module, check=True, capture_output=True, text=True
        ).stdout

    (module / ".git").rmdir()
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    (module / "lib" / "lib.go").write_text("package lib // changed")
    return git


def test_a_revision_is_measured_beside_what_lies_there(home, session, module):
    git = repository(module)
    before = tree(home), (module / ".git" / "index").read_bytes()
    with session([bench.Variant("before", revision="main"), bench.Variant("now")], modules=[str(module)]) as run:
        run.prepare()
        was = Path(run.source("before"))
        assert (was / "lib" / "lib.go").read_text() == "package lib"
        assert run.source("now") == str(module)
        assert not (was / ".wsltune-index").exists()
        for name in ("before", "now"):
            assert run.execute("test", name, 1)["exit_code"] == 0
        assert [line[0] for line in started(home)] == [str(was), str(module)]
        # A command that asks Git sees each state as it is.
        run.commands = {"dirty": bench.Command("dirty", "git status --porcelain > told")}
        assert run.scenario("dirty").reason == ""
        for name, told in (("before", "?? told\n"), ("now", " M lib/lib.go\n?? told\n")):
            run.execute("dirty", name, 1)
            assert Path(run.copies[name], "told").read_text() == told
    assert (tree(home), (module / ".git" / "index").read_bytes()) == before
    assert git("status", "--porcelain") == " M lib/lib.go\n"


@pytest.mark.parametrize("revision", ["no-such", "--output=/tmp/x"])
def test_a_revision_that_is_none_is_one_sentence(session, module, revision):
    repository(module)
    with (
        session([bench.Variant("before", revision=revision), bench.Variant("now")], modules=[str(module)]) as run,
        pytest.raises(bench.BenchmarkError, match="git rev-parse fails"),
    ):
        run.prepare()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")
def test_root_runs_no_filter_of_a_repository_that_a_team_shares(home, session, module, tmp_path):
    """The working tree is root's alone, and the settings that name the filter lie in the repository it is linked to."""
    git = repository(module)
    shared, ran = home / "shared", tmp_path / "ran"
    git("worktree", "add", "-q", str(shared), "-b", "other")
    (module / ".git" / "info" / "attributes").write_text("* filter=theirs\n")
    git("config", "filter.theirs.smudge", f"touch {ran}; cat")
    (module / ".git" / "config").chmod(0o666)
    with (
        session([bench.Variant("before", revision="main"), bench.Variant("now")], modules=[str(shared)]) as run,
        pytest.raises(bench.BenchmarkError, match="config can be changed by other accounts"),
    ):
        run.prepare()
    assert not ran.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")
@pytest.mark.parametrize("where", ["alternates", "objects", "their own", "go.mod", "link"])
def test_root_runs_nothing_of_others_that_a_revision_leads_to(home, session, module, tmp_path, where):
    """Git does not look whether an object is what its name says, and an older commit names other folders."""
    git = repository(module)
    team = tmp_path / "team"
    objects = module / ".git" / "objects"
    if where == "go.mod":
        (module / "go.mod").write_text(f"module m\nreplace lib => {team}\n")
    elif where == "link":
        (module / "plugin").symlink_to(team)
    git("add", ".")
    git("commit", "-q", "--allow-empty", "-m", "two")
    (module / "plugin").unlink(missing_ok=True)
    (module / "go.mod").write_text("module m\n")
    (team if where in ("go.mod", "link") else team / "info").mkdir(parents=True)
    (team / "lib.go").touch()
    if where == "objects":
        objects.rename(team / "objects")
        objects.symlink_to(team / "objects")
    elif where == "their own":
        # Of root's repository, which borrows from another one.
        (tmp_path / "lent" / "info").mkdir(parents=True)
        (tmp_path / "lent" / "info" / "alternates").write_text(f"# of a team\n{team}\n")
        (objects / "info" / "alternates").write_text(os.path.relpath(tmp_path / "lent", objects))
    elif where == "alternates":
        (objects / "info" / "alternates").write_text(f"{team}\n")
    with session([bench.Variant("before", revision="main"), bench.Variant("now")], modules=[str(module)]) as run:
        run.prepare()
    os.chown(team, 4711, 4711)
    with (
        session([bench.Variant("before", revision="main"), bench.Variant("now")], modules=[str(module)]) as run,
        pytest.raises(bench.BenchmarkError, match="can be changed by other accounts, whose code root would run"),
    ):
        run.prepare()


def test_benchmarks_of_go_count_by_their_own_times(home, session, module):
    (home / "bin" / "go").write_text(
        GO.replace(
            'if [ -n "$SLOW" ]', 'printf \'pkg: x\\nBenchmarkA-2 10 100 ns/op\\n%s\\n\' "$MORE"; if [ -n "$SLOW" ]'
        )
    )
    more = {"MORE": "BenchmarkB-2 10 400 ns/op"}
    with session([bench.Variant("before", more), bench.Variant("now", {})], modules=[str(module)]) as run:
        found = run.experiment(["bench"], 0.2, time.monotonic(), 1, min_runs=2, max_runs=2)
    scenario = found.scenarios[0]
    assert scenario.status == "measured", scenario.reason
    # Only what all variants have is compared.
    assert scenario.times()["before"] == pytest.approx([1e-7, 1e-7])
    assert Scenario.from_json(scenario.to_json()).times() == scenario.times()
    assert " -run=^$ -bench=. -benchtime=100ms ./..." in started(home)[-1][1]


def test_no_benchmark_of_go_is_no_measurement(session, module):
    with session([bench.Variant("now")], modules=[str(module)], benchmarks="Nothing") as run:
        found = run.experiment(["bench"], 0.2, time.monotonic(), 1)
    assert (found.scenarios[0].status, "no benchmark matches Nothing" in found.scenarios[0].reason) == ("failed", True)


def entry(name, **values):
    """A variant as Ansible hands it to a module."""
    return {"name": name, "environment": {}, "unset": [], "directory": None, "revision": None, **values}


def test_variants_are_texts_whatever_yaml_made_of_them():
    variants = bench.read_variants([entry("a", environment={"CGO_ENABLED": 0}, unset=[1]), entry("b", revision="")])
    assert variants == [bench.Variant("a", {"CGO_ENABLED": "0"}, ["1"]), bench.Variant("b")]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a b"], "variants: 'a b' is no name for a variant"),
        (["control"], "variants: 'control' is no name for a variant"),
        (["a" * 41], "is no name for a variant"),
        ([], "variants: give at least one, and each its own name."),
        (["a", "a"], "variants: give at least one, and each its own name."),
    ],
)
def test_a_variant_that_cannot_be_measured_is_one_sentence(names, says):
    with pytest.raises(bench.BenchmarkError) as error:
        bench.read_variants([entry(name) for name in names])
    assert says in str(error.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")
def test_no_other_go_takes_over_before_roots_places_were_looked_at(home, session, module, tmp_path):
    """A go.mod may name a toolchain, which Go starts out of the module cache before it does anything."""
    shared, ran = tmp_path / "shared", tmp_path / "ran"
    shared.mkdir()
    shared.chmod(0o777)
    (home / "bin" / "go").write_text(
        f'#!/bin/sh\n[ "$GOTOOLCHAIN" = local ] || touch {ran}\n'
        f"""echo '{{"GOROOT": "/none", "GOMODCACHE": "{shared}"}}'\n"""
    )
    with session([bench.Variant("now")], modules=[str(module)]) as run, pytest.raises(bench.BenchmarkError):
        run.prepare()
    assert not ran.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")
def test_root_builds_from_no_gopath_that_a_team_shares(home, session, tmp_path):
    """With GO111MODULE=off, imports come from there; otherwise only the module cache in it counts."""
    (tmp_path / "shared" / "src" / "dep").mkdir(parents=True)
    said = {"GOROOT": "/none", "GOPATH": f"{tmp_path}:{tmp_path}/shared", "GO111MODULE": "off"}
    (tmp_path / "shared").chmod(0o777)
    for mode, refused in (("off", True), ("on", False)):
        (home / "bin" / "go").write_text(f"#!/bin/sh\necho '{json.dumps({**said, 'GO111MODULE': mode})}'\n")
        with session([bench.Variant("now")]) as run:
            if not refused:
                run.prepare()
                continue
            with pytest.raises(bench.BenchmarkError, match=r"shared/src can be changed .* a GOPATH of its own"):
                run.prepare()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")
@pytest.mark.parametrize(("name", "place"), [("GOPATH", "src/example.com"), ("GOMODCACHE", "")])
def test_root_builds_nothing_that_a_link_there_leads_to(home, session, tmp_path, name, place):
    folder, team = tmp_path / "own" / place, tmp_path / "team"
    folder.mkdir(parents=True)
    (team / "x").mkdir(parents=True)
    (team / "x" / "x.go").touch()
    (folder / "x.go").write_text('package own\n\nimport _ "example.com/lib/x"\n')
    (folder / "lib").symlink_to(team)
    said = {"GOROOT": "/none", name: f"{tmp_path}/own", "GO111MODULE": "off"}
    (home / "bin" / "go").write_text(f"#!/bin/sh\necho '{json.dumps(said)}'\n")
    with session([bench.Variant("now")]) as run:
        run.prepare()
    os.chown(team, 4711, 4711)
    with (
        session([bench.Variant("now")]) as run,
        pytest.raises(bench.BenchmarkError, match=rf"lib can be .* a {name} of"),
    ):
        run.prepare()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")
def test_no_variant_of_roots_builds_by_a_program_of_others(home, session, module, tmp_path):
    """Such as the one from before the first run, where /etc/profile named a compiler of a team's then."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    variant = bench.Variant("before", {"CC": f"{shared}/cc -O2"})
    with session([variant], modules=[str(module)]) as run, pytest.raises(bench.BenchmarkError) as error:
        run.prepare()
    assert "CC names what another account can replace" in str(error.value)
