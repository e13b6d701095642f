# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Keep the record of a rollout and decide about its rings
version_added: 1.0.0
description:
  - The steps of the playbook C(rollout), which docs/guide/fleet describes. Use that playbook, not this action.
  - Runs on the controller alone and never connects to the host. The record is a folder with one file about the rings
    and one about each host; each is replaced in one step, so that a run that is killed can be run again.
  - Refuses a folder that another controller has, or that another version wrote.
options:
  step:
    description:
      - What to do. For all hosts, V(begin) reads the rings, takes the lock and follows O(command); V(judge) and
        V(judge_again) let the gate of the ring decide, before and after the tuning; V(finish) writes the reports and
        lets go of the lock.
      - For the host of the task, V(tune) notes that it begins and by which run, before anything is changed; V(done),
        V(failed), V(back) and V(not_back) note how it ended, V(looked) what was in force after the soak time.
    type: str
    required: true
    choices: [begin, judge, judge_again, finish, tune, done, failed, looked, back, not_back]
  folder:
    description: The folder of the record.
    type: path
    required: true
  name:
    description: The name of the rollout.
    type: str
    default: default
  command:
    description:
      - What a person asks for, V(run), V(status), V(continue), V(hold) or V(abort); V(run) moves on when it may.
    type: str
    default: run
  rings:
    description:
      - The rings, each a dictionary, as in C(wsltune_rings). A sandbox, 10 %, 30 % and the rest when left out.
    type: list
    elements: raw
  hosts:
    description: The hosts of the rollout.
    type: list
    elements: str
    default: []
  freeze:
    description:
      - Windows in which nothing goes on, each a dictionary with C(days), or C(from) and C(to), and a reason C(why).
    type: list
    elements: raw
    default: []
  stop_file:
    description: Nothing goes on while there is a file of this name.
    type: str
    default: ''
  verify:
    description: The fact C(verify_result) of the role P(wsltune.go.verify#role).
    type: dict
    default: {}
  facts:
    description: The facts of M(wsltune.go.go_facts).
    type: dict
    default: {}
  doctor:
    description: The C(doctor) of M(wsltune.go.doctor).
    type: dict
    default: {}
  note:
    description: A sentence about the host for the report.
    type: str
    default: ''
attributes:
  check_mode:
    support: none
    description: Takes the step in check mode too; the playbook C(rollout) refuses check mode.
  diff_mode:
    support: none
    description: The record is the controller's own.
author: wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: Decide about the ring
  wsltune.go.rollout:
    step: judge
    folder: /var/lib/rollouts/december
  run_once: true
"""

RETURN = r"""
begun:
  description: Whether the rollout has begun; V(status) begins none.
  returned: with O(step=begin)
  type: bool
look:
  description: The hosts to look at again, after the soak time.
  returned: with O(step=begin)
  type: list
  elements: str
blocked:
  description: Whether a freeze, a stop file or the command keeps everything from going on.
  returned: with O(step=begin)
  type: bool
tune:
  description: The hosts to tune in this run.
  returned: with O(step=judge)
  type: list
  elements: str
measured:
  description: The hosts that measure.
  returned: with O(step=judge)
  type: list
  elements: str
back:
  description: The hosts to take back.
  returned: with O(step=begin), O(step=judge) and O(step=judge_again)
  type: list
  elements: str
runs:
  description: By host, the run to take back.
  returned: with C(back)
  type: dict
stopped:
  description: Whether the stop file is there by now, so that the host is not tuned.
  returned: with O(step=tune)
  type: bool
state:
  description: The state of the host in the record.
  returned: with O(step=done), O(step=failed), O(step=back) and O(step=not_back)
  type: str
lost:
  description: The settings that were in force after the tuning and are no more.
  returned: with O(step=looked)
  type: list
  elements: str
run:
  description: The name that the roles give their run, so that what it changes can be taken back alone. One that began
    before and was not taken back is gone on with.
  returned: with O(step=tune)
  type: str
text:
  description: The report for a terminal.
  returned: with O(step=finish)
  type: str
status:
  description: The state of the rollout; V(not begun) without one.
  returned: with O(step=finish)
  type: str
why:
  description: The reason for it, as a sentence.
  returned: with O(step=finish)
  type: str
exit_code:
  description: 0 finished, 2 rolled back or aborted, 3 holding.
  returned: with O(step=finish)
  type: int
"""
