# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Passes on what a rule may see of Alertmanager's message: names of alerts, machines and settings, and nothing else.

ansible-rulebook hands the whole event to the playbook as variables, and Ansible evaluates a template in a variable. Who
may write a metric on one machine chooses labels, so that no label comes through that could be a template.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

DOCUMENTATION = r"""
---
short_description: Keep of Alertmanager's message what can be healed
description:
  - Returns an event with C(alerts), each with C(name), C(host) and C(setting).
  - An event without an alert that can be healed is dropped.
"""

# ansible-rulebook runs this file by its path, outside of any Ansible.
HEAL = Path(__file__).resolve().parents[4] / "plugins/module_utils/fleet/heal.py"
logger = logging.getLogger(__name__)


def _load(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location("wsltune_heal", path)
    if specification is None or specification.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(specification)
    # Where a dataclass looks its own types up.
    sys.modules["wsltune_heal"] = module
    specification.loader.exec_module(module)
    return module


def main(event: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the event with nothing but the alerts that can be healed, or no event."""
    alerts = _load(HEAL).read_webhook(event.get("payload"))
    logger.info("%d alerts to look at", len(alerts))
    return [{"alerts": alerts}] if alerts else []
