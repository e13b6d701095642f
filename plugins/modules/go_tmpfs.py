# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: go_tmpfs
short_description: A tmpfs for the Go command's temporary files
version_added: 1.0.0
description:
  - Keeps one fstab line with its live mount, and a folder in it for each user, there before that user can start Go.
  - The live mount is compared with the kernel's mount table and remounted where it differs.
  - Nothing is touched before every check has passed; if mounting fails, the files are put back.
options:
  path:
    description:
      - Mount point, a folder of its own. V(/tmp) and the directories of the system are refused.
    type: path
    default: /var/cache/gotmp
  size:
    description:
      - Largest size, as a number with k, m or g, a percentage of memory, or V(auto).
      - V(auto) is a quarter of the memory, at most 2 GiB. Memory is taken only as files fill it.
      - At most half of the memory with swap and a quarter without; at least 256m.
    type: str
    default: auto
  inodes:
    description: Largest number of files; V(0) leaves the kernel's default, which is half the number of memory pages.
    type: int
    default: 0
  users:
    description: Accounts that get a folder; empty means everyone who logs in on this machine.
    type: list
    elements: str
    default: []
  in_use:
    description:
      - Folders that Go uses now. The tmpfs of an earlier O(path) stays while one of them lies on it.
    type: list
    elements: str
    default: []
notes:
  - Needs root and util-linux.
  - Errors are one sentence each, such as too little memory, a mount point in use, a foreign or unreadable fstab line,
    an fstab that cannot be written, an account that does not exist.
extends_documentation_fragment:
  - wsltune.go.rollback
author: wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: A tmpfs for Go's temporary files
  wsltune.go.go_tmpfs:
    size: 2g
    users: [alice]

- name: Restore what was there before
  wsltune.go.go_tmpfs:
    state: absent
"""

RETURN = r"""
ansible_facts:
  description: C(go_tmpfs) as M(wsltune.go.go_facts) returns it, looked up again.
  returned: when state is present, except in check mode
  type: dict
path:
  description: Mount point.
  returned: always
  type: str
size_bytes:
  description: Largest size of the tmpfs in bytes.
  returned: when state is present
  type: int
folders:
  description: Folder for temporary files by user.
  returned: when state is present
  type: dict
stale:
  description: Mount points of earlier runs that stay while they are in use.
  returned: when state is present
  type: list
  elements: str
live:
  description: The mount as the kernel shows it after the change; empty when there is none.
  returned: always
  type: dict
changes:
  description: What was changed, step by step.
  returned: always
  type: list
  elements: str
headlines:
  description: What was changed, in few words for a summary.
  returned: when state is present
  type: list
  elements: str
notes:
  description: What the users shall know, such as whose folder could not be made, as sentences.
  returned: always
  type: list
  elements: str
kept:
  description: What someone else changed since and therefore stays, as sentences.
  returned: always
  type: list
  elements: str
"""

import functools
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, fstab, meminfo, process, text
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import observe as tmpfs_observe
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

ROLE = "go_tmpfs"
FSTAB = tmpfs_observe.FSTAB


class Tmpfs:
    """Applies the plan of module_utils/tmpfs/plan.py to this machine."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.journal = journal.Journal(run=module.params["run"] or f"{time.time():.6f}")
        self.changes: list[str] = []
        self.diff: list[dict[str, str]] = []
        self.kept: list[str] = []
        self.notes: list[str] = []

    def command(self, *words: str) -> str:
        """Run a command of util-linux; return its message when it fails."""
        code, out, err = self.module.run_command(list(words))
        return (err or out or f"exit {code}").strip() if code else ""

    def read(self, path: str) -> str:
        state = files.Files().read(path)
        return "" if state is None else state.content.decode("utf-8", "surrogateescape")

    def write(
        self,
        path: str,
        make: Callable[[str], str],
        mode: int | None = None,
        revert: journal.Revert | None = None,
        shared: bool = False,
    ) -> None:
        """Have a file say what C(make) returns for its text; note the change, and in check mode no more."""
        before = self.read(path)
        after = make(before)
        if before == after and os.path.exists(path):
            return
        self.diff.append({"before_header": path, "after_header": path, "before": before, "after": after})
        self.changes.append(f"wrote {path}")
        if not self.module.check_mode:
            self.journal.edit(
                path,
                lambda now: make(now.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape"),
                role=ROLE,
                mode=mode,
                revert=revert,
                shared=shared,
            )
            self.tell_systemd(path)

    def give_back(self, entry: journal.Entry, run_only: bool) -> journal.Restored:
        if entry.path != os.path.realpath(FSTAB):
            return self.journal.restore(entry.path, run_only=run_only)
        part = functools.partial(fstab.part, fstab.MARK)
        return self.journal.restore(entry.path, fstab.without_ours, run_only, role=ROLE, part=part)

    def tell_systemd(self, path: str) -> None:
        """Have systemd read a changed fstab; until then it would bring back what the old one said."""
        if path == FSTAB and os.path.isdir("/run/systemd/system"):
            self.module.run_command(["systemctl", "daemon-reload"])

    def refuse(self, sentence: str) -> NoReturn:
        raise tmpfs_plan.TmpfsError(sentence)

    def check_machine(self, path: str, table: str, users: Sequence[str]) -> None:
        """Raise TmpfsError when this machine cannot take the tmpfs; nothing has been touched yet."""
        try:
            fstab.check(table)
        except fstab.FstabError as error:
            self.refuse(f"{FSTAB} is broken, {error}: fix that line first; nothing was changed.")
        if os.path.exists(FSTAB) and not os.access(FSTAB, os.W_OK):
            self.refuse(f"{FSTAB} cannot be written (read-only file system?): make it writable; nothing was changed.")
        foreign = [line for line in fstab.lines_for(table, path) if not line.ours]
        if foreign:
            self.refuse(
                f"{FSTAB} has a line for {path} that wsltune did not write ({foreign[0].render()!r}): remove it or "
                "choose another go_tmpfs_path; nothing was changed."
            )
        machine = wsl_observe.collect()
        conf = wsl_conf.parse(machine.conf or "").values if wsl_judge.is_wsl(machine) else {}
        if conf.get("automount.mountFsTab") is False and not conf.get("boot.systemd"):
            self.refuse(
                "automount.mountFsTab is false in /etc/wsl.conf and boot.systemd is not true, so nothing would mount "
                f"{path} at the next start: set wsl_conf_automount_mount_fs_tab to true; nothing was changed."
            )
        try:
            files.check(path, follow=False)
        except files.NotOurs as error:
            self.refuse(
                f"go_tmpfs_path is {path!r}, and others than root can change {error.filename}: choose a folder that "
                "root alone can; nothing was changed."
            )
        except OSError:
            # A part that is missing or no folder is judged below.
            pass
        for parent in [path] + list(_parents(path)):
            if os.path.islink(parent):
                self.refuse(
                    f"go_tmpfs_path is {path!r} and {parent} is a symbolic link: give the folder's real path; "
                    "nothing was changed."
                )
            if os.path.lexists(parent) and not os.path.isdir(parent):
                self.refuse(
                    f"go_tmpfs_path is {path!r} and {parent} is not a directory: choose another path; "
                    "nothing was changed."
                )
        live = tmpfs_observe.live(path)
        if live is not None and not (live.fstype == "tmpfs" and live.source == tmpfs_plan.SOURCE):
            self.refuse(
                f"{path} is in use: a {live.fstype} ({live.source}) is mounted there; unmount it or choose another "
                "go_tmpfs_path; nothing was changed."
            )
        if live is None and os.path.isdir(path):
            strange = sorted(set(os.listdir(path)) - set(users))
            if strange:
                self.refuse(
                    f"{path} holds files ({strange[0]!r}) that a mount would hide: empty it or choose another "
                    "go_tmpfs_path; nothing was changed."
                )

    def present(self) -> NoReturn:
        params = self.module.params
        path = tmpfs_plan.check_path(params["path"])
        people = accounts.find(params["users"])
        with open("/proc/meminfo", encoding="ascii") as handle:
            size = tmpfs_plan.plan_size(params["size"], meminfo.parse(handle.read()))
        table = self.read(FSTAB)
        self.check_machine(path, table, [person.name for person in people])
        owners = [(person.name, person.uid, person.gid) for person in people]
        is_wsl = wsl_judge.is_wsl(wsl_observe.collect())
        helper = tmpfs_observe.needs_helper(is_wsl)
        earlier = [line for line in fstab.marked(table) if line.fstype == "tmpfs" and line.mount_point != path]
        needed = [line for line in earlier if tmpfs_plan.is_used(line.mount_point, params["in_use"])]
        for line in earlier:
            if line not in needed and not self.leave(line.mount_point):
                needed.append(line)
        lines = tmpfs_plan.wanted_lines(path, size, params["inodes"], helper) + needed
        places = [path] + [line.mount_point for line in needed]
        # First, for a mount of an earlier version is one that everybody can write.
        self.narrow(path)
        try:
            self.write(FSTAB, lambda now: fstab.with_lines(now, lines), revert=fstab.without_ours, shared=True)
            listed = tmpfs_plan.folders_text(places, owners)
            self.write(tmpfs_plan.FOLDERS_PATH, lambda _now: listed, mode=0o644)
            if helper:
                self.write(tmpfs_plan.HELPER_PATH, lambda _now: tmpfs_plan.HELPER_TEXT, mode=0o755)
            self.mount(path, size, params["inodes"])
        except (OSError, tmpfs_plan.TmpfsError):
            for entry in self.journal.entries(ROLE):
                self.give_back(entry, run_only=True)
                self.tell_systemd(entry.path)
            self.changes = []
            raise
        folders = {person.name: folder for person in people if (folder := self.folder(path, person))}
        others = [person.name for person in people if person.uid != 0]
        if len(others) > 1 and self.changes:
            self.notes.append(
                f"{len(others)} users share the {size // tmpfs_plan.MIB} MiB on {path}: one of them can fill it for all"
            )
        facts = {} if self.module.check_mode else {"go_tmpfs": tmpfs_observe.observe(path, people, is_wsl)}
        self.module.exit_json(
            **self.result(path),
            ansible_facts=text.printable(facts),
            size_bytes=size,
            folders=folders,
            stale=[line.mount_point for line in needed],
            headlines=tmpfs_plan.headlines(self.changes, path, list(folders)),
        )

    def mount(self, path: str, size: int, inodes: int) -> None:
        live = tmpfs_observe.live(path)
        if live is None:
            self.changes.append(f"mounted a tmpfs of {size // tmpfs_plan.MIB} MiB on {path}")
            if self.module.check_mode:
                return
            self.journal.make_directory(path, role=ROLE)
            message = self.command("mount", path)
            if message:
                self.refuse(f"{path} could not be mounted ({message}): nothing was changed.")
            return
        wrong = tmpfs_plan.deviations(
            live.options, live.super_options, size, stat.S_IMODE(os.stat(path).st_mode), inodes
        )
        if not wrong:
            return
        self.changes.append(f"remounted {path}: {', '.join(wrong)}")
        if self.module.check_mode:
            return
        options = f"remount,rw,nosuid,nodev,exec,size={size // 1024}k" + (f",nr_inodes={inodes}" if inodes else "")
        message = self.command("mount", "-o", options, path)
        if message:
            self.refuse(
                f"{path} could not be remounted with {size // tmpfs_plan.MIB} MiB ({message}): it may hold more than "
                "that; delete files there or give a larger go_tmpfs_size; nothing was changed."
            )

    def narrow(self, path: str) -> None:
        """Have the top of the live mount be as the fstab line makes it at the next start."""
        if tmpfs_observe.live(path) is None or tmpfs_observe.mode_of(path) == tmpfs_plan.MODE:
            return
        self.changes.append(f"gave {path} mode {tmpfs_plan.MODE:04o}")
        if not self.module.check_mode:
            with files.opened_folder(path) as descriptor:
                os.chmod(f"/proc/self/fd/{descriptor}", tmpfs_plan.MODE)

    def folder(self, path: str, person: accounts.Account) -> str:
        """Make the folder of one user; return its path, nothing where something else has its name.

        Root changes what it has open and not what has the name: until a mount of an earlier version is root's alone,
        others can take a name there.
        """
        folder = os.path.join(path, person.name)
        if tmpfs_observe.live(folder) is not None:
            return self.without_folder(person, f"something is mounted on {folder}")
        if not os.path.lexists(folder):
            self.changes.append(f"made {folder}")
            if self.module.check_mode:
                return folder
            try:
                os.mkdir(folder, 0o700)
            except OSError as error:
                # Such as a mount of the user's own there, which root cannot see.
                self.changes.pop()
                return self.without_folder(person, f"{folder}: {error.strerror}")
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            return self.without_folder(person, f"{folder} is no directory")
        try:
            status = os.fstat(descriptor)
            if status.st_uid not in (0, person.uid):
                return self.without_folder(person, f"{folder} belongs to user id {status.st_uid}")
            if stat.S_IMODE(status.st_mode) != 0o700 or (status.st_uid, status.st_gid) != (person.uid, person.gid):
                if f"made {folder}" not in self.changes:
                    self.changes.append(f"gave {folder} to {person.name}, mode 0700")
                if not self.module.check_mode:
                    os.fchmod(descriptor, 0o700)
                    os.fchown(descriptor, person.uid, person.gid)
        finally:
            os.close(descriptor)
        return folder

    def without_folder(self, person: accounts.Account, reason: str) -> str:
        self.notes.append(f"{person.name} has no folder for Go's temporary files: {reason}; remove it, then run again")
        return ""

    def leave(self, path: str) -> bool:
        """Take away a tmpfs; return whether it is gone. Who uses one is said: it stays until the next run or start."""
        live = tmpfs_observe.live(path)
        if live is None or live.source != tmpfs_plan.SOURCE:
            return True
        message = "" if self.module.check_mode else self.command("umount", path)
        if not message:
            self.changes.append(f"unmounted {path}")
            return True
        holders = ", ".join(process.holders(path)[:5])
        self.kept.append(
            f"{path} could not be unmounted ({message}){': ' + holders + ' use it' if holders else ''}; end these "
            "programs, then run again, or it is gone after the next start"
        )
        return False

    def absent(self) -> NoReturn:
        only = self.module.params["only_this_run"]
        entries = [entry for entry in self.journal.entries(ROLE) if not only or entry.run == self.journal.run]
        stay = self.before_run() if only else []
        mounted = [line.mount_point for line in fstab.marked(self.read(FSTAB))]
        mounted += [entry.path for entry in entries if entry.directory]
        if not only:
            # One that was in use at the last rollback.
            mounted += tmpfs_observe.ours()
        left = [
            path
            for path in dict.fromkeys(mounted)
            if (entries or not only) and path not in [line.mount_point for line in stay] and not self.leave(path)
        ]
        for entry in entries:
            if entry.directory and entry.path in left:
                continue
            if self.module.check_mode:
                if not entry.directory:
                    self.changes.append(f"restored {entry.path}")
                continue
            try:
                restored = self.give_back(entry, run_only=only)
            except OSError as error:
                self.kept.append(
                    f"{entry.path} could not be restored: {text.line(error.strerror)}; fix that, then run again"
                )
                continue
            if restored.changed:
                self.changes.append(f"restored {entry.path}")
                self.tell_systemd(entry.path)
            if restored.kept:
                self.kept.append(restored.kept)
        self.kept += self.journal.damaged()
        for line in stay:
            size = tmpfs_plan.parse_live_size(line.options)
            if entries and line.fstype == "tmpfs" and size:
                self.mount(line.mount_point, size, 0)
        if stay and entries and not self.module.check_mode:
            for person, folder in tmpfs_plan.folders_of(self.read(tmpfs_plan.FOLDERS_PATH)):
                for account in accounts.find([person]):
                    self.folder(os.path.dirname(folder), account)
        if not self.module.check_mode:
            self.journal.close()
        self.module.exit_json(**self.result(self.module.params["path"]))

    def before_run(self) -> list[fstab.Line]:
        """Return the marked lines of fstab as they were before this run."""
        entry = self.journal.entry(FSTAB)
        if entry is None or entry.run != self.journal.run:
            return fstab.marked(self.read(FSTAB))
        return (
            []
            if entry.before_run is None
            else fstab.marked(entry.before_run.content.decode("utf-8", "surrogateescape"))
        )

    def result(self, path: str) -> dict[str, Any]:
        live = tmpfs_observe.live(path)
        return {
            "changed": bool(self.changes),
            "path": path,
            "live": {}
            if live is None
            else {
                "fstype": live.fstype,
                "source": live.source,
                "options": list(live.options) + list(live.super_options),
                "mode": f"{stat.S_IMODE(os.stat(path).st_mode):04o}",
            },
            **text.printable(
                {"changes": self.changes, "kept": self.kept, "notes": self.notes, "diff": self.diff},
            ),
        }


def _parents(path: str) -> Iterator[str]:
    while path != "/":
        path = os.path.dirname(path)
        yield path


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **journal.ARGUMENTS,
            "path": {"type": "path", "default": "/var/cache/gotmp"},
            "size": {"type": "str", "default": "auto"},
            "inodes": {"type": "int", "default": 0},
            "users": {"type": "list", "elements": "str", "default": []},
            "in_use": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    if os.geteuid() != 0:
        module.fail_json(msg="go_tmpfs writes /etc/fstab and mounts: run it as root (become: true).")
    target = Tmpfs(module)
    try:
        if module.params["state"] == "present":
            target.present()
        target.absent()
    except (tmpfs_plan.TmpfsError, accounts.AccountError) as error:
        module.fail_json(msg=text.line(error), changes=text.printable(target.changes))
    except OSError as error:
        module.fail_json(
            msg=f"{text.line(error.filename or FSTAB)} cannot be written: {error.strerror}; fix that, then run again.",
            changes=text.printable(target.changes),
        )


if __name__ == "__main__":
    main()
