# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Benchmarks of Go as data: the order of the runs, what they add up to, and what may be compared.

Nothing here starts a program; bench.py does. The filters pass an experiment as the JSON that go_benchmark returns and
that is kept in files; experiment.py has it typed.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import stats, suite
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import Experiment, Run, Scenario

CONTROL = "control"
# Differences in these are what a change is about; differences elsewhere mean that other things were measured.
LEVER_PLACES = ("gocache", "gotmpdir", "tmpdir")
# What a person may change between two measurements, and where a fingerprint has it.
ON_PURPOSE = {"processors": "cpus", "memory": "memory_bytes", "kernel": "kernel"}
# How far a series may run over its budget to reach the runs that a verdict needs.
OVERRUN = 0.25
GUESS = 0.5
# Load per processor before the first run above which noise is no surprise.
BUSY = 0.75

Execute = Callable[[str, str, int], "dict[str, Any]"]
Progress = Callable[["dict[str, Any]"], None]
Recover = Callable[[str, str, Run], str]
"""Says what is left out from now on, so that a scenario can start again; nothing where the failure is the variant's."""


class Clock:
    """How the measuring sees time; a test gives it another."""

    def __init__(self, now: Callable[[], float], start: float, budget: float) -> None:
        self.now = now
        self.budget = budget
        self.deadline = start + budget

    def prepared(self, needed: float) -> None:
        """Give the rounds that a verdict needs up to half of the budget, where compiling first took the time away."""
        self.deadline = max(self.deadline, self.now() + min(needed, self.budget / 2))

    def left(self) -> float:
        return self.deadline - self.now()


def measure(
    scenarios: Sequence[Scenario],
    names: Sequence[str],
    execute: Execute,
    clock: Clock,
    seed: int,
    min_runs: int = stats.MIN_RUNS,
    max_runs: int = 30,
    warmup: int = 1,
    progress: Progress | None = None,
    recover: Recover | None = None,
) -> list[Scenario]:
    """Warm up, then run every variant once per round in random order until there is a verdict or no time.

    The first of `names` is the baseline. It runs a second time in each round under the name `control`, so that
    what the machine itself makes of two equal things is seen. A scenario with a C(reason) is not run. The same are
    returned with their runs and what came of them. Where a run fails and C(recover) says what is left out from now on,
    its scenario starts again.
    """
    copies = [dataclasses.replace(scenario) for scenario in scenarios]
    every = [_Series(scenario, names, execute, clock, min_runs, max_runs, recover) for scenario in copies]
    active = [series for series in every if not series.scenario.reason]
    rule = stats.StoppingRule(comparisons=max(1, len(active)) * (len(names) - 1))
    rng = random.Random(seed)
    tell = _teller(progress, clock, every)

    known = 0.0
    for series in list(active):
        # No scenario is quicker than half of the one before it, as far as is known.
        needed = sum(min_runs * other.cost for other in active if not other.over) + min_runs * known * GUESS
        if known and clock.left() < needed:
            series.skip(f"there is no time for it beside the scenarios before it: {_advice(clock, needed)}")
            continue
        series.warm_up(warmup, tell)
        _drop_what_cannot_fit([series], clock, min_runs)
        known = known if series.over else series.cost
    active = [series for series in active if not series.over]
    clock.prepared(1.2 * sum(min_runs * series.cost for series in active))

    while active:
        for series in list(active):
            if series not in active:
                continue
            _drop_what_cannot_fit(active, clock, min_runs)
            if series.over:
                continue
            if series.fits(clock.left()):
                series.round(rng, tell)
                series.look(rule)
            else:
                series.finish("budget", rule)
        active = [series for series in active if not series.over]
    return [series.scenario for series in every]


def _drop_what_cannot_fit(active: list[_Series], clock: Clock, min_runs: int) -> None:
    """Rather one scenario with a verdict than two without: what is too long alone goes first, then the last."""
    room = clock.left() + clock.budget * OVERRUN
    while active:
        # One warm-up run is a poor guess; it must be twice too long before it is believed.
        missing = [
            max(0, min_runs - series.rounds) * series.cost * (1 if series.rounds else GUESS) for series in active
        ]
        if sum(missing) <= room:
            return
        too_long = [series for series, seconds in zip(active, missing) if seconds > room]
        series = (too_long or active)[-1]
        active.remove(series)
        needed = sum(min_runs * other.cost for other in [*active, series])
        beside = "" if series in too_long else " beside the other scenarios"
        series.skip(
            f"{min_runs} rounds of {_seconds(series.cost)} each do not fit into {clock.budget / 60:.3g} "
            f"minutes{beside}: {_advice(clock, needed)}"
        )


def _advice(clock: Clock, needed: float) -> str:
    """Return the setting with which there is time for C(needed) seconds of rounds."""
    minutes = max(math.ceil((needed + clock.budget / 2) / 60), 1 + math.floor(clock.budget / 60))
    return f"run it again with -e verify_budget_minutes={minutes}"


class _Series:
    """The runs of one scenario while they are made."""

    def __init__(
        self,
        scenario: Scenario,
        names: Sequence[str],
        execute: Execute,
        clock: Clock,
        min_runs: int,
        max_runs: int,
        recover: Recover | None = None,
    ) -> None:
        self.scenario = scenario
        self.name = scenario.name
        self.names = list(names)
        self.execute = execute
        self.recover = recover
        self.clock = clock
        self.min_runs = min_runs
        self.max_runs = max(min_runs, max_runs)
        self.rounds = 0
        self.cost = 0.0
        self.spent = 0.0
        self.serial = 0
        self.runs = scenario.runs = list(scenario.runs)
        if scenario.reason:
            scenario.status = "skipped"

    @property
    def over(self) -> bool:
        return self.scenario.status != "running"

    def skip(self, reason: str) -> None:
        self.scenario.status, self.scenario.reason = "skipped", reason

    def warm_up(self, times: int, tell: Callable[[_Series, str], None]) -> None:
        # An empty cache has nothing to warm; one run says what a round will cost.
        rounds = [self.names[:1]] if self.name == "cold" else [[*self.names, CONTROL]] * times
        for variants in rounds:
            for variant in variants:
                while not self._run(variant, 0) and not self.over:
                    pass
                if self.over:
                    return
                # The others may have been compiling; the last one finds all of it done.
                self.cost = self.runs[-1].wall * (len(self.names) + 1)
                tell(self, "warm-up")

    def round(self, rng: random.Random, tell: Callable[[_Series, str], None]) -> None:
        self.rounds += 1
        before = self.clock.now()
        for variant in rng.sample([*self.names, CONTROL], len(self.names) + 1):
            ran = self._run(variant, self.rounds)
            tell(self, "measure")
            if not ran:
                return
        self.spent += self.clock.now() - before
        self.cost = self.spent / self.rounds

    def _run(self, variant: str, number: int) -> bool:
        """Run a variant once; return whether it passed. Where it did not, the scenario starts again or is over."""
        self.serial += 1
        run = Run(number, variant, **self.execute(self.name, variant, self.serial))
        if run.exit_code == 0:
            self.runs.append(run)
            return True
        note = self.recover(self.name, variant, run) if self.recover else ""
        if note:
            # What ran before was another workload.
            self.runs[:] = []
            self.rounds, self.spent = 0, 0.0
            self.scenario.notes.append(note)
        else:
            self.runs.append(run)
            self.scenario.status, self.scenario.reason = "failed", failure_sentence(run)
        return False

    def fits(self, left: float) -> bool:
        if self.rounds < self.min_runs:
            return left + self.clock.budget * OVERRUN >= self.cost
        return left >= self.cost

    def look(self, rule: stats.StoppingRule) -> None:
        if self.over:
            return
        if self.rounds >= self.max_runs:
            self.finish("max_runs", rule)
            return
        level = rule.level(self.rounds)
        if level is None or self.rounds < self.min_runs:
            return
        times = self.scenario.times()
        first = self.names[0]
        comparisons = [stats.compare(times[first], times[name], level) for name in self.names[1:]]
        if comparisons and all(rule.decided(one) for one in comparisons):
            self._end("clear", level)

    def finish(self, why: str, rule: stats.StoppingRule) -> None:
        if not self.rounds:
            self.skip("there was no time left for it")
            return
        self._end(why, rule.level(self.rounds, last=True))

    def _end(self, why: str, alpha: float | None) -> None:
        self.scenario.status, self.scenario.stopped, self.scenario.alpha = "measured", why, alpha


def _teller(progress: Progress | None, clock: Clock, every: list[_Series]) -> Callable[[_Series, str], None]:
    def tell(series: _Series, phase: str) -> None:
        if progress is None:
            return
        cost = sum(other.cost for other in every if not other.over)
        left = max(0.0, clock.left())
        possible = series.rounds + int(left / cost) if cost > 0 else series.max_runs
        progress(
            {
                "step": "benchmark",
                "phase": phase,
                "scenario": series.name,
                "round": series.rounds,
                "rounds": max(series.rounds, min(series.max_runs, max(series.min_runs, possible))),
                "runs": sum(len(other.runs) for other in every),
                "seconds_left": round(left, 1),
            }
        )

    return tell


def failure_sentence(run: Run) -> str:
    """Return why a scenario is not compared: the run that failed, and its last word."""
    how = f"was stopped after {_seconds(run.wall)}" if run.timed_out else f"exited with {run.exit_code}"
    when = f"in round {run.round}" if run.round else "while warming up"
    lines = [line.strip() for line in (run.output_tail or "").splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("ok ", "ok\t", "FAIL", "?", "exit status", "#"))]
    told = suite.telling_line(run.output_tail or "")
    failed = [line for line in lines if line.startswith("--- FAIL")]
    word = told if ": " in told else (failed or telling or lines or [""])[0]
    return f"go test of variant {run.variant} {how} {when}" + (f": {word[:200]}" if word else "")


def fingerprint_differences(a: dict[str, Any], b: dict[str, Any], ignore: Sequence[str] = ()) -> list[str]:
    """What differs between the machines or moments of two measurements, as sentences; those are not compared.

    Values that one side does not know say nothing.
    """
    sentences = []
    for key, name in (
        ("kernel", "kernel"),
        ("machine", "architecture"),
        ("cpu_model", "processor"),
        ("cpus", "number of processors"),
        ("go", "Go version"),
        ("gomaxprocs", "GOMAXPROCS"),
        ("power", "power source"),
    ):
        if key in ignore or a.get(key) is None or b.get(key) is None or a[key] == b[key]:
            continue
        sentences.append(f"{name}: {a[key]} and {b[key]}")
    memory = [one.get("memory_bytes") for one in (a, b)]
    # What the kernel keeps for itself varies a little from start to start.
    if "memory_bytes" not in ignore and memory[0] and memory[1] and abs(memory[0] / memory[1] - 1) > 0.02:
        sentences.append(f"memory: {_mib(memory[0])} and {_mib(memory[1])}")
    places = [one.get("file_systems") or {} for one in (a, b)]
    for place in sorted(set(places[0]) & set(places[1])):
        if place in ignore or places[0][place] is None or places[1][place] is None:
            continue
        if places[0][place] != places[1][place]:
            sentences.append(f"file system of {place}: {places[0][place]} and {places[1][place]}")
    return sentences


def summarise(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the raw runs of an experiment say: per scenario and overall, in plain values fit for JSON."""
    return summarise_runs(Experiment.from_json(experiment))


def summarise_runs(experiment: Experiment) -> dict[str, Any]:
    """Return the same of an experiment that is typed already."""
    names, prints, sequential = experiment.names, experiment.fingerprints, experiment.is_sequential
    # A variant with a folder of its own is about where the source lies.
    moved = [variant["name"] for variant in experiment.variants if variant.get("directory")]
    different = _incomparable(names, prints, sequential, moved)
    scenarios = [_scenario(scenario, names, different) for scenario in experiment.scenarios]
    overall = {name: _overall(scenarios, name) for name in names[1:]}
    first = overall[names[1]] if len(names) > 1 else {"verdict": "unknown", "geomean": None, "mixed": False}
    warnings = [f"not compared: {sentence}" for sentence in dict.fromkeys(sum(different.values(), []))]
    warnings += experiment.on_purpose
    if sequential:
        warnings.append(SEQUENTIAL)
    load, cpus = experiment.load, (prints.get("start") or {}).get("cpus") or 0
    # Interleaved runs share the load of others; of two measurements one after the other it may hit one alone.
    if cpus and load > BUSY * cpus and (sequential or first["verdict"] in (stats.NO_DIFFERENCE, "unknown")):
        on = f"{cpus} processor{'' if cpus == 1 else 's'}"
        warnings.append(f"the machine was busy before (load {load:.1f} on {on}): repeat it when idle")
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


SEQUENTIAL = (
    "measured one after the other, which is weaker evidence than interleaved runs: what else changed meanwhile counts"
)


def in_sequence(
    first: dict[str, Any], second: dict[str, Any], changed_on_purpose: Sequence[str] = ()
) -> dict[str, Any]:
    """Two experiments of one variant each as one of before and after, for changes that cannot be taken back each round.

    The scenarios that both measured are compared; the first experiment's control stays the control. What was changed
    on purpose (names of ON_PURPOSE) makes no other machine of it and is named.
    """
    unknown = [name for name in changed_on_purpose if name not in ON_PURPOSE]
    if unknown:
        raise ValueError(f"changed_on_purpose has {', '.join(unknown)}: give names of {', '.join(ON_PURPOSE)}.")
    names = [experiment["variants"][0]["name"] for experiment in (first, second)]
    later = {one["name"]: one for one in second["scenarios"]}
    scenarios = []
    for one in first["scenarios"]:
        other = later.get(one["name"])
        if other is None:
            continue
        runs = [dict(run, variant="before") for run in one["runs"] if run["variant"] == names[0]]
        runs += [run for run in one["runs"] if run["variant"] == CONTROL]
        runs += [dict(run, variant="after") for run in other["runs"] if run["variant"] == names[1]]
        failed = next((this for this in (one, other) if this["status"] != "measured"), None)
        scenarios.append(
            {
                "name": one["name"],
                "command": one.get("command", ""),
                "status": failed["status"] if failed else "measured",
                "reason": failed["reason"] if failed else "",
                "stopped": other.get("stopped", ""),
                "alpha": stats.StoppingRule(comparisons=len(first["scenarios"])).level(0, last=True),
                "runs": runs,
            }
        )
    prints = [experiment["fingerprints"] for experiment in (first, second)]
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
            "variants": {"before": prints[0]["variants"][names[0]], "after": prints[1]["variants"][names[1]]},
        },
        "evidence": "sequential",
        "on_purpose": [
            sentence
            for name in changed_on_purpose
            for sentence in _on_purpose(name, prints[0]["start"], prints[1]["end"])
        ],
    }


def _on_purpose(name: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What became of a change that was meant; nothing where one side is not known."""
    key = ON_PURPOSE[name]
    found = fingerprint_differences({key: before.get(key)}, {key: after.get(key)})
    if found or before.get(key) is None or after.get(key) is None:
        return [f"{one}, as intended" for one in found]
    return [f"{name} meant to be changed, but the same in both measurements: is the change in force?"]


def _incomparable(
    names: Sequence[str], prints: dict[str, Any], sequential: bool, moved: Sequence[str] = ()
) -> dict[str, list[str]]:
    """For each variant what makes it another machine than the baseline's, between or during the runs."""
    start, end = prints.get("start") or {}, prints.get("end") or {}
    when = "before and after" if sequential else "at the start and at the end"
    changed = [f"{one} ({when})" for one in fingerprint_differences(start, end)]
    variants = prints.get("variants") or {}
    base = variants.get(names[0]) or {}
    # A variant may set GOMAXPROCS to try it; between two measurements it is the machine's.
    ignored = LEVER_PLACES if sequential else (*LEVER_PLACES, "gomaxprocs")
    return {
        name: changed
        + fingerprint_differences(
            base, variants.get(name) or {}, ignore=(*ignored, "source") if name in moved else ignored
        )
        for name in names[1:]
    }


def _scenario(scenario: Scenario, names: Sequence[str], different: dict[str, list[str]]) -> dict[str, Any]:
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
    }
    walls = scenario.times()
    for name in [*names, CONTROL]:
        if walls.get(name):
            result["variants"][name] = _variant(scenario, name)
    if scenario.status != "measured" or not all(walls.get(name) for name in names):
        return result

    alpha = scenario.alpha or 0.05
    base = walls[names[0]]
    noisy = False
    if walls.get(CONTROL):
        control = stats.compare(base, walls[CONTROL], alpha)
        noisy = control.verdict in (stats.FASTER, stats.SLOWER)
        result["control"] = _plain(control)
        if noisy:
            result["warnings"].append(
                f"the same thing measured twice differs by {percent(control.ratio)}: the machine was too unsteady"
            )
    for name in names[1:]:
        comparison = stats.compare(base, walls[name], alpha)
        plain = _plain(comparison)
        plain["comparable"] = not different.get(name)
        if noisy or not plain["comparable"]:
            plain["verdict"] = "unknown"
        result["comparisons"][name] = plain
    result["warnings"] += _warnings([*names, CONTROL], walls)
    return result


def _warnings(names: Sequence[str], walls: dict[str, list[float]]) -> list[str]:
    warnings = []
    fewest = min(len(values) for values in walls.values())
    if fewest < stats.MIN_RUNS:
        warnings.append(f"only {fewest} rounds: {stats.MIN_RUNS} are needed for a verdict; allow more minutes")
    for name in names:
        values = walls.get(name, [])
        far = stats.outliers(values)
        if 0 in far and values[0] > stats.median(values):
            warnings.append(f"the first run of {name} was slow: warm up longer")
            far.remove(0)
        if far:
            runs = "run lies" if len(far) == 1 else "runs lie"
            warnings.append(f"{len(far)} {runs} far from the others of {name}: something else used the machine")
    return warnings


def _variant(scenario: Scenario, name: str) -> dict[str, Any]:
    measured = {key: scenario.times(key)[name] for key in ("wall", "user", "system", "max_rss", "blocks_written")}
    center = stats.median_interval(measured["wall"])
    return {
        "runs": len(measured["wall"]),
        "median": center.center,
        "low": _finite(center.low),
        "high": _finite(center.high),
        "confidence": center.confidence,
        "user": stats.median(measured["user"]),
        "system": stats.median(measured["system"]),
        "max_rss": stats.median(measured["max_rss"]),
        "bytes_written": stats.median(measured["blocks_written"]) * 512,
        "times": measured["wall"],
    }


def _overall(scenarios: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    compared = [one["comparisons"][name] for one in scenarios if name in one["comparisons"]]
    known = [one for one in compared if one["verdict"] not in ("unknown", stats.TOO_FEW)]
    verdicts = {one["verdict"] for one in known}
    mixed = {stats.FASTER, stats.SLOWER} <= verdicts
    if not known:
        verdict = "unknown"
    elif mixed:
        verdict = stats.NO_DIFFERENCE
    else:
        verdict = next((one for one in (stats.FASTER, stats.SLOWER) if one in verdicts), "~")
    ratios = [one["ratio"] for one in known if one["ratio"]]
    return {"verdict": verdict, "mixed": mixed, "geomean": stats.geomean(ratios) if ratios else None}


def _plain(comparison: stats.Comparison) -> dict[str, Any]:
    return {
        "ratio": _finite(comparison.ratio),
        "low": comparison.interval[0],
        "high": _finite(comparison.interval[1]),
        "p": comparison.p,
        "alpha": comparison.alpha,
        "verdict": comparison.verdict,
        "n_before": comparison.n_before,
        "n_after": comparison.n_after,
        "warnings": list(comparison.warnings),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def percent(ratio: float | None, digits: int = 1) -> str:
    """A ratio as a change: 0.9 is -10.0 %."""
    if ratio is None:
        return "?"
    text = f"{(ratio - 1) * 100:+.{digits}f}"
    return ("0" + text[2:] if float(text) == 0 else text) + " %"


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def _mib(value: float) -> str:
    return f"{value / 2**20:.0f} MiB"
