# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: workspace_facts
short_description: Go projects that lie on Windows drives
version_added: 1.0.0
description:
  - Looks on the Windows drives for folders with a C(go.mod) or C(go.work), the usual places first, and ends in time.
  - Changes nothing. What it finds can be given to M(wsltune.go.workspace).
options:
  roots:
    description: Where to look; empty means every Windows drive that is mounted.
    type: list
    elements: str
    default: []
  seconds:
    description: The longest that it looks.
    type: float
    default: 5
extends_documentation_fragment:
  - wsltune.go.looks_only
author: wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: Which projects would be faster on the distro's own disk
  wsltune.go.workspace_facts:
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to ansible_facts.
  returned: always
  type: dict
  contains:
    workspace:
      description: What was found.
      type: dict
      contains:
        projects:
          description: Each with C(path) and C(git), whether it is in a Git repository.
          type: list
          elements: dict
        complete:
          description: Whether everything was looked at before the time was over.
          type: bool
        folders:
          description: How many folders were looked into.
          type: int
        seconds:
          description: How long it took.
          type: float
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils.linux import text
from ansible_collections.wsltune.go.plugins.module_utils.workspace import find as workspace_find
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe


def main() -> None:
    """Return the Go projects below the roots, the Windows drives by default, found within `seconds`."""
    module = AnsibleModule(
        argument_spec={
            "roots": {"type": "list", "elements": "str", "default": []},
            "seconds": {"type": "float", "default": workspace_find.SECONDS},
        },
        supports_check_mode=True,
    )
    roots = module.params["roots"] or workspace_find.places(wsl_judge.mounts_of(wsl_observe.collect()))
    found = workspace_find.find(roots, module.params["seconds"])
    module.exit_json(changed=False, ansible_facts={"workspace": text.printable(asdict(found))})


if __name__ == "__main__":
    main()
