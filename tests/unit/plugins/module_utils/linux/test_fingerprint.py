# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import fingerprint


def supplies(root, **kinds):
    for name, (kind, key, value) in kinds.items():
        folder = root / name
        folder.mkdir()
        (folder / "type").write_text(kind + "\n")
        (folder / key).write_text(value + "\n")
    return str(root)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({}, None),
        ({"AC": ("Mains", "online", "1"), "BAT0": ("Battery", "status", "Charging")}, "mains"),
        ({"AC": ("Mains", "online", "0"), "BAT0": ("Battery", "status", "Discharging")}, "battery"),
        ({"BAT1": ("Battery", "status", "Discharging")}, "battery"),
        ({"BAT1": ("Battery", "status", "Full")}, "mains"),
    ],
)
def test_power_source(tmp_path, kinds, expected):
    assert fingerprint.power_source(supplies(tmp_path, **kinds)) == expected


def test_the_fingerprint_names_no_machine():
    found = fingerprint.read()
    assert found["cpus"] >= 1 and found["memory_bytes"] > 1 << 20
    assert os.uname().nodename not in json.dumps(found)
