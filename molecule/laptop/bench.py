# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs `go test -count=1 ./...` in several settings in turn, as the user who runs it: bench.py ROUNDS SETTINGS.

SETTINGS is JSON, {name: {"folder": ..., "environment": {...}}}; what is in no environment is as a login has it. Prints
{name: [seconds]}. With ROUNDS 0 each runs once, to warm up.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time

rounds, settings = int(sys.argv[1]), json.loads(sys.argv[2])
spent: dict[str, list[float]] = {name: [] for name in settings}
for number in range(max(rounds, 1)):
    order = list(settings)
    random.Random(number).shuffle(order)
    for name in order:
        begin = time.perf_counter()
        done = subprocess.run(
            ["go", "test", "-count=1", "./..."],
            cwd=settings[name]["folder"],
            capture_output=True,
            text=True,
            env={**os.environ, **settings[name]["environment"]},
            check=False,
        )
        spent[name].append(round(time.perf_counter() - begin, 3))
        if done.returncode:
            sys.exit(f"{name}: {done.stdout}{done.stderr}")
print(json.dumps(spent))
