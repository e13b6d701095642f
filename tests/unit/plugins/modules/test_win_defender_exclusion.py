# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Defender modules against the simulated Defender of tests/windows_host/standins, on PowerShell for Linux.

The many cases run in one PowerShell that loads Ansible.Basic as ansible-core does; the ladder runs through core itself.
What is asserted comes from the simulated Defender's state file and the registry's file, not from what a module says.
"""

from __future__ import annotations

import datetime
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import ansible.module_utils.powershell as core_powershell
import pytest

from tests.unit.windows import ON_ACCESS, ROOT, WINDOWS, content, environment, play, see

DATA = ROOT / "tests" / "unit" / "plugins" / "module_utils" / "windows" / "data" / "defender"
UNSET = {"GOCACHE": "", "GOTMPDIR": ""}
GOCACHE = r"C:\Users\dev\AppData\Local\go-build"
SAID = {"owner": "dev@example.com", "reason": "Go"}
TODAY = datetime.date.today()
POLICY = "HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows Defender"

HARNESS = r"""
$ErrorActionPreference = 'Stop'
Import-Module -Name "$env:CORE/Ansible.ModuleUtils.AddType.psm1"
Add-CSharpType -References @(Get-Content -LiteralPath "$env:CORE/../csharp/Ansible.Basic.cs" -Raw)
$modules = @{}
foreach ($name in 'DefenderExclusion', 'DefenderState') {
    Import-Module -Name "$env:COLLECTION/plugins/module_utils/windows/$name.psm1" -Global
}
foreach ($name in 'win_defender_exclusion', 'win_defender_info') {
    $modules[$name] = [scriptblock]::Create((Get-Content -LiteralPath "$env:COLLECTION/plugins/modules/$name.ps1" -Raw))
}
[Ansible.Basic.AnsibleModule]::Exit = { param ([int] $code) throw "exit $code" }
[Ansible.Basic.AnsibleModule]::WriteLine = { param ([string] $line) $global:said = $line }
$standins = $env:PSModulePath
while ($line = [Console]::In.ReadLine()) {
    $case = $line | ConvertFrom-Json -AsHashtable -DateKind String
    $env:PSModulePath = if ($case.without) { '/nowhere' } else { $standins }
    foreach ($name in $case.variables.Keys) { [Environment]::SetEnvironmentVariable($name, $case.variables[$name]) }
    if ($null -ne $case.state) {
        ConvertTo-Json -InputObject $case.state -Depth 6 | Set-Content -LiteralPath $env:WSLTUNE_DEFENDER_STATE
    }
    if ($null -ne $case.registry) { Set-Content -LiteralPath $env:PWSH_BED_REGISTRY -Value $case.registry }
    if ($case.without -or $case.state.registry) { Remove-Module -Name Defender -ErrorAction SilentlyContinue }
    Remove-Item -LiteralPath Function:Get-Acl -ErrorAction SilentlyContinue
    $global:rights = $case.rights
    if ($case.rights) {
        function global:Get-Acl {
            [CmdletBinding()] param ([string] $LiteralPath)
            if (-not $global:rights[$LiteralPath]) { throw 'not there' }
            [PSCustomObject]@{ Sddl = $global:rights[$LiteralPath] }
        }
    }
    $global:complex_args = $case.arguments
    $global:said = $null
    $problem = ''
    try {
        & $modules[$case.module]
    } catch {
        if ("$_" -notmatch 'exit [01]') { $problem = "$_ $($_.ScriptStackTrace)" }
    }
    $global:Error.Clear()
    $outcome = @{
        said = $global:said
        problem = $problem
        state = "$(Get-Content -LiteralPath $env:WSLTUNE_DEFENDER_STATE -Raw -ErrorAction SilentlyContinue)"
        registry = Get-Content -LiteralPath $env:PWSH_BED_REGISTRY -Raw
    }
    [Console]::Out.WriteLine((ConvertTo-Json -InputObject $outcome -Compress -EscapeHandling EscapeNonAscii))
}
"""


def dig(registry: str, *keys: str) -> dict[str, Any]:
    node = json.loads(registry).get("HKEY_LOCAL_MACHINE", {})
    for key in keys:
        node = node.get("keys", {}).get(key, {})
    return {name: value["value"] for name, value in node.get("values", {}).items()}


class Outcome:
    """What one call said and what is there after it."""

    def __init__(self, raw: dict[str, Any]) -> None:
        assert not raw["problem"], raw["problem"]
        self.said: dict[str, Any] = json.loads(raw["said"])
        self.defender: dict[str, Any] = json.loads(raw["state"]) if raw["state"] else {}
        self.records = list(dig(raw["registry"], "SOFTWARE", "wsltune", "DefenderExclusions").values())

    @property
    def ledger(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.records]

    @property
    def failed(self) -> bool:
        return self.said.get("failed", False)

    def excluded(self, kind: str = "path") -> list[str]:
        return sorted(self.defender.get(kind) or [])


class Lab:
    """Runs many calls in one PowerShell. A case without a state goes on where the one before it ended."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.cases: list[dict[str, Any]] = []

    def call(self, state: Any = None, *, check: bool = False, module: str = "exclusion", **arguments: Any) -> int:
        return self.add(state, check, module, arguments)

    def add(self, state: Any, check: bool, module: str, arguments: dict[str, Any], **more: Any) -> int:
        arguments = {**arguments, "_ansible_check_mode": check, "_ansible_diff": True}
        fresh = {
            "state": state,
            "registry": None if state is None else "{}",
            "variables": {**UNSET, **WINDOWS},
            "without": False,
            "rights": None,
        }
        self.cases.append({**fresh, "module": f"win_defender_{module}", "arguments": arguments, **more})
        return len(self.cases) - 1

    def run(self) -> list[Outcome]:
        assert self.process.stdin and self.process.stdout
        outcomes = []
        for case in self.cases:
            self.process.stdin.write(json.dumps(case) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
            assert answer, self.process.poll()
            outcomes.append(Outcome(json.loads(answer)))
        self.cases = []
        return outcomes


@pytest.fixture(scope="module")
def process(pwsh: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    folder = tmp_path_factory.mktemp("defender")
    (folder / "registry.json").write_text("{}", encoding="ascii")
    variables = {
        **environment(folder),
        "CORE": next(iter(core_powershell.__path__)),
        "COLLECTION": str(ROOT),
    }
    (folder / "harness.ps1").write_text(HARNESS, encoding="ascii")
    command = [pwsh, "-NoProfile", "-NonInteractive", "-File", str(folder / "harness.ps1")]
    with subprocess.Popen(
        command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as running:
        yield running
        assert running.stdin
        running.stdin.close()
        assert running.wait(timeout=60) == 0


@pytest.fixture
def lab(process: subprocess.Popen[str]) -> Lab:
    return Lab(process)


def path_entry(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, **more}


def days(number: int) -> str:
    return (TODAY + datetime.timedelta(days=number)).isoformat()


def test_equal_spellings_never_make_a_second_entry(lab):
    """Whatever spelling of equal.txt is there, the other one of the pair changes nothing."""
    lines = (DATA / "equal.txt").read_text(encoding="utf-8").splitlines()
    # A variable, a bare name of a program and a drive-relative shape cannot be asked for at all.
    pairs = [line.split("|")[:-1] for line in lines if line[:1] != "#"]
    pairs = [(kind, *both) for kind, *both in pairs if "%ProgramData%" not in both[0] and both[0] != "go.exe"]
    assert len(pairs) >= 60
    plain = {"path_type": "any", "scan": "all", "allow_dangerous": True, "i_understand": True}

    def entries(number: int) -> list[dict[str, Any]]:
        return [{kind: both[number], **plain} for kind, *both in pairs]

    first = lab.call({}, entries=entries(0), **SAID)
    second = lab.call(entries=entries(1), **SAID)
    exact = lab.add(None, False, "exclusion", {"state": "exact", "entries": entries(1), **SAID})
    other = lab.call({}, entries=entries(1), **SAID)
    back = lab.call(entries=entries(0), **SAID)
    gone = lab.add(None, False, "exclusion", {"state": "absent", "entries": entries(1)})
    outcomes = lab.run()
    assert not any(outcome.failed for outcome in outcomes), [outcome.said.get("msg") for outcome in outcomes]
    for start, again in ((first, second), (first, exact), (other, back)):
        assert outcomes[start].said["changed"] and not outcomes[again].said["changed"]
        assert outcomes[again].defender == outcomes[start].defender and outcomes[again].ledger == outcomes[start].ledger
    for kind in ("path", "process", "extension"):
        assert len(outcomes[first].excluded(kind)) == len(outcomes[other].excluded(kind)) >= 2
        assert outcomes[gone].excluded(kind) == []
    assert outcomes[gone].ledger == []


def test_what_someone_else_excluded_in_another_spelling_is_found_and_stays_theirs(lab):
    theirs = {"path": ["c:/users/DEV/AppData/Local/go-build/" + ON_ACCESS[1:], "C:\\Other\\"], "process": []}
    lab.call(theirs, entries=[path_entry("%GOCACHE%")], **SAID)
    lab.call(state=None, check=False, **{"entries": [path_entry("%GOCACHE%")], **SAID})
    lab.add(None, False, "exclusion", {"state": "absent"})
    lab.add(None, False, "exclusion", {"state": "absent", "entries": [path_entry(r"C:\other")]})
    for outcome in lab.run():
        assert not outcome.said["changed"]
        assert outcome.excluded() == sorted(theirs["path"])
        assert outcome.ledger == []
        assert not outcome.defender.get("calls")
    assert outcome.said["kept"] == [
        "path 'C:\\Other\\' is not ours and stays: remove it in Windows Security if nobody needs it"
    ]


def test_ours_come_and_go_and_no_one_elses(lab):
    theirs = {"path": [r"D:\theirs"], "process": ["theirs.exe"], "extension": ["thr"]}
    entries = [path_entry("%GOCACHE%"), path_entry("%GOMODCACHE%"), {"process": r"%GOROOT%\bin\go.exe"}]
    checked = lab.call(theirs, check=True, entries=entries, **SAID)
    added = lab.call(entries=entries, **SAID)
    again = lab.call(entries=entries, **SAID)
    exact = lab.add(None, False, "exclusion", {"state": "exact", "entries": entries[:1], **SAID})
    gone_check = lab.add(None, True, "exclusion", {"state": "absent"})
    gone = lab.add(None, False, "exclusion", {"state": "absent"})
    gone_again = lab.add(None, False, "exclusion", {"state": "absent"})
    outcomes = lab.run()
    modcache = r"C:\Users\dev\go\pkg\mod" + ON_ACCESS

    assert outcomes[checked].said["changed"] and outcomes[checked].defender == theirs and outcomes[checked].ledger == []
    assert outcomes[checked].said["diff"]["after"] == outcomes[added].said["diff"]["after"]
    assert outcomes[added].excluded() == sorted([GOCACHE + ON_ACCESS, modcache, r"D:\theirs"])
    assert outcomes[added].excluded("process") == sorted([r"C:\Program Files\Go\bin\go.exe", "theirs.exe"])
    assert outcomes[added].said["verified"]
    assert {record["value"] for record in outcomes[added].ledger} == {
        GOCACHE + ON_ACCESS,
        modcache,
        r"C:\Program Files\Go\bin\go.exe",
    }
    for record in outcomes[added].ledger:
        assert (record["owner"], record["reason"], record["scope"]) == ("dev@example.com", "Go", "dev")
        assert (record["added"], record["valid_until"]) == (TODAY.isoformat(), days(365))
    assert not outcomes[again].said["changed"]
    assert outcomes[again].said["diff"]["before"] == outcomes[again].said["diff"]["after"]
    assert outcomes[exact].excluded() == sorted([GOCACHE + ON_ACCESS, r"D:\theirs"])
    assert outcomes[exact].excluded("process") == ["theirs.exe"]
    assert outcomes[gone_check].said["changed"] and len(outcomes[gone_check].ledger) == 1
    assert outcomes[gone].said["changed"] and outcomes[gone].ledger == []
    assert {kind: outcomes[gone].defender[kind] for kind in theirs} == theirs
    assert not outcomes[gone_again].said["changed"]
    calls = outcomes[gone_again].defender["calls"]
    assert len(calls) == 6 and not [call for call in calls if call.startswith("Set")]
    assert all("," not in call.replace(ON_ACCESS, "") for call in calls), "more than one entry in a call"


def test_every_forbidden_spelling_is_refused_before_anything_is_touched(lab):
    lines = (DATA / "refused.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|")[:2] for line in lines if line[:1] != "#"]
    # The module puts the user's values for variables, and then these name a project, the build cache and Go itself.
    meant = {r"%UserProfile%\src\proj", r"%LOCALAPPDATA%\go-build", r"C:\Users\%USERNAME%\src\proj"}
    meant |= {r"%ProgramFiles%\Go\bin\go.exe", ""}
    forbidden = [(kind, value) for kind, value in rows if value.strip() not in meant and "LAPTOP" not in value.upper()]
    assert len(forbidden) >= 150
    known = path_entry("%GOCACHE%")
    for kind, value in forbidden[::25]:
        lab.call({}, entries=[known, {kind: value}], **SAID)
    lab.call({}, entries=[{kind: value} for kind, value in forbidden], **SAID)
    outcomes = lab.run()
    for outcome in outcomes:
        assert outcome.failed and not outcome.said["changed"] and outcome.said["reason"] == "refused"
        assert outcome.excluded() == [] and outcome.ledger == [] and not outcome.defender.get("calls")
        assert outcome.said["msg"].endswith("Nothing was changed.")
    said = [refused["value"] for refused in outcomes[-1].said["refused"]]
    assert len(said) == len(forbidden)


def test_a_refusal_can_be_overruled_for_one_entry_and_warns(lab):
    lab.call({}, entries=[path_entry(r"C:\src", allow_dangerous=True), path_entry(r"C:\src\proj")], **SAID)
    lab.call({}, entries=[{"extension": ".go", "allow_dangerous": True}], **SAID)
    lab.call({}, entries=[path_entry(r"src\proj", allow_dangerous=True)], **SAID)
    lab.call({}, entries=[path_entry(r"C:\src", optional=True), path_entry("%GOTMPDIR%", optional=True)], **SAID)
    lab.call({}, entries=[path_entry(r"\\wsl.localhost\Ubuntu\home\dev\src\proj")], **SAID)
    lab.call({}, entries=[path_entry(r"\\wsl.localhost\Ubuntu\home\dev\src\proj", i_understand=True)], **SAID)
    folder, extension, relative, optional, share, both = lab.run()
    assert folder.excluded() == sorted([r"C:\src" + ON_ACCESS, r"C:\src\proj" + ON_ACCESS])
    assert len(folder.said["warnings"]) == 1 and "at the root of a drive" in folder.said["warnings"][0]
    assert extension.excluded("extension") == [".go"] and len(extension.said["warnings"]) == 1
    assert relative.failed and relative.excluded() == []
    assert not optional.failed and not optional.said["changed"] and len(optional.said["notes"]) == 2
    assert share.failed and "i_understand" in share.said["msg"] and share.excluded() == []
    assert both.excluded() == sorted(
        rf"\\{name}\Ubuntu\home\dev\src\proj{ON_ACCESS}" for name in ("wsl$", "wsl.localhost")
    )


def test_last_days(lab):
    entry = [path_entry("%GOCACHE%")]
    lab.call({}, entries=entry, valid_until=days(3), **SAID)
    moved = lab.call(entries=entry, valid_until=days(9), **SAID)
    over = lab.call(entries=entry, valid_until=days(-1), **SAID)
    over_again = lab.call(entries=entry, valid_until=days(-1), **SAID)
    back = lab.call(entries=entry, valid_until=days(0), **SAID)
    bad = lab.call(entries=entry, valid_until="30.6.2027", **SAID)
    first, *outcomes = lab.run()
    outcomes = [first, *outcomes]
    assert first.ledger[0]["valid_until"] == days(3)
    assert outcomes[moved].said["changed"] and outcomes[moved].ledger[0]["valid_until"] == days(9)
    assert outcomes[moved].excluded() == first.excluded()
    assert outcomes[over].said["changed"] and outcomes[over].excluded() == []
    assert outcomes[over].said["removed"] == [f"path {GOCACHE}{ON_ACCESS}"]
    assert "was to end on" in outcomes[over].said["notes"][0]
    assert not outcomes[over_again].said["changed"]
    assert outcomes[back].excluded() == [GOCACHE + ON_ACCESS]
    assert outcomes[bad].failed and "give the last day as in 2027-06-30" in outcomes[bad].said["msg"]
    assert outcomes[bad].excluded() == [GOCACHE + ON_ACCESS]


def ledger_text(**changed: Any) -> str:
    record = {
        "kind": "path",
        "value": GOCACHE + ON_ACCESS,
        "asked": GOCACHE + ON_ACCESS,
        "scope": "dev",
        "valid_until": "",
    }
    record |= {"valid_days": 365, "added": TODAY.isoformat(), "expired": False, **SAID, **changed}
    value = {"0" * 32: {"type": "String", "value": json.dumps(record)}}
    keys = {"SOFTWARE": {"keys": {"wsltune": {"keys": {"DefenderExclusions": {"values": value}}}}}}
    return json.dumps({"HKEY_LOCAL_MACHINE": {"keys": keys}})


def test_days_count_from_the_day_of_adding_and_what_is_over_goes_with_any_call(lab):
    there = {"path": [GOCACHE + ON_ACCESS]}
    entry = {"entries": [path_entry("%GOCACHE%")], **SAID}
    old = ledger_text(added=days(-400), valid_until=days(-35))
    lab.add(there, False, "exclusion", entry, registry=old)
    lab.add(None, False, "exclusion", entry)
    lab.add(None, False, "exclusion", {**entry, "valid_days": 500})
    lab.add(there, False, "exclusion", entry, registry=ledger_text(added=days(-300), valid_until=days(65)))
    other = ledger_text(scope="someone", valid_until=days(-1), valid_days=0)
    lab.add(
        there, False, "exclusion", {"scope": "mine", "entries": [path_entry(r"C:\src\proj")], **SAID}, registry=other
    )
    lab.add(there, False, "exclusion", {"state": "absent"}, registry=ledger_text(scope="someone"))
    over, still_over, longer, running, others, not_mine = lab.run()
    assert over.said["changed"] and over.excluded() == [] and over.ledger[0]["expired"] is True
    assert not still_over.said["changed"] and still_over.excluded() == []
    assert longer.excluded() == [GOCACHE + ON_ACCESS] and longer.ledger[0]["valid_until"] == days(100)
    assert not running.said["changed"]
    assert others.excluded() == [r"C:\src\proj" + ON_ACCESS]
    assert not not_mine.said["changed"] and not_mine.excluded() == [GOCACHE + ON_ACCESS]


def test_two_scopes_share_an_entry_and_the_last_one_takes_it_away(lab):
    entry = {"entries": [path_entry("%GOCACHE%")], **SAID}
    lab.call({}, scope="one", **entry)
    lab.call(scope="two", **entry)
    lab.add(None, False, "exclusion", {"scope": "one", "state": "absent"})
    lab.add(None, False, "exclusion", {"scope": "two", "state": "absent"})
    one, two, one_gone, both_gone = lab.run()
    assert len(one.ledger) == 1 and len(two.ledger) == 2 and two.said["changed"]
    assert two.excluded() == one.excluded() == one_gone.excluded() == [GOCACHE + ON_ACCESS]
    assert both_gone.excluded() == [] and both_gone.ledger == []


def test_a_platform_that_knows_no_conditions_and_its_update(lab):
    entry = {"entries": [path_entry("%GOCACHE%")], **SAID}
    old = {"status": {"AMProductVersion": "4.18.2203.5"}, "path": []}
    lab.call(old, **entry)
    lab.call(**entry)
    record = ledger_text(value=GOCACHE, asked=GOCACHE, valid_until=days(365))
    lab.add({"path": [GOCACHE]}, False, "exclusion", entry, registry=record)
    lab.call({"drops_conditions": True}, **entry)
    lab.call(**entry)
    lab.add(None, False, "exclusion", {"state": "absent"})
    plain, plain_again, updated, dropped, dropped_again, gone = lab.run()
    assert plain.excluded() == [GOCACHE] and "4.18.2203.5 is older" in " ".join(plain.said["notes"])
    assert not plain_again.said["changed"]
    assert updated.excluded() == [GOCACHE + ON_ACCESS] and len(updated.ledger) == 1
    assert dropped.excluded() == [GOCACHE] and "keeps path" in dropped.said["warnings"][0]
    assert not dropped_again.said["changed"]
    assert gone.excluded() == [] and gone.ledger == []


def test_a_distros_disk_and_another_users_profile(lab):
    lxss = "HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Lxss\\{1a2b}"
    distro = {"DistributionName": "Ubuntu", "BasePath": r"\\?\C:\Users\dev\AppData\Local\wsl\{1a2b}"}
    lab.call({"registry": {lxss: distro}}, entries=[{"distribution": "Ubuntu"}], **SAID)
    lab.call({}, entries=[{"distribution": "Fedora"}], **SAID)
    lab.call({}, entries=[path_entry("%GOCACHE%"), path_entry("%GOMODCACHE%")], user_profile=r"D:\Profiles\eve", **SAID)
    lab.call({}, entries=[path_entry("%TEMP%")], user_profile=r"D:\Profiles\eve", **SAID)
    variables = {**WINDOWS, "GOCACHE": r"D:\go-build", "GOTMPDIR": WINDOWS["TEMP"] + r"\go"}
    entries = [path_entry("%GOCACHE%"), path_entry("%GOTMPDIR%", optional=True)]
    lab.add({}, False, "exclusion", {"entries": entries, **SAID}, variables=variables)
    disk, unknown, eve, temp, own = lab.run()
    assert disk.excluded() == [r"C:\Users\dev\AppData\Local\wsl\{1a2b}\ext4.vhdx\:{PathType:file}"]
    assert unknown.failed and "wsl --list" in unknown.said["msg"]
    assert eve.excluded() == [
        rf"D:\Profiles\eve\AppData\Local\go-build{ON_ACCESS}",
        rf"D:\Profiles\eve\go\pkg\mod{ON_ACCESS}",
    ]
    assert eve.said["scope"] == "eve"
    assert temp.failed and temp.excluded() == []
    assert own.excluded() == [r"D:\go-build" + ON_ACCESS] and len(own.said["notes"]) == 1


CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    # reason: what the simulated Defender does, what the sentence says, what the fix says
    "defender_inactive": ({"fails": "0x800106ba"}, "service does not run", "Set exclusions in that program"),
    "defender_broken": ({"fails": "0x80041013"}, "WMI provider cannot be loaded", "sfc /scannow"),
    "passive_mode": ({"status": {"AMRunningMode": "Passive"}}, "passive mode", "antivirus program that is active"),
    "edr_block_mode": ({"status": {"AMRunningMode": "EDR Block Mode"}}, "EDR block mode", "antivirus program"),
    "local_merge_disabled": (
        {"registry": {POLICY: {"DisableLocalAdminMerge": 1}}},
        "DisableLocalAdminMerge",
        "manages",
    ),
    "tamper_protected_exclusions": (
        {"registry": {"HKLM:\\SOFTWARE\\Microsoft\\Windows Defender\\Features": {"TPExclusions": 1}}},
        "Tamper Protection covers exclusions",
        "antivirus policy",
    ),
}
OFF = {"status": {"AMServiceEnabled": False}}


@pytest.mark.parametrize("on", ["report", "fail"])
def test_where_an_exclusion_would_not_take_effect_nothing_is_written_and_it_is_said(lab, on):
    states = {**{name: state for name, (state, _, _) in CASES.items()}, "off": OFF}
    for state in states.values():
        lab.call(state, entries=[path_entry("%GOCACHE%")], on_ineffective=on, **SAID)
        lab.call(state, check=True, entries=[path_entry("%GOCACHE%")], on_ineffective=on, **SAID)
        lab.call(state, module="info")
    lab.add({}, False, "exclusion", {"entries": [path_entry("%GOCACHE%")], "on_ineffective": on, **SAID}, without=True)
    lab.add({}, False, "info", {}, without=True)
    outcomes = lab.run()
    for number, name in enumerate(states):
        for outcome in outcomes[3 * number : 3 * number + 2]:
            assert outcome.failed is (on == "fail"), name
            assert not outcome.said["changed"] and outcome.excluded() == [] and outcome.ledger == []
            assert outcome.said["reason"] == ("defender_inactive" if name == "off" else name)
        info = outcomes[3 * number + 2].said
        assert not info["effective"] and info["obstacles"][0]["blocks"]
        if name in CASES:
            _, sentence, fix = CASES[name]
            assert sentence in info["obstacles"][0]["sentence"] and fix in info["obstacles"][0]["fix"]
            assert info["obstacles"][0]["sentence"] in outcome.said["sentence"]
    missing, info = outcomes[-2:]
    assert missing.failed is (on == "fail") and missing.said["reason"] == "defender_missing"
    assert info.said["obstacles"][0]["reason"] == "defender_missing" and not info.said["known"]


def test_not_an_administrator(lab):
    entry = {"entries": [path_entry("%GOCACHE%"), path_entry(r"C:\src\o'brien")], **SAID}
    for state in ({"elevated": False}, {"elevated": False, "hidden": "old"}):
        lab.call(state, **entry)
        lab.call(state, check=True, **entry)
        lab.call(state, on_not_elevated="report", **entry)
    record = ledger_text(valid_until=days(365))
    known = {"entries": [path_entry("%GOCACHE%")], **SAID}
    lab.add({"elevated": False, "path": [GOCACHE + ON_ACCESS]}, False, "exclusion", known, registry=record)
    lab.call({"elevated": False}, module="info")
    *outcomes, second, info = lab.run()
    for number, outcome in enumerate(outcomes):
        fails, checks, reports = (number % 3 == wanted for wanted in range(3))
        assert outcome.failed is fails and outcome.said["changed"] is checks, number
        assert outcome.said["reason"] == "not_elevated" and outcome.excluded() == [] and outcome.ledger == []
        assert reports is False or "hand elevated_script to one" in outcome.said["sentence"]
        script = outcome.said["elevated_script"]
        assert f"Add-MpPreference -ExclusionPath '{GOCACHE}{ON_ACCESS}'" in script and "'C:\\src\\o''brien" in script
    # What the ledger has needs no administrator again.
    assert not second.failed and not second.said["changed"] and not second.said["verified"]
    assert (
        info.said["known"] is False
        and info.said["exclusions"] is None
        and "Get-MpPreference" in info.said["elevated_script"]
    )


def test_the_script_for_the_administrator_does_what_the_module_would(lab, pwsh, tmp_path):
    entries = [path_entry("%GOCACHE%"), path_entry(r"C:\src\o'brien"), path_entry("C:\\src\\l\u2019\u00e9t\u00e9")]
    state = {"elevated": False, "path": [r"C:\old" + ON_ACCESS, r"D:\theirs"]}
    record = ledger_text(value=r"C:\old" + ON_ACCESS, asked=r"C:\old" + ON_ACCESS)
    lab.add(state, True, "exclusion", {"state": "exact", "entries": entries, **SAID}, registry=record)
    (outcome,) = lab.run()
    (tmp_path / "registry.json").write_text(record, encoding="ascii")
    (tmp_path / "Defender.json").write_text(json.dumps({**state, "elevated": True}), encoding="ascii")
    (tmp_path / "admin.ps1").write_text(outcome.said["elevated_script"], encoding="utf-8")
    subprocess.run(
        [pwsh, "-NoProfile", "-File", str(tmp_path / "admin.ps1")], check=True, env=environment(tmp_path), timeout=60
    )
    after = json.loads((tmp_path / "Defender.json").read_text(encoding="utf-8"))["path"]
    wanted = [GOCACHE, r"C:\src\o'brien", "C:\\src\\l\u2019\u00e9t\u00e9"]
    assert sorted(after) == sorted([value + ON_ACCESS for value in wanted] + [r"D:\theirs"])
    registry = (tmp_path / "registry.json").read_text(encoding="utf-8")
    lab.add({"path": after}, False, "exclusion", {"state": "exact", "entries": entries, **SAID}, registry=registry)
    (second,) = lab.run()
    assert not second.said["changed"] and second.said["verified"] and len(second.ledger) == 3


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_script_that_ends_in_between_leaves_nothing_that_nobody_owns(lab, pwsh, tmp_path, number):
    theirs = path_entry(r"C:\src\theirs", path_type="any", scan="all")
    entries = [path_entry("%GOCACHE%"), path_entry(r"C:\src\mine"), theirs]
    given = {"state": "exact", "entries": entries, **SAID}
    old = r"C:\old" + ON_ACCESS
    record = ledger_text(value=old, asked=old)
    # An unelevated run sees nothing of what someone has excluded.
    there = [old, "c:/SRC/theirs/"]
    lab.add({"elevated": False, "path": there}, True, "exclusion", given, registry=record)
    (outcome,) = lab.run()
    (tmp_path / "registry.json").write_text(record, encoding="ascii")
    (tmp_path / "Defender.json").write_text(json.dumps({"path": there, "write_fails_at": number}), encoding="ascii")
    (tmp_path / "admin.ps1").write_text(outcome.said["elevated_script"], encoding="utf-8")
    command = [pwsh, "-NoProfile", "-File", str(tmp_path / "admin.ps1")]
    done = subprocess.run(command, check=False, env=environment(tmp_path), timeout=60, capture_output=True)
    assert done.returncode != 0
    after = json.loads((tmp_path / "Defender.json").read_text(encoding="utf-8"))["path"]
    registry = (tmp_path / "registry.json").read_text(encoding="utf-8")
    owned = {json.loads(text)["value"] for text in dig(registry, "SOFTWARE", "wsltune", "DefenderExclusions").values()}
    assert owned == set(after) - {"c:/SRC/theirs/"} and "c:/SRC/theirs/" in after
    lab.add({"path": after}, False, "exclusion", given, registry=registry)
    lab.add(None, False, "exclusion", {"state": "absent"})
    whole, gone = lab.run()
    assert len(whole.ledger) == 2 and "it stays theirs" in whole.said["kept"][0]
    assert gone.excluded() == ["c:/SRC/theirs/"] and gone.ledger == []


@pytest.fixture
def engine(tmp_path):
    """Defender's own program, which says what is excluded; the simulated one reads the list of a file."""
    program = tmp_path / "MpCmdRun.exe"
    program.write_text(
        '#!/bin/sh\necho "$@" >>"${0%/*}/asked"\n'
        'if grep -qxiF -e "$3" "${0%/*}/excluded"; then echo "$3 is excluded"; exit; fi\n'
        'echo "$3 is not excluded"; exit 1\n',
        encoding="ascii",
    )
    program.chmod(0o755)
    (tmp_path / "excluded").write_text("", encoding="ascii")
    return tmp_path


def located(folder: Any, **state: Any) -> dict[str, Any]:
    """The state of a simulated Defender whose program lies in a folder."""
    return {"registry": {"HKLM:\\SOFTWARE\\Microsoft\\Windows Defender": {"InstallLocation": str(folder)}}, **state}


def test_hidden_from_administrators(lab, engine):
    entry = {"entries": [path_entry("%GOCACHE%")], **SAID}
    hidden = located(engine, hidden="administrators", path=[r"D:\theirs"])
    lab.call(hidden, **entry)
    lab.call(hidden, on_unreadable="add_blind", **entry)
    lab.call(on_unreadable="add_blind", **entry)
    lab.add(None, False, "exclusion", {"state": "absent", "on_unreadable": "add_blind"})
    lab.call(hidden, module="info")
    refused, added, again, gone, info = lab.run()
    assert (
        refused.failed
        and refused.said["reason"] == "unreadable"
        and "HideExclusionsFromLocalAdmins" in refused.said["msg"]
    )
    assert refused.excluded() == [r"D:\theirs"] and refused.ledger == []
    assert added.said["changed"] and not added.said["verified"]
    assert added.excluded() == sorted([GOCACHE + ON_ACCESS, r"D:\theirs"])
    assert not again.said["changed"] and len(again.defender["calls"]) == 1
    assert gone.excluded() == [r"D:\theirs"] and gone.ledger == []
    assert info.said["known"] is False and info.said["obstacles"][-1]["reason"] == "exclusions_hidden"
    assert (engine / "asked").read_text(encoding="ascii") == f"-CheckExclusion -path {GOCACHE}\n"


def test_what_someone_had_in_a_hidden_list_stays_theirs(lab, engine):
    """With the engine's answer it is not taken over; without one nothing is ever removed that may have been theirs."""
    entry = {"entries": [path_entry("%GOCACHE%")], "on_unreadable": "add_blind", **SAID}
    absent = {"state": "absent", "on_unreadable": "add_blind"}
    (engine / "excluded").write_text(f"{GOCACHE}\n", encoding="ascii")
    theirs = {"hidden": "administrators", "path": [GOCACHE + ON_ACCESS]}
    for state in (located(engine, **theirs), located("/nowhere", **theirs)):
        lab.call(state, **entry)
        lab.call(**entry)
        lab.add(None, False, "exclusion", absent)
    known, known_again, known_gone, added, again, gone = lab.run()
    for outcome in (known, known_again, known_gone):
        assert not outcome.said["changed"] and not outcome.defender.get("calls") and outcome.ledger == []
    assert "it stays theirs" in known.said["kept"][0]
    assert added.said["changed"] and "whether it was there before is not known" in " ".join(added.said["notes"])
    assert added.ledger[0]["blind"] is True and not again.said["changed"]
    assert "it stays" in gone.said["kept"][0] and gone.ledger == []
    assert gone.excluded() == [GOCACHE + ON_ACCESS]
    assert not [call for call in gone.defender["calls"] if call.startswith("Remove")]


def test_a_spelling_that_defender_changes_is_recorded(lab):
    entry = {"entries": [path_entry(r"C:\Src\Proj", path_type="any", scan="all")], **SAID}
    lab.call({"uppercase": True}, **entry)
    lab.call(**entry)
    # Another spelling from one day to the next is no change either.
    record = ledger_text(value="C:\\Src\\Proj", asked="C:\\Src\\Proj", valid_until=days(365))
    lab.add({"path": ["c:\\src\\proj\\"]}, False, "exclusion", entry, registry=record)
    lab.call(**entry)
    lab.add(None, False, "exclusion", {"state": "absent"})
    added, again, *respelled, gone = lab.run()
    assert added.excluded() == [r"C:\SRC\PROJ"] and added.ledger[0]["value"] == r"C:\SRC\PROJ"
    for outcome in (again, *respelled):
        assert not outcome.said["changed"]
    assert gone.said["changed"] and gone.excluded() == [] and gone.ledger == []


@pytest.mark.parametrize("theirs", ["C:\\src\\proj\\", "c:/src/proj", "C:\\src\\x\\..\\proj", "\\\\?\\C:\\src\\proj"])
@pytest.mark.parametrize("first", [True, False])
def test_what_someone_adds_beside_ours_in_another_spelling_stays_theirs(lab, theirs, first):
    entry = {"entries": [path_entry(r"C:\src\proj", path_type="any", scan="all")], **SAID}
    record = ledger_text(value=r"C:\src\proj", asked=r"C:\src\proj", valid_until=days(365))
    there = [theirs, r"C:\src\proj"] if first else [r"C:\src\proj", theirs]
    lab.add({"path": there}, False, "exclusion", entry, registry=record)
    lab.call(**entry)
    lab.add(None, False, "exclusion", {"state": "absent"})
    again, third, gone = lab.run()
    for outcome in (again, third):
        assert not outcome.said["changed"] and outcome.ledger[0]["value"] == r"C:\src\proj"
    assert gone.said["changed"] and gone.excluded() == [theirs] and gone.ledger == []


@pytest.mark.parametrize(
    "text", ["2026-11-28T10:00:00Z", "/Date(0)/", "2026-11-28", "\u00e9 \" \\ '", "x" * 5000, "=", "null"]
)
def test_texts_come_back_as_they_were_written(lab, text):
    entry = {"entries": [path_entry("%GOCACHE%")], "owner": text, "reason": text, "scope": text}
    lab.call({}, **entry)
    lab.call(**entry)
    lab.call(module="info")
    lab.add(None, False, "exclusion", {"state": "absent", "scope": text})
    added, again, info, gone = lab.run()
    assert added.said["changed"] and not again.said["changed"]
    assert [(one["owner"], one["reason"], one["scope"]) for one in info.said["entries"]] == [(text, text, text)]
    assert gone.excluded() == [] and gone.ledger == []


def test_what_could_not_be_read_again_is_refused_before_anything_is_written(lab):
    for text in ("a\0b", "\ud800"):
        lab.call({}, entries=[path_entry("%GOCACHE%")], owner=text, reason="Go")
    outcomes = lab.run()
    assert outcomes[0].failed and "cannot be recorded" in outcomes[0].said["msg"]
    for outcome in outcomes:
        assert outcome.excluded() == [] or outcome.ledger


SDDL = {
    "O:BAG:BAD:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;BU)": "",
    # What keys below HKLM\\SOFTWARE inherit.
    "O:BAG:SYD:AI(A;ID;KA;;;BA)(A;CIIOID;GA;;;BA)(A;ID;KA;;;SY)(A;CIIOID;GA;;;CO)(A;ID;KR;;;BU)(A;ID;KR;;;AC)": "",
    "O:SYD:(A;;KA;;;S-1-5-32-544)(A;;0x20019;;;WD)": "",
    "O:S-1-5-18D:(D;;KA;;;WD)(A;;KR;;;AU)": "",
    "O:S-1-5-21-1-2-3-1001G:BAD:(A;;KA;;;BA)": "belongs to S-1-5-21-1-2-3-1001",
    "G:BAD:(A;;KA;;;BA)": "unknown account",
    "": "unknown account",
    "O:BAG:BA": "everyone",
    "O:BAD:NO_ACCESS_CONTROL": "everyone",
    "O:BAD:(A;;KA;;;BA)(A;;KA;;;WD)": "WD can",
    "O:BAD:(A;;KR;;;BA)(A;CI;0x20006;;;S-1-5-11)": "S-1-5-11 can",
    "O:BAD:(A;;CCDCLCSWRPRC;;;BU)": "BU can",
    "O:BAD:(A;OICI;0x10000000;;;AU)": "AU can",
    "O:BAD:(A;ID;KWKR;;;IU)": "IU can",
    "O:BAD:(A;;0xF003F;;;S-1-15-2-1)": "S-1-15-2-1 can",
    "O:BAD:(A;;WD;;;AU)": "AU can",
    'O:BAD:(XA;;KA;;;WD;(@USER.a == "b"))': "WD can",
}


def test_a_record_that_others_can_write_is_not_believed(powershell):
    module = ROOT / "plugins" / "module_utils" / "windows" / "DefenderState.psm1"
    said = powershell(module, 'foreach ($case in $cases) { "$(Get-AccessProblem -Sddl $case)" }', list(SDDL))
    for (sddl, wanted), sentence in zip(SDDL.items(), said, strict=True):
        assert (wanted in sentence) if wanted else not sentence, (sddl, sentence)


OPEN = "O:BAG:BAD:AI(A;OICIID;FA;;;BA)(A;OICIID;FA;;;SY)(A;ID;0x1301bf;;;AU)(A;OICIIOID;SDGXGWGR;;;AU)"
SHARED = {
    OPEN: ["Authenticated Users"],
    # A profile, and a folder that others only read.
    "O:S-1-5-21-1-2-3-1001D:(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;FA;;;S-1-5-21-1-2-3-1001)": [],
    "O:BAD:(A;OICI;0x1200a9;;;BU)(A;OICI;FR;;;WD)(D;;FA;;;AU)(A;OICIIO;FA;;;CO)": [],
    # A drive's root: folders can be made there.
    "O:SYD:(A;OICI;FA;;;BA)(A;;LC;;;AU)(A;OICI;0x1200a9;;;BU)": ["Authenticated Users"],
    "O:BAD:(A;OICI;FA;;;WD)(A;;FW;;;S-1-5-32-545)(A;;FA;;;BU)": ["Everyone", "Users"],
    "O:BAD:(A;;WO;;;S-1-5-4)": ["Interactive"],
    "O:BAG:BA": ["Everyone"],
}


def test_who_of_everybody_can_write_in_a_folder(powershell):
    module = ROOT / "plugins" / "module_utils" / "windows" / "DefenderState.psm1"
    script = "foreach ($case in $cases) { '' + (@(Get-SharedAccess -Sddl $case) -join ', ') }"
    said = powershell(module, script, list(SHARED))
    assert dict(zip(SHARED, said, strict=True)) == {sddl: ", ".join(names) for sddl, names in SHARED.items()}


def test_a_folder_in_which_every_account_can_write_is_a_note(lab):
    entries = [
        path_entry(r"D:\src\shop"),
        path_entry(r"D:\src\shop\*\cache", path_type="any", scan="all"),
        path_entry("%GOCACHE%"),
        path_entry(r"D:\src\gone"),
        {"process": r"D:\go\bin\go.exe"},
    ]
    ledger = "O:BAD:(A;;KA;;;BA)"
    rights = {
        "D:\\src\\shop": OPEN,
        GOCACHE: "O:BAD:(A;OICI;FA;;;BA)",
        "D:\\go\\bin": "O:BAD:(A;OICI;FA;;;WD)(A;OICI;FA;;;BU)",
        "HKLM:\\SOFTWARE\\wsltune": ledger,
        "HKLM:\\SOFTWARE\\wsltune\\DefenderExclusions": ledger,
    }
    lab.add({}, False, "exclusion", {"entries": entries, **SAID}, rights=rights)
    lab.add({}, False, "exclusion", {"state": "absent", "entries": entries}, rights=rights)
    lab.add({}, False, "exclusion", {"entries": entries, **SAID})
    shared, absent, unknown = lab.run()
    assert len(shared.excluded()) == 4 and len(shared.excluded("process")) == 1
    assert [note.partition(": take")[0] for note in shared.said["notes"]] == [
        r"path 'D:\src\shop' is left out of scans, and Authenticated Users can write in D:\src\shop",
        r"path 'D:\src\shop\*\cache' is left out of scans, and Authenticated Users can write in D:\src\shop",
        r"process 'D:\go\bin\go.exe' is left out of scans, and Everyone and Users can write in D:\go\bin",
    ]
    assert absent.said["notes"] == unknown.said["notes"] == []


def test_writes_that_fail_or_are_ignored(lab):
    entry = {"entries": [path_entry("%GOCACHE%")], **SAID}
    ours = {"path": [GOCACHE + ON_ACCESS]}
    lab.call({"ignores": True}, **entry)
    lab.add({**ours, "ignores": True}, False, "exclusion", {"state": "absent"}, registry=ledger_text())
    for code in ("0x80070005", "0x80041013", "0x800106ba", "0x8000ffff"):
        lab.call({"write_fails": code}, **entry)
    lab.add({**ours, "write_fails": "0x80041002"}, False, "exclusion", {"state": "absent"}, registry=ledger_text())
    ignored, stayed, denied, broken, stopped, other, not_found = lab.run()
    assert ignored.failed and ignored.said["reason"] == "write_ignored" and not ignored.said["changed"]
    assert "reading it back shows no change" in ignored.said["msg"] and ignored.ledger == []
    assert stayed.failed and stayed.said["reason"] == "write_ignored" and len(stayed.ledger) == 1
    for outcome, code in (
        (denied, "0x80070005"),
        (broken, "0x80041013"),
        (stopped, "0x800106ba"),
        (other, "0x8000ffff"),
    ):
        assert outcome.failed and outcome.said["reason"] == code and code in outcome.said["msg"]
        assert not outcome.said["changed"] and outcome.ledger == [] and outcome.excluded() == []
        assert outcome.said["msg"].endswith("; nothing was changed.")
    # Defender says it knows no such entry and still lists it: that is no success.
    assert not_found.failed and not_found.said["reason"] == "write_ignored" and len(not_found.ledger) == 1


def test_what_a_policy_excludes(lab):
    managed = {
        "policy": {"path": [GOCACHE + ON_ACCESS]},
        "registry": {f"{POLICY}\\Exclusions\\Paths": {GOCACHE + ON_ACCESS: 0}},
    }
    lab.call(managed, entries=[path_entry("%GOCACHE%"), path_entry("%GOMODCACHE%")], **SAID)
    lab.add(None, False, "exclusion", {"state": "absent", "entries": [path_entry("%GOCACHE%" + ON_ACCESS)]})
    lab.add(None, False, "exclusion", {"state": "absent"})
    lab.call(managed, module="info")
    added, kept, gone, info = lab.run()
    assert added.said["managed"] == [f"path {GOCACHE}{ON_ACCESS}"]
    assert added.excluded() == [r"C:\Users\dev\go\pkg\mod" + ON_ACCESS] and len(added.ledger) == 1
    assert not kept.said["changed"] and "only who sets the policy can remove it" in kept.said["kept"][0]
    assert gone.excluded() == [] and gone.ledger == []
    assert info.said["managed"]["path"] == [GOCACHE + ON_ACCESS] and info.said["effective"]


def test_notes_that_do_not_keep_from_writing(lab):
    for status in ({"RealTimeProtectionEnabled": False}, {"TroubleShootingMode": "Enabled"}):
        lab.call({"status": status}, entries=[path_entry("%GOCACHE%")], **SAID)
    off, trouble = lab.run()
    assert off.excluded() == trouble.excluded() == [GOCACHE + ON_ACCESS]
    assert off.said["obstacles"][0]["reason"] == "real_time_protection_off"
    assert trouble.said["obstacles"][0]["reason"] == "troubleshooting_mode"


def test_bad_options(lab):
    lab.call({}, entries=[path_entry("%GOCACHE%")], reason="Go")
    lab.call({}, entries=[path_entry("%GOCACHE%")], valid_days=-1, **SAID)
    lab.call({}, entries=[path_entry("%GONE%\\x")], **SAID)
    lab.call({}, entries=[{"path": r"C:\src\proj", "process": "go.exe"}], **SAID)
    lab.call({}, entries=[{"reason": "x"}], **SAID)
    lab.add({}, False, "exclusion", {"state": "absent"}, registry=ledger_text().replace('{\\"kind', "kind"))
    owner, number, variable, both, none, ledger = lab.run()
    assert "owner is missing" in owner.said["msg"]
    assert "valid_days is -1" in number.said["msg"]
    assert "has the variable GONE, which is not set" in variable.said["msg"]
    assert "mutually exclusive" in both.said["msg"] and "one of the following" in none.said["msg"]
    assert "remove it with regedit" in ledger.said["msg"]
    for outcome in (owner, number, variable, both, none, ledger):
        assert outcome.failed and outcome.excluded() == []


def test_the_ladder_through_ansible_core(pwsh, tmp_path):
    """Check -> apply -> apply again -> absent, with ansible-core's own payload; the state file is read by the test.

    However many entries there are, each task starts one PowerShell.
    """
    names = [rf"C:\src\proj{number}" for number in range(40)] + ["C:\\src\\\u00e9t\u00e9 x"]
    given = {"entries": [path_entry(name) for name in names], **SAID}
    steps: list[tuple[dict[str, Any], bool]] = [
        (given, True),
        (given, False),
        ({**given, "entries": given["entries"][:1]}, False),
        (given, False),
        ({"state": "absent"}, False),
    ]
    tasks: list[dict[str, Any]] = []
    for arguments, check in steps:
        tasks.append({"wsltune.go.win_defender_exclusion": arguments, "check_mode": check, "register": "result"})
        starts = content(f"{tmp_path}/starts", ", rstrip=False").replace(" }}", " | length }}")
        tasks.append(see(said="{{ result }}", state=content(tmp_path / "Defender.json"), starts=starts))
    theirs = {"path": ["D:\\theirs"], "process": [], "extension": []}
    (tmp_path / "Defender.json").write_text(json.dumps(theirs), encoding="ascii")
    counted = tmp_path / "pwsh"
    counted.write_text(f'#!/bin/sh\necho >>"{tmp_path}/starts"\nexec "{pwsh}" "$@"\n', encoding="ascii")
    counted.chmod(0o755)
    _, seen = play(tasks, str(counted), tmp_path)
    paths = [
        sorted((step["state"] if isinstance(step["state"], dict) else json.loads(step["state"]))["path"])
        for step in seen
    ]
    everything = sorted([name + ON_ACCESS for name in names] + ["D:\\theirs"])
    checked, added, one, again, gone = (step["said"] for step in seen)
    assert checked["changed"] and paths[0] == ["D:\\theirs"]
    assert checked["diff"]["after"].count("\n") == len(names) + 1
    assert added["changed"] and added["verified"] and paths[1] == everything
    assert not one["changed"] and not again["changed"] and paths[2] == paths[3] == everything
    assert gone["changed"] and len(gone["removed"]) == len(names) and paths[4] == ["D:\\theirs"]
    # ansible-core starts it again where it lies elsewhere than its engine, as it does here.
    starts = [int(step["starts"]) for step in seen]
    assert starts == [starts[0] * (number + 1) for number in range(len(steps))] and starts[0] <= 2
