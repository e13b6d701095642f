# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a machine's texts say about WSL: whether it is one, when it started, what of wsl.conf is in force.

wsl/conf.py reads the file: it decides which lines and which of two equal keys count, and names the others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import meminfo, mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.linux.text import join_names, printable
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf

# What wsl.conf said when this distro started, kept at the first edit since; /run is new at every start.
IN_FORCE = "/run/wsltune/wsl.conf"
# Where the small programs lie that start those of Windows (wsl/launchers).
LAUNCHERS = "/usr/local/bin"
LAUNCHED_FOR = "interop.appendWindowsPath"
AS_WRITTEN, EDITED, GONE = "as_written", "edited", "gone"
"""What became of a launcher that a run wrote."""

RESTART_NOTE = "It ends every program and service of this distro; other distros and Windows go on."


@dataclass
class Machine:
    """The texts that were read; None stands for one that is not there or could not be read (see `errors`)."""

    release: str | None = None
    pid1_comm: str | None = None
    pid2_comm: str | None = None
    pid1_stat: str | None = None
    stat: str | None = None
    mountinfo: str | None = None
    meminfo: str | None = None
    hostname: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    has_init: bool = False
    has_run_wsl: bool = False
    has_systemd_folder: bool = False
    can_start_systemd: bool = True
    binfmt_status: str | None = None
    binfmt_entries: Mapping[str, str] = field(default_factory=dict)
    interop_sockets: Sequence[str] = ()
    safe_sockets: Sequence[str] = ()
    """Those of them at which no other account listens."""
    virtiofs_links: Mapping[str, str] = field(default_factory=dict)
    root_in_windows: str | None = None
    ticks: int = 100
    conf_path: str = "/etc/wsl.conf"
    conf: str | None = None
    conf_mtime: float | None = None
    in_force: str | None = None
    in_force_mtime: float | None = None
    launchers: Mapping[str, str] = field(default_factory=dict)
    """What became of each launcher on record, by its path."""
    run_since: float | None = None
    """When the first of what lies in /run was made there, where that is new at every start."""
    errors: dict[str, str] = field(default_factory=dict)


def is_wsl(machine: Machine) -> bool:
    """Return whether this is a WSL distro; a container on WSL2 has its kernel, but neither its init nor its folders."""
    if not machine.has_init:
        return False
    if "microsoft" in (machine.release or "").lower():
        return machine.has_run_wsl or bool(machine.binfmt_entries)
    return machine.has_run_wsl


def version(machine: Machine) -> int | None:
    """Return 1 or 2; a kernel that someone built need not have the name, and only WSL2 runs one."""
    if not is_wsl(machine):
        return None
    return 1 if "Microsoft" in (machine.release or "") else 2


def distro(machine: Machine) -> str | None:
    """Return the distro's name: from the session, from its share on Windows, or from the name of WSL's init."""
    name = machine.environment.get("WSL_DISTRO_NAME")
    if name:
        return name
    share = re.match(r"\\\\wsl(?:\.localhost|\$)\\([^\\\r\n]+)", machine.root_in_windows or "")
    if share:
        return share.group(1)
    for comm in (machine.pid1_comm, machine.pid2_comm):
        # The kernel cuts the name after 15 characters: without its ) it is not the whole name.
        whole = re.match(r"init(?:-systemd)?\((.+)\)\s*\Z", comm or "")
        if whole:
            return whole.group(1)
    return None


def runs_systemd(machine: Machine) -> bool | None:
    """Return whether systemd runs the machine; None where PID 1's name could not be read."""
    if machine.has_systemd_folder:
        return True
    return None if machine.pid1_comm is None else machine.pid1_comm.strip() == "systemd"


def starts_systemd(machine: Machine) -> bool:
    """Return whether systemd runs the machine from its next start on; False too where that is unknown."""
    if is_wsl(machine):
        asked = wsl_conf.parse(machine.conf or "").values.get("boot.systemd") is True
        return asked and machine.can_start_systemd
    return bool(runs_systemd(machine))


def follows_fstab(machine: Machine) -> bool:
    """Return whether something mounts what /etc/fstab says at the next start."""
    is_off = wsl_conf.parse(machine.conf or "").values.get("automount.mountFsTab") is False
    return not (is_wsl(machine) and is_off) or starts_systemd(machine)


def started_at(machine: Machine) -> float | None:
    """Return when PID 1 started, in seconds since 1970: the distro's start, which comes after that of WSL's machine.

    The kernel counts it back from now. After a sleep of Windows the clock is set forward, and that start moves with it;
    what lies in /run keeps its time, as the files do that are compared with it.
    """
    booted = re.search(r"^btime (\d+)$", machine.stat or "", re.MULTILINE)
    fields = (machine.pid1_stat or "").rpartition(")")[2].split()
    if booted is None or len(fields) < 20 or not fields[19].isdigit():
        return None
    start = round(int(booted.group(1)) + int(fields[19]) / machine.ticks, 2)
    return start if machine.run_since is None else min(start, machine.run_since)


def interop(machine: Machine) -> dict[str, Any]:
    """Return whether Windows programs can be started from here, and why not."""
    if not is_wsl(machine):
        return {"enabled": False, "reason": "This is not WSL."}
    if not machine.binfmt_entries:
        if machine.binfmt_status is None:
            return {
                "enabled": None,
                "reason": "binfmt_misc is not mounted or not readable, so its entries are unknown.",
            }
        return {
            "enabled": False,
            "reason": "The kernel has no entry WSLInterop, so a Windows program is no program to it.",
        }
    if (machine.binfmt_status or "").strip() == "disabled":
        return {
            "enabled": False,
            "reason": "binfmt_misc is disabled, so a Windows program is no program to the kernel.",
        }
    if not any(text.startswith("enabled") for text in machine.binfmt_entries.values()):
        return {"enabled": False, "reason": "The kernel's entry WSLInterop is disabled."}
    if not machine.interop_sockets:
        return {
            "enabled": False,
            "reason": "There is no interop socket in /run/WSL: interop.enabled was false at the start.",
        }
    return {"enabled": True, "reason": None}


@dataclass(frozen=True)
class Drives:
    """How WSL itself mounted the Windows drives, as far as the mount table shows it."""

    root: str | None = None
    options: tuple[str, ...] | None = None


def _normal(option: str) -> str:
    name, equals, value = option.partition("=")
    if name in ("umask", "fmask", "dmask"):
        value = value.lstrip("0") or "0"
    if option == "case=force":
        return "case=dir"
    return name + equals + value


def drives(mounts: Sequence[mountinfo.Mount]) -> Drives:
    """Return where and how WSL mounts the drives, as the first one shows; None for what it does not show."""
    for mount in mounts:
        letter = (mount.windows_path or "")[:1].lower()
        folder, _slash, name = mount.mount_point.rpartition("/")
        if not mount.windows_drive or (mount.windows_path or "")[1:] != ":\\" or name != letter:
            continue
        if mount.fstype == "9p":
            server = next(option for option in mount.super_options if option.startswith("aname=")).split(";")
            prefix = next((option.partition("=")[2] for option in server if option.startswith("symlinkroot=")), None)
            if prefix is not None and prefix.rstrip("/") != folder:
                continue
            shown = [option for option in server[1:] if not option.startswith(("path=", "symlinkroot="))]
            return Drives(folder or "/", tuple(_normal(option) for option in [*shown, *mount.options]))
        if mount.fstype == "drvfs":
            return Drives(folder or "/", tuple(_normal(option) for option in [*mount.super_options, *mount.options]))
        return Drives(folder or "/", None)
    return Drives()


def wslg_folders(mounts: Sequence[mountinfo.Mount]) -> list[str]:
    """Return where WSL mounted WSLg's folder; any account can mount a FUSE file system of its own by that name."""
    shown = [mount for mount in mounts if mount.fstype.split(".")[0] not in ("fuse", "fuseblk")]
    return [mount.mount_point for mount in shown if mount.mount_point.endswith("/wslg")]


# What the mount table shows as it was asked for; of the others (cache=...) it shows only the effect.
_SHOWN = {"metadata", "case", "uid", "gid", "umask", "fmask", "dmask", "ro", "noatime", "nosuid", "nodev", "noexec"}
# What only wsl.conf or someone's own mount can have brought: a live one that is not written any more is a change.
_TELLING = {"metadata", "umask", "fmask", "dmask"}


def _options_in_force(written: str, live: tuple[str, ...]) -> bool | None:
    wanted = [_normal(option) for option in written.split(",") if option and not option.startswith("fallback")]
    if any(option.partition("=")[0] not in _SHOWN for option in wanted):
        return None
    return all(option in live for option in wanted) and not any(
        option.partition("=")[0] in _TELLING and option not in wanted for option in live
    )


def _effective(
    name: str, written: wsl_conf.Value, machine: Machine, mounted: Drives, wsl_version: int | None
) -> tuple[bool | None, Any]:
    """Return whether the written value is what the machine shows, None where it does not show it; and what it shows."""
    if name == "boot.systemd" and wsl_version == 2:
        now = runs_systemd(machine)
        return (None if now is None else now == written), now
    if name == "automount.root" and mounted.root is not None:
        return (str(written).rstrip("/") or "/") == mounted.root, mounted.root
    if name == "automount.options" and mounted.options is not None:
        shown = [option for option in mounted.options if option.partition("=")[0] in _SHOWN - {"noatime"}]
        return _options_in_force(str(written), mounted.options), ",".join(shown)
    if name == "network.hostname" and machine.hostname and machine.hostname.strip() == written:
        return True, written
    return None, None


def no_effect(name: str, value: wsl_conf.Setting, machine: Machine) -> str | None:
    """Say why WSL will not follow this setting on this machine, whatever is restarted."""
    if name == "boot.systemd" and value is True:
        if version(machine) == 1:
            return "boot.systemd=true has no effect on WSL1."
        if not machine.can_start_systemd:
            return "boot.systemd=true has no effect: /sbin/init is missing or not executable; install systemd-sysv."
    return None


def pending(machine: Machine, mounts: Sequence[mountinfo.Mount]) -> dict[str, dict[str, Any]]:
    """Return the keys that are written, but not in force until the distro is restarted.

    The machine's own state tells first. Then the text that was there when the distro started; where that is not
    known, because the file changed since, C(in_force) is null.
    """
    if not is_wsl(machine):
        return {}
    written = wsl_conf.parse(machine.conf or "").values
    start = started_at(machine)
    at_start: Mapping[str, wsl_conf.Value] | None = None
    if machine.in_force is not None and start is not None and (machine.in_force_mtime or 0.0) >= start:
        at_start = wsl_conf.parse(machine.in_force).values
    elif machine.conf is None or (start is not None and machine.conf_mtime is not None and machine.conf_mtime <= start):
        at_start = written
    mounted = drives(mounts)
    wsl_version = version(machine)
    found = {}
    for name, key in wsl_conf.KEYS.items():
        want = written.get(name)
        if no_effect(name, want, machine):
            continue
        matches, shown = (None, None) if want is None else _effective(name, want, machine, mounted, wsl_version)
        if matches:
            continue
        if matches is False:
            # Drives that /etc/fstab mounts in its own way look like this too, and no restart changes them.
            if not (name.startswith("automount.") and at_start is not None and at_start.get(name) == want):
                found[name] = {"written": want, "in_force": shown}
        elif at_start is not None:
            started = at_start.get(name)
            if (key.default if want is None else want) != (key.default if started is None else started):
                found[name] = {"written": want, "in_force": key.default if started is None else started}
        elif want is not None and want != key.default:
            found[name] = {"written": want, "in_force": None}
    return found


def restart_command(machine: Machine) -> str | None:
    """Return the command for a Windows prompt that makes wsl.conf take effect at the distro's next start."""
    if not is_wsl(machine):
        return None
    name = distro(machine) or "<name of this distro, see wsl.exe --list>"
    return "wsl.exe --terminate " + (f'"{name}"' if re.search(r"[^\w.+-]", name) and name[0] != "<" else name)


def pending_sentences(machine: Machine, waiting: Mapping[str, Any]) -> list[str]:
    """Say what of C(waiting) needs which command and what that stops, for a person; nothing when nothing waits."""
    if not waiting:
        return []
    verb = "takes" if len(waiting) == 1 else "take"
    restart = f"after `{restart_command(machine)}` in a Windows prompt. {RESTART_NOTE}"
    return [f"{', '.join(waiting)} in {machine.conf_path} {verb} effect {restart}"]


def notes(machine: Machine, parsed: wsl_conf.Parsed) -> list[str]:
    """List what WSL warns about in the file, and the settings that it will not follow on this machine, as sentences."""
    sentences = [f"{machine.conf_path}, line {detail.line}: {detail.reason}" for detail in parsed.details]
    if not parsed.complete:
        sentences[-1] = f"{sentences[-1][:-1]}, so WSL ignores everything after it."
    if is_wsl(machine):
        ignored = [no_effect(name, value, machine) for name, value in parsed.values.items()]
        sentences += [sentence for sentence in ignored if sentence]
    return sentences


def mounts_of(machine: Machine) -> list[mountinfo.Mount]:
    """Return the machine's mounts; raise what mountinfo.parse raises, and none where the table could not be read."""
    return mountinfo.parse(machine.mountinfo or "", is_wsl=is_wsl(machine), virtiofs_links=machine.virtiofs_links)


def observe(machine: Machine) -> dict[str, Any]:
    """Return the facts; a value that could not be read is None, and `unknown` says why."""
    unknown = dict(machine.errors)
    wsl = is_wsl(machine)
    try:
        mounts = mounts_of(machine)
    except ValueError as error:
        mounts = []
        unknown["mounts"] = str(error)
    facts: dict[str, Any] = {
        "is_wsl": wsl,
        "version": version(machine),
        "distro": distro(machine) if wsl else None,
        "systemd": runs_systemd(machine),
        "interop": interop(machine),
        "memory": meminfo.parse(machine.meminfo) if machine.meminfo else None,
        "mounts": [mount.as_dict() for mount in mounts] if machine.mountinfo is not None else None,
        "started_at": started_at(machine),
        "kernel": machine.release.strip() if machine.release else None,
    }
    if wsl and facts["distro"] is None:
        unknown["distro"] = "WSL_DISTRO_NAME is not set here, wslpath gave no name and init's name is cut off."
    if facts["interop"]["enabled"] is None:
        unknown["interop"] = facts["interop"]["reason"]
    if facts["started_at"] is None:
        unknown.setdefault("started_at", "/proc/1/stat or /proc/stat does not show when PID 1 started.")

    parsed = wsl_conf.parse(machine.conf or "")
    waiting = pending(machine, mounts)
    facts["conf"] = {
        "path": machine.conf_path,
        "exists": machine.conf is not None,
        "complete": parsed.complete,
        "settings": parsed.values,
        "warnings": [dict(detail._asdict()) for detail in parsed.details],
        "pending": waiting,
        "notes": notes(machine, parsed),
        "pending_sentences": pending_sentences(machine, waiting),
        "restart_command": restart_command(machine) if waiting else None,
        "launchers": dict(machine.launchers),
    }
    if "conf" in machine.errors:
        facts["conf"].update(exists=None, complete=None, settings=None)
    facts["unknown"] = unknown
    return dict(printable(facts))


def mounts_fstab(facts: Mapping[str, Any]) -> bool:
    """Return whether WSL itself runs mount -a at a start of this distro, from what C(observe) returns."""
    conf = facts["conf"]
    is_off = (conf["settings"] or {}).get("automount.mountFsTab") is False
    return bool(facts["is_wsl"]) and not (is_off and "automount.mountFsTab" not in conf["pending"])


@dataclass(frozen=True)
class Here:
    """What on a machine decides whether a value of wsl.conf harms it; None is what is not known."""

    systemd: bool | None = None
    interop: bool | None = None
    drives: bool | None = None
    """Whether a Windows drive is mounted."""
    users: Collection[str] | None = None
    """Who has a line in /etc/passwd."""
    resolver: str | None = None
    """Why /etc/resolv.conf names no server, empty where it names one."""
    resolver_is_wsls: bool = False
    """Whether /etc/resolv.conf is a link to the file that WSL writes at each start."""
    fstab: Collection[str] | None = None
    """The mount points of /etc/fstab that a start has to mount."""
    mounted: Collection[str] = ()


@dataclass
class Verdict:
    """Which values harm and which may, one sentence each, and the keys of those that would harm only elsewhere."""

    harms: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    harmless: list[str] = field(default_factory=list)


class _UnknownError(Exception):
    """What decides was not looked at."""


# What a sandbox chooses. Where it is in force nobody misses what it takes away.
_CHOICES = ("automount.enabled", "interop.enabled", "fileServer.enabled")
# Caches of 9p that do not show what Windows changes; `mmap` is WSL's own, and `none` keeps nothing.
_COHERENT = ("cache=mmap", "cache=none")


def judge_values(parsed: wsl_conf.Parsed, pending: Collection[str], here: Here) -> Verdict:
    """Judge the values that a file has by what they do on this machine.

    What is `pending` does it only after a restart, so that the rule for new settings holds, with what the machine has.
    """
    verdict = Verdict()
    for name in parsed.values:
        # Whether a mask was written as a decimal number shows in its text alone.
        written = parsed.raw[name] if wsl_conf.KEYS[name].octal else parsed.values[name]
        reasons = [] if name == "boot.systemd" else wsl_conf.harmful({name: written}, parsed.values)
        if not reasons and name != "user.default":
            continue
        try:
            harms = list(_harms_here(name, parsed.values, name not in pending, here, reasons))
        except _UnknownError as error:
            verdict.unknown.append(str(error))
            continue
        verdict.harms += harms
        verdict.harmless += [name] if reasons and not harms else []
    return verdict


def _harms_here(
    name: str, values: Mapping[str, wsl_conf.Value], in_force: bool, here: Here, reasons: Sequence[str]
) -> Iterator[str]:
    wants_systemd = values.get("boot.systemd", False) is True or here.systemd is True
    harmless = (
        (name in _CHOICES and in_force)
        or (name in ("automount.root", "automount.options") and values.get("automount.enabled") is False)
        or (name == "automount.root" and in_force and here.drives is True)
        or (name == "automount.cgroups" and (not wants_systemd or (in_force and here.systemd is True)))
        or (name in ("boot.initTimeout", "boot.protectBinfmt") and not wants_systemd)
        or (name == "boot.protectBinfmt" and in_force and _can_start_windows(values, here))
        or (name == "filesystem.umask" and in_force and values[name] in (0o002, 0o022, 0o027, 0o077))
    )
    if harmless:
        return
    if name == "automount.options" and in_force and here.drives is True:
        yield from _harmful_mounted_options(values)
    elif name == "automount.mountFsTab":
        yield from _harms_of_fstab(in_force, here)
    elif name == "network.generateResolvConf":
        yield from _harms_of_resolver(in_force, here, reasons)
    elif name == "user.default":
        if here.users is None:
            raise _UnknownError(f"whether there is a user {printable(str(values[name]))}: /etc/passwd was not read")
        yield from explain_default_user(str(values[name]), here.users)
    else:
        yield from reasons


def explain_default_user(user: str, users: Collection[str]) -> list[str]:
    """Return why a default user harms, if so; those of a directory service do, too (microsoft/WSL#9649)."""
    reason = f"user.default={user}: /etc/passwd has no such user, so WSL opens sessions as root."
    return [] if user in users else [reason]


def _can_start_windows(values: Mapping[str, wsl_conf.Value], here: Here) -> bool:
    """Return whether Windows programs can be started, or nobody wants to."""
    return here.interop is True or values.get("interop.enabled") is False


def _harmful_mounted_options(values: Mapping[str, wsl_conf.Value]) -> Iterator[str]:
    """Yield the options that harm though the drives are mounted: what the mount refuses is not among them."""
    no_interop = values.get("interop.enabled") is False
    telling = [
        option
        for option in str(values["automount.options"]).split(",")
        if (option.startswith("cache=") and option not in _COHERENT) or (option == "noexec" and not no_interop)
    ]
    yield from wsl_conf.harmful({"automount.options": ",".join(telling)}, values)


def _harms_of_fstab(in_force: bool, here: Here) -> Iterator[str]:
    if here.fstab is None:
        raise _UnknownError(
            "automount.mountFsTab=false without boot.systemd=true mounts nothing of /etc/fstab, which was not read"
        )
    left = [point for point in here.fstab if not (in_force and point in here.mounted)]
    if left:
        what = join_names(left, 3)
        yield f"automount.mountFsTab=false without boot.systemd=true: nothing mounts {what}, which /etc/fstab lists."


def _harms_of_resolver(in_force: bool, here: Here, reasons: Sequence[str]) -> Iterator[str]:
    if here.resolver is None:
        raise _UnknownError(
            "whether names resolve with network.generateResolvConf=false: /etc/resolv.conf was not looked at"
        )
    if not in_force and here.resolver_is_wsls:
        yield from reasons
    elif here.resolver:
        yield f"network.generateResolvConf=false: {here.resolver}, so no name resolves."


def are_launchers_met(states: Mapping[str, str], content: str, keeps: bool) -> bool:
    """Return whether a run would leave the launchers on record as they are, by their C(states).

    C(content) is what wsl.conf shall say, and C(keeps) whether launchers are wanted while PATH has no Windows
    directories. Where nothing is said about PATH they stay, and one that somebody edited always does.
    """
    appends = wsl_conf.parse(content).values.get(LAUNCHED_FOR)
    if appends is None:
        return True
    return (GONE if keeps and appends is False else AS_WRITTEN) not in states.values()
