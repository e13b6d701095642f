# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
r"""%UserProfile%\.wslconfig as WSL itself reads it, and which of its values harm or have no effect.

WslConfig.psm1 is the twin of this file on Windows: it edits the file there, while this one reads it from inside a
distro. A test gives both the same texts and compares what they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import forbidden
from ansible_collections.wsltune.go.plugins.module_utils.wsl.conf import Key, Value

_NETWORKING = ("none", "nat", "bridged", "mirrored", "consomme", "virtioproxy")
_RECLAIM = ("disabled", "gradual", "dropcache")
_KEYS = [
    Key("wsl2.kernel", "path", "", "Kernel to start instead of the one that comes with WSL."),
    Key("wsl2.kernelCommandLine", "str", "", "Words to add to the command line of the kernel."),
    Key("wsl2.kernelModules", "path", "", "VHD with the modules of the kernel in wsl2.kernel."),
    Key(
        "wsl2.memory",
        "memory",
        None,
        "Most memory that all distros together get; half of the host's where it is not set.",
    ),
    Key(
        "wsl2.processors",
        "int",
        None,
        "Processors that all distros together get; all of the host's where it is not set.",
    ),
    Key(
        "wsl2.swap",
        "memory",
        None,
        "Size of the swap file, 0 for none; a quarter of wsl2.memory, in whole GB, where it is not set.",
    ),
    Key("wsl2.swapFile", "path", "", "The swap file, a VHDX; in the folder of temporary files where it is not set."),
    Key("wsl2.localhostForwarding", "bool", True, "Let Windows reach ports of WSL as localhost (NAT only)."),
    Key(
        "wsl2.nestedVirtualization",
        "bool",
        None,
        "Let distros start virtual machines; true where Windows and the processor can.",
    ),
    Key("wsl2.virtio9p", "bool", False, "Windows drives by 9p over virtio. WSL ignores it."),
    Key("wsl2.virtiofs", "bool", False, "Windows drives by virtiofs instead of 9p."),
    Key("wsl2.virtio", "bool", True, "Use virtio devices at all."),
    Key("wsl2.gpuSupport", "bool", True, "Give Linux programs the Windows GPU."),
    Key("wsl2.guiApplications", "bool", True, "Show Linux windows on the Windows desktop (WSLg)."),
    Key("wsl2.systemDistro", "path", "", "VHD of the system distro to take instead of WSL's own."),
    Key("wsl2.telemetry", "bool", True, "Send usage data to Microsoft."),
    Key(
        "wsl2.vmIdleTimeout",
        "int",
        60000,
        "Milliseconds without a distro after which the virtual machine stops; negative for never.",
        least=1000,
    ),
    Key("wsl2.debugConsole", "bool", False, "Show the kernel's messages in a window."),
    Key(
        "wsl2.earlyBootLogging", "bool", None, "Log the start of the kernel; as wsl2.debugConsole where it is not set."
    ),
    Key("wsl2.debugConsoleLogFile", "path", "", "File for the kernel's messages."),
    Key("wsl2.kernelDebugPort", "int", 0, "Port for a kernel debugger, 0 for none."),
    Key("wsl2.kernelBootTimeout", "int", 30000, "Milliseconds that the kernel gets to start.", least=1000),
    Key("wsl2.distributionStartTimeout", "int", 60000, "Milliseconds that a distro gets to start.", least=1000),
    Key("wsl2.mountDeviceTimeout", "int", 5000, "Milliseconds that a disk gets to be mounted.", least=1000),
    Key("wsl2.hostFileSystemAccess", "bool", True, "Give distros the Windows drives."),
    Key("wsl2.hardwarePerformanceCounters", "bool", True, "Give distros the processor's counters, which perf needs."),
    Key(
        "wsl2.networkingMode",
        "enum",
        "nat",
        "How distros reach the network.",
        choices=_NETWORKING,
        renamed=("virtioproxy", "consomme"),
        aliases=("experimental.networkingMode",),
    ),
    Key("wsl2.vmSwitch", "str", "", "Hyper-V switch of the networking mode bridged."),
    Key(
        "wsl2.macAddress", "mac", None, "MAC address in the networking mode bridged; a random one where it is not set."
    ),
    Key("wsl2.dhcp", "bool", True, "Get an address by DHCP."),
    Key("wsl2.dhcpTimeout", "int", 5000, "Milliseconds to wait for DHCP."),
    Key("wsl2.ipv6", "bool", False, "IPv6 in the networking mode bridged."),
    Key("wsl2.dnsProxy", "bool", True, "Answer name queries by the host (NAT only)."),
    Key(
        "wsl2.dnsTunneling",
        "bool",
        True,
        "Let Windows resolve names for Linux.",
        aliases=("experimental.dnsTunneling",),
    ),
    Key(
        "wsl2.firewall",
        "bool",
        True,
        "Let the rules of the Windows firewall hold for WSL.",
        aliases=("experimental.firewall",),
    ),
    Key("wsl2.autoProxy", "bool", True, "Take the HTTP proxy of Windows.", aliases=("experimental.autoProxy",)),
    Key("wsl2.safeMode", "bool", False, "Start without most of what the host offers, to get at a broken distro."),
    Key(
        "wsl2.defaultVhdSize", "memory", 1099511627776, "Largest size of the disk of a distro that is installed later."
    ),
    Key(
        "wsl2.crashDumpFolder",
        "path",
        "",
        "Folder for dumps of crashed programs; in the folder of temporary files where it is not set.",
    ),
    Key("wsl2.maxCrashDumpCount", "int", 10, "Most dumps that are kept; negative for none."),
    Key("wsl2.loadDefaultKernelModules", "bool", True, "Load the modules tun, ip_tables and br_netfilter."),
    Key("wsl2.loadKernelModules", "list", "", "More modules of the kernel to load."),
    Key(
        "wsl2.isolateDistroCgroup",
        "bool",
        True,
        "Give each distro its own root of the control groups (newer than WSL 2.9.4).",
    ),
    Key(
        "general.distributionInstallPath",
        "path",
        "",
        "Folder for distros that are installed later; %LocalAppData%\\wsl where it is not set.",
    ),
    Key(
        "general.instanceIdleTimeout",
        "int",
        15000,
        "Milliseconds without a program after which a distro stops; negative for never.",
        least=1000,
    ),
    Key(
        "experimental.autoMemoryReclaim",
        "enum",
        "dropcache",
        "How memory goes back to Windows when the machine is idle.",
        choices=_RECLAIM,
    ),
    Key("experimental.sparseVhd", "bool", False, "Make disks of new distros that shrink by themselves."),
    Key(
        "experimental.bestEffortDnsParsing",
        "bool",
        False,
        "Answer name queries that Windows does not fully understand (DNS tunneling only).",
    ),
    Key(
        "experimental.dnsTunnelingIpAddress", "ip", None, "Address of the name server in distros (DNS tunneling only)."
    ),
    Key(
        "experimental.initialAutoProxyTimeout", "int", 1000, "Milliseconds that a start waits for the proxy of Windows."
    ),
    Key(
        "experimental.ignoredPorts", "ports", "", "Ports that Linux may take though Windows uses them (mirrored only)."
    ),
    Key(
        "experimental.hostAddressLoopback",
        "bool",
        False,
        "Reach Windows and WSL by the host's addresses too (mirrored only).",
    ),
    Key("experimental.setVersionDebug", "bool", False, "Show what a conversion between WSL1 and WSL2 does."),
    Key("experimental.swiotlb", "memory", None, "Memory for the buffers of virtio devices (WSL 2.8.9 and later)."),
    Key(
        "experimental.virtioFsAggregateShares",
        "bool",
        True,
        "Share all Windows drives by one virtiofs device (newer than WSL 2.9.4).",
    ),
]
KEYS = {key.name: key for key in _KEYS}

# WslCoreConfig.cpp opens the file with "rt,ccs=UTF-8", where a byte order mark decides.
WSLCONFIG = wsl_conf.Dialect(
    ".wslconfig",
    KEYS,
    skips_bad_lines=True,
    is_windows_text=True,
    clamps_integers=True,
    marks={b"\xff\xfe": "utf-16-le", b"\xef\xbb\xbf": "utf-8"},
    foreign={name.partition(".")[0].lower(): "/etc/wsl.conf" for name in wsl_conf.KEYS if name[:8] != "general."},
    consequences={"InvalidMacAddress": "WSL does not start", "InvalidIp": "WSL switches DNS tunneling off"},
)


def parse(text: str) -> wsl_conf.Parsed:
    """Return what WSL makes of the text of .wslconfig; sizes are numbers of bytes."""
    return wsl_conf.parse(text, WSLCONFIG)


class Harm(NamedTuple):
    """Why a value harms: its key, and the reason in a sentence that starts with C(section.key=value)."""

    name: str
    reason: str


def _gigabytes(size: float) -> str:
    return f"{round(size / 2**30, 1):g}"


def harmful(parsed: wsl_conf.Parsed, host_memory: int = 0, host_processors: int = 0) -> list[Harm]:
    """Say why the values in force would harm; a host's memory (bytes) or processors of 0 is not known.

    Only Windows knows them, so the doctor gives neither; WslConfig.psm1 does, and a test compares the two.
    """
    harms = []
    for name, value in parsed.values.items():
        key = KEYS[name]
        shown = f"{name}={wsl_conf.encode(parsed.raw[name])}"
        if key.type == "memory" and isinstance(value, int) and 0 < value < 2**20:
            harms.append(
                Harm(name, f"{shown}: WSL reads that as {value} bytes; put a unit after the number, such as {value}GB.")
            )
            continue
        if key.least is not None and isinstance(value, int) and 0 <= value < key.least:
            harms.append(
                Harm(
                    name,
                    f"{shown}: that is less than a second, so that WSL gives up or stops before anything is done; "
                    "a negative number is never.",
                )
            )
        harms += [
            Harm(name, f"{shown}: {reason}.")
            for reason in _reasons(name, value, parsed.values, host_memory, host_processors)
        ]
    return harms


_UNPROTECTED = re.compile(r"(?:^|\s)mitigations=off(?:\s|$)|(?:^|\s)no(?:pti|spectre_v[12])(?:\s|$)")


def _reasons(
    name: str, value: Value, values: Mapping[str, Value], host_memory: int, host_processors: int
) -> Iterator[str]:
    if name in forbidden.WSLCONFIG and value == forbidden.WSLCONFIG[name][0]:
        yield forbidden.WSLCONFIG[name][1]
    elif name == "wsl2.memory" and isinstance(value, int):
        yield from _memory_reasons(value, host_memory)
    elif name == "wsl2.processors" and isinstance(value, int):
        if 0 < host_processors < value:
            yield f"this machine has {host_processors}, and WSL would warn and take those"
    elif name == "wsl2.swap":
        memory = values.get("wsl2.memory") or host_memory / 2
        if value == 0 and isinstance(memory, (int, float)) and 0 < memory < 8 * 2**30:
            size = _gigabytes(memory)
            yield f"without swap the kernel kills a build that needs more than the {size} GB of wsl2.memory"
    elif name == "wsl2.kernel":
        if value and not values.get("wsl2.kernelModules"):
            yield ("without wsl2.kernelModules of the same kernel there are no modules, and Docker and VPNs need some")
    elif name == "wsl2.kernelCommandLine":
        if _UNPROTECTED.search(str(value)):
            yield "that takes away the protection against attacks on the processor from every distro"
    elif name == "wsl2.networkingMode" and value == "bridged" and not values.get("wsl2.vmSwitch"):
        yield "that needs a Hyper-V switch in wsl2.vmSwitch, and no distro starts without it"


def _memory_reasons(value: int, host_memory: int) -> Iterator[str]:
    left = 2 * 2**30
    if 0 < value < 256 * 2**20:
        yield "WSL takes no less than 256MB, and Go's linker needs more"
    elif 0 < host_memory < value:
        yield f"this machine has {_gigabytes(host_memory)} GB, and WSL would take all of it"
    elif host_memory > left and value > host_memory - left:
        yield f"of this machine's {_gigabytes(host_memory)} GB that leaves Windows less than 2 GB"


_WHOLE_PATH = re.compile(r"(?:[A-Za-z]:[\\/][^:*?\"<>|]*|[\\/]{2}[^\\/].*)\Z")
"""A Windows path from a drive or a server on; of what is no such path, WSL knows no folder to look in."""


def unlike_written(values: Mapping[str, Value]) -> list[str]:
    """List the values that WSL reads in another way than they look, or does not follow, one sentence each."""
    sentences = []
    for name, value in values.items():
        is_path = KEYS[name].type == "path"
        odd = re.search(r"[^\x00-\x7f]", str(value))
        variable = is_path and re.search(r"%[A-Za-z][A-Za-z0-9_]*%", str(value))
        if is_path and re.search(r"[\x00-\x1f]", str(value)):
            sentences.append(f"{name} is {wsl_conf.show(str(value))} to WSL because a backslash must be written twice.")
        elif variable:
            sentences.append(f"{name} has {variable[0]}, which WSL is not known to replace: write the whole path.")
        elif is_path and value and not _WHOLE_PATH.match(str(value)):
            sentences.append(
                f"{name} is {wsl_conf.show(str(value))}, where WSL takes a full Windows path such as C:\\wsl\\file."
            )
        elif odd:
            sentences.append(
                f"{name} has the character {wsl_conf.show(odd[0])}, and WSL reads only ASCII from .wslconfig."
            )

    def now(name: str) -> Value | None:
        return values.get(name, KEYS[name].default)

    unmet = {
        "experimental.ignoredPorts": ("wsl2.networkingMode", "mirrored"),
        "experimental.hostAddressLoopback": ("wsl2.networkingMode", "mirrored"),
        "wsl2.vmSwitch": ("wsl2.networkingMode", "bridged"),
    }
    for name, (other, needed) in unmet.items():
        if values.get(name) and now(other) != needed:
            sentences.append(f"{name} has no effect without {other}={needed}.")
    if values.get("wsl2.virtio9p"):
        sentences.append("wsl2.virtio9p=true has no effect: WSL has switched it off.")
    if values.get("wsl2.virtiofs") and now("wsl2.virtio") is False:
        sentences.append("wsl2.virtiofs=true has no effect with wsl2.virtio=false.")
    for name in ("experimental.bestEffortDnsParsing", "experimental.dnsTunnelingIpAddress"):
        if values.get(name) and now("wsl2.dnsTunneling") is False:
            sentences.append(f"{name} has no effect with wsl2.dnsTunneling=false.")
    return sentences


def list_notes(values: Mapping[str, Value]) -> list[str]:
    """Say what the values in force do that is not seen from them, one sentence each."""
    sentences = unlike_written(values)
    if values.get("wsl2.networkingMode") == "mirrored":
        sentences.append(
            "wsl2.networkingMode=mirrored: Windows and WSL share their ports, so a test that listens on a fixed one "
            "can find it taken."
        )
    return sentences
