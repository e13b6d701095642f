# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plan of a container image, the text that the role renders from it, and the module as Go reads it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.go import image as go_image
from ansible_collections.wsltune.go.plugins.module_utils.go import module as go_module
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts
from tests.unit.real_go import GO as REAL_GO
from tests.unit.real_go import needs_go

ROOT = Path(__file__).resolve().parents[5]
ROLE = ROOT / "roles/ci_image"
DIGEST = "sha256:" + "0123456789abcdef" * 4
HADOLINT = shutil.which("hadolint", path=f"{sys.prefix}/bin") or shutil.which("hadolint")
SHOP = go_image.Module(
    "/home/alice/shop", "example.com/shop", go="1.27.3", required=3, has_sum=True, mains=["cmd/shop"], files={}
)


def plan(wishes: dict[str, Any] | None = None, **facts: Any) -> dict[str, Any]:
    return go_image.make_plan({**asdict(SHOP), **facts}, wishes or {})


def render(planned: dict[str, Any], template: str = "Containerfile.j2") -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"), trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template(template).render(
        _ci_image_spec=planned["image"], ci_image_containerfile="Containerfile"
    )


def stages(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    name = "before"
    for line in text.replace("\\\n", "").splitlines():
        if line.startswith("FROM "):
            name = line.rpartition(" AS ")[2]
        found.setdefault(name, []).append(" ".join(line.split()))
    return found


def test_an_ordinary_module() -> None:
    planned = plan()
    assert planned["refusal"] == ""
    assert [file["name"] for file in planned["files"]] == ["Containerfile", ".dockerignore"]
    found = stages(render(planned))
    assert list(found) == ["before", "deps", "build", "test", "final"]
    assert "ARG GO_IMAGE=docker.io/library/golang:1.27.3-trixie" in found["before"]
    assert "COPY go.mod go.sum ./" in found["deps"] and "ENV CGO_ENABLED=0" in found["deps"]
    assert any("go build -trimpath -buildvcs=false -ldflags=-s -o /out/shop ./cmd/shop" in x for x in found["build"])
    assert found["final"][0] == "FROM scratch AS final" and "USER 65532:65532" in found["final"]
    assert 'ENTRYPOINT ["/shop"]' in found["final"] and not any("CGO" in line for line in found["final"])


def test_no_comment_stands_behind_a_value_and_arguments_stand_alone() -> None:
    wishes = {
        "race": True, "digests": {"docker.io/library/golang:1.27.3-trixie": DIGEST}, "healthcheck": ["/shop", "-ok"],
        "labels": {"org.opencontainers.image.title": 'a "shop" for $5 # cheap'},
    }  # fmt: skip
    text = render(plan(wishes))
    for line in text.splitlines():
        assert line.startswith("#") or " #" not in line.replace(" # cheap", ""), line
        assert not line.startswith("ARG ") or len(line.split()) == 2, line
    assert f"ARG GO_IMAGE=docker.io/library/golang@{DIGEST}" in text and text.startswith(
        "# docker.io/library/golang:1.27.3-trixie\n"
    )
    assert r'LABEL org.opencontainers.image.title="a \"shop\" for \$5 # cheap"' in text
    assert 'HEALTHCHECK CMD ["/shop", "-ok"]' in text and "go test -race ./..." in text


@pytest.mark.skipif(not HADOLINT, reason="there is no hadolint: requirements/test.lock has it")
@pytest.mark.parametrize(
    ("wishes", "facts"),
    [
        ({}, {}),
        ({"race": True, "labels": {"title": 'a "b" $5 # c'}, "healthcheck": ["/shop", "-ok"]}, {"vendor": True}),
        ({"digests": {"docker.io/library/golang:1.27.3-trixie": DIGEST}}, {"replaced": ["./lib"]}),
        ({"final": "distroless"}, {"required": 0, "has_sum": False}),
        ({"final": "distroless", "cgo": "stage"}, {"cgo": ["example.com/native"]}),
    ],
)
def test_hadolint_finds_nothing(wishes: dict[str, Any], facts: dict[str, Any], tmp_path: Path) -> None:
    text = go_image.mark(render(plan(wishes, **facts)))
    # In a folder and a home without settings of hadolint's that could hide something.
    place: dict[str, Any] = {"cwd": tmp_path, "env": {"HOME": str(tmp_path)}}
    command = [str(HADOLINT), "--failure-threshold=style", "--disable-ignore-pragma", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, **place)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("wishes", "facts", "words"),
    [
        ({}, {"go": ""}, "names no Go version"),
        ({"go_version": "latest"}, {}, "is no Go version"),
        ({"go_version": "1.18"}, {"go": "1.16"}, "has no official image on Debian 12 or later: take 1.19"),
        ({"go_image": "golang"}, {}, "may change from day to day"),
        ({"go_image": "golang:latest"}, {}, "may change from day to day"),
        ({"go_image": "golang:1.22-alpine"}, {}, "ci_image_go_image golang:1.22-alpine is older than Go 1.27.3"),
        ({"go_version": "1.26"}, {}, "ci_image_go_version 1.26 is older than Go 1.27.3"),
        ({"go_image": "golang:1.27; rm"}, {}, "is no name of an image"),
        ({"final_image": "alpine:latest"}, {}, "may change from day to day"),
        ({"digests": {"docker.io/library/golang:1.27.3-trixie": "abc"}}, {}, "which is no sha256"),
        ({}, {"mains": []}, "has no main package"),
        ({}, {"mains": ["a", "b"]}, "2 main packages, a, b: name one by ci_image_package"),
        ({"package": "c"}, {"mains": ["a", "b"]}, "is no main package of example.com/shop; it has a, b"),
        ({}, {"mains": ["cmd/$(id)"]}, "what a shell takes as it is"),
        ({}, {"mains": ["cmd/my größe"]}, "its main package in 'cmd/my größe': rename it"),
        ({"binary": "a b"}, {}, "no name of a program"),
        ({}, {"cgo": ["example.com/native"]}, "needs cgo in example.com/native: set ci_image_cgo to stage"),
        ({"cgo": "stage"}, {"cgo": ["example.com/native"]}, "no C library for cgo"),
        ({"mod": "vendor"}, {}, "run go mod vendor"),
        ({}, {"replaced": ["../lib"]}, "lies outside of the folder"),
        ({}, {"replaced": ["/srv/lib"]}, "lies outside of the folder"),
        ({}, {"reason": "/x has no go.mod: give the folder of a Go module"}, "/x has no go.mod"),
        ({}, {"files": {"Containerfile": "foreign"}}, "/Containerfile is not the role's own"),
        ({}, {"files": {"Dockerfile": "foreign"}}, "/Dockerfile is not the role's own"),
        ({"containerfile": "../x"}, {}, "is no file name"),
        ({"labels": {"a b": "c"}}, {}, "has the name 'a b'"),
        ({"labels": {"a": "b\nc"}}, {}, "must be one line"),
    ],
)
def test_what_cannot_be_is_one_sentence(wishes: dict[str, Any], facts: dict[str, Any], words: str) -> None:
    planned = plan(wishes, **facts)
    assert words in planned["refusal"] and planned["files"] == [] and "\n" not in planned["refusal"]


def test_the_version_is_the_newer_of_go_and_toolchain() -> None:
    assert plan(go="1.24", toolchain="go1.26.7")["image"]["go_tag"].endswith(":1.26.7-trixie")
    assert plan(go="1.24")["image"]["go_tag"].endswith(":1.24-bookworm")
    # docker-library/golang cd60713 added Debian 12 for 1.19 and 1.20; earlier ones were not built any more.
    old = plan(go="1.16")
    assert old["image"]["go_tag"].endswith(":1.19-bookworm") and "Go 1.16, which go.mod names" in old["notes"][0]
    assert not any("go.mod names" in note for note in plan(go="1.19")["notes"])
    assert plan({"go_image": "golang:1.27"}, toolchain="go1.27.9")["refusal"] == ""


def test_a_toolchain_line_that_is_newer_than_the_image_is_a_note() -> None:
    for wishes in ({"go_image": "golang:1.26.1-alpine"}, {"go_version": "1.26.1"}):
        planned = plan(wishes, go="1.24", toolchain="go1.27.9")
        assert planned["refusal"] == "" and "go.mod prefers go1.27.9, but " in planned["notes"][0], planned
    for wishes in ({}, {"go_image": "golang:1.27"}, {"go_image": f"golang@{DIGEST}"}):
        assert not any("prefers" in note for note in plan(wishes, go="1.24", toolchain="go1.27.9")["notes"])


def test_a_folder_with_blanks_and_letters_of_any_kind_is_taken_and_named_as_it_is() -> None:
    assert plan(path="/home/alice/my größe")["refusal"] == ""
    assert "/home/alice/my größe/go.mod names no Go version" in plan(path="/home/alice/my größe", go="")["refusal"]


def test_vendored_modules_download_nothing_and_may_replace_from_outside() -> None:
    planned = plan(vendor=True, replaced=["../lib"])
    text = render(planned)
    assert planned["refusal"] == "" and "go mod download" not in text and "ENV GOFLAGS=-mod=vendor" in text


def test_a_replaced_folder_within_the_module_is_copied_before_the_download() -> None:
    assert "COPY . ./\nRUN" in render(plan(replaced=["./lib"]))


def test_a_stage_with_cgo_is_built_on_its_own_platform() -> None:
    text = render(plan({"cgo": "stage", "final": "distroless"}, cgo=["example.com/native"]))
    assert "BUILDPLATFORM" not in text and "ENV CGO_ENABLED=1" in text
    assert "FROM gcr.io/distroless/base-debian13:nonroot AS final" in text
    assert "ENV CGO_ENABLED=0" in render(plan({"cgo": "ignore"}, cgo=["example.com/native"]))


def test_files_of_others_stay() -> None:
    planned = plan({"containerfile": "Containerfile.wsltune"}, files={"Dockerfile": "foreign"})
    assert [file["name"] for file in planned["files"]] == ["Containerfile.wsltune"]
    planned = plan({"ci": ["github", "gitlab"]}, files={".dockerignore": "foreign", ".gitlab/image.yml": "foreign"})
    assert [file["name"] for file in planned["files"]] == ["Containerfile", ".github/workflows/image.yml"]
    assert len([note for note in planned["notes"] if "stays as it is" in note]) == 2


def test_what_nobody_changed_is_known_again() -> None:
    text = go_image.mark("ARG A=1\n")
    assert go_image.is_ours(text) and not go_image.is_ours(text + "\n") and not go_image.is_ours("ARG A=1\n")
    assert go_image.list_ours({**asdict(SHOP), "files": {"a": "ours", "b": "foreign", "c": "absent"}}) == ["a"]


@pytest.mark.parametrize("service", ["github", "gitlab"])
def test_the_examples_for_ci_are_yaml_that_builds_test_and_final(service: str) -> None:
    text = render(plan(), f"{service}.yml.j2")
    assert "image" in str(yaml.safe_load(text)) and text.count("--target test") == text.count("--target final") == 1
    # Both steps read the cache in the registry, the one that builds everything fills it.
    assert text.count("--cache-from ") == 2 and text.count("--cache-to ") == 1


GO = """#!/bin/sh
case $1 in
mod) cat edit.json || { echo 'go: errors parsing go.mod' >&2; exit 1; } ;;
list) cat list.txt ;;
esac
"""
EDIT = """{"Module": {"Path": "example.com/shop"}, "Go": "1.21", "Toolchain": "go1.27.3", "Require":
[{"Path": "example.com/far", "Version": "v1.0.0"}], "Replace": [
{"Old": {"Path": "example.com/lib"}, "New": {"Path": "../lib"}},
{"Old": {"Path": "example.com/x"}, "New": {"Path": "example.com/y", "Version": "v1.1.0"}}]}"""
LIST = """runtime/cgo\ttrue\ttrue\t9\t\truntime/cgo\t/usr/local/go/src/runtime/cgo
example.com/far\tfalse\ttrue\t0\terror\texample.com/far\t
native\tfalse\tfalse\t1\t\texample.com/shop/native\tHERE/native
main\tfalse\tfalse\t0\t\texample.com/shop/cmd/shop\tHERE/cmd/shop
main\tfalse\ttrue\t0\t\texample.com/far/cmd\t/go/pkg/mod/far/cmd
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module, and a stand-in for Go that prints what Go 1.27 printed; the scenario ci_image asks a real one."""
    module = tmp_path / "shop"
    module.mkdir()
    for name, content in {
        "../bin/go": GO, "go.mod": "module example.com/shop\n", "edit.json": EDIT,
        "list.txt": LIST.replace("HERE", str(module)), "Containerfile": go_image.mark("ARG A=1\n"),
    }.items():  # fmt: skip
        (module / name).parent.mkdir(exist_ok=True)
        (module / name).write_text(content)
    (tmp_path / "bin/go").chmod(0o755)
    os.symlink("/etc/hostname", module / ".dockerignore")
    os.mkfifo(module / "Dockerfile")
    return module


def read(module: Path) -> go_image.Module:
    return go_module._read(str(module), {"PATH": f"{module.parent}/bin:/usr/bin:/bin"}, "Containerfile")


def test_a_module_is_read(module: Path) -> None:
    facts = read(module)
    assert (facts.module, facts.go, facts.toolchain, facts.reason) == ("example.com/shop", "1.21", "go1.27.3", "")
    assert facts.mains == ["cmd/shop"] and facts.cgo == ["example.com/shop/native"]
    assert facts.replaced == ["../lib"] and facts.unread == ["example.com/far"] and facts.required == 1
    assert facts.files["Containerfile"] == "ours" and facts.files[".containerignore"] == "absent"
    assert facts.files["Dockerfile"] == facts.files[".dockerignore"] == "foreign"
    assert any("example.com/far needs cgo is unknown" in note for note in plan(unread=facts.unread)["notes"])


def test_what_is_no_module_has_a_reason(module: Path) -> None:
    (module / "edit.json").unlink()
    assert "Go cannot read" in read(module).reason
    (module.parent / "bin/go").unlink()
    assert "Go could not be asked" in read(module).reason
    (module / "go.mod").unlink()
    assert "has no go.mod" in read(module).reason


def test_a_go_that_knows_no_buildvcs_is_asked_without(module: Path) -> None:
    go = module.parent / "bin/go"
    old = "list) case $* in *buildvcs*) echo 'flag provided but not defined: -buildvcs' >&2; exit 2 ;; esac; cat"
    go.write_text(GO.replace("list) cat", old))
    assert read(module).mains == ["cmd/shop"]


@needs_go
def test_a_real_go_starts_nothing_that_the_repository_names_and_leaves_go_mod(tmp_path: Path) -> None:
    """A team may share the repository, or it comes in an archive, with settings of whoever made that."""
    module, started = tmp_path / "shop", tmp_path / "started"
    (module / "lib").mkdir(parents=True)
    (tmp_path / "program").write_text(f"#!/bin/sh\ntouch {started}\n")
    (tmp_path / "program").chmod(0o755)
    given = "module example.com/shop\n\ngo 1.21\n\nreplace example.com/lib => ./lib\n"
    (module / "go.mod").write_text(given)
    (module / "main.go").write_text('package main\n\nimport _ "example.com/lib"\n\nfunc main() {}\n')
    (module / "lib/go.mod").write_text("module example.com/lib\n\ngo 1.21\n")
    (module / "lib/lib.go").write_text("package lib\n")
    git = ["git", "-C", str(module), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    subprocess.run([*git, "config", "core.fsmonitor", str(tmp_path / "program")], check=True)
    environment = {"PATH": f"{Path(REAL_GO).parent}:{os.defpath}", "HOME": str(tmp_path), "GOFLAGS": "-mod=mod"}
    facts = go_module._read(str(module), environment, "Containerfile")
    assert facts.mains == ["."] and not started.exists()
    assert (module / "go.mod").read_text() == given


def test_what_the_modules_go_lists_makes_no_line_of_its_own_and_no_long_one() -> None:
    refused = plan(replaced=["../x\nok: [localhost]\x1b[2J"])["refusal"]
    assert refused.isprintable() and "lies outside of the folder" in refused
    refused = plan(mains=[f"cmd/{number}" for number in range(100000)])["refusal"]
    assert "has 100000 main packages" in refused and len(refused) < 1100


@pytest.mark.parametrize("lines", [100, 100_000])
def test_of_what_the_modules_go_lists_without_end_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    go = tmp_path / "bin/go"
    go.parent.mkdir()
    go.write_text(
        f"#!{sys.executable}\nimport sys\n"
        "if sys.argv[1] == 'mod':\n    print('{}')\n"
        f"for number in range({lines} if sys.argv[1] == 'list' else 0):\n"
        f"    print('main', 'false', 'false', '0', '', number, '{tmp_path}/cmd/%d' % number, sep='\\t')\n"
    )
    go.chmod(0o755)
    (tmp_path / "go.mod").write_text("module m\n")
    monkeypatch.setattr(accounts, "login_environment", lambda _account: {})
    monkeypatch.setattr(
        go_module.go_find, "environment_with_go", lambda *_words: {"PATH": f"{go.parent}:/usr/bin:/bin"}
    )
    account = accounts.Account("me", os.getuid(), os.getgid(), str(tmp_path), "/bin/sh")
    found = go_module.observe(str(tmp_path), account, "Containerfile")
    assert (len(found.mains) == lines) == (lines == 100)
    assert ("takes more than 1024 KiB" in found.reason) == (lines > 100)
