# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from ansible_collections.wsltune.go.plugins.module_utils.windows import plan


def test_only_an_empty_text_is_no_value() -> None:
    options = ["memory", "swap", "virtiofs", "kernel", "ignored_ports"]
    values = ["8GB", 0, False, "", []]
    assert plan.select_settings(options, values) == {"memory": "8GB", "swap": 0, "virtiofs": False, "ignored_ports": []}
