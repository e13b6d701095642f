# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import datetime
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.fleet import policy
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import forbidden
from ansible_collections.wsltune.go.plugins.module_utils.wsl import wslconfig as wsl_wslconfig

ROOT = Path(__file__).resolve().parents[5]
DEFAULT = yaml.safe_load((ROOT / "policies" / "default.yml").read_text(encoding="utf-8"))
RULES = policy.parse(DEFAULT)
TODAY = datetime.date(2026, 11, 28)
RULE: dict[str, Any] = {
    "id": "X-1",
    "when": [{"value": "declared/go_a", "is": True}],
    "why": "it harms",
    "severity": "critical",
    "resolution": "leave it out",
}


def found(variables: dict[str, Any], facts: dict[str, Any] | None = None, waivers: Any = ()) -> list[str]:
    known = policy.parse_waivers(list(waivers), RULES)
    return [one["id"] for one in policy.check(RULES, known, variables, facts, TODAY)["findings"]]


def test_every_rule_has_a_page_that_is_there_and_a_stable_id() -> None:
    for rule in RULES:
        assert re.fullmatch(r"WTP-\d{3}", rule.id)
        assert (ROOT / "docs" / "cases" / f"{rule.case}.md").is_file(), rule.id


@pytest.mark.parametrize(
    ("variables", "rule"),
    [
        ({"wsl_conf_settings": {"Network.generateResolvConf": "no"}}, "WTP-103"),
        ({"wsl_conf_settings": {"automount.cgroups": "v1"}}, "WTP-106"),
        ({"wslconfig_settings": {"wsl2.networkingMode": "NONE"}}, "WTP-201"),
        ({"wslconfig_settings": {"wsl2.kernelCommandLine": "quiet mitigations=off"}}, "WTP-207"),
        ({"wsl_conf_allow_harmful": True}, "WTP-301"),
        ({"defender_valid_days": 0}, "WTP-303"),
        ({"defender_wsl_disk": "Debian"}, "WTP-304"),
        ({"wsl_conf_settings": {"boot.sistemd": True}}, policy.INVALID),
    ],
)
def test_a_declaration_that_harms_is_found_without_a_machine(variables: dict[str, Any], rule: str) -> None:
    assert found(variables) == [rule]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"wsl_conf_settings": {"network.generateResolvConf": True, "boot.systemd": True}},
        {"wslconfig_settings": {"wsl2.kernelCommandLine": "mitigations=off_not_really"}},
        {"defender_valid_days": 0, "defender_valid_until": "2027-06-30"},
        {"defender_valid_days": 365, "defender_wsl_disk": ""},
        {"wsl_conf_allow_harmful": False},
    ],
)
def test_a_declaration_that_does_not_harm_is_not_found(variables: dict[str, Any]) -> None:
    assert found(variables) == []


def test_a_rule_about_facts_is_checked_on_hosts_alone_and_named_otherwise() -> None:
    assert policy.check(RULES, {}, {}, None, TODAY)["unchecked"] == ["WTP-401"]
    assert found({}, {"wsl": {"version": 1}}) == ["WTP-401"] and found({}, {"wsl": {"version": 2}}) == []


def test_a_waiver_counts_to_its_last_day_and_is_named_when_it_has_ended() -> None:
    variables = {"wsl_conf_allow_harmful": True}
    waiver = {"id": "WTP-301", "reason": "sandbox", "until": "2026-11-28"}
    outcome = policy.check(RULES, policy.parse_waivers([waiver], RULES), variables, None, TODAY)
    assert (outcome["findings"], outcome["waived"][0]["waiver"]) == ([], "sandbox")
    later = policy.check(
        RULES, policy.parse_waivers([waiver], RULES), variables, None, TODAY + datetime.timedelta(days=1)
    )
    assert later["findings"][0]["resolution"].endswith("; its waiver ended on 2026-11-28 (sandbox)")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"id": "WTP-301", "until": "2027-01-01"}, "a waiver has id, reason and until"),
        ({"id": "WTP-301", "reason": "", "until": "2027-01-01"}, "a waiver has id, reason and until"),
        ({"id": "WTP-301", "reason": "x", "until": "soon"}, "give the last day as in 2027-06-30"),
        ({"id": "WTP-999", "reason": "x", "until": "2027-01-01"}, "which no rule has"),
    ],
)
def test_a_waiver_without_reason_or_end_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(policy.PolicyError, match=re.escape(said)):
        policy.parse_waivers([given], RULES)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"why": None}, "X-1 has no why"),
        ({"severity": "bad"}, "X-1 has the severity bad"),
        ({"more": 1}, "X-1 has more, which no rule has"),
        ({"when": [{"value": "a", "is": 1}]}, "must begin with declared/ or facts/"),
        ({"when": [{"value": "declared/go_a"}]}, "give value, and one of"),
        ({"when": [{"value": "declared/go_a", "like": 1}]}, "give value, and one of"),
        ({"when": [{"value": "declared/go_a", "matches": "("}]}, "no regular expression"),
        ({"when": [{"value": "declared/go_a", "above": "x"}]}, "must be a number"),
        ({"when": [{"value": "declared/go_a", "in": "x"}]}, "must be a list"),
        ({"when": "a"}, "must be a list of conditions"),
        (
            {"when": [{"value": "declared/ansible_user", "is": "root"}]},
            "no role or playbook of wsltune reads ansible_user",
        ),
    ],
)
def test_a_rule_that_cannot_be_understood_is_refused_by_its_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(policy.PolicyError, match=re.escape(said)):
        policy.parse([{**RULE, **change}])


def test_a_rule_may_name_what_an_inventory_is_asked_for() -> None:
    names = yaml.safe_load((ROOT / "playbooks/vars/policy.yml").read_text(encoding="utf-8"))["_policy_names"]
    assert f"'{policy.DECLARED.pattern}'" in names


def test_an_id_is_for_one_rule() -> None:
    with pytest.raises(policy.PolicyError, match="X-1 is there twice"):
        policy.parse([RULE, RULE])


@pytest.mark.parametrize(
    ("test", "value", "holds"),
    [
        ({"is": 1}, True, False),
        ({"is": 1}, 1, True),
        ({"is_not": "x"}, "y", True),
        ({"is_not": "x"}, policy.MISSING, False),
        ({"in": [None, "a"]}, policy.MISSING, True),
        ({"above": 3}, 4, True),
        ({"above": 3}, "no number", False),
        ({"below": 3}, 2, True),
        ({"matches": "^a"}, "abc", True),
        ({"matches": "^a"}, None, False),
    ],
)
def test_conditions(test: dict[str, Any], value: Any, holds: bool) -> None:
    (rule,) = policy.parse([{**RULE, "when": [{"value": "declared/go_a", **test}]}])
    document = {"declared": {} if value is policy.MISSING else {"go_a": value}}
    assert rule.when[0].holds(document) is holds


def test_what_the_roles_refuse_is_written_from_the_policies() -> None:
    spec = importlib.util.spec_from_file_location("policies", ROOT / "scripts" / "policies.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.TARGET.read_text(encoding="utf-8") == module.write(), "run python scripts/policies.py"


def test_the_roles_refuse_every_value_that_the_policies_say_they_do() -> None:
    for name, (value, why) in forbidden.WSL_CONF.items():
        assert why in wsl_conf.harmful({name: value}, {})[0]
    for name, (value, why) in forbidden.WSLCONFIG.items():
        section, key = name.split(".")
        text = f"[{section}]\n{key}={str(value).lower()}\n"
        assert [why in harm.reason for harm in wsl_wslconfig.harmful(wsl_wslconfig.parse(text))] == [True]
    refused = {rule.when[0].path.rpartition("/")[2] for rule in RULES if rule.refused}
    assert refused == {*forbidden.WSL_CONF, *forbidden.WSLCONFIG}


def test_an_inventory_is_checked_without_a_connection(tmp_path: Path) -> None:
    hosts = {
        "bad": {"ansible_host": "192.0.2.1", "wsl_conf_settings": {"interop.enabled": False}},
        "good": {"ansible_host": "192.0.2.2"},
        "broken": {"wsl_conf_settings": "{{ ansible_facts['nothing'] }}"},
    }
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), "playbooks/policy.yml"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / "collections")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
    said = done.stdout
    assert done.returncode == 2, said + done.stderr
    assert said.count("bad: critical: WTP-102: declared/wsl_conf/interop.enabled: False") == 1
    assert "broken: could not be checked" in said and "good:" not in said.partition("RECAP")[2].partition("findings")[2]
