# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Usage: ./onboard.sh [rollback | doctor | drift | bench] [OPTION]... [-- ARGUMENT OF ANSIBLE-PLAYBOOK...]

Tunes Go on this machine, measures it before and after, and says whether it helped.

  rollback        restore what was there before the first run
  doctor          find what makes Go slow and change nothing; measures the Go module in the current folder, too
  drift           find what is not as declared any more and change nothing; without root what needs root is unknown
  bench           measure the Go module in the current folder as it is and change nothing
  --against WHAT  with bench: compare with a Git revision, measured in the same run, or with a
                  results.json that bench wrote earlier on this machine
  --fail-if-slower
                  with --against: exit with 5 if it got slower, 6 if that cannot be said
  --check         show what would change, change nothing
  --no-benchmark  tune without measuring
  --yes           do not ask before starting
  --json          with doctor or drift: print what was found as JSON, and the progress on the error output
  --help          show this

What follows -- goes to ansible-playbook as it is, for example:
  ./onboard.sh -- -e go_env_cgo_enabled=false

Exit codes: 0 done, 1 a step failed, 2 wrong usage, 3 this machine cannot be set up, 4 the doctor
found something critical, 5 bench found it slower, 6 bench cannot say, 130 interrupted.
Of drift: 0 in state, 2 something drifted, 3 only a restart is missing, 1 it could not be looked at.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python puts the folder that it is given there.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from onboard.run import main

    sys.exit(main(sys.argv[1:], __doc__ or ""))
