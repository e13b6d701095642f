# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

from tests.unit.plugins.modules.conftest import STANDIN, Bed, Step

ORIGINAL = b"# mine\r\n[wsl2]\r\nmemory=1GB # too little\r\n; an old line\r\nunknown=1\r\n"
TUNED = b"# mine\r\n[wsl2]\r\nmemory=2GB # too little\r\n; an old line\r\nunknown=1\r\nlocalhostForwarding=false\r\n"
WANTED: dict[str, Any] = {"wsl2": {"memory": "2GB", "localhost_forwarding": False}}


def test_check_apply_again_and_back(bed: Bed) -> None:
    path = bed.folder / ".wslconfig"
    path.write_bytes(ORIGINAL)
    booted = int(time.time()) + 60
    bed.distros(
        Ubuntu={"running": "1"},
        **{"docker-desktop": {"running": "1"}, "Debian": {"running": "0"}},
        exec={"/bin/cat /proc/stat": f"0|btime {booted}\\n"},
    )
    given = {"path": str(path), **WANTED}
    check, apply, again, absent_check, absent = bed.run(
        "win_wslconfig",
        [
            Step(given, check=True, show=path),
            Step(given, show=path, before=f"touch -d @1700000000 '{path}'"),
            Step(given, show=path),
            Step({"path": str(path), "state": "absent"}, check=True, show=path),
            Step({"path": str(path), "state": "absent"}, show=path),
        ],
    )
    assert check.changed and check.content == ORIGINAL
    assert check.diff["before"] == ORIGINAL.decode() and check.diff["after"] == TUNED.decode()
    assert apply.changed and apply.content == TUNED and apply.diff == check.diff
    assert apply.changes == [
        f"{path}: wsl2.memory from 1GB to 2GB",
        f"{path}: wsl2.localhostForwarding from not set to false",
    ]
    assert apply.settings == {"wsl2.memory": 2 * 2**30, "wsl2.localhostForwarding": False} == apply.wanted
    assert [note.split(": ")[0] for note in apply.notes] == [f"{path}, line {line}" for line in (4, 5)]
    assert not again.changed and again.content == TUNED

    for found in (check, apply, again):
        assert found.pending == ["wsl2.memory", "wsl2.localhostForwarding"] and found.pending_restart
        assert found.restart_command == "wsl.exe --shutdown"
        assert found.restart_stops == ["Ubuntu", "docker-desktop"]
        (said,) = found.pending_sentences
        assert said == (
            f"wsl2.memory, wsl2.localhostForwarding in {path} take effect after `wsl.exe --shutdown` in a Windows "
            "prompt. It stops every distro; now these run: Ubuntu, docker-desktop (Docker Desktop with its containers)."
        )

    assert absent_check.changed and absent_check.content == TUNED
    assert absent_check.diff["after"] == ORIGINAL.decode()
    assert absent.changed and absent.content == ORIGINAL and absent.changes == [f"restored {path}"]
    assert absent.kept == [] and not absent.pending_restart
    assert path.stat().st_mtime == 1700000000
    assert not (bed.folder / "data" / "wsltune").exists()
    assert not list(bed.folder.glob("*wsltune*"))


def test_what_others_changed_stays_and_a_new_file_goes(bed: Bed) -> None:
    path, new = bed.folder / "edited", bed.folder / "new"
    path.write_bytes("[wsl2]\nswap=8GB\n".encode("utf-16"))
    edit = f"printf '[general]\\ninstanceIdleTimeout=-1\\n' >> '{path}'"
    applied, edited, back, made, gone = bed.run(
        "win_wslconfig",
        [
            Step({"path": str(path), "wsl2": {"swap": "0", "memory": "16GB"}, "allow_harmful": True}, show=path),
            Step({"path": str(path), "remove": ["wsl2.memory"], "run": "second"}, show=path, before=edit),
            Step({"path": str(path), "state": "absent"}, show=path),
            Step({"path": str(new), "general": {"instance_idle_timeout": -1}, "run": "first"}, show=new),
            Step({"path": str(new), "state": "absent", "run": "first", "only_this_run": True}, show=new),
        ],
    )
    assert applied.content == b"[wsl2]\nswap=0\nmemory=16GB\n"
    assert applied.pending_restart is False, "nothing runs, so that the next start reads the file"
    assert edited.content == b"[wsl2]\nswap=0\n[general]\ninstanceIdleTimeout=-1\n"
    assert back.content == b"[wsl2]\nswap=8GB\n[general]\ninstanceIdleTimeout=-1\n"
    assert back.kept == [f"{path} was edited by someone else since; that edit stays"]
    assert made.content == b"[general]\ninstanceIdleTimeout=-1\n" and made.changed
    assert gone.content is None and gone.changed


def test_refusals_and_the_file_of_a_link(bed: Bed) -> None:
    (bed.folder / "dotfiles").mkdir()
    file, link = bed.folder / "dotfiles" / "wslconfig", bed.folder / ".wslconfig"
    link.symlink_to(Path("dotfiles") / "wslconfig")
    file.write_bytes(b"[wsl2]\nmemory=3GB")
    harm = {"experimental": {"sparse_vhd": True}, "wsl2": {"memory": "90000GB", "kernel": "C:\\no\\kernel"}}
    harmful, unknown, linked = bed.run(
        "win_wslconfig",
        [
            Step({"path": str(link), **harm}, show=link),
            Step({"path": str(link), "remove": ["wsl2.memroy"]}, show=link),
            Step({"path": str(link), "wsl2": {"memory": "2GB"}}, show=link),
        ],
    )
    for said in ("sparseVhd=true: Microsoft", "wsl2.memory=90000GB: this machine has ", "there is no such file"):
        assert harmful.failed and said in harmful.msg
    assert harmful.content == unknown.content == b"[wsl2]\nmemory=3GB"
    assert unknown.msg == "WSL knows no key 'wsl2.memroy'; did you mean wsl2.memory."
    assert link.is_symlink() and linked.content == b"[wsl2]\nmemory=2GB"
    assert linked.path == str(file)


def test_what_could_not_be_read_again_is_not_written(bed: Bed) -> None:
    path, edited = bed.folder / "nul", bed.folder / "edited"
    original = "[wsl2]\r\nswap=8GB\r\n# \0\r\n".encode("utf-16")
    path.write_bytes(original)
    edited.write_bytes(ORIGINAL)
    bare = {"path": str(path), "wsl2": {"memory": "2GB"}}
    refused, absent, _applied, theirs = bed.run(
        "win_wslconfig",
        [
            Step(bare, show=path),
            Step({"path": str(path), "state": "absent"}, show=path),
            Step({"path": str(edited), "wsl2": {"memory": "2GB"}}, show=edited),
            # Someone makes no text of it: that is theirs, and no reason to fail.
            Step({"path": str(edited), "state": "absent"}, show=edited, before=f"printf 'a\\0b' > '{edited}'"),
        ],
    )
    assert refused.failed and not refused.changed and "is no text that WSL can read" in refused.msg
    assert refused.content == absent.content == original
    assert not absent.result.get("failed") and not absent.changed
    assert not theirs.result.get("failed") and not theirs.changed and theirs.content == b"a\0b"
    assert "edited by someone else" in theirs.kept[0]


def test_a_note_of_what_is_in_force_that_is_none_is_passed_over(bed: Bed) -> None:
    """It lies among the temporary files, with which Windows and those who tidy up do as they like."""
    bed.distros(Ubuntu={"running": "1"}, exec={"/bin/cat /proc/stat": f"0|btime {int(time.time()) - 60}\\n"})
    note, texts = bed.folder / "wsltune-wslconfig-in-force.json", ["", "{", "null", "[]", '{"path": "x"}']
    steps = []
    for number, text in enumerate(texts):
        (bed.folder / f"note{number}").write_text(text)
        step = Step(
            {"path": str(bed.folder / str(number)), **WANTED}, before=f"cp '{bed.folder}/note{number}' '{note}'"
        )
        steps.append(step)
    for text, done in zip(texts, bed.run("win_wslconfig", steps)):
        assert done.changed and done.pending == ["wsl2.memory", "wsl2.localhostForwarding"], (text, done.result)


def test_a_record_that_cannot_be_read_is_named(bed: Bed) -> None:
    path = bed.folder / ".wslconfig"
    path.write_bytes(ORIGINAL)
    records = f"{bed.folder}/data/wsltune/journal/*.json"
    given, absent = {"path": str(path), **WANTED}, {"path": str(path), "state": "absent"}
    steps = [Step(given, show=path)]
    for damage in ("truncate -s 40 $one", "echo null > $one", "echo {} > $one"):
        steps.append(Step(absent, show=path, before=f"for one in {records}; do {damage}; done"))
    applied, *refused = bed.run("win_wslconfig", steps)
    for done in refused:
        assert done.failed and re.search(
            r"\.json is a record that cannot be read, so what it is about was not", done.msg
        )
    assert refused[0].content == applied.content == TUNED


def test_what_the_user_saves_meanwhile_stays(bed: Bed) -> None:
    """To ask for the machine may take a minute, and the file was read before."""
    path, wrapped = bed.folder / ".wslconfig", bed.folder / "bin"
    path.write_bytes(b"[wsl2]\nswap=1GB\n")
    wrapped.mkdir()
    for program in STANDIN.iterdir():
        (wrapped / program.name).write_text(
            f'#!/bin/sh\nmkdir "{wrapped}/asked" && printf "[general]\\ninstanceIdleTimeout=-1\\n" >> "{path}"\n'
            f'exec "{program}" "$@"\n'
        )
        (wrapped / program.name).chmod(0o755)
    bed.environment["PATH"] = f"{wrapped}:{STANDIN}:{os.environ['PATH']}"
    applied, back = bed.run(
        "win_wslconfig",
        [
            Step({"path": str(path), "wsl2": {"memory": "2GB"}}, show=path),
            Step({"path": str(path), "state": "absent"}, show=path),
        ],
    )
    theirs = b"[general]\ninstanceIdleTimeout=-1\n"
    assert (wrapped / "asked").is_dir()
    assert applied.changed and applied.content == b"[wsl2]\nswap=1GB\nmemory=2GB\n" + theirs
    assert applied.diff["before"] == "[wsl2]\nswap=1GB\n" + theirs.decode()
    assert back.content == b"[wsl2]\nswap=1GB\n" + theirs


def test_a_sleep_of_windows_puts_nothing_in_force(bed: Bed) -> None:
    """The clock of WSL is set forward then, and the start that Linux counts back moves with it."""
    path, booted, start = bed.folder / ".wslconfig", int(time.time()) - 3600, "11111111-2222-3333-4444-555555555555"
    path.write_bytes(ORIGINAL)
    os.utime(path, (booted - 60, booted - 60))
    bed.distros(Ubuntu={"running": "1"}, exec={"/bin/cat /proc/stat": f"0|btime {booted}\\n{start}\\n"})
    given = {"path": str(path), **WANTED}
    applied, slept, restarted = bed.run(
        "win_wslconfig",
        [
            Step(given),
            Step(given, before=f"sed -i 's/btime {booted}/btime {booted + 8 * 3600}/' '{bed.state}'"),
            Step(given, before=f"sed -i 's/{start}/{start.replace('1', '9')}/' '{bed.state}'"),
        ],
    )
    assert applied.pending == slept.pending == ["wsl2.memory", "wsl2.localhostForwarding"]
    assert restarted.pending == []


def test_what_the_user_wrote_before_a_sleep_of_windows_waits(bed: Bed) -> None:
    path, booted = bed.folder / ".wslconfig", int(time.time()) - 9 * 3600
    path.write_bytes(b"[wsl2]\nmemory=2GB\n")
    os.utime(path, (booted + 3600, booted + 3600))
    answers = {"/bin/cat /proc/stat": f"0|btime {booted + 8 * 3600}\\n", "/bin/stat -c %Z": f"0|{booted + 5}\\n"}
    bed.distros(Ubuntu={"running": "1"}, exec=answers)
    given = {"path": str(path), "wsl2": {"memory": "2GB"}}
    waiting, in_force = bed.run("win_wslconfig", [Step(given), Step(given, before=f"touch -d @{booted - 60} '{path}'")])
    assert not waiting.changed and waiting.pending == ["wsl2.memory"]
    assert not in_force.changed and in_force.pending == []
