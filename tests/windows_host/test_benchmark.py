# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""benchmark.yml around changes on the Windows side, with this machine's Go; simulated: Defender.

No number is expected of it: the simulated Windows scans nothing, and what else runs here may be anything.
"""

from __future__ import annotations

import json
import re

import pytest

REPORTS = "/tmp/measured-twice"
MODULE = "/home/alice/tiny"
TINY = r"""printf 'module tiny\n' >go.mod && printf 'package tiny\n' >tiny.go &&
printf 'package tiny\n\nimport "testing"\n\nfunc TestNothing(t *testing.T) {}\n' >tiny_test.go"""
PROFILE = "/home/alice/.profile"
SETTINGS = {
    "wsltune_user": "alice",
    "verify_scenarios": ["edit"],
    "verify_modules": [MODULE],
    # Enough for six rounds on a machine that does other things too.
    "verify_budget_minutes": 0.6,
    "verify_report_dir": REPORTS,
}
WEAKER = "measured one after the other, which is weaker evidence than interleaved runs"
ROW = r"^edit .*"


@pytest.fixture
def measure(windows_host):
    def once(*under: str, options: tuple[str, ...] = ()) -> tuple[str, str]:
        """What it says, in one line, and its row of the table."""
        words = ["ansible-playbook", "-i", "inventory/local.yml", "playbooks/benchmark.yml", "-e", json.dumps(SETTINGS)]
        said = windows_host.run(*under, *words, *options).stdout
        print(said)
        row = re.search(ROW, said, re.MULTILINE)
        return re.sub(r"\s+", " ", said), row[0] if row else ""

    windows_host.run("sh", "-c", f"mkdir {MODULE} && cd {MODULE} && {TINY} && chown -R alice: .")
    windows_host.run("sh", "-c", f"! [ -e {PROFILE} ] || cp {PROFILE} {PROFILE}.kept")
    yield once
    windows_host.run("rm", "-rf", REPORTS, MODULE, PROFILE)
    windows_host.run("sh", "-c", f"! [ -e {PROFILE}.kept ] || mv {PROFILE}.kept {PROFILE}")
    windows_host.ansible("wsltune.go.win_wslconfig", {"state": "absent"})
    windows_host.ansible("wsltune.go.win_defender_exclusion", {"state": "absent"})


def test_before_and_after_a_change_on_windows(windows_host, measure):
    said, row = measure()
    assert f"Measured and kept in {REPORTS}/measurement.json" in said and not row

    entries = [{"path": "C:\\src\\shop"}]
    wanted = {"entries": entries, "owner": "alice", "reason": "Go"}
    assert windows_host.ansible("wsltune.go.win_defender_exclusion", wanted)["changed"]
    assert windows_host.ansible("wsltune.go.win_wslconfig", {"wsl2": {"swap": "1GB"}})["changed"]
    said, row = measure()
    assert WEAKER in said and "Changed: what you changed between the two measurements" in said
    assert "not compared" not in said and re.search(r"^edit +[\d.]+ m?s +[\d.]+ m?s +[-+][\d.]+ %", row)

    # As after processors=1 in .wslconfig, and with a kernel that was meant to be new and is not.
    cpus = windows_host.run("nproc").stdout.strip()
    said, row = measure("taskset", "-c", "0", options=("-e", "verify_changed_on_purpose=processors,kernel"))
    assert f"number of processors: {cpus} and 1, as intended" in said and WEAKER in said
    assert "kernel meant to be changed, but the same in both measurements" in said
    assert "not compared" not in said and re.search(r"^edit +[\d.]+ m?s +[\d.]+ m?s +[-+][\d.]+ %", row)

    # As after an update of WSL's kernel (this one has a name of old for programs that ask for it), with all processors
    # again, and with a setting that somebody made meanwhile.
    windows_host.run("sh", "-c", f"echo 'export GOMAXPROCS=1' >>{PROFILE}")
    said, row = measure("setarch", "--uname-2.6")
    assert re.search(r"not compared: kernel: \S+ and 2\.6\.\S+ \(before and after\)", said)
    assert f"not compared: number of processors: 1 and {cpus} (before and after)" in said
    assert "not compared: GOMAXPROCS: not set and 1" in said
    assert row.endswith("not compared") and "%" not in row and WEAKER in said


def test_what_cannot_be_meant_is_refused_before_measuring(windows_host):
    words = ["ansible-playbook", "-i", "inventory/local.yml", "playbooks/benchmark.yml"]
    said = windows_host.run(*words, "-e", "verify_changed_on_purpose=cpu", check=False)
    assert said.returncode == 2 and "verify_changed_on_purpose must be one or more of: processors" in said.stdout
