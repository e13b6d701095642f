# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import cache as go_cache
from ansible_collections.wsltune.go.plugins.module_utils.go import trim
from ansible_collections.wsltune.go.plugins.module_utils.linux import systemd

DAY = 86400.0
NOW = 1_790_000_000.0
MIB = 1 << 20


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PROGRAM", "TIMER", "SERVICE", "WANTED"):
        monkeypatch.setattr(go_cache, name, str(tmp_path / name))
    monkeypatch.setattr(trim, "SETTINGS", str(tmp_path / "SETTINGS"))
    monkeypatch.setattr(systemd, "is_running", lambda: True)
    return tmp_path


def put(cache: Path, number: int, put_days: float, used_days: float, size: int) -> None:
    """Put an output of C(size) bytes, which takes no room on this disk, and its entry of the index."""
    action, output = f"{number % 256:02x}{number:062x}", f"{number % 256:02x}{number + 4096:062x}"
    folder = cache / action[:2]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{action}-a").write_text(
        f"v1 {action} {output} {size:20d} {int((NOW - put_days * DAY) * 1e9):20d}\n", encoding="ascii"
    )
    with (folder / f"{output}-d").open("wb") as handle:
        handle.truncate(size)
    for path in (folder / f"{action}-a", folder / f"{output}-d"):
        os.utime(path, (NOW - used_days * DAY,) * 2)


@pytest.mark.parametrize(
    ("wanted", "size"), [("", 0), ("10GiB", 10 << 30), ("1.5 TiB", 3 << 39), ("256MiB", 256 << 20)]
)
def test_a_limit_is_read(wanted: str, size: int) -> None:
    assert go_cache.parse_limit(wanted) == size


@pytest.mark.parametrize("wanted", ["10", "10G", "10GB", "-1GiB", "255MiB", "0.1GiB", "much"])
def test_a_limit_that_cannot_be_meant_is_refused(wanted: str) -> None:
    with pytest.raises(go_cache.LimitError, match=f"go_env_gocache_limit is '{wanted}': give a size of at least"):
        go_cache.parse_limit(wanted)


def test_a_look_finds_size_growth_and_age(tmp_path: Path) -> None:
    put(tmp_path, 1, put_days=10, used_days=4.5, size=100 * MIB)
    put(tmp_path, 2, put_days=3, used_days=1, size=50 * MIB)
    put(tmp_path, 3, put_days=1, used_days=1, size=20 * MIB)
    (tmp_path / "trim.txt").write_text("1")
    seen = go_cache.measure(str(tmp_path), NOW)
    assert seen["complete"] and seen["bytes"] == 170 * MIB + 3 * 4096
    # Of the last week, though the cache is older.
    assert seen["written_a_day"] == round((70 * MIB + 2 * 4096) / 7)
    assert seen["unused_days"] == pytest.approx(4.5, abs=0.01) and seen["limit"] == 0


def test_a_cache_younger_than_a_week_is_divided_by_its_days(tmp_path: Path) -> None:
    put(tmp_path, 1, put_days=2, used_days=0.1, size=30 * MIB)
    put(tmp_path, 2, put_days=0.5, used_days=0.1, size=10 * MIB)
    assert go_cache.measure(str(tmp_path), NOW)["written_a_day"] == pytest.approx(20 * MIB, rel=0.01)


def test_a_huge_cache_is_estimated_from_some_of_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(256):
        put(tmp_path, number, put_days=1, used_days=1, size=MIB)
    clock = iter(range(100_000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    seen = go_cache.measure(str(tmp_path), NOW, seconds=20)
    assert not seen["complete"] and next(clock) < 30
    assert seen["bytes"] == 256 * (MIB + 4096) and seen["written_a_day"] == seen["bytes"]


def test_nothing_built_yet_and_what_is_no_cache(tmp_path: Path) -> None:
    seen = go_cache.measure(str(tmp_path), NOW)
    assert (seen["bytes"], seen["written_a_day"], seen["unused_days"], seen["complete"]) == (0, None, None, True)
    with pytest.raises(FileNotFoundError):
        go_cache.measure(str(tmp_path / "none"), NOW)
    with pytest.raises(FileNotFoundError):
        go_cache.count(str(tmp_path / "none"))


def test_a_count_ends_in_time(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_bytes(b"x" * 5000)
    (tmp_path / "link").symlink_to("/")
    seen = go_cache.count(str(tmp_path))
    assert seen["complete"] and 8192 <= seen["bytes"] < 40_000
    assert go_cache.count(str(tmp_path), seconds=-1) == {"bytes": 0, "complete": False}


def user(value: str, **exports: str) -> dict[str, Any]:
    return {"settings": {"GOCACHE": {"value": value}}, "exports": exports}


def test_whose_caches_are_trimmed() -> None:
    users = {"a": user("/a/cache"), "b": user("/b/cache", GOCACHE="/own"), "c": user("off"), "d": {**user("")}}
    users["e"] = user("/e/cache")
    wanted: dict[str, dict[str, str]] = {"a": {}, "b": {"GOCACHE": "/set"}, "c": {}, "d": {}, "e": {"GOCACHE": "/set"}}
    assert go_cache.list_caches(users, wanted) == {"a": "/a/cache", "b": "/own", "e": "/set"}


def test_what_trims_is_known_where_it_stands(paths: Path) -> None:
    users, settings = {"a": user("/a/cache")}, {"a": dict[str, str]()}
    assert go_cache.is_met("", users, settings) and not go_cache.is_met("1GiB", users, settings)
    for path, content in go_cache.texts(1 << 30, {"a": "/a/cache"}, True).items():
        Path(path).write_text(content)
    assert sorted(map(str, paths.iterdir())) == sorted(go_cache.all_paths())
    assert go_cache.is_met("1GiB", users, settings) and not go_cache.is_met("2GiB", users, settings)
    # Go has another cache now.
    assert not go_cache.is_met("1GiB", {"a": user("/elsewhere")}, settings)
    assert go_cache.limit_of("/a/cache") == 1 << 30 and go_cache.limit_of("/b") == 0
    Path(go_cache.TIMER).unlink()
    assert not go_cache.is_met("1GiB", users, settings) and go_cache.limit_of("/a/cache") == 0


def test_the_program_that_is_installed_is_the_one_that_is_tested(paths: Path) -> None:
    texts = go_cache.texts(1 << 30, {"a": "/a"}, False)
    assert set(texts) == {go_cache.PROGRAM, trim.SETTINGS} and "def trim(" in texts[go_cache.PROGRAM]
    assert json.loads(texts[trim.SETTINGS]) == {"limit": 1 << 30, "caches": {"a": "/a"}}
    compile(texts[go_cache.PROGRAM], "go-trim.py", "exec")
    # Everybody can read the program.
    assert "/a" not in texts[go_cache.PROGRAM].splitlines()[-1]


def test_the_timer_starts_the_python_that_wrote_it(
    paths: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AlmaLinux 8 calls 3.6 python3, to which the program is a SyntaxError."""
    own = tmp_path / "python3.11"
    own.symlink_to(os.path.realpath(sys.executable))
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setattr(sys, "executable", str(own))

    def started() -> str:
        text = go_cache.texts(1 << 30, {}, True)[go_cache.SERVICE]
        Path(go_cache.SERVICE).write_text(text)
        return next(line for line in text.splitlines() if line.startswith("ExecStart="))

    assert started() == f"ExecStart={own} -I {go_cache.PROGRAM}"
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    # Another run with another Python changes nothing while that one is there.
    assert started() == f"ExecStart={own} -I {go_cache.PROGRAM}"
    own.unlink()
    assert started() == f"ExecStart=/usr/bin/python3 -I {go_cache.PROGRAM}"
    for unfit in ("", f"{tmp_path}/my python"):
        Path(go_cache.SERVICE).unlink()
        monkeypatch.setattr(sys, "executable", unfit)
        assert started() == f"ExecStart=/usr/bin/env python3 -I {go_cache.PROGRAM}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a timer")
def test_the_timer_of_root_starts_no_python_of_another_account(
    paths: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hers = tmp_path / "python3.12"
    hers.write_text("")
    os.chown(hers, 4711, 4711)
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setattr(sys, "executable", str(hers))
    assert go_cache.interpreter() == "/usr/bin/env python3"
