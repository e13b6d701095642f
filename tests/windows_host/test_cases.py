# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pages of docs/cases with commands for Windows: those in a Windows prompt, the others in the distro.

Simulated: Defender, SecurityCenter2, wsl.exe (standins/). What is shown is that the commands are right and print what
the page says, not what .wslconfig does.
"""

from __future__ import annotations

import pytest

from tests.cases import pages
from tests.windows_host.driver import WSL_INI

PAGES = [page for page in pages.all_pages() if any(block.shell == "powershell" for block in page.blocks)]
# A command that fails ends it, as `set -e` does; wsl.exe writes UTF-16 else, which is for a console.
STRICT = "$ErrorActionPreference = 'Stop'; $PSNativeCommandUseErrorActionPreference = $true; $env:WSL_UTF8 = '1'\n"


@pytest.fixture
def reader(windows_host, wsl_service):
    """Types a block where its page says, and returns whether it succeeded and what it printed."""

    def types(block: pages.Block) -> tuple[bool, str]:
        if block.shell == "powershell":
            done = windows_host.run_powershell(STRICT + block.text, check=False)
        else:
            done = windows_host.run("bash", "-c", f"set -eu -o pipefail\n{block.text}", user="alice", check=False)
        print(block, done.returncode, done.stdout, done.stderr, sep="\n")
        return done.returncode == 0, done.stdout + done.stderr

    windows_host.put(WSL_INI, "[wsl]\ndefault=Debian\n[Debian]\nrunning=1\nservice=1\nuser=alice\n")
    windows_host.put(r"C:\Users\erin\.wslconfig", "# mine\r\n")
    windows_host.run("sh", "-c", "cp -r /usr/local/share/gotest ~/app", user="alice")
    yield types
    windows_host.run("rm", "-rf", "/home/alice/app", "/tmp/wslconfig", "/mnt/c/users/erin/.wslconfig")


def test_there_are_such_pages():
    assert len(PAGES) >= 7


@pytest.mark.parametrize("page", PAGES, ids=[page.id for page in PAGES])
def test_what_a_page_tells_to_type_does_what_it_says(page, reader):
    for block in page.blocks:
        if block.elsewhere in ("network", "hyper-v"):
            continue
        succeeded, said = reader(block)
        assert succeeded != block.fails, f"{block.section}: {said}"
        for text in block.expected:
            assert text in said, block.section
