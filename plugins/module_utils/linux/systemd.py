# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""systemd, on a machine that it started."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import programs, text

FOLDER = "/run/systemd/system"
LIMIT = 60
"""Seconds until systemd has done what it was asked for; it takes one or two."""
TIMED_OUT = 124
"""Exit code of timeout(1)."""


def is_running() -> bool:
    """Return whether systemd started this machine (sd_booted(3))."""
    return os.path.isdir(FOLDER)


def ask(run_command: Callable[..., Any], *words: str) -> str:
    """Have systemctl do something, by C(AnsibleModule.run_command); return why that is not done, nothing where it is.

    Any account can keep systemd busy without end, such as by questions at its socket for accounts.
    """
    command = ["timeout", "-k", "5", str(LIMIT), "systemctl", *words]
    code, _out, err = run_command(command, environ_update=programs.own_path())
    if code == TIMED_OUT:
        return f"systemd gave no answer in {LIMIT} s to systemctl {' '.join(words)}"
    return f"systemctl {' '.join(words)} fails: {text.line(err.strip() or f'exit {code}')}" if code else ""


def reload(run_command: Callable[..., Any]) -> str:
    """Have systemd read its units and fstab again; return why that is not done, nothing where it is."""
    return ask(run_command, "daemon-reload")


def reload_fstab(run_command: Callable[..., Any]) -> list[str]:
    """Have systemd read a changed fstab again; return a note where that is not done."""
    reason = reload(run_command)
    return [f"systemd has /etc/fstab as it was: {reason}; run it later"] if reason else []
