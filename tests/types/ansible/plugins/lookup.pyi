# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from collections.abc import Sequence
from typing import Any

from ansible.plugins import AnsiblePlugin

class LookupBase(AnsiblePlugin):
    def run(self, terms: Sequence[Any], variables: Any = None, **kwargs: Any) -> list[Any]: ...
