# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The modules for WSL's own settings and onboard.ps1 as Windows processes.

Real here: PowerShell's engine, ReplaceFile, the registry, the way from Linux through Ansible. Simulated: wsl.exe.
"""

from __future__ import annotations

import base64

import pytest

from tests.windows_host.driver import POWERSHELL, ROOT

FILE = "C:\\Users\\erin\\.wslconfig"
ORIGINAL = "# caf\u00e9\r\n[wsl2]\r\nmemory=1GB # too little\r\n; an old line\r\n"
STATE = """[wsl]
default=Ubuntu
[Ubuntu]
running={running}
[docker-desktop]
running={running}
[exec]
/bin/cat /proc/stat=0|btime {booted}\\n
/bin/sh -s terminals=0|mine me 0 bash\\nother bob 3 vim\\n
"""


def put(host, path: str, text: str) -> None:
    data = base64.b64encode(text.encode()).decode()
    host.powershell(f"[IO.File]::WriteAllBytes('{path}', [Convert]::FromBase64String('{data}'))")


def get(host, path: str) -> str | None:
    said = host.powershell(
        f"if (Test-Path '{path}') {{ [Convert]::ToBase64String([IO.File]::ReadAllBytes('{path}')) }} else {{ '-' }}"
    )
    return None if said.strip() == "-" else base64.b64decode(said).decode()


@pytest.fixture
def wsl(windows_host):
    """Two distros that run, in the registry and for wsl.exe."""
    put(windows_host, "C:\\windows\\system32\\wsl.ini", STATE.format(running=1, booted=4000000000))
    windows_host.powershell(
        "$l = 'HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Lxss'; $null = New-Item -Force \"$l\\{1}\";"
        "Set-ItemProperty $l DefaultDistribution '{1}'; Set-ItemProperty \"$l\\{1}\" DistributionName Ubuntu;"
        'Set-ItemProperty "$l\\{1}" BasePath \'\\\\?\\C:\\wsl\\Ubuntu\'; Set-ItemProperty "$l\\{1}" Flags 15'
    )
    yield windows_host
    windows_host.powershell(
        "Remove-Item -Recurse -ErrorAction Ignore HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Lxss,"
        f'C:\\windows\\system32\\wsl.ini, {FILE}, "$env:LOCALAPPDATA\\wsltune"; exit 0'
    )


def test_wslconfig_check_apply_again_and_back(wsl):
    put(wsl, FILE, ORIGINAL)
    wanted = {"wsl2": {"memory": "2GB", "virtiofs": True}}
    check = wsl.ansible("wsltune.go.win_wslconfig", wanted, "--check", "--diff", elevated=False)
    assert check["changed"] and get(wsl, FILE) == ORIGINAL
    apply = wsl.ansible("wsltune.go.win_wslconfig", wanted, "--diff", elevated=False)
    tuned = "# caf\u00e9\r\n[wsl2]\r\nmemory=2GB # too little\r\nvirtiofs=true\r\n; an old line\r\n"
    assert apply["changed"] and get(wsl, FILE) == tuned and apply["diff"] == check["diff"]
    assert apply["diff"]["after"] == tuned and apply["path"].lower() == FILE.lower()
    assert apply["pending"] == ["wsl2.memory", "wsl2.virtiofs"] and apply["restart_command"] == "wsl.exe --shutdown"
    assert apply["restart_stops"] == ["Ubuntu", "docker-desktop"]
    assert not wsl.ansible("wsltune.go.win_wslconfig", wanted, elevated=False)["changed"]
    back = wsl.ansible("wsltune.go.win_wslconfig", {"state": "absent"}, elevated=False)
    assert back["changed"] and get(wsl, FILE) == ORIGINAL and not back["pending_restart"]
    assert wsl.powershell('Test-Path "$env:LOCALAPPDATA\\wsltune"').strip() == "False"


def test_a_new_file_that_is_read_only_or_open(wsl):
    wanted = {"general": {"instance_idle_timeout": -1}}
    assert wsl.ansible("wsltune.go.win_wslconfig", wanted)["changed"]
    assert get(wsl, FILE) == "[general]\ninstanceIdleTimeout=-1\n"
    wsl.powershell(f"Set-ItemProperty '{FILE}' IsReadOnly $true")
    refused = wsl.ansible("wsltune.go.win_wslconfig", {"wsl2": {"ipv6": True}})
    wsl.powershell(f"Set-ItemProperty '{FILE}' IsReadOnly $false")
    assert refused["failed"] and refused["msg"].lower().startswith(f"{FILE} cannot be read or written".lower())
    assert get(wsl, FILE) == "[general]\ninstanceIdleTimeout=-1\n"
    assert wsl.ansible("wsltune.go.win_wslconfig", {"state": "absent"})["changed"]
    assert get(wsl, FILE) is None


def test_distributions_are_listed_and_one_restarts(wsl):
    found = wsl.ansible("wsltune.go.win_wsl_distribution", {})["distributions"]
    assert [(one["name"], one["state"], one["version"], one["vhdx_path"]) for one in found] == [
        ("Ubuntu", "running", 2, "C:\\wsl\\Ubuntu\\ext4.vhdx"),
        ("docker-desktop", "running", 2, None),
    ]
    wanted = {"name": "Ubuntu", "state": "restarted"}
    refused = wsl.ansible("wsltune.go.win_wsl_distribution", wanted)
    assert refused["failed"] and "would stop the session of bob on pts/3 of Ubuntu (vim)" in refused["msg"]
    told = wsl.ansible("wsltune.go.win_wsl_distribution", {**wanted, "stop_others": True})
    assert told["changed"] and told["restart_command"] == "wsl.exe --terminate Ubuntu"


def test_wsl_exe_writes_utf16_unless_told(wsl):
    listed = wsl.powershell(
        "$s = New-Object Diagnostics.ProcessStartInfo wsl.exe, '--list --verbose'; $s.UseShellExecute = $false;"
        "$s.RedirectStandardOutput = $true; $p = [Diagnostics.Process]::Start($s); $m = New-Object IO.MemoryStream;"
        "$p.StandardOutput.BaseStream.CopyTo($m); [Convert]::ToBase64String($m.ToArray())"
    )
    assert "* Ubuntu            Running         2" in base64.b64decode(listed).decode("utf-16-le")


def test_onboard_ps1_from_windows(wsl):
    folder = "C:\\Users\\erin\\a b"
    wsl.powershell(f"$null = New-Item -Force -ItemType Directory '{folder}\\plugins\\module_utils'")
    for name in ("onboard.ps1", "plugins/module_utils/WslExe.psm1"):
        put(wsl, folder + "\\" + name.replace("/", "\\"), (ROOT / name).read_text(encoding="ascii"))
    command = [POWERSHELL, "-NoProfile", "-ExecutionPolicy", "Bypass", "-File", folder + "\\onboard.ps1"]
    what_if = wsl.run(*command, "-WhatIf", elevated=False)
    assert what_if.stdout.count("What if:") == 2 and "Ubuntu: /bin/bash ./onboard.sh" in what_if.stdout
    unknown = wsl.run(*command, "-Distribution", "Arch", check=False)
    assert unknown.returncode == 2 and unknown.stderr.strip() == (
        "onboard.ps1: there is no distro 'Arch'; give -Distribution one of: Ubuntu, docker-desktop."
    )


PLAY = """
port=$(sed -n 's/^Port //p' /etc/ssh/sshd_config.d/port.conf)
cat >/tmp/restart.json <<END
{"all": {"vars": {"ansible_python_interpreter": "/usr/bin/python3"}, "hosts": {
    "windows": {"ansible_connection": "wsltune.go.wsl_interop"},
    "inside": {"ansible_connection": "local", "wsltune_windows_host": "windows"},
    "outside": {"ansible_host": "127.0.0.1", "ansible_port": $port, "ansible_user": "root",
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no", "wsltune_windows_host": "windows"}}}}
END
ansible-playbook -i /tmp/restart.json playbooks/restart.yml -e wsltune_hosts=$1 -e wsltune_restart=$2
code=$?
rm /tmp/restart.json
exit $code
"""


@pytest.fixture
def waiting(wsl):
    """What wsl.conf says has not been in force since the machine started."""
    log = "C:\\Users\\erin\\calls.txt"
    alone = (
        f"[wsl]\ndefault=Debian\nlog={log}\n[Debian]\nrunning=1\n[exec]\n/bin/sh -s terminals=0|mine root 0 bash\\n\n"
    )
    put(wsl, "C:\\windows\\system32\\wsl.ini", alone)
    wsl.run("sh", "-c", "printf '[network]\\nhostname=elsewhere\\n' >/etc/wsl.conf")
    yield wsl
    wsl.run("rm", "/etc/wsl.conf")
    wsl.powershell(f"Remove-Item {log}")


def test_a_restart_is_told_from_inside_and_done_from_outside(waiting):
    told = waiting.run("sh", "-c", PLAY, "-", "inside", "distro")
    assert "Not restarted: a distro cannot restart itself from inside" in told.stdout
    assert "network.hostname in /etc/wsl.conf takes effect after `wsl.exe --terminate Debian`" in told.stdout
    assert "--terminate" not in get(waiting, "C:\\Users\\erin\\calls.txt")
    # The simulated wsl.exe restarts nothing, and the play sees that.
    done = waiting.run("sh", "-c", PLAY, "-", "outside", "distro", check=False)
    assert "--terminate\tDebian" in get(waiting, "C:\\Users\\erin\\calls.txt")
    assert done.returncode == 2 and "changed: [outside -> windows]" in done.stdout
    assert "Verify that it is in force" in done.stdout and "network.hostname in /etc/wsl.conf takes" in done.stdout
