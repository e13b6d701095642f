# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os

import pytest

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.go import applied as go_applied
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.linux import meminfo

OPTIONS = {
    "users": ["alice"],
    "gotmpdir": "/tmpfs/{user}",
    "gotmpdir_left_out": [],
    "gocache": "",
    "gomodcache": "",
    "goflags": "",
    "cgo_enabled": "keep",
    "caches_local": True,
    "goflags_added": [],
    "parallel": "",
    "tool_gc": True,
    "gotoolchain": "",
    "cgo_linker": "",
    "gocacheprog": "",
    "gocache_limit": "",
    "modules": [],
}
SETTINGS = {"alice": {"GOTMPDIR": "/tmpfs/alice"}}


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A home with the settings written, profile.d with a file, zsh not installed; nothing of this machine is read."""
    etc = tmp_path / "etc"
    (etc / "profile.d").mkdir(parents=True)
    (etc / "profile.d/wsltune.sh").write_text("export")
    monkeypatch.setattr(go_applied, "WATCHED", (str(etc / "profile.d/wsltune.sh"), str(etc / "zsh/zshenv")))
    settings = tmp_path / "env"
    settings.write_text("GOTMPDIR=/tmpfs/alice\n")
    alice = {
        "uid": os.getuid(),
        "gid": os.getgid(),
        "home": str(tmp_path),
        "go": {"path": "/usr/bin/go"},
        "before": {"environment": {}},
        "exports": {},
        "settings": {"GOTMPDIR": {"value": "/tmpfs/alice", "source": "user file"}},
        "places": {
            "GOTMPDIR": {"path": "/tmpfs/alice", "exists": True, "executable": True, "windows_drive": False},
            "GOCACHE": {"path": "/home/alice/.cache/go-build", "exists": True, "windows_drive": False},
        },
        "user_file": {"path": str(settings), "state": ""},
    }
    return tmp_path, look({"alice": alice})


def look(users):
    """As go_facts does it, before each question."""
    for user in users.values():
        user["user_file"]["state"] = go_observe.file_state(user["user_file"]["path"])
    return users


def holds(root, users) -> bool:
    look(users)
    seen = go_applied.observe(users, str(root / "journal"))
    assert seen is not None
    return seen["holds"]


@pytest.mark.parametrize(
    "option", [{"cgo_linker": "auto"}, {"gocacheprog": "/opt/cache"}, {"gotoolchain": "newest"}], ids=str
)
def test_what_go_starts_may_be_gone_and_is_looked_for_by_every_run(machine, option):
    root, users = machine
    go_applied.record({**OPTIONS, **option}, SETTINGS, users, root=str(root / "journal"))
    assert not holds(root, users)


def test_what_was_left_holds_until_it_is_forgotten(machine):
    root, users = machine
    assert go_applied.observe(users, str(root / "journal")) is None
    go_applied.record(OPTIONS, SETTINGS, users, root=str(root / "journal"))
    assert go_applied.observe(users, str(root / "journal")) == {"options": OPTIONS, "holds": True, "notes": []}
    written = os.stat(root / "journal" / go_applied.RECORD).st_ino
    go_applied.record(OPTIONS, SETTINGS, users, root=str(root / "journal"))
    assert os.stat(root / "journal" / go_applied.RECORD).st_ino == written
    go_applied.forget(str(root / "journal"))
    assert go_applied.observe(users, str(root / "journal")) is None


def edit(path):
    with open(path, "a", encoding="utf-8") as handle:
        handle.write("GOFLAGS=-v\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda root, users: edit(users["alice"]["user_file"]["path"]),
        lambda root, users: os.unlink(users["alice"]["user_file"]["path"]),
        lambda root, users: edit(root / "etc/profile.d/wsltune.sh"),
        lambda root, users: os.mkdir(root / "etc/zsh"),
        lambda root, users: users["alice"].update(go=None),
        lambda root, users: users["alice"].update(before=None),
        lambda root, users: users["alice"]["exports"].update(GOENV="off"),
        lambda root, users: users["alice"]["settings"]["GOTMPDIR"].update(value="/elsewhere"),
        lambda root, users: users["alice"]["places"]["GOTMPDIR"].update(exists=False),
        lambda root, users: users["alice"]["places"]["GOTMPDIR"].update(executable=False),
        lambda root, users: users["alice"]["places"]["GOCACHE"].update(windows_drive=True),
        lambda root, users: users.clear(),
    ],
)
def test_a_change_is_seen(machine, change):
    root, users = machine
    go_applied.record(OPTIONS, SETTINGS, users, root=str(root / "journal"))
    assert holds(root, users)
    change(root, users)
    assert not holds(root, users)


def test_everybody_means_also_who_came_since(machine):
    root, users = machine
    go_applied.record({**OPTIONS, "users": []}, SETTINGS, users, root=str(root / "journal"))
    assert holds(root, users)
    assert not holds(root, {**users, "bob": users["alice"]})


def test_somebody_else_is_of_no_interest(machine):
    root, users = machine
    go_applied.record(OPTIONS, SETTINGS, users, root=str(root / "journal"))
    assert holds(root, {**users, "bob": users["alice"]})


def test_go_commands_that_were_replaced_are_looked_at_each_time(machine):
    root, users = machine
    go_applied.record({**OPTIONS, "cgo_enabled": "false"}, SETTINGS, users, root=str(root / "journal"))
    assert not holds(root, users)


def test_an_export_of_the_user_wins_and_is_told_each_time(machine):
    root, users = machine
    users["alice"]["exports"]["GOTMPDIR"] = "/home/alice/tmp"
    users["alice"]["settings"]["GOTMPDIR"]["value"] = "/home/alice/tmp"
    go_applied.record(OPTIONS, SETTINGS, users, root=str(root / "journal"))
    seen = go_applied.observe(users, str(root / "journal"))
    assert seen["holds"] and seen["notes"] == go_plan.notes_for("alice", users["alice"], SETTINGS["alice"], "keep")
    assert "alice exports GOTMPDIR=/home/alice/tmp" in seen["notes"][0]


def test_a_wish_that_was_left_out_is_tried_again_and_told_each_time(machine):
    root, users = machine
    note = "alice's GOCACHEPROG is not set, because alice cannot start /opt/cache."
    go_applied.record(OPTIONS, SETTINGS, users, [note], str(root / "journal"))
    for _time in range(2):
        assert not holds(root, users)
        assert go_applied.observe(users, str(root / "journal"))["notes"] == [note]
    go_applied.record(OPTIONS, SETTINGS, users, [], str(root / "journal"))
    assert holds(root, users)


def test_a_record_of_an_earlier_version_is_understood_and_looked_at_once_more(machine):
    root, users = machine
    go_applied.record(OPTIONS, SETTINGS, users, root=str(root / "journal"))
    known = journal.read_record(go_applied.RECORD, str(root / "journal"))
    for name in ("left_out", "machine"):
        del known[name]
    journal.write_record(go_applied.RECORD, known, str(root / "journal"))
    seen = go_applied.observe(users, str(root / "journal"))
    assert seen == {"options": OPTIONS, "holds": False, "notes": []}
    go_applied.record(OPTIONS, SETTINGS, users, root=str(root / "journal"))
    assert holds(root, users)


@pytest.mark.parametrize(
    ("options", "memory", "cpus", "same"),
    [
        ({"parallel": "auto"}, 16 << 30, 8, True),
        ({"parallel": "auto"}, (16 << 30) - (200 << 20), 8, True),
        ({"parallel": "auto"}, 12 << 30, 8, False),
        ({"parallel": "auto"}, 16 << 30, 4, False),
        ({"parallel": "4"}, 12 << 30, 4, True),
        ({}, 12 << 30, 4, True),
        ({"tool_gc": False}, 12 << 30, 8, False),
        ({"tool_gc": False}, (16 << 30) - (200 << 20), 8, True),
    ],
)
def test_what_was_made_by_the_machines_size_is_made_again_for_another(
    machine, monkeypatch, options, memory, cpus, same
):
    root, users = machine
    resize(monkeypatch, 16 << 30, 8)
    go_applied.record({**OPTIONS, **options}, SETTINGS, users, root=str(root / "journal"))
    assert holds(root, users)
    resize(monkeypatch, memory, cpus)
    assert holds(root, users) is same


def test_a_little_more_or_less_memory_changes_nothing_however_often(machine, monkeypatch):
    root, users = machine
    resize(monkeypatch, 16 << 30, 8)
    go_applied.record(OPTIONS, SETTINGS, users, root=str(root / "journal"))
    resize(monkeypatch, (16 << 30) + (300 << 20), 8)
    assert go_applied.settle_size(str(root / "journal")) == (16 << 30, 8)
    go_applied.record(OPTIONS, SETTINGS, users, root=str(root / "journal"))
    # More than 2 % beside what counts, and less beside the last look.
    resize(monkeypatch, (16 << 30) + (600 << 20), 8)
    assert go_applied.settle_size(str(root / "journal")) == ((16 << 30) + (600 << 20), 8)


def resize(monkeypatch, memory, cpus):
    monkeypatch.setattr(meminfo, "read_total", lambda: memory)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(cpus)))
