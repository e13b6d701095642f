# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("wsltune_case_pages", ROOT / "tests/cases/pages.py")
assert SPEC and SPEC.loader
pages = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = pages
SPEC.loader.exec_module(pages)

PAGE = """\
# WT-001: A title

<!-- test: drive says='1 package' -->

## Symptom

Slow.

## Reproduce

```sh
true
```

```text
one line
...
```

## Diagnose

```sh fails
false
```

## Fix

```powershell
exit
```

## Verify

```sh network
true
```
"""


def test_a_page_is_read() -> None:
    page = pages.parse(PAGE, "WT-001")
    assert (page.id, page.title, page.words, page.values) == ("WT-001", "A title", {"drive"}, {"says": "1 package"})
    reproduce, diagnose, fix, verify = page.blocks
    assert (reproduce.section, reproduce.text, reproduce.expected) == ("Reproduce", "true\n", ["one line"])
    assert diagnose.fails and (fix.elsewhere, verify.elsewhere) == ("windows", "network")
    assert (diagnose.shell, fix.shell) == ("sh", "powershell")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("# WT-001", "# WT-002", "the first line is not"),
        ("## Fix", "## Cure", "the sections are"),
        ("```sh fails", "```sh perhaps", "nobody knows what"),
        ("```powershell", "```python", "a block is sh, powershell or text"),
        ("```sh network\ntrue\n```\n", "```sh network\ntrue\n", "not closed"),
        ("```sh\ntrue\n```\n", "", "an output without commands"),
    ],
)
def test_a_page_that_is_wrong_says_where(before: str, after: str, said: str) -> None:
    with pytest.raises(pages.PageError, match=f"WT-001.*({said})"):
        pages.parse(PAGE.replace(before, after), "WT-001")


def test_every_check_has_its_page_with_commands_for_each_step() -> None:
    found = {page.id: page for page in pages.all_pages()}
    assert set(doctor_check.TITLES) <= set(found)
    for page in found.values():
        for section in pages.SECTIONS[1:]:
            assert page.of(section), f"{page.id}: no commands under {section}"
        assert any(not block.elsewhere for block in page.blocks), page.id


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs/cases/README.md").read_text(encoding="utf-8")
    for page in pages.all_pages():
        assert f"[{page.id}]({page.id}.md): {page.title}" in index


@pytest.mark.parametrize("path", sorted((ROOT / "docs/cases").glob("WT-*.md")), ids=lambda path: path.stem)
def test_no_page_has_its_reader_run_what_another_account_can_put_into_tmp(path: Path) -> None:
    """The name is known: where it is taken, the block that writes the file fails, and the next line takes theirs."""
    for block in pages.parse(path.read_text(encoding="utf-8"), path.stem).blocks:
        for line in block.text.splitlines():
            # For WSLg's socket, mkdir(1) comes first.
            if re.search(r"/tmp/(?!\.X11-unix\b)", line):
                assert not re.search(r"\b(sudo|go run|gcc|ldd|source)\b|^(sh|bash|\.) |^/tmp/", line), line
