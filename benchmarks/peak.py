# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much room Go's temporary files take at the most.

    python3 benchmarks/peak.py FOLDER -- go test ./...

FOLDER is an empty file system of its own, such as a tmpfs; GOTMPDIR is set to it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time


def used(folder: str) -> int:
    """Return the bytes in use on the file system of a folder."""
    state = os.statvfs(folder)
    return (state.f_blocks - state.f_bfree) * state.f_frsize


def main() -> int:
    """Run the command and print the peak."""
    if len(sys.argv) < 4 or sys.argv[2] != "--":
        sys.exit(__doc__)
    folder, command = sys.argv[1], sys.argv[3:]
    before = peak = used(folder)
    with subprocess.Popen(command, env={**os.environ, "GOTMPDIR": folder}) as go:
        while go.poll() is None:
            peak = max(peak, used(folder))
            time.sleep(0.005)
    print(f"peak {(peak - before) / 2**20:.1f} MiB", file=sys.stderr)
    return go.returncode


if __name__ == "__main__":
    sys.exit(main())
