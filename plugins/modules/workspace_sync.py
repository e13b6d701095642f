# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: workspace_sync
short_description: What a project's copy and its original differ in
version_added: 1.0.0
description:
  - Compares a copy that M(wsltune.go.workspace) made, its original on the drive, and what both were when they were last
    the same. Reads every file, because dates and sizes prove nothing.
  - Carries over, where asked for, what one side alone changed, each file whole, and keeps what was there before. Where
    both sides changed a file it writes nothing at all; it never merges.
  - Never touches a Git repository. It lists which branches have commits on one side alone, with the C(git fetch) that
    brings them over, and carries no files over while the two sides are at different commits.
options:
  source:
    description: The original's folder, such as V(/mnt/c/Users/alice/shop).
    type: str
    required: true
  target:
    description: Where the copy is; without it C(src) in the home, under the same name.
    type: str
  user:
    description: Whose project it is; without it the owner that the drive shows.
    type: str
  ignored:
    description: Whether files that Git ignores are compared too.
    type: bool
    default: false
  direction:
    description: Which side is written; V(report) writes nothing.
    type: str
    choices: [report, to_drive, to_distro]
    default: report
  seconds:
    description: The longest that the drive is waited for.
    type: float
    default: 900
attributes:
  check_mode:
    support: full
    description: Returns what would be carried over and writes nothing.
  diff_mode:
    support: none
    description: The files are listed in the result.
notes:
  - Needs root, to look below a bind mount without taking it away; a process of the project's user reads and writes.
  - Modes are not compared, because most drives have none. A file that is replaced keeps its mode.
author: wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: What changed on either side
  wsltune.go.workspace_sync:
    source: /mnt/c/Users/alice/shop
  become: true
"""

RETURN = r"""
counts:
  description: How many files are in each state, such as C(changed_here), here being the distro's disk.
  returned: always
  type: dict
files:
  description: The state of each file that is not as it was, at most 200.
  returned: always
  type: dict
has_base:
  description: Whether it is known what both sides were.
  returned: always
  type: bool
git:
  description: The branches with commits on one side alone, as sentences with the command that brings them over.
  returned: always
  type: list
  elements: str
left:
  description: What else lies on the drive and is not copied, as sentences.
  returned: always
  type: list
  elements: str
interrupted:
  description: That a sync before this one ended in the middle, and where what it replaced is; empty where none did.
  returned: always
  type: str
in_the_way:
  description: Why nothing could be carried over; empty where it could.
  returned: always
  type: str
written:
  description: The files that were written.
  returned: always
  type: list
  elements: str
removed:
  description: The files that were removed, because the other side removed them.
  returned: always
  type: list
  elements: str
backup:
  description: The folder with what was there before; empty where nothing was written.
  returned: always
  type: str
"""

import functools
import os
import pwd
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils.linux import (
    accounts,
    become,
    files,
    look,
    mount,
    text,
)
from ansible_collections.wsltune.go.plugins.module_utils.workspace import places
from ansible_collections.wsltune.go.plugins.module_utils.workspace import sync as workspace_sync
from ansible_collections.wsltune.go.plugins.module_utils.workspace.places import WorkspaceError
from ansible_collections.wsltune.go.plugins.module_utils.workspace.plan import Project
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

ERRORS = (WorkspaceError, accounts.AccountError)
GRACE = 30.0
"""Seconds beside those for the drive, such as for what is mounted there."""


def owner(source: str) -> str:
    """Return the name of the account that the drive shows for C(source); WorkspaceError where that is not certain."""
    try:
        return pwd.getpwuid(int(look.once(functools.partial(files.owner_of, source)))).pw_name
    except (OSError, KeyError):
        raise WorkspaceError(f"The owner of {source} is not certain: name the project's user.") from None


def compare(module: AnsibleModule) -> dict[str, Any]:
    """Return what the user's process reports."""
    params = module.params
    source = places.normal(params["source"], "~", "source")
    for path, reason in look.silent([source]).items():
        raise WorkspaceError(f"workspace_projects has source {path}, which gives {reason}.")
    account = accounts.find([params["user"] or owner(source)])[0]
    target = params["target"] or places.default_target(source, account.home)
    target = places.normal(target, account.home, "target")
    machine = wsl_observe.collect(run_command=module.run_command)
    environment = accounts.login_environment(account)
    bound = any(shown.mount_point == source for shown in wsl_observe.read_mounts(machine))
    project = Project(source, target, account.name, bind=bound, ignored=params["ignored"])
    words = (asdict(project), environment, params["direction"], module.check_mode)

    def look_below() -> dict[str, Any]:
        if bound:
            mount.uncover(source)
        courier = functools.partial(workspace_sync.Courier, account, wsl_observe.read_mounts(machine))
        # A child in any case, because only a child can be given up when the drive gives no answer.
        with become.Hands(accounts.identity(account), courier, ERRORS, memory=become.MUCH) as hands:
            result: dict[str, Any] = hands.call("sync", *words, limit=params["seconds"])
        return result

    # Nor may the way to the mount give one, and that one root has to go itself.
    limit = params["seconds"] + GRACE
    try:
        return dict(become.ask(None, look_below, limit, ERRORS, always=True, memory=become.MUCH))
    except TimeoutError as error:
        said = f"{source} gives {error.strerror}: see with `findmnt -T {source}` what its drive does, then run again"
        if params["direction"] == "report" or module.check_mode:
            raise WorkspaceError(f"{said}; nothing was written.") from None
        raise WorkspaceError(f"{said}, which finishes it; each file is the old or the new one, none is half.") from None


def main() -> None:
    """Compare both sides and carry over what is asked for; root only."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "str", "required": True},
            "target": {"type": "str"},
            "user": {"type": "str"},
            "ignored": {"type": "bool", "default": False},
            "direction": {"type": "str", "choices": ["report", "to_drive", "to_distro"], "default": "report"},
            "seconds": {"type": "float", "default": 900},
        },
        supports_check_mode=True,
    )
    if os.geteuid() != 0:
        module.fail_json(msg="workspace_sync looks below mounts and acts as the project's user: run it as root.")
    try:
        result = text.printable(compare(module))
    except ERRORS as error:
        module.fail_json(msg=text.line(error))
    except OSError as error:
        place = error.filename or module.params["source"]
        module.fail_json(msg=text.line(f"{place}: {error.strerror}; fix that, then run again."))
    refused = result.pop("refused")
    if refused:
        module.fail_json(msg=text.line(refused), **result)
    module.exit_json(changed=bool(result["written"] or result["removed"]), **result)


if __name__ == "__main__":
    main()
