# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.fleet import metrics as fleet_metrics
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, process
from ansible_collections.wsltune.go.plugins.modules import metrics

ROOT = Path(__file__).resolve().parents[4]
Call = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "collector"
    path.mkdir()
    return path


def test_the_file_is_readable_for_the_collector_whatever_the_umask_is(call: Call, folder: Path) -> None:
    mask = os.umask(0o077)
    try:
        result = call(metrics, directory=str(folder), values={"pending": 1})
    finally:
        os.umask(mask)
    assert result["changed"] and result["path"] == str(folder / "wsltune.prom")
    assert stat.S_IMODE((folder / "wsltune.prom").stat().st_mode) == 0o644
    assert "wsltune_pending_restarts 1\n" in (folder / "wsltune.prom").read_text()


def test_a_new_value_is_no_change_and_the_others_stay(call: Call, folder: Path) -> None:
    call(metrics, directory=str(folder), values={"pending": 1, "at": 5.0, "taken_back": True})
    assert not call(metrics, directory=str(folder), values={"pending": 0})["changed"]
    text = (folder / "wsltune.prom").read_text()
    assert "wsltune_pending_restarts 0\n" in text and "wsltune_last_run_timestamp_seconds 5\n" in text
    assert os.listdir(folder) == ["wsltune.prom"]


def test_a_tmpfs_that_is_gone_has_no_metrics_any_more(call: Call, folder: Path, tmp_path: Path) -> None:
    (folder / "wsltune.prom").write_text("wsltune_gotmpdir_size_bytes 100\nwsltune_gotmpdir_used_bytes 90\n")
    call(metrics, directory=str(folder), values={"pending": 1})
    assert "wsltune_gotmpdir_used_bytes 90\n" in (folder / "wsltune.prom").read_text(), "none was looked for"
    call(metrics, directory=str(folder), values={"pending": 1}, tmpfs_path=str(tmp_path))
    assert "gotmpdir" not in (folder / "wsltune.prom").read_text()


def test_check_mode_lists_the_change_and_makes_none(call: Call, folder: Path) -> None:
    assert call(metrics, check=True, directory=str(folder), values={"pending": 1})["changed"]
    assert os.listdir(folder) == []


def test_absent_leaves_nothing(call: Call, folder: Path) -> None:
    call(metrics, directory=str(folder), values={"pending": 1})
    assert call(metrics, check=True, directory=str(folder), state="absent")["changed"]
    assert os.listdir(folder) == ["wsltune.prom"]
    assert call(metrics, directory=str(folder), state="absent")["changed"]
    assert os.listdir(folder) == []
    assert not call(metrics, directory=str(folder), state="absent")["changed"]


def test_no_folder_is_made_where_there_is_no_collector(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "node-exporter"
    monkeypatch.setattr(fleet_metrics, "FOLDERS", (str(missing),))
    result = call(metrics, values={"pending": 1})
    assert not result["changed"] and result["path"] == ""
    assert not missing.exists()
    missing.mkdir()
    assert call(metrics, values={"pending": 1})["path"] == str(missing / "wsltune.prom")


def test_a_folder_that_was_named_and_is_missing_is_an_error(call: Call, tmp_path: Path) -> None:
    result = call(metrics, directory=str(tmp_path / "no"), values={})
    assert result["failed"] and "no folder" in result["msg"]
    assert not call(metrics, directory=str(tmp_path / "no"), state="absent")["changed"]


def test_a_controller_has_one_file_for_each_machine(call: Call, folder: Path) -> None:
    for name in ("anna-ubuntu", "ben.example.com"):
        call(metrics, directory=str(folder), instance=name, values={"pending": 1})
    assert sorted(os.listdir(folder)) == ["wsltune_anna-ubuntu.prom", "wsltune_ben.example.com.prom"]
    assert 'wsltune_pending_restarts{instance="anna-ubuntu"} 1' in (folder / "wsltune_anna-ubuntu.prom").read_text()


@pytest.mark.parametrize("name", ["../x", "a b", 'a"b', "a/b"])
def test_an_instance_is_a_plain_name(call: Call, folder: Path, name: str) -> None:
    assert "instance is" in call(metrics, directory=str(folder), instance=name)["msg"]
    assert os.listdir(folder) == []


def test_a_value_of_another_kind_is_one_sentence(call: Call, folder: Path) -> None:
    result = call(metrics, directory=str(folder), values={"pending": "many"})
    assert result["failed"] and "could not be written" in result["msg"]


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can be led astray here")
def test_no_machine_fills_what_a_collector_reads_of_all(call: Call, folder: Path) -> None:
    call(metrics, directory=str(folder), instance="laptop", values={"at": 1.0})
    many = [{"id": f"wsl_conf:x.{number}", "state": "changed", "declared": "1"} for number in range(1000)]
    result = call(metrics, directory=str(folder), instance="laptop", values={"settings": many})
    assert "laptop.prom could not be written: it would have more than 256 KiB" in result["msg"]
    assert len((folder / "wsltune_laptop.prom").read_text()) < 1000


def test_no_user_keeps_the_file_from_being_written_by_the_version_of_a_go(call: Call, folder: Path) -> None:
    assert not call(metrics, directory=str(folder), values={"info": {"go_version": "x" * 300_000}}).get("failed")
    assert len((folder / "wsltune.prom").read_text()) < 1000


@pytest.mark.parametrize("at", [float("inf"), float("nan")])
def test_what_is_no_number_is_one_sentence(call: Call, folder: Path, at: float) -> None:
    result = call(metrics, directory=str(folder), instance="laptop", values={"at": at})
    assert "could not be written: cannot convert float" in result["msg"]


def test_root_follows_no_link_that_another_account_can_put_there(call: Call, tmp_path: Path) -> None:
    folder, secret = tmp_path / "open", tmp_path / "secret"
    folder.mkdir()
    secret.write_text("keep")
    folder.chmod(0o777)
    (folder / "wsltune.prom").symlink_to(secret)
    assert call(metrics, directory=str(folder), values={"pending": 1})["failed"]
    assert secret.read_text() == "keep"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_mount_point_with_the_end_of_a_line_in_it_is_no_error(call: Call, folder: Path, tmp_path: Path) -> None:
    """Any account can mount a file system of its own in its home."""
    place = tmp_path / "a\rb"
    place.mkdir()

    def there() -> dict[str, Any]:
        assert process.LIBRARY.unshare(0x20000) == 0
        assert process.LIBRARY.mount(b"none", b"/", None, 0x4000 | 1 << 18, None) == 0
        assert process.LIBRARY.mount(b"eve", os.fsencode(place), b"tmpfs", 0, None) == 0
        return call(metrics, directory=str(folder), values={}, tmpfs_path=str(place))

    assert "failed" not in become.ask(None, there, always=True)
    assert "wsltune_gotmpdir_size_bytes" in (folder / "wsltune.prom").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is led astray")
def test_debians_collector_whose_account_owns_the_folder_above(call: Call, home: Path, tmp_path: Path) -> None:
    folder = home / "node-exporter"
    folder.mkdir()
    assert call(metrics, directory=str(folder), values={"pending": 1})["changed"]
    assert "wsltune_pending_restarts 1\n" in (folder / "wsltune.prom").read_text()
    folder.rename(home / "moved")
    (tmp_path / "etc").mkdir()
    folder.symlink_to(tmp_path / "etc")
    assert call(metrics, directory=str(folder), values={"pending": 1})["failed"]
    assert list((tmp_path / "etc").iterdir()) == []
    folder.unlink()
    (home / "moved").rename(folder)
    assert call(metrics, state="absent", directory=str(folder))["changed"] and list(folder.iterdir()) == []


CODE = """
import sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.wsltune.go.plugins.modules import metrics
metrics.LIMIT = metrics.WRITING = 1.0
with patch_module_args({"directory": sys.argv[1], "state": sys.argv[2], "values": {}}):
    metrics.main()
"""


@pytest.mark.parametrize("state", ["present", "absent"])
def test_what_the_collectors_account_mounted_keeps_nobody_waiting(folder: Path, state: str) -> None:
    dead = [sys.executable, str(ROOT / "tests/unit/dead_folder.py"), str(folder), "--"]
    done = subprocess.run(
        [*dead, sys.executable, "-c", CODE, str(folder), state],
        env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    result = json.loads(done.stdout)
    assert ("no folder" in result["msg"]) if state == "present" else not result["changed"]


def test_the_size_of_a_build_cache_is_what_it_takes_and_not_what_its_links_name(
    call: Call, folder: Path, tmp_path: Path
) -> None:
    cache, elsewhere = tmp_path / "go-build", tmp_path / "elsewhere"
    for one in (cache / "00", elsewhere):
        one.mkdir(parents=True)
        (one / "entry").write_bytes(b"x" * 8192)
    (cache / "01").symlink_to(elsewhere)

    def size(path: Path) -> list[str]:
        call(metrics, directory=str(folder), gocache_path=str(path), values={})
        lines = (folder / "wsltune.prom").read_text().splitlines()
        return [line.split()[1] for line in lines if line.startswith("wsltune_gocache_size_bytes")]

    assert size(tmp_path / "none") == []
    held = (cache / "00/entry").stat().st_blocks * 512
    assert size(cache) == [str(held)]
    assert size(tmp_path / "none") == [str(held)], "it stays as the file has it"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become someone else")
def test_the_size_of_no_folder_is_published_that_the_caches_owner_cannot_read(
    call: Call, folder: Path, eve: process.Identity, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir(mode=0o700)
    (secret / "key").write_bytes(b"x" * 65536)
    own = home / "go-build"
    own.mkdir()
    (own / "entry").write_bytes(b"x" * 8192)
    (home / "link").symlink_to(secret)
    account = accounts.Account("eve", eve.uid, eve.gid, str(home), "/bin/sh")
    monkeypatch.setattr(accounts, "find", lambda _names: [account])
    monkeypatch.setattr(accounts, "identity", lambda _account: eve)

    def size(path: Path, user: str) -> list[str]:
        call(metrics, directory=str(folder), gocache_path=str(path), gocache_user=user, values={})
        lines = (folder / "wsltune.prom").read_text().splitlines()
        return [line.split()[1] for line in lines if line.startswith("wsltune_gocache_size_bytes")]

    # The variable may name any folder, and a link lead to one.
    for path, user in ((secret, "eve"), (home / "link", "eve"), (home / "link", ""), (own, "")):
        assert size(path, user) == [], (path, user)
    assert size(own, "eve") == [str((own / "entry").stat().st_blocks * 512)]
