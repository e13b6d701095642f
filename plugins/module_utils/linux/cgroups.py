# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the control groups of a process leave it: memory and processor time, in hierarchies of version 1 and 2."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux.mountinfo import Mount

# Version 1 says "no limit" by the largest number of whole pages.
NO_LIMIT = 2**60


def folders(text: str, mounts: Sequence[Mount], controller: str) -> list[str]:
    """List the folders of the groups of a /proc/PID/cgroup for a controller, the innermost first.

    A group outside of what is mounted here has none; a namespace shows one above its own by a path with `..`.
    """
    paths = []
    for line in text.splitlines():
        number, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        for mount in mounts:
            of_two = mount.fstype == "cgroup2" and (number, controllers) == ("0", "")
            of_one = (
                mount.fstype == "cgroup" and controller in controllers.split(",") and controller in mount.super_options
            )
            if of_one or of_two:
                paths += _upwards(path, mount)
    return paths


def _upwards(path: str, mount: Mount) -> list[str]:
    root = mount.root.rstrip("/")
    if path != root and not path.startswith(root + "/"):
        return []
    folder = os.path.normpath(mount.mount_point + "/" + path[len(root) :])
    above = []
    while folder == mount.mount_point or folder.startswith(mount.mount_point + "/"):
        above.append(folder)
        folder = os.path.dirname(folder)
    return above


def memory(groups: Sequence[str], read: Callable[[str], str | None]) -> dict[str, Any]:
    """Return the tightest limit, its folder and what the fullest group leaves, in bytes; {} without a limit."""
    tightest: dict[str, Any] = {}
    for folder in groups:
        for limit_name, used_name in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            limit = (read(f"{folder}/{limit_name}") or "").strip()
            used = (read(f"{folder}/{used_name}") or "").strip()
            if limit.isdigit() and used.isdigit() and int(limit) < tightest.get("limit", NO_LIMIT):
                tightest = {"limit": int(limit), "folder": folder}
    return {**tightest, "available": headroom(groups, read)} if tightest else {}


def headroom(groups: Sequence[str], read: Callable[[str], str | None]) -> int | None:
    """Return the bytes that the fullest group leaves, its cached files among them; None without a limit."""
    rooms: list[int] = []
    for folder in groups:
        for limit_name, used_name, prefix in (
            ("memory.max", "memory.current", ""),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
        ):
            limit = (read(f"{folder}/{limit_name}") or "").strip()
            used = (read(f"{folder}/{used_name}") or "").strip()
            if limit.isdigit() and used.isdigit() and int(limit) < NO_LIMIT:
                rows = [line.split() for line in (read(f"{folder}/memory.stat") or "").splitlines()]
                cached = sum(
                    int(row[1])
                    for row in rows
                    if len(row) == 2 and row[0] in (f"{prefix}inactive_file", f"{prefix}active_file")
                )
                rooms.append(max(0, int(limit) - int(used) + cached))
    return min(rooms, default=None)


def cpus(groups: Sequence[str], read: Callable[[str], str | None]) -> float | None:
    """Return how many CPUs' time the tightest quota leaves; None where there is no quota."""
    quotas = []
    for folder in groups:
        words = (read(f"{folder}/cpu.max") or "").split()
        if len(words) == 2 and words[0] != "max":
            quotas.append(int(words[0]) / int(words[1]))
        microseconds, period = read(f"{folder}/cpu.cfs_quota_us"), read(f"{folder}/cpu.cfs_period_us")
        if microseconds and period and int(microseconds) > 0:
            quotas.append(int(microseconds) / int(period))
    return round(min(quotas), 2) if quotas else None
