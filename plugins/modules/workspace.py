# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: workspace
short_description: Projects on the distro's own disk instead of a Windows drive
version_added: 1.0.0
description:
  - Copies projects, with all that Git knows of them and the changes it does not know yet, and proves that each copy is
    the same before it takes its name. The originals are only read.
  - Shows the new place under the old path too, where asked for, by a bind mount that comes back at every start.
  - Every project is checked before the first one is touched; a run that was killed is finished by the next one.
  - With O(state=absent) the mounts and their fstab lines go, and half copies; originals and copies stay.
options:
  projects:
    description: What to copy.
    type: list
    elements: dict
    default: []
    suboptions:
      source:
        description: The project's folder, such as V(/mnt/c/Users/alice/shop).
        type: str
        required: true
      target:
        description: Where the copy goes; without it C(src) in the home, under the same name.
        type: str
      user:
        description: Whose project it is; without it the owner that the drive shows.
        type: str
      bind:
        description: Whether the copy is also shown under the path of the original, which it then hides on this distro.
        type: bool
        default: false
      ignored:
        description: Whether files that Git ignores are copied too.
        type: bool
        default: false
      tests:
        description:
          - Whether C(go test ./...) must end the same in the original and the copy.
          - Tests that write into their source fail this, for the original must not change.
        type: bool
        default: false
notes:
  - Needs root; every file is read and written with the rights of the project's user.
  - Errors are one sentence each, such as too little room, a target that exists, a project in use or unreadable, a Git
    worktree without its repository.
extends_documentation_fragment:
  - wsltune.go.rollback
author: wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: Copy a project to ~/src and show it under its old path
  wsltune.go.workspace:
    projects:
      - source: /mnt/c/Users/alice/shop
        bind: true

- name: Take the mounts away; originals and copies stay
  wsltune.go.workspace:
    state: absent
"""

RETURN = r"""
projects:
  description:
    - Each with C(source), C(target), C(user), C(copied) (by this run), C(bound), C(windows_path) (what Windows programs
      call the copy; null outside WSL), C(proof) (what was compared, and how much, where copied by this run) and C(live)
      (whether the machine shows the copy at C(target), and at C(source)).
  returned: when state is present
  type: list
  elements: dict
notes:
  description: What is worth knowing about a copy, as sentences.
  returned: always
  type: list
  elements: str
changes:
  description: What was changed, step by step.
  returned: always
  type: list
  elements: str
headlines:
  description: What was changed, in few words for a summary.
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
import pwd
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils import (
    accounts,
    fstab,
    journal,
    mountinfo,
    process,
    workspace_copy,
    workspace_plan,
    wsl_conf,
    wsl_machine,
    wsl_state,
)
from ansible_collections.wsltune.go.plugins.module_utils.workspace_plan import WorkspaceError

ROLE = "workspace"
FSTAB = "/etc/fstab"


class Workspace:
    """Brings the projects to where they shall be, by workspace_plan.py and workspace_copy.py."""

    def __init__(self, module):
        self.module = module
        self.journal = journal.Journal(run=module.params["run"] or f"{time.time():.6f}")
        self.machine = wsl_machine.collect(run_command=module.run_command)
        self.people = {}
        self.changes = []
        self.headlines = []
        self.notes = []
        self.kept = []
        self.diff = []

    def mounts(self):
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as handle:
            return mountinfo.parse(handle.read(), wsl_state.is_wsl(self.machine), self.machine.virtiofs_links)

    def fstab(self):
        state = journal.read_state(os.path.realpath(FSTAB))
        return "" if state is None else state.content.decode("utf-8", "surrogateescape")

    # What is asked for

    def person(self, name):
        if name not in self.people:
            self.people[name] = workspace_copy.Person(accounts.find([name])[0])
        return self.people[name]

    def project(self, given):
        """Return the Project that C(given) means."""
        source = workspace_plan.normal(given["source"], "~", "source")
        if not os.path.isdir(source):
            raise WorkspaceError(f"workspace_projects has source {source}, which is not a directory on this machine.")
        source = os.path.realpath(source)
        name = given["user"]
        if not name:
            owner = os.stat(source).st_uid
            try:
                name = pwd.getpwuid(owner).pw_name
            except KeyError:
                raise WorkspaceError(
                    f"{source} belongs to user id {owner}, which has no account here: name the project's user."
                ) from None
        home = self.person(name).account.home
        target = given["target"] or workspace_plan.default_target(source, home)
        target = workspace_plan.normal(target, home, "target")
        parent = os.path.realpath(os.path.dirname(target))
        return workspace_plan.Project(
            source=source,
            target=os.path.join(parent, os.path.basename(target)),
            user=name,
            bind=given["bind"],
            ignored=given["ignored"],
            tests=given["tests"],
        )

    def check(self, project):
        """Return the Copy that is to be made, None when it was made before; WorkspaceError when it cannot be."""
        mounts = self.mounts()
        person = self.person(project.user)
        with person.acting():
            done = workspace_copy.is_copied(project)
        if done and (not project.bind or self.is_bound(project)):
            return None
        users = process.holders(project.source)
        if users:
            raise WorkspaceError(
                f"{project.source} is in use by {', '.join(users[:5])}: end these programs or leave that folder, then "
                "run again; nothing was changed."
            )
        if done:
            return None
        on = mountinfo.find(mounts, project.source)
        if on is not None and on.mount_point == project.source:
            raise WorkspaceError(f"{project.source} is a whole drive or mount: name a project's folder in it.")
        if on is not None and not on.windows_drive:
            self.notes.append(
                f"{project.source} does not lie on a Windows drive ({on.fstype}), so its copy may be no faster"
            )
        to = mountinfo.find(mounts, project.target)
        if to is not None and (to.windows_drive or to.fstype in ("tmpfs", "ramfs")):
            what = "a Windows drive" if to.windows_drive else "in memory and gone at the next start"
            raise WorkspaceError(f"The target {project.target} is {what}: choose one on the distro's own disk.")
        if os.path.lexists(project.target) and not _is_empty(project.target):
            raise WorkspaceError(
                f"The target {project.target} exists and is not wsltune's copy of {project.source}: choose another "
                "target, or move it away; nothing was changed."
            )
        with person.acting():
            left = workspace_copy.leftovers(project)
        for path in (project.stage, project.worktrees):
            if os.path.lexists(path) and path not in left:
                raise WorkspaceError(f"{path} exists and is not wsltune's: move it away or choose another target.")
        if os.path.lexists(os.path.join(project.source, ".git")) and not workspace_copy.git_is_there(
            person.environment
        ):
            raise WorkspaceError(f"{project.source} is a Git project and there is no git here: install git first.")
        copy = workspace_copy.Copy(project, person)
        copy.scan()
        if not left:
            copy.check_room()
        return copy

    def check_bind(self, projects):
        """Raise WorkspaceError when the old path of a project cannot show the new place at every start."""
        if not any(project.bind for project in projects):
            return
        try:
            fstab.check(self.fstab())
        except fstab.FstabError as error:
            raise WorkspaceError(f"{FSTAB} is broken, {error}: mend that line first; nothing was changed.") from error
        if os.path.exists(FSTAB) and not os.access(FSTAB, os.W_OK):
            raise WorkspaceError(f"{FSTAB} cannot be written (read-only file system?): nothing was changed.")
        for project in projects:
            foreign = [line for line in fstab.lines_for(self.fstab(), project.source) if not line.ours]
            if project.bind and foreign:
                raise WorkspaceError(
                    f"{FSTAB} has a line for {project.source} that wsltune did not write ({foreign[0].render()!r}): "
                    "remove it or set bind to false; nothing was changed."
                )
        conf = wsl_conf.parse(self.machine.conf or "").values if wsl_state.is_wsl(self.machine) else {}
        if conf.get("automount.mountFsTab") is False and not self.systemd:
            raise WorkspaceError(
                "automount.mountFsTab is false in /etc/wsl.conf and there is no systemd, so no bind mount would come "
                "back at the next start: set wsl_conf_automount_mount_fs_tab to true; nothing was changed."
            )

    @property
    def systemd(self):
        return bool(wsl_state.runs_systemd(self.machine))

    def live(self, project):
        """Return what the machine shows now: whether the copy is there, and shown at its source."""
        with self.person(project.user).acting():
            return {"target": workspace_copy.is_copied(project), "source": self.is_bound(project)}

    def is_bound(self, project):
        try:
            return os.path.samefile(project.source, project.target)
        except OSError:
            return False

    # What is done

    def present(self):
        projects = [self.project(given) for given in self.module.params["projects"]]
        workspace_plan.check_together(projects)
        self.check_bind(projects)
        # Every project is checked before the first is touched.
        copies = [(project, self.check(project)) for project in projects]
        copied = []
        for project, copy in copies:
            if self.tidy(project) and copy is not None:
                copy.check_room()
            if copy is not None:
                self.copy(project, copy)
                copied.append(project)
        bound = self.bind(projects)
        self.headlines = workspace_plan.headlines(copied, bound)
        distro = wsl_state.distro(self.machine) if wsl_state.is_wsl(self.machine) else None
        told = [
            {
                "source": project.source,
                "target": project.target,
                "user": project.user,
                "copied": copy is not None,
                "bound": project.bind,
                "windows_path": workspace_plan.way_back(distro, project.target),
                "proof": copy.proof if copy else {},
                "live": self.live(project),
            }
            for project, copy in copies
        ]
        for one in told:
            if one["copied"] and one["windows_path"]:
                self.notes.append(f"Windows programs find {one['target']} as {one['windows_path']}")
        self.module.exit_json(**self.result(), projects=told)

    def tidy(self, project):
        """Finish or remove what a killed run left; return whether a half copy was there."""
        person = self.person(project.user)
        with person.acting():
            if workspace_copy.is_copied(project):
                if not self.module.check_mode:
                    workspace_copy.settle(project)
                return False
            left = workspace_copy.leftovers(project)
            if left and not self.module.check_mode:
                workspace_copy.clear(project)
        self.changes += [f"removed the half copy {path}" for path in left]
        return bool(left)

    def copy(self, project, copy):
        if not self.module.check_mode:
            copy.make()
        self.changes.append(f"copied {project.source} to {project.target}")
        self.notes += copy.notes

    def drive_options(self, drive):
        """Return the options with which WSL would mount C(drive), by the conf file that it reads."""
        there = os.stat(drive.mount_point)
        asked = wsl_conf.parse(self.machine.conf or "").values.get("automount.options") or ""
        return ",".join(filter(None, (f"uid={there.st_uid}", f"gid={there.st_gid}", str(asked))))

    def lines(self, projects):
        """Return the fstab lines of the projects that are to be bound."""
        mounts, text, found = self.mounts(), self.fstab(), []
        for project in projects:
            drive = workspace_plan.drive_above(mounts, project.source)
            if drive is not None and drive.mount_point == "/":
                drive = None
            options = ""
            if drive is not None and drive.windows_drive:
                options = self.drive_options(drive)
                if any(not line.ours for line in fstab.lines_for(text, drive.mount_point)):
                    # The user's own line mounts it already.
                    found += workspace_plan.bind_lines(project, self.systemd, None, "")
                    continue
            found += workspace_plan.bind_lines(project, self.systemd, drive, options)
        return found

    def bind(self, projects):
        """Keep the fstab lines and the live mounts; return the projects that were bound now."""
        wanted = [project for project in projects if project.bind]
        before = self.fstab()
        after = workspace_plan.with_bind_lines(before, self.lines(wanted))
        gone = [line for line in fstab.marked(before, workspace_plan.MARK) if line.fstype == "none"]
        for line in gone:
            if line.mount_point not in [project.source for project in wanted]:
                self.unmount(line.mount_point, line.source)
        if after != before:
            self.diff.append({"before_header": FSTAB, "after_header": FSTAB, "before": before, "after": after})
            self.changes.append(f"wrote {FSTAB}")
            if not self.module.check_mode:
                self.write_fstab(after)
        new = [project for project in wanted if not self.is_bound(project)]
        for project in new:
            self.changes.append(f"mounted {project.target} on {project.source}")
            if self.module.check_mode:
                continue
            code, out, err = self.module.run_command(["mount", "--bind", project.target, project.source])
            if code:
                if after != before:
                    self.write_fstab(before)
                raise WorkspaceError(
                    f"{project.target} could not be mounted on {project.source} ({(err or out).strip()}): the copy "
                    "stays; mend that and run again, or set bind to false."
                )
        return new

    def write_fstab(self, text):
        content = text.encode("utf-8", "surrogateescape")
        self.journal.write(FSTAB, content, role=ROLE, revert=fstab.without_ours, shared=True)
        self.tell_systemd()

    def tell_systemd(self):
        if os.path.isdir("/run/systemd/system"):
            self.module.run_command(["systemctl", "daemon-reload"])

    def unmount(self, place, target):
        """Take away the bind mount of C(target) on C(place), and no other mount."""
        try:
            ours = [mount for mount in self.mounts() if mount.mount_point == place][-1:]
            if not ours or not os.path.samefile(place, target):
                return
        except OSError:
            return
        self.changes.append(f"unmounted {place}")
        if self.module.check_mode:
            return
        code, out, err = self.module.run_command(["umount", place])
        if code:
            users = ", ".join(process.holders(place)[:5])
            raise WorkspaceError(
                f"{place} could not be unmounted ({(err or out).strip()}){': ' + users + ' use it' if users else ''}; "
                "end these programs, then run again."
            )

    def absent(self):
        only = self.module.params["only_this_run"]
        entry = next(iter(self.journal.entries(ROLE)), None)
        if only and entry is not None and entry.run != self.journal.run:
            entry = None
        if entry is not None:
            before = entry.before_run.content if only and entry.before_run else b""
            stay = fstab.marked(before.decode("utf-8", "surrogateescape"), workspace_plan.MARK)
            for line in fstab.marked(self.fstab(), workspace_plan.MARK):
                if line.fstype == "none" and line not in stay:
                    self.unmount(line.mount_point, line.source)
                    self.notes.append(f"{line.mount_point} is the original again; the copy {line.source} stays")
            if self.module.check_mode:
                self.changes.append(f"gave back {FSTAB}")
            else:
                part = functools.partial(fstab.part, workspace_plan.MARK)
                restored = self.journal.restore(FSTAB, fstab.without_ours, only, role=ROLE, part=part)
                if restored.changed:
                    self.changes.append(f"gave back {FSTAB}")
                    self.tell_systemd()
                if restored.kept:
                    self.kept.append(restored.kept)
        for given in self.module.params["projects"]:
            if os.path.isdir(given["source"]):
                self.tidy(self.project(given))
        if not self.module.check_mode:
            self.journal.close()
        self.module.exit_json(**self.result())

    def result(self):
        return {
            "changed": bool(self.changes),
            "changes": self.changes,
            "headlines": self.headlines,
            "notes": self.notes,
            "kept": self.kept,
            "diff": self.diff,
        }


def _is_empty(path):
    return os.path.isdir(path) and not os.path.islink(path) and not os.listdir(path)


def main():
    project = {
        "source": {"type": "str", "required": True},
        "target": {"type": "str"},
        "user": {"type": "str"},
        "bind": {"type": "bool", "default": False},
        "ignored": {"type": "bool", "default": False},
        "tests": {"type": "bool", "default": False},
    }
    module = AnsibleModule(
        argument_spec={
            **journal.ARGUMENTS,
            "projects": {"type": "list", "elements": "dict", "default": [], "options": project},
        },
        supports_check_mode=True,
    )
    if os.geteuid() != 0:
        module.fail_json(
            msg="workspace writes /etc/fstab and acts as the projects' users: run it as root (become: true)."
        )
    target = Workspace(module)
    try:
        if module.params["state"] == "present":
            target.present()
        target.absent()
    except (WorkspaceError, accounts.AccountError) as error:
        module.fail_json(msg=str(error), changes=target.changes)
    except OSError as error:
        module.fail_json(
            msg=f"{error.filename or FSTAB}: {error.strerror}; mend that, then run again; the original is as it was.",
            changes=target.changes,
        )


if __name__ == "__main__":
    main()
