# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.wsl import restart

SENTENCE = "boot.systemd in /etc/wsl.conf takes effect after `wsl.exe --terminate Debian` in a Windows prompt."
CONF = {
    "pending": {"boot.systemd": {"written": True, "in_force": False}},
    "pending_sentences": [SENTENCE],
    "restart_command": "wsl.exe --terminate Debian",
}
QUIET_CONF: dict[str, Any] = {"pending": {}, "pending_sentences": [], "restart_command": None}
WSLCONFIG = {"pending": ["wsl2.swap"], "pending_sentences": ["wsl2.swap waits."]}
QUIET = {"pending": [], "pending_sentences": [], "restart_command": ""}
UNREACHABLE = {"unreachable": True, "msg": "no answer"}
SKIPPED = {"skipped": True}


def plan(
    wish: str,
    conf: dict[str, Any] = CONF,
    wslconfig: dict[str, Any] = WSLCONFIG,
    inside: bool = False,
    host: bool = True,
) -> restart.Plan:
    return restart.plan(conf, wslconfig, wish, is_inside=inside, has_windows=host)


@pytest.mark.parametrize(
    ("wish", "conf", "wslconfig", "due", "whole_vm", "names"),
    [
        ("none", CONF, WSLCONFIG, False, False, ["boot.systemd"]),
        ("distro", CONF, WSLCONFIG, True, False, ["boot.systemd"]),
        ("distro", QUIET_CONF, WSLCONFIG, False, False, []),
        ("distro", QUIET_CONF, QUIET, False, False, []),
        ("vm", CONF, WSLCONFIG, True, True, ["boot.systemd", "wsl2.swap"]),
        ("vm", QUIET_CONF, WSLCONFIG, True, True, ["wsl2.swap"]),
        ("vm", CONF, QUIET, True, False, ["boot.systemd"]),
        ("vm", QUIET_CONF, QUIET, False, False, []),
        ("vm", CONF, UNREACHABLE, True, False, ["boot.systemd"]),
        ("vm", QUIET_CONF, SKIPPED, False, False, []),
        ("vm", QUIET_CONF, {}, False, False, []),
    ],
)
def test_what_waits_is_restarted_where_it_is_asked_for(
    wish: str, conf: dict[str, Any], wslconfig: dict[str, Any], due: bool, whole_vm: bool, names: list[str]
) -> None:
    found = plan(wish, conf, wslconfig)
    assert (found.due, found.whole_vm, found.names, found.why_not) == (due, whole_vm, names, "")


@pytest.mark.parametrize("wish", restart.WISHES)
def test_what_waits_is_listed_whatever_is_asked_for(wish: str) -> None:
    assert plan(wish).waiting == [SENTENCE, "wsl2.swap waits."]
    assert plan(wish, wslconfig=UNREACHABLE).waiting == [SENTENCE]
    assert plan(wish, QUIET_CONF, QUIET).waiting == []


@pytest.mark.parametrize(
    ("wish", "inside", "host", "command", "reason"),
    [
        ("distro", True, True, "wsl.exe --terminate Debian", "a distro cannot restart itself from inside"),
        ("distro", True, False, "wsl.exe --terminate Debian", "a distro cannot restart itself from inside"),
        ("distro", False, False, "wsl.exe --terminate Debian", "wsltune_windows_host names no host"),
        ("vm", True, True, "wsl.exe --shutdown", "a distro cannot restart itself from inside"),
        ("vm", False, False, "wsl.exe --shutdown", "wsltune_windows_host names no host"),
    ],
)
def test_a_person_gets_the_command_that_cannot_be_given_from_here(
    wish: str, inside: bool, host: bool, command: str, reason: str
) -> None:
    found = plan(wish, inside=inside, host=host)
    assert not found.due and found.why_not.startswith(f"Not restarted: {reason}")
    assert f"run `{command}` in a Windows prompt" in found.why_not


@pytest.mark.parametrize(("wish", "conf"), [("none", CONF), ("distro", QUIET_CONF)])
def test_nobody_is_told_to_restart_what_nobody_asked_for_or_what_does_not_wait(wish: str, conf: dict[str, Any]) -> None:
    assert plan(wish, conf, inside=True).why_not == ""


def test_a_wish_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="wsltune_restart is 'all'; give none, distro or vm"):
        plan("all")


def test_a_playbook_reads_the_plan_from_the_facts() -> None:
    found = restart.plan_restart({"conf": CONF}, {}, "distro", has_windows=True)
    assert found == {"waiting": [SENTENCE], "due": True, "whole_vm": False, "names": ["boot.systemd"], "why_not": ""}
    assert restart.plan_restart({"conf": CONF}, {})["due"] is False
