# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs as root inside the laptop for drives.py: takes a question as a line of JSON, answers with one."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

USER = 1000
ENVIRONMENT = {
    "HOME": "/home/alice",
    "PATH": "/usr/local/go/bin:/usr/lib/go/bin:/usr/bin:/bin",
    "GOPROXY": "off",
    "GOTOOLCHAIN": "local",
    "GOTMPDIR": "/var/tmp/gotmp",
    "GIT_OPTIONAL_LOCKS": "1",
}
OPERATIONS = 100


def answer(request: dict[str, Any]) -> Any:
    """Return the answer to one question."""
    verb = request.pop("verb")
    return VERBS[verb](**request)


def run(command: list[str], folder: str, environment: dict[str, str]) -> dict[str, Any]:
    """Run a command as the developer; return what it took and its last words."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**ENVIRONMENT, **environment},
        user=USER,
        group=USER,
        extra_groups=[],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall": wall,
        "user": after.ru_utime - before.ru_utime,
        "system": after.ru_stime - before.ru_stime,
        "max_rss": 0,
        "blocks_written": after.ru_oublock - before.ru_oublock,
        "exit_code": done.returncode,
        "output_tail": done.stdout[-2000:],
    }


def edit(path: str, serial: int) -> None:
    """Change a source file so that its package compiles to something else."""
    source = Path(path)
    text = source.read_text(encoding="utf-8").split("\n// Serial", maxsplit=1)[0]
    source.write_text(f"{text}\n// Serial is another one in each build.\nconst Serial = {serial}\n", encoding="utf-8")


def timed(operation: Callable[[str], object], folder: str) -> dict[str, Any]:
    """Return the seconds of one operation on a file, the mean of OPERATIONS of them, each on another file."""
    names = [f"{folder}/stock/testdata/{number}.txt" for number in range(1, OPERATIONS + 1)]
    begin = time.perf_counter()
    for name in names:
        operation(name)
    wall = (time.perf_counter() - begin) / OPERATIONS
    return {"wall": wall, "user": 0.0, "system": 0.0, "max_rss": 0, "blocks_written": 0, "exit_code": 0}


def read_file(name: str) -> None:
    """Open a file, read and close it."""
    descriptor = os.open(name, os.O_RDONLY)
    os.read(descriptor, 4096)
    os.close(descriptor)


def create_file(name: str) -> None:
    """Create a file, write to it, close and remove it."""
    descriptor = os.open(name + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(descriptor, b"x" * 100)
    os.close(descriptor)
    os.unlink(name + ".new")


def mount(place: str, kind: str, tag: str, options: str) -> str:
    """Mount a view of the drive; return its line of the mount table."""
    os.makedirs(place, exist_ok=True)
    words = ["mount", "-i", "-t", kind, *(["-o", options] if options else []), tag, place]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")
    return next(line for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines() if f" {place} " in line)


def measure(scenario: str, folder: str, environment: dict[str, str], serial: int) -> dict[str, Any]:
    """Do one run of a scenario in a view."""
    if scenario in ("stat", "open and read", "create and remove"):
        operation = {"stat": os.stat, "open and read": read_file, "create and remove": create_file}[scenario]
        return timed(operation, folder)
    if scenario == "build":
        edit(f"{folder}/price/price.go", serial)
    commands = {
        "test": ["go", "test", "-count=1", "./..."],
        "build": ["go", "build", "-o", "/var/tmp/gotmp/shop", "./cmd/shop"],
        "git": ["git", "status", "--porcelain"],
    }
    return run(commands[scenario], folder, environment)


def command(words: list[str], folder: str = "/") -> str:
    """Return what a command prints, as the developer."""
    return str(run(words, folder, {})["output_tail"])


def shell(text: str) -> str:
    """Return what a shell prints as root."""
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def look(path: str) -> str:
    """Return a file's content, a folder's names, or why there is none."""
    try:
        if os.path.isdir(path):
            return " ".join(sorted(os.listdir(path)))
        with open(path, encoding="utf-8") as handle:
            return handle.read()
    except OSError as error:
        return f"error: {error.strerror}"


def write(path: str, text: str, how: str = "w") -> None:
    """Write a file and close it, without more."""
    with open(path, how, encoding="utf-8") as handle:
        handle.write(text)


VERBS: dict[str, Callable[..., Any]] = {
    "mount": mount,
    "measure": measure,
    "command": command,
    "shell": shell,
    "look": look,
    "write": write,
}


def main() -> None:
    """Answer until there are no more questions."""
    for line in sys.stdin:
        try:
            print(json.dumps(["done", answer(json.loads(line))]), flush=True)
        except Exception as error:
            print(json.dumps(["error", f"{type(error).__name__}: {error}"]), flush=True)


if __name__ == "__main__":
    main()
