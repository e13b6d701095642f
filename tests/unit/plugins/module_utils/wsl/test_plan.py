# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import plan


@pytest.mark.parametrize(
    ("settings", "content"),
    [
        ({}, ""),
        ({"boot.systemd": None}, ""),
        ({"BOOT.SystemD": "yes"}, "[boot]\nsystemd=true\n"),
        ({"boot.systemd": 0, "boot.initTimeout": "5000"}, "[boot]\nsystemd=false\ninitTimeout=5000\n"),
        ({"filesystem.umask": "0022"}, "[filesystem]\numask=0022\n"),
        ({"filesystem.umask": "22"}, "[filesystem]\numask=22\n"),
        ({"automount.cgroups": "V2"}, "[automount]\ncgroups=v2\n"),
        ({"network.hostname": 7}, "[network]\nhostname=7\n"),
        ({"boot.command": 'a "b" # c\n'}, '[boot]\ncommand="a \\"b\\" # c\\n"\n'),
    ],
)
def test_lines_of_wsl_conf(settings: dict[str, Any], content: str) -> None:
    planned = plan.plan_settings(settings, "wsl_conf")
    assert planned == {"refusal": "", "content": content, "sections": {}}
    assert not wsl_conf.parse(content).details


def test_sections_of_wslconfig() -> None:
    settings = {
        "wsl2.memory": "8GB",
        "wsl2.swap": 0,
        "wsl2.processors": "0x4",
        "wsl2.networkingMode": "VirtioProxy",
        "experimental.firewall": "off",
        "wsl2.swapFile": "C:\\swap.vhdx",
        "wsl2.loadKernelModules": ["tun", "dummy"],
        "experimental.ignoredPorts": "80, 443",
        "wsl2.kernel": None,
    }
    assert plan.plan_settings(settings, "wslconfig") == {
        "refusal": "",
        "content": "",
        "sections": {
            "wsl2": {
                "memory": "8GB",
                "swap": "0",
                "processors": 4,
                "networking_mode": "consomme",
                "firewall": False,
                "swap_file": "C:\\swap.vhdx",
                "load_kernel_modules": ["tun", "dummy"],
            },
            "general": {},
            "experimental": {"ignored_ports": ["80", "443"]},
        },
    }


@pytest.mark.parametrize(
    ("role", "settings", "more", "refusal"),
    [
        ("wsl_conf", ["x"], {}, "wsl_conf_settings takes keys with values, such as {boot.systemd: true}, not ['x']."),
        ("wsl_conf", {"boot.systmd": 1}, {}, "WSL knows no key 'boot.systmd' of wsl.conf; did you mean boot.systemd."),
        ("wsl_conf", {"wsl2.memory": "8GB"}, {}, "no key 'wsl2.memory' of wsl.conf; give keys as section.key."),
        ("wslconfig", {"boot.memory": "8GB"}, {}, "of .wslconfig; did you mean wsl2.memory."),
        ("wsl_conf", {"boot.systemd": 1, "boot.Systemd": 1}, {}, "boot.systemd is set twice."),
        ("wsl_conf", {"boot.systemd": "sometimes"}, {}, "boot.systemd takes true or false, not 'sometimes'."),
        ("wsl_conf", {"boot.systemd": [True]}, {}, "boot.systemd takes true or false"),
        (
            "wsl_conf",
            {"filesystem.umask": 18},
            {},
            "filesystem.umask takes an octal mask in quotes, such as '0022', not 18",
        ),
        ("wsl_conf", {"filesystem.umask": "u=rwx"}, {}, "filesystem.umask takes a whole number, not 'u=rwx'."),
        ("wsl_conf", {"user.default": False}, {}, "user.default takes a text, not False."),
        ("wsl_conf", {"boot.initTimeout": True}, {}, "boot.initTimeout takes a number, not True."),
        ("wsl_conf", {"boot.command": "a\rb"}, {}, "wsl.conf cannot hold the character '\\r'"),
        ("wsl_conf", {"automount.cgroups": "v3"}, {}, "automount.cgroups takes v1 or v2, not 'v3'."),
        ("wslconfig", {"wsl2.memory": "1.5GB"}, {}, "wsl2.memory takes a whole number with one of B, K, KB"),
        ("wslconfig", {"wsl2.memory": 1.5}, {}, "such as 8GB, not '1.5'."),
        ("wslconfig", {"wsl2.processors": 2**31}, {}, "wsl2.processors takes a whole number, not '2147483648'."),
        ("wslconfig", {}, {"remove": ["wsl2"]}, "wslconfig_remove: WSL knows no key 'wsl2' of .wslconfig"),
        (
            "wsl_conf",
            {"boot.systemd": 1},
            {"remove": ["Boot.Systemd"]},
            "boot.systemd is both set and in wsl_conf_remove",
        ),
        (
            "wsl_conf",
            {},
            {"variables": ["wsl_conf_path", "wsl_conf_boot_systemd"]},
            "wsl_conf_boot_systemd is no variable; set boot.systemd in wsl_conf_settings instead.",
        ),
        (
            "wslconfig",
            {},
            {"variables": ["wslconfig_experimental_dns_tunneling_ip_address"]},
            "set experimental.dnsTunnelingIpAddress in wslconfig_settings instead.",
        ),
        (
            "wsl_conf",
            {"interop.appendWindowsPath": True},
            {"levers": {"interop.appendWindowsPath": "false"}},
            "interop.appendWindowsPath is true in wsl_conf_settings and false as a lever; leave out one of them.",
        ),
        ("wsl_conf", {}, {"levers": {"interop.appendWindowsPath": "perhaps"}}, "appendWindowsPath takes true or false"),
    ],
)
def test_what_is_refused_in_one_sentence(role: str, settings: Any, more: dict[str, Any], refusal: str) -> None:
    planned = plan.plan_settings(settings, role, **more)
    assert refusal in planned["refusal"] and planned["refusal"].endswith(".")
    assert planned["content"] == "" and planned["sections"] == {}


@pytest.mark.parametrize(("value", "content"), [(None, ""), ("false", "[interop]\nappendWindowsPath=false\n")])
def test_a_lever_is_a_setting(value: Any, content: str) -> None:
    name = "wsl_conf_interop_append_windows_path"
    planned = plan.plan_settings({}, "wsl_conf", {"interop.appendWindowsPath": value}, variables=[name])
    assert (planned["refusal"], planned["content"]) == ("", content)
