# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module with a pacman and a dnf that keep their packages in a file; the real ones are in molecule/families."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import distribution
from ansible_collections.wsltune.go.plugins.modules import packages, packages_info

# $DB has the packages of the machine, $OFFER a line for each that can be had and what comes with it.
PACMAN = """#!/bin/sh
DB=@TMP@/db OFFER=@TMP@/offer
case "$*" in
-Qo*) exit 0 ;;
-Qq) cat $DB ;;
-Q) [ ! -e @TMP@/damaged ] || { echo "error: database is damaged" >&2; exit 1; }; sed "s/$/ 1-1/" $DB ;;
-Qu) cat @TMP@/outdated 2>/dev/null ;;
*--print-format*) for name; do case $name in -*|%n) ;; *) grep "^$name " $OFFER | tr ' ' '\\n' ;; esac; done ;;
"-R --print "*)
    for user in $(sed -n "s/^\\([^ ]*\\) $3\\$/\\1/p" @TMP@/needs); do
        echo ":: removing it breaks dependency 'x' required by $user"
    done
    ;;
-S*)
    [ ! -e @TMP@/fails ] || exit 1
    for name; do case $name in -*) ;; *) grep "^$name " $OFFER | tr ' ' '\\n' | grep . >>$DB ;; esac; done
    ;;
-Rn*) for name; do case $name in -*) ;; *) sed -i "/^$name\\$/d" $DB ;; esac; done ;;
esac
exit 0
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "pacman").write_text(PACMAN.replace("@TMP@", str(tmp_path)))
    (tools / "pacman").chmod(0o755)
    for name in ("cat", "grep", "tr", "sed"):
        (tools / name).symlink_to(str(shutil.which(name)))
    (tmp_path / "db").write_text("bash\nglibc\n")
    (tmp_path / "needs").write_text("")
    (tmp_path / "offer").write_text("go go-src\ngcc libmpc\n")
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setattr(distribution, "SEARCHED", str(tools))
    monkeypatch.setattr(packages, "RECORD", str(tmp_path / "state/packages.json"))
    monkeypatch.setattr(packages.journal, "ROOT", str(tmp_path / "state"))
    return tmp_path


def record(machine: Path) -> Any:
    path = machine / "state/packages.json"
    return json.loads(path.read_text()) if path.exists() else None


Call = Callable[..., dict[str, Any]]
NEEDS = {"needs": ["go", "cgo"]}
CAME = ["gcc", "go", "go-src", "libmpc"]


def test_what_is_installed_is_recorded_and_goes_again(machine: Path, call: Call) -> None:
    checked = call(packages, True, **NEEDS)
    assert checked["changes"] == ["would install go gcc"] and record(machine) is None
    assert call(packages, **NEEDS)["changes"] == ["installed go gcc"]
    assert record(machine) == CAME
    assert not call(packages, **NEEDS)["changed"] and record(machine) == CAME
    checked = call(packages, True, state="absent")
    assert checked["changes"] == ["removed the packages gcc go go-src libmpc"] and record(machine) == CAME
    assert call(packages, state="absent")["changes"] == checked["changes"]
    assert (machine / "db").read_text() == "bash\nglibc\n" and not (machine / "state").exists()
    assert not call(packages, state="absent")["changed"]


def test_what_something_else_needs_by_now_stays_and_is_named(machine: Path, call: Call) -> None:
    call(packages, **NEEDS)
    with (machine / "db").open("a") as handle:
        handle.write("dkms\n")
    (machine / "needs").write_text("dkms gcc\ngcc libmpc\n")
    done = call(packages, state="absent")
    assert done["changes"] == ["removed the packages go go-src"]
    assert "gcc stays installed, because dkms needs it; remove it with `pacman -Rs gcc`" in done["kept"]
    assert (machine / "db").read_text().split() == ["bash", "glibc", "gcc", "libmpc", "dkms"]


def test_a_partial_upgrade_is_refused(machine: Path, call: Call) -> None:
    (machine / "outdated").write_text("glibc 2.40 -> 2.41\n")
    for check in (True, False):
        assert "Arch supports no partial upgrades" in call(packages, check, **NEEDS)["msg"]
    assert record(machine) is None and (machine / "db").read_text() == "bash\nglibc\n"


def test_an_installation_that_fails_is_one_sentence_and_leaves_nothing(machine: Path, call: Call) -> None:
    (machine / "fails").touch()
    assert "pacman -Syu" in call(packages, **NEEDS)["msg"]
    assert record(machine) is None and not (machine / "state").exists()


def test_what_a_killed_run_was_about_to_install_is_recorded(
    machine: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def list_installed(_self: packages.Packages) -> list[str]:
        return ["bash"] if record(machine) is None else [str(1 // 0)]

    monkeypatch.setattr(packages.Packages, "list_installed", list_installed)
    with pytest.raises(ZeroDivisionError):
        call(packages, **NEEDS)
    assert record(machine) == CAME


def test_a_machine_without_a_manager_is_told_what_is_supported(
    machine: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "SEARCHED", str(machine))
    assert "supported are Debian and Ubuntu (apt)" in call(packages, **NEEDS)["msg"]
    assert not call(packages, state="absent")["changed"]


def test_what_is_installed_is_listed_with_its_version(call: Call, machine: Path) -> None:
    listed = call(packages_info)
    assert (listed["manager"], listed["changed"]) == ("pacman", False)
    assert listed["packages"] == [{"name": name, "version": "1-1", "architecture": ""} for name in ("bash", "glibc")]


def test_a_manager_that_cannot_list_is_no_empty_list(call: Call, machine: Path) -> None:
    (machine / "damaged").touch()
    said = call(packages_info)
    assert said["failed"]
    assert (
        said["msg"] == "pacman does not list what is installed (error: database is damaged): repair it, then run again."
    )


def test_without_a_known_manager_nothing_is_listed(call: Call, machine: Path) -> None:
    (machine / "tools/pacman").unlink()
    listed = call(packages_info)
    assert (listed["manager"], listed["packages"]) == ("", [])
