# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import pwd
import stat
import subprocess
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import bench, settings_file
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts
from tests.unit.real_go import GO, needs_go

WRITTEN = (
    "GOPROXY=https://u:secret@proxy\nGOTOOLCHAIN=local\nCGO_LDFLAGS=-lfoo -fuse-ld=lld\nGOCACHEPROG=/bin/false -x\n"
)
NAMES = ("GOTOOLCHAIN", "CGO_LDFLAGS", "GOCACHEPROG")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A login whose Go has settings in its file."""
    file = tmp_path / "home/.config/go/env"
    file.parent.mkdir(parents=True)
    file.write_text(WRITTEN)
    return {"HOME": str(tmp_path / "home"), "PATH": f"{os.path.dirname(GO)}:/usr/bin:/bin", "GOFLAGS": "-mod=mod"}


def make_in(folder: Path) -> str:
    (folder / "copy").mkdir(mode=0o700)
    return str(folder / "copy")


def test_a_copy_of_the_settings_file_lacks_what_is_hidden(environment: dict[str, str], tmp_path: Path) -> None:
    hidden = settings_file.hide(["GOTOOLCHAIN", "GOCACHEPROG"], environment, lambda: make_in(tmp_path))
    assert hidden == {**environment, "GOENV": f"{tmp_path}/copy/env"}
    assert Path(hidden["GOENV"]).read_text() == "".join(WRITTEN.splitlines(True)[::2])
    assert (tmp_path / "home/.config/go/env").read_text() == WRITTEN


@pytest.mark.parametrize(
    ("names", "more"),
    [
        ([], {}),
        (["GOPROXY"], {}),
        (["GOTOOLCHAIN"], {"GOENV": "off"}),
        (["GOTOOLCHAIN"], {"GOENV": "/nowhere/env"}),
        (["GOTOOLCHAIN"], {"XDG_CONFIG_HOME": "/nowhere"}),
    ],
)
def test_where_nothing_is_hidden_no_copy_is_made(
    environment: dict[str, str], names: list[str], more: dict[str, str]
) -> None:
    environment.update(more)
    assert settings_file.hide(names, environment, lambda: pytest.fail("a copy was made")) == environment


@needs_go
def test_real_go_has_its_defaults_again_and_an_empty_variable_would_not_do(
    environment: dict[str, str], tmp_path: Path
) -> None:
    def ask(*names: str, **more: str) -> str:
        done = subprocess.run(
            [GO, "env", *names], env={**environment, **more}, capture_output=True, text=True, check=False
        )
        return done.stdout or done.stderr

    assert ask("GOTOOLCHAIN") == "local\n"
    # Whoever asks for CGO_LDFLAGS has the program started, whose absence or failure is then Go's.
    assert "GOCACHEPROG" in ask("CGO_LDFLAGS")
    assert "GOCACHEPROG" in ask("CGO_LDFLAGS", GOCACHEPROG="") and "GOCACHEPROG" in ask("CGO_LDFLAGS", GOCACHEPROG=" ")
    environment.update(settings_file.hide(NAMES, environment, lambda: make_in(tmp_path)))
    assert ask("GOTOOLCHAIN") == "auto\n"
    assert ask("CGO_LDFLAGS", "GOCACHEPROG", "GOPROXY") == "-O2 -g\n\nhttps://u:secret@proxy\n"


@needs_go
def test_a_variant_runs_without_what_it_unsets_and_leaves_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    entry = pwd.getpwuid(os.geteuid())
    account = accounts.Account(entry.pw_name, entry.pw_uid, entry.pw_gid, environment["HOME"], "/bin/sh")
    variants = [bench.Variant("before", {}, list(NAMES)), bench.Variant("after", {}, [])]
    with bench.Bench(account, variants, environment=environment) as session:
        session.prepare()
        copy = Path(session.environments["before"]["GOENV"])
        assert copy.read_text() == WRITTEN.splitlines(True)[0] and "GOENV" not in session.environments["after"]
        assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700
    assert not copy.parent.exists()
