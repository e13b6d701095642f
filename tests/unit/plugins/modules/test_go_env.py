# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import applied as go_applied
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo, process
from ansible_collections.wsltune.go.plugins.modules import go_env

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becomes the users: needs root")
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with bash, zsh and fish."""
    folder = tmp_path / "etc"
    for name in ("profile.d", "fish/conf.d", "zsh"):
        (folder / name).mkdir(parents=True)
    (folder / "bash.bashrc").write_text("# bash\n")
    monkeypatch.setattr(go_plan, "PROFILE_PATH", f"{folder}/profile.d/wsltune-go.sh")
    monkeypatch.setattr(go_plan, "FISH_PATH", f"{folder}/fish/conf.d/wsltune-go.fish")
    monkeypatch.setattr(go_plan, "BLOCK_PATHS", (f"{folder}/bash.bashrc", f"{folder}/zsh/zshenv"))
    watched = (go_plan.PROFILE_PATH, go_plan.FISH_PATH, *go_plan.BLOCK_PATHS)
    monkeypatch.setattr(go_applied, "WATCHED", watched)
    return folder


@pytest.fixture
def eves(people: Any, eve: process.Identity, home: Path, etc: Path, state: Path, tmp_path: Path) -> Path:
    """Eve's home, with a Go of her own and a folder for temporary files."""
    people.add("eve", eve, home)
    (tmp_path / "gotmp" / "eve").mkdir(parents=True)
    os.chown(tmp_path / "gotmp" / "eve", eve.uid, eve.gid)
    return home


def tree(*folders: Path) -> dict[str, Any]:
    paths = [path for folder in folders for path in folder.rglob("*") if ".cache" not in path.parts]
    return {
        str(path): (path.lstat().st_mode, path.lstat().st_uid, path.read_bytes() if path.is_file() else None)
        for path in paths
    }


def options(tmp_path: Path, **more: Any) -> dict[str, Any]:
    given = {"users": ["eve"], "gotmpdir": f"{tmp_path}/gotmp/{{user}}", "goflags": "-p=4", "cgo_enabled": "false"}
    return {**given, **more}


def test_what_check_mode_lists_is_done_once_and_restored(call: Run, eves: Path, etc: Path, tmp_path: Path) -> None:
    before = tree(eves, etc)
    wanted = call(go_env, True, **options(tmp_path))
    assert tree(eves, etc) == before
    done = call(go_env, **options(tmp_path))
    assert done["changed"] and done["changes"] == wanted["changes"] and not done["unmet"]
    assert done["diff"] == wanted["diff"]
    env = eves / ".config/go/env"
    assert env.read_text() == f"GOTMPDIR={tmp_path}/gotmp/eve\nGOFLAGS=-p=4\n" and env.stat().st_uid == 4711
    assert (etc / "bash.bashrc").read_text() == go_plan.BLOCK + "# bash\n"
    assert (eves / "sdk/go/bin/go.distrib").exists()
    assert done["ansible_facts"]["go"]["users"]["eve"]["settings"]["CGO_ENABLED"]["value"] == "0"
    assert "GOFLAGS, GOTMPDIR for eve" in done["headlines"]
    again = call(go_env, **options(tmp_path))
    assert not again["changed"] and not again["diff"]
    wanted = call(go_env, True, state="absent")
    done = call(go_env, state="absent")
    assert done["changes"] == wanted["changes"] and done["kept"] == wanted["kept"] == []
    assert done["diff"] == wanted["diff"] and len(done["changes"]) == 6
    assert tree(eves, etc) == before and not (tmp_path / "state").exists()
    assert not call(go_env, state="absent")["changed"]


def test_check_mode_of_absent_knows_what_someone_else_changed(call: Run, eves: Path, etc: Path, tmp_path: Path) -> None:
    call(go_env, **options(tmp_path))
    (etc / "profile.d/wsltune-go.sh").write_text("# mine\n")
    env = eves / ".config/go/env"
    env.write_text(env.read_text() + "GOPROXY=off\n")
    go = eves / "sdk/go/bin/go"
    go.unlink()
    go.write_text("1.27")
    wanted = call(go_env, True, state="absent")
    done = call(go_env, state="absent")
    assert (done["changes"], done["kept"]) == (wanted["changes"], wanted["kept"])
    assert f"restored {go}" not in done["changes"] and len(done["kept"]) == 3
    assert env.read_text() == "GOPROXY=off\n" and (etc / "profile.d/wsltune-go.sh").read_text() == "# mine\n"


def test_one_run_is_taken_back_alone(call: Run, eves: Path, tmp_path: Path) -> None:
    call(go_env, run="1", **options(tmp_path, cgo_enabled="keep"))
    call(go_env, run="2", **options(tmp_path, cgo_enabled="keep", goflags="-p=2"))
    done = call(go_env, state="absent", only_this_run=True, run="2")
    assert done["changes"] == [f"restored {eves}/.config/go/env"]
    assert "GOFLAGS=-p=4\n" in (eves / ".config/go/env").read_text()


def test_what_is_not_wanted_any_more_is_restored(call: Run, eves: Path, etc: Path, people: Any, tmp_path: Path) -> None:
    home = tmp_path / "bob"
    home.mkdir()
    people.add("bob", process.Identity(4712, 4712, [4712]), home)
    call(go_env, **options(tmp_path))
    for check in (True, False):
        done = call(go_env, check, users=["bob"], goflags="-v")
        assert f"restored {eves}/.config/go/env" in done["changes"]
        assert f"restored {eves}/sdk/go/bin/go" in done["changes"]
        assert f"restored {etc}/profile.d/wsltune-go.sh" in done["changes"]
    assert not (eves / ".config").exists() and (etc / "bash.bashrc").read_text() == "# bash\n"
    assert (home / ".config/go/env").read_text() == "GOFLAGS=-v\n"


def test_a_file_of_the_users_own_name_is_not_called_restored(call: Run, eves: Path, etc: Path, tmp_path: Path) -> None:
    (etc / "profile.d/wsltune-go.sh").write_text("# of someone else\n")
    for check in (True, False):
        assert call(go_env, check, users=["eve"])["changes"] == []


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"gotmpdir": "relative"}, "give an absolute path"),
        ({"goflags": "p=4"}, "non-flag"),
        ({"users": ["nobody-here"]}, "There is no account 'nobody-here'"),
        ({"gotmpdir": "/nowhere/{user}"}, "means /nowhere/eve for eve, which does not exist"),
        ({"modules": ["/nowhere"]}, "names /nowhere, which has no go.mod"),
        ({"cgo_enabled": "true"}, "eve has no C compiler (cc-none)"),
    ],
)
def test_a_wish_that_would_break_go_is_refused(
    call: Run, eves: Path, etc: Path, people: Any, tmp_path: Path, more: dict[str, Any], sentence: str
) -> None:
    people.environments["eve"]["CC"] = "cc-none -m64"
    before = tree(eves, etc)
    for check in (True, False):
        assert sentence in call(go_env, check, **options(tmp_path, **more))["msg"]
    assert tree(eves, etc) == before


def test_a_module_that_needs_cgo_is_named(call: Run, eves: Path, tmp_path: Path) -> None:
    module = eves / "shop"
    module.mkdir()
    (module / "go.mod").write_text("module shop\n")
    (module / "cgo").write_text("example.com/sqlite\n")
    os.chown(module, 4711, 4711)
    assert "needs cgo for example.com/sqlite" in call(go_env, **options(tmp_path, modules=[str(module)]))["msg"]
    (module / "broken").touch()
    said = call(go_env, **options(tmp_path, modules=[str(module)]))["msg"]
    assert "whose packages cannot be listed" in said and "cannot list" in said
    (module / "broken").unlink()
    (module / "cgo").unlink()
    assert call(go_env, True, **options(tmp_path, modules=[str(module)]))["changed"]


def test_a_go_command_on_a_read_only_disk_is_refused(
    call: Run, eves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = [mountinfo.Mount("/", "/", "ext4", "/dev/sdc", ["ro"])]
    monkeypatch.setattr(go_env.wsl_judge, "mounts_of", lambda machine: mounts)
    assert "lies on a read-only file system" in call(go_env, **options(tmp_path))["msg"]


def test_a_cache_on_a_windows_drive_goes_to_the_home(
    call: Run, eves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = [
        mountinfo.Mount("/", "/", "ext4", "/dev/sdc", mount_id=1),
        mountinfo.Mount(f"{tmp_path}/drive", "/", "9p", "C:", windows_drive=True, mount_id=2, parent_id=1),
    ]
    monkeypatch.setattr(go_env.wsl_judge, "mounts_of", lambda machine: mounts)
    (tmp_path / "drive" / "cache").mkdir(parents=True)
    os.chown(tmp_path / "drive" / "cache", 4711, 4711)
    env = eves / ".config/go/env"
    env.parent.mkdir(parents=True)
    env.write_text(f"GOCACHE={tmp_path}/drive/cache\n")
    for path in (env, env.parent, env.parent.parent):
        os.chown(path, 4711, 4711)
    done = call(go_env, users=["eve"])
    assert done["settings"]["eve"]["GOCACHE"] == f"{eves}/.cache/go-build"
    assert not call(go_env, users=["eve"])["changed"]


@pytest.mark.parametrize("what", ["off", "link", "shared", "folder"])
def test_a_user_whose_file_cannot_be_written_is_left_alone(
    call: Run, eves: Path, people: Any, tmp_path: Path, what: str
) -> None:
    if what == "off":
        people.environments["eve"]["GOENV"] = "off"
    elif what == "shared":
        home = tmp_path / "bob"
        home.mkdir()
        people.add("bob", process.Identity(4712, 4712, [4712]), home)
        for name in ("eve", "bob"):
            people.environments[name]["GOENV"] = f"{tmp_path}/env"
    elif what == "link":
        (eves / ".config").symlink_to("/root/none")
    else:
        (eves / ".config/go/env").mkdir(parents=True)
    users = ["eve", "bob"] if what == "shared" else ["eve"]
    done = call(go_env, users=users, goflags="-v")
    assert not done["changed"] and any("eve's Go settings are left alone" in note for note in done["notes"])


def test_a_folder_that_the_user_cannot_use_is_not_set(call: Run, eves: Path, tmp_path: Path) -> None:
    os.chown(tmp_path / "gotmp" / "eve", 0, 0)
    done = call(go_env, **options(tmp_path, cgo_enabled="keep"))
    assert any(note.startswith("eve's GOTMPDIR is not set") for note in done["notes"])
    assert "GOTMPDIR" not in done["settings"]["eve"]


def test_check_mode_does_not_miss_a_folder_that_is_made_before(call: Run, eves: Path, tmp_path: Path) -> None:
    given = options(tmp_path, gotmpdir="/nowhere/{user}", made_before="/nowhere")
    assert call(go_env, True, **given)["settings"]["eve"]["GOTMPDIR"] == "/nowhere/eve"


def test_an_export_of_the_users_own_wins(call: Run, eves: Path, people: Any, tmp_path: Path) -> None:
    people.environments["eve"]["GOFLAGS"] = "-v"
    done = call(go_env, **options(tmp_path, cgo_enabled="keep"))
    assert any("eve exports GOFLAGS=-v in a login" in note for note in done["notes"]) and not done["unmet"]


DPKG = """#!/bin/sh
echo "$0 $*" >> @LOG@
case "$0 $*" in
*dpkg-divert\\ --listpackage*) cat @LOG@.diverted 2>/dev/null ;;
*dpkg-divert*--add*) echo LOCAL > @LOG@.diverted ;;
*dpkg-divert*--remove*) rm @LOG@.diverted ;;
esac
exit 0
"""


def test_a_packaged_go_is_diverted_and_comes_back(
    call: Run, people: Any, etc: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("dpkg-query", "dpkg-divert"):
        (tools / name).write_text(DPKG.replace("@LOG@", f"{tmp_path}/log"))
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    home = tmp_path / "root"
    home.mkdir()
    people.add("root", process.Identity(0, 0, [0]), home)
    go = home / "sdk/go/bin/go"
    done = call(go_env, users=["root"], cgo_enabled="false")
    assert done["changes"] == [f"put a program that sets CGO_ENABLED=0 in the place of {go}"]
    assert f"--divert {go}.distrib --add {go}" in (tmp_path / "log").read_text()
    assert not call(go_env, users=["root"], cgo_enabled="false")["changed"]
    assert call(go_env, True, state="absent")["changes"] == [f"restored {go}"]
    assert (tmp_path / "log.diverted").exists()
    assert call(go_env, state="absent")["changes"] == [f"restored {go}"]
    assert not (tmp_path / "log.diverted").exists() and not Path(f"{go}.distrib").exists()


def test_a_go_command_of_somebody_else_is_left_alone(call: Run, eves: Path, people: Any, tmp_path: Path) -> None:
    os.chown(eves / "sdk/go/bin", 4799, 4799)
    done = call(go_env, **options(tmp_path))
    assert any("its folder belongs to user id 4799, whose Go it is not" in note for note in done["notes"])
    assert not done["unmet"] and not (eves / "sdk/go/bin/go.distrib").exists()


def test_an_error_of_the_system_is_one_sentence(
    call: Run, eves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_words: Any) -> None:
        raise OSError(28, "No space left on device", "/var/lib/wsltune/before.json")

    monkeypatch.setattr(go_env.go_baseline, "record", full)
    said = call(go_env, **options(tmp_path))["msg"]
    assert said == "/var/lib/wsltune/before.json cannot be written: No space left on device; fix that, then run again."


def test_it_needs_root(call: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "run it as root" in call(go_env)["msg"]
