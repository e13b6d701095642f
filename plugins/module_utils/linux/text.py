# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text that comes from users and programs, made fit to be shown."""

from __future__ import annotations

import re
from typing import Any

# A terminal would follow them: C0 without tab, newline and CR LF, delete, C1, and what turns the direction of text.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r(?!\n)")

# What the kernel escapes in /proc/self/mountinfo; of fstab it may be any byte.
MOUNTINFO = " \t\n\\#"


def unescape(word: str, only: str | None = None) -> str:
    """Undo the octal escapes of fstab and mountinfo (getmntent(3)), all of them or those of C(only).

    An escape stands for a byte: a letter beyond ASCII has several.
    """
    known = None if only is None else only.encode("ascii")

    def byte(match: re.Match[bytes]) -> bytes:
        value = bytes([int(match.group(1), 8) & 0xFF])
        return value if known is None or value in known else match.group()

    data = re.sub(rb"\\([0-7]{3})", byte, word.encode("utf-8", "surrogateescape"))
    return data.decode("utf-8", "surrogateescape")


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
