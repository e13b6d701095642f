# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno
import os
import time
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, mount
from ansible_collections.wsltune.go.plugins.modules import workspace_sync


def test_a_way_to_the_mount_that_gives_no_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may lead over a file system that is a program of the project's user, and answered a moment before."""

    def hang(path: str) -> None:
        time.sleep(20)
        raise OSError(errno.EIO, "it came back", path)

    account = accounts.Account("root", 0, 0, "/root", "/bin/sh")
    monkeypatch.setattr(accounts, "find", lambda _names: [account])
    monkeypatch.setattr(accounts, "login_environment", lambda _account: {})
    monkeypatch.setattr(workspace_sync.wsl_observe, "collect", lambda **_words: SimpleNamespace(virtiofs_links={}))
    monkeypatch.setattr(workspace_sync.wsl_observe.wsl_judge, "is_wsl", lambda _machine: False)
    monkeypatch.setattr(mount, "uncover", hang)
    monkeypatch.setattr(workspace_sync, "GRACE", 1.0, raising=False)
    # A mount point on every machine.
    params = {"source": "/dev/shm", "target": "/root/shop", "user": "root", "ignored": False, "direction": "report"}
    module: Any = SimpleNamespace(params={**params, "seconds": 1.0}, run_command=None, check_mode=False)
    assert os.path.ismount("/dev/shm")
    begin = time.monotonic()
    with pytest.raises(workspace_sync.WorkspaceError, match=r"^/dev/shm gives no answer in 2 s.*; nothing was written"):
        workspace_sync.compare(module)
    assert time.monotonic() - begin < 15
