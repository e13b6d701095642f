# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All that was measured, judged and put in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils import (
    doctor,
    doctor_machine,
    doctor_module,
    doctor_places,
    doctor_wsl,
    go_state,
)

OLDEST_GO = (1, 19)


def judge(seen: Mapping[str, Any], wanted: Sequence[str] = ()) -> list[doctor.Check]:
    """The checks in their order, all of them or the wanted ones."""
    go = seen["go"]["go"]
    seen = {**seen, "go_version": go_state.version_tuple(go["version"]) if go else ()}
    work = doctor_module.work(seen)
    checks = [
        *doctor_places.judge(seen, work),
        *doctor_wsl.judge(seen),
        *doctor_machine.judge(seen, work, OLDEST_GO),
        *doctor_module.judge(seen),
    ]
    if "modules" not in seen:
        cause = next((check for check in doctor.rank(checks) if check.blocks), None)
        if cause is not None:
            checks.append(doctor.unknown("WT-060", f"Nothing was built or tested, because of {cause.id}."))
    return doctor.rank([check for check in checks if not wanted or check.id in wanted])


def summarise(seen: Mapping[str, Any], checks: Sequence[doctor.Check]) -> dict[str, Any]:
    """What the module returns."""
    go = seen["go"]["go"]
    return {
        "format": 1,
        "user": seen["user"],
        "status": doctor.worst(checks),
        "counts": {status: sum(check.status == status for check in checks) for status in doctor.ORDER},
        "go": go["version"] if go else None,
        "wsl": seen["wsl"]["version"],
        "distro": seen["wsl"]["distro"],
        "kernel": seen["wsl"]["kernel"],
        "modules": [one["directory"] for one in seen["modules"]] if isinstance(seen.get("modules"), list) else [],
        "took": seen.get("took"),
        "checks": [check.as_dict() for check in checks],
    }
