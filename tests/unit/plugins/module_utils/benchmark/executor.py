# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs of a benchmark that only pass on a clock."""

from __future__ import annotations

import math
import random

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import schedule
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import Scenario


class Executor:
    """Runs that only pass on a clock. `cost` gives a run's wall time by scenario and variant."""

    def __init__(self, cost, noise=0.01, fails=None, seed=1):
        self.cost = cost
        self.fails = fails or (lambda scenario, variant, serial: None)
        self.rng = random.Random(seed)
        self.noise = noise
        self.now = 0.0
        self.order = []

    def __call__(self, scenario, variant, serial):
        wall = self.cost(scenario, variant) * math.exp(self.rng.gauss(0, self.noise))
        self.now += wall
        self.order.append((scenario, variant))
        run = {"wall": wall, "user": wall, "system": 0.1, "max_rss": 10**8, "blocks_written": 0, "exit_code": 0}
        run["blocks_written"] = 8 if variant == "after" else 50000
        run.update(self.fails(scenario, variant, serial) or {})
        return run


def measured(executor, scenarios=("test", "edit"), names=("before", "after"), budget=180.0, **options):
    clock = schedule.Clock(lambda: executor.now, 0.0, budget)
    series = schedule.measure([Scenario(name) for name in scenarios], names, executor, clock, 1, **options)
    return {
        "variants": [{"name": name} for name in names],
        "scenarios": [scenario.to_json() for scenario in series],
        "seed": 1,
    }


def same(scenario, variant):
    return 1.5


def faster(scenario, variant):
    return 1.3 if variant == "after" else 1.5
