# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program by which Go's compiler and linker run without garbage collection (-toolexec), within a memory limit.

Build ids and the cache stay shared with runs without it: cmd/go asks each tool for its version through the program
(work/buildid.go), and no environment variable of a tool is part of an action's key.
"""

from __future__ import annotations

PATH = "/usr/local/lib/wsltune/go-tool-gc"
MIB = 1 << 20
SHARE = 4
"""All tools that run at once take a quarter of the memory, and while less than that is available Go's default holds."""
LEAST = 256 * MIB
"""With less the collector starts so often that nothing is gained: compiling net/http takes 180 MiB without it."""


def obstacle(total: int, cpus: int) -> str:
    """Return why this machine is too small; empty when it is not."""
    limit = total // SHARE // cpus
    if limit >= LEAST:
        return ""
    return (
        f"a quarter of the memory is {limit // MIB} MiB for each of {cpus} processors, and a compiler without garbage "
        f"collection needs {LEAST // MIB} MiB"
    )


def program_text(total: int, cpus: int) -> str:
    """Return the program for a machine with C(total) bytes of memory.

    GOMEMLIMIT has the collector start again near the limit, so that a large package is slower and not out of memory.
    """
    return f"""#!/bin/sh
# Written by wsltune (go_env_tool_gc: false): Go's compiler and linker collect no garbage below a limit of memory.
# A GOGC or GOMEMLIMIT of your own wins, and so does Go's default while memory is short.
case ${{1##*/}} in
compile | link)
    if [ -z "${{GOGC:-}}${{GOMEMLIMIT:-}}" ]; then
        while read -r wsltune_name wsltune_kib wsltune_unit; do
            if [ "$wsltune_name" = MemAvailable: ]; then
                if [ "$wsltune_kib" -ge {total // SHARE // 1024} ]; then
                    export GOGC=off GOMEMLIMIT={total // SHARE // cpus // MIB}MiB
                fi
                break
            fi
        done 2>/dev/null </proc/meminfo
    fi
    ;;
esac
exec "$@"
"""
