# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Accounts that have a home here and no line in /etc/passwd, as those of SSSD have none."""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts

STRANGER = 3_000_001


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of homes: dora's, which a directory knows, one of another name, one of nobody, and root's."""
    if os.geteuid():
        pytest.skip("needs root, to give folders away")
    for name, uid in (("dora", STRANGER), ("dora-old", STRANGER), ("gone", STRANGER + 1), ("shared", 0)):
        (tmp_path / name).mkdir()
        os.chown(tmp_path / name, uid, uid)

    def entry(uid: int) -> object:
        if uid != STRANGER:
            raise KeyError(uid)
        return SimpleNamespace(pw_name="dora", pw_dir=str(tmp_path / "dora"))

    monkeypatch.setattr(pwd, "getpwuid", entry)
    return tmp_path


def person(name: str, homes: Path) -> accounts.Account:
    return accounts.Account(name, 1000, 1000, str(homes / name), "/bin/bash")


def test_an_account_of_a_directory_is_found_by_its_home(homes: Path) -> None:
    assert accounts.find_unlisted([person("alice", homes)]) == ["dora"]


def test_who_is_set_up_is_not_left_out(homes: Path) -> None:
    assert accounts.find_unlisted([person("dora", homes)]) == []


def test_a_directory_that_does_not_answer_holds_nobody_up(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: time.sleep(60))
    begin = time.monotonic()
    assert accounts.find_unlisted([person("alice", homes)]) == []
    assert time.monotonic() - begin < 30


def test_it_is_said_how_they_are_set_up_too() -> None:
    assert accounts.explain_unlisted([]) == []
    assert "; ".join(accounts.explain_unlisted(["dora"])) == (
        "dora has a home here and no line in /etc/passwd, so that no setting is made there; name such accounts in "
        "wsltune_users to have them set up too"
    )
    assert accounts.explain_unlisted(list("abcdef"))[0].startswith("a, b, c, d and 2 more have homes here")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process of another account")
@pytest.mark.parametrize("uid", [0, 4711])
def test_the_environment_of_another_account_is_not_read(uid: int) -> None:
    """It can have whoever reads it wait without end, by a file system of its own that it maps."""
    command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "sleep", "60"]
    with subprocess.Popen(command, env={"PATH": os.defpath, "MARKED": "by-a-test"}) as program:
        try:
            until = time.monotonic() + 10
            while Path(f"/proc/{program.pid}/comm").read_text() != "sleep\n" and time.monotonic() < until:
                time.sleep(0.01)
            accounts._end_marked(b"MARKED=by-a-test")
            time.sleep(0.1)
            assert (program.poll() is None) == (uid != 0)
        finally:
            program.kill()


def test_a_login_is_asked_by_no_program_of_a_folder_of_path_that_others_write_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that /etc/profile gives to everybody, root too."""
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/env").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "bin/env").chmod(0o755)
    (tmp_path / ".profile").write_text(f"PATH={tmp_path}/bin:/usr/bin:/bin\n")
    eve = accounts.Account("eve", 4711, 4711, str(tmp_path), "/bin/sh")
    assert accounts.login_environment(eve)["PATH"] == f"{tmp_path}/bin:/usr/bin:/bin"
    assert not (tmp_path / "started").exists()


@pytest.fixture
def log_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, float], dict[str, str]]:
    """Ask a login of an account, by a su that is a script, for its environment; su has half a second for PAM."""
    if os.geteuid():
        pytest.skip("only root starts a login by su")
    # Nobody opens its other end.
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(accounts, "LOGIN_PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(accounts, "PAM", 0.5)
    monkeypatch.setattr(accounts, "WITHOUT_BUS", {})

    def run(script: str, timeout: float) -> dict[str, str]:
        (tmp_path / "su").write_text(f"#!/bin/bash\n{script}\n")
        (tmp_path / "su").chmod(0o755)
        eve = accounts.Account("eve", 4711, 4711, str(tmp_path), "/bin/sh")
        return accounts.login_environment(eve, timeout)

    return run


def test_who_takes_all_connections_to_the_system_bus_keeps_no_login_waiting(
    tmp_path: Path, log_in: Callable[[str, float], dict[str, str]]
) -> None:
    """PAM waits for a session there, before it starts the shell."""
    su = f'[ -n "$DBUS_SYSTEM_BUS_ADDRESS" ] || read -r never <{tmp_path}/pipe\neval "$4"'
    assert "PATH" in log_in(su, 5.0)
    begin = time.monotonic()
    assert "PATH" in log_in(su, 5.0)
    # What is known of it is not found out again for each account.
    assert time.monotonic() - begin < 0.5


def test_a_login_whose_shell_began_is_not_begun_again(
    tmp_path: Path, log_in: Callable[[str, float], dict[str, str]]
) -> None:
    assert "PATH" in log_in(f'echo >>{tmp_path}/begun\nsleep 1.5\neval "$4"', 8.0)
    assert (tmp_path / "begun").read_text() == "\n" and accounts.WITHOUT_BUS == {}


def test_who_holds_a_lock_on_the_records_of_logins_takes_no_login_its_time(
    tmp_path: Path, log_in: Callable[[str, float], dict[str, str]]
) -> None:
    """PAM waits for it (pam_wtmpdb, pam_lastlog2) before it starts the shell, whose own files take a while too."""
    # A shell of its own, as su forks; nothing else is started before that.
    assert "PATH" in log_in(f'read -r -t 1.6 never <>{tmp_path}/pipe\n/bin/sh -c "sleep 1; $4"\ntrue', 2.3)


def test_a_login_that_never_begins_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_in: Callable[[str, float], dict[str, str]]
) -> None:
    monkeypatch.setattr(accounts, "SESSION", 1.0)
    begin = time.monotonic()
    with pytest.raises(accounts.AccountError, match="did not come to an end"):
        log_in(f"read -r never <>{tmp_path}/pipe", 5.0)
    assert time.monotonic() - begin < 5


def test_a_login_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert accounts.LOGIN_LIMIT <= 15
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    (tmp_path / ".profile").write_text("sleep 161803 & sleep 161803\n")
    eve = accounts.Account("eve", 4711, 4711, str(tmp_path), "/bin/sh")
    begin = time.monotonic()
    with pytest.raises(accounts.AccountError, match=r"A login of eve did not come to an end within 1 s\."):
        accounts.login_environment(eve, 1.0)
    assert time.monotonic() - begin < 12
    assert subprocess.run(["pgrep", "-f", "sleep 161803"], capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        pytest.param(50, (1003, 50, [1003, 50]), id="a group that it is in"),
        pytest.param(2000, (1003, 1003, [1003, 50]), id="one that it was taken out of"),
    ],
)
def test_no_account_has_a_group_back_that_it_was_taken_out_of(
    monkeypatch: pytest.MonkeyPatch, recorded: int, expected: tuple[int, int, list[int]]
) -> None:
    """A record keeps the group that an account had at the first run, and a rollback becomes that account."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: SimpleNamespace(pw_name="dora", pw_gid=1003))
    monkeypatch.setattr(os, "getgrouplist", lambda _name, group: [group, 50])
    assert accounts.identity_of(1003, recorded) == expected


def test_a_removed_account_has_the_group_that_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> object:
        raise KeyError(uid)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert accounts.identity_of(1003, 2000) == (1003, 2000, [2000])
