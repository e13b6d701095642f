# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask about paths with a time limit: one on a server that is gone (NFS, SMB, autofs, FUSE) never answers.

The question is asked in a child. A call to such a server may be one that nothing interrupts, not even SIGKILL: the
child is then left behind, and ends when the server is back or the mount is gone.
"""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import glob
import itertools
import mmap
import os
import stat
import struct
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import become, process

LIMIT = 2.0
"""Seconds for an answer about a path."""
TOTAL = 10.0
"""Seconds for answers about many paths, most of which may be dead."""
AT_ONCE = 32
MOST_NAMES = 20000
"""Names of a folder that are looked at; one that a program of its owner's lists may have no end."""
MOST_MATCHES = 500
"""Names that match in one folder, each of which is asked about."""
PATIENCE = 0.1
"""Seconds to wait for the end of a child that is killed; more would not help."""


def each(
    questions: Mapping[str, Callable[[], Any]],
    limit: float = LIMIT,
    total: float = TOTAL,
    identity: process.Identity | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the answers by name, and for each question that has none the reason, such as C(no answer in 2 s).

    One child answers all of them, as C(identity). Where it stops answering, those that are left are asked side by side.
    """
    answers: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    heard = [time.monotonic()]

    def work(tell: Callable[[Any], None]) -> None:
        for name, question in questions.items():
            try:
                tell([name, question(), None])
            except OSError as error:
                tell([name, None, error.strerror or str(error)])

    def hear(message: Any) -> None:
        name, answer, reason = message
        heard.append(time.monotonic())
        if reason is None:
            answers[name] = answer
        else:
            reasons[name] = reason

    if not questions:
        return answers, reasons
    try:
        with become.Hands(identity, lambda: become.Errand(work), patience=PATIENCE) as hands:
            hands.call("run", limit=limit, heard=hear)
    except OSError as error:
        left = {name: question for name, question in questions.items() if name not in {*answers, *reasons}}
        first = next(iter(left), None)
        if first is not None and isinstance(error, TimeoutError) and time.monotonic() - heard[-1] > 0.75 * limit:
            # The questions before it took little of the time, so it need not be asked again.
            reasons[first] = error.strerror or str(error)
            del left[first]
        for name, answer in become.side_by_side(left, limit, AT_ONCE, total, identity, PATIENCE).items():
            if isinstance(answer, OSError):
                reasons[name] = answer.strerror or str(answer)
            else:
                answers[name] = answer
    return answers, reasons


def once(question: Callable[[], Any], limit: float = LIMIT, identity: process.Identity | None = None) -> Any:
    """Return the answer to one question; OSError, such as C(no answer in 2 s), when there is none."""
    with become.Hands(identity, lambda: become.Errand(question), patience=PATIENCE) as hands:
        return hands.call("run", limit=limit)


def _touch(path: str) -> bool:
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def silent(paths: Iterable[str], identity: process.Identity | None = None) -> dict[str, str]:
    """Return the paths that give no answer, each with the reason."""
    return each({path: functools.partial(_touch, path) for path in dict.fromkeys(paths)}, identity=identity)[1]


def is_folder(path: str) -> bool:
    """Return whether C(path) is a folder, or one that the caller may not look into, as root with FUSE's own default."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False


def names(folder: str, most: int = MOST_NAMES) -> list[str]:
    """Return the names in a folder, no more than C(most); none where it cannot be listed."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [entry.name for entry in itertools.islice(entries, most)]
    return []


def find(
    patterns: Iterable[str], identity: process.Identity | None = None
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return what there is of each absolute pattern of glob's, and the paths on the way there that give no answer.

    A folder is looked into by M(names), and no more than MOST_MATCHES of what matches in it. One child looks for all;
    where it stops answering, what is left is asked side by side.
    """
    wanted = list(dict.fromkeys(patterns))
    silent: dict[str, str] = {}
    at_work = _Place()

    def look_there() -> dict[str, list[str]]:
        def ask(paths: Mapping[str, bool]) -> dict[str, Any]:
            answers: dict[str, Any] = {}
            for path, is_folder_wanted in paths.items():
                at_work.write(path)
                answers[path] = names(path) if is_folder_wanted else _touch(path)
            return answers

        return _walk(wanted, ask)

    def ask_apart(paths: Mapping[str, bool]) -> dict[str, Any]:
        questions = {
            path: functools.partial(names if is_folder_wanted else _touch, path)
            for path, is_folder_wanted in paths.items()
            if _without_slash(path) not in silent
        }
        answers, reasons = each(questions, identity=identity)
        silent.update({_without_slash(path): reason for path, reason in reasons.items()})
        return answers

    if not wanted:
        return {}, {}
    try:
        with become.Hands(identity, lambda: become.Errand(look_there), patience=PATIENCE) as hands:
            return hands.call("run", limit=LIMIT), {}
    except OSError as error:
        path, when = at_work.read()
        if isinstance(error, TimeoutError) and path and time.monotonic() - when > 0.75 * LIMIT:
            # The paths before it took little of the time, so it need not be asked again.
            silent[_without_slash(path)] = error.strerror or str(error)
    return _walk(wanted, ask_apart), silent


class _Place:
    """The path that a child looks at and since when, in memory which this process has too: a message costs more."""

    HEAD = struct.Struct("!dI")

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 1 << 13)

    def write(self, path: str) -> None:
        name = os.fsencode(path)[: len(self.memory) - self.HEAD.size]
        self.memory.seek(0)
        self.memory.write(self.HEAD.pack(time.monotonic(), len(name)) + name)

    def read(self) -> tuple[str, float]:
        when, size = self.HEAD.unpack(self.memory[: self.HEAD.size])
        return os.fsdecode(self.memory[self.HEAD.size : self.HEAD.size + size]), when


def _without_slash(path: str) -> str:
    return path.rstrip("/") or "/"


def _walk(patterns: Sequence[str], ask: Callable[[Mapping[str, bool]], dict[str, Any]]) -> dict[str, list[str]]:
    """Return what there is of each pattern; C(ask) gets paths, those of folders that are to be listed with a slash."""
    found: dict[str, list[str]] = {pattern: [] for pattern in patterns}
    waiting = [(pattern, "", pattern.split("/")[1:]) for pattern in found]
    while waiting:
        steps = []
        for pattern, path, parts in waiting:
            plain = list(itertools.takewhile(lambda part: not glob.has_magic(part), parts))
            path = "/".join([path, *plain]) + "/" * (len(plain) < len(parts))
            steps.append((pattern, path, parts[len(plain) :]))
        answers = ask({path: bool(parts) for _pattern, path, parts in steps})
        waiting = []
        for pattern, path, parts in steps:
            if parts:
                shown = parts[0].startswith((".", "[.]"))
                matches = fnmatch.filter(answers.get(path, ()), parts[0])
                known = [name for name in matches if shown or not name.startswith(".")][:MOST_MATCHES]
                waiting += [(pattern, f"{path}{name}", parts[1:]) for name in known]
            elif answers.get(path):
                found[pattern].append(path)
    return found
