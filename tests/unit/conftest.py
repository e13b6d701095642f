# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import process
from ansible_collections.wsltune.go.plugins.module_utils.workspace import base as workspace_base


@pytest.fixture(scope="session")
def pwsh() -> str:
    """The PowerShell for Linux that PWSH names; skips where it names none."""
    path = os.environ.get("PWSH")
    if not path:
        pytest.skip("PWSH names no PowerShell")
    assert os.access(path, os.X_OK), f"PWSH is {path!r}, which is no program"
    return path


@pytest.fixture(scope="session")
def powershell(pwsh: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Run a script once for a list of cases; the script has them as $cases and its output comes back as JSON."""

    def run(module: Path, script: str, cases: Sequence[Any]) -> Any:
        folder = tmp_path_factory.mktemp("powershell")
        (folder / "cases.json").write_text(json.dumps(cases), encoding="ascii")
        (folder / "run.ps1").write_text(
            "Set-StrictMode -Version Latest\n"
            "$ErrorActionPreference = 'Stop'\n"
            f"Import-Module -Name '{module}'\n"
            f"$cases = @(Get-Content -LiteralPath '{folder}/cases.json' -Raw | ConvertFrom-Json)\n"
            f"$result = @({script})\n"
            "ConvertTo-Json -InputObject $result -Depth 5 -Compress | "
            f"Set-Content -LiteralPath '{folder}/result.json'\n",
            encoding="ascii",
        )
        subprocess.run(
            [pwsh, "-NoProfile", "-NonInteractive", "-File", str(folder / "run.ps1")], check=True, timeout=300
        )
        return json.loads((folder / "result.json").read_text(encoding="utf-8"))

    return run


@pytest.fixture
def eve() -> process.Identity:
    """Someone who is no account of this machine."""
    return process.Identity(4711, 4711, [4711])


@pytest.fixture
def home(tmp_path: Path, eve: process.Identity) -> Path:
    """Eve's home, which she can reach."""
    for directory in (tmp_path, *tmp_path.parents[:-1]):
        directory.chmod(directory.stat().st_mode | 0o011)
    path = tmp_path / "home"
    path.mkdir(0o755)
    os.chown(path, eve.uid, eve.gid)
    return path


@pytest.fixture(autouse=True)
def _no_state_in_the_real_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests has no state of the copies that they make."""
    home, folder = os.path.expanduser("~"), workspace_base.folder

    def elsewhere(asked: str, target: str) -> str:
        return folder(str(tmp_path_factory.getbasetemp() / "state") if asked == home else asked, target)

    monkeypatch.setattr(workspace_base, "folder", elsewhere)
