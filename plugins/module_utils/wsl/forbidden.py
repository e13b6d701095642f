# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values that harm whatever else is set, and why. Written by scripts/policies.py: change policies/default.yml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Union

Forbidden = Mapping[str, tuple[Union[bool, str], str]]

WSL_CONF: Forbidden = {
    "automount.enabled": (
        False,
        "no Windows drive is mounted, so no Windows program can be found or started",
    ),
    "interop.enabled": (
        False,
        "no Windows program can be started from this distro, powershell.exe included",
    ),
    "network.generateResolvConf": (
        False,
        "the link that WSL made leads nowhere after the restart, and no name resolves",
    ),
    "fileServer.enabled": (
        False,
        "Windows programs, editors and Explorer no longer reach files of this distro",
    ),
    "boot.protectBinfmt": (
        False,
        "systemd can unregister Windows programs for every distro of the machine",
    ),
    "automount.cgroups": (
        "v1",
        "systemd 256 and later refuses to start on it",
    ),
}

WSLCONFIG: Forbidden = {
    "wsl2.networkingMode": (
        "none",
        "distros would have no network, and Go could load no module",
    ),
    "wsl2.firewall": (
        False,
        "the rules of the Windows firewall would no longer hold for what runs in WSL",
    ),
    "wsl2.hostFileSystemAccess": (
        False,
        "distros would have no Windows drives, so that no Windows program can be started from them",
    ),
    "wsl2.safeMode": (
        True,
        "distros would have neither network nor Windows drives nor swap",
    ),
    "experimental.sparseVhd": (
        True,
        "Microsoft has switched sparse disks off because they lost data (WSL issue 13075)",
    ),
    "experimental.autoMemoryReclaim": (
        "gradual",
        (
            "WSL then hangs with systemd and with Docker (WSL issues 10675, 10497 and 10901); dropcache and "
            "disabled do not"
        ),
    ),
}
