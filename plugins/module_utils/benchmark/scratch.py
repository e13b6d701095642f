# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Folders for what is measured: made, locked while they are in use, and removed with nothing else touched."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import itertools
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.linux import files, look, mountinfo, process

PREFIX = "wsltune-bench-"
_NAME = re.compile(r"\.?" + PREFIX + r"(\d+)-.*", re.DOTALL)
LIMIT, TOTAL = 10.0, 30.0
"""Seconds for removing what was left, all of it together, and where some of it gives no answer."""
MOST_LEFT = 1000
"""Folders that are removed at a time; any account can make names like ours in /var/tmp."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _Made(NamedTuple):
    path: str
    descriptor: int
    status: os.stat_result


class Folders:
    """The folders that a process has made; a context that leaves none of them behind.

    Each is locked as long as it is in use, so that a benchmark in another container, where this process does not
    exist, leaves it alone.
    """

    def __init__(self) -> None:
        self._made: list[_Made] = []

    def __enter__(self) -> Folders:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def make(self, parent: str, label: str, hidden: bool = True) -> str:
        """Make a folder in C(parent), for the caller alone; OSError where there can be none."""
        path = os.path.join(parent, f"{'.' if hidden else ''}{PREFIX}{os.getpid()}-{label}")
        if go_sources.others_change(parent, kept=True):
            raise files.NotOurs(parent)
        sweep(parent)
        if os.path.lexists(path):
            # In a folder such as /tmp any account can take names of numbers to come.
            path += f"-{os.urandom(4).hex()}"
        with process.undisturbed():
            os.mkdir(path, 0o700)
            try:
                descriptor = os.open(path, _FOLDER)
            except OSError:
                with contextlib.suppress(OSError):
                    os.rmdir(path)
                raise
            # Where nothing can be locked, nothing is swept either.
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._made.append(_Made(path, descriptor, os.fstat(descriptor)))
        return path

    def remove(self, path: str) -> None:
        """Remove a folder that was made here; another time it does nothing."""
        for made in [made for made in self._made if made.path == path]:
            files.remove_tree(made.path, made.status)
            self._made.remove(made)
            os.close(made.descriptor)

    def close(self) -> None:
        """Remove the folders, the last made first."""
        while self._made:
            self.remove(self._made[-1].path)


def sweep(parent: str) -> None:
    """Remove what a killed benchmark of the caller's left in C(parent).

    In a child, because another account can mount what never answers on a name like ours at any moment.
    """
    with contextlib.suppress(OSError):
        if go_sources.others_change(parent, kept=True):
            return
        # Elsewhere another account could give a name like ours to any folder of the caller's.
        status = os.stat(parent)
        if os.geteuid() != 0 and not files.is_ours_alone(status, status, parent):
            return
        left = itertools.islice(_list_left(os.path.realpath(parent)), MOST_LEFT)
        look.each({path: functools.partial(_sweep, path) for path in left}, LIMIT, TOTAL)


def _list_left(parent: str) -> Iterator[str]:
    """Yield the folders with a name like ours whose process is gone; on none of ours anything was ever mounted."""
    mounted = {mount.mount_point for mount in mountinfo.parse(mountinfo.table())}
    with os.scandir(parent) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            is_gone = match and (int(match[1]) == os.getpid() or not os.path.exists(f"/proc/{match[1]}"))
            if is_gone and entry.path not in mounted:
                yield entry.path


def _sweep(path: str) -> None:
    descriptor = os.open(path, _FOLDER)
    try:
        status = os.fstat(descriptor)
        # One in which others can write they may have moved here, with what a third account has in it.
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise OSError(errno.EPERM, "it belongs to someone else", path)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        files.remove_tree(path, status)
    finally:
        os.close(descriptor)
