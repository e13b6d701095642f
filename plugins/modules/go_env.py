# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: go_env
short_description: Go settings that reach every way of starting Go
version_added: 1.0.0
description:
  - Writes the settings to the file that the Go command itself reads, for each user, which reaches every way of
    starting it; exports GOTMPDIR for login shells, bash, zsh and fish too, since t.TempDir() reads it from the
    environment alone.
  - V(false) for O(cgo_enabled) is delivered by a small program in the place of each Go command, with the original
    beside it as C(go.distrib); it leaves cgo on where something needs it, such as C(-race), external linking, an
    experiment, a compiler of the user's own, or code that imports "C". Root's own Go commands are replaced only where
    they lie in a usual place for the whole machine, on root's PATH, or belong to a package.
  - A user's own export wins and is reported. Earlier values are kept for V(absent).
options:
  observed:
    description: What M(wsltune.go.go_facts) returned as C(ansible_facts.go); looked up again when it is missing.
    type: dict
  users:
    description: Accounts to set up; empty means everyone in O(observed).
    type: list
    elements: str
    default: []
  gotmpdir:
    description:
      - Folder for temporary files, absolute; C(~) is the home, C({user}) the name and C({uid}) the user id. Empty
        leaves it alone.
    type: str
    default: ''
  gotmpdir_left_out:
    description: Accounts that get neither GOTMPDIR nor another folder below O(made_before), which they do not have.
    type: list
    elements: str
    default: []
  made_before:
    description: A folder whose content an earlier step of the play makes, so that check mode does not miss it.
    type: str
    default: ''
  gocache:
    description: Folder of the build cache, as O(gotmpdir). Empty leaves it alone.
    type: str
    default: ''
  gomodcache:
    description: Folder of the module cache, as O(gotmpdir). Empty leaves it alone.
    type: str
    default: ''
  goflags:
    description: Value of GOFLAGS, which each Go of each user is asked about first. Empty leaves it alone.
    type: str
    default: ''
  cgo_enabled:
    description: Whether Go uses cgo; V(keep) leaves it alone.
    type: str
    choices: [keep, 'false', 'true']
    default: keep
  caches_local:
    description: Whether GOCACHE and GOMODCACHE that lie on a Windows drive are set to the home; nothing is deleted.
    type: bool
    default: true
  modules:
    description:
      - Directories of Go modules that must go on working; with O(cgo_enabled=false) one that needs cgo is refused.
      - Where others would go on working, one that needs cgo or cannot be listed is a note, because its user could stop
        everybody with it.
    type: list
    elements: path
    default: []
notes:
  - Needs root. Errors are one sentence each, such as a folder that does not exist, a module that needs cgo with the
    packages' names, a Go command that cannot be replaced.
extends_documentation_fragment:
  - wsltune.go.rollback
author: wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: Go's temporary files on the tmpfs, for everyone
  wsltune.go.go_env:
    gotmpdir: /var/cache/gotmp/{uid}

- name: Restore what was there before
  wsltune.go.go_env:
    state: absent
"""

RETURN = r"""
ansible_facts:
  description: C(go) as M(wsltune.go.go_facts) returns it, looked up again after a change.
  returned: when state is present
  type: dict
settings:
  description: What each user's Go settings file shall say, by user.
  returned: when state is present
  type: dict
notes:
  description: What the users shall know, as sentences.
  returned: always
  type: list
  elements: str
unmet:
  description: Wanted settings that a fresh login's Go does not have, as sentences; not looked up in check mode.
  returned: when state is present
  type: list
  elements: str
changes:
  description: What was changed, step by step.
  returned: always
  type: list
  elements: str
headlines:
  description: What was changed, in few words for a summary.
  returned: when state is present
  type: list
  elements: str
kept:
  description: What someone else changed since and therefore stays, as sentences.
  returned: always
  type: list
  elements: str
"""

import contextlib
import functools
import os
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import scratch
from ansible_collections.wsltune.go.plugins.module_utils.go import applied as go_applied
from ansible_collections.wsltune.go.plugins.module_utils.go import baseline as go_baseline
from ansible_collections.wsltune.go.plugins.module_utils.go import envfile
from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
from ansible_collections.wsltune.go.plugins.module_utils.go import flags as go_flags
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, files, mountinfo, process, text
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

ROLE = "go_env"


class GoEnv:
    """Applies the plan of module_utils/go/plan.py to this machine."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.options = module.params
        self.pool = become.Pool()
        self.journal = journal.Journal(run=module.params["run"] or f"{time.time():.6f}", pool=self.pool)
        self.changes: list[str] = []
        self.diff: list[dict[str, str]] = []
        self.notes: list[str] = []
        self.kept: list[str] = []
        self.left: set[str] = set()
        self.on_roots_path: set[str] | None = None
        self.mounts = wsl_judge.mounts_of(wsl_observe.collect())

    def hands(self, account: accounts.Account | None = None) -> files.Files:
        """Return who touches the files of C(account): this process those of the system, a child those of a user."""
        return self.pool.of(accounts.identity(account) if account else None)

    def write(
        self,
        path: str,
        content: str | None,
        revert: journal.Revert | None = None,
        account: accounts.Account | None = None,
        mode: int = 0o644,
    ) -> None:
        """Make C(path) say C(content) (None: as it was before wsltune); note the change, and in check mode no more."""
        before = self.text(path, account)
        if before == content:
            return
        if content is None:
            real = self.hands(account).real(path)
            self.restore(lambda entry: entry.path == real)
            return
        self.diff.append({"before_header": path, "after_header": path, "before": before or "", "after": content})
        self.changes.append(f"wrote {path}")
        if self.module.check_mode:
            return
        self.journal.write(
            path,
            content.encode("utf-8", "surrogateescape"),
            role=ROLE,
            revert=revert,
            mode=mode if before is None else None,
            owner=accounts.identity(account) if account else None,
        )

    def text(self, path: str, account: accounts.Account | None = None) -> str | None:
        """Return what a file says; None for no file."""
        state = self.hands(account).read(path, go_observe.LARGEST)
        return None if state is None else state.content.decode("utf-8", "surrogateescape")

    def restore(self, wanted: Callable[[journal.Entry], bool] | None = None, only: bool = False) -> None:
        """Restore what the journal has of C(wanted) entries, or in check mode say so."""
        for step in self.journal.plan_restore(ROLE, _way_of, only, wanted):
            if step.entry.displaced and not self.module.check_mode:
                self.undivert(step.entry)
            restored = step.restored if self.module.check_mode else self.journal.carry_out(step)
            if restored.changed:
                self.changes.append(f"restored {step.path}")
                self.diff += step.diff
            if restored.kept:
                self.kept.append(restored.kept)

    def clean(self, path: str, revert: journal.Revert, account: accounts.Account | None = None) -> str | None:
        """Return what C(path) would say without wsltune; None for no file."""
        state = self.hands(account).read(path, go_observe.LARGEST)
        if state is None:
            return None
        entry = self.journal.entry(self.hands(account).real(path))
        content: bytes | None = state.content
        if entry is not None and entry.written is not None:
            content = journal.content_without_us(entry, state.content, revert)
        return None if content is None else content.decode("utf-8", "surrogateescape")

    def present(self) -> NoReturn:
        options = self.options
        for name in ("gotmpdir", "gocache", "gomodcache"):
            go_plan.check_pattern(name, options[name])
        go_plan.check_goflags(options["goflags"])
        names = options["users"] or sorted((options["observed"] or {}).get("users", {}))
        people = {person.name: person for person in accounts.find(names)}
        users = dict((options["observed"] or {}).get("users", {}))
        missing = [person for name, person in people.items() if name not in users]
        users.update(go_observe.observe_all(missing, self.mounts))
        before = go_baseline.read()
        people = self.settable(people, users)
        wanted = {name: self.wanted(people[name], users[name], before.get(name)) for name in people}
        self.check(people, users, wanted)
        if not self.module.check_mode:
            go_baseline.record({name: users[name] for name in people})
        for name, person in list(people.items()):
            try:
                self.settle(person, users[name]["user_file"]["path"], wanted[name])
            except OSError as error:
                del people[name], wanted[name]
                self.leave_alone(name, f"{error.filename or 'a file'}: {error.strerror}")
        self.leave({self.place_of(people[name], users[name]["user_file"]["path"]) for name in people})
        self.shells()
        self.shims(people, users)
        unmet = {} if self.module.check_mode else self.unmet(people, users, wanted)
        if not self.module.check_mode and (self.changes or any(unmet.values())):
            # What was observed may be older than the tmpfs. A login that did not end is not waited for again.
            again = [person for name, person in people.items() if "environment" not in users[name]["unknown"]]
            users.update(go_observe.observe_all(again, self.mounts))
            unmet = self.unmet(people, users, wanted)
        failing, notes = go_plan.split_unmet(unmet, {name: person.uid for name, person in people.items()})
        self.notes += notes
        self.notes += [
            f"Whether {name}'s Go has the settings is not known: {users[name]['unknown']['environment']}"
            for name in people
            if "environment" in users[name]["unknown"]
        ]
        recorded = go_baseline.read()
        for name in people:
            users[name] = dict(users[name], before=recorded.get(name))
            self.notes += go_plan.notes_for(name, users[name], wanted[name], options["cgo_enabled"])
        if not self.module.check_mode:
            go_applied.record(options, wanted, users)
        paths = {name: users[name]["user_file"]["path"] for name in people}
        self.leave_module(
            ansible_facts={"go": dict(options["observed"] or {}, users=users, applied=go_applied.observe(users))},
            settings=wanted,
            unmet=failing,
            headlines=go_plan.headlines(self.changes, wanted, paths),
        )

    def leave_module(self, **more: Any) -> NoReturn:
        result = {"changes": self.changes, "kept": self.kept, "notes": [text.line(note) for note in self.notes]}
        self.module.exit_json(changed=bool(self.changes), **text.printable({**result, **more, "diff": self.diff}))

    def leave_alone(self, name: str, reason: str) -> None:
        self.notes.append(f"{name}'s Go settings are left alone: {reason}; fix that, then run again.")

    def settle(self, person: accounts.Account, path: str, settings: Mapping[str, str]) -> None:
        """Have the settings file of one user say what is wanted."""
        clean = self.clean(path, envfile.revert, person)
        content = envfile.merge(clean or "", settings)
        self.write(path, content if content or clean is not None else None, envfile.revert, person)

    def settable(
        self, people: Mapping[str, accounts.Account], users: Mapping[str, dict[str, Any]]
    ) -> dict[str, accounts.Account]:
        """Return the people whose settings file can be written; note why it cannot for the others."""
        paths: dict[str, str] = {}
        settable: dict[str, accounts.Account] = {}
        for name, person in people.items():
            if "answer" in users[name]["unknown"]:
                # Whoever let root wait once is not asked again.
                self.leave_alone(name, users[name]["unknown"]["answer"])
                continue
            try:
                paths[name] = self.hands(person).real(users[name]["user_file"]["path"])
            except OSError as error:
                self.leave_alone(name, f"{users[name]['user_file']['path']}: {error.strerror}")
        for name in paths:
            reason = self.obstacle(people[name], paths, users[name])
            if reason:
                self.leave_alone(name, reason)
            else:
                settable[name] = people[name]
        return settable

    def obstacle(self, person: accounts.Account, paths: Mapping[str, str], observed: Mapping[str, Any]) -> str:
        """Say why the settings file of one user cannot be written; nothing when it can."""
        path = paths[person.name]
        reason = go_plan.obstacle(person.name, paths, observed)
        if reason:
            return reason
        try:
            return self.hands(person).obstacle(path, go_observe.LARGEST)
        except OSError as error:
            return f"{path}: {error.strerror}"

    def place_of(self, person: accounts.Account, path: str) -> str:
        """Return a path of a user's without links, as that user sees it: what is mounted there may let root wait."""
        try:
            return self.hands(person).real(path)
        except OSError:
            return path

    def leave(self, current: Collection[str]) -> None:
        """Restore the settings of users who are not set up any more: their folders go at the next start.

        C(current): the files of those who are, without links.
        """
        self.restore(
            lambda entry: not entry.displaced and entry.path not in current and _way_of(entry).revert is envfile.revert
        )

    def unmet(
        self,
        people: Mapping[str, accounts.Account],
        users: Mapping[str, dict[str, Any]],
        wanted: Mapping[str, Mapping[str, str]],
    ) -> dict[str, list[str]]:
        """Return what the Go of each user lacks, as sentences."""

        def cgo_enabled(name: str) -> str:
            return "keep" if self.left.intersection(users[name]["commands"]) else self.options["cgo_enabled"]

        return {
            name: go_plan.unmet(name, users[name], wanted[name], cgo_enabled(name), users[name]["exports"])
            for name in people
            if users[name]["go"] and "environment" not in users[name]["unknown"]
        }

    def wanted(
        self, person: accounts.Account, observed: Mapping[str, Any], before: Mapping[str, Any] | None
    ) -> dict[str, str]:
        """Return the wanted settings of one user; a cache counts as slow by the place it had before the first run."""

        def mount_of(path: str | None) -> mountinfo.Mount | None:
            try:
                return mountinfo.find(self.mounts, self.hands(person).nearest(path)) if path else None
            except OSError:
                # What does not answer is not moved.
                return None

        places = {name: mount_of(go_plan.cache_path(name, observed, before)) for name in go_plan.CACHES}
        slow = go_plan.slow_caches(mount_of(observed["home"]), places)
        return go_plan.settings_for(person.name, observed, self.options, slow)

    def check_folders(self, people: Mapping[str, accounts.Account], wanted: Mapping[str, dict[str, str]]) -> None:
        """Take GOTMPDIR from those whose folder they cannot use; raise PlanError where nobody has one."""
        unusable: dict[str, str] = {}
        missing: list[str] = []
        named = [name for name, settings in wanted.items() if settings.get("GOTMPDIR")]
        for name in named:
            folder = wanted[name]["GOTMPDIR"]
            if self.module.check_mode and go_plan.folder_is_made(folder, self.options["made_before"]):
                continue
            try:
                reason = self.hands(people[name]).folder_obstacle(folder)
            except OSError as error:
                reason = error.strerror
            if reason is None:
                missing.append(name)
                reason = "does not exist"
            if reason:
                unusable[name] = reason
        if missing and missing == named:
            raise go_plan.PlanError(
                f"go_env_gotmpdir means {wanted[missing[0]]['GOTMPDIR']} for {missing[0]}, which does not exist, so "
                "that no Go command would work: let the role go_tmpfs make it or give a folder that exists; nothing "
                "was changed."
            )
        for name, reason in unusable.items():
            folder = wanted[name].pop("GOTMPDIR")
            self.notes.append(f"{name}'s GOTMPDIR is not set: {folder} {reason}; fix that, then run again.")

    def check(
        self,
        people: Mapping[str, accounts.Account],
        users: Mapping[str, dict[str, Any]],
        wanted: Mapping[str, dict[str, str]],
    ) -> None:
        """Raise PlanError when a setting would break Go; nothing has been touched yet."""
        self.check_folders(people, wanted)
        self.check_flags(people, users)
        if self.options["cgo_enabled"] == "true":
            self.check_compilers(people, users, wanted)
        if self.options["cgo_enabled"] != "false":
            return
        self.check_modules(people, users)
        self.check_commands(users)

    def check_modules(self, people: Mapping[str, accounts.Account], users: Mapping[str, dict[str, Any]]) -> None:
        """Note which modules would not go on working; raise PlanError where none of them would.

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
                self.check_module(directory, people, users)
            except (go_plan.PlanError, accounts.AccountError) as error:
                failures.append(str(error))
            except OSError as error:
                failures.append(
                    f"go_env_modules names {directory}, which cannot be looked at ({error.strerror}): fix that or take "
                    "it out; nothing was changed."
                )
        if failures and len(failures) == len(self.options["modules"]):
            raise go_plan.PlanError(failures[0])
        self.notes += [failure.replace("; nothing was changed", "") for failure in failures]

    def check_flags(self, people: Mapping[str, accounts.Account], users: Mapping[str, dict[str, Any]]) -> None:
        """Raise PlanError when the flags would stop a Go command that one of the users has."""
        flags = self.options["goflags"]
        asked: set[str] = set()
        for name, person in people.items() if flags else ():
            toolchains = [one for one in users[name]["toolchains"] if one.get("version") and one["path"] not in asked]
            if not toolchains or "environment" in users[name]["unknown"]:
                continue
            asked.update(one["path"] for one in toolchains)
            environment = go_find.environment_with_go(person, accounts.login_environment(person))
            ask = functools.partial(go_flags.list_refusals, toolchains, environment, flags)
            refusals = become.ask(accounts.identity(person), ask, go_flags.ANSWER * len(toolchains) + 60)
            if refusals:
                raise go_plan.PlanError(
                    f"go_env_goflags is {flags!r}, but for {name} {'; '.join(refusals)}: take the flag out; nothing "
                    "was changed."
                )

    def check_commands(self, users: Mapping[str, dict[str, Any]]) -> None:
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

    def check_compilers(
        self,
        people: Mapping[str, accounts.Account],
        users: Mapping[str, dict[str, Any]],
        wanted: Mapping[str, dict[str, str]],
    ) -> None:
        """Take CGO_ENABLED from those who have no C compiler, as nothing that needs net would build; as above."""
        with_go = [name for name in people if users[name]["go"]]
        errands = {
            name: functools.partial(self.compiler_obstacle, people[name])
            for name in with_go
            if "environment" not in users[name]["unknown"]
        }
        answers = become.gather(errands, accounts.LOGIN + 2 * become.LIMIT)
        lacking: dict[str, str] = {}
        for name in with_go:
            # Whoever let root wait once is not asked again.
            answer = answers.get(name, users[name]["unknown"].get("environment"))
            if answer:
                lacking[name] = str(answer.strerror if isinstance(answer, OSError) else answer).rstrip(".")
        if lacking and len(lacking) == len(with_go):
            name, reason = next(iter(lacking.items()))
            raise go_plan.PlanError(
                f"go_env_cgo_enabled is 'true', but {name} has no C compiler ({reason}), so that packages such as net "
                "would not build: install gcc or set go_env_cgo_enabled: keep; nothing was changed."
            )
        for name, reason in lacking.items():
            wanted[name].pop("CGO_ENABLED", None)
            self.notes.append(f"{name}'s CGO_ENABLED is not set: no C compiler ({reason}); fix that, then run again.")

    def compiler_obstacle(self, person: accounts.Account) -> str:
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

    def check_module(
        self, directory: str, people: Mapping[str, accounts.Account], users: Mapping[str, dict[str, Any]]
    ) -> None:
        owner = go_plan.module_owner(directory, {name: person.home for name, person in people.items()})
        # Go reads a project's Git configuration too: root does not where others write it.
        others = scratch.others_change(directory)
        name = owner or next((name for name, person in people.items() if person.uid != 0 or not others), None)
        if name is None or not users[name]["go"]:
            return
        who = accounts.identity(people[name])
        if not become.ask(who, lambda: os.path.isfile(os.path.join(directory, "go.mod")), always=True):
            raise go_plan.PlanError(
                f"go_env_modules names {directory}, which has no go.mod: name directories of Go modules; "
                "nothing was changed."
            )
        own = go_find.environment_with_go(people[name], accounts.login_environment(people[name]))
        environment = dict(own, CGO_ENABLED="1")
        if people[name].uid == 0:
            environment.update(scratch.without_workspace(directory, environment))
        flags = ["-buildvcs=false", "-deps", "-test", "-f", go_plan.CGO_LISTING]
        command = [users[name]["go"]["path"], "list", *flags, "./..."]
        done = process.run(command, environment, directory, who, limit=300)
        if done.code:
            raise go_plan.PlanError(
                f"go_env_modules names {directory}, whose packages cannot be listed ({done.reason}): fix that or take "
                "it out; nothing was changed."
            )
        packages = go_plan.cgo_packages(done.out)
        if packages:
            raise go_plan.PlanError(
                f"go_env_cgo_enabled is 'false', but {directory} needs cgo for {go_plan.describe(packages)}: set "
                "go_env_cgo_enabled: keep or replace these packages; nothing was changed."
            )

    def shells(self) -> None:
        """Export GOTMPDIR in the shells that are on this machine."""
        pattern = self.options["gotmpdir"]
        profile = os.path.isdir(os.path.dirname(go_plan.PROFILE_PATH)) and pattern
        self.write(go_plan.PROFILE_PATH, go_plan.profile_text(pattern) if profile else None)
        fish = os.path.isdir(os.path.dirname(os.path.dirname(go_plan.FISH_PATH))) and pattern
        self.write(go_plan.FISH_PATH, go_plan.fish_text(pattern) if fish else None)
        for path in go_plan.BLOCK_PATHS:
            there = os.path.isfile(path) if path == go_plan.BLOCK_PATHS[0] else os.path.isdir(os.path.dirname(path))
            clean = self.clean(path, go_plan.revert_block)
            if there and profile:
                self.write(path, go_plan.block_wanted(self.text(path) or "", clean or ""), go_plan.revert_block)
            else:
                self.write(path, clean, go_plan.revert_block)

    def commands(
        self, people: Mapping[str, accounts.Account], users: Mapping[str, dict[str, Any]]
    ) -> dict[str, accounts.Account | None]:
        """Return whose each Go command to be replaced is: root's (None), or that of the user whose folder it lies in.

        The folder is asked as it was walked to without links: the command itself may be a link by now.
        """
        replaced: dict[str, accounts.Account | None] = {}
        owners = {person.uid: person for person in people.values()}
        commands = {person.uid: users[name]["commands"] for name, person in people.items()}
        by_cgo = {path for name in people for path in self.needing_cgo(users[name])}
        for path in dict.fromkeys(path for name in people for path in users[name]["commands"]):
            if path in self.left:
                continue
            if path in by_cgo:
                self.leave_command(path, "its cryptography needs cgo")
                continue
            try:
                with files.opened_folder(os.path.dirname(path)) as folder:
                    folder_owner = os.fstat(folder).st_uid
                owner = go_plan.command_owner(path, folder_owner, commands)
                if owner is None:
                    self.leave_command(path, f"its folder belongs to user id {folder_owner}, whose Go it is not")
                    continue
                if owner == 0:
                    files.check(path)
                    if not self.is_for_everybody(path, users):
                        self.leave_command(path, "it is root's, but neither on root's PATH nor of a package")
                        continue
                replaced[path] = None if owner == 0 else owners[owner]
            except OSError as error:
                self.leave_command(path, error.strerror)
        return replaced

    def is_for_everybody(self, path: str, users: Mapping[str, dict[str, Any]]) -> bool:
        """Whether root's Go command at C(path) is one that this machine starts.

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
            with contextlib.suppress(accounts.AccountError):
                root = accounts.find(["root"])[0]
                folders = accounts.login_environment(root).get("PATH", "").split(":")
                self.on_roots_path = {os.path.realpath(os.path.join(folder, "go")) for folder in folders}
        return self.on_roots_path

    @staticmethod
    def needing_cgo(observed: Mapping[str, Any]) -> list[str]:
        """Return the commands of one user whose programs would lose their cryptography without cgo."""
        kept = [one for one in observed["toolchains"] if go_plan.keeps_cgo(one.get("version", ""))]
        return go_find.goroot_commands(kept, None)

    def leave_command(self, path: str, reason: str | None) -> None:
        self.left.add(path)
        self.notes.append(f"{path} is left alone, so that cgo stays on with it: {reason}.")

    def shims(self, people: Mapping[str, accounts.Account], users: Mapping[str, dict[str, Any]]) -> None:
        """Put the program that sets CGO_ENABLED=0 in the place of each Go command, or the Go command back."""
        wanted = self.commands(people, users) if self.options["cgo_enabled"] == "false" else {}
        self.restore(lambda entry: entry.displaced and entry.path not in wanted)
        for path, owner in wanted.items():
            try:
                self.shim(path, owner)
            except OSError as error:
                self.leave_command(path, error.strerror)

    def shim(self, path: str, owner: accounts.Account | None) -> None:
        content = go_plan.shim_text(path + journal.KEPT_SUFFIX).encode()
        if self.hands(owner).head(path, len(content) + 1) != content:
            if not self.module.check_mode:
                who = accounts.identity(owner) if owner else None
                moved = self.journal.displace(path, content, role=ROLE, owner=who)
                if moved:
                    self.notes.append(f"An earlier original of {path} is now {moved}.")
            self.changes.append(f"put a program that sets CGO_ENABLED=0 in the place of {path}")
        if owner is None and not self.module.check_mode and self.packaged(path) and not self.diverted(path):
            self.module.run_command(
                ["dpkg-divert", "--local", "--no-rename", "--divert", path + journal.KEPT_SUFFIX, "--add", path],
                check_rc=True,
            )

    def packaged(self, path: str) -> bool:
        """Whether a Debian package owns C(path), so that its next version must not overwrite the replacement."""
        if set("*?[\\").intersection(path):
            # dpkg-query takes it for a pattern.
            return False
        return bool(shutil.which("dpkg-query")) and self.module.run_command(["dpkg-query", "-S", path])[0] == 0

    def diverted(self, path: str) -> bool:
        """Whether dpkg was told that C(path) is not its own any more."""
        return self.module.run_command(["dpkg-divert", "--listpackage", path])[1].strip() == "LOCAL"

    def undivert(self, entry: journal.Entry) -> None:
        """Have dpkg know a Go command as its own again.

        Before it is restored: killed in between, the entry is still there and the next run finishes.
        """
        if entry.uid == 0 and shutil.which("dpkg-divert") and self.diverted(entry.path):
            self.module.run_command(["dpkg-divert", "--no-rename", "--remove", entry.path], check_rc=True)

    def absent(self) -> NoReturn:
        only = self.options["only_this_run"]
        if not self.module.check_mode:
            go_applied.forget()
        self.restore(only=only)
        if not only and not self.module.check_mode:
            for name in (journal.BEFORE, journal.DECISIONS):
                journal.forget_record(name)
            self.journal.close()
        self.kept += self.journal.damaged()
        self.leave_module()


def _way_of(entry: journal.Entry) -> journal.Way:
    """Return how wsltune's part is taken out of a file that someone else edited too; files of its own have no part."""
    if entry.path in map(os.path.realpath, go_plan.BLOCK_PATHS):
        return journal.Way(go_plan.revert_block)
    own = map(os.path.realpath, (go_plan.PROFILE_PATH, go_plan.FISH_PATH))
    return journal.Way(None if entry.path in own else envfile.revert)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **journal.ARGUMENTS,
            "observed": {"type": "dict"},
            "users": {"type": "list", "elements": "str", "default": []},
            "gotmpdir": {"type": "str", "default": ""},
            "gotmpdir_left_out": {"type": "list", "elements": "str", "default": []},
            "made_before": {"type": "str", "default": ""},
            "gocache": {"type": "str", "default": ""},
            "gomodcache": {"type": "str", "default": ""},
            "goflags": {"type": "str", "default": ""},
            "cgo_enabled": {"type": "str", "choices": ["keep", "false", "true"], "default": "keep"},
            "caches_local": {"type": "bool", "default": True},
            "modules": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    if os.geteuid() != 0:
        module.fail_json(msg="go_env writes settings of all users: run it as root (become: true).")
    target = GoEnv(module)
    try:
        if module.params["state"] == "present":
            target.present()
        target.absent()
    except (go_plan.PlanError, accounts.AccountError) as error:
        module.fail_json(msg=text.line(error), changes=text.printable(target.changes))
    except OSError as error:
        place = text.line(error.filename or "A file")
        module.fail_json(
            msg=f"{place} cannot be written: {error.strerror}; fix that, then run again.",
            changes=text.printable(target.changes),
        )


if __name__ == "__main__":
    main()
