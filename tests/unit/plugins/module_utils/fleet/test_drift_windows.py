# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Windows side's drift, from what both modules return in check mode (tests/windows_host has the real ones)."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.fleet import drift, drift_windows

CONF: dict[str, Any] = {
    "path": r"C:\Users\erin\.wslconfig",
    "changed": False,
    "wanted": {"wsl2.swap": 1 << 30, "wsl2.virtiofs": True},
    "found": {"wsl2.swap": 1 << 30, "wsl2.virtiofs": True, "wsl2.memory": 2 << 30},
    "recorded": {"wsl2.swap": 1 << 30, "wsl2.virtiofs": True, "wsl2.memory": 2 << 30},
    "pending": [],
}
SHOP = {"kind": "path", "value": r"C:\src\shop\:{PathType:folder}"}
DEFENDER: dict[str, Any] = {
    "exclusions": {"path": [SHOP["value"]]},
    "defender": {"hidden": ""},
    "reason": "",
    "added": [],
    "removed": [],
    "entries": [SHOP],
    "recorded": [{**SHOP, "asked": SHOP["value"]}],
}
NAME = f"path {SHOP['value']}"


def look(defender: dict[str, Any] | None = None, conf: dict[str, Any] | None = None, removed: Any = ()) -> Any:
    """Return the report with some of the modules' answers changed, and its states by setting."""
    report = drift_windows.report("laptop", {**DEFENDER, **(defender or {})}, {**CONF, **(conf or {})}, removed, 0.0)
    return report, {setting["id"]: setting["state"] for setting in report["settings"]}


def test_what_a_run_left_is_in_state() -> None:
    report, states = look()
    assert states == {
        "wslconfig:wsl2.swap": drift.IN_STATE,
        "wslconfig:wsl2.virtiofs": drift.IN_STATE,
        f"defender:path:{SHOP['value']}": drift.IN_STATE,
    }
    assert (report["status"], report["exit_code"]) == ("in_state", 0)


@pytest.mark.parametrize(
    ("conf", "state"),
    [
        ({"found": {"wsl2.virtiofs": True}}, drift.GONE),
        ({"found": {"wsl2.virtiofs": True, "wsl2.swap": 5}}, drift.CHANGED),
        ({"pending": ["wsl2.swap"]}, drift.PENDING),
        ({"recorded": None, "found": {}}, drift.NOT_ROLLED_OUT),
        ({"wanted": {"wsl2.swap": 7}}, drift.NOT_ROLLED_OUT),
        ({"wanted": {"wsl2.swap": 7}, "found": {"wsl2.swap": 5}}, drift.CONFLICT),
        ({"wanted": {"wsl2.swap": 7}, "found": {"wsl2.swap": 7}}, drift.BY_HAND),
    ],
)
def test_each_state_of_a_key(conf: dict[str, Any], state: str) -> None:
    report, states = look(conf=conf)
    assert states["wslconfig:wsl2.swap"] == state
    setting = next(one for one in report["settings"] if one["id"] == "wslconfig:wsl2.swap")
    assert bool(setting["remedy"]) == (state != drift.IN_STATE)


def test_a_key_that_is_to_be_gone() -> None:
    assert look(removed=["wsl2.MEMORY"])[1]["wslconfig:wsl2.memory"] == drift.NOT_ROLLED_OUT
    assert look(removed=["wsl2.swapFile"])[1]["wslconfig:wsl2.swapFile"] == drift.IN_STATE


def test_a_file_that_is_still_to_be_restored() -> None:
    conf = {**CONF, "changed": True}
    del conf["found"]
    report = drift_windows.report("laptop", DEFENDER, conf, [], 0.0)
    assert [one["state"] for one in report["settings"] if one["role"] == "wslconfig"] == [drift.NOT_ROLLED_OUT]
    report = drift_windows.report("laptop", DEFENDER, {**conf, "changed": False}, [], 0.0)
    assert [one["state"] for one in report["settings"] if one["role"] == "wslconfig"] == []


@pytest.mark.parametrize(
    ("defender", "state"),
    [
        ({"added": [NAME]}, drift.GONE),
        ({"added": [NAME], "recorded": []}, drift.NOT_ROLLED_OUT),
        ({"entries": [], "removed": [NAME]}, drift.NOT_ROLLED_OUT),
        ({"entries": []}, drift.BY_HAND),
        ({"exclusions": None, "defender": {"hidden": "not_elevated"}}, drift.UNKNOWN),
    ],
)
def test_each_state_of_an_exclusion(defender: dict[str, Any], state: str) -> None:
    assert look(defender)[1][f"defender:path:{SHOP['value']}"] == state


@pytest.mark.parametrize(
    "defender",
    [
        # Nothing of ours can have gone from a list that nobody may see.
        {"exclusions": None, "defender": {"hidden": "not_elevated"}, "recorded": [], "added": [NAME]},
        # Nor is one missing that the role would not add.
        {"reason": "passive_mode", "recorded": [], "added": [NAME]},
        {"reason": "not_elevated", "recorded": [], "added": [NAME]},
    ],
)
def test_an_exclusion_that_nothing_is_known_of_is_not_listed(defender: dict[str, Any]) -> None:
    report, states = look(defender)
    assert not any(name.startswith("defender") for name in states)
    assert report["status"] == "in_state"


def test_why_windows_hides_them() -> None:
    report, _states = look({"exclusions": None, "defender": {"hidden": "policy"}})
    assert report["settings"][-1]["reason"] == "a policy hides Defender's exclusions"
    assert (report["status"], report["exit_code"]) == ("unknown", 1)
