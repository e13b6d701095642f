# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What restart.yml restarts: what waits and what is asked for go in, a restart or why there is none comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

NONE = "none"
DISTRO = "distro"
VM = "vm"
WISHES = (NONE, DISTRO, VM)
SHUTDOWN = "wsl.exe --shutdown"
NOT_FROM_INSIDE = "a distro cannot restart itself from inside"
NO_WINDOWS_HOST = "wsltune_windows_host names no host that is the Windows side of this distro"


@dataclass(frozen=True)
class Plan:
    """What waits for a restart, as sentences, and what is done about it.

    C(due) is whether a distro is restarted, C(whole_vm) whether the virtual machine and with it every distro is,
    C(names) are the keys that are in force afterwards, and C(why_not) says why what is asked for cannot be done from
    here, with the command for a person.
    """

    waiting: list[str]
    due: bool
    whole_vm: bool
    names: list[str]
    why_not: str


def plan(
    conf: Mapping[str, Any], wslconfig: Mapping[str, Any], wish: str, *, is_inside: bool, has_windows: bool
) -> Plan:
    """Return what to restart; raise ValueError for a wish that is none.

    C(conf) is what is known of /etc/wsl.conf, C(wslconfig) what win_wslconfig returned, empty where Windows did not
    answer. C(is_inside) is whether this runs in the distro itself, and C(has_windows) whether the inventory has the
    Windows host.
    """
    if wish not in WISHES:
        raise ValueError(f"wsltune_restart is {wish!r}; give none, distro or vm.")
    reported = list(wslconfig.get("pending_sentences") or [])
    whole_vm = wish == VM and bool(reported)
    names = [*conf["pending"], *((wslconfig.get("pending") or []) if whole_vm else [])]
    is_asked = wish != NONE and (whole_vm or bool(conf["pending"]))
    is_possible = has_windows and not is_inside
    why_not = ""
    if is_asked and not is_possible:
        command = SHUTDOWN if whole_vm else conf["restart_command"]
        why_not = (
            f"Not restarted: {NOT_FROM_INSIDE if is_inside else NO_WINDOWS_HOST}. Close your work, run `{command}` in "
            "a Windows prompt, open the distro again and run this again to check."
        )
    return Plan([*conf["pending_sentences"], *reported], is_asked and is_possible, whole_vm, names, why_not)


def plan_restart(
    wsl: Mapping[str, Any],
    wslconfig: Mapping[str, Any],
    wish: str = NONE,
    is_inside: bool = False,
    has_windows: bool = False,
) -> dict[str, Any]:
    """Return the plan from the facts of wsl_facts, as a playbook reads it."""
    return asdict(plan(wsl["conf"], wslconfig, wish, is_inside=is_inside, has_windows=has_windows))
