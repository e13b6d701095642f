# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unpacks one folder of a wheel with the modes of its files: unwheel.py WHEEL FOLDER DESTINATION."""

from __future__ import annotations

import os
import sys
import zipfile

wheel, folder, destination = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        if entry.filename.startswith(folder + "/") and not entry.is_dir():
            path = archive.extract(entry, destination)
            os.chmod(path, (entry.external_attr >> 16) & 0o777 or 0o644)
