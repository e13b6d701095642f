# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of onboard.sh: its usage declares them, and this reads what was given."""

from __future__ import annotations

import argparse
import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = "onboard.sh"
OK, FAILED, USAGE, SETUP, CRITICAL, SLOWER, UNKNOWN, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130

COMMANDS = ("site", "rollback", "doctor", "drift", "bench")
LOOKING = ("doctor", "drift", "bench")
"""Commands that change nothing."""
# What a variable of this collection begins with.
PREFIXES = ("go", "verify", "wsl", "wsltune", "wslconfig", "workspace", "doctor", "defender", "report", "metrics")

# Of ansible-playbook's, short ones also together, and long ones as far as they are typed.
CHECK = re.compile(r"--ch(e(ck?)?)?|-[bDv]*C[bCDv]*")
# Ansible would stop and ask at a terminal that nobody sees.
ASKING = re.compile(r"--ask-[a-z-]+|--step?|-[bCDv]*[kKJ][bCDvkKJ]*")


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
    against: str = ""
    fail_if_slower: bool = False
    extra: list[str] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)

    @property
    def budget_minutes(self) -> float:
        """The budget for measuring that was given on the command line; 0 where none was."""
        return read_budget(self.extra)

    @property
    def other_hosts(self) -> bool:
        """Whether an inventory of other machines was given."""
        return any(re.match(r"-i|--inventory(-file)?(=|$)", argument) for argument in self.extra)


def read_budget(extra: Sequence[str]) -> float:
    """Return the minutes that the arguments for ansible-playbook give for measuring; 0 where they do not say.

    Stop where they are no number; a template is for Ansible to read.
    """
    given = re.search(r"\bverify_budget_minutes[\"']?[=:]\s*[\"']?([^\s\"',}]+)", " ".join(extra))
    if not given or given[1].startswith("{"):
        return 0.0
    if not re.fullmatch(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", given[1]):
        raise Stop(f"verify_budget_minutes is '{given[1]}': give a number of minutes, such as 3 or 1.5", USAGE)
    return float(given[1])


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one sentence."""

    def error(self, message: str) -> NoReturn:
        """Stop with a sentence and the exit code for wrong usage."""
        raise Stop(f"{message}; ./onboard.sh --help lists the options", USAGE)


def nearest(word: str, names: Iterable[str]) -> str:
    """Return a question with the name that a word is most like; nothing where none is."""
    like = difflib.get_close_matches(word, list(names), 1, 0.6)
    return f" (did you mean {like[0]}?)" if like else ""


def known_variables() -> set[str]:
    """Return the variables that the playbooks and roles read."""
    import yaml

    names: set[str] = set()
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values()
        names.update(name for entry in entries for name in entry.get("options") or {})
    files = [*ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("inventory/*.yml"), *ROOT.glob("roles/*/defaults/*.yml")]
    for path in files:
        names.update(re.findall(rf"\b(?:{'|'.join(PREFIXES)})_\w+", path.read_text(encoding="utf-8")))
    return names


def given_variables(extra: list[str]) -> Iterator[str]:
    """Name the variables that the arguments for ansible-playbook set on the command line."""
    values = []
    for number, argument in enumerate(extra):
        if argument in ("-e", "--extra-vars"):
            values += extra[number + 1 : number + 2]
        elif argument.startswith("--extra-vars="):
            values.append(argument.partition("=")[2])
        elif argument.startswith("-e"):
            values.append(argument[2:].removeprefix("="))
    for value in values:
        if value.startswith("{"):
            try:
                yield from json.loads(value)
            except ValueError:
                yield from re.findall(r"[{,]\s*[\"']?(\w+)[\"']?\s*:", value)
        elif not value.startswith("@"):
            yield from re.findall(r"(?:^|\s)(\w+)=", value)


def refuse_unknown_variables(extra: list[str]) -> None:
    """Stop where a variable with a name as ours is none of ours: it would be passed over without a word."""
    ours = [name for name in given_variables(extra) if name.startswith(tuple(f"{prefix}_" for prefix in PREFIXES))]
    known = known_variables() if ours else set()
    for name in ours:
        if name not in known:
            raise Stop(
                f"nothing reads the variable {name}{nearest(name, sorted(known))}: README lists the settings", USAGE
            )


def parse(arguments: list[str], usage: str) -> Options:
    """Return what was given, by the options that C(usage) lists; Stop when it cannot be."""
    own, extra = arguments, []
    if "--" in arguments:
        cut = arguments.index("--")
        own, extra = arguments[:cut], arguments[cut + 1 :]
    parser = Parser(prog=PROGRAM, add_help=False, allow_abbrev=False)
    parser.add_argument("command", nargs="?", default="site")
    for option, value in [("-h", ""), *re.findall(r"^  (--[a-z-]+)(?: ([A-Z]+) )?", usage, re.MULTILINE)]:
        if value:
            parser.add_argument(option, default="")
        else:
            parser.add_argument(option, action="store_true")
    given = parser.parse_args(own)
    if given.help or given.h:
        print(usage.rstrip())
        raise SystemExit(OK)
    asking = next(filter(ASKING.fullmatch, extra), None)
    if asking:
        raise Stop(
            f"'{asking}' cannot be passed on, because the questions of ansible-playbook are not shown here: "
            "run .venv/bin/ansible-playbook site.yml yourself",
            USAGE,
        )
    if given.command not in COMMANDS:
        more = nearest(given.command, COMMANDS)
        raise Stop(f"unknown command '{given.command}'{more}: ./onboard.sh --help lists them", USAGE)
    if given.json and given.command == "bench":
        raise Stop("bench has no --json: it writes results.json, for --against and for programs", USAGE)
    if given.json and given.command not in LOOKING:
        raise Stop("--json belongs to the commands doctor and drift; ./onboard.sh --help lists the options", USAGE)
    check = given.check or any(map(CHECK.fullmatch, extra))
    if check and given.command in LOOKING:
        raise Stop(
            f"{given.command} changes nothing, so that it has no --check: run ./onboard.sh {given.command}", USAGE
        )
    if (given.against or given.fail_if_slower) and given.command != "bench":
        raise Stop("--against and --fail-if-slower belong to the command bench; ./onboard.sh --help lists them", USAGE)
    if given.fail_if_slower and not given.against:
        raise Stop("--fail-if-slower needs --against with a Git revision or a results.json to compare with", USAGE)
    if given.no_benchmark and given.command != "site":
        raise Stop(
            f"{given.command} measures nothing that --no-benchmark could leave out: leave that option out", USAGE
        )
    refuse_unknown_variables(extra)
    read_budget(extra)
    return Options(
        command=given.command,
        check=check,
        benchmark=not given.no_benchmark,
        yes=given.yes,
        json=given.json,
        against=given.against,
        fail_if_slower=given.fail_if_slower,
        extra=extra,
    )
