# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run in a distro does: facts and wishes go in, one plan comes out that says which role runs with what."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils import report
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue as levers_catalogue
from ansible_collections.wsltune.go.plugins.module_utils.levers import decide as levers_decide
from ansible_collections.wsltune.go.plugins.module_utils.levers import in_force as levers_in_force
from ansible_collections.wsltune.go.plugins.module_utils.levers import plan as levers_plan
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import place as tmpfs_place
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan

HOLDS = "it is so already"
LEFT_OUT = "wsltune_left_out"
"""The group that a run adds a host to whose projects it could not copy."""
Results = Mapping[str, Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Step:
    """Whether a role runs; C(why_not) is the reason where it does not, C(variables) what it gets."""

    why_not: str = ""
    variables: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def runs(self) -> bool:
        """Whether the role runs: nothing speaks against it."""
        return not self.why_not

    def to_json(self) -> dict[str, Any]:
        """Return the step as site.yml takes it."""
        # No name of a method of dict, which Jinja would take for it.
        return {"run": self.runs, "why_not": self.why_not, "variables": dict(self.variables)}


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run does, by role; C(on) are the levers that are declared or decided, C(on_auto) those to try first."""

    steps: Mapping[str, Step]
    on: Mapping[str, Any]
    on_auto: list[str]
    refusal: str
    prepares: bool
    removes_tmpfs: bool
    tries_source: bool
    after: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What gives Go in this run what it has from the next start on, to be measured now."""
    compared: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """How a lever that is in force now is compared with what was before, and what to say where it is taken back."""
    in_force: list[str] = dataclasses.field(default_factory=list)
    """What an earlier run measured of it, as sentences."""
    wants_tmpfs: bool = True
    pending: list[str] = dataclasses.field(default_factory=list)
    """What waits where /tmp is not wanted in memory any more."""

    @property
    def applies(self) -> bool:
        """Whether something is prepared, set up or taken away."""
        steps = (self.steps[role].runs for role in ("wsl_conf", "go_tmpfs", "go_env"))
        return self.prepares or self.removes_tmpfs or any(steps)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as C(site.yml) reads it."""
        return {
            "roles": {name: step.to_json() for name, step in self.steps.items()},
            "levers": {
                "on": dict(self.on),
                "on_auto": self.on_auto,
                "refusal": self.refusal,
                "untried": explain_untried(self.on, self.on_auto),
            },
            "prepares": self.prepares,
            "applies": self.applies,
            "removes_tmpfs": self.removes_tmpfs,
            "tries_source": self.tries_source,
            "after": dict(self.after),
            "compared": dict(self.compared),
            "in_force": self.in_force,
            "wants_tmpfs": self.wants_tmpfs,
            "pending": self.pending,
        }


def make_plan(
    facts: Mapping[str, Any], wishes: Mapping[str, Any], earlier: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return which role runs with which values, and why another does not.

    C(facts) are those of go_facts. C(wishes) has C(levers) as the user gave them, C(decisions) about those that were
    tried, C(tries) where a lever can be tried, C(projects), C(states) and C(met) by role, C(options) of the roles,
    C(workload) to measure, C(takes_back) where what is slower is not kept, and C(windows) with C(connection) and
    C(declared). C(earlier) is the plan that was followed up to the decisions; without it, what is decided is of another
    run.
    """
    wishes = {**wishes, "levers": levers_plan.parse_wish(wishes["levers"])}
    decisions = choose_decisions(facts, wishes, earlier)
    decided = decide(facts, wishes, decisions or [])
    steps = list_steps(facts, wishes, decided, decisions, earlier)
    wants_tmpfs, verdict, tmpfs = decided.wants_tmpfs, decided.verdict, facts["go_tmpfs"]
    # What was taken back stays so without a call of the module.
    is_gone = not wants_tmpfs and verdict.takes_back and tmpfs_plan.is_met_without_folders(tmpfs, None)
    says_verdict = bool(verdict.entry) and decided.is_tmp and (verdict.takes_back or not decided.waits)
    return Plan(
        steps=steps,
        on=decided.on,
        on_auto=list_tried(decided),
        refusal=decided.refusal,
        prepares=bool(wishes["levers"]) or steps["workspace"].runs or steps["go_toolchain"].runs,
        removes_tmpfs=not wants_tmpfs and not is_gone,
        tries_source=decided.tries_source,
        after=measure_after(decided.place, verdict.user) if wants_tmpfs else {},
        compared=compare_in_force(verdict.user, verdict.key, tmpfs) if wants_proof(wishes, decided) else {},
        in_force=[levers_in_force.sentence(verdict.entry, verdict.takes_back)] if says_verdict else [],
        wants_tmpfs=wants_tmpfs,
        pending=[] if wants_tmpfs else list_pending(tmpfs),
    ).to_json()


def choose_decisions(
    facts: Mapping[str, Any], wishes: Mapping[str, Any], earlier: Mapping[str, Any] | None
) -> Sequence[Mapping[str, Any]] | None:
    """Return what was decided about levers on C(auto), None before they are tried.

    Where nothing is tried, the last decision holds: a run that does not measure takes nothing away that helped. So it
    does where nothing could be tried; what was never decided puts nothing into memory then.
    """
    if wishes["tries"] and (wishes["decisions"] or not earlier):
        return wishes["decisions"] if earlier else None
    on_auto = list_tried(decide(facts, wishes, []))
    known = [decision for decision in facts["go"]["decisions"] if decision.get("lever") in on_auto]
    if not wishes["tries"] or wishes["met"]["go_tmpfs"]:
        return known
    open_places = (set(levers_plan.KINDS) & set(on_auto)) - {decision["lever"] for decision in known}
    return [*known, *({"lever": name, "kept": False, "tried": False} for name in sorted(open_places))]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What an earlier run measured of /tmp in memory; C(entry) is empty where nothing holds for C(key).

    C(user) is who is measured, and C(takes_back) whether what is in force is taken back because of it.
    """

    user: Mapping[str, Any]
    key: Mapping[str, Any]
    entry: Mapping[str, Any]
    takes_back: bool


@dataclasses.dataclass(frozen=True)
class Decided:
    """What is wanted before anything is tried: C(levers) as they were given, and C(on), those that are on or off.

    C(options) are those of the roles as the levers want them, C(place) is where temporary files go, None for nowhere,
    and C(source) is the lever of projects on a Windows drive.
    """

    levers: Mapping[str, Any]
    refusal: str
    on: Mapping[str, Any]
    options: Mapping[str, Any]
    place: tmpfs_place.Place | None
    verdict: Verdict
    source: Any
    tries_source: bool

    @property
    def is_tmp(self) -> bool:
        """Whether /tmp is the place."""
        return self.place is not None and self.place.kind == tmpfs_place.TMP

    @property
    def waits(self) -> bool:
        """Whether the place is there only from the next start on."""
        return self.place is not None and self.place.waits

    @property
    def wants_tmpfs(self) -> bool:
        """Whether temporary files go to the place: no lever that is off keeps them from it."""
        return self.place is not None and wants_place(self.place.kind, self.on, self.options["go_tmpfs_gocache"])


def decide(facts: Mapping[str, Any], wishes: Mapping[str, Any], decisions: Iterable[Mapping[str, Any]]) -> Decided:
    """Return what is wanted by the wishes, by what was decided about levers and by what an earlier run measured."""
    levers = levers_plan.read_levers(wishes["levers"])
    refusal = levers_plan.explain_refusal(wishes["levers"]) if wishes["levers"] else ""
    on = {} if refusal else levers_plan.merge_decisions(levers, decisions)
    place, options = find_place(levers, follow_levers(on, wishes["options"]), facts["go_tmpfs"])
    verdict = find_verdict(facts, wishes, options["verify_user"])
    if verdict.takes_back:
        on = {**on, levers_decide.TMP: False}
    copies = wishes["projects"] and not takes_projects_back(wishes)
    source = levers.get(levers_decide.SOURCE, True) if copies else False
    tries_source = source == levers_plan.AUTO and bool(wishes["tries"])
    decided = Decided(levers, refusal, on, options, place, verdict, source, tries_source)
    if place is not None and place.kind == tmpfs_place.GOTMPDIR and decided.wants_tmpfs:
        return decided
    return dataclasses.replace(decided, options={**options, "go_env_gotmpdir": ""})


def find_verdict(facts: Mapping[str, Any], wishes: Mapping[str, Any], name: str) -> Verdict:
    """Return what was measured for the user C(name) on this machine and with this workload."""
    known = facts["go"]["in_force"]
    user = facts["go"]["users"].get(name, {})
    key = levers_in_force.make_key(known["machine"], user.get("go"), wishes["workload"])
    entry = levers_in_force.find(known["verdicts"].get(name), key, float(facts["go"]["observed_at"]))
    return Verdict(user, key, entry, levers_in_force.is_slower(entry) and bool(wishes["takes_back"]))


def list_steps(
    facts: Mapping[str, Any],
    wishes: Mapping[str, Any],
    decided: Decided,
    decisions: Sequence[Mapping[str, Any]] | None,
    earlier: Mapping[str, Any] | None,
) -> dict[str, Step]:
    """Return for each role whether it runs and with which values."""
    options, doubt = decided.options, "" if facts["wsl"]["is_wsl"] else "this is not WSL, or "
    no_copy = explain_no_copy(wishes["projects"], decided.source, decided.tries_source, decisions)
    go_tmpfs = _plan_role("go_tmpfs", wishes, options)
    if not decided.wants_tmpfs:
        variables = {**go_tmpfs.variables, "go_tmpfs_state": "absent"}
        go_tmpfs = Step("no lever that is on keeps anything there", variables)
    return {
        "workspace": Step("" if takes_projects_back(wishes) else no_copy),
        "go_toolchain": Step(explain_no_toolchain(facts["go"]["users"], earlier)),
        "wsl_conf": _plan_role("wsl_conf", wishes, options, doubt),
        "go_tmpfs": go_tmpfs,
        "go_env": _plan_role("go_env", wishes, options),
        "verify": Step("", {name: value for name, value in options.items() if name.startswith("verify_")}),
        "windows": Step(" ".join(report.explain_windows_left_out(facts["wsl"], **wishes["windows"]))),
    }


def list_tried(decided: Decided) -> list[str]:
    """Return the levers that are tried before anything is set up; none where the wishes are refused."""
    if decided.refusal:
        return []
    is_over = decided.is_tmp and decided.verdict.takes_back
    has_source = decided.source == levers_plan.AUTO
    return list_levers_to_try(decided.levers, has_source, None if is_over else decided.place)


def wants_proof(wishes: Mapping[str, Any], decided: Decided) -> bool:
    """Return whether /tmp in memory is in force and was never compared with the disk, and can be now."""
    in_force = decided.is_tmp and decided.wants_tmpfs and not decided.waits
    can_measure = bool(wishes["tries"]) and wishes["states"]["go_tmpfs"] == "present"
    return in_force and can_measure and not decided.verdict.entry


def find_place(
    levers: Mapping[str, Any], options: Mapping[str, Any], observed: Mapping[str, Any]
) -> tuple[tmpfs_place.Place | None, Mapping[str, Any]]:
    """Return where temporary files go as levers and options want it, None for nowhere, and the options that say so."""
    wanted = levers_plan.choose_place(levers, options["go_tmpfs_place"])
    if not wanted and not options["go_tmpfs_gocache"]:
        return None, options
    options = {**options, "go_tmpfs_place": wanted or tmpfs_place.GOTMPDIR}
    size, gocache = str(options["go_tmpfs_size"]), bool(options["go_tmpfs_gocache"])
    return tmpfs_place.choose(options["go_tmpfs_place"], observed, size, gocache), options


def wants_place(kind: str, on: Mapping[str, Any], gocache: bool) -> bool:
    """Return whether the lever for a kind of place is on; where nothing is set up there is nothing to take away."""
    names = [name for name, place in levers_plan.KINDS.items() if place == kind]
    return gocache or all(on.get(name, True) for name in names)


def list_levers_to_try(levers: Mapping[str, Any], has_source: bool, place: tmpfs_place.Place | None) -> list[str]:
    """Return the levers on auto; /tmp is not tried once it is in memory, because nothing would be left to compare."""
    in_force = place is None or (place.kind == tmpfs_place.TMP and not place.waits)
    return levers_plan.list_levers_on_auto(levers, has_source, "" if in_force or place is None else place.kind)


def measure_after(place: tmpfs_place.Place | None, user: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variant that has /tmp in memory for measuring only, where it waits for a start."""
    if place is None or place.kind != tmpfs_place.TMP or not place.waits:
        return {}
    own = ((user.get("before") or {}).get("environment")) or {}
    names = levers_decide.make_environment(levers_decide.TMP, "", "", own=own)
    return {"environment": dict.fromkeys(names, levers_decide.TMPFS)}


def compare_in_force(user: Mapping[str, Any], key: Mapping[str, Any], observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return how /tmp in memory is compared with the disk now that it is in force; nothing where it moves nothing."""
    own = ((user.get("before") or {}).get("environment")) or {}
    before = levers_in_force.disk_variant(own)
    if not before:
        return {}
    return {
        "before": before,
        "after": {},
        "proof": {
            "remember": key,
            "changes": ["restored /etc/fstab, because /tmp in memory makes Go slower here"],
            "pending": tmpfs_place.pending_rollback(observed["start"]["restart_command"]),
        },
    }


def choose_compared(
    plan: Mapping[str, Any], go: Mapping[str, Any], user: str, changes: Sequence[str]
) -> dict[str, Any]:
    """Return what is measured against what: what is in force with the disk, where this run changed nothing else.

    C(go) are the facts of Go after the run's changes. Before and after are the same where Go has what it always had.
    """
    if plan["compared"] and not changes:
        return dict(plan["compared"])
    observed, options = go["users"].get(user) or {}, (go["applied"] or {}).get("options") or {}
    before = observed.get("before") or {}
    if before and go_tuning.is_as_before(observed, options):
        before = {}
    return {"before": before, "after": plan["after"], "proof": {}}


def list_pending(observed: Mapping[str, Any]) -> list[str]:
    """Return what waits where /tmp is in memory and is not wanted there any more."""
    if not tmpfs_place.is_ours(observed["temporary"]):
        return []
    return tmpfs_place.pending_rollback(observed["start"]["restart_command"])


def explain_untried(on: Mapping[str, Any], on_auto: Sequence[str]) -> list[str]:
    """Return what check mode cannot predict: levers that a run tries before it follows them."""
    names = [name for name in on_auto if name not in on]
    if not names:
        return []
    return [f"{', '.join(names)} would be tried first: what follows from them is done only where Go is faster with it"]


def select_distros(hosts: str, groups: Iterable[str]) -> str:
    """Return the pattern of the hosts of a play in the distros: those of C(hosts) that are no Windows hosts."""
    return f"{hosts}:!windows" if "windows" in groups else hosts


def select_windows_hosts(hosts: str, groups: Iterable[str]) -> str:
    """Return the pattern of the hosts of a play on the Windows side: those of C(hosts) and those that the run added."""
    added = ":wsltune_windows_added" if "wsltune_windows_added" in groups else ""
    return f"{hosts}{added}:{'&windows' if 'windows' in groups else '!all'}"


def select_left_out(hosts: str, groups: Iterable[str]) -> str:
    """Return the pattern of those of C(hosts) whose projects the run left out, for the play that ends with an error."""
    return f"{hosts}:{'&' + LEFT_OUT if LEFT_OUT in groups else '!all'}"


def follow_levers(on: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the roles as the levers want them; a lever that is neither on nor off changes nothing."""
    followed = dict(options)
    for lever, name in (("gocache_tmpfs", "go_tmpfs_gocache"), ("caches_local", "go_env_caches_local")):
        followed[name] = on.get(lever, options[name])
    if "cgo_disabled" in on:
        followed["go_env_cgo_enabled"] = "false" if on["cgo_disabled"] else "keep"
    for tuned in (levers_catalogue.LEVERS[name] for name in levers_catalogue.TUNED):
        if tuned.name in on and tuned.variable in options:
            # What a person chose for it stays, such as a number for go_env_parallel.
            option = options[tuned.variable]
            wanted = option if tuned.on is None or option != tuned.off else tuned.on
            followed[tuned.variable] = wanted if on[tuned.name] else tuned.off
    if on.get("append_windows_path"):
        followed["wsl_conf_interop_append_windows_path"] = False
    return followed


def takes_projects_back(wishes: Mapping[str, Any]) -> bool:
    """Return whether copied projects are to be unmounted, which needs none to be named."""
    return bool(wishes["states"].get("workspace") == "absent")


def explain_no_copy(
    projects: Sequence[Any], source: Any, tries_source: bool, decisions: Sequence[Mapping[str, Any]] | None
) -> str:
    """Return why no project is copied: one that was named stays only if the lever is off or measuring is against it."""
    if not projects:
        return "workspace_projects names no project"
    if not source:
        return f"the lever {levers_decide.SOURCE} is off"
    if tries_source and decisions is None:
        return "it is tried first"
    if source == levers_plan.AUTO and levers_plan.has_lost(decisions or [], levers_decide.SOURCE):
        return "measuring speaks against it"
    return ""


def explain_no_toolchain(users: Mapping[str, Mapping[str, Any]], earlier: Mapping[str, Any] | None = None) -> str:
    """Return why no Go is installed: the users who had one before this run."""
    if earlier and earlier["roles"]["go_toolchain"]["run"]:
        return ""
    having = [name for name, user in users.items() if user["go"]]
    return f"{', '.join(having)} can run Go" if having else ""


def choose_measured(users: Mapping[str, Mapping[str, Any]], invokers: Sequence[str]) -> str:
    """Return the user whose Go is measured: who asked for the run, else the first by name who has a Go, root last.

    What that Go reports decides about everybody's tuning, so no name that sorts first may bring an account there.
    """
    having = sorted((name for name, user in users.items() if user.get("go")), key=lambda name: (name == "root", name))
    asked = [name for name in invokers if name in having and name != "root"]
    return next(iter([*asked, *having]), "root")


def select_results(results: Results, plan: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the results of the roles that the plan runs, because Ansible keeps those of an earlier play too."""
    runs = {name for name, step in plan["roles"].items() if step["run"]}
    runs |= {"go_tmpfs"} if plan["removes_tmpfs"] else set()
    # Only what ran is read, because Ansible works a variable out when it is.
    return {name: results[name] if name in runs else {} for name in results}


def _plan_role(name: str, wishes: Mapping[str, Any], options: Mapping[str, Any], doubt: str = "") -> Step:
    """Return the step of a role that the facts can show to be done; it always runs where it is asked to restore."""
    variables = {option: value for option, value in options.items() if option.startswith(f"{name}_")}
    variables[f"{name}_state"] = wishes["states"][name]
    done = wishes["states"][name] == "present" and wishes["met"][name]
    return Step(f"{doubt}{HOLDS}" if done else "", variables)
