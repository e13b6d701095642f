# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.image import archive
from ansible_collections.wsltune.go.plugins.module_utils.image.archive import ImageError, Member

ROOT = [
    Member("./", "folder"),
    Member("./usr/", "folder"),
    Member("./usr/bin/", "folder"),
    Member("./usr/bin/dash", "file", size=100, mode=0o755),
    Member("./usr/bin/sh", "link", target="dash"),
    Member("./bin", "link", target="usr/bin"),
    Member("./etc/", "folder"),
    Member("./etc/passwd", "file", size=10),
    Member("./dev/", "folder"),
    Member("./dev/null", "device"),
    Member("./run/initctl", "FIFO"),
]


def test_a_root_file_system_is_taken_without_what_each_start_fills() -> None:
    found = archive.check(ROOT)
    assert sorted(found) == ["bin", "dev", "etc", "etc/passwd", "usr", "usr/bin", "usr/bin/dash", "usr/bin/sh"]
    archive.check_root(found)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (Member("../etc/cron.d/x", "file"), "leads out of the folder"),
        (Member("usr/../../x", "file"), "leads out of the folder"),
        (Member("bin/x", "file"), "below 'bin', which is no folder but a link"),
        (Member("usr/bin/dash/x", "file"), "below 'usr/bin/dash', which is no folder but a file"),
        (Member("etc/passwd", "file"), "'etc/passwd' twice"),
        (Member("etc", "link", target="/"), "'etc' twice"),
        (Member("srv/disk", "device"), "a device outside of /dev, 'srv/disk'"),
        (Member("dev", "device"), "a device outside of /dev, 'dev'"),
        (Member("././dev/disk", "device"), "the archive has '././dev/disk': make it anew"),
        (Member(".//dev/out", "link", target="/etc"), "the archive has './/dev/out': make it anew"),
        (Member("x/.//../dev/x", "file"), "leads out of the folder"),
        (Member("srv/pipe", "FIFO"), "a FIFO outside of /dev"),
        (Member("srv/x", "special file"), "a special file outside of /dev"),
        (Member("srv/x", "hard link", target="../../etc/shadow"), "leads out of the folder"),
        (Member("srv/x", "hard link", target="etc/shadow"), "no file before it"),
        (Member("srv/x", "hard link", target="bin"), "no file before it"),
    ],
)
def test_an_archive_that_could_do_harm_is_refused(member: Member, words: str) -> None:
    with pytest.raises(ImageError, match="the archive") as error:
        archive.check([*ROOT, member])
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_name_that_is_absolute_counts_from_the_root_of_the_image() -> None:
    assert "etc/x" in archive.check([*ROOT, Member("/etc/x", "file")])


def test_links_may_lead_anywhere_because_they_count_inside_of_the_image() -> None:
    found = archive.check([*ROOT, Member("srv/out", "link", target="../../../etc/passwd")])
    inside = archive.resolve({**found, "srv": Member("srv", "folder")}, "/srv/out")
    assert inside is not None and inside.name == "etc/passwd"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/bin/sh", "usr/bin/dash"),
        ("bin/./sh", "usr/bin/dash"),
        ("/bin/../etc/passwd", "usr/etc/passwd"),
        ("/bin/none", None),
        ("/etc/passwd", "etc/passwd"),
    ],
)
def test_links_are_followed_inside_of_the_image(path: str, name: str | None) -> None:
    found = archive.check([*ROOT, Member("usr/etc", "folder"), Member("usr/etc/passwd", "file")])
    resolved = archive.resolve(found, path)
    assert (resolved.name if resolved else None) == name


def test_links_in_a_circle_lead_nowhere() -> None:
    found = archive.check([Member("a", "link", target="b"), Member("b", "link", target="/a")])
    assert archive.resolve(found, "/a") is None


def test_what_is_no_root_file_system_is_refused() -> None:
    with pytest.raises(ImageError, match="no root file system"):
        archive.check_root(archive.check([Member("x", "file")]))
    with pytest.raises(ImageError, match="in the folder 'rootfs'"):
        archive.check_root(
            archive.check(
                [Member("rootfs", "folder"), Member("rootfs/etc", "folder"), Member("rootfs/etc/passwd", "file")]
            )
        )
    with pytest.raises(ImageError, match="'proc', which is no folder but a link"):
        archive.check_root(archive.check([*ROOT, Member("proc", "link", target="/etc")]))
    with pytest.raises(ImageError, match="empty"):
        archive.check([])


def test_bytes_are_counted_in_blocks() -> None:
    assert archive.count_bytes([Member("a", "file", size=1), Member("b", "folder")]) == 3 * 4096
