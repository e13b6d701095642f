# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything on a machine that a rollback must restore: the files, the mounts, the users' Go settings.

snapshot.py take FILE                  writes it down, as root
snapshot.py compare FILE [IGNORED...]  prints {"differences": [sentences]} against the machine of now

IGNORED is a regular expression of paths, or time: and one of paths whose time alone may differ.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys

# /var/backups and /var/lib/apt/{daily_lock,periodic}: Debian's own timers write there.
SKIPPED = re.compile(
    r"/(proc|sys|dev|run|tmp|var/tmp|var/log|var/backups|var/lib/(systemd|apt/(daily_lock|periodic)|dpkg/(lock.*|triggers|diversions|diversions-old))|var/cache/(ldconfig|apt|man))(/|$)"
    r"|/(root|home/[^/]+)/(\.ansible|\.cache|\.config/go/telemetry|\.gnupg)(/|$)"
    r"|/(root|home/[^/]+)/(\.bash_history|\.zsh_history|\.zcompdump.*|\.viminfo|\.local/share/fish/.*)$"
    r"|/(etc/(mtab|\.updated|ld\.so\.cache)|var/\.updated)$"
    # Go writes down that it wants no telemetry, and fish its universal variables, when they first run.
    r"|/(root|home/[^/]+)/\.config(/fish(/.*)?)?$|/(root|home/[^/]+)/\.local(/share(/fish)?)?$"
    r"|/var/lib/private|/etc/machine-id$|__pycache__"
)
HASHED = re.compile(r"/(etc|root|home|sbin|usr/sbin|usr/lib/go[^/]*/bin|usr/local/go/bin|usr/local|boot|opt)(/|$)")
MOUNTS_SKIPPED = re.compile(r"/(proc/sys/fs/binfmt_misc|run/user/|run/credentials)")


def files() -> dict[str, list]:
    """Return every path of the root file system with what a rollback must restore."""
    found = {}
    device = os.lstat("/").st_dev
    stack = ["/"]
    while stack:
        directory = stack.pop()
        with os.scandir(directory) as entries:
            for entry in entries:
                path = entry.path
                if SKIPPED.search(path):
                    continue
                status = entry.stat(follow_symlinks=False)
                kind = stat.S_IFMT(status.st_mode)
                facts: list = [f"{status.st_mode:06o}", status.st_uid, status.st_gid]
                if kind == stat.S_IFLNK:
                    facts.append(os.readlink(path))
                elif kind == stat.S_IFREG:
                    facts += [status.st_size, status.st_mtime_ns]
                    if HASHED.match(path) and status.st_size < 40_000_000:
                        with open(path, "rb") as handle:
                            facts.append(hashlib.sha256(handle.read()).hexdigest())
                elif kind == stat.S_IFDIR and status.st_dev == device:
                    stack.append(path)
                found[path] = facts
    return found


def mounts() -> list[str]:
    """Return the mount table without the numbers that a new mount has anew."""
    table = []
    with open("/proc/self/mountinfo", encoding="utf-8") as handle:
        for line in handle:
            fields = line.split()
            rest = fields[fields.index("-") + 1 :]
            if not MOUNTS_SKIPPED.match(fields[4]):
                table.append(" ".join(fields[3:6] + rest))
    return sorted(table)


def go_settings() -> dict[str, str]:
    """Return what each user's Go says in a fresh login, and each Go's own answer."""
    settings = {}
    with open("/etc/passwd", encoding="utf-8") as handle:
        users = [line.split(":")[0] for line in handle if line.strip().endswith(("sh", "fish"))]
    for user in users:
        for go in ("/usr/bin/go", "/usr/local/go/bin/go"):
            if os.path.exists(go):
                said = subprocess.run(
                    ["su", "-", user, "-c", f"{go} env; echo GOENV={go}; env | grep -E '^(GO|CGO)'"],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                ).stdout
                settings[f"{user} {go}"] = re.sub(r"go-build\d+", "go-buildN", said)
    return settings


def take() -> dict:
    """Return the machine of now."""
    diverted = ""
    if shutil.which("dpkg-divert"):
        diverted = subprocess.run(["dpkg-divert", "--list"], capture_output=True, text=True, check=False).stdout
    settings = go_settings()
    return {"files": files(), "mounts": mounts(), "go": settings, "diversions": sorted(diverted.splitlines())}


def is_ignored(text: str, ignored: list[str]) -> bool:
    """Return whether one of the patterns is the whole text."""
    return any(re.fullmatch(pattern, text) for pattern in ignored)


def compare(before: dict, now: dict, ignored: list[str]) -> list[str]:
    """List the differences, one sentence each, without those that are ignored."""
    wrong = []
    for path in sorted(set(before["files"]) | set(now["files"])):
        old, new = before["files"].get(path), now["files"].get(path)
        if old and new and is_ignored(f"time:{path}", ignored):
            # Of a file alone the fifth fact is a time.
            old, new = (facts[:4] + facts[5:] for facts in (old, new))
        if old != new and not is_ignored(path, ignored):
            wrong.append(f"{path}: {'not there' if old is None else old} became {'not there' if new is None else new}")
    for name in ("mounts", "diversions"):
        wrong += [f"{name}: {line} is gone" for line in before[name] if line not in now[name]]
        wrong += [f"{name}: {line} is new" for line in now[name] if line not in before[name]]
    for user, old in before["go"].items():
        new = now["go"].get(user, "")
        said = [f"go of {user}: {line} is gone" for line in old.splitlines() if line not in new.splitlines()]
        said += [f"go of {user}: {line} is new" for line in new.splitlines() if line not in old.splitlines()]
        wrong += [sentence for sentence in said if not is_ignored(sentence, ignored)]
    return wrong


def main() -> None:
    """Take a snapshot, or print what differs from one."""
    verb, path, ignored = sys.argv[1], sys.argv[2], sys.argv[3:]
    if verb == "take":
        snapshot = take()
        with open(path, "w", encoding="utf-8") as handle:
            json.dump(snapshot, handle)
        print(json.dumps({"files": len(snapshot["files"])}))
        return
    with open(path, encoding="utf-8") as handle:
        before = json.load(handle)
    print(json.dumps({"differences": compare(before, take(), ignored)}))


if __name__ == "__main__":
    main()
