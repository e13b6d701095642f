# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads what tmpfs.py judges: the files that bring the tmpfs back, the live mount and the users' folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, meminfo, mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge

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
    return [mount.mount_point for mount in mounts if tmpfs_plan.is_ours(mount)]


def mode_of(path: str) -> int | None:
    """Return the permission bits of C(path), None where there is nothing."""
    try:
        return stat.S_IMODE(os.lstat(path).st_mode)
    except OSError:
        return None


def _folder(path: str) -> list[int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return [stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid] if stat.S_ISDIR(status.st_mode) else None


def needs_helper(is_wsl: bool) -> bool:
    """Whether nothing but `mount -a` can be relied on to make the folders at a start."""
    return is_wsl or not os.path.isdir("/run/systemd/system")


def _is_fstab_followed(machine: wsl_judge.Machine) -> bool:
    """Whether something mounts what the fstab says at the next start."""
    conf = wsl_conf.parse(machine.conf or "").values if wsl_judge.is_wsl(machine) else {}
    return conf.get("automount.mountFsTab") is not False or bool(conf.get("boot.systemd"))


def _changeable(path: str) -> str | None:
    try:
        files.check(path, follow=False)
    except files.NotOurs as error:
        return str(error.filename)
    except OSError:
        # A part that is missing or no folder is looked at by itself.
        pass
    return None


def _parts(path: str) -> Iterator[str]:
    """Return C(path) and the folders above it."""
    yield path
    while path != "/":
        path = os.path.dirname(path)
        yield path


def ground(path: str, table: str, machine: wsl_judge.Machine) -> tmpfs_plan.Ground:
    """Return what stands where a tmpfs is to go on C(path); C(table) is the text of the fstab."""
    mount = live(path)
    link = next((part for part in _parts(path) if os.path.islink(part)), None)
    plain = mount is None and link is None and os.path.isdir(path)
    return tmpfs_plan.Ground(
        table=table,
        table_is_writable=not os.path.exists(FSTAB) or os.access(FSTAB, os.W_OK),
        table_is_followed=_is_fstab_followed(machine),
        changeable=_changeable(path),
        link=link,
        file=next((part for part in _parts(path) if os.path.lexists(part) and not os.path.isdir(part)), None),
        live=mount,
        names=tuple(os.listdir(path)) if plain else (),
    )


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
