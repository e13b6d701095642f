# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import base64
import errno
import os
import time

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.wsl import interop


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("powershell -EncodedCommand 'QQA='", ["powershell", "-EncodedCommand", "QQA="]),
        ("& 'C:\\Program Files\\it''s\\pwsh.exe' -NoProfile", ["C:\\Program Files\\it's\\pwsh.exe", "-NoProfile"]),
        (r"C:\tools\pwsh.exe -NoProfile", [r"C:\tools\pwsh.exe", "-NoProfile"]),
        ("whoami; hostname", None),
        ("a | b", None),
        ('a "b c"', None),
        ("a $b", None),
        ("a 'b", None),
        ("'a'b", None),
        ("", None),
    ],
)
def test_words_of_a_plain_call(command, words):
    assert interop.words(command) == words


def test_the_program_of_an_interpreter_setting():
    call = "-NoProfile -EncodedCommand AA=="
    to_path = {r"C:\tools\pwsh.exe": "/c/tools/pwsh.exe"}.get
    assert interop.command_for(f"pwsh.exe {call}", "/ps", "/ps7").argv[0] == "/ps7"
    assert interop.command_for(rf"C:\tools\pwsh.exe {call}", "/ps", None, to_path).argv[0] == "/c/tools/pwsh.exe"
    with pytest.raises(ValueError, match=r"D:\\\\pwsh.exe"):
        interop.command_for(rf"D:\pwsh.exe {call}", "/ps", None, to_path)


def test_a_call_that_is_part_of_a_statement_is_wrapped():
    for command in ("powershell -EncodedCommand AA==; x", "cmd /c dir", "x -EncodedCommand AA=="):
        made = interop.command_for(command, "/ps")
        assert made.wrapped and command in base64.b64decode(made.argv[-1]).decode("utf-16-le")


def test_elevation_puts_its_program_in_front():
    found = {r"C:\Windows\System32\sudo.exe": "/c/sudo.exe"}.get
    assert interop.elevated(["/ps", "x"], "none", found) == ["/ps", "x"]
    assert interop.elevated(["/ps", "x"], "sudo", found) == ["/c/sudo.exe", "--inline", "/ps", "x"]
    with pytest.raises(ValueError, match=r"gsudo\.exe is not there"):
        interop.elevated(["/ps"], "gsudo", found)


def test_gsudo_without_consent():
    assert "Windows screen" in interop.went_wrong(231, b"", b"", None, "gsudo")
    assert interop.went_wrong(231, b"", b"", None) is None


def test_a_commands_own_failure_is_not_the_ways():
    assert interop.went_wrong(1, b"", b"Access is denied.\r\n", None) is None
    assert interop.went_wrong(0, b"", b"connect failed 111", None) is None
    assert interop.went_wrong(1, b"output", b"curl: connect failed", None) is None


@pytest.mark.parametrize(
    ("groups", "high"),
    [(b"S-1-16-12288", True), (b"x  S-1-16-16384\r\n", True), (b"S-1-16-8192", False), (b"S-1-16-122880", False)],
)
def test_the_mandatory_level(groups, high):
    assert interop.is_high(groups) is high


@pytest.mark.parametrize(
    "data", [b"", b"plain\n", b"#< CLIXML\r\n", b"#< CLIXML\r\n<Objs><S S='Error'>cut", b"#< CLIXML\r\n<Objs>&</Objs>"]
)
def test_what_is_no_clixml_stays(data):
    assert interop.decode_clixml(data) == data


def test_the_script_for_files_fits_a_command_line():
    assert sum(len(word) + 3 for word in interop.transfer_argv("x" * 100)) < interop.LONGEST_COMMAND


def test_what_a_program_printed_is_looked_at_once():
    """Twenty megabytes; with a look from every place of a line this would take hours."""
    begin = time.monotonic()
    for word in (b"e", b"WSL (", b"UtilConnec", b"connect faile", b"WSL (1a", b"\x00\xff"):
        for code in (0, 1, 3):
            assert interop.went_wrong(code, b"", word * (20_000_000 // len(word)), None) is None
    assert time.monotonic() - begin < 60
    lost = interop.went_wrong(1, b"", b"e" * 5_000_000 + b" connect failed 111\r\n" + b"x" * 5_000_000, None)
    assert lost and "connect failed 111" in lost and len(lost) < 1500


def test_a_program_that_was_killed():
    assert "SIGKILL" in str(interop.went_wrong(-9, b"", b"", None)) and interop.went_wrong(-9, b"", b"", None).endswith(
        "."
    )


def test_clixml_that_grows_without_end_is_left_as_it_is():
    bomb = b"#< CLIXML\r\n<Objs>]><!ENTITY a 'x'><S S='Error'>&a;</S></Objs>"
    assert interop.decode_clixml(bomb) == bomb


@pytest.mark.parametrize(
    ("there", "named", "says"),
    [
        (False, "/p.exe", "is not there: set ansible"),
        (True, "/p.exe", "/init"),
        (False, "/folder", "working directory"),
    ],
)
def test_what_is_missing_is_named(there, named, says):
    error = OSError(errno.ENOENT, "x", named)
    assert says in interop.not_started(error, "/p.exe", lambda path: there)


@pytest.mark.parametrize(
    ("number", "named", "says"),
    [
        # A folder that is closed to this account, or a file.
        (errno.EACCES, "/folder", "The working directory /folder cannot be entered (Permission denied)"),
        (errno.ENOTDIR, "/folder", "The working directory /folder cannot be entered (Not a directory)"),
        (errno.EACCES, "/p.exe", "/p.exe may not be started"),
        # A drive after a sleep of Windows (microsoft/WSL#12824).
        (errno.EIO, "/p.exe", "The drive with /p.exe does not answer (Input/output error)"),
        (errno.ENOTCONN, "/folder", "The drive with /folder does not answer"),
        (errno.ESTALE, "/p.exe", "restart WSL with wsl.exe --shutdown"),
        (errno.ENODEV, "/p.exe", "restart WSL with wsl.exe --shutdown"),
        (errno.EAGAIN, "/p.exe", "no memory or no process left"),
        (errno.ENOMEM, "/p.exe", "no memory or no process left"),
        (errno.E2BIG, "/p.exe", "too long"),
    ],
)
def test_each_reason_of_the_kernel_has_its_own_cause(number, named, says):
    error = OSError(number, os.strerror(number), named)
    assert says in interop.not_started(error, "/p.exe", lambda _path: True)


@pytest.mark.parametrize(
    "said",
    [
        "<3>init: (1158) ERROR: UtilConnectToInteropServer:300: connect failed 2\n",
        "<3>init: (77) ERROR: UtilAcceptVsock:243: accept4 failed 110\n",
        "<3>WSL (13) ERROR: UtilAcceptVsock:250: accept4 failed 110\n",
        "<3>init: (29) ERROR: UtilBindVsockAnyPort:286: socket failed 1\n",
        "<3>WSL (4258 - Relay) ERROR: UtilAcceptVsock:271: accept4 failed 110\n",
        "/mnt/c/Windows/System32/WindowsPowerShell/v1.0/powershell.exe: Invalid argument",
    ],
)
def test_what_wsls_init_says_is_no_failure_of_the_command(said):
    """As in microsoft/WSL#6170, 6420, 8677, 9764 and 11398."""
    sentence = interop.went_wrong(1, b"", said.encode(), None)
    assert sentence is not None and said.split(": ")[-1].strip() in sentence
    assert interop.went_wrong(1, b"an answer", said.encode(), None) is None
    assert interop.went_wrong(0, b"", said.encode(), None) is None
