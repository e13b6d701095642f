# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: go_module_file
short_description: A rendered file in a Go module, written as the module's user
version_added: 1.0.0
description:
  - Writes one file that the role P(wsltune.go.ci_image#role) renders, in a child that has become the module's user. No
    task runs as that user, because what a user's Python answers to a task would count as facts for the tasks of root
    that follow.
  - Replaces and removes only what the role rendered and nobody changed since.
options:
  path:
    description: The module's folder.
    type: path
    required: true
  name:
    description: Name of the file, relative to O(path); missing folders are made.
    type: str
    required: true
  user:
    description: The account that owns the file.
    type: str
    required: true
  content:
    description: The text of the file.
    type: str
    default: ""
  state:
    description: Whether the file is there.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    description: Returns what would be done and changes nothing.
  diff_mode:
    support: full
    description: Shows the file.
author: wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: Render a file
  wsltune.go.go_module_file:
    path: /home/alice/src/shop
    name: Containerfile
    user: alice
    content: "{{ lookup('ansible.builtin.template', 'Containerfile.j2') | wsltune.go.ci_image_marked }}"
"""

RETURN = r"""
diff:
  description: The file before and after, with headers.
  returned: when the file is changed
  type: list
  elements: dict
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils.go import module as go_module
from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, text


def main() -> None:
    """Write or remove one file as the module's user."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "user": {"type": "str", "required": True},
            "content": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    path, name = os.path.abspath(module.params["path"]), module.params["name"]
    content = module.params["content"] if module.params["state"] == "present" else None
    where = os.path.join(path, name)
    try:
        account = accounts.find([module.params["user"]])[0]
        go_sources.check_account(path, account)
        before = go_module.change_file(path, name, content, account, module.check_mode)
    except accounts.AccountError as error:
        module.fail_json(msg=text.line(error))
    except OSError as error:
        module.fail_json(msg=text.line(f"{error.filename or where}: {error.strerror}; run again"))
    if before is None:
        module.exit_json(changed=False, diff=[])
    old, new = text.for_diff(before, content or "")
    diff = {"before_header": where, "after_header": where, "before": old, "after": new}
    module.exit_json(changed=True, diff=[text.printable(diff)])


if __name__ == "__main__":
    main()
