# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which phase of `go test` takes the time, with a real Go."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.doctor import module as doctor_module
from ansible_collections.wsltune.go.plugins.module_utils.doctor import observe_go
from ansible_collections.wsltune.go.plugins.module_utils.doctor.check import Check
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts
from tests.unit.real_go import GO, needs_go

pytestmark = needs_go

TEST = 'package %s\n\nimport %s"testing"\n\nfunc TestIt(t *testing.T) {\n%s\n}\n'
FUNCTION = """
func Step%(n)d(words []string, more map[string]int) (int, []string) {
    found := make([]string, 0, len(words))
    for index, word := range words {
        switch more[word] + index {
        case %(n)d:
            found = append(found, word[1:]+"%(n)d")
        case %(n)d + 1:
            found = append(append(found, words[:index]...), word)
        default:
            if len(word) > %(n)d && word < "step%(n)d" {
                more[word+"%(n)d"] = index * %(n)d
            }
        }
    }
    return len(found) + %(n)d, found
}
"""


def write(folder: Path, **packages: str) -> None:
    (folder / "go.mod").write_text("module example.com/heavy\n\ngo 1.19\n")
    for name, source in packages.items():
        package, _test, kind = name.partition("_")
        (folder / package).mkdir(exist_ok=True)
        (folder / package / f"{package}{'_test' if kind else ''}.go").write_text(source)


def looked_at(folder: Path) -> Check:
    """The doctor's check of the module: all that it does with Go, as the account that runs the test."""
    own = pwd.getpwuid(os.getuid())
    home = folder.parent / "home"
    temporary = folder.parent / "temporary"
    for path in (home, temporary):
        path.mkdir()
    account = accounts.Account(own.pw_name, own.pw_uid, own.pw_gid, str(home), "/bin/sh")
    place = {"path": str(temporary)}
    facts = {"go": {"path": GO}, "settings": {}, "places": {"TMPDIR": place, "GOTMPDIR": place}}
    facts["user_file"] = {"path": f"{home}/.config/go/env"}
    # The build cache of whoever runs this, which has the standard library; one without cgo serves all of it.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""}
    before = sorted(path.name for path in folder.rglob("*"))
    with observe_go.Workshop(account, environment, facts) as shop:
        found = observe_go.Project(shop, str(folder), observe_go.Budget(500), 1 << 30).observe()
    assert sorted(path.name for path in folder.rglob("*")) == before and not list(home.iterdir())
    (check,) = [check for check in doctor_module.judge_module(found, False) if check.id == "WT-064"]
    assert [one["run"] for one in check.details["phases"]] == ["repeated", "edited"], check.reason
    assert check.value is not None and found["test"]["wall"] == pytest.approx(check.value, abs=0.01)
    return check


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "module").mkdir()
    return tmp_path / "module"


def test_a_module_that_is_slow_to_compile(folder: Path) -> None:
    steps = "".join(FUNCTION % {"n": number} for number in range(1, 1200))
    write(folder, core="package core\n" + steps, core_test=TEST % ("core", "", "\tStep1(nil, nil)"))
    repeated, edited = looked_at(folder).details["phases"]
    assert edited["longest"] == "compile", edited
    # Go keeps what did not change.
    assert repeated["seconds"]["compile"] < 0.5 * edited["seconds"]["compile"]
    assert "gocache_tmpfs" in edited["levers"]


def test_a_module_that_is_slow_to_link(folder: Path) -> None:
    sources = {}
    for number in range(6):
        name = f"part{number}"
        sources[name] = (
            f'package {name}\n\nimport "net/http"\n\nfunc Handler() http.Handler {{ return http.NotFoundHandler() }}\n'
        )
        sources[f"{name}_test"] = TEST % (name, "", "\tHandler()")
    write(folder, **sources)
    check = looked_at(folder)
    repeated = check.details["phases"][0]
    assert repeated["longest"] == "link", repeated
    assert "Levers for link: " in check.reason and check.lever in repeated["levers"]


def test_a_module_whose_tests_take_the_time(folder: Path) -> None:
    test = TEST % ("core", '"time"\n\nimport ', "\ttime.Sleep(6 * time.Second)")
    write(folder, core="package core\n", core_test=test)
    repeated = looked_at(folder).details["phases"][0]
    assert repeated["longest"] == "run" and repeated["seconds"]["run"] > 5.9, repeated
