# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: go_env
short_description: Go settings that reach every way of starting Go
version_added: 1.0.0
description:
  - Writes the settings to the file that the Go command itself reads, for each user, which reaches every way of
    starting it; exports GOTMPDIR for login shells, bash, zsh and fish too, because t.TempDir() reads it from the
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
  goflags_added:
    description:
      - Flags that each user's GOFLAGS gets behind its own, such as C(-vet=off). A flag that a user has already stays.
        Each Go of a user is asked first; who has one that refuses them keeps GOFLAGS, with a note.
    type: list
    elements: str
    default: []
  parallel:
    description:
      - How many packages Go works on at once (C(-p) in GOFLAGS), a number or V(auto), which is as many as memory
        carries at 2 GiB each, at most two for each processor. Empty leaves it to Go, which takes the number of
        processors.
    type: str
    default: ''
  tool_gc:
    description:
      - V(false) has compiler and linker collect no garbage below a limit, a quarter of the memory shared by all
        processors, and while that much memory is available. A program in C(/usr/local/lib/wsltune) does it, named by
        C(-toolexec) in GOFLAGS. Accounts whose Go also runs where that program is missing get no such flag.
    type: bool
    default: true
  gotoolchain:
    description:
      - The Go to start, as GOTOOLCHAIN, of those that lie in a user's module cache already. V(newest) is the newest
        release if it is newer than the user's own. Nothing is installed. Empty leaves it alone.
    type: str
    default: ''
  cgo_linker:
    description:
      - The linker of programs that use cgo, added to CGO_LDFLAGS where a login finds it; V(auto) takes mold before lld.
        Empty leaves it alone. Accounts whose Go also runs where that linker is missing get no such setting.
    type: str
    choices: ['', auto, mold, lld]
    default: ''
  gocacheprog:
    description:
      - Absolute path of a program that keeps the build cache (GOCACHEPROG, Go 1.24), with its arguments. Empty leaves
        it alone. Accounts whose Go also runs where that program is missing get no such setting.
    type: str
    default: ''
  gocache_limit:
    description:
      - Size that a timer of systemd keeps each user's build cache below, such as V(10GiB), at least V(256MiB). What was
        not used for longest goes first, as that user, while no Go command of that user or of root runs, and nothing
        that was used in the last day. Empty leaves the caches to Go, which removes what was not used for five days.
      - Without systemd no timer runs, and a note has the command to trim by hand.
    type: str
    default: ''
attributes:
  check_mode:
    support: full
    description: Returns what would be done and changes nothing; RV(unmet) stays empty.
  diff_mode:
    support: full
    description: Shows the files with settings.
notes:
  - Needs root. Errors are one sentence each, such as a folder that does not exist, a module that needs cgo with the
    packages' names, a Go command that cannot be replaced.
extends_documentation_fragment:
  - wsltune.go.rollback
author: wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: A tmpfs with a folder for each account
  wsltune.go.go_tmpfs:
    place: gotmpdir
    path: /var/cache/gotmp

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
left:
  description: What could not be restored, and why, as sentences.
  returned: always
  type: list
  elements: str
"""

import functools
import os
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils import changes, journal
from ansible_collections.wsltune.go.plugins.module_utils.go import applied as go_applied
from ansible_collections.wsltune.go.plugins.module_utils.go import baseline as go_baseline
from ansible_collections.wsltune.go.plugins.module_utils.go import cache as go_cache
from ansible_collections.wsltune.go.plugins.module_utils.go import check as go_check
from ansible_collections.wsltune.go.plugins.module_utils.go import envfile, tool_gc
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import shims as go_shims
from ansible_collections.wsltune.go.plugins.module_utils.go import trimmer as go_trimmer
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.go import wishes as go_wishes
from ansible_collections.wsltune.go.plugins.module_utils.linux import (
    accounts,
    programs,
    shells,
    text,
)
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import observe as tmpfs_observe
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import place as tmpfs_place
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

ROLE = "go_env"


class GoEnv:
    """Applies the plan of module_utils/go/plan.py to this machine."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.options = module.params
        self.changes = changes.Changes(ROLE, _way_of, module.params["run"], module.check_mode)
        self.changes.most = go_observe.LARGEST
        self.machine = wsl_observe.collect()
        self.mounts = wsl_judge.mounts_of(self.machine)
        run_command = functools.partial(module.run_command, environ_update=programs.own_path())
        self.shims = go_shims.Shims(self.changes, self.mounts, run_command)
        self.trimmer = go_trimmer.Trimmer(self.changes, run_command)
        self.memory, self.cpus = go_applied.settle_size()

    def present(self) -> NoReturn:
        """Set Go for every user who can be set up; raise PlanError, before any change, where a wish cannot be met."""
        options = self.options
        for name in ("gotmpdir", "gocache", "gomodcache"):
            go_plan.check_pattern(name, options[name])
        go_plan.check_goflags(options["goflags"])
        go_tuning.check(options)
        limit = go_cache.parse_limit(options["gocache_limit"])
        added = self.choose_flags()
        names = options["users"] or sorted((options["observed"] or {}).get("users", {}))
        people = {person.name: person for person in accounts.find(names)}
        users = dict((options["observed"] or {}).get("users", {}))
        missing = [person for name, person in people.items() if name not in users]
        users.update(go_observe.observe_all(missing, self.mounts))
        before = go_baseline.read()
        people = self.settable(people, users)
        wishes = go_wishes.Wishes(options, self.mounts, added, self.find_elsewhere(people), self.changes)
        wanted: dict[str, dict[str, str]] = {}
        for name, person in list(people.items()):
            try:
                wanted[name] = wishes.make(person, users[name], before.get(name))
            except OSError as error:
                # Whoever it is may have ended the child that looks there.
                del people[name]
                self.leave_alone(name, f"{error.filename or 'a file'}: {error.strerror}")
        go_check.Check(options, people, users, wanted, added, self.changes).everything()
        if options["cgo_enabled"] == "false":
            self.shims.check(users)
        if not self.changes.check_mode:
            go_baseline.record({name: users[name] for name in people})
        has_program = any(tool_gc.PATH in settings.get("GOFLAGS", "") for settings in wanted.values())
        if has_program:
            # Before a setting names it, so that Go works at every moment.
            self.changes.write(tool_gc.PATH, tool_gc.program_text(self.memory, self.cpus), mode=0o755)
        for name, person in list(people.items()):
            try:
                self.settle(person, users[name]["user_file"]["path"], wanted[name])
            except OSError as error:
                del people[name], wanted[name]
                self.leave_alone(name, f"{error.filename or 'a file'}: {error.strerror}")
        self.leave({self.place_of(people[name], users[name]["user_file"]["path"]) for name in people})
        if not has_program:
            self.changes.write(tool_gc.PATH, None)
        self.shells()
        self.shims.set_up(people, users if options["cgo_enabled"] == "false" else {})
        self.trimmer.set_up(limit, users, wanted)
        unmet = {} if self.changes.check_mode else self.unmet(people, users, wanted)
        if not self.changes.check_mode and (self.changes.made or any(unmet.values())):
            # What was observed may be older than the tmpfs. A login that did not end is not waited for again.
            again = [person for name, person in people.items() if "environment" not in users[name]["unknown"]]
            users.update(go_observe.observe_all(again, self.mounts))
            unmet = self.unmet(people, users, wanted)
        failing, notes = go_plan.split_unmet(unmet, {name: person.uid for name, person in people.items()})
        self.changes.notes += notes
        self.changes.notes += [
            f"Whether {name}'s Go has the settings is not known: {users[name]['unknown']['environment']}"
            for name in people
            if "environment" in users[name]["unknown"]
        ]
        for name, recorded in go_baseline.list_before({name: users[name] for name in people}).items():
            users[name] = dict(users[name], before=recorded)
            self.changes.notes += go_plan.notes_for(name, users[name], wanted[name], options["cgo_enabled"])
        self.changes.notes += go_plan.note_tests(users, wanted)
        if not self.changes.check_mode:
            go_applied.record(options, wanted, users, self.changes.left_out)
        paths = {name: users[name]["user_file"]["path"] for name in people}
        self.module.exit_json(
            **self.changes.result(
                ansible_facts={"go": dict(options["observed"] or {}, users=users, applied=go_applied.observe(users))},
                settings=wanted,
                unmet=failing,
                headlines=self.headlines(wanted, paths),
            )
        )

    def headlines(self, wanted: Mapping[str, Mapping[str, str]], paths: Mapping[str, str]) -> list[str]:
        """Return what was changed, in few words."""
        trims = go_cache.headlines(self.changes.made, self.options["gocache_limit"])
        others = [change for change in self.changes.made if change.partition(" ")[2] not in go_cache.all_paths()]
        return [*go_plan.headlines(others, wanted, paths), *trims]

    def choose_flags(self) -> list[str]:
        """Return the flags that each user's GOFLAGS gets beside its own."""
        flag, reason = go_tuning.explain_parallel(self.options["parallel"], self.memory, self.cpus)
        if reason:
            self.changes.notes.append(f"GOFLAGS has no -p: {reason}.")
        return [*self.options["goflags_added"], *([flag] if flag else [])]

    def leave_alone(self, name: str, reason: str) -> None:
        """Note that a user keeps the settings as they are, and why."""
        self.changes.leave_out(f"{name}'s Go settings are left alone: {reason}; fix that, then run again.")

    def settle(self, person: accounts.Account, path: str, settings: Mapping[str, str]) -> None:
        """Have the settings file of one user say what is wanted."""
        clean = self.changes.without_us(path, envfile.revert, person)
        content = envfile.merge(clean or "", settings)
        self.changes.write(path, content if content or clean is not None else None, envfile.revert, person)

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
                paths[name] = self.changes.hands(person).real(users[name]["user_file"]["path"])
            except OSError as error:
                self.leave_alone(name, f"{users[name]['user_file']['path']}: {error.strerror}")
        # First, because whoever only names the file of somebody else has no part in it.
        own = {name: self.obstacle(people[name], paths[name], users[name]) for name in paths}
        writable = {name: path for name, path in paths.items() if not own[name]}
        for name in paths:
            reason = own[name] or go_plan.shared_file(name, writable)
            if reason:
                self.leave_alone(name, reason)
            else:
                settable[name] = people[name]
        return settable

    def obstacle(self, person: accounts.Account, path: str, observed: Mapping[str, Any]) -> str:
        """Say why the settings file of one user cannot be written; nothing when it can."""
        reason = go_plan.obstacle(observed)
        if reason:
            return reason
        try:
            return self.changes.hands(person).obstacle(path, go_observe.LARGEST)
        except OSError as error:
            return f"{path}: {error.strerror}"

    def place_of(self, person: accounts.Account, path: str) -> str:
        """Return a path of a user's without links, as that user sees it: what is mounted there may let root wait."""
        try:
            return self.changes.hands(person).real(path)
        except OSError:
            return path

    def leave(self, current: Collection[str]) -> None:
        """Restore the settings of users who are not set up any more: their folders go at the next start.

        C(current): the files of those who are, without links.
        """
        self.changes.restore(
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
            return "keep" if self.shims.left.intersection(users[name]["commands"]) else self.options["cgo_enabled"]

        return {
            name: go_plan.unmet(name, users[name], wanted[name], cgo_enabled(name), users[name]["exports"])
            for name in people
            if users[name]["go"] and "environment" not in users[name]["unknown"]
        }

    def find_elsewhere(self, people: Mapping[str, accounts.Account]) -> dict[str, str]:
        """Return whose Go also runs where a program of this machine is missing, so that no setting may name one.

        TuningError where the machine is too small for tool_gc.
        """
        options = self.options
        reason = "" if options["tool_gc"] else tool_gc.obstacle(self.memory, self.cpus)
        if reason:
            raise go_tuning.TuningError(f"go_env_tool_gc is false, but {reason}: set it true; nothing was changed.")
        lost = go_tuning.names_a_program(options)
        if not lost:
            return {}
        seen = tmpfs_observe.observe(os.path.dirname(tool_gc.PATH), list(people.values()), self.machine)
        elsewhere = tmpfs_place.list_hazards(seen)
        for name, hazard in elsewhere.items():
            for what in lost:
                self.changes.leave_out(f"{name}'s {what}: {hazard}.")
        return elsewhere

    def shells(self) -> None:
        """Export GOTMPDIR in the shells that are on this machine."""
        pattern = self.options["gotmpdir"]
        reason = go_check.explain_no_export(pattern)
        if reason:
            self.changes.leave_out(f"Shells do not export GOTMPDIR: {reason}; fix that, then run again.")
            pattern = ""
        profile = os.path.isdir(os.path.dirname(go_plan.PROFILE_PATH)) and pattern
        self.changes.write(go_plan.PROFILE_PATH, go_plan.profile_text(pattern) if profile else None)
        fish = os.path.isdir(os.path.dirname(os.path.dirname(go_plan.FISH_PATH))) and pattern
        self.changes.write(go_plan.FISH_PATH, go_plan.fish_text(pattern) if fish else None)
        reading = shells.list_shell_files()
        for path in go_plan.BLOCK_PATHS:
            clean = self.changes.without_us(path, go_plan.revert_block)
            if path in reading and profile:
                self.changes.write(
                    path, go_plan.block_wanted(self.changes.read(path) or "", clean or ""), go_plan.revert_block
                )
            else:
                self.changes.write(path, clean, go_plan.revert_block)

    def absent(self) -> NoReturn:
        """Restore what was there before, of this run only where that is asked for."""
        only = self.options["only_this_run"]
        if not self.changes.check_mode:
            go_applied.forget()
        self.trimmer.stop()
        # The program last, so that at no moment a setting names what is not there.
        self.changes.restore(lambda entry: entry.path != tool_gc.PATH, only=only, before=self.shims.undivert)
        self.changes.restore(lambda entry: entry.path == tool_gc.PATH, only=only)
        self.trimmer.start()
        if not only and not self.changes.check_mode:
            for name in (journal.BEFORE, journal.DECISIONS, journal.IN_FORCE):
                journal.forget_record(name)
            self.changes.journal.close()
        self.changes.left += self.changes.journal.damaged()
        self.module.exit_json(**self.changes.result())


def _way_of(entry: journal.Entry) -> journal.Way:
    """Return how wsltune's part is taken out of a file that someone else edited too; files of its own have no part."""
    if entry.path in map(os.path.realpath, go_plan.BLOCK_PATHS):
        return journal.Way(go_plan.revert_block)
    ours = (go_plan.PROFILE_PATH, go_plan.FISH_PATH, tool_gc.PATH, *go_cache.all_paths())
    own = map(os.path.realpath, ours)
    return journal.Way(None if entry.path in own else envfile.revert)


def main() -> None:
    """Set or restore Go's settings of the users."""
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
            "goflags_added": {"type": "list", "elements": "str", "default": []},
            "parallel": {"type": "str", "default": ""},
            "tool_gc": {"type": "bool", "default": True},
            "gotoolchain": {"type": "str", "default": ""},
            "cgo_linker": {"type": "str", "choices": ["", "auto", "mold", "lld"], "default": ""},
            "gocacheprog": {"type": "str", "default": ""},
            "gocache_limit": {"type": "str", "default": ""},
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
    except (go_plan.PlanError, go_tuning.TuningError, go_cache.LimitError, accounts.AccountError) as error:
        module.fail_json(msg=text.line(error), changes=text.printable(target.changes.made))
    except OSError as error:
        place = text.line(error.filename or "A file")
        module.fail_json(
            msg=f"{place} cannot be written: {error.strerror}; fix that, then run again.",
            changes=text.printable(target.changes.made),
        )


if __name__ == "__main__":
    main()
