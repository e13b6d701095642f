# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The wings of module_utils: each may import from those below it, and no two files import each other."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
UTILS = PLUGINS / "module_utils"
PREFIX = "ansible_collections.wsltune.go.plugins.module_utils"
BELOW = {
    "linux": set(),
    "report": {"linux"},
    "windows": set(),
    "trail": {"linux"},
    "journal": {"linux", "trail"},
    "changes": {"linux", "journal"},
    "wsl": {"linux", "journal"},
    "go": {"linux", "journal", "changes", "wsl"},
    "tmpfs": {"linux", "journal", "wsl"},
    "benchmark": {"linux", "journal", "wsl", "go"},
    "levers": {"linux", "journal", "wsl", "go", "tmpfs", "benchmark"},
    "workspace": {"linux", "journal", "wsl", "go", "tmpfs", "benchmark"},
    "doctor": {"linux", "journal", "wsl", "go", "tmpfs", "benchmark", "levers", "workspace"},
    "fleet": {"linux", "journal", "wsl", "go", "tmpfs", "benchmark", "levers", "workspace"},
    "image": {"linux"},
    "site": {"report", "go", "levers", "tmpfs"},
}
FACES_OF_THE_DOCTOR = {"modules/doctor.py", "filter/doctor.py"}


def imports(path: Path) -> list[str]:
    """Return the files of module_utils that a file imports, such as C(linux/files), at once or for a later call."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Later":
            found.append(str(ast.literal_eval(node.args[0])).replace(".", "/"))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(PREFIX):
            package = node.module[len(PREFIX) :].strip(".").replace(".", "/")
            for name in node.names:
                inner = f"{package}/{name.name}".strip("/")
                found.append(inner if (UTILS / f"{inner}.py").is_file() else package)
    return found


def room(path: Path) -> str:
    return str(path.relative_to(UTILS).with_suffix(""))


FILES = sorted(path for path in UTILS.rglob("*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=room)
def test_a_wing_imports_only_from_those_below_it(path: Path) -> None:
    wing = room(path).split("/")[0]
    assert {name.split("/")[0] for name in imports(path)} <= BELOW[wing] | {wing}


def test_no_two_files_import_each_other() -> None:
    order = list(graphlib.TopologicalSorter({room(path): imports(path) for path in FILES}).static_order())
    assert order.index("linux/files") < order.index("journal") < order.index("go/applied")


def test_nothing_but_its_module_and_filters_reaches_into_the_doctor() -> None:
    inside = UTILS / "doctor"
    reaching = {
        str(path.relative_to(PLUGINS))
        for path in PLUGINS.rglob("*.py")
        if inside not in path.parents and any(name.startswith("doctor/") for name in imports(path))
    }
    assert reaching == FACES_OF_THE_DOCTOR


def test_filters_load_no_room_that_looks_or_acts() -> None:
    """Ansible loads all filters of a collection for one, and compiles each of their files anew in every run."""
    rooms = {room(path): imports(path) for path in FILES}
    loaded, waiting = set(), [name for path in (PLUGINS / "filter").glob("*.py") for name in imports(path)]
    while waiting:
        name = waiting.pop()
        if name not in loaded:
            loaded.add(name)
            waiting += rooms.get(name, [])
    acting = {"changes", "journal", "benchmark/bench", "linux/accounts", "linux/become", "linux/look"}
    assert {"site/plan", "fleet/drift"} < loaded
    assert not [name for name in loaded if name in acting or name.endswith("/observe")]
