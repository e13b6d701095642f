# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Drift of the Windows side, from what its modules say in check mode: .wslconfig and Defender's exclusions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.fleet import drift
from ansible_collections.wsltune.go.plugins.module_utils.fleet.drift import View
from ansible_collections.wsltune.go.plugins.module_utils.wsl import wslconfig

EXCLUDED = "excluded"
HIDDEN = {
    "not_elevated": "Windows shows Defender's exclusions to administrators alone",
    "policy": "a policy hides Defender's exclusions",
}


def list_views(defender: Mapping[str, Any], conf: Mapping[str, Any], removed: Sequence[str]) -> list[View]:
    """Return every setting of a Windows host that a role owns.

    C(defender) and C(conf) are what win_defender_exclusion and win_wslconfig returned in check mode, C(removed) the
    keys of .wslconfig that are declared not to be there.
    """
    return [*_views_of_wslconfig(conf, removed), *_views_of_exclusions(defender)]


def _views_of_wslconfig(conf: Mapping[str, Any], removed: Sequence[str]) -> Iterator[View]:
    path, recorded, found = str(conf["path"]), conf["recorded"], conf.get("found")
    if found is None:
        # The role is declared as absent: what it would restore is still there.
        if conf["changed"]:
            yield View("wslconfig:file", "wslconfig", path, None, applied="written", now="written", recorded=True)
        return
    declared = {**conf["wanted"], **{wslconfig.WSLCONFIG.canonical(name) or name: None for name in removed}}
    for name, value in declared.items():
        pending = name in conf["pending"] and found.get(name) == value
        yield View(
            id=f"wslconfig:{name}",
            role="wslconfig",
            path=path,
            declared=drift.show(value),
            applied=drift.show((recorded or {}).get(name)),
            now=drift.show(found.get(name)),
            recorded=recorded is not None,
            in_force=not pending,
            effective="not known" if pending else None,
            restart="wsl.exe --shutdown in a Windows prompt, which stops every distro",
        )


def _views_of_exclusions(defender: Mapping[str, Any]) -> Iterator[View]:
    """Return the exclusions that are declared, and those that wsltune added and that are declared no more.

    One that wsltune never added is left out where Windows hides the list, because nothing of ours can have gone there,
    and where the role would not add it either: it would not count, or adding it takes an administrator.
    """
    reason = ""
    if defender["exclusions"] is None:
        reason = HIDDEN.get(str(defender["defender"]["hidden"]), "Defender does not show its exclusions")
    missing, surplus = set(defender["added"]), set(defender["removed"])
    recorded = {name for exclusion in defender["recorded"] for name in _names_of(exclusion)}
    declared = {f"{entry['kind']} {entry['value']}": entry for entry in defender["entries"]}
    for name, entry in declared.items():
        ours = name in recorded
        if not ours and (reason or (defender["reason"] and name in missing)):
            continue
        yield _view_of_exclusion(entry, entry["value"], True, ours, name not in missing, reason)
    for exclusion in defender["recorded"]:
        names = _names_of(exclusion)
        if names & set(declared):
            continue
        yield _view_of_exclusion(exclusion, exclusion["asked"], False, True, bool(names & surplus), reason)


def _names_of(exclusion: Mapping[str, Any]) -> set[str]:
    """Return a recorded exclusion as it was asked for and as Defender has it."""
    return {f"{exclusion['kind']} {exclusion[spelling]}" for spelling in ("asked", "value")}


def _view_of_exclusion(
    entry: Mapping[str, Any], name: str, declared: bool, ours: bool, there: bool, reason: str
) -> View:
    return View(
        id=f"defender:{entry['kind']}:{name}",
        role="defender",
        path=str(entry["value"]),
        declared=EXCLUDED if declared else None,
        applied=EXCLUDED if ours else None,
        now=EXCLUDED if there else None,
        recorded=ours,
        reason=reason,
    )


def report(
    host: str, defender: Mapping[str, Any], conf: Mapping[str, Any], removed: Sequence[str], now: float
) -> dict[str, Any]:
    """Return what is to know about the drift of one Windows host, as docs/schemas/drift.json describes it."""
    settings = [drift.describe(view) for view in list_views(defender, conf, removed)]
    return drift.report_host(host, settings, now, None, drift.WINDOWS)
