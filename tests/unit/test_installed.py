# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run names as the way back is there: installed as a collection, the playbooks have names and no folder."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
import yaml
from ansible.plugins.filter.core import FilterModule
from ansible.plugins.test.core import TestModule as CoreTests

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("folder", "undo", "again"),
    [
        ("/home/a/wsltune/playbooks", "playbooks/rollback.yml", "playbooks/site.yml"),
        (
            "/home/a/.ansible/collections/ansible_collections/wsltune/go/playbooks",
            "wsltune.go.rollback",
            "wsltune.go.site",
        ),
    ],
)
def test_the_commands_of_a_summary_can_be_run(folder: str, undo: str, again: str) -> None:
    tasks = yaml.safe_load((ROOT / "playbooks/parts/verify.yml").read_text(encoding="utf-8"))
    variables = next(task["vars"] for task in tasks if "verify_undo" in task.get("vars", {}))
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.filters.update(FilterModule().filters())
    environment.tests.update(CoreTests().tests())
    found: dict[str, object] = {"playbook_dir": folder}
    for name in ("_site_installed", "_site_playbook", "verify_undo", "verify_again"):
        said = environment.from_string(variables[name]).render(found)
        found[name] = {"True": True, "False": False}.get(said, said)
    assert (found["verify_undo"], found["verify_again"]) == (f"ansible-playbook {undo}", f"ansible-playbook {again}")
    for name in (undo, again):
        assert (ROOT / "playbooks" / f"{Path(name).stem if '/' in name else name.rpartition('.')[2]}.yml").is_file()
