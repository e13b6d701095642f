# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether go_benchmark times a command as hyperfine does, and what it costs between two runs.

    apt-get install hyperfine
    PYTHONPATH=collections .venv/bin/python benchmarks/hyperfine.py [--go /usr/local/go/bin/go]

Each round times one run with each of the two, in random order; hyperfine is started for a single run, so that
both see the same machine at the same time. `sleep` shows the two clocks alone, `go test` what people measure;
on a machine that does other things as well only the first can be exact.
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import random
import shlex
import shutil
import subprocess
import sys
import tempfile

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import bench, stats
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts


def by_hyperfine(command, folder, environment):
    """Return the seconds that hyperfine measures for one run."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run(
            ["hyperfine", "--shell=none", "--runs=1", "--style=none", f"--export-json={out.name}", shlex.join(command)],
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
        )
        return json.load(out)["results"][0]["times"][0]


def main():
    """Time both in turn and print how they compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--go", help="the go command (default: the one that a login finds)")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--package", default="container/list", help="package of the standard library to test")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not shutil.which("hyperfine"):
        sys.exit("hyperfine is not installed: apt-get install hyperfine")

    account = accounts.find([pwd.getpwuid(os.geteuid()).pw_name])[0]
    rng = random.Random(options.seed)
    login = accounts.login_environment(account)
    variants = [bench.Variant("before")]
    with bench.Bench(account, variants, packages=[options.package], go=options.go, environment=login) as session:
        session.prepare()
        folder, environment = session.source("before"), session.environments["before"]
        go_test = [session.go, "test", "-count=1", options.package]
        session.execute("test", "before", 0)
        for command, rounds in ((["sleep", "0.5"], 10), (go_test, options.rounds)):
            ours, theirs = [], []
            for _round in range(rounds):
                for which in rng.sample(["ours", "hyperfine"], 2):
                    if which == "hyperfine":
                        theirs.append(by_hyperfine(command, folder, environment))
                    else:
                        ours.append(bench.run(command, folder, environment)["wall"])
            report(shlex.join(command), theirs, ours)

        gaps = []
        with tempfile.TemporaryDirectory() as scratch:
            for number in range(10):
                gaps.append(session.execute("test", "before", number).get("gap"))
                bench.write_progress(os.path.join(scratch, "progress.json"), {"step": "benchmark"})
    own = [gap for gap in gaps[1:] if gap is not None]
    print(f"own cost between runs: {1000 * stats.median(own):.1f} ms, at most {1000 * max(own):.1f} ms")


def report(command, theirs, ours):
    """Print two series of times and their difference."""
    found = stats.compare(theirs, ours)
    low, high = found.interval
    print(command)
    print(f"  hyperfine     {stats.median(theirs):.4f} s, median of {len(theirs)}")
    print(f"  go_benchmark  {stats.median(ours):.4f} s, median of {len(ours)}")
    print(
        f"  difference    {100 * (found.ratio - 1):+.2f} %, 95 % interval {100 * (low - 1):+.2f} to "
        f"{100 * (high - 1):+.2f} %, p = {found.p:.2g}, {found.verdict}"
    )


if __name__ == "__main__":
    main()
