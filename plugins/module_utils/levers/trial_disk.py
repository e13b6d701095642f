# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A folder on a disk, which a lever that keeps files in memory is compared with once it is in force."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import bench, scratch
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import place as tmpfs_place

PARENTS = ("/var/tmp",)
"""Where everybody can have one; the user's own home comes after them."""


def make(account: accounts.Account, folders: scratch.Folders, mounts: Sequence[mountinfo.Mount]) -> str:
    """As the user: make the folder on a disk; BenchmarkError where there is none that programs can run on."""
    for parent in (*PARENTS, account.home):
        mount = mountinfo.find(mounts, os.path.realpath(parent))
        if mount is None or mount.fstype in mountinfo.IN_MEMORY or tmpfs_place.REMOTE.fullmatch(mount.fstype):
            continue
        if "noexec" in mount.options:
            continue
        try:
            return folders.make(parent, "disk", hidden=False)
        except OSError:
            continue
    raise bench.BenchmarkError(
        f"/tmp in memory cannot be compared with a disk, because none of {', '.join(PARENTS)} and {account.home} is on "
        "one where programs can run"
    )
