# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the runs of a benchmark add up to: the ratios, how sure they are, and the verdict.

The filters pass an experiment as the JSON that go_benchmark returns and that is kept in files; experiment.py has it
typed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import comparability, stats
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import CONTROL, Experiment, Scenario

COMPARED = ("ratio", "low", "high", "p", "alpha", "verdict")
# Load per processor before the first run above which noise is no surprise.
BUSY = 0.75
WAS_BUSY = "the machine was busy before"
"""How the warning about it begins."""
SEQUENTIAL = (
    "measured one after the other, which is weaker evidence than interleaved runs: what else changed meanwhile counts"
)
# Where the control differs, how many times its difference every value of the interval has to be away from 1.
UNSTEADY = 2.0


def summarise(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the raw runs of an experiment say: per scenario and overall, in plain values fit for JSON."""
    return summarise_runs(Experiment.from_json(experiment))


def summarise_runs(experiment: Experiment) -> dict[str, Any]:
    """Return the same of an experiment that is typed already."""
    names, sequential = experiment.names, experiment.is_sequential
    different = comparability.list_incomparable(experiment)
    scenarios = [_summarise_scenario(scenario, names, different) for scenario in experiment.scenarios]
    overall = {name: _judge_overall(scenarios, name) for name in names[1:]}
    for name in names[1:]:
        together = _compare_together(experiment.scenarios, scenarios, names[0], name)
        if together:
            overall[name]["together"] = together
    first = overall[names[1]] if len(names) > 1 else {"verdict": "unknown", "geomean": None, "mixed": False}
    warnings = [f"not compared: {sentence}" for sentence in dict.fromkeys(sum(different.values(), []))]
    warnings += experiment.on_purpose
    if sequential:
        warnings.append(SEQUENTIAL)
    load = describe_load(experiment)
    # Interleaved runs share the load of others; of two measurements one after the other it may hit one alone.
    if load and (sequential or first["verdict"] in (stats.NO_DIFFERENCE, "unknown")):
        warnings.append(f"{WAS_BUSY} ({load}): repeat it when idle")
    return {
        "variants": names,
        "scenarios": scenarios,
        "overall": overall,
        "verdict": first["verdict"],
        "mixed": first["mixed"],
        "geomean": first["geomean"],
        "warnings": warnings,
        "seed": experiment.seed,
        "elapsed": experiment.elapsed,
    }


def describe_load(experiment: Experiment) -> str:
    """Return the load before the first run where noise is no surprise with it, else nothing."""
    cpus = (experiment.fingerprints.get("start") or {}).get("cpus") or 0
    if not cpus or experiment.load <= BUSY * cpus:
        return ""
    return f"load {experiment.load:.1f} on {cpus} processor{'' if cpus == 1 else 's'}"


def list_comparisons(experiment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return how each scenario compares with the baseline, those alone that can be compared: one row for each."""
    summary = summarise(experiment)
    return [
        {"scenario": scenario["name"], "variant": variant, **{key: comparison[key] for key in COMPARED}}
        for scenario in summary["scenarios"]
        for variant, comparison in scenario["comparisons"].items()
        if comparison["comparable"] and comparison["verdict"] not in ("unknown", stats.TOO_FEW)
    ]


def _summarise_scenario(scenario: Scenario, names: Sequence[str], different: dict[str, list[str]]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "name": scenario.name,
        "command": scenario.command,
        "status": scenario.status,
        "reason": scenario.reason,
        "stopped": scenario.stopped,
        "variants": {},
        "comparisons": {},
        "control": None,
        "warnings": list(scenario.notes),
        **{key: getattr(scenario, key) for key in ("dropped", "failures", "enough") if getattr(scenario, key)},
    }
    walls = scenario.times()
    for name in [*names, CONTROL]:
        if walls.get(name):
            result["variants"][name] = _summarise_variant(scenario, name)
    ran = [name for name in names if walls.get(name) or name not in {**scenario.dropped, **scenario.failures}]
    if scenario.status != "measured" or not all(walls.get(name) for name in ran):
        return result

    alpha = scenario.alpha or 0.05
    base = walls[names[0]]
    # The logarithm of what a comparison has to go beyond, because two equal things already differ by half of it.
    unsteady = 0.0
    if walls.get(CONTROL):
        control = stats.compare(base, walls[CONTROL], alpha)
        result["control"] = _convert(control)
        if control.verdict in (stats.FASTER, stats.SLOWER):
            unsteady = UNSTEADY * abs(math.log(control.ratio)) if control.ratio > 0 else math.inf
    for name in ran[1:]:
        if scenario.levels:
            pair = scenario.reference([names[0], CONTROL], name), scenario.reference([name], name)
            comparison = stats.compare(*pair, scenario.levels.get(name, alpha))
        else:
            comparison = stats.compare(base, walls[name], alpha)
        plain = _convert(comparison)
        plain["comparable"] = not different.get(name)
        if not plain["comparable"] or not _is_beyond(comparison, unsteady):
            plain["verdict"] = "unknown"
        result["comparisons"][name] = plain
    if unsteady:
        unknown = any(plain["verdict"] == "unknown" for plain in result["comparisons"].values())
        end = "the machine was too unsteady" if unknown else "the differences found are far beyond that"
        result["warnings"].append(
            f"the same thing measured twice differs by {write_percent(result['control']['ratio'])}: {end}"
        )
    # Who left after a few rounds was not to have more.
    result["warnings"] += _list_warnings(
        [*names, CONTROL], {key: walls[key] for key in walls if key not in scenario.dropped}
    )
    return result


def _is_beyond(comparison: stats.Comparison, unsteady: float) -> bool:
    """Return whether the whole interval of a comparison lies beyond what an unsteady machine makes of equal things."""
    if not unsteady:
        return True
    low, high = comparison.interval
    return high < math.exp(-unsteady) or low > math.exp(unsteady)


def _list_warnings(names: Sequence[str], walls: dict[str, list[float]]) -> list[str]:
    warnings = []
    fewest = min(len(values) for values in walls.values())
    if fewest < stats.MIN_RUNS:
        warnings.append(f"only {fewest} rounds: {stats.MIN_RUNS} are needed for a verdict; allow more minutes")
    counts: dict[str, int] = {}
    for name in names:
        values = walls.get(name, [])
        far = stats.find_outliers(values)
        if 0 in far and values[0] > stats.median(values):
            warnings.append(f"the first run of {name} was slow: warm up longer")
            far.remove(0)
        if far:
            counts[name] = len(far)
    if counts:
        runs = "1 run lies" if sum(counts.values()) == 1 else "runs lie"
        shown = f" of {next(iter(counts))}" if sum(counts.values()) == 1 else f" ({_join_counts(counts)})"
        warnings.append(f"{runs} far from the others{shown}: something else used the machine")
    return warnings


def _join_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} of {name}" for name, number in counts.items())


def _summarise_variant(scenario: Scenario, name: str) -> dict[str, Any]:
    measured = {key: scenario.times(key)[name] for key in ("wall", "user", "system", "max_rss", "blocks_written")}
    center = stats.median_interval(measured["wall"])
    return {
        "runs": len(measured["wall"]),
        "median": center.center,
        "low": _drop_infinite(center.low),
        "high": _drop_infinite(center.high),
        "confidence": center.confidence,
        "user": stats.median(measured["user"]),
        "system": stats.median(measured["system"]),
        "max_rss": stats.median(measured["max_rss"]),
        "bytes_written": stats.median(measured["blocks_written"]) * 512,
        "times": measured["wall"],
    }


def _judge_overall(scenarios: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    compared = [scenario["comparisons"][name] for scenario in scenarios if name in scenario["comparisons"]]
    known = [comparison for comparison in compared if comparison["verdict"] not in ("unknown", stats.TOO_FEW)]
    verdicts = {comparison["verdict"] for comparison in known}
    mixed = {stats.FASTER, stats.SLOWER} <= verdicts
    if not known:
        verdict = "unknown"
    elif mixed:
        verdict = stats.NO_DIFFERENCE
    else:
        verdict = next((end for end in (stats.FASTER, stats.SLOWER) if end in verdicts), "~")
    ratios = [comparison["ratio"] for comparison in known if comparison["ratio"]]
    return {"verdict": verdict, "mixed": mixed, "geomean": stats.geomean(ratios) if ratios else None}


def _compare_together(
    measured: Sequence[Scenario], scenarios: Sequence[dict[str, Any]], first: str, name: str
) -> dict[str, Any] | None:
    """Return what all scenarios together say about a candidate that was screened; None where there is but one."""
    compared = [
        scenario for scenario, plain in zip(measured, scenarios) if scenario.levels and name in plain["comparisons"]
    ]
    if len(compared) < 2:
        return None
    strata = [(scenario.reference([first, CONTROL], name), scenario.reference([name], name)) for scenario in compared]
    plain = _convert(
        stats.compare_strata(strata, min(scenario.levels.get(name, scenario.alpha or 0.05) for scenario in compared))
    )
    if any(
        scenario["comparisons"][name]["verdict"] == "unknown"
        for scenario in scenarios
        if name in scenario["comparisons"]
    ):
        plain["verdict"] = "unknown"
    return plain


def _convert(comparison: stats.Comparison) -> dict[str, Any]:
    return {
        "ratio": _drop_infinite(comparison.ratio),
        "low": comparison.interval[0],
        "high": _drop_infinite(comparison.interval[1]),
        "p": comparison.p,
        "alpha": comparison.alpha,
        "verdict": comparison.verdict,
        "n_before": comparison.n_before,
        "n_after": comparison.n_after,
        "warnings": list(comparison.warnings),
    }


def _drop_infinite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def write_percent(ratio: float | None, digits: int = 1) -> str:
    """Write a ratio as a change: 0.9 is -10.0 %."""
    if ratio is None:
        return "?"
    text = f"{(ratio - 1) * 100:+.{digits}f}"
    return ("0" + text[2:] if float(text) == 0 else text) + " %"
