# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path.parent.parent.name for path in ROOT.glob("roles/*/meta/argument_specs.yml"))


def read(role: str, name: str) -> Any:
    path = ROOT / "roles" / role / name
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None


def test_every_role_has_a_specification() -> None:
    assert sorted(path.name for path in (ROOT / "roles").iterdir()) == ROLES


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_specification_agree(role: str) -> None:
    options = read(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = read(role, "defaults/main.yml") or {}
    documented = {name: option["default"] for name, option in options.items() if "default" in option}
    templated = {name for name, value in defaults.items() if isinstance(value, str) and "{{" in value}
    assert set(defaults) - templated == set(documented) - templated
    assert {name: defaults[name] for name in documented if name not in templated} == {
        name: value for name, value in documented.items() if name not in templated
    }


@pytest.mark.parametrize("role", ROLES)
def test_every_option_is_described_and_bears_the_roles_name(role: str) -> None:
    main = read(role, "meta/argument_specs.yml")["argument_specs"]["main"]
    assert {"short_description", "description", "author", "version_added"} <= set(main)
    for name, option in main["options"].items():
        assert name.startswith(f"{role}_") and option.get("description") and option.get("type"), name


@pytest.mark.parametrize("role", ROLES)
def test_names_tell_public_from_internal(role: str) -> None:
    for name in read(role, "vars/main.yml") or {}:
        assert name.startswith(f"_{role}_"), name
    for path in (ROOT / "roles" / role / "tasks").glob("*.yml"):
        for name in re.findall(r"^\s*register: (\S+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert name.startswith(f"__{role}_") or name == f"{role}_result", f"{path.name}: {name}"


@pytest.mark.parametrize("role", ROLES)
def test_main_is_a_table_of_contents(role: str) -> None:
    for task in read(role, "tasks/main.yml"):
        assert set(task) & {"ansible.builtin.import_tasks", "ansible.builtin.include_tasks"}, task["name"]


@pytest.mark.parametrize("role", ROLES)
def test_the_readme_names_every_option(role: str) -> None:
    text = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    for name in read(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]:
        assert f"`{name}`" in text, name
