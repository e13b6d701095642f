# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""playbooks/drift.yml by the real ansible-playbook: with what it ends where a machine does not answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENDS = {
    "by default a laptop that sleeps is no error": ([], 0, "laptop: never seen ("),
    "never": (["-e", "wsltune_drift_fail_on=never"], 0, "laptop: never seen ("),
    "it counts where what is unknown does": (["-e", "wsltune_drift_fail_on=unknown"], 1, "laptop: never seen ("),
    "it counts where a restart does": (["-e", "wsltune_drift_fail_on=restart"], 1, "laptop: never seen ("),
    "a value that is none": (
        ["-e", "wsltune_drift_fail_on=always"],
        1,
        "wsltune_drift_fail_on is always: it must be drift",
    ),
}


@pytest.mark.parametrize(("words", "code", "sentence"), ENDS.values(), ids=ENDS)
def test_it_ends_with_the_exit_code_that_the_guide_names(
    tmp_path: Path, words: list[str], code: int, sentence: str
) -> None:
    inventory = tmp_path / "inventory"
    inventory.write_text("laptop ansible_host=127.0.0.1 ansible_port=1\n")
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), "playbooks/drift.yml", *words],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=120,
    )
    said = done.stdout + done.stderr
    assert done.returncode == code and sentence in " ".join(said.split()), said
    if code == 0 or "always" not in words[1]:
        report = json.loads((tmp_path / "wsltune/drift.json").read_text(encoding="utf-8"))
        assert [host["status"] for host in report["hosts"]] == ["not_seen"]
