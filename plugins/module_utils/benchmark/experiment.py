# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was measured, as go_benchmark returns it: an experiment of scenarios of runs, with JSON at the edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


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

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Run:
        """Return the run in C(data); what a later version added is passed over."""
        known = {name.name for name in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})

    def to_json(self) -> dict[str, Any]:
        data = asdict(self)
        absent = {"timed_out": False, "output_tail": None, "gap": None}
        return {key: value for key, value in data.items() if key not in absent or value != absent[key]}


@dataclass
class Scenario:
    """One thing that was timed; C(reason) says why it was not, or is not compared, C(notes) what was left out."""

    name: str
    command: str = ""
    reason: str = ""
    runs: list[Run] = field(default_factory=list)
    status: str = "running"
    stopped: str = ""
    alpha: float | None = None
    notes: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Scenario:
        return cls(
            data["name"],
            data.get("command", ""),
            data.get("reason", ""),
            [Run.from_json(run) for run in data["runs"]],
            data["status"],
            data.get("stopped", ""),
            data.get("alpha"),
            list(data.get("notes") or []),
        )

    def to_json(self) -> dict[str, Any]:
        kept = {key: value for key, value in vars(self).items() if key != "notes" or value}
        return {**kept, "runs": [run.to_json() for run in self.runs]}

    def times(self, key: str = "wall") -> dict[str, list[Any]]:
        """Return the measured values of each variant in the order of the rounds, without the warm-up."""
        values: dict[str, list[Any]] = {}
        for run in self.runs:
            if run.round > 0:
                values.setdefault(run.variant, []).append(getattr(run, key))
        return values


@dataclass
class Experiment:
    """Scenarios that were measured together, with all that a reader needs to trust or repeat them.

    The first of C(variants) is the baseline. C(evidence) and C(on_purpose) stand in two experiments that were made one
    after the other (schedule.in_sequence).
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
        return [str(variant["name"]) for variant in self.variants]

    @property
    def is_sequential(self) -> bool:
        return self.evidence == "sequential"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Experiment:
        """Return the experiment in C(data), also where an older version kept less of it."""
        known = {name.name for name in fields(cls)} - {"scenarios"}
        given = {key: value for key, value in data.items() if key in known and value is not None}
        return cls(scenarios=[Scenario.from_json(scenario) for scenario in data["scenarios"]], **given)

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
