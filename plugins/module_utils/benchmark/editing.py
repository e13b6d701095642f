# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which file of a module is edited to see what Go takes after an edit, and what is written there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

LISTING = "\t".join(
    (
        "{{.ImportPath}}",
        "{{.Dir}}",
        '{{join .GoFiles " "}} {{join .CgoFiles " "}}',
        '{{join .TestGoFiles " "}} {{join .XTestGoFiles " "}}',
        '{{join .Deps " "}}',
        "{{.Name}}",
    )
)
"""What C(go list -f) is asked for each package."""


class Package(NamedTuple):
    """A package of a module: its import path, a file of it, what it is built from, and the name it gives itself."""

    path: str
    file: str
    deps: frozenset[str]
    name: str
    has_tests_alone: bool


def parse(listed: str) -> list[Package]:
    """Return the packages that have a file to edit, from what C(go list -f LISTING) prints; others print too."""
    packages = []
    for line in listed.splitlines():
        if line.count("\t") != 5:
            continue
        path, folder, sources, tests, deps, name = line.split("\t")
        files = sources.split() or tests.split()
        if files:
            file = os.path.join(folder, files[0])
            packages.append(Package(path, file, frozenset(deps.split()), name, not sources.split()))
    return packages


def choose(packages: Sequence[Package], programs: bool = False) -> Package | None:
    """Return the package that most others, or the C(programs) among them, are built from; of tests alone the last."""
    users = [package for package in packages if package.name == "main"] if programs else []

    def uses(package: Package) -> tuple[bool, int, int]:
        return (
            not package.has_tests_alone,
            sum(package.path in (other.path, *other.deps) for other in users),
            sum(package.path in other.deps for other in packages),
        )

    chosen = max(packages, key=uses, default=None)
    # No program is built from tests.
    return None if chosen and programs and chosen.has_tests_alone else chosen


def edit(original: bytes, serial: int) -> bytes:
    """Return Go source with a change that reaches the compiled package, another one for every serial."""
    return original + b"\n\nvar wsltuneBenchmarkEdit = %d\n" % serial
