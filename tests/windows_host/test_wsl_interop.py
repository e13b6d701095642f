# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The connection plugin against real PowerShell as a Windows process, started by the kernel as on WSL.

Real here: PowerShell's engine, the kernel's binfmt_misc, Ansible's payload. Simulated: WSL's /init with its sockets,
the 9p mount, wslpath, whoami.exe.
"""

from __future__ import annotations

import json
import re
import subprocess
import time

import pytest

from tests.windows_host.driver import HERE, POWERSHELL, boot, remove

MODULES = ("-M", str(HERE / "modules"))
TEXT = 'it\'s "x" \u00e4 \u65e5\u672c \U0001f600 $env:TEMP `n C:\\x y; | & <>'


def test_a_module_runs_with_all_it_has(windows_host):
    arguments = {"text": TEXT, "entries": ["a b", "", "\u00fc"]}
    result = windows_host.ansible("probe", arguments, "--check", "--diff", *MODULES)
    assert result["text"] == TEXT and result["entries"] == ["a b", "", "\u00fc"]
    assert (result["system"], result["user"], result["here"]) == ("Win32NT", "erin", "C:\\")
    assert result["check_mode"] is True and result["changed"] is False
    assert result["diff"] == {"before": "before", "after": TEXT} and result["warnings"] == ["careful"]


def test_a_module_runs_with_the_oldest_ansible_core(windows_host):
    """Without C#: ansible-core 2.19 compiles it with a symbol writer of .NET's that the simulated host has not."""
    arguments = {"text": TEXT, "entries": ["a b", "", "\u00fc"]}
    result = windows_host.ansible("plain", arguments, "--check", *MODULES, oldest=True)
    assert result["text"] == TEXT and result["entries"] == ["a b", "", "\u00fc"]
    assert result["system"] == "Win32NT" and result["check_mode"] is True


def test_nothing_of_linux_crosses(windows_host):
    said = windows_host.run(
        "env",
        "SECRET=1",
        "WSLENV=SECRET",
        "ansible",
        "windows",
        "-i",
        "windows,",
        "-m",
        "probe",
        "-a",
        "text=x",
        *MODULES,
        "-e",
        "ansible_connection=wsltune.go.wsl_interop",
    )
    assert "USERPROFILE" in said.stdout and "SECRET" not in said.stdout
    assert "SECRET" in windows_host.run("env", "SECRET=1", "WSLENV=SECRET", POWERSHELL, "-Command", "gci env:").stdout


@pytest.mark.parametrize(
    "way",
    [
        ["sudo", "-n"],
        ["sudo", "-n", "-u", "alice", "env"],
        ["ssh", "-p", "{port}", "root@127.0.0.1"],
        ["systemd-run", "--quiet", "--pipe", "--wait"],
        ["setsid", "-w"],
        ["env", "-u", "WSL_INTEROP"],
        ["env", "WSL_INTEROP=/run/WSL/1_gone"],
    ],
    ids=lambda way: " ".join(way[:3]),
)
def test_it_works_from_every_kind_of_session(windows_host, way):
    port = windows_host.run("sed", "-n", "s/^Port //p", "/etc/ssh/sshd_config.d/port.conf").stdout.strip()
    command = f"cd {HERE.parents[1]} && /opt/ansible/runtime/bin/ansible windows -i windows, -m raw -a whoami.exe"
    command += " -e ansible_connection=wsltune.go.wsl_interop"
    words = [word.replace("{port}", port) for word in way]
    shell = [f"'{command}'"] if way[0] == "ssh" else [command]
    said = windows_host.run(*words, "sh", "-c", *shell)
    assert r"\erin" in said.stdout and "rc=0" in said.stdout


def test_raw_statements_give_their_code_and_errors_as_text(windows_host):
    said = windows_host.ansible_raw("'\u00e4 b'; cmd.exe /c exit 3")
    assert "\u00e4 b" in said.stdout and "rc=3" in said.stdout
    said = windows_host.ansible_raw("cmd.exe /c exit 256")
    assert "rc=1" in said.stdout
    said = windows_host.ansible_raw("Get-Item C:\\nowhere")
    assert "CLIXML" not in said.stdout and re.search(r"C:\\+nowhere", said.stdout) and "rc=1" in said.stdout


def test_time_is_up(windows_host):
    begin = time.monotonic()
    said = windows_host.ansible_raw("Start-Sleep 120", ansible_wsl_interop_command_timeout=5)
    assert "did not end within 5 s" in said.stdout and time.monotonic() - begin < 60
    assert "powershell.exe" not in windows_host.run("ps", "-eo", "args").stdout.lower()


def test_an_unelevated_session_is_told_from_an_elevated_one(windows_host):
    said = windows_host.ansible_raw("'ran'", ansible_wsl_interop_require_elevated=True, elevated=False)
    assert "has not the rights of a Windows administrator" in said.stdout and "rc=" not in said.stdout
    assert "'Run as administrator'" in said.stdout
    assert "rc=0" in windows_host.ansible_raw("'ran'", ansible_wsl_interop_require_elevated=True).stdout


def test_a_stale_socket_is_named(windows_host):
    windows_host.run(
        "python3", "-c", "import socket; s = socket.socket(socket.AF_UNIX); s.bind('/run/WSL/99999_interop'); s.close()"
    )
    said = windows_host.ansible_raw("'x'", ansible_wsl_interop_socket="/run/WSL/99999_interop")
    windows_host.run("rm", "/run/WSL/99999_interop")
    assert "/run/WSL/99999_interop does not answer" in said.stdout and "unset WSL_INTEROP" in said.stdout


@pytest.mark.parametrize(
    ("hidden", "sentence"),
    [
        ("/proc/sys/fs/binfmt_misc && echo enabled > /proc/sys/fs/binfmt_misc/status", "no entry WSLInterop"),
        ("/run/WSL", "There is no interop socket in /run/WSL"),
        ("/mnt/c/windows/system32/WindowsPowerShell", "No powershell.exe was found"),
    ],
)
def test_what_is_missing_is_named(windows_host, hidden, sentence):
    """Hidden for this one call, in a mount namespace of its own."""
    call = "ansible windows -i windows, -m raw -a whoami -e ansible_connection=wsltune.go.wsl_interop"
    said = windows_host.run("unshare", "-m", "sh", "-c", f"mount -t tmpfs tmpfs {hidden} && {call}", check=False)
    assert said.returncode != 0 and sentence in said.stdout


def test_a_program_that_is_none_to_the_kernel(windows_host):
    windows_host.run("sh", "-c", "printf '\\000\\001\\002' > /tmp/powershell.exe && chmod +x /tmp/powershell.exe")
    said = windows_host.ansible_raw("'x'", ansible_wsl_interop_powershell_executable="/tmp/powershell.exe")
    assert "exec format error" in said.stdout and "interop.enabled to true" in said.stdout


def test_files_come_and_go_unchanged(windows_host):
    said = windows_host.run("python", str(HERE / "transfer.py"), "500", "20")
    result = json.loads(said.stdout.splitlines()[-1])
    assert result["files"] == 500 and result["bytes"] > 20 * 1024 * 1024 and result["different"] == []


def test_a_file_that_cannot_be_written_is_named(windows_host):
    script = (
        "import sys; sys.argv = ['x', '0', '1']; sys.path.insert(0, 'tests/windows_host'); import runpy\n"
        "c = runpy.run_path('tests/windows_host/transfer.py', run_name='x')['connect']()\n"
        "put = lambda: c.put_file('/etc/hostname', r'C:\\nowhere\\x')\n"
        "for go in (put, lambda: c.fetch_file(r'C:\\gone', '/tmp/x')):\n"
        "    try: go()\n"
        "    except Exception as error: print(error)\n"
        "c.put_file('/etc/hostname', r'C:\\Users\\erin\\after'); print('went on'); c.close()\n"
    )
    lines = windows_host.run("python", "-c", script).stdout.splitlines()
    assert re.match(r"C:\\nowhere\\x could not be put: .*\.$", lines[0])
    assert re.match(r"C:\\gone could not be fetched: .*\.$", lines[1])
    assert lines[2] == "went on"


def test_two_hosts_at_once_and_no_trace(windows_host):
    other = boot(windows_host.name + "-2")
    try:
        other.powershell("New-Item -ItemType File -Path C:\\Users\\erin\\only-here")
        assert other.powershell("Test-Path C:\\Users\\erin\\only-here").strip() == "True"
        assert windows_host.powershell("Test-Path C:\\Users\\erin\\only-here").strip() == "False"
    finally:
        remove(other.name)
    assert windows_host.powershell("'still here'").strip() == "still here"
    assert "binfmt_misc" not in subprocess.run(["mount"], capture_output=True, text=True, check=True).stdout
