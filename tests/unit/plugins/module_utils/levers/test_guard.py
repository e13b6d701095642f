# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue, decide, guard

GIB = 1 << 30
GO = {"GOVERSION": "go1.27.3", "GOFLAGS": "", "CGO_ENABLED": "1", "CGO_LDFLAGS": "-O2 -g", "GOMODCACHE": "/m"}
ALL = {
    "toolchains": ["go1.28.1"],
    "linker": "mold",
    "gocacheprog": "/opt/cache",
    "builds": True,
    "has_repository": True,
}


def ground(**more: Any) -> guard.Ground:
    settings = {**GO, **more.pop("settings", {})}
    return guard.Ground(**{"memory": 16 * GIB, "cpus": 4, "settings": settings, **ALL, **more})


def test_every_lever_can_be_tried_where_all_is_there() -> None:
    assert [name for name in catalogue.LEVERS if guard.explain_missing(name, ground())] == []


@pytest.mark.parametrize(
    ("name", "lacks", "said"),
    [
        ("vet_off", {"settings": {"GOFLAGS": "-v -vet=all"}}, "GOFLAGS has -vet=all already"),
        ("buildvcs_off", {"settings": {"GOVERSION": "go1.17.1"}}, "go1.17.1 knows no -buildvcs"),
        ("buildvcs_off", {"builds": False}, "go test asks Git nothing; the scenario build or a command of yours would"),
        ("buildvcs_off", {"has_repository": False}, "no module lies in a Git repository"),
        ("tool_gc", {"memory": GIB}, "a quarter of the memory is 64 MiB for each of 4 processors"),
        ("parallel", {"memory": 8 * GIB}, "Go works on 4 packages at once by itself"),
        ("go_version", {"toolchains": ["go1.27.3"]}, "no Go newer than go1.27.3 lies in /m"),
        ("go_version", {"settings": {"GOVERSION": "go1.20.1"}}, "no Go newer than go1.20.1"),
        ("cgo_linker", {"linker": ""}, "a login finds neither ld.mold nor ld.lld"),
        ("cgo_linker", {"settings": {"CGO_ENABLED": "0"}}, "cgo is off"),
        ("cgo_linker", {"settings": {"CGO_LDFLAGS": "-fuse-ld=gold"}}, "CGO_LDFLAGS names a linker already"),
        ("gocacheprog", {"gocacheprog": ""}, "go_env_gocacheprog names no command"),
        ("gocacheprog", {"gocacheprog_obstacle": "/opt/cache can be"}, "/opt/cache can be"),
        ("gocacheprog", {"settings": {"GOVERSION": "go1.23.4"}}, "go1.23.4 knows no GOCACHEPROG"),
    ],
)
def test_what_is_missing_is_one_sentence(name: str, lacks: dict[str, Any], said: str) -> None:
    assert guard.explain_missing(name, ground(**lacks)).startswith(said)


def test_each_lever_has_its_environment_and_flags_add_up() -> None:
    found = ground(settings={"GOFLAGS": "-mod=mod"})
    values = guard.values(found, "/t")
    tried = ["vet_off", "tool_gc", "parallel"]
    assert guard.goflags(tried, found, values) == "-mod=mod -vet=off -toolexec=/t/tool-gc -p=8"
    assert guard.goflags(["go_version"], found, values) == ""
    assert decide.make_environment("go_version", "/t", "/h", values=values) == {"GOTOOLCHAIN": "go1.28.1+auto"}
    assert decide.make_environment("cgo_linker", "/t", "/h", values=values) == {"CGO_LDFLAGS": "-O2 -g -fuse-ld=mold"}
    assert decide.make_environment("gocacheprog", "/t", "/h", values=values) == {"GOCACHEPROG": "/opt/cache"}
    assert decide.make_environment("vet_off", "/t", "/h", values=values) == {}


def test_a_folder_in_a_repository_is_known(tmp_path: Path) -> None:
    (tmp_path / "repository/.git").mkdir(parents=True)
    (tmp_path / "repository/a/b").mkdir(parents=True)
    assert guard.is_in_repository(str(tmp_path / "repository/a/b"))
    assert not guard.is_in_repository(str(tmp_path))


def test_a_ground_survives_the_way_from_a_child() -> None:
    assert guard.Ground(**ground().to_json()) == ground()
