# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""test.sh with a nox that reports what it is given, the sessions of noxfile.py with programs that do nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from scripts import suite

ROOT = Path(__file__).resolve().parents[2]
# Takes the place of .venv-test's Python: nox is not run, the summary is.
PYTHON = f"""#!/bin/bash
if [ "$2" = nox ]; then
    printf '%s ' "${{@:5}}" >>"$CALLS/nox"
    cp "$CALLS/report.json" "$4" 2>/dev/null
    exit "$(cat "$CALLS/code" 2>/dev/null || echo 0)"
fi
exec {sys.executable} "$@"
"""
NEED = """#!/bin/bash
printf '%s ' "$@" >>"$CALLS/need"
[ ! -e "$CALLS/need.fail" ]
"""


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def ended(name: str, result: str, reason: str | None = None, duration: float = 0) -> dict[str, Any]:
    """Return a session as nox reports it."""
    return {"name": name, "signatures": [name], "result": result, "reason": reason, "duration": duration}


class Checkout:
    """A checkout with the files of the suite and two scenarios."""

    def __init__(self, folder: Path) -> None:
        self.root, self.calls = folder / "checkout", folder / "calls"
        self.calls.mkdir()
        shutil.copytree(ROOT / "scripts", self.root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("test.sh", "noxfile.py"):
            shutil.copy(ROOT / name, self.root / name)
        for scenario in ("default", "killed", "laptop"):
            write_program(self.root / "molecule" / scenario / "molecule.yml", "---\n")
        write_program(
            self.root / "molecule/run",
            '#!/bin/sh\necho "$*,$WSLTUNE_DISTRO,$WSLTUNE_ANSIBLE_BIN" >>"$CALLS/molecule"\n',
        )
        write_program(self.root / "scripts/need.sh", NEED)
        write_program(self.root / ".venv-test/bin/python", PYTHON)
        self.report(ended("lint", "success"))

    def report(self, *sessions: dict[str, Any]) -> None:
        """Set what nox reports."""
        (self.calls / "report.json").write_text(json.dumps({"sessions": sessions}), encoding="utf-8")

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.root), "CALLS": str(self.calls), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self, program: str) -> str:
        path = self.calls / program
        return path.read_text(encoding="utf-8").strip() if path.exists() else ""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize(
    ("words", "needs", "nox"),
    [
        ("", "lint sanity docs windows unit molecule", "--parallel 2"),
        ("lint", "lint", "--tags lint"),
        ("docs", "docs", "--tags docs"),
        ("unit", "unit", "--tags unit --"),
        ("unit -n 2 -k conf", "unit", "--tags unit -- -n 2 -k conf"),
        ("windows -x", "windows", "--tags windows -- -x"),
        ("molecule", "molecule", "--parallel 2 --tags molecule"),
        ("molecule laptop", "molecule molecule-laptop", "--tags molecule-laptop"),
        ("molecule default", "molecule molecule-default", "--parallel 2 --tags molecule-default"),
        (
            "molecule killed laptop",
            "molecule molecule-killed molecule-laptop",
            "--parallel 2 --tags molecule-killed molecule-laptop",
        ),
    ],
)
def test_what_each_part_installs_and_runs(checkout: Checkout, words: str, needs: str, nox: str) -> None:
    done = checkout.run("./test.sh", *words.split())
    assert done.returncode == 0, done.stderr
    assert (checkout.called("need"), checkout.called("nox")) == (needs, nox)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("units", "unknown part 'units'; ./test.sh --help lists them"),
        ("release", "unknown part 'release'; ./test.sh --help lists them"),
        ("lint plugins", "lint takes no argument; ./test.sh --help lists the parts"),
        ("molecule nowhere", "there is no scenario 'nowhere' in molecule/"),
    ],
)
def test_wrong_usage_installs_nothing(checkout: Checkout, words: str, sentence: str) -> None:
    done = checkout.run("./test.sh", *words.split())
    assert (done.returncode, done.stderr) == (2, f"test.sh: {sentence}\n")
    assert not checkout.called("need")


def test_help_names_each_part(checkout: Checkout) -> None:
    done = checkout.run("./test.sh", "--help")
    assert done.returncode == 0
    assert all(f"\n  {part} " in done.stdout for part in suite.PARTS)


def test_a_machine_that_cannot_be_set_up_runs_nothing(checkout: Checkout) -> None:
    write_program(checkout.root / "scripts/need.sh", "#!/bin/sh\nexit 3\n")
    assert checkout.run("./test.sh", "unit").returncode == 3
    assert not checkout.called("nox")


def test_an_interrupted_run_says_so(checkout: Checkout) -> None:
    (checkout.calls / "code").write_text("130", encoding="utf-8")
    assert checkout.run("./test.sh").returncode == 130


def test_a_nox_that_reports_nothing_fails(checkout: Checkout) -> None:
    (checkout.calls / "report.json").unlink()
    done = checkout.run("./test.sh")
    assert (done.returncode, done.stdout) == (1, "\n0 passed, 0 failed\n")


def test_skips_fail_only_where_the_caller_wants_it(checkout: Checkout) -> None:
    checkout.report(ended("lint", "success"), ended("windows", "skipped", "needs root"))
    assert checkout.run("./test.sh").returncode == 0
    assert checkout.run("./test.sh", WSLTUNE_NO_SKIP="1").returncode == 1


@pytest.mark.parametrize(
    ("sessions", "no_skip", "lines", "code"),
    [
        ([ended("lint", "success", duration=75.4)], False, ["passed: lint (1 min 15 s)", "1 passed, 0 failed"], 0),
        (
            [ended("lint", "success"), ended("audit", "skipped", "not run: PyPI gives no advisories here")],
            True,
            ["passed: lint", "not run: audit: PyPI gives no advisories here", "1 passed, 0 failed"],
            0,
        ),
        (
            [ended("molecule(default on x)", "failed"), ended("lint", "success")],
            False,
            ["failed: molecule default on x", "passed: lint", "1 passed, 1 failed"],
            1,
        ),
        ([ended("lint", "aborted", "ruff failed")], False, ["failed: lint: ruff failed", "0 passed, 1 failed"], 1),
        ([ended("unit", "skipped", "a")], False, ["skipped: unit: a", "0 passed, 0 failed, 1 skipped"], 1),
    ],
)
def test_the_summary(sessions: list[dict[str, Any]], no_skip: bool, lines: list[str], code: int) -> None:
    assert suite.summarise(sessions, no_skip) == (lines, code)


def test_the_summary_can_name_what_failed(tmp_path: Path) -> None:
    results = tmp_path / "results.xml"
    results.write_text(
        '<testsuites><testsuite><testcase classname="a.b" name="c"><failure/></testcase>'
        '<testcase classname="a" name="d"/>'
        '<testcase classname="e" name="f"><error/></testcase></testsuite></testsuites>',
        encoding="utf-8",
    )
    assert suite.list_failed(results) == ["a.b::c", "e::f"]
    assert suite.list_failed(tmp_path / "none.xml") == []


def test_the_summary_has_the_task_that_failed_in_a_scenario(checkout: Checkout, tmp_path: Path) -> None:
    printed = (
        "TASK [Ask] ***\nfatal: [a]: FAILED! =>\n    msg: expected\n...ignoring\n\n"
        "TASK [Kill] ***\nok: [b]\nfatal: [a]: FAILED! =>\n    msg: half a file\n\n"
        "PLAY RECAP ***\na : failed=1\n"
    )
    output = tmp_path / "output"
    output.write_text(printed, encoding="utf-8")
    assert suite.find_failure(output).splitlines() == [
        "TASK [Kill] ***",
        "ok: [b]",
        "fatal: [a]: FAILED! =>",
        "    msg: half a file",
    ]
    assert len(suite.find_failure(output, limit=3).splitlines()) == 3
    output.write_text("INFO     Executed: Successful\n", encoding="utf-8")
    assert suite.find_failure(output) == ""
    assert suite.find_failure(tmp_path / "none") == ""

    (checkout.calls / "printed").write_text(printed, encoding="utf-8")
    write_program(checkout.root / "molecule/run", '#!/bin/sh\ncat "$CALLS/printed"\nexit 2\n')
    if os.geteuid() == 0:
        (session,) = run_nox(checkout, "--tags", "molecule-killed")
        assert session["result"] == "aborted"
        assert "half a file" in session["reason"]


def test_scenarios_but_those_on_request_run_with_the_part() -> None:
    runs = suite.list_scenarios(ROOT)
    assert {run.scenario for run in runs} == {path.parent.name for path in ROOT.glob("molecule/*/molecule.yml")}
    assert {run.scenario for run in runs if "molecule" not in run.tags} == {
        "families",
        "first-boot",
        "fleet",
        "heal",
        "laptop",
    }
    assert {run.scenario for run in runs if run.distribution == suite.OLDER} == {"default", "restart"}
    assert {run.scenario for run in runs[:4]} == set(suite.LONGEST)


@pytest.mark.parametrize(
    ("name", "text", "shell"),
    [
        ("a.sh", "", True),
        ("run", "#!/usr/bin/env bash\n", True),
        ("run", "#!/bin/sh\n", True),
        ("run", "#!/usr/bin/env python3\n# sh\n", False),
        ("run", "sh\n", False),
        ("a.py", "#!/bin/sh\n", False),
    ],
)
def test_which_files_shellcheck_reads(tmp_path: Path, name: str, text: str, shell: bool) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert suite.is_shell_script(tmp_path / name) == shell


def test_what_the_archive_must_not_hold(tmp_path: Path) -> None:
    for name in (
        "plugins/a.py",
        "plugins/a.pyc",
        ".venv/x",
        "requirements/test.lock",
        "molecule/default/.log",
        "README.md",
    ):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as file:
        for path in sorted((tmp_path / "in").rglob("*")):
            if path.is_file():
                file.add(path, str(path.relative_to(tmp_path / "in")))
    assert [sentence.split()[3].rstrip(",") for sentence in suite.find_unwanted(tmp_path / "a.tar.gz")] == [
        ".venv/x",
        "molecule/default/.log",
        "plugins/a.pyc",
        "requirements/test.lock",
    ]


def run_nox(checkout: Checkout, *words: str) -> list[dict[str, Any]]:
    """Return what the real nox reports of the checkout's noxfile."""
    report = checkout.calls / "real.json"
    done = checkout.run(sys.executable, "-m", "nox", "--report", str(report), *words)
    assert report.exists(), done.stdout + done.stderr
    sessions: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["sessions"]
    return sessions


@pytest.mark.parametrize("parallel", [[], ["--parallel", "2"]])
def test_a_scenario_runs_on_every_distribution_that_it_is_promised_for(checkout: Checkout, parallel: list[str]) -> None:
    sessions = run_nox(checkout, *parallel, "--tags", "molecule-default")
    if os.geteuid() != 0:
        assert {session["reason"] for session in sessions} == {
            "needs root because its machines are containers that boot"
        }
        return
    assert [session["result"] for session in sessions] == ["success", "success"]
    assert sorted(checkout.called("molecule").splitlines()) == [
        f"test -s default,bookworm,{checkout.root}/.venv-oldest/bin",
        "test -s default,trixie,",
    ]
    assert "molecule molecule-default" in checkout.called("need")


def test_the_whole_suite_has_every_part_and_no_release(checkout: Checkout) -> None:
    done = checkout.run(sys.executable, "-m", "nox", "--list", "--json")
    chosen = [session for session in json.loads(done.stdout) if set(session["tags"]) & set(suite.PARTS)]
    assert {session["name"] for session in chosen} - {"sanity_powershell"} == set(suite.PARTS)
    listed = checkout.run(sys.executable, "-m", "nox", "--list").stdout
    assert "\n- release ->" in listed
    assert "\n- molecule(laptop) " in listed
    assert "\n* molecule(killed) " in listed


def test_windows_without_a_powershell_is_skipped_with_the_reason(checkout: Checkout) -> None:
    (session,) = run_nox(checkout, "--tags", "windows")
    assert session["result"] == "skipped"
    assert session["reason"].startswith(("WSLTUNE_WINDOWS_PWSH names", "needs root"))


def test_tests_that_were_skipped_are_counted_and_named(checkout: Checkout) -> None:
    test = checkout.root / "tests/unit/test_it.py"
    write_program(test, "import pytest\n\n\ndef test_a():\n    pytest.skip('x')\n\n\ndef test_b():\n    pass\n")
    write_program(checkout.root / suite.MODULES / "test_of_modules.py", "def test_c():\n    pass\n")
    (session,) = run_nox(checkout, "--tags", "unit")
    assert session["reason"] == "1 tests of tests/unit were skipped, for the reasons given above"
    (session,) = run_nox(checkout, "--tags", "unit", "--", "-k", "test_b")
    assert session["result"] == "success"


@pytest.mark.parametrize(
    ("arguments", "account", "options"),
    [
        ([], 0, ["--cov=plugins/modules"]),
        (["-n", "2"], 0, ["--cov=plugins/modules"]),
        (["-n2"], 0, ["--cov=plugins/modules"]),
        (["-k", "journal"], 0, ["--cov=plugins/modules", "--cov-fail-under=0"]),
        ([], 1000, ["--cov=plugins/modules", "--cov-fail-under=0"]),
    ],
)
def test_coverage_counts_where_every_test_runs(
    arguments: list[str], account: int, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: account)
    assert suite.coverage_options(arguments) == options
