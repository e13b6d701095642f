# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import shims as go_shims
from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo, process

OPTIONS = {
    "gotmpdir": "/var/cache/gotmp/{uid}",
    "gotmpdir_left_out": [],
    "made_before": "/var/cache/gotmp",
    "gocache": "",
    "gomodcache": "",
    "goflags": "",
    "cgo_enabled": "keep",
    "caches_local": True,
    "goflags_added": [],
    "parallel": "",
    "tool_gc": True,
    "gotoolchain": "",
    "cgo_linker": "",
    "gocacheprog": "",
}


def observed(**changes: Any) -> dict[str, Any]:
    place = {"path": "/tmp", "exists": True, "windows_drive": False, "executable": True}
    facts = {
        "uid": 1000,
        "home": "/home/alice",
        "exports": {},
        "settings": {name: {"value": "", "source": "default"} for name in ("GOTMPDIR", "GOCACHE", "GOMODCACHE")},
        "places": {"GOTMPDIR": place, "GOCACHE": dict(place, path="/mnt/c/cache", windows_drive=True)},
    }
    return {**facts, **changes}


def test_settings_follow_the_options() -> None:
    options = dict(OPTIONS, gocache="~/cache", cgo_enabled="true")
    assert go_plan.settings_for("alice", observed(), options, {}, {"GOFLAGS": "-p=4"}) == {
        "GOTMPDIR": "/var/cache/gotmp/1000",
        "GOCACHE": "/home/alice/cache",
        "GOFLAGS": "-p=4",
        "CGO_ENABLED": "1",
    }


def test_whoever_has_no_folder_gets_no_setting_that_names_it() -> None:
    options = dict(OPTIONS, gocache="/var/cache/gotmp/{uid}/gocache", gotmpdir_left_out=["alice"])
    flags = {"GOFLAGS": "-p=4"}
    assert go_plan.settings_for("alice", observed(), options, {}, flags) == flags
    assert set(go_plan.settings_for("bob", observed(), options, {}, flags)) == {"GOTMPDIR", "GOCACHE", "GOFLAGS"}
    elsewhere = dict(options, gocache="~/cache")
    assert go_plan.settings_for("alice", observed(), elsewhere, {})["GOCACHE"] == "/home/alice/cache"


def test_cgo_off_is_never_written_to_the_users_file() -> None:
    assert "CGO_ENABLED" not in go_plan.settings_for("alice", observed(), dict(OPTIONS, cgo_enabled="false"), {})


def test_a_cache_on_a_windows_drive_goes_to_the_home() -> None:
    slow = {"GOCACHE": True, "GOMODCACHE": False}
    assert go_plan.settings_for("alice", observed(), OPTIONS, slow)["GOCACHE"] == "/home/alice/.cache/go-build"
    assert "GOCACHE" not in go_plan.settings_for("alice", observed(), dict(OPTIONS, caches_local=False), slow)
    exported = observed(settings={"GOCACHE": {"value": "/mnt/c/cache", "source": "environment"}})
    assert "GOCACHE" not in go_plan.settings_for("alice", exported, OPTIONS, slow)


def test_an_own_export_is_reported_and_left_alone() -> None:
    facts = observed(exports={"GOTMPDIR": "/mine"}, settings={"GOTMPDIR": {"value": "/mine"}}, places={})
    (note,) = go_plan.notes_for("alice", facts, {"GOTMPDIR": "/ours"}, "keep")
    assert "alice exports GOTMPDIR=/mine" in note
    assert go_plan.unmet("alice", facts, {"GOTMPDIR": "/ours"}, "keep", facts["exports"]) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, True),
        ({"toolchains": [{"version": "go1.24.4"}, {"version": "go1.26rc1"}]}, True),
        ({"toolchains": [{"version": "go1.25.9"}, {"path": "/broken/go"}]}, False),
        ({"uid": 0}, False),
        ({"exports": {"GOTMPDIR": "/mine"}}, False),
    ],
)
def test_tests_whose_files_move_too_are_named(changes: dict[str, Any], told: bool) -> None:
    facts = {"toolchains": [{"version": "go1.27.3"}], **observed(**changes)}
    notes = go_plan.note_tests({"alice": facts}, {"alice": {"GOTMPDIR": "/var/cache/gotmp/1000"}})
    assert [("t.TempDir()" in note, "for alice:" in note, "rename" in note) for note in notes] == [(True,) * 3] * told
    assert go_plan.note_tests({"alice": facts}, {"alice": {"GOCACHE": "/x"}}) == []


def test_a_place_on_a_windows_drive_is_reported_with_its_cost() -> None:
    facts = observed()
    facts["places"]["GOCACHE"].update(cost_us=2722.4, cost_us_home=275.0)
    (note,) = go_plan.notes_for("alice", facts, {"GOCACHE": "/home/alice/.cache/go-build"}, "keep")
    assert "worst of all placements" in note and "2722 µs there and 275 µs" in note and "the old files stay" in note


def test_what_a_fresh_login_lacks_is_named() -> None:
    facts = observed(settings={"GOTMPDIR": {"value": ""}, "CGO_ENABLED": {"value": "1"}})
    found = go_plan.unmet("alice", facts, {"GOTMPDIR": "/ours"}, "false", {})
    assert len(found) == 2
    broken = observed(
        settings={"GOTMPDIR": {"value": "/ours"}},
        places={"GOTMPDIR": {"path": "/ours", "exists": True, "executable": False}},
    )
    assert "cannot execute" in go_plan.unmet("alice", broken, {"GOTMPDIR": "/ours"}, "keep", {})[0]


@pytest.mark.parametrize("pattern", ["relative", "/a b", "/a;rm", "~bob/x", "$HOME/x", "/a'b", "%TEMP%"])
def test_a_pattern_that_is_refused(pattern: str) -> None:
    with pytest.raises(go_plan.PlanError, match="go_env_gotmpdir is "):
        go_plan.check_pattern("gotmpdir", pattern)


@pytest.mark.parametrize("pattern", ["", "/x/{user}", "~/x", "~"])
def test_a_pattern_that_is_taken(pattern: str) -> None:
    go_plan.check_pattern("gotmpdir", pattern)


def test_flags_must_be_flags() -> None:
    go_plan.check_goflags("-p=4 -tags=x")
    with pytest.raises(go_plan.PlanError, match="in one line"):
        go_plan.check_goflags("-p=4\n")


def test_the_block_goes_to_the_top_once_and_comes_out_whole() -> None:
    text = '# bashrc\n[ -z "$PS1" ] && return\n'
    with_block = go_plan.with_block(text)
    assert with_block.startswith(go_plan.BEGIN) and with_block.endswith(text)
    assert go_plan.with_block(with_block) == with_block
    assert go_plan.without_block(with_block) == text
    assert go_plan.revert_block(None, b"", go_plan.with_block("").encode()) is None
    assert go_plan.revert_block(b"x\n", b"", go_plan.with_block("x\ny\n").encode()) == b"x\ny\n"


def shell(script: str, **environment: str) -> str:
    someone = process.Identity(4711, 4711, [4711]) if os.getuid() == 0 else None
    done = process.run(["sh", "-euc", script], {"PATH": os.environ["PATH"], **environment}, identity=someone)
    assert done.code == 0, done.err
    return done.out.strip()


def test_the_profile_exports_a_folder_only_to_its_owner() -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        profile = top / "profile.sh"
        profile.write_text(go_plan.profile_text(f"{top}/{{user}}"))
        show = f'. {profile}; echo "${{GOTMPDIR:-none}}"'
        assert shell(show, USER="alice") == "none"
        for folder in (top / "alice", top / "root"):
            folder.mkdir()
        if os.getuid() == 0:
            os.chown(top / "alice", 4711, 4711)
        assert shell(show, USER="alice") == f"{top}/alice"
        assert shell(show, USER="alice", GOTMPDIR="/mine") == "/mine"
        if os.getuid() == 0:
            assert shell(show, USER="alice", GOTMPDIR=f"{top}/root") == f"{top}/alice"
            assert shell(show, USER="bob", GOTMPDIR=f"{top}/root") == "none"
            as_root = process.run(["sh", "-c", show], {"PATH": os.environ["PATH"], "USER": "root"})
            assert as_root.out == "none\n"


def test_the_profile_starts_no_program_of_a_folder_of_path(tmp_path: Path) -> None:
    """Root's login reads it too, and /etc/profile may put a folder on its PATH that others write in."""
    (tmp_path / "id").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "id").chmod(0o755)
    (tmp_path / "profile").write_text(go_plan.profile_text(f"{tmp_path}/{{user}}/{{uid}}"))
    done = process.run(["sh", "-euc", f". {tmp_path}/profile"], {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert done.code == 0 and not (tmp_path / "started").exists()
    assert "(id " not in go_plan.fish_text(f"{tmp_path}/{{user}}/{{uid}}")


@pytest.mark.parametrize("line", ["CGO_ENABLED=1", "CC=clang", "CGO_CFLAGS=-O3", "GOEXPERIMENT=boringcrypto"])
def test_what_the_users_file_says_of_cgo_wins(tmp_path: Path, line: str) -> None:
    real, shim = tmp_path / "go.distrib", tmp_path / "go"
    real.write_text('#!/bin/sh\necho "${CGO_ENABLED-default}"\n')
    shim.write_text(go_shims.shim_text(str(real)))
    for path in (real, shim):
        path.chmod(0o755)
    (tmp_path / "env").write_text(f"{line}\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GOENV": f"{tmp_path}/env"}
    assert process.run([str(shim), "build"], environment).out == "default\n"
    facts = observed(keeps_cgo=[line.partition("=")[0]], settings={"CGO_ENABLED": {"value": "1"}}, places={})
    assert go_plan.unmet("alice", facts, {}, "false", {}) == []
    assert "cgo stays as alice has it" in go_plan.notes_for("alice", facts, {}, "false")[0]


def test_a_go_whose_cryptography_needs_cgo_is_left_alone() -> None:
    for version in ("go1.24.4 X:boringcrypto", "go1.22.5 (Red Hat 1.22.5-1.el9)", "go1.25.1-microsoft X:systemcrypto"):
        assert go_plan.keeps_cgo(version)
    for version in ("go1.27.3", "go1.24.4 X:nocoverageredesign", "devel go1.28-abc"):
        assert not go_plan.keeps_cgo(version)


def test_packages_that_use_cgo_are_listed_once() -> None:
    assert go_plan.cgo_packages("b/x\n\na/y\nb/x\n") == ["a/y", "b/x"]


def test_changes_in_few_words() -> None:
    wanted = {"alice": {"GOTMPDIR": "/x"}, "bob": {"GOTMPDIR": "/y"}}
    files = {"alice": "/home/alice/.config/go/env", "bob": "/home/bob/.config/go/env"}
    changes = [
        "wrote /home/alice/.config/go/env",
        "wrote /etc/profile.d/wsltune-go.sh",
        "wrote /etc/bash.bashrc",
        "put a program that sets CGO_ENABLED=0 in the place of /usr/local/go/bin/go",
    ]
    assert go_plan.headlines(changes, wanted, files) == [
        "GOTMPDIR for alice",
        "GOTMPDIR in login shells and bash",
        "put a program that sets CGO_ENABLED=0 in the place of /usr/local/go/bin/go",
    ]
    assert go_plan.headlines([], wanted, files) == []


def test_slow_caches_are_those_on_a_windows_drive() -> None:
    places = {
        "GOMODCACHE": {"windows_drive": True},
        "GOCACHE": {"windows_drive": False},
        "HOME": {"windows_drive": True},
    }
    assert go_plan.list_slow_caches(places) == ["GOMODCACHE"]
    assert go_plan.list_slow_caches({}) == []


EXT4 = mountinfo.Mount("/", "/", "ext4", "/dev/sdc")
DRIVE = mountinfo.Mount("/mnt/c", "/", "9p", "C:", windows_drive=True)


@pytest.mark.parametrize(
    ("home", "cache", "slow"),
    [(EXT4, DRIVE, True), (EXT4, EXT4, False), (EXT4, None, False), (DRIVE, DRIVE, False), (None, DRIVE, True)],
)
def test_a_cache_is_slow_where_the_home_is_faster(
    home: mountinfo.Mount | None, cache: mountinfo.Mount | None, slow: bool
) -> None:
    assert go_plan.slow_caches(home, {"GOCACHE": cache}) == {"GOCACHE": slow, "GOMODCACHE": False}


def test_a_cache_counts_by_the_place_that_it_had_before_the_first_run() -> None:
    before = {"environment": {"GOCACHE": "/mnt/d/cache"}}
    assert go_plan.cache_path("GOCACHE", observed(), before) == "/mnt/d/cache"
    assert go_plan.cache_path("GOCACHE", observed(), None) == "/mnt/c/cache"
    assert go_plan.cache_path("GOMODCACHE", observed(), before) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exports": {"GOENV": "off"}}, "GOENV=off in a login or a terminal"),
        ({"unknown": {"user_file": "go env failed"}}, "go env failed"),
        ({}, ""),
    ],
)
def test_why_a_settings_file_is_left_alone(changes: dict[str, Any], reason: str) -> None:
    got = go_plan.obstacle(observed(**{"unknown": {}, **changes}))
    assert got.startswith(reason) and bool(got) is bool(reason)


def test_whose_settings_file_it_is_too() -> None:
    paths = {"alice": "/srv/env", "bob": "/srv/env", "carol": "/srv/env", "dev": "/home/dev/env"}
    assert go_plan.shared_file("alice", paths) == "/srv/env is the settings file of bob and carol too"
    assert go_plan.shared_file("dev", paths) == ""


@pytest.mark.parametrize(
    ("mount", "what"),
    [
        (DRIVE, "a Windows drive"),
        (mountinfo.Mount("/", "/", "squashfs", "loop", ["ro"]), "a read-only file system"),
    ],
)
def test_a_go_command_that_cannot_be_replaced(mount: mountinfo.Mount, what: str) -> None:
    assert go_plan.irreplaceable(mount) == what


@pytest.mark.parametrize("mount", [EXT4, None])
def test_a_go_command_that_can_be_replaced(mount: mountinfo.Mount | None) -> None:
    assert go_plan.irreplaceable(mount) == ""


@pytest.mark.parametrize(
    ("unmet", "failing", "notes"),
    [
        ({}, [], []),
        ({"alice": []}, [], []),
        ({"alice": ["a"]}, ["a"], []),
        ({"alice": ["a"], "bob": []}, [], ["a"]),
        ({"alice": ["a"], "bob": ["b"]}, ["a", "b"], []),
        ({"root": ["r"], "bob": []}, ["r"], []),
        ({"root": ["r"], "alice": ["a"], "bob": []}, ["r"], ["a"]),
    ],
)
def test_what_one_users_go_lacks_fails_nobody_else(
    unmet: dict[str, list[str]], failing: list[str], notes: list[str]
) -> None:
    assert go_plan.split_unmet(unmet, {"alice": 1000, "bob": 1001, "root": 0}) == (failing, notes)


def test_whose_module_and_whose_folder() -> None:
    homes = {"al": "/home/al", "alice": "/home/alice"}
    assert go_plan.module_owner("/home/alice/src/shop", homes) == "alice"
    assert go_plan.module_owner("/srv/shop", homes) is None
    assert go_plan.folder_is_made("/var/cache/gotmp/alice", "/var/cache/gotmp")
    assert not go_plan.folder_is_made("/var/cache/gotmp2/alice", "/var/cache/gotmp")
    assert not go_plan.folder_is_made("/var/cache/gotmp/alice", "")


@pytest.mark.parametrize(
    ("folder_owner", "owner"),
    [(0, 0), (1000, 1000), (1001, None), (4711, None)],
)
def test_who_replaces_a_go_command(folder_owner: int, owner: int | None) -> None:
    commands = {1000: ["/home/alice/go/bin/go"], 1001: ["/usr/bin/go"]}
    assert go_plan.command_owner("/home/alice/go/bin/go", folder_owner, commands) == owner


def test_lines_above_the_block_stay_above_it() -> None:
    assert go_plan.block_wanted("PS1=x\n", "PS1=x\n") == go_plan.BLOCK + "PS1=x\n"
    moved = "# theirs\n" + go_plan.BLOCK + "PS1=x\n"
    assert go_plan.block_wanted(moved, "# theirs\nPS1=x\n") == moved
