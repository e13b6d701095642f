# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.wsltune.go.plugins.plugin_utils.later import Later


def policy_check(
    variables: Mapping[str, Any], rules: Any, waivers: Any = (), facts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Judge one host's variables by today's rules and waivers; without facts, rules that need them stay unknown."""
    from ansible_collections.wsltune.go.plugins.module_utils.fleet import policy

    try:
        parsed = policy.parse(rules)
        known = policy.parse_waivers(list(waivers) if isinstance(waivers, tuple) else waivers, parsed)
        return policy.check(parsed, known, variables, facts, datetime.date.today())
    except policy.PolicyError as error:
        raise AnsibleFilterError(f"{error}.") from None


def policy_summary(outcomes: Sequence[Mapping[str, Any]], hosts: Sequence[str]) -> dict[str, Any]:
    """Merge the hosts' outcomes, in their order; one without findings is a host that could not be checked."""
    from ansible_collections.wsltune.go.plugins.module_utils.fleet import policy

    checked = {host: outcome for host, outcome in zip(hosts, outcomes) if "findings" in outcome}
    unread = {host: str(outcome.get("reason", "")) for host, outcome in zip(hosts, outcomes) if host not in checked}
    return policy.summarise(checked, unread)


class FilterModule:
    """What a machine may and may not declare."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name; NAME.yml documents each."""
        return {
            "policy_check": policy_check,
            "policy_summary": policy_summary,
            "policy_failing": Later("fleet.policy", "choose_failing"),
        }
