# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import configparser
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.wsltune.go.plugins.callback.exit_code import CallbackModule

ROOT = Path(__file__).resolve().parents[4]


def test_the_play_decides_the_exit_code():
    with pytest.raises(SystemExit) as caught:
        CallbackModule().v2_playbook_on_stats(SimpleNamespace(custom={"_run": {"wsltune_exit_code": 3}}))
    assert caught.value.code == 3


@pytest.mark.parametrize("custom", [{}, {"_run": {}}, {"host": {"wsltune_exit_code": 3}}])
def test_without_a_number_ansible_decides(custom):
    CallbackModule().v2_playbook_on_stats(SimpleNamespace(custom=custom))


def test_it_comes_last_because_it_ends_the_program():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "ansible.cfg")
    assert settings["defaults"]["callbacks_enabled"].split(", ")[-1] == "wsltune.go.exit_code"
