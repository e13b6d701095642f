# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Defender modules in a Windows process, over wsl_interop; Defender itself is simulated (standins/Defender)."""

from __future__ import annotations

import json

import pytest

STATE = "/mnt/c/users/erin/AppData/Local/Temp/Defender.json"
ON_ACCESS = r"\:{PathType:folder,ScanTrigger:OnAccess}"
CACHE = r"C:\users\erin\AppData\Local\go-build" + ON_ACCESS
MODULE = "wsltune.go.win_defender_exclusion"
WANTED = {
    "entries": [{"path": "%GOCACHE%"}, {"path": "C:\\src\\\u00e9t\u00e9 o'brien"}, {"process": r"%GOROOT%\bin\go.exe"}],
    "owner": "erin",
    "reason": "Go",
}


@pytest.fixture
def defender(windows_host):
    """Puts the simulated Defender into a state, and reads it back without PowerShell."""

    class Defender:
        def put(self, **state) -> None:
            windows_host.run("sh", "-c", f"cat > {STATE} && chmod 666 {STATE}", text=json.dumps(state))

        def get(self) -> dict:
            return json.loads(windows_host.run("cat", STATE).stdout)

        def ledger(self) -> str:
            return windows_host.powershell(
                "$key = 'HKLM:\\SOFTWARE\\wsltune\\DefenderExclusions'; if (Test-Path $key) { $item = Get-Item $key; "
                "$item.GetValueNames() | ForEach-Object { $item.GetValue($_) } }; exit 0"
            )

    found = Defender()
    yield found
    windows_host.ansible(MODULE, {"state": "absent"})
    windows_host.run("rm", "-f", STATE)


def test_ours_come_once_and_go_alone(windows_host, defender):
    defender.put(path=["D:\\theirs\\"], process=["theirs.exe"])
    checked = windows_host.ansible(MODULE, WANTED, "--check", "--diff")
    assert checked["changed"] and defender.get() == {"path": ["D:\\theirs\\"], "process": ["theirs.exe"]}
    assert CACHE in checked["diff"]["after"] and CACHE not in checked["diff"]["before"]
    added = windows_host.ansible(MODULE, WANTED)
    assert added["changed"] and added["verified"] and added["scope"] == "erin"
    now = defender.get()
    assert sorted(now["path"]) == sorted([CACHE, "C:\\src\\\u00e9t\u00e9 o'brien" + ON_ACCESS, "D:\\theirs\\"])
    assert sorted(now["process"]) == [r"C:\Program Files\Go\bin\go.exe", "theirs.exe"]
    assert "go-build" in defender.ledger()
    assert not windows_host.ansible(MODULE, WANTED)["changed"] and defender.get() == now
    # What the record has, an unelevated run knows without an administrator.
    assert not windows_host.ansible(MODULE, WANTED, elevated=False)["changed"]
    gone = windows_host.ansible(MODULE, {"state": "absent"})
    assert gone["changed"] and len(gone["removed"]) == 3
    assert defender.get()["path"] == ["D:\\theirs\\"] and defender.get()["process"] == ["theirs.exe"]
    assert defender.ledger().strip() == ""


def test_a_record_that_others_can_write_is_not_believed(windows_host, defender):
    """Someone has made the key beforehand, with a record that passes off another one's exclusion as ours."""
    theirs = r"D:\theirs"
    defender.put(path=[theirs])
    record = dict.fromkeys(("owner", "reason", "valid_until"), "") | {
        "kind": "path",
        "value": theirs,
        "asked": theirs,
    }
    record |= {"scope": "erin", "valid_days": 0, "added": "2026-01-01", "expired": False}
    windows_host.powershell(
        "$key = 'HKLM:\\SOFTWARE\\wsltune\\DefenderExclusions'; $null = New-Item -Path $key -Force; "
        f"$null = New-ItemProperty -Path $key -Name forged -Value '{json.dumps(record)}'; "
        "$open = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SOFTWARE\\wsltune\\DefenderExclusions', "
        "'ReadWriteSubTree', [System.Security.AccessControl.RegistryRights]'ChangePermissions, ReadKey'); "
        "$access = New-Object System.Security.AccessControl.RegistrySecurity; "
        "$access.SetSecurityDescriptorSddlForm('D:(A;CI;KA;;;BA)(A;CI;KA;;;WD)', 'Access'); "
        "$open.SetAccessControl($access); exit 0"
    )
    for arguments in (WANTED, {"state": "absent"}):
        outcome = windows_host.ansible(MODULE, arguments)
        assert outcome["failed"] and "is not trusted" in outcome["msg"] and not outcome.get("changed")
        assert defender.get() == {"path": [theirs]}
    windows_host.powershell("Remove-Item -Recurse HKLM:\\SOFTWARE\\wsltune; exit 0")


def test_an_unelevated_terminal_gets_a_script(windows_host, defender):
    defender.put(elevated=False)
    refused = windows_host.ansible(MODULE, WANTED, elevated=False)
    assert refused["failed"] and refused["reason"] == "not_elevated" and "start the terminal as one" in refused["msg"]
    checked = windows_host.ansible(MODULE, WANTED, "--check", elevated=False)
    assert checked["changed"] and "Add-MpPreference -ExclusionPath" in checked["elevated_script"]
    assert not defender.get().get("path")
    info = windows_host.ansible("wsltune.go.win_defender_info", {}, elevated=False)
    assert info["elevated"] is False and info["known"] is False and info["exclusions"] is None


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"fails": "0x800106ba"}, "defender_inactive"),
        ({"status": {"AMRunningMode": "Passive"}}, "passive_mode"),
        ({"hidden": "administrators"}, "unreadable"),
        ({"ignores": True}, "write_ignored"),
    ],
)
def test_where_it_would_not_count(windows_host, defender, state, reason):
    defender.put(**state)
    outcome = windows_host.ansible(MODULE, WANTED)
    assert outcome["reason"] == reason and not outcome["changed"]
    assert not defender.get().get("path") and defender.ledger().strip() == ""


def test_what_must_never_be_excluded(windows_host, defender):
    defender.put()
    for path in (r"C:\Windows\System32", r"%TEMP%\go", r"\\?\c:\users\ERIN", r"C:\PROGRA~1"):
        outcome = windows_host.ansible(MODULE, {**WANTED, "entries": [*WANTED["entries"], {"path": path}]})
        assert outcome["failed"] and outcome["reason"] == "refused" and not defender.get().get("path"), path
