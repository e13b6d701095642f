# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a root file system to an image, and what keeps one from being made."""

from __future__ import annotations

import itertools
import json
import os
import platform
import shutil
import subprocess
import tarfile
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.image import build
from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo, process
from ansible_collections.wsltune.go.plugins.modules import wsl_image, wsl_image_root
from tests.unit.plugins.module_utils.image import rootfs

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root unpacks files of others")
Call = Callable[..., dict[str, Any]]
Usage = namedtuple("Usage", "total used free")
INSTALLED = {
    "manager": "apt-get",
    "distribution": "debian",
    "packages": [{"name": "bash", "version": "5.2", "architecture": "amd64"}],
}
"""What packages_info returned in the image."""
URL = "https://x.example/acme.wsl"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder of root's own."""
    rootfs.make(tmp_path / "source.tar")
    (tmp_path / "program").write_bytes(b"PK program")
    (tmp_path / "oobe").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "out").mkdir()
    return tmp_path


def options(place: Path, **changes: Any) -> dict[str, Any]:
    return {
        "source": str(place / "source.tar"),
        "root": str(place / "work/acme"),
        "output": str(place / "out/acme.wsl"),
        "name": "acme",
        "version": "1.2.0",
        **changes,
    }


def make(
    call: Call, place: Path, check: bool = False, close: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """Make an image; return what the last module printed."""
    wanted = options(place, **changes)
    opened = call(wsl_image_root, check=check, **wanted)
    if opened.get("failed") or opened["made"]:
        return opened
    (place / "work/acme.pyz").parent.mkdir(exist_ok=True)
    (place / "work/acme.pyz").write_bytes((place / "program").read_bytes())
    return call(
        wsl_image,
        check=check,
        **{name: wanted[name] for name in ("root", "output")},
        **{name: opened[name] for name in ("recipe", "architecture")},
        program=str(place / "work/acme.pyz"),
        oobe=str(place / "oobe"),
        installed=INSTALLED,
        plan={"version": "1.2.0", "steps": [], "checks": [], "tuned": []},
        **(close or {}),
    )


def test_an_image_has_what_its_first_start_needs_and_no_secrets(call: Call, place: Path) -> None:
    made = make(call, place, close={"user": "anna", "groups": ["sudo"]})
    assert not made.get("failed"), made
    assert made["packages"] == 1 and made["warnings_of_microsoft"] == ["shortcut.icon is missing"]
    found = build.read(made["output"])
    assert found.text("/etc/shadow") == "root:*:19000::::::\n"
    assert found.text("/etc/wsl-distribution.conf").startswith("[oobe]\ncommand = /usr/lib/wsl/wsltune-oobe\n")
    assert found.members["usr/lib/wsl/wsltune-oobe"].mode == 0o755
    assert "usr/lib/wsltune/first-start.pyz" in found.members and "root/.bash_history" not in found.members
    with tarfile.open(made["output"]) as archive:
        settings = archive.extractfile("./usr/lib/wsltune/first-start.conf")
        assert settings is not None and settings.read() == b"user='anna'\ngroups='sudo'\n"
    assert not (place / "work/acme").exists() and not (place / "work/acme.pyz").exists()


def test_nobody_else_can_write_an_image_whatever_the_umask_is(call: Call, place: Path) -> None:
    """It is installed as a whole distro, with set-uid programs."""
    before = os.umask(0)
    try:
        made = make(call, place, url="https://x.example/acme.wsl", close={"url": "https://x.example/acme.wsl"})
    finally:
        os.umask(before)
    files = {path.name: path.stat().st_mode & 0o022 for path in (place / "out").iterdir()}
    assert not made.get("failed") and len(files) == 5 and set(files.values()) == {0}


def test_what_lies_beside_an_image_belongs_to_it(call: Call, place: Path) -> None:
    (place / "out/SHA256SUMS").write_text(f"{'ab' * 32}  other.wsl\n")
    made = make(call, place, url="https://x.example/acme.wsl", close={"url": "https://x.example/acme.wsl"})
    sums = (place / "out/SHA256SUMS").read_text().splitlines()
    assert [line.split()[1] for line in sums] == ["acme.wsl", "acme.wsl.spdx.json", "other.wsl"]
    check = ["sha256sum", "--check", "--ignore-missing", "--status", "SHA256SUMS"]
    assert subprocess.run(check, cwd=place / "out", check=False).returncode == 0
    bill = json.loads((place / "out/acme.wsl.spdx.json").read_text())
    assert bill["packages"][0]["checksums"][0]["checksumValue"] == made["sha256"]
    assert bill["packages"][1]["externalRefs"][0]["referenceLocator"] == "pkg:deb/debian/bash@5.2?arch=amd64"
    catalogue = json.loads((place / "out/acme.wsl.catalogue.json").read_text())
    assert list(catalogue["ModernDistributions"]["acme"][0].values())[-1]["Sha256"] == f"0x{made['sha256']}"
    assert call(wsl_image, check=True, state="absent", output=made["output"])["changed"]
    assert (place / "out/acme.wsl").exists()
    assert call(wsl_image, state="absent", output=made["output"])["changed"]
    assert [path.name for path in (place / "out").iterdir()] == ["SHA256SUMS"]
    assert (place / "out/SHA256SUMS").read_text() == f"{'ab' * 32}  other.wsl\n"
    assert not call(wsl_image, state="absent", output=made["output"])["changed"]


def test_an_image_that_is_there_already_gets_its_catalogue_later(call: Call, place: Path) -> None:
    """As soon as it is known where it will be published, which changes nothing in it."""
    made = make(call, place)
    opened = make(call, place)
    catalogue = place / "out/acme.wsl.catalogue.json"
    words = {
        "state": "catalogued",
        "output": made["output"],
        "recipe": opened["recipe"],
        "architecture": opened["architecture"],
        "url": URL,
    }
    assert call(wsl_image, check=True, **words)["changed"] and not catalogue.exists()
    written = call(wsl_image, **words)
    assert (written["changed"], written["files"]) == (True, [str(catalogue)])
    assert not call(wsl_image, **words)["changed"]
    assert call(wsl_image, **words, friendly_name="Acme's Go")["changed"]
    entry = json.loads(catalogue.read_text())["ModernDistributions"]["acme"][0]
    assert entry["FriendlyName"] == "Acme's Go" and list(entry.values())[-1]["Sha256"] == f"0x{made['sha256']}"
    assert make(call, place)["made"] and not list((place / "out").glob("*.packing"))
    os.rename(place / "out", place / "before")
    (place / "out").mkdir()
    assert make(call, place, url=URL, close={"url": URL, "friendly_name": "Acme's Go"})["changed"]
    assert catalogue.read_text() == (place / "before" / catalogue.name).read_text()
    with (place / "out/acme.wsl").open("ab") as file:
        file.write(b"changed")
    assert "or was changed since" in call(wsl_image, **words)["msg"]
    (place / "out/acme.wsl").unlink()
    assert "is not there" in call(wsl_image, **words)["msg"]
    assert "url must be given" in call(wsl_image, **{**words, "url": ""})["msg"]


def test_no_catalogue_of_the_image_before_stays(call: Call, place: Path) -> None:
    """An installation by it would end with a wrong checksum."""
    first = make(call, place, url=URL, close={"url": URL})
    catalogue = place / "out/acme.wsl.catalogue.json"
    (place / "out/acme.wsl").unlink()
    assert make(call, place)["sha256"] == first["sha256"] and catalogue.exists()
    (place / "out/acme.wsl").unlink()
    (place / "program").write_bytes(b"another")
    assert make(call, place)["sha256"] != first["sha256"] and not catalogue.exists()


def test_two_builds_make_the_same_file_and_a_third_is_none(call: Call, place: Path) -> None:
    first = make(call, place)
    os.rename(place / "out", place / "before")
    (place / "out").mkdir()
    second = make(call, place)
    assert first["sha256"] == second["sha256"] == build.digest(str(place / "before/acme.wsl"))
    assert make(call, place) == {**make(call, place), "changed": False, "made": True}
    assert not (place / "work/acme").exists()


def test_another_recipe_replaces_an_image_only_on_request(call: Call, place: Path) -> None:
    make(call, place)
    for changes, words in (
        ({"version": "1.3.0"}, "is an image of wsltune 1.2.0, which is older than this one, 1.3.0"),
        ({"options": {"x": 1}}, "of another source or with other options"),
    ):
        refused = make(call, place, **changes)
        assert refused["failed"] and words in refused["msg"] and not (place / "work/acme").exists()
    assert make(call, place, version="1.3.0", replace=True)["changed"]
    assert make(call, place, version="1.3.0")["made"]


def test_a_file_that_somebody_else_made_stays(call: Call, place: Path) -> None:
    (place / "out/acme.wsl").write_text("mine")
    assert "was not made by this role" in make(call, place)["msg"]
    (place / "out/acme.wsl").unlink()
    make(call, place)
    with (place / "out/acme.wsl").open("ab") as file:
        file.write(b"changed")
    assert "or was changed since" in make(call, place)["msg"]


def test_check_mode_tells_and_leaves_everything(call: Call, place: Path) -> None:
    made = make(call, place, check=True)
    assert made["changed"] and list((place / "out").iterdir()) == [] and not (place / "work/acme").exists()


def test_an_image_is_a_source_too(call: Call, place: Path) -> None:
    make(call, place)
    os.rename(place / "out/acme.wsl", place / "first.wsl")
    (place / "out/acme.wsl.json").unlink()
    opened = call(wsl_image_root, **options(place, source=str(place / "first.wsl"), version="1.3.0"))
    assert opened["made_by"] == "1.2.0" and opened["changed"]
    refused = call(wsl_image_root, **options(place, source=str(place / "first.wsl"), version="1.1.0"))
    assert "wsltune 1.2.0, which is newer than this one, 1.1.0" in refused["msg"]


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (rootfs.member("../../etc/cron.d/x"), "leads out of the folder"),
        (rootfs.member("srv/disk", tarfile.BLKTYPE), "a device outside of /dev"),
        (rootfs.member("bin/x"), "below 'bin', which is no folder but a link"),
        (rootfs.member("srv/x", tarfile.LNKTYPE, "../../etc/shadow"), "leads out of the folder"),
    ],
)
def test_a_hostile_archive_is_refused_before_anything_is_unpacked(
    call: Call, place: Path, member: tarfile.TarInfo, words: str
) -> None:
    rootfs.make(place / "source.tar", member)
    refused = make(call, place)
    assert refused["failed"] and words in refused["msg"] and not (place / "work").exists()


def test_bad_input_is_one_sentence(call: Call, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "aarch64" if platform.machine() == "x86_64" else "x86_64"
    for changes, words in (
        ({"name": "a b"}, "golden_image_name is 'a b'"),
        ({"output": str(place / "a.tar")}, "golden_image_output is"),
        ({"user": "Anna"}, "golden_image_user has 'Anna'"),
        ({"url": "ftp://x/a.wsl"}, "golden_image_url is"),
        ({"source": str(place / "none.tar")}, "none.tar cannot be read"),
        ({"source": str(place / "program")}, "is no archive that tar can read"),
        ({"architecture": other}, f"the archive is for {platform.machine()}, and golden_image_architecture is {other}"),
        ({"source": None}, "source must be given"),
    ):
        refused = call(wsl_image_root, **options(place, **changes))
        assert refused["failed"] and words in refused["msg"] and "\n" not in refused["msg"], refused
    rootfs.make(place / "other.tar", architecture=other)
    refused = call(wsl_image_root, **options(place, source=str(place / "other.tar")))
    assert "do not run on this machine" in refused["msg"] or "golden_image_architecture" in refused["msg"]
    rootfs.make(place / "bare.tar", without="usr/bin/python3")
    assert "no /usr/bin/python3" in call(wsl_image_root, **options(place, source=str(place / "bare.tar")))["msg"]
    rootfs.make(place / "ash.tar", without="usr/bin/bash")
    said = call(wsl_image_root, **options(place, source=str(place / "ash.tar")))["msg"]
    assert "no /bin/bash, which Microsoft's rules for distributions ask for" in said and "`apk add bash`" in said
    monkeypatch.setattr(build.shutil, "disk_usage", lambda _path: Usage(0, 0, 1 << 10))
    assert "has 0 MiB free, and the image takes" in call(wsl_image_root, **options(place))["msg"]
    assert not (place / "work").exists()


def test_an_image_that_breaks_a_rule_is_not_kept(call: Call, place: Path) -> None:
    rootfs.make(place / "source.tar", without="etc/shadow")
    refused = make(call, place)
    assert "the image breaks 1 rules: /etc/shadow is missing" in refused["msg"]
    assert list((place / "out").iterdir()) == []


def test_what_a_killed_build_left_is_in_nobodys_way(call: Call, place: Path) -> None:
    (place / "work").mkdir(0o700)
    (place / "work/acme/etc").mkdir(parents=True)
    (place / "work/acme.unpacked").touch()
    (place / "work/acme/etc/left-over").write_text("x")
    made = make(call, place)
    assert "etc/left-over" not in build.read(made["output"]).members
    (place / "work/acme").mkdir()
    (place / "work/acme.unpacked").touch()
    (place / "work/acme.pyz").write_text("x")
    assert call(wsl_image_root, check=True, state="absent", root=str(place / "work/acme"))["changed"]
    assert call(wsl_image_root, state="absent", root=str(place / "work/acme"))["changed"]
    assert not (place / "work/acme").exists() and not (place / "work/acme.pyz").exists()
    assert not call(wsl_image_root, state="absent", root=str(place / "work/acme"))["changed"]


@pytest.fixture
def build_until(call: Call, place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], bool]:
    """Makes an image in a child that ends without a last word before its step of a number; returns whether it did."""

    def build_until(step: int) -> bool:
        child = os.fork()
        if child == 0:
            left = itertools.count(step, -1)

            def count(act: Callable[..., Any]) -> Callable[..., Any]:
                return lambda *words, **more: act(*words, **more) if next(left) else os._exit(9)

            acts = ((os, "replace"), (os, "unlink"), (shutil, "rmtree"), (shutil, "copyfileobj"), (process, "run"))
            for where, name in acts:
                monkeypatch.setattr(where, name, count(getattr(where, name)))
            try:
                make(call, place, url=URL, close={"url": URL})
            finally:
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9

    return build_until


def test_a_build_that_was_killed_anywhere_is_finished_by_the_next_run(
    call: Call, place: Path, build_until: Callable[[int], bool]
) -> None:
    """Before each step that moves or removes something, or takes long."""
    steps = 0
    while build_until(steps):
        made = make(call, place)
        assert not made.get("failed"), made
        sums = (place / "out/SHA256SUMS").read_text().split()[1::2]
        check = ["sha256sum", "--check", "--status", "SHA256SUMS"]
        assert sums == ["acme.wsl", "acme.wsl.spdx.json"], steps
        assert subprocess.run(check, cwd=place / "out", check=False).returncode == 0, steps
        assert not list((place / "work").glob("acme*")), steps
        assert not list((place / "out").glob("*.new*")), steps
        for path in (place / "out").iterdir():
            path.unlink()
        steps += 1
    assert steps > 10


def names(place: Path) -> set[str]:
    return {path.name for folder in ("work", "out") for path in (place / folder).glob("*")}


def absent(place: Path) -> list[tuple[ModuleType, dict[str, str]]]:
    """Return what golden_image_state=absent calls, in its order."""
    return [
        (wsl_image_root, {"state": "absent", "root": str(place / "work/acme")}),
        (wsl_image, {"state": "absent", "output": str(place / "out/acme.wsl")}),
    ]


def test_nothing_stays_of_a_build_that_was_killed_anywhere_once_its_image_is_absent(
    call: Call, place: Path, build_until: Callable[[int], bool]
) -> None:
    steps = 0
    seen: set[str] = set()
    while build_until(steps):
        seen |= names(place)
        for module, words in absent(place):
            before = names(place)
            looked = call(module, check=True, **words)
            assert names(place) == before
            gone = call(module, **words)
            assert gone["changed"] is looked["changed"] is (names(place) != before), (steps, gone)
        assert not names(place), steps
        steps += 1
    news = {f"acme.wsl{ending}.new" for ending in ("", ".json", ".spdx.json", ".catalogue.json")}
    assert seen >= {"acme", "acme.source", "acme.wsl.new.tar", "SHA256SUMS.new", *news}


def test_what_only_has_the_name_of_a_builds_files_stays(call: Call, place: Path) -> None:
    """No mark of ours says that it is ours, and it may be the only copy of the source."""
    made = make(call, place)
    beside = [place / "out" / name for name in ("acme.wsl.new", "acme.wsl.json.new", "acme.wsl.new.tar")]
    kept = [*beside, place / "work/acme.source", place / "work/acme.pyz"]
    for path in kept:
        path.write_text("mine")
    assert [call(module, **words)["changed"] for module, words in absent(place)] == [False, True]
    assert not os.path.exists(made["output"])
    rootfs.make(place / "work/acme.source")
    content = (place / "work/acme.source").read_bytes()
    for path in beside:
        refused = make(call, place)
        assert f"{path} is there and was not made by this role" in refused["msg"], refused
        assert path.read_text() == "mine"
        path.unlink()
    refused = make(call, place, source=str(place / "work/acme.source"))
    assert f"{place}/work/acme.source is there and was not made by this role" in refused["msg"], refused
    assert (place / "work/acme.source").read_bytes() == content
    assert (place / "work/acme.pyz").read_text() == "mine"


def test_only_what_was_unpacked_is_removed_and_no_other_folder_changed(call: Call, place: Path) -> None:
    """Whatever golden_image_root names: a folder with files of somebody's, in one that everybody reads."""
    srv = place / "srv"
    (srv / "data").mkdir(parents=True)
    (srv / "data/only copy").write_text("mine")
    srv.chmod(0o755)
    for root, words in ((srv / "acme", "other accounts can look into"), (srv / "data", "other accounts can look into")):
        assert words in call(wsl_image_root, **options(place, root=str(root)))["msg"]
    assert srv.stat().st_mode & 0o777 == 0o755
    srv.chmod(0o700)
    for state in ("present", "absent"):
        refused = call(wsl_image_root, **options(place, root=str(srv / "data"), state=state))
        assert "was not made by this role" in refused["msg"], refused
    recipe = call(wsl_image_root, check=True, **options(place))["recipe"]
    words = {"recipe": recipe, "program": str(place / "program"), "oobe": str(place / "oobe")}
    refused = call(wsl_image, root=str(srv / "data"), output=str(place / "out/acme.wsl"), **words)
    assert "was not unpacked" in refused["msg"]
    assert (srv / "data/only copy").read_text() == "mine"
    (place / "out/acme.wsl").write_text("mine")
    assert "stays: remove it yourself" in call(wsl_image, state="absent", output=str(place / "out/acme.wsl"))["msg"]
    assert (place / "out/acme.wsl").read_text() == "mine"


@pytest.mark.parametrize("name", ["acme.wsl.new", "acme.wsl.new.tar", "acme.wsl.json.new", "SHA256SUMS.new"])
def test_nothing_is_written_through_another_accounts_link(
    call: Call, place: Path, eve: process.Identity, home: Path, name: str
) -> None:
    victim = place / "victim"
    victim.write_text("root's")
    (home / name).symlink_to(victim)
    refused = make(call, place, output=str(home / "acme.wsl"))
    assert f"golden_image_output lies in {home}, and another account can write in" in refused["msg"], refused
    opened = call(wsl_image_root, **options(place))
    (place / "work/acme.pyz").write_text("x")
    words = {"recipe": opened["recipe"], "program": str(place / "work/acme.pyz"), "oobe": str(place / "oobe")}
    refused = call(wsl_image, root=str(place / "work/acme"), output=str(home / "acme.wsl"), **words)
    assert "another account can write in" in refused["msg"], refused
    assert victim.read_text() == "root's"


def test_root_runs_nothing_of_a_source_that_another_account_can_replace(
    call: Call, place: Path, eve: process.Identity, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The programs of the image run as root, in no sandbox."""
    monkeypatch.delenv("SUDO_UID", raising=False)
    shutil.copy(place / "source.tar", home / "source.tar")
    (place / "link.tar").symlink_to(home / "source.tar")
    for source in (home / "source.tar", place / "link.tar"):
        refused = call(wsl_image_root, **options(place, source=str(source)))
        assert f"and another account can change {home}, so that root would run" in refused.get("msg", ""), refused
    shutil.copy(place / "source.tar", place / "eves.tar")
    os.chown(place / "eves.tar", eve.uid, eve.gid)
    refused = call(wsl_image_root, **options(place, source=str(place / "eves.tar")))
    assert f"can change {place / 'eves.tar'}, so that root would run" in refused.get("msg", ""), refused
    assert not (place / "work").exists()
    # Another one who called sudo changes nothing about that.
    monkeypatch.setenv("SUDO_UID", str(eve.uid + 1))
    assert "another account can change" in call(wsl_image_root, **options(place, source=str(place / "eves.tar")))["msg"]


def test_a_source_may_be_that_of_who_called_sudo(
    call: Call, place: Path, eve: process.Identity, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_UID", str(eve.uid))
    shutil.copy(place / "source.tar", home / "source.tar")
    assert make(call, place, source=str(home / "source.tar"))["changed"]


def test_a_source_may_lie_on_a_windows_drive(
    call: Call, place: Path, eve: process.Identity, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    drive = mountinfo.Mount(str(home), "/", "9p", "C:", windows_drive=True)
    monkeypatch.setattr(wsl_image_root.wsl_judge, "mounts_of", lambda _machine: [drive])
    shutil.copy(place / "source.tar", home / "source.tar")
    assert make(call, place, source=str(home / "source.tar"))["changed"]


def read_icon(made: dict[str, Any]) -> bytes:
    with tarfile.open(made["output"]) as packed:
        icon = packed.extractfile("./usr/lib/wsl/acme.ico")
        assert icon is not None
        return icon.read()


def test_no_link_of_another_account_has_root_publish_what_it_leads_to(
    call: Call, place: Path, eve: process.Identity, home: Path
) -> None:
    """An icon may lie where whoever drew it put it, and everybody can read it in the image."""
    secret = place / "secret"
    secret.write_text("root's")
    secret.chmod(0o600)
    (home / "acme.ico").symlink_to(secret)
    refused = make(call, place, close={"icon": str(home / "acme.ico")})
    assert "acme.ico, which cannot be read" in refused.get("msg", ""), refused
    (home / "icons").symlink_to(place)
    refused = make(call, place, close={"icon": str(home / "icons/secret")})
    assert "secret, which cannot be read" in refused.get("msg", ""), refused
    # One of root's in a folder of hers, which she gives the name.
    os.unlink(home / "acme.ico")
    shutil.copy2(secret, home / "acme.ico")
    refused = make(call, place, close={"icon": str(home / "acme.ico")})
    assert "acme.ico, which cannot be read" in refused.get("msg", ""), refused
    assert list((place / "out").iterdir()) == []


def test_a_pipe_in_the_place_of_an_icon_keeps_nobody_waiting(
    call: Call, place: Path, eve: process.Identity, home: Path
) -> None:
    os.mkfifo(home / "acme.ico")
    os.chown(home / "acme.ico", eve.uid, eve.gid)
    refused = make(call, place, close={"icon": str(home / "acme.ico")})
    assert "acme.ico, which cannot be read: not a regular file" in refused.get("msg", ""), refused


def test_an_icon_may_be_another_accounts(call: Call, place: Path, eve: process.Identity, home: Path) -> None:
    (home / "acme.ico").write_bytes(b"eve's")
    os.chown(home / "acme.ico", eve.uid, eve.gid)
    os.chmod(home / "acme.ico", 0o600)
    made = make(call, place, close={"icon": str(home / "acme.ico")})
    assert not made.get("failed") and read_icon(made) == b"eve's", made


def test_an_icon_of_roots_may_be_a_link(call: Call, place: Path) -> None:
    (place / "new.ico").write_bytes(b"icon")
    (place / "acme.ico").symlink_to("new.ico")
    made = make(call, place, close={"icon": str(place / "acme.ico")})
    assert not made.get("failed") and read_icon(made) == b"icon", made
    shutil.rmtree(place / "out")
    (place / "out").mkdir()
    for name, content, words in (
        ("none.ico", None, "and there is no such file"),
        ("large.ico", bytes((1 << 20) + 1), "which cannot be read: larger than 1024 KiB"),
    ):
        if content is not None:
            (place / name).write_bytes(content)
        refused = make(call, place, close={"icon": str(place / name)})
        assert words in refused.get("msg", ""), refused


@pytest.mark.parametrize("name", ["SHA256SUMS.new", "SHA256SUMS"])
def test_nothing_is_removed_where_another_account_writes(
    call: Call, place: Path, eve: process.Identity, home: Path, name: str
) -> None:
    """With an image and a record of eve's, root would write the checksums of other files, which are hers as well."""
    victim = place / "victim"
    victim.write_text("root's")
    (home / "acme.wsl").write_text("x")
    record = {"recipe": "x", "sha256": build.digest(str(home / "acme.wsl")), "wsltune": "1"}
    (home / "acme.wsl.json").write_text(json.dumps(record))
    (home / "SHA256SUMS").write_text("ab  other.wsl\n")
    (home / name).unlink(missing_ok=True)
    (home / name).symlink_to(victim)
    refused = call(wsl_image, state="absent", output=str(home / "acme.wsl"))
    assert "another account can write in" in refused["msg"], refused
    assert victim.read_text() == "root's" and (home / "acme.wsl").exists()
    assert not call(wsl_image, state="absent", output=str(place / "none/acme.wsl"))["changed"]


def test_a_source_that_changes_after_it_was_judged_is_not_unpacked(
    call: Call, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = wsl_image_root.remove

    def swap(root: str) -> None:
        rootfs.make(place / "source.tar", rootfs.member("srv/disk", tarfile.BLKTYPE))
        remove(root)

    monkeypatch.setattr(wsl_image_root, "remove", swap)
    refused = make(call, place)
    assert "changed while it was looked at" in refused["msg"] and not (place / "work/acme").exists()
    assert not (place / "work/acme.source").exists()


def test_nothing_stays_of_what_tar_alone_takes_for_a_member(call: Call, place: Path) -> None:
    """Python takes 1_000 for a number and tar does not, which then looks for members in the file's content."""
    hidden = tarfile.TarInfo("srv/disk")
    hidden.type = tarfile.CHRTYPE
    content = hidden.tobuf(tarfile.USTAR_FORMAT)
    file = tarfile.TarInfo("srv/file")
    file.size = len(content)
    header = bytearray(file.tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = f"{len(content):o}".replace("1", "1_", 1).encode().ljust(12, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    source = place / "source.tar"
    source.write_bytes(bytes(header) + content + source.read_bytes())
    refused = call(wsl_image_root, **options(place))
    assert refused["failed"] and "tar failed" in refused["msg"], refused
    assert not list((place / "work").iterdir())
