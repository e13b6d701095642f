# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: site_plan
short_description: Check every value of a run in a distro, and plan it
version_added: 1.0.0
author:
  - wsltune contributors (@wsltune)
description:
  - Checks the values of several roles at once, so that nothing is touched before all are known to be right, and decides
    which role runs with which values, and why another does not.
  - It works on the controller and changes nothing.
  - Returns the plan as P(wsltune.go.site_plan#filter) does. Register it as C(site_plan), which the playbooks read.
options:
  specifications:
    description:
      - The C(argument_specs.yml) of the roles. The variables that their entry point C(main) names are checked.
    type: list
    elements: path
    required: true
  refusals:
    description:
      - The name of a variable that lists what is wrong with values of the right types, as sentences.
      - It is worked out only where all types are right.
    type: str
    required: true
  wishes:
    description:
      - The name of a variable with what is wanted, as P(wsltune.go.site_plan#filter) takes it.
      - It is worked out only where nothing is wrong.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
    description: It changes nothing.
"""

EXAMPLES = r"""
- name: Check every value, and plan which role runs
  wsltune.go.site_plan:
    specifications: ["{{ role_path }}/../go_env/meta/argument_specs.yml"]
    refusals: _site_refusals
    wishes: _site_wishes
  register: site_plan
"""

RETURN = r"""
argument_errors:
  description: What is wrong with the types of values, a sentence each.
  returned: when a value has another type
  type: list
  elements: str
"""
