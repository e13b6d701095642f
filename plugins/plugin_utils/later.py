# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Functions whose room is loaded when they are called, because Ansible loads every file of filters for each filter."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

ROOMS = "ansible_collections.wsltune.go.plugins.module_utils"


class Later:
    """A function of a room in C(plugins/module_utils), such as C(Later("doctor.report", "write_cost"))."""

    def __init__(self, room: str, name: str) -> None:
        self._room = room
        self.__name__ = name

    def load(self) -> Any:
        """Return the function itself; raise ImportError or AttributeError where there is none."""
        return getattr(importlib.import_module(f"{ROOMS}.{self._room}"), self.__name__)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.load())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        return self.load()(*args, **kwargs)
