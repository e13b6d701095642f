# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a lever needs of a machine and of a user's Go, and the values with which it is tried there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.go import flags as go_flags
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import tool_gc
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue

PROGRAM = "tool-gc"
"""The name of tool_gc's program on the tmpfs of a trial."""


@dataclass(frozen=True)
class Ground:
    """What the machine and one user's Go without levers are; C(settings) as `go env` reports them."""

    memory: int
    cpus: int
    settings: Mapping[str, str] = field(default_factory=dict)
    toolchains: Sequence[str] = ()
    """What lies in the module cache, the newest first."""
    linker: str = ""
    gocacheprog: str = ""
    gocacheprog_obstacle: str = ""
    """Why the user should not have that command started."""
    parallel: str = "auto"
    builds: bool = False
    """Whether C(go build) may be among what is measured, as in a command of the user's own."""
    has_repository: bool = False

    @property
    def version(self) -> str:
        """Go's version with its prefix, such as go1.25.1; empty where it is unknown."""
        return self.settings.get("GOVERSION", "")

    def to_json(self) -> dict[str, Any]:
        """Return the ground as it is kept beside a decision."""
        return asdict(self)


def is_in_repository(directory: str) -> bool:
    """Return whether Git keeps a folder: it or one above has C(.git)."""
    while not os.path.lexists(os.path.join(directory, ".git")):
        if directory == os.path.dirname(directory):
            return False
        directory = os.path.dirname(directory)
    return True


def values(ground: Ground, tmpfs: str) -> dict[str, str]:
    """Return what the placeholders of the catalogue stand for, beside those of places."""
    newest = go_tuning.choose_toolchain("newest", ground.toolchains, ground.version)
    return {
        "tool_gc": f"{tmpfs}/{PROGRAM}",
        "parallel": _parallel(ground)[0].partition("=")[2],
        "newest_go": go_tuning.toolchain_setting(newest),
        "cgo_ldflags": go_tuning.ldflags(ground.settings.get("CGO_LDFLAGS", ""), ground.linker),
        "gocacheprog": ground.gocacheprog,
    }


def _parallel(ground: Ground) -> tuple[str, str]:
    return go_tuning.explain_parallel(ground.parallel or "auto", ground.memory, ground.cpus)


def goflags(tried: Sequence[str], ground: Ground, placeholders: Mapping[str, str]) -> str:
    """Return the GOFLAGS for these levers together, beside the user's own; nothing where none of them has a flag."""
    added = [catalogue.LEVERS[name].goflags.format(**placeholders) for name in tried if catalogue.LEVERS[name].goflags]
    return go_flags.add(ground.settings.get("GOFLAGS", ""), added) if added else ""


def explain_missing(name: str, ground: Ground) -> str:
    """Return what a lever lacks here, as the end of a sentence; nothing where it can be tried."""
    lever = catalogue.LEVERS[name]
    own = {go_flags.name_of(word): word for word in go_flags.split(ground.settings.get("GOFLAGS", ""))}
    flag = go_flags.name_of(lever.goflags)
    if flag and flag in own:
        return f"GOFLAGS has {own[flag]} already"
    version = go_observe.version_tuple(ground.version)
    if name == "buildvcs_off":
        return _explain_no_stamp(ground, version)
    if name == "tool_gc":
        return tool_gc.obstacle(ground.memory, ground.cpus)
    if name == "parallel":
        return _parallel(ground)[1]
    if name == "go_version" and not go_tuning.choose_toolchain("newest", ground.toolchains, ground.version):
        place = ground.settings.get("GOMODCACHE") or "the module cache"
        return f"no Go newer than {ground.version or 'the one in use'} lies in {place}, and nothing is installed for it"
    if name == "cgo_linker":
        return _explain_no_linker(ground)
    if name == "gocacheprog":
        if not ground.gocacheprog:
            return "go_env_gocacheprog names no command"
        if ground.gocacheprog_obstacle:
            return ground.gocacheprog_obstacle
        if version < (1, 24):
            return f"{ground.version or 'this Go'} knows no GOCACHEPROG, which Go 1.24 brought"
    return ""


def _explain_no_stamp(ground: Ground, version: Sequence[int]) -> str:
    if tuple(version) < (1, 18):
        return f"{ground.version or 'this Go'} knows no -buildvcs, which Go 1.18 brought"
    if not ground.builds:
        return "go test asks Git nothing; the scenario build or a command of yours would"
    return "" if ground.has_repository else "no module lies in a Git repository"


def _explain_no_linker(ground: Ground) -> str:
    if ground.settings.get("CGO_ENABLED") == "0":
        return "cgo is off"
    if not ground.linker:
        return f"a login finds neither {' nor '.join(go_tuning.LINKERS.values())}"
    if "-fuse-ld" in ground.settings.get("CGO_LDFLAGS", ""):
        return "CGO_LDFLAGS names a linker already"
    return ""
