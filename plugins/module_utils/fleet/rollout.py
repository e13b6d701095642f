# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one run of a rollout does next: the record and a command go in, hosts to look at, tune or take back come out."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import pool as bench_pool
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import stats
from ansible_collections.wsltune.go.plugins.module_utils.fleet import gate as fleet_gate
from ansible_collections.wsltune.go.plugins.module_utils.fleet import host as fleet_host
from ansible_collections.wsltune.go.plugins.module_utils.fleet import record as fleet_record
from ansible_collections.wsltune.go.plugins.module_utils.fleet import rings as fleet_rings
from ansible_collections.wsltune.go.plugins.module_utils.fleet.record import HostState, RingState, Rollout
from ansible_collections.wsltune.go.plugins.module_utils.linux import text
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import place as tmpfs_place

COMMANDS = ("run", "status", "continue", "hold", "abort")
STOPPED, FROZEN = "The stop file", "A freeze keeps it from going on"
"""How the sentences begin that say what keeps a rollout."""
FINISHED, FAILED, ROLLED_BACK, HOLDING = 0, 1, 2, 3
"""Exit codes."""
LONGEST_NAME = 100
"""Characters of what is in force; a host names its users."""
LONGEST_ID = 20
"""Characters of the id of a case that a host names."""
NOT_TAKEN_BACK = "it was not taken back: "
EFFECTIVE = ("GOTMPDIR", "GOCACHE", "GOMODCACHE", "GOFLAGS", "CGO_ENABLED")

Hosts = Mapping[str, HostState]


class CommandError(ValueError):
    """What is wrong with what a run was asked for, in one sentence."""


def start(
    name: str,
    now: float,
    rings: Sequence[fleet_rings.Ring],
    hosts: Iterable[str],
    groups: Mapping[str, Iterable[str]],
    wanted: Mapping[str, str],
) -> Rollout:
    """Return a new rollout with its hosts in their rings."""
    found = fleet_rings.assign(rings, hosts, groups, wanted)
    states = [RingState(ring, found.rings[ring.name]) for ring in rings]
    return Rollout(name, now, states, dict(found.excluded))


def refresh(
    rollout: Rollout,
    rings: Sequence[fleet_rings.Ring],
    hosts: Iterable[str],
    wanted: Mapping[str, str],
) -> None:
    """Take over what changed in the inventory: limits, hosts that left, and new hosts, which join the last ring.

    Who was in a ring when the rollout began stays in it, because a share of a larger fleet is other hosts.
    """
    declared = {ring.name: ring for ring in rings}
    names = [state.ring.name for state in rollout.rings]
    if sorted(declared) != sorted(names):
        raise CommandError(
            f"the rollout {rollout.name} has the rings {', '.join(names)} and wsltune_rings has {', '.join(declared)}: "
            "keep the names until it has finished, or begin another by wsltune_rollout_name."
        )
    every = set(hosts)
    for state in rollout.rings:
        state.ring = declared[state.ring.name]
        for host in state.hosts:
            if wanted.get(host) == fleet_rings.EXCLUDED:
                rollout.excluded[host] = "wsltune_ring is none"
            elif host not in every:
                rollout.excluded[host] = "it is not in the inventory or not in wsltune_hosts any more"
            else:
                rollout.excluded.pop(host, None)
    known = {host for state in rollout.rings for host in state.hosts} | set(rollout.excluded)
    for host in sorted(every - known, key=fleet_rings.hash_name):
        if wanted.get(host) == fleet_rings.EXCLUDED:
            rollout.excluded[host] = "wsltune_ring is none"
        else:
            rollout.rings[-1].hosts.append(host)


def members(rollout: Rollout, state: RingState) -> list[str]:
    """Return the hosts of a ring that take part."""
    return [host for host in state.hosts if host not in rollout.excluded]


def check_command(wish: str) -> None:
    """Refuse what is no command."""
    if wish not in COMMANDS:
        raise CommandError(f"wsltune_rollout is {wish!r}: give {', '.join(COMMANDS)}.")


def command(rollout: Rollout, wish: str, hosts: Hosts, now: float, blocked: str = "") -> dict[str, list[str]]:
    """Follow what a person asks for; return the hosts to look at again, and those to take back.

    C(blocked) is why nothing may happen now: a stop file or a freeze.
    """
    nothing: dict[str, list[str]] = {"look": [], "back": [], "again": []}
    check_command(wish)
    if wish == "status":
        return nothing
    state = rollout.rings[min(rollout.current, len(rollout.rings) - 1)]
    if wish == "abort" and rollout.status not in (fleet_record.FINISHED, fleet_record.ABORTED):
        rollout.status = fleet_record.ABORTED
        rollout.why = f"A person ended it in the ring {state.ring.name}; the rings before keep what they have."
        rollout.note(now, state.ring.name, "abort", [rollout.why])
        return {**nothing, "back": _touched(rollout, hosts)}
    if wish == "hold" and rollout.status in (fleet_record.RUNNING, fleet_record.HELD):
        rollout.status, rollout.why = fleet_record.HELD, "A person holds it: -e wsltune_rollout=continue goes on."
        rollout.note(now, state.ring.name, "hold", [rollout.why])
        return nothing
    again: list[str] = []
    if wish == "continue" and rollout.status not in (fleet_record.FINISHED, fleet_record.ABORTED):
        if rollout.status == fleet_record.ROLLED_BACK:
            # It begins anew: until it is tuned again, nothing is missing from it.
            again, state.opened, state.since, state.decision = members(rollout, state), None, None, {}
        else:
            wrong = (fleet_host.FAILED, fleet_host.TAKEN_BACK)
            again = [host for host in members(rollout, state) if hosts[host].state in wrong]
        if rollout.status != fleet_record.RUNNING:
            rollout.note(now, state.ring.name, "continue", ["A person lets it go on."])
        rollout.status, rollout.why = fleet_record.RUNNING, ""
    if rollout.status in (fleet_record.ROLLED_BACK, fleet_record.ABORTED):
        # Who slept when the others were taken back, and everybody when that run was killed.
        return {**nothing, "back": _touched(rollout, hosts) if wish == "abort" or not blocked else []}
    if blocked and rollout.status == fleet_record.RUNNING:
        rollout.why = blocked
        rollout.note(now, state.ring.name, "hold", [blocked])
        return {**nothing, "again": again}
    if rollout.status != fleet_record.RUNNING:
        return nothing
    rollout.why = ""
    return {**nothing, "look": [] if again else _to_look_at(rollout, state, hosts, now), "again": again}


def begin_tuning(host: HostState, now: float, critical: Sequence[str] | None = None) -> HostState:
    """Return a host that is about to be tuned, which is on record before anything of it is touched.

    Its run has a name from then on, and keeps it until it is taken back: what failed or was killed half-way and what a
    later attempt changes are one run of the host's journal, so that both are taken back together. The first critical
    findings that the doctor had stay those that later ones are compared with.
    """
    return dataclasses.replace(
        host,
        state=fleet_host.PENDING,
        tries=host.tries + 1,
        began=now,
        retry=False,
        run=host.run or f"{now:.6f}",
        critical=host.critical if critical is None or host.critical is not None else list(critical),
    )


def finish_tuning(
    host: HostState, verify: Mapping[str, Any], effective: Mapping[str, str], note: str, now: float
) -> HostState:
    """Return a host that was tuned, from the C(verify_result) of its run; where Go got slower, that was taken back.

    A run that compared nothing keeps the comparisons of the one before.
    """
    slower = bool(verify.get("rollback_wanted"))
    return dataclasses.replace(
        host,
        state=fleet_host.TAKEN_BACK if slower else fleet_host.DONE,
        at=now,
        reread=now,
        times_done=host.times_done + 1,
        times_slower=host.times_slower + 1 if slower else 0,
        measures=bool(verify.get("changes")) and bool(verify.get("measured")),
        comparisons=list(verify.get("comparisons") or []) or host.comparisons,
        effective=dict(effective),
        pending_restart=len(verify.get("pending") or []),
        note="Go got slower" if slower else note,
    )


def fail_to_tune(host: HostState, reason: str, now: float) -> HostState:
    """Return a host on which the run failed, with the reason."""
    return dataclasses.replace(host, state=fleet_host.FAILED, at=now, note=reason)


def look_again(host: HostState, effective: Mapping[str, str], critical: Sequence[str] | None, now: float) -> HostState:
    """Return a host that was looked at again: what is not in force any more, and what is critical and was not before.

    Without the doctor, C(critical) is None, and what it found the last time stays.
    """
    new = host.new_critical if critical is None else sorted(set(critical) - set(host.critical or []))
    return dataclasses.replace(host, reread=now, lost=find_lost(host.effective, effective), new_critical=new)


def take_back(host: HostState, now: float) -> HostState:
    """Return a host from which its run was taken back; one that failed stays failed, because it has to be fixed."""
    state = host.state if host.state == fleet_host.FAILED else fleet_host.TAKEN_BACK
    is_known = host.state in (fleet_host.FAILED, fleet_host.TAKEN_BACK) and not host.note.startswith(NOT_TAKEN_BACK)
    note = host.note if is_known else "taken back with its ring"
    return dataclasses.replace(host, state=state, at=now, run="", note=note, times_slower=0)


def fail_to_take_back(host: HostState, reason: str) -> HostState:
    """Return a host from which its run could not be taken back; it has what it had, and the next run tries again."""
    return dataclasses.replace(host, note=f"{NOT_TAKEN_BACK}{reason}")


def is_unfinished(host: HostState) -> bool:
    """Return whether a run began to tune a host and never said how that ended, such as one that was killed."""
    return host.state == fleet_host.PENDING and host.began is not None and bool(host.run)


def is_to_take_back(rollout: Rollout, number: int, host: HostState) -> bool:
    """Return whether a host of the ring C(number) has what this rollout changed and is taken back where it ends there.

    Where Go got slower, a host was restored but for /etc/wsl.conf; a run that failed or was killed may have changed a
    part. Which, the host's journal knows by the name of the run. What a ring that has passed has stays; after an abort
    nobody would finish the hosts in it that a run left half-way.
    """
    if not host.run or host.host in rollout.excluded or number > rollout.current:
        return False
    half_way = host.state in (fleet_host.PENDING, fleet_host.FAILED)
    return number == rollout.current or (rollout.status == fleet_record.ABORTED and half_way)


def is_left_to_take_back(rollout: Rollout, number: int, host: HostState) -> bool:
    """Return whether a host of the ring C(number) still has to be taken back, such as one that sleeps."""
    over = rollout.status in (fleet_record.ROLLED_BACK, fleet_record.ABORTED)
    return over and is_to_take_back(rollout, number, host)


def begin_again(host: HostState) -> HostState:
    """Return a host as it is before it is tuned again; what changed it before and was not taken back stays known."""
    return HostState(
        host.host,
        tries=host.tries,
        times_done=host.times_done,
        run=host.run,
        retry=True,
        times_slower=host.times_slower,
    )


def _done(rollout: Rollout, state: RingState, hosts: Hosts) -> list[str]:
    return [host for host in members(rollout, state) if hosts[host].state == fleet_host.DONE]


def _touched(rollout: Rollout, hosts: Hosts) -> list[str]:
    """Return the hosts that this rollout changed or may have changed, and that are taken back where it ends."""
    return [
        host
        for number, state in enumerate(rollout.rings)
        for host in state.hosts
        if is_to_take_back(rollout, number, hosts[host])
    ]


def _to_look_at(rollout: Rollout, state: RingState, hosts: Hosts, now: float) -> list[str]:
    """Return the hosts that have not been looked at since the soak time, once it is over."""
    if state.since is None or now < state.since + state.ring.soak_hours * 3600:
        return []
    return [host for host in _done(rollout, state, hosts) if not _is_reread(state, hosts[host]) or hosts[host].lost]


def _is_reread(state: RingState, host: HostState) -> bool:
    """Return whether a host was looked at since the soak time; where that is none, right after it was tuned counts."""
    if host.reread is None or state.since is None:
        return host.reread is not None and not state.ring.soak_hours
    if not state.ring.soak_hours:
        return True
    return host.reread >= state.since + state.ring.soak_hours * 3600


def judge(rollout: Rollout, hosts: Hosts, now: float) -> list[str]:
    """Decide about the current ring and go on to the next one where its gate lets it; return what to take back."""
    while rollout.status == fleet_record.RUNNING:
        state = rollout.rings[rollout.current]
        if any(hosts[host].retry for host in members(rollout, state)):
            # What failed there counts until it was tried again, and the hosts that are done may be enough for a go.
            rollout.why = f"Hosts of the ring {state.ring.name} are tried again first."
            return []
        seen = [for_gate(state, hosts[host]) for host in members(rollout, state)]
        counts = {name: sum(host.state == name for host in seen) for name in fleet_host.STATES}
        if state.since is None and fleet_gate.has_quorum(state.ring, counts):
            state.since = now
        decision = fleet_gate.decide(state.ring, seen, now, state.since)
        state.decision = decision.to_json()
        if decision.result == fleet_gate.HOLD and state.opened is None:
            rollout.why = f"The ring {state.ring.name} is next."
            return []
        rollout.note(now, state.ring.name, decision.result, decision.sentences)
        if decision.result == fleet_gate.ROLL_BACK:
            rollout.status, rollout.why = fleet_record.ROLLED_BACK, " ".join(decision.sentences)
            return _touched(rollout, hosts)
        if decision.result != fleet_gate.GO:
            rollout.why = " ".join(decision.sentences)
            return []
        state.passed = now
        if rollout.current + 1 == len(rollout.rings):
            rollout.status, rollout.why = fleet_record.FINISHED, "Every ring has passed its gate."
            return []
        rollout.current += 1
    return []


def to_tune(rollout: Rollout, hosts: Hosts, now: float) -> list[str]:
    """Return the hosts that this run tunes: those of the ring that have not been, and those that slept before."""
    if rollout.status not in (fleet_record.RUNNING, fleet_record.FINISHED):
        return []
    if rollout.status == fleet_record.RUNNING and rollout.rings[rollout.current].opened is None:
        rollout.rings[rollout.current].opened = now
    open_states = (fleet_host.PENDING, fleet_host.FAILED)
    reached = rollout.rings[: rollout.current + 1]
    return [host for state in reached for host in members(rollout, state) if hosts[host].state in open_states]


def for_gate(state: RingState, host: HostState) -> fleet_gate.Host:
    """Return what the gate asks of a host."""
    first = fleet_host.first_comparison(host.comparisons)
    return fleet_gate.Host(
        host.host,
        host.state,
        host.measures and state.ring.measure > 0,
        first.get("ratio"),
        first.get("low"),
        first.get("high"),
        first.get("alpha") or 0.05,
        _is_reread(state, host),
        tuple(host.lost),
        tuple(host.new_critical),
        *_find_clearest(host),
        len(host.comparisons),
    )


def _find_clearest(host: HostState) -> tuple[float, float | None]:
    """Return how many standard errors the clearest comparison that is slower lies above 1, and its ratio.

    Where that is not known, and where a second measurement said slower as well, it is no chance.
    """
    slower = [comparison for comparison in host.comparisons if comparison.get("verdict") == stats.SLOWER]
    known = []
    for each in slower:
        ratio = each.get("ratio") or 0.0
        effect = bench_pool.read_interval(ratio, each.get("low"), each.get("high"), each.get("alpha") or 0.05)
        known += [(effect.value / math.sqrt(effect.variance), ratio)] if effect else []
    if not known or len(known) < len(slower) or host.times_slower > 1:
        return math.inf, None
    return max(known)


def exit_code(rollout: Rollout) -> int:
    """Return what a run ends with."""
    if rollout.status == fleet_record.FINISHED:
        return FINISHED
    return ROLLED_BACK if rollout.status in (fleet_record.ROLLED_BACK, fleet_record.ABORTED) else HOLDING


def take_effective(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return what is in force on a machine, from the facts of go_facts: each user's settings of Go, and the tmpfs."""
    effective = {}
    for name, user in ((facts.get("go") or {}).get("users") or {}).items():
        for setting in EFFECTIVE:
            found = (user.get("settings") or {}).get(setting)
            if found is not None and not _is_default(setting, found):
                effective[text.line(f"{setting} of {name}", LONGEST_NAME)] = str(found.get("value"))
    tmpfs = facts.get("go_tmpfs") or {}
    effective["tmpfs"] = f"{(tmpfs.get('live') or {}).get('fstype')} on {tmpfs.get('path')}"
    # Where the tmpfs is /tmp itself, it may wait for a start, and is in force only then.
    temporary = {"mount_point": None, "fstype": None, "source": None, **(tmpfs.get("temporary") or {})}
    if tmpfs_place.is_ours(temporary):
        effective[tmpfs_place.TMP_PATH] = str(temporary["fstype"])
    return effective


def _is_default(setting: str, found: Mapping[str, Any]) -> bool:
    """Return whether nobody set a setting, so that a user who sets it later takes nothing out of force.

    Programs in the place of Go's commands switch cgo off, which no file and no variable shows.
    """
    return found.get("source") == "default" and (setting, str(found.get("value"))) != ("CGO_ENABLED", "0")


def take_critical(doctor: Mapping[str, Any]) -> list[str]:
    """Return the ids of what the doctor calls critical."""
    critical = [check for check in doctor.get("checks") or [] if check.get("status") == "critical"]
    return [text.line(check["id"], LONGEST_ID) for check in critical]


def find_lost(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return what was in force and is other now; what cannot be read any more is lost, too."""
    return sorted(name for name, value in before.items() if now.get(name) != value)


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def find_freeze(windows: Any, now: datetime.datetime) -> str:
    """Return why nothing may change at C(now), the controller's local time: nothing where no window has it.

    The pull agent has windows of its own (pull.parse_freeze): from one moment to another, which may name a zone, and no
    days. It reads them on the machine, where this file is not.
    """
    if not isinstance(windows, Sequence) or isinstance(windows, str):
        raise CommandError(f"wsltune_rollout_freeze is {windows!r}: give a list of windows.")
    for window in windows:
        if _is_in(window, now):
            why = f": {window['why']}" if window.get("why") else ""
            return f"{FROZEN}{why}."
    return ""


def explain_now(why: str, blocked: str) -> str:
    """Return why a rollout that runs does not go on now, of which C(why) was written down by its last run.

    What keeps it may have come since, or gone.
    """
    if blocked or not why.startswith((STOPPED, FROZEN)):
        return blocked or why
    return "What kept it is gone."


def _is_in(window: Any, now: datetime.datetime) -> bool:
    """Return whether a window has a moment: days of a week, or dates from and to, both ends included."""
    refusal = CommandError(
        f"wsltune_rollout_freeze has {window!r}: give days, such as [fri, sat], or from and to as 2026-12-20."
    )
    if not isinstance(window, Mapping) or not {"days", "from", "to"} & set(window):
        raise refusal
    if "days" in window:
        days = window["days"]
        if not isinstance(days, Sequence) or isinstance(days, str) or not set(days) <= set(DAYS):
            raise refusal
        if DAYS[now.weekday()] not in days:
            return False
    try:
        first, last = (
            datetime.date.fromisoformat(str(window[name])) if name in window else default
            for name, default in (("from", datetime.date.min), ("to", datetime.date.max))
        )
    except ValueError:
        raise refusal from None
    if first > last:
        raise refusal
    return first <= now.date() <= last
