"""Usage: ./onboard.sh [rollback | doctor] [OPTION]... [-- ARGUMENT OF ANSIBLE-PLAYBOOK...]

Tunes Go on this machine, measures it before and after, and says whether it helped.

  rollback        restore what was there before the first run
  doctor          find what makes Go slow and change nothing; measures the Go module in the current folder, too
  --check         show what would change, change nothing
  --no-benchmark  tune without measuring
  --yes           do not ask before starting
  --json          with doctor: print what was found as JSON, and the progress on the error output
  --help          show this

What follows -- goes to ansible-playbook as it is, for example:
  ./onboard.sh -- -e go_env_cgo_enabled=false

Exit codes: 0 done, 1 a step failed, 2 wrong usage, 3 this machine cannot be set up, 4 the doctor
found something critical, 130 interrupted.
"""
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python puts the folder that it is given there.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from onboard.run import main

    sys.exit(main(sys.argv[1:], __doc__ or ""))
