# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.image import report

THERE = "wsltune image\n/srv/acme.wsl is there already, of the same source with the same options."


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        ({}, THERE),
        ({"files": ["/srv/acme.wsl.catalogue.json"]}, f"{THERE}\nWrote /srv/acme.wsl.catalogue.json."),
    ],
)
def test_what_was_written_beside_an_image_that_was_there_is_said(packed: dict[str, Any], said: str) -> None:
    assert report.text({"made": True}, packed, "/srv/acme.wsl") == said
