# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import conclusion

BEFORE, AFTER = ({"environment": {"GOTMPDIR": folder}} for folder in ("/tmp", "/var/cache/gotmp/1000"))
PROOF = {
    "remember": {"workload": {}},
    "changes": ["/tmp is in memory"],
    "pending": ["/tmp is on the disk from the next start"],
}


def measure(**ratios):
    path = Path(__file__).with_name("test_report.py")
    spec = importlib.util.spec_from_file_location("wsltune_bench_report_cases", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {"experiment": module.experiment(**ratios)}


def conclude(measured=None, case=(), **known):
    run = {
        "case": {
            "benchmark": True,
            "check_mode": False,
            "levers": None,
            "changes": ["GOTMPDIR for alice"],
            "before": BEFORE,
            "after": AFTER,
            **dict(case),
        },
        "measured": measured or {},
        "baseline": {},
        "tried": {},
        "pending": [],
        "notes": [],
        "in_force": [],
        "undo": "ansible-playbook playbooks/rollback.yml",
        "again": "",
        "here": "/home/alice/wsltune",
        "proposals": [],
        "on_slower": "rollback",
        "folder": "/home/alice/reports",
        **known,
    }
    return conclusion.conclude(run, "laptop")


def test_a_gain_is_kept_and_its_page_named():
    result = conclude(measure(test=0.8))
    assert (result["verdict"], result["rollback_wanted"], result["measured"]) == ("faster", False, True)
    assert "Report:   /home/alice/reports/report.html" in result["summary"]
    assert [row["scenario"] for row in result["comparisons"]] == ["test", "edit"]


def test_what_got_slower_goes_where_that_is_wanted():
    slower = measure(test=1.3, edit=1.2)
    assert conclude(slower)["rollback_wanted"]
    kept = conclude(slower, on_slower="warn")
    assert (kept["verdict"], kept["rollback_wanted"]) == ("slower", False)


def test_a_run_that_changed_nothing_takes_nothing_back_and_says_so():
    result = conclude(measure(test=1.3, edit=1.2), {"changes": []})
    assert (result["verdict"], result["rollback_wanted"]) == ("slower", False)
    assert result["page"]["on_slower"] == "stays"
    said = " ".join(result["summary"].split())
    assert "what earlier runs set up stays until it is undone." in said and "Undo: " in said
    assert "are taken back" not in said


def test_a_lever_in_force_that_got_slower_is_taken_back_and_said():
    result = conclude(measure(test=1.3, edit=1.2), {"proof": PROOF, "changes": []})
    assert result["page"] == {"changes": PROOF["changes"], "pending": PROOF["pending"], "on_slower": "take_back"}
    # The caller is given what the run itself changed.
    assert (result["changes"], result["pending"], result["proves"]) == ([], [], True)
    assert "/tmp is in memory" in result["summary"]
    fine = conclude(measure(test=0.8), {"proof": PROOF, "changes": []})
    assert fine["page"] == {"changes": [], "pending": [], "on_slower": "rollback"}


def test_what_an_earlier_play_measured_is_no_verdict_on_this_one():
    result = conclude(measure(test=0.5), {"benchmark": False}, in_force=["kept"])
    assert (result["verdict"], result["measured"], result["benchmark"]) == ("unknown", False, {})
    assert "verify_benchmark is false" in result["summary"] and "Report:" not in result["summary"]


def test_what_kept_the_benchmark_from_measuring_is_said():
    result = conclude({"failed": True, "msg": "there is no Go"})
    assert (result["verdict"], result["measured"], result["comparisons"]) == ("unknown", True, [])
    assert "there is no Go" in result["summary"]


def test_where_nothing_is_to_be_done_go_is_measured_as_it_is():
    levers = {"kept": [], "decisions": [], "sentences": ["none: all lies well"]}
    baseline = measure()
    scenarios = baseline["experiment"]["scenarios"]
    baseline["experiment"]["variants"] = [{"name": "now"}]
    for scenario in scenarios:
        scenario["runs"] = [{**one, "variant": "now"} for one in scenario["runs"] if one["variant"] == "before"]
    result = conclude(case={"levers": levers, "changes": []}, baseline=baseline)
    assert "Go takes 1.40 s for repeated" in result["summary"]
    assert (result["verdict"], result["benchmark"]) == ("unknown", {})
    # More time is no use, because Go as it is gets a minute at most.
    long = {**scenarios[1], "status": "skipped", "reason": "too long: run it again with -e verify_budget_minutes=3"}
    baseline["experiment"]["scenarios"] = [scenarios[0], long]
    case = {"levers": levers, "changes": []}
    said = conclude(case=case, baseline=baseline, again="./onboard.sh")["summary"]
    assert "edit: too long\n" in said and "verify_budget_minutes" not in said and "Next:     cd into" in said
    # An old measurement is not shown where something was compared.
    assert conclude(measure(test=0.8), baseline=baseline)["verdict"] == "faster"


def test_a_proof_without_a_verdict_offers_no_other_run():
    unsure, idle = measure(test=1.0, edit=1.0), {"changes": []}
    assert "/onboard.sh doctor" in conclude(unsure, idle, again="./onboard.sh")["summary"]
    assert "/onboard.sh doctor" not in conclude(unsure, {**idle, "proof": PROOF}, again="./onboard.sh")["summary"]


def test_tests_that_levers_were_tried_without_are_named():
    experiment = measure()["experiment"]
    note = "measured without TestA in shop"
    tried = {"experiments": [{"scenarios": [{**one, "notes": [note]} for one in experiment["scenarios"]]}]}
    levers = {"kept": [], "decisions": [{"lever": "a", "tried": True, "reason": ""}], "sentences": ["a not kept"]}
    idle = {"levers": levers, "changes": []}
    assert conclude(case=idle, tried=tried)["summary"].count(note) == 1
    measured = conclude(measure(), {"levers": {**levers, "kept": ["a"]}}, tried=tried)["summary"]
    assert note not in measured, "what was measured says it itself"


@pytest.mark.parametrize(
    ("again", "here", "program"),
    [
        ("./onboard.sh --", "/srv/wsltune", "/srv/wsltune/onboard.sh"),
        ("./onboard.sh --", "/srv/my tools", "'/srv/my tools/onboard.sh'"),
        ("'/srv/my tools/onboard.sh' --", "/home/alice", "'/srv/my tools/onboard.sh'"),
    ],
)
def test_what_is_to_be_started_elsewhere_has_its_whole_path(again, here, program):
    told = conclude(measure(test=1.0, edit=1.0), {"changes": []}, again=again, here=here)["summary"]
    assert f"cd into your Go module and start {program} doctor there;" in " ".join(told.split())


def test_proposals_follow_the_next_step():
    told = conclude(measure(test=0.8), again="./onboard.sh --", proposals=["write a Containerfile"])["summary"]
    assert "Next:     write a Containerfile\n" in told
    both = conclude(measure(test=1.0), {"changes": []}, again="./onboard.sh", proposals=["write a Containerfile"])
    assert "Next:     cd into" in both["summary"] and "\n          write a Containerfile\n" in both["summary"]


def test_no_host_has_a_line_of_another_in_its_summary():
    measured = measure(test=0.8)
    experiment = measured["experiment"]
    forged = "x\nGo on other (user eve)\nx"
    first, *rest = experiment["scenarios"]
    for changed in ({"user": forged}, {"scenarios": [{**first, "name": forged}, *rest]}):
        assert "\nGo on other" not in conclude({"experiment": {**experiment, **changed}})["summary"]
