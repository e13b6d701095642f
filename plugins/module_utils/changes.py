# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a module changes in files, by the journal, and says as it goes; in check mode it says so and does no more."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, files, text


class Changes:
    """The changes of one run of the role C(role), whose files are restored as C(way_of) says of each."""

    most = files.LARGEST
    """The size of the largest file that is read."""

    def __init__(self, role: str, way_of: Callable[[journal.Entry], journal.Way], run: str, check_mode: bool) -> None:
        self.role = role
        self.way_of = way_of
        self.check_mode = check_mode
        self.pool = become.Pool()
        self.journal = journal.Journal(run=run or f"{time.time():.6f}", pool=self.pool)
        self.made: list[str] = []
        self.diff: list[dict[str, str]] = []
        self.notes: list[str] = []
        self.left_out: list[str] = []
        """Those of the notes that name a wish that was left out, which the next run tries again."""
        self.kept: list[str] = []
        self.left: list[str] = []

    def leave_out(self, note: str) -> None:
        """Note a wish that is left out, and why."""
        self.notes.append(note)
        self.left_out.append(note)

    def hands(self, account: accounts.Account | None = None) -> files.Files:
        """Return who touches the files of C(account): this process those of the system, a child those of a user."""
        return self.pool.of(accounts.identity(account) if account else None)

    def read(self, path: str, account: accounts.Account | None = None) -> str | None:
        """Return what a file says; None for no file. Bytes that are no UTF-8 survive."""
        state = self.hands(account).read(path, self.most)
        return None if state is None else text.decode(state.content)

    def without_us(self, path: str, revert: journal.Revert, account: accounts.Account | None = None) -> str | None:
        """Return what C(path) would say without wsltune; None for no file."""
        state = self.hands(account).read(path, self.most)
        if state is None:
            return None
        entry = self.journal.entry(self.hands(account).real(path))
        content: bytes | None = state.content
        if entry is not None and entry.written is not None:
            content = journal.content_without_us(entry, state.content, revert)
        return None if content is None else text.decode(content)

    def write(
        self,
        path: str,
        content: str | None,
        revert: journal.Revert | None = None,
        account: accounts.Account | None = None,
        mode: int = 0o644,
    ) -> None:
        """Make C(path) say C(content) (None: as it was before wsltune). A file that exists keeps its mode."""
        before = self.read(path, account)
        if before == content:
            return
        if content is None:
            real = self.hands(account).real(path)
            self.restore(lambda entry: entry.path == real)
            return
        if not self.check_mode:
            self.journal.write(
                path,
                text.encode(content),
                role=self.role,
                revert=revert,
                mode=mode if before is None else None,
                owner=accounts.identity(account) if account else None,
            )
        self.note_written(path, before, content)

    def edit(
        self,
        path: str,
        make: Callable[[str], str],
        mode: int | None = None,
        revert: journal.Revert | None = None,
        shared: bool = False,
    ) -> bool:
        """Have a file of the system say what C(make) returns for its text; return whether it did not, or does not yet.

        Another program may change it at the same time (journal.Journal.edit). C(shared): several roles have a part.
        """
        before = self.read(path)
        after = make(before or "")
        if before == after:
            return False
        if not self.check_mode:
            self.journal.edit(
                path,
                lambda now: text.encode(make(text.decode(now))),
                role=self.role,
                mode=mode,
                revert=revert,
                shared=shared,
            )
        self.note_written(path, before, after)
        return True

    def note_written(self, path: str, before: str | None, after: str) -> None:
        """Say that C(path) is written, with what differs; C(before) is None where there is no file."""
        self.diff += journal.diff(path, before, after)
        self.made.append(f"wrote {path}")

    def restore(
        self,
        wanted: Callable[[journal.Entry], bool] | None = None,
        only: bool = False,
        before: Callable[[journal.Step], None] | None = None,
        after: Callable[[journal.Step], None] | None = None,
    ) -> list[journal.Step]:
        """Restore what the journal has of C(wanted) entries; with C(only) what this run changed.

        C(before) is called before each that is carried out, and C(after) once it is. Return those that change anything.
        """
        changing = []
        for step in self.journal.plan_restore(self.role, self.way_of, only, wanted):
            if before and not self.check_mode:
                before(step)
            restored = step.restored if self.check_mode else self.journal.carry_out(step)
            if restored.changed:
                self.made.append(f"restored {step.path}")
                self.diff += step.diff
                changing.append(step)
            if restored.kept:
                self.kept.append(restored.kept)
            if restored.left:
                self.left.append(restored.left)
            if after and restored.changed and not self.check_mode:
                after(step)
        return changing

    def result(self, **more: Any) -> dict[str, Any]:
        """Return what M(AnsibleModule.exit_json) takes, with C(more) in it."""
        sentences = {"changes": self.made, "kept": self.kept, "left": self.left}
        # An error of a role shows them as they are, and a path may have the end of a line in it.
        texts: dict[str, Any] = {name: [text.unbroken(one) for one in those] for name, those in sentences.items()}
        texts["notes"] = [text.line(note) for note in self.notes]
        return {"changed": bool(self.made), **text.printable({**texts, **more, "diff": self.diff})}
