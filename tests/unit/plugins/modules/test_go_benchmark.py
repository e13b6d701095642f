# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import getpass
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo
from ansible_collections.wsltune.go.plugins.modules import go_benchmark

ROOT = Path(__file__).parents[4]
GO = """#!/bin/sh
case "$1" in
env) echo '{"GOCACHE": "'$HOME'/.cache/go-build", "GOTMPDIR": "", "GOROOT": "/opt/go", "GOVERSION": "go1.99"}' ;;
test)
  case "$*" in *-json*) exit ;; esac
  if [ -n "$COST" ]; then touch "$HOME/.cache/started"; fi; sleep "${COST:-0.02}" ;;
esac
"""


def with_go(folder):
    (folder / "bin").mkdir()
    go = folder / "bin" / "go"
    go.write_text(GO)
    go.chmod(0o755)
    return folder


@pytest.fixture
def own(tmp_path):
    """A home of the one that runs the tests."""
    return with_go(tmp_path)


# A process of its own, as Ansible starts it, so that signals and exits are real.
START = """
import json, sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts
from ansible_collections.wsltune.go.plugins.modules import go_benchmark
given = json.load(sys.stdin)
if sys.argv[1:]:
    # Someone who is no account of this machine.
    accounts.find = lambda names: [accounts.Account("eve", 4711, 4711, sys.argv[1], "/bin/sh")]
    accounts.login_environment = lambda account: {"HOME": account.home, "PATH": "/usr/bin:/bin"}
with patch_module_args(given):
    go_benchmark.main()
"""


def given(home, **options):
    return {
        "go": f"{home}/bin/go",
        "variants": [
            {"name": "before", "environment": {"HOME": str(home)}},
            {"name": "after", "environment": {"HOME": str(home)}},
        ],
        "budget_minutes": 0.5,
        "scenarios": ["test"],
        "seed": 5,
        **options,
    }


def start(home, *words, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "collections")}
    process = subprocess.Popen(
        [sys.executable, "-c", START, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        cwd="/",
    )
    return process, json.dumps(given(home, **options))


def answer(home, *words, **options):
    process, arguments = start(home, *words, **options)
    out, error = process.communicate(arguments, timeout=120)
    assert out, error
    return json.loads(out)


def test_it_measures_and_returns_the_raw_runs(own, call):
    found = call(go_benchmark, **given(own, max_runs=6, progress_path=str(own / "progress")))
    assert found["changed"] is False
    experiment = found["experiment"]
    assert experiment["seed"] == 5
    scenario = experiment["scenarios"][0]
    assert scenario["status"] == "measured"
    assert len(scenario["runs"]) == 3 + 6 * 3
    assert experiment["fingerprints"]["variants"]["after"]["go"] == "go1.99"
    assert experiment["own_cost"]["median"] < 0.05
    assert json.loads((own / "progress").read_text())["step"] == "benchmark"
    assert not [name for name in os.listdir(own) if "wsltune-bench" in name]


def test_a_verdict_on_what_is_in_force_is_kept(own, call, monkeypatch, tmp_path):
    """The first variant has its temporary files in a folder on a disk, which is gone at the end."""
    monkeypatch.setattr(go_benchmark.os, "geteuid", lambda: 0)
    monkeypatch.setattr(go_benchmark.trial_disk, "PARENTS", (str(own),))
    monkeypatch.setattr(go_benchmark.bench, "read_mounts", lambda: mountinfo.parse("19 0 8:1 / / rw - ext4 x rw\n"))
    kept = {"ada": {"verdict": "~"}}
    monkeypatch.setattr(go_benchmark.journal, "read_record", lambda _name: dict(kept))
    monkeypatch.setattr(go_benchmark.journal, "write_record", lambda _name, data: kept.update(data))
    options = given(own, max_runs=6)
    options["variants"][0]["environment"]["TMPDIR"] = "{disk}"
    key = {"fingerprint": {"cpus": 4}, "workload": {"scenarios": ["test"]}}
    found = call(go_benchmark, **options, remember=key)
    assert found["in_force"].startswith(f"tmp_in_memory is in force; compared with {own} (ext4) on ")
    entry = kept[getpass.getuser()]
    assert kept["ada"] and entry["workload"] == key["workload"] and entry["fingerprint"] == key["fingerprint"]
    folder = found["experiment"]["variants"][0]["environment"]["TMPDIR"]
    assert os.path.dirname(folder) == str(own) and not os.path.exists(folder)


def test_only_root_keeps_a_verdict_and_only_of_two(own, call, monkeypatch):
    key = {"fingerprint": {}, "workload": {}}
    for uid, count in ((1000, 2), (0, 1)):
        monkeypatch.setattr(go_benchmark.os, "geteuid", lambda uid=uid: uid)
        options = given(own)
        found = call(go_benchmark, **{**options, "variants": options["variants"][:count]}, remember=key)
        assert found["msg"].startswith("remember keeps the verdict on the second variant for root")


def test_check_mode_runs_nothing(own, call):
    assert call(go_benchmark, True, **given(own))["skipped"] is True


def test_an_error_of_the_system_is_one_sentence(own, call, monkeypatch):
    def full(*_words):
        raise OSError(28, "No space left on device", "/tmp")

    monkeypatch.setattr(go_benchmark.bench, "run_as_user", full)
    found = call(go_benchmark, **given(own))
    assert found["msg"] == "The benchmark cannot go on: [Errno 28] No space left on device: '/tmp'."


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"variants": []}, "give at least one"),
        ({"variants": [{"name": "control"}]}, "is no name for a variant"),
        ({"variants": [{"name": "a b"}]}, "is no name for a variant"),
        ({"variants": [{"name": "a"}, {"name": "a"}]}, "each its own name"),
        ({"budget_minutes": 0}, "budget_minutes is 0.0: it must be from"),
        ({"min_runs": 1}, "min_runs is 1: it must be from"),
        ({"min_runs": 9, "max_runs": 8}, "max_runs is 8: it must not be below min_runs (9)"),
        ({"scenarios": []}, "scenarios is empty"),
        ({"progress_path": "/nonexistent/x"}, "progress_path is /nonexistent/x: its folder does not exist"),
        ({"user": "no-such-user"}, "no account 'no-such-user'"),
        ({"modules": ["/nonexistent"]}, "/nonexistent has no go.mod"),
        ({"go": "/nonexistent/go"}, "/nonexistent/go"),
    ],
)
def test_bad_input_is_one_sentence(own, options, said, call):
    found = call(go_benchmark, **given(own, **options))
    assert found["failed"] is True
    assert said in found["msg"]
    assert "\n" not in found["msg"]


def scratch_of(folder):
    return [name for name in os.listdir(folder) if "wsltune-bench" in name]


def until(condition, what):
    for _wait in range(1500):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail(f"not within 30 s: {what}")


def long_run(home, *words):
    """Start a benchmark whose first run would take long; return its process when that has begun."""
    module = home / "src" / "app"
    (module / "lib").mkdir(parents=True)
    (module / "go.mod").write_text("module x\n")
    cache = home / ".cache"
    cache.mkdir()
    if words:
        os.chown(cache, 4711, 4711)
    variants = [{"name": "before", "environment": {"HOME": str(home), "COST": "30"}}]
    process, arguments = start(home, *words, modules=[str(module)], scenarios=["cold", "test"], variants=variants)
    process.stdin.write(arguments)
    process.stdin.close()
    try:
        until((cache / "started").exists, "a run is started")
        assert scratch_of(cache)
    except BaseException:
        process.kill()
        raise
    return process


def test_a_signal_leaves_nothing_behind(own):
    process = long_run(own)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 128 + signal.SIGTERM, process.stdout.read() + process.stderr.read()
    assert os.listdir(own / ".cache") == ["started"]


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")


@as_root
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_whatever_ends_roots_process_the_users_folders_go(home, number):
    process = long_run(with_go(home), str(home))
    process.send_signal(number)
    assert process.wait(timeout=40) == (-number if number == signal.SIGKILL else 128 + number)
    until(lambda: not scratch_of(home / ".cache"), "the folders are gone")


@as_root
def test_all_that_is_the_users_is_done_by_the_user(home, tmp_path):
    with_go(home)
    (home / "bin" / "go").write_text(GO.replace('case "$1"', 'id -u >> "$HOME/who"; case "$1"', 1))
    told = tmp_path / "told"
    told.mkdir(0o700)
    found = answer(home, str(home), max_runs=2, min_runs=2, progress_path=str(told / "progress"))
    assert found.get("msg") is None
    assert found["experiment"]["user"] == "eve"
    assert len(found["experiment"]["scenarios"][0]["runs"]) == 3 + 2 * 3
    assert set((home / "who").read_text().split()) == {"4711"}
    # The progress file is root's own.
    assert json.loads((told / "progress").read_text())["step"] == "benchmark"
    assert (told / "progress").stat().st_uid == 0 and (told / "progress").stat().st_mode & 0o777 == 0o644
    assert not scratch_of(home)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"commands": [{"name": "test", "run": "make"}], "modules": ["/m"]}, "'test' is no name for a command"),
        ({"commands": [{"name": "a b", "run": "make"}], "modules": ["/m"]}, "'a b' is no name for a command"),
        ({"commands": [{"name": "make", "run": "make"}]}, "modules is empty"),
        ({"commands": [{"name": "make", "run": " "}], "modules": ["/m"]}, "make has nothing to run"),
        ({"scenarios": []}, "name at least one of test, edit, cold, race, build, bench"),
    ],
)
def test_commands_that_cannot_be_measured_are_refused(own, options, said):
    assert said in answer(own, **options)["msg"]


def test_a_command_alone_is_measured_without_running_the_tests(own):
    module = own / "src" / "app"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("module x\n")
    found = answer(
        own,
        scenarios=[],
        modules=[str(module)],
        commands=[{"name": "lint", "run": "echo >> written", "setup": "test ! -e written || rm written"}],
        max_runs=6,
    )
    (scenario,) = found["experiment"]["scenarios"]
    assert (scenario["name"], scenario["command"], scenario["status"]) == ("lint", "echo >> written", "measured")
    assert os.listdir(module) == ["go.mod"]
