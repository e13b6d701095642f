# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Folders for what is measured: made, locked while they are in use, and removed with nothing else touched.

And which folders root may rely on, since code in them runs with its rights and what it makes there must stay its own.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pathlib
import re
import stat
from collections.abc import Mapping
from typing import NamedTuple

from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, look, mountinfo, process
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

PREFIX = "wsltune-bench-"
LOOKING = 120.0
"""Seconds that looking for what others can change in a folder may take."""
_NAME = re.compile(r"\.?" + PREFIX + r"(\d+)-.*", re.DOTALL)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def others_change(folder: str, kept: bool = False) -> bool:
    """Return whether root would find in C(folder) what another account put there; no for a process that is not root's.

    With C(kept): whether another account could replace what root itself makes there. A Windows drive shows one account
    for all that is on it, so there only the way to the drive counts.
    """
    if os.geteuid() != 0:
        return False
    try:
        with files.place(folder) as place:
            status, where = place.status(), place.path
        if status is None or files.is_ours_alone(status, status if kept else None, where):
            return False
    except files.NotOurs as error:
        where = error.filename
    mount = mountinfo.find(wsl_judge.mounts_of(wsl_observe.collect()), where)
    return mount is None or not mount.windows_drive


def _find_below(folder: str) -> str:
    """Return what below a folder of root's own another account can change; nothing on a Windows drive."""
    real = os.path.realpath(folder)
    mount = mountinfo.find(wsl_judge.mounts_of(wsl_observe.collect()), real)
    if mount is not None and mount.windows_drive:
        return ""
    for parent, folders, names in os.walk(real):
        for path in (os.path.join(parent, name) for name in (*folders, *names)):
            with contextlib.suppress(FileNotFoundError):
                status = os.lstat(path)
                # Where a link leads is for whoever made it, which is root here.
                if not stat.S_ISLNK(status.st_mode) and not files.is_ours_alone(status, path=path):
                    return path
    return ""


def find_code_of_others(folder: str) -> str:
    """Say why root does not run what is in C(folder); nothing when it may, or for a process that is not root's."""
    if os.geteuid() != 0:
        return ""
    try:
        # In a child, because what another account mounted there may give no answer.
        place = look.once(lambda: folder if others_change(folder) else _find_below(folder), LOOKING)
    except OSError as error:
        return f"{folder} could not be looked at by root ({error.strerror}): measure it as its owner (wsltune_user)."
    if not place:
        return ""
    return (
        f"{place} can be changed by other accounts, whose code root would run: measure it as its owner (wsltune_user)."
    )


def check_account(folder: str, account: accounts.Account) -> None:
    """Raise AccountError where root would work for itself in what another account can change."""
    if account.uid == 0 and find_code_of_others(folder):
        raise accounts.AccountError(
            f"{folder} can be changed by other accounts, and root would run Go and write there: name the module's user"
        )


def leave_out_workspace(folder: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what keeps root's Go from a C(go.work) that another account can put above C(folder), such as in /tmp.

    Go takes the nearest one, which names the code that stands in for a module's dependencies. Nothing is returned where
    the nearest one is root's own, where GOWORK says which one counts, and for a process that is not root's.
    """
    if os.geteuid() != 0 or environment.get("GOWORK"):
        return {}
    # Go walks up the path that it was started with, and the one without links where that is another.
    for path in dict.fromkeys((os.path.abspath(folder), os.path.realpath(folder))):
        for part in (path, *map(str, pathlib.PurePath(path).parents)):
            if others_change(part):
                return {"GOWORK": "off"}
            if os.path.lexists(os.path.join(part, "go.work")):
                break
    return {}


def find_module_root(folder: str) -> str:
    """Return the folder whose C(go.mod) counts in C(folder), itself or one above; nothing where there is none."""
    return _find_nearest(folder, "go.mod")


def find_workspace_root(folder: str) -> str:
    """Return the folder whose C(go.work) counts in C(folder); nothing where there is none."""
    return _find_nearest(folder, "go.work")


def _find_nearest(folder: str, name: str) -> str:
    if not os.path.isdir(folder):
        return ""
    path = os.path.abspath(folder)
    parts = (path, *map(str, pathlib.PurePath(path).parents))
    return next((part for part in parts if os.path.isfile(os.path.join(part, name))), "")


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
        if others_change(parent, kept=True):
            raise files.NotOurs(parent)
        sweep(parent)
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
    """Remove what a killed benchmark of the caller's left in C(parent)."""
    with contextlib.suppress(OSError):
        if others_change(parent, kept=True):
            return
        # Elsewhere another account could give a name like ours to any folder of the caller's.
        status = os.stat(parent)
        if os.geteuid() != 0 and not files.is_ours_alone(status, status, parent):
            return
        for name in os.listdir(parent):
            match = _NAME.fullmatch(name)
            if match and (int(match[1]) == os.getpid() or not os.path.exists(f"/proc/{match[1]}")):
                with contextlib.suppress(OSError):
                    _sweep(os.path.join(parent, name))


def _sweep(path: str) -> None:
    descriptor = os.open(path, _FOLDER)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid():
            raise OSError(errno.EPERM, "it belongs to someone else", path)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        files.remove_tree(path, status)
    finally:
        os.close(descriptor)
