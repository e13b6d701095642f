# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import refusals
from tests.unit.real_go import GO as REAL
from tests.unit.real_go import needs_go

# As Go 1.27 answers: -w is known to `go env`, and everywhere else a flag of another command is passed over.
GO = """#!/bin/sh
[ -r go.mod ] && [ -r flags_test.go ] || { echo "go: no module" >&2; exit 1; }
case "$1 $2,$GOFLAGS" in
"env -json,"*-w*) echo "go: cannot use -json with -w" >&2; exit 1 ;;
"env "*,*-w*) echo "go: arguments must be KEY=VALUE: invalid argument: GOFLAGS" >&2; exit 1 ;;
esac
case $GOFLAGS in
*OLD*) echo "go: parsing \\$GOFLAGS: unknown flag OLD" >&2; exit 1 ;;
*-p=x*) [ "$1" = env ] || { echo 'go: invalid value "x" for flag -p (from $GOFLAGS): parse error' >&2; exit 2; } ;;
esac
"""


def commands(tmp_path: Path, *names: str) -> list[dict[str, str]]:
    for name in names:
        (tmp_path / name).write_text(GO.replace("OLD", "-cover2" if name == "old" else "-nothing"))
        (tmp_path / name).chmod(0o755)
    return [{"path": f"{tmp_path}/{name}", "version": f"go1 {name}"} for name in names]


@pytest.mark.parametrize(
    ("flags", "refused"),
    [
        ("-p=4 -tags=x", []),
        ("-ldflags=-s -w", ["new (go1 new) refuses -w: go: arguments", "old (go1 old) refuses -w: go: arguments"]),
        ("-p=x -v", ["new (go1 new) refuses -p=x: go: invalid value", "old (go1 old) refuses -p=x: go: invalid value"]),
        ("-v -cover2", ["old (go1 old) refuses -cover2: go: parsing $GOFLAGS: unknown flag -cover2"]),
    ],
)
def test_each_go_is_asked_and_the_flag_is_named(tmp_path: Path, flags: str, refused: list[str]) -> None:
    said = refusals.list_refusals(commands(tmp_path, "new", "old"), {"PATH": os.environ["PATH"]}, flags)
    assert len(said) == len(refused)
    assert all(one.startswith(f"{tmp_path}/{start}") for one, start in zip(said, refused))


def test_a_go_that_fails_without_flags_too_says_nothing_of_them(tmp_path: Path) -> None:
    broken = tmp_path / "go"
    broken.write_text("#!/bin/sh\necho broken >&2; exit 1\n")
    broken.chmod(0o755)
    toolchains = [{"path": str(broken), "version": "go1"}, {"path": f"{tmp_path}/none", "version": "go1"}]
    assert refusals.list_refusals(toolchains, {"PATH": os.environ["PATH"]}, "-v") == []


@needs_go
@pytest.mark.parametrize(
    ("flags", "refused"),
    [
        ('-trimpath "-ldflags=-s -w"', ""),
        ("'-ldflags=-s -w' '-gcflags=all=-N -l'", ""),
        ("-tags=a,b -p=2", ""),
        ('-ldflags="-s -w"', 'refuses -ldflags="-s -w": go: parsing'),
        ("-ldflags=-s -w", "refuses -w: go: "),
        ("-mod readonly", "refuses -mod readonly: go: parsing"),
        ("-nothing-has-it", "refuses -nothing-has-it: go: "),
    ],
)
def test_a_real_go_takes_what_it_can_read_and_no_other(flags: str, refused: str) -> None:
    go_plan.check_goflags(flags)
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    said = refusals.list_refusals([{"path": REAL, "version": "go1"}], environment, flags)
    assert len(said) == bool(refused) and refused in "".join(said)
