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

    def end(custom):
        callback.v2_playbook_on_stats(SimpleNamespace(custom=custom))
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
