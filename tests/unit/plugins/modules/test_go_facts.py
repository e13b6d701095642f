# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.linux import process
from ansible_collections.wsltune.go.plugins.modules import go_facts

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becomes the users: needs root")
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def eves(people: Any, eve: process.Identity, home: Path, state: Path) -> Path:
    people.add("eve", eve, home)
    return home


def test_it_returns_what_is_documented(call: Run, eves: Path, tmp_path: Path) -> None:
    done = call(go_facts, wsl=True, tmpfs_path=f"{tmp_path}/gotmp", conf_path=f"{tmp_path}/wsl.conf", drift=True)
    assert done["changed"] is False
    documented = yaml.safe_load(go_facts.RETURN)["ansible_facts"]["contains"]
    assert set(done["ansible_facts"]) == set(documented)
    assert set(done["ansible_facts"]["go"]) == set(documented["go"]["contains"])
    facts = done["ansible_facts"]["go"]["users"]["eve"]
    assert facts["go"]["path"] == f"{eves}/sdk/go/bin/go" and facts["go"]["version"] == "go1.99"
    assert facts["before"] is None and done["ansible_facts"]["go"]["applied"] is None
    assert done["ansible_facts"]["go_tmpfs"]["users"]["eve"]["folder"] is None
    record = done["ansible_facts"]["drift"]
    assert record["reason"] == "" and record["applied_at"] is None and "/etc/fstab" in record["files"]


def test_the_facts_about_go_alone(call: Run, eves: Path) -> None:
    assert set(call(go_facts, users=["eve"])["ansible_facts"]) == {"go"}


def test_an_account_that_does_not_exist_is_named(call: Run, eves: Path) -> None:
    assert call(go_facts, users=["nobody-here"])["msg"] == "There is no account 'nobody-here' on this machine"
