# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Copy a project with all that Git knows of it, and prove that the copy is the same before it takes its name.

Everything is read and written with the rights of the project's user. The original is only read.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Callable, TypeVar

from ansible_collections.wsltune.go.plugins.module_utils import accounts, go_state, process, workspace_plan
from ansible_collections.wsltune.go.plugins.module_utils.journal import acting_as
from ansible_collections.wsltune.go.plugins.module_utils.workspace_plan import Project, WorkspaceError

T = TypeVar("T")

ATTRIBUTE = "user.wsltune.workspace"
UNFINISHED = b"unfinished"
# A Windows drive answers late but answers many at once.
AT_ONCE = 8
LIMIT = 1800.0
CHUNK = 1 << 20

# Files that lead from one place of a repository to another: gitrepository-layout(5), git-worktree(1), gitsubmodules(7).
GIT_FILE = re.compile(r"(.*/)?\.git")
ADMIN_FILE = re.compile(r"(.*/)?\.git/(modules/.+/)?worktrees/(?P<name>[^/]+)/gitdir")
CONFIG_FILE = re.compile(r"(.*/)?\.git/(worktrees/[^/]+/)?(modules/.+/)?config(\.worktree)?")
ALTERNATES = re.compile(r"(.*/)?\.git/(modules/.+/)?objects/info/alternates")
LOCK_FILE = re.compile(r"(.*/)?\.git/(worktrees/[^/]+/|modules/.+/)?(index|HEAD|config|packed-refs)\.lock")


@dataclass(frozen=True)
class Item:
    """One file, folder or symbolic link of a project."""

    kind: str
    mode: int
    size: int
    mtime_ns: int
    readable: bool = True


@dataclass
class Tree:
    """One folder that is copied, and what lies below it by relative path; the folder itself is C("")."""

    source: str
    items: dict[str, Item] = field(default_factory=dict)
    repositories: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)

    def files(self) -> list[str]:
        return [name for name, item in self.items.items() if item.kind == "f"]


@dataclass(frozen=True)
class Link:
    """A file in which one place names another: C(leads_to) is absolute, in the original."""

    file: str
    how: str
    written: str
    leads_to: str


class Person:
    """The user whose project it is: what is done here is done with that user's rights."""

    def __init__(self, account: accounts.Account) -> None:
        self.account = account
        self.identity = accounts.identity(account)
        self.groups = os.getgrouplist(account.name, account.gid)
        self._environment: dict[str, str] | None = None

    def acting(self) -> Any:
        return acting_as(self.account.uid, self.account.gid)

    @property
    def environment(self) -> dict[str, str]:
        if self._environment is None:
            self._environment = accounts.login_environment(self.account)
        return self._environment

    def run(self, folder: str, words: Sequence[str], **more: str) -> process.Done:
        try:
            quiet = {"LC_ALL": "C", **process.GIT_READS_ONLY}
            done = process.run(words, {**self.environment, **quiet, **more}, folder, self.identity, LIMIT)
        except OSError as error:
            raise WorkspaceError(f"{words[0]} cannot be started in {folder}: {error.strerror}.") from error
        if done.timed_out:
            raise WorkspaceError(f"{' '.join(words)} did not end within {LIMIT:.0f} s in {folder}.")
        return done

    def git(self, folder: str, *words: str) -> process.Done:
        """Run Git so that it writes nothing: no refreshed index, no daemon."""
        options = ["-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false"]
        # A drive may show another owner than the user, and Git then refuses to read (safe.directory).
        trust = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
        return self.run(folder, ["git", *options, *words], **trust)

    def ask_git(self, folder: str, *words: str) -> str:
        done = self.git(folder, *words)
        if done.code:
            raise WorkspaceError(f"git {' '.join(words)} fails in {folder} ({done.reason}): mend the repository first.")
        return done.out

    def go(self) -> str | None:
        found = go_state.find_toolchains(self.account.home, self.environment.get("PATH", ""))
        return found[0]["path"] if found else None


class Scanner:
    """Reads what a project consists of; many folders at once, for each answer of a drive takes its time."""

    def __init__(self, person: Person, ignored: bool) -> None:
        self.person, self.ignored = person, ignored
        self.passed_over: set[str] = set()

    def item(self, status: os.stat_result) -> Item | None:
        kinds = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l"}
        kind = kinds.get(stat.S_IFMT(status.st_mode))
        if kind is None:
            return None
        readable = kind == "l" or workspace_plan.is_readable(
            status.st_mode, status.st_uid, status.st_gid, self.person.account.uid, self.person.groups
        )
        size = status.st_size if kind == "f" else 0
        # The time of a folder is that of its entries, which are compared.
        return Item(kind, stat.S_IMODE(status.st_mode), size, status.st_mtime_ns, readable)

    def folder(self, path: str) -> list[tuple[str, Item | None]]:
        with os.scandir(path) as entries:
            return [(entry.name, self.item(entry.stat(follow_symlinks=False))) for entry in entries]

    def tree(self, source: str) -> Tree:
        tree = Tree(source)
        with self.person.acting():
            top = self.item(os.stat(source))
        if top is None or top.kind != "d":
            raise WorkspaceError(f"{source} is not a directory: name a project's folder.")
        tree.items[""] = top
        level = [""]
        while level:
            for name in level:
                if not tree.items[name].readable:
                    raise WorkspaceError(
                        f"{os.path.join(source, name)} cannot be read by {self.person.account.name}: give that user "
                        "the right, or remove it; nothing was changed."
                    )
            with self.person.acting():
                listings = _each(lambda name: self.folder(os.path.join(source, name)), level)
            level = [name for folder, listing in zip(level, listings) for name in self.take(tree, folder, listing)]
        return tree

    def take(self, tree: Tree, folder: str, listing: list[tuple[str, Item | None]]) -> Iterator[str]:
        """Note what a folder holds; give the folders in it to go on with."""
        if any(name == ".git" for name, _item in listing):
            tree.repositories.append(folder)
            if not self.ignored:
                self.passed_over |= self.ignored_in(os.path.join(tree.source, folder))
        for name, item in sorted(listing, key=lambda entry: entry[0]):
            path = os.path.join(folder, name)
            if item is None:
                tree.special.append(path)
                continue
            if os.path.join(tree.source, path) in self.passed_over:
                continue
            if not item.readable:
                raise WorkspaceError(
                    f"{os.path.join(tree.source, path)} cannot be read by {self.person.account.name}: give that user "
                    "the right, or remove it; nothing was changed."
                )
            tree.items[path] = item
            if item.kind == "d":
                yield path

    def ignored_in(self, folder: str) -> set[str]:
        """Return what Git ignores there, absolute; a folder of which nothing is tracked as a whole."""
        listed = self.person.git(folder, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
        if listed.code:
            # No repository that Git can read from here, such as a worktree of Git for Windows.
            return set()
        return {os.path.join(folder, name.rstrip("/")) for name in workspace_plan.parse_names(listed.out)}


class Copy:
    """One project on its way to its target."""

    def __init__(self, project: Project, person: Person) -> None:
        self.project, self.person = project, person
        self.trees: list[tuple[Tree, str]] = []
        self.links: list[Link] = []
        self.tracked: list[dict[str, tuple[bool, bool]]] = []
        self.modes_are_real = True
        self.notes: list[str] = []
        self.proof: dict[str, Any] = {}
        self._made: list[str] = []

    # What there is

    def scan(self) -> None:
        """Read the project; WorkspaceError when it cannot be copied. Nothing is written."""
        project, person = self.project, self.person
        scanner = Scanner(person, project.ignored)
        main = scanner.tree(project.source)
        if main.items.get(".git") is not None and main.items[".git"].kind == "f":
            raise WorkspaceError(
                f"{project.source} is a linked worktree or a submodule of a repository elsewhere: name that "
                "repository's folder, its worktrees come along."
            )
        self.trees = [(main, os.path.basename(project.target))]
        for name, path in self.linked_worktrees(main):
            self.trees.append((scanner.tree(path), f"{os.path.basename(project.worktrees)}/{name}"))
        for tree, _place in self.trees:
            locked = next(filter(LOCK_FILE.fullmatch, tree.items), None)
            if locked:
                raise WorkspaceError(
                    f"{tree.source} is in use: {locked} says that Git works there now; wait for it, or remove that "
                    "file if it was left behind."
                )
            if tree.special:
                self.notes.append(f"{os.path.join(tree.source, tree.special[0])} is no file and was not copied")
        shown = [item.mode for tree, _place in self.trees for item in tree.items.values() if item.kind == "f"]
        self.modes_are_real = not workspace_plan.shows_no_modes(shown)
        self.links = [link for tree, _place in self.trees for link in self.links_of(tree)]
        self.tracked = [{} if self.modes_are_real else self.tracked_modes(tree) for tree, _place in self.trees]

    def read(self, path: str) -> str:
        with self.person.acting(), open(path, encoding="utf-8", errors="surrogateescape") as handle:
            return handle.read()

    def linked_worktrees(self, main: Tree) -> Iterator[tuple[str, str]]:
        """Find the linked worktrees of Git's that lie outside the project and are still there."""
        names: set[str] = set()
        for file in main.items:
            match = ADMIN_FILE.fullmatch(file)
            if not match:
                continue
            admin = os.path.join(main.source, os.path.dirname(file))
            told = self.read(os.path.join(main.source, file)).strip()
            place = os.path.dirname(os.path.normpath(os.path.join(admin, told)))
            if workspace_plan.inside(place, main.source):
                continue
            if not os.path.isabs(told) or not os.path.isfile(os.path.join(place, ".git")):
                self.notes.append(f"the worktree {match['name']} at {told} is not there, so it was not copied")
                continue
            name = match["name"]
            while name in names:
                name += "+"
            names.add(name)
            yield name, place

    def links_of(self, tree: Tree) -> Iterator[Link]:
        for file, item in tree.items.items():
            if item.kind != "f":
                continue
            path = os.path.join(tree.source, file)
            if GIT_FILE.fullmatch(file):
                written = self.read(path).strip()
                if not written.startswith("gitdir: "):
                    continue
                leads_to = os.path.normpath(os.path.join(os.path.dirname(path), written[len("gitdir: ") :]))
                if os.path.isdir(leads_to) and not any(
                    workspace_plan.inside(leads_to, other.source) for other, _place in self.trees
                ):
                    raise WorkspaceError(
                        f"{path} belongs to a repository outside the project ({leads_to}): name that repository's "
                        "folder instead, or move this worktree out of the project."
                    )
                yield Link(path, "file", written[len("gitdir: ") :], leads_to)
            elif ADMIN_FILE.fullmatch(file):
                written = self.read(path).strip()
                yield Link(path, "admin", written, os.path.normpath(os.path.join(os.path.dirname(path), written)))
            elif ALTERNATES.fullmatch(file):
                self.notes.append(f"{path} lends objects from another repository, which the copy still needs")
            elif CONFIG_FILE.fullmatch(file):
                match = re.search(r"^\s*worktree\s*=\s*(.+?)\s*$", self.read(path), re.MULTILINE | re.IGNORECASE)
                if match:
                    leads_to = os.path.normpath(os.path.join(os.path.dirname(path), match[1]))
                    yield Link(path, "config", match[1], leads_to)

    @property
    def size(self) -> int:
        return sum(item.size for tree, _place in self.trees for item in tree.items.values())

    def check_room(self) -> None:
        """Raise WorkspaceError when the target's disk cannot take the copy."""
        sizes = [item.size for tree, _place in self.trees for item in tree.items.values() if item.kind != "d"]
        folders = sum(item.kind == "d" for tree, _place in self.trees for item in tree.items.values())
        need, inodes = workspace_plan.room(sizes, folders)
        place = go_state.nearest(os.path.dirname(self.project.target))
        there = os.statvfs(place)
        free = there.f_bavail * there.f_frsize
        if free < need or (there.f_files and there.f_favail < inodes):
            what = f"{need >> 20} MiB" if free < need else f"{inodes} files"
            left = f"{free >> 20} MiB" if free < need else f"{there.f_favail} files"
            raise WorkspaceError(
                f"{self.project.source} needs {what} on the disk of {place}, which has room for {left}: make room or "
                "choose another target; nothing was changed."
            )

    # The copy

    def place(self, name: str, staged: bool) -> str:
        return os.path.join(self.project.stage if staged else os.path.dirname(self.project.target), name)

    def moved(self, path: str, staged: bool) -> str | None:
        """Return where a path of the original is in the copy."""
        for tree, name in self.trees:
            if workspace_plan.inside(path, tree.source):
                return os.path.normpath(os.path.join(self.place(name, staged), os.path.relpath(path, tree.source)))
        return None

    def make(self) -> None:
        """Copy, compare, and give the copy its name; on an error the half copy is removed."""
        try:
            with self.person.acting():
                self.begin()
                digests = self.fill()
            self.lead(staged=True)
            self.verify(digests)
            self.lead(staged=False)
            with self.person.acting():
                self.finish(digests)
        except BaseException:
            with self.person.acting(), contextlib.suppress(OSError):
                self.clear()
                for folder in self._made:
                    os.rmdir(folder)
            raise

    def begin(self) -> None:
        parent = os.path.dirname(self.project.target)
        missing = []
        while not os.path.isdir(parent):
            missing.append(parent)
            parent = os.path.dirname(parent)
        try:
            os.makedirs(os.path.dirname(self.project.target), mode=0o755, exist_ok=True)
            self._made = missing
            os.mkdir(self.project.stage, 0o700)
        except OSError as error:
            raise WorkspaceError(
                f"{self.person.account.name} cannot make {error.filename}: {error.strerror}; choose another target."
            ) from error
        try:
            os.setxattr(self.project.stage, ATTRIBUTE, UNFINISHED)
        except OSError as error:
            raise WorkspaceError(
                f"The file system of {self.project.stage} keeps no extended attributes, by which a copy is known "
                f"({error.strerror}): choose a target on the distro's own disk."
            ) from error

    def fill(self) -> list[dict[str, str]]:
        """Copy every file; return the digests of what was read, by tree and relative path."""
        digests = []
        for (tree, name), tracked in zip(self.trees, self.tracked):
            target = self.place(name, staged=True)
            os.makedirs(target, mode=0o700, exist_ok=True)
            for path, item in tree.items.items():
                if item.kind == "d" and path:
                    os.mkdir(os.path.join(target, path), 0o700)
                elif item.kind == "l":
                    where = os.path.join(target, path)
                    os.symlink(os.readlink(os.path.join(tree.source, path)), where)
                    os.utime(where, ns=(item.mtime_ns, item.mtime_ns), follow_symlinks=False)
            files = tree.files()
            copied = _each(functools.partial(self.copy, tree, target, tracked), files)
            digests.append(dict(zip(files, copied)))
            for path in sorted((path for path, item in tree.items.items() if item.kind == "d"), reverse=True):
                item = tree.items[path]
                where = os.path.join(target, path)
                os.chmod(where, item.mode if self.modes_are_real else 0o755)
                os.utime(where, ns=(item.mtime_ns, item.mtime_ns))
        return digests

    def tracked_modes(self, tree: Tree) -> dict[str, tuple[bool, bool]]:
        """Return for each tracked file whether Git has it as executable, and whether Git looks at the drive's bit."""
        found = {}
        for folder in tree.repositories:
            here = os.path.join(tree.source, folder)
            keeps = self.person.git(here, "config", "--type=bool", "core.fileMode").out.strip() != "false"
            listed = self.person.git(here, "ls-files", "-z", "--stage")
            for name, executable in workspace_plan.parse_index(listed.out if listed.code == 0 else "").items():
                found[os.path.join(folder, name)] = (executable, keeps)
        return found

    def copy(self, tree: Tree, target: str, tracked: Mapping[str, tuple[bool, bool]], path: str) -> str:
        item, where = tree.items[path], os.path.join(target, path)
        digest = hashlib.sha256()
        head = b""
        with open(os.path.join(tree.source, path), "rb", buffering=0) as source, open(where, "xb") as copy:
            while True:
                chunk = source.read(CHUNK)
                if not chunk:
                    break
                head = head or chunk[:4]
                digest.update(chunk)
                copy.write(chunk)
            copy.flush()
            executable, keeps = tracked.get(path, (None, False))
            os.fchmod(copy.fileno(), workspace_plan.file_mode(item.mode, self.modes_are_real, executable, keeps, head))
            os.utime(copy.fileno(), ns=(item.mtime_ns, item.mtime_ns))
        return digest.hexdigest()

    def lead(self, staged: bool) -> None:
        """Have the copy's parts name each other and not the original's."""
        for link in self.links:
            file, leads_to = self.moved(link.file, staged=True), self.moved(link.leads_to, staged)
            if file is None or leads_to is None:
                continue
            if not os.path.isabs(link.written):
                here = os.path.dirname(self.moved(link.file, staged) or file)
                if os.path.normpath(os.path.join(here, link.written)) == leads_to:
                    continue
            if link.how == "config":
                self.person.ask_git(os.path.dirname(file), "config", "--file", file, "core.worktree", leads_to)
                continue
            with self.person.acting(), open(file, "w", encoding="utf-8", errors="surrogateescape") as handle:
                handle.write(("gitdir: " if link.how == "file" else "") + leads_to + "\n")

    # The proof

    def verify(self, digests: list[dict[str, str]]) -> None:
        """Raise WorkspaceError unless the copy is what the original is, and the original what it was."""
        rewritten = {self.moved(link.file, staged=True) for link in self.links}
        files = 0
        for (_tree, name), read in zip(self.trees, digests):
            target = self.place(name, staged=True)
            paths = [path for path in read if os.path.join(target, path) not in rewritten]
            with self.person.acting():
                written = _each(_digest, [os.path.join(target, path) for path in paths])
            wrong = [path for path, digest in zip(paths, written) if digest != read[path]]
            if wrong:
                raise WorkspaceError(
                    f"{os.path.join(target, wrong[0])} is not what was copied: look at the disk's health."
                )
            files += len(read)
        self.proof = {"files": files, "bytes": self.size}
        try:
            self.verify_git()
            self.verify_go()
        except WorkspaceError:
            # An original that changed meanwhile is the better reason.
            self.verify_unchanged()
            raise
        self.verify_unchanged()

    def verify_git(self) -> None:
        repositories, checked = 0, set()
        for tree, name in self.trees:
            for folder in tree.repositories:
                source = os.path.join(tree.source, folder)
                target = os.path.join(self.place(name, staged=True), folder)
                if self.person.git(source, "rev-parse", "--git-dir").code:
                    self.notes.append(f"Git cannot read {source}, so its copy was compared file by file alone")
                    continue
                before, after = self.repository(source), self.repository(target)
                for what, value in before.items():
                    if after[what] != value:
                        raise WorkspaceError(
                            f"Git's {what} of the copy of {source} is not the same "
                            f"({workspace_plan.difference(value, after[what])!r}): nothing was changed."
                        )
                repositories += 1
                objects = os.path.realpath(
                    os.path.join(target, self.person.ask_git(target, "rev-parse", "--git-common-dir").strip())
                )
                if objects in checked:
                    # A linked worktree shares what was looked at already.
                    continue
                checked.add(objects)
                found = self.person.git(target, "fsck", "--full", "--no-dangling", "--no-progress")
                if found.code:
                    raise WorkspaceError(
                        f"git fsck finds {source} damaged ({found.reason}): mend the repository first; nothing was "
                        "changed."
                    )
                for setting in ("core.fileMode", "core.ignoreCase"):
                    asked = "false" if setting == "core.fileMode" else "true"
                    if self.person.git(target, "config", "--local", "--type=bool", setting).out.strip() == asked:
                        final = os.path.join(self.place(name, staged=False), folder).rstrip("/")
                        other = "true" if asked == "false" else "false"
                        self.notes.append(
                            f"{setting} is {asked} as on the drive; on this disk it can be: git -C {final} config "
                            f"{setting} {other}"
                        )
        if repositories:
            self.proof["repositories"] = repositories

    def repository(self, folder: str) -> dict[str, str]:
        """Return what Git says of a repository that must be the same in the copy."""
        ask = self.person.ask_git
        return {
            "references": ask(folder, "for-each-ref", "--format=%(objectname) %(refname) %(symref)"),
            "HEAD": self.person.git(folder, "rev-parse", "--symbolic-full-name", "HEAD", "HEAD^{tree}").out,
            "status": ask(
                folder, "status", "--porcelain=v2", "--branch", "--untracked-files=all", "--ignore-submodules=none"
            ),
            "stashes": ask(folder, "stash", "list", "--format=%H %gs"),
        }

    def verify_go(self) -> None:
        main, name = self.trees[0]
        target = self.place(name, staged=True)
        if main.items.get("go.mod") is None and main.items.get("go.work") is None:
            return
        go = self.person.go()
        if go is None:
            self.notes.append(f"{self.person.account.name} has no Go yet, so go list was not compared")
            return
        how = {"GOPROXY": "off"} if main.items.get("go.work") else {"GOPROXY": "off", "GOWORK": "off"}
        words = [go, "list", "./..."]
        before, after = self.person.run(main.source, words, **how), self.person.run(target, words, **how)
        if (before.code, before.out) != (after.code, after.out):
            only = after.reason if after.code else workspace_plan.difference(before.out, after.out)
            raise WorkspaceError(
                f"go list ./... is not the same in the copy of {main.source} ({only}): what it needs from outside the "
                "project must be moved too; nothing was changed."
            )
        if before.code:
            self.notes.append(f"go list fails in the original and in the copy alike ({before.reason})")
        self.proof["packages"] = len(before.out.split())
        if self.project.tests:
            words = [go, "test", "-json", "./..."]
            results = [
                workspace_plan.test_results(self.person.run(folder, words, **how).out)
                for folder in (main.source, target)
            ]
            if results[0] != results[1]:
                differ = next(
                    name for name in {**results[0], **results[1]} if results[0].get(name) != results[1].get(name)
                )
                raise WorkspaceError(
                    f"The test {differ} ends with {results[0].get(differ, 'nothing')} in {main.source} and with "
                    f"{results[1].get(differ, 'nothing')} in its copy: nothing was changed."
                )
            self.proof["tests"] = len(results[0])

    def verify_unchanged(self) -> None:
        scanner = Scanner(self.person, self.project.ignored)
        for tree, _place in self.trees:
            now = scanner.tree(tree.source).items
            for path in {**tree.items, **now}:
                before, after = tree.items.get(path), now.get(path)
                if before != after and not (before and after and before.kind == after.kind == "d"):
                    raise WorkspaceError(
                        f"{os.path.join(tree.source, path)} changed while it was copied: close the programs that use "
                        "the project, on Windows too, then run again; nothing was changed."
                    )

    # The end

    def finish(self, digests: list[dict[str, str]]) -> None:
        """Give the copy its name: the project last, for it is what counts."""
        project = self.project
        digest = hashlib.sha256(repr([sorted(tree.items()) for tree in digests]).encode()).hexdigest()
        staged = self.place(os.path.basename(project.target), staged=True)
        os.setxattr(staged, ATTRIBUTE, workspace_plan.mark(project, digest))
        worktrees = self.place(os.path.basename(project.worktrees), staged=True)
        os.sync()
        if os.path.isdir(worktrees):
            os.setxattr(worktrees, ATTRIBUTE, UNFINISHED)
            os.rename(worktrees, project.worktrees)
        os.rename(staged, project.target)
        settle(project)

    def clear(self) -> None:
        clear(self.project)


def _each(function: Callable[[str], T], names: Sequence[str]) -> list[T]:
    """Call C(function) for every name, several at once. The threads are gone before another program is started."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(function, names))


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as handle:
        for chunk in iter(lambda: handle.read(CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _attribute(path: str) -> bytes | None:
    try:
        return os.getxattr(path, ATTRIBUTE, follow_symlinks=False)
    except OSError:
        return None


def is_copied(project: Project) -> bool:
    """Whether the target is the finished copy of this source."""
    value = _attribute(project.target)
    return value is not None and workspace_plan.marked_source(value) == project.source


def settle(project: Project) -> None:
    """After the project has its name: what is left to tidy, also by the run after one that was killed here."""
    if _attribute(project.worktrees) == UNFINISHED:
        os.removexattr(project.worktrees, ATTRIBUTE)
    with contextlib.suppress(OSError):
        os.rmdir(project.stage)
    descriptor = os.open(os.path.dirname(project.target), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def leftovers(project: Project) -> list[str]:
    """Return the half copies that a killed run left; never what bears no mark of ours."""
    found = []
    if os.path.isdir(project.stage) and (_attribute(project.stage) == UNFINISHED or not os.listdir(project.stage)):
        found.append(project.stage)
    if not os.path.lexists(project.target) and _attribute(project.worktrees) == UNFINISHED:
        found.append(project.worktrees)
    return found


def clear(project: Project) -> list[str]:
    """Remove half copies; return them."""
    found = leftovers(project)
    for path in found:
        # The original's folders may be read-only.
        for folder, _folders, _files in os.walk(path):
            os.chmod(folder, 0o700)
        shutil.rmtree(path)
    return found


def git_is_there(environment: Mapping[str, str]) -> bool:
    return shutil.which("git", path=environment.get("PATH", os.defpath)) is not None
