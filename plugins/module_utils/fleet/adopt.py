# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes a person's value over as declared: the variables that say so, for host_vars."""

from __future__ import annotations

import difflib
from collections.abc import Container, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.fleet import drift
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge

VARIABLES = {
    "GOMODCACHE": "go_env_gomodcache",
    "GOFLAGS": "go_env_goflags",
}
TEMPLATES = ("{{", "{%", "{#", "#jinja2:")
"""What a template has. After the last, at the beginning of a text, it says itself what stands for the others."""
ABSENT = {"go_tmpfs": "go_tmpfs_state", "workspace": "workspace_state"}
"""Roles whose line or mount somebody took away, which is adopted as a whole."""
PLACED = {"GOTMPDIR": "go_tmpfs_place", "GOCACHE": "go_tmpfs_gocache"}
"""Go's settings that each run of site.yml works out, and what they follow."""


class AdoptError(ValueError):
    """A setting that cannot be taken over, in one sentence."""


def _refuse_template(setting: Mapping[str, Any], value: Any) -> None:
    """Raise AdoptError for what a controller would run: a user of the machine chose it, or whoever is root there."""
    if any(mark in str(value) for mark in TEMPLATES):
        raise AdoptError(
            f"wsltune_adopt names {setting['id']}, whose value is a template where a variable has it ({value!r}): "
            "write the variable by hand, with !unsafe before the value"
        )


def _wsl_conf(setting: Mapping[str, Any], variables: dict[str, Any], declared: Container[str]) -> None:
    name = setting["id"].partition(":")[2]
    if name == wsl_judge.LAUNCHED_FOR and setting["declared"] is not None and name not in declared:
        # Declared twice, it would be refused by the next run.
        raise AdoptError(f"wsltune_adopt names {setting['id']}, which a lever declares: {drift.TURN_OFF}")
    key = wsl_conf.KEYS.get(name)
    if key is None:
        raise AdoptError(f"wsltune_adopt names {setting['id']}, which no variable declares: change the role's instead")
    if setting["now"] is None:
        variables.setdefault("wsl_conf_remove", []).append(name)
        return
    value: Any = setting["now"]
    _refuse_template(setting, value)
    if key.type == "bool":
        value = value == "true"
    elif key.type == "int":
        value = f"{int(value):04o}" if key.octal else int(value)
    variables.setdefault("wsl_conf_settings", {})[name] = value


def _go(setting: Mapping[str, Any], variables: dict[str, Any]) -> None:
    _role, _user, name = setting["id"].split(":", 2)
    if name == "CGO_ENABLED":
        variables["go_env_cgo_enabled"] = {"1": "true", "0": "false"}.get(str(setting["now"]), "keep")
        return
    value = setting["now"] or ""
    _refuse_template(setting, value)
    variable = VARIABLES[name]
    if variables.setdefault(variable, value) != value:
        raise AdoptError(
            f"wsltune_adopt names {name} of two users with different values ({variables[variable]!r} and {value!r}): "
            "one variable declares both, so name one of them"
        )


def _variables_of(setting: Mapping[str, Any], variables: dict[str, Any], declared: Container[str]) -> None:
    role, name = setting["role"], setting["id"].rpartition(":")[2]
    if role == "wsl_conf":
        _wsl_conf(setting, variables, declared)
    elif not drift.can_be_declared(role, setting["id"], setting["now"]):
        if role == "go_env" and name in PLACED:
            raise AdoptError(
                f"wsltune_adopt names {setting['id']}, which every run of site.yml works out anew: change "
                f"{PLACED[name]} or wsltune_users instead"
            )
        raise AdoptError(
            f"wsltune_adopt names {setting['id']}, whose value no variable can declare: run site.yml, or change the "
            "role's variables by hand"
        )
    elif role == "go_env":
        _go(setting, variables)
    else:
        variables[ABSENT[role]] = "absent"


def adopt(
    report: Mapping[str, Any],
    settings: Sequence[str] | str,
    wsl_conf_settings: Mapping[str, Any] | None = None,
    wsl_conf_remove: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the report with C(adopted): the settings taken over and the variables that declare them.

    What was only declared anew, what cannot be read and what no variable declares is refused, one sentence each.
    C(wsl_conf_settings) and C(wsl_conf_remove) are those of now, because a host's variable stands for all of a group's.
    """
    known = {setting["id"]: setting for setting in report["settings"]}
    if isinstance(settings, str):
        # As a command line or a survey gives it; a path may have a comma in it.
        settings = [settings] if settings in known else [name.strip() for name in settings.split(",")]
    variables: dict[str, Any] = {}
    declared = {wsl_conf.canonical(name) or name: value for name, value in (wsl_conf_settings or {}).items()}
    adopted, refused = [], []
    for name in dict.fromkeys(settings):
        setting = known.get(name)
        if setting is None:
            # A list holds for a fleet, of which not every machine has every setting.
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            refused.append(f"wsltune_adopt names {name}, which {report['host']} does not have{hint}")
        elif setting["state"] not in (drift.CHANGED, drift.CONFLICT, drift.GONE):
            refused.append(
                f"wsltune_adopt names {name}, which is {drift.TITLES[setting['state']]} on {report['host']}: only what "
                "someone else changed can be adopted"
            )
        else:
            try:
                if len(str(setting["now"])) > drift.LONGEST:
                    raise AdoptError(
                        f"wsltune_adopt names {name}, whose value has more than {drift.LONGEST} characters: write the "
                        "variable by hand"
                    )
                _variables_of(setting, variables, declared)
                adopted.append({"id": name, "value": setting["now"], "was_declared": setting["declared"]})
            except AdoptError as error:
                refused.append(str(error))
    if "wsl_conf_remove" in variables:
        for name in variables["wsl_conf_remove"]:
            declared.pop(name, None)
        variables["wsl_conf_remove"] = [*wsl_conf_remove, *variables["wsl_conf_remove"]]
        variables.setdefault("wsl_conf_settings", {})
    if "wsl_conf_settings" in variables:
        variables["wsl_conf_settings"] = {**declared, **variables["wsl_conf_settings"]}
    return {**report, "adopted": adopted, "adopt_variables": variables, "adopt_refused": refused}
