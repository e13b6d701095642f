# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.wsltune.go.plugins.callback.summary import CallbackModule


@pytest.fixture
def printed(monkeypatch):
    monkeypatch.delenv("WSLTUNE_ONBOARD", raising=False)
    lines = []
    callback = CallbackModule()
    monkeypatch.setattr(callback, "_display", SimpleNamespace(display=lines.append))

    def end(custom, failures=(), dark=(), action="ansible.builtin.set_stats"):
        for host, data in custom.items():
            result = {"ansible_stats": {"data": data, "per_host": host != "_run", "aggregate": True}}
            task = SimpleNamespace(action=action)
            callback.v2_runner_on_ok(SimpleNamespace(task=task, host=SimpleNamespace(name=host), result=result))
        stats = SimpleNamespace(custom=custom, failures=dict.fromkeys(failures, 1), dark=dict.fromkeys(dark, 1))
        callback.v2_playbook_on_stats(stats)
        return lines

    return end


def test_each_host_is_printed_in_order(printed):
    assert printed({"b": {"wsltune_summary": "two\n"}, "a": {"wsltune_summary": "one\n"}}) == ["\none", "\ntwo"]


@pytest.mark.parametrize(
    "custom", [{}, {"_run": {"wsltune_summary": "x"}}, {"a": {"other": 1}}, {"a": {"wsltune_summary": ""}}]
)
def test_nothing_to_say_prints_nothing(printed, custom):
    assert printed(custom) == []


def test_onboard_prints_it_itself(printed, monkeypatch):
    monkeypatch.setenv("WSLTUNE_ONBOARD", "1")
    assert printed({"a": {"wsltune_summary": "one"}}) == []


def machine(name):
    return {"wsltune_summary": name, "wsltune_row": {"state": "done", "note": f"row of {name}"}}


def test_three_machines_have_their_summaries_and_four_a_table(printed):
    machines = {name: machine(name) for name in "abc"}
    assert printed(machines) == ["\na", "\nb", "\nc"]


def test_more_than_three_machines_have_one_table(printed):
    told = printed({name: machine(name) for name in "abcd"} | {"laptop": {"wsltune_summary": "Windows"}})
    assert len(told) == 2 and told[0].count("row of") == 4 and told[1] == "\nWindows"


def test_machines_that_failed_or_did_not_answer_are_in_the_table(printed):
    told = printed({name: machine(name) for name in "ab"}, failures=["c"], dark=["d"])
    assert len(told) == 1 and "c     failed" in told[0] and "d     pending" in told[0]


def test_a_fleet_says_one_thing(printed):
    assert printed({"_run": {"wsltune_fleet": "all\n"}, **{name: machine(name) for name in "abcd"}}) == ["\nall"]


def test_no_host_says_what_the_run_came_to(printed):
    custom = {"_run": {"wsltune_fleet": "all is well"}, "a": machine("a")}
    assert printed(custom, action="wsltune.go.go_facts") == []


@pytest.mark.parametrize("host", ["_run", "a"])
def test_a_terminal_obeys_nothing_that_a_host_returned(printed, host):
    name = "wsltune_fleet" if host == "_run" else "wsltune_summary"
    assert printed({host: {name: "red\x1b[31m\nnext"}}) == ["\nred\\x1b[31m\nnext"]


def test_nor_in_the_table_of_many(printed):
    row = {"state": "done", "note": "red\x1b[31m"}
    told = printed({name: {"wsltune_row": row} for name in "abcd"})
    assert "\\x1b[31m" in told[0] and "\x1b" not in told[0]
