# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How Windows programs are started from inside WSL: which one, with which words, and what a failure means."""

from __future__ import annotations

import base64
import errno
import os
import re
import signal
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge

POWERSHELL = r"Windows\System32\WindowsPowerShell\v1.0\powershell.exe"
WHOAMI = r"Windows\System32\whoami.exe"

# CreateProcess takes no more than 32767 characters; some are for the path of the program.
LONGEST_COMMAND = 32000

# Mandatory levels High and System in `whoami /groups`; their names are translated, the numbers are not.
_HIGH_LEVELS = re.compile(rb"S-1-16-(12288|16384)\b")

# A word of the command lines that Ansible's shell plugin makes: bare, or quoted as PowerShell does.
_WORD = re.compile(r"\s*(?:'((?:[^']|'')*)'|([^\s';|&<>(){}`$\"]+))(?=\s|\Z)")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_BEFORE = (
    "$ProgressPreference = 'SilentlyContinue'; "
    "try { [Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false } catch { }\n"
)
# Linux keeps eight bits of an exit code, in which 256 would look like success.
_AFTER = (
    "\nif (-not $?) { $code = if (Test-Path Variable:LASTEXITCODE) { $LASTEXITCODE } else { 1 }; "
    "if (-not ($code -band 255)) { $code = 1 }; exit $code }"
)
# Of what a program prints no more than this gets into a message.
_LOOKED_AT = 1 << 16
_SHOWN = 600
_LOST = re.compile(rb"Util[A-Z]\w{1,40}:\d|WSL \(\d{1,10}\b|connect failed")
# WSL's own init has the program's path before it.
_BROKEN = re.compile(rb"\.exe: Invalid argument\s*\Z")
# What an operation on a drive ends with whose server on the Windows side has gone, as after a sleep of Windows.
_GONE = (
    errno.EIO,
    errno.ESTALE,
    errno.ENOTCONN,
    errno.ECONNRESET,
    errno.ECONNABORTED,
    errno.EHOSTDOWN,
    errno.EREMOTEIO,
    errno.ENODEV,
    errno.ENXIO,
    errno.ETIMEDOUT,
)
_REGISTER = "register it again with sudo sh -c 'echo :WSLInterop:M::MZ::/init:PF > /proc/sys/fs/binfmt_misc/register'"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Command:
    """What to start. C(wrapped) is true where a statement of the caller's was put into a PowerShell of ours."""

    argv: list[str]
    wrapped: bool = False


def words(command: str) -> list[str] | None:
    """Return the words of a statement that is one plain call of a program, or None for anything else."""
    text = command.strip()
    if text.startswith("&"):
        text = text[1:]
    parts = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _WORD.match(text, place)
        if match is None:
            return None
        parts.append(match.group(2) if match.group(1) is None else match.group(1).replace("''", "'"))
        place = match.end()
    return parts or None


def powershell_argv(powershell: str, script: str) -> list[str]:
    """Return the words that have PowerShell run a script; in base64 nothing is quoted or translated on the way."""
    encoded = base64.b64encode(script.encode("utf-16-le")).decode("ascii")
    switches = ["-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Unrestricted", "-EncodedCommand"]
    return [powershell, *switches, encoded]


def command_for(
    command: str, powershell: str, pwsh: str | None = None, to_path: Callable[[str], str | None] | None = None
) -> Command:
    """Return what to start for a command that Ansible hands over.

    Its own calls of PowerShell become words as they are: nothing is quoted again. PowerShell 7 is not put in the place
    of 5.1 or the other way round, because Ansible's payload would start the one it was made for once more. Everything
    else is a statement in PowerShell's language and gets a PowerShell around it.
    """
    parts = words(command)
    if parts and any(word.lower() == "-encodedcommand" for word in parts[1:]):
        program = parts[0]
        name = re.split(r"[\\/]", program)[-1].lower()
        name = name[:-4] if name.endswith(".exe") else name
        if re.match(r"[A-Za-z]:[\\/]|\\\\", program):
            path = to_path(program) if to_path else None
            if path is None:
                raise ValueError(
                    f"ansible_pwsh_interpreter is {program!r}, which lies on no Windows drive that is mounted here: "
                    "give the path of a program on a mounted drive, or powershell."
                )
            return Command([path, *parts[1:]])
        if name == "powershell":
            return Command([powershell, *parts[1:]])
        if name == "pwsh":
            if pwsh is None:
                raise ValueError(
                    "The task asks for PowerShell 7 (pwsh), and ansible_wsl_interop_pwsh_executable does not say where "
                    "it is: set it to the Linux path of pwsh.exe."
                )
            return Command([pwsh, *parts[1:]])
    argv = powershell_argv(powershell, _BEFORE + command + _AFTER)
    if sum(len(word) + 1 for word in argv) > LONGEST_COMMAND:
        raise ValueError(
            f"The command has {len(command)} characters, and Windows takes a command line of 32767 in all: put it into "
            "a script and run that."
        )
    return Command(argv, wrapped=True)


def elevated(argv: Sequence[str], how: str, to_path: Callable[[str], str | None]) -> list[str]:
    """Return the words that have C(how) start a program as an administrator; the person at the screen is asked."""
    if how == "none":
        return list(argv)
    program = r"C:\Windows\System32\sudo.exe" if how == "sudo" else r"C:\Program Files\gsudo\Current\gsudo.exe"
    path = to_path(program)
    if path is None:
        raise ValueError(
            f"ansible_wsl_interop_elevation is {how}, and {program} is not there: install it, or start a WSL terminal "
            "as administrator instead."
        )
    return [path, "--inline" if how == "sudo" else "--direct", *argv]


def is_high(groups: bytes) -> bool:
    """Return whether C(whoami /groups) shows the token of an administrator that is elevated."""
    return _HIGH_LEVELS.search(groups) is not None


def refusal(machine: wsl_judge.Machine, socket: str | None = None) -> str | None:
    """Say why no Windows program can be started from here, with what to do; None where nothing speaks against it."""
    if not wsl_judge.is_wsl(machine):
        return (
            "This is not WSL, so there is no Windows host behind it: run Ansible in a WSL distro of that host, "
            "or reach it by psrp, winrm or ssh."
        )
    state = wsl_judge.interop(machine)
    restart = wsl_judge.restart_command(machine)
    if state["enabled"] is not False:
        return None
    reason = state["reason"].rstrip(".")
    if not machine.binfmt_entries:
        return f"{reason}: restart WSL with wsl.exe --shutdown, or {_REGISTER}."
    if machine.interop_sockets:
        return f"{reason}: switch it on with sudo sh -c 'echo 1 > /proc/sys/fs/binfmt_misc/{_off(machine)}'."
    if socket:
        return None
    return f"{reason}: set interop.enabled to true in /etc/wsl.conf, then run {restart} in Windows."


def _off(machine: wsl_judge.Machine) -> str:
    disabled = (machine.binfmt_status or "").strip() == "disabled"
    return "status" if disabled else sorted(machine.binfmt_entries)[0]


def not_started(error: OSError, program: str, exists: Callable[[str], bool] = os.path.exists) -> str:
    """Say why the kernel did not start a Windows program, with what to do."""
    if error.errno == errno.ENOEXEC:
        return (
            f"{program} is no program to this kernel (exec format error), so WSL's interop is off: set interop.enabled "
            f"to true in /etc/wsl.conf and run wsl.exe --shutdown in Windows, or {_REGISTER}."
        )
    named = os.fsdecode(error.filename or program)
    if error.errno in _GONE:
        return (
            f"The drive with {named} does not answer ({error.strerror}): restart WSL with wsl.exe --shutdown in "
            "Windows, or mount the drive again with sudo mount."
        )
    if named != program and not (error.errno == errno.ENOENT and exists(named)):
        what = "is not there" if error.errno == errno.ENOENT else f"cannot be entered ({error.strerror})"
        return (
            f"The working directory {named} {what}: set ansible_wsl_interop_working_directory to a folder on a Windows "
            "drive, or leave it out."
        )
    if error.errno == errno.ENOENT:
        if exists(program):
            return (
                f"{program} is there, and what the kernel starts such programs with is not, so WSL's interop is "
                f"broken: restart WSL with wsl.exe --shutdown in Windows, or {_REGISTER}."
            )
        return f"{program} is not there: set ansible_wsl_interop_powershell_executable to the path of powershell.exe."
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{program} may not be started ({error.strerror}): it asks for an administrator, or the drive is mounted "
            "with noexec or a mask that takes the execute bit; start a WSL terminal as administrator or fix "
            "automount.options in /etc/wsl.conf."
        )
    if error.errno in (errno.ENOMEM, errno.EAGAIN):
        return (
            f"{program} could not be started ({error.strerror}): this distro has no memory or no process left, so end "
            "other programs, then run this again."
        )
    if error.errno == errno.E2BIG:
        return (
            f"{program} could not be started ({error.strerror}): the command or the environment is too long, so put "
            "the command into a script, or unset long variables."
        )
    return f"{program} could not be started ({error.strerror}): see dmesg."


def went_wrong(code: int, out: bytes, err: bytes, socket: str | None, elevation: str = "none") -> str | None:
    """Say what a failure of the way to Windows means, with what to do; None where the command itself has failed.

    A program may print anything, a line of megabytes too: what is looked at is short, and each part of it once.
    """
    if code == 0:
        return None
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return (
            f"The program on the way to Windows was ended from outside ({name}), as when memory runs out or someone "
            "kills it: see dmesg, then run this again."
        )
    if not out.strip() and _BROKEN.search(err[-_SHOWN:]):
        return (
            f"Windows did not start the program ({excerpt(err[-_SHOWN:])}): restart WSL with wsl.exe --shutdown in "
            "Windows, then run this again."
        )
    lost = None if out.strip() else _lost_line(err)
    if lost:
        which = f"WSL's interop socket {socket}" if socket else "WSL's interop socket of this session"
        return (
            f"{which} does not answer ({lost}): open a new WSL terminal, or in this one "
            "(tmux and screen keep the socket of one that is gone) run unset WSL_INTEROP."
        )
    if code == 231 and elevation == "gsudo":
        return "gsudo did not get an administrator's rights: confirm its question on the Windows screen in time."
    if any(b"ConstrainedLanguage" in output for output in (err, out)):
        return (
            "PowerShell on the Windows host is held in ConstrainedLanguage mode by an application control policy, in "
            "which Ansible's modules do not run: have the policy's owner allow them, or have these settings rolled out "
            "by the same management."
        )
    return None


def _lost_line(err: bytes) -> str | None:
    """Return the line in which WSL's own init says that it reached nobody, short enough for a message."""
    match = _LOST.search(err)
    if not match:
        return None
    begin = max(match.start() - 80, err.rfind(b"\n", 0, match.start()) + 1)
    begin = begin if match.group(0) == b"connect failed" else match.start()
    return excerpt(err[begin : begin + 2 * _SHOWN].splitlines()[0])


def excerpt(output: bytes) -> str:
    """Return what a program printed, for a message: without control characters, and not all of something long."""
    words = output[:_LOOKED_AT].decode("utf-8", "replace")
    shown = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."


def too_much(what: str, most: int) -> str:
    """Say that a program printed more than `most` bytes, with what to do."""
    return (
        f"{what} printed more than {most >> 20} MiB and was ended: let it write to a file there, and fetch what is "
        "needed of it."
    )


def ended_early(code: int, output: bytes) -> str:
    """Say what to report where PowerShell ended while files were transferred."""
    shown = excerpt(output).rstrip(".") or "it printed nothing"
    return (
        f"PowerShell on the Windows host ended with {code} while files were transferred ({shown}): run this again; "
        "if it ends again, see Windows' event log for what ends it."
    )


def decode_clixml(data: bytes) -> bytes:
    """Return errors that PowerShell serialized to stderr as the text a person would have seen; other bytes stay."""
    marker = b"#< CLIXML"
    start = data.find(marker)
    if start < 0:
        return data
    begin = data.find(b"<Objs", start)
    end = data.rfind(b"</Objs>")
    if begin < 0 or end < begin:
        return data
    text = data[begin : end + 7].decode("utf-8", "replace")
    if "<!" in text:
        # PowerShell writes no declarations, and entities can grow without end.
        return data
    lines = []
    for document in re.findall(r"<Objs.*?</Objs>", text, re.DOTALL):
        try:
            root = ET.fromstring(document)
        except ET.ParseError:
            return data
        for entry in root.iter():
            if entry.tag.rpartition("}")[2] == "S" and entry.get("S") == "Error":
                lines.append(_ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), entry.text or ""))
    decoded = _COLOUR.sub("", "".join(lines))
    # What was two halves of one character becomes that character again.
    whole = decoded.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return data[:start] + whole.encode("utf-8") + data[end + 7 :].lstrip(b"\r\n")


# Keeps files going both ways in one PowerShell: a line in is a request, and each request has one line as its end.
#   put PATH, then +DATA..., then end   ->  ok SHA256
#   get PATH                            ->  dir, or +DATA... and ok SHA256
# Everything that is not a keyword or a hash is base64, so no code page and no quoting touches it. A failure is
# `no MESSAGE`. The hash of what was put is that of the file as read back.
TRANSFER_SCRIPT = r"""
begin {
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    $utf8 = New-Object System.Text.UTF8Encoding $false
    $out = [Console]::Out
    $stream = $null
    $path = $null
    $trouble = $null
    function Get-Sum([string]$file) {
        $sha = [Security.Cryptography.SHA256]::Create()
        $reader = New-Object IO.FileStream $file, 'Open', 'Read', 'ReadWrite'
        try { [BitConverter]::ToString($sha.ComputeHash($reader)).Replace('-', '').ToLowerInvariant() }
        finally { $reader.Dispose(); $sha.Dispose() }
    }
    function Get-Reason($record) {
        $reason = $record.Exception
        while ($reason.InnerException) { $reason = $reason.InnerException }
        'no ' + [Convert]::ToBase64String($utf8.GetBytes($reason.Message))
    }
    $out.WriteLine('ready'); $out.Flush()
}
process {
    $line = [string]$_
    try {
        if ($line.StartsWith('+')) {
            if ($null -ne $stream) {
                $bytes = [Convert]::FromBase64String($line.Substring(1))
                $stream.Write($bytes, 0, $bytes.Length)
            }
        }
        elseif ($line.StartsWith('put ')) {
            $trouble = $null
            $path = $utf8.GetString([Convert]::FromBase64String($line.Substring(4)))
            $stream = New-Object IO.FileStream $path, 'Create', 'Write', 'Read'
        }
        elseif ($line -eq 'end') {
            if ($null -ne $stream) { $stream.Dispose(); $stream = $null }
            if ($null -eq $trouble) { $out.WriteLine('ok ' + (Get-Sum $path)) } else { $out.WriteLine($trouble) }
            $out.Flush()
        }
        elseif ($line.StartsWith('get ')) {
            $path = $utf8.GetString([Convert]::FromBase64String($line.Substring(4)))
            if ([IO.Directory]::Exists($path)) { $out.WriteLine('dir') }
            else {
                $sha = [Security.Cryptography.SHA256]::Create()
                $reader = New-Object IO.FileStream $path, 'Open', 'Read', 'ReadWrite'
                try {
                    $buffer = New-Object byte[] 196608
                    while (($count = $reader.Read($buffer, 0, $buffer.Length)) -gt 0) {
                        $null = $sha.TransformBlock($buffer, 0, $count, $buffer, 0)
                        $out.WriteLine('+' + [Convert]::ToBase64String($buffer, 0, $count))
                    }
                    $null = $sha.TransformFinalBlock($buffer, 0, 0)
                    $out.WriteLine('ok ' + [BitConverter]::ToString($sha.Hash).Replace('-', '').ToLowerInvariant())
                }
                finally { $reader.Dispose() }
            }
            $out.Flush()
        }
    }
    catch {
        if ($null -ne $stream) { $stream.Dispose(); $stream = $null }
        $trouble = Get-Reason $_
        if ($line -eq 'end' -or $line.StartsWith('get ')) { $out.WriteLine($trouble); $out.Flush() }
    }
}
"""


def transfer_argv(powershell: str) -> list[str]:
    """Return the words that start the PowerShell which reads and writes the files of a connection."""
    return powershell_argv(powershell, "\n".join(line.strip() for line in TRANSFER_SCRIPT.splitlines() if line.strip()))
