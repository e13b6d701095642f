# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""playbooks/rollout.yml as it is, by the real ansible-playbook, over hosts that are names alone.

Everything but the tuning itself is real: the plays, the record, the gate, the exit codes. A host that sleeps is an
address where nobody answers.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIGHT = Path(__file__).resolve().parent / "light"


class LightFleet:
    """A folder with an inventory, a record and a log of what was done to which host."""

    def __init__(self, folder: Path, hosts: Iterable[str], rings: list[dict[str, Any]]) -> None:
        self.folder, self.hosts = folder, list(hosts)
        self.record, self.log, self.state = folder / "record", folder / "log", folder / "state"
        self.settings: dict[str, Any] = {
            "wsltune_rings": rings,
            "wsltune_rollout_dir": str(self.record),
            "wsltune_rollout_doctor": False,
            "light_log": str(self.log),
            "light_state": str(self.state),
            **{f"rollout_{name}_tasks": str(LIGHT / f"{name}.yml") for name in ("tune", "look", "back")},
        }

    def start(self, command: str = "", asleep: Iterable[str] = (), **settings: Any) -> subprocess.Popen[str]:
        """Start a run in a process group of its own."""
        away = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory = {"all": {"hosts": {name: away if name in set(asleep) else here for name in self.hosts}}}
        self.state.mkdir(parents=True, exist_ok=True)
        (self.folder / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
        given = {**self.settings, **settings, **({"wsltune_rollout": command} if command else {})}
        return subprocess.Popen(
            [
                str(Path(sys.executable).parent / "ansible-playbook"),
                *("-i", str(self.folder / "inventory.json"), "-e", json.dumps(given)),
                str(ROOT / "playbooks/rollout.yml"),
            ],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORKS": "4"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str = "", asleep: Iterable[str] = (), **settings: Any) -> tuple[int, str]:
        """Run it to its end; return its exit code and what it printed."""
        process = self.start(command, asleep, **settings)
        text, _ = process.communicate(timeout=300)
        return process.returncode, text

    def done(self) -> list[str]:
        """Return what was done to hosts, in order."""
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []

    def changed(self) -> dict[str, str]:
        """Return the hosts that are changed now, each with the run that changed it."""
        files = self.state.iterdir() if self.state.is_dir() else ()
        return {path.name: path.read_text(encoding="utf-8").strip() for path in files}

    def is_at_work(self) -> bool:
        """Return whether a process of a run lives, such as a worker of one that was killed."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if os.fsencode(self.folder / "inventory.json") in path.read_bytes().split(b"\0"):
                    return True
        return False
