# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: image_root
short_description: Run tasks in an unpacked root file system, which is not started
version_added: 1.0.0
description:
  - Runs each command by chroot(8) in mount and process namespaces of its own, with C(/proc), a C(/dev) of harmless
    devices and an empty C(/run). So nothing stays mounted and nothing keeps running when it has ended.
  - The programs of the root file system run as root on this machine, and this is no sandbox. Take root file systems
    that you trust.
  - No service is started, because there is no systemd that could.
author: wsltune contributors (@wsltune)
requirements:
  - root on the machine where Ansible runs, and C(unshare) of util-linux
options:
  root:
    description: Folder of the root file system.
    type: path
    required: true
    vars:
      - name: ansible_image_root
  epoch:
    description: What C(SOURCE_DATE_EPOCH) says to programs in there, in seconds.
    type: int
    default: 0
    vars:
      - name: ansible_image_epoch
  command_timeout:
    description:
      - Seconds after which a command is ended, with everything it has started. An hour leaves room for the packages of
        an image and for a build that warms the cache.
    type: int
    default: 3600
    vars:
      - name: ansible_image_command_timeout
notes:
  - Modules always travel over stdin (pipelining). Python in the root file system writes no bytecode.
"""

EXAMPLES = r"""
- name: Look into a root file system
  hosts: image
  gather_facts: false
  vars:
    ansible_connection: wsltune.go.image_root
    ansible_image_root: /var/tmp/image/root
    ansible_python_interpreter: /usr/bin/python3
    ansible_become: false
  tasks:
    - name: What distribution it is
      ansible.builtin.command: cat /etc/os-release
      changed_when: false
"""

import os
import shlex
import subprocess

from ansible.errors import AnsibleConnectionFailure, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ansible_collections.wsltune.go.plugins.module_utils.linux import dialogue, programs

display = Display()

NOT_ENTERED = 97
"""Exit code of the script below where the root file system could not be entered."""
APT_SETTINGS = "/run/apt.conf"
"""In there, what has apt check signatures as root: an account of this machine that has the number of C(_apt) in there
could go in by C(/proc/PID/root), past the mode of the folder, and write where root works.
"""
# Runs in namespaces of its own. The devices are those that every program expects, and none of a disk.
ENTER = f"""
umask 022
root=$1
shift
{{
    mount -t proc -o nosuid,nodev,noexec proc "$root/proc" &&
    mount -t tmpfs -o mode=0755,nosuid,noexec tmpfs "$root/dev" &&
    mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs "$root/run" &&
    for name in null zero full random urandom tty; do
        : >"$root/dev/$name" && mount --bind "/dev/$name" "$root/dev/$name" || exit {NOT_ENTERED}
    done &&
    ln -s /proc/self/fd "$root/dev/fd" &&
    mkdir -m 1777 "$root/dev/shm" &&
    echo 'APT::Sandbox::User "root";' >"$root{APT_SETTINGS}"
}} || exit {NOT_ENTERED}
exec chroot "$root" "$@"
"""
NAMESPACES = ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child"]
INSIDE = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of programs in there."""
PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class Connection(ConnectionBase):
    """Runs commands in a root file system."""

    transport = "wsltune.go.image_root"
    has_pipelining = True
    has_tty = False

    def is_pipelining_enabled(self, wrap_async: bool = False) -> bool:
        """Return True: Python reads every module from its standard input, so no file is copied for it."""
        return True

    def _connect(self) -> Connection:
        if self._connected:
            return self
        root = self.get_option("root")
        if os.geteuid() != 0:
            raise AnsibleConnectionFailure(
                f"only root can enter the root file system {root}: run ansible-playbook as root"
            )
        if not os.path.isfile(os.path.join(root, "etc/passwd")):
            raise AnsibleConnectionFailure(
                f"ansible_image_root is {root}, which has no etc/passwd: give the folder of one"
            )
        self._connected = True
        return self

    def _environment(self) -> dict[str, str]:
        """Return what programs in there see of this machine's environment, and what a build asks of them."""
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        own = {
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "DEBIAN_FRONTEND": "noninteractive",
            "APT_CONFIG": APT_SETTINGS,
            "SOURCE_DATE_EPOCH": str(self.get_option("epoch")),
        }
        return {**passed, **own}

    def _run(self, words: list[str], data: bytes | None) -> tuple[int, bytes, bytes]:
        root = self.get_option("root")
        enter = [*NAMESPACES, "/bin/sh", "-c", ENTER, "sh", root]
        command = [*enter, "/usr/bin/env", f"PATH={INSIDE}", *words]
        code, out, err = self._talk([to_bytes(word) for word in command], data or b"")
        if code == NOT_ENTERED:
            reason = to_text(err).strip().splitlines()
            raise AnsibleConnectionFailure(
                f"{root} cannot be entered: {reason[0] if reason else 'no reason was given'}"
            )
        return code, out, err

    def _talk(self, command: list[bytes], data: bytes) -> tuple[int, bytes, bytes]:
        """Run a program with an end in time and in size; return its code, output and error output."""
        pipe = subprocess.PIPE
        # No program by a PATH in which another account may write, and no argument with a proxy's password in it.
        own = {**self._environment(), **programs.own_path()}
        program = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, env=own)
        talk = dialogue.Dialogue(program)
        limit = self.get_option("command_timeout")
        what = f"The command in {self.get_option('root')}"
        try:
            code = talk.exchange(data, limit)
        except TimeoutError:
            raise AnsibleConnectionFailure(
                f"{what} did not end within {limit} s and was ended: raise ansible_image_command_timeout, or see what"
                " it waits for"
            ) from None
        except dialogue.TooMuchError:
            raise AnsibleConnectionFailure(
                f"{what} printed more than {dialogue.MOST_OUTPUT >> 20} MiB and was ended: have it print less"
            ) from None
        finally:
            if program.returncode is None:
                dialogue.end(program)
            talk.close()
        return code, bytes(talk.out), bytes(talk.err)

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a command in the image's root; return its code, output and error output."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        display.vvv(f"IMAGE_ROOT EXEC {cmd}", host=self.get_option("root"))
        return self._run(["/bin/sh", "-c", to_text(cmd)], in_data)

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file into the image; raise AnsibleFileNotFound where there is none."""
        super().put_file(in_path, out_path)
        try:
            with open(to_bytes(in_path), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            raise AnsibleFileNotFound(f"There is no file {in_path} to put to {out_path}.") from None
        # By a program in there, because a link on the way counts in there.
        code, _out, err = self._run(["/bin/sh", "-c", f"umask 077 && cat > {shlex.quote(out_path)}"], data)
        if code != 0:
            raise AnsibleConnectionFailure(f"{out_path} cannot be written: {to_text(err).strip()}")

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file out of the image; raise AnsibleConnectionFailure where it cannot be read."""
        super().fetch_file(in_path, out_path)
        code, out, err = self._run(["/bin/cat", in_path], None)
        if code != 0:
            raise AnsibleConnectionFailure(f"{in_path} cannot be read: {to_text(err).strip()}")
        with open(to_bytes(out_path), "wb") as file:
            file.write(out)

    def close(self) -> None:
        """Forget the connection; nothing of it runs between two commands."""
        self._connected = False
