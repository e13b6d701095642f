# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judges an image by what Microsoft checks in a modern distribution before it is listed. Pure.

The rules are those of distributions/validate-modern.py in github.com/microsoft/WSL and of "Build a Custom Linux
Distribution for WSL" on learn.microsoft.com, both of 2026.
"""

from __future__ import annotations

import configparser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ansible_collections.wsltune.go.plugins.module_utils.image import archive, clean
from ansible_collections.wsltune.go.plugins.module_utils.image.archive import Member
from ansible_collections.wsltune.go.plugins.module_utils.linux import elf

DISTRIBUTION_CONF, WSL_CONF = "/etc/wsl-distribution.conf", "/etc/wsl.conf"
KEYS = ("oobe.command", "oobe.defaultuid", "oobe.defaultname", "shortcut.icon", "windowsterminal.profiletemplate")
OOBE_PLACES = ("/usr/lib/wsl/", "/usr/libexec/wsl/")
DISCOURAGED_UNITS = (
    "systemd-resolved.service",
    "systemd-networkd.service",
    "systemd-networkd-wait-online.service",
    "systemd-tmpfiles-setup.service",
    "systemd-tmpfiles-clean.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-tmpfiles-setup-dev-early.service",
    "systemd-tmpfiles-setup-dev.service",
    "tmp.mount",
    "NetworkManager.service",
    "networking.service",
)
UNIT_FOLDERS = ("etc/systemd/system", "usr/lib/systemd/system", "usr/local/lib/systemd/system")
LARGEST_ICON = 1024 * 1024

Read = Callable[[Member], bytes]


@dataclass
class Verdict:
    """C(errors) keep a distribution out of Microsoft's list; C(warnings) are advice."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class _Judge:
    members: Mapping[str, Member]
    read: Read
    architecture: str
    verdict: Verdict

    def file(self, path: str, modes: tuple[int, ...], required: bool = True, group: bool = True) -> Member | None:
        """Return the file at C(path) and judge its owner and mode."""
        member = archive.resolve(self.members, path)
        if member is None or member.kind not in (archive.FILE, archive.HARDLINK):
            if required:
                self.verdict.errors.append(f"{path} is missing")
            return None
        if member.mode & 0o7777 not in modes:
            expected = " or ".join(f"{mode:04o}" for mode in modes)
            self.verdict.warnings.append(f"{path} has mode {member.mode & 0o7777:04o}, not {expected}")
        if member.uid != 0 or (group and member.gid != 0):
            self.verdict.warnings.append(f"{path} belongs to {member.uid}:{member.gid}, not to root")
        return member

    def program(self, path: str) -> None:
        """Judge a program of the image's architecture."""
        member = self.file(path, (0o755, 0o775))
        if member is None:
            return
        try:
            architecture = elf.architecture(self.read(member))
        except elf.ElfError:
            architecture = "no ELF"
        if architecture != self.architecture:
            self.verdict.errors.append(f"{path} is a program for {architecture}, not for {self.architecture}")

    def settings(self, path: str, member: Member, known: tuple[str, ...]) -> dict[str, str]:
        """Return what a file of settings says, by section.key in lower case."""
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(self.read(member).decode("utf-8"))
        except (configparser.Error, UnicodeDecodeError) as error:
            self.verdict.errors.append(f"{path} cannot be read: {' '.join(str(error).split())}")
            return {}
        settings = {f"{name}.{key}".lower(): value for name in parser.sections() for key, value in parser[name].items()}
        unknown = sorted(set(settings) - set(known)) if known else []
        if unknown:
            self.verdict.errors.append(f"{path} has {', '.join(unknown)}, which a distribution may not set")
        return settings

    def distribution(self) -> dict[str, str]:
        member = self.file(DISTRIBUTION_CONF, (0o644, 0o664))
        if member is None:
            return {}
        settings = self.settings(DISTRIBUTION_CONF, member, KEYS)
        command = settings.get("oobe.command", "")
        if command:
            self.file(command, (0o755, 0o775))
            if not command.startswith(OOBE_PLACES):
                self.verdict.warnings.append(f"oobe.command {command} is not below {' or '.join(OOBE_PLACES)}")
        if settings.get("oobe.defaultuid", "1000") != "1000":
            self.verdict.warnings.append(f"oobe.defaultUid is {settings['oobe.defaultuid']}, not 1000")
        if not settings.get("oobe.defaultname"):
            self.verdict.errors.append("oobe.defaultName is missing, so the file cannot be installed by a double click")
        icon = settings.get("shortcut.icon", "")
        if not icon:
            self.verdict.warnings.append("shortcut.icon is missing")
        else:
            member = self.file(icon, (0o644, 0o664))
            if member is not None and member.size > LARGEST_ICON:
                self.verdict.errors.append(f"{icon} has more than {LARGEST_ICON} bytes")
        return settings

    def accounts(self, settings: Mapping[str, str]) -> None:
        member = self.file("/etc/passwd", (0o644, 0o664))
        seen: dict[str, str] = {}
        for line in self._lines(member):
            fields = line.split(":")
            if len(fields) != 7 or not fields[2].isdigit():
                self.verdict.errors.append(f"/etc/passwd has the line {line!r}")
                continue
            if fields[2] in seen:
                self.verdict.errors.append(f"/etc/passwd has the user id {fields[2]} twice")
            seen.setdefault(fields[2], fields[0])
        if seen.get("0") != "root":
            self.verdict.errors.append("/etc/passwd has no root with the user id 0")
        default = settings.get("oobe.defaultuid", "")
        if default in seen:
            self.verdict.warnings.append(f"/etc/passwd has {seen[default]} with the user id {default} already")
        shadow = self.file("/etc/shadow", (0o640, 0o600, 0), group=False)
        if clean.has_password("\n".join(self._lines(shadow))):
            self.verdict.errors.append("/etc/shadow has a password")

    def _lines(self, member: Member | None) -> list[str]:
        return self.read(member).decode("utf-8", "replace").splitlines() if member else []

    def units(self) -> None:
        """Judge the units that a start of systemd takes along."""
        for unit in DISCOURAGED_UNITS:
            masked = self.members.get(f"etc/systemd/system/{unit}")
            if masked is not None and masked.kind == archive.LINK and masked.target == "/dev/null":
                continue
            wanted = next((name for name in self.members if _is_wanted(name, unit)), "")
            if wanted:
                self.verdict.warnings.append(f"/{wanted} starts {unit}, which can cause trouble in WSL: mask it")

    def left_over(self) -> None:
        """Judge what does not belong in an image."""
        for name, member in self.members.items():
            action = clean.judge(name, member.kind == archive.FOLDER)
            if action == clean.DROP or (action == clean.EMPTY and member.kind == archive.FILE and member.size):
                self.verdict.errors.append(f"/{name} does not belong in an image")


def _is_wanted(name: str, unit: str) -> bool:
    folder, _slash, last = name.rpartition("/")
    return last == unit and folder.endswith(".target.wants") and folder.startswith(UNIT_FOLDERS)


def judge(members: Mapping[str, Member], read: Read, architecture: str) -> Verdict:
    """Return what Microsoft's rules, and ours about secrets and identities, find wrong with an image."""
    judging = _Judge(members, read, architecture, Verdict())
    settings = judging.distribution()
    conf = judging.file(WSL_CONF, (0o644, 0o664), required=False)
    # Other keys than boot.systemd are refused in Microsoft's own list; a company's image may have them.
    if conf is not None and judging.settings(WSL_CONF, conf, ()).get("boot.systemd", "").lower() in ("true", "1"):
        judging.program("/sbin/init")
        judging.units()
    judging.accounts(settings)
    judging.program("/bin/bash")
    judging.program("/bin/sh")
    judging.left_over()
    return judging.verdict
