# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The accounts that can start Go, and what a fresh login of one finds in its environment."""

from __future__ import annotations

import contextlib
import functools
import glob
import os
import pwd
import re
import shutil
import signal
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import files, look, process, programs, text

MARK = b"__wsltune_environment__"
LOGIN_LIMIT = 15.0
"""Seconds that a login may take; a longer one is ended and gives no environment."""
PAM = 5.0
"""Seconds until su has started the shell. Before, PAM asks logind for a session by the system bus, and any account can
take all connections to that; without the bus, a login begins without a session.
"""
SESSION = 20.0
"""Seconds until su has started the shell without the bus. Any account can hold a lock on the databases of pam_wtmpdb
and pam_lastlog2, which everybody can read, and each of the two waits for it for four seconds.
"""
LOGIN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
WITHOUT_BUS: dict[str, str] = {}
"""What has PAM ask nothing by the system bus, once that gave no answer."""
TERMINAL = 8.0
"""Seconds that an interactive shell may take."""
MOST_SAID = 1 << 20
"""Bytes that a login's environment may have; of several users as many are held at the same time."""
MOST_STARTUP = 4 << 20
NO_LOGIN = ("nologin", "false", "sync", "halt", "shutdown")
RECEIVING = ("git-shell", "sftp-server", "scponly", "scponlyc", "rssh", "mysecureshell")
"""Shells of accounts that send and receive files, and start no program."""
NOGROUP = 65534
MOST_HOMES = 200
"""Folders beside the homes of people that are looked at for those of other accounts."""
SHELLS = ("bash", "zsh", "fish", "ksh", "mksh", "yash")
"""Shells that take -l, -i and -c together."""
SAME_AS_LOGIN = ("sh", "dash", "ash", "csh", "tcsh", *NO_LOGIN)
"""Shells that read no file for interactive use alone, unless ENV names one for those of FOLLOW_ENV."""
FOLLOW_ENV = ("sh", "dash", "ash", "ksh", "mksh", "yash")
STARTUP = {
    "bash": (".bashrc", ".bash_profile", ".bash_login", ".profile", ".bash_aliases"),
    "zsh": (".zshrc", ".zprofile", ".zlogin"),
    "fish": (".config/fish/config.fish", ".config/fish/conf.d/*.fish"),
    "ksh": (".kshrc", ".profile"),
    "mksh": (".mkshrc", ".profile"),
    "yash": (".yashrc",),
}
READ_AT_LOGIN = {
    **STARTUP,
    **dict.fromkeys(("sh", "dash", "ash"), (".profile",)),
    **dict.fromkeys(("csh", "tcsh"), (".tcshrc", ".cshrc", ".login")),
    "zsh": (".zshenv", *STARTUP["zsh"]),
}
SKELETONS = ("/etc/skel", "/usr/share/base-files")
TOKEN = "WSLTUNE_ASKS"


# By a shell that is known, because others, such as nushell's and xonsh's, have a language of their own. Not by PATH,
# which /etc/profile may give to everybody with a folder that others write in: root's login is asked too.
SHOW = f"/bin/sh -c 'echo {MARK.decode()}; /usr/bin/env -0; echo {MARK.decode()}'"
HOOKS = {
    "bash": 'HISTFILE=/dev/null; for hook in "${PROMPT_COMMAND[@]}"; do eval "$hook"; done; ',
    "zsh": "HISTFILE=/dev/null; for hook in $precmd_functions; do $hook; done; ",
    "fish": "emit fish_prompt; ",
}
"""What a shell runs before its first prompt: direnv and mise put a Go on PATH only there. History is left alone."""
HANDS_OVER = re.compile(
    r"(?!alias\b)(?:.*[\s;&|({])?exec\s[^#]*?(?<![\w.-])(zsh|fish|ksh|mksh|yash|bash)(?![\w./-])"
    r"|(?:/\S*/)?(zsh|fish)(?:\s+--?[a-z]+)*\Z"
)
"""A line of a startup file after which another shell is what the terminal shows."""
LONGEST_LINE = 400
MULTIPLEXERS = {"TMUX": "/dev/null,0,0", "STY": "0.none", "ZELLIJ": "0"}
"""What a terminal in tmux, screen or Zellij has, in which no startup file starts another one."""


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
    """Return whether this is an account that someone may log into: root or a person's, with a shell."""
    shell = os.path.basename(account.shell)
    return (account.uid == 0 or account.uid in uids) and shell not in (*NO_LOGIN, *RECEIVING)


def has_known_shell(account: Account) -> bool:
    """Return whether the account's shell is one that runs every command, and keeps it from nothing."""
    return os.path.basename(account.shell) in (*SHELLS, *SAME_AS_LOGIN)


def with_home(people: Sequence[Account]) -> list[Account]:
    """Return those whose home is a folder, or gives no answer: then it is not known to be missing."""
    questions = {person.name: functools.partial(look.is_folder, person.home) for person in people}
    answers, _reasons = look.each(questions)
    return [person for person in people if answers.get(person.name, True)]


def home_trouble(account: Account) -> str:
    """Return why nothing can be looked at in the home of C(account); nothing where it answers."""
    reason = look.silent([account.home]).get(account.home)
    return f"the home {account.home} of {account.name}: {reason}" if reason else ""


def find_startup(account: Account, environment: Mapping[str, str]) -> tuple[dict[str, list[str]], str]:
    """Return the startup files of the account's shell by their name below the home, and why a shell would not end.

    That is which of them gives no answer; bash's .bashrc is one, because nearly every .profile reads it.
    """
    names = _startup_files(account, environment)
    found, silent = look.find([glob.escape(account.home), *names], identity(account))
    trouble = text.join_names([f"{path}: {reason}" for path, reason in silent.items()])
    return {name: found[pattern] for pattern, name in names.items()}, trouble


def _startup_files(account: Account, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the patterns of the startup files that the account's shell reads, each with its name below the home."""
    shell = os.path.basename(account.shell)
    folder = (environment.get("ZDOTDIR") if shell == "zsh" else None) or account.home
    return {os.path.join(glob.escape(folder), name): name for name in READ_AT_LOGIN.get(shell, ())}


def _account(entry: Any) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell or "/bin/sh")


def _list_local() -> list[list[str]]:
    """Return the entries of /etc/passwd; a directory service may have more accounts, and too many to ask for all."""
    with open("/etc/passwd", encoding="utf-8", errors="replace") as handle:
        return [line.split(":") for line in handle if ":" in line]


def list_local_names() -> list[str]:
    """Return who has a line in /etc/passwd; OSError where it cannot be read."""
    return [entry[0] for entry in _list_local()]


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
    found = {}
    for name in list_local_names() + ([also] if also else []):
        try:
            account = _account(pwd.getpwnam(name))
        except KeyError:
            continue
        # The one who asks may come from a directory whose numbers are beyond those of local people.
        if is_person(account, uids) or (name == also and is_person(account, range(account.uid, account.uid + 1))):
            found[account.name] = account
    return with_home(list(found.values()))


def _unlisted(folders: Sequence[str], local: Sequence[int]) -> list[str]:
    names = set()
    for folder in folders:
        for name in look.names(folder, MOST_HOMES):
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError, KeyError):
                owner = os.lstat(path).st_uid
                if owner and owner not in local and pwd.getpwuid(owner).pw_dir == path:
                    names.add(pwd.getpwuid(owner).pw_name)
    return sorted(names)


def find_unlisted(people: Sequence[Account]) -> list[str]:
    """Return the accounts with a home beside those of C(people) that /etc/passwd does not have, such as SSSD's."""
    local = [int(entry[2]) for entry in _list_local() if len(entry) > 2 and entry[2].isdigit()]
    folders = sorted({os.path.dirname(person.home) for person in people if person.uid} | {"/home"})
    try:
        # A directory service may be as dead as a server of homes.
        names: list[str] = look.once(functools.partial(_unlisted, folders, local))
    except OSError:
        return []
    return [name for name in names if name not in {person.name for person in people}]


def explain_unlisted(names: Sequence[str]) -> list[str]:
    """Return what a person is to know about accounts that are left out because /etc/passwd does not have them."""
    if not names:
        return []
    homes = "has a home" if len(names) == 1 else "have homes"
    sentence = (
        f"{text.join_names(names)} {homes} here and no line in /etc/passwd, so that no setting is made there; name "
        "such accounts in wsltune_users to have them set up too"
    )
    return [sentence]


def identity(account: Account) -> process.Identity | None:
    """Return who a program of C(account) runs as; None for the one that runs this."""
    if os.geteuid() != 0 or account.uid == 0:
        return None
    return process.Identity(account.uid, account.gid, os.getgrouplist(account.name, account.gid))


def identity_of(uid: int, gid: int) -> process.Identity | None:
    """Return who an account of these numbers is, also when it was removed; None for root and the one that runs this.

    C(gid) was the account's group, or is that of a folder of its own. It counts only where the account is in it now:
    somebody may have been taken out of a group since, and a number that was free may be another account's or group's.
    """
    if os.geteuid() != 0 or uid == 0:
        return None
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        return process.Identity(uid, gid, [gid])
    groups = os.getgrouplist(account.pw_name, account.pw_gid)
    return process.Identity(uid, gid if gid in groups else account.pw_gid, groups)


def identity_of_owner(uid: int) -> process.Identity | None:
    """Return who the owner of a file is, by the number alone; without an account here in the group of nobody."""
    try:
        group = pwd.getpwuid(uid).pw_gid
    except KeyError:
        group = NOGROUP
    return identity_of(uid, group)


def parse_environment(output: bytes) -> dict[str, str]:
    """Return the variables in C(output): what a profile prints, the mark, NAME=value records ended by NUL, the mark."""
    parts = output.split(MARK)
    # What a shell prints at its end comes after the second mark.
    records = parts[-2 if len(parts) > 2 else -1].lstrip(b"\r\n").split(b"\0")
    pairs = (record.decode("utf-8", "surrogateescape").partition("=") for record in records if b"=" in record)
    return {name: value for name, _separator, value in pairs if name != "_"}


def login_environment(account: Account, timeout: float = LOGIN_LIMIT) -> dict[str, str]:
    """Return the environment of a fresh login of C(account); AccountError when there can be none.

    As root a login is started with su; otherwise the account's own shell is started as a login shell.
    """
    startup, trouble = find_startup(account, {})
    if trouble:
        # The shell would wait there, and cannot be ended.
        raise AccountError(f"A login of {account.name} would not end, because {trouble}.")
    if os.geteuid() not in (0, account.uid):
        raise AccountError(f"Only root can see what a login of {account.name} finds: run with become.")
    done = _log_in(account, "", timeout)
    if not done.timed_out and _marks(done) < 2:
        # A shell that .profile hands over to gets no command.
        with contextlib.suppress(OSError):
            shell = look.once(lambda: in_terminal(account, {}, startup).shell, identity=identity(account))
            again = done if shell == account.shell else _log_in(account, shell, timeout)
            done = again if _marks(again) == 2 else done
    if done.timed_out:
        raise AccountError(f"A login of {account.name} did not come to an end within {timeout:.0f} s.")
    if _marks(done) < 2:
        much = f"it prints more than {MOST_SAID >> 10} KiB" if len(done.out) == MOST_SAID else done.reason
        raise AccountError(f"A login of {account.name} shows no environment: {much}.")
    return parse_environment(done.out.encode("utf-8", "surrogateescape"))


def _log_in(account: Account, shell: str, timeout: float) -> process.Done:
    """Start a login, in the account's own shell where C(shell) is empty, that shows its environment."""
    clean = {"PATH": LOGIN_PATH, "TERM": "dumb"}
    if "LANG" in os.environ:
        clean["LANG"] = os.environ["LANG"]
    if os.geteuid() == 0:
        command = ["su", "-l", account.name, *(["-s", shell] if shell else []), "-c", SHOW]
    else:
        command = [shell or account.shell, "-l", "-c", SHOW]
        clean.update(HOME=account.home, USER=account.name, LOGNAME=account.name, SHELL=command[0])
    try:
        done = _in_time(command, clean, timeout)
        if done.stopped:
            WITHOUT_BUS["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/dev/null"
            done = _in_time(command, clean, timeout)
    except OSError as error:
        raise AccountError(f"A login of {account.name} cannot be started: {error.strerror}.") from error
    return done


def _in_time(command: Sequence[str], clean: Mapping[str, str], timeout: float) -> process.Done:
    """Run a login that has C(timeout) seconds from the start of its shell; C(stopped) where su may wait for the bus.

    How long su takes before that is not the account's doing.
    """
    begin = time.monotonic()
    end, waits = begin + timeout, command[0] == "su"

    def is_over(_output: int) -> bool:
        nonlocal end, waits
        now = time.monotonic()
        if waits and now > begin + PAM:
            waits = process.started_nothing("su")
            end = now + timeout if waits else end
            return waits and (not WITHOUT_BUS or now > begin + SESSION)
        return now > end

    done = process.run(command, {**clean, **WITHOUT_BUS}, limit=timeout + SESSION, watch=is_over, most=MOST_SAID)
    for_bus = done.stopped and waits and not WITHOUT_BUS
    done.timed_out = done.timed_out or (done.stopped and not for_bus)
    done.stopped = for_bus
    return done


def has_own_startup(account: Account, environment: Mapping[str, str], startup: Mapping[str, Sequence[str]]) -> bool:
    """Return whether the C(startup) files of the account's shell hold lines that did not come with the distribution.

    Without any, an interactive shell finds what a login finds, and need not be started.
    """
    shell = os.path.basename(account.shell)
    named = _file_of_env(shell, environment)
    # A name with another variable in it is for the shell to read.
    if "$" in named or (named and _lines(named)):
        return True
    files_of_shell = {name: startup.get(name, ()) for name in STARTUP.get(shell, ())}
    return any(_lines(path) - _skeleton(name) for name, paths in files_of_shell.items() for path in paths)


def in_terminal(account: Account, environment: Mapping[str, str], startup: Mapping[str, Sequence[str]]) -> Account:
    """Return the account with the shell that a terminal of it shows: .bashrc may end with C(exec zsh).

    Whoever may not change the shell of an account, or does not want to, writes that.
    """
    own = os.path.basename(account.shell)
    for line in sorted(set().union(*(_lines(path) for paths in startup.values() for path in paths))):
        match = HANDS_OVER.match(line[:LONGEST_LINE])
        # A name alone may be one of a list in other shells, such as that of zsh's plugins.
        name = (match[1] or (match[2] if own == "bash" else "")) if match else ""
        if name and name != own:
            # Not by a PATH in which another account may write.
            others = None if os.geteuid() == 0 else environment.get("PATH", "")
            shell = programs.find_program(name) or (others and shutil.which(name, path=others))
            if shell:
                return replace(account, shell=shell)
    return account


def _file_of_env(shell: str, environment: Mapping[str, str]) -> str:
    """Return the file that an interactive shell reads because ENV names it (POSIX, sh)."""
    return environment.get("ENV", "") if shell in FOLLOW_ENV else ""


def _skeleton(name: str) -> set[str]:
    return set().union(*(_lines(f"{place}/{other}") for place in SKELETONS for other in (name, f"dot{name}")))


def _lines(path: str) -> set[str]:
    """Return the lines of a file of settings that are not comments."""
    try:
        state = files.Files().read(path, MOST_STARTUP)
    except OSError:
        return set()
    lines = (line.strip() for line in (state.content.decode("utf-8", "replace") if state else "").splitlines())
    return {line for line in lines if line and not line.startswith("#")}


def terminal_environment(
    account: Account, environment: Mapping[str, str], login: bool = False, timeout: float = TERMINAL
) -> dict[str, str]:
    """Return what an interactive shell of the account that runs this finds; AccountError when it cannot be known.

    There is no terminal. What the shell leaves running, such as an agent, is ended.
    """
    name = os.path.basename(account.shell)
    follows = bool(_file_of_env(name, environment))
    if name in SAME_AS_LOGIN and not follows:
        return dict(environment)
    if name not in SHELLS and not follows:
        raise AccountError(
            f"An interactive {account.shell} of {account.name} cannot be asked: its options are not known."
        )
    # Bash reads .bashrc without -l alone; the login has been read for C(environment).
    options = ["-l", "-i", "-c"] if login or name not in ("bash", *SAME_AS_LOGIN) else ["-i", "-c"]
    own = {"HOME": account.home, "USER": account.name, "LOGNAME": account.name, "SHELL": account.shell}
    variables = {**own, **environment, "TERM": "dumb"}
    done = _ask_shell(account, [*options, HOOKS.get(name, "") + SHOW], variables, timeout)
    more: Mapping[str, str] = {}
    if not done.timed_out and _marks(done) < 2:
        more = {name: value for name, value in MULTIPLEXERS.items() if name not in environment}
        again = _ask_shell(account, [*options, SHOW], {**variables, **more}, timeout)
        done = again if _marks(again) == 2 else done
    if done.timed_out:
        raise AccountError(f"An interactive shell of {account.name} did not come to an end within {timeout:.0f} s.")
    if _marks(done) < 2:
        raise AccountError(f"An interactive shell of {account.name} shows no environment: {_last_said(done)}.")
    found = parse_environment(done.out.encode("utf-8", "surrogateescape"))
    for added in (TOKEN, "SHLVL", *more):
        found.pop(added, None)
    return found


def _ask_shell(account: Account, words: Sequence[str], variables: Mapping[str, str], timeout: float) -> process.Done:
    """Start the account's shell in its home, and end what it leaves running."""
    token = uuid.uuid4().hex
    try:
        directory = account.home if os.path.isdir(account.home) else "/"
        command = [account.shell, *words]
        return process.run(command, {**variables, TOKEN: token}, directory, limit=timeout, most=MOST_SAID)
    except OSError as error:
        raise AccountError(f"An interactive shell of {account.name} cannot be started: {error.strerror}.") from error
    finally:
        _end_marked(f"{TOKEN}={token}".encode())


def _marks(done: process.Done) -> int:
    return done.out.encode("utf-8", "surrogateescape").count(MARK)


def _last_said(done: process.Done) -> str:
    """Return the last line that a shell said, but for what bash says where there is no terminal."""
    usual = ("cannot set terminal process group", "no job control in this shell")
    lines = [line for line in (done.out + "\n" + done.err).splitlines() if line.strip()]
    own = [line for line in lines if not any(words in line for words in usual)]
    return text.line(own[-1]) if own else f"exit {done.code}"


def _end_marked(mark: bytes) -> None:
    """End the processes of this account that were started with C(mark) in their environment."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        # Another account can have whoever reads its environment wait without end: it is in the memory of the process.
        if process.started_by(pid) != os.geteuid():
            continue
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/environ", "rb") as handle:
                marked = mark in handle.read().split(b"\0")
            if marked and int(pid) != os.getpid():
                os.kill(int(pid), signal.SIGTERM)
