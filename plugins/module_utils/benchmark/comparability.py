# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which measurements may be compared: what of the machine, of Go and of a module is the same in both.

The filters pass an experiment as the JSON that go_benchmark returns and that is kept in files; experiment.py has it
typed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import stats
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import CONTROL, Experiment

# Differences in these are what a change is about; differences elsewhere mean that other things were measured.
LEVER_PLACES = ("gocache", "gotmpdir", "tmpdir")
# What a person may change between two measurements, and where a fingerprint has it.
ON_PURPOSE = {"processors": "cpus", "memory": "memory_bytes", "kernel": "kernel", "drives": "file_systems"}


def compare_fingerprints(a: dict[str, Any], b: dict[str, Any], ignore: Sequence[str] = ()) -> list[str]:
    """List what differs between the machines or moments of two measurements, as sentences; those are not compared.

    Values that one side does not know say nothing.
    """
    sentences = []
    for key, name in (
        ("kernel", "kernel"),
        ("machine", "architecture"),
        ("cpu_model", "processor"),
        ("cpus", "number of processors"),
        ("go", "Go version"),
        ("module", "module"),
        ("gomaxprocs", "GOMAXPROCS"),
        ("power", "power source"),
    ):
        if key in ignore or a.get(key) is None or b.get(key) is None or a[key] == b[key]:
            continue
        sentences.append(f"{name}: {a[key]} and {b[key]}")
    memory = [side.get("memory_bytes") for side in (a, b)]
    # What the kernel keeps for itself varies a little from start to start.
    if "memory_bytes" not in ignore and memory[0] and memory[1] and abs(memory[0] / memory[1] - 1) > 0.02:
        sentences.append(f"memory: {_write_mib(memory[0])} and {_write_mib(memory[1])}")
    places = [side.get("file_systems") or {} for side in (a, b)]
    for place in sorted(set(places[0]) & set(places[1])):
        if place in ignore or places[0][place] is None or places[1][place] is None:
            continue
        if places[0][place] != places[1][place]:
            sentences.append(f"file system of {place}: {places[0][place]} and {places[1][place]}")
    return sentences


def list_incomparable(experiment: Experiment) -> dict[str, list[str]]:
    """List for each variant what makes it another machine than the baseline's, between or during the runs."""
    names, prints, sequential = experiment.names, experiment.fingerprints, experiment.is_sequential
    meant = _list_meant(experiment.variants)
    start, end = prints.get("start") or {}, prints.get("end") or {}
    when = "before and after" if sequential else "at the start and at the end"
    changed = [f"{difference} ({when})" for difference in compare_fingerprints(start, end)]
    variants = prints.get("variants") or {}
    base = variants.get(names[0]) or {}
    # A variant may set GOMAXPROCS to try it; between two measurements it is the machine's.
    ignored = LEVER_PLACES if sequential else (*LEVER_PLACES, "gomaxprocs")
    return {
        name: changed + compare_fingerprints(base, variants.get(name) or {}, ignore=(*ignored, *meant[name]))
        for name in names[1:]
    }


def _list_meant(variants: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return for each variant what of its fingerprint differs from the first one's because the variant is about it."""

    def toolchain(variant: Mapping[str, Any]) -> tuple[Any, bool]:
        return (variant.get("environment") or {}).get("GOTOOLCHAIN"), "GOTOOLCHAIN" in (variant.get("unset") or ())

    return {
        variant["name"]: [
            *(["source"] if variant.get("directory") else []),
            *(["go", "goroot"] if toolchain(variant) != toolchain(variants[0]) else []),
        ]
        for variant in variants
    }


def join_in_sequence(
    first: dict[str, Any], second: dict[str, Any], changed_on_purpose: Sequence[str] = ()
) -> dict[str, Any]:
    """Merge two experiments of one variant each into one of before and after, for changes that stay between rounds.

    The scenarios that both measured are compared; the first experiment's control stays the control. What was changed
    on purpose (names of ON_PURPOSE) makes no other machine of it and is named.
    """
    unknown = [name for name in changed_on_purpose if name not in ON_PURPOSE]
    if unknown:
        raise ValueError(f"changed_on_purpose has {', '.join(unknown)}: give names of {', '.join(ON_PURPOSE)}.")
    names = [experiment["variants"][0]["name"] for experiment in (first, second)]
    later = {scenario["name"]: scenario for scenario in second["scenarios"]}
    scenarios = []
    for scenario in first["scenarios"]:
        other = later.get(scenario["name"])
        if other is None:
            continue
        runs = [dict(run, variant="before") for run in scenario["runs"] if run["variant"] == names[0]]
        runs += [run for run in scenario["runs"] if run["variant"] == CONTROL]
        runs += [dict(run, variant="after") for run in other["runs"] if run["variant"] == names[1]]
        failed = next((this for this in (scenario, other) if this["status"] != "measured"), None)
        scenarios.append(
            {
                "name": scenario["name"],
                "command": scenario.get("command", ""),
                "status": failed["status"] if failed else "measured",
                "reason": failed["reason"] if failed else "",
                "stopped": other.get("stopped", ""),
                "alpha": stats.StoppingRule(comparisons=len(first["scenarios"])).level(0, last=True),
                "runs": runs,
            }
        )
    prints = [experiment["fingerprints"] for experiment in (first, second)]
    before, after = (each["variants"][name] for each, name in zip(prints, names))
    meant = [ON_PURPOSE[name] for name in changed_on_purpose]
    return {
        **second,
        "variants": [
            dict(experiment["variants"][0], name=name) for experiment, name in ((first, "before"), (second, "after"))
        ],
        "scenarios": scenarios,
        "load": max(experiment.get("load") or 0.0 for experiment in (first, second)),
        "fingerprints": {
            "start": prints[0]["start"],
            "end": {key: value for key, value in prints[1]["end"].items() if key not in meant},
            "variants": {
                "before": before,
                "after": {key: value for key, value in after.items() if key not in meant},
            },
        },
        "evidence": "sequential",
        "on_purpose": [
            sentence
            for name in changed_on_purpose
            for sentence in _describe_on_purpose(name, {**before, **prints[0]["start"]}, {**after, **prints[1]["end"]})
        ],
    }


def _describe_on_purpose(name: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Say what became of a change that was meant; nothing where one side is not known."""
    key = ON_PURPOSE[name]
    differences = compare_fingerprints({key: before.get(key)}, {key: after.get(key)})
    if differences or before.get(key) is None or after.get(key) is None:
        return [f"{difference}, as intended" for difference in differences]
    return [f"{name} meant to be changed, but the same in both measurements: is the change in force?"]


def _write_mib(value: float) -> str:
    return f"{value / 2**20:.0f} MiB"
