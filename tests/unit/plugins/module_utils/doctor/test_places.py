# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import copy
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor import places as doctor_places

MIB = 2**20
ROOT = Path(__file__).resolve().parents[5]


def place(us: float = 3.0, **more: Any) -> dict[str, Any]:
    times = {name: {"median": us, "low": us, "high": us, "n": 25} for name in ("open", "stat", "read", "create")}
    plain = {
        "path": "/home/ada/x",
        "folder": "/home/ada",
        "times": times,
        "fstype": "ext4",
        "mount_point": "/",
        "windows_drive": False,
        "exists": True,
        "executable": True,
        "total_bytes": 100 * 2**30,
        "free_bytes": 50 * 2**30,
        "inodes": 10**6,
        "free_inodes": 10**6 - 100,
    }
    return {**plain, **more}


NAMES = ("reference", "home", "source", "GOCACHE", "GOMODCACHE", "GOTMPDIR", "TMPDIR", "GOROOT")


def seen(**changed: dict[str, Any]) -> dict[str, Any]:
    places = {name: changed.get(name, place()) for name in NAMES}
    settings = {name: {"value": ""} for name in ("GOTMPDIR", "GOCACHE")}
    go = {"go": {"version": "go1.27.3"}, "places": copy.deepcopy(places), "settings": settings, "unknown": {}}
    return {"places": places, "go": go, "version_of_go": (1, 27, 3), "modules": []}


WORK = doctor_check.Work(packages=24, linked=24 * 50, dependencies=220)


def judged(found: dict[str, Any], work: doctor_check.Work = WORK) -> dict[str, doctor_check.Check]:
    return {check.id: check for check in doctor_places.judge(found, work)}


def test_a_healthy_machine_is_ok() -> None:
    checks = judged(seen())
    assert {check.status for check in checks.values()} == {"ok"}
    assert {"WT-001", "WT-002", "WT-003", "WT-004", "WT-005", "WT-006", "WT-007", "WT-008", "WT-010"} == set(checks)


@pytest.mark.parametrize(
    ("name", "check_id"),
    [
        ("source", "WT-001"),
        ("GOCACHE", "WT-002"),
        ("GOMODCACHE", "WT-003"),
        ("GOTMPDIR", "WT-004"),
        ("TMPDIR", "WT-004"),
        ("GOROOT", "WT-005"),
    ],
)
def test_a_slow_place_is_named_with_its_cost(name: str, check_id: str) -> None:
    checks = judged(seen(**{name: place(613.0, fstype="9p", windows_drive=True)}))
    check = checks.pop(check_id)
    assert check.status in ("critical", "warning") and check.value == 613.0 and check.seconds > 0
    assert "9p" in check.reason and "613 µs against 3.0 µs" in check.reason
    assert {one.status for one in checks.values()} == {"ok"}


def test_the_places_cost_what_they_cost_in_the_experiment() -> None:
    slow = place(613.0, fstype="fuse.pt")
    for name, expected in (("GOCACHE", 18.4), ("GOTMPDIR", 5.0), ("source", 1.3)):
        checks = judged(seen(**{name: slow}))
        (check,) = [one for one in checks.values() if one.status == "critical"]
        assert check.seconds == pytest.approx(expected, rel=0.1)
    slower, one = place(2145.0, fstype="fuse.slow_drive"), doctor_check.Work(packages=1, linked=140, dependencies=140)
    for name, expected in (("GOCACHE", 9.2), ("GOTMPDIR", 1.1), ("GOROOT", 10.4)):
        (check,) = [
            one for one in judged(seen(**{name: slower}), one).values() if one.status in ("critical", "warning")
        ]
        assert check.seconds == pytest.approx(expected, rel=0.4)


def test_the_worst_placement_comes_first() -> None:
    slow = place(613.0, fstype="9p", windows_drive=True)
    checks = doctor_check.rank(doctor_places.judge(seen(source=slow, GOCACHE=slow, GOTMPDIR=slow), WORK))
    assert [check.id for check in checks[:3]] == ["WT-002", "WT-004", "WT-001"]


def test_a_windows_drive_is_a_finding_even_when_it_is_quick_today() -> None:
    assert judged(seen(source=place(20.0, fstype="9p", windows_drive=True)))["WT-001"].status == "warning"


def test_a_disk_under_load_is_no_finding() -> None:
    # All places share the disk: what the load does to one it does to the reference.
    slow = {name: place(400.0) for name in NAMES}
    assert judged(seen(**slow))["WT-002"].status == "ok"
    assert judged(seen(GOCACHE=place(60.0)))["WT-002"].status == "ok"


def test_a_place_that_hangs_blocks() -> None:
    check = judged(seen(source=place(times={}, hangs="no answer within 20 s", mount_point="/mnt/c")))["WT-001"]
    assert (check.status, check.blocks, check.command) == ("critical", True, "sudo umount -l /mnt/c")
    # Any account can mount by FUSE, and people copy the command.
    check = judged(seen(source=place(times={}, hangs="no answer", mount_point="/home/eve/a;id")))["WT-001"]
    assert check.command == "sudo umount -l '/home/eve/a;id'"


@pytest.mark.parametrize(
    ("name", "check_id", "source", "command"),
    [
        ("GOCACHE", "WT-002", "default", "go env -w GOCACHE=/home/ada/x/.cache/go-build"),
        ("GOCACHE", "WT-002", "environment", "export GOCACHE=/home/ada/x/.cache/go-build "),
        ("GOMODCACHE", "WT-003", "user file", "go env -w GOMODCACHE=/home/ada/x/go/pkg/mod"),
        ("GOTMPDIR", "WT-004", "environment", "export GOTMPDIR=/var/tmp "),
        ("TMPDIR", "WT-004", "default", "unset TMPDIR "),
    ],
)
def test_the_answer_counts_where_the_setting_comes_from(name: str, check_id: str, source: str, command: str) -> None:
    found = seen(**{name: place(900.0, windows_drive=True)})
    found["go"]["settings"][name] = {"value": "x", "source": source}
    assert judged(found)[check_id].command.startswith(command)


def test_a_folder_that_gives_no_answer_is_not_said_to_be_missing() -> None:
    found = seen(GOTMPDIR=place(times={}, hangs="no answer in 2 s", exists=None, executable=None))
    found["go"]["settings"]["GOTMPDIR"]["value"] = "/x"
    checks = judged(found)
    assert checks["WT-010"].status == "ok" and checks["WT-004"].blocks and checks["WT-006"].status == "unknown"


def test_a_place_that_could_not_be_measured_is_unknown_with_the_reason() -> None:
    check = judged(seen(GOROOT=place(times={}, reason="Permission denied")))["WT-005"]
    assert check.status == "unknown" and "Permission denied" in check.reason


def test_projects_on_windows_drives_are_proposed() -> None:
    found = {"paths": ["/mnt/c/a", "/mnt/c/b"], "complete": True}
    (check,) = doctor_places.judge_projects(found, [])
    assert check.status == "warning" and "2 Go projects lie on a Windows drive: /mnt/c/a and /mnt/c/b" in check.reason
    assert check.command.startswith("./onboard.sh -- -e '")
    # One that was measured is told of with its cost.
    assert "1 Go project lies" in doctor_places.judge_projects(found, ["/mnt/c/a"])[0].reason
    assert doctor_places.judge_projects(None, []) == doctor_places.judge_projects({"paths": []}, []) == []


def test_the_projects_are_written_as_the_role_takes_them() -> None:
    found = {"paths": ["/mnt/c/a b", "/mnt/c/it's", "/mnt/c/{{ x }}"], "complete": True}
    (check,) = doctor_places.judge_projects(found, [])
    arguments = shlex.split(check.command.partition("   (")[0])
    wanted = json.loads(arguments[-1])["workspace_projects"]
    specs = yaml.safe_load((ROOT / "roles/workspace/meta/argument_specs.yml").read_text())["argument_specs"]
    options = specs["main"]["options"]["workspace_projects"]["options"]
    assert all(set(project) <= set(options) and "source" in project for project in wanted)
    unsafe = {"__ansible_unsafe": "/mnt/c/{{ x }}"}
    assert [project["source"] for project in wanted] == ["/mnt/c/a b", "/mnt/c/it's", unsafe]


def test_noexec() -> None:
    checks = judged(seen(GOTMPDIR=place(executable=False, mount_point="/var/gotmp")))
    assert checks["WT-006"].blocks and checks["WT-006"].command == "sudo mount -o remount,exec /var/gotmp"
    assert judged(seen(GOTMPDIR=place(executable=None)))["WT-006"].status == "unknown"
    policy = judged(seen(GOTMPDIR=place(executable=False, noexec=False)))["WT-006"]
    assert "mounted noexec" not in policy.reason and policy.command == "go env -w GOTMPDIR=/var/tmp"
    found = seen(GOCACHE=place(executable=False))
    assert judged(found)["WT-007"].status == "critical"
    assert judged({**found, "version_of_go": (1, 23, 4)})["WT-007"].status == "ok"


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"free_bytes": 600 * MIB}, "warning"),
        ({"free_bytes": 10 * MIB}, "critical"),
        ({"free_inodes": 5000}, "warning"),
        ({"free_inodes": 10}, "critical"),
        ({"total_bytes": 1024 * MIB, "free_bytes": 900 * MIB}, "ok"),
        ({"inodes": 0, "free_inodes": 0}, "ok"),
    ],
)
def test_room(more: dict[str, Any], status: str) -> None:
    check = judged(seen(reference=place(mount_point="/", **more)))["WT-008"]
    assert check.status == status
    assert check.blocks == (status == "critical")


def test_a_command_has_a_mount_point_with_a_blank_in_quotes() -> None:
    check = judged(seen(reference=place(mount_point="/mnt/my data", free_bytes=10 * MIB)))["WT-008"]
    assert check.command == "du -xh --max-depth=2 '/mnt/my data' | sort -h"


def run(**more: Any) -> dict[str, Any]:
    test = {"peak_gotmpdir": 30 * MIB, "code": 0, "err": "", "events": ""}
    return {"directory": "/home/ada/x", "trouble": "", "test": {**test, **more}}


def on_tmpfs(mib: int, *modules: dict[str, Any]) -> doctor_check.Check:
    found = seen(GOTMPDIR=place(fstype="tmpfs", total_bytes=mib * MIB, free_bytes=mib * MIB, mount_point="/var/gotmp"))
    return judged({**found, "modules": list(modules)})["WT-009"]


def test_a_tmpfs_with_room_and_without() -> None:
    assert on_tmpfs(1024, run()).status == "ok"
    # Who stopped for want of space has used less than there is, and all of it is what is too little.
    full = on_tmpfs(4096, run(code=1, err="no space left on device", peak_gotmpdir=0))
    assert full.status == "critical" and full.command == "sudo mount -o remount,size=8192m /var/gotmp"
    tight = on_tmpfs(32, run())
    assert tight.status == "warning" and "30 MiB of it at once" in tight.reason
    assert tight.command == "sudo mount -o remount,size=1024m /var/gotmp"
    assert on_tmpfs(32, run(code=1, err="link: mapping output file failed: no space left on device")).blocks
    failed = {"directory": "/x", "trouble": "go build ./... failed", "output": "write x: no space left on device"}
    assert on_tmpfs(4, failed).blocks


def test_no_tmpfs_has_no_such_check() -> None:
    assert "WT-009" not in judged({**seen(), "modules": [run()]})


def test_folders_that_are_not_there() -> None:
    found = seen(GOTMPDIR=place(exists=False, path="/var/gone"))
    found["go"]["settings"]["GOTMPDIR"]["value"] = "/var/gone"
    check = judged(found)["WT-010"]
    assert check.blocks and check.command == "mkdir -p /var/gone"
    # A cache that does not exist yet is made by Go.
    assert judged(seen(GOCACHE=place(exists=False)))["WT-010"].status == "ok"
    found = seen()
    found["go"]["unknown"]["GOCACHE.executable"] = "/root/x: not writable"
    assert judged(found)["WT-010"].blocks


GIB = 2**30


def cached(bytes_: float, is_wsl: bool = True, **more: Any) -> dict[str, Any]:
    built = {"path": "/home/ada/c", "bytes": bytes_, "written_a_day": 300 * MIB, "unused_days": 4.8, "complete": True}
    modules = {"path": "/home/ada/go/pkg/mod", "bytes": 2 * GIB, "complete": False}
    found = seen()
    return {
        **found,
        "go": {**found["go"], "places": {"GOCACHE": {"fstype": more.pop("fstype", "ext4")}}},
        "caches": {"GOCACHE": {**built, "limit": 0, **more}, "GOMODCACHE": modules},
        "wsl": {"is_wsl": is_wsl},
    }


def test_a_large_build_cache_is_named_with_its_growth_and_the_limit() -> None:
    check = judged(cached(14.5 * GIB, complete=False))["WT-011"]
    assert check.status == "warning" and check.value == 14.5 and not check.blocks
    assert check.reason == (
        "GOCACHE (/home/ada/c) takes about 14.5 GiB, Go wrote 300 MiB a day in the last week, and the oldest entry was "
        "last used 5 days ago; GOMODCACHE takes more than 2.0 GiB."
    )
    assert "does not shrink" in check.effect and "go_env_gocache_limit=10GiB" in check.command
    assert "shrink" not in judged(cached(14.5 * GIB, is_wsl=False))["WT-011"].effect


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (cached(3 * GIB), "takes 3.0 GiB"),
        (cached(14 * GIB, limit=20 * GIB), "a timer keeps the build cache below 20.0 GiB"),
        (cached(14 * GIB, fstype="tmpfs"), "takes 14.0 GiB"),
        (cached(0, written_a_day=None, unused_days=None), "takes 0 MiB; GOMODCACHE"),
        (cached(0, missing=True), "nothing was built yet"),
    ],
)
def test_a_build_cache_that_needs_nothing_is_ok(found: dict[str, Any], said: str) -> None:
    check = judged(found)["WT-011"]
    assert check.status == "ok" and said in check.reason


def test_the_caches_are_judged_where_nothing_else_was_asked_for() -> None:
    found = {name: value for name, value in cached(14.5 * GIB).items() if name != "places"}
    assert judged(found)["WT-011"].status == "warning"


def test_a_cache_that_gives_no_answer_is_unknown() -> None:
    assert judged(cached(0, reason="no answer in 4 s"))["WT-011"].status == "unknown"
    found = cached(GIB)
    found["caches"]["GOMODCACHE"] = {"path": "/m", "reason": "no answer in 4 s"}
    assert "GOMODCACHE (/m) could not be looked at: no answer in 4 s" in judged(found)["WT-011"].reason
    assert judged({**found, "caches": {"unknown": "it could not be measured: x"}})["WT-011"].status == "unknown"
