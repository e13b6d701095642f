# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decides what is made of a root file system, and whether it may be. Pure."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.image.archive import ImageError

SUFFIX = ".wsl"
RECORD, BILL, CATALOGUE = ".json", ".spdx.json", ".catalogue.json"
"""Endings of what lies beside an image: what made it, its bill of materials, and what DistributionListUrl names."""
STAMP = "usr/lib/wsltune/image.json"
"""In an image: which wsltune made it, from what."""
OOBE = "/usr/lib/wsl/wsltune-oobe"
PROGRAM_SUFFIX, SOURCE_SUFFIX = ".pyz", ".source"
"""Endings beside an unpacked root file system: the program of the first start, and what it is unpacked from."""
MARK_SUFFIX = ".unpacked"
"""Ending of an empty file beside an unpacked root file system: without it what lies there is not ours, and stays."""
SUMS = "SHA256SUMS"
NEW_SUFFIX = ".new"
"""Ending of a file beside an image that is not whole yet."""
PLAIN_SUFFIX = ".tar"
"""Ending of the image that is not compressed yet."""
PACKING_SUFFIX = ".packing"
"""Ending of an empty file beside an image in the making: without it what is not whole there is not ours, and stays."""
ADDED = "usr/lib/wsltune"
_ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True)
class Recipe:
    """All that decides what an image is: the same recipe makes the same file."""

    source_sha256: str
    wsltune: str
    name: str
    epoch: int
    options: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the recipe, by which an image that was made from it is known."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class Standing:
    """What stands where the image goes: the file's checksum, and the record that an earlier build left beside it."""

    sha256: str
    recipe: str = ""
    recorded_sha256: str = ""
    wsltune: str = ""


def version_of(text: str) -> tuple[int, ...]:
    """Return the numbers of a version such as 1.2.3; empty for none."""
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)(?:[-+].*)?", text)
    return tuple(map(int, match.groups())) if match else ()


def check_name(name: str) -> None:
    """Raise ImageError for a name that Windows or a command line would not take as it is."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise ImageError(
            f"golden_image_name is {name!r}: use up to 63 letters, digits, '.', '_' and '-', and start with one of the"
            " first two"
        )


def check_output(path: str) -> None:
    """Raise ImageError for a file name that WSL does not take for an image."""
    if not path.endswith(SUFFIX):
        raise ImageError(f"golden_image_output is {path!r}: the name ends in {SUFFIX}, so that Windows knows the file")


def check_architecture(architecture: str, wanted: str, own: str) -> None:
    """Raise ImageError where the programs of a root file system are not those wanted, or do not run here."""
    if architecture != wanted:
        raise ImageError(f"the archive is for {architecture}, and golden_image_architecture is {wanted}")
    if architecture != own and not (architecture == "i386" and own == "x86_64"):
        raise ImageError(
            f"the archive is for {architecture}, whose programs do not run on this machine, which is {own}"
        )


def check_space(folder: str, needed: int, free: int) -> None:
    """Raise ImageError where a disk cannot take what is unpacked and packed again."""
    if needed > free:
        mib = 1 << 20
        raise ImageError(
            f"{folder} has {free // mib} MiB free, and the image takes {needed // mib + 1}: name another folder"
        )


def check_stamp(stamp: str | None, version: str) -> str:
    """Return which wsltune made the image that is the source; empty for none.

    ImageError where that was a newer one, whose records this one cannot read.
    """
    if stamp is None:
        return ""
    try:
        made_by = str(json.loads(stamp)["wsltune"])
    except (ValueError, KeyError, TypeError):
        raise ImageError(
            f"the archive has a /{STAMP} that cannot be read: take the root file system without it"
        ) from None
    if version_of(made_by) > version_of(version):
        raise ImageError(
            f"the archive is an image of wsltune {made_by}, which is newer than this one, {version}: update"
        )
    return made_by


def list_unfinished(output: str) -> list[str]:
    """Return the paths that a build which was killed may leave beside its image, its mark last."""
    sums = os.path.join(os.path.dirname(output), SUMS)
    new = [f"{path}{NEW_SUFFIX}" for path in (output, output + RECORD, output + BILL, output + CATALOGUE, sums)]
    return [*new, output + NEW_SUFFIX + PLAIN_SUFFIX, output + PACKING_SUFFIX]


def is_made(standing: Standing | None, recipe: Recipe, output: str, replace: bool) -> bool:
    """Return whether the image is there already.

    ImageError where another file stands there and C(replace) is false.
    """
    if standing is None:
        return False
    ours = standing.recipe != "" and standing.sha256 == standing.recorded_sha256
    if ours and standing.recipe == recipe.digest:
        return True
    if replace:
        return False
    if not ours:
        raise ImageError(
            f"{output} is there and was not made by this role, or was changed since: remove it, or name another"
        )
    if version_of(standing.wsltune) < version_of(recipe.wsltune):
        raise ImageError(
            f"{output} is an image of wsltune {standing.wsltune}, which is older than this one, {recipe.wsltune}: set"
            " golden_image_replace to true, or name another"
        )
    raise ImageError(
        f"{output} is an image of another source or with other options: set golden_image_replace to true, or name"
        " another"
    )


def render_distribution_conf(name: str, icon: str = "") -> str:
    """Return the text of /etc/wsl-distribution.conf."""
    lines = ["[oobe]", f"command = {OOBE}", "defaultUid = 1000", f"defaultName = {name}"]
    if icon:
        lines += ["", "[shortcut]", f"icon = {icon}"]
    return "\n".join(lines) + "\n"


def render_settings(user: str, groups: Sequence[str]) -> str:
    """Return the text, for a shell, of what the first start knows of the account that it makes."""
    for option, names in (("user", [user] if user else []), ("groups", groups)):
        wrong = next((name for name in names if not _ACCOUNT.fullmatch(name)), None)
        if wrong is not None:
            raise ImageError(
                f"golden_image_{option} has {wrong!r}: start with a lower-case letter, and go on with these, digits,"
                " '_' and '-'"
            )
    if user == "root":
        raise ImageError("golden_image_user is root: name another account, because the image has that one")
    return f"user='{user}'\ngroups='{' '.join(groups)}'\n"


def render_stamp(recipe: Recipe) -> str:
    """Return the text of the file in the image that says what made it."""
    return json.dumps({"wsltune": recipe.wsltune, "name": recipe.name, "recipe": recipe.digest}, indent=1) + "\n"


def check_url(url: str) -> None:
    """Raise ImageError for an address that a catalogue cannot have."""
    if not re.fullmatch(rf"(https|file)://\S+\{SUFFIX}", url):
        raise ImageError(f"golden_image_url is {url!r}: give the https:// or file:// address of the {SUFFIX} file")


def render_catalogue(name: str, friendly_name: str, url: str, sha256: str, architecture: str) -> dict[str, Any]:
    """Return a catalogue for DistributionListUrl, in the form of Microsoft's DistributionInfo.json."""
    key = {"x86_64": "Amd64Url", "aarch64": "Arm64Url"}.get(architecture)
    if key is None:
        raise ImageError(f"a catalogue lists images for x86_64 and aarch64, not for {architecture}")
    check_url(url)
    entry = {"Name": name, "FriendlyName": friendly_name, "Default": True, key: {"Url": url, "Sha256": f"0x{sha256}"}}
    return {"ModernDistributions": {name: [entry]}}
