# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judges one Go module: what it needs cgo for, whether it builds without, where the time of its tests goes."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor import phases as doctor_phases
from ansible_collections.wsltune.go.plugins.module_utils.doctor.check import Check
from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue
from ansible_collections.wsltune.go.plugins.module_utils.levers import decide as levers_decide
from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.linux.text import join_names


class Package(NamedTuple):
    """One line of `go list -deps -test` in the format of observe_go.LISTING."""

    path: str
    standard: bool
    name: str
    dependency: bool
    cgo_files: tuple[str, ...]
    imports: tuple[str, ...]
    folder: str
    module: str
    dependencies: int = 0


class Alternative(NamedTuple):
    """A pure Go package for one that needs cgo, and what is different about it."""

    package: str
    note: str


# Found by the longest prefix of the import path. What has no entry here may well have an alternative.
ALTERNATIVES = {
    "github.com/mattn/go-sqlite3": Alternative("modernc.org/sqlite", "driver name sqlite instead of sqlite3"),
    "gorm.io/driver/sqlite": Alternative("github.com/glebarez/sqlite", "same calls, over modernc.org/sqlite"),
    "github.com/DataDog/zstd": Alternative("github.com/klauspost/compress/zstd", "Encoder and Decoder, other levels"),
    "github.com/valyala/gozstd": Alternative("github.com/klauspost/compress/zstd", "Encoder and Decoder, other levels"),
    "github.com/google/brotli/go/cbrotli": Alternative("github.com/andybalholm/brotli", "Reader and Writer"),
    "github.com/confluentinc/confluent-kafka-go": Alternative("github.com/twmb/franz-go", "another interface"),
    "github.com/libgit2/git2go": Alternative("github.com/go-git/go-git", "another interface"),
    "github.com/tecbot/gorocksdb": Alternative("github.com/cockroachdb/pebble", "another interface"),
    "github.com/linxGnu/grocksdb": Alternative("github.com/cockroachdb/pebble", "another interface"),
    "github.com/godror/godror": Alternative("github.com/sijms/go-ora", "speaks Oracle's protocol itself"),
    "github.com/mattn/go-oci8": Alternative("github.com/sijms/go-ora", "speaks Oracle's protocol itself"),
    "github.com/alexbrainman/odbc": Alternative("github.com/microsoft/go-mssqldb", "for SQL Server"),
    "github.com/bmatsuo/lmdb-go": Alternative("go.etcd.io/bbolt", "another file format"),
    "github.com/h2non/bimg": Alternative("github.com/disintegration/imaging", "slower, fewer formats"),
    "github.com/gographics/imagick": Alternative("github.com/disintegration/imaging", "fewer formats"),
    "github.com/chai2010/webp": Alternative("golang.org/x/image/webp", "decodes only"),
    "github.com/pebbe/zmq4": Alternative("github.com/go-zeromq/zmq4", "the same protocol"),
    "github.com/flier/gohs": Alternative("regexp", "much slower with many patterns"),
    "github.com/spacemonkeygo/openssl": Alternative("crypto/tls", "Go's own"),
    "github.com/google/gopacket/pcap": Alternative("github.com/gopacket/gopacket/pcapgo", "needs Linux to capture"),
    "github.com/gopacket/gopacket/pcap": Alternative("github.com/gopacket/gopacket/pcapgo", "needs Linux to capture"),
    "rogchap.com/v8go": Alternative("github.com/dop251/goja", "slower, no V8"),
    "github.com/wasmerio/wasmer-go": Alternative("github.com/tetratelabs/wazero", "another interface"),
    "github.com/bytecodealliance/wasmtime-go": Alternative("github.com/tetratelabs/wazero", "another interface"),
}
# What differs at run time without cgo, by the standard package that notices.
RUN_TIME = {
    "net": "names are looked up in files and DNS alone, not by other modules of /etc/nsswitch.conf (mdns, sssd, WINS)",
    "os/user": "users are read from /etc/passwd and /etc/group alone, not from LDAP or sssd",
    "plugin": "plugin.Open and -buildmode=plugin do not work",
}


def parse_listing(text: str) -> list[Package]:
    """Return the packages of a listing; variants made for a test count with the package."""
    merged: dict[str, Package] = {}
    for line in text.splitlines():
        row = line.split("\t")
        if len(row) != 9:
            continue
        path = row[0].partition(" ")[0]
        if path.endswith(".test"):
            continue
        imports = tuple(word.partition("[")[0] for word in row[5].split() if not word.startswith("["))
        package = Package(
            path,
            row[1] == "true",
            row[2],
            row[3] == "true",
            tuple(row[4].split()),
            imports,
            row[6],
            row[7],
            int(row[8] or 0),
        )
        other = merged.get(path)
        if other is not None:
            package = other._replace(
                imports=tuple(dict.fromkeys(other.imports + package.imports)),
                dependency=other.dependency and package.dependency,
                dependencies=max(other.dependencies, package.dependencies),
            )
        merged[path] = package
    return list(merged.values())


def select_own(packages: Sequence[Package]) -> list[Package]:
    """Keep the packages of the module itself, neither dependencies nor the standard library."""
    return [package for package in packages if not package.dependency and not package.standard]


def find_way(packages: Sequence[Package], target: str) -> list[str]:
    """Return the shortest way of imports from a package of the module to the target."""
    known = {package.path: package for package in packages}
    waiting = deque([package.path] for package in select_own(packages))
    seen = {way[0] for way in waiting}
    while waiting:
        way = waiting.popleft()
        if way[-1] == target:
            return way
        for path in known[way[-1]].imports if way[-1] in known else ():
            if path not in seen:
                seen.add(path)
                waiting.append([*way, path])
    return []


def find_alternative(path: str) -> tuple[str, Alternative] | None:
    """Return the known replacement without cgo, by the longest import path that is the package's or above it."""
    prefixes = [prefix for prefix in ALTERNATIVES if path == prefix or path.startswith(prefix + "/")]
    return (max(prefixes, key=len), ALTERNATIVES[max(prefixes, key=len)]) if prefixes else None


def list_options(package: Package, way: Sequence[str]) -> list[str]:
    """List the ways to do without a package that needs cgo, with the lines to write."""
    user = way[-2] if len(way) > 1 else package.path
    lines = []
    replacement = find_alternative(package.path)
    if replacement:
        lines.append(f"import {replacement[1].package} instead in {user} ({replacement[1].note})")
    if len(way) > 1:
        lines.append(
            f"in {user}: move what imports {package.path} into a file that begins with '//go:build cgo' and a blank "
            "line, and put what takes its place into one that begins with '//go:build !cgo'"
        )
        if package.module:
            folder = f"./third_party/{os.path.basename(package.module)}"
            lines.append(
                f"or stand in for it: in go.mod 'replace {package.module} => {folder}', and there a go.mod with"
                f" 'module {package.module}' and the calls that are used"
            )
    else:
        lines.append(
            f"in {package.path}: put '//go:build cgo' and a blank line before {join_names(package.cgo_files)}, "
            "and a file that begins with '//go:build !cgo' beside it"
        )
    return lines


def judge_cgo(packages: Sequence[Package], enabled: bool) -> Check:
    """WT-061: what the module itself brings that needs a C compiler. Go's own packages have pure twins."""
    users = [package for package in packages if package.cgo_files and not package.standard]
    if not users:
        reason = f"No package of {len(packages)} needs cgo"
        standard = [
            package.path
            for package in packages
            if package.cgo_files and package.standard and package.path != "runtime/cgo"
        ]
        if standard:
            reason += f"; {join_names(standard)} of Go's own use it where it is on, and work without"
        return doctor_check.ok("WT-061", reason + ".")
    ways = {package.path: find_way(packages, package.path) for package in users}
    first = users[0]
    way = " imports ".join(ways[first.path]) if len(ways[first.path]) > 1 else f"{first.path} itself"
    return Check(
        "WT-061",
        doctor_check.OK,
        f"{len(users)} package{'s need' if len(users) > 1 else ' needs'} cgo: "
        f"{join_names([package.path for package in users])} ({way}).",
        effect="cgo_disabled cannot be used for it as it is" if enabled else "these packages are left out or fail",
        command=list_options(first, ways[first.path])[0],
        details={
            "packages": [
                {
                    "path": package.path,
                    "files": list(package.cgo_files),
                    "why": ways[package.path],
                    "options": list_options(package, ways[package.path]),
                }
                for package in users
            ]
        },
    )


def judge_without_cgo(
    outcome: Mapping[str, str] | None, packages: Sequence[Package], enabled: bool, source: str = ""
) -> Check:
    """WT-062: whether `CGO_ENABLED=0 go build ./... && go vet ./...` passes, and what it changes."""
    if outcome is None or "no time" in outcome.values():
        return doctor_check.unknown(
            "WT-062", "There was no time left to build without cgo; raise doctor_budget_minutes."
        )
    changes = [text for name, text in RUN_TIME.items() if any(package.path == name for package in packages)]
    details = {"run_time": changes, **outcome}
    for step in ("build", "vet"):
        if outcome[step]:
            return Check(
                "WT-062",
                doctor_check.OK if enabled else doctor_check.CRITICAL,
                f"CGO_ENABLED=0 go {step} ./... fails: {find_first_error(outcome[step])}.",
                effect="cgo must stay on" if enabled else "cgo is off here, so this module cannot be built",
                command="" if enabled else doctor_check.set_command("CGO_ENABLED", "", source),
                blocks=not enabled,
                details=details,
            )
    effect = f" Built so, a program differs: {'; '.join(changes)}." if changes else " Nothing changes at run time."
    lever = catalogue.CASES["WT-062"] if enabled else ""
    reason = f"CGO_ENABLED=0 go build ./... and go vet ./... pass.{effect}"
    return doctor_check.ok("WT-062", reason, lever=lever, details=details)


def judge_linkage(programs: Mapping[str, Any]) -> Check:
    """WT-063: static or not, read from the ELF headers of what was built."""
    if not programs:
        return doctor_check.ok("WT-063", "The module has no program, so nothing is linked but tests.")
    needs = []
    for name, program in programs.items():
        if "error" in program:
            needs.append(f"{name}: {program['error'].rstrip('.')}")
        elif program["static"]:
            needs.append(f"{name} is static")
        else:
            needed = [os.path.basename(program["interpreter"] or "no interpreter"), *program["libraries"]]
            needs.append(f"{name} needs {join_names(needed)}")
    return doctor_check.ok("WT-063", f"As built here, {join_names(needs)}.", details={"programs": dict(programs)})


PROGRESS = ("go: downloading", "go: extracting", "go: finding", "go: warning:")
"""Beginnings of what the Go command says while all is well."""


def find_first_error(output: str) -> str:
    """Return the first thing the Go command says is wrong, with the indented lines that belong to it."""
    rows = output.splitlines()
    for number, row in enumerate(rows):
        if row.strip() and not row.startswith(("#", *PROGRESS)):
            begun = rows[number + 1 : number + 2] if row.endswith(":") and rows[number + 1 : number + 2] != [""] else []
            rest = rows[number + 1 + len(begun) :]
            more = [*begun, *itertools.takewhile(lambda line: line[:1].isspace(), rest)]
            return " ".join(word for line in (row, *more) for word in line.split()).rstrip(".")[:600]
    return "no reason was given"


def _is_own(package: str, modules: Sequence[str]) -> bool:
    return any(package == module or package.startswith(module + "/") for module in modules)


MODULE_ERRORS = (
    # What Go says, what that means, and what helps; {0} is the first group.
    (r"inconsistent vendoring in |-mod=vendor\b", "", "go mod vendor"),
    (
        r"(?:no required module provides package|cannot find module providing package) (\S+?)[;:\s]",
        "go.mod requires no module that has {0}",
        "go get {0}",
    ),
    (
        r"missing go\.sum entry for (?:module providing package |go\.mod file; to add it:)?\s*(\S+)",
        "go.sum has no entry for {0}",
        "go mod tidy",
    ),
    (r"updates to go\.(?:mod|work) needed", "", "go mod tidy"),
    (
        r"(\S+)@\S+: (?:module lookup disabled|.*GOPROXY=off)",
        "{0} is not in the module cache, and the doctor fetches nothing",
        "go mod download",
    ),
    (
        r"download go([0-9.]+\w*) for \S+: (?:toolchain not available|.*GOPROXY=off)",
        "it needs Go {0}, which is not in the module cache, and the doctor fetches nothing",
        "go version",
    ),
    (r"but go\.work lists go [0-9]", "", "go work use"),
    (
        r"cannot load module (\S+) listed in go\.work",
        "go.work lists {0}, which is not there",
        "go work edit -dropuse={0}   (or get that folder)",
    ),
    (
        r"(\S+)@\S+ \(replaced by \.{0,2}/\S*\): reading \S+: open",
        "go.mod replaces {0} by a folder that is not there",
        "go mod edit -dropreplace={0}   (or get that folder)",
    ),
    (
        r"fatal error: (\S+\.h\w*): No such file or directory",
        "cgo needs the header {0}, which is not installed",
        "install the development package that has {0}",
    ),
    (
        r"cannot find -l([\w.+-]+)",
        "cgo needs the C library {0}, which is not installed",
        "install the development package of {0}",
    ),
    (r"parsing \$GOFLAGS: ", "", "go env -u GOFLAGS"),
    (r"requires go >= ([0-9.]+\w*)", "it needs Go {0} or later", "install that Go, or allow GOTOOLCHAIN=auto"),
    (
        r'C compiler "?(\w+)"? not found',
        "cgo is on and there is no C compiler ({0})",
        "install:cgo",
    ),
    (r'exec: "pkg-config": executable file not found', "cgo needs pkg-config", "install:pkg-config"),
    (
        r"Package '?([\w.+-]+)'?(?:, required by .*,)? (?:was )?not found",
        "cgo needs the C library {0}, which is not installed",
        "search:{0}",
    ),
)


ADVISED = re.compile(
    r"^[ \t]+(go (?:mod|work|get|env -u)(?: (?:-[a-z]{1,4}(?:=[\w.]+)?|[\w@.+:/,][\w@.+:/,~-]*))+)[ \t]*$",
    re.ASCII | re.MULTILINE,
)
"""A command that Go advises. What a module prints may look like that too, and a person copies it into a shell: so it
has plain words alone, and neither -toolexec nor `go env -w`, which name programs that Go starts.
"""


def explain(trouble: str, output: str, modules: Sequence[str] = (), generates: bool = False) -> tuple[str, str]:
    """Return what stands in the way and the command against it.

    C(modules) are the paths of the module's own, and C(generates) is whether it has code made by `go generate`.
    """
    if not output:
        return trouble, ""
    reason_of_go = f"{trouble}: {find_first_error(output)}"
    embedded = re.search(r"pattern (\S+): (?:no matching files found|cannot embed)", output)
    if embedded:
        return reason_of_go, _say_how_to_make(f"what makes {embedded[1]}", generates)
    absent = re.search(
        r"package (\S+?)(?: is not in (?:std|GOROOT)\b|[;:\s])",
        "".join(re.findall(r".*(?:providing|provides|is not in).*\n?", output)) + "\n",
    )
    if absent and _is_own(absent[1], modules):
        return f"{absent[1]} is a package of the module itself that is not there", _say_how_to_make(
            "what makes it", generates
        )
    for pattern, reason, command in MODULE_ERRORS:
        match = re.search(pattern, output + "\n")
        if match:
            group = match[1].rstrip(":;") if match.groups() else ""
            # No option either, such as -toolexec.
            safe = "" if group.startswith("-") else command.format(shlex.quote(group))
            return reason.format(group) or reason_of_go, safe
    advised = ADVISED.search(output)
    return reason_of_go, advised[1] if advised else ""


def _say_how_to_make(what: str, generates: bool) -> str:
    more = "" if generates else f"   (or run {what}: see the project's Makefile or README)"
    return f"go generate ./...{more}"


@dataclass
class TestTime:
    """What one test did with its time: `own` is what it worked or waited itself, `paused` is t.Parallel's queue."""

    package: str
    test: str
    own: float = 0.0
    paused: float = 0.0
    outcome: str = ""
    _since: float | None = field(default=None, repr=False)


def read_events(text: str) -> Iterator[dict[str, Any]]:
    """Yield the events of `go test -json`; other lines, such as a linker's, are passed over."""
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and "Action" in event:
                yield event


def read_test_times(text: str) -> list[TestTime]:
    """Return the tests in the order in which they started; a gap between pause and cont is no work and no I/O."""
    tests: dict[tuple[str, str], TestTime] = {}
    for event in read_events(text):
        name = event.get("Test")
        if not name or not event.get("Time"):
            continue
        action, now = event["Action"], doctor_phases.parse_moment(event["Time"])
        timed = tests.setdefault((event.get("Package", ""), name), TestTime(event.get("Package", ""), name))
        if action == "run":
            timed._since = now
        elif action == "pause" and timed._since is not None:
            timed.own += now - timed._since
            timed._since = now
        elif action == "cont" and timed._since is not None:
            timed.paused += now - timed._since
            timed._since = now
        elif action in ("pass", "fail", "skip") and timed._since is not None:
            timed.own += now - timed._since
            timed.outcome, timed._since = action, None
    return list(tests.values())


def list_compiled(actions: Sequence[Mapping[str, Any]]) -> list[str]:
    """List the packages that were compiled and not taken from the cache; test mains are always new."""
    return sorted(
        str(action["Package"])
        for action in actions
        if action.get("Mode") == "build"
        and action.get("Cmd")
        and not str(action["Package"]).endswith(".test")
        and " [" not in str(action["Package"])
    )


def list_failures(text: str) -> list[str]:
    """List which tests failed, the packages without one among them."""
    named = [
        f"{event['Test']} in {event.get('Package')}"
        for event in read_events(text)
        if event["Action"] == "fail" and event.get("Test") and "/" not in event["Test"]
    ]
    return named or [str(event.get("Package")) for event in read_events(text) if event["Action"] == "fail"]


def judge_tests(module: Mapping[str, Any]) -> Check:
    """WT-060: whether there is anything to measure."""
    where = module["directory"]
    if module.get("empty"):
        return doctor_check.unknown("WT-060", f"{where} has no Go package that is built on this machine.")
    if module["trouble"]:
        reason, command = explain(
            module["trouble"], module.get("output", ""), module.get("module_paths", ()), module.get("generates", False)
        )
        command = command or module.get("command", "")
        if command.startswith("go "):
            command = f"cd {shlex.quote(where)} && {command}"
        return Check(
            "WT-060",
            doctor_check.CRITICAL,
            f"{where} was not measured: {reason}.",
            effect="nothing is known of it",
            command=command,
            blocks=True,
            seconds=-1.0,
        )
    test = module.get("test")
    if not test:
        return doctor_check.unknown(
            "WT-060", f"{where}: there was no time left to run the tests; raise doctor_budget_minutes."
        )
    if test["timed_out"]:
        running = [timed for timed in read_test_times(test["events"]) if not timed.outcome]
        hangs = (
            f"; {join_names([timed.test for timed in running if '/' not in timed.test])} still ran" if running else ""
        )
        return Check(
            "WT-060",
            doctor_check.CRITICAL,
            f"The tests of {where} did not end within {test['limit']:.0f} s{hangs}.",
            value=round(test["wall"], 1),
            unit="s",
            effect="no time of theirs is compared",
            command="go test -timeout=30s ./...   (shows where they hang)",
            blocks=True,
            seconds=-1.0,
        )
    if test["stopped"]:
        written, printed = test["peak"], test["output_bytes"]
        what = f"wrote {written >> 20} MiB of temporary files" if written > printed else f"printed {printed >> 20} MiB"
        return Check(
            "WT-060",
            doctor_check.CRITICAL,
            f"The tests of {where} {what} and were ended for it.",
            value=max(written, printed) >> 20,
            unit="MiB",
            effect="no time of theirs is compared",
            command="raise doctor_temporary_limit if that is meant",
            blocks=True,
            seconds=-1.0,
        )
    if test["code"]:
        failed = list_failures(test["events"])
        reason = f"{join_names(failed)} failed" if failed else explain("go test failed", test["err"])[0]
        return Check(
            "WT-060",
            doctor_check.CRITICAL,
            f"The tests of {where} do not pass: {reason}.",
            effect="no time of theirs is compared",
            command="go test ./...",
            blocks=True,
            seconds=-1.0,
        )
    return doctor_check.ok(
        "WT-060", f"The tests of {where} pass in {test['wall']:.1f} s.", value=round(test["wall"], 2), unit="s"
    )


def judge_phases(
    test: Mapping[str, Any], edited: Mapping[str, Any] | None = None, useless: Collection[str] = ()
) -> Check:
    """WT-064: time by phase of a repeated run and of one after an edit, and the levers for the phase that leads.

    A repeated run that compiles again has a cache that does not hold. C(useless) names levers without effect here.
    """
    actions = test["actions"]
    if not actions:
        return doctor_check.unknown("WT-064", "Go wrote no account of its actions (-debug-actiongraph).")
    runs = {"repeated": doctor_phases.measure_on_the_clock(actions, test.get("wall"))}
    if edited and edited.get("actions"):
        runs["edited"] = doctor_phases.measure_on_the_clock(edited["actions"], edited["wall"])
    spent = runs["repeated"]
    total = sum(spent.values())
    details = {
        "seconds": spent,
        "compiled": list_compiled(actions),
        "phases": [
            {
                "run": name,
                "seconds": run,
                "longest": doctor_phases.find_longest(run),
                "levers": doctor_phases.list_levers(doctor_phases.find_longest(run), useless),
            }
            for name, run in runs.items()
        ],
    }
    again = list_compiled(actions) if test.get("first") else []
    if again and spent["compile"] > 0.3 * total and spent["compile"] > 1.0:
        return Check(
            "WT-064",
            doctor_check.WARNING,
            f"A repeated go test compiles {len(again)} packages again ({doctor_phases.describe(spent)}): "
            "the build cache does not hold.",
            value=round(spent["compile"], 1),
            unit="s",
            effect=f"about {spent['compile']:.1f} s for every go test",
            command="go env GOFLAGS GOCACHE   (no -a, and a cache that is kept)",
            seconds=spent["compile"],
            details=details,
        )
    reason = f"Of {total:.1f} s of go test: {doctor_phases.describe(spent)}. {doctor_phases.advise(spent, useless)}."
    if "edited" in runs:
        after = runs["edited"]
        reason += f" After an edit of {edited['package'] if edited else ''}, of {sum(after.values()):.1f} s: "
        reason += f"{doctor_phases.describe(after)}. {doctor_phases.advise(after, useless)}."
    elif edited:
        reason += f" A run after an edit was not measured: {edited['reason']}."
    leading = doctor_phases.list_levers(doctor_phases.find_longest(spent), useless)
    lever = leading[0] if leading else ""
    return doctor_check.ok("WT-064", reason, value=round(total, 2), unit="s", lever=lever, details=details)


def judge_waits(test: Mapping[str, Any]) -> Check:
    """WT-065: the tests that take longest themselves, and what was only t.Parallel's queue."""
    timed = [test_time for test_time in read_test_times(test["events"]) if test_time.outcome]
    tops = [test_time for test_time in timed if "/" not in test_time.test]
    if not tops:
        return doctor_check.ok("WT-065", "There are no tests whose time could be measured.")
    slowest = sorted(tops, key=lambda test_time: -test_time.own)[:10]
    paused = sum(test_time.paused for test_time in tops)
    is_quick = slowest[0].own < 0.05
    longest = f"{slowest[0].test} takes longest, {slowest[0].own:.2f} s of its own"
    reason = "No test takes 0.05 s of its own" if is_quick else longest
    if paused >= 0.005:
        reason += f"; {paused:.2f} s between pause and cont are t.Parallel's queue, not I/O"
    return doctor_check.ok(
        "WT-065",
        reason + ".",
        value=round(slowest[0].own, 3),
        unit="s",
        details={
            "slowest": [
                {
                    "package": test_time.package,
                    "test": test_time.test,
                    "own": round(test_time.own, 3),
                    "paused": round(test_time.paused, 3),
                }
                for test_time in slowest
            ]
        },
    )


def parse_calls(text: str) -> dict[str, tuple[int, int]]:
    """Return calls and errors by name from the table of `strace -c`."""
    counts = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) in (5, 6) and re.match(r"[0-9.]+$", words[0]) and words[3].isdigit() and words[-1] != "total":
            counts[words[-1]] = (int(words[3]), int(words[4]) if len(words) == 6 else 0)
    return counts


def judge_calls(trace: Mapping[str, Any] | None) -> Check:
    """WT-066: how many questions one package asks of the file system."""
    if not trace or "reason" in trace:
        return doctor_check.unknown(
            "WT-066", f"System calls were not counted: {(trace or {}).get('reason', 'the tests did not run')}."
        )
    counted = parse_calls(trace["table"])
    if not counted:
        return doctor_check.unknown("WT-066", "System calls were not counted: strace's table is empty.")
    most = sorted(counted.items(), key=lambda item: -item[1][0])
    files = sum(
        counted.get(name, (0, 0))[0] for name in ("newfstatat", "stat", "lstat", "fstatat64", "openat", "open", "statx")
    )
    shown = join_names([f"{number} {name}" for name, (number, _errors) in most[:4]])
    reason = f"Testing {trace['package']} once makes {shown}; {files} calls look for files."
    details = {"calls": {name: list(pair) for name, pair in most}}
    return doctor_check.ok("WT-066", reason, value=files, unit="calls", details=details)


def judge_module(
    module: Mapping[str, Any], cgo_enabled: bool, cgo_source: str = "", useless: Collection[str] = ()
) -> list[Check]:
    """List the checks of one module; where its tests fail, only those that need no test run.

    `useless` names the levers that were measured on this machine without an effect.
    """
    checks = [judge_tests(module)]
    if "listing" in module:
        packages = parse_listing(module["listing"])
        checks.append(judge_cgo(packages, cgo_enabled))
        if "programs" in module:
            checks.append(judge_linkage(module["programs"]))
            checks.append(judge_without_cgo(module.get("without_cgo"), packages, cgo_enabled, cgo_source))
    test = module.get("test")
    if test and checks[0].status == doctor_check.OK:
        checks += [
            judge_phases(test, module.get("edited"), useless),
            judge_waits(test),
            judge_calls(module.get("calls")),
        ]
    return checks


def judge(seen: Mapping[str, Any]) -> list[Check]:
    """List the checks of every measured module; one check is unknown where none was."""
    modules = seen.get("modules")
    if modules is None:
        return []
    if isinstance(modules, Mapping):
        return [doctor_check.unknown("WT-060", f"The modules were not measured: {modules['unknown']}.")]
    if not modules:
        return [doctor_check.unknown("WT-060", "No module was named, so none was measured.")]
    go = seen["go"]
    cgo = go["settings"].get("CGO_ENABLED", {})
    enabled, source = cgo.get("value") != "0", cgo.get("source", "")
    useless = list_useless_levers(seen)
    return [check for module in modules for check in judge_module(module, enabled, source, useless)]


def list_useless_levers(seen: Mapping[str, Any]) -> list[str]:
    """Return the levers that can have no effect here, because what they move lies well already."""
    places = seen.get("places") or {}
    slow = [name for name, place in places.items() if isinstance(place, Mapping) and place.get("windows_drive")]
    folders = seen.get("path")
    if isinstance(folders, list) and any(folder.get("windows_drive") for folder in folders):
        slow.append(catalogue.PATH_PLACE)
    in_memory = [
        name
        for name, place in places.items()
        if isinstance(place, Mapping) and place.get("fstype") in mountinfo.IN_MEMORY
    ]
    return [name for name in catalogue.LEVERS if levers_decide.explain_no_effect(name, slow, in_memory)]


def read_work(seen: Mapping[str, Any]) -> doctor_check.Work:
    """Return what a `go test` of the modules is about, to say what something costs."""
    modules = seen.get("modules")
    listings = [parse_listing(module.get("listing", "")) for module in modules] if isinstance(modules, list) else []
    tested = [package for packages in listings for package in select_own(packages)]
    if not tested:
        return doctor_check.Work()
    return doctor_check.Work(len(tested), sum(package.dependencies for package in tested), sum(map(len, listings)))
