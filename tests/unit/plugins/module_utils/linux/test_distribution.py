# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import distribution

FILES = {"dpkg-query": "apt-get", "rpm": "dnf", "pacman": "pacman", "apk": "apk"}
ALL = ("apt-get", "dnf", "zypper", "pacman", "apk")


def test_every_manager_can_do_what_the_others_can() -> None:
    assert set(distribution.MANAGERS) == set(ALL)
    for manager, facts in distribution.MANAGERS.items():
        verbs = {"owner", "list", "versions", "plan", "install", "remove", "advice", "undo", "cgo", "python", "purl"}
        assert set(facts) >= verbs, manager
        for verb in ("plan", "install", "remove"):
            assert "partial" not in facts and "-Sy" not in facts[verb], (manager, verb)


def test_no_manager_brings_what_is_only_recommended() -> None:
    leaves_out = {"apt-get": "--no-install-recommends", "dnf": "install_weak_deps=False", "zypper": "--no-recommends"}
    for manager, option in leaves_out.items():
        for verb in ("plan", "install"):
            assert option in distribution.MANAGERS[manager][verb], (manager, verb)


@pytest.mark.parametrize(
    ("manager", "names"),
    [
        ("apt-get", ["golang-go", "gcc", "libc6-dev"]),
        ("dnf", ["golang", "gcc", "glibc-devel"]),
        ("zypper", ["go", "gcc", "glibc-devel"]),
        ("pacman", ["go", "gcc"]),
        ("apk", ["go", "gcc", "musl-dev"]),
    ],
)
def test_what_go_and_a_c_compiler_are_called(manager: str, names: list[str]) -> None:
    assert distribution.names_of(manager, ["go", "cgo"]) == names


def test_every_manager_knows_the_java_that_the_guide_names() -> None:
    guide = (Path(__file__).parents[5] / "docs/guide/distributions.md").read_text(encoding="utf-8")
    row = next(line for line in guide.splitlines() if line.startswith("| Java on a controller"))
    assert [f"`{distribution.names_of(manager, ['java'])[0]}`" for manager in ALL] == row.strip("| ").split(" | ")[1:]


def test_advice_is_spelled_as_the_machine_has_it() -> None:
    assert distribution.advise("install:go", "zypper") == "sudo zypper install go"
    assert distribution.advise("install:cgo", "apt-get") == "sudo apt install gcc libc6-dev"
    assert distribution.advise("install:strace", "apk") == "sudo apk add strace"
    assert distribution.advise("install:go", "") == "install go as your distribution does"
    assert distribution.advise("go mod tidy", "dnf") == "go mod tidy"
    assert distribution.advise("search:gtk+-3.0", "apt-get").startswith("apt-file search gtk+-3.0.pc ")
    assert distribution.advise("search:gtk+-3.0", "dnf").startswith("dnf provides 'pkgconfig(gtk+-3.0)' ")


@pytest.mark.parametrize(
    ("there", "knows", "found"),
    [
        (["apt-get"], "", "apt-get"),
        # Others' managers can be installed beside a distribution's own.
        (["apt-get", "dnf", "zypper", "pacman"], "apt-get", "apt-get"),
        (["apt-get", "dnf"], "dnf", "dnf"),
        (["apt-get", "pacman"], "pacman", "pacman"),
        (["dnf", "zypper"], "", "dnf"),
        ([], "", ""),
    ],
)
def test_the_manager_that_the_machine_came_with(there: list[str], knows: str, found: str) -> None:
    def run(words: Sequence[str]) -> tuple[int, str]:
        return (0 if FILES[words[0]] == knows else 1), ""

    programs = [*there, "dpkg-query", "rpm"]
    assert distribution.find_manager(run, lambda name: name if name in programs else None) == found


DNF = """\
 Package         Arch      Version            Repository    Size
================================================================
Installing:
 golang          x86_64    1.24.4-1.el10      families      1.2 M
Installing dependencies:
 golang-src      noarch    1.24.4-1.el10      families       12 k

Transaction Summary
Install  2 Packages

Total download size: 1.2 M
Operation aborted.
"""
ZYPPER = """\
Loading repository data...
The following 3 NEW packages are going to be installed:
  go go1.27
  gcc

3 new packages to install.
"""
APT = """\
Inst golang-1.24-src (1.24.4-1 Debian:13.0/stable [all])
Inst libc6 [2.41-1] (2.41-2 Debian:13.0/stable [amd64])
Inst golang-go:amd64 (2:1.24~2 Debian:13.0/stable [amd64])
Conf golang-1.24-src (1.24.4-1 Debian:13.0/stable [all])
"""


@pytest.mark.parametrize(
    ("manager", "said", "names"),
    [
        ("apt-get", APT, ["golang-1.24-src", "golang-go"]),
        ("apt-get", "E: Unable to locate package golang-go", []),
        ("dnf", DNF, ["golang", "golang-src"]),
        ("dnf", "No match for argument: golang\nError: Unable to find a match: golang\n", []),
        ("zypper", ZYPPER, ["gcc", "go", "go1.27"]),
        ("zypper", "Package 'go' not found.\n", []),
        ("pacman", "go\ngcc\nlibmpc\n", ["gcc", "go", "libmpc"]),
        ("pacman", "error: target not found: go\n", []),
        ("apk", "(1/2) Installing go (1.24.4-r0)\n(2/2) Upgrading musl (1 -> 2)\nOK: 9 MiB\n", ["go"]),
    ],
)
def test_only_what_is_new_would_be_installed(manager: str, said: str, names: list[str]) -> None:
    assert distribution.list_planned(manager, said) == names


def test_what_is_installed() -> None:
    said = "installed\tbash\nconfig-files\tgolang-go\ninstalled\tzsh\nnot-installed\told\n"
    assert distribution.list_installed(said) == ["bash", "zsh"]
    assert distribution.list_installed("bash\nzsh\n\nzsh\n") == ["bash", "zsh"]


@pytest.mark.parametrize(
    ("manager", "said", "packages"),
    [
        (
            "apt-get",
            "installed\tzlib1g\t1:1.3-1\tamd64\nconfig-files\tgone\t1\tamd64\ninstalled\tbash\t5.2-2\tamd64\n\n",
            [("bash", "5.2-2", "amd64"), ("zlib1g", "1:1.3-1", "amd64")],
        ),
        (
            "dnf",
            "vim\t2:9.1-1.fc43\tnoarch\ngpg-pubkey\t105ef944-65ca83d1\t(none)\nkernel\t6.18-1\tx86_64\nkernel\t6.17-1\tx86_64\n",
            [("kernel", "6.17-1", "x86_64"), ("kernel", "6.18-1", "x86_64"), ("vim", "2:9.1-1.fc43", "noarch")],
        ),
        ("pacman", "vim 1:9.1-1\nbash 5.3.3-2\n", [("bash", "5.3.3-2", ""), ("vim", "1:9.1-1", "")]),
        (
            "apk",
            "WARNING: opening /etc/apk: No such file\nmusl-1.2.5-r10\nca-certificates-bundle-20250911-r0\n",
            [("ca-certificates-bundle", "20250911-r0", ""), ("musl", "1.2.5-r10", "")],
        ),
    ],
)
def test_the_versions_of_what_is_installed(manager: str, said: str, packages: list[tuple[str, str, str]]) -> None:
    assert distribution.list_versions(manager, said) == [distribution.Package(*package) for package in packages]


@pytest.mark.parametrize(
    ("manager", "said", "names"),
    [
        ("apt-get", "Purg golang-go [1]\nPurg hugo [2]\n", ["hugo"]),
        ("dnf", "error: Failed dependencies:\n\tgcc is needed by (installed) dkms-3.0.11-1.el9.noarch\n", ["dkms"]),
        ("zypper", "\tlibc.so.6()(64bit) is needed by (installed) perl-5.38.2-1.1.x86_64\n", ["perl"]),
        ("dnf", "\tgcc = 14-1 is needed by (installed) 2:gcc-c++-14-1.x86_64\n", ["gcc-c++"]),
        ("pacman", ":: removing gcc breaks dependency 'gcc' required by base-devel\n", ["base-devel"]),
        ("apk", "whatever", []),
    ],
)
def test_what_needs_a_package(manager: str, said: str, names: list[str]) -> None:
    assert distribution.list_needing(manager, "golang-go", said) == names


def test_only_what_nothing_else_needs_is_removed() -> None:
    needing: dict[str, list[str]] = {"go": [], "gcc": ["go", "dkms"], "libc-dev": ["gcc"], "src": ["go"], "alone": []}
    removable, kept = distribution.choose_removable(
        ["alone", "go", "gcc", "libc-dev", "src"], lambda name: needing[name]
    )
    # go may go, and with it its sources; the compiler stays for dkms, and what the compiler needs stays too.
    assert removable == ["alone", "go", "src"]
    assert kept == {"gcc": ["dkms"], "libc-dev": ["gcc"]}
    assert distribution.explain_kept("dnf", kept) == [
        "gcc stays installed, because dkms needs it; remove it with `dnf remove gcc`",
        "libc-dev stays installed, because gcc needs it; remove it with `dnf remove libc-dev`",
    ]


def test_a_partial_upgrade_is_seen() -> None:
    assert distribution.list_outdated("glibc 2.40-1 -> 2.41-1\nlinux 6.1-1 -> 6.2-1 [ignored]\n") == ["glibc"]
    assert distribution.list_outdated("\n") == []
    assert "pacman -Syu" in distribution.PARTIAL


def test_where_nothing_can_be_installed() -> None:
    assert "supported are Debian and Ubuntu" in distribution.obstacle("", "NixOS 25.11", False)
    assert "NixOS 25.11" in distribution.obstacle("", "NixOS 25.11", False)
    assert "transactional-update" in distribution.obstacle("zypper", "openSUSE MicroOS", True)
    assert distribution.obstacle("dnf", "Fedora Linux 43", False) == ""


def test_the_name_is_for_messages_alone(tmp_path: Path) -> None:
    (tmp_path / "os-release").write_text('NAME=x\nPRETTY_NAME="Fedora Linux 43 (Container Image)"\n')
    assert distribution.read_name(str(tmp_path / "os-release")) == "Fedora Linux 43 (Container Image)"
    assert distribution.read_name(str(tmp_path / "none")) == "this distribution"


def test_selinux_counts_where_it_can_enforce(tmp_path: Path) -> None:
    assert not distribution.has_selinux(str(tmp_path))
    (tmp_path / "enforce").write_text("1")
    assert distribution.has_selinux(str(tmp_path))


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("/usr/bin/python3\r\npython\r\n/usr/bin/dnf\r\n", ""),
        ("/sbin/apk\napk\n", "apk update && apk add python3"),
        (
            "/usr/bin/apt-get\nbase-files: /usr/lib/os-release\napt-get\n",
            (
                "export NEEDRESTART_SUSPEND=1 NEEDRESTART_MODE=l; apt-get --quiet -o DPkg::Lock::Timeout=180 update && "
                "apt-get --quiet --yes --no-install-recommends -o DPkg::Lock::Timeout=180 install python3 python3-venv"
            ),
        ),
        ("/usr/bin/apt-get\n/usr/bin/pacman\nfilesystem\npacman\n", "pacman -S --needed --noconfirm python"),
    ],
)
def test_a_machine_without_python_gets_one(said: str, command: str) -> None:
    assert distribution.install_python(said) == command


def test_a_machine_that_cannot_get_a_python() -> None:
    with pytest.raises(ValueError, match="no /opt/python, and no package manager that is known here; supported are"):
        distribution.install_python("/usr/bin/apt-get\n", "/opt/python")


@pytest.mark.parametrize("program", ["sh", "busybox sh"])
def test_any_shell_can_answer_what_there_is(program: str, tmp_path: Path) -> None:
    words = program.split()
    if not shutil.which(words[0]):
        pytest.skip(f"no {words[0]}")
    for name in ("apk", "pacman"):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {int(name == 'pacman')}\n")
        (tmp_path / name).chmod(0o755)
    for name in (words[0], "readlink"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    question = distribution.install_python(None, "no-python")
    done = subprocess.run(
        [str(tmp_path / words[0]), *words[1:], "-c", question],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert distribution.install_python(done.stdout, "no-python") == "apk update && apk add python3"


def test_the_scripts_read_the_same_table() -> None:
    script = Path(__file__).resolve().parents[5] / "scripts" / "venv.sh"
    ask = "; ".join(f'manager={name}; echo "{name} $(names_of go cgo python)"' for name in ALL)
    done = subprocess.run(
        ["bash", "-c", f'set -u; program=p root=/; . "{script}"; find_manager; {ask}'],
        capture_output=True,
        text=True,
        check=True,
    )
    told = [line.split() for line in done.stdout.splitlines()]
    assert told == [[name, *distribution.names_of(name, ["go", "cgo", "python"])] for name in ALL]
