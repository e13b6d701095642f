# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How often levers are kept that do nothing, and missed that help, where there are many of them.

    PYTHONPATH=collections .venv-test/bin/python benchmarks/screening.py

Each experiment passes through the benchmark's real schedule, screening and decision; only the runs are simulated.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import schedule, stats, summaries
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import Experiment, Scenario
from ansible_collections.wsltune.go.plugins.module_utils.levers import decide

COSTS = {"test": 1.5, "edit": 1.6}
"""Seconds of one run by scenario, as measured with the default workload on two cores."""
FIRST_COMPILE = 30.0
BUDGET = 180.0
BASELINE = decide.BASELINE
ONE_SCENARIO = {"test": 1.0, "edit": 0.9}


class Outcome(NamedTuple):
    """The levers that were kept, the effect of each lever, and the seconds that it took."""

    kept: list[str]
    effects: dict[str, Mapping[str, float]]
    seconds: float

    def kept_without_effect(self) -> bool:
        """Whether a lever is kept that does nothing."""
        return any(set(self.effects[name].values()) == {1.0} for name in self.kept)

    def found(self, effect: Mapping[str, float]) -> bool:
        """Whether a lever with this effect is kept."""
        return any(self.effects[name] == effect for name in self.kept)


def everywhere(ratio: float) -> dict[str, float]:
    """Return the effect of a lever that changes all scenarios alike."""
    return dict.fromkeys(COSTS, ratio)


def experiment(
    seed: int,
    effects: Sequence[Mapping[str, float]] = (),
    levers: int = 12,
    noise: float = 0.03,
    budget: float = BUDGET,
    drift: float = 0.0,
) -> Outcome:
    """Decide about C(levers) levers of which the first C(effects), in random places, have an effect."""
    rng = random.Random(f"runs {seed}")
    names = [f"lever{number}" for number in range(levers)]
    every = [*effects, *[everywhere(1.0)] * (levers - len(effects))]
    rng.shuffle(every)
    given = dict(zip(names, every))
    now = [0.0]

    def execute(scenario: str, variant: str, serial: int) -> dict[str, object]:
        ratio = given[variant][scenario] if variant in given else 1.0
        wall = COSTS[scenario] * ratio * math.exp(rng.gauss(0, noise)) * (1 + drift * now[0] / budget)
        now[0] += wall + (FIRST_COMPILE if (scenario, serial) == ("test", 1) else 0)
        return {"wall": wall, "user": wall, "system": 0.0, "max_rss": 0, "blocks_written": 0, "exit_code": 0}

    measured = schedule.measure(
        [Scenario(name) for name in COSTS],
        [BASELINE, *names],
        execute,
        schedule.Clock(lambda: now[0], 0.0, budget),
        seed,
        screening=stats.Screening(),
    )
    summary = summaries.summarise_runs(Experiment([{"name": name} for name in (BASELINE, *names)], measured))
    kept = [name for name in names if decide.judge(name, summary).kept]
    return Outcome(kept, given, now[0])


def main() -> None:
    """Print how often levers without effect are kept, and levers with one."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="experiments per line (default 1000)")
    count = parser.parse_args().count

    print("12 levers without effect: any kept")
    for label, noise, drift in (
        ("3 % noise", 0.03, 0.0),
        ("15 % noise", 0.15, 0.0),
        ("3 % noise, machine slows by 30 %", 0.03, 0.3),
    ):
        outcomes = [experiment(seed, noise=noise, drift=drift) for seed in range(count)]
        wrong = sum(bool(one.kept) for one in outcomes)
        print(f"  {label:48} {100 * wrong / count:5.1f} %")

    print("12 levers, two of them with an effect, 3 % noise: kept")
    for label, ratios in (
        ("5 % and 10 % in both scenarios", (everywhere(0.95), everywhere(0.9))),
        ("10 % after an edit alone", (ONE_SCENARIO,)),
    ):
        outcomes = [experiment(10**6 + seed, ratios) for seed in range(count)]
        shares = [100 * sum(one.found(ratio) for one in outcomes) / count for ratio in ratios]
        wrong = sum(one.kept_without_effect() for one in outcomes)
        found = ", ".join(f"{share:.1f} %" for share in shares)
        print(f"  {label:48} {found}; one without effect beside: {100 * wrong / count:.1f} %")

    seconds = [experiment(seed).seconds for seed in range(100)]
    print(f"Seconds used of a budget of {BUDGET:.0f}: {stats.median(seconds):.0f}, at most {max(seconds):.0f}")


if __name__ == "__main__":
    main()
