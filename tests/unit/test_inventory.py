# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The example of a fleet is one that Ansible reads, and both playbooks take it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLEET = ROOT / "inventory/fleet.example.yml"


def ansible(program, *arguments):
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    result = subprocess.run(
        [str(Path(sys.executable).parent / program), "-i", str(FLEET), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "WARNING" not in result.stderr, result.stderr
    return result.stdout


def test_the_graph_has_distros_and_their_windows_hosts():
    graph = ansible("ansible-inventory", "--graph")
    for line in ("@windows:", "@distros:", "--anna-ubuntu", "--anna-laptop"):
        assert line in graph


def test_every_tie_leads_to_a_windows_host():
    listed = json.loads(ansible("ansible-inventory", "--list"))
    hosts = listed["_meta"]["hostvars"]
    ties = {hosts[name].get("wsltune_windows_host") for name in listed["distros"]["hosts"]} - {None}
    assert ties == set(listed["windows"]["hosts"])


@pytest.mark.parametrize("playbook", ["site.yml", "playbooks/rollback.yml", "playbooks/rollout.yml"])
def test_the_playbooks_take_it(playbook):
    assert ansible("ansible-playbook", playbook, "--syntax-check").count("playbook:") == 1


def test_linux_and_windows_hosts_are_never_in_one_play():
    listed = ansible("ansible-playbook", "site.yml", "--list-hosts", "-e", "wsltune_hosts=team_payments")
    linux, windows, end = (part.split("hosts (")[1] for part in listed.split("play #")[1:])
    assert "anna-ubuntu" in linux and "anna-laptop" not in linux and "ben-ubuntu" not in linux
    # Hosts whose projects were left out, which only a run can know.
    assert end.startswith("0)")
    assert "anna-laptop" in windows and "anna-ubuntu" not in windows and "ben-laptop" not in windows
