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
  - Prints nothing when no machine has a summary, or when the environment variable E(WSLTUNE_ONBOARD) is V(1).
requirements:
  - Enabled in C(callbacks_enabled) of the configuration.
"""

import os
from typing import Any

from ansible.plugins.callback import CallbackBase

KEY = "wsltune_summary"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "wsltune.go.summary"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if os.environ.get("WSLTUNE_ONBOARD") == "1":
            return
        for host in sorted(name for name in stats.custom if name != "_run"):
            text = stats.custom[host].get(KEY)
            if text:
                self._display.display(f"\n{text.rstrip()}")
