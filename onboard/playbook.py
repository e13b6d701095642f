# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ansible-playbook, which runs nothing of the current folder: Ansible loads C(shell_plugins) from there."""

from __future__ import annotations

import os
import sys

from ansible.cli import playbook
from ansible.plugins import loader


def leave_current_folder() -> None:
    """Have no plugins looked for where a path without a beginning leads, in a folder that may be another account's."""
    for plugins in vars(loader).values():
        if isinstance(plugins, loader.PluginLoader):
            plugins.config = [path for path in plugins.config if os.path.isabs(path)]


if __name__ == "__main__":
    sys.argv[0] = "ansible-playbook"
    leave_current_folder()
    playbook.main()
