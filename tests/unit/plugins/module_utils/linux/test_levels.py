# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.filter import doctor, drift, policy
from ansible_collections.wsltune.go.plugins.module_utils.linux import levels

FILTERS = {
    name: function
    for module in (doctor, drift, policy)
    for name, function in module.FilterModule().filters().items()
    if name.endswith("_failing")
}


@pytest.mark.parametrize(
    ("name", "level", "states"),
    [
        ("drift_failing", "drift", ["drift"]),
        ("drift_failing", "unknown", ["drift", "unknown", "not_seen"]),
        ("drift_failing", "restart", ["drift", "unknown", "not_seen", "pending_restart"]),
        ("drift_failing", "never", []),
        ("policy_failing", "critical", ["critical"]),
        ("policy_failing", "warning", ["critical", "warning"]),
        ("policy_failing", "info", ["critical", "warning", "info"]),
        ("policy_failing", "never", []),
        ("doctor_failing", "critical", ["critical"]),
        ("doctor_failing", "warning", ["critical", "warning"]),
        ("doctor_failing", "never", []),
    ],
)
def test_a_level_fails_with_its_states_and_with_all_that_are_worse(name: str, level: str, states: list[str]) -> None:
    assert FILTERS[name](level) == {"refusal": "", "states": states}


@pytest.mark.parametrize("level", ["always", "", None, True, ["drift"], {}])
@pytest.mark.parametrize(
    ("name", "variable", "allowed"),
    [
        ("drift_failing", "wsltune_drift_fail_on", "drift, unknown, restart or never"),
        ("policy_failing", "wsltune_policy_fail_on", "critical, warning, info or never"),
        ("doctor_failing", "doctor_fail_on", "critical, warning or never"),
    ],
)
def test_a_level_that_is_none_is_refused_with_those_that_there_are(
    name: str, variable: str, allowed: str, level: Any
) -> None:
    assert FILTERS[name](level) == {"refusal": f"{variable} is {level}: it must be {allowed}.", "states": []}


def test_the_worst_level_comes_first() -> None:
    assert levels.choose_failing("b", {"a": ("x",), "b": ("y", "z"), "c": ("w",)}, "v")["states"] == ["x", "y", "z"]
