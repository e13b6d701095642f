# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run asks of the Windows side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def select_settings(options: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Return the options that have a value, because an empty text means that the file keeps what it has."""
    return {option: value for option, value in zip(options, values) if value != ""}
