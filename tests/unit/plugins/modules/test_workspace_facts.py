# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo
from ansible_collections.wsltune.go.plugins.modules import workspace_facts

Run = Callable[..., dict[str, Any]]


def test_it_finds_projects_and_returns_what_is_documented(call: Run, tmp_path: Path) -> None:
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    (tmp_path / "shop" / "go.mod").write_text("module shop\n")
    done = call(workspace_facts, roots=[str(tmp_path)])
    facts = done["ansible_facts"]["workspace"]
    documented = yaml.safe_load(workspace_facts.RETURN)["ansible_facts"]["contains"]["workspace"]["contains"]
    assert done["changed"] is False and set(facts) == set(documented)
    assert facts["projects"] == [{"path": f"{tmp_path}/shop", "git": True}] and facts["complete"]


def test_without_roots_it_looks_on_the_windows_drives(
    call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = [mountinfo.Mount("/", "/", "ext4", "/dev/sdc")]
    monkeypatch.setattr(workspace_facts.wsl_judge, "mounts_of", lambda machine: mounts)
    assert call(workspace_facts)["ansible_facts"]["workspace"]["projects"] == []
