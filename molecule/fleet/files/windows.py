#!/usr/bin/python3
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stands in for cmd.exe as the shell of Windows' OpenSSH Server, and for the one command that it is given: wsl.exe."""

import os
import shlex
import sys


def split(line):
    """Return the words of a command line as a Windows program reads them."""
    words, word, quoted, slashes, begun = [], "", False, 0, False
    for letter in line:
        if letter == "\\":
            slashes, begun = slashes + 1, True
            continue
        if letter == '"':
            word += "\\" * (slashes // 2)
            if slashes % 2:
                word += '"'
            else:
                quoted = not quoted
            begun = True
        else:
            word += "\\" * slashes
            if letter in " \t" and not quoted:
                if begun:
                    words.append(word)
                word, begun = "", False
            else:
                word, begun = word + letter, True
        slashes = 0
    if begun:
        words.append(word + "\\" * slashes)
    return words


if sys.argv[1:2] != ["-c"]:
    sys.exit("only commands are taken")
# A caret takes its meaning from the sign after it.
program, *words = split(sys.argv[2].replace("^%", "%"))
if program != "wsl.exe" or words[:1] != ["--distribution"] or words[2:3] != ["--user"] or words[4:5] != ["--"]:
    sys.exit(f"'{program}' is not recognized as an internal or external command: {words}")
if words[1] != "Debian":
    sys.exit("There is no distribution with the supplied name.")
# After -- a shell takes the command, so that it may be one of the shell's own.
shell = ["/bin/sh", "-c", shlex.join(words[5:])]
os.execvp("sudo", ["sudo", "--non-interactive", "--set-home", "--user", words[3], "--", *shell])
