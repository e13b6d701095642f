# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.doctor import observe as doctor_observe
from ansible_collections.wsltune.go.plugins.module_utils.doctor import probe as doctor_probe
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

OPERATIONS = {"open", "stat", "create", "read", "rename", "fsync"}


def test_every_operation_is_timed_and_nothing_stays(tmp_path: Path) -> None:
    found = doctor_probe.files(str(tmp_path))
    assert set(found["times"]) == OPERATIONS
    assert all(0 < one["low"] <= one["median"] <= one["high"] for one in found["times"].values())
    assert found["times"]["stat"]["n"] == doctor_probe.ROUNDS
    assert abs(found["clock"]) < 2 and found["total_bytes"] >= found["free_bytes"] > 0
    assert os.listdir(tmp_path) == []


def test_an_operation_that_takes_longer_is_measured_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = os.stat

    def slow(*args, **kwargs):
        time.sleep(0.002)
        return plain(*args, **kwargs)

    monkeypatch.setattr(os, "stat", slow)
    times = doctor_probe.files(str(tmp_path))["times"]
    assert times["stat"]["median"] > 2000 > times["open"]["median"]


def test_a_folder_that_cannot_be_written_is_only_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "go").write_text("x" * 5000)

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "mkdir", refuse)
    found = doctor_probe.files(str(tmp_path))
    assert set(found["times"]) == {"open", "stat", "read"}
    assert found["reason"] == "Permission denied" and not found["writable"]


def test_a_disk_that_fills_up_midway_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    found = doctor_probe.files(str(tmp_path))
    assert "No space left" in found["reason"] and os.listdir(tmp_path) == []


def test_what_takes_the_name_of_its_folder_meanwhile_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, others = tmp_path / "folder", tmp_path / "others"
    folder.mkdir()
    others.mkdir()
    for name in ("kept", "a1", "b1"):
        (others / name).write_text("somebody's")
    change = os.rename
    moved = []

    def swap(*arguments: Any, **named: Any) -> None:
        if not moved:
            (scratch,) = folder.iterdir()
            moved.append(scratch)
            change(scratch, tmp_path / "moved")
            scratch.symlink_to(others)
        change(*arguments, **named)

    monkeypatch.setattr(os, "rename", swap)
    doctor_probe.files(str(folder))
    assert moved
    assert {path.name: path.read_text() for path in others.iterdir()} == dict.fromkeys(
        ("kept", "a1", "b1"), "somebody's"
    )
    assert list((tmp_path / "moved").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_root_makes_nothing_where_another_account_can_write(tmp_path: Path) -> None:
    hers = tmp_path / "hers"
    hers.mkdir()
    os.chown(hers, 12345, 12345)
    observer = doctor_observe.Observer(accounts.find(["root"])[0], wsl_observe.collect(), {})
    before = hers.stat().st_mtime_ns
    assert "another account can write there" in observer._measure(str(hers))["reason"]
    assert hers.stat().st_mtime_ns == before
    assert "reason" not in observer._measure(str(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_root_looks_at_no_source_or_cache_over_what_another_account_can_lead_elsewhere(tmp_path: Path) -> None:
    later = time.time() + 86400
    for name in ("hers/m", "secret", "own"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "x.go").write_text("package x\n")
        os.utime(tmp_path / name / "x.go", (later, later))
    (tmp_path / "own/linked.go").symlink_to(tmp_path / "secret/x.go")
    (tmp_path / "hers/link").symlink_to(tmp_path / "secret")
    for name in ("hers", "hers/m"):
        os.chown(tmp_path / name, 12345, 12345)
    observer = doctor_observe.Observer(accounts.find(["root"])[0], wsl_observe.collect(), {})
    observer.modules = [str(tmp_path / name) for name in ("hers/link", "hers/m", "own")]
    assert [path for path, _by in observer._clock()["ahead"]] == [str(tmp_path / "own/x.go")]
    observer.seen["go"] = {"places": {"GOMODCACHE": {"path": f"{tmp_path}/hers/link"}}}
    assert "another account can write there" in observer._caches()["GOMODCACHE"]["reason"]
    observer.seen["go"] = {"places": {"GOMODCACHE": {"path": f"{tmp_path}/own"}}}
    assert observer._caches()["GOMODCACHE"]["bytes"] > 0


def test_lookups_and_start_and_names() -> None:
    found = doctor_probe.lookups(["/usr/bin", "/no/such/folder"])
    assert [one["exists"] for one in found] == [True, False] and found[0]["times"]["median"] > 0
    assert doctor_probe.start(["/bin/true"])["median"] > 100
    localhost, gone = doctor_probe.names(["localhost", "no.such.name.invalid."])
    assert "127.0.0.1" in localhost["addresses"] and localhost["error"] == ""
    assert gone["addresses"] == [] and gone["error"]


def test_it_runs_from_its_source_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-c", inspect.getsource(doctor_probe), "files", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)["times"]) == OPERATIONS
