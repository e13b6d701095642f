# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Boots a WSL distro with a Windows host of its own and runs commands in it; host.sh does the work."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
POWERSHELL = "/mnt/c/Windows/System32/WindowsPowerShell/v1.0/powershell.exe"
WSL_INI = r"C:\windows\system32\wsl.ini"
WSL_LOG = r"C:\Users\erin\calls.txt"
# The distro runs since long ago, as far as wsl.exe knows.
WSL = "[wsl]\ndefault=Debian\n[Debian]\nrunning=1\n[exec]\n/bin/cat /proc/stat=0|btime 1000\\n\n"


@dataclass(frozen=True)
class WindowsHost:
    """A machine that host.sh booted; commands run in it as in a terminal of that distro."""

    name: str

    def run(
        self,
        *command: str,
        user: str = "root",
        elevated: bool = True,
        check: bool = True,
        text: str | None = None,
        oldest: bool = False,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        options = ["--as", user] + ([] if elevated else ["--unelevated"])
        environment = {**os.environ, "ANSIBLE_OF": "/opt/ansible/oldest" if oldest else "/opt/ansible/runtime"}
        result = subprocess.run(
            [str(HERE / "host.sh"), "run", *options, self.name, *command],
            input=text or "",
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and result.returncode != 0:
            raise AssertionError(f"{command}: exit {result.returncode}\n{result.stdout}\n{result.stderr}")
        return result

    def run_powershell(self, script: str, **how) -> subprocess.CompletedProcess[str]:
        """Run a script without the plugin and without Ansible."""
        switches = ["-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass"]
        return self.run(POWERSHELL, *switches, "-Command", script, **how)

    def powershell(self, script: str, **how) -> str:
        """What a script prints."""
        return self.run_powershell(script, **how).stdout

    def set_execution_policy(self, policy: str) -> None:
        """For who calls stand-ins without -ExecutionPolicy: Windows' own modules are signed and load anywhere."""
        self.powershell(f"Set-ExecutionPolicy -Scope CurrentUser {policy} -Force -ErrorAction Ignore; exit 0")

    def put(self, path: str, text: str) -> None:
        data = base64.b64encode(text.encode()).decode()
        self.powershell(f"[IO.File]::WriteAllBytes('{path}', [Convert]::FromBase64String('{data}'))")

    def get(self, path: str) -> str | None:
        said = self.powershell(
            f"if (Test-Path '{path}') {{ [Convert]::ToBase64String([IO.File]::ReadAllBytes('{path}')) }} else {{ '-' }}"
        )
        return None if said.strip() == "-" else base64.b64decode(said).decode()

    def hostname(self) -> str:
        return self.run("cat", "/proc/sys/kernel/hostname").stdout.strip()

    def register_distro(self) -> None:
        """Have Windows know this machine as its distro Debian, as far as wsl.exe and the registry tell."""
        self.put(WSL_INI, WSL)
        self.powershell(
            "$l = 'HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Lxss'; $null = New-Item -Force \"$l\\{1}\";"
            "Set-ItemProperty $l DefaultDistribution '{1}'; Set-ItemProperty \"$l\\{1}\" DistributionName Debian;"
            'Set-ItemProperty "$l\\{1}" BasePath \'C:\\wsl\\Debian\'; Set-ItemProperty "$l\\{1}" Flags 15'
        )

    def forget_distros(self) -> None:
        """Have the registry know no distro."""
        self.powershell(
            "Remove-Item -Recurse -ErrorAction Ignore HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Lxss; exit 0"
        )

    def exclusions(self) -> list[str]:
        said = self.powershell(
            "$p = Get-MpPreference; ConvertTo-Json @($p.ExclusionPath + $p.ExclusionProcess | Where-Object { $_ })"
        )
        return json.loads(said or "[]")

    def ledger(self) -> str:
        return self.powershell(
            "Get-ChildItem -Recurse HKLM:\\SOFTWARE\\wsltune -ErrorAction Ignore | ForEach-Object { $_.Name }; exit 0"
        ).strip()

    def restarts(self) -> list[str]:
        """What wsl.exe was told to stop since the last time."""
        said = self.get(WSL_LOG) or ""
        self.powershell(f"Remove-Item -ErrorAction Ignore {WSL_LOG}; exit 0")
        return [line for line in said.splitlines() if line.startswith(("--terminate", "--shutdown"))]

    def ansible(self, module: str, arguments: dict, *options: str, variables: dict | None = None, **how) -> dict:
        """All that one call of a module on the Windows host returns, as a play registers it."""
        play = {
            "hosts": "windows",
            "gather_facts": False,
            "vars": {"ansible_connection": "wsltune.go.wsl_interop", **(variables or {})},
            "tasks": [
                {
                    "name": "Call",
                    module: arguments,
                    "register": "called",
                    "ignore_errors": True,
                    "ignore_unreachable": True,
                },
                {"name": "Show", "ansible.builtin.debug": {"msg": "RESULT{{ called | to_json | b64encode }}END"}},
            ],
        }
        words = ["sh", "-c", 'play=$(mktemp) && cat > "$play" && ansible-playbook -i windows, "$play" "$@"; rm "$play"']
        said = self.run(*words, "-", *options, text=json.dumps([play]), check=False, **how)
        found = re.search(r"RESULT([\w+/=]+)END", said.stdout)
        if not found:
            raise AssertionError(f"{module} gave no result: {said.stdout}{said.stderr}")
        result = json.loads(base64.b64decode(found[1]))
        print(module, json.dumps(result, indent=1))  # pytest shows it beside a failure
        return result

    def ansible_raw(self, statement: str, elevated: bool = True, **variables) -> subprocess.CompletedProcess[str]:
        """What the ad-hoc command prints for a statement in PowerShell."""
        settings = {"ansible_connection": "wsltune.go.wsl_interop", **variables}
        return self.run(
            "ansible",
            "windows",
            "-i",
            "windows,",
            "-m",
            "raw",
            "-a",
            statement,
            "-e",
            json.dumps(settings),
            check=False,
            elevated=elevated,
        )


def boot(name: str, tries: int = 2) -> WindowsHost:
    """Boot a machine, a new one where the first did not come up, for its image comes over the network."""
    for left in reversed(range(tries)):
        command = [str(HERE / "host.sh"), "up", name]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=1500)
        if done.returncode == 0:
            break
        if not left:
            raise RuntimeError(f"the Windows host {name} did not come up: {done.stderr}")
        print(f"{name} did not come up: {done.stderr}", file=sys.stderr)
        remove(name)
    return WindowsHost(name)


def remove(*names: str) -> None:
    subprocess.run([str(HERE / "host.sh"), "down", *names], check=True, stdout=subprocess.DEVNULL, timeout=120)
