# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Go command of one account that cannot be replaced is a note, and stops the others only where it holds for all."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils import changes, journal
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import shims as go_shims
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, look, mountinfo

NAMES = ("root", "ada", "eve")
MOUNTS = [
    mountinfo.Mount("/", "/", "ext4", "/dev/sdc", mount_id=1),
    mountinfo.Mount("/ro", "/", "fuse", "x", options=["ro"], mount_id=2, parent_id=1),
]


def shims() -> go_shims.Shims:
    made = changes.Changes("go_env", lambda _entry: journal.Way(), "", False)
    return go_shims.Shims(made, MOUNTS, lambda *_words, **_more: (0, "", ""))


def users(**commands: list[str]) -> dict[str, dict[str, Any]]:
    return {
        name: {"uid": number, "commands": commands.get(name, []), "toolchains": []} for number, name in enumerate(NAMES)
    }


def test_a_command_of_one_that_cannot_be_replaced_is_a_note() -> None:
    looked = shims()
    looked.check(users(root=["/go/bin/go"], ada=["/go/bin/go"], eve=["/ro/bin/go"]))
    assert looked.left == {"/ro/bin/go"} and "a read-only file system" in looked.changes.notes[0]
    for commands in ({"root": ["/ro/bin/go", "/go/bin/go"]}, {name: ["/ro/bin/go"] for name in NAMES}):
        with pytest.raises(go_plan.PlanError, match="cannot be replaced"):
            shims().check(users(**commands))


def test_a_go_whose_cryptography_is_openssls_keeps_cgo_and_the_note_says_why(tmp_path: Path) -> None:
    go = tmp_path / "bin/go"
    go.parent.mkdir()
    go.write_text("#!/bin/sh\n")
    go.chmod(0o755)
    (tmp_path / "pkg/tool").mkdir(parents=True)
    people = {"root": accounts.Account("root", 0, 0, str(tmp_path), "/bin/sh")}
    seen = users(root=[str(go)])
    for version, is_left in (("go1.22.5 (Red Hat 1.22.5-1.el9)", True), ("go1.27.3", False)):
        seen["root"]["toolchains"] = [{"real": str(go), "goroot": str(tmp_path), "version": version}]
        looked = shims()
        looked.on_roots_path = {str(go)}
        assert (str(go) in looked.commands(people, seen)) != is_left
        assert (looked.left == {str(go)}) == is_left
        assert any("is OpenSSL's" in note and "FIPS" in note for note in looked.changes.notes) == is_left


def test_a_folder_that_gives_no_answer_lets_nobody_wait(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files, "opened_folder", lambda path: time.sleep(60))
    monkeypatch.setattr(look, "once", functools.partial(look.once, limit=0.5))
    people = {name: accounts.Account(name, 0, 0, str(tmp_path), "/bin/sh") for name in NAMES}
    looked = shims()
    begin = time.monotonic()
    assert looked.commands(people, users(eve=["/net/eve/go/bin/go"])) == {} and time.monotonic() - begin < 20
    note = looked.changes.notes[0]
    assert "/net/eve/go/bin/go is left alone" in note and "no answer" in note
