# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one account has broken is a note, and stops the others only where it holds for all of them."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, look, mountinfo
from ansible_collections.wsltune.go.plugins.modules import go_env

NAMES = ("root", "ada", "eve")


class Settings(go_env.GoEnv):
    """The module, for people who are all whoever runs this, with one read-only file system."""

    def __init__(self, **options: Any) -> None:
        given = {"run": "", "made_before": "/nowhere", "modules": [], "cgo_enabled": "keep"} | options
        super().__init__(SimpleNamespace(params=given, check_mode=False))  # type: ignore[arg-type]
        self.mounts = [
            mountinfo.Mount("/", "/", "ext4", "/dev/sdc", mount_id=1),
            mountinfo.Mount("/ro", "/", "fuse", "x", options=["ro"], mount_id=2, parent_id=1),
        ]


def people(home: Path) -> dict[str, accounts.Account]:
    return {name: accounts.Account(name, 0, 0, str(home), "/bin/sh") for name in NAMES}


def users(**commands: list[str]) -> dict[str, dict[str, Any]]:
    return {
        name: {"uid": number, "go": {"path": "/go"}, "commands": commands.get(name, []), "unknown": {}}
        for number, name in enumerate(NAMES)
    }


def test_a_missing_folder_of_one_is_a_note(tmp_path: Path) -> None:
    wanted = {name: {"GOTMPDIR": f"{tmp_path}/{name}"} for name in NAMES}
    for name in ("root", "ada"):
        (tmp_path / name).mkdir()
    module = Settings()
    module.check_folders(people(tmp_path), wanted)
    assert wanted["eve"] == {} and wanted["ada"] and f"{tmp_path}/eve does not exist" in module.notes[0]
    for name in ("root", "ada"):
        (tmp_path / name).rmdir()
        wanted["eve"] = {"GOTMPDIR": f"{tmp_path}/eve"}
    with pytest.raises(go_plan.PlanError, match="which does not exist"):
        Settings().check_folders(people(tmp_path), wanted)


@pytest.mark.parametrize("odd", [{"CC": "missing"}, {"CC": " ", "PATH": "/nowhere"}, "does not end"])
def test_a_missing_compiler_of_one_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: Any) -> None:
    hers = {"eve"}

    def login(person: accounts.Account) -> dict[str, str]:
        if person.name not in hers:
            return {"CC": "sh", "PATH": "/bin"}
        if isinstance(odd, str):
            raise accounts.AccountError(odd)
        return {"PATH": "/bin", **odd}

    monkeypatch.setattr(accounts, "login_environment", login)
    wanted = {name: {"CGO_ENABLED": "1"} for name in NAMES}
    module = Settings(cgo_enabled="true")
    module.check_compilers(people(tmp_path), users(), wanted)
    assert wanted == {"root": {"CGO_ENABLED": "1"}, "ada": {"CGO_ENABLED": "1"}, "eve": {}}
    assert [note.split("'")[0] for note in module.notes] == ["eve"]
    hers |= set(NAMES)
    with pytest.raises(go_plan.PlanError, match="root has no C compiler"):
        Settings().check_compilers(people(tmp_path), users(), wanted)


def test_a_command_of_one_that_cannot_be_replaced_is_a_note() -> None:
    module = Settings()
    module.check_commands(users(root=["/go/bin/go"], ada=["/go/bin/go"], eve=["/ro/bin/go"]))
    assert module.left == {"/ro/bin/go"} and "a read-only file system" in module.notes[0]
    for commands in ({"root": ["/ro/bin/go", "/go/bin/go"]}, {name: ["/ro/bin/go"] for name in NAMES}):
        with pytest.raises(go_plan.PlanError, match="cannot be replaced"):
            Settings().check_commands(users(**commands))


@pytest.mark.parametrize(
    "broken", [go_plan.PlanError("go_env_modules names /m2; nothing was changed."), OSError(5, "I/O")]
)
def test_a_module_of_one_that_cannot_be_listed_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Exception
) -> None:
    bad = {"/m2"}

    def look(_self: Any, directory: str, *_more: Any) -> None:
        if directory in bad:
            raise broken

    monkeypatch.setattr(Settings, "check_module", look)
    module = Settings(modules=["/m1", "/m2"], cgo_enabled="false")
    module.check_modules(people(tmp_path), users())
    assert len(module.notes) == 1 and "/m2" in module.notes[0] and "nothing was changed" not in module.notes[0]
    for modules in (["/m2"], ["/m1", "/m2"]):
        bad.add("/m1")
        with pytest.raises(go_plan.PlanError, match="go_env_modules names /m"):
            Settings(modules=modules, cgo_enabled="false").check_modules(people(tmp_path), users())


def test_a_module_that_is_no_absolute_path_is_refused_whatever_the_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "check_module", lambda *_words: None)
    with pytest.raises(go_plan.PlanError, match="names m4, which is no absolute path"):
        Settings(modules=["/m3", "m4"], cgo_enabled="false").check_modules(people(tmp_path), users())


def test_a_folder_that_gives_no_answer_lets_nobody_wait(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files, "opened_folder", lambda path: time.sleep(60))
    monkeypatch.setattr(look, "once", functools.partial(look.once, limit=0.5))
    module = Settings(cgo_enabled="false")
    begin = time.monotonic()
    everybody = {name: dict(one, toolchains=[]) for name, one in users(eve=["/net/eve/go/bin/go"]).items()}
    assert module.commands(people(tmp_path), everybody) == {} and time.monotonic() - begin < 20
    assert "/net/eve/go/bin/go is left alone" in module.notes[0] and "no answer" in module.notes[0]


def persons(home: Path) -> dict[str, accounts.Account]:
    return {name: accounts.Account(name, number, 0, f"{home}/{name}", "/bin/sh") for number, name in enumerate(NAMES)}


@pytest.mark.parametrize("odd", [["/home/eve/go refuses -x"], TimeoutError(110, "no answer in 90 s"), "no login"])
def test_a_go_of_one_that_refuses_a_flag_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: Any) -> None:
    hers = {"eve"}

    def login(person: accounts.Account) -> dict[str, str]:
        if odd == "no login" and person.name in hers:
            raise accounts.AccountError("A login did not end.")
        return {"HOME": person.name}

    def refuse(_toolchains: Any, environment: dict[str, str], _flags: str) -> list[str]:
        if environment["HOME"] not in hers or odd == "no login":
            return []
        if isinstance(odd, OSError):
            raise odd
        return list(odd)

    monkeypatch.setattr(accounts, "login_environment", login)
    monkeypatch.setattr(go_env.go_find, "environment_with_go", lambda _person, environment: environment)
    monkeypatch.setattr(go_env.go_flags, "list_refusals", refuse)
    seen = {name: {**one, "toolchains": [{"path": "/go", "version": "go1.27"}]} for name, one in users().items()}
    wanted = {name: {"GOFLAGS": "-v -x -p=2"} for name in NAMES}
    module = Settings(goflags="-v -x")
    module.added = ["-p=2"]
    module.check_flags(persons(tmp_path), seen, wanted)
    assert wanted == {"root": {"GOFLAGS": "-v -x -p=2"}, "ada": {"GOFLAGS": "-v -x -p=2"}, "eve": {"GOFLAGS": "-p=2"}}
    module.check_added(persons(tmp_path), seen, wanted)
    assert wanted["ada"] == {"GOFLAGS": "-v -x -p=2"} and wanted["eve"] == {}
    assert [note.split(":")[0] for note in module.notes] == ["eve's GOFLAGS has no -v -x", "eve's GOFLAGS has no -p=2"]
    for those in ({"root"}, set(NAMES)):
        hers.clear()
        hers.update(those)
        with pytest.raises(go_plan.PlanError, match="go_env_goflags is '-v -x', but for root"):
            Settings(goflags="-v -x").check_flags(persons(tmp_path), seen, wanted)


def test_a_cache_program_that_one_cannot_start_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hers: list[Any] = ["eve"]
    monkeypatch.setattr(accounts, "identity", lambda person: person.name)

    def ask(identity: str, _function: Any) -> bool:
        if identity in hers:
            raise OSError(5, "the process that looked there ended without an answer")
        return True

    monkeypatch.setattr(go_env.become, "ask", ask)
    wanted = {name: {"GOCACHEPROG": "/bin/cache -x"} for name in NAMES}
    module = Settings(gocacheprog="/bin/cache -x")
    module.check_cache_program(persons(tmp_path), wanted)
    assert wanted["ada"] and wanted["eve"] == {} and "eve cannot start /bin/cache" in module.notes[0]
    for those in (["root"], list(NAMES)):
        hers[:] = those
        wanted["eve"] = {"GOCACHEPROG": "/bin/cache -x"}
        with pytest.raises(go_env.go_tuning.TuningError, match="root cannot start"):
            Settings(gocacheprog="/bin/cache -x").check_cache_program(persons(tmp_path), wanted)


def test_the_only_module_is_one_of_an_account_that_breaks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(_self: Any, directory: str, *_more: Any) -> None:
        raise go_plan.PlanError(f"go_env_modules names {directory}; nothing was changed.")

    monkeypatch.setattr(Settings, "check_module", look)
    module = Settings(modules=[f"{tmp_path}/eve/m"], cgo_enabled="false")
    module.check_modules(persons(tmp_path), users())
    assert len(module.notes) == 1
    alone = {name: person for name, person in persons(tmp_path).items() if name != "ada"}
    with pytest.raises(go_plan.PlanError):
        module.check_modules(alone, users())
    with pytest.raises(go_plan.PlanError):
        Settings(modules=["/srv/m"], cgo_enabled="false").check_modules(persons(tmp_path), users())
