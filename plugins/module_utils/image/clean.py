# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What does not belong in an image: secrets, identities, history, and what every start or build makes anew. Pure.

Paths are those of C(archive.check), without a slash at the front.
"""

from __future__ import annotations

import re

KEEP, DROP, EMPTY = "keep", "drop", "empty"

_EMPTIED = ("etc/machine-id", "var/lib/dbus/machine-id")
"""systemd takes an empty machine id for a first start, and makes one."""

_HOME = r"(root|home/[^/]+)"
_DROPPED = re.compile(
    "|".join(
        (
            # Identities and secrets of the machine.
            r"etc/ssh/ssh_host_[^/]*key(\.pub)?",
            r"etc/(ssl|pki/tls)/private/.+",
            r"etc/krb5\.keytab",
            r"etc/(iscsi/initiatorname\.iscsi|nvme/host(id|nqn)|insights-client/machine-id)",
            r"etc/wireguard/.+",
            r"var/lib/NetworkManager/(secret_key|seen-bssids|.+\.lease)",
            r"var/lib/zypp/AnonymousUniqueId",
            # What a machine shows to the servers of its packages.
            r"etc/apt/auth\.conf(\.d/.+)?",
            r"etc/pki/(consumer|entitlement)/.+",
            r"etc/zypp/credentials\.d/.+",
            r"(var/lib|etc)/(ubuntu-advantage|ubuntu-pro)/private/.+",
            r"etc/(hostname|resolv\.conf)",
            r"var/lib/systemd/(random-seed|credential\.secret)",
            r"var/lib/cloud/.+",
            # Secrets and history of accounts.
            rf"{_HOME}/\.(ssh|gnupg|aws|azure|kube|docker|password-store)/.+",
            rf"{_HOME}/\.(netrc|pgpass|git-credentials|npmrc|pypirc|vault-token|Xauthority)",
            rf"{_HOME}/\.config/(gh|hub|gcloud|glab-cli|pip|op|rclone|github-copilot|containers|pypoetry|sops)/.+",
            rf"{_HOME}/\.(config/git/credentials|cargo/credentials(\.toml)?|terraform\.d/credentials\.tfrc\.json)",
            rf"{_HOME}/\.(m2/settings(-security)?\.xml|composer/auth\.json|(codex|claude)/.*(auth|credentials)\.json)",
            rf"{_HOME}/\.(mozilla|local/share/(keyrings|fish/fish_history|atuin))(/.+)?",
            rf"{_HOME}/\.[a-z_]*(history|hist)",
            rf"{_HOME}/\.(lesshst|viminfo|wget-hsts|sudo_as_admin_successful|motd_shown)",
            # What each build makes anew, with times and numbers of its own.
            rf"{_HOME}/\.(ansible|cache)/.+",
            rf"{_HOME}/\.config/go/telemetry(/.+)?",
            r"(tmp|var/tmp|mnt|media|lost\+found)/.+",
            r"var/log/.+",
            r"var/cache/ldconfig/.+",
            r"var/cache/(apt|dnf|yum|zypp|pacman/pkg|man)/.+",
            r"var/lib/apt/lists/.+",
            r"var/lib/wsltune/applied\.json",
            # WSL brings its own kernel.
            r"boot/(vmlinuz|initrd|initramfs|System\.map)[^/]*",
            r"(vmlinuz|initrd\.img)(\.old)?",
        )
    )
)
_ACTION = re.compile(r"v1 [0-9a-f]{64} [0-9a-f]{64} [ 0-9]{20} [ 0-9]{20}\n")
_HASH = re.compile(r"\A[^:]*:(?P<hash>[^:]*)")


def judge(path: str, is_folder: bool = False) -> str:
    """Return whether a path is kept, dropped, or kept as an empty file.

    The folders of what is dropped stay with their owners and modes, because programs expect them.
    """
    if path in _EMPTIED:
        return EMPTY
    if not _DROPPED.fullmatch(path):
        return KEEP
    if is_folder and re.fullmatch(r"var/(log|cache|lib)/[^/]+(/partial)?|var/cache/apt/archives(/partial)?", path):
        return KEEP
    return DROP


def lock_passwords(shadow: str) -> str:
    """Return the text of /etc/shadow without a single password: who had one cannot log in by it.

    An image is read by many. What is locked or has no password already stays as it is.
    """
    return "".join(_lock(line) for line in shadow.splitlines(keepends=True))


def _lock(line: str) -> str:
    match = _HASH.match(line)
    if match is None or match["hash"].lstrip("!*") == "":
        return line
    return f"{line[: match.start('hash')]}*{line[match.end('hash') :]}"


def has_password(shadow: str) -> bool:
    """Return whether the text of /etc/shadow has a password in it."""
    return lock_passwords(shadow) != shadow


def set_times(action: str, nanoseconds: int) -> str:
    """Return an action entry of Go's build cache with another time, so that two builds make the same one.

    Go writes C(v1 ACTION OUTPUT SIZE TIME), with the time in 20 columns (cmd/go/internal/cache, entrySize).
    """
    if not _ACTION.fullmatch(action):
        raise ValueError(action)
    return f"{action[:-21]}{nanoseconds:>20}\n"
