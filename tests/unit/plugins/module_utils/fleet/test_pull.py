# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.fleet import drift, heal, metrics, pull

A, B = "a" * 40, "b" * 40
NOW = 1_790_000_000.0
GIVEN: dict[str, Any] = {
    "repository": "git@example.com:fleet.git",
    "ref": "main",
    "playbook": "site.yml",
    "inventory": "inventory/local.yml",
    "ansible_playbook": "/usr/bin/ansible-playbook",
}


def config(**more: Any) -> pull.Config:
    return pull.parse_config({**GIVEN, **more})


def record(**more: Any) -> pull.Record:
    return pull.Record(**{"first_report": NOW - 8 * pull.DAY, **more})


def of(states: dict[str, int]) -> list[dict[str, Any]]:
    """Return so many settings in each state."""
    return [{"id": f"{state}:{number}", "state": state} for state, count in states.items() for number in range(count)]


DRIFTED = of({"changed": 1, "in_state": 9})
FILE = {"id": "go_env:eve:GOTMPDIR", "account": "eve", "remedy": "run site.yml, which writes the declared value"}


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"mode": "force"}, "mode"),
        ({"ref": "../x"}, "ref"),
        ({"ref": "--upload-pack=x"}, "ref"),
        ({"repository": "ext::sh -c id"}, "repository"),
        ({"repository": "--upload-pack=x"}, "repository"),
        ({"playbook": "/etc/site.yml"}, "playbook"),
        ({"inventory": "../hosts"}, "inventory"),
        ({"timeout": float("nan")}, "timeout"),
        ({"report_days": -1}, "report_days"),
        ({"freezes": [{"from": "2026-12-20"}]}, "freeze"),
        ({"freezes": [{"from": "2026-12-20", "to": "2026-12-19"}]}, "before it begins"),
        ({"freezes": [{"from": "2026-12-20", "to": "2026-W52"}]}, "needs from and to"),
        ({"freezes": [{"from": "2026-12-20", "to": "2026-12-32"}]}, "needs from and to"),
        ({"freezes": [{"from": "2026-12-20", "to": True}]}, "needs from and to"),
        ({"freezes": [{"from": "2026-12-20T10:00+01:00", "to": "2026-12-21"}]}, "a time zone in one of"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(more: dict[str, Any], word: str) -> None:
    with pytest.raises(pull.ConfigError, match=word):
        config(**more)


def test_a_value_that_is_missing_is_named() -> None:
    with pytest.raises(pull.ConfigError, match="playbook"):
        pull.parse_config({key: value for key, value in GIVEN.items() if key != "playbook"})
    with pytest.raises(pull.ConfigError, match="mapping"):
        pull.parse_config([])


def test_a_record_is_read_back() -> None:
    wanted = record(applied=A, accepted=B, withdrawn=[B], failures=2, last_run=NOW)
    assert pull.parse_record(json.dumps(wanted.to_json())) == wanted


@pytest.mark.parametrize("cut", range(0, 253, 23))
def test_a_half_written_record_is_none(cut: int) -> None:
    assert pull.parse_record(json.dumps(record(applied=A).to_json())[:cut]) is None


@pytest.mark.parametrize(
    "more", [{"applied": 1}, {"failures": "x"}, {"withdrawn": "x"}, {"other": 1}, {"last_run": "x"}]
)
def test_a_record_with_a_value_of_another_kind_is_none(more: dict[str, Any]) -> None:
    assert pull.parse_record(json.dumps({**pull.Record().to_json(), **more})) is None


def test_a_record_of_another_version_is_an_error_of_its_own() -> None:
    with pytest.raises(pull.OtherVersion, match="2"):
        pull.parse_record(json.dumps({**pull.Record().to_json(), "format": 2, "new": True}))


@pytest.mark.parametrize(
    ("candidate", "accepted", "word"),
    [
        (pull.Candidate(B, "anna"), A, ""),
        (pull.Candidate(B, "anna", follows=False), "", ""),
        (pull.Candidate(B, "", "no principal matched"), A, "no principal matched"),
        (pull.Candidate(B, ""), "", "not signed"),
        (pull.Candidate(B, "", rollback="rollback/1", follows=False), A, "not signed"),
        (pull.Candidate(B, "anna", follows=False), A, "does not descend"),
        (pull.Candidate(B, "anna", follows=False, rollback="rollback/1"), A, ""),
        (pull.Candidate(B, "anna", is_withdrawn=True), A, "taken back"),
    ],
)
def test_what_is_refused(candidate: pull.Candidate, accepted: str, word: str) -> None:
    reason = pull.refuse(candidate, accepted)
    assert (word in reason) if word else reason == ""


TAG = f"object {A}\ntype commit\ntag rollback/1\ntagger x <x> 1 +0000\n\nTake back.\n\nRollback-From: {B}\n"


def test_a_rollback_names_both_commits() -> None:
    assert pull.parse_rollback(TAG) == pull.Rollback("rollback/1", B, A)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tag rollback/1", "tag v1.0"),
        ("type commit", "type tree"),
        ("Rollback-From", "From"),
        (B, "b" * 12),
        ("Take back.", f"-----BEGIN SSH SIGNATURE-----\nRollback-From: {B}".replace(B, "x")),
    ],
)
def test_another_tag_is_no_rollback(old: str, new: str) -> None:
    assert pull.parse_rollback(TAG.replace(old, new)) is None


def test_a_commit_that_failed_or_was_killed_runs_again() -> None:
    assert not pull.needs_run(record(applied=A, accepted=A), A)
    assert pull.needs_run(record(applied=A, accepted=B), B)
    assert pull.needs_run(record(applied=A, accepted=A), B)
    assert pull.needs_run(record(), A)


def test_nothing_is_applied_any_more_once_another_commit_did_not_come_to_its_end() -> None:
    known = record(applied=A, accepted=A, failed_heals=2)
    pull.accept(known, B)
    assert (known.applied, known.accepted, known.failed_heals) == (A, B, 0)
    pull.accept(known, A)
    assert (known.applied, known.accepted) == ("", A) and pull.needs_run(known, A)


@pytest.mark.parametrize(
    ("program", "arguments", "found"),
    [
        ("/usr/lib/go-1.24/pkg/tool/linux_amd64/compile", ["compile", "-o", "x"], "compile"),
        ("/usr/lib/go-1.24/bin/go", ["go", "test", "./..."], "go test"),
        ("/tmp/go-build1/b001/shop.test", ["shop.test", "-test.timeout=10m"], "shop.test"),
        ("/usr/bin/link", ["link", "a", "b"], ""),
        ("/usr/lib/go-1.24/bin/go", ["go", "env"], ""),
        ("/usr/bin/python3", ["python3", "go", "test"], ""),
        ("/home/ada/my.test", ["my.test"], ""),
    ],
)
def test_a_build_is_known_by_its_program(program: str, arguments: list[str], found: str) -> None:
    assert pull.find_build([pull.Process("/sbin/init", ["init"]), pull.Process(program, arguments)]) == found


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ([], False),
        ([{"type": "Battery", "status": "Discharging"}, {"type": "Mains", "online": "0"}], True),
        ([{"type": "Battery", "status": "Charging"}, {"type": "Mains", "online": "1"}], False),
        ([{"type": "Battery", "status": "Discharging"}, {"type": "Mains", "online": "1"}], False),
        ([{"type": "Battery"}], False),
    ],
)
def test_a_battery_counts_while_it_is_emptied(supplies: list[dict[str, str]], expected: bool) -> None:
    assert pull.is_on_battery(supplies) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-12-19T23:59:59+01:00", ""),
        ("2026-12-20T00:00:00+01:00", "2027-01-06"),
        ("2027-01-06T23:59:59+01:00", "2027-01-06"),
        ("2027-01-07T00:00:00+01:00", ""),
        ("2026-11-27T13:00:00+01:00", "2026-11-27T18:00+01:00"),
        ("2026-11-27T16:59:00+00:00", "2026-11-27T18:00+01:00"),
        ("2026-11-27T17:01:00+00:00", ""),
    ],
)
def test_a_freeze_lasts_from_its_first_day_to_its_last(moment: str, expected: str) -> None:
    windows = [
        {"from": "2026-12-20", "to": "2027-01-06"},
        {"from": "2026-11-27T12:00+01:00", "to": "2026-11-27T18:00+01:00"},
    ]
    assert pull.find_freeze(windows, datetime.datetime.fromisoformat(moment)) == expected


@pytest.mark.parametrize("last", ["2026-12-20", "20261220", 20261220, datetime.date(2026, 12, 20)])
def test_a_date_is_the_whole_day_however_it_is_written(last: Any) -> None:
    start, end = pull.parse_freeze({"from": last, "to": last})
    assert (start, end) == (datetime.datetime(2026, 12, 20), datetime.datetime(2026, 12, 20, 23, 59, 59, 999999))


def test_what_waits_says_for_what() -> None:
    seen: dict[str, Any] = {"on_battery": False, "build": "", "frozen_until": ""}
    assert pull.explain_waiting(config(), **seen) == ""
    assert "battery" in pull.explain_waiting(config(), **{**seen, "on_battery": True})
    assert pull.explain_waiting(config(on_battery=True), **{**seen, "on_battery": True}) == ""
    assert "go test" in pull.explain_waiting(config(), **{**seen, "build": "go test"})
    assert "2027-01-06" in pull.explain_waiting(config(), **{**seen, "frozen_until": "2027-01-06"})
    building = {**seen, "build": "go test"}
    assert pull.explain_waiting(config(), **building, waited=pull.MOST_WAITING - 1)
    assert pull.explain_waiting(config(), **building, waited=pull.MOST_WAITING) == ""


@pytest.mark.parametrize(
    ("settings", "more", "word"),
    [
        (DRIFTED, {}, ""),
        (of({"gone": 2}), {}, ""),
        (of({"changed": 1, "pending_restart": 3, "by_hand": 1}), {}, ""),
        (None, {}, "could not be looked at"),
        (of({"in_state": 5, "pending_restart": 1}), {}, "nothing to heal"),
        (of({"not_rolled_out": 1}), {}, "nothing to heal"),
        (of({"changed": 1, "conflict": 1}), {}, "1 settings are conflict"),
        (of({"changed": 1, "unknown": 2}), {}, "2 settings are unknown"),
        (DRIFTED, {"first_report": None}, "first 7 days"),
        (DRIFTED, {"first_report": NOW - 6 * pull.DAY}, "first 7 days"),
        (DRIFTED, {"first_report": NOW + pull.DAY}, "first 7 days"),
        (DRIFTED, {"failed_heals": 3}, "3 heals in a row failed"),
        (DRIFTED, {"failed_heals": 2}, ""),
    ],
)
def test_a_heal_happens_only_where_nobody_has_to_decide(
    settings: list[dict[str, Any]] | None, more: dict[str, Any], word: str
) -> None:
    reason = pull.explain_no_heal(config(mode="heal"), record(**more), settings, NOW)
    assert (word in reason) if word else reason == ""


@pytest.mark.parametrize(
    ("own", "left", "word"),
    [
        # A login that never ends, or a file that cannot be read.
        ({"state": "unknown"}, {}, ""),
        ({"state": "conflict"}, {}, "conflict"),
        ({"state": "changed"}, {FILE["id"]: 3}, ""),
    ],
)
def test_no_account_keeps_the_machine_from_being_healed(own: dict[str, str], left: dict[str, int], word: str) -> None:
    reason = pull.explain_no_heal(config(mode="heal"), record(left=left), [*DRIFTED, {**FILE, **own}], NOW)
    assert (word in reason) if word else reason == ""


def test_what_an_account_changes_again_and_again_is_healed_three_times() -> None:
    known, mine = record(), [{**FILE, "state": "changed"}]
    for _time in range(3):
        assert pull.explain_no_heal(config(mode="heal"), known, mine, NOW) == ""
        assert pull.note_left(known, mine)
    assert "changed them again after each heal" in pull.explain_no_heal(config(mode="heal"), known, mine, NOW)
    assert not pull.note_left(known, [*mine, *DRIFTED]) and known.left == {FILE["id"]: 4}
    assert pull.note_left(known, []) and known.left == {}


def test_what_no_run_restores_is_no_reason_for_one() -> None:
    exported = {**FILE, "state": "changed", "remedy": "eve exports GOTMPDIR in a login: remove that export"}
    assert "no run restores" in pull.explain_no_heal(config(mode="heal"), record(), [exported], NOW)
    assert pull.explain_no_heal(config(mode="heal"), record(), [exported, *DRIFTED], NOW) == ""
    known = record()
    assert pull.note_left(known, [exported]) and known.left == {}
    assert pull.BY_A_RUN == heal.BY_A_RUN


def test_the_default_is_to_report() -> None:
    assert "mode is report" in pull.explain_no_heal(config(), record(), DRIFTED, NOW)


def test_the_days_of_reports_begin_anew_where_the_clock_went_back() -> None:
    known = record(first_report=NOW - 3 * pull.DAY)
    pull.note_time(known, NOW)
    assert known.first_report == NOW - 3 * pull.DAY
    pull.note_time(known, NOW - 30 * pull.DAY)
    assert known.first_report == NOW - 30 * pull.DAY


def test_drifts_report_is_understood() -> None:
    settings = [{"state": "changed"}, {"state": "in_state"}, {"state": "changed"}]
    found = pull.list_settings({"hosts": [{"status": "drift", "settings": settings}]})
    assert found is not None and pull.count_states(found) == {"changed": 2, "in_state": 1}
    assert pull.list_settings({"hosts": [drift.could_not_look("localhost", "no Python", NOW)]}) is None
    for text in ("{}", "[]", '{"hosts": []}', '{"hosts": [{}]}', '{"hosts": [{"settings": ["x"]}]}', "null"):
        assert pull.list_settings(json.loads(text)) is None


def of_host(side: str, /, *states: str, **more: Any) -> dict[str, Any]:
    role = "wslconfig" if side == drift.WINDOWS else "go_env"
    values = dict.fromkeys(("declared", "applied", "now", "in_force", "reason"))
    settings = [
        {**values, "id": f"{role}:{number}", "role": role, "state": state} for number, state in enumerate(states)
    ]
    return {**drift.report_host(side, settings, NOW, None, side), **more}


ASLEEP = {**drift.not_seen("pc", None, "no interop"), "side": drift.WINDOWS}
BROKEN = {**drift.could_not_look("pc", "no answer", NOW), "side": drift.WINDOWS}
UNREAD = drift.could_not_look("localhost", "no Python", NOW)


@pytest.mark.parametrize(
    ("linux", "windows", "expected"),
    {
        "Windows drifted, which comes first": (
            of_host("linux", "unknown", "in_state"),
            of_host("windows", "changed"),
            {"changed": 1, "in_state": 1, "unknown": 1},
        ),
        "Windows in conflict": (
            of_host("linux", "changed"),
            of_host("windows", "conflict"),
            {"changed": 1, "conflict": 1},
        ),
        "Windows hides something": (
            of_host("linux", "gone"),
            of_host("windows", "unknown", "in_state"),
            {"gone": 1, "in_state": 1},
        ),
        "Windows was not seen": (of_host("linux", "in_state"), ASLEEP, {"in_state": 1}),
        "Windows was not seen again": (
            of_host("linux", "in_state"),
            of_host("windows", "conflict", status="not_seen"),
            {"in_state": 1},
        ),
        "Windows could not be looked at": (of_host("linux", "in_state"), BROKEN, {"in_state": 1}),
        "only Windows was looked at": (UNREAD, of_host("windows", "in_state"), None),
        "only Windows, with nothing declared": (UNREAD, of_host("windows"), None),
        "a drift.yml that names no side": (
            of_host("linux", "in_state", side=None),
            of_host("windows", "unknown", side=None),
            {"in_state": 1},
        ),
        "nothing declared at all": (of_host("linux"), of_host("windows"), {}),
    }.values(),
)
def test_all_of_the_machine_is_judged_by_what_could_be_seen(
    linux: dict[str, Any], windows: dict[str, Any], expected: dict[str, int] | None
) -> None:
    found = pull.list_settings(json.loads(json.dumps(drift.fleet([linux, windows], NOW))))
    assert (None if found is None else pull.count_states(found)) == expected


def test_the_states_are_those_of_drift_and_of_the_metrics() -> None:
    assert metrics.DRIFT_STATES == drift.STATES
    assert {*pull.HEALABLE, *pull.KEEPING_HEALS_BACK} <= set(drift.STATES)
    assert metrics.PULL_STATES == (pull.OK, pull.WAITING, pull.OFF, pull.REFUSED, pull.FAILED, pull.STOPPED)


def test_a_signature_is_no_part_of_what_it_covers():
    head = "tree 1\nparent 2\nauthor a\ncommitter c\n"
    message = "\nchange\n\ngpgsig is a word here\n of the message\n"
    signed = f"{head}gpgsig -----BEGIN\n abc\n \n -----END\nencoding x\n{message}"
    assert pull.signed_part(signed) == f"{head}encoding x\n{message}"
    other = f"{head}encoding x\ngpgsig-sha256 abc\n def\ngpgsig y\n{message}"
    assert pull.signed_part(other) == pull.signed_part(signed)
    assert pull.signed_part(signed.replace("tree 1", "tree 2")) != pull.signed_part(signed)


def test_tags_are_fetched_up_to_a_number_and_by_no_name_that_leads_elsewhere(monkeypatch):
    wrong = ["refs/heads/main", "refs/tags/1^{}", "refs/tags/x:refs/wsltune/accepted", "refs/tags/*", "HEAD"]
    assert pull.choose_tags([*wrong, "refs/tags/1"]) == ["refs/tags/1"]
    monkeypatch.setattr(pull, "MOST_TAGS", 2)
    many = [f"refs/tags/{kind}{number}" for kind in ("a", "rollback/", "v") for number in range(5)]
    assert pull.choose_tags(many) == [f"refs/tags/{name}" for name in ("rollback/3", "rollback/4", "v3", "v4")]
