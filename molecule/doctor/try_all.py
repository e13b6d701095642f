# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lets the doctor look at a healthy machine and at every one of cases.yml: try_all.py MACHINE PORT SHARE OF [NAME].

SHARE of OF (1 of 2, say) is this machine's part. The doctor looks as a user without any rights. The planted cause must
be named first, and nothing may be left behind.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/containers"))
from driver import Machine

# On a healthy machine these may be unknown, for the reason given.
UNKNOWN = {"WT-066": "strace is not installed"}
LEFT = "find / -xdev -name '.wsltune-*' -not -path '/proc/*'; ls -A /tmp /dev/shm /var/tmp | grep -i go; ls -A /mnt/c"


class Doctor:
    """Runs doctor.yml as alice and reads its report."""

    def __init__(self, machine: Machine, reports: str) -> None:
        self.machine, self.reports = machine, reports

    def look(self, **variables) -> tuple[dict, str, int, float]:
        """Return the report, the output, the exit code and the seconds of a run; {} where there is no report."""
        settings = {"ansible_user": "alice", "doctor_modules": ["/home/alice/src"], "doctor_report_dir": self.reports}
        report = Path(self.reports) / "doctor.json"
        report.unlink(missing_ok=True)
        play = self.machine.play("doctor.yml", settings | variables)
        found = json.loads(report.read_text()) if report.exists() else {}
        return found, play.output, play.code, play.seconds


def healthy(doctor: Doctor) -> list[str]:
    """List what the doctor finds on a machine that has nothing wrong."""
    found, output, code, seconds = doctor.look()
    bad = [
        f"{check['id']} is {check['status']}: {check['reason']}"
        for check in found.get("checks", [])
        if check["status"] != "ok" and UNKNOWN.get(check["id"], "\0") not in check["reason"]
    ]
    if code or len(found.get("checks", [])) < 30:
        bad.append(f"exit {code}: {output[-1500:]}")
    print(f"{'WRONG' if bad else 'as it should be'}, {seconds:.1f} s: a healthy machine", flush=True)
    return bad


def broken(doctor: Doctor, case: dict) -> list[str]:
    """Break the machine, let the doctor look, fix it again; list what was not as the case says."""
    machine, bad = doctor.machine, []
    before = machine.run("bash", "-c", LEFT, check=False)
    if "break" in case:
        machine.run("bash", "-ec", case["break"])
    held = machine.run("bash", "-c", LEFT, check=False)
    try:
        found, output, code, seconds = doctor.look(**case.get("vars", {}))
        left = machine.run("bash", "-c", LEFT, check=False)
    finally:
        if "fix" in case:
            machine.run("bash", "-ec", case["fix"])
    text = " ".join(output.split())
    if left != held:
        bad.append(f"left behind: {sorted(set(left.split()) - set(held.split()))}")
    if machine.run("bash", "-c", LEFT, check=False) != before:
        bad.append("the case itself left something behind")
    if re.search(r"Traceback|MODULE FAILURE|deserialization failed", text):
        bad.append(f"a traceback instead of a sentence: {output[-800:]}")
    if "fails" in case:
        if code == 0 or not re.search(case["fails"], text):
            bad.append(f"not said: {case['fails']}; but: {text[-600:]}")
    elif not found:
        bad.append(f"no findings: {output[-800:]}")
    else:
        first = found["checks"][0]
        if first["id"] != case["first"] or first["status"] not in ("critical", "warning"):
            told = [f"{check['id']} {check['status']} {check['reason']}" for check in found["checks"][:3]]
            bad.append(f"{case['first']} is not first, but {told}")
        if not re.search(case.get("says", ""), first["reason"]):
            bad.append(f"not said: {case['says']}; but: {first['reason']}")
        if (code != 0) != (found["status"] == "critical"):
            bad.append(f"exit {code} with the status {found['status']}")
    print(f"{'WRONG' if bad else 'as it should be'}, {seconds:.1f} s: {case['name']}", flush=True)
    return [f"{case['name']}: {one}" for one in bad]


def main() -> None:
    """Try this share's cases, and a healthy machine first unless a case was named."""
    machine = Machine(sys.argv[1], int(sys.argv[2]))
    share, of, *name = sys.argv[3:]
    cases = yaml.safe_load(Path(__file__).with_name("cases.yml").read_text(encoding="utf-8"))
    cases = [case for case in cases if name[0] in case["name"]] if name else cases[int(share) - 1 :: int(of)]
    machine.run(
        "bash", "-ec", "[ -d ~alice/src ] || cp -r /usr/local/share/gotest ~alice/src; chown -R alice: ~alice/src"
    )
    with tempfile.TemporaryDirectory() as reports:
        doctor = Doctor(machine, reports)
        wrong = [] if name else healthy(doctor)
        for case in cases:
            wrong += broken(doctor, case)
    for one in wrong:
        print(one, flush=True)
    print(json.dumps({"tried": len(cases), "wrong": wrong}))


if __name__ == "__main__":
    main()
