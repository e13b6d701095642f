# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import cgroups, mountinfo

TWO = "30 20 0:26 {root} /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
ONE = (
    "31 20 0:27 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "32 20 0:28 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "33 20 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
)
HYBRID = "12:memory:/user.slice\n4:cpu,cpuacct:/user.slice\n1:name=systemd:/user.slice/session.scope\n0::/user.slice\n"


def mounts(text, root="/"):
    return mountinfo.parse(text.format(root=root), is_wsl=False)


# text of /proc/self/cgroup, mounts, controller: folders
FOLDERS = [
    (
        "0::/user.slice/a.scope\n",
        mounts(TWO),
        "memory",
        ["/sys/fs/cgroup/user.slice/a.scope", "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup"],
    ),
    ("0::/\n", mounts(TWO), "cpu", ["/sys/fs/cgroup"]),
    (
        HYBRID,
        mounts(ONE),
        "memory",
        [
            "/sys/fs/cgroup/memory/user.slice",
            "/sys/fs/cgroup/memory",
            "/sys/fs/cgroup/unified/user.slice",
            "/sys/fs/cgroup/unified",
        ],
    ),
    (
        HYBRID,
        mounts(ONE),
        "cpu",
        [
            "/sys/fs/cgroup/cpu,cpuacct/user.slice",
            "/sys/fs/cgroup/cpu,cpuacct",
            "/sys/fs/cgroup/unified/user.slice",
            "/sys/fs/cgroup/unified",
        ],
    ),
    # A container without a namespace of its own sees the host's path; its mount begins at its group.
    ("0::/machine/abc/init\n", mounts(TWO, "/machine/abc"), "memory", ["/sys/fs/cgroup/init", "/sys/fs/cgroup"]),
    ("0::/machine/abc\n", mounts(TWO, "/machine/abc"), "memory", ["/sys/fs/cgroup"]),
    ("0::/machine/abcdef\n", mounts(TWO, "/machine/abc"), "memory", []),
    # A group above the namespace's own.
    ("0::/../other\n", mounts(TWO), "memory", []),
    ("", mounts(TWO), "memory", []),
    ("0::/user.slice\n", [], "memory", []),
    ("nonsense\n", mounts(ONE), "memory", []),
]


@pytest.mark.parametrize(("text", "mounted", "controller", "expected"), FOLDERS)
def test_folders_of_a_process(text, mounted, controller, expected):
    assert cgroups.folders(text, mounted, controller) == expected


# files: limit in bytes, what is left, folder; None without a limit
MEMORY = [
    ({"/g/a/memory.max": "max\n", "/g/a/memory.current": "5\n"}, None),
    ({"/g/a/memory.max": "4096\n", "/g/a/memory.current": "100\n"}, (4096, 3996, "/g/a")),
    (
        {
            "/g/a/memory.max": "9000\n",
            "/g/a/memory.current": "1\n",
            "/g/memory.max": "8000\n",
            "/g/memory.current": "70\n",
        },
        (8000, 7930, "/g"),
    ),
    # The group above has a larger limit and less left.
    (
        {
            "/g/a/memory.max": "4000\n",
            "/g/a/memory.current": "1\n",
            "/g/memory.max": "6000\n",
            "/g/memory.current": "5900\n",
        },
        (4000, 100, "/g/a"),
    ),
    ({"/g/a/memory.limit_in_bytes": "9223372036854771712\n", "/g/a/memory.usage_in_bytes": "7\n"}, None),
    ({"/g/a/memory.limit_in_bytes": "65536\n", "/g/a/memory.usage_in_bytes": "7\n"}, (65536, 65529, "/g/a")),
    ({"/g/a/memory.max": "4096\n"}, None),
    (
        {
            "/g/a/memory.max": "8192\n",
            "/g/a/memory.current": "8142\n",
            "/g/a/memory.stat": "anon 900\ninactive_file 7000\nactive_file 168\n",
        },
        (8192, 7218, "/g/a"),
    ),
    ({}, None),
]


@pytest.mark.parametrize(("files", "expected"), MEMORY)
def test_the_tightest_limit_of_memory_counts(files, expected):
    found = cgroups.memory(["/g/a", "/g"], files.get)
    assert (found and tuple(found[key] for key in ("limit", "available", "folder"))) == (expected or {})


# files: what is left in bytes, with the cached files
HEADROOM = [
    ({"/g/a/memory.max": "max\n", "/g/a/memory.current": "5\n"}, None),
    ({"/g/a/memory.max": "4096\n", "/g/a/memory.current": "4000\n"}, 96),
    (
        {
            "/g/a/memory.max": "4096\n",
            "/g/a/memory.current": "4000\n",
            "/g/a/memory.stat": "anon 900\ninactive_file 2000\nactive_file 1000\nfile 3000\n",
        },
        3096,
    ),
    (
        {
            "/g/memory.limit_in_bytes": "4096\n",
            "/g/memory.usage_in_bytes": "4000\n",
            "/g/memory.stat": "inactive_file 9\ntotal_inactive_file 500\n",
        },
        596,
    ),
    ({}, None),
]


@pytest.mark.parametrize(("files", "expected"), HEADROOM)
def test_cached_files_are_room_that_is_left(files, expected):
    assert cgroups.headroom(["/g/a", "/g"], files.get) == expected


CPUS = [
    ({"/g/a/cpu.max": "max 100000\n"}, None),
    ({"/g/a/cpu.max": "150000 100000\n"}, 1.5),
    ({"/g/a/cpu.max": "400000 100000\n", "/g/cpu.max": "200000 100000\n"}, 2.0),
    ({"/g/a/cpu.cfs_quota_us": "-1\n", "/g/a/cpu.cfs_period_us": "100000\n"}, None),
    ({"/g/a/cpu.cfs_quota_us": "33333\n", "/g/a/cpu.cfs_period_us": "100000\n"}, 0.33),
    ({}, None),
]


@pytest.mark.parametrize(("files", "expected"), CPUS)
def test_the_tightest_quota_of_cpus_counts(files, expected):
    assert cgroups.cpus(["/g/a", "/g"], files.get) == expected
