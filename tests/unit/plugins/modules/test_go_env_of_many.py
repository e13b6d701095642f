# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one account has broken is a note, and stops the others only where it holds for all of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, mountinfo
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
