# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import process

ROOT = Path(__file__).resolve().parents[3]
FINDINGS = {
    "user": "alice",
    "status": "ok",
    "counts": {"critical": 0, "warning": 0, "unknown": 0, "ok": 0, "not_applicable": 0},
    "go": "go1.27",
    "wsl": None,
    "distro": None,
    "kernel": "6.6",
    "modules": [],
    "took": 3.0,
    "checks": [],
}


def report(folder: Path, where: Path | str, *options: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Have the role leave its reports in a folder; its play lies in another."""
    role = {"name": "wsltune.go.doctor", "tasks_from": "report"}
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [{"ansible.builtin.import_role": role}]}]
    (folder / "play.yml").write_text(json.dumps(play), encoding="ascii")
    given = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "doctor_report_dir": str(where),
        "__doctor_result": {"doctor": FINDINGS},
    }
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [program, "-i", "localhost,", *options, "-e", json.dumps(given), str(folder / "play.yml")]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(command, check=False, env=environment, cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("options", [[], ["--check"]])
def test_the_first_report_makes_its_folder_in_check_mode_too(options: list[str], tmp_path: Path) -> None:
    done = report(tmp_path, tmp_path / "state" / "laptop", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "state/laptop/doctor.json").read_text(encoding="utf-8")) == FINDINGS


def test_a_folder_that_is_named_by_a_part_is_that_of_whoever_started_it(tmp_path: Path) -> None:
    """As docs/guide/ci.md does, and not of the playbook."""
    (tmp_path / "app").mkdir()
    done = report(tmp_path, "speed", cwd=tmp_path / "app")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "app/speed/doctor.json").is_file() and f"{tmp_path}/app/speed/doctor.html" in done.stdout


def test_the_folder_that_is_named_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    done = report(tmp_path, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_a_link_of_another_account_leads_no_report_elsewhere(tmp_path: Path, home: Path, eve: process.Identity) -> None:
    victim = tmp_path / "victim"
    victim.mkdir(0o755)
    (home / "reports").symlink_to(victim)
    os.chown(home / "reports", eve.uid, eve.gid, follow_symlinks=False)
    done = report(tmp_path, home / "reports")
    assert done.returncode == 2 and "The reports cannot be written to" in done.stdout
    assert list(victim.iterdir()) == [] and stat.S_IMODE(victim.stat().st_mode) == 0o755
