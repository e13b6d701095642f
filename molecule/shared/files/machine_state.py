# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks the operating system, and nothing else, what is in force: machine_state.py MOUNT-POINT USER..., as root.

Prints JSON: the mount, what findmnt, if there is one, thinks of fstab, and for each user the folder,
whether it executes what lies in it, and the Go settings of a fresh login.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import stat
import subprocess
import sys

TOOLCHAINS = ("/usr/bin/go", "/usr/local/go/bin/go")
SETTINGS = ("GOTMPDIR", "CGO_ENABLED", "GOCACHE", "GOMODCACHE", "GOFLAGS")


def command(*words: str) -> subprocess.CompletedProcess:
    """Run a command without input; the caller looks at its exit code."""
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def mount_at(place: str) -> dict:
    """Return the mount on the place with its size in bytes, {} where none is."""
    with open("/proc/self/mountinfo", encoding="utf-8") as handle:
        found = [line.split() for line in handle if line.split()[4] == place]
    if not found:
        return {}
    kind, source, options = found[-1][found[-1].index("-") + 1 :][:3]
    mount: dict = {"source": source, "fstype": kind, "options": [*found[-1][5].split(","), *options.split(",")]}
    mount["mode"] = f"{stat.S_IMODE(os.stat(place).st_mode):04o}"
    size = os.statvfs(place)
    mount["size"] = size.f_blocks * size.f_frsize
    return mount


def user_state(place: str, user: str) -> dict:
    """Return the user's folder, whether it executes, and the settings that each Go has in a fresh login."""
    folder = os.path.join(place, str(pwd.getpwnam(user).pw_uid))
    state: dict = {"folder": None, "executes": None, "go": {}}
    if os.path.isdir(folder):
        status = os.lstat(folder)
        state["folder"] = {"mode": f"{stat.S_IMODE(status.st_mode):04o}", "uid": status.st_uid, "gid": status.st_gid}
        probe = os.path.join(folder, "probe")
        wrote = f"printf '#!/bin/sh\\necho executed\\n' > {probe} && chmod 700 {probe} && {probe}; rm -f {probe}"
        state["executes"] = "executed" in command("su", user, "-s", "/bin/sh", "-c", wrote).stdout
    state["uid"], state["gid"] = pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid
    for go in TOOLCHAINS:
        if os.path.exists(go):
            said = command("su", "-", user, "-c", f"{go} env {' '.join(SETTINGS)}")
            values = said.stdout.splitlines()
            state["go"][go] = dict(zip(SETTINGS, values)) if said.returncode == 0 else said.stderr.strip()
    return state


def main() -> None:
    """Print the state as JSON."""
    place, users = sys.argv[1], sys.argv[2:]
    # BusyBox has none.
    verify = command(*(["findmnt", "--verify", "--tab-file", "/etc/fstab"] if shutil.which("findmnt") else ["true"]))
    with open("/etc/fstab", encoding="utf-8", errors="replace") as handle:
        lines = [line.split() for line in handle if line.strip() and not line.lstrip().startswith("#")]
    print(
        json.dumps(
            {
                "mount": mount_at(place),
                "fstab": [fields for fields in lines if len(fields) > 1 and fields[1] == place],
                "fstab_verify": {"rc": verify.returncode, "said": verify.stdout + verify.stderr},
                "users": {user: user_state(place, user) for user in users},
                "init": command("cat", "/proc/1/comm").stdout.strip(),
            }
        )
    )


if __name__ == "__main__":
    main()
