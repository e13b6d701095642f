# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.filter.is_met import wsl_launchers_are_met
from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.linux.mountinfo import Mount
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import launchers
from ansible_collections.wsltune.go.plugins.module_utils.wsl import programs as wsl_programs


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def drive(folder: Path, name: str = "C") -> Mount:
    return Mount(str(folder), "/", "9p", f"{name}:", windows_drive=True, windows_path=f"{name}:\\", mount_id=ord(name))


def test_a_program_is_found_in_its_best_place(tmp_path: Path) -> None:
    tmp_path = tmp_path / "a [drive]"
    put(tmp_path / "Windows/explorer.exe")
    put(tmp_path / "Program Files/Microsoft VS Code/bin/code")
    put(tmp_path / "Users/ann/AppData/Local/Programs/Microsoft VS Code/bin/code")
    (tmp_path / "Windows/System32/cmd.exe").mkdir(parents=True)
    assert launchers.find([drive(tmp_path / "none"), drive(tmp_path, "D")]) == {
        "code": f"{tmp_path}/Program Files/Microsoft VS Code/bin/code",
        "explorer.exe": f"{tmp_path}/Windows/explorer.exe",
    }


CODE = "AppData/Local/Programs/Microsoft VS Code/bin/code"


@pytest.mark.parametrize(
    ("people", "said", "found"),
    [
        (["Ann", "Default"], None, "Ann"),
        (["Ann", "bob"], None, None),
        (["bob"], None, None),
        (["Ann", "bob"], "ann", "Ann"),
        (["bob"], "Ann", ""),
        (["Public"], "Ann", ""),
    ],
)
def test_nobody_gets_the_editor_of_somebody_else(
    tmp_path: Path, people: list[str], said: str | None, found: str | None
) -> None:
    """Ann cannot keep herself out of her profile; bob opened his, where she may have no editor of her own."""
    for folder in ("Windows/System32", "Users/Ann/AppData/Local"):
        (tmp_path / folder).mkdir(parents=True)
    for person in people:
        put(tmp_path / "Users" / person / CODE)
    expected = {} if found == "" else {"code": f"{tmp_path}/Users/{found}/{CODE}" if found else None}
    assert launchers.find([drive(tmp_path)], lambda: said and f"{tmp_path}/Users/{said}") == expected
    assert launchers.plan(expected, [], "/bin").keys() == ({"/bin/code"} if found else set())


def test_the_only_profile_is_somebody_elses_where_windows_says_so(tmp_path: Path) -> None:
    (tmp_path / "Windows/System32").mkdir(parents=True)
    put(tmp_path / "Users/bob" / CODE)
    assert launchers.find([drive(tmp_path)], lambda: "/mnt/d/Users/Ann") == {}


def test_windows_says_whose_the_distro_is(tmp_path: Path) -> None:
    program = put(tmp_path / wsl_programs.LAUNCHED["cmd.exe"])
    machine = wsl_judge.Machine(
        release="6.6.87.2-microsoft-standard-WSL2\n",
        has_init=True,
        binfmt_status="enabled\n",
        binfmt_entries={"WSLInterop": "enabled\ninterpreter /init\n"},
        interop_sockets=["1_interop"],
        safe_sockets=["1_interop"],
    )
    for answer, profile in (
        ("C:\\Users\\J\u00f8rn\\AppData\\Local\r\n", f"{tmp_path}/Users/J\u00f8rn"),
        ("D:\\Users\\ann\\AppData\\Local\r\n", "D:\\Users\\ann\\AppData\\Local"),
        ("%LOCALAPPDATA%\r\n", None),
        ("", None),
    ):
        (tmp_path / "answer").write_bytes(answer.encode("utf-16-le"))
        words = " ".join(launchers.ASKED)
        program.write_text(f"#!/bin/sh\n[ \"$*\" = '{words}' ] && exec cat '{tmp_path}/answer'\n")
        assert launchers.ask_profile([drive(tmp_path)], machine) == profile
    assert launchers.ask_profile([drive(tmp_path)], wsl_judge.Machine()) is None
    assert launchers.ask_profile([], machine) is None


def test_no_launcher_starts_what_lies_on_a_drive_where_any_windows_user_writes(tmp_path: Path) -> None:
    put(tmp_path / "c/Windows/System32/cmd.exe")
    put(tmp_path / "d/Program Files/Microsoft VS Code/bin/code")
    put(tmp_path / "d/Users/bob/AppData/Local/Programs/Microsoft VS Code/bin/code")
    drives = [drive(tmp_path / "d", "D"), drive(tmp_path / "c")]
    assert list(launchers.find(drives)) == ["cmd.exe"]
    assert launchers.find(drives[:1]) == {}
    # Whoever hides Windows does not make another drive the one that has it.
    put(tmp_path / "d/Windows/System32/cmd.exe")
    over = Mount(str(tmp_path / "c/Windows"), "/", "fuse.own", "ann", mount_id=9, parent_id=ord("C"))
    assert launchers.find([*drives, over]) == {}


def test_a_launcher_passes_on_its_arguments(tmp_path: Path) -> None:
    program = put(tmp_path / "it's here/show", '#!/bin/sh\nprintf "<%s>" "$@"\n')
    (path, text), *_rest = launchers.plan({"clip.exe": str(program)}, [], str(tmp_path)).items()
    assert path == f"{tmp_path}/clip.exe"
    put(Path(path), text)
    shown = subprocess.run([path, "a b", "*", ""], capture_output=True, text=True, check=True).stdout
    assert shown == "<a b><*><>"


def test_what_the_distro_has_itself_is_left_alone(tmp_path: Path) -> None:
    found = {"code": "/mnt/c/code", "cmd.exe": "/mnt/c/cmd.exe", "clip.exe": "/mnt/c/clip.exe"}
    theirs, ours = put(tmp_path / "code"), put(tmp_path / "cmd.exe")
    taken = launchers.names_taken([str(ours)], str(tmp_path))
    assert taken == [theirs.name]
    assert list(launchers.plan(found, taken, "/bin")) == ["/bin/clip.exe", "/bin/cmd.exe"]


def test_no_drive_is_no_launcher() -> None:
    assert launchers.find_in_time([], wsl_judge.Machine()) == {}


def test_no_launcher_starts_what_an_account_mounted_over_a_drive(tmp_path: Path) -> None:
    put(tmp_path / "Windows/explorer.exe")
    (tmp_path / "Windows/System32").mkdir()
    code = put(tmp_path / "Users/ann/AppData/Local/Programs/Microsoft VS Code/bin/code")
    over = Mount(str(code.parent), "/", "fuse.own", "ann", mount_id=2, parent_id=ord("C"))
    assert sorted(launchers.find_in_time([drive(tmp_path)], wsl_judge.Machine())) == ["code", "explorer.exe"]
    assert list(launchers.find_in_time([drive(tmp_path), over], wsl_judge.Machine())) == ["explorer.exe"]


def test_what_became_of_a_launcher_is_known_by_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, record = tmp_path / "bin", journal.Journal(str(tmp_path / "state"), run="1.0")
    folder.mkdir()
    monkeypatch.setattr(wsl_judge, "LAUNCHERS", str(folder))
    assert launchers.look_up(record) == {}
    for name in ("clip.exe", "cmd.exe", "code", "wsl.exe"):
        record.write(str(folder / name), launchers.launcher(f"/c/{name}").encode(), mode=0o755, role="wsl_conf")
    (folder / "cmd.exe").write_text("#!/bin/sh\nmine\n")
    (folder / "code").unlink()
    (folder / "wsl.exe").rename(folder / "own")
    (folder / "wsl.exe").symlink_to("own")
    (folder / "explorer.exe").write_text("theirs")
    states = {"clip.exe": "as_written", "cmd.exe": "edited", "code": "gone", "wsl.exe": "edited"}
    assert launchers.look_up(record) == {str(folder / name): state for name, state in states.items()}


@pytest.mark.parametrize(
    ("states", "key", "keeps", "met"),
    [
        ([], "false", True, True),
        (["as_written", "edited"], "false", True, True),
        (["as_written", "gone"], "false", True, False),
        (["edited", "gone"], "false", False, True),
        (["edited", "as_written"], "false", False, False),
        (["as_written"], "true", True, False),
        (["as_written", "gone"], "", True, True),
    ],
)
def test_a_run_is_due_for_launchers_that_it_would_make_or_take_away(
    states: list[str], key: str, keeps: bool, met: bool
) -> None:
    content = f"[interop]\nappendWindowsPath={key}\n" if key else ""
    conf = {"settings": {}, "launchers": {f"/usr/local/bin/{number}": state for number, state in enumerate(states)}}
    assert wsl_launchers_are_met(conf, content, keeps) is met
    assert wsl_launchers_are_met({"settings": {}}, content, keeps)
