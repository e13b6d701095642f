# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import packages as go_packages

FIRST = ["golang-1.24-go", "golang-go", "golang-src"]


def user(**unknown: str) -> dict[str, Any]:
    return {"uid": 1000, "go": None, "toolchains": [], "unknown": unknown}


NONE = dict(user(), unknown={"go": "no Go command on the PATH of bob nor in the usual places"})


@pytest.mark.parametrize(
    ("users", "said"),
    [
        ({"bob": NONE}, ""),
        ({"root": dict(NONE, uid=0)}, ""),
        ({"bob": user(environment="A login of bob did not come to an end within 15 s.")}, "bob: A login of bob"),
        ({"bob": user(terminal="An interactive shell of bob shows no environment.")}, "bob: An interactive"),
        ({"bob": user(answer="looking at it failed")}, "bob: looking at it failed"),
    ],
)
def test_who_is_known_to_have_no_go(users: dict[str, Any], said: str) -> None:
    assert go_packages.explain_no_answer(users).startswith(said)


def test_a_go_that_does_not_answer_is_there_all_the_same() -> None:
    silent = dict(user(), toolchains=[{}], unknown={"go": "mise ERROR No version is set"})
    root = dict(NONE, uid=0)
    assert go_packages.explain_no_answer({"root": root, "ms": silent}) == "ms: mise ERROR No version is set"
    # One user keeps nobody else from a Go, and is named.
    assert go_packages.explain_no_answer({"root": root, "ms": silent, "bob": NONE}) == ""
    assert go_packages.list_no_answer({"root": root, "ms": silent, "bob": NONE}) == ["ms: mise ERROR No version is set"]


def test_the_record_keeps_what_earlier_runs_installed() -> None:
    record = json.dumps(FIRST)
    there = ["bash", *FIRST]
    # The second run finds everything there already.
    assert go_packages.merge_record(record, [], there, there) == FIRST
    assert go_packages.merge_record(record, ["golang-go"]) == FIRST
    assert go_packages.merge_record(record, [], there, [*there, "pkgconf"]) == [*FIRST, "pkgconf"]
    assert go_packages.merge_record("", [], ["bash"], there) == FIRST
    assert go_packages.merge_record("no json", ["golang-go"]) == ["golang-go"]
