# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PowerShell modules through the real ansible-core, on the PowerShell that PWSH names, beside a simulated wsl.exe."""

from __future__ import annotations

import base64
import configparser
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[4]
STANDIN = ROOT / "tests" / "windows_host" / "standins" / "wsl"


@dataclass
class Step:
    """One call of a module; `before` is a shell command that comes before it, `show` a file to be read after it."""

    options: dict[str, Any]
    before: str = ""
    check: bool = False
    show: Path | None = None


@dataclass
class Outcome:
    result: dict[str, Any]
    content: bytes | None = None

    def __getattr__(self, name: str) -> Any:
        return self.result[name]


@dataclass
class Bed:
    folder: Path
    pwsh: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.folder / "wsl.ini"

    def distros(self, **sections: dict[str, str]) -> None:
        ini = configparser.ConfigParser(interpolation=None, delimiters=("=",))
        ini.optionxform = str  # type: ignore[assignment,method-assign]
        ini.read_dict({"wsl": {"log": str(self.folder / "calls")}, **sections})
        with self.state.open("w") as file:
            ini.write(file)

    @property
    def calls(self) -> list[list[str]]:
        text = (self.folder / "calls").read_text() if (self.folder / "calls").exists() else ""
        return [line.split("\t") for line in text.splitlines()]

    def run(self, module: str, steps: list[Step]) -> list[Outcome]:
        tasks: list[dict[str, Any]] = []
        for step in steps:
            if step.before:
                tasks.append({"ansible.builtin.debug": {"msg": "{{ lookup('ansible.builtin.pipe', command) }}"}})
                tasks[-1]["vars"] = {"command": step.before}
            tasks.append(
                {
                    f"wsltune.go.{module}": step.options,
                    "register": "found",
                    "check_mode": step.check,
                    "diff": True,
                    "ignore_errors": True,
                }
            )
            read = f"test -e '{step.show}' && base64 -w0 '{step.show}' || echo none"
            told = {"result": "{{ found }}", "content": "{{ lookup('ansible.builtin.pipe', read) }}"}
            tasks.append({"ansible.builtin.debug": {"msg": "FOUND-{{ told | to_json | b64encode }}-"}})
            tasks[-1]["vars"] = {"told": told, "read": read if step.show else "echo none"}
        play = self.folder / "play.yml"
        play.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
        environment = {
            **os.environ,
            "HOME": str(self.folder),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "TMPDIR": str(self.folder),
            "PATH": f"{STANDIN}:{os.environ['PATH']}",
            "WSLTUNE_WSL_STATE": str(self.state),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_NOCOLOR": "1",
            **self.environment,
        }
        (self.folder / "data").mkdir(exist_ok=True)
        hosts = self.folder / "hosts.json"
        host = {"ansible_connection": "local", "ansible_pwsh_interpreter": self.pwsh}
        hosts.write_text(json.dumps({"all": {"hosts": {"windows": host}}}))
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(hosts), str(play)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
        said = re.findall(r"FOUND-([A-Za-z0-9+/=]+)-", ended.stdout)
        assert len(said) == len(steps), ended.stdout + ended.stderr
        outcomes = []
        for one in said:
            told = json.loads(base64.b64decode(one))
            content = None if told["content"] == "none" else base64.b64decode(told["content"])
            outcomes.append(Outcome(told["result"], content))
        return outcomes


@pytest.fixture
def bed(tmp_path: Path, pwsh: str) -> Bed:
    made = Bed(tmp_path, pwsh)
    made.distros()
    return made
