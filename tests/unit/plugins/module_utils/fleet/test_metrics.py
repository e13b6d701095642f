# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import summaries
from ansible_collections.wsltune.go.plugins.module_utils.fleet import metrics

ROOT = Path(__file__).resolve().parents[5]
MONITORING = ROOT / "monitoring"
NAME = re.compile(r"\bwsltune_[a-z0-9_]+")
AT = 1_790_000_000.25


def variant(*times: float) -> dict[str, Any]:
    return {"runs": len(times), "median": sorted(times)[len(times) // 2], "times": list(times)}


VALUES: dict[str, Any] = {
    "info": {
        "version": "1.0.0",
        "go_version": "go1.27.3",
        "distro": 'My "box" \\ one\ntwo',
        "wsl_version": 2,
        "kernel": None,
    },
    "at": AT,
    "success": True,
    "taken_back": True,
    "pending": 2,
    "levers": {"cgo_disabled": False, "caches_local": True},
    "benchmark": {
        "scenarios": [
            {
                "name": "test",
                "variants": {"before": variant(4.0, 4.2, 4.1), "after": variant(2.0, 2.2, 2.1)},
                "comparisons": {"after": {"ratio": 0.5, "low": 0.4, "high": None, "comparable": True}},
            }
        ]
    },
    "tmpfs": {"size": 1 << 30, "used": 4096},
    "doctor": {"critical": 1, "ok": 20},
    "gocache": 1 << 30,
    "settings": [
        {"id": "go_env:alice:GOTMPDIR", "state": "in_state", "declared": "/var/cache/gotmp/1000"},
        {"id": "go_env:bob:GOTMPDIR", "state": "changed", "declared": "/var/cache/gotmp/1001"},
        {"id": "wsl_conf:boot.systemd", "state": "pending_restart", "declared": "true"},
        {"id": "workspace:bind:/mnt/c/shop", "state": "in_state", "declared": None},
    ],
    "defender": {
        "exclusions": {"path": ["C:\\src"]},
        "entries": [{"value": "C:\\src", "valid_until": "2027-06-30"}, {"value": "go.exe", "valid_until": ""}],
        "managed": [],
        "refused": [{"kind": "path", "value": "C:\\", "sentence": "too much"}],
    },
}
RECORD = {"last_run": AT, "last_success": AT - 60, "failures": 1, "heals": 4, "drift": {"changed": 3}}


def value(samples: list[metrics.Sample], name: str, *labels: str) -> float:
    (found,) = [one.value for one in samples if one.name == name and one.labels == labels]
    return found


def everything() -> list[metrics.Sample]:
    measured: dict[str, Any] = json.loads(json.dumps(VALUES))
    measured["benchmark"]["scenarios"][0]["comparisons"]["after"]["high"] = 0.8
    return metrics.describe(measured) + metrics.describe_pull("ok", RECORD)


def test_a_file_has_each_metric_once_with_its_help_and_no_time_beside_a_value() -> None:
    text = metrics.render(everything())
    names = []
    for line in text.splitlines():
        if line.startswith("#"):
            names.append(line.split()[2])
        else:
            # The format 0.0.4: a name, labels whose values have no bare quote, and one number, which ends the line.
            assert re.fullmatch(r'wsltune_\w+(\{\w+="([^"\\]|\\.)*"(,\w+="([^"\\]|\\.)*")*\})? -?[0-9.e+]+', line), line
    assert names == [name for name in metrics.METRICS for _twice in range(2)]
    assert text.endswith("\n")


def test_what_is_written_is_read_back() -> None:
    samples = everything()
    order = list(metrics.METRICS)
    assert sorted(metrics.parse(metrics.render(samples)), key=lambda one: order.index(one.name)) == sorted(
        samples, key=lambda one: order.index(one.name)
    )


def test_no_series_is_in_two_files_because_that_fails_a_whole_scrape() -> None:
    ours = {one.name for one in metrics.describe(VALUES)}
    assert ours and not ours & {one.name for one in metrics.describe_pull("ok", RECORD)}


def test_nothing_names_a_person() -> None:
    labels = {label for metric in metrics.METRICS.values() for label in metric.labels}
    assert not labels & {"user", "path", "project", "module", "package", "home", "host"}


def test_a_speedup_is_before_divided_by_after_with_its_ends_in_order() -> None:
    samples = everything()
    assert value(samples, "wsltune_speedup_ratio", "test") == 2.0
    assert value(samples, "wsltune_speedup_ratio_lower", "test") == 1.25
    assert value(samples, "wsltune_speedup_ratio_upper", "test") == 2.5
    assert value(samples, "wsltune_go_test_p90_seconds", "test", "before") == 4.2


def test_an_interval_without_an_end_has_no_metric_for_it() -> None:
    names = {one.name for one in metrics.describe(VALUES)}
    assert "wsltune_speedup_ratio_upper" in names and "wsltune_speedup_ratio_lower" not in names


def test_a_setting_has_one_state_the_worst_of_all_accounts_and_no_name_of_theirs() -> None:
    samples = metrics.describe({"settings": VALUES["settings"]})
    on = {one.labels for one in samples if one.value}
    assert on == {("go_env:GOTMPDIR", "drift"), ("wsl_conf:boot.systemd", "pending_restart"), ("workspace:bind", "off")}
    assert len(samples) == 3 * len(metrics.SETTING_STATES), "every state, also those that are not"


@pytest.mark.parametrize(
    ("identity", "name"),
    {
        "go_env:alice:GOFLAGS": "go_env:GOFLAGS",
        "go_env:block:bash.bashrc": "go_env:block:bash.bashrc",
        "go_env:command:/home/alice/go/bin/go": "go_env:command",
        "go_env:profile": "go_env:profile",
        "go_tmpfs:folder:alice": "go_tmpfs:folder",
        "go_tmpfs:fstab:/var/cache/gotmp": "go_tmpfs:fstab",
        "wsl_conf:automount.options": "wsl_conf:automount.options",
        "wsl_conf:launcher:clip.exe": "wsl_conf:launcher",
        "journal:0": "journal",
    }.items(),
)
def test_a_label_names_a_setting_and_nobody(identity: str, name: str) -> None:
    assert metrics.name_setting(identity) == name


def test_every_state_of_drift_comes_to_one_of_a_setting() -> None:
    known = [state for states in metrics.SETTING_STATES.values() for state in states]
    assert sorted(known) == sorted(metrics.DRIFT_STATES)


def test_exclusions_are_counted_and_the_first_last_day_ends_at_midnight() -> None:
    samples = metrics.describe({"defender": VALUES["defender"]})
    counts = [value(samples, "wsltune_defender_exclusions", status) for status in metrics.EXCLUSIONS]
    assert counts == [2, 0, 1]
    assert value(samples, "wsltune_defender_next_expiry_timestamp_seconds") == 1_814_400_000
    assert metrics.describe({"defender": {"exclusions": None, "entries": []}}) == [], "unknown is no number"


def test_the_p90_of_many_runs_is_not_the_maximum() -> None:
    assert metrics.p90([float(number) for number in range(1, 21)]) == 18.0


def test_a_summary_of_the_benchmark_is_understood() -> None:
    runs = [
        {
            **dict.fromkeys(("user", "system", "max_rss", "blocks_written"), 1.0),
            "variant": name,
            "wall": wall + number / 1000,
            "exit_code": 0,
            "round": number + 1,
        }
        for number in range(8)
        for name, wall in (("before", 2.0), ("after", 1.0))
    ]
    summary = summaries.summarise(
        {
            "variants": [{"name": "before"}, {"name": "after"}],
            "scenarios": [{"name": "test", "command": "go test", "status": "measured", "reason": "", "runs": runs}],
            "fingerprints": {},
            "seed": "1",
            "elapsed": 1.0,
            "load": 0.0,
        }
    )
    samples = metrics.describe({"benchmark": summary})
    assert value(samples, "wsltune_speedup_ratio", "test") == pytest.approx(2.0, rel=0.01)
    assert value(samples, "wsltune_benchmark_runs", "test", "after") == 8


def test_a_run_is_described_by_its_facts() -> None:
    facts = {
        "go": {"users": {"alice": {"go": {"version": "go1.27.3"}}, "bob": {"go": None}}, "observed_at": f"{AT:.6f}"},
        "wsl": {"distro": "Ubuntu", "version": 2, "kernel": "6.6", "conf": {"pending_sentences": ["a", "b"]}},
    }
    slower = {"verdict": "slower", "on_slower": "fail", "taken_back": False, "summary": None, "left_out": ""}
    samples = metrics.describe(metrics.collect(facts, "alice", {"caches_local": True}, slower, "1.0.0"))
    assert value(samples, "wsltune_info", "1.0.0", "go1.27.3", "Ubuntu", "2", "6.6") == 1
    assert value(samples, "wsltune_pending_restarts") == 2
    assert value(samples, "wsltune_lever_on", "caches_local") == 1
    assert value(samples, "wsltune_last_run_success") == 0
    assert not [one for one in samples if one.name == "wsltune_last_success_timestamp_seconds"]
    taken_back = metrics.collect(facts, "bob", {}, {**slower, "on_slower": "rollback", "taken_back": True}, "1.0.0")
    assert value(metrics.describe(taken_back), "wsltune_rollbacks_total") == 1
    assert value(metrics.describe(taken_back), "wsltune_last_run_success") == 1
    left_out = metrics.collect(facts, "bob", {}, {**slower, "on_slower": "warn", "left_out": "it is full"}, "1.0.0")
    assert value(metrics.describe(left_out), "wsltune_last_run_success") == 0


def test_the_last_measurement_and_the_last_success_stay_and_counters_add_up() -> None:
    earlier = metrics.describe(VALUES)
    failed = {"at": AT + 9, "success": False, "taken_back": True}
    merged = metrics.parse(metrics.render(metrics.merge(earlier, failed)))
    assert value(merged, "wsltune_last_success_timestamp_seconds") == AT
    assert value(merged, "wsltune_last_run_timestamp_seconds") == AT + 9
    assert value(merged, "wsltune_last_run_success") == 0
    assert value(merged, "wsltune_rollbacks_total") == 2
    assert value(merged, "wsltune_go_test_median_seconds", "test", "after") == 2.1


def test_a_metric_that_is_known_anew_loses_its_old_series() -> None:
    merged = metrics.merge(metrics.describe(VALUES), {"levers": {"caches_local": False}})
    assert [one.labels for one in merged if one.name == "wsltune_lever_on"] == [("caches_local",)]


SEEN_DEFENDER = {"exclusions": {"path": []}, "entries": [], "managed": [], "refused": []}
ONE_SIDED = {"name": "test", "variants": {"after": variant(2.0)}, "comparisons": {}}


@pytest.mark.parametrize(
    ("values", "gone"),
    {
        "no tmpfs": ({"tmpfs": {}}, {"wsltune_gotmpdir_size_bytes", "wsltune_gotmpdir_used_bytes"}),
        "no lever": ({"levers": {}}, {"wsltune_lever_on"}),
        "no setting": ({"settings": []}, {"wsltune_setting_state"}),
        "no exclusion that ends": ({"defender": SEEN_DEFENDER}, {"wsltune_defender_next_expiry_timestamp_seconds"}),
        "nothing to compare with": (
            {"benchmark": {"scenarios": [ONE_SIDED]}},
            {f"wsltune_speedup_ratio{end}" for end in ("", "_lower", "_upper")},
        ),
        "exclusions that were not read": ({"defender": {"exclusions": None, "entries": []}}, set()),
        "nothing measured": ({"benchmark": {"scenarios": []}}, set()),
        "nothing looked at": ({"at": AT, "tmpfs": None, "settings": None, "defender": None}, set()),
    }.values(),
)
def test_what_is_gone_loses_its_metrics_and_what_was_not_looked_at_keeps_them(
    values: dict[str, Any], gone: set[str]
) -> None:
    earlier = [one for one in everything() if not one.name.startswith("wsltune_pull_")]
    merged = metrics.merge(earlier, values)
    assert {one.name for one in earlier} - {one.name for one in merged} == gone


def test_every_metric_of_a_part_is_replaced_by_it() -> None:
    for part, names in metrics.PARTS.items():
        made = metrics.describe({part: json.loads(json.dumps(VALUES[part]))})
        assert {one.name for one in made} <= set(names), part
    of_runs = {one.name for one in metrics.describe({"at": AT})} | {
        one.name for one in metrics.describe_pull("ok", RECORD)
    }
    assert {name for names in metrics.PARTS.values() for name in names} == set(metrics.METRICS) - of_runs


@pytest.mark.parametrize("cut", [0, 1, 37, 200, 900])
def test_a_half_written_file_is_no_obstacle(cut: int) -> None:
    text = metrics.render(everything())
    known = metrics.parse(text)
    assert all(one in known or one.name == known[-1].name for one in metrics.parse(text[:cut] + "\x00{"))


def test_an_instance_is_a_label_of_every_value() -> None:
    lines = [line for line in metrics.render(everything(), "anna-ubuntu").splitlines() if line[0] != "#"]
    assert lines and all(re.match(r'wsltune_\w+\{instance="anna-ubuntu"[,}]', line) for line in lines)


def expressions_of_rules() -> dict[str, str]:
    groups = yaml.safe_load((MONITORING / "rules.yml").read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def expressions_of_panels() -> list[str]:
    board = json.loads((MONITORING / "dashboard.json").read_text())
    return [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]


def test_every_metric_in_rules_and_panels_is_emitted_and_the_other_way_round() -> None:
    emitted = {one.name for one in everything()}
    used = set(NAME.findall(" ".join([*expressions_of_rules().values(), *expressions_of_panels()])))
    assert used - emitted == set()
    assert emitted - used == set()
    assert emitted == set(metrics.METRICS)


def test_every_alert_has_a_summary_a_severity_and_a_page_that_exists() -> None:
    groups = yaml.safe_load((MONITORING / "rules.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) >= 6
    for rule in rules:
        assert rule["alert"].startswith("Wsltune")
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert {"summary", "description", "runbook_url"} <= set(rule["annotations"])
        assert "{{" not in rule["annotations"]["summary"]
        page, _, heading = rule["annotations"]["runbook_url"].partition("/blob/main/")[2].partition("#")
        text = (ROOT / page).read_text()
        anchors = {re.sub(r"[^a-z0-9 -]", "", line.lower()).strip().replace(" ", "-") for line in text.splitlines()}
        assert not heading or heading in anchors, rule["alert"]


def test_every_alert_has_a_test_for_promtool() -> None:
    cases = yaml.safe_load((MONITORING / "rules_test.yml").read_text())["tests"]
    tested = {case["alertname"] for test in cases for case in test["alert_rule_test"] if case["exp_alerts"]}
    silent = {case["alertname"] for test in cases for case in test["alert_rule_test"] if not case["exp_alerts"]}
    assert tested == silent == set(expressions_of_rules())
