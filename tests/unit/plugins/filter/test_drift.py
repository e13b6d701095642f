# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What counts as declared is what a run of site.yml would keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.plugins.filter import core as ansible
from jinja2.nativetypes import NativeEnvironment

from ansible_collections.wsltune.go.plugins.filter import drift, is_met
from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue

ROOT = Path(__file__).parents[4]
MEMORY = {"total_bytes": 16 << 30, "available_bytes": 8 << 30, "swap_total_bytes": 4 << 30}


def facts(**decided: bool) -> dict[str, Any]:
    person = {"uid": 1, "gid": 1, "folder": None, "home": "/h", "fstype": "ext4", "shared": "", "signs": []}
    decisions = [{"lever": name, "tried": True, "kept": kept} for name, kept in decided.items()]
    temporary = {"mount_point": "/", "fstype": "ext4", "source": "/dev/sda", "options": [], "is_link": False}
    return {
        "wsl": {"is_wsl": False, "interop": {"enabled": False, "reason": "this is not WSL"}},
        "go": {
            "users": {"alice": {"go": {"path": "/usr/bin/go", "version": "go1.26"}}},
            "decisions": decisions,
            "in_force": {"machine": {}, "verdicts": {}},
            "observed_at": "1800000000.0",
        },
        "go_tmpfs": {
            "path": "/var/cache/gotmp",
            "fstab": "",
            "live": None,
            "memory": MEMORY,
            "sandboxes": [],
            "temporary": {**temporary, "used_bytes": 0, "size_bytes": None, "names": []},
            "start": {
                "is_wsl": False,
                "container": False,
                "pid1": "systemd",
                "tmp_unit": "own",
                "systemd": True,
                "restart_command": None,
            },
            "users": {"alice": {**person, "local": True, "answer": ""}},
        },
        "drift": {},
    }


def declared(levers: Any, given: Mapping[str, Any] = MappingProxyType({}), **decided: bool) -> dict[str, Any]:
    options = {
        "go_tmpfs_place": "auto",
        "go_tmpfs_size": "auto",
        "go_tmpfs_gocache": False,
        "go_env_gotmpdir": "",
        "go_env_caches_local": True,
        "go_env_cgo_enabled": "keep",
        "verify_user": "alice",
        **{catalogue.LEVERS[name].variable: catalogue.LEVERS[name].off for name in catalogue.TUNED},
        **given,
    }
    wishes = {
        "levers": levers,
        "decisions": [],
        "tries": True,
        "projects": [],
        "states": dict.fromkeys(("wsl_conf", "go_tmpfs", "go_env"), "present"),
        "met": dict.fromkeys(("wsl_conf", "go_tmpfs", "go_env"), False),
        "options": options,
        "workload": {},
        "takes_back": True,
        "windows": {"connection": "local", "declared": False},
    }
    roles = {"wsl_conf": {"content": "", "levers": {}}, "go_tmpfs": {}, "go_env": {}, "workspace_state": "present"}
    return drift._declared(facts(**decided), wishes, roles)


@pytest.mark.parametrize(
    ("levers", "decided", "gotmpdir"),
    [
        ({}, {}, "/var/cache/gotmp/{uid}"),
        ({}, {"gotmpdir_tmpfs": False}, "/var/cache/gotmp/{uid}"),
        ("auto", {"gotmpdir_tmpfs": False}, ""),
        ("auto", {"gotmpdir_tmpfs": True}, "/var/cache/gotmp/{uid}"),
        ({"gotmpdir_tmpfs": False}, {}, ""),
        ({"gotmpdir_tmpfs": True}, {"gotmpdir_tmpfs": False}, "/var/cache/gotmp/{uid}"),
    ],
)
def test_a_decision_counts_where_its_lever_is_on_auto(levers: Any, decided: dict[str, bool], gotmpdir: str) -> None:
    found = declared(levers, **decided)
    assert found["go_env"]["gotmpdir"] == gotmpdir
    assert (found["go_tmpfs"]["kind"] == "gotmpdir") is bool(gotmpdir)


def test_levers_that_are_declared_change_what_roles_keep() -> None:
    found = declared({"append_windows_path": True, "cgo_disabled": True, "caches_local": False, "gocache_tmpfs": True})
    assert found["wsl_conf"]["content"] == "[interop]\nappendWindowsPath=false\n"
    assert found["wsl_conf"]["by_levers"] == ["interop.appendWindowsPath"]
    go = found["go_env"]
    assert (go["cgo_enabled"], go["caches_local"]) == ("false", False)
    assert go["gocache"] == "/var/cache/gotmp/{uid}/gocache"


@pytest.mark.parametrize(
    ("levers", "decided"),
    [
        *(({name: True}, {}) for name in catalogue.TUNED),
        ("auto", {"buildvcs_off": True}),
        ("auto", {"buildvcs_off": False}),
        (dict.fromkeys(catalogue.TUNED, True), {}),
        ({}, {}),
    ],
)
def test_a_run_tunes_go_as_drift_looks_for(levers: Any, decided: dict[str, bool]) -> None:
    """What the role passes to its module, and what drift compares with, are the same."""
    given = {"go_env_gocacheprog": "/opt/cache"} if levers != {} else {}
    on = {**(levers if isinstance(levers, dict) else {}), **decided}
    role = yaml.safe_load((ROOT / "roles/go_env/vars/main.yml").read_text(encoding="utf-8"))
    known = yaml.safe_load((ROOT / "roles/go_env/defaults/main.yml").read_text(encoding="utf-8"))
    known.update(given)
    known.update(
        {lever.variable: lever.on for name in on if on[name] and (lever := catalogue.LEVERS[name]).on is not None}
    )
    jinja = NativeEnvironment()
    jinja.filters.update(bool=ansible.to_bool, ternary=ansible.ternary)
    for name in ("_go_env_flag_vet", "_go_env_flag_buildvcs", "_go_env_goflags_added"):
        known[name] = jinja.from_string(role[name]).render(known)
    names = ("goflags_added", "parallel", "tool_gc", "gotoolchain", "cgo_linker", "gocacheprog")
    passed = {name: jinja.from_string(role["_go_env_wanted"][name]).render(known) for name in names}
    assert {name: declared(levers, given, **decided)["go_env"][name] for name in names} == passed


@pytest.mark.parametrize("gocache", [False, True])
def test_a_run_sets_the_folders_that_drift_looks_for(gocache: bool) -> None:
    files = [ROOT / "playbooks/vars/run.yml", ROOT / "roles/site/vars/main.yml"]
    run = {name: value for path in files for name, value in yaml.safe_load(path.read_text(encoding="utf-8")).items()}
    jinja = NativeEnvironment()
    ours = {f"wsltune.go.{name}": function for name, function in is_met.FilterModule().filters().items()}
    jinja.filters.update(ours, bool=ansible.to_bool, ternary=ansible.ternary)
    known: dict[str, Any] = {"ansible_facts": facts(), "go_tmpfs_place": "gotmpdir", "go_tmpfs_size": "auto"}
    known["go_tmpfs_gocache"] = gocache
    for name in ("_site_tmpfs", "_site_folders", "_site_place", "go_env_gotmpdir", "go_env_gocache"):
        known[name] = jinja.from_string(run[name]).render(known)
    go = declared({"gotmpdir_tmpfs": True, "gocache_tmpfs": gocache})["go_env"]
    assert (known["go_env_gotmpdir"], known["go_env_gocache"]) == (go["gotmpdir"], go["gocache"])
    assert go["gotmpdir"] == "/var/cache/gotmp/{uid}" and bool(go["gocache"]) is gocache


def test_facts_that_lack_what_drift_needs_are_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="pass the facts of"):
        drift.drift_report_of({"go": {}}, "laptop", {}, {})


@pytest.mark.parametrize("earlier", ["", "{", "[]", None, json.dumps({"schema_version": 1, "host": "other"})])
def test_an_earlier_report_that_cannot_be_used_counts_as_never_seen(earlier: Any) -> None:
    found = drift.drift_not_seen("Task failed: no route", "laptop", earlier)
    assert (found["status"], found["looked_at"], found["reason"]) == ("not_seen", None, "no route")


def test_a_machine_without_a_report_is_in_the_fleet_all_the_same() -> None:
    found = drift.drift_fleet([{}], ["lost"])
    assert [(host["host"], host["status"]) for host in found["hosts"]] == [("lost", "unknown")]


@pytest.mark.parametrize("looks_for_drift", [True, False])
def test_projects_are_looked_for_where_drift_is(looks_for_drift: bool) -> None:
    (task,) = yaml.safe_load((ROOT / "playbooks/parts/facts.yml").read_text(encoding="utf-8"))
    projects = [{"source": "/mnt/c/shop", "bind": True}]
    template = NativeEnvironment().from_string(task["wsltune.go.go_facts"]["projects"])
    found = template.render(_site_drift=looks_for_drift, workspace_projects=projects)
    assert found == (projects if looks_for_drift else [])
