# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judges what WSL reads: wsl.conf and .wslconfig (fstab.py has fstab), and whether WSLg's socket can be seen."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor import fstab as doctor_fstab
from ansible_collections.wsltune.go.plugins.module_utils.doctor.check import Check
from ansible_collections.wsltune.go.plugins.module_utils.linux import fstab
from ansible_collections.wsltune.go.plugins.module_utils.linux.text import join_names
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import wslconfig as wsl_wslconfig


def judge_conf(facts: Mapping[str, Any], text: str | None, here: wsl_judge.Here | None = None) -> list[Check]:
    """WT-020 to WT-024: what WSL makes of /etc/wsl.conf, and what it does `here`."""
    ids = ("WT-020", "WT-021", "WT-022", "WT-023", "WT-024")
    if not facts["is_wsl"]:
        return [doctor_check.not_wsl(check_id, "nothing reads wsl.conf.") for check_id in ids]
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
        _judge_lines(
            "WT-020",
            by_kind.get("unread", []),
            doctor_check.CRITICAL,
            "WSL reads /etc/wsl.conf to its end.",
            "WSL stops there and ignores the rest of /etc/wsl.conf: ",
            "settings after it have no effect",
            _edit(by_kind.get("unread", [])),
        ),
        _judge_lines(
            "WT-021",
            by_kind.get("twice", []),
            doctor_check.WARNING,
            "No key of /etc/wsl.conf stands twice.",
            "The first of two equal keys in /etc/wsl.conf counts: ",
            "the later value has no effect",
            _edit(by_kind.get("twice", []), "delete"),
        ),
        _judge_lines(
            "WT-022",
            by_kind.get("unknown", []),
            doctor_check.WARNING,
            "WSL knows every key of /etc/wsl.conf.",
            "WSL passes over keys and values of /etc/wsl.conf that it does not know: ",
            "they have no effect",
            _edit(by_kind.get("unknown", [])),
        ),
    ]
    checks.append(_judge_harmful(parsed, facts["conf"]["pending"], here or wsl_judge.Here()))
    checks.append(_judge_in_force(facts["conf"]))
    return checks


def _judge_harmful(parsed: wsl_conf.Parsed, pending: Collection[str], here: wsl_judge.Here) -> Check:
    verdict = wsl_judge.judge_values(parsed, pending, here)
    if verdict.unknown and not verdict.harms:
        return doctor_check.unknown("WT-023", f"Not known: {join_names(verdict.unknown)}.")
    good = "No value in /etc/wsl.conf does harm."
    if verdict.harmless:
        good = f"No value in /etc/wsl.conf does harm here, {join_names(verdict.harmless)} included."
    return _judge_lines(
        "WT-023",
        [reason.rstrip(".") for reason in verdict.harms],
        doctor_check.CRITICAL,
        good,
        "/etc/wsl.conf has values that do harm: ",
        "see the reason",
        "sudoedit /etc/wsl.conf",
    )


def _edit(lines: Sequence[str], verb: str = "") -> str:
    number = re.match(r"line (\d+)", lines[0]) if lines else None
    if number is None:
        return ""
    if "byte order mark" in lines[0]:
        return "sudo sed -i '1s/^\\xEF\\xBB\\xBF//' /etc/wsl.conf"
    if "UTF-16" in lines[0]:
        return (
            "iconv -f UTF-16 -t UTF-8 /etc/wsl.conf | sudo tee /etc/wsl.conf.new >/dev/null && "
            "sudo mv /etc/wsl.conf.new /etc/wsl.conf"
        )
    return f"sudo sed -i '{number[1]}{'d' if verb else 's/^/# /'}' /etc/wsl.conf"


def _judge_lines(
    check_id: str, lines: Sequence[str], status: str, good: str, bad: str, effect: str, command: str
) -> Check:
    if not lines:
        return doctor_check.ok(check_id, good)
    return Check(check_id, status, f"{bad}{join_names(lines)}.", effect=effect, command=command)


def _judge_in_force(facts: Mapping[str, Any]) -> Check:
    pending = facts["pending"]
    powerless = [note for note in facts["notes"] if "has no effect" in note]
    if powerless:
        return Check(
            "WT-024",
            doctor_check.WARNING,
            " ".join(powerless),
            effect="the setting has no effect",
            command="install:systemd",
        )
    if not pending:
        return doctor_check.ok("WT-024", "What /etc/wsl.conf says is in force.")
    sentences = [
        f"{name} is {value['written']!r} there and {_show(value['in_force'])} in force"
        for name, value in pending.items()
    ]
    return Check(
        "WT-024",
        doctor_check.WARNING,
        f"/etc/wsl.conf was changed since this distro started: {join_names(sentences)}.",
        effect="the settings have no effect until the distro is restarted, which ends all that runs in it",
        command=facts["restart_command"] or "wsl.exe --terminate <this distro>",
    )


def _show(value: Any) -> str:
    return "not known to be" if value is None else repr(value)


SOCKET_FOLDER = "/tmp/.X11-unix"
_MAKE = f"sudo mkdir {SOCKET_FOLDER}"
_MAKE_SOCKET_FOLDER = {"root": (), "another": (f"sudo rm -r {SOCKET_FOLDER}", _MAKE)}
"""What comes before mount(8), which follows a link that any account can put there. What root makes in /tmp stays."""


def judge_wslg(seen: Mapping[str, Any], is_wsl: bool) -> Check:
    """WT-029: a tmpfs that was mounted over /tmp after WSL put the socket of X there."""
    if not is_wsl:
        return doctor_check.not_wsl("WT-029", "there is no WSLg.")
    if not seen.get("offered"):
        return doctor_check.ok("WT-029", "WSLg offers no socket here.")
    if seen["visible"] or seen["tmp_fstype"] != "tmpfs":
        return doctor_check.ok("WT-029", "WSLg's socket is where programs look for it.")
    mount = f"sudo mount -o bind,ro {shlex.quote(seen['offered'])} {SOCKET_FOLDER}"
    return Check(
        "WT-029",
        doctor_check.WARNING,
        "A tmpfs lies over /tmp and hides /tmp/.X11-unix, so no program with a window starts.",
        effect="none on go test; tests that need a display fail",
        command=" && ".join([*_MAKE_SOCKET_FOLDER.get(seen["folder"], (_MAKE,)), mount]),
    )


_WSLCONFIG_IDS = ("WT-025", "WT-026", "WT-030")


def does_kernel_work(written: float | None, started: float | None, lacks: Sequence[str]) -> bool:
    """Return whether the kernel that .wslconfig names runs here and C(lacks) nothing that Docker and VPNs need.

    What was C(written) after the machine had C(started) is not in force.
    """
    return written is not None and started is not None and written < started and not lacks


def judge_wslconfig(
    text: str | None, path: str, cpus: int | None = None, memory: int | None = None, kernel_works: bool = False
) -> list[Check]:
    """WT-025, WT-026 and WT-030: what WSL makes of .wslconfig, whose bytes are decoded by surrogateescape.

    C(cpus) and C(memory) are what the virtual machine has. A kernel in force that C(kernel_works) is not judged as one
    that is to be set.
    """
    if text is None:
        return [
            doctor_check.ok(check_id, "There is no .wslconfig: WSL uses its defaults.") for check_id in _WSLCONFIG_IDS
        ]
    answer = f"edit {path}, then wsl.exe --shutdown, which ends all distros"
    try:
        text, encoding = wsl_conf.decode(text.encode("utf-8", "surrogateescape"), wsl_wslconfig.WSLCONFIG)
    except wsl_conf.EncodingError as error:
        return [
            Check(
                "WT-025",
                doctor_check.WARNING,
                f"WSL finds no key that it knows in .wslconfig: {error}.",
                effect="all of it has no effect",
                command=f"save {path} as UTF-8, then wsl.exe --shutdown, which ends all distros",
            ),
            doctor_check.ok("WT-026", "WSL follows nothing of .wslconfig, so no value in it does harm."),
            doctor_check.ok("WT-030", "WSL follows nothing of .wslconfig, so its defaults are in force."),
        ]
    parsed = wsl_wslconfig.parse(text)
    wrong = [f"line {detail.line}: {detail.reason.rstrip('.')}" for detail in parsed.details]
    wrong += [reason.rstrip(".") for reason in wsl_wslconfig.unlike_written(parsed.values)]
    # The section is left out because the line does not have it.
    harmful = [
        f"line {parsed.lines[harm.name]}: {harm.reason.partition('.')[2].rstrip('.')}"
        for harm in wsl_wslconfig.harmful(parsed)
        if harm.name != "wsl2.kernel" or not kernel_works
    ]
    good = "WSL follows every line of .wslconfig."
    if encoding != "utf-8":
        good += (
            " It is UTF-16, as PowerShell's > writes it, and read by its byte order mark; earlier WSL ignored such a "
            "file (microsoft/WSL#7851), so save it as UTF-8 to be sure."
        )
    return [
        _judge_lines(
            "WT-025",
            wrong,
            doctor_check.WARNING,
            good,
            "WSL does not follow .wslconfig as it is written: ",
            "they have no effect",
            answer,
        ),
        _judge_lines(
            "WT-026",
            harmful,
            doctor_check.CRITICAL,
            "No value in .wslconfig is known to do harm.",
            ".wslconfig has values that do harm: ",
            "see the reason",
            answer,
        ),
        _judge_vm(parsed, encoding, cpus, memory),
    ]


def _judge_vm(parsed: wsl_conf.Parsed, encoding: str, cpus: int | None, memory: int | None) -> Check:
    """WT-030: what the running virtual machine shows of .wslconfig."""
    waiting = []
    wanted = parsed.values.get("wsl2.processors")
    if isinstance(wanted, int) and wanted > 0 and cpus is not None and wanted != cpus:
        waiting.append(f"processors={parsed.raw['wsl2.processors']}, and the machine has {cpus}")
    size = parsed.values.get("wsl2.memory")
    # The kernel keeps some for itself.
    if isinstance(size, int) and size and memory and not 0.85 * size <= memory <= 1.01 * size:
        waiting.append(f"memory={parsed.raw['wsl2.memory']}, and the machine has {memory >> 20} MiB")
    if not waiting:
        return doctor_check.ok("WT-030", "The machine has the CPUs and the memory that .wslconfig gives it.")
    reasons = ["WSL was not restarted since", "Windows has less to give"]
    if encoding != "utf-8":
        reasons.append("this WSL does not read a file in UTF-16")
    return Check(
        "WT-030",
        doctor_check.WARNING,
        f".wslconfig says {join_names(waiting)}: {', or '.join(reasons)}.",
        effect="the settings have no effect until all distros are stopped",
        command="wsl.exe --shutdown",
    )


def _describe_here(seen: Mapping[str, Any], drives: Sequence[str]) -> wsl_judge.Here:
    facts, resolver, table = seen["wsl"], seen.get("resolver_file", {}), seen.get("fstab", {})
    points = None
    if "text" in table and not table.get("unknown"):
        points = list_fstab_points(table["text"] or "")
    return wsl_judge.Here(
        systemd=facts["systemd"],
        interop=facts["interop"]["enabled"],
        drives=bool(drives) if facts["mounts"] is not None else None,
        users=seen.get("local_users"),
        resolver=explain_resolver(resolver),
        resolver_is_wsls=str(resolver.get("link")).endswith(("/wsl/resolv.conf", "/run/resolvconf/resolv.conf")),
        fstab=points,
        mounted=table.get("mounted", ()),
    )


def explain_resolver(seen: Mapping[str, Any]) -> str | None:
    """Say why /etc/resolv.conf names no server; empty where it names one and None where that is not known."""
    if seen.get("there") is None or (seen["there"] and seen.get("text") is None):
        return None
    if not seen["there"]:
        link = seen.get("link")
        return f"/etc/resolv.conf is a link to {link}, which is not there" if link else "there is no /etc/resolv.conf"
    names_one = re.search(r"^[ \t]*nameserver[ \t]+\S", seen["text"], re.MULTILINE)
    return "" if names_one else "/etc/resolv.conf names no server"


def list_fstab_points(text: str) -> list[str]:
    """List the mount points that a start has to mount; a line that is none is WT-027's."""
    points = []
    for raw in text.splitlines():
        with contextlib.suppress(fstab.FstabError):
            line = fstab.parse_line(raw)
            if line is not None and "noauto" not in line.options and line.mount_point.startswith("/"):
                points.append(line.mount_point)
    return points


def judge(seen: Mapping[str, Any]) -> list[Check]:
    """List the checks of WSL and its files; without WSL, those of .wslconfig are ok because there is none."""
    facts = seen["wsl"]
    drives = [mount["mount_point"] for mount in seen.get("mounts", []) if mount["windows_drive"]]
    checks = judge_conf(facts, seen.get("conf"), _describe_here(seen, drives))
    if "fstab" in seen:
        checks += doctor_fstab.judge(seen["fstab"], wsl_judge.mounts_fstab(facts), facts["systemd"], drives)
    if "wslg" in seen:
        checks.append(judge_wslg(seen["wslg"], facts["is_wsl"]))
    windows = seen.get("windows")
    if windows is not None:
        if not facts["is_wsl"]:
            checks += [doctor_check.not_wsl(check_id, "there is no .wslconfig.") for check_id in _WSLCONFIG_IDS]
        elif not windows.get("wslconfig_path"):
            why = windows.get("reason") or windows.get("unknown") or "no Windows folder is in PATH"
            checks += [
                doctor_check.unknown(check_id, f"The user's folder on Windows is not known: {why}.")
                for check_id in _WSLCONFIG_IDS
            ]
        else:
            cpus = (seen.get("cpu") or {}).get("online")
            memory = (facts["memory"] or {}).get("total_bytes")
            kernel = windows.get("kernel") or {"written": None, "started": None, "lacks": []}
            checks += judge_wslconfig(
                windows["wslconfig"], windows["wslconfig_path"], cpus, memory, does_kernel_work(**kernel)
            )
    return checks
