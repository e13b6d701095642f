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
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import scratch
from ansible_collections.wsltune.go.plugins.module_utils.go import applied as go_applied
from ansible_collections.wsltune.go.plugins.module_utils.go import baseline as go_baseline
from ansible_collections.wsltune.go.plugins.module_utils.go import cache as go_cache
from ansible_collections.wsltune.go.plugins.module_utils.go import envfile, tool_gc
from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
from ansible_collections.wsltune.go.plugins.module_utils.go import flags as go_flags
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.linux import (
    accounts,
    become,
    distribution,
    files,
    look,
    meminfo,
    mountinfo,
    process,
    text,
)
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import observe as tmpfs_observe
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import place as tmpfs_place
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

ROLE = "go_env"
REFUSALS = 90.0
"""Seconds that the Go commands of one user may take to say which flags they refuse."""
FIPS = (
    "its cryptography is OpenSSL's, called by cgo, and CGO_ENABLED=0 would take programs out of the module that is "
    "validated for FIPS without a word; since Go 1.24 GOFIPS140 does that without cgo"
)


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
        self.machine = wsl_observe.collect()
        self.mounts = wsl_judge.mounts_of(self.machine)
        self.memory = meminfo.parse(tmpfs_observe.text_of("/proc/meminfo") or "")["total_bytes"]
        self.cpus = len(os.sched_getaffinity(0))
        self.elsewhere: dict[str, str] = {}
        self.added: list[str] = []

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
        was, now = text.for_diff(before or "", content)
        self.diff.append({"before_header": path, "after_header": path, "before": was, "after": now})
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
        """Set Go for every user who can be set up; raise PlanError, before any change, where a wish cannot be met."""
        options = self.options
        for name in ("gotmpdir", "gocache", "gomodcache"):
            go_plan.check_pattern(name, options[name])
        go_plan.check_goflags(options["goflags"])
        go_tuning.check(options)
        limit = go_cache.parse_limit(options["gocache_limit"])
        self.choose_flags()
        names = options["users"] or sorted((options["observed"] or {}).get("users", {}))
        people = {person.name: person for person in accounts.find(names)}
        users = dict((options["observed"] or {}).get("users", {}))
        missing = [person for name, person in people.items() if name not in users]
        users.update(go_observe.observe_all(missing, self.mounts))
        before = go_baseline.read()
        people = self.settable(people, users)
        self.look_at_homes(people)
        wanted: dict[str, dict[str, str]] = {}
        for name, person in list(people.items()):
            try:
                wanted[name] = self.wanted(person, users[name], before.get(name))
            except OSError as error:
                # Whoever it is may have ended the child that looks there.
                del people[name]
                self.leave_alone(name, f"{error.filename or 'a file'}: {error.strerror}")
        self.check(people, users, wanted)
        if not self.module.check_mode:
            go_baseline.record({name: users[name] for name in people})
        has_program = any(tool_gc.PATH in settings.get("GOFLAGS", "") for settings in wanted.values())
        if has_program:
            # Before a setting names it, so that Go works at every moment.
            self.write(tool_gc.PATH, tool_gc.program_text(self.memory, self.cpus), mode=0o755)
        for name, person in list(people.items()):
            try:
                self.settle(person, users[name]["user_file"]["path"], wanted[name])
            except OSError as error:
                del people[name], wanted[name]
                self.leave_alone(name, f"{error.filename or 'a file'}: {error.strerror}")
        self.leave({self.place_of(people[name], users[name]["user_file"]["path"]) for name in people})
        if not has_program:
            self.write(tool_gc.PATH, None)
        self.shells()
        self.shims(people, users)
        self.trimmer(limit, users, wanted)
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
            users[name] = dict(users[name], before=go_tuning.neutral(recorded.get(name), users[name]))
            self.notes += go_plan.notes_for(name, users[name], wanted[name], options["cgo_enabled"])
        if not self.module.check_mode:
            go_applied.record(options, wanted, users)
        paths = {name: users[name]["user_file"]["path"] for name in people}
        self.leave_module(
            ansible_facts={"go": dict(options["observed"] or {}, users=users, applied=go_applied.observe(users))},
            settings=wanted,
            unmet=failing,
            headlines=self.headlines(wanted, paths),
        )

    def headlines(self, wanted: Mapping[str, Mapping[str, str]], paths: Mapping[str, str]) -> list[str]:
        """Return what was changed, in few words."""
        trims = go_cache.headlines(self.changes, self.options["gocache_limit"])
        others = [change for change in self.changes if change.partition(" ")[2] not in go_cache.all_paths()]
        return [*go_plan.headlines(others, wanted, paths), *trims]

    def trimmer(self, limit: int, users: Mapping[str, dict[str, Any]], wanted: Mapping[str, Mapping[str, str]]) -> None:
        """Have a timer keep the build caches below C(limit), or none where it is 0."""
        has_systemd = go_cache.has_systemd()
        content = go_cache.texts(limit, go_cache.list_caches(users, wanted), has_systemd) if limit else {}
        if go_cache.TIMER not in content:
            self.stop_timer()
        for path in go_cache.all_paths():
            if path not in content:
                self.write(path, None)
        for path, wanted_text in content.items():
            self.write(path, wanted_text)
        self.start_timer()
        if limit and not has_systemd:
            self.notes.append(
                "Nothing trims the build caches by itself, because this machine runs no systemd: "
                f"`sudo python3 {go_cache.PROGRAM}` does once."
            )

    def stop_timer(self) -> None:
        """Before its file goes, so that a run that is killed leaves no timer that nothing stands behind."""
        if not self.module.check_mode and os.path.exists(go_cache.TIMER) and go_cache.has_systemd():
            self.module.run_command(["systemctl", "stop", go_cache.TIMER_NAME])

    def start_timer(self) -> None:
        """Have systemd know the timer as its file is now, and run it where there is one."""
        if self.module.check_mode or not go_cache.has_systemd():
            return
        touched = bool(go_cache.headlines(self.changes, ""))
        if touched:
            self.module.run_command(["systemctl", "daemon-reload"], check_rc=True)
        if os.path.exists(go_cache.TIMER):
            verb = "restart" if touched else "start"
            self.module.run_command(["systemctl", verb, go_cache.TIMER_NAME], check_rc=True)

    def choose_flags(self) -> None:
        """Find the flags that each user's GOFLAGS gets beside its own."""
        flag, reason = go_tuning.explain_parallel(self.options["parallel"], self.memory, self.cpus)
        self.added = [*self.options["goflags_added"], *([flag] if flag else [])]
        if reason:
            self.notes.append(f"GOFLAGS has no -p: {reason}.")

    def leave_module(self, **more: Any) -> NoReturn:
        """Return the result to Ansible and end; `more` is added to it."""
        result = {"changes": self.changes, "kept": self.kept, "notes": [text.line(note) for note in self.notes]}
        self.module.exit_json(changed=bool(self.changes), **text.printable({**result, **more, "diff": self.diff}))

    def leave_alone(self, name: str, reason: str) -> None:
        """Note that a user keeps the settings as they are, and why."""
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
        # First, since whoever only names the file of somebody else has no part in it.
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
        return go_plan.settings_for(person.name, observed, self.options, slow, self.tuned(person, observed))

    def tuned(self, person: accounts.Account, observed: Mapping[str, Any]) -> dict[str, str]:
        """Return the settings of one user that change how Go works, beside what the user has without wsltune."""
        own = envfile.parse(self.clean(observed["user_file"]["path"], envfile.revert, person) or "")
        goroot = observed["places"].get("GOROOT", {}).get("path")
        with contextlib.suppress(OSError):
            # Such as a distribution's, which a setting of the user's would hide.
            own = {**envfile.parse((goroot and self.text(os.path.join(goroot, "go.env"), person)) or ""), **own}
        if own.get("GOTOOLCHAIN") == "auto":
            del own["GOTOOLCHAIN"]
        options, newest, linker = self.options, "", ""
        runs_elsewhere = person.name in self.elsewhere
        if options["gotoolchain"] and observed["go"]:
            newest = self.newest_go(person, observed)
        if options["cgo_linker"] and observed["go"] and not runs_elsewhere:
            linker = self.linker(person)
        added = list(self.added)
        if not options["tool_gc"] and not runs_elsewhere:
            added.append(f"-toolexec={tool_gc.PATH}")
        if runs_elsewhere:
            options = {**options, "gocacheprog": ""}
        return go_tuning.settings(own, options, added, newest, linker)

    def newest_go(self, person: accounts.Account, observed: Mapping[str, Any]) -> str:
        """Return the Go that go_env_gotoolchain means for one user; nothing, with a note, where there is none."""
        wanted, cache = self.options["gotoolchain"], observed["settings"]["GOMODCACHE"]["value"]
        version = observed["go"].get("version", "")
        names: list[str] = []
        with contextlib.suppress(OSError):
            listing = functools.partial(go_observe.list_cached_toolchains, cache)
            names = become.ask(accounts.identity(person), listing)
        found = go_tuning.choose_toolchain(wanted, names, version)
        if not found:
            what = "no Go newer than " + (version or "its own") if wanted == "newest" else f"no {wanted}"
            self.notes.append(f"{person.name}'s GOTOOLCHAIN is not set: {what} lies in {cache}.")
        return found

    def linker(self, person: accounts.Account) -> str:
        """Return the linker for one user's cgo; nothing, with a note, where that user has none."""
        wanted = self.options["cgo_linker"]
        try:
            path = accounts.login_environment(person).get("PATH", "")
            found = str(become.ask(accounts.identity(person), functools.partial(go_tuning.find_linker, wanted, path)))
        except (accounts.AccountError, OSError):
            found = ""
        if not found:
            names = " nor ".join(go_tuning.LINKERS) if wanted == "auto" else wanted
            self.notes.append(f"{person.name}'s CGO_LDFLAGS is not set: no {names} on the PATH of a login.")
        return found

    def look_at_homes(self, people: Mapping[str, accounts.Account]) -> None:
        """Find whose Go also runs where a program of this machine is missing, so that no setting may name one.

        TuningError where the machine is too small for tool_gc.
        """
        options = self.options
        reason = "" if options["tool_gc"] else tool_gc.obstacle(self.memory, self.cpus)
        if reason:
            raise go_tuning.TuningError(f"go_env_tool_gc is false, but {reason}: set it true; nothing was changed.")
        lost = go_tuning.names_a_program(options)
        if not lost:
            return
        seen = tmpfs_observe.observe(os.path.dirname(tool_gc.PATH), list(people.values()), self.machine)
        self.elsewhere = tmpfs_place.list_hazards(seen)
        for name, hazard in self.elsewhere.items():
            self.notes.extend(f"{name}'s {what}: {hazard}." for what in lost)

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
        self.check_flags(people, users, wanted)
        self.check_added(people, users, wanted)
        self.check_cache_program(people, wanted)
        if self.options["cgo_enabled"] == "true":
            self.check_compilers(people, users, wanted)
        if self.options["cgo_enabled"] != "false":
            return
        self.check_modules(people, users)
        self.check_commands(users)

    def check_modules(self, people: Mapping[str, accounts.Account], users: Mapping[str, dict[str, Any]]) -> None:
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
                self.check_module(directory, people, users)
            except (go_plan.PlanError, accounts.AccountError) as error:
                failures.append(str(error))
            except OSError as error:
                failures.append(
                    f"go_env_modules names {directory}, which cannot be looked at ({error.strerror}): fix that or take "
                    "it out; nothing was changed."
                )
        homes = {name: person.home for name, person in people.items()}
        owners = [go_plan.module_owner(directory, homes) for directory in self.options["modules"]]
        others = [name for name, person in people.items() if person.uid != 0 and name not in owners]
        if failures and len(failures) == len(owners) and not (all(owners) and others):
            raise go_plan.PlanError(failures[0])
        self.notes += [failure.replace("; nothing was changed", "") for failure in failures]

    def list_refusals(
        self, people: Mapping[str, accounts.Account], users: Mapping[str, dict[str, Any]], flags: str
    ) -> tuple[list[str], dict[str, str]]:
        """Return whose Go commands were asked whether they take C(flags), and why whose do not.

        Several at a time, because what a user has for a Go command may take its time for each answer.
        """
        asking = [name for name in people if "environment" not in users[name]["unknown"] and _toolchains(users[name])]
        errands = {name: functools.partial(_refusals, people[name], _toolchains(users[name]), flags) for name in asking}
        answers = become.side_by_side(errands, REFUSALS) if flags else {}
        reasons = {
            name: str(answer.strerror) if isinstance(answer, OSError) else "; ".join(answer)
            for name, answer in answers.items()
        }
        return asking, {name: reason for name, reason in reasons.items() if reason}

    def check_flags(
        self,
        people: Mapping[str, accounts.Account],
        users: Mapping[str, dict[str, Any]],
        wanted: Mapping[str, dict[str, str]],
    ) -> None:
        """Take the flags from those whose Go refuses them; raise PlanError where root's or everybody's does."""
        flags = self.options["goflags"]
        asked, refused = self.list_refusals(people, users, flags)
        stopping = [name for name in refused if people[name].uid == 0 or len(refused) == len(asked)]
        if stopping:
            raise go_plan.PlanError(
                f"go_env_goflags is {flags!r}, but for {stopping[0]} {refused[stopping[0]]}: take the flag out; "
                "nothing was changed."
            )
        for name, reason in refused.items():
            self.take_flags(name, go_flags.split(flags), reason, wanted)

    def take_flags(self, name: str, flags: Sequence[str], reason: str, wanted: Mapping[str, dict[str, str]]) -> None:
        """Leave C(flags) out of one user's GOFLAGS, with a note."""
        kept = go_flags.without(wanted[name].pop("GOFLAGS", ""), flags)
        if kept:
            wanted[name]["GOFLAGS"] = kept
        self.notes.append(f"{name}'s GOFLAGS has no {' '.join(flags)}: {reason}.")

    def check_added(
        self,
        people: Mapping[str, accounts.Account],
        users: Mapping[str, dict[str, Any]],
        wanted: Mapping[str, dict[str, str]],
    ) -> None:
        """Take the added flags from those whose Go refuses them; raise TuningError where everybody's does."""
        asked, refused = self.list_refusals(people, users, " ".join(self.added))
        if refused and len(refused) == len(asked):
            name, reason = next(iter(refused.items()))
            raise go_tuning.TuningError(
                f"GOFLAGS cannot have {' '.join(self.added)}, because for {name} {reason}: turn that lever off; "
                "nothing was changed."
            )
        for name, reason in refused.items():
            self.take_flags(name, self.added, reason, wanted)

    def check_cache_program(self, people: Mapping[str, accounts.Account], wanted: Mapping[str, dict[str, str]]) -> None:
        """Take the program for the build cache from those who cannot start it, because no build of theirs would.

        TuningError where root or everybody cannot.
        """
        program = self.options["gocacheprog"].split(" ")[0]
        named = [name for name in people if wanted[name].get("GOCACHEPROG")]
        lacking = []
        for name in named:
            try:
                usable = become.ask(accounts.identity(people[name]), functools.partial(os.access, program, os.X_OK))
            except OSError:
                usable = False
            if not usable:
                lacking.append(name)
        for name in lacking:
            if people[name].uid == 0 or lacking == named:
                raise go_tuning.TuningError(
                    f"go_env_gocacheprog is {self.options['gocacheprog']!r}, but {name} cannot start {program}, so "
                    "that no build would: install it or leave go_env_gocacheprog empty; nothing was changed."
                )
            del wanted[name]["GOCACHEPROG"]
            self.notes.append(f"{name}'s GOCACHEPROG is not set, because {name} cannot start {program}.")

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
        """Raise PlanError where the folder is no Go module, or needs cgo while it is to be off."""
        owner = go_plan.module_owner(directory, {name: person.home for name, person in people.items()})
        # Go reads a project's Git configuration too: root does not where others write it. In a child, because what its
        # owner mounted there may give no answer.
        others = owner is None and look.once(functools.partial(scratch.others_change, directory))
        name = owner or next((name for name, person in people.items() if person.uid != 0 or not others), None)
        if name is None or not users[name]["go"]:
            return
        who = accounts.identity(people[name])
        module, workspace = become.ask(
            who, lambda: (scratch.find_module_root(directory), scratch.find_workspace_root(directory)), always=True
        )
        if not module and not workspace:
            raise go_plan.PlanError(
                f"go_env_modules names {directory}, which has no go.mod or go.work, nor has a folder above it: name "
                "directories of Go modules; nothing was changed."
            )
        own = go_find.environment_with_go(people[name], accounts.login_environment(people[name]))
        environment = dict(own, CGO_ENABLED="1")
        if people[name].uid == 0:
            environment.update(scratch.leave_out_workspace(directory, environment))
        listing = [users[name]["go"]["path"], "list"]
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

    def shells(self) -> None:
        """Export GOTMPDIR in the shells that are on this machine."""
        pattern = self.options["gotmpdir"]
        profile = os.path.isdir(os.path.dirname(go_plan.PROFILE_PATH)) and pattern
        self.write(go_plan.PROFILE_PATH, go_plan.profile_text(pattern) if profile else None)
        fish = os.path.isdir(os.path.dirname(os.path.dirname(go_plan.FISH_PATH))) and pattern
        self.write(go_plan.FISH_PATH, go_plan.fish_text(pattern) if fish else None)
        reading = distribution.list_shell_files()
        for path in go_plan.BLOCK_PATHS:
            clean = self.clean(path, go_plan.revert_block)
            if path in reading and profile:
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
            with contextlib.suppress(accounts.AccountError):
                root = accounts.find(["root"])[0]
                folders = accounts.login_environment(root).get("PATH", "").split(":")
                self.on_roots_path = {os.path.realpath(os.path.join(folder, "go")) for folder in folders}
        return self.on_roots_path

    @staticmethod
    def needing_cgo(observed: Mapping[str, Any]) -> list[str]:
        """Return the commands of one user whose programs would lose their cryptography without cgo."""
        kept = [toolchain for toolchain in observed["toolchains"] if go_plan.keeps_cgo(toolchain.get("version", ""))]
        return go_find.goroot_commands(kept, None)

    def leave_command(self, path: str, reason: str | None) -> None:
        """Note that a command keeps cgo, and why, so that no later step replaces it."""
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
        """Put a small program in the place of a `go` command; dpkg-divert keeps it over a package's updates."""
        content = go_plan.shim_text(path + journal.KEPT_SUFFIX).encode()
        if self.hands(owner).head(path, len(content) + 1) != content:
            if not self.module.check_mode:
                who = accounts.identity(owner) if owner else None
                moved = self.journal.displace(path, content, role=ROLE, owner=who)
                if moved:
                    self.notes.append(f"An earlier original of {path} is now {moved}.")
            self.changes.append(f"put a program that sets CGO_ENABLED=0 in the place of {path}")
            # It goes by the path, which another account may lead elsewhere; a user's program keeps the label it had.
            relabels = owner is None and distribution.has_selinux() and distribution.find_program("restorecon")
            if relabels and not self.module.check_mode:
                self.module.run_command(["restorecon", path])
        if owner is None and not self.module.check_mode and self.packaged(path):
            self.keep_from_updates(path)

    def keep_from_updates(self, path: str) -> None:
        """Have the next version of a package not overwrite the replacement; a note where dpkg is not there for it."""
        if not distribution.find_program("dpkg-divert"):
            if self.changes and self.changes[-1].endswith(path):
                self.notes.append(
                    f"The next update of the package of {path} brings Go's own program back there: run again after it."
                )
        elif not self.diverted(path):
            self.module.run_command(
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
        return self.module.run_command(["dpkg-divert", "--listpackage", path])[1].strip() == "LOCAL"

    def undivert(self, entry: journal.Entry) -> None:
        """Have dpkg know a Go command as its own again.

        Before it is restored: killed in between, the entry is still there and the next run finishes.
        """
        if entry.uid == 0 and distribution.find_program("dpkg-divert") and self.diverted(entry.path):
            self.module.run_command(["dpkg-divert", "--no-rename", "--remove", entry.path], check_rc=True)

    def absent(self) -> NoReturn:
        """Restore what was there before, of this run only where that is asked for."""
        only = self.options["only_this_run"]
        if not self.module.check_mode:
            go_applied.forget()
        self.stop_timer()
        # The program last, so that at no moment a setting names what is not there.
        self.restore(lambda entry: entry.path != tool_gc.PATH, only=only)
        self.restore(lambda entry: entry.path == tool_gc.PATH, only=only)
        self.start_timer()
        if not only and not self.module.check_mode:
            for name in (journal.BEFORE, journal.DECISIONS, journal.IN_FORCE):
                journal.forget_record(name)
            self.journal.close()
        self.kept += self.journal.damaged()
        self.leave_module()


def _toolchains(observed: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the Go commands of one user that answered."""
    return [toolchain for toolchain in observed.get("toolchains", ()) if toolchain.get("version")]


def _refusals(person: accounts.Account, toolchains: Sequence[Mapping[str, Any]], flags: str) -> list[str]:
    """Return which of one user's Go commands refuse C(flags), and how."""
    try:
        environment = go_find.environment_with_go(person, accounts.login_environment(person))
    except accounts.AccountError as error:
        return [str(error).rstrip(".")]
    ask = functools.partial(go_flags.list_refusals, toolchains, environment, flags)
    return list(become.ask(accounts.identity(person), ask, REFUSALS))


def _folder_owner(path: str) -> int:
    """Return whose the folder of a Go command is; NotOurs for one of root's where another account can replace it."""
    with files.opened_folder(os.path.dirname(path)) as folder:
        owner = os.fstat(folder).st_uid
    if owner == 0:
        files.check(path)
    return owner


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
        module.fail_json(msg=text.line(error), changes=text.printable(target.changes))
    except OSError as error:
        place = text.line(error.filename or "A file")
        module.fail_json(
            msg=f"{place} cannot be written: {error.strerror}; fix that, then run again.",
            changes=text.printable(target.changes),
        )


if __name__ == "__main__":
    main()
