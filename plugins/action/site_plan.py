# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks every value of a run and plans it: in one task, because each costs every host time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.wsltune.go.plugins.module_utils.site import plan

SPEC = {
    "specifications": {"type": "list", "elements": "path", "required": True},
    "refusals": {"type": "str", "required": True},
    "wishes": {"type": "str", "required": True},
}


class ActionModule(ActionBase):
    """Return the plan, or fail with what is wrong, before anything is touched."""

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the type of every value, then what no type describes, then plan with them."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _result, options = self.validate_argument_spec(argument_spec=SPEC)
        variables = task_vars or {}
        specification = {name: spec for path in options["specifications"] for name, spec in read(path).items()}
        values = self._templar.template({name: variables[name] for name in specification if name in variables})
        checked = ArgumentSpecValidator(specification).validate(values, validate_role_argument_spec=True)
        if checked.error_messages:
            said = "Validation of arguments failed:\n" + "\n".join(checked.error_messages)
            return {**result, "failed": True, "msg": said, "argument_errors": checked.error_messages}
        # Ansible works a variable out each time that another one names it: each is its value from here on.
        self._templar.available_variables = {**variables, **values}
        refusals = self._templar.resolve_variable_expression(options["refusals"])
        if refusals:
            return {**result, "failed": True, "msg": " ".join(refusals)}
        wishes = self._templar.resolve_variable_expression(options["wishes"])
        return {**result, "changed": False, **plan.make_plan(variables["ansible_facts"], wishes)}


def read(path: str) -> dict[str, Any]:
    """Return the options of a role's main entry point by their names, from its argument_specs.yml."""
    # The C parser, because Ansible's own, which says where each value stands, takes five times as long.
    text = Path(path).read_text(encoding="utf-8")
    specifications = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    options: dict[str, Any] = specifications["argument_specs"]["main"]["options"]
    return options
