# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Levers on C(auto): how each is tried without making it permanent, what the measurements say, what was decided."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import schedule, stats
from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue
from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo

BASELINE = "baseline"
TOGETHER = "together"
NOT_TRIED = "not tried: "
SOURCE, WINDOWS_PATH = "source_on_ext4", "append_windows_path"
TMP, OWN_FOLDER = "tmp_in_memory", "gotmpdir_tmpfs"


@dataclass(frozen=True)
class Decision:
    """What was decided about one lever, why, and where measuring spoke clearest: a scenario with its numbers."""

    lever: str
    tried: bool
    kept: bool = False
    reason: str = ""
    evidence: str = "interleaved"
    scenario: str | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    verdict: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Decision:
        """Return the decision in C(data); what a later version added is passed over."""
        known = {name.name for name in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})

    def to_json(self) -> dict[str, Any]:
        """Return what go_levers documents; the numbers only where something was compared."""
        numbers = {name: getattr(self, name) for name in ("scenario", "ratio", "low", "high", "p", "verdict")}
        return {
            "lever": self.lever,
            "tried": self.tried,
            "kept": self.kept,
            "evidence": self.evidence,
            **({} if self.scenario is None else numbers),
            "reason": self.reason,
        }


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


def judge(name: str, summary: Mapping[str, Any], variant: str = "") -> Decision:
    """Return what an experiment says about one lever: kept when it is faster somewhere and slower nowhere."""
    variant = variant or name
    compared = [
        (scenario["name"], scenario["comparisons"][variant])
        for scenario in summary["scenarios"]
        if variant in scenario["comparisons"]
    ]
    if not compared:
        reasons = [scenario["reason"] for scenario in summary["scenarios"] if scenario["reason"]]
        reasons += summary["warnings"]
        return Decision(name, False, reason=f"not measured: {reasons[0] if reasons else 'nothing could be compared'}")
    slower = [pair for pair in compared if pair[1]["verdict"] == stats.SLOWER]
    faster = [pair for pair in compared if pair[1]["verdict"] == stats.FASTER]
    scenario, comparison = max(slower, key=_ratio) if slower else min(faster, key=_ratio) if faster else compared[0]
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
    numbers = {key: comparison[key] for key in ("ratio", "low", "high", "p", "verdict")}
    return Decision(name, True, bool(faster) and not slower, reason, scenario=scenario, **numbers)


def _ratio(compared: tuple[str, Mapping[str, Any]]) -> float:
    return float(compared[1]["ratio"] or 1.0)


def idle(name: str, reason: str) -> Decision:
    """Return the decision about a lever that can have no effect here."""
    return Decision(name, False, reason=NOT_TRIED + reason, evidence="none")


def broken(decision: Decision, failure: str) -> Decision:
    """Return the decision about a lever with which Go did not work."""
    return replace(decision, kept=False, reason=f"Go does not work with it: {failure}")


def settle(decisions: Sequence[Decision], together: Decision | None) -> list[Decision]:
    """Return the decisions once the winners have run together, because gains do not add up.

    Where they are not faster together, the best of them stays alone.
    """
    winners = [decision for decision in decisions if decision.kept]
    if together is None or together.kept or len(winners) < 2:
        return list(decisions)
    best = min(winners, key=lambda decision: decision.ratio or 1.0)
    lost = f"with the other winners it was not faster ({together.reason}), and {best.lever} alone gains more"
    return [
        replace(decision, kept=False, reason=lost) if decision.kept and decision is not best else decision
        for decision in decisions
    ]


def sentence(decision: Decision) -> str:
    """Return one line for a summary: kept or dropped, by what, and why."""
    if decision.reason.startswith(NOT_TRIED):
        return f"{decision.lever} {decision.reason}"
    numbers = ""
    if decision.ratio is not None and decision.high is not None and decision.p is not None:
        low, high = (schedule.percent(end)[: -len(" %")] for end in (decision.low, decision.high))
        p = "p<0.0001" if decision.p < 0.0001 else f"p={decision.p:.2g}"
        numbers = f"{schedule.percent(decision.ratio)} [{low} to {high}], {p}: "
    return f"{decision.lever} {'kept' if decision.kept else 'not kept'}, {numbers}{decision.reason}"
