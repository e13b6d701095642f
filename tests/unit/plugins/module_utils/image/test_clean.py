# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.image import clean


@pytest.mark.parametrize(
    "path",
    [
        "etc/ssh/ssh_host_ed25519_key",
        "etc/ssh/ssh_host_rsa_key.pub",
        "etc/ssl/private/ssl-cert-snakeoil.key",
        "etc/pki/tls/private/localhost.key",
        "etc/pki/entitlement/1234-key.pem",
        "etc/apt/auth.conf",
        "etc/apt/auth.conf.d/intranet.conf",
        "etc/zypp/credentials.d/SCCcredentials",
        "var/lib/zypp/AnonymousUniqueId",
        "var/lib/ubuntu-advantage/private/machine-token.json",
        "etc/iscsi/initiatorname.iscsi",
        "etc/resolv.conf",
        "etc/hostname",
        "root/.ssh/id_ed25519",
        "home/anna/.ssh/authorized_keys",
        "home/anna/.bash_history",
        "root/.python_history",
        "home/anna/.git-credentials",
        "home/anna/.aws/credentials",
        "home/anna/.docker/config.json",
        "home/anna/.config/gh/hosts.yml",
        "home/anna/.config/containers/auth.json",
        "home/anna/.cargo/credentials.toml",
        "home/anna/.config/git/credentials",
        "home/anna/.local/share/fish/fish_history",
        "home/anna/.local/share/keyrings/login.keyring",
        "home/anna/.codex/auth.json",
        "home/anna/.m2/settings.xml",
        "root/.cache/go-build/00/x-a",
        "root/.ansible/tmp",
        "root/.config/go/telemetry/local/go.count",
        "tmp/x",
        "var/tmp/x",
        "var/log/apt/history.log",
        "var/cache/apt/pkgcache.bin",
        "var/cache/apt/archives/x.deb",
        "var/lib/apt/lists/deb.debian.org_x",
        "var/lib/systemd/random-seed",
        "var/lib/cloud/instance",
        "var/lib/wsltune/applied.json",
        "boot/vmlinuz-6.1.0",
        "boot/initrd.img-6.1.0",
        "initrd.img",
    ],
)
def test_secrets_identities_and_history_are_dropped(path: str) -> None:
    assert clean.judge(path) == clean.DROP


@pytest.mark.parametrize(
    "path",
    [
        "etc/passwd",
        "etc/ssh/sshd_config",
        "etc/ssl/certs/ca-certificates.crt",
        "etc/pki/tls/certs/ca-bundle.crt",
        "etc/apt/auth.conf.d",
        "home/anna/.config/git/config",
        "home/anna/.cargo/config.toml",
        "home/anna/.claude/settings.json",
        "root/.bashrc",
        "root/.config/go/env",
        "home/anna/.config/go/env",
        "etc/skel/.cache/go-build/00/x-a",
        "var/lib/wsltune/journal/x.json",
        "var/lib/dpkg/status",
        "tmp",
        "var/log",
        "boot",
        "usr/share/doc/history",
    ],
)
def test_all_else_is_kept(path: str) -> None:
    assert clean.judge(path) == clean.KEEP


def test_folders_that_programs_expect_stay() -> None:
    assert clean.judge("var/log/apt", is_folder=True) == clean.KEEP
    assert clean.judge("var/cache/apt/archives/partial", is_folder=True) == clean.KEEP
    assert clean.judge("root/.cache/go-build", is_folder=True) == clean.DROP


def test_an_empty_machine_id_stays_because_systemd_takes_it_for_a_first_start() -> None:
    assert clean.judge("etc/machine-id") == clean.EMPTY


def test_passwords_are_locked_and_all_else_of_the_line_stays() -> None:
    text = (
        "root:$y$j9T$abc$def:19000:0:99999:7:::\nbin:*:19000::::::\nanna:!:1::::::\nold:ab12:1::::::\nfree::1::::::\n"
    )
    locked = clean.lock_passwords(text)
    assert locked == "root:*:19000:0:99999:7:::\nbin:*:19000::::::\nanna:!:1::::::\nold:*:1::::::\nfree::1::::::\n"
    assert clean.has_password(text) and not clean.has_password(locked)
    assert clean.lock_passwords("anna:!$6$a$b:1::::::\n") == "anna:*:1::::::\n"


def test_an_entry_of_gos_cache_gets_another_time_and_keeps_its_length() -> None:
    entry = f"v1 {'a' * 64} {'b' * 64} {123:>20} {1764300000123456789:>20}\n"
    changed = clean.set_times(entry, 7 * 10**9)
    assert changed == f"v1 {'a' * 64} {'b' * 64} {123:>20} {7000000000:>20}\n"
    assert len(changed) == len(entry)
    with pytest.raises(ValueError, match="else"):
        clean.set_times("something else\n", 1)
