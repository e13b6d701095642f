# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.plugin_utils.later import ROOMS, Later

FILTERS = Path(__file__).parents[4] / "plugins" / "filter"
PACKAGE = "ansible_collections.wsltune.go.plugins.filter"


def test_it_is_the_function_that_it_names() -> None:
    later = Later("linux.levels", "choose_failing")
    assert later.__name__ == "choose_failing" and inspect.signature(later) == inspect.signature(later.load())
    assert later("never", {"critical": ("bad",), "never": ()}, "doctor_fail_on") == later.load()(
        "never", {"critical": ("bad",), "never": ()}, "doctor_fail_on"
    )


def test_a_name_that_is_none_is_an_error_when_it_is_called() -> None:
    with pytest.raises(AttributeError):
        Later("linux.levels", "no_such_function")()
    with pytest.raises(ImportError):
        Later("linux.no_such_room", "choose")()


def test_loading_every_filter_loads_no_room_that_only_other_playbooks_need() -> None:
    # In a process of its own, because other tests have loaded these rooms. pytest put the collection on this path.
    names = [f"{PACKAGE}.{path.stem}" for path in sorted(FILTERS.glob("*.py"))]
    code = (
        f"import importlib, sys; sys.path[:0] = {sys.path!r}\n"
        f"for name in {names!r}: importlib.import_module(name).FilterModule().filters()\n"
        f"print(*(name for name in sys.modules if name.startswith({ROOMS!r})), sep='\\n')"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert f"{ROOMS}.site.plan" in loaded
    rooms = {name.removeprefix(f"{ROOMS}.") for name in loaded}
    assert not rooms & {"fleet.drift", "fleet.drift_report", "fleet.gate", "fleet.policy", "doctor.report", "go.image"}
