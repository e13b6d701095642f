# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the projects that are named really lie, because these are the paths that stand in /etc/fstab."""

from __future__ import annotations

import errno
import functools
import os
import pwd
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, look
from ansible_collections.wsltune.go.plugins.module_utils.workspace import places as workspace_places


def real_places(source: str, target: str, home: str) -> dict[str, str]:
    """Return C(source) and C(target) without links on the way, as who runs this finds them."""
    real = os.path.realpath(source)
    target = target or workspace_places.default_target(real, home)
    above, name = os.path.split(target)
    return {"source": real, "target": os.path.join(os.path.realpath(above), name), "reason": ""}


def _user_of(source: str) -> str:
    owner = int(look.once(functools.partial(files.owner_of, source)))
    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        raise accounts.AccountError(f"user id {owner}, which {source} belongs to, has no account here") from None


def _find(project: Mapping[str, Any]) -> dict[str, str]:
    source = workspace_places.normal(str(project["source"]), "~", "source")
    account = accounts.find([project.get("user") or _user_of(source)])[0]
    named = str(project.get("target") or "")
    target = workspace_places.normal(named, account.home, "target") if named else ""
    question = functools.partial(real_places, source, target, account.home)
    return dict(look.once(question, identity=accounts.identity(account)))


def find_places(projects: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Return for each project that is bound, by the source as it is named, its real source and target.

    A process of the project's user looks, and is given up where a folder gives no answer: then C(reason) says why it is
    not known. A project whose source is not there is left out.
    """
    places = {}
    for project in projects:
        if not project.get("bind"):
            continue
        named = str(project["source"])
        try:
            places[named] = _find(project)
        except (accounts.AccountError, workspace_places.WorkspaceError, OSError) as error:
            reason = error.strerror or "no answer" if isinstance(error, OSError) else str(error)
            if not isinstance(error, OSError) or error.errno != errno.ENOENT:
                places[named] = {"source": "", "target": "", "reason": f"where {named} leads is not known: {reason}"}
    return places
