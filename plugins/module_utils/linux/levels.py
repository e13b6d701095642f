# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From which level on what was found makes a run fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NEVER = "never"


def choose_failing(level: Any, levels: Mapping[str, Sequence[str]], variable: str) -> dict[str, Any]:
    """Return the C(states) that make a run fail at C(level), and a C(refusal) that is empty where there is that level.

    C(levels) has the states of each level, the worst first: a level fails with its own and with all before it.
    """
    names = [*levels, NEVER]
    if level not in names:
        return {"refusal": f"{variable} is {level}: it must be {', '.join(names[:-1])} or {NEVER}.", "states": []}
    reached = [] if level == NEVER else names[: names.index(level) + 1]
    return {"refusal": "", "states": [state for name in reached for state in levels[name]]}
