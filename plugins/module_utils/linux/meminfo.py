# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Memory and swap from the text of /proc/meminfo."""

from __future__ import annotations

TOLERANCE = 0.02
"""By how much of it a machine's memory may differ and be the same machine's, as for a measurement's."""


def read_total() -> int:
    """Return the machine's memory in bytes; 0 where it cannot be read."""
    try:
        with open("/proc/meminfo", encoding="utf-8") as handle:
            return parse(handle.read())["total_bytes"]
    except OSError:
        return 0


def parse(text: str) -> dict[str, int]:
    """Return total, available and swap memory in bytes; a line that is missing counts as 0."""
    lines = {name: rest.split() for name, _colon, rest in (line.partition(":") for line in text.splitlines())}
    names = {"total_bytes": "MemTotal", "available_bytes": "MemAvailable", "swap_total_bytes": "SwapTotal"}
    return {ours: int((lines.get(theirs) or ["0"])[0]) * 1024 for ours, theirs in names.items()}
