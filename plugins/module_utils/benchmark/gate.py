# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a module got slower: against a revision measured in the same run, or against the file of an earlier run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import comparability, report, stats, summaries
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import CONTROL, Experiment

FINE, SLOWER, UNKNOWN, NOTHING = "fine", "slower", "unknown", "nothing"
NOW, BEFORE = "now", "before"
# A run that cannot exclude this much more time does not say that nothing got slower.
SEEN = 0.10
# How far beyond chance two runs at different times must differ, because the machine itself is another from time to
# time. benchmarks/gate.py has what this makes of false alarms and of what is caught.
DRIFT = 0.04
# The most that a file may hold; one of bench has some 20 KiB.
MOST = 16 << 20


class GateError(ValueError):
    """Why an earlier file cannot be compared with, in one sentence."""


def read_results(text: str, name: str) -> dict[str, Any]:
    """Return the experiment of one variant, C(now), that a results.json holds."""
    try:
        if len(text) > MOST:
            raise ValueError(f"it has more than {MOST >> 20} MiB")
        data = json.loads(text)
        kept, results = data["wsltune"], data["results"]
        if kept["format"] != 1:
            raise GateError(f"{name} was written by another version of wsltune (format {kept['format']})")
        if NOW not in [variant["name"] for variant in kept["variants"]]:
            raise GateError(f"{name} is no measurement of ./onboard.sh bench, but of a run that compared settings")
        alone = len(kept["variants"]) == 1
        experiment = dict(kept, variants=[{"name": NOW}])
        prints = kept["fingerprints"]
        experiment["fingerprints"] = {**prints, "variants": {NOW: prints["variants"][NOW]}}
        for scenario in experiment["scenarios"]:
            scenario["runs"] = [
                run
                for result in results
                if result["parameters"]["scenario"] == scenario["name"]
                # Where a revision was compared, the control is that revision's.
                and result["parameters"]["variant"] in (NOW, *([CONTROL] if alone else ()))
                for run in _list_runs(result)
            ]
        if not any(scenario["runs"] for scenario in experiment["scenarios"]):
            raise GateError(f"{name} holds no measured runs")
        json.dumps(summaries.summarise(experiment))
    except GateError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise GateError(f"{name} is no results.json of ./onboard.sh bench ({type(error).__name__}: {error})") from None
    return experiment


def _list_runs(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    inner = result["wsltune"]
    columns = {
        "wall": result["times"],
        "user": inner["user"],
        "system": inner["system"],
        "max_rss": result["memory_usage_byte"],
        "blocks_written": inner["blocks_written"],
        "benchmarks": inner.get("benchmarks") or [None] * len(result["times"]),
    }
    if any(not math.isfinite(value) or value <= 0 for value in columns["wall"]):
        raise ValueError("a time is not above zero")
    return [
        {"round": number, "variant": result["parameters"]["variant"], "exit_code": 0, **dict(zip(columns, values))}
        for number, values in enumerate(zip(*columns.values(), strict=True), 1)
    ]


def compare_in_sequence(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary of two experiments of C(now), one after the other, with DRIFT allowed between them.

    The control is the same thing again, so its runs count, too, where both agree with it.
    """
    both = comparability.join_in_sequence(dict(earlier), dict(now))
    prints = both["fingerprints"]
    # Unlike a lever, a module moves no place: another file system under one is another machine.
    for moment, variant in (("start", "before"), ("end", "after")):
        places = prints["variants"][variant].get("file_systems")
        prints[moment] = {**prints[moment], **({"file_systems": places} if places else {})}
    of = [{scenario["name"]: scenario for scenario in experiment["scenarios"]} for experiment in (earlier, now)]
    for scenario in both["scenarios"]:
        pair = [scenarios[scenario["name"]] for scenarios in of]
        scenario["runs"] = [
            dict(run, variant=name)
            for side, name in zip(pair, (BEFORE, "after"))
            for run in side["runs"]
            if run["round"] > 0
        ]
        commands = [side.get("command", "") for side in pair]
        if scenario["status"] == "measured" and commands[0] != commands[1]:
            scenario["status"], scenario["reason"] = "skipped", f"it was {commands[0]!r} and is {commands[1]!r}"
    summary = summaries.summarise(both)
    unsteady = {
        scenario["name"]
        for experiment in (earlier, now)
        for scenario in summaries.summarise(experiment)["scenarios"]
        if scenario["control"] and scenario["control"]["verdict"] in (stats.FASTER, stats.SLOWER)
    }
    for scenario in summary["scenarios"]:
        for comparison in scenario["comparisons"].values():
            if scenario["name"] in unsteady:
                comparison["verdict"] = "unknown"
            elif comparison["verdict"] in (stats.FASTER, stats.SLOWER) and not (
                comparison["low"] > 1 + DRIFT or (comparison["high"] or math.inf) < 1 - DRIFT
            ):
                comparison["verdict"] = stats.NO_DIFFERENCE
    return summary


def decide(summary: Mapping[str, Any], wanted: Sequence[str] = ()) -> tuple[str, str]:
    """Return the verdict about the second variant of a summary and the sentence that gives the reason.

    Slower in one scenario is slower; otherwise every scenario that is C(wanted) must exclude SEEN.
    """
    after = summary["variants"][1]
    words: dict[str, list[str]] = {SLOWER: [], FINE: [], stats.FASTER: []}
    doubts, limit = [], 0.0
    for scenario in summary["scenarios"]:
        comparison = scenario["comparisons"].get(after)
        name = report.choose_plain_name(scenario)
        if comparison is None or scenario["reason"]:
            doubts.append(f"{name} cannot be compared, because {scenario['reason'] or 'there are no runs'}")
        elif not comparison.get("comparable", True):
            refusals = [str(warning) for warning in summary["warnings"] if str(warning).startswith("not compared: ")]
            doubts.append(f"{name} cannot be compared, because {(refusals or ['the machine differs'])[0][14:]}")
        elif comparison["verdict"] in (stats.FASTER, stats.SLOWER):
            kind = SLOWER if comparison["verdict"] == stats.SLOWER else stats.FASTER
            words[kind].append(
                f"{name} take {report.write_amount(comparison['ratio'])} time ({report.write_interval(comparison)})"
            )
        elif comparison["verdict"] == "unknown":
            doubts.append(f"the same thing measured twice differs for {name}")
        elif comparison["verdict"] == stats.TOO_FEW:
            doubts.append(f"{name} have fewer than {stats.MIN_RUNS} runs")
        elif (comparison["high"] or math.inf) >= 1 + SEEN:
            more = "any" if comparison["high"] is None else f"{100 * (comparison['high'] - 1):.0f} %"
            doubts.append(f"the runs vary so much that {name} may take {more} more time: allow more minutes")
        else:
            limit = max(limit, comparison["high"] - 1)
            words[FINE].append(name)
    missing = [name for name in wanted if name not in [scenario["name"] for scenario in summary["scenarios"]]]
    doubts += [f"the earlier file has no {name}" for name in missing]
    if words[SLOWER]:
        return SLOWER, f"It got slower: {report.join(words[SLOWER])}."
    if doubts:
        return UNKNOWN, f"Cannot say whether it got slower: {doubts[0].rstrip('.')}."
    faster = f"faster: {report.join(words[stats.FASTER])}" if words[stats.FASTER] else ""
    same = f"{report.join(words[FINE])}, {100 * max(limit, 0.0):.1f} % more time at most" if words[FINE] else ""
    return FINE, f"It did not get slower: {'; '.join(filter(None, (faster, same)))}."


SEQUENTIAL = (
    f"The two were measured at different times, so only more than {100 * DRIFT:.0f} % beyond chance counts. "
    "--against with a Git revision measures both in one run, which needs no such allowance."
)


def judge(
    experiment: Mapping[str, Any] | None,
    name: str,
    against: str = "",
    earlier: str | None = None,
    why_not: str = "",
    results: str = "",
) -> dict[str, str]:
    """Return C(verdict), C(reason) (one sentence) and C(text) for a terminal about what was measured.

    C(earlier) is the text of the file C(against), None where there is none; it is not looked at where the experiment
    itself compares a revision. C(results) is the file that the runs are kept in, which stays where nothing is measured:
    it may be the one to compare with the next time.
    """
    head = f"Go module on {name}" + (f" against {against}" if against else "")
    answer = _judge(experiment or {}, head, against, earlier, why_not)
    kept = answer["verdict"] != NOTHING
    return {**answer, "text": answer["text"] + (f"\n\nResults: {results}" if kept and results else "")}


def _judge(experiment: Mapping[str, Any], head: str, against: str, earlier: str | None, why_not: str) -> dict[str, str]:
    if not experiment:
        return _make_answer(
            NOTHING, f"Nothing could be measured: {why_not.rstrip('.') or 'no reason was given'}.", head
        )
    measured = [scenario["name"] for scenario in experiment["scenarios"] if scenario["status"] == "measured"]
    summary = summaries.summarise(experiment)
    if not measured:
        reason = next(
            (scenario["reason"] for scenario in experiment["scenarios"] if scenario["reason"]), "no scenario ran"
        )
        return _make_answer(NOTHING, f"Nothing could be measured: {reason.rstrip('.')}.", head)
    times = _write_duration(experiment)
    notes = report.list_left_out_of([experiment])
    if len(experiment["variants"]) == 1 and not against:
        return _make_answer(FINE, times, head, [f"Note: {note}." for note in notes])
    lines, load = [], ""
    if len(experiment["variants"]) == 1:
        try:
            if earlier is None:
                raise GateError(f"there is no {against} yet")
            before = read_results(earlier, against)
            summary = compare_in_sequence(before, experiment)
            load = summaries.describe_load(Experiment.from_json(before))
        except (GateError, KeyError, TypeError) as error:
            return _make_answer(UNKNOWN, f"Cannot say whether it got slower: {error}.", head, [times])
        lines = [SEQUENTIAL]
    verdict, reason = decide(summary, measured if lines else ())
    busy = next((str(warning) for warning in summary["warnings"] if str(warning).startswith(summaries.WAS_BUSY)), "")
    if lines and busy and verdict == SLOWER:
        # Of two runs at different times, what else ran hits one alone.
        verdict, reason = UNKNOWN, f"Cannot say whether it got slower: {busy}."
    if load and verdict == FINE:
        # What made that run slow hides what makes this one slow.
        why = f"{summaries.WAS_BUSY} {against} was measured ({load}): measure that anew when idle"
        verdict, reason = UNKNOWN, f"Cannot say whether it got slower: {why}."
    rows = report.write_table(summary)
    lines += [f"Note: {note}." for note in notes]
    return _make_answer(verdict, reason, head, [*rows, *([""] if rows else []), *report.write_spread(summary), *lines])


def _write_duration(experiment: Mapping[str, Any]) -> str:
    """Return what Go takes, and what could not be measured."""
    summary = summaries.summarise(experiment)
    name = summary["variants"][-1]
    parts = [
        f"{report.write_seconds(scenario['variants'][name]['median'])} for {report.choose_plain_name(scenario)}"
        f" ({scenario['variants'][name]['runs']} runs)"
        for scenario in summary["scenarios"]
        if scenario["status"] == "measured" and name in scenario["variants"]
    ]
    left = [
        f"{report.choose_plain_name(scenario)}: {scenario['reason']}"
        for scenario in summary["scenarios"]
        if scenario["reason"]
    ]
    return f"Go takes {report.join(parts)}." + (f" Not measured: {'; '.join(left)}." if left else "")


def _make_answer(verdict: str, reason: str, head: str, lines: Sequence[str] = ()) -> dict[str, str]:
    text = [head, *report.wrap(reason), *([""] if lines else [])]
    for line in lines:
        text += [line] if not line or line != line.strip() or len(line) <= report.WIDTH else report.wrap(line)
    return {"verdict": verdict, "reason": reason, "text": "\n".join(text)}
