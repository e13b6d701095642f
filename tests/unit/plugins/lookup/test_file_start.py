# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.lookup.file_start import read_start

ROOT = Path(__file__).resolve().parents[4]


def test_no_more_is_read_than_shows_that_there_is_more(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    with path.open("wb") as handle:
        handle.write(b"{" * 30)
        # Takes no room on the disk, and all of the memory of whoever reads it.
        handle.truncate(1 << 40)
    assert read_start(str(path), 20) == "{" * 21
    path.write_text("{}\n")
    assert read_start(str(path), 20) == "{}\n"


def test_what_has_no_end_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero"), tmp_path):
        assert read_start(str(path), 20) == ""
    with pytest.raises(FileNotFoundError):
        read_start(str(tmp_path / "none"), 20)


def test_what_another_account_mounted_over_it_keeps_nobody_waiting(tmp_path: Path) -> None:
    code = """
import sys
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, lookup_loader
init_plugin_loader()
lookup = lookup_loader.get("wsltune.go.file_start", loader=DataLoader())
sys.modules[type(lookup).__module__].LIMIT = 1.0
try:
    lookup.run([sys.argv[1]], {})
except AnsibleLookupError as error:
    print(error)
"""
    dead = [sys.executable, str(ROOT / "tests/unit/dead_folder.py"), str(tmp_path), "--"]
    done = subprocess.run(
        [*dead, sys.executable, "-c", code, str(tmp_path / "drift.json")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert "drift.json cannot be read: no answer in 1 s" in done.stdout, done.stderr


def test_a_playbook_gets_the_start_or_the_reason(tmp_path: Path) -> None:
    (tmp_path / "long").write_text("abcdefgh")

    def said(words: str) -> str:
        command = [
            "ansible",
            "localhost",
            "-c",
            "local",
            "-i",
            "localhost,",
            "-m",
            "debug",
            "-a",
            f"msg=[{{{{ {words} }}}}]",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.stdout + done.stderr

    assert "[abcd]" in said(f"lookup('wsltune.go.file_start','{tmp_path}/long',most=3)")
    assert "There is no file" in said(f"lookup('wsltune.go.file_start','{tmp_path}/none')")


def test_the_file_of_an_earlier_benchmark_is_read_by_it() -> None:
    parts = yaml.safe_load((ROOT / "roles/verify/vars/main.yml").read_text())["_verify_gate_parts"]
    assert "lookup('wsltune.go.file_start', verify_against_file" in parts["earlier"]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("playbooks/parts/drift.yml", "_drift_earlier"),
        ("playbooks/parts/drift_windows.yml", "_drift_earlier"),
        ("roles/verify/tasks/sequence.yml", "_verify_earlier"),
    ],
)
def test_an_earlier_report_that_has_no_end_is_not_waited_for(place: str, name: str, tmp_path: Path) -> None:
    """The folder for reports may be one that is named and that others write in, such as a team's."""
    os.mkfifo(tmp_path / "drift.json")
    text = (ROOT / place).read_text()
    found = re.search(rf"(?m)^ *{name}: \"(.*)\"$", text)
    assert found
    names = {"_drift_own": str(tmp_path), "_verify_kept": str(tmp_path / "drift.json")}
    command = ["ansible", "localhost", "-c", "local", "-i", "localhost,", "-m", "debug"]
    command += ["-a", f"msg=[{found[1]}]", "-e", json.dumps(names)]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, env=environment)
    assert '"msg": "[]"' in done.stdout, done.stdout + done.stderr
