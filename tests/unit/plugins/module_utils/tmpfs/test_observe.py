# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import observe as tmpfs_observe
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import place as tmpfs_place
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
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


@pytest.mark.parametrize("mark", ["/run/.containerenv", "/.dockerenv", "/run/systemd/container", ""])
def test_a_home_that_was_mounted_into_a_container_gets_no_folder(
    mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = os.path.exists
    monkeypatch.setattr(
        os.path, "exists", lambda path: path == mark if path in tmpfs_observe.CONTAINER else there(path)
    )
    person = accounts.Account("alice", os.geteuid(), os.getegid(), str(tmp_path), "/bin/sh")
    table = f"1 0 0:9 / / rw - overlay overlay rw\n2 1 8:1 /home/alice {tmp_path} rw - ext4 /dev/sda rw\n"
    found = tmpfs_observe.observe("/nowhere/gotmp", [person], wsl_judge.Machine(mountinfo=table))
    assert found["start"]["container"] == bool(mark)
    hazard = tmpfs_place.account_hazard({**found["users"]["alice"], "local": True})
    assert ("comes from outside of this container" in hazard) == bool(mark), hazard
