# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A root file system that is small enough for every test."""

from __future__ import annotations

import io
import platform
import tarfile
from pathlib import Path

NUMBERS = {"x86_64": b"\x3e\x00", "aarch64": b"\xb7\x00"}
NEWEST = 1_700_000_000


def program(architecture: str = platform.machine()) -> bytes:
    return b"\x7fELF\x02\x01\x01" + b"\0" * 11 + NUMBERS[architecture] + b"\0" * 44


FILES = {
    "usr/bin/dash": (program(), 0o755),
    "usr/bin/bash": (program(), 0o755),
    "usr/bin/python3": (program(), 0o755),
    "etc/passwd": (b"root:x:0:0:root:/root:/bin/bash\n", 0o644),
    "etc/shadow": (b"root:$y$j9T$a$b:19000::::::\n", 0o640),
    "etc/os-release": (b'ID="debian"\n', 0o644),
    "etc/machine-id": (b"0123456789\n", 0o444),
    "etc/hostname": (b"laptop\n", 0o644),
    "etc/ssh/ssh_host_rsa_key": (b"key\n", 0o600),
    "root/.bash_history": (b"ls\n", 0o600),
    "root/.cache/x/y": (b"y", 0o600),
    "var/log/dpkg.log": (b"log\n", 0o644),
    "etc/skel/.cache/go-build/00/a-a": (f"v1 {'a' * 64} {'b' * 64} {3:>20} {NEWEST + 5:>20}\n".encode(), 0o644),
    "etc/skel/.cache/go-build/trim.txt": (b"123", 0o644),
}
LINKS = {"bin": "usr/bin", "usr/bin/sh": "dash", "etc/resolv.conf": "../run/resolv.conf"}


def make(path: Path, *more: tarfile.TarInfo, architecture: str = platform.machine(), without: str = "") -> Path:
    """Write the archive, with further members that have no content."""
    folders = {
        str(above)
        for name in (*FILES, *LINKS, "tmp/x", "dev/x", "usr/lib/wsl/x")
        for above in Path(name).parents
        if str(above) != "."
    }
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name in sorted(folders):
            add(archive, name, tarfile.DIRTYPE, mode=0o1777 if name == "tmp" else 0o755)
        for name, target in LINKS.items():
            add(archive, name, tarfile.SYMTYPE, target=target)
        for name, (content, mode) in FILES.items():
            if name != without:
                is_program = content == program()
                add(archive, name, mode=mode, content=program(architecture) if is_program else content)
        add(archive, "dev/null", tarfile.CHRTYPE)
        for member in more:
            archive.addfile(member)
    return path


def add(
    archive: tarfile.TarFile,
    name: str,
    kind: bytes = tarfile.REGTYPE,
    mode: int = 0o644,
    content: bytes = b"",
    target: str = "",
) -> None:
    info = tarfile.TarInfo(f"./{name}")
    info.type, info.mode, info.size, info.linkname, info.mtime = kind, mode, len(content), target, NEWEST
    archive.addfile(info, io.BytesIO(content))


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info
