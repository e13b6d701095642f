# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Projects that are left out of the main job, with a role workspace that the test plays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
RENAMED = "A check by any name"
PART = {"ansible.builtin.import_tasks": str(ROOT / "playbooks/parts/projects.yml")}
END = {"ansible.builtin.debug": {"msg": "went on with {{ workspace_result.projects | length }}"}}


def play(
    folder: Path, projects: list[dict[str, Any]], holds: str, tasks_of_play: list[dict[str, Any]] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the part, or other tasks that do, with a role that copied C(projects) and then checks C(holds)."""
    role = folder / "collections/ansible_collections/wsltune/go/roles/workspace/tasks"
    role.mkdir(parents=True)
    tasks = [
        {"ansible.builtin.set_fact": {"workspace_result": {"projects": projects, "notes": ["a note"]}}},
        {"name": RENAMED, "ansible.builtin.assert": {"that": holds, "fail_msg": "it is not so"}},
    ]
    (role / "main.yml").write_text(json.dumps(tasks))
    book = folder / "play.yml"
    book.write_text(json.dumps([{"hosts": "laptop", "gather_facts": False, "tasks": tasks_of_play or [PART, END]}]))
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        "ANSIBLE_HOME": str(folder / "ansible"),
    }
    environment.pop("ANSIBLE_CONFIG", None)
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "laptop,", "-c", "local", str(book)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, cwd=folder, timeout=120
    )


def test_the_windows_side_comes_before_the_error_of_a_project() -> None:
    """A host that failed is in no later play, and would have no Windows host added."""
    plays = yaml.safe_load((ROOT / "playbooks/site.yml").read_text(encoding="utf-8"))
    named = [number for number, tasks in enumerate(plays) if "left_out" in json.dumps(tasks)]
    assert named == [len(plays) - 1] and "windows_hosts" in plays[-2]["hosts"]


@pytest.mark.parametrize(
    ("projects", "left_out"),
    [
        ([{"holds": False}, {"holds": False}], True),
        ([{"holds": True}, {"holds": False}], False),
        ([], False),
    ],
)
def test_projects_that_do_not_hold_are_known_by_the_result(
    tmp_path: Path, projects: list[dict[str, Any]], left_out: bool
) -> None:
    done = play(tmp_path, projects, "false")
    assert ("went on with 0" in done.stdout) is left_out, done.stdout
    assert (done.returncode == 0) is left_out and "it is not so" in done.stdout


@pytest.mark.parametrize("holds", [False, True])
def test_who_tunes_with_a_part_of_the_main_job_sees_a_left_out_project_fail(tmp_path: Path, holds: bool) -> None:
    """A rollout and a heal count a machine by what fails in their block; everything else is done before that."""
    parts = tmp_path / "parts"
    parts.mkdir()
    for name in ("tune", "left_out"):
        (parts / f"{name}.yml").write_text((ROOT / f"playbooks/parts/{name}.yml").read_text(encoding="utf-8"))
    planning = tmp_path / "collections/ansible_collections/wsltune/go/roles/site/tasks"
    planning.mkdir(parents=True)
    (planning / "main.yml").write_text("[]")
    other = {"observe": [], "apply": [PART], "verify": [END]}
    for name, tasks in other.items():
        (parts / f"{name}.yml").write_text(json.dumps(tasks))
    tune = {
        "block": [{"ansible.builtin.include_tasks": "parts/tune.yml"}],
        "rescue": [{"ansible.builtin.debug": {"msg": "failed as {{ ansible_failed_result.msg }}"}}],
    }
    done = play(tmp_path, [{"holds": holds}], str(holds).lower(), [tune])
    assert done.returncode == 0 and f"went on with {int(holds)}" in done.stdout, done.stdout
    assert ("failed as it is not so" in done.stdout) is not holds, done.stdout
