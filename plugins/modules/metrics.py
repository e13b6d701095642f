# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: metrics
short_description: Write what a collector reads of a machine
version_added: 1.0.0
author:
  - wsltune contributors (@wsltune)
description:
  - Writes C(wsltune.prom) for the textfile collector of Prometheus' node exporter, mode 0644, in one atomic step.
  - What O(values) says nothing about stays as the file has it, and counters are added up. A part of it that is empty,
    such as no levers, takes away what the file has of that; so does a tmpfs that is not mounted.
  - A new value is a measurement and no change; C(changed) is true where the file is made or removed.
options:
  state:
    description:
      - Whether the file is there.
    type: str
    choices: [present, absent]
    default: present
  directory:
    description:
      - Folder of the collector. Without it, the one of the node exporter's package, where that exists.
      - A folder that does not exist is not made, because nobody would read the file.
    type: path
  instance:
    description:
      - Name of the machine where one folder has the files of many, as on a controller. It becomes the label
        C(instance), and the file is C(wsltune_INSTANCE.prom).
    type: str
    default: ""
  tmpfs_path:
    description:
      - Mount point of the tmpfs for Go's temporary files, whose size and use are read.
    type: path
  gocache_path:
    description:
      - A build cache whose size on its disk is read. Where that takes longer than five seconds it stays as the file has
        it.
    type: path
  gocache_user:
    description:
      - The account whose build cache it is, which looks at it. Without one, root looks at what lies in folders of root
        alone, because a link of another account would have the size of any folder published.
    type: str
    default: ""
  values:
    description:
      - What is known, all of it optional. C(info) with C(version), C(go_version), C(distro), C(wsl_version) and
        C(kernel); C(at), when the run ended; C(success); C(pending), how many settings wait for a restart;
        C(taken_back); C(levers), true or false by name; C(benchmark), what P(wsltune.go.bench_summary#filter)
        returns; C(doctor), counts by status; C(settings), those of a report about drift; C(defender), what
        M(wsltune.go.win_defender_exclusion) returns.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: Returns whether the file would be made or removed and changes nothing.
  diff_mode:
    support: none
    description: Numbers that are measured anew each time are no difference.
"""

EXAMPLES = r"""
- name: Keep the metrics up to date
  wsltune.go.metrics:
    values:
      at: "{{ ansible_facts['go']['observed_at'] | float }}"
      pending: 1
  become: true
"""

RETURN = r"""
path:
  description: The file; empty where there is no collector.
  returned: always
  type: str
"""

import functools
import os
import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils.fleet import metrics as fleet_metrics
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, files, look, mountinfo, text

LIMIT = 5.0
WRITING = 60.0
"""Seconds for a file of the collector's, in whose account's folder anything may be mounted by then."""


def _find_folder(wanted: str | None) -> str:
    places = (wanted,) if wanted else fleet_metrics.FOLDERS
    folders, _silent = look.each({path: functools.partial(os.path.isdir, path) for path in places})
    return next((path for path in places if folders.get(path)), "")


def _observe_tmpfs(path: str | None) -> dict[str, Any] | None:
    """Return the size and use of a tmpfs, empty where there is none; None where none is asked for."""
    if not path:
        return None
    mount = mountinfo.find(mountinfo.parse(mountinfo.table()), path)
    if mount is None or mount.mount_point != path or mount.fstype != "tmpfs":
        return {}

    def measure() -> dict[str, int]:
        held = os.statvfs(path)
        return {"size": held.f_blocks * held.f_frsize, "used": (held.f_blocks - held.f_bfree) * held.f_frsize}

    found: dict[str, Any] = look.once(measure, LIMIT)
    return found


def _measure_cache(path: str | None, user: str) -> int | None:
    """Return what a folder of the user's takes on its disk; None where it gives no answer in time."""
    if not path:
        return None
    account = accounts.find([user])[0] if user else None
    identity = accounts.identity(account) if account else None

    def measure() -> int | None:
        if not become.is_other(identity):
            files.check(path)
        # Folders are opened beside their parents and never through a link, which the cache's owner could put there.
        held = None
        for _folder, _folders, names, descriptor in os.fwalk(os.path.realpath(path)):
            held = held or 0
            for name in names:
                try:
                    held += os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_blocks * 512
                except FileNotFoundError:
                    continue
        return held

    try:
        size: int | None = look.once(measure, LIMIT, identity)
    except OSError:
        return None
    return size


def _read(path: str) -> str:
    was = files.Files().read_in_own(path)
    return was.content.decode("utf-8", "replace") if was else ""


def _write(path: str, values: dict[str, Any], instance: str) -> None:
    # Debian gives the folder above the collector's to its account.
    was = look.once(functools.partial(_read, path), WRITING)
    earlier = fleet_metrics.parse(was)
    samples = fleet_metrics.merge(earlier, values)
    content = fleet_metrics.render(samples, instance).encode("utf-8")
    if len(content) > fleet_metrics.LARGEST:
        raise ValueError(f"it would have more than {fleet_metrics.LARGEST >> 10} KiB")
    # Readable for the collector whatever the umask is.
    state = files.FileState.own(content, 0o644)
    look.once(lambda: files.Files().put_in_own(path, state), WRITING)


def main() -> None:
    """Write or remove the textfile of a collector; without a folder for it nothing happens."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "directory": {"type": "path"},
            "instance": {"type": "str", "default": ""},
            "tmpfs_path": {"type": "path"},
            "gocache_path": {"type": "path"},
            "gocache_user": {"type": "str", "default": ""},
            "values": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    params = module.params
    if params["instance"] and not re.fullmatch(r"[\w.-]+", params["instance"]):
        module.fail_json(msg=f"instance is {params['instance']!r}: give letters, digits, dots, hyphens, underscores.")
    folder = _find_folder(params["directory"])
    if not folder:
        if params["directory"] and params["state"] == "present":
            module.fail_json(msg=f"directory is {params['directory']!r}, which is no folder: make it, or name another.")
        module.exit_json(changed=False, path="")
    name = f"wsltune_{params['instance']}.prom" if params["instance"] else fleet_metrics.FILE
    path = os.path.join(folder, name)
    try:
        exists = bool(look.once(functools.partial(os.path.lexists, path), LIMIT))
        if params["state"] == "absent":
            if exists and not module.check_mode:
                look.once(lambda: files.Files().remove_in_own(path), WRITING)
            module.exit_json(changed=exists, path=path)
        if not module.check_mode:
            values = dict(params["values"])
            tmpfs = _observe_tmpfs(params["tmpfs_path"])
            if tmpfs is not None:
                values["tmpfs"] = tmpfs
            cache = _measure_cache(params["gocache_path"], params["gocache_user"])
            if cache is not None:
                values["gocache"] = cache
            _write(path, values, params["instance"])
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as error:
        module.fail_json(msg=f"{path} could not be written: {text.line(error)}")
    module.exit_json(changed=not exists, path=path)


if __name__ == "__main__":
    main()
