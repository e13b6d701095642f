# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.wsltune.go.plugins.plugin_utils.later import Later


class FilterModule:
    """What the role ci_image renders."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name; NAME.yml documents each."""
        return {
            "ci_image_plan": Later("go.image", "make_plan"),
            "ci_image_marked": Later("go.image", "mark"),
            "ci_image_ours": Later("go.image", "list_ours"),
        }
