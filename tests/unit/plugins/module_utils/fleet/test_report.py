# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import html.parser
import json
import xml.etree.ElementTree as ElementTree

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.fleet import host as fleet_host
from ansible_collections.wsltune.go.plugins.module_utils.fleet import record, report, rings, rollout

HOSTILE = '<script>alert("x")</script>'


def summary(hosts=3, **changes):
    names = [f"h{number}" for number in range(hosts)]
    states = {
        name: record.HostState(name, fleet_host.DONE, 1, 1, at=100.0, reread=100.0, measures=True) for name in names
    }
    for state in states.values():
        state.comparisons = [{"scenario": "test", "ratio": 0.8, "low": 0.78, "high": 0.82, "alpha": 0.05}]
    found = rollout.start("december", 0.0, rings.read_rings([{"name": "all", "share": "rest"}]), names, {}, {})
    found.rings[0].opened = found.rings[0].since = 100.0
    for name, change in changes.items():
        for key, value in change.items():
            setattr(states[name], key, value)
    rollout.judge(found, states, 200.0)
    return report.summarise(found, states, 200.0)


def test_a_terminal_shows_rings_hosts_and_the_next_step():
    asleep = {"state": fleet_host.PENDING, "comparisons": []}
    text = report.write_text(summary(h1=asleep, h2={"pending_restart": 2}), "/state")
    assert text.splitlines()[:6] == [
        "Rollout december holds at the ring all: 2 of 3 hosts are done.",
        "The soak time lasts another 24 h.",
        "",
        "ring         done  pending  ratio (95 %)",
        "all   soaks  2     1        0.80 (0.79 to 0.81)",
        "",
    ]
    assert "h2    done     0.80 (0.78 to 0.82)  2" in text
    assert "\nh1    pending\n" in text and "\nNext: Run it again after 1970-01-02" in text


def test_of_many_hosts_only_those_that_are_not_done_are_listed():
    text = report.write_text(summary(200, h7={"state": fleet_host.FAILED, "note": "no space\nleft"}), "/state")
    assert "h7    failed" in text and "no space left" in text and "h8" not in text


def test_the_page_is_whole_needs_nothing_else_and_escapes_what_hosts_say():
    page = report.write_html(summary(h0={"state": fleet_host.FAILED, "note": HOSTILE}))
    assert HOSTILE not in page and "&lt;script&gt;" in page
    assert "src=" not in page and "href=" not in page and "url(" not in page and "@import" not in page
    plot = page[page.index("<svg") : page.index("</svg>") + 6]
    drawn = ElementTree.fromstring(plot)
    assert len(drawn.findall("circle")) == 3 and len(drawn.findall("polygon")) == 1
    Balanced().feed(page)


def test_one_host_does_not_fill_the_page_of_all():
    found = summary(h0={"lost": [f"GOTMPDIR of user{number}" for number in range(10_000)], "new_critical": ["WT-001"]})
    assert "WT-001, GOTMPDIR of user0, " in report.write_html(found) and len(report.write_html(found)) < 20_000


def test_a_host_that_failed_within_the_limit_is_still_named_when_all_is_finished():
    """Every run tries it again, so there is something to do."""
    found = {**summary(3, h1={"state": fleet_host.FAILED}), "status": record.FINISHED}
    assert report.advise(found) == "Fix h1, then run it again."
    assert report.advise({**summary(), "status": record.FINISHED}).startswith("Nothing: ")


class Balanced(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_program_gets_the_same():
    data = json.loads(json.dumps(summary()))
    assert data["format"] == 1 and data["exit_code"] == 3 and len(data["hosts"]) == 3
    assert data["rings"][0]["counts"]["done"] == 3 and data["rings"][0]["decision"]["pooled"]["machines"] == 3


def test_the_plot_of_thousands_shows_the_slowest():
    page = report.write_html(summary(2000, h1999={"comparisons": [{"ratio": 1.5, "low": 1.4, "high": 1.6}]}))
    assert page.count("<circle") == report.MOST_MARKS and "The 200 slowest of 2000 are shown." in page
    assert "h1999" in page[: page.index("</svg>")]


@pytest.mark.parametrize("ratio", [0.12, 0.8, 1.0, 4.8])
def test_the_numbers_below_the_plot_do_not_lie_on_each_other(ratio):
    found = {"comparisons": [{"ratio": ratio, "low": ratio * 0.97, "high": ratio * 1.03}]}
    page = report.write_html(summary(3, h1=found))
    drawn = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    below = max(float(one.get("y")) for one in drawn.findall("text"))
    places = sorted(float(one.get("x")) for one in drawn.findall("text") if float(one.get("y")) == below)
    assert len(places) > 2 and all(after - before >= 20 for before, after in zip(places, places[1:]))


def test_on_a_narrow_screen_a_plot_of_short_names_is_whole():
    page = report.write_html(summary(3))
    drawn = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    scale = float(drawn.get("style").removeprefix("min-width:").removesuffix("px")) / float(
        drawn.get("viewBox").split()[2]
    )
    limit = drawn.find("line[@class='limit']")
    assert float(limit.get("x1")) * scale < 362


def test_a_short_word_of_the_history_is_not_broken():
    assert '<span class="one">hold</span>' in report.write_html(summary())


def test_the_hosts_of_a_ring_are_listed_by_name():
    names = ["c", "a", "b"]
    found = rollout.start("x", 0.0, rings.read_rings([{"name": "all", "hosts": names}]), names, {}, {})
    rows = report.summarise(found, {name: record.HostState(name) for name in names}, 1.0)["hosts"]
    assert [row["host"] for row in rows] == ["a", "b", "c"]


def test_a_host_that_takes_no_part_is_never_dropped():
    names = ["a", "b"]
    found = rollout.start("x", 0.0, rings.read_rings([{"name": "all", "share": "rest"}]), names, {}, {"b": "none"})
    rows = report.summarise(found, {"a": record.HostState("a")}, 1.0)["hosts"]
    assert [(row["host"], row["state"], row["note"]) for row in rows][1] == ("b", "excluded", "wsltune_ring is none")
    assert "wsltune_ring is none" in report.write_html(report.summarise(found, {"a": record.HostState("a")}, 1.0))


ROW = {
    "comparisons": [{"ratio": 0.8, "low": 0.78, "high": 0.82}],
    "changes": ["one", "two"],
    "pending": ["a restart"],
    "rollback_wanted": False,
}


def test_a_run_of_many_machines_has_a_row_for_each_also_where_it_ended_early():
    rows = report.make_rows({"a": fleet_host.make_row(ROW), "b": None}, {"b": 1}, {"c": 1})
    assert report.write_table(rows).splitlines() == [
        "host  state    ratio (95 %)         pending  note",
        "a     done     0.80 (0.78 to 0.82)  1        2 changes",
        "b     failed                                 see its error above",
        "c     pending                                did not answer",
    ]


UNKNOWN = {"scenario": "build", "ratio": None, "low": None, "high": None}
FEW_RUNS = {"scenario": "vet", "ratio": 1.3, "low": None, "high": None}
JUDGED = {"scenario": "test", "ratio": 0.8, "low": 0.78, "high": 0.82, "alpha": 0.05}
LATER = {"scenario": "race", "ratio": 0.9, "low": 0.88, "high": 0.92, "alpha": 0.05}


@pytest.mark.parametrize(
    ("comparisons", "ratio"),
    [
        ([UNKNOWN, FEW_RUNS, JUDGED, LATER], 0.8),
        ([FEW_RUNS, JUDGED], 0.8),
        ([LATER], 0.9),
        ([FEW_RUNS], None),
        ([], None),
    ],
)
def test_what_is_shown_of_a_host_is_the_ratio_that_its_gate_judged(comparisons, ratio):
    found = rollout.start("x", 0.0, rings.read_rings([{"name": "all", "share": "rest"}]), ["a"], {}, {})
    host = record.HostState("a", fleet_host.DONE, comparisons=comparisons)
    assert rollout.for_gate(found.rings[0], host).ratio == ratio
    assert report.summarise(found, {"a": host}, 1.0)["hosts"][0]["ratio"] == ratio
    assert fleet_host.make_row({"comparisons": comparisons})["ratio"] == ratio


def test_a_row_says_what_was_taken_back_and_where_nothing_was_to_change():
    assert fleet_host.make_row({**ROW, "rollback_wanted": True})["state"] == fleet_host.TAKEN_BACK
    assert fleet_host.make_row({"comparisons": [], "changes": []})["note"] == "nothing to change"


def test_a_long_note_is_cut():
    line = report.write_table([{"host": "a", "state": "failed", "note": "x" * 500}]).splitlines()[1]
    assert len(line) < 120 and line.endswith("…")


def test_no_ratio_of_a_hosts_widens_the_table_of_all():
    rows = [
        {"host": "evil", "state": "done", "ratio": 1e308, "low": -1e308, "high": 1e308},
        {"host": "a", "state": "x"},
    ]
    told = report.write_table(rows)
    assert max(map(len, told.splitlines())) < 80 and "1e+308 (-1e+308 to 1e+308)" in told
    assert report.write_ratio({"ratio": 0.9, "low": 0.85, "high": None}) == "0.90"
