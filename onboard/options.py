# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of onboard.sh: its usage declares them, and this reads what was given."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = "onboard.sh"
OK, FAILED, USAGE, SETUP, CRITICAL, INTERRUPTED = 0, 1, 2, 3, 4, 130

# Ansible would stop and ask at a terminal that nobody sees.
ASKING = {"-k", "-K", "-J", "--ask-pass", "--ask-become-pass", "--ask-vault-pass", "--ask-vault-password", "--step"}


class Stop(Exception):
    """One sentence for the person, and the exit code."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass
class Options:
    """What the person asked for."""

    command: str = "site"
    check: bool = False
    benchmark: bool = True
    yes: bool = False
    at_terminal: bool = False
    json: bool = False
    extra: list[str] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)

    @property
    def other_hosts(self) -> bool:
        """Whether an inventory of other machines was given."""
        return any(re.match(r"-i|--inventory(-file)?(=|$)", argument) for argument in self.extra)


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one sentence."""

    def error(self, message: str) -> NoReturn:
        """Stop with a sentence and the exit code for wrong usage."""
        raise Stop(f"{message}; ./onboard.sh --help lists the options", USAGE)


def parse(arguments: list[str], usage: str) -> Options:
    """Return what was given, by the options that C(usage) lists; Stop when it cannot be."""
    own, extra = arguments, []
    if "--" in arguments:
        cut = arguments.index("--")
        own, extra = arguments[:cut], arguments[cut + 1 :]
    parser = Parser(prog=PROGRAM, add_help=False, allow_abbrev=False)
    parser.add_argument("command", nargs="?", choices=["site", "rollback", "doctor"], default="site")
    for option in ["-h", *re.findall(r"^  (--[a-z-]+) ", usage, re.MULTILINE)]:
        parser.add_argument(option, action="store_true")
    given = parser.parse_args(own)
    if given.help or given.h:
        print(usage.rstrip())
        raise SystemExit(OK)
    asking = next((argument for argument in extra if argument in ASKING), None)
    if asking:
        raise Stop(
            f"'{asking}' cannot be passed on, for the questions of ansible-playbook are not shown here: "
            "run .venv/bin/ansible-playbook site.yml yourself",
            USAGE,
        )
    if given.json and given.command != "doctor":
        raise Stop("--json belongs to the command doctor; ./onboard.sh --help lists the options", USAGE)
    check = given.check or "--check" in extra or "-C" in extra
    return Options(
        command=given.command,
        check=check,
        benchmark=not given.no_benchmark,
        yes=given.yes,
        json=given.json,
        extra=extra,
    )
