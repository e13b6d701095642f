# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person sees while Ansible runs: a line per step, or a live view on a terminal."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

PHASES = {"prepare": "getting ready", "warm-up": "warming up"}


@dataclass
class Step:
    """A step of the run, as the person sees it."""

    name: str
    started: float = field(default_factory=time.monotonic)
    task: str = ""
    changed: bool = False
    failed: bool = False
    stopped: bool = False
    ended: float = 0.0
    worked: bool = False

    @property
    def empty(self) -> bool:
        """Whether there was nothing to do in it, so that it is not worth a line."""
        return not (self.worked or self.changed or self.failed or self.stopped)

    @property
    def outcome(self) -> str:
        """How it ended, in a word."""
        if self.stopped:
            return "stopped"
        return "failed" if self.failed else "changed" if self.changed else "ok"

    def seconds(self) -> float:
        """Return how long it took, or takes so far."""
        return (self.ended or time.monotonic()) - self.started


@dataclass
class Progress:
    """How far the benchmark is: a text, and the part of 1 that is done."""

    text: str
    part: float


class Display(Protocol):
    """What shows the run to the person."""

    def begin(self, step: Step) -> None:
        """Show that a step begins."""

    def end(self, step: Step) -> None:
        """Show how a step ended."""

    def show(self, text: str) -> None:
        """Show a text."""

    def tick(self, step: Step | None, progress: Progress | None) -> None:
        """Bring what is shown up to date; called several times a second."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def duration(seconds: float) -> str:
    """Return seconds as text for people."""
    seconds = max(0, round(seconds))
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60:02d} s"


class ProgressFile:
    """The benchmark's own account of how far it is; missing, half-written and foreign content count as nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Progress | None:
        """Return how far the benchmark is, if it says so."""
        try:
            told = json.loads(self.path.read_text(encoding="utf-8"))
            scenario, phase = str(told.get("scenario") or ""), str(told.get("phase") or "")
            done, rounds = int(told.get("round") or 0), int(told.get("rounds") or 0)
            candidates = int(told.get("candidates") or 0)
            # Told when it was written, which may be a while ago.
            left = float(told["seconds_left"]) - (time.time() - self.path.stat().st_mtime)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        doing = PHASES.get(phase) or (f"round {done} of {rounds}" if rounds else "running")
        # Of many levers, those that trail leave.
        doing += f" with {candidates} lever{'s' if candidates > 1 else ''}" if candidates and phase == "measure" else ""
        text = ": ".join(part for part in (scenario, doing) if part)
        rest = f"at most {duration(left)} left" if left >= 1 else "finishing this round"
        return Progress(f"{text}, {rest}", min(1.0, done / rounds) if rounds > 0 else 0.0)


class PlainDisplay:
    """One line per step; while the benchmark runs, one at most every ten seconds."""

    EVERY = 10.0
    # What takes no longer may turn out to have nothing to do.
    SOON = 2.0

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._said = 0.0
        self._last = ""
        self._shown: Step | None = None

    def begin(self, step: Step) -> None:
        """Wait until the step takes a while, because it may have nothing to do."""

    def end(self, step: Step) -> None:
        """Print how a step ended, unless there was nothing to do."""
        if not step.empty or self._shown is step:
            self.show(f"{step.name}: {step.outcome} ({duration(step.seconds())})")

    def show(self, text: str) -> None:
        """Print a text."""
        print(text, flush=True, file=self._stream)

    def tick(self, step: Step | None, progress: Progress | None) -> None:
        """Print how far the benchmark is, if that is due."""
        now = time.monotonic()
        if step and self._shown is not step:
            if step.seconds() >= self.SOON:
                self._shown, self._said = step, now
                self.show(f"{step.name} ...")
        elif step and not progress and now - self._said >= self.EVERY * 2:
            self._said = now
            self.show(f"  {step.task or step.name}: {duration(step.seconds())} so far")
        if progress and progress.text != self._last and now - self._said >= self.EVERY:
            self._said, self._last = now, progress.text
            self.show(f"  benchmark {progress.text}")

    def close(self) -> None:
        """Do nothing, because no line is kept alive."""


class RichDisplay:
    """Finished steps stay on the screen; below them one live line for the step and one for the benchmark."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self.console = Console(highlight=False)
        self.live = Live(console=self.console, refresh_per_second=8, transient=True)
        self.live.start()
        self._spinner: Any = None

    def begin(self, step: Step) -> None:
        """Start the live line of a step."""
        from rich.spinner import Spinner

        self._spinner = Spinner("dots")

    def end(self, step: Step) -> None:
        """Print how a step ended in place of its live line."""
        from rich.text import Text

        self._spinner = None
        if step.empty:
            return
        mark, style = {"failed": ("✘", "bold red"), "stopped": ("-", "yellow")}.get(step.outcome, ("✔", "green"))
        line = Text.assemble((mark, style), f" {step.name} ", (f"({step.outcome}, {duration(step.seconds())})", "dim"))
        self.console.print(line)

    def show(self, text: str) -> None:
        """Print a text above the live lines, a diff in colours."""
        from rich.text import Text

        colours = {"+": "green", "-": "red", "@": "cyan"}
        for line in text.splitlines():
            self.console.print(Text(line, style=colours.get(line[:1], "")))

    def tick(self, step: Step | None, progress: Progress | None) -> None:
        """Draw the live lines anew."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        if step is None or self._spinner is None:
            self.live.update(Text("Starting ..."))
            return
        head = Text.assemble((step.name, "bold"), (f"  {duration(step.seconds())}", "dim"))
        if step.task and not progress:
            head.append(f"  {step.task}", style="dim")
        head.no_wrap, head.overflow = True, "ellipsis"
        row = Table.grid(padding=(0, 1))
        row.add_row(self._spinner, head)
        if not progress:
            self.live.update(row)
            return
        benchmark = Table.grid(padding=(0, 1))
        benchmark.add_row(
            " ", ProgressBar(total=1.0, completed=progress.part, width=30), Text(progress.text, style="cyan")
        )
        self.live.update(Group(row, benchmark))

    def close(self) -> None:
        """Remove the live lines."""
        from rich.text import Text

        self.live.update(Text(""))
        self.live.stop()
