# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.image import archive, plan, rules
from ansible_collections.wsltune.go.plugins.module_utils.image.archive import Member

PROGRAM = b"\x7fELF\x02\x01\x01" + b"\0" * 11 + b"\x3e\x00"
CONTENTS = {
    "etc/wsl-distribution.conf": plan.render_distribution_conf("acme", "/usr/lib/wsl/acme.ico").encode(),
    "usr/lib/wsl/wsltune-oobe": b"#!/bin/sh\n",
    "usr/lib/wsl/acme.ico": b"icon",
    "etc/wsl.conf": b"[boot]\nsystemd=true\n",
    "etc/passwd": b"root:x:0:0:root:/root:/bin/bash\nbin:x:2:2::/bin:/usr/sbin/nologin\n",
    "etc/shadow": b"root:*:1::::::\n",
    "usr/bin/bash": PROGRAM,
    "usr/bin/dash": PROGRAM,
    "usr/lib/systemd/systemd": PROGRAM,
}
MODES = {
    "etc/shadow": 0o640,
    "usr/lib/wsl/wsltune-oobe": 0o755,
    **dict.fromkeys(("usr/bin/bash", "usr/bin/dash", "usr/lib/systemd/systemd"), 0o755),
}
LINKS = {
    "bin": "usr/bin",
    "usr/bin/sh": "dash",
    "sbin/init": "/lib/systemd/systemd",
    "lib": "usr/lib",
    "usr/lib/systemd/system/local-fs.target.wants/tmp.mount": "../tmp.mount",
    "etc/systemd/system/tmp.mount": "/dev/null",
}


def judge(
    change: Callable[[dict[str, bytes], dict[str, int], dict[str, str]], None] = lambda _c, _m, _l: None,
    architecture: str = "x86_64",
) -> rules.Verdict:
    contents, modes, links = dict(CONTENTS), dict(MODES), dict(LINKS)
    change(contents, modes, links)
    folders = {folder for name in [*contents, *links] for folder in archive.above(name)}
    members = [Member(name, archive.FOLDER, mode=0o755) for name in sorted(folders)]
    members += [Member(name, archive.LINK, target=target) for name, target in links.items()]
    members += [Member(name, archive.FILE, len(content), modes.get(name, 0o644)) for name, content in contents.items()]
    return rules.judge({one.name: one for one in members}, lambda one: contents[one.name], architecture)


def test_a_good_image_has_neither_errors_nor_warnings() -> None:
    assert judge() == rules.Verdict()


def put(name: str, content: bytes) -> Callable[..., None]:
    return lambda contents, _modes, _links: contents.update({name: content})


def take(name: str) -> Callable[..., None]:
    return lambda contents, _modes, links: (contents.pop(name, None), links.pop(name, None))


def give_mode(name: str, mode: int) -> Callable[..., None]:
    return lambda _contents, modes, _links: modes.update({name: mode})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (take("etc/wsl-distribution.conf"), "/etc/wsl-distribution.conf is missing"),
        (take("usr/lib/wsl/wsltune-oobe"), "/usr/lib/wsl/wsltune-oobe is missing"),
        (take("usr/bin/bash"), "/bin/bash is missing"),
        (take("usr/bin/sh"), "/bin/sh is missing"),
        (take("sbin/init"), "/sbin/init is missing"),
        (take("etc/passwd"), "/etc/passwd is missing"),
        (take("etc/shadow"), "/etc/shadow is missing"),
        (put("etc/wsl-distribution.conf", b"[oobe]\ndefaultName = a\n[boot]\nsystemd=true\n"), "boot.systemd, which"),
        (put("etc/wsl-distribution.conf", b"[oobe]\ndefaultUid = 1000\n"), "oobe.defaultName is missing"),
        (put("etc/wsl-distribution.conf", b"command = x\n"), "cannot be read"),
        (put("usr/lib/wsl/acme.ico", b"x" * (1024 * 1024 + 1)), "/usr/lib/wsl/acme.ico has more than"),
        (put("etc/passwd", b"toor:x:0:0::/:/bin/sh\n"), "no root with the user id 0"),
        (put("etc/passwd", CONTENTS["etc/passwd"] + b"again:x:2:2::/:/bin/sh\n"), "the user id 2 twice"),
        (put("etc/passwd", CONTENTS["etc/passwd"] + b"broken\n"), "the line 'broken'"),
        (put("etc/shadow", b"root:$y$j9T$a$b:1::::::\n"), "/etc/shadow has a password"),
        (put("usr/bin/dash", b"#!/bin/true\n" + b" " * 20), "/bin/sh is a program for no ELF"),
        (put("usr/bin/bash", PROGRAM[:18] + b"\xb7\x00"), "/bin/bash is a program for aarch64"),
        (put("etc/ssh/ssh_host_rsa_key", b"key"), "/etc/ssh/ssh_host_rsa_key does not belong"),
        (put("etc/machine-id", b"0123\n"), "/etc/machine-id does not belong"),
        (put("root/.bash_history", b"ls\n"), "/root/.bash_history does not belong"),
        (put("etc/resolv.conf", b""), "/etc/resolv.conf does not belong"),
        (put("boot/vmlinuz-6", b""), "/boot/vmlinuz-6 does not belong"),
    ],
)
def test_what_keeps_an_image_out_is_an_error(change: Callable[..., None], words: str) -> None:
    verdict = judge(change)
    assert [error for error in verdict.errors if words in error], verdict


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (give_mode("etc/shadow", 0o644), "/etc/shadow has mode 0644"),
        (give_mode("usr/lib/wsl/wsltune-oobe", 0o700), "has mode 0700, not 0755 or 0775"),
        (put("etc/wsl-distribution.conf", b"[oobe]\ndefaultName=a\ndefaultUid=1001\n"), "is 1001, not 1000"),
        (put("etc/wsl-distribution.conf", b"[oobe]\ndefaultName=a\n"), "shortcut.icon is missing"),
        (put("etc/wsl-distribution.conf", b"[oobe]\ndefaultName=a\ncommand=/bin/bash\n"), "is not below"),
        (
            put("etc/passwd", CONTENTS["etc/passwd"] + b"anna:x:1000:1000::/home/anna:/bin/bash\n"),
            "anna with the user id 1000 already",
        ),
        (take("etc/systemd/system/tmp.mount"), "starts tmp.mount"),
    ],
)
def test_what_is_advice_is_a_warning(change: Callable[..., None], words: str) -> None:
    verdict = judge(change)
    assert verdict.errors == [] and [one for one in verdict.warnings if words in one], verdict


def test_units_count_only_where_systemd_starts_them() -> None:
    def change(contents: dict, modes: dict, links: dict) -> None:
        take("etc/systemd/system/tmp.mount")(contents, modes, links)
        contents["etc/wsl.conf"] = b"[boot]\nsystemd=false\n"

    assert judge(change) == rules.Verdict()


def test_an_empty_machine_id_is_as_it_should_be() -> None:
    assert judge(put("etc/machine-id", b"")) == rules.Verdict()


def test_an_image_for_another_architecture_is_judged_by_that() -> None:
    assert "not for aarch64" in judge(architecture="aarch64").errors[0]
