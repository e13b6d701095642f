# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever names a lever agrees with the catalogue: modules, roles, the doctor, playbooks, README and case pages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue

ROOT = Path(__file__).resolve().parents[5]
LEVERS = list(catalogue.LEVERS.values())


@pytest.mark.parametrize("lever", LEVERS, ids=lambda lever: lever.name)
def test_its_role_has_its_variable(lever: catalogue.Lever) -> None:
    specification = yaml.safe_load((ROOT / "roles" / lever.role / "meta/argument_specs.yml").read_text("utf-8"))
    assert lever.variable in specification["argument_specs"]["main"]["options"]


@pytest.mark.parametrize("lever", LEVERS, ids=lambda lever: lever.name)
def test_the_pages_of_its_cases_name_it(lever: catalogue.Lever) -> None:
    for case in lever.cases:
        assert case in doctor_check.TITLES
        assert f"`{lever.name}`" in (ROOT / f"docs/cases/{case}.md").read_text("utf-8"), case


def test_no_page_names_a_lever_that_is_not_there() -> None:
    for page in sorted((ROOT / "docs/cases").glob("*.md")):
        assert set(re.findall(r"[Ll]ever `(\w+)`", page.read_text("utf-8"))) <= set(catalogue.LEVERS), page.name


def test_a_case_has_one_lever() -> None:
    assert len(catalogue.CASES) == sum(len(lever.cases) for lever in LEVERS)


def test_the_doctor_takes_its_levers_from_here() -> None:
    for path in (ROOT / "plugins/module_utils/doctor").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            assert not (isinstance(node, ast.Constant) and node.value in catalogue.LEVERS), f"{path.name}:{node.lineno}"


def test_the_documentation_of_the_module_has_every_lever() -> None:
    text = (ROOT / "plugins/modules/go_levers.py").read_text("utf-8")
    documented = yaml.safe_load(re.search(r'DOCUMENTATION = r"""\n(.*?)"""', text, re.S)[1])
    assert documented["options"]["levers"]["choices"] == list(catalogue.LEVERS)


def test_the_readme_has_every_lever() -> None:
    line = next(line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if "`wsltune_levers`" in line)
    named = dict.fromkeys(name for name in re.findall(r"`(\w+)`", line) if name in catalogue.LEVERS)
    assert list(named) == list(catalogue.LEVERS)
