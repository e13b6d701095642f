# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Mounts an empty FUSE file system as its user, whom root has no access to: drive.py FOLDER answers|hangs

With `hangs` looking up a name there never ends. The requests are those of <linux/fuse.h>.
"""

from __future__ import annotations

import array
import os
import socket
import struct
import subprocess
import sys

LOOKUP, FORGET, GETATTR, INIT, INTERRUPT = 1, 2, 3, 26, 36
NO_ENTRY, NO_SUCH_CALL = -2, -38


def mounted(folder: str) -> int:
    """Return the connection to the kernel that fusermount3 makes."""
    here, theirs = socket.socketpair()
    command = ["fusermount3", "-o", "fsname=eve", "--", folder]
    environment = {**os.environ, "_FUSE_COMMFD": str(theirs.fileno())}
    subprocess.run(command, env=environment, pass_fds=[theirs.fileno()], check=True)
    _data, ancillary, *_rest = here.recvmsg(16, socket.CMSG_SPACE(4))
    return array.array("i", ancillary[0][2][:4])[0]


def serve(connection: int, hangs: bool) -> None:
    def answer(number: int, body: bytes = b"", error: int = 0) -> None:
        os.write(connection, struct.pack("<IiQ", 16 + len(body), error, number) + body)

    while True:
        request = os.read(connection, 1 << 20)
        _length, call, number = struct.unpack_from("<IIQ", request)
        if call == INIT:
            read_ahead = struct.unpack_from("<III", request, 40)[2]
            answer(number, struct.pack("<IIIIHHIIHHI", 7, 31, read_ahead, 0, 10, 10, 1 << 17, 1, 256, 0, 0) + bytes(28))
        elif call == GETATTR:
            times = struct.pack("<QQQQQQIII", 1, 4096, 8, 0, 0, 0, 0, 0, 0)
            owner = struct.pack("<IIIIIII", 0o40755, 2, os.getuid(), os.getgid(), 0, 4096, 0)
            answer(number, struct.pack("<QII", 0, 0, 0) + times + owner)
        elif call == LOOKUP and not hangs:
            answer(number, error=NO_ENTRY)
        elif call not in (LOOKUP, FORGET, INTERRUPT):
            answer(number, error=NO_SUCH_CALL)


if __name__ == "__main__":
    serve(mounted(sys.argv[1]), sys.argv[2] == "hangs")
