# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: collection_version
short_description: The version of this collection
version_added: 1.0.0
author: wsltune contributors (@wsltune)
description:
  - Reads C(galaxy.yml) of a checkout, or C(MANIFEST.json) of a collection that C(ansible-galaxy) installed, which has
    no C(galaxy.yml).
options:
  _terms:
    description: None.
"""

EXAMPLES = r"""
- name: Show which version runs
  ansible.builtin.debug:
    msg: "{{ lookup('wsltune.go.collection_version') }}"
"""

RETURN = r"""
_list:
  description: The version, empty where neither file has one.
  type: list
  elements: str
"""

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

ROOT = Path(__file__).resolve().parents[2]


def find_version(root: Path = ROOT) -> str:
    """Return the version of the collection in the folder C(root), empty where no file there has one."""
    for name, pattern in (("galaxy.yml", r"^version: *(\S+)"), ("MANIFEST.json", r'"version": *"([^"]+)"')):
        with contextlib.suppress(OSError):
            match = re.search(pattern, (root / name).read_text(encoding="utf-8"), re.MULTILINE)
            if match:
                return match[1]
    return ""


class LookupModule(LookupBase):
    """Look up the version."""

    def run(self, terms: Sequence[Any], variables: Any = None, **kwargs: Any) -> list[str]:
        """Return the version."""
        if terms or kwargs:
            raise AnsibleLookupError("collection_version takes nothing.")
        return [find_version()]
