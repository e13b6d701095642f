# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An action plugin takes and returns what the module of its name documents."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

COLLECTION = "ansible_collections.wsltune.go.plugins"
PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
ACTIONS = sorted(path.stem for path in (PLUGINS / "action").glob("*.py") if "SPEC = {" in path.read_text())


def load(kind: str, name: str) -> ModuleType:
    return importlib.import_module(f"{COLLECTION}.{kind}.{name}")


def take_rules(option: dict[str, Any]) -> dict[str, Any]:
    """Return what decides which values an option takes, without what only explains it."""
    rules = {name: option.get(name) for name in ("type", "elements", "choices", "default")}
    return {**rules, "type": option.get("type", "str"), "required": option.get("required", False)}


def list_returned(name: str) -> set[str]:
    """Return the names in what the methods of an action return."""
    tree = ast.parse((PLUGINS / f"action/{name}.py").read_text())
    (action,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    returned = [node.value for node in ast.walk(action) if isinstance(node, ast.Return)]
    keys = [key for value in returned if isinstance(value, ast.Dict) for key in value.keys]
    return {key.value for key in keys if isinstance(key, ast.Constant)} - {"changed", "failed", "msg"}


def test_every_action_is_looked_at() -> None:
    assert {"heal", "report_files", "rollout", "site_plan"} <= set(ACTIONS)


@pytest.mark.parametrize("name", ACTIONS)
def test_the_options_are_those_that_are_documented(name: str) -> None:
    documented = yaml.safe_load(load("modules", name).DOCUMENTATION)["options"]
    spec = load("action", name).SPEC
    assert {key: take_rules(option) for key, option in spec.items()} == {
        key: take_rules(option) for key, option in documented.items()
    }


@pytest.mark.parametrize("name", ACTIONS)
def test_what_is_returned_is_documented(name: str) -> None:
    assert list_returned(name) == set(yaml.safe_load(load("modules", name).RETURN))
