# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.wsl import interop
from ansible_collections.wsltune.go.plugins.module_utils.wsl import programs as wsl_programs

DATA = Path(__file__).parents[1] / "linux" / "data" / "mountinfo"
POWERSHELL = "/Windows/System32/WindowsPowerShell/v1.0/powershell.exe"


def mount(mount_point, windows_path):
    return mountinfo.Mount(mount_point, "/", "9p", windows_path, windows_drive=True, windows_path=windows_path)


@pytest.mark.parametrize("recorded", sorted(path.stem for path in DATA.glob("wsl*.txt")))
def test_finds_powershell_on_every_recorded_machine_with_a_drive(recorded):
    mounts = mountinfo.parse((DATA / f"{recorded}.txt").read_text(), is_wsl=True)
    drives = wsl_programs.drive_roots(mounts)
    found = wsl_programs.find_program(mounts, interop.POWERSHELL, lambda path: True)
    assert found == (drives[0].mount_point.rstrip("/") + POWERSHELL if drives else None)


def test_the_drive_with_windows_is_taken_wherever_it_is_mounted():
    mounts = [mount("/d", "D:\\"), mount("/win/c", "C:\\"), mount("/home/u/docs", "C:\\Users\\u\\docs")]
    assert wsl_programs.find_program(mounts, interop.POWERSHELL, lambda path: True) == "/win/c" + POWERSHELL
    assert (
        wsl_programs.find_program(mounts, interop.POWERSHELL, lambda path: path.startswith("/d/")) == "/d" + POWERSHELL
    )
    assert wsl_programs.find_program(mounts, interop.POWERSHELL, lambda path: False) is None


@pytest.mark.parametrize("over", ["/mnt/c", "/mnt/c/Windows", "/mnt/c/Windows/System32/WindowsPowerShell/v1.0"])
def test_no_program_is_taken_from_what_an_account_mounted_over_a_drive(over):
    table = (
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n"
        "2 1 0:50 / /mnt/c rw - 9p C:\\134 rw,aname=drvfs;path=C:\\;uid=1000\n"
        "3 1 0:51 / /mnt/d rw - 9p D:\\134 rw,aname=drvfs;path=D:\\;uid=1000\n"
    )
    mounts = mountinfo.parse(table)
    windows_path = "C:\\" + interop.POWERSHELL
    assert wsl_programs.find_program(mounts, interop.POWERSHELL, lambda path: True) == "/mnt/c" + POWERSHELL
    assert wsl_programs.to_linux(mounts, windows_path) == "/mnt/c" + POWERSHELL
    mounts = mountinfo.parse(table + f"4 2 0:60 / {over} rw - fuse.eve eve rw,user_id=1001,allow_other\n")
    assert wsl_programs.find_program(mounts, interop.POWERSHELL, lambda path: True) is None
    assert wsl_programs.to_linux(mounts, windows_path) is None


def test_while_the_drive_with_windows_gives_no_answer_no_other_one_is_taken_for_it():
    mounts = [mount("/d", "D:\\"), mount("/c", "C:\\")]
    answers = {"/c" + POWERSHELL: None, "/d" + POWERSHELL: True}
    assert wsl_programs.find_program(mounts, interop.POWERSHELL, answers.get) is None


@pytest.mark.parametrize(
    ("windows", "linux"),
    [
        (r"C:\Program Files\PowerShell\7\pwsh.exe", "/c/Program Files/PowerShell/7/pwsh.exe"),
        ("c:/x/y", "/c/x/y"),
        ("C:\\", "/c"),
        (r"C:\Users\u\docs\a", "/home/u/docs/a"),
        (r"C:\Users\u\docs2\a", "/c/Users/u/docs2/a"),
        (r"D:\x", None),
        ("powershell.exe", None),
    ],
)
def test_windows_paths_by_the_mount_that_covers_them(windows, linux):
    mounts = [mount("/c", "C:\\"), mount("/home/u/docs", r"C:\Users\u\docs")]
    assert wsl_programs.to_linux(mounts, windows) == linux
