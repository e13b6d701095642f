# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import dataclasses
import json

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.image import plan
from ansible_collections.wsltune.go.plugins.module_utils.image.archive import ImageError

RECIPE = plan.Recipe("ab" * 32, "1.2.0", "acme", 1764288000, {"wsl_conf_settings": {"boot.systemd": True}})
MADE = plan.Standing("cd" * 32, RECIPE.digest, "cd" * 32, "1.2.0")


def test_the_same_recipe_made_the_image_already() -> None:
    assert plan.is_made(MADE, RECIPE, "a.wsl", replace=False)
    assert not plan.is_made(None, RECIPE, "a.wsl", replace=False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recipe": "x", "wsltune": "1.1.9"}, "is an image of wsltune 1.1.9, which is older than this one, 1.2.0"),
        ({"recipe": "x"}, "of another source or with other options"),
        ({"recipe": ""}, "was not made by this role"),
        ({"sha256": "ee" * 32}, "or was changed since"),
    ],
)
def test_another_file_is_replaced_only_on_request(changes: dict, words: str) -> None:
    standing = dataclasses.replace(MADE, **changes)
    with pytest.raises(ImageError, match=words):
        plan.is_made(standing, RECIPE, "a.wsl", replace=False)
    assert not plan.is_made(standing, RECIPE, "a.wsl", replace=True)


def test_everything_of_a_recipe_counts() -> None:
    others = {"source_sha256": "x", "wsltune": "2.0.0", "name": "x", "epoch": 0, "options": {}}
    digests = {dataclasses.replace(RECIPE, **{name: value}).digest for name, value in others.items()}
    assert len(digests | {RECIPE.digest}) == 6


@pytest.mark.parametrize("name", ["", "-a", "a b", "ä", "a/b", "a.", "a" * 64, "a\n"])
def test_a_name_that_windows_would_not_take_is_refused(name: str) -> None:
    with pytest.raises(ImageError, match="golden_image_name is"):
        plan.check_name(name)


@pytest.mark.parametrize("name", ["acme", "Acme-Go_1.2", "4"])
def test_a_plain_name_is_taken(name: str) -> None:
    plan.check_name(name)


def test_the_file_ends_in_wsl() -> None:
    plan.check_output("/srv/größe und mehr/acme.wsl")
    with pytest.raises(ImageError, match=r"'/srv/acme\.tar'.*ends in \.wsl"):
        plan.check_output("/srv/acme.tar")


def test_programs_must_be_those_asked_for_and_run_here() -> None:
    plan.check_architecture("x86_64", "x86_64", "x86_64")
    plan.check_architecture("i386", "i386", "x86_64")
    with pytest.raises(ImageError, match="is for aarch64, and golden_image_architecture is x86_64"):
        plan.check_architecture("aarch64", "x86_64", "x86_64")
    with pytest.raises(ImageError, match="do not run on this machine, which is x86_64"):
        plan.check_architecture("aarch64", "aarch64", "x86_64")


def test_a_disk_that_is_too_small_is_refused() -> None:
    plan.check_space("/var/tmp", 5 << 20, 5 << 20)
    with pytest.raises(ImageError, match="/var/tmp has 5 MiB free, and the image takes 7"):
        plan.check_space("/var/tmp", 6 << 20, 5 << 20)


def test_an_image_of_an_older_wsltune_is_a_source_and_that_of_a_newer_one_is_not() -> None:
    assert plan.check_stamp(None, "1.2.0") == ""
    assert plan.check_stamp(plan.render_stamp(RECIPE), "1.2.0") == "1.2.0"
    assert plan.check_stamp('{"wsltune": "1.0.0"}', "1.2.0") == "1.0.0"
    with pytest.raises(ImageError, match=r"wsltune 1\.10\.0, which is newer than this one, 1\.2\.0"):
        plan.check_stamp('{"wsltune": "1.10.0"}', "1.2.0")
    with pytest.raises(ImageError, match="cannot be read"):
        plan.check_stamp("[]", "1.2.0")


def test_the_distribution_conf_names_the_program_of_the_first_start() -> None:
    text = plan.render_distribution_conf("acme")
    assert text == "[oobe]\ncommand = /usr/lib/wsl/wsltune-oobe\ndefaultUid = 1000\ndefaultName = acme\n"
    assert plan.render_distribution_conf("acme", "/usr/lib/wsl/a.ico").endswith(
        "[shortcut]\nicon = /usr/lib/wsl/a.ico\n"
    )


def test_a_catalogue_has_the_form_of_microsofts_list() -> None:
    found = plan.render_catalogue("acme", "Acme Go", "https://x.example/a.wsl", "ab", "aarch64")
    entry = {"Url": "https://x.example/a.wsl", "Sha256": "0xab"}
    assert found == {
        "ModernDistributions": {
            "acme": [{"Name": "acme", "FriendlyName": "Acme Go", "Default": True, "Arm64Url": entry}]
        }
    }
    json.dumps(found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "http://x/a.wsl"}, "golden_image_url is 'http://x/a.wsl'"),
        ({"url": "https://x/a.tar"}, "golden_image_url"),
        ({"architecture": "i386"}, "not for i386"),
    ],
)
def test_a_catalogue_that_wsl_would_not_take_is_refused(changes: dict, words: str) -> None:
    good = {"name": "acme", "friendly_name": "A", "url": "https://x/a.wsl", "sha256": "ab"}
    with pytest.raises(ImageError, match=words):
        plan.render_catalogue(**{**good, "architecture": "x86_64", **changes})


def test_the_settings_are_words_that_a_shell_takes_as_they_are() -> None:
    assert plan.render_settings("anna", ["sudo", "adm"]) == "user='anna'\ngroups='sudo adm'\n"
    assert plan.render_settings("", []) == "user=''\ngroups=''\n"


@pytest.mark.parametrize(
    ("user", "groups", "words"),
    [
        ("Anna", [], "golden_image_user has 'Anna'"),
        ("a'; reboot; '", [], "golden_image_user has"),
        ("-x", [], "golden_image_user has"),
        ("anna\n", [], "golden_image_user has"),
        ("root", [], "golden_image_user is root"),
        ("", ["sudo", "a b"], "golden_image_groups has 'a b'"),
    ],
)
def test_an_account_that_no_distribution_would_make_is_refused(user: str, groups: list[str], words: str) -> None:
    with pytest.raises(ImageError, match=words):
        plan.render_settings(user, groups)
