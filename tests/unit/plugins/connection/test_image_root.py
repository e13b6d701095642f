# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The connection into a root file system that has this machine's own shell."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleFileNotFound
from ansible.playbook.play_context import PlayContext

from ansible_collections.wsltune.go.plugins.connection import image_root
from ansible_collections.wsltune.go.plugins.module_utils.linux import dialogue

NAME = "wsltune.go.image_root"
PROGRAMS = ("sh", "env", "cat", "sleep", "ls")
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root enters a root file system")


@pytest.fixture(scope="module", autouse=True)
def options():
    """What the loader of plugins does with their documentation."""
    documented = yaml.safe_load(image_root.DOCUMENTATION)["options"]
    constants.config.initialize_plugin_configuration_definitions("connection", NAME, documented)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    for name in ("proc", "dev", "run", "tmp", "etc", "usr/bin"):
        (folder / name).mkdir(parents=True)
    (folder / "bin").symlink_to("usr/bin")
    (folder / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    for name in PROGRAMS:
        program = shutil.which(name, path="/usr/bin:/bin")
        assert program is not None
        shutil.copy(program, folder / "usr/bin" / name)
        for library in re.findall(
            r"(/\S+) \(0x", subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        ):
            target = folder / library.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)
    return folder


@pytest.fixture
def connection(root: Path) -> image_root.Connection:
    made = image_root.Connection(PlayContext())
    made._load_name = NAME
    made.set_options(direct={"root": str(root), "epoch": 7})
    return made


def mounts() -> str:
    return Path("/proc/self/mountinfo").read_text()


def test_a_command_runs_in_there_and_leaves_nothing_mounted(root: Path, connection: image_root.Connection) -> None:
    before = mounts()
    code, out, err = connection.exec_command(
        "cat; echo $SOURCE_DATE_EPOCH $HOME; ls /dev /etc; exit 3", in_data=b"in\n"
    )
    assert (code, err) == (3, b""), err
    assert out.split() == b"in 7 /root /dev: fd full null random shm tty urandom zero /etc: passwd".split()
    assert mounts() == before and list((root / "dev").iterdir()) == [] and list((root / "proc").iterdir()) == []


def test_no_account_sees_a_password_of_a_proxy_among_the_arguments(
    connection: image_root.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://user:wsltune-secret@proxy.example:3128")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(connection.exec_command, "echo $https_proxy $PATH; sleep 2.125")
        seen: list[bytes] = []
        while not running.done():
            time.sleep(0.1)
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    seen.append(path.read_bytes())
    assert any(b"sleep 2.125" in words for words in seen)
    assert not any(b"wsltune-secret" in words for words in seen)
    _code, out, _err = running.result()
    assert out.split() == [
        b"http://user:wsltune-secret@proxy.example:3128",
        b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]


def test_apt_checks_signatures_as_no_account_of_the_image(connection: image_root.Connection) -> None:
    """Whoever has that account's number on this machine could go in by /proc/PID/root while it does."""
    _code, out, err = connection.exec_command("cat $APT_CONFIG")
    assert (out, err) == (b'APT::Sandbox::User "root";\n', b"")


def test_what_a_command_leaves_running_ends_with_it(connection: image_root.Connection) -> None:
    _code, out, _err = connection.exec_command("sleep 999 >/dev/null 2>&1 & echo $$")
    assert out.strip() in (b"1", b"2", b"3")
    listed = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert b"sleep\x00999\x00" not in listed


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sleep 998", "did not end within 2 s and was ended: raise ansible_image_command_timeout"),
        # Out of the session, with the output open.
        ("(trap '' HUP TERM; sleep 998) & sleep 998", "did not end within 2 s and was ended"),
        ("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done", "printed more than 1 MiB and was ended"),
    ],
)
def test_what_a_program_in_there_does_without_end_is_ended(
    connection: image_root.Connection, monkeypatch: pytest.MonkeyPatch, command: str, words: str
) -> None:
    before = mounts()
    connection.set_option("command_timeout", 2)
    monkeypatch.setattr(dialogue, "MOST_OUTPUT", 1 << 20)
    with pytest.raises(AnsibleConnectionFailure, match=words):
        connection.exec_command(command)
    deadline = time.monotonic() + 5
    while any(b"\0998\0" in read_arguments(path) for path in Path("/proc").glob("[0-9]*/cmdline")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert mounts() == before


def read_arguments(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_this_machines_environment_stays_outside(
    connection: image_root.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    _code, out, _err = connection.exec_command("env")
    assert b"SECRET" not in out and b"https_proxy=http://proxy.example:3128" in out
    assert b"PYTHONDONTWRITEBYTECODE=1" in out


def test_files_travel_by_programs_in_there(tmp_path: Path, root: Path, connection: image_root.Connection) -> None:
    (tmp_path / "in").write_bytes(b"\0\xff text")
    (tmp_path / "outside").mkdir()
    (root / "tmp/link").symlink_to(tmp_path / "outside")
    connection.put_file(str(tmp_path / "in"), "/tmp/a b")
    assert (root / "tmp/a b").read_bytes() == b"\0\xff text"
    connection.fetch_file("/tmp/a b", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == b"\0\xff text"
    with pytest.raises(AnsibleConnectionFailure, match="/tmp/link/x cannot be written"):
        connection.put_file(str(tmp_path / "in"), "/tmp/link/x")
    assert list((tmp_path / "outside").iterdir()) == []
    with pytest.raises(AnsibleConnectionFailure, match="/none cannot be read"):
        connection.fetch_file("/none", str(tmp_path / "out"))
    with pytest.raises(AnsibleFileNotFound, match="no file"):
        connection.put_file(str(tmp_path / "none"), "/tmp/x")


def test_what_cannot_be_entered_is_one_sentence(
    tmp_path: Path, root: Path, connection: image_root.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.set_options(direct={"root": str(tmp_path), "epoch": 0})
    with pytest.raises(AnsibleConnectionFailure, match=r"which has no etc/passwd"):
        connection.exec_command("true")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").touch()
    with pytest.raises(AnsibleConnectionFailure, match=r"cannot be entered: mount: .*proc"):
        connection.exec_command("true")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    connection.close()
    with pytest.raises(AnsibleConnectionFailure, match="only root can enter"):
        connection.exec_command("true")
