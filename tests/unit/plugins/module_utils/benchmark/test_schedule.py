# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import itertools
import json

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import schedule, stats, summaries
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import Run, Scenario
from tests.unit.plugins.module_utils.benchmark.executor import Executor, faster, measured, same


def test_every_round_is_a_random_order_of_all_variants_and_the_control():
    executor = Executor(same, noise=0.1)
    found = measured(executor, scenarios=["test"])
    rounds = {}
    for run in found["scenarios"][0]["runs"]:
        rounds.setdefault(run["round"], []).append(run["variant"])
    assert all(sorted(order) == ["after", "before", "control"] for order in rounds.values())
    assert rounds[0] == ["before", "after", "control"]
    assert len({tuple(order) for number, order in rounds.items() if number}) >= 4


def test_the_same_seed_gives_the_same_order():
    orders = []
    for _time in range(2):
        executor = Executor(same)
        measured(executor)
        orders.append(executor.order)
    assert orders[0] == orders[1]


def test_a_clear_difference_stops_early_and_is_called():
    executor = Executor(faster)
    summary = summaries.summarise(measured(executor))
    assert summary["verdict"] == "faster"
    assert [one["stopped"] for one in summary["scenarios"]] == ["clear", "clear"]
    assert executor.now < 90
    assert summary["geomean"] == pytest.approx(1.3 / 1.5, rel=0.02)
    assert summary["scenarios"][0]["variants"]["before"]["bytes_written"] == 50000 * 512
    assert summary["scenarios"][0]["variants"]["after"]["bytes_written"] == 8 * 512


def test_no_difference_uses_the_budget_and_not_more():
    executor = Executor(same, noise=0.1)
    summary = summaries.summarise(measured(executor))
    assert summary["verdict"] == "~"
    assert [one["stopped"] for one in summary["scenarios"]] == ["budget", "budget"]
    assert 160 < executor.now <= 181


def test_max_runs_ends_a_scenario():
    executor = Executor(same, noise=0.1)
    scenario = measured(executor, scenarios=["test"], budget=10000.0, max_runs=12)["scenarios"][0]
    assert scenario["stopped"] == "max_runs"
    assert max(run["round"] for run in scenario["runs"]) == 12


def test_compiling_first_leaves_the_time_that_a_verdict_needs():
    executor = Executor(lambda scenario, variant: 170.0 if not executor.order else 1.5, noise=0.1)
    found = measured(executor, scenarios=["test"])
    runs = found["scenarios"][0]["runs"]
    assert found["scenarios"][0]["status"] == "measured"
    assert runs[0]["wall"] > 150
    measuring = executor.now - sum(run["wall"] for run in runs if not run["round"])
    assert 6 * 3 * 1.5 * 0.8 < measuring <= 45
    assert max(run["round"] for run in runs) >= 6


def test_scenarios_that_do_not_fit_are_left_out_from_the_end():
    executor = Executor(lambda scenario, variant: 9.0, noise=0.05)
    first, second = measured(executor)["scenarios"]
    assert (first["status"], second["status"]) == ("measured", "skipped")
    assert second["runs"] == []
    assert (
        "no time for it beside the scenarios before it: run it again with -e verify_budget_minutes=" in second["reason"]
    )
    assert executor.now <= 180 * 1.25


def test_what_is_too_long_by_itself_does_not_take_the_others_with_it():
    executor = Executor(lambda scenario, variant: 20.0 if scenario == "test" else 1.0)
    first, second = measured(executor)["scenarios"]
    assert (first["status"], second["status"]) == ("skipped", "measured")
    assert (
        "6 rounds of 60 s each do not fit into 3 minutes: run it again with -e verify_budget_minutes="
        in first["reason"]
    )


def test_cold_is_tried_once_before_it_takes_the_time_of_a_round():
    executor = Executor(lambda scenario, variant: 40.0 if scenario == "cold" else 1.0, noise=0.1)
    _test, cold = measured(executor, scenarios=["test", "cold"])["scenarios"]
    assert cold["status"] == "skipped"
    assert [run["variant"] for run in cold["runs"]] == ["before"]


def test_a_failing_run_is_never_compared():
    said = "ok  \ta\t0.1s\n--- FAIL: TestX (0.00s)\nFAIL\n"

    def fails(scenario, variant, serial):
        return {"exit_code": 1, "output_tail": said} if (scenario, serial) == ("edit", 20) else None

    executor = Executor(same, noise=0.1, fails=fails)
    summary = summaries.summarise(measured(executor))
    edit = summary["scenarios"][1]
    assert edit["status"] == "failed"
    assert edit["comparisons"] == {}
    assert edit["reason"].startswith("go test of variant ")
    assert "exited with 1 in round " in edit["reason"]
    assert edit["reason"].endswith(": --- FAIL: TestX (0.00s)")
    assert summary["scenarios"][0]["status"] == "measured"


def test_a_failing_warm_up_ends_its_scenario_at_once():
    executor = Executor(same, fails=lambda scenario, variant, serial: {"exit_code": 2, "output_tail": "go: no\n"})
    found = measured(executor, scenarios=["test"])
    assert len(executor.order) == 1
    assert "exited with 2 while warming up: go: no" in found["scenarios"][0]["reason"]
    summary = summaries.summarise(found)
    assert (summary["verdict"], summary["geomean"]) == ("unknown", None)


def test_a_run_that_was_stopped_says_so():
    sentence = schedule.describe_failure(Run(3, "after", 200.0, 0.0, 0.0, 0, 0, exit_code=-9, timed_out=True))
    assert sentence == "go test of variant after was stopped after 200 s in round 3"


def test_a_scenario_with_a_reason_is_not_run():
    executor = Executor(same)
    clock = schedule.Clock(lambda: executor.now, 0.0, 60.0)
    found = schedule.measure([Scenario("race", reason="no C compiler")], ["a", "b"], executor, clock, 1)
    assert executor.order == []
    assert found[0].status == "skipped"


def test_progress_tells_the_way_and_the_time_left():
    states = []
    executor = Executor(same, noise=0.1)
    measured(executor, progress=states.append)
    assert len(states) == len(executor.order)
    assert states[0]["phase"] == "warm-up"
    left = [state["seconds_left"] for state in states]
    assert left[-1] < 10 and all(one >= other for one, other in itertools.pairwise(left))
    for state in states:
        assert state["round"] <= state["rounds"] <= 30
    assert states[-1]["rounds"] == states[-1]["round"]


def flaky(bad=4, until=1):
    """Fails at one serial; with a package left out the runs are quicker."""

    def fails(scenario, variant, serial):
        return {"exit_code": 1, "output_tail": "FAIL"} if serial == bad + 3 else None

    return fails


def test_a_scenario_starts_again_without_what_is_flaky():
    executor = Executor(faster, fails=flaky())
    asked = []

    def recover(scenario, variant, run):
        asked.append((scenario, variant, run.exit_code))
        return "TestX in p does not pass every time: left out"

    found = measured(executor, scenarios=["test"], recover=recover)
    summary = summaries.summarise(found)
    assert len(asked) == 1
    assert summary["verdict"] == "faster"
    assert found["scenarios"][0]["notes"] == ["TestX in p does not pass every time: left out"]
    assert summary["scenarios"][0]["warnings"] == ["TestX in p does not pass every time: left out"]
    # What ran before was another workload.
    assert all(run["exit_code"] == 0 for run in found["scenarios"][0]["runs"])
    assert min(run["round"] for run in found["scenarios"][0]["runs"]) == 1
    json.dumps(found)


def test_what_a_variant_breaks_is_not_recovered():
    executor = Executor(faster, fails=flaky())
    found = measured(executor, scenarios=["test"], recover=lambda *_run: "")
    assert found["scenarios"][0]["status"] == "failed"


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("12:01 log line\n--- FAIL: TestX (0.00s)\n    x_test.go:7: got 3\nFAIL\tp\t0.1s", "TestX: x_test.go:7: got 3"),
        ("# p\np/x.go:3:4: undefined: y\nFAIL\tp [build failed]", "p/x.go:3:4: undefined: y"),
        ("panic: no network\nok  \tq", "panic: no network"),
        ("go: errors parsing go.mod:\ngo.mod:1: unknown directive: x\n", "go.mod: go.mod:1: unknown directive: x"),
        ("# p\ni.go:3:8: missing go.sum entry; to add:\n\tgo get p\nFAIL\tp", "missing go.sum entry; to add: go get p"),
        ("go: errors parsing go.mod:\n", "go: errors parsing go.mod:"),
    ],
)
def test_the_line_that_says_why_is_quoted(said, word):
    sentence = schedule.describe_failure(Run(0, "before", 1.0, 0.0, 0.0, 0, 0, exit_code=1, output_tail=said))
    assert sentence.endswith(f" {word}")


MANY = [f"lever{number}" for number in range(12)]


def screened(executor, candidates=MANY, **options):
    return measured(executor, names=("before", *candidates), screening=stats.Screening(), **options)


def test_of_many_candidates_those_that_lead_get_the_runs():
    executor = Executor(lambda scenario, variant: 1.35 if variant == "lever7" else 1.5, noise=0.02)
    experiment = screened(executor)
    assert executor.now <= 180 * (1 + schedule.OVERRUN)
    runs = {
        name: sum(run["variant"] == name and run["round"] > 0 for run in experiment["scenarios"][0]["runs"])
        for name in (*MANY, "before")
    }
    assert runs["lever7"] >= 6 and runs["before"] == max(runs.values())
    assert sum(count >= 6 for count in runs.values()) <= 4 and sum(count <= 2 for count in runs.values()) >= 6
    summary = summaries.summarise(json.loads(json.dumps(experiment)))
    verdicts = {name: one["comparisons"]["lever7"]["verdict"] for one in summary["scenarios"] for name in [one["name"]]}
    assert set(verdicts.values()) == {"faster"}
    assert summary["overall"]["lever7"]["together"]["verdict"] == "faster"
    gone = summary["scenarios"][0]["dropped"]
    assert set(gone) < set(MANY) and min(gone.values()) >= 1 and "lever7" not in gone
    assert not any("rounds" in warning for one in summary["scenarios"] for warning in one["warnings"])


def test_a_candidate_is_compared_with_the_rounds_that_it_ran_in():
    """A machine that gets slower must not make those look fast that left early."""
    executor = Executor(lambda scenario, variant: 1.5 + executor.now / 200, noise=0.02)
    summary = summaries.summarise(screened(executor, budget=300.0))
    ratios = [one["ratio"] for each in summary["scenarios"] for one in each["comparisons"].values()]
    assert len(ratios) == 24 and min(ratios) > 0.93 and max(ratios) < 1.07


def test_candidates_are_compared_by_what_gos_benchmarks_say_and_not_by_how_long_they_ran():
    def report(scenario, variant, serial):
        return {"benchmarks": {"p.BenchmarkX": (60e-9 if variant == "lever7" else 120e-9) * (1 + serial % 7 / 1000)}}

    experiment = screened(Executor(same, fails=report), scenarios=("bench",))
    compared = summaries.summarise(experiment)["scenarios"][0]["comparisons"]
    assert compared["lever7"]["verdict"] == "faster" and compared["lever7"]["ratio"] == pytest.approx(0.5, rel=0.01)


def test_candidates_that_the_budget_has_no_time_for_are_named_with_what_is_enough():
    executor = Executor(same, noise=0.02)
    experiment = screened(executor, budget=100.0)
    assert executor.now <= 100 * (1 + schedule.OVERRUN)
    (late,) = {tuple(name for name, rounds in one["dropped"].items() if rounds == 0) for one in experiment["scenarios"]}
    assert MANY[-len(late) :] == list(late) and 4 < len(late) < 12
    started = {run["variant"] for run in experiment["scenarios"][0]["runs"]}
    assert started == {"before", "control", *MANY} - set(late)
    enough = experiment["scenarios"][0]["enough"]
    again = screened(Executor(same, noise=0.02), budget=60.0 * enough)
    assert not any(0 in one.get("dropped", {}).values() for one in again["scenarios"])


def test_a_budget_for_no_candidate_says_what_all_of_them_take():
    experiment = screened(Executor(same), scenarios=["test"], budget=10.0)
    (scenario,) = experiment["scenarios"]
    assert scenario["status"] == "skipped"
    assert scenario["reason"].endswith("run it again with -e verify_budget_minutes=2")


def test_a_candidate_that_fails_does_not_end_the_others():
    def fails(scenario, variant, serial):
        if (variant, scenario) == ("lever3", "edit"):
            return {"exit_code": 1, "output_tail": "vet: no such flag\n"}
        return None

    executor = Executor(lambda scenario, variant: 1.3 if variant == "lever7" else 1.5, noise=0.02, fails=fails)
    summary = summaries.summarise(screened(executor))
    assert [one["status"] for one in summary["scenarios"]] == ["measured", "measured"]
    assert summary["scenarios"][1]["failures"]["lever3"].endswith("while warming up: vet: no such flag")
    assert summary["scenarios"][1]["comparisons"]["lever7"]["verdict"] == "faster"
    assert "lever3" not in summary["scenarios"][1]["comparisons"]
    assert len([one for one in executor.order if one[1] == "lever3"]) <= 3
