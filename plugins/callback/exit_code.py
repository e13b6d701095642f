# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: exit_code
type: aggregate
short_description: End ansible-playbook with the exit code that the play decided
version_added: 1.0.0
author:
  - wsltune contributors (@wsltune)
description:
  - Ends C(ansible-playbook) with the number that the play gave to C(ansible.builtin.set_stats) as C(wsltune_exit_code),
    because Ansible itself knows only that a host failed (2) or was unreachable (4).
  - Without such a number the exit code is Ansible's own. What another task of a host returns as C(ansible_stats) counts
    for nothing.
notes:
  - It ends the program when the statistics are shown, so it must be the last in C(callbacks_enabled).
requirements:
  - Enabled in C(callbacks_enabled) of the configuration.
"""

from typing import Any

from ansible.plugins.callback import CallbackBase

from ansible_collections.wsltune.go.plugins.module_utils.fleet import end_of_run

KEY = "wsltune_exit_code"


class CallbackModule(CallbackBase):
    """End ansible-playbook with the exit code that a play sets, such as 5 for a module that got slower."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "wsltune.go.exit_code"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._told = end_of_run.Stats()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Keep what the play sets."""
        self._told.take(result.task.action, result.host.name, result.result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Raise SystemExit after the recap with the code that the play set; keep Ansible's own without one."""
        code = self._told.custom.get(end_of_run.RUN, {}).get(KEY)
        if code is not None:
            # No exception of Ansible's own, so its handlers clean up and let it through.
            raise SystemExit(int(code))
