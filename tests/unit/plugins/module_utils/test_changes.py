# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils import changes, journal
from ansible_collections.wsltune.go.plugins.module_utils.linux import files

OURS = "ours\n"


def revert(_base: bytes | None, _written: bytes, current: bytes) -> bytes:
    return current.replace(OURS.encode(), b"")


@pytest.fixture
def make(tmp_path: Path) -> Any:
    def make(check_mode: bool = False) -> changes.Changes:
        made = changes.Changes("a_role", lambda _entry: journal.Way(revert), "1", check_mode)
        made.journal = journal.Journal(str(tmp_path / "state"), run="1", pool=made.pool)
        return made

    return make


@pytest.mark.parametrize("before", [None, "theirs\n"])
def test_check_mode_says_what_a_run_does_and_does_nothing(make: Any, tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "file"
    if before is not None:
        path.write_text(before)
        path.chmod(0o640)
    checked, real = make(check_mode=True), make()
    for target in (checked, real):
        assert (path.read_text() if path.exists() else None) == before
        target.write(str(path), (before or "") + OURS, revert)
    assert checked.result() == real.result() and real.made == [f"wrote {path}"]
    assert real.diff[0]["before_header"] == ("/dev/null" if before is None else str(path))
    assert path.read_text() == (before or "") + OURS and path.stat().st_mode & 0o777 == (0o640 if before else 0o644)
    checked, real = make(check_mode=True), make()
    for target in (checked, real):
        target.restore()
    assert checked.result() == real.result() and real.made == [f"restored {path}"]
    assert real.diff[0]["after_header"] == ("/dev/null" if before is None else str(path))
    assert (path.read_text() if path.exists() else None) == before


def test_what_is_so_already_is_no_change(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(OURS)
    target = make()
    target.write(str(path), OURS, revert)
    assert not target.edit(str(path), lambda now: now)
    assert not target.result()["changed"] and not target.diff and not target.journal.entries()


def test_what_could_not_be_written_is_no_change(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a user's file that nobody may change (chattr), which would be a change in each run."""
    path = tmp_path / "file"
    path.write_text("theirs\n")
    target = make()

    def refuse(*_arguments: Any) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", str(path))

    monkeypatch.setattr(files.Files, "put", refuse)
    with pytest.raises(PermissionError):
        target.write(str(path), OURS, revert)
    with pytest.raises(PermissionError):
        target.edit(str(path), lambda now: now + OURS)
    assert not target.result()["changed"] and target.diff == []


def test_a_file_without_us_has_what_someone_added_since(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("theirs\n")
    target = make()
    assert target.edit(str(path), lambda now: now + OURS, revert=revert)
    path.write_text(path.read_text() + "more\n")
    assert target.without_us(str(path), revert) == "theirs\nmore\n"
    target.write(str(path), None)
    assert path.read_text() == "theirs\nmore\n" and target.made == [f"wrote {path}", f"restored {path}"]


def test_what_surrounds_a_restore_is_called_where_it_is_carried_out(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "file"
    make().write(str(path), OURS, revert)
    said: list[str] = []

    def say(when: str) -> Any:
        return lambda step: said.append(f"{when} {Path(step.path).exists()}")

    hooks = {"before": say("before"), "after": say("after")}
    assert [step.path for step in make(check_mode=True).restore(**hooks)] == [str(path)] and not said
    assert not make().restore(lambda _entry: False, **hooks) and not said
    assert [step.path for step in make().restore(**hooks)] == [str(path)]
    assert said == ["before True", "after False"]


def test_no_path_has_a_line_of_its_own_in_what_a_role_ends_with(make: Any) -> None:
    target = make()
    path = "/home/eve/a\nok: [laptop]\x1b[2J"
    for sentences in (target.made, target.kept, target.left, target.notes):
        sentences.append(f"something is mounted on {path}")
    result = target.result()
    for name in ("changes", "kept", "left", "notes"):
        assert "\n" not in result[name][0] and "\x1b" not in result[name][0], name
