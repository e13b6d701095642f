# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes README's picture from the summary of a real run.

.venv/bin/python scripts/picture.py ~/.local/state/wsltune/localhost/summary.txt docs/images/summary.svg
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text


def main() -> None:
    """Write the picture."""
    source, target = map(Path, sys.argv[1:3])
    console = Console(record=True, width=82, file=io.StringIO())
    console.print(Text("$ ./onboard.sh", style="bold"))
    console.print(Text(source.read_text(encoding="utf-8").rstrip()))
    target.parent.mkdir(parents=True, exist_ok=True)
    # The picture shall fetch nothing: any monospace font does.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="wsltune"), flags=re.DOTALL)
    target.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
