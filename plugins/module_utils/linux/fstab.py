# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of /etc/fstab as pure text: read, set or taken out by mount point; every other byte stays as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ansible_collections.wsltune.go.plugins.module_utils.linux import text

MARK = "comment=wsltune"
"""Mount option that names a line's owner, which util-linux's mount, systemd and BusyBox's mount all pass over.

Lines of the role workspace bear comment=wsltune-workspace."""
FORMER_MARK = "x-wsltune"
"""What it was first, and what BusyBox's mount refuses; lines that bear it get the present one at the next run."""


class FstabError(ValueError):
    """A line that mount cannot read, in one sentence."""


@dataclass(frozen=True)
class Line:
    """One mount of an fstab."""

    source: str
    mount_point: str
    fstype: str
    options: tuple[str, ...] = ("defaults",)
    frequency: int = 0
    pass_number: int = 0

    @property
    def ours(self) -> bool:
        """Whether a role of wsltune wrote it."""
        return any(
            option == MARK or option.startswith(f"{MARK}-") or option.partition("=")[0] == FORMER_MARK
            for option in self.options
        )

    def bears(self, mark: str) -> bool:
        """Return whether the mark, or what it was first, is on the line."""
        former = mark.replace(MARK, FORMER_MARK, 1).replace(f"{FORMER_MARK}-", f"{FORMER_MARK}=")
        return mark in self.options or former in self.options

    def for_busybox(self) -> Line:
        """Return the line without what BusyBox's mount refuses: the options that are for systemd alone."""
        return replace(self, options=tuple(option for option in self.options if not option.startswith("x-")))

    def render(self) -> str:
        """Return the line as fstab has it, blanks and backslashes escaped in octal."""
        words = [_escape(word) for word in (self.source, self.mount_point, self.fstype, ",".join(self.options))]
        return " ".join(words + [str(self.frequency), str(self.pass_number)])


def _escape(word: str) -> str:
    return re.sub(r"[ \t\n\\#]", lambda match: f"\\{ord(match.group()):03o}", word)


def rows(content: str) -> list[str]:
    """Return the lines of C(content), each with its end; no character but a line feed ends one (Python knows ten)."""
    return re.findall(r"[^\n]*\n|[^\n]+", content)


def parse_line(row: str) -> Line | None:
    """Return the mount that a line describes, None for a blank line or a comment; FstabError otherwise.

    As libmount reads it (mnt_parse_table_line of libmount/src/tab_parse.c): blanks and tabs alone separate fields, a
    carriage return at the end is no part of the last one, the fields after the third may be missing, and the fifth and
    sixth are what strtol reads.
    """
    if row.lstrip(" \t").startswith("#"):
        return None
    shown = row.rstrip("\n")
    words = [word for word in re.split("[ \t]+", shown[:-1] if shown.endswith("\r") else shown) if word]
    if not words:
        return None
    if len(words) < 3:
        raise FstabError(f"{shown.strip()!r} has {len(words)} of at least 3 fields")
    values = [re.fullmatch(r"[\f\v\r]*([+-]?[0-9]+)", number) for number in words[4:6]]
    numbers = [int(value[1]) for value in values if value]
    if len(numbers) < len(values):
        raise FstabError(f"{shown.strip()!r} has a fifth or sixth field that is not a number")
    source, mount_point, fstype, options = (text.unescape(word) for word in [*words[:4], "defaults"][:4])
    return Line(source, mount_point, fstype, tuple(options.split(",")), *(numbers + [0, 0])[:2])


def check(table: str) -> None:
    """Raise FstabError with the number of the first line that mount cannot read."""
    for number, line in enumerate(rows(table), 1):
        try:
            parse_line(line)
        except FstabError as error:
            raise FstabError(f"line {number}: {error}") from None


def lines_for(table: str, mount_point: str) -> list[Line]:
    """Return the mounts of C(table) on C(mount_point), in their order; unreadable lines are passed over."""
    lines = []
    for line in rows(table):
        try:
            parsed = parse_line(line)
        except FstabError:
            continue
        if parsed is not None and (parsed.mount_point.rstrip("/") or "/") == mount_point:
            lines.append(parsed)
    return lines


def marked(table: str, mark: str = MARK) -> list[Line]:
    """Return the lines of C(table) that bear the mark; unreadable lines are passed over."""
    lines = []
    for line in rows(table):
        try:
            parsed = parse_line(line)
        except FstabError:
            continue
        if parsed is not None and parsed.bears(mark):
            lines.append(parsed)
    return lines


def with_lines(table: str, wanted: list[Line], mark: str = MARK) -> str:
    """Return C(table) with C(wanted) as the only lines that bear the mark; the same text when it is so already."""
    kept: list[str] = []
    pending = list(wanted)
    for line in rows(table):
        try:
            parsed = parse_line(line)
        except FstabError:
            parsed = None
        if parsed is None or not parsed.bears(mark):
            kept.append(line)
            continue
        same = next((entry for entry in pending if entry.mount_point == parsed.mount_point), None)
        if same is not None:
            pending.remove(same)
            kept.append(line if parsed == same else same.render() + "\n")
    if pending and kept and not kept[-1].endswith("\n"):
        kept[-1] += "\n"
    return "".join(kept + [line.render() + "\n" for line in pending])


def _is_ours(row: str) -> bool:
    try:
        line = parse_line(row)
    except FstabError:
        return False
    return line is not None and line.ours


def without_ours(base: bytes | None, written: bytes, current: bytes) -> bytes:
    """Return an fstab without the lines of any role, for a file that someone else edited too (journal.Revert)."""
    table = current.decode("utf-8", "surrogateescape")
    return "".join(row for row in rows(table) if not _is_ours(row)).encode("utf-8", "surrogateescape")


def part(mark: str, before: bytes, current: bytes) -> bytes:
    """Return C(current) with the lines of one role as C(before) has them (journal.Part)."""
    lines = marked(before.decode("utf-8", "surrogateescape"), mark)
    return with_lines(current.decode("utf-8", "surrogateescape"), lines, mark).encode("utf-8", "surrogateescape")
