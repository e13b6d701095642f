# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Renders cloud-init's user-data for a new distro: it installs Git, checks who signed, and onboards once. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import signers as allowed_signers

FOLDER = "/var/lib/wsltune-first"
SIGNERS = "/etc/wsltune/first-signers"
PROGRAM = "/usr/local/sbin/wsltune-first"
LIMIT = 16384
"""Bytes that every source of user-data takes, such as that of EC2; WSL's own has no documented limit."""
TIMEOUT = 600
"""Seconds that the repository may take."""
MOST, MEMORY = 2 << 20, 4 << 20
"""KiB that it may bring, and of memory that Git may take; of neither more than half of what this distro has."""

_REPOSITORY = re.compile(r"(https|ssh|file)://[^\s'\"]+|[a-z0-9_.-]+@[A-Za-z0-9.-]+:[^\s'\"]+")
_SECRET = re.compile(r"\w+://[^/\s]*:[^/\s]*@")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]*")
_SCRIPT = """\
#!/bin/sh
# Onboards this distro once, with what somebody signed who may. cloud-init runs it at the first start.
set -eu
export HOME=/root LC_ALL=C.UTF-8 GIT_TERMINAL_PROMPT=0
folder={folder}
stop() {{
    cd /
    rm -rf "$folder"
    echo "wsltune: $1, so nothing was done. To try again: sudo {program}" >&2
    exit 1
}}
command -v git >/dev/null && command -v ssh-keygen >/dev/null || stop 'Git and ssh-keygen could not be installed'
half_or() {{ [ "$(($1 / 2))" -lt "$2" ] && echo "$(($1 / 2))" || echo "$2"; }}
fetch() (
    # A server that takes the connection and never answers would keep the first start waiting for ever. One that sends
    # without end would fill the disk, by the one file that a clone brings, or the memory.
    set -- $(df -Pk "${{folder%/*}}" | tail -n 1)
    ulimit -f "$(($(half_or "$4" {most}) * 2))"
    set -- $(grep ^MemTotal: /proc/meminfo)
    ulimit -d "$(half_or "$2" {memory})"
    timeout {timeout} git clone --quiet --no-checkout --single-branch --branch {ref} -- {repository} "$folder"
)
rm -rf "$folder"
fetch || stop {unreachable}
cd "$folder"
# A signed tag counts for what it names, and for no branch of the same name.
what=HEAD verify=verify-commit
if [ "$(git cat-file -t refs/tags/{ref} 2>/dev/null)" = tag ] &&
    [ "$(git cat-file tag refs/tags/{ref} | sed -n '/^$/q; s/^tag //p')" = {ref} ]; then
    what=refs/tags/{ref} verify=verify-tag
fi
# Before anything of it is on the disk as a file that could run.
# The kind of a signature is the signer's choice, and a keyring of root's says nothing about who may.
git -c gpg.format=ssh -c gpg.ssh.allowedSignersFile={signers} -c gpg.openpgp.program=/bin/false \\
    -c gpg.x509.program=/bin/false "$verify" "$what" ||
    stop '{ref} is not signed by anybody in {signers}'
git checkout --quiet --detach "$what^{{commit}}"
exec ./onboard.sh --yes --no-benchmark -- -e {variables}
"""


class UserDataError(ValueError):
    """Why no user-data can be made of what was asked for; the message is one sentence for users."""


def render(
    repository: str,
    ref: str,
    signers: Sequence[str],
    variables: Mapping[str, Any],
    limit: int = LIMIT,
    timeout: int = TIMEOUT,
) -> str:
    """Return the user-data; UserDataError where a value is wrong, or all of it is larger than C(limit) bytes."""
    _check(repository, ref, signers)
    if timeout < 1:
        raise UserDataError(f"user_data_timeout is {timeout}: give the seconds that the repository may take, 1 or more")
    script = _SCRIPT.format(
        folder=FOLDER,
        ref=ref,
        repository=shlex.quote(repository),
        signers=SIGNERS,
        program=PROGRAM,
        timeout=timeout,
        most=MOST,
        memory=MEMORY,
        unreachable=shlex.quote(
            f"{repository} did not give {ref} within {timeout} seconds and {MOST >> 10} MiB (or half of what is free),"
            " or is not there"
        ),
        variables=shlex.quote(json.dumps(dict(variables), sort_keys=True)),
    )
    text = "\n".join(
        [
            "#cloud-config",
            "# Made by wsltune's playbooks/user_data.yml.",
            "package_update: true",
            "packages: [git, openssh-client, ca-certificates]",
            "write_files:",
            *_file(SIGNERS, "0644", "".join(f"{line.strip()}\n" for line in signers)),
            *_file(PROGRAM, "0755", script),
            "runcmd:",
            f"  - [{PROGRAM}]",
            "",
        ]
    )
    size = len(text.encode("utf-8"))
    if size > limit:
        raise UserDataError(
            f"the user-data has {size} bytes, and user_data_limit is {limit}: move user_data_variables into the"
            " inventory of the repository"
        )
    return text


def _file(path: str, mode: str, content: str) -> list[str]:
    """Return one entry of write_files."""
    lines = ["" if not line else f"      {line}" for line in content.splitlines()]
    return [f"  - path: {path}", f'    permissions: "{mode}"', "    content: |", *lines]


def _check(repository: str, ref: str, signers: Sequence[str]) -> None:
    if _SECRET.match(repository):
        raise UserDataError(
            "user_data_repository has a password in it, and every program of the Windows user can read user-data:"
            " give an address without one"
        )
    if not _REPOSITORY.fullmatch(repository):
        raise UserDataError(
            f"user_data_repository is {repository!r}: give the https:// or ssh:// address of a repository"
        )
    if not _REF.fullmatch(ref) or ".." in ref:
        raise UserDataError(f"user_data_ref is {ref!r}: give the name of a branch or a tag")
    refusal = allowed_signers.refusal(signers, "user_data_signers")
    if refusal:
        raise UserDataError(refusal)


def plan(
    wishes: Mapping[str, Any],
) -> dict[str, Any]:
    """Return C(text), the user-data, or C(refusal), a sentence."""
    try:
        return {"text": render(**wishes), "refusal": ""}
    except UserDataError as error:
        return {"text": "", "refusal": str(error)}
