# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The order of a benchmark's runs: what runs next, and when there is a verdict or no time for one.

Nothing here starts a program; bench.py does. What the runs add up to, summaries.py says.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import stats, suite
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import CONTROL, Run, Scenario

# How far a series may run over its budget to reach the runs that a verdict needs.
OVERRUN = 0.25
GUESS = 0.5
NEGLIGIBLE = 0.01
# What programs say that ask a person at a terminal.
NO_TERMINAL = ("/dev/tty", "not a tty", "not a terminal", "Inappropriate ioctl for device")

Execute = Callable[[str, str, int], dict[str, Any]]
Progress = Callable[[dict[str, Any]], None]
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
    if word.endswith(":") and word in lines[:-1]:
        # Such as what is wrong in go.mod.
        word += f" {lines[lines.index(word) + 1]}"
    what = command if command and not command.startswith("go ") else " ".join(command.split()[:2]) or "go test"
    if any(sign in (run.output_tail or "") for sign in NO_TERMINAL):
        word += "; it wants a terminal, which a measurement has not"
    return f"{what[:60]} of variant {run.variant} {how} {when}" + (f": {word[:260]}" if word else "")


def _write_seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
