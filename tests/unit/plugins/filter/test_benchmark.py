# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.wsltune.go.plugins.filter.benchmark import FilterModule

FOLDER = Path(__file__).parents[4] / "plugins" / "filter"


@pytest.mark.parametrize("name", ["bench_summary", "bench_go_format", "bench_hyperfine"])
@pytest.mark.parametrize("nonsense", [None, "text", {}, {"variants": []}])
def test_what_is_no_experiment_is_refused(name, nonsense):
    with pytest.raises(AnsibleFilterError, match=f"{name}: the input is no experiment"):
        FilterModule().filters()[name](nonsense)


def test_an_empty_experiment_is_unknown():
    empty = {"variants": [{"name": "before"}, {"name": "after"}], "scenarios": []}
    filters = FilterModule().filters()
    summary = filters["bench_summary"](empty)
    assert summary["verdict"] == "unknown"
    assert filters["bench_text"](summary).startswith("Whether it helped is not known: nothing could be compared.")


@pytest.mark.parametrize("name", FilterModule().filters())
def test_every_filter_is_documented(name):
    said = yaml.safe_load((FOLDER / f"{name}.yml").read_text())
    assert said["DOCUMENTATION"]["name"] == name
    assert {"DOCUMENTATION", "EXAMPLES", "RETURN"} <= set(said)


def test_a_terminal_obeys_nothing_that_a_host_returned():
    filters = FilterModule().filters()
    assert filters["bench_levers_result"]({"msg": "red\x1b[31m"})["sentences"][0].endswith("red\\x1b[31m")
    scenario = {"name": "red\x1b[31m", "runs": [], "status": "failed", "reason": "\x1b]0;x"}
    experiment = {"variants": [{"name": "now"}], "scenarios": [scenario], "go": "\x1b[2J", "seed": "\x9b2J"}
    told = [filters["bench_go_format"](experiment), filters["bench_gate"](experiment, name="laptop")["text"]]
    assert not [one for one in told if "\x1b" in one or "\x9b" in one] and "\\x9b2J" in told[0]
