# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is looked at of a module, with a script for Go that says what Go says."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.doctor import module as doctor_module
from ansible_collections.wsltune.go.plugins.module_utils.doctor import observe_go
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts
from tests.unit.real_go import GO, needs_go


def observed(tmp_path: Path, folder: str, env: str, modules: str = "", listing: str = "exit 1") -> dict[str, Any]:
    """What Project finds in C(folder), where `go env` and `go list -m` print what is given; no more is there of Go."""
    go = tmp_path / "go-command"
    said = tmp_path / "said"
    go.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {said}\n'
        f"case $1$2 in\nenv*) printf '{env}';;\nlist-m) printf '{modules}';;\nlist*) {listing};;\n*) exit 1;;\nesac\n"
    )
    go.chmod(0o755)
    account = accounts.Account(pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.getgid(), str(tmp_path), "/bin/sh")
    facts = {"go": {"path": str(go)}, "settings": {}, "places": {}, "user_file": {"path": "/root/.config/go/env"}}
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    with observe_go.Workshop(account, {"PATH": os.defpath}, facts) as shop:
        found = observe_go.Project(shop, str(tmp_path / folder), observe_go.Budget(20), 1 << 20).observe()
    return {**found, "said": said.read_text().splitlines()}


def test_a_folder_of_a_module_is_looked_at(tmp_path: Path) -> None:
    found = observed(tmp_path, "sub/cmd", f"{tmp_path}/sub/go.mod\\n\\n\\n", "example.com/sub\\t/x\\n", "exit 0")
    assert found["module_paths"] == ["example.com/sub"] and found["generates"] is False
    assert found["said"][2].endswith(" ./...") and "failed" in found["trouble"]


def test_the_modules_of_a_go_work_are_looked_at(tmp_path: Path) -> None:
    modules = f"m/a\\t{tmp_path}/gw/a\\nm/b\\t{tmp_path}/gw/b\\nm/c\\t{tmp_path}/elsewhere\\n"
    found = observed(tmp_path, "gw", f"/dev/null\\n{tmp_path}/gw/go.work\\n\\n", modules, "exit 0")
    assert found["said"][2].endswith(" ./a/... ./b/...")


def test_a_go_work_without_modules_here(tmp_path: Path) -> None:
    env = f"/dev/null\\n{tmp_path}/go.work\\n\\n"
    found = observed(tmp_path, "empty", env, f"m/c\\t{tmp_path}/elsewhere\\n")
    assert "lists no module in" in found["trouble"] and found["command"].startswith("go work use")


def test_a_module_that_its_go_work_does_not_list(tmp_path: Path) -> None:
    env = f"{tmp_path}/gw/own/go.mod\\n{tmp_path}/gw/go.work\\n\\n"
    found = observed(tmp_path, "gw/own", env, f"m/tools\\t{tmp_path}/gw/tools\\n")
    check = doctor_module.judge_tests(found)
    assert "does not list the module" in check.reason and check.command.endswith("/gw/own && go work use .")
    below = observed(tmp_path, "gw/own/below", env, f"m/tools\\t{tmp_path}/gw/tools\\n")
    assert below["command"] == "go work use .."


@pytest.mark.parametrize(
    ("env", "said", "command"),
    [
        ("/dev/null\\n\\n\\n", "has a go.mod or a go.work", "go mod init"),
        ("/dev/null\\noff\\n\\n", "has a go.mod or a go.work", "go mod init"),
        ("\\n\\noff\\n", "GO111MODULE is off", "go env -u GO111MODULE"),
    ],
)
def test_what_belongs_to_no_module(tmp_path: Path, env: str, said: str, command: str) -> None:
    found = observed(tmp_path, "x", env)
    assert said in found["trouble"] and found["command"].startswith(command)


def test_a_module_that_makes_code_is_known_by_its_directive(tmp_path: Path) -> None:
    (tmp_path / "sub/deep/vendor").mkdir(parents=True)
    env = f"{tmp_path}/sub/go.mod\\n\\n\\n"
    (tmp_path / "sub/deep/vendor/v.go").write_text("package v\n\n//go:generate x\n")
    assert observed(tmp_path, "sub", env, "m\\t/x\\n")["generates"] is False
    (tmp_path / "sub/deep/a.go").write_text("package a\n\n//go:generate stringer -type=X\n")
    assert observed(tmp_path, "sub", env, "m\\t/x\\n")["generates"] is True


def test_a_module_without_packages_is_no_failure(tmp_path: Path) -> None:
    listing = "echo 'go: warning: \"./...\" matched no packages' >&2"
    found = observed(tmp_path, "x", f"{tmp_path}/x/go.mod\\n\\n\\n", "m\\t/x\\n", listing)
    assert doctor_module.judge_tests(found).status == "unknown"


@pytest.mark.parametrize(("name", "mode"), [("GOCACHE", 0o1777), ("GOTMPDIR", 0o777), ("TMPDIR", 0o777)])
def test_the_doctor_of_root_builds_nothing_with_a_cache_that_a_team_shares(
    tmp_path: Path, name: str, mode: int
) -> None:
    """Such as by a GOCACHE in /etc/profile: what it builds there is linked from what others put there, and run."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(mode)
    said = tmp_path / "said"
    (tmp_path / "go").write_text(f'#!/bin/sh\necho "$@" >> {said}\n')
    (tmp_path / "go").chmod(0o755)
    account = accounts.Account(pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.getgid(), str(tmp_path), "/bin/sh")
    facts: dict[str, Any] = {"go": {"path": str(tmp_path / "go")}, "settings": {}, "user_file": {"path": "/env"}}
    facts["places"] = {name: {"path": str(shared)}}
    with observe_go.Workshop(account, {"PATH": os.defpath}, facts) as shop:
        trouble = shop.build_program(20)
    assert (f"{shared} can be changed by other accounts" in trouble) == (os.geteuid() == 0) != said.exists()
    # The doctor's own variable, not that of site.yml.
    assert ("(doctor_user)" in trouble) == (os.geteuid() == 0)


@pytest.mark.parametrize("name", ["GOFLAGS", "CC"])
def test_the_doctor_of_root_builds_by_no_program_that_a_team_shares(tmp_path: Path, name: str) -> None:
    """Such as by a GOFLAGS in /etc/profile, which is what Go says of itself, too, or by what `go env -w` wrote."""
    shared, said = tmp_path / "shared", tmp_path / "said"
    shared.mkdir()
    shared.chmod(0o777)
    (tmp_path / "go").write_text(f'#!/bin/sh\necho "$@" >> {said}\n')
    (tmp_path / "go").chmod(0o755)
    account = accounts.Account(pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.getgid(), str(tmp_path), "/bin/sh")
    facts: dict[str, Any] = {"go": {"path": str(tmp_path / "go")}, "places": {}}
    facts["settings"] = {"GOFLAGS": {"value": f"-toolexec={shared}/timed" if name == "GOFLAGS" else ""}}
    facts["user_file"] = {"path": f"{tmp_path}/env"}
    (tmp_path / "env").write_text("" if name == "GOFLAGS" else f"CC={shared}/cc\n")
    with observe_go.Workshop(account, {"PATH": os.defpath}, facts) as shop:
        trouble = shop.build_program(20)
    assert (trouble == f"{name} names what another account can replace, and root would run it") != said.exists()
    assert said.exists() == (os.geteuid() != 0)


@pytest.mark.parametrize(("version", "flags"), [("go1.26.0", "-buildvcs=false"), ("go1.17.1", "")])
def test_the_doctors_own_program_is_stamped_by_no_repository_that_lies_above_it(
    tmp_path: Path, version: str, flags: str
) -> None:
    """It may lie below /var/tmp, where any account can put a .git, whose settings name what Git runs."""
    said = tmp_path / "said"
    (tmp_path / "go").write_text(f'#!/bin/sh\necho "$1 $GOFLAGS" > {said}\n')
    (tmp_path / "go").chmod(0o755)
    account = accounts.Account(pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.getgid(), str(tmp_path), "/bin/sh")
    facts: dict[str, Any] = {"places": {}, "settings": {}, "user_file": {"path": "/env"}}
    facts["go"] = {"path": str(tmp_path / "go"), "version": version}
    with observe_go.Workshop(account, {"PATH": os.defpath}, facts) as shop:
        assert shop.build_program(20) == ""
    assert said.read_text() == f"build {flags}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may not run the code of others")
def test_no_command_of_root_follows_a_go_work_that_others_can_put_above(tmp_path: Path) -> None:
    """Its replace and use name code that `go test` would run as root, and a .git there what Git runs in a build."""
    shared, module = tmp_path / "shared", tmp_path / "shared/own"
    module.mkdir(parents=True)
    shared.chmod(0o1777)
    (shared / "go.work").write_text("go 1.22\nuse ./own\nreplace example.com/dep => ./theirs\n")
    said = tmp_path / "said"
    row = f"m\\tfalse\\tm\\tfalse\\t\\t\\t{module}\\tm\\t0\\n"
    (tmp_path / "go").write_text(
        f'#!/bin/sh\necho "$GOWORK$GOFLAGS|$*" >> {said}\n'
        f"case $1$2 in env*) printf '{module}/go.mod\\n\\n\\n';; list-m | list-e) ;; list*) printf '{row}';; esac\n"
    )
    (tmp_path / "go").chmod(0o755)
    (tmp_path / "strace").write_text('#!/bin/sh\nshift 4\nexec "$@"\n')
    (tmp_path / "strace").chmod(0o755)
    account = accounts.Account(pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.getgid(), str(tmp_path), "/bin/sh")
    place = {"path": str(tmp_path)}
    facts = {
        "go": {"path": str(tmp_path / "go"), "version": "go1.26.0"},
        "settings": {},
        "places": {"TMPDIR": place, "GOTMPDIR": place},
        "user_file": {"path": "/root/.config/go/env"},
    }
    path = f"{tmp_path}:{os.defpath}"
    with observe_go.Workshop(account, {"PATH": path}, facts) as shop:
        observe_go.Project(shop, str(module), observe_go.Budget(60), 1 << 20).observe()
    commands = [line.partition("|")[::2] for line in said.read_text().splitlines()]
    assert {words.split()[0] for _work, words in commands} == {"env", "list", "build", "vet", "test"}
    assert [words for _work, words in commands if words.startswith("test -count=1 m")]
    assert {work for work, _words in commands} == {"off-buildvcs=false"}


@needs_go
def test_a_newer_go_that_is_there_is_taken_and_none_is_fetched(tmp_path: Path) -> None:
    """As Go does for a go.mod that asks for it; real Go also looks on PATH, before the module cache."""
    (tmp_path / "go.mod").write_text("module example.com/m\n\ngo 1.99\n")
    (tmp_path / "m.go").write_text("package m\n")
    newer = tmp_path / "bin" / "go1.99.0"
    newer.parent.mkdir()
    newer.write_text(
        f'#!/bin/sh\ncase $1 in\nenv) echo {tmp_path}/go.mod;;\n*) echo "the newer Go" >&2; exit 1;;\nesac\n'
    )
    account = accounts.Account(pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.getgid(), str(tmp_path), "/bin/sh")
    facts = {"go": {"path": GO}, "settings": {}, "places": {}, "user_file": {"path": "/root/.config/go/env"}}
    environment = {"PATH": f"{newer.parent}:{os.defpath}", "HOME": str(tmp_path)}
    for mode, said in ((0o644, "Go 1.99.0, which is not in the module cache"), (0o755, "the newer Go")):
        newer.chmod(mode)
        with observe_go.Workshop(account, environment, facts) as shop:
            found = observe_go.Project(shop, str(tmp_path), observe_go.Budget(30), 1 << 20).observe()
        assert said in f"{found['output']} {doctor_module.judge_tests(found).reason}"


@needs_go
@pytest.mark.skipif(os.geteuid() != 0, reason="only root's Go may not build what others can change")
def test_roots_go_builds_nothing_that_it_says_comes_from_others(tmp_path: Path) -> None:
    """Here an import that is not spelt as the link is, to code that others have taken away for now."""
    for folder in ("m", "team"):
        (tmp_path / folder).mkdir()
    os.chown(tmp_path / "team", 4711, 4711)
    (tmp_path / "m/go.mod").write_text("module example.com/m\n\ngo 1.19\n")
    (tmp_path / "m/c.go").write_text('package m\n\nimport _ "example.com/m/\\x70lugin/x"\n')
    (tmp_path / "m/plugin").symlink_to(tmp_path / "team")
    account = accounts.Account("root", 0, 0, str(tmp_path), "/bin/sh")
    facts = {"go": {"path": GO}, "settings": {}, "places": {}, "user_file": {"path": "/root/.config/go/env"}}
    with observe_go.Workshop(account, {"PATH": os.defpath, "HOME": str(tmp_path)}, facts) as shop:
        shown = observe_go.Project(shop, str(tmp_path / "m"), observe_go.Budget(60), 1 << 20)
        shown._compile()
    assert shown.found["trouble"].startswith(f"{tmp_path}/m/plugin/x can be changed by other accounts")
    assert "programs" not in shown.found
