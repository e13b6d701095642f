# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a Windows user's process has, for PowerShell on Linux."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WINDOWS = {
    "SystemDrive": "C:",
    "SystemRoot": r"C:\Windows",
    "ProgramFiles": r"C:\Program Files",
    "ProgramData": r"C:\ProgramData",
    "USERPROFILE": r"C:\Users\dev",
    "USERNAME": "dev",
    "LOCALAPPDATA": r"C:\Users\dev\AppData\Local",
    "APPDATA": r"C:\Users\dev\AppData\Roaming",
    "TEMP": r"C:\Users\dev\AppData\Local\Temp",
}
ON_ACCESS = r"\:{PathType:folder,ScanTrigger:OnAccess}"


def environment(folder: Path) -> dict[str, str]:
    """Variables of that user, with the simulated Defender's state and the registry in files of a folder."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL") if name in os.environ}
    return {
        **kept,
        **WINDOWS,
        "PSModulePath": str(ROOT / "tests" / "windows_host" / "standins"),
        "WSLTUNE_DEFENDER_STATE": str(folder / "Defender.json"),
        "PWSH_BED_REGISTRY": str(folder / "registry.json"),
    }


def play(tasks: list[dict[str, Any]], pwsh: str, folder: Path) -> tuple[str, Any]:
    """Run tasks through ansible-core; return what it prints and the fact C(seen) at the end."""
    last = {"ansible.builtin.copy": {"content": "{{ seen | to_json }}", "dest": f"{folder}/seen.json"}}
    text = json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [*tasks, last]}])
    (folder / "play.yml").write_text(text, encoding="ascii")
    connection = {
        "ansible_connection": "local",
        "ansible_pwsh_interpreter": pwsh,
        "ansible_python_interpreter": sys.executable,
    }
    settings = {
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "ANSIBLE_PIPELINING": "true",
    }
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [program, "-i", "localhost,", "--diff", "-e", json.dumps(connection), str(folder / "play.yml")]
    done = subprocess.run(
        command, check=False, env={**environment(folder), **settings}, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads((folder / "seen.json").read_text(encoding="utf-8"))


def see(**what: str) -> dict[str, Any]:
    """A task that adds what it is given to the fact C(seen)."""
    return {"ansible.builtin.set_fact": {"seen": "{{ seen | default([]) + [now] }}"}, "vars": {"now": what}}


def content(path: Path | str, options: str = "") -> str:
    """A template for the content of a file at that time."""
    return f"{{{{ lookup('ansible.builtin.file', '{path}'{options}) }}}}"
