# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import text


def test_no_control_character_is_left_in_what_is_shown() -> None:
    assert text.printable({"a\x1b": ["\x1b]0;t\x07", ("\x9b2J", "\x00\x7f")]}) == {
        "a\\x1b": ["\\x1b]0;t\\x07", ["\\x9b2J", "\\x00\\x7f"]]
    }
    assert text.printable("one\r\ntwo\tthree\n") == "one\r\ntwo\tthree\n"
    assert text.printable("real\rfake \u202egnp.exe") == "real\\x0dfake \\x202egnp.exe"
    assert text.printable("a\u200fb\u2028c\uffff") == "a\\x200fb\\x2028c\\xffff"
    assert text.printable("\udcff") == "\\xff"
    # Half a character, as JSON may have it.
    assert text.printable({"\ud800": "a\udc41\udcff"}) == {"\\ud800": "a\\udc41\\xff"}
    assert [text.is_for_system(value) for value in ("/a\udcff", "\ud800", "/a\0b")] == [True, False, False]
    assert text.printable(7) == 7


def test_a_sentence_is_one_line() -> None:
    assert text.line("one\n two\x1b[0m\r\n") == "one two\\x1b[0m"
    assert text.line("x" * 2000) == "x" * 1000 + "..."


def test_texts_of_some_length_are_compared_whole() -> None:
    before, after = "a\nb\n" * 900, "a\nb\n" * 900 + "c"
    assert text.for_diff(before, after) == (before, after)


def test_of_long_texts_the_lines_around_what_differs_are_compared() -> None:
    lines = [f"line {number}\n" for number in range(100000)]
    other = [*lines[:5000], "new\n", *lines[5000:]]
    assert text.for_diff("".join(lines), "".join(other)) == (
        "".join(lines[4997:5003]),
        "".join([*lines[4997:5000], "new\n", *lines[5000:5003]]),
    )
    before, after = text.for_diff("".join(lines), "x\n" * 100000)
    assert before.count("\n") == after.count("\n") == text.MOST_COMPARED + 1
    assert len(text.for_diff("a" * 10**6, "")[0]) < 2 * text.LONGEST_SHOWN


def test_what_differs_lies_between_what_is_the_same() -> None:
    assert text.differing(list("abcd"), list("abxcd")) == ([], ["x"])
    assert text.differing(list("aaa"), list("aaaa")) == ([], ["a"])
    assert text.differing([], list("ab")) == ([], ["a", "b"])
    assert text.differing(list("ab"), list("ab")) == ([], [])


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Task failed: Module failed: no Python", "no Python"),
        ("Task failed: The filter plugin 'wsltune.go.go_tmpfs_place' failed: size is 'much'", "size is 'much'"),
        ("it was not taken back: Task failed: Action failed: a\nb", "it was not taken back: a b"),
        ("The run failed: 2 of 3", "The run failed: 2 of 3"),
    ],
)
def test_a_reason_is_without_ansibles_words(said: str, reason: str) -> None:
    assert text.reason(said) == reason


def test_names_for_a_sentence() -> None:
    assert [text.join_names(names) for names in ([], ["a"], ["a", "b", "c"])] == ["", "a", "a, b and c"]
    assert text.join_names(list("abcdef")) == "a, b, c, d and 2 more"
