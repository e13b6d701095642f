# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How often the benchmark errs: simulated experiments through its real schedule and stopping rule.

    PYTHONPATH=collections .venv/bin/python benchmarks/stats.py

Only the runs are simulated: their times are drawn at random and pass on a clock of their own.
"""

from __future__ import annotations

import argparse
import math
import random

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import schedule, stats, summaries
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import Experiment, Scenario

# Seconds of one run by scenario, as measured with the default workload on two cores.
COSTS = {"test": 1.5, "edit": 1.6, "race": 6.0, "cold": 15.0}
BUDGET = 180.0
FIRST_COMPILE = 30.0


def experiment(seed, ratio=1.0, noise=0.03, scenarios=("test", "edit"), drift=0.0, budget=BUDGET, draw=None):
    """One experiment whose after-runs take `ratio` of the time of its before-runs; returns its summary."""
    rng = random.Random(seed)
    draw = draw or (lambda: math.exp(rng.gauss(0, noise)))
    now = [0.0]

    def execute(scenario, variant, serial):
        wall = COSTS[scenario] * (ratio if variant == "after" else 1.0) * draw() * (1 + drift * now[0] / budget)
        now[0] += wall + (FIRST_COMPILE if serial == 1 else 0)
        return {"wall": wall, "user": wall, "system": 0.0, "max_rss": 0, "blocks_written": 0, "exit_code": 0}

    clock = schedule.Clock(lambda: now[0], 0.0, budget)
    wanted = [Scenario(name) for name in scenarios]
    measured = schedule.measure(wanted, ["before", "after"], execute, clock, seed)
    summary = summaries.summarise_runs(Experiment([{"name": "before"}, {"name": "after"}], measured))
    summary["now"] = now[0]
    return summary


def verdicts(summary):
    """Return the verdict of each scenario that was compared."""
    return [one["comparisons"]["after"]["verdict"] for one in summary["scenarios"] if one["comparisons"]]


def false_verdicts(count, first_seed=0, **options):
    """Of `count` comparisons of two equal things, how many call a difference in any scenario."""
    wrong = 0
    for seed in range(first_seed, first_seed + count):
        found = verdicts(experiment(seed, **options))
        wrong += any(one in (stats.FASTER, stats.SLOWER) for one in found)
    return wrong


def found(count, ratio, first_seed=0, **options):
    """Of `count` true differences: how many are found everywhere and in the right direction, and the median of runs."""
    right = stats.FASTER if ratio < 1 else stats.SLOWER
    hits, runs = 0, []
    for seed in range(first_seed, first_seed + count):
        summary = experiment(seed, ratio=ratio, **options)
        called = verdicts(summary)
        hits += bool(called) and all(one == right for one in called)
        runs += [one["comparisons"]["after"]["n_after"] for one in summary["scenarios"] if one["comparisons"]]
    return hits, stats.median(runs)


def main():
    """Print how often equal things are called different, and different ones found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="series of 200 experiments per line (default 10)")
    options = parser.parse_args()
    many = 200 * options.seeds
    everything = ("test", "edit", "race", "cold")

    print("False verdicts: two equal things compared, a difference called in any scenario")
    for label, settings in (
        ("test + edit, 3 % noise", {}),
        ("test + edit, 15 % noise", {"noise": 0.15}),
        ("test + edit, 3 % noise, machine slows by 30 %", {"drift": 0.3}),
        ("four scenarios, 60 minutes", {"scenarios": everything, "budget": 3600.0}),
    ):
        series = [false_verdicts(200, first_seed=200 * index, **settings) for index in range(options.seeds)]
        rate = 100 * sum(series) / many
        print(f"  {label:48} {rate:5.2f} %   worst series of 200: {max(series)}")

    print("Differences found: in every scenario, in the right direction, within the default budget")
    for ratio, noise in ((0.9, 0.03), (1.1, 0.03), (0.95, 0.03), (0.9, 0.06)):
        hits, runs = found(many, ratio, noise=noise)
        label = f"ratio {ratio:.2f}, {100 * noise:.0f} % noise"
        print(f"  {label:48} {100 * hits / many:5.2f} %   after {runs:.0f} runs each (median)")

    print("Seconds used of a budget of 180")
    for label, settings in (("two equal things", {}), ("10 % faster", {"ratio": 0.9})):
        used = stats.median([experiment(seed, **settings)["now"] for seed in range(100)])
        print(f"  {label:48} {used:5.0f}")


if __name__ == "__main__":
    main()
