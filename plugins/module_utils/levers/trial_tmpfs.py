# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A tmpfs for a trial, in a mount namespace of this process: nobody else sees it, and it ends with the process."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager

from ansible_collections.wsltune.go.plugins.module_utils.levers.decide import TRIAL_PREFIX
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, meminfo, process
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan

CLONE_NEWNS = 0x00020000
MS_NOSUID, MS_NODEV = 2, 4
MS_REC, MS_PRIVATE = 0x4000, 1 << 18


class TrialError(OSError):
    """A trial that cannot be made here."""


def _call(library: ctypes.CDLL, name: str, *arguments: object) -> None:
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise TrialError(number, f"{name} failed: {os.strerror(number)}")


def _sweep(parent: str) -> None:
    for name in os.listdir(parent):
        found = re.fullmatch(TRIAL_PREFIX + r"(\d+)(?:-[0-9a-f]{8})?", name)
        if found and (int(found[1]) == os.getpid() or not os.path.exists(f"/proc/{found[1]}")):
            with contextlib.suppress(OSError):
                os.rmdir(os.path.join(parent, name))


@contextlib.contextmanager
def mounted(
    size: int, uid: int, gid: int, folders: tuple[str, ...], parent: str = "/run", options: str = ""
) -> Iterator[str]:
    """Mount a tmpfs of C(size) bytes that holds C(folders) of the user, for this process and its children.

    C(options) are more options of the mount, such as C(huge=within_size). What was started meanwhile and is left at the
    end is ended: it would keep the tmpfs in memory.
    """
    library = ctypes.CDLL(None, use_errno=True)
    _sweep(parent)
    process.adopt()
    path = os.path.join(parent, f"{TRIAL_PREFIX}{os.getpid()}")
    if os.path.lexists(path):
        # Another trial of this process, or what another account has put into /run, where podman mounts it for all.
        path += f"-{os.urandom(4).hex()}"
    _call(library, "unshare", CLONE_NEWNS)
    _call(library, "mount", b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
    os.mkdir(path, 0o755)
    try:
        data = f"size={size // 1024}k,mode=0755{',' * bool(options)}{options}".encode("ascii")
        flags = ctypes.c_ulong(MS_NOSUID | MS_NODEV)
        _call(library, "mount", b"wsltune-trial", path.encode("ascii"), b"tmpfs", flags, data)
        for name in folders:
            os.mkdir(os.path.join(path, name), 0o700)
            os.chown(os.path.join(path, name), uid, gid)
        yield path
    finally:
        process.end_descendants()
        library.umount2(path.encode("ascii"), 2)
        with contextlib.suppress(OSError):
            os.rmdir(path)


def put_program(path: str, content: str) -> None:
    """Put a program at the top of a trial's tmpfs, where root alone can, for the user to start."""
    with open(path, "x", encoding="ascii") as handle:
        handle.write(content)
        os.fchmod(handle.fileno(), 0o755)


def mounted_for(account: accounts.Account, size: str, folders: tuple[str, ...]) -> AbstractContextManager[str]:
    """Mount one for C(account) of the size that go_tmpfs takes; TmpfsError when the memory does not carry it."""
    with open("/proc/meminfo", encoding="ascii") as handle:
        most = tmpfs_plan.plan_size(size, meminfo.parse(handle.read()))
    return mounted(most, account.uid, account.gid, folders)
