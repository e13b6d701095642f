# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.wsltune.go.plugins.module_utils import report
from ansible_collections.wsltune.go.plugins.module_utils.go import packages as go_packages
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.levers import plan as levers_plan
from ansible_collections.wsltune.go.plugins.module_utils.site import plan as site_plan
from ansible_collections.wsltune.go.plugins.plugin_utils.later import Later


class FilterModule:
    """What a run in a distro follows and what it says at its end."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name; NAME.yml documents each."""
        return {
            "site_hosts": site_plan.select_distros,
            "windows_hosts": site_plan.select_windows_hosts,
            "site_left_out": site_plan.select_left_out,
            "site_plan": site_plan.make_plan,
            "site_compared": site_plan.choose_compared,
            "site_results": site_plan.select_results,
            "site_measured": site_plan.choose_measured,
            "site_slow_caches": go_plan.list_slow_caches,
            "site_folders_in_use": levers_plan.list_folders_in_use,
            "site_changes": report.list_site_changes,
            "site_notes": report.list_site_notes,
            "site_go_failures": report.find_go_failures,
            "site_go_no_answer": go_packages.explain_no_answer,
            "site_go_silent": go_packages.list_no_answer,
            "site_python": Later("linux.distribution", "install_python"),
        }
