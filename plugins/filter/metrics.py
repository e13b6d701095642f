# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.wsltune.go.plugins.lookup.collection_version import find_version


def collect(
    facts: Mapping[str, Any], user: str, levers: Mapping[str, Any], result: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the metrics of one machine, with this collection's version."""
    from ansible_collections.wsltune.go.plugins.module_utils.fleet import metrics as fleet_metrics

    return fleet_metrics.collect(facts, user, levers, result, find_version())


class FilterModule:
    """What a collector reads after a run."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name; NAME.yml documents each."""
        return {"metrics_values": collect}
