# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The accounts that can start Go, and what a fresh login of one finds in its environment."""

from __future__ import annotations

import functools
import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import become, process

MARK = b"__wsltune_environment__"
LOGIN = 15.0
"""Seconds that a login may take."""
HOME = 5.0
"""Seconds that looking for a home may take."""
NO_LOGIN = ("nologin", "false", "sync", "halt", "shutdown")


class AccountError(ValueError):
    """An account that cannot be used, in one sentence."""


@dataclass
class Account:
    """One account of the user database."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


def uid_range(login_defs: str) -> range:
    """Return the user ids of people by the text of /etc/login.defs (shadow's defaults where it is silent)."""
    values = {"UID_MIN": 1000, "UID_MAX": 60000}
    for line in login_defs.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] in values and words[1].isdigit():
            values[words[0]] = int(words[1])
    return range(values["UID_MIN"], values["UID_MAX"] + 1)


def is_person(account: Account, uids: range) -> bool:
    """Whether this is an account that someone logs into, where it has a home: root or a person's, with a shell."""
    return (account.uid == 0 or account.uid in uids) and os.path.basename(account.shell) not in NO_LOGIN


def with_home(people: Sequence[Account]) -> list[Account]:
    """Return those with a home. One that gives no answer counts: what is wrong there is told of that account."""

    def look(homes: Sequence[str]) -> list[bool]:
        return [os.path.isdir(home) for home in homes]

    try:
        found = become.apart(lambda: look([person.home for person in people]), HOME)
    except OSError:
        # One of them hangs: find out which.
        errands = {person.name: functools.partial(look, [person.home]) for person in people}
        answers = become.gather(errands, HOME) if len(people) > 1 else {}
        found = [answers.get(person.name) != [False] for person in people]
    return [person for person, there in zip(people, found) if there]


def _account(entry: Any) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell or "/bin/sh")


def find(names: Sequence[str], also: str | None = None) -> list[Account]:
    """Return the named accounts; with no names everyone who logs in on this machine, and C(also)."""
    if names:
        named = []
        for name in dict.fromkeys(names):
            try:
                named.append(_account(pwd.getpwnam(name)))
            except KeyError:
                raise AccountError(
                    f"There is no account {name!r} on this machine: name only accounts that exist."
                ) from None
        return named
    try:
        with open("/etc/login.defs", encoding="utf-8", errors="replace") as handle:
            uids = uid_range(handle.read())
    except OSError:
        uids = uid_range("")
    with open("/etc/passwd", encoding="utf-8", errors="replace") as handle:
        local = [line.split(":", 1)[0] for line in handle if ":" in line]
    found = {}
    for name in local + ([also] if also else []):
        try:
            account = _account(pwd.getpwnam(name))
        except KeyError:
            continue
        # The one who asks may come from a directory whose numbers are beyond those of local people.
        if is_person(account, uids) or (name == also and is_person(account, range(account.uid, account.uid + 1))):
            found[account.name] = account
    return with_home(list(found.values()))


def identity(account: Account) -> process.Identity | None:
    """Return who a program of C(account) runs as; None for the one that runs this."""
    if os.geteuid() != 0 or account.uid == 0:
        return None
    return process.Identity(account.uid, account.gid, os.getgrouplist(account.name, account.gid))


def identity_of(uid: int, gid: int) -> process.Identity | None:
    """Return who an account of these numbers is, also when it was removed; None for root and the one that runs this."""
    if os.geteuid() != 0 or uid == 0:
        return None
    try:
        groups = os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        groups = [gid]
    return process.Identity(uid, gid, groups)


def parse_environment(output: bytes) -> dict[str, str]:
    """Return the variables in C(output): what a profile prints, the mark, then NAME=value records ended by NUL."""
    records = output.rpartition(MARK)[2].lstrip(b"\r\n").split(b"\0")
    pairs = (record.decode("utf-8", "surrogateescape").partition("=") for record in records if b"=" in record)
    return {name: value for name, _separator, value in pairs if name != "_"}


def login_environment(account: Account, timeout: float = LOGIN) -> dict[str, str]:
    """Return the environment of a fresh login of C(account); AccountError when there can be none.

    As root a login is started with su; otherwise the account's own shell is started as a login shell.
    """
    show = f"echo {MARK.decode()}; env -0"
    if os.geteuid() == 0:
        command = ["su", "-l", account.name, "-c", show]
    elif os.geteuid() == account.uid:
        command = [account.shell, "-l", "-c", show]
    else:
        raise AccountError(f"Only root can see what a login of {account.name} finds: run with become.")
    clean = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb"}
    if "LANG" in os.environ:
        clean["LANG"] = os.environ["LANG"]
    if os.geteuid() != 0:
        clean.update(HOME=account.home, USER=account.name, LOGNAME=account.name, SHELL=account.shell)
    try:
        done = process.run(command, clean, limit=timeout)
    except OSError as error:
        raise AccountError(f"A login of {account.name} cannot be started: {error.strerror}.") from error
    if done.timed_out:
        raise AccountError(f"A login of {account.name} did not come to an end within {timeout:.0f} s.")
    output = done.out.encode("utf-8", "surrogateescape")
    if MARK not in output:
        raise AccountError(f"A login of {account.name} shows no environment: {done.reason}.")
    return parse_environment(output)
