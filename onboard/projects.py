# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Offers to copy Go projects off Windows drives."""

from __future__ import annotations

from pathlib import Path

from onboard.answers import collection, is_there
from onboard.options import Options


def projects_to_copy() -> list[str]:
    """Return the Go projects on Windows drives that have no namesake in ~/src yet."""
    collection()
    from ansible_collections.wsltune.go.plugins.module_utils.workspace import find as workspace_find
    from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
    from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

    found = workspace_find.find_in_time(wsl_judge.mounts_of(wsl_observe.collect()))
    paths = [project["path"] for project in found.projects] if found else []
    return [path for path in paths if not is_there(Path.home() / "src" / Path(path).name)]


def chosen(answer: str, projects: list[str]) -> list[str] | None:
    """Return what an answer means: all of them, none, or those of the numbers in it; None when it means nothing."""
    words = answer.replace(",", " ").lower().split()
    if not words or words[0] in ("n", "no"):
        return []
    if words[0] in ("y", "yes", "a", "all"):
        return projects
    if all(word.isdigit() and 0 < int(word) <= len(projects) for word in words):
        return [projects[int(word) - 1] for word in dict.fromkeys(words)]
    return None


def ask_for_projects(options: Options) -> None:
    """Offer to copy projects off the Windows drives: the largest gain of all, and a choice of the person's alone."""
    if options.command != "site" or any("workspace_projects" in argument for argument in options.extra):
        return
    projects = projects_to_copy()
    if not projects:
        return
    from ansible_collections.wsltune.go.plugins.module_utils.linux import text

    print("\nThese Go projects lie on a Windows drive, where each file operation takes its time:")
    for number, path in enumerate(projects, 1):
        print(f"  {number}  {text.line(path)}")
    while True:
        try:
            answer = input("Copy them to ~/src on this distro's own disk? The originals stay. [y/N, or numbers] ")
        except EOFError:
            print()
            answer = ""
        wanted = chosen(answer, projects)
        if wanted is not None:
            options.projects = wanted
            return
        print(f"Answer y, n, or numbers from 1 to {len(projects)}.")
