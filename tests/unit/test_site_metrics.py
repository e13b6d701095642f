# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The end of a run as the main job plays it, with facts and a result of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.fleet import drift

ROOT = Path(__file__).resolve().parents[2]
FACTS = {
    "go": {"users": {"alice": {"go": {"version": "go1.27.3"}}}, "observed_at": "1790000000.25"},
    "wsl": {"distro": "Ubuntu", "version": 2, "kernel": "6.6", "conf": {"pending_sentences": ["a"]}},
}
TIMES = {"runs": 6, "median": 2.0, "times": [2.0] * 6}
RESULT = {
    "verdict": "faster",
    "summary": "wsltune on laptop\n",
    "rollback_wanted": False,
    "proves": True,
    "comparisons": [],
    "changes": [],
    "pending": [],
    "measured": True,
    "benchmark": {
        "scenarios": [
            {
                "name": "test",
                "variants": {"before": TIMES, "after": TIMES},
                "comparisons": {"after": {"ratio": 0.5, "low": 0.4, "high": 0.8, "comparable": True}},
            }
        ]
    },
}


def play(folder: Path, part: str = "report", after: list[Any] | None = None, **more: Any) -> str:
    collectors = [folder / name for name in ("machine", "controller")]
    for collector in collectors:
        collector.mkdir(exist_ok=True)
    tasks = [
        {"ansible.builtin.set_fact": {**FACTS, "cacheable": True}},
        {"ansible.builtin.import_tasks": str(ROOT / f"playbooks/parts/{part}.yml")},
        *(after or []),
    ]
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "ansible_become": False,
        "verify_result": RESULT,
        "verify_user": "alice",
        "verify_on_slower": "rollback",
        "site_plan": {"levers": {"on": {"caches_local": True}}},
        "_site_tmpfs": "/var/cache/gotmp",
        "metrics_directory": str(collectors[0]),
        "metrics_controller_directory": str(collectors[1]),
        **more,
    }
    book = folder / "play.yml"
    book.write_text(json.dumps([{"hosts": "laptop", "gather_facts": False, "vars": variables, "tasks": tasks}]))
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_HOME": str(folder / "ansible"),
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "laptop,", str(book)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_run_leaves_metrics_on_the_machine_and_on_the_controller(tmp_path: Path) -> None:
    play(tmp_path, wsltune_metrics=True)
    own = (tmp_path / "machine/wsltune.prom").read_text()
    assert 'go_version="go1.27.3",distro="Ubuntu",wsl_version="2"' in own
    assert 'wsltune_speedup_ratio{scenario="test"} 2\n' in own and "wsltune_pending_restarts 1\n" in own
    assert 'wsltune_lever_on{lever="caches_local"} 1\n' in own and "wsltune_last_run_success 1\n" in own
    assert (
        'wsltune_pending_restarts{instance="laptop"} 1\n' in (tmp_path / "controller/wsltune_laptop.prom").read_text()
    )


@pytest.mark.parametrize(("number", "left"), [(-1, []), (1, ["machine/wsltune.prom"])], ids=["distro", "windows"])
def test_no_metrics_of_what_was_taken_back_stay(tmp_path: Path, number: int, left: list[str]) -> None:
    """Or the alert would never end that says to roll back."""
    tasks = yaml.safe_load((ROOT / "playbooks/rollback.yml").read_text())[number]["tasks"]
    removal = [task for task in tasks if task["name"].startswith("Remove what a collector reads")]
    play(tmp_path, after=removal, wsltune_metrics=True)
    assert removal and [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.prom")] == left


def test_nothing_is_written_unless_it_is_wanted(tmp_path: Path) -> None:
    play(tmp_path)
    assert not any(tmp_path.rglob("*.prom"))


def test_a_run_that_ends_with_an_error_about_its_projects_is_no_success(tmp_path: Path) -> None:
    play(tmp_path, wsltune_metrics=True, site_left_out="no project could be copied")
    own = (tmp_path / "machine/wsltune.prom").read_text()
    assert "wsltune_last_run_success 0\n" in own and "wsltune_last_success_timestamp_seconds" not in own


def test_what_drift_does_not_know_keeps_its_metrics_and_what_it_finds_no_more_loses_them(tmp_path: Path) -> None:
    setting = drift.describe(drift.View("wsl_conf:boot.systemd", "wsl_conf", "/etc/wsl.conf", "true"))
    seen, none = (drift.report_host("laptop", settings, 1.0, 1.0) for settings in ([setting], []))
    file = tmp_path / "controller/wsltune_laptop.prom"
    for found in (seen, drift.could_not_look("laptop", "no Python", 2.0), drift.not_seen("laptop", none), none):
        assert found is seen or "wsltune_setting_state" in file.read_text()
        play(
            tmp_path,
            "drift_report",
            wsltune_metrics=True,
            drift_found=found,
            _drift_own=str(tmp_path / "laptop"),
            _drift_folder=str(tmp_path),
            _drift_fleet=drift.fleet([found], 3.0),
        )
    assert "wsltune_setting_state" not in file.read_text()
