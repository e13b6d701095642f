# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Puts files to the Windows host and fetches them through the connection plugin: transfer.py COUNT LARGEST-IN-MB.

It runs in the distro, with Ansible's Python, and compares each file three ways: with the plugin's own check, with what
lies on the drive, and with what comes back. The last line is what it came to, as JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import yaml
from ansible import constants
from ansible.playbook.play_context import PlayContext

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))
from ansible_collections.wsltune.go.plugins.connection import wsl_interop

NAME = "wsltune.go.wsl_interop"
NAMES = [
    "plain.bin",
    "two words.txt",
    "it's quoted",
    "na\u00efve \u00e4\u00f6\u00fc \u00df.go",
    "\u65e5\u672c\u8a9e.txt",
    "\u0440\u0443\u0441\u0441\u043a\u0438\u0439",
    "emoji \U0001f600.txt",
    "100% $HOME %TEMP% `x` !a! ^b &c;d",
    "[a]{b}(c)",
    "#hash, comma; +plus=eq~",
    "caf\u0065\u0301",
    ".hidden",
    "UPPER lower",
    "-EncodedCommand",
]


def connect() -> wsl_interop.Connection:
    options = yaml.safe_load(wsl_interop.DOCUMENTATION)["options"]
    constants.config.initialize_plugin_configuration_definitions("connection", NAME, options)
    connection = wsl_interop.Connection(PlayContext())
    connection._load_name = NAME
    connection.set_options(var_options={})
    return connection


def content(number: int, largest: int) -> bytes:
    """The largest first; then sizes around the limits of base64 and of a chunk, every byte value, and random ones."""
    if number == 0:
        return random.Random(0).randbytes(largest)
    sizes = [0, 1, 2, 3, wsl_interop.CHUNK - 1, wsl_interop.CHUNK, wsl_interop.CHUNK + 1]
    if number <= len(sizes):
        return random.Random(number).randbytes(sizes[number - 1])
    if number < 20:
        return bytes(range(256)) * number + b"\r\n\x00\x1a" * number
    return random.Random(number).randbytes(random.Random(-number).randrange(1, 60000))


def main() -> int:
    count, largest = int(sys.argv[1]), int(sys.argv[2]) * 1024 * 1024
    connection = connect()
    folder = Path("/mnt/c/Users/erin/AppData/Local/Temp") / f"transfer-{os.getpid()}"
    windows = r"C:\Users\erin\AppData\Local\Temp" + "\\" + folder.name
    connection.exec_command(f"$null = New-Item -ItemType Directory -Path '{windows}'")
    wrong, sent = [], 0
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(count):
            data = content(number, largest)
            name = NAMES[number] if number < len(NAMES) else f"{number} {NAMES[number % len(NAMES)]}"
            source, back = Path(scratch) / "source", Path(scratch) / "back"
            source.write_bytes(data)
            back.write_bytes(b"what was there before")
            connection.put_file(str(source), f"{windows}\\{name}")
            lies = (folder / name).read_bytes()
            connection.fetch_file(f"{windows}\\{name}", str(back))
            hashes = {hashlib.sha256(part).hexdigest() for part in (data, lies, back.read_bytes())}
            if len(hashes) != 1:
                wrong.append(name)
            sent += len(data)
    seconds = time.monotonic() - begin
    connection.exec_command(f"Remove-Item -LiteralPath '{windows}' -Recurse -Force")
    connection.close()
    print(json.dumps({"files": count, "bytes": sent, "seconds": round(seconds, 1), "different": wrong}))
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
