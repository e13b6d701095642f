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
ON_PURPOSE = {"processors": "cpus", "memory": "memory_bytes", "kernel": "kernel", "drives": "file_systems"}
# How far a series may run over its budget to reach the runs that a verdict needs.
OVERRUN = 0.25
GUESS = 0.5
NEGLIGIBLE = 0.01
# Load per processor before the first run above which noise is no surprise.
BUSY = 0.75
WAS_BUSY = "the machine was busy before"
"""How the warning about it begins."""
# Where the control differs, how many times its difference every value of the interval has to be away from 1.
UNSTEADY = 2.0
# What programs say that ask a person at a terminal.
NO_TERMINAL = ("/dev/tty", "not a tty", "not a terminal", "Inappropriate ioctl for device")

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
        """Return the seconds that are left; below zero when the budget is spent."""
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
    screening: stats.Screening | None = None,
) -> list[Scenario]:
    """Warm up, then run every variant once per round in random order until there is a verdict or no time.

    The first of `names` is the baseline. It runs a second time in each round under the name `control`, so that
    what the machine itself makes of two equal things is seen. A scenario with a C(reason) is not run. The same are
    returned with their runs and what came of them. Where a run fails and C(recover) says what is left out from now on,
    its scenario starts again.

    With C(screening), the others are candidates: those that trail leave after a round, so that the time goes to the few
    that lead. Candidates for which there is no time do not start; the last ones are left out first.
    """
    copies = [dataclasses.replace(scenario) for scenario in scenarios]
    every = [_Series(scenario, names, execute, clock, min_runs, max_runs, recover, screening) for scenario in copies]
    active = [series for series in every if not series.scenario.reason]
    rule = stats.StoppingRule(comparisons=max(1, len(active)) * (len(names) - 1))
    rng = random.Random(seed)
    tell = _make_teller(progress, clock, every)

    known = 0.0
    for series in list(active):
        # No scenario is quicker than half of the one before it, as far as is known.
        needed = sum(other.needed(min_runs) for other in active if not other.over) + min_runs * known * GUESS
        if known and clock.left() < needed:
            series.skip(f"there is no time for it beside the scenarios before it: {_advise(clock, needed)}")
            continue
        series.warm_up(warmup, tell)
        if not series.over:
            _drop_what_cannot_fit([series], clock, min_runs)
        known = known if series.over else series.cost
    active = [series for series in active if not series.over]
    if screening and active:
        _start_candidates(active, names[1:], clock, min_runs, tell)
        active = [series for series in active if not series.over]
        # Each candidate is judged in each scenario, and in all of them together.
        tests = len(active) + (len(active) > 1)
        rule = stats.StoppingRule(comparisons=max(1, tests * (len(active[0].names) - 1 if active else 1)))
    clock.prepared(1.2 * sum(series.needed(min_runs) for series in active))

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
        if screening and active:
            _let_go(active, clock, screening, rule)
            active = [series for series in active if not series.over]
    return [series.scenario for series in every]


def _start_candidates(
    active: Sequence[_Series],
    candidates: Sequence[str],
    clock: Clock,
    min_runs: int,
    tell: Callable[[_Series, str], None],
) -> None:
    """Let those candidates start that there is time for, and warm them up."""
    each = sum(series.each for series in active)
    room = clock.left() + clock.budget * OVERRUN
    # The warm-up is a run as well.
    needed = {
        count: each * (count + _plan_screening(active).cost(count, 0, min_runs)) for count in range(len(candidates) + 1)
    }
    count = max((count for count in needed if needed[count] <= room), default=0)
    # One is always tried: its scenario is left out where that is too long.
    started = list(candidates[: max(1, count)])
    missing = needed[len(candidates)] - room
    for series in active:
        for name in candidates[len(started) :]:
            series.scenario.dropped[name] = 0
            # A part of what is added is for overrun.
            series.scenario.enough = math.ceil((clock.budget + missing) / 60 + 0.5)
        series.names += started
        series.warm_up_these(started, tell)


def _plan_screening(active: Sequence[_Series]) -> stats.Screening:
    return active[0].screening or stats.Screening()


def _let_go(active: Sequence[_Series], clock: Clock, screening: stats.Screening, rule: stats.StoppingRule) -> None:
    """Let those candidates go, after a round, about which there is no more to learn, and those that trail."""
    rounds = min(series.rounds for series in active)
    for name in {name for series in active for name in series.scenario.failures}:
        for series in active:
            series.leave(name, rule)
    candidates = list(dict.fromkeys(name for series in active for name in series.names[1:]))
    level = rule.level(rounds)
    for name in [name for name in candidates if level is not None and _is_settled(name, active, level)]:
        candidates.remove(name)
        for series in active:
            series.leave(name, rule)
    each = sum(series.each for series in active)
    left = clock.left() + (clock.budget * OVERRUN if rounds < active[0].min_runs else 0)
    stay = screening.staying(len(candidates), rounds, left / each if each else 0.0)
    if stay < len(candidates) and rounds:
        scores = {name: math.fsum(series.score(name) for series in active) for name in candidates}
        for name in set(candidates) - set(stats.choose_best(scores, stay)):
            for series in active:
                series.scenario.dropped[name] = series.rounds
                series.leave(name, rule)
    for series in active:
        if not series.over and len(series.names) == 1:
            series.finish("clear", rule)


def _is_settled(name: str, active: Sequence[_Series], level: float) -> bool:
    """Return whether it is known of a candidate that it is kept, or that it is not."""
    ready = [series for series in active if series.rounds >= series.min_runs]
    if len(ready) < len(active):
        return False
    together = stats.compare_strata([series.pair(name) for series in active], level).verdict
    verdicts = [series.verdicts.get(name, "") for series in active]
    if stats.SLOWER in (*verdicts, together) or all(verdicts):
        return True
    # Faster: it goes on only where it may be slower.
    return stats.FASTER in (*verdicts, together) and all(
        verdict or series.score(name) < math.log(1 + NEGLIGIBLE) for verdict, series in zip(verdicts, active)
    )


def _drop_what_cannot_fit(active: list[_Series], clock: Clock, min_runs: int) -> None:
    """Prefer one scenario with a verdict to two without: what is too long alone goes first, then the last."""
    room = clock.left() + clock.budget * OVERRUN
    while active:
        # One warm-up run is a poor guess; it must be twice too long before it is believed.
        missing = [series.needed(min_runs) * (1 if series.rounds else GUESS) for series in active]
        if sum(missing) <= room:
            return
        too_long = [series for series, seconds in zip(active, missing) if seconds > room]
        series = (too_long or active)[-1]
        active.remove(series)
        needed = sum(other.wanted(min_runs) for other in [*active, series])
        beside = "" if series in too_long else " beside the other scenarios"
        minutes = f"{clock.budget / 60:.3g} minute{'' if clock.budget == 60 else 's'}"
        series.skip(
            f"{min_runs} rounds of {_write_seconds(series.cost)} each do not fit into {minutes}{beside}: "
            f"{_advise(clock, needed)}"
        )


def _advise(clock: Clock, needed: float) -> str:
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
        screening: stats.Screening | None = None,
    ) -> None:
        self.scenario = scenario
        self.name = scenario.name
        self.screening = screening
        # Candidates start once it is known what a run costs.
        self.names = list(names[:1] if screening else names)
        self.candidates = len(names) - 1
        self.verdicts: dict[str, str] = {}
        self.execute = execute
        self.recover = recover
        self.clock = clock
        self.min_runs = min_runs
        self.max_runs = max(min_runs, max_runs)
        self.rounds = 0
        self.each = 0.0
        self.spent, self.measured = 0.0, 0
        self.serial = 0
        self.runs = scenario.runs = list(scenario.runs)
        if scenario.reason:
            scenario.status = "skipped"

    @property
    def over(self) -> bool:
        return self.scenario.status != "running"

    @property
    def cost(self) -> float:
        """Seconds of the next round."""
        return self.each * (len(self.names) + 1)

    def needed(self, least: int) -> float:
        """Return the seconds until there are the runs that a verdict needs."""
        if self.screening:
            return self.each * self.screening.cost(max(1, len(self.names) - 1), self.rounds, least)
        return max(0, least - self.rounds) * self.cost

    def wanted(self, least: int) -> float:
        """Return the seconds that all candidates would take from the start."""
        if self.screening:
            return self.each * (self.candidates + self.screening.cost(self.candidates, 0, least))
        return least * self.cost

    def skip(self, reason: str) -> None:
        self.scenario.status, self.scenario.reason = "skipped", reason

    def warm_up(self, times: int, tell: Callable[[_Series, str], None]) -> None:
        # An empty cache has nothing to warm; one run says what a round will cost.
        rounds = [self.names[:1]] if self.name == "cold" else [[*self.names, CONTROL]] * times
        for variants in rounds:
            self.warm_up_these(variants, tell)

    def warm_up_these(self, variants: Sequence[str], tell: Callable[[_Series, str], None]) -> None:
        for variant in variants:
            # An empty cache has nothing to warm.
            if self.over or (self.name == "cold" and variant != self.names[0]):
                return
            while not self._run(variant, 0) and not self.over and variant in (*self.names, CONTROL):
                pass
            if self.over:
                return
            if variant in self.scenario.failures:
                continue
            # The others may have been compiling; the last one finds all of it done.
            self.each = min(self.each, self.runs[-1].wall) if self.screening and self.each else self.runs[-1].wall
            tell(self, "warm-up")

    def round(self, rng: random.Random, tell: Callable[[_Series, str], None]) -> None:
        self.rounds += 1
        before = self.clock.now()
        for variant in rng.sample([*self.names, CONTROL], len(self.names) + 1):
            ran = self._run(variant, self.rounds)
            tell(self, "measure")
            if not ran and variant not in self.scenario.failures:
                return
        self.spent += self.clock.now() - before
        self.measured += len(self.names) + 1
        self.each = self.spent / self.measured

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
            self.verdicts = {}
            for name in self.names:
                self.scenario.levels.pop(name, None)
            self.rounds, self.spent, self.measured = 0, 0.0, 0
            self.scenario.notes.append(note)
        elif self.screening and variant not in (self.names[0], CONTROL):
            # The others are compared all the same.
            self.names.remove(variant)
            self.scenario.failures[variant] = describe_failure(run)
            self.runs[:] = [run for run in self.runs if run.variant != variant]
        else:
            self.runs.append(run)
            self.scenario.status, self.scenario.reason = "failed", describe_failure(run, self.scenario.command)
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
        if self.screening:
            for name in self.names[1:]:
                comparison = stats.compare(*self.pair(name), level)
                if rule.decided(comparison):
                    self.verdicts[name] = comparison.verdict
                    self.scenario.levels.setdefault(name, level)
            return
        times = self.scenario.times()
        first = self.names[0]
        comparisons = [stats.compare(times[first], times[name], level) for name in self.names[1:]]
        if comparisons and all(rule.decided(comparison) for comparison in comparisons):
            self._end("clear", level)

    def pair(self, name: str) -> tuple[list[float], list[float]]:
        return self.scenario.reference([self.names[0], CONTROL], name), self.scenario.reference([name], name)

    def score(self, name: str) -> float:
        """Return the logarithm of the ratio as it is now: below 0 is faster."""
        before, after = self.pair(name)
        return math.log(stats.median(after) / stats.median(before)) if after and before else 0.0

    def leave(self, name: str, rule: stats.StoppingRule) -> None:
        """Let a candidate run no more; it is judged at the level of its last look."""
        if name in self.names:
            self.names.remove(name)
            self.scenario.levels.setdefault(name, rule.level(self.rounds, last=True) or rule.alpha)

    def finish(self, why: str, rule: stats.StoppingRule) -> None:
        if not self.rounds:
            self.skip("there was no time left for it")
            return
        if self.screening:
            for name in self.names[1:]:
                self.scenario.levels.setdefault(name, rule.level(self.rounds, last=True) or rule.alpha)
        self._end(why, rule.level(self.rounds, last=True))

    def _end(self, why: str, alpha: float | None) -> None:
        self.scenario.status, self.scenario.stopped, self.scenario.alpha = "measured", why, alpha


def _make_teller(progress: Progress | None, clock: Clock, every: list[_Series]) -> Callable[[_Series, str], None]:
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
                # How many levers are still in it; 0 where nothing is screened.
                "candidates": len(series.names) - 1 if series.screening else 0,
                "rounds": max(series.rounds, min(series.max_runs, max(series.min_runs, possible))),
                "runs": sum(len(other.runs) for other in every),
                "seconds_left": round(left, 1),
            }
        )

    return tell


def describe_failure(run: Run, command: str = "go test") -> str:
    """Return why a scenario is not compared: the run that failed, and its last word."""
    how = f"was stopped after {_write_seconds(run.wall)}" if run.timed_out else f"exited with {run.exit_code}"
    when = f"in round {run.round}" if run.round else "while warming up"
    if run.ended_for:
        return f"go test of variant {run.variant} was stopped {when}, because {run.ended_for}"
    lines = [line.strip() for line in (run.output_tail or "").splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("ok ", "ok\t", "FAIL", "?", "exit status", "#"))]
    line = suite.find_telling_line(run.output_tail or "")
    failed = [line for line in lines if line.startswith("--- FAIL")]
    word = line if ": " in line else (failed or telling or lines or [""])[0]
    what = command if command and not command.startswith("go ") else " ".join(command.split()[:2]) or "go test"
    if any(sign in (run.output_tail or "") for sign in NO_TERMINAL):
        word += "; it wants a terminal, which a measurement has not"
    return f"{what[:60]} of variant {run.variant} {how} {when}" + (f": {word[:260]}" if word else "")


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


def summarise(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the raw runs of an experiment say: per scenario and overall, in plain values fit for JSON."""
    return summarise_runs(Experiment.from_json(experiment))


def summarise_runs(experiment: Experiment) -> dict[str, Any]:
    """Return the same of an experiment that is typed already."""
    names, prints, sequential = experiment.names, experiment.fingerprints, experiment.is_sequential
    different = _list_incomparable(names, prints, sequential, _list_meant(experiment.variants))
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


COMPARED = ("ratio", "low", "high", "p", "alpha", "verdict")

SEQUENTIAL = (
    "measured one after the other, which is weaker evidence than interleaved runs: what else changed meanwhile counts"
)


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


def _list_incomparable(
    names: Sequence[str], prints: dict[str, Any], sequential: bool, meant: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """List for each variant what makes it another machine than the baseline's, between or during the runs."""
    start, end = prints.get("start") or {}, prints.get("end") or {}
    when = "before and after" if sequential else "at the start and at the end"
    changed = [f"{difference} ({when})" for difference in compare_fingerprints(start, end)]
    variants = prints.get("variants") or {}
    base = variants.get(names[0]) or {}
    # A variant may set GOMAXPROCS to try it; between two measurements it is the machine's.
    ignored = LEVER_PLACES if sequential else (*LEVER_PLACES, "gomaxprocs")
    return {
        name: changed + compare_fingerprints(base, variants.get(name) or {}, ignore=(*ignored, *meant.get(name, ())))
        for name in names[1:]
    }


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


def _write_seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def _write_mib(value: float) -> str:
    return f"{value / 2**20:.0f} MiB"
