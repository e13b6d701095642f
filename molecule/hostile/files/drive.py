# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Mounts a FUSE file system as its user: drive.py FOLDER answers|hangs|FILE.

It is empty, and root has no access to it. With `hangs` looking up a name there never ends. With a FILE everybody may
look there, the FILE is all that lies in it, and all of it is said to be root's.

The requests are those of <linux/fuse.h>.
"""

from __future__ import annotations

import array
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

LOOKUP, FORGET, GETATTR, INIT, INTERRUPT = 1, 2, 3, 26, 36
OPEN, READ, RELEASE, FLUSH, OPENDIR, READDIR, RELEASEDIR = 14, 15, 18, 25, 27, 28, 29
TOP, INNER = 1, 2
NO_ENTRY, NO_SUCH_CALL = -2, -38


def mounted(folder: str, options: str) -> int:
    """Return the connection to the kernel that fusermount3 makes."""
    here, theirs = socket.socketpair()
    command = ["fusermount3", "-o", f"fsname=eve{options}", "--", folder]
    environment = {**os.environ, "_FUSE_COMMFD": str(theirs.fileno())}
    subprocess.run(command, env=environment, pass_fds=[theirs.fileno()], check=True)
    _data, ancillary, *_rest = here.recvmsg(16, socket.CMSG_SPACE(4))
    return array.array("i", ancillary[0][2][:4])[0]


def attributes(node: int, size: int, owner: int) -> bytes:
    """Return what the kernel takes for the attributes of the folder at the top or of the file in it."""
    mode = 0o40755 if node == TOP else 0o100644
    times = struct.pack("<QQQQQQIII", node, size, 8, 0, 0, 0, 0, 0, 0)
    return times + struct.pack("<IIIIIII", mode, 2, owner, owner, 0, 4096, 0)


def serve_file(connection: int, path: Path) -> None:
    """Answer for a file system of root's that holds the file C(path)."""
    name, content = path.name.encode(), path.read_bytes()
    entry = struct.pack("<QQII", INNER, 1, len(name), 8) + name + bytes(-len(name) % 8)
    while True:
        request = os.read(connection, 1 << 20)
        _length, call, number, node = struct.unpack_from("<IIQQ", request)
        body, error = b"", 0
        size = 4096 if node == TOP else len(content)
        if call == INIT:
            read_ahead = struct.unpack_from("<III", request, 40)[2]
            body = struct.pack("<IIIIHHIIHHI", 7, 31, read_ahead, 0, 10, 10, 1 << 17, 1, 256, 0, 0) + bytes(28)
        elif call == GETATTR:
            body = struct.pack("<QII", 0, 0, 0) + attributes(node, size, 0)
        elif call == LOOKUP and request[40:].rstrip(b"\0") == name:
            body = struct.pack("<QQQQII", INNER, 0, 0, 0, 0, 0) + attributes(INNER, len(content), 0)
        elif call == LOOKUP:
            error = NO_ENTRY
        elif call in (OPEN, OPENDIR):
            body = struct.pack("<QII", 0, 0, 0)
        elif call in (READ, READDIR):
            offset, most = struct.unpack_from("<QI", request, 48)
            body = content[offset : offset + most] if call == READ else entry * (offset == 0)
        elif call in (FORGET, INTERRUPT):
            continue
        elif call not in (RELEASE, RELEASEDIR, FLUSH):
            error = NO_SUCH_CALL
        os.write(connection, struct.pack("<IiQ", 16 + len(body), error, number) + body)


def serve(connection: int, hangs: bool) -> None:
    """Answer the kernel's requests for ever; with `hangs` a name is never answered."""

    def answer(number: int, body: bytes = b"", error: int = 0) -> None:
        os.write(connection, struct.pack("<IiQ", 16 + len(body), error, number) + body)

    while True:
        request = os.read(connection, 1 << 20)
        _length, call, number = struct.unpack_from("<IIQ", request)
        if call == INIT:
            read_ahead = struct.unpack_from("<III", request, 40)[2]
            answer(number, struct.pack("<IIIIHHIIHHI", 7, 31, read_ahead, 0, 10, 10, 1 << 17, 1, 256, 0, 0) + bytes(28))
        elif call == GETATTR:
            answer(number, struct.pack("<QII", 0, 0, 0) + attributes(TOP, 4096, os.getuid()))
        elif call == LOOKUP and not hangs:
            answer(number, error=NO_ENTRY)
        elif call not in (LOOKUP, FORGET, INTERRUPT):
            answer(number, error=NO_SUCH_CALL)


if __name__ == "__main__":
    if sys.argv[2] in ("answers", "hangs"):
        serve(mounted(sys.argv[1], ""), sys.argv[2] == "hangs")
    serve_file(mounted(sys.argv[1], ",allow_other"), Path(sys.argv[2]))
