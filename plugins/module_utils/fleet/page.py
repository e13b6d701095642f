# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frame of a page about many hosts: it needs no other file, and a table becomes a list on a narrow screen."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import text as linux_text

GOOD, WAITS, BAD, NEUTRAL = "good", "waits", "bad", "soft"
"""Tones of a state."""
STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59626d; --line: #c9d0d8; --paper: #fff; --panel: #f4f6f8;
  --good: #1a7f37; --bad: #b42318; --waits: #8a4b08; --mark: #00529b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebee; --soft: #a5aeb8; --line: #444c56; --paper: #15181c;
  --panel: #1f242a; --good: #56d364; --bad: #ff7b72; --waits: #f0a860; --mark: #6cb6ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 8px; text-wrap: balance; }
h2 { font-size: 1.15rem; margin: 36px 0 6px; overflow-wrap: anywhere; }
p { margin: 4px 0 12px; overflow-wrap: anywhere; }
.soft { color: var(--soft); font-size: .9rem; }
.next { background: var(--panel); border-radius: 6px; padding: 10px 14px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { overflow-wrap: anywhere; } .one { white-space: nowrap; }
th { font-weight: 600; color: var(--soft); white-space: nowrap; }
b.good { color: var(--good); } b.waits { color: var(--waits); } b.bad { color: var(--bad); }
b.soft { color: var(--soft); font-size: inherit; }
.bar { display: flex; height: 12px; min-width: 160px; border-radius: 6px; overflow: hidden; background: var(--line); }
.bar i { display: block; } i.good { background: var(--good); } i.bad { background: var(--bad); }
svg { display: block; width: 100%; max-width: 760px; height: auto; }
svg { background: var(--panel); border-radius: 6px; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .tick { fill: var(--soft); font-size: 11px; }
svg line { stroke: var(--line); } svg .interval { stroke: var(--mark); stroke-width: 2; }
svg circle { fill: var(--mark); }
svg .limit { stroke: var(--bad); stroke-dasharray: 4 3; } svg .pooled { fill: var(--ink); }
@media (max-width: 640px) {
  main { padding: 20px 14px 40px; }
  h1 { font-size: 1.3rem; }
  table, tbody, tr, td { display: block; } thead, td:empty { display: none; }
  tr { border-bottom: 2px solid var(--line); padding: 8px 0; }
  .one { white-space: normal; }
  td { border: 0; padding: 1px 0; } td::before { content: attr(data-label) ": "; color: var(--soft); }
}
@media print { main { max-width: none; padding: 0; } svg, tr { break-inside: avoid; } }
"""


def escape(text: Any) -> str:
    """Return a text as it may stand in a page, with what turns its direction, or a terminal obeys, spelled out."""
    return html.escape(linux_text.printable(str(text)))


def write_state(state: str, tone: str) -> str:
    """Return a state in the colour of its tone."""
    return f'<b class="{tone}">{escape(state)}</b>'


def keep_whole(text: Any) -> str:
    """Return a short value that is broken on a narrow screen alone."""
    return f'<span class="one">{escape(text)}</span>' if text else ""


def write_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already."""
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    lines = "\n".join(f"<tr>{''.join(map(_write_cell, heads, row))}</tr>" for row in rows)
    return f'<div class="wide"><table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>'


def _write_cell(head: str, cell: str) -> str:
    return f'<td data-label="{escape(head)}">{cell}</td>'


def write_page(title: str, parts: Sequence[str]) -> str:
    """Return the page whose body C(parts) make up, each HTML already."""
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
