# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.image import user_data

SIGNER = f"anna@example.com ssh-ed25519 {'A' * 68}"
GOOD: dict[str, Any] = {
    "repository": "https://git.example/wsltune",
    "ref": "v1.0.0",
    "signers": [SIGNER],
    "variables": {"go_env_cgo_enabled": "false", "name": "größe 'x'\n$(reboot)"},
}


def script(**changes: Any) -> str:
    config = yaml.safe_load(user_data.render(**{**GOOD, **changes}))
    return str(config["write_files"][1]["content"])


def test_it_is_what_cloud_init_reads() -> None:
    text = user_data.render(**GOOD)
    assert text.startswith("#cloud-config\n") and text == user_data.render(**GOOD)
    config = yaml.safe_load(text)
    assert config["packages"] == ["git", "openssh-client", "ca-certificates"]
    assert config["write_files"][0]["content"] == SIGNER + "\n"
    assert config["write_files"][1]["permissions"] == "0755" and config["runcmd"] == [[user_data.PROGRAM]]
    checked = subprocess.run(["sh", "-n"], input=script(), text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_variables_reach_the_run_as_they_are() -> None:
    words = shlex.split(script().splitlines()[-1])
    assert words[:6] == ["exec", "./onboard.sh", "--yes", "--no-benchmark", "--", "-e"]
    assert json.loads(words[6]) == GOOD["variables"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"repository": ""}, "user_data_repository is ''"),
        ({"repository": "http://git.example/x"}, "user_data_repository is 'http://git.example/x'"),
        ({"repository": "https://git.example/x y"}, "user_data_repository is"),
        ({"repository": "--upload-pack=x"}, "user_data_repository is"),
        ({"repository": "https://me:secret@git.example/x"}, "has a password in it"),
        ({"ref": "-x"}, "user_data_ref is '-x'"),
        ({"ref": "a..b"}, "user_data_ref is"),
        ({"ref": "a b"}, "user_data_ref is"),
        ({"signers": []}, "user_data_signers is empty"),
        ({"signers": ["ssh-ed25519 AAAA"]}, "user_data_signers has 'ssh-ed25519 AAAA'"),
        ({"signers": [SIGNER + "\nmallory ssh-ed25519 x"]}, "user_data_signers has"),
        ({"variables": {"x": "y" * 17000}}, "bytes, and user_data_limit is 16384"),
        ({"limit": 100}, "and user_data_limit is 100"),
        ({"timeout": 0}, "user_data_timeout is 0"),
    ],
)
def test_bad_input_is_one_sentence(changes: dict[str, Any], words: str) -> None:
    refusal = user_data.plan({**GOOD, **changes})["refusal"]
    assert words in refusal and "\n" not in refusal
    assert "secret" not in refusal


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose onboard.sh leaves a trace, and Git's settings that sign with a key of the test's."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("good", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    (folder / "onboard.sh").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/ran\n')
    (folder / "onboard.sh").chmod(0o755)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    return folder


def git(folder: Path, *words: str, key: str = "good") -> None:
    names = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "gpg.format=ssh"]
    sign = ["-c", f"user.signingkey={folder.parent}/{key}"]
    subprocess.run(["git", "-C", folder, *names, *sign, *words], check=True, capture_output=True)


def run(repository: Path, ref: str) -> tuple[int, str]:
    """Run the program as a new distro would, in a folder of the test's."""
    above = repository.parent
    key = (above / "good.pub").read_text().split()
    (above / "signers").write_text(f"a@example.com {key[0]} {key[1]}\n")
    text = script(repository=f"file://{repository}", ref=ref, variables={"a": 1})
    text = text.replace(user_data.FOLDER, str(above / "clone")).replace(user_data.SIGNERS, str(above / "signers"))
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=False, cwd=above)
    return done.returncode, done.stderr


def test_a_signed_commit_and_a_signed_tag_run(repository: Path) -> None:
    git(repository, "commit", "--quiet", "-S", "-m", "one")
    git(repository, "tag", "-s", "v1", "-m", "one")
    for ref in ("main", "v1"):
        (repository.parent / "ran").unlink(missing_ok=True)
        code, err = run(repository, ref)
        assert code == 0, err
        ran = (repository.parent / "ran").read_text().splitlines()
        assert ran == ["--yes", "--no-benchmark", "--", "-e", '{"a": 1}']


@pytest.mark.parametrize(
    ("commit", "tag", "key"),
    [
        (["commit", "--quiet", "-m", "one"], ["tag", "v1"], "good"),
        (["commit", "--quiet", "-S", "-m", "one"], ["tag", "-s", "v1", "-m", "one"], "other"),
        (["commit", "--quiet", "-m", "one"], ["tag", "-a", "v1", "-m", "one"], "good"),
    ],
    ids=["unsigned", "signed by somebody else", "a tag that is not signed"],
)
def test_what_nobody_signed_who_may_does_not_run(repository: Path, commit: list[str], tag: list[str], key: str) -> None:
    git(repository, *commit, key=key)
    git(repository, *tag, key=key)
    for ref in ("main", "v1"):
        code, err = run(repository, ref)
        assert code == 1 and f"wsltune: {ref} is not signed by anybody" in err
        assert not (repository.parent / "ran").exists() and not (repository.parent / "clone").exists()


@pytest.mark.parametrize("kind", ["commit", "tag"])
def test_a_signature_of_another_kind_counts_for_nothing(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whoever signs chooses the kind, and a key in root's GnuPG says nothing about who may have this run."""
    gpg = tmp_path / "bin/gpg"
    gpg.parent.mkdir()
    signature = "-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n"
    said = ["NEWSIG", "GOODSIG 0123456789ABCDEF eve", "VALIDSIG 0123456789ABCDEF", "TRUST_ULTIMATE 0 pgp"]
    good = "".join(f"[GNUPG:] {line}\\n" for line in said)
    gpg.write_text(
        f"#!/bin/sh\ncat >/dev/null\ncase $* in *--verify*) printf '{good}' ;;\n"
        f"*) printf '\\n[GNUPG:] SIG_CREATED D\\n' >&2; printf -- '{signature}' ;; esac\n"
    )
    gpg.chmod(0o755)
    monkeypatch.setenv("PATH", f"{gpg.parent}:{os.environ['PATH']}")
    git(repository, "-c", "gpg.format=openpgp", "commit", "--quiet", *(["-S"] if kind == "commit" else []), "-m", "one")
    if kind == "tag":
        git(repository, "-c", "gpg.format=openpgp", "tag", "-s", "v1", "-m", "one")
    code, err = run(repository, "main" if kind == "commit" else "v1")
    assert code == 1 and "is not signed by anybody" in err
    assert not (repository.parent / "ran").exists()


def test_a_signed_tag_on_a_commit_that_is_not_signed_runs(repository: Path) -> None:
    git(repository, "commit", "--quiet", "-m", "one")
    git(repository, "tag", "-s", "v1", "-m", "one")
    assert run(repository, "v1")[0] == 0 and run(repository, "main")[0] == 1


def test_a_signed_tag_vouches_for_no_branch_of_its_name(repository: Path) -> None:
    git(repository, "commit", "--quiet", "-S", "-m", "one")
    git(repository, "tag", "-s", "main", "-m", "one")
    (repository / "onboard.sh").write_text(f"#!/bin/sh\ntouch {repository.parent}/evil\n")
    git(repository, "commit", "--quiet", "-a", "-m", "two")
    run(repository, "main")
    assert not (repository.parent / "evil").exists()


def test_a_signed_tag_vouches_for_no_other_tag(repository: Path) -> None:
    git(repository, "commit", "--quiet", "-m", "one")
    git(repository, "tag", "-s", "v1", "-m", "one")
    git(repository, "update-ref", "refs/tags/v2", "refs/tags/v1")
    assert run(repository, "v2")[0] == 1 and run(repository, "v1")[0] == 0


def test_without_a_network_nothing_is_done(repository: Path) -> None:
    code, err = run(repository.parent / "none", "main")
    assert code == 1 and not (repository.parent / "ran").exists()
    assert err.splitlines()[-1] == (
        f"wsltune: file://{repository.parent}/none did not give main within 600 seconds and 2048 MiB (or half of what"
        f" is free), or is not there, so nothing was done. To try again: sudo {user_data.PROGRAM}"
    )


def test_a_repository_that_sends_without_end_fills_no_disk(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "big").write_bytes(os.urandom(3 << 20))
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-S", "-m", "one")
    monkeypatch.setattr(user_data, "MOST", 2 << 10)
    code, err = run(repository, "main")
    assert code == 1 and "within 600 seconds and 2 MiB" in err
    assert not (repository.parent / "ran").exists() and not (repository.parent / "clone").exists()
    monkeypatch.setattr(user_data, "MOST", 4 << 10)
    assert run(repository, "main")[0] == 0 and (repository.parent / "ran").exists()


def test_a_repository_that_never_answers_ends_the_wait(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"https://127.0.0.1:{server.getsockname()[1]}/x"
        text = script(repository=address, timeout=1).replace(user_data.FOLDER, str(tmp_path / "clone"))
        done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1 and f"wsltune: {address} did not give v1.0.0 within 1 seconds" in done.stderr


def test_without_git_nothing_is_done(tmp_path: Path) -> None:
    (tmp_path / "rm").symlink_to("/bin/rm")
    done = subprocess.run(
        ["/bin/sh", "-c", script().replace(user_data.FOLDER, str(tmp_path / "clone"))],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(tmp_path)},
    )
    assert done.returncode == 1 and "wsltune: Git and ssh-keygen could not be installed" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")
def test_no_link_of_another_account_has_root_write_it_elsewhere(tmp_path: Path) -> None:
    hers, elsewhere = tmp_path / "hers", tmp_path / "elsewhere"
    for folder in (hers, elsewhere):
        folder.mkdir()
    (hers / "link").symlink_to(elsewhere)
    os.chown(hers, 4711, 4711)
    os.chown(hers / "link", 4711, 4711, follow_symlinks=False)
    root = Path(__file__).resolve().parents[5]
    given = {f"user_data_{name}": value for name, value in GOOD.items()}
    codes = []
    for place in (hers / "link", hers):
        command = [Path(sys.executable).with_name("ansible-playbook"), root / "playbooks/user_data.yml"]
        command += ["-e", json.dumps({**given, "user_data_output": str(place / "new.user-data")})]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(root / "ansible.cfg")}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
        codes.append(done.returncode)
    assert codes == [2, 0] and list(elsewhere.iterdir()) == [], done.stdout + done.stderr
    assert (hers / "new.user-data").read_text().startswith("#cloud-config\n")
