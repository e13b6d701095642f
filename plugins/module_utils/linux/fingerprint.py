# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a machine a measurement depends on: kernel, processors, memory and power."""

from __future__ import annotations

import contextlib
import os
from typing import Any


def power_source(root: str = "/sys/class/power_supply") -> str | None:
    """Return `mains` or `battery`, None where the machine does not say, as most virtual machines and desktops' WSL."""
    kinds: dict[str, list[str]] = {}
    try:
        supplies = sorted(os.listdir(root))
    except OSError:
        return None
    for supply in supplies:
        kind = _first_line(os.path.join(root, supply, "type"))
        value = _first_line(os.path.join(root, supply, "status" if kind == "Battery" else "online"))
        kinds.setdefault(kind, []).append(value)
    if "1" in kinds.get("Mains", []) + kinds.get("USB", []):
        return "mains"
    if "Battery" in kinds:
        return "battery" if "Mains" in kinds or "Discharging" in kinds["Battery"] else "mains"
    return None


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.readline().strip()
    except OSError:
        return ""


def read() -> dict[str, Any]:
    """Return what a measurement depends on and a name of the machine is not needed for."""
    system = os.uname()
    model = None
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as handle:
        model = next((line.partition(":")[2].strip() for line in handle if line.startswith("model name")), None)
    return {
        "kernel": system.release,
        "machine": system.machine,
        "cpu_model": model,
        "cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "power": power_source(),
    }
