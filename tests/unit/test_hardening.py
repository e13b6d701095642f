# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/guide/hardening.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE)) - {"test_"}
    defined = {
        name
        for path in (ROOT / "tests/unit").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 20 and named - defined == set()


def test_every_scenario_that_the_page_names_exists() -> None:
    named = set(re.findall(r"scenario ([a-z-]+)", PAGE))
    assert named and all((ROOT / "molecule" / name / "molecule.yml").is_file() for name in named)


def test_every_point_names_what_holds_it() -> None:
    claims = PAGE.partition("## What an attacker reaches")[0]
    rows = [line.split("|") for line in claims.splitlines() if line.startswith("| ") and "held by" not in line]
    assert len(rows) > 12
    assert [row[1] for row in rows if not re.search(r"`test_|scenario ", row[2])] == []
