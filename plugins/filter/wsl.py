# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.wsltune.go.plugins.module_utils.wsl import plan, restart


class FilterModule:
    """What a play asks of WSL's files, and which restart it does for them."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name; NAME.yml documents each."""
        return {"wsl_settings": plan.plan_settings, "wsl_restart": restart.plan_restart}
