# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from typing import Any

from ansible.plugins import AnsiblePlugin

class ActionBase(AnsiblePlugin):
    _task: Any
    _templar: Any
    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]: ...
    def validate_argument_spec(self, argument_spec: dict[str, Any]) -> tuple[Any, dict[str, Any]]: ...
