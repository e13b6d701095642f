# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import report as bench_report
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import summaries

GOLDEN = Path(__file__).parent / "golden"
# What the spread of the runs is made of: some hundredths, in no order.
SPREAD = (0.3, -1.1, 0.8, -0.2, 1.4, -0.7, 0.1, -1.6, 0.5, 1.0)


def experiment(test=0.88, edit=1.0, control=1.002, unit=0.01):
    """What go_benchmark returns, with the given ratios of after to before."""
    scenarios = []
    for name, seconds, ratio in (("test", 1.4, test), ("edit", 1.6, edit)):
        runs = []
        for number, offset in enumerate(SPREAD, 1):
            for variant, factor, shift in (("before", 1.0, 0), ("after", ratio, 3), ("control", control, 7)):
                # Each variant meets the same spread in another order.
                wall = seconds * factor * (1 + unit * SPREAD[(number + shift) % len(SPREAD)]) + offset * 1e-5
                runs.append(
                    {
                        "round": number,
                        "variant": variant,
                        "wall": wall,
                        "user": 1.2 * wall,
                        "system": 0.25 * wall,
                        "max_rss": 163012608,
                        "blocks_written": 160 if variant == "after" else 59712,
                        "exit_code": 0,
                    }
                )
        scenarios.append(
            {
                "name": name,
                "command": "go test -count=1 bufio sort" if name == "test" else "go test ./...",
                "status": "measured",
                "reason": "",
                "stopped": "budget",
                "alpha": 0.0214,
                "runs": runs,
            }
        )
    machine = {
        "kernel": "6.18.35.2-microsoft-standard-WSL2",
        "machine": "x86_64",
        "cpu_model": "Some CPU @ 3.00GHz",
        "cpus": 8,
        "memory_bytes": 16 * 2**30,
        "power": "mains",
    }
    places = {"source": "ext4", "goroot": "ext4", "gocache": "ext4", "tmpdir": "ext4"}
    return {
        "format": 1,
        "user": "ada",
        "seed": 42,
        "started": "2026-11-23T21:00:00Z",
        "elapsed": 140.0,
        "budget_minutes": 3.0,
        "load": 0.1,
        "go": "/usr/local/go/bin/go",
        "variants": [
            {"name": "before", "environment": {"GOTMPDIR": "/tmp"}, "unset": [], "directory": None},
            {"name": "after", "environment": {}, "unset": [], "directory": None},
        ],
        "fingerprints": {
            "start": machine,
            "end": machine,
            "variants": {
                "before": {"go": "go1.27.3", "file_systems": {**places, "gotmpdir": "ext4"}},
                "after": {"go": "go1.27.3", "file_systems": {**places, "gotmpdir": "tmpfs"}},
            },
        },
        "scenarios": scenarios,
    }


def told(found, **options):
    options = {
        "title": "Go on laptop (user ada)",
        "changes": ["GOTMPDIR of ada and root is /var/cache/gotmp/<user>, on a tmpfs of 2 GiB"],
        "pending": ["/etc/wsl.conf [automount] options: in force after wsl.exe --terminate Debian"],
        "undo": "ansible-playbook playbooks/rollback.yml",
        "report": "/home/ada/.local/state/wsltune/laptop/report.html",
        **options,
    }
    return bench_report.write_text(summaries.summarise(found) if found else None, **options)


def in_nanoseconds():
    found = experiment(test=1.0 - 2e-4, unit=0.00003)
    for run in found["scenarios"][0]["runs"]:
        run["wall"] *= 1e-7
    return found


def test_a_time_has_the_same_unit_in_the_table_and_below_it():
    lines = told(in_nanoseconds()).splitlines()
    assert any(line.split()[:5] == ["test", "140", "ns", "140", "ns"] for line in lines)
    assert any(line.startswith("test: 140 to 140 ns before, 140 to 140 ns after, n = 10") for line in lines)


@pytest.mark.parametrize(
    ("values", "text"),
    [([1.38, 1.42], "1.38 to 1.42 s"), ([0.0095, 0.0104], "9.5 ms to 0.01 s"), ([2e-7, 1e-7], "100 to 200 ns")],
)
def test_a_range_has_its_unit_once(values, text):
    assert bench_report.write_range(values) == text


def check_golden(name, text):
    path = GOLDEN / name
    if os.environ.get("WSLTUNE_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


FAILED = experiment()
FAILED["scenarios"][0].update(status="failed", reason="go test of variant after exited with 1 in round 3: --- FAIL: X")
FAILED["scenarios"][1].update(
    status="skipped",
    reason="6 rounds of 90 s each do not fit into 3 minutes: run it again with -e verify_budget_minutes=10",
)
CASES = {
    "faster": (experiment(), {}),
    "both": (experiment(edit=0.95), {}),
    "slower": (experiment(test=1.07), {"on_slower": "rollback"}),
    "same": (experiment(test=1.001), {}),
    "mixed": (experiment(edit=1.2), {}),
    "unsteady": (experiment(control=0.9), {}),
    "failed": (FAILED, {}),
    "unmeasured": (None, {"why_not": "verify_benchmark is false", "changes": [], "pending": [], "report": ""}),
}


@pytest.mark.parametrize("case", CASES)
def test_summary_at_the_terminal(case):
    found, options = CASES[case]
    check_golden(f"summary_{case}.txt", told(found, **options))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("much", [0, 1, 30])
def test_summary_fits_a_terminal(case, much):
    found, options = CASES[case]
    sentences = [
        f"sentence {n} " + "which is long enough to need more than one line of a terminal " * 2 for n in range(much)
    ]
    text = told(found, **{**options, "changes": sentences, "pending": sentences, "notes": sentences})
    lines = text.splitlines()
    # Each label has one whole sentence at least.
    assert len(lines) <= (25 if much < 30 else 28)
    flowing = " ".join(text.split())
    assert all(" ".join(sentence.split()) in flowing for sentence in sentences[:1])
    assert all(len(line) <= 80 for line in lines), max(lines, key=len)
    assert "ansible-playbook playbooks/rollback.yml" in text
    if much == 30:
        assert all(re.search(rf"^{label}", text, re.M) for label in ("Changed:", "Pending:", "Note:"))
        assert flowing.count(" more, see the report") + flowing.count(" more, which -v shows") == 3


def test_what_the_numbers_stand_for_is_said_before_other_notes() -> None:
    found = experiment()
    for scenario in found["scenarios"]:
        scenario["notes"] = ["measured without TestFlaky"]
    summary = summaries.summarise(found)
    summary["warnings"].append("the power changed")
    text = bench_report.write_text(summary, notes=["a note"])
    assert text.count("measured without TestFlaky") == 1
    assert text.index("measured without TestFlaky") < text.index("a note") < text.index("the power changed")


@pytest.mark.parametrize(
    ("case", "first"),
    [
        ("faster", "It helped: repeated tests take 12 % less time"),
        ("slower", "It got slower: repeated tests take 7.0 % more time"),
        ("same", "No clear difference in time"),
        ("mixed", "Mixed: repeated tests take 12 % less time and tests after an edit take 20 %"),
        ("unsteady", "Whether it helped is not known: "),
        ("failed", "Whether it helped is not known: go test of variant after exited with 1"),
        ("unmeasured", "Whether Go is faster now was not measured: verify_benchmark is false."),
    ],
)
def test_the_first_sentence_answers(case, first):
    found, options = CASES[case]
    assert told(found, **options).splitlines()[1].startswith(first[:79])


@pytest.mark.parametrize(
    ("policy", "said"), [("rollback", "taken back"), ("fail", "counts as failed"), ("warn", "are kept")]
)
def test_slower_says_what_follows(policy, said):
    assert said in bench_report.write_headline(summaries.summarise(experiment(test=1.07)), policy)


def test_a_reason_that_is_a_sentence_gets_no_second_full_stop():
    assert bench_report.write_headline(None, why_not="There is no go.").endswith("measured: There is no go.")


def test_go_format():
    check_golden("results.txt", bench_report.write_go_format(experiment()))


LINE = re.compile(r"Benchmark\S+ [1-9]\d*( [0-9.]+ \S+)+")


def test_go_format_is_what_benchstat_reads():
    lines = bench_report.write_go_format(experiment()).splitlines()
    results = [line for line in lines if line.startswith("Benchmark")]
    assert len(results) == 2 * 2 * len(SPREAD)
    assert all(LINE.fullmatch(line) for line in results)
    config = [line for line in lines if re.match(r"[a-z]\S*: \S", line)]
    assert [line.split(":")[0] for line in config] == ["goos", "goarch", "cpu", "kernel", "toolchain", "seed"]
    assert max(lines.index(line) for line in config) < lines.index(results[0])
    names = {line.split()[0] for line in results}
    assert names == {
        f"BenchmarkGoTest/state={state}/scenario={scenario}"
        for state in ("before", "after")
        for scenario in ("test", "edit")
    }


def test_before_is_what_benchstat_compares_with_whatever_ran_first():
    found = experiment()
    for scenario in found["scenarios"]:
        scenario["runs"].reverse()
    lines = [line for line in bench_report.write_go_format(found).splitlines() if line.startswith("Benchmark")]
    assert "state=before/scenario=test" in lines[0]


def test_a_value_that_differs_does_not_tear_the_table():
    found = experiment()
    found["fingerprints"]["variants"]["after"]["go"] = "go1.19.8"
    assert "toolchain" not in bench_report.write_go_format(found)


def test_failed_scenarios_and_warm_up_are_not_written():
    found = experiment()
    found["scenarios"][1]["status"] = "failed"
    found["scenarios"][0]["runs"][0]["round"] = 0
    text = bench_report.write_go_format(found)
    assert "scenario=edit" not in text
    assert text.count("state=before") == len(SPREAD) - 1
    assert "state=control" in bench_report.write_go_format(found, control=True)


def test_hyperfine_field_names():
    found = bench_report.make_hyperfine(experiment())
    assert len(found["results"]) == 6
    one = found["results"][0]
    assert set(one) == {
        *("command", "mean", "stddev", "median", "user", "system", "min", "max", "times"),
        *("memory_usage_byte", "exit_codes", "parameters", "wsltune"),
    }
    assert one["command"] == "test before"
    assert one["min"] <= one["median"] <= one["max"]
    assert len(one["times"]) == len(one["exit_codes"]) == len(one["memory_usage_byte"]) == len(SPREAD)
    assert one["mean"] == pytest.approx(sum(one["times"]) / len(SPREAD))
    assert found["wsltune"]["seed"] == 42
    assert found["wsltune"]["summary"]["verdict"] == "faster"
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_plot_draws_every_run_inside():
    summary = summaries.summarise(experiment())
    found = bench_report.plot_runs(summary["scenarios"][0], summary["variants"])
    assert [row["name"] for row in found["rows"]] == ["before", "after", "control"]
    assert len({row["shape"] for row in found["rows"]}) == 3
    for row in found["rows"]:
        assert len(row["points"]) == len(SPREAD)
        assert all(found["left"] <= point["x"] <= found["width"] for point in row["points"])
        assert row["low"] <= row["median"] <= row["high"]
    assert found["rows"][1]["median"] < found["rows"][0]["median"]
    assert 3 <= len(found["ticks"]) <= 12


def test_plot_leaves_room_for_long_names():
    found = experiment()
    found["variants"][1]["name"] = "gotmpdir_tmpfs"
    for run in found["scenarios"][0]["runs"] + found["scenarios"][1]["runs"]:
        run["variant"] = {"after": "gotmpdir_tmpfs"}.get(run["variant"], run["variant"])
    summary = summaries.summarise(found)
    assert bench_report.plot_runs(summary["scenarios"][0], summary["variants"])["left"] == 20 + 8 * len(
        "gotmpdir_tmpfs"
    )


def test_plot_of_equal_runs_does_not_divide_by_zero():
    found = copy.deepcopy(experiment())
    for run in found["scenarios"][0]["runs"]:
        run["wall"] = 1.0
    summary = summaries.summarise(found)
    drawn = bench_report.plot_runs(summary["scenarios"][0], summary["variants"])
    assert len({point["x"] for row in drawn["rows"] for point in row["points"]}) == 1


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 B"), (80 * 1024, "80.0 KiB"), (29.2 * 2**20, "29.2 MiB"), (2**30, "1.0 GiB")]
)
def test_size(value, text):
    assert bench_report.write_size(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.5, "0.50 s"), (12.34, "12.3 s"), (123.4, "123 s"), (None, "?")])
def test_seconds(value, text):
    assert bench_report.write_seconds(value) == text


@pytest.mark.parametrize(
    ("high", "shown"),
    [(0.98, "-10.0 to -2.0 %"), (0.9998, "-10.0 to -0.02 %"), (1.00001, "-10.0 to +0.001 %"), (1.0, "-10.0 to 0.0 %")],
)
def test_an_interval_shows_on_which_side_of_no_change_it_ends(high, shown):
    assert bench_report.write_interval({"low": 0.9, "high": high}) == shown


CASE = {
    "benchmark": True,
    "check_mode": False,
    "levers": None,
    "changes": ["GOTMPDIR is on a tmpfs"],
    "before": {"unset": ["GOTMPDIR"]},
    "after": {},
}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, ""),
        (
            {"benchmark": False, "check_mode": True},
            "that was left out (--no-benchmark, or verify_benchmark is false)",
        ),
        ({"check_mode": True, "before": {}}, "check mode runs no benchmark"),
        ({"levers": {"kept": []}, "changes": [], "before": {}}, "Nothing to change: this machine is as it should be"),
        ({"levers": {"kept": []}}, ""),
        ({"levers": {"kept": ["caches_local"]}, "changes": []}, ""),
        ({"changes": []}, ""),
        ({"before": {}}, "Nothing to compare: Go has the same settings before and after"),
        ({"levers": {"kept": []}, "changes": [], "proof": {"remember": {"workload": {}}}}, ""),
        ({"check_mode": True, "proof": {"remember": {"workload": {}}}}, "check mode runs no benchmark"),
    ],
)
def test_the_first_reason_against_measuring_is_said(options, why):
    assert bench_report.explain_no_measurement({**CASE, **options}) == why


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, False),
        ({"budget_minutes": 0.0}, True),
        ({"budget_minutes": "0.5"}, False),
        ({"scenarios": []}, True),
        ({"scenarios": [], "commands": [{"name": "lint"}]}, False),
        ({"benchmark": False, "budget_minutes": 0.0, "scenarios": []}, False),
    ],
)
def test_what_cannot_be_measured_is_refused_where_it_would_be(changes, refused):
    refusal = bench_report.explain_refusal({**WORKLOAD, **changes})
    assert bool(refusal) == refused and (not refused or "give more than 0 minutes" in refusal)


WORKLOAD = {"benchmark": True, "budget_minutes": 3.0, "modules": [], "scenarios": ["test"], "commands": []}


@pytest.mark.parametrize(
    ("modules", "wrong"),
    [
        (["/srv/shop", "src/shop"], "src/shop"),
        (["~/shop"], "~/shop"),
        (["$HOME/shop"], "$HOME/shop"),
        ([""], ""),
        ("/srv/a,b", "b"),
        (["/home/alice/my shop"], None),
        ("/srv/a,/srv/b", None),
        ("", None),
    ],
)
def test_a_module_is_named_by_its_whole_path(modules, wrong):
    """Root starts the benchmark, elsewhere: what the shell would make of a shorter one is another folder there."""
    refusal = bench_report.explain_refusal({**WORKLOAD, "modules": modules})
    assert refusal.partition(":")[0] == ("" if wrong is None else f"verify_modules has '{wrong}'")
    assert bench_report.explain_refusal({**WORKLOAD, "modules": modules, "benchmark": False}) == ""


def test_one_thing_is_measured_at_most():
    idle = {**CASE, "levers": {"kept": [], "decisions": []}, "changes": []}
    assert bench_report.choose_measurement(CASE) == "measure"
    assert bench_report.choose_measurement(idle) == "baseline"
    assert bench_report.choose_measurement({**CASE, "changes": [], "before": {}}) == "baseline"
    assert bench_report.choose_measurement({**CASE, "before": {}}) == ""
    assert bench_report.choose_measurement({**CASE, "changes": []}) == "measure"
    assert bench_report.choose_measurement({**idle, "proof": {"remember": {"workload": {}}}}) == "measure"
    assert bench_report.choose_measurement({**CASE, "check_mode": True}) == ""


def test_what_came_into_force_is_not_measured_alone():
    idle = {**CASE, "levers": {"kept": [], "decisions": []}, "changes": []}
    assert bench_report.wants_baseline(idle) and not bench_report.wants_baseline(
        {**idle, "proof": {"remember": {"workload": {}}}}
    )


def test_what_is_taken_back_says_so():
    assert bench_report.write_headline(summaries.summarise(experiment(test=1.2, edit=1.1)), "take_back").endswith(
        " /tmp is taken out of memory again."
    )


def test_the_title_names_the_user_who_was_measured():
    assert bench_report.choose_title({"user": "alice"}, "laptop") == "Go on laptop (user alice)"
    assert bench_report.choose_title({}, "laptop") == "Go on laptop"


@pytest.mark.parametrize(
    ("experiment", "levers", "page"),
    [
        ({"user": "alice"}, {"experiments": [{}]}, "/r/report.html"),
        ({}, {"experiments": [{}]}, "/r/levers.html"),
        ({}, {"experiments": []}, ""),
        ({}, {}, ""),
    ],
)
def test_the_summary_points_to_the_page_that_was_written(experiment, levers, page):
    assert bench_report.choose_page(experiment, levers, "/r") == page


def test_a_first_measurement_says_what_comes_next():
    assert bench_report.write_sequence(None, "laptop", "/r/m.json") == (
        "Measured and kept in /r/m.json. Change something, then run this again: it will be compared."
    )


def test_a_second_measurement_is_compared():
    said = bench_report.write_sequence(summaries.summarise(experiment()), "laptop", "/r/m.json")
    assert said.startswith("Go on laptop, measured twice\nIt helped: ")
    assert "Changed:  what you changed between the two measurements\n" in said


def test_a_trial_of_levers_that_failed_keeps_nothing_and_says_why():
    assert bench_report.read_levers_result({"failed": True, "msg": "there is no Go"}) == {
        "kept": [],
        "decisions": [],
        "sentences": ["none could be tried: there is no Go"],
        "remembered": None,
        "failure": "there is no Go",
    }


def test_of_a_trial_of_levers_the_decisions_and_runs_are_kept():
    tried = {"kept": ["x"], "decisions": [{"lever": "x"}], "sentences": ["x helps"], "remembered": 1.5}
    assert bench_report.read_levers_result({**tried, "changed": False}) == tried
    record = bench_report.select_levers_record({**tried, "changed": False, "experiments": [{}]})
    assert record == {"kept": ["x"], "decisions": [{"lever": "x"}], "remembered": 1.5, "experiments": [{}]}
    assert bench_report.select_levers_record({"failed": True}) == {}


def test_in_check_mode_nothing_is_said_to_have_happened():
    changes = ["wrote /etc/fstab", "would install the package golang-go", "installed the package x"]
    text = told(None, changes=changes, check=True, again="./onboard.sh --", report="", why_not="check mode runs none")
    assert (
        "Would:    write /etc/fstab\n          install the package golang-go\n          install the package x\n" in text
    )
    assert "Undo" not in text and "Changed" not in text
    assert "Next:     ./onboard.sh (does it)" in text
    assert "Would:    change nothing" in told(None, changes=[], check=True)


@pytest.mark.parametrize(
    ("decisions", "sentence"),
    [
        ([("a", False, "not tried: GOTMPDIR is in memory already")], "as it should be, because GOTMPDIR is in memory"),
        ([("a", True, "no clear difference")], "Nothing to change: a was tried and did not help here"),
        ([("a", True, ""), ("b", True, "")], "Nothing to change: a and b were tried and did not help here"),
        ([("a", False, "not measured: go test fails")], "no tuning could be tried: not measured: go test fails"),
    ],
)
def test_why_nothing_is_to_change_is_said(decisions, sentence):
    names = ("lever", "tried", "reason")
    levers = {"kept": [], "decisions": [dict(zip(names, one)) for one in decisions]}
    case = {**CASE, "levers": levers, "changes": []}
    assert sentence in bench_report.explain_no_measurement(case)
    # Where nothing could be tried, Go cannot be measured either.
    assert bench_report.wants_baseline(case) == ("should be" in sentence)
    assert not bench_report.wants_baseline({**case, "check_mode": True})
    assert not bench_report.wants_baseline({**case, "levers": None})


def test_a_machine_that_needs_nothing_gets_a_number_and_a_next_step():
    found = experiment()
    found["variants"] = [{"name": "before", "environment": {}, "unset": []}]
    text = told(found, why_not="Nothing to change: x", changes=[], again="./onboard.sh --", pending=[], report="")
    assert "Nothing to change: x. Go takes 1.40 s for repeated tests (10 runs) and 1.60 s for" in " ".join(text.split())
    assert "Next:     cd into your Go module and start ./onboard.sh doctor there;" in text


def test_where_no_lever_could_be_tried_that_is_the_first_sentence_and_to_be_put_right():
    levers = bench_report.read_levers_result({"failed": True, "msg": "/x has no go.mod: name a Go module."})
    case = {**CASE, "levers": levers, "changes": []}
    assert not bench_report.wants_baseline(case)
    why_not = bench_report.explain_no_measurement(case)
    text = told(None, why_not=why_not, changes=[], again="./onboard.sh -- -e x", pending=[], report="")
    assert "because no tuning could be tried: /x has no go.mod: name a Go module." in " ".join(text.split())
    assert "Next:     ./onboard.sh -- -e x (repeats it, once that is put right)\n" in text


def test_noise_is_called_noise_and_every_ending_has_a_command():
    text = told(experiment(test=1.001, unit=0.2), again="./onboard.sh --")
    assert "Cannot tell for repeated tests" in text and "the runs vary too much to see less than" in " ".join(
        text.split()
    )
    assert "Next:     ./onboard.sh (repeats it)" in text
    failed = told(FAILED, again="./onboard.sh --")
    assert "Next:     ./onboard.sh -- -e verify_budget_minutes=10" in failed


def test_of_two_budgets_the_one_that_is_enough_for_both_is_advised():
    reasons = [f"does not fit: run it again with -e verify_budget_minutes={minutes}" for minutes in (6, 11)]
    summary = {"scenarios": [{"reason": reason} for reason in reasons], "warnings": []}
    for again in ("./onboard.sh --", "./onboard.sh -- -e verify_budget_minutes=4"):
        assert bench_report.choose_next(summary, "", again, False, True) == [
            "./onboard.sh -- -e verify_budget_minutes=11"
        ]


def test_levers_that_did_not_fit_get_the_minutes_that_are_enough():
    first = f"{bench_report.NOT_TRIED}: not measured: 6 rounds do not fit: run it again with -e verify_budget_minutes=4"
    assert bench_report.choose_next(None, first, "./onboard.sh -- -e verify_budget_minutes=1.5", False, False) == [
        "./onboard.sh -- -e verify_budget_minutes=4"
    ]


def test_where_the_machine_was_busy_it_is_to_rest_first():
    summary = {"scenarios": [], "warnings": [f"{summaries.WAS_BUSY} (load 3.0 on 2 processors): repeat it when idle"]}
    assert bench_report.choose_next(summary, "Cannot tell", "./onboard.sh --", False, True) == [
        "./onboard.sh (repeats it; first let the machine come to rest)"
    ]


def test_gains_lie_where_their_numbers_say():
    decisions = [
        {"lever": "a", "kept": True, "ratio": 0.8, "low": 0.75, "high": 0.85},
        {"lever": "b", "kept": False, "ratio": 1.0, "low": 0.98, "high": 1.02},
        {"lever": "c", "kept": False, "ratio": 4.0, "low": 3.5, "high": 4.5},
        {"lever": "d", "kept": False, "ratio": 0.99, "low": 0.0, "high": None},
        {"lever": "e", "kept": False},
    ]
    drawn = bench_report.plot_gains(decisions)
    rows = {row["name"]: row for row in drawn["rows"]}
    assert list(rows) == ["a", "b", "c"]
    assert rows["a"]["low"] < rows["a"]["x"] < rows["a"]["high"] < rows["b"]["low"] < drawn["zero"] < rows["b"]["high"]
    # It harms so much that it is cut, and the others stay apart.
    assert rows["c"]["x"] == rows["c"]["high"] <= drawn["width"] - 20 and rows["a"]["high"] - rows["a"]["low"] > 20
    assert rows["a"]["text"] == "-20.0 % [-25.0 to -15.0 %]"
    assert bench_report.plot_gains(decisions[3:]) == {"rows": []}


def test_one_sentence_says_what_helps():
    kept = {"lever": "a", "kept": True, "tried": True}
    lost = {"lever": "b", "kept": False, "tried": True}
    assert bench_report.say_what_helps([kept, lost]) == "Kept: a."
    assert bench_report.say_what_helps([lost]).startswith("Nothing helps here: b was tried")
    assert bench_report.say_what_helps([{**lost, "tried": False}]).startswith("Nothing was tried")


@pytest.mark.parametrize("wall", [1e16, 1e300])
def test_no_time_that_a_host_returns_is_plotted_without_end(wall):
    """A step that such a number does not notice was added for ever, and the list of ticks filled the memory of all."""
    program = f"""
import resource
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import report
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
times = [{wall!r}, {wall!r} * (1 + 2**-52)] * 4
one = {{"times": times, "median": times[0], "low": times[0], "high": times[1]}}
print(len(report.plot_runs({{"variants": {{"before": one}}}}, ["before"])["ticks"]))
"""
    own = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=own)
    assert 0 <= int(done.stdout or -1) <= bench_report.MOST_TICKS, done.stderr


def test_any_number_of_notes_that_a_host_returns_takes_seconds():
    """The time for them grew with their square: hours for three megabytes, while all other hosts waited."""
    notes = [f"note {number} of a host" for number in range(20_000)]
    began = time.process_time()
    told = bench_report.write_text(None, title="laptop", notes=notes, why_not="there is no Go")
    assert time.process_time() - began < 10 and "and 199" in told
