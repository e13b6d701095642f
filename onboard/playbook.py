# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ansible-playbook, which runs and keeps nothing in the current folder, and knows the sudo of Ubuntu 26.04.

Ansible loads C(shell_plugins) from the current folder, and Python makes temporary files there where /tmp is full.
"""

from __future__ import annotations

import os
import sys
import tempfile

from ansible.cli import playbook
from ansible.plugins import loader
from ansible.plugins.become import BecomeBase


def leave_current_folder() -> None:
    """Have no plugins looked for where a path without a beginning leads, in a folder that may be another account's."""
    for plugins in vars(loader).values():
        if isinstance(plugins, loader.PluginLoader):
            plugins.config = [path for path in plugins.config if os.path.isabs(path)]


def settle_temporary_folder() -> None:
    """Have Python choose one from the root folder, which takes the place of the current one."""
    here = os.open(".", os.O_PATH)
    os.chdir("/")
    tempfile.gettempdir()
    os.fchdir(here)
    os.close(here)


def has_prompt(method: BecomeBase, output: bytes) -> bool:
    """Return whether a password is asked for, also within a line: sudo-rs prints C([sudo: PROMPT] Password:).

    Ansible looks at the beginnings of lines alone, and waits there until its time is up (ansible/ansible#85837).
    """
    return bool(method.prompt) and method.prompt.strip().encode() in output


if __name__ == "__main__":
    sys.argv[0] = "ansible-playbook"
    leave_current_folder()
    settle_temporary_folder()
    BecomeBase.check_password_prompt = has_prompt
    playbook.main()
