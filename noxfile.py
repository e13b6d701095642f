# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The parts of the test suite, and the release. ./test.sh makes .venv-test, which every session shares, and calls nox.

To run a part alone once .venv-test is there: `.venv-test/bin/nox -s unit -- -k journal`. `nox --list` has them all.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nox
from nox.command import CommandFailed

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from scripts import release as releases  # noqa: E402
from scripts import suite  # noqa: E402

nox.needs_version = ">=2026.10.20"
nox.options.envdir = ".cache/nox"
# In the order of their definitions below: the longest comes first, because two run side by side.
nox.options.tags = suite.PARTS
suite.set_environment(os.environ)


def part(*tags: str, default: bool = True) -> Callable[[Callable[..., None]], Any]:
    """Make a session that runs in the environment that nox itself runs in."""
    return nox.session(venv_backend="none", allow_parallel=True, tags=tags, default=default)


def need(session: nox.Session, *parts: str) -> None:
    """Install what these parts need, if it is missing."""
    session.run("scripts/need.sh", *parts, log=False)


def need_root(session: nox.Session) -> None:
    """Skip the session unless it runs as root."""
    if os.geteuid() != 0:
        session.skip("needs root because its machines are containers that boot")


def need_windows(session: nox.Session) -> None:
    """Skip the session unless a simulated Windows host can run."""
    need_root(session)
    if not os.path.exists(os.environ.get("WSLTUNE_WINDOWS_PWSH", "")):
        session.skip("WSLTUNE_WINDOWS_PWSH names no Windows build of PowerShell")


def run_tests(session: nox.Session, *runs: list[str]) -> None:
    """Run pytest with the arguments of each run; tests that were skipped do not count as passed."""
    failed, skipped = [], 0
    for arguments in runs:
        with TemporaryDirectory() as scratch:
            results = Path(scratch, "results.xml")
            try:
                session.run("python", "-m", "pytest", f"--junitxml={results}", *arguments, *session.posargs)
            except CommandFailed as error:
                failed += suite.list_failed(results) or [str(error)]
            else:
                skipped += suite.count_skipped(results)
    # The summary at the end of a long run names what failed.
    if failed:
        session.error(", ".join(failed[:10]))
    if skipped:
        session.skip(f"{skipped} tests of {runs[-1][0]} were skipped, for the reasons given above")


def build_archive(session: nox.Session, folder: Path) -> Path:
    """Build the collection into the folder and return the archive."""
    session.run("ansible-galaxy", "collection", "build", "--output-path", str(folder), str(ROOT))
    return next(folder.glob("wsltune-go-*.tar.gz"))


@part("windows")
def windows(session: nox.Session) -> None:
    """Run the tests on a simulated Windows host; arguments go to pytest."""
    need_windows(session)
    need(session, "windows")
    run_tests(session, ["tests/windows_host"])


@part("lint")
def lint(session: nox.Session) -> None:
    """Run ansible-lint, ruff, mypy, yamllint and shellcheck."""
    need(session, "lint")
    files = suite.list_files(ROOT)
    suite.run_all(
        session,
        ["ansible-lint", "--offline", "--strict"],
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["mypy"],
        ["yamllint", "--strict", *filter(suite.is_yaml, files)],
        ["shellcheck", *(name for name in files if suite.is_shell_script(ROOT / name))],
    )


@part("audit")
def audit(session: nox.Session) -> None:
    """Ask PyPI for advisories about requirements/; not run where PyPI gives none."""
    # A mirror of PyPI may not pass advisories on, so a version that has some is asked first.
    command = ["pip-audit", "--progress-spinner", "off", "--disable-pip"]
    with TemporaryDirectory() as scratch:
        known = Path(scratch, "known-bad.txt")
        known.write_text("jinja2==2.4.1\n", encoding="utf-8")
        answer = session.run(*command, "--no-deps", "-r", str(known), silent=True, success_codes=range(256), log=False)
    if not re.search(r"^jinja2 +2\.4\.1 +[A-Z]+-", str(answer), re.MULTILINE):
        session.skip(f"{suite.NOT_RUN}PyPI gives no advisories here")
    locks = sorted(ROOT.glob("requirements/*.lock"))
    suite.run_all(session, *([*command, "--require-hashes", "-r", str(lock)] for lock in locks))


@part("unit")
def unit(session: nox.Session) -> None:
    """Run the unit tests and measure the modules' coverage; arguments go to pytest."""
    need(session, "unit")
    coverage = suite.coverage_options(session.posargs)
    if session.posargs:
        run_tests(session, ["tests/unit", *coverage])
    else:
        # Measuring coverage doubles the time of a test, so it is measured where the modules' own tests are.
        run_tests(session, [suite.MODULES, *coverage], ["tests/unit", f"--ignore={suite.MODULES}"])


@part("sanity")
def sanity(session: nox.Session) -> None:
    """Run ansible-test sanity on what is shipped."""
    need(session, "sanity")
    with TemporaryDirectory() as scratch:
        # ansible-test wants a real path with no link to a folder in it.
        copy = Path(scratch, "ansible_collections/wsltune/go")
        copy.mkdir(parents=True)
        suite.unpack(build_archive(session, Path(scratch)), copy)
        suite.provide_get_pip(ROOT / "scripts/get_pip.py")
        options, folder = suite.powershell_options(copy, Path(scratch))
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        path = os.pathsep.join([*folder, os.environ["PATH"]])
        session.chdir(copy)
        session.run("ansible-test", "sanity", "--color", "no", "--python", version, *options, env={"PATH": path})


if not suite.find_powershell():

    @part("sanity", "sanity-powershell")
    def sanity_powershell(session: nox.Session) -> None:
        """List the PowerShell modules as skipped, because sanity left them out."""
        session.skip("needs a PowerShell: put pwsh on PATH, or name one by PWSH")


@part("build")
def build(session: nox.Session) -> None:
    """Build the collection, install it elsewhere, and look at it there."""
    with TemporaryDirectory() as scratch:
        collections, elsewhere = Path(scratch, "collections"), Path(scratch, "elsewhere")
        elsewhere.mkdir()
        archive = build_archive(session, Path(scratch))
        # Nothing of this checkout may be seen from there.
        Path(elsewhere, "ansible.cfg").touch()
        session.env.update(ANSIBLE_CONFIG=f"{elsewhere}/ansible.cfg", ANSIBLE_COLLECTIONS_PATH=str(collections))
        session.chdir(elsewhere)
        galaxy = ["ansible-galaxy", "collection", "install", "--offline", "--no-deps"]
        session.run(*galaxy, "-p", str(collections), str(archive))
        complaints = suite.find_unwanted(archive)
        suite.run_all(session, ["ansible-playbook", "-i", "localhost,", "wsltune.go.site", "--syntax-check"])
        for kind, name in suite.list_documented(ROOT):
            command = ["ansible-doc", "-t", kind, f"wsltune.go.{name}"]
            text = str(session.run(*command, silent=True, success_codes=range(256), log=False))
            if not re.search("OPTIONS|ENTRY|EXAMPLES", text):
                complaints.append(f"no documentation of the {kind} {name}: {text}")
    if complaints:
        session.error("; ".join(complaints))


@part("docs")
def docs(session: nox.Session) -> None:
    """Build the documentation site in docs/_build/html; warnings and dead links fail."""
    need(session, "docs")
    site, tools = "docs/_build/html", ROOT / ".venv-docs/bin"
    session.env["PATH"] = f"{tools}{os.pathsep}{os.environ['PATH']}"
    suite.empty(ROOT / "docs/_build", ROOT / "docs/reference")
    reference = ["--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir", "docs/reference"]
    session.run(f"{tools}/antsibull-docs", "collection", *reference, "wsltune.go")
    session.run(
        f"{tools}/sphinx-build", "--fail-on-warning", "--nitpicky", "--quiet", "--builder", "html", "docs", site
    )
    session.run(f"{tools}/python", "scripts/links.py", site)
    session.log(f"The site: {ROOT}/{site}/index.html")


@part()
@nox.parametrize(
    ("scenario", "distribution"),
    [nox.param(run.scenario, run.distribution, id=run.title, tags=run.tags) for run in suite.list_scenarios(ROOT)],
)
def molecule(session: nox.Session, scenario: str, distribution: str) -> None:
    """Run the scenarios of molecule/."""
    need_root(session)
    if scenario == "windows":
        need_windows(session)
    need(session, "molecule", f"molecule-{scenario}")
    oldest = f"{ROOT}/.venv-oldest/bin" if distribution == suite.OLDER else ""
    environment = {"WSLTUNE_DISTRO": distribution, "WSLTUNE_ANSIBLE_BIN": oldest}
    with suite.alone(ROOT / "molecule" / scenario), TemporaryDirectory() as scratch:
        output = Path(scratch, "output")
        keep = ["bash", "-o", "pipefail", "-c", '"$@" 2>&1 | tee -- "$0"', str(output)]
        try:
            session.run(*keep, "molecule/run", "test", "-s", scenario, env=environment, external=True)
        except CommandFailed as error:
            # A log of this length is cut where people read it, so the summary at its end has what failed.
            session.error(suite.find_failure(output) or str(error))


@part(default=False)
def release(session: nox.Session) -> None:
    """Make a release: `nox -s release -- 1.1.0` sets the version, writes the changelog, checks, commits and tags."""
    try:
        with releases.Release(ROOT, session.posargs) as step:
            step.write()
            step.check(session)
            session.log(step.commit())
    except releases.RefusedError as reason:
        session.error(str(reason))
