# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Levers on C(auto): how each is tried without making it permanent, what the measurements say, what was decided."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import schedule, stats
from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue
from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo

BASELINE = "baseline"
TOGETHER = "together"
NOT_TRIED = "not tried: "
SOURCE, WINDOWS_PATH = "source_on_ext4", "append_windows_path"
TMP, OWN_FOLDER = "tmp_in_memory", "gotmpdir_tmpfs"


def trial(
    name: str,
    tmpfs: str,
    home: str,
    slow: Sequence[str] = (),
    path: str = "",
    own: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the variables that give one run of Go the lever's effect, of those places that C(slow) names.

    C(path) is the user's PATH without directories on Windows drives, C(own) what Go has without any lever: who keeps
    temporary files elsewhere than in /tmp has no effect of /tmp in memory.
    """
    lever = catalogue.LEVERS[name]
    wanted = [key for key in lever.environment if not lever.places or key in slow]
    if name == TMP:
        wanted = [key for key in wanted if (own or {}).get(key) in (None, "", "/tmp")]
    return {key: lever.environment[key].format(tmpfs=tmpfs, home=home, path=path) for key in wanted}


def without_windows(path: str, mounts: Sequence[mountinfo.Mount]) -> str:
    """Return a PATH without the directories that lie on Windows drives."""

    def stays(directory: str) -> bool:
        mount = mountinfo.find(mounts, directory) if os.path.isabs(directory) else None
        return not (mount and mount.windows_drive)

    return ":".join(filter(stays, path.split(":")))


def without_effect(name: str, slow: Sequence[str], in_memory: Sequence[str] = ()) -> str:
    """Say why a lever can have no effect on this machine; nothing when it can.

    C(slow) names the places on a Windows drive, C(in_memory) those on a tmpfs without any lever.
    """
    lever = catalogue.LEVERS[name]
    places = lever.places
    if name == SOURCE and catalogue.SOURCE_PLACE not in slow:
        return "no project with a go.mod lies on another disk than the home"
    if name == WINDOWS_PATH and catalogue.PATH_PLACE not in slow:
        return "PATH has no directory on a Windows drive"
    if places and not set(places) & set(slow):
        return f"{' and '.join(places)} do not lie on a Windows drive"
    moved = [key for key, value in lever.environment.items() if "{tmpfs}" in value]
    if moved and set(moved) <= set(in_memory):
        return f"{' and '.join(moved)} is in memory already"
    return ""


def to_move(projects: Sequence[str], modules: Sequence[str]) -> list[tuple[str, str]]:
    """Return what the lever C(SOURCE) could be tried on, the best first: a project and the module's folder in it.

    The modules that the user wants measured come first, then each project's own folder.
    """
    inside = [
        (project, os.path.relpath(module, project))
        for module in modules
        for project in projects
        if f"{module}/".startswith(project.rstrip("/") + "/")
    ]
    return inside + [(project, ".") for project in projects]


def stale(record: Mapping[str, Any], fingerprint: dict[str, Any], workload: Any, now: float, days: float) -> str:
    """Say why an earlier decision does not hold any more; nothing when it does."""
    if not record:
        return "nothing was decided yet"
    if record.get("workload") != workload:
        return "another workload was measured then"
    different = schedule.fingerprint_differences(record["fingerprint"], fingerprint)
    if different:
        return f"the machine has changed ({'; '.join(different)})"
    age = (now - record["decided_at"]) / 86400
    if not 0 <= age <= days:
        return f"it was decided {age:.0f} days ago, and wsltune_decision_days is {days:g}"
    return ""


def judge(name: str, summary: Mapping[str, Any], variant: str = "") -> dict[str, Any]:
    """Return what an experiment says about one lever: kept when it is faster somewhere and slower nowhere."""
    variant = variant or name
    found = [
        (one["name"], one["comparisons"][variant]) for one in summary["scenarios"] if variant in one["comparisons"]
    ]
    decision: dict[str, Any] = {"lever": name, "tried": bool(found), "kept": False, "evidence": "interleaved"}
    if not found:
        reasons = [one["reason"] for one in summary["scenarios"] if one["reason"]] + list(summary["warnings"])
        return dict(decision, reason=f"not measured: {reasons[0] if reasons else 'nothing could be compared'}")
    slower = [one for one in found if one[1]["verdict"] == stats.SLOWER]
    faster = [one for one in found if one[1]["verdict"] == stats.FASTER]
    telling = max(slower, key=_ratio) if slower else min(faster, key=_ratio) if faster else found[0]
    scenario, comparison = telling
    decision.update(scenario=scenario, **{key: comparison[key] for key in ("ratio", "low", "high", "p", "verdict")})
    change = schedule.percent(comparison["ratio"])
    if slower:
        more = f", though faster for {faster[0][0]}" if faster else ""
        reason = f"it makes {scenario} slower{more}; a guess would have cost {change}"
    elif faster:
        reason = f"{scenario} is faster with it"
    elif comparison["verdict"] == stats.NO_DIFFERENCE:
        reason = "no clear difference; a guess would have gained nothing that can be told from chance"
    else:
        reason = f"no verdict: {comparison['verdict']}"
    return dict(decision, kept=bool(faster) and not slower, reason=reason)


def _ratio(found: tuple[str, Mapping[str, Any]]) -> float:
    return float(found[1]["ratio"] or 1.0)


def broken(decision: Mapping[str, Any], failure: str) -> dict[str, Any]:
    """Return the decision about a lever with which Go did not work."""
    return {"evidence": "none", **decision, "kept": False, "reason": f"Go does not work with it: {failure}"}


def settle(decisions: Sequence[Mapping[str, Any]], together: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the decisions once the winners have run together, for gains do not add up.

    Where they are not faster together, the best of them stays alone.
    """
    winners = [one for one in decisions if one["kept"]]
    if together is None or together["kept"] or len(winners) < 2:
        return [dict(one) for one in decisions]
    best = min(winners, key=lambda one: one["ratio"])
    lost = f"with the other winners it was not faster ({together['reason']}), and {best['lever']} alone gains more"
    return [dict(one, kept=False, reason=lost) if one["kept"] and one is not best else dict(one) for one in decisions]


def sentence(decision: Mapping[str, Any]) -> str:
    """Return one line for a summary: kept or dropped, by what, and why."""
    if decision["reason"].startswith(NOT_TRIED):
        return f"{decision['lever']} {decision['reason']}"
    numbers = ""
    if decision.get("ratio") is not None and decision.get("high") is not None:
        low, high = (schedule.percent(decision[end])[: -len(" %")] for end in ("low", "high"))
        p = "p<0.0001" if decision["p"] < 0.0001 else f"p={decision['p']:.2g}"
        numbers = f"{schedule.percent(decision['ratio'])} [{low} to {high}], {p}: "
    return f"{decision['lever']} {'kept' if decision['kept'] else 'not kept'}, {numbers}{decision['reason']}"
