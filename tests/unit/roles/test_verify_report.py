# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import functools
import importlib.util
import re
from pathlib import Path

import jinja2
import pytest

from ansible_collections.wsltune.go.plugins.filter.benchmark import FilterModule
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import summaries
from tests.unit.pages import Page, one_by_one

ROOT = Path(__file__).parents[3]


def cases():
    path = ROOT / "tests/unit/plugins/module_utils/benchmark/test_report.py"
    spec = importlib.util.spec_from_file_location("wsltune_bench_report_cases", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def experiment(**options):
    return cases().experiment(**options)


@functools.cache
def template(name):
    # Trimmed as ansible.builtin.template does.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "roles/verify/templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters.update({f"wsltune.go.{name}": call for name, call in FilterModule().filters().items()})
    return environment.get_template(name)


def rendered(found, changes=("GOTMPDIR is on a tmpfs",), **options):
    return template("report.html.j2").render(
        {
            "__verify_measured": {"experiment": found},
            "verify_result": {
                "benchmark": summaries.summarise(found),
                "page": {"changes": list(changes), "pending": [], "on_slower": "rollback"},
            },
            "inventory_hostname": "laptop",
            "verify_notes": [],
            "verify_undo": "ansible-playbook playbooks/rollback.yml",
            **options,
        }
    )


def failed():
    found = experiment()
    found["scenarios"][0].update(status="failed", reason="go test <exited> with 1")
    found["scenarios"][1].update(status="skipped", reason="no time", runs=[])
    return found


@pytest.mark.parametrize("found", [experiment(), experiment(test=1.1), experiment(control=0.9), failed()])
def test_the_page_is_whole_and_needs_nothing_from_outside(found):
    text = rendered(found)
    page = Page(text)
    assert page.seen.count("html") == page.seen.count("main") == 1
    assert "script" not in page.seen and "link" not in page.seen and "img" not in page.seen
    assert not [value for name, value in page.attributes if name in ("src", "href")]
    assert not re.search(r"https?://|url\(|@import", text)


def test_every_run_is_drawn_with_its_own_shape():
    page = Page(rendered(experiment()))
    assert page.seen.count("svg") == 2
    # Ten runs of each variant in both scenarios; rectangles would be a third variant.
    assert page.seen.count("circle") == 20
    assert sum(name == "class" and value == "stroke" for name, value in page.attributes) == 20
    assert sum(name == "class" and value == "median" for name, value in page.attributes) == 6
    assert sum("run 10: " in text for text in page.text) == 6


def test_what_others_wrote_is_escaped():
    nasty = '<script>alert(1)</script> & "so"'
    page = Page(rendered(experiment(), changes=[nasty], verify_notes=[nasty], verify_undo=nasty))
    assert "script" not in page.seen
    assert page.text.count(nasty) == 3


def levers_page(found):
    variables = {"__verify_levers": found, "inventory_hostname": "laptop", "verify_user": "alice"}
    return template("levers.html.j2").render(variables)


@pytest.mark.parametrize("page", [rendered, levers_page])
def test_no_value_of_a_hosts_answer_is_more_than_text(page):
    found = experiment()
    for scenario in found["scenarios"]:
        # One run of each variant has the values that all have.
        del scenario["runs"][6:]
    answer = found if page is rendered else {"kept": [], "decisions": DECISIONS, "experiments": [found]}
    pages = 0
    for changed in one_by_one(answer, '<script src="x">'):
        try:
            text = page(changed)
        except (TypeError, ValueError, jinja2.UndefinedError):
            # A number is none any more, and the page of this host is not written.
            continue
        pages += 1
        assert "<script" not in text
    assert pages > 20


def test_it_answers_first():
    page = Page(rendered(experiment()))
    told = "".join(page.text)
    assert told.index("It helped: repeated tests take 12 % less time") < told.index("95 % interval")
    assert "12.0 %" in told


def test_a_number_is_written_as_the_terminal_writes_it():
    module = cases()
    row = next(line for line in module.told(module.in_nanoseconds()).splitlines() if line.startswith("test  ")).split()
    found = " ".join(" ".join(Page(rendered(module.in_nanoseconds())).text).split())
    change, interval = row[5], row[7:10]
    assert row[1:3] == ["140", "ns"] and interval[2].startswith("-0.0") and float(interval[2]) < 0
    assert f"140 ns 140 ns {change} % {' '.join(interval)} %" in found


def test_a_scenario_that_is_not_compared_says_why():
    told = "".join(Page(rendered(failed())).text)
    assert "not compared: go test <exited> with 1" in told
    assert "not compared: no time" in told


DECISIONS = [
    {
        "lever": "gotmpdir_tmpfs",
        "tried": True,
        "kept": True,
        "reason": "test is faster <b>with</b> it",
        "scenario": "test",
        "ratio": 0.88,
        "low": 0.8,
        "high": 0.95,
        "p": 0.00004,
    },
    {"lever": "caches_local", "tried": False, "kept": False, "reason": "not tried: no drive"},
    {"lever": "cgo_disabled", "tried": True, "kept": False, "reason": "Go does not work with it: go test"},
]


def test_levers_are_shown_with_their_numbers_and_why():
    page = Page(rendered(experiment(), verify_levers_result={"decisions": DECISIONS}))
    told = " ".join(" ".join(page.text).split())
    assert "gotmpdir_tmpfs kept test is faster <b>with</b> it test -12.0 % -20.0 to -5.0 % <0.0001" in told
    assert "caches_local not tried not tried: no drive" in told
    assert "cgo_disabled not kept Go does not work with it: go test" in told


def test_levers_have_a_page_of_their_own():
    found = {"kept": ["gotmpdir_tmpfs"], "decisions": DECISIONS, "experiments": [experiment(), experiment()]}
    page = Page(
        template("levers.html.j2").render(__verify_levers=found, inventory_hostname="laptop", verify_user="alice")
    )
    told = "".join(page.text)
    assert "Kept: gotmpdir_tmpfs." in told and "The winners together" in told
    # The gains, and two scenarios of two experiments.
    assert page.seen.count("svg") == 5 and page.seen.count("main") == 1


def test_where_nothing_helps_the_page_says_so_first():
    decisions = [{**DECISIONS[0], "kept": False, "ratio": 0.99, "low": 0.97, "high": 1.02}, DECISIONS[2]]
    found = {"kept": [], "decisions": decisions, "experiments": [experiment()]}
    page = Page(
        template("levers.html.j2").render(__verify_levers=found, inventory_hostname="laptop", verify_user="alice")
    )
    told = " ".join(" ".join(page.text).split())
    assert "Nothing helps here: 2 levers were tried, and Go is not clearly faster with any." in told
    assert told.index("Nothing helps") < told.index("-1.0 %") < told.index("Decision")


def test_a_page_of_levers_without_a_trial_says_that_nothing_was_tried():
    decisions = [{"lever": "caches_local", "tried": False, "kept": False, "reason": "not tried: no drive"}]
    found = {"kept": [], "decisions": decisions, "experiments": []}
    text = template("levers.html.j2").render(__verify_levers=found, inventory_hostname="laptop", verify_user="alice")
    assert "Nothing was tried, for the reasons below" in text and "worth keeping" not in text


def test_a_page_reads_well_on_a_phone_and_on_paper():
    text = rendered(experiment())
    assert "@media (max-width: 600px)" in text and "@media print" in text
    first = text[text.index('<table class="cards">') :]
    labels = re.findall(r'data-label="([^"]+)"', first[: first.index("</tr>", first.index("<tbody>"))])
    assert labels == ["Scenario", "Verdict", "Before", "After", "Change", "95 % interval", "p", "Written to disk"]
    # The same numbers as at the terminal.
    assert "29.2 MiB → 80.0 KiB" in text and "2026-11-23 21:00:00 UTC" in text
