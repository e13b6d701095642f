# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Has benchstat judge real pairs of series, and notes what it says for the unit test that compares it with our own.

    PYTHONPATH=collections .venv-test/bin/python benchmarks/benchstat.py RUNS BENCHSTAT FILE

RUNS is what `benchmarks/planted 20 RUNS` kept, BENCHSTAT the program. Every lever and every control of each experiment
is a pair with its baseline, written by the code that writes results.txt. So that there are other sizes and differences
nearer to chance, the baselines of two experiments are pairs too: of each and the next with 6 to 9 runs, and of two and
the next two.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from ansible_collections.wsltune.go.plugins.module_utils import bench_report, benchmark

COMMAND = ["-col", "/state", "-format", "csv"]


def pairs(experiment: dict) -> list[dict]:
    """Each variant beside the baseline, as an experiment of before and after."""
    names = [variant["name"] for variant in experiment["variants"]]
    found = []
    for name in [*names[1:], benchmark.CONTROL]:
        states = {names[0]: "before", name: "after"}
        scenarios = [
            {
                **one,
                "runs": [{**run, "variant": states[run["variant"]]} for run in one["runs"] if run["variant"] in states],
            }
            for one in experiment["scenarios"]
            if one["status"] == "measured"
        ]
        found.append({**experiment, "variants": [{"name": "before"}, {"name": "after"}], "scenarios": scenarios})
    return found


def drifted(experiments: list[dict]) -> list[dict]:
    """Pairs of one experiment's baseline and another's, which differ by what the machine did meanwhile."""
    found = []
    for number in range(len(experiments) - 3):
        one, *others = experiments[number : number + 4]
        found += [_beside(one, [one], others[:1], 6 + number % 4), _beside(one, [one, others[0]], others[1:], 18)]
    return found


def _beside(like: dict, before: list[dict], after: list[dict], runs: int) -> dict:
    scenario = dict(like["scenarios"][0], runs=[])
    for state, experiments in (("before", before), ("after", after)):
        base = [run for one in experiments for run in one["scenarios"][0]["runs"]]
        base = [run for run in base if run["variant"] == like["variants"][0]["name"] and run["round"] > 0]
        scenario["runs"] += [{**run, "variant": state} for run in base[:runs]]
    return {**like, "variants": [{"name": "before"}, {"name": "after"}], "scenarios": [scenario]}


def told(benchstat: str, experiment: dict) -> tuple[str, str]:
    """What benchstat says of the times on the clock: the difference, and p."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.txt"
        path.write_text(bench_report.go_format(experiment), encoding="utf-8")
        said = subprocess.run([benchstat, *COMMAND, str(path)], capture_output=True, text=True, check=True).stdout
    unit = ""
    for row in csv.reader(said.splitlines()):
        if row and row[0] == "" and "vs base" in row:
            unit = row[1]
        elif unit == "sec/op" and row and row[0].startswith("GoTest") and len(row) > 6:
            return row[5], row[6].split()[0].removeprefix("p=")
    raise SystemExit(f"benchstat compares no times: {said}")


def main() -> None:
    runs, benchstat, target = sys.argv[1:]
    experiments = json.loads(Path(runs).read_text(encoding="utf-8"))
    noted = []
    for pair in [*(pair for one in experiments for pair in pairs(one)), *drifted(experiments)]:
        for scenario in pair["scenarios"]:
            difference, p = told(benchstat, {**pair, "scenarios": [scenario]})
            times = benchmark.times_by_variant(scenario, "wall")
            noted.append(
                {state: [round(time, 9) for time in times[state]] for state in ("before", "after")}
                | {"difference": difference, "p": p}
            )
    text = ",\n".join(json.dumps(pair) for pair in noted)
    Path(target).write_text(f"[\n{text}\n]\n", encoding="utf-8")
    print(f"{len(noted)} pairs, of which benchstat calls {sum(pair['difference'] != '~' for pair in noted)} different")


if __name__ == "__main__":
    main()
