# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.levers import in_force as levers_in_force
from ansible_collections.wsltune.go.plugins.module_utils.site import plan

PROJECTS = [{"source": "/mnt/c/shop"}]
OPTIONS = {
    "go_tmpfs_place": "gotmpdir",
    "go_tmpfs_size": "auto",
    "go_tmpfs_gocache": False,
    "go_env_gotmpdir": "/var/cache/gotmp/{uid}",
    "go_env_caches_local": True,
    "go_env_cgo_enabled": "keep",
    "verify_user": "alice",
}
DISK = {
    "mount_point": "/",
    "fstype": "ext4",
    "source": "/dev/sda",
    "options": [],
    "is_link": False,
    "size_bytes": None,
    "used_bytes": 0,
    "names": [],
    "count": 0,
}
TMPFS = {**DISK, "mount_point": "/tmp", "fstype": "tmpfs", "source": "tmpfs"}
START = {"is_wsl": False, "container": False, "tmp_unit": "", "systemd": True, "restart_command": None}
PERSON = {"answer": "", "local": True, "fstype": "ext4", "home": "/home/alice", "shared": False, "signs": []}
TMP_OF_GO = {
    "temporary": DISK,
    "start": START,
    "fstab": "",
    "memory": {"total_bytes": 8 << 30, "swap_total_bytes": 0},
    "sandboxes": [],
    "users": {"alice": PERSON},
}
MACHINE = {"kernel": "6.1", "cpus": 4, "memory_bytes": 8 << 30, "power": "mains"}
WORKLOAD = {"modules": [], "packages": [], "scenarios": ["test"]}
ROOT = Path(__file__).resolve().parents[5]
ROLES = ("wsl_conf", "go_tmpfs", "go_env")
PLANNED = ["workspace", "go_toolchain", *ROLES, "verify", "windows"]


GO = {"version": "go1.24.4"}


def facts(go: Any = GO, **wsl: Any) -> dict[str, Any]:
    machine = {"is_wsl": True, "interop": {"enabled": True, "reason": ""}, **wsl}
    users = {"root": {"go": None}, "alice": {"go": go, "before": {"environment": {"GOTMPDIR": "/tmp"}}}}
    go_facts = {
        "users": users,
        "decisions": [],
        "in_force": {"verdicts": {}, "machine": MACHINE},
        "observed_at": "1000000.5",
    }
    return {"go": go_facts, "wsl": machine, "go_tmpfs": TMP_OF_GO}


def wishes(**changed: Any) -> dict[str, Any]:
    return {
        "levers": {},
        "decisions": [],
        "tries": True,
        "projects": [],
        "states": dict.fromkeys(ROLES, "present"),
        "met": dict.fromkeys(ROLES, True),
        "options": OPTIONS,
        "workload": WORKLOAD,
        "takes_back": True,
        "windows": {"connection": "local", "declared": False},
        **changed,
    }


def decision(lever: str, kept: bool, tried: bool = True) -> dict[str, Any]:
    return {"lever": lever, "kept": kept, "tried": tried}


FACTS = facts()


def make(earlier: Any = None, facts: Any = FACTS, **changed: Any) -> dict[str, Any]:
    return plan.make_plan(facts, wishes(**changed), earlier)


def running(planned: dict[str, Any]) -> list[str]:
    return [name for name, step in planned["roles"].items() if step["run"]]


def test_a_machine_that_is_so_already_runs_nothing_but_what_measures() -> None:
    planned = make()
    assert list(planned["roles"]) == PLANNED
    assert running(planned) == ["verify", "windows"]
    assert not planned["prepares"] and not planned["applies"] and not planned["removes_tmpfs"]
    assert {name: step["why_not"] for name, step in planned["roles"].items()} == {
        "workspace": "workspace_projects names no project",
        "go_toolchain": "alice can run Go",
        "wsl_conf": "it is so already",
        "go_tmpfs": "it is so already",
        "go_env": "it is so already",
        "verify": "",
        "windows": "",
    }
    assert json.loads(json.dumps(planned)) == planned


def test_no_name_in_a_plan_is_a_method_because_jinja_would_take_that() -> None:
    def names(node: Any) -> list[str]:
        return [name for key, value in node.items() for name in (key, *names(value))] if isinstance(node, dict) else []

    found = names(make())
    assert "variables" in found and not [name for name in found if hasattr(dict, name)]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_runs_where_something_is_to_do(role: str) -> None:
    due = make(met={**dict.fromkeys(ROLES, True), role: False})
    restored = make(states={**dict.fromkeys(ROLES, "present"), role: "absent"})
    for planned, state in ((due, "present"), (restored, "absent")):
        assert running(planned) == [role, "verify", "windows"]
        assert planned["roles"][role]["variables"][f"{role}_state"] == state


def test_each_role_has_its_own_values() -> None:
    roles = make()["roles"]
    assert roles["verify"]["variables"] == {"verify_user": "alice"}
    assert set(roles["go_tmpfs"]["variables"]) == {
        "go_tmpfs_place",
        "go_tmpfs_size",
        "go_tmpfs_gocache",
        "go_tmpfs_state",
    }
    assert set(roles["go_env"]["variables"]) == {
        "go_env_gotmpdir",
        "go_env_caches_local",
        "go_env_cgo_enabled",
        "go_env_state",
    }


def test_go_is_installed_where_nobody_has_one_and_that_stays_planned() -> None:
    first = make(facts=facts(go=None))
    assert "go_toolchain" in running(first) and first["prepares"]
    # It is there by then, and what was installed belongs to this run.
    assert "go_toolchain" in running(make(first))
    assert make(make())["roles"]["go_toolchain"]["why_not"] == "alice can run Go"


@pytest.mark.parametrize(
    ("levers", "tries", "runs", "why_not"),
    [
        ({}, True, True, ""),
        ({"source_on_ext4": True}, True, True, ""),
        ({"source_on_ext4": False}, True, False, "the lever source_on_ext4 is off"),
        ("auto", True, False, "it is tried first"),
        ({"source_on_ext4": "auto"}, False, True, ""),
    ],
)
def test_a_project_is_copied_at_once_unless_that_is_tried(levers: Any, tries: bool, runs: bool, why_not: str) -> None:
    planned = make(levers=levers, tries=tries, projects=PROJECTS)
    step = planned["roles"]["workspace"]
    assert (step["run"], step["why_not"]) == (runs, why_not)
    assert planned["prepares"]
    assert planned["tries_source"] == (why_not == "it is tried first")


@pytest.mark.parametrize(
    ("decisions", "why_not"),
    [
        ([], ""),
        ([decision("source_on_ext4", True)], ""),
        ([decision("source_on_ext4", False, tried=False)], ""),
        ([decision("source_on_ext4", False)], "measuring speaks against it"),
    ],
)
def test_a_project_that_was_tried_stays_only_if_that_lost(decisions: list[dict[str, Any]], why_not: str) -> None:
    changed: dict[str, Any] = {"levers": {"source_on_ext4": "auto"}, "projects": PROJECTS, "decisions": decisions}
    assert make(make(**changed), **changed)["roles"]["workspace"]["why_not"] == why_not


def test_decisions_count_only_after_the_plan_that_led_to_them() -> None:
    changed: dict[str, Any] = {"levers": "auto", "decisions": [decision("gotmpdir_tmpfs", False)]}
    # Both levers for memory are on auto, so the place that the role has tells which is tried.
    first = make(**changed)
    assert first["levers"]["on"] == {} and not first["removes_tmpfs"]
    assert first["levers"]["on_auto"] == ["gotmpdir_tmpfs", "caches_local", "buildvcs_off"]
    assert make(first, **changed)["levers"]["on"] == {"gotmpdir_tmpfs": False}


@pytest.mark.parametrize("again", [False, True])
def test_where_nothing_is_tried_the_last_decisions_hold(again: bool) -> None:
    """As when an alert heals a machine: what measuring spoke for stays, and what it spoke against does not come."""
    known = {**FACTS, "go": {**FACTS["go"], "decisions": [decision("buildvcs_off", True), decision("parallel", True)]}}
    changed: dict[str, Any] = {"levers": "auto", "tries": False, "options": {**OPTIONS, **TUNED}}
    planned = make(facts=known, **changed)
    if again:
        planned = make(planned, known, **changed)
    assert planned["levers"]["on"] == {"buildvcs_off": True}, "parallel is tried by name alone"
    assert planned["roles"]["go_env"]["variables"]["go_env_buildvcs"] is False
    assert make(facts=known, **{**changed, "levers": {}})["levers"]["on"] == {}
    known["go"]["decisions"] = [decision("gotmpdir_tmpfs", False), decision("source_on_ext4", False)]
    planned = make(facts=known, **{**changed, "projects": PROJECTS})
    assert planned["roles"]["workspace"]["why_not"] == "measuring speaks against it"
    assert planned["roles"]["go_tmpfs"]["variables"]["go_tmpfs_state"] == "absent"


@pytest.mark.parametrize(
    ("met", "last", "on"),
    [
        (False, None, {"gotmpdir_tmpfs": False}),
        (False, False, {"gotmpdir_tmpfs": False}),
        (False, True, {"gotmpdir_tmpfs": True}),
        (True, None, {}),
    ],
)
def test_where_no_lever_could_be_tried_nothing_new_is_set_up(met: bool, last: Any, on: dict[str, bool]) -> None:
    """As with a module that is not there: what was measured before holds, and what is set up stays."""
    known = {**FACTS, "go": {**FACTS["go"], "decisions": [] if last is None else [decision("gotmpdir_tmpfs", last)]}}
    changed: dict[str, Any] = {"levers": "auto", "met": {**dict.fromkeys(ROLES, True), "go_tmpfs": met}}
    first = make(facts=known, **changed)
    assert first["levers"]["on"] == {}, "it is tried first"
    planned = make(first, known, **changed)
    assert planned["levers"]["on"] == on
    assert ("go_tmpfs" in running(planned)) == (bool(last) and not met)


@pytest.mark.parametrize(
    ("levers", "name", "value"),
    [
        ({"gocache_tmpfs": True}, "go_tmpfs_gocache", True),
        ({"caches_local": False}, "go_env_caches_local", False),
        ({"cgo_disabled": True}, "go_env_cgo_enabled", "false"),
        ({"cgo_disabled": False}, "go_env_cgo_enabled", "keep"),
        ({"append_windows_path": True}, "wsl_conf_interop_append_windows_path", False),
    ],
)
def test_a_lever_sets_the_variable_of_its_role_and_no_other(levers: dict[str, bool], name: str, value: Any) -> None:
    options = {**OPTIONS, "go_env_cgo_enabled": "true"}
    assert plan.follow_levers(levers, options) == {**options, name: value}
    role = next(role for role in ROLES if name.startswith(role))
    assert make(levers=levers)["roles"][role]["variables"][name] == value


TUNED = {
    "go_env_vet": True,
    "go_env_buildvcs": True,
    "go_env_parallel": "",
    "go_env_tool_gc": True,
    "go_env_gotoolchain": "",
    "go_env_cgo_linker": "",
    "go_env_gocacheprog": "",
}


@pytest.mark.parametrize(
    ("levers", "given", "changed"),
    [
        ({"vet_off": True, "tool_gc": False}, {}, {"go_env_vet": False}),
        ({"tool_gc": True}, {}, {"go_env_tool_gc": False}),
        ({"buildvcs_off": False}, {"go_env_buildvcs": False}, {"go_env_buildvcs": True}),
        ({"parallel": True}, {}, {"go_env_parallel": "auto"}),
        ({"parallel": True}, {"go_env_parallel": "3"}, {}),
        ({"parallel": False}, {"go_env_parallel": "3"}, {"go_env_parallel": ""}),
        ({"go_version": True, "cgo_linker": True}, {}, {"go_env_gotoolchain": "newest", "go_env_cgo_linker": "auto"}),
        ({"gocacheprog": True}, {}, {}),
        ({"gocacheprog": True}, {"go_env_gocacheprog": "/opt/cache"}, {}),
        ({"gocacheprog": False}, {"go_env_gocacheprog": "/opt/cache"}, {"go_env_gocacheprog": ""}),
        ({}, {"go_env_vet": False}, {}),
    ],
)
def test_a_lever_that_changes_how_go_works_sets_its_one_variable(
    levers: dict[str, bool], given: dict[str, Any], changed: dict[str, Any]
) -> None:
    options = {**OPTIONS, **TUNED, **given}
    assert plan.follow_levers(levers, options) == {**options, **changed}


@pytest.mark.parametrize(
    "levers", [{}, {"gotmpdir_tmpfs": True}, {"append_windows_path": False}, {"caches_local": "auto"}]
)
def test_a_lever_that_is_neither_on_nor_off_changes_nothing(levers: dict[str, Any]) -> None:
    assert plan.follow_levers(plan.levers_plan.merge_decisions(levers, []), OPTIONS) == OPTIONS


@pytest.mark.parametrize(
    ("levers", "gocache", "removed"),
    [
        ({"gotmpdir_tmpfs": False}, False, True),
        ({"gotmpdir_tmpfs": False}, True, False),
        ({"gotmpdir_tmpfs": False, "gocache_tmpfs": True}, False, False),
        ({"gotmpdir_tmpfs": False, "gocache_tmpfs": False}, True, True),
        ({"gocache_tmpfs": False}, True, False),
        ({}, False, False),
    ],
)
def test_the_tmpfs_goes_where_no_lever_needs_it(levers: dict[str, bool], gocache: bool, removed: bool) -> None:
    met = dict.fromkeys(ROLES, False)
    planned = make(levers=levers, options={**OPTIONS, "go_tmpfs_gocache": gocache}, met=met)
    step = planned["roles"]["go_tmpfs"]
    assert planned["removes_tmpfs"] == removed == (not step["run"])
    assert planned["applies"]
    assert step["variables"]["go_tmpfs_state"] == ("absent" if removed else "present")


@pytest.mark.parametrize("levers", [{"gotmpdir": True}, {"caches_local": "maybe"}, "yes"])
def test_levers_that_are_wrong_are_refused_and_not_followed(levers: Any) -> None:
    planned = make(levers=levers)
    assert "wsltune_levers is" in planned["levers"]["refusal"] and planned["prepares"]
    assert planned["levers"]["on"] == {} and planned["levers"]["on_auto"] == []


def test_levers_of_a_command_line_are_a_text() -> None:
    assert make(levers="{}") == make(levers={})
    assert make(levers='{"cgo_disabled": true}')["levers"]["on"] == {"cgo_disabled": True}


def placed(place: str, temporary: dict[str, Any] = DISK, **changed: Any) -> dict[str, Any]:
    found = {**FACTS, "go_tmpfs": {**TMP_OF_GO, "temporary": temporary}}
    options = {**OPTIONS, "go_tmpfs_place": place}
    return make(facts=found, options=options, met=dict.fromkeys(ROLES, False), **changed)


@pytest.mark.parametrize(
    ("levers", "place"),
    [
        ({}, "auto"),
        ("auto", "auto"),
        ({"tmp_in_memory": True}, "tmp"),
        ({"tmp_in_memory": "auto", "gotmpdir_tmpfs": False}, "tmp"),
        ({"gotmpdir_tmpfs": True}, "gotmpdir"),
        ({"gotmpdir_tmpfs": "auto"}, "gotmpdir"),
        ({"gotmpdir_tmpfs": True, "tmp_in_memory": False}, "gotmpdir"),
    ],
)
def test_a_lever_for_memory_names_the_place(levers: Any, place: str) -> None:
    assert placed("auto", levers=levers)["roles"]["go_tmpfs"]["variables"]["go_tmpfs_place"] == place


def test_two_levers_for_one_end_are_refused() -> None:
    refused = placed("auto", levers={"tmp_in_memory": True, "gotmpdir_tmpfs": True})
    assert "choose one" in refused["levers"]["refusal"]


@pytest.mark.parametrize(
    ("place", "temporary", "tried"),
    [
        ("auto", DISK, ["tmp_in_memory"]),
        ("auto", TMPFS, []),
        ("auto", {**TMPFS, "source": "wsltune"}, []),
        ("gotmpdir", DISK, ["gotmpdir_tmpfs"]),
        ("gotmpdir", TMPFS, ["gotmpdir_tmpfs"]),
    ],
)
def test_the_lever_of_the_place_is_tried(place: str, temporary: dict[str, Any], tried: list[str]) -> None:
    planned = placed(place, temporary, levers="auto")
    assert planned["levers"]["on_auto"] == [*tried, "caches_local", "buildvcs_off"]
    assert not planned["removes_tmpfs"]


def test_gotmpdir_is_set_only_where_there_is_a_folder() -> None:
    def folder(**how: Any) -> Any:
        return placed(**how)["roles"]["go_env"]["variables"]["go_env_gotmpdir"]

    assert folder(place="gotmpdir") == OPTIONS["go_env_gotmpdir"]
    assert folder(place="auto") == folder(place="auto", temporary=TMPFS) == ""
    assert folder(place="gotmpdir", levers={"gotmpdir_tmpfs": False}) == ""


def test_what_waits_for_a_start_is_measured_now() -> None:
    assert placed("auto")["after"] == {"environment": {"TMPDIR": "{tmpfs}", "GOTMPDIR": "{tmpfs}"}}
    for place, temporary in (("gotmpdir", DISK), ("auto", TMPFS), ("auto", {**TMPFS, "source": "wsltune"})):
        assert placed(place, temporary)["after"] == {}
    assert placed("auto", levers={"tmp_in_memory": False})["after"] == {}


def test_a_trial_that_was_lost_takes_tmp_out_again() -> None:
    first = placed("auto", levers="auto")
    found = {**FACTS, "go_tmpfs": TMP_OF_GO}
    options = {**OPTIONS, "go_tmpfs_place": "auto"}
    decided = make(first, facts=found, options=options, levers="auto", decisions=[decision("tmp_in_memory", False)])
    assert decided["removes_tmpfs"] and decided["after"] == {}


OURS = {**TMPFS, "source": "wsltune"}
LINE = "wsltune /tmp tmpfs size=1G,comment=wsltune 0 0\n"
NOTHING_ELSE = {"live": None, "folders": None, "path": "/var/cache/gotmp"}
DISK_VARIANT = {"environment": {"TMPDIR": "{disk}", "GOTMPDIR": "{disk}"}}


def in_force(temporary: Any = OURS, table: str = LINE, entry: Any = None, **changed: Any) -> dict[str, Any]:
    """The plan of a run that finds /tmp in memory, and a verdict that was kept of it."""
    found = facts()
    found["go"]["in_force"]["verdicts"] = {"alice": entry} if entry else {}
    found["go_tmpfs"] = {**TMP_OF_GO, **NOTHING_ELSE, "temporary": temporary, "fstab": table}
    return make(facts=found, options={**OPTIONS, "go_tmpfs_place": "auto"}, **changed)


def verdict(name: str, **changed: Any) -> dict[str, Any]:
    key = levers_in_force.make_key(MACHINE, GO, WORKLOAD)
    numbers = {"scenario": "test", "ratio": 1.2, "low": 1.1, "high": 1.3, "p": 0.01, "verdict": name}
    told = {"lever": "tmp_in_memory", "tried": True, "reason": "", **numbers}
    return {
        **key,
        "decided_at": 1000000.0,
        "disk": "/var/tmp",
        "verdict": name,
        "mixed": False,
        "settled": name != "unknown",
        "decision": told,
        **changed,
    }


def test_what_came_into_force_is_compared_with_the_disk_once() -> None:
    first = in_force()
    assert first["compared"]["before"] == DISK_VARIANT and first["compared"]["after"] == {} and not first["in_force"]
    for kept in ("faster", "~", "unknown"):
        later = in_force(entry=verdict(kept))
        assert later["compared"] == {} and later["wants_tmpfs"] and "is in force" in later["in_force"][0]
    other = verdict("faster", workload={**WORKLOAD, "scenarios": ["edit"]})
    assert in_force(entry=other)["compared"]["proof"]["remember"] == levers_in_force.make_key(MACHINE, GO, WORKLOAD)


@pytest.mark.parametrize(
    "case",
    [
        {"tries": False},
        {"temporary": DISK},
        {"temporary": TMPFS},
        {"states": {**dict.fromkeys(ROLES, "present"), "go_tmpfs": "absent"}},
        {"levers": {"tmp_in_memory": False}},
    ],
)
def test_nothing_is_compared_where_nothing_of_ours_is_in_force(case: dict[str, Any]) -> None:
    assert in_force(**case)["compared"] == {}


def test_what_was_slower_is_taken_out_and_stays_out() -> None:
    slower = verdict("slower")
    # Killed after measuring: the line is still there.
    killed = in_force(entry=slower)
    assert killed["removes_tmpfs"] and killed["roles"]["go_tmpfs"]["variables"]["go_tmpfs_state"] == "absent"
    for temporary, waits in ((OURS, 1), (DISK, 0)):
        for levers in ({}, "auto"):
            later = in_force(temporary, "", slower, levers=levers)
            assert not later["wants_tmpfs"] and not later["removes_tmpfs"] and "go_tmpfs" not in running(later)
            assert "tmp_in_memory" not in later["levers"]["on_auto"] and later["compared"] == later["after"] == {}
            assert "was taken back" in later["in_force"][0] and len(later["pending"]) == waits


def test_what_was_slower_stays_where_that_is_only_to_be_said() -> None:
    planned = in_force(entry=verdict("slower"), takes_back=False)
    assert planned["wants_tmpfs"] and planned["compared"] == {} and "slower" in planned["in_force"][0]


def test_a_verdict_against_tmp_does_not_count_on_another_machine() -> None:
    other = levers_in_force.make_key({**MACHINE, "kernel": "6.2"}, GO, WORKLOAD)
    assert in_force(DISK, "", verdict("slower", **other))["wants_tmpfs"]


def test_what_this_run_changed_is_compared_first() -> None:
    planned, go = in_force(), go_of({"GOTMPDIR": "/var/tmp"})
    assert plan.choose_compared(planned, go, "alice", []) == planned["compared"]
    usual = plan.choose_compared(planned, go, "alice", ["set GOFLAGS"])
    assert (usual["before"], usual["after"], usual["proof"]) == (go["users"]["alice"]["before"], {}, {})


def go_of(before: dict[str, str], cgo_enabled: str = "keep", **settings: str) -> dict[str, Any]:
    """Return the facts of Go where it has GOTMPDIR=/tmp and these settings today, and had C(before)."""
    user = {
        "before": {"environment": before, "unset": []},
        "places": {"GOTMPDIR": {"path": "/tmp"}},
        "settings": {name: {"value": value} for name, value in settings.items()},
    }
    return {"users": {"alice": user}, "applied": {"options": {"cgo_enabled": cgo_enabled}}}


@pytest.mark.parametrize(
    ("go", "is_same"),
    [
        (go_of({"GOTMPDIR": "/tmp"}), True),
        (go_of({"GOTMPDIR": "/tmp", "CGO_ENABLED": "1"}, CGO_ENABLED="1"), True),
        (go_of({"GOTMPDIR": "/var/tmp"}), False),
        (go_of({"GOTMPDIR": "/tmp"}, GOFLAGS="-buildvcs=false"), False),
        # A program in the place of Go's turns cgo off.
        (go_of({"GOTMPDIR": "/tmp"}, cgo_enabled="auto"), False),
        ({**go_of({"GOTMPDIR": "/tmp"}), "applied": None}, False),
    ],
)
def test_go_that_has_what_it_always_had_is_not_compared(go: dict[str, Any], is_same: bool) -> None:
    compared = plan.choose_compared(make(), go, "alice", [])
    assert compared["after"] == {} and (compared["before"] == {}) == is_same


def test_an_account_of_which_nothing_is_known_is_not_compared() -> None:
    assert plan.choose_compared(make(), go_of({"GOTMPDIR": "/tmp"}), "bob", [])["before"] == {}


def test_what_is_left_out_says_why() -> None:
    away = make(facts=facts(is_wsl=False))
    assert away["roles"]["wsl_conf"]["why_not"] == "this is not WSL, or it is so already"
    assert not away["roles"]["windows"]["run"] and "this is not WSL" in away["roles"]["windows"]["why_not"]
    assert make(windows={"connection": "ssh", "declared": True})["roles"]["windows"]["run"]


def test_results_of_an_earlier_play_are_not_those_of_this_run() -> None:
    results = {name: {"changes": [name]} for name in ("go_toolchain", *ROLES, "workspace")}
    assert {name for name, result in plan.select_results(results, make()).items() if result} == set()
    due = make(met={**dict.fromkeys(ROLES, True), "go_env": False})
    assert {name for name, result in plan.select_results(results, due).items() if result} == {"go_env"}
    # The plan runs it at the end, to take it away.
    removed = make(levers={"gotmpdir_tmpfs": False})
    assert {name for name, result in plan.select_results(results, removed).items() if result} == {"go_tmpfs"}


@pytest.mark.parametrize(
    ("groups", "distros", "windows"),
    [
        (["all"], "team", "team:!all"),
        (["all", "windows"], "team:!windows", "team:&windows"),
        (["all", "windows", "wsltune_windows_added"], "team:!windows", "team:wsltune_windows_added:&windows"),
    ],
)
def test_a_play_has_the_hosts_of_its_side(groups: list[str], distros: str, windows: str) -> None:
    hosts: dict[str, list[str]] = {group: [] for group in groups}
    assert (plan.select_distros("team", hosts), plan.select_windows_hosts("team", hosts)) == (distros, windows)


def test_only_hosts_whose_projects_were_left_out_end_with_an_error() -> None:
    assert plan.select_left_out("team", {"all": []}) == "team:!all"
    assert plan.select_left_out("team", {"all": [], "wsltune_left_out": ["laptop"]}) == "team:&wsltune_left_out"
    part = (ROOT / "playbooks/parts/projects.yml").read_text(encoding="utf-8")
    assert f"key: {plan.LEFT_OUT}\n" in part


@pytest.mark.parametrize(
    ("invokers", "measured"),
    [
        (["", "", ""], "aaron"),
        (["zoe", "aaron"], "zoe"),
        (["bob", "zoe"], "zoe"),
        (["mallory", "root"], "aaron"),
    ],
)
def test_who_asked_is_measured_before_whose_name_sorts_first(invokers: list[str], measured: str) -> None:
    users = {"root": {"go": "go"}, "zoe": {"go": "go"}, "bob": {"go": None}, "aaron": {"go": "go"}}
    assert plan.choose_measured(users, invokers) == measured


def test_root_is_measured_where_nobody_else_has_a_go() -> None:
    assert plan.choose_measured({"root": {"go": "go"}, "alice": {"go": None}}, ["alice"]) == "root"
    assert plan.choose_measured({"alice": {"go": None}}, ["alice"]) == "root"


def test_the_decided_plan_is_made_once() -> None:
    """A variable of a task would make it anew for every value that is taken from it."""
    tasks = yaml.safe_load((Path(__file__).parents[5] / "playbooks/parts/levers.yml").read_text("utf-8"))
    making = [task for task in tasks if "wsltune.go.site_plan" in json.dumps(task)]
    assert [list(task["ansible.builtin.set_fact"]) for task in making] == [["_site_decided"]]
    assert not any("vars" in task and "_site_decided" in task["vars"] for task in tasks)


@pytest.mark.parametrize("projects", [[], PROJECTS])
@pytest.mark.parametrize("levers", [{}, {"source_on_ext4": False}, {"source_on_ext4": "auto"}])
def test_copied_projects_are_unbound_where_that_is_asked_for(projects: list[Any], levers: dict[str, Any]) -> None:
    """Drift names workspace_state for a project that is not listed any more, so that a run has to follow it."""
    states = {**dict.fromkeys(ROLES, "present"), "workspace": "absent"}
    planned = plan.make_plan(facts(), wishes(projects=projects, levers=levers, states=states))
    assert planned["roles"]["workspace"]["run"] and planned["applies"]
    assert not planned["tries_source"] and "source_on_ext4" not in planned["levers"]["on_auto"]
