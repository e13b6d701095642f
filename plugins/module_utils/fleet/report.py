# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run over many hosts says: a table for a terminal, a page for a browser, plain values for a program."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.fleet import gate as fleet_gate
from ansible_collections.wsltune.go.plugins.module_utils.fleet import host as fleet_host
from ansible_collections.wsltune.go.plugins.module_utils.fleet import page as fleet_page
from ansible_collections.wsltune.go.plugins.module_utils.fleet import record as fleet_record
from ansible_collections.wsltune.go.plugins.module_utils.fleet import rollout as fleet_rollout
from ansible_collections.wsltune.go.plugins.module_utils.fleet.record import HostState, Rollout
from ansible_collections.wsltune.go.plugins.module_utils.linux.text import join_names

FORMAT = 1
MOST_ROWS = 30
"""Hosts that a terminal lists one by one; of more only those that are not done."""
MOST_MARKS = 200
"""Hosts in the plot; of more those that are slowest."""
NOTE = 60
MOST_RATIO = 1e4
APART = 24
"""How far the numbers below the plot are from each other at the least."""
LETTER = 7
"""Width of a letter of a name in the plot."""


def write_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a line for each host: its state, its ratio with the interval, what waits for a restart, a note."""
    lines = [("host", "state", "ratio (95 %)", "pending", "note")]
    for row in rows:
        note = " ".join(str(row.get("note") or "").split())
        note = note if len(note) <= NOTE else note[: NOTE - 1] + "…"
        lines.append((str(row["host"]), str(row["state"]), write_ratio(row), str(row.get("pending") or ""), note))
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    text = ["  ".join([*(f"{cell:<{width}}" for cell, width in zip(line, widths)), line[4]]).rstrip() for line in lines]
    return "\n".join(text) + "\n"


def make_rows(
    rows: Mapping[str, Mapping[str, Any] | None], failed: Mapping[str, int], silent: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Return a row for each host of a run: what it reported, or that it failed or did not answer."""
    made = []
    for host in sorted({*rows, *failed, *silent}):
        row = rows.get(host)
        if silent.get(host):
            made.append({"host": host, "state": fleet_host.PENDING, "note": "did not answer"})
        elif failed.get(host):
            made.append(
                {"host": host, "state": fleet_host.FAILED, **_without(row, "state"), "note": "see its error above"}
            )
        elif row:
            made.append({"host": host, **row})
    return made


def _without(row: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    return {key: value for key, value in (row or {}).items() if key != name}


def write_ratio(row: Mapping[str, Any]) -> str:
    """Return a ratio with its interval, after to before; nothing where none was measured."""
    if row.get("ratio") is None:
        return ""
    ratio, low, high = (_write_number(row.get(name)) for name in ("ratio", "low", "high"))
    return f"{ratio} ({low} to {high})" if low and high else ratio


def _write_number(number: float | None) -> str:
    """Return a ratio; one that no machine has takes no more room in a table of all than others."""
    return "" if number is None else f"{number:.2f}" if abs(number) < MOST_RATIO else f"{number:.0e}"


def summarise(rollout: Rollout, hosts: Mapping[str, HostState], now: float) -> dict[str, Any]:
    """Return what there is to know about a rollout, in plain values."""
    rows, rings = [], []
    for number, state in enumerate(rollout.rings):
        counts = dict.fromkeys(fleet_host.STATES, 0)
        for name in sorted(state.hosts):
            row = _row(rollout, number, hosts[name])
            counts[row["state"]] += 1
            rows.append(row)
        rings.append(
            {
                "name": state.ring.name,
                "state": _progress(rollout, number),
                "counts": counts,
                "since": state.since,
                "soaks_until": None if state.since is None else state.since + state.ring.soak_hours * 3600,
                "passed": state.passed,
                "opened": state.opened,
                "limits": state.ring.to_json(),
                "decision": state.decision,
            }
        )
    in_ring = {row["host"] for row in rows}
    rows += [
        {"host": host, "ring": "", "state": fleet_host.EXCLUDED, "note": why, "ratio": None}
        for host, why in sorted(rollout.excluded.items())
        if host not in in_ring
    ]
    summary = {
        "format": FORMAT,
        "name": rollout.name,
        "at": now,
        "started": rollout.started,
        "status": rollout.status,
        "why": rollout.why,
        "exit_code": fleet_rollout.exit_code(rollout),
        "rings": rings,
        "hosts": rows,
        "stragglers": [row["host"] for row in rows if row["state"] == fleet_host.PENDING and row["reached"]],
        "history": rollout.history,
    }
    return {**summary, "next": advise(summary)}


def _row(rollout: Rollout, number: int, host: HostState) -> dict[str, Any]:
    ring = rollout.rings[number]
    first = fleet_host.first_comparison(host.comparisons)
    excluded = host.host in rollout.excluded
    return {
        "host": host.host,
        "ring": ring.ring.name,
        "state": fleet_host.EXCLUDED if excluded else host.state,
        "reached": ring.opened is not None and not excluded,
        "left_to_take_back": fleet_rollout.is_left_to_take_back(rollout, number, host),
        **{name: first.get(name) for name in ("ratio", "low", "high", "verdict")},
        "pending": host.pending_restart,
        "at": host.at,
        "tries": host.tries,
        "times_done": host.times_done,
        "lost": host.lost,
        "new_critical": host.new_critical,
        "note": rollout.excluded.get(host.host) or _wrong(host) or _note(host),
    }


def _wrong(host: HostState) -> str:
    """Return what is critical on a host and what it lost; the page of all hosts is not one's to fill."""
    return join_names([*host.new_critical, *host.lost], fleet_gate.MOST_NAMES)


def _note(host: HostState) -> str:
    return (
        f"its run began at {write_time(host.began)} and did not end" if fleet_rollout.is_unfinished(host) else host.note
    )


def _progress(rollout: Rollout, number: int) -> str:
    state = rollout.rings[number]
    if state.passed is not None:
        return "passed"
    if number > rollout.current:
        return "waits"
    if rollout.status in (fleet_record.ROLLED_BACK, fleet_record.ABORTED):
        return rollout.status
    return "soaks" if state.since is not None and not rollout.why.startswith("A person") else "open"


def advise(summary: Mapping[str, Any]) -> str:
    """Return what a person does next."""
    asleep = summary["stragglers"]
    status = summary["status"]
    failed = [row["host"] for row in summary["hosts"] if row["state"] == fleet_host.FAILED]
    if status == fleet_record.FINISHED:
        if failed:
            return f"Fix {join_names(failed, 3)}, then run it again."
        if asleep:
            return f"Run it again to catch up {join_names(asleep, 3)}."
        return "Nothing: give another wsltune_rollout_name to begin the next rollout."
    left = [row["host"] for row in summary["hosts"] if row.get("left_to_take_back")]
    if left:
        return f"Run it again when {join_names(left, 3)} can answer, to take back what this rollout left there."
    if status == fleet_record.ROLLED_BACK:
        return "Fix the cause, then run it with -e wsltune_rollout=continue to try this ring again."
    if status == fleet_record.ABORTED:
        return "Give another wsltune_rollout_name to begin the next rollout."
    if status == fleet_record.HELD:
        return "Run it with -e wsltune_rollout=continue."
    if failed:
        return f"Fix {join_names(failed, 3)}, then run it again."
    again = [host for ring in summary["rings"] for host in (ring["decision"] or {}).get("measure_again") or []]
    if again:
        return f"Run it with -e wsltune_rollout=continue, which measures {join_names(again, 3)} again."
    waits = [ring["soaks_until"] for ring in summary["rings"] if ring["state"] == "soaks" and ring["soaks_until"]]
    if waits and waits[0] > summary["at"]:
        return f"Run it again after {write_time(waits[0])}."
    return f"Run it again{f' when {join_names(asleep, 3)} can answer' if asleep else ''}."


def write_time(moment: float | None) -> str:
    """Return a moment in the controller's local time."""
    return "" if moment is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def headline(summary: Mapping[str, Any]) -> str:
    """Return how far the rollout is, in one sentence."""
    rows = [row for row in summary["hosts"] if row["state"] != fleet_host.EXCLUDED]
    done = sum(row["state"] == fleet_host.DONE for row in rows)
    ring = next((ring["name"] for ring in summary["rings"] if ring["passed"] is None), "")
    where = {
        fleet_record.FINISHED: "finished",
        fleet_record.ROLLED_BACK: f"rolled back the ring {ring}",
        fleet_record.ABORTED: f"aborted in the ring {ring}",
        fleet_record.HELD: f"held in the ring {ring}",
    }.get(summary["status"], f"holds at the ring {ring}")
    return f"Rollout {summary['name']} {where}: {done} of {len(rows)} hosts are done."


def write_text(summary: Mapping[str, Any], folder: str) -> str:
    """Return the summary for a terminal."""
    lines = [headline(summary), summary["why"], ""]
    names = [name for name in fleet_host.STATES if any(ring["counts"][name] for ring in summary["rings"])]
    table = [["ring", "", *names, "ratio (95 %)"]]
    for ring in summary["rings"]:
        pooled = ring["decision"].get("pooled") or {}
        counts = [str(ring["counts"][name]) for name in names]
        table.append([ring["name"], ring["state"], *counts, write_ratio(pooled) if pooled else ""])
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines += ["  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths)).rstrip() for line in table]
    rows = [row for row in summary["hosts"] if row.get("reached")]
    if len(rows) > MOST_ROWS:
        rows = [row for row in rows if row["state"] != fleet_host.DONE][:MOST_ROWS]
    if rows:
        lines += ["", write_table(rows).rstrip()]
    lines += ["", f"Next: {summary['next']}", f"Report: {folder}/fleet.html"]
    return "\n".join(lines) + "\n"


TONES = {
    fleet_host.DONE: fleet_page.GOOD,
    fleet_host.TAKEN_BACK: fleet_page.BAD,
    fleet_host.FAILED: fleet_page.BAD,
    fleet_host.PENDING: fleet_page.WAITS,
    fleet_host.EXCLUDED: fleet_page.NEUTRAL,
}
_escape = fleet_page.escape


def write_html(summary: Mapping[str, Any]) -> str:
    """Return one page that needs no other file."""
    reached = [row for row in summary["hosts"] if row.get("reached")]
    measured = [row for row in reached if row.get("low") and row.get("high")]
    parts = [
        f"<h1>{_escape(headline(summary))}</h1>",
        f"<p>{_escape(summary['why'])}</p>",
        f'<p class="next"><strong>Next:</strong> {_escape(summary["next"])}</p>',
        "<h2>Rings</h2>",
        _ring_table(summary["rings"]),
    ]
    if measured:
        parts += ["<h2>Ratios, after to before</h2>", _forest(summary, measured)]
    if summary["stragglers"]:
        asleep = summary["stragglers"]
        names = _escape(", ".join(asleep))
        parts.append(f"<h2>Stragglers</h2>\n<p>A later run catches up {len(asleep)} that did not answer: {names}.</p>")
    parts += ["<h2>Hosts</h2>", _host_table(summary["hosts"]), "<h2>History</h2>", _history(summary["history"])]
    when = f"Written {write_time(summary['at'])}; begun {write_time(summary['started'])}. Times are the controller's."
    parts.append(f'<p class="soft">{_escape(when)}</p>')
    return fleet_page.write_page(f"Rollout {summary['name']}", parts)


def _ring_table(rings: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for ring in rings:
        total = sum(ring["counts"].values()) or 1
        segments = "".join(
            f'<i class="{TONES[state]}" style="width:{100 * count / total:.2f}%" title="{count} {state}"></i>'
            for state, count in ring["counts"].items()
            if count and state != fleet_host.EXCLUDED
        )
        counts = ", ".join(f"{count} {state}" for state, count in ring["counts"].items() if count)
        sentences = " ".join(ring["decision"].get("sentences") or []) if ring["state"] != "waits" else ""
        cells = [ring["name"], ring["state"], counts, sentences]
        name, state, counted, said = (_escape(cell) for cell in cells)
        state = f'<span class="one">{state}</span>'
        rows.append(
            [f'<strong class="one">{name}</strong>', state, f'<div class="bar">{segments}</div>{counted}', said]
        )
    return fleet_page.write_table(["Ring", "State", "Hosts", "Its gate"], rows)


def _host_table(hosts: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for row in hosts:
        state = f'<span class="one">{fleet_page.write_state(row["state"], TONES[row["state"]])}</span>'
        known = [write_ratio(row), row.get("pending"), write_time(row.get("at"))]
        names = map(fleet_page.keep_whole, (row["host"], row["ring"]))
        rows.append([*names, state, *map(fleet_page.keep_whole, known), _escape(row.get("note") or "")])
    return fleet_page.write_table(["Host", "Ring", "State", "Ratio (95 %)", "Pending", "When", "Note"], rows)


def _history(entries: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            *map(fleet_page.keep_whole, (write_time(entry["at"]), entry["ring"], entry["result"])),
            _escape(" ".join(entry["sentences"])),
        ]
        for entry in reversed(entries)
    ]
    return fleet_page.write_table(["When", "Ring", "Answer", "Because"], rows)


def _forest(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the forest plot: a line for each host, a diamond for each ring, on a logarithmic axis."""
    shown = sorted(rows, key=lambda row: -float(row["ratio"]))[:MOST_MARKS]
    pooled = [(ring["name"], ring["decision"].get("pooled")) for ring in summary["rings"]]
    diamonds = [(f"ring {name}", ratio) for name, ratio in pooled if ratio]
    limit = max(float(ring["limits"]["max_ratio"]) for ring in summary["rings"])
    ends = [float(ratio[key]) for ratio in [*shown, *(ratio for _name, ratio in diamonds)] for key in ("low", "high")]
    low = max(0.1, min([*ends, 0.9])) * 0.98
    high = min(10.0, max([*ends, limit])) * 1.02
    # As wide as the names are, so that on a narrow screen the plot is whole and the numbers alone are cut off.
    names = [str(row["host"]) for row in shown] + [name for name, _one in diamonds]
    left = 20 + LETTER * max(len(_short(name)) for name in names)
    right, step, top = left + 320, 20, 30
    width = right + 150

    def place(ratio: float) -> float:
        share = (math.log(min(max(ratio, low), high)) - math.log(low)) / (math.log(high) - math.log(low))
        return round(left + share * (right - left), 1)

    bottom = top + step * (len(shown) + len(diamonds)) + 10
    size = f'viewBox="0 0 {width} {bottom + 24}" style="min-width:{width * 0.86:.0f}px"'
    lines = [f'<svg {size} role="img" aria-label="Ratio of each host with its interval">']
    ticks = [tick for tick in (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5, 2, 3, 5) if low <= tick <= high]
    drawn = [1.0]
    for tick in sorted(ticks, key=lambda tick: abs(math.log(tick))):
        x = place(tick)
        if tick != 1.0 and any(abs(x - place(other)) < APART for other in drawn):
            continue
        drawn.append(tick)
        lines.append(f'<line x1="{x}" y1="{top - 14}" x2="{x}" y2="{bottom}"/>')
        lines.append(f'<text class="tick" x="{x}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>')
    x = place(limit)
    lines.append(f'<line class="limit" x1="{x}" y1="{top - 14}" x2="{x}" y2="{bottom}"/>')
    lines.append(f'<text class="tick" x="{x}" y="{top - 18}" text-anchor="middle">limit {limit:g}</text>')
    y = float(top)
    for row in shown:
        start, middle, end = (place(float(row[key])) for key in ("low", "ratio", "high"))
        lines.append(f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{_escape(_short(row["host"]))}</text>')
        lines.append(f'<line class="interval" x1="{start}" y1="{y}" x2="{end}" y2="{y}"/>')
        lines.append(f'<circle cx="{middle}" cy="{y}" r="4"/>')
        lines.append(f'<text class="tick" x="{right + 12}" y="{y + 4}">{_escape(write_ratio(row))}</text>')
        y += step
    for name, ratio in diamonds:
        start, middle, end = (place(float(ratio[key])) for key in ("low", "ratio", "high"))
        shape = f"{start},{y} {middle},{y - 6} {end},{y} {middle},{y + 6}"
        lines.append(
            f'<text x="{left - 12}" y="{y + 4}" text-anchor="end"><tspan>{_escape(_short(name))}</tspan></text>'
        )
        lines.append(f'<polygon class="pooled" points="{shape}"/>')
        lines.append(f'<text class="tick" x="{right + 12}" y="{y + 4}">{_escape(write_ratio(ratio))}</text>')
        y += step
    lines.append("</svg>")
    left_out = f" The {len(shown)} slowest of {len(rows)} are shown." if len(shown) < len(rows) else ""
    legend = f"Below 1 is faster. Bars and diamonds are 95 % intervals; a diamond is a ring, pooled.{left_out}"
    return f'<div class="wide">{"".join(lines)}</div>\n<p class="soft">{_escape(legend)}</p>'


def _short(name: str, most: int = 20) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
