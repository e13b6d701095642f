# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs playbooks against one test machine, many times and not always to their end; for the scenarios that need that."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wsltune"
PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"


@dataclass
class Play:
    """What a run of a playbook came to."""

    code: int
    output: str
    seconds: float

    @property
    def changed(self) -> int:
        found = re.search(r"changed=(\d+)", self.output)
        return int(found[1]) if found else -1


class Machine:
    """A test machine that runs, as machine.sh made it."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.port = name, port

    def command(self, *words: str) -> list[str]:
        return [str(ROOT / "tests/containers/podman.sh"), "podman", "exec", "-i", self.name, *words]

    def run(self, *words: str, check: bool = True, text: str | None = None) -> str:
        """Run a command as root on the machine and return what it prints."""
        result = subprocess.run(self.command(*words), input=text, capture_output=True, text=True, check=False)
        if check and result.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(words)}: exit {result.returncode}: {result.stderr.strip()}")
        return result.stdout

    def put(self, source: Path, target: str) -> None:
        self.run("sh", "-c", f"cat > {target}", text=source.read_text(encoding="utf-8"))

    def start(self, playbook: str, variables: dict, output, verbosity: int = 0) -> subprocess.Popen:
        """Start a playbook in a process group of its own."""
        inventory = {"all": {"hosts": {self.name: {}}}}
        settings = {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": str(CACHE / "ssh/id_ed25519"),
            "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
            "-o ControlMaster=auto -o ControlPersist=120s",
            "verify_benchmark": False,
        }
        inventory["all"]["hosts"][self.name] = settings
        path = CACHE / f"inventory-{self.name}.json"
        path.write_text(json.dumps(inventory), encoding="utf-8")
        defaults = CACHE / "ansible.cfg"
        defaults.write_text("[defaults]\n", encoding="utf-8")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MOLECULE_"))}
        environment |= {
            "ANSIBLE_CONFIG": str(defaults),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_INJECT_FACT_VARS": "false",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_RETRY_FILES_ENABLED": "false",
            "ANSIBLE_VERBOSITY": str(verbosity),
        }
        return subprocess.Popen(
            [str(PLAYBOOK), "-i", str(path), str(ROOT / "playbooks" / playbook), "-e", json.dumps(variables)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=ROOT,
            start_new_session=True,
        )

    def play(self, playbook: str, variables: dict) -> Play:
        begin = time.monotonic()
        process = self.start(playbook, variables, subprocess.PIPE)
        output = process.communicate()[0].decode("utf-8", "replace")
        return Play(process.returncode, output, time.monotonic() - begin)

    def kill(self, process: subprocess.Popen) -> None:
        """Kill a run at once: what runs here and what it started there."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.run("pkill", "-KILL", "-x", "python3.*", check=False)

    def snapshot(self, verb: str, path: str, *ignored: str) -> dict:
        self.put(ROOT / "molecule/shared/files/snapshot.py", "/var/tmp/snapshot.py")
        return json.loads(self.run("python3", "/var/tmp/snapshot.py", verb, path, *ignored))
