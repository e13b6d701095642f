# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A rollout, run after run, with hosts that sleep, fail and get slower."""

from __future__ import annotations

import datetime
import random

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.fleet import host as fleet_host
from ansible_collections.wsltune.go.plugins.module_utils.fleet import record, report, rings, rollout

HOUR = 3600.0
FASTER = [{"scenario": "test", "ratio": 0.8, "low": 0.78, "high": 0.82, "alpha": 0.05}]


class Fleet:
    """Plays runs as rollout.yml does, without Ansible: C(asleep), C(bad) and C(slow) name hosts."""

    def __init__(self, declared, hosts):
        self.declared, self.names = declared, list(hosts)
        self.now = 0.0
        self.rollout = rollout.start("test", 0.0, rings.read_rings(declared), hosts, {}, {})
        self.hosts = {name: record.HostState(name) for name in hosts}
        self.asleep, self.bad, self.slow, self.killed = set(), set(), set(), set()
        self.slower_by = {"ratio": 1.2, "low": 1.18, "high": 1.22, "verdict": "slower"}
        self.effective = {"GOTMPDIR of anna": "/tmp"}
        self.tuned = []

    def run(self, wish="run", hours=0.0, blocked="", wanted=None):
        self.now += hours * HOUR
        rollout.refresh(self.rollout, rings.read_rings(self.declared), self.names, wanted or {})
        for name in self.names:
            self.hosts.setdefault(name, record.HostState(name))
        found = rollout.command(self.rollout, wish, self.hosts, self.now, blocked)
        for name in found["again"]:
            self.hosts[name] = rollout.begin_again(self.hosts[name])
        for name in set(found["look"]) - self.asleep:
            self.hosts[name] = rollout.look_again(self.hosts[name], self.effective, None, self.now)
        back = found["back"]
        self.tuned = []
        if wish != "status" and not blocked and not back:
            back = rollout.judge(self.rollout, self.hosts, self.now)
            self.tuned = rollout.to_tune(self.rollout, self.hosts, self.now)
            for name in self.tuned:
                self.hosts[name].retry = False
            for name in set(self.tuned) - self.asleep:
                self.tune(self.hosts[name])
            back = back or rollout.judge(self.rollout, self.hosts, self.now)
        for name in set(back) - self.asleep:
            self.hosts[name] = rollout.take_back(self.hosts[name], self.now)
        report.write_text(report.summarise(self.rollout, self.hosts, self.now), "/x")
        return rollout.exit_code(self.rollout)

    def tune(self, host):
        self.hosts[host.host] = host = rollout.begin_tuning(host, self.now)
        if host.host in self.killed:
            return
        if host.host in self.bad:
            self.hosts[host.host] = rollout.fail_to_tune(host, "no space", self.now)
            return
        slow = host.host in self.slow
        verify = {
            "changes": ["GOTMPDIR"],
            "measured": True,
            "rollback_wanted": slow,
            "comparisons": [{**FASTER[0], **(self.slower_by if slow else {})}],
        }
        self.hosts[host.host] = rollout.finish_tuning(host, verify, self.effective, "", self.now)

    def states(self, ring=0):
        return {name: self.hosts[name].state for name in self.rollout.rings[ring].hosts}


TWO = [
    {"name": "first", "hosts": ["a", "b"], "soak_hours": 24, "quorum": 50},
    {"name": "all", "share": "rest", "soak_hours": 0},
]


@pytest.fixture
def fleet():
    return Fleet(TWO, "abcdef")


def test_a_rollout_that_meets_everything_finishes(fleet):
    assert fleet.run() == rollout.HOLDING and sorted(fleet.tuned) == ["a", "b"]
    assert fleet.rollout.why == "The soak time lasts another 24 h."
    assert fleet.run(hours=23) == rollout.HOLDING and fleet.tuned == []
    assert fleet.run(hours=1) == rollout.FINISHED and sorted(fleet.tuned) == ["c", "d", "e", "f"]
    assert fleet.run(hours=1) == rollout.FINISHED and fleet.tuned == []
    assert {host.times_done for host in fleet.hosts.values()} == {1}
    assert [entry["result"] for entry in fleet.rollout.history] == ["hold", "hold", "go", "go"]


def test_who_sleeps_is_pending_and_caught_up_by_a_later_run(fleet):
    fleet.asleep = {"a", "f"}
    fleet.run()
    assert fleet.states() == {"a": "pending", "b": "done"}
    assert fleet.run(hours=25) == rollout.FINISHED
    fleet.asleep = set()
    assert fleet.run(hours=1) == rollout.FINISHED and sorted(fleet.tuned) == ["a", "f"]
    assert {host.state for host in fleet.hosts.values()} == {"done"}


def test_all_canaries_asleep_hold_and_begin_no_soak_time(fleet):
    fleet.asleep = {"a", "b"}
    fleet.run()
    fleet.run(hours=48)
    assert fleet.rollout.rings[0].since is None
    assert fleet.rollout.why.startswith("0 of 2 hosts have answered and 1 are needed; 2 are pending.")
    fleet.asleep = set()
    fleet.run(hours=1)
    assert fleet.run(hours=23) == rollout.HOLDING
    assert fleet.run(hours=1) == rollout.FINISHED


def test_a_host_that_fails_holds_its_ring_and_is_tried_again(fleet):
    fleet.bad = {"a"}
    assert fleet.run() == rollout.HOLDING
    assert fleet.run(hours=25) == rollout.HOLDING and fleet.tuned == ["a"]
    assert fleet.rollout.why == "The run failed on 1 of 2 hosts; max_failed is 5 %: fix them."
    fleet.bad = set()
    assert fleet.run() == rollout.HOLDING and fleet.rollout.why == "The ring all is next."
    assert fleet.hosts["b"].times_done == 1


def test_a_ring_does_not_pass_before_what_failed_was_tried_again():
    few = [{"name": "first", "hosts": ["a", "b", "c"], "soak_hours": 0, "quorum": 60}, TWO[1]]
    fleet = Fleet(few, "abcdef")
    fleet.bad = {"a"}
    assert fleet.run() == rollout.HOLDING
    # Two of three are enough for the quorum, and the third still fails.
    assert fleet.run("continue") == rollout.HOLDING and fleet.tuned == ["a"]
    assert fleet.rollout.current == 0 and fleet.states()["a"] == "failed"
    assert fleet.run("continue", blocked="A freeze.") == rollout.HOLDING and fleet.tuned == []
    assert fleet.run() == rollout.HOLDING and fleet.tuned == ["a"] and fleet.rollout.current == 0
    fleet.bad = set()
    assert fleet.run("continue") == rollout.HOLDING and fleet.rollout.current == 1
    assert fleet.run() == rollout.FINISHED


def test_a_host_where_go_gets_slower_rolls_its_ring_back_until_a_person_lets_it_go_on(fleet):
    fleet.run()
    fleet.slow = {"d"}
    assert fleet.run(hours=25) == rollout.ROLLED_BACK
    assert set(fleet.states(1).values()) == {"taken back"} and set(fleet.states(0).values()) == {"done"}
    assert fleet.run(hours=25) == rollout.ROLLED_BACK and fleet.tuned == []
    fleet.slow = set()
    assert fleet.run("continue") == rollout.FINISHED and sorted(fleet.tuned) == ["c", "d", "e", "f"]
    assert set(fleet.states(1).values()) == {"done"}
    # The ring begins anew, so that nothing is missing from it before its hosts are tuned.
    assert [entry["result"] for entry in fleet.rollout.history][-3:] == ["roll back", "continue", "go"]


@pytest.fixture
def chancy(fleet):
    """A fleet at its second ring, in which Go is slower on one host of four, by as little as chance makes it."""
    fleet.run()
    fleet.slow, fleet.slower_by = {"d"}, {"ratio": 1.04, "low": 1.001, "high": 1.08, "verdict": "slower"}
    assert fleet.run(hours=25) == rollout.HOLDING
    assert fleet.states(1) == {"c": "done", "d": "taken back", "e": "done", "f": "done"}
    return fleet


def test_what_may_be_chance_is_measured_again(chancy):
    assert "it may be chance among so many: measure d again." in chancy.rollout.why
    advice = report.summarise(chancy.rollout, chancy.hosts, chancy.now)["next"]
    assert advice == "Run it with -e wsltune_rollout=continue, which measures d again."
    assert chancy.run(hours=1) == rollout.HOLDING and chancy.tuned == []
    chancy.slow = set()
    assert chancy.run("continue") == rollout.FINISHED and chancy.tuned == ["d"]


def test_slower_twice_is_no_chance_and_is_forgotten_with_the_cause(chancy):
    assert chancy.run("continue") == rollout.ROLLED_BACK and chancy.tuned == ["d"]
    assert set(chancy.states(1).values()) == {"taken back"} and chancy.hosts["d"].times_slower == 0
    assert chancy.run("continue") == rollout.HOLDING and sorted(chancy.tuned) == ["c", "d", "e", "f"]


def test_a_ring_is_taken_back_on_every_host_that_may_have_changed(fleet):
    fleet.run()
    for name, state, run in (("a", fleet_host.TAKEN_BACK, "1.0"), ("b", fleet_host.FAILED, "1.0")):
        fleet.hosts[name].state, fleet.hosts[name].run = state, run
    assert set(rollout.command(fleet.rollout, "abort", fleet.hosts, fleet.now)["back"]) == {"a", "b"}


def test_what_a_failed_run_changed_stays_known_when_the_host_is_tuned_again():
    failed = record.HostState("a", fleet_host.FAILED, tries=2, times_done=1, run="1.0", note="no space")
    assert rollout.begin_again(failed) == record.HostState("a", tries=2, times_done=1, run="1.0", retry=True)


def test_a_host_is_on_record_with_its_run_before_it_is_touched():
    begun = rollout.begin_tuning(record.HostState("a", fleet_host.FAILED, tries=1, retry=True), 5.0)
    assert begun == record.HostState("a", fleet_host.PENDING, tries=2, began=5.0, run="5.000000")
    # One run of the journal, so that what a first attempt changed is taken back with what the second one did.
    assert rollout.begin_tuning(begun, 9.0).run == "5.000000"
    assert rollout.begin_tuning(rollout.take_back(begun, 7.0), 9.0).run == "9.000000"


def test_a_host_that_was_tuned_has_what_its_run_says():
    host = record.HostState("a", tries=1, run="5.000000", times_slower=1, times_done=2)
    verify = {"changes": ["GOTMPDIR"], "measured": True, "comparisons": FASTER, "pending": ["boot.systemd"]}
    done = rollout.finish_tuning(host, verify, {"tmpfs": "x"}, "no Go", 9.0)
    assert (done.state, done.note, done.at, done.reread) == (fleet_host.DONE, "no Go", 9.0, 9.0)
    assert (done.times_done, done.times_slower, done.measures, done.pending_restart) == (3, 0, True, 1)
    assert (done.comparisons, done.effective, done.run) == (FASTER, {"tmpfs": "x"}, "5.000000")
    assert host.state == fleet_host.PENDING


def test_a_host_on_which_go_got_slower_was_taken_back_and_counts_how_often():
    slower = {"changes": ["GOTMPDIR"], "measured": True, "rollback_wanted": True, "comparisons": FASTER}
    back = rollout.finish_tuning(record.HostState("a", times_slower=1), slower, {}, "a note", 9.0)
    assert (back.state, back.note, back.times_slower) == (fleet_host.TAKEN_BACK, "Go got slower", 2)


@pytest.mark.parametrize("verify", [{}, {"changes": [], "measured": True}, {"changes": ["x"], "measured": False}])
def test_a_run_that_compared_nothing_measures_nothing_and_keeps_the_comparisons(verify):
    done = rollout.finish_tuning(record.HostState("a", comparisons=FASTER, measures=True), verify, {}, "", 9.0)
    assert (done.measures, done.comparisons, done.pending_restart) == (False, FASTER, 0)


def test_a_host_that_failed_keeps_what_was_measured_and_why_it_failed():
    failed = rollout.fail_to_tune(
        record.HostState("a", comparisons=FASTER, run="5.000000", reread=1.0), "no space", 9.0
    )
    assert (failed.state, failed.note, failed.at, failed.reread) == (fleet_host.FAILED, "no space", 9.0, 1.0)
    assert (failed.comparisons, failed.run, failed.times_done) == (FASTER, "5.000000", 0)


@pytest.mark.parametrize(
    ("before", "critical", "new"),
    [
        (["MEM01"], ["MEM01", "NET02", "FS03"], ["FS03", "NET02"]),
        (None, ["MEM01"], ["MEM01"]),
        (["MEM01"], [], []),
        (["MEM01"], None, ["old"]),
    ],
)
def test_a_host_that_was_looked_at_again_has_what_is_lost_and_newly_critical(before, critical, new):
    host = record.HostState(
        "a", fleet_host.DONE, effective={"tmpfs": "x", "y": "1"}, critical=before, new_critical=["old"]
    )
    seen = rollout.look_again(host, {"tmpfs": "x"}, critical, 9.0)
    assert (seen.reread, seen.lost, seen.new_critical, seen.state) == (9.0, ["y"], new, fleet_host.DONE)


def test_what_was_critical_at_first_is_what_later_findings_are_compared_with():
    first = rollout.begin_tuning(record.HostState("a"), 1.0, ["MEM01"])
    assert first.critical == ["MEM01"] and rollout.begin_tuning(first, 2.0, ["NET02"]).critical == ["MEM01"]
    assert rollout.begin_tuning(record.HostState("a"), 1.0).critical is None


def test_a_host_whose_run_was_killed_is_taken_back_with_its_ring(fleet):
    fleet.killed = {"a"}
    fleet.run()
    assert fleet.states() == {"a": "pending", "b": "done"}
    row = report.summarise(fleet.rollout, fleet.hosts, fleet.now)["hosts"][0]
    assert row["note"].startswith("its run began at ") and row["note"].endswith(" and did not end")
    assert fleet.run("abort") == rollout.ROLLED_BACK
    assert fleet.states() == {"a": "taken back", "b": "taken back"}
    assert not any(host.run for host in fleet.hosts.values())


def test_a_host_whose_run_was_killed_is_tuned_again_and_has_the_same_run(fleet):
    fleet.killed = {"a"}
    fleet.run()
    run = fleet.hosts["a"].run
    fleet.killed = set()
    fleet.run(hours=1)
    assert fleet.states() == {"a": "done", "b": "done"} and fleet.hosts["a"].run == run


@pytest.mark.parametrize("ended_by", ["abort", "run"])
def test_who_was_not_taken_back_with_the_ring_is_by_the_next_run(fleet, ended_by):
    """Because it slept, or because that run was killed."""
    fleet.run()
    if ended_by == "run":
        fleet.hosts["a"].new_critical = ["WT-101"]
    fleet.asleep = {"a", "b"}
    assert fleet.run(ended_by) == rollout.ROLLED_BACK and fleet.states() == {"a": "done", "b": "done"}
    advice = report.summarise(fleet.rollout, fleet.hosts, fleet.now)["next"]
    assert advice == "Run it again when a and b can answer, to take back what this rollout left there."
    fleet.asleep = {"b"}
    assert fleet.run(blocked="A freeze.") == rollout.ROLLED_BACK and fleet.states()["a"] == "done"
    assert fleet.run("hold") == rollout.ROLLED_BACK and fleet.states() == {"a": "taken back", "b": "done"}
    fleet.asleep = set()
    assert fleet.run() == rollout.ROLLED_BACK and set(fleet.states().values()) == {"taken back"}
    assert rollout.command(fleet.rollout, "run", fleet.hosts, fleet.now)["back"] == []


def test_an_abort_takes_back_what_was_left_half_way_in_a_ring_that_has_passed(fleet):
    fleet.asleep = {"a"}
    fleet.run()
    fleet.asleep, fleet.killed = {"c"}, {"a", "d"}
    fleet.declared = [TWO[0], {**TWO[1], "quorum": 100}]
    assert fleet.run(hours=25) == rollout.HOLDING and fleet.rollout.current == 1
    assert fleet.states() == {"a": "pending", "b": "done"} and fleet.hosts["a"].run
    assert fleet.run("abort") == rollout.ROLLED_BACK
    assert fleet.states() == {"a": "taken back", "b": "done"}
    assert fleet.states(1) == {"c": "pending", "d": "taken back", "e": "taken back", "f": "taken back"}


def test_a_person_who_aborts_takes_back_also_in_a_freeze(fleet):
    fleet.run()
    assert fleet.run("abort", blocked="A freeze.") == rollout.ROLLED_BACK
    assert set(fleet.states().values()) == {"taken back"}


NOTES = [
    (fleet_host.DONE, "", fleet_host.TAKEN_BACK, "taken back with its ring"),
    (fleet_host.PENDING, "", fleet_host.TAKEN_BACK, "taken back with its ring"),
    (fleet_host.FAILED, "no space", fleet_host.FAILED, "no space"),
    (fleet_host.TAKEN_BACK, "Go got slower", fleet_host.TAKEN_BACK, "Go got slower"),
]


@pytest.mark.parametrize(("state", "note", "then", "noted"), NOTES)
def test_what_is_noted_of_a_host_that_is_taken_back(state, note, then, noted):
    host = record.HostState("a", state, run="1.0", note=note)
    back = rollout.take_back(host, 2.0)
    assert (back.state, back.note, back.run) == (then, noted, "")
    left = rollout.fail_to_take_back(host, "no space")
    assert (left.state, left.note, left.run) == (state, "it was not taken back: no space", "1.0")
    assert rollout.take_back(left, 3.0).note == "taken back with its ring"


def test_a_host_that_failed_or_was_taken_back_without_a_change_is_left_alone(fleet):
    fleet.run()
    for name, state in (("a", fleet_host.TAKEN_BACK), ("b", fleet_host.FAILED)):
        fleet.hosts[name].state, fleet.hosts[name].run = state, ""
    assert rollout.command(fleet.rollout, "abort", fleet.hosts, fleet.now)["back"] == []


def test_what_somebody_undid_during_the_soak_time_holds(fleet):
    fleet.run()
    fleet.effective = {"GOTMPDIR of anna": ""}
    assert fleet.run(hours=25) == rollout.HOLDING
    assert fleet.rollout.why == "What was set is not in force any more on a and b: GOTMPDIR of anna."
    fleet.effective = {"GOTMPDIR of anna": "/tmp"}
    assert fleet.run(hours=1) == rollout.FINISHED


def test_a_hold_lasts_until_continue(fleet):
    fleet.run()
    assert fleet.run("hold") == rollout.HOLDING
    assert fleet.run(hours=48) == rollout.HOLDING and fleet.tuned == []
    assert fleet.run("continue") == rollout.FINISHED


def test_an_abort_takes_the_open_ring_back_and_is_final(fleet):
    fleet.run()
    assert fleet.run("abort") == rollout.ROLLED_BACK
    assert set(fleet.states().values()) == {"taken back"}
    for wish in ("run", "continue", "hold", "abort"):
        assert fleet.run(wish, hours=48) == rollout.ROLLED_BACK and fleet.tuned == []


def test_a_stop_file_and_a_freeze_hold_and_lose_nothing(fleet):
    assert fleet.run(blocked="The stop file /x/stop is there.") == rollout.HOLDING
    assert fleet.tuned == [] and fleet.rollout.why == "The stop file /x/stop is there."
    fleet.run()
    assert fleet.run(hours=25, blocked="frozen") == rollout.HOLDING
    assert fleet.run() == rollout.FINISHED


def test_status_changes_nothing(fleet):
    fleet.run()
    before = fleet.rollout.to_json()
    assert fleet.run("status", hours=48) == rollout.HOLDING
    assert fleet.rollout.to_json() == before


def test_a_clock_that_moved_back_holds(fleet):
    fleet.run(hours=100)
    assert fleet.run(hours=-50) == rollout.HOLDING
    assert fleet.rollout.why == "The clock is 50 h behind the record: set it right, or wait."


def test_who_joins_is_in_the_last_ring_and_who_leaves_counts_no_more(fleet):
    fleet.asleep = {"a"}
    fleet.run()
    fleet.names = list("bcdefg")
    fleet.run(wanted={"e": "none"}, hours=25)
    assert sorted(fleet.tuned) == ["c", "d", "f", "g"]
    gone = "it is not in the inventory or not in wsltune_hosts any more"
    assert fleet.rollout.excluded == {"a": gone, "e": "wsltune_ring is none"}


def test_limits_may_be_changed_while_it_runs_but_not_the_rings(fleet):
    fleet.run()
    fleet.declared = [{**TWO[0], "soak_hours": 1}, TWO[1]]
    assert fleet.run(hours=1) == rollout.FINISHED
    fleet.declared = [{**TWO[0], "name": "canary"}, TWO[1]]
    with pytest.raises(rollout.CommandError, match="has the rings first, all and wsltune_rings has canary, all: keep"):
        fleet.run()


def test_a_ring_that_cannot_be_measured_passes_once_its_measure_is_0(fleet):
    fleet.declared = [TWO[0], {**TWO[1], "measure": 0}]
    fleet.run()
    for host in fleet.hosts.values():
        host.comparisons = []
    assert fleet.run(hours=25) == rollout.HOLDING and fleet.rollout.why.startswith("None of the hosts that measure")
    fleet.declared = [{**TWO[0], "measure": 0}, fleet.declared[1]]
    assert fleet.run() == rollout.FINISHED


def test_an_unknown_command_is_refused(fleet):
    with pytest.raises(
        rollout.CommandError, match=r"^wsltune_rollout is 'go': give run, status, continue, hold, abort.$"
    ):
        fleet.run("go")


def test_a_fleet_of_thousands_goes_through_the_default_rings_and_no_host_is_done_twice():
    chance = random.Random(3)
    fleet = Fleet(rings.DEFAULT, [f"h{number}" for number in range(2000)])
    for _ in range(60):
        fleet.asleep = {name for name in fleet.names if chance.random() < 0.25}
        fleet.run(hours=12)
    assert fleet.rollout.status == record.FINISHED
    assert {host.times_done for host in fleet.hosts.values()} == {1}


WINDOWS = [
    ([], ""),
    ([{"days": ["fri", "sat"]}], ""),
    ([{"days": ["sun"]}], "A freeze keeps it from going on."),
    ([{"from": "2026-11-29", "to": "2026-11-29", "why": "release"}], "A freeze keeps it from going on: release."),
    ([{"from": "2026-11-30"}], ""),
    ([{"days": ["sun"], "to": "2026-11-28"}], ""),
]


@pytest.mark.parametrize(("windows", "sentence"), WINDOWS)
def test_a_freeze_is_a_day_of_the_week_or_a_date(windows, sentence):
    sunday = datetime.datetime(2026, 11, 29, 12)
    assert rollout.find_freeze(windows, sunday) == sentence


@pytest.mark.parametrize(
    "window",
    [{}, {"days": "fri"}, {"days": ["friday"]}, {"from": "soon"}, "fri", {"from": "2026-12-02", "to": "2026-12-01"}],
)
def test_a_freeze_that_is_none_is_refused(window):
    with pytest.raises(rollout.CommandError, match=r"wsltune_rollout_freeze has .*: give days, such as"):
        rollout.find_freeze([window], datetime.datetime(2026, 11, 29))


def test_what_is_in_force_is_each_users_settings_and_the_tmpfs():
    facts = {
        "go": {
            "users": {
                "anna": {"settings": {"GOTMPDIR": {"value": "/t/1", "source": "login"}, "GOROOT": {"value": "/r"}}}
            }
        },
        "go_tmpfs": {"path": "/t", "live": {"fstype": "tmpfs"}},
    }
    found = rollout.take_effective(facts)
    assert found == {"GOTMPDIR of anna": "/t/1", "tmpfs": "tmpfs on /t"}
    assert rollout.find_lost(found, {"GOTMPDIR of anna": "/t/1"}) == ["tmpfs"]


def test_what_a_user_sets_that_nobody_had_set_is_nothing_lost():
    def seen(**settings):
        users = {"anna": {"settings": {name: {"value": v, "source": s} for name, (v, s) in settings.items()}}}
        return rollout.take_effective({"go": {"users": users}})

    before = seen(GOFLAGS=("", "default"), CGO_ENABLED=("1", "default"), GOTMPDIR=("/t/1", "environment"))
    now = seen(GOFLAGS=("-v", "user file"), CGO_ENABLED=("0", "user file"), GOTMPDIR=("/t/1", "environment"))
    assert rollout.find_lost(before, now) == []
    assert rollout.find_lost(now, before) == ["CGO_ENABLED of anna", "GOFLAGS of anna"]
    without = seen(CGO_ENABLED=("0", "default"))
    assert rollout.find_lost(without, seen(CGO_ENABLED=("1", "default"))) == ["CGO_ENABLED of anna"]


def test_that_tmp_is_in_memory_no_more_is_lost_and_that_it_came_into_force_is_not():
    ours = {"mount_point": "/tmp", "fstype": "tmpfs", "source": "wsltune"}
    disk, of_systemd = {**ours, "mount_point": "/", "fstype": "ext4", "source": "/dev/sda"}, {**ours, "source": "tmpfs"}
    seen = [rollout.take_effective({"go_tmpfs": {"path": "/t", "temporary": one}}) for one in (ours, disk, of_systemd)]
    assert [rollout.find_lost(seen[0], one) for one in seen] == [[], ["/tmp"], ["/tmp"]]
    assert rollout.find_lost(seen[1], seen[0]) == [] and rollout.find_lost(seen[2], seen[1]) == []


@pytest.mark.parametrize("alpha", [1.0, 5, 1e-300])
def test_no_host_stops_the_rollout_by_the_numbers_that_it_returns(fleet, alpha):
    fleet.run()
    fleet.hosts["a"].comparisons[0]["alpha"] = alpha
    fleet.run()
    assert fleet.rollout.rings[0].decision["pooled"]["machines"] == 1


def test_no_name_of_a_hosts_is_long_or_obeyed_by_a_terminal():
    users = {"a\x1b[31m" + "b" * 5000: {"settings": {"GOTMPDIR": {"value": "/x"}}}}
    names = list(rollout.take_effective({"go": {"users": users}}))
    assert max(map(len, names)) < 200 and "\x1b" not in "".join(names)


def test_what_is_critical_is_named_by_the_ids_of_its_cases():
    checks = [{"id": "MEM01", "status": "critical"}, {"id": "GO02", "status": "warning"}]
    assert rollout.take_critical({"checks": checks}) == ["MEM01"]
    assert rollout.take_critical({"checks": None}) == []
    [name] = rollout.take_critical({"checks": [{"id": "\x1b[31m" + "b" * 5000, "status": "critical"}]})
    assert len(name) < 30 and "\x1b" not in name
