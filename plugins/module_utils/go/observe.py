# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the Go command does for one user: which one it is, its settings, where each comes from and where it points."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.go import envfile
from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.linux import (
    accounts,
    become,
    files,
    look,
    mountinfo,
    process,
    text,
)

SETTINGS = ("GOTMPDIR", "GOCACHE", "GOMODCACHE", "GOFLAGS", "CGO_ENABLED")
EXPORTS = (*SETTINGS, *go_tuning.FROM_FILE, "TMPDIR", "GOENV")
READ = {*SETTINGS, *go_tuning.FROM_FILE, *go_plan.CHOSEN_FOR_CGO}
"""What is taken from a file of Go's settings; the others may be secrets, such as a GOPROXY with a password."""
PLACES = ("GOTMPDIR", "GOCACHE", "GOMODCACHE", "GOROOT", "TMPDIR")
LARGEST = 1 << 20
LIMIT = 40.0
"""Seconds that looking at one user's Go may take, all commands together."""
MOST_TOLD = 128 << 10
"""Bytes of what is told about one user; Ansible takes minutes with what a hundred times as much is made of."""
TRYING = 20.0
"""Seconds that trying to execute a file in each of Go's folders may take."""
GRACE = 20.0
"""Seconds that ending what did not answer in time may take."""
READ_BY_GO = ("GOENV", "GOROOT", "XDG_CONFIG_HOME")
"""Variables with paths that Go reads before it does anything."""
Run = go_find.Run

TRIED = b"#!/bin/sh\nexit 0\n"
"""What is executed to find out whether a folder lets it be."""

TIMES = """
import json, os, sys, tempfile, time
def cost(place):
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    spent = []
    for number in range(20):
        begin = time.perf_counter()
        handle, name = tempfile.mkstemp(prefix=".wsltune-", dir=place)
        os.close(handle); os.stat(name); os.unlink(name)
        spent.append(time.perf_counter() - begin)
    return round(sorted(spent)[10] * 1e6, 1)
print(json.dumps([cost(place) for place in sys.argv[1:]]))
"""


def source_of(
    name: str, environment: Mapping[str, str], user_file: Mapping[str, str], goroot_file: Mapping[str, str]
) -> str:
    """Say where the Go command takes a setting from; an empty variable counts as none (cmd/go/internal/cfg)."""
    if environment.get(name):
        return "environment"
    if environment.get("GOENV") != "off" and user_file.get(name):
        return "user file"
    if goroot_file.get(name):
        return "GOROOT/go.env"
    return "default"


def list_cached_toolchains(cache: str) -> list[str]:
    """Return the versions of Go that the module cache C(cache) holds, the newest first.

    Go puts them there where a go.mod asks for a newer one (https://go.dev/doc/toolchain).
    """
    folder = os.path.join(cache, "golang.org")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    names = [name for name in look.names(folder) if os.access(os.path.join(folder, name, "bin/go"), os.X_OK)]
    return go_tuning.list_toolchains(names, f"linux-{machine}")


def goroot_version(goroot: str) -> str:
    """Return the version that the file VERSION of a GOROOT names, or nothing; Go from a checkout has no such file."""
    try:
        with open(os.path.join(goroot, "VERSION"), encoding="utf-8") as handle:
            words = handle.readline(200).split()
    except (OSError, ValueError):
        return ""
    return text.line(words[0]) if words and version_tuple(words[0]) else ""


def file_state(path: str) -> str:
    """Return what tells this state of a file from others: a hash of its content, or what else is there."""
    try:
        state = files.Files().read(path, LARGEST)
    except OSError as error:
        return text.line(str(error.strerror))
    if state is None:
        return "folder" if os.path.isdir(os.path.dirname(path)) else "nothing"
    return hashlib.sha256(state.content).hexdigest()


def _settings(path: str) -> dict[str, str]:
    """Return what a file of Go's settings says; the user may have named any file."""
    try:
        state = files.Files().read(path, LARGEST)
    except OSError:
        return {}
    values = {} if state is None else envfile.parse(state.content.decode("utf-8", "surrogateescape"))
    return {name: value for name, value in values.items() if name in READ}


def _run(command: Sequence[str], environment: Mapping[str, str]) -> process.Done:
    return process.run(command, environment, limit=20)


def _place(path: str, mounts: Sequence[mountinfo.Mount]) -> dict[str, Any]:
    return _described(path, os.path.isdir(path), mountinfo.find(mounts, files.Files().nearest(path)))


def _described(path: str, exists: bool | None, mount: mountinfo.Mount | None) -> dict[str, Any]:
    return {
        "path": path,
        "exists": exists,
        "fstype": mount.fstype if mount else None,
        "mount_point": mount.mount_point if mount else None,
        "windows_drive": bool(mount and mount.windows_drive),
        "executable": None,
    }


def try_to_execute(path: str, windows_drive: bool = False) -> bool:
    """Return whether a file in the folder C(path), or in what exists of it, can be executed, by executing one.

    OSError where that cannot be tried. Whoever can write in the folder can replace the file, so that it is known by its
    descriptor and never by its name; root tries nothing there.
    """
    folder = files.Files().nearest(path)
    if os.geteuid() == 0 and not windows_drive:
        # Such a drive shows one account for all that is on it.
        files.check_folder(folder, kept=True)
    with files.opened_folder(folder) as parent:
        if files.is_of_another(os.fstat(parent).st_dev):
            # It decides anew with each look what a file has in it.
            raise files.NotOurs(folder)
        unnamed = _open_unnamed(parent)
        if unnamed is not None:
            return _execute(unnamed)
        name = f".wsltune-{os.urandom(6).hex()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(name, flags, 0o700, dir_fd=parent)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise OSError(error.errno, "full" if full else "not writable", folder) from None
        try:
            return _execute(descriptor)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=parent)


def _open_unnamed(folder: int) -> int | None:
    """Return a new file of which nothing stays where this is killed; None where the file system has no such files."""
    with contextlib.suppress(OSError):
        return os.open(".", os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o700, dir_fd=folder)
    return None


def _execute(descriptor: int) -> bool:
    """Return whether the file, which is open for writing and closed here, can be executed."""
    try:
        if os.write(descriptor, TRIED) != len(TRIED):
            raise OSError(errno.ENOSPC, "full")
        os.fchmod(descriptor, 0o700)
        opened = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise OSError(error.errno, "full" if full else str(error.strerror)) from None
    finally:
        # Nothing can be executed that is open for writing.
        os.close(descriptor)
    try:
        # The shell reads it by the same name.
        os.set_inheritable(opened, True)
        return process.run([f"/proc/self/fd/{opened}"], {"PATH": os.defpath}, limit=TRYING).code == 0
    except PermissionError:
        return False
    finally:
        os.close(opened)


def _probe(places: dict[str, dict[str, Any]], unknown: dict[str, str]) -> None:
    """Fill in for each place whether it can execute files."""
    questions = {
        name: functools.partial(try_to_execute, place["path"], place["windows_drive"])
        for name, place in places.items()
        if name != "GOROOT" and place["exists"] is not None
    }
    answers, reasons = look.each(questions, TRYING)
    for name, answer in answers.items():
        places[name]["executable"] = answer
    for name, reason in reasons.items():
        unknown[f"{name}.executable"] = f"{places[name]['path']}: {reason}"


def _measure(places: dict[str, dict[str, Any]], home: str, run: Run) -> None:
    """Add what making, looking at and removing one file costs where a place lies on a Windows drive."""
    slow = [name for name in places if places[name]["windows_drive"] and places[name]["exists"] is not None]
    if not slow:
        return
    try:
        done = run([sys.executable, "-c", TIMES, home] + [places[name]["path"] for name in slow], {})
        here, *there = json.loads(done.out)
    except (OSError, ValueError):
        return
    for name, cost in zip(slow, there):
        places[name]["cost_us"], places[name]["cost_us_home"] = cost, here


def observe(
    account: accounts.Account,
    mounts: Sequence[mountinfo.Mount],
    environment: dict[str, str] | None = None,
    seconds: float = LIMIT,
) -> dict[str, Any]:
    """Return what Go is for C(account), as go_facts documents it."""
    return observe_with_environment(account, mounts, environment, seconds)[0]


def observe_with_environment(
    account: accounts.Account,
    mounts: Sequence[mountinfo.Mount],
    environment: dict[str, str] | None = None,
    seconds: float = LIMIT,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what observe() returns, and the environment with that Go in it, which may hold secrets.

    As root the login is started here, unless its C(environment) is given, and all else looked at by a child that has
    become the account.
    """
    began = time.monotonic()
    unknown: dict[str, str] = {}
    trouble = accounts.home_trouble(account)
    if trouble:
        return _unanswered(account, trouble), environment or {}
    if environment is None:
        try:
            environment = accounts.login_environment(account, min(accounts.LOGIN_LIMIT, max(1.0, seconds)))
        except accounts.AccountError as error:
            unknown["environment"] = str(error)
            if not accounts.has_known_shell(account):
                # Such as one that has sshd receive files alone: what it started of those would run all the same.
                return {**_nothing(account, {}), "unknown": {"environment": text.line(str(error))}}, {}
            environment = {"HOME": account.home, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    left = max(2.0, seconds - (time.monotonic() - began))
    identity = accounts.identity(account)
    silent = look.silent(_list_read_first(account, environment), identity)
    if silent:
        said = ", ".join(f"{path}: {reason}" for path, reason in silent.items())
        return _unanswered(account, f"what the Go of {account.name} reads first gives no answer ({said})"), environment
    environment, silent = go_find.answering(environment, identity)
    if silent:
        unknown["PATH"] = ", ".join(f"{folder}: {reason}" for folder, reason in silent.items())
    try:
        # A child in any case, because what a setting names may never answer.
        left = max(2.0, seconds - (time.monotonic() - began))
        look_there = functools.partial(_look_briefly, account, mounts, environment, left * 0.7)
        facts, environment = become.ask(identity, look_there, left, always=True)
    except OSError as error:
        facts = _nothing(account, {})
        facts["unknown"]["go"] = f"the Go of {account.name} could not be looked at: {error.strerror}"
        facts["unknown"]["answer"] = f"looking at it failed: {error.strerror}"
    facts["unknown"].update({name: text.line(reason) for name, reason in unknown.items()})
    return dict(facts), dict(environment)


def _list_read_first(account: accounts.Account, environment: Mapping[str, str]) -> list[str]:
    """Return the paths that Go reads before it does anything, its file of settings among them."""
    named = [environment.get(name, "") for name in READ_BY_GO]
    return [path for path in (*named, envfile.path_of(environment, account.home)) if os.path.isabs(path)]


def _unanswered(account: accounts.Account, reason: str) -> dict[str, Any]:
    facts = _nothing(account, {})
    facts["unknown"] = {"go": reason, "answer": reason, "environment": reason}
    return facts


def observe_all(
    people: Sequence[accounts.Account], mounts: Sequence[mountinfo.Mount], seconds: float = LIMIT
) -> dict[str, dict[str, Any]]:
    """Return for each account what observe() returns; those who let root wait do so at the same time."""
    silent = look.silent(person.home for person in people)
    errands = {
        person.name: functools.partial(observe, person, mounts, None, seconds)
        for person in people
        if person.home not in silent
    }
    answers = become.gather(errands, seconds + GRACE)
    for person in people:
        if person.home in silent:
            answers[person.name] = _unanswered(
                person, f"the home {person.home} of {person.name}: {silent[person.home]}"
            )
        elif isinstance(answers[person.name], OSError):
            reason = f"looking at it failed: {answers[person.name].strerror}"
            answers[person.name] = _nothing(person, {})
            answers[person.name]["unknown"] = {"go": reason, "answer": reason}
    return {person.name: answers[person.name] for person in people}


def _nothing(account: accounts.Account, environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        "uid": account.uid,
        "gid": account.gid,
        "home": account.home,
        "shell": account.shell,
        "go": None,
        "toolchains": [],
        "commands": [],
        "settings": {},
        "places": {},
        "unknown": {},
        "keeps_cgo": [name for name in go_plan.CHOSEN_FOR_CGO if environment.get(name)],
        "exports": {name: environment[name] for name in EXPORTS if environment.get(name)},
        "user_file": {"path": os.path.join(account.home, ".config/go/env"), "values": {}, "state": ""},
    }


def _look_briefly(
    account: accounts.Account, mounts: Sequence[mountinfo.Mount], environment: Mapping[str, str], seconds: float
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what there is to say, where it is not too much: much of it is whatever the user has it be."""
    settled = go_find.settle(account, environment, seconds)
    facts = _look(account, mounts, settled)
    if len(json.dumps(facts)) > MOST_TOLD:
        too_much = f"what there is to say about the Go of {account.name} takes more than {MOST_TOLD >> 10} KiB"
        facts = _unanswered(account, too_much)
    return facts, settled.environment_with_go()


def _look(account: accounts.Account, mounts: Sequence[mountinfo.Mount], settled: go_find.Settled) -> dict[str, Any]:
    environment, toolchains, values = settled.environment, settled.toolchains, settled.values
    facts = _nothing(account, environment)
    unknown = facts["unknown"]
    unknown.update(settled.unknown)
    facts["user_file"]["state"] = file_state(facts["user_file"]["path"])
    facts.update(toolchains=toolchains, commands=go_find.goroot_commands(toolchains, None))
    if settled.go is None:
        none = f"no Go command on the PATH of {account.name} nor in the usual places"
        unknown["go"] = toolchains[0]["reason"] if toolchains else none
        return facts
    goroot_file = _settings(os.path.join(values["GOROOT"], "go.env"))
    path = values.get("GOENV")
    if path and path != "off":
        if path == text.printable(path):
            facts["user_file"] = {"path": path, "values": _settings(path), "state": file_state(path)}
        else:
            unknown["user_file"] = f"GOENV names {text.line(path)}, which cannot be shown as it is"
    own = facts["user_file"]["values"]
    chosen = [name for name in ("CGO_ENABLED", *go_plan.CHOSEN_FOR_CGO) if own.get(name)]
    facts["keeps_cgo"] = list(dict.fromkeys([*facts["keeps_cgo"], *chosen]))
    facts["go"] = dict(settled.go, goroot_version=goroot_version(values["GOROOT"]))
    facts["commands"] = go_find.goroot_commands(toolchains, values["GOROOT"])
    for name in SETTINGS:
        facts["settings"][name] = {
            "value": values.get(name, ""),
            "source": source_of(name, environment, facts["user_file"]["values"], goroot_file),
        }
    temporary = environment.get("TMPDIR") or "/tmp"
    paths = {
        "GOTMPDIR": values.get("GOTMPDIR") or temporary,
        "GOCACHE": values.get("GOCACHE", ""),
        "GOMODCACHE": values.get("GOMODCACHE", ""),
        "GOROOT": values["GOROOT"],
        "TMPDIR": temporary,
    }
    places, silent = look.each(
        {name: functools.partial(_place, path, mounts) for name, path in paths.items() if os.path.isabs(path)}
    )
    for name, reason in silent.items():
        places[name] = _described(paths[name], None, mountinfo.find(mounts, paths[name]))
        unknown[f"{name}.executable"] = f"{paths[name]}: {reason}"
    _probe(places, unknown)
    if "GOROOT" in places:
        places["GOROOT"]["executable"] = True
    _measure(places, account.home, _run)
    facts["places"] = places
    return facts


def version_tuple(version: str) -> tuple[int, ...]:
    """Return the numbers of a Go version such as go1.26.0 or go1.27rc1; empty when it has none."""
    match = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(number) for number in match.groups() if number) if match else ()
