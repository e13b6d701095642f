# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import dataclasses
import random

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.fleet import gate, rings
from ansible_collections.wsltune.go.plugins.module_utils.fleet import host as fleet_host
from benchmarks.fleet import decisions

RING = rings.Ring("early", quorum=60, soak_hours=24, max_failed=5, max_taken_back=5, max_ratio=1.03)
BEGAN = 1_000_000.0
LATER = BEGAN + 25 * 3600


def host(name: str, **changes) -> gate.Host:
    good = gate.Host(name, fleet_host.DONE, True, 0.8, 0.78, 0.82, reread=True)
    return dataclasses.replace(good, **changes)


TEN = [host(f"h{number}") for number in range(10)]


def pending(name: str) -> gate.Host:
    return gate.Host(name)


def test_it_goes_on_when_everything_is_met():
    found = gate.decide(RING, TEN, LATER, BEGAN)
    assert found.result == gate.GO
    answered = "10 of 10 hosts have answered, all limits are kept"
    assert found.sentences == [f"{answered}, ratio 0.800 (0.793 to 0.807) of 10 hosts within max_ratio 1.03."]


CASES = {
    "hosts asleep": (
        [*TEN[:5], *(pending(f"p{number}") for number in range(5))],
        gate.HOLD,
        "5 of 10 hosts have answered and 6 are needed; 5 are pending.",
    ),
    "all canaries asleep": (
        [pending("a"), pending("b")],
        gate.HOLD,
        "0 of 2 hosts have answered and 2 are needed; 2 are pending.",
    ),
    "failed": (
        [*TEN[:9], host("bad", state=fleet_host.FAILED)],
        gate.HOLD,
        "The run failed on 1 of 10 hosts; max_failed is 5 %: fix them.",
    ),
    "taken back": (
        [*TEN[:9], host("slow", state=fleet_host.TAKEN_BACK, ratio=1.2, low=1.1, high=1.3)],
        gate.ROLL_BACK,
        "Go got slower and was taken back on 1 of 10 hosts; max_taken_back is 5 %.",
    ),
    "slower together": (
        [host(f"h{number}", ratio=1.04, low=1.0, high=1.08) for number in range(10)],
        gate.ROLL_BACK,
        "Go is slower on the hosts of this ring together: ratio 1.040 (1.025 to 1.055) of 10 hosts; max_ratio is 1.03.",
    ),
    "not certain": (
        [host(f"h{number}", ratio=1.0, low=0.9, high=1.12) for number in range(3)],
        gate.HOLD,
        "It is not certain yet that Go does not get slower: ratio 1.000 (0.871 to 1.149) of 3 hosts, and max_ratio is",
    ),
    "no ratio": (
        [host("a", ratio=None), host("b", ratio=1.0, low=None)],
        gate.HOLD,
        "None of the hosts that measure has a ratio; see the reports of a and b, or give the ring measure 0.",
    ),
    "critical": (
        [*TEN[:8], host("x", critical=("WT-004",)), host("y", critical=("WT-001", "WT-004"))],
        gate.ROLL_BACK,
        "The doctor has a new critical finding (WT-001 and WT-004) on x and y.",
    ),
    "not looked at again": (
        [host(f"h{number}", reread=number < 5) for number in range(10)],
        gate.HOLD,
        "5 of 10 hosts have been looked at again since the soak time.",
    ),
    "not in force any more": (
        [*TEN[:9], host("x", lost=("GOTMPDIR of anna",))],
        gate.HOLD,
        "What was set is not in force any more on x: GOTMPDIR of anna.",
    ),
}


@pytest.mark.parametrize(("hosts", "result", "sentence"), CASES.values(), ids=CASES)
def test_it_says_what_stands_against_it(hosts, result, sentence):
    found = gate.decide(RING, hosts, LATER, BEGAN)
    assert found.result == result and len(found.sentences) == 1
    assert found.sentences[0].startswith(sentence)


def slow(name: str, clearness: float, **changes) -> gate.Host:
    return host(
        name, **{"state": fleet_host.TAKEN_BACK, "ratio": None, "clearness": clearness, "slowest": 1.1, **changes}
    )


CHANCE = {
    "one of five, by little": ([*TEN[:4], slow("x", 2.2)], gate.HOLD),
    "one of five, clearly": ([*TEN[:4], slow("x", 2.9)], gate.ROLL_BACK),
    "one of five, clearly for one comparison and not for three": ([*TEN[:4], slow("x", 2.9, comparisons=9)], gate.HOLD),
    "one of five, clearly, but less than max_ratio": ([*TEN[:4], slow("x", 9.0, slowest=1.02)], gate.HOLD),
    "one of five, and it is not known how clearly": ([*TEN[:4], slow("x", float("inf"))], gate.ROLL_BACK),
    "two of five, by little": ([*TEN[:3], slow("x", 2.2), slow("y", 2.2)], gate.ROLL_BACK),
    "the only one": ([slow("x", 2.0)], gate.ROLL_BACK),
    "one of ten, of which two measured": (
        [slow("x", 2.0), TEN[0], *(host(f"n{number}", ratio=None, measures=False) for number in range(8))],
        gate.HOLD,
    ),
    "one of twenty, which is the limit": ([*(host(f"h{number}") for number in range(19)), slow("x", 9.0)], gate.GO),
}


@pytest.mark.parametrize(("hosts", "result"), CHANCE.values(), ids=CHANCE)
def test_a_ring_is_not_rolled_back_for_what_chance_makes_of_many_hosts(hosts, result):
    found = gate.decide(RING, hosts, LATER, BEGAN)
    assert found.result == result, found.sentences
    assert list(found.measure_again) == (["x"] if result == gate.HOLD else [])
    if result == gate.HOLD:
        share = f"1 of {len(hosts)} hosts, by so little that it may be chance among so many: measure x again."
        assert found.sentences == [f"Go got slower and was taken back on {share}"]


def test_how_many_hosts_chance_calls_slower():
    found = {hosts: gate.most_by_chance(hosts) for hosts in (1, 2, 5, 10, 20, 100, 10_000)}
    # scipy.stats.binom.ppf(0.975, hosts, 0.025)
    assert found == {1: 0, 2: 1, 5: 1, 10: 1, 20: 2, 100: 6, 10_000: 281}


@pytest.mark.parametrize(("hosts", "slower_somewhere"), [(5, 0.08), (19, 0.3)])
def test_a_change_that_does_nothing_seldom_rolls_a_ring_back(hosts, slower_somewhere):
    called, rolled_back = decisions.play_rings(random.Random(14), 400, hosts, between=0.0)
    assert called >= slower_somewhere and rolled_back <= 0.08
    assert decisions.play_rings(random.Random(14), 100, hosts, between=0.0, effect=1.1)[1] >= 0.95


TIMES = {
    "not begun": (LATER, None, "The soak time has not begun."),
    "one hour": (BEGAN + 3600, BEGAN, "The soak time lasts another 23 h."),
    "almost": (BEGAN + 24 * 3600 - 1, BEGAN, "The soak time lasts another 1 min."),
    "clock moved back": (BEGAN - 3600, BEGAN, "The clock is 60 min behind the record: set it right, or wait."),
}


@pytest.mark.parametrize(("now", "since", "sentence"), TIMES.values(), ids=TIMES)
def test_it_waits_for_the_soak_time(now, since, sentence):
    assert gate.decide(RING, TEN, now, since).sentences == [sentence]
    harmed = [host("slow", state=fleet_host.TAKEN_BACK)]
    assert gate.decide(RING, harmed, now, since).result == gate.ROLL_BACK


def test_everything_that_is_missing_is_said_at_once():
    hosts = [host("a", state=fleet_host.FAILED, ratio=None), *(pending(f"p{number}") for number in range(9))]
    assert len(gate.decide(RING, hosts, BEGAN, BEGAN).sentences) == 4


def test_excluded_hosts_count_for_nothing():
    away = [gate.Host(f"x{number}", fleet_host.EXCLUDED, critical=("WT-001",)) for number in range(90)]
    assert gate.decide(RING, [*TEN, *away], LATER, BEGAN).result == gate.GO


def test_where_nothing_was_to_change_nothing_has_to_be_measured():
    hosts = [host(f"h{number}", measures=False, ratio=None) for number in range(3)]
    found = gate.decide(RING, hosts, LATER, BEGAN)
    assert found.result == gate.GO and "nothing was measured" in found.sentences[0]


def test_a_ring_without_a_host_lets_the_next_one_begin():
    found = gate.decide(rings.Ring("many", soak_hours=0), [], LATER, None)
    assert (found.result, found.sentences) == (gate.GO, ["The ring many has no host."])


def test_a_limit_is_kept_when_it_is_reached_and_not_when_it_is_exceeded():
    twenty = [*(host(f"h{number}") for number in range(19)), host("bad", state=fleet_host.FAILED, ratio=None)]
    assert gate.decide(RING, twenty, LATER, BEGAN).result == gate.GO
    assert gate.decide(dataclasses.replace(RING, max_failed=4.9), twenty, LATER, BEGAN).result == gate.HOLD


def test_a_change_that_harms_everyone_by_5_percent_seldom_passes():
    chance = random.Random(14)
    for fleet in (12, 100):
        assert decisions.share_of_false_go(chance, 150, fleet) <= 0.05


def test_a_change_that_harms_a_tenth_is_found_by_the_second_ring():
    assert decisions.share_found(random.Random(14), 60, 300) >= 0.9


def test_ten_thousand_hosts_are_decided_in_time():
    assert decisions.seconds_to_decide(random.Random(14), 10_000) < 5


def test_one_host_fills_the_record_of_all_with_no_names():
    many = tuple(f"WT-{number}" for number in range(10_000))
    found = gate.decide(RING, [*TEN, host("x", critical=many)], LATER, BEGAN)
    assert found.result == gate.ROLL_BACK and len(found.sentences[0]) < 300
    found = gate.decide(RING, [host(f"h{number}", lost=many) for number in range(10)], LATER, BEGAN)
    assert "and 9990 more" in found.sentences[0]
