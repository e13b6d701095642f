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
from ansible_collections.wsltune.go.plugins.modules import doctor

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def eves(people: Any, eve: process.Identity, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    people.add("eve", eve, home)
    monkeypatch.setattr(doctor.doctor_observe, "login", lambda account: (dict(people.environments[account.name]), ""))
    return home


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes the user: needs root")
def test_it_looks_as_the_user_and_returns_what_is_documented(call: Run, eves: Path) -> None:
    done = call(doctor, user="eve", checks=["WT-001", "WT-020"], budget_minutes=0.1)
    assert "msg" not in done, done["msg"]
    documented = yaml.safe_load(doctor.RETURN)["doctor"]["contains"]
    assert done["changed"] is False and set(done["doctor"]) == set(documented)
    assert done["doctor"]["user"] == "eve" and done["doctor"]["go"] == "go1.99"
    assert {check["id"] for check in done["doctor"]["checks"]} <= {"WT-001", "WT-020"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"budget_minutes": 0}, "budget_minutes is 0.0: it must be from 0.05 to 1440."),
        ({"temporary_limit": 1}, "temporary_limit is 1: it must be from 16 to 1048576."),
        ({"checks": ["WT-999"]}, "checks: 'WT-999' is no check: take one of WT-001"),
        ({"user": "nobody-here"}, "There is no account 'nobody-here' on this machine"),
    ],
)
def test_bad_input_is_one_sentence(call: Run, eves: Path, options: dict[str, Any], sentence: str) -> None:
    assert call(doctor, **{"user": "eve", **options})["msg"].startswith(sentence)


def test_a_relative_path_is_named(call: Run, eves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # AnsibleModule makes paths absolute where it can.
    monkeypatch.setattr(doctor.os.path, "isabs", lambda path: False)
    assert "is not an absolute path" in call(doctor, user="eve", modules=["x"])["msg"]


def test_only_root_looks_at_somebody_else(call: Run, eves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert call(doctor, user="eve")["msg"].startswith("Only root can look at the Go of eve")


def test_a_signal_ends_it_with_its_number() -> None:
    with pytest.raises(SystemExit) as ended:
        doctor._stop(15, None)
    assert ended.value.code == 143
