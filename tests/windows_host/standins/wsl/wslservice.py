#!/usr/bin/env python3
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stand-in for what WSL's service does to a distro that wsl.exe stops and starts; runs in the machine, as root.

wsl.exe leaves a file in C:\\Windows\\System32 and waits until it is gone. A stop ends sshd with all its sessions and
empties /run/wsltune, for /run is new at each start. A start gives the machine the hostname of /etc/wsl.conf and starts
sshd. PID 1, the drives and the sessions of wsl-session go on: Windows and who restarts are in this machine too.
"""

from __future__ import annotations

import configparser
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

FOLDER = Path("/opt/windows/drive_c/windows/system32")
windows_name = socket.gethostname()


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
    socket.sethostname(conf.get("network", "hostname", fallback=windows_name))
    subprocess.run(["systemctl", "start", "ssh.service"], check=True)


while True:
    for name, do in (("stop", stop), ("start", start)):
        asked = FOLDER / f"wslservice.{name}"
        if asked.exists():
            do()
            asked.unlink()
    time.sleep(0.1)
