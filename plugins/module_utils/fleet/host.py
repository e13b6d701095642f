# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run comes to on one host. Loads nothing else, because every run of site.yml asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

DONE = "done"
TAKEN_BACK = "taken back"
FAILED = "failed"
PENDING = "pending"
EXCLUDED = "excluded"
STATES = (DONE, TAKEN_BACK, FAILED, PENDING, EXCLUDED)
ANSWERED = (DONE, TAKEN_BACK, FAILED)


def first_comparison(comparisons: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the comparison that a host is judged by and shown with; an empty one where none has an interval.

    It is the first, which is the same on every host. The worst of several would be slower by chance alone, and any that
    is slower has had the host taken back.
    """
    known = (each for each in comparisons if each.get("ratio") and each.get("high") is not None)
    return next(known, {})


def make_row(verify: Mapping[str, Any]) -> dict[str, Any]:
    """Return the line of a machine from the C(verify_result) of its run."""
    found = first_comparison(verify.get("comparisons") or [])
    changes = len(verify.get("changes") or [])
    taken = bool(verify.get("rollback_wanted"))
    note = "nothing to change" if not changes else f"{changes} change{'' if changes == 1 else 's'}"
    return {
        "state": TAKEN_BACK if taken else DONE,
        **{name: found.get(name) for name in ("ratio", "low", "high")},
        "pending": len(verify.get("pending") or []),
        "note": "Go got slower" if taken else note,
    }
