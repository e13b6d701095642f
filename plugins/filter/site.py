# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.wsltune.go.plugins.module_utils import report
from ansible_collections.wsltune.go.plugins.module_utils.go import packages as go_packages
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.levers import plan


class FilterModule:
    """What a run in a distro follows and what it says at its end."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "site_levers": plan.read_levers,
            "site_levers_refusal": plan.explain_refusal,
            "site_levers_on_auto": plan.list_levers_on_auto,
            "site_levers_decided": plan.merge_decisions,
            "site_lever_lost": plan.has_lost,
            "site_slow_caches": go_plan.list_slow_caches,
            "site_folders_in_use": plan.list_folders_in_use,
            "site_changes": report.list_site_changes,
            "site_notes": report.list_site_notes,
            "site_go_failures": report.find_go_failures,
            "site_go_no_answer": go_packages.explain_no_answer,
            "site_go_silent": go_packages.list_no_answer,
            "site_packages_new": go_packages.list_new,
            "site_packages_record": go_packages.merge_record,
        }
