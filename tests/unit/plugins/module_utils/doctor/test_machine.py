# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import shlex
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor import machine as doctor_machine


def folder(us: float = 5.0, **more: Any) -> dict[str, Any]:
    return {"path": "/usr/bin", "fstype": "ext4", "windows_drive": False, "times": {"median": us}, **more}


def test_path() -> None:
    assert doctor_machine.judge_path([folder(), folder()], 10).status == "ok"
    slow = doctor_machine.judge_path(
        [folder(), folder(1200.0, path="/mnt/c/Windows", fstype="9p", windows_drive=True)], 10
    )
    assert slow.status == "warning" and slow.lever == "append_windows_path" and "1.2 ms" in slow.reason
    assert slow.command == "./onboard.sh -- -e wsl_conf_interop_append_windows_path=false"
    assert slow.seconds == pytest.approx(1205e-6 * 6 * 10)
    many = [folder(20_000.0, path=f"/mnt/c/{number}", windows_drive=True) for number in range(20)]
    assert doctor_machine.judge_path(many, 10).status == "critical"
    assert doctor_machine.judge_path([folder(700.0, path="/nfs/bin", fstype="nfs")], 1).lever == ""
    hangs = doctor_machine.judge_path([folder(), folder(path="/net", times={}, hangs="no answer within 2 s")], 1)
    assert hangs.blocks and "/net" in hangs.reason


def answer(name: str = "box", addresses: tuple[str, ...] = ("10.0.0.1",), error: str = "", us: float = 500.0):
    return {"name": name, "addresses": list(addresses), "error": error, "us": us}


def names(go: dict, by_c: dict, usual: dict | None = None) -> list[doctor_check.Check]:
    resolver = {"go": [go], "c": [by_c], "usual": [usual or go], "c_through": "cgo", "said": []}
    return doctor_machine.judge_names(resolver)


def test_names_that_agree() -> None:
    assert [check.status for check in names(answer(), answer())] == ["ok", "ok"]
    # Two of the same addresses, or nothing for both, is no difference.
    assert names(answer(addresses=("::1", "127.0.0.1")), answer(addresses=("127.0.0.1",)))[0].status == "ok"
    lost = answer(addresses=(), error="no such host")
    assert names(lost, lost)[0].status == "ok"


def test_names_that_differ_are_named_with_who_finds_them() -> None:
    lost = answer("box.local", (), "no such host")
    check = names(lost, answer("box.local"))[0]
    assert check.status == "warning"
    assert "box.local is 10.0.0.1 for the C library and not found by Go's resolver" in check.reason
    assert "not found by the C library" in names(answer(), answer(addresses=(), error="unknown"))[0].reason
    vpn = names(answer(), answer(addresses=("192.168.7.7",)))[0]
    assert "10.0.0.1 for Go's resolver and 192.168.7.7 for the C library" in vpn.reason


def test_slow_names() -> None:
    check = names(answer(), answer(), answer(us=5_000_000.0, error="i/o timeout", addresses=()))[1]
    assert (check.status, check.value, check.unit) == ("warning", 5000.0, "ms")
    assert "5.0 s" in check.reason and "i/o timeout" in check.reason


def test_a_program_that_says_nothing_is_unknown() -> None:
    none = {"go": None, "c": [], "usual": None, "c_through": "cgo", "said": []}
    assert [check.status for check in doctor_machine.judge_names(none)] == ["unknown", "unknown"]


def test_listen() -> None:
    assert doctor_machine.judge_listen({"error": "", "median": 5.0, "p99": 40.0}).status == "ok"
    assert doctor_machine.judge_listen({"error": "", "median": 4000.0, "p99": 9000.0}).status == "warning"
    failed = doctor_machine.judge_listen({"error": "bind: cannot assign requested address"})
    assert failed.blocks and "cannot assign" in failed.reason


def test_start() -> None:
    assert (
        doctor_machine.judge_start({"times": {"median": 20_000.0, "best": 900.0}, "preload": None}, 10).status == "ok"
    )
    slow = doctor_machine.judge_start(
        {"times": {"median": 60_000.0, "best": 51_000.0}, "preload": "# mine\n/opt/agent.so\n"}, 10
    )
    assert slow.status == "critical" and "51.0 ms" in slow.reason and "/opt/agent.so" in slow.reason
    assert slow.seconds == pytest.approx(0.051 * 5 * 10)
    assert (
        doctor_machine.judge_start({"times": {"median": 60_000.0, "best": 51_000.0}, "preload": None}, 1).status
        == "warning"
    )


@pytest.mark.parametrize(
    ("rtc", "ahead", "skew", "status"),
    [
        (0.4, [], 0.01, "ok"),
        (None, [], None, "ok"),
        (-7200.3, [], 0.0, "ok"),
        (412.0, [], 0.0, "warning"),
        (0.0, [["/home/ada/x/main.go", 86400]], 0.0, "warning"),
        (0.0, [], -35.0, "warning"),
    ],
)
def test_clock(rtc: float | None, ahead: list, skew: float | None, status: str) -> None:
    places = {"source": {"path": "/mnt/c/x", "clock": skew}, "GOROOT": {"path": "/usr/lib/go", "clock": None}}
    check = doctor_machine.judge_clock({"rtc": rtc, "ahead": ahead}, places)
    assert check.status == status
    assert bool(check.command) == (status != "ok")


def memory(
    available: int = 8192, total: int = 16384, some: float = 0.0, swapping: int = 0, cgroup: Any = None
) -> doctor_check.Check:
    info = {"MemTotal": total << 20, "MemAvailable": available << 20, "SwapTotal": 0, "SwapFree": 0}
    line = f"some avg10=0.00 avg60={some:.2f} avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
    return doctor_machine.judge_memory(
        {"meminfo": info, "pressure": {"memory": line, "cpu": None}, "swapping": swapping, "cgroup": cgroup or {}}
    )


def test_memory() -> None:
    assert memory().status == "ok"
    assert memory(available=400).status == "warning"
    assert memory(available=100).status == "critical"
    assert memory(total=1024, available=900).status == "warning"
    assert "35 % of the last minute" in memory(some=35.0).reason
    assert "900 pages were read back from swap" in memory(swapping=900).reason
    limited = memory(cgroup={"limit": 600 << 20, "available": 100 << 20, "folder": "/sys/fs/cgroup/x"})
    assert limited.status == "critical" and "/sys/fs/cgroup/x" in limited.reason
    assert memory(cgroup={"limit": 64 << 30, "available": 63 << 30, "folder": "/sys/fs/cgroup"}).status == "ok"


def cpus(
    gomaxprocs: int | None = 8,
    allowed: int = 8,
    quota: float | None = None,
    flags: str = "",
    asked: str = "",
    source: str = "user file",
    memory: int = 0,
) -> doctor_check.Check:
    found = {"online": 8, "allowed": allowed, "quota": quota, "gomaxprocs": asked, "goflags": flags}
    found["goflags_source"] = source
    told = None if gomaxprocs is None else {"gomaxprocs": gomaxprocs, "cpus": allowed}
    return doctor_machine.judge_cpus(found, told, memory << 30)


def test_a_p_in_goflags_is_read_as_go_reads_it() -> None:
    for flags, most in (("'-p=1'", 1), ('-v "--p=1"', 1), ("-p=+2", 2), ("-p=0x2", 2), ("-p=03", 3), ("-v\t-p=1", 1)):
        assert f"GOFLAGS has -p={most}," in cpus(flags=flags).reason, flags
        assert cpus(flags=flags).command in ("go env -u GOFLAGS", "go env -w GOFLAGS=-v"), flags
    for flags in ("'-gcflags=-N -p=1 -l'", "'-ldflags=-s -p=1'", "-p=x", "-p=0", "-p"):
        assert cpus(flags=flags).status == "ok", flags
    left = cpus(flags="-p=1 '-gcflags=-N -p=1 -l'").command
    assert shlex.split(left)[-1] == "GOFLAGS='-gcflags=-N -p=1 -l'"


def test_cpus() -> None:
    assert cpus().status == cpus(gomaxprocs=None).status == cpus(gomaxprocs=2, quota=2.0).status == "ok"
    assert cpus(flags="-p=16").status == "ok"
    few = cpus(gomaxprocs=1)
    assert few.status == "warning" and "GOMAXPROCS is 1" in few.reason and few.seconds > 0
    assert "no variable says so" in few.command
    assert "GOFLAGS has -p=2" in cpus(flags="-mod=mod -p=2").reason
    # The file that `go env -w` writes counts after the environment.
    assert cpus(flags="-p=2").command == "go env -u GOFLAGS"
    assert cpus(flags="-trimpath --p=2 '-ldflags=-s -w'").command.startswith("go env -w 'GOFLAGS=-trimpath ")
    assert "-p" not in cpus(flags="-trimpath -p=1 -mod=mod", source="user file").command.replace("-path", "")
    assert cpus(flags="-p=1 -trimpath", source="environment").command.startswith("export GOFLAGS=-trimpath ")
    assert cpus(flags="-p=1", source="environment").command.startswith("unset GOFLAGS ")
    assert cpus(flags="-p=1", source="GOROOT/go.env").command == "go env -w GOFLAGS=-p=8"
    assert cpus(flags="-p=1 -p=8").status == cpus(flags="-pgo=1 -run=-p=1x").status == "ok"
    assert cpus(gomaxprocs=None, asked="max").status == cpus(gomaxprocs=None, asked="-1").status == "ok"
    assert cpus(gomaxprocs=None, asked="1").command.startswith("unset GOMAXPROCS")
    # What go_env_parallel sets: at 2 GiB each, 8 GiB carry four, and 6 GiB three.
    carried = cpus(12, 12, flags="-p=4", memory=8)
    assert carried.status == cpus(12, 12, flags="-p=4", memory=6).status == "ok"
    assert "GOFLAGS has -p=4, as 8192 MiB of memory carry" in carried.reason
    assert cpus(12, 12, flags="-p=3", memory=8).status == cpus(12, 12, flags="-p=4", memory=64).status == "warning"
    many = cpus(quota=1.5)
    assert many.status == "warning" and many.command == "export GOMAXPROCS=2"


def product(name: str, state: int) -> dict[str, Any]:
    return {"displayName": name, "productState": state}


def test_antivirus() -> None:
    # What Windows says of Defender while it is on and while it is off.
    on, off = 0x61100, 0x60100
    defender, other = product("Windows Defender", on), product("HP Wolf Security", on)

    def judged(
        products: list | None, on_drive: Any = (r"C:\src\shop",), is_wsl: bool = True, **more: Any
    ) -> doctor_check.Check:
        told = {"products": products, "reason": "no interop", "exclusions": [], **more}
        return doctor_machine.judge_antivirus(told, is_wsl, on_drive)

    assert judged([]).status == judged([product("X", off)]).status == judged([defender], ()).status == "ok"
    found = judged([defender, other])
    assert found.status == "warning" and "HP Wolf Security" in found.reason and "Defender" not in found.reason
    assert judged([other], ()).status == "ok"
    found = judged([defender])
    assert found.status == "warning" and r"Windows Defender scans C:\src\shop, and no exclusion" in found.reason
    assert judged([defender], exclusions=["c:\\SRC\\"]).status == "ok"
    for exclusions in (None, ["N/A: Must be an administrator to view exclusions"]):
        hidden = judged([defender], exclusions=exclusions, exclusions_reason="it was removed")
        assert hidden.status == "unknown"
        assert ("it was removed" if exclusions is None else "Must be an administrator") in hidden.reason
    assert judged(None).status == "unknown" and "no interop" in judged(None).reason
    assert judged(None, is_wsl=False).status == "ok"


@pytest.mark.parametrize(
    ("entry", "covers"),
    [
        ("C:\\src\\shop", True),
        ("c:\\SRC\\Shop\\", True),
        ("C:\\src\\shop\\:{PathType:folder,ScanTrigger:OnAccess}", True),
        ("C:\\", True),
        ("C:\\src\\*", True),
        ("C:\\*\\sh?p", True),
        ("C:\\*p", False),
        ("C:\\src\\sho", False),
        ("C:\\src\\shop\\vendor", False),
        ("C:\\src\\shop\\:{ScanType:quick}", False),
        ('C:\\src\\shop\\:{Process:"C:\\go.exe"}', False),
        ("C:\\src\\shop\\:{PathType:file}", False),
    ],
)
def test_what_an_exclusion_of_defender_covers(entry: str, covers: bool) -> None:
    assert doctor_machine.is_excluded("C:\\src\\shop", [entry]) is covers


def go(version: str | None, others: int = 0) -> dict[str, Any]:
    found = None if version is None else {"path": "/usr/bin/go", "version": version}
    toolchains = [{}] * (others + 1) if found else []
    return {"go": found, "toolchains": toolchains, "unknown": {"go": "no Go command on the PATH of ada"}}


def test_toolchain() -> None:
    assert doctor_machine.judge_toolchain(go("go1.27.3"), (1, 19)).status == "ok"
    assert "2 more Go commands" in doctor_machine.judge_toolchain(go("go1.19", 2), (1, 19)).reason
    none = doctor_machine.judge_toolchain(go(None), (1, 19))
    assert none.blocks and "no Go command on the PATH of ada" in none.reason
    old = doctor_machine.judge_toolchain(go("go1.18.10"), (1, 19))
    assert old.blocks and "go1.18.10, too old" in old.reason
    assert doctor_machine.judge_toolchain(go("devel"), (1, 19)).blocks


def test_a_go_with_the_goroot_of_another_version_builds_nothing() -> None:
    found = go("go1.19.8")
    found["go"].update(goroot="/home/ada/.goenv/versions/1.27.3", goroot_version="go1.27.3")
    check = doctor_machine.judge_toolchain(found, (1, 19))
    assert check.blocks and "/usr/bin/go is go1.19.8, and its GOROOT" in check.reason and "of go1.27.3:" in check.reason
    assert check.command.startswith("unset GOROOT ")
    found["go"]["goroot_version"] = "go1.19.8"
    assert doctor_machine.judge_toolchain(found, (1, 19)).status == "ok"


def test_a_go_that_does_not_answer_is_not_missing() -> None:
    shim = {"path": "/home/ada/shims/go", "found": "PATH", "reason": "/home/ada/shims/go env failed: mise ERROR"}
    none = doctor_machine.judge_toolchain({**go(None), "toolchains": [shim]}, (1, 19))
    assert none.blocks and "does not answer: /home/ada/shims/go env failed" in none.reason and "apt" not in none.command
    other = doctor_machine.judge_toolchain({**go("go1.27.3"), "toolchains": [shim, {}]}, (1, 19))
    assert other.status == "warning" and "go1.27.3 at /usr/bin/go answers" in other.reason


def test_a_login_that_fails_is_unknown_with_its_reason() -> None:
    found = doctor_machine.judge_login("A login of ada did not come to an end within 15 s.")
    assert (found.id, found.status) == ("WT-050", "unknown") and "did not come to an end" in found.reason
    assert doctor_machine.judge_login("").status == "ok"


def test_a_part_that_could_not_be_measured_is_unknown() -> None:
    seen = {
        "go": go("go1.27.3"),
        "wsl": {"is_wsl": False},
        "start": {"unknown": "it could not be measured: gone"},
        "network": {"unknown": "no program"},
    }
    checks = {check.id: check for check in doctor_machine.judge(seen, doctor_check.Work(), (1, 19))}
    assert {check_id: check.status for check_id, check in checks.items()} == {
        "WT-049": "ok",
        "WT-044": "unknown",
        "WT-041": "unknown",
        "WT-042": "unknown",
        "WT-043": "unknown",
    }
    assert "gone" in checks["WT-044"].reason
