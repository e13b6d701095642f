# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pull agent: fetches a Git repository, verifies what it offers, and runs its playbook on this machine.

    wsltune-pull run [--now]     one run; --now waits neither for the battery, a Go build nor a freeze window
    wsltune-pull boot            for [boot] command without systemd: goes to the background and runs at intervals
    wsltune-pull status          prints what the last run came to
    wsltune-pull off | on        the switch, which is the file pull.off
    wsltune-pull check           reads the configuration
    wsltune-pull forget          removes its log, as the role does when it takes the agent away

pull.py, beside this file, has every decision; here is what touches the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import dataclasses
import datetime
import fcntl
import functools
import json
import logging
import logging.handlers
import os
import pwd
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible_collections.wsltune.go.plugins.module_utils.fleet import metrics, pull
    from ansible_collections.wsltune.go.plugins.module_utils.linux import files
else:
    import files
    import metrics
    import pull

CODES = {pull.OK: 0, pull.WAITING: 0, pull.OFF: 0, pull.REFUSED: 2, pull.STOPPED: 3, pull.FAILED: 4}
"""None is 1, because Python ends with that after an exception that nothing has caught."""
UNUSABLE = 1
BUSY = 0
IOPRIO_WHO_PROCESS, IOPRIO_IDLE = 1, 3 << 13
NICE_IDLE, NICE_ALONE = 19, 7
"""How nice it is at idle priority, and where nothing gives it a share of the CPU time: beside one process that never
stops computing a sixth is left to it then, as its unit has it. At idle priority it would be a 340th.
"""
SYS_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
PR_SET_PDEATHSIG = 1
LOG_BYTES, LOG_FILES = 1 << 20, 4
MOST_BEGIN, MOST_END = 1 << 19, 1 << 19
"""Bytes of the beginning and of the end of what a playbook prints that the log keeps. What a user can have a task print
may be without end, and the log is rotated only between runs.
"""
MOST_ANSWER = 64 << 20
"""Bytes of an answer of git; a server can list names without end."""
MOST_FETCHED = 2 << 30
"""Bytes of one fetch, which has no more than half of what is free on the disk either."""
MOST_MEMORY = 4 << 30
"""Bytes of memory of each program of a fetch, and no more than half of the machine's: little can unpack to much."""
MOST_KEPT = 4 << 30
"""Bytes of the repository from which on what was offered and not accepted is removed."""
LARGEST_TAG = 1 << 16
"""Bytes of a tag that can be a rollback."""
MOST_PACKS = 50
"""Files of objects, of which each fetch leaves one, until they are made one."""
PIPE = 1 << 20
"""Bytes that may still be in the pipe of a program that has ended."""
FIRST_LINE = 256
"""Bytes of a script's first line that the kernel reads."""
LOOK = 0.2
LOOKING = 20.0
"""Seconds that looking for a build may take, and writing for a collector."""
WRITTEN, NOTHING = "is written", "has no folder"
MOST_ARGUMENTS = 1 << 12
"""Bytes of a process's arguments that are read: any account can make those of its own as long as its memory."""
SECONDS_AFTER_BOOT = 120.0
CANDIDATE, ACCEPTED, APPLIED, WITHDRAWN = (
    "refs/wsltune/candidate",
    "refs/wsltune/accepted",
    "refs/wsltune/applied",
    "refs/wsltune/withdrawn",
)


class Failure(Exception):
    """Something that the next run tries again, as a sentence."""


class Refusal(Exception):
    """What the repository offers is not to be run, as a sentence."""


class Places:
    """Where the agent keeps what; C(root) is / but for tests."""

    def __init__(self, root: str = "/") -> None:
        base = Path(root)
        self.config = base / "etc/wsltune/pull.json"
        self.signers = base / "etc/wsltune/pull-signers"
        self.off = base / "etc/wsltune/pull.off"
        self.state = base / "var/lib/wsltune/pull"
        self.repository = self.state / "repository.git"
        self.tree = self.state / "tree"
        self.record = self.state / "record.json"
        self.status = self.state / "status.json"
        self.variables = self.state / "variables.json"
        self.lock = self.state / "lock"
        self.log = base / "var/log/wsltune/pull.log"
        self.proc = base / "proc" if root != "/" else Path("/proc")
        self.supplies = base / "sys/class/power_supply"
        self.base = base


def write(path: Path, content: str, mode: int = 0o600) -> None:
    """Replace a file in one atomic step; its temporary name never ends like the file's."""
    temporary = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        os.fchmod(handle.fileno(), mode)
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)


def yield_to_others(places: Places) -> None:
    """Take CPU and disk only when nobody else wants them, also in every process that is started from here.

    Where systemd gives no share, any account could keep it from the CPU for ever by that, so it waits less there.
    """
    has_share = (places.base / "run/systemd/system").is_dir()
    os.nice(NICE_IDLE if has_share else NICE_ALONE)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE if has_share else os.SCHED_OTHER, os.sched_param(0))
    number = SYS_IOPRIO_SET.get(os.uname().machine)
    if number:
        ctypes.CDLL(None, use_errno=True).syscall(number, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE)


def die_with_parent(limits: Mapping[int, int]) -> None:
    """Have the kernel end this child when the agent is killed, so that no second run meets the first one's.

    C(limits): bytes by the name of a resource (setrlimit(2)), for it and each program that it starts.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    for name, size in limits.items():
        resource.setrlimit(name, (size, size))


class Log:
    """Takes what a playbook prints into C(file), without what lies between its beginning and its end."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.begun = self.left_out = 0
        self.end = b""

    def take(self, part: bytes) -> None:
        """Write or keep a part."""
        if self.begun < MOST_BEGIN:
            begin, part = part[: MOST_BEGIN - self.begun], part[MOST_BEGIN - self.begun :]
            self.begun += len(begin)
            self.file.write(begin)
            self.file.flush()
        self.end += part
        if len(self.end) > 2 * MOST_END:
            self.cut()

    def cut(self) -> None:
        """Leave only the end of what was not written."""
        self.left_out += max(0, len(self.end) - MOST_END)
        self.end = self.end[-MOST_END:]

    def close(self) -> None:
        """Write the end."""
        self.cut()
        if self.left_out:
            self.file.write(b"\n[wsltune-pull: %d bytes are left out here]\n" % self.left_out)
        self.file.write(self.end)
        self.file.flush()


class Answer:
    """Takes what git prints, all of it or nothing: a part of a list would be wrong."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts: list[bytes] = []
        self.size = 0

    def take(self, part: bytes) -> None:
        """Keep a part; Failure where there are too many."""
        self.size += len(part)
        if self.size > MOST_ANSWER:
            raise Failure(f"{self.name} printed more than {MOST_ANSWER >> 20} MiB")
        self.parts.append(part)


def attend(process: subprocess.Popen[bytes], take: Callable[[bytes], None], timeout: float) -> None:
    """Give what a process prints to C(take) until it ends; what it leaves running may hold its output open."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    until = time.monotonic() + timeout
    left = PIPE
    while left > 0:
        if time.monotonic() > until:
            raise subprocess.TimeoutExpired(process.args, timeout)
        is_over = process.poll() is not None
        if select.select([descriptor], [], [], 0.0 if is_over else LOOK)[0]:
            part = os.read(descriptor, 1 << 16)
            if not part:
                break
            take(part)
            left -= len(part) if is_over else 0
        elif is_over:
            break
    process.wait(max(LOOK, until - time.monotonic()))


def call(
    command: Sequence[str],
    timeout: float,
    environment: Mapping[str, str],
    take: Callable[[bytes], None],
    cwd: str = "/",
    umask: int = 0o077,
    limits: Mapping[int, int] = MappingProxyType({}),
    given: IO[bytes] | int = subprocess.DEVNULL,
) -> int:
    """Run a command in a process group of its own, with what it prints given to C(take); return its exit code.

    It reads C(given), and takes no more of a resource than C(limits) says, as die_with_parent() has them.
    """
    with subprocess.Popen(
        command,
        stdin=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        cwd=cwd,
        umask=umask,
        start_new_session=True,
        preexec_fn=functools.partial(die_with_parent, limits),  # noqa: PLW1509  the agent has one thread
    ) as process:
        try:
            attend(process, take, timeout)
        except (subprocess.TimeoutExpired, Failure) as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, Failure):
                raise
            raise Failure(f"{command[0]} took longer than {timeout:g} seconds") from None
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            raise
    return process.returncode


def most_memory() -> int:
    """Return how many bytes of memory a program may take that works on what a server sends."""
    return min(MOST_MEMORY, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)


class Git:
    """The repository, bare, of which nothing is in a work tree before it is verified."""

    def __init__(self, places: Places, config: pull.Config) -> None:
        self.places, self.config = places, config
        self.tags: list[str] = []
        """The objects of the tags that were fetched."""
        ssh = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]
        if config.ssh_key:
            ssh += ["-o", "IdentitiesOnly=yes", "-i", config.ssh_key]
        if config.known_hosts:
            ssh += ["-o", f"UserKnownHostsFile={config.known_hosts}", "-o", "StrictHostKeyChecking=yes"]
        # None of the settings and hooks of whoever runs this, and no question that nobody answers.
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(places.state),
            # For the signature that it has ssh-keygen read. Any account can fill /tmp, and then none would be good.
            "TMPDIR": str(places.state),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSH_COMMAND": " ".join(ssh),
        }
        self.options = [
            f"--git-dir={places.repository}",
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "protocol.ext.allow=never",
            "-c",
            "transfer.fsckObjects=true",
            "-c",
            "gc.auto=0",
            # Whatever a fetch brings is one file, whose size has a limit.
            "-c",
            "fetch.unpackLimit=1",
            "-c",
            "gpg.format=ssh",
            "-c",
            f"gpg.ssh.allowedSignersFile={places.signers}",
            "-c",
            "gpg.minTrustLevel=fully",
            # The kind of a signature is the signer's choice, and a keyring of root's says nothing about who may.
            "-c",
            "gpg.openpgp.program=/bin/false",
            "-c",
            "gpg.x509.program=/bin/false",
        ]

    def run(
        self, *arguments: str, timeout: float = 60.0, more: Mapping[str, str] | None = None, **how: Any
    ) -> tuple[int, str]:
        """Return git's exit code and what it prints; C(how) are options of call()."""
        answer = Answer(f"git {arguments[0]}")
        command = ["git", *self.options, *arguments]
        # A commit of gigabytes comes as little.
        how = {"limits": {resource.RLIMIT_DATA: most_memory()}, **how}
        code = call(command, timeout, {**self.environment, **(more or {})}, answer.take, **how)
        return code, b"".join(answer.parts).decode("utf-8", "replace")

    def ask(self, *arguments: str, timeout: float = 60.0, more: Mapping[str, str] | None = None, **how: Any) -> str:
        """Return what git prints; Failure with its last line where it fails."""
        code, printed = self.run(*arguments, timeout=timeout, more=more, **how)
        if code != 0:
            lines = [line.strip() for line in printed.splitlines() if line.strip()]
            telling = [line for line in lines if line.startswith(("fatal:", "error:"))]
            raise Failure(f"git {arguments[0]} failed: {(telling or lines or ['no reason given'])[0][:300]}")
        return printed.strip()

    def commit_of(self, name: str) -> str:
        """Return the commit that a name leads to; empty without one."""
        code, printed = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return printed.strip() if code == 0 else ""

    def fetch(self) -> str:
        """Fetch what the repository offers, and return its commit; nothing is checked out."""
        self.places.repository.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.run("rev-parse", "--git-dir")[0] != 0:
            # Killed while it was made, or damaged.
            shutil.rmtree(self.places.repository)
            self.ask("init", "--quiet", "--bare", str(self.places.repository))
        for lock in self.places.repository.rglob("*.lock"):
            # Of a run that was killed: the agent's own lock is held now, and nobody else works here.
            lock.unlink()
        self.remove_unfinished()
        self.make_room()
        refs = [f"refs/heads/{self.config.ref}", f"refs/tags/{self.config.ref}"]
        listed = self.ask("ls-remote", self.config.repository, timeout=self.config.network_timeout)
        offered = {name: commit for commit, _tab, name in (line.partition("\t") for line in listed.splitlines())}
        wanted = [ref for ref in refs if ref in offered]
        if not wanted:
            raise Failure(f"the repository has neither a branch nor a tag {self.config.ref}")
        tags = pull.choose_tags(offered)
        self.tags = [offered[name] for name in tags]
        room = self.room()
        try:
            # Tags have no name here: each would be a file, in as many folders as a server gives its name.
            with self.lines([f"+{wanted[0]}:{CANDIDATE}", *tags]) as asked:
                self.ask(
                    "fetch",
                    "--quiet",
                    "--no-tags",
                    "--stdin",
                    self.config.repository,
                    timeout=self.config.network_timeout,
                    limits={resource.RLIMIT_FSIZE: room, resource.RLIMIT_DATA: most_memory()},
                    given=asked,
                )
        except Failure as error:
            self.remove_unfinished()
            if "index-pack" not in str(error):
                raise
            raise Failure(
                f"{error}; a fetch may bring {room >> 20} MiB, which is at most half of what is free"
            ) from None
        return self.ask("rev-parse", "--verify", f"{CANDIDATE}^{{commit}}")

    def remove_unfinished(self) -> None:
        """Remove what a fetch that was ended left; nothing else cleans up here."""
        for folder in (self.places.repository / "objects").glob("*"):
            for left in folder.glob("tmp_*"):
                left.unlink()
        for left in self.places.state.glob(".git_*"):
            left.unlink()

    def room(self) -> int:
        """Return how many bytes a fetch may bring, whose server may send without end."""
        held = os.statvfs(self.places.repository)
        return max(1, min(MOST_FETCHED, held.f_bavail * held.f_frsize // 2))

    @contextlib.contextmanager
    def lines(self, lines: Sequence[str]) -> Iterator[IO[bytes]]:
        """Yield a file for git to read C(lines) from."""
        with tempfile.TemporaryFile(dir=self.places.state) as file:
            file.write("".join(f"{line}\n" for line in lines).encode())
            file.seek(0)
            yield file

    def make_room(self) -> None:
        """Make one file of all objects where these are many or large, and drop what was offered and not accepted."""
        counted = dict(line.split(": ") for line in self.ask("count-objects", "-v").splitlines())
        is_large = (int(counted["size"]) + int(counted["size-pack"])) << 10 > MOST_KEPT
        if not is_large and int(counted["packs"]) <= MOST_PACKS:
            return
        if is_large:
            self.ask("update-ref", "-d", CANDIDATE)
        self.ask("repack", "-a", "-d", "--quiet", timeout=self.config.timeout, limits={})
        self.ask("prune", "--expire=now", timeout=self.config.timeout)

    def signer_of(self, kind: str, name: str) -> tuple[str, str]:
        """Return who signed a commit or tag, empty for nobody who may, and what git says."""
        code, printed = self.run(f"verify-{kind}", "--raw", name)
        lines = printed.strip().splitlines()
        good = [line for line in lines if line.startswith('Good "git" signature for ')]
        if code != 0 or not good:
            return "", lines[-1] if lines else ""
        return good[0].removeprefix('Good "git" signature for ').split(" with ")[0], ""

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        """Return whether a commit is another one or comes before it, also under another id (pull.signed_part)."""
        if self.run("merge-base", "--is-ancestor", ancestor, commit)[0] == 0:
            return True
        own = self.run("rev-list", "--parents", "--max-count=1", ancestor)[1].split()[1:]
        code, listed = self.run("rev-list", "--parents", commit, "--not", f"{ancestor}^@", timeout=self.config.timeout)
        lines = map(str.split, listed.splitlines() if code == 0 else ())
        twins = [name for name, *parents in lines if parents == own]
        return bool(twins) and self.signed_part(ancestor) in map(self.signed_part, twins)

    def signed_part(self, commit: str) -> str:
        """Return what a commit says, without its signature."""
        return pull.signed_part(self.ask("cat-file", "commit", commit))

    def list_tags(self) -> list[str]:
        """Return those of the tags which the last fetch brought that can be signed; one can be of any size."""
        with self.lines(self.tags) as asked:
            told = self.ask("cat-file", "--batch-check=%(objecttype) %(objectsize) %(objectname)", given=asked)
        kinds = [line.split() for line in told.splitlines() if line.startswith("tag ")]
        return [name for _tag, size, name in kinds if int(size) <= LARGEST_TAG]

    def find_rollback(self, commit: str, accepted: str) -> pull.Rollback | None:
        """Return the signed tag that takes this machine from the commit that it has to C(commit)."""
        for tag in self.list_tags():
            rollback = pull.parse_rollback(self.ask("cat-file", "tag", tag))
            if rollback is None or rollback.target != commit or not self.commit_of(rollback.source):
                continue
            # The machine may not have come as far as the commit that is taken back.
            between = self.is_ancestor(commit, accepted) and self.is_ancestor(accepted, rollback.source)
            if between and self.signer_of("tag", tag)[0]:
                return rollback
        return None

    def judge(self, commit: str, record: pull.Record) -> tuple[pull.Candidate, pull.Rollback | None]:
        """Return what is known of a commit, by what the machine has."""
        signer, why = self.signer_of("commit", commit)
        accepted = record.accepted
        follows = not accepted or self.is_ancestor(accepted, commit)
        # Back to a commit again that was left by going forward takes a tag; forward to one that was taken back never.
        withdrawn = commit != accepted and any(self.is_ancestor(commit, bad) for bad in record.withdrawn)
        rollback = None if follows or not signer else self.find_rollback(commit, accepted)
        return pull.Candidate(commit, signer, why, follows, withdrawn, rollback.name if rollback else ""), rollback

    def check_out(self, commit: str) -> None:
        """Put the files of a commit into a new tree, so that no earlier file or edit has a part in it."""
        new = self.places.state / "tree.new"
        index = self.places.state / "index"
        for path in (new, self.places.state / "tree.old"):
            shutil.rmtree(path, ignore_errors=True)
        for path in (index, index.with_suffix(".lock")):
            path.unlink(missing_ok=True)
        new.mkdir(mode=0o700)
        more = {"GIT_INDEX_FILE": str(index)}
        self.ask("read-tree", commit, more=more)
        self.ask(f"--work-tree={new}", "checkout-index", "--all", "--force", f"--prefix={new}/", more=more)
        index.unlink(missing_ok=True)
        if self.places.tree.exists():
            self.places.tree.rename(self.places.state / "tree.old")
        new.rename(self.places.tree)
        shutil.rmtree(self.places.state / "tree.old", ignore_errors=True)


def list_processes(proc: Path) -> Iterator[pull.Process]:
    """Return the processes of this machine, of all users, with arguments where these tell something."""
    for folder in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            program, arguments = os.readlink(folder / "exe"), [""]
            if pull.tells_by_arguments(program):
                with (folder / "cmdline").open("rb", buffering=0) as handle:
                    arguments = handle.read(MOST_ARGUMENTS).decode("utf-8", "replace").split("\0")
            yield pull.Process(program, arguments)


def ask_child(act: Callable[[], str]) -> str | None:
    """Return what C(act) returns in a child; None where it does not end in time, as with what never answers."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            # One that cannot be ended would keep the lock of the run.
            os.closerange(0, there)
            os.closerange(there + 1, 1 << 10)
            os.write(there, os.fsencode(act()))
        finally:
            os._exit(0)
    os.close(there)
    try:
        if not select.select([here], [], [], LOOKING)[0]:
            return None
        return os.fsdecode(os.read(here, 1 << 12))
    finally:
        os.close(here)
        os.kill(child, signal.SIGKILL)
        # Old kernels let nothing interrupt it.
        os.waitpid(child, os.WNOHANG)


def find_build(proc: Path) -> str:
    """Return the name of a process that builds with Go; empty without one, and where looking does not end.

    The arguments lie in the memory of their process, and whoever reads them waits while its account keeps that locked:
    mmap(2) waits for a file system that is a program of the account's (FUSE).
    """
    return ask_child(lambda: pull.find_build(list_processes(proc))) or ""


def put_metrics(path: Path, text: str) -> str:
    """Write a file for a collector; return WRITTEN, NOTHING where there is no folder for it, or why that failed."""
    try:
        if not path.parent.is_dir():
            return NOTHING
        # Debian gives the folder above it to the collector's account.
        files.Files().put_in_own(str(path), files.FileState(text.encode("utf-8"), 0o644, 0, 0, 0))
    except OSError as error:
        return f"cannot be written: {error.strerror}"
    return WRITTEN


def list_supplies(folder: Path) -> list[dict[str, str]]:
    """Return what the kernel says about each power supply."""
    supplies = []
    for supply in folder.glob("*"):
        values = {}
        for name in ("type", "status", "online"):
            with contextlib.suppress(OSError):
                values[name] = (supply / name).read_text(encoding="utf-8").strip()
        supplies.append(values)
    return supplies


class Agent:
    """One run, from the lock to the status."""

    def __init__(self, places: Places, config: pull.Config, log: logging.Logger) -> None:
        self.places, self.config, self.log = places, config, log
        self.git = Git(places, config)
        self.record = pull.Record()
        self.settings: list[dict[str, Any]] | None = None
        """What drift said of each."""

    def read_record(self) -> pull.Record:
        """Return the record. Of a damaged one the commits are known by the repository's own names."""
        try:
            text = self.places.record.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            text = ""
        record = pull.parse_record(text)
        if record is None:
            if text:
                self.log.warning("the record was damaged; the commits are taken from the repository")
                self.places.record.replace(self.places.record.with_suffix(".damaged"))
            record = pull.Record()
            if self.places.repository.is_dir():
                record.accepted = self.git.commit_of(ACCEPTED)
                record.applied = self.git.commit_of(APPLIED)
                record.withdrawn = self.git.ask("for-each-ref", "--format=%(objectname)", WITHDRAWN).split()
        return record

    def read_shown(self) -> pull.Record:
        """Return what the last run showed, for a run that cannot read the record; never to be kept as the record."""
        with contextlib.suppress(OSError, pull.OtherVersion):
            return pull.parse_record(self.places.status.read_text(encoding="utf-8", errors="replace")) or self.record
        return self.record

    def save(self) -> None:
        """Keep the record, and the commits in the repository too, which also keeps them from being collected.

        Killed at any moment, none is named there as applied that is not.
        """
        if self.places.repository.is_dir():
            kept = [(f"{WITHDRAWN}/{commit}", commit) for commit in self.record.withdrawn]
            for ref, commit in (*kept, (APPLIED, self.record.applied), (ACCEPTED, self.record.accepted)):
                self.git.run("update-ref", *([ref, commit] if commit else ["-d", ref]))
        write(self.places.record, json.dumps(self.record.to_json(), indent=1) + "\n")

    def play(self, playbook: str, more: Mapping[str, Any]) -> int:
        """Run a playbook of the tree on this machine; return Ansible's exit code."""
        tree = self.places.tree
        if not (tree / playbook).is_file():
            raise Failure(f"the repository has no {playbook}")
        reason = explain_no_program(self.config.ansible_playbook)
        if reason:
            raise Failure(reason)
        # Every account can read the arguments of a process.
        write(self.places.variables, json.dumps({**self.config.variables, **more}) + "\n")
        command = [self.config.ansible_playbook, "-i", self.config.inventory, playbook]
        command += ["-e", f"@{self.places.variables}"]
        # With sudo -E, HOME is a user's, where Ansible would keep the files that root runs.
        home = pwd.getpwuid(os.geteuid()).pw_dir
        environment = {**self.git.environment, "HOME": home, "ANSIBLE_NOCOLOR": "1"}
        # What acts for an account makes temporary files as that account.
        del environment["TMPDIR"]
        # What runs by itself says so in the trail of changes.
        environment.update(WSLTUNE_COMMIT=self.record.accepted, WSLTUNE_STARTED_BY="wsltune-pull")
        if (tree / "ansible.cfg").is_file():
            environment["ANSIBLE_CONFIG"] = str(tree / "ansible.cfg")
        with self.places.log.open("ab") as file:
            log = Log(file)
            try:
                # What a playbook makes is for the machine's users, and as open as if root had made it at a terminal.
                return call(command, self.config.timeout, environment, log.take, str(tree), umask=0o022)
            finally:
                log.close()
                self.places.variables.unlink(missing_ok=True)

    def look_for_drift(self, now: float) -> None:
        """Read how the machine's settings compare with what is declared."""
        self.record.drift = self.settings = None
        playbook = self.config.drift_playbook
        if not playbook or not (self.places.tree / playbook).is_file():
            return
        # One name, so that what a killed run left goes too.
        folder = self.places.state / "drift"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        code = self.play(playbook, {"wsltune_drift_dir": str(folder), "wsltune_drift_fail_on": "never"})
        with contextlib.suppress(OSError, ValueError):
            # Deeper ones are of one host each.
            found = folder.rglob("drift.json")
            report = min(found, key=lambda path: len(path.parts), default=folder / "drift.json")
            self.settings = pull.list_settings(json.loads(report.read_text(encoding="utf-8")))
        shutil.rmtree(folder, ignore_errors=True)
        if self.settings is None:
            self.log.warning("drift could not be looked at (exit code %s)", code)
        else:
            self.record.drift = pull.count_states(self.settings)
            pull.note_time(self.record, now)

    def run(self, now: float) -> tuple[str, str]:
        """Fetch, verify, check out and apply; return the state and the reason."""
        commit = self.git.fetch()
        candidate, rollback = self.git.judge(commit, self.record)
        reason = pull.refuse(candidate, self.record.accepted)
        if reason:
            raise Refusal(reason)
        if commit != self.record.accepted:
            self.log.info("%s, signed by %s", commit, candidate.signer)
            if rollback is not None:
                self.log.info("%s takes back what came after it", rollback.name)
                self.record.withdrawn = sorted({*self.record.withdrawn, rollback.source})
            pull.accept(self.record, commit)
            self.save()
        self.git.check_out(commit)
        if pull.needs_run(self.record, commit):
            code = self.play(self.config.playbook, {})
            if code != 0:
                raise Failure(f"{self.config.playbook} of {commit[:12]} ended with exit code {code}")
            self.record.applied = commit
            self.look_for_drift(now)
            return pull.OK, f"applied {commit[:12]}"
        self.look_for_drift(now)
        return self.heal(commit, now)

    def heal(self, commit: str, now: float) -> tuple[str, str]:
        """Restore the declared state where that may be done by itself."""
        reason = pull.explain_no_heal(self.config, self.record, self.settings, now)
        if reason:
            stopped = self.record.failed_heals >= pull.MOST_FAILED_HEALS
            return (pull.STOPPED if stopped else pull.OK), f"{commit[:12]} is applied; {reason}"
        self.record.failed_heals += 1
        self.save()
        code = self.play(self.config.playbook, {})
        self.look_for_drift(now)
        is_restored = self.settings is not None and pull.note_left(self.record, self.settings)
        if code != 0 or not is_restored:
            raise Failure(
                f"the heal {f'ended with exit code {code}' if code else 'left drift'}; {commit[:12]} is applied"
            )
        self.record.failed_heals = 0
        self.record.heals += 1
        count = len(self.record.left)
        but = f", but for {count} settings that an account changed again" if count else ""
        return pull.OK, f"healed: the state of {commit[:12]} is restored{but}"

    def finish(self, state: str, reason: str, now: float, is_kept: bool = True) -> int:
        """Keep and show what the run came to; without C(is_kept) only show it. Return the exit code."""
        before = dataclasses.replace(self.record)
        state, reason = self.note(state, pull.spell_out(reason), now)
        for name, act in (("record", self.save if is_kept else None), ("status", self.write_status)):
            try:
                if act is not None:
                    act()
            except (Failure, OSError) as error:
                self.record = dataclasses.replace(before)
                state, reason = self.note(pull.FAILED, pull.spell_out(f"the {name} cannot be written: {error}"), now)
        self.write_metrics(state)
        self.log.log(
            logging.INFO if state in (pull.OK, pull.WAITING, pull.OFF) else logging.ERROR, "%s: %s", state, reason
        )
        return CODES[state]

    def note(self, state: str, reason: str, now: float) -> tuple[str, str]:
        """Put into the record what the run came to, and return that."""
        self.record.state, self.record.reason = state, reason
        self.record.last_run = now
        if state == pull.OK:
            self.record.last_success, self.record.failures = now, 0
        elif state in (pull.FAILED, pull.REFUSED):
            self.record.failures += 1
        if self.record.failed_heals >= pull.MOST_FAILED_HEALS and state == pull.FAILED:
            state = self.record.state = pull.STOPPED
        return state, reason

    def write_status(self) -> None:
        """Write what `wsltune-pull status` prints."""
        write(self.places.status, json.dumps(self.record.to_json(), indent=1) + "\n")

    def write_metrics(self, state: str) -> None:
        """Write what a collector reads, where there is one."""
        folders = [self.config.metrics_directory] if self.config.metrics_directory else metrics.FOLDERS
        for folder in folders:
            path = self.places.base / folder.lstrip("/") / metrics.PULL_FILE
            text = metrics.render(metrics.describe_pull(state, self.record.to_json()))
            # What that account mounted there may give no answer.
            said = ask_child(functools.partial(put_metrics, path, text))
            if said == NOTHING:
                continue
            if said != WRITTEN:
                self.log.warning("%s %s", path, said or "gives no answer")
            return


def open_log(places: Places) -> logging.Logger:
    """Return the log, which is rotated, and have C(places) name it by its folder as it is open now.

    Some distributions have a logger's account write in /var/log, who could put another folder there.
    """
    try:
        places.log.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        # It stays open as long as the program runs.
        found = files.own_place(str(places.log))
        places.log = Path(f"/proc/self/fd/{found.folder}") / found.name
    except OSError:
        places.log = places.state / places.log.name
    log = logging.getLogger("wsltune-pull")
    log.setLevel(logging.INFO)
    handler = logging.handlers.RotatingFileHandler(places.log, maxBytes=LOG_BYTES, backupCount=LOG_FILES)
    os.chmod(places.log, 0o600)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    if sys.stderr.isatty():
        log.addHandler(logging.StreamHandler())
    return log


def find_interpreter(program: str) -> str:
    """Return the program that the first line of a script names; empty for none."""
    with open(program, "rb") as file:
        line = file.read(FIRST_LINE).split(b"\n")[0]
    words = os.fsdecode(line[2:]).split() if line.startswith(b"#!") else []
    if words and os.path.basename(words[0]) == "env":
        named = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return shutil.which(named[0]) or "" if named else ""
    return words[0] if words else ""


def find_what_others_change(path: str) -> str:
    """Return what other accounts can write of a path, its way or what it names; empty if nothing."""
    try:
        files.check_alone(os.path.abspath(path))
    except FileNotFoundError:
        pass
    except files.NotOurs as error:
        return str(error.filename)
    return ""


def explain_no_program(name: str) -> str:
    """Return why root does not run a program, which is that another account can change it; empty if none can.

    Of one in Python its interpreter counts too, and where that looks for modules.
    """
    program = shutil.which(name)
    if program is None or os.geteuid() != 0:
        return ""
    interpreter = find_interpreter(program)
    where = find_what_others_change(program) or (find_what_others_change(interpreter) if interpreter else "")
    if not where and os.path.isfile(interpreter) and os.path.basename(interpreter).startswith("python"):
        asked = [interpreter, "-I", "-c", "import sys; print(*sys.path, sep='\\n')"]
        told = subprocess.run(asked, check=False, capture_output=True, text=True, cwd="/", stdin=subprocess.DEVNULL)
        where = next(filter(None, map(find_what_others_change, filter(None, told.stdout.split("\n")))), "")
    if not where:
        return ""
    return (
        f"ansible_playbook is {program}, and another account can write in {where}: install ansible-core where only"
        " root can write, such as by the distribution's package manager or in /opt, and name it by"
        " pull_agent_ansible_playbook"
    )


def read_config(places: Places) -> pull.Config:
    """Return the configuration; ConfigError says what is wrong with it."""
    try:
        return pull.parse_config(json.loads(places.config.read_text(encoding="utf-8")))
    except (OSError, json.JSONDecodeError) as error:
        raise pull.ConfigError(f"{places.config} cannot be read: {error}") from None


def run(places: Places, now_wanted: bool, now: float) -> int:
    """Do one run; return its exit code."""
    os.umask(0o077)
    places.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with places.lock.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("wsltune-pull: another run is under way", file=sys.stderr)
            return BUSY
        log = open_log(places)
        try:
            agent = Agent(places, read_config(places), log)
        except pull.ConfigError as error:
            log.error("%s", error)
            return UNUSABLE
        try:
            agent.record = agent.read_record()
        except pull.OtherVersion as error:
            log.error("%s is of another version: %s; update the agent", places.record, error)
            return UNUSABLE
        except (Failure, OSError) as error:
            agent.record = agent.read_shown()
            return agent.finish(pull.FAILED, f"the record cannot be read: {error}", now, is_kept=False)
        if places.off.exists():
            return agent.finish(pull.OFF, f"{places.off} is there; `wsltune-pull on` removes it", now)
        try:
            waiting = "" if now_wanted else explain_waiting(places, agent.config, agent.record, now)
            if waiting:
                state, reason = pull.WAITING, waiting
            else:
                agent.record.build_since = None
                yield_to_others(places)
                state, reason = agent.run(now)
        except Refusal as error:
            state, reason = pull.REFUSED, str(error)
        except (Failure, OSError) as error:
            state, reason = pull.FAILED, str(error)
        return agent.finish(state, reason, now)


def explain_waiting(places: Places, config: pull.Config, record: pull.Record, now: float) -> str:
    """Return why this run waits for the next one; empty if nothing speaks against it. C(record) notes since when."""
    moment = datetime.datetime.fromtimestamp(now).astimezone()
    build = find_build(places.proc)
    waited = pull.age(record.build_since, now)
    if not build or waited is None:
        record.build_since = now if build else None
    return pull.explain_waiting(
        config,
        on_battery=pull.is_on_battery(list_supplies(places.supplies)),
        build=build,
        frozen_until=pull.find_freeze(config.freezes, moment),
        waited=waited,
    )


def show(places: Places) -> int:
    """Print what the last run came to."""
    try:
        record = json.loads(places.status.read_text(encoding="utf-8"))
    except FileNotFoundError:
        print("The agent has not run yet.")
        return 0
    except ValueError:
        print(f"wsltune-pull: {places.status} cannot be read: the next run writes it anew", file=sys.stderr)
        return 1
    when = datetime.datetime.fromtimestamp(record["last_run"]).astimezone().isoformat(timespec="seconds")
    print(f"{record['state']} at {when}: {record['reason']}")
    for name in ("applied", "accepted", "failures", "failed_heals", "heals", "drift"):
        print(f"  {name}: {record[name]}")
    return 0


def switch(places: Places, on: bool) -> int:
    """Turn the agent on or off; on also lets it heal again after failures."""
    if not on:
        places.off.parent.mkdir(parents=True, exist_ok=True)
        places.off.touch()
        print(f"The agent is off because {places.off} is there.")
        return 0
    places.off.unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError, pull.OtherVersion):
        record = pull.parse_record(places.record.read_text(encoding="utf-8"))
        if record is not None:
            record.failed_heals, record.left = 0, {}
            write(places.record, json.dumps(record.to_json(), indent=1) + "\n")
    print("The agent is on.")
    return 0


def check(places: Places) -> int:
    """Print what is wrong with the configuration, if anything is."""
    try:
        reason = explain_no_program(read_config(places).ansible_playbook)
        if reason:
            raise pull.ConfigError(reason)
    except pull.ConfigError as error:
        print(f"wsltune-pull: {error}", file=sys.stderr)
        return 1
    return 0


def forget(places: Places) -> int:
    """Remove the log; print why where its folder is another account's by now."""
    paths = [places.log, *(places.log.with_name(f"{places.log.name}.{number}") for number in range(1, LOG_FILES + 1))]
    try:
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                files.Files().remove_in_own(str(path))
    except OSError as error:
        print(f"wsltune-pull: {places.log} stays ({error.strerror}): look at whose {places.log.parent} is")
        return 1
    return 0


def stay(places: Places) -> int:
    """Run now and then in the background, where no systemd has a timer."""
    if os.fork():
        return 0
    os.setsid()
    if os.fork():
        os._exit(0)
    with open(os.devnull, "r+b") as null:
        for descriptor in range(3):
            os.dup2(null.fileno(), descriptor)
    time.sleep(SECONDS_AFTER_BOOT)
    while True:
        try:
            # A process of its own each time, so that an update of the program counts.
            subprocess.run([sys.executable, "-I", "-B", str(Path(__file__).parent), "run"], check=False)
        except (OSError, MemoryError):
            # Any account can take all numbers of processes, or the memory, for a moment, and nothing else starts this.
            time.sleep(SECONDS_AFTER_BOOT)
            continue
        try:
            interval = read_config(places).interval
        except pull.ConfigError:
            return 1
        time.sleep(max(interval, 60.0))


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="wsltune-pull", description="Keeps this machine as a Git repository declares it."
    )
    parser.add_argument("verb", choices=["run", "boot", "status", "off", "on", "check", "forget"])
    parser.add_argument("--now", action="store_true", help="wait neither for the battery, a build nor a freeze window")
    parser.add_argument("--root", default="/", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    places = Places(options.root)
    try:
        return do(options.verb, places, options.now)
    except PermissionError as error:
        print(
            f"wsltune-pull: {error.filename} is for root alone: run sudo wsltune-pull {options.verb}", file=sys.stderr
        )
        return 1
    except OSError as error:
        print(f"wsltune-pull: {error.filename} cannot be used: {error.strerror}", file=sys.stderr)
        return 1


def do(verb: str, places: Places, now_wanted: bool) -> int:
    """Do what a verb of the command line stands for; return the exit code."""
    if verb == "check":
        return check(places)
    if verb == "status":
        return show(places)
    if verb in ("on", "off"):
        return switch(places, verb == "on")
    if verb == "boot":
        return stay(places)
    if verb == "forget":
        return forget(places)
    return run(places, now_wanted, time.time())


if __name__ == "__main__":
    sys.exit(main())
