# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files, touched by descriptors, so that nobody else decides meanwhile what a path means.

place() opens every folder on the way without following links. Root follows a link, and works in a folder, only where no
other account can rename or replace what lies there; elsewhere C(NotOurs) is raised, and the account whose folder it is
does the work itself (become.py). What goes by the path itself either changes nothing and comes after such a look
(check_alone(), check_folder()), or is about the caller's own files (folder_obstacle(), remove_tree()).

It imports nothing of the collection, because the pull agent has a copy of it on the machine.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import grp
import hashlib
import os
import pwd
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

TEMPORARY_SUFFIX = ".wsltune-new"
LARGEST = 16 << 20
"""A file of settings or of the journal is never larger; what is larger is not read."""
PATH_MAX = 4096
"""Bytes of a path, with the NUL at its end, as in <linux/limits.h>."""
MOST_FOLDERS = 256
"""Folders of a path; each is held open while the next is walked to."""
MOST_LINKS = 40
DEEPEST, MOST_ROUNDS = 100, 1000
"""Folders that remove_tree() goes down; what is deeper is moved up first, so many times."""
GROUPS = ("/etc/group", "/usr/lib/group")
MOUNTINFO = "/proc/self/mountinfo"
_PATHS = re.compile(r"""(?:^|[=:,;@|&(<>`\s"'])(?:-[A-Za-z]+)?(/[^\s"'=:,;|]*)""")
"""Absolute paths in a word of a command, such as C(-B/path) and C(-Wl,-rpath,/path)."""
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LISTED = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotOurs(OSError):
    """A folder in which another account can replace what root is about to touch."""

    def __init__(self, folder: str) -> None:
        super().__init__(errno.EPERM, "another account can write there", folder)


class ChangedMeanwhile(OSError):
    """A file that another program changed between reading and writing it."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.EAGAIN, "another program changes it at the same time", path)


@dataclass
class FileState:
    """A regular file as it stood: content, mode, owner and time of change."""

    content: bytes
    mode: int
    uid: int
    gid: int
    mtime_ns: int

    @classmethod
    def own(cls, content: bytes, mode: int = 0o600) -> FileState:
        """Return the state of a file that this process makes for itself."""
        return cls(content, mode, os.geteuid(), os.getegid(), 0)

    def to_json(self) -> dict[str, Any]:
        """Return the state as the journal keeps it; the content is base64."""
        data = asdict(self)
        data["content"] = base64.b64encode(self.content).decode("ascii")
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any] | None) -> FileState | None:
        """Read a kept state; None stands for a file that was not there."""
        if data is None:
            return None
        return cls(**dict(data, content=base64.b64decode(data["content"])))


def has_other_members(gid: int) -> bool:
    """Return whether an account other than root and the caller's is in a group; yes where that cannot be told."""
    ours = (0, os.geteuid())
    try:
        group = grp.getgrgid(gid)
        members = [pwd.getpwnam(name).pw_uid for name in group.gr_mem]
        # A directory service lists neither its accounts nor whose main group one of its groups is. An account's own
        # group has its name.
        if not _is_local(gid) and group.gr_name != pwd.getpwuid(os.geteuid()).pw_name:
            return True
    except KeyError:
        return True
    # Some distributions give root's group to accounts of the system that nobody logs into.
    return any(uid not in ours for uid in members) or any(
        gid != 0 and entry.pw_gid == gid and entry.pw_uid not in ours for entry in pwd.getpwall()
    )


def _is_local(gid: int) -> bool:
    """Return whether a group is one of the machine's own."""
    for path in GROUPS:
        with contextlib.suppress(OSError), open(path, "rb") as table:
            if any(line.split(b":")[2:3] == [b"%d" % gid] for line in table):
                return True
    return False


def has_acl(path: str) -> bool:
    """Return whether an access control list names others too; the group bits are then its mask (acl(5))."""
    try:
        return "system.posix_acl_access" in os.listxattr(path)
    except OSError:
        return False


def _mounted_by(device: int) -> int | None:
    """Return the account whose program (FUSE) a file system (st_dev) is; None for none, and -1 where that is unknown.

    It says of any file whose it is and with which mode, so that nothing that it says can be relied on.
    """
    # What lies on a disk is none, nor is what the root folder lies on.
    if os.major(device) != 0 or device == os.stat("/").st_dev:
        return None
    number = b"%d:%d" % (os.major(device), os.minor(device))
    with open(MOUNTINFO, "rb") as table:
        for line in table:
            # A name may have any other white space in it, and then what looks like the words of a disk.
            words = line.rstrip(b"\n").split(b" ")
            if len(words) < 10 or words[2] != number or b"-" not in words[6:]:
                continue
            kind, _source, options = words[words.index(b"-", 6) + 1 :][:3]
            if kind.split(b".")[0] in (b"fuse", b"fuseblk"):
                users = [int(option[8:]) for option in options.split(b",") if option.startswith(b"user_id=")]
                return users[0] if users else -1
    return None


def is_of_another(device: int) -> bool:
    """Return whether a file system (st_dev) is the program of an account other than root and the caller's."""
    return _mounted_by(device) not in (None, 0, os.geteuid())


def is_ours_alone(folder: os.stat_result, entry: os.stat_result | None = None, path: str = "") -> bool:
    """Return whether nobody else can rename or replace C(entry), or any name, of C(folder).

    C(path) leads to the folder, for its access control list; without it, the mode alone counts.
    In a folder with the sticky bit only the owners of the folder and of the entry can (inode(7)).
    """
    ours = (0, os.geteuid())
    if folder.st_uid not in ours or is_of_another(folder.st_dev):
        return False
    if entry is not None and entry.st_dev != folder.st_dev and is_of_another(entry.st_dev):
        return False
    shared = folder.st_mode & stat.S_IWOTH or (
        folder.st_mode & stat.S_IWGRP and ((bool(path) and has_acl(path)) or has_other_members(folder.st_gid))
    )
    if not shared:
        return True
    return bool(folder.st_mode & stat.S_ISVTX and entry is not None and entry.st_uid in ours)


class Place:
    """A name in an open folder: C(path) is where that was when it was opened, without links."""

    def __init__(self, folder: int, name: str, path: str) -> None:
        self.folder, self.name, self.path = folder, name, path

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self.folder)

    def status(self) -> os.stat_result | None:
        """Return what is there now, a link itself; None for nothing."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open(self, flags: int, mode: int = 0o600) -> int:
        """Open the entry in its folder and return the descriptor; a link is not followed (OSError, ELOOP)."""
        return os.open(self.name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=self.folder)

    def beside(self, name: str) -> Place:
        """Return another name in the same folder."""
        return Place(os.dup(self.folder), name, os.path.join(os.path.dirname(self.path), name))

    def sync(self) -> None:
        """Have the folder's entries on the disk."""
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.folder)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def place(path: str, follow: bool = True, make: list[str] | None = None, alone: bool = False) -> Place:
    """Open the folder of C(path), following links; the last one too unless C(follow) is false.

    As root, and for others with C(alone), NotOurs where another account could replace a part of the path. With a list
    C(make), folders that are missing are made and noted there.
    """
    if not os.path.isabs(path):
        raise OSError(errno.EINVAL, "not an absolute path", path)
    if len(os.fsencode(path)) >= PATH_MAX:
        # Walking gets there, but nothing that is given the path does: neither Go nor whoever removes the home.
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
    waiting = [part for part in path.split("/") if part not in ("", ".")]
    if len(waiting) > MOST_FOLDERS:
        raise OSError(errno.ENAMETOOLONG, "more folders than wsltune walks through", path)
    names: list[str] = []
    folders = [os.open("/", _FOLDER)]
    links = 0
    try:
        while waiting:
            name = waiting.pop(0)
            if name == "..":
                if names:
                    names.pop()
                    os.close(folders.pop())
                continue
            here = "/" + "/".join(names)
            there = os.path.join(here, name)
            try:
                status = os.stat(name, dir_fd=folders[-1], follow_symlinks=False)
            except FileNotFoundError:
                # A folder that root makes in one with the sticky bit is root's from the start.
                _check(folders[-1], os.fstat(folders[-1]) if waiting and make is not None else None, here, alone)
                if not waiting:
                    return Place(folders.pop(), name, there)
                if make is None:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), there) from None
                add_folder(name, folders[-1])
                make.append(there)
                status = os.stat(name, dir_fd=folders[-1], follow_symlinks=False)
            _check(folders[-1], status, here, alone)
            if stat.S_ISLNK(status.st_mode) and (waiting or follow):
                links += 1
                if links > MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                target = os.readlink(name, dir_fd=folders[-1])
                if target.startswith("/"):
                    names.clear()
                    while len(folders) > 1:
                        os.close(folders.pop())
                waiting[:0] = [part for part in target.split("/") if part not in ("", ".")]
            elif waiting:
                try:
                    folders.append(os.open(name, _FOLDER, dir_fd=folders[-1]))
                except OSError as error:
                    raise OSError(error.errno, os.strerror(error.errno or 0), there) from None
                names.append(name)
            else:
                return Place(folders.pop(), name, there)
        # The root itself, or a path that ends in `..`.
        return Place(folders.pop(), ".", "/" + "/".join(names))
    finally:
        for descriptor in folders:
            os.close(descriptor)


def add_folder(name: str, folder: int) -> None:
    """Make a folder in the open one C(folder), which as root has mode 0755 whatever the umask is."""
    os.mkdir(name, 0o755, dir_fd=folder)
    if os.geteuid() == 0:
        # What root makes is for all users, such as a program for their Go; nobody else can replace it here. A Windows
        # drive may know no modes.
        with contextlib.suppress(PermissionError):
            os.chmod(name, 0o755, dir_fd=folder)


def own_place(path: str) -> Place:
    """Open the folder of C(path), which is ours alone although others may rename it, such as one in /var/log.

    No part of the path is a link then. Where others give the name to another folder, that is one of ours too.
    """
    with contextlib.suppress(NotOurs):
        return place(path, follow=False)
    parent, name = os.path.split(path)
    with opened_folder(parent) as folder:
        status = os.fstat(folder)
        if not is_ours_alone(status, path=f"/proc/self/fd/{folder}"):
            raise NotOurs(parent)
        return Place(os.dup(folder), name, path)


def without_links(path: str) -> str:
    """Return C(path) without the links on its way up to the first part that another account can change."""
    names = path.strip("/").split("/")
    real = "/"
    for number, name in enumerate(names):
        try:
            with place(os.path.join(real, name), alone=True) as target:
                real = target.path
        except (NotOurs, FileNotFoundError):
            return os.path.join(real, *names[number:])
    return real


def place_over_no_link(path: str, make: bool = False) -> Place:
    """Open the folder of C(path), no part of which may be a link, whoever owns it; with C(make) make what is missing.

    Others may be able to write there, as in a folder of a team's, and lead nobody elsewhere by that.
    """
    parent, name = os.path.split(path)
    try:
        with opened_folder(parent) as folder:
            return Place(os.dup(folder), name, path)
    except FileNotFoundError:
        if not make:
            raise
    with place_over_no_link(parent, make) as above, contextlib.suppress(FileExistsError):
        add_folder(above.name, above.folder)
    return place_over_no_link(path)


def owner_of(path: str) -> int:
    """Return whose the folder C(path) is; OSError where a part of the path is a link that somebody else can change.

    What an account mounted (FUSE) is that account's, whatever it says.
    """
    with contextlib.suppress(NotOurs):
        path = Files().real(path)
    with opened_folder(path) as folder:
        status = os.fstat(folder)
        account = _mounted_by(status.st_dev)
        if account == -1:
            raise NotOurs(path)
        return account or status.st_uid


def paths_in(words: Sequence[str]) -> list[str]:
    """Return the absolute paths in the words of a command, also those in a word such as C(-log=/path)."""
    paths = [path for word in words for path in (*([word] if word.startswith("/") else []), *_PATHS.findall(word))]
    return list(dict.fromkeys(paths))


def _look_at_way(path: str) -> tuple[str, os.stat_result | None]:
    """Say how another account could give or replace what C(path) names, and return what it names if none could."""
    try:
        with place(path, alone=True) as target:
            return "", target.status()
    except NotOurs as error:
        return f"can be given or replaced by another account, which can write in {error.filename}", None
    except FileNotFoundError:
        return "", None
    except OSError as error:
        return str(error.strerror), None


def check(path: str, follow: bool = True) -> None:
    """Raise what place() raises for C(path), such as NotOurs, and open nothing for longer."""
    place(path, follow).__exit__()


def check_alone(path: str) -> None:
    """Raise NotOurs where another account can change what C(path) leads to, such as a program, or the way there."""
    check(path)
    if not is_ours_alone(os.stat(path), path=path):
        raise NotOurs(path)


def check_folder(path: str, kept: bool = False) -> None:
    """Raise NotOurs where another account can put a name into the folder C(path), or lead the way to it elsewhere.

    With C(kept) it may put names there, but must not replace what root itself makes, as in /tmp.
    """
    with place(path) as target:
        folder = target.open(_FOLDER)
        try:
            _check(folder, os.fstat(folder) if kept else None, target.path, alone=False)
        finally:
            os.close(folder)


def make_own_folders(path: str) -> None:
    """Make the folder C(path) and those missing above it, mode 0700; NotOurs where another account can replace one."""
    for folder in reversed(Files().missing(path)):
        check_folder(os.path.dirname(folder), kept=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
    check(os.path.join(path, "file"))


def _check(folder: int, entry: os.stat_result | None, path: str, alone: bool) -> None:
    if os.geteuid() != 0 and not alone:
        return
    if not is_ours_alone(os.fstat(folder), entry, f"/proc/self/fd/{folder}"):
        raise NotOurs(path)


def temporary_name(name: str) -> str:
    """Return a fixed name, so that what a killed run left is overwritten by the next one and removed by a rollback."""
    if len(os.fsencode(name)) + len(TEMPORARY_SUFFIX) + 1 > 255:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return "." + name + TEMPORARY_SUFFIX


READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""For a file that another program may replace meanwhile, by a link or by a pipe that nobody writes to."""


def opened(path: str, folder: int | None = None) -> Any:
    """Open a file to be read, in an open folder if one is given, and nothing else that took its place."""
    descriptor = os.open(path, READ, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file any more, but something else", path)
    return open(descriptor, "rb", buffering=0)


def read_from(descriptor: int, path: str, most: int = LARGEST) -> FileState:
    """Return the regular file that is open, and close it; OSError when it is none or larger than C(most) bytes."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        with os.fdopen(os.dup(descriptor), "rb") as handle:
            content = b"" if status.st_size > most else handle.read(most + 1)
    finally:
        os.close(descriptor)
    if status.st_size > most or len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most >> 10} KiB", path)
    return FileState(content, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns)


def _copy_attributes(source: Place, target: int) -> None:
    """Keep labels and ACLs of the file that is replaced, where the file system has them."""
    with contextlib.suppress(OSError):
        descriptor = source.open(os.O_RDONLY | os.O_NONBLOCK)
        try:
            for name in os.listxattr(descriptor):
                with contextlib.suppress(OSError):
                    os.setxattr(target, name, os.getxattr(descriptor, name))
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _about(path: str) -> Iterator[None]:
    """Have an error name C(path), where it knows a name in an open folder alone, or none."""
    try:
        yield
    except OSError as error:
        if isinstance(error.filename, str) and error.filename.startswith("/"):
            raise
        error.filename = path
        error.filename2 = None
        raise


def _put(target: Place, state: FileState, was: bytes | None) -> None:
    """Put a file at C(target) in one atomic step that is on disk when this returns; C(was): only over this content."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_about(target.path))
        temporary = stack.enter_context(target.beside(temporary_name(target.name)))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary.name, dir_fd=temporary.folder)
        descriptor = temporary.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        replaced = -1
        try:
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(state.content)
                status = os.fstat(handle.fileno())
                if (status.st_uid, status.st_gid) != (state.uid, state.gid):
                    os.fchown(handle.fileno(), state.uid, state.gid)
                os.fchmod(handle.fileno(), state.mode)
                handle.flush()
                _copy_attributes(target, handle.fileno())
                if state.mtime_ns:
                    os.utime(handle.fileno(), ns=(state.mtime_ns, state.mtime_ns))
                os.fsync(handle.fileno())
            if was is not None:
                replaced = target.open(os.O_RDONLY | os.O_NONBLOCK)
                stack.callback(os.close, replaced)
                if read_from(os.dup(replaced), target.path).content != was:
                    raise ChangedMeanwhile(target.path)
            os.replace(temporary.name, target.name, src_dir_fd=temporary.folder, dst_dir_fd=target.folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary.name, dir_fd=temporary.folder)
            raise
        target.sync()
        if was is not None:
            _append_late(target, replaced, was)


def put_at(target: Place, state: FileState) -> None:
    """Replace or make the file at an open place, as Files.put() does by a path."""
    _put(target, state, None)


def _append_late(target: Place, replaced: int, was: bytes) -> None:
    """Append what another program, which had the replaced file open, has put behind C(was) since."""
    content = os.pread(replaced, LARGEST, 0)
    if len(content) > len(was) and content.startswith(was):
        with os.fdopen(target.open(os.O_WRONLY | os.O_APPEND), "wb") as handle:
            handle.write(content[len(was) :])
            handle.flush()
            os.fsync(handle.fileno())


class Files:
    """What is done with files, in this process; become.Hands gives the same in a process of another account."""

    def real(self, path: str) -> str:
        """Return C(path) without links; parts that are missing stay as they are."""
        missing: list[str] = []
        while True:
            try:
                with place(path) as target:
                    return os.path.join(target.path, *reversed(missing))
            except FileNotFoundError:
                path, name = os.path.split(path.rstrip("/"))
                missing.append(name)

    def read(self, path: str, most: int = LARGEST) -> FileState | None:
        """Return the file at C(path), None when there is none; OSError when it is not a readable regular file."""
        try:
            with _about(path), place(path) as target:
                return read_from(target.open(os.O_RDONLY | os.O_NONBLOCK), path, most)
        except FileNotFoundError:
            return None

    def head(self, path: str, size: int = 1 << 16) -> bytes | None:
        """Return how the file at C(path) begins, however large it is; None when there is none."""
        try:
            with _about(path), place(path) as target:
                descriptor = target.open(os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            return os.pread(descriptor, size, 0)
        finally:
            os.close(descriptor)

    def put(self, path: str, state: FileState, was: bytes | None = None) -> list[str]:
        """Replace or make the file at C(path), with the folders that it needs; return those that were made."""
        made: list[str] = []
        with _about(path), place(path, make=made) as target:
            _put(target, state, was)
        return made

    def read_in_own(self, path: str, most: int = LARGEST) -> FileState | None:
        """Return the file at C(path) as read() does, by own_place()."""
        with contextlib.suppress(FileNotFoundError), _about(path), own_place(path) as target:
            return read_from(target.open(os.O_RDONLY | os.O_NONBLOCK), path, most)
        return None

    def put_in_own(self, path: str, state: FileState) -> None:
        """Replace or make the file at C(path), as put() does, by own_place()."""
        with _about(path), own_place(path) as target:
            _put(target, state, None)

    def remove(self, path: str) -> None:
        """Remove the file or link at C(path)."""
        with _about(path), place(path, follow=False) as target:
            os.unlink(target.name, dir_fd=target.folder)
            target.sync()

    def remove_in_own(self, path: str) -> None:
        """Remove the file at C(path), by own_place()."""
        with _about(path), own_place(path) as target:
            os.unlink(target.name, dir_fd=target.folder)

    def forget_temporary(self, path: str) -> None:
        """Remove what a killed run was writing for C(path)."""
        with contextlib.suppress(OSError), place(path) as target:
            os.unlink(temporary_name(target.name), dir_fd=target.folder)

    def make_folders(self, path: str) -> list[str]:
        """Make the folder C(path) and what is missing of its parents, mode 0755; return what was made."""
        made: list[str] = []
        # On the way to its parent the folder is one of those that place() makes.
        place(os.path.join(path, ".."), make=made).__exit__()
        return made

    def remove_folders(self, paths: Sequence[str]) -> None:
        """Remove those of the folders that are empty, the deepest first."""
        for path in sorted(paths, key=len, reverse=True):
            with contextlib.suppress(OSError), place(path, follow=False) as target:
                os.rmdir(target.name, dir_fd=target.folder)

    def missing(self, path: str) -> list[str]:
        """Return the folders that making C(path) would make, the deepest first."""
        absent = []
        while not os.path.isdir(path):
            absent.append(path)
            path = os.path.dirname(path)
        return absent

    def keep_beside(self, path: str, suffix: str, stand_in: bytes, replace: bool) -> str | None:
        """Put a program at C(path), and keep what stood there beside it with C(suffix), under the same inode.

        C(replace): the one there is a stand-in already, and only that is replaced. What is kept there from before and
        is not the same file gets a name that is free; returned.
        """
        moved = None
        # The path is that of the program itself: a link is another one by now.
        with _about(path), place(path, follow=False, alone=True) as target, target.beside(target.name + suffix) as kept:
            status = target.status()
            if status is None or not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            if not replace:
                there = kept.status()
                if there is not None and (there.st_dev, there.st_ino) != (status.st_dev, status.st_ino):
                    moved = _move_aside(kept)
                    there = None
                if there is None:
                    _link(target, kept)
            _put(target, FileState(stand_in, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, 0), None)
        return moved

    def give_back_kept(self, path: str, suffix: str) -> bool:
        """Give the file beside C(path) its name back; whether there was one."""
        # The path is that of the program itself: a link is another one by now.
        with _about(path), place(path, follow=False, alone=True) as target, target.beside(target.name + suffix) as kept:
            if kept.status() is None:
                return False
            os.replace(kept.name, target.name, src_dir_fd=kept.folder, dst_dir_fd=target.folder)
            target.sync()
        return True

    def obstacle(self, path: str, most: int = LARGEST) -> str:
        """Say why the caller cannot keep a file of its own at C(path); nothing when it can."""
        try:
            with place(path) as target:
                status = target.status()
                if status is not None:
                    if not stat.S_ISREG(status.st_mode):
                        return f"{target.path} is no regular file"
                    if status.st_uid != os.geteuid():
                        return f"{target.path} belongs to someone else (user id {status.st_uid})"
                    read_from(target.open(os.O_RDONLY | os.O_NONBLOCK), target.path, most)
                # The file is replaced, and its folder is what must be writable.
                if not os.access(f"/proc/self/fd/{target.folder}", os.W_OK | os.X_OK):
                    return f"{os.path.dirname(target.path)} is not writable for its user"
        except FileNotFoundError as error:
            # A folder that is missing too, and would be made.
            return self.obstacle(error.filename, most)
        except OSError as error:
            return f"{error.filename or path}: {error.strerror}"
        return ""

    def folder_obstacle(self, path: str) -> str | None:
        """Say why the caller cannot keep temporary files in the folder C(path).

        Empty where it can, None where nothing is there at all.
        """
        try:
            status = os.stat(path)
        except FileNotFoundError:
            return "is a link to nothing" if os.path.islink(path) else None
        except OSError as error:
            return str(error.strerror)
        if not stat.S_ISDIR(status.st_mode):
            return "is no folder"
        if status.st_uid not in (0, os.geteuid()):
            return f"belongs to someone else (user id {status.st_uid})"
        if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
            return "can be written by everyone and has no sticky bit"
        try:
            # Go executes what it makes there, and a link on the way may lead elsewhere by then.
            place(path, alone=True).__exit__()
        except NotOurs as error:
            return f"can be replaced by another account, which can write in {error.filename}"
        if not is_ours_alone(status, status, path):
            return "can be written by other accounts and has no sticky bit"
        if not os.access(path, os.W_OK | os.X_OK):
            return "cannot be written by its user"
        return ""

    def way_obstacle(self, path: str) -> str:
        """Say why the caller should not have programs built in the folder C(path), which may be missing yet.

        Who else may write in it is for whoever shares it; root shares with nobody.
        """
        reason, status = _look_at_way(path)
        if os.geteuid() == 0 and status is not None and not is_ours_alone(status, path=path):
            return "can be written by other accounts"
        return reason

    def program_obstacle(self, words: Sequence[str]) -> str:
        """Say why the caller should not have what C(words) name started, or read by a program, ever again.

        Absolute paths count, also those in a word such as C(-log=/path). For root all of them do, for others only
        regular files, because a cache or a socket may be what its users share.
        """
        for path in paths_in(words):
            if os.geteuid() != 0 and not os.path.isfile(path):
                continue
            reason, status = _look_at_way(path)
            if status is not None and not is_ours_alone(status, path=path):
                reason = f"can be written by {'other accounts' if os.geteuid() == 0 else 'another account'}"
            if reason:
                return f"{path} {reason}"
        return ""

    def nearest(self, path: str) -> str:
        """Return C(path) or the closest parent of it that is a folder, without links."""
        while path != "/" and not os.path.isdir(path):
            path = os.path.dirname(path)
        return os.path.realpath(path)

    def what_is_kept(self, path: str, suffix: str) -> str:
        """Say what is beside C(path) with C(suffix): nothing (empty), the C(same) file or an C(other) one."""
        # The path is that of the program itself: a link is another one by now.
        with _about(path), place(path, follow=False, alone=True) as target, target.beside(target.name + suffix) as kept:
            here, there = target.status(), kept.status()
        if there is None:
            return ""
        return "same" if here is not None and os.path.samestat(here, there) else "other"


def _link(source: Place, target: Place) -> None:
    os.link(source.name, target.name, src_dir_fd=source.folder, dst_dir_fd=target.folder, follow_symlinks=False)


def _move_aside(kept: Place) -> str:
    """Give an earlier original a name that nothing has; it may be the only one there is."""
    for number in range(1, 1000):
        with kept.beside(f"{kept.name}.{number}") as other, contextlib.suppress(FileExistsError):
            _link(kept, other)
            os.unlink(kept.name, dir_fd=kept.folder)
            return other.path
    raise OSError(errno.EEXIST, "no name is free beside it", kept.path)


@contextlib.contextmanager
def opened_folder(path: str) -> Iterator[int]:
    """Open a folder by its real path, no part of which may be a link; whoever owns it."""
    descriptor = os.open("/", _FOLDER)
    try:
        for name in path.strip("/").split("/"):
            try:
                inner = os.open(name, _FOLDER, dir_fd=descriptor) if name else os.dup(descriptor)
            except OSError as error:
                raise OSError(error.errno, os.strerror(error.errno or 0), path) from None
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def opened_inner(folder: int, name: str) -> Iterator[int]:
    """Open the folder C(name) of an open folder, and no link to one."""
    descriptor = os.open(name, _FOLDER, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def walk(
    path: str, enters: Callable[[str, os.stat_result], bool] = lambda _name, _status: True
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield what lies below a folder, each with its path and status, and links as such; OSError where it is none.

    Each folder is opened in the one above it, so that no link is followed that somebody put in its place meanwhile.
    C(enters) says which folders are looked into, by the name and what it is.
    """
    top = os.open(path, _LISTED & ~os.O_NOFOLLOW)
    opened: list[tuple[int, str, list[str]]] = [(top, path, [])]
    try:
        while opened:
            folder, where, inner = opened[-1]
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):
                        status = entry.stat(follow_symlinks=False)
                        if stat.S_ISDIR(status.st_mode) and enters(entry.name, status):
                            inner.append(entry.name)
                        yield os.path.join(where, entry.name), status
            while opened and not _enter(opened, enters):
                os.close(opened.pop()[0])
    finally:
        for folder, _where, _inner in opened:
            os.close(folder)


def _enter(opened: list[tuple[int, str, list[str]]], enters: Callable[[str, os.stat_result], bool]) -> bool:
    """Open the next folder in the last one of C(opened); return whether there is one."""
    folder, where, inner = opened[-1]
    while inner:
        with contextlib.suppress(OSError):
            name = inner.pop()
            descriptor = os.open(name, _LISTED, dir_fd=folder)
            if enters(name, os.fstat(descriptor)):
                opened.append((descriptor, os.path.join(where, name), []))
                return True
            os.close(descriptor)
    return False


def remove_tree(path: str, own: os.stat_result | None = None) -> None:
    """Remove a folder of the caller's own with all that is in it; nothing where there is none, or not C(own) any more.

    Tests may leave folders without the right to write in them: such a folder is made writable again through its
    descriptor, and never anything outside. What cannot be removed stays.
    """
    parent, name = os.path.split(path)
    with contextlib.suppress(OSError):
        folder = os.open(parent or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _remove(folder, name, own)
        finally:
            os.close(folder)


def _remove(folder: int, name: str, own: os.stat_result | None = None, top: int | None = None, depth: int = 0) -> None:
    """Remove C(name) in an open folder; C(top) is what is removed in the end, C(depth) folders further up."""
    try:
        inner = os.open(name, _FOLDER, dir_fd=folder)
    except NotADirectoryError:
        # A link has this error too, for it is opened without being followed.
        if own is None:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=folder)
        return
    except OSError:
        return
    try:
        status = os.fstat(inner)
        if own is not None and not os.path.samestat(own, status):
            return
        if status.st_uid == os.geteuid() and status.st_mode & stat.S_IRWXU != stat.S_IRWXU:
            with contextlib.suppress(OSError):
                os.chmod(f"/proc/self/fd/{inner}", stat.S_IRWXU)
        if top is not None and depth >= DEEPEST:
            # Each folder on the way is held open, of which a process has so many.
            with contextlib.suppress(OSError):
                os.rename(name, f"wsltune-{status.st_ino}", src_dir_fd=folder, dst_dir_fd=top)
            return
        with contextlib.suppress(OSError):
            listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=inner)
            try:
                seen: set[str] = set()
                # What was moved up comes in the next round.
                for _round in range(MOST_ROUNDS):
                    entries = set(os.listdir(listed)) - seen
                    if not entries or (seen and top is not None):
                        break
                    for entry in entries:
                        _remove(inner, entry, None, inner if top is None else top, depth + 1)
                    seen |= entries
            finally:
                os.close(listed)
    finally:
        os.close(inner)
    with contextlib.suppress(OSError):
        os.rmdir(name, dir_fd=folder)
