# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run: asks, becomes root, plays, shows what happens, and says how it ended."""

from __future__ import annotations

import errno
import os
import pwd
import queue
import re
import shlex
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import TextIO

from onboard.answers import answers, collection
from onboard.display import Display, PlainDisplay, ProgressFile, RichDisplay
from onboard.options import (
    CRITICAL,
    FAILED,
    INTERRUPTED,
    LOOKING,
    OK,
    PROGRAM,
    ROOT,
    SETUP,
    SLOWER,
    UNKNOWN,
    USAGE,
    Options,
    Stop,
    parse,
)
from onboard.play import Play, again_command, undo_command
from onboard.projects import ask_for_projects
from onboard.story import CHANGING, Story
from onboard.sudo import Root, become

PLAN = """\
This tunes Go on this machine:
  - looks at the machine and at its users' Go{install}
{parts}
  - {measure}
Nothing restarts by itself. To undo all of it: {undo}"""
PLAN_ROLLBACK = """\
This restores what was there before wsltune's first run on this machine:
  - Go's settings, the lines in /etc/fstab and their mounts, the keys of /etc/wsl.conf, what was set on Windows
  - Go itself, if wsltune installed it and nothing else needs it
What someone else changed since stays and is named. The .venv of this checkout stays, too, and
what was installed to make it (Python, on Alpine bash as well)."""
MEASURE = (
    "measures Go before and after where something changes (up to {minutes:g} minutes), "
    "and takes back what made it slower"
)
TRIES = "  - tries which tunings make Go faster here (up to {minutes:g} minutes), and keeps only those"
INSTALLS = "; installs the distribution's if no account has one (golang-go and gcc, some 500 MB)"
ON_WSL = "  - sets the keys of /etc/wsl.conf and .wslconfig that you name, and Defender's exclusions for Go on Windows"
IN_MEMORY = "  - leaves Go's temporary files where they are, because /tmp is in memory already"
TO_MEMORY = """\
  - puts Go's temporary files in memory{if_faster}: one line in /etc/fstab for /tmp, in force from the next start on;
    where that is not safe, folders of Go's own and GOTMPDIR"""
TMP_IN_FORCE = """\
  - an earlier run put /tmp into memory: compares it with the disk where that was not done yet, and takes its line
    out of /etc/fstab again if Go is slower with it"""
TMP_WAITS = """\
  - an earlier run put /tmp into memory from the next start on; that stays only if trying it shows that Go is faster
    with it, otherwise its line in /etc/fstab goes again"""
EARLIER = """\
  - an earlier run put Go's temporary files into {path}; that stays only if measuring shows that it makes Go faster"""
OF_PLACES = re.compile(
    r"ANSIBLE_\w*(PLUGINS|PATHS?|LIBRARY|MODULE_UTILS|HOME|TEMP|DIR|FILE|INVENTORY|SKELETON|KEYRING)"
)
"""Variables whose values are paths, also where these do not begin with a slash."""
MINUTES = 3.0
NO_MEASURE = "does not measure whether it helped (--no-benchmark)"


def leave_places_of_others() -> None:
    """As root, use no HOME, TMPDIR or XDG folder of the environment that another account can write or lead elsewhere.

    With sudo -E they are a user's; what Ansible writes on this machine, such as a report, would follow links there.
    """
    if os.geteuid() != 0:
        return
    collection()
    from ansible_collections.wsltune.go.plugins.module_utils.linux import files

    for name in ("HOME", "TMPDIR", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        place = os.environ.get(name)
        try:
            if not place or not answers(Path(place)):
                continue
            if name == "TMPDIR":
                # All may write to one, where each keeps what is theirs.
                files.check(place)
                sticky = os.stat(place).st_mode & stat.S_ISVTX and os.stat(place).st_uid == 0
            if name != "TMPDIR" or not sticky:
                files.check_folder(place)
        except files.NotOurs:
            del os.environ[name]
            if name == "HOME":
                os.environ[name] = pwd.getpwuid(0).pw_dir
        except OSError:
            continue
    # What names modules, plugins and folders for Ansible, which root would run and write in.
    for name, value in list(os.environ.items()):
        is_place = bool(OF_PLACES.fullmatch(name)) and not (name == "ANSIBLE_INVENTORY" and "," in value)
        if name.startswith("ANSIBLE_") and any(leads_to_others(place, is_place) for place in value.split(":")):
            del os.environ[name]


def leads_to_others(value: str, is_place: bool = False) -> bool:
    """Return whether a value is a path below which another account can write; a word that is no path leads nowhere.

    With C(is_place) any word is a path: what is not in the current folder yet, somebody may put there.
    """
    collection()
    from ansible_collections.wsltune.go.plugins.module_utils.linux import files

    # As Ansible does it: a path of an account that there is not stays as it is.
    place = Path(os.path.expanduser(value))
    try:
        if not answers(place) or not (is_place or place.is_absolute() or "/" in value or os.path.lexists(place)):
            return False
        # Of a file the folder counts, and of what is not there yet the nearest one that is.
        files.check(os.path.join(place.absolute(), "file") if place.is_dir() else str(place.absolute()))
    except files.NotOurs:
        return True
    except OSError:
        return False
    return False


def state_folder(folder: Path) -> Path:
    """Return C(folder), or for root its own one where another account can change what C(folder) leads to.

    With sudo -E, HOME and XDG_STATE_HOME are those of a user, who could have put a link there.
    """
    collection()
    from ansible_collections.wsltune.go.plugins.module_utils.linux import files

    try:
        if answers(folder):
            # What lies in it is what nobody else may replace.
            files.check(str(folder / "log"))
    except files.NotOurs:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir) / ".local" / "state" / "wsltune"
    except OSError:
        pass
    return folder


def open_log() -> tuple[Path, TextIO]:
    """Open the log of this run, and remove the oldest."""
    folder = state_folder(Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "wsltune")
    try:
        if not answers(folder):
            raise TimeoutError(str(folder))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{time.strftime('onboard-%Y%m%d-%H%M%S')}-{os.getpid()}.log"
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        for old in sorted(folder.glob("onboard-*-*.log"))[:-20]:
            old.unlink(missing_ok=True)
    except OSError:
        # TMPDIR may be a user's as well.
        descriptor, name = tempfile.mkstemp(".log", "wsltune-onboard-", "/tmp" if os.geteuid() == 0 else None)
        path = Path(name)
    return path, os.fdopen(descriptor, "w", encoding="utf-8")


def describe(options: Options, mounts: str, on_wsl: bool, has_go: bool, table_of_starts: str = "") -> str:
    """Return what a run does here, as far as it can be said before: C(mounts) is the text of mountinfo.

    C(table_of_starts) is that of /etc/fstab.
    """
    collection()
    from ansible_collections.wsltune.go.plugins.module_utils.linux import fstab, mountinfo

    minutes = options.budget_minutes or MINUTES
    # What was declared is not tried.
    tries = options.benchmark and not any("wsltune_levers" in argument for argument in options.extra)
    table = mountinfo.parse(mounts)
    temporary = mountinfo.find(table, os.environ.get("TMPDIR") or "/tmp")
    own = next((mount.mount_point for mount in table if mount.mount_point == "/var/cache/gotmp"), "")
    parts = [ON_WSL] if on_wsl else []
    if own and tries:
        parts.append(EARLIER.format(path=own))
    elif temporary and temporary.source == "wsltune" and options.benchmark:
        parts.append(TMP_IN_FORCE)
    elif tries and any(line.mount_point == "/tmp" for line in fstab.marked(table_of_starts)):
        parts.append(TMP_WAITS)
    elif temporary and temporary.fstype == "tmpfs" and "noexec" not in temporary.options:
        parts.append(IN_MEMORY)
    else:
        parts.append(TO_MEMORY.format(if_faster=" if that makes Go faster" if tries else ""))
    if tries:
        parts.append(TRIES.format(minutes=minutes))
    return PLAN.format(
        install="" if has_go else INSTALLS,
        parts="\n".join(parts),
        measure=MEASURE.format(minutes=minutes) if options.benchmark else NO_MEASURE,
        undo=undo_command(),
    )


def describe_here(options: Options) -> str:
    """Return what a run does on this machine."""
    collection()
    from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo
    from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
    from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

    try:
        on_wsl = wsl_judge.is_wsl(wsl_observe.collect())
    except (OSError, ValueError):
        on_wsl = False
    try:
        starts = Path("/etc/fstab").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        starts = ""
    return describe(options, mountinfo.table(), on_wsl, shutil.which("go") is not None, starts)


def agree(options: Options) -> None:
    """Show the plan and ask whether to go on."""
    print(PLAN_ROLLBACK if options.command == "rollback" else describe_here(options))
    try:
        answer = input("Go on? [Y/n] ").strip().lower()
    except EOFError:
        print()
        answer = "n"
    if answer not in ("", "y", "yes"):
        raise Stop("nothing was changed", OK)


def say_again(options: Options) -> str:
    """Return what to do after an interrupt, with the command as typed from here."""
    words = ["" if options.command == "site" else options.command, "--check" if options.check else ""]
    words += [
        "" if options.benchmark else "--no-benchmark",
        *(["--against", options.against] if options.against else []),
    ]
    words += ["--fail-if-slower" if options.fail_if_slower else "", "--json" if options.json else ""]
    words += ["--", *options.extra] if options.extra else []
    return (
        f"run {undo_command().removesuffix('rollback')}{shlex.join(filter(None, words))}".rstrip() + " again to finish"
    )


def interrupted(options: Options, changed: list[str], under_way: str = "") -> str:
    """Return what a person needs to know after an interrupt: what has changed by then, and what to do.

    C(under_way) is the step that was interrupted, which reports no change any more.
    """
    again = say_again(options)
    looked = under_way in changed or under_way not in CHANGING
    if options.check or options.command in LOOKING or (not changed and looked):
        return f"Interrupted, with nothing changed: {again}."
    undo = f", or {undo_command()} to restore what was there before" if options.command == "site" else ""
    what = [f"Changed by then: {'; '.join(changed)}."] if changed else []
    what += [] if looked else [f"Under way, and perhaps half done: {under_way}."]
    return f"Interrupted. {' '.join(what)} To go on, {again}{undo}."


def settle_temporary_folder() -> None:
    """Choose where temporary files go, never the current folder, which may be another account's; Stop where nowhere.

    That is what Python takes where /tmp and /var/tmp are full, as any account can make them.
    """
    here = os.open(".", os.O_PATH)
    try:
        os.chdir("/")
        place = tempfile.gettempdir()
    except FileNotFoundError:
        place = "/"
    finally:
        os.fchdir(here)
        os.close(here)
    if place == "/":
        raise Stop("the disk is full: no temporary file can be made in /tmp or /var/tmp: make room there", SETUP)


def check_room(least: int = 20) -> None:
    """Stop where a disk that a run writes to is full: what fails there names no cause."""
    for place in (Path(os.environ.get("XDG_STATE_HOME") or Path.home()), Path(tempfile.gettempdir()), ROOT):
        if answers(place) and place.is_dir():
            free = shutil.disk_usage(place).free >> 20
            if free < least:
                raise Stop(
                    f"the disk is full: {place} has {free} MB free, and a run needs {least} MB: make room", SETUP
                )


def exit_code(options: Options, statuses: Collection[str]) -> int:
    """Return how a run that went through ends, by what it found on each machine."""
    if "critical" in statuses:
        return CRITICAL
    if options.fail_if_slower and "slower" in statuses:
        return SLOWER
    # Where nothing was measured there is no other answer.
    return UNKNOWN if "nothing" in statuses or (options.fail_if_slower and "unknown" in statuses) else OK


def run(options: Options, root: Root, terminal: bool) -> int:
    """Run the play, show it, and return the exit code."""
    log_path, log = open_log()
    interrupts: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, frame: interrupts.append(received))
    with log, tempfile.TemporaryDirectory(prefix="wsltune-run-") as private_name:
        private = Path(private_name)
        told = private / "told"
        told.mkdir(mode=0o700)
        progress = ProgressFile(told / "progress.json")
        play = Play(options, root, private / "runner", progress.path)
        if play.note:
            print(f"{PROGRAM}: {play.note}", file=sys.stderr)
        display: Display = (
            RichDisplay() if terminal and not options.json else PlainDisplay(sys.stderr if options.json else None)
        )
        story = Story(display, log, options.command)
        try:
            play.thread.start()
            while play.running() or not play.events.empty():
                if interrupts:
                    break
                try:
                    story.take(play.events.get(timeout=0.1))
                except queue.Empty:
                    display.tick(story.step, progress.read())
            under_way = story.step.name if story.step else ""
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
            print(interrupted(options, story.changed, under_way), file=sys.stderr)
            return INTERRUPTED
        if play.runner.rc == 0 and not play.trouble:
            try:
                if options.json:
                    print(story.findings())
                else:
                    story.tell(again_command(options))
                    print(f"Everything that Ansible said: {log_path}")
                sys.stdout.flush()
            except BrokenPipeError:
                # All is done, and the exit code says how, also for who reads the first lines alone.
                fall_silent()
            if options.command == "drift":
                return story.drift_code()
            return exit_code(options, story.statuses)
    story.tell(again_command(options))
    reasons = list(story.failures.values()) or story.errors[:1] or [play.trouble or "Ansible ended without saying why."]
    for reason in reasons:
        print(f"{PROGRAM}: {reason}", file=sys.stderr)
    print(f"Everything that Ansible said: {log_path}", file=sys.stderr)
    return USAGE if story.usage and options.command != "drift" else FAILED


def is_at_terminal(options: Options, keyboard: bool, screen: bool) -> bool:
    """Return whether a person sits at the terminal, also where what is printed goes to a program."""
    return keyboard and (screen or options.json)


def fall_silent() -> None:
    """Print to nobody from here on, because whoever read it has gone; Python would complain at its end otherwise."""
    nobody = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nobody, sys.stdout.fileno())
    os.close(nobody)


def main(arguments: list[str], usage: str) -> int:
    """Do what onboard.sh was asked for and return its exit code."""
    # Of drift, 2 and 3 are answers, which a program may not mistake a wrong option for.
    setup = FAILED if "drift" in arguments else SETUP
    options = Options()
    try:
        options = parse(arguments, usage)
        leave_places_of_others()
        settle_temporary_folder()
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        check_room()
        asks = not (options.yes or options.check or options.other_hosts or options.command in LOOKING)
        if terminal and asks:
            agree(options)
            ask_for_projects(options)
        options.at_terminal = is_at_terminal(options, sys.stdin.isatty(), sys.stdout.isatty())
        root = become(options, terminal)
        return run(options, root, terminal and os.environ.get("TERM", "dumb") not in ("", "dumb"))
    except BrokenPipeError:
        fall_silent()
        print(f"{PROGRAM}: nobody reads on what it prints, so it stopped: {say_again(options)}.", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(
            f"{PROGRAM}: the disk is full: {error.filename or 'a file'} cannot be written: make room.", file=sys.stderr
        )
        return setup
    except Stop as stop:
        print(f"{PROGRAM}: {str(stop).rstrip('.')}.", file=sys.stderr)
        return setup if stop.code == SETUP or (stop.code == USAGE and setup == FAILED) else stop.code
    except KeyboardInterrupt:
        print(f"\nInterrupted: {say_again(options)}.", file=sys.stderr)
        return INTERRUPTED
