# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Copy a project with all that Git knows of it, and prove that the copy is the same before it takes its name.

All of it is done in a process of the project's user, as which Courier is asked. The original is only read.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence

# By its own name, for Python would load it when it is first used, from where the user may not read.
from concurrent.futures.thread import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Callable, TypeVar

from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
from ansible_collections.wsltune.go.plugins.module_utils.go import flags as go_flags
from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, mountinfo, process, text
from ansible_collections.wsltune.go.plugins.module_utils.workspace import base as workspace_base
from ansible_collections.wsltune.go.plugins.module_utils.workspace import plan as workspace_plan
from ansible_collections.wsltune.go.plugins.module_utils.workspace.places import WorkspaceError
from ansible_collections.wsltune.go.plugins.module_utils.workspace.plan import Project

T = TypeVar("T")

ATTRIBUTE = "user.wsltune.workspace"
UNFINISHED = b"unfinished"
# A Windows drive answers late but answers many at once.
AT_ONCE = 8
LIMIT = 1800.0
CHUNK = 1 << 20
LARGEST = 1 << 20
"""A file in which one place of a repository names another is never larger."""
MOST_INCLUDED = 100
"""Files of settings for a repository that are looked at."""
MOST_NOTES = 20
"""Notes about one project; whoever makes it can have a million reasons for one."""
MOST_OUTPUT = 256 << 20
"""Git names every file of a project."""

# Files that lead from one place of a repository to another: gitrepository-layout(5), git-worktree(1), gitsubmodules(7).
GIT_FILE = re.compile(r"(.*/)?\.git")
ADMIN_FILE = re.compile(r"(.*/)?\.git/(modules/.+/)?worktrees/(?P<name>[^/]+)/gitdir")
CONFIG_FILE = re.compile(r"(.*/)?\.git/(worktrees/[^/]+/)?(modules/.+/)?config(\.worktree)?")
ALTERNATES = re.compile(r"(.*/)?\.git/(modules/.+/)?objects/info/alternates")
INCLUDED = re.compile(r'(?im)^\s*(?:\[include[^\]\n]*\]\s*)?path\s*=\s*"?(.+?)"?\s*(?:[#;].*)?$')
LOCK_FILE = re.compile(r"(.*/)?\.git/(worktrees/[^/]+/|modules/.+/)?(index|HEAD|config|packed-refs)\.lock")


@dataclass(frozen=True)
class Item:
    """One file, folder or symbolic link of a project."""

    kind: str
    mode: int
    size: int
    mtime_ns: int
    readable: bool = True
    ours: bool = True
    """Whether nobody else can change it, as far as that was looked at."""

    def entry(self, digest: str) -> dict[str, Any]:
        """Return what the base of a sync keeps of it."""
        return {
            "kind": self.kind,
            "mode": self.mode,
            "size": self.size,
            "mtime_ns": self.mtime_ns,
            "digest": digest,
        }


@dataclass
class Tree:
    """One folder that is copied, and what lies below it by relative path; the folder itself is C("")."""

    source: str
    real: str
    """Where it is opened, following no link: who works there too could put one that leads to the user's own files."""
    items: dict[str, Item] = field(default_factory=dict)
    repositories: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def opened(self, path: str) -> Iterator[tuple[int, str]]:
        """Open the folder in which the relative C(path) lies; return it with the name there."""
        folder, name = os.path.split(path)
        with files.opened_folder(os.path.join(self.real, folder)) as descriptor:
            yield descriptor, name

    def files(self) -> list[str]:
        """List the files, without folders and links, by their path below the tree."""
        return [name for name, item in self.items.items() if item.kind == "f"]


@dataclass(frozen=True)
class Link:
    """A file in which one place names another: C(leads_to) is absolute, in the original."""

    file: str
    how: str
    written: str
    leads_to: str


class Person:
    """The user whose project it is and who runs this."""

    def __init__(
        self, account: accounts.Account, environment: Mapping[str, str], mounts: Sequence[mountinfo.Mount]
    ) -> None:
        self.account, self.mounts = account, mounts
        self.environment = dict(environment)
        if os.geteuid() == 0:
            answers, _silent = go_find.answering(environment, None)
            self.environment = go_find.without_places_of_others(answers)
        self.groups = (os.getegid(), *os.getgroups())

    def run(self, folder: str, words: Sequence[str], **more: str) -> process.Done:
        """Run a program in the folder; raise WorkspaceError if it does not start, or not end within LIMIT seconds."""
        try:
            environment = {**self.environment, "LC_ALL": "C", **process.GIT_READS_ONLY, **more}
            done = process.run(words, environment, folder, limit=LIMIT, most=MOST_OUTPUT)
        except OSError as error:
            raise WorkspaceError(f"{words[0]} cannot be started in {folder}: {error.strerror}.") from error
        if done.timed_out:
            raise WorkspaceError(f"{' '.join(words)} did not end within {LIMIT:.0f} s in {folder}.")
        return done

    def trust(self, folder: str) -> dict[str, str]:
        """Return what has Git read the repository C(folder) whoever owns it: on a Windows drive, and that one alone.

        A drive may show another owner than the user. Elsewhere whoever owns a repository says in it which programs Git
        runs, so that Git's own look at the owner stands, also where settings of the user or the machine say of every
        repository that it may be trusted.
        """
        # A value that is empty takes back what all settings have said before (git-config(1)).
        trusted = [""]
        real = os.path.realpath(folder)
        if workspace_plan.lies_on_drive(self.mounts, real) is not None:
            trusted.append(real)
        settings = {"GIT_CONFIG_COUNT": str(len(trusted))}
        for number, value in enumerate(trusted):
            settings[f"GIT_CONFIG_KEY_{number}"] = "safe.directory"
            settings[f"GIT_CONFIG_VALUE_{number}"] = value
        return settings

    def git(self, folder: str, *words: str) -> process.Done:
        """Run Git on the repository C(folder), and none above it, so that it writes nothing and fetches nothing.

        Not where another account can change its configuration, which says what Git runs: then it fails.
        """
        shared = self.configured_by_others(folder)
        if shared:
            refusal = f"fatal: another account can change {shared}, which says what Git runs"
            return process.Done(128, "", refusal, False, 0.0, 0.0, 0.0, 0, 0)
        settings = (
            "core.fsmonitor=false",
            "core.untrackedCache=false",
            "core.hooksPath=/dev/null",
            # The folder itself is none, whatever others put into it meanwhile.
            "safe.bareRepository=explicit",
        )
        options = [word for setting in settings for word in ("-c", setting)]
        alone = {"GIT_CEILING_DIRECTORIES": os.path.dirname(os.path.realpath(folder)), "GIT_ALLOW_PROTOCOL": "none"}
        return self.run(folder, ["git", *options, *words], **alone, **self.trust(folder))

    def configured_by_others(self, folder: str) -> str:
        """Return what of a repository's configuration another account can change.

        Nothing on a Windows drive, and nothing where all of it is another account's, for which Git itself looks. Where
        a .git is none, Git takes the folder itself if that looks like one, and looks at the owner of the folder alone.
        """
        if workspace_plan.lies_on_drive(self.mounts, os.path.realpath(folder)) is not None:
            return ""
        itself = os.path.lexists(os.path.join(folder, "HEAD"))
        with contextlib.suppress(OSError):
            if not itself and os.stat(os.path.join(folder, ".git")).st_uid not in (0, os.geteuid()):
                return ""
        places = [os.path.join(folder, ".git")]
        for file, mark in ((places[0], "gitdir: "), (os.path.join(places[0], "commondir"), "")):
            with contextlib.suppress(OSError, UnicodeError):
                state = files.Files().read(file, LARGEST)
                if state is not None:
                    pointer = state.content.decode("utf-8", "surrogateescape").strip()
                    places.append(os.path.normpath(os.path.join(os.path.dirname(file), pointer[len(mark) :])))
        names = ("", "config", "config.worktree", "info", "info/attributes")
        paths = [os.path.join(place, name) for place in ([*places, folder] if itself else places) for name in names]
        for number, path in enumerate(paths):
            with contextlib.suppress(OSError):
                status = os.stat(path)
                if number > MOST_INCLUDED or not files.is_ours_alone(status, path=path):
                    return path
            paths += [included for included in self.included(path) if included not in paths]
        return ""

    def included(self, settings: str) -> list[str]:
        """Return what a file of Git's settings includes, each with its folder, where others could put it."""
        paths: list[str] = []
        with contextlib.suppress(OSError):
            state = files.Files().read(settings, LARGEST)
            text = "" if state is None else state.content.decode("utf-8", "surrogateescape")
            for name in INCLUDED.findall(text) if "[include" in text.lower() else ():
                name = self.account.home + name[1:] if name.startswith("~/") else name
                path = os.path.normpath(os.path.join(os.path.dirname(settings), name))
                paths += [os.path.dirname(path), path]
        return paths

    def ask_git(self, folder: str, *words: str) -> str:
        """Return what Git prints; raise WorkspaceError where it fails."""
        done = self.git(folder, *words)
        if done.code:
            raise WorkspaceError(f"git {' '.join(words)} fails in {folder} ({done.reason}): fix the repository first.")
        return done.out

    def check_alone(self, source: str) -> None:
        """Raise WorkspaceError where this is root and another account could have it run what it likes.

        On a Windows drive, which shows no real owners, only the way to the drive is looked at.
        """
        if os.geteuid() != 0:
            return
        drive = workspace_plan.lies_on_drive(self.mounts, os.path.realpath(source))
        try:
            with files.place(drive.mount_point if drive else os.path.join(source, ".git"), follow=False):
                pass
        except files.NotOurs as error:
            raise self.not_alone(error.filename) from None

    def not_alone(self, path: str) -> WorkspaceError:
        """Return the refusal of a path that another account can change."""
        return WorkspaceError(
            f"{path} can be changed by another account, whose programs Git and Go would then run as root: name the "
            "project's user; nothing was changed."
        )

    def go(self) -> str | None:
        """Return the path of the account's Go, None where it has none."""
        toolchains, _silent = go_find.find_toolchains(
            self.account.home, self.environment.get("PATH", ""), self.environment
        )
        paths = [toolchain["path"] for toolchain in toolchains]
        return next((path for path in paths if not go_find.explain_no_build(path, self.environment)), None)


class Scanner:
    """Reads what a project consists of; many folders at once, because a drive is slow to answer."""

    def __init__(self, person: Person, ignored: bool) -> None:
        self.person, self.ignored = person, ignored
        self.passed_over: set[str] = set()
        self.on_drive = False

    def item(self, status: os.stat_result, path: str) -> Item | None:
        """Return what is kept of the entry C(path); None for a socket, a device or a pipe, which is not copied."""
        kinds = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l"}
        kind = kinds.get(stat.S_IFMT(status.st_mode))
        if kind is None:
            return None
        readable = kind == "l" or workspace_plan.is_readable(
            status.st_mode, status.st_uid, status.st_gid, self.person.account.uid, self.person.groups
        )
        size = status.st_size if kind == "f" else 0
        ours = kind == "l" or os.geteuid() != 0 or self.on_drive or files.is_ours_alone(status, path=path)
        # The time of a folder is that of its entries, which are compared.
        return Item(kind, stat.S_IMODE(status.st_mode), size, status.st_mtime_ns, readable, ours)

    def check(self, path: str, item: Item) -> None:
        """Raise WorkspaceError for what the user cannot read, and for what root must not use."""
        if not item.readable:
            raise WorkspaceError(
                f"{path} cannot be read by {self.person.account.name}: give that user the right, or remove it; "
                "nothing was changed."
            )
        if not item.ours:
            raise self.person.not_alone(path)

    def folder(self, path: str) -> list[tuple[str, Item | None]]:
        """List a folder's entries without following a link on the way to it."""
        with files.opened_folder(path) as folder:
            listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
            try:
                with os.scandir(listed) as entries:
                    here = f"/proc/self/fd/{folder}"
                    return [
                        (entry.name, self.item(entry.stat(follow_symlinks=False), f"{here}/{entry.name}"))
                        for entry in entries
                    ]
            finally:
                os.close(listed)

    def tree(self, source: str, real: str = "") -> Tree:
        """Read the folder C(source), no part of which is a link unless it is opened as C(real)."""
        tree = Tree(source, real or source)
        self.person.check_alone(source)
        self.on_drive = workspace_plan.lies_on_drive(self.person.mounts, os.path.realpath(source)) is not None
        try:
            with files.opened_folder(tree.real) as folder:
                top = self.item(os.fstat(folder), f"/proc/self/fd/{folder}")
        except NotADirectoryError:
            top = None
        if top is None:
            raise WorkspaceError(f"{source} is not a directory: name a project's folder.")
        self.check(source, top)
        tree.items[""] = top
        level = [""]
        while level:
            listings = each(lambda name: self.folder(os.path.join(tree.real, name)), level)
            level = [name for folder, listing in zip(level, listings) for name in self.take(tree, folder, listing)]
        return tree

    def take(self, tree: Tree, folder: str, listing: list[tuple[str, Item | None]]) -> Iterator[str]:
        """Note what a folder holds; give the folders in it to go on with."""
        repository = next((item for name, item in listing if name == ".git"), None)
        if repository is not None:
            self.check(os.path.join(tree.source, folder, ".git"), repository)
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
            self.check(os.path.join(tree.source, path), item)
            tree.items[path] = item
            if item.kind == "d":
                yield path

    def ignored_in(self, folder: str) -> set[str]:
        """Return what Git ignores there, absolute; a folder of which nothing is tracked as a whole."""
        listed = self.person.git(folder, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
        if listed.code:
            # No repository that Git can read from here, such as a worktree of Git for Windows, or another account's.
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
            tree = scanner.tree(path, os.path.realpath(path))
            if ".git" not in tree.items:
                raise self.changed(path)
            self.trees.append((tree, f"{os.path.basename(project.worktrees)}/{name}"))
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

    @staticmethod
    def changed(path: str) -> WorkspaceError:
        """Return the refusal of a path that somebody changed meanwhile."""
        return WorkspaceError(
            f"{path} changed while it was copied: close the programs that use the project, on Windows too, then run "
            "again; nothing was changed."
        )

    def read(self, tree: Tree, file: str) -> str:
        """Read a small file of the tree, such as one of Git's, whatever its encoding."""
        with tree.opened(file) as (folder, name):
            path = os.path.join(tree.source, file)
            content = files.read_from(os.open(name, files.READ, dir_fd=folder), path, LARGEST).content
        return content.decode("utf-8", "surrogateescape")

    def linked_worktrees(self, main: Tree) -> Iterator[tuple[str, str]]:
        """Find the linked worktrees of Git's that lie outside the project and are still there."""
        names: set[str] = set()
        for file in main.items:
            match = ADMIN_FILE.fullmatch(file)
            if not match:
                continue
            admin = os.path.join(main.source, os.path.dirname(file))
            pointer = self.read(main, file).strip()
            place = os.path.dirname(os.path.normpath(os.path.join(admin, pointer)))
            if workspace_plan.inside(place, main.source):
                continue
            if not os.path.isabs(pointer) or not os.path.isfile(os.path.join(place, ".git")):
                self.notes.append(f"the worktree {match['name']} at {pointer} is not there, so it was not copied")
                continue
            name = match["name"]
            while name in names:
                name += "+"
            names.add(name)
            yield name, place

    def links_of(self, tree: Tree) -> Iterator[Link]:
        """Yield the paths that Git wrote into files; raise WorkspaceError where one leads out of the project."""
        for file, item in tree.items.items():
            if item.kind != "f":
                continue
            path = os.path.join(tree.source, file)
            if GIT_FILE.fullmatch(file):
                written = self.read(tree, file).strip()
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
                written = self.read(tree, file).strip()
                yield Link(path, "admin", written, os.path.normpath(os.path.join(os.path.dirname(path), written)))
            elif ALTERNATES.fullmatch(file):
                self.notes.append(f"{path} lends objects from another repository, which the copy still needs")
            elif CONFIG_FILE.fullmatch(file):
                match = re.search(r"^\s*worktree\s*=\s*(.+?)\s*$", self.read(tree, file), re.MULTILINE | re.IGNORECASE)
                if match:
                    leads_to = os.path.normpath(os.path.join(os.path.dirname(path), match[1]))
                    yield Link(path, "config", match[1], leads_to)

    @property
    def size(self) -> int:
        """Return the bytes of all files together."""
        return sum(item.size for tree, _place in self.trees for item in tree.items.values())

    def check_room(self) -> None:
        """Raise WorkspaceError when the target's disk cannot take the copy."""
        sizes = [item.size for tree, _place in self.trees for item in tree.items.values() if item.kind != "d"]
        folders = sum(item.kind == "d" for tree, _place in self.trees for item in tree.items.values())
        need, inodes = workspace_plan.room(sizes, folders)
        place = files.Files().nearest(os.path.dirname(self.project.target))
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
        """Return where a tree goes: below the stage until all is verified, then beside the target."""
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
            self.begin()
            digests = self.fill()
            self.lead(staged=True)
            self.verify(digests)
            self.lead(staged=False)
            self.finish(digests)
        except BaseException:
            with contextlib.suppress(OSError):
                self.clear()
                for folder in self._made:
                    os.rmdir(folder)
            raise

    def begin(self) -> None:
        """Make the stage and mark it as unfinished; raise WorkspaceError where that cannot be."""
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
                    with tree.opened(path) as (folder, name_there):
                        os.symlink(os.readlink(name_there, dir_fd=folder), where)
                    os.utime(where, ns=(item.mtime_ns, item.mtime_ns), follow_symlinks=False)
            names = tree.files()
            copied = each(functools.partial(self.copy, tree, target, tracked), names)
            digests.append(dict(zip(names, copied)))
            for path in sorted((path for path, item in tree.items.items() if item.kind == "d"), reverse=True):
                item = tree.items[path]
                where = os.path.join(target, path)
                os.chmod(where, item.mode if self.modes_are_real else 0o755)
                os.utime(where, ns=(item.mtime_ns, item.mtime_ns))
        return digests

    def tracked_modes(self, tree: Tree) -> dict[str, tuple[bool, bool]]:
        """Return for each tracked file whether Git has it as executable, and whether Git looks at the drive's bit."""
        modes = {}
        for folder in tree.repositories:
            here = os.path.join(tree.source, folder)
            keeps = self.person.git(here, "config", "--type=bool", "core.fileMode").out.strip() != "false"
            listed = self.person.git(here, "ls-files", "-z", "--stage")
            for name, executable in workspace_plan.parse_index(listed.out if listed.code == 0 else "").items():
                modes[os.path.join(folder, name)] = (executable, keeps)
        return modes

    def copy(self, tree: Tree, target: str, tracked: Mapping[str, tuple[bool, bool]], path: str) -> str:
        """Copy one file with its mode and time, and return the SHA-256 of what was read."""
        item, where = tree.items[path], os.path.join(target, path)
        digest = hashlib.sha256()
        head = b""
        with tree.opened(path) as place, files.opened(place[1], place[0]) as source, open(where, "xb") as copy:
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
            with open(file, "w", encoding="utf-8", errors="surrogateescape") as handle:
                handle.write(("gitdir: " if link.how == "file" else "") + leads_to + "\n")

    # The proof

    def verify(self, digests: list[dict[str, str]]) -> None:
        """Raise WorkspaceError unless the copy is what the original is, and the original what it was."""
        rewritten = {self.moved(link.file, staged=True) for link in self.links}
        count = 0
        for (_tree, name), read in zip(self.trees, digests):
            target = self.place(name, staged=True)
            paths = [path for path in read if os.path.join(target, path) not in rewritten]
            written = each(file_digest, [os.path.join(target, path) for path in paths])
            wrong = [path for path, digest in zip(paths, written) if digest != read[path]]
            if wrong:
                raise WorkspaceError(
                    f"{os.path.join(target, wrong[0])} is not what was copied: look at the disk's health."
                )
            count += len(read)
        self.proof = {"files": count, "bytes": self.size}
        try:
            self.verify_git()
            self.verify_go()
        except WorkspaceError:
            # An original that changed meanwhile is the better reason.
            self.verify_unchanged()
            raise
        self.verify_unchanged()

    def verify_git(self) -> None:
        """Compare what Git says of each repository and of its copy; raise WorkspaceError where it differs."""
        repositories, checked = 0, set()
        for tree, name in self.trees:
            for folder in tree.repositories:
                source = os.path.join(tree.source, folder)
                target = os.path.join(self.place(name, staged=True), folder)
                done = self.person.git(source, "rev-parse", "--git-dir")
                if done.code:
                    self.notes.append(workspace_plan.unread(source, done.err))
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
                done = self.person.git(target, "fsck", "--full", "--no-dangling", "--no-progress")
                if workspace_plan.is_of_odd_form(done.code, done.out + done.err):
                    self.notes.append(
                        f"git fsck does not like the form of some commits in {source}, which are copied as they are"
                    )
                elif done.code:
                    raise WorkspaceError(
                        f"git fsck finds {source} damaged ({done.reason}): fix the repository first; nothing was "
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
                # In a submodule Git would look at no owner, and each is compared by itself.
                folder,
                "status",
                "--porcelain=v2",
                "--branch",
                "--untracked-files=all",
                "--ignore-submodules=dirty",
            ),
            "stashes": ask(folder, "stash", "list", "--format=%H %gs"),
        }

    def verify_go(self) -> None:
        """Compare `go list`, and the tests if wished, with the original's; raise WorkspaceError at a difference."""
        main, name = self.trees[0]
        target = self.place(name, staged=True)
        if main.items.get("go.mod") is None and main.items.get("go.work") is None:
            return
        go = self.person.go()
        if go is None:
            self.notes.append(f"{self.person.account.name} has no Go yet, so go list was not compared")
            return
        how = {"GOPROXY": "off"} if main.items.get("go.work") else {"GOPROXY": "off", "GOWORK": "off"}
        how.update(go_flags.leave_go_mod(self.person.run(main.source, [go, "env", "GOFLAGS"], **how).out.strip()))
        # Go would have Git look at the tree, and what its settings name would run.
        words = [go, "list", "-buildvcs=false", "./..."]
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
            environment = {**self.person.environment, **how}
            # A path in it may lead elsewhere from the copy.
            for folder in (main.source, target):
                reason = go_sources.find_code_of_others(folder, "user") or go_sources.find_built_of_others(
                    go, folder, environment, ("-buildvcs=false", "./..."), "user"
                )
                if reason:
                    raise WorkspaceError(reason)
            words = [go, "test", "-buildvcs=false", "-json", "./..."]
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
        """Look at the originals again; raise WorkspaceError where one changed. The time of a folder does not count."""
        scanner = Scanner(self.person, self.project.ignored)
        for tree, _place in self.trees:
            now = scanner.tree(tree.source, tree.real).items
            for path in {**tree.items, **now}:
                before, after = tree.items.get(path), now.get(path)
                if before != after and not (before and after and before.kind == after.kind == "d"):
                    raise self.changed(os.path.join(tree.source, path))

    # The end

    def finish(self, digests: list[dict[str, str]]) -> None:
        """Give the copy its name: the project last, because it is what counts."""
        project = self.project
        digest = hashlib.sha256(repr([sorted(tree.items()) for tree in digests]).encode()).hexdigest()
        staged = self.place(os.path.basename(project.target), staged=True)
        mark = workspace_plan.mark(project, digest)
        os.setxattr(staged, ATTRIBUTE, mark)
        worktrees = self.place(os.path.basename(project.worktrees), staged=True)
        self.keep_base(staged, mark, digests[0])
        os.sync()
        if os.path.isdir(worktrees):
            os.setxattr(worktrees, ATTRIBUTE, UNFINISHED)
            os.rename(worktrees, project.worktrees)
        os.rename(staged, project.target)
        settle(project)

    def keep_base(self, staged: str, mark: bytes, digests: Mapping[str, str]) -> None:
        """Keep what both sides are now, so that a later sync knows which of them changed."""
        files_kept = {}
        for path, item in self.trees[0][0].items.items():
            if item.kind == "d" or workspace_base.is_of_git(path):
                continue
            content = digests[path] if item.kind == "f" else link_digest(os.readlink(os.path.join(staged, path)))
            files_kept[path] = item.entry(content)
        try:
            workspace_base.write(self.person.account.home, self.project.target, mark, files_kept)
        except OSError as error:
            self.notes.append(
                f"{error.filename} could not be written ({error.strerror}), so a sync cannot say which side changed"
            )

    def clear(self) -> None:
        """Remove what an unfinished copy left."""
        clear(self.project)


def each(function: Callable[[str], T], names: Sequence[str]) -> list[T]:
    """Call C(function) for every name, several at once. The threads are gone before another program is started."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(function, names))


def file_digest(path: str, folder: int | None = None) -> str:
    """Return what a file is compared by, in an open folder if one is given."""
    digest = hashlib.sha256()
    with files.opened(path, folder) as handle:
        for chunk in iter(lambda: handle.read(CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def link_digest(leads_to: str) -> str:
    """Return what a symbolic link is compared by."""
    return hashlib.sha256(os.fsencode(leads_to)).hexdigest()


def _attribute(path: str) -> bytes | None:
    try:
        return os.getxattr(path, ATTRIBUTE, follow_symlinks=False)
    except OSError:
        return None


def is_copied(project: Project) -> bool:
    """Return whether the target is the finished copy of this source."""
    value = _attribute(project.target)
    return value is not None and workspace_plan.marked_source(value) == project.source


def settle(project: Project) -> None:
    """Tidy what is left once the project has its name, also in the run after one that was killed here."""
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
    """Return the half copies that a killed run left; never what bears no mark of ours, or is another account's."""
    paths = []
    if _is_own_folder(project.stage) and (_attribute(project.stage) == UNFINISHED or not os.listdir(project.stage)):
        paths.append(project.stage)
    if (
        not os.path.lexists(project.target)
        and _is_own_folder(project.worktrees)
        and _attribute(project.worktrees) == UNFINISHED
    ):
        paths.append(project.worktrees)
    return paths


def _is_own_folder(path: str) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def clear(project: Project) -> list[str]:
    """Remove half copies; return them."""
    paths = leftovers(project)
    for path in paths:
        files.remove_tree(path)
        if os.path.lexists(path):
            raise OSError(errno.ENOTEMPTY, "this half copy could not be removed whole", path)
    return paths


def shown_notes(notes: Sequence[str]) -> list[str]:
    """Return the first of the notes about a project, each cut to what a person reads, and how many more there are."""
    more = len(notes) - MOST_NOTES
    return [text.line(note) for note in notes[:MOST_NOTES]] + (
        [f"and {more} more notes like these"] if more > 0 else []
    )


def git_is_there(environment: Mapping[str, str]) -> bool:
    """Return whether the environment's PATH has a Git."""
    return shutil.which("git", path=environment.get("PATH", os.defpath)) is not None


def _is_empty(path: str) -> bool:
    try:
        return os.path.isdir(path) and not os.path.islink(path) and not os.listdir(path)
    except PermissionError:
        # What the user may not look into is somebody else's.
        return False


class Courier:
    """What the module has a project's user do. It lives in a process of that user's for as long as the module runs.

    What was read of a project when all were checked is kept until it is copied, so that a slow drive is not read twice.
    """

    def __init__(self, account: accounts.Account, mounts: Sequence[mountinfo.Mount]) -> None:
        self.account, self.mounts = account, mounts
        self._copies: dict[str, Copy] = {}

    def folder(self, path: str) -> str:
        """Return the folder C(path) without links; WorkspaceError when the user finds none there."""
        try:
            if stat.S_ISDIR(os.stat(path).st_mode):
                return os.path.realpath(path)
        except PermissionError:
            raise WorkspaceError(
                f"{path} cannot be read by {self.account.name}: give that user the right; nothing was changed."
            ) from None
        except OSError:
            pass
        raise WorkspaceError(f"workspace_projects has source {path}, which is not a directory on this machine.")

    def target(self, path: str) -> str:
        """Return C(path) without links above it."""
        return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))

    def check_target(self, project: Project) -> None:
        """Raise WorkspaceError where another account could have something else take the place of the half copy.

        Whoever works on it would write into, change the modes of, and at an error remove what is there by then.
        """
        try:
            with contextlib.suppress(FileNotFoundError), files.place(project.stage, follow=False, alone=True):
                pass
        except files.NotOurs as error:
            other = "name the project's user or choose" if os.geteuid() == 0 else "choose"
            raise WorkspaceError(
                f"The target {project.target} can be replaced by another account, which may write in "
                f"{error.filename}: {other} another target; nothing was changed."
            ) from None

    def is_copied(self, project: Mapping[str, Any]) -> bool:
        """Return whether the target is a finished copy of this project."""
        return is_copied(Project(**project))

    def scan(self, values: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
        """Read a project that is to be copied; return what is worth knowing. WorkspaceError when it cannot be."""
        project = Project(**values)
        person = Person(self.account, environment, self.mounts)
        self.check_target(project)
        if os.path.lexists(project.target) and not _is_empty(project.target):
            raise WorkspaceError(
                f"The target {project.target} exists and is not wsltune's copy of {project.source}: choose another "
                "target, or move it away; nothing was changed."
            )
        left = leftovers(project)
        for path in (project.stage, project.worktrees):
            if os.path.lexists(path) and path not in left:
                raise WorkspaceError(f"{path} exists and is not wsltune's: move it away or choose another target.")
        if os.path.lexists(os.path.join(project.source, ".git")) and not git_is_there(environment):
            raise WorkspaceError(f"{project.source} is a Git project and there is no git here: install git first.")
        copy = Copy(project, person)
        copy.scan()
        if not left:
            copy.check_room()
        self._copies[project.source] = copy
        return shown_notes(copy.notes)

    def check_room(self, source: str) -> None:
        """Raise WorkspaceError where the file system of the target has not enough room."""
        self._copies[source].check_room()

    def make(self, source: str) -> dict[str, Any]:
        """Copy the project that was read; return what was compared, and what is worth knowing."""
        copy = self._copies.pop(source)
        copy.make()
        return {"proof": copy.proof, "notes": shown_notes(copy.notes)}

    def tidy(self, values: Mapping[str, Any], check: bool) -> list[str]:
        """Finish what a killed run left, or remove it and return what that was; only looks with C(check)."""
        project = Project(**values)
        if is_copied(project):
            if not check:
                settle(project)
            return []
        if leftovers(project):
            self.check_target(project)
        return leftovers(project) if check else clear(project)
