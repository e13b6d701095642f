# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the plays hand to the end of a run by set_stats; nothing that a host returns counts as that.

Ansible takes the key ansible_stats of any task's result for it, so whoever is root on one host could choose what the
run says of all of them, and its exit code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ACTIONS = ("set_stats", "ansible.builtin.set_stats", "ansible.legacy.set_stats")
"""The names of the task, which works on the controller alone."""
RUN = "_run"
"""Where the values are that belong to no host."""


class Stats:
    """The values by host and name, of a later task where two set one and it does not aggregate."""

    def __init__(self) -> None:
        self.custom: dict[str, dict[str, Any]] = {}

    def take(self, action: str, host: str, result: Mapping[str, Any]) -> None:
        """Take what a task has set; C(action) is its name in the play, C(result) what it returned."""
        stats = result.get("ansible_stats") if action in ACTIONS else None
        if not isinstance(stats, Mapping):
            return
        there = self.custom.setdefault(host if stats.get("per_host") else RUN, {})
        for name, value in (stats.get("data") or {}).items():
            there[name] = _add(there.get(name), value) if stats.get("aggregate") else value


def _add(before: Any, value: Any) -> Any:
    """Return two values as one, as Ansible adds them up."""
    if isinstance(before, dict) and isinstance(value, dict):
        return {**before, **value}
    alike = isinstance(before, (str, int, float, list)) and isinstance(value, type(before))
    return before + value if alike else value
