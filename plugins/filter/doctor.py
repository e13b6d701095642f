# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.wsltune.go.plugins.module_utils.linux import text
from ansible_collections.wsltune.go.plugins.plugin_utils.later import Later


def _of_findings(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(findings: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(findings, Mapping) or not {"checks", "counts"} <= set(findings):
            raise AnsibleFilterError(
                f"{name}: the input holds no findings: pass what wsltune.go.doctor returns as `doctor`."
            )
        # Whoever is root on a host decides what it returns, and a person reads this at a terminal.
        return text.printable(function(findings, *args, **kwargs))

    return apply


class FilterModule:
    """What the doctor found, for people."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name; NAME.yml documents each."""
        return {
            "doctor_text": _of_findings("doctor_text", Later("doctor.report", "write_text")),
            "doctor_headline": _of_findings("doctor_headline", Later("doctor.report", "write_headline")),
            "doctor_cost": Later("doctor.report", "write_cost"),
            "doctor_failing": Later("doctor.check", "choose_failing"),
        }
