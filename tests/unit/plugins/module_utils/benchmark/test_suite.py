# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import suite


def events(*rows):
    keys = ("Action", "Package", "Test", "Output")
    lines = [json.dumps({key: value for key, value in zip(keys, row) if value}) for row in rows]
    return "\n".join(["go: downloading x", *lines, "{half"])


def test_what_go_test_tells_of_packages():
    text = events(
        ("output", "m/parse", "TestFast", "12:00:01 a log line of a passing test\n"),
        ("pass", "m/parse", "TestFast"),
        ("output", "m/parse", "TestTime/sub", "    parse_test.go:31: took 1.2 s\n"),
        ("output", "m/parse", "TestTime", "--- FAIL: TestTime (1.20s)\n"),
        ("fail", "m/parse", "TestTime/sub"),
        ("fail", "m/parse", "TestTime"),
        ("fail", "m/parse"),
        ("pass", "m/route", "TestRoute"),
        ("pass", "m/route"),
        ("output", "m/broken", "", "FAIL\tm/broken [build failed]\n"),
        ("fail", "m/broken"),
        ("skip", "m/cmd"),
        ("run", "m/hangs", "TestHang"),
    )
    found = suite.read(text)
    assert (found["m/parse"].passed, found["m/parse"].failed) == (("TestFast",), ("TestTime",))
    assert found["m/parse"].word == "TestTime: parse_test.go:31: took 1.2 s"
    assert found["m/route"].passes and found["m/cmd"].passes
    assert not found["m/broken"].builds and found["m/broken"].word == "it does not build"
    assert found["m/hangs"].word == "its tests did not end"


GOOD = suite.Package("m/a", True, elapsed=1.0, passed=("TestA",))
SLOW = suite.Package("m/slow", True, elapsed=40.0, passed=("TestSlow",))
BAD = suite.Package("m/b", False, passed=("TestB", "TestC"), failed=("TestX",), word="TestX: b_test.go:3: no")
ALL_BAD = suite.Package("m/c", False, failed=("TestY",), word="TestY")
BROKEN = suite.Package("m/d", False, builds=False, word="it does not build")
ALONE = "measured by building and linking the tests alone, because "


@pytest.mark.parametrize(
    ("packages", "arguments", "notes"),
    [
        ([GOOD], ["./..."], []),
        ([GOOD, BAD], ["m/a"], ["measured without TestX in m/b (b_test.go:3: no)"]),
        ([BAD], ["-run", "^(TestB|TestC)$", "m/b"], ["measured without TestX in m/b (b_test.go:3: no)"]),
        ([ALL_BAD], ["-run", "^$", "m/c"], ["measured without TestY in m/c", f"{ALONE}no package passes"]),
        ([GOOD, SLOW], ["m/a"], ["measured without m/slow, whose tests take 40 s"]),
        ([SLOW], ["-run", "^$", "./..."], [f"{ALONE}they take too long for six rounds"]),
        ([GOOD, BROKEN], ["m/a"], ["measured without m/d (it does not build)"]),
    ],
)
def test_a_number_is_had_from_what_passes(packages, arguments, notes):
    chosen = suite.select({one.name: one for one in packages}, 10.0, 2)
    assert (chosen.arguments, list(chosen.notes)) == (arguments, notes)


def test_what_does_not_build_gives_no_number():
    assert suite.select({BROKEN.name: BROKEN}, 10.0, 2) is None


def test_quick_packages_run_beside_each_other():
    packages = {f"m/{number}": suite.Package(f"m/{number}", True, elapsed=4.0, passed=("T",)) for number in range(6)}
    assert len(suite.select(packages, 8.0, 2).packages) == 4
    assert suite.select(packages, 12.0, 2).packages == ()


def test_a_flaky_test_is_left_out_from_then_on():
    flaky = GOOD.without(["TestA"], "TestA: a_test.go:9: slow")
    assert not flaky.passes and flaky.passed == () and flaky.failed == ("TestA",)
    assert suite.parse_failed("ok  \tm/a\n--- FAIL: TestX (0.1s)\n    --- FAIL: TestX/y\nFAIL\tm/b\t0.2s\nFAIL\n") == {
        "m/b": ["TestX"]
    }


def test_benchmarks_are_read_with_their_package():
    text = (
        "goos: linux\npkg: example.com/a\nBenchmarkX-2  \t 100\t  12.5 ns/op\t 0 B/op\nBenchmarkY/big-2 1 3e+09 ns/op\n"
    )
    assert suite.read_benchmarks(f"{text}PASS\nok example.com/a 0.1s\n") == {
        "example.com/a.BenchmarkX-2": pytest.approx(1.25e-8),
        "example.com/a.BenchmarkY/big-2": pytest.approx(3.0),
    }


@pytest.mark.parametrize("text", ["module example.com/a\n\ngo 1.24\n", '// Old\nmodule "example.com/a" // new\n'])
def test_the_path_of_a_module(text):
    assert suite.parse_module_path(text) == "example.com/a"
