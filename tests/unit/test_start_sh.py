# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What onboard.sh does before there is a bash, by shells that keep to POSIX, with an apk that does as told."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ONBOARD = Path(__file__).resolve().parents[2] / "onboard.sh"

# What is installed is a bash that says how it was called.
APK = """#!/bin/sh
echo "apk $*" >>"$CALLS"
case "$*" in
update) touch "$CALLS.index" ;;
"add bash")
    [ -e "$CALLS.index" ] || { echo 'WARNING: opening from cache'; echo 'ERROR: no such package'; exit 1; }
    printf '#!/bin/sh\\necho "bash $*"\\n' >"${0%/*}/bash"
    chmod +x "${0%/*}/bash"
    ;;
esac
"""
SUDO = """#!/bin/sh
echo sudo >>"$CALLS"
exec "$@"
"""


class Machine:
    """A machine without bash: what PATH has, and what was called."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        name, *more = shell.split()
        program = shutil.which(name)
        if not program:
            pytest.skip(f"no {name}")
        self.shell = [program, *more]
        for tool in ("sed", "readlink", "dirname", "tail", "touch", "chmod"):
            (self.bin / tool).symlink_to(program if name == "busybox" else str(shutil.which(tool)))
        self.put("id", "#!/bin/sh\necho 0\n")
        self.put("apk", APK)
        self.calls = folder / "calls"
        self.index = folder / "calls.index"
        self.index.touch()

    def put(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text, encoding="utf-8")
        (self.bin / name).chmod(0o755)

    def called(self) -> list[str]:
        return self.calls.read_text(encoding="utf-8").splitlines() if self.calls.exists() else []

    def start(self, *arguments: str, answer: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run onboard.sh; with an answer at a terminal, which the error output then goes to."""
        command = [*self.shell, str(ONBOARD), *arguments]
        env = {"PATH": str(self.bin), "CALLS": str(self.calls)}
        if answer is None:
            return subprocess.run(
                command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
        ours, theirs = pty.openpty()
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run(
            command, env=env, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True, check=False
        )
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):
            while more := os.read(ours, 1 << 16):
                shown += more
        os.close(ours)
        done.stderr = shown.decode().replace("\r\n", "\n")
        return done


@pytest.fixture(params=["dash", "busybox ash", "bash --posix"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return Machine(tmp_path, request.param)


SAID = (
    "This program needs bash: it installs it with apk (a few MB).\n"
    "It stays after a rollback: remove it with 'apk del bash'.\n"
)


def test_bash_is_installed_and_the_same_start_goes_on(machine: Machine) -> None:
    done = machine.start("doctor", "--json", "--", "-e", "a=b c")
    assert (done.returncode, done.stdout) == (0, f"bash {ONBOARD} doctor --json -- -e a=b c\n")
    assert done.stderr == f"{SAID}Installing with apk: bash\n"
    assert machine.called() == ["apk add bash"]
    assert machine.start("--check").stdout == f"bash {ONBOARD} --check\n"
    assert machine.called() == ["apk add bash"]


def test_a_list_of_packages_that_is_missing_is_fetched(machine: Machine) -> None:
    machine.index.unlink()
    assert machine.start().stdout == f"bash {ONBOARD}\n"
    assert machine.called() == ["apk add bash", "apk update", "apk add bash"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, "Usage: ./onboard.sh "),
        (["bench", "--against", "--bogus", "-h"], 0, "Usage: ./onboard.sh "),
        (["--yes", "--bogus"], 2, "onboard.sh: unknown option '--bogus'; ./onboard.sh --help lists them\n"),
        (["--ye"], 2, "onboard.sh: unknown option '--ye'; ./onboard.sh --help lists them\n"),
        (["drift", "-*"], 1, "onboard.sh: unknown option '-*'; ./onboard.sh --help lists them\n"),
        (["rolback"], 2, "onboard.sh: unknown command 'rolback' (did you mean rollback?): ./onboard.sh --help lists"),
    ],
)
def test_help_and_a_typing_mistake_cost_no_installation(
    machine: Machine, arguments: list[str], code: int, said: str
) -> None:
    done = machine.start(*arguments)
    assert (done.returncode, machine.called()) == (code, [])
    assert (done.stdout + done.stderr).startswith(said)
    assert not (done.stdout and done.stderr)


def test_a_bash_that_cannot_be_installed_is_one_sentence(machine: Machine) -> None:
    machine.put(
        "apk",
        '#!/bin/sh\necho "apk $*" >>"$CALLS"\necho "WARNING: x"\necho "ERROR: unable to lock database" >&2\nexit 1\n',
    )
    done = machine.start("--yes")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[3:] == ["onboard.sh: apk could not install bash: ERROR: unable to lock database"]


def test_without_a_package_manager_that_is_known_bash_is_asked_for(machine: Machine) -> None:
    (machine.bin / "apk").unlink()
    done = machine.start()
    assert done.returncode == 3
    assert done.stderr == (
        "onboard.sh: bash is not installed, and this machine has no package manager that is known here: "
        "install bash and start again\n"
    )


def test_a_user_installs_by_sudo_and_is_refused_without(machine: Machine) -> None:
    machine.put("id", "#!/bin/sh\necho 1000\n")
    done = machine.start("--yes")
    assert (done.returncode, machine.called()) == (3, [])
    assert done.stderr == (
        "onboard.sh: bash is not installed, installing it with apk needs root, and this user has no sudo: "
        "run it as root, or install sudo\n"
    )
    machine.put("sudo", SUDO)
    machine.index.unlink()
    done = machine.start("--yes")
    assert done.stdout == f"bash {ONBOARD} --yes\n" and "'sudo apk del bash'" in done.stderr
    assert machine.called() == ["sudo", "apk add bash", "sudo", "apk update", "sudo", "apk add bash"]


@pytest.mark.parametrize(
    ("arguments", "answer", "installed"),
    [([], "", True), ([], "yes", True), ([], "n", False), (["--yes"], "n", True), (["doctor"], "no", False)],
)
def test_at_a_terminal_it_asks_first(machine: Machine, arguments: list[str], answer: str, installed: bool) -> None:
    done = machine.start(*arguments, answer=answer)
    assert done.returncode == 0
    assert SAID in done.stderr and ("Go on? [Y/n]" in done.stderr) == ("--yes" not in arguments)
    assert machine.called() == (["apk add bash"] if installed else [])
    assert bool(done.stdout) == installed
    assert ("onboard.sh: nothing was changed" in done.stderr) != installed


def test_what_removes_the_environment_again_can_be_pasted() -> None:
    """A blank in the path would have rm remove something else."""
    function = re.search(r"(?ms)^agree_to_install\(\) \{$.*?^\}$", ONBOARD.read_text(encoding="utf-8"))
    assert function
    stubs = 'declare -A facts=(["apt-get undo"]=purge); agree() { echo "$1"; }; find_manager() { manager=apt-get; }'
    script = f"{stubs}\n{function[0]}\nroot='/home/J\u00f6 Ann/wsl tune'; agree_to_install"
    command = ["bash", "-euc", script]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env={"LC_ALL": "C.UTF-8"}).stdout
    (remove,) = re.findall(r"'(rm -r .*)'\.$", said.strip())
    assert shlex.split(remove) == ["rm", "-r", "/home/J\u00f6 Ann/wsl tune/.venv"]
