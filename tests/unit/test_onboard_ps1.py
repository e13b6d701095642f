# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""onboard.ps1 on the PowerShell that PWSH names, with a simulated wsl.exe and an onboard.sh that notes its call."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STANDIN = ROOT / "tests" / "windows_host" / "standins" / "wsl"

ONBOARD = """#!/usr/bin/env bash
printf '%s\\n' "$PWD" "$@" >"$HOME/called"
exit "$(cat "$HOME/code" 2>/dev/null || echo 0)"
"""
# Something waits for a restart until there was one.
ANSIBLE = """#!/bin/sh
if grep -q -e '--terminate' "$HOME/../calls"; then waits=; else waits='"boot.systemd waits."'; fi
printf 'localhost | SUCCESS => {"ansible_facts": {"wsl": {"conf": {"pending_sentences": [%s]}}}}\\n' "$waits"
"""
NOBODY = "0|"


class Windows:
    """A folder with a checkout as git on Windows leaves it, and a distro with a home."""

    def __init__(self, folder: Path, pwsh: str) -> None:
        self.folder, self.pwsh = folder, pwsh
        self.home, self.checkout = folder / "home", folder / "a b"
        self.copy = self.home / ".local/share/wsltune/checkout"
        (self.home / ".local").mkdir(parents=True)
        (self.checkout / "plugins/module_utils/windows").mkdir(parents=True)
        (self.checkout / "collections/ansible_collections/wsltune").mkdir(parents=True)
        (self.checkout / "collections/ansible_collections/wsltune/go").write_text("../../..")
        for name in ("onboard.ps1", "plugins/module_utils/windows/WslExe.psm1"):
            shutil.copy(ROOT / name, self.checkout / name)
        (self.checkout / "onboard.sh").write_text(ONBOARD)
        # The copy keeps the .venv that an earlier run made there.
        (self.copy / ".venv/bin").mkdir(parents=True)
        (self.copy / ".venv/bin/ansible").write_text(ANSIBLE)
        (self.copy / ".venv/bin/ansible").chmod(0o755)
        self.state()

    def state(self, terminals: str = NOBODY, installed: int = 1) -> None:
        (self.folder / "wsl.ini").write_text(
            f"[wsl]\nlog={self.folder}/calls\ndefault=Ubuntu\ninstalled={installed}\nonline=Debian\nhome={self.home}\n"
            f"[Ubuntu]\nrunning=1\nhome={self.home}\n[Old]\nrunning=0\nversion=1\n"
            f"[exec]\n/bin/sh -s terminals={terminals}\n"
        )

    def run(self, *arguments: str, path: str = f"{STANDIN}:{os.environ['PATH']}") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.pwsh, "-NoProfile", "-File", str(self.checkout / "onboard.ps1"), *arguments],
            env={**os.environ, "PATH": path, "WSLTUNE_WSL_STATE": str(self.folder / "wsl.ini"), "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def answer(self, answers: list[tuple[str, str]], *arguments: str) -> tuple[int, str]:
        """Run at a terminal, and type each answer to its question; return the exit code and what is shown."""
        keyboard, terminal = pty.openpty()
        shown = b""
        with subprocess.Popen(
            [self.pwsh, "-NoProfile", "-File", str(self.checkout / "onboard.ps1"), *arguments],
            env={
                **os.environ,
                "PATH": f"{STANDIN}:{os.environ['PATH']}",
                "WSLTUNE_WSL_STATE": str(self.folder / "wsl.ini"),
                "NO_COLOR": "1",
            },
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            end = threading.Timer(120, process.kill)
            end.start()
            assert process.stdout is not None
            for question, typed in answers:
                while question.encode() not in shown and (more := os.read(process.stdout.fileno(), 4096)):
                    shown += more
                os.write(keyboard, typed.encode())
            shown += process.stdout.read()
            code = process.wait()
            end.cancel()
        os.close(keyboard)
        os.close(terminal)
        return code, shown.decode()

    def restarts(self) -> list[str]:
        return re.findall("^--(?:terminate|shutdown).*$", (self.folder / "calls").read_text(), re.MULTILINE)


@pytest.fixture
def windows(tmp_path: Path, pwsh: str) -> Windows:
    return Windows(tmp_path, pwsh)


def test_copied_run_restarted_and_looked_at_again(windows: Windows) -> None:
    odd = ["-e", 'a="b  c" d\\', "", "\u00e9 $HOME `x`", "C:\\x y\\", "%PATH% & | ^"]
    done = windows.run("--no-benchmark", "-Yes", "-Distribution", "ubuntu", "--", *odd)
    assert (done.returncode, done.stderr) == (0, "")
    called = (windows.home / "called").read_text().split("\n")[:-1]
    assert called == [str(windows.copy), "--no-benchmark", "--yes", "--", *odd]
    assert os.readlink(windows.copy / "collections/ansible_collections/wsltune/go") == "../../.."
    assert (windows.copy / ".venv/bin/ansible").exists()
    said = done.stdout.splitlines()
    assert said[0].startswith("Git on Windows made a file of the symbolic link")
    assert said[1:] == ["boot.systemd waits.", "Ubuntu was restarted, and everything is in force."]
    assert windows.restarts() == ["--terminate\tUbuntu"]


def test_nothing_restarts_without_agreement_or_under_others(windows: Windows) -> None:
    done = windows.run()
    assert done.returncode == 0
    assert "Restart Ubuntu now? It stops every program and service of Ubuntu." in done.stdout
    assert done.stdout.endswith("Not restarted. Run `wsl.exe --terminate Ubuntu` when it suits you.\n")

    windows.state("0|mine me 0 bash\\nother bob 3 vim\\n")
    done = windows.run("-Yes")
    assert done.returncode == 1
    assert done.stderr == (
        "onboard.ps1: Ubuntu was not restarted: it would stop the session of bob on pts/3 of Ubuntu (vim). "
        "Run `wsl.exe --terminate Ubuntu` when nobody minds.\n"
    )
    assert windows.restarts() == []


def test_a_console_obeys_no_name_of_a_program(windows: Windows) -> None:
    windows.state("0|other bob 3 v\x1b[2K\x9bm\\n")
    assert "on pts/3 of Ubuntu (v?[2K?m)" in windows.run("-Yes").stderr


def test_what_if_changes_nothing(windows: Windows) -> None:
    done = windows.run("-WhatIf")
    assert done.returncode == 0 and done.stdout.count("What if:") == 2
    assert not (windows.home / "called").exists() and not (windows.copy / "onboard.sh").exists()
    assert all(line.startswith("--list") for line in (windows.folder / "calls").read_text().splitlines())


@pytest.mark.parametrize(
    "arguments",
    [["--check"], ["--", "--check"], ["--", "-C"], ["--", "-DC"], ["--no-benchmark", "--", "-e", "a=b", "--check"]],
    ids=" ".join,
)
def test_a_look_restarts_and_installs_nothing_wherever_its_option_stands(
    windows: Windows, arguments: list[str]
) -> None:
    """onboard.sh takes --check and -C of ansible-playbook's arguments for its own."""
    done = windows.run("-Yes", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    called = (windows.home / "called").read_text().split()
    assert arguments[-1] in called and windows.restarts() == []
    done = windows.run("-Yes", "-Distribution", "Debian", *arguments)
    missing = "there is no distro 'Debian'; give -Distribution one of: Ubuntu, Old."
    assert (done.returncode, done.stderr) == (2, f"onboard.ps1: {missing}\n")
    assert installs(windows) == []


def test_failures_are_one_sentence_and_a_code(windows: Windows) -> None:
    (windows.home / "code").write_text("3")
    assert windows.run("-Yes").returncode == 3
    for arguments, code, said in (
        (["-Distribution", "Arch"], 2, "there is no distro 'Arch'; give -Distribution one of: Ubuntu, Old."),
        (
            ["-Distribution", "a b", "-Yes"],
            2,
            "there is no distro 'a b', and none can have that name; give -Distribution one of: Ubuntu, Old.",
        ),
        (
            ["rollback", "-Distribution", "Debian", "-Yes"],
            2,
            "there is no distro 'Debian'; give -Distribution one of: Ubuntu, Old.",
        ),
        (["-Image", "x.wsl"], 2, "-Image needs -Distribution, the name that the distro gets."),
        (["-Image", "none.wsl", "-Distribution", "x"], 2, "-Image is 'none.wsl': give a .wsl file that is there."),
        (
            ["-Distribution", "Old"],
            3,
            "Old is a WSL1 distro: convert it with `wsl.exe --set-version Old 2` and start again.",
        ),
    ):
        done = windows.run(*arguments)
        assert (done.returncode, done.stderr) == (code, f"onboard.ps1: {said}\n")
    missing = "onboard.ps1: WSL is not installed here: run `wsl.exe --install` as an administrator, restart Windows and"
    done = windows.run(path="/usr/bin:/bin")
    assert done.returncode == 3 and done.stderr == f"{missing} start again.\n"
    windows.state(installed=0)
    done = windows.run()
    assert done.returncode == 3 and done.stderr == f"{missing} start again.\n"


def installs(windows: Windows) -> list[str]:
    return re.findall("^--install.*$", (windows.folder / "calls").read_text(), re.MULTILINE)


def test_a_distro_that_is_not_there_is_installed_by_name(windows: Windows) -> None:
    asked = windows.run("-Distribution", "Debian")
    assert asked.returncode == 2 and "Install Debian from WSL's list?" in asked.stdout
    assert installs(windows) == []
    done = windows.run("-Distribution", "Debian", "-Yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert installs(windows) == ["--install\t--distribution\tDebian\t--no-launch"]
    assert (windows.home / "called").exists() and windows.restarts() == ["--terminate\tDebian"]
    assert "Debian is installed. Nobody was asked for the name of an account: root is set up." in done.stdout
    (windows.folder / "calls").unlink()
    assert windows.run("-Distribution", "Debian", "-Yes").returncode == 0 and installs(windows) == []
    unknown = windows.run("-Distribution", "Nowhere", "-Yes")
    assert unknown.returncode == 3 and unknown.stderr.startswith(
        "onboard.ps1: wsl.exe could not install Nowhere from WSL's list, and gives the reason above (exit code "
    )


def test_a_new_distro_starts_once_at_the_terminal_before_it_is_onboarded(windows: Windows) -> None:
    answers = [
        ("Install Debian from WSL's list?", "y\n"),
        ("Now it starts for the first time", "test ! -e $HOME/called && touch $HOME/started; exit\n"),
        ("Restart Debian now?", "n\n"),
    ]
    code, shown = windows.answer(answers, "-Distribution", "Debian")
    assert code == 0 and shown.endswith("Not restarted. Run `wsl.exe --terminate Debian` when it suits you.\n"), shown
    assert (windows.home / "started").exists() and (windows.home / "called").exists()


def test_a_distro_is_installed_from_a_file(windows: Windows) -> None:
    image = windows.folder / "acme go \u00fc.wsl"
    image.touch()
    words = ["-Distribution", "acme-go", "-Image", str(image)]
    looked = windows.run(*words, "-WhatIf")
    assert looked.returncode == 0 and looked.stdout.count("What if:") == 1
    assert installs(windows) == [] and not (windows.home / "called").exists()
    done = windows.run(*words, "-Yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert installs(windows) == [f"--install\t--from-file\t{image}\t--name\tacme-go\t--no-launch"]
    assert (windows.home / "called").exists()


def test_wsl_is_started_from_windows_own_folder_whatever_stands_in_path(
    powershell: Callable[..., list[str]], tmp_path: Path
) -> None:
    for name in ("system", "theirs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "wsl.exe").touch(0o755)
    script = f"$env:PATH = '{tmp_path}/theirs'; foreach ($case in $cases) {{ Find-WslExe -Folder $case }}"
    module = ROOT / "plugins/module_utils/windows/WslExe.psm1"
    assert powershell(module, script, [f"{tmp_path}/system", f"{tmp_path}/none", ""]) == [
        f"{tmp_path}/system/wsl.exe",
        f"{tmp_path}/theirs/wsl.exe",
        f"{tmp_path}/theirs/wsl.exe",
    ]


def test_terminals_are_found_where_they_are_open() -> None:
    text = (ROOT / "plugins/module_utils/windows/WslExe.psm1").read_text(encoding="ascii")
    script = text.partition("$script:Terminals = @'\n")[2].partition("\n'@")[0]
    master, terminal = pty.openpty()
    opened = subprocess.Popen(["setsid", "--ctty", "sleep", "60"], stdin=terminal)
    pid = opened.pid
    try:
        name = Path(os.ttyname(terminal)).name
        until = time.monotonic() + 10
        while Path(f"/proc/{pid}/comm").read_text() != "sleep\n" and time.monotonic() < until:
            time.sleep(0.05)
        said = subprocess.run(
            ["/bin/sh", "-s", "terminals"], input=script, capture_output=True, text=True, timeout=60, check=True
        ).stdout
        owner = Path(f"/proc/{pid}").owner()
        assert f"mine {owner} {name} sleep" in said.splitlines()
        other = "nobody" if os.getuid() == 0 else "root"
        said = subprocess.run(
            ["/bin/sh", "-s", "terminals", other], input=script, capture_output=True, text=True, timeout=60, check=True
        ).stdout
        assert f"other {owner} {name} sleep" in said.splitlines()
    finally:
        opened.kill()
        opened.wait()
        os.close(master)
        os.close(terminal)
