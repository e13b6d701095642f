# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads what judge.py judges: a few small files, and at most one start of wslpath."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.linux import files, mountinfo, programs, text
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import launchers

RUN_WSL = "/run/WSL"
SOCKET, FIRST_SOCKET = re.compile("[0-9]{1,10}_interop"), "1_interop"
MOST_NAMES, MOST_SOCKETS = 20000, 256


class _Reader:
    """Reads below a folder that stands for `/`; what is not there is no error."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        self.errors: dict[str, str] = {}

    def path(self, path: str) -> str:
        return self.root + path

    def text(self, path: str, fact: str) -> str | None:
        try:
            with open(self.path(path), "rb") as handle:
                return handle.read().decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return None
        except OSError as error:
            self.errors[fact] = f"{path} cannot be read: {error.strerror}."
            return None

    def own(self, path: str) -> files.FileState | None:
        """Return a file that no other account can have given, else nothing: podman opens /run to all."""
        try:
            return files.Files().read(self.path(path))
        except OSError:
            return None

    def names(self, path: str) -> list[str]:
        try:
            return sorted(os.listdir(self.path(path)))
        except OSError:
            return []

    def sockets(self) -> list[str]:
        """Return the names of WSL's interop sockets, or of links to them, by their numbers."""
        # WSL's own first, which no number of names hides: every account can make some there.
        names = [FIRST_SOCKET] if os.path.lexists(self.path(f"{RUN_WSL}/{FIRST_SOCKET}")) else []
        with contextlib.suppress(OSError), os.scandir(self.path(RUN_WSL)) as entries:
            names += [entry.name for entry in itertools.islice(entries, MOST_NAMES) if SOCKET.fullmatch(entry.name)]
        return sorted(dict.fromkeys(names), key=lambda name: (len(name), name))[:MOST_SOCKETS]

    def safe(self, sockets: Sequence[str]) -> list[str]:
        """Return those of the sockets that are root's or this account's own.

        Whoever listens at another one is sent what is to run on Windows and answers in its place.
        """
        return [name for name in sockets if self.is_ours(self.path(f"{RUN_WSL}/{name}"))]

    @staticmethod
    def is_ours(path: str) -> bool:
        """Return whether C(path), and what a link leads to, belongs to root or to who runs this."""
        ours = (0, os.geteuid())
        try:
            # One after the other, because the link of another account may lead to what never answers.
            return os.lstat(path).st_uid in ours and os.stat(path).st_uid in ours
        except OSError:
            return False

    def mtime(self, path: str) -> float | None:
        try:
            return os.stat(self.path(path)).st_mtime
        except OSError:
            return None


def find_own_socket(process: int, root: str = "/") -> str | None:
    """Return the interop socket of the nearest of C(process) and its parents that root or this account has made.

    WSL's program looks there where WSL_INTEROP is not set, and takes what any account has made by such a name.
    """
    reader = _Reader(root)
    while process > 0:
        path = f"{RUN_WSL}/{process}_interop"
        if reader.is_ours(reader.path(path)):
            return path
        fields = (reader.text(f"/proc/{process}/stat", "socket") or "").rpartition(")")[2].split()
        process = int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0
    return None


def find_run_since(root: str = "/") -> float | None:
    """Return when the first of what lies in /run was made there or last renamed; None where it may outlive a start."""
    reader = _Reader(root)
    folder = reader.path("/run")
    try:
        mounts = mountinfo.parse(reader.text("/proc/self/mountinfo", "mounts") or "")
        mount = mountinfo.find(mounts, "/run")
        mounted = {other.mount_point for other in mounts}
        if mount is None or (mount.mount_point, mount.fstype) != ("/run", "tmpfs"):
            return None
        with os.scandir(folder) as entries:
            some = [entry for entry in itertools.islice(entries, MOST_NAMES) if f"/run/{entry.name}" not in mounted]
            states = [entry.stat(follow_symlinks=False) for entry in some]
        own = os.stat(folder).st_dev
    except (OSError, ValueError):
        return None
    # What is mounted there may be older. Of all times this one alone is set by no program.
    return min((state.st_ctime for state in states if state.st_dev == own), default=None)


def _root_in_windows(run_command: Callable[..., Any]) -> str | None:
    """Return what Windows calls `/`, which has the distro's name in it; it needs no variable of a session."""
    # Not by PATH, in which another account may write.
    program = programs.find_program("wslpath")
    if program is None:
        return None
    try:
        code, output, _error = run_command([program, "-w", "/"], handle_exceptions=False)
    except OSError:
        return None
    return str(output) if code == 0 else None


def collect(
    root: str = "/", conf_path: str = "/etc/wsl.conf", run_command: Callable[..., Any] | None = None
) -> wsl_judge.Machine:
    """Read the machine, or a recorded one below `root`; `run_command` is the module's, to ask for the distro's name."""
    reader = _Reader(root)
    environ = reader.text("/proc/self/environ", "environment") or ""
    links = {}
    for name in reader.names(mountinfo.VIRTIOFS_LINKS):
        try:
            links[name] = os.readlink(reader.path(f"{mountinfo.VIRTIOFS_LINKS}/{name}"))
        except OSError:
            continue
    sockets = reader.sockets()
    in_force = reader.own(wsl_judge.IN_FORCE)
    binfmt = "/proc/sys/fs/binfmt_misc"
    entries = {name: reader.text(f"{binfmt}/{name}", "interop") or "" for name in reader.names(binfmt)}
    machine = wsl_judge.Machine(
        release=reader.text("/proc/sys/kernel/osrelease", "kernel"),
        pid1_comm=reader.text("/proc/1/comm", "systemd"),
        pid2_comm=reader.text("/proc/2/comm", "distro"),
        pid1_stat=reader.text("/proc/1/stat", "started_at"),
        stat=reader.text("/proc/stat", "started_at"),
        mountinfo=reader.text("/proc/self/mountinfo", "mounts"),
        meminfo=reader.text("/proc/meminfo", "memory"),
        hostname=reader.text("/proc/sys/kernel/hostname", "hostname"),
        environment=dict(item.split("=", 1) for item in environ.split("\0") if "=" in item),
        has_init=os.path.exists(reader.path("/init")),
        has_run_wsl=os.path.isdir(reader.path("/run/WSL")),
        has_systemd_folder=os.path.isdir(reader.path("/run/systemd/system")),
        can_start_systemd=os.access(reader.path("/sbin/init"), os.X_OK),
        binfmt_status=entries.get("status"),
        binfmt_entries={name: text for name, text in entries.items() if name.startswith("WSLInterop")},
        interop_sockets=sockets,
        safe_sockets=reader.safe(sockets),
        virtiofs_links=links,
        ticks=os.sysconf("SC_CLK_TCK"),
        conf_path=conf_path,
        conf=reader.text(conf_path, "conf"),
        conf_mtime=reader.mtime(conf_path),
        in_force=text.decode(in_force.content) if in_force else None,
        in_force_mtime=in_force.mtime_ns / 1e9 if in_force else None,
        run_since=find_run_since(root),
        errors=reader.errors,
    )
    if not reader.root and wsl_judge.is_wsl(machine):
        machine.launchers = launchers.look_up(journal.Journal())
    if run_command is not None and not reader.root and wsl_judge.is_wsl(machine) and not wsl_judge.distro(machine):
        machine.root_in_windows = _root_in_windows(run_command)
    return machine


def read_mounts(machine: wsl_judge.Machine) -> list[mountinfo.Mount]:
    """Return the mounts of this moment, as C(machine) names its Windows drives."""
    return mountinfo.parse(mountinfo.table(), wsl_judge.is_wsl(machine), machine.virtiofs_links)
