# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment counts only when it is whole: scripts/venv.sh with a Python that does as it is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "venv.sh"

# Makes what `-m venv` makes; the pip of that fails when a file says so, and counts.
PYTHON = """#!/bin/sh
case "$*" in
-V) echo Python 3.99.0 ;;
"-m venv"*)
    for venv; do :; done
    mkdir -p "$venv/bin" && cp "$0" "$venv/bin/python" && cp "$0" "$venv/bin/pip"
    ;;
"-m pip"*) echo pip >>"$COUNT"; [ ! -e "$COUNT.fail" ] ;;
esac
"""


class Checkout:
    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.root.mkdir()
        self.venv = self.root / ".venv"
        self.lock = folder / "lock"
        self.lock.write_text("a==1\n", encoding="utf-8")
        self.count = folder / "count"
        self.python = folder / "python"
        self.python.write_text(PYTHON, encoding="utf-8")
        self.python.chmod(0o755)

    def sh(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", f'set -u; program=p root="{self.root}" log=/dev/null; . "{SCRIPT}"; {script}'],
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.root), "COUNT": str(self.count)},
            capture_output=True,
            text=True,
            check=False,
        )

    def make(self) -> subprocess.CompletedProcess[str]:
        return self.sh(f'make_venv "{self.python}" "{self.lock}" "{self.venv}"')

    def counts(self) -> bool:
        return self.sh(f'venv_current "{self.venv}" "{self.lock}"').returncode == 0

    @property
    def pips(self) -> int:
        return len(self.count.read_text(encoding="utf-8").splitlines()) if self.count.exists() else 0


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_a_second_start_installs_nothing(checkout: Checkout) -> None:
    assert not checkout.counts()
    assert checkout.make().returncode == 0
    assert checkout.counts()
    assert checkout.make().returncode == 0
    assert checkout.pips == 1


def test_what_was_not_finished_does_not_count_and_is_made_again(checkout: Checkout) -> None:
    failing = checkout.count.with_name("count.fail")
    failing.touch()
    done = checkout.make()
    assert done.returncode == 3
    assert "pip could not install" in done.stderr
    assert not checkout.counts()
    failing.unlink()
    assert checkout.make().returncode == 0
    assert checkout.counts()


def test_another_lock_another_place_or_a_lost_python_do_not_count(checkout: Checkout) -> None:
    checkout.make()
    checkout.lock.write_text("a==2\n", encoding="utf-8")
    assert not checkout.counts()
    checkout.make()
    assert checkout.counts()
    moved = checkout.venv.rename(checkout.root / "elsewhere")
    checkout.venv = moved
    assert not checkout.counts()
    checkout.venv = checkout.root / ".venv"
    checkout.make()
    (checkout.venv / "bin/python").unlink()
    assert not checkout.counts()


def test_a_folder_of_somebody_else_is_refused_and_kept(checkout: Checkout) -> None:
    checkout.venv.mkdir()
    (checkout.venv / "mine").touch()
    done = checkout.make()
    assert done.returncode == 3
    assert done.stderr == f"p: {checkout.venv} was not made by wsltune: move it away and start again\n"
    assert (checkout.venv / "mine").exists()


def test_a_shim_that_answers_without_running_is_no_python(checkout: Checkout) -> None:
    shim = checkout.root / "python3"
    shim.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    shim.chmod(0o755)
    assert checkout.sh(f'python_works "{shim}"').returncode != 0


@pytest.mark.parametrize(
    ("candidates", "packages"),
    [
        ({"python3": "3.13.5-1"}, "python3\npython3-venv\n"),
        ({"python3": "3.10.6-1~22.04", "python3.11-venv": "3.11.0~rc1-1"}, "python3.11\npython3.11-venv\n"),
        ({"python3": "3.10.6-1~22.04", "python3.11-venv": "(none)"}, ""),
    ],
)
def test_the_packages_that_give_a_python(checkout: Checkout, candidates: dict[str, str], packages: str) -> None:
    cases = "".join(f"{name}) echo '  Candidate: {version}' ;; " for name, version in candidates.items())
    done = checkout.sh(f"apt-cache() {{ case $2 in {cases} *) : ;; esac; }}; apt_python")
    assert done.stdout == packages
    assert (done.returncode == 0) == bool(packages)
