# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.wsltune.go.plugins.module_utils.fleet import adopt, drift, drift_report

ROOT = Path(__file__).resolve().parents[5]
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "drift.json").read_text(encoding="utf-8"))
EVIL = "<script>|`x`\n&"


def view(**more: Any) -> drift.View:
    known: dict[str, Any] = {
        "id": "wsl_conf:network.hostname",
        "role": "wsl_conf",
        "path": "/etc/wsl.conf",
        "declared": "laptop",
        "applied": "laptop",
        "now": "laptop",
        "recorded": True,
        **more,
    }
    return drift.View(**known)


VIEWS = {
    drift.IN_STATE: view(id="a"),
    drift.PENDING: view(id="b", in_force=False, effective="old", restart="wsl.exe --terminate Debian"),
    drift.NOT_ROLLED_OUT: view(id="c", declared="new"),
    drift.CHANGED: view(id="wsl_conf:network.hostname", now=EVIL, owner="root", at=1_800_000_000.0),
    drift.BY_HAND: view(id="e", declared="new", now="new"),
    drift.CONFLICT: view(id="go_env:alice:GOFLAGS", role="go_env", declared="-p=4", applied="-p=2", now="-v"),
    drift.GONE: view(id="go_tmpfs:mount:/var/cache/gotmp", role="go_tmpfs", now=None),
    drift.UNKNOWN: view(id="h", reason="the login did not end"),
}


def host(name: str = "laptop", views: Any = None) -> dict[str, Any]:
    return drift.report_host(
        name, [drift.describe(one) for one in views or VIEWS.values()], 1_800_000_100.0, 1_700_000_000.0
    )


def whole() -> dict[str, Any]:
    asleep = drift.not_seen("asleep", host("asleep", [VIEWS[drift.IN_STATE]]), "Task failed: ssh: no route")
    hosts = [host(), asleep, drift.could_not_look("broken", "no Python", 1_800_000_200.0), drift.not_seen("new", None)]
    return drift.fleet(hosts, 1_800_000_200.0)


def test_each_state_of_the_table_has_its_view() -> None:
    assert {state: drift.judge(one) for state, one in VIEWS.items()} == {state: state for state in drift.STATES}


def test_the_json_is_what_the_published_schema_describes() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.check_schema(SCHEMA)
    validator.validate(whole())
    validator.validate(drift.fleet([adopt.adopt(host(), ["wsl_conf:network.hostname"])], 1.0))


@pytest.mark.parametrize(
    "broken", [{"state": "fine"}, {"state": "unknown", "reason": ""}, {"fingerprint": "1"}, {"more": 1}, {"remedy": ""}]
)
def test_the_schema_refuses_what_it_does_not_describe(broken: dict[str, Any]) -> None:
    fleet = whole()
    next(one for one in fleet["hosts"] if one["host"] == "laptop")["settings"][3].update(broken)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(fleet, SCHEMA)


def test_the_text_has_every_drift_with_its_remedy_and_counts_the_rest() -> None:
    text = drift_report.text(host(), "/x/drift.html")
    for state, one in VIEWS.items():
        shown = state not in (drift.IN_STATE, drift.BY_HAND)
        assert (f"{drift.TITLES[state]}: {one.id} (" in text) is shown
    assert "declared laptop; applied laptop; now" in text and "by root at 2027-01-15T08:00:00Z" in text
    assert "do: wsl.exe --terminate Debian" in text and text.endswith("Report: /x/drift.html\n")
    assert max(map(len, text.splitlines())) <= drift_report.WIDTH


def test_a_fleet_has_a_line_for_every_machine() -> None:
    lines = drift_report.fleet_text(whole()).splitlines()
    assert [line.split()[0] for line in lines] == ["host", "laptop", "broken", "asleep", "new"]
    assert "not seen since 2027-01-15T08:01:40Z (ssh: no route)" in lines[3]
    assert "never seen" in lines[4]


def test_junit_fails_for_drift_errs_for_the_unknown_and_skips_what_waits() -> None:
    root = ElementTree.fromstring(drift_report.junit(whole()))
    suites = {suite.get("name"): suite for suite in root}
    laptop = suites["laptop"]
    assert [laptop.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["8", "4", "1", "1"]
    assert {name: suites[name].get("errors") for name in ("asleep", "broken", "new")} == dict.fromkeys(
        ("asleep", "broken", "new"), "1"
    )
    assert len(laptop.findall("testcase/failure")) == 4 and "<script>" in (laptop[1][0].text or "")


def test_sarif_has_fingerprints_that_do_not_hang_on_the_value() -> None:
    log = drift_report.sarif(whole())
    run = log["runs"][0]
    assert (log["version"], run["invocations"][0]["executionSuccessful"]) == ("2.1.0", False)
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} >= {one["ruleId"] for one in run["results"]}
    kinds = {one["ruleId"]: (one["kind"], one["level"]) for one in run["results"]}
    assert kinds["changed"] == ("fail", "error") and kinds["in_state"] == ("pass", "none")
    prints = [json.dumps(one["partialFingerprints"], sort_keys=True) for one in run["results"]]
    assert len(set(prints)) == len(prints)
    moved = drift.describe(view(now="other"))["fingerprint"]
    assert moved == drift.describe(view())["fingerprint"] != drift.describe(view(path="/x"))["fingerprint"]


def test_values_of_a_machine_do_nothing_to_a_page() -> None:
    fleet = whole()
    page, markdown = drift_report.page(fleet), drift_report.markdown(fleet)
    assert "<script>" not in page and "<script>" not in markdown
    assert "&lt;script&gt;" in page and "<h1>Drift: 1 of 4 machines drifted</h1>" in page
    assert all(line.count("|") - line.count("\\|") in (0, 4, 5) for line in markdown.splitlines())
    assert not re.search(r"(src|href)=", page), "a page that needs nothing else"
    assert all(one["host"] in page and one["host"] in markdown for one in fleet["hosts"])


def test_values_of_a_machine_keep_no_ci_server_from_a_report() -> None:
    """No XML may have what these are; and Markdown takes any end of a line for one, and loads a picture."""
    for value in ("\ufffe", "\uffff", "\x00", "\x1b[0m", "\ud800", "\udcff"):
        fleet = whole()
        fleet["hosts"][0]["settings"][0].update(id=f"id{value}", reason=value, now=value, applied=value)
        ElementTree.fromstring(drift_report.junit(fleet))
    fleet = whole()
    fleet["hosts"][0]["settings"][0].update(now="a\r\n| forged | row |\r| b | ![](https://evil.example/x.png)")
    shown = drift_report.markdown(fleet)
    assert len(re.split(r"\r\n|\r|\n", shown)) == len(shown.split("\n")) and "![](" not in shown


def test_what_a_person_chose_is_declared_by_variables() -> None:
    views = [
        view(id="wsl_conf:network.hostname", now="mine"),
        view(id="wsl_conf:filesystem.umask", now="18", declared="63", applied="63"),
        view(id="wsl_conf:boot.systemd", now=None),
        VIEWS[drift.CONFLICT],
        VIEWS[drift.GONE],
    ]
    found = adopt.adopt(
        host(views=views),
        [one.id for one in views],
        {"Boot.Systemd": True, "time.useWindowsTimezone": False},
        ["gpu.enabled"],
    )
    assert found["adopt_refused"] == []
    assert found["adopt_variables"] == {
        "wsl_conf_settings": {
            "time.useWindowsTimezone": False,
            "network.hostname": "mine",
            "filesystem.umask": "0022",
        },
        "wsl_conf_remove": ["gpu.enabled", "boot.systemd"],
        "go_env_goflags": "-v",
        "go_tmpfs_state": "absent",
    }
    assert found["adopted"][0] == {"id": "wsl_conf:network.hostname", "value": "mine", "was_declared": "laptop"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wsl_conf:network.hostnam", "does not have; did you mean wsl_conf:network.hostname?"),
        ("a", "which is in state on laptop: only what someone else changed can be adopted"),
        ("h", "which is unknown on laptop"),
        ("c", "which is not yet rolled out on laptop"),
        ("go_env:profile", "whose value no variable can declare"),
        # playbooks/vars/run.yml has them, which counts before what a host declares.
        ("go_env:ada:GOTMPDIR", "which every run of site.yml works out anew: change go_tmpfs_place or wsltune_users"),
        ("go_env:ada:GOCACHE", "which every run of site.yml works out anew: change go_tmpfs_gocache or wsltune_users"),
        ("wsl_conf:launcher:clip.exe", "which no variable declares"),
        # A controller would run it from the variable.
        ("go_env:eve:GOFLAGS", "whose value is a template where a variable has it"),
        ("wsl_conf:boot.command", "whose value is a template where a variable has it"),
        ("go_env:ivy:GOFLAGS", "whose value is a template where a variable has it"),
    ],
)
def test_what_cannot_be_adopted_is_refused(name: str, said: str) -> None:
    more = [view(id=one, role=one.split(":")[0], now="x") for one in ("go_env:profile", "wsl_conf:launcher:clip.exe")]
    more += [view(id=f"go_env:ada:{name}", role="go_env", now="/x") for name in ("GOTMPDIR", "GOCACHE")]
    more.append(view(id="go_env:eve:GOFLAGS", role="go_env", now="-tags={{ lookup('pipe', 'id') }}"))
    more.append(view(id="wsl_conf:boot.command", role="wsl_conf", now="{{ lookup('pipe', 'id') }}"))
    chosen = "#jinja2: variable_start_string:'[[', variable_end_string:']]'\n[[ lookup('pipe', 'id') ]]"
    more.append(view(id="go_env:ivy:GOFLAGS", role="go_env", now=chosen))
    found = adopt.adopt(host(views=[*VIEWS.values(), *more]), [name])
    assert (found["adopted"], found["adopt_variables"]) == ([], {})
    assert len(found["adopt_refused"]) == 1 and said in found["adopt_refused"][0]


@pytest.mark.parametrize("now", ["x", None])
@pytest.mark.parametrize(
    "name",
    [
        "wsl_conf:network.hostname",
        "wsl_conf:file",
        "wslconfig:wsl2.swapFile",
        "go_env:ada:GOFLAGS",
        "go_env:ada:GOMODCACHE",
        "go_env:ada:GOCACHE",
        "go_env:ada:GOTMPDIR",
        "go_env:ada:CGO_ENABLED",
        "go_env:profile",
        "go_env:block:zshenv",
        "go_tmpfs:fstab:/tmp",
        "go_tmpfs:mount:/var/cache/gotmp",
        "go_tmpfs:folder:ada",
        "workspace:bind:/mnt/c/app",
    ],
)
def test_what_is_proposed_to_be_adopted_can_be(name: str, now: str | None) -> None:
    changed = view(id=name, role=name.split(":", maxsplit=1)[0], declared="a", applied="b", now=now)
    found = host(views=[changed])
    adopted = adopt.adopt(found, [name])
    assert bool(adopted["adopted"]) != bool(adopted["adopt_refused"])
    if found["settings"][0]["state"] == drift.CONFLICT:
        assert bool(adopted["adopted"]) == ("wsltune_adopt" in found["settings"][0]["remedy"])


@pytest.mark.parametrize(
    "given", ["wsl_conf:network.hostname, go_env:alice:GOFLAGS", ["wsl_conf:network.hostname", "go_env:alice:GOFLAGS"]]
)
def test_a_text_names_settings_as_a_list_does(given: Any) -> None:
    found = adopt.adopt(host(views=[view(now="mine"), VIEWS[drift.CONFLICT]]), given)
    assert [one["id"] for one in found["adopted"]] == ["wsl_conf:network.hostname", "go_env:alice:GOFLAGS"]
    assert found["adopt_refused"] == []


def test_a_text_may_name_a_path_with_a_comma() -> None:
    bind = view(id="workspace:bind:/mnt/c/a,b", role="workspace", now=None)
    assert adopt.adopt(host(views=[bind]), bind.id)["adopt_variables"] == {"workspace_state": "absent"}


def test_what_was_adopted_is_to_be_put_where_every_playbook_reads_it() -> None:
    """A folder host_vars counts beside the inventory, or beside a playbook for that one alone."""
    said = drift_report.text(host(), adopted="go_env_goflags: -v\n")
    assert "put this into host_vars/laptop.yml beside the inventory:\n\n    go_env_goflags: -v" in said


def test_nobody_adopts_that_all_lose_the_tmpfs_because_one_lost_a_folder() -> None:
    gone = view(id="go_tmpfs:folder:ada", role="go_tmpfs", now=None)
    assert adopt.adopt(host(views=[gone]), [gone.id])["adopt_variables"] == {}


def test_no_finding_of_a_policy_has_what_a_terminal_obeys() -> None:
    """A host's facts are in it, and may turn the direction of what follows."""
    finding = {"id": "x", "severity": "error", "why": "red\x1b[31m\u202e", "resolution": "\x9b2J"}
    fleet = drift.fleet([{**host(), "policy": [finding]}], 1.0)
    for told in (drift_report.page(fleet), drift_report.markdown(fleet), drift_report.junit(fleet)):
        assert "x1b" in told and not re.search("[\x1b\x9b\u202e]", told)


def test_a_host_whose_facts_have_other_types_hides_no_other() -> None:
    """Whoever is root there decides what is in them; the reports of all machines are made together."""
    odd: Any = view(path=7, owner=["x"], now=float("nan"), applied=[1], declared={"a": 1}, effective=2)
    unknown: Any = view(reason=["x"])
    fleet = drift.fleet([host(views=[odd, unknown]), host(name="other")], 1.0)
    # Strict programs know no NaN, and typed ones take no number for a text.
    json.dumps(fleet, allow_nan=False)
    jsonschema.validate(fleet, SCHEMA)
    assert json.dumps(drift_report.sarif(fleet)) and drift_report.junit(fleet) and drift_report.page(fleet)


def test_a_host_that_says_more_than_anybody_reads_hides_no_other() -> None:
    """A page, a summary in CI and code scanning each take up to some size of all machines together."""
    many = [view(id=f"go_env:user{number}:GOFLAGS", now="-p=4") for number in range(10_000)]
    with pytest.raises(ValueError, match="what it says of its 10000 settings takes more than 2048 KiB"):
        host(views=many)
    assert len(host(views=many[:2500])["settings"]) == 2500


def test_no_value_of_a_users_keeps_the_machine_from_being_looked_at() -> None:
    """Twenty users with 128 KiB each are told, and none of their values is taken over as it is not."""
    long = [view(id=f"go_env:user{number}:GOFLAGS", role="go_env", now="x" * (128 << 10)) for number in range(20)]
    seen = host(views=long)
    assert {len(setting["now"]) for setting in seen["settings"]} == {1003} and len(json.dumps(seen)) < 60_000
    adopted = adopt.adopt(seen, ["go_env:user1:GOFLAGS"])
    assert adopted["adopted"] == [] and "more than 1000 characters" in adopted["adopt_refused"][0]


def test_a_command_keeps_its_quotes_in_a_page_for_a_merge_request() -> None:
    command = drift.write_adopt("go_env:x`touch made`:GOFLAGS")
    assert drift_report._cell(command).count("'") == command.count("'") == 2


def test_no_value_of_a_hosts_links_or_calls_anybody_in_a_page_for_a_merge_request() -> None:
    odd = view(id="go_env:ada@example:GOFLAGS", now="@all https://evil.example WWW.evil.example (@ops/team)")
    told = drift_report.markdown(drift.fleet([host(views=[odd])], 1.0))
    assert "go_env:ada@example:GOFLAGS" in told and "evil.example" in told
    assert not re.search(r"(?i)\W@\w|://|www\.", told)
