# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.wsltune.go.plugins.module_utils.linux import fstab

OURS = fstab.Line("wsltune", "/var/cache/gotmp", "tmpfs", ("nofail", fstab.MARK))
FOREIGN = "# comment\nUUID=1 / ext4 defaults 0 1\n\tproc\t/proc proc\n"


def test_a_line_is_read_with_its_escapes() -> None:
    line = fstab.parse_line(r"//host/a\040b /mnt/a\040b cifs ro,x=\054 1 2")
    assert line == fstab.Line("//host/a b", "/mnt/a b", "cifs", ("ro", "x=", ""), 1, 2)


@pytest.mark.parametrize("text", ["", "   ", "# comment", "\t#x"])
def test_a_comment_is_no_mount(text: str) -> None:
    assert fstab.parse_line(text) is None


@pytest.mark.parametrize("text", ["garbage", "a b", "a b c d x", "a b c d 0 y"])
def test_a_broken_line_is_named_by_its_number(text: str) -> None:
    with pytest.raises(fstab.FstabError, match=r"^line 3: "):
        fstab.check("# one\n\n" + text + "\n")


def test_our_line_is_added_changed_and_taken_out() -> None:
    text = fstab.with_lines(FOREIGN, [OURS])
    assert text == FOREIGN + "wsltune /var/cache/gotmp tmpfs nofail,x-wsltune 0 0\n"
    assert fstab.with_lines(text, [OURS]) == text
    larger = fstab.Line("wsltune", "/var/cache/gotmp", "tmpfs", ("size=2g", fstab.MARK))
    assert fstab.with_lines(text + "# after\n", [larger]) == FOREIGN + larger.render() + "\n# after\n"
    assert fstab.with_lines(text, []) == FOREIGN


def test_a_missing_final_newline_is_added_only_when_a_line_follows() -> None:
    assert fstab.with_lines("# end", []) == "# end"
    assert fstab.with_lines("# end", [OURS]).startswith("# end\nwsltune ")


@given(st.lists(st.sampled_from(["# x\n", "\n", "bad\n", "a /b ext4\n", "c\t/d  nfs rw 0 0\n", "\xe9 /f tmpfs\n"])))
def test_foreign_lines_survive_byte_for_byte(lines: list[str]) -> None:
    text = "".join(lines)
    assert fstab.with_lines(fstab.with_lines(text, [OURS]), []) == text
    assert fstab.lines_for(fstab.with_lines(text, [OURS]), "/var/cache/gotmp") == [OURS]
