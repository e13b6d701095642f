# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was there before: every file is recorded at its first touch, replaced atomically and restored exactly.

An entry knows three contents of a file: C(base), what it would be without wsltune; C(written), what wsltune last
wrote; and C(before_run), what it was when the current run first touched it. An entry is on disk before the file
changes, so a run that is killed at any moment leaves a file that is either old or new, and both are known.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Callable, Literal, Optional
from urllib.parse import quote

from ansible_collections.wsltune.go.plugins.module_utils import trail
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, files, process, text
from ansible_collections.wsltune.go.plugins.module_utils.linux.files import FileState

ROOT = "/var/lib/wsltune"
BEFORE, DECISIONS, IN_FORCE = "before.json", "decisions.json", "in_force.json"
"""Records beside the journal: what each user's Go had before the first run, and what was decided about levers."""
KEPT_SUFFIX = ".distrib"
FORMAT = 2
"""Of an entry's file. The first one had neither this number nor a checksum, and the quoted path for a name."""

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "only_this_run": {"type": "bool", "default": False},
    "run": {"type": "str", "default": ""},
}
"""What modules that use the journal take; doc_fragments/rollback.py describes it."""

LARGEST_OF_A_USER = 1 << 20
"""Bytes of a user's file that is kept here or restored; with a larger one root would be busy for minutes."""

PATIENCE = 60.0
"""Seconds that another run may hold the journal, which it does for one file at a time, and another program a file."""

Revert = Callable[[Optional[bytes], bytes, bytes], Optional[bytes]]
Part = Callable[[bytes, bytes], bytes]
"""Takes an earlier and the present content; returns the present one with a role's part as the earlier one has it."""


class Damaged(OSError):
    """An entry that cannot be read; nothing of it can be relied on."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(errno.EBADMSG, f"a record that cannot be read ({reason})", path)

    @property
    def sentence(self) -> str:
        """Return what the user is to do about it, for a message that goes on."""
        return (
            f"{self.filename} is {self.strerror}, so what it is about was not restored; bring that file back from a "
            "backup, or remove it"
        )


@dataclass
class Entry:
    """One touched path."""

    path: str
    role: str
    base: FileState | None
    written: bytes | None = None
    previous: bytes | None = None
    meta: list[int] | None = None
    run: str = ""
    before_run: FileState | None = None
    directories: list[str] = field(default_factory=list)
    displaced: bool = False
    directory: bool = False
    foreign: bool = False
    uid: int = 0
    gid: int = 0
    others: list[str] = field(default_factory=list)

    @property
    def roles(self) -> list[str]:
        """List every role that has a part in the path, the first to touch it first."""
        return [self.role, *self.others]

    def to_json(self) -> dict[str, Any]:
        """Return the entry as it is kept; bytes are base64."""
        data = dict(vars(self))
        for key in ("base", "before_run"):
            data[key] = data[key].to_json() if data[key] is not None else None
        for key in ("written", "previous"):
            data[key] = base64.b64encode(data[key]).decode("ascii") if data[key] is not None else None
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Entry:
        """Read a kept entry; raise ValueError for a field that this version does not know."""
        data = dict(data)
        unknown = set(data) - {part.name for part in dataclasses.fields(cls)}
        if unknown:
            raise ValueError(unknown)
        for key in ("base", "before_run"):
            data[key] = FileState.from_json(data[key])
        for key in ("written", "previous"):
            data[key] = base64.b64decode(data[key]) if data[key] is not None else None
        return cls(**data)


def _sum(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode("ascii")).hexdigest()


def _parse(path: str, content: bytes) -> Entry:
    """Return the entry in the text of its file; Damaged when it is none."""
    try:
        data = json.loads(content)
    except ValueError:
        raise Damaged(path, "it is no JSON, such as a file that was cut off") from None
    try:
        if "format" in data:
            if data["format"] != FORMAT:
                raise Damaged(path, f"its format is {data['format']!r}, such as that of a newer wsltune")
            if data["sha256"] != _sum(data["entry"]):
                raise Damaged(path, "its checksum is another one")
            data = data["entry"]
        return Entry.from_json(data)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Damaged(path, "a field is missing, unknown or of another kind") from None


def content_without_us(entry: Entry, content: bytes, revert: Revert | None) -> bytes | None:
    """Return what a file with C(content) would be without wsltune's part; None for no file.

    A content that wsltune wrote or found, also one that a killed run was about to replace, stands for the base.
    """
    base = entry.base.content if entry.base else None
    if entry.written is None or _is_known(entry, content) or revert is None:
        return base
    return revert(base, entry.written, content)


@dataclass
class Restored:
    """What restoring a path came to.

    C(kept) is a sentence about what someone else changed since, and C(left) says why the path could not be restored.
    """

    path: str
    changed: bool
    kept: str | None = None
    left: str | None = None


@dataclass(frozen=True)
class Way:
    """How a file is restored that someone else has a part in.

    C(revert) returns the content without wsltune's part where someone else edited the file since (None: no file);
    without it such a file stays as it is. C(part): where another role has a part in the file too, only the role's own
    is restored.
    """

    revert: Revert | None = None
    part: Part | None = None


@dataclass(frozen=True)
class Step:
    """What a restore does with the path of C(entry): C(restore) it, C(remove) it, or C(keep) it as it is.

    C(fail): its state could not be read. C(reason) names what someone else changed since and therefore stays, or the
    failure; empty where there is neither. C(current) is what stands there, and C(target) what will; neither is known
    of a program that was displaced.
    """

    entry: Entry
    action: Literal["restore", "remove", "keep", "fail"]
    reason: str = ""
    current: FileState | None = None
    target: FileState | None = None
    way: Way = Way()
    run_only: bool = False
    role: str = ""

    @property
    def path(self) -> str:
        """The path that the step restores."""
        return self.entry.path

    @property
    def restored(self) -> Restored:
        """What carrying this out comes to."""
        if self.action == "fail":
            return Restored(self.path, False, left=self.reason)
        return Restored(self.path, self.action != "keep", self.reason or None)

    @property
    def texts(self) -> tuple[str | None, str | None]:
        """What the file says now and what it will say; None for no file."""
        return _text(self.current), _text(self.target)

    @property
    def diff(self) -> list[dict[str, str]]:
        """What carrying this out changes in the text of a file, for Ansible's --diff."""
        return diff(self.path, *self.texts)


def diff(path: str, before: str | None, after: str | None) -> list[dict[str, str]]:
    """Return what differs between two texts of a file, for Ansible's --diff; None is no file."""
    if before == after:
        return []
    was, now = text.for_diff(before or "", after or "")
    names = [path if content is not None else "/dev/null" for content in (before, after)]
    return [{"before_header": names[0], "after_header": names[1], "before": was, "after": now}]


def _most(uid: int) -> int:
    """Return how many bytes of a file are read that the account C(uid) may write."""
    return LARGEST_OF_A_USER if uid else files.LARGEST


def _text(state: FileState | None) -> str | None:
    return None if state is None else text.decode(state.content)


def judge_restore(entry: Entry, current: FileState | None, way: Way, run_only: bool) -> Step:
    """Return what restoring a file comes to whose content is C(current) now (None: there is none)."""
    target = entry.before_run if run_only else entry.base
    if current is None:
        return Step(entry, "keep", "" if target is None else _removed(entry))
    reason = _edited(entry) if entry.foreign else ""
    if not _is_known(entry, current.content):
        reason = _edited(entry)
        if way.revert is None or entry.written is None:
            return Step(entry, "keep", reason, current, current)
        content = content_without_us(entry, current.content, way.revert)
        target = None if content is None else dataclasses.replace(current, content=content, mtime_ns=0)
        if content == current.content:
            target = current
    elif target and current.content == entry.written and [current.mode, current.uid, current.gid] != entry.meta:
        reason = f"{entry.path} was given another mode or owner since; these stay"
        target = dataclasses.replace(target, mode=current.mode, uid=current.uid, gid=current.gid)
    if target == current:
        return Step(entry, "keep", reason, current, current)
    return Step(entry, "remove" if target is None else "restore", reason, current, target)


def judge_part(entry: Entry, current: FileState | None, part: Part, run_only: bool) -> Step:
    """Return what restoring one role's part of a file comes to; the others' stays."""
    before = entry.before_run if run_only else entry.base
    if current is None:
        return Step(entry, "keep", _removed(entry))
    content = part(before.content if before else b"", current.content)
    reason = "" if _is_known(entry, current.content) else _edited(entry)
    if content == current.content:
        return Step(entry, "keep", reason, current, current)
    return Step(entry, "restore", reason, current, dataclasses.replace(current, content=content, mtime_ns=0))


def judge_displaced(entry: Entry, begins: bytes | None, kept: str) -> Step:
    """Return what restoring a program comes to that C(begins) so; C(kept) is what files.Files.what_is_kept() says."""
    if not kept:
        return Step(entry, "keep")
    if begins is not None and not _stands_in(entry.path, begins):
        if kept == "same":
            # The run was killed before the replacement.
            return Step(entry, "restore")
        # A new toolchain was installed over it.
        reason = (
            f"{entry.path} was replaced by someone else since and stays so; the earlier one is "
            f"{entry.path + KEPT_SUFFIX}"
        )
        return Step(entry, "keep", reason)
    edited = begins is not None and begins != entry.written
    reason = f"{entry.path} was edited by someone else since; that edit is gone" if edited else ""
    return Step(entry, "restore", reason)


def _edited(entry: Entry) -> str:
    return f"{entry.path} was edited by someone else since; that edit stays"


def _removed(entry: Entry) -> str:
    return f"{entry.path} was removed by someone else and stays so"


def _not_restored(path: str, error: OSError) -> str:
    return f"{path} could not be restored: {text.line(error.strerror or error)}; fix that, then run again"


def read_record(name: str, root: str = ROOT) -> dict[str, Any]:
    """Return what was kept under C(name) beside the journal; empty when nothing was, or only root may read it.

    Also when it cannot be understood: it holds nothing that would be needed for the way back.
    """
    try:
        with open(os.path.join(root, name), encoding="utf-8") as handle:
            data = json.load(handle)
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def write_record(name: str, data: dict[str, Any], root: str = ROOT) -> None:
    """Keep C(data) under C(name) beside the journal, for root alone."""
    os.makedirs(root, mode=0o700, exist_ok=True)
    content = json.dumps(data, indent=1, sort_keys=True).encode("utf-8")
    files.Files().put(os.path.join(root, name), FileState.own(content))


def forget_record(name: str, root: str = ROOT) -> None:
    """Remove what was kept under C(name)."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(root, name))


class Journal:
    """The record of originals under C(root), which only root can read."""

    def __init__(self, root: str = ROOT, run: str = "", pool: become.Pool | None = None) -> None:
        self.root = root
        self.run = run
        self.pool = pool or become.Pool()
        self._own = files.Files()
        self._directory = os.path.join(root, "journal")
        # A journal that is kept elsewhere is a test's, and its changes are none of this machine's.
        self.trail = trail.PATH if root == ROOT else ""

    def _file(self, path: str) -> str:
        name = hashlib.sha256(os.fsencode(path)).hexdigest()
        return os.path.join(self._directory, name + ".json")

    def _file_of_first_format(self, path: str) -> str:
        return os.path.join(self._directory, quote(path, safe="") + ".json")

    def _hands(self, entry: Entry) -> files.Files:
        return self.pool.of(accounts.identity_of(entry.uid, entry.gid))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # One by one: the umask would count for a folder on the way, and could let others in.
        for folder in (self.root, self._directory):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        os.chmod(self.root, 0o700)
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise OSError(errno.EBUSY, "another run of wsltune works with it", self._directory) from None
                time.sleep(0.05)

    def entry(self, path: str) -> Entry | None:
        """Return what is recorded for C(path), which has no links in it; None when it was never touched."""
        for file in (self._file(path), self._file_of_first_format(path)):
            with contextlib.suppress(FileNotFoundError):
                entry = self._read(file)
                if entry.path == path:
                    return entry
                raise Damaged(file, f"it is about {entry.path}")
        return None

    @staticmethod
    def _read(file: str) -> Entry:
        try:
            with open(file, "rb") as handle:
                return _parse(file, handle.read())
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), file) from None
            raise

    def _look(self) -> Iterator[Entry | Damaged]:
        try:
            names = os.listdir(self._directory)
        except FileNotFoundError:
            return
        for name in names:
            if name.endswith(".json"):
                try:
                    yield self._read(os.path.join(self._directory, name))
                except Damaged as error:
                    yield error

    def entries(self, role: str | None = None) -> list[Entry]:
        """Return every entry (of one role) that can be read, in the order of their paths."""
        entries = [entry for entry in self._look() if isinstance(entry, Entry)]
        return sorted(
            (entry for entry in entries if role is None or role in entry.roles),
            key=lambda entry: os.fsencode(entry.path),
        )

    def damaged(self) -> list[str]:
        """Return a sentence about each entry that cannot be read."""
        return sorted(entry.sentence for entry in self._look() if isinstance(entry, Damaged))

    def _save(self, entry: Entry) -> None:
        data = entry.to_json()
        content = json.dumps({"format": FORMAT, "sha256": _sum(data), "entry": data}, sort_keys=True).encode("ascii")
        self._own.put(self._file(entry.path), FileState.own(content))
        with contextlib.suppress(OSError):
            os.unlink(self._file_of_first_format(entry.path))

    def _forget(self, entry: Entry) -> None:
        for file in (self._file(entry.path), self._file_of_first_format(entry.path)):
            with contextlib.suppress(OSError):
                os.unlink(file)

    def _touch(self, path: str, role: str, current: FileState | None, revert: Revert | None) -> Entry:
        """Return the entry for C(path) as it must be before the next write."""
        entry = self.entry(path)
        if entry is None:
            entry = Entry(path, role, current, run=self.run, before_run=current)
        elif current is not None and not _is_known(entry, current.content) and entry.written is not None:
            # Someone edited the file between two runs: their change belongs to what a rollback restores.
            entry.foreign = True
            # Two attempts of a rollout are one run, and what somebody edited between them must not get lost with it.
            entry.before_run = current if revert is None else _edit_of(entry.before_run, entry, current, revert)
            if revert is not None:
                entry.base = _edit_of(entry.base, entry, current, revert)
        if entry.run != self.run:
            entry.run, entry.before_run = self.run, current
        entry.previous = current.content if current is not None else None
        return entry

    def write(
        self,
        path: str,
        content: bytes,
        *,
        role: str,
        mode: int | None = None,
        owner: process.Identity | None = None,
        revert: Revert | None = None,
        shared: bool = False,
    ) -> None:
        """Record C(path) and replace it. An existing file keeps its mode and owner unless C(mode) is given.

        C(revert) tells how to take wsltune's part out of a file that someone else edited too (see M(restore)).
        C(owner): the account whose file it is, which then does it itself. C(shared): several roles have a part in it.
        """
        hands = self.pool.of(owner)
        with self._locked():
            path = hands.real(path)
            # An entry keeps everybody else from its path, so an account gets none where it could not write anyway.
            obstacle = hands.obstacle(path) if owner is not None else ""
            if obstacle:
                raise OSError(errno.EPERM, obstacle, path)
            current = hands.read(path, _most(owner.uid if owner else 0))
            entry, state = self._plan(path, content, current, role, mode, owner, revert, shared)
            entry.directories = sorted(set(entry.directories) | set(hands.missing(os.path.dirname(path))))
            self._save(entry)
            hands.put(path, state, current.content if current else None)
            self._note("write", path, role, current.content if current else None, content)

    def edit(
        self,
        path: str,
        make: Callable[[bytes], bytes],
        *,
        role: str,
        mode: int | None = None,
        revert: Revert | None = None,
        shared: bool = False,
    ) -> None:
        """Have a file of the system say what C(make) returns for its content; the rest is as with M(write).

        Another program may change it at the same time; it is made again from that then, and nothing is lost.
        """
        until = time.monotonic() + PATIENCE
        with self._locked():
            path = self._own.real(path)
            current = self._own.read(path)
            recorded = None
            while True:
                content = make(current.content if current else b"")
                entry, state = self._plan(path, content, current, role, mode, None, revert, shared)
                if recorded is None:
                    # Once is enough to know the file again; each time would leave the other program time to change it.
                    recorded = content
                    entry.directories = sorted(set(entry.directories) | set(self._own.missing(os.path.dirname(path))))
                    self._save(entry)
                try:
                    self._own.put(path, state, current.content if current else None)
                except files.ChangedMeanwhile:
                    if time.monotonic() > until:
                        raise
                    current = self._own.read(path)
                    continue
                if content != recorded:
                    self._save(entry)
                self._note("write", path, role, current.content if current else None, content)
                return

    def _plan(
        self,
        path: str,
        content: bytes,
        current: FileState | None,
        role: str,
        mode: int | None,
        owner: process.Identity | None,
        revert: Revert | None,
        shared: bool,
    ) -> tuple[Entry, FileState]:
        """Return the entry for C(path) and what shall stand there, where it may be written."""
        uid, gid = (owner.uid, owner.gid) if owner else (0, 0)
        known = self.entry(path)
        if known is not None and (known.uid != uid or (role not in known.roles and not shared)):
            # Such as a user's settings file that is a link to a file of the system.
            raise OSError(errno.EPERM, "it is kept for another purpose already", path)
        entry = self._touch(path, role, current, revert)
        if role not in entry.roles:
            entry.others = sorted([*entry.others, role])
        new = (owner.uid, owner.gid) if owner else (os.geteuid(), os.getegid())
        state = FileState(
            content,
            mode if mode is not None else (current.mode if current else 0o644),
            current.uid if current else new[0],
            current.gid if current else new[1],
            0,
        )
        entry.uid, entry.gid = uid, gid
        entry.written, entry.meta = content, [state.mode, state.uid, state.gid]
        return entry, state

    def displace(self, path: str, content: bytes, *, role: str, owner: process.Identity | None = None) -> str | None:
        """Put C(content) at C(path) and keep the file that stood there beside it, under the same inode.

        Returns where an earlier original went that was kept there already.
        """
        uid, gid = (owner.uid, owner.gid) if owner else (0, 0)
        hands = self.pool.of(owner)
        with self._locked():
            begins = hands.head(path)
            replaced = begins is not None and _stands_in(path, begins)
            if not replaced and self.entry(path) is None and hands.what_is_kept(path, KEPT_SUFFIX) == "other":
                raise OSError(errno.EEXIST, "it is somebody else's", path + KEPT_SUFFIX)
            self._save(Entry(path, role, None, content, displaced=True, run=self.run, uid=uid, gid=gid))
            # A newer original may stand there, such as a toolchain that was unpacked again.
            moved = hands.keep_beside(path, KEPT_SUFFIX, content, replaced)
            self._note("displace", path, role, None, content)
            return None if moved is None else str(moved)

    def make_directory(self, path: str, *, role: str) -> None:
        """Make C(path) and record what of it was missing, so that a rollback removes it once it is empty."""
        missing = self._own.missing(path)
        if not missing:
            return
        with self._locked():
            entry = self.entry(path) or Entry(path, role, None, directory=True, run=self.run)
            entry.directories = sorted(set(entry.directories) | set(missing))
            self._save(entry)
            self._own.make_folders(path)

    def restore(
        self, path: str, revert: Revert | None = None, run_only: bool = False, role: str = "", part: Part | None = None
    ) -> Restored:
        """Restore C(path): as it was before the first touch or, with C(run_only), before this run's first touch.

        C(revert) and C(part) are those of M(Way). C(kept) names what someone else changed since.
        """
        if self.entry(path) is None:
            with contextlib.suppress(files.NotOurs):
                path = self._own.real(path)
        if self.entry(path) is None:
            return Restored(path, False)
        way = Way(revert, part)
        with self._locked():
            entry = self.entry(path)
            if entry is None or (run_only and entry.run != self.run):
                return Restored(path, False)
            hands = self._hands(entry)
            if not _is_shared(entry, way, role):
                hands.forget_temporary(path)
            step = _again(lambda: self._act(entry, self._judge(entry, hands, way, run_only, role), hands))
            if step.action != "keep":
                # Of a program that was displaced the content is not known here, and the change is one anyway.
                before = step.current.content if step.current else entry.written
                self._note(step.action, path, role or entry.role, before, step.target.content if step.target else None)
            return step.restored

    def _note(self, action: str, path: str, role: str, before: bytes | None, after: bytes | None) -> None:
        if self.trail:
            trail.note(action, path, role, before, after, self.trail)

    def plan_restore(
        self,
        role: str,
        way_of: Callable[[Entry], Way] | None = None,
        run_only: bool = False,
        wanted: Callable[[Entry], bool] | None = None,
    ) -> list[Step]:
        """Return what restoring each path of C(role) would do now, without doing it; M(carry_out) does.

        With C(run_only) only the paths that this run touched, to what they were before it. C(way_of) returns the way
        of an entry, and C(wanted) which entries are meant. A path that cannot be looked at is left, with the reason,
        and holds no other one back.
        """
        steps = []
        for entry in self.entries(role):
            if (run_only and entry.run != self.run) or (wanted is not None and not wanted(entry)):
                continue
            way = way_of(entry) if way_of else Way()
            try:
                step = self._judge(entry, self._hands(entry), way, run_only, role)
            except OSError as error:
                step = Step(entry, "fail", _not_restored(entry.path, error))
            steps.append(dataclasses.replace(step, way=way, run_only=run_only, role=role))
        return steps

    def carry_out(self, step: Step) -> Restored:
        """Do what C(step) plans, by the file as it is now: someone may have changed it since it was planned.

        A path that cannot be restored stays recorded, and the reason is in C(left).
        """
        try:
            return self.restore(step.path, step.way.revert, step.run_only, step.role, step.way.part)
        except OSError as error:
            return Restored(step.path, False, left=_not_restored(step.path, error))

    @staticmethod
    def _judge(entry: Entry, hands: files.Files, way: Way, run_only: bool, role: str) -> Step:
        """Return what restoring the path of C(entry) comes to, by what stands there now."""
        if entry.directory:
            # Of the folders, those that are empty by then go.
            return Step(entry, "keep")
        if entry.displaced:
            return judge_displaced(entry, hands.head(entry.path), hands.what_is_kept(entry.path, KEPT_SUFFIX))
        current = hands.read(entry.path, _most(entry.uid))
        if way.part is not None and _is_shared(entry, way, role):
            step = judge_part(entry, current, way.part, run_only)
        else:
            step = judge_restore(entry, current, way, run_only)
        return dataclasses.replace(step, way=way, run_only=run_only, role=role)

    def _act(self, entry: Entry, step: Step, hands: files.Files) -> Step:
        """Carry out what was judged, and record what is left to be restored."""
        if _is_shared(entry, step.way, step.role):
            # First, because whoever writes after that finds the others' part alone on record.
            self._save(_entry_without_part(entry, step))
            _bring_about(step, hands)
        elif step.run_only and not entry.displaced and entry.before_run != entry.base:
            _bring_about(step, hands)
            written = entry.before_run.content if entry.before_run else None
            self._save(dataclasses.replace(entry, written=written, previous=written, run=""))
        else:
            if not entry.displaced:
                _bring_about(step, hands)
            elif step.action == "restore":
                _bring_back(entry, hands)
            self._forget(entry)
            hands.remove_folders(entry.directories)
        return step

    def close(self) -> None:
        """Remove the journal's folders, with what a killed run was writing there, when nothing is recorded any more."""
        for directory in (self._directory, self.root):
            with contextlib.suppress(OSError):
                names = os.listdir(directory)
                if all(name.endswith(files.TEMPORARY_SUFFIX) for name in names):
                    for name in names:
                        os.unlink(os.path.join(directory, name))
                    os.rmdir(directory)


def _again(act: Callable[[], Step]) -> Step:
    """Return what C(act) returns; it is done again as long as another program changes the file at the same time."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except files.ChangedMeanwhile:
            if time.monotonic() > until:
                raise


def _edit_of(earlier: FileState | None, entry: Entry, current: FileState, revert: Revert) -> FileState | None:
    """Return C(earlier) with what somebody else edited in C(current) since wsltune wrote the file (None: no file)."""
    content = revert(earlier.content if earlier else None, entry.written or b"", current.content)
    return None if content is None else FileState(content, current.mode, current.uid, current.gid, 0)


def _is_shared(entry: Entry, way: Way, role: str) -> bool:
    """Return whether other roles have a part in the file, so that it is not restored whole."""
    return way.part is not None and entry.roles != [role]


def _entry_without_part(entry: Entry, step: Step) -> Entry:
    """Return the entry of a shared file without the role of C(step), where its part goes for good."""
    entry = dataclasses.replace(entry)
    if not step.run_only:
        roles = [role for role in entry.roles if role != step.role]
        entry.role, entry.others = roles[0], roles[1:]
    if step.current is not None and step.target is not None and _is_known(entry, step.current.content):
        entry.written, entry.previous = step.target.content, step.current.content
    return entry


def _bring_about(step: Step, hands: files.Files) -> None:
    """Have the file be as C(step) says, unless someone changed it since it was judged (files.ChangedMeanwhile)."""
    if step.action == "remove":
        hands.remove(step.path)
    elif step.action == "restore" and step.target is not None:
        hands.put(step.path, step.target, step.current.content if step.current else None)


def _bring_back(entry: Entry, hands: files.Files) -> None:
    """Give a program its name back that is kept beside it; where both are one file, it has its name already."""
    if hands.what_is_kept(entry.path, KEPT_SUFFIX) == "same":
        hands.remove(entry.path + KEPT_SUFFIX)
    else:
        hands.give_back_kept(entry.path, KEPT_SUFFIX)


def _is_known(entry: Entry, content: bytes) -> bool:
    """Return whether C(content) is one that wsltune wrote or found: nobody else has edited the file since."""
    known = [entry.written, entry.previous, entry.base.content if entry.base else None]
    return content in [value for value in known if value is not None]


def _stands_in(path: str, content: bytes) -> bool:
    """Return whether C(content) is a program that calls the one kept beside it, in whatever version or edited."""
    return content.startswith(b"#!") and os.fsencode(path + KEPT_SUFFIX) in content
