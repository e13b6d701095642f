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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor.check import Check, listed
from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue


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
    "net": "names: /etc/nsswitch.conf modules other than files and dns (mdns, sssd, WINS) are not asked",
    "os/user": "users: only /etc/passwd and /etc/group are read, not LDAP or sssd",
    "plugin": "plugins: plugin.Open and -buildmode=plugin do not work",
}


def parse_listing(text: str) -> list[Package]:
    """The packages of a listing; variants made for a test count with the package."""
    merged: dict[str, Package] = {}
    for line in text.splitlines():
        row = line.split("\t")
        if len(row) != 9:
            continue
        path = row[0].partition(" ")[0]
        if path.endswith(".test"):
            continue
        imports = tuple(word.partition("[")[0] for word in row[5].split() if not word.startswith("["))
        one = Package(
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
            one = other._replace(
                imports=tuple(dict.fromkeys(other.imports + one.imports)),
                dependency=other.dependency and one.dependency,
                dependencies=max(other.dependencies, one.dependencies),
            )
        merged[path] = one
    return list(merged.values())


def own(packages: Sequence[Package]) -> list[Package]:
    return [one for one in packages if not one.dependency and not one.standard]


def why(packages: Sequence[Package], target: str) -> list[str]:
    """The shortest way of imports from a package of the module to the target."""
    known = {one.path: one for one in packages}
    waiting = deque([one.path] for one in own(packages))
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


def alternative(path: str) -> tuple[str, Alternative] | None:
    found = [prefix for prefix in ALTERNATIVES if path == prefix or path.startswith(prefix + "/")]
    return (max(found, key=len), ALTERNATIVES[max(found, key=len)]) if found else None


def options(package: Package, way: Sequence[str]) -> list[str]:
    """Ways to do without a package that needs cgo, with the lines to write."""
    user = way[-2] if len(way) > 1 else package.path
    told = []
    found = alternative(package.path)
    if found:
        told.append(f"import {found[1].package} instead in {user} ({found[1].note})")
    if len(way) > 1:
        told.append(
            f"in {user}: move what imports {package.path} into a file that begins with '//go:build cgo' and a blank "
            "line, and put what takes its place into one that begins with '//go:build !cgo'"
        )
        if package.module:
            folder = f"./third_party/{os.path.basename(package.module)}"
            told.append(
                f"or stand in for it: in go.mod 'replace {package.module} => {folder}', and there a go.mod with"
                f" 'module {package.module}' and the calls that are used"
            )
    else:
        told.append(
            f"in {package.path}: put '//go:build cgo' and a blank line before {listed(package.cgo_files)}, "
            "and a file that begins with '//go:build !cgo' beside it"
        )
    return told


def cgo(packages: Sequence[Package], enabled: bool) -> Check:
    """WT-061: what the module itself brings that needs a C compiler. Go's own packages have pure twins."""
    users = [one for one in packages if one.cgo_files and not one.standard]
    if not users:
        reason = f"No package of {len(packages)} needs cgo"
        standard = [one.path for one in packages if one.cgo_files and one.standard and one.path != "runtime/cgo"]
        if standard:
            reason += f"; {listed(standard)} of Go's own use it where it is on, and work without"
        return doctor_check.ok("WT-061", reason + ".")
    ways = {one.path: why(packages, one.path) for one in users}
    first = users[0]
    way = " imports ".join(ways[first.path]) if len(ways[first.path]) > 1 else f"{first.path} itself"
    return Check(
        "WT-061",
        doctor_check.OK,
        f"{len(users)} package{'s need' if len(users) > 1 else ' needs'} cgo: "
        f"{listed([one.path for one in users])} ({way}).",
        effect="cgo_disabled cannot be used for it as it is" if enabled else "these packages are left out or fail",
        lever=catalogue.CASES["WT-061"],
        command=options(first, ways[first.path])[0],
        details={
            "packages": [
                {
                    "path": one.path,
                    "files": list(one.cgo_files),
                    "why": ways[one.path],
                    "options": options(one, ways[one.path]),
                }
                for one in users
            ]
        },
    )


def without_cgo(found: Mapping[str, str] | None, packages: Sequence[Package], enabled: bool, source: str = "") -> Check:
    """WT-062: whether `CGO_ENABLED=0 go build ./... && go vet ./...` passes, and what it changes."""
    if found is None or "no time" in found.values():
        return doctor_check.unknown("WT-062", "There was no time left to build without cgo; raise the budget.")
    changes = [text for name, text in RUN_TIME.items() if any(one.path == name for one in packages)]
    details = {"run_time": changes, **found}
    for step in ("build", "vet"):
        if found[step]:
            return Check(
                "WT-062",
                doctor_check.OK if enabled else doctor_check.CRITICAL,
                f"CGO_ENABLED=0 go {step} ./... fails: {first_error(found[step])}.",
                effect="cgo must stay on" if enabled else "cgo is off here, so this module cannot be built",
                lever=catalogue.CASES["WT-062"],
                command="" if enabled else doctor_check.set_command("CGO_ENABLED", "", source),
                blocks=not enabled,
                details=details,
            )
    told = f" At run time {'; '.join(changes)}." if changes else " Nothing changes at run time."
    return doctor_check.ok("WT-062", f"CGO_ENABLED=0 go build ./... and go vet ./... pass.{told}", details=details)


def linkage(programs: Mapping[str, Any]) -> Check:
    """WT-063: static or not, read from the ELF headers of what was built."""
    if not programs:
        return doctor_check.ok("WT-063", "The module has no program, so nothing is linked but tests.")
    told = []
    for name, one in programs.items():
        if "error" in one:
            told.append(f"{name}: {one['error'].rstrip('.')}")
        elif one["static"]:
            told.append(f"{name} is static")
        else:
            told.append(
                f"{name} needs {listed([os.path.basename(one['interpreter'] or 'no interpreter'), *one['libraries']])}"
            )
    return doctor_check.ok("WT-063", f"As built here, {listed(told)}.", details={"programs": dict(programs)})


def first_error(output: str) -> str:
    """The first thing the Go command says is wrong, with the indented lines that belong to it."""
    rows = output.splitlines()
    for number, row in enumerate(rows):
        if row.strip() and not row.startswith(("#", "go: downloading", "go: warning:")):
            more = itertools.takewhile(lambda line: line[:1].isspace(), rows[number + 1 :])
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
    (r"requires go >= ([0-9.]+\w*)", "it needs Go {0} or later", "install that Go, or allow GOTOOLCHAIN=auto"),
    (
        r'C compiler "?(\w+)"? not found',
        "cgo is on and there is no C compiler ({0})",
        "sudo apt install gcc libc6-dev",
    ),
    (r'exec: "pkg-config": executable file not found', "cgo needs pkg-config", "sudo apt install pkg-config"),
    (
        r"Package '?([\w.+-]+)'?(?:, required by .*,)? (?:was )?not found",
        "cgo needs the C library {0}, which is not installed",
        "apt-file search {0}.pc   (names the package to install)",
    ),
)


def explained(trouble: str, output: str, modules: Sequence[str] = (), generates: bool = False) -> tuple[str, str]:
    """What stands in the way and the command against it.

    C(modules) are the paths of the module's own, and C(generates) is whether it has code made by `go generate`.
    """
    if not output:
        return trouble, ""
    said = f"{trouble}: {first_error(output)}"
    embedded = re.search(r"pattern (\S+): (?:no matching files found|cannot embed)", output)
    if embedded:
        return said, _made(f"what makes {embedded[1]}", generates)
    absent = re.search(
        r"package (\S+?)(?: is not in (?:std|GOROOT)\b|[;:\s])",
        "".join(re.findall(r".*(?:providing|provides|is not in).*\n?", output)) + "\n",
    )
    if absent and _is_own(absent[1], modules):
        return f"{absent[1]} is a package of the module itself that is not there", _made("what makes it", generates)
    for pattern, reason, command in MODULE_ERRORS:
        match = re.search(pattern, output + "\n")
        if match:
            group = match[1].rstrip(":;") if match.groups() else ""
            return reason.format(group) or said, command.format(group)
    return said, ""


def _made(what: str, generates: bool) -> str:
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


def _seconds(text: str) -> float:
    # Python 3.9 reads neither Z nor nanoseconds.
    match = re.match(r"([0-9-]+T[0-9:]+)(\.\d+)?(Z|[+-]\d\d:\d\d)$", text)
    if not match:
        raise ValueError(f"{text!r} is not a time of go test -json")
    whole = datetime.fromisoformat(match[1] + ("+00:00" if match[3] == "Z" else match[3]))
    return whole.timestamp() + float(match[2] or 0)


def events(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and "Action" in event:
                yield event


def test_times(text: str) -> list[TestTime]:
    """The tests in the order in which they started; a gap between pause and cont is no work and no I/O."""
    tests: dict[tuple[str, str], TestTime] = {}
    for event in events(text):
        name = event.get("Test")
        if not name or not event.get("Time"):
            continue
        action, now = event["Action"], _seconds(event["Time"])
        one = tests.setdefault((event.get("Package", ""), name), TestTime(event.get("Package", ""), name))
        if action == "run":
            one._since = now
        elif action == "pause" and one._since is not None:
            one.own += now - one._since
            one._since = now
        elif action == "cont" and one._since is not None:
            one.paused += now - one._since
            one._since = now
        elif action in ("pass", "fail", "skip") and one._since is not None:
            one.own += now - one._since
            one.outcome, one._since = action, None
    return list(tests.values())


PHASES = ("compile", "vet", "link", "run", "other")
_PHASE = {"build": "compile", "vet": "vet", "link": "link", "test run": "run"}


def phases(actions: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Seconds of action by phase. Actions run side by side, so the sum may be more than the time on the clock."""
    spent = dict.fromkeys(PHASES, 0.0)
    for action in actions:
        mode = str(action.get("Mode", ""))
        if mode in ("go test", "nop", "test barrier"):
            continue
        phase = "compile" if "cgo" in mode else _PHASE.get(mode, "other")
        began, ended = str(action.get("TimeStart", "")), str(action.get("TimeDone", ""))
        if began and ended and not began.startswith("0001"):
            spent[phase] += max(0.0, _seconds(ended) - _seconds(began))
    return {name: round(value, 4) for name, value in spent.items()}


def compiled(actions: Sequence[Mapping[str, Any]]) -> list[str]:
    """The packages that were compiled and not taken from the cache; test mains are always new."""
    return sorted(
        str(action["Package"])
        for action in actions
        if action.get("Mode") == "build"
        and action.get("Cmd")
        and not str(action["Package"]).endswith(".test")
        and " [" not in str(action["Package"])
    )


def failures(text: str) -> list[str]:
    """Which tests failed, the packages without one among them."""
    named = [
        f"{event['Test']} in {event.get('Package')}"
        for event in events(text)
        if event["Action"] == "fail" and event.get("Test") and "/" not in event["Test"]
    ]
    return named or [str(event.get("Package")) for event in events(text) if event["Action"] == "fail"]


def tests(one: Mapping[str, Any]) -> Check:
    """WT-060: whether there is anything to measure."""
    where = one["directory"]
    if one.get("empty"):
        return doctor_check.unknown("WT-060", f"{where} has no Go package that is built on this machine.")
    if one["trouble"]:
        reason, command = explained(
            one["trouble"], one.get("output", ""), one.get("module_paths", ()), one.get("generates", False)
        )
        command = command or one.get("command", "")
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
    test = one.get("test")
    if not test:
        return doctor_check.unknown("WT-060", f"{where}: there was no time left to run the tests; raise the budget.")
    if test["timed_out"]:
        running = [timed for timed in test_times(test["events"]) if not timed.outcome]
        hangs = f"; {listed([timed.test for timed in running if '/' not in timed.test])} still ran" if running else ""
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
        written, said = test["peak"], test["output_bytes"]
        what = f"wrote {written >> 20} MiB of temporary files" if written > said else f"printed {said >> 20} MiB"
        return Check(
            "WT-060",
            doctor_check.CRITICAL,
            f"The tests of {where} {what} and were ended for it.",
            value=max(written, said) >> 20,
            unit="MiB",
            effect="no time of theirs is compared",
            command="raise doctor_temporary_limit if that is meant",
            blocks=True,
            seconds=-1.0,
        )
    if test["code"]:
        failed = failures(test["events"])
        reason = f"{listed(failed)} failed" if failed else explained("go test failed", test["err"])[0]
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


def where_time_goes(test: Mapping[str, Any]) -> Check:
    """WT-064: time by phase; a repeated run that compiles again has a cache that does not hold."""
    actions = test["actions"]
    if not actions:
        return doctor_check.unknown("WT-064", "Go wrote no account of its actions (-debug-actiongraph).")
    spent = phases(actions)
    total = sum(spent.values()) or 1.0
    shares = ", ".join(f"{name} {spent[name] / total:.0%}" for name in PHASES if spent[name] / total >= 0.005)
    details = {"seconds": spent, "compiled": compiled(actions)}
    again = compiled(actions) if test.get("first") else []
    if again and spent["compile"] > 0.3 * total and spent["compile"] > 1.0:
        return Check(
            "WT-064",
            doctor_check.WARNING,
            f"A repeated go test compiles {len(again)} packages again ({shares}): the build cache does not hold.",
            value=round(spent["compile"], 1),
            unit="s",
            effect=f"about {spent['compile']:.1f} s for every go test",
            command="go env GOFLAGS GOCACHE   (no -a, and a cache that is kept)",
            seconds=spent["compile"],
            details=details,
        )
    lever = catalogue.CASES["WT-064"] if spent["link"] > 0.5 * total else ""
    return doctor_check.ok(
        "WT-064", f"Of {total:.1f} s of work: {shares}.", value=round(total, 2), unit="s", lever=lever, details=details
    )


def waits(test: Mapping[str, Any]) -> Check:
    """WT-065: the tests that take longest themselves, and what was only t.Parallel's queue."""
    timed = [one for one in test_times(test["events"]) if one.outcome]
    tops = [one for one in timed if "/" not in one.test]
    if not tops:
        return doctor_check.ok("WT-065", "There are no tests whose time could be told.")
    slowest = sorted(tops, key=lambda one: -one.own)[:10]
    paused = sum(one.paused for one in tops)
    reason = f"{slowest[0].test} takes longest, {slowest[0].own:.2f} s of its own"
    if paused >= 0.005:
        reason += f"; {paused:.2f} s between pause and cont are t.Parallel's queue, not I/O"
    return doctor_check.ok(
        "WT-065",
        reason + ".",
        value=round(slowest[0].own, 3),
        unit="s",
        details={
            "slowest": [
                {"package": one.package, "test": one.test, "own": round(one.own, 3), "paused": round(one.paused, 3)}
                for one in slowest
            ]
        },
    )


def parse_calls(text: str) -> dict[str, tuple[int, int]]:
    """Calls and errors by name from the table of `strace -c`."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) in (5, 6) and re.match(r"[0-9.]+$", words[0]) and words[3].isdigit() and words[-1] != "total":
            found[words[-1]] = (int(words[3]), int(words[4]) if len(words) == 6 else 0)
    return found


def calls(found: Mapping[str, Any] | None) -> Check:
    """WT-066: how many questions one package asks of the file system."""
    if not found or "reason" in found:
        return doctor_check.unknown(
            "WT-066", f"System calls were not counted: {(found or {}).get('reason', 'the tests did not run')}."
        )
    counted = parse_calls(found["table"])
    if not counted:
        return doctor_check.unknown("WT-066", "System calls were not counted: strace's table is empty.")
    most = sorted(counted.items(), key=lambda item: -item[1][0])
    files = sum(
        counted.get(name, (0, 0))[0] for name in ("newfstatat", "stat", "lstat", "fstatat64", "openat", "open", "statx")
    )
    shown = listed([f"{number} {name}" for name, (number, _errors) in most[:4]])
    reason = f"Testing {found['package']} once makes {shown}; {files} calls look for files."
    details = {"calls": {name: list(pair) for name, pair in most}}
    return doctor_check.ok("WT-066", reason, value=files, unit="calls", details=details)


def judge_one(one: Mapping[str, Any], cgo_enabled: bool, cgo_source: str = "") -> list[Check]:
    checks = [tests(one)]
    if "listing" in one:
        packages = parse_listing(one["listing"])
        checks.append(cgo(packages, cgo_enabled))
        if "programs" in one:
            checks.append(linkage(one["programs"]))
            checks.append(without_cgo(one.get("without_cgo"), packages, cgo_enabled, cgo_source))
    test = one.get("test")
    if test and checks[0].status == doctor_check.OK:
        checks += [where_time_goes(test), waits(test), calls(one.get("calls"))]
    return checks


def judge(seen: Mapping[str, Any]) -> list[Check]:
    found = seen.get("modules")
    if found is None:
        return []
    if isinstance(found, Mapping):
        return [doctor_check.unknown("WT-060", f"The modules were not measured: {found['unknown']}.")]
    if not found:
        return [doctor_check.unknown("WT-060", "No module was named, so none was measured.")]
    go = seen["go"]
    cgo = go["settings"].get("CGO_ENABLED", {})
    enabled, source = cgo.get("value") != "0", cgo.get("source", "")
    return [check for one in found for check in judge_one(one, enabled, source)]


def work(seen: Mapping[str, Any]) -> doctor_check.Work:
    """What a `go test` of the modules is about, to say what something costs."""
    modules = seen.get("modules")
    listings = [parse_listing(one.get("listing", "")) for one in modules] if isinstance(modules, list) else []
    tested = [one for packages in listings for one in own(packages)]
    if not tested:
        return doctor_check.Work()
    return doctor_check.Work(len(tested), sum(one.dependencies for one in tested), sum(map(len, listings)))
