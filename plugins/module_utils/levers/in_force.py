# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lever that waited for a start is compared once it is in force, with what was there before: /tmp with the disk.

The verdict is kept on the machine, so that it is asked once for each machine, Go and workload.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import report as bench_report
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import stats, summaries
from ansible_collections.wsltune.go.plugins.module_utils.levers import decide as levers_decide

VARIABLES = ("TMPDIR", "GOTMPDIR")
REMEMBERED = (stats.FASTER, stats.SLOWER, stats.NO_DIFFERENCE)
UNKNOWN_DAYS = 1.0
"""Days until what could not be told is asked again; a verdict holds until something that it depends on changes."""


def disk_variant(own: Mapping[str, str]) -> dict[str, Any]:
    """Return the variant whose temporary files lie on a disk; nothing for a user who keeps them elsewhere anyway."""
    names = levers_decide.make_environment(levers_decide.TMP, "", "", own=own)
    return {"environment": dict.fromkeys(names, levers_decide.DISK)} if names else {}


def describe(key: Mapping[str, Any], experiment: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return what is kept of an experiment whose first variant was on a disk; C(key) is what the verdict holds for.

    The numbers are those of the scenario where measuring spoke clearest.
    """
    summary = summaries.summarise(experiment)
    first = experiment["variants"][0]
    disk = next(os.path.dirname(first["environment"][name]) for name in VARIABLES if name in first["environment"])
    kind = experiment["fingerprints"]["variants"][first["name"]]["file_systems"]["tmpdir"]
    decision = levers_decide.judge(levers_decide.TMP, summary, summary["variants"][1])
    return {
        **key,
        "decided_at": now,
        "disk": f"{disk} ({kind})" if kind else disk,
        "verdict": summary["verdict"],
        "mixed": summary["mixed"],
        "settled": summary["verdict"] in REMEMBERED and not bench_report.is_noisy(summary),
        "decision": decision.to_json(),
    }


def make_key(machine: Mapping[str, Any], go: Mapping[str, Any] | None, workload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a verdict depends on; not the power, because plugging in a laptop asks nothing anew."""
    kept = {name: value for name, value in machine.items() if name != "power"}
    measured = dict(workload)
    # Only where there is one, so that verdicts of before they counted hold.
    if not measured.get("commands"):
        measured.pop("commands", None)
    if "bench" not in measured.get("scenarios", ()):
        measured.pop("benchmarks", None)
    return {"fingerprint": {**kept, "go": go["version"] if go else None}, "workload": measured}


def is_slower(entry: Mapping[str, Any]) -> bool:
    """Return whether a verdict that was kept speaks against the lever."""
    return bool(entry) and entry["verdict"] == stats.SLOWER


def find(entry: Mapping[str, Any] | None, key: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return the verdict that was kept, where it holds for this machine and workload; nothing where it does not."""
    try:
        days = math.inf if entry and entry["settled"] else UNKNOWN_DAYS
        if entry and not levers_decide.explain_stale(entry, dict(key["fingerprint"]), key["workload"], now, days):
            return dict(entry)
    except (KeyError, TypeError):
        # What cannot be understood is measured again.
        pass
    return {}


def sentence(entry: Mapping[str, Any], taken_back: bool) -> str:
    """Return one line for a summary: in force or taken back, measured when and how, with which numbers."""
    decision = levers_decide.Decision.from_json(entry["decision"])
    day = time.strftime("%Y-%m-%d", time.gmtime(entry["decided_at"]))
    how = f"compared with {entry['disk']} on {day}"
    numbers = levers_decide.write_numbers(decision)
    found = f"{decision.scenario} {numbers}" if numbers else decision.reason
    if not entry["settled"]:
        return f"{levers_decide.TMP} is in force; {how}, not told yet: {found}; it is asked again after a day"
    if taken_back:
        return f"{levers_decide.TMP} was taken back: {how}, {found}; it stays off here"
    word = {stats.FASTER: "faster", stats.SLOWER: "slower"}.get(entry["verdict"], "no clear difference")
    return f"{levers_decide.TMP} is in force; {how}, {'mixed' if entry['mixed'] else word}: {found}"
