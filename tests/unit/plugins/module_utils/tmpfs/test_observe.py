# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import observe as tmpfs_observe
from ansible_collections.wsltune.go.plugins.modules import go_tmpfs


def test_what_an_account_mounted_on_its_folder_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = f"{tmp_path}/{os.geteuid()}"
    os.mkdir(folder, 0o700)
    person = accounts.Account("eve", os.geteuid(), os.getegid(), "/", "/bin/sh")
    module = go_tmpfs.Tmpfs(SimpleNamespace(params={"run": ""}, check_mode=True))  # type: ignore[arg-type]
    assert tmpfs_observe._folder(folder) == [0o700, person.uid, person.gid]
    assert module.folder(str(tmp_path), person) == folder and not module.changes.notes
    monkeypatch.setattr(tmpfs_observe, "live", lambda path: object())
    monkeypatch.setattr(os, "lstat", lambda path: pytest.fail(f"{path} was looked at"))
    assert tmpfs_observe._folder(folder) is None
    assert module.folder(str(tmp_path), person) == "" and "something is mounted on" in module.changes.notes[0]
