# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Mounts by open folders, for mount(8) takes paths, which another account may lead elsewhere before it looks."""

from __future__ import annotations

import ctypes
import os

from ansible_collections.wsltune.go.plugins.module_utils.linux import files, process

MS_BIND = 0x1000
UMOUNT_NOFOLLOW = 8
CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE = 0x4000, 0x40000


def _call(path: str, name: str, *arguments: object) -> None:
    if getattr(process.LIBRARY, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)


def mount(
    source: bytes, target: int, path: str, fstype: bytes | None = None, flags: int = 0, data: bytes | None = None
) -> None:
    """Mount C(source) on the open folder C(target), wherever that is by now; C(path) names it in an error."""
    _call(path, "mount", source, b"/proc/self/fd/%d" % target, fstype, ctypes.c_ulong(flags), data)


def bind(source: int, target: int, path: str) -> None:
    """Show the open folder C(source) at the open folder C(target)."""
    mount(b"/proc/self/fd/%d" % source, target, path, flags=MS_BIND)


def unmount(path: str) -> None:
    """Take away the mount at C(path), no part of which may be a link."""
    parent, name = os.path.split(path)
    with files.opened_folder(parent) as folder:
        _call(path, "umount2", b"/proc/self/fd/%d/%s" % (folder, os.fsencode(name)), UMOUNT_NOFOLLOW)


def uncover(path: str) -> None:
    """Take away what is mounted at C(path), for this process and its children alone: everybody else still sees it."""
    _call(path, "unshare", CLONE_NEWNS)
    _call(path, "mount", b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
    unmount(path)
