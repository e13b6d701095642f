# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs all checks and puts them in order; each judges in places.py, wsl.py, fstab.py, machine.py or module.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor import machine as doctor_machine
from ansible_collections.wsltune.go.plugins.module_utils.doctor import module as doctor_module
from ansible_collections.wsltune.go.plugins.module_utils.doctor import places as doctor_places
from ansible_collections.wsltune.go.plugins.module_utils.doctor import wsl as doctor_wsl
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.linux import distribution

OLDEST_GO = (1, 19)


def judge(seen: Mapping[str, Any], wanted: Sequence[str] = ()) -> list[doctor_check.Check]:
    """List the checks in their order, all of them or the wanted ones."""
    go = seen["go"]["go"]
    seen = {**seen, "version_of_go": go_observe.version_tuple(go["version"]) if go else ()}
    work = doctor_module.read_work(seen)
    checks = [
        *doctor_places.judge(seen, work),
        *doctor_wsl.judge(seen),
        *doctor_machine.judge(seen, work, OLDEST_GO),
        *doctor_module.judge(seen),
    ]
    if "modules" not in seen:
        cause = next((check for check in doctor_check.rank(checks) if check.blocks), None)
        if cause is not None:
            checks.append(doctor_check.unknown("WT-060", f"Nothing was built or tested, because of {cause.id}."))
    spelled = [replace(check, command=distribution.advise(check.command, seen["manager"])) for check in checks]
    return doctor_check.rank([check for check in spelled if not wanted or check.id in wanted])


def summarise(seen: Mapping[str, Any], checks: Sequence[doctor_check.Check]) -> dict[str, Any]:
    """Return what the module returns."""
    go = seen["go"]["go"]
    return {
        "format": 1,
        "user": seen["user"],
        "status": doctor_check.find_worst(checks),
        "counts": doctor_check.count(checks),
        "go": go["version"] if go else None,
        "wsl": seen["wsl"]["version"],
        "distro": seen["wsl"]["distro"],
        "kernel": seen["wsl"]["kernel"],
        "modules": [module["directory"] for module in seen["modules"]] if isinstance(seen.get("modules"), list) else [],
        "took": seen.get("took"),
        "checks": [check.as_dict() for check in checks],
    }
