# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Memory that runs out ends the trial's own run, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import bench, guard, schedule
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import Run

MIB = 1 << 20


def meminfo(available: int, total: int = 8192 * MIB) -> dict[str, str]:
    return {"/proc/meminfo": f"MemTotal: {total >> 10} kB\nMemAvailable: {available >> 10} kB\n"}


@pytest.mark.parametrize(
    ("files", "ends"),
    [
        (meminfo(4096 * MIB), False),
        (meminfo(400 * MIB), True),
        (meminfo(100 * MIB, 1024 * MIB), False),
        (meminfo(60 * MIB, 1024 * MIB), True),
        ({**meminfo(4096 * MIB), "/g/memory.max": f"{512 * MIB}", "/g/memory.current": f"{500 * MIB}"}, True),
        ({"/proc/meminfo": "MemTotal: 8388608 kB\n"}, False),
        ({}, False),
    ],
)
def test_a_run_ends_before_the_memory_does(files: dict[str, str], ends: bool) -> None:
    assert guard.Guard(["/g"], files.get).must_end() is ends


def test_a_run_that_is_ended_says_why(tmp_path: Path) -> None:
    available = [4096 * MIB, 3000 * MIB, 100 * MIB]
    watch = guard.Guard([], lambda path: meminfo(available.pop(0) if len(available) > 1 else available[0]).get(path))
    ended = bench.run(["/bin/sleep", "30"], str(tmp_path), {"PATH": os.defpath}, 60.0, watch=watch)
    assert ended["wall"] < 20 and ended["exit_code"] != 0
    sentence = schedule.describe_failure(Run(2, "gocache_tmpfs", **ended))
    assert sentence == (
        "go test of variant gocache_tmpfs was stopped in round 2, because only 100 MiB of memory were left, "
        "and 409 are kept free"
    )
    assert Run.from_json(Run(2, "x", **ended).to_json()).ended_for == ended["ended_for"]


def test_a_run_that_leaves_enough_is_let_alone(tmp_path: Path) -> None:
    watch = guard.Guard([], meminfo(4096 * MIB).get)
    done = bench.run(["/bin/sleep", "0.5"], str(tmp_path), {"PATH": os.defpath}, 60.0, watch=watch)
    assert done["exit_code"] == 0 and "ended_for" not in done


def test_the_kernel_ends_a_trial_before_all_else() -> None:
    program = "import sys; sys.path[:0] = [sys.argv[1]]; import os, runpy\n"
    program += "from ansible_collections.wsltune.go.plugins.module_utils.benchmark import guard\n"
    program += "guard.volunteer(); os.execv('/bin/cat', ['cat', '/proc/self/oom_score_adj'])\n"
    collections = str(Path(__file__).parents[5] / "collections")
    done = subprocess.run([sys.executable, "-c", program, collections], capture_output=True, text=True, check=True)
    assert done.stdout == "1000\n"
    assert Path("/proc/self/oom_score_adj").read_text() != "1000\n"
