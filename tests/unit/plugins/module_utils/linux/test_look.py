# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Paths that never answer. A child that sleeps stands for one; where FUSE can be mounted, a server that is silent."""

from __future__ import annotations

import glob
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, look, process

ROOT = Path(__file__).resolve().parents[5]
DEAD_FOLDER = ROOT / "tests/unit/dead_folder.py"


def sleep() -> None:
    time.sleep(60)


def refuse() -> None:
    raise PermissionError(13, "Permission denied")


def test_each_question_has_an_answer_or_a_reason() -> None:
    answers, reasons = look.each({"a": lambda: 1, "b": refuse, "c": lambda: None})
    assert answers == {"a": 1, "c": None} and reasons == {"b": "Permission denied"}
    assert look.each({}) == ({}, {})


def test_one_that_never_answers_keeps_no_other_from_it() -> None:
    begin = time.monotonic()
    answers, reasons = look.each({"a": lambda: 1, "dead": sleep, "b": lambda: 2}, limit=0.5)
    assert answers == {"a": 1, "b": 2} and list(reasons) == ["dead"]
    assert time.monotonic() - begin < 5


def test_many_dead_ones_do_not_add_up() -> None:
    begin = time.monotonic()
    answers, reasons = look.each({**{str(number): sleep for number in range(40)}, "b": lambda: 2}, limit=1.0)
    assert len(reasons) == 40 and answers == {"b": 2}
    assert time.monotonic() - begin < 15


def test_the_total_is_a_bound() -> None:
    many: dict[str, Callable[[], Any]] = {str(number): sleep for number in range(100)}
    begin = time.monotonic()
    _answers, reasons = look.each(many, limit=0.5, total=0.5)
    assert len(reasons) == 100 and any("was not waited for" in reason for reason in reasons.values())
    assert time.monotonic() - begin < 10


def test_one_question() -> None:
    assert look.once(lambda: "x") == "x"
    with pytest.raises(TimeoutError, match="no answer in 1 s"):
        look.once(sleep, limit=1.0)


def test_folders(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert look.is_folder(str(tmp_path))
    assert not look.is_folder(str(tmp_path / "file")) and not look.is_folder(str(tmp_path / "none"))
    assert look.silent([str(tmp_path), "/nonexistent"]) == {}


def test_a_home_that_root_may_not_look_into_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "stat", lambda _path: refuse())
    assert look.is_folder("/home/sshfs")


def in_a_dead_folder(folders: list[Path], code: str, *words: str, limit: float = 60.0) -> str:
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(DEAD_FOLDER), *map(str, folders), "--", sys.executable, "-c", code, *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "collections")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit, check=False)
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return done.stdout


IMPORTS = """
import json, os, pwd, sys, time
from ansible_collections.wsltune.go.plugins.module_utils.doctor import observe as doctor_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, look, mountinfo, process
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe
dead = sys.argv[1]
begin = time.monotonic()
mounts = mountinfo.parse(open("/proc/self/mountinfo").read())
"""
END = "\nprint(json.dumps([told, time.monotonic() - begin]))"


def test_a_dead_server_is_not_waited_for(tmp_path: Path) -> None:
    folders = [tmp_path / f"dead{number}" for number in range(20)]
    told, took = json.loads(
        in_a_dead_folder(folders, f"{IMPORTS}told = look.silent(sys.argv[1:]){END}", *map(str, folders))
    )
    assert set(told) == set(map(str, folders)) and set(told.values()) == {"no answer in 2 s"}
    assert took < 15


def test_a_program_is_not_started_in_a_dead_folder(tmp_path: Path) -> None:
    code = f"""{IMPORTS}
process.START = 1.0
try:
    process.run(["true"], {{"PATH": os.defpath}}, dead + "/below")
except TimeoutError as error:
    told = error.strerror{END}"""
    told, took = json.loads(in_a_dead_folder([tmp_path / "dead"], code, str(tmp_path / "dead")))
    assert "not started within 1 s" in told and took < 10


def test_a_dead_home_is_left_out_with_a_sentence(tmp_path: Path) -> None:
    code = f"""{IMPORTS}
me = pwd.getpwuid(os.geteuid()).pw_name
alice = accounts.Account(me, os.geteuid(), os.getegid(), dead, "/bin/sh")
bob = accounts.Account("bob", os.geteuid(), os.getegid(), sys.argv[2], "/bin/sh")
kept = [person.home for person in accounts.with_home([alice, bob])]
seen = go_observe.observe_all([alice, bob], mounts)
told = [kept, seen[me]["unknown"], "answer" in seen["bob"]["unknown"]]{END}"""
    dead, alive = tmp_path / "dead", tmp_path / "alive"
    alive.mkdir()
    (kept, unknown, other), took = json.loads(in_a_dead_folder([dead], code, str(dead), str(alive), limit=120))
    assert kept == [str(dead), str(alive)] and not other
    assert "no answer in 2 s" in unknown["answer"] and str(dead) in unknown["go"]
    assert took < 40


@pytest.mark.parametrize("name", ["GOCACHE", "GOMODCACHE", "TMPDIR", "PATH", "GOENV"])
def test_dead_places_of_go_are_unknown(tmp_path: Path, name: str) -> None:
    go = tmp_path / "go/bin/go"
    go.parent.mkdir(parents=True)
    values = {"GOROOT": str(tmp_path / "go"), "GOVERSION": "go1.24.0", "GOENV": "off"}
    for key in ("GOCACHE", "GOMODCACHE", "GOTMPDIR"):
        values[key] = str(tmp_path / ("dead/x" if name == key else f"alive/{key}"))
    go.write_text(f"#!/bin/sh\necho '{json.dumps(values)}'\n")
    go.chmod(0o755)
    environment = {"HOME": str(tmp_path), "PATH": f"{go.parent}:{os.defpath}"}
    if name in ("TMPDIR", "GOENV"):
        environment[name] = str(tmp_path / "dead/x")
    elif name == "PATH":
        environment["PATH"] = f"{tmp_path}/dead:{environment['PATH']}"
    code = f"""{IMPORTS}
account = accounts.Account("me", os.geteuid(), os.getegid(), sys.argv[2], "/bin/sh")
told = go_observe.observe(account, mounts, {environment!r}){END}"""
    told, took = json.loads(in_a_dead_folder([tmp_path / "dead"], code, str(tmp_path / "dead"), str(tmp_path)))
    assert "no answer in 2 s" in json.dumps(told["unknown"]), told["unknown"]
    assert took < 20
    if name in ("GOCACHE", "GOMODCACHE", "TMPDIR"):
        assert told["places"][name]["exists"] is None and told["places"]["GOTMPDIR"]["exists"] is False
        assert told["places"][name]["fstype"] == "fuse.dead"


@pytest.mark.parametrize(
    "what",
    ["MISE_DATA_DIR", "GVM_ROOT", "HOMEBREW_PREFIX", "~/sdk", "~/sdk/go1.22", "~/sdk/go1.22/bin", "~/.local/bin/go"],
)
@pytest.mark.parametrize("on_path", [True, False])
def test_a_dead_place_of_other_gos_hides_none_that_answers(tmp_path: Path, what: str, on_path: bool) -> None:
    go, environment = tmp_path / "go/bin/go", {"HOME": str(tmp_path), "PATH": os.defpath}
    go.parent.mkdir(parents=True)
    go.write_text(f"#!/bin/sh\necho '{json.dumps({'GOROOT': str(tmp_path / 'go'), 'GOVERSION': 'go1.24.0'})}'\n")
    go.chmod(0o755)
    if on_path:
        environment["PATH"] = f"{go.parent}:{os.defpath}"
    if what.startswith("~/"):
        (tmp_path / what[2:]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / what[2:]).symlink_to(tmp_path / "dead/x")
    else:
        environment[what] = str(tmp_path / "dead/x")
    code = f"""{IMPORTS}
from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
go_find.ELSEWHERE = tuple(place for place in go_find.ELSEWHERE if place[0][0] in "~{{")
account = accounts.Account("me", os.geteuid(), os.getegid(), sys.argv[2], "/bin/sh")
told = go_observe.observe(account, mounts, {environment!r}){END}"""
    told, took = json.loads(in_a_dead_folder([tmp_path / "dead"], code, str(tmp_path / "dead"), str(tmp_path)))
    assert took < 20 and (told["go"] or {}).get("path") == (str(go) if on_path else None), told["unknown"]
    # Where no other Go is there, whether there is one is not known, so that none is installed beside it.
    assert ("no answer in 2 s" in told["unknown"].get("answer", "")) != on_path, told["unknown"]
    if what.startswith("~/"):
        assert on_path or f"{tmp_path}/{what[2:]}" in told["unknown"]["answer"], told["unknown"]


@pytest.mark.parametrize("named", ["bin/go", "~/.config/go/env", "~/.config/go", "~/.bashrc", "~/.profile"])
def test_what_go_or_the_shell_reads_and_never_gets_is_named_at_once(tmp_path: Path, named: str) -> None:
    go, dead = tmp_path / "go/bin/go", tmp_path / named.replace("~/", "")
    for path in (go, dead):
        path.parent.mkdir(parents=True, exist_ok=True)
    go.write_text(f"#!/bin/sh\necho '{json.dumps({'GOROOT': str(tmp_path / 'go'), 'GOVERSION': 'go1.24.0'})}'\n")
    go.chmod(0o755)
    dead.symlink_to(tmp_path / "dead/x")
    environment = {"HOME": str(tmp_path), "PATH": f"{tmp_path}/bin:{go.parent}:{os.defpath}"}
    code = f"""{IMPORTS}
account = accounts.Account("me", os.geteuid(), os.getegid(), sys.argv[2], "/bin/bash")
facts, path = go_observe.observe_with_environment(account, mounts, {environment!r})
told = [facts["go"] and facts["go"]["path"], facts["unknown"], path["PATH"]]{END}"""
    (path, unknown, search), took = json.loads(in_a_dead_folder([tmp_path / "dead"], code, *map(str, (dead, tmp_path))))
    where = {"bin/go": "PATH", "~/.bashrc": "terminal", "~/.profile": "terminal"}.get(named, "answer")
    assert f"{dead}" in unknown[where] and "no answer in 2 s" in unknown[where], unknown
    assert path == (None if where == "answer" else str(go)) and (named != "bin/go" or f"{tmp_path}/bin" not in search)
    assert took < 8


@pytest.mark.parametrize(
    ("shell", "file"),
    [("/bin/bash", ".bashrc"), ("/bin/dash", ".profile"), ("/bin/zsh", ".zshenv"), ("/x/fish", ".config/fish/conf.d")],
)
def test_no_login_is_started_that_would_read_what_never_answers(tmp_path: Path, shell: str, file: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).symlink_to(tmp_path / "dead/x")
    code = f"""{IMPORTS}
me = pwd.getpwuid(os.geteuid()).pw_name
try:
    told = accounts.login_environment(accounts.Account(me, os.geteuid(), os.getegid(), sys.argv[2], {shell!r}))
except accounts.AccountError as error:
    told = str(error){END}"""
    told, took = json.loads(in_a_dead_folder([tmp_path / "dead"], code, str(tmp_path / "dead"), str(tmp_path)))
    assert f"would not end, because {tmp_path}/{file}" in told and "no answer in 2 s" in told and took < 8, told


def test_the_doctor_does_not_wait_for_dead_paths(tmp_path: Path) -> None:
    code = f"""{IMPORTS}
account = accounts.Account("me", os.geteuid(), os.getegid(), sys.argv[2], "/bin/sh")
doctor_observe.read = lambda path, read=doctor_observe.read: (
    f"nas:/x {{dead}} nfs nofail 0 0\\n" if path == "/etc/fstab" else read(path)
)
seen = doctor_observe.Observer(
    account,
    wsl_observe.collect(),
    {{"HOME": sys.argv[2], "PATH": dead + ":/usr/bin:/bin"}},
    modules=[dead + "/module"],
    wanted=lambda *ids: bool(set(ids) & {{"WT-001", "WT-027", "WT-028", "WT-029", "WT-040", "WT-045"}}),
).observe()
told = [seen["fstab"], seen["path"], seen["places"]]{END}"""
    dead = tmp_path / "dead"
    (fstab, path, places), took = json.loads(in_a_dead_folder([dead], code, str(dead), str(tmp_path), limit=120))
    assert fstab["silent"] == {str(dead): "no answer in 2 s"}
    assert [one["path"] for one in path if one.get("hangs")] == [str(dead)]
    assert places["source"]["hangs"] == "no answer in 2 s" and places["source"]["mount_point"] == str(dead)
    assert took < 60


def test_the_other_wings_do_not_wait_either(tmp_path: Path) -> None:
    code = f"""{IMPORTS}
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import bench
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import observe as tmpfs_observe
from ansible_collections.wsltune.go.plugins.module_utils.workspace import find
account = accounts.Account("me", os.geteuid(), os.getegid(), "/", "/bin/sh")
tmpfs_observe.tmpfs_plan.folder_of = lambda path, uid: dead
folder = tmpfs_observe.observe(os.path.dirname(dead), [account], wsl_observe.collect())["users"]["me"]["folder"]
drive = mountinfo.Mount(dead, "/", "9p", "C:", windows_drive=True)
told = [folder, bench.list_in_memory({{"TMPDIR": dead}}), find.find_in_time([drive])]
try:
    bench.Bench(account, [bench.Variant("a", {{}})], [dead], environment={{"PATH": "/usr/bin"}}).prepare()
except bench.BenchmarkError as error:
    told.append(str(error)){END}"""
    told, took = json.loads(in_a_dead_folder([tmp_path / "dead"], code, str(tmp_path / "dead")))
    assert told[:3] == [None, [], None] and "gives no answer in 2 s, so that nothing can be measured" in told[3]
    assert took < 30


def test_a_home_that_answers_gives_no_trouble(tmp_path: Path) -> None:
    assert accounts.home_trouble(accounts.Account("a", 1, 1, str(tmp_path), "/bin/sh")) == ""
    people = [accounts.Account("a", 1, 1, str(tmp_path), "x"), accounts.Account("b", 2, 2, "/nonexistent", "x")]
    assert [person.name for person in accounts.with_home(people)] == ["a"]


def test_what_starts_in_time_is_no_matter() -> None:
    assert process.run(["true"], {"PATH": os.defpath}, "/").code == 0


def test_a_pattern_stands_for_what_glob_finds(tmp_path: Path) -> None:
    for name in ("sdk/go1.20/bin/go", "sdk/go1.21/bin/go", "sdk/.go1/bin/go", "sdk/[x]/bin/go", ".conf.d/a.fish"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "sdk/go1.22").mkdir()
    for pattern in (
        "sdk/go*/bin/go",
        "sdk/*/bin/go",
        "sdk/[[]x]/bin/*",
        ".conf.d/*.fish",
        "s*/go1.2[01]",
        "none/*",
        "sdk",
    ):
        found, silent = look.find([f"{tmp_path}/{pattern}"])
        assert sorted(found[f"{tmp_path}/{pattern}"]) == sorted(glob.glob(f"{tmp_path}/{pattern}")), pattern
        assert silent == {}


def test_of_a_folder_without_end_some_names_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless:
        def __enter__(self) -> Any:
            return (SimpleNamespace(name=f"go{number}") for number in itertools.count())

        def __exit__(self, *_words: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", lambda _folder: Endless())
    assert len(look.names("/endless")) == look.MOST_NAMES
    assert look.find(["/endless/go*/none"]) == ({"/endless/go*/none": []}, {})
