# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which phase of `go test` takes the time, from Go's account of its actions, and which levers act on that phase."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue
from ansible_collections.wsltune.go.plugins.module_utils.linux.text import join_names

LEAD = 0.1
"""By how much of the time a phase must exceed the next one to be called the longest."""
NOTABLE = 0.005


def parse_moment(text: str) -> float:
    """Return a time of Go's as seconds since 1970."""
    # Python 3.9 reads neither Z nor nanoseconds.
    match = re.match(r"([0-9-]+T[0-9:]+)(\.\d+)?(Z|[+-]\d\d:\d\d)$", text)
    if not match:
        raise ValueError(f"{text!r} is not a time of go test -json")
    whole = datetime.fromisoformat(match[1] + ("+00:00" if match[3] == "Z" else match[3]))
    return whole.timestamp() + float(match[2] or 0)


def find_phase(action: Mapping[str, Any]) -> str:
    """Return the phase that an action of Go belongs to; nothing for the brackets around others.

    What runs no command asked the cache, as nearly all actions of a repeated run do.
    """
    mode = str(action.get("Mode", ""))
    if mode in ("go test", "nop", "test barrier"):
        return ""
    if mode in ("link", "test run"):
        return {"link": catalogue.LINK, "test run": catalogue.RUN}[mode]
    if mode == "build" or "cgo" in mode:
        return catalogue.COMPILE if action.get("Cmd") or "cgo" in mode else catalogue.LOOKUPS
    if mode == "vet":
        return catalogue.VET if action.get("Cmd") else catalogue.LOOKUPS
    return catalogue.LOOKUPS


def measure_on_the_clock(actions: Sequence[Mapping[str, Any]], wall: float | None = None) -> dict[str, float]:
    """Return the seconds of each phase; together they are the time C(wall) that the command took.

    Actions that run at the same time share it equally, because their parts cannot be told apart. The time without any
    action goes to the look-ups: Go reads go.mod, finds packages and tidies up then.
    """
    spent = dict.fromkeys(catalogue.PHASES, 0.0)
    changes: list[tuple[float, int, str]] = []
    for action in actions:
        phase = find_phase(action)
        began, ended = str(action.get("TimeStart", "")), str(action.get("TimeDone", ""))
        if phase and began and ended and not began.startswith("0001"):
            first, last = parse_moment(began), parse_moment(ended)
            if last > first:
                changes += [(first, 1, phase), (last, -1, phase)]
    running = dict.fromkeys(catalogue.PHASES, 0)
    before = 0.0
    for now, change, phase in sorted(changes):
        count = sum(running.values())
        for name in catalogue.PHASES if count else ():
            spent[name] += (now - before) * running[name] / count
        running[phase] += change
        before = now
    if wall is not None:
        spent[catalogue.LOOKUPS] += max(0.0, wall - sum(spent.values()))
    return {name: round(value, 4) for name, value in spent.items()}


def find_longest(spent: Mapping[str, float]) -> str:
    """Return the phase that takes the most time; nothing where the next one takes about as much."""
    total = sum(spent.values())
    first, second = sorted(spent, key=lambda name: -spent[name])[:2]
    return first if total and spent[first] - spent[second] >= LEAD * total else ""


def list_levers(phase: str, useless: Collection[str] = ()) -> list[str]:
    """Return the levers that act on a phase, those first that are tried unasked."""
    levers = [lever for lever in catalogue.LEVERS.values() if phase in lever.phases and lever.name not in useless]
    return [lever.name for lever in sorted(levers, key=lambda lever: lever.on_request)]


def describe(spent: Mapping[str, float]) -> str:
    """Return the share of each phase in words."""
    total = sum(spent.values()) or 1.0
    return ", ".join(f"{name} {value / total:.0%}" for name, value in spent.items() if value / total >= NOTABLE)


def advise(spent: Mapping[str, float], useless: Collection[str] = ()) -> str:
    """Return a sentence about the longest phase and its levers."""
    phase = find_longest(spent)
    if not phase:
        return "No phase stands out"
    levers = list_levers(phase, useless)
    return f"Levers for {phase}: {join_names(levers)}" if levers else f"No lever acts on {phase} here"
