# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import comparability, summaries
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import report as bench_report
from tests.unit.plugins.module_utils.benchmark.executor import Executor, faster, measured


def test_other_machines_are_not_compared():
    found = measured(Executor(faster))
    found["fingerprints"] = {
        "start": {"power": "mains", "kernel": "6.6"},
        "end": {"power": "battery", "kernel": "6.6"},
        "variants": {
            "before": {"go": "go1.26.0", "file_systems": {"source": "ext4", "gotmpdir": "ext4"}},
            "after": {"go": "go1.27.3", "file_systems": {"source": "9p", "gotmpdir": "tmpfs"}},
        },
    }
    summary = summaries.summarise(found)
    assert summary["verdict"] == "unknown"
    assert summary["warnings"] == [
        "not compared: power source: mains and battery (at the start and at the end)",
        "not compared: Go version: go1.26.0 and go1.27.3",
        "not compared: file system of source: ext4 and 9p",
    ]


def test_a_source_that_was_moved_on_purpose_is_compared():
    found = measured(Executor(faster))
    found["fingerprints"] = {
        "variants": {
            "before": {"go": "go1.27.3", "file_systems": {"source": "9p"}},
            "after": {"go": "go1.27.3", "file_systems": {"source": "ext4"}},
        }
    }
    assert summaries.summarise(found)["verdict"] == "unknown"
    found["variants"][1] = {**found["variants"][1], "directory": "/home/alice/src/shop"}
    assert summaries.summarise(found)["verdict"] == "faster"


@pytest.mark.parametrize(
    ("before", "after"), [({"unset": ["GOTOOLCHAIN"]}, {}), ({}, {"environment": {"GOTOOLCHAIN": "go1.27.3+auto"}})]
)
def test_another_go_is_compared_where_a_variant_is_about_it(before, after):
    found = measured(Executor(faster))
    found["fingerprints"] = {"variants": {"before": {"go": "go1.26.0"}, "after": {"go": "go1.27.3"}}}
    assert summaries.summarise(found)["verdict"] == "unknown"
    found["variants"] = [{**found["variants"][0], **before}, {**found["variants"][1], **after}]
    assert summaries.summarise(found)["verdict"] == "faster"


MACHINE = {
    "kernel": "6.18.35.2",
    "machine": "x86_64",
    "cpu_model": "A",
    "cpus": 8,
    "memory_bytes": 16 * 2**30,
    "power": "mains",
    "go": "go1.27.3",
    "file_systems": {"source": "ext4", "gotmpdir": "tmpfs"},
}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kernel": "6.6.87"}, "kernel: 6.18.35.2 and 6.6.87"),
        ({"cpus": 4}, "number of processors: 8 and 4"),
        ({"go": "go1.19.8"}, "Go version: go1.27.3 and go1.19.8"),
        ({"power": "battery"}, "power source: mains and battery"),
        ({"memory_bytes": 8 * 2**30}, "memory: 16384 MiB and 8192 MiB"),
        ({"file_systems": {"source": "9p", "gotmpdir": "tmpfs"}}, "file system of source: ext4 and 9p"),
    ],
)
def test_each_difference_is_a_sentence(change, sentence):
    assert comparability.compare_fingerprints(MACHINE, {**MACHINE, **change}) == [sentence]


@pytest.mark.parametrize("change", [{}, {"power": None}, {"memory_bytes": 16.1 * 2**30}, {"cpu_model": None}])
def test_what_is_unknown_or_nearly_equal_is_no_difference(change):
    assert comparability.compare_fingerprints(MACHINE, {**MACHINE, **change}) == []


def test_the_places_that_a_lever_moves_may_differ():
    moved = {**MACHINE, "file_systems": {"source": "ext4", "gotmpdir": "ext4"}}
    assert comparability.compare_fingerprints(MACHINE, moved)
    assert comparability.compare_fingerprints(MACHINE, moved, ignore=comparability.LEVER_PLACES) == []


def one_variant(wall, kernel="6.6", status="measured", count=10):
    runs = [
        {
            "round": n,
            "variant": name,
            "wall": wall + n / 1000,
            "user": 1,
            "system": 0,
            "max_rss": 1,
            "blocks_written": 0,
        }
        for n in range(1, count + 1)
        for name in ("now", "control")
    ]
    scenario = {
        "name": "test",
        "command": "go test",
        "status": status,
        "reason": "",
        "stopped": "max_runs",
        "runs": runs,
    }
    place = {"kernel": kernel}
    prints = {"start": place, "end": place, "variants": {"now": {"go": "go1.27"}}}
    return {"variants": [{"name": "now"}], "scenarios": [scenario], "fingerprints": prints, "load": 0.0}


def test_two_measurements_in_sequence_are_compared_and_said_to_be_weaker():
    summary = summaries.summarise(comparability.join_in_sequence(one_variant(1.0), one_variant(0.5)))
    assert summary["verdict"] == "faster"
    assert summary["scenarios"][0]["comparisons"]["after"]["n_after"] == 10
    assert summary["scenarios"][0]["control"]["verdict"] == "~"
    assert summaries.SEQUENTIAL in summary["warnings"]


def test_two_measurements_on_different_machines_are_not_compared():
    summary = summaries.summarise(comparability.join_in_sequence(one_variant(1.0), one_variant(0.5, kernel="6.18")))
    assert summary["verdict"] == "unknown"
    assert "not compared: kernel: 6.6 and 6.18 (before and after)" in summary["warnings"]
    assert not summary["scenarios"][0]["comparisons"]["after"]["comparable"]
    shown = "\n".join(bench_report.write_table(summary))
    assert "not compared" in shown and "%  " not in shown


def machine(wall, **values):
    one = one_variant(wall)
    for moment in ("start", "end"):
        one["fingerprints"][moment] = {"kernel": "6.6", "cpus": 4, "memory_bytes": 8 << 30, **values}
    return one


def test_what_was_changed_on_purpose_is_named_and_compared():
    both = machine(1.0), machine(0.5, cpus=8, memory_bytes=12 << 30)
    refused = summaries.summarise(comparability.join_in_sequence(*both, changed_on_purpose=["processors"]))
    assert refused["verdict"] == "unknown"
    assert refused["warnings"][:2] == [
        "not compared: memory: 8192 MiB and 12288 MiB (before and after)",
        "number of processors: 4 and 8, as intended",
    ]
    summary = summaries.summarise(comparability.join_in_sequence(*both, changed_on_purpose=["processors", "memory"]))
    assert summary["verdict"] == "faster" and summary["scenarios"][0]["comparisons"]["after"]["comparable"]
    assert summary["warnings"] == [
        "number of processors: 4 and 8, as intended",
        "memory: 8192 MiB and 12288 MiB, as intended",
        summaries.SEQUENTIAL,
    ]


def test_another_file_system_under_the_source_is_compared_where_it_is_what_was_changed():
    """As by the lever virtiofs, which no single run can try."""

    def on(wall, kind):
        one = machine(wall)
        one["fingerprints"]["variants"]["now"]["file_systems"] = {"source": kind, "gocache": "ext4"}
        return one

    both = on(1.0, "9p"), on(0.5, "virtiofs")
    refused = summaries.summarise(comparability.join_in_sequence(*both))
    assert refused["verdict"] == "unknown"
    summary = summaries.summarise(comparability.join_in_sequence(*both, changed_on_purpose=["drives"]))
    assert (summary["verdict"], summary["warnings"][0]) == (
        "faster",
        "file system of source: 9p and virtiofs, as intended",
    )


def test_a_change_on_purpose_that_is_not_in_force_is_named():
    summary = summaries.summarise(
        comparability.join_in_sequence(machine(1.0, kernel=None), machine(0.5), changed_on_purpose=["memory", "kernel"])
    )
    assert summary["warnings"] == [
        "memory meant to be changed, but the same in both measurements: is the change in force?",
        summaries.SEQUENTIAL,
    ]


def test_only_what_a_person_may_change_can_be_meant():
    with pytest.raises(ValueError, match="has disk, cpu: give names of processors, memory, kernel, drives"):
        comparability.join_in_sequence(machine(1.0), machine(0.5), changed_on_purpose=["disk", "memory", "cpu"])


def test_another_gomaxprocs_is_not_compared_in_sequence_and_may_be_tried_side_by_side():
    first, second = one_variant(1.0), one_variant(0.5)
    first["fingerprints"]["variants"]["now"]["gomaxprocs"] = "not set"
    second["fingerprints"]["variants"]["now"]["gomaxprocs"] = "1"
    both = comparability.join_in_sequence(first, second)
    assert "not compared: GOMAXPROCS: not set and 1" in summaries.summarise(both)["warnings"]
    assert summaries.summarise({**both, "evidence": "interleaved"})["verdict"] == "faster"


def test_a_busy_machine_is_told_of_measurements_in_sequence_whatever_they_say():
    first = one_variant(1.0)
    for one in (first["fingerprints"]["start"], first["fingerprints"]["end"]):
        one["cpus"] = 2
    first["load"] = 5.1
    summary = summaries.summarise(comparability.join_in_sequence(first, one_variant(0.5)))
    assert summary["verdict"] == "faster"
    assert "the machine was busy before (load 5.1 on 2 processors): repeat it when idle" in summary["warnings"]


def test_a_measurement_that_failed_is_not_compared():
    summary = summaries.summarise(comparability.join_in_sequence(one_variant(1.0), one_variant(0.5, status="failed")))
    assert summary["verdict"] == "unknown" and not summary["scenarios"][0]["comparisons"]
