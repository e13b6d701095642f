# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import files, process

root_only = pytest.mark.skipif(os.getuid() != 0, reason="only root is led astray")
STATE = files.FileState(b"new", 0o640, os.getuid(), os.getgid(), 0)


def test_links_are_followed_to_where_the_file_is(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("x")
    (tmp_path / "link").symlink_to("a/./b/../b")
    (tmp_path / "file").symlink_to(f"{tmp_path}/link/file")
    hands = files.Files()
    assert hands.real(f"{tmp_path}/file") == f"{tmp_path}/a/b/file"
    assert hands.real(f"{tmp_path}/link/missing/file") == f"{tmp_path}/a/b/missing/file"
    hands.put(f"{tmp_path}/file", STATE)
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"new" and (tmp_path / "file").is_symlink()
    hands.remove(f"{tmp_path}/file")
    assert not (tmp_path / "file").exists() and (tmp_path / "a" / "b" / "file").exists()


def test_links_in_a_circle_and_relative_paths_are_errors(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        files.Files().read(f"{tmp_path}/loop/file")
    with pytest.raises(OSError, match="not an absolute path"):
        files.Files().read("file")


def test_a_path_that_no_program_can_be_given_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File name too long"):
        files.Files().make_folders(f"{tmp_path}/{'a/' * (files.PATH_MAX // 2)}")
    with pytest.raises(OSError, match="more folders than"):
        files.Files().make_folders(f"{tmp_path}/{'a/' * files.MOST_FOLDERS}")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("kind", ["folder", "fifo", "sparse"])
def test_what_is_no_file_of_settings_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "env"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.touch()
        os.truncate(path, 900 << 30)
    with pytest.raises(OSError, match=r"not a regular file|larger than") as error:
        files.Files().read(str(path))
    assert error.value.filename == str(path)
    assert files.Files().obstacle(str(path), 1 << 20)


def test_an_error_names_the_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space") as error:
        files.Files().put(f"{tmp_path}/env", STATE)
    assert error.value.filename == f"{tmp_path}/env" and list(tmp_path.iterdir()) == []


def test_folders_are_made_and_only_these_removed(tmp_path: Path) -> None:
    hands = files.Files()
    made = hands.make_folders(f"{tmp_path}/a/b")
    assert made == [f"{tmp_path}/a", f"{tmp_path}/a/b"] and hands.make_folders(f"{tmp_path}/a/b") == []
    (tmp_path / "a" / "theirs").touch()
    hands.remove_folders(made)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["theirs"]


@root_only
@pytest.mark.parametrize("mode", [0o755, 0o777, 0o1777])
def test_root_does_nothing_in_a_folder_of_another(home: Path, mode: int) -> None:
    home.chmod(mode)
    (home / "file").write_text("x")
    for path in (f"{home}/file", f"{home}/new", f"{home}/missing/new"):
        with pytest.raises(files.NotOurs):
            files.Files().put(path, STATE)
    with pytest.raises(files.NotOurs):
        files.Files().remove(f"{home}/file")
    with pytest.raises(files.NotOurs):
        files.Files().keep_beside(f"{home}/file", ".distrib", b"#!", False)
    assert os.listdir(home) == ["file"] and (home / "file").read_text() == "x"


@root_only
def test_root_follows_no_link_that_another_made(home: Path, tmp_path: Path) -> None:
    (home / "link").symlink_to(tmp_path)
    with pytest.raises(files.NotOurs):
        files.Files().put(f"{home}/link/file", STATE)
    assert not (tmp_path / "file").exists()


def test_a_walk_follows_no_link_that_was_a_folder_when_it_was_seen(tmp_path: Path) -> None:
    for name in ("top/theirs", "top/ours/inner", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("elsewhere/secret", "top/theirs/gone", "top/ours/inner/file"):
        (tmp_path / name).write_text("x")
    (tmp_path / "top/link").symlink_to(tmp_path / "elsewhere")
    seen = []
    for path, status in files.walk(str(tmp_path / "top")):
        seen.append((os.path.relpath(path, tmp_path / "top"), stat.S_ISDIR(status.st_mode)))
        if not (tmp_path / "moved").exists():
            (tmp_path / "top/theirs").rename(tmp_path / "moved")
            (tmp_path / "top/theirs").symlink_to(tmp_path / "elsewhere")
    assert {name for name, _is_folder in seen} >= {"theirs", "ours/inner/file", "link"}
    assert not [name for name, _is_folder in seen if "secret" in name or name.startswith(("theirs/", "link/"))]
    assert ("ours/inner", True) in seen and ("link", False) in seen
    kept = [os.path.basename(path) for path, _status in files.walk(str(tmp_path / "top"), lambda name, _status: False)]
    assert sorted(kept) == ["link", "ours", "theirs"]
    with pytest.raises(FileNotFoundError):
        next(files.walk(str(tmp_path / "none")))


@root_only
def test_in_a_sticky_folder_only_what_is_roots_own_is_safe(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    for name, owner in (("ours", 0), ("theirs", 4711)):
        (shared / name).mkdir()
        os.chown(shared / name, owner, owner)
    files.Files().put(f"{shared}/ours/file", STATE)
    for path in (f"{shared}/theirs/file", f"{shared}/new"):
        with pytest.raises(files.NotOurs):
            files.Files().put(path, STATE)


def test_of_a_group_of_a_directory_service_nobody_knows_who_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As SSSD's, which lists no accounts, and of a group not those whose main group it is."""
    names = {1234567: "domain users", 1234568: pwd.getpwuid(os.geteuid()).pw_name}
    true = grp.getgrgid
    monkeypatch.setattr(
        grp, "getgrgid", lambda gid: grp.struct_group((names[gid], "x", gid, [])) if gid in names else true(gid)
    )
    assert files.has_other_members(1234567)
    assert not files.has_other_members(1234568) and not files.has_other_members(0)


@root_only
def test_a_group_with_others_in_it_makes_a_folder_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o775)
    os.chown(shared, 0, 4712)
    with pytest.raises(files.NotOurs):
        files.Files().put(f"{shared}/file", STATE)
    # Such as /usr/local, which is staff's, where nobody is in that group.
    monkeypatch.setattr(files, "has_other_members", lambda _gid: False)
    files.Files().put(f"{shared}/file", STATE)


@root_only
@pytest.mark.parametrize("trick", ["link in the place of the tree", "link in it", "link in its path"])
def test_removing_a_tree_touches_nothing_outside(home: Path, tmp_path: Path, trick: str) -> None:
    victim = tmp_path / "victim"
    (victim / "inner").mkdir(parents=True)
    (victim / "inner" / "file").touch()
    victim.chmod(0o755)
    before = [(path.stat().st_mode, path.stat().st_uid, path.stat().st_mtime_ns) for path in sorted(victim.rglob("*"))]
    tree = home / "tree"
    if trick == "link in the place of the tree":
        tree.symlink_to(victim)
    else:
        (tree / "locked").mkdir(parents=True)
        (tree / "locked" / "link").symlink_to(victim)
        (tree / "locked").chmod(0)
    path = str(tree)
    if trick == "link in its path":
        (home / "cache").symlink_to(victim)
        path = f"{home}/cache/nothing"
    files.remove_tree(path)
    assert [
        (path.stat().st_mode, path.stat().st_uid, path.stat().st_mtime_ns) for path in sorted(victim.rglob("*"))
    ] == before
    assert victim.stat().st_mode & 0o777 == 0o755
    assert os.path.lexists(tree) == (trick == "link in its path")


def test_a_tree_that_is_not_there_leaves_its_parent_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    files.remove_tree(f"{tmp_path}/nothing")
    files.remove_tree(f"{tmp_path}/nothing/at/all")
    assert tmp_path.stat().st_mode & 0o777 == 0o750


def test_an_original_that_was_kept_is_never_overwritten(tmp_path: Path) -> None:
    program = tmp_path / "go"
    for content in (b"one", b"two", b"three"):
        program.unlink(missing_ok=True)
        program.write_bytes(content)
        files.Files().keep_beside(str(program), ".distrib", b"#!", False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "go": b"#!",
        "go.distrib": b"three",
        "go.distrib.1": b"one",
        "go.distrib.2": b"two",
    }


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, None),
        (lambda path: path.symlink_to("nowhere"), "is a link to nothing"),
        (lambda path: path.touch(), "is no folder"),
        (lambda path: path.mkdir() or path.chmod(0o777), "has no sticky bit"),
        (lambda path: path.mkdir(), ""),
    ],
)
def test_a_folder_for_temporary_files(tmp_path: Path, make, says: str | None) -> None:
    make(tmp_path / "tmp")
    found = files.Files().folder_obstacle(f"{tmp_path}/tmp")
    assert says in found if says and found else found == says, found


@root_only
def test_a_file_of_settings_that_the_user_cannot_keep(home: Path, eve: process.Identity) -> None:
    from ansible_collections.wsltune.go.plugins.module_utils.linux import become

    def obstacle(path: str) -> str:
        return str(become.ask(eve, lambda: files.Files().obstacle(path, 1 << 20)))

    assert obstacle(f"{home}/.config/go/env") == ""
    (home / "env").touch()
    assert "belongs to someone else (user id 0)" in obstacle(f"{home}/env")
    (home / "locked").mkdir(0o755)
    assert f"{home}/locked is not writable" in obstacle(f"{home}/locked/go/env")
    (home / "locked").chmod(0o700)
    assert "Permission denied" in obstacle(f"{home}/locked/go/env")


@root_only
def test_a_program_in_a_folder_that_others_can_change_is_not_replaced_by_its_owner(
    home: Path, eve: process.Identity, tmp_path: Path
) -> None:
    from ansible_collections.wsltune.go.plugins.module_utils.linux import become

    def replace(path: str) -> None:
        become.ask(eve, lambda: files.Files().keep_beside(path, ".distrib", b"#!", False))

    (home / "bin").mkdir()
    for path in (home / "bin", home / "bin" / "go"):
        path.touch()
        os.chown(path, eve.uid, eve.gid)
    (home / "profile").write_text("hers")
    (home / "bin").chmod(0o777)
    with pytest.raises(OSError, match="another account can write there"):
        replace(f"{home}/bin/go")
    (home / "bin").chmod(0o755)
    (home / "bin" / "go").unlink()
    (home / "bin" / "go").symlink_to(home / "profile")
    with pytest.raises(OSError, match="not a regular file"):
        replace(f"{home}/bin/go")
    assert (home / "profile").read_text() == "hers" and not (home / "profile.distrib").exists()


@root_only
def test_an_access_control_list_makes_a_folder_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o775)
    files.Files().put(f"{shared}/file", STATE)
    monkeypatch.setattr(files, "has_acl", lambda path: os.path.realpath(path) == str(shared))
    with pytest.raises(files.NotOurs):
        files.Files().put(f"{shared}/file", STATE)


def test_a_path_of_two_hundred_folders_is_walked(tmp_path: Path) -> None:
    path = f"{tmp_path}{'/a' * 200}/env"
    assert files.Files().real(path) == path


def test_what_another_program_appends_while_the_file_is_replaced_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fstab"
    path.write_text("old\n")
    replace = os.replace

    def late(*names: str, **folders: int) -> None:
        with path.open("a") as opened_before:
            replace(*names, **folders)
            opened_before.write("# another program\n")

    monkeypatch.setattr(files.os, "replace", late)
    state = files.FileState(b"new\n", 0o644, os.geteuid(), os.getegid(), 0)
    files.Files().put(str(path), state, was=b"old\n")
    assert path.read_text() == "new\n# another program\n"
    files.Files().put(str(path), state, was=path.read_bytes())
    assert path.read_text() == "new\n# another program\n"
    monkeypatch.undo()
    with pytest.raises(files.ChangedMeanwhile):
        files.Files().put(str(path), state, was=b"old\n")


TABLE = """\
20 1 0:30 / / rw - overlay overlay rw
21 20 0:{fuse} / {place} rw,nosuid shared:4 master:1 - fuse.drive eve rw,user_id={uid},group_id=0,allow_other
22 20 0:77 / /proc rw - proc proc rw
"""


@root_only
@pytest.mark.parametrize("name", ["mounted", "mounted\f0\f-\fext4\fdisk\frw"], ids=["plain", "like a disk"])
@pytest.mark.parametrize(("uid", "ours"), [(4711, False), (0, True)])
def test_a_file_system_of_another_account_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, ours: bool, name: str
) -> None:
    """Eve's program says that each of its folders is root's, and it lies where only the owner may rename."""
    place = tmp_path / name
    place.mkdir()
    tmp_path.chmod(0o1777)
    table = tmp_path / "mountinfo"
    table.write_text(TABLE.format(fuse=7, place=place, uid=uid))
    monkeypatch.setattr(files, "MOUNTINFO", str(table))
    true = os.stat

    def of_eves(path: object, **words: object) -> os.stat_result:
        status = true(path, **words)  # type: ignore[call-overload]
        inode = true(place).st_ino
        return os.stat_result([*status[:2], os.makedev(0, 7), *status[3:]]) if status.st_ino == inode else status

    monkeypatch.setattr(os, "stat", of_eves)
    if ours:
        files.check(f"{place}/file")
    else:
        with pytest.raises(files.NotOurs) as error:
            files.check(f"{place}/file")
        assert error.value.filename == str(tmp_path)
    folder = of_eves(place)
    assert files.is_ours_alone(folder) == ours
    monkeypatch.setattr(os, "fstat", of_eves)
    assert files.owner_of(str(place)) == uid
    assert not files.is_of_another(true("/").st_dev) and not files.is_of_another(os.makedev(0, 77))


@root_only
def test_a_folder_of_roots_own_in_one_of_others(tmp_path: Path, home: Path, eve: process.Identity) -> None:
    """As /var/log of a distribution whose logger may write there."""
    own = home / "own"
    own.mkdir()
    with pytest.raises(files.NotOurs):
        files.Files().put(f"{own}/file", STATE)
    files.Files().put_in_own(f"{own}/file", STATE)
    assert (own / "file").read_bytes() == b"new"
    (tmp_path / "etc").mkdir()
    own.rename(home / "moved")
    (home / "own").symlink_to(tmp_path / "etc")
    with pytest.raises(NotADirectoryError):
        files.Files().put_in_own(f"{own}/file", STATE)
    (home / "own").unlink()
    own.mkdir()
    os.chown(own, eve.uid, eve.gid)
    with pytest.raises(files.NotOurs):
        files.Files().put_in_own(f"{own}/file", STATE)
    assert list((tmp_path / "etc").iterdir()) == []


@root_only
def test_whose_a_folder_is_no_link_of_another_account_says(tmp_path: Path, home: Path, eve: process.Identity) -> None:
    (tmp_path / "link").symlink_to(home)
    assert files.owner_of(f"{tmp_path}/link") == eve.uid
    (home / "link").symlink_to(tmp_path)
    with pytest.raises(NotADirectoryError):
        files.owner_of(f"{home}/link")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_a_folder_that_another_account_can_lead_elsewhere_is_none_for_temporary_files(tmp_path: Path) -> None:
    hers, fine, shared = tmp_path / "hers", tmp_path / "fine", tmp_path / "shared"
    for folder in (hers, fine, shared):
        folder.mkdir()
    (hers / "root").symlink_to(fine)
    os.chown(hers, 12345, 12345)
    os.chown(shared, 0, 12345)
    shared.chmod(0o775)
    hands = files.Files()
    assert hands.folder_obstacle(str(fine)) == ""
    assert f"another account, which can write in {hers}" in str(hands.folder_obstacle(str(hers / "root")))
    assert "can be written by other accounts" in str(hands.folder_obstacle(str(shared)))
    shared.chmod(0o1775)
    assert hands.folder_obstacle(str(shared)) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_program_that_another_account_can_change_or_replace_is_none_for_root(tmp_path: Path) -> None:
    hers, mine = tmp_path / "hers", tmp_path / "mine"
    for folder in (hers, mine):
        folder.mkdir()
        (folder / "program").touch(mode=0o755)
    os.chown(hers, 12345, 12345)
    (mine / "link").symlink_to(hers / "program")
    (mine / "given").touch(mode=0o755)
    os.chown(mine / "given", 12345, 12345)
    (mine / "open").touch()
    (mine / "open").chmod(0o777)
    hands = files.Files()
    for fine in ([f"{mine}/program", "-x", "/dev/..", "a=b", "-X=a/tmp"], ["garble"], [f"{mine}/missing/program"]):
        assert hands.program_obstacle(fine) == ""
    for bad in (
        f"{hers}/program",
        f"{hers}/missing",
        f"{mine}/link",
        f"-config={hers}/program",
        f"-B{hers}",
        f"-Wl,@{hers}/x",
    ):
        reason = hands.program_obstacle([f"{mine}/program", bad])
        assert "can be given or replaced by another account" in reason or "can be written by other accounts" in reason
        assert str(hers) in reason
    assert hands.program_obstacle([f"{mine}/given"]) == f"{mine}/given can be written by other accounts"
    assert hands.program_obstacle([f"{mine}/open"]) == f"{mine}/open can be written by other accounts"


def test_for_others_than_root_a_folder_to_share_is_none_of_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "program").touch(mode=0o755)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    if os.geteuid() == 0:
        os.chown(tmp_path / "program", 12345, 12345)
        os.chown(tmp_path, 12345, 12345)
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    hands = files.Files()
    assert hands.program_obstacle([f"{tmp_path}/program", f"-dir={tmp_path}/shared/new"]) == ""
    (tmp_path / "program").chmod(0o757)
    assert hands.program_obstacle([f"{tmp_path}/program"]) == f"{tmp_path}/program can be written by another account"


def test_a_tree_is_removed_however_deep_it_is(tmp_path: Path) -> None:
    top = tmp_path / "deep"
    top.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/kept").touch()
    for branch in ("one", "two"):
        at = os.open(top, os.O_RDONLY)
        for name in (branch, *"d" * 1500):
            os.mkdir(name, dir_fd=at)
            os.symlink(tmp_path / "outside", "link", dir_fd=at)
            at, above = os.open(name, os.O_RDONLY, dir_fd=at), at
            os.close(above)
            os.chmod(f"/proc/self/fd/{at}", 0o755)
        os.close(at)
        os.unlink(top / "link")
    files.remove_tree(str(top))
    assert not top.exists() and (tmp_path / "outside/kept").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_folders_of_ones_own_are_made_where_nobody_can_replace_them(
    tmp_path: Path, home: Path, eve: process.Identity
) -> None:
    sticky = tmp_path / "sticky"
    sticky.mkdir()
    sticky.chmod(0o1777)
    files.make_own_folders(str(sticky / "a" / "b"))
    files.make_own_folders(str(sticky / "a" / "b"))
    assert {(sticky / name).stat().st_mode & 0o777 for name in ("a", "a/b")} == {0o700}
    (sticky / "eves").mkdir()
    os.chown(sticky / "eves", eve.uid, eve.gid)
    (home / "link").symlink_to(sticky)
    for path in (sticky / "eves", sticky / "eves" / "new", home / "new", home / "link" / "new"):
        with pytest.raises(files.NotOurs):
            files.make_own_folders(str(path))
    assert sorted(path.name for path in sticky.rglob("*")) == ["a", "b", "eves"] and not (home / "new").exists()


@root_only
def test_root_makes_folders_in_one_with_the_sticky_bit_and_goes_by_none_of_another(
    tmp_path: Path, eve: process.Identity
) -> None:
    """The /run of podman is such a folder."""
    (tmp_path / "eves").mkdir()
    os.chown(tmp_path / "eves", eve.uid, eve.gid)
    tmp_path.chmod(0o1777)
    assert files.Files().make_folders(str(tmp_path / "a")) == [str(tmp_path / "a")]
    files.Files().put(str(tmp_path / "b" / "file"), STATE)
    for make in (files.Files().make_folders, lambda path: files.Files().put(path, STATE)):
        with pytest.raises(files.NotOurs):
            make(str(tmp_path / "eves" / "new"))
    with pytest.raises(files.NotOurs):
        files.Files().make_folders(str(tmp_path / "eves"))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "eves", "file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="what another account makes for itself is as closed as it likes")
@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_folder_that_root_makes_is_for_all_users_whatever_the_umask_is(tmp_path: Path, umask: int) -> None:
    """A program for every user's Go lies in one, and sudo keeps a umask of 077."""
    before = os.umask(umask)
    try:
        files.Files().put(str(tmp_path / "a" / "b" / "file"), files.FileState.own(b"", 0o755))
        files.Files().make_folders(str(tmp_path / "c" / "d"))
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b", "c", "c/d")] == [0o755] * 4
