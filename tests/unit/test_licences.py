# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every file has a licence: by its own header or by REUSE.toml, and code names its authors itself."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEADER = re.compile(rb"Copyright|SPDX-FileCopyrightText")
CODE = (".c", ".ps1", ".psd1", ".psm1", ".py")


def files() -> list[Path]:
    """Return the files of the checkout, those not committed yet included; a link has the licence of what it names."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    paths = [ROOT / name for name in names if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def has_header(path: Path) -> bool:
    with path.open("rb") as handle:
        return HEADER.search(handle.read(1000)) is not None


def matcher(pattern: str) -> re.Pattern[str]:
    """Return the expression for a path of REUSE.toml, where ** matches slashes and * does not."""
    parts = re.split(r"(\*\*|\*)", pattern)
    return re.compile("".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts))


def annotations() -> list[dict[str, Any]]:
    data = tomllib.loads((ROOT / "REUSE.toml").read_text(encoding="utf-8"))
    assert data["version"] == 1
    found: list[dict[str, Any]] = data["annotations"]
    return found


def covered(name: str) -> bool:
    for annotation in annotations():
        paths = annotation["path"] if isinstance(annotation["path"], list) else [annotation["path"]]
        if any(matcher(path).fullmatch(name) for path in paths):
            return True
    return False


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("**", "a/b.py", True),
        ("docs/**", "docs/cases/x.md", True),
        ("docs/*", "docs/cases/x.md", False),
        ("*.md", "README.md", True),
        ("*.md", "docs/README.md", False),
        ("docs/**", "other/docs/x", False),
    ],
)
def test_paths_match_as_reuse_says(pattern: str, name: str, matches: bool) -> None:
    assert bool(matcher(pattern).fullmatch(name)) is matches


def test_every_file_has_a_licence() -> None:
    without = [path for path in files() if not has_header(path) and not covered(str(path.relative_to(ROOT)))]
    assert without == []


def test_code_names_its_authors() -> None:
    without = [path for path in files() if path.suffix in CODE and path.stat().st_size and not has_header(path)]
    assert without == []


def test_every_licence_is_there_and_used() -> None:
    used = {annotation["SPDX-License-Identifier"] for annotation in annotations()}
    assert {path.stem for path in (ROOT / "LICENSES").iterdir()} == used
    assert all(annotation["SPDX-FileCopyrightText"] for annotation in annotations())
    assert (ROOT / "LICENSES/GPL-3.0-or-later.txt").read_bytes() == (ROOT / "LICENSE").read_bytes()
