# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was measured, as go_benchmark returns it: an experiment of scenarios of runs, with JSON at the edge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import stats
from ansible_collections.wsltune.go.plugins.module_utils.linux import text

CONTROL = "control"
"""The name under which the first variant runs a second time in each round."""
MOST_PAIRS = 2_000_000
"""Pairs of runs that are compared, each with each: what a host returns is judged on the controller, for seconds."""
MOST_VARIANTS = 100
"""Variants of an experiment, each of which is compared with what all of them have."""


class TooMuchError(ValueError):
    """An experiment with more runs or variants than anybody measures."""


@dataclass
class Run:
    """One run of one variant. Round 0 is warm-up; C(blocks_written) are of 512 bytes, C(gap) is the time before it."""

    round: int
    variant: str
    wall: float
    user: float
    system: float
    max_rss: int
    blocks_written: int
    exit_code: int = 0
    timed_out: bool = False
    output_tail: str | None = None
    gap: float | None = None
    ended_for: str | None = None
    """Why the benchmark itself ended it, other than for its time."""
    # Seconds per operation of each of Go's benchmarks.
    benchmarks: dict[str, float] | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Run:
        """Return the run in C(data); what a later version added is passed over."""
        known = {name.name for name in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})

    def to_json(self) -> dict[str, Any]:
        """Return the run as the record has it; fields that have nothing to say are left out."""
        data = asdict(self)
        absent = {"timed_out": False, "output_tail": None, "gap": None, "ended_for": None, "benchmarks": None}
        return {key: value for key, value in data.items() if key not in absent or value != absent[key]}


@dataclass
class Scenario:
    """One thing that was timed; C(reason) says why it was not, or is not compared, C(notes) what was left out.

    Where candidates were screened, C(levels) has the level at which each is judged, C(dropped) after how many rounds
    each left that did not lead (0: it never ran, because there was no time), C(enough) the minutes for all, and
    C(failures) which of them failed and why.
    """

    name: str
    command: str = ""
    reason: str = ""
    runs: list[Run] = field(default_factory=list)
    status: str = "running"
    stopped: str = ""
    alpha: float | None = None
    notes: list[str] = field(default_factory=list)
    levels: dict[str, float] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    enough: int | None = None
    failures: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Scenario:
        """Read a scenario of a record; fields that came later may be missing."""
        return cls(
            text.unbroken(data["name"]),
            data.get("command", ""),
            data.get("reason", ""),
            [Run.from_json(run) for run in data["runs"]],
            data["status"],
            data.get("stopped", ""),
            data.get("alpha"),
            list(data.get("notes") or []),
            dict(data.get("levels") or {}),
            dict(data.get("dropped") or {}),
            data.get("enough"),
            dict(data.get("failures") or {}),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the scenario as the record has it; lists and mappings that are empty are left out."""
        absent = ("notes", "levels", "dropped", "enough", "failures")
        kept = {key: value for key, value in vars(self).items() if key not in absent or value}
        return {**kept, "runs": [run.to_json() for run in self.runs]}

    def times(self, key: str = "wall") -> dict[str, list[Any]]:
        """Return the measured values of each variant in the order of the rounds, without the warm-up.

        The time of Go's benchmarks is the geometric mean of those that every run has.
        """
        values: dict[str, list[Any]] = {}
        for run, value in self._measured(key):
            values.setdefault(run.variant, []).append(value)
        return values

    def reference(self, names: Sequence[str], name: str) -> list[float]:
        """Return the times of C(names) in the rounds in which C(name) ran, so that a drift of the machine hits both."""
        rounds = {run.round for run in self.runs if run.variant == name}
        return [value for run, value in self._measured("wall") if run.round in rounds and run.variant in names]

    def _measured(self, key: str) -> Iterator[tuple[Run, Any]]:
        """Yield each run but the warm-up with its value; how long Go's benchmarks ran says nothing about them."""
        measured = [run for run in self.runs if run.round > 0]
        reported = [run.benchmarks for run in measured if run.benchmarks]
        common = sorted(set.intersection(*map(set, reported))) if reported else []
        for run in measured:
            value = getattr(run, key)
            if key == "wall" and common and run.benchmarks:
                value = stats.geomean([run.benchmarks[name] or 1e-12 for name in common])
            yield run, value


def count_pairs(runs: Sequence[Mapping[str, Any]]) -> int:
    """Return how many pairs of runs a scenario compares at most."""
    counts = Counter(str(run["variant"]) for run in runs)
    return max(counts.values(), default=0) * len(runs)


def count_values(runs: Sequence[Mapping[str, Any]]) -> int:
    """Return how many times there are in the runs of a scenario."""
    return sum(1 + len(run.get("benchmarks") or ()) for run in runs)


@dataclass
class Experiment:
    """Scenarios that were measured together, with all that a reader needs to trust or repeat them.

    The first of C(variants) is the baseline. C(evidence) and C(on_purpose) stand in two experiments that were made one
    after the other (comparability.join_in_sequence).
    """

    variants: list[dict[str, Any]]
    scenarios: list[Scenario]
    user: str = ""
    seed: int | None = None
    started: str = ""
    elapsed: float | None = None
    budget_minutes: float = 0.0
    load: float = 0.0
    own_cost: dict[str, float] | None = None
    go: str | None = None
    fingerprints: dict[str, Any] = field(default_factory=dict)
    evidence: str = "interleaved"
    on_purpose: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """List the variants in their order, the reference first."""
        return [str(variant["name"]) for variant in self.variants]

    @property
    def is_sequential(self) -> bool:
        """Whether the variants were measured one after the other, and not interleaved: weaker evidence."""
        return self.evidence == "sequential"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Experiment:
        """Return the experiment in C(data), also where an older version kept less of it; raise TooMuchError."""
        variants = len(data["variants"])
        if variants > MOST_VARIANTS:
            raise TooMuchError(f"it has {variants} variants, and more than {MOST_VARIANTS} nobody measures")
        scenarios = [scenario["runs"] for scenario in data["scenarios"]]
        # The runs of all are looked through for each variant, too, with each of Go's benchmarks.
        pairs = sum(max(count_pairs(runs), variants * count_values(runs)) for runs in scenarios)
        if pairs > MOST_PAIRS:
            raise TooMuchError(f"it has {pairs} pairs of runs to compare, and more than {MOST_PAIRS} nobody measures")
        known = {name.name for name in fields(cls)} - {"scenarios"}
        kept = {key: value for key, value in data.items() if key in known and value is not None}
        return cls(scenarios=[Scenario.from_json(scenario) for scenario in data["scenarios"]], **kept)

    def to_json(self) -> dict[str, Any]:
        """Return what go_benchmark documents."""
        return {
            "format": 1,
            "user": self.user,
            "seed": self.seed,
            "started": self.started,
            "elapsed": self.elapsed,
            "budget_minutes": self.budget_minutes,
            "load": self.load,
            "own_cost": self.own_cost,
            "go": self.go,
            "variants": self.variants,
            "fingerprints": self.fingerprints,
            "scenarios": [scenario.to_json() for scenario in self.scenarios],
        }
