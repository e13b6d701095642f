# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a collector reads of a machine, in Prometheus' text format: values go in, the text of a file comes out.

It imports nothing of the collection, because the pull agent has a copy of it on the machine.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

FILE = "wsltune.prom"
PULL_FILE = "wsltune_pull.prom"
FOLDERS = ("/var/lib/prometheus/node-exporter", "/var/lib/node_exporter/textfile_collector")
"""Where the textfile collector looks by default: Debian and Ubuntu, and what its own documentation names."""

LARGEST = 256 << 10
"""Bytes of a file; a collector reads those of many machines at once, and gives all of them up where that takes long."""

LONGEST = 200
"""Characters of a label; a user's Go says what its version is."""

PULL_STATES = ("ok", "waiting", "off", "refused", "failed", "stopped")
"""How a run of the pull agent ends; pull.py has what each means."""
DRIFT_STATES = (
    "in_state",
    "pending_restart",
    "not_rolled_out",
    "changed",
    "by_hand",
    "conflict",
    "gone",
    "unknown",
)
"""States of a setting, as fleet/drift.py names them."""
SETTING_STATES = {
    "in_force": ("in_state", "by_hand"),
    "pending_restart": ("pending_restart",),
    "unknown": ("unknown",),
    "drift": ("not_rolled_out", "changed", "conflict", "gone"),
    "off": (),
}
"""What a setting is for an alert, the worst of the first four last, and the states of fleet/drift.py behind it."""
EXCLUSIONS = ("active", "managed", "refused")
"""Defender's exclusions: ours, those that a policy has already, and those that are not to be excluded."""
SEVERITIES = ("critical", "warning", "unknown", "ok")


class Metric(NamedTuple):
    """One metric: what it is, the sentence under HELP, which never changes, and the names of its labels."""

    kind: str
    help: str
    labels: tuple[str, ...] = ()


METRICS = {
    "wsltune_info": Metric(
        "gauge",
        "Always 1; the labels name what the machine has.",
        ("version", "go_version", "distro", "wsl_version", "kernel"),
    ),
    "wsltune_last_run_timestamp_seconds": Metric("gauge", "When a run last came to its end."),
    "wsltune_last_success_timestamp_seconds": Metric("gauge", "When a run last came to its end without an error."),
    "wsltune_last_run_success": Metric("gauge", "1 if the last run ended without an error, else 0."),
    "wsltune_pending_restarts": Metric("gauge", "Settings that wait for a restart of the distro."),
    "wsltune_rollbacks_total": Metric("counter", "Runs that were taken back because they made Go slower."),
    "wsltune_lever_on": Metric("gauge", "1 if the lever is on, else 0.", ("lever",)),
    "wsltune_go_test_median_seconds": Metric(
        "gauge", "Median duration of the scenario when it was last measured.", ("scenario", "state")
    ),
    "wsltune_go_test_p90_seconds": Metric(
        "gauge",
        "90th percentile of the scenario when it was last measured; the maximum below 10 runs.",
        ("scenario", "state"),
    ),
    "wsltune_benchmark_runs": Metric("gauge", "Runs behind the durations of the scenario.", ("scenario", "state")),
    "wsltune_speedup_ratio": Metric("gauge", "Duration before divided by after; above 1 is faster.", ("scenario",)),
    "wsltune_speedup_ratio_lower": Metric("gauge", "Lower end of the interval of the speedup.", ("scenario",)),
    "wsltune_speedup_ratio_upper": Metric("gauge", "Upper end of the interval of the speedup.", ("scenario",)),
    "wsltune_gotmpdir_size_bytes": Metric("gauge", "Size of the tmpfs for Go's temporary files."),
    "wsltune_gotmpdir_used_bytes": Metric("gauge", "Bytes in use on the tmpfs for Go's temporary files."),
    "wsltune_gocache_size_bytes": Metric("gauge", "Bytes that the build cache of the measured user takes on its disk."),
    "wsltune_doctor_findings": Metric("gauge", "Checks of the doctor by their status.", ("severity",)),
    "wsltune_drift_settings": Metric("gauge", "Settings by how they compare with what is declared.", ("state",)),
    "wsltune_setting_state": Metric(
        "gauge", "1 for the state that a setting had when drift was looked for, 0 for the others.", ("setting", "state")
    ),
    "wsltune_defender_exclusions": Metric("gauge", "Exclusions of Defender by what became of them.", ("status",)),
    "wsltune_defender_next_expiry_timestamp_seconds": Metric(
        "gauge", "When the first of the exclusions ends, after its last day (UTC)."
    ),
    "wsltune_pull_last_run_timestamp_seconds": Metric("gauge", "When the pull agent last ran."),
    "wsltune_pull_last_success_timestamp_seconds": Metric("gauge", "When the pull agent last ran without an error."),
    "wsltune_pull_failures_in_a_row": Metric("gauge", "Runs of the pull agent that failed since one did not."),
    "wsltune_pull_state": Metric("gauge", "1 for how the pull agent's last run ended, 0 for the others.", ("state",)),
    "wsltune_pull_heals_total": Metric("counter", "Runs of the pull agent that restored the declared state."),
}
"""Every metric once, in the order of the file."""

PARTS = {
    "info": ("wsltune_info",),
    "pending": ("wsltune_pending_restarts",),
    "levers": ("wsltune_lever_on",),
    "benchmark": (
        "wsltune_go_test_median_seconds",
        "wsltune_go_test_p90_seconds",
        "wsltune_benchmark_runs",
        "wsltune_speedup_ratio",
        "wsltune_speedup_ratio_lower",
        "wsltune_speedup_ratio_upper",
    ),
    "tmpfs": ("wsltune_gotmpdir_size_bytes", "wsltune_gotmpdir_used_bytes"),
    "gocache": ("wsltune_gocache_size_bytes",),
    "doctor": ("wsltune_doctor_findings",),
    "settings": ("wsltune_setting_state",),
    "defender": ("wsltune_defender_exclusions", "wsltune_defender_next_expiry_timestamp_seconds"),
}
"""What describe() makes of each part of the values. A run's end is none: the last success outlasts a failure."""


class Sample(NamedTuple):
    """One value, with its labels in the order of the metric's."""

    name: str
    labels: tuple[str, ...]
    value: float


def sample(name: str, value: float, *labels: object) -> Sample:
    """Return a value of a known metric."""
    if len(labels) != len(METRICS[name].labels):
        raise ValueError(f"{name} has the labels {METRICS[name].labels}, not {labels}")
    return Sample(name, tuple("" if label is None else str(label)[:LONGEST] for label in labels), float(value))


def collect(
    facts: Mapping[str, Any], user: str, levers: Mapping[str, Any], result: Mapping[str, Any], version: str = ""
) -> dict[str, Any]:
    """Return the values of M(describe) after a run in a distro.

    C(facts) are those of go_facts, C(user) the one that was measured, C(levers) those that are declared or decided,
    C(result) has C(verdict), C(on_slower), C(taken_back), C(summary), the benchmark's or nothing, and C(left_out), why
    no project was copied.
    """
    go, wsl = facts["go"], facts["wsl"]
    command = (go["users"].get(user) or {}).get("go") or {}
    fails = result["verdict"] == "slower" and result["on_slower"] == "fail"
    values: dict[str, Any] = {
        "info": {
            "version": version,
            "go_version": command.get("version"),
            "distro": wsl.get("distro"),
            "wsl_version": wsl.get("version"),
            "kernel": wsl.get("kernel"),
        },
        "at": float(go["observed_at"]),
        "success": not (fails or result["left_out"]),
        "taken_back": bool(result["taken_back"]),
        "pending": len(wsl["conf"]["pending_sentences"]),
        "levers": {name: bool(on) for name, on in levers.items()},
    }
    if result["summary"]:
        values["benchmark"] = result["summary"]
    return values


def describe(values: Mapping[str, Any]) -> list[Sample]:
    """Return what C(values) says, each part of which may be missing, or empty where there is nothing of it any more.

    C(info), C(at) (seconds since 1970), C(success), C(pending), C(taken_back), C(levers) (by name), C(benchmark) (a
    summary of benchmark/summaries.py), C(tmpfs) (C(size), C(used)), C(gocache) (bytes), C(doctor) (counts by status),
    C(settings) (those of a report about drift), C(defender) (what win_defender_exclusion returns).
    """
    samples = []
    if "info" in values:
        samples.append(sample("wsltune_info", 1, *(values["info"].get(key) for key in METRICS["wsltune_info"].labels)))
    if "at" in values:
        success = bool(values.get("success", True))
        samples.append(sample("wsltune_last_run_timestamp_seconds", values["at"]))
        samples.append(sample("wsltune_last_run_success", success))
        if success:
            samples.append(sample("wsltune_last_success_timestamp_seconds", values["at"]))
        samples.append(sample("wsltune_rollbacks_total", bool(values.get("taken_back"))))
    if "pending" in values:
        samples.append(sample("wsltune_pending_restarts", values["pending"]))
    for lever, on in sorted((values.get("levers") or {}).items()):
        samples.append(sample("wsltune_lever_on", bool(on), lever))
    samples += _describe_benchmark(values.get("benchmark") or {})
    for key in ("size", "used"):
        if (values.get("tmpfs") or {}).get(key) is not None:
            samples.append(sample(f"wsltune_gotmpdir_{key}_bytes", values["tmpfs"][key]))
    if values.get("gocache") is not None:
        samples.append(sample("wsltune_gocache_size_bytes", values["gocache"]))
    if values.get("doctor") is not None:
        samples += _each("wsltune_doctor_findings", values["doctor"], SEVERITIES)
    samples += _describe_settings(values.get("settings") or [])
    if values.get("defender") is not None:
        samples += _describe_defender(values["defender"])
    return samples


def name_setting(identity: str) -> str:
    """Return what stands for a setting in a label: no account, path or project, which its id may have."""
    parts = identity.split(":")
    if parts[0] == "go_env" and len(parts) == 3 and parts[1] not in ("block", "command"):
        return f"go_env:{parts[2]}"
    if len(parts) > 2 and parts[1] != "block":
        parts = parts[:2]
    return parts[0] if parts[0] == "journal" else ":".join(parts)


def _describe_settings(settings: Sequence[Mapping[str, Any]]) -> list[Sample]:
    """Return the state of each setting; of several with one name the worst."""
    order = ["off", *(state for state in SETTING_STATES if state != "off")]
    worst: dict[str, str] = {}
    for setting in settings:
        state = next(state for state, known in SETTING_STATES.items() if setting["state"] in known)
        if state == "in_force" and setting["declared"] is None:
            state = "off"
        name = name_setting(str(setting["id"]))
        worst[name] = max(state, worst.get(name, "off"), key=order.index)
    return [
        sample("wsltune_setting_state", state == found, name, state)
        for name, found in sorted(worst.items())
        for state in SETTING_STATES
    ]


def _describe_defender(found: Mapping[str, Any]) -> list[Sample]:
    """Return what became of the exclusions, as read at the end of a run; nothing where they could not be read."""
    if found.get("exclusions") is None:
        return []
    entries = found.get("entries") or []
    counts = {"active": len(entries), **{name: len(found.get(name) or []) for name in ("managed", "refused")}}
    samples = _each("wsltune_defender_exclusions", counts, EXCLUSIONS)
    days = [datetime.date.fromisoformat(entry["valid_until"]) for entry in entries if entry.get("valid_until")]
    if days:
        end = datetime.datetime.combine(min(days) + datetime.timedelta(1), datetime.time(), datetime.timezone.utc)
        samples.append(sample("wsltune_defender_next_expiry_timestamp_seconds", end.timestamp()))
    return samples


def _each(name: str, counts: Mapping[str, Any], states: Sequence[str]) -> list[Sample]:
    """Return a value for every state, also 0: a series that goes away would look like one that was never known."""
    return [sample(name, counts.get(state, 0), state) for state in states]


def _describe_benchmark(summary: Mapping[str, Any]) -> list[Sample]:
    samples = []
    for scenario in summary.get("scenarios") or []:
        name = scenario["name"]
        for state in ("before", "after"):
            variant = scenario["variants"].get(state)
            if variant:
                samples += [
                    sample("wsltune_go_test_median_seconds", variant["median"], name, state),
                    sample("wsltune_go_test_p90_seconds", p90(variant["times"]), name, state),
                    sample("wsltune_benchmark_runs", variant["runs"], name, state),
                ]
        comparison = scenario["comparisons"].get("after")
        if comparison and comparison.get("comparable", True) and comparison.get("ratio"):
            # A ratio of the benchmark is after divided by before, so that its ends change places.
            samples.append(sample("wsltune_speedup_ratio", 1 / comparison["ratio"], name))
            for end, other in (("lower", "high"), ("upper", "low")):
                if comparison.get(other):
                    samples.append(sample(f"wsltune_speedup_ratio_{end}", 1 / comparison[other], name))
    return samples


def p90(times: Sequence[float]) -> float:
    """Return the 90th percentile by the nearest rank."""
    ordered = sorted(times)
    return ordered[math.ceil(0.9 * len(ordered)) - 1]


def describe_pull(state: str, record: Mapping[str, Any]) -> list[Sample]:
    """Return what the pull agent's C(record) says after a run that ended in C(state)."""
    samples = [sample("wsltune_pull_state", state == known, known) for known in PULL_STATES]
    for key in ("run", "success"):
        if record.get(f"last_{key}") is not None:
            samples.append(sample(f"wsltune_pull_last_{key}_timestamp_seconds", record[f"last_{key}"]))
    samples.append(sample("wsltune_pull_failures_in_a_row", record.get("failures", 0)))
    samples.append(sample("wsltune_pull_heals_total", record.get("heals", 0)))
    if record.get("drift") is not None:
        samples += _each("wsltune_drift_settings", record["drift"], DRIFT_STATES)
    return samples


def list_looked_at(values: Mapping[str, Any]) -> set[str]:
    """Return the metrics of what was looked at for C(values), also of what is not there any more.

    Exclusions that could not be read were not looked at, and a benchmark that measured nothing was none.
    """
    parts = {part for part in PARTS if values.get(part) is not None}
    for part, describe_part in (("benchmark", _describe_benchmark), ("defender", _describe_defender)):
        if part in parts and not describe_part(values[part]):
            parts.remove(part)
    return {name for part in parts for name in PARTS[part]}


def merge(earlier: Iterable[Sample], values: Mapping[str, Any]) -> list[Sample]:
    """Return what C(values) says, what C(earlier) has of what was not looked at, and the sum of both of a counter.

    A laptop measures once and runs often: the last measurement stays until there is a newer one.
    """
    earlier, new = list(earlier), describe(values)
    fresh = {point.name for point in new} | list_looked_at(values)
    counted = {(point.name, point.labels): point.value for point in earlier if METRICS[point.name].kind == "counter"}
    merged = [point for point in earlier if point.name not in fresh]
    for point in new:
        merged.append(point._replace(value=point.value + counted.get((point.name, point.labels), 0.0)))
    return merged


def render(samples: Iterable[Sample], instance: str = "") -> str:
    """Return the text of a file; C(instance) becomes a label where one collector reads the files of many machines.

    It has no time beside a value, because the textfile collector skips a whole file that has one.
    """
    by_name: dict[str, dict[tuple[str, ...], float]] = {}
    for point in samples:
        by_name.setdefault(point.name, {})[point.labels] = point.value
    lines = []
    for name, metric in METRICS.items():
        if name not in by_name:
            continue
        lines += [f"# HELP {name} {_escape(metric.help, quotes=False)}", f"# TYPE {name} {metric.kind}"]
        for labels, value in by_name[name].items():
            pairs = [("instance", instance)] if instance else []
            pairs += zip(metric.labels, labels)
            text = ",".join(f'{key}="{_escape(label)}"' for key, label in pairs)
            lines.append(f"{name}{{{text}}} {_number(value)}" if text else f"{name} {_number(value)}")
    return "".join(f"{line}\n" for line in lines)


def parse(text: str) -> list[Sample]:
    """Return what a file of ours says; lines that are none of ours, such as of a half-written file, are left out."""
    samples = []
    for line in text.splitlines():
        found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if not found or found[1] not in METRICS:
            continue
        pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[2] or ""))
        names = METRICS[found[1]].labels
        try:
            labels = tuple(_unescape(pairs[name]) for name in names)
            samples.append(Sample(found[1], labels, float(found[3])))
        except (KeyError, ValueError):
            continue
    return samples


def _escape(text: str, quotes: bool = True) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
