# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs Go where people and agents run it, sandboxes included, and says what came of it.

everywhere.py, as root. Prints {"ran": number, "wrong": [sentences], "tmp": "disk"|"memory", "not_run": [sentences]}.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import shlex
import subprocess
import sys
import time

GO = "/usr/local/go/bin/go"
COMMANDS = ("vet .", "test -count=1 .", "run .")
BWRAP = "/opt/sandbox/bwrap"
LANDLOCK_CREATE_RULESET = 444
LANDLOCK_VERSION = 1
LANDLOCKED = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
WRITE = 0x1ffe & ~(1 << 2 | 1 << 3)
class Ruleset(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64)]
class Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("access", ctypes.c_uint64), ("parent", ctypes.c_int32)]
rules = Ruleset(WRITE)
ruleset = libc.syscall(444, ctypes.byref(rules), ctypes.sizeof(rules), 0)
for place in sys.argv[2:]:
    beneath = Beneath(WRITE, os.open(place, os.O_PATH))
    assert libc.syscall(445, ruleset, 1, ctypes.byref(beneath), 0) == 0, place
libc.prctl(38, 1, 0, 0, 0)
assert libc.syscall(446, ruleset, 0) == 0
os.execvp("sh", ["sh", "-c", sys.argv[1]])
"""


def has_landlock() -> bool:
    """Return whether the kernel has Landlock, which some sandboxes need."""
    return ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_VERSION) > 0


def ways(user: str, command: str) -> dict[str, list[str]]:
    """Return every way to start one command of Go's as this user."""
    home = pwd.getpwnam(user).pw_dir
    inner = f"cd {home}/app && {GO} {command}"
    root = "--ro-bind / / --dev /dev --proc /proc"
    writable = f"--bind {home}/app {home}/app --bind {home}/.cache {home}/.cache"
    only_home = (
        f"--unshare-all --ro-bind /usr /usr --ro-bind /etc /etc --symlink usr/bin /bin --symlink usr/lib /lib "
        f"--symlink usr/lib64 /lib64 --proc /proc --dev /dev --tmpfs /tmp --tmpfs /var --bind {home} {home}"
    )

    def su(text: str) -> list[str]:
        return ["su", "-", user, "-c", text]

    def sandbox(options: str) -> list[str]:
        return su(f"{BWRAP} {options} sh -c {shlex.quote(inner)}")

    found = {
        "a login": su(inner),
        "umask 077": su(f"umask 077; {inner}"),
        "su without a login": ["su", user, "-c", inner],
        "bubblewrap with a /tmp of its own": sandbox(f"{root} --perms 1777 --tmpfs /tmp {writable}"),
        "bubblewrap with this /tmp": sandbox(f"{root} --bind /tmp /tmp {writable}"),
        "a container that has the home alone": sandbox(only_home),
    }
    if has_landlock():
        places = f"/tmp {home}/app {home}/.cache /dev"
        found["Landlock"] = su(f"/usr/bin/python3 -c {shlex.quote(LANDLOCKED)} {shlex.quote(inner)} {places}")
    if os.path.isdir("/run/systemd/system"):
        strict = ["ProtectSystem=strict", "PrivateTmp=yes", f"ReadWritePaths={home}", f"WorkingDirectory={home}/app"]
        found["a hardened unit"] = [
            *("systemd-run", "--quiet", "--wait", "--pipe", "--collect"),
            f"--property=User={user}",
            *(f"--property={one}" for one in strict),
            *(GO + " " + command).split(),
        ]
    return found


def cron(user: str) -> str:
    """Have cron run Go once; return the file that then says how it ended."""
    output = f"/var/tmp/everywhere-cron.{user}"
    if os.path.exists(output):
        os.unlink(output)
    job = f"cd ~/app && {GO} vet . > {output}.new 2>&1; echo $? >> {output}.new; mv {output}.new {output}"
    subprocess.run(["crontab", "-u", user, "-"], input=f"* * * * * {job}\n", text=True, check=True)
    return output


def cron_end(user: str, output: str) -> list[str]:
    """Wait for cron and take the job out again."""
    for _time in range(200):
        if os.path.exists(output):
            break
        time.sleep(0.4)
    subprocess.run(["crontab", "-u", user, "-r"], check=True)
    if not os.path.exists(output):
        return [f"{user}, cron: not started within 80 seconds"]
    with open(output, encoding="utf-8") as handle:
        lines = handle.read().splitlines()
    os.unlink(output)
    return [] if lines[-1] == "0" else [f"{user}, cron: {lines}"]


def main() -> None:
    """Run Go in every way and print what failed, and what could not be run."""
    ran, wrong = 0, []
    output = cron("alice")
    for user in ("alice", "mmuster"):
        for command in COMMANDS:
            for way, start in ways(user, command).items():
                # Root and sudo are root's own; one command suffices to see what another account's sandbox does.
                if user == "mmuster" and way not in ("a login", "a container that has the home alone"):
                    continue
                done = subprocess.run(
                    start,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                    cwd="/",
                )
                ran += 1
                if done.returncode != 0:
                    wrong.append(f"{user}, {way}: go {command}: exit {done.returncode}: {done.stdout.strip()[-300:]}")
    wrong += cron_end("alice", output)
    wanted = ["findmnt", "--noheadings", "--output", "FSTYPE", "--target", "/tmp"]
    kind = subprocess.run(wanted, capture_output=True, text=True, check=True).stdout.strip()
    said = {"ran": ran, "wrong": wrong, "tmp": "memory" if kind == "tmpfs" else "disk"}
    print(json.dumps({**said, "not_run": [] if has_landlock() else ["Landlock: this kernel has none"]}))


if __name__ == "__main__":
    sys.exit(main())
