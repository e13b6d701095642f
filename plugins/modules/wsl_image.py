# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: wsl_image
short_description: Pack an unpacked root file system as a WSL image
version_added: 1.0.0
author:
  - wsltune contributors (@wsltune)
description:
  - Removes from the root file system what does not belong in an image, packs it so that the same content makes the same
    file, and judges the result by Microsoft's rules for distributions and by rules of its own about secrets.
  - Writes beside it a bill of materials (SPDX 2.3) of O(installed), C(SHA256SUMS), and the record by which a later run
    finds that the image is there already.
  - An image that breaks a rule is not kept. The root file system is removed at the end.
  - An empty file with the ending C(.packing) lies beside the image in the making, by which the next run knows what a
    build that was killed has left.
options:
  state:
    description:
      - V(absent) removes the image, what lies beside it, and what a build that was killed has left there.
      - V(catalogued) writes the catalogue of an image that is there already.
    type: str
    choices: [present, catalogued, absent]
    default: present
  root:
    description: Folder that M(wsltune.go.wsl_image_root) unpacked.
    type: path
  output:
    description: File that the image will be, which ends in V(.wsl).
    type: path
    required: true
  recipe:
    description: What M(wsltune.go.wsl_image_root) returned.
    type: dict
    default: {}
  architecture:
    description: What M(wsltune.go.wsl_image_root) returned.
    type: str
    default: ""
  installed:
    description: What M(wsltune.go.packages_info) returned in the image; without packages there is no bill of materials.
    type: dict
    default: {}
  icon:
    description:
      - File of the icon for the start menu, of at most 1 MiB; none when empty.
      - Everybody can read it in the image. So where another account could lead the way to it elsewhere, the owner of
        its folder reads it and not root; a folder of root's in which others write is an error.
    type: path
    default: ""
  user:
    description: Account that the first start makes; it asks when empty.
    type: str
    default: ""
  groups:
    description: Groups of that account.
    type: list
    elements: str
    default: []
  plan:
    description: What the first start does and reports.
    type: dict
    default: {}
  program:
    description: Program of the first start, which is moved into the image.
    type: path
  oobe:
    description: What WSL runs before the first shell.
    type: path
  compression:
    description: How hard gzip tries, from V(1), which is quick, to V(9).
    type: int
    choices: [1, 2, 3, 4, 5, 6, 7, 8, 9]
    default: 6
  url:
    description: Address of the published image, with which a catalogue is written; none when empty.
    type: str
    default: ""
  friendly_name:
    description: What the catalogue shows for the image; its name when empty.
    type: str
    default: ""
attributes:
  check_mode:
    support: partial
    description: Returns whether the image would be made or removed.
    details: What is not packed is not judged.
  diff_mode:
    support: none
    description: An image is no text.
notes:
  - Needs root and tar.
"""

EXAMPLES = r"""
- name: Pack the image
  wsltune.go.wsl_image:
    root: /var/cache/wsltune-image/acme
    output: /srv/acme.wsl
    recipe: "{{ opened.recipe }}"
    architecture: "{{ opened.architecture }}"
    plan: {version: 1.0.0, steps: [], checks: [WT-049], tuned: []}
    program: /var/cache/wsltune-image/acme.pyz
    oobe: /srv/wsltune/roles/golden_image/files/wsltune-oobe
"""

RETURN = r"""
output:
  description: The image.
  returned: always
  type: str
sha256:
  description: Its checksum.
  returned: when state is present, except in check mode
  type: str
size:
  description: Its size in bytes.
  returned: when state is present, except in check mode
  type: int
files:
  description: What was written; with V(catalogued) also what would be.
  returned: when state is present, except in check mode, and when it is catalogued
  type: list
  elements: str
packages:
  description: How many packages the bill of materials has; 0 where there is no bill.
  returned: when state is present, except in check mode
  type: int
cache_bytes:
  description: What the warmed build cache takes in the image.
  returned: when state is present, except in check mode
  type: int
warnings_of_microsoft:
  description: What Microsoft's rules advise against, as sentences.
  returned: when state is present, except in check mode
  type: list
  elements: str
"""

import contextlib
import functools
import json
import os
import shutil
from collections.abc import Collection, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils.image import archive, build, rules, sbom
from ansible_collections.wsltune.go.plugins.module_utils.image import plan as image_plan
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, look, text
from ansible_collections.wsltune.go.plugins.module_utils.linux.distribution import Package

NEEDED = {"present": ("root", "recipe", "program", "oobe"), "catalogued": ("recipe", "url"), "absent": ()}
"""The options that a state has no use without."""
ANSWER = 20.0
"""Seconds that reading a file may take which lies where others write."""


def write(path: str, content: str) -> None:
    """Write a file beside the image in one step."""
    new = path + image_plan.NEW_SUFFIX
    with open(new, "w", encoding="utf-8") as file:
        file.write(content)
    os.replace(new, path)


def sum_up(folder: str, names: Mapping[str, str], gone: Collection[str] = ()) -> None:
    """Put checksums by file name into SHA256SUMS, and leave the lines of other files; no file where none is left."""
    path = os.path.join(folder, image_plan.SUMS)
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line for line in file.read().splitlines() if line.partition("  ")[2] not in {*names, *gone}]
    except FileNotFoundError:
        lines = []
    lines += [f"{digest}  {name}" for name, digest in names.items()]
    if not lines:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return
    write(path, "".join(f"{line}\n" for line in sorted(lines, key=lambda line: line.partition("  ")[2])))


def prepare(params: Mapping[str, Any], recipe: image_plan.Recipe) -> int:
    """Put into the image what it is and does at its first start, and remove what does not belong in it.

    Return what the warmed build cache takes.
    """
    root = params["root"]
    icon = f"/usr/lib/wsl/{recipe.name}.ico" if params["icon"] else ""
    for folder in (image_plan.ADDED, os.path.dirname(image_plan.OOBE).lstrip("/")):
        build.make_folder(root, folder)

    def put(path: str, content: str | bytes, mode: int = 0o644) -> None:
        build.rewrite(root, path.lstrip("/"), content if isinstance(content, bytes) else content.encode("utf-8"), mode)

    put(rules.DISTRIBUTION_CONF, image_plan.render_distribution_conf(recipe.name, icon))
    put(image_plan.STAMP, image_plan.render_stamp(recipe))
    put(f"{image_plan.ADDED}/first-start.conf", image_plan.render_settings(params["user"], params["groups"]))
    put(f"{image_plan.ADDED}/first-start.json", json.dumps(params["plan"], indent=1, sort_keys=True) + "\n")
    put(f"{image_plan.ADDED}/first-start.pyz", load(params["program"]))
    put(image_plan.OOBE, load(params["oobe"]), 0o755)
    if icon:
        put(icon, load_icon(os.path.abspath(params["icon"])))
    os.unlink(params["program"])
    cache = build.settle_cache(root, recipe.epoch)
    build.clean_root(root)
    build.lock_passwords(root)
    return cache


def load(path: str) -> bytes:
    """Return a file's bytes; raise OSError where it cannot be read."""
    with open(path, "rb") as file:
        return file.read()


def remove(output: str, check: bool) -> bool:
    """Remove an image, what lies beside it and what a killed build left there; return whether there was any of it."""
    folder, name = os.path.split(output)
    if not os.path.isdir(folder):
        return False
    # What lies beside the image is read and written, whoever put it there.
    build.check_alone("golden_image_output", folder)
    standing = build.look_at(output)
    if standing is not None and standing.sha256 != standing.recorded_sha256:
        raise archive.ImageError(
            f"{output} was not made by this role, or was changed since, and stays: remove it yourself"
        )
    endings = ("", image_plan.RECORD, image_plan.BILL, image_plan.CATALOGUE)
    there = [output + ending for ending in endings if os.path.lexists(output + ending)]
    left = build.find_unfinished(output)
    if (there or left) and not check:
        for path in there:
            os.unlink(path)
        sum_up(folder, {}, (name, name + image_plan.BILL))
        build.remove_unfinished(output)
    return bool(there or left)


def _find_reader(path: str) -> int:
    """Return who reads a file: root, or the owner of its folder where another account can lead the way elsewhere."""
    try:
        files.check(path)
    except files.NotOurs:
        owner = files.owner_of(os.path.dirname(path))
        if owner == 0:
            raise
        return owner
    return 0


def load_icon(path: str) -> bytes:
    """Return the bytes of an icon, which everybody can read in the image; ImageError where it cannot be read.

    In a child, because whoever can put it there can mount there what never answers.
    """
    try:
        reader = int(look.once(functools.partial(_find_reader, path), ANSWER))
        question = functools.partial(files.Files().read, path, rules.LARGEST_ICON)
        state: files.FileState | None = look.once(question, ANSWER, accounts.identity_of_owner(reader))
    except OSError as error:
        reason = error.strerror if error.filename in (None, path) else f"{error.strerror} ({error.filename})"
        raise archive.ImageError(f"golden_image_icon is {path}, which cannot be read: {reason}") from None
    if state is None:
        raise archive.ImageError(f"golden_image_icon is {path}, and there is no such file")
    return state.content


def render_catalogue(params: Mapping[str, Any], name: str, digest: str) -> str:
    """Return the text of the catalogue for the image that has C(digest)."""
    shown = params["friendly_name"] or name
    catalogue = image_plan.render_catalogue(name, shown, params["url"], digest, params["architecture"])
    return json.dumps(catalogue, indent=1) + "\n"


def read_catalogue(path: str) -> str | None:
    """Return the text of a catalogue; None where there is none that can be read."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def list_image(params: Mapping[str, Any], check: bool) -> bool:
    """Write the catalogue of an image that is there already; return whether it was another one."""
    output = params["output"]
    build.check_alone("golden_image_output", os.path.dirname(output))
    standing = build.look_at(output)
    if standing is None:
        raise archive.ImageError(f"{output} is not there, so that no catalogue can name it")
    if standing.sha256 != standing.recorded_sha256:
        raise archive.ImageError(f"{output} was not made by this role, or was changed since, and gets no catalogue")
    catalogue = render_catalogue(params, image_plan.Recipe(**params["recipe"]).name, standing.sha256)
    if read_catalogue(output + image_plan.CATALOGUE) == catalogue:
        return False
    if not check:
        with build.packing(output):
            write(output + image_plan.CATALOGUE, catalogue)
    return True


def make(module: AnsibleModule) -> dict[str, Any]:
    """Make the image and what lies beside it; ImageError where it breaks a rule."""
    params = module.params
    recipe = image_plan.Recipe(**params["recipe"])
    output = params["output"]
    new = output + image_plan.NEW_SUFFIX
    build.check_alone("golden_image_output", os.path.dirname(output))
    if not os.path.lexists(params["root"] + image_plan.MARK_SUFFIX):
        raise archive.ImageError(f"root is {params['root']}, which was not unpacked by wsl_image_root")
    cache = prepare(params, recipe)
    with build.packing(output):
        build.pack(params["root"], new, recipe.epoch, params["compression"])
        packed = build.read(new)
        verdict = rules.judge(packed.members, packed.read, params["architecture"])
        if verdict.errors:
            raise archive.ImageError(f"the image breaks {len(verdict.errors)} rules: {'; '.join(verdict.errors[:10])}")
        digest = build.digest(new)
        folder, name = os.path.split(output)
        installed = params["installed"]
        packages = [Package(**package) for package in installed.get("packages", [])]
        sums = {name: digest}
        written = [output]
        if packages:
            bill = sbom.describe(
                packages,
                manager=installed["manager"],
                distribution=installed["distribution"],
                name=name,
                sha256=digest,
                tool=f"wsltune-{recipe.wsltune}",
                epoch=recipe.epoch,
            )
            write(output + image_plan.BILL, json.dumps(bill, indent=1) + "\n")
            sums[name + image_plan.BILL] = build.digest(output + image_plan.BILL)
            written.append(output + image_plan.BILL)
        if params["url"]:
            write(output + image_plan.CATALOGUE, render_catalogue(params, recipe.name, digest))
            written.append(output + image_plan.CATALOGUE)
        elif digest not in (read_catalogue(output + image_plan.CATALOGUE) or digest):
            # Of the image before, whose checksum no installation would find in this one.
            os.unlink(output + image_plan.CATALOGUE)
        record = {"recipe": recipe.digest, "sha256": digest, "wsltune": recipe.wsltune}
        shutil.rmtree(params["root"])
        os.unlink(params["root"] + image_plan.MARK_SUFFIX)
        write(output + image_plan.RECORD, json.dumps(record, indent=1) + "\n")
        sum_up(folder, sums)
        # Last, because a run that finds the image does nothing more.
        os.replace(new, output)
    return {
        "sha256": digest,
        "size": os.stat(output).st_size,
        "files": [*written, output + image_plan.RECORD, os.path.join(folder, image_plan.SUMS)],
        "packages": len(packages),
        "cache_bytes": cache,
        "warnings_of_microsoft": verdict.warnings,
    }


def main() -> None:
    """Write the image of a root with its manifest, list it in a catalogue, or remove it."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "catalogued", "absent"], "default": "present"},
            "root": {"type": "path"},
            "output": {"type": "path", "required": True},
            "recipe": {"type": "dict", "default": {}},
            "architecture": {"type": "str", "default": ""},
            "installed": {"type": "dict", "default": {}},
            "icon": {"type": "path", "default": ""},
            "user": {"type": "str", "default": ""},
            "groups": {"type": "list", "elements": "str", "default": []},
            "plan": {"type": "dict", "default": {}},
            "program": {"type": "path"},
            "oobe": {"type": "path"},
            "compression": {"type": "int", "choices": [1, 2, 3, 4, 5, 6, 7, 8, 9], "default": 6},
            "url": {"type": "str", "default": ""},
            "friendly_name": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    # Nobody else may write what a machine is made of.
    os.umask(os.umask(0o022) | 0o022)
    output = module.params["output"] = os.path.abspath(module.params["output"])
    state = module.params["state"]
    result: dict[str, Any] = {"changed": True}
    try:
        missing = [name for name in NEEDED[state] if not module.params[name]]
        if missing:
            raise archive.ImageError(f"{', '.join(missing)} must be given where state is {state}")
        if state == "absent":
            result["changed"] = remove(output, module.check_mode)
        elif state == "catalogued":
            result["changed"] = list_image(module.params, module.check_mode)
            result["files"] = [output + image_plan.CATALOGUE] if result["changed"] else []
        else:
            # Without links, because nothing in there follows one.
            module.params["root"] = os.path.realpath(module.params["root"])
            result |= {} if module.check_mode else make(module)
    except (archive.ImageError, OSError, TypeError, ValueError) as error:
        module.fail_json(msg=text.line(error))
    module.exit_json(output=output, **text.printable(result))


if __name__ == "__main__":
    main()
