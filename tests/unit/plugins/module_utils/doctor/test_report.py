# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor import judge as doctor_judge
from ansible_collections.wsltune.go.plugins.module_utils.doctor import report as doctor_report

GOLDEN = Path(__file__).parent / "golden"

GOOD = [doctor_check.ok(check_id, f"{title} is as it should be.") for check_id, title in doctor_check.TITLES.items()]
SLOW = doctor_check.Check(
    "WT-002",
    "critical",
    "GOCACHE (/mnt/c/Users/ada/go-build) lies on a Windows drive, 9p, where an operation takes 1.2 ms against 3.1 us "
    "on the own disk.",
    value=1206.4,
    unit="us",
    effect="about 36.1 s for every go test of 24 packages",
    lever="gocache_tmpfs",
    command="go env -w GOCACHE=$HOME/.cache/go-build",
    seconds=36.1,
    details={"file_system": "9p", "times_us": {"stat": {"median": 1206.4, "low": 1100.0, "high": 1400.5, "n": 25}}},
)
FAILS = doctor_check.Check(
    "WT-006",
    "critical",
    "GOTMPDIR (/run/lock) lies on tmpfs mounted noexec.",
    effect="nothing runs",
    command="sudo mount -o remount,exec /run/lock",
    blocks=True,
)
MILD = doctor_check.Check(
    "WT-040",
    "warning",
    "PATH has 2 slow directories.",
    value=2412.0,
    unit="us",
    effect="about 0.3 s",
    lever="append_windows_path",
    seconds=0.3,
)
LOST = doctor_check.unknown("WT-066", "System calls were not counted: strace is not installed.")


def findings(*changed: doctor_check.Check) -> dict:
    checks = [check for check in GOOD if check.id not in {one.id for one in changed}] + list(changed)
    seen = {
        "user": "ada",
        "go": {"go": {"version": "go1.27.3"}},
        "wsl": {"version": 2, "distro": "Ubuntu", "kernel": "6.18.35.2-microsoft-standard-WSL2"},
        "modules": [{"directory": "/home/ada/app"}],
        "took": 12.5,
    }
    return doctor_judge.summarise(seen, doctor_check.rank(checks))


CASES = {"good": (), "bad": (SLOW, FAILS, MILD, LOST), "unknown": (LOST,)}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("everything", [False, True])
def test_the_text_is_as_agreed(name: str, everything: bool) -> None:
    text = doctor_report.write_text(findings(*CASES[name]), "wsltune doctor on box", "~/doctor.html", everything)
    golden = GOLDEN / f"{name}{'_all' if everything else ''}.txt"
    assert text == golden.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 80 and text.isascii()


def test_what_blocks_comes_first_then_what_costs_most() -> None:
    checks = findings(MILD, LOST, SLOW, FAILS)["checks"]
    assert [check["id"] for check in checks[:4]] == ["WT-006", "WT-002", "WT-040", "WT-066"]
    assert checks[4]["status"] == "ok"


def test_the_status_is_the_worst_one_and_unknown_is_none() -> None:
    assert findings()["status"] == findings(LOST)["status"] == "ok"
    assert findings(MILD)["status"] == "warning"
    assert findings(MILD, SLOW)["status"] == "critical"
    assert doctor_check.find_worst([]) == "ok"
    assert findings(MILD, LOST)["counts"] == {
        "critical": 0,
        "warning": 1,
        "unknown": 1,
        "ok": len(doctor_check.TITLES) - 2,
        "not_applicable": 0,
    }


def test_the_headline_says_what_it_costs() -> None:
    assert doctor_report.write_headline(findings(SLOW)) == (
        "Build cache (GOCACHE) on a slow file system (WT-002): about 36.1 s for every go test of 24 packages."
    )
    assert "1 more finding below" in doctor_report.write_headline(findings(SLOW, MILD))


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(None, "", ""), (1206.4, "us", "1206 µs"), (3.0, "s", "3 s"), (3.14, "us", "3.1 µs"), (0.0234, "s", "0.023 s")],
)
def test_numbers_have_no_more_digits_than_they_mean(value: float | None, unit: str, shown: str) -> None:
    assert doctor_report.write_cost({"cost": {"value": value, "unit": unit}}) == shown


def test_ids_are_drawn_together() -> None:
    checks = [{"id": f"WT-{number:03d}"} for number in (3, 1, 2, 10, 21, 20)]
    assert doctor_report.write_ids(checks) == "WT-001 to WT-003, WT-010, WT-020 to WT-021"


def test_a_time_has_the_unit_that_fits() -> None:
    assert [doctor_check.write_microseconds(value) for value in (3.14, 42.0, 1200.0, 2.5e6)] == [
        "3.1 µs",
        "42 µs",
        "1.2 ms",
        "2.5 s",
    ]


def test_what_does_not_apply_is_no_success_and_a_modules_times_are_shown() -> None:
    idle = doctor_check.not_wsl("WT-020", "nothing reads wsl.conf.")
    timed = doctor_check.ok("WT-060", "The tests of /home/ada/app pass in 3.1 s.")
    counts = findings(idle, timed)["counts"]
    assert (counts["ok"], counts["not_applicable"]) == (len(doctor_check.TITLES) - 1, 1)
    text = doctor_report.write_text(findings(idle, timed))
    every = len(doctor_check.TITLES)
    assert f"{every - 1} of {every} checks are ok, 1 does not apply to this machine." in " ".join(text.split())
    assert "module    The tests of /home/ada/app pass in 3.1 s.\n" in text
    assert "no need   1 check, because this is not WSL: WT-020\n" in text


def test_no_path_has_a_line_of_its_own_in_the_error_of_a_run() -> None:
    """The role's error is the finding's reason, and GOTMPDIR is what its user exports."""
    found = doctor_check.Check(
        "WT-010", doctor_check.CRITICAL, "GOTMPDIR (/tmp/a\nok: [laptop] => all is well\x1b[2J) is missing."
    )
    assert found.as_dict()["reason"] == r"GOTMPDIR (/tmp/a\x0aok: [laptop] => all is well\x1b[2J) is missing."
