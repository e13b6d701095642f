# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Starts Go in every way a person or a program does and says which settings it then has.

matrix.py EXPECTED, as root. EXPECTED is JSON: {"users": [...], "gotmpdir": "/var/cache/gotmp/{uid}", "cgo": "0"|"1",
"systemd": true, "toolchains": [...], "not_exported": [names of starts]}. Prints {"starts": number, "seen": {start:
what}, "wrong": [sentences]}. A way of starting that the machine has no program for is left out, and not counted.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import time

PROBE = "/usr/local/bin/go-probe"
PROBE_TEXT = """#!/bin/sh
printf 'probe|%s|%s' "$USER" "$GOTMPDIR"
for go in {toolchains}; do
    "$go" env GOTMPDIR CGO_ENABLED | while read -r line; do printf '|%s' "$line"; done
done
echo
"""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SSH = ["ssh", "-o", "BatchMode=yes"]

# Where a shell reads a startup file the folder is exported too: t.TempDir() of Go 1.26 and later asks the environment.
EXPORTED = {
    "bash -lc",
    "bash -lic",
    "bash -ic",
    "sh -lc",
    "zsh -c",
    "zsh -ic",
    "zsh -lc",
    "fish -c",
    "fish -lc",
    "ssh command",
    "su - user -c",
    "sudo -i",
    "runuser -l",
}


def run(command: list[str], timeout: float = 30, **how) -> str:
    """Return what a start printed for the probe, or what went wrong."""
    result = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        start_new_session=True,
        check=False,
        **how,
    )
    lines = [line for line in result.stdout.splitlines() if line.startswith("probe|")]
    return lines[-1] if lines else f"exit {result.returncode}: {(result.stderr or result.stdout).strip()[:200]}"


def as_user(user: str) -> dict:
    """Return how a process of this user starts with no more of an environment than the kernel's execve needs."""
    entry = pwd.getpwnam(user)
    environment = {
        "HOME": entry.pw_dir,
        "USER": user,
        "LOGNAME": user,
        "SHELL": entry.pw_shell,
        "PATH": PATH,
        "LANG": "C.UTF-8",
    }
    return {
        "user": entry.pw_uid,
        "group": entry.pw_gid,
        "extra_groups": [],
        "cwd": entry.pw_dir,
        "env": environment,
    }


def starts_of(user: str, port: str, systemd: bool) -> dict[str, tuple[list[str], dict]]:
    """Return every way of starting Go as this user, by name."""
    inside = as_user(user)
    outside = {"env": {"PATH": PATH, "HOME": "/root", "USER": "root", "LOGNAME": "root"}, "cwd": "/"}
    starts = {
        " ".join(words): ([*words, PROBE], inside)
        for words in (
            ("bash", "-lc"),
            ("bash", "-lic"),
            ("bash", "-ic"),
            ("bash", "-c"),
            ("sh", "-c"),
            ("sh", "-lc"),
            ("zsh", "-c"),
            ("zsh", "-ic"),
            ("zsh", "-lc"),
            ("fish", "-c"),
            ("fish", "-lc"),
        )
    }
    starts["direct exec"] = ([PROBE], inside)
    starts["ssh command"] = ([*SSH, "-p", port, f"{user}@127.0.0.1", PROBE], outside)
    starts["su - user -c"] = (["su", "-", user, "-c", PROBE], outside)
    starts["su user -c"] = (["su", user, "-c", PROBE], outside)
    starts["sudo -u"] = (["sudo", "-H", "-u", user, PROBE], outside)
    starts["sudo -i"] = (["sudo", "-i", "-u", user, PROBE], outside)
    login = ["su", "-", "root", "-c"]
    starts["su user -c in root's login"] = ([*login, f"cd / && su {user} -c {PROBE}"], outside)
    starts["runuser -u in root's login"] = ([*login, f"cd / && runuser -u {user} -- {PROBE}"], outside)
    starts["runuser -l"] = (["runuser", "-l", user, "-c", PROBE], outside)
    if systemd:
        starts["systemd unit"] = (
            ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", f"--property=User={user}", PROBE],
            outside,
        )
    # What starts within root's login is the name's first word.
    return {
        name: start
        for name, start in starts.items()
        if all(shutil.which(word, path=PATH) for word in (start[0][0], name.split()[0].replace("direct", "sh")))
        or name == "systemd unit"
    }


def cron_begin(user: str) -> str:
    """Put the probe into the user's crontab; cron starts it within a minute."""
    output = f"/tmp/go-probe-cron.{user}"
    if os.path.exists(output):
        os.unlink(output)
    subprocess.run(
        ["crontab", "-u", user, "-"],
        input=f"* * * * * {PROBE} > {output}.new 2>&1; mv {output}.new {output}\n",
        text=True,
        check=True,
    )
    return output


def cron_end(user: str, output: str) -> str:
    """Return what cron's probe printed and remove it again."""
    for _time in range(200):
        if os.path.exists(output):
            break
        time.sleep(0.4)
    subprocess.run(["crontab", "-u", user, "-r"], check=True)
    if not os.path.exists(output):
        return "cron did not start it within 80 seconds"
    with open(output, encoding="utf-8") as handle:
        text = handle.read().strip()
    os.unlink(output)
    return text


def main() -> None:
    """Start Go in every way and print what is not as expected."""
    expected = json.loads(sys.argv[1])
    with open("/etc/ssh/sshd_config.d/port.conf", encoding="utf-8") as handle:
        port = handle.read().split()[1]
    toolchains = expected["toolchains"]
    with open(PROBE, "w", encoding="utf-8") as handle:
        handle.write(PROBE_TEXT.format(toolchains=" ".join(toolchains)))
    os.chmod(PROBE, 0o755)

    seen: dict[str, str] = {}
    waiting = {user: cron_begin(user) for user in expected["users"]}
    for user in expected["users"]:
        shell = os.path.basename(pwd.getpwnam(user).pw_shell)
        for name, (command, how) in starts_of(user, port, expected["systemd"]).items():
            seen[f"{user} ({shell}): {name}"] = run(command, **how)
    # ssh as someone whose shell is zsh, or fish, is two more ways.
    for user in expected.get("ssh_users", []):
        shell = os.path.basename(pwd.getpwnam(user).pw_shell)
        command, how = starts_of(user, port, False)["ssh command"]
        seen[f"{user} ({shell}): ssh command"] = run(command, **how)
    for user, output in waiting.items():
        seen[f"{user}: cron"] = cron_end(user, output)
    os.unlink(PROBE)

    wrong = []
    for start, line in seen.items():
        user, name = start.split(" ")[0].rstrip(":"), start.split(": ", 1)[1]
        folder = expected["gotmpdir"].format(uid=pwd.getpwnam(user).pw_uid)
        fields = line.split("|")
        if len(fields) != 3 + 2 * len(toolchains):
            wrong.append(f"{start}: {line}")
            continue
        exported, settings = fields[2], fields[3:]
        for number, go in enumerate(toolchains):
            gotmpdir, cgo = settings[2 * number : 2 * number + 2]
            if gotmpdir != folder:
                wrong.append(f"{start}: {go} has GOTMPDIR={gotmpdir}, not {folder}")
            if cgo != expected["cgo"]:
                wrong.append(f"{start}: {go} has CGO_ENABLED={cgo}, not {expected['cgo']}")
        # Root's exports would go along with su; root's Go has the settings file.
        where = EXPORTED.difference(expected.get("not_exported", []))
        if folder and name in where and exported != ("" if user == "root" else folder):
            wrong.append(f"{start}: the environment has GOTMPDIR={exported}, not {folder}")
    print(json.dumps({"starts": len(seen), "seen": seen, "wrong": wrong}))


if __name__ == "__main__":
    sys.exit(main())
