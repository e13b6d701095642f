# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: doctor
short_description: Find what makes Go slow on a machine, with what each cause costs
version_added: 1.0.0
author:
  - wsltune contributors (@wsltune)
description:
  - Measures the folders that Go works in, what WSL reads, PATH, name resolution, sockets, processes, clocks, memory,
    CPUs and, where modules are named, their build and tests.
  - Returns checks, the worst first and of equal ones the one that costs most. Each has an id that a page in
    C(docs/cases) explains, with commands.
  - Changes nothing of the user's and fetches nothing. Like every C(go build) it adds to the build cache; files for
    measuring are made where Go makes its own, and removed.
options:
  user:
    description:
      - The user whose Go is looked at, in the environment of a fresh login.
      - The one that the module runs as when left out. Any other user needs root.
    type: str
  modules:
    description:
      - Folders of Go modules to build and test.
    type: list
    elements: path
    default: []
  names:
    description:
      - Names to resolve besides V(localhost) and the host's own, such as a proxy or a database that tests use.
    type: list
    elements: str
    default: []
  checks:
    description:
      - Ids of the checks to make, such as V(WT-002). All when empty.
    type: list
    elements: str
    default: []
  budget_minutes:
    description:
      - How many minutes building and testing the modules may take. What does not fit is C(unknown).
    type: float
    default: 3.0
  temporary_limit:
    description:
      - How many MiB of temporary files the tests may write before they are ended.
    type: int
    default: 2048
extends_documentation_fragment:
  - wsltune.go.looks_only
notes:
  - Needs no root. Runs the tests of the modules that are named.
  - In check mode it does the same, because it changes nothing.
"""

EXAMPLES = r"""
- name: Find what makes the tests of a project slow
  wsltune.go.doctor:
    modules: [/home/ada/src/project]
  register: found

- name: Say what costs most
  ansible.builtin.debug:
    msg: "{{ found.doctor.checks[0].id }}: {{ found.doctor.checks[0].reason }}"
"""

RETURN = r"""
doctor:
  description: What was found.
  returned: always
  type: dict
  contains:
    format:
      description: Version of this structure.
      type: int
      sample: 1
    user:
      description: Whose Go was looked at.
      type: str
      sample: ada
    status:
      description: The worst status of all checks; V(unknown) does not count.
      type: str
      sample: warning
    counts:
      description: Number of checks by status; C(not_applicable) are those for what only WSL has, elsewhere.
      type: dict
    go:
      description: Version of the user's Go; null without one.
      type: str
      sample: go1.27.3
    wsl:
      description: Version of WSL; null where this is none.
      type: int
    distro:
      description: Name of the WSL distro.
      type: str
    kernel:
      description: The kernel's release.
      type: str
    modules:
      description: Folders of the modules that were looked at.
      type: list
      elements: str
    took:
      description: How long it took, in seconds.
      type: float
    checks:
      description:
        - The checks in the order of a report.
        - C(id), C(title), C(status) (V(ok), V(warning), V(critical) or V(unknown)), C(reason) as a sentence, C(applies)
          (whether it can be on this machine at all), C(blocks) (whether Go fails for it), C(seconds) (an estimate of
          what it adds to one C(go test)), C(page).
        - C(cost) with C(value), C(unit) and C(effect); C(answer) with C(lever) and C(command); C(details).
      type: list
      elements: dict
"""

import os
import pwd
import shutil
import signal
import time
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor import judge as doctor_judge
from ansible_collections.wsltune.go.plugins.module_utils.doctor import observe as doctor_observe
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, text
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe


def _stop(signum: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + signum)


def _check_values(module: AnsibleModule) -> None:
    params = module.params
    for name, low, high in (("budget_minutes", 0.05, 24 * 60), ("temporary_limit", 16, 2**20)):
        if not low <= params[name] <= high:
            module.fail_json(msg=f"{name} is {params[name]}: it must be from {low} to {high}.")
    for check_id in params["checks"]:
        if check_id not in doctor_check.TITLES:
            module.fail_json(msg=f"checks: {check_id!r} is no check: take one of {', '.join(doctor_check.TITLES)}.")
    for path in params["modules"]:
        if not os.path.isabs(path):
            module.fail_json(msg=f"modules: {path!r} is not an absolute path.")


def _examine(module: AnsibleModule, account: accounts.Account, began: float) -> dict[str, Any]:
    """Look as the user and judge there too: what tests printed is large, and nothing for root to read."""
    params = module.params
    wanted = params["checks"]
    machine = wsl_observe.collect(run_command=module.run_command)
    environment, failed_login = doctor_observe.login(account)
    here = os.environ.get("PATH", "")
    if os.geteuid() == account.uid and not shutil.which("go", path=environment.get("PATH")):
        # Whoever starts this at a terminal of their own may have a Go there that no login finds.
        more = [here] if shutil.which("go", path=here) else []
        environment["PATH"] = ":".join([environment.get("PATH") or os.defpath, *more])
    budget = params["budget_minutes"] * 60

    def look() -> dict[str, Any]:
        seen = doctor_observe.Observer(
            account,
            machine,
            environment,
            modules=params["modules"],
            names=params["names"],
            budget=budget,
            most=params["temporary_limit"] * 2**20,
            failed_login=failed_login,
            wanted=lambda *ids: not wanted or bool(set(ids) & set(wanted)),
        ).observe()
        seen["took"] = round(time.monotonic() - began, 1)
        return doctor_judge.summarise(seen, doctor_judge.judge(seen, wanted))

    # What belongs to the budget is ended by itself; the rest has limits of its own, of minutes together.
    found: dict[str, Any] = become.ask(accounts.identity(account), look, budget + 900, always=True, memory=become.MUCH)
    return found


def main() -> None:
    """Look at one account, within budget_minutes, and return the checks; nothing changes."""
    module = AnsibleModule(
        argument_spec={
            "user": {"type": "str"},
            "modules": {"type": "list", "elements": "path", "default": []},
            "names": {"type": "list", "elements": "str", "default": []},
            "checks": {"type": "list", "elements": "str", "default": []},
            "budget_minutes": {"type": "float", "default": 3.0},
            "temporary_limit": {"type": "int", "default": 2048},
        },
        supports_check_mode=True,
    )
    began = time.monotonic()
    _check_values(module)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        account = accounts.find([module.params["user"] or pwd.getpwuid(os.geteuid()).pw_name])[0]
        if os.geteuid() not in (0, account.uid):
            module.fail_json(msg=f"Only root can look at the Go of {account.name}: run with become, or name no user.")
        findings = _examine(module, account, began)
    except (accounts.AccountError, OSError) as error:
        module.fail_json(msg=text.line(error))
    module.exit_json(changed=False, doctor=text.printable(findings))


if __name__ == "__main__":
    main()
