# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import shells


def shell(folder: Path, name: str, *paths: str) -> None:
    content = b"\x7fELF\0abc\0" + b"".join(path.encode() + b"\0" for path in paths)
    (folder / name).write_bytes(content)
    (folder / name).chmod(0o755)


def test_the_file_that_is_compiled_into_a_shell(tmp_path: Path) -> None:
    shell(tmp_path, "zsh", ".zshenv", "/etc/zshenv", "/etc/zshrc")
    assert shells.read_compiled("zsh", "zshenv", str(tmp_path)) == "/etc/zshenv"
    shell(tmp_path, "zsh", "zshenv", "/etc/zsh/zshenv")
    assert shells.read_compiled("zsh", "zshenv", str(tmp_path)) == "/etc/zsh/zshenv"
    shell(tmp_path, "bash", "/etc/profile", "~/.bashrc")
    assert shells.read_compiled("bash", "bash.bashrc", str(tmp_path)) == ""
    assert shells.read_compiled("none", "zshenv", str(tmp_path)) == ""


@pytest.mark.skipif(not shutil.which("bash", path="/bin"), reason="no bash")
def test_the_real_bash_has_it_or_not() -> None:
    strings = Path("/bin/bash").read_bytes()
    assert (shells.read_compiled("bash", "bash.bashrc") != "") == (b"/etc/bash.bashrc\0" in strings)


FEDORA = "if ! shopt -q login_shell; then\n    for i in /etc/profile.d/*.sh; do . $i; done\nfi\n"


@pytest.mark.parametrize(
    ("compiled", "texts", "files"),
    [
        ({"bash": "/etc/bash.bashrc", "zsh": "/etc/zsh/zshenv"}, {"/etc/bash.bashrc": ""}, "bash.bashrc zsh/zshenv"),
        ({"bash": "/etc/bash.bashrc", "zsh": "/etc/zshenv"}, {}, "zshenv"),
        ({"zsh": "/etc/zshenv"}, {"/etc/bashrc": FEDORA}, "zshenv"),
        ({"zsh": "/etc/zshenv"}, {"/etc/bashrc": "PS1=x\n"}, "bashrc zshenv"),
    ],
)
def test_the_files_that_shells_read(compiled: dict[str, str], texts: dict[str, str], files: str) -> None:
    found = shells.list_shell_files(lambda program, _name: compiled.get(program, ""), texts.get)
    assert found == [f"/etc/{name}" for name in files.split()]
    assert set(found) <= set(shells.BLOCK_FILES)
