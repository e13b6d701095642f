# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.wsltune.go.plugins.module_utils.levers import plan as levers_plan
from ansible_collections.wsltune.go.plugins.module_utils.site import plan as site_plan
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import place as tmpfs_place
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.plugin_utils.later import Later


def _declared(facts: Mapping[str, Any], wishes: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run would keep on this machine: by the plan of site.yml, with what was decided about levers."""
    plan = site_plan.make_plan(facts, {**wishes, "tries": False})
    conf, tmpfs, go = (plan["roles"][name]["variables"] for name in ("wsl_conf", "go_tmpfs", "go_env"))
    observed, gocache = facts["go_tmpfs"], bool(tmpfs["go_tmpfs_gocache"])
    place = tmpfs_place.Place("", "")
    if tmpfs["go_tmpfs_state"] == "present":
        place = tmpfs_place.choose(tmpfs["go_tmpfs_place"], observed, str(tmpfs["go_tmpfs_size"]), gocache)
    has_own = place.kind == tmpfs_place.GOTMPDIR
    folders = tmpfs_plan.name_settings(observed["path"])
    content = options["wsl_conf"]["content"]
    by_levers = [name for name, value in options["wsl_conf"]["levers"].items() if value is not None]
    if "wsl_conf_interop_append_windows_path" in conf:
        value = conf["wsl_conf_interop_append_windows_path"]
        content = wsl_conf.merge(content, {"interop.appendWindowsPath": value})
        by_levers.append("interop.appendWindowsPath")
    return {
        "states": {**wishes["states"], "workspace": options["workspace_state"]},
        "wsl_conf": {**options["wsl_conf"], "content": content, "by_levers": by_levers},
        "go_tmpfs": {
            **options["go_tmpfs"],
            "kind": place.kind,
            "size": str(tmpfs["go_tmpfs_size"]),
            "left_out": dict(place.left_out),
        },
        "go_env": {
            **options["go_env"],
            **levers_plan.list_tuned_options(go),
            "gotmpdir": folders["gotmpdir"] if has_own else "",
            "gotmpdir_left_out": sorted(place.left_out),
            "gocache": folders["gocache"] if has_own and gocache else "",
            "caches_local": go["go_env_caches_local"],
            "cgo_enabled": str(go["go_env_cgo_enabled"]).lower(),
        },
        "projects": [] if plan["roles"]["workspace"]["why_not"] else wishes["projects"],
    }


def drift_report_of(facts: Any, host: str, wishes: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Compare a machine's facts with what is declared for it; raise AnsibleFilterError where the facts lack a part."""
    from ansible_collections.wsltune.go.plugins.module_utils.fleet import drift as fleet_drift

    if not isinstance(facts, Mapping) or not {"wsl", "go", "go_tmpfs", "drift"} <= set(facts):
        raise AnsibleFilterError(
            "drift_report: the input is not what it takes: pass the facts of wsltune.go.go_facts with wsl, tmpfs_path "
            "and drift."
        )
    try:
        return fleet_drift.report(host, facts, _declared(facts, wishes, options), time.time())
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


def drift_windows_report(
    host: str, defender: Mapping[str, Any], wslconfig: Mapping[str, Any], removed: Sequence[str]
) -> dict[str, Any]:
    """Compare a Windows host with what is declared for it, by what the modules would change there."""
    from ansible_collections.wsltune.go.plugins.module_utils.fleet import drift_windows

    return drift_windows.report(host, defender, wslconfig, removed, time.time())


def drift_not_seen(reason: Any, host: str, earlier: Any = None) -> dict[str, Any]:
    """Return the report of a machine that was not reached, with what the earlier report (dict or JSON) says of it."""
    from ansible_collections.wsltune.go.plugins.module_utils.fleet import drift as fleet_drift

    try:
        known = json.loads(earlier) if isinstance(earlier, str) and earlier else earlier
    except ValueError:
        # A report that was cut off says nothing.
        known = None
    return fleet_drift.not_seen(host, known if isinstance(known, Mapping) else None, str(reason or ""))


def drift_could_not_look(reason: Any, host: str) -> dict[str, Any]:
    """Return the report of a machine that was reached but could not be looked at."""
    from ansible_collections.wsltune.go.plugins.module_utils.fleet import drift as fleet_drift

    return fleet_drift.could_not_look(host, str(reason or "no reason was given"), time.time())


def drift_fleet(reports: Sequence[Mapping[str, Any]], hosts: Sequence[str]) -> dict[str, Any]:
    """Merge the machines' reports into the fleet's; a host without a report could not be looked at."""
    from ansible_collections.wsltune.go.plugins.module_utils.fleet import drift as fleet_drift

    known = {report["host"]: report for report in reports if report}
    lost = "nothing was reported about it"
    return fleet_drift.fleet([known.get(host) or drift_could_not_look(lost, host) for host in hosts], time.time())


class FilterModule:
    """What of a machine is not as it was declared, for people and programs."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name; NAME.yml documents each."""
        return {
            "drift_report": drift_report_of,
            "drift_windows_report": drift_windows_report,
            "drift_not_seen": drift_not_seen,
            "drift_could_not_look": drift_could_not_look,
            "drift_fleet": drift_fleet,
            "drift_failing": Later("fleet.drift", "choose_failing"),
            "drift_adopted": Later("fleet.adopt", "adopt"),
            "drift_text": Later("fleet.drift_report", "text"),
            "drift_fleet_text": Later("fleet.drift_report", "fleet_text"),
            "drift_markdown": Later("fleet.drift_report", "markdown"),
            "drift_junit": Later("fleet.drift_report", "junit"),
            "drift_sarif": Later("fleet.drift_report", "sarif"),
            "drift_page": Later("fleet.drift_report", "page"),
        }
