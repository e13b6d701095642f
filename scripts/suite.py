# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the sessions of noxfile.py share. As a program it prints how they ended: scripts/suite.py REPORT.

REPORT is the file that `nox --report` wrote. Exit codes: 0 nothing failed, 1 something failed or nothing passed. With
WSLTUNE_NO_SKIP set, a session that was skipped fails too.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import locale
import os
import re
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import nox

PARTS = ("windows", "lint", "audit", "unit", "sanity", "build", "docs", "molecule")
MODULES = "tests/unit/plugins/modules"
# A session skipped for this reason lacks data that is not ours to bring, so it does not count as skipped.
NOT_RUN = "not run: "
NEWER, OLDER = "trixie", "bookworm"
# The scenarios that are promised for the older distribution and the oldest ansible-core too.
ON_OLDER = ("default", "restart")
# They take 2 to 15 minutes and measure, install a monitoring system, are several machines in a row, or want no other
# machine to start meanwhile, so they run only if they are named.
ON_REQUEST = ("families", "first-boot", "fleet", "heal", "laptop")
# The longest come first, so that none of them is left to run alone at the end.
LONGEST = ("workspace", "killed", "onboard", "tmp")
UNWANTED = re.compile(r"^(\.|collections/|reports/|requirements/|molecule/.*/\.)|\.(pyc|log)$|\.tar\.gz$")


def set_environment(environment: MutableMapping[str, str]) -> None:
    """Set what every part runs with: the tools beside this Python, and nothing of the user's Pythons."""
    root = Path(__file__).resolve().parents[1]
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    environment.update(
        # Without pyenv's shims: they answer to names of Pythons that do not run.
        PATH=f"{sys.prefix}/bin:{system}",
        ANSIBLE_CONFIG=f"{root}/ansible.cfg",
        ANSIBLE_COLLECTIONS_PATH=f"{root}/collections",
        # A checkout of another user, as in a container.
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0="safe.directory",
        GIT_CONFIG_VALUE_0=str(root),
    )
    if locale.getencoding().upper() not in ("UTF-8", "UTF8"):
        environment["LC_ALL"] = "C.UTF-8"
    if not sys.stdout.isatty():
        environment["NO_COLOR"] = "1"
    for name in ("PYTHONHOME", "PYTHONPATH"):
        environment.pop(name, None)


def run_all(session: nox.Session, *commands: Sequence[str]) -> None:
    """Run every command, and fail at the end when one did."""
    from nox.command import CommandFailed

    failed = []
    for command in commands:
        session.log(" ".join(command[:3]))
        try:
            session.run(*command, log=False)
        except CommandFailed:
            failed.append(command[0])
    if failed:
        session.error(f"{', '.join(failed)} failed")


def list_files(root: Path) -> list[str]:
    """Return the checkout's files, also those not committed yet, but none that is ignored or gone."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in names if (root / name).is_file() and not (root / name).is_symlink()]


def is_yaml(name: str) -> bool:
    """Return whether yamllint checks the file."""
    return name.endswith((".yml", ".yaml")) or name in (".yamllint", ".ansible-lint")


def is_shell_script(path: Path) -> bool:
    """Return whether shellcheck checks the file: by its ending, or by its first line if it has none."""
    if path.suffix or path.name.startswith("."):
        return path.suffix == ".sh"
    with path.open("rb") as file:
        return re.match(rb"#!.*\b(ba|da)?sh\b", file.read(40)) is not None


def count_skipped(results: Path) -> int:
    """Return how many tests were skipped, from pytest's JUnit report."""
    return sum(int(suite.get("skipped", 0)) for suite in ET.parse(results).iter("testsuite"))


def list_failed(results: Path) -> list[str]:
    """Return what failed, from pytest's JUnit report; nothing where it wrote none."""
    with contextlib.suppress(OSError, ET.ParseError):
        tests = ET.parse(results).iter("testcase")
        failed = [test for test in tests if test.find("failure") is not None or test.find("error") is not None]
        return [f"{test.get('classname', '')}::{test.get('name', '')}" for test in failed]
    return []


def find_failure(output: Path, limit: int = 60) -> str:
    """Return the last task that failed in what molecule printed, with its result; nothing where none did."""
    with contextlib.suppress(OSError):
        tasks = re.split(r"(?m)^(?=(?:TASK|PLAY|RUNNING HANDLER) |INFO  )", output.read_text("utf-8", errors="replace"))
        failed = [task for task in tasks if re.search(r"(?m)^fatal: ", task) and "...ignoring" not in task]
        return "\n".join(failed[-1].strip().splitlines()[:limit]) if failed else ""
    return ""


def coverage_options(arguments: Sequence[str]) -> list[str]:
    """Return pytest's options that measure the modules' coverage, whose least is in pyproject.toml.

    A part of the tests, or an account that cannot become others, covers a part of the modules and may not fail for it.
    """
    whole = re.fullmatch(r"(-n ?\w+)?", " ".join(arguments)) is not None
    return ["--cov=plugins/modules", *([] if whole and os.geteuid() == 0 else ["--cov-fail-under=0"])]


def find_powershell() -> str | None:
    """Return this machine's PowerShell, if it has one."""
    named = os.environ.get("PWSH", "")
    return named if os.access(named, os.X_OK) else shutil.which("pwsh")


def powershell_options(collection: Path, scratch: Path) -> tuple[list[str], list[str]]:
    """Return what ansible-test leaves out because of this machine's PowerShell, and the folder with that as pwsh.

    validate-modules runs the PowerShell modules to compare them with their documentation. pslint needs
    PSScriptAnalyzer.
    """
    powershell = find_powershell()
    if not powershell:
        modules = sorted(path.relative_to(collection) for path in collection.glob("plugins/modules/win_*"))
        return [word for path in modules for word in ("--exclude", str(path))], []
    folder = scratch / "bin"
    folder.mkdir()
    program = folder / "pwsh"
    program.write_text(f'#!/bin/sh\nexec "{powershell}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    ask = "exit [int](-not (Get-Module -ListAvailable PSScriptAnalyzer))"
    if subprocess.run([program, "-NoProfile", "-Command", ask], check=False).returncode == 0:
        return [], [str(folder)]
    print("pslint is left out: this PowerShell has no PSScriptAnalyzer", flush=True)
    return ["--skip-test", "pslint"], [str(folder)]


def provide_get_pip(replacement: Path) -> None:
    """Put our get-pip.py where ansible-test looks before it downloads one; ours takes what Python brings along."""
    spec = importlib.util.find_spec("ansible_test._internal")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the environment of the tests has no ansible-test")
    text = Path(spec.submodule_search_locations[0], "python_requirements.py").read_text(encoding="utf-8")
    for version in re.findall(r"^ *pip='([0-9.]*)'", text, re.MULTILINE)[:1] or [""]:
        place = Path.home() / f".ansible/test/cache/get_pip_{version.replace('.', '_')}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            shutil.copyfile(replacement, place)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive that was built here."""
    # Not by tarfile: the Python 3.11 of Ubuntu 22.04 is older than extractall's filter.
    subprocess.run(["tar", "-xzf", str(archive), "-C", str(folder)], check=True)


def find_unwanted(archive: Path) -> list[str]:
    """Return a sentence for each file that the collection's archive should not hold."""
    with tarfile.open(archive) as file:
        names = [name.removeprefix("./") for name in file.getnames()]
    return [f"the archive holds {name}, which is not for users" for name in names if UNWANTED.search(name)]


def list_documented(root: Path) -> list[tuple[str, str]]:
    """Return the modules and roles, each of which ansible-doc must find."""
    modules = sorted({path.stem for path in root.glob("plugins/modules/*") if path.suffix in (".py", ".yml")})
    roles = sorted(path.name for path in root.glob("roles/*/"))
    return [("module", name) for name in modules] + [("role", name) for name in roles]


def empty(built: Path, kept: Path) -> None:
    """Remove two generated folders and make the second anew, so that a page of a plugin that is gone goes too."""
    for folder in (built, kept):
        shutil.rmtree(folder, ignore_errors=True)
    kept.mkdir()


@dataclass(frozen=True)
class ScenarioRun:
    """A scenario of molecule/ on one distribution."""

    scenario: str
    distribution: str

    @property
    def title(self) -> str:
        """The name in the list of sessions and in the summary."""
        return self.scenario + (" on Debian 12 with ansible-core 2.19" if self.distribution == OLDER else "")

    @property
    def tags(self) -> list[str]:
        """What selects it: its scenario, and the part if it is not only run on request."""
        return [f"molecule-{self.scenario}", *(["molecule"] if self.scenario not in ON_REQUEST else [])]


def list_scenarios(root: Path) -> list[ScenarioRun]:
    """Return every scenario on the distributions that it is promised for."""
    found = (path.parent.name for path in root.glob("molecule/*/molecule.yml"))
    names = sorted(found, key=lambda name: (name not in LONGEST, name))
    # The older distribution last: a scenario's runs share their machines' names, so neither has to wait for the other.
    return [ScenarioRun(name, NEWER) for name in names] + [
        ScenarioRun(name, OLDER) for name in names if name in ON_OLDER
    ]


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other run of this scenario is under way."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def describe_outcome(session: dict[str, Any]) -> tuple[str, str]:
    """Return how a session of nox's report ended, and the line about it."""
    name = re.sub(r"^(\w+)\((.*)\)$", r"\1 \2", (session["signatures"] or [session["name"]])[0])
    reason = session.get("reason") or ""
    outcome = {"success": "passed", "skipped": "skipped"}.get(session["result"], "failed")
    if outcome == "skipped" and reason.startswith(NOT_RUN):
        outcome, reason = "not run", reason.removeprefix(NOT_RUN)
    seconds = int(session.get("duration") or 0)
    took = f" ({seconds // 60} min {seconds % 60} s)" if seconds else ""
    return outcome, f"{outcome}: {name}{took}{f': {reason}' if reason else ''}"


def summarise(sessions: Sequence[dict[str, Any]], no_skip: bool) -> tuple[list[str], int]:
    """Return the lines of the summary and the exit code."""
    outcomes = [describe_outcome(session) for session in sessions]
    count = {kind: sum(outcome == kind for outcome, _line in outcomes) for kind in ("passed", "failed", "skipped")}
    total = f"{count['passed']} passed, {count['failed']} failed"
    if count["skipped"]:
        total += f", {count['skipped']} skipped"
    wrong = count["failed"] or not count["passed"] or (no_skip and count["skipped"])
    return [line for _outcome, line in outcomes] + [total], 1 if wrong else 0


def main() -> int:
    """Print the summary of nox's report and return the exit code."""
    try:
        sessions = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["sessions"]
    except (OSError, ValueError, KeyError):
        sessions = []
    lines, code = summarise(sessions, bool(os.environ.get("WSLTUNE_NO_SKIP")))
    print("\n" + "\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
