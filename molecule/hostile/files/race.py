# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Races eve against root on this machine: race.py.

Processes of eve exchange folders and files of hers with links to what is root's, as fast as they can. Meanwhile root
does what wsltune does with her files, again and again. Prints {"tries": 1, "swaps": 1, "ends": {}, "wrong": []}.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import hashlib
import json
import mmap
import os
import pwd
import signal
import stat
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

sys.path.insert(0, "/var/tmp/hostile")
from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import scratch
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, files

HOME, TEAM, MEMORY, VICTIM = "/home/eve", "/srv/team/race", "/var/cache/race", "/victim"
TRIES, SECONDS = 1500, 40
LIBRARY = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_EXCHANGE = -100, 2
SECRET = "what only root may read"
GO = "#!/bin/sh\nid > /tmp/eve-race-$(id -un)\n"
# What is exchanged, and for a link to what.
SWAPPED = {
    f"{HOME}/.cache": VICTIM,
    f"{HOME}/.config": VICTIM,
    f"{HOME}/own/go/env": f"{VICTIM}/file",
    f"{HOME}/sdk/go1.20/bin": f"{VICTIM}/bin",
    f"{HOME}/sdk/go1.21/bin/go": f"{VICTIM}/bin/go",
    f"{HOME}/new": f"{VICTIM}/open",
    f"{MEMORY}/eve/gocache": f"{VICTIM}/open",
    f"{TEAM}/shop": VICTIM,
    f"{TEAM}/shop2/go.mod": f"{VICTIM}/file",
}


def root(script: str) -> None:
    """Run a script as root."""
    subprocess.run(["sh", "-ec", script], check=True)


def prepare() -> None:
    """Make root's folder that is to be reached, and the folders that eve and root share."""
    root(f"""
rm -rf {VICTIM} {TEAM} {MEMORY} /var/lib/race {HOME}/.cache* {HOME}/.config* {HOME}/own {HOME}/sdk {HOME}/new*
mkdir -p -m 700 {VICTIM}
cd {VICTIM}
mkdir -p bin open/deep go wsltune-bench-4194000-x/deep .wsltune-bench-4194001-y
chmod 750 open; chmod 500 .wsltune-bench-4194001-y
for file in file go/env open/file open/deep/env wsltune-bench-4194000-x/deep/file go.mod env; do
    echo '{SECRET}' > $file; chmod 600 $file
done
printf '#!/bin/sh\\nexit 0\\n' > bin/go; chmod 755 bin/go
install -d -m 755 {MEMORY}; install -d -m 700 -o eve -g eve {MEMORY}/eve
install -d -m 2775 -o root -g team {TEAM}
""")


def fill() -> None:
    """As eve: have everything there that is to be exchanged."""
    for folder in (
        ".cache",
        ".config/go",
        "own/go",
        "sdk/go1.20/bin",
        "sdk/go1.20/pkg/tool",
        "sdk/go1.21/bin",
        "sdk/go1.21/pkg/tool",
        "new/deep",
    ):
        os.makedirs(f"{HOME}/{folder}", exist_ok=True)
    for folder in (f"{MEMORY}/eve/gocache", f"{TEAM}/shop", f"{TEAM}/shop2"):
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o2775)
    for path, text in {
        f"{HOME}/.config/go/env": "GOFLAGS=-v\n",
        f"{HOME}/own/go/env": "GOFLAGS=-v\n",
        f"{HOME}/sdk/go1.20/bin/go": GO,
        f"{HOME}/sdk/go1.21/bin/go": GO,
        f"{TEAM}/shop2/go.mod": "module m\n",
    }.items():
        with contextlib.suppress(OSError), open(path, "x", encoding="utf-8") as handle:
            handle.write(text)
            os.chmod(path, 0o755)
    for path, target in SWAPPED.items():
        with contextlib.suppress(OSError):
            os.symlink(target, f"{path}.link")


def leave_scratch() -> None:
    """As eve: what a benchmark that was killed would have left, with a folder that cannot be written in."""
    for parent in (f"{HOME}/.cache", f"{TEAM}/shop"):
        for name in ("wsltune-bench-4194000-x", ".wsltune-bench-4194001-y"):
            with contextlib.suppress(OSError):
                os.makedirs(f"{parent}/{name}/deep", exist_ok=True)
                open(f"{parent}/{name}/deep/file", "w").close()
                os.chmod(f"{parent}/{name}/deep", 0o500)


def become_eve() -> None:
    """Turn this process into eve, with no way back."""
    eve = pwd.getpwnam("eve")
    os.setgroups(os.getgrouplist("eve", eve.pw_gid))
    os.setresgid(eve.pw_gid, eve.pw_gid, eve.pw_gid)
    os.setresuid(eve.pw_uid, eve.pw_uid, eve.pw_uid)


def swap(number: int, count: mmap.mmap) -> None:
    """As eve: exchange one half of what there is, for ever."""
    mine = [(os.fsencode(path), os.fsencode(path + ".link")) for path in list(SWAPPED)[number::2]]
    swaps = turn = 0
    while True:
        turn += 1
        for one, other in mine:
            if LIBRARY.renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) == 0:
                swaps += 1
        struct.pack_into("Q", count, 8 * number, swaps)
        if turn % 64 == 0:
            with contextlib.suppress(OSError):
                fill()
            leave_scratch()


def as_eve(function: Callable[[], None]) -> int:
    """Call a function in a child that is eve; return its process id."""
    child = os.fork()
    if child == 0:
        try:
            become_eve()
            function()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def what_is(path: str) -> list:
    """Return mode, owner, links, times and content of a path, links not followed."""
    status = os.lstat(path)
    content = ""
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as handle:
            content = hashlib.sha256(handle.read()).hexdigest()
    return [
        status.st_mode,
        status.st_uid,
        status.st_gid,
        status.st_nlink,
        status.st_mtime_ns,
        status.st_ctime_ns,
        content,
    ]


def snapshot() -> dict[str, list]:
    """Return all that must not change: root's folder, the accounts' files, and what lies in shared folders."""
    found = {path: what_is(path) for path in glob.glob(f"{VICTIM}/**", recursive=True, include_hidden=True)}
    for path in ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/fstab"):
        found[path] = what_is(path)
    for path in (
        "/",
        "/etc",
        "/home",
        "/tmp",
        "/usr/local",
        "/var",
        "/srv",
        "/srv/team",
        HOME,
        MEMORY,
        f"{MEMORY}/eve",
    ):
        status = os.stat(path)
        names = [] if path in ("/tmp", HOME) else sorted(os.listdir(path))
        found[f"{path}/"] = [status.st_mode, status.st_uid, status.st_gid, names]
    return found


class Root:
    """What wsltune does as root, each with a word for how it ended."""

    def __init__(self, pool: become.Pool) -> None:
        self.eve, self.dev = (accounts.identity(account) for account in accounts.find(["eve", "dev"]))
        self.pool = pool
        self.journal = journal.Journal("/var/lib/race", "1", pool)
        self.turn = 0
        self.operations: dict[str, Callable[[], object]] = {
            "settings below a folder": lambda: self.settings(f"{HOME}/.config/go/env"),
            "settings themselves": lambda: self.settings(f"{HOME}/own/go/env"),
            "a command below a folder": lambda: self.command(f"{HOME}/sdk/go1.20/bin/go"),
            "a command itself": lambda: self.command(f"{HOME}/sdk/go1.21/bin/go"),
            "folders that are tidied": lambda: self.settings(f"{HOME}/new/deep/er/env"),
            "a build cache": lambda: pool.of(self.eve).make_folders(f"{MEMORY}/eve/gocache/inner"),
            "scratch of eve": lambda: self.scratch(self.eve, f"{HOME}/.cache"),
            "scratch of dev in eve's folder": lambda: self.scratch(self.dev, f"{TEAM}/shop"),
            "sweep in eve's folder": lambda: scratch.sweep(f"{TEAM}/shop"),
            "a file of root's in a folder of the team": lambda: self.write_as_root(f"{TEAM}/shop2/go.mod"),
            "settings in eve's home as root's own": lambda: self.write_as_root(f"{HOME}/.config/go/env"),
            "a command in eve's home as root's own": lambda: self.journal.displace(
                f"{HOME}/sdk/go1.20/bin/go", b"#!/bin/sh\n", role="race"
            ),
        }

    def settings(self, path: str) -> None:
        """Write and restore settings of eve's."""
        self.turn += 1
        try:
            self.journal.write(path, b"GOFLAGS=-p=%d\n" % self.turn, role="race", owner=self.eve)
        finally:
            self.journal.restore(path)

    def command(self, path: str) -> None:
        """Replace and restore a command of eve's."""
        self.turn += 1
        try:
            content = f'#!/bin/sh\n# {self.turn}\nexec {path}.distrib "$@"\n'.encode()
            self.journal.displace(path, content, role="race", owner=self.eve)
        finally:
            self.journal.restore(path)

    def scratch(self, identity: object, parent: str) -> None:
        """Sweep, remove and make folders in `parent` as the account."""

        def work() -> None:
            scratch.sweep(parent)
            for name in ("wsltune-bench-4194000-x", ".wsltune-bench-4194001-y"):
                files.remove_tree(os.path.join(parent, name))
            with scratch.Folders() as folders:
                made = folders.make(parent, "race")
                os.makedirs(os.path.join(made, "a/b"), exist_ok=True)
                os.chmod(os.path.join(made, "a"), 0o500)

        become.ask(identity, work)  # type: ignore[arg-type]

    def write_as_root(self, path: str) -> None:
        """Write a file of root's, which a folder of others must refuse."""
        files.Files().put(path, files.FileState(b"root's\n", 0o644, 0, 0, 0))


def main() -> None:
    """Race until every operation came through and there were TRIES tries, for SECONDS at most."""
    prepare()
    os.waitpid(as_eve(fill), 0)
    before = snapshot()
    count = mmap.mmap(-1, 64)
    children = [as_eve(lambda number=number: swap(number, count)) for number in range(2)]  # type: ignore[misc]
    while 0 in struct.unpack_from("QQ", count):
        time.sleep(0.01)
    ends: dict[str, Counter] = {}
    tries = 0
    until = time.monotonic() + SECONDS
    try:
        with become.Pool() as pool:
            root_does = Root(pool)
            wanted = {name for name in root_does.operations if "root's" not in name}
            while time.monotonic() < until and (tries < TRIES or wanted):
                for name, operation in root_does.operations.items():
                    tries += 1
                    try:
                        operation()
                        end = "done"
                        wanted.discard(name)
                    except OSError as error:
                        end = (
                            type(error).__name__ if isinstance(error, files.NotOurs) else os.strerror(error.errno or 0)
                        )
                    ends.setdefault(name, Counter())[end] += 1
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    after = snapshot()
    wrong = [
        f"{path} was {before.get(path)} and is {after.get(path)}"
        for path in sorted({**before, **after})
        if before.get(path) != after.get(path)
    ]
    swaps = struct.unpack_from("QQ", count)
    places = [HOME, TEAM, f"{MEMORY}/eve"]
    roots = subprocess.run(
        ["find", *places, "-mindepth", "1", "-uid", "0"], capture_output=True, text=True, check=False
    )
    wrong += [f"{path} is root's" for path in roots.stdout.splitlines()]
    leaked = subprocess.run(["grep", "-rlF", SECRET, *places], capture_output=True, text=True, check=False)
    wrong += [f"{path} tells what only root may read" for path in leaked.stdout.splitlines()]
    wrong += [f"{path}: a program of eve ran" for path in glob.glob("/tmp/eve-race-*")]
    wrong += [f"{name} was never done" for name in sorted(wanted)]
    wrong += [f"{name} was done" for name, counts in ends.items() if counts["done"] and "root's" in name]
    if min(swaps) < 10 * tries:
        wrong.append(f"{swaps} swaps are too few for {tries} tries")
    root(f"rm -rf {VICTIM} {TEAM} {MEMORY} /var/lib/race")
    print(json.dumps({"tries": tries, "swaps": sum(swaps), "ends": ends, "wrong": wrong}))


if __name__ == "__main__":
    main()
