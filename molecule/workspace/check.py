# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looks on the machine, as root, at the original below the drive and at the copy: check.py VERB.

digest    prints {path: what it is} of the original, as it lies below the drive
copy      compares the copy at ~alice/src/shop with the original by what Git and Go say
shown     whether /mnt/c/Users/alice/shop is the copy, and what working there costs the drive
Prints {"wrong": [sentences], ...}.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

BELOW = Path("/srv/windows/Users/alice")
SHOP, COPY = Path("/mnt/c/Users/alice/shop"), Path("/home/alice/src/shop")
GIT = {
    "references": "git for-each-ref",
    "reflog": "git reflog --all",
    "stash": "git stash show -p",
    "status": "git status --porcelain=v2 --branch --untracked-files=all",
    "changes": "git diff HEAD",
    "remotes": "git remote -v",
    "configuration": "git config --local --list",
    "submodules": "git submodule status",
}


def alice(folder: Path, command: str) -> str:
    """Return what a command prints in the folder as alice; "exit N: ..." where it fails."""
    environment = {"HOME": "/home/alice", "PATH": "/usr/local/go/bin:/usr/bin:/bin", "GIT_OPTIONAL_LOCKS": "0"}
    said = subprocess.run(
        ["setpriv", "--reuid=alice", "--regid=alice", "--init-groups", "sh", "-c", f"cd {folder} && {command}"],
        env=environment | {"GOPROXY": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout if said.returncode == 0 else f"exit {said.returncode}: {said.stderr}"


def digest() -> dict[str, list]:
    """Return what lies below the drive, by mode, owner, size, time and content."""
    found = {}
    for path in sorted(BELOW.rglob("*")):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = [status.st_mode, status.st_uid, status.st_size * path.is_file(), status.st_mtime_ns, content]
    return found


def copy() -> list[str]:
    """List what differs between the original and the copy by what Git and Go say, and in modes."""
    wrong = []
    # The drive's own view of the original, without what is mounted over it.
    subprocess.run(["mkdir", "-p", "/run/drive"], check=True)
    subprocess.run(["mount", "--bind", "/mnt/c", "/run/drive"], check=True)
    try:
        original = Path("/run/drive/Users/alice/shop")
        for what, command in GIT.items():
            before, after = alice(original, command), alice(COPY, command)
            if before != after or before.startswith("exit"):
                wrong.append(f"{what}: {before!r} became {after!r}")
    finally:
        subprocess.run(["umount", "/run/drive"], check=True)
    side = COPY.with_name("shop-worktrees") / "shop-side"
    if alice(side, "git status --porcelain") != " M main.go\n":
        wrong.append(f"the linked worktree: {alice(side, 'git status --porcelain')!r}")
    expected = {str(COPY), str(side)}
    listed = {line.split()[1] for line in alice(COPY, "git worktree list").splitlines() for line in [f"x {line}"]}
    if listed != expected:
        wrong.append(f"the worktrees are {listed}")
    modes = {
        name: f"{(COPY / name).stat().st_mode & 0o7777:04o}"
        for name in ("check.sh", "main.go", ".git/config", ".git/hooks/pre-commit")
    }
    if modes != {"check.sh": "0755", "main.go": "0644", ".git/config": "0644", ".git/hooks/pre-commit": "0755"}:
        wrong.append(f"the modes are {modes}")
    owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in [COPY, *COPY.rglob("*")]}
    if owners != {(1000, 1000)}:
        wrong.append(f"the owners are {owners}")
    if (COPY / "build").exists() or (COPY / "a.log").exists() or not (COPY / "untracked.txt").exists():
        wrong.append("ignored or untracked files are wrong")
    for name in ("fsck --full", "diff --check HEAD -- run.bat"):
        if alice(COPY, f"git {name}").startswith("exit"):
            wrong.append(f"git {name}: {alice(COPY, f'git {name}')}")
    if "ok" not in alice(COPY, "go test -count=1 ./..."):
        wrong.append(f"go test: {alice(COPY, 'go test -count=1 ./...')}")
    papers = Path("/home/alice/papers/deep/a.txt")
    if papers.read_text() != "text\n" or papers.stat().st_mtime != (BELOW / "papers/deep/a.txt").stat().st_mtime:
        wrong.append("the folder without Git is not the same")
    left = [str(path) for path in (*COPY.parent.iterdir(), *COPY.parents[1].iterdir()) if ".wsltune" in path.name]
    return wrong + [f"{path} was left behind" for path in left]


def operations() -> int:
    """Return how many operations the drive has served."""
    return int(os.getxattr("/mnt/c", "user.slow_drive.operations"))


def shown() -> list[str]:
    """List what is wrong about the old path, where the copy shows."""
    wrong = []
    if not os.path.samefile(SHOP, COPY):
        wrong.append(f"{SHOP} is not the copy")
    said = alice(SHOP, "go vet ./... && go list ./...")
    if said != "example.com/gotest\n":
        wrong.append(f"go in {SHOP}: {said}")
    before = operations()
    said = alice(SHOP, "find . -type f -exec cat {} + > /dev/null")
    spent = operations() - before
    # The way there leads over the drive; to open and read a file there takes four operations and more.
    files = sum(1 for path in COPY.rglob("*") if path.is_file())
    if said or spent > files // 2:
        wrong.append(f"to read the {files} files in {SHOP} took {spent} operations of the drive: {said}")
    return wrong


def main() -> None:
    """Print the digest, or what is wrong."""
    verb = sys.argv[1]
    if verb == "digest":
        print(json.dumps(digest()))
        return
    print(json.dumps({"wrong": {"copy": copy, "shown": shown}[verb]()}))


if __name__ == "__main__":
    main()
