# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The doctor's checks: their ids and titles, what a finding is, and in which order findings are reported."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import levels, text

OK, WARNING, CRITICAL, UNKNOWN = "ok", "warning", "critical", "unknown"
ORDER = {CRITICAL: 0, WARNING: 1, UNKNOWN: 2, OK: 3}

# An id is for ever: a page in docs/cases has its name, and people search for it.
TITLES = {
    "WT-001": "Source on a slow file system",
    "WT-002": "Build cache (GOCACHE) on a slow file system",
    "WT-003": "Module cache (GOMODCACHE) on a slow file system",
    "WT-004": "Temporary files (GOTMPDIR, TMPDIR) on a slow file system",
    "WT-005": "Go itself (GOROOT) on a slow file system",
    "WT-006": "Temporary folder that cannot execute",
    "WT-007": "Build cache that cannot execute",
    "WT-008": "File system nearly full",
    "WT-009": "Temporary folder too small for this module",
    "WT-010": "A Go folder that is missing or not writable",
    "WT-011": "Caches that grow",
    "WT-020": "Lines of wsl.conf that WSL never reads",
    "WT-021": "Keys that appear twice in wsl.conf",
    "WT-022": "Keys and values of wsl.conf that WSL does not know",
    "WT-023": "Harmful values in wsl.conf",
    "WT-024": "Settings of wsl.conf that are not in force",
    "WT-025": "Lines of .wslconfig that WSL does not follow",
    "WT-026": "Harmful values in .wslconfig",
    "WT-027": "Lines of fstab that fail",
    "WT-028": "Lines of fstab that can hang a start",
    "WT-029": "A tmpfs on /tmp that hides WSLg's socket",
    "WT-030": "Settings of .wslconfig that are not in force",
    "WT-040": "PATH with slow directories",
    "WT-041": "Go and the C library resolve names differently",
    "WT-042": "Slow name resolution",
    "WT-043": "Sockets on the loopback interface",
    "WT-044": "Slow start of processes",
    "WT-045": "Clocks that disagree",
    "WT-046": "Not enough memory",
    "WT-047": "Go uses the wrong number of CPUs",
    "WT-048": "Antivirus on Windows drives",
    "WT-049": "No usable Go",
    "WT-050": "A login or terminal that fails",
    "WT-060": "The module's tests",
    "WT-061": "Packages that use cgo",
    "WT-062": "Build without cgo",
    "WT-063": "Static or dynamic programs",
    "WT-064": "Where the time of go test goes",
    "WT-065": "What tests wait for",
    "WT-066": "System calls of go test",
}


@dataclass
class Check:
    """One finding. `seconds` is what it adds to a `go test`, as far as that is known; `blocks` that Go fails.

    `applies` is false where what it looks for cannot be on this machine.
    """

    id: str
    status: str
    reason: str
    value: float | None = None
    unit: str = ""
    effect: str = ""
    lever: str = ""
    command: str = ""
    seconds: float = 0.0
    blocks: bool = False
    applies: bool = True
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The check's title, which every check of this id shares."""
        return TITLES[self.id]

    def as_dict(self) -> dict[str, Any]:
        """Return the check as the module's result has it, with its cost and its answer grouped."""
        # An error of the role shows it as it is, and a path may have the end of a line in it.
        plain = {**asdict(self), "reason": text.unbroken(self.reason)}
        cost = {key: plain.pop(key) for key in ("value", "unit", "effect")}
        answer = {key: plain.pop(key) for key in ("lever", "command")}
        return {**plain, "title": self.title, "cost": cost, "answer": answer, "page": f"docs/cases/{self.id}.md"}


@dataclass(frozen=True)
class Work:
    """What a `go test` has to do: its packages, the packages linked into all of their tests, and all dependencies.

    Where no module was named it is one ordinary package.
    """

    packages: int = 1
    linked: int = 60
    dependencies: int = 60


EXPORTING = "~/.*rc ~/.*profile ~/.config/fish /etc/profile.d /etc/environment"
"""Where a shell's or a login's variables are set, as a shell takes it."""


def ok(check_id: str, reason: str, **more: Any) -> Check:
    """Return a check that found nothing; `more` is what was measured all the same."""
    return Check(check_id, OK, reason, **more)


def not_wsl(check_id: str, why: str) -> Check:
    """Return a check that looks for what only WSL has, on a machine that is none."""
    return Check(check_id, OK, f"This is not WSL: {why}", applies=False)


def unknown(check_id: str, reason: str) -> Check:
    """Return a check that could not be made, with the reason."""
    return Check(check_id, UNKNOWN, reason)


def set_command(name: str, value: str, source: str) -> str:
    """Return the command that gives one of Go's settings a value, or none, where it comes from C(source).

    `go env -w` has no effect on a variable of the environment, which counts before the file that it writes.
    """
    if source == "environment":
        assignment = f"export {name}={shlex.quote(value)}" if value else f"unset {name}"
        return f"{assignment}   (and where it is exported: grep -rns {name} {EXPORTING})"
    return f"go env -w {shlex.quote(f'{name}={value}')}" if value else f"go env -u {name}"


def rank(checks: Sequence[Check]) -> list[Check]:
    """Order the checks for a report: the worst first, and of equal ones the one that costs most."""
    return sorted(checks, key=lambda check: (ORDER[check.status], not check.blocks, -check.seconds, check.id))


def count(checks: Sequence[Check]) -> dict[str, int]:
    """Return how many checks have each status; those that do not apply are none of them."""
    counts = {status: sum(check.status == status and check.applies for check in checks) for status in ORDER}
    return {**counts, "not_applicable": sum(not check.applies for check in checks)}


def find_worst(checks: Sequence[Check]) -> str:
    """Return the worst status; what is not known is no finding."""
    return min((check.status for check in checks if check.status != UNKNOWN), key=ORDER.__getitem__, default=OK)


def write_microseconds(value: float) -> str:
    """Write a time given in microseconds with the unit that fits: µs, ms or s."""
    if value < 1000:
        return f"{value:.0f} µs" if value >= 10 else f"{value:.1f} µs"
    return f"{value / 1000:.1f} ms" if value < 1e6 else f"{value / 1e6:.1f} s"


def choose_failing(level: Any) -> dict[str, Any]:
    """Return the states of a check with which a run fails at a level of doctor_fail_on."""
    return levels.choose_failing(level, {CRITICAL: (CRITICAL,), WARNING: (WARNING,)}, "doctor_fail_on")
