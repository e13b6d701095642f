# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import summaries
from tests.unit.plugins.module_utils.benchmark.executor import Executor, faster, measured, same


def test_too_few_rounds_give_no_verdict():
    executor = Executor(faster)
    summary = summaries.summarise(measured(executor, min_runs=3, max_runs=4))
    assert summary["verdict"] == "unknown"
    assert summary["scenarios"][0]["comparisons"]["after"]["verdict"] == "too few runs"
    assert any("6 are needed" in warning for warning in summary["scenarios"][0]["warnings"])


def test_a_control_that_differs_takes_the_verdict_away():
    def cost(scenario, variant):
        return {"before": 1.5, "after": 1.3, "control": 1.3}[variant]

    summary = summaries.summarise(measured(Executor(cost)))
    assert summary["verdict"] == "unknown"
    assert summary["scenarios"][0]["comparisons"]["after"]["verdict"] == "unknown"
    assert "too unsteady" in summary["scenarios"][0]["warnings"][0]


@pytest.mark.parametrize(
    ("after", "control", "verdict"), [(0.4, 1.6, "faster"), (2.9, 1.4, "slower"), (1.4, 1.6, "unknown")]
)
def test_a_control_that_differs_leaves_what_is_far_beyond_it(after, control, verdict):
    def cost(scenario, variant):
        return {"before": 1.5, "after": after, "control": control}[variant]

    summary = summaries.summarise(measured(Executor(cost), scenarios=["test"]))
    assert summary["scenarios"][0]["control"]["verdict"] != "~"
    assert summary["scenarios"][0]["comparisons"]["after"]["verdict"] == verdict
    said = "the machine was too unsteady" if verdict == "unknown" else "the differences found are far beyond that"
    assert summary["scenarios"][0]["warnings"][0].endswith(said)


def test_faster_here_and_slower_there_is_mixed():
    def cost(scenario, variant):
        return 1.5 if variant != "after" else {"test": 1.3, "edit": 1.7}[scenario]

    summary = summaries.summarise(measured(Executor(cost)))
    assert (summary["verdict"], summary["mixed"]) == ("~", True)


def test_slow_first_runs_and_outliers_are_warned_about():
    found = measured(Executor(same), scenarios=["test"])
    runs = [run for run in found["scenarios"][0]["runs"] if run["round"]]
    runs[0]["wall"] = 30.0
    next(run for run in runs if run["variant"] != runs[0]["variant"] and run["round"] == 3)["wall"] = 30.0
    warnings = summaries.summarise(found)["scenarios"][0]["warnings"]
    assert any(f"the first run of {runs[0]['variant']} was slow" in warning for warning in warnings)
    assert any("1 run lies far from the others" in warning for warning in warnings)


def test_runs_that_lie_apart_are_one_sentence():
    quiet, apart = [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01], [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 9.0]
    warn = summaries._list_warnings
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
    summary = summaries.summarise(measured(Executor(cost), scenarios=["test"], names=names))
    assert summary["overall"]["tmpfs"]["verdict"] == "faster"
    assert summary["overall"]["cgo"]["verdict"] == "~"


def test_a_summary_is_plain_json():
    for executor in (Executor(faster), Executor(same, fails=lambda *run: {"exit_code": 1})):
        summary = summaries.summarise(measured(executor))
        assert json.loads(json.dumps(summary, allow_nan=False)) == summary


@pytest.mark.parametrize(("ratio", "text"), [(0.9, "-10.0 %"), (1.1234, "+12.3 %"), (0.9999, "0.0 %"), (None, "?")])
def test_percent(ratio, text):
    assert summaries.write_percent(ratio) == text
