# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How often `./onboard.sh bench --fail-if-slower` errs: simulated runs through its real schedule and judgement.

    PYTHONPATH=collections .venv/bin/python benchmarks/gate.py

Only the runs are simulated: their times are drawn at random and pass on a clock of their own. A session is one call of
the program; between two of them the machine itself differs by a factor that is drawn once for each.
"""

from __future__ import annotations

import argparse
import json
import math
import random

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import gate, report, schedule
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import Experiment, Scenario

# Seconds of one run by scenario, as measured with the default workload on two cores.
COSTS = {"test": 1.5, "edit": 1.6}
BUDGET = 180.0


def session(seed, names=("now",), ratio=1.0, noise=0.03, drift=0.02, scenarios=("test", "edit"), budget=BUDGET):
    """One call of bench as go_benchmark returns it; `now` takes `ratio` of the time that `before` takes."""
    rng = random.Random(seed)
    now = [0.0]
    machine = math.exp(rng.gauss(0, drift))

    def execute(scenario, variant, serial):
        wall = COSTS[scenario] * machine * (ratio if variant == "now" or names == ("now",) else 1.0)
        wall *= math.exp(rng.gauss(0, noise))
        now[0] += wall
        return {"wall": wall, "user": wall, "system": 0.0, "max_rss": 1, "blocks_written": 0, "exit_code": 0}

    clock = schedule.Clock(lambda: now[0], 0.0, budget)
    wanted = [Scenario(name, f"go test {name}") for name in scenarios]
    measured = schedule.measure(wanted, names, execute, clock, seed)
    machine_print = {"kernel": "6.18", "cpus": 2}
    prints = {"start": machine_print, "end": machine_print, "variants": {name: {"go": "go1.27.3"} for name in names}}
    return Experiment([{"name": name} for name in names], measured, fingerprints=prints).to_json()


def against_revision(seed, ratio, **options):
    """Return the verdict about two revisions that are measured in the same run."""
    return gate.judge(session(seed, ("before", "now"), ratio, **options), "box", "main")["verdict"]


def against_file(seed, ratio, **options):
    """Return the verdict about a run against the file of another one."""
    earlier = json.dumps(report.make_hyperfine(session(2 * seed, **options)))
    return gate.judge(session(2 * seed + 1, ratio=ratio, **options), "box", "results.json", earlier)["verdict"]


def shares(compare, count, ratio, first_seed=0, **options):
    """How many of `count` comparisons call it fine, slower and unknown."""
    found = [compare(seed, ratio, **options) for seed in range(first_seed, first_seed + count)]
    return {verdict: found.count(verdict) for verdict in (gate.FINE, gate.SLOWER, gate.UNKNOWN)}


def main():
    """Print how often an equal module is called slower, and one that is slower is caught."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="comparisons per line (default 1000)")
    count = parser.parse_args().count
    print(f"{'':58}{'fine':>8}{'slower':>8}{'unknown':>9}")
    for label, compare, settings in (
        ("revision, 3 % noise", against_revision, {}),
        ("revision, 3 % noise, sessions differ by 10 %", against_revision, {"drift": 0.1}),
        ("revision, 6 % noise", against_revision, {"noise": 0.06}),
        ("file, 3 % noise, sessions differ by 0 %", against_file, {"drift": 0.0}),
        ("file, 3 % noise, sessions differ by 1 %", against_file, {"drift": 0.01}),
        ("file, 3 % noise, sessions differ by 2 %", against_file, {"drift": 0.02}),
        ("file, 3 % noise, sessions differ by 3 %", against_file, {"drift": 0.03}),
        ("file, 6 % noise, sessions differ by 1 %", against_file, {"drift": 0.01, "noise": 0.06}),
        ("file, 3 % noise, 2 %, one minute", against_file, {"budget": 60.0}),
    ):
        for ratio in (1.0, 1.1):
            found = shares(compare, count, ratio, **settings)
            values = [f"{100 * found[verdict] / count:6.1f} %" for verdict in (gate.FINE, gate.SLOWER, gate.UNKNOWN)]
            print(f"{label + ', ' + ('equal' if ratio == 1 else '10 % slower'):58}{' '.join(values)}", flush=True)


if __name__ == "__main__":
    main()
