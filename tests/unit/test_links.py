# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("wsltune_links", ROOT / "scripts/links.py")
assert SPEC and SPEC.loader
links = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(links)


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("guide/b.html", ""),
        ("guide/b.html#there", ""),
        ("#here", ""),
        ("guide/b.html?highlight=x#there", ""),
        ("https://elsewhere.example/x", ""),
        ("mailto:someone@elsewhere.example", ""),
        ("guide/c.html", "there is no such page"),
        ("guide", "there is no such page"),
        ("guide/b.html#here", "that page has no such anchor"),
        ("#there", "that page has no such anchor"),
    ],
)
def test_links_within_a_site(tmp_path: Path, link: str, reason: str) -> None:
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide/b.html").write_text('<a id="there" href="../index.html">back</a>', encoding="utf-8")
    (tmp_path / "index.html").write_text(f'<p id="here"><a href="{link}">x</a></p>', encoding="utf-8")
    assert links.broken(tmp_path) == ([f"index.html: {link}: {reason}"] if reason else [])
