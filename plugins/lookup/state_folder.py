# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: state_folder
short_description: The controller's folder for reports and what is kept from run to run
version_added: 1.0.0
author: wsltune contributors (@wsltune)
description:
  - Returns the folder C(wsltune) in C(XDG_STATE_HOME), or in C(~/.local/state) without that variable.
  - For root it is below root's own home where another account can change what the folder leads to. With C(sudo -E) both
    variables are a user's, who could have put a link there.
options:
  _terms:
    description: Folders below it, such as the name of a machine; as many are returned. Without any, the folder itself.
"""

EXAMPLES = r"""
- name: Make a folder for reports
  ansible.builtin.file:
    path: "{{ lookup('wsltune.go.state_folder', inventory_hostname) }}"
    state: directory
    mode: "0700"
  delegate_to: localhost
"""

RETURN = r"""
_list:
  description: Paths.
  type: list
  elements: str
"""

import os
import pwd
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.wsltune.go.plugins.module_utils.linux import files

NAME = "wsltune"


def is_ours(path: str) -> bool:
    """Return whether no other account can change what lies in the folder C(path), or lead the way to it elsewhere."""
    try:
        # Of what is missing, the folder above counts.
        files.check(os.path.join(files.Files().real(path), "report"), follow=False)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def choose(path: str, environment: Mapping[str, str], home: str, is_root: bool) -> str:
    """Return where C(path) is below the state folder; C(home) is that of the account's own entry."""
    state = environment.get("XDG_STATE_HOME") or os.path.join(environment.get("HOME") or home, ".local/state")
    wanted = os.path.join(state, NAME, path).rstrip("/")
    if not is_root or (os.path.isabs(wanted) and is_ours(wanted)):
        return wanted
    return os.path.join(home, ".local/state", NAME, path).rstrip("/")


class LookupModule(LookupBase):
    """Look up where the controller keeps what is wsltune's."""

    def run(self, terms: Sequence[Any], variables: Any = None, **kwargs: Any) -> list[str]:
        """Return the path of each of C(terms) below the folder, or of the folder."""
        if kwargs:
            raise AnsibleLookupError("state_folder takes names of folders alone.")
        account = pwd.getpwuid(os.geteuid())
        names = [str(term) for term in terms] or [""]
        return [choose(name, os.environ, account.pw_dir, account.pw_uid == 0) for name in names]
