# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""systemd, on a machine that it started."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import programs

FOLDER = "/run/systemd/system"


def is_running() -> bool:
    """Return whether systemd started this machine (sd_booted(3))."""
    return os.path.isdir(FOLDER)


def reload(run_command: Callable[..., Any], check_rc: bool = False) -> None:
    """Have systemd read its units and fstab again, by C(AnsibleModule.run_command), which fails with C(check_rc)."""
    run_command(["systemctl", "daemon-reload"], check_rc=check_rc, environ_update=programs.own_path())
