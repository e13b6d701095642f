# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Go's settings file without some of its settings, for a variant that is to run without them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

from ansible_collections.wsltune.go.plugins.module_utils.go import envfile
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.linux import files, text


def hide(names: Iterable[str], environment: Mapping[str, str], make_folder: Callable[[], str]) -> dict[str, str]:
    """Return C(environment) in which Go finds those of C(names) nowhere that go_tuning.FROM_FILE has.

    Where the settings file has one, GOENV names a copy without it in a folder that C(make_folder) makes for the caller
    alone: Go takes an empty variable for none, and no value of GOCACHEPROG stands for no program.
    """
    hidden = [name for name in names if name in go_tuning.FROM_FILE]
    path = envfile.path_of(environment)
    try:
        state = files.Files().read(path, go_observe.LARGEST) if hidden and os.path.isabs(path) else None
    except OSError:
        # Go reads nothing there either.
        state = None
    content = text.decode(state.content) if state else ""
    if not set(hidden) & set(envfile.parse(content)):
        return dict(environment)
    copy = os.path.join(make_folder(), "env")
    with open(copy, "xb") as handle:
        handle.write(text.encode(envfile.merge(content, dict.fromkeys(hidden))))
    return {**environment, "GOENV": copy}
