# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
GO = """#!/bin/sh
case "$1" in
env) echo '{"GOCACHE": "'$HOME'/.cache/go-build", "GOTMPDIR": "", "GOROOT": "/opt/go", "GOVERSION": "go1.99"}' ;;
test) sleep "${COST:-0.02}" ;;
esac
"""


@pytest.fixture
def home(tmp_path):
    (tmp_path / "bin").mkdir()
    go = tmp_path / "bin" / "go"
    go.write_text(GO)
    go.chmod(0o755)
    return tmp_path


# A process of its own, as Ansible starts it, so that signals and exits are real.
START = """
import json, sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.wsltune.go.plugins.modules import go_benchmark
with patch_module_args(json.load(sys.stdin)):
    go_benchmark.main()
"""


def start(home, **options):
    given = {
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
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "collections")}
    process = subprocess.Popen(
        [sys.executable, "-c", START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        cwd="/",
    )
    return process, json.dumps(given)


def answer(home, **options):
    process, arguments = start(home, **options)
    out, error = process.communicate(arguments, timeout=120)
    assert out, error
    return json.loads(out)


def test_it_measures_and_returns_the_raw_runs(home):
    found = answer(home, max_runs=6, progress_path=str(home / "progress"))
    assert found["changed"] is False
    experiment = found["experiment"]
    assert experiment["seed"] == 5
    scenario = experiment["scenarios"][0]
    assert scenario["status"] == "measured"
    assert len(scenario["runs"]) == 3 + 6 * 3
    assert experiment["fingerprints"]["variants"]["after"]["go"] == "go1.99"
    assert experiment["own_cost"]["median"] < 0.05
    assert json.loads((home / "progress").read_text())["step"] == "benchmark"
    assert not [name for name in os.listdir(home) if "wsltune-bench" in name]


def test_check_mode_runs_nothing(home):
    assert answer(home, _ansible_check_mode=True)["skipped"] is True


@pytest.mark.parametrize(
    "options, said",
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
def test_bad_input_is_one_sentence(home, options, said):
    found = answer(home, **options)
    assert found["failed"] is True
    assert said in found["msg"]
    assert "\n" not in found["msg"]


def test_a_signal_leaves_nothing_behind(home):
    module = home / "src" / "app"
    (module / "lib").mkdir(parents=True)
    (module / "go.mod").write_text("module x\n")
    (home / ".cache").mkdir()
    variants = [{"name": "before", "environment": {"HOME": str(home), "COST": "30"}}]
    process, arguments = start(home, modules=[str(module)], scenarios=["cold", "test"], variants=variants)
    process.stdin.write(arguments)
    process.stdin.close()
    for _wait in range(3000):
        if any("wsltune-bench" in name for name in os.listdir(home / ".cache")):
            break
        time.sleep(0.02)
    else:
        process.kill()
        pytest.fail("no run was started")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert os.listdir(home / ".cache") == []
