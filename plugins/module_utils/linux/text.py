# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text that comes from users and programs, made fit to be shown."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Sequence
from typing import Any

# A terminal would follow them: C0 without tab, newline and CR LF, delete, C1, and what turns the direction of text. Two
# stand for no character, and no XML may have them, such as a report that a CI server reads.
CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]|\r(?!\n)"
)
# Half a character, as JSON may have it, that stands for no byte: nothing can be encoded that has one.
HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")

LINE_END = re.compile("[\n\r\u2028\u2029]")

# What the kernel escapes in /proc/self/mountinfo; of fstab it may be any byte.
MOUNTINFO = " \t\n\\#"

ANSIBLES_WORDS = re.compile(r"\b(?:(?:Task|Module|Action) failed: |The filter plugin '[\w.]+' failed: )+")

MOST_COMPARED = 2000
"""Lines of a text that are compared with those of another; the time for it grows with their square."""
LONGEST_SHOWN = 4000
"""Characters of a line in a comparison."""
DIGITS = 16
"""Of the digest of a content."""


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


def decode(content: bytes) -> str:
    """Return the text of a file; bytes that are no UTF-8 survive until encode()."""
    return content.decode("utf-8", "surrogateescape")


def encode(content: str) -> bytes:
    """Return the bytes of a text that decode() returned, or of another one."""
    return content.encode("utf-8", "surrogateescape")


def digest(content: bytes | None) -> str | None:
    """Return what stands for a content in a report; None where there is no file."""
    return None if content is None else hashlib.sha256(content).hexdigest()[:DIGITS]


def printable(value: Any) -> Any:
    """Return C(value) with bytes that are no UTF-8 spelled out, and control characters of all strings in it too."""
    if isinstance(value, str):
        value = HALF.sub(lambda match: f"\\u{ord(match.group()):04x}", value)
        decoded = value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        return CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", decoded)
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(item) for item in value]
    return value


def is_for_system(value: str) -> bool:
    """Return whether C(value) can be a path or a variable at all: without a NUL, and of what can be encoded."""
    return "\0" not in value and not HALF.search(value)


def line(value: object, most: int = 1000) -> str:
    """Return C(value) in one line that a terminal shows as it is."""
    shown = " ".join(printable(str(value)).split())
    return shown if len(shown) <= most else shown[:most] + "..."


def unbroken(sentence: object) -> str:
    """Return a sentence that has no line of its own: an end of a line, such as in a path, is spelled out."""
    shown: str = printable(str(sentence))
    return LINE_END.sub(lambda match: f"\\x{ord(match.group()):02x}", shown)


def reason(message: object) -> str:
    """Return why a task failed, in one line and without Ansible's own words before it."""
    return line(ANSIBLES_WORDS.sub("", str(message)))


def join_names(names: Sequence[str], most: int = 4) -> str:
    """Join names for a sentence."""
    names = list(names)
    shown = names[:most]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def differing(before: list[str], after: list[str], around: int = 0) -> tuple[list[str], list[str]]:
    """Return two lists of lines without those that both begin and end with, but for C(around) of them."""
    shorter = min(len(before), len(after))
    head = next((number for number in range(shorter) if before[number] != after[number]), shorter)
    left = shorter - head
    tail = next((number for number in range(left) if before[-1 - number] != after[-1 - number]), left)
    first, last = max(0, head - around), max(0, tail - around)
    return before[first : len(before) - last], after[first : len(after) - last]


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST_SHOWN else line[:LONGEST_SHOWN] + "...\n"


def for_diff(before: str, after: str) -> tuple[str, str]:
    """Return two texts as they can be compared line by line in little time, however long a user made them.

    Long ones are cut to the lines around what differs, and to MOST_COMPARED of them; so are long lines.
    """
    old, new = ([_cut(line) for line in text.splitlines(True)] for text in (before, after))
    if max(len(old), len(new)) > MOST_COMPARED:
        old, new = differing(old, new, 3)
        old, new = ([*lines[:MOST_COMPARED], "...\n"] if len(lines) > MOST_COMPARED else lines for lines in (old, new))
    return "".join(old), "".join(new)


def read(path: str) -> str | None:
    """Return the first MiB of a file of the system; None where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as handle:
            return handle.read(1 << 20)
    except OSError:
        return None


def as_written(value: Any) -> Any:
    """Return C(value) so that Ansible takes no text in it for a template: others choose what a folder is called.

    Variables on a command line are templates as those of a playbook are; this is how Ansible's own JSON marks others.
    """
    if isinstance(value, dict):
        return {name: as_written(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [as_written(entry) for entry in value]
    return {"__ansible_unsafe": value} if isinstance(value, str) and "{" in value else value


def write_variables(variables: dict[str, Any]) -> str:
    """Return what C(-e) of ansible-playbook takes for C(variables), as they are written, quoted for a shell."""
    return shlex.quote(json.dumps(as_written(variables), ensure_ascii=False))
