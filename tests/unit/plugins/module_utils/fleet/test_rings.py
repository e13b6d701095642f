# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import random

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.fleet import rings

HOSTS = [f"laptop-{number:04}" for number in range(1000)]
DEFAULT = rings.read_rings(rings.DEFAULT)


def test_the_default_goes_from_a_sandbox_over_a_tenth_and_three_tenths_to_all():
    found = rings.assign(DEFAULT, HOSTS)
    assert {name: len(hosts) for name, hosts in found.rings.items()} == {
        "sandbox": 10,
        "early": 100,
        "many": 300,
        "all": 590,
    }
    assert not found.excluded
    assert sorted(host for hosts in found.rings.values() for host in hosts) == HOSTS


def test_the_order_of_the_inventory_changes_nothing():
    mixed = random.Random(1).sample(HOSTS, len(HOSTS))
    assert rings.assign(DEFAULT, mixed) == rings.assign(DEFAULT, HOSTS)


def test_the_ring_of_a_host_is_no_secret_of_one_process():
    # Python's own hash of a text differs from process to process.
    assert rings.assign(DEFAULT, HOSTS).rings["sandbox"][:2] == ["laptop-0497", "laptop-0465"]


def test_a_small_fleet_has_a_host_in_each_ring():
    found = rings.assign(DEFAULT, HOSTS[:12])
    assert [len(hosts) for hosts in found.rings.values()] == [1, 1, 4, 6]
    assert [len(hosts) for hosts in rings.assign(DEFAULT, HOSTS[:2]).rings.values()] == [1, 1, 0, 0]


def test_hosts_and_groups_and_host_variables_name_a_ring():
    declared = [{"name": "sandbox", "hosts": ["a", "team"]}, {"name": "rest", "share": "rest"}]
    found = rings.assign(
        rings.read_rings(declared), "abcdef", {"team": ["b", "elsewhere"]}, {"c": "sandbox", "d": "none"}
    )
    assert sorted(found.rings["sandbox"]) == ["a", "b", "c"]
    assert sorted(found.rings["rest"]) == ["e", "f"]
    assert found.excluded == {"d": "wsltune_ring is none"}


def test_shares_below_all_leave_hosts_out_and_say_so():
    found = rings.assign(rings.read_rings([{"name": "few", "share": 10}]), HOSTS[:20])
    assert len(found.rings["few"]) == 2 and len(found.excluded) == 18
    assert set(found.excluded.values()) == {"the shares of wsltune_rings leave it out"}


BAD = [
    ([], "wsltune_rings is []: give a list of at least one ring."),
    ("sandbox", "wsltune_rings is 'sandbox': give a list of at least one ring."),
    ([{"share": 3}], "ring 1 of wsltune_rings is {'share': 3}: give a mapping with a name."),
    (
        [{"name": "a", "share": 60}, {"name": "b", "share": 50}],
        "the shares in wsltune_rings come to 110 %: give at most 100 % together.",
    ),
    (
        [{"name": "a", "share": 120}],
        "the ring a in wsltune_rings has share 120: give a number of at least 0 and at most 100 %.",
    ),
    (
        [{"name": "a", "share": 0}],
        "the ring a in wsltune_rings has share 0: give more than 0 %, or leave the ring out.",
    ),
    (
        [{"name": "a", "quorum": "most"}],
        "the ring a in wsltune_rings has quorum 'most': give a number of at least 0 and at most 100 %.",
    ),
    (
        [{"name": "a", "measure": True}],
        "the ring a in wsltune_rings has measure True: give a number of at least 0 and at most 100 %.",
    ),
    ([{"name": "a", "soak_hours": -1}], "the ring a in wsltune_rings has soak_hours -1: give a number of at least 0."),
    (
        [{"name": "a", "soak_hours": float("inf")}],
        "the ring a in wsltune_rings has soak_hours inf: give a number of at least 0.",
    ),
    (
        [{"name": "a", "max_ratio": 0.03}],
        "the ring a in wsltune_rings has max_ratio 0.03: give a ratio such as 1.03, not a percentage.",
    ),
    (
        [{"name": "a", "soak": 1}],
        "the ring a in wsltune_rings has soak: give some of name, hosts, share, quorum, soak_hours",
    ),
    (
        [{"name": "a", "hosts": "b"}],
        "the ring a in wsltune_rings has hosts 'b': give a list of names of hosts or groups.",
    ),
    (
        [{"name": "a", "share": 1}, {"name": "a", "share": 2}],
        "wsltune_rings names the ring a twice: give each ring a name of its own.",
    ),
    (
        [{"name": "a", "share": "rest"}, {"name": "b", "share": 2}],
        "the ring a in wsltune_rings takes the rest: it must be the last, and the only such.",
    ),
    (
        [{"name": "none", "share": 2}],
        "the ring none in wsltune_rings cannot be named none, which is what wsltune_ring of an excluded host says.",
    ),
]


@pytest.mark.parametrize(("declared", "sentence"), BAD)
def test_bad_rings_get_one_sentence(declared, sentence):
    with pytest.raises(rings.RingError) as caught:
        rings.read_rings(declared)
    assert str(caught.value).startswith(sentence)


BAD_HOSTS = [
    ([{"name": "a", "hosts": ["x"]}, {"name": "b", "hosts": ["x"]}], {}, "x is in the rings a and b: leave it in one"),
    ([{"name": "a", "hosts": ["x"]}, {"name": "b", "share": "rest"}], {"x": "b"}, "x is in the rings b and a"),
    (
        [{"name": "a", "hosts": ["q"]}],
        {},
        "the ring a in wsltune_rings names q: the inventory has no such host or group",
    ),
    ([{"name": "a"}, {"name": "b", "share": "rest"}], {}, "the ring a in wsltune_rings has no host: name some"),
    ([{"name": "a", "hosts": ["empty"]}], {}, "the ring a in wsltune_rings has no host"),
    ([{"name": "a", "share": 10}], {"x": "early"}, "wsltune_ring of x is early: give a, none."),
    ([{"name": "a", "share": 10}], {"x": "none", "y": "none"}, "no ring of wsltune_rings has a host"),
]


@pytest.mark.parametrize(("declared", "wanted", "sentence"), BAD_HOSTS)
def test_hosts_that_fit_no_ring_or_two_get_one_sentence(declared, wanted, sentence):
    with pytest.raises(rings.RingError, match=sentence):
        rings.assign(rings.read_rings(declared), ["x", "y"], {"empty": []}, wanted)


def test_the_share_that_measures_is_the_same_on_every_run_and_never_empty():
    ring = rings.Ring("a", measure=10)
    assert rings.choose_measured(ring, HOSTS[:3]) == rings.choose_measured(ring, HOSTS[:3][::-1])
    assert len(rings.choose_measured(ring, HOSTS[:3])) == 1
    assert len(rings.choose_measured(ring, HOSTS)) == 100
    assert rings.choose_measured(rings.Ring("a", measure=0), HOSTS) == []


def test_a_ring_survives_json():
    assert [rings.Ring.from_json(ring.to_json()) for ring in DEFAULT] == DEFAULT
