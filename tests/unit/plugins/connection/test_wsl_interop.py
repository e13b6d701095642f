# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The connection plugin with a powershell.exe that does what a test wants; the real one runs in tests/windows_host."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.playbook.play_context import PlayContext

from ansible_collections.wsltune.go.plugins.connection import wsl_interop
from ansible_collections.wsltune.go.plugins.module_utils.linux import dialogue, look
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe
from ansible_collections.wsltune.go.plugins.module_utils.wsl.judge import Machine

HERE = Path(__file__).parent
MOUNTS = (HERE.parent / "module_utils/linux/data/mountinfo/wsl2_9p.txt").read_text()
WSL = Machine(
    release="6.6.87.2-microsoft-standard-WSL2\n",
    mountinfo=MOUNTS,
    environment={"WSL_DISTRO_NAME": "Ubuntu"},
    has_init=True,
    has_run_wsl=True,
    binfmt_status="enabled\n",
    binfmt_entries={"WSLInterop": "enabled\ninterpreter /init\n"},
    interop_sockets=["1_interop"],
)
ENCODED = "-NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand"


NAME = "wsltune.go.wsl_interop"


@pytest.fixture(scope="session", autouse=True)
def options():
    """What the loader of plugins does with their documentation."""
    documented = yaml.safe_load(wsl_interop.DOCUMENTATION)["options"]
    constants.config.initialize_plugin_configuration_definitions("connection", NAME, documented)


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """How the fake behaves; calls() is what it wrote down."""

    class Fake:
        path = tmp_path / "powershell.exe"
        log = tmp_path / "log"

        def behaves(self, how):
            monkeypatch.setenv("FAKE", how)

        def calls(self):
            return [json.loads(line) for line in self.log.read_text().splitlines()]

    Fake.path.write_text(f"#!{sys.executable}\n" + (HERE / "fake_powershell.py").read_text())
    Fake.path.chmod(0o755)
    monkeypatch.setenv("FAKE_LOG", str(Fake.log))
    monkeypatch.setenv("WSLENV", "GOPATH/p:SECRET")
    monkeypatch.setattr(wsl_observe, "collect", lambda *a, **k: Fake.machine)
    Fake.machine = WSL
    return Fake()


def connect(fake, **variables):
    options = {f"ansible_wsl_interop_{name}": value for name, value in variables.items()}
    options.setdefault("ansible_wsl_interop_powershell_executable", str(fake.path))
    connection = wsl_interop.Connection(PlayContext())
    connection._load_name = NAME
    connection.set_options(var_options=options)
    return connection


def refused(fake, **variables):
    with pytest.raises(AnsibleConnectionFailure) as caught:
        connect(fake, **variables).exec_command("whoami")
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


def test_what_the_shell_plugin_asks_of_a_connection(fake):
    connection = connect(fake)
    assert connection._shell.SHELL_FAMILY == "powershell"
    assert connection.module_implementation_preferences == (".ps1", ".exe", "")
    assert connection.is_pipelining_enabled() and connection.is_pipelining_enabled(wrap_async=True)
    assert not connection.allow_executable


def test_ansibles_own_call_is_started_word_by_word_and_gets_the_payload_as_bytes(fake):
    fake.behaves("echo")
    payload = b'{"a": "\xc3\xa9"}\n\0\0\0\0\n' + bytes(range(256))
    value = base64.b64encode(b"1+1=\0").decode()
    code, out, err = connect(fake).exec_command(f"PowerShell {ENCODED} '{value}'", in_data=payload, sudoable=False)
    assert (code, out, err) == (0, payload, b"")
    assert fake.calls()[0]["argv"] == [*ENCODED.split(), value]


def test_a_statement_gets_a_powershell_around_it(fake):
    fake.behaves("echo")
    connect(fake).exec_command("whoami /groups; 'a b' | Out-String")
    argv = fake.calls()[0]["argv"]
    assert argv[:-1] == ENCODED.split()
    script = base64.b64decode(argv[-1]).decode("utf-16-le")
    assert "\nwhoami /groups; 'a b' | Out-String\n" in script and "OutputEncoding" in script


def test_stdin_is_closed_even_when_there_is_nothing_to_send(fake):
    fake.behaves("echo")
    begin = time.monotonic()
    assert connect(fake, command_timeout=20).exec_command("whoami")[:2] == (0, b"")
    assert time.monotonic() - begin < 10


def test_bytes_come_back_as_they_are(fake):
    fake.behaves("bytes")
    assert connect(fake).exec_command("x") == (0, bytes(range(256)) + b"\r\n", b"\xff\xfe")


def test_serialized_errors_become_text_again(fake):
    fake.behaves("clixml")
    assert connect(fake).exec_command("x") == (3, b"", "no such \r\nthing \U0001f600".encode())


def test_nothing_of_the_environment_crosses_and_the_socket_stays_the_sessions_own(fake, monkeypatch):
    monkeypatch.setenv("WSL_INTEROP", "/run/WSL/7_interop")
    connect(fake).exec_command("x")
    connect(fake, socket="/run/WSL/9_interop").exec_command("x")
    assert [call["env"] for call in fake.calls()] == [
        {"WSLENV": "", "WSL_INTEROP": "/run/WSL/7_interop"},
        {"WSLENV": "", "WSL_INTEROP": "/run/WSL/9_interop"},
    ]


def test_without_a_socket_of_the_session_the_nearest_own_one_is_named(fake, monkeypatch):
    monkeypatch.delenv("WSL_INTEROP", raising=False)
    monkeypatch.setattr(wsl_observe, "find_own_socket", lambda process: f"/run/WSL/{process}_interop")
    connect(fake).exec_command("x")
    connect(fake, socket="/run/WSL/9_interop").exec_command("x")
    monkeypatch.setenv("WSL_INTEROP", "/run/WSL/7_interop")
    connect(fake).exec_command("x")
    sockets = [call["env"]["WSL_INTEROP"] for call in fake.calls()]
    assert sockets == [f"/run/WSL/{os.getpid()}_interop", "/run/WSL/9_interop", "/run/WSL/7_interop"]


def test_commands_start_where_they_are_told(fake, tmp_path):
    connect(fake, working_directory="/usr").exec_command("x")
    connect(fake).exec_command("x")
    assert [call["cwd"] for call in fake.calls()] == ["/usr", str(tmp_path)]


def test_time_is_up_for_the_command_and_all_it_started(fake):
    fake.behaves("hang")
    begin = time.monotonic()
    sentence = refused(fake, command_timeout=2)
    assert time.monotonic() - begin < 15
    assert "within 2 s" in sentence and "ansible_wsl_interop_command_timeout" in sentence
    started = [call.get("pid") or call["child"] for call in fake.calls()]
    assert len(started) == 2
    assert gone(started)


def gone(pids):
    deadline = time.monotonic() + 5
    while any(running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(running(pid) for pid in pids)


def running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_not_wsl(fake):
    type(fake).machine = Machine(release="6.1.0-amd64\n")
    assert "This is not WSL" in refused(fake) and "psrp" in refused(fake)


def test_no_entry_in_binfmt_misc(fake):
    type(fake).machine = replace(WSL, binfmt_entries={})
    assert "no entry WSLInterop" in refused(fake) and "wsl.exe --shutdown" in refused(fake)


def test_entry_in_binfmt_misc_is_off(fake):
    type(fake).machine = replace(WSL, binfmt_entries={"WSLInterop-late": "disabled\n"})
    assert "/proc/sys/fs/binfmt_misc/WSLInterop-late'" in refused(fake)


def test_interop_was_off_at_the_start(fake):
    type(fake).machine = replace(WSL, interop_sockets=[])
    assert "interop.enabled to true" in refused(fake) and "wsl.exe --terminate Ubuntu" in refused(fake)


def test_the_kernel_does_not_know_the_program(fake):
    fake.path.write_bytes(bytes(64))  # with MZ, a simulated Windows host beside the test would take it
    sentence = refused(fake, check_wsl=False)
    assert "exec format error" in sentence and "interop.enabled to true" in sentence


def test_the_program_may_not_be_started(fake):
    fake.path.chmod(0o644)
    assert "may not be started" in refused(fake)


def test_a_socket_that_nobody_serves(fake, monkeypatch):
    fake.behaves("stale")
    monkeypatch.setenv("WSL_INTEROP", "/run/WSL/8_interop")
    sentence = refused(fake)
    assert "/run/WSL/8_interop does not answer" in sentence and "unset WSL_INTEROP" in sentence


def test_no_powershell(fake, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    sentence = refused(fake, powershell_executable=None)
    assert "No powershell.exe was found" in sentence and "automount.enabled" in sentence
    assert "'/nowhere/x.exe'" in refused(fake, powershell_executable="/nowhere/x.exe")


@pytest.fixture
def dead(monkeypatch, tmp_path):
    """A folder of a drive that is gone: whoever asks about what is in it waits."""
    folder = tmp_path / "dead"

    def waiting(question):
        def ask(name, *rest, **more):
            if str(folder) in (str(name), os.path.dirname(str(name)), str(more.get("path"))):
                time.sleep(60)
            return question(name, *rest, **more)

        return ask

    for name in ("isfile", "isdir", "realpath"):
        monkeypatch.setattr(os.path, name, waiting(getattr(os.path, name)))
    monkeypatch.setattr(shutil, "which", waiting(shutil.which))
    return folder


@pytest.mark.parametrize("option", ["powershell_executable", "working_directory"])
def test_a_path_on_a_drive_that_is_gone_is_not_waited_for(fake, dead, option):
    began = time.monotonic()
    assert "which gives no answer (no answer in 2 s)" in refused(fake, **{option: f"{dead}/x"})
    assert time.monotonic() - began < 20


def test_a_folder_of_path_that_is_gone_hides_no_other(fake, dead, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", f"{dead}:{tmp_path}:{os.environ['PATH']}")
    began = time.monotonic()
    assert connect(fake, powershell_executable=None).exec_command("x")[0] == 0
    assert time.monotonic() - began < 20
    fake.path.unlink()
    assert f"({dead}: no answer in 2 s)" in refused(fake, powershell_executable=None)


def test_powershell_on_path(fake, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert connect(fake, powershell_executable=None).exec_command("x")[0] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must not start what others may change")
def test_root_starts_no_powershell_of_a_folder_of_path_that_others_write_in(fake, monkeypatch, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "powershell.exe").symlink_to(fake.path)
    monkeypatch.setenv("PATH", f"{shared}:/usr/bin:/bin")
    assert connect(fake, powershell_executable=None).exec_command("x")[0] == 0
    os.chown(shared, 4711, 4711)
    assert f"({shared}: another account can write there)" in refused(fake, powershell_executable=None)
    assert len(fake.calls()) == 1


def test_a_powershell_on_another_drive_does_not_stand_in_for_one_that_gives_no_answer(fake, monkeypatch, tmp_path):
    """Any Windows user may write on it, and two seconds without an answer take no more than a busy disk."""
    other = tmp_path / "d/Windows/System32/WindowsPowerShell/v1.0/powershell.exe"
    other.parent.mkdir(parents=True)
    other.symlink_to(fake.path)
    table = "1 0 8:1 / / rw - ext4 /dev/sda rw\n"
    for number, name in enumerate("cd", 2):
        table += (
            f"{number} 1 0:{number} / {tmp_path}/{name} rw - 9p {name}: rw,aname=drvfs;path={name.upper()}:\\;uid=1\n"
        )
    type(fake).machine = replace(WSL, mountinfo=table)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    ask = look.once

    def once(question, *more, **named):
        if question.args and str(question.args[-1]).startswith(f"{tmp_path}/c/"):
            raise OSError(110, "no answer in 2 s")
        return ask(question, *more, **named)

    monkeypatch.setattr(look, "once", once)
    sentence = refused(fake, powershell_executable=None)
    assert "No powershell.exe was found" in sentence and "no answer in 2 s" in sentence


def test_no_wslpath_of_a_folder_of_path_is_started(fake, monkeypatch, tmp_path):
    program, was_started = tmp_path / "bin/wslpath", tmp_path / "was started"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch '{was_started}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    assert "No powershell.exe was found" in refused(fake, powershell_executable=None)
    assert not was_started.exists()


def test_constrained_language_mode(fake):
    fake.behaves("constrained")
    assert "ConstrainedLanguage" in refused(fake) and "policy's owner" in refused(fake)


def test_not_elevated(fake, tmp_path):
    (tmp_path / "whoami.exe").symlink_to(fake.path)
    fake.behaves("medium")
    assert "Run as administrator" in refused(fake, require_elevated=True)
    assert len(fake.calls()) == 1
    fake.behaves("high")
    connection = connect(fake, require_elevated=True)
    connection.exec_command("x")
    connection.exec_command("x")
    assert [call["argv"] == ["/groups"] for call in fake.calls()] == [True, True, False, False]


def test_a_way_to_elevate_that_is_not_there(fake):
    with pytest.raises(AnsibleError, match=r"sudo\.exe is not there"):
        connect(fake, elevation="sudo").exec_command("x")


def test_powershell_7_that_nobody_named(fake):
    with pytest.raises(AnsibleError, match="ansible_wsl_interop_pwsh_executable"):
        connect(fake).exec_command(f"pwsh {ENCODED} AA==")


def test_a_command_too_long_for_windows(fake):
    with pytest.raises(AnsibleError, match="32767"):
        connect(fake).exec_command("x" * 20000)


def test_a_file_that_arrives_as_another(fake, tmp_path):
    fake.behaves("mangled")
    (tmp_path / "file").write_bytes(b"data")
    connection = connect(fake)
    with pytest.raises(AnsibleError, match=r"C:\\x did not arrive as it was sent"):
        connection.put_file(str(tmp_path / "file"), "C:\\x")
    connection.close()


@pytest.mark.parametrize(("how", "word"), [("stale", "does not answer"), ("constrained", "ConstrainedLanguage")])
def test_files_fail_with_the_same_sentences(fake, tmp_path, how, word):
    fake.behaves(how)
    (tmp_path / "file").write_bytes(b"data")
    connection = connect(fake)
    with pytest.raises(AnsibleConnectionFailure, match=word):
        connection.put_file(str(tmp_path / "file"), "C:\\x")
    connection.close()


def test_a_transfer_that_hangs_is_ended(fake, tmp_path):
    fake.behaves("hang")
    (tmp_path / "file").write_bytes(b"data")
    connection = connect(fake, command_timeout=2)
    with pytest.raises(AnsibleConnectionFailure, match="within 2 s"):
        connection.put_file(str(tmp_path / "file"), "C:\\x")
    assert not running(fake.calls()[0]["pid"])
    connection.close()


def within(seconds):
    """A deadline for a step; what it stands for would take minutes or never end."""

    class Watch:
        begin = time.monotonic()

        def __enter__(self):
            return self

        def __exit__(self, *_):
            assert time.monotonic() - self.begin < seconds

    return Watch()


@pytest.mark.parametrize("word", ["e", "WSL(", "UtilConnec", "connectfaile", "<Objs>", "\x1b[1"])
@pytest.mark.parametrize("code", [0, 3])
def test_a_line_of_megabytes_on_stderr_costs_no_time(fake, word, code):
    fake.behaves(f"long {word} {code} err")
    with within(30):
        done = connect(fake, command_timeout=25).exec_command("x")
    assert done[:2] == (code, b"")
    assert done[2] == (word * 20_000_000).encode()[: dialogue.MOST_ERRORS]


def test_a_line_of_megabytes_on_stdout_comes_whole(fake):
    fake.behaves("long e 0 out")
    with within(30):
        assert len(connect(fake, command_timeout=25).exec_command("x")[1]) == 20_000_000


def test_output_without_an_end_is_ended(fake, monkeypatch):
    monkeypatch.setattr(dialogue, "MOST_OUTPUT", 8 << 20)
    fake.behaves("floods")
    with within(30):
        assert "printed more than 8 MiB" in refused(fake, command_timeout=25)
    assert not running(fake.calls()[0]["pid"])


def test_what_a_command_leaves_behind_is_not_waited_for(fake):
    fake.behaves("leaves")
    with within(15):
        assert connect(fake, command_timeout=40).exec_command("x") == (0, b"said\n", b"")
    os.kill(fake.calls()[1]["child"], signal.SIGKILL)


def test_a_file_is_not_waited_for_either(fake, tmp_path):
    fake.behaves("leaves all")
    (tmp_path / "file").write_bytes(bytes(1 << 20))
    with within(15), pytest.raises(AnsibleConnectionFailure, match=r"ended with 7 .*\(said\)"):
        connect(fake, command_timeout=40).put_file(str(tmp_path / "file"), "C:\\x")
    os.kill(fake.calls()[1]["child"], signal.SIGKILL)


def test_a_child_in_a_session_of_its_own_is_ended_too(fake):
    fake.behaves("apart")
    refused(fake, command_timeout=2)
    assert gone([call.get("pid") or call["child"] for call in fake.calls()])


def test_a_killed_program_has_a_sentence(fake):
    fake.behaves("killed")
    assert "SIGKILL" in refused(fake) and "dmesg" in refused(fake)


@pytest.mark.parametrize(
    ("how", "said"), [("banner", "Welcome to CONTOSO This profile is broken"), ("silent", "it printed nothing")]
)
def test_what_was_printed_before_files_go_is_in_the_sentence(fake, tmp_path, how, said):
    fake.behaves(how)
    (tmp_path / "file").write_bytes(b"data")
    with pytest.raises(AnsibleConnectionFailure) as caught:
        connect(fake).put_file(str(tmp_path / "file"), "C:\\x")
    assert f"({said})" in str(caught.value) and str(caught.value).endswith(".")


def test_a_line_that_no_transfer_has(fake, tmp_path):
    fake.behaves("long e 0 out")
    (tmp_path / "file").write_bytes(b"data")
    with within(30), pytest.raises(AnsibleConnectionFailure) as caught:
        connect(fake, command_timeout=25).put_file(str(tmp_path / "file"), "C:\\x")
    assert len(str(caught.value)) < 1000


def test_the_program_is_there_and_what_starts_it_is_not(fake):
    fake.path.write_text("#!/nowhere/init\n")
    assert "what the kernel starts such programs with is not" in refused(fake, check_wsl=False)
