# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the settings of each user shall say, by the options of go_env and by what that user has."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils import changes as all_changes
from ansible_collections.wsltune.go.plugins.module_utils.go import envfile, tool_gc
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, mountinfo


class Wishes:
    """Makes the settings of one user after the other.

    C(added) are the flags that GOFLAGS gets beside a user's own. C(elsewhere) are the accounts whose Go also runs where
    a program of this machine is missing.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        mounts: Sequence[mountinfo.Mount],
        added: Sequence[str],
        elsewhere: Mapping[str, str],
        changes: all_changes.Changes,
    ) -> None:
        self.options = options
        self.mounts = mounts
        self.added = added
        self.elsewhere = elsewhere
        self.changes = changes

    def make(
        self, person: accounts.Account, observed: Mapping[str, Any], before: Mapping[str, Any] | None
    ) -> dict[str, str]:
        """Return the wanted settings of one user; a cache counts as slow by the place it had before the first run."""

        def mount_of(path: str | None) -> mountinfo.Mount | None:
            try:
                return mountinfo.find(self.mounts, self.changes.hands(person).nearest(path)) if path else None
            except OSError:
                # What does not answer is not moved.
                return None

        places = {name: mount_of(go_plan.cache_path(name, observed, before)) for name in go_plan.CACHES}
        slow = go_plan.slow_caches(mount_of(observed["home"]), places)
        return go_plan.settings_for(person.name, observed, self.options, slow, self.tuned(person, observed))

    def tuned(self, person: accounts.Account, observed: Mapping[str, Any]) -> dict[str, str]:
        """Return the settings of one user that change how Go works, beside what the user has without wsltune."""
        own = envfile.parse(self.changes.without_us(observed["user_file"]["path"], envfile.revert, person) or "")
        goroot = observed["places"].get("GOROOT", {}).get("path")
        with contextlib.suppress(OSError):
            # Such as a distribution's, which a setting of the user's would hide.
            own = {**envfile.parse((goroot and self.changes.read(os.path.join(goroot, "go.env"), person)) or ""), **own}
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
        newest = go_tuning.choose_toolchain(wanted, names, version)
        if not newest:
            what = "no Go newer than " + (version or "its own") if wanted == "newest" else f"no {wanted}"
            self.changes.leave_out(f"{person.name}'s GOTOOLCHAIN is not set: {what} lies in {cache}.")
        return newest

    def linker(self, person: accounts.Account) -> str:
        """Return the linker for one user's cgo; nothing, with a note, where that user has none."""
        wanted = self.options["cgo_linker"]
        try:
            path = accounts.login_environment(person).get("PATH", "")
            linker = str(become.ask(accounts.identity(person), functools.partial(go_tuning.find_linker, wanted, path)))
        except (accounts.AccountError, OSError):
            linker = ""
        if not linker:
            names = " nor ".join(go_tuning.LINKERS) if wanted == "auto" else wanted
            self.changes.leave_out(f"{person.name}'s CGO_LDFLAGS is not set: no {names} on the PATH of a login.")
        return linker
