# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: go_module_facts
short_description: What a container image of a Go module must know
version_added: 1.0.0
description:
  - Asks the Go command about a module, in a child that has become its user, with a time limit; nothing is fetched.
  - Changes nothing.
options:
  path:
    description: The module's folder, which has the C(go.mod).
    type: path
    required: true
  user:
    description: The account whose Go is asked; the folder's owner when empty.
    type: str
    default: ""
  containerfile:
    description: Name of the file that the role C(ci_image) renders.
    type: str
    default: Containerfile
extends_documentation_fragment:
  - wsltune.go.looks_only
author: wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: Read a module
  wsltune.go.go_module_facts:
    path: /home/alice/src/shop
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to ansible_facts.
  returned: always
  type: dict
  contains:
    go_module:
      description: What is known of the module.
      type: dict
      contains:
        path:
          description: The module's folder.
          type: str
        user:
          description: The account whose Go was asked.
          type: str
        module:
          description: The module path of C(go.mod).
          type: str
        go:
          description: The Go version that C(go.mod) asks for; empty without one.
          type: str
        toolchain:
          description: The toolchain line of C(go.mod), such as V(go1.27.3); empty without one.
          type: str
        reason:
          description: Why nothing is known; empty where the module was read.
          type: str
        required:
          description: How many modules C(go.mod) requires.
          type: int
        replaced:
          description: Folders that C(go.mod) replaces modules by.
          type: list
          elements: str
        mains:
          description: Folders of main packages, relative to the module.
          type: list
          elements: str
        cgo:
          description: Packages outside the standard library that use cgo.
          type: list
          elements: str
        unread:
          description: Packages that the module needs and that are not on this machine.
          type: list
          elements: str
        vendor:
          description: Whether the module has C(vendor/modules.txt).
          type: bool
        has_sum:
          description: Whether the module has a C(go.sum).
          type: bool
        files:
          description: For each file of the role C(ci_image) V(absent), V(ours) or V(foreign).
          type: dict
"""

import functools
import os
import pwd
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils.go import module as go_module
from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, look, text


def find_owner(path: str) -> str:
    """Return who owns a folder; AccountError with one sentence when that cannot be told."""
    try:
        owner = look.once(functools.partial(files.owner_of, path))
        return pwd.getpwuid(owner).pw_name
    except NotADirectoryError as error:
        # Whoever made the link would choose as whom root works there, and where.
        raise accounts.AccountError(
            f"{path} is no folder, or leads over a link that another account can change: name the module's user"
        ) from error
    except OSError as error:
        raise accounts.AccountError(f"{path} cannot be looked at: {error.strerror}") from error
    except KeyError:
        raise accounts.AccountError(f"{path} belongs to user id {owner}, which has no account: name a user") from None


def main() -> None:
    """Return what an image for the module needs to know, read as the module's owner or the named user."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "user": {"type": "str", "default": ""},
            "containerfile": {"type": "str", "default": "Containerfile"},
        },
        supports_check_mode=True,
    )
    path = os.path.abspath(module.params["path"])
    try:
        name = module.params["user"] or find_owner(path)
        account = accounts.find([name])[0]
        go_sources.check_account(path, account)
        facts = go_module.observe(path, account, module.params["containerfile"])
    except (accounts.AccountError, OSError) as error:
        module.fail_json(msg=text.line(error))
    module.exit_json(changed=False, ansible_facts={"go_module": text.printable({**asdict(facts), "user": name})})


if __name__ == "__main__":
    main()
