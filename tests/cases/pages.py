# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads the pages of docs/cases: their sections, the commands in them, and what a test of them needs."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "cases"
SECTIONS = ["Symptom", "Reproduce", "Diagnose", "Fix", "Verify"]
# Commands that cannot run on a test machine say so, and are counted. tests/windows_host/test_cases.py runs those for
# PowerShell, but for what needs Hyper-V's module.
ELSEWHERE = {"windows", "network", "hyper-v"}


class PageError(ValueError):
    """What is wrong with a page, in one sentence."""


@dataclass
class Block:
    """Commands of a page. `expected` are texts that their output has; `fails` says that they must not succeed."""

    section: str
    text: str
    fails: bool = False
    elsewhere: str = ""
    shell: str = "sh"
    expected: list[str] = field(default_factory=list)


@dataclass
class Page:
    id: str
    title: str
    blocks: list[Block]
    sections: list[str]
    # From `<!-- test: ... -->`: words, and name=value pairs.
    words: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)

    def of(self, section: str) -> list[Block]:
        return [block for block in self.blocks if block.section == section]


def parse(text: str, name: str) -> Page:
    heading = re.match(r"# (WT-\d{3}): (.+)\n", text)
    if not heading or heading[1] != name:
        raise PageError(f"{name}: the first line is not '# {name}: <title>'.")
    page = Page(heading[1], heading[2], [], [])
    told = re.search(r"^<!-- test: (.*?) -->$", text, re.MULTILINE)
    for word in shlex.split(told[1]) if told else []:
        key, equals, value = word.partition("=")
        if equals:
            page.values[key] = value
        else:
            page.words.add(key)
    section, fence, lines = "", None, []
    for number, line in enumerate(text.splitlines(), 1):
        if fence is None and line.startswith("## "):
            section = line[3:]
            page.sections.append(section)
        elif fence is None and line.startswith("```"):
            fence, lines = line[3:].split(), []
        elif fence is not None and line == "```":
            _add(page, section, fence, lines, f"{name}, line {number}")
            fence = None
        elif fence is not None:
            lines.append(line)
    if fence is not None:
        raise PageError(f"{name}: a block is not closed.")
    if page.sections != SECTIONS:
        raise PageError(f"{name}: the sections are {page.sections}, not {SECTIONS}.")
    return page


def _add(page: Page, section: str, fence: list[str], lines: list[str], where: str) -> None:
    kind, words = (fence or [""])[0], set(fence[1:])
    if kind in ("sh", "powershell"):
        if words - {"fails"} - ELSEWHERE:
            raise PageError(f"{where}: nobody knows what {sorted(words)} means.")
        elsewhere = next(iter(words & ELSEWHERE), "windows" if kind == "powershell" else "")
        page.blocks.append(Block(section, "\n".join(lines) + "\n", "fails" in words, elsewhere, kind))
    elif kind == "text":
        if not page.blocks or page.blocks[-1].section != section:
            raise PageError(f"{where}: an output without commands before it.")
        page.blocks[-1].expected = [line for line in lines if line and line != "..."]
    else:
        raise PageError(f"{where}: a block is sh, powershell or text, not {kind!r}.")


def read(path: Path) -> Page:
    return parse(path.read_text(encoding="utf-8"), path.stem)


def all_pages() -> list[Page]:
    return [read(path) for path in sorted(FOLDER.glob("WT-*.md"))]
