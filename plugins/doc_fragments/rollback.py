# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """The options of modules that keep what was there before; module_utils/journal.py has their specification."""

    DOCUMENTATION = r"""
options:
  state:
    description: Whether it is there; V(absent) restores what was there before the first run.
    type: str
    choices: [present, absent]
    default: present
  only_this_run:
    description: With O(state=absent), restores only what the run named by O(run) changed.
    type: bool
    default: false
  run:
    description: Identifies the play's run, so that what this run changed can be taken back alone.
    type: str
    default: ''
"""
