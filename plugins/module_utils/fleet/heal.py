# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether an alert is healed: what Alertmanager says and what a machine has go in, what is done and why come out.

An alert only says where to look. What is done depends on what the look finds, because an alert may be old, and because
whoever may write a metric on one machine could make one up.

It imports nothing of the collection, because the event filter of the rulebook loads this file alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple

VERSION = 1
"""Of the record."""
MOST_FAILURES = 3
MOST_ALERTS = 1000
HEALABLE = ("changed", "gone")
"""States of a setting (fleet/drift.py) whose fix is to apply again what is declared and was applied before."""
BY_A_RUN = "run site.yml"
"""How the remedy of a setting begins that a run restores; another one is for a person, such as an edited launcher."""
KEEPING_BACK = {
    "conflict": "in conflict, which a person decides about",
    "unknown": "unknown, and what was not seen is not healed",
    "not_rolled_out": "not yet rolled out, which is for a run of site.yml or a rollout",
}
"""States that keep the whole machine from being healed, because a run applies all of its settings.

Of a setting about which an account alone decides, only a conflict does: else any account could keep a machine from it.
"""
ALERTS = {"WsltuneSettingDrift": "setting", "WsltuneDrift": ""}
"""The alerts of monitoring/rules.yml that are healed, and the label of each that names a setting."""
_WORD = re.compile(r"[A-Za-z0-9_.:/@+-]{1,200}")
"""What a host or a setting may be called here: without braces, because Ansible would evaluate a template in a label."""

HEAL, REFUSE, WAIT, NOTHING, STOP = "heal", "refuse", "wait", "nothing", "stop"


class Alert(NamedTuple):
    """An alert that fires: its name, the machine, and the setting if it names one."""

    name: str
    host: str
    setting: str = ""


def _is_word(text: Any) -> bool:
    return isinstance(text, str) and _WORD.fullmatch(text) is not None and not text.startswith("-")


def read_webhook(payload: Any) -> list[dict[str, str]]:
    """Return the alerts in Alertmanager's message that may be healed; whatever else it has is left out."""
    alerts = payload.get("alerts") if isinstance(payload, Mapping) else None
    found: dict[Alert, None] = {}
    for alert in alerts[:MOST_ALERTS] if isinstance(alerts, list) else []:
        labels = alert.get("labels") if isinstance(alert, Mapping) else None
        if not isinstance(labels, Mapping) or alert.get("status") != "firing":
            continue
        name, host = labels.get("alertname"), labels.get("instance")
        if not isinstance(name, str) or name not in ALERTS or not _is_word(host):
            continue
        if ALERTS[name] and not _is_word(labels.get(ALERTS[name])):
            continue
        if labels.get("state", "drift") in ("drift", *HEALABLE):
            found[Alert(name, str(host), str(labels[ALERTS[name]]) if ALERTS[name] else "")] = None
    return [alert._asdict() for alert in found]


def read_alerts(data: Any) -> list[Alert]:
    """Return the alerts that a playbook was given; raise ValueError with one sentence for what is none."""
    if not isinstance(data, Sequence) or isinstance(data, str):
        raise ValueError("wsltune_heal_alerts is no list: give the alerts with name, host and setting.")
    alerts = []
    for given in data:
        if not isinstance(given, Mapping) or set(given) - set(Alert._fields) or not {"name", "host"} <= set(given):
            raise ValueError(f"wsltune_heal_alerts has {given!r}: give name, host and setting.")
        alert = Alert(**given)
        if alert.name not in ALERTS:
            raise ValueError(f"wsltune_heal_alerts names the alert {alert.name!r}: {' and '.join(ALERTS)} are healed.")
        if not _is_word(alert.host) or not (alert.setting == "" or _is_word(alert.setting)):
            raise ValueError(
                f"wsltune_heal_alerts has {given!r}: host and setting are words without blanks and braces."
            )
        alerts.append(alert)
    return alerts


def choose_hosts(alerts: Iterable[Alert], hosts: Iterable[str], groups: Iterable[str]) -> list[str]:
    """Return the machines to look at: those of the inventory, by their whole name, and never a group or a pattern."""
    return sorted({alert.host for alert in alerts} & set(hosts) - set(groups))


def list_strangers(alerts: Iterable[Alert], chosen: Iterable[str]) -> list[str]:
    """Return the machines that alerts name and that are not chosen, because the inventory has none of that name."""
    return sorted({alert.host for alert in alerts} - set(chosen))


@dataclass
class Record:
    """What the controller remembers of a machine; times are in seconds since 1970."""

    failures: int = 0
    """Heals in a row that did not end well; one counts from its beginning on, so that a killed one counts."""
    heals: int = 0
    began: float | None = None
    ended: float | None = None
    result: str = ""
    left: dict[str, int] = field(default_factory=dict)
    """By an account's own setting, how many heals in a row have not restored it: that account changes it again."""

    def to_json(self) -> dict[str, Any]:
        """Return the record as it is kept."""
        return {"version": VERSION, **asdict(self)}


def parse_record(data: Any) -> Record:
    """Return the record; raise ValueError for what is none, because three failures may be hidden in it."""
    if not isinstance(data, Mapping) or data.get("version") != VERSION:
        raise ValueError(f"it is no record of version {VERSION}")
    known = {field.name for field in fields(Record)}
    record = Record(**{key: value for key, value in data.items() if key in known})
    if not isinstance(record.left, dict):
        raise ValueError("its list of what was left is none")
    if not all(
        isinstance(number, int) and number >= 0 for number in (record.failures, record.heals, *record.left.values())
    ):
        raise ValueError("its counts are no numbers")
    return record


class Decision(NamedTuple):
    """What is done about a machine's alerts, why in one sentence, and the settings that are to be in state after it."""

    action: str
    why: str
    settings: tuple[str, ...] = ()


def decide(
    host: str,
    report: Mapping[str, Any],
    alerts: Sequence[Alert],
    record: Record,
    name_setting: Callable[[str], str],
    off: str = "",
) -> Decision:
    """Return what is done about the alerts of C(host), by drift's report.

    C(name_setting) returns what stands for a setting in the label of a metric. C(off) names the off switch, if set.
    """
    if off:
        return Decision(REFUSE, f"{host} is left as it is because healing is switched off by {off}.")
    status, settings = report.get("status"), report.get("settings") or []
    if status == "not_seen":
        return Decision(WAIT, f"{host} does not answer: the alert comes again when it is still true.")
    if not settings:
        return Decision(REFUSE, f"{host} is left as it is because it could not be looked at.")
    for state, sentence in KEEPING_BACK.items():
        those = sorted(str(one["id"]) for one in settings if one["state"] == state and not _is_of_one_account(one))
        if those:
            return Decision(REFUSE, f"{host} is left as it is because {_list(those)} {_are(those)} {sentence}.")
    moved = sorted(str(one["id"]) for one in settings if one["state"] in HEALABLE)
    drifted = tuple(list_restorable(report))
    given_up = [name for name in drifted if record.left.get(name, 0) >= MOST_FAILURES]
    wanted = [name for name in drifted if name not in given_up]
    named = {alert.setting for alert in alerts if alert.host == host}
    if not wanted or not named & {"", *wanted, *map(name_setting, wanted)}:
        if given_up and named & {"", *given_up, *map(name_setting, given_up)}:
            sentence = "of an account that changed it again after each heal"
            return Decision(REFUSE, f"{host} is left as it is because {_list(given_up)} {_are(given_up)} {sentence}.")
        theirs = [name for name in moved if name not in drifted]
        if theirs and named & {"", *theirs, *map(name_setting, theirs)}:
            sentence = "changed so that no run restores it: drift says what a person can do"
            return Decision(REFUSE, f"{host} is left as it is because {_list(theirs)} {_are(theirs)} {sentence}.")
        return Decision(NOTHING, f"{host} has nothing to heal: what the alert names is as declared by now.")
    if record.failures >= MOST_FAILURES:
        return Decision(
            STOP,
            f"{host} is not healed any more because {record.failures} heals in a row failed: a person has to look.",
        )
    return Decision(HEAL, f"{host} has {_list(drifted)} changed or gone.", drifted)


def list_restorable(report: Mapping[str, Any]) -> list[str]:
    """Return the settings of drift's report that a run brings back."""
    return sorted(
        str(one["id"])
        for one in report.get("settings") or []
        if one["state"] in HEALABLE and str(one.get("remedy", "")).startswith(BY_A_RUN)
    )


def _is_of_one_account(setting: Mapping[str, Any]) -> bool:
    """Return whether an account alone made it unknown, or has it not because it could not be set up."""
    never_had = setting["state"] == "not_rolled_out" and setting.get("applied_is_known") is False
    return bool(setting.get("account")) and (setting["state"] == "unknown" or never_had)


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def begin(record: Record, now: float) -> Record:
    """Return the record of a machine that is about to be healed."""
    return Record(record.failures + 1, record.heals, now, None, "", record.left)


class Outcome(NamedTuple):
    """How a heal ended: whether all is as declared, in one sentence, and a note for the trail for each setting.

    Where only settings in C(left), each an account's own, are not, it did not fail.
    """

    healed: bool
    sentence: str
    notes: list[dict[str, str]]
    left: tuple[str, ...] = ()


def judge(
    host: str,
    settings: Sequence[str],
    alerts: Sequence[Alert],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    error: str = "",
) -> Outcome:
    """Return how the heal ended, by drift's reports from before and after it."""
    then = {str(setting["id"]): setting for setting in before.get("settings") or []}
    now = {str(setting["id"]): str(setting["state"]) for setting in after.get("settings") or []}
    # A setting that waits for a restart is written, and no second heal would bring it into force.
    left = [name for name in settings if now.get(name, "unknown") in (*HEALABLE, *KEEPING_BACK)]
    healed = not left and not error
    names = sorted({alert.name for alert in alerts if alert.host == host})
    action = f"{'healed' if healed else 'not healed'} for the alert {' and '.join(names)}"
    notes = []
    for name in settings:
        state = now.get(name, "unknown")
        was = str(then.get(name, {}).get("state", "unknown"))
        notes.append(
            {
                "action": action,
                "path": str(then.get(name, {}).get("path", "")),
                "role": str(then.get(name, {}).get("role", "")),
                "before": f"{name}: {was}",
                "after": f"{name}: {state}" if state != was else f"{name}: still {state}",
            }
        )
    if healed:
        return Outcome(True, f"{host} is healed: {_list(settings)} {_are(settings)} as declared again.", notes)
    reason = error or f"{_list(left)} {_are(left)} still not as declared"
    own = tuple(name for name in left if then.get(name, {}).get("account"))
    return Outcome(
        False, f"{host} is not healed: {reason.rstrip('.')}.", notes, () if error or len(own) < len(left) else own
    )


def end(record: Record, outcome: Outcome, now: float) -> Record:
    """Return the record after a heal."""
    if outcome.healed or outcome.left:
        left = {name: record.left.get(name, 0) + 1 for name in outcome.left}
        return Record(0, record.heals + outcome.healed, record.began, now, outcome.sentence, left)
    return Record(record.failures, record.heals, record.began, now, outcome.sentence, record.left)
