# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: go_benchmark
short_description: Measure go test in several environments, interleaved
version_added: 1.0.0
author:
  - wsltune contributors (@wsltune)
description:
  - Runs C(go test) in each of several environments of one user, one run of each per round, in random order.
  - The first variant is the baseline. It runs a second time in every round under the name V(control), which shows
    what the machine itself makes of two equal things.
  - Stops as soon as the verdict of every scenario is clear, otherwise when the budget is used up. The looks at the
    growing data are paid for, so that the probability of any false verdict over all scenarios stays at 5 percent.
  - Returns the raw runs. The filter P(wsltune.go.bench_summary#filter) says what they mean.
options:
  user:
    description:
      - The user whose Go is measured, in the environment of a fresh login of that user.
      - The user that the module runs as when left out. Any other user needs root.
    type: str
  go:
    description:
      - Path of the C(go) command. When left out, the one that the login finds in its E(PATH).
    type: path
  variants:
    description:
      - What is compared. The first one is the baseline.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the variant, of letters, digits, V(.), V(_) and V(-). Not V(control).
        type: str
        required: true
      environment:
        description:
          - Variables laid over the environment of the login. C({tmpfs}) in a value is a folder of the user's on a tmpfs
            that is there while it is measured, for root alone. C({disk}) is one on a disk, in C(/var/tmp) or the home.
        type: dict
        default: {}
      unset:
        description:
          - Names of variables to take out of the environment of the login.
          - A value that C(go env -w) wrote still counts then; set O(variants[].environment) to hide that.
          - It does not for GOTOOLCHAIN, CGO_LDFLAGS and GOCACHEPROG, which Go's settings file then has not either.
        type: list
        elements: str
        default: []
      directory:
        description:
          - A Go module to measure in place of O(modules), for variants that differ in where the source lies.
        type: path
      revision:
        description:
          - A Git revision of the first of O(modules) to measure in place of what lies there now, such as
            V(origin/main).
          - It is written into a folder beside the repository for as long as the module runs; the repository is only
            read. Submodules are not in it.
        type: str
  modules:
    description:
      - Folders of Go modules to test with C(./...).
      - When empty, O(packages) of the standard library are tested, which needs no download.
      - V(edit) works on the first one.
    type: list
    elements: path
    default: []
  packages:
    description:
      - Packages of the standard library to test when there are no O(modules).
    type: list
    elements: str
    default: [bufio, encoding/csv, encoding/json, sort, text/tabwriter]
  scenarios:
    description:
      - What is done with the modules or packages.
      - V(test) runs C(go test -count=1) with a warm build cache.
      - V(edit) changes one file in a copy of the source before each run of C(go test). The copies lie beside the
        original for as long as the module runs. Without O(modules) it is a small generated module.
      - V(cold) runs C(go test) with an empty build cache, made beside the real one and removed after each run.
      - V(race) runs C(go test -race -count=1), and is left out where there is no C compiler.
      - V(build) changes one file in a copy of the source before each C(go build) of the module's programs; of a module
        without programs all packages are built.
      - V(bench) runs Go's benchmarks that O(benchmarks) names, 100 ms each, and compares the geometric mean of their
        times per operation.
    type: list
    elements: str
    choices: [test, edit, cold, race, build, bench]
    default: [test, edit]
  benchmarks:
    description:
      - Which of Go's benchmarks V(bench) runs, as C(go test -bench) takes it.
    type: str
    default: .
  commands:
    description:
      - Commands to measure beside the O(scenarios), each in copies of the first of O(modules) that lie beside it.
      - They run as the user, with an empty standard input and no terminal. One that runs longer than the budget, or
        ends with anything but 0, is not compared, with the reason.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - A name for the results, as for a variant, and not that of a scenario.
        type: str
        required: true
      run:
        description:
          - What C(/bin/sh) runs, such as C(make test).
        type: str
        required: true
      setup:
        description:
          - What it runs before each measured run; its time is not counted.
        type: str
        default: ""
  budget_minutes:
    description:
      - How many minutes the module may take. Compiling for the first time takes at most half of it away from
        measuring, so that the module takes at most half as long again.
      - A scenario for which O(min_runs) rounds do not fit is left out and says so.
    type: float
    default: 3.0
  min_runs:
    description:
      - Rounds before the first verdict. Fewer than 6 never give one.
    type: int
    default: 6
  max_runs:
    description:
      - Rounds after which a scenario ends in any case.
    type: int
    default: 30
  warmup:
    description:
      - Runs of each variant before the measured ones. V(cold) has a single one of the baseline.
    type: int
    default: 1
  seed:
    description:
      - Start of the random order, to repeat it. Drawn when left out, and returned in any case.
    type: int
  progress_path:
    description:
      - A file that is rewritten in one step after every run with a JSON object of C(step), C(phase), C(scenario),
        C(round), C(rounds) (estimated), C(runs) and C(seconds_left).
    type: path
  tmpfs_size:
    description:
      - Largest size of the tmpfs that C({tmpfs}) in a variant's environment stands for, as M(wsltune.go.go_tmpfs)
        takes it.
    type: str
    default: auto
  remember:
    description:
      - Keep the verdict on the second variant on the machine, as that on a lever that is in force. The next run of
        M(wsltune.go.go_facts) returns it. Only root can.
    type: dict
    suboptions:
      fingerprint:
        description: The machine and Go that the verdict holds for.
        type: dict
        required: true
      workload:
        description: What was measured, as the verdict holds for nothing else.
        type: dict
        required: true
attributes:
  check_mode:
    support: partial
    description: Changes nothing.
    details: The task ends as skipped, because nothing is known without running it.
  diff_mode:
    support: none
    description: There is nothing that changes.
notes:
  - Nothing of the user's is changed. Like every C(go test), the runs add entries to the build cache, which Go removes
    when they were not used for five days. V(edit) adds most, about 1 MiB per run.
  - Needs no network with the packages of the standard library; E(GOTOOLCHAIN=local) and E(GOPROXY=off) are set then.
  - In check mode nothing is run.
  - "Errors: no such user, a user other than one's own without root, no C(go), a folder without C(go.mod), variants
    without a name or with the same one."
seealso:
  - plugin: wsltune.go.bench_summary
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Measure what a tmpfs for temporary files does to the tests of a project
  wsltune.go.go_benchmark:
    user: ada
    modules: [/home/ada/src/project]
    variants:
      - name: before
        environment:
          GOTMPDIR: /tmp
      - name: after
        environment:
          GOTMPDIR: /var/cache/gotmp/ada
    budget_minutes: 5
  register: measured

- name: Say what came out
  ansible.builtin.debug:
    msg: "{{ (measured.experiment | wsltune.go.bench_summary).verdict }}"
"""

RETURN = r"""
in_force:
  description: One line that says what was kept, with its numbers.
  returned: with O(remember)
  type: str
  sample: "tmp_in_memory is in force; compared with /var/tmp (ext4) on 2026-11-28, faster: test -9 %"
experiment:
  description: Everything that was measured, as the filters of this collection read it.
  returned: when something was measured
  type: dict
  contains:
    format:
      description: Version of this structure.
      type: int
      sample: 1
    user:
      description: Whose Go was measured.
      type: str
      sample: ada
    seed:
      description: Start of the random order.
      type: int
      sample: 20261123
    started:
      description: When the module started, in UTC.
      type: str
      sample: "2026-11-23T21:00:00Z"
    elapsed:
      description: How long the module took, in seconds.
      type: float
      sample: 171.4
    budget_minutes:
      description: The budget that was given.
      type: float
      sample: 3.0
    load:
      description: The load of the machine over the minute before.
      type: float
      sample: 0.3
    own_cost:
      description: The module's own time between two runs, in seconds, as median and maximum (without V(cold)).
      type: dict
      sample: {median: 0.002, max: 0.006}
    go:
      description: Path of the go command.
      type: str
      sample: /usr/local/go/bin/go
    variants:
      description: The variants as given.
      type: list
      elements: dict
    fingerprints:
      description:
        - The machine at the start (C(start)) and the end (C(end)), and what each variant runs with (C(variants)).
      type: dict
    scenarios:
      description:
        - Per scenario its C(name), C(command), C(status) (V(measured), V(skipped) or V(failed)), C(reason) when it is
          not compared, C(notes) on what was left out (if anything), why it C(stopped) (V(clear), V(budget) or
          V(max_runs)), the level C(alpha) of its last look and its C(runs).
        - A run has C(round) (0 is warm-up), C(variant), C(wall), C(user) and C(system) in seconds, C(max_rss) in
          bytes, C(blocks_written) of 512 bytes, C(exit_code), the C(gap) before it in seconds, and when it failed
          the end of its output (C(output_tail)).
      type: list
      elements: dict
"""

import contextlib
import os
import pwd
import time
from collections.abc import Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import bench, guard, schedule, scratch, stats
from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
from ansible_collections.wsltune.go.plugins.module_utils.levers import decide as levers_decide
from ansible_collections.wsltune.go.plugins.module_utils.levers import in_force as levers_in_force
from ansible_collections.wsltune.go.plugins.module_utils.levers import trial_disk, trial_tmpfs
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, look, text
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan


def _check_numbers(module: AnsibleModule) -> None:
    params = module.params
    for name, low, high in (("budget_minutes", 0.05, 24 * 60), ("min_runs", 2, 1000), ("warmup", 0, 100)):
        if not low <= params[name] <= high:
            module.fail_json(msg=f"{name} is {params[name]}: it must be from {low} to {high}.")
    if params["max_runs"] < params["min_runs"]:
        module.fail_json(msg=f"max_runs is {params['max_runs']}: it must not be below min_runs ({params['min_runs']}).")
    if not params["scenarios"] and not params["commands"]:
        module.fail_json(msg=f"scenarios is empty: name at least one of {', '.join(bench.SCENARIOS)}.")
    path = params["progress_path"]
    if path and path in look.silent([path]):
        module.fail_json(msg=f"progress_path is {path}, which gives no answer: name a file on this machine's own disk.")
    if path and not os.path.isdir(os.path.dirname(path) or "."):
        module.fail_json(msg=f"progress_path is {path}: its folder does not exist.")


def _have(variants: Sequence[bench.Variant], placeholder: str) -> bool:
    return any(placeholder in value for variant in variants for value in variant.environment.values())


def _fill(variants: Sequence[bench.Variant], placeholder: str, folder: str) -> None:
    for variant in variants:
        for name, value in variant.environment.items():
            variant.environment[name] = value.replace(placeholder, folder)


def _remember(key: dict[str, Any], user: str, experiment: dict[str, Any]) -> str:
    """Keep the verdict on a lever that is in force; return it as one line."""
    entry = levers_in_force.describe(key, experiment, time.time())
    journal.write_record(journal.IN_FORCE, {**journal.read_record(journal.IN_FORCE), user: entry})
    return levers_in_force.sentence(entry, taken_back=False)


def _measure(
    module: AnsibleModule,
    account: accounts.Account,
    variants: Sequence[bench.Variant],
    commands: Sequence[bench.Command],
    began: float,
) -> dict[str, Any]:
    params = module.params
    limit = max(60.0, params["budget_minutes"] * 60)
    environment = go_find.environment_with_go(account, accounts.login_environment(account))
    in_memory = _have(variants, levers_decide.TMPFS)

    workload = (params["modules"], params["packages"], params["go"])

    def measure(tell: schedule.Progress) -> dict[str, Any]:
        with contextlib.ExitStack() as stack:
            if _have(variants, levers_decide.DISK):
                folders = stack.enter_context(scratch.Folders())
                _fill(variants, levers_decide.DISK, trial_disk.make(account, folders, bench.read_mounts()))
            session = stack.enter_context(
                bench.Bench(
                    account,
                    variants,
                    *workload,
                    limit=limit,
                    environment=environment,
                    commands=commands,
                    benchmarks=params["benchmarks"],
                )
            )
            return session.experiment(
                params["scenarios"],
                params["budget_minutes"],
                began,
                params["seed"],
                tell,
                min_runs=params["min_runs"],
                max_runs=params["max_runs"],
                warmup=params["warmup"],
            ).to_json()

    with contextlib.ExitStack() as stack:
        if in_memory:
            # Before the child is made, which would not see the mount otherwise.
            if os.geteuid() != 0:
                raise bench.BenchmarkError(
                    f"Only root can mount what {levers_decide.TMPFS} stands for: run with become"
                )
            trial = stack.enter_context(trial_tmpfs.mounted_for(account, params["tmpfs_size"], ("tmp",)))
            folder = os.path.join(trial, "tmp")
            _fill(variants, levers_decide.TMPFS, folder)
        heard = stack.enter_context(bench.report_progress_to(params["progress_path"]))
        experiment: dict[str, Any] = bench.run_as_user(account, measure, params["budget_minutes"], heard)
    return experiment


def main() -> None:
    """Measure the scenarios in every variant within the budget and return the experiment."""
    module = AnsibleModule(
        argument_spec={
            "user": {"type": "str"},
            "go": {"type": "path"},
            "variants": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "environment": {"type": "dict", "default": {}},
                    "unset": {"type": "list", "elements": "str", "default": []},
                    "directory": {"type": "path"},
                    "revision": {"type": "str"},
                },
            },
            "modules": {"type": "list", "elements": "path", "default": []},
            "packages": {"type": "list", "elements": "str", "default": list(bench.STD_PACKAGES)},
            "scenarios": {
                "type": "list",
                "elements": "str",
                "choices": list(bench.SCENARIOS),
                "default": ["test", "edit"],
            },
            "benchmarks": {"type": "str", "default": "."},
            "commands": bench.COMMANDS,
            "budget_minutes": {"type": "float", "default": 3.0},
            "min_runs": {"type": "int", "default": stats.MIN_RUNS},
            "max_runs": {"type": "int", "default": 30},
            "warmup": {"type": "int", "default": 1},
            "seed": {"type": "int"},
            "progress_path": {"type": "path"},
            "tmpfs_size": {"type": "str", "default": "auto"},
            "remember": {
                "type": "dict",
                "options": {
                    "fingerprint": {"type": "dict", "required": True},
                    "workload": {"type": "dict", "required": True},
                },
            },
        },
        supports_check_mode=True,
    )
    began = time.monotonic()
    try:
        variants = bench.read_variants(module.params["variants"])
        commands = bench.read_commands(module.params["commands"], module.params["modules"])
    except bench.BenchmarkError as error:
        module.fail_json(msg=str(error))
    _check_numbers(module)
    remember = module.params["remember"]
    if remember and (os.geteuid() != 0 or len(variants) < 2):
        module.fail_json(msg="remember keeps the verdict on the second variant for root: give two, and run as root.")
    if module.check_mode:
        module.exit_json(changed=False, skipped=True, msg="Nothing is measured in check mode.")
    bench.clean_up_on_signals()
    # A trial must not have the kernel end what else runs here.
    guard.volunteer()
    try:
        account = accounts.find([module.params["user"] or pwd.getpwuid(os.geteuid()).pw_name])[0]
        experiment = _measure(module, account, variants, commands, began)
        kept = {"in_force": _remember(remember, account.name, experiment)} if remember else {}
    except (accounts.AccountError, bench.BenchmarkError, tmpfs_plan.TmpfsError) as error:
        module.fail_json(msg=text.line(error))
    except OSError as error:
        module.fail_json(msg=text.line(f"The benchmark cannot go on: {error}."))
    module.exit_json(changed=False, experiment=text.printable(experiment), **text.printable(kept))


if __name__ == "__main__":
    main()
