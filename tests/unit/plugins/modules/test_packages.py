# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module with a pacman and a dnf that keep their packages in a file; the real ones are in molecule/families."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import distribution, programs
from ansible_collections.wsltune.go.plugins.modules import packages, packages_info

# $DB has the packages of the machine, $OFFER a line for each that can be had and what comes with it.
PACMAN = """#!/bin/sh
DB=@TMP@/db OFFER=@TMP@/offer
hangs=$(cat @TMP@/hangs 2>/dev/null)
case "$*" in "${hangs:-none}"*) echo "$*" >>@TMP@/begun; sleep 3 ;; esac
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
    echo "$NEEDRESTART_SUSPEND,$NEEDRESTART_MODE" >@TMP@/restarts
    [ ! -e @TMP@/fails ] || exit 1
    [ ! -e @TMP@/lock ] || { trap '' TERM; exec flock @TMP@/lock true; }
    for name; do case $name in -*) ;; *) grep "^$name " $OFFER | tr ' ' '\\n' | grep . >>$DB ;; esac; done
    ;;
-Rn*)
    echo "$NEEDRESTART_SUSPEND,$NEEDRESTART_MODE" >@TMP@/restarts
    for name; do case $name in -*) ;; *) sed -i "/^$name\\$/d" $DB ;; esac; done
    ;;
esac
exit 0
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "pacman").write_text(PACMAN.replace("@TMP@", str(tmp_path)))
    (tools / "pacman").chmod(0o755)
    for name in ("cat", "grep", "tr", "sed", "sleep", "flock", "true"):
        (tools / name).symlink_to(str(shutil.which(name)))
    (tmp_path / "db").write_text("bash\nglibc\n")
    (tmp_path / "needs").write_text("")
    (tmp_path / "offer").write_text("go go-src\ngcc libmpc\n")
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setattr(programs, "SEARCHED", str(tools))
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


def test_root_installs_by_no_program_of_a_folder_of_path_that_others_write_in(
    machine: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = machine / "theirs"
    theirs.mkdir()
    (theirs / "pacman").write_text(f"#!/bin/sh\ntouch {machine}/started\n")
    (theirs / "pacman").chmod(0o755)
    monkeypatch.setenv("PATH", f"{theirs}:{machine}/tools")
    assert call(packages, **NEEDS)["changes"] == ["installed go gcc"]
    assert call(packages, state="absent")["changed"] and not (machine / "started").exists()


def test_no_service_restarts_because_packages_come_or_go(machine: Path, call: Call) -> None:
    """A process of any account can have needrestart say that the service which started it needs that."""
    for options in (NEEDS, {"state": "absent"}):
        call(packages, **options)
        assert (machine / "restarts").read_text() == "1,l\n"
        (machine / "restarts").unlink()


def test_a_lock_that_any_account_can_hold_keeps_no_installation_waiting(
    machine: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of zypper, which waits for it without end before it does anything."""
    monkeypatch.setattr(packages, "LOCKED", 1.0)
    monkeypatch.setattr(packages, "GRACE", 1.0)
    with (machine / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        done = call(packages, **NEEDS)
    assert "waited 1 s for a lock that another process holds and was ended" in done["msg"]
    (machine / "lock").unlink()
    assert call(packages, **NEEDS)["changes"] == ["installed go gcc"]


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
    monkeypatch.setattr(programs, "SEARCHED", str(machine))
    assert "supported are Debian and Ubuntu (apt)" in call(packages, **NEEDS)["msg"]
    assert not call(packages, state="absent")["changed"]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "LIMITS", dict.fromkeys(packages.LIMITS, 1.0))


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("state", "command"),
    [
        ("present", "pacman -Qq"),
        ("present", "pacman -Qu"),
        ("present", "pacman -S --needed --print"),
        ("absent", "pacman -Qq"),
        ("absent", "pacman -R --print"),
    ],
)
def test_a_look_without_end_is_ended_with_one_sentence_and_changes_nothing(
    machine: Path, call: Call, state: str, command: str
) -> None:
    if state == "absent":
        call(packages, **NEEDS)
    before = (machine / "db").read_text(), record(machine)
    (machine / "hangs").write_text(command.partition(" ")[2])
    for check in (True, False):
        done = call(packages, check, state=state, **NEEDS)
        if check and "--print" in command and state == "present":
            continue
        assert done.get("failed") and done["msg"].startswith(f"`{command}"), done
        assert "` did not end within 1 s and was ended: " in done["msg"], done
    assert ((machine / "db").read_text(), record(machine)) == before


@pytest.mark.usefixtures("hurried")
def test_a_refresh_without_end_is_ended(machine: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(distribution.MANAGERS["pacman"], "refresh", "pacman --refresh")
    (machine / "fails").touch()
    (machine / "hangs").write_text("--refresh")
    assert "`pacman --refresh` did not end within 1 s" in call(packages, **NEEDS)["msg"]
    assert record(machine) is None


@pytest.mark.usefixtures("hurried")
def test_an_installation_and_a_removal_are_never_ended(machine: Path, call: Call) -> None:
    """What is ended in its middle has to be repaired by hand."""
    (machine / "hangs").write_text("-S --needed --noconfirm")
    assert call(packages, **NEEDS)["changes"] == ["installed go gcc"]
    (machine / "hangs").write_text("-Rn")
    assert call(packages, state="absent")["changed"]
    assert len((machine / "begun").read_text().splitlines()) == 2


def test_without_a_known_manager_the_record_of_what_was_installed_stays(
    machine: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(packages, **NEEDS)
    monkeypatch.setattr(programs, "SEARCHED", str(machine))
    for check in (True, False):
        done = call(packages, check, state="absent")
        assert done.get("failed") and "has no package manager that is known here" in done["msg"], done
        assert str(machine / "state/packages.json") in done["msg"]
    assert record(machine) == CAME


def test_a_list_that_takes_too_long_is_one_sentence(call: Call, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "LIMIT", 1.0)
    (machine / "hangs").write_text("-Q")
    said = call(packages_info)
    assert said["msg"] == "pacman does not list what is installed (no end within 1 s): repair it, then run again."


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
