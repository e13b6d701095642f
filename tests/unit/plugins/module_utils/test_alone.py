# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[4] / "plugins" / "module_utils"


@pytest.mark.parametrize("name", ["wsl/conf", "benchmark/stats"])
def test_it_can_be_loaded_as_a_single_file(name: str) -> None:
    specification = importlib.util.spec_from_file_location(Path(name).name, FOLDER / f"{name}.py")
    assert specification and specification.loader
    specification.loader.exec_module(importlib.util.module_from_spec(specification))
