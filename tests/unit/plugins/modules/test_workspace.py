# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils import mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.workspace_plan import Project, WorkspaceError
from ansible_collections.wsltune.go.plugins.modules import workspace


class Machine(workspace.Workspace):
    """The module on a machine whose files are texts."""

    def __init__(self, drive: Path, **more: Any) -> None:
        self.texts = {"fstab": "", "systemd": False, "conf": None} | more
        self.machine = SimpleNamespace(conf=self.texts["conf"])
        self.drive = drive

    def fstab(self) -> str:
        return self.texts["fstab"]

    def mounts(self) -> list[mountinfo.Mount]:
        root = mountinfo.Mount("/", "/", "ext4", "/dev/sdc", mount_id=1)
        drive = mountinfo.Mount(
            str(self.drive), "/", "9p", "C:\\", windows_drive=True, windows_path="C:\\", mount_id=2, parent_id=1
        )
        return [root, drive]

    @property
    def systemd(self) -> bool:
        return self.texts["systemd"]


def lines(machine: Machine, source: str) -> list[str]:
    return [line.render() for line in machine.lines([Project(source, "/home/a/src/shop", "a", bind=True)])]


def test_the_drive_is_mounted_as_wsl_would_with_the_options_of_its_conf(tmp_path: Path) -> None:
    machine = Machine(tmp_path, conf="[automount]\noptions = metadata,umask=22\n")
    first, second = lines(machine, f"{tmp_path}/shop")
    owner = f"uid={os.getuid()},gid={os.getgid()}"
    assert first == f"C: {tmp_path} drvfs noatime,{owner},metadata,umask=22,nofail,x-wsltune=workspace 0 0"
    assert second == f"/home/a/src/shop {tmp_path}/shop none bind,nofail,x-wsltune=workspace 0 0"


def test_a_drive_that_the_user_mounts_is_left_to_the_users_line(tmp_path: Path) -> None:
    machine = Machine(tmp_path, fstab=f"C: {tmp_path} drvfs metadata 0 0\n")
    assert [line.split()[2] for line in lines(machine, f"{tmp_path}/shop")] == ["none"]


def test_a_project_on_the_root_file_system_waits_for_no_drive(tmp_path: Path) -> None:
    (line,) = lines(Machine(tmp_path, systemd=True), "/srv/shop")
    assert "x-systemd.requires" not in line
    (line,) = lines(Machine(tmp_path, systemd=True), f"{tmp_path}/shop")
    assert f"x-systemd.requires={tmp_path}," in line


@pytest.mark.parametrize(
    ("fstab", "sentence"),
    [
        ("broken\n", "is broken, line 1"),
        ("/x {}/shop none bind 0 0\n", "that wsltune did not write"),
    ],
)
def test_an_fstab_that_cannot_be_used_is_told_first(tmp_path: Path, fstab: str, sentence: str) -> None:
    machine = Machine(tmp_path, fstab=fstab.format(tmp_path), systemd=True)
    wanted = [Project(f"{tmp_path}/shop", "/home/a/src/shop", "a", bind=True)]
    machine.machine = workspace.wsl_machine.collect(str(tmp_path))
    with pytest.raises(WorkspaceError, match=sentence):
        machine.check_bind(wanted)
    machine.check_bind([Project(f"{tmp_path}/shop", "/home/a/src/shop", "a")])
