# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every lever once: the role and the variable that keep it, how it is tried, and the doctor's cases that it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

SOURCE_PLACE, PATH_PLACE = "source", "PATH"
"""Places beside those of Go's settings: the project itself, and any directory of PATH."""
COMPILE, VET, LINK, RUN, LOOKUPS = PHASES = ("compile", "vet", "link", "run", "look-ups")
"""What a C(go test) does one after the other and beside each other. Look-ups are the time that no action of Go takes:
it finds packages, reads go.mod, and asks of each file whether it changed."""


class Lever(NamedTuple):
    """One tuning. On, C(variable) of C(role) is C(on), or what a person gave it where that is None; off, C(off)."""

    name: str
    role: str
    variable: str
    on: Any
    off: Any
    summary: str
    environment: Mapping[str, str] = {}
    """What gives one run of Go its effect: C({tmpfs}) is a folder on a tmpfs, C({home}) the user's home, C({path}) the
    user's PATH without directories on Windows drives. Empty where a copy of the source or C(goflags) does it."""
    places: Sequence[str] = ()
    """Places of which one must lie on a Windows drive for the lever to have an effect; empty: it always can."""
    cases: Sequence[str] = ()
    """Ids of the doctor's cases that it answers."""
    phases: Sequence[str] = ()
    """The phases of C(PHASES) that it can make shorter, by its mechanism; the doctor offers it where one of them takes
    the time."""
    on_request: bool = False
    """Whether it is tried only by name, because it costs something later that no benchmark shows."""
    goflags: str = ""
    """A flag that one run of Go gets in GOFLAGS, beside those that the user has (go/flags.py)."""
    page: str = ""
    """The page of docs/cases that shows what it is about, where that is no case of the doctor's."""
    guard: str = ""
    """What the machine must have, as docs/guide/levers.md shows it; levers/guard.py is what asks."""
    cost: str = ""
    """What is given up while it is on, as docs/guide/levers.md shows it."""


class Sequenced(NamedTuple):
    """A tuning that cannot be switched on for one run.

    It is measured before and after a restart or a change on the Windows side (verify, entry C(sequence)). C(role) keeps
    it by C(variable).
    """

    name: str
    role: str
    variable: str
    setting: str
    """What is set there."""
    summary: str
    cost: str
    on_purpose: str = ""
    """What verify_changed_on_purpose must name, so that the two measurements are compared."""


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
            phases=(LINK, RUN),
            guard="memory for it, and a start that reads /etc/fstab",
            cost="files in /tmp end with the machine's run and take memory",
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
            phases=(LINK,),
            guard="memory for it",
            cost="memory, as files fill it",
        ),
        Lever(
            "gocache_tmpfs",
            role="go_tmpfs",
            variable="go_tmpfs_gocache",
            on=True,
            off=False,
            summary="the build cache in memory, empty after every start",
            environment={"GOCACHE": "{tmpfs}/gocache"},
            phases=(COMPILE,),
            on_request=True,
            guard="memory for it",
            cost="memory, and the first build after every start is a cold one",
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
            phases=(COMPILE, LINK),
            on_request=True,
            guard="a module without cgo",
            cost="the C library's resolver and accounts (LDAP) in programs that are built",
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
            phases=(COMPILE, LOOKUPS),
            guard="a cache on a Windows drive",
            cost="room in the home; the old cache stays where it is",
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
            phases=(COMPILE, LOOKUPS),
            guard="a project on another disk than the home",
            cost="Windows programs reach the project by \\\\\\\\wsl.localhost",
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
            phases=(LOOKUPS,),
            on_request=True,
            guard="a Windows directory in PATH",
            cost="Windows programs without a launcher need their full path",
        ),
        Lever(
            "buildvcs_off",
            role="go_env",
            variable="go_env_buildvcs",
            on=False,
            off=True,
            summary="no commit and time of the last change in programs that are built",
            goflags="-buildvcs=false",
            phases=(LOOKUPS,),
            page="WT-070",
            guard="Go 1.18",
            cost="`go version -m` of a built program shows no commit",
        ),
        Lever(
            "vet_off",
            role="go_env",
            variable="go_env_vet",
            on=False,
            off=True,
            summary="go test without go vet",
            goflags="-vet=off",
            phases=(VET,),
            on_request=True,
            page="WT-071",
            guard="any Go",
            cost="`go test` finds none of vet's mistakes any more: run `go vet` in the editor or in CI",
        ),
        Lever(
            "tool_gc",
            role="go_env",
            variable="go_env_tool_gc",
            on=False,
            off=True,
            summary="compiler and linker without garbage collection while there is memory",
            goflags="-toolexec={tool_gc}",
            phases=(COMPILE, LINK),
            on_request=True,
            page="WT-072",
            guard="256 MiB for each processor in a quarter of the memory",
            cost="memory of each compiler and linker up to its share; one more exec for each tool",
        ),
        Lever(
            "parallel",
            role="go_env",
            variable="go_env_parallel",
            on="auto",
            off="",
            summary="as many packages at once as memory carries at 2 GiB each, at most twice the processors",
            goflags="-p={parallel}",
            phases=(COMPILE, VET, LINK, RUN),
            on_request=True,
            page="WT-073",
            guard="another number than that of the processors",
            cost="memory and contention of more tests at once, or idle processors with fewer",
        ),
        Lever(
            "go_version",
            role="go_env",
            variable="go_env_gotoolchain",
            on="newest",
            off="",
            summary="the newest Go that lies in the module cache already",
            environment={"GOTOOLCHAIN": "{newest_go}"},
            phases=(COMPILE, VET, LINK, RUN, LOOKUPS),
            on_request=True,
            page="WT-074",
            guard="Go 1.21 and a newer one in the module cache",
            cost="another compiler than that of go.mod; what it finds or changes comes early",
        ),
        Lever(
            "cgo_linker",
            role="go_env",
            variable="go_env_cgo_linker",
            on="auto",
            off="",
            summary="mold or lld links programs that use cgo",
            environment={"CGO_LDFLAGS": "{cgo_ldflags}"},
            phases=(LINK,),
            on_request=True,
            page="WT-075",
            guard="ld.mold or ld.lld on the PATH, and a C compiler",
            cost="packages that use cgo are compiled once more; another linker than in CI",
        ),
        Lever(
            "gocacheprog",
            role="go_env",
            variable="go_env_gocacheprog",
            on=None,
            off="",
            summary="a program of the team's shares the build cache",
            environment={"GOCACHEPROG": "{gocacheprog}"},
            phases=(COMPILE, VET),
            on_request=True,
            page="WT-076",
            guard="Go 1.24 and a command in go_env_gocacheprog",
            cost="whoever fills that cache decides what is linked; without it no build starts",
        ),
    )
}
IN_SEQUENCE = {
    lever.name: lever
    for lever in (
        Sequenced(
            "memory_reclaim",
            "wslconfig",
            "wslconfig_settings",
            "experimental.autoMemoryReclaim: disabled",
            "what was read stays in memory while the machine is idle",
            "Windows gets memory back only when WSL stops",
        ),
        Sequenced(
            "processors",
            "wslconfig",
            "wslconfig_settings",
            "wsl2.processors",
            "how many processors all distros together get",
            "fewer for the rest of Windows, or for Go",
            "processors",
        ),
        Sequenced(
            "memory",
            "wslconfig",
            "wslconfig_settings",
            "wsl2.memory",
            "how much memory all distros together get",
            "less for the rest of Windows",
            "memory",
        ),
        Sequenced(
            "virtiofs",
            "wslconfig",
            "wslconfig_settings",
            "wsl2.virtiofs: true",
            "Windows drives by virtiofs instead of 9p",
            "WSL calls it experimental, and its faults differ from 9p's",
            "drives",
        ),
        Sequenced(
            "defender_exclusions",
            "defender",
            "defender_projects",
            "a project on a Windows drive, by path; defender_include_toolchain excludes Go's programs by process",
            "Defender does not scan each file that Go opens on a Windows drive",
            "what lies there is not scanned on access",
        ),
    )
}
CASES = {case: lever.name for lever in LEVERS.values() for case in lever.cases}
"""Which lever answers a case of the doctor."""
AUTO = [lever.name for lever in LEVERS.values() if not lever.on_request]
"""The levers that C(wsltune_levers=auto) tries."""
TUNED = ("buildvcs_off", "vet_off", "tool_gc", "parallel", "go_version", "cgo_linker", "gocacheprog")
"""The levers that change how Go works, each by the one variable of its role."""
