# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: wsl_conf
short_description: Settings in /etc/wsl.conf, as WSL itself reads it
version_added: 1.0.0
description:
  - Merges settings into C(/etc/wsl.conf) and changes only the lines it must. Comments, order, unknown keys, line ends,
    bytes that are not ASCII, owner and mode stay.
  - Reads the file with WSL's own grammar, where the first of two equal keys wins, only C(#) starts a comment, and
    everything after a line that WSL cannot read is silently not in force.
  - The new text is read back and compared with the wanted settings before it replaces the file in one atomic step.
  - Nothing is restarted; what is not in force yet is returned with the command that makes it so.
options:
  path:
    description:
      - The file. Where it is a symbolic link, the file it leads to is edited.
      - With O(state=absent) every file that this module wrote is restored.
    type: path
    default: /etc/wsl.conf
  content:
    description:
      - The wanted settings in the form of the file, as a template renders them; sections, keys and values alone count.
      - WSL must be able to read it without a warning. A key that is not in it is left as it is.
    type: str
    default: ''
  remove:
    description: Keys to remove, as C(section.key), wherever they stand in the file.
    type: list
    elements: str
    default: []
  repair:
    description:
      - Whether lines that WSL cannot read are turned into comments, a byte order mark is removed, and UTF-16 becomes
        UTF-8.
      - Otherwise such a file is refused because a setting after such a line would not be in force.
    type: bool
    default: false
  allow_harmful:
    description:
      - Whether to write values that break what this collection or Windows interop needs. They are refused otherwise.
      - V(automount.enabled=false) and V(interop.enabled=false), because no Windows program could be started any more.
      - V(automount.options) with C(cache=) or C(msize=) (stale files, and virtiofs refuses them), with C(noexec), with
        blanks, with masks that are not octal, or with options that neither WSL nor the mount knows, because the drive
        would not be mounted at all.
      - V(automount.root) that does not start with a slash.
      - V(automount.mountFsTab=false) without V(boot.systemd=true), because nothing would mount what
        C(/etc/fstab) lists.
      - V(automount.cgroups=v1), on which systemd 256 and later refuses to start.
      - V(filesystem.umask) that looks decimal (WSL reads V(22) as octal 026), that is 0, or that takes rights from the
        owner.
      - V(network.generateResolvConf=false), because the link that WSL made then leads nowhere.
      - V(fileServer.enabled=false), because Windows programs no longer reach the distro's files.
      - V(boot.protectBinfmt=false), because systemd could unregister Windows programs.
      - V(boot.initTimeout) below 1000, and V(user.default) that names no user of C(/etc/passwd).
    type: bool
    default: false
  launchers:
    description:
      - Whether to keep launchers in C(/usr/local/bin) for C(clip.exe), C(cmd.exe), C(code), C(explorer.exe),
        C(powershell.exe) and C(wsl.exe) while V(interop.appendWindowsPath=false) is asked for. Only for those that the
        drive with Windows has and the distro's own disk has not, and in a profile only where it is the user's own.
      - Otherwise launchers that this module made are removed.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Returns what would be done and changes nothing.
  diff_mode:
    support: full
    description: Shows the file.
notes:
  - Writing needs root. The original is kept in C(/var/lib/wsltune).
  - Errors are one sentence each, such as a line of the file that WSL cannot read, a key that WSL does not know, a value
    of the wrong type, a value that harms.
  - The grammar and the keys are those of U(https://github.com/microsoft/WSL), August 2026.
extends_documentation_fragment:
  - wsltune.go.rollback
author: wsltune contributors (@wsltune)
"""

EXAMPLES = r"""
- name: Start systemd, and keep the Windows PATH out
  wsltune.go.wsl_conf:
    content: |
      [boot]
      systemd=true
      [interop]
      appendWindowsPath=false

- name: Let WSL choose the host name again
  wsltune.go.wsl_conf:
    remove: [network.hostname]

- name: Restore what was there before
  wsltune.go.wsl_conf:
    state: absent
"""

RETURN = r"""
ansible_facts:
  description: C(wsl) as M(wsltune.go.wsl_facts) returns it, looked up again.
  returned: except in check mode
  type: dict
path:
  description: The file that is edited, without symbolic links.
  returned: always
  type: str
changes:
  description: What was changed, as sentences.
  returned: always
  type: list
  elements: str
kept:
  description: What someone else changed since and therefore stays, as sentences.
  returned: always
  type: list
  elements: str
left:
  description: What could not be restored, and why, as sentences.
  returned: always
  type: list
  elements: str
notes:
  description: What WSL warns about in the file, and settings that it will not follow on this machine, as sentences.
  returned: always
  type: list
  elements: str
wanted:
  description: The settings that were asked for, by C(section.key), as WSL reads them.
  returned: always
  type: dict
settings:
  description: What the file means to WSL after the change, by C(section.key), read from the disk again.
  returned: always
  type: dict
complete:
  description: Whether WSL reads the file to its end.
  returned: always
  type: bool
pending:
  description: Keys that are written but not in force before a restart of the distro.
  returned: always
  type: list
  elements: str
pending_sentences:
  description: The same with the command and what it stops, as sentences; empty when nothing is pending.
  returned: always
  type: list
  elements: str
restart_command:
  description: The command for Windows that makes the pending settings take effect; null when there are none.
  returned: always
  type: str
"""

import contextlib
import os
import re
import time
from collections.abc import Mapping
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.wsltune.go.plugins.module_utils import changes, journal
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, look
from ansible_collections.wsltune.go.plugins.module_utils.linux.text import decode, encode, printable
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import launchers
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

ROLE = "wsl_conf"


def _revert(base: bytes | None, written: bytes, current: bytes) -> bytes | None:
    """Take the settings out of a file that someone else edited too; None when nothing is left of a file of ours."""
    text = wsl_conf.revert(None if base is None else decode(base), decode(written), decode(current))
    return None if base is None and not text.strip() else encode(text)


def is_launcher(path: str) -> bool:
    """Return whether a file that this module made is a launcher, which has no settings that others could add to."""
    return os.path.dirname(path) == os.path.realpath(wsl_judge.LAUNCHERS)


def _way_of(entry: journal.Entry) -> journal.Way:
    return journal.Way(None if is_launcher(entry.path) else _revert)


def _explain_boot_command(command: str) -> str:
    """Say which file that root runs or reads at each start another account could change or replace; empty for none."""
    named = re.findall(r"/[^\s\"'=:,;&|<>()]+", command)

    def find_obstacle() -> str:
        return files.Files().program_obstacle([path for path in named if os.path.isfile(path)])

    try:
        # In a child, because what another account mounted there may give no answer.
        reason = look.once(find_obstacle) if named else ""
    except OSError as error:
        reason = f"{' '.join(named)}: {error.strerror}"
    return f"boot.command: {reason}, and root runs it at each start" if reason else ""


def _shown(value: wsl_conf.Setting) -> str:
    return "not set" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


class WslConf:
    """Applies module_utils/wsl/conf.py to this machine."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.options = module.params
        self.path = os.path.realpath(self.options["path"])
        self.changes = changes.Changes(ROLE, _way_of, self.options["run"], module.check_mode)
        self.asked: dict[str, wsl_conf.Value] = {}

    def wanted(self) -> dict[str, wsl_conf.Setting]:
        """Return the settings of the content and the keys to remove; ValueError when they are not WSL's."""
        parsed = wsl_conf.parse(self.options["content"])
        if parsed.details:
            first = parsed.details[0]
            raise ValueError(f"The wanted settings, line {first.line}: {first.reason}")
        settings: dict[str, wsl_conf.Setting] = {
            name: parsed.raw[name] if wsl_conf.KEYS[name].type == "int" else value
            for name, value in parsed.values.items()
        }
        for name in self.options["remove"]:
            if (wsl_conf.canonical(name) or name) in settings:
                raise ValueError(f"{name} is both set and to be removed; leave out one of them.")
            settings[name] = None
        self.asked = {name: value for name, value in wsl_conf.typed(settings).items() if value is not None}
        return settings

    def refuse_harmful(self, settings: Mapping[str, wsl_conf.Setting], values: Mapping[str, wsl_conf.Value]) -> None:
        """Raise ValueError with the reasons where a setting would harm, unless allow_harmful is set."""
        if self.options["allow_harmful"]:
            return
        reasons = wsl_conf.harmful(settings, values)
        user = settings.get("user.default")
        if user is not None:
            reasons += wsl_judge.explain_default_user(str(user), accounts.list_local_names())
        if reasons:
            raise ValueError(" ".join([*reasons, "Nothing was changed; set allow_harmful to write it all the same."]))

    def merged(self, text: str, settings: Mapping[str, wsl_conf.Setting]) -> str:
        """Return the new text once it is known to mean what was asked for."""
        if not settings and not self.options["repair"]:
            return text
        try:
            merged = wsl_conf.merge(text, settings, self.options["repair"])
        except wsl_conf.UnreadableError as error:
            fix = "fix the line, or set repair to turn it into a comment"
            if "UTF-16" in error.reason or "byte order mark" in error.reason:
                fix = "save it as UTF-8 without a byte order mark, or set repair to have that done"
            raise ValueError(
                f"{self.path}, line {error.line}: {error.reason[:-1]}, so WSL ignores everything after it; {fix}."
            ) from error
        result = wsl_conf.parse(merged)
        wrong = [name for name, value in wsl_conf.typed(settings).items() if result.values.get(name) != value]
        if wrong or not result.complete:
            raise ValueError(
                f"{self.path} would not mean what was asked for ({', '.join(wrong)}); nothing was changed."
            )
        return merged

    def present(self) -> NoReturn:
        """Bring the settings into force; raise ValueError before anything changed where one cannot be."""
        settings = self.wanted()
        if not os.path.isdir(os.path.dirname(self.path)):
            raise ValueError(f"The folder of {self.path} does not exist; give path a file in an existing folder.")
        if os.path.isdir(self.path):
            raise ValueError(f"{self.path} is a folder; give path the file that WSL reads, such as /etc/wsl.conf.")
        content = self.changes.read(self.path)
        before = content or ""
        after = self.merged(before, settings)
        old, new = wsl_conf.parse(before), wsl_conf.parse(after)
        self.refuse_harmful(settings, new.values)
        self.changes.notes += filter(None, [_explain_boot_command(str(self.asked.get("boot.command", "")))])
        if after != before:
            for name in wsl_conf.KEYS:
                if old.values.get(name) != new.values.get(name):
                    was, now = _shown(old.values.get(name)), _shown(new.raw.get(name))
                    self.changes.made.append(f"{self.path}: {name} from {was} to {now}")
            if not self.changes.made:
                self.changes.made.append(f"{self.path}: lines that WSL did not follow")
            self.changes.diff += journal.diff(self.path, content, after)
            if not self.changes.check_mode:
                self.keep_in_force(before, after)
                self.changes.journal.write(self.path, encode(after), role=ROLE, revert=_revert)
        self.launchers(settings)
        self.finish(after if content is not None or after else None)

    def launchers(self, settings: dict[str, wsl_conf.Setting]) -> None:
        """Write the launchers that are missing or lead elsewhere, and take ours away that are wrong or not needed."""
        asked = wsl_conf.typed(settings)
        if wsl_judge.LAUNCHED_FOR not in asked:
            return
        if not self.options["launchers"] or asked[wsl_judge.LAUNCHED_FOR] is not False:
            self.changes.restore(lambda entry: is_launcher(entry.path))
            return
        ours = [entry for entry in self.changes.journal.entries(ROLE) if is_launcher(entry.path)]
        machine = wsl_observe.collect(conf_path=self.path)
        if not wsl_judge.is_wsl(machine):
            return
        taken = launchers.names_taken([entry.path for entry in ours], wsl_judge.LAUNCHERS)
        found = launchers.find_in_time(wsl_judge.mounts_of(machine), machine)
        if found:
            # Of drives that did not answer, nothing is found. What leads where another Windows user may write goes.
            names = {name for name in found if name not in taken}
            left = {entry.path for entry in ours if os.path.basename(entry.path) not in names}
            self.changes.restore(lambda entry: entry.path in left)
        written = {os.path.basename(entry.path): entry.written for entry in ours}
        for path, text in launchers.plan(found, taken, wsl_judge.LAUNCHERS).items():
            # One that somebody edited since is theirs.
            if launchers.state_of(path, written.get(os.path.basename(path))) != wsl_judge.EDITED:
                self.changes.write(path, text, mode=0o755)

    def keep_in_force(self, before: str, after: str) -> None:
        """Remember what the running distro was started with, until its next start empties /run."""
        machine = wsl_observe.collect(conf_path=self.path)
        start = wsl_judge.started_at(machine)
        if not wsl_judge.is_wsl(machine) or start is None:
            return
        kept = machine.in_force if (machine.in_force_mtime or 0.0) >= start else None
        if kept is not None and kept == after:
            os.unlink(wsl_judge.IN_FORCE)
            with contextlib.suppress(OSError):
                os.rmdir(os.path.dirname(wsl_judge.IN_FORCE))
        elif kept is None and (machine.conf_mtime is None or machine.conf_mtime <= start):
            files.Files().make_folders(os.path.dirname(wsl_judge.IN_FORCE))
            files.Files().put(wsl_judge.IN_FORCE, files.FileState.own(encode(before), 0o644))

    def absent(self) -> NoReturn:
        """Restore what was there before, of this run only where that is asked for."""
        only = self.options["only_this_run"]
        restored = self.changes.restore(only=only, before=self.keep_started_with)
        self.changes.left += self.changes.journal.damaged()
        if not only and not self.changes.check_mode:
            self.changes.journal.close()
        targets = [step.texts[1] for step in restored if step.path == self.path]
        self.finish(targets[0] if targets else self.changes.read(self.path))

    def keep_started_with(self, step: journal.Step) -> None:
        """Remember what the running distro was started with before wsl.conf is restored."""
        if step.path == self.path and step.action != "keep":
            before, after = step.texts
            self.keep_in_force(before or "", after or "")

    def finish(self, text: str | None) -> NoReturn:
        """Judge the machine and return: with the text that is on the disk now, or would be."""
        machine = wsl_observe.collect(conf_path=self.path, run_command=self.module.run_command)
        if self.changes.made and self.changes.check_mode:
            start = wsl_judge.started_at(machine)
            if machine.in_force is None and machine.conf_mtime is not None and machine.conf_mtime <= (start or 0.0):
                machine.in_force, machine.in_force_mtime = machine.conf or "", time.time()
            machine.conf, machine.conf_mtime = text, time.time()
        facts = wsl_judge.observe(machine)
        conf = {**facts["conf"], "notes": [*facts["conf"]["notes"], *self.changes.notes]}
        for note in conf["notes"] if self.options["state"] == "present" else []:
            self.module.warn(note)
        result: dict[str, Any] = {
            "path": self.path,
            "wanted": self.asked,
            "pending": list(conf["pending"]),
        }
        for name in ("notes", "settings", "complete", "pending_sentences", "restart_command"):
            result[name] = conf[name]
        if not self.changes.check_mode:
            result["ansible_facts"] = {"wsl": facts}
        self.module.exit_json(**self.changes.result(**result))


def main() -> None:
    """Set or restore keys of wsl.conf; an error is one sentence."""
    module = AnsibleModule(
        argument_spec={
            **journal.ARGUMENTS,
            "path": {"type": "path", "default": "/etc/wsl.conf"},
            "content": {"type": "str", "default": ""},
            "remove": {"type": "list", "elements": "str", "default": []},
            "repair": {"type": "bool", "default": False},
            "allow_harmful": {"type": "bool", "default": False},
            "launchers": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        target = WslConf(module)
        if module.params["state"] == "present":
            target.present()
        else:
            target.absent()
    except ValueError as error:
        module.fail_json(msg=printable(str(error)))
    except OSError as error:
        module.fail_json(
            msg=f"{error.filename or 'A file'} cannot be read or written: {error.strerror}; "
            "fix that or run as root (become: true)."
        )


if __name__ == "__main__":
    main()
