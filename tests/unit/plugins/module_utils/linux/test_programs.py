# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import programs


def test_whose_mount_it_is(tmp_path: Path) -> None:
    (tmp_path / "busybox").write_text("")
    (tmp_path / "mount").symlink_to("busybox")
    assert programs.is_busybox("mount", lambda name: str(tmp_path / name))
    assert not programs.is_busybox("mount", lambda _name: "/usr/bin/mount")
    assert not programs.is_busybox("mount", lambda _name: None)


def test_root_finds_the_programs_of_the_system_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sh").write_text("#!/bin/sh\n")
    (tmp_path / "sh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.find_program("sh") in {f"{folder}/sh" for folder in programs.own_path()["PATH"].split(":")}
