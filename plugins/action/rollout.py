# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keeps the record of a rollout, on the controller alone; a module would be a process for each host and step."""

from __future__ import annotations

import datetime
import multiprocessing
import os
import time
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.wsltune.go.plugins.module_utils.fleet import record as fleet_record
from ansible_collections.wsltune.go.plugins.module_utils.fleet import report as fleet_report
from ansible_collections.wsltune.go.plugins.module_utils.fleet import rings as fleet_rings
from ansible_collections.wsltune.go.plugins.module_utils.fleet import rollout as fleet_rollout
from ansible_collections.wsltune.go.plugins.module_utils.linux import text

OF_ALL = ["begin", "judge", "judge_again", "finish"]
OF_A_HOST = ["tune", "done", "failed", "looked", "back", "not_back"]
UNNAMED = "default"
SPEC = {
    "step": {"type": "str", "required": True, "choices": OF_ALL + OF_A_HOST},
    "folder": {"type": "path", "required": True},
    "name": {"type": "str", "default": UNNAMED},
    "command": {"type": "str", "default": "run"},
    "rings": {"type": "list", "elements": "raw"},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "freeze": {"type": "list", "elements": "raw", "default": []},
    "stop_file": {"type": "str", "default": ""},
    "verify": {"type": "dict", "default": {}},
    "facts": {"type": "dict", "default": {}},
    "doctor": {"type": "dict", "default": {}},
    "note": {"type": "str", "default": ""},
}
REFUSALS = (fleet_record.RecordError, fleet_rings.RingError, fleet_rollout.CommandError)


class ActionModule(ActionBase):
    """One step of a rollout, for all of its hosts or for the one that the task runs for."""

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Take the step that the option `step` names; raise AnsibleError with one sentence where it is refused."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _result, given = self.validate_argument_spec(argument_spec=SPEC)
        self.given, self.task_vars = given, task_vars or {}
        self.store = fleet_record.Store(given["folder"])
        self.now = time.time()
        try:
            return {**result, "changed": False, **getattr(self, f"_{given['step']}")()}
        except REFUSALS as error:
            raise AnsibleError(str(error)) from None

    def _wanted(self, hosts: list[str]) -> dict[str, str]:
        every = self.task_vars["hostvars"]
        return {host: str(every[host].get("wsltune_ring", "")) for host in hosts}

    def _is_stopped(self) -> bool:
        return bool(self.given["stop_file"]) and os.path.lexists(self.given["stop_file"])

    def _hosts(self, rollout: fleet_record.Rollout) -> dict[str, fleet_record.HostState]:
        return {host: self.store.load_host(host) for state in rollout.rings for host in state.hosts}

    def _load(self) -> fleet_record.Rollout:
        rollout = self.store.load()
        if rollout is None:
            raise fleet_record.RecordError(f"{self.store.path} is gone: something else removed it during this run.")
        return rollout

    def _check_name(self, rollout: fleet_record.Rollout | None) -> None:
        """Refuse the record of another rollout, which would be continued or called finished in place of a new one."""
        name = self.given["name"]
        if rollout is not None and name not in (UNNAMED, rollout.name):
            raise fleet_record.RecordError(
                f"{self.store.folder} has the record of the rollout {rollout.name} and wsltune_rollout_name is {name}: "
                "give that name, or a wsltune_rollout_dir of its own to begin another."
            )

    def _find_block(self) -> str:
        """Return why nothing may happen now; nothing where it may."""
        freeze = fleet_rollout.find_freeze(self.given["freeze"], datetime.datetime.now())
        if self._is_stopped():
            return f"{fleet_rollout.STOPPED} {self.given['stop_file']} is there: remove it to go on."
        return freeze

    def _begin(self) -> dict[str, Any]:
        given, wish = self.given, self.given["command"]
        rings = fleet_rings.read_rings(given["rings"] if given["rings"] is not None else list(fleet_rings.DEFAULT))
        blocked = self._find_block()
        fleet_rollout.check_command(wish)
        rollout = self.store.load()
        self._check_name(rollout)
        if wish == "status":
            return {"begun": rollout is not None, "look": [], "back": [], "runs": {}, "blocked": True}
        self.store.lock(find_own_run())
        # Another controller may have written it until the lock was ours.
        rollout = self.store.load()
        self._check_name(rollout)
        wanted = self._wanted(given["hosts"])
        if rollout is None:
            groups = self.task_vars["groups"]
            rollout = fleet_rollout.start(given["name"], self.now, rings, given["hosts"], groups, wanted)
        else:
            fleet_rollout.refresh(rollout, rings, given["hosts"], wanted)
        hosts = self._hosts(rollout)
        answer = fleet_rollout.command(rollout, wish, hosts, self.now, blocked)
        for name in answer["again"]:
            self.store.save_host(fleet_rollout.begin_again(hosts[name]))
        self.store.save(rollout)
        runs = {host: hosts[host].run for host in answer["back"]}
        return {"begun": True, "look": answer["look"], "back": answer["back"], "runs": runs, "blocked": bool(blocked)}

    def _judge(self) -> dict[str, Any]:
        rollout = self._load()
        hosts = self._hosts(rollout)
        back = fleet_rollout.judge(rollout, hosts, self.now)
        tune = fleet_rollout.to_tune(rollout, hosts, self.now)
        self.store.save(rollout)
        measured = [
            host
            for state in rollout.rings
            for host in fleet_rings.choose_measured(state.ring, fleet_rollout.members(rollout, state))
        ]
        runs = {host: hosts[host].run for host in back}
        return {"tune": tune, "back": back, "measured": measured, "runs": runs}

    def _judge_again(self) -> dict[str, Any]:
        rollout = self._load()
        hosts = self._hosts(rollout)
        if not self._is_stopped():
            # Who is still to be tried again did not answer, and who sleeps keeps no ring from passing.
            for host in hosts.values():
                if host.retry:
                    host.retry = False
                    self.store.save_host(host)
        back = fleet_rollout.judge(rollout, hosts, self.now)
        self.store.save(rollout)
        return {"back": back, "runs": {host: hosts[host].run for host in back}}

    def _finish(self) -> dict[str, Any]:
        rollout = self.store.load()
        if rollout is None:
            text = f"No rollout named {self.given['name']} has begun.\n"
            return {"text": text, "exit_code": fleet_rollout.HOLDING, "status": "not begun", "why": text}
        hosts = self._hosts(rollout)
        if self.given["command"] == "status" and rollout.status == fleet_record.RUNNING:
            rollout.why = fleet_rollout.explain_now(rollout.why, self._find_block())
        summary = fleet_report.summarise(rollout, hosts, self.now)
        code = fleet_rollout.exit_code(rollout)
        if self.given["command"] != "status":
            self.store.write_reports(summary, fleet_report.write_html(summary))
            self.store.unlock(find_own_run())
        text = fleet_report.write_text(summary, self.store.folder)
        return {"text": text, "exit_code": code, "status": rollout.status, "why": rollout.why}

    def _host(self) -> fleet_record.HostState:
        return self.store.load_host(str(self.task_vars["inventory_hostname"]))

    def _critical(self) -> list[str] | None:
        return fleet_rollout.take_critical(self.given["doctor"]) if self.given["doctor"] else None

    def _tune(self) -> dict[str, Any]:
        """Note that a host is about to be tuned, and by which run, unless somebody stops the rollout meanwhile."""
        if self._is_stopped():
            return {"stopped": True, "run": ""}
        host = fleet_rollout.begin_tuning(self._host(), self.now, self._critical())
        self.store.save_host(host)
        return {"stopped": False, "run": host.run}

    def _done(self) -> dict[str, Any]:
        effective = fleet_rollout.take_effective(self.given["facts"])
        host = fleet_rollout.finish_tuning(self._host(), self.given["verify"], effective, self.given["note"], self.now)
        self.store.save_host(host)
        return {"state": host.state}

    def _failed(self) -> dict[str, Any]:
        host = fleet_rollout.fail_to_tune(self._host(), text.reason(self.given["note"]), self.now)
        self.store.save_host(host)
        return {"state": host.state}

    def _looked(self) -> dict[str, Any]:
        effective = fleet_rollout.take_effective(self.given["facts"])
        host = fleet_rollout.look_again(self._host(), effective, self._critical(), self.now)
        self.store.save_host(host)
        return {"lost": host.lost}

    def _back(self) -> dict[str, Any]:
        host = fleet_rollout.take_back(self._host(), self.now)
        self.store.save_host(host)
        return {"state": host.state}

    def _not_back(self) -> dict[str, Any]:
        host = fleet_rollout.fail_to_take_back(self._host(), text.reason(self.given["note"]))
        self.store.save_host(host)
        return {"state": host.state}


def find_own_run() -> int:
    """Return the process of ansible-playbook, of which this is a worker.

    Not the parent that the system names: after a kill of ansible-playbook that is another process, such as init.
    """
    parent = multiprocessing.parent_process()
    return os.getpid() if parent is None or parent.pid is None else parent.pid
