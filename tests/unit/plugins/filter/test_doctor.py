# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import functools
import importlib.util
import re
from pathlib import Path

import jinja2
import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.wsltune.go.plugins.filter.doctor import FilterModule
from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from tests.unit.pages import Page, one_by_one

ROOT = Path(__file__).parents[4]


def cases():
    path = ROOT / "tests/unit/plugins/module_utils/doctor/test_report.py"
    spec = importlib.util.spec_from_file_location("wsltune_doctor_report_cases", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CASES = cases()


@functools.cache
def template():
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters.update({f"wsltune.go.{name}": call for name, call in FilterModule().filters().items()})
    return environment.from_string((ROOT / "roles/doctor/templates/doctor.html.j2").read_text())


def rendered(found):
    return template().render({"_doctor_found": found, "inventory_hostname": "laptop"})


@pytest.mark.parametrize("name", CASES.CASES)
def test_the_page_is_whole_and_needs_nothing_from_outside(name):
    text = rendered(CASES.findings(*CASES.CASES[name]))
    page = Page(text)
    assert page.seen.count("html") == page.seen.count("main") == 1
    assert not {"script", "link", "img"} & set(page.seen)
    # The pages of the cases are links that a reader may follow; nothing is loaded.
    pages = "https://github.com/wsltune/wsltune/blob/main/docs/cases/"
    links = [value for attribute, value in page.attributes if attribute in ("src", "href")]
    assert not [link for link in links if not link.startswith(pages)]
    assert page.seen.count("a") == len(links)
    assert not re.search(r"https?://|url\(|@import", text.replace(pages, ""))


def test_every_finding_is_told_in_words_and_in_order():
    found = CASES.findings(CASES.SLOW, CASES.FAILS, CASES.MILD, CASES.LOST)
    page = Page(rendered(found))
    told = " ".join("".join(page.text).split())
    ids = [check["id"] for check in found["checks"][:4]]
    assert sorted(ids, key=told.index) == ids
    # Without colour the status is still a word beside each finding.
    assert "Critical Build cache (GOCACHE) on a slow file system WT-002" in told
    assert "Warning PATH with slow directories WT-040" in told
    assert "1206 µs" in told and "go env -w GOCACHE=$HOME/.cache/go-build" in told and "1100.0 to 1400.5" in told
    assert page.seen.count("section") == 4 and page.seen.count("tr") >= len(doctor_check.TITLES)


def test_what_others_wrote_is_escaped():
    nasty = '<script>alert(1)</script> & "so"'
    check = doctor_check.Check("WT-027", "warning", nasty, effect=nasty, command=nasty, lever=nasty)
    page = Page(rendered(CASES.findings(check)))
    assert "script" not in page.seen
    # In its section four times, in the table once, and the effect is in the headline.
    assert sum(nasty in text for text in page.text) == 6


def test_no_value_of_a_hosts_answer_is_more_than_text():
    answer = CASES.findings(CASES.SLOW, CASES.FAILS, CASES.MILD, CASES.LOST)
    for changed in one_by_one(answer, '<script src="x">'):
        try:
            text = rendered(changed)
        except (TypeError, jinja2.UndefinedError):
            # A number is none any more, and the page of this host is not written.
            continue
        assert "<script" not in text


@pytest.mark.parametrize("nasty", ["../../../../mallory/shop", r"..\..\..\..\mallory\shop", "javascript:x"])
def test_no_link_leads_to_where_a_host_likes(nasty):
    links = set()
    for changed in one_by_one(CASES.findings(CASES.SLOW, CASES.FAILS), nasty):
        try:
            page = Page(rendered(changed))
        except (TypeError, jinja2.UndefinedError):
            continue
        links |= {value for name, value in page.attributes if name == "href"}
    cases = "https://github.com/wsltune/wsltune/blob/main/docs/cases/"
    assert links and not [link for link in links if not re.fullmatch(re.escape(cases) + r"[\w.%-]+\.md", link)]


def test_a_terminal_obeys_nothing_that_a_host_returned():
    check = doctor_check.Check("WT-027", "warning", "red\x1b[31m", effect="\x1b]0;x\x07", command="\x9b2J")
    for name in ("doctor_text", "doctor_headline"):
        told = FilterModule().filters()[name](CASES.findings(check))
        assert not re.search(r"[\x1b\x07\x9b]", told) and told.isascii() and "\\x1b" in told


def test_no_host_has_a_line_of_another_in_its_summary():
    forged = "x\nwsltune on other\nx"
    for changed in one_by_one(CASES.findings(CASES.SLOW, CASES.MILD, CASES.LOST), forged):
        for everything in (False, True):
            try:
                told = FilterModule().filters()["doctor_text"](changed, everything=everything)
            except (TypeError, KeyError, ValueError, AttributeError):
                # The text of this host is not written.
                continue
            assert "\nwsltune on other" not in told


def test_a_filter_that_gets_something_else_says_so():
    with pytest.raises(AnsibleFilterError, match="doctor_text: the input holds no findings"):
        FilterModule().filters()["doctor_text"]({"changed": False})
