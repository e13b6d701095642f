# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""FileJournal.psm1 follows the rules of journal.py: each case is a list of steps, all run in one PowerShell process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

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
