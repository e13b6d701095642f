# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os

import pytest

from tests.windows_host.driver import HERE, WSL_INI, WSL_LOG, boot, remove

SERVES = "/mnt/c/windows/system32/wslservice.port"


@pytest.fixture(scope="session")
def windows_host():
    """WSLTUNE_WINDOWS_HOST=NAME keeps the machine NAME for the next time instead of removing it."""
    if os.geteuid() != 0:
        pytest.skip("needs root, for its machines are containers that boot")
    if not os.path.exists(os.environ.get("WSLTUNE_WINDOWS_PWSH", "")):
        pytest.skip("WSLTUNE_WINDOWS_PWSH names no Windows build of PowerShell")
    kept = os.environ.get("WSLTUNE_WINDOWS_HOST")
    try:
        host = boot(kept, tries=1) if kept else boot(f"wsltune-windows-host-{os.getpid()}")
    except RuntimeError as error:
        pytest.exit(f"none of these tests ran, for {error}", returncode=1)
    yield host
    if not kept:
        remove(host.name)


@pytest.fixture
def wsl_service(windows_host):
    """What wsl.exe stops, starts and runs commands in is this machine, for each distro with service=1 in WSL_INI."""
    name = windows_host.hostname()
    service = HERE / "standins/wsl/wslservice.py"
    windows_host.run("systemd-run", "--collect", "--unit=wslservice", "python3", str(service))
    windows_host.run("timeout", "30", "sh", "-c", f"until [ -s '{SERVES}' ]; do sleep 0.1; done")
    yield
    windows_host.run("systemctl", "stop", "wslservice")
    windows_host.run("sh", "-c", f"rm -f /etc/wsl.conf; hostname {name}; systemctl start ssh", check=False)
    windows_host.powershell(f"Remove-Item -ErrorAction Ignore {WSL_LOG}, {WSL_INI}; exit 0")
