# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run Go for a benchmark: in the environment of a login, with nothing left behind.

All of it runs as the account whose Go it is; root has a child that became that account do it (linux/become.py), and
itself only writes the progress file.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import shlex
import shutil
import signal
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import schedule, scratch, stats, suite
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import Experiment, Run, Scenario
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, files, look, mountinfo, process

# Small packages of every Go since 1.19: linking them is most of the work, as in most people's tests, and none writes
# files of its own, which up to Go 1.25 no setting of Go moves.
STD_PACKAGES = ("bufio", "encoding/csv", "encoding/json", "sort", "text/tabwriter")
COPY_LIMIT = 512 * 2**20
TAIL = 4096
MOST_EVENTS = 64 << 20
NOT_COPIED = (".git", ".hg", ".svn")


class BenchmarkError(ValueError):
    """Why nothing can be measured, in one sentence."""


@dataclass
class Variant:
    """One of the things compared: what it lays over the user's environment, and where its source is."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)
    unset: list[str] = field(default_factory=list)
    directory: str | None = None

    def over(self, base: dict[str, str]) -> dict[str, str]:
        merged = {key: value for key, value in base.items() if key not in self.unset}
        merged.update(self.environment)
        return merged


def run(
    command: Sequence[str],
    directory: str,
    environment: dict[str, str],
    limit: float = 600.0,
) -> dict[str, Any]:
    """Run a command to its end and return what it used; its last words only when it failed."""
    done = process.run(command, environment, directory, limit=limit)
    result: dict[str, Any] = {
        "wall": done.wall,
        "user": done.user,
        "system": done.system,
        "max_rss": done.max_rss,
        "blocks_written": done.blocks_written,
        "exit_code": done.code,
    }
    if done.timed_out:
        result["timed_out"] = True
    if done.code:
        result["output_tail"] = done.out[-TAIL // 2 :] + done.err[-TAIL // 2 :]
    return result


def _check_copy(origin: str, parent: str, name: str) -> None:
    if not os.access(parent, os.W_OK | os.X_OK):
        raise BenchmarkError(f"{name} cannot copy {origin}: {parent} is not writable")
    size = _size(origin)
    if size > COPY_LIMIT:
        raise BenchmarkError(f"{origin} holds {size >> 20} MiB, more than the {COPY_LIMIT >> 20} to be copied")


def _copy_file(origin: str, copy: str) -> None:
    """Copy a file, and not the bits by which it runs as its owner: others may have put it there."""
    shutil.copyfile(origin, copy)
    status = os.stat(origin)
    os.chmod(copy, status.st_mode & 0o777)
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))


def _copy_tree(origin: str, copy: str) -> None:
    """Copy what is in a project into the folder C(copy), which stays closed to others."""
    ignore = shutil.ignore_patterns(*NOT_COPIED)
    with os.scandir(origin) as listed:
        entries = list(listed)
    for entry in entries:
        target = os.path.join(copy, entry.name)
        if entry.name in NOT_COPIED:
            continue
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target)
        elif entry.is_dir():
            shutil.copytree(entry.path, target, symlinks=True, ignore=ignore, copy_function=_copy_file)
        else:
            _copy_file(entry.path, target)


@contextlib.contextmanager
def copied_home(account: accounts.Account, origin: str) -> Iterator[str]:
    """Copy a project into the user's home, without what version control keeps, for as long as the context lasts."""
    with scratch.Folders() as folders:
        _check_copy(origin, account.home, account.name)
        copy = folders.make(account.home, "source")
        _copy_tree(origin, copy)
        yield copy


def sample_module() -> dict[str, str]:
    """A module without dependencies: four packages, three of which use the fourth, `core/core.go`."""
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


def edited(original: bytes, serial: int) -> bytes:
    """Go source with a change that reaches the compiled package, another one for every serial."""
    return original + b"\n\nvar wsltuneBenchmarkEdit = %d\n" % serial


def power_source(root: str = "/sys/class/power_supply") -> str | None:
    """`mains` or `battery`, None where the machine does not say (most virtual machines and WSL without a battery)."""
    kinds: dict[str, list[str]] = {}
    try:
        supplies = sorted(os.listdir(root))
    except OSError:
        return None
    for supply in supplies:
        kind = _first_line(os.path.join(root, supply, "type"))
        value = _first_line(os.path.join(root, supply, "status" if kind == "Battery" else "online"))
        kinds.setdefault(kind, []).append(value)
    if "1" in kinds.get("Mains", []) + kinds.get("USB", []):
        return "mains"
    if "Battery" in kinds:
        return "battery" if "Mains" in kinds or "Discharging" in kinds["Battery"] else "mains"
    return None


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.readline().strip()
    except OSError:
        return ""


def machine_fingerprint() -> dict[str, Any]:
    """What a measurement depends on and a name of the machine is not needed for."""
    system = os.uname()
    model = None
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as handle:
        model = next((line.partition(":")[2].strip() for line in handle if line.startswith("model name")), None)
    return {
        "kernel": system.release,
        "machine": system.machine,
        "cpu_model": model,
        "cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "power": power_source(),
    }


def _mounts() -> list[mountinfo.Mount]:
    # A mount point may hold a carriage return.
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape", newline="\n") as handle:
        return mountinfo.parse(handle.read())


def file_system_of(mounts: Sequence[Any], path: str) -> str | None:
    mount = mountinfo.find(mounts, os.path.realpath(path))
    return mount.fstype if mount else None


def in_memory(places: dict[str, str | None]) -> list[str]:
    """Return the names of the places that lie on a tmpfs."""
    mounts = _mounts()
    questions = {name: functools.partial(file_system_of, mounts, path) for name, path in places.items() if path}
    answers, _silent = look.each(questions)
    return [name for name in questions if answers.get(name) in mountinfo.IN_MEMORY]


def write_progress(path: str, state: Mapping[str, Any]) -> None:
    """Replace the progress file in one step, readable for everyone."""
    with files.place(path, follow=False) as found, found.beside(f"{found.name}.{os.getpid()}") as temporary:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary.name, dir_fd=temporary.folder)
        descriptor = temporary.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                json.dump(state, handle)
                os.fchmod(handle.fileno(), 0o644)
            os.replace(temporary.name, found.name, src_dir_fd=temporary.folder, dst_dir_fd=found.folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary.name, dir_fd=temporary.folder)
            raise


class _Pen:
    """Writes the progress file in a child."""

    def write(self, path: str, state: Mapping[str, Any]) -> None:
        write_progress(path, state)


def _writer(path: str) -> process.Identity | None:
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
def progress_to(path: str | None) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Give a function that writes the progress file, where one is wanted, with the rights of its folder's owner."""
    if not path:
        yield lambda _state: None
        return
    identity = _writer(path)
    if not become.is_other(identity):
        yield lambda state: write_progress(path, state)
        return
    with become.Hands(identity, _Pen) as hands:
        yield lambda state: hands.call("write", path, state)


def as_user(
    account: accounts.Account,
    function: Callable[..., Any],
    budget_minutes: float,
    heard: Callable[[Any], None] | None = None,
) -> Any:
    """Return what C(function) returns, run by the account; with C(heard) it gets a function that tells how far it is.

    What belongs to the budget is ended by itself, so this limit is for a disk that does not answer.
    """
    limit = 900 + 4 * max(60.0, budget_minutes * 60)
    return become.ask(accounts.identity(account), function, limit, (BenchmarkError, accounts.AccountError), heard)


def clean_up_on_signals() -> None:
    """Have the signals that end a module raise SystemExit, so that what was made for measuring goes."""

    def stop(signum: int, _frame: Any) -> None:
        raise SystemExit(128 + signum)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop)


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
    ) -> None:
        self.account = account
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
        self.edits: dict[str, tuple[str, bytes]] = {}
        self.sample = ""
        # Per scenario and module; empty where all tests are run.
        self.suites: list[dict[str, suite.Package]] = []
        self.chosen: dict[str, list[suite.Selection | None]] = {}
        self.scenario_suites: dict[str, list[dict[str, suite.Package]]] = {}
        self.seconds = limit
        self.parent_pid = os.getppid()
        self.ended: float | None = None

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        self.folders.close()

    def prepare(self) -> None:
        """Find Go and learn what each variant makes of it; BenchmarkError when there is nothing to measure."""
        base = {**self.login, **process.GIT_READS_ONLY}
        if not self.modules:
            # The standard library needs no download; nothing else is to be fetched behind it.
            base = {**base, "GOTOOLCHAIN": "local", "GOPROXY": "off"}
        named = [*self.login.get("PATH", "").split(":"), self.login.get("XDG_CACHE_HOME", ""), self.account.home]
        silent = look.silent([*self._sources(), *filter(os.path.isabs, named)])
        for path, reason in silent.items():
            raise BenchmarkError(f"{path} gives {reason}, so that nothing can be measured.")
        for module in self._sources():
            if not os.path.isfile(os.path.join(module, "go.mod")):
                raise BenchmarkError(f"{module} has no go.mod that {self.account.name} can see: name a Go module.")
            reason = scratch.code_of_others(module)
            if reason:
                raise BenchmarkError(reason)
            base = {**base, **scratch.without_workspace(module, base)}
        for variant in self.variants.values():
            self.environments[variant.name] = variant.over(base)
        path = self.environments[self.first.name].get("PATH", "")
        self.go = self.go or shutil.which("go", path=path)
        if not self.go:
            raise BenchmarkError(
                f"A login of {self.account.name} finds no go in its PATH ({path}): install Go or name it with `go`."
            )
        home = self._scratch_parent()
        if not self.modules:
            self.sample = self.folders.make(home, "sample", hidden=False)
            self._write_sample(self.sample)
        for name in self.variants:
            self.go_env[name] = self._ask_go(name)

    def _sources(self) -> list[str]:
        places = list(self.modules)
        places += [variant.directory for variant in self.variants.values() if variant.directory]
        return places

    def _scratch_parent(self) -> str:
        environment = self.environments[self.first.name]
        home = environment.get("HOME", self.account.home)
        for place in (environment.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), home, "/var/tmp"):
            usable = os.path.isabs(place) and os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK)
            if usable and not scratch.others_change(place, kept=True):
                return place
        raise BenchmarkError(f"{self.account.name} can write neither to {home} nor to /var/tmp: make room for scratch.")

    def _write_sample(self, folder: str) -> None:
        for name, content in sample_module().items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as handle:
                handle.write(content)

    def _ask_go(self, name: str) -> dict[str, str]:
        wanted = ["GOCACHE", "GOTMPDIR", "GOMODCACHE", "GOROOT", "GOVERSION", "CGO_ENABLED"]
        try:
            done = process.run([str(self.go), "env", "-json", *wanted], self.environments[name], self.source(name))
        except OSError as error:
            raise BenchmarkError(f"{self.go} cannot be started by {self.account.name}: {error.strerror}.") from error
        try:
            if done.code:
                raise ValueError(done.reason)
            told = json.loads(done.out)
            return {key: str(told.get(key) or "") for key in wanted}
        except (ValueError, AttributeError, RecursionError):
            raise BenchmarkError(
                f"{self.go} env fails for {self.account.name} in variant {name}: {done.reason}."
            ) from None

    def source(self, name: str) -> str:
        directory = self.variants[name if name in self.variants else self.first.name].directory
        return directory or (self.modules[0] if self.modules else self.sample)

    def scenario(self, name: str) -> Scenario:
        """A scenario made ready to run, with a reason when it cannot be."""
        ready = Scenario(name, self._shown(name), notes=self.notes(name))
        try:
            if name == "edit":
                self._copy_sources()
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
        number = next((number for number, one in enumerate(self._selections(scenario)) if one), 0)
        return shlex.join(["go", *self._arguments(scenario, number)])

    def _arguments(self, scenario: str, number: int = 0) -> list[str]:
        flags = {"test": ["-count=1"], "race": ["-race", "-count=1"]}.get(scenario, [])
        if not self.modules and scenario != "edit":
            return ["test", *flags, *self.packages]
        selection = self._selections(scenario)[number]
        return ["test", *flags, *(selection.arguments if selection else ["./..."])]

    def _selections(self, scenario: str) -> list[suite.Selection | None]:
        """What is measured of each module in a scenario; all of it where nothing was chosen."""
        every = [suite.Selection() for _module in self.modules or [""]]
        return self.chosen.get(scenario) or self.chosen.get("") or list(every)

    def choose(self, names: int, budget: float, min_runs: int = stats.MIN_RUNS) -> None:
        """Run the modules' tests once, and choose those that pass and that a budget in seconds has the time for."""
        if not self.modules or self.suites:
            return
        self.seconds = 0.5 * budget / (min_runs * (names + 1)) / len(self.modules)
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
        """What of the modules is left out of a scenario, and why."""
        chosen = self._selections(scenario)
        return [note for one in (chosen[:1] if scenario == "edit" else chosen) for note in (one.notes if one else ())]

    def recover(self, scenario: str, name: str, run: Run) -> str:
        """Leave out what does not pass every time; return what that is, or nothing where the variant breaks it.

        A test that fails in a variant alone is no flaky one, which a second run of both shows.
        """
        if not self.suites or run.timed_out:
            return ""
        places = self._places(scenario, name)
        suites = [dict(packages) for packages in self.chosen_suites(scenario)]
        marked = []
        once = suite.failed_in(run.output_tail or "")
        for number, place in enumerate(places):
            again = self._failing(scenario, name, number, place)
            if again and name not in (self.first.name, schedule.CONTROL):
                usual = self._failing(
                    scenario, self.first.name, number, self._places(scenario, self.first.name)[number]
                )
                if set(again) - set(usual):
                    return ""
            for package in [*again, *(one for one in once if one not in again)]:
                if package not in suites[number]:
                    continue
                known = again.get(package)
                tests = known.failed if known else once.get(package, ())
                word = known.word if known else suite.telling_line(run.output_tail or "")
                suites[number][package] = suites[number][package].without(tests, word)
                marked.append(suites[number][package])
        chosen = self._select(suites) if marked else []
        if not any(chosen) or chosen == self._selections(scenario):
            return ""
        self.scenario_suites[scenario], self.chosen[scenario] = suites, chosen
        names = [", ".join(one.failed[:3]) + f" in {one.name}" if one.failed else one.name for one in marked]
        words = next((one.word for one in marked if one.word), "")
        return f"{' and '.join(names)} does not pass every time" + (f" ({words})" if words else "") + ": left out"

    def chosen_suites(self, scenario: str) -> list[dict[str, suite.Package]]:
        return self.scenario_suites.get(scenario, self.suites)

    def _failing(self, scenario: str, name: str, number: int, place: str) -> dict[str, suite.Package]:
        """Run what a scenario runs once more; return the packages that fail."""
        if self._selections(scenario)[number] is None:
            return {}
        arguments = self._arguments(scenario, number)
        command = [str(self.go), arguments[0], "-json", *arguments[1:]]
        environment = self._environment(scenario, name)
        done = process.run(command, environment, place, limit=self.limit, most=MOST_EVENTS)
        return {one.name: one for one in suite.read(done.out).values() if not one.passes}

    def _places(self, scenario: str, name: str) -> list[str]:
        if scenario == "edit":
            return [self.copies[name]]
        return [self.source(name)] if self._own_directory(name) else [self.source(name), *self.modules[1:]]

    def _copy_sources(self) -> None:
        for name in [*self.variants, schedule.CONTROL]:
            origin = self.source(name)
            parent = os.path.dirname(os.path.realpath(origin))
            _check_copy(origin, parent, self.account.name)
            # Beside the original, so that relative paths in go.mod still lead where they led.
            copy = self.folders.make(parent, f"copy-{name}")
            _copy_tree(origin, copy)
            self.copies[name] = copy
        target = self._most_used_file() if self.modules else "core/core.go"
        for name, copy in self.copies.items():
            path = os.path.join(copy, target)
            state = files.Files().read(path)
            if state is None:
                raise BenchmarkError(f"there is no {target} to edit in a copy of {self.source(name)}")
            self.edits[name] = (path, state.content)

    def _most_used_file(self) -> str:
        """A file of the package that most others of the module are built from."""
        template = r'{{.ImportPath}}{{"\t"}}{{.Dir}}{{"\t"}}{{join .GoFiles " "}}{{"\t"}}{{join .Deps " "}}'
        copy = self.copies[self.first.name]
        done = process.run(
            [str(self.go), "list", "-f", template, "./..."],
            self._environment("edit", self.first.name),
            copy,
            limit=120,
        )
        packages = [line.split("\t") for line in done.out.splitlines() if line.count("\t") == 3]
        packages = [one for one in packages if one[2]]
        if done.code or not packages:
            raise BenchmarkError(f"go list finds no package to edit: {done.reason}")
        used = [sum(one[0] in other[3].split() for other in packages) for one in packages]
        chosen = packages[used.index(max(used))]
        return os.path.relpath(os.path.join(chosen[1], chosen[2].split()[0]), os.path.realpath(copy))

    def _environment(self, scenario: str, name: str) -> dict[str, str]:
        environment = self.environments[name if name in self.variants else self.first.name]
        if scenario == "edit" and self.modules:
            # A workspace of the user's does not know the copy.
            environment = {**environment, "GOWORK": "off"}
        return environment

    def execute(self, scenario: str, name: str, serial: int) -> dict[str, Any]:
        """One run of one variant; preparing and tidying up are not part of its time."""
        if os.getppid() != self.parent_pid:
            raise SystemExit("whoever started the benchmark is gone")
        environment = self._environment(scenario, name)
        cache = ""
        if scenario == "edit":
            path, original = self.edits[name]
            with open(path, "wb") as handle:
                handle.write(edited(original, serial))
        elif scenario == "cold":
            variant = name if name in self.variants else self.first.name
            cache = self.folders.make(os.path.dirname(self.go_env[variant]["GOCACHE"]), f"cold-{serial}")
            environment = {**environment, "GOCACHE": cache}
        total: dict[str, Any] = {}
        gap = None if self.ended is None else time.perf_counter() - self.ended
        for number, place in enumerate(self._places(scenario, name)):
            if self._selections(scenario)[number] is None:
                continue
            command = [str(self.go), *self._arguments(scenario, number)]
            _add(total, run(command, place, environment, self.limit))
            if total["exit_code"] != 0:
                break
        self.ended = time.perf_counter()
        if gap is not None:
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
        **limits: int,
    ) -> Experiment:
        """Prepare and measure all variants, in a budget that C(began) at that reading of the monotonic clock.

        C(limits) are min_runs, max_runs and warmup of schedule.measure.
        """
        budget = budget_minutes * 60
        seed = random.SystemRandom().randrange(2**31) if seed is None else seed
        progress({"step": "benchmark", "phase": "prepare", "scenario": "", "seconds_left": budget})
        load = os.getloadavg()[0]
        self.prepare()
        names = list(self.variants)
        self.choose(len(names), budget, limits.get("min_runs", stats.MIN_RUNS))
        start, prints = machine_fingerprint(), {name: self.fingerprint(name) for name in names}
        measured = schedule.measure(
            [self.scenario(name) for name in dict.fromkeys(scenarios)],
            names,
            self.execute,
            schedule.Clock(time.monotonic, began, budget),
            seed,
            progress=progress,
            recover=self.recover,
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
            fingerprints={"start": start, "end": machine_fingerprint(), "variants": prints},
        )

    def _own_directory(self, name: str) -> bool:
        return bool(self.variants[name if name in self.variants else self.first.name].directory)

    def broken(self, name: str) -> str:
        """Say why tests fail in a variant; nothing when they pass."""
        run = Run(0, name, **self.execute("test", name, 0))
        return schedule.failure_sentence(run) if run.exit_code and not self.recover("test", name, run) else ""

    def works(self, name: str) -> dict[str, str]:
        """Try what people do with Go in the environment of a variant; return why, by the command that failed."""
        environment = self.environments[name]
        cgo_left_on = {key: value for key, value in environment.items() if key != "CGO_ENABLED"}
        program = self.folders.make(self._scratch_parent(), f"run-{name}")
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
            ("go run", ["run", "main.go"], program, environment),
        )
        failures = {}
        for shown, arguments, directory, variables in tried:
            done = process.run([str(self.go), *arguments], variables, directory, limit=self.limit)
            if done.code:
                failures[shown] = f"{shown}: {done.reason}"
        return failures

    def fingerprint(self, name: str) -> dict[str, Any]:
        """What a variant runs with: Go, and the file systems of the places that it uses."""
        mounts = _mounts()
        told = self.go_env[name]
        temporary = self.environments[name].get("TMPDIR") or "/tmp"
        places = {
            "source": self.source(name),
            "goroot": told.get("GOROOT"),
            "gocache": told.get("GOCACHE"),
            "gotmpdir": told.get("GOTMPDIR") or temporary,
            "tmpdir": temporary,
        }
        return {
            "go": told.get("GOVERSION"),
            "cgo": told.get("CGO_ENABLED"),
            "gomaxprocs": self.environments[name].get("GOMAXPROCS") or "not set",
            "file_systems": {key: file_system_of(mounts, place) if place else None for key, place in places.items()},
        }


def _add(total: dict[str, Any], one: dict[str, Any]) -> None:
    for key, value in one.items():
        if key == "max_rss":
            total[key] = max(total.get(key, 0), value)
        elif key in ("wall", "user", "system", "blocks_written"):
            total[key] = total.get(key, 0) + value
        else:
            total[key] = value


def _size(folder: str) -> int:
    total = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_COPIED]
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
        if total > COPY_LIMIT:
            break
    return total
