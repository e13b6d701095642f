# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the settings of a play, by section.key, ask of one of WSL's two files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import wslconfig as wsl_wslconfig

ROLES = {"wsl_conf": wsl_conf.WSL_CONF, "wslconfig": wsl_wslconfig.WSLCONFIG}
_WORDS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_Wanted = dict[str, tuple[wsl_conf.Value, str]]


def write_snake(name: str) -> str:
    """Return the name of a key or section in the way of Python and Ansible."""
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda letter: "_" + letter[0], name).lower()


def _text(key: wsl_conf.Key, value: Any) -> str:
    """Return what stands for a value in a file, before quotes; ValueError where it can be none."""
    if key.type == "bool":
        known = value if isinstance(value, bool) else _WORDS.get(str(value).lower())
        if known is None:
            raise ValueError(f"{key.name} takes true or false, not {str(value)!a}")
        return "true" if known else "false"
    if key.octal and not isinstance(value, str):
        raise ValueError(
            f"{key.name} takes an octal mask in quotes, such as '0022', not {value!a}, because YAML makes another "
            "number of a mask without quotes"
        )
    if key.type in ("list", "ports") and isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value)
    if isinstance(value, (bool, Mapping, list, tuple)):
        raise ValueError(f"{key.name} takes {'a number' if key.type == 'int' else 'a text'}, not {value!a}")
    return str(value)


def _explain_unknown(name: str, dialect: wsl_conf.Dialect) -> str:
    close = dialect.find_close(name)
    hint = f"did you mean {close}" if close else "give keys as section.key"
    return f"WSL knows no key {wsl_conf.show(name)} of {dialect.file}; {hint}"


def _read(settings: Mapping[str, Any], dialect: wsl_conf.Dialect) -> _Wanted:
    """Return the values and texts by canonical name; ValueError where WSL would refuse one."""
    wanted: _Wanted = {}
    for written, value in settings.items():
        name = dialect.canonical(str(written))
        if name is None:
            raise ValueError(_explain_unknown(str(written), dialect))
        if name in wanted:
            raise ValueError(f"{name} is set twice")
        if value is None:
            continue
        text = _text(dialect.keys[name], value)
        # A number that is too large is refused for both files: nobody wants the largest one instead.
        read = wsl_conf.read_value(dialect.keys[name], text)
        if read is None:
            raise ValueError(wsl_conf.explain_refusal(dialect.keys[name], text)[1])
        wanted[name] = (read, text)
    return wanted


def read_settings(settings: Any, role: str) -> dict[str, wsl_conf.Value]:
    """Return what the settings of a role mean, by their keys as WSL spells them; ValueError where WSL refuses one."""
    return {name: value for name, (value, _text) in _read_all(settings, role, {}, ()).items()}


def plan_settings(
    settings: Any,
    role: str,
    levers: Mapping[str, Any] | None = None,
    remove: Iterable[str] = (),
    variables: Iterable[str] = (),
) -> dict[str, Any]:
    """Return C(refusal), and what the role's module takes: C(content) of wsl.conf, C(sections) of .wslconfig.

    C(levers) are values of single variables, null where they are not set. C(variables) are the names of all variables
    of the play, among which names of single keys are refused because nothing reads them.
    """
    dialect = ROLES[role]
    plan: dict[str, Any] = {"refusal": "", "content": "", "sections": {}}
    try:
        wanted = _read_all(settings, role, levers or {}, variables)
        for written in remove:
            name = dialect.canonical(str(written))
            if name is None:
                raise ValueError(f"{role}_remove: {_explain_unknown(str(written), dialect)}")
            if name in wanted:
                raise ValueError(f"{name} is both set and in {role}_remove; leave out one of them")
        if dialect is wsl_conf.WSL_CONF:
            plan["content"] = write_content(wanted)
        else:
            plan["sections"] = write_sections(wanted)
    except ValueError as error:
        plan["refusal"] = f"{str(error).rstrip('.')}."
    return plan


def _read_all(settings: Any, role: str, levers: Mapping[str, Any], variables: Iterable[str]) -> _Wanted:
    dialect = ROLES[role]
    if not isinstance(settings, Mapping):
        example = "{boot.systemd: true}" if role == "wsl_conf" else "{wsl2.swap: 1GB}"
        raise ValueError(f"{role}_settings takes keys with values, such as {example}, not {settings!a}")
    singles = {
        f"{role}_{write_snake(key.section)}_{write_snake(key.key)}": key.name
        for key in dialect.keys.values()
        if key.name not in levers
    }
    for variable in variables:
        if variable in singles:
            raise ValueError(f"{variable} is no variable; set {singles[variable]} in {role}_settings instead")
    wanted = _read(settings, dialect)
    for name, pair in _read(levers, dialect).items():
        if wanted.setdefault(name, pair)[0] != pair[0]:
            raise ValueError(
                f"{name} is {wanted[name][1]} in {role}_settings and {pair[1]} as a lever; leave out one of them"
            )
    return wanted


def write_content(wanted: Mapping[str, tuple[wsl_conf.Value, str]]) -> str:
    """Write the lines of wsl.conf that ask for the values, numbers as they were written."""
    return wsl_conf.merge(
        "", {name: text if wsl_conf.KEYS[name].type == "int" else value for name, (value, text) in wanted.items()}
    )


def write_sections(wanted: Mapping[str, tuple[wsl_conf.Value, str]]) -> dict[str, dict[str, Any]]:
    """Return the options of M(wsltune.go.win_wslconfig) that ask for the values."""
    sections: dict[str, dict[str, Any]] = {key.section: {} for key in wsl_wslconfig.KEYS.values()}
    for name, (value, text) in wanted.items():
        key = wsl_wslconfig.KEYS[name]
        option: Any = value if key.type in ("bool", "int", "enum") else text
        if key.type in ("list", "ports"):
            option = [item.strip() for item in text.split(",") if item.strip()]
        sections[key.section][write_snake(key.key)] = option
    return sections
