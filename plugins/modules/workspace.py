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
        description:
          - Whether the copy is also shown under the path of the original, which it then hides on this distro.
          - On Windows drives only. Elsewhere root would mount, at every start, over a path that others can lead away.
        type: bool
        default: false
      ignored:
        description: Whether files that Git ignores are copied too.
        type: bool
        default: false
      tests:
        description:
          - Whether C(go test ./...) must end the same in the original and the copy.
          - Tests that write into their source fail this, because the original must not change.
        type: bool
        default: false
attributes:
  check_mode:
    support: full
    description: Returns what would be done and changes nothing.
  diff_mode:
    support: partial
    description: Shows C(/etc/fstab).
    details: The files of a copy are not shown.
notes:
  - Needs root; every file is read and written by a process of the project's user.
  - Off the Windows drives a Git repository of another account is not read by Git, and its copy is compared file by file
    alone. What others can change is not copied for root.
  - Errors are one sentence each, such as too little room, a target that exists, a project in use or unreadable, a Git
    worktree without its repository.
  - Where other projects can be copied, such an error is a note, and what was bound earlier stays so in that run. A
    value that is wrong by itself, such as a relative path, is always an error.
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
      call the copy; null outside WSL), C(proof) (what was compared, and how much, where copied by this run), C(live)
      (whether the machine shows the copy at C(target), and at C(source)) and C(holds) (whether that is what was asked
      for).
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
left:
  description: What could not be restored, and why, as sentences.
  returned: always
  type: list
  elements: str
"""

import contextlib
import functools
import os
import pwd
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NoReturn, TypeVar

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils import changes, journal
from ansible_collections.wsltune.go.plugins.module_utils.linux import (
    accounts,
    become,
    files,
    fstab,
    look,
    mount,
    mountinfo,
    process,
    systemd,
    text,
)
from ansible_collections.wsltune.go.plugins.module_utils.linux.fstab import Line
from ansible_collections.wsltune.go.plugins.module_utils.workspace import copy as workspace_copy
from ansible_collections.wsltune.go.plugins.module_utils.workspace import places
from ansible_collections.wsltune.go.plugins.module_utils.workspace import plan as workspace_plan
from ansible_collections.wsltune.go.plugins.module_utils.workspace.places import WorkspaceError
from ansible_collections.wsltune.go.plugins.module_utils.workspace.plan import Project
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

ROLE = "workspace"
FSTAB = "/etc/fstab"
ERRORS = (WorkspaceError, accounts.AccountError)
T = TypeVar("T")
R = TypeVar("R")
LOOKING = 900.0
"""Seconds for a look at a project, of which a slow drive may need minutes."""
FIRST = 3600.0
EACH = 900.0
"""Seconds for all that one user's process does, and for each project more: its user may have stopped it, or let
it answer late each time, and the other users' projects wait.
"""


def _apart(function: Callable[[], T], limit: float = become.LIMIT) -> T:
    """Call it in a child that is given up after C(limit) seconds, because a folder on the way may never answer."""
    return become.ask(None, function, limit=limit, errors=ERRORS, always=True)  # type: ignore[no-any-return]


def _is_same(place: str, target: str) -> bool:
    with files.opened_folder(place) as shown, files.opened_folder(target) as meant:
        return os.path.samestat(os.fstat(shown), os.fstat(meant))


def _bind(project: Project, uid: int) -> None:
    """Mount the copy that belongs to C(uid) on its source."""
    with files.opened_folder(project.source) as place, files.opened_folder(project.target) as target:
        mark = os.getxattr(f"/proc/self/fd/{target}", workspace_copy.ATTRIBUTE)
        if workspace_plan.marked_source(mark) != project.source or os.fstat(target).st_uid != uid:
            raise WorkspaceError(f"{project.target} is not {project.user}'s copy any more")
        mount.bind(target, place, project.source)


def _owner(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_uid, status.st_gid


class Workspace:
    """Brings the projects to where they shall be, by workspace/plan.py and workspace/copy.py."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.changes = changes.Changes(ROLE, _way_of, module.params["run"], module.check_mode)
        self.machine = wsl_observe.collect(run_command=module.run_command)
        self.accounts: dict[str, accounts.Account] = {}
        self.couriers: dict[str, become.Hands] = {}
        self.environments: dict[str, dict[str, str]] = {}
        self.headlines: list[str] = []
        self.failures: list[Exception] = []
        """Why projects are left out of this run."""
        self.led: list[Project] = []
        """Projects that lie where a link led to, and not where they were named."""
        self.unbound: set[str] = set()

    def mounts(self) -> list[mountinfo.Mount]:
        """Return the mounts of this moment."""
        return wsl_observe.read_mounts(self.machine)

    def fstab(self) -> str:
        """Return the text of /etc/fstab, empty where there is none; bytes that are no UTF-8 survive."""
        return self.changes.read(FSTAB) or ""

    # The users

    def account(self, name: str) -> accounts.Account:
        """Return the account of a name, looked up once; raise AccountError where there is none."""
        if name not in self.accounts:
            self.accounts[name] = accounts.find([name])[0]
        return self.accounts[name]

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment of the account's login, which is started once."""
        if name not in self.environments:
            self.environments[name] = accounts.login_environment(self.account(name))
        return self.environments[name]

    def ask(self, name: str, what: str, *words: object, limit: float | None = None) -> Any:
        """Have a process of the user do C(what) of workspace_copy.Courier.

        For root too, because only a child can be given up: what seems root's may lie where another account can put a
        folder in its place that gives no answer.
        """
        if name not in self.couriers:
            account = self.account(name)
            make = functools.partial(workspace_copy.Courier, account, self.mounts())
            self.couriers[name] = become.Hands(
                accounts.identity(account), make, ERRORS, total=self.allowed(), memory=become.MUCH
            )
        return self.couriers[name].call(what, *words, limit=limit)

    def allowed(self) -> float:
        """Return how many seconds all steps of one user's projects may take."""
        projects = self.module.params["projects"]
        tests = 2 * workspace_copy.LIMIT * sum(1 for project in projects if project["tests"])
        return FIRST + EACH * len(projects) + tests

    def close(self) -> None:
        """End the users' processes."""
        for courier in self.couriers.values():
            courier.close()

    # What is asked for

    def owner(self, source: str) -> str:
        """Return the name of the account that C(source) belongs to; WorkspaceError when that is not certain."""
        try:
            owner = int(look.once(functools.partial(files.owner_of, source)))
        except OSError as error:
            if look.once(functools.partial(os.path.isdir, source)):
                raise WorkspaceError(
                    f"{source} leads over a link that its owner can change: name the project's user."
                ) from error
            raise WorkspaceError(
                f"workspace_projects has source {source}, which is not a directory on this machine."
            ) from error
        try:
            return pwd.getpwuid(owner).pw_name
        except KeyError:
            raise WorkspaceError(
                f"{source} belongs to user id {owner}, which has no account here: name the project's user."
            ) from None

    def check_values(self, given: Mapping[str, Any]) -> None:
        """Raise what is wrong with the values themselves, whatever the project is like."""
        places.normal(given["source"], "~", "source")
        places.normal(given["target"] or "~", "/", "target")
        if given["user"]:
            self.account(given["user"])

    def leave_out(self, source: str, error: Exception) -> None:
        """Note why a project is left out: what its user does with it is no reason to stop everybody."""
        reason = f"{error.filename or source}: {error.strerror}" if isinstance(error, OSError) else str(error)
        self.failures.append(error)
        self.changes.notes.append(f"{source} is left out: {reason.rstrip('.')}; fix that, then run again")

    def is_left_out(self, error: Exception) -> bool:
        """Whether C(error) is what is wrong with the projects themselves, and not with what was asked for."""
        return any(error is failure for failure in self.failures)

    def attempt(self, projects: Sequence[tuple[str, T]], step: Callable[[T], R]) -> list[R]:
        """Return what C(step) makes of each project, which has its source; raise the first failure where all fail."""
        made = []
        for source, project in projects:
            try:
                made.append(step(project))
            except (*ERRORS, OSError) as error:
                self.leave_out(source, error)
        if self.failures and not made:
            raise self.failures[0]
        return made

    def project(self, given: Mapping[str, Any]) -> Project:
        """Return the Project that C(given) means."""
        source = places.normal(given["source"], "~", "source")
        for path, reason in look.silent([source]).items():
            raise WorkspaceError(f"workspace_projects has source {path}, which gives {reason}.")
        name = given["user"] or self.owner(source)
        home = self.account(name).home
        real = self.ask(name, "folder", source, limit=become.LIMIT)
        target = given["target"] or places.default_target(real, home)
        target = places.normal(target, home, "target")
        project = Project(
            source=real,
            target=self.ask(name, "target", target, limit=become.LIMIT),
            user=name,
            bind=given["bind"],
            ignored=given["ignored"],
            tests=given["tests"],
        )
        if (project.source, project.target) != (source, target):
            self.led.append(project)
        return project

    def together(self, projects: Sequence[Project]) -> list[Project]:
        """Return the projects that can be carried out together.

        What was named wrongly is raised, but where a link of a user's led a project is a reason to leave it out.
        """
        led = [project for project in projects if any(project is other for other in self.led)]
        kept = [project for project in projects if not any(project is other for other in led)]
        workspace_plan.check_together(kept)
        self.check_bind(kept)
        for project in led:
            try:
                workspace_plan.check_together([*kept, project])
                self.check_bind([project])
                kept.append(project)
            except WorkspaceError as error:
                self.leave_out(project.source, error)
        if self.failures and not kept:
            raise self.failures[0]
        return kept

    def check(self, project: Project) -> bool:
        """Return whether a copy is to be made; WorkspaceError when it cannot be."""
        mounts = self.mounts()
        done = self.is_copied(project)
        if done and (not project.bind or self.is_bound(project)):
            return False
        # Others of a team work there when they like, and a change while it is copied is found.
        workspace_plan.check_unused(project, process.holders(project.source, {0, self.account(project.user).uid}))
        if done:
            return False
        on = mountinfo.find(mounts, project.source)
        workspace_plan.check_places(project, on, mountinfo.find(mounts, project.target))
        self.changes.notes += filter(None, [workspace_plan.slow_note(project, on)])
        environment = self.environment(project.user)
        notes = self.ask(project.user, "scan", asdict(project), environment, limit=LOOKING)
        if self.changes.check_mode:
            self.changes.notes += notes
        return True

    def check_bind(self, projects: Sequence[Project]) -> None:
        """Raise WorkspaceError when the old path of a project cannot show the new place at every start."""
        if not any(project.bind for project in projects):
            return
        writable = not os.path.exists(FSTAB) or os.access(FSTAB, os.W_OK)
        followed = wsl_judge.follows_fstab(self.machine)
        workspace_plan.check_bind(projects, self.mounts(), self.fstab(), writable, followed)

    def is_copied(self, project: Project) -> bool:
        """Ask as the project's user whether the target is a finished copy."""
        copied: bool = self.ask(project.user, "is_copied", asdict(project), limit=become.LIMIT)
        return copied

    def live(self, project: Project) -> dict[str, bool]:
        """Return what the machine shows now: whether the copy is there, and shown at its source."""
        return {"target": self.is_copied(project), "source": self.is_bound(project)}

    def is_bound(self, project: Project) -> bool:
        """Return whether the copy is mounted on the source's path; False where either does not answer."""
        return self.is_mounted(project.source, project.target)

    def is_mounted(self, place: str, target: str) -> bool:
        """Return whether C(target) is mounted on C(place); False where either does not answer."""
        with contextlib.suppress(TimeoutError):
            return self.ask_mounted(place, target)
        return False

    def ask_mounted(self, place: str, target: str) -> bool:
        """Return whether the last mount on C(place) is that of C(target), and no part of either is a link.

        TimeoutError where either does not answer.
        """
        if not any(shown.mount_point == place for shown in self.mounts()):
            return False
        try:
            return _apart(functools.partial(_is_same, place, target))
        except TimeoutError:
            raise
        except OSError:
            return False

    # What is done

    def present(self) -> NoReturn:
        """Copy the projects and bind them; every project is checked before the first is touched."""
        given = self.module.params["projects"]
        for values in given:
            self.check_values(values)
        projects = self.attempt([(values["source"], values) for values in given], self.project)
        projects = self.together(projects)
        # Every project is checked before the first is touched.
        wanted = self.attempt(
            [(project.source, project) for project in projects], lambda project: (project, self.check(project))
        )
        done = self.attempt([(project.source, (project, missing)) for project, missing in wanted], self.carry_out)
        copied = [project for project, missing, _proof in done if missing]
        bound = self.bind([project for project, _missing, _proof in done])
        self.headlines = workspace_plan.headlines(copied, bound)
        distro = wsl_judge.distro(self.machine) if wsl_judge.is_wsl(self.machine) else None

        def show_place(item: tuple[Project, bool, dict[str, Any]]) -> dict[str, Any]:
            project, missing, proof = item
            live = self.live(project)
            holds = live["target"] and (live["source"] or not project.bind)
            if not holds and not self.changes.check_mode:
                self.changes.notes.append(workspace_plan.not_live(project, live))
            return {
                "source": project.source,
                "target": project.target,
                "user": project.user,
                "copied": missing,
                "bound": project.bind,
                "windows_path": workspace_plan.way_back(distro, project.target),
                "proof": proof,
                "live": live,
                "holds": holds,
            }

        shown = [item for item in done if item[0].source not in self.unbound]
        placed = self.attempt([(item[0].source, item) for item in shown], show_place)
        for place in placed:
            if place["copied"] and place["windows_path"]:
                self.changes.notes.append(f"Windows programs find {place['target']} as {place['windows_path']}")
        self.module.exit_json(**self.result(projects=placed))

    def carry_out(self, wanted: tuple[Project, bool]) -> tuple[Project, bool, dict[str, Any]]:
        """Copy a project where it is C(missing); return that again with what was compared."""
        project, missing = wanted
        if self.tidy(project) and missing:
            self.ask(project.user, "check_room", project.source)
        return project, missing, self.copy(project) if missing else {}

    def tidy(self, project: Project) -> bool:
        """Finish or remove what a killed run left; return whether a half copy was there."""
        left = self.ask(project.user, "tidy", asdict(project), self.changes.check_mode)
        self.changes.made += [f"removed the half copy {path}" for path in left]
        return bool(left)

    def copy(self, project: Project) -> dict[str, Any]:
        """Copy a project that was read; return what was compared."""
        proof: dict[str, Any] = {}
        if not self.changes.check_mode:
            made = self.ask(project.user, "make", project.source)
            self.changes.notes += made["notes"]
            proof = made["proof"]
        self.changes.made.append(f"copied {project.source} to {project.target}")
        return proof

    def drive_options(self, drive: mountinfo.Mount) -> str:
        """Return the options with which WSL would mount C(drive), by the conf file that it reads."""
        uid, gid = look.once(functools.partial(_owner, drive.mount_point))
        asked = wsl_conf.parse(self.machine.conf or "").values.get("automount.options") or ""
        return ",".join(filter(None, (f"uid={uid}", f"gid={gid}", str(asked))))

    def lines(self, projects: Sequence[Project]) -> list[Line]:
        """Return the fstab lines of the projects that are to be bound."""
        systemd = wsl_judge.starts_systemd(self.machine)
        return workspace_plan.lines_for(projects, self.mounts(), self.fstab(), systemd, self.drive_options)

    def bind(self, projects: Sequence[Project]) -> list[Project]:
        """Keep the fstab lines and the live mounts; return the projects that were bound now."""
        wanted = [project for project in projects if project.bind]
        earlier = fstab.marked(self.fstab(), places.MARK)
        # What is left out of this run may be bound, and stays so.
        kept = earlier if self.failures else []
        for line in earlier:
            if (
                line.fstype == "none"
                and line not in kept
                and line.mount_point not in [project.source for project in wanted]
            ):
                try:
                    self.unmount(line.mount_point, line.source)
                except WorkspaceError as error:
                    self.changes.notes.append(str(error).rstrip("."))
                    kept = [*kept, line]
        written = self.write_lines([*self.lines(wanted), *kept])
        if written:
            before, after = written
            self.changes.note_written(FSTAB, before, after)
        new, bound = [project for project in wanted if not self.is_bound(project)], []
        for project in new:
            try:
                if not self.changes.check_mode:
                    self.mount(project)
            except (OSError, WorkspaceError) as error:
                reason = text.line(error.strerror) if isinstance(error, OSError) else error
                failure = WorkspaceError(
                    f"{project.target} could not be mounted on {project.source} ({reason}): the copy stays; fix that "
                    "and run again, or set bind to false."
                )
                self.unbound.add(project.source)
                if len(self.unbound) == len(projects):
                    self.failures.append(failure)
                    if written:
                        self.write_lines(earlier)
                    raise failure from error
                self.leave_out(project.source, failure)
                continue
            bound.append(project)
            self.changes.made.append(f"mounted {project.target} on {project.source}")
        if self.unbound and written:
            own = [line for line in earlier if line in kept or line.mount_point in self.unbound]
            self.write_lines([*self.lines([project for project in wanted if project.source not in self.unbound]), *own])
        return bound

    def mount(self, project: Project) -> None:
        """Show the copy at the path of the original, both as they are found without following links."""
        before = {shown.mount_id for shown in self.mounts()}
        _apart(functools.partial(_bind, project, self.account(project.user).uid))
        if self.is_bound(project):
            return
        for shown in self.mounts():
            # Others may mount something at the same time.
            is_new = shown.mount_id not in before and shown.mount_point != project.source
            if is_new and self.is_mounted(shown.mount_point, project.target):
                _apart(functools.partial(mount.unmount, shown.mount_point))
        raise WorkspaceError("that folder was moved at the same time")

    def write_lines(self, lines: Sequence[Line]) -> tuple[str, str] | None:
        """Have C(lines) as the role's in the fstab; return its text before and after, None where it had them.

        What another program writes there meanwhile is kept.
        """
        before = self.fstab()
        after = workspace_plan.with_bind_lines(before, lines)
        if after == before:
            return None
        if not self.changes.check_mode:

            def make(now: bytes) -> bytes:
                return text.encode(workspace_plan.with_bind_lines(text.decode(now), lines))

            self.changes.journal.edit(FSTAB, make, role=ROLE, revert=fstab.without_ours, shared=True)
            self.tell_systemd()
        return before, after

    def tell_systemd(self) -> None:
        """Have systemd read /etc/fstab again, where it runs."""
        if not self.changes.check_mode and systemd.is_running():
            self.changes.notes += systemd.reload_fstab(self.module.run_command)

    def unmount(self, place: str, target: str) -> None:
        """Take away the bind mount of C(target) on C(place), and no other mount."""
        try:
            if not self.ask_mounted(place, target):
                return
        except TimeoutError as error:
            raise WorkspaceError(
                f"{place} or {target} gives {error.strerror}, so that what is mounted there stays; run again when it "
                "does."
            ) from error
        try:
            if not self.changes.check_mode:
                _apart(functools.partial(mount.unmount, place))
        except OSError as error:
            users = ", ".join(process.holders(place)[:5])
            raise WorkspaceError(
                f"{place} could not be unmounted ({error.strerror}){': ' + users + ' use it' if users else ''}; end "
                "what uses it, then run again."
            ) from error
        self.changes.made.append(f"unmounted {place}")

    def absent(self) -> NoReturn:
        """Take the binds away and restore /etc/fstab; copies stay, because work may be in them."""
        only = self.module.params["only_this_run"]
        entry = next(iter(self.changes.journal.entries(ROLE)), None)
        if only and entry is not None and entry.run != self.changes.journal.run:
            entry = None
        if entry is not None:
            before = entry.before_run.content if only and entry.before_run else b""
            stay = fstab.marked(text.decode(before), places.MARK)
            held = []
            for line in workspace_plan.binds_to_leave(self.fstab(), stay):
                try:
                    self.unmount(line.mount_point, line.source)
                except WorkspaceError as error:
                    # Whoever works there holds nothing else back.
                    self.changes.left.append(str(error).rstrip("."))
                    held.append(line)
                    continue
                self.changes.notes.append(f"{line.mount_point} is the original again; the copy {line.source} stays")
            if held:
                # Its line stays too, because that is how the next run knows of it.
                leaving = workspace_plan.binds_to_leave(self.fstab(), [*stay, *held])
                lines = fstab.marked(self.fstab(), places.MARK)
                self.write_lines([line for line in lines if line not in leaving])
            else:
                self.changes.restore(only=only, after=lambda _step: self.tell_systemd())
        self.changes.left += self.changes.journal.damaged()
        for given in self.module.params["projects"]:
            silent = look.silent([given["source"]])
            if silent:
                self.changes.kept.append(f"{given['source']} gives {silent[given['source']]}; run again when it does")
                continue
            try:
                # What gave an answer may give none to the next question.
                if look.once(functools.partial(os.path.isdir, given["source"])):
                    self.tidy(self.project(given))
            except (*ERRORS, OSError) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                self.changes.kept.append(f"{given['source']}: {reason}")
        if not self.changes.check_mode:
            self.changes.journal.close()
        self.module.exit_json(**self.result())

    def result(self, **more: Any) -> dict[str, Any]:
        """Return the result so far; `more` is added to it."""
        return self.changes.result(headlines=self.headlines, **more)


def _way_of(_entry: journal.Entry) -> journal.Way:
    """Return how the fstab is restored: the role's lines alone, because others have lines there."""
    return journal.Way(fstab.without_ours, functools.partial(fstab.part, places.MARK))


def main() -> None:
    """Copy projects from Windows drives, or take the binds away; root only."""
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
    except ERRORS as error:
        module.fail_json(
            msg=text.line(error), changes=text.printable(target.changes.made), left_out=target.is_left_out(error)
        )
    except OSError as error:
        place = error.filename or FSTAB
        module.fail_json(
            msg=text.line(f"{place}: {error.strerror}; fix that, then run again; the original is as it was."),
            changes=text.printable(target.changes.made),
            left_out=target.is_left_out(error),
        )
    finally:
        target.close()


if __name__ == "__main__":
    main()
