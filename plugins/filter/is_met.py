# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import place as tmpfs_place
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge


def _facts(name: str, facts: Any, keys: set[str], source: str) -> Mapping[str, Any]:
    if not isinstance(facts, Mapping) or not keys <= set(facts):
        raise AnsibleFilterError(f"{name}: the input is not what it takes: pass {source}.")
    return facts


def wsl_conf_is_met(conf: Any, content: str, removed: Sequence[str] = (), allow_harmful: bool = False) -> bool:
    """Return whether /etc/wsl.conf holds every wish already; False for a file that could not be read in full."""
    conf = _facts("wsl_conf_is_met", conf, {"settings", "complete"}, "the fact wsl.conf of wsltune.go.wsl_facts")
    return wsl_conf.is_met(conf["settings"] or {}, bool(conf["complete"]), content, removed, allow_harmful)


def wsl_launchers_are_met(conf: Any, content: str, launchers: bool = True) -> bool:
    """Return whether the launchers that a run made for Windows programs are as wished already."""
    conf = _facts("wsl_launchers_are_met", conf, {"settings"}, "the fact wsl.conf of wsltune.go.wsl_facts")
    return wsl_judge.are_launchers_met(conf.get("launchers") or {}, content, launchers)


def _tmpfs_facts(name: str, observed: Any) -> Mapping[str, Any]:
    return _facts(name, observed, {"live", "temporary", "users"}, "the fact go_tmpfs of wsltune.go.go_facts")


def go_tmpfs_is_met(
    observed: Any, place: str, path: str, size: str, inodes: int, users: Sequence[str], gocache: bool = False
) -> bool:
    """Return whether the mount, its fstab lines and its folders are as wished already."""
    observed = _tmpfs_facts("go_tmpfs_is_met", observed)
    wanted = (place, str(size), int(inodes), list(users), bool(gocache))
    return observed["path"] == path and tmpfs_place.is_met(observed, *wanted)


def go_tmpfs_place(observed: Any, place: str = "auto", size: str = "auto", gocache: bool = False) -> dict[str, Any]:
    """Choose where Go's temporary files lie, with the reason; raise AnsibleFilterError for a size that is none."""
    observed = _tmpfs_facts("go_tmpfs_place", observed)
    try:
        return tmpfs_place.describe(tmpfs_place.choose(place, observed, str(size), bool(gocache)), observed)
    except tmpfs_plan.TmpfsError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """What is wanted, whether facts show that it is so already, where temporary files can go, and what is refused."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name; NAME.yml documents each."""
        return {
            "wsl_conf_is_met": wsl_conf_is_met,
            "wsl_launchers_are_met": wsl_launchers_are_met,
            "go_tmpfs_is_met": go_tmpfs_is_met,
            "go_tmpfs_place": go_tmpfs_place,
            "go_tmpfs_settings": tmpfs_plan.name_settings,
            "go_tmpfs_refusal": tmpfs_plan.explain_refusal,
        }
