# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the stand-ins of the test suite take for granted about WSL and Windows, each once, with its source.

An observation is a shape: no name, path, address or identifier of a person or a machine is in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCHEMA = 1


@dataclass(frozen=True)
class Assumption:
    """One thing that is taken for granted. C(expected) are the observations that agree with it.

    C(simulated) is what the simulated Windows host shows where it cannot do better, with the reason in C(because).
    """

    says: str
    source: str
    expected: tuple[Any, ...]
    simulated: Any = None
    because: str = ""


WSL = "github.com/microsoft/WSL, "
LEARN = "learn.microsoft.com, "

ASSUMPTIONS: dict[str, Assumption] = {
    "kernel_release": Assumption(
        "the kernel's release says microsoft in small letters",
        WSL + "UtilIsUtilityVm",
        ("microsoft",),
    ),
    "drive_mount": Assumption(
        "a Windows drive is a 9p mount of the server drvfs, and mountinfo names its path",
        WSL + "src/linux/init/drvfs.cpp",
        (
            {"fstype": "9p", "source": "X:\\134", "server": ["gid", "path", "symlinkroot", "uid"], "read_as": "X:\\"},
            {"fstype": "virtiofs", "source": "other", "server": [], "read_as": "X:\\"},
        ),
    ),
    "drive_transport": Assumption(
        "the 9p mount of a drive names msize and a transport by file descriptors",
        WSL + "MountPlan9",
        (["aname", "msize", "rfd", "trans", "wfd"], []),
    ),
    "binfmt_entry": Assumption(
        "programs that begin with MZ are started by /init",
        WSL + "src/linux/init/binfmt.cpp",
        tuple(
            {"interpreter": "/init", "magic": "4d5a", "offset": "0", "flags": flags} for flags in ("P", "PF", "FP", "F")
        ),
    ),
    "session_variables": Assumption(
        "a session has WSL_DISTRO_NAME, WSLENV, and a socket in WSL_INTEROP",
        WSL + "src/linux/init/config.cpp",
        ({"WSL_DISTRO_NAME": "set", "WSLENV": "set", "WSL_INTEROP": "/run/WSL/N_interop, a socket"},),
    ),
    "distro_share": Assumption(
        "wslpath -w / names the share of the distro",
        WSL + "src/linux/init/wslpath.cpp",
        ("\\\\wsl.localhost\\NAME\\",),
    ),
    "wsl_exe_encoding": Assumption(
        "wsl.exe writes UTF-16 without a mark, and UTF-8 where WSL_UTF8 is 1; lines end with CR LF",
        WSL + "src/windows/common/WslClient.cpp",
        ({"usual": "UTF-16LE", "WSL_UTF8": "UTF-8", "lines": "CRLF"},),
    ),
    "wsl_exe_list": Assumption(
        "wsl.exe --list --verbose has a heading and a row for each distro: mark, name, state, version",
        WSL + "src/windows/common/WslClient.cpp",
        ({"heading": True, "rows": "read", "defaults": 1},),
    ),
    "powershell_engine": Assumption(
        "powershell.exe is Windows PowerShell 5.1",
        LEARN + "Windows PowerShell",
        ({"edition": "Desktop", "version": "5.1"},),
        simulated={"edition": "Core", "version": "7.6"},
        because="Windows PowerShell 5.1 runs on Windows alone; the suite has PowerShell 7",
    ),
    "powershell_language": Assumption(
        "modules run in FullLanguage mode", LEARN + "about_Language_Modes", ("FullLanguage",)
    ),
    "powershell_scripts": Assumption(
        "PowerShell reads every script of the project without an error", "the project", ({"errors": 0},)
    ),
    "powershell_exit_code": Assumption(
        "eight bits of an exit code of Windows arrive",
        WSL + "src/linux/init/interop",
        ({"3": 3, "256": 0},),
        simulated={"3": 3, "256": 1},
        because="wine ends with 1 where the lowest eight bits are none",
    ),
    "powershell_output": Assumption(
        "text arrives as UTF-8 with CR LF where the console is set to it",
        WSL + "src/windows/common/interop.cpp",
        ("c3a90d0a",),
    ),
    "powershell_environment": Assumption(
        "a variable crosses only where WSLENV names it",
        LEARN + "Working across file systems",
        ({"named": "seen", "unnamed": "not seen"},),
    ),
    "token": Assumption(
        "whoami /groups shows the mandatory level of the token, and that of an administrator is High",
        LEARN + "Mandatory Integrity Control",
        ({"level": "High", "administrator": True}, {"level": "Medium", "administrator": False}),
    ),
    "defender_commands": Assumption(
        "the module Defender has the cmdlets that exclusions need",
        LEARN + "Defender module",
        (["Add-MpPreference", "Get-MpComputerStatus", "Get-MpPreference", "Remove-MpPreference"],),
    ),
    "defender_lists": Assumption(
        "a list of exclusions is texts, nothing where it is empty, and one text that begins with N/A where hidden",
        LEARN + "Get-MpPreference",
        tuple(
            {"ExclusionPath": shown, "ExclusionProcess": other, "ExclusionExtension": third}
            for shown in ("list", "nothing")
            for other in ("list", "nothing")
            for third in ("list", "nothing")
        )
        + ({"ExclusionPath": "hidden", "ExclusionProcess": "hidden", "ExclusionExtension": "hidden"},),
    ),
    "defender_status": Assumption(
        "Get-MpComputerStatus has these properties of these types",
        LEARN + "Get-MpComputerStatus",
        (
            {
                "AMProductVersion": "String",
                "AMRunningMode": "String",
                "AMServiceEnabled": "Boolean",
                "IsTamperProtected": "Boolean",
                "RealTimeProtectionEnabled": "Boolean",
            },
        ),
    ),
    "antivirus_products": Assumption(
        "root/SecurityCenter2 lists the antivirus products with their state as a number",
        LEARN + "Windows Security Center",
        ({"displayName": "text", "productState": "number"},),
    ),
    "registry_distros": Assumption(
        "the registry has each distro of the user below Lxss, and the default in DefaultDistribution",
        WSL + "src/windows/service/exe/DistributionRegistration.h",
        ({"DefaultDistribution": "String", "DistributionName": "String", "BasePath": "String", "Flags": "DWord"},),
    ),
    "wslconfig_warnings": Assumption(
        "wsl.exe warns of a .wslconfig exactly where this project's reader does",
        WSL + "src/windows/common/WslCoreConfig.cpp",
        ({"reader": "no complaint", "wsl.exe": "no warning"}, {"reader": "complains", "wsl.exe": "warns"}),
    ),
}

OUTCOMES = ("holds", "differs", "not answered")


def judge(name: str, observed: Any) -> str:
    """Return the outcome of one observation; none is one that could not be made."""
    if observed is None:
        return "not answered"
    return "holds" if observed in ASSUMPTIONS[name].expected else "differs"


def judge_simulated(name: str, observed: Any) -> str:
    """Return the outcome on the simulated host, where a difference that has its reason counts as expected."""
    simulated = ASSUMPTIONS[name].simulated
    if simulated is not None and observed == simulated:
        return "holds"
    return judge(name, observed)


def find_differences(contributed: Mapping[str, Any], simulated: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each thing that a real machine shows and the simulated host does not, and for bad files."""
    complaints = check(contributed)
    if complaints:
        return complaints
    found = []
    for name, assumption in ASSUMPTIONS.items():
        real = contributed["observed"].get(name)
        ours = simulated["observed"].get(name)
        if real is None or ours == real:
            continue
        if real in assumption.expected and (ours in assumption.expected or ours == assumption.simulated):
            continue
        found.append(f"{name}: {assumption.says}; a real machine shows {real!r}, the simulated host {ours!r}.")
    return found


LONGEST = 200
LARGEST = 1 << 16
"""Characters of a contract.json, which has some 3,000; whoever contributes one decides what is in it."""
"""Characters of a file's texts that are printed."""
# What could name a person or a machine; an observation has none of it.
PERSONAL = (
    (re.compile(r"(?i)[a-z]:\\(?!\\|134|$)\w"), "a Windows path"),
    (re.compile(r"/(home|root|mnt|Users)/\w"), "a path"),
    (re.compile(r"\bS-1-5-\d"), "an account's identifier"),
    (re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-"), "an identifier"),
    (re.compile(r"\b\d{1,3}(\.\d{1,3}){3}\b"), "an address"),
)


def _list_texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for pair in value.items() for part in pair for text in _list_texts(part)]
    if isinstance(value, (list, tuple)):
        return [text for part in value for text in _list_texts(part)]
    return [value] if isinstance(value, str) else []


def _shown(name: str) -> str:
    """Return a name of somebody else's file as a terminal shows it."""
    return name[:LONGEST] if name.isprintable() else ascii(name[:LONGEST])


def check(record: Any) -> list[str]:
    """Return why a contract.json cannot be taken, a sentence each; nothing where it can."""
    if not isinstance(record, Mapping) or record.get("schema") != SCHEMA:
        return [f"This is no contract.json of schema {SCHEMA}: make it with ./test.sh contract of this checkout."]
    if len(json.dumps(record)) > LARGEST:
        return [f"It is larger than {LARGEST >> 10} KiB, which no contract.json is."]
    observed = record.get("observed")
    if not isinstance(observed, Mapping) or not any(value is not None for value in observed.values()):
        return ["There is no observation in it: run ./test.sh contract inside WSL, with interop on."]
    unknown = [_shown(name) for name in sorted(set(observed) - set(ASSUMPTIONS))]
    complaints = [f"{name} is no assumption of this checkout." for name in unknown]
    for text in _list_texts(record):
        for pattern, what in PERSONAL:
            if pattern.search(text):
                complaints.append(f"{text[:LONGEST]!r} may be {what}, which must not be in the file.")
    return complaints
