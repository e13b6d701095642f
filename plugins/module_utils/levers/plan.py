# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which levers a run follows: the wishes and the decisions go in, the states that hold come out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue
from ansible_collections.wsltune.go.plugins.module_utils.levers.decide import OWN_FOLDER, SOURCE, TMP

AUTO = "auto"
KINDS = {TMP: "tmp", OWN_FOLDER: "gotmpdir"}
"""What go_tmpfs_place is with each of the levers that put temporary files into memory."""
FOLDERS = ("GOTMPDIR", "GOCACHE")


def parse_wish(wish: Any) -> Any:
    """Return C(wsltune_levers) as it was meant: C(-e wsltune_levers={}) hands over a text."""
    if isinstance(wish, str) and wish.strip().startswith("{"):
        try:
            return json.loads(wish)
        except ValueError:
            return wish
    return wish


def read_levers(wish: Any) -> dict[str, Any]:
    """Return the state of each lever that C(wsltune_levers) names; anything but a mapping means C(auto)."""
    return dict(wish) if isinstance(wish, Mapping) else dict.fromkeys(catalogue.AUTO, AUTO)


def explain_refusal(wish: Any) -> str:
    """Say why C(wsltune_levers) cannot be followed; nothing when it can."""
    if wish == AUTO:
        return ""
    sequenced = [name for name in wish if name in catalogue.IN_SEQUENCE] if isinstance(wish, Mapping) else []
    if sequenced:
        lever = catalogue.IN_SEQUENCE[sequenced[0]]
        return (
            f"wsltune_levers has {lever.name}, which no single run can try: set {lever.setting} by {lever.variable} "
            "and measure before and after with the entry sequence of the role verify; nothing was changed."
        )
    if isinstance(wish, Mapping) and set(wish) <= set(catalogue.LEVERS):
        wrong = [state for state in wish.values() if not (isinstance(state, bool) or state == AUTO)]
        if not wrong and all(wish.get(name) is True for name in KINDS):
            return (
                f"wsltune_levers has {' and '.join(KINDS)}, which are two ways to one end: choose one; nothing was "
                "changed."
            )
        if not wrong:
            return ""
    return (
        f"wsltune_levers is {json.dumps(wish)}: give auto, or true, false or auto for each of "
        f"{', '.join(catalogue.LEVERS)}; nothing was changed."
    )


def choose_place(levers: Mapping[str, Any], wanted: str) -> str:
    """Return the go_tmpfs_place that the levers ask for, C(wanted) where they leave it open, and nothing for none."""
    states = [levers[name] for name in KINDS if name in levers]
    asked = [name for name in KINDS if levers.get(name)]
    if not states or len(asked) == len(KINDS):
        return wanted
    return KINDS[asked[0]] if asked else ""


def list_levers_on_auto(levers: Mapping[str, Any], has_source: bool, place: str) -> list[str]:
    """List the levers to try.

    That of the source only where there is a project to copy, and of those that put temporary files into memory the one
    for C(place), the kind of place that is safe and not in force yet.
    """
    left_out = {name for name, kind in KINDS.items() if kind != place} | (set() if has_source else {SOURCE})
    return [name for name, state in levers.items() if state == AUTO and name not in left_out]


def merge_decisions(levers: Mapping[str, Any], decisions: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return which levers are on or off: those declared and, over them, those decided by measuring.

    A lever on C(auto) that could not be measured is missing, because the default of its role holds then.
    """
    declared = {name: state for name, state in levers.items() if state != AUTO}
    return {**declared, **{decision["lever"]: decision["kept"] for decision in decisions}}


def list_tuned_options(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the module go_env that change how Go works, from the variables of its role."""
    flags = [catalogue.LEVERS[name] for name in ("vet_off", "buildvcs_off")]
    named = ("parallel", "gotoolchain", "cgo_linker", "gocacheprog")
    return {
        "goflags_added": [lever.goflags for lever in flags if variables[lever.variable] == lever.on],
        "tool_gc": bool(variables["go_env_tool_gc"]),
        **{option: str(variables[f"go_env_{option}"]) for option in named},
    }


def has_lost(decisions: Iterable[Mapping[str, Any]], name: str) -> bool:
    """Say whether measuring speaks against a lever."""
    return any(decision["lever"] == name and decision["tried"] and not decision["kept"] for decision in decisions)


def list_folders_in_use(users: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the folders that Go's settings of any user name, which may lie on the tmpfs."""
    settings: Sequence[tuple[str, Any]] = [
        setting for user in users.values() for setting in user["settings"].items() if setting[0] in FOLDERS
    ]
    return list(dict.fromkeys(setting["value"] for _name, setting in settings if setting["value"]))
