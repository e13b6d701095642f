# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the last run of go_env left behind. Where all of it still holds, the next run need not call the module."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.go import cache as go_cache
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import tool_gc
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.linux import meminfo, text

RECORD = "applied.json"
OPTIONS = (
    "users",
    "gotmpdir",
    "gotmpdir_left_out",
    "gocache",
    "gomodcache",
    "goflags",
    "cgo_enabled",
    "caches_local",
    "modules",
    "gocache_limit",
    *go_tuning.OPTIONS,
)
PROGRAMS = ("gotoolchain", "cgo_linker", "gocacheprog")
"""Options that have Go start what may be uninstalled later, after which no build would work: the module looks again."""
WATCHED = (go_plan.PROFILE_PATH, go_plan.FISH_PATH, *go_plan.BLOCK_PATHS, tool_gc.PATH)


def states(users: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the state of each file that go_env writes for these users, as they were observed."""
    watched = {path: go_observe.file_state(path) for path in WATCHED}
    own = [user["user_file"] for user in users.values()]
    return {**watched, **{str(file["path"]): str(file["state"]) for file in own}}


def record(
    options: Mapping[str, Any],
    settings: Mapping[str, Mapping[str, str]],
    users: Mapping[str, Mapping[str, Any]],
    left_out: Sequence[str] = (),
    root: str = journal.ROOT,
) -> None:
    """Remember what was asked for, what each user's settings file was to say, and the files as they are now.

    C(left_out) are the notes of the wishes that somebody could not have, so that none of them is in C(settings).
    """
    known = journal.read_record(RECORD, root)
    memory, cpus = _settle(known.get("machine"))
    data = {
        "options": {name: options[name] for name in OPTIONS},
        "settings": {name: dict(values) for name, values in settings.items()},
        "states": states({name: users[name] for name in settings}),
        "left_out": [text.line(note) for note in left_out],
        "machine": {"memory": memory, "cpus": cpus},
    }
    if data != known:
        journal.write_record(RECORD, data, root)


def forget(root: str = journal.ROOT) -> None:
    """Have the next run look at everything again."""
    journal.forget_record(RECORD, root)


def settle_size(root: str = journal.ROOT) -> tuple[int, int]:
    """Return the memory and the processors that settings are made for: as the last run had them, while that holds.

    The kernel has a little more or less memory after every update, which is no reason to write anything anew.
    """
    return _settle(journal.read_record(RECORD, root).get("machine"))


def _settle(then: Any) -> tuple[int, int]:
    memory, cpus = meminfo.read_total(), len(os.sched_getaffinity(0))
    if not isinstance(then, dict) or then.get("cpus") != cpus or not isinstance(then.get("memory"), int):
        return memory, cpus
    is_same = abs(then["memory"] - memory) <= meminfo.TOLERANCE * memory
    return then["memory"] if is_same else memory, cpus


def observe(users: Mapping[str, Mapping[str, Any]], root: str = journal.ROOT) -> dict[str, Any] | None:
    """Return C(options) of the last run, whether all of it C(holds), and C(notes); None where nothing was applied.

    Where a wish was left out, nothing holds: the reason may be gone, which the module alone can find out. An earlier
    version kept no record of that.
    """
    known = journal.read_record(RECORD, root)
    try:
        settings, options = known["settings"], known["options"]
        left_out = known.get("left_out")
        there = {name: users[name] for name in settings if name in users}
        cgo_enabled = options["cgo_enabled"]
        return {
            "options": options,
            "holds": left_out == []
            and not any(options[name] for name in PROGRAMS)
            and _is_made_for_this_machine(options, known.get("machine"))
            and set(settings) == set(there) == set(options["users"] or users)
            and all(_holds(name, there[name], settings[name], cgo_enabled) for name in there)
            and states(there) == known["states"]
            and go_cache.is_met(options["gocache_limit"], there, settings),
            "notes": [
                *map(str, left_out or []),
                *(note for name in there for note in go_plan.notes_for(name, there[name], settings[name], cgo_enabled)),
                *go_plan.note_tests(there, {name: settings[name] for name in there}),
            ],
        }
    except (KeyError, TypeError, AttributeError):
        # No record, or one that cannot be understood: the module looks at everything again.
        return None


def _is_made_for_this_machine(options: Mapping[str, Any], then: Any) -> bool:
    """Return whether what was made by the memory and the processors would be the same again."""
    by_size = options["parallel"] == "auto" or not options["tool_gc"]
    return not by_size or (isinstance(then, dict) and (then.get("memory"), then.get("cpus")) == _settle(then))


def _holds(user: str, observed: Mapping[str, Any], settings: Mapping[str, str], cgo_enabled: str) -> bool:
    """Return whether go_env would leave one user as it is; where it had to look closer, no."""
    return bool(
        # Go commands come and go, and each gets a program in its place.
        cgo_enabled == "keep"
        and observed["go"]
        and observed["before"]
        and "GOENV" not in observed["exports"]
        and set(go_plan.list_slow_caches(observed["places"])) <= set(settings)
        and not go_plan.unmet(user, observed, settings, cgo_enabled, observed["exports"])
    )
