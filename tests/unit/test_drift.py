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

from ansible_collections.wsltune.go.plugins.module_utils.fleet import adopt, drift

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


def play(folder: Path, *words: str, hosts: str = "") -> subprocess.CompletedProcess[str]:
    """Run the playbook for a laptop that sleeps, and for other C(hosts) of the inventory."""
    inventory = folder / "inventory"
    inventory.write_text("laptop ansible_host=127.0.0.1 ansible_port=1\n" + hosts)
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), "playbooks/drift.yml", *words],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "XDG_STATE_HOME": str(folder)},
        cwd=ROOT,
        timeout=120,
    )


@pytest.mark.parametrize(("words", "code", "sentence"), ENDS.values(), ids=ENDS)
def test_it_ends_with_the_exit_code_that_the_guide_names(
    tmp_path: Path, words: list[str], code: int, sentence: str
) -> None:
    done = play(tmp_path, *words)
    said = done.stdout + done.stderr
    assert done.returncode == code and sentence in " ".join(said.split()), said
    if code == 0 or "always" not in words[1]:
        report = json.loads((tmp_path / "wsltune/drift.json").read_text(encoding="utf-8"))
        assert [host["status"] for host in report["hosts"]] == ["not_seen"]


@pytest.mark.parametrize(
    "given", ["wsltune_users=ada", "wsltune_users=ada,bob", '{"wsltune_users": ["ada", "bob"]}', "wsltune_users="]
)
def test_accounts_may_be_named_by_a_text(tmp_path: Path, given: str) -> None:
    """Each letter of -e wsltune_users=ada would be an account."""
    look = {"name": "Look", "ansible.builtin.debug": {"msg": "accounts {{ _site_users | join('+') }}."}}
    facts = {"ansible_facts": {"go": {"users": {"eve": {}}}}}
    files = [str(ROOT / name) for name in ("playbooks/vars/run.yml", "roles/site/vars/main.yml")]
    book = [{"hosts": "localhost", "gather_facts": False, "vars_files": files, "vars": facts, "tasks": [look]}]
    (tmp_path / "play.yml").write_text(json.dumps(book))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), str(tmp_path / "play.yml"), "-e", given],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
    )
    wanted = "eve" if given.endswith("=") else "ada+bob" if "bob" in given else "ada"
    assert f"accounts {wanted}." in done.stdout, done.stdout + done.stderr


def test_rules_that_cannot_be_read_are_no_machines_fault(tmp_path: Path) -> None:
    """With 0, as for a laptop that sleeps, nobody would know that nothing is looked at."""
    rules = tmp_path / "rules.yml"
    rules.write_text("- {id: X, when: 3, why: a, severity: critical, resolution: b}")
    for path, sentence in ((rules, "X has when: 3, which must be a list of conditions"), ("/nope", "File not found")):
        done = play(tmp_path, "-e", f"wsltune_policies={path}")
        assert done.returncode == 1 and sentence in done.stdout + done.stderr
        assert not (tmp_path / "wsltune").exists()


def test_what_was_refused_when_a_laptop_was_seen_last_is_no_error_while_it_sleeps(tmp_path: Path) -> None:
    seen = adopt.adopt(drift.report_host("laptop", [], 1e9, 1e9), ["wsl_conf:boot.systemd"])
    own = tmp_path / "wsltune/laptop"
    own.mkdir(parents=True)
    (own / "drift.json").write_text(json.dumps(seen))
    done = play(tmp_path)
    assert done.returncode == 0 and "wsltune_adopt" not in done.stdout, done.stdout + done.stderr


def test_a_report_says_that_it_is_about_windows_also_where_nothing_was_seen(tmp_path: Path) -> None:
    # Without Windows behind it, the modules for it cannot run.
    done = play(
        tmp_path, hosts="[windows]\nasleep ansible_host=127.0.0.1 ansible_port=1\nbroken ansible_connection=local\n"
    )
    report = json.loads((tmp_path / "wsltune/drift.json").read_text(encoding="utf-8"))
    found = {host["host"]: (host["side"], host["status"]) for host in report["hosts"]}
    wanted = {"asleep": ("windows", "not_seen"), "broken": ("windows", "unknown"), "laptop": ("linux", "not_seen")}
    assert found == wanted, done.stdout + done.stderr
