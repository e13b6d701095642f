# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judges what WSL reads: wsl.conf and .wslconfig (fstab.py has fstab), and whether WSLg's socket can be seen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor import fstab as doctor_fstab
from ansible_collections.wsltune.go.plugins.module_utils.doctor.check import Check, listed
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf


def conf(facts: Mapping[str, Any], text: str | None) -> list[Check]:
    """WT-020 to WT-024: what WSL makes of /etc/wsl.conf."""
    ids = ("WT-020", "WT-021", "WT-022", "WT-023", "WT-024")
    if not facts["is_wsl"]:
        return [doctor_check.ok(check_id, "This is not WSL: nothing reads wsl.conf.") for check_id in ids]
    if "conf" in facts["unknown"]:
        return [doctor_check.unknown(check_id, facts["unknown"]["conf"]) for check_id in ids]
    if text is None:
        text = ""
    parsed = wsl_conf.parse(text)
    by_kind: dict[str, list[str]] = {}
    for detail in parsed.details:
        group = "twice" if detail.kind == "KeyDuplicated" else "unknown"
        if not parsed.complete and detail is parsed.details[-1]:
            group = "unread"
        by_kind.setdefault(group, []).append(f"line {detail.line}: {detail.reason.rstrip('.')}")
    checks = [
        _conf(
            "WT-020",
            by_kind.get("unread", []),
            doctor_check.CRITICAL,
            "WSL reads /etc/wsl.conf to its end.",
            "WSL stops there and ignores the rest of /etc/wsl.conf: ",
            "settings after it have no effect",
            _edit(by_kind.get("unread", [])),
        ),
        _conf(
            "WT-021",
            by_kind.get("twice", []),
            doctor_check.WARNING,
            "No key of /etc/wsl.conf stands twice.",
            "The first of two equal keys in /etc/wsl.conf counts: ",
            "the later value has no effect",
            _edit(by_kind.get("twice", []), "delete"),
        ),
        _conf(
            "WT-022",
            by_kind.get("unknown", []),
            doctor_check.WARNING,
            "WSL knows every key of /etc/wsl.conf.",
            "WSL passes over keys and values of /etc/wsl.conf that it does not know: ",
            "they have no effect",
            _edit(by_kind.get("unknown", [])),
        ),
    ]
    harmful = wsl_conf.harmful({name: _as_written(parsed, name) for name in parsed.values}, parsed.values)
    checks.append(
        _conf(
            "WT-023",
            [one.rstrip(".") for one in harmful],
            doctor_check.CRITICAL,
            "No value in /etc/wsl.conf does harm.",
            "/etc/wsl.conf has values that do harm: ",
            "see the reason",
            "sudoedit /etc/wsl.conf",
        )
    )
    checks.append(_in_force(facts["conf"]))
    return checks


def _as_written(parsed: wsl_conf.Parsed, name: str) -> Any:
    # Whether a mask was written as a decimal number shows in its text alone.
    return parsed.raw[name] if wsl_conf.KEYS[name].octal else parsed.values[name]


def _edit(found: Sequence[str], verb: str = "") -> str:
    number = re.match(r"line (\d+)", found[0]) if found else None
    if number is None:
        return ""
    return f"sudo sed -i '{number[1]}{'d' if verb else 's/^/# /'}' /etc/wsl.conf"


def _conf(check_id: str, found: Sequence[str], status: str, good: str, bad: str, effect: str, command: str) -> Check:
    if not found:
        return doctor_check.ok(check_id, good)
    return Check(check_id, status, f"{bad}{listed(found)}.", effect=effect, command=command)


def _in_force(facts: Mapping[str, Any]) -> Check:
    pending = facts["pending"]
    powerless = [note for note in facts["notes"] if "has no effect" in note]
    if powerless:
        return Check(
            "WT-024",
            doctor_check.WARNING,
            " ".join(powerless),
            effect="the setting has no effect",
            command="sudo apt install systemd-sysv",
        )
    if not pending:
        return doctor_check.ok("WT-024", "What /etc/wsl.conf says is in force.")
    told = [
        f"{name} is {value['written']!r} there and {_shown(value['in_force'])} in force"
        for name, value in pending.items()
    ]
    return Check(
        "WT-024",
        doctor_check.WARNING,
        f"/etc/wsl.conf was changed since this distro started: {listed(told)}.",
        effect="the settings have no effect until the distro is restarted, which ends all that runs in it",
        command=facts["restart_command"] or "wsl.exe --terminate <this distro>",
    )


def _shown(value: Any) -> str:
    return "not known to be" if value is None else repr(value)


def wslg(seen: Mapping[str, Any], is_wsl: bool) -> Check:
    """WT-029: a tmpfs that was mounted over /tmp after WSL put the socket of X there."""
    if not is_wsl or not seen.get("offered"):
        return doctor_check.ok(
            "WT-029", "WSLg offers no socket here." if is_wsl else "This is not WSL: there is no WSLg."
        )
    if seen["visible"] or seen["tmp_fstype"] != "tmpfs":
        return doctor_check.ok("WT-029", "WSLg's socket is where programs look for it.")
    return Check(
        "WT-029",
        doctor_check.WARNING,
        "A tmpfs lies over /tmp and hides /tmp/.X11-unix, so no program with a window starts.",
        effect="none on go test; tests that need a display fail",
        command=f"sudo mount -o bind,ro,X-mount.mkdir {seen['offered']} /tmp/.X11-unix",
    )


_WSLCONFIG_IDS = ("WT-025", "WT-026", "WT-030")
# Values that cost more than they give, with the reason (docs/cases/WT-026.md has the sources).
_HARMFUL = {
    "experimental.sparsevhd": ("true", "sparse disks lost data: WSL itself refuses to make them"),
    "experimental.automemoryreclaim": ("gradual", "it hangs distros with systemd or Docker"),
    "wsl2.virtio9p": ("true", "WSL ignores it and says so at each start"),
    "wsl2.safemode": ("true", "it starts distros without fstab, systemd and Windows drives"),
}
_LIKE_BOOL = {"1": "true", "0": "false"}
# The keys that WSL reads, as in WslConfig.psm1 (a test compares the two); the aliases are older places of a key.
WSLCONFIG_KEYS = {
    "wsl2": (
        "kernel kernelCommandLine kernelModules memory processors swap swapFile localhostForwarding "
        "nestedVirtualization virtio9p virtiofs virtio gpuSupport guiApplications systemDistro telemetry vmIdleTimeout "
        "debugConsole "
        "earlyBootLogging debugConsoleLogFile kernelDebugPort kernelBootTimeout distributionStartTimeout "
        "mountDeviceTimeout hostFileSystemAccess hardwarePerformanceCounters networkingMode vmSwitch macAddress dhcp "
        "dhcpTimeout ipv6 dnsProxy dnsTunneling firewall autoProxy safeMode defaultVhdSize crashDumpFolder "
        "maxCrashDumpCount loadDefaultKernelModules loadKernelModules isolateDistroCgroup"
    ),
    "general": "distributionInstallPath instanceIdleTimeout",
    "experimental": (
        "autoMemoryReclaim sparseVhd bestEffortDnsParsing dnsTunnelingIpAddress initialAutoProxyTimeout ignoredPorts "
        "hostAddressLoopback setVersionDebug swiotlb virtioFsAggregateShares"
    ),
}
WSLCONFIG_ALIASES = {
    f"experimental.{name}".lower(): f"wsl2.{name}".lower()
    for name in ("networkingMode", "dnsTunneling", "firewall", "autoProxy")
}
_WSLCONFIG_KNOWN = {f"{section}.{name}".lower() for section, names in WSLCONFIG_KEYS.items() for name in names.split()}
_UNITS = {"": 0, "B": 0, "K": 10, "KB": 10, "M": 20, "MB": 20, "G": 30, "GB": 30, "T": 40, "TB": 40}


def wslconfig(text: str | None, path: str, cpus: int | None = None, memory: int | None = None) -> list[Check]:
    """WT-025, WT-026 and WT-030: the same grammar as wsl.conf, but a bad line is only passed over.

    C(cpus) and C(memory) are what the virtual machine has.
    """
    if text is None:
        return [
            doctor_check.ok(check_id, "There is no .wslconfig: WSL uses its defaults.") for check_id in _WSLCONFIG_IDS
        ]
    first: dict[str, int] = {}
    values: dict[str, str] = {}
    wrong, harmful = [], []
    section = ""
    for number, raw in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        head = re.match(r"\[([A-Za-z][A-Za-z0-9]*)\]\s*(#.*)?$", line)
        if head:
            section = head[1].lower()
            continue
        entry = re.match(r"([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(.*)$", line)
        if not entry or re.search(r'\\[^\\"bnt]|\\$', entry[2].replace("\\\\", "")):
            why = "a backslash is written twice" if entry else "it is neither a key nor a [section] nor a # comment"
            wrong.append(f"line {number}: WSL passes over {line[:40]!r}, for {why}")
            continue
        name = f"{section}.{entry[1].lower()}"
        name = WSLCONFIG_ALIASES.get(name, name)
        value = entry[2].split("#")[0].strip().strip('"').lower()
        if name in first:
            wrong.append(f"line {number}: {name} stands in line {first[name]} already, and WSL takes the first one")
            continue
        first[name], values[name] = number, entry[2].split("#")[0].strip().strip('"')
        if name not in _WSLCONFIG_KNOWN:
            wrong.append(f"line {number}: WSL knows no key {name!r}")
        bad = _HARMFUL.get(name)
        if bad and _LIKE_BOOL.get(value, value) == bad[0]:
            harmful.append(f"line {number}: {entry[1]}={value}: {bad[1]}")
    answer = f"edit {path}, then wsl.exe --shutdown, which ends all distros"
    return [
        _conf(
            "WT-025",
            wrong,
            doctor_check.WARNING,
            "WSL follows every line of .wslconfig.",
            "WSL does not follow lines of .wslconfig: ",
            "they have no effect",
            answer,
        ),
        _conf(
            "WT-026",
            harmful,
            doctor_check.WARNING,
            "No value in .wslconfig is known to do harm.",
            ".wslconfig has values that do harm: ",
            "see the reason",
            answer,
        ),
        _vm(values, cpus, memory),
    ]


def _vm(values: Mapping[str, str], cpus: int | None, memory: int | None) -> Check:
    """WT-030: what the running virtual machine shows of .wslconfig."""
    waiting = []
    wanted = values.get("wsl2.processors", "")
    if wanted.isdigit() and int(wanted) > 0 and cpus is not None and int(wanted) != cpus:
        waiting.append(f"processors={wanted}, and the machine has {cpus}")
    size = re.match(r"(\d+)([KMGT]?B?)$", values.get("wsl2.memory", ""))
    if size and int(size[1]) and memory:
        asked = int(size[1]) << _UNITS[size[2]]
        # The kernel keeps some for itself.
        if not 0.85 * asked <= memory <= 1.01 * asked:
            waiting.append(f"memory={size[0]}, and the machine has {memory >> 20} MiB")
    if not waiting:
        return doctor_check.ok("WT-030", "The machine has the CPUs and the memory that .wslconfig gives it.")
    return Check(
        "WT-030",
        doctor_check.WARNING,
        f".wslconfig says {listed(waiting)}: WSL was not restarted since, or Windows has less to give.",
        effect="the settings have no effect until all distros are stopped",
        command="wsl.exe --shutdown",
    )


def judge(seen: Mapping[str, Any]) -> list[Check]:
    facts = seen["wsl"]
    checks = conf(facts, seen.get("conf"))
    drives = [mount["mount_point"] for mount in seen.get("mounts", []) if mount["windows_drive"]]
    if "fstab" in seen:
        checks += doctor_fstab.judge(seen["fstab"], facts["is_wsl"], facts["systemd"], drives)
    if "wslg" in seen:
        checks.append(wslg(seen["wslg"], facts["is_wsl"]))
    windows = seen.get("windows")
    if windows is not None:
        if not facts["is_wsl"]:
            checks += [
                doctor_check.ok(check_id, "This is not WSL: there is no .wslconfig.") for check_id in _WSLCONFIG_IDS
            ]
        elif not windows.get("wslconfig_path"):
            why = windows.get("reason") or windows.get("unknown") or "no Windows folder is in PATH"
            checks += [
                doctor_check.unknown(check_id, f"The user's folder on Windows is not known: {why}.")
                for check_id in _WSLCONFIG_IDS
            ]
        else:
            cpus = (seen.get("cpu") or {}).get("online")
            memory = (facts["memory"] or {}).get("total_bytes")
            checks += wslconfig(windows["wslconfig"], windows["wslconfig_path"], cpus, memory)
    return checks
