# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import tool_gc

GIB = 1 << 30
SHOW = '#!/bin/sh\necho "$GOGC,$GOMEMLIMIT,$#,$2"\nexit 3\n'


def start(folder: Path, tool: str, available: int, **environment: str) -> tuple[str, int]:
    """Start a tool by the program on a machine of 8 GiB; return what it was given and how it ended."""
    program, meminfo = folder / "go-tool-gc", folder / "meminfo"
    meminfo.write_text(f"MemTotal: {8 << 20} kB\nMemFree: 1 kB\nMemAvailable: {available >> 10} kB\nBuffers: 9 kB\n")
    program.write_text(tool_gc.program_text(8 * GIB, 4).replace("/proc/meminfo", str(meminfo)))
    (folder / tool).write_text(SHOW)
    for path in (program, folder / tool):
        path.chmod(0o755)
    done = subprocess.run(
        [program, folder / tool, "-p", "a b", ""], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.strip(), done.returncode


def test_compiler_and_linker_collect_nothing_below_their_share(tmp_path: Path) -> None:
    for tool in ("compile", "link"):
        assert start(tmp_path, tool, 4 * GIB) == ("off,512MiB,3,a b", 3)


@pytest.mark.parametrize("tool", ["asm", "vet", "cgo", "compile2"])
def test_other_tools_are_started_as_they_are(tmp_path: Path, tool: str) -> None:
    assert start(tmp_path, tool, 4 * GIB) == (",,3,a b", 3)


def test_while_memory_is_short_the_default_of_go_holds(tmp_path: Path) -> None:
    assert start(tmp_path, "compile", 2 * GIB - 4096) == (",,3,a b", 3)
    assert start(tmp_path, "compile", 2 * GIB)[0].startswith("off,")


@pytest.mark.parametrize("name", ["GOGC", "GOMEMLIMIT"])
def test_a_users_own_value_wins(tmp_path: Path, name: str) -> None:
    said = start(tmp_path, "link", 4 * GIB, **{name: "50"})[0]
    assert said == ("50,,3,a b" if name == "GOGC" else ",50,3,a b")


def test_a_machine_without_meminfo_has_the_default(tmp_path: Path) -> None:
    program = tmp_path / "go-tool-gc"
    program.write_text(tool_gc.program_text(8 * GIB, 4).replace("/proc/meminfo", f"{tmp_path}/none"))
    (tmp_path / "compile").write_text(SHOW)
    (tmp_path / "compile").chmod(0o755)
    done = subprocess.run(["sh", program, tmp_path / "compile"], env={}, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (",,0,", "")


def test_a_machine_that_is_too_small_is_named() -> None:
    assert tool_gc.obstacle(8 * GIB, 8) == ""
    assert tool_gc.obstacle(4 * GIB, 8) == (
        "a quarter of the memory is 128 MiB for each of 8 processors, and a compiler without garbage collection needs "
        "256 MiB"
    )
