# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json

from ansible_collections.wsltune.go.plugins.module_utils.image import sbom

STATUS = """Package: zlib1g
Status: install ok installed
Architecture: amd64
Version: 1:1.3.dfsg+really1.3.1-1
Description: compression library
 Status: not a field

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: bash
Status: install ok installed
Architecture: amd64
Version: 5.2.37-2
"""


def bill() -> dict:
    return sbom.describe(
        sbom.read_status(STATUS),
        name="acme.wsl",
        sha256="ab" * 32,
        distribution="debian",
        tool="wsltune-1.0.0",
        epoch=1764288000,
    )


def test_what_is_installed_is_listed_by_name() -> None:
    found = sbom.read_status(STATUS)
    assert [(one.name, one.version) for one in found] == [("bash", "5.2.37-2"), ("zlib1g", "1:1.3.dfsg+really1.3.1-1")]


def test_the_bill_has_what_spdx_2_3_asks_for() -> None:
    found = bill()
    assert {"spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo"} <= set(found)
    assert found["creationInfo"]["created"] == "2025-11-28T00:00:00Z"
    identifiers = [one["SPDXID"] for one in found["packages"]]
    assert len(set(identifiers)) == 3 and all("downloadLocation" in one for one in found["packages"])
    assert {one["relatedSpdxElement"] for one in found["relationships"]} == set(identifiers)
    address = found["packages"][2]["externalRefs"][0]["referenceLocator"]
    assert address == "pkg:deb/debian/zlib1g@1%3A1.3.dfsg%2Breally1.3.1-1?arch=amd64"


def test_the_same_image_has_the_same_bill() -> None:
    assert json.dumps(bill()) == json.dumps(bill())


def test_a_text_without_packages_lists_none() -> None:
    assert sbom.read_status("") == []
