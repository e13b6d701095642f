# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils import journal, report

NOTHING: dict[str, dict[str, Any]] = {
    "go_env": {},
    "go_tmpfs": {},
    "workspace": {},
    "wsl_conf": {},
    "go_toolchain": {},
}
RESTART = "Run `wsl.exe --terminate Ubuntu`."


def test_a_rollback_says_what_was_restored_what_waits_and_what_stays() -> None:
    results = {
        "go_env": {"changes": ["restored /home/alice/.config/go/env"], "kept": ["/etc/zsh/zshenv stays", ""]},
        "go_tmpfs": {"changes": ["took the mount away, which restored memory"], "kept": ["/etc/zsh/zshenv stays"]},
        "workspace": {"changes": [], "notes": ["/home/alice/shop stays"]},
        "wsl_conf": {"changes": ["restored /etc/wsl.conf"], "kept": [], "pending_sentences": [RESTART]},
        "go_toolchain": {"changes": ["removed the packages golang-go"], "kept": ["Go stays"]},
    }
    assert report.write_rollback(results, "laptop") == (
        "wsltune on laptop\n"
        "Restored:\n"
        "  /home/alice/.config/go/env\n"
        "  took the mount away, which restored memory\n"
        "  /etc/wsl.conf\n"
        "  removed the packages golang-go\n"
        f"Pending: {RESTART}\n"
        "Note: /etc/zsh/zshenv stays.\n"
        "Note: Go stays.\n"
        "Note: /home/alice/shop stays.\n"
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028"])
def test_no_path_of_a_users_has_a_line_of_its_own_in_a_summary(end: str) -> None:
    """Such as that of a settings file, which GOENV names."""
    path = f"/home/eve/e{end}localhost : ok=99"
    results = {**NOTHING, "go_env": {"changes": [f"restored {path}"], "kept": [f"{path} stays"]}}
    for line in report.write_rollback(results, "laptop").splitlines():
        assert not line.startswith("localhost"), line
    site = {**NOTHING, "go_tmpfs": {"changes": [f"made {path}"], "notes": [f"{path} is no folder"]}}
    facts = {"is_wsl": False}
    for sentence in (*report.list_site_changes(site), *report.list_site_notes(site, facts, {})):
        assert len(sentence.splitlines()) == 1, sentence


def test_a_rollback_of_nothing_says_so() -> None:
    assert report.write_rollback(NOTHING, "laptop") == (
        "wsltune on laptop\nNothing to restore: wsltune has changed nothing here.\n"
    )


@pytest.mark.parametrize("outcome", ["left", "kept"])
def test_a_rollback_that_restored_nothing_does_not_say_that_nothing_was_changed(outcome: str) -> None:
    results = {**NOTHING, "go_tmpfs": {outcome: ["/etc/fstab is as it is"]}}
    assert report.write_rollback(results, "laptop") == (
        "wsltune on laptop\nNothing was restored:\nNote: /etc/fstab is as it is.\n"
    )


def test_paths_that_differ_in_case_alone_are_two_on_linux() -> None:
    results = {**NOTHING, "go_env": {"kept": ["/home/A stays", "/home/a stays"]}}
    assert "Note: /home/A stays.\nNote: /home/a stays.\n" in report.write_rollback(results, "laptop")


def test_what_could_not_be_restored_is_told_from_what_stays_on_purpose() -> None:
    left = "/etc/fstab could not be restored: it is immutable"
    results = {**NOTHING, "go_env": {"kept": ["/home/a/could not be restored stays"]}, "go_tmpfs": {"left": [left]}}
    assert report.find_left_behind(results) == [left]
    assert f"Note: {left}.\n" in report.write_rollback(results, "laptop")
    assert report.find_left_behind(NOTHING) == []


def test_what_several_roles_left_is_named_once() -> None:
    """A damaged record is read by each of them."""
    left = journal.Damaged("/x.json", "it is no JSON").sentence
    assert report.find_left_behind({**NOTHING, "go_env": {"left": [left]}, "wsl_conf": {"left": [left]}}) == [left]


def test_changes_come_in_the_order_of_the_roles() -> None:
    results = {
        "workspace": {"headlines": ["project"], "changes": ["a detail"]},
        "go_env": {"headlines": ["settings"]},
        "go_tmpfs": {"headlines": ["tmpfs"], "changes": ["a detail"]},
        "wsl_conf": {"changes": ["wsl.conf"]},
        "go_toolchain": {"changes": ["Go"]},
    }
    assert report.list_site_changes(results, ["moved"]) == ["Go", "wsl.conf", "moved", "tmpfs", "settings", "project"]
    assert report.list_site_changes(NOTHING) == []


@pytest.mark.parametrize(
    ("result", "changes"),
    [({"headlines": [], "changes": ["a"]}, []), ({"changes": ["a"]}, ["a"]), ({"skipped": True}, [])],
)
def test_a_tmpfs_without_headlines_shows_its_changes(result: dict[str, Any], changes: list[str]) -> None:
    assert report.list_site_changes({**NOTHING, "go_tmpfs": result}) == changes


def test_notes_of_wsl_count_on_wsl_alone() -> None:
    applied = {"notes": ["a setting holds already"]}
    results = {**NOTHING, "go_tmpfs": {"notes": ["tmpfs"]}, "workspace": {"notes": ["project"]}}
    for is_wsl, first in ((True, ["wsl.conf"]), (False, [])):
        wsl = {"is_wsl": is_wsl, "conf": {"notes": ["wsl.conf"]}}
        expected = [*first, "tmpfs", "a setting holds already", "project", "left out"]
        assert report.list_site_notes(results, wsl, applied, ["left out"]) == expected


def test_notes_of_a_call_replace_those_of_the_facts() -> None:
    wsl = {"is_wsl": False, "conf": {"notes": []}}
    for result, notes in (({"notes": []}, []), ({"notes": ["new"]}, ["new"]), ({"skipped": True}, ["old"])):
        assert report.list_site_notes({**NOTHING, "go_env": result}, wsl, {"notes": ["old"]}) == notes


def test_what_is_declared_for_wsl_conf_is_not_passed_over_without_a_word() -> None:
    wsl = {"is_wsl": False, "conf": {"notes": []}}
    assert report.list_site_notes(NOTHING, wsl, {}, (), "[boot]\nsystemd=true\n") == [report.NO_CONF]
    assert report.list_site_notes(NOTHING, wsl, {}, (), "\n") == []


def test_each_reason_why_go_fails_stands_once() -> None:
    users: dict[str, Any] = {
        "root": {"unknown": {"go": "no go on PATH"}},
        "alice": {"unknown": {"go": "it hangs", "version": "unknown"}},
        "bob": {"unknown": {"go": "no go on PATH"}},
        "eve": {"unknown": {}},
    }
    assert report.find_go_failures(users) == "no go on PATH; it hangs"
    assert report.find_go_failures({}) == ""


@pytest.mark.parametrize(
    ("wsl", "reachable"),
    [
        ({}, False),
        ({"is_wsl": False}, False),
        ({"is_wsl": True, "interop": {"enabled": True}}, True),
        ({"is_wsl": True, "interop": {"enabled": None}}, True),
        ({"is_wsl": True, "interop": {"enabled": False}}, False),
    ],
)
def test_windows_is_out_of_reach_only_where_the_facts_say_so(wsl: dict[str, Any], reachable: bool) -> None:
    assert report.can_reach_windows(wsl) is reachable


@pytest.mark.parametrize(
    ("is_wsl", "enabled", "connection", "declared", "why"),
    [
        (False, None, "local", False, "this is not WSL"),
        (True, True, "ssh", False, "name the Windows host of this distro by wsltune_windows_host, as in "),
        (True, False, "local", False, "interop is off in /etc/wsl.conf."),
        (True, True, "local", False, ""),
        (True, None, "local", False, ""),
        (False, False, "ssh", True, ""),
    ],
)
def test_why_windows_is_left_out(is_wsl: bool, enabled: bool | None, connection: str, declared: bool, why: str) -> None:
    wsl = {"is_wsl": is_wsl, "interop": {"enabled": enabled, "reason": "interop is off in /etc/wsl.conf."}}
    sentences = report.explain_windows_left_out(wsl, connection, declared)
    assert len(sentences) == bool(why)
    for sentence in sentences:
        assert sentence.startswith(f"The Windows side (Defender, .wslconfig) was left out: {why}")
        assert sentence.endswith(".") and not sentence.endswith("..")


def test_the_windows_side_says_what_changed_what_waits_and_what_else() -> None:
    defender = {
        "added": [r"C:\a"],
        "removed": [r"C:\b"],
        "kept": [r"%GOTMPDIR%, which is not set for this user."],
        "notes": [r"C:\Go is left out.", r"c:\go is left out"],
        "reason": "not_elevated",
        "sentence": "Not elevated: hand elevated_script to one who is.",
    }
    wslconfig = {"changes": ["restored .wslconfig"], "kept": [""], "pending_sentences": ["Run it."]}
    assert report.write_windows(defender, wslconfig, "laptop-windows", "Changed:", "Nothing to change.") == (
        "wsltune on laptop-windows\n"
        "Changed:\n"
        "  excluded C:\\a\n"
        "  removed the exclusion for C:\\b\n"
        "  .wslconfig\n"
        "Pending: Run it.\n"
        "Note: Not elevated: hand the script in what Ansible said to one who is.\n"
        "Note: C:\\Go is left out.\n"
    )


@pytest.mark.parametrize(
    ("reason", "heading"), [({}, "Fine."), ({"reason": ""}, "Fine."), ({"reason": "x"}, "Nothing was changed.")]
)
def test_nothing_to_change_is_not_said_where_something_was_in_the_way(reason: dict[str, str], heading: str) -> None:
    assert report.write_windows(reason, {}, "w", "Changed:", "Fine.") == f"wsltune on w\n{heading}\n"


def test_what_defender_does_not_exclude_is_said_with_what_a_policy_excludes() -> None:
    defender = {"managed": ["C:\\p"], "kept": ["kept"], "notes": ["note"]}
    assert report.list_defender_sentences(defender) == ["note", "kept", "C:\\p is excluded by a policy already"]
    assert report.list_defender_sentences({}) == []
