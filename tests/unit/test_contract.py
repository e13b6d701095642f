# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract import assumptions, observe

ROOT = Path(__file__).parents[2]
NAMES = list(assumptions.ASSUMPTIONS)


def make_record(**observed):
    usual = {name: assumption.expected[0] for name, assumption in assumptions.ASSUMPTIONS.items()}
    return {"schema": assumptions.SCHEMA, "observed": {**usual, **observed}, "reasons": {}}


def test_every_assumption_is_asked_for_and_has_a_source():
    windows = (ROOT / "tests/contract/observe.ps1").read_text(encoding="ascii")
    for name, assumption in assumptions.ASSUMPTIONS.items():
        assert name in observe.ASK or f"$observed.{name} =" in windows, name
        assert assumption.says and assumption.source and assumption.expected
        assert (assumption.simulated is None) == (not assumption.because), name


@pytest.mark.parametrize("name", NAMES)
def test_a_difference_from_a_real_machine_is_found(name):
    simulated = make_record()
    assert assumptions.find_differences(make_record(), simulated) == []
    found = assumptions.find_differences(make_record(**{name: "something else"}), simulated)
    assert len(found) == 1 and name in found[0] and "something else" in found[0]
    # What nobody could ask there says nothing.
    assert assumptions.find_differences(make_record(**{name: None}), simulated) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_simulated_host_that_shows_something_else_is_found(name):
    assert assumptions.find_differences(make_record(), make_record(**{name: "something else"})) != []
    assert assumptions.judge_simulated(name, "something else") == "differs"


def test_two_shapes_that_are_both_expected_are_no_difference():
    real = make_record(drive_mount=assumptions.ASSUMPTIONS["drive_mount"].expected[1], drive_transport=[])
    assert assumptions.find_differences(real, make_record()) == []


def test_the_simulated_engine_differs_for_its_reason():
    engine = {"edition": "Core", "version": "7.6"}
    assert assumptions.judge("powershell_engine", engine) == "differs"
    assert assumptions.judge_simulated("powershell_engine", engine) == "holds"
    assert assumptions.find_differences(make_record(), make_record(powershell_engine=engine)) == []


@pytest.mark.parametrize(
    "value",
    [
        "C:\\Users\\ada",
        "/home/ada/src",
        "S-1-5-21-1004336348-1177238915-682003330-512",
        "{b1f7c3a2-5b0e-4c52-9f2c-0f1d2c3b4a5e}",
        "192.168.1.20",
    ],
)
def test_what_names_a_person_or_a_machine_is_refused(value):
    assert assumptions.check(make_record()) == []
    complaints = assumptions.check(make_record(distro_share={"deep": [value]}))
    assert len(complaints) == 1 and repr(value) in complaints[0]


@pytest.mark.parametrize(
    "record", [None, [], {}, {"schema": 0, "observed": {"token": 1}}, {"schema": 1, "observed": []}]
)
def test_what_is_no_contract_is_refused(record):
    assert len(assumptions.check(record)) == 1
    assert assumptions.find_differences(record, make_record()) == assumptions.check(record)


def test_a_name_of_another_checkout_is_refused():
    assert assumptions.check(make_record(unheard_of=1)) == ["unheard_of is no assumption of this checkout."]
    said = assumptions.check(make_record(**{"\x1b[2J" + "a" * 9999: "/home/alice" + "b" * 9999}))
    assert len(said) == 2 and all(line.isprintable() and len(line) < 300 for line in said)


def test_a_huge_contract_is_refused_before_anything_in_it_is_looked_at():
    assert assumptions.check(make_record(distro_share="x" * assumptions.LARGEST)) == [
        "It is larger than 64 KiB, which no contract.json is."
    ]


def test_a_huge_contract_is_not_written(tmp_path, monkeypatch):
    target = tmp_path / "contract.json"
    monkeypatch.setattr(observe, "observe", lambda: make_record(distro_share="x" * assumptions.LARGEST))
    monkeypatch.setattr(observe, "list_mounts", list)
    monkeypatch.setattr(observe.wsl_programs, "find_program", lambda *_words: "powershell.exe")
    monkeypatch.setattr(sys, "argv", ["observe.py", str(target)])
    assert observe.main() == 1 and not target.exists()


def test_no_link_of_another_account_leads_it_elsewhere(tmp_path, monkeypatch):
    target, other = tmp_path / "contract.json", tmp_path / "other"
    other.write_text("other")
    target.symlink_to(other)
    monkeypatch.setattr(observe, "observe", make_record)
    monkeypatch.setattr(observe, "list_mounts", list)
    monkeypatch.setattr(observe.wsl_programs, "find_program", lambda *_words: "powershell.exe")
    monkeypatch.setattr(sys, "argv", ["observe.py", str(target)])
    observe.main()
    assert other.read_text() == "other" and json.loads(target.read_text())["schema"] == assumptions.SCHEMA
    assert not target.is_symlink()


def test_what_was_contributed_can_be_taken():
    for path in (ROOT / "tests/contract/contributed").glob("*.json"):
        assert path.stat().st_size <= 2 * assumptions.LARGEST, path
        assert assumptions.check(json.loads(path.read_text(encoding="utf-8"))) == [], path


def test_away_from_wsl_it_says_so_and_writes_nothing(tmp_path):
    done = subprocess.run(
        [ROOT / "test.sh", "contract", tmp_path / "contract.json"], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (
        3,
        "No Windows drive with powershell.exe is mounted here: run this inside WSL.\n",
    )
    assert list(tmp_path.iterdir()) == []


TABLE = (
    "40 22 0:40 / / rw - ext4 /dev/sdc rw\n"
    "98 40 0:52 / /mnt/c rw,noatime - 9p C:\\134 rw,aname=drvfs;path=C:\\;uid=1000;gid=1000;umask=22;symlinkroot=/mnt/,"
    "cache=5,access=client,msize=65536,trans=fd,rfd=8,wfd=8\n"
)


def test_the_drive_is_described_without_what_is_the_persons_own(monkeypatch):
    monkeypatch.setattr(
        observe, "read_mounts", lambda: list(zip(TABLE.splitlines(), observe.mountinfo.parse(TABLE, True)))
    )
    assert assumptions.judge("drive_mount", observe.observe_drive()) == "holds"
    assert assumptions.judge("drive_transport", observe.observe_transport()) == "holds"
    other = TABLE.replace("aname=drvfs", "aname=drives")
    monkeypatch.setattr(
        observe, "read_mounts", lambda: list(zip(other.splitlines(), observe.mountinfo.parse(other, True)))
    )
    with pytest.raises(IndexError):
        observe.observe_drive()


@pytest.mark.parametrize(
    ("usual", "utf8", "outcome"),
    [
        ("  NAME\r\n* Debian Running 2\r\n".encode("utf-16-le"), b"  NAME\r\n* Debian Running 2\r\n", "holds"),
        ("\ufeff  NAME\r\n".encode("utf-16-le"), b"  NAME\r\n", "differs"),
        (b"  NAME\r\n", b"  NAME\r\n", "differs"),
        ("  NAME\r\n".encode("utf-16-le"), b"  NAME\n", "differs"),
    ],
)
def test_the_encoding_of_wsl_exe(monkeypatch, usual, utf8, outcome):
    monkeypatch.setattr(observe, "run_wsl", lambda *_words, **values: utf8 if "WSL_UTF8" in values else usual)
    assert assumptions.judge("wsl_exe_encoding", observe.observe_encoding()) == outcome


def test_what_cannot_be_asked_is_not_answered(monkeypatch):
    def fail(*_words, **_values):
        raise subprocess.TimeoutExpired("/mnt/c/Users/ada/secret.exe", 1)

    monkeypatch.setattr(observe, "run_wsl", fail)
    reasons = {}
    observed = observe.ask("wsl_exe_list", observe.observe_list, reasons)
    assert (assumptions.judge("wsl_exe_list", observed), reasons) == (
        "not answered",
        {"wsl_exe_list": "TimeoutExpired"},
    )


def test_the_program_runs_on_the_oldest_python_without_the_tests_environment():
    done = subprocess.run(
        [sys.executable, "-I", ROOT / "tests/contract/observe.py", "--help"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stdout.startswith("Asks this WSL distro")
