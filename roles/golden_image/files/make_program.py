# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes the program of an image's first start: make_program.py TARGET, on the controller, by Ansible's own Python.

It is a zip file that Python runs, with the collection's modules and what they import of ansible-core. The same versions
make the same file.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import ansible.module_utils

HERE = Path(__file__).resolve().parent
PLUGINS = HERE.parents[2] / "plugins"
MODULES = ("doctor", "go_env")
# What only looks at other machines and systems, and no module here asks for.
LEFT_OUT = ("facts", "powershell", "csharp")
COLLECTION = "ansible_collections/wsltune/go/plugins"


def list_files() -> Iterator[tuple[str, bytes]]:
    """Return the name and content of each file of the program."""
    yield "__main__.py", (HERE / "first_start.py").read_bytes()
    yield "ansible/__init__.py", b""
    core = Path(ansible.module_utils.__file__).parent
    for path in core.rglob("*.py"):
        if path.relative_to(core).parts[0] not in LEFT_OUT:
            yield f"ansible/module_utils/{path.relative_to(core)}", path.read_bytes()
    folder = ""
    for part in COLLECTION.split("/"):
        folder = f"{folder}{part}/"
        yield f"{folder}__init__.py", b""
    for path in (PLUGINS / "module_utils").rglob("*.py"):
        yield f"{COLLECTION}/{path.relative_to(PLUGINS)}", path.read_bytes()
    for folder in ("modules", "module_utils"):
        if not (PLUGINS / folder / "__init__.py").exists():
            yield f"{COLLECTION}/{folder}/__init__.py", b""
    for name in MODULES:
        yield f"{COLLECTION}/modules/{name}.py", (PLUGINS / "modules" / f"{name}.py").read_bytes()


def make() -> bytes:
    """Return the program."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, content in sorted(list_files()):
            # A fixed time, because a zip file has no other that is the same tomorrow.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            file.writestr(entry, content)
    return target.getvalue()


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(make())
