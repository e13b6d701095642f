# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether Go commands take a value of GOFLAGS: each is asked, because versions differ in flags and in quoting."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
from ansible_collections.wsltune.go.plugins.module_utils.go import flags as go_flags
from ansible_collections.wsltune.go.plugins.module_utils.linux import process

# `go env` takes what a build does not, and the reverse; gopls asks with -json. Nothing is built with -n.
QUESTIONS = (
    ("env", "GOFLAGS"),
    ("env", "-json", "GOFLAGS"),
    ("list", "-json", "."),
    ("build", "-n", "."),
    ("vet", "-n", "."),
    ("test", "-n", "."),
)
MODULE = {
    "go.mod": "module wsltune\n",
    "flags.go": "package flags\n",
    "flags_test.go": 'package flags\n\nimport "testing"\n\nfunc TestNothing(*testing.T) {}\n',
}
ANSWER = 20.0
"""Seconds that one question may take."""


def list_refusals(toolchains: Sequence[Mapping[str, Any]], environment: Mapping[str, str], flags: str) -> list[str]:
    """Return which of these Go commands refuse C(flags): the command, its version, the flag and what it says.

    Asked as the user that this process runs as, in a module of its own. A question that a command fails without the
    flags too says nothing of them.
    """
    refusals = []
    with tempfile.TemporaryDirectory(prefix="wsltune-flags-") as folder:
        for name, content in MODULE.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as handle:
                handle.write(content)
        quiet = {**environment, **go_find.QUIET, "GOPROXY": "off", "GOWORK": "off", "GOCACHE": f"{folder}/cache"}
        for toolchain in toolchains:
            reason = _refusal(str(toolchain["path"]), quiet, folder, flags)
            if reason:
                refusals.append(f"{toolchain['path']} ({toolchain.get('version') or 'unknown version'}) {reason}")
    return refusals


def _refusal(go: str, environment: Mapping[str, str], folder: str, flags: str) -> str:
    for question in QUESTIONS:
        said = _ask(go, question, environment, folder, flags)
        if not said or _ask(go, question, environment, folder, ""):
            continue
        guilty = [word for word in go_flags.split(flags) if _ask(go, question, environment, folder, word)]
        return f"refuses {' '.join(guilty) or flags}: {said}"
    return ""


def _ask(go: str, question: Sequence[str], environment: Mapping[str, str], folder: str, flags: str) -> str:
    """Return why a command fails with C(flags); nothing where it does not, or cannot be asked."""
    # An empty variable counts as none, so that the user's own file would: it is not read.
    variables = {**environment, "GOENV": "off", "GOFLAGS": flags}
    try:
        done = process.run([go, *question], variables, folder, limit=ANSWER)
    except OSError:
        return ""
    return go_find.reason_of(done) if done.code and not done.timed_out else ""
