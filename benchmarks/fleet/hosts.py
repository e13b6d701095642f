# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many hosts a controller tunes in a minute: site.yml and the usual style over real SSH hosts, interleaved.

    python benchmarks/fleet/hosts.py [--hosts 100] [--rounds 1] [--forks 50] [--plays site,peer] [--no-pipelining]

Each turn has fresh hosts (tests/containers/light.py), connects anew, and runs a play twice: the first run, and one that
changes nothing. The hosts run on this machine too, so that they and the controller share its processors.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.play import PLAYS  # noqa: E402
from tests.containers import light  # noqa: E402

PORT = 2240
EVERY = 2.0
"""Seconds between two looks at the controller's memory."""
STUB = "/usr/local/sbin/systemctl"
SYSTEMCTL = """#!/bin/sh
# What peer.yml asks of systemd, without systemd, and quicker than that.
case $1 in
show) mountpoint -q /var/cache/gotmp && active=active || active=inactive
    printf 'LoadState=loaded\\nActiveState=%s\\nId=var-cache-gotmp.mount\\n' "$active" ;;
start) exec mount /var/cache/gotmp ;;
esac
"""


class Turn(NamedTuple):
    """One run over all hosts."""

    seconds: float
    changed: int
    memory: int
    processor: float
    """Seconds of processor time of the controller's processes."""


def read_memory(root: int) -> int:
    """Return the memory of a process and of all below it in bytes; what they share counts once."""
    parents, total = {}, 0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    for pid in parents:
        above = pid
        while above not in (root, 0):
            above = parents.get(above, 0)
        try:
            shares = re.search(r"^Pss: +(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M) if above else None
            total += int(shares[1]) * 1024 if shares else 0
        except OSError:
            continue
    return total


def play(name: str, inventory: Path, settings: Mapping[str, str]) -> Turn:
    """Run a play over all hosts of an inventory; end where it failed on one."""
    with tempfile.TemporaryDirectory(prefix="cp") as control, tempfile.TemporaryFile("w+") as output:
        before, begin = os.times(), time.perf_counter()
        process = subprocess.Popen(
            [Path(sys.executable).with_name("ansible-playbook"), "-i", str(inventory), *PLAYS[name]],
            cwd=ROOT,
            env={**os.environ, **settings, "ANSIBLE_SSH_CONTROL_PATH_DIR": control},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        peak, looked = 0, begin
        while process.poll() is None:
            if time.perf_counter() - looked > EVERY:
                peak, looked = max(peak, read_memory(process.pid)), time.perf_counter()
            time.sleep(0.02)
        seconds, after = time.perf_counter() - begin, os.times()
        output.seek(0)
        said = output.read()
        if process.returncode:
            sys.exit(f"{name} failed:\n{said[-3000:]}")
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        return Turn(seconds, sum(map(int, re.findall(r" changed=(\d+)", said))), peak, spent)


def take_turn(name: str, count: int, layers: str, settings: Mapping[str, str]) -> tuple[Turn, Turn]:
    """Return the first run of a play on fresh hosts, and the second."""
    hosts = {f"host-{number}": f"127.0.{41 + number // 200}.{1 + number % 200}" for number in range(count)}
    with tempfile.TemporaryDirectory() as folder, light.running(Path(folder), PORT, hosts, layers) as inventory:
        path = Path(folder, "inventory.json")
        path.write_text(json.dumps({"all": {"hosts": inventory}}))
        first, second = (play(name, path, settings) for _run in range(2))
    if not first.changed or second.changed:
        sys.exit(f"{name}: the first run made {first.changed} changes and the second {second.changed}")
    return first, second


def make_layer(folder: Path, layers: str) -> str:
    """Return the layers with what peer.yml needs on top: python3-apt, and an answer in the place of systemd."""
    made = folder / "layer"
    with light.running(folder / "base", PORT, {"base": "127.0.40.1"}, layers) as inventory:
        known = inventory["base"]
        words = ["ssh", "-i", light.KEY, *str(known["ansible_ssh_common_args"]).split(), "-p", str(PORT)]
        apt = "export DEBIAN_FRONTEND=noninteractive; apt-get -qq update && apt-get -qq install -y python3-apt"
        install = f"{apt} && cat >{STUB} && chmod 755 {STUB}"
        subprocess.run(
            [*words, "root@127.0.40.1", install], input=SYSTEMCTL, text=True, check=True, stdout=subprocess.DEVNULL
        )
        subprocess.run(["cp", "-a", light.find_upper(folder / "base", "base"), made], check=True)
    return f"{made}:{layers}"


def main(options: argparse.Namespace) -> None:
    """Take the turns in random order, and print each and their medians."""
    settings = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_FORKS": str(options.forks),
        "ANSIBLE_PIPELINING": str(options.pipelining),
    }
    plays = options.plays.split(",")
    turns: dict[str, list[tuple[Turn, Turn]]] = {name: [] for name in plays}
    print(f"{options.hosts} hosts, forks {options.forks}, pipelining {options.pipelining}")
    with tempfile.TemporaryDirectory() as folder:
        layers = make_layer(Path(folder), light.list_layers())
        for _round in range(options.rounds):
            for name in random.sample(plays, len(plays)):
                load = os.getloadavg()[0]
                turns[name].append(take_turn(name, options.hosts, layers, settings))
                for what, turn in zip(("first", "again"), turns[name][-1]):
                    print(describe(f"{name} {what}", turn, options.hosts), f"load before {load:.1f}", flush=True)
    for name, taken in turns.items():
        for what, runs in zip(("first", "again"), zip(*taken)):
            rate = statistics.median(60 * options.hosts / run.seconds for run in runs)
            print(f"{name} {what}: median of {len(runs)}: {rate:.1f} hosts per minute")


def describe(what: str, turn: Turn, hosts: int) -> str:
    """Return a line about one run."""
    return (
        f"{what:<10} {turn.seconds:7.1f} s  {60 * hosts / turn.seconds:6.1f} hosts/min  "
        f"{turn.seconds / hosts:5.2f} s/host  "
        f"controller {turn.processor / hosts:5.2f} s/host, {turn.memory / 2**20:.0f} MiB "
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--forks", type=int, default=50)
    parser.add_argument("--plays", default="site,peer")
    parser.add_argument("--no-pipelining", dest="pipelining", action="store_false")
    main(parser.parse_args())
