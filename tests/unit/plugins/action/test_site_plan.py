# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.wsltune.go.plugins.action import site_plan
from ansible_collections.wsltune.go.plugins.action.site_plan import ActionModule
from ansible_collections.wsltune.go.plugins.module_utils.site import plan

FACTS = {"go": {"users": {}}}


def call(folder: Path, monkeypatch: pytest.MonkeyPatch, **variables: Any) -> tuple[dict[str, Any], list[Any]]:
    """Return what the action returns where two roles have these values, and the wishes that it planned with."""
    planned: list[Any] = []

    def make_plan(facts: Any, wishes: Any) -> dict[str, Any]:
        assert facts == FACTS
        planned.append(wishes)
        return {"roles": {"a": {"run": True}}}

    monkeypatch.setattr(plan, "make_plan", make_plan)
    for role, options in {"a": {"a_size": {"type": "int"}}, "b": {"b_user": {"type": "str"}}}.items():
        (folder / f"{role}.yml").write_text(json.dumps({"argument_specs": {"main": {"options": options}}}))
    task = SimpleNamespace(
        args={"specifications": [f"{folder}/a.yml", f"{folder}/b.yml"], "refusals": "wrong", "wishes": "wanted"},
        check_mode=False,
        async_val=0,
        action="site_plan",
        diff=False,
    )
    known = {name: trust_as_template(value) if isinstance(value, str) else value for name, value in variables.items()}
    templar = Templar(DataLoader(), variables={**known, "ansible_facts": FACTS})
    connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="/nowhere"))
    action = ActionModule(task, connection, None, None, templar, None)
    return action.run(task_vars={**known, "ansible_facts": FACTS}), planned


def test_it_plans_where_nothing_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, planned = call(tmp_path, monkeypatch, a_size="{{ 2 }}", wrong="{{ [] }}", wanted="{{ {'size': a_size} }}")
    assert (said["changed"], said["roles"], planned) == (False, {"a": {"run": True}}, [{"size": 2}])


def test_each_wrong_type_is_named_and_nothing_else_is_worked_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = "{{ 1 / 0 }}"
    said, planned = call(tmp_path, monkeypatch, a_size="big", b_user={"a": 1}, wrong=fails, wanted=fails)
    assert said["failed"] and planned == []
    assert [name for name in ("a_size", "b_user") for error in said["argument_errors"] if name in error] == ["a_size"]


def test_what_no_type_describes_is_refused_before_anything_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, planned = call(tmp_path, monkeypatch, a_size=1, wrong="{{ ['One.', 'Two.'] }}", wanted="{{ 1 / 0 }}")
    assert said["failed"] and said["msg"] == "One. Two." and planned == []


def test_a_value_is_worked_out_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible would draw another number each time."""
    draw = "{{ range(10 ** 9) | random }}"
    _said, planned = call(tmp_path, monkeypatch, b_user=draw, wrong="{{ [] }}", wanted="{{ [b_user, b_user] }}")
    first, second = planned[0]
    assert first == second


def test_it_reads_the_specifications_of_every_role() -> None:
    for path in (Path(__file__).parents[4] / "roles").glob("*/meta/argument_specs.yml"):
        assert isinstance(site_plan.read(str(path)), dict), path
