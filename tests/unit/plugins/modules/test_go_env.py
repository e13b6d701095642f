# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import applied as go_applied
from ansible_collections.wsltune.go.plugins.module_utils.go import cache as go_cache
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import tool_gc, trim
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.go import wishes as go_wishes
from ansible_collections.wsltune.go.plugins.module_utils.linux import (
    distribution,
    meminfo,
    mountinfo,
    process,
    programs,
    shells,
)
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import place as tmpfs_place
from ansible_collections.wsltune.go.plugins.modules import go_env, go_facts

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
    monkeypatch.setattr(shells, "list_shell_files", lambda: list(go_plan.BLOCK_PATHS))
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


def test_no_shell_exports_a_folder_that_another_account_can_lead_elsewhere(
    call: Run, eves: Path, etc: Path, tmp_path: Path
) -> None:
    os.chmod(tmp_path / "gotmp", 0o1777)
    done = call(go_env, **options(tmp_path, goflags="", cgo_enabled="keep"))
    assert done["changes"] == [f"wrote {eves}/.config/go/env"] and not list((etc / "profile.d").iterdir())
    assert f"it can write in {tmp_path}/gotmp" in done["notes"][0]
    os.chmod(tmp_path / "gotmp", 0o755)
    assert f"wrote {etc}/profile.d/wsltune-go.sh" in call(go_env, **options(tmp_path))["changes"]
    os.chown(tmp_path / "gotmp", 4712, 4712)
    done = call(go_env, **options(tmp_path))
    assert f"restored {etc}/profile.d/wsltune-go.sh" in done["changes"]
    assert (etc / "bash.bashrc").read_text() == "# bash\n"


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


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the program of tool_gc goes, on a machine that is large enough and whose accounts use it alone."""
    path = tmp_path / "lib/wsltune/go-tool-gc"
    path.parents[1].mkdir()
    monkeypatch.setattr(tool_gc, "PATH", str(path))
    monkeypatch.setattr(tool_gc, "obstacle", lambda _total, _cpus: "")
    monkeypatch.setattr(tmpfs_place, "list_hazards", lambda _seen: {})
    return path


TUNED = {"users": ["eve"], "goflags_added": ["-vet=off"], "tool_gc": False, "gocacheprog": "/bin/true -x"}


def test_flags_of_a_lever_stand_behind_a_users_own_and_go_again(
    call: Run, eves: Path, program: Path, tmp_path: Path
) -> None:
    env = eves / ".config/go/env"
    env.parent.mkdir(parents=True)
    env.write_text("# mine\nGOFLAGS=-p=3\n")
    for path in (env, *env.parents[:2]):
        os.chown(path, 4711, 4711)
    before = tree(eves, tmp_path / "lib")
    wanted = call(go_env, True, **TUNED)
    assert tree(eves, tmp_path / "lib") == before
    done = call(go_env, **TUNED)
    assert done["changes"] == wanted["changes"] and not done["unmet"]
    # The program stands there before a setting names it.
    assert done["changes"] == [f"wrote {program}", f"wrote {env}"] and program.stat().st_mode & 0o777 == 0o755
    assert env.read_text() == f"# mine\nGOFLAGS=-p=3 -vet=off -toolexec={program}\nGOCACHEPROG=/bin/true -x\n"
    assert not call(go_env, **TUNED)["changed"]
    wanted = call(go_env, True, **{**TUNED, "tool_gc": True})
    done = call(go_env, **{**TUNED, "tool_gc": True})
    assert done["changes"] == wanted["changes"] == [f"wrote {env}", f"restored {program}"]
    assert "GOFLAGS=-p=3 -vet=off\n" in env.read_text()
    call(go_env, **TUNED)
    wanted = call(go_env, True, state="absent")
    done = call(go_env, state="absent")
    assert done["changes"] == wanted["changes"] == [f"restored {env}", f"restored {program}"]
    assert tree(eves, tmp_path / "lib") == before


def test_a_go_that_also_runs_elsewhere_gets_no_setting_that_names_a_program(
    call: Run, eves: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tmpfs_place, "list_hazards", lambda _seen: {"eve": "dev containers are in use"})
    monkeypatch.setattr(go_tuning, "find_linker", lambda _wanted, _path: "mold")
    done = call(go_env, **TUNED, cgo_linker="auto")
    written = (eves / ".config/go/env").read_text()
    assert "-toolexec" not in written and not program.exists()
    assert "-vet=off" in written
    assert "GOCACHEPROG" not in written and "CGO_LDFLAGS" not in written
    lost = ("Go keeps its compiler's garbage collection", "CGO_LDFLAGS is not set", "GOCACHEPROG is not set")
    assert [f"eve's {what}: dev containers are in use." for what in lost] == done["notes"][:3]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"goflags_added": ["vet=off"]}, "GOFLAGS cannot have vet=off, because for eve"),
        ({"gocacheprog": "/nowhere/cache"}, "but eve cannot start /nowhere/cache, so that no build would"),
        ({"parallel": "many"}, "go_env_parallel is 'many': give auto or how many packages"),
    ],
)
def test_a_lever_that_would_break_go_is_refused(
    call: Run, eves: Path, program: Path, more: dict[str, Any], sentence: str
) -> None:
    before = tree(eves)
    for check in (True, False):
        assert sentence in call(go_env, check, **{**TUNED, **more})["msg"]
    assert tree(eves) == before and not program.exists()


def test_a_machine_that_is_too_small_for_tool_gc_is_refused(
    call: Run, eves: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool_gc, "obstacle", lambda _total, _cpus: "it is too small")
    said = call(go_env, **TUNED)["msg"]
    assert said == "go_env_tool_gc is false, but it is too small: set it true; nothing was changed."


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ({"cgo_linker": "auto"}, "eve's CGO_LDFLAGS is not set: no mold nor lld on the PATH of a login."),
        ({"gotoolchain": "go1.99.1"}, "eve's GOTOOLCHAIN is not set: no go1.99.1 lies in "),
    ],
)
def test_what_a_user_does_not_have_is_a_note(
    call: Run, eves: Path, program: Path, more: dict[str, Any], note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(go_tuning, "find_linker", lambda _wanted, _path: "")
    done = call(go_env, users=["eve"], **more)
    assert any(one.startswith(note) for one in done["notes"]) and not done["changed"], done


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


def test_looking_at_a_module_leaves_its_go_mod(call: Run, eves: Path, tmp_path: Path) -> None:
    """With -mod=mod Go writes it, as if somebody had asked for that."""
    module = eves / "shop"
    module.mkdir()
    (module / "go.mod").write_text("module shop\n")
    os.chown(module, 4711, 4711)
    (eves / ".config/go").mkdir(parents=True)
    (eves / ".config/go/env").write_text("GOFLAGS=-mod=mod\n")
    for path in (eves / ".config", eves / ".config/go", eves / ".config/go/env"):
        os.chown(path, 4711, 4711)
    go = eves / "sdk/go/bin/go"
    go.write_text(go.read_text().replace("list) ", 'list) echo "$GOFLAGS" >> flags; '))
    call(go_env, True, **options(tmp_path, modules=[str(module)]))
    assert (module / "flags").read_text() == "-mod=readonly\n"


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
        (tmp_path / "both").mkdir()
        (tmp_path / "both").chmod(0o777)
        for name in ("eve", "bob"):
            people.environments[name]["GOENV"] = f"{tmp_path}/both/env"
    elif what == "link":
        (eves / ".config").symlink_to("/root/none")
    else:
        (eves / ".config/go/env").mkdir(parents=True)
    users = ["eve", "bob"] if what == "shared" else ["eve"]
    done = call(go_env, users=users, goflags="-v")
    assert not done["changed"] and any("eve's Go settings are left alone" in note for note in done["notes"])


def test_whoever_names_the_file_of_somebody_else_has_no_part_in_it(
    call: Run, eves: Path, people: Any, tmp_path: Path
) -> None:
    home = tmp_path / "bob"
    home.mkdir()
    people.add("bob", process.Identity(4712, 4712, [4712]), home)
    people.environments["eve"]["GOENV"] = f"{home}/.config/go/env"
    done = call(go_env, users=["eve", "bob"], goflags="-v")
    assert "GOFLAGS=-v" in (home / ".config/go/env").read_text() and list(done["settings"]) == ["bob"]
    assert [note for note in done["notes"] if "left alone" in note] == [
        f"eve's Go settings are left alone: {home} is not writable for its user; fix that, then run again."
    ]


def test_a_folder_that_the_user_cannot_use_is_not_set(call: Run, eves: Path, tmp_path: Path) -> None:
    os.chown(tmp_path / "gotmp" / "eve", 0, 0)
    done = call(go_env, **options(tmp_path, cgo_enabled="keep"))
    assert any(note.startswith("eve's GOTMPDIR is not set") for note in done["notes"])
    assert "GOTMPDIR" not in done["settings"]["eve"]


def test_a_wish_that_was_left_out_is_met_once_its_reason_is_gone(
    call: Run, eves: Path, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"users": ["eve"], "gotmpdir": f"{tmp_path}/gotmp/{{user}}", "goflags": "-v", "cgo_linker": "auto"}
    os.chown(tmp_path / "gotmp" / "eve", 0, 0)
    monkeypatch.setattr(go_tuning, "find_linker", lambda _wanted, _path: "")
    first, second = call(go_env, **given), call(go_env, **given)
    assert first["changed"] and not second["changed"] and first["notes"] == second["notes"]
    for done in (first, second):
        applied = done["ansible_facts"]["go"]["applied"]
        assert not applied["holds"] and applied["notes"] == done["notes"]
    assert [note.partition(" is not set")[0] for note in second["notes"]] == ["eve's CGO_LDFLAGS", "eve's GOTMPDIR"]
    os.chown(tmp_path / "gotmp" / "eve", 4711, 4711)
    monkeypatch.setattr(go_tuning, "find_linker", lambda _wanted, _path: "lld")
    done = call(go_env, **given)
    assert done["changed"] and set(done["settings"]["eve"]) == {"GOTMPDIR", "GOFLAGS", "CGO_LDFLAGS"}
    applied = done["ansible_facts"]["go"]["applied"]
    # Each run looks whether the linker is still there.
    assert not applied["holds"] and not [note for note in applied["notes"] if "is not set" in note]
    assert call(go_env, **{**given, "cgo_linker": ""})["ansible_facts"]["go"]["applied"]["holds"]


def test_what_it_wrote_is_not_from_before_the_first_run(
    call: Run, eves: Path, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(go_tuning, "find_linker", lambda _wanted, _path: "lld")
    env = eves / ".config/go/env"
    env.parent.mkdir(parents=True)
    # A link, as those have it who keep their settings elsewhere.
    (eves / "kept").write_text("CGO_LDFLAGS=-lfoo\n")
    env.symlink_to(eves / "kept")
    for path in (env, *env.parents[:2], eves / "kept"):
        os.lchown(path, 4711, 4711)
    for _time in range(2):
        done = call(go_env, users=["eve"], cgo_linker="auto", gocacheprog="/bin/true -x")
        before = done["ansible_facts"]["go"]["users"]["eve"]["before"]
        assert before["environment"]["CGO_LDFLAGS"] == "-lfoo" and before["unset"] == ["GOCACHEPROG"]
    assert (eves / "kept").read_text() == "CGO_LDFLAGS=-lfoo -fuse-ld=lld\nGOCACHEPROG=/bin/true -x\n"
    facts = call(go_facts, users=["eve"])["ansible_facts"]["go"]["users"]["eve"]
    assert facts["before"] == before


def test_a_little_more_memory_after_an_update_writes_no_program_anew(
    call: Run, eves: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meminfo, "read_total", lambda: 16 << 30)
    call(go_env, **TUNED)
    monkeypatch.setattr(meminfo, "read_total", lambda: (16 << 30) + (5 << 20))
    assert not call(go_env, **TUNED)["changed"]
    monkeypatch.setattr(meminfo, "read_total", lambda: 12 << 30)
    assert f"wrote {program}" in call(go_env, **TUNED)["changes"]


def test_check_mode_does_not_miss_a_folder_that_is_made_before(call: Run, eves: Path, tmp_path: Path) -> None:
    given = options(tmp_path, gotmpdir="/nowhere/{user}", made_before="/nowhere")
    assert call(go_env, True, **given)["settings"]["eve"]["GOTMPDIR"] == "/nowhere/eve"


def test_an_export_of_the_users_own_wins(call: Run, eves: Path, people: Any, tmp_path: Path) -> None:
    people.environments["eve"]["GOFLAGS"] = "-v"
    done = call(go_env, **options(tmp_path, cgo_enabled="keep"))
    assert any("eve exports GOFLAGS=-v in a login or a terminal" in note for note in done["notes"])
    assert not done["unmet"]


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
    monkeypatch.setattr(programs, "SEARCHED", f"{tools}:/usr/bin:/bin")
    (tools / "apt-get").symlink_to("dpkg-query")
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


def test_a_go_of_a_package_that_cannot_be_diverted_is_noted(
    call: Run, people: Any, etc: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("rpm", "dnf", "restorecon"):
        (tools / name).write_text(f'#!/bin/sh\necho "$0 $*" >> {tmp_path}/log\n')
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setattr(programs, "SEARCHED", f"{tools}")
    monkeypatch.setattr(distribution, "has_selinux", lambda: True)
    home = tmp_path / "root"
    home.mkdir()
    people.add("root", process.Identity(0, 0, [0]), home)
    go = home / "sdk/go/bin/go"
    done = call(go_env, users=["root"], cgo_enabled="false")
    note = f"The next update of the package of {go} brings Go's own program back there: run again after it."
    assert done["changes"] == [f"put a program that sets CGO_ENABLED=0 in the place of {go}"] and note in done["notes"]
    assert f"restorecon {go}" in (tmp_path / "log").read_text() and f"rpm -qf {go}" in (tmp_path / "log").read_text()
    again = call(go_env, users=["root"], cgo_enabled="false")
    assert not again["changed"] and note not in again["notes"]
    assert call(go_env, state="absent")["changes"] == [f"restored {go}"] and not Path(f"{go}.distrib").exists()


def test_root_gives_no_label_to_what_a_path_of_a_users_leads_to(
    call: Run, eves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "restorecon").write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/log\n')
    (tmp_path / "restorecon").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(programs, "SEARCHED", f"{tmp_path}")
    monkeypatch.setattr(distribution, "has_selinux", lambda: True)
    call(go_env, **options(tmp_path))
    assert (eves / "sdk/go/bin/go.distrib").exists() and not (tmp_path / "log").exists()


def test_a_go_command_of_somebody_else_is_left_alone(call: Run, eves: Path, people: Any, tmp_path: Path) -> None:
    os.chown(eves / "sdk/go/bin", 4799, 4799)
    done = call(go_env, **options(tmp_path))
    assert any("its folder belongs to user id 4799, whose Go it is not" in note for note in done["notes"])
    assert not done["unmet"] and not (eves / "sdk/go/bin/go.distrib").exists()


@pytest.mark.parametrize("by", ["eve's path", "root's path", "a link of eve's on root's path", "a link, root left out"])
def test_a_go_of_roots_that_only_a_users_path_names_is_left_alone(
    call: Run, eves: Path, people: Any, home: Path, tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one in the tree of a container, which a user names so that root changes it there.

    Homebrew's folder, which may be on root's path, is an account's own.
    """
    roots = by == "root's path"
    container = tmp_path / "container"
    container.mkdir()
    people.add("root", process.Identity(0, 0, [0]), container)
    go = container / "sdk/go/bin"
    people.environments["eve"]["PATH"] = f"{go}:/usr/bin:/bin"
    people.environments["root"]["PATH"] = f"{go}:/usr/bin:/bin" if roots else "/usr/bin:/bin"
    given = options(tmp_path)
    if "link" in by:
        (eves / "brew").mkdir()
        (eves / "brew/go").symlink_to(go / "go")
        os.chown(eves / "brew", eves.stat().st_uid, eves.stat().st_gid)
        people.environments["root"]["PATH"] = f"{eves}/brew:/usr/bin:/bin"
    if "left out" in by:
        given["users"] = ["eve"]
    done = call(go_env, **given)
    note = f"{go}/go is left alone, so that cgo stays on with it: it is root's, but neither on root's PATH"
    assert any(said.startswith(note) for said in done["notes"]) != roots
    assert (go / "go.distrib").exists() == roots


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


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with systemd; returns the file with what systemctl was asked."""
    folder, asked = tmp_path / "units", tmp_path / "asked"
    folder.mkdir()
    asked.touch()
    places = {"PROGRAM": "lib/go-trim.py", "TIMER": "t.timer", "SERVICE": "t.service", "WANTED": "wants.d/t.conf"}
    for name, place in places.items():
        monkeypatch.setattr(go_cache, name, str(folder / place))
    monkeypatch.setattr(trim, "SETTINGS", str(folder / "etc/go-trim.json"))
    monkeypatch.setattr(go_cache.systemd, "is_running", lambda: True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/systemctl").write_text(f'#!/bin/sh\necho "$@" $(ls {folder}) >> {asked}\n')
    (tmp_path / "bin/systemctl").chmod(0o755)
    monkeypatch.setattr(programs, "SEARCHED", f"{tmp_path}/bin:/usr/bin:/bin")
    # What another account may have put into a folder of root's PATH.
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/systemctl").write_text(f"#!/bin/sh\necho theirs >> {asked}\n")
    (tmp_path / "theirs/systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/theirs:{os.environ['PATH']}")
    return asked


def test_a_limit_for_the_build_caches_is_a_timer_and_goes_again(
    call: Run, people: Any, eves: Path, systemd: Path, tmp_path: Path
) -> None:
    people.environments["eve"]["GOCACHE"] = f"{eves}/.cache/go-build"
    folder = tmp_path / "units"
    given = {"users": ["eve"], "gocache_limit": "10GiB"}
    wanted = call(go_env, True, **given)
    assert not list(folder.iterdir()) and not systemd.read_text()
    done = call(go_env, **given)
    assert done["changes"] == wanted["changes"] == [f"wrote {path}" for path in go_cache.all_paths()[::-1]]
    assert done["headlines"] == ["build caches kept below 10GiB"]
    assert json.loads((folder / "etc/go-trim.json").read_text())["caches"] == {"eve": f"{eves}/.cache/go-build"}
    asked = [line.split()[0] for line in systemd.read_text().splitlines()]
    assert asked == ["daemon-reload", "restart"]
    assert done["ansible_facts"]["go"]["applied"]["holds"]
    assert not call(go_env, **given)["changed"]
    call(go_env, **{**given, "gocache_limit": "20GiB"})
    assert json.loads((folder / "etc/go-trim.json").read_text())["limit"] == 20 << 30
    # Each account's cache may lie in a folder that nobody else can look into.
    public = {path: Path(path).read_text() for path in go_cache.all_paths() if Path(path).stat().st_mode & 0o077}
    assert len(public) == 4 and not [path for path, content in public.items() if str(eves) in content]
    assert go_cache.limit_of(f"{eves}/.cache/go-build") == 20 << 30
    (folder / "etc/go-trim.json").chmod(0o644)
    call(go_env, **{**given, "gocache_limit": "30GiB"})
    assert (folder / "etc/go-trim.json").stat().st_mode & 0o777 == 0o600
    systemd.write_text("")
    wanted = call(go_env, True, state="absent")
    done = call(go_env, state="absent")
    assert done["changes"] == wanted["changes"] and len(done["changes"]) == 5 and not done["kept"]
    assert not list(folder.iterdir())
    # Stopped while its file is there, and forgotten after.
    asked = [line.split() for line in systemd.read_text().splitlines()]
    assert [words[0] for words in asked] == ["stop", "daemon-reload"] and "t.timer" in asked[0]


def test_a_systemd_that_an_account_keeps_busy_keeps_no_run_waiting(
    call: Run, eves: Path, systemd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(go_cache.systemd, "LIMIT", 1)
    (tmp_path / "bin/systemctl").write_text("#!/bin/sh\nexec sleep 60\n")
    begin = time.monotonic()
    done = call(go_env, users=["eve"], gocache_limit="1GiB")
    assert time.monotonic() - begin < 20
    (note,) = [note for note in done["notes"] if "timer" in note]
    assert "because systemd gave no answer in 1 s to systemctl daemon-reload: later, run `systemctl daemon-" in note
    assert done["headlines"] == ["build caches kept below 1GiB"]
    (tmp_path / "bin/systemctl").write_text("#!/bin/sh\necho masked >&2\nexit 1\n")
    done = call(go_env, users=["eve"], gocache_limit="1GiB")
    assert any("because systemctl start wsltune-go-trim.timer fails: masked: later" in note for note in done["notes"])


def test_no_limit_any_more_removes_the_timer(call: Run, eves: Path, systemd: Path, tmp_path: Path) -> None:
    call(go_env, users=["eve"], gocache_limit="1GiB")
    done = call(go_env, users=["eve"])
    assert done["headlines"] == ["build caches grow as Go has them"] and not list((tmp_path / "units").iterdir())
    systemd.write_text("")
    assert not call(go_env, users=["eve"])["changed"] and not systemd.read_text()


def test_one_run_that_set_a_limit_is_taken_back_alone(call: Run, eves: Path, systemd: Path, tmp_path: Path) -> None:
    settings = tmp_path / "units/etc/go-trim.json"
    call(go_env, run="1", users=["eve"], gocache_limit="1GiB")
    call(go_env, run="2", users=["eve"], gocache_limit="2GiB")
    done = call(go_env, state="absent", only_this_run=True, run="2")
    # The program says in its last line which caches it trims, and to what.
    assert set(done["changes"]) == {f"restored {settings}", f"restored {go_cache.PROGRAM}"}
    assert json.loads(settings.read_text())["limit"] == 1 << 30 and settings.stat().st_mode & 0o077 == 0
    assert "restart" in systemd.read_text().splitlines()[-1]


def test_without_systemd_a_note_has_the_command(
    call: Run, eves: Path, systemd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(go_cache.systemd, "is_running", lambda: False)
    done = call(go_env, users=["eve"], gocache_limit="1GiB")
    assert len(done["changes"]) == 2 and not systemd.read_text()
    assert any(f"`sudo {os.path.realpath(sys.executable)} {go_cache.PROGRAM}`" in note for note in done["notes"])


def test_a_limit_that_cannot_be_meant_touches_nothing(call: Run, eves: Path, systemd: Path, tmp_path: Path) -> None:
    done = call(go_env, users=["eve"], gocache_limit="10GB")
    assert "go_env_gocache_limit is '10GB'" in done["msg"] and not list((tmp_path / "units").iterdir())


def test_whoever_ends_the_child_that_looks_there_stops_nobody_else(
    call: Run, eves: Path, people: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "bob"
    home.mkdir()
    people.add("bob", process.Identity(4712, 4712, [4712]), home)
    tuned = go_wishes.Wishes.tuned

    def end(wishes: go_wishes.Wishes, person: Any, observed: Any) -> dict[str, str]:
        if person.name == "eve":
            hands = wishes.changes.hands(person)
            os.kill(hands._pid, 9)  # type: ignore[attr-defined]
        return tuned(wishes, person, observed)

    monkeypatch.setattr(go_wishes.Wishes, "tuned", end)
    done = call(go_env, users=["eve", "bob"], goflags="-v")
    assert not done.get("failed"), done
    assert any("eve's Go settings are left alone" in note and "without an answer" in note for note in done["notes"])
    assert (home / ".config/go/env").read_text() == "GOFLAGS=-v\n" and not (eves / ".config/go/env").exists()
