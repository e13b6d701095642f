# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pull agent's program with real Git repositories and commits that are signed by SSH keys."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import random
import re
import shutil
import signal
import stat
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import cache

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "__main__.py": ROOT / "roles/pull_agent/files/wsltune_pull.py",
    "pull.py": ROOT / "plugins/module_utils/fleet/pull.py",
    "metrics.py": ROOT / "plugins/module_utils/fleet/metrics.py",
    "files.py": ROOT / "plugins/module_utils/linux/files.py",
}
# docs/contributing/development.md has what forty came to.
KILLS = int(os.environ.get("WSLTUNE_KILLS", "6"))
FAILED = 4
PLAYBOOK = """#!/bin/sh
# In the place of ansible-playbook: notes what it was given, and does what the tree says.
while [ $# -gt 0 ]; do case $1 in -i) shift ;; -e) vars=$2; shift ;; *) playbook=$1 ;; esac; shift; done
case $vars in @*) vars=$(cat "${vars#@}") ;; esac
ps -o ni= -p $$ | tr -d ' ' > "@ROOT@/nice"
umask > "@ROOT@/umask"
if [ "$playbook" = playbooks/drift.yml ]; then
    folder=$(printf '%s' "$vars" | sed 's/.*"wsltune_drift_dir": "\\([^"]*\\)".*/\\1/')
    cp "@ROOT@/drift.json" "$folder/drift.json" 2>/dev/null
    exit 0
fi
echo "$WSLTUNE_STARTED_BY $WSLTUNE_COMMIT" >> "@ROOT@/plays"
. ./site.yml
"""


@dataclass
class Bed:
    """A machine's root folder, the repository that it pulls from, and keys."""

    root: Path
    origin: Path

    def git(self, *arguments: str, key: str | None = "ours", **more: str) -> str:
        signing = ["-c", "commit.gpgsign=true", "-c", "tag.gpgsign=true"] if key else []
        signing += ["-c", "gpg.format=ssh", "-c", f"user.signingkey={self.root}/keys/{key}"] if key else []
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{
                f"GIT_{who}_{what}": "anna@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
            },
            **more,
        }
        command = ["git", "-C", str(self.origin), *signing, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()

    def commit(self, site: str, key: str | None = "ours") -> str:
        (self.origin / "site.yml").write_text(site + "\n")
        self.git("add", "site.yml")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change", key=key)
        return self.git("rev-parse", "HEAD")

    def configure(self, **more: Any) -> None:
        path = self.root / "etc/wsltune/pull.json"
        values = {
            "repository": f"file://{self.origin}",
            "ref": "main",
            "playbook": "site.yml",
            "inventory": "inventory/local.yml",
            "ansible_playbook": str(self.root / "ansible-playbook"),
            "drift_playbook": "playbooks/drift.yml",
        }
        path.write_text(json.dumps({**values, **more}))

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.root / "program"), *arguments, "--root", str(self.root)]

    def run(self, *arguments: str) -> int:
        done = subprocess.run(self.command("run", *arguments), check=False, capture_output=True, text=True, timeout=60)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode

    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.root / "var/lib/wsltune/pull/record.json").read_text())
        return record

    @property
    def plays(self) -> list[str]:
        path = self.root / "plays"
        return path.read_text().splitlines() if path.exists() else []

    def write_drift(self, *states: str) -> None:
        text = json.dumps({"hosts": [{"status": "drift", "settings": [{"state": state} for state in states]}]})
        (self.root / "drift.json").write_text(text)

    def be_old(self, days: float) -> None:
        """Have the first report be as long ago."""
        path = self.root / "var/lib/wsltune/pull/record.json"
        path.write_text(json.dumps({**self.record(), "first_report": time.time() - days * 86400}))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ours", "stranger"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(command, check=True)
    return folder


@pytest.fixture
def bed(tmp_path: Path, keys: Path) -> Bed:
    root, origin = tmp_path / "root", tmp_path / "origin"
    for folder in ("etc/wsltune", "program", "proc", "var/lib/prometheus/node-exporter"):
        (root / folder).mkdir(parents=True)
    shutil.copytree(keys, root / "keys")
    for name, source in FILES.items():
        shutil.copy(source, root / "program" / name)
    (root / "etc/wsltune/pull-signers").write_text(f"anna@example.com {(keys / 'ours.pub').read_text()}")
    program = root / "ansible-playbook"
    program.write_text(PLAYBOOK.replace("@ROOT@", str(root)))
    program.chmod(0o755)
    origin.mkdir()
    made = Bed(root, origin)
    made.git("init", "--quiet", "--initial-branch=main")
    (origin / "playbooks").mkdir()
    (origin / "playbooks/drift.yml").write_text("---\n")
    made.git("add", ".")
    made.configure()
    made.write_drift("in_state")
    return made


def test_a_signed_commit_is_applied_once_and_not_again(bed: Bed) -> None:
    commit = bed.commit("exit 0")
    assert bed.run() == 0
    assert bed.plays == [f"wsltune-pull {commit}"] and bed.record()["applied"] == commit
    assert bed.run() == 0
    assert len(bed.plays) == 1 and "nothing to heal" in bed.record()["reason"]
    later = bed.commit("true")
    assert bed.run() == 0
    assert bed.plays[1:] == [f"wsltune-pull {later}"]


def test_it_runs_when_nobody_else_wants_the_machine(bed: Bed) -> None:
    (bed.root / "run/systemd/system").mkdir(parents=True)
    bed.commit("exit 0")
    bed.run()
    # ps shows no number for what has the idle policy.
    assert (bed.root / "nice").read_text().strip() in ("19", "-")
    assert (bed.root / "umask").read_text().strip() == "0022"


def test_the_metrics_are_readable_and_the_rest_is_not(bed: Bed) -> None:
    bed.commit("exit 0")
    bed.run()
    text = (bed.root / "var/lib/prometheus/node-exporter/wsltune_pull.prom").read_text()
    assert 'wsltune_pull_state{state="ok"} 1\n' in text and "wsltune_pull_failures_in_a_row 0\n" in text
    state = bed.root / "var/lib/wsltune/pull"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()}
    assert modes["status.json"] == modes["record.json"] == 0o600 and modes["tree"] == 0o700
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    shown = subprocess.run(bed.command("status"), check=True, capture_output=True, text=True).stdout
    assert shown.startswith("ok at ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
@pytest.mark.parametrize("verb", ["status", "on", "off", "run"])
def test_who_is_not_root_is_told_to_be(bed: Bed, verb: str) -> None:
    bed.commit("exit 0")
    bed.run()
    # The bed is in a folder of root's own, so the program is loaded before.
    folder = str(bed.root / "program")
    program = (
        f"import importlib.util, os, sys; sys.path.insert(0, {folder!r}); "
        f"it = importlib.util.spec_from_file_location('agent', {folder + '/__main__.py'!r}); "
        "agent = importlib.util.module_from_spec(it); it.loader.exec_module(agent); "
        f"os.setresuid(65534, 65534, 65534); sys.exit(agent.main([{verb!r}, '--root', {str(bed.root)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.endswith(f"is for root alone: run sudo wsltune-pull {verb}\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("key", [None, "stranger"])
def test_a_commit_that_nobody_allowed_signed_never_reaches_a_tree(bed: Bed, key: str | None) -> None:
    first = bed.commit("exit 0")
    bed.run()
    bed.commit("echo harm", key=key)
    assert bed.run() == 2
    assert "not signed by an allowed key" in bed.record()["reason"]
    assert bed.record()["applied"] == bed.record()["accepted"] == first and len(bed.plays) == 1
    assert "harm" not in (bed.root / "var/lib/wsltune/pull/tree/site.yml").read_text()
    assert 'state="refused"} 1' in (bed.root / "var/lib/prometheus/node-exporter/wsltune_pull.prom").read_text()


def test_the_first_commit_is_verified_too(bed: Bed) -> None:
    bed.commit("exit 0", key="stranger")
    assert bed.run() == 2
    assert not (bed.root / "var/lib/wsltune/pull/tree").exists() and bed.plays == []


def test_a_signed_tag_does_not_stand_for_an_unsigned_commit(bed: Bed) -> None:
    bed.commit("exit 0", key=None)
    bed.git("tag", "-m", "release", "v1")
    bed.configure(ref="v1")
    assert bed.run() == 2 and bed.plays == []


def test_an_older_signed_commit_is_refused_as_a_replay(bed: Bed) -> None:
    first = bed.commit("exit 0")
    second = bed.commit("true")
    bed.run()
    bed.git("reset", "--quiet", "--hard", first)
    assert bed.run() == 2
    assert "does not descend" in bed.record()["reason"] and bed.record()["applied"] == second


def test_a_rewritten_history_is_refused(bed: Bed) -> None:
    bed.commit("exit 0")
    bed.run()
    bed.git("commit", "--quiet", "--amend", "-m", "another one")
    assert bed.run() == 2 and "does not descend" in bed.record()["reason"]


def test_a_history_that_was_rewritten_after_a_failed_run_is_refused(bed: Bed) -> None:
    first = bed.commit("exit 0")
    bed.run()
    bed.commit("exit 1")
    assert bed.run() == FAILED
    bed.git("reset", "--quiet", "--hard", first)
    bed.commit("true")
    assert bed.run() == 2 and "does not descend" in bed.record()["reason"]


def test_a_tag_that_is_followed_and_moved_back_is_refused(bed: Bed) -> None:
    first = bed.commit("exit 0")
    second = bed.commit("true")
    bed.configure(ref="stable")
    bed.git("tag", "-m", "x", "stable", second)
    assert bed.run() == 0 and bed.record()["applied"] == second
    bed.git("tag", "-f", "-m", "x", "stable", first)
    assert bed.run() == 2 and bed.record()["applied"] == second


def roll_back(bed: Bed, source: str, target: str, key: str | None = "ours", name: str = "rollback/1") -> None:
    bed.git("reset", "--quiet", "--hard", target)
    sign = ["-s"] if key else ["-a"]
    bed.git("tag", *sign, "-f", "-m", f"Take back.\n\nRollback-From: {source}", name, target, key=key)


def test_a_signed_rollback_goes_back_and_forward_again_but_not_to_what_was_taken_back(bed: Bed) -> None:
    first, bad = bed.commit("exit 0"), bed.commit("true")
    bed.run()
    roll_back(bed, bad, first)
    assert bed.run() == 0 and bed.record()["applied"] == first
    assert bed.run() == 0 and len(bed.plays) == 2
    # Whoever holds the server has the bad commit still, and it is signed and descends from the first.
    bed.git("reset", "--quiet", "--hard", bad)
    assert bed.run() == 2 and "taken back" in bed.record()["reason"]
    (bed.root / "var/lib/wsltune/pull/record.json").write_text("{")
    assert bed.run() == 2 and "taken back" in bed.record()["reason"]
    bed.git("reset", "--quiet", "--hard", first)
    fixed = bed.commit("echo fixed")
    assert bed.run() == 0 and bed.record()["applied"] == fixed
    # The tag is still there, and is about another state.
    bed.git("reset", "--quiet", "--hard", first)
    assert bed.run() == 2 and bed.record()["applied"] == fixed


def offer_twin(bed: Bed, commit: str) -> str:
    """Offer a commit under another id, as whoever can push and not sign can: a signature does not cover itself."""
    content = bed.git("cat-file", "commit", commit, key=None) + "\n"
    forged = bed.root / "twin"
    forged.write_text(content.replace("\n -----END SSH SIGNATURE-----", "\n -----END SSH SIGNATURE-----\n ", 1))
    twin = bed.git("hash-object", "-t", "commit", "-w", str(forged), key=None)
    assert twin != commit
    bed.git("reset", "--quiet", "--hard", twin)
    return twin


def test_a_commit_that_was_taken_back_does_not_come_again_under_another_id(bed: Bed) -> None:
    first, middle, bad = bed.commit("exit 0"), bed.commit("exit 0 #"), bed.commit("true")
    assert bed.run() == 0
    roll_back(bed, bad, first)
    assert bed.run() == 0 and bed.record()["applied"] == first
    for commit in (bad, middle):
        offer_twin(bed, commit)
        assert bed.run() == 2 and "taken back" in bed.record()["reason"]
    assert bed.record()["accepted"] == first and len(bed.plays) == 2


def test_a_commit_under_another_id_keeps_no_machine_from_what_follows(bed: Bed) -> None:
    bed.commit("exit 0")
    assert bed.run() == 0
    second = bed.commit("true")
    twin = offer_twin(bed, second)
    assert bed.run() == 0 and bed.record()["accepted"] == twin
    bed.git("reset", "--quiet", "--hard", second)
    assert bed.run() == 0
    offer_twin(bed, second)
    third = bed.commit("echo third")
    bed.git("reset", "--quiet", "--hard", second)
    following = bed.commit("echo following")
    assert third != following
    assert bed.run() == 0 and bed.record()["applied"] == following


def test_a_rollback_leaves_what_a_machine_has_under_another_id(bed: Bed) -> None:
    first = bed.commit("exit 0")
    assert bed.run() == 0
    bad = bed.commit("true")
    twin = offer_twin(bed, bad)
    assert bed.run() == 0 and bed.record()["accepted"] == twin
    # What is left has to be known, and without a name no server gives it.
    bed.git("tag", "left", bad, key=None)
    roll_back(bed, bad, first)
    assert bed.run() == 0 and bed.record()["applied"] == first
    for commit in (bad, twin):
        bed.git("reset", "--quiet", "--hard", commit)
        assert bed.run() == 2 and "taken back" in bed.record()["reason"]


@pytest.mark.parametrize("how", ["failed", "killed", "killed, and its record damaged"])
def test_a_rollback_after_a_run_that_did_not_end_well_is_applied(bed: Bed, how: str) -> None:
    half = bed.root / "half"
    good = bed.commit(f"rm -f {half}")
    assert bed.run() == 0
    bad = bed.commit(f"touch {half}; {'exit 1' if how == 'failed' else 'kill -9 $(ps -o ppid= -p $$); sleep 30'}")
    assert bed.run() == (FAILED if how == "failed" else -signal.SIGKILL) and half.exists()
    if "damaged" in how:
        (bed.root / "var/lib/wsltune/pull/record.json").write_text("{")
    roll_back(bed, bad, good)
    assert bed.run() == 0 and bed.plays[2:] == [f"wsltune-pull {good}"] and not half.exists()
    assert bed.record()["applied"] == good
    assert bed.run() == 0 and len(bed.plays) == 3


def test_a_rollback_that_is_killed_is_not_taken_for_applied(bed: Bed) -> None:
    good = bed.commit(f"test ! -e {bed.root}/kill || kill -9 $(ps -o ppid= -p $$)")
    assert bed.run() == 0
    bad = bed.commit("exit 1")
    assert bed.run() == FAILED
    (bed.root / "kill").touch()
    roll_back(bed, bad, good)
    assert bed.run() == -signal.SIGKILL
    # The commits are known by the repository's own names then.
    (bed.root / "var/lib/wsltune/pull/record.json").write_text("{")
    (bed.root / "kill").unlink()
    assert bed.run() == 0 and bed.plays[2:] == [f"wsltune-pull {good}"] * 2 and bed.record()["applied"] == good


@pytest.mark.parametrize("key", [None, "stranger"])
def test_a_rollback_that_nobody_allowed_signed_is_refused(bed: Bed, key: str | None) -> None:
    first, bad = bed.commit("exit 0"), bed.commit("true")
    bed.run()
    roll_back(bed, bad, first, key=key)
    assert bed.run() == 2 and bed.record()["applied"] == bad


def test_another_signed_tag_under_the_name_of_a_rollback_is_refused(bed: Bed) -> None:
    first, bad = bed.commit("exit 0"), bed.commit("true")
    bed.run()
    roll_back(bed, bad, first, name="v1")
    bed.git("update-ref", "refs/tags/rollback/1", "refs/tags/v1")
    bed.git("update-ref", "-d", "refs/tags/v1")
    assert bed.run() == 2 and bed.record()["applied"] == bad


def test_a_failed_run_is_tried_again_until_it_succeeds(bed: Bed) -> None:
    commit = bed.commit("exit 1")
    assert bed.run() == FAILED and bed.run() == FAILED
    assert bed.record()["failures"] == 2 and bed.record()["applied"] == ""
    (bed.root / "ready").touch()
    later = bed.commit(f"test -e {bed.root}/ready")
    assert bed.run() == 0 and bed.record()["failures"] == 0
    assert bed.plays == [f"wsltune-pull {commit}"] * 2 + [f"wsltune-pull {later}"]


def test_without_a_network_or_a_repository_the_machine_stays_and_the_reason_is_kept(bed: Bed) -> None:
    commit = bed.commit("exit 0")
    bed.run()
    for address in ("https://127.0.0.1:9/fleet.git", f"file://{bed.origin}-gone"):
        bed.configure(repository=address)
        assert bed.run() == FAILED
        assert bed.record()["reason"].startswith("git ls-remote failed: fatal:") and bed.record()["applied"] == commit
    bed.configure(ref="other")
    assert bed.run() == FAILED and "neither a branch nor a tag other" in bed.record()["reason"]
    bed.configure()
    assert bed.run() == 0 and len(bed.plays) == 1


def test_edits_and_a_merge_in_the_tree_have_no_part_in_the_next_run(bed: Bed) -> None:
    bed.commit("exit 0")
    bed.run()
    tree = bed.root / "var/lib/wsltune/pull/tree"
    (tree / "site.yml").write_text("<<<<<<< HEAD\n")
    (tree / "extra.yml").touch()
    bed.commit("test ! -e extra.yml")
    assert bed.run() == 0 and sorted(os.listdir(tree)) == ["playbooks", "site.yml"]


def test_a_damaged_record_does_not_open_the_way_for_a_replay(bed: Bed) -> None:
    first, second = bed.commit("exit 0"), bed.commit("true")
    bed.run()
    path = bed.root / "var/lib/wsltune/pull/record.json"
    path.write_text(path.read_text()[:40])
    bed.git("reset", "--quiet", "--hard", first)
    assert bed.run() == 2 and bed.record()["accepted"] == second
    bed.git("reset", "--quiet", "--hard", second)
    assert bed.run() == 0 and len(bed.plays) == 1


def test_a_record_of_another_version_is_left_alone(bed: Bed) -> None:
    bed.commit("exit 0")
    path = bed.root / "var/lib/wsltune/pull/record.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"format": 99, "accepted": "x"}')
    assert bed.run() == 1 and bed.plays == []
    assert path.read_text() == '{"format": 99, "accepted": "x"}'
    assert "another version" in (bed.root / "var/log/wsltune/pull.log").read_text()


def test_a_record_that_cannot_be_read_fails_and_stays(bed: Bed) -> None:
    """An empty one in its place would open the way for a replay."""
    first, second = bed.commit("exit 0"), bed.commit("true")
    bed.run()
    path = bed.root / "var/lib/wsltune/pull/record.json"
    whole = path.read_text()
    path.unlink()
    path.mkdir()
    assert bed.run() == FAILED and path.is_dir()
    status = json.loads(path.with_name("status.json").read_text())
    assert status["state"] == "failed" and status["reason"].startswith("the record cannot be read: "), status
    assert status["last_success"] and status["applied"] == second
    metrics = (bed.root / "var/lib/prometheus/node-exporter/wsltune_pull.prom").read_text()
    assert 'state="failed"} 1' in metrics and "wsltune_pull_last_success_timestamp_seconds" in metrics
    path.rmdir()
    path.write_text(whole)
    bed.git("reset", "--quiet", "--hard", first)
    assert bed.run() == 2 and bed.record()["accepted"] == second


def test_commits_that_cannot_be_read_out_of_the_repository_fail_and_none_is_forgotten(bed: Bed) -> None:
    first, second = bed.commit("exit 0"), bed.commit("true")
    bed.run()
    path = bed.root / "var/lib/wsltune/pull/record.json"
    path.write_text("{")
    git = bed.root / "bin/git"
    git.parent.mkdir()
    git.write_text(f'#!/bin/sh\ncase "$*" in *for-each-ref*) exit 1 ;; esac\nexec {shutil.which("git")} "$@"\n')
    git.chmod(0o755)
    more = {**os.environ, "PATH": f"{git.parent}:{os.environ['PATH']}"}
    done = subprocess.run(bed.command("run"), env=more, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == FAILED and "Traceback" not in done.stderr, done.stderr
    status = json.loads(path.with_name("status.json").read_text())
    assert "the record cannot be read: git for-each-ref failed" in status["reason"], status
    bed.git("reset", "--quiet", "--hard", first)
    assert bed.run() == 2 and bed.record()["accepted"] == second


@pytest.mark.parametrize("name", ["record", "status"])
def test_what_a_run_came_to_is_shown_where_it_cannot_be_kept(bed: Bed, name: str) -> None:
    def read_metrics() -> dict[str, str]:
        text = (bed.root / "var/lib/prometheus/node-exporter/wsltune_pull.prom").read_text()
        return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))

    bed.commit("exit 0")
    assert bed.run() == 0
    succeeded = read_metrics()["wsltune_pull_last_success_timestamp_seconds"]
    in_the_way = bed.root / f"var/lib/wsltune/pull/.{name}.json.new"
    in_the_way.mkdir()
    assert bed.run() == FAILED
    last = (bed.root / "var/log/wsltune/pull.log").read_text().splitlines()[-1]
    assert f"failed: the {name} cannot be written: " in last, last
    assert read_metrics()['wsltune_pull_state{state="failed"}'] == "1"
    assert read_metrics()["wsltune_pull_last_success_timestamp_seconds"] == succeeded
    bed.configure(ref="none")
    assert bed.run() == FAILED and int(read_metrics()["wsltune_pull_failures_in_a_row"]) == 1
    bed.configure()
    in_the_way.rmdir()
    assert bed.run() == 0 and bed.record()["failures"] == 0


def test_no_place_for_its_state_is_one_sentence(bed: Bed) -> None:
    bed.commit("exit 0")
    (bed.root / "var/lib/wsltune").mkdir(parents=True)
    (bed.root / "var/lib/wsltune/pull").touch()
    done = subprocess.run(bed.command("run"), check=False, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "File exists" in done.stderr, done.stderr


def test_systemd_takes_a_state_for_no_failure_and_a_crash_for_one(bed: Bed) -> None:
    """Python ends with 1 after an exception that nothing has caught, also where it cannot load the program."""
    unit = (ROOT / "roles/pull_agent/files/wsltune-pull.service").read_text()
    (codes,) = re.findall(r"(?m)^SuccessExitStatus=([\d ]+)$", unit)
    guide = (ROOT / "docs/guide/pull-agent.md").read_text()
    states = {int(code) for code in re.findall(r"(?m)^\| `\w+` \| (\d) \|", guide)}
    assert {0, *map(int, codes.split())} == states == {0, 2, 3, FAILED}
    (bed.root / "program/pull.py").write_text("OK = 1\n")
    done = subprocess.run(bed.command("run"), check=False, capture_output=True, text=True)
    assert "Traceback" in done.stderr and done.returncode not in states


def test_an_account_that_never_stops_computing_leaves_it_a_share() -> None:
    """Two endless loops of an account took all that processes of the idle policy can have."""
    unit = (ROOT / "roles/pull_agent/files/wsltune-pull.service").read_text()
    for text in (unit, cache.SERVICE_TEXT):
        assert "\nCPUSchedulingPolicy=idle\n" in text and re.search(r"(?m)^CPUWeight=20$", text)


def test_without_systemd_such_an_account_leaves_it_a_share_too(bed: Bed) -> None:
    """Nothing but its priority decides there, and the idle policy has a 340th."""
    bed.commit("exit 0")
    bed.run()
    assert (bed.root / "nice").read_text().strip() == str(min(os.nice(0) + 7, 19))


BOOT = """
import importlib.util, sys
sys.path.insert(0, sys.argv[1])
it = importlib.util.spec_from_file_location("agent", sys.argv[1] + "/__main__.py")
agent = importlib.util.module_from_spec(it)
it.loader.exec_module(agent)
runs, waits = [], []

def run(command, check):
    runs.append(command[-1])
    if len(runs) < 3:
        raise BlockingIOError(11, "Resource temporarily unavailable")

def sleep(seconds):
    waits.append(seconds)
    if len(runs) == 4:
        print(runs, waits)
        sys.exit(0)

agent.subprocess.run, agent.time.sleep = run, sleep
agent.os.fork = agent.os.setsid = lambda: 0
agent.os.dup2 = lambda *numbers: None
sys.exit(agent.stay(agent.Places(sys.argv[2])))
"""


def test_who_takes_all_numbers_of_processes_for_a_moment_does_not_end_it(bed: Bed) -> None:
    """Without systemd nothing starts it again before the next start of the distro."""
    bed.configure(interval=3600.0)
    command = [sys.executable, "-c", BOOT, str(bed.root / "program"), str(bed.root)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{['run'] * 4} {[120.0] * 3 + [3600.0] * 2}\n"


def test_a_clock_that_went_back_stops_nothing(bed: Bed) -> None:
    bed.commit("exit 0")
    bed.run()
    path = bed.root / "var/lib/wsltune/pull/record.json"
    later = {name: time.time() + 10**8 for name in ("last_run", "last_success", "first_report")}
    path.write_text(json.dumps({**bed.record(), **later}))
    commit = bed.commit("true")
    assert bed.run() == 0 and bed.record()["applied"] == commit
    assert bed.record()["last_run"] < time.time() + 1 and bed.record()["first_report"] < time.time() + 1


def test_the_switch_is_one_command_and_one_file(bed: Bed) -> None:
    bed.commit("exit 0")
    subprocess.run(bed.command("off"), check=True, capture_output=True)
    assert (bed.root / "etc/wsltune/pull.off").exists()
    assert bed.run("--now") == 0 and bed.plays == [] and bed.record()["state"] == "off"
    subprocess.run(bed.command("on"), check=True, capture_output=True)
    assert bed.run() == 0 and len(bed.plays) == 1


def test_it_waits_on_battery_and_while_go_builds_unless_a_person_asks(bed: Bed) -> None:
    bed.commit("exit 0")
    battery = bed.root / "sys/class/power_supply/BAT1"
    battery.mkdir(parents=True)
    (battery / "type").write_text("Battery\n")
    (battery / "status").write_text("Discharging\n")
    assert bed.run() == 0 and "battery" in bed.record()["reason"]
    shutil.rmtree(battery)
    process = bed.root / "proc/4711"
    process.mkdir()
    (process / "cmdline").write_bytes(b"go\0test\0./...\0")
    (process / "exe").symlink_to("/usr/lib/go-1.24/bin/go")
    assert bed.run() == 0 and "go test is running" in bed.record()["reason"] and bed.plays == []
    bed.configure(freezes=[{"from": "2000-01-01", "to": "2999-01-01"}])
    assert bed.run() == 0 and "freeze" in bed.record()["reason"] and bed.plays == []
    assert bed.run("--now") == 0 and len(bed.plays) == 1


def test_a_build_is_waited_for_a_day_because_anybody_can_pretend_one(bed: Bed) -> None:
    bed.commit("exit 0")
    process = bed.root / "proc/4711"
    process.mkdir()
    (process / "cmdline").write_bytes(b"go\0test\0./...\0")
    (process / "exe").symlink_to("/home/eve/go")
    assert bed.run() == 0 and bed.record()["state"] == "waiting"
    path = bed.root / "var/lib/wsltune/pull/record.json"
    since = bed.record()["build_since"]
    path.write_text(json.dumps({**bed.record(), "build_since": since - 3600}))
    assert bed.run() == 0 and bed.record()["state"] == "waiting" and bed.record()["build_since"] == since - 3600
    path.write_text(json.dumps({**bed.record(), "build_since": since - 86400}))
    assert bed.run() == 0 and len(bed.plays) == 1 and bed.record()["build_since"] is None


def test_arguments_without_end_take_no_memory(bed: Bed) -> None:
    """As a process has them that made its own so long (PR_SET_MM_MAP)."""
    bed.commit("exit 0")
    process = bed.root / "proc/4711"
    process.mkdir()
    (process / "cmdline").touch()
    os.truncate(process / "cmdline", 64 << 30)
    (process / "exe").symlink_to("/home/eve/go")
    assert subprocess.run(["prlimit", "--as=2000000000", *bed.command("run")], check=False).returncode == 0
    assert len(bed.plays) == 1


def test_arguments_that_cannot_be_read_hold_nothing(bed: Bed) -> None:
    """As those of a process whose memory is locked while its own file system gives no answer; a pipe waits too."""
    bed.commit("exit 0")
    for number, program in enumerate(("/home/eve/go", "/home/eve/other")):
        process = bed.root / f"proc/{number}"
        process.mkdir()
        os.mkfifo(process / "cmdline")
        (process / "exe").symlink_to(program)
    shorten(bed, "LOOKING = 20.0", "LOOKING = 1.0")
    assert subprocess.run(bed.command("run"), check=False, timeout=60).returncode == 0
    assert len(bed.plays) == 1
    (bed.root / "proc/0/exe").unlink()
    shorten(bed, "LOOKING = 1.0", "LOOKING = 600.0")
    assert subprocess.run(bed.command("run"), check=False, timeout=60).returncode == 0


def shorten(bed: Bed, old: str, new: str) -> None:
    program = bed.root / "program/__main__.py"
    text = program.read_text()
    assert text.count(old) == 1
    program.unlink()
    program.write_text(text.replace(old, new))


def test_a_program_of_any_account_says_nothing_to_a_terminal(bed: Bed) -> None:
    bed.commit("exit 0")
    process = bed.root / "proc/4711"
    process.mkdir()
    (process / "cmdline").write_bytes(b"x\0-test.v\0")
    os.symlink(b"/home/eve/\xff\033]0;taken over\007\nok: applied.test", bytes(process / "exe"))
    assert bed.run() == 0 and bed.record()["state"] == "waiting"
    shown = subprocess.run(bed.command("status"), check=True, capture_output=True, text=True).stdout
    assert "\\udcff\\x1b]0;taken over\\x07\\nok: applied.test is running" in shown.splitlines()[0]
    assert "\033" not in (bed.root / "var/log/wsltune/pull.log").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is led astray")
def test_no_account_of_a_collector_or_logger_leads_it_elsewhere(bed: Bed) -> None:
    bed.commit("exit 0")
    metrics, log = bed.root / "var/lib/prometheus/node-exporter", bed.root / "var/log/wsltune"
    log.mkdir(parents=True)
    for folder in (metrics.parent, log.parent):
        os.chown(folder, 4711, 4711)
    assert bed.run() == 0 and (metrics / "wsltune_pull.prom").exists() and (log / "pull.log").exists()
    elsewhere = bed.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "pull.log").touch(0o644)
    for folder in (metrics, log):
        folder.rename(folder.with_name("moved"))
        folder.symlink_to(elsewhere)
    assert bed.run() == 0
    assert [path.name for path in elsewhere.iterdir()] == ["pull.log"]
    status = (elsewhere / "pull.log").stat()
    assert status.st_size == 0 and stat.S_IMODE(status.st_mode) == 0o644
    kept = (bed.root / "var/lib/wsltune/pull/pull.log").read_text()
    assert "wsltune_pull.prom cannot be written: Not a directory" in kept


def test_what_the_account_of_a_collector_mounted_keeps_no_run_waiting(bed: Bed) -> None:
    commit = bed.commit("exit 0")
    program = bed.root / "program/__main__.py"
    program.write_text(program.read_text().replace("LOOKING = 20.0", "LOOKING = 1.0"))
    folder = bed.root / "var/lib/prometheus/node-exporter"
    command = [sys.executable, str(ROOT / "tests/unit/dead_folder.py"), str(folder), "--", *bed.command("run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    assert bed.record()["applied"] == commit
    assert "wsltune_pull.prom gives no answer" in (bed.root / "var/log/wsltune/pull.log").read_text()


def test_no_account_sees_the_variables_among_the_arguments(bed: Bed) -> None:
    """pull.json is for root alone, and everybody can read the arguments of a process."""
    bed.configure(variables={"proxy": "http://anna:s3cret@proxy"})
    kept = bed.root / "var/lib/wsltune/pull/variables.json"
    bed.commit(
        f'cat /proc/$$/cmdline /proc/$PPID/cmdline > {bed.root}/arguments; printf %s "$vars" > {bed.root}/given\n'
        f"stat -c %a {kept} > {bed.root}/mode"
    )
    assert bed.run() == 0
    assert json.loads((bed.root / "given").read_text()) == {"proxy": "http://anna:s3cret@proxy"}
    assert b"site.yml" in (arguments := (bed.root / "arguments").read_bytes()) and b"s3cret" not in arguments
    assert (bed.root / "mode").read_text() == "600\n" and not kept.exists()


def test_none_of_pythons_variables_reaches_it(bed: Bed) -> None:
    """With sudo -E they are a user's; PYTHONPYCACHEPREFIX alone is enough to run what lies there."""
    command = (ROOT / "roles/pull_agent/files/wsltune-pull.sh").read_text()
    script = command.replace("/usr/local/lib/wsltune-pull ", f"{bed.root}/program ")
    (bed.root / "program/__main__.py").write_text("import metrics, sys; print(sys.pycache_prefix, sys.flags.isolated)")
    names = {
        name: str(bed.root / "keys") for name in ("PYTHONPYCACHEPREFIX", "PYTHONPATH", "PYTHONUSERBASE", "PYTHONHOME")
    }
    done = subprocess.run(["sh", "-c", script], env={**os.environ, **names}, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "1"]


def test_it_starts_no_program_of_a_folder_of_path_that_others_write_in(bed: Bed, tmp_path: Path) -> None:
    command = (ROOT / "roles/pull_agent/files/wsltune-pull.sh").read_text()
    script = command.replace("/usr/local/lib/wsltune-pull ", f"{bed.root}/program ")
    (bed.root / "program/__main__.py").write_text("import os; print(os.environ['PATH'])")
    (tmp_path / "python3").write_text("#!/bin/sh\necho theirs\n")
    (tmp_path / "python3").chmod(0o755)
    own = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", script], env=own, capture_output=True, text=True, check=True)
    assert done.stdout == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"


def test_a_playbook_has_roots_own_home(bed: Bed) -> None:
    """With sudo -E, HOME is a user's, where Ansible would keep what root runs."""
    bed.commit(f'echo "$HOME" > {bed.root}/home')
    done = subprocess.run(bed.command("run"), env={**os.environ, "HOME": str(bed.root / "keys")}, check=False)
    assert done.returncode == 0
    assert (bed.root / "home").read_text().strip() == pwd.getpwuid(os.geteuid()).pw_dir


def test_nobody_who_fills_tmp_has_a_signature_refused(
    bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git gives ssh-keygen a signature in a temporary file, and without one no commit is signed by anybody."""
    keygen = tmp_path / "bin/ssh-keygen"
    keygen.parent.mkdir()
    keygen.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {tmp_path}/words\nexec {shutil.which("ssh-keygen")} "$@"\n')
    keygen.chmod(0o755)
    bed.commit(f'echo "${{TMPDIR-none}}" > {bed.root}/temporary')
    monkeypatch.setenv("PATH", f"{keygen.parent}:{os.environ['PATH']}")
    assert bed.run() == 0
    state = bed.root / "var/lib/wsltune/pull"
    signatures = [word for word in (tmp_path / "words").read_text().splitlines() if "/.git_" in word]
    assert signatures and {Path(word).parent for word in signatures} == {state}
    # A playbook's tasks act for accounts, too, which may not write there.
    assert (bed.root / "temporary").read_text() == "none\n"
    (state / ".git_vtag_tmpKilled").write_text("left by one that was killed")
    assert bed.run() == 0 and not list(state.glob(".git_*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")
@pytest.mark.parametrize("whose", ["program", "list", "folder", "way"])
def test_root_runs_no_program_that_another_account_can_change(bed: Bed, whose: str) -> None:
    bed.commit("exit 0")
    place = bed.root / "venv/bin/ansible-playbook"
    place.parent.mkdir(parents=True)
    shutil.copy(bed.root / "ansible-playbook", place)
    bed.configure(ansible_playbook=str(place))
    assert bed.run() == 0 and len(bed.plays) == 1
    bed.commit("exit 0 # again")
    changed = {"program": place, "list": place, "folder": place.parent, "way": place.parent.parent}[whose]
    if whose == "list":
        # For one account; the mode shows what it gives in the place of root's group.
        entries = [(1, 7, -1), (2, 7, 4711), (4, 5, -1), (16, 7, -1), (32, 5, -1)]
        access = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
        try:
            os.setxattr(changed, "system.posix_acl_access", access)
        except OSError:
            pytest.skip("no lists can be had here")
    else:
        os.chown(changed, 4711, 4711)
    assert bed.run() == FAILED and len(bed.plays) == 1
    assert f"another account can write in {changed}" in bed.record()["reason"]
    checked = subprocess.run(bed.command("check"), check=False, capture_output=True, text=True)
    assert checked.returncode == 1 and "another account can write" in checked.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("first", ["#!{python}", "#!/usr/bin/env -S {python} -B", "#!/usr/bin/env python3.made"])
@pytest.mark.parametrize("whose", ["link", "modules"])
def test_root_runs_no_python_that_another_account_can_change(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, whose: str, first: str
) -> None:
    bed.commit("exit 0")
    venv = bed.root / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python, hers = venv / "bin/python3.made", bed.root / "hers"
    hers.mkdir()
    (hers / "python").symlink_to(os.path.realpath(sys.executable))
    python.symlink_to(hers / "python")
    monkeypatch.setenv("PATH", f"{venv}/bin:{os.environ['PATH']}")
    place = bed.root / "playing"
    program = f"import os, sys\nos.execv({str(bed.root / 'ansible-playbook')!r}, sys.argv)\n"
    place.write_text(f"{first.format(python=python)}\n{program}")
    place.chmod(0o755)
    bed.configure(ansible_playbook=str(place))
    assert bed.run() == 0 and len(bed.plays) == 1
    bed.commit("exit 0 # again")
    changed = hers if whose == "link" else next(venv.glob("lib/python*/site-packages"))
    os.chown(changed, 4711, 4711)
    assert bed.run() == FAILED and len(bed.plays) == 1
    assert f"another account can write in {changed}" in bed.record()["reason"]


STOPPING = """
import os, sys, time
stop = left = int(sys.argv[1])
while part := os.read(0, 65536):
    os.write(1, part)
    left -= len(part)
    if stop and left <= 0:
        time.sleep(60)
"""


def test_nothing_is_left_of_a_fetch_that_takes_too_long(bed: Bed) -> None:
    """Each would be as large as what came until then, and no garbage is collected there."""
    bed.commit("exit 0")
    assert bed.run() == 0
    # Fewer than a hundred objects are never in a file as they come.
    for number in range(120):
        (bed.origin / f"large{number}").write_bytes(os.urandom(40_000))
    bed.git("add", ".")
    bed.commit("exit 0 # large")
    ssh = bed.root / "bin/ssh"
    ssh.parent.mkdir()
    ssh.write_text(
        "#!/bin/sh\n# What lists names is whole; what has objects stops in the middle.\nfor last; do :; done\n"
        f"[ -e {bed.root}/listed ] && stop=3000000 || stop=0\n"
        f'GIT_PROTOCOL= eval "$last" | {sys.executable} -c "{STOPPING}" $stop\n'
        f"touch {bed.root}/listed\n"
    )
    ssh.chmod(0o755)
    bed.configure(repository=f"host:{bed.origin}", network_timeout=3)
    path = f"{ssh.parent}:{os.environ['PATH']}"
    done = subprocess.run(bed.command("run"), env={**os.environ, "PATH": path}, check=False, timeout=60)
    assert done.returncode == FAILED and "took longer" in bed.record()["reason"]
    objects = bed.root / "var/lib/wsltune/pull/repository.git/objects"
    assert not list(objects.rglob("tmp_*"))


def limit(bed: Bed, name: str, size: int, file: str = "__main__.py") -> None:
    """Give the program on this machine another limit."""
    program = bed.root / "program" / file
    text, count = re.subn(rf"^{name} = .*$", f"{name} = {size}", program.read_text(), flags=re.MULTILINE)
    assert count == 1
    program.write_text(text)


def held(bed: Bed) -> int:
    """Return the bytes of the objects that the agent has."""
    objects = bed.root / "var/lib/wsltune/pull/repository.git/objects"
    return sum(path.stat().st_size for path in objects.rglob("*") if path.is_file())


@pytest.mark.parametrize("parts", [1, 150])
def test_a_fetch_has_a_size(bed: Bed, parts: int) -> None:
    """In one object and in many: fewer than a hundred are written otherwise than as they come."""
    first = bed.commit("exit 0")
    assert bed.run() == 0
    limit(bed, "MOST_FETCHED", 1 << 20)
    for number in range(parts):
        (bed.origin / f"large{number}").write_bytes(os.urandom(3_000_000 // parts))
    bed.git("add", ".")
    bed.commit("exit 0 # large")
    assert bed.run() == FAILED and "a fetch may bring 1 MiB" in bed.record()["reason"], bed.record()
    assert held(bed) < 1 << 20 and bed.record()["applied"] == first
    limit(bed, "MOST_FETCHED", 1 << 30)
    assert bed.run() == 0 and len(bed.plays) == 2


def test_what_a_server_sends_unpacks_to_no_more_memory_than_there_is(bed: Bed) -> None:
    bed.commit("exit 0")
    assert bed.run() == 0
    limit(bed, "MOST_MEMORY", 200 << 20)
    git = bed.root / "bin/git"
    git.parent.mkdir()
    real = f'exec {shutil.which("git")} "$@"'
    takes = f"{sys.executable} -c 'bytearray({300 << 20})' || exit"
    git.write_text(f'#!/bin/sh\ncase "$*" in *" fetch "*) {takes} ;; esac\n{real}\n')
    git.chmod(0o755)
    path = f"{git.parent}:{os.environ['PATH']}"
    done = subprocess.run(bed.command("run"), env={**os.environ, "PATH": path}, check=False, timeout=60)
    assert done.returncode == FAILED and bed.record()["reason"].startswith("git fetch failed"), bed.record()
    git.unlink()
    assert bed.run() == 0


def test_what_a_server_offers_again_and_again_does_not_fill_the_disk(bed: Bed) -> None:
    first = bed.commit("exit 0")
    assert bed.run() == 0
    limit(bed, "MOST_KEPT", 2 << 20)
    for number in range(6):
        bed.git("checkout", "--quiet", "-B", "main", first)
        (bed.origin / "large").write_bytes(os.urandom(1_500_000))
        bed.git("add", ".")
        bed.commit(f"exit 0 # {number}", key="stranger")
        # A tag keeps what it names, also where it says nothing to this agent.
        bed.git("tag", f"offered{number}", key=None)
        if number:
            bed.git("tag", "--delete", f"offered{number - 1}")
        assert bed.run() == 2
        assert held(bed) < (2 << 20) + 2 * 1_600_000
    bed.git("checkout", "--quiet", "-B", "main", first)
    later = bed.commit("true")
    assert bed.run() == 0 and bed.record()["applied"] == later


def test_the_names_of_tags_fill_no_disk(bed: Bed) -> None:
    """Each was a file, in as many folders as its name has parts: a list of 1 MB was 1.7 GB of a disk."""
    first = bed.commit("exit 0")
    names = [f"refs/tags/{number:04d}{'/a' * 100}" for number in range(100)]
    (bed.origin / ".git/packed-refs").write_text("".join(f"{first} {name}\n" for name in names))
    assert bed.run() == 0
    repository = bed.root / "var/lib/wsltune/pull/repository.git"
    assert len([path for path in repository.rglob("*") if "objects" not in path.parts]) < 100


def test_no_tag_keeps_a_rollback_from_being_found(bed: Bed) -> None:
    limit(bed, "MOST_TAGS", 3, "pull.py")
    first, bad = bed.commit("exit 0"), bed.commit("true")
    assert bed.run() == 0
    for number in range(5):
        bed.git("tag", "-a", "-m", "x", f"another/{number}", key=None)
    (bed.root / "message").write_text("x" * (65 << 20))
    bed.git("tag", "-a", "-F", str(bed.root / "message"), "rollback/0", key=None)
    roll_back(bed, bad, first)
    assert bed.run() == 0 and bed.record()["applied"] == first


def test_many_fetches_leave_few_files(bed: Bed) -> None:
    limit(bed, "MOST_PACKS", 2)
    for number in range(5):
        bed.commit(f"exit 0 # {number}")
        assert bed.run() == 0
    objects = bed.root / "var/lib/wsltune/pull/repository.git/objects"
    assert len(list(objects.rglob("*.pack"))) <= 3 and len(bed.plays) == 5


def test_it_removes_its_own_log_and_no_other(bed: Bed) -> None:
    bed.commit("exit 0")
    bed.run()
    folder = bed.root / "var/log/wsltune"
    for name in ("pull.log.1", "pull.log.4", "changes.jsonl"):
        (folder / name).touch()
    assert subprocess.run(bed.command("forget"), check=False).returncode == 0
    assert [path.name for path in folder.iterdir()] == ["changes.jsonl"]
    if os.geteuid() != 0:
        return
    # A logger's account, which may write in the folder above, puts a link there.
    victim = bed.root / "victim"
    victim.mkdir()
    (victim / "pull.log").write_text("mine")
    os.chown(folder.parent, 4711, 4711)
    folder.rename(folder.with_name("moved"))
    folder.symlink_to(victim)
    done = subprocess.run(bed.command("forget"), check=False, capture_output=True, text=True)
    assert done.returncode == 1 and f"look at whose {folder} is" in done.stdout
    assert (victim / "pull.log").read_text() == "mine"


def test_one_run_at_a_time(bed: Bed) -> None:
    bed.commit(f"touch {bed.root}/started; sleep 2")
    with subprocess.Popen(bed.command("run"), start_new_session=True) as first:
        while not (bed.root / "started").exists():
            time.sleep(0.02)
        assert bed.run() == 0
        assert first.wait() == 0
    assert len(bed.plays) == 1


def test_drift_is_healed_after_the_days_of_reports(bed: Bed) -> None:
    bed.configure(mode="heal")
    bed.commit(f'echo \'{{"hosts": [{{"settings": [{{"state": "in_state"}}]}}]}}\' > {bed.root}/drift.json')
    bed.run()
    bed.write_drift("changed", "in_state")
    assert bed.run() == 0 and "first 7 days" in bed.record()["reason"] and len(bed.plays) == 1
    bed.be_old(8)
    bed.write_drift("changed", "conflict")
    assert bed.run() == 0 and "conflict" in bed.record()["reason"] and len(bed.plays) == 1
    bed.write_drift("gone", "in_state")
    assert bed.run() == 0 and bed.record()["reason"].startswith("healed") and len(bed.plays) == 2
    assert bed.record()["heals"] == 1 and bed.run() == 0 and len(bed.plays) == 2


@pytest.mark.parametrize(
    ("windows", "code", "heals"),
    [
        ({"status": "not_seen", "settings": []}, 0, 1),
        ({"status": "unknown", "settings": [{"state": "unknown"}]}, 0, 1),
        ({"status": "drift", "settings": [{"state": "conflict"}]}, 0, 0),
        ({"status": "drift", "settings": [{"state": "changed"}]}, FAILED, 0),
    ],
)
def test_the_windows_side_counts_as_far_as_it_was_seen(
    bed: Bed, windows: dict[str, Any], code: int, heals: int
) -> None:
    def report(state: str) -> str:
        linux = {"host": "a", "side": "linux", "status": "drift", "settings": [{"state": state}]}
        hosts = [linux, {"host": "a-windows", "side": "windows", **windows}]
        # The worst is the first one.
        return json.dumps({"hosts": hosts if state == "gone" else hosts[::-1]})

    (bed.root / "healed.json").write_text(report("in_state"))
    bed.commit(f"test ! -e {bed.root}/drifted || cp {bed.root}/healed.json {bed.root}/drift.json")
    bed.configure(mode="heal")
    assert bed.run() == 0
    bed.be_old(8)
    (bed.root / "drifted").touch()
    (bed.root / "drift.json").write_text(report("gone"))
    assert bed.run() == code and bed.record()["heals"] == heals, bed.record()["reason"]


def test_three_failed_heals_in_a_row_stop_it_until_a_person_or_a_new_commit(bed: Bed) -> None:
    bed.configure(mode="heal")
    bed.commit("exit 0")
    bed.run()
    bed.be_old(8)
    bed.write_drift("changed")
    assert [bed.run() for _time in range(3)] == [FAILED, FAILED, 3]
    assert bed.record()["state"] == "stopped" and len(bed.plays) == 4
    assert bed.run() == 3 and "3 heals in a row failed" in bed.record()["reason"] and len(bed.plays) == 4
    assert 'state="stopped"} 1' in (bed.root / "var/lib/prometheus/node-exporter/wsltune_pull.prom").read_text()
    subprocess.run(bed.command("on"), check=True, capture_output=True)
    assert bed.run() == FAILED and len(bed.plays) == 5
    bed.commit("true")
    assert bed.run() == 0 and bed.record()["failed_heals"] == 0


def test_no_account_keeps_the_agent_from_healing_the_machine(bed: Bed) -> None:
    """Its login does not end, it exports another value, or it changes its file again after each heal."""

    def write(**own: str) -> None:
        machine = {"id": "go_tmpfs:mount", "state": "gone", "remedy": "run site.yml, which makes it again"}
        mine = {"id": "go_env:eve:GOTMPDIR", "account": "eve", **own}
        hosts = [{"status": "drift", "settings": [machine, mine]}]
        (bed.root / "drift.json").write_text(json.dumps({"hosts": hosts}))
        hosts[0]["settings"] = [{**machine, "state": "in_state"}, mine]
        (bed.root / "healed.json").write_text(json.dumps({"hosts": hosts}))

    bed.configure(mode="heal")
    write(state="in_state")
    bed.commit(f"cp {bed.root}/healed.json {bed.root}/drift.json")
    assert bed.run() == 0
    bed.be_old(8)
    changed = {"state": "changed", "remedy": "run site.yml, which writes the declared value"}
    for number, own in enumerate([{"state": "unknown"}, {**changed, "remedy": "remove that export"}, *[changed] * 4]):
        write(**own)
        assert bed.run() == 0 and bed.record()["heals"] == number + 1, bed.record()["reason"]
    assert bed.run() == 0 and "changed them again" in bed.record()["reason"] and bed.record()["heals"] == 6


def test_the_log_is_rotated_and_private(bed: Bed) -> None:
    bed.commit("exit 0")
    log = bed.root / "var/log/wsltune/pull.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"x" * (1 << 20))
    bed.run()
    assert log.stat().st_size < 1 << 16 and stat.S_IMODE(log.stat().st_mode) == 0o600
    assert log.with_name("pull.log.1").stat().st_size == 1 << 20


def test_what_a_playbook_prints_without_end_leaves_its_beginning_and_end_in_the_log(bed: Bed) -> None:
    """A task may print what a user's file or program says."""
    bed.commit("echo begins; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo ends; exit 3")
    assert bed.run() == FAILED
    log = bed.root / "var/log/wsltune/pull.log"
    text = log.read_text()
    assert log.stat().st_size < 1100000
    assert "begins\nxxx" in text and "xxx\nends\n" in text and " bytes are left out here]" in text
    assert "ended with exit code 3" in text.splitlines()[-1]


def test_a_program_that_a_playbook_leaves_running_is_not_waited_for(bed: Bed) -> None:
    """As the connection that ssh keeps; it has the playbook's output open."""
    bed.commit("sleep 20 & echo ends")
    began = time.monotonic()
    assert bed.run() == 0 and time.monotonic() - began < 15
    assert "ends" in (bed.root / "var/log/wsltune/pull.log").read_text()


def test_a_server_that_lists_names_without_end_takes_no_memory(bed: Bed) -> None:
    """What git prints is whole or not there at all, since a part of the list could leave out what was taken back."""
    bed.commit("exit 0")
    assert bed.run() == 0
    git = bed.root / "bin/git"
    git.parent.mkdir()
    git.write_text(
        f'#!/bin/sh\ncase "$*" in *ls-remote*) exec yes refs/heads/x ;; esac\nexec {shutil.which("git")} "$@"\n'
    )
    git.chmod(0o755)
    done = subprocess.run(
        ["prlimit", "--as=1000000000", *bed.command("run")],
        env={**os.environ, "PATH": f"{git.parent}:{os.environ['PATH']}"},
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == FAILED, done.stderr
    assert bed.record()["reason"] == "git ls-remote printed more than 64 MiB"


def test_killed_at_any_moment_the_next_run_converges(bed: Bed) -> None:
    chance = random.Random(14)
    bed.commit("exit 0")
    began = time.monotonic()
    bed.run()
    whole = time.monotonic() - began
    reached = set()
    for number in range(KILLS):
        commit = bed.commit(f"sleep 0.05 # {number}")
        with subprocess.Popen(bed.command("run"), start_new_session=True, stderr=subprocess.DEVNULL) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0.05, whole * 1.2))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        record = bed.record()
        reached.add((record["accepted"] == commit, record["applied"] == commit))
        for _try in range(50):
            code = bed.run()
            if bed.record()["applied"] == commit:
                break
            time.sleep(0.02)
        assert code == 0 and bed.record()["applied"] == bed.record()["accepted"] == commit
        assert (bed.root / "var/lib/wsltune/pull/tree/site.yml").read_text() == f"sleep 0.05 # {number}\n"
    assert KILLS < 40 or {(False, False), (True, False)} <= reached
    left = {path.name for path in (bed.root / "var/lib/wsltune/pull").iterdir()}
    assert left == {"lock", "record.json", "repository.git", "status.json", "tree"}
