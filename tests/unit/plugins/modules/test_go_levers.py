# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import contextlib
import glob
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.modules import go_levers
from tests.unit.plugins.modules import pretended

ROOT = Path(__file__).parents[4]
# Stands in for go: temporary files on the trial's tmpfs make it fast. A build cache there makes it slow, and so does a
# source in /dev/shm, which is another disk than the home's. Without cgo its programs do not run. What it takes is said
# and not slept, because what the machine does beside it would decide otherwise.
GO = """#!/bin/sh
case "$1" in
env) echo '{"GOCACHE": "'$HOME'/.cache/go-build", "GOTMPDIR": "", "GOROOT": "/opt/go", "GOVERSION": "go1.99",'
  echo '"GOFLAGS": "'$GOFLAGS'"}' ;;
run) if [ "$CGO_ENABLED" = 0 ]; then echo "no resolver"; exit 1; fi ;;
test)
  echo "took 0 ms" >&2
  if [ -e needs-cgo ] && [ "$CGO_ENABLED" = 0 ]; then echo "undefined: C"; exit 1; fi
  case "$PWD" in /dev/shm/*) echo "took 250 ms" >&2 ;; esac
  case "$GOCACHE" in /run/wt-*) echo "took 200 ms" >&2 ;; esac
  case "$GOTMPDIR" in /run/wt-*) touch "$GOTMPDIR/x" && findmnt -no FSTYPE -T "$GOTMPDIR" > "$HOME/fstype" ;;
  *) if [ "$CGO_ENABLED" != 0 ]; then echo "took 150 ms" >&2; fi ;;
  esac
;;
esac
"""
START = """
import json, sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.modules import go_levers
from tests.unit.plugins.modules import pretended
go_levers.bench.process.run = pretended.run_and_pretend
journal.ROOT = sys.argv[1]
for function in (journal.read_record, journal.write_record):
    function.__defaults__ = (sys.argv[1],)
with patch_module_args(json.load(sys.stdin)):
    go_levers.main()
"""
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a tmpfs in a mount namespace of its own: needs root")


@pytest.fixture
def home(tmp_path):
    (tmp_path / "bin").mkdir()
    go = tmp_path / "bin" / "go"
    go.write_text(GO)
    go.chmod(0o755)
    return tmp_path


@pytest.fixture
def elsewhere(monkeypatch):
    """Has root's Go ask Git as in a home: below /tmp, where all of this lies, any account can put a repository."""
    monkeypatch.setattr(go_sources, "leave_out_repository", lambda *_asked: {})


def given(home, levers, **options):
    """With /var/tmp for temporary files, for /tmp is in memory on some machines."""
    own = {"HOME": str(home), "PATH": f"{home}/bin:/usr/bin:/bin", "CC": "true", "GOTMPDIR": "/var/tmp"}
    return {
        "levers": levers,
        "user": pwd.getpwuid(os.geteuid()).pw_name,
        "before": {"environment": own},
        "scenarios": ["test"],
        # More than they need: what else runs on the machine is not to decide.
        "budget_minutes": 5,
        "tmpfs_size": "256m",
        "seed": 3,
        **options,
    }


def decide(home, levers, **options):
    """In a process of its own, whose mounts nobody else sees."""
    done = subprocess.run(
        [sys.executable, "-c", START, str(home / "state")],
        input=json.dumps(given(home, levers, **options)),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'collections'}"},
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_what_helps_is_kept_and_what_harms_or_breaks_is_dropped_and_remembered(home):
    levers = ["gotmpdir_tmpfs", "gocache_tmpfs", "cgo_disabled", "caches_local"]
    first = decide(home, levers)
    found = {one["lever"]: one for one in first["decisions"]}
    assert first["kept"] == ["gotmpdir_tmpfs"]
    assert (home / "fstype").read_text() == "tmpfs\n"
    assert found["gocache_tmpfs"]["reason"].startswith("it makes test slower; a guess would have cost +")
    assert found["cgo_disabled"]["reason"] == "Go does not work with it: go run: no resolver"
    assert not found["caches_local"]["tried"]
    # Those of other processes are there at the same time.
    assert all(os.path.exists(f"/proc/{path.rpartition('-')[2]}") for path in glob.glob("/run/wt-*"))

    again = decide(home, levers)
    assert again["kept"] == ["gotmpdir_tmpfs"] and again["remembered"] and not again["experiments"]
    assert decide(home, ["gotmpdir_tmpfs"], scenarios=["test", "edit"])["remembered"] is None


def test_another_choice_for_a_lever_is_another_trial(home):
    """Nobody measured the second command."""
    assert decide(home, ["gocacheprog"], gocacheprog="/bin/true a", budget_minutes=0.3)["experiments"]
    assert decide(home, ["gocacheprog"], gocacheprog="/bin/true a", budget_minutes=0.3)["remembered"]
    assert decide(home, ["gocacheprog"], gocacheprog="/bin/true b", budget_minutes=0.3)["remembered"] is None


def test_what_is_in_memory_already_is_not_tried(home):
    environment = {"HOME": str(home), "PATH": f"{home}/bin:/usr/bin:/bin", "GOTMPDIR": "/dev/shm"}
    result = decide(home, ["gotmpdir_tmpfs"], before={"environment": environment})
    assert [one["reason"] for one in result["decisions"]] == ["not tried: GOTMPDIR is in memory already"]
    assert not result["experiments"] and not result["kept"]


def test_flags_are_tried_beside_a_users_own_and_what_is_missing_is_one_sentence(home):
    own = {**given(home, [])["before"]["environment"], "GOFLAGS": "-mod=mod"}
    levers = ["vet_off", "tool_gc", "gocacheprog", "buildvcs_off", "go_version"]
    result = decide(home, levers, before={"environment": own}, budget_minutes=0.3)
    found = {one["lever"]: one["reason"] for one in result["decisions"]}
    flags = {one["name"]: one["environment"].get("GOFLAGS") for one in result["experiments"][0]["variants"]}
    assert flags["baseline"] == "-mod=mod" and flags["vet_off"] == "-mod=mod -vet=off"
    assert flags["tool_gc"].startswith("-mod=mod -toolexec=/run/wt-") and flags["tool_gc"].endswith("/tool-gc")
    assert found["gocacheprog"] == "not tried: go_env_gocacheprog names no command"
    assert found["buildvcs_off"].startswith("not tried: go test asks Git nothing")
    assert found["go_version"].startswith("not tried: no Go newer than go1.99 lies in")


def test_what_wsltune_keeps_is_tried_again_and_not_missing(home):
    """The Go of go_version stands in the settings file, and so does the linker; the baseline has neither."""
    env = home / ".config/go/env"
    env.parent.mkdir(parents=True)
    env.write_text("GOTOOLCHAIN=go1.100.1+auto\nCGO_LDFLAGS=-O2 -g -fuse-ld=lld\n")
    cached = home / f"mod/golang.org/toolchain@v0.0.1-go1.100.1.linux-{arch()}/bin/go"
    cached.parent.mkdir(parents=True)
    for path in (cached, home / "bin/ld.lld"):
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    (home / "bin/go").write_text(GO_OF_SETTINGS + GO)
    own = given(home, [])["before"]["environment"]
    for unset, missing in (([], True), (["GOTOOLCHAIN", "CGO_LDFLAGS"], False)):
        before = {"environment": own, "unset": unset}
        result = decide(home, ["go_version", "cgo_linker"], before=before, budget_minutes=0.05)
        reasons = {one["lever"]: one["reason"] for one in result["decisions"]}
        assert reasons["go_version"].startswith("not tried: no Go newer than go1.100.1") is missing, reasons
        assert (reasons["cgo_linker"] == "not tried: CGO_LDFLAGS names a linker already") is missing, reasons
        assert not list((home / ".cache").glob(".wsltune-*"))
    variants = {one["name"]: one for one in result["experiments"][0]["variants"]}
    assert variants["baseline"]["unset"] == unset and variants["go_version"]["unset"] == ["CGO_LDFLAGS"]
    assert variants["go_version"]["environment"]["GOTOOLCHAIN"] == "go1.100.1+auto"
    assert variants["cgo_linker"]["environment"]["CGO_LDFLAGS"] == "-O2 -g -fuse-ld=lld"


def arch():
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


# Answers by the settings file, as Go does.
GO_OF_SETTINGS = """#!/bin/sh
file=${GOENV:-$HOME/.config/go/env}
: "${GOTOOLCHAIN:=$(sed -n s/^GOTOOLCHAIN=//p "$file")}" "${CGO_LDFLAGS:=$(sed -n s/^CGO_LDFLAGS=//p "$file")}"
version=${GOTOOLCHAIN%%+*}
case "$1 $*" in
"env "*CGO_LDFLAGS*) echo "{\\"CGO_LDFLAGS\\": \\"${CGO_LDFLAGS:--O2 -g}\\"}"; exit ;;
"env "*) cat <<END
{"GOCACHE": "$HOME/.cache/go-build", "GOTMPDIR": "", "GOROOT": "/opt/go", "GOMODCACHE": "$HOME/mod",
"GOVERSION": "${version:-go1.99}", "CGO_ENABLED": "1"}
END
exit ;;
esac
"""


@pytest.fixture
def drive():
    """A folder on another disk than the home's."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def project(drive):
    module = drive / "shop" / "api"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("module shop\n")
    return module


def test_a_project_elsewhere_is_tried_as_a_copy_in_the_home(home, drive):
    module = project(drive)
    places = {"projects": [str(drive / "shop")], "modules": [str(module)]}
    result = decide(home, ["source_on_ext4", "gotmpdir_tmpfs"], **places)
    assert sorted(result["kept"]) == ["gotmpdir_tmpfs", "source_on_ext4"], result["decisions"]
    found = {one["lever"]: one for one in result["decisions"]}
    assert found["source_on_ext4"]["ratio"] < found["gotmpdir_tmpfs"]["ratio"] < 1
    own = pwd.getpwuid(os.geteuid()).pw_dir
    together = result["experiments"][1]["variants"][1]
    assert together["directory"].startswith(f"{own}/.wsltune-bench-") and together["directory"].endswith("/api")
    assert together["environment"]["GOTMPDIR"].startswith("/run/wt-")
    assert not list(Path(own).glob(".wsltune-bench-*")) and sorted(os.listdir(drive)) == ["shop"]
    assert decide(home, ["source_on_ext4", "gotmpdir_tmpfs"], **places)["remembered"]


@pytest.mark.parametrize("place", ["home", "no module"])
def test_a_project_that_needs_no_move_is_not_tried(home, drive, place):
    folder = home if place == "home" else drive
    (folder / "go.mod").write_text("module x\n") if place == "home" else None
    result = decide(home, ["source_on_ext4"], projects=[str(folder)])
    assert [one["reason"] for one in result["decisions"]] == [
        "not tried: no project with a go.mod lies on another disk than the home"
    ]


@pytest.fixture
def here(home, state, monkeypatch):
    """The module in this process: the trial's tmpfs is a folder, and so are temporary files elsewhere."""
    trial = Path(f"/run/wt-{os.getpid()}")

    @contextlib.contextmanager
    def mounted(size, uid, gid, folders):
        for name in folders:
            (trial / name).mkdir(parents=True)
        try:
            yield str(trial)
        finally:
            shutil.rmtree(trial)

    monkeypatch.setattr(go_levers.trial_tmpfs, "mounted", mounted)
    monkeypatch.setattr(go_levers.bench.process, "run", pretended.run_and_pretend)
    # Copies go to the account's home, which others look into at the same time.
    own = go_levers.accounts.Account(pwd.getpwuid(0).pw_name, 0, 0, str(home), "/bin/sh")
    monkeypatch.setattr(go_levers.accounts, "find", lambda names: [own])
    return home


def test_a_budget_of_nothing_is_one_sentence(here, call):
    result = call(go_levers, **given(here, ["gotmpdir_tmpfs"], budget_minutes=0))
    assert result["msg"] == "budget_minutes is 0.0: give more than 0."


def test_no_go_is_one_sentence(here, call):
    (here / "bin/go").unlink()
    environment = {"HOME": str(here), "PATH": "/nowhere"}
    result = call(go_levers, **given(here, ["gotmpdir_tmpfs"], before={"environment": environment}))
    assert "finds no go in its PATH (/nowhere)" in result["msg"]


def test_check_mode_runs_nothing(here, call):
    assert call(go_levers, True, **given(here, ["gotmpdir_tmpfs"]))["skipped"] is True


def test_winners_are_measured_together_and_a_lever_that_breaks_go_is_not(here, call, drive):
    module = project(drive)
    places = {"projects": [str(drive / "shop")], "modules": [str(module)]}
    levers = ["source_on_ext4", "gotmpdir_tmpfs", "cgo_disabled", "gocache_tmpfs"]
    result = call(go_levers, **given(here, levers, **places))
    assert sorted(result["kept"]) == ["gotmpdir_tmpfs", "source_on_ext4"]
    reasons = {decision["lever"]: decision["reason"] for decision in result["decisions"]}
    assert reasons["cgo_disabled"] == "Go does not work with it: go run: no resolver"
    assert [len(experiment["variants"]) for experiment in result["experiments"]] == [5, 2]
    again = call(go_levers, **given(here, levers, **places))
    assert again["remembered"] and sorted(again["kept"]) == sorted(result["kept"]) and not again["experiments"]


def test_tests_that_fail_with_one_lever_are_its_fault_alone(here, call):
    (here / "go.mod").write_text("module x\n")
    (here / "needs-cgo").touch()
    result = call(go_levers, **given(here, ["cgo_disabled", "gotmpdir_tmpfs"], modules=[str(here)]))
    assert result["kept"] == ["gotmpdir_tmpfs"]
    # What gains most comes first.
    assert [one["lever"] for one in result["decisions"]] == ["gotmpdir_tmpfs", "cgo_disabled"]
    assert "undefined: C" in result["decisions"][1]["reason"]


def test_tests_that_fail_without_a_lever_are_not_its_fault(here, call):
    (here / "go.mod").write_text("module x\n")
    (here / "needs-cgo").touch()
    own = {"HOME": str(here), "PATH": f"{here}/bin:/usr/bin:/bin", "CGO_ENABLED": "0"}
    result = call(go_levers, **given(here, ["gotmpdir_tmpfs"], modules=[str(here)], before={"environment": own}))
    assert result["decisions"][0]["reason"].startswith("not measured: go test of variant baseline exited with 1")


def test_a_module_that_does_not_compile_takes_nothing_away_that_helped(here, call):
    assert call(go_levers, **given(here, ["gotmpdir_tmpfs"]))["kept"] == ["gotmpdir_tmpfs"]
    (here / "go.mod").write_text("module x\n")
    (here / "needs-cgo").touch()
    own = {"HOME": str(here), "PATH": f"{here}/bin:/usr/bin:/bin", "CGO_ENABLED": "0"}
    broken = {"modules": [str(here)], "before": {"environment": own}}
    for _time in range(2):
        result = call(go_levers, **given(here, ["gotmpdir_tmpfs"], **broken))
        assert result["kept"] == ["gotmpdir_tmpfs"] and result["remembered"] is None
        assert "gotmpdir_tmpfs kept, -" in result["sentences"][0]
        assert ": as decided before; not measured: go test of variant baseline exited" in result["sentences"][0]


def test_without_effect_nothing_is_measured(here, call, monkeypatch):
    mounts = [go_levers.wsl_judge.mountinfo.Mount("/", "/", "ext4", "/dev/sdc")]
    monkeypatch.setattr(go_levers.wsl_judge, "mounts_of", lambda machine: mounts)
    result = call(go_levers, **given(here, ["append_windows_path", "caches_local"]))
    assert [decision["tried"] for decision in result["decisions"]] == [False, False] and not result["experiments"]


def test_an_error_of_the_system_is_one_sentence(here, call, monkeypatch):
    def full(*_words):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(go_levers.bench, "run_as_user", full)
    result = call(go_levers, **given(here, ["gotmpdir_tmpfs"]))
    assert result["msg"] == "The levers cannot be tried: [Errno 28] No space left on device."


def test_it_needs_root(call, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "run it as root" in call(go_levers, levers=["gotmpdir_tmpfs"], user="x")["msg"]


def test_levers_that_there_was_no_time_for_are_tried_when_there_is(here, call, monkeypatch):
    levers = ["gotmpdir_tmpfs", "gocache_tmpfs", "cgo_disabled"]
    experiments = []
    original = go_levers.summaries.summarise_runs

    def short_of_time(experiment):
        summary = original(experiment)
        experiments.append(experiment)
        for scenario in summary["scenarios"]:
            scenario["comparisons"].pop("gocache_tmpfs", None)
            scenario.update(dropped={"gocache_tmpfs": 0}, enough=2)
        return summary

    monkeypatch.setattr(go_levers.summaries, "summarise_runs", short_of_time)
    first = call(go_levers, **given(here, levers))
    assert first["kept"] == ["gotmpdir_tmpfs"]
    sentence = "gocache_tmpfs not tried: the budget has no time for them; -e verify_budget_minutes=2 is enough for all"
    assert sentence in first["sentences"]
    assert call(go_levers, **given(here, levers))["remembered"]
    assert len(experiments) == 1
    assert call(go_levers, **given(here, levers, budget_minutes=6))["remembered"] is None
    assert len(experiments) == 2


def test_a_lever_that_takes_the_memory_of_others_is_dropped_and_nothing_else_ends(here, call, monkeypatch):
    """Memory is short as long as the run with the build cache in memory lives."""
    go = here / "bin" / "go"
    go.write_text(GO.replace('echo "took 200 ms" >&2', 'echo $$ > "$HOME/hog"; sleep 5'))

    def source(path):
        if path != "/proc/meminfo":
            return None
        hog = here / "hog"
        alive = hog.exists() and os.path.exists(f"/proc/{hog.read_text().strip() or 0}")
        return f"MemTotal: 8388608 kB\nMemAvailable: {1024 if alive else 4194304} kB\n"

    monkeypatch.setattr(go_levers.bench, "make_memory_guard", lambda: go_levers.guard.Guard([], source))
    other = subprocess.Popen(["/bin/sleep", "60"])
    try:
        result = call(go_levers, **given(here, ["gocache_tmpfs", "gotmpdir_tmpfs"]))
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    assert result["kept"] == ["gotmpdir_tmpfs"]
    reasons = {one["lever"]: one["reason"] for one in result["decisions"]}
    assert "was stopped while warming up, because only 1 MiB of memory were left" in reasons["gocache_tmpfs"]


# As Go does: a build asks the Git of the folder that it is in, which takes time, but not with -buildvcs=false.
BUILDS = GO.replace(
    'case "$1" in',
    """case "$1" in
list) printf 'shop\\t%s\\tmain.go\\t\\t\\tmain\\n' "$PWD" ;;
build)
  echo "took 0 ms" >&2
  case " $GOFLAGS " in *" -buildvcs=false "*) ;; *)
    echo "$PWD $(git rev-parse --absolute-git-dir)" >> "$HOME/asked"
    if [ -e .git ]; then echo "took 150 ms" >&2; fi ;;
  esac
;;""",
    1,
)


def repository(folder):
    """A repository of one module with a program."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "go.mod").write_text("module shop\n")
    (folder / "main.go").write_text("package main\n\nfunc main() {}\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    return folder


@pytest.mark.usefixtures("elsewhere")
def test_buildvcs_is_tried_where_a_build_asks_git(here, call):
    (here / "bin/go").write_text(BUILDS)
    module = repository(here / "src" / "shop")
    result = call(go_levers, **given(here, ["buildvcs_off"], modules=[str(module)], scenarios=["build"]))
    assert result["kept"] == ["buildvcs_off"], str(result)
    assert result["decisions"][0]["scenario"] == "build" and result["decisions"][0]["ratio"] < 0.8
    asked = [line.split() for line in (here / "asked").read_text().splitlines()]
    # Each copy has a history of its own, which is not that of the module.
    copies = [line for line in asked if line[0] != str(module)]
    assert copies and all(git == f"{folder}/.git" for folder, git in copies)


@pytest.mark.usefixtures("elsewhere")
def test_a_source_that_moves_takes_its_history_along(here, call, drive):
    (here / "bin/go").write_text(BUILDS)
    module = repository(drive / "shop")
    places = {"projects": [str(module)], "modules": [str(module)], "scenarios": ["build"]}
    call(go_levers, **given(here, ["source_on_ext4", "buildvcs_off"], **places))
    asked = [line.split() for line in (here / "asked").read_text().splitlines()]
    moved = [line for line in asked if not line[0].startswith(str(drive))]
    assert moved and all(git == f"{folder}/.git" for folder, git in moved)


# What a lever does for a command of the user's own.
FAST = 'echo "took 0 ms" >&2; case "$GOTMPDIR" in /run/wt-*) ;; *) echo "took 150 ms" >&2 ;; esac'


def test_the_users_own_command_decides(here, call):
    repository(here / "shop")
    own = {"modules": [str(here / "shop")], "scenarios": [], "commands": [{"name": "lint", "run": FAST}]}
    result = call(go_levers, **given(here, ["gotmpdir_tmpfs", "gocache_tmpfs"], **own))
    assert result["kept"] == ["gotmpdir_tmpfs"] and result["decisions"][0]["scenario"] == "lint"
    assert call(go_levers, **given(here, ["gotmpdir_tmpfs", "gocache_tmpfs"], **own))["remembered"]
    # Another command is another question.
    own["commands"][0]["run"] = FAST.replace("/run/wt-*) ;;", "/run/wt-*) exit 3 ;;")
    result = call(go_levers, **given(here, ["gotmpdir_tmpfs"], **own))
    assert result["remembered"] is None and result["kept"] == []
    assert result["decisions"][0]["reason"].startswith("Go does not work with it: ")


@pytest.mark.usefixtures("elsewhere")
def test_a_command_may_build_so_that_buildvcs_is_tried(here, call):
    (here / "bin/go").write_text(BUILDS)
    module = repository(here / "shop")
    own = {"modules": [str(module)], "scenarios": [], "commands": [{"name": "make", "run": "go build ./..."}]}
    assert call(go_levers, **given(here, ["buildvcs_off"], **own))["kept"] == ["buildvcs_off"]


def test_nothing_to_measure_and_a_command_without_a_module_are_one_sentence(here, call):
    assert "name at least one of test" in call(go_levers, **given(here, ["vet_off"], scenarios=[]))["msg"]
    own = {"commands": [{"name": "make", "run": "make"}]}
    assert "modules is empty" in call(go_levers, **given(here, ["vet_off"], **own))["msg"]
