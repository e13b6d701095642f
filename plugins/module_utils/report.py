# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run says at its end: the results of the roles go in, sentences or a whole summary come out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import text

Result = Mapping[str, Any]
"""What a role registers as C(<role>_result), or nothing where it did not run."""

# Nobody named the folder of Go's that this is about, so it is not worth a sentence.
NOT_SET = "which is not set for this user"
# The role has shown the script by then.
SCRIPT, SCRIPT_SHOWN = "hand elevated_script to one", "hand the script in what Ansible said to one"


def _list_of(result: Result, *names: str) -> list[str]:
    """Return the sentences under the first of some names that a result has.

    Each is a line: a user's path may have the end of one in it, and what follows would pass for what we say.
    """
    sentences = next((result[name] for name in names if name in result), None) or []
    return [text.unbroken(sentence) for sentence in sentences]


def _without_stop(sentence: str) -> str:
    """Return a sentence without its full stop."""
    return re.sub(r"[.]$", "", sentence)


def _write_summary(
    name: str, heading: str, changes: Iterable[str], pending: Iterable[str], notes: Iterable[str]
) -> str:
    """Return a summary as it stands at the end of a run, for one machine."""
    lines = [f"wsltune on {name}", heading]
    lines += [f"  {change}" for change in changes]
    lines += [f"Pending: {sentence}" for sentence in pending]
    lines += [f"Note: {sentence}." for sentence in notes]
    return "\n".join(lines) + "\n"


def write_rollback(results: Mapping[str, Result], name: str) -> str:
    """Return the summary of a rollback in a distro: what was restored, what waits for a restart, what stays."""
    changes = [change for result in results.values() for change in _list_of(result, "changes")]
    stays = [sentence for result in results.values() for sentence in _list_of(result, "kept") if sentence]
    stays = [*dict.fromkeys(stays), *find_left_behind(results)]
    if changes:
        heading = "Restored:"
    elif stays:
        heading = "Nothing was restored:"
    else:
        heading = "Nothing to restore: wsltune has changed nothing here."
    return _write_summary(
        name,
        heading,
        [re.sub(r"^restored ", "", change) for change in changes],
        [*_list_of(results["wsl_conf"], "pending_sentences"), *_list_of(results["go_tmpfs"], "pending_sentences")],
        [*stays, *_list_of(results["workspace"], "notes")],
    )


def find_left_behind(results: Mapping[str, Result]) -> list[str]:
    """Return what a rollback failed to restore, because a run that leaves something behind ends with an error."""
    return list(dict.fromkeys(sentence for result in results.values() for sentence in _list_of(result, "left")))


def list_site_changes(results: Mapping[str, Result], moved: Sequence[str] = ()) -> list[str]:
    """Return what a run changed in a distro, a sentence each; C(moved) is what changed on the tmpfs before."""
    return [
        *_list_of(results["go_toolchain"], "changes"),
        *_list_of(results["wsl_conf"], "changes"),
        *moved,
        *_list_of(results["go_tmpfs"], "headlines", "changes"),
        *_list_of(results["go_env"], "headlines"),
        *_list_of(results["workspace"], "headlines"),
    ]


NO_CONF = (
    "What is declared for /etc/wsl.conf was left out: this is not WSL (wsl_conf_force=true writes it all the same)"
)


def list_site_notes(
    results: Mapping[str, Result],
    wsl: Mapping[str, Any],
    applied: Mapping[str, Any],
    left_out: Sequence[str] = (),
    passed_over: str = "",
) -> list[str]:
    """Return what else there is to know after a run in a distro, a sentence each.

    C(applied) is the fact of Go's settings that hold already, which has the notes where go_env was not called.
    C(passed_over) is what wsl.conf was to say where it does not count.
    """
    go_env = results["go_env"]
    return [
        *(_list_of(wsl["conf"], "notes") if wsl["is_wsl"] else []),
        *([NO_CONF] if passed_over.strip() else []),
        *_list_of(results.get("go_toolchain", {}), "notes"),
        *_list_of(results["go_tmpfs"], "notes"),
        *_list_of(go_env if "notes" in go_env else applied, "notes"),
        *_list_of(results["workspace"], "notes"),
        *left_out,
    ]


def find_go_failures(users: Mapping[str, Mapping[str, Any]]) -> str:
    """Return why no user has a working Go command, each reason once."""
    reasons = [user["unknown"]["go"] for user in users.values() if "go" in user["unknown"]]
    return "; ".join(dict.fromkeys(reasons))


def can_reach_windows(wsl: Mapping[str, Any]) -> bool:
    """Say whether a distro can start programs of its Windows host, as far as its facts show."""
    return bool(wsl.get("is_wsl", False)) and wsl["interop"]["enabled"] is not False


def explain_windows_left_out(wsl: Mapping[str, Any], connection: str = "", declared: bool = False) -> list[str]:
    """Return why the Windows side of a distro is left out: nothing where it is tuned.

    C(declared) says that its Windows host is in the inventory; without it, only a distro itself finds its host.
    """
    if declared:
        return []
    if not wsl["is_wsl"]:
        why = "this is not WSL"
    elif connection != "local":
        why = "name the Windows host of this distro by wsltune_windows_host, as in inventory/fleet.example.yml"
    elif wsl["interop"]["enabled"] is False:
        why = _without_stop(wsl["interop"]["reason"])
    else:
        why = ""
    return [f"The Windows side (Defender, .wslconfig) was left out: {why}."] if why else []


def list_windows_changes(defender: Result, wslconfig: Result) -> list[str]:
    """Return what a run changed on the Windows side."""
    return [
        *(f"excluded {path}" for path in _list_of(defender, "added")),
        *(f"removed the exclusion for {path}" for path in _list_of(defender, "removed")),
        *(re.sub(r"^restored ", "", change) for change in _list_of(wslconfig, "changes")),
    ]


def list_windows_notes(defender: Result, wslconfig: Result) -> list[str]:
    """Return what else there is to know about the Windows side, each sentence once."""
    notes = [
        text.unbroken(defender.get("sentence", "")),
        *_list_of(defender, "kept"),
        *_list_of(defender, "notes"),
        *_list_of(wslconfig, "kept"),
        *_list_of(wslconfig, "notes"),
    ]
    sentences = [_without_stop(note).replace(SCRIPT, SCRIPT_SHOWN) for note in notes if note and NOT_SET not in note]
    # Windows does not tell upper from lower case, so neither do two sentences about one path.
    by_text: dict[str, str] = {}
    for sentence in sentences:
        by_text.setdefault(sentence.lower(), sentence)
    return list(by_text.values())


def write_windows(defender: Result, wslconfig: Result, name: str, changed: str, unchanged: str) -> str:
    """Return the summary of the Windows side; its heading is C(changed) where there are changes."""
    changes = list_windows_changes(defender, wslconfig)
    if changes:
        heading = changed
    else:
        heading = "Nothing was changed." if defender.get("reason") else unchanged
    pending = _list_of(wslconfig, "pending_sentences")
    return _write_summary(name, heading, changes, pending, list_windows_notes(defender, wslconfig))


def list_defender_sentences(defender: Result) -> list[str]:
    """Return what Defender does not exclude and why, and what a policy excludes already."""
    return [
        *_list_of(defender, "notes"),
        *_list_of(defender, "kept"),
        *(f"{path} is excluded by a policy already" for path in _list_of(defender, "managed")),
    ]
