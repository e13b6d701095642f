# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import become, files, mount, process

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root mounts")
CLONE_NEWNS = 0x20000
MS_REC_PRIVATE = 0x4000 | 1 << 18


def apart(function: Callable[[], Any]) -> Any:
    """Call it where mounts are nobody else's, in a process of its own."""

    class Errand:
        def run(self) -> Any:
            assert process.LIBRARY.unshare(CLONE_NEWNS) == 0
            assert process.LIBRARY.mount(b"none", b"/", None, MS_REC_PRIVATE, None) == 0
            return function()

    with become.Hands(None, Errand) as hands:
        return hands.run()


@pytest.fixture
def places(tmp_path: Path) -> tuple[str, str]:
    for name in ("shown", "place"):
        (tmp_path / name).mkdir()
    (tmp_path / "shown" / "file").touch()
    return f"{tmp_path}/shown", f"{tmp_path}/place"


def bind(source: str, target: str) -> None:
    with files.opened_folder(source) as shown, files.opened_folder(target) as place:
        mount.bind(shown, place, target)


def test_a_folder_is_shown_and_taken_away(places: tuple[str, str]) -> None:
    shown, place = places

    def there() -> list[list[str]]:
        bind(shown, place)
        seen = [os.listdir(place)]
        mount.unmount(place)
        return [*seen, os.listdir(place)]

    assert apart(there) == [["file"], []]


def test_it_is_mounted_on_the_folder_that_was_opened_wherever_it_is_by_then(places: tuple[str, str]) -> None:
    shown, place = places

    def there() -> list[list[str]]:
        with files.opened_folder(shown) as source, files.opened_folder(place) as target:
            os.rename(place, f"{place}.moved")
            os.mkdir(place)
            mount.bind(source, target, place)
        return [os.listdir(place), os.listdir(f"{place}.moved")]

    assert apart(there) == [[], ["file"]]


def test_other_file_systems_are_mounted_too(places: tuple[str, str]) -> None:
    def there() -> list[int]:
        with files.opened_folder(places[1]) as target:
            mount.mount(b"test", target, places[1], b"tmpfs", data=b"size=64k")
        return [os.statvfs(places[1]).f_blocks * os.statvfs(places[1]).f_frsize]

    assert apart(there) == [64 << 10]


def test_no_link_is_followed_to_what_is_unmounted(places: tuple[str, str], tmp_path: Path) -> None:
    shown, place = places
    (tmp_path / "link").symlink_to(place)
    (tmp_path / "above").symlink_to(tmp_path)

    def there() -> list[object]:
        bind(shown, place)
        refused = []
        for path in (f"{tmp_path}/link", f"{tmp_path}/above/place"):
            try:
                mount.unmount(path)
            except OSError as error:
                refused.append(error.filename)
        return [*refused, os.listdir(place)]

    assert apart(there) == [f"{tmp_path}/link", f"{tmp_path}/above", ["file"]]


def test_an_error_names_the_path(places: tuple[str, str]) -> None:
    with pytest.raises(OSError, match="Invalid argument") as error:
        apart(lambda: mount.unmount(places[1]))
    assert error.value.filename == places[1]
