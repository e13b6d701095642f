# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the doctor found, for a terminal. Plain text: the words carry what colours would."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import text as linux_text

WIDTH = 80
INDENT = 10
MARKS = {"critical": "CRITICAL", "warning": "warning", "unknown": "unknown", "ok": "ok"}


OF_A_MODULE = ("WT-060", "WT-062", "WT-064", "WT-065", "WT-066")


def write_headline(result: Mapping[str, Any]) -> str:
    """Write the answer in one sentence."""
    checks = result["checks"]
    counts = result["counts"]
    worst = checks[0] if checks and checks[0]["status"] in ("critical", "warning") else None
    unknown = f" {counts['unknown']} could not be checked." if counts["unknown"] else ""
    if worst is None:
        idle = counts["not_applicable"]
        rest = f", {idle} {'does' if idle == 1 else 'do'} not apply to this machine" if idle else ""
        return f"Nothing makes Go slow here: {counts['ok']} of {len(checks)} checks are ok{rest}.{unknown}"
    effect = worst["cost"]["effect"]
    more = counts["critical"] + counts["warning"] - 1
    others = f" {more} more finding{'s' if more > 1 else ''} below." if more else ""
    return f"{worst['title']} ({worst['id']})" + (f": {effect}." if effect else ".") + others + unknown


def write_cost(check: Mapping[str, Any]) -> str:
    """Write what was measured, with its unit."""
    value = check["cost"]["value"]
    if value is None:
        return ""
    number = (
        f"{value:.0f}"
        if abs(value) >= 100 or value == int(value)
        else f"{value:.1f}"
        if abs(value) >= 1
        else f"{value:.2g}"
    )
    return f"{number} {check['cost']['unit'].replace('us', 'µs')}".strip()


def _wrap(text: str, first: str = "", indent: int = 0) -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()),
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _write_finding(check: Mapping[str, Any]) -> list[str]:
    name = linux_text.unbroken(check["id"])
    lines = _wrap(check["reason"], f"{MARKS[check['status']]:<{INDENT}}{name}  ", INDENT)
    for label, text in (
        ("costs", check["cost"]["effect"]),
        ("lever", check["answer"]["lever"]),
        ("do", check["answer"]["command"]),
    ):
        if text and check["status"] in ("critical", "warning"):
            lines += _wrap(text, f"{'':<{INDENT}}{label + ':':<7}", INDENT + 7)
    return lines


def write_text(result: Mapping[str, Any], title: str = "", report: str = "", everything: bool = False) -> str:
    """Write the findings in their order; what is ok takes a line, or is counted."""
    findings = [check for check in result["checks"] if check["status"] in ("critical", "warning")]
    unknown = [check for check in result["checks"] if check["status"] == "unknown"]
    good = [check for check in result["checks"] if check["status"] == "ok" and check["applies"]]
    idle = [check for check in result["checks"] if not check["applies"]]
    times = [check for check in good if check["id"] in OF_A_MODULE]
    lines = ([title] if title else []) + _wrap(write_headline(result))
    for group in (findings, unknown):
        if group:
            lines += [""] + [line for check in group for line in _write_finding(check)]
    if times and not everything:
        lines += ["", *(line for check in times for line in _wrap(check["reason"], f"{'module':<{INDENT}}", INDENT))]
    if good and everything:
        lines += ["", "Looked for and not found, or in order:", *write_table(good)]
    elif good:
        lines += ["", *_wrap(f"{len(good)} checks: {write_ids(good)}", f"{'ok':<{INDENT}}", INDENT)]
    if idle:
        lines += _wrap(
            f"{len(idle)} check{'s' if len(idle) > 1 else ''}, because this is not WSL: {write_ids(idle)}",
            f"{'no need':<{INDENT}}",
            INDENT,
        )
    if findings:
        pages = f"docs/cases/{findings[0]['id']}.md explains the first, each id has its page"
        lines += _wrap(pages, f"{'Pages:':<{INDENT}}", INDENT)
    if report:
        lines += _wrap(report, f"{'Report:':<{INDENT}}", INDENT)
    return "\n".join(lines) + "\n"


def write_table(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write a line for each check: status, id, title, what was measured."""
    names = [[linux_text.unbroken(check[key]) for key in ("id", "title")] for check in checks]
    widest = max(len(title) for _number, title in names)
    return [
        f"{MARKS[check['status']]:<{INDENT}}{number}  {title:<{widest}}  {write_cost(check)}".rstrip()
        for check, (number, title) in zip(checks, names)
    ]


def write_ids(checks: Sequence[Mapping[str, Any]]) -> str:
    """Write WT-001 to WT-005, WT-010: neighbours in the list of all checks are drawn together."""
    numbers = sorted({int(check["id"][3:]) for check in checks})
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    shown = [f"WT-{run[0]:03d}" if len(run) == 1 else f"WT-{run[0]:03d} to WT-{run[-1]:03d}" for run in runs]
    return ", ".join(shown)
