# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Projects that go from a Windows drive to the distro's own disk: where to, with which modes, and how they come back.

Nothing here touches a disk; copy.py does.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.linux import fstab, mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.linux.text import join_names
from ansible_collections.wsltune.go.plugins.module_utils.workspace import places

STAGE_SUFFIX = ".wsltune-new"
WORKTREES_SUFFIX = "-worktrees"
BLOCK = 4096
SPARE = 64 << 20
"""Left free on the target's disk beyond what the copy takes."""


@dataclass(frozen=True)
class Project:
    """One project, every path absolute and normal."""

    source: str
    target: str
    user: str
    bind: bool = False
    ignored: bool = False
    tests: bool = False

    @property
    def stage(self) -> str:
        """The folder beside the target that holds the copy until it counts."""
        parent, name = os.path.split(self.target)
        return os.path.join(parent, "." + name + STAGE_SUFFIX)

    @property
    def worktrees(self) -> str:
        """Where linked worktrees go that lie outside the project."""
        return self.target + WORKTREES_SUFFIX


def inside(path: str, folder: str) -> bool:
    """Return whether C(path) is C(folder) or lies below it."""
    return f"{path}/".startswith(folder.rstrip("/") + "/")


def check_together(projects: Sequence[Project]) -> None:
    """Raise WorkspaceError where two projects, or one project's two places, get into each other's way."""
    for project in projects:
        if inside(project.target, project.source) or inside(project.source, project.target):
            raise places.WorkspaceError(
                f"workspace_projects has source {project.source} and target {project.target}: one lies in the other, "
                "so give a target elsewhere."
            )
    for number, project in enumerate(projects):
        for other in projects[:number]:
            for name in ("source", "target"):
                place, its = getattr(project, name), getattr(other, name)
                if inside(place, its) or inside(its, place):
                    raise places.WorkspaceError(
                        f"workspace_projects has {name} {its} and {name} {place}: give each place once, and none below "
                        "another."
                    )


def is_readable(mode: int, owner: int, group: int, uid: int, groups: Sequence[int]) -> bool:
    """Return whether a user may read a file by its mode; a folder must be searchable too."""
    if uid == 0:
        return True
    shift = 6 if owner == uid else 3 if group in groups else 0
    need = 0o5 if (mode & 0o170000) == 0o040000 else 0o4
    return (mode >> shift) & need == need


def shows_no_modes(modes: Iterable[int]) -> bool:
    """Return whether a drive shows one mode for every file (WSL without metadata): then all of them look executable.

    In a tree with modes of its own some file is not.
    """
    seen = list(modes)
    return bool(seen) and all(mode & 0o111 for mode in seen)


def looks_executable(head: bytes) -> bool:
    """Return whether a file that begins with C(head) is a program."""
    return head.startswith((b"#!", b"\x7fELF"))


def file_mode(shown: int, modes_are_real: bool, tracked: bool | None, keeps_mode: bool, head: bytes) -> int:
    """Return the permission bits of a copied file.

    Where the drive has none of its own, Git's index says whether a tracked file is executable and the content whether
    another one is. With core.fileMode true Git compares the bit that the drive shows, so that bit stays. A bit by which
    a program runs as its file's owner does not: others may have put the file there, and the copy is the user's.
    """
    if modes_are_real:
        return shown & 0o777
    if tracked is None:
        executable = looks_executable(head)
    else:
        executable = bool(shown & 0o100) if keeps_mode else tracked
    return 0o755 if executable else 0o644


def room(sizes: Sequence[int], folders: int) -> tuple[int, int]:
    """Return the bytes and the inodes that a copy of files of C(sizes) takes."""
    blocks = sum(-(-size // BLOCK) for size in sizes) + folders
    return blocks * BLOCK + SPARE, len(sizes) + folders


def mark(project: Project, digest: str) -> bytes:
    """Return the value of the extended attribute by which a finished copy is known."""
    return json.dumps({"source": project.source, "digest": digest}, sort_keys=True).encode("ascii")


def marked_source(value: bytes) -> str | None:
    """Return the source that a mark names, None for what is no mark."""
    try:
        source = json.loads(value)["source"]
    except (ValueError, KeyError, TypeError):
        return None
    return source if isinstance(source, str) else None


def way_back(distro: str | None, target: str) -> str | None:
    """Return the name that Windows programs have for C(target), None outside WSL."""
    return None if distro is None else f"\\\\wsl.localhost\\{distro}" + target.replace("/", "\\")


def bind_lines(project: Project, systemd: bool, drive: mountinfo.Mount | None, options: str) -> list[fstab.Line]:
    """Return the fstab lines that bring the target back over the source at every start.

    WSL runs `mount -a` before it mounts the drives, so a line that mount would take then has no place to mount on and
    the drive would come over it. systemd starts after the drives: C(noauto) keeps the line from `mount -a`, and
    x-systemd.wanted-by gives it to systemd (systemd.mount(5)); with x-systemd.requires a drive that is missing that day
    leaves no folder in its place. Without systemd a line before it mounts the drive, as WSL's maintainers advise
    (https://github.com/microsoft/WSL/issues/2930); WSL then passes that drive over.

    A line holds a path, which whoever may write above it can lead elsewhere before the next start. systemd mounts on no
    path with a link in it; and both paths are those of a WSL distro's one person, who can become root there anyway.
    """
    if systemd:
        above = (f"x-systemd.requires={drive.mount_point}",) if drive else ()
        how = ("bind", "nofail", "noauto", *above, "x-systemd.wanted-by=local-fs.target", places.MARK)
        return [fstab.Line(project.target, project.source, "none", how)]
    bind = fstab.Line(project.target, project.source, "none", ("bind", "nofail", places.MARK))
    if drive is None or not drive.windows_path:
        return [bind]
    # `C:`, as in WSL's documentation; a share is named whole.
    device = drive.windows_path[:2] if re.fullmatch(r"[A-Za-z]:\\?", drive.windows_path) else drive.windows_path
    how = tuple(option for option in f"noatime,{options}".split(",") if option)
    return [fstab.Line(device, drive.mount_point, "drvfs", (*how, "nofail", places.MARK)), bind]


def with_bind_lines(text: str, wanted: Sequence[fstab.Line]) -> str:
    """Return the fstab C(text) with C(wanted) as the role's lines, in that order, for `mount -a` goes by it."""
    merged: dict[tuple[str, str], fstab.Line] = {}
    for line in wanted:
        merged.setdefault((line.mount_point, line.fstype), line)
    lines = sorted(merged.values(), key=lambda line: line.fstype == "none")
    kept = fstab.with_lines(text, lines, places.MARK)
    if fstab.marked(kept, places.MARK) == lines:
        return kept
    return fstab.with_lines(fstab.with_lines(text, [], places.MARK), lines, places.MARK)


def drive_above(mounts: Sequence[mountinfo.Mount], source: str) -> mountinfo.Mount | None:
    """Return the mount that C(source) lies on, whatever is bound over it."""
    return mountinfo.find(mounts, os.path.dirname(source))


def may_bind(mounts: Sequence[mountinfo.Mount], source: str) -> bool:
    """Return whether the copy may be shown at C(source): only on a Windows drive (see bind_lines)."""
    drive = drive_above(mounts, source)
    return drive is not None and drive.windows_drive


def lies_on_drive(mounts: Sequence[mountinfo.Mount], path: str) -> mountinfo.Mount | None:
    """Return the Windows drive that C(path) lies on, None elsewhere."""
    on = mountinfo.find(mounts, path)
    return on if on is not None and on.windows_drive else None


def slow_note(project: Project, on: mountinfo.Mount | None) -> str:
    """Return the note that a copy may be no faster, by the mount that the source lies on; empty where it will be."""
    if on is None or on.windows_drive:
        return ""
    return f"{project.source} does not lie on a Windows drive ({on.fstype}), so its copy may be no faster"


def not_live(project: Project, live: Mapping[str, bool]) -> str:
    """Return the sentence about a project of which the machine does not show what was asked for."""
    there = "there" if live["target"] else "not the copy"
    shown = "shown" if live["source"] else "not shown"
    return (
        f"{project.target} is {there} and {shown} at {project.source}: look at `findmnt {project.source}`, then run "
        "again"
    )


def check_places(project: Project, on: mountinfo.Mount | None, to: mountinfo.Mount | None) -> None:
    """Raise WorkspaceError when a project must not be copied from the mount C(on) to the mount C(to)."""
    if on is not None and on.mount_point == project.source:
        raise places.WorkspaceError(f"{project.source} is a whole drive or mount: name a project's folder in it.")
    if to is not None and (to.windows_drive or to.fstype in mountinfo.IN_MEMORY):
        what = "a Windows drive" if to.windows_drive else "in memory and gone at the next start"
        raise places.WorkspaceError(f"The target {project.target} is {what}: choose one on the distro's own disk.")


def check_unused(project: Project, programs: Sequence[str]) -> None:
    """Raise WorkspaceError when C(programs) use the source."""
    if programs:
        raise places.WorkspaceError(
            f"{project.source} is in use by {', '.join(programs[:5])}: end these programs or leave that folder, then "
            "run again; nothing was changed."
        )


def check_bind(
    projects: Sequence[Project], mounts: Sequence[mountinfo.Mount], table: str, writable: bool, followed: bool
) -> None:
    """Raise WorkspaceError when the old path of a project cannot show the new place at every start.

    C(table) is the text of the fstab, C(writable) whether it can be written, and C(followed) whether anything mounts
    what it says at a start.
    """
    bound = [project for project in projects if project.bind]
    if not bound:
        return
    for project in bound:
        if not may_bind(mounts, project.source):
            raise places.WorkspaceError(
                f"{project.source} does not lie on a Windows drive, and at every start root would mount over a "
                "path that its owner can lead elsewhere: set bind to false; nothing was changed."
            )
    try:
        fstab.check(table)
    except fstab.FstabError as error:
        raise places.WorkspaceError(
            f"/etc/fstab is broken, {error}: fix that line first; nothing was changed."
        ) from error
    if not writable:
        raise places.WorkspaceError("/etc/fstab cannot be written (read-only file system?): nothing was changed.")
    for project in bound:
        foreign = [line for line in fstab.lines_for(table, project.source) if not line.ours]
        if foreign:
            raise places.WorkspaceError(
                f"/etc/fstab has a line for {project.source} that wsltune did not write ({foreign[0].render()!r}): "
                "remove it or set bind to false; nothing was changed."
            )
    if not followed:
        raise places.WorkspaceError(
            "automount.mountFsTab is false in /etc/wsl.conf and there is no systemd, so no bind mount would come "
            "back at the next start: set automount.mountFsTab to true in wsl_conf_settings; nothing was changed."
        )


def lines_for(
    projects: Sequence[Project],
    mounts: Sequence[mountinfo.Mount],
    table: str,
    systemd: bool,
    options: Callable[[mountinfo.Mount], str],
) -> list[fstab.Line]:
    """Return the fstab lines of the projects that are to be bound; C(options) returns those of a drive."""
    lines: list[fstab.Line] = []
    for project in projects:
        drive = drive_above(mounts, project.source)
        # The user's own line may mount it already.
        if drive is None or any(not line.ours for line in fstab.lines_for(table, drive.mount_point)):
            lines += bind_lines(project, systemd, None, "")
        else:
            lines += bind_lines(project, systemd, drive, options(drive))
    return lines


def binds_to_leave(table: str, stay: Sequence[fstab.Line]) -> list[fstab.Line]:
    """Return the role's bind mounts in the fstab C(table) that do not C(stay)."""
    return [line for line in fstab.marked(table, places.MARK) if line.fstype == "none" and line not in stay]


def parse_names(output: str) -> set[str]:
    """Return the paths in an output of Git's with -z."""
    return {name for name in output.split("\0") if name}


def parse_index(output: str) -> dict[str, bool]:
    """Return for each file in `git ls-files --stage -z` whether it is executable."""
    modes = {}
    for record in output.split("\0"):
        words, tab, name = record.partition("\t")
        if tab:
            modes[name] = words.startswith("100755")
    return modes


def test_results(output: str) -> dict[str, str]:
    """Return how each package and test ended, by the events of `go test -json`."""
    ended = {}
    for line in output.splitlines():
        try:
            event: Mapping[str, Any] = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("Action") in ("pass", "fail", "skip"):
            ended[f"{event.get('Package', '')} {event.get('Test', '')}".strip()] = event["Action"]
    return ended


def unread(repository: str, error: str) -> str:
    """Return the note about a repository that Git did not read, by what it said."""
    if "dubious ownership" in error or "unsafe repository" in error:
        return (
            f"Git does not trust {repository} (it belongs to another account), so its copy was compared file by file "
            "alone; look at the .git/config of the copy before you work there, for Git trusts that"
        )
    return f"Git cannot read {repository}, so its copy was compared file by file alone"


_ODD_FORM = re.compile(r"(error|warning) in (commit|tag|tree) [0-9a-f]+: \w+: ")


def is_of_odd_form(code: int, said: str) -> bool:
    """Return whether all that `git fsck` C(said) is that objects are written oddly, as by old programs, not damaged."""
    lines = [line for line in said.splitlines() if line.strip()]
    # The other bits are those of what is missing or cannot be read.
    return code == 1 and bool(lines) and all(_ODD_FORM.match(line) for line in lines)


def difference(before: str, after: str) -> str:
    """Return the first line that two outputs do not share, for a sentence."""
    first, second = before.splitlines(), after.splitlines()
    only = [line for line in first if line not in second] + [line for line in second if line not in first]
    return only[0] if only else "their order"


def headlines(copied: Sequence[Project], bound: Sequence[Project]) -> list[str]:
    """Return what was done in few words for a summary."""
    sentences = [f"{project.source} copied to {project.target}, the disk of this distro" for project in copied]
    return sentences + [f"{project.target} shown in place of {project.source}" for project in bound]


# A copy and its original, compared again. Here is the distro's disk, there the drive.

UNCHANGED, BOTH_SAME, BOTH_DIFFERENT = "unchanged", "both the same", "both differently"
CHANGED_HERE, CHANGED_THERE, GONE_HERE, GONE_THERE = "changed here", "changed there", "gone here", "gone there"
TO_DRIVE, TO_DISTRO, REPORT = "to_drive", "to_distro", "report"
_TAKEN = {TO_DRIVE: (CHANGED_HERE, GONE_HERE), TO_DISTRO: (CHANGED_THERE, GONE_THERE)}
WINDOWS_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?")

SHORT_NAME_OF_GIT = re.compile(r"(?i)git~[0-9]+")
"""What NTFS calls `.git` too, where whoever can put a file into the copy would have it taken for a hook."""


def compare(base: Mapping[str, str] | None, there: Mapping[str, str], here: Mapping[str, str]) -> dict[str, str]:
    """Return what became of each path since C(base), by what each side has there.

    Without a base nobody knows which side changed, so that what differs counts as changed on both.
    """
    states = {}
    for path in sorted({*(base or {}), *there, *here}):
        was, its, ours = (base or {}).get(path), there.get(path), here.get(path)
        if its == ours:
            states[path] = UNCHANGED if base is not None and was == its else BOTH_SAME
        elif base is None or was not in (its, ours):
            states[path] = BOTH_DIFFERENT
        elif was == its:
            states[path] = GONE_HERE if ours is None else CHANGED_HERE
        else:
            states[path] = GONE_THERE if its is None else CHANGED_THERE
    # A file on one side where the other has a folder with changes of its own.
    gone = (GONE_HERE, GONE_THERE)
    left = {path for path, state in states.items() if state not in gone and (path in there or path in here)}
    for path in sorted(left):
        above = os.path.dirname(path)
        while above:
            if above in left:
                states[path] = states[above] = BOTH_DIFFERENT
            above = os.path.dirname(above)
    return states


def to_carry(states: Mapping[str, str], direction: str) -> tuple[list[str], list[str]]:
    """Return the paths to write and those to remove on the side that C(direction) leads to."""
    changed, gone = _TAKEN.get(direction, ("", ""))
    return (
        [path for path, state in states.items() if state == changed],
        [path for path, state in states.items() if state == gone],
    )


def counts(states: Mapping[str, str]) -> dict[str, int]:
    """Return how many paths are in each state."""
    every = (UNCHANGED, CHANGED_HERE, CHANGED_THERE, BOTH_SAME, BOTH_DIFFERENT, GONE_HERE, GONE_THERE)
    states_seen = list(states.values())
    return {state.replace(" ", "_"): states_seen.count(state) for state in every}


def after_carrying(
    base: Mapping[str, dict[str, Any]], planned: Mapping[str, dict[str, Any] | None], shown: Mapping[str, str]
) -> tuple[dict[str, dict[str, Any]], int]:
    """Return the base with what a sync that ended in the middle wrote, and how many files that are.

    C(shown) is what the side that it wrote to has now. What was C(planned) and is there was the same on both sides.
    """
    now = dict(base)
    carried = 0
    for path, entry in planned.items():
        if shown.get(path) != (None if entry is None else f"{entry['kind']}:{entry['digest']}"):
            continue
        carried += 1
        if entry is None:
            now.pop(path, None)
        else:
            now[path] = entry
    return now, carried


def check_not_empty(place: str, kept: int) -> None:
    """Raise WorkspaceError for a side without a file, where there were some: so is a drive that is not mounted."""
    if kept:
        raise places.WorkspaceError(
            f"{place} has none of its {kept} files any more: see with `findmnt -T {place}` that its drive is mounted, "
            "or put one file back where they were removed on purpose, then run again; nothing was written."
        )


def check_conflicts(project: Project, states: Mapping[str, str], has_base: bool) -> None:
    """Raise WorkspaceError where both sides changed one file."""
    both = [path for path, state in states.items() if state == BOTH_DIFFERENT]
    if not both:
        return
    why = "changed on both sides" if has_base else "differs, and no base is kept that says which side changed"
    raise places.WorkspaceError(
        f"{join_names(both, 1)} of {project.source} and {project.target} {why}: merge that with Git, or make it the "
        "same on both sides, then run again; nothing was written."
    )


def check_windows_names(paths: Sequence[str], there: Iterable[str]) -> None:
    """Raise WorkspaceError for a path that Windows cannot have, or has under another case."""
    known: dict[str, str] = {}
    for path in [*there, *paths]:
        parts = path.split("/")
        for number in range(1, len(parts) + 1):
            part = "/".join(parts[:number])
            other = known.setdefault(part.casefold(), part)
            if other != part and path in paths:
                raise places.WorkspaceError(
                    f"{part} and {other} are one name on Windows: rename one of them; nothing was written."
                )
    for path in paths:
        for name in path.split("/"):
            if re.search(r'[<>:"\\|?*\x00-\x1f]', name) or name.endswith((".", " ")) or WINDOWS_DEVICE.fullmatch(name):
                raise places.WorkspaceError(f"{path} is no name on Windows: rename it; nothing was written.")
            if SHORT_NAME_OF_GIT.fullmatch(name):
                raise places.WorkspaceError(f"{path} may lead into a .git on Windows: rename it; nothing was written.")


@dataclass(frozen=True)
class Branch:
    """One branch, or HEAD, of which the two sides have not the same commit; empty where one has none."""

    name: str
    here: str
    there: str
    here_knows_there: bool = False
    there_knows_here: bool = False


def branch_notes(project: Project, branches: Sequence[Branch]) -> list[str]:
    """Return for each branch which side has more, and the command by which Git brings it over.

    It is always a fetch: Git refuses a push to the branch that the other side has checked out.
    """
    hidden = ", after its bind mount is taken away" if project.bind else ""
    sentences = []
    for branch in branches:
        quoted = shlex.quote(branch.name)
        take_here = f"git -C {shlex.quote(project.target)} fetch {shlex.quote(project.source)} {quoted}"
        take_there = f"git -C {shlex.quote(project.source)} fetch {shlex.quote(project.target)} {quoted}"
        if branch.here and (not branch.there or (branch.here_knows_there and not branch.there_knows_here)):
            sentences.append(f"{branch.name} has commits only in {project.target}: {take_there}{hidden}")
        elif branch.there and (not branch.here or (branch.there_knows_here and not branch.here_knows_there)):
            sentences.append(f"{branch.name} has commits only in {project.source}: {take_here}{hidden}")
        else:
            sentences.append(f"{branch.name} is not the same commit on both sides: {take_here}{hidden}, then merge")
    return sentences


def check_heads(project: Project, here: str | None, there: str | None) -> None:
    """Raise WorkspaceError where the two sides have not checked out the same commit; None is no repository."""
    if here is None and there is None:
        return
    if here != there:
        raise places.WorkspaceError(
            f"{project.source} and {project.target} are not at the same commit, so their files are not comparable: "
            "bring the commits over with the git fetch of the report, merge there, then run again; nothing was written."
        )


def places_outside(text: str, folder: str, project: str) -> list[str]:
    """Return the folders outside C(project) that a go.mod or go.work in C(folder) names."""
    return [place for place in go_sources.places_in(text, folder) if not inside(place, project)]
