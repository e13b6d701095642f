# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import editing

LISTED = """go: warning
m\t/m\t \tm_test.go \tfmt\tm
m/core\t/m/core\tcore.go more.go \t \tfmt\tcore
m/zstd\t/m/zstd\t cgo.go\tcgo_test.go \tm/core\tzstd
m/cmd\t/m/cmd\tmain.go \t \tm/core m/zstd\tmain
m/none\t/m/none\t \t \t\tnone
"""


def test_the_package_that_most_are_built_from_is_edited() -> None:
    packages = editing.parse(LISTED)
    assert [package.path for package in packages] == ["m", "m/core", "m/zstd", "m/cmd"]
    chosen = editing.choose(packages)
    assert chosen and chosen.file == "/m/core/core.go"
    program = editing.choose(packages, programs=True)
    assert program and program.path in ("m/core", "m/zstd", "m/cmd")


def test_files_with_cgo_and_files_of_tests_alone_can_be_edited() -> None:
    tests, _core, cgo, _program = editing.parse(LISTED)
    assert editing.choose([tests, cgo]) == cgo and cgo.file == "/m/zstd/cgo.go"
    assert editing.choose([tests]) == tests and tests.file == "/m/m_test.go"
    assert editing.choose([tests], programs=True) is None and editing.choose([]) is None


def test_an_edit_reaches_the_compiled_package() -> None:
    assert editing.edit(b"package x // end", 3) == b"package x // end\n\nvar wsltuneBenchmarkEdit = 3\n"
