# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The real Go of the tests that want one: that on PATH, or the one that tests/containers/go.sh keeps."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

_KEPT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "wsltune/go")
GO = shutil.which("go") or next(map(str, _KEPT.glob("*/go/bin/go")), "")
needs_go = pytest.mark.skipif(not GO, reason="there is no Go on PATH, and tests/containers/go.sh has made none")
