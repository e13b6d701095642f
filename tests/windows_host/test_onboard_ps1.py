# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""onboard.ps1 by PowerShell as a Windows process, from a checkout on C:, for the distro around it; onboard.sh there.

Simulated: wsl.exe, and what a restart does to the distro (standins/wsl). Real: the command that wsl.exe runs, Ansible.
"""

from __future__ import annotations

import json

import pytest

from tests.windows_host.driver import POWERSHELL, ROOT, WSL_INI, WSL_LOG

# As git on Windows leaves it without the right to make symbolic links.
FOLDER = "/mnt/c/users/erin/my drive \u00fc/wsltune"
CHECKOUT = "C:\\Users\\erin\\my drive \u00fc\\wsltune"
CLONE = r"""
set -e
mkdir -p "$1"
tar -C "$0" --exclude=./.git --exclude='./.venv*' --exclude='./.*cache' --exclude=./reports -cf - . | tar -C "$1" -xf -
link=$1/collections/ansible_collections/wsltune/go
rm "$link"
printf ../../.. >"$link"
chown -R erin: "${1%/*}"
"""
COPY = "/home/alice/.local/share/wsltune/checkout"
# What pip would make of the lock in a minute is on this machine already.
VENV = r"""
set -e
program=test root=$0
. "$0/scripts/venv.sh"
mkdir -p "$1/.venv"
ln -s /opt/ansible/runtime/* "$1/.venv/"
venv_stamp "$1/.venv" "$0/requirements/runtime.lock" >"$1/.venv/.wsltune"
"""
# Stands in for onboard.sh where only the way to it is looked at.
NOTES = """#!/bin/bash
python3 -c 'import json, os, sys; print(json.dumps([os.getcwd(), os.environ["USER"], *sys.argv[1:]]))' "$@"
echo told >&2
exit "$(cat ~/code)"
"""
SETTINGS = [
    "--no-benchmark",
    "--",
    "-e",
    '{"wsl_conf_settings":{"network.hostname":"onboarded"}}',
    "-e",
    "go_tmpfs_size=256m",
    "-e",
    "go_tmpfs_place=gotmpdir",
]
WAITS = "network.hostname in /etc/wsl.conf takes effect after `wsl.exe --terminate Debian`"


@pytest.fixture
def laptop(windows_host, wsl_service):
    class Laptop:
        def onboard(self, *arguments: str, checkout: str = CHECKOUT):
            words = [POWERSHELL, "-NoProfile", "-ExecutionPolicy", "Bypass", "-File", f"{checkout}\\onboard.ps1"]
            done = windows_host.run(*words, *arguments, check=False, elevated=False)
            print(f"{arguments}: {done.returncode}", done.stdout, done.stderr, sep="\n")
            return done

        def notes(self, code: int, folder: str = FOLDER) -> None:
            windows_host.run("sh", "-c", 'cat >"$0/onboard.sh"', folder, text=NOTES)
            windows_host.run("sh", "-c", f"echo {code} >/home/alice/code")

    windows_host.put(
        WSL_INI,
        f"[wsl]\ndefault=Debian\nlog={WSL_LOG}\n[Debian]\nrunning=1\nservice=1\nuser=alice\n[Other]\nrunning=0\n",
    )
    windows_host.run("sh", "-c", CLONE, str(ROOT), FOLDER)
    windows_host.run("bash", "-c", VENV, str(ROOT), COPY, user="alice")
    yield Laptop()
    windows_host.run("rm", "-f", f"{FOLDER}/../acme go.wsl")
    windows_host.run("rm", "-rf", "/home/alice/.local/share/wsltune", "/home/alice/code", FOLDER)


def conf(windows_host) -> str:
    return windows_host.run("sh", "-c", "cat /etc/wsl.conf 2>/dev/null || true").stdout


def test_from_a_checkout_on_a_drive_to_a_tuned_distro_and_back(laptop, windows_host):
    name = windows_host.hostname()
    done = laptop.onboard("-Yes", *SETTINGS)
    assert (done.returncode, done.stderr) == (0, "")
    assert windows_host.hostname() == "onboarded" and windows_host.restarts() == ["--terminate\tDebian"]
    assert done.stdout.splitlines()[-2].startswith(WAITS)
    assert done.stdout.endswith("\nDebian was restarted, and everything is in force.\n")
    # From a normal PowerShell.
    assert "Note: Changing exclusions takes an administrator" in done.stdout and done.stdout.count("Note:") == 2
    assert "3 users share the 256 MiB on /var/cache/gotmp" in done.stdout
    log = done.stdout.partition("Everything that Ansible said: ")[2].splitlines()[0]
    assert "Add-MpPreference" in windows_host.run("cat", log).stdout

    again = laptop.onboard("-Yes", *SETTINGS)
    assert again.returncode == 0 and windows_host.restarts() == []
    assert "Changed:  nothing; it was so already" in again.stdout and ": changed (" not in again.stdout

    back = laptop.onboard("rollback", "-Yes")
    assert back.returncode == 0 and windows_host.restarts() == ["--terminate\tDebian"]
    assert windows_host.hostname() == name and conf(windows_host) == ""
    assert "Restored:\n" in back.stdout and f"\nPending: {WAITS}" in back.stdout


BARE = f"[wsl]\nlog={WSL_LOG}\nonline=Debian,Arch\nservice=1\nuser=alice\n"
IMAGE = "C:\\Users\\erin\\my drive \u00fc\\acme go.wsl"


def test_a_windows_without_wsl_gets_the_one_command(laptop, windows_host):
    windows_host.put(WSL_INI, f"[wsl]\ninstalled=0\nlog={WSL_LOG}\n")
    done = laptop.onboard("-Yes")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "onboard.ps1: WSL is not installed here: run `wsl.exe --install` as an administrator, restart Windows"
        " and start again.\n"
    )


def test_from_a_windows_without_a_distro_to_a_tuned_one(laptop, windows_host):
    """wsl.exe unpacks nothing of the file: the new distro is this machine."""
    windows_host.put(WSL_INI, BARE)
    windows_host.forget_distros()
    none = laptop.onboard()
    assert none.returncode == 3 and "give -Distribution the name of one to install, such as Ubuntu" in none.stderr
    missing = laptop.onboard("-Distribution", "Debian", "-Image", IMAGE, "-Yes")
    assert (
        missing.returncode == 2
        and missing.stderr == f"onboard.ps1: -Image is '{IMAGE}': give a .wsl file that is there.\n"
    )
    windows_host.run("touch", f"{FOLDER}/../acme go.wsl")
    image = ["-Distribution", "Debian", "-Image", IMAGE]

    looked = laptop.onboard(*image, "-WhatIf")
    assert looked.returncode == 0 and looked.stdout.count("What if:") == 1 and "acme go.wsl" in looked.stdout
    asked = laptop.onboard(*image)
    assert asked.returncode == 2 and f"Install Debian from {IMAGE}?" in asked.stdout
    assert asked.stderr == "onboard.ps1: there is no distro 'Debian'; WSL has none yet.\n"
    calls = windows_host.get(WSL_LOG)
    assert "--install" not in calls and "--exec" not in calls and conf(windows_host) == ""

    name = windows_host.hostname()
    done = laptop.onboard(*image, "-Yes", *SETTINGS)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Debian is installed. Nobody was asked for the name of an account" in done.stdout
    calls = windows_host.get(WSL_LOG).splitlines()
    assert [line for line in calls if line.startswith("--install")] == [
        f"--install\t--from-file\t{IMAGE}\t--name\tDebian\t--no-launch"
    ]
    assert windows_host.hostname() == "onboarded" and windows_host.restarts() == ["--terminate\tDebian"]
    assert done.stdout.endswith("\nDebian was restarted, and everything is in force.\n")

    back = laptop.onboard("rollback", "-Yes", "-Distribution", "Debian")
    assert back.returncode == 0 and windows_host.hostname() == name and conf(windows_host) == ""


def test_arguments_and_exit_code_cross_unchanged(laptop):
    odd = ["-e", 'a="b  c" d\\', "", "\u00e9 \u65e5\u672c \U0001f600 $HOME `x`", "C:\\x y\\", "%PATH% & | ^ * ?"]
    laptop.notes(7)
    done = laptop.onboard("--no-benchmark", "-Yes", "--", *odd)
    assert done.returncode == 7 and done.stderr == "told\n"
    said = done.stdout.splitlines()
    assert "symbolic link" in said[0]
    assert [json.loads(line) for line in said[1:]] == [[COPY, "alice", "--no-benchmark", "--yes", "--", *odd]]


def test_what_onboard_sh_refuses_is_told_with_its_code(laptop):
    done = laptop.onboard("-Yes", "--", "--ask-pass")
    assert done.returncode == 2 and done.stderr.startswith("onboard.sh: '--ask-pass' cannot be passed on")


def test_the_session_of_another_user_goes_on(laptop, windows_host):
    windows_host.run("sh", "-c", "printf '[network]\\nhostname=elsewhere\\n' >/etc/wsl.conf")
    laptop.notes(0)
    asked = laptop.onboard()
    assert asked.returncode == 0 and windows_host.restarts() == []
    assert "Restart Debian now? It stops every program and service of Debian." in asked.stdout
    assert asked.stdout.endswith("Not restarted. Run `wsl.exe --terminate Debian` when it suits you.\n")
    windows_host.run("systemd-run", "--unit=bobs-terminal", "--uid=bob", "script", "-qec", "sleep 600", "/dev/null")
    try:
        refused = laptop.onboard("-Yes")
    finally:
        windows_host.run("systemctl", "stop", "bobs-terminal")
    assert refused.returncode == 1 and WAITS in refused.stdout
    assert "onboard.ps1: Debian was not restarted: it would stop the session of bob on pts/" in refused.stderr
    assert windows_host.restarts() == [] and windows_host.hostname() != "elsewhere"


@pytest.fixture
def clone(windows_host, laptop):
    """A checkout in the distro, and the distro as a share of Windows."""
    share = "/opt/windows/dosdevices/unc/wsl.localhost"
    windows_host.run("sh", "-c", 'tar -C "$0" -cf - . | tar -C "$1" -xf -', FOLDER, COPY, user="alice")
    windows_host.run("ln", "-sfn", "../../..", f"{COPY}/collections/ansible_collections/wsltune/go", user="alice")
    windows_host.run("sh", "-c", 'mkdir -p "$0" && ln -sfn / "$0/Debian" && ln -sfn / "$0/Other"', share)
    # WSL reads for Windows as the distro's user.
    windows_host.run("chmod", "o+x", "/home/alice")
    yield COPY.replace("/", "\\")
    windows_host.run("chmod", "o-x", "/home/alice")
    windows_host.run("rm", "-r", "/opt/windows/dosdevices/unc")


def test_a_clone_in_the_distro_is_not_copied(laptop, clone, windows_host):
    laptop.notes(3, COPY)
    done = laptop.onboard("--check", checkout=f"\\\\wsl.localhost\\Debian{clone}")
    assert done.returncode == 3 and done.stderr == "told\n"
    assert json.loads(done.stdout) == [COPY, "alice", "--check"]
    other = laptop.onboard("--check", checkout=f"\\\\wsl.localhost\\Other{clone}")
    assert other.returncode == 2 and other.stdout == ""
    assert other.stderr == (
        "onboard.ps1: this checkout is in the distro Other; give -Distribution that one, or clone into Debian.\n"
    )


def exclusions(windows_host) -> list[str]:
    said = windows_host.powershell("$p = Get-MpPreference; $p.ExclusionPath; $p.ExclusionProcess; exit 0")
    return [line for line in said.splitlines() if line]


def test_at_a_terminal_of_the_distro(clone, windows_host):
    def onboard(*arguments: str):
        """As alice types it, where the terminal was started as administrator."""
        words = ["sh", "-c", 'cd "$0" && exec ./onboard.sh "$@"', COPY, *arguments]
        done = windows_host.run(*words, check=False, user="alice")
        print(f"{arguments}: {done.returncode}", done.stdout, done.stderr, sep="\n")
        assert done.stderr == ""
        return done

    # The stand-ins for Windows' own modules are not signed.
    windows_host.powershell("Set-ExecutionPolicy -Scope CurrentUser Bypass -Force -ErrorAction Ignore; exit 0")
    before = exclusions(windows_host)
    try:
        found = onboard("doctor")
    finally:
        windows_host.powershell("Set-ExecutionPolicy -Scope CurrentUser Undefined -Force -ErrorAction Ignore; exit 0")
    assert found.returncode == 0 and "Nothing makes Go slow here" in found.stdout
    assert not [line for line in found.stdout.splitlines() if line.startswith("unknown") and "WT-060" not in line]
    assert exclusions(windows_host) == before and conf(windows_host) == ""

    wanted = json.dumps({"defender_projects": ["C:\\src\\shop"]})
    done = onboard(
        "--yes", "--no-benchmark", "--", "-e", wanted, "-e", "go_tmpfs_size=256m", "-e", "go_tmpfs_place=gotmpdir"
    )
    assert done.returncode == 0 and "Undo:     ./onboard.sh rollback" in done.stdout
    notes = [line for line in done.stdout.splitlines() if line.startswith("Note:")]
    assert notes == ["Note:     3 users share the 256 MiB on /var/cache/gotmp: one of them can fill it"]
    assert [one for one in exclusions(windows_host) if one.startswith("C:\\src\\shop\\:{")]
    back = onboard("rollback", "--yes")
    assert back.returncode == 0 and "  removed the exclusion for path C:\\src\\shop" in back.stdout
    assert exclusions(windows_host) == before
