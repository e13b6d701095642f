# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host returns decides nothing on the controller: real ansible-playbook, and a host whose root is hostile."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.fleet import record
from ansible_collections.wsltune.go.plugins.module_utils.linux import process

ROOT = Path(__file__).resolve().parents[2]
FACTS = ("wsltune_drift_dir", "doctor_report_dir", "verify_report_dir", "wsltune_rollout_dir", "rollout_tune_tasks")


def start(
    folder: Path, connection: str, inject: str, playbook: str, *words: str, first: str = ""
) -> subprocess.Popen[str]:
    """Start a playbook over one host whose Python answers every module with facts that name folders of the controller.

    C(first) is what that Python does before it answers, as a line of a shell.
    """
    python = folder / "python"
    elsewhere = {name: str(folder / "elsewhere") for name in FACTS}
    answer = json.dumps({"changed": False, "ansible_facts": elsewhere})
    python.write_text(f"#!/bin/sh\ncat > /dev/null\n{first}\ncat <<'X'\n{answer}\nX\n")
    python.chmod(0o755)
    # What runs on this machine by SSH in the place of a host.
    ssh = folder / "bin/ssh"
    ssh.parent.mkdir()
    ssh.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    (folder / "ansible.cfg").touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment |= {
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_INJECT_FACT_VARS": inject,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PIPELINING": "1",
        "XDG_STATE_HOME": str(folder / "state"),
        "PATH": f"{ssh.parent}:{os.environ['PATH']}",
    }
    inventory = folder / "inventory"
    way = connection and f"ansible_connection={connection}"
    inventory.write_text(f"laptop {way} ansible_python_interpreter={python}\n")
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), playbook]
    return subprocess.Popen(
        [*command, "-e", "wsltune_become=false", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=folder,
    )


def play(folder: Path, connection: str, inject: str, playbook: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run such a playbook to its end."""
    run = start(folder, connection, inject, playbook, *words)
    stdout, stderr = run.communicate(timeout=120)
    return subprocess.CompletedProcess(run.args, run.returncode, stdout, stderr)


@pytest.mark.parametrize("playbook", ["drift", "doctor", "site", "rollout", "bench", "benchmark", "heal", "restart"])
def test_no_hosts_facts_are_variables_of_a_run(tmp_path: Path, playbook: str) -> None:
    done = play(tmp_path, "ssh", "true", f"wsltune.go.{playbook}")
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2 and "the facts of another machine could say where the controller writes" in told, told
    assert not (tmp_path / "elsewhere").exists()


def test_where_they_are_none_the_run_goes_on_and_writes_in_its_own_folder(tmp_path: Path) -> None:
    done = play(tmp_path, "ssh", "false", "wsltune.go.drift")
    assert (tmp_path / "state/wsltune/laptop/drift.json").is_file(), done.stdout + done.stderr
    assert not (tmp_path / "elsewhere").exists()


def read_all(run: subprocess.Popen[str]) -> tuple[str, str]:
    """Return what a run printed; end one that does not come to its end in a minute."""
    try:
        return run.communicate(timeout=60)
    finally:
        run.kill()


def test_a_machine_without_a_windows_side_is_looked_at_for_a_restart(tmp_path: Path) -> None:
    own = f"ansible_python_interpreter={sys.executable}"
    done = play(tmp_path, "ssh", "false", "wsltune.go.restart", "-e", own)
    assert done.returncode == 0 and "Nothing waits for a restart." in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(("connection", "words"), [("local", []), ("", ["-c", "local"])])
def test_this_machine_alone_may_be_asked_by_ansibles_defaults(
    tmp_path: Path, connection: str, words: list[str]
) -> None:
    done = play(tmp_path, connection, "true", "wsltune.go.bench", *words)
    assert "could say where the controller writes" not in done.stdout + done.stderr


@pytest.mark.parametrize("playbook", ["site", "drift", "rollout", "heal"])
def test_no_task_file_of_the_current_folder_is_run(tmp_path: Path, playbook: str) -> None:
    """Ansible looks there first for a file that one names which was named itself; any account can write in /tmp."""
    parts = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "playbooks/parts").glob("*.yml")}
    named = {part: re.findall(r"_tasks: (.*)", text) for part, text in parts.items()}
    # What is included at run time, no list of tasks shows.
    for part in {re.sub(r".*/|\W|yml", "", name) for names in named.values() for name in names}:
        assert all(name.startswith('"{{ _parts }}/') for name in named[part]), f"{part} names {named[part]}"
    for part in parts:
        (tmp_path / f"{part}.yml").write_text('[{"name": "Planted", "ansible.builtin.debug": {}}]')
    command = [Path(sys.executable).with_name("ansible-playbook"), "--list-tasks", ROOT / f"playbooks/{playbook}.yml"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / "ansible")}
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / "collections")
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=120
    )
    assert done.returncode == 0 and "Planted" not in done.stdout, done.stdout + done.stderr


def test_a_host_that_never_ends_its_answer_keeps_nobody_waiting(tmp_path: Path) -> None:
    run = start(tmp_path, "ssh", "false", "wsltune.go.drift", "-e", "wsltune_look_timeout=2", first="sleep 70")
    stdout, stderr = read_all(run)
    report = json.loads((tmp_path / "state/wsltune/drift.json").read_text())
    assert report["hosts"][0]["reason"].startswith("Timed out after 2"), stdout + stderr
    for part in ("facts", "look_again", "answers"):
        [task, *_rest] = yaml.safe_load((ROOT / f"playbooks/parts/{part}.yml").read_text())
        assert "wsltune_look_timeout | default(900)" in task["timeout"]


def test_a_host_that_never_ends_its_answer_keeps_no_restart_of_others_waiting(tmp_path: Path) -> None:
    run = start(tmp_path, "ssh", "false", "wsltune.go.restart", "-e", "wsltune_look_timeout=2", first="sleep 70")
    stdout, _stderr = read_all(run)
    assert "Timed out after 2" in stdout and run.returncode == 2


def test_while_a_worker_of_a_killed_heal_acts_on_a_machine_another_run_is_refused(tmp_path: Path) -> None:
    alerts = json.dumps({"wsltune_heal_alerts": [{"name": "WsltuneSettingDrift", "host": "laptop", "setting": "x"}]})
    run = start(tmp_path, "ssh", "false", "wsltune.go.heal", "-e", alerts, first="touch acts; sleep 3; touch acted")
    wait_for((tmp_path / "acts").exists)
    run.kill()
    run.communicate()
    store = record.Store(str(tmp_path / "state/wsltune/heal/hosts/laptop"))
    with pytest.raises(record.RecordError, match="is still under way in process "):
        store.lock(os.getpid())
    wait_for((tmp_path / "acted").exists)
    wait_for(lambda: not any(process.find_holders(os.path.realpath(store.lock_path))))
    store.lock(os.getpid())


def wait_for(condition: Callable[[], bool]) -> None:
    """Return when it is true, and fail after a minute."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
