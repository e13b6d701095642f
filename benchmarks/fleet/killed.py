# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kills rollouts and what ends them at random moments, and looks at what they leave.

Run it as PYTHONPATH=collections:. python benchmarks/fleet/killed.py [TIMES [FOLDER]].
"""

from __future__ import annotations

import collections
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.fleet import host as fleet_host
from ansible_collections.wsltune.go.plugins.module_utils.fleet import record
from benchmarks.fleet.light_fleet import LightFleet

HOSTS = [f"h{number}" for number in range(8)]
RINGS = [
    {"name": "sandbox", "share": 10, "soak_hours": 0},
    {"name": "early", "share": 40, "soak_hours": 0},
    {"name": "all", "share": "rest", "soak_hours": 0},
]
UNDER_WAY = "was killed and what it began on hosts is still under way in "


def look(fleet: LightFleet) -> dict[str, int]:
    """Read the whole record, which raises where a part is half; return how often each host that is done was tuned.

    Each host that is changed has to be known with the run that changed it, or nobody could take it back.
    """
    store = record.Store(str(fleet.record))
    rollout = store.load()
    tuned = collections.Counter(fleet.done())
    done = {name for name in HOSTS if store.load_host(name).state == fleet_host.DONE}
    assert rollout is not None or not done, "hosts are done and the rollout is gone"
    for name, run in fleet.changed().items():
        assert store.load_host(name).run == run, f"{name} was changed and the record does not know"
    return {name: tuned[name] for name in done}


def kill_one(
    fleet: LightFleet,
    process: subprocess.Popen[str],
    moment: float,
    seen: collections.Counter[str],
    begins: Callable[[], Any] = lambda: True,
) -> bool:
    """Kill a run C(moment) seconds after it C(begins); return whether it lived until then.

    Each worker of Ansible is a process group of its own and ends its task first, as on a controller that is killed.
    Until then nobody else may have the record.
    """
    while process.poll() is None and not begins():
        time.sleep(0.01)
    start = time.monotonic()
    while process.poll() is None and time.monotonic() < start + moment:
        time.sleep(0.01)
    lives = process.poll() is None
    if lives:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    if lives:
        seen["refused while workers lived"] += is_refused_while_workers_live(fleet)
    return lives


def is_refused_while_workers_live(fleet: LightFleet) -> bool:
    """Wait for the last worker of a run that was killed; return whether another run was refused until then."""
    store, refused, said = record.Store(str(fleet.record)), False, UNDER_WAY
    while fleet.is_at_work():
        try:
            store.lock(os.getpid())
        except record.RecordError as error:
            said, refused = str(error), True
        else:
            # One that had not begun with the record ends now, and one that acts on a host takes a second.
            time.sleep(0.3)
            assert not fleet.is_at_work(), "another run may begin while workers of one that was killed act on hosts"
            store.unlock(os.getpid())
        assert UNDER_WAY in said, said
    return refused


def kill(times: int, folder: Path, seed: int = 14) -> collections.Counter[str]:
    """Kill C(times) runs, each at a moment within the time that a run takes; return what was seen."""
    chance, seen = random.Random(seed), collections.Counter[str]()
    start = time.monotonic()
    LightFleet(folder / "whole", HOSTS, RINGS).run(light_seconds=0.5)
    longest = 1.1 * (time.monotonic() - start)
    number = 0
    fleet = LightFleet(folder / "0", HOSTS, RINGS)
    before: dict[str, int] = {}
    while seen["killed"] < times:
        process, start = fleet.start(light_seconds=0.5), time.monotonic()
        if kill_one(fleet, process, chance.uniform(0.1 * longest, longest), seen):
            seen["killed"] += 1
            # What else the machine does may make a run longer, and the end of one has to be met as well.
            longest *= 1.05
        else:
            seen["ended"] += 1
            longest = 1.1 * (time.monotonic() - start)
            assert process.returncode in (0, 3)
        now = look(fleet)
        for name, tuned in before.items():
            assert now.get(name) == tuned, f"{name} was done and was tuned again"
        before = now
        seen["times that a part of the hosts was done"] += 0 < len(now) < len(HOSTS)
        if process.returncode == 0:
            assert sorted(now) == HOSTS
            seen["finished"] += 1
            number, before = number + 1, {}
            fleet = LightFleet(folder / str(number), HOSTS, RINGS)
    while fleet.run()[0] == 3:
        pass
    now = look(fleet)
    assert sorted(now) == HOSTS and all(now[name] == tuned for name, tuned in before.items())
    seen["finished"] += 1
    return seen


def kill_and_abort(times: int, folder: Path, seed: int = 15) -> collections.Counter[str]:
    """Kill C(times) runs while they change hosts, and after each the one that aborts.

    The next one takes every host back that was changed, also where nobody wrote down that its run ended.
    """
    chance, seen = random.Random(seed), collections.Counter[str]()
    ring = [{"name": "all", "share": "rest", "soak_hours": 0}]
    longest = 0.0
    while seen["killed"] < times:
        fleet = LightFleet(folder / f"abort-{seen['killed']}-{seen['ended']}", HOSTS, ring)
        process = fleet.start(light_seconds=1)
        lived = kill_one(fleet, process, chance.uniform(0, 4), seen, fleet.changed)
        look(fleet)
        assert fleet.changed(), "it changed no host"
        begun = record.Store(str(fleet.record)).load()
        if not lived or begun is None or begun.status == record.FINISHED:
            seen["ended"] += 1
            continue
        seen["killed"] += 1
        seen["hosts changed when it was killed"] += len(fleet.changed())
        done = sum(record.Store(str(fleet.record)).load_host(name).state == fleet_host.DONE for name in fleet.changed())
        seen["of these not known as done"] += len(fleet.changed()) - done
        process, start = fleet.start("abort"), time.monotonic()
        lived = kill_one(fleet, process, chance.uniform(0, longest or 60), seen)
        seen["killed while it aborted"] += lived
        longest = max(longest, 0 if lived else time.monotonic() - start)
        look(fleet)
        rollout = record.Store(str(fleet.record)).load()
        # What was killed before it wrote that it aborts has to be typed again.
        aborts = rollout is not None and rollout.status == record.ABORTED
        code, said = fleet.run("" if aborts else "abort")
        assert code == 2 and not fleet.changed(), said
        seen["taken back"] += 1
    return seen


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        times = int(sys.argv[1]) if len(sys.argv) > 1 else 40
        folder = Path(sys.argv[2] if len(sys.argv) > 2 else temporary)
        for part in (kill, kill_and_abort):
            print(", ".join(f"{count} {name}" for name, count in part(times, folder).items()), flush=True)
