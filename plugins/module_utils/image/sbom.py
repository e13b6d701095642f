# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A bill of materials of an image, as SPDX 2.3 in JSON, from what its package manager lists. Pure."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from ansible_collections.wsltune.go.plugins.module_utils.linux.distribution import MANAGERS, Package


def address_of(package: Package, manager: str, distribution: str) -> str:
    """Return the package URL (https://github.com/package-url/purl-spec) of a package."""
    kind, version, qualifiers = MANAGERS[manager]["purl"], package.version, []
    if package.architecture:
        qualifiers.append(f"arch={quote(package.architecture)}")
    if kind == "rpm" and ":" in version:
        # Only of rpm, the epoch is no part of the version there.
        epoch, _colon, version = version.partition(":")
        qualifiers.append(f"epoch={quote(epoch)}")
    address = f"pkg:{kind}/{quote(distribution)}/{quote(package.name)}@{quote(version)}"
    return f"{address}?{'&'.join(qualifiers)}" if qualifiers else address


def _describe(package: Package, manager: str, distribution: str) -> dict[str, Any]:
    address = address_of(package, manager, distribution)
    # With the version, because rpm keeps several kernels.
    words = "-".join(filter(None, [MANAGERS[manager]["purl"], package.name, package.architecture, package.version]))
    return {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", words),
        "name": package.name,
        "versionInfo": package.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": address}
        ],
    }


def describe(
    packages: Sequence[Package],
    *,
    manager: str,
    distribution: str,
    name: str,
    sha256: str,
    tool: str,
    epoch: int,
) -> dict[str, Any]:
    """Return the bill of the image C(name), whose file has C(sha256); C(epoch) is its time, in seconds."""
    image = {
        "SPDXID": "SPDXRef-image",
        "name": name,
        "primaryPackagePurpose": "OPERATING-SYSTEM",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": sha256}],
    }
    listed = [_describe(package, manager, distribution) for package in packages]
    digest = hashlib.sha256(json.dumps([image, listed], sort_keys=True).encode("utf-8")).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"https://spdx.org/spdxdocs/{quote(name)}-{digest}",
        "creationInfo": {
            "created": datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": [f"Tool: {tool}"],
        },
        "packages": [image, *listed],
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": "SPDXRef-image",
            },
            *(
                {
                    "spdxElementId": "SPDXRef-image",
                    "relationshipType": "CONTAINS",
                    "relatedSpdxElement": package["SPDXID"],
                }
                for package in listed
            ),
        ],
    }
