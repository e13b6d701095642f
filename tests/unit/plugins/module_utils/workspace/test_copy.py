# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import pwd
import socket
import struct
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, mountinfo, process
from ansible_collections.wsltune.go.plugins.module_utils.workspace import copy as workspace_copy
from ansible_collections.wsltune.go.plugins.module_utils.workspace import plan as workspace_plan
from ansible_collections.wsltune.go.plugins.module_utils.workspace.places import WorkspaceError
from ansible_collections.wsltune.go.plugins.module_utils.workspace.plan import Project

ROOT = mountinfo.Mount("/", "/", "ext4", "/dev/sdc", mount_id=1)
root_only = pytest.mark.skipif(os.getuid() != 0, reason="only root can become someone else")


def windows_drive(path: Path) -> list[mountinfo.Mount]:
    return [ROOT, mountinfo.Mount(str(path), "/", "9p", "C:\\", windows_drive=True, mount_id=2, parent_id=1)]


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> workspace_copy.Person:
    """Whoever runs this, with a Windows drive."""
    (tmp_path / "home").mkdir()
    environment = {"PATH": os.defpath, "HOME": str(tmp_path / "home"), "GIT_CONFIG_NOSYSTEM": "1"}
    account = accounts.find([pwd.getpwuid(os.getuid()).pw_name])[0]
    person = workspace_copy.Person(account, environment, windows_drive(tmp_path / "drive"))
    monkeypatch.setattr(person, "go", lambda: None)
    return person


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]
    clean = {"PATH": os.defpath, "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", "--no-optional-locks", *identity, *words],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def put(path: Path, text: str, mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one of everything that Git knows, and some that it does not."""
    library = tmp_path / "drive" / "library"
    library.mkdir(parents=True)
    git(library, "init", "-q", "-b", "main")
    put(library / "lib.txt", "library\n")
    git(library, "add", ".")
    git(library, "commit", "-qm", "library")

    here = tmp_path / "drive" / "shop"
    here.mkdir()
    git(here, "init", "-q", "-b", "main")
    put(here / "a.txt", "one\n")
    put(here / "run.sh", "#!/bin/sh\n", 0o755)
    put(here / ".gitignore", "build/\n*.o\n")
    put(here / "deep" / "b.txt", "deep\n")
    (here / "link").symlink_to("a.txt")
    git(here, "add", ".")
    git(here, "commit", "-qm", "one")
    git(here, "submodule", "--quiet", "add", str(library), "vendored/library")
    git(here, "commit", "-qm", "submodule")
    git(here, "branch", "side")
    git(here, "tag", "-a", "v1", "-m", "one")
    git(here, "remote", "add", "origin", "https://example.com/shop.git")
    git(here, "config", "shop.colour", "green")
    put(here / ".git" / "hooks" / "pre-commit", "#!/bin/sh\nexit 0\n", 0o755)
    put(here / "a.txt", "stashed\n")
    git(here, "stash", "-q")
    git(here, "worktree", "add", "-q", str(tmp_path / "drive" / "shop-side"), "side")
    git(here, "worktree", "add", "-q", "-b", "inner", "inner")
    put(tmp_path / "drive" / "shop-side" / "a.txt", "changed in the worktree\n")
    put(here / "a.txt", "not committed\n")
    put(here / "staged.txt", "staged\n")
    git(here, "add", "staged.txt")
    put(here / "untracked.txt", "untracked\n")
    put(here / "vendored" / "library" / "lib.txt", "changed in the submodule\n")
    put(here / "build" / "big.bin", "ignored\n")
    put(here / "deep" / "x.o", "ignored\n")
    (here / "empty").mkdir()
    os.utime(here / "a.txt", ns=(10**18, 10**18 + 123456789))
    return here


def project(source: Path, target: Path, **more: Any) -> Project:
    return Project(str(source), str(target), pwd.getpwuid(os.getuid()).pw_name, **more)


def copied(person: workspace_copy.Person, wanted: Project) -> workspace_copy.Copy:
    copy = workspace_copy.Copy(wanted, person)
    copy.scan()
    copy.check_room()
    copy.make()
    return copy


def everything(folder: Path) -> dict[str, tuple]:
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_mtime_ns, content)
    return found


def said(folder: Path) -> dict[str, str]:
    return {
        "references": git(folder, "for-each-ref"),
        "reflog": git(folder, "reflog", "--all"),
        "status": git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=all"),
        "stash": git(folder, "stash", "show", "-p"),
        "remote": git(folder, "remote", "-v"),
        "config": git(folder, "config", "--local", "--list"),
        "submodules": git(folder, "submodule", "status"),
    }


def test_everything_that_git_knows_comes_along(person: workspace_copy.Person, repository: Path, tmp_path: Path) -> None:
    side = tmp_path / "drive" / "shop-side"
    before, side_before = everything(repository), everything(side)
    target = tmp_path / "home" / "src" / "shop"
    copy = copied(person, project(repository, target))
    assert everything(repository) == before and everything(side) == side_before
    assert said(target) == said(repository)
    assert (target / ".git/hooks/pre-commit").stat().st_mode & 0o777 == 0o755
    assert (target / "untracked.txt").read_text() == "untracked\n"
    assert (target / "a.txt").stat().st_mtime_ns == 10**18 + 123456789
    assert os.readlink(target / "link") == "a.txt" and (target / "empty").is_dir()
    assert not (target / "build").exists() and not (target / "deep/x.o").exists()
    # The library, the project, the worktree inside and the one outside.
    assert copy.proof["repositories"] == 4
    worktrees = tmp_path / "home/src/shop-worktrees"
    listed = git(target, "worktree", "list", "--porcelain")
    assert {line.split()[1] for line in listed.splitlines() if line.startswith("worktree ")} == {
        str(target),
        str(target / "inner"),
        str(worktrees / "shop-side"),
    }
    assert git(worktrees / "shop-side", "status", "--porcelain") == " M a.txt\n"
    assert git(worktrees / "shop-side", "rev-parse", "--git-common-dir").strip() == str(target / ".git")
    # What is done in the copy stays in the copy.
    git(target, "worktree", "remove", "--force", str(worktrees / "shop-side"))
    git(target / "vendored/library", "checkout", "-q", ".")
    assert everything(side) == side_before and everything(repository) == before
    assert not (tmp_path / "home/src/.shop.wsltune-new").exists()


def test_ignored_files_come_along_when_asked(person: workspace_copy.Person, repository: Path, tmp_path: Path) -> None:
    target = tmp_path / "home" / "shop"
    copied(person, project(repository, target, ignored=True))
    assert (target / "build/big.bin").exists() and (target / "deep/x.o").exists()


def everything_executable(folder: Path) -> None:
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o777)


@pytest.mark.parametrize("file_mode", ["false", "true"])
def test_a_drive_without_modes_gives_modes_by_the_index_and_the_same_status(
    person: workspace_copy.Person, tmp_path: Path, file_mode: str
) -> None:
    here = tmp_path / "drive" / "p"
    here.mkdir(parents=True)
    git(here, "init", "-q")
    put(here / "plain.txt", "x")
    put(here / "tool", "no shebang", 0o755)
    git(here, "add", ".")
    git(here, "commit", "-qm", "x")
    put(here / "new.sh", "#!/bin/sh\n")
    put(here / "new.txt", "x")
    everything_executable(here)
    git(here, "config", "core.fileMode", file_mode)
    before = git(here, "status", "--porcelain")
    target = tmp_path / "home" / "p"
    copied(person, project(here, target))
    assert git(target, "status", "--porcelain") == before
    assert (" M plain.txt" in before) == (file_mode == "true")
    modes = {name: (target / name).stat().st_mode & 0o777 for name in ("plain.txt", "tool", "new.sh", "new.txt")}
    assert modes == {
        "plain.txt": 0o755 if file_mode == "true" else 0o644,
        "tool": 0o755,
        "new.sh": 0o755,
        "new.txt": 0o644,
    }
    assert (target / ".git/config").stat().st_mode & 0o777 == 0o644


def test_line_ends_that_git_converts_show_the_same_status(person: workspace_copy.Person, tmp_path: Path) -> None:
    here = tmp_path / "drive" / "p"
    here.mkdir(parents=True)
    git(here, "init", "-q")
    put(here / ".gitattributes", "*.txt text eol=crlf\n")
    put(here / "a.txt", "one\r\ntwo\r\n")
    git(here, "add", ".")
    git(here, "commit", "-qm", "x")
    put(here / "b.txt", "one\ntwo\r\n")
    target = tmp_path / "home" / "p"
    copied(person, project(here, target))
    assert git(target, "status", "--porcelain") == git(here, "status", "--porcelain") == "?? b.txt\n"
    assert (target / "a.txt").read_bytes() == b"one\r\ntwo\r\n"


def test_a_folder_without_git_keeps_modes_and_times(person: workspace_copy.Person, tmp_path: Path) -> None:
    here = tmp_path / "drive" / "plain"
    put(here / "a" / "secret", "x", 0o600)
    put(here / "b", "x", 0o640)
    (here / "a").chmod(0o750)
    for path in (here / "a" / "secret", here / "a", here):
        os.utime(path, ns=(10**18, 10**18))
    target = tmp_path / "home" / "plain"
    copied(person, project(here, target))
    assert everything(target) == everything(here)
    assert target.stat().st_mtime_ns == 10**18


Spoil = Callable[[Path, Path], None]


def test_go_is_told_to_ask_no_git_and_to_leave_go_mod(
    person: workspace_copy.Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "drive" / "shop"
    put(source / "go.mod", "module shop\n")
    script = f'[ "$1" != env ] || exec echo -v -mod=mod\necho "$GOFLAGS" "$*" >> {tmp_path}/said\n'
    go = put(tmp_path / "go", f"#!/bin/sh\n{script}", 0o755)
    monkeypatch.setattr(person, "go", lambda: str(go))
    copied(person, project(source, tmp_path / "home" / "shop", tests=True))
    asked = (tmp_path / "said").read_text().splitlines()
    # Root's Go says of each what it would build from, too.
    assert len(asked) == (4 if os.geteuid() else 6) and all("-buildvcs=false" in words.split() for words in asked)
    assert all(words.startswith("-v -mod=readonly ") for words in asked)


@root_only
@pytest.mark.parametrize(("path", "lib"), [("../lib", "drive/lib"), ("../../lib", "home/lib")])
def test_root_tests_no_project_that_names_code_of_others(
    person: workspace_copy.Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, lib: str
) -> None:
    """As in a repository of several modules, by `replace`, which leads elsewhere from the copy."""
    source = tmp_path / "drive" / "shop"
    put(source / "go.mod", f"module shop\n\nreplace example.com/lib => {path}\n")
    put(tmp_path / lib / "go.mod", "module lib\n")
    os.chown(tmp_path / lib, 4711, 4711)
    go = put(tmp_path / "go", f'#!/bin/sh\necho "$1" >> {tmp_path}/said\n', 0o755)
    monkeypatch.setattr(person, "go", lambda: str(go))
    with pytest.raises(WorkspaceError, match=r"lib can be changed by other accounts.*\(user\)"):
        copied(person, project(source, tmp_path / "home" / "shop", tests=True))
    assert "test" not in (tmp_path / "said").read_text().split()


@root_only
def test_root_tests_no_project_that_go_says_is_built_from_others(
    person: workspace_copy.Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, lib = tmp_path / "drive" / "shop", tmp_path / "lib"
    put(source / "go.mod", "module shop\n")
    put(lib / "lib.go", "package lib\n")
    os.chown(lib, 4711, 4711)
    said = tmp_path / "said"
    listed = f"[ $2 = -e ] && printf 'example.com/lib\\t{lib}\\texample.com/lib\\t{lib}\\n'"
    go = put(tmp_path / "go", f'#!/bin/sh\necho "$1 $PWD" >> {said}\n{listed}\nexit 0\n', 0o755)
    monkeypatch.setattr(person, "go", lambda: str(go))
    with pytest.raises(WorkspaceError, match=r"lib can be changed by other accounts.*\(user\)"):
        copied(person, project(source, tmp_path / "home" / "shop", tests=True))
    assert "test" not in said.read_text().split()


def change(source: Path, target: Path) -> None:
    put(source / "a.txt", "changed meanwhile, and longer\n")


def add(source: Path, target: Path) -> None:
    put(source / "new.txt", "new\n")


def spoil_copy(source: Path, target: Path) -> None:
    (target / "deep/b.txt").write_text("spoiled\n")


def spoil_reference(source: Path, target: Path) -> None:
    # Among the rewritten files, which are not compared byte by byte.
    put(target / "inner" / ".git", f"gitdir: {target}/.git\n")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (change, "a.txt changed while it was copied"),
        (add, "new.txt changed while it was copied"),
        (spoil_copy, "deep/b.txt is not what was copied"),
        (spoil_reference, "of the copy of"),
    ],
)
def test_a_copy_that_is_not_the_same_does_not_count(
    person: workspace_copy.Person,
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Spoil,
    sentence: str,
) -> None:
    wanted = project(repository, tmp_path / "home" / "src" / "shop")
    verify = workspace_copy.Copy.verify

    def verify_spoiled(copy: workspace_copy.Copy, digests: list[dict[str, str]]) -> None:
        spoil(repository, Path(wanted.stage) / "shop")
        verify(copy, digests)

    monkeypatch.setattr(workspace_copy.Copy, "verify", verify_spoiled)
    with pytest.raises(WorkspaceError, match=sentence):
        copied(person, wanted)
    assert not (tmp_path / "home" / "src").exists()


def test_a_repository_that_git_finds_damaged_is_refused(
    person: workspace_copy.Person, repository: Path, tmp_path: Path
) -> None:
    blob = git(repository, "rev-parse", "v1:deep/b.txt").strip()
    loose = repository / ".git/objects" / blob[:2] / blob[2:]
    loose.chmod(0o644)
    loose.write_bytes(b"damaged")
    with pytest.raises(WorkspaceError, match=r"(git fsck finds .* damaged|fix the repository first)"):
        copied(person, project(repository, tmp_path / "home" / "shop"))
    assert not (tmp_path / "home" / "shop").exists()


def test_a_commit_of_an_odd_form_is_no_damage(person: workspace_copy.Person, repository: Path, tmp_path: Path) -> None:
    """Such as one that a converter of the last century's history wrote."""
    tree = git(repository, "rev-parse", "HEAD^{tree}").strip()
    put(
        tmp_path / "commit",
        f"tree {tree}\nauthor Ann <a@b> 946684800 +051800\ncommitter Ann a@b> 946684800 +0000\n\nold\n",
    )
    words = ("hash-object", "-t", "commit", "-w", "--literally", str(tmp_path / "commit"))
    git(repository, "update-ref", "refs/heads/old", git(repository, *words).strip())
    copy = copied(person, project(repository, tmp_path / "home" / "shop"))
    assert [note for note in copy.notes if "git fsck does not like the form of some commits" in note]


def test_what_cannot_be_copied_is_told_before_anything_is_touched(
    person: workspace_copy.Person, repository: Path, tmp_path: Path
) -> None:
    def scan(source: Path) -> workspace_copy.Copy:
        copy = workspace_copy.Copy(project(source, tmp_path / "home" / "x"), person)
        copy.scan()
        return copy

    with pytest.raises(WorkspaceError, match="is a linked worktree or a submodule"):
        scan(tmp_path / "drive" / "shop-side")
    put(repository / ".git/index.lock", "")
    with pytest.raises(WorkspaceError, match=r"is in use: \.git/index\.lock"):
        scan(repository)
    (repository / ".git/index.lock").unlink()
    here = tmp_path / "drive" / "plain"
    put(here / "a", "x")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(here / "socket"))
        assert scan(here).notes == [f"{here}/socket is no file and was not copied"]
    assert not (tmp_path / "home" / "x").exists()


def test_a_run_that_was_killed_is_finished_by_the_next(
    person: workspace_copy.Person, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after each step that another process could see: what is there then is told apart and finished."""
    wanted = project(repository, tmp_path / "home" / "src" / "shop")

    # What is compared has its own tests; here it would take a minute.
    monkeypatch.setattr(workspace_copy.Copy, "verify", lambda copy, digests: None)
    monkeypatch.setattr(os, "sync", lambda: None)

    class Killed(BaseException):
        pass

    steps = 0
    for name in ("mkdir", "setxattr", "symlink", "utime", "chmod", "rename", "removexattr", "rmdir"):
        for count in range(1, 400, 37 if name in ("utime", "chmod", "mkdir") else 1):
            with monkeypatch.context() as patch:
                real, left = getattr(os, name), [count]

                def kill(*words: Any, real: Any = real, left: list[int] = left, **more: Any) -> Any:
                    left[0] -= 1
                    if left[0] == 0:
                        raise Killed
                    return real(*words, **more)

                patch.setattr(os, name, kill)
                # A killed process does not tidy up.
                patch.setattr(workspace_copy.Copy, "clear", lambda copy: (_ for _ in ()).throw(OSError()))
                copy = workspace_copy.Copy(wanted, person)
                copy.scan()
                try:
                    copy.make()
                except Killed:
                    steps += 1
                else:
                    left[0] = 1
            killed = left[0] <= 0
            if not workspace_copy.is_copied(wanted):
                assert not os.path.lexists(wanted.target)
                workspace_copy.clear(wanted)
                parent = os.path.dirname(wanted.target)
                assert not os.path.isdir(parent) or os.listdir(parent) == []
                copied(person, wanted)
            workspace_copy.settle(wanted)
            assert sorted(os.listdir(os.path.dirname(wanted.target))) == ["shop", "shop-worktrees"]
            assert workspace_copy.leftovers(wanted) == []
            subprocess.run(["rm", "-rf", str(tmp_path / "home" / "src")], check=True)
            if not killed:
                break
    assert steps >= 15


def test_folders_without_our_mark_are_never_removed(person: workspace_copy.Person, tmp_path: Path) -> None:
    wanted = project(tmp_path / "a", tmp_path / "b")
    put(Path(wanted.stage) / "theirs", "x")
    put(Path(wanted.worktrees) / "theirs", "x")
    assert workspace_copy.clear(wanted) == []
    assert (Path(wanted.stage) / "theirs").exists() and not workspace_copy.is_copied(wanted)


def test_too_little_room(person: workspace_copy.Person, repository: Path, tmp_path: Path) -> None:
    copy = workspace_copy.Copy(project(repository, tmp_path / "home" / "shop"), person)
    copy.scan()
    tree = copy.trees[0][0]
    tree.items["huge"] = workspace_copy.Item("f", 0o644, 1 << 60, 0)
    with pytest.raises(WorkspaceError, match=r"needs \d+ MiB on the disk of .*, which has room for \d+ MiB"):
        copy.check_room()


def test_marks_name_their_source() -> None:
    wanted = Project("/mnt/c/a", "/home/a/a", "a")
    assert workspace_plan.marked_source(workspace_plan.mark(wanted, "1")) == "/mnt/c/a"
    assert workspace_plan.marked_source(b"unfinished") is None and workspace_plan.marked_source(b"{}") is None


DEV = process.Identity(4712, 4712, [4712])
FILTER = """[core]
\trepositoryformatversion = 0
\tbare = false
[filter "evil"]
\tclean = "id > {stolen}; cat"
"""


def own(folder: Path, uid: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)


@pytest.fixture
def shop(tmp_path: Path, home: Path) -> Path:
    """Dev's project in which eve has a repository of her own that has Git run a program, as in a team's folder."""
    own(home, DEV.uid)
    here = tmp_path / "drive" / "shop"
    here.mkdir(parents=True)
    git(here, "init", "-q", "-b", "main")
    put(here / "lib" / "f", "one\n")
    lib = here / "lib"
    git(lib, "init", "-q")
    git(lib, "add", "f")
    git(lib, "commit", "-qm", "x")
    # Dev has it as a submodule, of which Git looks at no owner.
    git(here, "add", "lib")
    put(here / "a.txt", "x")
    git(here, "add", "a.txt")
    git(here, "commit", "-qm", "x")
    put(lib / ".git" / "config", FILTER.format(stolen=f"{tmp_path}/stolen/by-eve"))
    put(lib / ".git" / "info" / "attributes", "* filter=evil\n")
    put(lib / "f", "two\n")
    own(here, DEV.uid)
    own(lib, 4711)
    (tmp_path / "stolen").mkdir()
    (tmp_path / "stolen").chmod(0o777)
    return here


def courier(home: Path, mounts: list[mountinfo.Mount], **replaced: Any) -> become.Hands:
    def make() -> workspace_copy.Courier:
        for name, value in replaced.items():
            setattr(workspace_copy.Person, name, value)
        account = accounts.Account("dev", DEV.uid, DEV.gid, str(home), "/bin/sh")
        return workspace_copy.Courier(account, mounts)

    return become.Hands(DEV, make, [WorkspaceError])


def sent(hands: become.Hands, home: Path, source: Path) -> dict[str, Any]:
    told = {"source": str(source), "target": f"{home}/src/shop", "user": "dev"}
    environment = {"PATH": os.defpath, "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}
    with hands:
        hands.call("scan", told, environment, limit=60)
        made: dict[str, Any] = hands.call("make", str(source), limit=60)
        assert hands.call("is_copied", told) is True and hands.call("tidy", told, False) == []
    return made


@root_only
def test_a_repository_of_another_account_runs_nothing(shop: Path, home: Path, tmp_path: Path) -> None:
    made = sent(courier(home, [ROOT]), home, shop)
    assert list((tmp_path / "stolen").iterdir()) == []
    assert made["proof"]["repositories"] == 1
    (note,) = made["notes"]
    assert f"Git does not trust {shop}/lib (it belongs to another account)" in note
    assert (home / "src/shop/lib/f").read_text() == "two\n"
    assert {path.lstat().st_uid for path in (home / "src").rglob("*")} == {DEV.uid}


@root_only
def test_a_user_who_trusts_every_repository_runs_nothing_of_others(shop: Path, home: Path, tmp_path: Path) -> None:
    """As many a guide says where a team shares a folder; whoever can write in it can put a .git of theirs there."""
    put(home / ".gitconfig", "[safe]\n\tdirectory = *\n")
    own(home / ".gitconfig", DEV.uid)
    made = sent(courier(home, [ROOT]), home, shop)
    assert list((tmp_path / "stolen").iterdir()) == []
    (note,) = made["notes"]
    assert f"Git does not trust {shop}/lib (it belongs to another account)" in note


@root_only
def test_a_repository_that_others_can_configure_is_not_asked(shop: Path, home: Path, tmp_path: Path) -> None:
    config, foreign = shop / ".git" / "config", shop / "lib" / ".git" / "config"
    put(config, config.read_text() + foreign.read_text())
    # As `git init --shared` makes it, for a group with eve in it.
    config.chmod(0o666)
    put(shop / ".git" / "info" / "attributes", "* filter=evil\n")
    made = sent(courier(home, [ROOT]), home, shop)
    assert list((tmp_path / "stolen").iterdir()) == [] and "repositories" not in made["proof"]
    assert any(note.startswith(f"Git cannot read {shop}/") for note in made["notes"]), made["notes"]


@root_only
@pytest.mark.parametrize("there", [True, False])
def test_settings_that_others_can_change_are_not_included(shop: Path, home: Path, tmp_path: Path, there: bool) -> None:
    """As `git config include.path ../.gitconfig` has it, in a folder that the team may write."""
    config = shop / ".git" / "config"
    put(config, config.read_text() + '[includeIf "gitdir:/"]\n\tpath = "../.gitconfig" # of all\n')
    if there:
        put(
            shop / ".gitconfig",
            (shop / "lib" / ".git" / "config").read_text().partition("[filter")[2].join(["[filter", ""]),
        )
        put(shop / ".gitattributes", "* filter=evil\n")
    put(shop / "a.txt", "y")
    own(shop, DEV.uid)
    own(shop / "lib", 4711)
    shop.chmod(0o777)
    made = sent(courier(home, [ROOT]), home, shop)
    assert list((tmp_path / "stolen").iterdir()) == [] and "repositories" not in made["proof"]


@root_only
@pytest.mark.parametrize("name", [".git", ".git/x"], ids=["nothing", "no repository"])
def test_a_folder_that_others_make_a_repository_of_runs_nothing(
    shop: Path, home: Path, tmp_path: Path, name: str
) -> None:
    """Git takes a folder for a repository by itself where its .git is none, and looks at the folder's owner alone."""
    lib = shop / "lib"
    for entry in (lib / ".git").iterdir():
        entry.rename(lib / entry.name)
    if name != ".git":
        put(lib / name, "")
    config = (lib / "config").read_text()
    put(lib / "config", config.replace("bare = false", f"bare = false\n\tworktree = {lib}"))
    own(lib, 4711)
    os.chown(lib, DEV.uid, DEV.gid)
    lib.chmod(0o777)
    made = sent(courier(home, [ROOT]), home, shop)
    assert list((tmp_path / "stolen").iterdir()) == [] and made["proof"]["repositories"] == 1


@root_only
def test_a_trust_in_every_repository_would_run_it(shop: Path, home: Path, tmp_path: Path) -> None:
    everyone = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    sent(courier(home, [ROOT], trust=lambda _person, _folder: everyone), home, shop)
    assert f"uid={DEV.uid}" in (tmp_path / "stolen" / "by-eve").read_text()


@root_only
def test_of_a_submodule_git_looks_at_no_owner_but_is_not_led_there(shop: Path, home: Path, tmp_path: Path) -> None:
    def status(how: str) -> None:
        person = workspace_copy.Person(
            accounts.Account("dev", DEV.uid, DEV.gid, str(home), "/bin/sh"),
            {"PATH": os.defpath, "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"},
            [ROOT],
        )
        person.ask_git(str(shop), "status", "--porcelain=v2", f"--ignore-submodules={how}")

    become.ask(DEV, lambda: status("dirty"))
    assert list((tmp_path / "stolen").iterdir()) == []
    become.ask(DEV, lambda: status("none"))
    assert (tmp_path / "stolen" / "by-eve").exists()


@root_only
def test_root_copies_by_no_git_of_a_folder_of_path_that_others_write_in(tmp_path: Path) -> None:
    put(tmp_path / "team/git", f"#!/bin/sh\ntouch {tmp_path}/started\n", 0o755)
    (tmp_path / "team").chmod(0o777)
    environment = {"PATH": f"{tmp_path}/team:{os.defpath}", "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    person = workspace_copy.Person(accounts.find(["root"])[0], environment, [ROOT])
    git(tmp_path, "init", "-q", "shop")
    assert person.git(str(tmp_path / "shop"), "rev-parse", "--git-dir").out == ".git\n"
    assert not (tmp_path / "started").exists()


@root_only
def test_on_a_windows_drive_the_owner_that_it_shows_says_nothing(shop: Path, home: Path, tmp_path: Path) -> None:
    made = sent(courier(home, windows_drive(tmp_path / "drive")), home, shop)
    assert made["proof"]["repositories"] == 2 and made["notes"] == []


@root_only
@pytest.mark.parametrize("where", ["shop", "shop/.git", "shop/lib", "shop/lib/f", "."])
def test_root_does_not_use_what_another_account_can_change(
    person: workspace_copy.Person, tmp_path: Path, where: str
) -> None:
    here = tmp_path / "team" / "shop"
    put(here / "lib" / "f", "x")
    git(here, "init", "-q")
    person.mounts = [ROOT]
    wanted = project(here, tmp_path / "home" / "shop")
    workspace_copy.Copy(wanted, person).scan()
    os.chown(tmp_path / "team" / where, 4711, 0)
    with pytest.raises(WorkspaceError, match=r"can be changed by another account.*name the project's user"):
        workspace_copy.Copy(wanted, person).scan()
    # On a Windows drive all belongs to the drive's one owner.
    person.mounts = windows_drive(tmp_path / "team")
    workspace_copy.Copy(wanted, person).scan()
    os.chown(tmp_path, 4711, 0)
    with pytest.raises(WorkspaceError, match="can be changed by another account"):
        workspace_copy.Copy(wanted, person).scan()


@root_only
@pytest.mark.parametrize("where", ["", "lib", "lib/f"])
def test_root_does_not_use_what_a_list_lets_another_account_change(
    person: workspace_copy.Person, tmp_path: Path, where: str
) -> None:
    """The mode shows what the list gives at most in the place of the group, which is root's."""
    here = tmp_path / "team" / "shop"
    put(here / "lib" / "f", "x")
    entries = [(1, 7, -1), (2, 7, 4711), (4, 5, -1), (16, 7, -1), (32, 5, -1)]
    access = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(here / where, "system.posix_acl_access", access)
    except OSError:
        pytest.skip("no lists can be had here")
    person.mounts = [ROOT]
    with pytest.raises(WorkspaceError, match=r"can be changed by another account.*name the project's user"):
        workspace_copy.Copy(project(here, tmp_path / "home" / "shop"), person).scan()


@root_only
def test_root_copies_to_no_place_that_another_account_can_replace(tmp_path: Path, home: Path) -> None:
    put(tmp_path / "drive" / "shop" / "a", "x")
    told = {"source": f"{tmp_path}/drive/shop", "target": f"{home}/shop", "user": "root"}
    account = accounts.Account("root", 0, 0, "/root", "/bin/sh")
    with pytest.raises(WorkspaceError, match=f"can be replaced by another account, which may write in {home}"):
        workspace_copy.Courier(account, [ROOT]).scan(told, {"PATH": os.defpath})


@root_only
def test_nobody_copies_to_a_place_that_another_account_can_replace(tmp_path: Path, home: Path) -> None:
    """Where eve swaps the half copy with another folder of dev's, an error would have that one removed."""
    own(home, DEV.uid)
    put(tmp_path / "drive" / "shop" / "a", "x")
    team = tmp_path / "team"
    wanted = Project(f"{tmp_path}/drive/shop", f"{team}/shop", "dev")
    put(Path(wanted.stage) / "thesis", "x")
    os.setxattr(wanted.stage, workspace_copy.ATTRIBUTE, workspace_copy.UNFINISHED)
    own(team, DEV.uid)
    told = vars(wanted)
    with courier(home, [ROOT]) as hands:
        team.chmod(0o777)
        for name, words in (("scan", ({"PATH": os.defpath},)), ("tidy", (False,))):
            with pytest.raises(WorkspaceError, match=f"another account, which may write in {team}: choose another"):
                hands.call(name, told, *words)
        assert (Path(wanted.stage) / "thesis").exists()
        team.chmod(0o755)
        assert hands.call("tidy", told, False) == [wanted.stage] and not os.path.exists(wanted.stage)


@root_only
def test_a_half_copy_of_another_account_stays(tmp_path: Path, home: Path) -> None:
    wanted = Project(f"{tmp_path}/a", f"{home}/shop", "dev")
    for path in (wanted.stage, wanted.worktrees):
        put(Path(path) / "theirs", "x")
        os.setxattr(path, workspace_copy.ATTRIBUTE, workspace_copy.UNFINISHED)
        os.chown(path, 4713, 4713)
        os.chmod(path, 0o777)
    os.chown(home, DEV.uid, DEV.gid)
    assert become.ask(DEV, lambda: workspace_copy.clear(wanted)) == []
    assert (Path(wanted.stage) / "theirs").exists()


def test_what_takes_a_files_place_meanwhile_is_neither_followed_nor_waited_for(
    person: workspace_copy.Person, tmp_path: Path
) -> None:
    here = tmp_path / "drive" / "p"
    secret = put(tmp_path / "secret", "secret")
    for name in ("link", "pipe"):
        put(here / "f", "x")
        copy = workspace_copy.Copy(project(here, tmp_path / "home" / "p"), person)
        copy.scan()
        (here / "f").unlink()
        if name == "link":
            (here / "f").symlink_to(secret)
        else:
            os.mkfifo(here / "f")
        with pytest.raises(OSError, match=r"symbolic links|not a regular file"):
            copy.make()
        (here / "f").unlink()
        assert list((tmp_path / "home").iterdir()) == []


def test_a_huge_git_file_is_not_read(person: workspace_copy.Person, tmp_path: Path) -> None:
    here = tmp_path / "drive" / "p"
    put(here / "sub" / ".git", "gitdir: x")
    os.truncate(here / "sub" / ".git", 900 << 30)
    with pytest.raises(OSError, match="larger than 1024 KiB") as error:
        workspace_copy.Copy(project(here, tmp_path / "home" / "p", ignored=True), person).scan()
    assert error.value.filename == f"{here}/sub/.git"


@root_only
def test_a_source_that_the_user_cannot_reach_is_told(tmp_path: Path, home: Path) -> None:
    (tmp_path / "closed" / "shop").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    (home / "link").symlink_to("/etc")
    with courier(home, [ROOT]) as hands:
        with pytest.raises(WorkspaceError, match="cannot be read by dev"):
            hands.folder(f"{tmp_path}/closed/shop")
        with pytest.raises(WorkspaceError, match="is not a directory on this machine"):
            hands.folder(f"{home}/none")
        assert hands.folder(f"{home}/link") == "/etc"
        assert hands.target(f"{home}/link/shop") == "/etc/shop"


@pytest.mark.parametrize("when", ["scanned", "copied"])
def test_a_folder_that_became_a_link_is_not_followed(
    tmp_path: Path, person: workspace_copy.Person, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Who works in the project too may have it lead to what the copying user alone can read."""
    secret = put(tmp_path / "private" / "b.txt", "secret\n").parent
    shop = tmp_path / "drive" / "shop"
    put(shop / "deep" / "b.txt", "public\n")
    target = tmp_path / "home" / "src" / "shop"
    copy = workspace_copy.Copy(Project(str(shop), str(target), person.account.name), person)

    def swap() -> None:
        (shop / "deep").rename(shop.with_name("away"))
        (shop / "deep").symlink_to(secret)

    if when == "scanned":
        listed = workspace_copy.Scanner.folder

        def folder(scanner: workspace_copy.Scanner, path: str) -> Any:
            if path.endswith("/deep"):
                swap()
            return listed(scanner, path)

        monkeypatch.setattr(workspace_copy.Scanner, "folder", folder)
        with pytest.raises(NotADirectoryError):
            copy.scan()
        return
    copy.scan()
    begin = copy.begin
    monkeypatch.setattr(copy, "begin", lambda: (begin(), swap()))
    read: list[str] = []
    verify = copy.verify
    monkeypatch.setattr(copy, "verify", lambda digests: (read.append("all"), verify(digests)))
    with pytest.raises(NotADirectoryError):
        copy.make()
    assert not read and not target.exists()


def test_a_project_that_became_a_link_is_not_followed(tmp_path: Path, person: workspace_copy.Person) -> None:
    put(tmp_path / "private" / "b.txt", "secret\n")
    (tmp_path / "drive").mkdir()
    shop = tmp_path / "drive" / "shop"
    shop.symlink_to(tmp_path / "private")
    copy = workspace_copy.Copy(Project(str(shop), f"{tmp_path}/home/src/shop", person.account.name), person)
    with pytest.raises(WorkspaceError, match="is not a directory"):
        copy.scan()


def test_a_million_reasons_for_a_note_are_some_notes() -> None:
    assert workspace_copy.shown_notes(["a", "b"]) == ["a", "b"]
    shown = workspace_copy.shown_notes([f"the worktree {'x' * 5000}"] * 1000000)
    assert len(shown) == workspace_copy.MOST_NOTES + 1 and shown[-1] == "and 999980 more notes like these"
    assert max(map(len, shown)) < 1100
