# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The steps of a release: what refuses it, the version and the changelog, the commit and the tag."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    import nox

BRANCH = "main"
# Where the version stands.
PLACES = {"galaxy.yml": r"^version: (.*)$", "pyproject.toml": r'^version = "(.*)"$'}
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class RefusedError(Exception):
    """The release cannot be made; the text is one sentence."""


def parse_words(words: Sequence[str]) -> tuple[str, bool]:
    """Return the version, and whether to try it in a clone that is thrown away."""
    versions = [word for word in words if word != "--dry-run"]
    if len(versions) != 1 or len(words) > 2 or not VERSION.fullmatch(versions[0]):
        raise RefusedError(f"release takes one version such as 1.1.0, and --dry-run to try it, not '{' '.join(words)}'")
    return versions[0], "--dry-run" in words


@dataclass(frozen=True)
class State:
    """What decides whether a release can be made."""

    branch: str
    changes: Sequence[str]
    versions: dict[str, str]
    tags: Collection[str]
    new_fragments: Collection[str]


def find_refusal(version: str, state: State) -> str | None:
    """Return the sentence that says why this version cannot be released, if it cannot."""
    if state.branch != BRANCH:
        return f"a release is made on the branch {BRANCH}, and this is {state.branch or 'no branch'}"
    if state.changes:
        return f"commit or stash what is not committed first: {', '.join(state.changes[:5])}"
    if f"v{version}" in state.tags:
        return f"the tag v{version} exists already"
    if len(set(state.versions.values())) != 1:
        places = ", ".join(f"{place} {there}" for place, there in state.versions.items())
        return f"the version must be the same everywhere, and it is not: {places}"
    now = next(iter(state.versions.values()))
    released = [tag[1:] for tag in state.tags if tag.startswith("v") and VERSION.fullmatch(tag[1:])]
    newest = max([now, *released], key=order)
    # The version that stands here and has no tag is one that was never released.
    if order(version) < order(newest):
        return f"version {version} is earlier than {newest}, which is there already"
    if version != now and not state.new_fragments:
        return f"changelogs/fragments has nothing that the changelog of {now} does not have"
    return None


def order(version: str) -> tuple[int, ...]:
    """Return what versions are compared by."""
    return tuple(int(number) for number in version.split("."))


def replace_version(text: str, pattern: str, version: str) -> str:
    """Return the text of a file of PLACES with another version."""
    match = re.search(pattern, text, re.MULTILINE)
    assert match, pattern
    return text[: match.start(1)] + version + text[match.end(1) :]


class Release:
    """A release of the checkout, or of a clone for a dry run; what fails half-way leaves the checkout as it was."""

    def __init__(self, root: Path, words: Sequence[str]) -> None:
        self.version, self.dry = parse_words(words)
        self.origin = self.root = root
        self.scratch = tempfile.TemporaryDirectory()

    def __enter__(self) -> Release:
        refusal = find_refusal(self.version, self.read_state())
        if refusal:
            raise RefusedError(refusal)
        if self.dry:
            self.root = Path(self.scratch.name, "clone")
            self.git("clone", "--quiet", str(self.origin), str(self.root), root=self.origin)
            for key in ("user.name", "user.email"):
                value = self.git("config", "--default", "", "--get", key, root=self.origin).strip()
                self.git("config", key, value)
        return self

    def __exit__(self, kind: object, *_details: object) -> None:
        # There was nothing uncommitted when it began.
        if kind and not self.dry:
            self.git("restore", "--staged", "--worktree", ".")
        self.scratch.cleanup()

    def git(self, *words: str, root: Path | None = None) -> str:
        """Return what git prints; raise RefusedError with its last line when it fails."""
        return run(["git", *words], root or self.root)

    def read_state(self) -> State:
        """Read what decides whether a release can be made."""
        used = yaml.safe_load((self.root / "changelogs/changelog.yaml").read_text(encoding="utf-8"))["releases"]
        fragments = {path.name for path in self.root.glob("changelogs/fragments/*.yml")}
        return State(
            branch=self.git("branch", "--show-current").strip(),
            changes=[line[3:] for line in self.git("status", "--porcelain").splitlines()],
            versions={place: self.read_version(place) for place in PLACES},
            tags=self.git("tag").split(),
            new_fragments=fragments - {name for entry in used.values() for name in entry.get("fragments", [])},
        )

    def read_version(self, place: str) -> str:
        """Return the version in a file of PLACES."""
        match = re.search(PLACES[place], (self.root / place).read_text(encoding="utf-8"), re.MULTILINE)
        return match[1] if match else ""

    def write(self) -> None:
        """Set the version and write the changelog."""
        again = ["--update-existing", "--reload-plugins"] if self.read_version("galaxy.yml") == self.version else []
        for place, pattern in PLACES.items():
            path = self.root / place
            path.write_text(replace_version(path.read_text(encoding="utf-8"), pattern, self.version), encoding="utf-8")
        run(["antsibull-changelog", "lint"], self.root)
        run(["antsibull-changelog", "release", *again], self.root)

    def check(self, session: nox.Session) -> None:
        """Build the collection and the documentation; a dry run builds the documentation of the checkout as it is."""
        for part, root in (("build", self.root), ("docs", self.origin)):
            session.run("python", "-m", "nox", "--noxfile", str(root / "noxfile.py"), "--sessions", part)

    def commit(self) -> str:
        """Commit and tag, and return what was made and how to publish it."""
        tag = f"v{self.version}"
        self.git(
            "commit",
            "--quiet",
            "--all",
            "--allow-empty",
            "-m",
            f"Release {self.version}",
            "-m",
            "CHANGELOG.md says what is new.",
        )
        self.git("tag", "--annotate", tag, "-m", f"wsltune {self.version}")
        if self.dry:
            return f"a dry run: nothing is kept of this commit and its tag {tag}\n{self.git('show', '--stat', 'HEAD')}"
        return f"made the commit and the tag {tag}; to publish them: git push origin {BRANCH} {tag}"


def run(command: Sequence[str], root: Path) -> str:
    """Return what a command prints in this folder; raise RefusedError with its last line when it fails."""
    environment: dict[str, Any] = {**os.environ, "GIT_CONFIG_VALUE_0": "*"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
        raise RefusedError(f"{' '.join(command[:2])} failed: {lines[-1]}")
    return done.stdout
