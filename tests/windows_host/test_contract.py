# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The contract suite on the simulated host: what it shows is what is expected, and what real machines have shown."""

from __future__ import annotations

import json

import pytest

from tests.contract import assumptions
from tests.windows_host.driver import ROOT


@pytest.mark.parametrize("elevated", [True, False])
def test_the_simulated_host_keeps_the_contract(windows_host, elevated):
    windows_host.register_distro()
    # Windows' own modules are signed and load under any policy.
    windows_host.set_execution_policy("Bypass")
    before = windows_host.run("find", "/home", "/root", "/mnt/c/Users", "-newer", "/proc/1", "-type", "f").stdout
    try:
        done = windows_host.run("./test.sh", "contract", "/run/contract.json", elevated=elevated, check=False)
        record = json.loads(windows_host.run("cat", "/run/contract.json").stdout)
    finally:
        windows_host.set_execution_policy("Undefined")
    print(done.stdout, done.stderr)
    observed = record["observed"]
    outcomes = {name: assumptions.judge_simulated(name, observed[name]) for name in assumptions.ASSUMPTIONS}
    assert set(outcomes.values()) == {"holds"}, record["reasons"]
    assert assumptions.check(record) == []
    assert observed["token"]["level"] == ("High" if elevated else "Medium")
    # The exit code says that something differs from the real thing, for the reasons that are written down.
    unlike = sum(1 for assumption in assumptions.ASSUMPTIONS.values() if assumption.because)
    assert done.returncode == 1 and done.stdout.count("differs   ") == unlike
    for path in sorted((ROOT / "tests/contract/contributed").glob("*.json")):
        assert assumptions.find_differences(json.loads(path.read_text(encoding="utf-8")), record) == [], path
    after = windows_host.run("find", "/home", "/root", "/mnt/c/Users", "-newer", "/proc/1", "-type", "f").stdout
    assert after == before
