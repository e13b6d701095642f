#!/usr/bin/python
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: packages
short_description: Install what is needed by the distribution's own package manager, and remove exactly that again
version_added: 1.0.0
description:
  - Installs packages by what they are needed for, whatever the distribution calls them.
  - Knows apt, dnf, zypper, pacman and apk.
  - Records in C(/var/lib/wsltune/packages.json) what came with them, before the installation and after it.
  - With O(state=absent) removes what the record has and no other package needs, and forgets the record.
  - On Arch installs nothing while packages are out of date, because Arch supports no partial upgrades.
  - Ends a command of the manager that only looks after 5 minutes, and one that may fetch the lists of packages, such as
    a plan, after 30. Never ends an installation or a removal, because a half-done one has to be repaired by hand; use
    C(async) where the task has to return.
options:
  needs:
    description:
      - What is needed, such as V(go) and V(cgo), or the name of a package itself.
    type: list
    elements: str
    default: []
  state:
    description: Whether the packages are there; V(absent) removes what earlier calls installed and nothing else.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    description: Returns what would be done and changes nothing.
  diff_mode:
    support: none
    description: A list of packages is no text.
author:
  - wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: Go with a C compiler for cgo
  wsltune.go.packages:
    needs: [go, cgo]
  become: true

- name: Remove what was installed
  wsltune.go.packages:
    state: absent
  become: true
"""

RETURN = r"""
manager:
  description: The package manager, such as V(dnf); empty where there is none that is known.
  returned: always
  type: str
changes:
  description: What was done, as sentences.
  returned: always
  type: list
  elements: str
kept:
  description: Which packages stay and what needs them, as sentences.
  returned: always
  type: list
  elements: str
"""

import contextlib
import os
import shlex
import signal
import threading
import time
from collections.abc import Sequence
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.go import packages as go_packages
from ansible_collections.wsltune.go.plugins.module_utils.linux import distribution, files, process, programs, text

RECORD = os.path.join(journal.ROOT, "packages.json")
LIMITS = {"list": 300.0, "outdated": 300.0, "dependents": 300.0, "plan": 1800.0, "refresh": 1800.0}
"""Seconds for the commands that may be ended at any moment. Before a plan, dnf and zypper fetch lists of packages."""
LOCKED = 180.0
"""Seconds that an installation may wait for a lock on end, as apt-get does; any account can hold zypper's."""
GRACE = 10.0
"""Seconds that it has to end then."""
LOOK = 0.5
"""Seconds between two looks."""
QUIET = {
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    **distribution.NO_RESTARTS,
}


class Packages:
    """Carries out what distribution.py and go/packages.py decide."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.machine = distribution.observe()
        self.manager = self.machine.manager
        self.changes: list[str] = []
        self.kept: list[str] = []

    def ask(self, verb: str, *names: str) -> tuple[int, str]:
        """Run one of the manager's commands; return its exit code and what it said; nothing where it has none."""
        words = distribution.words_for(self.manager, verb)
        if not words:
            return 0, ""
        if verb in LIMITS:
            return self.look([*words, *names], LIMITS[verb])
        locked, ended = threading.Event(), threading.Event()
        watchers: list[threading.Thread] = []

        def watch(program: Any) -> None:
            watchers.append(threading.Thread(target=_end_where_locked, args=(program.pid, locked, ended), daemon=True))
            watchers[0].start()

        command, environment = [*words, *names], {**QUIET, **programs.own_path()}
        try:
            code, out, err = self.module.run_command(
                command, environ_update=environment, before_communicate_callback=watch
            )
        finally:
            ended.set()
            for watcher in watchers:
                watcher.join()
        if code and locked.is_set():
            self.fail(
                f"`{shlex.join(command)}` waited {LOCKED:g} s for a lock that another process holds and was ended: see"
                " what /proc/locks says of it, then run again"
            )
        return code, f"{out}\n{err}"

    def look(self, words: Sequence[str], limit: float) -> tuple[int, str]:
        """Run a command that may be ended; end the module where it takes longer than C(limit) seconds."""
        environment = {**os.environ, **programs.own_path(), **QUIET}
        try:
            done = process.run(words, environment, limit=limit)
            late = done.timed_out
        except TimeoutError:
            late = True
        except OSError as error:
            return 127, str(error)
        if late:
            self.fail(
                f"`{shlex.join(words)}` did not end within {limit:g} s and was ended: see what it waits for, such as"
                " another run of the package manager or the network, then run again"
            )
        return done.code, f"{done.out}\n{done.err}"

    def list_installed(self) -> list[str]:
        """List the names of all packages; end the module where the manager cannot list them."""
        code, output = self.ask("list")
        if code:
            self.fail(distribution.explain_unlisted(self.manager, output))
        return distribution.list_installed(output)

    def record(self) -> str | None:
        """Return the text of the record of what was installed by us, None where nothing was."""
        state = files.Files().read(RECORD)
        return None if state is None else state.content.decode("utf-8", "replace")

    def keep(self, names: Sequence[str]) -> None:
        """Record the packages that absent may remove; without any the record goes."""
        if not names:
            return self.forget()
        os.makedirs(journal.ROOT, mode=0o700, exist_ok=True)
        content = go_packages.write_record(names).encode("utf-8")
        files.Files().put(RECORD, files.FileState.own(content))
        return None

    def forget(self) -> None:
        """Remove the record, and its folder where nothing else is in it."""
        with contextlib.suppress(FileNotFoundError):
            files.Files().remove(RECORD)
        with contextlib.suppress(OSError):
            os.rmdir(journal.ROOT)

    def fail(self, sentence: str) -> NoReturn:
        """End the module with the sentence, to which the full stop is added."""
        self.module.fail_json(msg=f"{sentence}.", manager=self.manager, changes=self.changes, kept=self.kept)

    def leave(self) -> NoReturn:
        """Return the result to Ansible and end."""
        self.module.exit_json(
            changed=bool(self.changes), manager=self.manager, changes=self.changes, kept=text.printable(self.kept)
        )

    def present(self) -> NoReturn:
        """Install what is missing, recorded before, so that an interrupted installation can be removed."""
        if self.machine.obstacle:
            self.fail(self.machine.obstacle)
        wanted = distribution.names_of(self.manager, self.module.params["needs"])
        if not self.module.check_mode:
            # What was interrupted would stop every later one.
            self.ask("finish")
        before = self.list_installed()
        missing = [name for name in wanted if name not in before]
        if not missing:
            self.leave()
        if distribution.list_outdated(self.ask("outdated")[1]):
            self.fail(distribution.PARTIAL)
        if self.module.check_mode:
            self.changes.append(f"would install {' '.join(missing)}")
            self.leave()
        planned = distribution.list_planned(self.manager, self.ask("plan", *missing)[1])
        earlier = self.record()
        # First, in case that the installation is interrupted.
        self.keep(go_packages.merge_record(earlier, [*missing, *planned]))
        try:
            code, output = self.ask("install", *missing)
            if code and distribution.words_for(self.manager, "refresh"):
                # The lists of packages may be missing still, or name what the mirror has no more.
                self.ask("refresh")
                code, output = self.ask("install", *missing)
        finally:
            after = self.list_installed()
            self.keep(go_packages.merge_record(earlier, [], before, after))
        if code:
            self.fail(self.explain(missing, output))
        self.changes.append(f"installed {' '.join(missing)}")
        self.leave()

    def explain(self, missing: Sequence[str], output: str) -> str:
        """Return why an installation failed, in one sentence without its end."""
        if distribution.words_for(self.manager, "outdated"):
            return f"{distribution.PARTIAL} ({text.line(output)[-300:]})"
        return (
            f"{self.manager} could not install {' '.join(missing)} ({text.line(output)[-300:]}): check the network and "
            "the package sources, then run again"
        )

    def needing(self, name: str) -> list[str]:
        """List the installed packages that need this one."""
        return distribution.list_needing(self.manager, name, self.ask("dependents", name)[1])

    def absent(self) -> NoReturn:
        """Remove what was installed by us, except for what other packages need."""
        content = self.record()
        if content is None:
            self.leave()
        if not self.manager:
            self.fail(f"{self.machine.obstacle}; {RECORD}, the record of what was installed, stays")
        present = self.list_installed()
        installed = [name for name in go_packages.read_record(content) if name in present]
        removable, kept = distribution.choose_removable(installed, self.needing)
        self.kept += distribution.explain_kept(self.manager, kept)
        if removable:
            self.changes.append(f"removed the packages {' '.join(removable)}")
        if not self.module.check_mode:
            code, output = self.ask("remove", *removable) if removable else (0, "")
            if code:
                self.changes.clear()
                self.fail(f"{' '.join(removable)} could not be removed ({text.line(output)[-300:]}): run again")
            left = set(removable).intersection(self.list_installed()) if removable else set()
            self.kept += [f"{name} stays installed, because other packages need it" for name in sorted(left)]
            self.changes = [f"removed the packages {' '.join(gone)}"] if (gone := sorted(set(removable) - left)) else []
            self.forget()
        self.leave()


def _end_where_locked(pid: int, locked: threading.Event, ended: threading.Event) -> None:
    """End a package manager that does nothing but wait for a lock of its own; what its scripts wait for is theirs."""
    begin, since = process.descendants({pid}).get(pid, 0), time.monotonic()
    patience, number = LOCKED, signal.SIGTERM
    while not ended.is_set() and process.is_running(pid, begin):
        if not process.waits_for_lock(pid):
            since = time.monotonic()
        elif time.monotonic() - since > patience:
            locked.set()
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            # zypper goes on waiting after the first.
            since, patience, number = time.monotonic(), GRACE, signal.SIGKILL
        ended.wait(LOOK)


def main() -> None:
    """Install or remove packages by the distribution's own manager; root only."""
    module = AnsibleModule(
        argument_spec={
            "needs": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    if os.geteuid() != 0:
        module.fail_json(msg="packages installs for all users: run it as root (become: true).")
    target = Packages(module)
    if module.params["state"] == "present":
        target.present()
    target.absent()


if __name__ == "__main__":
    main()
