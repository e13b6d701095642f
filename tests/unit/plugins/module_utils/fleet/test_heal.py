# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which alerts are healed, and which are not."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.fleet import drift, heal, metrics

ROOT = Path(__file__).resolve().parents[5]
EDA = ROOT / "extensions/eda"
MOUNT = "go_tmpfs:mount:/var/cache/gotmp"
RUN = "run site.yml, which makes it again"
ALERT = heal.Alert("WsltuneSettingDrift", "anna", MOUNT)


def firing(**labels: str) -> dict[str, Any]:
    usual = {"alertname": "WsltuneSettingDrift", "instance": "anna", "setting": MOUNT, "state": "drift"}
    return {"status": "firing", "labels": {**usual, **labels}}


def report(**states: str) -> dict[str, Any]:
    """Return a report about drift with the mount gone, and settings of other states."""
    settings = {MOUNT: "gone", "go_env:profile": "in_state", **{f"go_env:{key}": one for key, one in states.items()}}
    made = [
        {"id": key, "state": one, "role": "go_tmpfs", "path": "/etc/fstab", "remedy": RUN}
        for key, one in settings.items()
    ]
    return {"host": "anna", "status": "drift", "settings": made}


def decide(found: dict[str, Any] | None = None, record: heal.Record | None = None, **more: Any) -> heal.Decision:
    alerts = more.pop("alerts", [ALERT])
    return heal.decide("anna", found or report(), alerts, record or heal.Record(), metrics.name_setting, **more)


def test_alertmanagers_message_becomes_names_and_nothing_else() -> None:
    payload = {"receiver": "heal", "alerts": [firing(severity="warning"), firing()], "commonLabels": {"x": "{{ 1 }}"}}
    assert heal.read_webhook(payload) == [{"name": ALERT.name, "host": "anna", "setting": MOUNT}]


@pytest.mark.parametrize(
    "alert",
    [
        {**firing(), "status": "resolved"},
        firing(alertname="WsltuneSlower"),
        firing(alertname="WsltuneDrift", state="conflict"),
        firing(instance="{{ lookup('pipe', 'id') }}"),
        firing(setting="{{ lookup('pipe', 'id') }}"),
        firing(instance="all,!ben"),
        firing(instance="-e@x"),
        firing(setting=""),
        firing(instance="anna\n"),
        {"status": "firing"},
        {"status": "firing", "labels": {"alertname": ["WsltuneDrift"], "instance": "anna"}},
        None,
        "alert",
    ],
)
def test_what_is_no_alert_of_ours_is_left_out(alert: Any) -> None:
    assert heal.read_webhook({"alerts": [alert]}) == []


@pytest.mark.parametrize("payload", [None, [], "x", {}, {"alerts": None}, {"alerts": {"a": 1}}])
def test_a_message_that_is_none_has_no_alerts(payload: Any) -> None:
    assert heal.read_webhook(payload) == []


def test_only_machines_of_the_inventory_are_chosen_and_never_a_group() -> None:
    alerts = [heal.Alert("WsltuneDrift", name) for name in ("anna", "all", "team", "stranger", "anna")]
    chosen = heal.choose_hosts(alerts, ["anna", "ben", "team"], ["all", "ungrouped", "team"])
    assert chosen == ["anna"] and heal.list_strangers(alerts, chosen) == sorted({one.host for one in alerts} - {"anna"})


def test_what_is_gone_is_healed() -> None:
    decision = decide()
    assert (decision.action, decision.settings) == (heal.HEAL, (MOUNT,))
    assert decide(alerts=[heal.Alert("WsltuneDrift", "anna")]).action == heal.HEAL
    # A label of a metric has no path.
    assert decide(alerts=[heal.Alert(ALERT.name, "anna", "go_tmpfs:mount")]).action == heal.HEAL
    assert decide(report(GOFLAGS="changed")).settings == ("go_env:GOFLAGS", MOUNT)


@pytest.mark.parametrize("state", ["conflict", "unknown", "not_rolled_out"])
def test_a_setting_that_is_not_plainly_ours_keeps_the_whole_machine_back(state: str) -> None:
    decision = decide(report(GOFLAGS=state))
    assert decision.action == heal.REFUSE and "go_env:GOFLAGS" in decision.why


def test_what_no_run_restores_spends_no_heal_and_keeps_none_back() -> None:
    launcher = "wsl_conf:launcher:code"
    edited = {"id": launcher, "state": "changed", "remedy": "remove it, then run site.yml, which makes it again"}
    both = {**report(), "settings": [*report()["settings"], edited]}
    assert decide(both).settings == (MOUNT,)
    assert decide(both, alerts=[heal.Alert("WsltuneDrift", "anna")]).settings == (MOUNT,)
    named = heal.Alert(ALERT.name, "anna", "wsl_conf:launcher")
    for found, alert in ((both, named), ({**both, "settings": [edited]}, heal.Alert("WsltuneDrift", "anna"))):
        decision = decide(found, alerts=[alert])
        assert decision.action == heal.REFUSE and launcher in decision.why and "no run restores it" in decision.why


OWN = {"id": "go_env:eve:GOTMPDIR", "account": "eve", "role": "go_env", "path": "/home/eve", "remedy": RUN}


@pytest.mark.parametrize(
    "own", [{"state": "unknown"}, {"state": "not_rolled_out", "applied_is_known": False}], ids=lambda own: own["state"]
)
def test_what_an_account_hides_of_its_own_settings_keeps_no_machine_from_being_healed(own: dict[str, Any]) -> None:
    both = {**report(), "settings": [*report()["settings"], {**OWN, **own}]}
    assert decide(both).settings == (MOUNT,)
    # What a run would overwrite, or roll out, is for a person all the same.
    for state in ("conflict", "not_rolled_out"):
        known = {**OWN, "state": state, "applied_is_known": True}
        assert decide({**both, "settings": [*report()["settings"], known]}).action == heal.REFUSE


def test_an_account_that_changes_its_own_again_and_again_stops_no_heals_of_the_machine() -> None:
    mine = {**OWN, "state": "changed"}
    both = {**report(), "settings": [*report()["settings"], mine]}
    any_drift = [heal.Alert("WsltuneDrift", "anna")]
    record = heal.Record()
    for _time in range(heal.MOST_FAILURES):
        found = {**both, "settings": [mine]}
        decision = decide(found, record, alerts=any_drift)
        assert (decision.action, decision.settings) == (heal.HEAL, (OWN["id"],))
        outcome = heal.judge("anna", decision.settings, any_drift, found, found)
        assert not outcome.healed
        record = heal.end(heal.begin(record, 1.0), outcome, 2.0)
    again = decide(found, record, alerts=any_drift)
    assert again.action == heal.REFUSE and "changed it again after each heal" in again.why
    assert decide(both, record, alerts=any_drift).action == heal.HEAL
    # What else is not restored counts as a failure.
    bad = heal.judge("anna", [MOUNT, OWN["id"]], any_drift, both, both)
    assert heal.end(heal.begin(record, 1.0), bad, 2.0).failures == 1


def test_what_no_run_restores_lets_no_heal_fail() -> None:
    exported = {**OWN, "state": "changed", "remedy": "remove that export"}
    assert heal.list_restorable({"settings": [*report()["settings"], exported]}) == [MOUNT]


@pytest.mark.parametrize("state", heal.HEALABLE)
def test_a_run_is_the_remedy_of_what_is_healed(state: str) -> None:
    view = drift.View("go_env:profile", "go_env", "/etc/profile.d/go.sh", "a")
    assert drift.remedy(view, state).startswith(heal.BY_A_RUN)


def test_nothing_is_done_where_the_alert_is_old_or_about_something_else() -> None:
    healthy = {"status": "in_state", "settings": [{"id": MOUNT, "state": "in_state"}]}
    assert decide(healthy).action == heal.NOTHING
    assert decide(alerts=[heal.Alert(ALERT.name, "anna", "go_env:profile")]).action == heal.NOTHING
    assert decide(alerts=[heal.Alert("WsltuneDrift", "ben")]).action == heal.NOTHING


def test_what_sleeps_or_cannot_be_looked_at_is_no_failure() -> None:
    assert decide({"status": "not_seen", "settings": report()["settings"]}).action == heal.WAIT
    assert decide({"status": "unknown", "settings": []}).action == heal.REFUSE


def test_the_off_switch_is_named() -> None:
    decision = decide(off="/root/heal/off")
    assert decision.action == heal.REFUSE and "/root/heal/off" in decision.why


def test_three_failures_in_a_row_stop_it_also_where_runs_were_killed() -> None:
    record = heal.Record()
    for _ in range(3):
        assert decide(record=record).action == heal.HEAL
        record = heal.begin(record, 1.0)
    assert decide(record=record).action == heal.STOP
    assert "3 heals in a row failed" in decide(record=record).why


def test_a_good_end_forgets_the_failures_and_a_bad_one_does_not() -> None:
    record = heal.begin(heal.Record(failures=1), 1.0)
    good = {"settings": [{"id": MOUNT, "state": "in_state"}]}
    outcome = heal.judge("anna", [MOUNT], [ALERT], report(), good)
    assert outcome.healed
    assert heal.end(record, outcome, 2.0) == heal.Record(0, 1, 1.0, 2.0, outcome.sentence)
    bad = heal.judge("anna", [MOUNT], [ALERT], report(), report())
    assert not bad.healed and heal.end(record, bad, 2.0).failures == 2


@pytest.mark.parametrize("after", [{}, report(), {"settings": [{"id": MOUNT, "state": "unknown"}]}])
def test_a_heal_that_nobody_can_see_did_not_succeed(after: dict[str, Any]) -> None:
    outcome = heal.judge("anna", [MOUNT], [ALERT], report(), after)
    assert not outcome.healed and MOUNT in outcome.sentence


def test_a_run_that_failed_is_no_heal_even_if_all_is_as_declared() -> None:
    good = {"settings": [{"id": MOUNT, "state": "in_state"}]}
    outcome = heal.judge("anna", [MOUNT], [ALERT], report(), good, "no room on /.")
    assert (outcome.healed, outcome.sentence) == (False, "anna is not healed: no room on /.")


def test_the_trail_has_why_and_what() -> None:
    good = {"settings": [{"id": MOUNT, "state": "in_state"}]}
    assert heal.judge("anna", [MOUNT], [ALERT], report(), good).notes == [
        {
            "action": "healed for the alert WsltuneSettingDrift",
            "path": "/etc/fstab",
            "role": "go_tmpfs",
            "before": f"{MOUNT}: gone",
            "after": f"{MOUNT}: in_state",
        }
    ]
    still = heal.judge("anna", [MOUNT], [ALERT], report(), report()).notes[0]
    assert still["action"].startswith("not healed") and still["after"] == f"{MOUNT}: still gone"


@pytest.mark.parametrize(
    "data",
    ["x", [1], [{"name": "WsltuneDrift"}], [{"name": "Other", "host": "a"}], [{"name": "WsltuneDrift", "host": "a b"}]],
)
def test_alerts_given_by_hand_are_checked(data: Any) -> None:
    with pytest.raises(ValueError, match="wsltune_heal_alerts"):
        heal.read_alerts(data)


def test_a_record_comes_back_and_another_is_refused() -> None:
    record = heal.Record(2, 5, 1.0, 2.0, "healed", {"go_env:eve:GOTMPDIR": 1})
    assert heal.parse_record(json.loads(json.dumps(record.to_json()))) == record
    for other in ({}, [], {"version": 2}, {"version": 1, "failures": "3"}, {"version": 1, "left": ["x"]}):
        with pytest.raises(ValueError, match=r"it is no record|its counts|its list"):
            heal.parse_record(other)


def test_states_and_alerts_are_those_of_the_others() -> None:
    assert {*heal.HEALABLE, *heal.KEEPING_BACK} <= set(drift.STATES)
    assert set(drift.DRIFT) <= {*heal.HEALABLE, *heal.KEEPING_BACK}
    groups = yaml.safe_load((ROOT / "monitoring/rules.yml").read_text())["groups"]
    assert set(heal.ALERTS) <= {rule["alert"] for group in groups for rule in group["rules"]}


def test_the_event_filter_lets_nothing_else_through() -> None:
    main = runpy.run_path(str(EDA / "plugins/event_filter/alerts.py"))["main"]
    event = {"payload": {"alerts": [firing()]}, "meta": {"headers": {"X": "{{ 1 }}"}}}
    assert main(event) == [{"alerts": [ALERT._asdict()]}]
    assert main({"payload": {"alerts": []}}) == main({}) == []


def test_the_rulebook_listens_on_this_machine_alone_and_only_with_a_token() -> None:
    (book,) = yaml.safe_load((EDA / "rulebooks/heal.yml").read_text())
    webhook = book["sources"][0]["eda.builtin.webhook"]
    assert "default('127.0.0.1')" in webhook["host"]
    assert webhook["token"] == "{{ wsltune_heal_token }}"
    assert book["sources"][0]["filters"] == [{"wsltune.go.alerts": None}]
    assert book["execution_strategy"] == "sequential"
    assert book["rules"][0]["action"]["run_playbook"]["name"] == "wsltune.go.heal"
    assert (ROOT / "playbooks/heal.yml").is_file()


def test_the_archive_has_the_rulebook() -> None:
    assert "extensions" not in yaml.safe_load((ROOT / "galaxy.yml").read_text())["build_ignore"]
