#!/usr/bin/env python3
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many light machines to test on: real SSH hosts over one image, a hundred of them in seconds.

    tests/containers/light.py up FOLDER PORT NAME=ADDRESS...     addresses of the loopback interface: 127.0.3.1
    tests/containers/light.py down FOLDER

A host is an overlay over the image's files, with mounts, processes and a name of its own; it boots by wsl-init, as a
distro without systemd does. All hosts of a folder live below one process, in one mount and one PID namespace. However
that process ends, the kernel ends the hosts and forgets their mounts and what they wrote, which lay in memory.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEY = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wsltune/ssh/id_ed25519"
SECONDS = 60.0
"""What all hosts together may take to answer."""
BOOT = """
set -e
cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755,nosuid tmpfs dev
for node in null zero full random urandom tty; do touch dev/$node; mount --bind /dev/$node dev/$node; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
hostname "$2"
pivot_root . mnt
umount -l /mnt
exec /usr/local/sbin/wsl-init
"""


def list_layers(image: str = "trixie") -> str:
    """Return the folders of a test image's files as an overlay takes them; build the image where there is none."""
    name = subprocess.run([HERE / "build.sh", image], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    form = "{{.GraphDriver.Data.UpperDir}}:{{.GraphDriver.Data.LowerDir}}"
    asked = [HERE / "podman.sh", "podman", "image", "inspect", "--format", form, name]
    return subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def make_inventory(hosts: Mapping[str, str], port: int) -> dict[str, dict[str, object]]:
    """Return how Ansible reaches each host."""
    checks = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    return {
        name: {
            "ansible_host": address,
            "ansible_port": port,
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": str(KEY),
            "ansible_ssh_common_args": checks,
        }
        for name, address in hosts.items()
    }


def start(
    folder: Path, port: int, hosts: Mapping[str, str], layers: str, stays: bool = True
) -> subprocess.Popen[bytes]:
    """Start the hosts and return the process that holds them; without C(stays) it ends when this one does."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hosts.json").write_text(json.dumps({"port": port, "hosts": dict(hosts), "layers": layers}))

    def follow() -> None:
        if not stays:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with (folder / "log").open("wb") as log:
        keeper = subprocess.Popen(
            [*unshare, sys.executable, str(Path(__file__).resolve()), "keep", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=follow,  # noqa: PLW1509 (nothing else runs in this process)
        )
    (folder / "pid").write_text(f"{keeper.pid} {read_start(keeper.pid)}")
    end = time.monotonic() + SECONDS
    waits = dict(hosts)
    while waits:
        waits = {name: address for name, address in waits.items() if not answers(address, port)}
        if waits and (time.monotonic() > end or keeper.poll() is not None):
            keeper.kill()
            raise SystemExit(f"light.py: {', '.join(waits)} did not come up: {(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.1)
    return keeper


def answers(address: str, port: int) -> bool:
    """Return whether an sshd says its first line."""
    try:
        with socket.create_connection((address, port), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def read_start(pid: int) -> str:
    """Return when a process began; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def stop(folder: Path) -> bool:
    """End the hosts of a folder and return whether any ran."""
    try:
        pid, began = (folder / "pid").read_text().split()
    except (OSError, ValueError):
        return False
    (folder / "pid").unlink()
    if read_start(int(pid)) != began:
        return False
    os.kill(int(pid), signal.SIGKILL)
    # The kernel ends the namespace's processes after the one that was killed.
    declared = json.loads((folder / "hosts.json").read_text())
    while any(answers(address, declared["port"]) for address in declared["hosts"].values()):
        time.sleep(0.1)
    return True


def find_upper(folder: Path, name: str) -> Path:
    """Return the folder with what a host wrote, as this process reaches it while the hosts run."""
    keeper = (folder / "pid").read_text().split()[0]
    return Path(f"/proc/{keeper}/root{folder.resolve()}/disk/{name}/upper")


@contextmanager
def running(folder: Path, port: int, hosts: Mapping[str, str], layers: str) -> Iterator[dict[str, dict[str, object]]]:
    """Have the hosts for as long as the block lasts, and no longer than this process."""
    keeper = start(folder, port, hosts, layers, stays=False)
    try:
        yield make_inventory(hosts, port)
    finally:
        stop(folder)
        keeper.wait()


def keep(folder: Path) -> None:
    """As the first process of a PID namespace: boot the hosts and wait for as long as they live."""
    declared = json.loads((folder / "hosts.json").read_text())
    disk = folder / "disk"
    disk.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", disk], check=True)
    for name, address in declared["hosts"].items():
        upper, work, root = (disk / name / part for part in ("upper", "work", "root"))
        for part in (upper / "etc/ssh/sshd_config.d", work, root):
            part.mkdir(parents=True)
        listen = f"Port {declared['port']}\nListenAddress {address}\n"
        (upper / "etc/ssh/sshd_config.d/port.conf").write_text(listen)
        (upper / "etc/hostname").write_text(f"{name}\n")
        (upper / "etc/hosts").write_text(f"127.0.0.1 localhost {name}\n")
        shutil.copy("/etc/resolv.conf", upper / "etc/resolv.conf")
        options = f"lowerdir={declared['layers']},upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", root], check=True)
        own = ["unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child"]
        subprocess.Popen([*own, "/bin/sh", "-c", BOOT, "boot", str(root), name])
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def main(verb: str = "", folder: str = "", port: str = "0", *named: str) -> None:
    """Do what the command line says."""
    if verb == "up" and named:
        hosts = dict(one.split("=", 1) for one in named)
        if all(answers(address, int(port)) for address in hosts.values()):
            return
        stop(Path(folder))
        start(Path(folder).resolve(), int(port), hosts, list_layers())
        print("changed")
    elif verb == "down" and folder:
        if stop(Path(folder)):
            print("changed")
    elif verb == "keep":
        keep(Path(folder))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
