# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DefenderExclusion.psm1: text alone, so the Linux build of PowerShell shows what Windows would say."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[5]
MODULE = ROOT / "plugins" / "module_utils" / "windows" / "DefenderExclusion.psm1"
DATA = Path(__file__).parent / "data" / "defender"

WINDOWS = {
    "SystemDrive": "C:",
    "SystemRoot": r"C:\Windows",
    "windir": r"C:\Windows",
    "ProgramFiles": r"C:\Program Files",
    "ProgramFiles(x86)": r"C:\Program Files (x86)",
    "ProgramData": r"C:\ProgramData",
    "PUBLIC": r"C:\Users\Public",
    "USERPROFILE": r"C:\Users\dev",
    "USERNAME": "dev",
    "HOMEDRIVE": "C:",
    "HOMEPATH": r"\Users\dev",
    "LOCALAPPDATA": r"C:\Users\dev\AppData\Local",
    "APPDATA": r"C:\Users\dev\AppData\Roaming",
    "TEMP": r"C:\Users\dev\AppData\Local\Temp",
    "TMP": r"C:\Users\dev\AppData\Local\Temp",
    "COMPUTERNAME": "LAPTOP",
}
REFUSAL = (
    "$environment = @{}; foreach ($p in $cases[0].PSObject.Properties) { $environment[$p.Name] = $p.Value }\n"
    "foreach ($case in $cases[1]) { "
    '"$(Get-ExclusionRefusal -Kind $case.kind -Value $case.value -Environment $environment)" }'
)
KEYS = "foreach ($case in $cases) { Get-ExclusionKey -Kind $case.kind -Value $case.value }"


def table(name: str) -> list[list[str]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [line.split("|")[:-1] for line in lines if line and not line.startswith("#")]


def judge(powershell: Any, cases: list[tuple[str, str]], environment: dict[str, str] | None = None) -> list[str]:
    shared = WINDOWS if environment is None else environment
    return powershell(MODULE, REFUSAL, [shared, [{"kind": kind, "value": value} for kind, value in cases]])


def keys(powershell: Any, cases: list[tuple[str, str]]) -> list[str]:
    return powershell(MODULE, KEYS, [{"kind": kind, "value": value} for kind, value in cases])


def test_no_path_is_read_as_the_system_that_runs_this_would():
    assert "IO.Path" not in MODULE.read_text(encoding="ascii").replace("[IO.Path] is not used", "")


def test_every_spelling_of_what_is_forbidden_is_refused_in_one_sentence(powershell):
    cases = [(kind, value) for kind, value in table("refused.txt")]
    assert len(cases) >= 150
    for (kind, value), sentence in zip(cases, judge(powershell, cases), strict=True):
        assert sentence.startswith(f"{kind} '{value}' is refused: "), (kind, value, sentence)
        assert sentence.endswith(".") and sentence.replace(value, "").isascii() and "\n" not in sentence, sentence
        assert "; " in sentence.split("is refused: ")[1], f"says not what to do: {sentence}"


def test_what_a_go_developer_may_ask_for_is_allowed(powershell):
    cases = [(kind, value) for kind, value in table("allowed.txt")]
    assert {case: said for case, said in zip(cases, judge(powershell, cases), strict=True) if said} == {}


def test_nothing_but_the_variables_given_is_known(powershell):
    """Without a single variable what every Windows has stays protected, and a moved folder is protected where it is."""
    cases = [(kind, value) for kind, value in table("refused.txt") if "LAPTOP" not in value.upper()]
    assert [case for case, said in zip(cases, judge(powershell, cases, {}), strict=True) if not said] == []
    moved = {
        "SystemRoot": r"E:\Windows10",
        "ProgramFiles": r"E:\Apps",
        "USERPROFILE": r"E:\Profiles\dev",
        "TEMP": r"F:\scratch\big\2",
        "TMP": r"F:\SCRAT~1\big",
        "GOPATH": r"G:\go\first;G:\go\second",
        "GOBIN": r"G:\tools\go",
        "GOROOT": r"G:\sdks\go1.27",
        "GOCACHE": r"H:\c",
    }
    refused = [
        r"E:\Windows10\x",
        r"E:\Apps\Contoso",
        r"E:\Apps\Java\jdk\bin",
        r"E:\Profiles\dev",
        r"E:\Profiles\dev\Desktop",
        r"E:\Profiles",
        r"F:\scratch",
        r"F:\scratch\big\3",
        r"F:\scratches\big\x",
        r"G:\go\first",
        r"G:\go\second\bin\x",
        r"G:\tools",
        r"G:\tools\go\x",
        r"G:\sdks\go1.27",
        r"H:\d",
    ]
    allowed = [r"E:\Apps\Contoso\cache", r"E:\Profiles\dev\src\proj", r"F:\other\big", r"G:\go\first\pkg\mod", r"H:\c"]
    said = judge(powershell, [("path", value) for value in refused + allowed], moved)
    assert [value for value, sentence in zip(refused, said, strict=False) if not sentence] == []
    assert [sentence for sentence in said[len(refused) :] if sentence] == []


def test_what_a_path_leads_to_is_judged_too(powershell):
    leads = {
        r"C:\src\proj": r"C:\Windows\System32",
        r"C:\work\proj": r"D:\src\proj",
        r"Z:\src\proj": r"\\server\share\src\proj",
        r"S:\src\proj": "",
    }
    script = (
        "foreach ($case in $cases) { $resolver = { param ($path) $case.leads.$path }; "
        '"$(Get-ExclusionRefusal -Kind path -Value $case.value -Environment @{} -Resolver $resolver)" }'
    )
    values = [r"C:\src\proj", r"C:\src\proj\:{PathType:folder}", r"C:\work\proj", r"Z:\src\proj", r"S:\src\proj"]
    values.append(r"C:\src\proj\*\x")
    said = powershell(MODULE, script, [{"value": value, "leads": leads} for value in values])
    assert r"it leads to C:\Windows\System32, and of that it lies in Windows" in said[0]
    assert r"C:\Windows\System32" in said[1] and r"C:\Windows\System32" in said[5]
    assert said[2] == "" and said[4] == ""
    assert r"it leads to \\server\share\src\proj and Defender does not know mapped drives" in said[3]


def test_equal_spellings_have_one_key(powershell):
    pairs = table("equal.txt")
    assert len(pairs) >= 60
    found = keys(powershell, [(kind, value) for kind, *both in pairs for value in both])
    assert [pair for i, pair in enumerate(pairs) if found[2 * i] != found[2 * i + 1]] == []


def test_different_entries_have_different_keys(powershell):
    pairs = table("different.txt")
    found = keys(powershell, [(kind, value) for kind, *both in pairs for value in both])
    assert [pair for i, pair in enumerate(pairs) if found[2 * i] == found[2 * i + 1]] == []


def respell(random_: random.Random, path: str) -> str:
    """Write a path with a drive letter in another of the ways that Windows takes for the same."""
    drive, *parts = path.split("\\")
    words: list[str] = []
    for part in parts:
        word = "".join(random_.choice((char.upper(), char.lower())) for char in part)
        if random_.random() < 0.2:
            words += random_.choice((["."], ["x", ".."], ["a b", ".", ".."]))
        words.append(word + random_.choice(("", "", "", ".", " ", ". ")))
    separators = ("\\", "\\", "/", "\\\\", "//", "\\/")
    text = random_.choice((drive.lower(), drive.upper()))
    text += "".join(random_.choice(separators) + word for word in words)
    text += random_.choice(("", "", "\\", "/", "\\\\"))
    return random_.choice(("", "", "", "\\\\?\\", "\\\\.\\", "//?/", " ", "\t")) + text + random_.choice(("", " "))


def random_path(random_: random.Random) -> str:
    names = [
        "go",
        "src",
        "Proj",
        "a b",
        "x.y",
        ".git",
        "mod@v1.2.3",
        "100%",
        "b~old",
        "\u00e9t\u00e9",
        "[x]",
        "$d",
        "c'd",
        "e&f",
    ]
    parts = [random_.choice(names) + str(random_.randrange(50)) for _ in range(random_.randint(2, 6))]
    return random_.choice("CDE") + ":\\work\\" + "\\".join(parts)


def test_keys_of_thousands_of_spellings(powershell):
    """A model in Python says which of them are one: those made of one path."""
    random_ = random.Random(4)
    paths = sorted({random_path(random_) for _ in range(900)})
    suffixes = ["", "\\:{PathType:folder}", "\\:{ScanTrigger:OnAccess,PathType:folder}"]
    wanted: dict[tuple[str, str], set[str]] = {}
    cases = []
    for path in paths:
        suffix = random_.choice(suffixes)
        for spelling in (path, respell(random_, path), respell(random_, path)):
            cases.append(((path.upper(), suffix), spelling.rstrip() + suffix if suffix else spelling))
    found = keys(powershell, [("path", spelling) for _, spelling in cases])
    for (identity, _), key in zip(cases, found, strict=True):
        wanted.setdefault(identity, set()).add(key)
    assert {identity: made for identity, made in wanted.items() if len(made) > 1} == {}
    assert len({key for made in wanted.values() for key in made}) == len(wanted)
    # A key is a spelling of the same entry.
    again = sorted({key for made in wanted.values() for key in made})
    assert keys(powershell, [("path", key) for key in again]) == again


def test_thousands_of_spellings_of_protected_folders_are_refused(powershell):
    random_ = random.Random(7)
    plain = [
        value
        for kind, value in table("refused.txt")
        if kind == "path" and value[1:3] == ":\\" and not set(value) & set('*?%:"<>|~') - {":"}
    ]
    plain = [value for value in plain if value.count(":") == 1 and ".." not in value.split("\\")]
    plain = sorted({value.rstrip("\\ .") for value in plain} - {"C:", "D:"})
    assert len(plain) > 60
    cases = []
    for _ in range(1000):
        value = respell(random_, random_.choice(plain))
        cases.append(("path", value.rstrip() + random_.choice(("", "", "\\:{PathType:folder,ScanTrigger:OnAccess}"))))
    said = judge(powershell, cases)
    assert [case for case, sentence in zip(cases, said, strict=True) if not sentence] == []


def test_random_projects_are_allowed_and_what_is_above_them_is_not(powershell):
    random_ = random.Random(11)
    paths = sorted({random_path(random_) for _ in range(400)})
    cases = [("path", respell(random_, path)) for path in paths]
    assert {case: said for case, said in zip(cases, judge(powershell, cases), strict=True) if said} == {}
    protected = {"TEMP": r"C:\work\a1\b2\c3\temp", "SystemRoot": r"D:\work\windows\here"}
    above = [r"C:\work\a1", r"C:\work\a1\b2", r"C:\work\a1\b2\c3", r"C:\work\a1\b2\c3\temp\x", r"D:\work\windows"]
    cases = [("path", respell(random_, value)) for value in above for _ in range(20)]
    assert [case for case, said in zip(cases, judge(powershell, cases, protected), strict=True) if not said] == []


@pytest.mark.parametrize("kind", ["path", "process", "extension"])
def test_nothing_that_can_be_written_ends_in_an_error(powershell, kind):
    random_ = random.Random(kind)
    alphabet = '\\/:.*?{}",%~$ @\tC go\u00e9\u2028\U0001f600'
    cases = [(kind, "".join(random_.choice(alphabet) for _ in range(random_.randint(0, 24)))) for _ in range(400)]
    assert len(judge(powershell, cases)) == len(keys(powershell, cases)) == len(cases)
