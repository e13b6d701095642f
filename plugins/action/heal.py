# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decides on the controller about the alerts of machines, and remembers there how their heals ended."""

from __future__ import annotations

import json
import os
import time
import urllib.parse
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.wsltune.go.plugins.action import rollout
from ansible_collections.wsltune.go.plugins.module_utils.fleet import heal as fleet_heal
from ansible_collections.wsltune.go.plugins.module_utils.fleet import metrics as fleet_metrics
from ansible_collections.wsltune.go.plugins.module_utils.fleet import record as fleet_record
from ansible_collections.wsltune.go.plugins.module_utils.linux import files, text

SPEC = {
    "step": {"type": "str", "required": True, "choices": ["choose", "begin", "end"]},
    "folder": {"type": "path", "required": True},
    "alerts": {"type": "list", "elements": "raw", "default": []},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "before": {"type": "dict", "default": {}},
    "after": {"type": "dict", "default": {}},
    "error": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """One step of a heal, for all machines or for the one that the task runs for."""

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Take the step that the option `step` names; raise AnsibleError with one sentence where it is refused."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _result, self.given = self.validate_argument_spec(argument_spec=SPEC)
        self.task_vars = task_vars or {}
        self.host = str(self.task_vars.get("inventory_hostname", ""))
        self.folder = os.path.abspath(self.given["folder"])
        self.own = self._own(self.host)
        self.path = os.path.join(self.own, "record.json")
        self.store = fleet_record.Store(self.own, "heal")
        try:
            self.alerts = fleet_heal.read_alerts(self.given["alerts"])
            return {**result, "changed": False, **getattr(self, f"_{self.given['step']}")()}
        except ValueError as error:
            raise AnsibleError(str(error)) from None

    def _own(self, host: str) -> str:
        """Return the folder of a machine: of its own, because each has a lock of its own."""
        return os.path.join(self.folder, "hosts", urllib.parse.quote(host, safe=""))

    def _load(self) -> fleet_heal.Record:
        try:
            with open(self.path, encoding="utf-8") as handle:
                return fleet_heal.parse_record(json.load(handle))
        except FileNotFoundError:
            return fleet_heal.Record()
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(
                f"{self.path} cannot be used ({text.line(error)}): look into it, then remove it."
            ) from None

    def _save(self, record: fleet_heal.Record) -> None:
        content = json.dumps(record.to_json(), indent=1).encode()
        try:
            files.make_own_folders(self.own)
            files.Files().put(self.path, files.FileState.own(content))
        except OSError as error:
            raise ValueError(f"cannot write {self.path}: {error.strerror}.") from None

    def _choose(self) -> dict[str, Any]:
        groups = list(self.task_vars["groups"])
        chosen = fleet_heal.choose_hosts(self.alerts, self.given["hosts"], groups)
        strangers = fleet_heal.list_strangers(self.alerts, chosen)
        return {"chosen": chosen, "folders": {host: self._own(host) for host in chosen}, "strangers": strangers}

    def _begin(self) -> dict[str, Any]:
        """Decide, and where the machine is healed, take it for this run and count the heal as failed until it ends."""
        off = os.path.join(self.folder, "off")
        try:
            self.store.lock(rollout.find_own_run())
        except fleet_record.RecordError as error:
            why = f"{self.host} is being healed by another run, or its lock cannot be had: {error}"
            return {"action": fleet_heal.WAIT, "why": why, "settings": []}
        record = self._load()
        is_off = off if os.path.lexists(off) else ""
        name = fleet_metrics.name_setting
        decision = fleet_heal.decide(self.host, self.given["before"], self.alerts, record, name, is_off)
        if decision.action == fleet_heal.HEAL:
            self._save(fleet_heal.begin(record, time.time()))
        else:
            self.store.unlock(rollout.find_own_run())
        why = f"{decision.why} Then remove {self.path}." if decision.action == fleet_heal.STOP else decision.why
        return {"action": decision.action, "why": why, "settings": list(decision.settings)}

    def _end(self) -> dict[str, Any]:
        given = self.given
        record = self._load()
        settings = fleet_heal.list_restorable(given["before"])
        error = text.reason(given["error"]) if given["error"] else ""
        outcome = fleet_heal.judge(self.host, settings, self.alerts, given["before"], given["after"], error)
        self._save(fleet_heal.end(record, outcome, time.time()))
        self.store.unlock(rollout.find_own_run())
        return {"healed": outcome.healed, "why": outcome.sentence, "notes": outcome.notes}
