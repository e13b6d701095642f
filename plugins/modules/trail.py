# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: trail
short_description: Add lines to the trail of changes
version_added: 1.0.0
author:
  - wsltune contributors (@wsltune)
description:
  - Adds a line to C(/var/log/wsltune/changes.jsonl) for each note, as root. The modules of this collection add a line
    for each change by themselves; this is for what a playbook knows beyond that, such as why there was a change.
  - Who it was is taken from the environment variable E(WSLTUNE_STARTED_BY), where it is set.
  - C(changed) is always false because the trail is about changes and is none.
options:
  notes:
    description:
      - What to note.
    type: list
    elements: dict
    required: true
    suboptions:
      action:
        description:
          - What happened.
        type: str
        required: true
      path:
        description:
          - The file that it is about.
        type: str
        default: ""
      role:
        description:
          - The role that owns it.
        type: str
        default: ""
      before:
        description:
          - What was.
        type: str
        default: ""
      after:
        description:
          - What is.
        type: str
        default: ""
attributes:
  check_mode:
    support: full
    description: Writes no note.
  diff_mode:
    support: none
    description: What is noted is no change of the machine.
"""

EXAMPLES = r"""
- name: Note why
  wsltune.go.trail:
    notes:
      - action: healed for the alert WsltuneSettingDrift
        path: /var/cache/gotmp
        role: go_tmpfs
        before: "go_tmpfs:mount:/var/cache/gotmp: gone"
        after: "go_tmpfs:mount:/var/cache/gotmp: in_state"
  become: true
"""

RETURN = r"""
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils import trail


def main() -> None:
    """Add the notes to the trail."""
    texts = {name: {"type": "str", "default": ""} for name in ("path", "role", "before", "after")}
    options = {"action": {"type": "str", "required": True}, **texts}
    module = AnsibleModule(
        argument_spec={"notes": {"type": "list", "elements": "dict", "required": True, "options": options}},
        supports_check_mode=True,
    )
    if not module.check_mode:
        for note in module.params["notes"]:
            before, after = (note[name].encode("utf-8", "replace") for name in ("before", "after"))
            trail.note(note["action"], note["path"], note["role"], before, after, trail.PATH)
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
