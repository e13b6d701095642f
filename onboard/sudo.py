# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Becomes root: already there, by sudo without a password, or by sudo with one that is asked for."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass

from onboard.options import SETUP, Options, Stop

NOT_ALLOWED = ("not in the sudoers", "not allowed", "afraid I can't do that")
"""What sudo and sudo-rs say to whoever may not use them, whatever the password is."""


@dataclass
class Root:
    """How commands become root: already, by sudo without a password, or by sudo with this one."""

    password: str | None = None
    is_there: bool = True
    """Whether there is a way to be root at all."""

    def kill(self, pids: list[int], number: signal.Signals) -> None:
        """Send a signal to processes, as root where they are root's."""
        refused = []
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
            except PermissionError:
                refused.append(str(pid))
        if refused and shutil.which("sudo"):
            ask = ["-n"] if self.password is None else ["-S", "-k", "-p", ""]
            subprocess.run(
                ["sudo", *ask, "--", "kill", f"-{int(number)}", *refused],
                input=f"{self.password or ''}\n",
                text=True,
                capture_output=True,
                check=False,
                start_new_session=True,
            )


def sudo_accepts(password: str) -> tuple[bool, str]:
    """Return whether sudo takes this password, and what it answers."""
    answer = subprocess.run(
        ["sudo", "-S", "-k", "-p", "", "true"],
        input=f"{password}\n",
        text=True,
        capture_output=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    said = answer.stderr.strip().splitlines()
    return answer.returncode == 0, said[-1] if said else "no reason given"


def sudo_is_free() -> bool:
    """Return whether sudo asks for no password."""
    # -k: what sudo remembers for this terminal would not hold for Ansible, which runs outside it.
    return subprocess.run(["sudo", "-k", "-n", "true"], capture_output=True, check=False).returncode == 0


def become(options: Options, terminal: bool) -> Root:
    """Return how commands become root, or stop if they cannot."""
    if os.geteuid() == 0 or options.other_hosts or options.command in ("doctor", "bench"):
        return Root()
    descriptor = os.environ.pop("WSLTUNE_SUDO_FD", "")
    if descriptor.isdigit():
        with os.fdopen(int(descriptor)) as pipe:
            return Root(pipe.read())
    if options.command == "drift":
        # Nobody is asked for a password to be shown something: without root, what needs root is unknown.
        return Root(is_there=shutil.which("sudo") is not None and sudo_is_free())
    if not shutil.which("sudo"):
        raise Stop("the tuning needs root, and this user has no sudo: run it as root, or install sudo", SETUP)
    if sudo_is_free():
        return Root()
    if not terminal:
        raise Stop(
            "the tuning needs root, and sudo asks for a password where there is no terminal to ask at: run it as root",
            SETUP,
        )
    reason = ""
    for attempt in range(3):
        password = getpass.getpass(f"sudo password of {getpass.getuser()}: ")
        accepted, reason = sudo_accepts(password)
        if accepted:
            return Root(password)
        if any(words in reason for words in NOT_ALLOWED):
            break
        if attempt < 2:
            print("That was not it, try again.")
    raise Stop(f"sudo did not let this user become root: {reason}", SETUP)
