# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs site.yml and rollback.yml in a distro with a Windows host and looks at both sides: prove.py MACHINE.

What is on Windows is read by PowerShell and from the drive, never through the code under test. Simulated: Defender,
wsl.exe, WSL's /init; tests/windows_host/README.md has the list.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.windows_host.driver import POWERSHELL, WindowsHost

WSLCONFIG = "# caf\u00e9, mine\r\n[wsl2]\r\nmemory=2GB # enough\r\n; an old line\r\nkernelCommandLine=quiet\r\n"
FOREIGN = r"C:\Games"
PROJECT = r"C:\src\shop"
COUNTER = "/var/tmp/counting-powershell"
SETTINGS = {
    "verify_benchmark": False,
    "go_tmpfs_place": "gotmpdir",
    "go_tmpfs_size": "1g",
    "wslconfig_settings": {"wsl2.processors": 2, "wsl2.swap": "1GB"},
    "defender_projects": [PROJECT],
    "defender_reason": "TICKET-1",
}
begin = time.monotonic()


def step(text: str) -> None:
    """Print the text with the seconds since the start."""
    print(f"{time.monotonic() - begin:4.0f} s: {text}", flush=True)


def expect(true: object, what: str, said: str = "") -> None:
    """End the test with `what`, and print what the run said, where it is not true."""
    if not true:
        print(said)
        raise SystemExit(f"WRONG: {what}")


class Machine(WindowsHost):
    """The distro with its Windows side, in which the playbooks run."""

    def play(self, playbook: str, *options: str, settings: dict | None = None, **how) -> str:
        """Run a playbook with the settings, keep its exit code, and return its output."""
        words = [f"playbooks/{playbook}", *options, "-e", json.dumps(settings if settings is not None else SETTINGS)]
        result = self.run("ansible-playbook", *words, check=False, **how)
        self.code = result.returncode
        return result.stdout + result.stderr

    def wslconfig(self) -> bytes:
        """Return the bytes of .wslconfig as the drive has them."""
        return base64.b64decode(self.run("base64", "-w0", "/mnt/c/Users/erin/.wslconfig").stdout)

    def recap(self, output: str, host: str) -> dict[str, int]:
        """Return the numbers of a host in Ansible's recap."""
        found = re.search(rf"^{host}\s*: (.*)$", output, re.MULTILINE)
        expect(found, f"{host} is in the recap", output)
        return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", found[1])}

    def starts(self) -> int:
        """Count the Windows programs that were started since the last count."""
        return len(self.run("sh", "-c", f"cat {COUNTER}.log 2>/dev/null; rm -f {COUNTER}.log").stdout.split())


machine = Machine(sys.argv[1])
machine.register_distro()
machine.put("C:\\Users\\erin\\.wslconfig", WSLCONFIG)
machine.powershell(
    f"$null = New-Item -ItemType Directory -Force {FOREIGN}, {PROJECT}; Add-MpPreference -ExclusionPath {FOREIGN}"
)
before = machine.exclusions()
expect(before == [FOREIGN], f"the foreign exclusion alone is there: {before}")

step("check mode changes nothing")
said = machine.play("site.yml", "--check", "--diff")
expect(machine.code == 0, "check mode ends well", said)
expect(PROJECT in said and "processors=2" in said, "check mode shows both changes", said)
expect(
    machine.exclusions() == before and machine.wslconfig() == WSLCONFIG.encode(), "check mode changed something", said
)

step("site.yml, from a terminal as administrator")
said = machine.play("site.yml")
expect(machine.code == 0, "site.yml ends well", said)
expect(machine.recap(said, "localhost-windows")["changed"] == 2, "both roles changed something", said)
shown = machine.exclusions()
expect([entry for entry in shown if entry.startswith(PROJECT)] and FOREIGN in shown, f"exclusions: {shown}", said)
written = machine.wslconfig().decode()
expect("processors=2" in written and "swap=1GB" in written, written, said)
expect(all(line in written for line in WSLCONFIG.split("\r\n")), written, said)
expect("wsl.exe --shutdown" in said or "wsl --shutdown" in said, "the summary names the restart", said)
expect(
    "TICKET-1"
    in machine.powershell(
        "Get-ChildItem -Recurse HKLM:\\SOFTWARE\\wsltune | ForEach-Object { $k = $_; $k.GetValueNames() | "
        "ForEach-Object { $k.GetValue($_) } }"
    ),
    "the ledger has the reason",
)

step("a second run changes nothing")
said = machine.play("site.yml")
expect(machine.code == 0, "the second run ends well", said)
for host in ("localhost", "localhost-windows"):
    expect(machine.recap(said, host)["changed"] == 0, f"{host} changed again", said)
expect(machine.exclusions() == shown and machine.wslconfig().decode() == written, "something changed")

step("one PowerShell per role, for 1 and for 200 entries")
machine.run("sh", "-c", f"printf '#!/bin/sh\\necho x >> {COUNTER}.log\\nexec {POWERSHELL} \"$@\"\\n' > {COUNTER}")
machine.run("chmod", "+x", COUNTER)
play = [
    {
        "hosts": "windows",
        "gather_facts": False,
        "vars": {
            "ansible_connection": "wsltune.go.wsl_interop",
            "ansible_wsl_interop_powershell_executable": COUNTER,
            "ansible_wsl_interop_working_directory": "/mnt/c",
        },
        "roles": ["wsltune.go.defender"],
    }
]
for count in (1, 200):
    entries = [PROJECT] + [rf"C:\src\many\p{number}" for number in range(1, count)]
    machine.run("sh", "-c", "cat > /var/tmp/play.json", text=json.dumps(play))
    result = machine.run(
        "ansible-playbook",
        "-i",
        "windows,",
        "/var/tmp/play.json",
        "-e",
        json.dumps(SETTINGS | {"defender_projects": entries}),
        check=False,
    )
    expect(result.returncode == 0, f"{count} entries", result.stdout)
    starts = machine.starts()
    have = [entry for entry in machine.exclusions() if entry.startswith(r"C:\src")]
    step(f"{count} entries: {starts} start of PowerShell, {len(have)} exclusions")
    expect(starts == 1 and len(have) == count, f"{starts} starts for {count} entries, {len(have)} there")

step("failures, each with its sentence")
said = machine.play("site.yml", "-e", json.dumps({"defender_projects": [PROJECT, r"C:\src\new"]}), elevated=False)
expect(
    machine.code == 0 and r"C:\src\new" not in str(machine.exclusions()), "an ordinary terminal writes nothing", said
)
expect(re.search("administrator", said), "it is said that an administrator is needed", said)

hidden = {
    "mount -t tmpfs tmpfs /run/WSL": "interop.enabled was false",
    "mount -t tmpfs tmpfs /run; umount -l /proc/sys/kernel/osrelease": "this is not WSL",
}
for mount, sentence in hidden.items():
    settings = json.dumps(SETTINGS)
    result = machine.run(
        "unshare", "-m", "sh", "-c", f"{mount}; ansible-playbook playbooks/site.yml -e '{settings}'", check=False
    )
    expect(result.returncode == 0 and "localhost-windows" not in result.stdout, f"{mount}: no failure", result.stdout)
    lines = [line for line in result.stdout.splitlines() if "Windows side" in line and "left out" in line]
    expect(sentence in result.stdout and lines, f"{mount}: one line that says so", result.stdout)

machine.run(
    "python3", "-c", "import socket; s = socket.socket(socket.AF_UNIX); s.bind('/run/WSL/99999_interop'); s.close()"
)
result = machine.run(
    "env",
    "WSL_INTEROP=/run/WSL/99999_interop",
    "ansible-playbook",
    "playbooks/site.yml",
    "-e",
    json.dumps(SETTINGS),
    check=False,
)
machine.run("rm", "/run/WSL/99999_interop")
expect(result.returncode == 0 and "unset WSL_INTEROP" in result.stdout, "a stale socket is named", result.stdout)
expect("left out: Task failed" not in result.stdout, "the reason stands alone", result.stdout)

step("rollback")
said = machine.play("rollback.yml", settings={})
expect(machine.code == 0, "the rollback ends well", said)
expect(machine.exclusions() == before, f"exclusions after the rollback: {machine.exclusions()}", said)
expect(machine.wslconfig() == WSLCONFIG.encode(), f".wslconfig after the rollback: {machine.wslconfig()!r}", said)
said = machine.play("rollback.yml", settings={})
expect(
    machine.code == 0 and machine.recap(said, "localhost-windows")["changed"] == 0,
    "a second rollback changes nothing",
    said,
)
step(f"all of it; left in the ledger: {machine.ledger() or 'nothing'}")
