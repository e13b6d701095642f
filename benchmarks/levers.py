# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each lever that can be tried here does to modules, interleaved with a baseline and a control, as a table.

    sudo PYTHONPATH=collections .venv/bin/python benchmarks/levers.py --estimate MODULE...     how long that takes
    sudo PYTHONPATH=collections .venv/bin/python benchmarks/levers.py --out FILE MODULE...     12 rounds, 6 of cold

Every lever of the catalogue is tried as go_levers tries it, and nothing of it is kept; why one is not tried is printed.
Beside them runs a tmpfs with huge pages (huge=within_size). Runs as root, because a trial mounts a tmpfs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import pwd
import random
import shutil
import time
from pathlib import Path

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import bench, stats
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import CONTROL
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import tool_gc
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue, decide, guard, trial_tmpfs
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, meminfo, mountinfo, process

HUGE = "gotmpdir_tmpfs, huge=within_size"
THP = Path("/sys/kernel/mm/transparent_hugepage")
FIRST = decide.BASELINE
HEAD = (
    "| module, scenario | lever | time: change [95 % interval] | | processor time | | largest process, MiB |\n"
    "|---|---|---|---|---|---|---|"
)


def chosen(path):
    """Return the choice in brackets of a file such as transparent_hugepage/enabled."""
    return path.read_text().partition("[")[2].partition("]")[0] if path.exists() else "none"


def plan(text, rounds):
    """Return how many rounds each scenario gets, such as cold:6; C(rounds) where none are named."""
    named = [one.partition(":") for one in text.split(",")]
    return {name: int(own) if own else rounds for name, _colon, own in named}


def look(go, environment, modules, builds=False, gocacheprog=""):
    """Return what the levers are judged by, of this machine and this Go."""
    names = ["GOVERSION", "GOFLAGS", "CGO_ENABLED", "CGO_LDFLAGS", "GOMODCACHE"]
    done = process.run([go, "env", "-json", *names], environment, modules[0])
    settings = json.loads(done.out)
    return guard.Ground(
        memory=meminfo.parse(Path("/proc/meminfo").read_text())["total_bytes"],
        cpus=len(os.sched_getaffinity(0)),
        settings=settings,
        toolchains=go_observe.list_cached_toolchains(settings["GOMODCACHE"]),
        linker=go_tuning.find_linker("auto", environment["PATH"]),
        gocacheprog=gocacheprog,
        builds=builds,
        has_repository=any(map(guard.is_in_repository, modules)),
    )


def variants_of(ground, folder, huge, home, environment):
    """Return the variants to run, and why each other lever is not tried."""
    mounts = bench.read_mounts()
    temporary = environment.get("TMPDIR") or "/tmp"
    in_memory = ["TMPDIR", "GOTMPDIR"] if bench.find_file_system(mounts, temporary) in mountinfo.IN_MEMORY else []
    values = guard.values(ground, folder)
    variants, left_out = [bench.Variant(FIRST)], {}
    for name in catalogue.LEVERS:
        reason = decide.explain_no_effect(name, [], in_memory) or guard.explain_missing(name, ground)
        if reason:
            left_out[name] = reason
            continue
        laid = decide.make_environment(name, folder, home, values=values)
        flags = guard.goflags([name], ground, values)
        variants.append(bench.Variant(name, {**laid, **({"GOFLAGS": flags} if flags else {})}))
    variants.append(bench.Variant(HUGE, {"GOTMPDIR": f"{huge}/gotmpdir"}))
    return variants, left_out


def measure(session, scenario, rounds, rng):
    """Return the runs of each variant and of the control, after one warm-up of each."""
    names = [*session.variants, CONTROL]
    runs = {name: [] for name in names}
    for number in range(rounds + 1):
        for serial, name in enumerate(rng.sample(names, len(names))):
            done = session.execute(scenario, name, number * 100 + serial + 1)
            if done["exit_code"]:
                raise SystemExit(f"{scenario} fails with {name}: {done.get('output_tail', '')[-400:]}")
            if number:
                runs[name].append(done)
    return runs


def estimate(session, scenario, rounds):
    """Return the seconds that measure() would take, by one run of the baseline after another that warms up."""
    for serial in (1, 2):
        done = session.execute(scenario, FIRST, serial)
        if done["exit_code"]:
            raise SystemExit(f"{scenario} fails: {done.get('output_tail', '')[-400:]}")
    return done["wall"] * (rounds + 1) * (len(session.variants) + 1)


def change(before, after):
    """Return how much longer C(after) takes than C(before), with its interval and the verdict."""
    found = stats.compare(before, after)
    low, high = (100 * (end - 1) for end in found.interval)
    return f"{100 * (found.ratio - 1):+.1f} % [{low:+.1f} to {high:+.1f}] | {found.verdict}"


def rows(label, runs, against=FIRST):
    """Return the lines of the table for one module and scenario."""
    walls = {name: [run["wall"] for run in done] for name, done in runs.items()}
    busy = {name: [run["user"] + run["system"] for run in done] for name, done in runs.items()}
    lines = []
    for name, done in runs.items():
        peak = f"{stats.median([run['max_rss'] for run in done]) / 2**20:.0f}"
        if name == against:
            seconds = " | ".join(f"{stats.median(times[name]):.2f} s | " for times in (walls, busy))
        else:
            seconds = " | ".join(change(times[against], times[name]) for times in (walls, busy))
        lines.append(f"| {label} | {name} | {seconds} | {peak} |")
    return lines


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--go", help="the go command (default: the one that a login finds)")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--scenarios", default="test,edit,build,cold:6", help="each with its own rounds after a colon")
    parser.add_argument("--estimate", action="store_true", help="print how long it would take, and measure nothing")
    parser.add_argument("--levers", help="these alone, beside the control")
    parser.add_argument("--against", default=FIRST, metavar="LEVER", help="compare with this one (default: with none)")
    parser.add_argument("--gocacheprog", default="", metavar="COMMAND", help="what the lever is tried with")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="file for the raw runs, as JSON")
    parser.add_argument("--read", help="such a file, to print its table again")
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    options = parser.parse_args()
    if options.read:
        print(HEAD)
        for label, runs in json.loads(Path(options.read).read_text()).items():
            print("\n".join(rows(label, runs, options.against)))
        return
    if not options.modules:
        parser.error("name the folder of a module")
    bench.clean_up_on_signals()
    modules = [os.path.abspath(module) for module in options.modules]

    account = accounts.find([pwd.getpwuid(os.geteuid()).pw_name])[0]
    # Nothing is fetched. Go runs a toolchain that no checksum database vouches for only with a GOPROXY of files.
    offline = {"GOPROXY": "off", **{name: os.environ[name] for name in ("GOPROXY", "GOSUMDB") if name in os.environ}}
    login = {**accounts.login_environment(account), "GOTOOLCHAIN": "local", **offline}
    go = options.go or shutil.which("go", path=login["PATH"])
    scenarios = plan(options.scenarios, options.rounds)
    ground = look(go, login, modules, "build" in scenarios, options.gocacheprog)
    rng = random.Random(options.seed)
    folders = ("tmp", "gotmpdir", "gocache")
    size = ground.memory // 8
    with (
        trial_tmpfs.mounted(size, account.uid, account.gid, folders) as folder,
        trial_tmpfs.mounted(size, account.uid, account.gid, folders, options="huge=within_size") as huge,
    ):
        trial_tmpfs.put_program(f"{folder}/{guard.PROGRAM}", tool_gc.program_text(ground.memory, ground.cpus))
        variants, left_out = variants_of(ground, folder, huge, account.home, login)
        if options.levers:
            variants = [one for one in variants if one.name in (FIRST, HUGE, *options.levers.split(","))]
        mounts = bench.read_mounts()
        print(f"{time.strftime('%d %B %Y')}, {ground.version}, {ground.cpus} processors, {ground.memory >> 30} GiB,")
        print(f"kernel {platform.release()}, load {os.getloadavg()[0]:.1f} at the start,")
        print(f"/tmp on {bench.find_file_system(mounts, '/tmp')}, transparent huge pages {chosen(THP / 'enabled')}")
        for name, reason in left_out.items():
            print(f"not tried: {name}: {reason}")
        print("" if options.estimate else HEAD, flush=True)
        kept, seconds = {}, 0.0
        for module in modules:
            with bench.Bench(account, variants, [module], go=go, environment=login) as session:
                session.prepare()
                for scenario, rounds in scenarios.items():
                    ready = session.scenario(scenario)
                    if ready.reason:
                        print(f"{os.path.basename(module)}, {scenario}: {ready.reason}")
                        continue
                    label = f"{os.path.basename(module)}, {scenario}"
                    if options.estimate:
                        one = estimate(session, scenario, rounds)
                        seconds += one
                        print(f"{label}: {one / 60:.0f} minutes for {rounds} rounds", flush=True)
                        continue
                    runs = measure(session, scenario, rounds, rng)
                    kept[label] = runs
                    print("\n".join(rows(label, runs, options.against)), flush=True)
                    if options.out:
                        Path(options.out).write_text(json.dumps(kept))
        if options.estimate:
            print(f"{seconds / 60:.0f} minutes for all, where no other program takes the processors")


if __name__ == "__main__":
    main()
