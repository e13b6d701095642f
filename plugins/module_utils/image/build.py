# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads, unpacks, cleans and packs root file systems, by tar(1); what is decided is in the other files."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import re
import shutil
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ansible_collections.wsltune.go.plugins.module_utils.image import archive, clean
from ansible_collections.wsltune.go.plugins.module_utils.image import plan as image_plan
from ansible_collections.wsltune.go.plugins.module_utils.image.archive import ImageError, Member
from ansible_collections.wsltune.go.plugins.module_utils.linux import elf, files, process, programs

CHUNK = 1 << 20
CACHE = "etc/skel/.cache/go-build"
"""Where a new account gets a build cache from."""
LARGEST_TEXT = 16 << 20
HOUR = 3600.0
"""Seconds that packing or unpacking may take."""
_KINDS = {
    tarfile.REGTYPE: archive.FILE,
    tarfile.AREGTYPE: archive.FILE,
    tarfile.DIRTYPE: archive.FOLDER,
    tarfile.SYMTYPE: archive.LINK,
    tarfile.LNKTYPE: archive.HARDLINK,
    tarfile.CHRTYPE: archive.DEVICE,
    tarfile.BLKTYPE: archive.DEVICE,
    tarfile.FIFOTYPE: archive.FIFO,
}
_XATTRS = ("--xattrs", "--xattrs-include=*")
_TEXTS = re.compile(r"etc/(wsl-distribution\.conf|wsl\.conf|passwd|shadow)|usr/lib/wsltune/image\.json")
_NEWEST = 1 << 33


@dataclass
class Archive:
    """A root file system in an archive: its members, and the texts and beginnings of programs that are judged."""

    members: dict[str, Member]
    newest: int
    contents: dict[str, bytes] = field(default_factory=dict)

    def read(self, member: Member) -> bytes:
        """Return what was read of a member."""
        while member.kind == archive.HARDLINK:
            member = self.members[archive.clean_name(member.target)]
        return self.contents.get(member.name, b"")

    def text(self, path: str) -> str | None:
        """Return the text of a file in the image; None where there is none."""
        member = archive.resolve(self.members, path)
        return None if member is None else self.read(member).decode("utf-8", "replace")

    @property
    def architecture(self) -> str:
        """What machine its shell is for; ImageError where that is no program."""
        shell = archive.resolve(self.members, "/bin/sh")
        try:
            return elf.architecture(self.read(shell) if shell else b"")
        except elf.ElfError:
            raise ImageError("the archive is no root file system: its /bin/sh is no program") from None


def look_at(output: str) -> image_plan.Standing | None:
    """Return what stands where the image goes; None for nothing."""
    if not os.path.lexists(output):
        return None
    try:
        with open(output + image_plan.RECORD, encoding="utf-8") as file:
            record = json.load(file)
        return image_plan.Standing(digest(output), record["recipe"], record["sha256"], record["wsltune"])
    except (OSError, ValueError, KeyError, TypeError):
        return image_plan.Standing("-")


def find_unfinished(output: str) -> list[str]:
    """Return what a build that was killed left beside its image, its mark last; nothing where there is no mark."""
    if not os.path.lexists(output + image_plan.PACKING_SUFFIX):
        return []
    return [path for path in image_plan.list_unfinished(output) if os.path.lexists(path)]


def remove_unfinished(output: str) -> None:
    """Remove what a build left beside its image that is not whole."""
    for path in find_unfinished(output):
        os.unlink(path)


def check_unfinished(output: str) -> None:
    """Raise ImageError where somebody else has a file by a name that a build takes for what is not whole yet."""
    if os.path.lexists(output + image_plan.PACKING_SUFFIX):
        return
    for path in image_plan.list_unfinished(output):
        if os.path.lexists(path):
            raise ImageError(f"{path} is there and was not made by this role: remove it, or name another place")


@contextlib.contextmanager
def packing(output: str) -> Iterator[None]:
    """Mark what is written beside an image as ours until it is whole; what is not whole at the end is removed."""
    check_unfinished(output)
    with open(output + image_plan.PACKING_SUFFIX, "wb"):
        pass
    try:
        yield
    finally:
        remove_unfinished(output)


def check_alone(option: str, folder: str) -> None:
    """Raise ImageError where another account can write in a folder, or lead the way to it elsewhere."""
    try:
        files.check_folder(folder)
    except files.NotOurs as error:
        raise ImageError(
            f"{option} lies in {folder}, and another account can write in {error.filename}: name a place that only root"
            " can write to, such as /srv"
        ) from None
    except OSError as error:
        raise ImageError(f"{option} lies in {folder}, which cannot be used: {error.strerror}") from None


@contextlib.contextmanager
def opened_source(path: str) -> Iterator[BinaryIO]:
    """Open a file, and nothing else that whoever writes in its folder put in its place, such as a pipe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ImageError(f"{path} is no file")
        yield file


def digest(path: str) -> str:
    """Return the SHA-256 of a file."""
    hasher = hashlib.sha256()
    with opened_source(path) as file:
        while block := file.read(CHUNK):
            hasher.update(block)
    return hasher.hexdigest()


def _wanted(name: str, info: tarfile.TarInfo) -> int:
    """Return how many bytes of a member are looked at."""
    if not info.isfile():
        return 0
    if _TEXTS.fullmatch(name):
        return LARGEST_TEXT
    return 32 if info.mode & 0o111 else 0


def read(path: str) -> Archive:
    """Return what an archive has; ImageError where it is none, was cut off, or could do harm."""
    members: list[Member] = []
    contents: dict[str, bytes] = {}
    newest = 0
    try:
        with opened_source(path) as source, tarfile.open(fileobj=source) as file:
            for info in file:
                members.append(_describe(info))
                name = archive.clean_name(info.name)
                newest = max(newest, int(info.mtime) if 0 <= info.mtime < _NEWEST else 0)
                size = _wanted(name, info)
                content = file.extractfile(info) if size else None
                if content is not None:
                    contents[name] = content.read(size)
            _check_end(file, path)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        if isinstance(error, OSError) and error.filename is not None:
            raise ImageError(f"{path} cannot be read: {error.strerror}") from None
        raise ImageError(f"{path} is no archive that tar can read, or was cut off: {error}") from None
    found = archive.check(members)
    archive.check_root(found)
    return Archive(found, newest, contents)


def _describe(info: tarfile.TarInfo) -> Member:
    kind = archive.FILE if info.issparse() else _KINDS.get(info.type, archive.OTHER)
    return Member(info.name, kind, info.size, info.mode, info.uid, info.gid, info.linkname)


def _check_end(file: tarfile.TarFile, path: str) -> None:
    """Raise ImageError where the archive lacks the block of zeros that ends it."""
    raw: Any = file.fileobj
    raw.seek(file.offset)
    if raw.read(512) != bytes(512):
        raise ImageError(f"{path} was cut off: the mark of its end is missing")


def _run(*words: str) -> None:
    # Not by PATH, in which another account may write.
    done = process.run(words, {**os.environ, **programs.own_path()}, limit=HOUR)
    if done.code != 0:
        # tar's last line says that it gives up, and its first why.
        raise ImageError(f"{words[0]} failed: {(done.err.strip() or done.reason).splitlines()[0]}")


def unpack(source: str, root: str) -> None:
    """Unpack an archive that was read into a new folder, without what each start fills."""
    os.makedirs(root, mode=0o755)
    # Whatever the umask is: not every archive has an entry for it.
    os.chmod(root, 0o755)
    left_out = [f"--exclude={start}*" for start in archive.LEFT_OUT]
    _run(
        *("tar", "--extract", f"--file={source}", f"--directory={root}", "--anchored", *left_out),
        *("--numeric-owner", "--same-owner", "--preserve-permissions", *_XATTRS),
    )
    for name in (*archive.VOLATILE, "tmp"):
        with contextlib.suppress(FileExistsError):
            os.mkdir(os.path.join(root, name))
            os.chmod(os.path.join(root, name), 0o1777 if name == "tmp" else 0o755)


def clean_root(root: str) -> list[str]:
    """Remove from an unpacked image what does not belong in one; return the paths."""
    removed = []
    for folder, folders, names, descriptor in os.fwalk(root, topdown=False, follow_symlinks=False):
        inside = os.path.relpath(folder, root)
        for name in [*names, *folders]:
            path = name if inside == "." else f"{inside}/{name}"
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            is_folder = stat.S_ISDIR(status.st_mode)
            action = clean.judge(path, is_folder)
            if action == clean.EMPTY and stat.S_ISREG(status.st_mode) and status.st_size:
                with open(os.open(name, os.O_WRONLY | os.O_NOFOLLOW, dir_fd=descriptor), "wb") as file:
                    file.truncate(0)
                removed.append(path)
            elif action == clean.DROP or stat.S_ISSOCK(status.st_mode):
                with contextlib.suppress(OSError):
                    os.rmdir(name, dir_fd=descriptor) if is_folder else os.unlink(name, dir_fd=descriptor)
                    removed.append(path)
    return sorted(removed)


def make_folder(root: str, path: str) -> None:
    """Make a folder of an unpacked image, and those above it; OSError where one of them is a link.

    A link in an image counts in there, so nothing here follows one.
    """
    at = root
    for part in path.split("/"):
        with files.opened_folder(at) as folder, contextlib.suppress(FileExistsError):
            files.add_folder(part, folder)
        at = f"{at}/{part}"


@contextlib.contextmanager
def opened(root: str, path: str, flags: int) -> Iterator[int]:
    """Open a file of an unpacked image, no part of whose path may be a link."""
    above, name = os.path.split(os.path.join(root, path))
    with files.opened_folder(above) as folder:
        descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def rewrite(root: str, path: str, content: bytes, mode: int | None = None) -> None:
    """Give a file of an unpacked image another content, and keep its owner and, unless given, its mode."""
    with (
        opened(root, path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as descriptor,
        os.fdopen(os.dup(descriptor), "wb") as file,
    ):
        file.write(content)
        if mode is not None:
            os.fchmod(descriptor, mode)


def read_text(root: str, path: str) -> str | None:
    """Return the text of a file of an unpacked image; None where there is none, or a link."""
    try:
        with opened(root, path, os.O_RDONLY) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(LARGEST_TEXT).decode("utf-8", "surrogateescape")
    except OSError:
        return None


def lock_passwords(root: str) -> None:
    """Remove the passwords of an unpacked image."""
    for path in ("etc/shadow", "etc/shadow-", "etc/gshadow", "etc/gshadow-"):
        text = read_text(root, path)
        if text is not None and clean.has_password(text):
            rewrite(root, path, clean.lock_passwords(text).encode("utf-8", "surrogateescape"))


def settle_cache(root: str, epoch: int) -> int:
    """Give the warmed build cache the times of the image; return its size in bytes."""
    total = 0
    try:
        with files.opened_folder(os.path.join(root, CACHE)):
            pass
    except OSError:
        return 0
    for path in _files(os.path.join(root, CACHE)):
        name = os.path.basename(path)
        # A link counts in the image, and leads to a file of this machine here.
        if not stat.S_ISREG(os.lstat(path).st_mode):
            continue
        if name in ("trim.txt", "testexpire.txt", "log.txt"):
            os.unlink(path)
            continue
        if name.endswith("-a"):
            with open(path, encoding="ascii") as file:
                entry = file.read()
            with open(path, "w", encoding="ascii") as file:
                file.write(clean.set_times(entry, epoch * 10**9))
        total += os.stat(path).st_size
    return total


def _files(folder: str) -> Iterator[str]:
    for above, _folders, names in os.walk(folder):
        for name in sorted(names):
            yield os.path.join(above, name)


def pack(root: str, target: str, epoch: int, level: int = 6) -> None:
    """Pack an unpacked image so that the same content makes the same file; nothing in it is newer than C(epoch)."""
    plain = target + image_plan.PLAIN_SUFFIX
    try:
        _run(
            *("tar", "--create", f"--file={plain}", f"--directory={root}", "--sort=name", "--format=posix"),
            *("--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime", *_XATTRS),
            *(f"--mtime=@{epoch}", "--clamp-mtime", "--numeric-owner", "--one-file-system", "."),
        )
        with open(target, "wb") as file:
            # Without a name and a time of its own, so that the same content makes the same file.
            with gzip.GzipFile("", "wb", level, file, mtime=0) as packed, open(plain, "rb") as unpacked:
                shutil.copyfileobj(unpacked, packed, CHUNK)
            file.flush()
            os.fsync(file.fileno())
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(plain)


def free_bytes(folder: str) -> int:
    """Return the room on the disk of a folder, or of the nearest one above that is there."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return shutil.disk_usage(folder).free
