# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: summary
type: aggregate
short_description: Print each machine's summary at the end of a run
version_added: 1.0.0
author:
  - wsltune contributors (@wsltune)
description:
  - Prints what the role C(wsltune.go.report) was given for each machine, after everything else.
  - Of more than three machines it prints one table with a line for each, because nobody reads hundreds of summaries.
  - Prints C(wsltune_fleet) in place of both, where a play over many machines gave that to C(ansible.builtin.set_stats).
  - Prints nothing when no machine has a summary, or when the environment variable E(WSLTUNE_ONBOARD) is V(1).
requirements:
  - Enabled in C(callbacks_enabled) of the configuration.
"""

import os
from typing import Any

from ansible.plugins.callback import CallbackBase

from ansible_collections.wsltune.go.plugins.module_utils.fleet import end_of_run
from ansible_collections.wsltune.go.plugins.module_utils.linux import text as linux_text

KEY = "wsltune_summary"
ROW = "wsltune_row"
FLEET = "wsltune_fleet"
MOST_SUMMARIES = 3


class CallbackModule(CallbackBase):
    """Print what the play found, in words, below Ansible's recap."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "wsltune.go.summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._told = end_of_run.Stats()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Keep what the play hands to the end of the run."""
        self._told.take(result.task.action, result.host.name, result.result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Print the fleet's text, a table for many hosts, or each host's summary; onboard.sh prints it itself."""
        if os.environ.get("WSLTUNE_ONBOARD") == "1":
            return
        fleet = self._told.custom.get(end_of_run.RUN, {}).get(FLEET)
        if fleet:
            self._show(fleet)
            return
        summaries = {host: custom for host, custom in self._told.custom.items() if host != end_of_run.RUN}
        if sum(ROW in custom for custom in summaries.values()) + len(self._silent(stats)) > MOST_SUMMARIES:
            # Loaded where it is needed, because every run loads this file.
            from ansible_collections.wsltune.go.plugins.module_utils.fleet import report as fleet_report

            rows = fleet_report.make_rows(
                {host: custom.get(ROW) for host, custom in summaries.items()}, stats.failures, stats.dark
            )
            self._show(fleet_report.write_table(rows))
            summaries = {host: custom for host, custom in summaries.items() if ROW not in custom}
        for host in sorted(summaries):
            text = summaries[host].get(KEY)
            if text:
                self._show(text)

    def _show(self, text: str) -> None:
        """Print a text, in which a host may have had its own say, as a terminal shows it."""
        self._display.display(f"\n{linux_text.printable(text).rstrip()}")

    def _silent(self, stats: Any) -> set[str]:
        """Return the machines that ended before their summary."""
        return (set(stats.failures) | set(stats.dark)) - set(self._told.custom)
