# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils import fstab, go_envfile, journal


@pytest.fixture
def record(tmp_path: Path) -> journal.Journal:
    return journal.Journal(str(tmp_path / "state"), run="one")


def write(record: journal.Journal, path: Path, text: str) -> None:
    uid, gid = os.getuid(), os.getgid()
    record.write(str(path), text.encode(), role="test", uid=uid, gid=gid, revert=go_envfile.revert)


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
    assert record.restore(str(path), go_envfile.revert) == journal.Restored(str(path), True)
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
    restored = record.restore(str(path), go_envfile.revert)
    assert path.read_text() == "A=1\nC=3\n"
    assert restored.changed and "edited by someone else" in (restored.kept or "")


def test_an_edit_between_two_runs_stays_and_is_named(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n")
    write(record, path, "A=2\n")
    path.write_text("A=2\nC=3\n")
    write(record, path, "A=2\nC=3\nB=5\n")
    restored = record.restore(str(path), go_envfile.revert)
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
    restored = record.restore(str(path), go_envfile.revert)
    assert not path.exists() and "removed by someone else" in (restored.kept or "")


def test_a_mode_changed_since_stays(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n")
    write(record, path, "A=2\n")
    path.chmod(0o600)
    restored = record.restore(str(path), go_envfile.revert)
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

    real = journal.replace

    def die(*_arguments: object, **_named: object) -> None:
        raise Killed

    def replace(target: str, state: journal.FileState) -> None:
        if target != str(path):
            return real(target, state)
        if step == "replace":
            die()
        monkeypatch.setattr(os, {"fsync": "fsync", "rename": "replace"}[step], die)
        return real(target, state)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "replace", replace)
        with pytest.raises(Killed):
            write(record, path, "A=2\n")
    monkeypatch.undo()
    assert path.read_text() == "A=1\n"
    (tmp_path / ".env.wsltune-new").write_text("half")
    assert record.restore(str(path), go_envfile.revert).kept is None
    assert facts(path) == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["env", "state"]


def test_killed_after_the_file_changed_it_is_known_as_ours(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n")
    write(record, path, "A=2\n")
    write(record, path, "A=3\n")
    path.write_text("A=2\n")  # the second write was recorded, but the file is still the first one
    assert record.restore(str(path), go_envfile.revert).kept is None
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
        assert journal.content_without_us(entry, content, go_envfile.revert) == b"A=1\n"
    assert journal.content_without_us(entry, b"A=1\nGOTMPDIR=/x\nB=2\n", go_envfile.revert) == b"A=1\nB=2\n"


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not a regular file") as error:
        journal.read_state(str(tmp_path))
    assert error.value.filename == str(tmp_path)


def test_only_what_one_run_changed_can_be_given_back(record: journal.Journal, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("A=1\n")
    write(record, old, "A=2\n")
    second = journal.Journal(record.root, run="two")
    write(second, old, "A=3\n")
    write(second, old, "A=4\n")
    write(second, new, "N=1\n")
    for path in (old, new):
        second.restore(str(path), go_envfile.revert, run_only=True)
    assert old.read_text() == "A=2\n" and not new.exists()
    third = journal.Journal(record.root, run="three")
    third.restore(str(old), go_envfile.revert, run_only=True)
    assert old.read_text() == "A=2\n"
    third.restore(str(old), go_envfile.revert)
    assert old.read_text() == "A=1\n"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "go"
    path.write_bytes(b"\x7fELF original")
    path.chmod(0o755)
    return path


def displace(record: journal.Journal, path: Path, more: str = "") -> bytes:
    content = f"#!/bin/sh\n{more}exec {path}{journal.KEPT_SUFFIX}\n".encode()
    record.displace(str(path), content, role="test", uid=os.getuid(), gid=os.getgid())
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
    record.restore(str(program))
    assert program.read_bytes() == b"1.27"


def test_a_file_kept_for_one_purpose_is_not_taken_for_another(record: journal.Journal, tmp_path: Path) -> None:
    path = tmp_path / "fstab"
    path.write_text("A=1\n")
    write(record, path, "A=2\n")
    with pytest.raises(PermissionError, match="another purpose"):
        record.write(str(path), b"A=3\n", role="other", uid=os.getuid(), gid=os.getgid())
    assert path.read_text() == "A=2\n"
    record.restore(str(path), go_envfile.revert)
    assert path.read_text() == "A=1\n"


def test_the_record_is_for_root_alone(record: journal.Journal, tmp_path: Path) -> None:
    write(record, tmp_path / "env", "A=1\n")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert all(entry.stat().st_mode & 0o777 == 0o600 for entry in (tmp_path / "state" / "journal").iterdir())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as someone else")
def test_a_link_in_a_home_does_not_lead_root_astray(record: journal.Journal, tmp_path: Path) -> None:
    for directory in (tmp_path, *tmp_path.parents[:-1]):
        directory.chmod(directory.stat().st_mode | 0o011)
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 4711, 4711)
    secret = tmp_path / "secret"
    secret.write_text("root's")
    secret.chmod(0o600)
    (home / "env").symlink_to(secret)
    with pytest.raises(PermissionError):
        record.write(str(home / "env"), b"theirs", role="test", uid=4711, gid=4711)
    assert secret.read_text() == "root's"


OTHER = fstab.MARK + "=other"
ONE = "wsltune /one tmpfs nofail,x-wsltune 0 0\n"
TWO = "/a /two none bind,x-wsltune=other 0 0\n"
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
