# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gives site.yml every bad value and broken machine of cases.yml: try_all.py MACHINE PORT SHARE OF [NAME].

Each run must fail with its sentence and leave the machine as it was. SHARE of OF (1 of 2, say) is this machine's part.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/containers"))
from driver import Machine

WORKS = {"go_tmpfs_place": "gotmpdir", "go_tmpfs_size": "1g", "wsl_conf_force": True}


def main() -> None:
    """Try this share's cases; exit with 1 where one fails."""
    machine = Machine(sys.argv[1], int(sys.argv[2]))
    share, of = int(sys.argv[3]), int(sys.argv[4])
    cases = yaml.safe_load(Path(__file__).with_name("cases.yml").read_text(encoding="utf-8"))[share - 1 :: of]
    if len(sys.argv) > 5:
        cases = [case for case in cases if sys.argv[5] in case["name"]]
    wrong = []
    # A machine that nothing touched is still as it was taken.
    is_taken = False
    for case in cases:
        before = len(wrong)
        if "break" in case:
            machine.run("bash", "-ec", case["break"])
        if "break" in case or not is_taken:
            machine.snapshot("take", "/var/tmp/case.json")
        play = machine.play("site.yml", WORKS | case.get("vars", {}))
        text = " ".join(play.output.split())
        if play.code == 0:
            wrong.append(f"{case['name']}: the run did not fail")
        elif not re.search(case["says"], text):
            said = re.search(r"fatal: .*?(?= PLAY RECAP)|ERROR.*", text)
            wrong.append(f"{case['name']}: not said: {case['says']}; but: {said[0][:600] if said else text[-600:]}")
        if re.search(r"Traceback|Module result deserialization failed|MODULE FAILURE", text):
            wrong.append(f"{case['name']}: a traceback instead of a sentence")
        left = machine.snapshot("compare", "/var/tmp/case.json")["differences"]
        if left:
            wrong.append(f"{case['name']}: touched: {'; '.join(left)[:400]}")
            machine.play("rollback.yml", {})
        if "fix" in case:
            machine.run("bash", "-ec", case["fix"])
        is_taken = not left and "break" not in case and "fix" not in case
        print(
            f"{'as it should be' if len(wrong) == before else 'WRONG'}, {play.seconds:.1f} s: {case['name']}",
            flush=True,
        )
    print(json.dumps({"tried": len(cases), "wrong": wrong}))


if __name__ == "__main__":
    main()
