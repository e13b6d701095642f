# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reports of a run, in a folder that whoever started it named: for their owner alone, and nothing else is touched.

The folder may be anybody's, such as that of a CI job whose container has root's account alone. So no mode but that of
what is made here is set, and as root no link is followed that another account could have put there. A file system that
is another account's program (FUSE) is given nothing, and one that never answers is not waited for.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Mapping

from ansible_collections.wsltune.go.plugins.module_utils.linux import files, look

LIMIT = 60.0
"""Seconds for writing all of them; the folder may lie on a slow server."""


def _without_links(path: str) -> str:
    """Return C(path) without the links on the way that no other account can change; as root the others stay."""
    rest: list[str] = []
    while True:
        try:
            return os.path.join(files.Files().real(path), *rest)
        except files.NotOurs:
            path, name = os.path.split(path)
            rest.insert(0, name)


@contextlib.contextmanager
def _opened(folder: str) -> Iterator[int]:
    """Open a folder and make what is missing of it, for its owner alone; OSError where a link is on the way."""
    existing = _without_links(folder)
    missing: list[str] = []
    while not os.path.lexists(existing):
        existing, name = os.path.split(existing)
        missing.insert(0, name)
    with contextlib.ExitStack() as stack:
        descriptor = stack.enter_context(files.opened_folder(existing))
        for name in missing:
            os.mkdir(name, 0o700, dir_fd=descriptor)
            descriptor = stack.enter_context(files.opened_inner(descriptor, name))
        if files.is_of_another(os.fstat(descriptor).st_dev):
            raise files.NotOurs(folder)
        yield descriptor


def _put(folder: int, name: str, content: bytes) -> None:
    """Replace or make a file in one step. Nothing of the one that is replaced stays: it may be another account's."""
    temporary = f".{name}.{os.urandom(6).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            os.fchmod(handle.fileno(), 0o600)
            handle.write(content)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def write(folder: str, contents: Mapping[str, bytes], limit: float = LIMIT) -> None:
    """Write files by name, mode 0600, into a folder, made (0700) where there is none, else left as it is."""
    look.once(functools.partial(_write, os.path.abspath(folder), contents), limit)


def _write(folder: str, contents: Mapping[str, bytes]) -> None:
    with _opened(folder) as descriptor:
        for name, content in contents.items():
            _put(descriptor, name, content)
