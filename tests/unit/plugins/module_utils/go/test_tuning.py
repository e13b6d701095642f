# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import tuning

GIB = 1 << 30
NONE = {"goflags": "", "gocacheprog": ""}


@pytest.mark.parametrize(
    ("wanted", "total", "cpus", "flag", "said"),
    [
        ("auto", 16 * GIB, 4, "-p=8", ""),
        ("auto", 6 * GIB, 8, "-p=3", ""),
        ("auto", 1 * GIB, 2, "-p=1", ""),
        ("auto", 8 * GIB, 4, "", "Go works on 4 packages at once by itself"),
        ("6", 8 * GIB, 4, "-p=6", ""),
        ("", 8 * GIB, 2, "", ""),
    ],
)
def test_as_many_packages_at_once_as_memory_carries(wanted: str, total: int, cpus: int, flag: str, said: str) -> None:
    found = tuning.explain_parallel(wanted, total, cpus)
    assert found[0] == flag and found[1].startswith(said) and bool(found[1]) is bool(said)


@pytest.mark.parametrize("wanted", ["0", "many", "-1", "4 -x", "99999"])
def test_a_number_of_packages_that_is_none_is_refused(wanted: str) -> None:
    with pytest.raises(tuning.TuningError, match=r"go_env_parallel is .*: give auto or how many"):
        tuning.explain_parallel(wanted, GIB, 2)


def test_the_newest_go_in_the_module_cache_is_found() -> None:
    names = [
        "toolchain@v0.0.1-go1.9.7.linux-amd64",
        "toolchain@v0.0.1-go1.27.3.linux-amd64",
        "toolchain@v0.0.1-go1.27.12.linux-amd64",
        "toolchain@v0.0.1-go1.28rc1.linux-amd64",
        "toolchain@v0.0.1-go1.29.0.linux-arm64",
        "x",
    ]
    found = tuning.list_toolchains(names, "linux-amd64")
    assert found == ["go1.27.12", "go1.27.3", "go1.9.7"]
    assert tuning.choose_toolchain("newest", found, "go1.26.0") == "go1.27.12"
    assert tuning.choose_toolchain("newest", found, "go1.28") == ""
    assert tuning.choose_toolchain("newest", found, "go1.19.8") == ""
    assert tuning.choose_toolchain("newest", [], "go1.26.0") == ""
    assert tuning.choose_toolchain("go1.27.3", found, "go1.28") == "go1.27.3"
    assert tuning.choose_toolchain("go1.28", found, "go1.27") == ""


@pytest.mark.parametrize(
    ("own", "flags"),
    [("", "-O2 -g -fuse-ld=mold"), ("-L/x", "-L/x -fuse-ld=mold"), ("-fuse-ld=gold", "-fuse-ld=gold")],
)
def test_a_linker_is_added_to_what_a_user_or_go_has(own: str, flags: str) -> None:
    assert tuning.ldflags(own, "mold") == flags


def test_settings_are_added_to_a_users_own() -> None:
    options = {"goflags": "", "gocacheprog": "/opt/cache -x"}
    own = {"GOFLAGS": "-mod=mod"}
    assert tuning.settings(own, options, ["-vet=off"], "go1.27.3", "lld") == {
        "GOFLAGS": "-mod=mod -vet=off",
        "GOTOOLCHAIN": "go1.27.3+auto",
        "CGO_LDFLAGS": "-O2 -g -fuse-ld=lld",
        "GOCACHEPROG": "/opt/cache -x",
    }


def test_what_a_user_chose_stays() -> None:
    own = {"GOFLAGS": "-vet=all", "GOTOOLCHAIN": "local", "CGO_LDFLAGS": "-fuse-ld=gold", "GOCACHEPROG": "/own"}
    options = {"goflags": "", "gocacheprog": "/opt/cache"}
    assert tuning.settings(own, options, ["-vet=off"], "go1.27.3", "mold") == {}


def test_flags_that_are_named_for_everybody_take_the_place_of_a_users_own() -> None:
    assert tuning.settings({"GOFLAGS": "-x"}, {**NONE, "goflags": "-p=4"}, ["-vet=off"]) == {"GOFLAGS": "-p=4 -vet=off"}
    assert tuning.settings({"GOFLAGS": "-x"}, NONE) == {}


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("cgo_linker", "gold", "give auto, mold or lld"),
        ("gocacheprog", "cache", "give the absolute path of a program"),
        ("gocacheprog", "/opt/cache; rm", "give the absolute path of a program"),
        ("gotoolchain", "local", "give newest or a version"),
        ("gotoolchain", "go1.27.3+auto", "give newest or a version"),
    ],
)
def test_a_value_that_is_no_setting_is_refused(option: str, value: str, said: str) -> None:
    options = {"cgo_linker": "", "gocacheprog": "", "gotoolchain": ""}
    tuning.check(options)
    with pytest.raises(tuning.TuningError, match=f"^go_env_{option} is .*{said}"):
        tuning.check({**options, option: value})


def test_the_environment_from_before_hides_flags_that_wsltune_wrote() -> None:
    ours = {"user_file": {"values": {"GOFLAGS": "-vet=off"}}}
    before = {"environment": {"GOCACHE": "/c"}, "unset": []}
    assert tuning.neutral(before, ours) == {"environment": {"GOCACHE": "/c", "GOFLAGS": "-x=false"}, "unset": []}
    own = {"environment": {"GOFLAGS": "-v"}, "unset": []}
    assert tuning.neutral(own, ours) == own
    assert tuning.neutral(before, {"user_file": {"values": {}}}) == before
    assert tuning.neutral(None, ours) is None


def test_the_environment_from_before_has_what_the_user_had_in_the_place_of_wsltunes() -> None:
    before = {"environment": {"GOCACHE": "/c"}, "unset": []}
    replaced = {"GOTOOLCHAIN": "auto", "GOCACHEPROG": None, "CGO_LDFLAGS": "-lfoo"}
    assert tuning.neutral(before, {"exports": {"CGO_LDFLAGS": "-lbar"}}, replaced) == {
        "environment": {"GOCACHE": "/c", "GOTOOLCHAIN": "auto"},
        "unset": ["GOCACHEPROG"],
    }
    assert before == {"environment": {"GOCACHE": "/c"}, "unset": []}
