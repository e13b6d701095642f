# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.go import baseline as go_baseline
from ansible_collections.wsltune.go.plugins.module_utils.go import envfile

OURS = {"GOTOOLCHAIN": "go1.27.3+auto", "CGO_LDFLAGS": "-O2 -g -fuse-ld=mold", "GOCACHEPROG": "/opt/cache"}


class Machine:
    """A user's settings file, and the record of what was written there."""

    def __init__(self, folder: Path) -> None:
        self.file, self.root = folder / "env", str(folder / "state")
        self.exports: dict[str, str] = {}

    def write(self, wanted: dict[str, str], own: str | None = None) -> None:
        if own is not None:
            self.file.write_text(own)
        content = envfile.merge(self.file.read_text() if self.file.exists() else "", wanted).encode()
        journal.Journal(self.root).write(str(self.file), content, role="go_env", revert=envfile.revert)

    def before(self) -> Any:
        values = envfile.parse(self.file.read_text()) if self.file.exists() else {}
        user = {
            "uid": os.geteuid(),
            "go": {"path": "/go"},
            "settings": {},
            "places": {"GOCACHE": {"path": "/c"}},
            "exports": self.exports,
            "user_file": {"path": str(self.file), "values": values},
        }
        go_baseline.record({"alice": user}, self.root)
        return go_baseline.list_before({"alice": user}, self.root)["alice"]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_wsltune_wrote_is_not_from_before(machine: Machine) -> None:
    assert machine.before() == {"environment": {"GOCACHE": "/c"}, "unset": []}
    machine.write(OURS)
    assert machine.before() == {
        "environment": {"GOCACHE": "/c"},
        "unset": ["GOTOOLCHAIN", "GOCACHEPROG", "CGO_LDFLAGS"],
    }
    # Another run, with another Go.
    machine.write({**OURS, "GOTOOLCHAIN": "go1.28.1+auto"})
    assert sorted(machine.before()["unset"]) == sorted(OURS)


def test_what_the_user_had_there_is_from_before(machine: Machine) -> None:
    machine.write({"CGO_LDFLAGS": "-lfoo -fuse-ld=lld", "GOTOOLCHAIN": "go1.27.3+auto"}, "CGO_LDFLAGS=-lfoo\n")
    assert machine.before() == {"environment": {"GOCACHE": "/c", "CGO_LDFLAGS": "-lfoo"}, "unset": ["GOTOOLCHAIN"]}


def test_what_the_user_has_now_counts_in_both(machine: Machine) -> None:
    machine.write({"GOFLAGS": "-v"}, "GOTOOLCHAIN=go1.25.1\n")
    assert machine.before()["unset"] == [] and "GOTOOLCHAIN" not in machine.before()["environment"]
    machine.write(OURS)
    machine.file.write_text(machine.file.read_text().replace(OURS["GOCACHEPROG"], "/home/alice/cache"))
    assert "GOCACHEPROG" not in machine.before()["unset"]
    machine.exports["CGO_LDFLAGS"] = "-lbar"
    assert "CGO_LDFLAGS" not in [*machine.before()["unset"], *machine.before()["environment"]]


def test_the_file_of_another_account_says_nothing(machine: Machine) -> None:
    machine.before()
    machine.write(OURS)
    values = {"uid": os.geteuid() + 1, "exports": {}, "user_file": {"values": OURS}}
    entries = journal.Journal(machine.root).entries("go_env")
    assert entries and go_baseline.list_replaced(values, entries) == {}


def test_where_nothing_is_recorded_nothing_is_known(machine: Machine) -> None:
    assert go_baseline.list_before({"alice": {"uid": 0, "user_file": {"values": {}}}}, machine.root) == {"alice": None}
