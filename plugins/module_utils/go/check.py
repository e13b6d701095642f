# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of the wishes would break a user's Go, found by asking that Go before anything is changed."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils import changes as all_changes
from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
from ansible_collections.wsltune.go.plugins.module_utils.go import flags as go_flags
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import refusals
from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, files, look, process, text

REFUSALS = 90.0
"""Seconds that the Go commands of one user may take to say which flags they refuse."""


class Check:
    """Checks the settings C(wanted) of C(people), of whom C(users) is what was observed.

    What the Go of one user cannot have is taken out of C(wanted), with a note. PlanError or TuningError is raised for
    what nobody's Go can have, or root's cannot. C(added) are the flags that GOFLAGS gets beside a user's own.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        people: Mapping[str, accounts.Account],
        users: Mapping[str, dict[str, Any]],
        wanted: Mapping[str, dict[str, str]],
        added: Sequence[str],
        changes: all_changes.Changes,
    ) -> None:
        self.options = options
        self.people = people
        self.users = users
        self.wanted = wanted
        self.added = added
        self.changes = changes
        self.unsafe: dict[str, list[str]] = {}
        """The flags of each user that name what another account could replace; no Go is asked about them."""

    def everything(self) -> None:
        """Raise PlanError when a setting would break Go; nothing has been touched yet."""
        self.check_folders()
        self.check_caches()
        # Before any Go is asked: a build starts the program of -toolexec even where it only prints what it would do.
        self.check_programs()
        self.check_flags()
        self.check_added()
        self.check_cache_program()
        if self.options["cgo_enabled"] == "true":
            self.check_compilers()
        elif self.options["cgo_enabled"] == "false":
            self.check_modules()

    def check_folders(self) -> None:
        """Take GOTMPDIR from those whose folder they cannot use; raise PlanError where nobody has one."""
        unusable: dict[str, str] = {}
        missing: list[str] = []
        named = [name for name, settings in self.wanted.items() if settings.get("GOTMPDIR")]
        for name in named:
            folder = self.wanted[name]["GOTMPDIR"]
            if self.changes.check_mode and go_plan.folder_is_made(folder, self.options["made_before"]):
                continue
            try:
                reason = self.changes.hands(self.people[name]).folder_obstacle(folder)
            except OSError as error:
                reason = error.strerror
            if reason is None:
                missing.append(name)
                reason = "does not exist"
            if reason:
                unusable[name] = reason
        if missing and missing == named:
            raise go_plan.PlanError(
                f"go_env_gotmpdir means {self.wanted[missing[0]]['GOTMPDIR']} for {missing[0]}, which does not exist, "
                "so that no Go command would work: let the role go_tmpfs make it or give a folder that exists; nothing "
                "was changed."
            )
        for name, reason in unusable.items():
            self.leave_unset(name, "GOTMPDIR", f"{self.wanted[name]['GOTMPDIR']} {reason}")

    def leave_unset(self, name: str, setting: str, reason: str) -> None:
        """Take a setting from one user, with a note."""
        self.wanted[name].pop(setting, None)
        self.changes.leave_out(f"{name}'s {setting} is not set: {reason}; fix that, then run again.")

    def check_caches(self) -> None:
        """Take a cache that was named from those for whom another account could put a folder of its own there.

        Go executes what lies in its caches.
        """
        for name, settings in self.wanted.items():
            for cache in go_plan.CACHES:
                folder = settings.get(cache) if self.options[cache.lower()] else None
                if not folder:
                    continue
                try:
                    reason = self.changes.hands(self.people[name]).way_obstacle(folder)
                except OSError as error:
                    reason = str(error.strerror)
                if reason:
                    self.leave_unset(name, cache, f"{folder} {reason}")

    def check_programs(self) -> None:
        """Take a flag that names a program or file of another account's from those whose Go would be under it."""
        flags = [*go_flags.split(self.options["goflags"]), *self.added]
        naming = {flag: go_flags.value_of(flag).split() for flag in flags}
        for name in self.people:
            for flag, words in naming.items():
                if "GOFLAGS" not in self.wanted[name] or not any("/" in word for word in words):
                    continue
                try:
                    reason = self.changes.hands(self.people[name]).program_obstacle(words)
                except OSError as error:
                    reason = str(error.strerror)
                if reason:
                    self.unsafe.setdefault(name, []).append(flag)
                    self.take_flags(name, [flag], reason)

    def check_modules(self) -> None:
        """Note which modules would not go on working; raise PlanError where none would and nobody else is set up.

        A module is its user's, who could stop everybody with it; in one that needs cgo Go's own default stays.
        """
        failures: list[str] = []
        for directory in self.options["modules"]:
            if not os.path.isabs(directory):
                raise go_plan.PlanError(
                    f"go_env_modules names {directory}, which is no absolute path: name directories of Go modules; "
                    "nothing was changed."
                )
        for directory in self.options["modules"]:
            try:
                self.check_module(directory)
            except (go_plan.PlanError, accounts.AccountError) as error:
                failures.append(str(error))
            except OSError as error:
                failures.append(
                    f"go_env_modules names {directory}, which cannot be looked at ({error.strerror}): fix that or take "
                    "it out; nothing was changed."
                )
        homes = {name: person.home for name, person in self.people.items()}
        owners = [go_plan.module_owner(directory, homes) for directory in self.options["modules"]]
        others = [name for name, person in self.people.items() if person.uid != 0 and name not in owners]
        if failures and len(failures) == len(owners) and not (all(owners) and others):
            raise go_plan.PlanError(failures[0])
        self.changes.notes += [failure.replace("; nothing was changed", "") for failure in failures]

    def list_refusals(self, flags: str) -> tuple[list[str], dict[str, str]]:
        """Return whose Go commands were asked whether they take C(flags), and why whose do not.

        Several at a time, because what a user has for a Go command may take its time for each answer.
        """
        toolchains = {
            name: _toolchains(self.users[name])
            for name in self.people
            if "environment" not in self.users[name]["unknown"]
        }
        asking = [name for name in toolchains if toolchains[name]]
        errands = {
            name: functools.partial(
                _refusals, self.people[name], toolchains[name], go_flags.without(flags, self.unsafe.get(name, ()))
            )
            for name in asking
        }
        answers = become.side_by_side(errands, REFUSALS) if flags else {}
        reasons = {
            name: str(answer.strerror) if isinstance(answer, OSError) else "; ".join(answer)
            for name, answer in answers.items()
        }
        return asking, {name: reason for name, reason in reasons.items() if reason}

    def check_flags(self) -> None:
        """Take the flags from those whose Go refuses them; raise PlanError where root's or everybody's does."""
        flags = self.options["goflags"]
        asked, refused = self.list_refusals(flags)
        stopping = [name for name in refused if self.people[name].uid == 0 or len(refused) == len(asked)]
        if stopping:
            raise go_plan.PlanError(
                f"go_env_goflags is {flags!r}, but for {stopping[0]} {refused[stopping[0]]}: take the flag out; "
                "nothing was changed."
            )
        for name, reason in refused.items():
            self.take_flags(name, go_flags.split(flags), reason)

    def take_flags(self, name: str, flags: Sequence[str], reason: str) -> None:
        """Leave C(flags) out of one user's GOFLAGS, with a note."""
        kept = go_flags.without(self.wanted[name].pop("GOFLAGS", ""), flags)
        if kept:
            self.wanted[name]["GOFLAGS"] = kept
        self.changes.leave_out(f"{name}'s GOFLAGS has no {' '.join(flags)}: {reason}.")

    def check_added(self) -> None:
        """Take the added flags from those whose Go refuses them; raise TuningError where everybody's does."""
        asked, refused = self.list_refusals(" ".join(self.added))
        if refused and len(refused) == len(asked):
            name, reason = next(iter(refused.items()))
            raise go_tuning.TuningError(
                f"GOFLAGS cannot have {' '.join(self.added)}, because for {name} {reason}: turn that lever off; "
                "nothing was changed."
            )
        for name, reason in refused.items():
            self.take_flags(name, self.added, reason)

    def check_cache_program(self) -> None:
        """Take the program for the build cache from those who cannot start it, because no build of theirs would.

        And from those for whom another account could put its own there. TuningError where root or everybody cannot
        start it.
        """
        program = self.options["gocacheprog"].split(" ")[0]
        named = [name for name in self.people if self.wanted[name].get("GOCACHEPROG")]
        lacking, unsafe = [], {}
        for name in named:
            try:
                usable, reason = become.ask(
                    accounts.identity(self.people[name]),
                    functools.partial(_look_at_program, self.options["gocacheprog"]),
                )
            except OSError:
                usable, reason = False, ""
            if not usable:
                lacking.append(name)
            elif reason:
                unsafe[name] = reason
        for name in lacking:
            if self.people[name].uid == 0 or lacking == named:
                raise go_tuning.TuningError(
                    f"go_env_gocacheprog is {self.options['gocacheprog']!r}, but {name} cannot start {program}, so "
                    "that no build would: install it or leave go_env_gocacheprog empty; nothing was changed."
                )
            del self.wanted[name]["GOCACHEPROG"]
            self.changes.leave_out(f"{name}'s GOCACHEPROG is not set, because {name} cannot start {program}.")
        for name, reason in unsafe.items():
            self.leave_unset(name, "GOCACHEPROG", reason)

    def check_compilers(self) -> None:
        """Take CGO_ENABLED from those who have no C compiler, as nothing that needs net would build; as above."""
        with_go = [name for name in self.people if self.users[name]["go"]]
        errands = {
            name: functools.partial(_compiler_obstacle, self.people[name])
            for name in with_go
            if "environment" not in self.users[name]["unknown"]
        }
        answers = become.gather(errands, accounts.LOGIN_LIMIT + 2 * become.LIMIT)
        lacking: dict[str, str] = {}
        for name in with_go:
            # Whoever let root wait once is not asked again.
            answer = answers.get(name, self.users[name]["unknown"].get("environment"))
            if answer:
                lacking[name] = str(answer.strerror if isinstance(answer, OSError) else answer).rstrip(".")
        if lacking and len(lacking) == len(with_go):
            name, reason = next(iter(lacking.items()))
            raise go_plan.PlanError(
                f"go_env_cgo_enabled is 'true', but {name} has no C compiler ({reason}), so that packages such as net "
                "would not build: install gcc or set go_env_cgo_enabled: keep; nothing was changed."
            )
        for name, reason in lacking.items():
            self.leave_unset(name, "CGO_ENABLED", f"no C compiler ({reason})")

    def check_module(self, directory: str) -> None:
        """Raise PlanError where the folder is no Go module, or needs cgo while it is to be off."""
        owner = go_plan.module_owner(directory, {name: person.home for name, person in self.people.items()})
        # Go reads a project's Git configuration too: root does not where others write it. In a child, because what its
        # owner mounted there may give no answer.
        others = owner is None and look.once(functools.partial(go_sources.others_change, directory))
        name = owner or next((name for name, person in self.people.items() if person.uid != 0 or not others), None)
        if name is None or not self.users[name]["go"]:
            return
        person = self.people[name]
        who = accounts.identity(person)
        module, workspace = become.ask(who, lambda: _find_roots(directory), always=True)
        if not module and not workspace:
            raise go_plan.PlanError(
                f"go_env_modules names {directory}, which has no go.mod or go.work, nor has a folder above it: name "
                "directories of Go modules; nothing was changed."
            )
        own = go_find.environment_with_go(person, accounts.login_environment(person))
        environment = dict(own, CGO_ENABLED="1")
        environment.update(go_flags.leave_go_mod(self.users[name]["settings"].get("GOFLAGS", {}).get("value", "")))
        if person.uid == 0:
            environment.update(go_sources.leave_out_workspace(directory, environment))
            reason = go_find.explain_no_build(self.users[name]["go"]["path"], environment)
            if reason:
                raise go_plan.PlanError(f"go_env_modules names {directory}, and {reason}")
        listing = [self.users[name]["go"]["path"], "list"]
        patterns = ["./..."]
        if not module:
            # A workspace beside its modules has no package that ./... names.
            listed = process.run([*listing, "-m", "-f", "{{.Dir}}"], environment, directory, who, limit=300)
            patterns = [f"{folder}/..." for folder in listed.out.splitlines()] or patterns
        flags = ["-buildvcs=false", "-deps", "-test", "-f", go_plan.CGO_LISTING]
        done = process.run([*listing, *flags, *patterns], environment, directory, who, limit=300)
        if done.code:
            raise go_plan.PlanError(
                f"go_env_modules names {directory}, whose packages cannot be listed ({done.reason}): fix that or take "
                "it out; nothing was changed."
            )
        packages = go_plan.cgo_packages(done.out)
        if packages:
            raise go_plan.PlanError(
                f"go_env_cgo_enabled is 'false', but {directory} needs cgo for {text.join_names(packages, 8)}: set "
                "go_env_cgo_enabled: keep or replace these packages; nothing was changed."
            )


def explain_no_export(pattern: str) -> str:
    """Say why no shell may export the folder that C(pattern) stands for; nothing where each may that owns it.

    A shell asks whose the folder is and not who made the way to it, which may be a link that leads elsewhere later.
    """
    above = pattern.partition("{")[0].rpartition("/")[0]
    if not os.path.isabs(above):
        return ""
    try:
        files.check_folder(above)
    except files.NotOurs as error:
        return f"another account can lead {pattern} elsewhere, because it can write in {error.filename}"
    except OSError:
        # What is not there yet, go_tmpfs makes.
        pass
    return ""


def _find_roots(directory: str) -> tuple[str, str]:
    return go_sources.find_module_root(directory), go_sources.find_workspace_root(directory)


def _look_at_program(command: str) -> tuple[bool, str]:
    """Return whether the caller can start GOCACHEPROG's C(command), and why it should not."""
    words = command.split(" ")
    return os.access(words[0], os.X_OK), files.Files().program_obstacle(words)


def _toolchains(observed: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the Go commands of one user that answered."""
    return [toolchain for toolchain in observed.get("toolchains", ()) if toolchain.get("version")]


def _refusals(person: accounts.Account, toolchains: Sequence[Mapping[str, Any]], flags: str) -> list[str]:
    """Return which of one user's Go commands refuse C(flags), and how."""
    try:
        environment = go_find.environment_with_go(person, accounts.login_environment(person))
    except accounts.AccountError as error:
        return [str(error).rstrip(".")]
    ask = functools.partial(refusals.list_refusals, toolchains, environment, flags)
    return list(become.ask(accounts.identity(person), ask, REFUSALS))


def _compiler_obstacle(person: accounts.Account) -> str:
    """Say why a user's Go would find no C compiler; nothing when it would."""
    try:
        environment = accounts.login_environment(person)
        compiler = next(iter(environment.get("CC", "").split()), "gcc")
        path = environment.get("PATH", "")
        found = become.ask(accounts.identity(person), lambda: shutil.which(compiler, path=path))
    except accounts.AccountError as error:
        return str(error)
    except OSError as error:
        return str(error.strerror)
    return "" if found else compiler
