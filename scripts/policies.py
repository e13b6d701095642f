# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes plugins/module_utils/wsl/forbidden.py from policies/default.yml: python scripts/policies.py.

Targets have no YAML, and refuse the values that the policies forbid.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCE, TARGET = ROOT / "policies" / "default.yml", ROOT / "plugins" / "module_utils" / "wsl" / "forbidden.py"
HEAD = '''\
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values that harm whatever else is set, and why. Written by scripts/policies.py: change policies/default.yml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Union

Forbidden = Mapping[str, tuple[Union[bool, str], str]]
'''


def table(name: str, rules: list[dict[str, Any]]) -> str:
    """Return the lines of one table: the value and the reason by the key."""
    lines = [f"{name}: Forbidden = {{"]
    for rule in rules:
        (condition,) = rule["when"]
        key = condition["value"].rpartition("/")[2]
        value = condition["is"] if isinstance(condition["is"], bool) else f'"{condition["is"]}"'
        parts = textwrap.wrap(rule["why"], 95, drop_whitespace=False, break_long_words=False)
        shown = [f'"{part}"' for part in parts]
        why = [f"        {shown[0]},"]
        if len(shown) > 1:
            why = ["        (", *(f"            {part}" for part in shown), "        ),"]
        lines += [f'    "{key}": (', f"        {value},", *why, "    ),"]
    return "\n".join([*lines, "}\n"])


def write() -> str:
    """Return the text of the module."""
    rules = [rule for rule in yaml.safe_load(SOURCE.read_text(encoding="utf-8")) if rule.get("refused")]
    tables = {
        name.upper(): [rule for rule in rules if rule["when"][0]["value"].startswith(f"declared/{name}/")]
        for name in ("wsl_conf", "wslconfig")
    }
    return "\n".join([HEAD, *(table(name, found) for name, found in tables.items())])


if __name__ == "__main__":
    TARGET.write_text(write(), encoding="utf-8")
