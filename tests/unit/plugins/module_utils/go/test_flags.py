# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import flags as go_flags


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ('-trimpath "-ldflags=-s -w"', ["-trimpath", '"-ldflags=-s -w"']),
        ("'-ldflags=-s -w' -v", ["'-ldflags=-s -w'", "-v"]),
        ('-ldflags="-s -w"', ['-ldflags="-s', '-w"']),
        ('"-v', ['"-v']),
        ("  ", []),
    ],
)
def test_words_are_those_of_go(flags: str, words: list[str]) -> None:
    assert go_flags.split(flags) == words


@pytest.mark.parametrize(
    ("own", "added", "flags"),
    [
        ("", ["-vet=off"], "-vet=off"),
        ("-p=4 '-ldflags=-s -w'", ["-vet=off", "-buildvcs=false"], "-p=4 '-ldflags=-s -w' -vet=off -buildvcs=false"),
        ("--vet=all", ["-vet=off"], "--vet=all"),
        ("'-toolexec=my tool'", ["-toolexec=/x", "-p=2"], "'-toolexec=my tool' -p=2"),
        ("-v", [], "-v"),
        ("-v\f GOTMPDIR=/nowhere ", [], "-v\f GOTMPDIR=/nowhere "),
        ("-v\f-x", ["-vet=off"], "-v\f-x -vet=off"),
        ("  ", ["-vet=off"], "-vet=off"),
    ],
)
def test_flags_are_put_behind_a_users_own_and_never_in_their_place(own: str, added: list[str], flags: str) -> None:
    assert go_flags.add(own, added) == flags


def test_flags_that_were_added_can_be_taken_out_again() -> None:
    assert go_flags.without("-p=4 '-ldflags=-s -w' -vet=off", ["-vet=off"]) == "-p=4 '-ldflags=-s -w'"


@pytest.mark.parametrize(
    ("flags", "variable"),
    [
        ("-v -mod=mod -p=2", {"GOFLAGS": "-v -mod=readonly -p=2"}),
        ("--mod=mod", {"GOFLAGS": "-mod=readonly"}),
        ("'-mod=mod' '-ldflags=-s -w'", {"GOFLAGS": "-mod=readonly '-ldflags=-s -w'"}),
        ("-mod=vendor  -modcacherw '-ldflags=-X m.flags=-mod=mod'", {}),
        ("", {}),
    ],
)
def test_go_that_may_write_go_mod_is_kept_from_it_however_the_flag_is_written(
    flags: str, variable: dict[str, str]
) -> None:
    assert go_flags.leave_go_mod(flags) == variable
