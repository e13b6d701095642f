# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: wsl_interop
short_description: Run tasks on the Windows host of this WSL distro
version_added: 1.0.0
description:
  - Runs PowerShell modules on the Windows host through WSL's interop, by starting C(powershell.exe) from inside the
    distro. Nothing has to be set up on Windows, neither WinRM nor SSH.
  - Ansible itself runs in the distro. The tasks run as the Windows user whose terminal or logon the distro was started
    from, with the rights of that session; being root in Linux changes nothing about them.
  - Only the interop socket of the caller's own session is used, as WSL itself picks it. Sockets of other sessions are
    never looked for, because one of them may be an administrator's.
author: wsltune contributors (@wsltune)
requirements:
  - WSL 2 with interop enabled
options:
  powershell_executable:
    description:
      - Linux path of C(powershell.exe).
      - When it is not set, the mount table tells where the Windows drive is; then PATH and C(wslpath) are asked.
    type: path
    vars:
      - name: ansible_wsl_interop_powershell_executable
    env:
      - name: ANSIBLE_WSL_INTEROP_POWERSHELL_EXECUTABLE
    ini:
      - section: wsl_interop_connection
        key: powershell_executable
  pwsh_executable:
    description: Linux path of C(pwsh.exe), for tasks with C(ansible_pwsh_interpreter=pwsh).
    type: path
    vars:
      - name: ansible_wsl_interop_pwsh_executable
    env:
      - name: ANSIBLE_WSL_INTEROP_PWSH_EXECUTABLE
    ini:
      - section: wsl_interop_connection
        key: pwsh_executable
  interop_socket:
    description: Path of the interop socket to use instead of the session's own.
    type: path
    vars:
      - name: ansible_wsl_interop_socket
    env:
      - name: ANSIBLE_WSL_INTEROP_SOCKET
    ini:
      - section: wsl_interop_connection
        key: interop_socket
  working_directory:
    description: Linux path of the folder on a Windows drive in which commands start; by default the root of the drive.
    type: path
    vars:
      - name: ansible_wsl_interop_working_directory
    env:
      - name: ANSIBLE_WSL_INTEROP_WORKING_DIRECTORY
    ini:
      - section: wsl_interop_connection
        key: working_directory
  command_timeout:
    description: Seconds after which a command or the transfer of a file is ended, with everything it has started.
    type: int
    default: 600
    vars:
      - name: ansible_wsl_interop_command_timeout
    env:
      - name: ANSIBLE_WSL_INTEROP_COMMAND_TIMEOUT
    ini:
      - section: wsl_interop_connection
        key: command_timeout
  require_elevated:
    description: Whether to refuse a session that has not an administrator's rights, before a task is run.
    type: bool
    default: false
    vars:
      - name: ansible_wsl_interop_require_elevated
    env:
      - name: ANSIBLE_WSL_INTEROP_REQUIRE_ELEVATED
    ini:
      - section: wsl_interop_connection
        key: require_elevated
  elevation:
    description:
      - How a command gets an administrator's rights. V(none) is for a WSL terminal that was started as administrator,
        or for tasks that need none.
      - V(sudo) is that of Windows 11, which has to be set to C(inline); V(gsudo) has to be installed. Both ask the
        person at the screen at every command.
    type: str
    choices: [none, sudo, gsudo]
    default: none
    vars:
      - name: ansible_wsl_interop_elevation
    env:
      - name: ANSIBLE_WSL_INTEROP_ELEVATION
    ini:
      - section: wsl_interop_connection
        key: elevation
  check_wsl:
    description: Whether to look at once if this is WSL and interop is on; otherwise the first command shows it.
    type: bool
    default: true
    vars:
      - name: ansible_wsl_interop_check_wsl
    env:
      - name: ANSIBLE_WSL_INTEROP_CHECK_WSL
    ini:
      - section: wsl_interop_connection
        key: check_wsl
notes:
  - Modules always travel over stdin (pipelining), whatever the setting of the other connections is.
  - Gathering facts needs C(ansible.windows); without it set C(gather_facts=false).
  - Exit codes keep eight bits on their way to Linux, so tell by the output rather than by a code above 255.
"""

EXAMPLES = r"""
# An inventory has it in one line: laptop ansible_connection=wsltune.go.wsl_interop

- name: Something on the Windows host that needs an administrator, checked before anything is run
  hosts: laptop
  gather_facts: false
  vars:
    ansible_wsl_interop_require_elevated: true
  tasks:
    - name: Who am I
      ansible.builtin.raw: whoami.exe
      changed_when: false
"""

import base64
import contextlib
import functools
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ansible_collections.wsltune.go.plugins.module_utils.linux import dialogue, files, look, mountinfo, programs
from ansible_collections.wsltune.go.plugins.module_utils.wsl import interop
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe
from ansible_collections.wsltune.go.plugins.module_utils.wsl import programs as wsl_programs

display = Display()

# Base64 of three bytes needs no padding in between, and the lines stay short enough to travel smoothly.
CHUNK = 3 * 65536
# Seconds for wslpath, which asks the Windows side.
WSLPATH = 10.0
# More than a line of the agreed kind can have.
LONGEST = 1 << 20


def _wslpath(windows_path: str) -> str | None:
    # Not by PATH, in which another account may write.
    program = programs.find_program("wslpath")
    if program is None:
        return None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(
            [program, "-u", windows_path], stdin=subprocess.DEVNULL, capture_output=True, timeout=WSLPATH, check=False
        )
        path = said.stdout.decode("utf-8", "surrogateescape").strip()
        if said.returncode == 0 and os.path.isfile(path):
            return path
    return None


def _find_in(folder: str, mounts: Sequence[mountinfo.Mount]) -> str | None:
    """Return the powershell.exe in a folder of PATH; as root none that another account can change."""
    path = shutil.which("powershell.exe", path=folder)
    # A Windows drive shows one account for all that is on it.
    if path and os.geteuid() == 0 and not wsl_programs.is_on_drive(mounts, os.path.realpath(path)):
        files.check_alone(path)
    return path


class Connection(ConnectionBase):
    """Starts Windows programs as a terminal in this distro would."""

    transport = "wsltune.go.wsl_interop"
    module_implementation_preferences = (".ps1", ".exe", "")
    allow_executable = False
    has_pipelining = True
    has_tty = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._shell_type = "powershell"
        super().__init__(*args, **kwargs)
        self._connected = False
        self._machine: wsl_judge.Machine | None = None
        self._mounts: list[mountinfo.Mount] = []
        self._own_socket: str | None = None
        self._powershell = ""
        self._folder: str | None = None
        self._transfer: _Transfer | None = None
        self._silent: dict[str, str] = {}

    def is_pipelining_enabled(self, wrap_async: bool = False) -> bool:
        """Return True: PowerShell reads every module from its standard input, so no file is copied for it."""
        return True

    # What is where

    def _connect(self) -> Connection:
        if self._connected:
            return self
        self._machine = wsl_observe.collect()
        if not os.environ.get("WSL_INTEROP"):
            self._own_socket = wsl_observe.find_own_socket(os.getpid())
        with contextlib.suppress(ValueError):
            self._mounts = wsl_judge.mounts_of(self._machine)
        if self.get_option("check_wsl"):
            refused = interop.refusal(self._machine, self.get_option("interop_socket"))
            if refused:
                raise AnsibleConnectionFailure(refused)
        self._powershell = self._find_powershell()
        self._folder = self._find_folder()
        self._connected = True
        display.vvv(f"WSL_INTEROP {self._powershell} in {self._folder}", host=self._host)
        if self.get_option("require_elevated") and self.get_option("elevation") == "none":
            self._check_elevated()
        return self

    @property
    def _host(self) -> str | None:
        host: str | None = self._play_context.remote_addr
        return host

    def _look(self, question: Callable[[str], Any], path: str, limit: float = look.LIMIT) -> Any:
        """Ask about a path in a child, because one on a drive or a share that is gone may never answer; None then."""
        try:
            return look.once(functools.partial(question, path), limit)
        except OSError as error:
            self._silent[path] = error.strerror or str(error)
            return None

    def _is_file(self, path: str) -> bool:
        return bool(self._look(os.path.isfile, path))

    def _missing(self, path: str, kind: str) -> str:
        """Say what is wrong with a path that was given."""
        reason = self._silent.get(path)
        return f"which gives no answer ({reason})" if reason else f"and no such {kind} is there"

    def _find_on_path(self) -> str | None:
        folders = dict.fromkeys(os.get_exec_path())
        questions = {folder: functools.partial(_find_in, folder, self._mounts) for folder in folders}
        answers, silent = look.each(questions)
        self._silent.update(silent)
        return next((answers[folder] for folder in folders if answers.get(folder)), None)

    def _find_powershell(self) -> str:
        given: str | None = self.get_option("powershell_executable")
        if given:
            if not self._is_file(given):
                raise AnsibleConnectionFailure(
                    f"ansible_wsl_interop_powershell_executable is {given!r}, {self._missing(given, 'file')}: give the "
                    "Linux path of powershell.exe, or leave it out and have it found."
                )
            return given
        found = (
            wsl_programs.find_program(self._mounts, interop.POWERSHELL, functools.partial(self._look, os.path.isfile))
            or self._find_on_path()
            or self._ask_wslpath("C:\\" + interop.POWERSHELL)
        )
        if not found:
            dead = "".join(f" ({path}: {reason})" for path, reason in list(self._silent.items())[:3])
            raise AnsibleConnectionFailure(
                "No powershell.exe was found: no Windows drive that is mounted here has "
                f"{interop.POWERSHELL}, and PATH has none{dead}; set automount.enabled to true in /etc/wsl.conf, or "
                "ansible_wsl_interop_powershell_executable to its Linux path."
            )
        return found

    def _find_folder(self) -> str:
        given: str | None = self.get_option("working_directory")
        if given:
            if not self._look(os.path.isdir, given):
                raise AnsibleConnectionFailure(
                    f"ansible_wsl_interop_working_directory is {given!r}, {self._missing(given, 'folder')}: give the "
                    "Linux path of a folder on a Windows drive."
                )
            return given
        mount = mountinfo.find(self._mounts, self._look(os.path.realpath, self._powershell) or self._powershell)
        return mount.mount_point if mount and mount.windows_drive else os.path.dirname(self._powershell)

    def _ask_wslpath(self, windows_path: str) -> str | None:
        # In a child as well: it may be one that not even SIGKILL ends, for which subprocess would wait.
        path: str | None = self._look(_wslpath, windows_path, WSLPATH + look.LIMIT)
        return path

    def _to_path(self, windows_path: str) -> str | None:
        path = wsl_programs.to_linux(self._mounts, windows_path)
        return path if path and self._is_file(path) else self._ask_wslpath(windows_path)

    def _check_elevated(self) -> None:
        whoami = self._to_path("C:\\" + interop.WHOAMI) or os.path.join(os.path.dirname(self._powershell), "whoami.exe")
        code, out, err = self._run([whoami, "/groups"], b"")
        if code == 0 and interop.is_high(out):
            return
        self._connected = False
        if code != 0:
            raise AnsibleConnectionFailure(
                f"Whether this session has an administrator's rights is unknown: {whoami} ended with {code} "
                f"({interop.excerpt(err) or 'no message'}); see that it runs, or set require_elevated to false."
            )
        raise AnsibleConnectionFailure(
            "This WSL session has not the rights of a Windows administrator (being root in Linux gives none): close "
            "it, start the terminal with 'Run as administrator' and run this again there."
        )

    # Running

    def _environment(self) -> dict[str, str]:
        return wsl_programs.environment(dict(os.environ), self.get_option("interop_socket") or self._own_socket)

    def _socket(self) -> str | None:
        # The session's; what it is told about is none that was only found.
        return self.get_option("interop_socket") or os.environ.get("WSL_INTEROP")

    def _start(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a Windows program in a process group of its own, so that it can be ended with all it started."""
        try:
            return subprocess.Popen(
                [to_bytes(word, errors="surrogate_or_strict") for word in argv],
                cwd=self._folder,
                env=self._environment(),
                start_new_session=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise AnsibleConnectionFailure(interop.not_started(error, argv[0])) from None

    def _took_too_long(self, what: str) -> AnsibleConnectionFailure:
        return AnsibleConnectionFailure(
            f"{what} did not end within {self.get_option('command_timeout')} s and was ended: raise "
            "ansible_wsl_interop_command_timeout, or see what waits for an answer on the Windows side."
        )

    def _run(self, argv: Sequence[str], data: bytes) -> tuple[int, bytes, bytes]:
        """Run a program with these bytes on its stdin, which is closed then: WSL would hand on the caller's own."""
        what = f"The command on the Windows host ({os.path.basename(argv[0])})"
        process = self._start(argv)
        talk = dialogue.Dialogue(process)
        try:
            code = talk.exchange(data, self.get_option("command_timeout"))
        except TimeoutError:
            raise self._took_too_long(what) from None
        except dialogue.TooMuchError:
            raise AnsibleConnectionFailure(interop.too_much(what, dialogue.MOST_OUTPUT)) from None
        finally:
            if process.returncode is None:
                dialogue.end(process)
            talk.close()
        out, err = bytes(talk.out), bytes(talk.err)
        failure = interop.went_wrong(code, out, err, self._socket(), self.get_option("elevation"))
        if failure:
            raise AnsibleConnectionFailure(failure)
        return code, out, err

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a command on the Windows side; return its code and output, the error output without CLIXML."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        try:
            command = interop.command_for(
                to_text(cmd, errors="surrogate_or_strict"),
                self._powershell,
                self.get_option("pwsh_executable"),
                self._to_path,
            )
            argv = interop.elevated(command.argv, self.get_option("elevation"), self._to_path)
        except ValueError as error:
            raise AnsibleError(str(error)) from error
        display.vvvvv(f"WSL_INTEROP EXEC {argv}", host=self._host)
        code, out, err = self._run(argv, in_data or b"")
        return code, out, interop.decode_clixml(err) if command.wrapped else err

    # Files

    def _files(self) -> _Transfer:
        """Return the PowerShell that keeps the files going; one for all files of this connection."""
        if self._transfer is None:
            self._transfer = _Transfer(self)
        return self._transfer

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of this distro to Windows; raise AnsibleFileNotFound where there is none."""
        super().put_file(in_path, out_path)
        display.vvv(f"PUT {in_path} TO {out_path}", host=self._host)
        if not os.path.isfile(to_bytes(in_path, errors="surrogate_or_strict")):
            raise AnsibleFileNotFound(f"There is no file {in_path} to put to {out_path}.")
        self._files().put(in_path, out_path)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of Windows to this distro."""
        super().fetch_file(in_path, out_path)
        display.vvv(f"FETCH {in_path} TO {out_path}", host=self._host)
        self._files().get(in_path, out_path)

    def reset(self) -> None:
        """Look for PowerShell and the drives again."""
        self.close()
        self._connect()

    def close(self) -> None:
        """End the PowerShell of the transfers, if one was started."""
        if self._transfer is not None:
            self._transfer.close()
            self._transfer = None
        self._connected = False


class _Transfer:
    """The Linux end of interop.TRANSFER_SCRIPT."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        argv = interop.elevated(
            interop.transfer_argv(connection._powershell), connection.get_option("elevation"), connection._to_path
        )
        self.process = connection._start(argv)
        self.talk = dialogue.Dialogue(self.process)
        self.deadline = 0.0
        before = b""
        with self.watched("start", "the PowerShell for files"):
            # Whatever a policy or a logon script prints comes before it.
            while (line := self.talk.line(self.deadline, LONGEST)).strip() != b"ready":
                if not line:
                    raise self.broken(before)
                before += line[: LONGEST - len(before)]

    @contextlib.contextmanager
    def watched(self, verb: str, path: str) -> Iterator[None]:
        """End the process when this takes too long, and say what a broken pipe means."""
        self.deadline = time.monotonic() + self.connection.get_option("command_timeout")
        what = f"The transfer ({verb} {path})"
        try:
            yield
        except TimeoutError:
            self.end()
            raise self.connection._took_too_long(what) from None
        except dialogue.TooMuchError:
            self.end()
            raise AnsibleConnectionFailure(interop.too_much(what, dialogue.MOST_OUTPUT)) from None

    def end(self) -> None:
        """End the process; the next file starts a new one."""
        self.connection._transfer = None
        dialogue.end(self.process)
        self.talk.close()

    def broken(self, said: bytes = b"") -> AnsibleConnectionFailure:
        """Say what it means that there is no answer, or none that was agreed on; what PowerShell printed is in it."""
        self.talk.rest(self.deadline)
        code = self.talk.wait(self.deadline)
        out, err = said + bytes(self.talk.out), bytes(self.talk.err)
        self.end()
        failure = interop.went_wrong(code, out, err, self.connection._socket(), self.connection.get_option("elevation"))
        return AnsibleConnectionFailure(failure or interop.ended_early(code, interop.decode_clixml(err).strip() or out))

    def write(self, *parts: bytes) -> None:
        try:
            self.talk.send(b"".join(parts) + b"\n", self.deadline)
        except BrokenPipeError as error:
            raise self.broken() from error

    def read(self) -> bytes:
        return self.talk.line(self.deadline, LONGEST).rstrip(b"\r\n")

    def answer(self, verb: str, path: str) -> bytes:
        line = self.read()
        if line.startswith(b"no "):
            reason = base64.b64decode(line[3:]).decode("utf-8", "replace").strip().rstrip(".")
            raise AnsibleError(f"{path} could not be {verb}: {reason}.")
        if line and not line.startswith((b"ok ", b"+", b"dir")):
            raise self.broken(line)
        if not line:
            raise self.broken()
        return line

    @staticmethod
    def name(path: str) -> bytes:
        return base64.b64encode(to_bytes(path, errors="surrogate_or_strict"))

    def same(self, sent: str, line: bytes, path: str) -> None:
        if line[3:].decode("ascii", "replace") != sent:
            raise AnsibleError(
                f"{path} did not arrive as it was sent (SHA-256 {line[3:].decode('ascii', 'replace')} instead of "
                f"{sent}): something on the Windows side changes it as it is written; run this again."
            )

    def put(self, in_path: str, out_path: str) -> None:
        total = hashlib.sha256()
        with open(to_bytes(in_path, errors="surrogate_or_strict"), "rb") as source, self.watched("put", out_path):
            self.write(b"put ", self.name(out_path))
            while chunk := source.read(CHUNK):
                total.update(chunk)
                self.write(b"+", base64.b64encode(chunk))
            self.write(b"end")
            self.same(total.hexdigest(), self.answer("put", out_path), out_path)

    def get(self, in_path: str, out_path: str) -> None:
        total = hashlib.sha256()
        with self.watched("fetch", in_path):
            self.write(b"get ", self.name(in_path))
            line = self.answer("fetched", in_path)
            if line == b"dir":
                return
            with open(to_bytes(out_path, errors="surrogate_or_strict"), "wb") as target:
                while line.startswith(b"+"):
                    chunk = base64.b64decode(line[1:])
                    total.update(chunk)
                    target.write(chunk)
                    line = self.answer("fetched", in_path)
            self.same(total.hexdigest(), line, in_path)

    def close(self) -> None:
        """Let PowerShell end by itself, which it does when its stdin ends."""
        try:
            self.talk.rest(time.monotonic() + 10)
            self.process.wait(10)
        except (TimeoutError, subprocess.TimeoutExpired, dialogue.TooMuchError):
            dialogue.end(self.process)
        self.talk.close()
