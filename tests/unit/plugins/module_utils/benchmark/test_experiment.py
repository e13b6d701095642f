# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The JSON of an experiment and of its summary, to the byte as they were before they had types."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import schedule, summaries
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import (
    Experiment,
    Run,
    Scenario,
    TooMuchError,
)

DATA = Path(__file__).parent / "data"
RECORDED = (DATA / "experiment.json").read_text()


def render(value: Any) -> str:
    return json.dumps(value, indent=1) + "\n"


def test_an_experiment_that_was_kept_is_the_same_after_reading() -> None:
    assert render(Experiment.from_json(json.loads(RECORDED)).to_json()) == RECORDED


def test_its_summary_is_the_one_that_was_recorded() -> None:
    assert render(summaries.summarise(json.loads(RECORDED))) == (DATA / "summary.json").read_text()


class Player:
    """Plays the runs that the record has."""

    def __init__(self) -> None:
        self.rng, self.now, self.count = random.Random(7), 0.0, 0

    def run(self, scenario: str, variant: str, serial: int) -> dict[str, Any]:
        self.count += 1
        wall = round((1.3 if variant == "after" else 1.5) * math.exp(self.rng.gauss(0, 0.01)), 4)
        self.now += wall
        run = {"wall": wall, "user": wall, "system": 0.1, "max_rss": 10**8, "blocks_written": 8, "exit_code": 0}
        if scenario == "edit" and serial == 5:
            run.update(exit_code=-9, timed_out=True, output_tail="ok x\n--- FAIL: TestX\n")
        if self.count > 1:
            run["gap"] = 0.002
        return run


def test_measuring_writes_what_was_recorded() -> None:
    player = Player()
    scenarios = [
        Scenario("test", "go test ./..."),
        Scenario("edit", "go test ./lib"),
        Scenario("race", "go test -race", "no C compiler"),
    ]
    clock = schedule.Clock(lambda: player.now, 0.0, 180.0)
    measured = schedule.measure(scenarios, ["before", "after"], player.run, clock, 1, min_runs=6, max_runs=6)
    assert render([one.to_json() for one in measured]) == render(json.loads(RECORDED)["scenarios"])
    assert scenarios[0].runs == [] and scenarios[0].status == "running"


def test_a_run_leaves_out_what_did_not_happen() -> None:
    run = Run(1, "after", 1.5, 1.2, 0.1, 10**8, 8)
    assert list(run.to_json()) == [
        "round",
        "variant",
        "wall",
        "user",
        "system",
        "max_rss",
        "blocks_written",
        "exit_code",
    ]
    assert Run.from_json({**run.to_json(), "of_a_later_version": 1}) == run


def test_the_values_of_a_variant_come_without_the_warm_up() -> None:
    runs = [Run(number, "after", 1.0 + number, 0.0, 0.0, 0, 0) for number in range(3)]
    assert Scenario("test", runs=runs).times() == {"after": [2.0, 3.0]}


def test_what_a_host_returns_is_judged_in_seconds() -> None:
    run = {"round": 1, "wall": 1.0, "user": 1.0, "system": 1.0, "max_rss": 1, "blocks_written": 1}
    runs = [{**run, "variant": variant} for variant in ("before", "after") for _number in range(500)]
    scenario = {"name": "test", "status": "measured", "runs": runs}
    variants = [{"name": "before"}, {"name": "after"}]
    data = {"variants": variants, "scenarios": [scenario] * 100}
    with pytest.raises(TooMuchError, match="it has 50000000 pairs of runs to compare"):
        summaries.summarise(data)
    assert Experiment.from_json({**data, "scenarios": [scenario] * 3}).names == ["before", "after"]


@pytest.mark.parametrize(
    ("number", "benchmarks", "said"),
    [(5000, 0, "it has 5000 variants"), (100, 0, "it has 2200000 pairs"), (2, 99, "it has 4400000 pairs")],
)
def test_any_number_of_variants_that_a_host_returns_is_judged_in_seconds(
    number: int, benchmarks: int, said: str
) -> None:
    own = {f"Benchmark{index}": 1.0 for index in range(benchmarks)}
    run = {"round": 1, "wall": 1.0, "user": 1.0, "system": 1.0, "max_rss": 1, "blocks_written": 1, "benchmarks": own}
    runs = [{**run, "variant": f"v{index}"} for index in range(22000)]
    data = {"variants": [{"name": f"v{index}"} for index in range(number)]}
    with pytest.raises(TooMuchError, match=said):
        summaries.summarise({**data, "scenarios": [{"name": "test", "status": "measured", "runs": runs}]})
