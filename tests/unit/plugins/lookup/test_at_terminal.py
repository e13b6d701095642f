# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import pty
import re
import subprocess

import pytest

from ansible_collections.wsltune.go.plugins.lookup.at_terminal import is_terminal

ASK = ["ansible", "localhost", "-c", "local", "-i", "localhost,", "-m", "debug"]


def said(argument: str, **streams) -> str:
    command = [*ASK, "-a", argument]
    return subprocess.run(command, stderr=subprocess.STDOUT, timeout=120, check=False, **streams).stdout or ""


def at_a_terminal(argument: str) -> str:
    """What a run prints whose input, output and errors are a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen([*ASK, "-a", argument], stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    text = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        text += part
    process.wait(timeout=120)
    os.close(leader)
    return text.decode()


QUESTION = "msg=found-{{ lookup('wsltune.go.at_terminal') }}"


def test_a_person_is_told_from_a_job():
    assert re.search("found-True", at_a_terminal(QUESTION))
    assert re.search("found-False", said(QUESTION, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True))


def test_input_alone_is_no_person():
    leader, follower = pty.openpty()
    try:
        assert "found-False" in said(QUESTION, stdin=follower, stdout=subprocess.PIPE, text=True)
    finally:
        os.close(leader)
        os.close(follower)


@pytest.mark.parametrize("process", [2**22 + 1, "this one"])
def test_what_is_not_there_is_no_terminal(process):
    assert not is_terminal(os.getpid() if process == "this one" else process, 9999)


def test_it_takes_no_arguments():
    assert "at_terminal takes no arguments" in at_a_terminal("msg={{ lookup('wsltune.go.at_terminal', 1) }}")
