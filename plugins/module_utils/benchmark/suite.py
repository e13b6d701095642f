# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A module's own tests as `go test -json` tells of them, and which of them can be measured: those that pass.

Nothing here starts a program; bench.py does.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

WITHOUT = "measured without"
LINKED = "measured by building and linking"
LINK_ONLY = "^$"
# A command line has room for 128 KiB in one argument.
MOST_PATTERN = 100_000
NO_BUILD = ("[build failed]", "[setup failed]")


@dataclasses.dataclass(frozen=True)
class Package:
    """What became of one package: its top-level tests that passed and failed, and the line that says why."""

    name: str
    passes: bool = False
    builds: bool = True
    elapsed: float = 0.0
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    word: str = ""

    def without(self, tests: Iterable[str], word: str) -> Package:
        """Return the package as one that does not pass every time because of some of its tests."""
        failed = dict.fromkeys([*self.failed, *tests])
        passed = tuple(test for test in self.passed if test not in failed)
        return dataclasses.replace(self, passes=False, passed=passed, failed=tuple(failed), word=word or self.word)


@dataclasses.dataclass(frozen=True)
class Selection:
    """What of a module is measured: all of it where C(packages) is empty; C(notes) name what is left out and why."""

    packages: tuple[str, ...] = ()
    run: str = ""
    notes: tuple[str, ...] = ()

    @property
    def arguments(self) -> list[str]:
        """Return the arguments of `go test` that run the selection; ./... stands for all packages."""
        return [*(["-run", self.run] if self.run else []), *(self.packages or ["./..."])]


def read(text: str) -> dict[str, Package]:
    """Return the packages that `go test -json` tells of; one that did not come to its end does not pass."""
    outputs: dict[tuple[str, str], list[str]] = {}
    outcomes: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        try:
            event = json.loads(line) if line.startswith("{") else None
        except ValueError:
            continue
        if not isinstance(event, dict) or not event.get("Package"):
            continue
        name, test, action = str(event["Package"]), str(event.get("Test") or ""), event.get("Action")
        outcome = outcomes.setdefault(name, {"passed": [], "failed": [], "passes": False, "elapsed": 0.0})
        if action == "output":
            outputs.setdefault((name, test), []).append(str(event.get("Output") or ""))
        elif test and "/" not in test and action in ("pass", "fail"):
            outcome["passed" if action == "pass" else "failed"].append(test)
        elif not test and action in ("pass", "skip", "fail"):
            outcome["passes"], outcome["elapsed"] = action != "fail", float(event.get("Elapsed") or 0.0)
            outcome["ended"], outcome["builds"] = True, not event.get("FailedBuild")
    packages = {}
    for name, outcome in outcomes.items():
        own = "".join(outputs.get((name, ""), []))
        builds = outcome.get("builds", True) and not any(sign in own for sign in NO_BUILD)
        output = "\n".join(
            "\n".join(lines)
            for (package, test), lines in outputs.items()
            if package == name and test.partition("/")[0] in outcome["failed"]
        )
        if outcome["passes"]:
            word = ""
        elif not builds:
            word = "it does not build"
        else:
            word = find_telling_line(output or own) or (
                "its tests fail" if outcome.get("ended") else "its tests did not end"
            )
        packages[name] = Package(
            name,
            outcome["passes"],
            builds,
            outcome["elapsed"],
            tuple(outcome["passed"]),
            tuple(outcome["failed"]),
            word,
        )
    return packages


def read_benchmarks(text: str) -> dict[str, float]:
    """Return the seconds per operation of each benchmark that `go test -bench` tells of, by package and name."""
    package, times = "", {}
    for line in text.splitlines():
        if line.startswith("pkg: "):
            package = line[5:].strip()
        match = re.match(r"(Benchmark\S+)\s+\d+\s+([0-9.e+]+) ns/op", line)
        if match:
            times[f"{package}.{match[1]}"] = float(match[2]) / 1e9
    return times


def parse_module_path(text: str) -> str:
    """Return the path of the module that a go.mod names."""
    match = re.search(r"^module\s+\"?([^\s\"]+)", text, re.MULTILINE)
    return match[1] if match else ""


def find_telling_line(text: str) -> str:
    """Return the line of a failing `go test` that says what failed and where; nothing where none does."""
    lines = [line.strip() for line in text.splitlines()]
    start = next((number for number, line in enumerate(lines) if line.startswith(("--- FAIL", "panic:"))), None)
    if start is None:
        start, head = 0, ""
    else:
        head = re.sub(r"^--- FAIL: (\S+).*", r"\1", lines[start])
    place = re.compile(r"^[\w./-]+\.go:\d+(:\d+)?: ")
    # A test's own log lines come before its verdict in -json, and after it without.
    around = [*lines[start + 1 :], *reversed(lines[:start])] if head else lines
    where = next((line for line in around if place.match(line)), "")
    return (f"{head}: {where}" if head and where else head or where)[:200]


def parse_failed(text: str) -> dict[str, list[str]]:
    """Return the packages that plain `go test` says to fail, with all tests that it says so of."""
    packages = re.findall(r"^FAIL\t(\S+)", text, re.MULTILINE)
    tests = re.findall(r"^--- FAIL: ([^\s/]+)", text, re.MULTILINE)
    return {name: tests if len(packages) == 1 else [] for name in packages}


def select(packages: Mapping[str, Package], seconds: float, cpus: int) -> Selection | None:
    """Return what can be measured where one run may take C(seconds): packages, else tests, else linking alone.

    None where nothing can be built.
    """
    good = [package for package in packages.values() if package.passes]
    bad = [package for package in packages.values() if not package.passes]
    notes = [f"{WITHOUT} {_name(package)}" for package in bad]
    if any(package.passed for package in good) or not bad:
        quick = _select_fitting(good, seconds, cpus)
        slow = [package for package in good if package not in quick]
        if quick and (not slow or any(package.passed for package in quick)):
            notes += [f"{WITHOUT} {package.name}, whose tests take {package.elapsed:.0f} s" for package in slow]
            return Selection(tuple(package.name for package in quick) if bad or slow else (), "", tuple(notes))
        notes.append(f"{LINKED} the tests alone, because they take too long for six rounds")
        return Selection(tuple(package.name for package in good) if bad else (), LINK_ONLY, tuple(notes))
    usable = [package for package in bad if package.builds]
    steady = [package for package in usable if package.passed and package.failed]
    # A test of the same name may fail in another package.
    failing = {test for package in steady for test in package.failed}
    tests = sorted({test for package in steady for test in package.passed} - failing)
    pattern = f"^({'|'.join(map(re.escape, tests))})$"
    if tests and len(pattern) < MOST_PATTERN and max(package.elapsed for package in steady) <= seconds:
        return Selection(tuple(package.name for package in steady), pattern, tuple(notes))
    if usable or good:
        notes.append(f"{LINKED} the tests alone, because no package passes")
        return Selection(tuple(package.name for package in [*good, *usable]), LINK_ONLY, tuple(notes))
    return None


def _name(package: Package) -> str:
    tests = ", ".join(package.failed[:3]) + (" and more" if len(package.failed) > 3 else "")
    what = f"{tests} in {package.name}" if tests else package.name
    word = package.word.removeprefix(f"{package.failed[0]}: ") if len(package.failed) == 1 else package.word
    return f"{what} ({word})" if word and word != tests else what


def _select_fitting(packages: Iterable[Package], seconds: float, cpus: int) -> list[Package]:
    """Return the packages whose tests end in time, the quick ones first, because go test runs one on each processor."""
    fitting: list[Package] = []
    total = 0.0
    for package in sorted(packages, key=lambda package: package.elapsed):
        total += package.elapsed
        if max(package.elapsed, total / max(1, cpus)) <= seconds:
            fitting.append(package)
    return sorted(fitting, key=lambda package: package.name)
