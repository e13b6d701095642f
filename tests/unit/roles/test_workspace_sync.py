# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tasks that compare copies, with a module that the test plays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MODULE = """
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({"source": {}, "ignored": {}, "direction": {}})
if module.params["source"] == "/eve":
    module.fail_json(msg="Git cannot read /eve")
lists = {name: [] for name in ("files", "git", "left")}
module.exit_json(counts={}, in_the_way="", interrupted="", backup="/home/alice/before", **lists)
"""


def test_a_project_that_cannot_be_compared_hides_no_other(tmp_path: Path) -> None:
    collection = tmp_path / "collections/ansible_collections/wsltune/go"
    (collection / "plugins/modules").mkdir(parents=True)
    (collection / "plugins/modules/workspace_sync.py").write_text(MODULE)
    book = tmp_path / "play.yml"
    part = {"ansible.builtin.import_tasks": str(ROOT / "roles/workspace/tasks/sync.yml")}
    book.write_text(json.dumps([{"hosts": "laptop", "gather_facts": False, "tasks": [part]}]))
    values = {"workspace_projects": [{"source": "/eve"}, {"source": "/alice"}], "ansible_become": False}
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
    }
    environment.pop("ANSIBLE_CONFIG", None)
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "laptop,", "-c", "local", str(book)]
    command += ["-e", json.dumps({**values, "ansible_python_interpreter": sys.executable})]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=120
    )
    assert done.returncode == 2 and "Git cannot read /eve" in done.stdout + done.stderr, done.stdout
    assert '"backup": "/home/alice/before"' in done.stdout, done.stdout


def test_a_direction_that_does_not_exist_is_refused_before_anything_is_compared(tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").touch()
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "ANSIBLE_NOCOLOR": "1"}
    environment |= {"ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / "ansible")}
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "laptop,", "-c", "local"]
    command += ["wsltune.go.sync", "-e", "workspace_direction=sideways"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=120
    )
    assert "value of workspace_direction must be one of: report, to_drive, to_distro" in done.stdout + done.stderr
    assert done.returncode == 2
