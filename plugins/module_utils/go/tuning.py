# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settings of Go that change how it works and not where: flags beside those of each user, toolchain, linker, cache."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.go import flags as go_flags

GIB = 1 << 30
FOR_ONE = 2 * GIB
"""Memory of one package that is compiled, linked and tested, so that many at once do not make the machine swap."""
LINKERS = {"mold": "ld.mold", "lld": "ld.lld"}
"""What -fuse-ld= takes, and the program that it starts; mold, which is faster, first."""
LDFLAGS = "-O2 -g"
"""Go's own default of CGO_LDFLAGS (cmd/go/internal/work/exec.go, DefaultCFlags), which a setting replaces."""
NEUTRAL = "-x=false"
"""A GOFLAGS that changes nothing in any Go; an empty variable counts as none, so that the user's file would be read."""
FROM_FILE = ("GOTOOLCHAIN", "GOCACHEPROG", "CGO_LDFLAGS")
"""What `go env` is not asked: it gets GOTOOLCHAIN=local, before Go 1.24 it knows no cache program, and for CGO_LDFLAGS
it makes a folder in GOTMPDIR, which may be gone."""
OPTIONS = ("goflags_added", "parallel", "tool_gc", "gotoolchain", "cgo_linker", "gocacheprog")


class TuningError(ValueError):
    """A tuning that this machine cannot have, in one sentence."""


def parallel(total: int, cpus: int) -> int:
    """Return how many packages at once C(total) bytes of memory carry, at most two for each processor."""
    return max(1, min(total // FOR_ONE, 2 * cpus))


def explain_parallel(wanted: str, total: int, cpus: int) -> tuple[str, str]:
    """Return the flag for C(wanted), a number or auto, or why there is none."""
    if not wanted:
        return "", ""
    if wanted != "auto" and not re.fullmatch(r"[1-9]\d{0,3}", wanted):
        raise TuningError(
            f"go_env_parallel is {wanted!r}: give auto or how many packages Go works on at once, such as 4; nothing "
            "was changed."
        )
    number = parallel(total, cpus) if wanted == "auto" else int(wanted)
    if number == cpus:
        return "", f"Go works on {cpus} packages at once by itself, as many as there are processors"
    return f"-p={number}", ""


def list_toolchains(names: Iterable[str], system: str) -> list[str]:
    """Return the versions of Go among the names in GOMODCACHE/golang.org, the newest first.

    C(system) is such as linux-amd64. Releases alone, because nobody gets a candidate by a lever.
    """
    pattern = re.compile(rf"toolchain@v0\.0\.1-(go\d+\.\d+(?:\.\d+)?)\.{re.escape(system)}")
    return sorted((match[1] for match in map(pattern.fullmatch, names) if match), key=_numbers, reverse=True)


def choose_toolchain(wanted: str, found: Sequence[str], current: str) -> str:
    """Return which of C(found) GOTOOLCHAIN names: one that was asked for, or the newest if it is newer than C(current).

    Before 1.21 a Go starts no other.
    """
    if _numbers(current) < (1, 21):
        return ""
    if wanted != "newest":
        return wanted if wanted in found else ""
    return found[0] if found and _numbers(found[0]) > _numbers(current) else ""


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(number or 0) for number in match.groups()) if match else ()


def toolchain_setting(name: str) -> str:
    """Return the GOTOOLCHAIN that starts C(name), and a newer one where a go.mod asks for it."""
    return f"{name}+auto" if name else ""


def find_linker(wanted: str, path: str) -> str:
    """Return which of LINKERS is on C(path): the one that is wanted, or with auto the first; nothing for none."""
    names = list(LINKERS) if wanted == "auto" else [wanted]
    return next((name for name in names if shutil.which(LINKERS[name], path=path)), "")


def ldflags(own: str, linker: str) -> str:
    """Return CGO_LDFLAGS with a linker; one that the user chose stays."""
    flags = own or LDFLAGS
    return flags if "-fuse-ld" in flags or not linker else f"{flags} -fuse-ld={linker}"


def names_a_program(options: Mapping[str, Any]) -> list[str]:
    """Return what an account goes without whose Go also runs where a program that a setting names is missing."""
    lost = {
        "Go keeps its compiler's garbage collection": not options["tool_gc"],
        "CGO_LDFLAGS is not set": bool(options["cgo_linker"]),
        "GOCACHEPROG is not set": bool(options["gocacheprog"]),
    }
    return [what for what, is_wanted in lost.items() if is_wanted]


def settings(
    own: Mapping[str, str], options: Mapping[str, Any], added: Sequence[str] = (), newest: str = "", linker: str = ""
) -> dict[str, str]:
    """Return what one user's settings file shall say beside places and cgo.

    C(own) are the settings without wsltune, which C(added) flags are put behind and which are never replaced.
    """
    wanted = {}
    base = options["goflags"] or own.get("GOFLAGS", "")
    flags = go_flags.add(base, added)
    if options["goflags"] or flags != base:
        wanted["GOFLAGS"] = flags
    if newest and not own.get("GOTOOLCHAIN"):
        wanted["GOTOOLCHAIN"] = toolchain_setting(newest)
    flags = ldflags(own.get("CGO_LDFLAGS", ""), linker)
    if linker and flags != own.get("CGO_LDFLAGS"):
        wanted["CGO_LDFLAGS"] = flags
    if options["gocacheprog"] and not own.get("GOCACHEPROG"):
        wanted["GOCACHEPROG"] = options["gocacheprog"]
    return wanted


def check(options: Mapping[str, Any]) -> None:
    """Raise TuningError where an option cannot be a setting."""
    linker, program = options["cgo_linker"], options["gocacheprog"]
    if linker not in ("", "auto", *LINKERS):
        raise TuningError(
            f"go_env_cgo_linker is {linker!r}: give auto, {' or '.join(LINKERS)}, or nothing; nothing was changed."
        )
    if program and not re.fullmatch(r"/[^\s\"'$`\\;&|<>*?#]*( [^\n\"'$`\\;&|<>*?#]+)*", program):
        raise TuningError(
            f"go_env_gocacheprog is {program!r}: give the absolute path of a program, and its arguments behind a "
            "blank; nothing was changed."
        )
    toolchain = options["gotoolchain"]
    if toolchain and not re.fullmatch(r"newest|go\d+\.\d+(\.\d+|rc\d+)?", toolchain):
        raise TuningError(
            f"go_env_gotoolchain is {toolchain!r}: give newest or a version such as go1.27.3; nothing was changed."
        )


def overlay(observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables that give Go today's settings again, whatever its files say later.

    An empty GOTMPDIR would fall back to the user's file, so the folder it stands for is named.
    """
    environment = {
        name: observed["places"][name]["path"]
        for name in ("GOTMPDIR", "GOCACHE", "GOMODCACHE")
        if name in observed["places"]
    }
    for name in ("CGO_ENABLED", "GOFLAGS"):
        value = observed["settings"].get(name, {}).get("value")
        if value:
            environment[name] = value
    return {"environment": environment, "unset": []}


def is_as_before(observed: Mapping[str, Any], options: Mapping[str, Any]) -> bool:
    """Return whether one user's Go has today what it had before the first run, so that there is nothing to compare.

    C(options) are those that go_env was last applied with. A program in the place of Go's turns cgo off where no
    setting shows it.
    """
    return bool(observed["before"] == overlay(observed) and options.get("cgo_enabled") == "keep")


def neutral(
    before: Mapping[str, Any] | None, observed: Mapping[str, Any], replaced: Mapping[str, str | None] | None = None
) -> dict[str, Any] | None:
    """Return the environment from before the first run so that nothing of wsltune's is left in it.

    C(replaced) are those of FROM_FILE that wsltune wrote, with what the user had there (None: nothing).
    """
    if before is None:
        return None
    environment, unset = dict(before.get("environment") or {}), list(before.get("unset") or [])
    if observed.get("user_file", {}).get("values", {}).get("GOFLAGS"):
        environment.setdefault("GOFLAGS", NEUTRAL)
    for name, own in (replaced or {}).items():
        if observed["exports"].get(name):
            # The user's own, which wins before as now.
            continue
        if own:
            environment[name] = own
        else:
            unset.append(name)
    return {**before, "environment": environment, "unset": unset}
