# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import dataclasses
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.go import image as go_image
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts
from ansible_collections.wsltune.go.plugins.modules import go_module_facts

Run = Callable[..., dict[str, Any]]


def test_it_asks_the_owners_go_and_returns_what_is_documented(
    call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def observe(path: str, account: Any, containerfile: str) -> go_image.Module:
        asked.append((path, account.name, containerfile))
        return go_image.Module(path, "example.com/shop\x1b[31m", mains=["."])

    monkeypatch.setattr(go_module_facts.go_module, "observe", observe)
    account = accounts.Account("", 1000, 1000, "/", "/bin/sh")
    monkeypatch.setattr(go_module_facts.accounts, "find", lambda names: [dataclasses.replace(account, name=names[0])])
    done = call(go_module_facts, path=str(tmp_path), containerfile="Containerfile.wsltune")
    facts = done["ansible_facts"]["go_module"]
    documented = yaml.safe_load(go_module_facts.RETURN)["ansible_facts"]["contains"]["go_module"]["contains"]
    assert done["changed"] is False and set(facts) == set(documented)
    me = pwd.getpwuid(os.stat(tmp_path).st_uid).pw_name
    assert asked == [(str(tmp_path), me, "Containerfile.wsltune")] and facts["user"] == me
    assert facts["module"] == r"example.com/shop\x1b[31m"


def test_what_is_not_there_is_one_sentence(call: Run, tmp_path: Path) -> None:
    done = call(go_module_facts, path=f"{tmp_path}/none")
    assert done["failed"] and done["msg"] == f"{tmp_path}/none cannot be looked at: No such file or directory"


def test_a_folder_of_nobody_asks_for_a_user(call: Run, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, because it gives a folder away")
    os.chown(tmp_path, 54321, 54321)
    done = call(go_module_facts, path=str(tmp_path))
    assert done["failed"] and "belongs to user id 54321, which has no account: name a user" in done["msg"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is led astray")
def test_a_link_of_another_account_does_not_choose_who_works_there(
    call: Run, home: Path, tmp_path: Path, eve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "of-root"
    module.mkdir()
    (module / "go.mod").write_text("module m\n")
    (home / "shop").symlink_to(module)
    monkeypatch.setattr(go_module_facts.go_module, "observe", lambda *_words: pytest.fail("it works there"))
    done = call(go_module_facts, path=f"{home}/shop")
    assert done["failed"] and "another account can change: name the module's user" in done["msg"]
    done = call(go_module_facts, path=f"{home}/shop", user="root")
    assert done["failed"] and "can be changed by other accounts" in done["msg"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is led astray")
@pytest.mark.parametrize("user", ["", "root"])
def test_root_works_for_itself_only_where_nobody_else_can_change_anything(
    call: Run, home: Path, eve: Any, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    # Such as one that root cloned there, which eve can rename.
    (home / "shop").mkdir()
    monkeypatch.setattr(go_module_facts.go_module, "observe", lambda *_words: pytest.fail("it works there"))
    done = call(go_module_facts, path=f"{home}/shop", user=user)
    assert done["failed"] and "can be changed by other accounts" in done["msg"]
