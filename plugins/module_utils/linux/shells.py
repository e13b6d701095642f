# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of all users that the shells of this machine read."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable

from ansible_collections.wsltune.go.plugins.module_utils.linux import programs, text

BASH_FILE, ZSH_FILE = "/etc/bash.bashrc", "/etc/zsh/zshenv"
BLOCK_FILES = (BASH_FILE, "/etc/bashrc", ZSH_FILE, "/etc/zshenv")
"""Files of all users that shells are known to read; a zsh may have another one compiled in."""
MOST_OF_A_SHELL = 16 << 20


def read_compiled(program: str, name: str, search: str = programs.SEARCHED) -> str:
    """Return the path of the file C(name) that is compiled into a shell; empty where there is none, or no shell."""
    path = shutil.which(program, path=search)
    try:
        with open(path or "", "rb") as handle:
            match = re.search(rb"\x00(/[\w./+-]*/" + re.escape(name.encode()) + rb")\x00", handle.read(MOST_OF_A_SHELL))
    except OSError:
        return ""
    return os.fsdecode(match[1]) if match else ""


def list_shell_files(
    compiled: Callable[[str, str], str] = read_compiled, read: Callable[[str], str | None] = text.read
) -> list[str]:
    """Return the files of all users that the shells of this machine read when they are no login shells.

    What is compiled into a shell is read out of it. Where bash has none, as on Fedora and RHEL, ~/.bashrc reads
    /etc/bashrc, which reads /etc/profile.d by itself: then nothing has to stand in it.
    """
    paths = []
    bash = compiled("bash", "bash.bashrc")
    if bash:
        paths += [bash] if read(bash) is not None else []
    elif "profile.d" not in (read("/etc/bashrc") or "profile.d"):
        paths.append("/etc/bashrc")
    zsh = compiled("zsh", "zshenv")
    if not zsh and os.path.isdir(os.path.dirname(ZSH_FILE)):
        # Its settings are there before it is.
        zsh = ZSH_FILE
    return paths + ([zsh] if zsh else [])
