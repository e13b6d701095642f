# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each module documents about check mode and diff mode is what its text does."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

MODULES = Path(__file__).resolve().parents[4] / "plugins/modules"
NAMES = sorted(path.stem for path in MODULES.glob("*.py"))


def read_attributes(documentation: str) -> dict[str, Any]:
    """Return the attributes, those of the fragments included, as ansible-doc merges them."""
    read = yaml.safe_load(documentation)
    attributes: dict[str, Any] = {}
    for fragment in read.get("extends_documentation_fragment", []):
        name = fragment.removeprefix("wsltune.go.")
        module = importlib.import_module(f"ansible_collections.wsltune.go.plugins.doc_fragments.{name}")
        attributes |= yaml.safe_load(module.ModuleDocFragment.DOCUMENTATION).get("attributes", {})
    return attributes | read.get("attributes", {})


@pytest.mark.parametrize("name", NAMES)
def test_check_mode_and_diff_mode_are_documented_as_they_are(name: str) -> None:
    module = importlib.import_module(f"ansible_collections.wsltune.go.plugins.modules.{name}")
    source = (MODULES / f"{name}.py").read_text().replace(module.DOCUMENTATION, "")
    attributes = read_attributes(module.DOCUMENTATION)
    assert set(attributes) == {"check_mode", "diff_mode"}
    for attribute in attributes.values():
        details = {"details"} if attribute["support"] == "partial" else set()
        assert set(attribute) == {"support", "description"} | details
    shows = "changes.Changes(" in source or "diff=" in source
    assert (attributes["diff_mode"]["support"] != "none") == shows
    # An action plugin of the same name runs in the place of the module.
    if "AnsibleModule(" in source:
        assert "supports_check_mode=True" in source
        assert "skipped=True" not in source or attributes["check_mode"]["support"] == "partial"
