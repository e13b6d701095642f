# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a stand-in for go says it took counts instead of the clock, so that other work decides nothing."""

from __future__ import annotations

import dataclasses
import random
import re

from ansible_collections.wsltune.go.plugins.module_utils.linux import process

ALWAYS, SPREAD = 0.05, 0.02
run = process.run


def run_and_pretend(command, *words, **more):
    """Run a program; where its errors name milliseconds, it took 50 ms and their sum, give or take 2 %."""
    done = run(command, *words, **more)
    took = re.findall(r"took (\d+) ms", done.err)
    if not took:
        return done
    wall = (ALWAYS + sum(map(int, took)) / 1000) * random.uniform(1 - SPREAD, 1 + SPREAD)
    return dataclasses.replace(done, wall=wall)
