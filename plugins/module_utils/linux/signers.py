# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judges the lines of an allowed signers file of SSH, as ssh-keygen(1) describes it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LINE = re.compile(r"[^\s#]+ ([a-z-]+=\"[^\"]*\" )?(ssh|sk-ssh|ecdsa|sk-ecdsa)-\S+ [A-Za-z0-9+/=]{60,}( [^\n]*)?")


def refusal(lines: Sequence[str], variable: str) -> str:
    """Return why the lines of a variable name nobody who may sign, in one sentence; empty where they do."""
    if not lines:
        return f"{variable} is empty: give at least one key that may sign, such as anna@example.com ssh-ed25519 AAAA..."
    wrong = next((line for line in lines if not _LINE.fullmatch(str(line).strip())), None)
    if wrong is None:
        return ""
    return (
        f"{variable} has {str(wrong)!r}, which is no line of an allowed signers file, such as"
        " anna@example.com ssh-ed25519 AAAA..."
    )
