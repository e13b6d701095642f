# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The modules for WSL's own settings and onboard.ps1 as Windows processes.

Real here: PowerShell's engine, ReplaceFile, the registry, the way from Linux through Ansible. Simulated: wsl.exe.
"""

from __future__ import annotations

import base64
import json

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


@pytest.fixture
def wsl(windows_host):
    """Two distros that run, in the registry and for wsl.exe."""
    windows_host.put("C:\\windows\\system32\\wsl.ini", STATE.format(running=1, booted=4000000000))
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
    wsl.put(FILE, ORIGINAL)
    wanted = {"wsl2": {"memory": "2GB", "virtiofs": True}}
    check = wsl.ansible("wsltune.go.win_wslconfig", wanted, "--check", "--diff", elevated=False)
    assert check["changed"] and wsl.get(FILE) == ORIGINAL
    apply = wsl.ansible("wsltune.go.win_wslconfig", wanted, "--diff", elevated=False)
    tuned = "# caf\u00e9\r\n[wsl2]\r\nmemory=2GB # too little\r\nvirtiofs=true\r\n; an old line\r\n"
    assert apply["changed"] and wsl.get(FILE) == tuned and apply["diff"] == check["diff"]
    assert apply["diff"]["after"] == tuned and apply["path"].lower() == FILE.lower()
    assert apply["pending"] == ["wsl2.memory", "wsl2.virtiofs"] and apply["restart_command"] == "wsl.exe --shutdown"
    assert apply["restart_stops"] == ["Ubuntu", "docker-desktop"]
    assert not wsl.ansible("wsltune.go.win_wslconfig", wanted, elevated=False)["changed"]
    back = wsl.ansible("wsltune.go.win_wslconfig", {"state": "absent"}, elevated=False)
    assert back["changed"] and wsl.get(FILE) == ORIGINAL and not back["pending_restart"]
    assert wsl.powershell('Test-Path "$env:LOCALAPPDATA\\wsltune"').strip() == "False"


def test_a_new_file_that_is_read_only_or_open(wsl):
    wanted = {"general": {"instance_idle_timeout": -1}}
    assert wsl.ansible("wsltune.go.win_wslconfig", wanted)["changed"]
    assert wsl.get(FILE) == "[general]\ninstanceIdleTimeout=-1\n"
    wsl.powershell(f"Set-ItemProperty '{FILE}' IsReadOnly $true")
    refused = wsl.ansible("wsltune.go.win_wslconfig", {"wsl2": {"ipv6": True}})
    wsl.powershell(f"Set-ItemProperty '{FILE}' IsReadOnly $false")
    assert refused["failed"] and refused["msg"].lower().startswith(f"{FILE} cannot be read or written".lower())
    assert wsl.get(FILE) == "[general]\ninstanceIdleTimeout=-1\n"
    assert wsl.ansible("wsltune.go.win_wslconfig", {"state": "absent"})["changed"]
    assert wsl.get(FILE) is None


def test_an_administrators_rights_are_led_nowhere_by_a_user(wsl):
    """Wine shows a link of Linux's to a folder as Windows shows a junction, and the folder of profiles as a volume."""
    entry = {"path": "C:\\victim.txt", "role": "wslconfig", "base": None, "written": None, "previous": None}
    journal = "C:\\Users\\erin\\AppData\\Local\\wsltune\\journal"
    wsl.powershell(f"$null = New-Item -Force -ItemType Directory '{journal}'")
    wsl.put(
        f"{journal}\\C%3A%5Cvictim.txt.json", json.dumps({**entry, "run": "", "before_run": None, "foreign": False})
    )
    wsl.put("C:\\victim.txt", "theirs")
    try:
        assert wsl.ansible("wsltune.go.win_wslconfig", {"wsl2": {"ipv6": True}})["changed"]
        back = wsl.ansible("wsltune.go.win_wslconfig", {"state": "absent"})
        assert back["changed"] and wsl.get(FILE) is None and wsl.get("C:\\victim.txt") == "theirs"
        assert [kept.split(" is on record too and stays, ")[0] for kept in back["kept"]] == ["C:\\victim.txt"]
        wsl.run("sh", "-c", "cd /mnt/c/Users/erin/AppData/Local && mv wsltune moved && ln -s moved wsltune")
        for wanted in ({"wsl2": {"ipv6": True}}, {"state": "absent"}):
            refused = wsl.ansible("wsltune.go.win_wslconfig", wanted)
            assert refused["failed"] and "AppData\\Local\\wsltune is a link, which nothing follows" in refused["msg"]
        assert wsl.get(FILE) is None
        # Without such rights the user goes nowhere that way that they cannot go anyway.
        back = wsl.ansible("wsltune.go.win_wslconfig", {"state": "absent"}, elevated=False)
        assert back["changes"] == ["restored C:\\victim.txt"] and wsl.get("C:\\victim.txt") is None
    finally:
        wsl.run(
            "sh", "-c", "cd /mnt/c/Users/erin/AppData/Local && rm -rf moved wsltune ../../.wslconfig /mnt/c/victim.txt"
        )


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
    wsl.powershell(f"$null = New-Item -Force -ItemType Directory '{folder}\\plugins\\module_utils\\windows'")
    for name in ("onboard.ps1", "plugins/module_utils/windows/WslExe.psm1"):
        wsl.put(folder + "\\" + name.replace("/", "\\"), (ROOT / name).read_text(encoding="ascii"))
    command = [POWERSHELL, "-NoProfile", "-ExecutionPolicy", "Bypass", "-File", folder + "\\onboard.ps1"]
    what_if = wsl.run(*command, "-WhatIf", elevated=False)
    assert what_if.stdout.count("What if:") == 2 and "Ubuntu: /bin/bash ./onboard.sh" in what_if.stdout
    unknown = wsl.run(*command, "-Distribution", "Arch", check=False)
    assert unknown.returncode == 2 and unknown.stderr.strip() == (
        "onboard.ps1: there is no distro 'Arch'; give -Distribution one of: Ubuntu, docker-desktop."
    )
