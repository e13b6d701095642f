# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.wsltune.go.plugins.module_utils.go import image as go_image


class FilterModule:
    """What the role ci_image renders."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name; NAME.yml documents each."""
        return {
            "ci_image_plan": go_image.make_plan,
            "ci_image_marked": go_image.mark,
            "ci_image_ours": go_image.list_ours,
        }
