# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: go_tmpfs
short_description: The Go command's temporary files in memory
version_added: 1.0.0
description:
  - Keeps one fstab line, for /tmp or for a mount of Go's own with a folder in it for each user, as O(place) says.
  - A mount of Go's own is compared with the kernel's mount table and remounted where it differs; /tmp is never mounted
    while the machine runs.
  - Nothing is touched before every check has passed; if mounting fails, files and mounts are put back. What an earlier
    tmpfs held is lost then, and a mount that everybody could write to stays narrowed.
options:
  place:
    description:
      - V(tmp) has /tmp itself in memory from the next start on. Go needs no setting for it, so that it works in
        sandboxes, containers and for every program.
      - V(gotmpdir) mounts O(path) now, with a folder for each user. Accounts whose Go also runs where that folder is
        missing get none, with the reason in RV(place).
      - V(auto) does nothing where /tmp is in memory already, or else takes the first of the two that is safe here.
    type: str
    choices: [auto, tmp, gotmpdir]
    default: auto
  gocache:
    description: Whether the build cache is to lie in the folders too, for which V(auto) takes V(gotmpdir).
    type: bool
    default: false
  path:
    description:
      - Mount point for O(place=gotmpdir), a folder of its own. V(/tmp) and the directories of the system are refused.
    type: path
    default: /var/cache/gotmp
  size:
    description:
      - Largest size, as a number with k, m or g, a percentage of memory, or V(auto).
      - V(auto) is a quarter of the memory, at most 2 GiB; for /tmp, which every program uses, all that is allowed.
        Memory is taken only as files fill it.
      - What V(auto) or a percentage was at the first run stays while the memory differs by at most 2 %, and for /tmp
        also when swap is turned on or off.
      - At most half of the memory with swap and a quarter without; at least 256m.
    type: str
    default: auto
  inodes:
    description:
      - Largest number of files. V(0) leaves the kernel's default, which is half the number of memory pages, and for
        /tmp takes 1048576.
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
attributes:
  check_mode:
    support: full
    description: Returns what would be done and changes nothing.
  diff_mode:
    support: full
    description: Shows C(/etc/fstab) and each other file that is written.
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
place:
  description:
    - C(kind) is V(memory) where /tmp is in memory already, V(tmp), V(gotmpdir), or V(none) where nothing is safe;
      C(reason); C(left_out), the accounts without a folder, each with its reason; C(waits), whether it is so only from
      the next start on; C(notes) and C(pending_sentences), what there is to know and to do.
  returned: when state is present
  type: dict
pending_sentences:
  description: What has to be done until what was restored is in force.
  returned: when state is absent
  type: list
  elements: str
size_bytes:
  description: Largest size of the tmpfs in bytes; 0 where none is made.
  returned: when state is present
  type: int
folders:
  description: Folder for temporary files by user.
  returned: when state is present
  type: dict
stale:
  description: Mount points and folders of earlier runs that stay while they are in use.
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
left:
  description: What could not be restored, and why, as sentences.
  returned: always
  type: list
  elements: str
"""

import contextlib
import functools
import os
import stat
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils import changes, journal
from ansible_collections.wsltune.go.plugins.module_utils.linux import (
    accounts,
    files,
    fstab,
    look,
    process,
    programs,
    systemd,
    text,
)
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import observe as tmpfs_observe
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import place as tmpfs_place
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

ROLE = "go_tmpfs"
FSTAB = tmpfs_observe.FSTAB


class Tmpfs:
    """Applies the plan of module_utils/tmpfs/plan.py to this machine."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.changes = changes.Changes(ROLE, _way_of, module.params["run"], module.check_mode)

    def command(self, *words: str) -> str:
        """Run mount or umount; return its message when it fails.

        Without what mount(8) keeps of its own options: for that any account can have both wait, by a lock on
        /run/mount/utab.lock.
        """
        command = [words[0], "-n", *words[1:]]
        code, out, err = self.module.run_command(command, environ_update=programs.own_path())
        return (err or out or f"exit {code}").strip().rstrip(".") if code else ""

    def table(self) -> str:
        """Return the text of fstab, empty where there is none."""
        return self.changes.read(FSTAB) or ""

    def tell_systemd(self, step: journal.Step | None = None) -> None:
        """Have systemd read a changed fstab; until then it would bring back what the old one said."""
        is_fstab = step is None or step.path == os.path.realpath(FSTAB)
        if is_fstab and not self.changes.check_mode and systemd.is_running():
            self.changes.notes += systemd.reload_fstab(self.module.run_command)

    def refuse(self, sentence: str) -> NoReturn:
        """Raise TmpfsError with the sentence."""
        raise tmpfs_plan.TmpfsError(sentence)

    def check_machine(self, path: str, table: str, people: Sequence[accounts.Account]) -> None:
        """Raise TmpfsError when this machine cannot take the tmpfs; nothing has been touched yet."""
        for silent, answer in look.silent([path]).items():
            self.refuse(f"go_tmpfs_path is {silent!r}, which gives {answer}: choose another path; nothing was changed.")
        names = [name for person in people for name in (person.name, str(person.uid))]
        reason = tmpfs_plan.obstacle(path, tmpfs_observe.ground(path, table, self.machine), names)
        if reason:
            self.refuse(f"{reason}; nothing was changed.")

    def check_table(self, table: str) -> None:
        """Raise TmpfsError when the fstab cannot be changed; nothing has been touched yet."""
        reason = tmpfs_plan.table_obstacle(table, tmpfs_observe.is_table_writable())
        if reason:
            self.refuse(f"{reason}; nothing was changed.")

    def present(self) -> NoReturn:
        """Write the fstab lines and mount them; raise TmpfsError, before anything changed, where that is not safe."""
        params = self.module.params
        path = tmpfs_plan.check_path(params["path"])
        people = accounts.find(params["users"])
        self.machine = wsl_observe.collect()
        observed = tmpfs_observe.observe(path, people, self.machine)
        place = tmpfs_place.choose(params["place"], observed, params["size"], params["gocache"])
        table = self.table()
        having = [person for person in people if person.name not in place.left_out]
        size = 0
        lines: list[fstab.Line] = []
        if place.kind == tmpfs_place.GOTMPDIR:
            size = tmpfs_plan.settle_size(params["size"], observed["memory"], table, path)
            self.check_machine(path, table, having)
            lines = tmpfs_plan.wanted_lines(path, size, params["inodes"], observed["needs_helper"], observed["busybox"])
        else:
            having = []
            self.check_table(table)
            if place.kind == tmpfs_place.TMP:
                size = tmpfs_plan.settle_size(params["size"], observed["memory"], table, tmpfs_place.TMP_PATH)
                lines = [tmpfs_plan.tmp_line(size, params["inodes"], observed["busybox"])]
        if place.kind == tmpfs_place.GOTMPDIR:
            # First, because everybody can write to a mount of an earlier version.
            self.narrow(path)
        stays = self.changes.made.copy()
        is_held = os.path.exists(tmpfs_plan.HOLD_PATH)
        earlier = tmpfs_plan.earlier_lines(table, lines)
        needed = [line for line in earlier if tmpfs_plan.is_used(line.mount_point, params["in_use"])]
        idle = [line for line in earlier if line not in needed]
        mounted = [line for line in idle if tmpfs_observe.live(line.mount_point) is not None]
        needed += [line for line in idle if not self.unmount(line.mount_point)]
        try:
            folders, stale = self.set_up(path, place.kind, lines + needed, having, size, observed)
        except (OSError, tmpfs_plan.TmpfsError):
            self.changes.restore(only=True, after=self.tell_systemd)
            self.hold(is_held)
            self.mount_again([line for line in mounted if line not in needed])
            self.changes.made = stays
            raise
        facts = {}
        if not self.changes.check_mode:
            facts["go_tmpfs"] = tmpfs_observe.observe(path, people, wsl_observe.collect(), observed)
        shared = tmpfs_plan.shared_note(path, size, [person.uid for person in having])
        if shared and self.changes.made:
            self.changes.notes.append(shared)
        self.module.exit_json(
            **self.result(path),
            ansible_facts=text.printable(facts),
            place=text.printable(tmpfs_place.describe(place, observed)),
            size_bytes=size,
            folders=folders,
            stale=tmpfs_plan.list_stale([line.mount_point for line in needed], stale),
            headlines=tmpfs_plan.headlines(self.changes.made, tmpfs_place.TMP_PATH if having == [] else path, folders),
        )

    def set_up(
        self,
        path: str,
        kind: str,
        lines: list[fstab.Line],
        having: Sequence[accounts.Account],
        size: int,
        observed: Mapping[str, Any],
    ) -> tuple[dict[str, str], list[str]]:
        """Write what is there again after a start, and mount what may be mounted now.

        Return the folder of each user, and the folders of an earlier run that are still used.
        """
        own_folder = kind == tmpfs_place.GOTMPDIR
        wanted = tmpfs_plan.folders_text(path, [(person.uid, person.gid) for person in having])
        used = tmpfs_plan.lines_in_use(observed["folders"] or "", self.module.params["in_use"], wanted)
        before = self.table().splitlines()
        self.hold(kind == tmpfs_place.TMP and not tmpfs_place.is_ours(observed["temporary"]))
        if self.changes.edit(FSTAB, lambda now: fstab.with_lines(now, lines), None, fstab.without_ours, shared=True):
            self.tell_systemd()
        if own_folder or observed["folders"] is not None:
            listed = wanted + "".join(f"{line}\n" for line in used)
            self.changes.edit(tmpfs_plan.FOLDERS_PATH, lambda _now: listed, mode=0o644)
        if own_folder and observed["needs_helper"]:
            self.changes.edit(tmpfs_plan.HELPER_PATH, lambda _now: tmpfs_plan.HELPER_TEXT, mode=0o755)
        if own_folder:
            self.mount(path, size, self.module.params["inodes"])
        if kind == tmpfs_place.TMP and lines[0].render() not in before:
            self.changes.made.append(f"/tmp is in memory from the next start on, at most {size // tmpfs_plan.MIB} MiB")
        folders = {person.name: folder for person in having if (folder := self.folder(path, person))}
        return folders, [folder for _line, folder, _uid, _gid in tmpfs_plan.folder_lines("\n".join(used))]

    def hold(self, wanted: bool) -> None:
        """Have systemd leave /tmp alone until the next start, or no longer."""
        if self.changes.check_mode or not systemd.is_running():
            return
        if wanted:
            files.Files().make_folders(os.path.dirname(tmpfs_plan.HOLD_PATH))
            files.Files().put(tmpfs_plan.HOLD_PATH, files.FileState.own(tmpfs_plan.HOLD_TEXT.encode(), 0o644))
        else:
            with contextlib.suppress(FileNotFoundError):
                files.Files().remove(tmpfs_plan.HOLD_PATH)
                os.rmdir(os.path.dirname(tmpfs_plan.HOLD_PATH))

    def mount(self, path: str, size: int, inodes: int) -> None:
        """Mount or remount as the fstab line says; `size` is in bytes, 0 inodes leave their number to the kernel."""
        live = tmpfs_observe.live(path)
        if live is None:
            self.changes.made.append(f"mounted a tmpfs of {size // tmpfs_plan.MIB} MiB on {path}")
            if self.changes.check_mode:
                return
            self.changes.journal.make_directory(path, role=ROLE)
            message = self.command("mount", path)
            if message:
                self.refuse(f"{path} could not be mounted ({message}): all is as it was before.")
            return
        # In check mode narrow() has said so already, and not done it.
        mode = tmpfs_plan.MODE if self.changes.check_mode else stat.S_IMODE(os.stat(path).st_mode)
        wrong = tmpfs_plan.deviations(live.options, live.super_options, size, mode, inodes)
        if not wrong:
            return
        change = f"remounted {path}: {', '.join(wrong)}"
        if self.changes.check_mode:
            self.changes.made.append(change)
            return
        message = self.command("mount", "-o", tmpfs_plan.remount_options(size, inodes), path)
        if not message:
            self.changes.made.append(change)
            return
        # With its source too, because mount would add the size in the fstab to the options otherwise (mount(8)).
        if self.command("mount", "-o", tmpfs_plan.REMOUNT, tmpfs_plan.SOURCE, path):
            self.refuse(f"{path} could not be remounted ({message}): all is as it was before.")
        # Anybody can fill it, and that is no reason to stop everybody.
        self.changes.notes.append(
            f"{path} keeps its size until the next start, because it may hold more than {size // tmpfs_plan.MIB} MiB "
            f"({message}); delete files there, then run again, or give a larger go_tmpfs_size"
        )

    def narrow(self, path: str) -> None:
        """Have the top of the live mount be as the fstab line makes it at the next start."""
        if tmpfs_observe.live(path) is None or tmpfs_observe.mode_of(path) == tmpfs_plan.MODE:
            return
        self.changes.made.append(f"gave {path} mode {tmpfs_plan.MODE:04o}")
        if not self.changes.check_mode:
            with files.opened_folder(path) as descriptor:
                os.chmod(f"/proc/self/fd/{descriptor}", tmpfs_plan.MODE)

    def folder(self, path: str, person: accounts.Account) -> str:
        """Make the folder of one user; return its path, nothing where something else has its name."""
        return self.make_folder(tmpfs_plan.folder_of(path, person.uid), person.uid, person.gid, person.name)

    def make_folder(self, folder: str, uid: int, gid: int, name: str) -> str:
        """Make one folder; return its path, nothing where something else has its name."""
        if tmpfs_observe.live(folder) is not None:
            return self.without_folder(name, f"something is mounted on {folder}")
        try:
            done, trouble = look.once(functools.partial(_give, folder, uid, gid, self.changes.check_mode))
        except TimeoutError as error:
            return self.without_folder(name, f"{folder} gives {error.strerror}")
        except NotADirectoryError:
            return self.without_folder(name, f"{folder} is no directory")
        except OSError as error:
            # Such as a mount of the user's own there, which root cannot see.
            return self.without_folder(name, f"{folder}: {error.strerror}")
        if trouble:
            return self.without_folder(name, f"{folder} {trouble}")
        if done:
            self.changes.made.append(f"made {folder}" if done == "made" else f"gave {folder} to {name}, mode 0700")
        return folder

    def without_folder(self, name: str, reason: str) -> str:
        """Note why a user gets no folder, and return the empty path that stands for none."""
        self.changes.notes.append(f"{name} has no folder for Go's temporary files: {reason}; remove it, then run again")
        return ""

    def unmount(self, path: str) -> bool:
        """Unmount a tmpfs; return whether it is gone. Who uses one is said: it stays until the next run or start."""
        live = tmpfs_observe.live(path)
        if live is None or live.source != tmpfs_plan.SOURCE:
            return True
        message = "" if self.changes.check_mode else self.command("umount", path)
        if not message:
            self.changes.made.append(f"unmounted {path}")
            return True
        use = tmpfs_plan.explain_use(process.holders(path), tmpfs_observe.inside(path))
        self.changes.left.append(
            f"{path} could not be unmounted ({message}){use}; end what uses it, or restart, then run again"
        )
        return False

    def mount_again(self, lines: Sequence[fstab.Line]) -> None:
        """Mount what was there before this run, with the folders of its users."""
        for line in lines:
            size = tmpfs_plan.parse_live_size(line.options)
            if line.fstype == "tmpfs" and size:
                self.mount(line.mount_point, size, 0)
        if lines and not self.changes.check_mode:
            for _line, folder, uid, gid in tmpfs_plan.folder_lines(self.changes.read(tmpfs_plan.FOLDERS_PATH) or ""):
                self.make_folder(folder, uid, gid, f"user id {uid}")

    def absent(self) -> NoReturn:
        """Unmount and restore what was there before, of this run only where that is asked for."""
        only = self.module.params["only_this_run"]
        entries = [
            entry for entry in self.changes.journal.entries(ROLE) if not only or entry.run == self.changes.journal.run
        ]
        stay = self.before_run() if only else []
        made = [entry.path for entry in entries if entry.directory]
        ending = tmpfs_plan.mounts_to_unmount(self.table(), made, tmpfs_observe.ours(), stay, whole=not only)
        busy = [path for path in ending if (entries or not only) and not self.unmount(path)]
        self.changes.restore(lambda entry: not (entry.directory and entry.path in busy), only, after=self.tell_systemd)
        self.hold(False)
        self.changes.left += self.changes.journal.damaged()
        if entries:
            self.mount_again(stay)
        if not self.changes.check_mode:
            self.changes.journal.close()
        tmp = tmpfs_observe.live(tmpfs_place.TMP_PATH)
        held = [line for line in fstab.marked(self.table()) if line.mount_point == tmpfs_place.TMP_PATH]
        # A run that took back what was slower left nothing to restore, and still it waits.
        waiting = tmp is not None and tmpfs_plan.is_ours(tmp) and (bool(entries) or not held)
        command = wsl_judge.restart_command(wsl_observe.collect())
        self.module.exit_json(
            **self.result(self.module.params["path"]),
            pending_sentences=tmpfs_place.pending_rollback(command) if waiting else [],
        )

    def before_run(self) -> list[fstab.Line]:
        """Return the marked lines of fstab as they were before this run."""
        entry = self.changes.journal.entry(FSTAB)
        if entry is None or entry.run != self.changes.journal.run:
            return fstab.marked(self.table())
        return [] if entry.before_run is None else fstab.marked(text.decode(entry.before_run.content))

    def result(self, path: str) -> dict[str, Any]:
        """Return the result with what is mounted on `path` now; empty where nothing is."""
        live = tmpfs_observe.live(path)
        return {
            **self.changes.result(),
            "path": path,
            "live": {}
            if live is None
            else {
                "fstype": live.fstype,
                "source": live.source,
                "options": list(live.options) + list(live.super_options),
                "mode": f"{stat.S_IMODE(os.stat(path).st_mode):04o}",
            },
        }


def _way_of(entry: journal.Entry) -> journal.Way:
    """Return how a file is restored: of the fstab only the role's lines, because others have lines there."""
    if entry.path != os.path.realpath(FSTAB):
        return journal.Way()
    return journal.Way(fstab.without_ours, functools.partial(fstab.part, fstab.MARK))


def _give(folder: str, uid: int, gid: int, check: bool) -> tuple[str, str]:
    """Make one folder or give it to its user; return what was done, C(made) or C(gave), and else what is in the way.

    Root changes what it has open and not what has the name: until a mount of an earlier version is root's alone,
    others can take a name there. In a child, because its user can mount there what never answers at any moment.
    """
    parent, name = os.path.split(folder)
    done = ""
    try:
        with files.opened_folder(parent) as tmpfs:
            try:
                os.stat(name, dir_fd=tmpfs, follow_symlinks=False)
            except FileNotFoundError:
                done = "made"
                if check:
                    return done, ""
                os.mkdir(name, 0o700, dir_fd=tmpfs)
            with files.opened_inner(tmpfs, name) as inner:
                status = os.fstat(inner)
                if status.st_dev != os.fstat(tmpfs).st_dev:
                    return "", "is on another file system"
                wrong = tmpfs_plan.folder_deviation(
                    stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, (uid, gid)
                )
                if wrong is None:
                    return "", f"belongs to user id {status.st_uid}"
                if wrong and not check:
                    os.chmod(f"/proc/self/fd/{inner}", 0o700)
                    os.chown(f"/proc/self/fd/{inner}", uid, gid)
                return done or ("gave" if wrong else ""), ""
    except FileNotFoundError:
        if check:
            # The tmpfs is not mounted yet.
            return "made", ""
        raise


def main() -> None:
    """Mount or restore memory for Go's temporary files; root only."""
    module = AnsibleModule(
        argument_spec={
            **journal.ARGUMENTS,
            "place": {"type": "str", "choices": ["auto", "tmp", "gotmpdir"], "default": "auto"},
            "gocache": {"type": "bool", "default": False},
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
        module.fail_json(msg=text.line(error), changes=text.printable(target.changes.made))
    except OSError as error:
        path = text.line(error.filename or FSTAB)
        module.fail_json(
            msg=f"{path} cannot be read or written: {error.strerror}; fix that, then run again.",
            changes=text.printable(target.changes.made),
        )


if __name__ == "__main__":
    main()
