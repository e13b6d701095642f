# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.wsltune.go.plugins.module_utils import report


class FilterModule:
    """What a run asks of the Windows side and says about it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name; NAME.yml documents each."""
        return {
            "windows_text": report.write_windows,
            "windows_sentences": report.list_defender_sentences,
            "windows_reachable": report.can_reach_windows,
        }
