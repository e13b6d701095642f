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


def test_the_scenario_has_as_many_cases_as_the_pages_say() -> None:
    inventory = (ROOT / "molecule/hostile/inventory.yml").read_text(encoding="utf-8")
    count = sum(map(int, re.findall(r"expected_cases: (\d+)", inventory)))
    assert f"scenario hostile tries {count}." in PAGE
    assert f"harm: {count} cases" in (ROOT / "docs/contributing/development.md").read_text(encoding="utf-8")


def test_every_point_names_what_holds_it() -> None:
    claims = PAGE.partition("## What an attacker reaches")[0]
    rows = [line.split("|") for line in claims.splitlines() if line.startswith("| ") and "held by" not in line]
    assert len(rows) > 12
    assert [row[1] for row in rows if not re.search(r"`test_|scenario ", row[2])] == []


LISTENS = re.compile(
    r"""socket\.create_server|\.listen\(|\.bind\(\(|start_server\(|socketserver|http\.server|HttpListener|TcpListener
    |Listen(Stream|Datagram)|\b(nc|ncat|socat)\s+-\w*l""",
    re.VERBOSE,
)


def test_nothing_of_it_listens() -> None:
    parts = ("plugins", "roles", "playbooks", "onboard", "scripts")
    files = [
        path
        for part in parts
        for path in (ROOT / part).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    files += [ROOT / name for name in ("onboard.sh", "onboard.ps1", "site.yml")]
    assert len(files) > 200
    listening = [path for path in files if LISTENS.search(path.read_text(encoding="utf-8", errors="replace"))]
    assert listening == [] and [path for path in files if path.suffix == ".socket"] == []


def test_what_listens_would_be_found() -> None:
    for line in ("server.listen(1)", "it.bind(('', 80))", "ListenStream=80", "nc -lk 80", "import http.server"):
        assert LISTENS.search(line)
