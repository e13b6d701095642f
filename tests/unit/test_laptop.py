# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How tests/laptop/laptop.sh waits for a restart and connects, with an ssh that answers from files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tests/laptop/laptop.sh"
OLD, NEW = "0ld0ld0l-1111", "ne3ne3ne-2222"

# Takes the next line of the file of answers of its kind; the last line stays. 255 is a connection that fails.
SSH = r"""#!/bin/bash
printf '%s\n' "$*" >>"$ANSWERS/log"
case $* in
*'-O check'*) kind=check ;;
*'-O exit'*) exit 0 ;;
*' -N -f '*) kind=connect ;;
*boot_id*) kind=boot ;;
*is-system-running*) kind=status ;;
*reboot*) exit 0 ;;
*) echo ran; exit 0 ;;
esac
answer=$(head -n 1 "$ANSWERS/$kind")
[ "$(wc -l <"$ANSWERS/$kind")" -le 1 ] || sed -i 1d "$ANSWERS/$kind"
[ "$answer" != 255 ] || { echo 'Connection refused' >&2; exit 255; }
echo "$answer"
"""


class Laptop:
    """A machine that is up, in its boot OLD, as laptop.sh sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "state/me"
        self.answers = folder / "answers"
        self.programs = folder / "bin"
        for path in (self.folder, self.answers, self.programs):
            path.mkdir(parents=True)
        for name, text in (("ssh", SSH), ("sleep", "#!/bin/sh\n")):
            (self.programs / name).write_text(text, encoding="utf-8")
            (self.programs / name).chmod(0o755)
        for name, text in (("pid", str(os.getpid())), ("port", "2286"), ("boot", OLD), ("console", "Booting")):
            (self.folder / name).write_text(f"{text}\n", encoding="utf-8")
        self.answer(check="255", connect="0", boot=NEW, status="running")

    def answer(self, **answers: str) -> None:
        """Set what ssh answers, a word for each time."""
        for kind, words in answers.items():
            (self.answers / kind).write_text("".join(f"{word}\n" for word in words.split()), encoding="utf-8")

    def run(self, *words: str, patience: int = 30) -> subprocess.CompletedProcess[str]:
        """Run laptop.sh."""
        return subprocess.run(
            [SCRIPT, *words],
            env={
                "PATH": f"{self.programs}:/usr/bin:/bin",
                "HOME": str(self.folder),
                "ANSWERS": str(self.answers),
                "WSLTUNE_LAPTOP_STATE": str(self.folder.parent),
                "WSLTUNE_LAPTOP_PATIENCE": str(patience),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        """The command lines of ssh so far."""
        return (self.answers / "log").read_text(encoding="utf-8").splitlines()

    @property
    def boot(self) -> str:
        """The boot that later commands connect to."""
        return (self.folder / "boot").read_text(encoding="utf-8").strip()


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    """Return a machine that is up."""
    return Laptop(tmp_path)


def test_an_sshd_that_still_answers_before_the_restart_is_not_taken_for_the_new_boot(laptop: Laptop) -> None:
    laptop.answer(boot=f"{OLD} {OLD} 255 255 {NEW}")
    done = laptop.run("restart", "me")
    assert (done.returncode, done.stdout) == (0, "changed\n"), done.stderr
    assert sum("boot_id" in call for call in laptop.calls) == 5
    assert laptop.boot == NEW


def test_a_start_that_is_not_over_is_waited_for(laptop: Laptop) -> None:
    laptop.answer(status="255 starting starting degraded")
    assert laptop.run("restart", "me").returncode == 0
    assert sum("is-system-running" in call for call in laptop.calls) == 4


def test_waiting_makes_no_connection_that_others_could_share(laptop: Laptop) -> None:
    laptop.answer(boot=f"{OLD} 255 {NEW}")
    laptop.run("restart", "me")
    asked = [call for call in laptop.calls if "root@laptop" in call]
    assert len(asked) == 5
    assert all("ControlPath=none" in call and "ControlMaster" not in call for call in asked)


def test_shared_connections_end_before_the_restart(laptop: Laptop) -> None:
    socket = laptop.folder / "ssh-0ld0ld0l-alice"
    socket.touch()
    laptop.run("restart", "me")
    ended = next(number for number, call in enumerate(laptop.calls) if "-O exit" in call and str(socket) in call)
    assert ended < next(number for number, call in enumerate(laptop.calls) if "reboot" in call)
    assert not socket.exists()


def test_each_boot_has_its_own_connection(laptop: Laptop) -> None:
    laptop.run("ssh", "me", "alice", "true")
    before = laptop.calls[-1]
    laptop.run("restart", "me")
    laptop.run("ssh", "me", "alice", "true")
    assert "/ssh-0ld0ld0l-alice " in before
    assert "/ssh-ne3ne3ne-alice " in laptop.calls[-1]


def test_connecting_is_tried_again_and_the_command_runs_once(laptop: Laptop) -> None:
    laptop.answer(connect="255 255 0")
    done = laptop.run("ssh", "me", "alice", "go test")
    assert (done.returncode, done.stdout) == (0, "ran\n"), done.stderr
    assert [call.split("alice@laptop")[1] for call in laptop.calls].count(" go test") == 1
    assert sum(" -N -f " in call for call in laptop.calls) == 3


def test_a_connection_that_is_there_is_used(laptop: Laptop) -> None:
    laptop.answer(check="0")
    laptop.run("ssh", "me", "alice", "true")
    assert not any(" -N -f " in call for call in laptop.calls)


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"boot": OLD}, "laptop.sh: me did not restart within 1 s\n"),
        ({"boot": "255"}, "laptop.sh: me did not come up within 1 s\n"),
        ({"status": "starting"}, "laptop.sh: me did not come up within 1 s\n"),
    ],
)
def test_patience_ends(laptop: Laptop, answers: dict[str, str], sentence: str) -> None:
    laptop.answer(**answers)
    done = laptop.run("restart", "me", patience=1)
    assert (done.returncode, done.stderr) == (2, f"Booting\n{sentence}")
    assert laptop.boot == OLD
