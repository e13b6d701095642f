# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import subprocess
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
