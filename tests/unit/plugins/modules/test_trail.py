# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils import trail as trails
from ansible_collections.wsltune.go.plugins.modules import trail

Call = Callable[..., dict[str, Any]]
NOTE = {"action": "healed", "path": "/etc/fstab", "role": "go_tmpfs", "before": "a: gone", "after": "a: in_state"}


@pytest.mark.skipif(os.geteuid() != 0, reason="root keeps the trail")
def test_a_note_is_a_line_with_who_and_why(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "changes.jsonl"
    monkeypatch.setattr(trails, "PATH", str(path))
    monkeypatch.setenv("WSLTUNE_STARTED_BY", "wsltune-heal")
    assert not call(trail, notes=[NOTE, NOTE])["changed"]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 2
    assert lines[0] | {"time": ""} == {
        **NOTE,
        "time": "",
        "commit": None,
        "by": "wsltune-heal",
        "before": ["a: gone"],
        "after": ["a: in_state"],
    }


def test_check_mode_notes_nothing(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trails, "PATH", str(tmp_path / "changes.jsonl"))
    call(trail, notes=[NOTE], _ansible_check_mode=True)
    assert list(tmp_path.iterdir()) == []
