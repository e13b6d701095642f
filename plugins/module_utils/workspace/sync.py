# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare a copy with its original and with what both were, and carry over what one side alone changed.

All of it is done in a process of the project's user, as which Courier is asked; plan.py decides.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.workspace import base as workspace_base
from ansible_collections.wsltune.go.plugins.module_utils.workspace import copy as workspace_copy
from ansible_collections.wsltune.go.plugins.module_utils.workspace import find as workspace_find
from ansible_collections.wsltune.go.plugins.module_utils.workspace import plan as workspace_plan
from ansible_collections.wsltune.go.plugins.module_utils.workspace.copy import Item, Person, Scanner, Tree
from ansible_collections.wsltune.go.plugins.module_utils.workspace.places import WorkspaceError
from ansible_collections.wsltune.go.plugins.module_utils.workspace.plan import Branch, Project

NEW = ".wsltune-sync"


class Side:
    """The original or the copy: what lies there, without what belongs to Git or is ignored."""

    def __init__(self, person: Person, place: str, ignored: bool) -> None:
        self.place = place
        scanner = Scanner(person, ignored)
        self.tree: Tree = scanner.tree(place)
        self.repositories = self.tree.repositories
        self.passed_over = {os.path.relpath(path, place) for path in scanner.passed_over}
        self.items: dict[str, Item] = {
            path: item
            for path, item in self.tree.items.items()
            if item.kind != "d" and not workspace_base.is_of_git(path) and not path.endswith(NEW)
        }
        self.digests: dict[str, str] = {}

    def leave(self, passed_over: set[str]) -> None:
        """Leave out what either side ignores: it is not gone where the other one lists it."""
        self.items = {path: item for path, item in self.items.items() if not is_below(path, passed_over)}

    def read(self) -> None:
        """Read every file; a date or a size alone does not prove that nothing changed."""
        names = list(self.items)
        self.digests = dict(zip(names, workspace_copy.each(self.digest, names)))

    def digest(self, path: str) -> str:
        """Return the digest of what is at C(path) now; empty where nothing is."""
        try:
            with self.tree.opened(path) as (folder, name):
                if os.path.islink(f"/proc/self/fd/{folder}/{name}"):
                    return workspace_copy.link_digest(os.readlink(name, dir_fd=folder))
                return workspace_copy.file_digest(name, folder)
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def shown(self) -> dict[str, str]:
        """Return what each path is compared by."""
        return {path: f"{item.kind}:{self.digests[path]}" for path, item in self.items.items()}

    @contextlib.contextmanager
    def made(self, path: str) -> Iterator[tuple[int, str]]:
        """Open the folder of the relative C(path), made where it is missing, over no link."""
        folder, name = os.path.split(path)
        with contextlib.ExitStack() as stack:
            inner = stack.enter_context(files.opened_folder(self.tree.real))
            for part in filter(None, folder.split("/")):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=inner)
                inner = stack.enter_context(files.opened_inner(inner, part))
            yield inner, name


def temporary(name: str, token: str) -> str:
    """Return the name of a file that is not whole yet. Each sync has its own C(token), so no two write to one file."""
    return f".{name}.{token}{NEW}"


def is_below(path: str, folders: set[str]) -> bool:
    """Return whether C(path) or a folder above it is one of C(folders)."""
    while path:
        if path in folders:
            return True
        path = os.path.dirname(path)
    return False


class Sync:
    """One project, its original and its copy."""

    def __init__(self, project: Project, person: Person) -> None:
        self.project, self.person = project, person
        self.home = person.account.home
        try:
            self.mark = os.getxattr(project.target, workspace_copy.ATTRIBUTE, follow_symlinks=False)
        except OSError:
            self.mark = b""
        if workspace_plan.marked_source(self.mark) != project.source:
            raise WorkspaceError(f"{project.target} is not wsltune's copy of {project.source}: name the copy's target.")
        if not os.path.isdir(project.source) or os.path.samefile(project.source, project.target):
            raise WorkspaceError(f"{project.source} does not show the original: look at `findmnt {project.source}`.")

    def read(self) -> None:
        """Read both sides and what they were."""
        project = self.project
        self.there = Side(self.person, project.source, project.ignored)
        self.here = Side(self.person, project.target, project.ignored)
        passed_over = self.there.passed_over | self.here.passed_over
        kept = workspace_base.read(self.home, project.target, self.mark)
        for side in (self.there, self.here):
            side.leave(passed_over)
            side.read()
        self.unfinished = workspace_base.unfinished(self.home, project.target, self.mark)
        self.interrupted = ""
        if kept is not None and self.unfinished is not None:
            wrote_to = self.sides(self.unfinished.direction)[1]
            kept, carried = workspace_plan.after_carrying(kept, self.unfinished.files, wrote_to.shown())
            self.interrupted = (
                f"A sync {self.unfinished.direction} before this one ended in the middle, with {carried} of "
                f"{len(self.unfinished.files)} files carried over and none of them half; what it replaced is in "
                f"{self.unfinished.backup}."
            )
        self.base = None if kept is None else {path: it for path, it in kept.items() if not is_below(path, passed_over)}
        was = None if self.base is None else {path: f"{it['kind']}:{it['digest']}" for path, it in self.base.items()}
        self.states = workspace_plan.compare(was, self.there.shown(), self.here.shown())

    def sides(self, direction: str) -> tuple[Side, Side]:
        """Return the side that is read and the one that is written."""
        return (self.here, self.there) if direction == workspace_plan.TO_DRIVE else (self.there, self.here)

    # Git

    def head(self, folder: str) -> str | None:
        """Return the commit that a repository has checked out, None where there is none; empty before the first."""
        if not os.path.lexists(os.path.join(folder, ".git")):
            return None
        done = self.person.git(folder, "rev-parse", "--git-dir")
        if done.code:
            raise WorkspaceError(f"Git cannot read {folder} ({done.reason}): fix that, then run again.")
        done = self.person.git(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return done.out.strip() if done.code == 0 else ""

    def branches(self) -> list[Branch]:
        """List the branches of which the two sides have not the same commit."""
        here, there = self.project.target, self.project.source
        if not (self.head(here) and self.head(there)):
            return []

        def heads(folder: str) -> dict[str, str]:
            listed = self.person.ask_git(
                folder, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads"
            )
            names = dict(line.rsplit(" ", 1) for line in listed.splitlines())
            detached = self.person.git(folder, "symbolic-ref", "--quiet", "HEAD").code != 0
            return {**names, "HEAD": self.head(folder) or ""} if detached else names

        def knows(folder: str, commit: str) -> bool:
            return bool(commit) and self.person.git(folder, "cat-file", "-e", commit + "^{commit}").code == 0

        one, two = heads(here), heads(there)
        return [
            Branch(name, mine, theirs, knows(here, theirs), knows(there, mine))
            for name in sorted({*one, *two})
            for mine, theirs in [(one.get(name, ""), two.get(name, ""))]
            if mine != theirs
        ]

    def check(self) -> None:
        """Raise WorkspaceError where nothing may be written."""
        for folder in sorted({*self.here.repositories, *self.there.repositories, ""}):
            here, there = os.path.join(self.project.target, folder), os.path.join(self.project.source, folder)
            workspace_plan.check_heads(self.project, self.head(here), self.head(there))
        for side, other in ((self.there, self.here), (self.here, self.there)):
            if other.items and not side.items:
                workspace_plan.check_not_empty(side.place, len(self.base or {}))
        workspace_plan.check_conflicts(self.project, self.states, self.base is not None)

    # The inventory

    def left(self) -> list[str]:
        """List what else lies on the drive and is not copied, as sentences."""
        drive = workspace_plan.lies_on_drive(self.person.mounts, self.project.source)
        sentences = []
        for path in self.there.items:
            if os.path.basename(path) not in ("go.mod", "go.work"):
                continue
            content = files.Files().read(os.path.join(self.project.source, path), workspace_copy.LARGEST)
            text = "" if content is None else content.content.decode("utf-8", "replace")
            folder = os.path.join(self.project.source, os.path.dirname(path))
            for place in workspace_plan.places_outside(text, folder, self.project.source):
                sentences.append(f"{os.path.join(self.project.source, path)} names {place}, which is not copied")
        go = self.person.go()
        for name in ("GOCACHE", "GOMODCACHE", "GOPATH") if go else ():
            place = self.person.run(self.project.target, [str(go), "env", name]).out.strip()
            if place and workspace_plan.lies_on_drive(self.person.mounts, place):
                sentences.append(f"{name} is {place}, on the drive")
        if drive is not None:
            others = workspace_find.find([drive.mount_point])
            for found in others.projects:
                if not workspace_plan.inside(found["path"], self.project.source):
                    sentences.append(f"the Go project {found['path']} lies on the drive")
            if not others.complete:
                sentences.append(f"{drive.mount_point} was not looked at whole, so that more may lie there")
        return workspace_copy.shown_notes(sentences)

    def report(self) -> dict[str, Any]:
        """Return what both sides are, without a change."""
        differing = {path: state for path, state in self.states.items() if state != workspace_plan.UNCHANGED}
        return {
            "counts": workspace_plan.counts(self.states),
            "files": dict(list(differing.items())[:200]),
            "has_base": self.base is not None,
            "git": workspace_plan.branch_notes(self.project, self.branches()),
            "left": self.left(),
            "interrupted": self.interrupted,
        }

    # What is written

    def carry(self, direction: str, check: bool) -> dict[str, Any]:
        """Write on one side what the other one alone changed; return what was written, and where the old content is."""
        self.check()
        start, end = self.sides(direction)
        written, removed = workspace_plan.to_carry(self.states, direction)
        if direction == workspace_plan.TO_DRIVE:
            staying = [path for path in end.tree.items if path and path not in removed]
            workspace_plan.check_windows_names(written, staying)
        kept = os.path.join(
            workspace_base.folder(self.home, self.project.target),
            time.strftime("before-%Y%m%dT%H%M%S", time.gmtime()) + f".{time.time_ns() % 10**9:09d}",
        )
        result = {"written": written, "removed": removed, "backup": kept if written or removed else ""}
        if check:
            return result
        if self.unfinished is not None:
            self.tidy(self.unfinished)
            # What it carried over counts also if this one ends in the middle too, for which it is forgotten.
            self.keep_base(start, set())
        self.token = os.urandom(4).hex()
        if written or removed:
            os.makedirs(kept, mode=0o700)
            planned: dict[str, dict[str, Any] | None] = dict.fromkeys(removed)
            planned.update({path: start.items[path].entry(start.digests[path]) for path in written})
            carrying = workspace_base.Carrying(direction, kept, self.token, planned)
            workspace_base.begin(self.home, self.project.target, self.mark, carrying)
        try:
            # Those that go first make place for a folder where a file was, and the other way round.
            for path in removed:
                self.remove(end, path, kept)
            for path in written:
                self.write(start, end, path, kept)
        except OSError as error:
            raise WorkspaceError(
                f"{os.path.join(end.place, path)} could not be changed ({error.strerror}): fix that and run again, "
                f"which finishes it; what was there before is in {kept}."
            ) from error
        self.keep_base(start, {*written, *removed})
        workspace_base.end(self.home, self.project.target)
        return result

    def tidy(self, unfinished: workspace_base.Carrying) -> None:
        """Remove the half files that a sync left when it was killed; no other program knows their names."""
        side = self.sides(unfinished.direction)[1]
        for path in unfinished.files:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), side.tree.opened(path) as (folder, name):
                os.unlink(temporary(name, unfinished.token), dir_fd=folder)

    def keep(self, side: Side, path: str, kept: str) -> None:
        """Keep what is at C(path) now; WorkspaceError where that is not what was compared."""
        if side.digest(path) != side.digests.get(path, ""):
            raise self.changed(side, path, kept)
        if path not in side.items:
            return
        where = os.path.join(kept, path)
        os.makedirs(os.path.dirname(where), mode=0o700, exist_ok=True)
        with side.tree.opened(path) as (folder, name):
            if side.items[path].kind == "l":
                os.symlink(os.readlink(name, dir_fd=folder), where)
                return
            with files.opened(name, folder) as old, open(where, "xb") as copy:
                if self.pour(old, copy) != side.digests[path]:
                    raise self.changed(side, path, kept)
                os.fsync(copy.fileno())

    @staticmethod
    def changed(side: Side, path: str, kept: str) -> WorkspaceError:
        """Return the refusal of a file that changed since it was compared."""
        return WorkspaceError(
            f"{os.path.join(side.place, path)} changed while it was compared: close the programs that use the project, "
            f"then run again, which finishes it; what was there before is in {kept}."
        )

    @staticmethod
    def pour(source: Any, copy: Any) -> str:
        """Copy one open file to another; return the digest of what was read."""
        content = hashlib.sha256()
        for chunk in iter(lambda: source.read(workspace_copy.CHUNK), b""):
            content.update(chunk)
            copy.write(chunk)
        copy.flush()
        return content.hexdigest()

    def remove(self, side: Side, path: str, kept: str) -> None:
        """Remove a file that the other side removed, and the folders that are empty then."""
        self.keep(side, path, kept)
        with side.tree.opened(path) as (folder, name):
            os.unlink(name, dir_fd=folder)
        above = os.path.dirname(path)
        while above:
            try:
                with side.tree.opened(above) as (folder, name):
                    os.rmdir(name, dir_fd=folder)
            except OSError:
                break
            above = os.path.dirname(above)

    def write(self, start: Side, end: Side, path: str, kept: str) -> None:
        """Put what C(start) has at C(path) in its place at C(end): the old or the new, never half."""
        if path not in end.items:
            self.make_room(end, path)
        self.keep(end, path, kept)
        item = start.items[path]
        with start.tree.opened(path) as (folder, name), end.made(path) as (there, place):
            new = temporary(place, self.token)
            try:
                if item.kind == "l":
                    os.symlink(os.readlink(name, dir_fd=folder), new, dir_fd=there)
                else:
                    self.fill(start, end, path, (folder, name), (there, new), kept)
                if end.digest(path) != end.digests.get(path, ""):
                    raise self.changed(end, path, kept)
                os.rename(new, place, src_dir_fd=there, dst_dir_fd=there)
                # The base, on another disk, must not be there before the new name is. Not every drive has this.
                with contextlib.suppress(OSError):
                    os.fsync(there)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(new, dir_fd=there)
                raise

    @staticmethod
    def make_room(side: Side, path: str) -> None:
        """Remove the empty folder in the place of a file, as a sync leaves it that was killed before it did."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), side.tree.opened(path) as (folder, name):
            with files.opened_inner(folder, name) as inner:
                listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=inner)
                try:
                    with os.scandir(listed) as entries:
                        below = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
                finally:
                    os.close(listed)
            for entry in below:
                Sync.make_room(side, os.path.join(path, entry))
            os.rmdir(name, dir_fd=folder)

    def fill(self, start: Side, end: Side, path: str, source: tuple[int, str], new: tuple[int, str], kept: str) -> None:
        """Write the content of C(source) to the file C(new), with the mode of what it takes the place of."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(new[1], flags, 0o600, dir_fd=new[0])
        with open(descriptor, "wb") as copy, files.opened(source[1], source[0]) as handle:
            head = handle.read(4)
            handle.seek(0)
            if self.pour(handle, copy) != start.digests[path]:
                raise self.changed(start, path, kept)
            item, old = start.items[path], end.items.get(path)
            modes = [entry.mode for entry in start.items.values() if entry.kind == "f"]
            real = not workspace_plan.shows_no_modes(modes)
            mode = old.mode & 0o777 if old else workspace_plan.file_mode(item.mode, real, None, False, head)
            # A drive without metadata has no modes to set.
            with contextlib.suppress(PermissionError):
                os.fchmod(copy.fileno(), mode)
            with contextlib.suppress(PermissionError):
                os.utime(copy.fileno(), ns=(item.mtime_ns, item.mtime_ns))
            os.fsync(copy.fileno())

    def keep_base(self, start: Side, carried: set[str]) -> None:
        """Keep what both sides are the same in now; what one side still has alone keeps its old base."""
        base = dict(self.base or {})
        same = (workspace_plan.UNCHANGED, workspace_plan.BOTH_SAME)
        for path, state in self.states.items():
            if state not in same and path not in carried:
                continue
            base.pop(path, None)
            item = start.items.get(path)
            if item is not None:
                base[path] = item.entry(start.digests[path])
        workspace_base.write(self.home, self.project.target, self.mark, base)


class Courier:
    """What the module has a project's user do."""

    def __init__(self, account: accounts.Account, mounts: Sequence[mountinfo.Mount]) -> None:
        self.account, self.mounts = account, mounts

    def sync(
        self, values: Mapping[str, Any], environment: Mapping[str, str], direction: str, check: bool
    ) -> dict[str, Any]:
        """Compare a project's two sides and carry over what C(direction) says; return the report.

        A refusal is in it as C(refused), beside what was compared.
        """
        sync = Sync(Project(**values), Person(self.account, environment, self.mounts))
        writes = direction != workspace_plan.REPORT and not check
        with workspace_base.alone(self.account.home, sync.project.target, writes) as free:
            if not free:
                raise WorkspaceError(
                    f"Another sync of {sync.project.target} is at work, or waits for a drive that gives no answer: run "
                    "again when it has ended; this one wrote nothing."
                )
            return self.work(sync, direction, check)

    @staticmethod
    def work(sync: Sync, direction: str, check: bool) -> dict[str, Any]:
        """Return the report after what C(direction) says was done."""
        sync.read()
        report = sync.report()
        nothing: dict[str, Any] = {"written": [], "removed": [], "backup": "", "refused": ""}
        if direction == workspace_plan.REPORT:
            try:
                sync.check()
            except WorkspaceError as error:
                return {**report, **nothing, "in_the_way": str(error)}
            return {**report, **nothing, "in_the_way": ""}
        try:
            return {**report, **nothing, "in_the_way": "", **sync.carry(direction, check)}
        except WorkspaceError as error:
            return {**report, **nothing, "refused": str(error), "in_the_way": str(error)}
