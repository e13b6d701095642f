# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every PowerShell file of the repository, as text: a laptop has Windows PowerShell 5.1, which cannot be run here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LICENSE = "GNU General Public License v3.0+"


def powershell_files() -> list[Path]:
    """Those that git has or would take, also before they are committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.ps1", "*.psm1", "*.psd1"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def check(pwsh: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    script = Path(pwsh).with_name("check-syntax.ps1")
    if not script.exists():
        pytest.skip(f"no check-syntax.ps1 beside {pwsh}")
    command = [pwsh, "-NoProfile", "-NonInteractive", "-File", str(script), "-Compatible", "5.1", *map(str, paths)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


def test_windows_powershell_5_can_read_every_file(pwsh):
    files = powershell_files()
    assert files
    done = check(pwsh, *files)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("text", ["$x = $y ?? 1\n", "if ($x) {\n", "Get-Content -Path x -AsByteStream\n"])
def test_the_check_finds_what_it_is_there_for(pwsh, tmp_path, text):
    path = tmp_path / "broken.ps1"
    path.write_text(text, encoding="ascii")
    done = check(pwsh, path)
    assert done.returncode == 1 and "broken.ps1" in done.stdout


@pytest.mark.parametrize("path", powershell_files(), ids=lambda path: path.name)
def test_form(path):
    """What PSScriptAnalyzer's rules of ansible-test ask for and text alone can show."""
    data = path.read_bytes()
    assert data.isascii() and b"\r" not in data and b"\t" not in data and data.endswith(b"\n")
    lines = data.decode("ascii").splitlines()
    assert LICENSE in "\n".join(lines[:6]), "no licence"
    for number, line in enumerate(lines, 1):
        assert len(line) <= 160 and line == line.rstrip(), number


# What a file says of itself to the engine's own parser: keywords and operators that are not in lower case, functions
# without an approved verb or help, and whether it asks for the strictest mode.
STYLE = r"""using namespace System.Management.Automation.Language
$verbs = @((Get-Verb).Verb)
foreach ($path in @(Get-Content -LiteralPath "$PSScriptRoot/paths.txt")) {
    $tokens = $errors = $null
    $tree = [Parser]::ParseFile($path, [ref]$tokens, [ref]$errors)
    foreach ($token in $tokens) {
        $operator = $token.Text -match '\A-[A-Za-z]+\z' -and $token.Kind -ne 'Parameter'
        $word = $operator -or $token.TokenFlags -band [TokenFlags]'Keyword'
        if ($word -and $token.Kind -ne 'Generic' -and $token.Text -cne $token.Text.ToLowerInvariant()) {
            "${path}: line $($token.Extent.StartLineNumber): $($token.Text) is not in lower case"
        }
    }
    foreach ($function in $tree.FindAll({ param ($node) $node -is [FunctionDefinitionAst] }, $true)) {
        $line = "${path}: line $($function.Extent.StartLineNumber): $($function.Name)"
        $verb, $noun = $function.Name.Split('-')
        if (-not $noun -or $verb -cnotin $verbs) { "$line has no approved verb" }
        $help = $function.GetHelpContent()
        if (-not $help -or -not "$($help.Synopsis)".Trim()) { "$line has no help" }
    }
    $strict = $false
    foreach ($command in $tree.FindAll({ param ($node) $node -is [CommandAst] }, $true)) {
        $name = $command.GetCommandName()
        $strict = $strict -or $command.Extent.Text -ceq 'Set-StrictMode -Version Latest'
        if ($name -and (Get-Alias -Name $name -ErrorAction SilentlyContinue)) { "${path}: $name is an alias" }
    }
    if (-not $strict) { "${path}: does not set the strictest mode" }
}
"""


def style(pwsh: str, folder: Path, *paths: Path) -> list[str]:
    (folder / "style.ps1").write_text(STYLE, encoding="ascii")
    (folder / "paths.txt").write_text("\n".join(map(str, paths)), encoding="utf-8")
    command = [pwsh, "-NoProfile", "-NonInteractive", "-File", str(folder / "style.ps1")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return done.stdout.splitlines()


def test_one_style(pwsh: str, tmp_path: Path) -> None:
    """What PSScriptAnalyzer would look at, by the engine's parser; it is not here."""
    shipped = [path for path in powershell_files() if "tests" not in path.relative_to(ROOT).parts]
    assert len(shipped) >= 9
    assert style(pwsh, tmp_path, *shipped) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Function Get-X { <# .SYNOPSIS\nx #> }", "Function is not in lower case"),
        ("function Get-X {\n<#\n.SYNOPSIS\nx\n#>\nParam ($a)\n$a }", "Param is not in lower case"),
        ("if (1 -EQ 1) { 2 }", "-EQ is not in lower case"),
        ("function Frob-X {\n<#\n.SYNOPSIS\nx\n#>\n1 }", "Frob-X has no approved verb"),
        ("function Get-X { 1 }", "Get-X has no help"),
        ("Set-StrictMode -Version 2.0", "does not set the strictest mode"),
        ("1 | % { $_ }", "% is an alias"),
    ],
)
def test_the_style_finds_what_it_is_there_for(pwsh: str, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "x.ps1"
    path.write_text(text + "\n", encoding="ascii")
    assert any(says in line for line in style(pwsh, tmp_path, path))


def test_plain_style_is_found_right(pwsh: str, tmp_path: Path) -> None:
    path = tmp_path / "x.ps1"
    text = "Set-StrictMode -Version Latest\nfunction Get-X {\n<#\n.SYNOPSIS\nSays x.\n#>\n"
    text += "param ($A)\nif ($A -ceq 1) { $A } }\n"
    path.write_text(text, encoding="ascii")
    assert style(pwsh, tmp_path, path) == []
