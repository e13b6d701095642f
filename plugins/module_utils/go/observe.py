# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the Go command does for one user: which one it is, its settings, where each comes from and where it points."""

from __future__ import annotations

import functools
import glob
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.wsltune.go.plugins.module_utils.go import envfile
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, files, mountinfo, process, text

SETTINGS = ("GOTMPDIR", "GOCACHE", "GOMODCACHE", "GOFLAGS", "CGO_ENABLED")
PLACES = ("GOTMPDIR", "GOCACHE", "GOMODCACHE", "GOROOT", "TMPDIR")
LARGEST = 1 << 20
MOST_TOOLCHAINS = 50
LIMIT = 40.0
"""Seconds that looking at one user's Go may take, all commands together."""
GRACE = 20.0
"""Seconds that ending what did not answer in time may take."""
QUERY = SETTINGS + ("GOROOT", "GOVERSION", "GOENV", "GOTOOLCHAIN", "GOPATH")
ELSEWHERE = (
    ("/usr/local/go/bin/go", "/usr/local/go"),
    ("/usr/lib/go/bin/go", "package"),
    ("/usr/lib/go-*/bin/go", "package"),
    ("/snap/go/current/bin/go", "snap"),
    ("{home}/sdk/go*/bin/go", "~/sdk"),
    ("{home}/go/bin/go[0-9]*", "~/go/bin"),
    ("{home}/.asdf/installs/golang/*/go/bin/go", "asdf"),
    ("{home}/.local/share/mise/installs/go/*/bin/go", "mise"),
)

Run = Callable[[Sequence[str], Mapping[str, str]], process.Done]

PROBE = """
for place; do
    while [ ! -d "$place" ]; do place=$(dirname "$place"); done
    file=$(mktemp -p "$place" .wsltune-XXXXXX 2>/dev/null) || { echo "? not writable"; continue; }
    printf '#!/bin/sh\\nexit 0\\n' > "$file" && chmod 700 "$file" && "$file" 2>/dev/null && echo yes || echo no
    rm -f "$file"
done
"""
"""Says for each folder (or what exists of it) whether a file in it can be executed, by executing one."""

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


def find_toolchains(
    home: str, search_path: str, exists: Callable[[str], bool] = os.path.isfile
) -> list[dict[str, str]]:
    """Return every Go command that a user with this home and PATH has, the one on PATH first."""
    found: dict[str, dict[str, str]] = {}
    for directory in search_path.split(":"):
        path = os.path.join(directory, "go")
        if os.path.isabs(directory) and exists(path):
            found.setdefault(os.path.realpath(path), {"path": path, "found": "PATH"})
    for pattern, name in ELSEWHERE:
        for path in sorted(glob.glob(pattern.format(home=glob.escape(home)))):
            if len(found) < MOST_TOOLCHAINS and exists(path):
                found.setdefault(os.path.realpath(path), {"path": path, "found": name})
    return [dict(entry, real=real) for real, entry in found.items()]


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
    return {} if state is None else envfile.parse(state.content.decode("utf-8", "surrogateescape"))


def _run(command: Sequence[str], environment: Mapping[str, str]) -> process.Done:
    return process.run(command, environment, limit=20)


def goroot_commands(toolchains: Sequence[Mapping[str, str]], goroot: str | None) -> list[str]:
    """Return the Go commands of a user that lie in a GOROOT; launchers such as those of mise and asdf do not."""
    paths = [toolchain["real"] for toolchain in toolchains]
    if goroot:
        paths.append(os.path.realpath(os.path.join(goroot, "bin", "go")))
    return [path for path in dict.fromkeys(paths) if os.path.basename(path) == "go" and _in_goroot(path)]


def _in_goroot(path: str) -> bool:
    return os.path.isdir(os.path.join(os.path.dirname(os.path.dirname(path)), "pkg", "tool"))


def go_env(go: str, run: Run, environment: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return the settings that C(go) reports, or why it reports none.

    The names are asked for one by one: `go env` alone fails where GOTMPDIR does not exist. The folder of the user's
    configuration is hidden, since every Go command from 1.23 on writes its telemetry counters there.
    """
    home = environment.get("HOME", "/")
    configuration = environment.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    hidden = {"GOENV": os.path.join(configuration, "go", "env"), "XDG_CONFIG_HOME": "/dev/null/none"}
    hidden.update({"GOENV": environment["GOENV"]} if environment.get("GOENV") else {}, GOTOOLCHAIN="local")
    try:
        done = run([go, "env", "-json", *QUERY], dict(environment, **hidden))
    except OSError as error:
        return {}, f"{go} could not be run: {error}"
    if done.code:
        return {}, f"{go} env failed: {done.reason}"
    try:
        told = json.loads(done.out)
        values = {name: told[name] for name in QUERY if name in told}
        # The command is the user's own and may give anything, such as lists in lists that nobody could pass on.
        if not all(isinstance(value, str) for value in values.values()) or not os.path.isabs(values["GOROOT"]):
            raise ValueError(done.out)
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}, f"{go} env -json gives no settings, so it is not the Go command or prints something else as well"
    return values, ""


def _place(path: str, mounts: Sequence[mountinfo.Mount]) -> dict[str, Any]:
    mount = mountinfo.find(mounts, files.Files().nearest(path))
    return {
        "path": path,
        "exists": os.path.isdir(path),
        "fstype": mount.fstype if mount else None,
        "mount_point": mount.mount_point if mount else None,
        "windows_drive": bool(mount and mount.windows_drive),
        "executable": None,
    }


def _probe(places: dict[str, dict[str, Any]], run: Run, unknown: dict[str, str]) -> None:
    """Fill in for each place whether it can execute files."""
    names = [name for name in places if name != "GOROOT"]
    try:
        done = run(["sh", "-c", PROBE, "sh"] + [places[name]["path"] for name in names], {"PATH": os.defpath})
        answers = done.out.splitlines()
    except OSError as error:
        answers = [f"? {error}"] * len(names)
    for name, answer in zip(names, answers):
        if answer.startswith("?"):
            unknown[f"{name}.executable"] = f"{places[name]['path']}: {answer[2:]}"
        else:
            places[name]["executable"] = answer == "yes"


def _measure(places: dict[str, dict[str, Any]], home: str, run: Run) -> None:
    """Add what making, looking at and removing one file costs where a place lies on a Windows drive."""
    slow = [name for name in places if places[name]["windows_drive"]]
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
    """Return what Go is for C(account), as go_facts documents it.

    As root the login is started here and all else looked at by a child that has become the account.
    """
    began = time.monotonic()
    unknown: dict[str, str] = {}
    if environment is None:
        try:
            environment = accounts.login_environment(account, min(accounts.LOGIN, max(1.0, seconds)))
        except accounts.AccountError as error:
            unknown["environment"] = str(error)
            environment = {"HOME": account.home, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    left = max(2.0, seconds - (time.monotonic() - began))
    look = functools.partial(_look, account, mounts, environment)
    try:
        facts = become.ask(accounts.identity(account), look, left)
    except OSError as error:
        facts = _nothing(account, environment)
        facts["unknown"]["go"] = f"the Go of {account.name} could not be looked at: {error.strerror}"
        facts["unknown"]["answer"] = f"looking at it failed: {error.strerror}"
    facts["unknown"].update(unknown)
    return dict(facts)


def observe_all(
    people: Sequence[accounts.Account], mounts: Sequence[mountinfo.Mount], seconds: float = LIMIT
) -> dict[str, dict[str, Any]]:
    """Return for each account what observe() returns; those who let root wait do so at the same time."""
    errands = {person.name: functools.partial(observe, person, mounts, None, seconds) for person in people}
    found = become.gather(errands, seconds + GRACE)
    for person in people:
        if isinstance(found[person.name], OSError):
            reason = f"looking at it failed: {found[person.name].strerror}"
            found[person.name] = _nothing(person, {})
            found[person.name]["unknown"] = {"go": reason, "answer": reason}
    return found


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
        "exports": {name: environment[name] for name in SETTINGS + ("TMPDIR", "GOENV") if environment.get(name)},
        "user_file": {"path": os.path.join(account.home, ".config/go/env"), "values": {}, "state": ""},
    }


def _look(
    account: accounts.Account, mounts: Sequence[mountinfo.Mount], environment: Mapping[str, str]
) -> dict[str, Any]:
    facts = _nothing(account, environment)
    unknown = facts["unknown"]
    facts["user_file"]["state"] = file_state(facts["user_file"]["path"])
    toolchains = find_toolchains(account.home, environment.get("PATH", ""))
    facts.update(toolchains=toolchains, commands=goroot_commands(toolchains, None))
    if not toolchains:
        unknown["go"] = f"no Go command on the PATH of {account.name} nor in the usual places"
        return facts
    values, reason = go_env(toolchains[0]["path"], _run, environment)
    if not values:
        unknown["go"] = reason
        return facts
    goroot_file = _settings(os.path.join(values["GOROOT"], "go.env"))
    path = values.get("GOENV")
    if path and path != "off":
        if path == text.printable(path):
            facts["user_file"] = {"path": path, "values": _settings(path), "state": file_state(path)}
        else:
            unknown["user_file"] = f"GOENV names {text.line(path)}, which cannot be shown as it is"
    facts["go"] = dict(toolchains[0], version=values.get("GOVERSION", ""), goroot=values["GOROOT"])
    facts["commands"] = goroot_commands(toolchains, values["GOROOT"])
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
    places = {name: _place(path, mounts) for name, path in paths.items() if os.path.isabs(path)}
    _probe(places, _run, unknown)
    if "GOROOT" in places:
        places["GOROOT"]["executable"] = True
    _measure(places, account.home, _run)
    facts["places"] = places
    return facts


def version_tuple(version: str) -> tuple[int, ...]:
    """Return the numbers of a Go version such as go1.26.0 or go1.27rc1; empty when it has none."""
    match = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(number) for number in match.groups() if number) if match else ()
