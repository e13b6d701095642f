# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads what plan.py and place.py judge: the files that bring a tmpfs back, the mounts, /tmp and the users' homes."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import (
    accounts,
    become,
    files,
    look,
    meminfo,
    mountinfo,
    process,
    programs,
    systemd,
)
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import place as tmpfs_place
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import programs as wsl_programs

FSTAB = "/etc/fstab"
CONTAINER = ("/run/.containerenv", "/.dockerenv", "/run/systemd/container")
UNIT = "/etc/systemd/system/tmp.mount"
ENABLED = "{}/systemd/system/local-fs.target.wants/tmp.mount"
LIMIT = 3.0
"""Seconds that looking at one home, or at what lies in /tmp, may take."""
MOST_NAMES = 3
"""Names in /tmp that a note has."""
MOST_FILES = 20000
"""Files in /tmp that are counted; more are called unknown."""
SEARCHED = "/usr/local/bin:/usr/bin:/bin"
OF_THE_SYSTEM = (
    "systemd-private-",
    ".X",
    ".ICE-unix",
    ".font-unix",
    ".Test-unix",
    "snap-private-tmp",
    "ansible",
    # Of a Python with several processes, as Ansible's.
    "pymp-",
    "wsltune-run-",
)
"""Beginnings of names in /tmp that are made anew at every start, or for this run."""


def text_of(path: str) -> str | None:
    """Return what a file of the system says; None for no file, or none that can be read."""
    try:
        with open(path, "rb") as handle:
            return handle.read().decode("utf-8", "surrogateescape")
    except OSError:
        return None


def live(path: str) -> mountinfo.Mount | None:
    """Return the topmost mount on C(path) as the kernel shows it now."""
    mounts = [mount for mount in mountinfo.parse(text_of("/proc/self/mountinfo") or "") if mount.mount_point == path]
    return mounts[-1] if mounts else None


def ours() -> list[str]:
    """Return where a tmpfs of wsltune's is mounted now."""
    mounts = mountinfo.parse(text_of("/proc/self/mountinfo") or "")
    return [mount.mount_point for mount in mounts if tmpfs_plan.is_ours(mount)]


def inside(path: str) -> list[str]:
    """Return where something is mounted below C(path) now: any account can mount its own in its folder there (FUSE)."""
    mounts = mountinfo.parse(text_of("/proc/self/mountinfo") or "")
    return [mount.mount_point for mount in mounts if mount.mount_point.startswith(f"{path}/")]


def mode_of(path: str) -> int | None:
    """Return the permission bits of C(path), None where there is nothing."""
    try:
        return stat.S_IMODE(os.lstat(path).st_mode)
    except OSError:
        return None


def _folder(path: str) -> list[int] | None:
    # What its owner mounted there may let root wait.
    if live(path) is not None:
        return None
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return [stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid] if stat.S_ISDIR(status.st_mode) else None


def needs_helper(is_wsl: bool) -> bool:
    """Return whether nothing but `mount -a` can be relied on to make the folders at a start."""
    return is_wsl or not systemd.is_running()


def _changeable(path: str) -> str | None:
    try:
        files.check(path, follow=False)
    except files.NotOurs as error:
        return str(error.filename)
    except OSError:
        # A part that is missing or no folder is looked at by itself.
        pass
    return None


def _parts(path: str) -> Iterator[str]:
    """Return C(path) and the folders above it."""
    yield path
    while path != "/":
        path = os.path.dirname(path)
        yield path


def is_table_writable() -> bool:
    """Return whether the fstab can be written, or made where there is none."""
    return not os.path.exists(FSTAB) or os.access(FSTAB, os.W_OK)


def ground(path: str, table: str, machine: wsl_judge.Machine) -> tmpfs_plan.Ground:
    """Return what stands where a tmpfs is to go on C(path); C(table) is the text of the fstab."""
    mount = live(path)
    link = next((part for part in _parts(path) if os.path.islink(part)), None)
    plain = mount is None and link is None and os.path.isdir(path)
    return tmpfs_plan.Ground(
        table=table,
        table_is_writable=is_table_writable(),
        table_is_followed=wsl_judge.follows_fstab(machine),
        changeable=_changeable(path),
        link=link,
        file=next((part for part in _parts(path) if os.path.lexists(part) and not os.path.isdir(part)), None),
        live=mount,
        names=tuple(os.listdir(path)) if plain else (),
    )


def _fields(mount: mountinfo.Mount | None) -> dict[str, Any]:
    if mount is None:
        return {"mount_point": None, "fstype": None, "source": None, "options": []}
    return {
        "mount_point": mount.mount_point,
        "fstype": mount.fstype,
        "source": mount.source,
        "options": list(mount.options),
    }


def _used(path: str) -> int | None:
    """Return the bytes that lie below C(path), on its own file system alone; None for too many files to count."""
    device = os.stat(path).st_dev
    total = 0
    for count, (_path, status) in enumerate(files.walk(path, lambda _name, inner: inner.st_dev == device), 1):
        if count > MOST_FILES:
            return None
        if status.st_dev == device:
            total += status.st_blocks * 512
    return total


def temporary(mounts: Sequence[mountinfo.Mount], path: str = tmpfs_place.TMP_PATH) -> dict[str, Any]:
    """Return what /tmp is now; what lies in it only where it is on a disk."""
    facts = _fields(mountinfo.find(mounts, path))
    facts.update(is_link=os.path.islink(path), size_bytes=None, used_bytes=None, names=[], count=0)
    if facts["fstype"] in mountinfo.IN_MEMORY:
        held = os.statvfs(path)
        # A tmpfs without a limit has no blocks to count.
        facts["size_bytes"] = held.f_blocks * held.f_frsize or None
        return facts
    # In a child, because somebody's mount below /tmp may never answer.
    with contextlib.suppress(OSError):
        facts["used_bytes"] = look.once(functools.partial(_used, path), LIMIT)
    with contextlib.suppress(OSError):
        # Everybody can make files there, any number of them.
        with os.scandir(path) as entries:
            some = [entry.name for entry in itertools.islice(entries, MOST_FILES)]
        names = sorted(name for name in some if not name.startswith(OF_THE_SYSTEM))
        facts.update(names=names[:MOST_NAMES], count=len(names))
    return facts


def _unit_of_tmp() -> str:
    """Return what systemd was asked to do with /tmp: masked, own, enabled, or nothing."""
    if os.path.lexists(UNIT):
        target = os.path.realpath(UNIT)
        if target == os.devnull or (os.path.isfile(target) and os.path.getsize(target) == 0):
            return "masked"
    if any(os.path.lexists(ENABLED.format(root)) for root in ("/etc", "/usr/lib", "/lib")):
        return "enabled"
    return "own" if os.path.lexists(UNIT) else ""


def _wsl_version(mounts: Sequence[mountinfo.Mount], machine: wsl_judge.Machine) -> tuple[int, ...]:
    """Return the version of WSL, asked of C(wsl.exe); empty where it does not say."""
    # Without a socket WSL's program looks for one of a parent by its number, and anybody can make one of that name.
    if wsl_judge.interop(machine)["enabled"] is False or not machine.safe_sockets:
        return ()

    def ask() -> str:
        program = wsl_programs.find_program(mounts, "Windows\\System32\\wsl.exe", os.path.isfile)
        environment = wsl_programs.environment({"PATH": os.defpath}, f"/run/WSL/{machine.safe_sockets[0]}")
        return process.run([program, "--version"], environment, limit=10).out if program else ""

    try:
        return tmpfs_place.parse_wsl_version(look.once(ask, 12.0))
    except OSError:
        return ()


def start(mounts: Sequence[mountinfo.Mount], machine: wsl_judge.Machine, ask_wsl: bool) -> dict[str, Any]:
    """Return what decides how this machine mounts at its next start; C(ask_wsl) starts a Windows program."""
    is_wsl = wsl_judge.is_wsl(machine)
    conf = wsl_conf.parse(machine.conf or "").values if is_wsl else {}
    wslg = bool(wsl_judge.wslg_folders(mounts)) or any(mount.mount_point == "/tmp/.X11-unix" for mount in mounts)
    return {
        "is_wsl": is_wsl,
        "container": any(map(os.path.exists, CONTAINER)),
        "pid1": (machine.pid1_comm or "").strip(),
        "systemd": wsl_judge.starts_systemd(machine),
        "mount_fs_tab": conf.get("automount.mountFsTab") is not False,
        "automount_root": conf.get("automount.root"),
        "wslg": wslg,
        "wslg_unit": os.path.exists("/run/systemd/generator/wslg.service"),
        "wsl_version": _wsl_version(mounts, machine) if is_wsl and wslg and ask_wsl else (),
        "tmp_unit": _unit_of_tmp(),
        "restart_command": wsl_judge.restart_command(machine),
    }


def _signs(home: str) -> tuple[str, list[str]]:
    """As its owner: return a home's real path and what in it tells of sandboxes and containers."""
    return os.path.realpath(home), [sign for sign in tmpfs_place.SIGNS if os.path.lexists(os.path.join(home, sign))]


def _person(
    account: accounts.Account,
    path: str,
    mounts: Sequence[mountinfo.Mount],
    local: bool,
    container: bool,
    distros: str | None,
) -> dict[str, Any]:
    folder = _folder(tmpfs_plan.folder_of(path, account.uid))
    try:
        home, signs = become.ask(accounts.identity(account), functools.partial(_signs, account.home), LIMIT)
    except OSError as error:
        return dict(_silent(account, local, error), folder=folder)
    mount = mountinfo.find(mounts, home)
    return {
        **_silent(account, local),
        "folder": folder,
        "fstype": mount.fstype if mount else None,
        "shared": tmpfs_place.explain_sharing(home, mounts, container, distros),
        "signs": signs,
    }


def _look_at(
    people: Sequence[accounts.Account],
    path: str,
    mounts: Sequence[mountinfo.Mount],
    container: bool,
    distros: str | None,
) -> dict[str, dict[str, Any]]:
    """Return what decides whether each account can have a folder of Go's own, and that folder."""
    listed = set(accounts.list_local_names())
    errands = {
        person.name: functools.partial(_person, person, path, mounts, person.name in listed, container, distros)
        for person in people
    }
    found = become.gather(errands, 2 * LIMIT)
    for person in people:
        answer = found[person.name]
        if isinstance(answer, OSError):
            found[person.name] = _silent(person, person.name in listed, answer)
    return found


def _silent(account: accounts.Account, local: bool, error: OSError | None = None) -> dict[str, Any]:
    """Return what is known of an account without a look at its home, and why there was none."""
    return {
        "uid": account.uid,
        "gid": account.gid,
        "folder": None,
        "home": account.home,
        "fstype": None,
        "shared": "",
        "signs": [],
        "local": local,
        "answer": (error.strerror or "no answer") if error else "",
    }


def observe(
    path: str, people: Sequence[accounts.Account], machine: wsl_judge.Machine, was: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return what place.choose decides by and plan.is_met compares with what is wanted.

    C(was) is what was returned before in the same run, of which the slow answers are taken again.
    """
    mount = live(path)
    mounts = wsl_judge.mounts_of(machine)
    now = temporary(mounts)
    beginning = start(mounts, machine, ask_wsl=was is None and now["fstype"] not in mountinfo.IN_MEMORY)
    if was is not None:
        beginning["wsl_version"] = was["start"]["wsl_version"]
    needs = needs_helper(wsl_judge.is_wsl(machine))
    root = str(beginning["automount_root"] or "/mnt").rstrip("/")
    distros = f"{root}/wsl" if beginning["is_wsl"] else None
    return {
        "path": path,
        "fstab": text_of(FSTAB),
        "folders": text_of(tmpfs_plan.FOLDERS_PATH),
        "helper": text_of(tmpfs_plan.HELPER_PATH) if needs else None,
        "needs_helper": needs,
        "busybox": programs.is_busybox(),
        "memory": meminfo.parse(text_of("/proc/meminfo") or ""),
        "temporary": now,
        "start": beginning,
        "sandboxes": [name for name in tmpfs_place.PROGRAMS if shutil.which(name, path=SEARCHED)],
        "live": None
        if mount is None
        else {
            "fstype": mount.fstype,
            "source": mount.source,
            "options": list(mount.options),
            "super_options": list(mount.super_options),
            "mode": mode_of(path),
        },
        "users": _look_at(people, path, mounts, beginning["container"], distros),
    }
