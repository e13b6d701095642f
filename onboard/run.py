# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run: asks, becomes root, plays, shows what happens, and says how it ended."""

from __future__ import annotations

import os
import queue
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TextIO

from onboard.answers import answers
from onboard.display import Display, PlainDisplay, ProgressFile, RichDisplay
from onboard.options import CRITICAL, FAILED, INTERRUPTED, OK, PROGRAM, USAGE, Options, Stop, parse
from onboard.play import Play, undo_command
from onboard.projects import ask_for_projects
from onboard.story import Story
from onboard.sudo import Root, become

PLAN = """\
This tunes Go on this machine:
  - looks at the machine and at its users' Go; with no Go here, installs the distribution's
  - WSL only: sets its keys in /etc/wsl.conf, and on Windows Defender's exclusions for Go and .wslconfig
  - puts Go's temporary files in memory: one line in /etc/fstab, mounted at once
  - sets GOTMPDIR for every way of starting Go
  - {measure}
Nothing restarts by itself. To undo all of it: {undo}"""
PLAN_ROLLBACK = """\
This restores what was there before wsltune's first run on this machine:
  - Go's settings, the mount and its line in /etc/fstab, the keys of /etc/wsl.conf, what was set on Windows
  - Go itself, if wsltune installed it and nothing else needs it
What someone else changed since stays and is named."""
MEASURE = "measures Go before and after (some minutes), and takes back what made it slower"
NO_MEASURE = "does not measure whether it helped (--no-benchmark)"


def open_log() -> tuple[Path, TextIO]:
    """Open the log of this run, and remove the oldest."""
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "wsltune"
    try:
        if not answers(folder):
            raise TimeoutError(str(folder))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{time.strftime('onboard-%Y%m%d-%H%M%S')}-{os.getpid()}.log"
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        for old in sorted(folder.glob("onboard-*-*.log"))[:-20]:
            old.unlink(missing_ok=True)
    except OSError:
        descriptor, name = tempfile.mkstemp(prefix="wsltune-onboard-", suffix=".log")
        path = Path(name)
    return path, os.fdopen(descriptor, "w", encoding="utf-8")


def agree(options: Options) -> None:
    """Show the plan and ask whether to go on."""
    measure = MEASURE if options.benchmark else NO_MEASURE
    print(PLAN_ROLLBACK if options.command == "rollback" else PLAN.format(measure=measure, undo=undo_command()))
    try:
        answer = input("Go on? [Y/n] ").strip().lower()
    except EOFError:
        print()
        answer = "n"
    if answer not in ("", "y", "yes"):
        raise Stop("nothing was changed", OK)


def run(options: Options, root: Root, terminal: bool) -> int:
    """Run the play, show it, and return the exit code."""
    log_path, log = open_log()
    interrupts: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, frame: interrupts.append(received))
    with log, tempfile.TemporaryDirectory(prefix="wsltune-") as private_name:
        private = Path(private_name)
        told = private / "told"
        told.mkdir(mode=0o700)
        progress = ProgressFile(told / "progress.json")
        play = Play(options, root, private / "runner", progress.path)
        display: Display = (
            RichDisplay() if terminal and not options.json else PlainDisplay(sys.stderr if options.json else None)
        )
        story = Story(display, log, options.benchmark and not options.check, options.command)
        try:
            play.thread.start()
            while play.running() or not play.events.empty():
                if interrupts:
                    break
                try:
                    story.take(play.events.get(timeout=0.1))
                except queue.Empty:
                    display.tick(story.step, progress.read())
            if interrupts:
                if story.step:
                    story.step.stopped = True
                display.show("Stopping ...")
                play.end()
            while not play.events.empty():
                story.take(play.events.get())
            story.end_step()
        finally:
            # Also when the terminal is gone and nothing can be shown any more.
            if play.running():
                play.end()
            display.close()
        if interrupts:
            print("Interrupted: run ./onboard.sh again to finish.", file=sys.stderr)
            return INTERRUPTED
        if play.runner.rc == 0 and not play.trouble:
            if options.json:
                print(story.findings())
            else:
                story.tell()
                print(f"Everything that Ansible said: {log_path}")
            return CRITICAL if story.critical else OK
    story.tell()
    reasons = list(story.failures.values()) or story.errors[:1] or [play.trouble or "Ansible ended without saying why."]
    for reason in reasons:
        print(f"{PROGRAM}: {reason}", file=sys.stderr)
    print(f"Everything that Ansible said: {log_path}", file=sys.stderr)
    return USAGE if story.usage else FAILED


def main(arguments: list[str], usage: str) -> int:
    """Do what onboard.sh was asked for and return its exit code."""
    try:
        options = parse(arguments, usage)
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        asks = not (options.yes or options.check or options.other_hosts or options.command == "doctor")
        if terminal and asks:
            agree(options)
            ask_for_projects(options)
        options.at_terminal = terminal
        root = become(options, terminal)
        return run(options, root, terminal and os.environ.get("TERM", "dumb") not in ("", "dumb"))
    except Stop as stop:
        print(f"{PROGRAM}: {str(stop).rstrip('.')}.", file=sys.stderr)
        return stop.code
    except KeyboardInterrupt:
        print("\nInterrupted: run ./onboard.sh again to finish.", file=sys.stderr)
        return INTERRUPTED
