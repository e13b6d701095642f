# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kills rollouts at random moments and looks at what they leave.

Run it as PYTHONPATH=collections:. python benchmarks/fleet/killed.py [TIMES [FOLDER]].
"""

from __future__ import annotations

import collections
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from ansible_collections.wsltune.go.plugins.module_utils.fleet import gate, record
from benchmarks.fleet.light_fleet import LightFleet

HOSTS = [f"h{number}" for number in range(8)]
RINGS = [
    {"name": "sandbox", "share": 10, "soak_hours": 0},
    {"name": "early", "share": 40, "soak_hours": 0},
    {"name": "all", "share": "rest", "soak_hours": 0},
]


def look(fleet: LightFleet) -> dict[str, int]:
    """Read the whole record, which raises where a part is half; return how often each host that is done was tuned."""
    store = record.Store(str(fleet.record))
    rollout = store.load()
    tuned = collections.Counter(fleet.done())
    done = {name for name in HOSTS if store.load_host(name).state == gate.DONE}
    assert rollout is not None or not done, "hosts are done and the rollout is gone"
    return {name: tuned[name] for name in done}


def kill(times: int, folder: Path, seed: int = 14) -> collections.Counter[str]:
    """Kill C(times) runs, each at a moment within the time that a run takes; return what was seen."""
    chance, seen = random.Random(seed), collections.Counter[str]()
    start = time.monotonic()
    LightFleet(folder / "whole", HOSTS, RINGS).run()
    longest = 1.1 * (time.monotonic() - start)
    number = 0
    fleet = LightFleet(folder / "0", HOSTS, RINGS)
    before: dict[str, int] = {}
    while seen["killed"] < times:
        start = time.monotonic()
        process = fleet.start()
        moment = chance.uniform(0.1 * longest, longest)
        while process.poll() is None and time.monotonic() < start + moment:
            time.sleep(0.01)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            seen["killed"] += 1
        else:
            seen["ended"] += 1
            assert process.returncode in (0, 3), process.stdout.read()
        process.communicate()
        # A run that was killed leaves no process that goes on.
        now = look(fleet)
        for name, tuned in before.items():
            assert now.get(name) == tuned, f"{name} was done and was tuned again"
        before = now
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


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        times = int(sys.argv[1]) if len(sys.argv) > 1 else 40
        found = kill(times, Path(sys.argv[2] if len(sys.argv) > 2 else temporary))
    print(", ".join(f"{count} {name}" for name, count in sorted(found.items())))
