# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands in for a Go command leaves cgo on where it is needed.

A Go command of one account that cannot be replaced is a note, and stops the others only where it holds for all.
"""

from __future__ import annotations

import functools
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils import changes, journal
from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import shims as go_shims
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, look, mountinfo, process

NAMES = ("root", "ada", "eve")
MOUNTS = [
    mountinfo.Mount("/", "/", "ext4", "/dev/sdc", mount_id=1),
    mountinfo.Mount("/ro", "/", "fuse", "x", options=["ro"], mount_id=2, parent_id=1),
]


def shims() -> go_shims.Shims:
    made = changes.Changes("go_env", lambda _entry: journal.Way(), "", False)
    return go_shims.Shims(made, MOUNTS, lambda *_words, **_more: (0, "", ""))


def users(**commands: list[str]) -> dict[str, dict[str, Any]]:
    return {
        name: {"uid": number, "commands": commands.get(name, []), "toolchains": []} for number, name in enumerate(NAMES)
    }


def test_a_command_of_one_that_cannot_be_replaced_is_a_note() -> None:
    looked = shims()
    looked.check(users(root=["/go/bin/go"], ada=["/go/bin/go"], eve=["/ro/bin/go"]))
    assert looked.left == {"/ro/bin/go"} and "a read-only file system" in looked.changes.notes[0]
    for commands in ({"root": ["/ro/bin/go", "/go/bin/go"]}, {name: ["/ro/bin/go"] for name in NAMES}):
        with pytest.raises(go_plan.PlanError, match="cannot be replaced"):
            shims().check(users(**commands))


def test_a_go_whose_cryptography_is_openssls_keeps_cgo_and_the_note_says_why(tmp_path: Path) -> None:
    go = tmp_path / "bin/go"
    go.parent.mkdir()
    go.write_text("#!/bin/sh\n")
    go.chmod(0o755)
    (tmp_path / "pkg/tool").mkdir(parents=True)
    people = {"root": accounts.Account("root", 0, 0, str(tmp_path), "/bin/sh")}
    seen = users(root=[str(go)])
    for version, is_left in (("go1.22.5 (Red Hat 1.22.5-1.el9)", True), ("go1.27.3", False)):
        seen["root"]["toolchains"] = [{"real": str(go), "goroot": str(tmp_path), "version": version}]
        looked = shims()
        looked.on_roots_path = {str(go)}
        assert (str(go) in looked.commands(people, seen)) != is_left
        assert (looked.left == {str(go)}) == is_left
        assert any("is OpenSSL's" in note and "FIPS" in note for note in looked.changes.notes) == is_left


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes others")
def test_what_one_says_of_roots_go_takes_it_from_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Go of eve's own may say that it lies in root's GOROOT, and that its cryptography is OpenSSL's."""
    for place in (tmp_path, *tmp_path.parents):
        # So that eve can look there, too.
        if not place.stat().st_mode & 0o001:
            place.chmod(0o755)
    go = tmp_path / "bin/go"
    go.parent.mkdir()
    go.touch(0o755)
    (tmp_path / "pkg/tool").mkdir(parents=True)
    people = {name: accounts.Account(name, number, 0, "/", "/bin/sh") for number, name in enumerate(NAMES)}
    seen = users(root=[str(go)], ada=[str(go)], eve=[str(go)])
    own = {"real": str(go), "goroot": str(tmp_path), "version": "go1.27.3"}
    seen["root"]["toolchains"] = seen["ada"]["toolchains"] = [own]
    seen["eve"]["toolchains"] = [{**own, "real": "/home/eve/go", "version": "go1.27.3 X:boringcrypto"}]
    looked = shims()
    assert str(go) in looked.commands(people, seen) and looked.left == set()
    # Where no Go of root's says anything, or eve's own look does not end, it may be so.
    seen["root"]["toolchains"] = []
    looked = shims()
    assert str(go) not in looked.commands(people, seen) and looked.left == {str(go)}
    monkeypatch.setattr(go_find, "goroot_commands", lambda *_told: time.sleep(60))
    monkeypatch.setattr(look, "once", functools.partial(look.once, limit=0.5))
    began = time.monotonic()
    assert looked.needing_cgo(seen["eve"], people["eve"]) == [str(go)] and time.monotonic() - began < 10


def test_a_folder_that_gives_no_answer_lets_nobody_wait(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files, "opened_folder", lambda path: time.sleep(60))
    monkeypatch.setattr(look, "once", functools.partial(look.once, limit=0.5))
    people = {name: accounts.Account(name, 0, 0, str(tmp_path), "/bin/sh") for name in NAMES}
    looked = shims()
    begin = time.monotonic()
    assert looked.commands(people, users(eve=["/net/eve/go/bin/go"])) == {} and time.monotonic() - begin < 20
    note = looked.changes.notes[0]
    assert "/net/eve/go/bin/go is left alone" in note and "no answer" in note


def test_a_go_started_by_another_one_may_use_the_race_detector(tmp_path: Path) -> None:
    real, shim = tmp_path / "go.distrib", tmp_path / "go"
    real.write_text(f'#!/bin/sh\n[ "$1" = run ] && exec {shim} test -race\necho "${{CGO_ENABLED-default}}"\n')
    shim.write_text(go_shims.shim_text(str(real)))
    for path in (real, shim):
        path.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    assert process.run([str(shim), "run"], environment).out == "default\n"
    assert process.run([str(shim), "build"], environment).out == "0\n"


def test_the_shim_starts_a_go_whatever_its_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "a b; touch $(touch there)'s"
    folder.mkdir()
    real, shim = folder / "go.distrib", folder / "go"
    real.write_text("#!/bin/sh\necho started\n")
    shim.write_text(go_shims.shim_text(str(real)))
    for path in (real, shim):
        path.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    assert process.run([str(shim), "build"], environment, str(tmp_path)).out == "started\n"
    assert not (tmp_path / "there").exists()


SHIM_CASES = [
    (["test", "./..."], {}, "0"),
    (["build", "."], {}, "0"),
    (["test", "-race", "./..."], {}, "default"),
    (["test", "--race", "."], {}, "default"),
    (["test", "-race=true"], {}, "default"),
    (["test", "-race=false"], {}, "0"),
    (["build", "-msan"], {}, "default"),
    (["build", "-asan"], {}, "default"),
    (["build", "-buildmode=c-shared"], {}, "default"),
    (["build", "-buildmode", "plugin", "."], {}, "default"),
    (["build", "-buildmode", "pie", "."], {}, "0"),
    (["test", ".", "-args", "-race"], {}, "0"),
    (["run", ".", "--", "-race"], {}, "0"),
    (["test", "."], {"GOFLAGS": "-v -race"}, "default"),
    (["test", "."], {"GOFLAGS": "-race=false"}, "0"),
    (["test", "."], {"GOFLAGS": "-v '-race'"}, "default"),
    (["build", "."], {"GOFLAGS": '"-buildmode=c-shared" -v'}, "default"),
    (["build", "."], {"GOFLAGS": "'-ldflags=-s -w' \"-tags=a b\""}, "0"),
    (["test", "-race"], {"CGO_ENABLED": "0"}, "0"),
    (["build"], {"CGO_ENABLED": "1"}, "1"),
    (["build"], {"CGO_ENABLED": ""}, "0"),
    (["vet", "a b", "*"], {}, "0"),
    (["build", "-buildmode=shared", "std"], {}, "default"),
    (["build", "-linkshared", "."], {}, "default"),
    (["build", "-ldflags=-linkmode=external -extldflags=-static", "."], {}, "default"),
    (["build", "-ldflags", "-s -linkmode external", "."], {}, "default"),
    (["build", "--ldflags", "-extldflags=-static", "."], {}, "default"),
    (["build", "-ldflags=-s -w", "."], {}, "0"),
    (["build", "-ldflags", "-linkmode=internal", "."], {}, "0"),
    (["build", "-tags", "x,netcgo", "."], {}, "default"),
    (["build", "-tags=x", "."], {}, "0"),
    (["build", "-compiler", "gccgo", "."], {}, "default"),
    (["build", "."], {"GOFLAGS": '"-ldflags=-linkmode external" -v'}, "default"),
    (["build", "."], {"GOEXPERIMENT": "boringcrypto"}, "default"),
    (["build", "."], {"GOEXPERIMENT": "opensslcrypto"}, "default"),
    (["build", "."], {"CC": "musl-gcc"}, "default"),
    (["build", "."], {"CGO_LDFLAGS": "-lfoo"}, "default"),
    (["test", "."], {"GODEBUG": "netdns=cgo"}, "default"),
    (["test", "."], {"GODEBUG": "http2client=0"}, "0"),
    (["install", "example.org/tool@latest"], {}, "default"),
    # Other files than those that are there are built.
    (["build", "-modfile=ci.mod", "."], {}, "default"),
    (["build", "--modfile", "ci.mod", "."], {}, "default"),
    (["test", "-overlay=o.json", "."], {}, "default"),
    (["test", "."], {"GOFLAGS": "-v -modfile=ci.mod"}, "default"),
    (["test", ".", "-args", "-modfile=x"], {}, "0"),
    (["tool", "nm", "x"], {}, "0"),
]


@pytest.mark.parametrize(("words", "environment", "expected"), SHIM_CASES)
def test_the_shim_leaves_cgo_on_where_it_is_needed(
    tmp_path: Path, words: list[str], environment: dict[str, str], expected: str
) -> None:
    real, shim = tmp_path / "go.distrib", tmp_path / "go"
    real.write_text('#!/bin/sh\necho "${CGO_ENABLED-default}"\nfor word; do echo "$word"; done\n')
    shim.write_text(go_shims.shim_text(str(real)))
    for path in (real, shim):
        path.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environment}
    done = subprocess.run([str(shim), *words], env=environment, cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [expected, *words]


def test_the_shim_reads_flags_from_the_users_file(tmp_path: Path) -> None:
    real, shim = tmp_path / "go.distrib", tmp_path / "go"
    real.write_text('#!/bin/sh\necho "${CGO_ENABLED-default}"\n')
    shim.write_text(go_shims.shim_text(str(real)))
    (tmp_path / ".config" / "go").mkdir(parents=True)
    (tmp_path / ".config" / "go" / "env").write_text("GOFLAGS=-race\n")
    for path in (real, shim):
        path.chmod(0o755)
    for environment, expected in (({}, "default"), ({"GOENV": "off"}, "0")):
        done = subprocess.run(
            [str(shim), "test"],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected


C = 'package x\n\n/*\n#include <math.h>\n*/\nimport "C"\n'


@pytest.mark.parametrize(
    ("code", "words", "expected"),
    [
        ({"go.mod": "module m\n", "a.go": "package a\n"}, ["build", "./..."], "0"),
        ({"go.mod": "module m\n", "sub/a.go": C}, ["build", "./..."], "default"),
        ({"go.mod": "module m\n", "a.go": 'package a\n\nimport (\n\t"C"\n\t"fmt"\n)\n'}, ["test"], "default"),
        ({"go.mod": "module m\n", "a.go": 'package a\n\nvar x = "C"\n'}, ["test"], "0"),
        ({"go.mod": "module m\n", "a.go": C}, ["-C"], "0"),
        ({"go.mod": "module m\n", "a.go": C}, ["version"], "0"),
        ({"go.mod": "module m\n\nrequire d v0.0.0\n", "deps": ""}, ["test", "./..."], "0"),
        ({"go.mod": "module m\n\nrequire d v0.0.0\n", "deps": "C\n"}, ["test", "./..."], "default"),
        ({"go.mod": "module m\n\nrequire d v0.0.0\n"}, ["test", "./..."], "default"),
        ({"go.work": "use ./a\n", "go.mod": "module m\n"}, ["build"], "default"),
        ({"main.go": C}, ["run", "main.go"], "default"),
        ({"main.go": "package main\n"}, ["run", "main.go"], "0"),
        ({"go.mod": "module m\n", "a.go": 'package a\n\nimport"C"\n'}, ["fix", "./..."], "default"),
        ({"go.mod": "module m\n", "a.go": 'package a\n\nimport ( "fmt"; "C" )\n'}, ["build"], "default"),
        ({"go.mod": "module m\n", "a.go": 'package a\n\nimport ("C")\n'}, ["build"], "default"),
        ({"go.mod": "module m\n", "a.go": "package a\n\nimport `C`\n"}, ["build"], "default"),
        ({"a.go": 'package main\n\nimport /* it */ "C"; import "fmt"\n'}, ["run", "a.go"], "default"),
        ({"go.mod": "module m\n", "a.go": 'package a\n\nvar x = []string{"A", "C"}\n'}, ["build"], "0"),
        ({"go.mod": "module m\n", "a.go": "package a\n", "a.swigcxx": "%module a\n"}, ["build"], "default"),
        ({"go.mod": "module m\n", "a.go": "//go:debug netdns=cgo+1\npackage main\n"}, ["build"], "default"),
        ({"go.mod": "module m\n", "a.go": "//go:debug netdns=go\npackage main\n"}, ["build"], "0"),
        ({"go.mod": "module m\n\ngodebug (\n\tnetdns=cgo\n)\n"}, ["build"], "default"),
        ({"go.mod": "module m\n\ntool d/cmd/d\n\nrequire d v0\n", "deps": ""}, ["tool", "d"], "default"),
        ({"go.mod": "module m\n\ntool d/cmd/d\n\nrequire d v0\n", "deps": ""}, ["install", "tool"], "default"),
        ({"go.mod": "module m\n\ntool d/cmd/d\n\nrequire d v0\n", "deps": ""}, ["test", "./..."], "0"),
        ({"go.mod": "module m\n", "a.go": C}, ["tool", "nm", "a"], "0"),
        ({"below/go.mod": "module m\n", "below/a.go": C}, ["build", "-C", "below", "."], "default"),
        ({"below/go.mod": "module m\n", "below/a.go": C}, ["build", "-C=below", "."], "default"),
    ],
)
def test_code_that_imports_c_keeps_cgo(tmp_path: Path, code: dict[str, str], words: list[str], expected: str) -> None:
    """The Go here lists what the file deps says, and fails without it, as where a module cannot be fetched."""
    real, shim, project = tmp_path / "go.distrib", tmp_path / "go", tmp_path / "project"
    real.write_text('#!/bin/sh\n[ "$1" = list ] && exec cat deps\necho "${CGO_ENABLED-default}"\n')
    shim.write_text(go_shims.shim_text(str(real)))
    for path in (real, shim):
        path.chmod(0o755)
    for name, content in code.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    assert process.run([str(shim), *words], environment, str(project)).out == f"{expected}\n"


def test_the_shim_passes_over_a_module_in_the_folder_for_temporary_files(tmp_path: Path) -> None:
    """Anybody can make /tmp a module, and reading all that lies there may have no end; Go does not take it for one."""
    temporary, real, shim = tmp_path / "temporary", tmp_path / "real", tmp_path / "go"
    (temporary / "work").mkdir(parents=True)
    (temporary / "go.mod").write_text("module evil\n")
    (temporary / "evil.go").write_text('package evil\n\nimport "C"\n')
    real.write_text('#!/bin/sh\necho "${CGO_ENABLED:-on}"\n')
    shim.write_text(go_shims.shim_text(str(real)))
    for program in (real, shim):
        program.chmod(0o755)

    def ask(folder: Path, **more: str) -> str:
        environment = {"PATH": os.defpath, "HOME": str(tmp_path / "none"), **more}
        return subprocess.run(
            [shim, "build"], cwd=folder, env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert ask(temporary / "work") == "on"
    assert ask(temporary / "work", TMPDIR=str(temporary)) == "0"
    (temporary / "work/go.mod").write_text("module own\n")
    (temporary / "work/own.go").write_text('package own\n\nimport "C"\n')
    assert ask(temporary / "work", TMPDIR=str(temporary)) == "on"
