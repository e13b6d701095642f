# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.image import build
from ansible_collections.wsltune.go.plugins.module_utils.image.archive import ImageError
from tests.unit.plugins.module_utils.image import rootfs

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root unpacks files of others")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    build.unpack(str(rootfs.make(tmp_path / "source.tar")), str(folder))
    return folder


@pytest.mark.parametrize("name", ["source.tar", "source.tar.gz"])
def test_an_archive_is_read(tmp_path: Path, name: str) -> None:
    found = build.read(str(rootfs.make(tmp_path / name)))
    assert found.newest == rootfs.NEWEST and "etc/passwd" in found.members and "dev/null" not in found.members
    assert found.text("/etc/passwd").startswith("root:") and found.text("/etc/none") is None
    assert found.architecture == os.uname().machine


def test_an_archive_for_another_machine_is_recognised(tmp_path: Path) -> None:
    other = "aarch64" if os.uname().machine == "x86_64" else "x86_64"
    assert build.read(str(rootfs.make(tmp_path / "a.tar", architecture=other))).architecture == other


@pytest.mark.parametrize("kept", [0, 300, 512, 5 * 512 + 100, 30 * 512, -1])
def test_an_archive_that_was_cut_off_is_refused(tmp_path: Path, kept: int) -> None:
    path = rootfs.make(tmp_path / "a.tar")
    content = path.read_bytes()
    end = len(content.rstrip(b"\0")) + (-len(content.rstrip(b"\0")) % 512)
    path.write_bytes(content[:kept] if kept >= 0 else content[:end])
    with pytest.raises(ImageError, match=r"cut off|no archive|no root"):
        build.read(str(path))


def test_a_compressed_archive_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = rootfs.make(tmp_path / "a.tar.gz")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ImageError, match="cut off"):
        build.read(str(path))


def test_what_is_no_archive_is_refused_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "größe 1.tar").write_text("text" * 1000)
    with pytest.raises(ImageError, match=r"größe 1\.tar is no archive"):
        build.read(str(tmp_path / "größe 1.tar"))
    with pytest.raises(ImageError, match="none cannot be read: No such file"):
        build.read(str(tmp_path / "none"))


def test_a_pipe_in_the_place_of_an_archive_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Whoever writes in the folder of the source can put one there."""
    os.mkfifo(tmp_path / "source.tar")
    with pytest.raises(ImageError, match=r"source\.tar is no file"):
        build.read(str(tmp_path / "source.tar"))
    with pytest.raises(ImageError, match=r"source\.tar is no file"):
        build.digest(str(tmp_path / "source.tar"))


@needs_root
def test_what_each_start_fills_is_not_unpacked(root: Path) -> None:
    assert list((root / "dev").iterdir()) == [] and (root / "run").is_dir() and (root / "proc").is_dir()
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert (root / "etc/shadow").stat().st_mode & 0o7777 == 0o640


@needs_root
def test_secrets_and_identities_go(root: Path) -> None:
    removed = build.clean_root(str(root))
    assert removed == [
        "etc/hostname",
        "etc/machine-id",
        "etc/resolv.conf",
        "etc/ssh/ssh_host_rsa_key",
        "root/.bash_history",
        "root/.cache/x",
        "root/.cache/x/y",
        "var/log/dpkg.log",
    ]
    assert (root / "etc/machine-id").read_bytes() == b"" and (root / "root/.cache").is_dir()
    assert build.clean_root(str(root)) == []


@needs_root
def test_passwords_are_locked(root: Path) -> None:
    build.lock_passwords(str(root))
    assert (root / "etc/shadow").read_text() == "root:*:19000::::::\n"
    assert (root / "etc/shadow").stat().st_mode & 0o7777 == 0o640


@needs_root
def test_no_link_of_an_image_leads_to_this_machine(tmp_path: Path, root: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "shadow").write_text("root:$y$x:1::::::\n")
    for name in ("etc", "usr/lib"):
        os.rename(root / name, root / f"{name}.was")
        os.symlink(outside, root / name)
    build.lock_passwords(str(root))
    with pytest.raises(OSError, match="usr/lib"):
        build.make_folder(str(root), "usr/lib/wsl")
    with pytest.raises(OSError, match="etc"):
        build.rewrite(str(root), "etc/wsl-distribution.conf", b"x")
    assert build.settle_cache(str(root), 1) == 0 and build.read_text(str(root), "etc/shadow") is None
    os.symlink(outside / "shadow", root / "shadow")
    with pytest.raises(OSError, match="symbolic links"):
        build.rewrite(str(root), "shadow", b"x")
    assert (outside / "shadow").read_text() == "root:$y$x:1::::::\n" and len(list(outside.iterdir())) == 1


@needs_root
def test_the_build_cache_gets_the_times_of_the_image(root: Path) -> None:
    own = root / "own"
    own.write_bytes((root / build.CACHE / "00/a-a").read_bytes())
    kept = own.read_bytes()
    os.symlink(own, root / build.CACHE / "00/b-a")
    size = build.settle_cache(str(root), 7)
    # A link in an image leads to a file of this machine.
    assert own.read_bytes() == kept
    entry = (root / build.CACHE / "00/a-a").read_text()
    assert entry.endswith(f" {7 * 10**9:>20}\n") and size == len(entry)
    assert not (root / build.CACHE / "trim.txt").exists()


@needs_root
def test_the_same_content_makes_the_same_file(tmp_path: Path, root: Path) -> None:
    build.pack(str(root), str(tmp_path / "a.wsl"), rootfs.NEWEST)
    for path in (root / "etc/new", root / "etc/anew"):
        path.touch()
        path.unlink()
    time.sleep(0.01)
    os.utime(root / "etc/passwd")
    again = tmp_path / "again"
    subprocess.run(["cp", "-a", root, again], check=True)
    build.pack(str(again), str(tmp_path / "b.wsl"), rootfs.NEWEST)
    assert (tmp_path / "a.wsl").read_bytes() == (tmp_path / "b.wsl").read_bytes()
    with tarfile.open(tmp_path / "a.wsl") as archive:
        names = archive.getnames()
        assert names == sorted(names) and max(one.mtime for one in archive) == rootfs.NEWEST
    build.rewrite(str(root), "etc/passwd", b"another")
    build.pack(str(root), str(tmp_path / "b.wsl"), rootfs.NEWEST)
    assert (tmp_path / "a.wsl").read_bytes() != (tmp_path / "b.wsl").read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*.wsl*")) == ["a.wsl", "b.wsl"]


def test_what_tar_says_is_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"tar failed: .*none"):
        build.pack(str(tmp_path / "none"), str(tmp_path / "a.wsl"), 1)


@needs_root
def test_what_is_made_in_an_image_is_for_its_users_whatever_the_umask_is(tmp_path: Path) -> None:
    """An archive of `docker export` has no entry for the root folder, which nobody but root could enter then."""
    source, bare = rootfs.make(tmp_path / "source.tar"), tmp_path / "bare.tar"
    with tarfile.open(source) as whole, tarfile.open(bare, "w") as without:
        for info in whole:
            if info.name not in (".", "./"):
                without.addfile(info, whole.extractfile(info) if info.isreg() else None)
    before = os.umask(0o077)
    try:
        build.unpack(str(bare), str(tmp_path / "root"))
        build.make_folder(str(tmp_path / "root"), "usr/lib/made/here")
    finally:
        os.umask(before)
    for path in (".", "usr/lib/made", "usr/lib/made/here"):
        assert (tmp_path / "root" / path).stat().st_mode & 0o777 == 0o755, path
