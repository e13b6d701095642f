# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an ELF file needs to be started: the interpreter and the shared libraries it names (elf(5))."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

ARCHITECTURES = {62: "x86_64", 183: "aarch64", 3: "i386", 40: "arm", 243: "riscv64", 22: "s390x", 21: "ppc64le"}
"""By the number of the machine (elf.h), as uname(1) names them."""

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB = 0, 1, 5


class ElfError(ValueError):
    """Why the file is no ELF file, in one sentence."""


@dataclass
class Needs:
    """A static program has no interpreter and needs no library."""

    interpreter: str | None = None
    libraries: list[str] = field(default_factory=list)

    @property
    def static(self) -> bool:
        """Whether the program runs without a loader and libraries of the machine."""
        return self.interpreter is None and not self.libraries


def _text(data: bytes, at: int) -> str:
    end = data.find(b"\0", at)
    if at < 0 or at >= len(data) or end < 0:
        raise ElfError(f"the text at byte {at} lies outside the file.")
    return data[at:end].decode("utf-8", "replace")


def architecture(data: bytes) -> str:
    """Return the machine that a program is for, from the first 20 bytes of its file; ElfError where it is none."""
    if data[:4] != b"\x7fELF" or len(data) < 20 or data[5] not in (1, 2):
        raise ElfError("the file is not an ELF file.")
    number = int.from_bytes(data[18:20], "little" if data[5] == 1 else "big")
    return ARCHITECTURES.get(number, f"machine {number}")


def needs(data: bytes) -> Needs:
    """Read the headers of an ELF file of either word size and byte order; ElfError when they make no sense."""
    if data[:4] != b"\x7fELF" or len(data) < 52 or data[4] not in (1, 2) or data[5] not in (1, 2):
        raise ElfError("the file is not an ELF file.")
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    word = "Q" if wide else "I"
    try:
        start = struct.unpack_from(order + word, data, 32 if wide else 28)[0]
        size, count = struct.unpack_from(order + "HH", data, 54 if wide else 42)
        segments = [_segment(data, start + number * size, order, wide) for number in range(count)]
        needed = Needs()
        for kind, offset, _address, length in segments:
            if kind == _PT_INTERP:
                needed.interpreter = _text(data, offset)
            elif kind == _PT_DYNAMIC:
                step = 16 if wide else 8
                entries = [struct.unpack_from(order + word * 2, data, offset + at) for at in range(0, length, step)]
                end = next((number for number, entry in enumerate(entries) if entry[0] == _DT_NULL), len(entries))
                strings = next((value for tag, value in entries[:end] if tag == _DT_STRTAB), None)
                if strings is None:
                    continue
                names = _file_offset(segments, strings)
                needed.libraries = [_text(data, names + value) for tag, value in entries[:end] if tag == _DT_NEEDED]
    except struct.error as error:
        raise ElfError(f"the file ends in the middle of a header ({error}).") from None
    return needed


def _segment(data: bytes, at: int, order: str, wide: bool) -> tuple[int, int, int, int]:
    """Return kind, offset, address and length in the file of a program header."""
    if wide:
        kind, _flags, offset, address, _physical, length = struct.unpack_from(order + "IIQQQQ", data, at)
    else:
        kind, offset, address, _physical, length = struct.unpack_from(order + "IIIII", data, at)
    return kind, offset, address, length


def _file_offset(segments: list[tuple[int, int, int, int]], address: int) -> int:
    for kind, offset, start, length in segments:
        if kind == _PT_LOAD and start <= address < start + length:
            return offset + address - start
    raise ElfError(f"the address {address:#x} is in no segment of the file.")
