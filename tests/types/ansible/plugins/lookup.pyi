# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from collections.abc import Sequence
from typing import Any

from ansible.plugins import AnsiblePlugin

class LookupBase(AnsiblePlugin):
    def run(self, terms: Sequence[Any], variables: Any = None, **kwargs: Any) -> list[Any]: ...
    def set_options(self, var_options: Any = None, direct: Any = None) -> None: ...
    def find_file_in_search_path(
        self, myvars: Any, subdir: str, needle: str, ignore_missing: bool = False
    ) -> str | None: ...
