# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import re

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.workspace import places


@pytest.mark.parametrize(
    ("path", "expected"),
    [("~/src/x", "/home/a/src/x"), ("~", "/home/a"), ("/a/../b//c/", "/b/c"), ("//x", "/x"), ("/a b", "/a b")],
)
def test_paths_become_normal(path: str, expected: str) -> None:
    assert places.normal(path, "/home/a", "target") == expected


@pytest.mark.parametrize("path", ["", "x", "./x", "~b/x", "C:\\work", "/a\nb"])
def test_a_path_that_is_not_absolute_is_named(path: str) -> None:
    with pytest.raises(places.WorkspaceError, match=re.escape(f"source {path!r}: give an absolute path")):
        places.normal(path, "/home/a", "source")
