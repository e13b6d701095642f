# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The programs that set CGO_ENABLED=0 in the place of Go commands: whose they are, and how they are put there."""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils import changes as all_changes
from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.linux import (
    accounts,
    distribution,
    files,
    look,
    mountinfo,
    programs,
)

FIPS = (
    "its cryptography is OpenSSL's, called by cgo, and CGO_ENABLED=0 would take programs out of the module that is "
    "validated for FIPS without a word; since Go 1.24 GOFIPS140 does that without cgo"
)
NEEDS_CGO = (
    *("-race", "-msan", "-asan", "-linkshared"),
    *("-buildmode=plugin", "-buildmode=shared", "-buildmode=c-shared", "-buildmode=c-archive", "-compiler=gccgo"),
)
IMPORTS_C = r"""(^|;)[[:space:]]*(import[^"`=]*)?["`]C["`]|^//go:debug[[:space:]]+netdns=[0-9a-z+]*cgo"""
"""What a line of Go code has that needs cgo, or asks for the resolver of the C library."""
RunCommand = Callable[..., tuple[int, str, str]]
"""M(AnsibleModule.run_command), or its like."""


class Shims:
    """Replaces Go commands by programs that set CGO_ENABLED=0, and puts them back."""

    def __init__(
        self, changes: all_changes.Changes, mounts: Sequence[mountinfo.Mount], run_command: RunCommand
    ) -> None:
        self.changes = changes
        self.mounts = mounts
        self.run_command = run_command
        self.left: set[str] = set()
        """The commands with which cgo stays on."""
        self.on_roots_path: set[str] | None = None

    def check(self, users: Mapping[str, dict[str, Any]]) -> None:
        """Leave the Go commands alone that cannot be replaced; raise PlanError for root's, and for everybody's."""
        sets = [set(observed["commands"]) for observed in users.values()]
        counts = set.intersection(*sets) if sets else set()
        counts |= {path for observed in users.values() if observed["uid"] == 0 for path in observed["commands"]}
        for path in dict.fromkeys(path for observed in users.values() for path in observed["commands"]):
            place = go_plan.irreplaceable(mountinfo.find(self.mounts, os.path.dirname(path)))
            if place and path in counts:
                raise go_plan.PlanError(
                    f"go_env_cgo_enabled is 'false', but {path} lies on {place} and cannot be replaced, so that go "
                    "test -race would break: set go_env_cgo_enabled: keep; nothing was changed."
                )
            if place:
                self.leave_command(path, f"it lies on {place}")

    def commands(
        self, people: Mapping[str, accounts.Account], users: Mapping[str, dict[str, Any]]
    ) -> dict[str, accounts.Account | None]:
        """Return whose each Go command to be replaced is: root's (None), or that of the user whose folder it lies in.

        The folder is asked as it was walked to without links: the command itself may be a link by now.
        """
        replaced: dict[str, accounts.Account | None] = {}
        owners = {person.uid: person for person in people.values()}
        commands = {person.uid: users[name]["commands"] for name, person in people.items()}
        by_cgo = {path for name, person in people.items() for path in self.needing_cgo(users[name], person)}
        # What root's own Go says of itself no other account's changes.
        by_cgo -= {path for path, version in self.roots_versions(users).items() if not go_plan.keeps_cgo(version)}
        for path in dict.fromkeys(path for name in people for path in users[name]["commands"]):
            if path in self.left:
                continue
            if path in by_cgo:
                self.leave_command(path, FIPS)
                continue
            try:
                # In a child, because a user's Go may lie on that user's own server, which need not answer.
                folder_owner = look.once(functools.partial(_folder_owner, path))
                owner = go_plan.command_owner(path, folder_owner, commands)
                if owner is None:
                    self.leave_command(path, f"its folder belongs to user id {folder_owner}, whose Go it is not")
                    continue
                if owner == 0 and not self.is_for_everybody(path, users):
                    self.leave_command(path, "it is root's, but neither on root's PATH nor of a package")
                    continue
                replaced[path] = None if owner == 0 else owners[owner]
            except OSError as error:
                self.leave_command(path, error.strerror)
        return replaced

    def is_for_everybody(self, path: str, users: Mapping[str, dict[str, Any]]) -> bool:
        """Return whether root's Go command at C(path) is one that this machine starts.

        A user's PATH may name any that root owns, such as one in a container's or another account's tree.
        """
        return go_find.is_for_everybody(path) or path in self.roots_commands(users) or self.packaged(path)

    def roots_commands(self, users: Mapping[str, dict[str, Any]]) -> Collection[str]:
        """Return the Go commands that a login of root finds; of one that nothing is known of, those on its PATH."""
        for observed in users.values():
            if observed["uid"] == 0:
                commands: Collection[str] = observed["commands"]
                return commands
        if self.on_roots_path is None:
            self.on_roots_path = set()
            with contextlib.suppress(accounts.AccountError, OSError):
                root = accounts.find(["root"])[0]
                folders = accounts.login_environment(root).get("PATH", "").split(":")
                found = look.once(functools.partial(_list_own, [os.path.join(folder, "go") for folder in folders]))
                self.on_roots_path = set(found)
        return self.on_roots_path

    @staticmethod
    def roots_versions(users: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        """Return the versions of root's own Go commands, by their paths."""
        own = [user["toolchains"] for user in users.values() if user["uid"] == 0]
        return {entry["real"]: entry["version"] for found in own for entry in found if entry.get("version")}

    @staticmethod
    def needing_cgo(observed: Mapping[str, Any], person: accounts.Account) -> list[str]:
        """Return the commands of one user whose programs would lose their cryptography without cgo."""
        kept = [toolchain for toolchain in observed["toolchains"] if go_plan.keeps_cgo(toolchain.get("version", ""))]
        if not kept:
            return []
        try:
            # As that user, and not for longer than it takes: where a GOROOT lies is what the user's Go says.
            find = functools.partial(go_find.goroot_commands, kept, None)
            return list(look.once(find, identity=accounts.identity(person)))
        except OSError:
            return list(observed["commands"])

    def leave_command(self, path: str, reason: str | None) -> None:
        """Note that a command keeps cgo, and why, so that no later step replaces it."""
        self.left.add(path)
        self.changes.notes.append(f"{path} is left alone, so that cgo stays on with it: {reason}.")

    def set_up(self, people: Mapping[str, accounts.Account], users: Mapping[str, dict[str, Any]]) -> None:
        """Put the program in the place of the Go commands of C(users), and every other Go command back."""
        wanted = self.commands(people, users) if users else {}
        self.changes.restore(lambda entry: entry.displaced and entry.path not in wanted, before=self.undivert)
        for path, owner in wanted.items():
            try:
                self.shim(path, owner)
            except OSError as error:
                self.leave_command(path, error.strerror)

    def shim(self, path: str, owner: accounts.Account | None) -> None:
        """Put a small program in the place of a `go` command; dpkg-divert keeps it over a package's updates."""
        content = shim_text(path + journal.KEPT_SUFFIX).encode()
        if self.changes.hands(owner).head(path, len(content) + 1) != content:
            if not self.changes.check_mode:
                who = accounts.identity(owner) if owner else None
                moved = self.changes.journal.displace(path, content, role=self.changes.role, owner=who)
                if moved:
                    self.changes.notes.append(f"An earlier original of {path} is now {moved}.")
            self.changes.made.append(f"put a program that sets CGO_ENABLED=0 in the place of {path}")
            # It goes by the path, which another account may lead elsewhere; a user's program keeps the label it had.
            relabels = owner is None and distribution.has_selinux() and programs.find_program("restorecon")
            if relabels and not self.changes.check_mode:
                self.run_command(["restorecon", path])
        if owner is None and not self.changes.check_mode and self.packaged(path):
            self.keep_from_updates(path)

    def keep_from_updates(self, path: str) -> None:
        """Have the next version of a package not overwrite the replacement; a note where dpkg is not there for it."""
        if not programs.find_program("dpkg-divert"):
            if self.changes.made and self.changes.made[-1].endswith(path):
                self.changes.notes.append(
                    f"The next update of the package of {path} brings Go's own program back there: run again after it."
                )
        elif not self.diverted(path):
            self.run_command(
                ["dpkg-divert", "--local", "--no-rename", "--divert", path + journal.KEPT_SUFFIX, "--add", path],
                check_rc=True,
            )

    def packaged(self, path: str) -> bool:
        """Return whether a package of the distribution owns C(path)."""
        if set("*?[\\").intersection(path):
            # dpkg-query takes it for a pattern.
            return False
        manager = distribution.find_manager()
        return bool(manager) and distribution.ask([*distribution.words_for(manager, "owner"), path])[0] == 0

    def diverted(self, path: str) -> bool:
        """Return whether dpkg was told that C(path) is not its own any more."""
        return self.run_command(["dpkg-divert", "--listpackage", path])[1].strip() == "LOCAL"

    def undivert(self, step: journal.Step) -> None:
        """Have dpkg know a Go command as its own again.

        Before it is restored: killed in between, the entry is still there and the next run finishes.
        """
        ours = step.entry.displaced and step.entry.uid == 0
        if ours and programs.find_program("dpkg-divert") and self.diverted(step.path):
            self.run_command(["dpkg-divert", "--no-rename", "--remove", step.path], check_rc=True)


def _list_own(commands: Sequence[str]) -> list[str]:
    """Return where root's commands lie, without those that another account could make a link to anywhere."""
    there = [path for path in commands if os.path.isabs(path) and not go_sources.others_change(path)]
    return [os.path.realpath(path) for path in there]


def _folder_owner(path: str) -> int:
    """Return whose the folder of a Go command is; NotOurs for one of root's where another account can replace it."""
    with files.opened_folder(os.path.dirname(path)) as folder:
        owner = os.fstat(folder).st_uid
    if owner == 0:
        files.check(path)
    return owner


def shim_text(kept_as: str) -> str:
    """Return the program that stands in for the Go command when CGO_ENABLED shall be 0.

    The setting lives here and not in the user's file: where this does not run, nothing disables cgo, so that
    `go test -race` works from every way of starting Go. A value of the user's own wins. Where something needs cgo,
    Go's own default stays in force: flags, experiments, a C compiler of the user's choice, and code that imports "C"
    in the module or in what it depends on, which would be left out silently.
    """
    kept = shlex.quote(kept_as)
    needs = " | ".join(
        f"{flag} | -{flag}" + (f" | {flag}=* | -{flag}=*" if "=" not in flag else "") for flag in NEEDS_CGO
    )
    fields = " | ".join(go_plan.CHOSEN_FOR_CGO)
    code = shlex.quote(IMPORTS_C)
    chosen = "".join(f"${{{name}}}" for name in go_plan.CHOSEN_FOR_CGO)
    return f"""#!/bin/sh
# Written by wsltune (go_env_cgo_enabled: false): CGO_ENABLED=0, but not for what needs cgo.
# WSLTUNE_CGO tells a Go command that another one started: the 0 is this program's, not the user's.
wsltune_imports_c() (
    # Whether code that this command may build imports "C"; what cannot be known counts as yes.
    unset CGO_ENABLED WSLTUNE_CGO
    case $1 in
    build | install | run | test | vet | fix | list | get | tool) ;;
    *) exit 1 ;;
    esac
    case $1$2 in
    "$1-C" | "$1--C") cd -- "$3" 2>/dev/null || exit 0 ;;
    "$1-C="* | "$1--C="*) cd -- "${{2#*=}}" 2>/dev/null || exit 0 ;;
    esac
    for wsltune_word; do
        case $wsltune_word in
        -args | --args | --) break ;;
        -modfile | --modfile | -modfile=* | --modfile=* | -overlay | --overlay | -overlay=* | --overlay=*) exit 0 ;;
        *.go) grep -Eqs {code} -- "$wsltune_word" && exit 0 ;;
        *@*) exit 0 ;;
        esac
    done
    case ${{GOWORK:-off}} in off) ;; *) exit 0 ;; esac
    wsltune_root=$(pwd -P)
    # In the folder for temporary files, where anybody can put one, Go passes over a go.mod.
    while [ ! -e "$wsltune_root/go.mod" ] || [ "$wsltune_root/" -ef "${{TMPDIR:-/tmp}}" ]; do
        if [ -e "$wsltune_root/go.work" ] && [ -z "$GOWORK" ]; then exit 0; fi
        if [ -z "$wsltune_root" ]; then
            [ "$GO111MODULE" = off ] && exit 0
            exit 1
        fi
        wsltune_root=${{wsltune_root%/*}}
    done
    wsltune_above=$wsltune_root
    while [ -z "$GOWORK" ]; do
        [ -e "$wsltune_above/go.work" ] && exit 0
        [ -z "$wsltune_above" ] && break
        wsltune_above=${{wsltune_above%/*}}
    done
    # The tools of a go.mod are built where they are named; those that come with Go are there.
    if grep -Eqs '^[[:space:]]*tool([[:space:](]|$)' "$wsltune_root/go.mod"; then
        for wsltune_word; do [ "$wsltune_word" != tool ] || exit 0; done
    elif [ "$1" = tool ]; then
        exit 1
    fi
    grep -Eqs 'netdns=[0-9a-z+]*cgo' "$wsltune_root/go.mod" && exit 0
    # Not grep -r --include, which BusyBox lacks; an error counts as yes too.
    wsltune_found=$(find "$wsltune_root" -type f '(' -name '*.swig' -o -name '*.swigcxx' ')' -print \\
        -o -type f -name '*.go' -exec grep -El {code} {{}} + 2>&1)
    [ -z "$wsltune_found" ] || exit 0
    # Without dependencies all of it has been looked at.
    grep -Eqs '^[[:space:]]*(require|replace)' "$wsltune_root/go.mod" || exit 1
    cd -- "$wsltune_root" || exit 0
    wsltune_found=$(CGO_ENABLED=1 {kept} list -deps -test ${{wsltune_tags:+"-tags=$wsltune_tags"}} \\
        -f '{{{{if and .CgoFiles (not .Standard)}}}}C{{{{end}}}}' ./... 2>/dev/null) || exit 0
    [ -n "$wsltune_found" ]
)
if [ -z "$CGO_ENABLED" ] || [ "$CGO_ENABLED$WSLTUNE_CGO" = 01 ]; then
    wsltune_flags=$GOFLAGS
    wsltune_chosen="{chosen}"
    wsltune_file=${{GOENV:-${{XDG_CONFIG_HOME:-$HOME/.config}}/go/env}}
    if [ -r "$wsltune_file" ]; then
        while IFS='=' read -r wsltune_name wsltune_value; do
            case $wsltune_name in
            GOFLAGS) [ -n "$GOFLAGS" ] || wsltune_flags=$wsltune_value ;;
            CGO_ENABLED | {fields}) wsltune_chosen=$wsltune_chosen$wsltune_value ;;
            esac
        done < "$wsltune_file"
    fi
    CGO_ENABLED=0
    wsltune_value=
    wsltune_tags=
    case $wsltune_chosen,$GODEBUG,$wsltune_flags in
    [!,]* | *netdns=cgo* | *netdns=*cgo* | *linkmode*external* | *-extld* | *netcgo* | *boringcrypto* | \\
        *-modfile* | *-overlay*)
        unset CGO_ENABLED WSLTUNE_CGO
        ;;
    esac
    # Quotes hold a flag of GOFLAGS together, and are no part of it.
    while :; do
        case $wsltune_flags in
        *[\\'\\"]*) wsltune_flags=${{wsltune_flags%%[\\'\\"]*}}${{wsltune_flags#*[\\'\\"]}} ;;
        *) break ;;
        esac
    done
    set -f
    for wsltune_word in $wsltune_flags "$@"; do
        case $wsltune_value$wsltune_word in
        -race=false | --race=false | -msan=false | --msan=false | -asan=false | --asan=false | -linkshared=false) ;;
        {needs} | \\
            -ldflags=*linkmode*external* | --ldflags=*linkmode*external* | -ldflags=*-extld* | --ldflags=*-extld* | \\
            -tags=*netcgo* | --tags=*netcgo* | -tags=*boringcrypto* | --tags=*boringcrypto*)
            unset CGO_ENABLED WSLTUNE_CGO
            break
            ;;
        -tags=* | --tags=*) wsltune_tags=${{wsltune_value:+$wsltune_word}} ;;
        -args | --args | --) break ;;
        esac
        case $wsltune_word in
        -tags=* | --tags=*) wsltune_tags=${{wsltune_word#*=}} ;;
        esac
        case $wsltune_word in
        --buildmode | --ldflags | --tags | --compiler) wsltune_value=${{wsltune_word#-}}= ;;
        -buildmode | -ldflags | -tags | -compiler) wsltune_value=$wsltune_word= ;;
        *) wsltune_value= ;;
        esac
    done
    set +f
    if [ -n "$CGO_ENABLED" ] && wsltune_imports_c "$@"; then
        unset CGO_ENABLED WSLTUNE_CGO
    fi
    if [ -n "$CGO_ENABLED" ]; then
        WSLTUNE_CGO=1
        export CGO_ENABLED WSLTUNE_CGO
    fi
    unset wsltune_flags wsltune_file wsltune_name wsltune_value wsltune_word wsltune_chosen wsltune_tags
fi
exec {kept} "$@"
"""
