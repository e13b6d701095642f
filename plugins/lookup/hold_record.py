# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: hold_record
short_description: Keep the record of a rollout or a heal for this ansible-playbook and its workers
version_added: 1.0.0
author: wsltune contributors (@wsltune)
description:
  - Opens and locks the file C(lock) in the folder of a record. The workers of Ansible inherit the descriptor, so that
    the record is free only when the last of them has ended, also where C(ansible-playbook) itself was killed.
  - Works only where Ansible evaluates it in C(ansible-playbook) itself and not in a worker, as the condition of
    C(ansible.builtin.meta).
  - A record that another run has is no error here. The step V(begin) of the playbooks
    C(rollout) and C(heal) refuses it.
options:
  _terms:
    description: Folders of records.
"""

EXAMPLES = r"""
- name: Keep the record for this run and its workers
  ansible.builtin.meta: end_play
  when: not lookup('wsltune.go.hold_record', '/var/lib/rollouts/december')
"""

RETURN = r"""
_list:
  description: True for each folder.
  type: list
  elements: bool
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.wsltune.go.plugins.module_utils.fleet import record
from ansible_collections.wsltune.go.plugins.module_utils.linux import become, process


class Workers:
    """Has the workers that this process forks end after their task where it is killed.

    A worker writes its result into a pipe of which it has the other end open itself. Where nobody else has, a result
    that is larger than the pipe would keep it, and with it the record, for ever.
    """

    def __init__(self) -> None:
        self.parent = 0

    def watch(self) -> None:
        """Begin, in ansible-playbook itself."""
        if not self.parent and sys.platform == "linux" and multiprocessing.parent_process() is None:
            self.parent = os.getpid()
            os.register_at_fork(after_in_child=self.begin)

    def begin(self) -> None:
        """Ask the kernel, in a worker that was forked right now, for a signal when its parent dies."""
        # What a worker forks is not asked again.
        parent, self.parent = self.parent, 0
        if not parent:
            return
        signal.signal(signal.SIGUSR2, leave_results)
        process.LIBRARY.prctl(become.PR_SET_PDEATHSIG, signal.SIGUSR2)
        if os.getppid() != parent:
            os._exit(1)


def leave_results(_signal: int, _frame: Any) -> None:
    """Close the end of the pipe that results are read from, so that who writes into it gets an error."""
    reader = getattr(getattr(multiprocessing.current_process(), "_final_q", None), "_reader", None)
    if reader is not None:
        reader.close()


WORKERS = Workers()


class LookupModule(LookupBase):
    """Look up the lock of a record, and keep it."""

    def run(self, terms: Sequence[Any], variables: Any = None, **kwargs: Any) -> list[bool]:
        """Hold the record in each of the folders C(terms)."""
        if kwargs:
            raise AnsibleLookupError("hold_record takes folders alone.")
        WORKERS.watch()
        for folder in terms:
            record.Store(str(folder)).hold()
        return [True for _folder in terms]
