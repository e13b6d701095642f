# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import dataclasses
import os
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import bench, scratch
from ansible_collections.wsltune.go.plugins.module_utils.levers import trial_disk
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, mountinfo


def mounts(**kinds: str) -> list[mountinfo.Mount]:
    lines = [
        f"{number} 1 8:{number} / /{path.replace('_', '/')} rw{options} - {kind} x rw"
        for number, (path, kind_and_options) in enumerate(kinds.items(), 20)
        for kind, _comma, more in [kind_and_options.partition(",")]
        for options in [f",{more}" if more else ""]
    ]
    return mountinfo.parse("\n".join(["19 0 8:1 / / rw - tmpfs x rw", *lines]) + "\n")


@pytest.mark.parametrize(
    ("kinds", "place"),
    [
        ({"var_tmp": "ext4", "home": "ext4"}, "/var/tmp"),
        ({"home": "ext4"}, "home"),
        ({"var_tmp": "ext4,noexec", "home": "ext4"}, "home"),
        ({"var_tmp": "tmpfs", "home": "nfs4"}, ""),
    ],
)
def test_the_folder_is_on_a_disk(tmp_path: Any, kinds: dict[str, str], place: str) -> None:
    home = f"{tmp_path}/home"
    os.mkdir(home)
    table = [
        mount if mount.mount_point != "/home" else dataclasses.replace(mount, mount_point=home)
        for mount in mounts(**kinds)
    ]
    ada = accounts.Account("ada", os.geteuid(), os.getegid(), home, "/bin/sh")
    with scratch.Folders() as folders:
        if not place:
            with pytest.raises(bench.BenchmarkError, match=r"none of /var/tmp and .* is on one where programs can run"):
                trial_disk.make(ada, folders, table)
            return
        made = trial_disk.make(ada, folders, table)
        assert os.path.dirname(made) == (home if place == "home" else place)
        assert os.stat(made).st_mode & 0o777 == 0o700
    assert not os.path.exists(made)
