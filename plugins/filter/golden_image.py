# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.wsltune.go.plugins.plugin_utils.later import Later


class FilterModule:
    """What playbooks/image.yml came to, and what playbooks/user_data.yml prints."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name; NAME.yml documents each."""
        return {
            "golden_image_text": Later("image.report", "text"),
            "user_data_plan": Later("image.user_data", "plan"),
        }
