# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The snippets for CI in the guide: they parse, and what they call is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from onboard import __main__ as onboard_main
from onboard import options as onboard_options

GUIDE = (Path(__file__).parents[2] / "docs/guide/ci.md").read_text(encoding="utf-8")
SNIPPETS: list[dict[str, Any]] = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)]


def scripts() -> list[str]:
    github, gitlab = SNIPPETS
    steps = [step["run"] for job in github["jobs"].values() for step in job["steps"] if "run" in step]
    return [*steps, *gitlab["speed"]["before_script"], *gitlab["speed"]["script"]]


def test_the_snippets_are_what_the_services_read() -> None:
    github, gitlab = SNIPPETS
    # YAML reads the key `on` as true.
    assert github[True] == "pull_request"
    assert all("runs-on" in job and job["steps"] for job in github["jobs"].values())
    assert gitlab["speed"]["allow_failure"]["exit_codes"] == onboard_options.UNKNOWN
    assert len([line for line in scripts() if "onboard.sh" in line]) == 2


@pytest.mark.parametrize("line", [line for line in scripts() if "onboard.sh" in line])
def test_what_they_call_is_a_command_with_these_options(line: str) -> None:
    options = onboard_options.parse(shlex.split(line)[1:], onboard_main.__doc__ or "")
    assert (options.command, options.fail_if_slower, bool(options.against)) == ("bench", True, True)


def test_the_shell_lines_of_the_guide_too() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    calls = [line for block in blocks for line in block.replace("\n    ", " ").splitlines() if "onboard.sh" in line]
    assert len(calls) == 2
    for line in calls:
        assert onboard_options.parse(shlex.split(line)[1:], onboard_main.__doc__ or "").command == "bench"


def test_the_exit_codes_are_those_of_the_program() -> None:
    rows = dict(re.findall(r"^\| (\d) \| (.+?)(?: \||;)", GUIDE, re.MULTILINE))
    assert set(rows) == {str(code) for code in (onboard_options.OK, onboard_options.SLOWER, onboard_options.UNKNOWN)}
