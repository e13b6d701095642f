# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: at_terminal
short_description: Whether a person started this ansible-playbook at a terminal
version_added: 1.0.0
author: wsltune contributors (@wsltune)
description:
  - Tells whether input and output of C(ansible-playbook) both are a terminal, so that defaults can differ between a
    person who watches and a job of cron or CI.
  - False on controllers without C(/proc).
options:
  _terms:
    description: None are taken.
"""

EXAMPLES = r"""
- name: Greet whoever watches
  ansible.builtin.debug:
    msg: Good morning.
  when: lookup('wsltune.go.at_terminal')
"""

RETURN = r"""
_list:
  description: One boolean.
  type: list
  elements: bool
"""

import multiprocessing
import os
import re
from collections.abc import Sequence
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

TERMINALS = re.compile(r"/dev/(pts/\d+|tty\w*|console)$")


def is_terminal(process: int, descriptor: int) -> bool:
    """Return whether an open file of a process is a terminal; by its name, for after su it belongs to someone else."""
    try:
        return bool(TERMINALS.match(os.readlink(f"/proc/{process}/fd/{descriptor}")))
    except OSError:
        return False


class LookupModule(LookupBase):
    """Look up whether a person sits at the terminal of ansible-playbook."""

    def run(self, terms: Sequence[Any], variables: Any = None, **kwargs: Any) -> list[bool]:
        """Return [True] where standard input and output of ansible-playbook are a terminal that is open for us."""
        if terms or kwargs:
            raise AnsibleLookupError("at_terminal takes no arguments.")
        # ansible-core takes a worker's terminal away (WorkerProcess._detach); its parent still has it.
        parent = multiprocessing.parent_process()
        process = parent.pid if parent is not None and parent.pid else os.getpid()
        return [is_terminal(process, 0) and is_terminal(process, 1)]
