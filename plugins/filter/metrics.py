# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

from ansible_collections.wsltune.go.plugins.module_utils.fleet import metrics as fleet_metrics

ROOT = Path(__file__).resolve().parents[2]


def find_version() -> str:
    """Return the collection's version: of a checkout, or of what ansible-galaxy installed; empty if neither has one."""
    for name, pattern in (("galaxy.yml", r"^version: *(\S+)"), ("MANIFEST.json", r'"version": *"([^"]+)"')):
        with contextlib.suppress(OSError):
            match = re.search(pattern, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
            if match:
                return match[1]
    return ""


def collect(
    facts: Mapping[str, Any], user: str, levers: Mapping[str, Any], result: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the metrics of one machine, with this collection's version."""
    return fleet_metrics.collect(facts, user, levers, result, find_version())


class FilterModule:
    """What a collector reads after a run."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name; NAME.yml documents each."""
        return {"metrics_values": collect}
