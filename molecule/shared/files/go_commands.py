# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs go build, test, test -race, run and vet as users do, and says what came of it.

go_commands.py EXPECTED, as root. EXPECTED is JSON: {"users": [...], "gotmpdir": "/var/cache/gotmp/{uid}", "cgo":
"0"|"1", "toolchains": [...]}. Each user has the module twice: once typed at a login shell, once in a Makefile that a
plain `sh -c` starts.
Prints {"ran": number, "seconds": ..., "wrong": [sentences]}.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SOURCE = "/usr/local/share/gotest"
COMMANDS = {
    "build": "{go} build -x -o program .",
    "test": "{go} test -v -count=1 .",
    "race": "{go} test -race -count=1 .",
    "run": "{go} run .",
    "vet": "{go} vet .",
}
MAKEFILE = "GO ?= go\n" + "".join(f"{name}:\n\t{text.format(go='$(GO)')}\n" for name, text in COMMANDS.items())


def command(*words: str) -> str:
    """Return what a command prints; CalledProcessError where it fails."""
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def has_interpreter(path: str) -> bool:
    """Return whether a program asks for the dynamic linker, that is, is not static."""
    return "INTERP" in command("readelf", "-lW", path)


def try_user(user: str, expected: dict) -> tuple[int, list[str]]:
    """Run every command of Go's in every way as the user; return their number and what is wrong."""
    entry = pwd.getpwnam(user)
    place = os.path.join(entry.pw_dir, "gotest.verify")
    folder = expected["gotmpdir"].format(uid=entry.pw_uid)
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(SOURCE, place)
    with open(os.path.join(place, "Makefile"), "w", encoding="utf-8") as handle:
        handle.write(MAKEFILE)
    for path, _folders, names in os.walk(place):
        for name in (".", *names):
            os.chown(os.path.join(path, name), entry.pw_uid, entry.pw_gid)

    # No more of an environment than setpriv --reset-env leaves, which Alpine does not have.
    bare = {"HOME": entry.pw_dir, "USER": user, "LOGNAME": user, "SHELL": entry.pw_shell, "PATH": PATH}
    plain = {
        "user": entry.pw_uid,
        "group": entry.pw_gid,
        "extra_groups": os.getgrouplist(user, entry.pw_gid),
        "env": bare,
    }
    ran, wrong = 0, []
    for go in expected["toolchains"]:
        version = re.search(r"go1\.(\d+)", command(go, "version"))
        newer = version is not None and int(version[1]) >= 26
        for name, text in COMMANDS.items():
            ways: dict[str, tuple[list[str], dict]] = {
                "a login": (["su", "-", user, "-c", f"cd {place} && {text.format(go=go)}"], {}),
                "make": (["sh", "-c", f"cd {place} && make --silent GO={go} {name}"], plain),
            }
            for way, (start, how) in ways.items():
                program = os.path.join(place, "program")
                if os.path.exists(program):
                    os.unlink(program)
                result = subprocess.run(
                    start,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                    **how,
                )
                ran += 1
                said = f"{user}, {way}: {text.format(go=go)}"
                if result.returncode != 0:
                    wrong.append(f"{said}: exit {result.returncode}: {result.stdout.strip()[-400:]}")
                    continue
                if name == "build":
                    work = re.search(r"^WORK=(.*)$", result.stdout, re.MULTILINE)
                    if folder and not (work and work[1].startswith(folder + "/")):
                        wrong.append(f"{said}: worked in {work and work[1]}, not below {folder}")
                    if has_interpreter(program) != (expected["cgo"] == "1"):
                        wrong.append(f"{said}: the program is {'dynamic' if expected['cgo'] == '0' else 'static'}")
                if name == "test" and way == "a login" and newer and folder:
                    used = re.search(r"TEMPDIR (\S+)", result.stdout)
                    # t.TempDir() asks the environment, and nothing is exported to root.
                    below = "/tmp" if user == "root" else folder
                    if not (used and used[1].startswith(below + "/")):
                        wrong.append(f"{said}: t.TempDir() was {used and used[1]}, not below {below}")
    shutil.rmtree(place)
    if folder and os.path.isdir(folder):
        left = [name for name in os.listdir(folder) if name.startswith("go-build")]
        if left:
            wrong.append(f"{user}: {folder} still holds {left}")
    return ran, wrong


def main() -> None:
    """Try two users at a time and print the sum."""
    expected = json.loads(sys.argv[1])
    begin = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda user: try_user(user, expected), expected["users"]))
    print(
        json.dumps(
            {
                "ran": sum(ran for ran, _wrong in results),
                "wrong": [sentence for _ran, wrong in results for sentence in wrong],
                "seconds": round(time.monotonic() - begin, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
