"""Usage: ./onboard.sh [rollback | doctor] [OPTION]... [-- ARGUMENT OF ANSIBLE-PLAYBOOK...]

Tunes Go on this machine, measures it before and after, and says whether it helped.

  rollback        give back what was there before the first run
  doctor          find what makes Go slow and change nothing; measures the Go module in the current folder, too
  --check         show what would change, change nothing
  --no-benchmark  tune without measuring
  --yes           do not ask before starting
  --help          show this

What follows -- goes to ansible-playbook as it is, for example:
  ./onboard.sh -- -e go_env_cgo_enabled=false

Exit codes: 0 done, 1 a step failed, 2 wrong usage, 3 this machine cannot be set up, 4 the doctor
found something critical, 130 interrupted.
"""
# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import argparse
import getpass
import json
import os
import queue
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol, TextIO

ROOT = Path(__file__).resolve().parent
PLAYBOOKS = ROOT / "playbooks"
PROGRAM = "onboard.sh"

OK, FAILED, USAGE, SETUP, CRITICAL, INTERRUPTED = 0, 1, 2, 3, 4, 130

PLAN = """\
This tunes Go on this machine:
  - looks at the machine and at its users' Go; with no Go here, installs the distribution's
  - WSL only: sets its keys in /etc/wsl.conf, and on Windows Defender's exclusions for Go and .wslconfig
  - puts Go's temporary files in memory: one line in /etc/fstab, mounted at once
  - sets GOTMPDIR for every way of starting Go
  - {measure}
Nothing restarts by itself. To undo all of it: {undo}"""
PLAN_ROLLBACK = """\
This gives back what was there before wsltune's first run on this machine:
  - Go's settings, the mount and its line in /etc/fstab, the keys of /etc/wsl.conf, what was set on Windows
  - Go itself, if wsltune installed it and nothing else needs it
What someone else changed since stays and is named."""
MEASURE = "measures Go before and after (some minutes), and takes back what made it slower"
NO_MEASURE = "does not measure whether it helped (--no-benchmark)"

OBSERVE = "Look at this machine and its Go"
STEPS = {
    "go_toolchain": "See that there is a Go",
    "wsl_conf": "Set up /etc/wsl.conf",
    "go_tmpfs": "Put Go's temporary files in memory",
    "go_env": "Give Go its settings",
    "workspace": "Copy projects to this distro's own disk",
    "verify": "Measure Go before and after, check and report",
    "defender": "Set Defender's exclusions on Windows",
    "wslconfig": "Set up .wslconfig on Windows",
}
STEPS_BACK = {
    "go_env": "Give back Go's settings",
    "go_tmpfs": "Take the mount away",
    "workspace": "Take the mounts over Windows drives away",
    "wsl_conf": "Give back /etc/wsl.conf",
    "go_toolchain": "Remove Go if it was installed here",
    "defender": "Give back Defender's exclusions on Windows",
    "wslconfig": "Give back .wslconfig on Windows",
}
WINDOWS = {"defender", "wslconfig"}
CHECK_ONLY = "Check and report"
LEVERS = "Try which tunings make Go faster here"
TAKE_BACK = "Take back what made Go slower"
PHASES = {"prepare": "getting ready", "warm-up": "warming up"}

# Ansible would stop and ask at a terminal that nobody sees.
ASKING = {"-k", "-K", "-J", "--ask-pass", "--ask-become-pass", "--ask-vault-pass", "--ask-vault-password", "--step"}


class Stop(Exception):
    """One sentence for the person, and the exit code."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass
class Options:
    command: str = "site"
    check: bool = False
    benchmark: bool = True
    yes: bool = False
    at_terminal: bool = False
    extra: list[str] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)

    @property
    def other_hosts(self) -> bool:
        return any(re.match(r"-i|--inventory(-file)?(=|$)", argument) for argument in self.extra)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Stop(f"{message}; ./onboard.sh --help lists the options", USAGE)


def parse(arguments: list[str]) -> Options:
    own, extra = arguments, []
    if "--" in arguments:
        cut = arguments.index("--")
        own, extra = arguments[:cut], arguments[cut + 1 :]
    parser = Parser(prog=PROGRAM, add_help=False, allow_abbrev=False)
    parser.add_argument("command", nargs="?", choices=["site", "rollback", "doctor"], default="site")
    for option in ("--check", "--no-benchmark", "--yes", "-h", "--help"):
        parser.add_argument(option, action="store_true")
    given = parser.parse_args(own)
    if given.help or given.h:
        print((__doc__ or "").rstrip())
        raise SystemExit(OK)
    asking = next((argument for argument in extra if argument in ASKING), None)
    if asking:
        raise Stop(
            f"'{asking}' cannot be passed on, for the questions of ansible-playbook are not shown here: "
            "run .venv/bin/ansible-playbook site.yml yourself",
            USAGE,
        )
    check = given.check or "--check" in extra or "-C" in extra
    return Options(command=given.command, check=check, benchmark=not given.no_benchmark, yes=given.yes, extra=extra)


@dataclass
class Root:
    """How commands become root: already, by sudo without a password, or by sudo with this one."""

    password: str | None = None

    def kill(self, pids: list[int], number: signal.Signals) -> None:
        refused = []
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
            except PermissionError:
                refused.append(str(pid))
        if refused and shutil.which("sudo"):
            ask = ["-n"] if self.password is None else ["-S", "-k", "-p", ""]
            subprocess.run(
                ["sudo", *ask, "--", "kill", f"-{int(number)}", *refused],
                input=f"{self.password or ''}\n",
                text=True,
                capture_output=True,
                check=False,
                start_new_session=True,
            )


def sudo_accepts(password: str) -> tuple[bool, str]:
    answer = subprocess.run(
        ["sudo", "-S", "-k", "-p", "", "true"],
        input=f"{password}\n",
        text=True,
        capture_output=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    said = answer.stderr.strip().splitlines()
    return answer.returncode == 0, said[-1] if said else "no reason given"


def become(options: Options, terminal: bool) -> Root:
    if os.geteuid() == 0 or options.other_hosts or options.command == "doctor":
        return Root()
    descriptor = os.environ.pop("WSLTUNE_SUDO_FD", "")
    if descriptor.isdigit():
        with os.fdopen(int(descriptor)) as pipe:
            return Root(pipe.read())
    if not shutil.which("sudo"):
        raise Stop("the tuning needs root, and this user has no sudo: run it as root, or install sudo", SETUP)
    # -k: what sudo remembers for this terminal would not hold for Ansible, which runs outside it.
    if subprocess.run(["sudo", "-k", "-n", "true"], capture_output=True, check=False).returncode == 0:
        return Root()
    if not terminal:
        raise Stop(
            "the tuning needs root, and sudo asks for a password where there is no terminal to ask at: run it as root",
            SETUP,
        )
    reason = ""
    for attempt in range(3):
        password = getpass.getpass(f"sudo password of {getpass.getuser()}: ")
        accepted, reason = sudo_accepts(password)
        if accepted:
            return Root(password)
        if "not in the sudoers" in reason or "not allowed" in reason:
            break
        if attempt < 2:
            print("That was not it, try again.")
    raise Stop(f"sudo did not let this user become root: {reason}", SETUP)


@dataclass
class Step:
    name: str
    started: float = field(default_factory=time.monotonic)
    task: str = ""
    changed: bool = False
    failed: bool = False
    stopped: bool = False
    ended: float = 0.0

    @property
    def outcome(self) -> str:
        if self.stopped:
            return "stopped"
        return "failed" if self.failed else "changed" if self.changed else "ok"

    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.started


@dataclass
class Progress:
    text: str
    part: float


class Display(Protocol):
    def begin(self, step: Step) -> None: ...
    def end(self, step: Step) -> None: ...
    def show(self, text: str) -> None: ...
    def tick(self, step: Step | None, progress: Progress | None) -> None: ...
    def close(self) -> None: ...


def duration(seconds: float) -> str:
    seconds = max(0, round(seconds))
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60:02d} s"


def sentence(text: Any) -> str:
    """The message of a failed task without Ansible's own words around it."""
    flat = " ".join(str(text).split())
    while True:
        short = re.sub(r"^(Task failed|Module failed|Action failed|Failed|Error while [^:]*)[:.]\s*", "", flat)
        if short == flat:
            break
        flat = short
    return flat if len(flat) <= 800 else flat[:800] + " ..."


def failure(event: dict[str, Any]) -> str:
    data = event.get("event_data", {})
    result = data.get("res") or {}
    if isinstance(result.get("results"), list):
        items = [item for item in result["results"] if isinstance(item, dict)]
        result = next((item for item in items if item.get("failed") or item.get("unreachable")), result)
    errors = result.get("argument_errors") or result.get("errors")
    if isinstance(errors, list) and errors:
        text, where = "; ".join(sentence(error) for error in errors), ""
    else:
        # With no_log the result is hidden, and Ansible's own line is all there is.
        printed = re.search(r"^\[ERROR\]: (.+)", event.get("stdout") or "", re.MULTILINE)
        told = result.get("msg") or result.get("stderr") or result.get("stdout") or (printed and printed[1])
        text = sentence(told or "no reason was given")
        where = f" (in '{data.get('task', 'a task')}')"
    return f"{data.get('host', 'localhost')}: {text.rstrip('.')}{where}."


class Story:
    """Turns Ansible's events into steps, and keeps what is said at the end."""

    def __init__(self, display: Display, log: TextIO, benchmark: bool, command: str = "site") -> None:
        self.display = display
        self.steps = STEPS_BACK if command == "rollback" else STEPS
        self.benchmark = benchmark
        self.log = log
        self.step: Step | None = None
        # The last one of each host: an earlier one was rescued, and the rescue says more.
        self.failures: dict[str, str] = {}
        self.errors: list[str] = []
        self.usage = False
        self.summaries: dict[str, str] = {}
        self.critical = False
        self._begun = command == "rollback"
        self._verified = False

    def take(self, event: dict[str, Any]) -> None:
        said = event.get("stdout") or ""
        if said:
            self.log.write(said.replace("\r\n", "\n").rstrip("\n") + "\n")
            self.log.flush()
        kind = event.get("event", "")
        data = event.get("event_data", {})
        if kind in ("playbook_on_task_start", "playbook_on_handler_task_start"):
            self._task(data)
        elif kind == "runner_on_file_diff" and said.strip():
            self.display.show(said.replace("\r\n", "\n").strip("\n"))
        elif kind == "runner_on_ok":
            self._task_done(str(data.get("host")), data.get("res") or {})
        elif kind == "runner_on_unreachable" or (kind == "runner_on_failed" and not data.get("ignore_errors")):
            self.failures[str(data.get("host"))] = failure(event)
            if self.step:
                self.step.failed = True
        elif kind in ("verbose", "error", ""):
            self._outside_a_task(said.strip())

    def _task_done(self, host: str, result: dict[str, Any]) -> None:
        if result.get("changed") and self.step:
            self.step.changed = True
        # What set_stats keeps for the end; the runner's own account of it leaves out what belongs to one host.
        data = (result.get("ansible_stats") or {}).get("data", {})
        self.critical = self.critical or data.get("wsltune_status") == "critical"
        told = data.get("wsltune_summary")
        if isinstance(told, dict):
            self.summaries.update(told)
        elif told:
            self.summaries[host] = str(told)

    def _outside_a_task(self, said: str) -> None:
        error = re.match(r"(ERROR!|\[ERROR\]:|ansible-playbook: error:)\s*(.+)", said)
        origin = re.match(r"Origin: (.+)", said)
        if error:
            self.errors.append(sentence(error[2]))
            self.usage = self.usage or error[1].startswith("ansible-playbook")
        elif origin and self.errors:
            self.errors[-1] = f"{self.errors[-1].rstrip('.')}, in {origin[1]}."

    def _task(self, data: dict[str, Any]) -> None:
        where = f"{data.get('task') or ''} {data.get('task_path') or ''}"
        role = str(data.get("role") or "").rpartition(".")[2]
        name = LEVERS if re.search(r"levers\w*\.yml", where) else self._step_name(role, "preflight" in where)
        if self.step is None or self.step.name != name:
            self.end_step()
            self.step = Step(name)
            self.display.begin(self.step)
        self.step.task = str(data.get("task") or "")
        # What failed before this task was rescued.
        self.step.failed = False

    def _step_name(self, role: str, preflight: bool) -> str:
        # Values of every role are checked before the first one begins.
        self._begun = self._begun or (role in self.steps and not preflight)
        if not self._begun:
            return OBSERVE
        if role == "verify":
            self._verified = True
            return STEPS[role] if self.benchmark else CHECK_ONLY
        if role in self.steps:
            return TAKE_BACK if self._verified and role not in WINDOWS else self.steps[role]
        # The play's own tasks belong to the step they follow.
        return self.step.name if self.step else OBSERVE

    def tell(self) -> None:
        for text in self.summaries.values():
            print(f"\n{text.rstrip()}\n")

    def end_step(self) -> None:
        if self.step:
            self.step.ended = time.monotonic()
            self.display.end(self.step)
            self.step = None


class ProgressFile:
    """The benchmark's own account of how far it is; missing, half-written and foreign content count as nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Progress | None:
        try:
            told = json.loads(self.path.read_text(encoding="utf-8"))
            scenario, phase = str(told.get("scenario") or ""), str(told.get("phase") or "")
            done, rounds = int(told.get("round") or 0), int(told.get("rounds") or 0)
            # Told when it was written, which may be a while ago.
            left = float(told["seconds_left"]) - (time.time() - self.path.stat().st_mtime)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        doing = PHASES.get(phase) or (f"round {done} of {rounds}" if rounds else "running")
        text = ": ".join(part for part in (scenario, doing) if part)
        return Progress(f"{text}, at most {duration(left)} left", min(1.0, done / rounds) if rounds > 0 else 0.0)


class PlainDisplay:
    """One line per step; while the benchmark runs, one at most every ten seconds."""

    EVERY = 10.0

    def __init__(self) -> None:
        self._said = 0.0
        self._last = ""

    def begin(self, step: Step) -> None:
        self.show(f"{step.name} ...")

    def end(self, step: Step) -> None:
        self.show(f"{step.name}: {step.outcome} ({duration(step.seconds())})")

    def show(self, text: str) -> None:
        print(text, flush=True)

    def tick(self, step: Step | None, progress: Progress | None) -> None:
        now = time.monotonic()
        if progress and progress.text != self._last and now - self._said >= self.EVERY:
            self._said, self._last = now, progress.text
            self.show(f"  benchmark {progress.text}")

    def close(self) -> None:
        pass


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
        from rich.spinner import Spinner

        self._spinner = Spinner("dots")

    def end(self, step: Step) -> None:
        from rich.text import Text

        mark, style = {"failed": ("✘", "bold red"), "stopped": ("-", "yellow")}.get(step.outcome, ("✔", "green"))
        line = Text.assemble((mark, style), f" {step.name} ", (f"({step.outcome}, {duration(step.seconds())})", "dim"))
        self.console.print(line)
        self._spinner = None

    def show(self, text: str) -> None:
        from rich.text import Text

        colours = {"+": "green", "-": "red", "@": "cyan"}
        for line in text.splitlines():
            self.console.print(Text(line, style=colours.get(line[:1], "")))

    def tick(self, step: Step | None, progress: Progress | None) -> None:
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
        from rich.text import Text

        self.live.update(Text(""))
        self.live.stop()


def children() -> dict[int, list[int]]:
    """Each process of this machine that has children, with them."""
    tree: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name in brackets may hold anything; the parent is the second field after it.
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            tree.setdefault(parent, []).append(int(entry.name))
    return tree


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    """All that runs below a process; not apt and dpkg, which finish better than they are cleaned up after."""
    tree, found, waiting = children(), [], [pid]
    while waiting:
        below = [child for child in tree.get(waiting.pop(), []) if name_of(child) not in ("apt-get", "dpkg")]
        found += below
        waiting += below
    return found


class Play:
    """ansible-playbook under ansible-runner, in a thread; its events come out of a queue."""

    def __init__(self, options: Options, root: Root, private: Path, progress: Path) -> None:
        from ansible_runner import Runner, RunnerConfig

        extra_vars: dict[str, Any] = {"verify_progress_file": str(progress), "verify_undo": undo_command()}
        # ansible-runner gives ansible-playbook a terminal in any case.
        extra_vars["wsltune_at_terminal"] = options.at_terminal
        if not options.benchmark:
            extra_vars["verify_benchmark"] = False
        if options.projects:
            extra_vars["workspace_projects"] = [{"source": path} for path in options.projects]
        if options.command == "doctor":
            # Said by the exit code, after everything that was found.
            extra_vars = {"doctor_fail_on": "never"}
            if Path("go.mod").is_file():
                extra_vars["doctor_modules"] = [os.getcwd()]
        # Ours first: what the person passes after -- shall win.
        arguments = ["-e", json.dumps(extra_vars), *options.extra]
        if options.check:
            arguments = ["--check", "--diff", *arguments]
        passwords = {}
        if root.password is not None:
            arguments.append("--ask-become-pass")
            passwords = {r"BECOME password.*:\s*$": root.password}
        environment = {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_HOST_KEY_CHECKING": os.environ.get("ANSIBLE_HOST_KEY_CHECKING", "True"),
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
            "WSLTUNE_ONBOARD": "1",
        }
        config = RunnerConfig(
            private_data_dir=str(private),
            project_dir=str(ROOT),
            playbook=str(PLAYBOOKS / f"{options.command}.yml"),
            cmdline=shlex.join(arguments),
            envvars=environment,
            passwords=passwords,
            quiet=True,
            suppress_env_files=True,
        )
        config.prepare()
        # Paths that the person gives after -- are meant from where they stand.
        config.cwd = os.getcwd()
        config.pexpect_timeout = 1
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.runner = Runner(config, event_handler=self._event)
        self.root = root
        self.trouble = ""
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _event(self, event: dict[str, Any]) -> bool:
        self.events.put(event)
        return False

    def _run(self) -> None:
        try:
            self.runner.run()
        except Exception as error:
            self.trouble = sentence(error)

    def running(self) -> bool:
        return self.thread.is_alive()

    def end(self) -> None:
        """Asks Ansible to stop as Ctrl-C does, then insists; what it would leave behind is ended too."""
        started = descendants(os.getpid())
        self.root.kill(children().get(os.getpid(), []), signal.SIGINT)
        for number, patience in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0)):
            until = time.monotonic() + patience
            while (self.running() or any(map(alive, started))) and time.monotonic() < until:
                started += [pid for pid in descendants(os.getpid()) if pid not in started]
                time.sleep(0.1)
            self.root.kill([pid for pid in started if alive(pid)], number)
        self.thread.join(timeout=5)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"


def open_log() -> tuple[Path, TextIO]:
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "wsltune"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{time.strftime('onboard-%Y%m%d-%H%M%S')}-{os.getpid()}.log"
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        for old in sorted(folder.glob("onboard-*-*.log"))[:-20]:
            old.unlink(missing_ok=True)
    except OSError:
        descriptor, name = tempfile.mkstemp(prefix="wsltune-onboard-", suffix=".log")
        path = Path(name)
    return path, os.fdopen(descriptor, "w", encoding="utf-8")


def undo_command() -> str:
    here = "." if Path.cwd() == ROOT else shlex.quote(str(ROOT))
    return f"{here}/onboard.sh rollback"


def agree(options: Options) -> None:
    measure = MEASURE if options.benchmark else NO_MEASURE
    print(PLAN_ROLLBACK if options.command == "rollback" else PLAN.format(measure=measure, undo=undo_command()))
    try:
        answer = input("Go on? [Y/n] ").strip().lower()
    except EOFError:
        print()
        answer = "n"
    if answer not in ("", "y", "yes"):
        raise Stop("nothing was changed", OK)


def projects_to_copy() -> list[str]:
    """The Go projects on Windows drives that have no namesake in ~/src yet."""
    sys.path.append(str(ROOT / "collections"))
    from ansible_collections.wsltune.go.plugins.module_utils.workspace import find as workspace_find
    from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
    from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

    drives = workspace_find.places(wsl_judge.mounts_of(wsl_observe.collect()))
    found = workspace_find.find(drives).projects if drives else []
    return [one["path"] for one in found if not (Path.home() / "src" / Path(one["path"]).name).exists()]


def chosen(answer: str, found: list[str]) -> list[str] | None:
    """What an answer means: all of them, none, or those of the numbers in it; None when it means nothing."""
    words = answer.replace(",", " ").lower().split()
    if not words or words[0] in ("n", "no"):
        return []
    if words[0] in ("y", "yes", "a", "all"):
        return found
    if all(word.isdigit() and 0 < int(word) <= len(found) for word in words):
        return [found[int(word) - 1] for word in dict.fromkeys(words)]
    return None


def ask_for_projects(options: Options) -> None:
    """Offer to copy projects off the Windows drives: the largest gain of all, and a choice of the person's alone."""
    if options.command != "site" or any("workspace_projects" in argument for argument in options.extra):
        return
    found = projects_to_copy()
    if not found:
        return
    print("\nThese Go projects lie on a Windows drive, where each file operation takes its time:")
    for number, path in enumerate(found, 1):
        print(f"  {number}  {path}")
    while True:
        try:
            answer = input("Copy them to ~/src on this distro's own disk? The originals stay. [y/N, or numbers] ")
        except EOFError:
            print()
            answer = ""
        wanted = chosen(answer, found)
        if wanted is not None:
            options.projects = wanted
            return
        print(f"Answer y, n, or numbers from 1 to {len(found)}.")


def run(options: Options, root: Root, terminal: bool) -> int:
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
        display: Display = RichDisplay() if terminal else PlainDisplay()
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
            story.tell()
            print(f"Everything that Ansible said: {log_path}")
            return CRITICAL if story.critical else OK
    story.tell()
    reasons = list(story.failures.values()) or story.errors[:1] or [play.trouble or "Ansible ended without saying why."]
    for reason in reasons:
        print(f"{PROGRAM}: {reason}", file=sys.stderr)
    print(f"Everything that Ansible said: {log_path}", file=sys.stderr)
    return USAGE if story.usage else FAILED


def main(arguments: list[str]) -> int:
    try:
        options = parse(arguments)
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
