# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sets up the timer that keeps Go's build caches below a size, or takes it away."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils import changes as all_changes
from ansible_collections.wsltune.go.plugins.module_utils.go import cache as go_cache
from ansible_collections.wsltune.go.plugins.module_utils.go import trim as go_trim
from ansible_collections.wsltune.go.plugins.module_utils.linux import files, systemd


class Trimmer:
    """Has a timer keep the build caches below a size, or none."""

    def __init__(self, changes: all_changes.Changes, run_command: Callable[..., tuple[int, str, str]]) -> None:
        self.changes = changes
        self.run_command = run_command

    def set_up(
        self, limit: int, users: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Have a timer keep the build caches of these users below C(limit) bytes, or none where it is 0."""
        content = go_cache.texts(limit, go_cache.list_caches(users, wanted), systemd.is_running()) if limit else {}
        if go_cache.TIMER not in content:
            self.stop()
        for path in go_cache.all_paths():
            if path not in content:
                self.changes.write(path, None)
        for path, wanted_text in content.items():
            self.changes.write(path, wanted_text, mode=0o600 if path == go_trim.SETTINGS else 0o644)
        if limit and not self.changes.check_mode:
            self.narrow(go_trim.SETTINGS)
        self.start()
        if limit and not systemd.is_running():
            self.changes.notes.append(
                "Nothing trims the build caches by itself, because this machine runs no systemd: "
                f"`sudo {go_cache.interpreter()} {go_cache.PROGRAM}` does once."
            )

    @staticmethod
    def narrow(path: str) -> None:
        """Have a file be for root alone that an earlier version wrote for everybody."""
        with files.place(path) as there:
            descriptor = there.open(os.O_RDONLY | os.O_NONBLOCK)
            try:
                if os.fstat(descriptor).st_mode & 0o077:
                    os.fchmod(descriptor, 0o600)
            finally:
                os.close(descriptor)

    def stop(self) -> None:
        """Stop the timer before its file goes, so that a killed run leaves no timer that nothing stands behind."""
        if not self.changes.check_mode and os.path.exists(go_cache.TIMER) and systemd.is_running():
            systemd.ask(self.run_command, "stop", go_cache.TIMER_NAME)

    def start(self) -> None:
        """Have systemd know the timer as its file is now, and run it where there is one."""
        if self.changes.check_mode or not systemd.is_running():
            return
        touched = bool(go_cache.headlines(self.changes.made, ""))
        reason = systemd.reload(self.run_command) if touched else ""
        if not reason and os.path.exists(go_cache.TIMER):
            reason = systemd.ask(self.run_command, "restart" if touched else "start", go_cache.TIMER_NAME)
        if reason:
            later = f"`systemctl daemon-reload` and `systemctl restart {go_cache.TIMER_NAME}`"
            self.changes.notes.append(f"The timer may not run yet, because {reason}: later, run {later}.")
