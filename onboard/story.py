# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turns Ansible's events into steps, and keeps what is printed at the end."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any, TextIO

from onboard.answers import collection
from onboard.display import Display, Step
from onboard.options import FAILED

OBSERVE = "Look at this machine and its Go"
STEPS = {
    "go_toolchain": "See that there is a Go",
    "wsl_conf": "Set up /etc/wsl.conf",
    "go_tmpfs": "Set up the place of Go's temporary files",
    "go_env": "Give Go its settings",
    "workspace": "Copy projects to this distro's own disk",
    "verify": "Measure Go before and after, check and report",
    "defender": "Set Defender's exclusions on Windows",
    "wslconfig": "Set up .wslconfig on Windows",
    "metrics": "Write what a collector reads",
}
STEPS_BACK = {
    "go_env": "Restore Go's settings",
    "go_tmpfs": "Restore the place of Go's temporary files",
    "workspace": "Take the mounts over Windows drives away",
    "wsl_conf": "Restore /etc/wsl.conf",
    "go_toolchain": "Remove Go if it was installed here",
    "metrics": "Remove the metrics for a collector",
    "defender": "Restore Defender's exclusions on Windows",
    "wslconfig": "Restore .wslconfig on Windows",
}
STEPS_DRIFT = {
    "defender": "Look at Defender's exclusions on Windows",
    "wslconfig": "Look at .wslconfig on Windows",
}
STEPS_BENCH = {"verify": "Measure this module"}
WINDOWS = {"defender", "wslconfig"}
REPORT = "report"
CHECK_ONLY = "Check and report"
LEVERS = "Try which tunings make Go faster here"
TAKE_BACK = "Take back what made Go slower"
CHANGING = {TAKE_BACK, *(step for steps in (STEPS, STEPS_BACK) for role, step in steps.items() if role != "verify")}
"""The steps that change something."""
# Tasks that do nothing to a machine and look at nothing there.
TALK = {
    "include_role",
    "include_tasks",
    "import_role",
    "import_tasks",
    "set_fact",
    "set_stats",
    "debug",
    "assert",
    "meta",
    "validate_argument_spec",
}


def printable(text: str) -> str:
    """Return a text, in which a host may have had its own say, as a terminal shows it."""
    collection()
    from ansible_collections.wsltune.go.plugins.module_utils.linux import text as linux_text

    shown: str = linux_text.printable(text)
    return shown


ANSIBLES_WORDS = (
    r"^(Task failed|Module failed|Action failed|Failed|Error while [^:]*|The filter plugin '[\w.]+' failed)[:.]\s*"
)


def sentence(text: Any) -> str:
    """Return the message of a failed task without Ansible's own words around it."""
    flat = " ".join(printable(str(text)).split())
    while True:
        short = re.sub(ANSIBLES_WORDS, "", flat)
        if short == flat:
            break
        flat = short
    return flat if len(flat) <= 800 else flat[:800] + " ..."


def _last_words(result: dict[str, Any]) -> str:
    """Return what a module printed that ended without a result, such as one that was killed; nothing for any other."""
    if not re.match(r"Module result deserialization failed|MODULE FAILURE", sentence(result.get("msg"))):
        return ""
    lines = [line for name in ("module_stdout", "module_stderr") for line in str(result.get(name) or "").splitlines()]
    said = next((line for line in reversed(lines) if line.strip()), "it printed nothing")
    return f"the module ended without a result (exit code {result.get('rc', 'unknown')}): {said}"


def failure(event: dict[str, Any]) -> str:
    """Return the sentence about a task that failed."""
    data = event.get("event_data", {})
    result = data.get("res") or {}
    if isinstance(result.get("results"), list):
        items = [item for item in result["results"] if isinstance(item, dict)]
        result = next((item for item in items if item.get("failed") or item.get("unreachable")), result)
    errors = result.get("argument_errors") or result.get("errors")
    if isinstance(errors, list) and errors:
        text, where = "; ".join(sentence(error) for error in errors), ""
    else:
        # With no_log the result is hidden, and Ansible's own line is all there is.
        printed = re.search(r"^\[ERROR\]: (.+)", event.get("stdout") or "", re.MULTILINE)
        told = _last_words(result) or result.get("msg") or result.get("stderr") or result.get("stdout")
        told = told or (printed and printed[1])
        text = sentence(told or "no reason was given")
        where = f" (in '{data.get('task', 'a task')}')"
    return f"{data.get('host', 'localhost')}: {text.rstrip('.')}{where}."


class Story:
    """Turns Ansible's events into steps, and keeps what is said at the end."""

    def __init__(self, display: Display, log: TextIO, command: str = "site") -> None:
        self.display = display
        self.command = command
        self.steps = {"rollback": STEPS_BACK, "drift": STEPS_DRIFT, "bench": STEPS_BENCH}.get(command, STEPS)
        self.log = log
        self.step: Step | None = None
        # The last one of each host: an earlier one was rescued, and the rescue says more.
        self.failures: dict[str, str] = {}
        self.errors: list[str] = []
        self.usage = False
        self.summaries: dict[str, str] = {}
        self.reports: dict[str, str] = {}
        self.statuses: set[str] = set()
        self.changed: list[str] = []
        self._begun = command == "rollback"
        self._taking_back = False
        self._measured = False

    def take(self, event: dict[str, Any]) -> None:
        """Take an event in: to the log, the steps and the end."""
        said = event.get("stdout") or ""
        if said:
            self.log.write(said.replace("\r\n", "\n").rstrip("\n") + "\n")
            self.log.flush()
        kind = event.get("event", "")
        data = event.get("event_data", {})
        if kind in ("playbook_on_task_start", "playbook_on_handler_task_start"):
            self._task(data)
        elif kind == "runner_on_file_diff" and said.strip():
            self.display.show(printable(said.replace("\r\n", "\n").strip("\n")))
        elif kind == "runner_on_ok":
            self._task_done(
                str(data.get("host")), str(data.get("task_action") or "").rpartition(".")[2], data.get("res") or {}
            )
        elif kind == "runner_on_unreachable" or (kind == "runner_on_failed" and not data.get("ignore_errors")):
            self.failures[str(data.get("host"))] = failure(event)
            if self.step:
                self.step.failed = True
        elif kind in ("verbose", "error", ""):
            self._outside_a_task(said.strip())

    def _works(self, action: str, result: dict[str, Any]) -> bool:
        """Return whether a task was work for this step: a look whether there is something to do is none."""
        if self.step and self.step.name == LEVERS:
            return bool(result.get("experiments"))
        return action not in TALK

    def _task_done(self, host: str, action: str, result: dict[str, Any]) -> None:
        if self.step:
            self.step.changed = self.step.changed or bool(result.get("changed"))
            self.step.worked = self.step.worked or self._works(action, result)
        if action != "set_stats":
            # Ansible takes it of any task, so that whoever is root on a host could say what it likes.
            return
        # What set_stats keeps for the end; the runner's own account of it leaves out what belongs to one host.
        data = (result.get("ansible_stats") or {}).get("data", {})
        if data.get("wsltune_status"):
            self.statuses.add(str(data["wsltune_status"]))
        if data.get("wsltune_report"):
            self.reports[host] = str(data["wsltune_report"])
        told = data.get("wsltune_summary")
        if isinstance(told, dict):
            self.summaries.update(told)
        elif told:
            self.summaries[host] = str(told)

    def _outside_a_task(self, said: str) -> None:
        error = re.match(r"(ERROR!|\[ERROR\]:|ansible-playbook: error:)\s*(.+)", said)
        origin = re.match(r"Origin: (.+)", said)
        if error:
            self.errors.append(sentence(error[2]))
            self.usage = self.usage or error[1].startswith("ansible-playbook")
        elif origin and self.errors:
            self.errors[-1] = f"{self.errors[-1].rstrip('.')}, in {origin[1]}."

    def _task(self, data: dict[str, Any]) -> None:
        where = f"{data.get('task') or ''} {data.get('task_path') or ''}"
        title = str(data.get("task") or "")
        role = str(data.get("role") or "").rpartition(".")[2] or self._role_in_title(title)
        # Trials are of the role verify too, so that its name alone does not say that all is measured.
        self._taking_back = self._taking_back or (not role and title.startswith("Take back what "))
        name = (
            LEVERS
            if re.search(r"levers\w*\.yml", where)
            else self._step_name(
                role, re.search(r"preflight|/scope\.yml", where) is not None, str(data.get("task_action") or "")
            )
        )
        if self.step is None or self.step.name != name:
            self.end_step()
            self.step = Step(name)
            self.display.begin(self.step)
        self.step.task = title
        # What failed before this task was rescued, unless it is reported now.
        self.step.failed = self.step.failed and role == REPORT

    def _role_in_title(self, title: str) -> str:
        """Return the role that a task includes if the plan says so: its step is shown in any case."""
        named = re.match(r"Role (\w+): ", title)
        return named[1] if named else ""

    def _step_name(self, role: str, preflight: bool, action: str = "") -> str:
        # Values of every role are checked before the first one begins.
        self._begun = self._begun or (role in self.steps and not preflight)
        if not self._begun:
            return OBSERVE
        if role == "verify":
            # The step has its name when it is known that something is measured.
            self._measured = self._measured or action.endswith("go_benchmark")
            if self._measured and self.step and self.step.name == CHECK_ONLY:
                self.step.name = self.steps[role]
            return self.steps[role] if self._measured else CHECK_ONLY
        if role in self.steps:
            return TAKE_BACK if self._taking_back and role not in WINDOWS else self.steps[role]
        # The play's own tasks belong to the step they follow.
        return self.step.name if self.step else OBSERVE

    def drift_code(self) -> int:
        """Return the exit code that the report has for the worst that was found; without a report, nothing was."""
        return int(json.loads(self.findings())["exit_code"]) if self.reports else FAILED

    def findings(self) -> str:
        """Return the JSON of what was found: of the one machine, or of each by its name; drift has one of all."""
        if self.command == "drift":
            return Path(next(iter(self.reports.values()))).read_text(encoding="utf-8").rstrip("\n")
        found = {host: json.loads(Path(path).read_text(encoding="utf-8")) for host, path in self.reports.items()}
        return json.dumps(next(iter(found.values())) if len(found) == 1 else found, indent=2)

    def tell(self, again: str = "./onboard.sh") -> None:
        """Print the summaries; drift's, which names the playbook, with the command C(again) that starts it here."""
        for text in self.summaries.values():
            said = printable(text).rstrip()
            if self.command == "drift":
                said = re.sub(r"\brun(\s+)site\.yml\b", lambda found: f"run{found[1]}{again.removesuffix(' --')}", said)
            print(f"\n{said}\n")

    def end_step(self) -> None:
        """End the step that is under way."""
        if self.step:
            self.step.ended = time.monotonic()
            self.display.end(self.step)
            if self.step.changed and self.step.name not in self.changed:
                self.changed.append(self.step.name)
            self.step = None
