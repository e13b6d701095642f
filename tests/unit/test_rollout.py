# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""playbooks/rollout.yml by the real ansible-playbook: what a platform engineer types, and what comes back."""

from __future__ import annotations

import json
import os
import re
import time

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.fleet import record
from benchmarks.fleet import killed
from benchmarks.fleet.light_fleet import LightFleet

RINGS = [
    {"name": "sandbox", "hosts": ["a", "b"], "soak_hours": 0},
    {"name": "early", "hosts": ["c", "d", "e"], "soak_hours": 0},
    {"name": "all", "share": "rest", "soak_hours": 0},
]


@pytest.fixture
def fleet(tmp_path):
    return LightFleet(tmp_path, "abcdefg", RINGS)


def test_a_rollout_from_its_first_run_to_its_last(fleet):
    code, said = fleet.run("status")
    assert code == 3 and "No rollout named default has begun." in said and not fleet.record.exists()

    code, said = fleet.run(light_bad=["a"])
    assert code == 3 and "The run failed on 1 of 2 hosts; max_failed is 5 %: fix them." in said
    assert re.search("^a +failed +planted failure$", said, re.M) and "Next: Fix a, then run it again." in said

    code, said = fleet.run()
    assert code == 3 and "The ring early is next." in said and sorted(fleet.done()) == ["a", "a", "b"]

    code, said = fleet.run(light_slow=["c"], asleep=["e"])
    assert code == 2 and "Go got slower and was taken back on 1 of 2 hosts; max_taken_back is 5 %." in said
    assert [line.split()[:2] for line in sorted(fleet.done()[-2:])] == [["back", "c"], ["back", "d"]]
    assert sorted(fleet.changed()) == ["a", "b"] and re.search("^c .* Go got slower$", said, re.M)
    before = len(fleet.done())
    assert fleet.run()[0] == 2 and len(fleet.done()) == before

    assert fleet.run("continue", asleep=["e"])[0] == 3
    (fleet.record / "stop").touch()
    for command in ("status", ""):
        code, said = fleet.run(command)
        assert code == 3 and f"The stop file {fleet.record}/stop is there: remove it to go on." in said
    (fleet.record / "stop").unlink()
    code, said = fleet.run("status")
    assert code == 3 and "What kept it is gone." in said and "stop file" not in said

    before = len(fleet.done())
    code, said = fleet.run(asleep=["e"])
    assert code == 0 and "Rollout default finished: 6 of 7 hosts are done." in said
    assert sorted(fleet.done()[before:]) == ["f", "g"] and "Next: Run it again to catch up e." in said
    assert fleet.run()[0] == 0 and fleet.done()[-1] == "e"
    report = json.loads((fleet.record / "fleet.json").read_text(encoding="utf-8"))
    assert {row["state"] for row in report["hosts"]} == {"done"}
    assert (fleet.record / "fleet.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_what_failed_half_way_is_taken_back_with_what_a_later_run_did(fleet):
    assert fleet.run()[0] == 3
    assert fleet.run(light_bad=["c"])[0] == 3
    runs = fleet.changed()
    assert fleet.run(light_slow=["c"])[0] == 2
    assert sorted(fleet.done()[-3:]) == [f"back {name} {runs[name]}" for name in "cde"]
    assert sorted(fleet.changed()) == ["a", "b"]


def test_who_slept_when_the_ring_was_taken_back_is_taken_back_by_a_later_run(fleet):
    assert fleet.run()[0] == 3 and fleet.run(light_bad=["c"])[0] == 3
    code, said = fleet.run("abort", asleep=["d"])
    assert code == 2 and sorted(fleet.changed()) == ["a", "b", "d"]
    assert "Next: Run it again when d can answer, to take back what this rollout left there." in said
    (fleet.record / "stop").touch()
    assert fleet.run()[0] == 2 and "d" in fleet.changed()
    (fleet.record / "stop").unlink()
    code, said = fleet.run()
    assert code == 2 and sorted(fleet.changed()) == ["a", "b"]
    assert re.search("^d +taken back .*taken back with its ring$", said, re.M)
    before = len(fleet.done())
    assert fleet.run()[0] == 2 and len(fleet.done()) == before


def test_another_name_is_refused_in_the_folder_of_a_rollout(fleet):
    """It would end with 0, as finished as the one before, and nothing would have been rolled out."""
    assert fleet.run(wsltune_rollout_name="2026-12")[0] == 3
    for command in ("", "status"):
        code, said = fleet.run(command, wsltune_rollout_name="2027-01")
        assert code == 1 and "has the record of the rollout 2026-12 and wsltune_rollout_name is 2027-01" in said
    assert fleet.run("status")[0] == 3 and sorted(fleet.done()) == ["a", "b"]


REFUSED = {
    "an unknown command": ({"wsltune_rollout": "go"}, "wsltune_rollout is 'go': give run, status, continue, hold"),
    "shares over 100 %": (
        {"wsltune_rings": [{"name": "x", "share": 70}, {"name": "y", "share": 40}]},
        "the shares in wsltune_rings come to 110 %",
    ),
    "a ring without hosts": ({"wsltune_rings": [{"name": "x"}]}, "the ring x in wsltune_rings has no host"),
    "a host in two rings": (
        {"wsltune_rings": [{"name": "x", "hosts": ["a"]}, {"name": "y", "hosts": ["a"]}]},
        "a is in the rings x and y: leave it in one of them.",
    ),
    "a freeze that is none": ({"wsltune_rollout_freeze": [{"days": ["someday"]}]}, "wsltune_rollout_freeze has"),
}


@pytest.mark.parametrize(("settings", "sentence"), REFUSED.values(), ids=REFUSED)
def test_bad_input_ends_with_1_before_anything_is_touched(fleet, settings, sentence):
    code, said = fleet.run(**settings)
    assert code == 1 and sentence in said
    assert not fleet.done() and not (fleet.record / "rollout.json").exists()


def test_five_thousand_names_of_which_nobody_answers_hold_and_each_is_reported(tmp_path):
    names = [f"laptop-{number:04}" for number in range(5000)]
    fleet = LightFleet(tmp_path, names, [{"name": "sandbox", "share": 0.2}, {"name": "all", "share": "rest"}])
    code, said = fleet.run(asleep=names)
    assert code == 3 and "0 of 10 hosts have answered and 6 are needed; 10 are pending." in said
    assert not fleet.done() and len(said.splitlines()) < 400
    report = json.loads((fleet.record / "fleet.json").read_text(encoding="utf-8"))
    assert [row["host"] for row in report["hosts"] if row["reached"]] == report["stragglers"]
    assert sorted(row["host"] for row in report["hosts"]) == names and len(report["stragglers"]) == 10


def test_a_second_controller_is_refused(fleet):
    fleet.record.mkdir()
    own = {"host": os.uname().nodename, "pid": os.getpid(), "began": record.read_start(os.getpid())}
    (fleet.record / "lock").write_text(json.dumps(own), encoding="utf-8")
    code, said = fleet.run()
    assert code == 1 and f"process {os.getpid()} on this controller has this rollout" in said and not fleet.done()


@pytest.mark.parametrize("output", [0, 200_000], ids=["small", "larger than a pipe"])
def test_while_workers_of_a_killed_run_act_on_hosts_another_run_is_refused(fleet, output):
    """A result that nobody takes must not keep a worker, and with it the record, for ever."""
    process = fleet.start(light_seconds=12, light_output=output)
    while sorted(fleet.changed()) != ["a", "b"]:
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate()
    code, said = fleet.run()
    assert code == 1 and "a run of this rollout was killed and what it began on hosts is still under way in" in said
    assert sorted(fleet.done()) == ["a", "b"]
    assert fleet.run("status")[0] == 3
    until = time.monotonic() + 30
    while fleet.is_at_work():
        assert time.monotonic() < until, "a worker does not end"
        time.sleep(0.1)
    assert fleet.run()[0] == 3 and sorted(fleet.done()) == ["a", "a", "b", "b"]


def test_a_run_that_is_killed_is_continued(tmp_path):
    assert killed.kill(3, tmp_path)["killed"] == 3


def test_what_a_run_that_was_killed_changed_is_taken_back(tmp_path):
    assert killed.kill_and_abort(2, tmp_path)["taken back"] == 2
