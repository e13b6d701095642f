# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: report_files
short_description: Write the reports of a run
version_added: 1.0.0
author:
  - wsltune contributors (@wsltune)
description:
  - Writes files into a folder, each in one step and readable for its owner alone (0600).
  - A folder that is missing is made, mode 0700. One that is there stays as it is, whatever its mode.
  - As root, no link is followed that another account could have put there.
  - It works on the controller, whichever host the task is for.
  - The task is never changed, because a report is no change of the machine that it is about.
options:
  folder:
    description:
      - The folder. A C(~) stands for the home of whoever runs Ansible.
    type: str
    required: true
  files:
    description:
      - What each file says, by its name.
    type: dict
    required: true
attributes:
  check_mode:
    support: full
    description: Writes nothing.
  diff_mode:
    support: none
    description: A report is no change of a machine.
"""

EXAMPLES = r"""
- name: Write the report
  wsltune.go.report_files:
    folder: "{{ lookup('wsltune.go.state_folder', inventory_hostname) }}"
    files:
      doctor.json: "{{ findings | to_nice_json }}\n"
"""

RETURN = r"""
folder:
  description: The folder.
  returned: success
  type: str
"""
