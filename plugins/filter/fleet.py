# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.wsltune.go.plugins.module_utils.fleet import host as fleet_host
from ansible_collections.wsltune.go.plugins.module_utils.linux import signers


class FilterModule:
    """What a run over many machines says of each, and whom the machines trust."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name; NAME.yml documents each."""
        return {"fleet_row": fleet_host.make_row, "signers_refusal": signers.refusal}
