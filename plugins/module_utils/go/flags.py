# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A value of GOFLAGS in words, as Go reads it."""

from __future__ import annotations

from collections.abc import Sequence


def split(flags: str) -> list[str]:
    """Return the words of a value of GOFLAGS as cmd/internal/quoted splits them, with their quotes."""
    words, rest = [], flags.strip()
    while rest:
        if rest[0] in "'\"" and rest.find(rest[0], 1) > 0:
            end = rest.index(rest[0], 1) + 1
        else:
            end = len(rest.split()[0])
        words.append(rest[:end])
        rest = rest[end:].lstrip()
    return words


def name_of(word: str) -> str:
    """Return the name of the flag in a word of GOFLAGS, such as C(p) for C(--p=4)."""
    return word.strip("'\"").lstrip("-").partition("=")[0]


def value_of(word: str) -> str:
    """Return the value of the flag in a word of GOFLAGS, such as C(4) for C(-p=4)."""
    return word.strip("'\"").partition("=")[2]


def add(own: str, added: Sequence[str]) -> str:
    """Return the value C(own) of GOFLAGS with the flags C(added) behind it; a flag that is there already stays."""
    words = split(own)
    missing: list[str] = []
    for flag in added:
        if name_of(flag) not in map(name_of, [*words, *missing]):
            missing.append(flag)
    # What is the user's own stays to the byte, however it is spaced.
    return " ".join([own, *missing] if own.strip() else missing) if missing else own


def without(flags: str, removed: Sequence[str]) -> str:
    """Return a value of GOFLAGS without the words C(removed)."""
    return " ".join(word for word in split(flags) if word not in removed)


def leave_go_mod(flags: str) -> dict[str, str]:
    """Return the variable that keeps Go from writing go.mod where a value of GOFLAGS has it do so; else nothing."""
    words = ["-mod=readonly" if (name_of(word), value_of(word)) == ("mod", "mod") else word for word in split(flags)]
    return {"GOFLAGS": " ".join(words)} if words != split(flags) else {}
