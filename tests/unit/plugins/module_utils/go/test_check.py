# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one account has broken is a note, and stops the others only where it holds for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils import changes, journal
from ansible_collections.wsltune.go.plugins.module_utils.go import check as go_check
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts

NAMES = ("root", "ada", "eve")


def check(
    who: dict[str, accounts.Account],
    seen: dict[str, Any],
    wanted: dict[str, Any],
    added: tuple[str, ...] = (),
    **options: Any,
) -> go_check.Check:
    """The check of people who may all be whoever runs this."""
    given = {"made_before": "/nowhere", "modules": [], "cgo_enabled": "keep"} | options
    return go_check.Check(
        given, who, seen, wanted, added, changes.Changes("go_env", lambda _entry: journal.Way(), "", False)
    )


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
    looked = check(people(tmp_path), {}, wanted)
    looked.check_folders()
    assert wanted["eve"] == {} and wanted["ada"] and f"{tmp_path}/eve does not exist" in looked.changes.notes[0]
    for name in ("root", "ada"):
        (tmp_path / name).rmdir()
        wanted["eve"] = {"GOTMPDIR": f"{tmp_path}/eve"}
    with pytest.raises(go_plan.PlanError, match="which does not exist"):
        check(people(tmp_path), {}, wanted).check_folders()


def test_a_cache_that_another_account_could_give_or_replace_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o1777)
    (tmp_path / "own").mkdir(mode=0o755)
    (tmp_path / "own/shared").mkdir()
    (tmp_path / "own/shared").chmod(0o777)
    places = {"root": "own/new/er", "ada": "open/new", "eve": "own/shared"}
    wanted = {name: {"GOCACHE": f"{tmp_path}/{place}"} for name, place in places.items()}
    looked = check(people(tmp_path), {}, wanted, gocache="as above", gomodcache="")
    looked.check_caches()
    assert wanted == {"root": {"GOCACHE": f"{tmp_path}/own/new/er"}, "ada": {}, "eve": {}}
    first, second = looked.changes.notes
    assert first.startswith(
        f"ada's GOCACHE is not set: {tmp_path}/open/new can be given or replaced by another account"
    )
    assert second.startswith(f"eve's GOCACHE is not set: {tmp_path}/own/shared can be written by other accounts")


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
    looked = check(people(tmp_path), users(), wanted, cgo_enabled="true")
    looked.check_compilers()
    assert wanted == {"root": {"CGO_ENABLED": "1"}, "ada": {"CGO_ENABLED": "1"}, "eve": {}}
    assert [note.split("'")[0] for note in looked.changes.notes] == ["eve"]
    hers |= set(NAMES)
    with pytest.raises(go_plan.PlanError, match="root has no C compiler"):
        check(people(tmp_path), users(), wanted).check_compilers()


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

    monkeypatch.setattr(go_check.Check, "check_module", look)
    looked = check(people(tmp_path), users(), {}, modules=["/m1", "/m2"], cgo_enabled="false")
    looked.check_modules()
    assert (
        len(looked.changes.notes) == 1
        and "/m2" in looked.changes.notes[0]
        and "nothing was changed" not in looked.changes.notes[0]
    )
    for modules in (["/m2"], ["/m1", "/m2"]):
        bad.add("/m1")
        with pytest.raises(go_plan.PlanError, match="go_env_modules names /m"):
            check(people(tmp_path), users(), {}, modules=modules, cgo_enabled="false").check_modules()


def test_a_module_that_is_no_absolute_path_is_refused_whatever_the_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(go_check.Check, "check_module", lambda *_words: None)
    with pytest.raises(go_plan.PlanError, match="names m4, which is no absolute path"):
        check(people(tmp_path), users(), {}, modules=["/m3", "m4"], cgo_enabled="false").check_modules()


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
    monkeypatch.setattr(go_check.go_find, "environment_with_go", lambda _person, environment: environment)
    monkeypatch.setattr(go_check.refusals, "list_refusals", refuse)
    seen = {name: {**one, "toolchains": [{"path": "/go", "version": "go1.27"}]} for name, one in users().items()}
    wanted = {name: {"GOFLAGS": "-v -x -p=2"} for name in NAMES}
    looked = check(persons(tmp_path), seen, wanted, ("-p=2",), goflags="-v -x")
    looked.check_flags()
    assert wanted == {"root": {"GOFLAGS": "-v -x -p=2"}, "ada": {"GOFLAGS": "-v -x -p=2"}, "eve": {"GOFLAGS": "-p=2"}}
    looked.check_added()
    assert wanted["ada"] == {"GOFLAGS": "-v -x -p=2"} and wanted["eve"] == {}
    assert [note.split(":")[0] for note in looked.changes.notes] == [
        "eve's GOFLAGS has no -v -x",
        "eve's GOFLAGS has no -p=2",
    ]
    for those in ({"root"}, set(NAMES)):
        hers.clear()
        hers.update(those)
        with pytest.raises(go_plan.PlanError, match="go_env_goflags is '-v -x', but for root"):
            check(persons(tmp_path), seen, wanted, goflags="-v -x").check_flags()


def test_a_cache_program_that_one_cannot_start_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hers: list[Any] = ["eve"]
    monkeypatch.setattr(accounts, "identity", lambda person: person.name)

    def ask(identity: str, _function: Any) -> tuple[bool, str]:
        if identity in hers:
            raise OSError(5, "the process that looked there ended without an answer")
        return True, ""

    monkeypatch.setattr(go_check.become, "ask", ask)
    wanted = {name: {"GOCACHEPROG": "/bin/cache -x"} for name in NAMES}
    looked = check(persons(tmp_path), {}, wanted, gocacheprog="/bin/cache -x")
    looked.check_cache_program()
    assert wanted["ada"] and wanted["eve"] == {} and "eve cannot start /bin/cache" in looked.changes.notes[0]
    for those in (["root"], list(NAMES)):
        hers[:] = those
        wanted["eve"] = {"GOCACHEPROG": "/bin/cache -x"}
        with pytest.raises(go_check.go_tuning.TuningError, match="root cannot start"):
            check(persons(tmp_path), {}, wanted, gocacheprog="/bin/cache -x").check_cache_program()


def test_a_program_that_another_account_could_give_or_replace_is_a_note(tmp_path: Path) -> None:
    for name, mode in (("fine", 0o755), ("open", 0o777)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "program").touch(mode=0o755)
        (tmp_path / name).chmod(mode)
    fine, bad = f"{tmp_path}/fine/program", f"{tmp_path}/open/program"
    goflags = f"-v '-toolexec={bad} -x' -exec={fine} '-ldflags=-extldflags \"-B{tmp_path}/open\"'"
    wanted = {
        name: {"GOCACHEPROG": "as below", "GOFLAGS": f"{goflags} -p=2 -overlay={bad}"} for name in ("root", "ada")
    }
    wanted["eve"] = {}
    looked = check(people(tmp_path), {}, wanted, ("-p=2", f"-overlay={bad}"), goflags=goflags, gocacheprog=bad)
    looked.check_programs()
    looked.check_cache_program()
    left = {"GOFLAGS": f"-v -exec={fine} -p=2"}
    assert wanted == {"root": left, "ada": left, "eve": {}}
    assert [note.partition(tmp_path.name)[0] for note in looked.changes.notes[:3]] == [
        f"root's GOFLAGS has no '-toolexec={tmp_path.parent}/",
        f"root's GOFLAGS has no '-ldflags=-extldflags \"-B{tmp_path.parent}/",
        f"root's GOFLAGS has no -overlay={tmp_path.parent}/",
    ]
    assert looked.changes.notes[-1] == (
        f"ada's GOCACHEPROG is not set: {bad} can be given or replaced by another account, which can write in "
        f"{tmp_path}/open; fix that, then run again."
    )
    wanted["root"] = {"GOCACHEPROG": fine}
    looked = check(people(tmp_path), {}, wanted, gocacheprog=f"{fine} -dir={tmp_path}/fine")
    looked.check_cache_program()
    assert wanted["root"] == {"GOCACHEPROG": fine} and not looked.changes.notes


def test_no_go_is_asked_about_a_program_of_another_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o777)
    bad = f"-toolexec={tmp_path}/program"
    asked = []

    def refusals(person: accounts.Account, _toolchains: Any, flags: str) -> list[str]:
        asked.append((person.name, flags))
        return []

    monkeypatch.setattr(go_check, "_refusals", refusals)
    monkeypatch.setattr(
        go_check.become, "side_by_side", lambda errands, _limit: {name: errand() for name, errand in errands.items()}
    )
    seen = {name: {**one, "toolchains": [{"path": "/go", "version": "go1.27"}]} for name, one in users().items()}
    wanted: dict[str, dict[str, str]] = {"root": {"GOFLAGS": f"-v {bad} -p=2"}, "ada": {}, "eve": {}}
    looked = check(
        people(tmp_path), seen, wanted, ("-p=2",), goflags=f"-v {bad}", gocacheprog="", gocache="", gomodcache=""
    )
    looked.everything()
    assert wanted["root"] == {"GOFLAGS": "-v -p=2"}
    assert [flags for name, flags in asked if name == "root"] == ["-v", "-p=2"]


def test_the_only_module_is_one_of_an_account_that_breaks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(_self: Any, directory: str, *_more: Any) -> None:
        raise go_plan.PlanError(f"go_env_modules names {directory}; nothing was changed.")

    monkeypatch.setattr(go_check.Check, "check_module", look)
    options = {"modules": [f"{tmp_path}/eve/m"], "cgo_enabled": "false"}
    looked = check(persons(tmp_path), users(), {}, **options)
    looked.check_modules()
    assert len(looked.changes.notes) == 1
    alone = {name: person for name, person in persons(tmp_path).items() if name != "ada"}
    with pytest.raises(go_plan.PlanError):
        check(alone, users(), {}, **options).check_modules()
    with pytest.raises(go_plan.PlanError):
        check(persons(tmp_path), users(), {}, modules=["/srv/m"], cgo_enabled="false").check_modules()
