# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Declared, last applied, now, in force: what of a machine is no longer as it was declared, and what to do about it.

What cannot be read is unknown, and unknown is never green.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import tool_gc
from ansible_collections.wsltune.go.plugins.module_utils.linux import fstab, levels, text
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import place as tmpfs_place
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan
from ansible_collections.wsltune.go.plugins.module_utils.workspace import places
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import programs as wsl_programs

SCHEMA_VERSION = 1
IN_STATE, PENDING, NOT_ROLLED_OUT = "in_state", "pending_restart", "not_rolled_out"
CHANGED, BY_HAND, CONFLICT, GONE, UNKNOWN = "changed", "by_hand", "conflict", "gone", "unknown"
TITLES = {
    IN_STATE: "in state",
    PENDING: "waits for a restart",
    NOT_ROLLED_OUT: "not yet rolled out",
    CHANGED: "changed here by someone else",
    BY_HAND: "already as declared, by hand",
    CONFLICT: "conflict: both moved",
    GONE: "gone",
    UNKNOWN: "unknown",
}
STATES = tuple(TITLES)
DRIFT = (NOT_ROLLED_OUT, CHANGED, CONFLICT, GONE)
DRIFTED, NOT_SEEN = "drift", "not_seen"
"""States of a machine beside IN_STATE, PENDING and UNKNOWN."""
LINUX, WINDOWS = "linux", "windows"
"""What a report is about: a distro or other Linux, or the Windows host of one."""
FSTAB = "/etc/fstab"
ANY_RESTART = "restart this machine"
EXIT_CODES = {DRIFTED: 2, UNKNOWN: 1, NOT_SEEN: 1, PENDING: 3, IN_STATE: 0}
"""Of a command that looks for drift, the worst state first: 1 is that something could not be looked at."""
FAILS = {"drift": (DRIFTED,), "unknown": (UNKNOWN, NOT_SEEN), "restart": (PENDING,)}
"""The levels of wsltune_drift_fail_on, the worst first, and the states of a machine at each."""
TUNED = {
    "GOFLAGS": ("goflags", "goflags_added", "parallel", "tool_gc"),
    "GOTOOLCHAIN": ("gotoolchain",),
    "CGO_LDFLAGS": ("cgo_linker",),
    "GOCACHEPROG": ("gocacheprog",),
}
"""Settings of go/tuning.py, and the options of go_env behind each."""
AS_GIVEN = ("goflags", "gocacheprog")

LARGEST = 2 << 20
"""Characters of what is told about the settings of one machine, such as five of each of 500 users: the reports of all
machines have it in them."""
LONGEST = 1000
"""Characters of a value; a user sets any, and not so many that nothing is told of the machine."""

APPLY = "run site.yml, which writes the declared value"
EDITED_LAUNCHER = "remove %s, which a run leaves as it is because somebody edited it"
UNBIND = "set workspace_state to absent and run site.yml, which unmounts it; the copy stays"
REMADE = ", then run site.yml, which makes it again"
KEEP = ", or keep this one: %s"
TURN_OFF = "set append_windows_path to false in wsltune_levers, or leave out wsl_conf_interop_append_windows_path"
ADOPTABLE = ("GOMODCACHE", "GOFLAGS", "CGO_ENABLED")
"""Go's settings whose values a variable of a host declares; site.yml works out GOTMPDIR and GOCACHE itself."""


@dataclass(frozen=True)
class View:
    """One setting as it is declared, was last applied, is now, and is in force; None is that it is not there.

    C(recorded) is whether what was applied is on record: where nothing was ever written, the machine may have been as
    declared before. C(in_force) is False where a restart is missing. C(reason) says what could not be read.
    """

    id: str
    role: str
    path: str
    declared: str | None
    applied: str | None = None
    now: str | None = None
    recorded: bool = False
    in_force: bool = True
    effective: str | None = None
    """What is in force, where that is not what is written."""
    reason: str = ""
    restart: str = ""
    owner: str = ""
    at: float | None = None
    remedies: Mapping[str, str] = field(default_factory=dict)
    """What to do in a state, where that is not what it is for other settings."""
    keep: str = ""
    """How a value that a person chose is kept, where that is not by adopting it."""
    unreadable: str = ""
    """Why the record of what was applied could not be read."""
    account: str = ""
    """Who alone decides what it is now, such as whose settings file it is in; empty for root and the machine."""


def judge(view: View) -> str:
    """Return the state of one setting by the table of docs/guide/drift.md."""
    if view.reason:
        return UNKNOWN
    if view.now == view.declared:
        if not view.in_force:
            return PENDING
        return BY_HAND if view.recorded and view.applied != view.declared else IN_STATE
    if view.unreadable:
        return UNKNOWN
    if not view.recorded:
        return NOT_ROLLED_OUT
    if view.now is None and view.applied is not None:
        return GONE
    if view.now == view.applied:
        return NOT_ROLLED_OUT
    return CHANGED if view.applied == view.declared else CONFLICT


def can_be_declared(role: str, name: str, now: str | None) -> bool:
    """Return whether a variable of a host can declare what a setting is C(now), so that it can be adopted."""
    named = name.split(":")
    if role == "wsl_conf":
        return named[-1] in wsl_conf.KEYS
    if role == "go_env":
        return len(named) == 3 and named[2] in ADOPTABLE
    # A line or a mount that somebody took away.
    return now is None and (role, named[1:2]) in (
        ("go_tmpfs", ["fstab"]),
        ("go_tmpfs", ["mount"]),
        ("workspace", ["bind"]),
    )


def write_adopt(name: str) -> str:
    """Return how a setting is adopted, as a shell takes it on the controller; its name has what a host calls a user."""
    return f"-e {text.write_variables({'wsltune_adopt': [name]})}"


def remedy(view: View, state: str) -> str:
    """Return what to do about a setting in C(state)."""
    way = view.keep or (write_adopt(view.id) if can_be_declared(view.role, view.id, view.now) else "")
    keep = KEEP % way if way else ""
    usual = {
        IN_STATE: "",
        PENDING: view.restart or ANY_RESTART,
        NOT_ROLLED_OUT: APPLY,
        CHANGED: f"{APPLY}{keep}",
        BY_HAND: "nothing to do: the next run that writes this takes it into its record",
        CONFLICT: f"a person decides, and nothing overwrites it by itself: {APPLY}{keep}",
        GONE: "run site.yml, which makes it again",
        UNKNOWN: "fix the reason, then look again" if view.reason else "look again as root",
    }
    return view.remedies.get(state, usual[state])


def describe(view: View) -> dict[str, Any]:
    """Return one setting as the report has it."""
    state = judge(view)
    moved = state in (CHANGED, CONFLICT)
    return {
        "id": view.id,
        "role": view.role,
        "path": str(view.path),
        "state": state,
        # As text: a host that returns something else would keep a program from reading the report of all.
        "declared": show(view.declared),
        "applied": show(view.applied),
        "applied_is_known": view.recorded,
        "now": show(view.now),
        "in_force": show(view.effective if view.effective is not None else (view.now if view.in_force else None)),
        "is_in_force": None if state == UNKNOWN else view.in_force and view.now == view.declared,
        "reason": str(view.reason or (view.unreadable if state == UNKNOWN else "")),
        "remedy": remedy(view, state),
        "fingerprint": fingerprint(view.id, view.path),
        "account": str(view.account),
        "owner": str(view.owner) if moved else "",
        "changed_at": iso(view.at) if moved else None,
    }


def fingerprint(setting: str, path: str) -> str:
    """Return what a setting is known by in every report, whatever its value and line."""
    return hashlib.sha256(f"{setting}\n{path}".encode("utf-8", "surrogateescape")).hexdigest()[:32]


def iso(moment: float | None) -> str | None:
    """Return a time as text; None where it is not known."""
    if moment is None:
        return None
    try:
        return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        # Whose file it is sets its time, and some file systems take any.
        return None


def summarise(settings: Sequence[Mapping[str, Any]]) -> str:
    """Return the state of a machine: drift counts before what is unknown, and that before a restart.

    Where nothing is declared, nothing has drifted.
    """
    states = {setting["state"] for setting in settings}
    if states & set(DRIFT):
        return DRIFTED
    if UNKNOWN in states:
        return UNKNOWN
    return PENDING if PENDING in states else IN_STATE


@dataclass
class Machine:
    """The facts of go_facts, with C(drift), and what was declared (playbooks/parts/drift.yml lists it)."""

    facts: Mapping[str, Any]
    declared: Mapping[str, Any]
    record: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.record = self.facts["drift"]

    @property
    def unreadable(self) -> str:
        """Return why wsltune's records could not be read, empty where they could."""
        return str(self.record["reason"])

    def is_present(self, role: str) -> bool:
        """Return whether the role is declared as present, which is the default."""
        return bool(self.declared["states"].get(role, "present") == "present")

    def file(self, path: str) -> Mapping[str, Any]:
        """Return a file as observed; nothing is known of one that nobody looked at."""
        return self.record["files"].get(path) or {}


def show(value: Any) -> str | None:
    """Return a value as the report has it, true and false as the files spell them."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def list_views(machine: Machine) -> list[View]:
    """Return every setting of a machine that a role owns."""
    return [
        *_views_of_wsl_conf(machine),
        *_views_of_launchers(machine),
        *_views_of_tmpfs(machine),
        *_views_of_go(machine),
        *_views_of_shells(machine),
        *_views_of_commands(machine),
        *_views_of_program(machine),
        *_views_of_workspace(machine),
    ]


def _views_of_wsl_conf(machine: Machine) -> Iterator[View]:
    facts, wanted = machine.facts["wsl"], machine.declared["wsl_conf"]
    if not facts["is_wsl"] and not wanted["force"]:
        return
    conf, path = facts["conf"], facts["conf"]["path"]
    declared: dict[str, Any] = dict(wsl_conf.parse(wanted["content"]).values)
    declared.update({wsl_conf.canonical(name) or name: None for name in wanted["removed"]})
    applied, file = machine.record["wsl_conf"], machine.file(path)
    if not machine.is_present("wsl_conf"):
        if applied is not None:
            yield _view_of_file(machine, "wsl_conf:file", "wsl_conf", path, None)
        return
    for name, value in declared.items():
        pending = conf["pending"].get(name)
        yield View(
            id=f"wsl_conf:{name}",
            role="wsl_conf",
            path=path,
            declared=show(value),
            applied=show((applied or {}).get(name)),
            now=show((conf["settings"] or {}).get(name)),
            recorded=applied is not None,
            in_force=pending is None,
            effective=None if pending is None else show(pending["in_force"]) or "not known",
            reason=str(facts["unknown"].get("conf", "")) if conf["settings"] is None else "",
            restart=f"{conf['restart_command']} in a Windows prompt" if conf["restart_command"] else "",
            owner=file.get("owner", ""),
            at=file.get("mtime"),
            unreadable=machine.unreadable,
            keep=TURN_OFF if name in wanted["by_levers"] else "",
        )


def _view_of_file(
    machine: Machine,
    name: str,
    role: str,
    path: str,
    declared: str | None,
    remedies: Mapping[str, str] = MappingProxyType({}),
) -> View:
    """Return a file that a role writes whole, or a block in one, by what stands for its content."""
    file = machine.file(path)
    return View(
        id=name,
        role=role,
        path=path,
        declared=declared,
        applied=file.get("applied"),
        now=file.get("now"),
        recorded=bool(file.get("recorded")),
        reason=file.get("reason", "") if file else f"{path} was not looked at",
        owner=file.get("owner", ""),
        at=file.get("mtime"),
        remedies=remedies,
        unreadable=machine.unreadable,
        account=file.get("account", ""),
    )


def _files_of(machine: Machine, role: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, file in machine.record["files"].items():
        if role in file["roles"]:
            yield path, file


def _views_of_launchers(machine: Machine) -> Iterator[View]:
    """Return the launchers that a run made; where nothing is declared about PATH any more, they stay and are nobody's.

    A run leaves one that somebody edited as it is.
    """
    wanted, is_present = machine.declared["wsl_conf"], machine.is_present("wsl_conf")
    appends = wsl_conf.parse(wanted["content"]).values.get(wsl_judge.LAUNCHED_FOR)
    if is_present and appends is None:
        return
    stays = is_present and wanted["launchers"] and appends is False
    for path, file in _files_of(machine, "wsl_conf"):
        # Where the folder of launchers lies, a link may say on the machine, and not here.
        if os.path.basename(path) in wsl_programs.LAUNCHED:
            name = f"wsl_conf:launcher:{os.path.basename(path)}"
            edited = dict.fromkeys((CHANGED, CONFLICT), EDITED_LAUNCHER % path + (REMADE if stays else ""))
            yield _view_of_file(machine, name, "wsl_conf", path, file["applied"] if stays else None, edited)


def _views_of_tmpfs(machine: Machine) -> Iterator[View]:
    observed, wanted = machine.facts["go_tmpfs"], machine.declared["go_tmpfs"]
    kind = wanted["kind"] if machine.is_present("go_tmpfs") else ""
    size, lines = 0, []
    if kind == tmpfs_place.GOTMPDIR:
        size = tmpfs_plan.settle_size(wanted["size"], observed["memory"], observed["fstab"] or "", observed["path"])
        helper, busybox = observed["needs_helper"], observed["busybox"]
        lines = tmpfs_plan.wanted_lines(observed["path"], size, wanted["inodes"], helper, busybox)
    elif kind == tmpfs_place.TMP:
        size = tmpfs_plan.settle_size(wanted["size"], observed["memory"], observed["fstab"] or "", tmpfs_place.TMP_PATH)
        lines = [tmpfs_plan.tmp_line(size, wanted["inodes"], observed["busybox"])]
    yield from _views_of_lines(machine, "go_tmpfs", fstab.MARK, lines, observed)
    if kind == tmpfs_place.GOTMPDIR:
        yield from _views_of_folders(machine, observed, wanted, size, lines)


def _views_of_lines(
    machine: Machine, role: str, mark: str, lines: Sequence[fstab.Line], observed: Mapping[str, Any]
) -> Iterator[View]:
    """Return the lines of one role in /etc/fstab, by their mount points."""
    table, applied = observed["fstab"], machine.record["fstab"]
    then = {line.mount_point: line for line in fstab.marked("\n".join(applied or []), mark)}
    now = {line.mount_point: line for line in fstab.marked(table or "", mark)}
    wanted = {line.mount_point: line for line in lines}
    file = machine.file(FSTAB)
    for place in dict.fromkeys([*wanted, *then, *now]):
        # WSL and systemd read it at the next start; a mount of Go's own is there at once.
        waits = place == "/tmp" and place in wanted and not tmpfs_place.is_ours(observed["temporary"])
        yield View(
            id=f"{role}:fstab:{place}",
            role=role,
            path=FSTAB,
            declared=_line(wanted.get(place)),
            applied=_line(then.get(place)),
            now=_line(now.get(place)),
            recorded=applied is not None,
            in_force=not waits,
            effective=f"/tmp on {observed['temporary']['fstype']}" if waits else None,
            reason=machine.file(FSTAB).get("reason", ""),
            restart=_restart_for_tmp(observed),
            owner=file.get("owner", ""),
            at=file.get("mtime"),
            unreadable=machine.unreadable,
        )


def _line(line: fstab.Line | None) -> str | None:
    return None if line is None else line.render()


def _restart_for_tmp(observed: Mapping[str, Any]) -> str:
    command = observed["start"]["restart_command"]
    return f"{command} in a Windows prompt" if command else ANY_RESTART


def _views_of_folders(
    machine: Machine, observed: Mapping[str, Any], wanted: Mapping[str, Any], size: int, lines: Sequence[fstab.Line]
) -> Iterator[View]:
    """Return the mount of Go's own, what brings its folders back, and the folders."""
    path, live = observed["path"], observed["live"]
    wrong = ["no tmpfs of wsltune's is mounted"]
    if live is not None and live["source"] == tmpfs_plan.SOURCE:
        mode = live["mode"] or 0
        wrong = tmpfs_plan.deviations(live["options"], live["super_options"], size, mode, wanted["inodes"])
    as_declared = f"tmpfs of {size // tmpfs_plan.MIB} MiB"
    then = {line.mount_point: line for line in fstab.marked("\n".join(machine.record["fstab"] or []))}
    was = then.get(path)
    same = was is not None and lines and was.options == lines[0].options
    now = as_declared if not wrong else None if live is None else f"{live['fstype']}: {', '.join(wrong)}"
    yield View(
        id=f"go_tmpfs:mount:{path}",
        role="go_tmpfs",
        path=path,
        declared=as_declared,
        applied=None if was is None else as_declared if same else was.render(),
        now=now,
        recorded=machine.record["fstab"] is not None,
        unreadable=machine.unreadable,
    )
    people = {name: observed["users"].get(name) for name in wanted["users"] if name not in wanted["left_out"]}
    owners = [(person["uid"], person["gid"]) for person in people.values() if person]
    folders = tmpfs_plan.folders_text(path, owners)
    yield _view_of_file(machine, "go_tmpfs:folders", "go_tmpfs", tmpfs_plan.FOLDERS_PATH, _sum(folders))
    if observed["needs_helper"]:
        declared = _sum(tmpfs_plan.HELPER_TEXT)
        yield _view_of_file(machine, "go_tmpfs:helper", "go_tmpfs", tmpfs_plan.HELPER_PATH, declared)
    if live is None:
        # The folders went with the mount, and come back with it.
        return
    for name, person in people.items():
        folder = None if person is None else person["folder"]
        yield View(
            id=f"go_tmpfs:folder:{name}",
            role="go_tmpfs",
            path=tmpfs_plan.folder_of(path, person["uid"]) if person else path,
            declared=_owned(0o700, person["uid"], person["gid"]) if person else "a folder",
            applied=_owned(0o700, person["uid"], person["gid"]) if person else None,
            now=None if folder is None else _owned(*folder),
            recorded=machine.record["fstab"] is not None,
            reason="" if person else f"nothing is known of the account {name}",
            unreadable=machine.unreadable,
            account=_own(name, person["uid"] if person else None),
        )


def _owned(mode: int, uid: int, gid: int) -> str:
    return f"{mode:04o} {uid}:{gid}"


def _sum(content: str) -> str | None:
    return text.digest(text.encode(content))


def _views_of_go(machine: Machine) -> Iterator[View]:
    """Return the settings of each user's Go: what the roles declare, and what they wrote and do no more."""
    users, options = machine.facts["go"]["users"], machine.declared["go_env"]
    record = machine.record["go"]
    names = options["users"] or sorted(users)
    for user in dict.fromkeys([*names, *(record or {})]):
        observed, applied = users.get(user), (record or {}).get(user)
        wanted: Mapping[str, str] = {}
        if observed is not None and user in names and machine.is_present("go_env"):
            wanted = _wanted_of(user, observed, options, applied, machine.record["go_options"])
        if observed is None:
            why = machine.unreadable or f"there is no account {user!r} on this machine any more"
            for name in applied or {"GOTMPDIR": ""}:
                was = (applied or {}).get(name)
                yield View(f"go_env:{user}:{name}", "go_env", "", None, was, reason=why, account=_own(user))
            continue
        for name in dict.fromkeys([*wanted, *(applied or {})]):
            yield _view_of_setting(machine, user, name, wanted.get(name), applied)


def _wanted_of(
    user: str,
    observed: Mapping[str, Any],
    options: Mapping[str, Any],
    applied: Mapping[str, str] | None,
    options_then: Mapping[str, Any] | None,
) -> Mapping[str, str]:
    """Return what a user's settings are declared to be.

    Which cache was moved from a Windows drive is decided by the place it had before, so that the record knows it.
    """
    if applied is not None and options_then is not None:
        same = all(options_then.get(name) == value for name, value in options.items() if name != "users")
        if same:
            return applied
    slow = {name: name in (applied or {}) for name in go_plan.CACHES}
    for name in go_plan.list_slow_caches(observed["places"]):
        slow[name] = True
    tuned = _tuned_of(options, options_then or {}, applied or {})
    return go_plan.settings_for(user, observed, {"made_before": "", **options}, slow, tuned)


def _tuned_of(
    options: Mapping[str, Any], options_then: Mapping[str, Any], applied: Mapping[str, str]
) -> dict[str, str]:
    """Return the declared settings that change how Go works.

    Which of them a Go can have is decided where they are applied, so a new wish is shown by the options behind it.
    """
    wanted = {}
    for name, behind in TUNED.items():
        asked = {option: options[option] for option in behind if _is_asked(option, options.get(option))}
        if not asked:
            continue
        if name in applied and all(options_then.get(option) == options.get(option) for option in behind):
            wanted[name] = applied[name]
        elif set(asked) <= set(AS_GIVEN):
            wanted[name] = str(next(iter(asked.values())))
        else:
            wanted[name] = ", ".join(f"go_env_{option}={show(value)}" for option, value in asked.items())
    return wanted


def _is_asked(option: str, value: Any) -> bool:
    """Return whether an option changes something; that of garbage collection does so by being false."""
    return value is False if option == "tool_gc" else bool(value)


def _view_of_setting(
    machine: Machine, user: str, name: str, declared: str | None, applied: Mapping[str, str] | None
) -> View:
    observed = machine.facts["go"]["users"][user]
    path = observed["user_file"]["path"]
    file = machine.file(path)
    unknown = observed["unknown"]
    # Where there is no Go, its settings file was not read, but the record may know it.
    values = file.get("values") if file.get("recorded") else observed["user_file"]["values"]
    doubts: tuple[str, ...] = ("answer", "environment", "user_file")
    if not file and observed["user_file"]["state"] not in ("folder", "nothing"):
        doubts += ("go",)
    reason = file.get("reason") or next((str(unknown[key]) for key in doubts if key in unknown), "")
    exported = observed["exports"].get(name)
    shown = observed["settings"].get(name, {}).get("value")
    # An export of the user's own counts before the file that Go reads.
    overrides = declared is not None and exported is not None and exported != declared
    remove = f"{user} exports {name} in a login or a terminal, which counts first: remove that export"
    remove += ", or adopt it" if name in ADOPTABLE else ""
    now = exported if overrides else (values or {}).get(name)
    return View(
        id=f"go_env:{user}:{name}",
        role="go_env",
        path=path,
        declared=declared,
        applied=(applied or {}).get(name),
        now=now,
        recorded=applied is not None,
        in_force=shown in (None, declared) or declared is None or overrides,
        effective=shown or None,
        reason=reason,
        restart="log in again, because Go does not read this file in a login of now",
        owner=user if overrides else file.get("owner", ""),
        at=None if overrides else file.get("mtime"),
        remedies={CHANGED: remove} if overrides else {},
        unreadable=machine.unreadable,
        account=_own(user, observed["uid"]),
    )


def _own(user: str, uid: int | None = None) -> str:
    return "" if user == "root" or uid == 0 else user


def _views_of_shells(machine: Machine) -> Iterator[View]:
    """Return what exports GOTMPDIR in shells; a file of a shell that is not there is not declared."""
    pattern = machine.declared["go_env"]["gotmpdir"] if machine.is_present("go_env") else ""
    profile = machine.file(go_plan.PROFILE_PATH)
    if not pattern and not profile.get("recorded"):
        return
    declared = _sum(go_plan.profile_text(pattern)) if pattern else None
    yield _view_of_file(machine, "go_env:profile", "go_env", go_plan.PROFILE_PATH, declared)
    fish = machine.file(go_plan.FISH_PATH)
    if fish.get("recorded") or fish.get("there"):
        fish_text = _sum(go_plan.fish_text(pattern)) if pattern else None
        yield _view_of_file(machine, "go_env:fish", "go_env", go_plan.FISH_PATH, fish_text)
    for path in go_plan.BLOCK_PATHS:
        file = machine.file(path)
        if file.get("recorded") or (file.get("there") and profile):
            again = f"run site.yml, which writes the block again: an upgrade of the package of {path} takes it away"
            block = _sum(go_plan.BLOCK) if pattern else None
            name = f"go_env:block:{os.path.basename(path)}"
            yield _view_of_file(machine, name, "go_env", path, block, {CHANGED: again} if file.get("there") else {})


def _views_of_commands(machine: Machine) -> Iterator[View]:
    """Return the programs that stand in for Go commands while cgo is off."""
    off = machine.is_present("go_env") and machine.declared["go_env"]["cgo_enabled"] == "false"
    again = {CHANGED: "run site.yml, which puts it back: an upgrade of Go or somebody else has replaced it"}
    for path, file in _files_of(machine, "go_env"):
        if file["displaced"]:
            declared = file["applied"] if off else None
            yield _view_of_file(machine, f"go_env:command:{path}", "go_env", path, declared, again)


def _views_of_program(machine: Machine) -> Iterator[View]:
    """Return the program that -toolexec in GOFLAGS names, where a run wrote one."""
    if not machine.file(tool_gc.PATH).get("recorded"):
        return
    wanted = machine.is_present("go_env") and machine.declared["go_env"].get("tool_gc") is False
    # What it says depends on the machine's memory, so that it is compared with what was written.
    declared = machine.file(tool_gc.PATH)["applied"] if wanted else None
    yield _view_of_file(machine, "go_env:tool_gc", "go_env", tool_gc.PATH, declared)


def _views_of_workspace(machine: Machine) -> Iterator[View]:
    """Return the binds of copied projects over their old paths."""
    record, table = machine.record["fstab"], machine.facts["go_tmpfs"]["fstab"]
    then = _binds("\n".join(record or []))
    now = _binds(table or "")
    mounted = {mount["mount_point"] for mount in machine.facts["wsl"]["mounts"] or []}
    wanted, unknown = _wanted_binds(machine, {**now, **then})
    # A run that copies others unmounts it too; where none is to be copied, the role does not run.
    stays = machine.is_present("workspace") and not machine.declared["projects"]
    remedies = dict.fromkeys((NOT_ROLLED_OUT, CONFLICT), UNBIND) if stays else {}
    file = machine.file(FSTAB)
    # What is bound where no project is known to be may belong to one of those that are not known.
    reasons = {**dict.fromkeys({*then, *now} - set(wanted), next(iter(unknown.values()), "")), **unknown}
    for source in dict.fromkeys([*wanted, *unknown, *then, *now]):
        shown = now.get(source) if source in mounted or source not in now else None
        yield View(
            id=f"workspace:bind:{source}",
            role="workspace",
            path=source,
            declared=wanted.get(source),
            applied=then.get(source),
            now=shown,
            recorded=record is not None,
            reason=reasons.get(source, ""),
            owner=file.get("owner", ""),
            at=file.get("mtime"),
            remedies=remedies,
            unreadable=machine.unreadable,
        )


def _binds(table: str) -> dict[str, str]:
    lines = fstab.marked(table, places.MARK)
    return {line.mount_point: f"{line.source} bound" for line in lines if line.fstype == "none"}


def _wanted_binds(machine: Machine, known: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the declared binds by their real sources, and why others are not known, by the sources as they are named.

    C(known) are the binds on record or in /etc/fstab, by their mount points.
    """
    wanted, unknown = {}, {}
    found = machine.record.get("projects") or {}
    for project in machine.declared["projects"] if machine.is_present("workspace") else []:
        if project.get("bind"):
            named = os.path.normpath(project["source"])
            places = found.get(project["source"]) or {"source": named, "target": "", "reason": ""}
            if places["reason"]:
                unknown[named] = str(places["reason"])
            else:
                source = str(places["source"])
                wanted[source] = _bind(places["target"] or project.get("target"), source, known.get(source))
    return wanted, unknown


def _bind(target: Any, source: str, known: str | None) -> str:
    target = str(target or "")
    # Without an absolute target it lies in a home, which the record names.
    return f"{os.path.normpath(target)} bound" if os.path.isabs(target) else known or f"a copy of {source} bound"


def report(host: str, facts: Mapping[str, Any], declared: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return what is to know about the drift of one machine, as docs/schemas/drift.json describes it."""
    machine = Machine(facts, declared)
    settings = [describe(view) for view in list_views(machine)]
    damaged = [
        {
            **describe(View(f"journal:{number}", "journal", "", None, reason=sentence)),
            "remedy": "look at what it is about, then remove that record",
        }
        for number, sentence in enumerate(facts["drift"]["damaged"])
    ]
    return report_host(host, [*settings, *damaged], now, facts["drift"]["applied_at"])


def report_host(
    host: str, settings: list[dict[str, Any]], now: float, applied_at: float | None, side: str = LINUX
) -> dict[str, Any]:
    """Return the report about one host; raise ValueError for one that says so much that it would hide the others."""
    settings = [_cut(text.printable(setting)) for setting in settings]
    if len(json.dumps(settings)) > LARGEST:
        raise ValueError(f"what it says of its {len(settings)} settings takes more than {LARGEST >> 10} KiB")
    status = summarise(settings)
    counts = Counter(setting["state"] for setting in settings)
    return {
        "schema_version": SCHEMA_VERSION,
        "host": host,
        "side": side,
        "status": status,
        "exit_code": EXIT_CODES[status],
        "looked_at": iso(now),
        "applied_at": iso(applied_at),
        "reason": "",
        "counts": {state: counts.get(state, 0) for state in STATES},
        "settings": settings,
        "policy": [],
        "adopted": [],
    }


def _cut(setting: dict[str, Any]) -> dict[str, Any]:
    """Return a setting whose values are no longer than somebody reads."""
    values = {name: setting[name] for name in ("declared", "applied", "now", "in_force", "reason")}
    long = {name: value for name, value in values.items() if isinstance(value, str) and len(value) > LONGEST}
    return {**setting, **{name: f"{value[:LONGEST]}..." for name, value in long.items()}}


def could_not_look(host: str, reason: str, now: float) -> dict[str, Any]:
    """Return the report about a machine that answered and could not be looked at."""
    return {
        **report_host(host, [], now, None),
        "status": UNKNOWN,
        "exit_code": EXIT_CODES[UNKNOWN],
        "reason": text.reason(reason),
    }


def not_seen(host: str, earlier: Mapping[str, Any] | None, reason: str = "") -> dict[str, Any]:
    """Return the report about a machine that did not answer; what was seen last keeps its time.

    What was to be adopted then is no part of it: nothing is taken over now, and nothing refused.
    """
    last = {name: value for name, value in (earlier or {}).items() if name not in ("adopt_variables", "adopt_refused")}
    if last.get("schema_version") != SCHEMA_VERSION or last.get("host") != host:
        last = {**report_host(host, [], 0.0, None), "looked_at": None}
    return {**last, "status": NOT_SEEN, "exit_code": EXIT_CODES[NOT_SEEN], "reason": text.reason(reason), "adopted": []}


def choose_failing(level: Any) -> dict[str, Any]:
    """Return the states of a machine with which a run fails at a level of wsltune_drift_fail_on."""
    return levels.choose_failing(level, FAILS, "wsltune_drift_fail_on")


def fleet(hosts: Sequence[Mapping[str, Any]], now: float) -> dict[str, Any]:
    """Return what is to know about many machines; none is left out."""
    statuses = Counter(str(host["status"]) for host in hosts)
    order = tuple(EXIT_CODES)
    worst = next((status for status in order if statuses.get(status)), UNKNOWN)
    return {
        "schema_version": SCHEMA_VERSION,
        "looked_at": iso(now),
        "status": worst,
        "exit_code": EXIT_CODES[worst],
        "counts": {status: statuses.get(status, 0) for status in order},
        "hosts": sorted((dict(host) for host in hosts), key=lambda host: (order.index(host["status"]), host["host"])),
    }
