# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

class AnsibleModule:
    params: dict[str, Any]
    check_mode: bool

    def __init__(
        self,
        argument_spec: Mapping[str, Mapping[str, Any]],
        required_if: Sequence[tuple[str, str, Sequence[str]]] = (),
        supports_check_mode: bool = False,
    ) -> None: ...
    def exit_json(self, **result: Any) -> NoReturn: ...
    def fail_json(self, msg: str, **result: Any) -> NoReturn: ...
    def run_command(
        self,
        args: Sequence[str],
        check_rc: bool = False,
        environ_update: dict[str, str] | None = None,
        before_communicate_callback: Callable[[Any], None] | None = None,
    ) -> tuple[int, str, str]: ...
    def warn(self, warning: str) -> None: ...
