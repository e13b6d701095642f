# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was there before: every file is recorded at its first touch, replaced atomically and given back exactly.

An entry knows three contents of a file: C(base), what it would be without wsltune; C(written), what wsltune last
wrote; and C(before_run), what it was when the current run first touched it. An entry is on disk before the file
changes, so a run that is killed at any moment leaves a file that is either old or new, and both are known.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import json
import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Optional
from urllib.parse import quote

ROOT = "/var/lib/wsltune"
BEFORE, DECISIONS = "before.json", "decisions.json"
"""Records beside the journal: what each user's Go had before the first run, and what was decided about levers."""
KEPT_SUFFIX = ".distrib"
TEMPORARY_SUFFIX = ".wsltune-new"

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "only_this_run": {"type": "bool", "default": False},
    "run": {"type": "str", "default": ""},
}
"""What modules that use the journal take; doc_fragments/rollback.py describes it."""

Revert = Callable[[Optional[bytes], bytes, bytes], Optional[bytes]]
Part = Callable[[bytes, bytes], bytes]
"""Takes an earlier and the present content; returns the present one with a role's part as the earlier one has it."""


@dataclass
class FileState:
    """A regular file as it stood: content, mode, owner and time of change."""

    content: bytes
    mode: int
    uid: int
    gid: int
    mtime_ns: int

    def to_json(self) -> dict[str, Any]:
        data = asdict(self)
        data["content"] = base64.b64encode(self.content).decode("ascii")
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any] | None) -> FileState | None:
        if data is None:
            return None
        return cls(**dict(data, content=base64.b64decode(data["content"])))


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
        return [self.role, *self.others]

    def to_json(self) -> dict[str, Any]:
        data = dict(vars(self))
        for key in ("base", "before_run"):
            data[key] = data[key].to_json() if data[key] is not None else None
        for key in ("written", "previous"):
            data[key] = base64.b64encode(data[key]).decode("ascii") if data[key] is not None else None
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Entry:
        data = dict(data)
        for key in ("base", "before_run"):
            data[key] = FileState.from_json(data[key])
        for key in ("written", "previous"):
            data[key] = base64.b64decode(data[key]) if data[key] is not None else None
        return cls(**data)


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
    """What giving a path back came to; C(kept) is a sentence about what someone else changed since."""

    path: str
    changed: bool
    kept: str | None = None


@contextlib.contextmanager
def acting_as(uid: int, gid: int) -> Iterator[None]:
    """Touch a user's files with that user's rights: a symbolic link in a home must not lead root astray."""
    if os.geteuid() != 0 or uid == 0:
        yield
        return
    groups = os.getgroups()
    umask = os.umask(0o022)
    try:
        own = os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        own = [gid]
    os.setgroups(own)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
        os.umask(umask)


def read_state(path: str) -> FileState | None:
    """Return the file at C(path), None when there is none; OSError when it is not a readable regular file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", path)
    with os.fdopen(descriptor, "rb") as handle:
        return FileState(handle.read(), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns)


def temporary_name(path: str) -> str:
    """A fixed name, so that what a killed run left is overwritten by the next one and removed by a rollback."""
    directory, name = os.path.split(path)
    return os.path.join(directory, "." + name + TEMPORARY_SUFFIX)


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_attributes(source: str, target: str) -> None:
    """Keep labels and ACLs of the file that is replaced, where the file system has them."""
    with contextlib.suppress(OSError):
        for name in os.listxattr(source):
            with contextlib.suppress(OSError):
                os.setxattr(target, name, os.getxattr(source, name))


def replace(path: str, state: FileState) -> None:
    """Put C(state) at C(path) in one atomic step that is on disk when this returns."""
    temporary = temporary_name(path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(state.content)
            if (os.fstat(handle.fileno()).st_uid, os.fstat(handle.fileno()).st_gid) != (state.uid, state.gid):
                os.fchown(handle.fileno(), state.uid, state.gid)
            os.fchmod(handle.fileno(), state.mode)
            handle.flush()
            if state.mtime_ns:
                os.utime(handle.fileno(), ns=(state.mtime_ns, state.mtime_ns))
            os.fsync(handle.fileno())
        _copy_attributes(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_directory(os.path.dirname(path))


def read_record(name: str, root: str = ROOT) -> dict[str, Any]:
    """Return what was kept under C(name) beside the journal; empty when nothing was, or when only root may read it."""
    try:
        with open(os.path.join(root, name), encoding="utf-8") as handle:
            return dict(json.load(handle))
    except OSError:
        return {}


def write_record(name: str, data: dict[str, Any], root: str = ROOT) -> None:
    """Keep C(data) under C(name) beside the journal, for root alone."""
    os.makedirs(root, mode=0o700, exist_ok=True)
    content = json.dumps(data, indent=1, sort_keys=True).encode("utf-8")
    replace(os.path.join(root, name), FileState(content, 0o600, os.geteuid(), os.getegid(), 0))


def forget_record(name: str, root: str = ROOT) -> None:
    """Remove what was kept under C(name)."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(root, name))


def missing_directories(path: str) -> list[str]:
    """Return the directories that making C(path) would make, the deepest first."""
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    return missing


class Journal:
    """The record of originals under C(root), which only root can read."""

    def __init__(self, root: str = ROOT, run: str = "") -> None:
        self.root = root
        self.run = run
        self._directory = os.path.join(root, "journal")

    def _file(self, path: str) -> str:
        return os.path.join(self._directory, quote(path, safe="") + ".json")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        os.chmod(self.root, 0o700)
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def entry(self, path: str) -> Entry | None:
        """Return what is recorded for C(path), None when it was never touched."""
        try:
            with open(self._file(os.path.realpath(path)), encoding="ascii") as handle:
                return Entry.from_json(json.load(handle))
        except FileNotFoundError:
            return None

    def entries(self, role: str | None = None) -> list[Entry]:
        """Return every entry (of one role), in the order of their paths."""
        try:
            names = sorted(name for name in os.listdir(self._directory) if name.endswith(".json"))
        except FileNotFoundError:
            return []
        found = []
        for name in names:
            with open(os.path.join(self._directory, name), encoding="ascii") as handle:
                found.append(Entry.from_json(json.load(handle)))
        return [entry for entry in found if role is None or role in entry.roles]

    def _save(self, entry: Entry) -> None:
        data = json.dumps(entry.to_json(), sort_keys=True).encode("ascii")
        replace(self._file(entry.path), FileState(data, 0o600, os.geteuid(), os.getegid(), 0))

    def _forget(self, entry: Entry) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._file(entry.path))

    def _touch(self, path: str, role: str, current: FileState | None, revert: Revert | None) -> Entry:
        """Return the entry for C(path) as it must be before the next write."""
        entry = self.entry(path)
        if entry is None:
            entry = Entry(path, role, current, run=self.run, before_run=current)
        elif current is not None and not _is_known(entry, current.content) and entry.written is not None:
            # Someone edited the file between two runs: their change belongs to what a rollback gives back.
            entry.foreign = True
            if revert is not None:
                base = content_without_us(entry, current.content, revert)
                entry.base = None if base is None else FileState(base, current.mode, current.uid, current.gid, 0)
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
        uid: int | None = None,
        gid: int | None = None,
        revert: Revert | None = None,
        shared: bool = False,
    ) -> None:
        """Record C(path) and replace it. An existing file keeps its mode and owner unless they are given.

        C(revert) tells how to take wsltune's part out of a file that someone else edited too (see M(restore)).
        A file of another user (C(uid)) is touched with that user's rights. C(shared): several roles have a part in it.
        """
        owner, group = uid or 0, gid or 0
        with self._locked():
            with acting_as(owner, group):
                path = os.path.realpath(path)
                current = read_state(path)
            known = self.entry(path)
            if known is not None and (known.uid != owner or (role not in known.roles and not shared)):
                # Such as a user's settings file that is a link to a file of the system.
                raise OSError(errno.EPERM, "it is kept for another purpose already", path)
            entry = self._touch(path, role, current, revert)
            if role not in entry.roles:
                entry.others = sorted([*entry.others, role])
            state = FileState(
                content,
                mode if mode is not None else (current.mode if current else 0o644),
                uid if uid is not None else (current.uid if current else os.geteuid()),
                gid if gid is not None else (current.gid if current else os.getegid()),
                0,
            )
            entry.uid, entry.gid = owner, group
            entry.written, entry.meta = content, [state.mode, state.uid, state.gid]
            entry.directories = sorted(set(entry.directories) | set(missing_directories(os.path.dirname(path))))
            self._save(entry)
            with acting_as(owner, group):
                os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
                replace(path, state)

    def displace(self, path: str, content: bytes, *, role: str, uid: int = 0, gid: int = 0) -> None:
        """Put C(content) at C(path) and keep the file that stood there beside it, under the same inode."""
        with self._locked():
            status = os.stat(path)
            current = read_state(path)
            replaced = current is not None and _stands_in(path, current.content)
            kept_by_other = os.path.lexists(path + KEPT_SUFFIX) and self.entry(path) is None
            if not replaced and kept_by_other and not os.path.samefile(path, path + KEPT_SUFFIX):
                raise OSError(errno.EEXIST, "it is somebody else's", path + KEPT_SUFFIX)
            self._save(Entry(path, role, None, content, displaced=True, run=self.run, uid=uid, gid=gid))
            with acting_as(uid, gid):
                if not replaced:
                    # A newer original may stand there, such as a toolchain that was unpacked again.
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(path + KEPT_SUFFIX)
                    os.link(path, path + KEPT_SUFFIX)
                replace(path, FileState(content, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, 0))

    def make_directory(self, path: str, *, role: str) -> None:
        """Make C(path) and record what of it was missing, so that a rollback removes it once it is empty."""
        missing = missing_directories(path)
        if not missing:
            return
        with self._locked():
            entry = self.entry(path) or Entry(path, role, None, directory=True, run=self.run)
            entry.directories = sorted(set(entry.directories) | set(missing))
            self._save(entry)
            os.makedirs(path, mode=0o755, exist_ok=True)

    def restore(
        self, path: str, revert: Revert | None = None, run_only: bool = False, role: str = "", part: Part | None = None
    ) -> Restored:
        """Give C(path) back: as it was before the first touch or, with C(run_only), before this run's first touch.

        Where someone else edited the file since, C(revert(base, written, current)) returns the content without
        wsltune's part (None: no file); without it the file stays as it is. Both are told in C(kept).
        Where another role has a part in the file too, only the C(part) of C(role) is given back.
        """
        path = os.path.realpath(path)
        if not os.path.exists(self._file(path)):
            return Restored(path, False)
        with self._locked():
            entry = self.entry(path)
            if entry is None or (run_only and entry.run != self.run):
                return Restored(path, False)
            if part is not None and entry.roles != [role]:
                return self._restore_part(entry, role, part, run_only)
            with acting_as(entry.uid, entry.gid):
                with contextlib.suppress(OSError):
                    os.unlink(temporary_name(path))
                if entry.directory:
                    restored = Restored(path, False)
                elif entry.displaced:
                    restored = _restore_displaced(entry)
                else:
                    restored = self._restore(entry, revert, run_only)
            if run_only and not entry.displaced and entry.before_run != entry.base:
                entry.written = entry.before_run.content if entry.before_run else None
                entry.run, entry.previous = "", entry.written
                self._save(entry)
            else:
                self._forget(entry)
                self._tidy(entry)
            return restored

    def _restore_part(self, entry: Entry, role: str, part: Part, run_only: bool) -> Restored:
        """Give back what C(role) has in a file; the others' part and the record of the file stay."""
        before = entry.before_run if run_only else entry.base
        current = read_state(entry.path)
        if not run_only:
            roles = [one for one in entry.roles if one != role]
            entry.role, entry.others = roles[0], roles[1:]
        if current is None:
            self._save(entry)
            return Restored(entry.path, False, f"{entry.path} was removed by someone else and stays so")
        known = _is_known(entry, current.content)
        content = part(before.content if before else b"", current.content)
        if known:
            entry.written, entry.previous = content, current.content
        self._save(entry)
        if content != current.content:
            replace(entry.path, FileState(content, current.mode, current.uid, current.gid, 0))
        kept = None if known else f"{entry.path} was edited by someone else since; that edit stays"
        return Restored(entry.path, content != current.content, kept)

    def _restore(self, entry: Entry, revert: Revert | None, run_only: bool) -> Restored:
        target = entry.before_run if run_only else entry.base
        current = read_state(entry.path)
        if current is None:
            kept = None if target is None else f"{entry.path} was removed by someone else and stays so"
            return Restored(entry.path, False, kept)
        edited = f"{entry.path} was edited by someone else since; that edit stays"
        kept = edited if entry.foreign else None
        if not _is_known(entry, current.content):
            kept = edited
            if revert is None or entry.written is None:
                return Restored(entry.path, False, kept)
            content = content_without_us(entry, current.content, revert)
            target = None if content is None else FileState(content, current.mode, current.uid, current.gid, 0)
        elif target and current.content == entry.written and [current.mode, current.uid, current.gid] != entry.meta:
            kept = f"{entry.path} was given another mode or owner since; these stay"
            target = FileState(target.content, current.mode, current.uid, current.gid, target.mtime_ns)
        if target == current:
            return Restored(entry.path, False, kept)
        if target is None:
            os.unlink(entry.path)
            _sync_directory(os.path.dirname(entry.path))
        else:
            replace(entry.path, target)
        return Restored(entry.path, True, kept)

    def _tidy(self, entry: Entry) -> None:
        with acting_as(entry.uid, entry.gid):
            for directory in sorted(entry.directories, key=len, reverse=True):
                with contextlib.suppress(OSError):
                    os.rmdir(directory)

    def close(self) -> None:
        """Remove the journal's folders, with what a killed run was writing there, when nothing is recorded any more."""
        for directory in (self._directory, self.root):
            with contextlib.suppress(OSError):
                names = os.listdir(directory)
                if all(name.endswith(TEMPORARY_SUFFIX) for name in names):
                    for name in names:
                        os.unlink(os.path.join(directory, name))
                    os.rmdir(directory)


def _is_known(entry: Entry, content: bytes) -> bool:
    """Whether C(content) is one that wsltune wrote or found: nobody else has edited the file since."""
    known = [entry.written, entry.previous, entry.base.content if entry.base else None]
    return content in [value for value in known if value is not None]


def _stands_in(path: str, content: bytes) -> bool:
    """Whether C(content) is a program that calls the one kept beside it, in whatever version and however edited."""
    return content.startswith(b"#!") and os.fsencode(path + KEPT_SUFFIX) in content


def _restore_displaced(entry: Entry) -> Restored:
    kept_as = entry.path + KEPT_SUFFIX
    current = read_state(entry.path)
    if not os.path.exists(kept_as):
        return Restored(entry.path, False)
    if current is not None and not _stands_in(entry.path, current.content):
        # A new toolchain was installed over it, or the run was killed before the replacement.
        os.unlink(kept_as)
        return Restored(entry.path, True)
    os.replace(kept_as, entry.path)
    _sync_directory(os.path.dirname(entry.path))
    edited = current is not None and current.content != entry.written
    return Restored(
        entry.path, True, f"{entry.path} was edited by someone else since; that edit is gone" if edited else None
    )
