# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import become, files, process, reports
from tests.unit import dead_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")


def modes(folder: Path) -> dict[str, tuple[int, int]]:
    """The mode and owner of a folder and of all that is below it."""
    return {str(path): (path.lstat().st_mode, path.lstat().st_uid) for path in (folder, *sorted(folder.rglob("*")))}


def test_what_is_missing_is_made_for_its_owner_alone_and_the_rest_stays(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    mask = os.umask(0)
    try:
        reports.write(str(tmp_path / "a" / "b"), {"one": b"1", "two": b"2"})
        reports.write(str(tmp_path / "a" / "b"), {"one": b"3"})
    finally:
        os.umask(mask)
    made = tmp_path / "a" / "b"
    assert (made / "one").read_bytes() == b"3" and (made / "two").read_bytes() == b"2"
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in sorted(tmp_path.rglob("*"))} == {
        "a": 0o700,
        "b": 0o700,
        "one": 0o600,
        "two": 0o600,
    }
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.parametrize("mode", [0o755, 0o1777, 0o2775])
def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    folder.chmod(mode)
    reports.write(str(folder), {"one": b"1"})
    assert stat.S_IMODE(folder.stat().st_mode) == mode
    assert stat.S_IMODE((folder / "one").stat().st_mode) == 0o600


@as_root
@pytest.mark.parametrize("way", ["reports", "reports/laptop", "reports/laptop/bench"])
def test_root_follows_no_link_that_another_account_made(
    tmp_path: Path, home: Path, eve: process.Identity, way: str
) -> None:
    victim = tmp_path / "victim"
    (victim / "laptop" / "bench").mkdir(parents=True, mode=0o755)
    (home / "reports").symlink_to(victim)
    os.chown(home / "reports", eve.uid, eve.gid, follow_symlinks=False)
    before = modes(victim)
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        reports.write(str(home / way), {"one": b"1"})
    assert modes(victim) == before
    # Whose it is may follow it.
    os.chown(victim, eve.uid, eve.gid)
    become.ask(eve, lambda: reports.write(str(home / "reports"), {"one": b"1"}))
    assert (victim / "one").stat().st_uid == eve.uid


@as_root
def test_root_writes_through_no_file_of_another_account(tmp_path: Path, home: Path, eve: process.Identity) -> None:
    victim, linked, theirs = tmp_path / "victim", home / "linked", home / "theirs"
    victim.write_text("mine")
    linked.symlink_to(victim)
    theirs.write_text("theirs")
    theirs.chmod(0o666)
    os.chown(theirs, eve.uid, eve.gid)
    os.link(theirs, home / "kept")
    reports.write(str(home), {"linked": b"1", "theirs": b"2"})
    assert victim.read_text() == "mine" and (home / "kept").read_text() == "theirs"
    for path in (linked, theirs):
        status = path.lstat()
        assert (stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode), status.st_uid) == (stat.S_IFREG, 0o600, 0)
    assert sorted(path.name for path in home.iterdir()) == ["kept", "linked", "theirs"]
    assert home.stat().st_uid == eve.uid


@as_root
def test_root_follows_a_link_that_only_root_can_change(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    reports.write(str(tmp_path / "link" / "laptop"), {"one": b"1"})
    assert (tmp_path / "real" / "laptop" / "one").read_bytes() == b"1"


@as_root
def test_a_folder_of_another_account_reached_over_a_link_of_roots(
    tmp_path: Path, home: Path, eve: process.Identity
) -> None:
    (tmp_path / "homes").symlink_to(tmp_path)
    inner = home / "inner"
    inner.mkdir()
    os.chown(inner, eve.uid, eve.gid)
    reports.write(str(tmp_path / "homes" / "home" / "inner" / "new"), {"one": b"1"})
    assert (inner / "new" / "one").stat().st_uid == 0


def test_a_file_system_of_another_account_gets_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It decides who reads what is written to it."""
    monkeypatch.setattr(files, "is_of_another", lambda device: device == tmp_path.stat().st_dev)
    with pytest.raises(OSError, match="another account can write there"):
        reports.write(str(tmp_path), {"one": b"1"})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["", "below"])
def test_a_folder_that_never_answers_keeps_nobody_waiting(tmp_path: Path, name: str) -> None:
    code = """
import sys
from ansible_collections.wsltune.go.plugins.module_utils.linux import reports
try:
    reports.write(sys.argv[1], {"one": b"1"}, 1.0)
except TimeoutError as error:
    print(error.strerror)
"""
    assert dead_folder.run_beside(tmp_path, code, str(tmp_path / name), limit=30) == "no answer in 1 s\n"
