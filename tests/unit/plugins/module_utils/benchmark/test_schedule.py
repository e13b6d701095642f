# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import itertools
import json
import math
import random

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import report as bench_report
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import schedule, stats
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import Run, Scenario


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
    summary = schedule.summarise(measured(executor))
    assert summary["verdict"] == "faster"
    assert [one["stopped"] for one in summary["scenarios"]] == ["clear", "clear"]
    assert executor.now < 90
    assert summary["geomean"] == pytest.approx(1.3 / 1.5, rel=0.02)
    assert summary["scenarios"][0]["variants"]["before"]["bytes_written"] == 50000 * 512
    assert summary["scenarios"][0]["variants"]["after"]["bytes_written"] == 8 * 512


def test_no_difference_uses_the_budget_and_not_more():
    executor = Executor(same, noise=0.1)
    summary = schedule.summarise(measured(executor))
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
    summary = schedule.summarise(measured(executor))
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
    summary = schedule.summarise(found)
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


def test_too_few_rounds_give_no_verdict():
    executor = Executor(faster)
    summary = schedule.summarise(measured(executor, min_runs=3, max_runs=4))
    assert summary["verdict"] == "unknown"
    assert summary["scenarios"][0]["comparisons"]["after"]["verdict"] == "too few runs"
    assert any("6 are needed" in warning for warning in summary["scenarios"][0]["warnings"])


def test_a_control_that_differs_takes_the_verdict_away():
    def cost(scenario, variant):
        return {"before": 1.5, "after": 1.3, "control": 1.3}[variant]

    summary = schedule.summarise(measured(Executor(cost)))
    assert summary["verdict"] == "unknown"
    assert summary["scenarios"][0]["comparisons"]["after"]["verdict"] == "unknown"
    assert "too unsteady" in summary["scenarios"][0]["warnings"][0]


@pytest.mark.parametrize(
    ("after", "control", "verdict"), [(0.4, 1.6, "faster"), (2.9, 1.4, "slower"), (1.4, 1.6, "unknown")]
)
def test_a_control_that_differs_leaves_what_is_far_beyond_it(after, control, verdict):
    def cost(scenario, variant):
        return {"before": 1.5, "after": after, "control": control}[variant]

    summary = schedule.summarise(measured(Executor(cost), scenarios=["test"]))
    assert summary["scenarios"][0]["control"]["verdict"] != "~"
    assert summary["scenarios"][0]["comparisons"]["after"]["verdict"] == verdict
    said = "the machine was too unsteady" if verdict == "unknown" else "the differences found are far beyond that"
    assert summary["scenarios"][0]["warnings"][0].endswith(said)


def test_faster_here_and_slower_there_is_mixed():
    def cost(scenario, variant):
        return 1.5 if variant != "after" else {"test": 1.3, "edit": 1.7}[scenario]

    summary = schedule.summarise(measured(Executor(cost)))
    assert (summary["verdict"], summary["mixed"]) == ("~", True)


def test_other_machines_are_not_compared():
    found = measured(Executor(faster))
    found["fingerprints"] = {
        "start": {"power": "mains", "kernel": "6.6"},
        "end": {"power": "battery", "kernel": "6.6"},
        "variants": {
            "before": {"go": "go1.26.0", "file_systems": {"source": "ext4", "gotmpdir": "ext4"}},
            "after": {"go": "go1.27.3", "file_systems": {"source": "9p", "gotmpdir": "tmpfs"}},
        },
    }
    summary = schedule.summarise(found)
    assert summary["verdict"] == "unknown"
    assert summary["warnings"] == [
        "not compared: power source: mains and battery (at the start and at the end)",
        "not compared: Go version: go1.26.0 and go1.27.3",
        "not compared: file system of source: ext4 and 9p",
    ]


def test_a_source_that_was_moved_on_purpose_is_compared():
    found = measured(Executor(faster))
    found["fingerprints"] = {
        "variants": {
            "before": {"go": "go1.27.3", "file_systems": {"source": "9p"}},
            "after": {"go": "go1.27.3", "file_systems": {"source": "ext4"}},
        }
    }
    assert schedule.summarise(found)["verdict"] == "unknown"
    found["variants"][1] = {**found["variants"][1], "directory": "/home/alice/src/shop"}
    assert schedule.summarise(found)["verdict"] == "faster"


@pytest.mark.parametrize(
    ("before", "after"), [({"unset": ["GOTOOLCHAIN"]}, {}), ({}, {"environment": {"GOTOOLCHAIN": "go1.27.3+auto"}})]
)
def test_another_go_is_compared_where_a_variant_is_about_it(before, after):
    found = measured(Executor(faster))
    found["fingerprints"] = {"variants": {"before": {"go": "go1.26.0"}, "after": {"go": "go1.27.3"}}}
    assert schedule.summarise(found)["verdict"] == "unknown"
    found["variants"] = [{**found["variants"][0], **before}, {**found["variants"][1], **after}]
    assert schedule.summarise(found)["verdict"] == "faster"


MACHINE = {
    "kernel": "6.18.35.2",
    "machine": "x86_64",
    "cpu_model": "A",
    "cpus": 8,
    "memory_bytes": 16 * 2**30,
    "power": "mains",
    "go": "go1.27.3",
    "file_systems": {"source": "ext4", "gotmpdir": "tmpfs"},
}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kernel": "6.6.87"}, "kernel: 6.18.35.2 and 6.6.87"),
        ({"cpus": 4}, "number of processors: 8 and 4"),
        ({"go": "go1.19.8"}, "Go version: go1.27.3 and go1.19.8"),
        ({"power": "battery"}, "power source: mains and battery"),
        ({"memory_bytes": 8 * 2**30}, "memory: 16384 MiB and 8192 MiB"),
        ({"file_systems": {"source": "9p", "gotmpdir": "tmpfs"}}, "file system of source: ext4 and 9p"),
    ],
)
def test_each_difference_is_a_sentence(change, sentence):
    assert schedule.compare_fingerprints(MACHINE, {**MACHINE, **change}) == [sentence]


@pytest.mark.parametrize("change", [{}, {"power": None}, {"memory_bytes": 16.1 * 2**30}, {"cpu_model": None}])
def test_what_is_unknown_or_nearly_equal_is_no_difference(change):
    assert schedule.compare_fingerprints(MACHINE, {**MACHINE, **change}) == []


def test_the_places_that_a_lever_moves_may_differ():
    moved = {**MACHINE, "file_systems": {"source": "ext4", "gotmpdir": "ext4"}}
    assert schedule.compare_fingerprints(MACHINE, moved)
    assert schedule.compare_fingerprints(MACHINE, moved, ignore=schedule.LEVER_PLACES) == []


def test_slow_first_runs_and_outliers_are_warned_about():
    found = measured(Executor(same), scenarios=["test"])
    runs = [run for run in found["scenarios"][0]["runs"] if run["round"]]
    runs[0]["wall"] = 30.0
    next(run for run in runs if run["variant"] != runs[0]["variant"] and run["round"] == 3)["wall"] = 30.0
    warnings = schedule.summarise(found)["scenarios"][0]["warnings"]
    assert any(f"the first run of {runs[0]['variant']} was slow" in warning for warning in warnings)
    assert any("1 run lies far from the others" in warning for warning in warnings)


def test_runs_that_lie_apart_are_one_sentence():
    quiet, apart = [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01], [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 9.0]
    warn = schedule._list_warnings
    assert warn(["before", "after"], {"before": quiet, "after": quiet}) == []
    assert warn(["before", "after"], {"before": quiet, "after": apart}) == [
        "1 run lies far from the others of after: something else used the machine"
    ]
    assert warn(["before", "after"], {"before": apart, "after": apart}) == [
        "runs lie far from the others (1 of before, 1 of after): something else used the machine"
    ]


def test_several_variants_are_each_compared_with_the_first():
    def cost(scenario, variant):
        return {"cgo": 1.5, "tmpfs": 1.2}.get(variant, 1.5)

    names = ["before", "tmpfs", "cgo"]
    summary = schedule.summarise(measured(Executor(cost), scenarios=["test"], names=names))
    assert summary["overall"]["tmpfs"]["verdict"] == "faster"
    assert summary["overall"]["cgo"]["verdict"] == "~"


def test_a_summary_is_plain_json():
    for executor in (Executor(faster), Executor(same, fails=lambda *run: {"exit_code": 1})):
        summary = schedule.summarise(measured(executor))
        assert json.loads(json.dumps(summary, allow_nan=False)) == summary


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


@pytest.mark.parametrize(("ratio", "text"), [(0.9, "-10.0 %"), (1.1234, "+12.3 %"), (0.9999, "0.0 %"), (None, "?")])
def test_percent(ratio, text):
    assert schedule.write_percent(ratio) == text


def one_variant(wall, kernel="6.6", status="measured", count=10):
    runs = [
        {
            "round": n,
            "variant": name,
            "wall": wall + n / 1000,
            "user": 1,
            "system": 0,
            "max_rss": 1,
            "blocks_written": 0,
        }
        for n in range(1, count + 1)
        for name in ("now", "control")
    ]
    scenario = {
        "name": "test",
        "command": "go test",
        "status": status,
        "reason": "",
        "stopped": "max_runs",
        "runs": runs,
    }
    place = {"kernel": kernel}
    prints = {"start": place, "end": place, "variants": {"now": {"go": "go1.27"}}}
    return {"variants": [{"name": "now"}], "scenarios": [scenario], "fingerprints": prints, "load": 0.0}


def test_two_measurements_in_sequence_are_compared_and_said_to_be_weaker():
    summary = schedule.summarise(schedule.join_in_sequence(one_variant(1.0), one_variant(0.5)))
    assert summary["verdict"] == "faster"
    assert summary["scenarios"][0]["comparisons"]["after"]["n_after"] == 10
    assert summary["scenarios"][0]["control"]["verdict"] == "~"
    assert schedule.SEQUENTIAL in summary["warnings"]


def test_two_measurements_on_different_machines_are_not_compared():
    summary = schedule.summarise(schedule.join_in_sequence(one_variant(1.0), one_variant(0.5, kernel="6.18")))
    assert summary["verdict"] == "unknown"
    assert "not compared: kernel: 6.6 and 6.18 (before and after)" in summary["warnings"]
    assert not summary["scenarios"][0]["comparisons"]["after"]["comparable"]
    shown = "\n".join(bench_report.write_table(summary))
    assert "not compared" in shown and "%  " not in shown


def machine(wall, **values):
    one = one_variant(wall)
    for moment in ("start", "end"):
        one["fingerprints"][moment] = {"kernel": "6.6", "cpus": 4, "memory_bytes": 8 << 30, **values}
    return one


def test_what_was_changed_on_purpose_is_named_and_compared():
    both = machine(1.0), machine(0.5, cpus=8, memory_bytes=12 << 30)
    refused = schedule.summarise(schedule.join_in_sequence(*both, changed_on_purpose=["processors"]))
    assert refused["verdict"] == "unknown"
    assert refused["warnings"][:2] == [
        "not compared: memory: 8192 MiB and 12288 MiB (before and after)",
        "number of processors: 4 and 8, as intended",
    ]
    summary = schedule.summarise(schedule.join_in_sequence(*both, changed_on_purpose=["processors", "memory"]))
    assert summary["verdict"] == "faster" and summary["scenarios"][0]["comparisons"]["after"]["comparable"]
    assert summary["warnings"] == [
        "number of processors: 4 and 8, as intended",
        "memory: 8192 MiB and 12288 MiB, as intended",
        schedule.SEQUENTIAL,
    ]


def test_another_file_system_under_the_source_is_compared_where_it_is_what_was_changed():
    """As by the lever virtiofs, which no single run can try."""

    def on(wall, kind):
        one = machine(wall)
        one["fingerprints"]["variants"]["now"]["file_systems"] = {"source": kind, "gocache": "ext4"}
        return one

    both = on(1.0, "9p"), on(0.5, "virtiofs")
    refused = schedule.summarise(schedule.join_in_sequence(*both))
    assert refused["verdict"] == "unknown"
    summary = schedule.summarise(schedule.join_in_sequence(*both, changed_on_purpose=["drives"]))
    assert (summary["verdict"], summary["warnings"][0]) == (
        "faster",
        "file system of source: 9p and virtiofs, as intended",
    )


def test_a_change_on_purpose_that_is_not_in_force_is_named():
    summary = schedule.summarise(
        schedule.join_in_sequence(machine(1.0, kernel=None), machine(0.5), changed_on_purpose=["memory", "kernel"])
    )
    assert summary["warnings"] == [
        "memory meant to be changed, but the same in both measurements: is the change in force?",
        schedule.SEQUENTIAL,
    ]


def test_only_what_a_person_may_change_can_be_meant():
    with pytest.raises(ValueError, match="has disk, cpu: give names of processors, memory, kernel, drives"):
        schedule.join_in_sequence(machine(1.0), machine(0.5), changed_on_purpose=["disk", "memory", "cpu"])


def test_another_gomaxprocs_is_not_compared_in_sequence_and_may_be_tried_side_by_side():
    first, second = one_variant(1.0), one_variant(0.5)
    first["fingerprints"]["variants"]["now"]["gomaxprocs"] = "not set"
    second["fingerprints"]["variants"]["now"]["gomaxprocs"] = "1"
    both = schedule.join_in_sequence(first, second)
    assert "not compared: GOMAXPROCS: not set and 1" in schedule.summarise(both)["warnings"]
    assert schedule.summarise({**both, "evidence": "interleaved"})["verdict"] == "faster"


def test_a_busy_machine_is_told_of_measurements_in_sequence_whatever_they_say():
    first = one_variant(1.0)
    for one in (first["fingerprints"]["start"], first["fingerprints"]["end"]):
        one["cpus"] = 2
    first["load"] = 5.1
    summary = schedule.summarise(schedule.join_in_sequence(first, one_variant(0.5)))
    assert summary["verdict"] == "faster"
    assert "the machine was busy before (load 5.1 on 2 processors): repeat it when idle" in summary["warnings"]


def test_a_measurement_that_failed_is_not_compared():
    summary = schedule.summarise(schedule.join_in_sequence(one_variant(1.0), one_variant(0.5, status="failed")))
    assert summary["verdict"] == "unknown" and not summary["scenarios"][0]["comparisons"]


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
    summary = schedule.summarise(found)
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
    ],
)
def test_the_line_that_says_why_is_quoted(said, word):
    sentence = schedule.describe_failure(Run(0, "before", 1.0, 0.0, 0.0, 0, 0, exit_code=1, output_tail=said))
    assert sentence.endswith(f": {word}")


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
    summary = schedule.summarise(json.loads(json.dumps(experiment)))
    verdicts = {name: one["comparisons"]["lever7"]["verdict"] for one in summary["scenarios"] for name in [one["name"]]}
    assert set(verdicts.values()) == {"faster"}
    assert summary["overall"]["lever7"]["together"]["verdict"] == "faster"
    gone = summary["scenarios"][0]["dropped"]
    assert set(gone) < set(MANY) and min(gone.values()) >= 1 and "lever7" not in gone
    assert not any("rounds" in warning for one in summary["scenarios"] for warning in one["warnings"])


def test_a_candidate_is_compared_with_the_rounds_that_it_ran_in():
    """A machine that gets slower must not make those look fast that left early."""
    executor = Executor(lambda scenario, variant: 1.5 + executor.now / 200, noise=0.02)
    summary = schedule.summarise(screened(executor, budget=300.0))
    ratios = [one["ratio"] for each in summary["scenarios"] for one in each["comparisons"].values()]
    assert len(ratios) == 24 and min(ratios) > 0.93 and max(ratios) < 1.07


def test_candidates_are_compared_by_what_gos_benchmarks_say_and_not_by_how_long_they_ran():
    def report(scenario, variant, serial):
        return {"benchmarks": {"p.BenchmarkX": (60e-9 if variant == "lever7" else 120e-9) * (1 + serial % 7 / 1000)}}

    experiment = screened(Executor(same, fails=report), scenarios=("bench",))
    compared = schedule.summarise(experiment)["scenarios"][0]["comparisons"]
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
    summary = schedule.summarise(screened(executor))
    assert [one["status"] for one in summary["scenarios"]] == ["measured", "measured"]
    assert summary["scenarios"][1]["failures"]["lever3"].endswith("while warming up: vet: no such flag")
    assert summary["scenarios"][1]["comparisons"]["lever7"]["verdict"] == "faster"
    assert "lever3" not in summary["scenarios"][1]["comparisons"]
    assert len([one for one in executor.order if one[1] == "lever3"]) <= 3
