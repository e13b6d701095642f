# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How often a gate decides wrongly, and how long it takes.

Run it as PYTHONPATH=collections:. python benchmarks/fleet/decisions.py [TIMES].

Machines and runs are simulated, everything that judges them is the product's own: each machine's verdict, the pooled
ratio, the rings and the gate.
"""

from __future__ import annotations

import itertools
import math
import random
import sys
import time

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import stats
from ansible_collections.wsltune.go.plugins.module_utils.fleet import gate, record, rings, rollout
from ansible_collections.wsltune.go.plugins.module_utils.fleet import host as fleet_host

RUNS = 12
NOISE = 0.03
"""How far the runs of one machine scatter, as a share; docs/benchmarks.md has what real ones do."""
BETWEEN = 0.01
"""How far the true effects of machines lie apart."""


def measure(chance: random.Random, name: str, effect: float, between: float = BETWEEN) -> gate.Host:
    """Return a host that measured RUNS runs before and after, and was taken back if they say slower."""
    effect = effect * math.exp(chance.gauss(0, between))
    before = [math.exp(chance.gauss(0, NOISE)) for _ in range(RUNS)]
    after = [effect * math.exp(chance.gauss(0, NOISE)) for _ in range(RUNS)]
    found = stats.compare(before, after)
    return judge(record.HostState(name), found)


def judge(host: record.HostState, found: stats.Comparison) -> gate.Host:
    """Return what the gate sees of a host with one comparison, as the record would have it."""
    slower = found.verdict == stats.SLOWER
    row = {"ratio": found.ratio, "low": found.interval[0], "high": found.interval[1], "verdict": found.verdict}
    host.state = fleet_host.TAKEN_BACK if slower else fleet_host.DONE
    host.comparisons, host.measures, host.reread = [row], True, 1.0
    host.times_slower += slower
    return rollout.for_gate(record.RingState(rings.Ring("one", soak_hours=0), []), host)


def play(chance: random.Random, fleet: int, effect: float, share: float, most: int = 4) -> list[str]:
    """Return what the gates of the default rings answer, up to the first that is not go."""
    declared = rings.read_rings(rings.DEFAULT)
    members = rings.assign(declared, [f"host-{number}" for number in range(fleet)]).rings
    answers = []
    for ring in declared[:most]:
        hosts = []
        measured = set(rings.choose_measured(ring, members[ring.name]))
        for name in members[ring.name]:
            own = effect if chance.random() < share else 1.0
            known = name in measured
            hosts.append(measure(chance, name, own) if known else gate.Host(name, fleet_host.DONE, reread=True))
        answers.append(gate.decide(ring, hosts, now=1e9, since=0.0).result)
        if answers[-1] != gate.GO:
            break
    return answers


def share_of_false_go(chance: random.Random, times: int, fleet: int, effect: float = 1.05) -> float:
    """Return how often a change that harms everyone passes the first gate."""
    return sum(play(chance, fleet, effect, 1.0, most=1) == [gate.GO] for _ in range(times)) / times


def share_found(chance: random.Random, times: int, fleet: int, effect: float = 1.2) -> float:
    """Return how often a change that harms a tenth of the hosts is stopped by the second ring at the latest."""
    return sum(play(chance, fleet, effect, 0.1, most=2)[-1] != gate.GO for _ in range(times)) / times


def share_stopped(chance: random.Random, times: int, fleet: int, effect: float) -> float:
    """Return how often a harmless change is stopped somewhere."""
    return sum(play(chance, fleet, effect, 1.0)[-1] != gate.GO for _ in range(times)) / times


def play_rings(
    chance: random.Random, times: int, hosts: int, between: float, effect: float = 1.0
) -> tuple[float, float]:
    """Return how often a ring has a host that is called slower, and how often it is rolled back.

    C(effect) meets one of its hosts; without one, nothing but what lies between machines is different.
    """
    called = rolled_back = 0
    for _time in range(times):
        seen = [measure(chance, f"h{number}", 1.0 if number else effect, between) for number in range(hosts)]
        called += any(host.state == fleet_host.TAKEN_BACK for host in seen)
        rolled_back += gate.decide(rings.Ring("one"), seen, now=1e9, since=0.0).result == gate.ROLL_BACK
    return called / times, rolled_back / times


def seconds_to_decide(chance: random.Random, fleet: int) -> float:
    """Return the time to assign a fleet to rings and to decide about all of it in one ring."""
    some = [measure(chance, "", 0.9) for _ in range(200)]
    start = time.perf_counter()
    names = [f"host-{number}" for number in range(fleet)]
    rings.assign(rings.read_rings(rings.DEFAULT), names)
    hosts = [
        gate.Host(name, fleet_host.DONE, True, one.ratio, one.low, one.high, reread=True)
        for name, one in zip(names, itertools.cycle(some))
    ]
    gate.decide(rings.Ring("all"), hosts, now=1e9, since=0.0)
    return time.perf_counter() - start


def main(times: int) -> None:
    """Print a line for each size of a fleet."""
    chance = random.Random(14)
    print("          +5 % for all  +20 % for a tenth  -10 % for all  -3 % for all  no effect")
    print("hosts  passes 1st gate    found by ring 2        stopped       stopped    stopped")
    for fleet in (12, 50, 100, 300, 1000):
        wrong, found = share_of_false_go(chance, times, fleet), share_found(chance, times, fleet)
        few = max(20, times // 10)
        good, little, idle = (share_stopped(chance, few, fleet, effect) for effect in (0.9, 0.97, 1.0))
        print(f"{fleet:>5} {wrong:>16.1%} {found:>18.1%} {good:>14.1%} {little:>13.1%} {idle:>10.1%}", flush=True)
    print("               equal machines, no effect  1 % between machines   and +10 % on one")
    print("hosts in a ring  slower somewhere, rolled back, the same of both, the same of both")
    for hosts in (1, 5, 10, 19):
        cells = [play_rings(chance, times, hosts, *what) for what in ((0.0, 1.0), (BETWEEN, 1.0), (BETWEEN, 1.1))]
        print(f"{hosts:>15} " + "   ".join(f"{called:>7.1%} {back:>7.1%}" for called, back in cells), flush=True)
    print(f"10,000 hosts decided in {seconds_to_decide(chance, 10_000):.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
