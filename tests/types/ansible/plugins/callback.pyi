# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from typing import Any

from ansible.plugins import AnsiblePlugin
from ansible.utils.display import Display

class CallbackBase(AnsiblePlugin):
    _display: Display

    def v2_playbook_on_stats(self, stats: Any) -> None: ...
