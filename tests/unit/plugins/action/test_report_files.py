# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError

from ansible_collections.wsltune.go.plugins.action.report_files import ActionModule


def call(folder: Path, files: dict[str, Any], check: bool = False) -> dict[str, Any]:
    """Return what the action returns for a task with these options."""
    task = SimpleNamespace(
        args={"folder": str(folder), "files": files}, check_mode=check, async_val=0, action="report_files", diff=False
    )
    action = ActionModule(task, SimpleNamespace(_shell=SimpleNamespace(tmpdir="/nowhere")), None, None, None, None)
    return action.run(task_vars={})


def test_text_is_written_as_it_is_and_half_a_character_as_one(tmp_path: Path) -> None:
    said = call(tmp_path / "a", {"one.json": '{"a": "\u00e9"}\n', "two": "x\ud800y", "three": "x\udcffy"})
    assert said["folder"] == str(tmp_path / "a") and not said["changed"]
    assert (tmp_path / "a/one.json").read_text(encoding="utf-8") == '{"a": "\u00e9"}\n'
    assert (tmp_path / "a/two").read_text(encoding="utf-8") == "x\ufffdy"
    assert (tmp_path / "a/three").read_bytes() == b"x\xffy"


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    assert not call(tmp_path / "a", {"one": "1"}, check=True)["changed"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "content"), [("../one", "1"), ("", "1"), ("..", "1"), ("one", {"a": 1})])
def test_what_is_no_file_of_that_folder_is_refused(tmp_path: Path, name: str, content: Any) -> None:
    with pytest.raises(AnsibleError, match="nothing was written"):
        call(tmp_path / "a", {"first": "1", name: content})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(AnsibleError, match=rf"written to {tmp_path}/a/b \(Not a directory\)"):
        call(tmp_path / "a" / "b", {"one": "1"})
