# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where Go's temporary files can lie in memory on a machine without breaking any Go: /tmp itself, or a folder of Go's.

A GOTMPDIR is a setting that counts wherever a home is, while its folder is on one machine alone: where the folder is
missing or read-only, as in a sandbox, a container or on another machine with that home, no Go command works. So /tmp
comes first, because it needs no setting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import fstab, mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge

AUTO, TMP, GOTMPDIR = "auto", "tmp", "gotmpdir"
MEMORY, NONE = "memory", "none"
TMP_PATH = "/tmp"
WSL_WITH_REMOUNT = (2, 5, 10)
"""From this version on WSL binds the X11 socket again over a /tmp that systemd mounts (wslg.service)."""
STARTS = ("systemd", "init")
"""Programs that read /etc/fstab at a start; those of a container that only runs a command do not."""
REMOTE = re.compile(
    r"(nfs|cifs|smb|fuse|9p|drvfs|virtiofs|ceph|gluster|afs|lustre|beegfs|gfs|ocfs|pvfs|vboxsf|prl_fs|gpfs|panfs|wekafs"
    r"|vmhgfs|coda|ncp).*"
)
"""File systems that another machine may have mounted too, or that Windows keeps."""
SIGNS = {
    ".codex": "Codex's sandbox lets Go write in /tmp and the project alone",
    ".claude": "Claude Code's sandbox lets Go write in /tmp and the project alone",
    ".gemini": "Gemini CLI's sandbox lets Go write in /tmp and the project alone",
    ".cursor": "Cursor's sandbox lets Go write in /tmp and the project alone",
    ".cursor-server": "Cursor's sandbox lets Go write in /tmp and the project alone",
    ".qwen": "Qwen Code's sandbox lets Go write in /tmp and the project alone",
    ".apptainer": "Apptainer is in use, whose containers have the home and no such folder",
    ".singularity": "Apptainer is in use, whose containers have the home and no such folder",
    ".vscode-remote-containers": "dev containers are in use, and one that has the home has no such folder",
    ".local/share/distrobox": "distrobox is in use, whose containers have the home and no such folder",
    ".local/bin/distrobox": "distrobox is in use, whose containers have the home and no such folder",
}
"""What in a home shows that its Go also runs where no folder but /tmp and a project can be written."""
PROGRAMS = {
    "bwrap": "bubblewrap is installed, and a sandbox made with it need not have such a folder",
    "firejail": "firejail is installed, whose sandboxes have no such folder",
    "distrobox": "distrobox is installed, whose containers have the home and no such folder",
    "toolbox": "toolbox is installed, whose containers have the home and no such folder",
    "apptainer": "Apptainer is installed, whose containers have the home and no such folder",
    "singularity": "Singularity is installed, whose containers have the home and no such folder",
    "ch-run": "Charliecloud is installed, whose containers have the home and no such folder",
    "schroot": "schroot is installed, whose systems have the homes and no such folder",
    "nsjail": "nsjail is installed, and a sandbox made with it need not have such a folder",
    "landrun": "landrun is installed, and a sandbox made with it need not let Go write in such a folder",
}


@dataclass(frozen=True)
class Place:
    """Where Go's temporary files go: C(kind), why, and the accounts that get no setting, each with its reason."""

    kind: str
    reason: str
    left_out: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False
    """Whether it is so only from the next start on."""

    def to_json(self) -> dict[str, Any]:
        """Return the place as the module's result has it."""
        return asdict(self)


def parse_wsl_version(output: str) -> tuple[int, ...]:
    """Return the version that C(wsl.exe --version) prints in its first line, in any language; empty without one."""
    line = next(iter(output.replace("\0", "").strip().splitlines()), "")
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", line)
    return tuple(map(int, match.groups())) if match else ()


def is_ours(temporary: Mapping[str, Any]) -> bool:
    """Return whether the tmpfs on /tmp is the one of wsltune's line."""
    return bool(
        temporary["mount_point"] == TMP_PATH
        and temporary["fstype"] == "tmpfs"
        and temporary["source"] == tmpfs_plan.SOURCE
    )


def memory_obstacle(temporary: Mapping[str, Any]) -> str:
    """Say why Go's temporary files in /tmp are not in memory, or do not work there; nothing when all is well."""
    if temporary["fstype"] not in mountinfo.IN_MEMORY:
        return f"/tmp lies on {temporary['fstype'] or 'an unknown file system'}"
    if "noexec" in temporary["options"]:
        return "the tmpfs on /tmp has noexec, so that go test and go run fail there"
    size = temporary["size_bytes"]
    if size is not None and size < tmpfs_plan.SMALLEST:
        return f"the tmpfs on /tmp holds {size // tmpfs_plan.MIB} MiB at most, too little for Go"
    return ""


def _start_obstacle(start: Mapping[str, Any]) -> str:
    """Say why a line of /etc/fstab would not bring /tmp back, or would harm; nothing when it can be relied on."""
    if start["is_wsl"]:
        return _wsl_obstacle(start)
    if start["container"] and start["pid1"] not in STARTS:
        return "this container has no start that reads /etc/fstab"
    if start["tmp_unit"] == "masked":
        return "tmp.mount is masked, so that /tmp is to stay on the disk"
    if start["tmp_unit"] == "own":
        return "/etc/systemd/system has a tmp.mount of its own"
    return ""


def _wsl_obstacle(start: Mapping[str, Any]) -> str:
    """Say what of WSLg's socket in /tmp would be lost.

    WSL runs C(mount -a) first and binds the socket on what is there then. Where systemd mounts /tmp later, only WSL's
    own wslg.service binds it again, which looks for it in /mnt/wslg.
    """
    if not start["mount_fs_tab"] and not start["systemd"]:
        return "automount.mountFsTab is false in /etc/wsl.conf, so that nothing mounts /etc/fstab"
    if not start["wslg"]:
        return ""
    version = tuple(start["wsl_version"])
    if not start["mount_fs_tab"]:
        if start["automount_root"] not in (None, "/mnt", "/mnt/"):
            return "with mountFsTab=false and another automount.root WSLg's socket in /tmp would be hidden"
        if start["wslg_unit"]:
            return ""
    if not version:
        return "the version of WSL is not known, and before 2.5.10 WSLg's socket in /tmp could be hidden"
    if version < WSL_WITH_REMOUNT:
        return f"WSL is {'.'.join(map(str, version))}, and before 2.5.10 WSLg's socket in /tmp could be hidden"
    return ""


def tmp_obstacle(observed: Mapping[str, Any]) -> str:
    """Say why /tmp cannot be in memory from the next start on; nothing when it can."""
    temporary = observed["temporary"]
    foreign = [line for line in fstab.lines_for(observed["fstab"] or "", TMP_PATH) if not line.ours]
    if temporary["is_link"]:
        return "/tmp is a symbolic link"
    if foreign:
        return f"/etc/fstab has a line for /tmp that wsltune did not write ({foreign[0].render()!r})"
    if temporary["mount_point"] == TMP_PATH and not is_ours(temporary):
        return f"{memory_obstacle(temporary) or '/tmp is in memory already'}, by a mount that wsltune did not make"
    if is_ours(temporary):
        return ""
    return _start_obstacle(observed["start"]) or _content_obstacle(temporary, observed["memory"])


def _content_obstacle(temporary: Mapping[str, Any], memory: Mapping[str, int]) -> str:
    """Say whether /tmp is used for more than memory can carry."""
    used = temporary["used_bytes"]
    if used is None:
        return "how much lies in /tmp could not be counted in time, so that memory may not carry it"
    limit = memory["total_bytes"] // 8
    if used > limit:
        return (
            f"{used // tmpfs_plan.MIB} MiB lie in /tmp, more than an eighth of the memory, so that what is kept there "
            "belongs on a disk"
        )
    return ""


def explain_sharing(home: str, mounts: Sequence[mountinfo.Mount], container: bool, distros: str | None) -> str:
    """Say who else has the folder C(home); nothing where it is this machine's alone.

    C(distros) is the folder of WSL in which each distro sees what another one mounts; None where this is not WSL, which
    looks like a container too.
    """
    mount = mountinfo.find(mounts, home)
    if mount is None:
        return ""
    if distros is None:
        return "comes from outside of this container" if container and mount.mount_point != "/" else ""
    inside = mountinfo.path_inside(mount, home)
    for other in mounts:
        below = other.mount_point.startswith(f"{distros}/") and other.device == mount.device
        if below and f"{inside}/".startswith(f"{other.root.rstrip('/')}/"):
            return f"lies on {other.mount_point}, which all WSL distros of this machine have"
    return ""


def account_hazard(person: Mapping[str, Any]) -> str:
    """Say where Go of an account would miss a folder of this machine; nothing when it runs there alone."""
    if person["answer"]:
        return f"its home does not answer: {person['answer']}"
    if not person["local"]:
        return "the account is not in /etc/passwd, so that it may not be known at a start, or log in on other machines"
    if person["fstype"] is None:
        return f"what {person['home']} lies on is not known"
    if REMOTE.fullmatch(person["fstype"]):
        return f"{person['home']} lies on {person['fstype']}, which another machine may have too"
    if person["shared"]:
        return f"{person['home']} {person['shared']}, and its owner's Go runs there too"
    return next((SIGNS[sign] for sign in person["signs"] if sign in SIGNS), "")


def list_hazards(observed: Mapping[str, Any]) -> dict[str, str]:
    """Return the accounts whose Go also runs where a file of this machine is missing, each with the reason."""
    everyone = next((PROGRAMS[name] for name in observed["sandboxes"] if name in PROGRAMS), "")
    reasons = {name: everyone or account_hazard(person) for name, person in observed["users"].items()}
    return {name: reason for name, reason in reasons.items() if reason}


def _own_folder(observed: Mapping[str, Any], reason: str) -> Place:
    left_out = list_hazards(observed)
    if left_out and len(left_out) == len(observed["users"]):
        return Place(NONE, f"{reason}, and no account can have a folder of Go's own", left_out)
    return Place(GOTMPDIR, reason, left_out)


def choose(wanted: str, observed: Mapping[str, Any], size: str = "auto", gocache: bool = False) -> Place:
    """Return where Go's temporary files go on the machine that C(observed) describes (observe.observe).

    TmpfsError where what is asked for by name cannot be.
    """
    temporary = observed["temporary"]
    if size != "auto":
        # A value that is wrong is refused also where it would not be needed.
        tmpfs_plan.plan_size(size, observed["memory"])
    if wanted == GOTMPDIR:
        return _own_folder(observed, "go_tmpfs_place asks for it")
    if wanted == TMP and gocache:
        raise tmpfs_plan.TmpfsError(
            "go_tmpfs_place is tmp and go_tmpfs_gocache is true: the build cache needs a folder of its own; choose "
            "go_tmpfs_place: gotmpdir or leave the cache where it is; nothing was changed."
        )
    if gocache:
        return _own_folder(observed, "the build cache is to lie in memory too")
    if not is_ours(temporary):
        if not memory_obstacle(temporary):
            return Place(MEMORY, "/tmp is in memory already")
        start = observed["start"]
        if start["tmp_unit"] == "enabled" and start["systemd"] and temporary["mount_point"] != TMP_PATH:
            return Place(MEMORY, "the distribution's tmp.mount puts /tmp in memory", waits=True)
    reason = tmp_obstacle(observed)
    if not reason:
        return Place(TMP, "Go needs no setting for it", waits=not is_ours(temporary))
    if wanted == TMP and reason == _content_obstacle(temporary, observed["memory"]):
        # Anybody can fill it, and that is no reason to stop everybody.
        return Place(NONE, f"go_tmpfs_place is tmp, but {reason}")
    if wanted == TMP:
        raise tmpfs_plan.TmpfsError(
            f"go_tmpfs_place is tmp, but {reason}: fix that, or choose go_tmpfs_place: auto; nothing was changed."
        )
    if size == "auto":
        try:
            tmpfs_plan.plan_size(size, observed["memory"])
        except tmpfs_plan.TmpfsError as error:
            return Place(NONE, str(error).partition(":")[0].rstrip("."))
    return _own_folder(observed, reason)


def is_met(
    observed: Mapping[str, Any], wanted: str, size: str, inodes: int, users: Sequence[str], gocache: bool = False
) -> bool:
    """Return whether a call of the module would change nothing; False where that has to be looked at closely."""
    try:
        tmpfs_plan.check_path(observed["path"])
        place = choose(wanted, observed, size, gocache)
        if place.kind == GOTMPDIR:
            return tmpfs_plan.is_met(observed, size, inodes, [name for name in users if name not in place.left_out])
        line = None
        if place.kind == TMP:
            bytes_ = tmpfs_plan.settle_size(size, observed["memory"], observed["fstab"] or "", TMP_PATH)
            line = tmpfs_plan.tmp_line(bytes_, inodes, observed["busybox"])
    except tmpfs_plan.TmpfsError:
        return False
    return tmpfs_plan.is_met_without_folders(observed, line)


def sentence(place: Place) -> str:
    """Return what a person is to know about a place that changes nothing; nothing where changes say it."""
    if place.kind == MEMORY:
        then = "from the next start on, so that" if place.waits else "so that"
        return f"Nothing is mounted and no setting made: {place.reason}, {then} Go's temporary files are there too"
    if place.kind == NONE:
        return f"Go's temporary files stay on the disk: {place.reason}"
    return ""


def notes(place: Place, temporary: Mapping[str, Any]) -> list[str]:
    """Return what a person is to know about a place, as sentences."""
    lines = list(filter(None, [sentence(place)]))
    lines += [f"{name} has no GOTMPDIR: {reason}" for name, reason in place.left_out.items()]
    names = temporary["names"]
    if place.kind == TMP and place.waits and names:
        more = temporary["count"] - len(names)
        shown = ", ".join(names) + (f" and {more} more" if more > 0 else "")
        lines.append(
            f"What lies in /tmp on the disk ({shown}) stays there and is hidden from the next start on; after a "
            "rollback it is there again, unless the distribution clears /tmp at a start"
        )
    return lines


def pending_sentences(place: Place, restart_command: str | None) -> list[str]:
    """Return what has to be done until the place is in force."""
    return [f"/tmp in memory takes effect {_when(restart_command)}"] if place.kind == TMP and place.waits else []


def pending_rollback(restart_command: str | None) -> list[str]:
    """Return what has to be done until /tmp lies on the disk again, which cannot be while programs use it."""
    return [f"/tmp is on the disk again {_when(restart_command)}"]


def _when(restart_command: str | None) -> str:
    if restart_command:
        return f"after `{restart_command}` in a Windows prompt. {wsl_judge.RESTART_NOTE}"
    return "at the next start of this machine"


def describe(place: Place, observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return a place with what a person is to know and to do."""
    return {
        **place.to_json(),
        "notes": notes(place, observed["temporary"]),
        "pending_sentences": pending_sentences(place, observed["start"]["restart_command"]),
    }
