#!/usr/bin/env python3
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
r"""Stand-in for WSL's service: what wsl.exe has done to a distro and in it; runs in the machine, as root.

To stop or start the distro wsl.exe leaves a file in C:\Windows\System32 and waits until it is gone. A stop ends sshd
with all its sessions and empties /run/wsltune, for /run is new at each start. A start gives the machine the hostname of
/etc/wsl.conf, makes that file older than PID 1, for it has been read, and starts sshd. PID 1, the drives and the
sessions of wsl-session go on: Windows and who restarts are in this machine too.

To run a command in the distro it connects to the port in wslservice.port, a file in the same folder, and sends, each
with a zero byte behind it: the secret beside the port, elevated or unelevated, the user, the folder (of Windows or
Linux), exec or shell, the number of arguments and the arguments; then the command's standard input. Back come pieces
with a letter and a 32-bit number before them: o or e, and so many bytes of its output or error output; x, and its exit
code.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

FOLDER = Path("/opt/windows/drive_c/windows/system32")
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
windows_name = socket.gethostname()
secret = secrets.token_hex(16)


def stop() -> None:
    subprocess.run(["systemctl", "stop", "ssh.socket", "ssh.service"], check=False, stderr=subprocess.DEVNULL)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().startswith("sshd"):
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:  # it is gone
            continue
    shutil.rmtree("/run/wsltune", ignore_errors=True)


def start() -> None:
    conf = configparser.ConfigParser(interpolation=None, strict=False)
    conf.read("/etc/wsl.conf")
    with contextlib.suppress(FileNotFoundError):
        os.utime("/etc/wsl.conf", (0, 0))
    socket.sethostname(conf.get("network", "hostname", fallback=windows_name))
    subprocess.run(["systemctl", "start", "ssh.service"], check=True)


def in_linux(folder: str, user: str) -> str:
    if folder == "~":
        return pwd.getpwnam(user).pw_dir
    if folder.startswith("/"):
        return folder
    return subprocess.run(["wslpath", "-u", folder], capture_output=True, text=True, check=True).stdout.rstrip("\n")


class Command(socketserver.StreamRequestHandler):
    """One command that runs in the distro, with its standard streams at the other end of the connection."""

    def setup(self) -> None:
        super().setup()
        self.writing = threading.Lock()

    def field(self) -> str:
        text = bytearray()
        while (byte := self.rfile.read(1)) not in (b"\0", b""):
            text += byte
        return text.decode()

    def handle(self) -> None:
        if self.field() != secret:
            return
        token, user, folder, how, count = (self.field() for _ in range(5))
        command = [self.field() for _ in range(int(count))]
        if how == "shell":
            command = ["/bin/sh", "-c", " ".join(command)]
        session = subprocess.Popen(
            ["wsl-session", user, token, *command],
            cwd=in_linux(folder, user),
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert session.stdin and session.stdout and session.stderr
        threading.Thread(target=self.feed, args=(session.stdin,), daemon=True).start()
        outputs = [
            threading.Thread(target=self.tell, args=(letter, stream))
            for letter, stream in ((b"o", session.stdout), (b"e", session.stderr))
        ]
        for output in outputs:
            output.start()
        for output in outputs:
            output.join()
        self.send(b"x", session.wait())

    def send(self, letter: bytes, number: int, data: bytes = b"") -> None:
        with self.writing, contextlib.suppress(OSError):
            self.wfile.write(letter + struct.pack("<I", number) + data)

    def feed(self, stdin: BinaryIO) -> None:
        with contextlib.suppress(OSError), stdin:
            while data := self.rfile.read1(65536):  # type: ignore[attr-defined]
                stdin.write(data)
                stdin.flush()

    def tell(self, letter: bytes, stream: BinaryIO) -> None:
        while data := stream.read1(65536):  # type: ignore[attr-defined]
            self.send(letter, len(data), data)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit())
place = FOLDER / "wslservice.port"
with Server(("127.0.0.1", 0), Command) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place.write_text(f"{server.server_address[1]} {secret}\n")
    try:
        while True:
            for name, do in (("stop", stop), ("start", start)):
                asked = FOLDER / f"wslservice.{name}"
                if asked.exists():
                    do()
                    asked.unlink()
            time.sleep(0.1)
    finally:
        place.unlink()
