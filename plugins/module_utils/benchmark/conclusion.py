# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run that measured before and after ends with: the verdict, the summary, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import report, summaries


def conclude(run: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return what the role verify hands on, from what a run knows.

    C(run) has C(case), as L(report.explain_no_measurement) takes it; C(measured), C(baseline) and C(tried), what the
    modules go_benchmark (before and after, and Go as it is) and go_levers returned, each empty where it did not run;
    C(pending), C(notes) and C(in_force), what the caller knows; C(undo) and C(again), commands for the folder
    C(here); C(proposals), further next steps; C(on_slower); and C(folder), where the reports lie. C(name) is that of
    the machine.
    """
    case = run["case"]
    proof, proves = case.get("proof") or {}, report.proves(case)
    why_not = report.explain_no_measurement(case)
    # Ansible keeps what an earlier play in the same run measured, which is no verdict on this one.
    measured = {} if why_not else run["measured"]
    experiment = measured.get("experiment") or {}
    summary = summaries.summarise(experiment) if experiment else None
    verdict = str(summary["verdict"]) if summary else "unknown"
    baseline = (run["baseline"].get("experiment") or {}) if report.wants_baseline(case) else {}
    slower = verdict == "slower" and run["on_slower"] == "rollback"
    takes_back = proves and slower
    changes = list(case["changes"]) + (list(proof.get("changes") or []) if takes_back else [])
    pending = list(run["pending"]) + (list(proof.get("pending") or []) if takes_back else [])
    # What an earlier run set up is not this one's to take back.
    stays = slower and not takes_back and not case["changes"]
    on_slower = "take_back" if takes_back else "stays" if stays else str(run["on_slower"])
    in_force = [measured["in_force"]] if "in_force" in measured else list(run["in_force"])
    # A summary of its own says it too.
    tried = [] if experiment or baseline else run["tried"].get("experiments") or []
    left_out = report.list_left_out_of(tried)
    settled = not (proves and verdict in ("~", "unknown"))
    text = report.write_text(
        report.drop_advice(summaries.summarise(baseline)) if baseline else summary,
        title=report.choose_title(experiment, name),
        changes=changes,
        pending=pending,
        undo=str(run["undo"]),
        notes=[*left_out, *run["notes"]],
        levers=list((case["levers"] or {}).get("sentences") or []) + in_force,
        report=report.choose_page(experiment, run["tried"], str(run["folder"])),
        on_slower=on_slower,
        again=str(run["again"]) if settled else "",
        here=str(run["here"]),
        check=bool(case["check_mode"]),
        proposals=list(run["proposals"]),
        # What the benchmark itself says against measuring, such as that there is no Go.
        why_not=why_not or str(measured.get("msg") or ""),
    )
    return {
        "verdict": verdict,
        "summary": text,
        "benchmark": summary or {},
        "rollback_wanted": slower and not stays,
        "proves": proves,
        "comparisons": summaries.list_comparisons(experiment) if experiment else [],
        "changes": list(case["changes"]),
        "pending": list(run["pending"]),
        "measured": not why_not,
        "page": {"changes": changes, "pending": pending, "on_slower": on_slower},
    }
