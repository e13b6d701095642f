# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long a run takes that changes nothing: site.yml, the same in the usual style, and an empty play, interleaved.

    benchmarks/play.py [ROUNDS] [ARGUMENT OF ANSIBLE-PLAYBOOK...]

Tunes the machine it runs on (a throw-away one: benchmarks/run says how), and expects the users root and alice there.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "plugins" / "module_utils" / "benchmark"))

import stats  # noqa: E402

SETTINGS = [
    "wsl_conf_force=true",
    '{"wsl_conf_settings": {"boot.systemd": true, "automount.options": "metadata"}}',
    "wsl_conf_interop_append_windows_path=false",
    "go_tmpfs_place=gotmpdir",
    "go_tmpfs_size=2g",
]
PLAYS = {
    "empty": ["benchmarks/empty.yml"],
    "site": ["site.yml", "-e", "verify_benchmark=false", "-e", '{"wsltune_users": ["root", "alice"]}']
    + [word for setting in SETTINGS for word in ("-e", setting)],
    "peer": ["benchmarks/peer.yml"],
}


def run(name: str, arguments: list[str]) -> tuple[float, str]:
    """Run a play and return its seconds and its output."""
    begin = time.perf_counter()
    playbook = Path(sys.executable).with_name("ansible-playbook")
    done = subprocess.run([playbook, *PLAYS[name], *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.perf_counter() - begin, done.stdout


def main() -> None:
    """Time the plays in random order and print their medians."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    arguments = sys.argv[2:]
    os.environ["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")
    for name in PLAYS:
        run(name, arguments)
    for name in PLAYS:
        said = run(name, arguments)[1]
        if "changed=0 " not in said:
            sys.exit(f"the second run of {name} still changes something:\n{said}")
    times: dict[str, list[float]] = {name: [] for name in PLAYS}
    for _round in range(rounds):
        for name in random.sample(list(PLAYS), len(PLAYS)):
            times[name].append(run(name, arguments)[0])
    for name, values in times.items():
        print(
            f"{name:6} median {statistics.median(values):6.2f} s  ({min(values):.2f} to {max(values):.2f}, n={rounds})"
        )
    for base, limit in (("peer", 1 / 3), ("empty", 2.5)):
        result = stats.compare(times[base], times["site"])
        low, high = result.interval
        print(f"site / {base}: {result.ratio:.2f} [{low:.2f} to {high:.2f}], wanted at most {limit:.2f}")


if __name__ == "__main__":
    main()
