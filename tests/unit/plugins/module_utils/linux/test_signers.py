# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import signers

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJgq1v0l8hK0Q2qOeYv7bqJmW8m3Wl1xUeV0y8m7q9aB"


@pytest.mark.parametrize(
    "line",
    [
        f"anna@example.com {KEY}",
        f'anna@example.com,bert@example.com namespaces="git" {KEY} Anna\'s laptop',
        f"anna@example.com sk-{KEY}",
        f" anna@example.com {KEY}\n",
    ],
)
def test_a_line_names_who_may_sign(line: str) -> None:
    assert signers.refusal([line], "pull_agent_signers") == ""


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# anna",
        KEY,
        "anna@example.com ssh-ed25519 AAAA...",
        f"anna@example.com {KEY}\nmallory@example.com {KEY}",
        7,
    ],
)
def test_what_is_no_line_is_named_with_the_variable(line: str) -> None:
    said = signers.refusal([f"anna@example.com {KEY}", line], "pull_agent_signers")
    assert said.startswith(f"pull_agent_signers has {str(line)!r}, which is no line of an allowed signers file")


def test_nobody_may_sign() -> None:
    assert signers.refusal([], "user_data_signers").startswith("user_data_signers is empty: give at least one key")
