# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every lever once: the role and the variable that keep it, how it is tried, and the doctor's cases that it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

SOURCE_PLACE, PATH_PLACE = "source", "PATH"
"""Places beside those of Go's settings: the project itself, and any directory of PATH."""


class Lever(NamedTuple):
    """One tuning. On, C(variable) of C(role) is C(on); off, it is C(off)."""

    name: str
    role: str
    variable: str
    on: Any
    off: Any
    summary: str
    environment: Mapping[str, str] = {}
    """What gives one run of Go its effect: C({tmpfs}) is a folder on a tmpfs, C({home}) the user's home, C({path}) the
    user's PATH without directories on Windows drives. Empty for the lever that moves a copy of the source instead."""
    places: Sequence[str] = ()
    """Places of which one must lie on a Windows drive for the lever to have an effect; empty: it always can."""
    cases: Sequence[str] = ()
    """Ids of the doctor's cases that it answers."""
    on_request: bool = False
    """Whether it is tried only by name, because it costs something later that no benchmark shows."""


LEVERS = {
    lever.name: lever
    for lever in (
        Lever(
            "tmp_in_memory",
            role="go_tmpfs",
            variable="go_tmpfs_place",
            on="tmp",
            off="auto",
            summary="/tmp in memory, from the next start on",
            environment={"TMPDIR": "{tmpfs}/tmp", "GOTMPDIR": "{tmpfs}/tmp"},
            cases=("WT-064",),
        ),
        Lever(
            "gotmpdir_tmpfs",
            role="go_env",
            variable="go_env_gotmpdir",
            on="/var/cache/gotmp/{uid}",
            off="",
            summary="Go's temporary files in memory, in folders of its own",
            environment={"GOTMPDIR": "{tmpfs}/gotmpdir"},
            cases=("WT-004", "WT-006", "WT-009", "WT-010"),
        ),
        Lever(
            "gocache_tmpfs",
            role="go_tmpfs",
            variable="go_tmpfs_gocache",
            on=True,
            off=False,
            summary="the build cache in memory, empty after every start",
            environment={"GOCACHE": "{tmpfs}/gocache"},
            on_request=True,
        ),
        Lever(
            "cgo_disabled",
            role="go_env",
            variable="go_env_cgo_enabled",
            on="false",
            off="keep",
            summary="CGO_ENABLED=0, except for -race and where a user sets it",
            environment={"CGO_ENABLED": "0"},
            cases=("WT-061", "WT-062"),
            on_request=True,
        ),
        Lever(
            "caches_local",
            role="go_env",
            variable="go_env_caches_local",
            on=True,
            off=False,
            summary="GOCACHE and GOMODCACHE in the home where they lie on a Windows drive",
            environment={"GOCACHE": "{home}/.cache/go-build", "GOMODCACHE": "{home}/go/pkg/mod"},
            places=("GOCACHE", "GOMODCACHE"),
            cases=("WT-002", "WT-003"),
        ),
        Lever(
            "source_on_ext4",
            role="workspace",
            variable="workspace_projects",
            on="the projects that were named",
            off=[],
            summary="the source on the distro's own disk",
            places=(SOURCE_PLACE,),
            cases=("WT-001", "WT-048"),
        ),
        Lever(
            "append_windows_path",
            role="wsl_conf",
            variable="wsl_conf_interop_append_windows_path",
            on=False,
            off=None,
            summary="no Windows directories on PATH",
            environment={"PATH": "{path}"},
            places=(PATH_PLACE,),
            cases=("WT-040",),
            on_request=True,
        ),
    )
}
CASES = {case: lever.name for lever in LEVERS.values() for case in lever.cases}
"""Which lever answers a case of the doctor."""
AUTO = [lever.name for lever in LEVERS.values() if not lever.on_request]
"""The levers that C(wsltune_levers=auto) tries."""
