# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every filter has a page, and the page names what the function takes."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[4] / "plugins" / "filter"
PACKAGE = "ansible_collections.wsltune.go.plugins.filter"
PREFIXES = (
    "bench_",
    "ci_image_",
    "doctor_",
    "drift_",
    "fleet_",
    "go_",
    "golden_image_",
    "metrics_",
    "policy_",
    "rollback_",
    "signers_",
    "site_",
    "user_data_",
    "windows_",
    "wsl_",
)
FILTERS: dict[str, Callable[..., Any]] = {}
for path in sorted(FOLDER.glob("*.py")):
    FILTERS.update(importlib.import_module(f"{PACKAGE}.{path.stem}").FilterModule().filters())


def test_every_page_belongs_to_a_filter() -> None:
    assert {path.stem for path in FOLDER.glob("*.yml")} == set(FILTERS)


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_documented_with_what_it_takes(name: str) -> None:
    assert name.startswith(PREFIXES)
    page = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
    assert {"DOCUMENTATION", "EXAMPLES", "RETURN"} <= set(page)
    documented = page["DOCUMENTATION"]
    assert documented["name"] == name and f"wsltune.go.{name}" in page["EXAMPLES"]
    taken = list(inspect.signature(FILTERS[name]).parameters)[1:]
    if taken != ["args", "kwargs"]:
        assert list(documented["options"]) == ["_input", *taken]
