# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: packages_info
short_description: List what the distribution's own package manager has installed
version_added: 1.0.0
description:
  - Lists the installed packages with their versions, for a bill of materials.
  - Asks the package manager's own program, because C(ansible.builtin.package_facts) needs Python libraries that a small
    root file system has not.
  - Knows apt, dnf, zypper, pacman and apk.
extends_documentation_fragment:
  - wsltune.go.looks_only
author:
  - wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: List the packages
  wsltune.go.packages_info:
  register: installed
"""

RETURN = r"""
manager:
  description: The package manager, such as V(dnf); empty where there is none that is known.
  returned: success
  type: str
  sample: dnf
distribution:
  description: What C(ID) of C(/etc/os-release) is; V(linux) where it has none.
  returned: success
  type: str
  sample: fedora
packages:
  description: The packages by name; none where no manager is known.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the package.
      type: str
      sample: bash
    version:
      description: Version, with the epoch where there is one.
      type: str
      sample: 5.2.37-1.fc43
    architecture:
      description: What its programs are for; empty where the manager does not list it.
      type: str
      sample: x86_64
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils.linux import distribution


def main() -> None:
    """List the packages; fail where the manager cannot."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    manager = distribution.find_manager()
    packages: list[distribution.Package] = []
    if manager:
        code, output = distribution.ask(distribution.words_for(manager, "versions"))
        if code:
            module.fail_json(msg=f"{distribution.explain_unlisted(manager, output)}.")
        packages = distribution.list_versions(manager, output)
    module.exit_json(
        changed=False,
        manager=manager,
        distribution=distribution.read_id(),
        packages=[asdict(package) for package in packages],
    )


if __name__ == "__main__":
    main()
