# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: file_start
short_description: The text of a file on the controller, up to a limit
version_added: 1.0.0
author: wsltune contributors (@wsltune)
description:
  - Reads a file on the controller as the lookup C(ansible.builtin.file) finds it, but never more than O(most) bytes
    and one more, by which whoever takes the text sees that there was more.
  - One that gives no answer in 20 seconds is an error.
  - Of what is no regular file, such as a FIFO, which may have no end, nothing is read.
options:
  _terms:
    description: Paths of files.
    required: true
  most:
    description: Bytes of a file that are read.
    type: int
    default: 16777216
"""

EXAMPLES = r"""
- name: Show how a file of somebody's begins
  ansible.builtin.debug:
    msg: "{{ lookup('wsltune.go.file_start', '/srv/results.json', most=1000) }}"
"""

RETURN = r"""
_raw:
  description: The text of each file, the start of a longer one.
  type: list
  elements: str
"""

import functools
import os
import stat
from collections.abc import Sequence
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.wsltune.go.plugins.module_utils.linux import look

LIMIT = 20.0
"""Seconds that a file may take: whoever can write in a folder may have mounted there what never answers."""


def read_start(path: str, most: int) -> str:
    """Return the text of a file, and of one with more than C(most) bytes one byte more than that."""
    # Opened so that a FIFO without a writer is not waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        with os.fdopen(os.dup(descriptor), "rb") as handle:
            return handle.read(most + 1).decode("utf-8", "replace")
    finally:
        os.close(descriptor)


class LookupModule(LookupBase):
    """Look up how a file begins."""

    def run(self, terms: Sequence[Any], variables: Any = None, **kwargs: Any) -> list[str]:
        """Return the start of each file; AnsibleLookupError for one that is not there or cannot be read."""
        self.set_options(var_options=variables, direct=kwargs)
        most = int(self.get_option("most"))

        def read(term: str) -> str | None:
            path = self.find_file_in_search_path(variables, "files", term, ignore_missing=True)
            return read_start(path, most) if path else None

        texts = []
        for term in map(str, terms):
            try:
                found = look.once(functools.partial(read, term), LIMIT)
            except OSError as error:
                raise AnsibleLookupError(f"{term} cannot be read: {error.strerror}.") from error
            if found is None:
                raise AnsibleLookupError(f"There is no file {term}.")
            texts.append(found)
        return texts
