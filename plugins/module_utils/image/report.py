# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The text of what making an image came to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MIB = 1 << 20


def text(opened: Mapping[str, Any], packed: Mapping[str, Any], output: str) -> str:
    """Return the summary of C(playbooks/image.yml), by what unpacking and packing returned."""
    if opened["made"]:
        lines = ["wsltune image", f"{output} is there already, of the same source with the same options."]
        return "\n".join(lines + [f"Wrote {path}." for path in packed.get("files", [])])
    lines = [
        "wsltune image",
        f"Wrote {output}, {packed['size'] / MIB:.1f} MiB for {opened['architecture']}.",
        f"SHA-256: {packed['sha256']}",
    ]
    if packed["packages"]:
        lines.append(f"The bill of materials has {packed['packages']} packages.")
    else:
        lines.append("There is no bill of materials, because the image has no package manager that is known.")
    if packed["cache_bytes"]:
        lines.append(f"A new account gets {packed['cache_bytes'] / MIB:.1f} MiB of compiled standard library.")
    if opened["made_by"]:
        lines.append(
            f"The source was an image of wsltune {opened['made_by']}; a rollback restores what was before that."
        )
    lines += [f"Microsoft advises: {warning}." for warning in packed["warnings_of_microsoft"]]
    lines.append(f"Install it in a Windows prompt: wsl --install --from-file {output.rpartition('/')[2]}")
    return "\n".join(lines)
