# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: go_levers
short_description: Try tunings of Go on this machine and keep only what wins
version_added: 1.0.0
author:
  - wsltune contributors (@wsltune)
description:
  - Runs C(go test) of one user with each lever on, beside a baseline and a control that is the same as the baseline,
    interleaved in random order, and decides which levers are kept. The winners then run together against the baseline.
  - Of many levers the slower half leaves after each round, as far as the time makes it necessary, so that those that
    lead get the runs. Levers for which there is no time at all are not tried; the O(budget_minutes) that are enough for
    all are named.
  - A lever is kept when it is faster in a scenario, or in all of them together, and slower in none, with the interval
    clear of no change at a level that allows for the number of levers, and when C(go build), C(go vet), C(go test),
    C(go test -race) and C(go run) work with it wherever they work without it.
  - A lever with which tests fail where they pass without it is dropped before anything is measured.
  - Changes nothing on the machine but the record of the decision. A tmpfs that a trial needs is mounted in a mount
    namespace of the module's own, a copy that it needs is removed at the end.
  - A decision that was made on the same machine with the same workload is used again for O(days) days.
options:
  levers:
    description: What to try.
    type: list
    elements: str
    choices:
      - tmp_in_memory
      - gotmpdir_tmpfs
      - gocache_tmpfs
      - cgo_disabled
      - caches_local
      - source_on_ext4
      - append_windows_path
      - buildvcs_off
      - vet_off
      - tool_gc
      - parallel
      - go_version
      - cgo_linker
      - gocacheprog
    required: true
  user:
    description: The user whose Go is measured, in the environment of a fresh login.
    type: str
    required: true
  before:
    description: What to lay over that environment to get the one without levers.
    type: dict
    default: {}
    suboptions:
      environment:
        description: Variables to set.
        type: dict
        default: {}
      unset:
        description:
          - Names of variables to take away, GOTOOLCHAIN, CGO_LDFLAGS and GOCACHEPROG also from Go's settings file.
        type: list
        elements: str
        default: []
  slow_places:
    description: Which of GOCACHE and GOMODCACHE lie on a Windows drive.
    type: list
    elements: str
    default: []
  projects:
    description:
      - Folders of projects that V(source_on_ext4) may move. It is tried on one of them that lies on another disk than
        the user's home, the first in which one of O(modules) lies or that is a module itself; all levers are then
        measured with that module alone.
    type: list
    elements: path
    default: []
  modules:
    description: Folders of Go modules to test. Packages of the standard library when empty.
    type: list
    elements: path
    default: []
  scenarios:
    description: What is measured, as in M(wsltune.go.go_benchmark).
    type: list
    elements: str
    choices: [test, edit, cold, race, build, bench]
    default: [test, edit]
  commands:
    description:
      - Commands of the user's own to measure beside O(scenarios), as in M(wsltune.go.go_benchmark). A lever with which
        one fails or gets slower is not kept.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name in the results, of letters, digits, V(.), V(_) and V(-), and not that of a scenario.
        type: str
        required: true
      run:
        description: What a shell runs.
        type: str
        required: true
      setup:
        description: What a shell runs before it, not timed.
        type: str
        default: ''
  benchmarks:
    description: Which of Go's benchmarks V(bench) runs, as in M(wsltune.go.go_benchmark).
    type: str
    default: .
  budget_minutes:
    description: The longest that measuring the levers takes; the winners together take up to as long again.
    type: float
    default: 3.0
  gocacheprog:
    description: The command that V(gocacheprog) tries, an absolute path with arguments.
    type: str
    default: ''
  parallel:
    description: What V(parallel) tries, as O(wsltune.go.go_env#module:parallel).
    type: str
    default: auto
  tmpfs_size:
    description: Size of the trial's tmpfs, as in M(wsltune.go.go_tmpfs).
    type: str
    default: auto
  days:
    description: How many days a decision is used again.
    type: float
    default: 30
  seed:
    description: Start of the random order; another one each time when left out.
    type: int
  progress_path:
    description: File that says how far the measuring is.
    type: path
attributes:
  check_mode:
    support: partial
    description: Changes nothing.
    details: The task ends as skipped, because nothing is known without running it.
  diff_mode:
    support: none
    description: There is nothing that changes.
notes:
  - Needs root.
  - Errors are one sentence each, such as a module that does not compile, tests that fail without any lever, too little
    memory for a tmpfs.
"""

EXAMPLES = r"""
- name: Is a tmpfs for Go's temporary files worth it here
  wsltune.go.go_levers:
    levers: [gotmpdir_tmpfs]
    user: alice
    modules: [/home/alice/src/shop]
"""

RETURN = r"""
decisions:
  description:
    - Per lever C(lever), C(tried), C(kept), C(reason), C(evidence) (V(interleaved)), and where it was measured
      C(scenario), C(ratio), C(low), C(high), C(p), C(verdict). Those that gain most come first.
  returned: always
  type: list
  elements: dict
kept:
  description: Names of the levers that are kept.
  returned: always
  type: list
  elements: str
sentences:
  description: A line per lever for a summary.
  returned: always
  type: list
  elements: str
remembered:
  description: When the decisions are earlier ones, the time they were made at, in seconds since 1970; else null.
  returned: always
  type: float
experiments:
  description: The raw runs, as M(wsltune.go.go_benchmark) returns them; of the levers and of the winners together.
  returned: when something was measured
  type: list
  elements: dict
"""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import (
    bench,
    guard,
    schedule,
    scratch,
    settings_file,
    stats,
    summaries,
)
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.bench import Bench, Variant
from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.go import tool_gc
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue, trial_tmpfs
from ansible_collections.wsltune.go.plugins.module_utils.levers import decide as levers_decide
from ansible_collections.wsltune.go.plugins.module_utils.levers import guard as levers_guard
from ansible_collections.wsltune.go.plugins.module_utils.levers.decide import Decision
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, look, meminfo, process, text
from ansible_collections.wsltune.go.plugins.module_utils.linux import fingerprint as linux_fingerprint
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

GROUND = ("GOVERSION", "GOFLAGS", "CGO_ENABLED", "GOMODCACHE")
"""What the levers that have no place of Go's are judged by."""


class Trial:
    """Tries levers for one user: what is told to run as the user is run in a child, and returns what it found."""

    def __init__(self, module: AnsibleModule) -> None:
        self.params = module.params
        self.account = accounts.find([module.params["user"]])[0]
        environment = accounts.login_environment(self.account)
        self.environment = go_find.environment_with_go(self.account, environment)
        self.names = list(dict.fromkeys(module.params["levers"]))
        self.commands = bench.read_commands(module.params["commands"], module.params["modules"])
        self.path = self.environment.get("PATH", "")
        if levers_decide.WINDOWS_PATH in self.names:
            mounts = wsl_judge.mounts_of(wsl_observe.collect())
            self.path = levers_decide.drop_windows_folders(self.path, mounts)
        self.experiments: list[dict[str, Any]] = []
        self.suites: tuple[Any, Any, Any] = [], {}, {}

    def settle(self, project: str, folder: str, in_memory: Sequence[str], ground: Mapping[str, Any]) -> None:
        """Take what was found of the source, the places in memory and the Go; know what need not be tried."""
        self.ground = levers_guard.Ground(**ground)
        self.project, self.folder = project, folder
        self.modules = list(self.params["modules"])
        slow = list(self.params["slow_places"])
        if self.path != self.environment.get("PATH", ""):
            slow.append(catalogue.PATH_PLACE)
        if project:
            self.modules = [os.path.normpath(os.path.join(project, folder))]
            slow.append(catalogue.SOURCE_PLACE)
        self.slow = slow
        self.workload = {"modules": self.modules, "scenarios": self.params["scenarios"]}
        # Beside those of earlier decisions only where there is one, so that these hold.
        if self.commands:
            self.workload["commands"] = [vars(command) for command in self.commands]
        if "bench" in self.params["scenarios"]:
            self.workload["benchmarks"] = self.params["benchmarks"]
        # What a person chose for a lever is tried, and another choice is another trial.
        self.workload.update({name: self.params[name] for name in ("gocacheprog", "parallel") if name in self.names})
        reasons = {
            name: levers_decide.explain_no_effect(name, slow, in_memory)
            or levers_guard.explain_missing(name, self.ground)
            for name in self.names
        }
        self.idle = {name: reason for name, reason in reasons.items() if reason}

    def survey(self, held: Mapping[str, Decision], budget: float) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """As the user: return what settle() takes and, where the decisions C(held) may serve, what they depend on."""
        project, folder = self.find_project() if levers_decide.SOURCE in self.names else ("", ".")
        own = (self.params["before"] or {}).get("environment") or {}
        temporary = own.get("TMPDIR") or "/tmp"
        places = {
            "TMPDIR": temporary,
            "GOTMPDIR": own.get("GOTMPDIR") or temporary,
            "GOCACHE": own.get("GOCACHE"),
        }
        found: dict[str, Any] = {
            "project": project,
            "folder": folder,
            "in_memory": bench.list_in_memory(places),
            "ground": self.look_at_go().to_json(),
        }
        self.settle(**found)
        fingerprint = self.look([self.variant(levers_decide.BASELINE, {})])[0] if self.usable(held, budget) else None
        return found, fingerprint

    def look_at_go(self) -> levers_guard.Ground:
        """As the user: return what the levers that have no place of Go's need to know."""
        baseline = self.variant(levers_decide.BASELINE, {})
        environment = baseline.over(self.environment)
        path = environment.get("PATH", "")
        with scratch.Folders() as folders:

            def make_folder() -> str:
                return folders.make(bench.find_scratch_parent(environment, self.account), "settings")

            settings = self.ask_go(settings_file.hide(baseline.unset, environment, make_folder))
        return levers_guard.Ground(
            memory=meminfo.read_total(),
            cpus=len(os.sched_getaffinity(0)),
            settings=settings,
            toolchains=go_observe.list_cached_toolchains(settings.get("GOMODCACHE", "")),
            linker=go_tuning.find_linker("auto", path),
            gocacheprog=self.params["gocacheprog"],
            gocacheprog_obstacle=files.Files().program_obstacle(self.params["gocacheprog"].split(" ")),
            parallel=self.params["parallel"],
            builds="build" in self.params["scenarios"] or bool(self.commands),
            has_repository=any(map(levers_guard.is_in_repository, self.params["modules"])),
        )

    def ask_go(self, environment: Mapping[str, str]) -> dict[str, str]:
        """As the user: return the settings that the levers are judged by, as Go has them in C(environment)."""
        go = shutil.which("go", path=environment.get("PATH", ""))
        settings: dict[str, str] = {}
        # Where root is not to build, measuring says so.
        if not go or go_find.explain_no_build(go, environment):
            return settings
        # With the toolchain that the user's own setting chooses, but none is downloaded to find it out.
        # CGO_LDFLAGS apart, because Go makes a folder in GOTMPDIR for it, which may be gone.
        for names in (GROUND, ("CGO_LDFLAGS",)):
            command = [go, "env", "-json", *names]
            done = process.run(command, {**environment, "GOPROXY": "off"}, self.account.home, limit=60)
            with contextlib.suppress(ValueError, AttributeError, RecursionError):
                settings.update({key: str(value or "") for key, value in json.loads(done.out).items() if key in names})
        return settings

    def usable(self, held: Mapping[str, Decision], budget: float) -> bool:
        """Return whether the decisions C(held), made within C(budget), answer for all levers that would be tried."""
        wanted = [name for name in self.names if name not in self.idle]
        return levers_decide.answers_for(held, wanted, self.params["budget_minutes"] > budget)

    def find_project(self) -> tuple[str, str]:
        """Find what the lever SOURCE is tried on: a module that does not lie on the home's disk."""
        choices = levers_decide.list_moves(self.params["projects"], self.params["modules"])
        silent = look.silent(project for project, _folder in choices)
        for project, folder in choices:
            if project in silent:
                continue
            with contextlib.suppress(OSError):
                elsewhere = os.stat(project).st_dev != os.stat(self.account.home).st_dev
                root = go_sources.find_module_root(os.path.join(project, folder))
                if elsewhere and root and os.path.commonpath([root, project]) == os.path.normpath(project):
                    return project, folder
        return "", "."

    def remember(
        self, known: dict[str, Any], decisions: Sequence[Decision], fingerprint: dict[str, Any] | None
    ) -> None:
        """Keep the decisions that rest on a trial, beside those that are known, with what they were measured on."""
        if not any(decision.tried for decision in decisions):
            return
        known[self.account.name] = {
            "workload": self.workload,
            "fingerprint": fingerprint,
            "decided_at": time.time(),
            "budget_minutes": self.params["budget_minutes"],
            "levers": levers_decide.merge_recorded(known.get(self.account.name, {}).get("levers", {}), decisions),
        }
        journal.write_record(journal.DECISIONS, known)

    def look(self, variants: Sequence[Variant]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what the decision depends on, and why tests fail in which of the variants that pass in the first."""
        first, *others = [variant.name for variant in variants]
        with self.bench(variants) as session:
            session.prepare()
            if others:
                count = len(variants) - 1
                # Each is warmed up as well.
                runs = count + stats.Screening().cost(count)
                session.choose(runs, self.params["budget_minutes"] * 60)
                self.suites = session.suites, session.chosen, session.scenario_suites
            fingerprint = {**linux_fingerprint.read(), **session.fingerprint(first)}
            broken = {name: reason for name in others if (reason := session.broken(name))}
            # Then it is not the lever's fault, and measuring says so.
            if broken and session.broken(first):
                broken = {}
        return fingerprint, broken

    def bench(self, variants: Sequence[Variant]) -> Bench:
        """Open a measurement of the variants; each command gets the whole budget as its limit, at least 60 s."""
        limit = max(60.0, self.params["budget_minutes"] * 60)
        session = Bench(
            self.account,
            variants,
            self.modules,
            limit=limit,
            environment=self.environment,
            commands=self.commands,
            benchmarks=self.params["benchmarks"],
        )
        # The tests need not be run again to know which of them pass.
        session.suites, session.chosen, session.scenario_suites = self.suites
        return session

    def variant(self, name: str, environment: Mapping[str, str], directory: str | None = None) -> Variant:
        """Return a variant on top of the environment from before the first run."""
        before = self.params["before"] or {}
        own = {**(before.get("environment") or {}), **environment}
        unset = [name for name in before.get("unset") or [] if name not in own]
        return Variant(name, {str(key): str(value) for key, value in own.items()}, unset, directory)

    def experiment(self, variants: Sequence[Variant], tell: schedule.Progress) -> tuple[dict[str, Any], dict[str, str]]:
        """Measure C(variants) against the first of them; return the summary and with which of them Go is broken."""
        params, began = self.params, time.monotonic()
        names = [variant.name for variant in variants]
        with self.bench(variants) as session:
            screening = stats.Screening() if names[1:] != [levers_decide.TOGETHER] else None
            experiment = session.experiment(
                params["scenarios"], params["budget_minutes"], began, params["seed"], tell, screening
            )
            self.experiments.append(experiment.to_json())
            summary = summaries.summarise_runs(experiment)
            failures = {}
            candidates = [name for name in names[1:] if levers_decide.judge(name, summary).kept]
            if candidates:
                usual = session.works(names[0])
                for name in candidates:
                    new = [text for command, text in session.works(name).items() if command not in usual]
                    if new:
                        failures[name] = new[0]
        return summary, failures

    def decide(
        self, wanted: Sequence[str], tmpfs_folder: str, tell: schedule.Progress
    ) -> tuple[list[dict[str, Any]], dict[str, Any], list[dict[str, Any]]]:
        """As the user: return the decisions about C(wanted), measured now, what they depend on and the runs.

        All of it passes as JSON, because a child returns it.
        """
        with contextlib.ExitStack() as stack:
            moved = None
            if levers_decide.SOURCE in wanted:
                reason = go_sources.find_code_of_others(self.project)
                if reason:
                    raise bench.BenchmarkError(reason)
                copy = stack.enter_context(bench.copy_home(self.account, self.project))
                if self.ground.builds:
                    environment = self.variant(levers_decide.BASELINE, {}).over(self.environment)
                    bench.copy_history(self.account.name, self.project, copy, environment)
                moved = os.path.normpath(os.path.join(copy, self.folder))

            def variant(name: str, tried: Sequence[str]) -> Variant:
                merged: dict[str, str] = {}
                own = (self.params["before"] or {}).get("environment") or {}
                values = levers_guard.values(self.ground, tmpfs_folder)
                for lever in tried:
                    merged.update(
                        levers_decide.make_environment(
                            lever, tmpfs_folder, self.account.home, self.slow, self.path, own, values
                        )
                    )
                flags = levers_guard.goflags(tried, self.ground, values)
                if flags:
                    merged["GOFLAGS"] = flags
                return self.variant(name, merged, moved if levers_decide.SOURCE in tried else None)

            baseline = variant(levers_decide.BASELINE, [])
            variants = [baseline] + [variant(name, [name]) for name in wanted]
            fingerprint, broken = self.look(variants)
            judged = [
                levers_decide.decide_broken(Decision(name, True, evidence="none"), reason)
                for name, reason in broken.items()
            ]
            variants = [variant for variant in variants if variant.name not in broken]
            if len(variants) > 1:
                summary, failures = self.experiment(variants, tell)
                for name in [variant.name for variant in variants[1:]]:
                    decision = levers_decide.judge(name, summary)
                    judged.append(
                        levers_decide.decide_broken(decision, failures[name]) if name in failures else decision
                    )
            winners = [decision.lever for decision in judged if decision.kept]
            together = None
            if len(winners) > 1:
                summary, failures = self.experiment([baseline, variant(levers_decide.TOGETHER, winners)], tell)
                together = levers_decide.judge(levers_decide.TOGETHER, summary)
                if failures:
                    together = levers_decide.decide_broken(together, failures[levers_decide.TOGETHER])
        settled = levers_decide.settle(judged, together)
        return [decision.to_json() for decision in settled], fingerprint, self.experiments

    def program_text(self) -> str:
        """Return the program that the lever tool_gc is tried with."""
        return tool_gc.program_text(self.ground.memory, self.ground.cpus)

    def measure(self) -> tuple[list[Decision], dict[str, Any] | None]:
        """Have the levers that can have an effect measured; return the decisions on all and what they depend on."""
        decisions = [levers_decide.decide_idle(name, reason) for name, reason in self.idle.items()]
        wanted = [name for name in self.names if name not in self.idle]
        if not wanted:
            return decisions, None
        params = self.params
        places = ("tmp", "gotmpdir", "gocache")
        with trial_tmpfs.mounted_for(self.account, params["tmpfs_size"], places) as folder:
            trial_tmpfs.put_program(f"{folder}/{levers_guard.PROGRAM}", self.program_text())
            # The child is made after the mount, which it would not see otherwise.
            with bench.report_progress_to(params["progress_path"]) as heard:
                judged, fingerprint, self.experiments = bench.run_as_user(
                    self.account, lambda tell: self.decide(wanted, folder, tell), 2 * params["budget_minutes"], heard
                )
        return decisions + [Decision.from_json(decision) for decision in judged], fingerprint

    def run(self) -> dict[str, Any]:
        """Return what the module does."""
        known = journal.read_record(journal.DECISIONS)
        entry = known.get(self.account.name, {})
        recorded = entry.get("levers", {})
        held = {name: Decision.from_json(recorded[name]) for name in recorded if name in self.names}
        budget = float(entry.get("budget_minutes", 0.0))
        found, fingerprint = bench.run_as_user(
            self.account, lambda: self.survey(held, budget), self.params["budget_minutes"]
        )
        self.settle(**found)
        if self.usable(held, budget) and not levers_decide.explain_stale(
            entry, fingerprint, self.workload, time.time(), self.params["days"]
        ):
            decisions, remembered = list(held.values()), entry["decided_at"]
        else:
            decisions, fingerprint = self.measure()
            remembered = None
            self.remember(known, decisions, fingerprint)
            decisions = levers_decide.hold(held, decisions)
        return {
            "decisions": [decision.to_json() for decision in levers_decide.rank(decisions)],
            "kept": [decision.lever for decision in decisions if decision.kept],
            "sentences": levers_decide.write_sentences(decisions),
            "remembered": remembered,
            "experiments": self.experiments,
        }


def main() -> None:
    """Try the levers within the budget and return a decision for each."""
    module = AnsibleModule(
        argument_spec={
            "levers": {"type": "list", "elements": "str", "choices": list(catalogue.LEVERS), "required": True},
            "user": {"type": "str", "required": True},
            "before": {
                "type": "dict",
                "default": {},
                "options": {
                    "environment": {"type": "dict", "default": {}},
                    "unset": {"type": "list", "elements": "str", "default": []},
                },
            },
            "slow_places": {"type": "list", "elements": "str", "default": []},
            "projects": {"type": "list", "elements": "path", "default": []},
            "modules": {"type": "list", "elements": "path", "default": []},
            "scenarios": {
                "type": "list",
                "elements": "str",
                "choices": list(bench.SCENARIOS),
                "default": ["test", "edit"],
            },
            "commands": bench.COMMANDS,
            "benchmarks": {"type": "str", "default": "."},
            "budget_minutes": {"type": "float", "default": 3.0},
            "gocacheprog": {"type": "str", "default": ""},
            "parallel": {"type": "str", "default": "auto"},
            "tmpfs_size": {"type": "str", "default": "auto"},
            "days": {"type": "float", "default": 30},
            "seed": {"type": "int"},
            "progress_path": {"type": "path"},
        },
        supports_check_mode=True,
    )
    if os.geteuid() != 0:
        module.fail_json(msg="go_levers mounts a tmpfs and becomes the user: run it as root (become: true).")
    if module.params["budget_minutes"] <= 0:
        module.fail_json(msg=f"budget_minutes is {module.params['budget_minutes']}: give more than 0.")
    if not module.params["scenarios"] and not module.params["commands"]:
        module.fail_json(msg=f"scenarios is empty: name at least one of {', '.join(bench.SCENARIOS)}, or a command.")
    if module.check_mode:
        module.exit_json(changed=False, skipped=True, msg="Nothing is measured in check mode.")
    bench.clean_up_on_signals()
    # A trial must not have the kernel end what else runs here.
    guard.volunteer()
    try:
        result = Trial(module).run()
    except (accounts.AccountError, bench.BenchmarkError, tmpfs_plan.TmpfsError, go_tuning.TuningError) as error:
        module.fail_json(msg=text.line(error))
    except OSError as error:
        module.fail_json(msg=text.line(f"The levers cannot be tried: {error}."))
    module.exit_json(changed=False, **text.printable(result))


if __name__ == "__main__":
    main()
