# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""FileJournal.psm1 follows the rules of journal.py: each case is a list of steps, all run in one PowerShell process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

MODULE = Path(__file__).resolve().parents[5] / "plugins" / "module_utils" / "windows" / "FileJournal.psm1"

# A revert that takes out what is in square brackets, and a file of nothing else.
SCRIPT = r"""
    Function ConvertTo-Base64 { Param ($Text) [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($Text)) }
    $revert = {
        Param ($Base, $Written, $Current)
        $text = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($Current)) -replace '\[.*\]', ''
        if ($null -eq $Base -and -not $text) { return }
        [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($text))
    }
    foreach ($case in $cases) {
        $file = "$($case.folder)/file"
        $root = "$($case.folder)/wsltune/journal"
        $null = [IO.Directory]::CreateDirectory($case.folder)
        $kept = @()
        foreach ($step in $case.steps) {
            $does, $text, $run = $step
            switch ($does) {
                'user' { [IO.File]::WriteAllText($file, $text) }
                'user removes' { [IO.File]::Delete($file) }
                'write' { Write-Journaled $root $file (ConvertTo-Base64 $text) 'role' "$run" $revert }
                # Killed when the entry was on disk and the file not yet replaced, then when it was half written beside.
                'killed' {
                    $was = $null
                    if ([IO.File]::Exists($file)) { $was = [IO.File]::ReadAllBytes($file) }
                    Write-Journaled $root $file (ConvertTo-Base64 $text) 'role' "$run" $revert
                    if ($null -eq $was) { [IO.File]::Delete($file) } else { [IO.File]::WriteAllBytes($file, $was) }
                    [IO.File]::WriteAllText("$file.wsltune-new", 'half')
                }
                'restore' {
                    $entry = Get-JournalEntry $root $file
                    $only = [bool]$run
                    if ($entry) { $kept += (Get-RestoreTarget $entry (Get-FileState $file) $revert $only).Kept }
                    Restore-Journaled $root $file "$run" $revert $only
                    if (-not $only) { Close-Journal $root }
                }
            }
        }
        $content = $null
        if ([IO.File]::Exists($file)) { $content = [IO.File]::ReadAllText($file) }
        @{
            content = $content
            kept = @($kept | Where-Object { $_ }).Count
            recorded = [IO.Directory]::Exists("$($case.folder)/wsltune")
            left = [IO.File]::Exists("$file.wsltune-new")
        }
    }
"""

Steps = list[tuple[str, ...]]
BACK = ("restore",)

# Steps, the content at the end, whether something of others was named, whether a record is left.
CASES: list[tuple[Steps, str | None, bool, bool]] = [
    ([("user", "a"), ("write", "a[1]", "1"), BACK], "a", False, False),
    ([("user", "a"), ("write", "a[1]", "1"), ("write", "a[2]", "2"), BACK, BACK], "a", False, False),
    ([("write", "[1]", "1"), BACK], None, False, False),
    ([("write", "[1]", "1"), ("write", "[2]", "2"), BACK], None, False, False),
    # What others changed stays, before a run, between runs and after the last.
    ([("user", "a"), ("write", "a[1]", "1"), ("user", "a[1]b"), BACK], "ab", True, False),
    ([("write", "[1]", "1"), ("user", "[1]b"), BACK], "b", True, False),
    ([("user", "a"), ("write", "a[1]", "1"), ("user", "a[1]b"), ("write", "a[2]b", "2"), BACK], "ab", True, False),
    ([("user", "a"), ("write", "a[1]", "1"), ("user removes",), BACK], None, True, False),
    ([("write", "[1]", "1"), ("user removes",), BACK], None, False, False),
    # One run alone.
    ([("user", "a"), ("write", "a[1]", "1"), ("write", "a[2]", "2"), ("restore", "", "2")], "a[1]", False, True),
    ([("user", "a"), ("write", "a[1]", "1"), ("write", "a[2]", "2"), ("restore", "", "1")], "a[2]", False, True),
    ([("user", "a"), ("write", "a[1]", "1"), ("write", "a[2]", "2"), ("restore", "", "2"), BACK], "a", False, False),
    ([("user", "a"), ("write", "a[1]", "1"), ("restore", "", "1")], "a", False, True),
    # A run whose name looks like a time is one run; its first touch counts.
    (
        [
            ("user", "a"),
            *[("write", f"a[{text}]", "2026-11-28T10:00:00.0000000Z") for text in "12"],
            ("restore", "", "2026-11-28T10:00:00.0000000Z"),
        ],
        "a",
        False,
        True,
    ),
    # An edit between two attempts of one run stays, and nothing of the run's.
    (
        [("user", "a"), ("write", "a[1]", "1"), ("user", "a[1]b"), ("write", "a[2]b", "1"), ("restore", "", "1")],
        "ab",
        True,
        True,
    ),
    # Killed, then back at once, or run again and back.
    ([("user", "a"), ("killed", "a[1]", "1"), BACK], "a", False, False),
    ([("user", "a"), ("killed", "a[1]", "1"), ("write", "a[1]", "2"), BACK], "a", False, False),
    ([("user", "a"), ("write", "a[1]", "1"), ("killed", "a[2]", "2"), BACK], "a", False, False),
    ([("user", "a"), ("write", "a[1]", "1"), ("killed", "a[2]", "2"), ("write", "a[2]", "3"), BACK], "a", False, False),
    ([("killed", "[1]", "1"), BACK], None, False, False),
    ([("killed", "[1]", "1"), ("write", "[1]", "2"), BACK], None, False, False),
]


def test_cases(powershell: Callable[..., Any], tmp_path: Path) -> None:
    asked = [
        {"folder": str(tmp_path / str(number)), "steps": [list(step) + [""] * (3 - len(step)) for step in steps]}
        for number, (steps, _content, _named, _recorded) in enumerate(CASES)
    ]
    for (steps, content, named, recorded), found in zip(CASES, powershell(MODULE, SCRIPT, asked)):
        assert (found["content"], found["kept"] > 0, found["recorded"]) == (content, named, recorded), (steps, found)
        assert not found["left"], steps


# What a user has put where a run with an administrator's rights reads and writes; the victim is that administrator's.
LED = r"""
    $module = Get-Module -Name FileJournal
    foreach ($case in $cases) {
        & $module { $script:elevated = $args[0] } $case.elevated
        $file = "$($case.folder)/.wslconfig"
        $root = "$($case.folder)/wsltune/journal"
        $content = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes('ours'))
        $revert = { param ($base, $written, $current) $current }
        $said = ''
        try {
            switch ($case.does) {
                'write' { Write-Journaled $root (Resolve-FileLink $file) $content 'role' 'run' $revert }
                'restore' { Restore-Journaled $root $file '' $revert }
                'read' { $said = (Get-FileState $file).content }
                'record' { $said = "$(Get-JournalEntry $root $file)" }
                'paths' {
                    $said = @(Get-JournalPath $root 'role' $file) + @('|') + @(Get-LeftPath $root $file) -join ' '
                }
                'close' { Close-Journal $root }
            }
        } catch {
            $said = "refused: $($_.Exception.GetBaseException().Message)"
        }
        @{ said = "$said" }
    }
"""


Case = tuple[Path, str, bool]


def lead(powershell: Callable[..., Any], *cases: Case) -> list[str]:
    """Return what each step says, which a run with or without an administrator's rights does in a folder."""
    asked = [{"folder": str(folder), "does": does, "elevated": elevated} for folder, does, elevated in cases]
    return [str(found["said"]) for found in powershell(MODULE, LED, asked)]


def record(folder: Path, path: Path, named: str = "") -> None:
    """Make an entry of the record as a user could, with a file that was not there before."""
    root = folder / "wsltune" / "journal"
    root.mkdir(parents=True, exist_ok=True)
    entry = {"path": str(path), "role": "role", "base": None, "written": None, "run": "", "before_run": None}
    text = json.dumps({**entry, "foreign": False, "previous": None})
    (root / f"{quote(named or str(path), safe='')}.json").write_text(text)


def test_a_link_that_waits_under_a_temporary_name_is_not_written_through(
    powershell: Callable[..., Any], tmp_path: Path
) -> None:
    cases: list[Case] = []
    for target in ("theirs", "missing"):
        folder = tmp_path / target
        folder.mkdir()
        (folder / "theirs").write_text("theirs")
        for name in (".wslconfig.wsltune-new", f".wslconfig.{'0' * 32}.wsltune-new"):
            (folder / name).symlink_to(folder / target)
        cases.append((folder, "write", False))
    assert lead(powershell, *cases) == ["", ""]
    for folder, _does, _elevated in cases:
        assert (folder / ".wslconfig").read_text() == "ours" and (folder / "theirs").read_text() == "theirs"
        assert not (folder / "missing").exists() and not list(folder.glob("*.wsltune-new"))


def test_an_administrator_follows_no_link_to_a_file(powershell: Callable[..., Any], tmp_path: Path) -> None:
    home, victim = tmp_path / "home", tmp_path / "victim"
    home.mkdir()
    victim.write_text("theirs")
    (home / ".wslconfig").symlink_to(victim)
    record(home, home / ".wslconfig")
    for said in lead(powershell, (home, "write", True), (home, "restore", True), (home, "read", True)):
        assert said.startswith(f"refused: {home}/.wslconfig is a link, ")
    assert victim.read_text() == "theirs" and (home / ".wslconfig").is_symlink()
    # Whoever has no such rights goes nowhere that way that they cannot go anyway.
    assert lead(powershell, (home, "write", False)) == [""] and victim.read_text() == "ours"


def test_an_administrator_follows_no_link_to_the_record(powershell: Callable[..., Any], tmp_path: Path) -> None:
    cases: list[Case] = []
    for part in ("wsltune", "wsltune/journal"):
        home, victim = tmp_path / part.replace("/", "-") / "home", tmp_path / part.replace("/", "-") / "victim"
        (home / part).parent.mkdir(parents=True)
        (victim / "journal").mkdir(parents=True)
        (home / part).symlink_to(victim)
        cases += [(home, does, True) for does in ("write", "restore", "record", "paths", "close")]
    for (home, does, _elevated), said in zip(cases, lead(powershell, *cases)):
        part = "wsltune" if home.parent.name == "wsltune" else "wsltune/journal"
        assert said.startswith(f"refused: {home}/{part} is a link, "), does
        assert sorted(path.name for path in (home.parent / "victim").rglob("*")) == ["journal"]


def test_an_administrator_takes_no_path_from_the_record(powershell: Callable[..., Any], tmp_path: Path) -> None:
    victim, other, own = tmp_path / "victim", tmp_path / "other", tmp_path / ".wslconfig"
    for path in (victim, other, own):
        path.write_text("theirs")
        record(tmp_path, path)
    said, anyway = lead(powershell, (tmp_path, "paths", True), (tmp_path, "paths", False))
    declared, left = said.split(" | ")
    assert declared == str(own) and sorted(left.split()) == [str(other), str(victim)]
    # Without such rights each path that is recorded is restored.
    assert sorted(anyway.split()) == sorted(["|", str(own), str(other), str(victim)])
    record(tmp_path, victim, named=str(own))
    said, _restored = lead(powershell, (tmp_path, "paths", True), (tmp_path, "restore", True))
    assert said.startswith(f"{own} | ") and victim.read_text() == other.read_text() == "theirs"
