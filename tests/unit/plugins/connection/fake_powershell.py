#!/usr/bin/env python3
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A powershell.exe that behaves as FAKE says and writes down how it was called; for failures no real one shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

how = os.environ.get("FAKE", "")
with open(os.environ["FAKE_LOG"], "a", encoding="utf-8") as log:
    seen = {name: os.environ.get(name) for name in ("WSLENV", "WSL_INTEROP")}
    log.write(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "pid": os.getpid(), "env": seen}) + "\n")

if how == "hang":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    with open(os.environ["FAKE_LOG"], "a", encoding="utf-8") as log:
        log.write(json.dumps({"child": child.pid}) + "\n")
    time.sleep(300)
if how == "apart":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
    with open(os.environ["FAKE_LOG"], "a", encoding="utf-8") as log:
        log.write(json.dumps({"child": child.pid}) + "\n")
    time.sleep(300)
if how in ("leaves", "leaves all"):
    # What it leaves behind keeps its stdout open, and its stdin too.
    stdin = None if how == "leaves all" else subprocess.DEVNULL
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdin=stdin, start_new_session=True)
    with open(os.environ["FAKE_LOG"], "a", encoding="utf-8") as log:
        log.write(json.dumps({"child": child.pid}) + "\n")
    print("said", flush=True)
    sys.exit(7 if how == "leaves all" else 0)
if how.startswith("long "):
    word, code, before = how.split()[1:]
    (sys.stdout if before == "out" else sys.stderr).write(word * (20_000_000 // len(word)))
    sys.stdout.flush()
    sys.exit(int(code))
if how == "floods":
    while True:
        sys.stdout.buffer.write(b"x" * 65536)
if how == "killed":
    os.kill(os.getpid(), 9)
if how == "banner":
    print("Welcome to CONTOSO\nThis profile is broken.", flush=True)
    sys.exit(7)
if how == "silent":
    sys.exit(7)
if how == "mangled":
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "end\n":
            print("ok " + "0" * 64, flush=True)
# What goes wrong on the way never reads what is sent.
data = b"" if how in ("stale", "constrained") else sys.stdin.buffer.read()
if how == "echo":
    sys.stdout.buffer.write(data)
elif how == "bytes":
    sys.stdout.buffer.write(bytes(range(256)) + b"\r\n")
    sys.stderr.buffer.write(b"\xff\xfe")
elif how == "stale":
    print("<3>WSL (311) ERROR: UtilConnectToInteropServer:307: connect failed 111", file=sys.stderr)
    sys.exit(1)
elif how == "constrained":
    sys.stderr.write(
        "Cannot invoke method. Method invocation is supported only on core types in this language mode.\r\n"
        "    + FullyQualifiedErrorId : MethodInvocationNotSupportedInConstrainedLanguage\r\n"
    )
    sys.exit(1)
elif how == "medium":
    print("Mandatory Label\\Medium Mandatory Level Label            S-1-16-8192")
elif how == "high":
    print("Verbindliche Beschriftung\\Hohe Verbindlichkeitsstufe    Bezeichnung   S-1-16-12288")
elif how == "clixml":
    sys.stderr.write(
        '#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
        '<S S="Error">no such _x000D__x000A_</S><S S="Error">thing _xD83D__xDE00_</S><S S="verbose">x</S></Objs>'
    )
    sys.exit(3)
sys.exit(0)
