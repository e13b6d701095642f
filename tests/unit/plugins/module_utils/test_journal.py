# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.go import envfile
from ansible_collections.wsltune.go.plugins.module_utils.linux import files, fstab, process


@pytest.fixture
def record(tmp_path: Path) -> journal.Journal:
    return journal.Journal(str(tmp_path / "state"), run="one")


def write(record: journal.Journal, path: Path, text: str) -> None:
    record.write(str(path), text.encode(), role="test", revert=envfile.revert)


def facts(path: Path) -> tuple[bytes, int, int]:
    status = path.stat()
    return path.read_bytes(), status.st_mode, status.st_mtime_ns


def test_a_file_is_given_back_with_mode_and_time_after_many_writes(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n")
    path.chmod(0o640)
    os.utime(path, ns=(10**18, 10**18 + 7))
    before = facts(path)
    write(record, path, "A=1\nB=2\n")
    write(record, path, "A=3\n")
    assert path.read_text() == "A=3\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert record.restore(str(path), envfile.revert) == journal.Restored(str(path), True)
    assert facts(path) == before
    (tmp_path / "state" / "journal" / ".x.json.wsltune-new").write_text("half")
    record.close()
    assert not (tmp_path / "state").exists()


def test_a_new_file_and_the_folders_made_for_it_are_gone_afterwards(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "env"
    write(record, path, "A=1\n")
    assert path.read_text() == "A=1\n"
    record.restore(str(path))
    assert not (tmp_path / "a").exists()


def test_a_folder_that_someone_else_uses_stays(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "a" / "env"
    write(record, path, "A=1\n")
    (tmp_path / "a" / "theirs").write_text("x")
    record.restore(str(path))
    assert (tmp_path / "a" / "theirs").exists() and not path.exists()


def test_an_edit_since_stays_and_is_named(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n")
    write(record, path, "A=2\n")
    path.write_text("A=2\nC=3\n")
    restored = record.restore(str(path), envfile.revert)
    assert path.read_text() == "A=1\nC=3\n"
    assert restored.changed and "edited by someone else" in (restored.kept or "")


def test_an_edit_between_two_runs_stays_and_is_named(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n")
    write(record, path, "A=2\n")
    path.write_text("A=2\nC=3\n")
    write(record, path, "A=2\nC=3\nB=5\n")
    restored = record.restore(str(path), envfile.revert)
    assert path.read_text() == "A=1\nC=3\n"
    assert "edited by someone else" in (restored.kept or "")


def test_an_edit_of_a_file_without_a_way_to_revert_is_left_alone(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "env"
    write(record, path, "ours")
    path.write_text("theirs")
    restored = record.restore(str(path))
    assert path.read_text() == "theirs" and not restored.changed and restored.kept


def test_a_file_that_someone_removed_stays_removed(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n")
    write(record, path, "A=2\n")
    path.unlink()
    restored = record.restore(str(path), envfile.revert)
    assert not path.exists() and "removed by someone else" in (restored.kept or "")


def test_a_mode_changed_since_stays(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n")
    write(record, path, "A=2\n")
    path.chmod(0o600)
    restored = record.restore(str(path), envfile.revert)
    assert path.read_text() == "A=1\n" and path.stat().st_mode & 0o777 == 0o600 and restored.kept


@pytest.mark.parametrize("step", ["replace", "fsync", "rename"])
def test_killed_while_writing_the_file_is_old_and_is_given_back(
    record: journal.Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n")
    before = facts(path)

    class Killed(BaseException):
        pass

    real = files._put

    def die(*_arguments: object, **_named: object) -> None:
        raise Killed

    def put(target: files.Place, state: files.FileState, was: bytes | None) -> None:
        if target.path != str(path):
            return real(target, state, was)
        if step == "replace":
            die()
        monkeypatch.setattr(os, {"fsync": "fsync", "rename": "replace"}[step], die)
        return real(target, state, was)

    with monkeypatch.context() as patch:
        patch.setattr(files, "_put", put)
        with pytest.raises(Killed):
            write(record, path, "A=2\n")
    monkeypatch.undo()
    assert path.read_text() == "A=1\n"
    (tmp_path / ".env.wsltune-new").write_text("half")
    assert record.restore(str(path), envfile.revert).kept is None
    assert facts(path) == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["env", "state"]


def test_killed_after_the_file_changed_it_is_known_as_ours(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n")
    write(record, path, "A=2\n")
    write(record, path, "A=3\n")
    path.write_text("A=2\n")  # the second write was recorded, but the file is still the first one
    assert record.restore(str(path), envfile.revert).kept is None
    assert path.read_text() == "A=1\n"


def test_killed_between_two_settings_nothing_of_the_first_counts_as_the_users(
    record: journal.Journal, tmp_path: Path
) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n")
    write(record, path, "A=1\nGOFLAGS=-p=4\n")
    write(record, path, "A=1\nGOTMPDIR=/x\n")
    entry = record.entry(str(path))
    assert entry is not None
    for content in (b"A=1\n", b"A=1\nGOFLAGS=-p=4\n", b"A=1\nGOTMPDIR=/x\n"):
        assert journal.content_without_us(entry, content, envfile.revert) == b"A=1\n"
    assert journal.content_without_us(entry, b"A=1\nGOTMPDIR=/x\nB=2\n", envfile.revert) == b"A=1\nB=2\n"


def test_only_what_one_run_changed_can_be_given_back(record: journal.Journal, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("A=1\n")
    write(record, old, "A=2\n")
    second = journal.Journal(record.root, run="two")
    write(second, old, "A=3\n")
    write(second, old, "A=4\n")
    write(second, new, "N=1\n")
    for path in (old, new):
        second.restore(str(path), envfile.revert, run_only=True)
    assert old.read_text() == "A=2\n" and not new.exists()
    third = journal.Journal(record.root, run="three")
    third.restore(str(old), envfile.revert, run_only=True)
    assert old.read_text() == "A=2\n"
    third.restore(str(old), envfile.revert)
    assert old.read_text() == "A=1\n"


def test_two_attempts_of_one_run_are_given_back_together_but_for_an_edit_between(
    record: journal.Journal, tmp_path: Path
) -> None:
    half, edited = tmp_path / "half", tmp_path / "edited"
    for path in (half, edited):
        path.write_text("A=1\n")
        write(record, path, "A=2\n")
    edited.write_text("A=2\nMINE=1\n")
    again = journal.Journal(record.root, run="one")
    write(again, half, "A=2\nB=1\n")
    write(again, edited, "A=2\nMINE=1\nB=1\n")
    for path in (half, edited):
        again.restore(str(path), envfile.revert, run_only=True)
    assert half.read_text() == "A=1\n"
    assert edited.read_text() == "A=1\nMINE=1\n"
    assert record.entry(str(edited)) is None


def test_an_edit_within_a_run_leaves_an_earlier_runs_settings_and_none_of_that_one(
    record: journal.Journal, tmp_path: Path
) -> None:
    """Else what made Go slower would be taken back by half."""
    path, new = tmp_path / "env", tmp_path / "new"
    path.write_text("A=1\n")
    write(record, path, "A=1\nCGO_ENABLED=0\n")
    second = journal.Journal(record.root, run="two")
    write(second, path, "A=1\nCGO_ENABLED=0\nGOFLAGS=-p=4\n")
    write(second, new, "GOFLAGS=-p=4\n")
    for edited in (path, new):
        edited.write_text(edited.read_text() + "Y=2\n")
        write(second, edited, edited.read_text() + "GOTMPDIR=/x\n")
        assert "that edit stays" in str(second.restore(str(edited), envfile.revert, run_only=True).kept)
    assert path.read_text() == "A=1\nCGO_ENABLED=0\nY=2\n"
    assert new.read_text() == "Y=2\n"
    journal.Journal(record.root, run="three").restore(str(path), envfile.revert)
    assert path.read_text() == "A=1\nY=2\n"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "go"
    path.write_bytes(b"\x7fELF original")
    path.chmod(0o755)
    return path


def displace(record: journal.Journal, path: Path, more: str = "") -> bytes:
    content = f"#!/bin/sh\n{more}exec {path}{journal.KEPT_SUFFIX}\n".encode()
    record.displace(str(path), content, role="test")
    return content


def test_a_displaced_program_comes_back_as_the_same_inode(record: journal.Journal, program: Path) -> None:
    inode = program.stat().st_ino
    displace(record, program)
    newer = displace(record, program, "# newer\n")
    assert program.read_bytes() == newer and program.stat().st_mode & 0o777 == 0o755
    assert record.restore(str(program)).kept is None
    assert program.stat().st_ino == inode
    assert sorted(entry.name for entry in program.parent.iterdir()) == ["go", "state"]


def test_an_edited_stand_in_costs_no_original(record: journal.Journal, program: Path) -> None:
    inode = program.stat().st_ino
    program_text = displace(record, program)
    program.write_bytes(program_text + b"# mine\n")
    displace(record, program)
    program.write_bytes(program_text + b"# mine\n")
    assert "edited by someone else" in (record.restore(str(program)).kept or "")
    assert program.stat().st_ino == inode and not Path(f"{program}.distrib").exists()


def test_killed_while_displacing_the_original_is_still_there(record: journal.Journal, program: Path) -> None:
    os.link(program, f"{program}.distrib")
    displace(record, program)
    record.restore(str(program))
    assert program.read_bytes() == b"\x7fELF original" and not Path(f"{program}.distrib").exists()


def test_a_kept_program_of_somebody_else_is_left_alone(record: journal.Journal, program: Path) -> None:
    Path(f"{program}.distrib").write_bytes(b"theirs")
    with pytest.raises(FileExistsError, match="somebody else"):
        displace(record, program)
    assert Path(f"{program}.distrib").read_bytes() == b"theirs" and program.read_bytes() == b"\x7fELF original"


def test_a_program_unpacked_over_ours_is_displaced_anew(record: journal.Journal, program: Path) -> None:
    displace(record, program)
    program.unlink()
    program.write_bytes(b"1.27")
    displace(record, program)
    assert Path(f"{program}.distrib.1").read_bytes() == b"\x7fELF original"
    record.restore(str(program))
    assert program.read_bytes() == b"1.27"


def test_a_program_unpacked_over_ours_stays_and_so_does_the_earlier_one(record: journal.Journal, program: Path) -> None:
    displace(record, program)
    program.unlink()
    program.write_bytes(b"1.27")
    assert f"the earlier one is {program}.distrib" in (record.restore(str(program)).kept or "")
    assert program.read_bytes() == b"1.27" and Path(f"{program}.distrib").read_bytes() == b"\x7fELF original"


def test_a_file_kept_for_one_purpose_is_not_taken_for_another(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "fstab"
    path.write_text("A=1\n")
    write(record, path, "A=2\n")
    with pytest.raises(PermissionError, match="another purpose"):
        record.write(str(path), b"A=3\n", role="other")
    assert path.read_text() == "A=2\n"
    record.restore(str(path), envfile.revert)
    assert path.read_text() == "A=1\n"


def test_the_record_is_for_root_alone(record: journal.Journal, tmp_path: Path) -> None:
    write(record, tmp_path / "env", "A=1\n")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert all(entry.stat().st_mode & 0o777 == 0o600 for entry in (tmp_path / "state" / "journal").iterdir())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become someone else")
def test_a_users_file_is_written_and_given_back_by_the_user(
    record: journal.Journal, home: Path, eve: process.Identity
) -> None:
    (home / "env").write_text("A=1\n")
    os.chown(home / "env", eve.uid, eve.gid)
    before = facts(home / "env")
    record.write(str(home / "env"), b"A=2\n", role="test", owner=eve, revert=envfile.revert)
    record.write(str(home / "new" / "env"), b"A=3\n", role="test", owner=eve, revert=envfile.revert)
    assert (home / "new" / "env").stat().st_uid == (home / "new").stat().st_uid == eve.uid
    # Another module: its child is made while the record is locked, and must not keep the lock.
    record = journal.Journal(record.root, run="two")
    for entry in record.entries():
        record.restore(entry.path, envfile.revert)
    assert facts(home / "env") == before and not (home / "new").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become someone else")
@pytest.mark.parametrize("moment", ["before it is written", "before it is restored"])
def test_a_link_in_a_home_does_not_lead_root_astray(
    record: journal.Journal, home: Path, eve: process.Identity, tmp_path: Path, moment: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("A=1\n")
    secret.chmod(0o600)
    env = home / "env"
    if moment == "before it is restored":
        record.write(str(env), b"A=2\n", role="test", owner=eve, revert=envfile.revert)
        env.unlink()
    env.symlink_to(secret)

    def act() -> None:
        if moment == "before it is written":
            record.write(str(env), b"theirs", role="test", owner=eve)
        else:
            record.restore(str(env), envfile.revert)

    with pytest.raises(PermissionError):
        act()
    assert secret.read_text() == "A=1\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become someone else")
def test_a_link_of_an_accounts_does_not_reserve_a_path_of_the_systems(
    record: journal.Journal, home: Path, eve: process.Identity, tmp_path: Path
) -> None:
    system = tmp_path / "etc"
    system.mkdir()
    (home / "go").symlink_to(system)
    with pytest.raises(PermissionError, match="not writable for its user"):
        record.write(str(home / "go" / "profile"), b"A=1\n", role="test", owner=eve)
    assert record.entries() == []
    write(record, system / "profile", "A=2\n")
    assert (system / "profile").read_text() == "A=2\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become someone else")
def test_root_itself_touches_nothing_in_a_folder_of_someone_else(record: journal.Journal, home: Path) -> None:
    (home / "fstab").write_text("A=1\n")
    with pytest.raises(files.NotOurs, match="another account can write there"):
        write(record, home / "fstab", "A=2\n")
    assert (home / "fstab").read_text() == "A=1\n" and record.entries() == []


def damage_truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])


def damage_field(file: Path) -> None:
    data = json.loads(file.read_text())
    data["entry"]["later"] = 1
    data["sha256"] = journal._sum(data["entry"])
    file.write_text(json.dumps(data))


def damage_content(file: Path) -> None:
    file.write_text(file.read_text().replace('"mode": 4', '"mode": 5'))


def damage_format(file: Path) -> None:
    file.write_text('{"format": 3, "entry": {}}')


@pytest.mark.parametrize("damage", [damage_truncated, damage_field, damage_content, damage_format])
def test_a_record_that_cannot_be_read_is_named_and_holds_nothing_else_back(
    record: journal.Journal, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for path in (one, two):
        path.write_text("A=1\n")
        write(record, path, "A=2\n")
    file = Path(record._file(str(one)))
    damage(file)
    assert [entry.path for entry in record.entries()] == [str(two)]
    (sentence,) = record.damaged()
    assert sentence.startswith(f"{file} is a record that cannot be read (")
    record.restore(str(two), envfile.revert)
    assert (one.read_text(), two.read_text()) == ("A=2\n", "A=1\n")
    with pytest.raises(journal.Damaged):
        write(record, one, "A=3\n")
    record.close()
    assert file.exists()


def test_a_record_of_the_first_format_is_read_and_rewritten(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n")
    write(record, path, "A=2\n")
    file, old = Path(record._file(str(path))), Path(record._file_of_first_format(str(path)))
    old.write_text(json.dumps(json.loads(file.read_text())["entry"]))
    file.unlink()
    write(record, path, "A=3\n")
    assert file.exists() and not old.exists()
    record.restore(str(path), envfile.revert)
    assert path.read_text() == "A=1\n" and record.entries() == []


def test_a_path_longer_than_a_name_may_be_is_recorded(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / ("a" * 150) / ("b" * 150) / "env"
    write(record, path, "A=1\n")
    record.restore(str(path))
    assert not (tmp_path / ("a" * 150)).exists()


def test_a_cache_that_cannot_be_read_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    for text in ("", "[", "[1]", "\xff"):
        (tmp_path / journal.BEFORE).write_text(text, encoding="latin-1")
        assert journal.read_record(journal.BEFORE, str(tmp_path)) == {}


def meddle(path: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Have another program add a line whenever the file is about to be replaced."""
    real = files._copy_attributes
    lines = iter(range(times))

    def copy(source: files.Place, target: int) -> None:
        if source.path == str(path) and next(lines, None) is not None:
            with path.open("a") as handle:
                handle.write("# theirs\n")
        real(source, target)

    monkeypatch.setattr(files, "_copy_attributes", copy)


def test_what_another_program_writes_meanwhile_is_not_overwritten(
    record: journal.Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n")
    meddle(path, monkeypatch, 1)
    with pytest.raises(files.ChangedMeanwhile):
        write(record, path, "A=2\n")
    assert path.read_text() == "A=1\n# theirs\n"


def test_a_table_that_others_write_at_the_same_time_loses_no_line(
    record: journal.Journal, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meddle(table, monkeypatch, 7)
    record.edit(str(table), lambda now: now + ONE.encode(), role="one", revert=fstab.without_ours, shared=True)
    assert table.read_text() == ORIGINAL + "# theirs\n" * 7 + ONE
    monkeypatch.undo()
    meddle(table, monkeypatch, 5)
    give_back(record, table, "one")
    assert table.read_text() == ORIGINAL + "# theirs\n" * 12 and record.entries() == []


OTHER = fstab.MARK + "-other"
ONE = "wsltune /one tmpfs nofail,comment=wsltune 0 0\n"
TWO = "/a /two none bind,comment=wsltune-other 0 0\n"
ORIGINAL = "# mine\nproc /proc proc\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "fstab"
    path.write_text(ORIGINAL)
    path.chmod(0o600)
    os.utime(path, ns=(10**18, 10**18))
    return path


def write_part(record: journal.Journal, path: Path, text: str, role: str) -> None:
    record.write(str(path), text.encode(), role=role, revert=fstab.without_ours, shared=True)


def give_back(record: journal.Journal, path: Path, role: str, run_only: bool = False) -> journal.Restored:
    mark = fstab.MARK if role == "one" else OTHER
    part = functools.partial(fstab.part, mark)
    return record.restore(str(path), fstab.without_ours, run_only, role=role, part=part)


@pytest.mark.parametrize("order", [("one", "other"), ("other", "one")])
def test_two_roles_share_a_file_and_each_gives_back_its_part(
    record: journal.Journal, table: Path, order: tuple[str, str]
) -> None:
    before = facts(table)
    write_part(record, table, ORIGINAL + ONE, "one")
    write_part(record, table, ORIGINAL + ONE + TWO, "other")
    # Either role may change its part again; neither takes that for someone else's edit.
    write_part(record, table, ORIGINAL + ONE.replace("nofail", "size=1g") + TWO, "one")
    assert [entry.path for entry in record.entries("other")] == [entry.path for entry in record.entries("one")]
    assert give_back(record, table, order[0]) == journal.Restored(str(table), True)
    assert table.read_text() == ORIGINAL + (TWO if order[0] == "one" else ONE.replace("nofail", "size=1g"))
    assert record.entries(order[0]) == [] and len(record.entries(order[1])) == 1
    assert give_back(record, table, order[1]) == journal.Restored(str(table), True)
    assert facts(table) == before
    assert record.entries() == []


def test_a_run_that_is_taken_back_leaves_the_other_roles_part_of_that_run(record: journal.Journal, table: Path) -> None:
    write_part(record, table, ORIGINAL + ONE, "one")
    record.run = "two"
    write_part(record, table, ORIGINAL + ONE.replace("nofail", "size=1g"), "one")
    write_part(record, table, ORIGINAL + ONE.replace("nofail", "size=1g") + TWO, "other")
    assert give_back(record, table, "one", run_only=True).kept is None
    assert table.read_text() == ORIGINAL + ONE + TWO
    give_back(record, table, "one")
    give_back(record, table, "other")
    assert table.read_text() == ORIGINAL


def test_someones_line_in_a_shared_file_stays_and_is_named(record: journal.Journal, table: Path) -> None:
    write_part(record, table, ORIGINAL + ONE, "one")
    write_part(record, table, ORIGINAL + ONE + TWO, "other")
    table.write_text("# theirs\n" + ORIGINAL + ONE + TWO)
    assert "edited by someone else" in str(give_back(record, table, "one").kept)
    assert "edited by someone else" in str(give_back(record, table, "other").kept)
    assert table.read_text() == "# theirs\n" + ORIGINAL


def test_a_role_that_does_not_share_is_refused_a_file_of_another(record: journal.Journal, table: Path) -> None:
    write_part(record, table, ORIGINAL + ONE, "one")
    with pytest.raises(OSError, match="another purpose"):
        record.write(str(table), b"", role="other")


def test_a_run_that_does_not_let_go_is_named(
    record: journal.Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "PATIENCE", 0.1)
    other = journal.Journal(record.root)
    with other._locked(), pytest.raises(OSError, match="another run of wsltune"):
        write(record, tmp_path / "env", "A=1\n")
    write(record, tmp_path / "env", "A=1\n")


def edit_nothing(path: Path) -> None:
    pass


def append_line(path: Path) -> None:
    path.write_text(path.read_text() + "C=3\n")


def restore_by_hand(path: Path) -> None:
    path.write_text("A=1\n")


def remove_ours_and_add(path: Path) -> None:
    path.write_text("A=1\nC=3\n")


def change_mode(path: Path) -> None:
    path.chmod(0o600)


def remove(path: Path) -> None:
    path.unlink()


def tree(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Return everything below a folder, with its inode, mode, time and content."""
    return {
        str(path): (
            path.lstat().st_ino,
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in folder.rglob("*")
    }


ENVFILE = journal.Way(envfile.revert)


@pytest.mark.parametrize(
    ("before", "edit", "way", "action", "reason", "after"),
    [
        ("A=1\n", edit_nothing, ENVFILE, "restore", "", "A=1\n"),
        (None, edit_nothing, ENVFILE, "remove", "", None),
        ("A=1\n", append_line, ENVFILE, "restore", "that edit stays", "A=1\nC=3\n"),
        ("A=1\n", append_line, journal.Way(), "keep", "that edit stays", "A=2\nC=3\n"),
        (None, append_line, ENVFILE, "restore", "that edit stays", "C=3\n"),
        ("A=1\n", restore_by_hand, ENVFILE, "restore", "", "A=1\n"),
        ("A=1\n", remove_ours_and_add, ENVFILE, "keep", "that edit stays", "A=1\nC=3\n"),
        ("A=1\n", change_mode, ENVFILE, "restore", "mode or owner", "A=1\n"),
        ("A=1\n", remove, ENVFILE, "keep", "removed by someone else", None),
        (None, remove, ENVFILE, "keep", "", None),
    ],
)
def test_what_a_restore_plans_is_what_it_does(
    record: journal.Journal,
    tmp_path: Path,
    before: str | None,
    edit: Callable[[Path], None],
    way: journal.Way,
    action: str,
    reason: str,
    after: str | None,
) -> None:
    path = tmp_path / "env"
    if before is not None:
        path.write_text(before)
    record.write(str(path), b"A=2\n", role="test", revert=envfile.revert)
    edit(path)
    everything = tree(tmp_path)
    (step,) = record.plan_restore("test", lambda entry: way)
    assert tree(tmp_path) == everything
    assert step.action == action and reason in step.reason and bool(step.reason) is bool(reason)
    mode = path.stat().st_mode if path.exists() else None
    assert record.carry_out(step) == step.restored
    assert (path.read_text() if path.exists() else None) == after
    if edit is change_mode:
        assert path.stat().st_mode == mode
    if action == "keep" and path.exists():
        assert facts(path) == (everything[str(path)][3], everything[str(path)][1], everything[str(path)][2])
    assert record.entries() == []


def unpack_over(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"1.27")


def edit_stand_in(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"# mine\n")


def remove_kept(path: Path) -> None:
    Path(f"{path}.distrib").unlink()


def kill_before_the_stand_in(path: Path) -> None:
    os.replace(f"{path}.distrib", path)
    os.link(path, f"{path}.distrib")


@pytest.mark.parametrize(
    ("edit", "action", "reason", "after"),
    [
        (edit_nothing, "restore", "", b"\x7fELF original"),
        (edit_stand_in, "restore", "that edit is gone", b"\x7fELF original"),
        (remove, "restore", "", b"\x7fELF original"),
        (unpack_over, "keep", "replaced by someone else since and stays so", b"1.27"),
        (kill_before_the_stand_in, "restore", "", b"\x7fELF original"),
        (remove_kept, "keep", "", None),
    ],
)
def test_what_a_restore_plans_for_a_program_is_what_it_does(
    record: journal.Journal,
    program: Path,
    edit: Callable[[Path], None],
    action: str,
    reason: str,
    after: bytes | None,
) -> None:
    stand_in = displace(record, program)
    edit(program)
    everything = tree(program.parent)
    (step,) = record.plan_restore("test")
    assert tree(program.parent) == everything
    assert step.action == action and reason in step.reason and bool(step.reason) is bool(reason)
    assert record.carry_out(step) == step.restored
    assert program.read_bytes() == (stand_in if after is None else after)
    assert record.entries() == []


def test_what_a_restore_plans_for_a_shared_file_is_one_roles_part(record: journal.Journal, table: Path) -> None:
    write_part(record, table, ORIGINAL + ONE, "one")
    write_part(record, table, ORIGINAL + ONE + TWO, "other")
    way = journal.Way(fstab.without_ours, functools.partial(fstab.part, fstab.MARK))
    (step,) = record.plan_restore("one", lambda entry: way)
    assert step.diff == [
        {
            "before_header": str(table),
            "after_header": str(table),
            "before": ORIGINAL + ONE + TWO,
            "after": ORIGINAL + TWO,
        }
    ]
    assert record.carry_out(step) == step.restored == journal.Restored(str(table), True)
    assert table.read_text() == ORIGINAL + TWO
    assert record.plan_restore("one", lambda entry: way) == []


def test_a_restore_of_one_run_plans_only_what_that_run_touched(record: journal.Journal, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write(record, first, "A=1\n")
    write(record, second, "A=1\n")
    record.run = "two"
    write(record, second, "A=2\n")
    (step,) = record.plan_restore("test", lambda entry: ENVFILE, run_only=True)
    assert (step.path, step.action, step.target and step.target.content) == (str(second), "restore", b"A=1\n")
    record.carry_out(step)
    assert second.read_text() == "A=1\n"
    steps = record.plan_restore("test", lambda entry: ENVFILE, wanted=lambda entry: entry.path == str(second))
    assert [(step.path, step.action) for step in steps] == [(str(second), "remove")]


def test_a_path_that_cannot_be_looked_at_is_named_and_holds_nothing_else_back(
    record: journal.Journal, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for path in (first, second):
        path.write_text("A=1\n")
        write(record, path, "A=2\n")
    first.unlink()
    first.mkdir()
    steps = record.plan_restore("test", lambda entry: ENVFILE)
    assert [step.action for step in steps] == ["fail", "restore"]
    assert (steps[0].restored.left or "").startswith(f"{first} could not be restored: ")
    outcomes = [record.carry_out(step) for step in steps]
    assert outcomes == [step.restored for step in steps]
    assert second.read_text() == "A=1\n" and [entry.path for entry in record.entries()] == [str(first)]


def test_an_edit_between_plan_and_act_is_not_lost(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n")
    write(record, path, "A=2\n")
    (step,) = record.plan_restore("test", lambda entry: ENVFILE)
    append_line(path)
    assert "that edit stays" in (record.carry_out(step).kept or "")
    assert path.read_text() == "A=1\nC=3\n"


def test_a_program_unpacked_between_plan_and_act_is_not_lost(record: journal.Journal, program: Path) -> None:
    displace(record, program)
    (step,) = record.plan_restore("test")
    unpack_over(program)
    assert "stays so" in (record.carry_out(step).kept or "")
    assert program.read_bytes() == b"1.27" and Path(f"{program}.distrib").read_bytes() == b"\x7fELF original"


def test_a_folder_goes_once_it_is_empty(record: journal.Journal, tmp_path: Path) -> None:
    record.make_directory(str(tmp_path / "a" / "b"), role="test")
    (step,) = record.plan_restore("test")
    assert (step.action, step.reason, step.diff) == ("keep", "", [])
    assert record.carry_out(step) == step.restored
    assert not (tmp_path / "a").exists()


def test_nobody_can_put_a_journal_into_a_folder_that_is_just_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a umask of 0, as [filesystem] umask=0 of wsl.conf has it, the folder above was open to all for a moment."""
    mkdir, modes = os.mkdir, []

    def make(path: str, *mode: int, **how: int) -> None:
        mkdir(path, *mode, **how)
        modes.append(os.stat(path, dir_fd=how.get("dir_fd")).st_mode & 0o777)

    before = os.umask(0)
    try:
        monkeypatch.setattr(os, "mkdir", make)
        write(journal.Journal(str(tmp_path / "state")), tmp_path / "env", "A=1\n")
    finally:
        os.umask(before)
    assert modes == [0o700, 0o700]
