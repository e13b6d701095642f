# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.linux import become, mountinfo, process
from tests.unit.real_go import GO, needs_go

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")


@as_root
@pytest.mark.parametrize(
    ("owner", "mode", "parent_mode", "drive", "refused"),
    [
        (0, 0o755, 0o755, "", False),
        (4711, 0o755, 0o755, "", True),
        (0, 0o777, 0o755, "", True),
        (0, 0o1777, 0o755, "", True),
        (0, 0o755, 0o777, "", True),
        (0, 0o755, 0o1777, "", False),
        # A Windows drive shows one account and one mode for all that is on it.
        (4711, 0o777, 0o755, "folder", False),
        (4711, 0o777, 0o777, "parent", False),
        (4711, 0o777, 0o777, "folder", True),
    ],
)
def test_code_of_others_is_not_for_root(
    tmp_path: Path, owner: int, mode: int, parent_mode: int, drive: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = tmp_path / "parent"
    folder = parent / "module"
    folder.mkdir(parents=True)
    os.chown(folder, owner, owner)
    folder.chmod(mode)
    parent.chmod(parent_mode)
    mounts = [mountinfo.Mount("/", "/", "ext4", "/dev/sda", mount_id=1)]
    if drive:
        where = str(folder if drive == "folder" else parent)
        mounts.append(mountinfo.Mount(where, "/", "9p", "C:", windows_drive=True, mount_id=2, parent_id=1))
    monkeypatch.setattr(go_sources.wsl_judge, "mounts_of", lambda _machine: mounts)
    said = go_sources.find_code_of_others(str(folder))
    assert bool(said) == refused
    if refused:
        assert said == (
            f"{folder} can be changed by other accounts, whose code root would run: "
            "measure it as its owner (wsltune_user)."
        )


@as_root
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("app/go.mod", "replace example.com/lib => ../lib // of the team\n"),
        ("app/go.mod", 'replace example.com/lib => "..//lib" // "of the team\n'),
        ("go.work", "use `.//app`\nuse `.//lib`\n"),
        # GOFLAGS may have -modfile=dev.mod.
        ("app/dev.mod", "module m\nreplace example.com/lib => ../lib\n"),
        ("app/go.mod", "replace (\n\texample.com/lib v1.0.0 => {home}/lib\n)\n"),
        ("go.work", "go 1.22\n\nuse (\n\t./app\n\t./lib\n)\n"),
        ("go.work", "go 1.22\n  use (\n\t./app\n\t./lib\n)\n"),
        ("go.work", "\tuse ./app\n\tuse ./lib\n"),
        ("go.work", 'use ./app\nreplace example.com/lib => "./lib"\n'),
        # As Go reads what is quoted.
        ("app/go.mod", 'replace example.com/lib => "\\x2e.//l\\u0069b" // "of the team\n'),
        ("go.work", 'use ( "./(app)" ./app "./li\\142" )\n'),
        # Of a module that is used Go takes what replaces its dependencies, too.
        ("other/go.mod", "replace example.com/lib => ../lib\n"),
    ],
)
def test_code_of_others_that_a_module_of_roots_names_is_not_for_root(
    home: Path, eve: process.Identity, file: str, text: str
) -> None:
    os.chown(home, 0, 0)
    for name in ("app", "other", "lib"):
        (home / name).mkdir()
        (home / name / "go.mod").write_text("module m\n")
    (home / "go.work").write_text("use ./other\n")
    (home / file).write_text(text.format(home=home))
    for folder in ("app", "app/cmd"):
        (home / folder).mkdir(exist_ok=True)
        assert go_sources.find_code_of_others(str(home / folder)) == ""
        os.chown(home / "lib" / "go.mod", 4711, 4711)
        assert f"{home}/lib/go.mod can be changed by other" in go_sources.find_code_of_others(str(home / folder))
        assert become.ask(eve, lambda: go_sources.find_code_of_others(str(home / "app"))) == ""
        os.chown(home / "lib" / "go.mod", 0, 0)
    (home / "lib" / "go.mod").unlink()
    (home / "lib").rmdir()
    # What is missing, others may put there, and so they may a go.work, which root's Go leaves out then.
    home.chmod(0o1777)
    (home / "go.work").write_text("use ./lib\n")
    assert (f"{home}/lib can be changed" in go_sources.find_code_of_others(str(home / "app"))) == ("app" in file)


@as_root
@pytest.mark.parametrize(
    ("link", "target", "counts"),
    [
        ("shared.go", "lib/shared.go", True),
        ("internal/lib", "lib", True),
        ("vendor", "vendor", True),
        # Whose folders are root's own, and a file in one is not.
        ("vendor", "own", True),
        # Whose packages lie deeper, in a folder of others or of root's own.
        ("third_party", "deep", True),
        ("third_party", "rooted", True),
        # Imported, and others took the code away while it is looked at, or made it a file or nothing meanwhile.
        ("plugin", "data", True),
        ("plugin", "lib/shared.txt", True),
        ("plugin", "lib/missing", True),
        ("plugin", "rooted/data", True),
        ("gone.example", "lib/missing", True),
        # No code: a test that reads it decides for itself.
        ("data", "lib/shared.txt", False),
        ("data", "data", False),
        ("tmp", "deep", False),
        ("testdata", "data", False),
        ("loop", "app", False),
    ],
)
def test_code_of_others_that_a_link_of_roots_leads_to_is_not_for_root(
    home: Path, eve: process.Identity, link: str, target: str, counts: bool
) -> None:
    os.chown(home, 0, 0)
    for name in ("app/internal", "lib", "vendor", "own", "data", "deep/lib", "rooted/lib", "rooted/data/lib"):
        (home / name).mkdir(parents=True)
    for name in ("app/go.mod", "lib/shared.go", "lib/shared.txt", "vendor/modules.txt", "own/x.go", "data/x.txt"):
        (home / name).write_text("module m\n")
    for name in ("deep", "rooted"):
        (home / name / "lib/x.go").write_text("package lib\n")
    imports = "".join(f'import _ "{path}"\n' for path in ("m/plugin", "m/third_party/lib", "gone.example/x"))
    (home / "app/internal/main.go").write_text(f'package main\n\n{imports}\nconst shown = "m/data/" + "/tmp/"\n')
    (home / "app" / link).symlink_to(home / target)
    assert go_sources.find_code_of_others(str(home / "app")) == ""
    for name in ("lib", "vendor", "data", "own/x.go", "deep", "rooted/lib", "rooted/data/lib"):
        os.chown(home / name, 4711, 4711)
    said = go_sources.find_code_of_others(str(home / "app"))
    inner = {"own": "own/x.go", "rooted": "rooted/lib", "rooted/data": "rooted/data/lib"}
    named = f"{home}/{inner.get(target, f'app/{link}')}"
    assert said.startswith(f"{named} can be changed by other accounts") == counts
    assert bool(said) == counts
    assert become.ask(eve, lambda: go_sources.find_code_of_others(str(home / "app"))) == ""


@as_root
@pytest.mark.parametrize(
    "before",
    [
        '/*\n#include <stdio.h>\nconst int most = 1;\n*/\nimport "C"\n',
        '/* What\ntype\n"/* it has */\n// Package/*\n',
    ],
)
def test_a_comment_hides_no_import_from_the_look_at_what_links_lead_to(
    home: Path, eve: process.Identity, before: str
) -> None:
    os.chown(home, 0, 0)
    (home / "app").mkdir()
    (home / "team/lib").mkdir(parents=True)
    (home / "app/main.go").write_text(f'package main\n\n{before}\nimport _ "m/plugin/lib" // */ "m/other"\n')
    (home / "app/plugin").symlink_to(home / "team")
    (home / "app/other").symlink_to(home / "team")
    assert go_sources.find_code_of_others(str(home / "app")) == ""
    os.chown(home / "team", 4711, 4711)
    assert f"{home}/app/plugin can be changed by other" in go_sources.find_code_of_others(str(home / "app"))


@as_root
@pytest.mark.parametrize(
    ("name", "target"),
    [
        # A file, a folder that is looked at after the link, and a file that is larger than others.
        ("main.go", "own/x.go"),
        ("internal/own", "own"),
        ("large.go", ""),
    ],
)
def test_all_that_is_built_of_roots_is_asked_what_it_imports_by_a_link(
    home: Path, eve: process.Identity, name: str, target: str
) -> None:
    os.chown(home, 0, 0)
    for folder in ("app/internal", "own", "team"):
        (home / folder).mkdir(parents=True)
    (home / "app/plugin").symlink_to(home / "team")
    (home / "own/x.go").write_text('package own\n\nimport _ "m/plugin"\n')
    os.chown(home / "team", 4711, 4711)
    assert go_sources.find_code_of_others(str(home / "app")) == ""
    if target:
        (home / "app" / name).symlink_to(home / target)
    else:
        (home / "own/x.go").rename(home / "app" / name)
        os.truncate(home / "app" / name, 17 << 20)
    assert f"{home}/app/plugin can be changed by other" in go_sources.find_code_of_others(str(home / "app"))


@as_root
@pytest.mark.parametrize("path", ["{home}/lib/x.go", "lib/x.go", "\\u002f{below}/lib/x.go", "{home}\\/lib/x.go"])
def test_what_an_overlay_of_roots_names_is_looked_at_as_go_reads_it(
    home: Path, eve: process.Identity, path: str
) -> None:
    os.chown(home, 0, 0)
    (home / "lib").mkdir()
    overlay = home / "overlay.json"
    overlay.write_text(f'{{"Replace": {{"/src/app/x.go": "{path.format(home=home, below=str(home)[1:])}"}}}}')
    assert go_sources.find_named_of_others(str(overlay)) == ""
    os.chown(home / "lib", 4711, 4711)
    assert go_sources.find_named_of_others(str(overlay)) == f"{home}/lib/x.go"
    # Go takes the name in any case, and a byte that is no text for another one.
    overlay.write_bytes(b'{"replace": {"/a\xff": "%s"}}' % os.fsencode(home / "lib/x.go"))
    assert go_sources.find_named_of_others(str(overlay)) == f"{home}/lib/x.go"
    overlay.write_text('{"Replace": ["no overlay"]}')
    assert go_sources.find_named_of_others(str(overlay)) == ""


@needs_go
@as_root
@pytest.mark.parametrize(
    ("link", "target", "counts"),
    [
        # Each is imported, by the last one where cgo is on alone.
        ("plugin", "team", True),
        # What others took away while Go is asked.
        ("plugin", "team/gone", True),
        ("cmd/x.go", "team/x.go", True),
        ("cmd/with", "team", True),
        ("cmd/x.txt", "team/x.go", False),
        ("docs", "team", False),
    ],
)
def test_go_says_from_where_it_would_build_and_runs_nothing_for_that(
    home: Path, eve: process.Identity, link: str, target: str, counts: bool
) -> None:
    os.chown(home, 0, 0)
    for name in ("app/cmd", "team/lib"):
        (home / name).mkdir(parents=True)
    (home / "team/x.go").write_text("package main\n")
    (home / "app/go.mod").write_text("module m\n\ngo 1.19\n\nrequire missing.example/x v1.0.0\n")
    paths = "".join(f'import _ "{path}"\n' for path in ("m/plugin/lib", "missing.example/x/y"))
    (home / "app/cmd/main.go").write_text(f"package main\n\n{paths}\nfunc main() {{}}\n")
    (home / "app/cmd/c.go").write_text('package main\n\nimport "C"\nimport _ "m/cmd/with/lib"\n')
    (home / "app" / link).symlink_to(home / target)
    environment = {
        **os.environ,
        "HOME": str(home),
        "GOCACHE": str(home / "cache"),
        "GOPROXY": "off",
        "CGO_ENABLED": "1",
    }
    environment["GOFLAGS"] = f"-buildvcs=false -toolexec={home}/none"
    folder = str(home / "app")
    assert go_sources.find_built_of_others(GO, folder, environment) == ""
    os.chown(home / "team", 4711, 4711)
    said = go_sources.find_built_of_others(GO, folder, environment)
    assert ("can be changed by other accounts, whose code root would run" in said) == counts, said
    assert bool(said) == counts
    without = go_sources.find_built_of_others(GO, folder, {**environment, "CGO_ENABLED": "0"})
    assert bool(without) == (counts and link != "cmd/with")
    assert become.ask(eve, lambda: go_sources.find_built_of_others(GO, folder, environment)) == ""


def test_a_block_that_does_not_end_is_read_at_once() -> None:
    begin = time.monotonic()
    assert go_sources.places_in("use (\n" + '\t"./a"\n' * 1000, "/src") == []
    assert time.monotonic() - begin < 5


@needs_go
@as_root
def test_root_builds_nothing_where_go_does_not_say_from_where(home: Path) -> None:
    os.chown(home, 0, 0)
    (home / "go.mod").write_text("module m\n\nno words of Go's\n")
    said = go_sources.find_built_of_others(GO, str(home), dict(os.environ))
    assert said.startswith(f"root builds nothing in {home}, because Go does not say from where it would (")
    assert "unknown directive" in said and said.endswith("or name a user to measure (wsltune_user).")


@as_root
def test_what_another_account_mounted_in_a_folder_of_roots_keeps_root_waiting_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uploads").mkdir()
    status = os.lstat

    def answer(path: str) -> os.stat_result:
        if path.endswith("/uploads"):
            time.sleep(9)
        return status(path)

    monkeypatch.setattr(os, "lstat", answer)
    monkeypatch.setattr(go_sources, "LOOKING", 0.5)
    began = time.monotonic()
    said = go_sources.find_code_of_others(str(tmp_path))
    assert said.startswith(f"{tmp_path} could not be looked at by root (no answer in 0 s): ")
    assert time.monotonic() - began < 8


@as_root
@pytest.mark.parametrize(
    ("shared", "work", "off"),
    [
        ("", "", False),
        ("shared", "", True),
        # The nearest go.work counts: this one nobody else can write, and that one they can.
        ("shared", "shared/own", False),
        ("shared/own", "shared", True),
        ("shared", "shared", True),
    ],
)
def test_a_workspace_of_others_is_not_for_root(
    home: Path, eve: process.Identity, shared: str, work: str, off: bool
) -> None:
    module = home / "shared" / "own" / "module"
    module.mkdir(parents=True)
    os.chown(home, 0, 0)
    # Else that of /tmp would count, below which all of this lies.
    (home / "go.work").touch()
    if shared:
        (home / shared).chmod(0o1777)
    if work:
        (home / work / "go.work").touch()
    (home / "link").symlink_to(module)
    for path in (module, home / "link"):
        assert go_sources.leave_out_workspace(str(path), {}) == ({"GOWORK": "off"} if off else {})
    assert go_sources.leave_out_workspace(str(module), {"GOWORK": "/root/go.work"}) == {}
    assert become.ask(eve, lambda: go_sources.leave_out_workspace(str(module), {})) == {}


@as_root
@pytest.mark.parametrize(
    ("repository", "shared", "unstamped"),
    [
        ("", "", False),
        ("", "shared", True),
        ("shared/own/module", "", False),
        ("shared/own", "", False),
        # Git takes even /tmp itself for a repository where somebody makes it look like one.
        ("shared/own/module", "shared", True),
        # As with `git init --shared`, and of a linked working tree.
        ("shared/own", "shared/own/.git", True),
        ("shared/own", "shared/own/.git/config", True),
        ("linked", "main", True),
        ("linked", "main/config", True),
        ("linked", "", False),
    ],
)
def test_a_repository_that_others_can_configure_stamps_nothing_of_roots(
    home: Path, eve: process.Identity, monkeypatch: pytest.MonkeyPatch, repository: str, shared: str, unstamped: bool
) -> None:
    module = home / "shared" / "own" / "module"
    module.mkdir(parents=True)
    os.chown(home, 0, 0)
    if repository == "linked":
        (home / "main" / "worktrees" / "one").mkdir(parents=True)
        (home / "main" / "config").touch()
        (home / "main" / "worktrees" / "one" / "commondir").write_text("../..\n")
        (module / ".git").write_text(f"gitdir: {home}/main/worktrees/one\n")
    elif repository:
        (home / repository / ".git").mkdir()
        (home / repository / ".git" / "config").touch()
    if shared:
        (home / shared).chmod(0o1777 if (home / shared).is_dir() else 0o666)
    # All of this lies below /tmp, which others can write.
    others = go_sources.others_change
    monkeypatch.setattr(go_sources, "others_change", lambda path: path.startswith(str(home)) and others(path))
    flags = {"GOFLAGS": "-v -buildvcs=false"} if unstamped else {}
    for version in ("go1.18", "go1.26.1", "devel go1.28-0123abc"):
        assert go_sources.leave_out_repository([str(module)], "-v --buildvcs=true", version, {}) == flags
    for version in ("", "go1.17.3"):
        assert go_sources.leave_out_repository([str(module)], "", version, {}) == {}
    assert become.ask(eve, lambda: go_sources.leave_out_repository([str(module)], "", "go1.26", {})) == {}


@as_root
@pytest.mark.skipif(shutil.which("git") is None, reason="needs Git")
@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ("[include]\n\tpath = {home}/team/config\n", True),
        ("[include]\n\tpath = ../../team/config\n", True),
        # What is not there yet, others may put there.
        ("[include]\n\tpath = {home}/team/none\n", True),
        ("[include]\n\tpath = ../../team/none\n", True),
        ("[include]\n\tpath = ~/../team/none\n", True),
        ("[include]\n\tpath = none/config\n", False),
        ("[core]\n\thooksPath = ../team/hooks\n", True),
        ("[core]\n\talternateRefsCommand = {home}/team/list\n", True),
        ("[core]\n\tfsmonitor = {home}/team/watch --fast\n", True),
        ('[filter "x"]\n\tclean = sh {home}/team/clean %f\n', True),
        ('[remote "origin"]\n\turl = {home}/team/shop.git\n', False),
        ("[include]\n\tpath = {home}/own/config\n", False),
    ],
)
@pytest.mark.parametrize("whose", ["repository", "root"])
def test_root_has_git_run_nothing_that_settings_of_others_name(
    home: Path, eve: process.Identity, monkeypatch: pytest.MonkeyPatch, settings: str, refused: bool, whose: str
) -> None:
    os.chown(home, 0, 0)
    module = home / "shop" / "module"
    for folder in (module, home / "team", home / "own"):
        folder.mkdir(parents=True)
    for name in ("team", "own"):
        (home / name / "config").write_text("[x]\n\ty = 1\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home / "own"), "GIT_CONFIG_NOSYSTEM": "1"}
    assert process.run(["git", "init", "-q"], environment, str(home / "shop")).code == 0
    file = home / ("shop/.git/config" if whose == "repository" else "own/.gitconfig")
    with file.open("a") as config:
        config.write(
            settings.format(home=home).replace("../../team", "../../team" if whose == "repository" else "../team")
        )
    others = go_sources.others_change
    monkeypatch.setattr(go_sources, "others_change", lambda path: path.startswith(str(home)) and others(path))
    assert go_sources.find_settings_of_others(str(module), environment) == ""
    (home / "team").chmod(0o777)
    assert bool(go_sources.find_settings_of_others(str(module), environment)) == refused
    flags = {"GOFLAGS": "-buildvcs=false"} if refused else {}
    assert go_sources.leave_out_repository([str(module)], "", "go1.26", environment) == flags
    assert become.ask(eve, lambda: go_sources.find_settings_of_others(str(module), environment)) == ""


@as_root
def test_who_is_not_root_runs_any_code(home: Path, eve: process.Identity) -> None:
    assert become.ask(eve, lambda: go_sources.find_code_of_others("/tmp")) == ""
