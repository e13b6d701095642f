# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from collections.abc import Iterable
from typing import Any, Self

from ansible.plugins import AnsiblePlugin

class ConnectionBase(AnsiblePlugin):
    has_pipelining: bool
    has_tty: bool
    allow_executable: bool
    module_implementation_preferences: Iterable[str]
    transport: str
    _connected: bool
    _play_context: Any
    _shell_type: str

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def _connect(self) -> Self: ...
    def exec_command(
        self, cmd: str, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]: ...
    def put_file(self, in_path: str, out_path: str) -> None: ...
    def fetch_file(self, in_path: str, out_path: str) -> None: ...
    def close(self) -> None: ...
    def reset(self) -> None: ...
    def is_pipelining_enabled(self, wrap_async: bool = False) -> bool: ...
