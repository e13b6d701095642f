# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A bill of materials of an image, as SPDX 2.3 in JSON, from what dpkg says is installed. Pure."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

STATUS = "var/lib/dpkg/status"


@dataclass(frozen=True, order=True)
class Package:
    """A package that dpkg has installed."""

    name: str
    version: str
    architecture: str


def read_status(text: str) -> list[Package]:
    """Return the installed packages of a text in the form of /var/lib/dpkg/status, by name."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        fields = {
            name.lower(): value.strip()
            for name, colon, value in (line.partition(":") for line in paragraph.splitlines())
            if colon and not name[:1].isspace()
        }
        if fields.get("status", "").endswith(" installed") and "package" in fields and "version" in fields:
            found.append(Package(fields["package"], fields["version"], fields.get("architecture", "all")))
    return sorted(found)


def _identifier(package: Package) -> str:
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", f"deb-{package.name}-{package.architecture}")


def _describe(package: Package, distribution: str) -> dict[str, Any]:
    address = (
        f"pkg:deb/{quote(distribution)}/{quote(package.name)}@{quote(package.version)}?arch={package.architecture}"
    )
    return {
        "SPDXID": _identifier(package),
        "name": package.name,
        "versionInfo": package.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": address}
        ],
    }


def describe(
    packages: Sequence[Package], *, name: str, sha256: str, distribution: str, tool: str, epoch: int
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
    listed = [_describe(package, distribution) for package in packages]
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
