# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor import wsl as doctor_wsl
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge


def facts(conf: str | None = "", **more: Any) -> dict[str, Any]:
    machine = wsl_judge.Machine(
        release="6.6.87.2-microsoft-standard-WSL2",
        has_init=True,
        has_run_wsl=True,
        conf=conf,
        conf_mtime=1000.0,
        stat="btime 2000",
        pid1_stat="1 (systemd) " + " ".join(["0"] * 50),
        **more,
    )
    return wsl_judge.observe(machine)


def conf(text: str, **more: Any) -> dict[str, doctor_check.Check]:
    return {check.id: check for check in doctor_wsl.conf(facts(text, **more), text)}


def test_a_good_wsl_conf_is_ok() -> None:
    text = "# mine\n[boot]\nsystemd=true\n[interop]\nappendWindowsPath=false # quick\n"
    assert {check.status for check in conf(text, has_systemd_folder=True).values()} == {"ok"}


def test_on_another_machine_nothing_is_said() -> None:
    other = wsl_judge.observe(wsl_judge.Machine(release="6.1.0-debian", conf="; no matter"))
    assert {check.status for check in doctor_wsl.conf(other, "; no matter")} == {"ok"}


@pytest.mark.parametrize(
    ("check_id", "status", "text", "said"),
    [
        ("WT-020", "critical", "[boot]\n; off\nsystemd=true\n", "line 2: a line starts with ;"),
        ("WT-020", "critical", "[my-sec]\n", "line 1"),
        ("WT-020", "critical", "[boot]\ncommand=C:\\Users\n", "line 2"),
        ("WT-021", "warning", "[boot]\nsystemd=true\nsystemd=false\n", "line 3: boot.systemd stands in line 2"),
        ("WT-022", "warning", "[wsl2]\nmemory=4GB\n", "knows no key 'wsl2.memory'"),
        ("WT-022", "warning", "[boot]\nsystemd=yes\n", "takes true or false, not 'yes'"),
        ("WT-023", "critical", "[automount]\noptions=metadata,cache=loose\n", "'cache=loose'"),
        ("WT-023", "critical", "[filesystem]\numask=22\n", "decimal"),
        ("WT-023", "critical", "[interop]\nenabled=false\n", "interop.enabled"),
    ],
)
def test_each_mistake_in_wsl_conf(check_id: str, status: str, text: str, said: str) -> None:
    checks = conf(text)
    assert checks[check_id].status == status and said in checks[check_id].reason, checks[check_id].reason
    assert checks[check_id].command.startswith("sudo")


def test_the_command_takes_out_the_line_that_is_meant() -> None:
    assert conf("[boot]\n; off\n")["WT-020"].command == "sudo sed -i '2s/^/# /' /etc/wsl.conf"
    assert conf("[boot]\nsystemd=true\nsystemd=false\n")["WT-021"].command == "sudo sed -i '3d' /etc/wsl.conf"


def test_written_and_not_in_force() -> None:
    check = conf("[boot]\nsystemd=true\n", pid1_comm="init")["WT-024"]
    assert check.status == "warning" and "boot.systemd is True there and False in force" in check.reason
    assert check.command.startswith("wsl.exe --terminate")
    powerless = conf("[boot]\nsystemd=true\n", can_start_systemd=False)["WT-024"]
    assert powerless.status == "warning" and "/sbin/init" in powerless.reason


def test_an_unreadable_wsl_conf_is_unknown() -> None:
    machine = facts(None, errors={"conf": "/etc/wsl.conf cannot be read: Permission denied."})
    assert {check.status for check in doctor_wsl.conf(machine, None)} == {"unknown"}


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ({"offered": "/mnt/wslg/.X11-unix", "visible": False, "tmp_fstype": "tmpfs"}, "warning"),
        ({"offered": "/mnt/wslg/.X11-unix", "visible": True, "tmp_fstype": "tmpfs"}, "ok"),
        ({"offered": None, "visible": False, "tmp_fstype": "tmpfs"}, "ok"),
        ({"offered": "/mnt/wslg/.X11-unix", "visible": False, "tmp_fstype": None}, "ok"),
    ],
)
def test_wslg_behind_a_tmpfs(found: dict[str, Any], status: str) -> None:
    assert doctor_wsl.wslg(found, True).status == status
    assert doctor_wsl.wslg(found, False).status == "ok"


def wslconfig(text: str | None) -> list[str]:
    return [check.status for check in doctor_wsl.wslconfig(text, "/mnt/c/Users/ada/.wslconfig")][:2]


def test_wslconfig() -> None:
    assert wslconfig(None) == wslconfig("") == ["ok", "ok"]
    assert wslconfig("\ufeff[wsl2]\r\nmemory=8GB # half\r\nswapFile=C:\\\\temp\\\\swap.vhdx\r\n") == ["ok", "ok"]
    assert wslconfig("[wsl2]\nswapFile=C:\\temp\\swap.vhdx\n") == ["warning", "ok"]
    assert wslconfig("[wsl2]\nmemory=8GB\nmemory=4GB\n") == ["warning", "ok"]
    assert wslconfig("; old\n") == ["warning", "ok"]
    assert wslconfig("[experimental]\nsparseVhd=true\n") == ["ok", "warning"]
    assert wslconfig("[experimental]\nsparseVhd=1\n") == ["ok", "warning"]
    assert wslconfig("[experimental]\nautoMemoryReclaim=gradual\n") == ["ok", "warning"]
    assert wslconfig("[experimental]\nautoMemoryReclaim=disabled\n") == ["ok", "ok"]


def test_keys_of_wslconfig_are_those_of_the_windows_side() -> None:
    text = (Path(__file__).parents[5] / "plugins/module_utils/windows/WslConfig.psm1").read_text(encoding="ascii")
    there = set(re.findall(r"New-Key '([A-Za-z0-9.]+)'", text))
    assert there == {
        f"{section}.{name}" for section, names in doctor_wsl.WSLCONFIG_KEYS.items() for name in names.split()
    }
    aliases = set(re.findall(r"-Aliases '([A-Za-z.]+)'", text))
    assert {name.lower() for name in aliases} == set(doctor_wsl.WSLCONFIG_ALIASES)
    assert wslconfig("[wsl2]\npageReporting=true\n") == ["warning", "ok"]
    assert wslconfig("[wsl2]\nnetworkingMode=nat\n[experimental]\nnetworkingMode=mirrored\n") == ["warning", "ok"]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("processors=4", "ok"),
        ("processors=8", "warning"),
        ("processors=0", "ok"),
        ("memory=8GB", "ok"),
        ("memory=16GB", "warning"),
        ("memory=4GB", "warning"),
        ("memory=8gb", "ok"),
        ("", "ok"),
    ],
)
def test_what_the_running_machine_shows_of_wslconfig(text: str, status: str) -> None:
    check = doctor_wsl.wslconfig(f"[wsl2]\n{text}\n", "x", cpus=4, memory=8050 << 20)[2]
    assert (check.id, check.status) == ("WT-030", status)


def test_where_windows_cannot_be_asked_it_is_unknown() -> None:
    seen = {"wsl": facts(""), "conf": "", "mounts": [], "windows": {"reason": "the drive C: is not mounted"}}
    checks = {check.id: check for check in doctor_wsl.judge(seen)}
    assert checks["WT-025"].status == "unknown" and "C: is not mounted" in checks["WT-025"].reason
