# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.go import baseline as go_baseline
from ansible_collections.wsltune.go.plugins.module_utils.go import envfile
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, look, meminfo, process

TEXT = "# by hand\nGOPROXY=off\nGOTMPDIR=/old\n junk\nGOTMPDIR=/new\nlower=1\n"


def test_the_last_line_of_a_setting_counts() -> None:
    assert envfile.parse(TEXT) == {"GOPROXY": "off", "GOTMPDIR": "/new"}


def test_a_setting_is_changed_where_it_counts() -> None:
    assert envfile.merge(TEXT, {"GOTMPDIR": "/x"}) == TEXT.replace("/new", "/x")
    assert envfile.merge(TEXT, {"GOTMPDIR": None}) == "# by hand\nGOPROXY=off\n junk\nlower=1\n"
    assert envfile.merge("A=1", {"B": "2"}) == "A=1\nB=2\n"
    assert envfile.merge("", {"B": "2"}) == "B=2\n"
    # Go ends a line at a line feed alone.
    # Go has the carriage return in the value, so that no line with one says what is wanted.
    assert envfile.merge("A=1\r\nB=2\r\n", {"B": "2"}) == "A=1\r\nB=2\n"
    assert envfile.revert(b"A=1\r\nB=2\r\n", b"A=1\r\nB=2\n", b"A=1\r\nB=2\n") == b"A=1\r\nB=2\r\n"
    assert envfile.merge("A=1\fB=2\n", {"B": "2"}) == "A=1\fB=2\nB=2\n"


NAMES = st.sampled_from(["GOPROXY", "GOTMPDIR", "GOFLAGS", "A"])


@given(
    st.lists(st.one_of(st.builds("{}={}\n".format, NAMES, st.sampled_from(["", "1", "a=b"])), st.just("# c\n"))),
    st.dictionaries(NAMES, st.one_of(st.none(), st.sampled_from(["x", "y=z", ""]))),
)
def test_a_merge_reads_as_old_values_overlaid(lines: list[str], settings: dict[str, Any]) -> None:
    text = "".join(lines)
    expected = {name: value for name, value in {**envfile.parse(text), **settings}.items() if value is not None}
    merged = envfile.merge(text, settings)
    assert envfile.parse(merged) == expected
    assert envfile.merge(merged, settings) == merged


def test_taking_our_settings_out_leaves_the_users() -> None:
    assert envfile.revert(b"A=1\n", b"A=2\nB=1\n", b"A=2\nB=1\nC=3\n") == b"A=1\nC=3\n"
    assert envfile.revert(b"A=1\n", b"A=2\n", b"A=9\n") == b"A=9\n"
    assert envfile.revert(None, b"A=2\n", b"A=2\n") is None


@pytest.mark.parametrize(
    ("environment", "user_file", "goroot_file", "source"),
    [
        ({"GOCACHE": "/e"}, {"GOCACHE": "/u"}, {"GOCACHE": "/g"}, "environment"),
        ({"GOCACHE": ""}, {"GOCACHE": "/u"}, {"GOCACHE": "/g"}, "user file"),
        ({"GOENV": "off"}, {"GOCACHE": "/u"}, {"GOCACHE": "/g"}, "GOROOT/go.env"),
        ({}, {}, {}, "default"),
    ],
)
def test_where_a_setting_comes_from(
    environment: dict[str, str], user_file: dict[str, str], goroot_file: dict[str, str], source: str
) -> None:
    assert go_observe.source_of("GOCACHE", environment, user_file, goroot_file) == source


def test_a_login_that_tells_odd_things_is_looked_at_all_the_same(tmp_path: Path) -> None:
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    told = json.dumps({"GOROOT": "/go", "GOENV": f"{tmp_path}/a\x1b[2J"})
    go.write_text(f"#!/bin/sh\ncat <<'end'\n{told}\nend\n")
    go.chmod(0o755)
    (account,) = accounts.find([pwd.getpwuid(os.getuid()).pw_name])
    facts = go_observe.observe(account, [], {"HOME": str(tmp_path), "PATH": f"{go.parent}:/usr/bin:/bin"})
    assert "cannot be shown as it is" in facts["unknown"]["user_file"]
    os.mkfifo(tmp_path / "fifo")
    assert go_observe.file_state(str(tmp_path / "fifo")) == "not a regular file"


def test_a_file_is_executed_and_none_stays(tmp_path: Path) -> None:
    assert go_observe.try_to_execute(f"{tmp_path}/not/there") is True
    with pytest.raises(OSError, match="not writable"):
        go_observe.try_to_execute("/proc")
    assert list(tmp_path.iterdir()) == []


MOUNTED = """
import sys
from ansible_collections.wsltune.go.plugins.module_utils.go import observe
try:
    print(observe.try_to_execute(sys.argv[1]))
except OSError as error:
    print(error.strerror)
"""


def test_nothing_stays_of_it_where_the_run_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = []
    execute = go_observe._execute
    monkeypatch.setattr(go_observe, "_execute", lambda file: there.append(os.listdir(tmp_path)) or execute(file))
    assert go_observe.try_to_execute(str(tmp_path)) is True and there == [[]]
    monkeypatch.setattr(go_observe, "_open_unnamed", lambda _folder: None)
    assert go_observe.try_to_execute(str(tmp_path)) is True and there[1] and os.listdir(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
@pytest.mark.parametrize(("options", "answer"), [("size=64k", "full"), ("noexec", "False"), ("exec", "True")])
def test_a_full_folder_is_no_folder_that_cannot_execute(tmp_path: Path, options: str, answer: str) -> None:
    fill = 'cat /dev/zero > "$1/fill" 2>/dev/null; ' if answer == "full" else ""
    script = f'mount -t tmpfs -o {options} none "$1"; {fill}exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path), sys.executable, MOUNTED],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.splitlines() == [answer], done.stderr


def test_what_takes_the_name_of_the_file_meanwhile_is_not_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, hers = tmp_path / "folder", tmp_path / "hers"
    folder.mkdir()
    hers.write_text(f"#!/bin/sh\ntouch {tmp_path}/executed\n")
    hers.chmod(0o755)
    change = os.fchmod

    def swap(descriptor: int, mode: int) -> None:
        change(descriptor, mode)
        (name,) = folder.iterdir()
        name.rename(tmp_path / "moved")
        name.symlink_to(hers)

    monkeypatch.setattr(os, "fchmod", swap)
    # As where the file system has none without a name.
    monkeypatch.setattr(go_observe, "_open_unnamed", lambda _folder: None)
    assert go_observe.try_to_execute(str(folder)) is True
    assert (tmp_path / "moved").exists()
    assert not (tmp_path / "executed").exists()
    assert list(folder.iterdir()) == []
    assert hers.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_root_executes_nothing_where_another_account_can_write(tmp_path: Path) -> None:
    hers, shared = tmp_path / "hers", tmp_path / "shared"
    for folder in (hers, shared):
        folder.mkdir()
    os.chown(hers, 12345, 12345)
    shared.chmod(0o777)
    places = {
        name: {"path": str(path), "exists": True, "executable": None, "windows_drive": False}
        for name, path in {"GOCACHE": hers / "not" / "there", "TMPDIR": shared, "GOTMPDIR": tmp_path}.items()
    }
    unknown: dict[str, str] = {}
    go_observe._probe(places, unknown)
    assert [place["executable"] for place in places.values()] == [None, None, True]
    assert list(unknown) == ["GOCACHE.executable", "TMPDIR.executable"]
    assert all("another account can write there" in reason for reason in unknown.values())
    assert list(hers.iterdir()) == list(shared.iterdir()) == []
    shared.chmod(0o1777)
    assert go_observe.try_to_execute(str(shared)) is True


@pytest.mark.parametrize(("text", "numbers"), [("go1.26.0", (1, 26, 0)), ("go1.27rc1", (1, 27)), ("devel +x", ())])
def test_version(text: str, numbers: tuple[int, ...]) -> None:
    assert go_observe.version_tuple(text) == numbers


@pytest.mark.parametrize(
    ("content", "version"),
    [("go1.27.3\ntime 2026-10-19T22:20:36Z\n", "go1.27.3"), ("go1.24.4 X:boringcrypto\n", "go1.24.4"), ("mine", "")],
)
def test_the_version_of_a_goroot(tmp_path: Path, content: str, version: str) -> None:
    assert go_observe.goroot_version(str(tmp_path)) == ""
    (tmp_path / "VERSION").write_text(content)
    assert go_observe.goroot_version(str(tmp_path)) == version


def test_the_environment_follows_the_mark() -> None:
    output = b"motd X=1\n" + accounts.MARK + b"\nA=1\0B=x\ny\0_=/usr/bin/env\0"
    assert accounts.parse_environment(output) == {"A": "1", "B": "x\ny"}


def test_the_login_of_this_user_is_seen() -> None:
    (account,) = accounts.find([pwd.getpwuid(os.getuid()).pw_name])
    environment = accounts.login_environment(account)
    assert environment["HOME"] == account.home and "PATH" in environment


def test_accounts_of_people() -> None:
    uids = accounts.uid_range("UID_MIN 500\n# UID_MAX 9\nUID_MAX  600\n")
    assert (uids[0], uids[-1]) == (500, 600)
    person = accounts.Account("a", 501, 501, "/", "/bin/bash")
    assert accounts.is_person(person, uids)
    for change in ({"uid": 499}, {"shell": "/usr/sbin/nologin"}, {"shell": "/usr/lib/openssh/sftp-server"}):
        assert not accounts.is_person(accounts.Account(**{**vars(person), **change}), uids)
    with pytest.raises(accounts.AccountError, match="no account 'nobody-here'"):
        accounts.find(["nobody-here"])


@pytest.mark.parametrize("names", [["hangs"], ["hangs", "has", "lacks"]])
def test_a_home_that_gives_no_answer_lets_nobody_wait(monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    def is_folder(path: str) -> bool:
        if path == "/hangs":
            time.sleep(30)
        return path != "/lacks"

    monkeypatch.setattr(look, "is_folder", is_folder)
    people = [accounts.Account(name, 501, 501, f"/{name}", "/bin/bash") for name in names]
    begin = time.monotonic()
    assert [person.name for person in accounts.with_home(people)] == names[:2]
    assert time.monotonic() - begin < 10


def test_memory() -> None:
    text = "MemTotal:  1024 kB\nMemAvailable:  512 kB\nSwapTotal:  0 kB\n"
    assert meminfo.parse(text) == {"total_bytes": 1048576, "available_bytes": 524288, "swap_total_bytes": 0}


def test_the_environment_before_is_recorded_once(tmp_path: Path) -> None:
    facts = {
        "go": {"path": "/go"},
        "settings": {"CGO_ENABLED": {"value": "1"}, "GOFLAGS": {"value": ""}},
        "places": {"GOTMPDIR": {"path": "/tmp"}, "GOCACHE": {"path": "/c"}},
    }
    go_baseline.record({"alice": facts}, str(tmp_path))
    later = {**facts, "places": {"GOTMPDIR": {"path": "/later"}}}
    go_baseline.record({"alice": later, "bob": later}, str(tmp_path))
    assert go_baseline.read(str(tmp_path)) == {
        "alice": {"environment": {"GOTMPDIR": "/tmp", "GOCACHE": "/c", "CGO_ENABLED": "1"}, "unset": []},
        "bob": {"environment": {"GOTMPDIR": "/later", "CGO_ENABLED": "1"}, "unset": []},
    }
    journal.forget_record(journal.BEFORE, str(tmp_path))
    assert go_baseline.read(str(tmp_path)) == {}


LOGINS = {
    "a PATH of many Go commands": "printf 'PATH=/usr/bin'; for n in $(seq 3000); do printf ':%s/p%d' $HOME $n; done",
    "a path of 500 KB": "printf 'TMPDIR=/'; head -c 500000 /dev/zero | tr '\\0' x",
}


@pytest.mark.parametrize("what", LOGINS)
def test_what_is_told_about_one_user_is_little(tmp_path: Path, what: str) -> None:
    """Whatever the login says; Ansible takes minutes with what it is made of."""
    for number in range(3000 if "PATH" in what else 0):
        (tmp_path / f"p{number + 1}").mkdir()
        (tmp_path / f"p{number + 1}" / "go").symlink_to("/bin/false")
    mark = accounts.MARK.decode()
    shell = tmp_path / "shell"
    shell.write_text(f"#!/bin/sh\nHOME={tmp_path}\necho {mark}\n{LOGINS[what]}\nprintf '\\0'\necho {mark}\n")
    shell.chmod(0o755)
    account = accounts.Account("eve", os.geteuid(), os.getegid(), str(tmp_path), str(shell))
    done = subprocess.run([str(shell)], stdout=subprocess.PIPE, check=True)
    told = go_observe.observe(account, [], accounts.parse_environment(done.stdout))
    assert len(json.dumps(told)) < 2 * go_observe.MOST_TOLD and "go" in told["unknown"]
    assert max(map(len, told["unknown"].values())) < 2000


def test_of_a_settings_file_only_what_counts_is_told(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("GOPROXY=https://user:secret@proxy\nGOFLAGS=-v\n" + "".join(f"A{n}=\n" for n in range(9)))
    assert go_observe._settings(str(path)) == {"GOFLAGS": "-v"}


@pytest.mark.skipif(os.geteuid() != 0, reason="a login is started as root")
def test_a_login_whose_environment_has_no_end_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "MOST_SAID", 100)
    account = accounts.Account("root", 0, 0, "/root", "/bin/sh")
    with pytest.raises(accounts.AccountError, match="more than"):
        accounts.login_environment(account)


@pytest.mark.skipif(os.geteuid() != 0, reason="a login is started as root")
@pytest.mark.parametrize(("shell", "starts"), [("receive-files", False), ("bash", True)])
def test_what_lies_in_the_home_of_an_account_whose_shell_runs_nothing_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str, starts: bool
) -> None:
    """Its account may put files there, such as by sftp, and start none."""
    for name, content in ((shell, "exit 0"), ("sdk/go1.24/bin/go", f"touch {tmp_path}/ran")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"#!/bin/sh\n{content}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "sdk/go1.24/VERSION").write_text("go1.24\n")
    account = accounts.Account("root", 0, 0, str(tmp_path), str(tmp_path / shell))
    refused = process.Done(0, "", "", False, 0.0, 0.0, 0.0, 0, 0)
    monkeypatch.setattr(accounts, "_log_in", lambda *_words: refused)
    told = go_observe.observe(account, [])
    assert "shows no environment: exit 0" in told["unknown"]["environment"]
    assert (tmp_path / "ran").exists() == starts
