# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The documentation site: these pages, the README, and the reference that antsibull-docs makes (./test.sh docs)."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
SOURCES = "https://github.com/wsltune/wsltune/blob/main/"
LOGGER = logging.getLogger(__name__)
# A link in Markdown to a file: its end, without a scheme, and an anchor if there is one.
LINK = re.compile(r"\]\((?![a-z]+:|#)([^()\s#]+)(#[^()\s]*)?\)")
# Furo shows the contents of a page beside it, and an error where a page lists them too.
CONTENTS = re.compile(r"^ *\.\. contents::.*\n(?: +:.*\n)*", re.MULTILINE)
CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
# Labels of Ansible's own documentation that the reference links to.
ANSIBLE = "https://docs.ansible.com/ansible/latest/"
ANSIBLE_PAGES = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "callback_plugins": "plugins/callback.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}

project = "wsltune"
project_copyright = "2026, wsltune contributors"
author = "wsltune contributors"
release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

extensions = ["myst_parser", "sphinx_antsibull_ext"]
exclude_patterns = ["_build"]
nitpicky = True
highlight_language = "text"
# The examples of filters are expressions, which the lexer for YAML that antsibull-docs names does not know.
suppress_warnings = ["misc.highlighting_failure"]

myst_heading_anchors = 4

html_theme = "furo"
html_title = f"wsltune {release}"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
# The generated pages have no source in the repository that a button could lead to.
html_theme_options = {"top_of_page_buttons": []}
html_static_path = ["_static"]
html_css_files = ["site.css"]
# Sphinx looks for it from the folder that it was started in.
html_search_scorer = str(DOCS / "_static/search_scorer.js")


def lead_on(text: str, folder: Path, page: str) -> str:
    """Return the text with its links to files outside the site leading to the repository."""

    def target(match: re.Match[str]) -> str:
        path = Path(os.path.normpath(folder / match[1]))
        if not path.exists():
            LOGGER.warning("%s links to %s, which does not exist", page, match[1])
        inside = path.is_relative_to(DOCS)
        if inside and (path.suffix in (".md", ".rst") or "images" in path.parts):
            return f"]({os.path.relpath(path, DOCS / Path(page).parent)}{match[2] or ''})"
        return f"]({SOURCES}{path.relative_to(ROOT)}{match[2] or ''})"

    parts = CODE.split(text)
    parts[::2] = [LINK.sub(target, part) for part in parts[::2]]
    return "".join(parts)


def read_source(app: Sphinx, page: str, content: list[str]) -> None:
    """Change a page as it is read."""
    path = Path(app.env.doc2path(page))
    if path.suffix == ".md":
        content[0] = lead_on(content[0], path.parent, page)
    else:
        content[0] = CONTENTS.sub("", content[0])


def read_include(app: Sphinx, path: Path, _name: str, content: list[str]) -> None:
    """Change a file that a page includes."""
    content[0] = lead_on(content[0], (DOCS / path).resolve().parent, app.env.docname)


def find_ansible_page(
    _app: Sphinx, _env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """Return the link for a label of Ansible's own documentation."""
    page = ANSIBLE_PAGES.get(node["reftarget"])
    return nodes.reference("", "", content, refuri=ANSIBLE + page) if page else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx what is defined here."""
    app.connect("source-read", read_source)
    app.connect("include-read", read_include)
    app.connect("missing-reference", find_ansible_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
