# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Levers on C(auto): how each is tried without making it permanent, what the measurements say, what was decided."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import comparability, stats, summaries
from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue
from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.linux.text import join_names

BASELINE = "baseline"
TOGETHER = "together"
NOT_TRIED = "not tried: "
NOT_TOLD = "not told: "
NOT_MEASURED = "not measured: "
FULL = re.compile(r"(?:(?<!\S)(/[^\s:]+): )?(?:no space left on device|disk quota exceeded)")
"""What Go and tests say where a disk is full."""
MEMORY = re.compile(
    r"of memory were left|out of memory|cannot allocate memory|signal: killed|exited with (?:-9|137)\b|\bexit -9\b"
)
"""What a run says that was ended because there was no memory left: by us, by the kernel, or by itself."""
AGAIN = "it is tried again the next time"
NO_TIME = NOT_TRIED + "the budget has no time for it beside the others"
BEHIND = "others led"
SOURCE, WINDOWS_PATH = "source_on_ext4", "append_windows_path"
TMP, OWN_FOLDER = "tmp_in_memory", "gotmpdir_tmpfs"
ON_THE_TMPFS = (TMP, OWN_FOLDER, "gocache_tmpfs", TOGETHER)
TRIAL_PREFIX = "wt-"
"""Of the folder in /run where a trial mounts; short, because a test's sockets lie below it and the path of a socket has
107 bytes."""
OF_A_TRIAL = f"/run/{TRIAL_PREFIX}"
TMPFS, DISK = "{tmpfs}", "{disk}"
"""In a variant's environment, what stands for a folder of the user's on a tmpfs or a disk that is there while it is
measured."""


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
        known = {entry.name for entry in fields(cls)}
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


def make_environment(
    name: str,
    tmpfs: str,
    home: str,
    slow: Sequence[str] = (),
    path: str = "",
    own: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the variables that give one run of Go the lever's effect, of those places that C(slow) names.

    C(path) is the user's PATH without directories on Windows drives, C(own) what Go has without any lever: who keeps
    temporary files elsewhere than in /tmp has no effect of /tmp in memory. C(values) are those of guard.values.
    """
    lever = catalogue.LEVERS[name]
    wanted = [key for key in lever.environment if not lever.places or key in slow]
    if name == TMP:
        wanted = [key for key in wanted if (own or {}).get(key) in (None, "", "/tmp")]
    given = {**(values or {}), "tmpfs": tmpfs, "home": home, "path": path}
    return {key: lever.environment[key].format(**given) for key in wanted}


def drop_windows_folders(path: str, mounts: Sequence[mountinfo.Mount]) -> str:
    """Return a PATH without the directories that lie on Windows drives."""

    def stays(directory: str) -> bool:
        mount = mountinfo.find(mounts, directory) if os.path.isabs(directory) else None
        return not (mount and mount.windows_drive)

    return ":".join(filter(stays, path.split(":")))


def explain_no_effect(name: str, slow: Sequence[str], in_memory: Sequence[str] = ()) -> str:
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


def list_moves(projects: Sequence[str], modules: Sequence[str]) -> list[tuple[str, str]]:
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


def explain_stale(
    record: Mapping[str, Any], fingerprint: dict[str, Any], workload: Any, now: float, days: float
) -> str:
    """Say why an earlier decision does not hold any more; nothing when it does."""
    if not record:
        return "nothing was decided yet"
    if record.get("workload") != workload:
        return "another workload was measured then"
    different = comparability.compare_fingerprints(record["fingerprint"], fingerprint)
    if different:
        return f"the machine has changed ({'; '.join(different)})"
    age = (now - record["decided_at"]) / 86400
    if not 0 <= age <= days:
        return f"it was decided {age:.0f} days ago, and wsltune_decision_days is {days:g}"
    return ""


def answers_for(held: Mapping[str, Decision], wanted: Sequence[str], has_more_time: bool) -> bool:
    """Return whether the earlier decisions C(held) are about every wanted lever.

    With more time than they were made in, they are not where a lever was left out for want of it.
    """
    return bool(held) and set(held) >= set(wanted) and not (has_more_time and any(map(is_short_of_time, held.values())))


def merge_recorded(recorded: Mapping[str, Any], decisions: Sequence[Decision]) -> dict[str, Any]:
    """Return the record of levers with C(decisions) in it: those that rest on a trial, or had no time for one.

    About a lever of which they say neither, the earlier decision goes too.
    """
    decided = {decision.lever for decision in decisions}
    kept = {name: entry for name, entry in recorded.items() if name not in decided}
    fresh = {
        decision.lever: decision.to_json() for decision in decisions if decision.tried or is_short_of_time(decision)
    }
    return {**kept, **fresh}


def hold(earlier: Mapping[str, Decision], decisions: Sequence[Decision]) -> list[Decision]:
    """Return the decisions with the earlier one where a lever was kept that cannot be measured now.

    A module that does not compile for a moment takes nothing away that helped.
    """
    return [
        replace(earlier[decision.lever], reason=f"as decided before; {decision.reason}")
        if decision.reason.startswith(NOT_MEASURED) and decision.lever in earlier and earlier[decision.lever].kept
        else decision
        for decision in decisions
    ]


def judge(name: str, summary: Mapping[str, Any], variant: str = "") -> Decision:
    """Return what an experiment says about one lever: kept when it is faster somewhere and slower nowhere.

    Somewhere is a scenario, or all of them together, where candidates were screened.
    """
    variant = variant or name
    scenarios = summary["scenarios"]
    failed = [scenario["failures"][variant] for scenario in scenarios if variant in scenario.get("failures", {})]
    if failed:
        return decide_broken(Decision(name, True), failed[0])
    compared = [
        (scenario["name"], scenario["comparisons"][variant])
        for scenario in scenarios
        if variant in scenario["comparisons"]
    ]
    enough = max((scenario.get("enough") or 0 for scenario in scenarios), default=0)
    rounds = max(
        (scenario["dropped"][variant] for scenario in scenarios if variant in scenario.get("dropped", {})), default=-1
    )
    if not compared and rounds == 0:
        return Decision(
            name, False, reason=NO_TIME + f"; -e verify_budget_minutes={enough} is enough for all", evidence="none"
        )
    if not compared:
        reasons = [scenario["reason"] for scenario in scenarios if scenario["reason"]]
        reasons += summary["warnings"]
        return Decision(name, False, reason=f"{NOT_MEASURED}{reasons[0] if reasons else 'nothing could be compared'}")
    together = summary.get("overall", {}).get(variant, {}).get("together")
    every = [
        *compared,
        *([(" and ".join(scenario for scenario, _comparison in compared), together)] if together else []),
    ]
    slower = [pair for pair in every if pair[1]["verdict"] == stats.SLOWER]
    faster = [pair for pair in compared if pair[1]["verdict"] == stats.FASTER]
    if together and together["verdict"] == stats.FASTER and not faster:
        faster = every[-1:]
    scenario, comparison = max(slower, key=_ratio) if slower else min(faster, key=_ratio) if faster else every[-1]
    change = summaries.write_percent(comparison["ratio"])
    if slower:
        more = f", though faster for {faster[0][0]}" if faster else ""
        reason = f"it makes {scenario} slower{more}; a guess would have cost {change}"
    elif faster:
        reason = f"{scenario} {'are' if ' and ' in scenario else 'is'} faster with it"
    elif comparison["verdict"] == stats.TOO_FEW and rounds > 0:
        reason = f"{BEHIND} after {rounds} round{'' if rounds == 1 else 's'}"
    elif comparison["verdict"] == stats.NO_DIFFERENCE:
        reason = "no clear difference; a guess would have gained nothing that can be told from chance"
    else:
        reason = f"no verdict: {comparison['verdict']}"
    numbers = {key: comparison[key] for key in ("ratio", "low", "high", "p", "verdict")}
    return Decision(name, True, bool(faster) and not slower, reason, scenario=scenario, **numbers)


def _ratio(compared: tuple[str, Mapping[str, Any]]) -> float:
    return float(compared[1]["ratio"] or 1.0)


def decide_idle(name: str, reason: str) -> Decision:
    """Return the decision about a lever that can have no effect here."""
    return Decision(name, False, reason=NOT_TRIED + reason, evidence="none")


def decide_unknown(name: str, why: str) -> Decision:
    """Return the decision about a lever of which this try says nothing."""
    return Decision(name, False, reason=f"{NOT_TOLD}{why}; {AGAIN}", evidence="none")


def decide_broken(decision: Decision, failure: str) -> Decision:
    """Return the decision about a lever with which Go did not work.

    A full disk is its fault only where that is the tmpfs of its trial: anybody can fill /tmp, at the right moment. So
    can anybody take the memory.
    """
    if MEMORY.search(failure):
        return decide_unknown(decision.lever, f"memory was short ({failure})")
    full = FULL.search(failure)
    if full and not (full[1] or "").startswith(OF_A_TRIAL) and (full[1] or decision.lever not in ON_THE_TMPFS):
        return decide_unknown(decision.lever, f"{full[1] or 'a folder'} lay on a disk that was full")
    return replace(decision, kept=False, reason=f"Go does not work with it: {failure}")


def settle(decisions: Sequence[Decision], together: Decision | None) -> list[Decision]:
    """Return the decisions once the winners have run together, because gains do not add up.

    Where they are not faster together, the best of them stays alone. About the others nothing is known where the disk
    or the memory was short.
    """
    winners = [decision for decision in decisions if decision.kept]
    if together is None or together.kept or len(winners) < 2:
        return list(decisions)
    best = min(winners, key=lambda decision: decision.ratio or 1.0)
    short = together.reason.startswith(NOT_TOLD) or FULL.search(together.reason) or MEMORY.search(together.reason)
    lost = f"with the other winners it was not faster ({together.reason}), and {best.lever} alone gains more"

    def drop(winner: Decision) -> Decision:
        if short and not together.tried:
            return decide_unknown(winner.lever, "disk or memory was short while the winners were tried together")
        return replace(winner, kept=False, reason=lost)

    return [drop(decision) if decision.kept and decision is not best else decision for decision in decisions]


def write_sentence(decision: Decision) -> str:
    """Return one line for a summary: kept or dropped, by what, and why."""
    if decision.reason.startswith((NOT_TRIED, NOT_TOLD)):
        return f"{decision.lever} {decision.reason}"
    found = ": ".join(filter(None, [write_numbers(decision), decision.reason]))
    return f"{decision.lever} {'kept' if decision.kept else 'not kept'}, {found}"


def write_numbers(decision: Decision) -> str:
    """Return how much faster or slower, with its interval; nothing where nothing was compared."""
    if decision.ratio is None or decision.high is None or decision.p is None:
        return ""
    low, high = (summaries.write_percent(end)[: -len(" %")] for end in (decision.low, decision.high))
    p = "p<0.0001" if decision.p < 0.0001 else f"p={decision.p:.2g}"
    return f"{summaries.write_percent(decision.ratio)} [{low} to {high}], {p}"


def write_sentences(decisions: Sequence[Decision]) -> list[str]:
    """Return the lines for a summary; what was left out or fell behind is named in a line together."""
    lines = [
        write_sentence(decision) for decision in rank(decisions) if not decision.reason.startswith((NO_TIME, BEHIND))
    ]
    behind = [decision.lever for decision in decisions if decision.reason.startswith(BEHIND)]
    if behind:
        lines.append(
            f"{join_names(behind, len(behind))} not kept: others led in the first rounds, so these ran no more"
        )
    late = [decision for decision in decisions if decision.reason.startswith(NO_TIME)]
    if late:
        advice = late[0].reason.rpartition("; ")[2]
        names = [decision.lever for decision in late]
        lines.append(f"{join_names(names, len(names))} not tried: the budget has no time for them; {advice}")
    return lines


def rank(decisions: Sequence[Decision]) -> list[Decision]:
    """Return the decisions by what the levers gain here: those that are kept first, those without a number last."""
    return sorted(
        decisions,
        key=lambda decision: (
            not decision.kept,
            decision.ratio is None,
            decision.reason.startswith(BEHIND),
            decision.ratio or 1.0,
        ),
    )


def is_short_of_time(decision: Decision) -> bool:
    """Return whether a lever was not tried because the budget had no time for it; a larger one can change that."""
    return decision.reason.startswith(NO_TIME)
