# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A folder that never answers: a FUSE mount whose server takes questions and is silent, as a server that was stopped.

Not even SIGKILL ends who asks there. `python dead_folder.py FOLDER... -- COMMAND...` runs a command in a mount
namespace of its own, in which the folders are so, and ends with its code; 77 where this machine lets nobody mount FUSE.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import subprocess
import sys
import threading
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
INIT = 26
CANNOT = 77
LIBRARY = ctypes.CDLL(None, use_errno=True)


def unshare() -> None:
    uid, gid = os.geteuid(), os.getegid()
    if LIBRARY.unshare(CLONE_NEWNS | (CLONE_NEWUSER if uid else 0)) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    if uid:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as handle:
                handle.write(text)
    if LIBRARY.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None) != 0:
        raise OSError(ctypes.get_errno(), "mount")


def serve(device: int) -> None:
    """Agree with the kernel on the protocol, then take its questions and answer none (linux/fuse.h)."""
    with contextlib.suppress(OSError):
        while True:
            request = os.read(device, 1 << 20)
            _length, opcode, unique = struct.unpack_from("=IIQ", request)
            if opcode == INIT:
                body = struct.pack("=IIIIHHI", 7, 31, 1 << 16, 0, 8, 6, 1 << 16).ljust(64, b"\0")
                os.write(device, struct.pack("=IiQ", 16 + len(body), 0, unique) + body)


def kill(folder: str) -> int:
    """Mount there what never answers; return the descriptor whose end ends it."""
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id={os.geteuid()},group_id={os.getegid()},allow_other"
    if LIBRARY.mount(b"dead", os.fsencode(folder), b"fuse.dead", ctypes.c_ulong(0), options.encode()) != 0:
        raise OSError(ctypes.get_errno(), "mount", folder)
    threading.Thread(target=serve, args=(device,), daemon=True).start()
    return device


def run_beside(folder: Path, code: str, *words: str, limit: float = 60.0) -> str:
    """Return what Python code prints in a process of its own for which C(folder) never answers."""
    command = [sys.executable, __file__, str(folder), "--", sys.executable, "-c", code, *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "collections")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit, check=False)
    if done.returncode == CANNOT:
        raise unittest.SkipTest(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return done.stdout


def main(words: list[str]) -> int:
    split = words.index("--")
    try:
        unshare()
        for folder in words[:split]:
            kill(folder)
    except OSError as error:
        print(f"no dead folder can be made here: {error}", file=sys.stderr)
        return CANNOT
    return subprocess.run(words[split + 1 :], check=False).returncode


if __name__ == "__main__":
    # The descriptors close with this process, and whoever still waits gets an error then.
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
