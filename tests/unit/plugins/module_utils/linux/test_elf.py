# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import struct

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import elf

BASE = 0x400000


def program(
    wide: bool = True, order: str = "<", interpreter: str = "/lib/ld.so", libraries: tuple[str, ...] = ("libc.so.6",)
):
    """A small ELF file with one loaded segment, an interpreter and a dynamic section, as elf(5) lays them out."""
    word = "Q" if wide else "I"
    header, entry = (64, 56) if wide else (52, 32)
    start = header + 3 * entry
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in libraries)
    path = interpreter.encode() + b"\0"
    pairs = [(1, strings.index(name.encode())) for name in libraries]
    pairs += [(5, BASE + start + len(path)), (0, 0), (1, 99999)]
    dynamic = b"".join(struct.pack(order + word * 2, *pair) for pair in pairs)
    end = start + len(path) + len(strings)
    kinds = [(1, 0, BASE, end), (2, end, BASE + end, len(dynamic))] + (
        [(3, start, BASE + start, len(path))] if interpreter else []
    )
    while len(kinds) < 3:
        kinds.append((4, 0, 0, 0))
    data = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    data += struct.pack(order + "HHI" + word * 3 + "IHHHHHH", 2, 62, 1, BASE, header, 0, 0, header, entry, 3, 0, 0, 0)
    for kind, offset, address, length in kinds:
        if wide:
            data += struct.pack(order + "IIQQQQQQ", kind, 4, offset, address, address, length, length, 1)
        else:
            data += struct.pack(order + "IIIIIIII", kind, offset, address, address, length, length, 4, 1)
    return data + path + strings + dynamic


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_dynamic_program(wide: bool, order: str) -> None:
    found = elf.needs(program(wide, order, libraries=("libc.so.6", "libresolv.so.2")))
    assert found == elf.Needs("/lib/ld.so", ["libc.so.6", "libresolv.so.2"])
    assert not found.static


def test_a_static_program() -> None:
    assert elf.needs(program(interpreter="", libraries=())).static


def test_this_python_agrees_with_its_own_map() -> None:
    with open("/proc/self/exe", "rb") as handle:
        found = elf.needs(handle.read())
    with open("/proc/self/maps", encoding="utf-8") as handle:
        mapped = handle.read()
    assert all(name in mapped for name in found.libraries)


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", b"\x7fELF", program()[:100], b"\x7fELF\x09" + bytes(60)])
def test_anything_else_is_one_sentence(data: bytes) -> None:
    with pytest.raises(elf.ElfError, match=r"\.$|\)\.$"):
        elf.needs(data)


@pytest.mark.parametrize(
    ("order", "number", "name"),
    [
        (1, b"\x3e\x00", "x86_64"),
        (1, b"\xb7\x00", "aarch64"),
        (2, b"\x00\x16", "s390x"),
        (1, b"\xff\x7f", "machine 32767"),
    ],
)
def test_the_architecture_of_a_program(order: int, number: bytes, name: str) -> None:
    data = b"\x7fELF\x02" + bytes([order]) + b"\x01" + b"\0" * 11 + number
    assert elf.architecture(data) == name
    for broken in (data[:19], b"#!/bin/sh" + data, data[:5] + b"\x07" + data[6:]):
        with pytest.raises(elf.ElfError):
            elf.architecture(broken)
