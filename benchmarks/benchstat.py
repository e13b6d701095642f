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

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import report as bench_report
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import CONTROL, Scenario
from ansible_collections.wsltune.go.plugins.module_utils.levers import decide as levers_decide

COMMAND = ["-col", "/state", "-format", "csv"]


def runs_of(experiment: dict, variant: str) -> list[dict]:
    """Return the runs of a variant that count."""
    return [run for run in experiment["scenarios"][0]["runs"] if run["variant"] == variant and run["round"] > 0]


def pair(like: dict, before: list[dict], after: list[dict]) -> dict:
    """Two series of runs as an experiment of before and after."""
    runs = [{**run, "variant": state} for state, some in (("before", before), ("after", after)) for run in some]
    scenario = dict(like["scenarios"][0], runs=runs)
    return {**like, "variants": [{"name": "before"}, {"name": "after"}], "scenarios": [scenario]}


def beside_the_baseline(experiment: dict) -> list[dict]:
    """Each lever, and the control."""
    base = runs_of(experiment, levers_decide.BASELINE)
    names = [*(variant["name"] for variant in experiment["variants"][1:]), CONTROL]
    return [pair(experiment, base, runs_of(experiment, name)) for name in names]


def drifted(experiments: list[dict]) -> list[dict]:
    """Pairs of one experiment's baseline and another's, which differ by what the machine did meanwhile."""
    bases = [runs_of(experiment, levers_decide.BASELINE) for experiment in experiments]
    found = []
    for number, experiment in enumerate(experiments[:-3]):
        one, two, three, four = bases[number : number + 4]
        count = 6 + number % 4
        found += [pair(experiment, one[:count], two[:count]), pair(experiment, one + two, three + four)]
    return found


def told(benchstat: str, experiment: dict) -> tuple[str, str]:
    """Return what benchstat says of the times on the clock: the difference, and p."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.txt"
        path.write_text(bench_report.write_go_format(experiment), encoding="utf-8")
        said = subprocess.run([benchstat, *COMMAND, str(path)], capture_output=True, text=True, check=True).stdout
    unit = ""
    for row in csv.reader(said.splitlines()):
        if row and row[0] == "" and "vs base" in row:
            unit = row[1]
        elif unit == "sec/op" and row and row[0].startswith("GoTest") and len(row) > 6:
            return row[5], row[6].split()[0].removeprefix("p=")
    raise SystemExit(f"benchstat compares no times: {said}")


def main() -> None:
    """Compare each pair with benchstat and write down what differs."""
    runs, benchstat, target = sys.argv[1:]
    experiments = json.loads(Path(runs).read_text(encoding="utf-8"))
    noted = []
    for judged in [
        *(one for experiment in experiments for one in beside_the_baseline(experiment)),
        *drifted(experiments),
    ]:
        difference, p = told(benchstat, judged)
        times = Scenario.from_json(judged["scenarios"][0]).times()
        noted.append(
            {state: [round(time, 9) for time in times[state]] for state in ("before", "after")}
            | {"difference": difference, "p": p}
        )
    text = ",\n".join(json.dumps(one) for one in noted)
    Path(target).write_text(f"[\n{text}\n]\n", encoding="utf-8")
    print(f"{len(noted)} pairs, of which benchstat calls {sum(one['difference'] != '~' for one in noted)} different")


if __name__ == "__main__":
    main()
