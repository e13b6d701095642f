# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: wsl_facts
short_description: What this machine is to WSL, and what of its wsl.conf is in force
version_added: 1.0.0
description:
  - Tells whether the machine is a WSL distro, of which version, and when it started; its memory and mounts, and which
    of them are Windows drives; what C(/etc/wsl.conf) means to WSL, and what is written there but not yet in force.
  - Reads only, needs no privileges, and returns the fact C(wsl).
options:
  root:
    description:
      - Folder that stands for C(/) in every path read, for a recorded machine.
    type: path
    default: /
  conf_path:
    description:
      - The file that WSL reads, below O(root).
    type: path
    default: /etc/wsl.conf
extends_documentation_fragment:
  - wsltune.go.looks_only
notes:
  - A container on WSL2 has WSL's kernel and is not WSL.
  - A value that cannot be read is null, and C(unknown) has the reason; the module itself does not fail for it.
  - Windows drives are recognised by their file system as U(https://github.com/microsoft/WSL) mounts them, never by
    their path.
author: wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: What is this machine to WSL
  wsltune.go.wsl_facts:

- name: Tell what waits for a restart
  ansible.builtin.debug:
    var: ansible_facts['wsl'].conf.pending
"""

RETURN = r"""
ansible_facts:
  description: The fact C(wsl).
  returned: always
  type: dict
  contains:
    wsl:
      description: What was found.
      returned: always
      type: dict
      contains:
        is_wsl:
          description: Whether this is a WSL distro.
          returned: always
          type: bool
        version:
          description: WSL's version, 1 or 2; null where this is not WSL.
          returned: always
          type: int
        distro:
          description: Name of the distro as Windows knows it; null where it is not known.
          returned: always
          type: str
        systemd:
          description: Whether PID 1 is systemd.
          returned: always
          type: bool
        interop:
          description: Whether Windows programs can be started (C(enabled)), and the C(reason) when not.
          returned: always
          type: dict
        memory:
          description: C(total_bytes), C(available_bytes) and C(swap_total_bytes).
          returned: always
          type: dict
        mounts:
          description:
            - The mount table. Each mount has C(mount_point), C(root), C(fstype), C(source), C(options),
              C(super_options), C(windows_drive), C(windows_path), C(mount_id), C(parent_id) and C(device).
          returned: always
          type: list
          elements: dict
        started_at:
          description: When PID 1 started, in seconds since 1970.
          returned: always
          type: float
        kernel:
          description: Release of the kernel.
          returned: always
          type: str
        conf:
          description: The file that WSL reads.
          returned: always
          type: dict
          contains:
            path:
              description: Its path.
              returned: always
              type: str
            exists:
              description: Whether it is there.
              returned: always
              type: bool
            complete:
              description: Whether WSL reads it to its end; what comes after a line that it cannot read is not in force.
              returned: always
              type: bool
            settings:
              description: What is in force by it, by C(section.key).
              returned: always
              type: dict
            warnings:
              description: What WSL warns about, each with C(line), C(kind) and C(reason).
              returned: always
              type: list
              elements: dict
            pending:
              description:
                - What is written but not in force before a restart, by C(section.key), each with C(written) and
                  C(in_force); the latter is null where it is not known.
              returned: always
              type: dict
            notes:
              description:
                - What WSL warns about in the file, and settings that it will not follow on this machine, as sentences.
              returned: always
              type: list
              elements: str
            pending_sentences:
              description: What is pending, with the command and what it stops, as sentences.
              returned: always
              type: list
              elements: str
            restart_command:
              description: The command for Windows that makes the pending settings take effect; null without any.
              returned: always
              type: str
            launchers:
              description:
                - What became of each launcher for a Windows program that a run made, by its path, as V(as_written),
                  V(edited) or V(gone). Only root can read what runs made.
              returned: always
              type: dict
        unknown:
          description: Why a value is null, by its name.
          returned: always
          type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe


def main() -> None:
    """Return what WSL has in force on this machine, beside what its file asks for."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": "/"},
            "conf_path": {"type": "path", "default": "/etc/wsl.conf"},
        },
        supports_check_mode=True,
    )
    machine = wsl_observe.collect(module.params["root"], module.params["conf_path"], module.run_command)
    module.exit_json(changed=False, ansible_facts={"wsl": wsl_judge.observe(machine)})


if __name__ == "__main__":
    main()
