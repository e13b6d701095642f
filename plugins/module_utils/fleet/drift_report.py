# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What drifted, for a terminal, a browser, a page of a merge request, a CI job and code scanning."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from ansible_collections.wsltune.go.plugins.module_utils.fleet import drift
from ansible_collections.wsltune.go.plugins.module_utils.fleet import page as fleet_page
from ansible_collections.wsltune.go.plugins.module_utils.linux import text as linux_text

WIDTH = 100
Report = Mapping[str, Any]
HEADLINES = {
    drift.IN_STATE: "as declared",
    drift.PENDING: "as declared after a restart",
    drift.DRIFTED: "drifted",
    drift.UNKNOWN: "could not be looked at whole",
    drift.NOT_SEEN: "not seen",
}
JOINER = "\N{WORD JOINER}"
"""Takes no room, and keeps a server from seeing an address or a name in a text."""
SARIF = "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/main/sarif-2.1/schema/sarif-schema-2.1.0.json"
KINDS = {drift.IN_STATE: "pass", drift.BY_HAND: "pass", drift.PENDING: "open", drift.UNKNOWN: "review"}
"""C(kind) of SARIF; every other state fails."""
ORDER = (
    drift.CONFLICT,
    drift.CHANGED,
    drift.GONE,
    drift.NOT_ROLLED_OUT,
    drift.UNKNOWN,
    drift.PENDING,
    drift.BY_HAND,
    drift.IN_STATE,
)


def rank(settings: Sequence[Report]) -> list[Report]:
    """Return settings as they are reported, the worst first."""
    return sorted(settings, key=lambda setting: (ORDER.index(setting["state"]), setting["id"]))


def count(report: Report) -> str:
    """Return how many settings of a machine are in which state."""
    return ", ".join(f"{report['counts'][state]} {drift.TITLES[state]}" for state in ORDER if report["counts"][state])


def headline(report: Report) -> str:
    """Return the state of a machine in one sentence."""
    status = report["status"]
    if status == drift.NOT_SEEN:
        seen = f"not seen since {report['looked_at']}" if report["looked_at"] else "never seen"
        return f"{report['host']}: {seen} ({report['reason'] or 'no answer'})"
    what = report["reason"] or count(report) or "nothing is declared that wsltune owns"
    return f"{report['host']}: {HEADLINES[status]}: {what}"


def _shown(value: str | None) -> str:
    return "not there" if value is None else value


def describe(setting: Report) -> str:
    """Return the views of a setting that differ, as one sentence."""
    if setting["state"] == drift.UNKNOWN:
        return f"not known: {setting['reason']}"
    applied = _shown(setting["applied"]) if setting["applied_is_known"] else "nothing by wsltune"
    description = f"declared {_shown(setting['declared'])}; applied {applied}; now {_shown(setting['now'])}"
    if setting["state"] == drift.PENDING:
        description += f"; in force {setting['in_force'] or 'not known'}"
    if setting["owner"]:
        description += f"; by {setting['owner']}" + (f" at {setting['changed_at']}" if setting["changed_at"] else "")
    return description


def _wrapped(text: str, indent: int, first: str = "") -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()),
        WIDTH,
        initial_indent=first or " " * indent,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def text(report: Report, path: str = "", adopted: str = "") -> str:
    """Return what drifted on one machine; what is in state is counted.

    C(path) is the page with the rest, and C(adopted) the lines that declare what a person chose.
    """
    lines = _wrapped(headline(report), 0)
    if report["status"] != drift.NOT_SEEN:
        for setting in rank(report["settings"]):
            if setting["state"] in (drift.IN_STATE, drift.BY_HAND):
                continue
            lines += ["", *_wrapped(f"{setting['id']} ({setting['path']})", 4, f"{drift.TITLES[setting['state']]}: ")]
            lines += _wrapped(describe(setting), 4)
            lines += _wrapped(f"do: {setting['remedy']}", 4)
        for finding in report["policy"]:
            lines += ["", *_wrapped(f"policy {finding['id']} ({finding['severity']}): {finding['why']}", 4)]
            lines += _wrapped(f"do: {finding['resolution']}", 4)
    if adopted:
        # Of a host_vars beside a playbook, the others would know nothing.
        place = f"host_vars/{report['host']}.yml beside the inventory"
        lines += ["", f"To declare what is there now, put this into {place}:", ""]
        lines += [f"    {line}" for line in adopted.splitlines()]
    for refusal in report.get("adopt_refused", []):
        lines += ["", *_wrapped(f"Not taken over: {refusal}", 4)]
    if path:
        lines += ["", f"Report: {path}"]
    return "\n".join(lines) + "\n"


def fleet_text(fleet: Report) -> str:
    """Return a line for each machine; none is left out."""
    widest = max([len("host"), *(len(host["host"]) for host in fleet["hosts"])])
    lines = [f"{'host':<{widest}}  state            settings"]
    for host in fleet["hosts"]:
        note = headline(host).split(": ", 1)[1]
        short = {drift.PENDING: "restart", drift.IN_STATE: "in state", drift.NOT_SEEN: "not seen"}
        lines.append(f"{host['host']:<{widest}}  {short.get(host['status'], host['status']):<15}  {note}")
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    shown = str(linux_text.printable(str(value))).replace("\\", "\\\\").replace("|", "\\|").replace("`", "\\`")
    shown = re.sub(r"[\r\n]+", " ", shown)
    # No link and no picture either, which would be loaded by whoever reads the page, and nobody who is told of it.
    shown = re.sub(r"(?i)(?<!\w)@|://|\bwww\.", lambda found: f"{found[0][0]}{JOINER}{found[0][1:]}", shown)
    return shown.replace("<", "&lt;").replace("[", "\\[")


def markdown(fleet: Report) -> str:
    """Return a page for a merge request or the summary of a CI step."""
    lines = [f"# Drift: {HEADLINES[fleet['status']]}", "", "| host | state | settings |", "|---|---|---|"]
    for host in fleet["hosts"]:
        lines.append(f"| {_cell(host['host'])} | {host['status']} | {_cell(headline(host).split(': ', 1)[1])} |")
    for host in fleet["hosts"]:
        listed = [view for view in rank(host["settings"]) if view["state"] not in (drift.IN_STATE, drift.BY_HAND)]
        if not listed and not host["policy"]:
            continue
        lines += ["", f"## {_cell(host['host'])}", "", "| setting | state | what | remedy |", "|---|---|---|---|"]
        for view in listed:
            cells = (view["id"], drift.TITLES[view["state"]], describe(view), view["remedy"])
            lines.append(f"| {' | '.join(map(_cell, cells))} |")
        for finding in host["policy"]:
            cells = (finding["id"], f"policy, {finding['severity']}", finding["why"], finding["resolution"])
            lines.append(f"| {' | '.join(map(_cell, cells))} |")
    return "\n".join(lines) + "\n"


def junit(fleet: Report) -> str:
    """Return a suite for each machine and a test case for each setting, as CI servers read them."""
    root = ElementTree.Element("testsuites", name="wsltune drift")
    # One character that XML has not would keep a CI server from the whole report.
    for host in linux_text.printable(fleet["hosts"]):
        suite = ElementTree.SubElement(root, "testsuite", name=str(host["host"]), hostname=str(host["host"]))
        totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
        for name, kind, message, body in _cases(host):
            case = ElementTree.SubElement(suite, "testcase", classname=f"drift.{host['host']}", name=name)
            totals["tests"] += 1
            if kind:
                outcome = ElementTree.SubElement(case, {"errors": "error", "failures": "failure"}.get(kind, kind))
                outcome.set("message", message)
                outcome.text = body
                totals[kind] += 1
        for key, value in totals.items():
            suite.set(key, str(value))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _cases(host: Report) -> Iterator[tuple[str, str, str, str]]:
    if host["status"] == drift.NOT_SEEN or host["reason"]:
        yield "seen", "errors", headline(host), ""
        return
    for setting in rank(host["settings"]):
        kind = ""
        if setting["state"] in drift.DRIFT:
            kind = "failures"
        elif setting["state"] == drift.UNKNOWN:
            kind = "errors"
        elif setting["state"] == drift.PENDING:
            kind = "skipped"
        yield setting["id"], kind, drift.TITLES[setting["state"]], f"{describe(setting)}\n{setting['remedy']}"
    for finding in host["policy"]:
        yield f"policy {finding['id']}", "failures", finding["why"], finding["resolution"]


def sarif(fleet: Report) -> dict[str, Any]:
    """Return the settings as results of SARIF 2.1.0; each is known again by its own fingerprint."""
    rules = [
        {"id": state, "shortDescription": {"text": title}, "helpUri": "https://github.com/wsltune/wsltune"}
        for state, title in drift.TITLES.items()
    ]
    results = [_result(host, setting) for host in fleet["hosts"] for setting in rank(host["settings"])]
    # A run counts as complete only if every machine was looked at.
    seen = all(host["status"] != drift.NOT_SEEN and not host["reason"] for host in fleet["hosts"])
    notes = [
        {"level": "error", "message": {"text": headline(host)}}
        for host in fleet["hosts"]
        if host["status"] == drift.NOT_SEEN or host["reason"]
    ]
    return {
        "$schema": SARIF,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "wsltune drift", "rules": rules}},
                "invocations": [{"executionSuccessful": seen, "toolExecutionNotifications": notes}],
                "results": results,
            }
        ],
    }


def _result(host: Report, setting: Report) -> dict[str, Any]:
    kind = KINDS.get(setting["state"], "fail")
    location: dict[str, Any] = {"logicalLocations": [{"name": setting["id"], "fullyQualifiedName": host["host"]}]}
    if setting["path"]:
        location["physicalLocation"] = {"artifactLocation": {"uri": setting["path"].lstrip("/"), "uriBaseId": "ROOT"}}
    return {
        "ruleId": setting["state"],
        "kind": kind,
        # By 3.27.10 a result that does not fail has no level of its own.
        "level": "error" if kind == "fail" else "none",
        "message": {"text": f"{host['host']}: {setting['id']}: {describe(setting)}"},
        "locations": [location],
        "partialFingerprints": {"wsltuneSetting/v1": setting["fingerprint"], "wsltuneHost/v1": host["host"]},
    }


def _tone(state: str) -> str:
    if state in (drift.IN_STATE, drift.BY_HAND):
        return fleet_page.GOOD
    return fleet_page.WAITS if state in (drift.PENDING, drift.UNKNOWN, drift.NOT_SEEN) else fleet_page.BAD


def _row(cells: Sequence[object], state: str) -> list[str]:
    first, second, *rest = cells
    shown = fleet_page.write_state(str(second), _tone(state))
    return [fleet_page.escape(first), shown, *map(fleet_page.escape, rest)]


def page(fleet: Report) -> str:
    """Return a page that needs nothing else."""
    status, hosts_there = fleet["status"], len(fleet["hosts"])
    machines = f"{hosts_there} machine{'' if hosts_there == 1 else 's'}"
    title = f"Drift: {fleet['counts'][status]} of {machines} {HEADLINES[status]}"
    hosts = [
        _row((host["host"], host["status"].replace("_", " "), headline(host).split(": ", 1)[1]), host["status"])
        for host in fleet["hosts"]
    ]
    parts = [
        f"<h1>{fleet_page.escape(title)}</h1>",
        f"<p>Looked at {fleet_page.escape(fleet['looked_at'])}.</p>",
        fleet_page.write_table(("Host", "State", "Settings"), hosts),
    ]
    for host in fleet["hosts"]:
        rows = [
            _row((view["id"], drift.TITLES[view["state"]], describe(view), view["remedy"]), view["state"])
            for view in rank(host["settings"])
        ]
        rows += [
            _row((f"policy {finding['id']}", finding["severity"], finding["why"], finding["resolution"]), "bad")
            for finding in host["policy"]
        ]
        if rows:
            since = f" (not seen since {host['looked_at']})" if host["status"] == drift.NOT_SEEN else ""
            parts.append(f"<h2>{fleet_page.escape(host['host'])}{fleet_page.escape(since)}</h2>")
            parts.append(fleet_page.write_table(("Setting", "State", "What", "Remedy"), rows))
    return fleet_page.write_page(title, parts)
