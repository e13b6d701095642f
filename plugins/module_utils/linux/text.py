# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text that comes from users and programs, made fit to be shown."""

from __future__ import annotations

import re
from typing import Any

# A terminal would follow them: C0 without tab, newline and CR LF, delete, C1, and what turns the direction of text.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r(?!\n)")


def printable(value: Any) -> Any:
    """Return C(value) with bytes that are no UTF-8 spelled out, and control characters of all strings in it too."""
    if isinstance(value, str):
        decoded = value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        return CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", decoded)
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(item) for item in value]
    return value


def line(value: object, most: int = 1000) -> str:
    """Return C(value) in one line that a terminal shows as it is."""
    shown = " ".join(printable(str(value)).split())
    return shown if len(shown) <= most else shown[:most] + "..."
