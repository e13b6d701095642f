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
SEQUENCED = list(catalogue.IN_SEQUENCE.values())


@pytest.mark.parametrize("lever", LEVERS, ids=lambda lever: lever.name)
def test_its_role_has_its_variable(lever: catalogue.Lever) -> None:
    specification = yaml.safe_load((ROOT / "roles" / lever.role / "meta/argument_specs.yml").read_text("utf-8"))
    assert lever.variable in specification["argument_specs"]["main"]["options"]


@pytest.mark.parametrize("lever", LEVERS, ids=lambda lever: lever.name)
def test_the_pages_of_its_cases_name_it(lever: catalogue.Lever) -> None:
    for case in lever.cases:
        assert case in doctor_check.TITLES
        assert f"`{lever.name}`" in (ROOT / f"docs/cases/{case}.md").read_text("utf-8"), case


@pytest.mark.parametrize("lever", [lever for lever in LEVERS if lever.page], ids=lambda lever: lever.name)
def test_the_page_that_shows_it_names_it(lever: catalogue.Lever) -> None:
    assert lever.page not in doctor_check.TITLES
    assert f"`{lever.name}`" in (ROOT / f"docs/cases/{lever.page}.md").read_text("utf-8")


def test_every_lever_has_a_page_but_one() -> None:
    assert [lever.name for lever in LEVERS if not (lever.page or lever.cases)] == ["gocache_tmpfs"]


def test_no_page_names_a_lever_that_is_not_there() -> None:
    for page in sorted((ROOT / "docs/cases").glob("*.md")):
        assert set(re.findall(r"[Ll]ever `(\w+)`", page.read_text("utf-8"))) <= set(catalogue.LEVERS), page.name


@pytest.mark.parametrize("lever", LEVERS, ids=lambda lever: lever.name)
def test_it_names_the_phases_that_it_acts_on(lever: catalogue.Lever) -> None:
    assert lever.phases and set(lever.phases) <= set(catalogue.PHASES)


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


def rows(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading of the guide."""
    text = (ROOT / "docs/guide/levers.md").read_text("utf-8").partition(heading)[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_guide_has_every_lever_with_its_needs_and_costs() -> None:
    assert rows("# The levers") == [
        [
            f"`{lever.name}`",
            "by name" if lever.on_request else "`auto`",
            lever.summary,
            lever.guard,
            lever.cost,
            f"`{lever.variable}`",
        ]
        for lever in LEVERS
    ]


def test_every_lever_names_what_it_needs_and_costs() -> None:
    assert all(lever.guard and lever.cost for lever in LEVERS)


def test_the_guide_has_every_lever_that_is_measured_in_sequence() -> None:
    wanted = [[lever.name, lever.summary, lever.setting, lever.cost, lever.variable] for lever in SEQUENCED]
    assert [[cell.strip("`") for cell in row[:5]] for row in rows("## In sequence")] == wanted


@pytest.mark.parametrize("lever", SEQUENCED, ids=lambda lever: lever.name)
def test_what_is_measured_in_sequence_is_kept_by_a_role(lever: catalogue.Sequenced) -> None:
    specification = yaml.safe_load((ROOT / "roles" / lever.role / "meta/argument_specs.yml").read_text("utf-8"))
    options = specification["argument_specs"]["main"]["options"]
    assert lever.variable in options
    key = lever.setting.partition(":")[0]
    if lever.variable == "wslconfig_settings":
        assert f"C({key})" in str(options[lever.variable]["description"])
    on_purpose = yaml.safe_load((ROOT / "roles/verify/meta/argument_specs.yml").read_text("utf-8"))
    allowed = on_purpose["argument_specs"]["main"]["options"]["verify_changed_on_purpose"]["choices"]
    assert not lever.on_purpose or lever.on_purpose in allowed
    assert lever.name not in catalogue.LEVERS


def test_the_role_that_measures_takes_every_lever() -> None:
    specification = yaml.safe_load((ROOT / "roles/verify/meta/argument_specs.yml").read_text("utf-8"))
    taken = specification["argument_specs"]["main"]["options"]["verify_levers"]["choices"]
    assert taken == list(catalogue.LEVERS)


@pytest.mark.parametrize("name", [lever.name for lever in LEVERS if lever.role == "go_env"])
def test_a_decision_reaches_the_role(name: str) -> None:
    """The play passes the variable on, and the plan sets it from the decision."""
    variable = catalogue.LEVERS[name].variable
    for path in ("roles/site/vars/main.yml", "playbooks/parts/levers.yml"):
        assert f"{variable}: " in (ROOT / path).read_text("utf-8"), path
