# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

from ansible_collections.wsltune.go.plugins.filter.doctor import FilterModule
from ansible_collections.wsltune.go.plugins.module_utils.doctor import module as doctor_module

TEMPLATES = Path(__file__).parents[3] / "roles/doctor/templates"


def rendered(check: dict[str, Any]) -> str:
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=False)
    environment.filters.update({f"wsltune.go.{name}": call for name, call in FilterModule().filters().items()})
    found = {
        "user": "alice",
        "status": "ok",
        "counts": {"critical": 0, "warning": 0, "unknown": 0, "ok": 1, "not_applicable": 0},
        "go": "go1.27",
        "wsl": None,
        "distro": None,
        "kernel": "6.6",
        "modules": ["/src/app"],
        "took": 3.0,
        "checks": [check],
    }
    return environment.get_template("doctor.html.j2").render(_doctor_found=found, inventory_hostname="laptop")


def action(mode: str, began: int, ended: int) -> dict[str, Any]:
    times = {f"Time{name}": f"2026-11-24T10:00:{value:02d}Z" for name, value in (("Start", began), ("Done", ended))}
    return {"Mode": mode, "Package": "p", "Cmd": ["x"], **times}


def test_the_page_has_the_phases_and_their_levers() -> None:
    check = doctor_module.judge_phases({"actions": [action("link", 0, 9), action("vet", 9, 10)], "wall": 10.0})
    page = rendered(check.as_dict())
    assert "Repeated, nothing changed: 10.0 s" in page and "width: 90.0%" in page
    assert f"Levers for link: <code>{check.details['phases'][0]['levers'][0]}</code>" in page
    # On a phone and on paper: rows as cards, an id in one piece, and what is wide has its own way to scroll.
    assert "@media (max-width: 600px)" in page and "@media print" in page and '<table class="cards">' in page
    assert ".id { color: var(--soft); font-weight: 400; white-space: nowrap; }" in page
    assert page.count("<table") == page.count('<div class="wide"><table')
    assert "Where the time of go test goes</h2>" not in rendered({**check.as_dict(), "details": {}})
