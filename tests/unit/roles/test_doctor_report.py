# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FINDINGS = {
    "user": "alice",
    "status": "ok",
    "counts": {"critical": 0, "warning": 0, "unknown": 0, "ok": 0},
    "go": "go1.27",
    "wsl": None,
    "distro": None,
    "kernel": "6.6",
    "modules": [],
    "took": 3.0,
    "checks": [],
}


@pytest.mark.parametrize("options", [[], ["--check"]])
def test_the_first_report_makes_its_folder_in_check_mode_too(options: list[str], tmp_path: Path) -> None:
    role = {"name": "wsltune.go.doctor", "tasks_from": "report"}
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [{"ansible.builtin.import_role": role}]}]
    (tmp_path / "play.yml").write_text(json.dumps(play), encoding="ascii")
    given = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "doctor_report_dir": str(tmp_path / "state" / "laptop"),
        "__doctor_result": {"doctor": FINDINGS},
    }
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [program, "-i", "localhost,", *options, "-e", json.dumps(given), str(tmp_path / "play.yml")]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "state/laptop/doctor.json").read_text(encoding="utf-8")) == FINDINGS
