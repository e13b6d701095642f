# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.levers import in_force

MACHINE = {"kernel": "6.6", "cpus": 2, "memory_bytes": 8 << 30, "power": "mains"}
WORKLOAD = {"modules": ["/home/ada/app"], "packages": [], "scenarios": ["test"]}
KEY = in_force.make_key(MACHINE, {"version": "go1.27"}, WORKLOAD)
NOON = 1795867200.0  # 2026-11-28


def experiment(ratio: float, failed: bool = False) -> dict[str, Any]:
    runs = [
        {"round": number, "variant": name, "wall": wall + number * 0.001, "user": 1, "system": 0, "max_rss": 1}
        | {"blocks_written": 0, "exit_code": 0}
        for number in range(1, 11)
        for name, wall in (("before", 1.0), ("after", ratio), ("control", 1.0))
    ]
    scenario = {"name": "test", "status": "measured", "reason": "", "alpha": 0.05, "runs": runs}
    if failed:
        scenario = {"name": "test", "status": "failed", "reason": "TestOdd failed", "runs": []}
    places = {"before": "ext4", "after": "tmpfs"}
    return {
        "variants": [
            {"name": "before", "environment": {"TMPDIR": "/var/tmp/wsltune-bench-7-disk"}},
            {"name": "after", "environment": {}},
        ],
        "scenarios": [scenario],
        "fingerprints": {"variants": {name: {"file_systems": {"tmpdir": kind}} for name, kind in places.items()}},
    }


def kept(ratio: float = 0.9, failed: bool = False) -> dict[str, Any]:
    return in_force.describe(KEY, experiment(ratio, failed), NOON)


@pytest.mark.parametrize(
    ("ratio", "verdict", "says"),
    [
        (0.9, "faster", "is in force; compared with /var/tmp (ext4) on 2026-11-28, faster: test -9.9 % ["),
        (1.0, "~", "is in force; compared with /var/tmp (ext4) on 2026-11-28, no clear difference: test 0.0 % ["),
        (1.2, "slower", "is in force; compared with /var/tmp (ext4) on 2026-11-28, slower: test +19.9 % ["),
    ],
)
def test_a_verdict_is_kept_with_its_numbers(ratio: float, verdict: str, says: str) -> None:
    entry = kept(ratio)
    assert (entry["verdict"], in_force.is_slower(entry)) == (verdict, verdict == "slower")
    assert in_force.sentence(entry, taken_back=False).startswith(f"tmp_in_memory {says}")


def test_what_was_taken_back_says_when_and_by_how_much() -> None:
    said = in_force.sentence(kept(1.2), taken_back=True)
    assert said.startswith("tmp_in_memory was taken back: compared with /var/tmp (ext4) on 2026-11-28, test +19.9 % [")
    assert said.endswith("; it stays off here")


def test_a_verdict_holds_until_something_that_it_depends_on_changes() -> None:
    entry = kept()
    assert in_force.find(entry, KEY, NOON + 400 * 86400) == entry
    on_battery = in_force.make_key({**MACHINE, "power": "battery"}, {"version": "go1.27"}, WORKLOAD)
    assert in_force.find(entry, on_battery, NOON) == entry
    for key in (
        in_force.make_key({**MACHINE, "kernel": "6.7"}, {"version": "go1.27"}, WORKLOAD),
        in_force.make_key(MACHINE, {"version": "go1.28"}, WORKLOAD),
        in_force.make_key(MACHINE, {"version": "go1.27"}, {**WORKLOAD, "scenarios": ["edit"]}),
    ):
        assert in_force.find(entry, key, NOON) == {}
    assert in_force.find(None, KEY, NOON) == {}


def test_what_could_not_be_told_is_asked_again_after_a_day() -> None:
    entry = kept(failed=True)
    assert entry["verdict"] == "unknown" and not in_force.is_slower(entry)
    assert in_force.find(entry, KEY, NOON + 3600) == entry
    assert in_force.find(entry, KEY, NOON + 2 * 86400) == {}
    said = in_force.sentence(entry, taken_back=False)
    assert said.endswith("not told yet: not measured: TestOdd failed; it is asked again after a day")


def test_runs_that_vary_too_much_tell_nothing_for_long() -> None:
    loud = experiment(1.0)
    for run in loud["scenarios"][0]["runs"]:
        run["wall"] *= 1 + (run["round"] * 7 + len(run["variant"])) % 10 / 5
    entry = in_force.describe(KEY, loud, NOON)
    assert entry["verdict"] == "~" and "it is asked again after a day" in in_force.sentence(entry, taken_back=False)
    assert in_force.find(entry, KEY, NOON + 2 * 86400) == {} and in_force.find(entry, KEY, NOON) == entry


@pytest.mark.parametrize(
    "entry", [{"verdict": "faster"}, {"workload": WORKLOAD}, {"verdict": "~", "workload": WORKLOAD}]
)
def test_a_record_that_cannot_be_understood_is_measured_again(entry: dict[str, Any]) -> None:
    assert in_force.find(entry, KEY, NOON) == {}


def test_only_what_slash_tmp_moves_is_compared() -> None:
    assert in_force.disk_variant({}) == {"environment": {"TMPDIR": "{disk}", "GOTMPDIR": "{disk}"}}
    assert in_force.disk_variant({"GOTMPDIR": "/home/ada/tmp"}) == {"environment": {"TMPDIR": "{disk}"}}
    assert in_force.disk_variant({"GOTMPDIR": "/home/ada/tmp", "TMPDIR": "/home/ada/tmp"}) == {}


def test_a_verdict_holds_for_the_commands_and_benchmarks_that_were_measured() -> None:
    def of(**more: Any) -> Any:
        return in_force.make_key(MACHINE, {"version": "go1.27"}, {**WORKLOAD, **more})["workload"]

    assert of(commands=[], benchmarks=".") == WORKLOAD
    assert of(commands=["./slow.sh"])["commands"] == ["./slow.sh"]
    assert of(scenarios=["bench"], benchmarks="Parse")["benchmarks"] == "Parse"
