# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.image import sbom
from ansible_collections.wsltune.go.plugins.module_utils.linux.distribution import Package

PACKAGES = [Package("bash", "5.2.37-2", "amd64"), Package("zlib1g", "1:1.3.dfsg+really1.3.1-1", "amd64")]


def bill() -> dict:
    return sbom.describe(
        PACKAGES,
        manager="apt-get",
        distribution="debian",
        name="acme.wsl",
        sha256="ab" * 32,
        tool="wsltune-1.0.0",
        epoch=1764288000,
    )


@pytest.mark.parametrize(
    ("manager", "distribution", "package", "address"),
    [
        ("dnf", "fedora", Package("bash", "5.2.37-1.fc43", "x86_64"), "pkg:rpm/fedora/bash@5.2.37-1.fc43?arch=x86_64"),
        ("dnf", "almalinux", Package("vim", "2:9.1-1", "noarch"), "pkg:rpm/almalinux/vim@9.1-1?arch=noarch&epoch=2"),
        ("zypper", "opensuse-leap", Package("go", "1.27-1", "x86_64"), "pkg:rpm/opensuse-leap/go@1.27-1?arch=x86_64"),
        ("pacman", "arch", Package("vim", "1:9.1-1"), "pkg:alpm/arch/vim@1%3A9.1-1"),
        ("apk", "alpine", Package("libstdc++", "14.2.0-r6"), "pkg:apk/alpine/libstdc%2B%2B@14.2.0-r6"),
    ],
)
def test_each_manager_has_addresses_of_its_own(manager: str, distribution: str, package: Package, address: str) -> None:
    assert sbom.address_of(package, manager, distribution) == address


def test_two_versions_of_a_package_are_two_in_the_bill() -> None:
    kernels = [Package("kernel", "6.17-1", "x86_64"), Package("kernel", "6.18-1", "x86_64")]
    listed = sbom.describe(
        kernels, manager="dnf", distribution="fedora", name="acme.wsl", sha256="ab", tool="wsltune-1.0.0", epoch=0
    )["packages"]
    assert len({package["SPDXID"] for package in listed}) == 3


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
