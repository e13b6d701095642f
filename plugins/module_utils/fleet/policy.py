# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a machine may and may not declare: rules as data, conditions on facts and declared values, waivers that end."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import levels, text
from ansible_collections.wsltune.go.plugins.module_utils.wsl import plan as wsl_plan

SEVERITIES = ("critical", "warning", "info")
TESTS = ("is", "is_not", "in", "matches", "above", "below")
NEEDED = ("id", "when", "why", "severity", "resolution")
ALLOWED = {*NEEDED, "case", "refused"}
DECLARED = re.compile("^(wsl|go|workspace|defender|verify|doctor|metrics|pull_agent)[a-z]*_")
"""The variables that playbooks/vars/policy.yml looks up, because roles and playbooks read them."""
INVALID = "WTP-001"
MISSING = object()
"""What a path leads to where nothing is."""


class PolicyError(ValueError):
    """A rule or waiver that cannot be understood, in one sentence."""


@dataclass(frozen=True)
class Condition:
    """One test of one value."""

    path: str
    test: str
    wanted: Any

    @property
    def needs_facts(self) -> bool:
        """Whether the condition stays unknown until the machine was looked at."""
        return self.path.startswith("facts/")

    def holds(self, document: Mapping[str, Any]) -> bool:
        """Return whether the value passes the test; one that is not there is C(null) and passes no other test."""
        value = find(document, self.path)
        if self.test == "in":
            return (None if value is MISSING else value) in self.wanted
        if self.test == "is_not":
            return value is not MISSING and not _same(value, self.wanted)
        if value is MISSING or value is None:
            return False
        if self.test == "is":
            return _same(value, self.wanted)
        if self.test == "matches":
            return re.search(self.wanted, str(value)) is not None
        try:
            number = float(value)
        except (TypeError, ValueError):
            return False
        limit = float(self.wanted)
        return number > limit if self.test == "above" else number < limit


def _same(value: Any, wanted: Any) -> bool:
    # 1 is no true in YAML.
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def find(document: Mapping[str, Any], path: str) -> Any:
    """Return what C(path) leads to; its parts are separated by slashes."""
    value: Any = document
    for part in path.split("/"):
        if not isinstance(value, Mapping) or part not in value:
            return MISSING
        value = value[part]
    return value


@dataclass(frozen=True)
class Rule:
    """A rule of policies/default.yml."""

    id: str
    when: tuple[Condition, ...]
    why: str
    severity: str
    resolution: str
    case: str = ""
    refused: bool = False


def _parse_condition(name: str, given: Any) -> Condition:
    tests = [key for key in given if key != "value"] if isinstance(given, Mapping) else []
    if len(tests) != 1 or tests[0] not in TESTS or not isinstance(given.get("value"), str):
        raise PolicyError(f"{name} has the condition {given!r}: give value, and one of {', '.join(TESTS)}")
    path, test, wanted = given["value"], tests[0], given[tests[0]]
    if not path.startswith(("declared/", "facts/")):
        raise PolicyError(f"{name} has the value {path}: it must begin with declared/ or facts/")
    root, _slash, rest = path.partition("/")
    variable = rest.partition("/")[0]
    # Nothing of another would ever be found, and the rule would never be broken.
    if root == "declared" and variable not in wsl_plan.ROLES and not DECLARED.match(variable):
        raise PolicyError(f"{name} has the value {path}: no role or playbook of wsltune reads {variable}")
    if test == "in" and not isinstance(wanted, list):
        raise PolicyError(f"{name} has in: {wanted!r}, which must be a list")
    if test in ("above", "below") and not _number(wanted):
        raise PolicyError(f"{name} has {test}: {wanted!r}, which must be a number")
    if test == "matches":
        try:
            re.compile(wanted)
        except (re.error, TypeError):
            raise PolicyError(f"{name} has matches: {wanted!r}, which is no regular expression") from None
    return Condition(path, test, wanted)


def parse(data: Any) -> list[Rule]:
    """Return the rules in C(data); PolicyError names the first that cannot be understood."""
    if not isinstance(data, list):
        raise PolicyError("the policies are not a list of rules")
    rules: dict[str, Rule] = {}
    for number, given in enumerate(data, 1):
        name = str(given.get("id", f"rule {number}")) if isinstance(given, Mapping) else f"rule {number}"
        missing = [key for key in NEEDED if not isinstance(given, Mapping) or not given.get(key)]
        if missing:
            raise PolicyError(f"{name} has no {missing[0]}: a rule needs {', '.join(NEEDED)}")
        unknown = sorted(set(given) - ALLOWED)
        if unknown:
            raise PolicyError(f"{name} has {unknown[0]}, which no rule has: a rule has {', '.join(sorted(ALLOWED))}")
        if given["severity"] not in SEVERITIES:
            raise PolicyError(f"{name} has the severity {given['severity']}: give one of {', '.join(SEVERITIES)}")
        if name in rules:
            raise PolicyError(f"{name} is there twice: an id is for one rule")
        if not isinstance(given["when"], list):
            raise PolicyError(f"{name} has when: {given['when']!r}, which must be a list of conditions")
        when = tuple(_parse_condition(name, condition) for condition in given["when"])
        values = {key: str(given[key]) for key in ("why", "severity", "resolution")}
        rules[name] = Rule(
            name, when, case=str(given.get("case", "")), refused=bool(given.get("refused", False)), **values
        )
    return list(rules.values())


def parse_waivers(data: Any, rules: Sequence[Rule]) -> dict[str, tuple[str, datetime.date]]:
    """Return the reason and the last day of each waiver by the id of its rule."""
    if not isinstance(data, list):
        raise PolicyError(f"wsltune_policy_waivers is {data!r}: give a list of id, reason and until")
    known = {rule.id for rule in rules}
    found = {}
    for given in data:
        if not isinstance(given, Mapping) or not {"id", "reason", "until"} == set(given) or not all(given.values()):
            raise PolicyError(f"wsltune_policy_waivers has {given!r}: a waiver has id, reason and until, its last day")
        if given["id"] not in known:
            raise PolicyError(f"wsltune_policy_waivers has {given['id']}, which no rule has")
        try:
            until = datetime.date.fromisoformat(str(given["until"]))
        except ValueError:
            raise PolicyError(
                f"wsltune_policy_waivers has until {given['until']!r} for {given['id']}: give the last day as in "
                "2027-06-30"
            ) from None
        found[str(given["id"])] = (str(given["reason"]), until)
    return found


def declare(variables: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what an inventory declares for one host, as rules see it, and why WSL's settings cannot be read.

    C(wsl_conf) and C(wslconfig) have the values by their keys as WSL spells them.
    """
    declared, refusals = dict(variables), []
    for role in wsl_plan.ROLES:
        declared[role] = {}
        try:
            declared[role] = wsl_plan.read_settings(variables.get(f"{role}_settings") or {}, role)
        except ValueError as error:
            refusals.append(f"{role}_settings: {error}")
    return declared, refusals


def check(
    rules: Sequence[Rule],
    waivers: Mapping[str, tuple[str, datetime.date]],
    variables: Mapping[str, Any],
    facts: Mapping[str, Any] | None,
    today: datetime.date,
) -> dict[str, Any]:
    """Return C(findings), those that are C(waived), and the rules that could not be C(unchecked) without facts."""
    declared, refusals = declare(variables)
    document = {"declared": declared, "facts": facts or {}}
    findings, waived, unchecked = [], [], []
    if refusals:
        findings.append(
            {
                "id": INVALID,
                "severity": "critical",
                "why": text.line("; ".join(refusals)),
                "resolution": "give the key and the value as WSL reads them",
                "case": "WT-022",
                "found": [],
            }
        )
    for rule in rules:
        if facts is None and any(condition.needs_facts for condition in rule.when):
            unchecked.append(rule.id)
            continue
        if not all(condition.holds(document) for condition in rule.when):
            continue
        finding: dict[str, Any] = {
            "id": rule.id,
            "severity": rule.severity,
            "why": rule.why,
            "resolution": rule.resolution,
            "case": rule.case,
            "found": [
                text.line(f"{condition.path}: {_shown(find(document, condition.path))}", 200) for condition in rule.when
            ],
        }
        reason, until = waivers.get(rule.id, ("", None))
        if until is not None and today <= until:
            waived.append({**finding, "waiver": reason, "waived_until": until.isoformat()})
            continue
        if until is not None:
            finding["resolution"] += f"; its waiver ended on {until.isoformat()} ({reason})"
        findings.append(finding)
    findings.sort(key=lambda finding: (SEVERITIES.index(finding["severity"]), finding["id"]))
    return {"findings": findings, "waived": waived, "unchecked": unchecked}


def _shown(value: Any) -> str:
    return "not set" if value is MISSING else str(value)


def describe(host: str, outcome: Mapping[str, Any]) -> list[str]:
    """Return a line for each finding of one host, and for each waiver."""
    lines = [
        f"{host}: {finding['severity']}: {finding['id']}: {'; '.join(finding['found']) or 'cannot be read'}: "
        f"{finding['why']}. Do: {finding['resolution']}."
        + (f" See docs/cases/{finding['case']}.md." if finding["case"] else "")
        for finding in outcome["findings"]
    ]
    return lines + [
        f"{host}: waived until {waived['waived_until']}: {waived['id']}: {waived['waiver']}"
        for waived in outcome["waived"]
    ]


def choose_failing(level: Any) -> dict[str, Any]:
    """Return the severities with which a run fails at a level of wsltune_policy_fail_on."""
    return levels.choose_failing(level, {name: (name,) for name in SEVERITIES}, "wsltune_policy_fail_on")


def summarise(outcomes: Mapping[str, Mapping[str, Any]], unread: Mapping[str, str]) -> dict[str, Any]:
    """Return the text about all hosts and how many findings of each severity there are."""
    counts = dict.fromkeys(SEVERITIES, 0)
    lines: list[str] = []
    for host, outcome in sorted(outcomes.items()):
        lines += describe(host, outcome)
        for finding in outcome["findings"]:
            counts[finding["severity"]] += 1
    lines += [f"{host}: could not be checked: {reason}" for host, reason in sorted(unread.items())]
    total = sum(counts.values())
    counted = ", ".join(f"{count} {severity}" for severity, count in counts.items() if count)
    hosts = len(outcomes) + len(unread)
    head = f"{total} finding{'s' if total != 1 else ''} on {hosts} host{'s' if hosts != 1 else ''}" + (
        f": {counted}" if counted else ""
    )
    rest = sorted({name for outcome in outcomes.values() for name in outcome["unchecked"]})
    if rest:
        lines.append(f"Not checked, because they need a look at the machine: {', '.join(rest)} (playbooks/drift.yml).")
    return {"text": "\n".join([head, *lines]) + "\n", "counts": counts, "unread": dict(unread)}
