# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path

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
    assert text == FOREIGN + "wsltune /var/cache/gotmp tmpfs nofail,comment=wsltune 0 0\n"
    assert fstab.with_lines(text, [OURS]) == text
    larger = fstab.Line("wsltune", "/var/cache/gotmp", "tmpfs", ("size=2g", fstab.MARK))
    assert fstab.with_lines(text + "# after\n", [larger]) == FOREIGN + larger.render() + "\n# after\n"
    assert fstab.with_lines(text, []) == FOREIGN


def test_a_line_of_an_earlier_version_is_recognised_and_gets_the_present_mark() -> None:
    old = "wsltune /var/cache/gotmp tmpfs nofail,x-wsltune 0 0\n"
    bind = "/a /b none bind,x-wsltune=workspace 0 0\n"
    table = FOREIGN + old + bind + "/c /d none bind,x-wsltuned 0 0\n"
    assert [line.mount_point for line in fstab.marked(table)] == ["/var/cache/gotmp"]
    assert [line.mount_point for line in fstab.marked(table, fstab.MARK + "-workspace")] == ["/b"]
    moved = fstab.with_lines(table, [OURS])
    assert moved == table.replace("nofail,x-wsltune ", "nofail,comment=wsltune ")
    assert fstab.without_ours(None, b"", moved.encode()).decode() == FOREIGN + "/c /d none bind,x-wsltuned 0 0\n"


def test_what_busybox_refuses_is_left_out() -> None:
    line = fstab.Line("a", "/b", "tmpfs", ("nofail", "x-systemd.before=local-fs.target", fstab.MARK))
    assert line.for_busybox().options == ("nofail", "comment=wsltune")


def test_a_missing_final_newline_is_added_only_when_a_line_follows() -> None:
    assert fstab.with_lines("# end", []) == "# end"
    assert fstab.with_lines("# end", [OURS]).startswith("# end\nwsltune ")


@given(st.lists(st.sampled_from(["# x\n", "\n", "bad\n", "a /b ext4\n", "c\t/d  nfs rw 0 0\n", "\xe9 /f tmpfs\n"])))
def test_foreign_lines_survive_byte_for_byte(lines: list[str]) -> None:
    text = "".join(lines)
    assert fstab.with_lines(fstab.with_lines(text, [OURS]), []) == text
    assert fstab.lines_for(fstab.with_lines(text, [OURS]), "/var/cache/gotmp") == [OURS]


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ("//nas/Fotos\u00a0A /m cifs nofail 0 0", fstab.Line("//nas/Fotos\u00a0A", "/m", "cifs", ("nofail",))),
        ("/dev/sdb1 /data ext4 defaults 0 -1", fstab.Line("/dev/sdb1", "/data", "ext4", ("defaults",), 0, -1)),
        ("/a /b ext4 rw +1 2\r\n", fstab.Line("/a", "/b", "ext4", ("rw",), 1, 2)),
        ("/a /b ext4\r", fstab.Line("/a", "/b", "ext4")),
        ("  /a\t /b ext4 ", fstab.Line("/a", "/b", "ext4")),
        ("/a\v/c /b\u2028x ext4 a,\u00a0b", fstab.Line("/a\v/c", "/b\u2028x", "ext4", ("a", "\u00a0b"))),
        (r"LABEL=\303\244\134\012\011 /b\999 ext4", fstab.Line("LABEL=\u00e4\\\n\t", r"/b\999", "ext4")),
        ("/a /b ext4 rw 1 2 # said", fstab.Line("/a", "/b", "ext4", ("rw",), 1, 2)),
        ("\r", None),
    ],
)
def test_lines_are_read_as_libmount_reads_them(row: str, line: fstab.Line | None) -> None:
    assert fstab.parse_line(row) == line


@pytest.mark.parametrize(
    "row", ["/a /b ext4 rw \u00b2", "/a /b ext4 rw 0 # c", "/a /b ext4 rw 0x1", "/a /b ext4 rw 1a"]
)
def test_numbers_are_what_strtol_reads(row: str) -> None:
    with pytest.raises(fstab.FstabError, match="not a number"):
        fstab.parse_line(row)


ROWS = [
    "//nas/Fotos\u00a0Archiv /mnt/fotos cifs nofail 0 0",
    "/dev/sdb1 /data ext4 defaults 0 -1",
    "tmpfs\u00a0/mnt/x tmpfs nofail 0 0",
    r"LABEL=My\040Disk /mnt/my ext4 nofail 0 2",
    "/dev/x /y",
    "/dev/z /z ext4 rw 1x 2",
    "/dev/z /z2 ext4 rw # comment",
    "/dev/z /z3 ext4 # comment",
    'LABEL="a b" /q ext4',
    " /lead /p ext4",
    r"tmpfs /t\0401 tmpfs size=1,x=\054 0 0 trailing",
    "/dev/e /e ext4 defaults 0 \u00b2",
    "/a /1 ext4 defaults 0 0\r",
    "/c /3 ext4\r",
    "/d /4 ext4 rw +1 0x2",
    "/h /8 ext4 rw \f1 2",
    "/i\v/9 /9 ext4",
    "  # c",
    r"/l /12\999 ext4\040x rw\ 0 0",
    r"/m /13\303\244 ext4",
    "\f/n /14 ext4",
    "/o /15 # rw",
    "/p /16 ext4 rw 0 0#c",
    "/u\u2028/v /17 ext4",
    "/last /18 ext4 rw",
]


def test_findmnt_reads_the_same(tmp_path: Path) -> None:
    if not shutil.which("findmnt"):
        pytest.skip("there is no findmnt here")
    (tmp_path / "fstab").write_text("\n".join(ROWS), encoding="utf-8", newline="\n")
    command = [
        "findmnt",
        "--fstab",
        "--tab-file",
        str(tmp_path / "fstab"),
        "-P",
        "-o",
        "SOURCE,TARGET,FSTYPE,FREQ,PASSNO",
    ]
    done = subprocess.run(command, check=True, capture_output=True, env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
    theirs = []
    for row in done.stdout.decode("ascii").splitlines():
        words = re.findall(r'="(.*?)"', row)
        theirs.append([re.sub(rb"\\x(..)", lambda m: bytes([int(m[1], 16)]), word.encode()).decode() for word in words])
    ours = []
    for row in fstab.rows("\n".join(ROWS)):
        with contextlib.suppress(fstab.FstabError):
            line = fstab.parse_line(row)
            if line is not None:
                ours.append([line.source, line.mount_point, line.fstype, str(line.frequency), str(line.pass_number)])
    assert ours == theirs and len(ours) > 15
