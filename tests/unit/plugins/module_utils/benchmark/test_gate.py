# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import gate, report


def _simulation():
    path = Path(__file__).parents[5] / "benchmarks" / "gate.py"
    spec = importlib.util.spec_from_file_location("wsltune_benchmark_gate", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SIMULATION = _simulation()


@pytest.fixture(scope="module")
def earlier():
    return SIMULATION.session(1, drift=0.0)


@pytest.fixture(scope="module")
def now():
    return SIMULATION.session(2, drift=0.0)


def results(experiment):
    return json.dumps(report.make_hyperfine(experiment))


def changed(experiment, key, value):
    """The same experiment of a machine that has another value of its fingerprint."""
    copy = json.loads(json.dumps(experiment))
    for place in (copy["fingerprints"]["start"], copy["fingerprints"]["end"]):
        place[key] = value
    copy["fingerprints"]["variants"]["now"][key] = value
    return copy


def test_a_file_holds_what_was_measured(earlier):
    read = gate.read_results(results(earlier), "results.json")
    for one, again in zip(earlier["scenarios"], read["scenarios"]):
        for variant in ("now", "control"):
            times = [run["wall"] for run in one["runs"] if run["round"] and run["variant"] == variant]
            assert times == [run["wall"] for run in again["runs"] if run["variant"] == variant]


def test_what_somebody_elses_file_says_follows_no_terminal(earlier, now):
    data = json.loads(results(earlier))
    for scenario in data["wsltune"]["scenarios"]:
        scenario["command"] = "\x1b]0;owned\x07 go test\ud800"
    told = gate.judge(now, "box", "old.json", json.dumps(data))
    assert told["verdict"] == gate.UNKNOWN and "\\x1b]0;owned\\x07 go test\\ud800" in repr(told).replace("\\\\", "\\")
    assert "\x1b" not in told["text"] + told["reason"]


def test_the_same_is_fine_and_more_is_slower(earlier, now):
    told = gate.judge(now, "box", "old.json", results(earlier))
    assert told["verdict"] == gate.FINE, told
    slow = SIMULATION.session(2, ratio=1.2, drift=0.0)
    told = gate.judge(slow, "box", "old.json", results(earlier))
    assert told["verdict"] == gate.SLOWER
    assert told["reason"].startswith("It got slower: repeated tests take ")
    assert "different times" in " ".join(told["text"].split())
    assert all(len(line) <= report.WIDTH for line in told["text"].splitlines())


def test_a_machine_that_was_busy_at_one_time_says_nothing_of_the_module(earlier):
    slow = dict(SIMULATION.session(2, ratio=1.3, drift=0.0), load=5.0)
    told = gate.judge(slow, "box", "old.json", results(earlier))
    assert (told["verdict"], "the machine was busy before (load 5.0" in told["reason"]) == (gate.UNKNOWN, True)
    # What made the earlier run slow hides what makes this one slow.
    hidden = dict(SIMULATION.session(1, ratio=1.3, drift=0.0), load=5.0)
    slower = SIMULATION.session(2, ratio=1.2, drift=0.0)
    told = gate.judge(slower, "box", "old.json", results(hidden))
    assert told["verdict"] == gate.UNKNOWN
    assert "busy before old.json was measured (load 5.0 on 2 processors): measure that anew" in told["reason"]
    # What was not slower beside other work of now is not slower.
    assert gate.judge(dict(earlier, load=5.0), "box", "old.json", results(earlier))["verdict"] == gate.FINE
    # Both revisions of one run share the load.
    both = dict(SIMULATION.session(2, ("before", "now"), ratio=1.3), load=5.0)
    assert gate.judge(both, "box", "main")["verdict"] == gate.SLOWER


def test_how_many_runs_there_are_is_said_of_both_sides(now):
    """Of a file that compared a revision its own runs count, and of this run also those of the control."""
    revision = SIMULATION.session(1, ("before", "now"), drift=0.0)
    text = gate.judge(now, "box", "old.json", results(revision))["text"]
    count = sum(run["variant"] == "now" and run["round"] > 0 for run in revision["scenarios"][0]["runs"])
    runs = sum(run["round"] > 0 for run in now["scenarios"][0]["runs"])
    assert count != runs and f"n = {count} and {runs}," in text


def test_what_two_times_make_of_a_machine_is_no_slower_module(earlier):
    two_percent = SIMULATION.session(2, ratio=1.02, noise=0.001, drift=0.0)
    steady = SIMULATION.session(1, noise=0.001, drift=0.0)
    assert gate.judge(two_percent, "box", "old.json", results(steady))["verdict"] == gate.FINE
    both = SIMULATION.session(2, ("before", "now"), ratio=1.02, noise=0.001)
    assert gate.judge(both, "box", "main")["verdict"] == gate.SLOWER


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("kernel", "7.0", "kernel: 7.0 and 6.18"),
        ("cpus", 8, "number of processors: 8 and 2"),
        ("power", "battery", ""),
        ("go", "go1.26", "Go version: go1.26 and go1.27.3"),
        ("module", "example.com/other", "module: example.com/other and example.com/shop"),
    ],
)
def test_a_file_of_something_else_cannot_be_compared(earlier, now, key, value, said):
    now = changed(now, "module", "example.com/shop")
    told = gate.judge(now, "box", "old.json", results(changed(earlier, key, value)))
    # The power source of one side is not known, which says nothing.
    assert told["verdict"] == (gate.UNKNOWN if said else gate.FINE)
    assert said in told["reason"]


@pytest.mark.parametrize("place", ["source", "tmpdir", "gotmpdir", "gocache"])
def test_a_file_of_a_time_when_a_place_lay_elsewhere_cannot_be_compared(earlier, now, place):
    """A measurement has its places with the variant, where those that a lever moves may differ."""

    def on(experiment, kind):
        copy = json.loads(json.dumps(experiment))
        copy["fingerprints"]["variants"]["now"]["file_systems"] = {place: kind}
        return copy

    told = gate.judge(on(now, "tmpfs"), "box", "old.json", results(on(earlier, "ext4")))
    assert told["verdict"] == gate.UNKNOWN and f"file system of {place}: ext4 and tmpfs" in told["reason"]
    assert gate.judge(on(now, "ext4"), "box", "old.json", results(on(earlier, "ext4")))["verdict"] == gate.FINE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no old.json yet"),
        ("", "is no results.json"),
        ("[" * 100000, "is no results.json"),
        ("{}", "is no results.json"),
        ('{"results": 1, "wsltune": {"format": 1, "variants": [{"name": "now"}]}}', "is no results.json"),
        ('{"results": [], "wsltune": {"format": 9}}', "another version of wsltune (format 9)"),
        ('{"results": [], "wsltune": {"format": 1, "variants": [{"name": "after"}]}}', "compared settings"),
    ],
)
def test_a_file_that_is_none_of_ours_is_one_sentence(now, text, said):
    told = gate.judge(now, "box", "old.json", text)
    assert told["verdict"] == gate.UNKNOWN
    assert said in told["reason"]
    # What was measured is shown all the same.
    assert "Go takes" in told["text"]


def test_a_file_with_times_that_are_none_is_refused(earlier, now):
    data = json.loads(results(earlier))
    data["results"][0]["times"][0] = -1.0
    assert "a time is not above zero" in gate.judge(now, "box", "old.json", json.dumps(data))["reason"]


def test_other_tests_than_before_are_not_compared(earlier, now):
    other = json.loads(json.dumps(earlier))
    for scenario in other["scenarios"]:
        scenario["command"] += " ./price"
    told = gate.judge(now, "box", "old.json", results(other))
    assert (told["verdict"], "it was 'go test test ./price'" in told["reason"]) == (gate.UNKNOWN, True)


def test_a_scenario_that_the_file_lacks_is_named(now):
    one = SIMULATION.session(1, drift=0.0, scenarios=("test",))
    assert "the earlier file has no edit" in gate.judge(now, "box", "old.json", results(one))["reason"]


def test_a_revisions_file_counts_for_what_lay_there(now):
    both = SIMULATION.session(1, ("before", "now"), ratio=1.0, drift=0.0)
    assert gate.judge(now, "box", "old.json", results(both))["verdict"] == gate.FINE


def test_noise_that_hides_a_tenth_is_no_fine():
    told = gate.judge(SIMULATION.session(3, ("before", "now"), noise=0.3), "box", "main")
    assert told["verdict"] == gate.UNKNOWN
    assert "vary so much" in told["reason"]


def test_too_little_time_measures_nothing():
    told = gate.judge(SIMULATION.session(3, budget=5.0), "box", "main")
    assert told["verdict"] == gate.NOTHING
    assert "-e verify_budget_minutes=" in told["reason"]


def test_tests_that_were_left_out_are_named(earlier, now):
    """Else a time of linking alone would pass for that of the tests."""
    notes = ["measured without TestA in shop (x_test.go:3: no)", "measured by building and linking the tests alone, x"]
    scenarios = [{**scenario, "notes": notes} for scenario in now["scenarios"]]
    for told in (
        gate.judge({**now, "scenarios": scenarios}, "box"),
        gate.judge({**now, "scenarios": scenarios}, "box", "old.json", results(earlier)),
    ):
        text = " ".join(told["text"].split())
        assert all(text.count(f"Note: {note}.") == 1 for note in notes)
        assert told["verdict"] == gate.FINE


def test_a_file_stays_where_nothing_is_measured(now):
    """Else the earlier run that the next one is compared with would be lost."""
    assert gate.judge(now, "box", results="/r/results.json")["text"].endswith("Results: /r/results.json")
    told = gate.judge(SIMULATION.session(3, budget=5.0), "box", "main", results="/r/results.json")
    assert told["verdict"] == gate.NOTHING and "Results:" not in told["text"]
    tasks = yaml.safe_load((Path(__file__).parents[5] / "roles/verify/tasks/bench.yml").read_text(encoding="utf-8"))
    assert tasks[-1]["when"] == "verify_result.verdict != 'nothing'"


def test_nothing_measured_has_the_reason_of_the_module():
    told = gate.judge({}, "box", why_not="there is no Go.")
    assert (told["verdict"], told["reason"]) == (gate.NOTHING, "Nothing could be measured: there is no Go.")


@pytest.mark.parametrize("compare", [SIMULATION.against_revision, SIMULATION.against_file])
def test_equal_is_not_called_slower_and_a_tenth_is_caught(compare):
    equal = SIMULATION.shares(compare, 40, 1.0)
    slower = SIMULATION.shares(compare, 40, 1.1)
    # At 5 % and 95 % of 40 these have a probability of less than 1 in 100.
    assert equal[gate.SLOWER] <= 6
    assert slower[gate.SLOWER] >= 34
