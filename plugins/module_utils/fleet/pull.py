# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the pull agent decides: what it was asked for and what it saw go in, what it does and why come out.

It imports nothing of the collection, because the role pull_agent copies it to the machine, beside the program.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

FORMAT = 1
"""Of the record."""
OK, WAITING, OFF, REFUSED, FAILED, STOPPED = "ok", "waiting", "off", "refused", "failed", "stopped"
MOST_FAILED_HEALS = 3
MOST_TAGS = 1000
"""Tags that are looked at with the name of a rollback, and as many others."""
HEALABLE = ("changed", "gone")
"""States of a setting (fleet/drift.py) that a heal may act on: someone else changed it, or it is gone."""
KEEPING_HEALS_BACK = ("conflict", "unknown")
BY_A_RUN = "run site.yml"
"""How the remedy of a setting begins that a run restores (fleet/heal.py)."""
DAY = 86400.0
MOST_WAITING = DAY
"""Seconds that a build is waited for: any account can have a process that looks like one."""

MODES = ("report", "heal")
BUILDERS = ("compile", "link", "asm", "cgo", "vet", "cover", "covdata", "pack")
"""Programs in a GOROOT's pkg/tool."""
GO_COMMANDS = ("build", "install", "run", "test", "vet", "generate", "get", "mod", "work", "tool")


class ConfigError(ValueError):
    """A value of the configuration that is not allowed, as a sentence."""


class OtherVersion(ValueError):
    """A record of another version, which is left alone."""


@dataclass(frozen=True)
class Config:
    """What the role pull_agent was asked for."""

    repository: str
    ref: str
    playbook: str
    inventory: str
    ansible_playbook: str
    mode: str = "report"
    report_days: float = 7.0
    variables: Mapping[str, Any] = field(default_factory=dict)
    freezes: Sequence[Mapping[str, str]] = ()
    drift_playbook: str = ""
    on_battery: bool = False
    timeout: float = 3600.0
    network_timeout: float = 120.0
    interval: float = 14400.0
    ssh_key: str = ""
    known_hosts: str = ""
    metrics_directory: str = ""


def parse_config(data: Any) -> Config:
    """Return the configuration in C(data); ConfigError names the value that is not allowed."""
    if not isinstance(data, Mapping):
        raise ConfigError("the configuration is no mapping")
    known = {part.name for part in dataclasses.fields(Config)}
    unknown = sorted(set(data) - known)
    if unknown:
        raise ConfigError(f"{', '.join(unknown)} is not known; known are {', '.join(sorted(known))}")
    try:
        config = Config(**data)
    except TypeError as error:
        raise ConfigError(f"a value is missing: {error}") from None
    if config.mode not in MODES:
        raise ConfigError(f"mode is {config.mode!r}: it must be {' or '.join(MODES)}")
    if not re.fullmatch(r"[A-Za-z0-9._/-]+", config.ref) or config.ref.startswith("-") or ".." in config.ref:
        raise ConfigError(f"ref is {config.ref!r}: give the name of a branch or tag")
    if not config.repository or config.repository.startswith("-") or "::" in config.repository:
        raise ConfigError(f"repository is {config.repository!r}: give an address that git clones from")
    for name in ("playbook", "inventory", "drift_playbook"):
        path = getattr(config, name)
        if path.startswith(("/", "-")) or ".." in path.split("/"):
            raise ConfigError(f"{name} is {path!r}: give a path within the repository")
    for name in ("report_days", "timeout", "network_timeout", "interval"):
        number = getattr(config, name)
        if not isinstance(number, (int, float)) or not math.isfinite(number) or number < 0:
            raise ConfigError(f"{name} is {number!r}: give a number from 0 on")
    for window in config.freezes:
        parse_freeze(window)
    return config


@dataclass
class Record:
    """What the agent remembers from run to run; times are in seconds since 1970."""

    applied: str = ""
    """The commit whose playbook last ended without an error; empty where another one's began since and did not."""
    accepted: str = ""
    """The commit that was last verified and checked out; the next one descends from it."""
    withdrawn: list[str] = field(default_factory=list)
    """Commits that a signed rollback took back, with what they descend from."""
    state: str = ""
    reason: str = ""
    failures: int = 0
    failed_heals: int = 0
    heals: int = 0
    last_run: float | None = None
    last_success: float | None = None
    first_report: float | None = None
    drift: dict[str, int] | None = None
    build_since: float | None = None
    """Since when runs have waited for a build; None when the last one did not."""
    left: dict[str, int] = field(default_factory=dict)
    """By an account's own setting, how many heals in a row have not restored it: that account changes it again."""

    def to_json(self) -> dict[str, Any]:
        """Return the record as it is kept, with the number of its format."""
        return {"format": FORMAT, **dataclasses.asdict(self)}


def parse_record(text: str) -> Record | None:
    """Return the record in C(text); None if it is damaged, such as half-written; OtherVersion if it is a newer one."""
    try:
        data = json.loads(text)
        version = data.pop("format")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if version != FORMAT:
        raise OtherVersion(f"its format is {version!r}, and this agent knows {FORMAT}")
    known = {part.name: part for part in dataclasses.fields(Record)}
    if set(data) - set(known):
        return None
    record = Record(**data)
    numbers = (record.last_run, record.last_success, record.first_report, record.build_since)
    right = (
        all(isinstance(value, str) for value in (record.applied, record.accepted, record.state, record.reason))
        and isinstance(record.withdrawn, list)
        and isinstance(record.left, dict)
        and all(
            isinstance(value, int)
            for value in (record.failures, record.failed_heals, record.heals, *record.left.values())
        )
        and all(value is None or isinstance(value, (int, float)) for value in numbers)
    )
    return record if right else None


def age(then: float | None, now: float) -> float | None:
    """Return how long ago C(then) was; None if that is not known, as after the clock was moved back."""
    return None if then is None or then > now else now - then


class Process(NamedTuple):
    """A process: its program's path, and its arguments."""

    program: str
    arguments: Sequence[str]


def tells_by_arguments(program: str) -> bool:
    """Return whether it takes the arguments of a process to know if it builds."""
    name = program.rpartition("/")[2]
    return name == "go" or name.endswith(".test")


def find_build(processes: Iterable[Process]) -> str:
    """Return the name of a process that builds or tests with Go; empty without one."""
    for process in processes:
        name = process.program.rpartition("/")[2]
        if name in BUILDERS and "/pkg/tool/" in process.program:
            return name
        if name == "go" and len(process.arguments) > 1 and process.arguments[1] in GO_COMMANDS:
            return f"go {process.arguments[1]}"
        if name.endswith(".test") and any(word.startswith("-test.") for word in process.arguments[1:]):
            return name
    return ""


def spell_out(sentence: str) -> str:
    """Return C(sentence) in one line, and nothing in it that a terminal follows: any account can name a program."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in sentence
    )


def is_on_battery(supplies: Sequence[Mapping[str, str]]) -> bool:
    """Return whether a battery is being emptied; no where there is none, or nothing says."""
    return any(
        supply.get("type") == "Battery" and supply.get("status") == "Discharging" for supply in supplies
    ) and not any(supply.get("type") in ("Mains", "USB") and supply.get("online") == "1" for supply in supplies)


def _parse_moment(given: Any, of_day: datetime.time) -> datetime.datetime:
    """Return the moment that a date, with C(of_day), or a date with a time means; ValueError for anything else.

    YAML has 20261220 without quotes for a number. The standard library reads a week as well, from Python 3.11 on, and
    as its Monday.
    """
    text = str(given).strip()
    day = re.fullmatch(r"(\d{4})-?(\d\d)-?(\d\d)", text)
    if day:
        return datetime.datetime.combine(datetime.date(*map(int, day.groups())), of_day)
    if not re.match(r"\d{4}-?\d\d-?\d\d[T ]", text):
        raise ValueError(text)
    return datetime.datetime.fromisoformat(text)


def parse_freeze(window: Mapping[str, str]) -> tuple[datetime.datetime, datetime.datetime]:
    """Return the first and the last moment of a freeze window; a date without a time is the whole day."""
    try:
        start, end = _parse_moment(window["from"], datetime.time.min), _parse_moment(window["to"], datetime.time.max)
    except (KeyError, ValueError, TypeError):
        raise ConfigError(
            f"the freeze window {window!r} needs from and to, such as 2026-12-20 or 2026-12-20T18:00"
        ) from None
    if (start.tzinfo is None) != (end.tzinfo is None):
        raise ConfigError(
            f"the freeze window {window!r} has a time zone in one of from and to alone: give both of them one, with a "
            "time, or neither"
        )
    if end < start:
        raise ConfigError(f"the freeze window {window!r} ends before it begins")
    return start, end


def find_freeze(windows: Sequence[Mapping[str, str]], now: datetime.datetime) -> str:
    """Return the end of the freeze window that C(now), which knows its zone, lies in; empty outside of all."""
    for window in windows:
        start, end = parse_freeze(window)
        moment = now if start.tzinfo else now.replace(tzinfo=None)
        if start <= moment <= end:
            return str(window["to"])
    return ""


def explain_waiting(
    config: Config, *, on_battery: bool, build: str, frozen_until: str, waited: float | None = None
) -> str:
    """Return why nothing is done now; empty if nothing speaks against it.

    C(waited) is for how long runs have waited for a build, None if this is the first that does.
    """
    if frozen_until:
        return f"a freeze window lasts until {frozen_until}"
    if on_battery and not config.on_battery:
        return "the machine runs on battery"
    return f"{build} is running" if build and (waited or 0.0) < MOST_WAITING else ""


@dataclass(frozen=True)
class Candidate:
    """What the repository offers. C(signer) is who signed it, empty for nobody who may; C(why) is why not.

    C(follows): it descends from the last accepted commit. C(is_withdrawn): a rollback took it back. C(rollback) is the
    signed tag that takes the machine back to it, empty without one.
    """

    commit: str
    signer: str = ""
    why: str = ""
    follows: bool = True
    is_withdrawn: bool = False
    rollback: str = ""


def refuse(candidate: Candidate, accepted: str) -> str:
    """Return why C(candidate) is refused; empty if it may be checked out."""
    short = candidate.commit[:12]
    if not candidate.signer:
        return f"{short} is not signed by an allowed key ({candidate.why or 'no signature'})"
    if candidate.rollback:
        return ""
    if candidate.is_withdrawn:
        return f"{short} was taken back by a signed rollback"
    if accepted and not candidate.follows:
        return f"{short} does not descend from {accepted[:12]}, the last commit, and no signed rollback tag allows it"
    return ""


def signed_part(commit: str) -> str:
    """Return what a signature covers of a commit (git cat-file commit).

    Not itself: whoever can push can write it otherwise, which is the same commit, as well signed, under another id.
    """
    head, blank, message = commit.partition("\n\n")
    return re.sub(r"^gpgsig.*\n(?: .*\n)*", "", f"{head}\n", flags=re.MULTILINE) + blank[1:] + message


class Rollback(NamedTuple):
    """A tag that takes machines back: from which commit, and to which one."""

    name: str
    source: str
    target: str


def choose_tags(offered: Iterable[str]) -> list[str]:
    """Return the refs of the tags to fetch, of those that a repository offers, which may be any number.

    What cannot be the name of one, such as with a colon, would say where it is written here.
    """
    tags = [name for name in offered if re.fullmatch(r"refs/tags/[^\s:*?\[\\^~]+", name)]
    first = [name for name in tags if name.startswith("refs/tags/rollback/")]
    others = [name for name in tags if not name.startswith("refs/tags/rollback/")]
    return [*first[-MOST_TAGS:], *others[-MOST_TAGS:]]


def parse_rollback(tag: str) -> Rollback | None:
    """Return what a tag object (git cat-file tag) says; None if it is no rollback.

    The name within the signed object counts, because anybody can give a tag another name. The commit that is left is
    named, so that an old tag is of no use against a later state.
    """
    head, _blank, message = tag.partition("\n\n")
    fields = dict(line.split(" ", 1) for line in head.splitlines() if " " in line)
    found = re.search(r"^Rollback-From: ([0-9a-f]{40,64})$", message.partition("-----BEGIN")[0], re.MULTILINE)
    if not found or fields.get("type") != "commit" or not fields.get("tag", "").startswith("rollback/"):
        return None
    return Rollback(fields["tag"], found[1], fields.get("object", ""))


def accept(record: Record, commit: str) -> None:
    """Note in C(record) that C(commit) is what the machine is to have, which was verified.

    What was accepted before and did not come to its end may have changed anything, so that no commit is applied now.
    """
    if record.applied != record.accepted:
        record.applied = ""
    record.accepted, record.failed_heals, record.left = commit, 0, {}


def needs_run(record: Record, commit: str) -> bool:
    """Return whether the playbook has to run: C(commit) is new, or its last run failed or was killed."""
    return record.applied != commit or record.accepted != commit


def _was_looked_at(host: Mapping[str, Any]) -> bool:
    return host.get("status") != "not_seen" and (host.get("status") != "unknown" or bool(host["settings"]))


def _is_windows(host: Mapping[str, Any]) -> bool:
    """Return whether a report is about the Windows side; one of an older drift.yml says so by its settings alone."""
    roles = {setting.get("role") for setting in host["settings"]}
    return str(host.get("side") or ("windows" if roles & {"defender", "wslconfig"} else "linux")) == "windows"


def list_settings(report: Any) -> list[dict[str, Any]] | None:
    """Return the settings of drift's report; None if the machine was not looked at.

    A drift.yml on the machine reports the Windows side too, and the playbook writes there. What Windows did not show,
    which it keeps from who is no administrator, is left out: no run of this machine changes that either.
    """
    try:
        sides = [(host, _is_windows(host)) for host in report.get("hosts", [report])]
        own = [_was_looked_at(host) for host, is_windows in sides if not is_windows]
        if not own or not all(own):
            return None
        return [
            dict(setting, id=str(setting.get("id", "")))
            for host, is_windows in sides
            if _was_looked_at(host)
            for setting in host["settings"]
            if not (is_windows and setting["state"] == "unknown")
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def count_states(settings: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many settings are in which state."""
    states = [str(setting["state"]) for setting in settings]
    return {state: states.count(state) for state in sorted(set(states))}


def list_restorable(settings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the settings that a run brings back; an export of a user's own, for one, it leaves as it is."""
    return [
        setting
        for setting in settings
        if setting["state"] in HEALABLE and str(setting.get("remedy", BY_A_RUN)).startswith(BY_A_RUN)
    ]


def explain_no_heal(config: Config, record: Record, settings: Sequence[Mapping[str, Any]] | None, now: float) -> str:
    """Return why drift is reported and not healed; empty if it may be healed.

    C(record) has when drift was first looked at. No account alone keeps the machine from being healed: neither by what
    it hides of its own settings, nor by changing one again after each heal.
    """
    if settings is None:
        return "drift could not be looked at"
    drifted = [setting for setting in settings if setting["state"] in HEALABLE]
    if not drifted:
        return "nothing to heal"
    if config.mode != "heal":
        return f"{len(drifted)} settings changed or gone, and the mode is report"
    back = [setting["state"] for setting in settings if setting["state"] == "unknown" and not setting.get("account")]
    back += [setting["state"] for setting in settings if setting["state"] == "conflict"]
    for state in KEEPING_HEALS_BACK:
        if state in back:
            return f"{back.count(state)} settings are {state}, which a person decides about"
    restorable = list_restorable(settings)
    if not restorable:
        return f"{len(drifted)} settings changed or gone, and no run restores them"
    if all(record.left.get(setting["id"], 0) >= MOST_FAILED_HEALS for setting in restorable):
        return f"{len(restorable)} settings changed or gone, of accounts that changed them again after each heal"
    reported = age(record.first_report, now)
    if reported is None or reported < config.report_days * DAY:
        return f"drift is only reported for the first {config.report_days:g} days"
    if record.failed_heals >= MOST_FAILED_HEALS:
        return f"{record.failed_heals} heals in a row failed"
    return ""


def note_left(record: Record, settings: Sequence[Mapping[str, Any]]) -> bool:
    """Note in C(record) what a heal has not restored of the accounts' own; return whether all else is as declared."""
    left = list_restorable(settings)
    own = [setting["id"] for setting in left if setting.get("account")]
    record.left = {name: record.left.get(name, 0) + 1 for name in own}
    return len(own) == len(left)


def note_time(record: Record, now: float) -> None:
    """Note when drift was first looked at; anew where the clock was moved back to before that."""
    if age(record.first_report, now) is None:
        record.first_report = now
