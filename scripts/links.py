# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks the links within a built site: scripts/links.py FOLDER. Exits 1 if a page or an anchor is missing."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ADDRESSES = ("href", "src")


class Page(HTMLParser):
    """The links of a page and the anchors that others may link to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the links and anchors of a tag."""
        for name, value in attrs:
            if name in ADDRESSES and value:
                self.links.append(value)
            elif name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value or "")


def broken(site: Path) -> list[str]:
    """Return a sentence for each link within the site that leads nowhere."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    sentences = []
    for path, page in pages.items():
        for link in page.links:
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            if not target.is_file():
                reason = "there is no such page"
            elif address.fragment and target in pages and unquote(address.fragment) not in pages[target].anchors:
                reason = "that page has no such anchor"
            else:
                continue
            sentences.append(f"{path.relative_to(site)}: {link}: {reason}")
    return sentences


def main() -> int:
    """Print the broken links and return the exit code."""
    site = Path(sys.argv[1]).resolve()
    if not (site / "index.html").is_file():
        sys.exit(f"links.py: {site} is no built site")
    sentences = broken(site)
    print("\n".join(sentences) or "every link within the site leads somewhere")
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main())
