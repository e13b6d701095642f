# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.wsltune.go.plugins.module_utils.linux import text


def test_no_control_character_is_left_in_what_is_shown() -> None:
    assert text.printable({"a\x1b": ["\x1b]0;t\x07", ("\x9b2J", "\x00\x7f")]}) == {
        "a\\x1b": ["\\x1b]0;t\\x07", ["\\x9b2J", "\\x00\\x7f"]]
    }
    assert text.printable("one\r\ntwo\tthree\n") == "one\r\ntwo\tthree\n"
    assert text.printable("real\rfake \u202egnp.exe") == "real\\x0dfake \\x202egnp.exe"
    assert text.printable("\udcff") == "\\xff"
    assert text.printable(7) == 7


def test_a_sentence_is_one_line() -> None:
    assert text.line("one\n two\x1b[0m\r\n") == "one two\\x1b[0m"
    assert text.line("x" * 2000) == "x" * 1000 + "..."
