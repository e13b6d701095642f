# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.lookup.collection_version import find_version

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"galaxy.yml": "name: go\nversion: 2.1.0\n"}, "2.1.0"),
        ({"MANIFEST.json": json.dumps({"collection_info": {"name": "go", "version": "2.1.0"}}, indent=1)}, "2.1.0"),
        ({"galaxy.yml": "name: go\n", "MANIFEST.json": '{"version": "1.9.0"}'}, "1.9.0"),
        ({}, ""),
    ],
    ids=["checkout", "installed", "no version", "nothing"],
)
def test_the_version_of_a_checkout_and_of_what_was_installed(tmp_path: Path, files: dict[str, str], version: str):
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert find_version(tmp_path) == version


def test_of_this_one():
    assert find_version() == yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]


def test_no_role_or_playbook_reads_what_an_installed_collection_has_not():
    """ansible-galaxy collection build leaves out galaxy.yml and what its build_ignore names."""
    left_out = ["galaxy.yml", "inventory/", "molecule/", "onboard/", "benchmarks/", "pyproject.toml", "tests/"]
    texts = [path for room in ("roles", "playbooks") for path in (ROOT / room).rglob("*.yml")]
    reading = [f"{path}: {name}" for path in texts for name in left_out if f"/../{name}" in path.read_text("utf-8")]
    assert len(texts) > 100 and not reading
