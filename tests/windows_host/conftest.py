# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os

import pytest

from tests.windows_host.driver import boot, remove


@pytest.fixture(scope="session")
def windows_host():
    """WSLTUNE_WINDOWS_HOST=NAME keeps the machine NAME for the next time instead of removing it."""
    if os.geteuid() != 0:
        pytest.skip("needs root, for its machines are containers that boot")
    if not os.path.exists(os.environ.get("WSLTUNE_WINDOWS_PWSH", "")):
        pytest.skip("WSLTUNE_WINDOWS_PWSH names no Windows build of PowerShell")
    kept = os.environ.get("WSLTUNE_WINDOWS_HOST")
    host = boot(kept or f"wsltune-windows-host-{os.getpid()}")
    yield host
    if not kept:
        remove(host.name)
