# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import configparser
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.wsltune.go.plugins.callback.exit_code import CallbackModule

ROOT = Path(__file__).resolve().parents[4]


def ended(*results, action="ansible.builtin.set_stats"):
    """Return the exit code of a run whose tasks returned these results; None for Ansible's own."""
    callback = CallbackModule()
    for stats in results:
        result = {"ansible_stats": stats} if stats else {}
        task = SimpleNamespace(action=action)
        callback.v2_runner_on_ok(SimpleNamespace(task=task, host=SimpleNamespace(name="laptop"), result=result))
    try:
        callback.v2_playbook_on_stats(SimpleNamespace(custom={"_run": {"wsltune_exit_code": 9}}))
    except SystemExit as end:
        return end.code
    return None


CODE = {"data": {"wsltune_exit_code": 3}, "per_host": False, "aggregate": False}


def test_the_play_decides_the_exit_code():
    assert ended(CODE) == 3
    assert ended(CODE, {**CODE, "data": {"wsltune_exit_code": 0}}) == 0


@pytest.mark.parametrize("stats", [None, {"data": {}}, {**CODE, "per_host": True}])
def test_without_a_number_ansible_decides(stats):
    assert ended(stats) is None


def test_no_host_decides_the_exit_code_of_all():
    assert ended(CODE, action="wsltune.go.go_facts") is None


def test_it_comes_last_because_it_ends_the_program():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "ansible.cfg")
    assert settings["defaults"]["callbacks_enabled"].split(", ")[-1] == "wsltune.go.exit_code"
