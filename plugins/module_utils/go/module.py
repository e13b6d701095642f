# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads a Go module by the Go command: its versions, its programs, its packages with cgo, what ci_image rendered."""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
from ansible_collections.wsltune.go.plugins.module_utils.go import flags as go_flags
from ansible_collections.wsltune.go.plugins.module_utils.go import image as go_image
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, files, process

SECONDS = 60.0
MOST_OUTPUT = 64 * 2**20
LARGEST = 2**20
MOST_TOLD = 2**20
"""Characters of what is told about a module: its user's Go lists whatever it likes."""
MODE = 0o644
LISTING = "\t".join(
    (
        *("{{.Name}}", "{{.Standard}}", "{{.DepOnly}}", "{{len .CgoFiles}}"),
        *("{{with .Error}}error{{end}}", "{{.ImportPath}}", "{{.Dir}}"),
    )
)


def observe(path: str, account: accounts.Account, containerfile: str) -> go_image.Module:
    """Return what is known of the module in C(path), read as C(account)."""
    identity = accounts.identity(account)
    environment = go_find.environment_with_go(account, accounts.login_environment(account))

    def read() -> dict[str, Any]:
        facts = asdict(_read(path, environment, containerfile))
        if len(json.dumps(facts)) <= MOST_TOLD:
            return facts
        reason = f"what Go lists of {path} takes more than {MOST_TOLD >> 10} KiB"
        return asdict(go_image.Module(path, reason=reason))

    return go_image.Module(**become.ask(identity, read, 3 * SECONDS, memory=become.MUCH))


def change_file(path: str, name: str, content: str | None, account: accounts.Account, check: bool) -> str | None:
    """Have the file C(name) in the module hold C(content), or be gone for None; return what it held, None if unchanged.

    The account does it, because the folder is its own. OSError where the role did not render what is there.
    """
    if os.path.isabs(name) or ".." in name.split("/"):
        raise OSError(errno.EINVAL, "leads out of the module", name)
    change = functools.partial(_change_file, path, name, content, check)
    before: str | None = become.ask(accounts.identity(account), change)
    return before


def _change_file(path: str, name: str, content: str | None, check: bool) -> str | None:
    module = files.without_links(path)
    folder, last = os.path.split(os.path.join(module, name))
    folder = files.without_links(folder)
    where = os.path.join(folder, last)
    if os.path.commonpath([folder, module]) != module:
        # By a link in the place of a folder, such as .github, with which the module came.
        raise OSError(errno.EINVAL, "leads out of the module", where)
    try:
        with files.place_over_no_link(where, make=content is not None and not check) as target:
            return _change_at(target, content, check)
    except FileNotFoundError:
        return None if content is None else ""
    except NotADirectoryError:
        # What others of a team can put there at any moment.
        raise OSError(errno.EINVAL, "leads over a link that another account can change", where) from None


def _change_at(target: files.Place, content: str | None, check: bool) -> str | None:
    now = None
    if target.status() is not None:
        with contextlib.suppress(OSError):
            now = files.read_from(target.open(os.O_RDONLY | os.O_NONBLOCK), target.path, LARGEST)
        if now is None or not go_image.is_ours(now.content.decode("utf-8", "surrogateescape")):
            raise OSError(errno.EEXIST, "was changed meanwhile by another program", target.path)
    if content is None:
        if now is not None and not check:
            os.unlink(target.name, dir_fd=target.folder)
    elif now is not None and now.content == content.encode("utf-8") and now.mode == MODE:
        return None
    elif not check:
        files.put_at(target, files.FileState.own(content.encode("utf-8"), MODE))
    if now is None:
        return None if content is None else ""
    return now.content.decode("utf-8", "replace")


def _read(path: str, environment: Mapping[str, str], containerfile: str) -> go_image.Module:
    nothing = go_image.Module(path)
    # Nothing is fetched, and go.mod stays as it is. cgo is on, because what it would need is the question.
    quiet = {**environment, "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "1"}
    if not os.path.isfile(os.path.join(path, "go.mod")):
        return replace(nothing, reason=f"{path} has no go.mod: give the folder of a Go module")
    try:
        edit = process.run(["go", "mod", "edit", "-json"], quiet, path, limit=SECONDS)
        if edit.code != 0:
            return replace(nothing, reason=f"Go cannot read {path}/go.mod: {edit.reason}")
        described = _describe(json.loads(edit.out))
        flags = process.run(["go", "env", "GOFLAGS"], quiet, path, limit=SECONDS).out.strip()
        quiet.update(go_flags.leave_go_mod(flags))
        # Go would have Git look at the tree, and what its settings name would run.
        command = ["go", "list", "-e", "-buildvcs=false", "-deps", "-f", LISTING, "./..."]
        listing = process.run(command, quiet, path, limit=SECONDS, most=MOST_OUTPUT)
        if listing.code != 0 and "-buildvcs" in listing.err:
            # Before Go 1.18, which brought both.
            command.remove("-buildvcs=false")
            listing = process.run(command, quiet, path, limit=SECONDS, most=MOST_OUTPUT)
    except (OSError, ValueError) as problem:
        return replace(nothing, reason=f"Go could not be asked about {path}: {problem}")
    if listing.code != 0:
        return replace(nothing, reason=f"Go cannot list the packages of {path}: {listing.reason}")
    packages = [line.split("\t") for line in listing.out.splitlines()]
    base = os.path.realpath(path)
    return replace(
        nothing,
        **described,
        mains=[
            os.path.relpath(package[6], base) for package in packages if package[0] == "main" and package[2] == "false"
        ],
        cgo=[package[5] for package in packages if package[3] != "0" and package[1] == "false"],
        unread=[package[5] for package in packages if package[4] and package[2] == "true"],
        vendor=os.path.isfile(os.path.join(path, "vendor/modules.txt")),
        has_sum=os.path.isfile(os.path.join(path, "go.sum")),
        files={name: _state(os.path.join(path, name)) for name in go_image.list_files(containerfile)},
    )


def _describe(edit: Mapping[str, Any]) -> dict[str, Any]:
    replaced = [item["New"]["Path"] for item in edit.get("Replace") or () if not item["New"].get("Version")]
    return {
        "module": edit.get("Module", {}).get("Path", ""),
        "go": edit.get("Go", ""),
        "toolchain": edit.get("Toolchain", ""),
        "required": len(edit.get("Require") or ()),
        "replaced": replaced,
    }


def _state(path: str) -> str:
    """Return C(absent), C(ours) or C(foreign); what cannot be read is foreign."""
    if not os.path.lexists(path):
        return "absent"
    if os.path.islink(path) or not os.path.isfile(path):
        return "foreign"
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return "ours" if go_image.is_ours(file.read(LARGEST)) else "foreign"
    except OSError:
        return "foreign"
