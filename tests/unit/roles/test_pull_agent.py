# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
import yaml

VARIABLES = yaml.safe_load((Path(__file__).parents[3] / "roles/pull_agent/vars/main.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("hours", "minutes"), [(4.0, "240"), ("1.5", "90"), (24, "1439"), (0.001, "1")])
def test_the_task_of_windows_has_an_interval_that_schtasks_takes(hours: float | str, minutes: str) -> None:
    written = jinja2.Environment(autoescape=False).from_string(VARIABLES["_pull_agent_minutes"])
    assert written.render(pull_agent_interval_hours=hours) == minutes
    assert "/SC MINUTE /MO {{ _pull_agent_minutes }}" in VARIABLES["_pull_agent_task"]
