# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: wsl_image_root
short_description: Unpack a root file system to make a WSL image of it
version_added: 1.0.0
author:
  - wsltune contributors (@wsltune)
description:
  - Reads an archive, judges all of its members, and only then unpacks it into a folder of root's own, without secrets,
    identities of the machine, history and what each start fills.
  - Does nothing where O(output) is an image of the same source with the same options already.
  - Connect to the folder by P(wsltune.go.image_root#connection), then pack it by M(wsltune.go.wsl_image).
options:
  state:
    description: V(absent) removes the folder and what lies beside it, where it was unpacked by this module.
    type: str
    choices: [present, absent]
    default: present
  source:
    description:
      - Archive of a root file system, as C(wsl --export) or a distribution's download; tar, also compressed.
      - Its programs run as root, so that it is an error where an account can replace it that is neither root nor who
        called sudo. Everything on a Windows drive counts as one person's.
    type: path
  root:
    description:
      - Folder to unpack in, which is removed first where a run that was killed has left it. One that this module did
        not unpack stays, and is an error.
      - The folder above it has mode 0700, or is not there yet.
    type: path
    required: true
  output:
    description: File that the image will be, which ends in V(.wsl), in a folder that only root can write in.
    type: path
  name:
    description: Name that Windows registers the distro by.
    type: str
  user:
    description: Account that the first start is to make; it asks when empty.
    type: str
    default: ""
  groups:
    description: Groups of that account.
    type: list
    elements: str
    default: []
  url:
    description: Address of the published image; none when empty.
    type: str
    default: ""
  architecture:
    description: What the programs in there are to be for, such as V(x86_64); that of this machine when empty.
    type: str
    default: ""
  version:
    description: Version of the collection that makes the image, such as V(1.0.0). Required when O(state=present).
    type: str
  options:
    description: All else that decides what is in the image. The same source with other options is another image.
    type: dict
    default: {}
  epoch:
    description: Seconds since 1970 that nothing in the image is newer than; V(0) takes the newest file of the source.
    type: int
    default: 0
  replace:
    description: Whether another file at O(output) is replaced.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Judges the archive and unpacks nothing.
  diff_mode:
    support: none
    description: A root file system is no text.
notes:
  - Needs root, tar and gzip.
  - Errors are one sentence each, such as an archive that was cut off, has a device or leads out of its folder, is for
    another architecture or was made by a newer wsltune; too little room; another file at O(output).
"""

EXAMPLES = r"""
- name: Unpack a root file system
  wsltune.go.wsl_image_root:
    source: /srv/debian.tar
    root: /var/cache/wsltune-image/acme
    output: /srv/acme.wsl
    name: acme
    version: 1.0.0
  register: opened
"""

RETURN = r"""
made:
  description: Whether the image is there already, so that nothing was unpacked.
  returned: when state is present
  type: bool
recipe:
  description: What M(wsltune.go.wsl_image) takes, with the checksum of the source and the time.
  returned: when state is present
  type: dict
architecture:
  description: What the programs in the image are for.
  returned: when state is present
  type: str
made_by:
  description: Version of the wsltune that made the image which is the source; empty for none.
  returned: when state is present
  type: str
"""

import contextlib
import functools
import os
import platform
import shutil
from dataclasses import asdict
from typing import NoReturn

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils.image import archive, build
from ansible_collections.wsltune.go.plugins.module_utils.image import plan as image_plan
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, look, mountinfo, text
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

ANSWER = 20.0
"""Seconds that a look at the way to the source may take; another account may have mounted there what never answers."""


def present(module: AnsibleModule) -> NoReturn:
    """Unpack the source, where the image is not there yet."""
    params = module.params
    missing = [name for name in ("source", "output", "name") if not params[name]]
    if missing:
        raise archive.ImageError(f"{', '.join(missing)} must be given to unpack a root file system")
    if os.geteuid() != 0:
        raise archive.ImageError("only root can unpack the files of others: run ansible-playbook as root")
    image_plan.check_name(params["name"])
    image_plan.check_output(params["output"])
    image_plan.render_settings(params["user"], params["groups"])
    if params["url"]:
        image_plan.check_url(params["url"])
    check_source(params["source"])
    source = build.read(params["source"])
    archive.check_programs(source.members)
    own = platform.machine()
    image_plan.check_architecture(source.architecture, params["architecture"] or own, own)
    made_by = image_plan.check_stamp(source.text(image_plan.STAMP), params["version"])
    recipe = image_plan.Recipe(
        build.digest(params["source"]),
        params["version"],
        params["name"],
        params["epoch"] or source.newest,
        params["options"],
    )
    facts = {"recipe": asdict(recipe), "architecture": source.architecture, "made_by": made_by}
    build.check_alone("golden_image_output", os.path.dirname(params["output"]))
    if image_plan.is_made(build.look_at(params["output"]), recipe, params["output"], params["replace"]):
        module.exit_json(changed=False, made=True, **facts)
    build.check_unfinished(params["output"])
    check_place(params["root"])
    needed = archive.count_bytes(source.members.values())
    image_plan.check_space(params["root"], needed, build.free_bytes(params["root"]))
    image_plan.check_space(os.path.dirname(params["output"]), needed, build.free_bytes(params["output"]))
    if not module.check_mode:
        unpack(params["source"], params["root"], recipe.source_sha256)
    module.exit_json(changed=True, made=False, **text.printable(facts))


def _find_what_others_change(path: str) -> str:
    """Return where an account other than root's and the caller's can change what a path leads to; empty for nowhere."""
    try:
        with files.place(path, alone=True) as target:
            status, where = target.status(), target.path
    except files.NotOurs as error:
        return str(error.filename)
    return "" if status is None or files.is_ours_alone(status, path=where) else where


def check_source(path: str) -> None:
    """Raise ImageError where an account other than root's can put another archive there, whose programs root would run.

    Who called sudo can become root anyway, and so can the one person whose Windows drive it is.
    """
    find = functools.partial(_find_what_others_change, path)
    try:
        where = str(look.once(find, ANSWER))
    except FileNotFoundError:
        # Reading says so.
        return
    caller = os.environ.get("SUDO_UID", "")
    if where and caller.isdigit() and int(caller):
        with contextlib.suppress(OSError):
            where = str(look.once(find, ANSWER, accounts.identity_of_owner(int(caller))))
    if not where:
        return
    mount = mountinfo.find(wsl_judge.mounts_of(wsl_observe.collect()), where)
    if mount is None or not mount.windows_drive:
        raise archive.ImageError(
            f"golden_image_source is {path}, and another account can change {where}, so that root would run its"
            " programs: move the archive to a folder of root's, such as /srv"
        )


def check_place(root: str) -> None:
    """Raise ImageError where a root file system cannot be unpacked at C(root) without harm to what is there."""
    above = os.path.dirname(root)
    if not os.path.isdir(above):
        return
    build.check_alone("golden_image_root", above)
    # Programs of the image are set-uid root, and its files may be secret.
    if os.stat(above).st_mode & 0o077:
        raise archive.ImageError(
            f"golden_image_root is {root}, and other accounts can look into {above}: name a place in a folder with mode"
            " 0700, or in one that is not there yet"
        )
    beside = (root + image_plan.SOURCE_SUFFIX, root + image_plan.PROGRAM_SUFFIX)
    there = [path for path in (root, *beside) if os.path.lexists(path)]
    if there and not os.path.lexists(root + image_plan.MARK_SUFFIX):
        raise archive.ImageError(
            f"golden_image_root is {root}, and {there[0]} is there and was not made by this role: name another place"
        )


def unpack(source: str, root: str, digest: str) -> None:
    """Unpack the source that has C(digest) into a folder that only root can reach."""
    above = os.path.dirname(root)
    if above in files.Files().make_folders(above):
        os.chmod(above, 0o700)
    check_place(root)
    remove(root)
    with open(root + image_plan.MARK_SUFFIX, "xb"):
        pass
    copy = root + image_plan.SOURCE_SUFFIX
    try:
        # Whoever can write to the source could change it after it was judged.
        with build.opened_source(source) as file, open(copy, "wb") as target:
            shutil.copyfileobj(file, target, build.CHUNK)
        if build.digest(copy) != digest:
            raise archive.ImageError(f"{source} changed while it was looked at: try again")
        build.unpack(copy, root)
    except archive.ImageError:
        # tar may take an odd header for another one than what judged it, and then makes what nobody judged.
        remove(root)
        raise
    finally:
        # Without a copy the reason why there is none counts.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(copy)
    build.clean_root(root)
    build.lock_passwords(root)
    # So that packages can be installed; it goes before the image is packed.
    if os.path.isfile("/etc/resolv.conf"):
        with open("/etc/resolv.conf", "rb") as file:
            build.rewrite(root, "etc/resolv.conf", file.read(), 0o644)


def remove(root: str) -> None:
    """Remove a folder and what lies beside it, the mark last."""
    if os.path.lexists(root):
        shutil.rmtree(root)
    for ending in (image_plan.SOURCE_SUFFIX, image_plan.PROGRAM_SUFFIX, image_plan.MARK_SUFFIX):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(root + ending)


def main() -> None:
    """Unpack the root of an image with its stamp, or remove it."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "source": {"type": "path"},
            "root": {"type": "path", "required": True},
            "output": {"type": "path"},
            "name": {"type": "str"},
            "user": {"type": "str", "default": ""},
            "groups": {"type": "list", "elements": "str", "default": []},
            "url": {"type": "str", "default": ""},
            "architecture": {"type": "str", "default": ""},
            "version": {"type": "str"},
            "options": {"type": "dict", "default": {}},
            "epoch": {"type": "int", "default": 0},
            "replace": {"type": "bool", "default": False},
        },
        required_if=[("state", "present", ("source", "output", "name", "version"))],
        supports_check_mode=True,
    )
    for name in ("source", "output"):
        module.params[name] = os.path.abspath(module.params[name]) if module.params[name] else None
    # Without links, because nothing in there follows one.
    module.params["root"] = os.path.realpath(module.params["root"])
    try:
        if module.params["state"] == "present":
            present(module)
        root = module.params["root"]
        # Of a build that was killed early or late there is no folder.
        there = os.path.lexists(root) or os.path.lexists(root + image_plan.MARK_SUFFIX)
        if there:
            check_place(root)
        if there and not module.check_mode:
            remove(root)
        module.exit_json(changed=there)
    except (archive.ImageError, OSError) as error:
        module.fail_json(msg=text.line(error))


if __name__ == "__main__":
    main()
