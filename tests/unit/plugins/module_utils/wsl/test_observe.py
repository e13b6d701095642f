# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe
from tests.unit import dead_folder


@pytest.fixture
def sockets(tmp_path: Path) -> Path:
    folder = tmp_path / "run/WSL"
    folder.mkdir(parents=True)
    for name in ("11_interop", "2_interop", "settings", "x_interop"):
        (folder / name).touch()
    (folder / "1_interop").symlink_to(folder / "2_interop")
    return folder


def test_the_sockets_are_in_the_order_of_their_numbers(sockets: Path, tmp_path: Path) -> None:
    found = observe.collect(str(tmp_path))
    assert found.interop_sockets == found.safe_sockets == ["1_interop", "2_interop", "11_interop"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_takes_no_socket_of_another_account(sockets: Path, tmp_path: Path) -> None:
    """WSL's folder is for everybody to write; who listens there answers in the place of Windows."""
    (sockets / "0_interop").touch()
    os.chown(sockets / "0_interop", 4711, 4711)
    os.chown(sockets / "11_interop", 4711, 4711)
    (sockets / "3_interop").symlink_to(sockets / "0_interop")
    (sockets / "4_interop").symlink_to(sockets / "2_interop")
    os.lchown(sockets / "4_interop", 4711, 4711)
    (sockets / "5_interop").symlink_to(sockets / "gone")
    assert observe.collect(str(tmp_path)).safe_sockets == ["1_interop", "2_interop"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_no_name_of_another_account_in_run_keeps_root_waiting(sockets: Path, tmp_path: Path) -> None:
    """In WSL's folder all may make links, and where podman mounts /run as well, a pipe for what wsltune keeps there."""
    dead = tmp_path / "dead"
    dead.mkdir()
    (sockets / "3_interop").symlink_to(dead / "x")
    os.lchown(sockets / "3_interop", 4711, 4711)
    (tmp_path / "run").chmod(0o1777)
    (tmp_path / "run/wsltune").mkdir()
    os.mkfifo(tmp_path / "run/wsltune/wsl.conf")
    for path in ("run/wsltune", "run/wsltune/wsl.conf"):
        os.chown(tmp_path / path, 4711, 4711)
    code = """
import json, sys
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe
found = observe.collect(sys.argv[1])
print(json.dumps([found.safe_sockets, found.in_force]))
"""
    found = dead_folder.run_beside(dead, code, str(tmp_path), limit=30)
    assert json.loads(found) == [["1_interop", "2_interop", "11_interop"], None]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_what_another_account_gives_is_not_what_wsl_was_started_with(tmp_path: Path) -> None:
    (tmp_path / "run/wsltune").mkdir(parents=True)
    kept = tmp_path / "run/wsltune/wsl.conf"
    kept.write_text("[boot]\nsystemd=true\n")
    found = observe.collect(str(tmp_path))
    assert found.in_force == kept.read_text() and found.in_force_mtime == pytest.approx(kept.stat().st_mtime)
    (tmp_path / "run").chmod(0o1777)
    assert observe.collect(str(tmp_path)).in_force == kept.read_text()
    os.chown(tmp_path / "run/wsltune", 4711, 4711)
    found = observe.collect(str(tmp_path))
    assert found.in_force is found.in_force_mtime is None


def test_any_number_of_names_hides_none_of_wsls_own(
    sockets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observe, "MOST_NAMES", 100)
    for number in range(1000):
        (sockets / f"{number}_name").touch()
    found = observe.collect(str(tmp_path)).interop_sockets
    assert found[0] == "1_interop" and len(found) <= 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_socket_of_a_parent_is_no_other_accounts(tmp_path):
    sockets = tmp_path / "run/WSL"
    sockets.mkdir(parents=True)
    for process, parent in ((30, 20), (20, 10), (10, 1), (1, 0)):
        (tmp_path / f"proc/{process}").mkdir(parents=True)
        (tmp_path / f"proc/{process}/stat").write_text(f"{process} (a ) b) S {parent} 1 1")
    assert observe.find_own_socket(30, str(tmp_path)) is None
    for name in ("1_interop", "10_interop", "30_interop"):
        (sockets / name).touch()
    (sockets / "20_interop").symlink_to("10_interop")
    assert observe.find_own_socket(30, str(tmp_path)) == "/run/WSL/30_interop"
    os.chown(sockets / "30_interop", 4711, 4711)
    assert observe.find_own_socket(30, str(tmp_path)) == "/run/WSL/20_interop"
    os.chown(sockets / "20_interop", 4711, 4711, follow_symlinks=False)
    assert observe.find_own_socket(30, str(tmp_path)) == "/run/WSL/10_interop"
    os.chown(sockets / "10_interop", 4711, 4711)
    assert observe.find_own_socket(30, str(tmp_path)) == "/run/WSL/1_interop"
