# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads what tmpfs.py judges: the files that bring the tmpfs back, the live mount and the users' folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, meminfo, mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan

FSTAB = "/etc/fstab"


def text_of(path: str) -> str | None:
    """Return what a file of the system says; None for no file, or none that can be read."""
    try:
        with open(path, "rb") as handle:
            return handle.read().decode("utf-8", "surrogateescape")
    except OSError:
        return None


def live(path: str) -> mountinfo.Mount | None:
    """Return the topmost mount on C(path) as the kernel shows it now."""
    mounts = [mount for mount in mountinfo.parse(text_of("/proc/self/mountinfo") or "") if mount.mount_point == path]
    return mounts[-1] if mounts else None


def ours() -> list[str]:
    """Return where a tmpfs of wsltune's is mounted now."""
    mounts = mountinfo.parse(text_of("/proc/self/mountinfo") or "")
    return [mount.mount_point for mount in mounts if mount.fstype == "tmpfs" and mount.source == tmpfs_plan.SOURCE]


def mode_of(path: str) -> int | None:
    """Return the permission bits of C(path), None where there is nothing."""
    try:
        return stat.S_IMODE(os.lstat(path).st_mode)
    except OSError:
        return None


def _folder(path: str) -> list[int] | None:
    # What its owner mounted there may let root wait.
    if live(path) is not None:
        return None
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return [stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid] if stat.S_ISDIR(status.st_mode) else None


def needs_helper(is_wsl: bool) -> bool:
    """Whether nothing but `mount -a` can be relied on to make the folders at a start."""
    return is_wsl or not os.path.isdir("/run/systemd/system")


def observe(path: str, people: Sequence[accounts.Account], is_wsl: bool) -> dict[str, Any]:
    """Return what tmpfs.is_met compares with what is wanted."""
    mount = live(path)
    return {
        "path": path,
        "fstab": text_of(FSTAB),
        "folders": text_of(tmpfs_plan.FOLDERS_PATH),
        "helper": text_of(tmpfs_plan.HELPER_PATH) if needs_helper(is_wsl) else None,
        "needs_helper": needs_helper(is_wsl),
        "memory": meminfo.parse(text_of("/proc/meminfo") or ""),
        "live": None
        if mount is None
        else {
            "fstype": mount.fstype,
            "source": mount.source,
            "options": list(mount.options),
            "super_options": list(mount.super_options),
            "mode": mode_of(path),
        },
        "users": {
            person.name: {
                "uid": person.uid,
                "gid": person.gid,
                "folder": _folder(os.path.join(path, person.name)),
            }
            for person in people
        },
    }
