# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import dataclasses
import importlib.util
import json
import random
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import schedule, summaries
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import Scenario
from ansible_collections.wsltune.go.plugins.module_utils.levers import decide as levers_decide
from ansible_collections.wsltune.go.plugins.module_utils.levers.decide import Decision
from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo

MACHINE = {"kernel": "6.6", "cpus": 2, "go": "go1.27", "file_systems": {"gocache": "ext4"}}


def comparison(verdict, ratio=0.9, low=0.85, high=0.95, p=0.001):
    return {"verdict": verdict, "ratio": ratio, "low": low, "high": high, "p": p}


def summary(reason="", **scenarios):
    found = [
        {"name": name, "reason": reason, "comparisons": {"x": one} if one else {}} for name, one in scenarios.items()
    ]
    return {"scenarios": found, "warnings": []}


@pytest.mark.parametrize(
    ("test", "edit", "kept", "says"),
    [
        (comparison("faster"), comparison("~"), True, "test is faster with it"),
        (comparison("~"), comparison("faster"), True, "edit is faster with it"),
        (comparison("~"), comparison("~"), False, "no clear difference"),
        (comparison("slower", 1.2), comparison("~"), False, "it makes test slower; a guess would have cost +20.0 %"),
        (comparison("faster"), comparison("slower", 1.2), False, "it makes edit slower, though faster for test"),
        (comparison("unknown"), comparison("unknown"), False, "no verdict: unknown"),
        (comparison("too few runs"), None, False, "no verdict: too few runs"),
    ],
)
def test_what_is_kept(test, edit, kept, says):
    decision = levers_decide.judge("x", summary(test=test, edit=edit))
    assert (decision.kept, decision.tried) == (kept, True)
    assert decision.reason.startswith(says)


def test_what_could_not_be_measured_is_not_kept():
    decision = levers_decide.judge("x", summary(reason="tests fail", test=None))
    assert (decision.kept, decision.tried) == (False, False)
    assert decision.reason == "not measured: tests fail"


def test_a_lever_that_breaks_go_is_not_kept():
    decision = levers_decide.decide_broken(
        levers_decide.judge("x", summary(test=comparison("faster"))), "go run: permission denied"
    )
    assert not decision.kept and decision.reason == "Go does not work with it: go run: permission denied"


def test_what_a_move_is_tried_on():
    projects = ["/mnt/c/shop", "/mnt/c/shop2"]
    modules = ["/home/a/x", "/mnt/c/shop2/api", "/mnt/c/shop2"]
    assert levers_decide.list_moves(projects, modules) == [
        ("/mnt/c/shop2", "api"),
        ("/mnt/c/shop2", "."),
        ("/mnt/c/shop", "."),
        ("/mnt/c/shop2", "."),
    ]


def won(name, ratio):
    return Decision(name, True, True, "test is faster with it", ratio=ratio)


def test_winners_that_are_not_faster_together_leave_the_best_of_them():
    lost = Decision("together", True, False, "no clear difference")
    settled = levers_decide.settle([won("a", 0.9), won("b", 0.7)], lost)
    assert [decision.kept for decision in settled] == [False, True]
    assert "b alone gains more" in settled[0].reason


def test_winners_that_are_faster_together_stay():
    together = Decision("together", True, True)
    assert all(decision.kept for decision in levers_decide.settle([won("a", 0.9), won("b", 0.7)], together))
    assert levers_decide.settle([won("a", 0.9)], None)[0].kept


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, ""),
        ({"workload": {"modules": ["/other"]}}, "another workload"),
        ({"fingerprint": dict(MACHINE, kernel="6.18")}, "the machine has changed (kernel: 6.18 and 6.6)"),
        ({"fingerprint": dict(MACHINE, file_systems={"gocache": "9p"})}, "the machine has changed (file system"),
        ({"decided_at": 1e9 - 31 * 86400}, "it was decided 31 days ago"),
        ({"decided_at": 1e9 + 86400}, "it was decided -1 days ago"),
    ],
)
def test_how_long_a_decision_holds(changes, says):
    record = {"workload": {"modules": []}, "fingerprint": MACHINE, "decided_at": 1e9 - 86400, **changes}
    reason = levers_decide.explain_stale(record, dict(MACHINE), {"modules": []}, 1e9, 30)
    assert reason.startswith(says) and bool(reason) == bool(says)
    assert levers_decide.explain_stale({}, MACHINE, {}, 1e9, 30) == "nothing was decided yet"


LATE = Decision("b", False, reason=levers_decide.NO_TIME)


@pytest.mark.parametrize(
    ("held", "wanted", "has_more_time", "answer"),
    [
        ({}, [], False, False),
        ({"a": Decision("a", True)}, ["a"], True, True),
        ({"a": Decision("a", True)}, [], False, True),
        ({"a": Decision("a", True)}, ["a", "b"], False, False),
        ({"a": Decision("a", True), "b": LATE}, ["a", "b"], False, True),
        ({"a": Decision("a", True), "b": LATE}, ["a", "b"], True, False),
    ],
)
def test_for_which_levers_earlier_decisions_answer(held, wanted, has_more_time, answer):
    assert levers_decide.answers_for(held, wanted, has_more_time) is answer


def test_what_is_recorded_of_decisions_beside_the_earlier_ones():
    recorded = {name: Decision(name, True, kept=True).to_json() for name in ("a", "c", "d")}
    decisions = [Decision("a", True, reason="new"), LATE, levers_decide.decide_idle("c", "there is no drive")]
    merged = levers_decide.merge_recorded(recorded, decisions)
    assert sorted(merged) == ["a", "b", "d"] and merged["d"] == recorded["d"]
    assert (merged["a"]["reason"], merged["a"]["kept"]) == ("new", False)


def test_what_each_lever_is_for_one_run():
    assert levers_decide.make_environment("gotmpdir_tmpfs", "/run/t", "/home/a") == {"GOTMPDIR": "/run/t/gotmpdir"}
    memory = {"TMPDIR": "/run/t/tmp", "GOTMPDIR": "/run/t/tmp"}
    assert levers_decide.make_environment("tmp_in_memory", "/run/t", "/home/a", own={"GOTMPDIR": "/tmp"}) == memory
    assert (
        levers_decide.make_environment("tmp_in_memory", "/run/t", "/home/a", own={"GOTMPDIR": "/x", "TMPDIR": "/y"})
        == {}
    )
    assert levers_decide.make_environment("cgo_disabled", "/run/t", "/home/a") == {"CGO_ENABLED": "0"}
    assert levers_decide.make_environment("caches_local", "/run/t", "/home/a", ["GOCACHE"]) == {
        "GOCACHE": "/home/a/.cache/go-build"
    }
    assert "do not lie on a Windows drive" in levers_decide.explain_no_effect("caches_local", [])
    assert not levers_decide.explain_no_effect("caches_local", ["GOMODCACHE"]) and not levers_decide.explain_no_effect(
        "gotmpdir_tmpfs", []
    )
    assert levers_decide.explain_no_effect("gotmpdir_tmpfs", [], ["GOTMPDIR"]) == "GOTMPDIR is in memory already"
    assert "is in memory already" in levers_decide.explain_no_effect("tmp_in_memory", [], ["TMPDIR", "GOTMPDIR"])
    assert not levers_decide.explain_no_effect("gocache_tmpfs", [], ["GOTMPDIR"])
    assert not levers_decide.explain_no_effect("cgo_disabled", [], ["GOTMPDIR", "GOCACHE"])


WON = """{"lever": "x", "tried": true, "kept": true, "evidence": "interleaved", "scenario": "test", "ratio": 0.9, \
"low": 0.85, "high": 0.95, "p": 0.001, "verdict": "faster", "reason": "test is faster with it"}"""
RECORDED = [
    WON,
    '{"lever": "x", "tried": false, "kept": false, "evidence": "interleaved", "reason": "not measured: tests fail"}',
    '{"lever": "x", "tried": false, "kept": false, "evidence": "none", "reason": "not tried: no use"}',
]


def test_the_json_of_a_decision_is_what_it_was_before_it_had_a_type():
    decisions = [
        levers_decide.judge("x", summary(test=comparison("faster"))),
        levers_decide.judge("x", summary(reason="tests fail", test=None)),
        levers_decide.decide_idle("x", "no use"),
    ]
    assert [json.dumps(decision.to_json()) for decision in decisions] == RECORDED
    assert [Decision.from_json(json.loads(text)) for text in RECORDED] == decisions
    later = {**json.loads(RECORDED[0]), "of_a_later_version": 1}
    assert Decision.from_json(later) == decisions[0]


def test_a_decision_in_one_line():
    decision = levers_decide.judge("x", summary(test=comparison("faster")))
    assert levers_decide.write_sentence(decision) == "x kept, -10.0 % [-15.0 to -5.0], p=0.001: test is faster with it"
    assert " p<0.0001: " in levers_decide.write_sentence(dataclasses.replace(decision, p=0.00004))
    assert levers_decide.write_sentence(levers_decide.decide_idle("y", "z")) == "y not tried: z"


class Machine:
    """Runs that take a set time and noise of 3 %; a virtual clock, so that a day passes in a moment."""

    def __init__(self, seed, costs):
        self.now, self.noise, self.costs = 0.0, random.Random(seed), costs

    def execute(self, _scenario, name, _serial):
        wall = self.costs.get(name, 1.0) * self.noise.lognormvariate(0, 0.03)
        self.now += wall
        return {"wall": wall, "user": wall, "system": 0.0, "max_rss": 1, "blocks_written": 0, "exit_code": 0}


def decide(seed, costs):
    machine = Machine(seed, costs)
    names = [levers_decide.BASELINE, "helps", "useless", "harms"]
    scenarios = schedule.measure(
        [Scenario("test"), Scenario("edit")],
        names,
        machine.execute,
        schedule.Clock(lambda: machine.now, 0.0, 180.0),
        seed,
    )
    prints = {"start": MACHINE, "end": MACHINE, "variants": dict.fromkeys(names, MACHINE)}
    found = summaries.summarise(
        {
            "variants": [{"name": name} for name in names],
            "scenarios": [scenario.to_json() for scenario in scenarios],
            "fingerprints": prints,
        }
    )
    return {name: levers_decide.judge(name, found).kept for name in names[1:]}


def test_the_lever_planted_to_help_is_kept_and_the_others_are_dropped_in_twenty_repetitions():
    wanted = {"helps": True, "useless": False, "harms": False}
    costs = {"helps": 0.9, "useless": 1.0, "harms": 1.1}
    assert [decide(seed, costs) for seed in range(20)] == [wanted] * 20


def test_useless_levers_are_kept_in_fewer_than_five_of_a_hundred():
    kept = [name for seed in range(300) for name, one in decide(1000 + seed, {}).items() if one]
    assert len(kept) <= 15


DRIVE = mountinfo.parse(
    "22 1 8:1 / / rw - ext4 /dev/sdc rw\n80 22 0:40 / /mnt/c rw - 9p C: rw,aname=drvfs;path=C:\\134;uid=1000,trans=fd\n"
)


def test_a_path_without_windows_directories():
    path = "/usr/local/bin:/mnt/c/Windows/system32:bin::/mnt/c/Users/a/go/bin:/mnt/cache/bin"
    kept = levers_decide.drop_windows_folders(path, DRIVE)
    assert kept == "/usr/local/bin:bin::/mnt/cache/bin"
    assert levers_decide.make_environment("append_windows_path", "/t", "/home/a", ["PATH"], kept) == {"PATH": kept}
    assert levers_decide.make_environment("append_windows_path", "/t", "/home/a", [], kept) == {}
    assert levers_decide.explain_no_effect("append_windows_path", []) == "PATH has no directory on a Windows drive"
    assert not levers_decide.explain_no_effect("append_windows_path", ["PATH"])


@pytest.fixture(scope="module")
def simulated():
    path = Path(__file__).parents[5] / "benchmarks" / "screening.py"
    spec = importlib.util.spec_from_file_location("wsltune_benchmark_screening", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_of_twelve_levers_without_effect_hardly_any_is_kept(simulated):
    """At most 5 of 100 experiments are promised; about 1 is what the simulation in docs/benchmarks.md has."""
    assert sum(bool(simulated.experiment(seed).kept) for seed in range(200)) <= 10


def test_among_twelve_levers_the_two_that_help_are_found(simulated):
    five, ten = simulated.everywhere(0.95), simulated.everywhere(0.9)
    outcomes = [simulated.experiment(1000 + seed, (five, ten)) for seed in range(200)]
    assert sum(one.found(five) for one in outcomes) >= 160
    assert sum(one.found(ten) for one in outcomes) >= 190
    assert sum(one.kept_without_effect() for one in outcomes) <= 10
    assert max(one.seconds for one in outcomes) <= simulated.BUDGET * (1 + schedule.OVERRUN)


def screened(**more):
    few = comparison("too few runs", 0.99, 0.0, None)
    scenario = {"name": "test", "reason": "", "comparisons": {"x": few, "y": comparison("~", 0.97)}, **more}
    return {"scenarios": [scenario, {**scenario, "name": "edit"}], "warnings": [], "overall": {}}


def test_a_lever_that_fell_behind_says_when():
    decision = levers_decide.judge("x", screened(dropped={"x": 2}))
    assert (decision.tried, decision.kept, decision.reason) == (True, False, "others led after 2 rounds")


def test_a_lever_is_kept_that_all_scenarios_together_show():
    summary = screened()
    summary["overall"] = {"y": {"together": comparison("faster", 0.96, 0.93, 0.99)}}
    decision = levers_decide.judge("y", summary)
    assert (decision.kept, decision.scenario, decision.high) == (True, "test and edit", 0.99)
    assert decision.reason == "test and edit are faster with it"
    summary["overall"]["y"]["together"] = comparison("slower", 1.04)
    assert not levers_decide.judge("y", summary).kept


@pytest.mark.parametrize(
    ("lever", "failure", "told"),
    [
        ("caches_local", "go test exited with 1: write /tmp/go-build1/b001/x: no space left on device", False),
        ("caches_local", "go test exited with 1: write $WORK/b001/x: no space left on device", False),
        ("caches_local", "go test exited with 1: /home/a/.cache: disk quota exceeded", False),
        ("gotmpdir_tmpfs", "go test exited with 1: write /run/wt-12/gotmpdir/x: no space left on device", True),
        ("gotmpdir_tmpfs", "go test exited with 1: write $WORK/b001/x: no space left on device", True),
        ("gotmpdir_tmpfs", "go test exited with 1: write /tmp/x: no space left on device", False),
        ("caches_local", "go test exited with 1: panic", True),
        ("caches_local", "go test of variant x was stopped in round 1, because only 9 MiB of memory were left", False),
        ("tool_gc", "go build: /usr/lib/go/pkg/tool/linux_amd64/compile: signal: killed", False),
        ("vet_off", "go test of variant vet_off exited with -9 in round 2", False),
        ("parallel", "go test: exit -9", False),
        ("parallel", "go test exited with 1: fork/exec /tmp/a.test: cannot allocate memory", False),
    ],
)
def test_a_folder_or_memory_that_anybody_can_fill_says_nothing_about_a_lever(lever, failure, told):
    decision = levers_decide.decide_broken(Decision(lever, True, kept=True), failure)
    assert not decision.kept and decision.tried is told
    assert levers_decide.write_sentence(decision).startswith(f"{lever} not kept" if told else f"{lever} not told: ")


@pytest.mark.parametrize("how", ["not measured: only 9 MiB of memory were left", "not told: /tmp lay on a full disk"])
def test_winners_that_could_not_run_together_are_tried_again_but_for_the_best(how):
    winners = [Decision("a", True, kept=True, ratio=0.9), Decision("b", True, kept=True, ratio=0.8)]
    settled = levers_decide.settle(winners, Decision("together", False, reason=how))
    assert [(one.tried, one.kept) for one in settled] == [(False, False), (True, True)]
    assert levers_decide.write_sentence(settled[0]).startswith("a not told: disk or memory was short")
    # Here it is known that they are not faster.
    settled = levers_decide.settle(winners, Decision("together", True, reason="no clear difference"))
    assert [(one.tried, one.kept) for one in settled] == [(True, False), (True, True)]


def test_a_lever_that_failed_is_not_kept():
    decision = levers_decide.judge("x", screened(failures={"x": "go test exited with 1"}))
    assert decision.reason == "Go does not work with it: go test exited with 1" and not decision.kept


def test_what_the_budget_has_no_time_for_is_one_sentence():
    summary = screened(dropped={"a": 0, "b": 0, "x": 1}, enough=7)
    decisions = [levers_decide.judge(name, summary) for name in ("a", "x", "b")]
    assert [one.tried for one in decisions] == [False, True, False]
    assert levers_decide.write_sentences(decisions) == [
        "x not kept: others led in the first rounds, so these ran no more",
        "a and b not tried: the budget has no time for them; -e verify_budget_minutes=7 is enough for all",
    ]


def test_levers_are_ranked_by_what_they_gain():
    decisions = [
        levers_decide.decide_idle("d", "there is no drive"),
        Decision("b", True, ratio=0.99, reason="others led after 1 round"),
        Decision("c", True, ratio=1.2, reason="no clear difference"),
        Decision("a", True, kept=True, ratio=0.95),
        Decision("e", True, kept=True, ratio=0.80),
    ]
    assert [one.lever for one in levers_decide.rank(decisions)] == ["e", "a", "c", "b", "d"]
