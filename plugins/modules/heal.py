# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: heal
short_description: Decide about a machine's alerts and remember how its heals ended
version_added: 1.0.0
description:
  - The steps of the playbook C(heal), which docs/guide/monitoring describes. Use that playbook, not this action.
  - Runs on the controller alone and never connects to the host. The record is a folder with one folder for each host.
  - Where there is a file C(off) in O(folder), nothing is healed.
options:
  step:
    description:
      - What to do. V(choose) returns the hosts of the inventory that the alerts name.
      - For the host of the task, V(begin) decides by what was seen and takes the host for this run, and V(end) notes
        how the heal ended.
    type: str
    required: true
    choices: [choose, begin, end]
  folder:
    description: The folder of the records.
    type: path
    required: true
  alerts:
    description: The alerts that fire, each a dictionary with C(name), C(host) and C(setting).
    type: list
    elements: raw
    default: []
  hosts:
    description: The hosts that may be healed.
    type: list
    elements: str
    default: []
  before:
    description: What P(wsltune.go.drift_report#filter) returned before the heal.
    type: dict
    default: {}
  after:
    description: What it returned after the heal.
    type: dict
    default: {}
  error:
    description: Why the run that was to heal it failed.
    type: str
    default: ''
attributes:
  check_mode:
    support: none
    description: Takes the step in check mode too; the playbook C(heal) refuses check mode.
  diff_mode:
    support: none
    description: The record is the controller's own.
author: wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: Decide
  wsltune.go.heal:
    step: begin
    folder: /var/lib/heal
    alerts: [{name: WsltuneSettingDrift, host: anna-ubuntu, setting: 'go_tmpfs:mount:/var/cache/gotmp'}]
    before: "{{ drift_found }}"
"""

RETURN = r"""
chosen:
  description: The hosts to look at.
  returned: with O(step=choose)
  type: list
  elements: str
folders:
  description: By host, the folder of its record.
  returned: with O(step=choose)
  type: dict
strangers:
  description: What the alerts name besides, which is no host of the inventory.
  returned: with O(step=choose)
  type: list
  elements: str
action:
  description: V(heal), or why not as V(nothing), V(refuse), V(wait) or V(stop), the last after three failures in a row.
  returned: with O(step=begin)
  type: str
settings:
  description: The settings that are to be as declared after the heal.
  returned: with O(step=begin)
  type: list
  elements: str
healed:
  description: Whether all of them are.
  returned: with O(step=end)
  type: bool
why:
  description: The same as a sentence.
  returned: with O(step=begin) and O(step=end)
  type: str
notes:
  description: What belongs into the machine's trail of changes, as M(wsltune.go.trail) takes it.
  returned: with O(step=end)
  type: list
  elements: dict
"""
