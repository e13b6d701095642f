# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue, plan

DECISIONS = [
    {"lever": "caches_local", "tried": True, "kept": True},
    {"lever": "source_on_ext4", "tried": True, "kept": False},
    {"lever": "gotmpdir_tmpfs", "tried": False, "kept": False},
]


def test_a_mapping_is_what_was_asked_for() -> None:
    assert plan.read_levers({"cgo_disabled": True}) == {"cgo_disabled": True}
    assert plan.read_levers({}) == {}


@pytest.mark.parametrize("wish", ["auto", None, ["cgo_disabled"]])
def test_anything_else_tries_what_has_no_hidden_cost(wish: Any) -> None:
    levers = plan.read_levers(wish)
    assert set(levers.values()) == {"auto"} and set(levers) <= set(catalogue.LEVERS)
    assert not {"gocache_tmpfs", "cgo_disabled"} & set(levers)


def test_the_source_is_tried_only_where_there_is_one() -> None:
    levers = {"cgo_disabled": True, "source_on_ext4": "auto", "caches_local": "auto", "gocache_tmpfs": False}
    assert plan.list_levers_on_auto(levers, True, "tmp") == ["source_on_ext4", "caches_local"]
    assert plan.list_levers_on_auto(levers, False, "tmp") == ["caches_local"]


@pytest.mark.parametrize(
    ("place", "tried"), [("tmp", ["tmp_in_memory"]), ("gotmpdir", ["gotmpdir_tmpfs"]), ("memory", []), ("", [])]
)
def test_only_the_lever_of_the_place_is_tried(place: str, tried: list[str]) -> None:
    assert plan.list_levers_on_auto(dict.fromkeys(["tmp_in_memory", "gotmpdir_tmpfs"], "auto"), False, place) == tried


def test_decisions_lie_over_what_is_declared() -> None:
    levers = {"cgo_disabled": True, "caches_local": "auto", "gocache_tmpfs": "auto", "gotmpdir_tmpfs": True}
    assert plan.merge_decisions(levers, []) == {"cgo_disabled": True, "gotmpdir_tmpfs": True}
    assert plan.merge_decisions(levers, DECISIONS) == {
        "cgo_disabled": True,
        "caches_local": True,
        "source_on_ext4": False,
        "gotmpdir_tmpfs": False,
    }


@pytest.mark.parametrize(
    ("name", "lost"),
    [("source_on_ext4", True), ("caches_local", False), ("gotmpdir_tmpfs", False), ("cgo_disabled", False)],
)
def test_a_lever_has_lost_when_it_was_tried_in_vain(name: str, lost: bool) -> None:
    assert plan.has_lost(DECISIONS, name) is lost


def test_folders_in_use_stand_once_and_may_differ_in_case() -> None:
    def set_to(**values: str) -> dict[str, Any]:
        return {"settings": {name: {"value": value} for name, value in values.items()}}

    users = {
        "root": set_to(GOTMPDIR="/t/a", GOCACHE="", GOFLAGS="-x"),
        "alice": set_to(GOCACHE="/t/A", GOTMPDIR="/t/a"),
        "bob": set_to(),
    }
    assert plan.list_folders_in_use(users) == ["/t/a", "/t/A"]


@pytest.mark.parametrize(
    ("wish", "right"),
    [
        ("auto", True),
        ({}, True),
        ({"append_windows_path": True, "cgo_disabled": False, "caches_local": "auto"}, True),
        ("always", False),
        (True, False),
        (["auto"], False),
        ({"memoryy": True}, False),
        ({"caches_local": "yes"}, False),
        ({"caches_local": 1}, False),
    ],
)
def test_what_cannot_be_followed_is_one_sentence(wish: object, right: bool) -> None:
    sentence = plan.explain_refusal(wish)
    assert bool(sentence) is not right
    if not right:
        assert sentence.startswith(
            f"wsltune_levers is {json.dumps(wish)}: give auto, or true, false or auto for each of"
        )
        assert f"{list(catalogue.LEVERS)[-1]}; nothing was changed." in sentence


@pytest.mark.parametrize("name", ["memory", "processors", "virtiofs", "memory_reclaim", "defender_exclusions"])
def test_what_no_run_can_try_is_refused_with_the_way_to_measure_it(name: str) -> None:
    sentence = plan.explain_refusal({"vet_off": "auto", name: "auto"})
    lever = catalogue.IN_SEQUENCE[name]
    assert sentence.startswith(f"wsltune_levers has {name}, which no single run can try: set {lever.setting} by ")
    assert "entry sequence of the role verify" in sentence


@pytest.mark.parametrize(
    ("given", "meant"),
    [("{}", {}), ('{"cgo_disabled": true}', {"cgo_disabled": True}), ("auto", "auto"), ("{x", "{x"), ({}, {})],
)
def test_a_text_on_the_command_line_is_taken_for_what_it_shows(given: Any, meant: Any) -> None:
    assert plan.parse_wish(given) == meant
