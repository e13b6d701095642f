# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What differs between distributions: who installs packages and what they are called there, and where shells look.

Nothing here goes by a distribution's name. Which package manager a machine has is asked of the machine, and the rest
follows from that or is looked for.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Callable

from ansible_collections.wsltune.go.plugins.module_utils.linux import process, programs, text

SUPPORTED = "Debian and Ubuntu (apt), Fedora, AlmaLinux and RHEL (dnf), openSUSE (zypper), Arch (pacman), Alpine (apk)"

# One fact a line: package manager, what, words. scripts/venv.sh reads the same lines. A program's name alone is the
# need itself; a bar separates what is tried one after the other.
TABLE = r"""
apt-get  owner       dpkg-query -S
apt-get  list        dpkg-query --show --showformat=${db:Status-Status}\t${Package}\n
apt-get  versions    dpkg-query --show --showformat=${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\n
apt-get  purl        deb
apt-get  finish      dpkg --configure -a
apt-get  refresh     apt-get --quiet -o DPkg::Lock::Timeout=180 update
apt-get  plan        apt-get --simulate --quiet --no-install-recommends install
apt-get  install     apt-get --quiet --yes --no-install-recommends -o DPkg::Lock::Timeout=180 install
apt-get  dependents  apt-get --simulate --quiet purge
apt-get  remove      apt-get --quiet --yes -o DPkg::Lock::Timeout=180 purge
apt-get  advice      apt install
apt-get  search      apt-file search {}.pc
apt-get  undo        apt-get purge
apt-get  go          golang-go
apt-get  cgo         gcc libc6-dev
apt-get  python      python3 python3-venv
apt-get  ssh         openssh-client
apt-get  ansible     ansible-core
apt-get  systemd     systemd-sysv
apt-get  java        default-jre-headless

dnf      owner       rpm -qf
dnf      list        rpm -qa --queryformat=%{NAME}\n
dnf      versions    rpm -qa --queryformat=%{NAME}\t%{EVR}\t%{ARCH}\n
dnf      purl        rpm
dnf      plan        dnf --assumeno --setopt=install_weak_deps=False install
dnf      install     dnf --assumeyes --setopt=install_weak_deps=False install
dnf      dependents  rpm --erase --test
dnf      remove      dnf --assumeyes --setopt=clean_requirements_on_remove=False remove
dnf      advice      dnf install
dnf      search      dnf provides 'pkgconfig({})'
dnf      undo        dnf remove
dnf      go          golang
dnf      cgo         gcc glibc-devel
dnf      python      python3 | python3.12 | python3.11
dnf      ssh         openssh-clients
dnf      ansible     ansible-core
dnf      pkg-config  pkgconf-pkg-config
dnf      java        java-21-openjdk-headless

zypper   owner       rpm -qf
zypper   list        rpm -qa --queryformat=%{NAME}\n
zypper   versions    rpm -qa --queryformat=%{NAME}\t%{EVR}\t%{ARCH}\n
zypper   purl        rpm
zypper   refresh     zypper --non-interactive refresh
zypper   plan        zypper --non-interactive install --dry-run --no-recommends
zypper   install     zypper --non-interactive install --no-recommends
zypper   dependents  rpm --erase --test
zypper   remove      zypper --non-interactive remove --no-clean-deps
zypper   advice      zypper install
zypper   search      zypper search --provides 'pkgconfig({})'
zypper   undo        zypper remove
zypper   cgo         gcc glibc-devel
zypper   python      python3 | python313 | python312 | python311
zypper   ssh         openssh-clients
zypper   systemd     systemd-sysvinit
zypper   java        java-21-openjdk-headless

pacman   owner       pacman -Qo
pacman   list        pacman -Qq
pacman   versions    pacman -Q
pacman   purl        alpm
pacman   outdated    pacman -Qu
pacman   plan        pacman -S --needed --print --print-format %n
pacman   install     pacman -S --needed --noconfirm
pacman   dependents  pacman -R --print
pacman   remove      pacman -Rn --noconfirm
pacman   advice      pacman -S
pacman   search      pacman -F {}.pc
pacman   undo        pacman -Rs
pacman   cgo         gcc
pacman   python      python
pacman   ssh         openssh
pacman   pkg-config  pkgconf
pacman   systemd     systemd-sysvcompat
pacman   java        jre-openjdk-headless

apk      owner       apk info --quiet --who-owns
apk      list        apk info --quiet
apk      versions    apk info --verbose
apk      purl        apk
apk      refresh     apk update
apk      plan        apk add --simulate
apk      install     apk add
apk      remove      apk del
apk      advice      apk add
apk      search      apk search --exact pc:{}
apk      undo        apk del
apk      cgo         gcc musl-dev
apk      python      python3
apk      ssh         openssh-client
apk      pkg-config  pkgconf
apk      java        openjdk21-jre-headless
"""

PLANNED = {
    "apt-get": r"(?m)^Inst ([^\s:]+)\S* \(",
    "dnf": r"(?m)^ (\S+) +(?:noarch|x86_64|aarch64|i686|ppc64le|s390x|riscv64) +\S+ +\S+ +[\d.]+ ",
    "pacman": r"(?m)^([a-z0-9@_+][\w@.+-]*)$",
    "apk": r"(?m)^\(\d+/\d+\) Installing (\S+) ",
}
"""What a plan's output says of each package that would be installed; zypper's lists them in one paragraph."""
NEEDED = {
    "apt-get": r"(?m)^Purg (\S+)",
    "dnf": r"is needed by \(installed\) (?:\d+:)?(\S+)-[^-\s]+-[^-\s]+",
    "zypper": r"is needed by \(installed\) (?:\d+:)?(\S+)-[^-\s]+-[^-\s]+",
    "pacman": r"required by (\S+)",
}
"""What a look at a removal says of each package that needs what would go."""

PARTIAL = (
    "pacman would mix this with packages that are older, and Arch supports no partial upgrades: bring the machine up "
    "to date with `pacman -Syu`, then run again; nothing was installed"
)
OS_RELEASE = "/etc/os-release"
NO_RESTARTS = {"NEEDRESTART_SUSPEND": "1", "NEEDRESTART_MODE": "l"}
"""With these apt-get restarts no service: which one needs that, needrestart says by the processes of any account. Its
mode, to list them alone, is what it knows before version 3.5."""

Run = Callable[[Sequence[str]], "tuple[int, str]"]
"""Runs a program; returns its exit code and all that it said."""
LIMIT = 20.0
"""Seconds that a program which only looks may take."""


def ask(words: Sequence[str]) -> tuple[int, str]:
    """Run a program that only looks; return its exit code and all that it said."""
    try:
        done = process.run(words, {"PATH": programs.SEARCHED, "LC_ALL": "C.UTF-8"}, limit=LIMIT, most=1 << 22)
    except OSError as error:
        return 127, str(error)
    if done.timed_out:
        return done.code or 124, f"no end within {LIMIT:g} s"
    return done.code, f"{done.out}\n{done.err}"


def parse_table(table: str = TABLE) -> dict[str, dict[str, str]]:
    """Return the words of every fact by package manager."""
    managers: dict[str, dict[str, str]] = {}
    for row in table.splitlines():
        if row.strip():
            manager, what, words = row.split(None, 2)
            managers.setdefault(manager, {})[what] = words
    return managers


MANAGERS = parse_table()


def list_installed(output: str) -> list[str]:
    """Return the packages that a manager lists; of dpkg's those that it has the state of, the ones that are there."""
    rows = [line.split() for line in output.splitlines() if line.strip()]
    return sorted({row[-1] for row in rows if len(row) == 1 or row[0] == "installed"})


@dataclass(frozen=True, order=True)
class Package:
    """An installed package; C(architecture) is empty where the manager does not say it."""

    name: str
    version: str
    architecture: str = ""


def list_versions(manager: str, output: str) -> list[Package]:
    """Return the packages that a manager lists with their versions, by name."""
    packages = set()
    for row in output.splitlines():
        words = row.split()
        if manager == "apt-get":
            # Of a package that was removed, the state says so.
            words = words[1:] if words[:1] == ["installed"] else []
        elif manager == "apk":
            # apk says NAME-VERSION-rREVISION, and only the name may have a hyphen of its own.
            match = re.fullmatch(r"(\S+)-([^\s-]+-r\d+)", row)
            words = list(match.groups()) if match else []
        # A key that rpm trusts is listed like a package, without an architecture.
        if len(words) in (2, 3) and words[2:] != ["(none)"]:
            packages.add(Package(*words))
    return sorted(packages)


def explain_unlisted(manager: str, output: str) -> str:
    """Return why it is not known what is installed, in one sentence without its end."""
    return f"{manager} does not list what is installed ({text.line(output)}): repair it, then run again"


def words_for(manager: str, verb: str) -> list[str]:
    """Return the words of a command, none where the manager has none for it."""
    return MANAGERS[manager].get(verb, "").split()


def names_of(manager: str, needs: Sequence[str]) -> list[str]:
    """Return what the packages are called that C(needs) stand for, such as go and cgo."""
    return [name for need in needs for name in MANAGERS[manager].get(need, need).split("|")[0].split()]


def advise(command: str, manager: str) -> str:
    """Return the command that `install:NEED` or `search:LIBRARY` means on a machine with this manager.

    LIBRARY is one of pkg-config's; any other command stays as it is.
    """
    verb, _colon, rest = command.partition(":")
    needs = rest.split()
    if verb == "search" and needs:
        spelled = MANAGERS.get(manager, {}).get("search", "pkg-config --exists {}").format(rest)
        return f"{spelled}   (names the package to install)"
    if verb != "install" or not needs:
        return command
    if manager not in MANAGERS:
        return f"install {' '.join(needs)} as your distribution does"
    return f"sudo {MANAGERS[manager]['advice']} {' '.join(names_of(manager, needs))}"


def find_manager(run: Run = ask, which: Callable[[str], str | None] = programs.find_program) -> str:
    """Return the package manager that this machine came with, empty where it is none of those known here.

    Another distribution's may be installed beside it; the one that is meant knows whose the description of the
    distribution is.
    """
    there = [manager for manager in MANAGERS if which(manager)]
    if len(there) < 2:
        return there[0] if there else ""
    path = os.path.realpath(OS_RELEASE)
    for manager in there:
        words = words_for(manager, "owner")
        if which(words[0]) and run([*words, path])[0] == 0:
            return manager
    return there[0]


def read_name(path: str = OS_RELEASE) -> str:
    """Return what the distribution calls itself, for a message alone."""
    match = re.search(r'(?m)^PRETTY_NAME="?([^"\n]*)', text.read(path) or "")
    return match[1] if match else "this distribution"


def read_id(path: str = OS_RELEASE) -> str:
    """Return what the distribution is called in addresses of packages; nothing is decided by it."""
    match = re.search(r"(?m)^ID=[\"']?([a-z0-9._-]+)", text.read(path) or "")
    return match[1] if match else "linux"


def is_read_only(path: str = "/usr") -> bool:
    """Return whether nothing can be installed because a file system is read-only, as on MicroOS and Silverblue."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def obstacle(manager: str, name: str, read_only: bool) -> str:
    """Return why nothing can be installed, in one sentence without its end; empty where it can."""
    if not manager:
        return f"{name} has no package manager that is known here; supported are {SUPPORTED}"
    if read_only:
        return (
            f"/usr of {name} is read-only, so that packages come by transactional-update or rpm-ostree and with a "
            "restart: install them so, or work in a container (toolbox, distrobox)"
        )
    return ""


def list_planned(manager: str, output: str) -> list[str]:
    """Return the packages that a plan says it would add; an upgrade is none."""
    if manager == "zypper":
        match = re.search(
            r"(?ms)^The following \d* ?NEW packages? (?:is|are) going to be installed:\n(.*?)\n\n", output
        )
        return sorted(set(match[1].split())) if match else []
    return sorted(set(re.findall(PLANNED[manager], output)))


def list_needing(manager: str, package: str, output: str) -> list[str]:
    """Return the other packages that need C(package), as a look at its removal says."""
    pattern = NEEDED.get(manager)
    return sorted(set(re.findall(pattern, output)) - {package}) if pattern else []


def choose_removable(
    installed: Collection[str], needing: Callable[[str], Collection[str]]
) -> tuple[list[str], dict[str, list[str]]]:
    """Return those of C(installed) that nothing else needs, and for the others what needs them.

    C(needing) returns what needs a package. What a package needs that stays has to stay too.
    """
    users = {name: sorted(needing(name)) for name in installed}
    removable = set(installed)
    while True:
        held = {name for name in removable if not removable.issuperset(users[name])}
        if not held:
            break
        removable -= held
    kept = {name: [user for user in users[name] if user not in removable] for name in users if name not in removable}
    return sorted(removable), kept


def explain_kept(manager: str, kept: Mapping[str, Sequence[str]]) -> list[str]:
    """Return why packages stay installed that a rollback would have removed."""
    return [
        f"{name} stays installed, because {', '.join(users[:5])} {'need' if len(users) > 1 else 'needs'} it; remove it "
        f"with `{MANAGERS[manager]['undo']} {name}`"
        for name, users in kept.items()
        if users
    ]


def list_outdated(output: str) -> list[str]:
    """Return the packages that pacman has a newer version of, without those that are held back on purpose."""
    return [line.split()[0] for line in output.splitlines() if line.split() and not line.endswith("[ignored]")]


def has_selinux(root: str = "/sys/fs/selinux") -> bool:
    """Return whether files have labels of SELinux that count."""
    return os.path.exists(os.path.join(root, "enforce"))


@dataclass(frozen=True)
class Distribution:
    """What was probed of a machine."""

    manager: str
    name: str
    read_only: bool

    @property
    def obstacle(self) -> str:
        """Why nothing can be installed."""
        return obstacle(self.manager, self.name, self.read_only)


def observe(run: Run = ask) -> Distribution:
    """Look at this machine."""
    return Distribution(find_manager(run), read_name(), is_read_only())


def install_python(output: str | None, interpreter: str = "python3") -> str:
    """Return the command that installs a Python where a machine's answer C(output) has none; nothing where it has one.

    Without an answer it returns the command that asks, for a shell alone. ValueError where nothing is known to install
    a Python.
    """
    program = "python3" if interpreter.startswith("auto") else interpreter
    if output is None:
        asked = [f"command -v {shlex.quote(program)} && echo python"]
        for name in MANAGERS:
            asked.append(f"command -v {name} && {MANAGERS[name]['owner']} $(readlink -f {OS_RELEASE}) && echo {name}")
        return "; ".join([*asked, "true"])
    there = [line.strip() for line in output.splitlines()]
    if "python" in there:
        return ""
    manager = next((name for name in MANAGERS if name in there), "")
    if not manager:
        raise ValueError(
            f"The machine has no {program}, and no package manager that is known here; supported are {SUPPORTED}: "
            "install Python by hand, then run again."
        )
    install = " ".join([*words_for(manager, "install"), *names_of(manager, ["python"])])
    refresh = " ".join(words_for(manager, "refresh"))
    kept = " ".join(f"{name}={value}" for name, value in NO_RESTARTS.items())
    alone = f"export {kept}; " if manager == "apt-get" else ""
    return f"{alone}{refresh} && {install}" if refresh else install
