# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads a page as a browser does, and makes the answers of a host whose root says what it likes."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "link"}


class Page(HTMLParser):
    """Notes every element, and fails on one that is not closed where it should be."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.seen, self.attributes, self.text = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def one_by_one(answer, nasty):
    """Yield what a host returned with another of its values replaced each time: whoever is root there decides them."""
    for key, value in answer.items() if isinstance(answer, dict) else enumerate(answer):
        for changed in one_by_one(value, nasty) if isinstance(value, (dict, list)) else [nasty]:
            copy = answer.copy()
            copy[key] = changed
            yield copy
