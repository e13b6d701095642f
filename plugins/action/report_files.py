# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes the reports of a run on the controller, where no other account leads it elsewhere."""

from __future__ import annotations

import os
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.wsltune.go.plugins.module_utils.linux import reports, text

SPEC = {"folder": {"type": "str", "required": True}, "files": {"type": "dict", "required": True}}


class ActionModule(ActionBase):
    """Write the files; in check mode nothing."""

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the folder; raise AnsibleError with one sentence where it cannot be written."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _result, given = self.validate_argument_spec(argument_spec=SPEC)
        folder = os.path.abspath(os.path.expanduser(given["folder"]))
        contents = {}
        for name, content in given["files"].items():
            if not isinstance(content, str) or "/" in name or name in ("", ".", ".."):
                raise AnsibleError(f"files has {name!r}: give names of files, and text for each; nothing was written.")
            # What a host returned may have half a character in it, which nothing can be encoded from.
            contents[name] = text.encode(text.HALF.sub("\N{REPLACEMENT CHARACTER}", content))
        try:
            if not self._task.check_mode:
                reports.write(folder, contents)
        except OSError as error:
            raise AnsibleError(
                f"The reports cannot be written to {text.line(folder)} ({error.strerror}): name a folder of your own, "
                "with no link on the way that another account can change."
            ) from None
        # A report is no change of the machine that it is about.
        return {**result, "changed": False, "folder": folder}
