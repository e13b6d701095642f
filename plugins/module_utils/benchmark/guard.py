# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keeps a trial from taking the memory of what else runs: its own run is ended first, by us or by the kernel."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from ansible_collections.wsltune.go.plugins.module_utils.linux import cgroups, meminfo

MIB = 1 << 20
LEAST, MOST = 64 * MIB, 512 * MIB
"""Bounds of the reserve: a twentieth of the memory, as much as a small machine can spare and a large one needs."""


def read(path: str) -> str | None:
    """Return the text of a file of the kernel's, None where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return None


def volunteer(path: str = "/proc/self/oom_score_adj") -> None:
    """Have the kernel end this process and its children before all others when memory runs out (proc(5))."""
    with contextlib.suppress(OSError), open(path, "w", encoding="ascii") as handle:
        handle.write("1000")


class Guard:
    """Watches the memory that is left to this process, and says when a run must end for it.

    Swap does not count: a run that swaps measures the disk, and slows down everything else.
    """

    def __init__(self, groups: Sequence[str] = (), source: Callable[[str], str | None] = read) -> None:
        self.groups, self.read = list(groups), source
        self.least: int | None = None
        total = meminfo.parse(self.read("/proc/meminfo") or "")["total_bytes"]
        self.reserve = min(MOST, max(LEAST, total // 20))

    def left(self) -> int | None:
        """Return how many bytes are left, in the machine or in the tightest group; None where it is not known."""
        meminfo_text = self.read("/proc/meminfo")
        machine = (
            meminfo.parse(meminfo_text)["available_bytes"] if meminfo_text and "MemAvailable" in meminfo_text else None
        )
        known = [room for room in (machine, cgroups.headroom(self.groups, self.read)) if room is not None]
        return min(known) if known else None

    def must_end(self, _output: int = 0) -> bool:
        """Return whether less than the reserve is left; as a watcher of process.run."""
        left = self.left()
        if left is None:
            return False
        self.least = left if self.least is None else min(self.least, left)
        return left < self.reserve

    def sentence(self) -> str:
        """Return why a run was ended."""
        return f"only {(self.least or 0) // MIB} MiB of memory were left, and {self.reserve // MIB} are kept free"
