# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file that `go env -w` writes: NAME=value lines, of which the last one of a name counts (cmd/go/internal/cfg)."""

from __future__ import annotations

import os
from collections.abc import Mapping


def path_of(environment: Mapping[str, str], home: str = "") -> str:
    """Return the file that Go reads its settings from, or what GOENV has in its place, such as C(off)."""
    folder = environment.get("XDG_CONFIG_HOME") or os.path.join(home or environment.get("HOME", ""), ".config")
    return environment.get("GOENV") or os.path.join(folder, "go/env")


def _name(line: str) -> str | None:
    """Return the setting that a line sets; the Go command passes over lines that do not begin with a capital."""
    name, separator, _value = line.partition("=")
    return name if separator and "A" <= line[:1] <= "Z" else None


def parse(text: str) -> dict[str, str]:
    """Return the settings in force; with CR LF at a line's end, Go has the carriage return in the value."""
    settings = {}
    for line in text.split("\n"):
        name = _name(line)
        if name is not None:
            settings[name] = line.partition("=")[2]
    return settings


def merge(text: str, settings: Mapping[str, str | None]) -> str:
    """Return C(text) with C(settings) in force (None: not set); every other line stays as it is."""
    # At line feeds alone, as Go does.
    lines: list[str] = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    lines = [line for line in lines if line]
    values = parse(text)
    for name, value in settings.items():
        if values.get(name) == value:
            continue
        places = [number for number, line in enumerate(lines) if _name(line) == name]
        if value is None:
            for number in reversed(places):
                del lines[number]
        elif places:
            lines[places[-1]] = f"{name}={value}\n"
        else:
            if lines and not lines[-1].endswith("\n"):
                lines[-1] += "\n"
            lines.append(f"{name}={value}\n")
    return "".join(lines)


def revert(base: bytes | None, written: bytes, current: bytes) -> bytes | None:
    """Return C(current) without the settings that wsltune wrote; None when nothing else is left and none was."""
    before = parse(base.decode("utf-8", "surrogateescape")) if base is not None else {}
    ours = parse(written.decode("utf-8", "surrogateescape"))
    now = current.decode("utf-8", "surrogateescape")
    values = parse(now)
    back = {
        name: before.get(name)
        for name, value in ours.items()
        if before.get(name) != value and values.get(name) == value
    }
    text = merge(now, back)
    return None if base is None and not text.strip() else text.encode("utf-8", "surrogateescape")
