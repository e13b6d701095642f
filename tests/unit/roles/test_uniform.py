# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
LONGEST = 120
EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
BARE = {"when", "that", "failed_when", "changed_when", "until"}
FOLDERS = ("roles", "playbooks", "inventory")
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
            # What site returns is the plan.
            public = "site_plan" if role == "site" else f"{role}_result"
            assert name.startswith(f"__{role}_") or name == public, f"{path.name}: {name}"


@pytest.mark.parametrize("role", ROLES)
def test_main_is_a_table_of_contents(role: str) -> None:
    for task in read(role, "tasks/main.yml"):
        assert set(task) & {"ansible.builtin.import_tasks", "ansible.builtin.include_tasks"}, task["name"]


@pytest.mark.parametrize("role", ROLES)
def test_the_readme_names_every_option(role: str) -> None:
    text = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    for name in read(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]:
        assert f"`{name}`" in text, name


def expressions(node: Any, key: str = "") -> Iterator[str]:
    """Return each expression of a parsed file in one line: those in braces, and conditions, which have none."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from expressions(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value, key)
    elif isinstance(node, str):
        found = [node] if key in BARE and "{{" not in node else EXPRESSION.findall(node)
        yield from (" ".join(text.split()) for text in found)


def too_long(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    nodes = list(yaml.safe_load_all(text)) if path.suffix == ".yml" else text
    return [expression for expression in expressions(nodes) if len(expression) > LONGEST]


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_expression_is_short_because_decisions_are_made_in_python(folder: str) -> None:
    files = sorted(path for ending in ("*.yml", "*.j2") for path in (ROOT / folder).rglob(ending))
    assert files
    assert {str(path.relative_to(ROOT)): long for path in files if (long := too_long(path))} == {}


@pytest.mark.parametrize(
    ("name", "text", "long"),
    [
        ("a.yml", "x: >-\n  {{ %s\n  + b }}\n", 1),
        ("a.yml", 'x: "{{ %s\n\n  + b }} {{ b }}"\n', 1),
        ("a.yml", "- when:\n    - %s\n    - b\n", 1),
        ("a.yml", "- a:\n    that: %s\n", 1),
        ("a.yml", "- a:\n    fail_msg: %s\n", 0),
        ("a.j2", "<p>{%% if\n%s %%}{{ b }}", 1),
        ("a.j2", "<p>%s", 0),
    ],
)
def test_an_expression_that_is_too_long_is_found(tmp_path: Path, name: str, text: str, long: int) -> None:
    path = tmp_path / name
    for operand, expected in (("a" * (LONGEST + 1), long), ("a" * 100, 0)):
        path.write_text(text % operand, encoding="utf-8")
        assert len(too_long(path)) == expected


def test_an_entry_point_has_no_suffix_because_its_arguments_would_not_be_checked() -> None:
    files = [
        *(ROOT / "playbooks").rglob("*.yml"),
        *(ROOT / "roles").glob("*/README.md"),
        *(ROOT / "docs").rglob("*.md"),
    ]
    texts = {path: re.findall(r"tasks_from: (\S+?)[`,\s]", path.read_text(encoding="utf-8")) for path in files}
    assert any(texts.values())
    assert {
        str(path.relative_to(ROOT)) for path, names in texts.items() if any(".yml" in name for name in names)
    } == set()


def roles_used(node: Any) -> Iterator[dict[str, Any]]:
    """Return each role that a parsed playbook imports or includes."""
    for key, value in node.items() if isinstance(node, dict) else ():
        if key in ("ansible.builtin.import_role", "ansible.builtin.include_role"):
            yield value
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from roles_used(value)


def test_every_entry_point_that_a_playbook_checks_has_a_specification() -> None:
    used = {
        (role["name"].rpartition(".")[2], role["tasks_from"])
        for path in (ROOT / "playbooks").rglob("*.yml")
        for role in roles_used(yaml.safe_load(path.read_text(encoding="utf-8")))
        if "tasks_from" in role and role.get("rolespec_validate", True)
    }
    missing = {
        (role, entry) for role, entry in used if entry not in read(role, "meta/argument_specs.yml")["argument_specs"]
    }
    assert not missing and ("verify", "sequence") in used


def test_reports_are_written_by_the_module_that_touches_nothing_else() -> None:
    """A mode for a folder would be set on whichever was named, and Ansible's own modules follow links on the way."""
    files = [*(ROOT / "playbooks").rglob("*.yml"), *(ROOT / "roles").glob("*/tasks/*.yml")]
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files}
    writing = {
        name
        for name, text in texts.items()
        if re.search(r"ansible\.builtin\.(copy|file|template|tempfile|lineinfile|blockinfile):", text)
        and re.search(r"delegate_to: localhost|hosts: localhost", text)
    }
    assert any("wsltune.go.report_files:" in text for text in texts.values())
    assert writing == set()


@pytest.mark.parametrize("name", ["bench", "sequence"])
def test_without_a_name_whoever_the_tasks_run_as_is_measured_and_not_root(name: str) -> None:
    """These playbooks choose no user as site.yml does; with become, that user would be root."""
    measures = read("verify", f"tasks/{name}.yml")[0]
    assert measures["wsltune.go.go_benchmark"]["user"] == "{{ verify_user or omit }}"
    assert measures["become"] == "{{ verify_user | length > 0 }}"
