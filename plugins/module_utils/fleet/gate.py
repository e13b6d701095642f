# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gate of a ring: what is known of its hosts goes in, go, hold or roll back comes out, each with its reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import pool as bench_pool
from ansible_collections.wsltune.go.plugins.module_utils.fleet import host as fleet_host
from ansible_collections.wsltune.go.plugins.module_utils.fleet.rings import Ring
from ansible_collections.wsltune.go.plugins.module_utils.linux import text

MOST_NAMES = 10
"""Cases and settings in a sentence, which one host could fill the record of all with."""

CHANCE = 0.025
"""How often a host where nothing gets slower is called slower: half of the level at which a host is judged, because the
other half is called faster. A ring of many is not to be rolled back oftener than this for nothing.
"""

GO = "go"
HOLD = "hold"
ROLL_BACK = "roll back"


@dataclass(frozen=True)
class Host:
    """What the record knows of one host, as far as a gate asks.

    C(measures) says that a ratio is expected of it; C(ratio), C(low), C(high) and C(alpha) are that ratio with its
    interval. C(reread) is whether it answered after the soak time, C(lost) what was in force and is no more,
    C(critical) which critical findings the doctor has now and had not before. C(comparisons) is how many comparisons it
    has, C(slowest) the ratio of the one that is most clearly slower, and C(clearness) how many standard errors that one
    lies above 1, infinite where it is not known.
    """

    name: str
    state: str = fleet_host.PENDING
    measures: bool = False
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    alpha: float = 0.05
    reread: bool = False
    lost: tuple[str, ...] = ()
    critical: tuple[str, ...] = ()
    clearness: float = math.inf
    slowest: float | None = None
    comparisons: int = 1

    def effect(self) -> bench_pool.Effect | None:
        """Return the machine's effect for the pool; None where it did not measure one."""
        return None if self.ratio is None else bench_pool.read_interval(self.ratio, self.low, self.high, self.alpha)


@dataclass(frozen=True)
class Decision:
    """What a gate says: C(sentences) are what was met for a go, and what stands against it for another answer.

    C(measure_again) are hosts that are slower by no more than chance may make of them.
    """

    result: str
    sentences: list[str]
    counts: Mapping[str, int] = field(default_factory=dict)
    pooled: bench_pool.Pooled | None = None
    measure_again: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the decision as the record and the facts have it."""
        return {
            "result": self.result,
            "sentences": self.sentences,
            "counts": dict(self.counts),
            "pooled": self.pooled._asdict() if self.pooled else None,
            "measure_again": list(self.measure_again),
        }


def decide(ring: Ring, hosts: Sequence[Host], now: float, since: float | None) -> Decision:
    """Decide about a ring at C(now); C(since) is when enough of it had answered, in seconds, None before.

    Harm that was measured or found is answered by rolling back, whatever else is missing. Everything that could still
    become right holds: hosts asleep, the soak time, a failure, an interval that is too wide, a host that is slower by
    so little that one of so many is by chance.
    """
    counts = {state: sum(host.state == state for host in hosts) for state in fleet_host.STATES}
    pooled = pool_ratios(hosts)
    slower = _limit_taken_back(ring, counts)
    is_chance = bool(slower) and may_be_chance(ring, hosts, counts)
    again = sorted(host.name for host in hosts if is_chance and host.state == fleet_host.TAKEN_BACK)
    harm = [*([] if again else slower), *_find_slower(ring, pooled), *_find_critical(hosts)]
    if harm:
        return Decision(ROLL_BACK, harm, counts, pooled)
    missing = [
        *_lack_quorum(ring, counts),
        *_limit_failed(ring, counts),
        *_lack_certainty(again, counts),
        *_lack_ratio(ring, hosts, pooled),
        *(_lack_soak(ring, now, since) or _lack_reread(ring, hosts)),
    ]
    if missing:
        return Decision(HOLD, missing, counts, pooled, again)
    return Decision(GO, [_praise(ring, counts, pooled)], counts, pooled)


def pool_ratios(hosts: Sequence[Host]) -> bench_pool.Pooled | None:
    """Return the pooled ratio of the hosts that measured; one that was taken back counts with what it measured."""
    effects = [
        effect
        for effect in (host.effect() for host in hosts if host.state in fleet_host.ANSWERED)
        if effect is not None
    ]
    return bench_pool.pool(effects) if effects else None


def has_quorum(ring: Ring, counts: Mapping[str, int]) -> bool:
    """Return whether enough hosts of a ring have answered; of a ring that has none, all have."""
    return _answered(counts) * 100 >= ring.quorum * _members(counts) and (_answered(counts) > 0 or not _members(counts))


def _answered(counts: Mapping[str, int]) -> int:
    return sum(counts[state] for state in fleet_host.ANSWERED)


def _members(counts: Mapping[str, int]) -> int:
    return _answered(counts) + counts[fleet_host.PENDING]


def _exceeds(part: int, whole: int, percent: float) -> bool:
    return part * 100 > percent * whole


def _limit_taken_back(ring: Ring, counts: Mapping[str, int]) -> list[str]:
    taken, answered = counts[fleet_host.TAKEN_BACK], _answered(counts)
    if not _exceeds(taken, answered, ring.max_taken_back):
        return []
    limit = f"max_taken_back is {ring.max_taken_back:g} %"
    return [f"Go got slower and was taken back on {taken} of {answered} hosts; {limit}."]


def may_be_chance(ring: Ring, hosts: Sequence[Host], counts: Mapping[str, int]) -> bool:
    """Return whether chance alone may be why more hosts than the ring's limit were taken back.

    Each host is judged at a level of its own, so that among many some are called slower where nothing is: of five
    hosts one in 12 % of all rings. It is no chance where more are slower than that explains, or where more than the
    limit are slower by more than C(max_ratio), and so clearly that also the clearest of as many comparisons is not by
    chance.
    """
    answered = [host for host in hosts if host.state in fleet_host.ANSWERED]
    measured = [host for host in answered if host.ratio is not None or host.state == fleet_host.TAKEN_BACK]
    if counts[fleet_host.TAKEN_BACK] > most_by_chance(len(measured)):
        return False
    comparisons = sum(max(1, host.comparisons) for host in measured)
    # With half of it for this, both ways together are seldom wrong.
    enough = NormalDist().inv_cdf(1 - CHANCE / 2 / comparisons)
    clear = sum(host.state == fleet_host.TAKEN_BACK and is_clear(host, ring.max_ratio, enough) for host in hosts)
    return not _exceeds(clear, _answered(counts), ring.max_taken_back)


def is_clear(host: Host, limit: float, enough: float) -> bool:
    """Return whether a host is slower by more than C(limit), and C(enough) standard errors above 1."""
    return host.clearness == math.inf or (host.clearness >= enough and (host.slowest or math.inf) > limit)


def most_by_chance(hosts: int) -> int:
    """Return how many of C(hosts) are called slower where nothing is, but for one ring in as many as C(CHANCE) says."""
    left = 1.0
    for count in range(hosts):
        ways = math.lgamma(hosts + 1) - math.lgamma(count + 1) - math.lgamma(hosts - count + 1)
        left -= math.exp(ways + count * math.log(CHANCE) + (hosts - count) * math.log1p(-CHANCE))
        if left <= CHANCE * (1 + 1e-9):
            return count
    return hosts


def _lack_certainty(again: Sequence[str], counts: Mapping[str, int]) -> list[str]:
    if not again:
        return []
    share = f"{len(again)} of {_answered(counts)} hosts, by so little that it may be chance among so many"
    return [f"Go got slower and was taken back on {share}: measure {text.join_names(again, 3)} again."]


def _find_slower(ring: Ring, pooled: bench_pool.Pooled | None) -> list[str]:
    if pooled is None or pooled.high <= ring.max_ratio or pooled.low <= 1:
        return []
    return [
        f"Go is slower on the hosts of this ring together: {write_pooled(pooled)}; max_ratio is {ring.max_ratio:g}."
    ]


def _find_critical(hosts: Sequence[Host]) -> list[str]:
    found = [host for host in hosts if host.critical and host.state != fleet_host.EXCLUDED]
    if not found:
        return []
    cases = sorted({case for host in found for case in host.critical})
    return [f"The doctor has a new critical finding ({text.join_names(cases, MOST_NAMES)}) on {_name(found)}."]


def _lack_quorum(ring: Ring, counts: Mapping[str, int]) -> list[str]:
    if has_quorum(ring, counts):
        return []
    answered, members = _answered(counts), _members(counts)
    needed = next(count for count in range(1, members + 1) if count * 100 >= ring.quorum * members)
    pending = counts[fleet_host.PENDING]
    return [f"{answered} of {members} hosts have answered and {needed} are needed; {pending} {_is(pending)} pending."]


def _limit_failed(ring: Ring, counts: Mapping[str, int]) -> list[str]:
    failed, answered = counts[fleet_host.FAILED], _answered(counts)
    if not _exceeds(failed, answered, ring.max_failed):
        return []
    return [f"The run failed on {failed} of {answered} hosts; max_failed is {ring.max_failed:g} %: fix them."]


def _lack_ratio(ring: Ring, hosts: Sequence[Host], pooled: bench_pool.Pooled | None) -> list[str]:
    if pooled is not None:
        if pooled.high <= ring.max_ratio:
            return []
        seen = f"{write_pooled(pooled)}, and max_ratio is {ring.max_ratio:g}"
        return [f"It is not certain yet that Go does not get slower: {seen}; measure on more hosts or longer."]
    expected = [host for host in hosts if host.measures and host.state in fleet_host.ANSWERED]
    if not expected:
        return []
    return [
        f"None of the hosts that measure has a ratio; see the reports of {_name(expected)}, or give the ring measure 0."
    ]


def _lack_soak(ring: Ring, now: float, since: float | None) -> list[str]:
    if since is None:
        return ["The soak time has not begun."] if ring.soak_hours else []
    if now < since:
        return [f"The clock is {_duration(since - now)} behind the record: set it right, or wait."]
    left = since + ring.soak_hours * 3600 - now
    return [f"The soak time lasts another {_duration(left)}."] if left > 0 else []


def _lack_reread(ring: Ring, hosts: Sequence[Host]) -> list[str]:
    done = [host for host in hosts if host.state == fleet_host.DONE]
    read = [host for host in done if host.reread]
    lost = [host for host in read if host.lost]
    sentences = []
    if len(read) * 100 < ring.quorum * len(done):
        sentences.append(f"{len(read)} of {len(done)} hosts have been looked at again since the soak time.")
    if _exceeds(len(lost), len(read), ring.max_failed):
        names = sorted({name for host in lost for name in host.lost})
        what = text.join_names(names, MOST_NAMES)
        sentences.append(f"What was set is not in force any more on {_name(lost)}: {what}.")
    return sentences


def _praise(ring: Ring, counts: Mapping[str, int], pooled: bench_pool.Pooled | None) -> str:
    answered, members = _answered(counts), _members(counts)
    if not members:
        return f"The ring {ring.name} has no host."
    ratio = f"{write_pooled(pooled)} within max_ratio {ring.max_ratio:g}" if pooled else "nothing was measured"
    return f"{answered} of {members} hosts have answered, all limits are kept, {ratio}."


def write_pooled(pooled: bench_pool.Pooled) -> str:
    """Return a pooled ratio in words: ratio 0.81 (0.78 to 0.85) of 12 hosts."""
    hosts = f"{pooled.machines} host{'' if pooled.machines == 1 else 's'}"
    return f"ratio {pooled.ratio:.3f} ({pooled.low:.3f} to {pooled.high:.3f}) of {hosts}"


def _name(hosts: Sequence[Host], most: int = 3) -> str:
    return text.join_names(sorted(host.name for host in hosts), most)


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _duration(seconds: float) -> str:
    """Return a time in words, rounded up, so that whoever waits for it does not come too early."""
    minutes = max(1, int(-(-seconds // 60)))
    if minutes < 120:
        return f"{minutes} min"
    hours = -(-minutes // 60)
    return f"{hours} h" if hours < 72 else f"{-(-hours // 24)} days"
