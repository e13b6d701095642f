# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When the distribution's Go may be installed, and the record of what came with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def list_no_answer(users: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return whose Go does not answer, or may be there although a login failed, with the reason."""
    reasons = []
    for name, user in users.items():
        unknown = user["unknown"]
        reason = unknown.get("go") if user["toolchains"] else None
        reason = reason or unknown.get("answer") or unknown.get("environment") or unknown.get("terminal")
        if reason and not user["go"]:
            reasons.append(f"{name}: {str(reason).rstrip('.')}")
    return reasons


def explain_no_answer(users: Mapping[str, Mapping[str, Any]]) -> str:
    """Return why no Go may be installed; nothing where somebody has one, or is known to have none.

    A Go that does not answer is there all the same, and a second one beside it is nobody's wish. Root counts where
    there is nobody else.
    """
    people = {name: user for name, user in users.items() if user["uid"] != 0} or users
    silent = list_no_answer(users)
    without = [name for name in people if not any(reason.startswith(f"{name}: ") for reason in silent)]
    return "" if without else "; ".join(silent)


def read_record(content: str | None) -> list[str]:
    """Return the packages that earlier runs installed; none where there is no record that can be understood."""
    try:
        names = json.loads(content or "[]")
    except ValueError:
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def merge_record(
    content: str | None, new: Sequence[str], before: Sequence[str] = (), after: Sequence[str] | None = None
) -> list[str]:
    """Return the record with C(new) packages, or with those in C(after) that were not there C(before).

    What earlier runs installed stays in it, so that a rollback removes that too.
    """
    added = set(new) if after is None else set(after) - set(before)
    return sorted({*read_record(content), *added})


def write_record(names: Sequence[str]) -> str:
    """Return the text of a record."""
    return json.dumps(sorted(names))
