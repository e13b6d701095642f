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
