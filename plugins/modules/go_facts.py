# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: go_facts
short_description: What the Go command is and does for each user of a machine
version_added: 1.0.0
description:
  - Finds the Go commands of each user, the settings, where each comes from and on what each of its folders lies.
  - The environment is that of a fresh login, or of an interactive shell where that finds another Go.
  - Whether a folder can execute files is tried by executing one there.
  - Changes nothing; a value that cannot be read is null, with the reason in C(unknown).
options:
  users:
    description: Accounts to look at; empty means everyone who logs in on this machine.
    type: list
    elements: str
    default: []
  also:
    description: One more account to look at when O(users) is empty, such as the one that Ansible logs in with.
    type: str
  wsl:
    description: Whether to return the fact C(wsl) of M(wsltune.go.wsl_facts) as well, for a play that needs both.
    type: bool
    default: false
  conf_path:
    description: The file that WSL reads, with O(wsl=true).
    type: path
    default: /etc/wsl.conf
  drift:
    description:
      - Whether to return the fact C(drift) as well, what was last applied and what stands there now.
      - Without root what was applied is not known, and the fact names the reason.
    type: bool
    default: false
  projects:
    description:
      - With O(drift=true), the projects of M(wsltune.go.workspace) that are to be found, by C(source), C(target),
        C(user) and C(bind).
    type: list
    elements: dict
    default: []
  tmpfs_path:
    description: The mount point of M(wsltune.go.go_tmpfs), to return the fact C(go_tmpfs) about it as well.
    type: path
extends_documentation_fragment:
  - wsltune.go.looks_only
notes:
  - Without root only the own account can be seen.
author: wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: Look at Go for everyone
  wsltune.go.go_facts:

- name: Show where alice's build cache lies
  ansible.builtin.debug:
    var: ansible_facts['go']['users']['alice']['places']['GOCACHE']
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to ansible_facts.
  returned: always
  type: dict
  contains:
    go:
      description: The Go command as the users have it.
      type: dict
      contains:
        observed_at:
          description: When this was, in seconds since 1970.
          type: str
        users:
          description:
            - By user name, C(uid), C(gid), C(home), C(shell); C(go) with C(path), C(real), C(found), C(version),
              C(goroot) and C(goroot_version), which its file VERSION says, or null; C(toolchains), every Go command
              found, with its C(version) or the C(reason) why it gives none; C(commands), those that lie in a GOROOT;
              C(keeps_cgo), what needs cgo.
            - C(settings), by name, C(value) and C(source) (environment, user file, GOROOT/go.env, default).
            - C(places), by name, C(path), C(exists), C(fstype), C(mount_point), C(windows_drive), C(executable); on a
              Windows drive also C(cost_us) and C(cost_us_home), the median microseconds to make, stat and remove a file
              there and in the home.
            - C(exports), what a login or a terminal exports of these settings; C(user_file), path and values of the
              user's Go settings; C(before), the settings before the first run, where recorded; C(unknown), reasons by
              name.
          type: dict
        applied:
          description:
            - What M(wsltune.go.go_env) was last asked for, C(options), whether all of it C(holds), so that the same
              call would change nothing, and C(notes) for the users, as sentences; null where it was not, or for others
              than root. Where a wish was left out, nothing holds, because its reason may be gone.
          type: dict
        notes:
          description:
            - What a person is to know about accounts that were not looked at, as sentences.
          type: list
          elements: str
        decisions:
          description:
            - What was decided about levers on C(auto) by the account that measured last, as M(wsltune.go.go_levers)
              returns it.
          type: list
          elements: dict
        in_force:
          description:
            - By user name, the C(verdicts) that O(wsltune.go.go_benchmark#module:remember) kept, and the C(machine) as
              it is now, which they depend on.
          type: dict
    wsl:
      description: As M(wsltune.go.wsl_facts) returns it.
      returned: with O(wsl=true)
      type: dict
    go_tmpfs:
      description:
        - What P(wsltune.go.go_tmpfs_is_met#filter) compares with what is wanted, such as the text of C(fstab), the
          C(live) mount and the folders of C(users).
      returned: with O(tmpfs_path)
      type: dict
    drift:
      description:
        - What P(wsltune.go.drift_report#filter) compares with what is declared. C(files), each with its content as it
          was last C(applied) and is C(now), as checksums, and its owner; the settings of C(wsl_conf), the lines of
          C(fstab) and the settings of C(go) as they were applied; C(reason) where none of that could be read.
        - C(projects), by the source as it is named, C(source) and C(target) of each that is bound, without links, or
          the C(reason) why they are not known; nothing for others than root.
      returned: with O(drift=true)
      type: dict
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.fleet import observe as fleet_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import applied as go_applied
from ansible_collections.wsltune.go.plugins.module_utils.go import baseline as go_baseline
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, fingerprint, text
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import observe as tmpfs_observe
from ansible_collections.wsltune.go.plugins.module_utils.workspace import observe as workspace_observe
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe


def main() -> None:
    """Return what Go is set to for each user; only root sees others, and with `wsl` the facts of WSL too."""
    module = AnsibleModule(
        argument_spec={
            "users": {"type": "list", "elements": "str", "default": []},
            "also": {"type": "str"},
            "wsl": {"type": "bool", "default": False},
            "conf_path": {"type": "path", "default": "/etc/wsl.conf"},
            "drift": {"type": "bool", "default": False},
            "projects": {"type": "list", "elements": "dict", "default": []},
            "tmpfs_path": {"type": "path"},
        },
        supports_check_mode=True,
    )
    machine = wsl_observe.collect(conf_path=module.params["conf_path"], run_command=module.run_command)
    mounts = wsl_judge.mounts_of(machine)
    try:
        people = accounts.find(module.params["users"], module.params["also"])
        unlisted = [] if module.params["users"] else accounts.find_unlisted(people)
        seen = go_observe.observe_all([person for person in people if os.geteuid() in (0, person.uid)], mounts)
        before = go_baseline.list_before(seen)
        users = {name: dict(facts, before=before[name]) for name, facts in seen.items()}
    except accounts.AccountError as error:
        module.fail_json(msg=str(error))
    go = {
        "users": users,
        "applied": go_applied.observe(users),
        "notes": accounts.explain_unlisted(unlisted),
        "decisions": fleet_observe.decisions_of(journal.read_record(journal.DECISIONS)),
        "in_force": {"verdicts": journal.read_record(journal.IN_FORCE), "machine": fingerprint.read()},
        "observed_at": f"{time.time():.6f}",
    }
    facts = {"go": text.printable(go)}
    if module.params["wsl"]:
        facts["wsl"] = wsl_judge.observe(machine)
    if module.params["tmpfs_path"]:
        tmpfs = tmpfs_observe.observe(module.params["tmpfs_path"], people, machine)
        facts["go_tmpfs"] = text.printable(tmpfs)
    if module.params["drift"]:
        # Only root can become the projects' users.
        places = workspace_observe.find_places(module.params["projects"]) if os.geteuid() == 0 else {}
        seen_now = fleet_observe.observe(conf_path=module.params["conf_path"])
        facts["drift"] = text.printable({**seen_now, "projects": places})
    module.exit_json(changed=False, ansible_facts=facts)


if __name__ == "__main__":
    main()
