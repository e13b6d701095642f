# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run Go for a benchmark: in the environment of a login, with nothing left behind.

All of it runs as the account whose Go it is; root has a child that became that account do it (linux/become.py), and
itself only writes the progress file.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import random
import re
import shlex
import shutil
import signal
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import (
    editing,
    guard,
    schedule,
    scratch,
    settings_file,
    stats,
    suite,
)
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import CONTROL, Experiment, Run, Scenario
from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
from ansible_collections.wsltune.go.plugins.module_utils.go import flags as go_flags
from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.linux import (
    accounts,
    become,
    cgroups,
    files,
    look,
    mountinfo,
    process,
)
from ansible_collections.wsltune.go.plugins.module_utils.linux import fingerprint as linux_fingerprint

# Small packages of every Go since 1.19: linking them is most of the work, as in most people's tests, and none writes
# files of its own, which up to Go 1.25 no setting of Go moves.
STD_PACKAGES = ("bufio", "encoding/csv", "encoding/json", "sort", "text/tabwriter")
COPY_LIMIT = 512 * 2**20
TAIL = 4096
MOST_EVENTS = 64 << 20
PATIENCE, LOOK = 50.0, 0.1
"""Seconds that copying a project waits in all for files on which another process has a lease, and between two tries."""
NOT_COPIED = (".git", ".hg", ".svn")
SCENARIOS = ("test", "edit", "cold", "race", "build", "bench")
COMMANDS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "name": {"type": "str", "required": True},
        "run": {"type": "str", "required": True},
        "setup": {"type": "str", "default": ""},
    },
}
"""What modules take for read_commands()."""
# In these a file of a copy is changed before each run.
EDITING = ("edit", "build")
# What these measure is chosen from the tests that pass.
OF_TESTS = ("test", "edit", "cold", "race", "bench")
# Go passes over a folder of such a name.
BUILT = ".wsltune-build"
BENCH_TIME = "100ms"


class BenchmarkError(ValueError):
    """Why nothing can be measured, in one sentence."""


@dataclass
class Variant:
    """One of the things compared: what it lays over the user's environment, and where its source is."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)
    unset: list[str] = field(default_factory=list)
    directory: str | None = None
    revision: str | None = None

    def over(self, base: dict[str, str]) -> dict[str, str]:
        """Return the environment that the variant makes of `base`."""
        merged = {key: value for key, value in base.items() if key not in self.unset}
        merged.update(self.environment)
        return merged


@dataclass(frozen=True)
class Command:
    """A command of the user's own, which a shell runs in a copy of the module; the set-up step is not timed."""

    name: str
    run: str
    setup: str = ""


def read_variants(entries: Sequence[Mapping[str, Any]]) -> list[Variant]:
    """Return the variants of a module's parameter; BenchmarkError for one that cannot be measured."""
    names = [str(entry["name"]) for entry in entries]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,40}", name) or name == CONTROL:
            raise BenchmarkError(
                f"variants: {name!r} is no name for a variant: use letters, digits, '.', '_' and '-', "
                f"and not {CONTROL!r}."
            )
    if not names or len(set(names)) != len(names):
        raise BenchmarkError("variants: give at least one, and each its own name.")
    return [
        Variant(
            name,
            {str(key): str(value) for key, value in (entry["environment"] or {}).items()},
            [str(variable) for variable in entry["unset"] or []],
            entry["directory"],
            entry["revision"] or None,
        )
        for name, entry in zip(names, entries)
    ]


def read_commands(entries: Sequence[Mapping[str, Any]], modules: Sequence[str]) -> list[Command]:
    """Return the commands of a module's parameter; BenchmarkError for one that cannot be measured."""
    commands = [Command(command["name"], command["run"], command["setup"] or "") for command in entries]
    names = [command.name for command in commands]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,40}", name) or name in SCENARIOS or names.count(name) > 1:
            raise BenchmarkError(
                f"commands: {name!r} is no name for a command: use letters, digits, '.', '_' and '-', each name once, "
                f"and none of {', '.join(SCENARIOS)}."
            )
    if commands and not modules:
        raise BenchmarkError("commands has something to run, and modules is empty: name the Go module to run it in.")
    for command in commands:
        if not command.run.strip():
            raise BenchmarkError(f"commands: {command.name} has nothing to run: set its `run`, such as make test.")
    return commands


def _git(user: str, folder: str, environment: Mapping[str, str], *arguments: str) -> str:
    place = go_sources.find_settings_of_others(folder, environment)
    if place:
        raise BenchmarkError(
            f"{place} can be changed by other accounts, and root's Git in {folder} has settings, or what it runs, from"
            " there: measure it as its owner (wsltune_user)."
        )
    try:
        done = process.run(["git", *arguments], environment, folder, limit=120, most=MOST_EVENTS)
    except OSError as error:
        raise BenchmarkError(f"git cannot be started by {user}: {error.strerror}.") from error
    if done.code:
        raise BenchmarkError(f"git {arguments[0]} fails in {folder}: {done.reason}.")
    return done.out


def copy_history(user: str, origin: str, copy: str, environment: Mapping[str, str]) -> None:
    """Give a copy of a repository on another disk the last commit, so that Git asks nothing of the original's disk.

    The repository is only read. Where that fails, such as without Git, the copy has none.
    """
    if not os.path.lexists(os.path.join(origin, ".git")):
        return
    quiet = {**environment, **process.GIT_READS_ONLY}
    with contextlib.suppress(BenchmarkError):
        _git(user, origin, quiet, "clone", "--quiet", "--bare", "--depth=1", f"file://{origin}", f"{copy}/.git")
        _git(user, copy, quiet, "config", "core.bare", "false")
        _git(user, copy, quiet, "reset", "--quiet")


def run(
    command: Sequence[str],
    directory: str,
    environment: dict[str, str],
    limit: float = 600.0,
    benchmarks: bool = False,
    watch: guard.Guard | None = None,
) -> dict[str, Any]:
    """Run a command to its end and return what it used; its last words only when it failed.

    With C(benchmarks) also the time per operation of each of Go's benchmarks that it ran. C(watch) ends it where it
    takes the memory that others need.
    """
    done = process.run(command, environment, directory, limit=limit, watch=watch.must_end if watch else None)
    result: dict[str, Any] = {
        "wall": done.wall,
        "user": done.user,
        "system": done.system,
        "max_rss": done.max_rss,
        "blocks_written": done.blocks_written,
        "exit_code": done.code,
    }
    if benchmarks:
        result["benchmarks"] = suite.read_benchmarks(done.out)
    if done.timed_out:
        result["timed_out"] = True
    if done.stopped and watch:
        result["ended_for"] = watch.sentence()
    if done.code:
        result["output_tail"] = done.out[-TAIL // 2 :] + done.err[-TAIL // 2 :]
    return result


def _check_copy(origin: str, parent: str, name: str) -> None:
    if not os.access(parent, os.W_OK | os.X_OK):
        raise BenchmarkError(f"{name} cannot copy {origin}: {parent} is not writable")
    size = _measure_size(origin)
    if size > COPY_LIMIT:
        raise BenchmarkError(f"{origin} holds {size >> 20} MiB, more than the {COPY_LIMIT >> 20} to be copied")


class _Patience:
    """The seconds that are left for files on which another process has a lease (fcntl(2)); each may last 45."""

    def __init__(self) -> None:
        self.left = PATIENCE

    def open(self, path: str) -> Any:
        """Open a file, and nothing that came into its place; whoever owns one could keep each reader waiting."""
        while True:
            try:
                return files.opened(path)
            except BlockingIOError:
                if self.left <= 0:
                    raise OSError(errno.EAGAIN, "another process keeps it by a lease", path) from None
                self.left -= LOOK
                time.sleep(LOOK)


def _copy_file(origin: str, copy: str, patience: _Patience) -> None:
    """Copy a file, and not the bits by which it runs as its owner: others may have put it there."""
    with patience.open(origin) as source, open(copy, "xb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        status = os.fstat(source.fileno())
    os.chmod(copy, status.st_mode & 0o777)
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))


def _copy_tree(origin: str, copy: str) -> None:
    """Copy what is in a project into the folder C(copy), which stays closed to others."""
    copy_file = functools.partial(_copy_file, patience=_Patience())
    with os.scandir(origin) as listed:
        entries = [entry for entry in listed if entry.name not in NOT_COPIED]
    for entry in entries:
        target = os.path.join(copy, entry.name)
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target)
        elif entry.is_dir():
            shutil.copytree(entry.path, target, symlinks=True, ignore=_name_ignored, copy_function=copy_file)
        elif entry.is_file():
            copy_file(entry.path, target)


def _name_ignored(folder: str, names: Sequence[str]) -> set[str]:
    """Return which of the C(names) in a folder are not copied: also sockets and pipes, which programs leave there."""
    ignored = {name for name in names if name in NOT_COPIED}
    with os.scandir(folder) as entries:
        ignored |= {entry.name for entry in entries if not (entry.is_symlink() or entry.is_dir() or entry.is_file())}
    return ignored


@contextlib.contextmanager
def copy_home(account: accounts.Account, origin: str) -> Iterator[str]:
    """Copy a project into the user's home, without what version control keeps, for as long as the context lasts."""
    with scratch.Folders() as folders:
        _check_copy(origin, account.home, account.name)
        copy = folders.make(account.home, "source")
        _copy_tree(origin, copy)
        yield copy


def make_sample_module() -> dict[str, str]:
    """Return a module without dependencies: four packages, three of which use the fourth, `core/core.go`."""
    # Go is indented by tabs, which have no place in a Python file.
    step = """func Step%d(words []string) string {
>parts := make([]string, 0, len(words))
>for i, word := range words {
>>if (i+%d)%%3 == 0 {
>>>parts = append(parts, strings.ToUpper(word)+strconv.Itoa(i*%d))
>>} else {
>>>parts = append(parts, strings.TrimSuffix(word, "%d"))
>>}
>}
>sort.Strings(parts)
>return strings.Join(parts, "-")
}
"""
    functions = "\n".join(step % (n, n, n + 1, n) for n in range(40)).replace(">", "\t")
    users = {
        "codec": ("encoding/json", "data, err := json.Marshal(core.Words())", "len(data) == 0"),
        "render": ("text/template", 'name, err := template.New("x").Parse(core.Words()[0])', "name == nil"),
        "table": (
            "encoding/csv",
            "rows, err := csv.NewReader(strings.NewReader(core.Step3(core.Words()))).ReadAll()",
            "len(rows) == 0",
        ),
    }
    files = {
        "go.mod": "module wsltune.example/sample\n\ngo 1.19\n",
        "core/core.go": 'package core\n\nimport (\n\t"sort"\n\t"strconv"\n\t"strings"\n)\n\n'
        'func Words() []string { return []string{"tmpfs", "cache", "link", "test"} }\n\n' + functions,
        "core/core_test.go": 'package core\n\nimport "testing"\n\nfunc TestSteps(t *testing.T) {\n'
        '\tif Step1(Words()) == "" || Step39(Words()) == "" {\n\t\tt.Fatal("empty")\n\t}\n}\n',
    }
    for name, (imported, body, wrong) in users.items():
        more = '\t"strings"\n' if "strings." in body else ""
        files[f"{name}/{name}_test.go"] = (
            f'package {name}\n\nimport (\n\t"{imported}"\n{more}\t"testing"\n\n\t"wsltune.example/sample/core"\n)\n\n'
            f"func Test(t *testing.T) {{\n\t{body}\n\tif err != nil || {wrong} {{\n"
            f'\t\tt.Fatal("failed")\n\t}}\n}}\n'
        )
        files[f"{name}/{name}.go"] = f"package {name}\n"
    return files


def read_mounts() -> list[mountinfo.Mount]:
    """Return the mounts that this process sees."""
    return mountinfo.parse(mountinfo.table())


def make_memory_guard() -> guard.Guard:
    """Return what watches the memory of this machine and of the control groups of this process."""
    return guard.Guard(cgroups.folders(guard.read("/proc/self/cgroup") or "", read_mounts(), "memory"))


def find_file_system(mounts: Sequence[Any], path: str) -> str | None:
    """Return the type of the file system that a path, links followed, lies on; None where no mount is above it."""
    mount = mountinfo.find(mounts, os.path.realpath(path))
    return mount.fstype if mount else None


def list_in_memory(places: dict[str, str | None]) -> list[str]:
    """Return the names of the places that lie on a tmpfs."""
    table = read_mounts()
    questions = {name: functools.partial(find_file_system, table, path) for name, path in places.items() if path}
    answers, _silent = look.each(questions)
    return [name for name in questions if answers.get(name) in mountinfo.IN_MEMORY]


def write_progress(path: str, state: Mapping[str, Any]) -> None:
    """Replace the progress file in one step, readable for everyone."""
    with files.place(path, follow=False) as target, target.beside(f"{target.name}.{os.getpid()}") as temporary:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary.name, dir_fd=temporary.folder)
        descriptor = temporary.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                json.dump(state, handle)
                os.fchmod(handle.fileno(), 0o644)
            os.replace(temporary.name, target.name, src_dir_fd=temporary.folder, dst_dir_fd=target.folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary.name, dir_fd=temporary.folder)
            raise


class _Pen:
    """Writes the progress file in a child."""

    def write(self, path: str, state: Mapping[str, Any]) -> None:
        write_progress(path, state)


def _find_writer(path: str) -> process.Identity | None:
    """Return who writes the progress file where root does not: the account that could turn the path elsewhere.

    BenchmarkError where more than one could.
    """
    try:
        files.check(path, follow=False)
        return None
    except files.NotOurs as error:
        folder = str(error.filename)
    status = os.stat(folder)
    if status.st_uid == 0:
        # As in /tmp: what lies in it belongs to its owner alone.
        name = os.path.relpath(os.path.realpath(os.path.dirname(path)), folder).partition("/")[0]
        if status.st_mode & stat.S_ISVTX and name not in (".", ".."):
            status = os.lstat(os.path.join(folder, name))
    if status.st_uid == 0:
        raise BenchmarkError(
            f"progress_path is {path}: others can write in {folder}, so name a file in another folder."
        )
    return accounts.identity_of(status.st_uid, status.st_gid)


@contextlib.contextmanager
def report_progress_to(path: str | None) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Give a function that writes the progress file, where one is wanted, with the rights of its folder's owner."""
    if not path:
        yield lambda _state: None
        return
    identity = _find_writer(path)
    if not become.is_other(identity):
        yield lambda state: write_progress(path, state)
        return
    with become.Hands(identity, _Pen) as hands:
        yield lambda state: hands.call("write", path, state)


def run_as_user(
    account: accounts.Account,
    function: Callable[..., Any],
    budget_minutes: float,
    heard: Callable[[Any], None] | None = None,
) -> Any:
    """Return what C(function) returns, run by the account; with C(heard) it gets a function that tells how far it is.

    What belongs to the budget is ended by itself, so this limit is for a disk that does not answer.
    """
    limit = 900 + 4 * max(60.0, budget_minutes * 60)
    return become.ask(
        accounts.identity(account), function, limit, (BenchmarkError, accounts.AccountError), heard, memory=become.MUCH
    )


def clean_up_on_signals() -> None:
    """Have the signals that end a module raise SystemExit, so that what was made for measuring goes."""

    def stop(signum: int, _frame: Any) -> None:
        raise SystemExit(128 + signum)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop)


def find_scratch_parent(environment: Mapping[str, str], account: accounts.Account) -> str:
    """Return where folders for measuring are made; BenchmarkError where C(account), which runs this, has no place."""
    home = environment.get("HOME", account.home)
    for place in (environment.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), home, "/var/tmp"):
        usable = os.path.isabs(place) and os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK)
        if usable and not go_sources.others_change(place, kept=True):
            return place
    raise BenchmarkError(f"{account.name} can write neither to {home} nor to /var/tmp: make room for scratch.")


class Bench:
    """The Go of the account that runs this, ready in each variant; a context that leaves nothing behind.

    C(environment) is the one of a fresh login of the account.
    """

    def __init__(
        self,
        account: accounts.Account,
        variants: Sequence[Variant],
        modules: Sequence[str] = (),
        packages: Sequence[str] = (),
        go: str | None = None,
        limit: float = 600.0,
        *,
        environment: Mapping[str, str],
        commands: Sequence[Command] = (),
        benchmarks: str = ".",
    ) -> None:
        self.account = account
        self.commands = {command.name: command for command in commands}
        self.benchmarks = benchmarks
        self.login = dict(environment)
        self.variants = {variant.name: variant for variant in variants}
        self.first = variants[0]
        self.modules = list(modules)
        self.packages = list(packages) or list(STD_PACKAGES)
        self.go = go
        self.limit = limit
        self.environments: dict[str, dict[str, str]] = {}
        self.go_env: dict[str, dict[str, str]] = {}
        self.folders = scratch.Folders()
        self.copies: dict[str, str] = {}
        self.edits: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.listed: dict[str, list[editing.Package]] = {}
        self.have_history = False
        self.commits: dict[str, str] = {}
        self.sample = ""
        self.roots_places: set[str] = set()
        # Per scenario and module; empty where all tests are run.
        self.suites: list[dict[str, suite.Package]] = []
        self.chosen: dict[str, list[suite.Selection | None]] = {}
        self.scenario_suites: dict[str, list[dict[str, suite.Package]]] = {}
        self.seconds = limit
        self.parent_pid = os.getppid()
        self.guard = make_memory_guard()
        self.ended: float | None = None

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove every scratch folder of this measurement."""
        self.folders.close()

    def prepare(self) -> None:
        """Find Go and learn what each variant makes of it; BenchmarkError when there is nothing to measure."""
        base = {**self.login, **process.GIT_READS_ONLY}
        if not self.modules:
            # The standard library needs no download; nothing else is to be fetched behind it.
            # No go.work above it lists it, and of root's another account can have put that one there.
            base = {**base, "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOWORK": "off"}
        named = [*self.login.get("PATH", "").split(":"), self.login.get("XDG_CACHE_HOME", ""), self.account.home]
        silent = look.silent([*self._sources(), *filter(os.path.isabs, named)])
        for path, reason in silent.items():
            raise BenchmarkError(f"{path} gives {reason}, so that nothing can be measured.")
        for module in self._sources():
            root = go_sources.find_module_root(module) or go_sources.find_workspace_root(module)
            if not root:
                raise BenchmarkError(
                    f"{module} has no go.mod or go.work that {self.account.name} can see, nor has a folder above it: "
                    "name a Go module."
                )
            # Go compiles what lies beside the folder too.
            reason = go_sources.find_code_of_others(root)
            if reason:
                raise BenchmarkError(reason)
            base = {**base, **go_sources.leave_out_workspace(module, base)}
        for variant in self.variants.values():
            if variant.revision:
                variant.directory = self._put_revision(variant, base)
        for variant in self.variants.values():
            self.environments[variant.name] = variant.over(base)
        path = self.environments[self.first.name].get("PATH", "")
        self.go = self.go or shutil.which("go", path=path)
        if not self.go:
            raise BenchmarkError(
                f"A login of {self.account.name} finds no go in its PATH ({path}): install Go or name it with `go`."
            )
        home = find_scratch_parent(self.environments[self.first.name], self.account)
        if not self.modules:
            self.sample = self.folders.make(home, "sample", hidden=False)
            self._write_sample(self.sample)
        for name, variant in self.variants.items():
            make_folder = functools.partial(self.folders.make, home, f"settings-{name}")
            self.environments[name] = settings_file.hide(variant.unset, self.environments[name], make_folder)
            reason = go_find.explain_no_build(self.go, self.environments[name], self.roots_places)
            if reason:
                raise BenchmarkError(reason)
            self.go_env[name] = self._ask_go(name)
            # With what is laid over it, of which GOFLAGS may be a part.
            said = self.go_env[name]
            sources = self._sources() or [self.sample]
            flags = said.pop("GOFLAGS")
            # Most scenarios run where the sources lie.
            kept = go_flags.leave_go_mod(flags)
            unstamped = go_sources.leave_out_repository(
                sources, kept.get("GOFLAGS", flags), said["GOVERSION"], self.environments[name]
            )
            self.environments[name] = {**self.environments[name], **kept, **unstamped}
        self.modules = [module for named in self.modules for module in self._modules_of(named)]
        for name, variant in self.variants.items():
            for module in [variant.directory] if variant.directory else self.modules:
                reason = go_sources.find_built_of_others(self.go, module, self.environments[name])
                if reason:
                    raise BenchmarkError(reason)

    def _modules_of(self, named: str) -> list[str]:
        """Return C(named), or the modules below it where it has a C(go.work) and is in no module itself."""
        if go_sources.find_module_root(named):
            return [named]
        command = [str(self.go), "list", "-m", "-f", "{{.Dir}}"]
        done = process.run(command, self.environments[self.first.name], named, limit=120)
        below = os.path.realpath(named).rstrip("/") + "/"
        modules = [line for line in done.out.splitlines() if line.startswith(below)]
        if done.code or not modules:
            raise BenchmarkError(f"the go.work that counts in {named} uses no module there: {done.reason}")
        return modules

    def _sources(self) -> list[str]:
        places = list(self.modules)
        places += [variant.directory for variant in self.variants.values() if variant.directory]
        return places

    def _put_revision(self, variant: Variant, environment: Mapping[str, str]) -> str:
        """Write the module as Git has it at a revision into a folder beside the repository; return the module's there.

        The repository is only read: the index is a file of its own.
        """
        if not self.modules:
            raise BenchmarkError(f"variant {variant.name} names the revision {variant.revision} of no module.")
        module, revision = os.path.realpath(self.modules[0]), str(variant.revision)
        top = os.path.realpath(self._git(module, environment, "rev-parse", "--show-toplevel").strip())
        # The settings of a linked working tree lie elsewhere, and say which programs Git runs.
        common = self._git(module, environment, "rev-parse", "--git-common-dir").strip()
        reason = go_sources.find_code_of_others(top)
        reason = reason or go_sources.find_repository_of_others(os.path.join(module, common))
        if reason:
            raise BenchmarkError(reason)
        commit = self._git(module, environment, "rev-parse", "--verify", "--end-of-options", revision + "^{commit}")
        # Git prints the option, too.
        commit = self.commits[variant.name] = commit.split()[-1]
        lines = self._git(top, environment, "ls-tree", "-r", "-l", commit).splitlines()
        size = sum(int(words[3]) for words in map(str.split, lines) if len(words) > 3 and words[3].isdigit())
        if size > COPY_LIMIT:
            raise BenchmarkError(f"{revision} holds {size >> 20} MiB, more than the {COPY_LIMIT >> 20} to be copied")
        parent = os.path.dirname(top)
        if not os.access(parent, os.W_OK | os.X_OK):
            raise BenchmarkError(f"{self.account.name} cannot put {revision} beside {top}: {parent} is not writable")
        folder = self.folders.make(parent, f"revision-{variant.name}")
        index = os.path.join(folder, ".wsltune-index")
        private = {**environment, "GIT_INDEX_FILE": index}
        self._git(top, private, "read-tree", commit)
        self._git(top, private, "checkout-index", "--all", "--quiet", f"--prefix={folder}/")
        os.unlink(index)
        directory = os.path.normpath(os.path.join(folder, os.path.relpath(module, top)))
        # A go.mod or a link of that commit may lead elsewhere than those of now.
        reason = go_sources.find_code_of_others(go_sources.find_module_root(directory) or directory)
        if reason:
            raise BenchmarkError(reason)
        return directory

    def _git(self, folder: str, environment: Mapping[str, str], *arguments: str) -> str:
        return _git(self.account.name, folder, environment, *arguments)

    def _write_sample(self, folder: str) -> None:
        for name, content in make_sample_module().items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as handle:
                handle.write(content)

    def _ask_go(self, name: str) -> dict[str, str]:
        wanted = ["GOCACHE", "GOTMPDIR", "GOMODCACHE", "GOROOT", "GOVERSION", "CGO_ENABLED", "GOFLAGS"]
        try:
            done = process.run([str(self.go), "env", "-json", *wanted], self.environments[name], self.source(name))
        except OSError as error:
            raise BenchmarkError(f"{self.go} cannot be started by {self.account.name}: {error.strerror}.") from error
        try:
            if done.code:
                raise ValueError(done.reason)
            settings = json.loads(done.out)
            return {key: str(settings.get(key) or "") for key in wanted}
        except (ValueError, AttributeError, RecursionError):
            raise BenchmarkError(
                f"{self.go} env fails for {self.account.name} in variant {name}: {done.reason}."
            ) from None

    def source(self, name: str) -> str:
        """Return the folder whose code the variant runs: its own, else the first module, else the sample."""
        directory = self.variants[name if name in self.variants else self.first.name].directory
        return directory or (self.modules[0] if self.modules else self.sample)

    def scenario(self, name: str) -> Scenario:
        """Make a scenario ready to run, with a reason when it cannot be."""
        ready = Scenario(name, self._shown(name), notes=self.notes(name))
        try:
            if name in EDITING or name in self.commands:
                self._copy_sources()
            if name == "build" or name in self.commands:
                self._add_history()
            if name in EDITING:
                self._plan_edits(name)
            if name in self.commands and not self.modules:
                raise BenchmarkError("a command needs a module to run in: name one with `modules`")
            if name == "build":
                ready.command = self._shown(name)
            elif name == "cold":
                for variant in self.variants:
                    place = os.path.dirname(self.go_env[variant].get("GOCACHE") or "")
                    if not os.access(place, os.W_OK | os.X_OK):
                        raise BenchmarkError(f"{self.account.name} cannot make a build cache in {place}")
            elif name == "race":
                self._check_race()
        except (BenchmarkError, OSError) as error:
            ready.reason = str(error)
        return ready

    def _check_race(self) -> None:
        for name in self.variants:
            environment = self.environments[name]
            compiler = (environment.get("CC") or "gcc").split()[0]
            if not shutil.which(compiler, path=environment.get("PATH", "")):
                raise BenchmarkError(f"the race detector needs cgo, and there is no C compiler ({compiler})")

    def _shown(self, scenario: str) -> str:
        if scenario in self.commands:
            return self.commands[scenario].run
        if scenario == "build":
            return shlex.join(["go", "build", *(self._main_packages(self.first.name) or ["./..."])])
        number = next((number for number, selection in enumerate(self._selections(scenario)) if selection), 0)
        return shlex.join(["go", *self._arguments(scenario, number)])

    def _arguments(self, scenario: str, number: int = 0) -> list[str]:
        flags = {
            "test": ["-count=1"],
            "race": ["-race", "-count=1"],
            "bench": ["-run=^$", f"-bench={self.benchmarks}", f"-benchtime={BENCH_TIME}"],
        }.get(scenario, [])
        if not self.modules and scenario != "edit":
            return ["test", *flags, *self.packages]
        selection = self._selections(scenario)[number]
        if scenario == "bench":
            return ["test", *flags, *((selection.packages if selection else ()) or ["./..."])]
        return ["test", *flags, *(selection.arguments if selection else ["./..."])]

    def _command(self, scenario: str, name: str, number: int) -> list[str]:
        """Return the program and arguments of one run."""
        if scenario in self.commands:
            return ["/bin/sh", "-c", self.commands[scenario].run]
        if scenario == "build":
            packages = self._main_packages(name)
            return [str(self.go), "build", *(["-o", f"{BUILT}/", *packages] if packages else ["./..."])]
        return [str(self.go), *self._arguments(scenario, number)]

    def _main_packages(self, name: str) -> list[str]:
        return [package.path for package in self.listed.get(name, ()) if package.name == "main"]

    def _selections(self, scenario: str) -> list[suite.Selection | None]:
        """Return what is measured of each module in a scenario; all of it where nothing was chosen."""
        every = [suite.Selection() for _module in self.modules or [""]]
        return self.chosen.get(scenario) or self.chosen.get("") or list(every)

    def choose(self, runs: int, budget: float) -> None:
        """Run the modules' tests once; choose those that pass and that fit C(runs) times into C(budget) seconds."""
        if not self.modules or self.suites:
            return
        self.seconds = 0.5 * budget / runs / len(self.modules)
        limit = max(30.0, budget / 3)
        places = [self.source(self.first.name), *self.modules[1:]]
        for place in places:
            done = process.run(
                [str(self.go), "test", "-json", "-count=1", "./..."],
                self._environment("test", self.first.name),
                place,
                limit=limit,
                most=MOST_EVENTS,
            )
            self.suites.append(suite.read(done.out))
        chosen = self._select(self.suites)
        # Where nothing can be measured, the first run says why.
        if any(chosen):
            self.chosen[""] = chosen

    def _select(self, suites: Sequence[Mapping[str, suite.Package]]) -> list[suite.Selection | None]:
        cpus = len(os.sched_getaffinity(0))
        return [suite.select(packages, self.seconds, cpus) if packages else suite.Selection() for packages in suites]

    def notes(self, scenario: str) -> list[str]:
        """List what of the modules is left out of a scenario, and why."""
        chosen = self._selections(scenario)
        if scenario not in OF_TESTS:
            return []
        return [
            note
            for selection in (chosen[:1] if scenario == "edit" else chosen)
            for note in (selection.notes if selection else ())
        ]

    def recover(self, scenario: str, name: str, run: Run) -> str:
        """Leave out what does not pass every time; return what that is, or nothing where the variant breaks it.

        A test that fails in a variant alone is no flaky one, which a second run of both shows.
        """
        if not self.suites or run.timed_out or run.ended_for or scenario not in OF_TESTS[:4]:
            return ""
        places = self._places(scenario, name)
        suites = [dict(packages) for packages in self.chosen_suites(scenario)]
        marked = []
        once = suite.parse_failed(run.output_tail or "")
        for number, place in enumerate(places):
            again = self._failing(scenario, name, number, place)
            if again and name not in (self.first.name, CONTROL):
                usual = self._failing(
                    scenario, self.first.name, number, self._places(scenario, self.first.name)[number]
                )
                if set(again) - set(usual):
                    return ""
            for package in [*again, *(other for other in once if other not in again)]:
                if package not in suites[number]:
                    continue
                known = again.get(package)
                tests = known.failed if known else once.get(package, ())
                word = known.word if known else suite.find_telling_line(run.output_tail or "")
                suites[number][package] = suites[number][package].without(tests, word)
                marked.append(suites[number][package])
        chosen = self._select(suites) if marked else []
        if not any(chosen) or chosen == self._selections(scenario):
            return ""
        self.scenario_suites[scenario], self.chosen[scenario] = suites, chosen
        names = [
            ", ".join(package.failed[:3]) + f" in {package.name}" if package.failed else package.name
            for package in marked
        ]
        words = next((package.word for package in marked if package.word), "")
        return f"{' and '.join(names)} does not pass every time" + (f" ({words})" if words else "") + ": left out"

    def chosen_suites(self, scenario: str) -> list[dict[str, suite.Package]]:
        """Return the packages that the scenario tests, one mapping for each module."""
        return self.scenario_suites.get(scenario, self.suites)

    def _failing(self, scenario: str, name: str, number: int, place: str) -> dict[str, suite.Package]:
        """Run what a scenario runs once more; return the packages that fail."""
        if self._selections(scenario)[number] is None:
            return {}
        arguments = self._arguments(scenario, number)
        command = [str(self.go), arguments[0], "-json", *arguments[1:]]
        environment = self._environment(scenario, name)
        done = process.run(command, environment, place, limit=self.limit, most=MOST_EVENTS)
        return {package.name: package for package in suite.read(done.out).values() if not package.passes}

    def _places(self, scenario: str, name: str) -> list[str]:
        if scenario in EDITING or scenario in self.commands:
            return [self.copies[name]]
        return [self.source(name)] if self._own_directory(name) else [self.source(name), *self.modules[1:]]

    def _copy_sources(self) -> None:
        if self.copies:
            return
        for name in [*self.variants, CONTROL]:
            origin = os.path.realpath(self.source(name))
            # The whole module also for a folder in it, which has no go.mod of its own.
            root = go_sources.find_module_root(origin) or origin
            parent = os.path.dirname(root)
            _check_copy(root, parent, self.account.name)
            # Beside the original, so that relative paths in go.mod still lead where they led.
            copy = self.folders.make(parent, f"copy-{name}")
            _copy_tree(root, copy)
            self.copies[name] = os.path.normpath(os.path.join(copy, os.path.relpath(origin, root)))

    def _add_history(self) -> None:
        """Give each copy the history of its repository, because `go build` and many a command ask Git.

        Objects are borrowed from the original, which is only read. A module inside a larger repository has none.
        """
        if self.have_history or not self.modules:
            return
        self.have_history = True
        for name, copy in self.copies.items():
            origin = self.source(name)
            origin = self.modules[0] if self.variants[self._variant_of(name)].revision else origin
            if not os.path.lexists(os.path.join(origin, ".git")):
                continue
            environment = self._environment("build", name)
            with contextlib.suppress(BenchmarkError):
                self._git(origin, environment, "clone", "--quiet", "--shared", "--bare", ".", f"{copy}/.git")
                self._git(copy, environment, "config", "core.bare", "false")
                # Git has seen the files of the copy then, and does not read each of them in every run.
                self._git(copy, environment, "reset", "--quiet", self.commits.get(self._variant_of(name), "HEAD"))

    def _variant_of(self, name: str) -> str:
        return name if name in self.variants else self.first.name

    def _plan_edits(self, scenario: str) -> None:
        for name in [*self.variants, CONTROL] if self.modules else []:
            self.listed[name] = self.listed.get(name) or self._list(name)
        target = self._most_used_file(scenario) if self.modules else "core/core.go"
        for name, copy in self.copies.items():
            path = os.path.join(copy, target)
            state = files.Files().read(path)
            if state is None:
                raise BenchmarkError(f"there is no {target} to edit in a copy of {self.source(name)}")
            # Another scenario may have edited it already.
            original = dict(self.edits.values()).get(path, state.content)
            if os.path.islink(path):
                # It leads to what others use too, such as a file that modules share, and that one would be edited.
                os.unlink(path)
                with open(path, "xb") as handle:
                    handle.write(original)
            # A project that somebody keeps read-only has a copy that is so, too.
            os.chmod(path, state.mode | stat.S_IWUSR)
            self.edits[scenario, name] = (path, original)

    def _list(self, name: str) -> list[editing.Package]:
        """Return the packages of a copy that have a file to edit, each with its path in the copy."""
        copy = os.path.realpath(self.copies[name])
        command = [str(self.go), "list", "-f", editing.LISTING, "./..."]
        done = process.run(command, self._environment("edit", name), copy, limit=120)
        listed = [package._replace(file=os.path.relpath(package.file, copy)) for package in editing.parse(done.out)]
        if done.code or not listed:
            raise BenchmarkError(f"go list finds no file to edit: {done.reason if done.code else 'no package has one'}")
        return listed

    def _most_used_file(self, scenario: str) -> str:
        """Return a file of the package that most others of the module, or its programs, are built from."""
        everywhere = [
            package
            for package in self.listed[self.first.name]
            if all(os.path.isfile(os.path.join(copy, package.file)) for copy in self.copies.values())
        ]
        chosen = editing.choose(everywhere, scenario == "build")
        if chosen is None:
            nothing = "there is no file to edit that all variants have"
            raise BenchmarkError("nothing but tests is there to build" if everywhere else nothing)
        return chosen.file

    def _environment(self, scenario: str, name: str) -> dict[str, str]:
        environment = self.environments[name if name in self.variants else self.first.name]
        if (scenario in EDITING or scenario in self.commands) and self.modules:
            # A workspace of the user's does not know the copy.
            environment = {**environment, "GOWORK": "off"}
        return environment

    def execute(self, scenario: str, name: str, serial: int) -> dict[str, Any]:
        """Run one variant once; preparing and tidying up are not part of its time."""
        if os.getppid() != self.parent_pid:
            raise SystemExit("whoever started the benchmark is gone")
        environment = self._environment(scenario, name)
        cache = ""
        setup = self.commands[scenario].setup if scenario in self.commands else ""
        if setup:
            prepared = run(["/bin/sh", "-c", setup], self.copies[name], environment, self.limit)
            if prepared["exit_code"]:
                return {**prepared, "output_tail": f"set-up step: {prepared.get('output_tail', '')}"}
        if scenario in EDITING:
            path, original = self.edits[scenario, name]
            with open(path, "wb") as handle:
                handle.write(editing.edit(original, serial))
        elif scenario == "cold":
            variant = name if name in self.variants else self.first.name
            cache = self.folders.make(os.path.dirname(self.go_env[variant]["GOCACHE"]), f"cold-{serial}")
            environment = {**environment, "GOCACHE": cache}
        total: dict[str, Any] = {}
        gap = None if self.ended is None else time.perf_counter() - self.ended
        for number, place in enumerate(self._places(scenario, name)):
            if self._selections(scenario)[number] is None:
                continue
            command = self._command(scenario, name, number)
            _add(total, run(command, place, environment, self.limit, scenario == "bench", self.guard))
            if total["exit_code"] != 0:
                break
        self.ended = time.perf_counter()
        if scenario == "bench" and not total["exit_code"] and not total["benchmarks"]:
            total.update(exit_code=1, output_tail=f"no benchmark matches {self.benchmarks}")
        if gap is not None and not setup:
            total["gap"] = gap
        if cache:
            self.folders.remove(cache)
        return total

    def experiment(
        self,
        scenarios: Sequence[str],
        budget_minutes: float,
        began: float,
        seed: int | None = None,
        progress: Callable[[dict[str, Any]], None] = lambda _state: None,
        screening: stats.Screening | None = None,
        **limits: int,
    ) -> Experiment:
        """Prepare and measure all variants, in a budget that C(began) at that reading of the monotonic clock.

        C(screening) and C(limits) (min_runs, max_runs and warmup) are those of schedule.measure.
        """
        budget = budget_minutes * 60
        seed = random.SystemRandom().randrange(2**31) if seed is None else seed
        progress({"step": "benchmark", "phase": "prepare", "scenario": "", "seconds_left": budget})
        load = os.getloadavg()[0]
        self.prepare()
        names = list(self.variants)
        if set(scenarios) & set(OF_TESTS):
            self.choose(limits.get("min_runs", stats.MIN_RUNS) * (len(names) + 1), budget)
        start, prints = linux_fingerprint.read(), {name: self.fingerprint(name) for name in names}
        measured = schedule.measure(
            [self.scenario(name) for name in dict.fromkeys([*scenarios, *self.commands])],
            names,
            self.execute,
            schedule.Clock(time.monotonic, began, budget),
            seed,
            progress=progress,
            recover=self.recover,
            screening=screening,
            **limits,
        )
        for scenario in measured:
            # Restarts may have changed it.
            scenario.command = self._shown(scenario.name)
        gaps = [run.gap for scenario in measured if scenario.name != "cold" for run in scenario.runs if run.gap]
        elapsed = time.monotonic() - began
        return Experiment(
            variants=[vars(variant) for variant in self.variants.values()],
            scenarios=measured,
            user=self.account.name,
            seed=seed,
            started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - elapsed)),
            elapsed=elapsed,
            budget_minutes=budget_minutes,
            load=load,
            own_cost={"median": stats.median(gaps), "max": max(gaps)} if gaps else None,
            go=self.go,
            fingerprints={"start": start, "end": linux_fingerprint.read(), "variants": prints},
        )

    def _module_path(self, name: str) -> str:
        """Return what is measured: the path of the module, or packages of the standard library."""
        if not self.modules:
            return " ".join(self.packages)
        state = files.Files().read(os.path.join(self.source(name), "go.mod"))
        return suite.parse_module_path(state.content.decode("utf-8", "replace")) if state else ""

    def _own_directory(self, name: str) -> bool:
        return bool(self.variants[name if name in self.variants else self.first.name].directory)

    def broken(self, name: str) -> str:
        """Say why tests fail in a variant; nothing when they pass."""
        run = Run(0, name, **self.execute("test", name, 0))
        return schedule.describe_failure(run) if run.exit_code and not self.recover("test", name, run) else ""

    def works(self, name: str) -> dict[str, str]:
        """Try what people do with Go in the environment of a variant; return why, by the command that failed."""
        environment = self.environments[name]
        cgo_left_on = {key: value for key, value in environment.items() if key != "CGO_ENABLED"}
        program = self.folders.make(
            find_scratch_parent(self.environments[self.first.name], self.account), f"run-{name}"
        )
        with open(f"{program}/main.go", "w", encoding="utf-8") as handle:
            handle.write('package main\n\nfunc main() { println("works") }\n')
        place = self.source(name)
        # What is flaky says nothing about the variant.
        selection = self._selections("test")[0] if self.modules else None
        tests = selection.arguments if selection else ["./..."]
        tried = (
            ("go build", ["build", "-o", "/dev/null", "./..."], place, environment),
            ("go vet", ["vet", "./..."], place, environment),
            ("go test", ["test", "-count=1", *tests], place, environment),
            # The lever cgo_disabled leaves cgo on for -race.
            ("go test -race", ["test", "-race", "-count=1", *tests], place, cgo_left_on),
            ("go run", ["run", "main.go"], program, {**environment, "GOWORK": "off"}),
        )
        failures = {}
        for shown, arguments, directory, variables in tried:
            done = process.run([str(self.go), *arguments], variables, directory, limit=self.limit)
            if done.code:
                failures[shown] = f"{shown}: {done.reason}"
        return failures

    def fingerprint(self, name: str) -> dict[str, Any]:
        """Return what a variant runs with: Go, and the file systems of the places that it uses."""
        table = read_mounts()
        settings = self.go_env[name]
        temporary = self.environments[name].get("TMPDIR") or "/tmp"
        places = {
            "source": self.source(name),
            "goroot": settings.get("GOROOT"),
            "gocache": settings.get("GOCACHE"),
            "gotmpdir": settings.get("GOTMPDIR") or temporary,
            "tmpdir": temporary,
        }
        return {
            "go": settings.get("GOVERSION"),
            "cgo": settings.get("CGO_ENABLED"),
            "module": self._module_path(name),
            "gomaxprocs": self.environments[name].get("GOMAXPROCS") or "not set",
            "file_systems": {key: find_file_system(table, place) if place else None for key, place in places.items()},
        }


def _add(total: dict[str, Any], part: dict[str, Any]) -> None:
    for key, value in part.items():
        if key == "max_rss":
            total[key] = max(total.get(key, 0), value)
        elif key in ("wall", "user", "system", "blocks_written"):
            total[key] = total.get(key, 0) + value
        elif key == "benchmarks":
            total[key] = {**total.get(key, {}), **value}
        else:
            total[key] = value


def _measure_size(folder: str) -> int:
    total = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_COPIED]
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
        if total > COPY_LIMIT:
            break
    return total
