# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ansible-playbook under ansible-runner, in a thread, and how it is ended with all that it started."""

from __future__ import annotations

import json
import os
import queue
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from onboard.answers import answers, collection, everybodys_module, go_module, in_go_module, lacks_container_file
from onboard.options import CHECK, FAILED, ROOT, SETUP, USAGE, Options, Stop, given_variables
from onboard.story import sentence
from onboard.sudo import Root

PLAYBOOKS = ROOT / "playbooks"
NAME_IT = "name one with -- -e verify_modules"
GIT = 60.0
"""Seconds that Git may take to say whether it knows a revision."""


def undo_command() -> str:
    """Return the command that takes the run back, as typed from here."""
    here = "." if Path.cwd() == ROOT else shlex.quote(str(ROOT))
    return f"{here}/onboard.sh rollback"


def again_command(options: Options) -> str:
    """Return the command that runs this again, to which arguments for ansible-playbook can be added."""
    own = [] if options.benchmark else ["--no-benchmark"]
    extra = [argument for argument in options.extra if not CHECK.fullmatch(argument)]
    return f"{undo_command().removesuffix(' rollback')} {shlex.join([*own, '--', *extra])}"


def propose() -> list[str]:
    """Return what else can be done for the module here, a sentence each."""
    folder = go_module(Path.cwd())
    if folder is None or not lacks_container_file(folder):
        return []
    given = shlex.quote(f"ci_image_project={folder}")
    if shlex.quote(str(folder)) != str(folder):
        # Of NAME=VALUE, Ansible takes the value up to the first blank.
        given = texts().write_variables({"ci_image_project": str(folder)})
    command = f".venv/bin/ansible-playbook playbooks/ci_image.yml -e {given}"
    return [f"cd {shlex.quote(str(ROOT))} && {command} (writes this module a Containerfile for CI; it has none)"]


def texts() -> ModuleType:
    """Return what writes variables for a command line."""
    collection()
    from ansible_collections.wsltune.go.plugins.module_utils.linux import text

    return text


def bench_variables(options: Options) -> dict[str, Any]:
    """Return what the command bench measures and compares with; Stop where it is neither a module nor a revision."""
    variables: dict[str, Any] = {}
    folder = go_module(Path.cwd())
    if folder is not None:
        variables["verify_modules"] = [str(folder)]
    elif not {"verify_modules", "verify_packages"}.intersection(given_variables(options.extra)):
        place = everybodys_module(Path.cwd())
        if place:
            raise Stop(f"any account can write in {place}, so that its Go module may be anybody's: {NAME_IT}", USAGE)
        raise Stop("there is no Go module here: cd into the folder with its go.mod", USAGE)
    if not options.against:
        return variables
    path = Path(options.against)
    # A name with a folder or an ending is meant for a file, also where it is not there yet.
    if answers(path) and (os.path.isfile(path) or path.suffix == ".json"):
        return {**variables, "verify_against_file": str(path.absolute())}
    if not shutil.which("git"):
        raise Stop(f"'{options.against}' is not a file, and no git is installed to know it as a revision", USAGE)
    revision = f"{options.against}^{{commit}}"
    command = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", revision]
    # Of what is missing in a repository, its settings name the program that Git asks.
    alone = {**os.environ, "GIT_ALLOW_PROTOCOL": "none"}
    try:
        # In a folder that others write in, Git may wait for a pipe that nobody fills.
        known = subprocess.run(
            command, cwd=folder, capture_output=True, check=False, env=alone, stdin=subprocess.DEVNULL, timeout=GIT
        )
    except subprocess.TimeoutExpired:
        raise Stop(
            f"git gave no answer about '{options.against}' in {GIT:g} seconds: look at the repository", FAILED
        ) from None
    if known.returncode:
        raise Stop(f"'{options.against}' is neither a file nor a Git revision of the module here", USAGE)
    return {**variables, "verify_against_revision": options.against}


def has_terminals_left() -> bool:
    """Return whether this machine has a pseudo-terminal that is free (pty(7)); any account can take all of them."""
    try:
        descriptors = os.openpty()
    except OSError:
        return False
    for descriptor in descriptors:
        os.close(descriptor)
    return True


def processes() -> ModuleType:
    """Return what knows a process by its number and when it started: numbers come round."""
    collection()
    from ansible_collections.wsltune.go.plugins.module_utils.linux import process

    return process


def children(pid: int) -> list[int]:
    """List what a process has started itself."""
    return [child for child, (parent, _start) in processes().running().items() if parent == pid]


def name_of(pid: int) -> str:
    """Return the name of a process, or nothing once it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def package_managers() -> set[str]:
    """Return the names of the programs that install packages, of every distribution."""
    collection()
    from ansible_collections.wsltune.go.plugins.module_utils.linux import distribution

    return {*distribution.MANAGERS, "dpkg", "rpm"}


def descendants(pid: int) -> dict[int, int]:
    """Return all that runs below a process, each with its start; not a package manager, which had better finish."""
    known = processes().running()
    found = processes().descendants({pid}, known)
    managers = package_managers()
    spared = processes().descendants({child for child in found if name_of(child) in managers}, known)
    return {child: start for child, start in found.items() if child != pid and child not in spared}


class Play:
    """ansible-playbook under ansible-runner, in a thread; its events come out of a queue."""

    def __init__(self, options: Options, root: Root, private: Path, progress: Path) -> None:
        from ansible_runner import Runner, RunnerConfig

        self.note = ""
        extra_vars: dict[str, Any] = {"verify_progress_file": str(progress), "verify_undo": undo_command()}
        extra_vars["verify_again"] = again_command(options)
        if options.command == "site" and not options.other_hosts:
            extra_vars["verify_proposals"] = propose()
        # ansible-runner gives ansible-playbook a terminal in any case.
        extra_vars["wsltune_at_terminal"] = options.at_terminal
        if not options.benchmark:
            extra_vars["verify_benchmark"] = False
        if options.projects:
            extra_vars["workspace_projects"] = [{"source": path} for path in options.projects]
        if options.command == "doctor":
            # Said by the exit code, after everything that was found.
            extra_vars = {"doctor_fail_on": "never"}
            if in_go_module(Path.cwd()):
                extra_vars["doctor_modules"] = [os.getcwd()]
            elif place := everybodys_module(Path.cwd()):
                self.note = f"the Go module in {place} is not tested, because any account can write there."
        if options.command == "drift":
            extra_vars = {
                "wsltune_drift_fail_on": "never",
                "wsltune_become": root.is_there,
                # What a run from here would have is what the machine is compared with.
                "wsltune_at_terminal": options.at_terminal,
            }
        if options.command == "bench":
            extra_vars = {**bench_variables(options), "verify_progress_file": str(progress)}
        # Ours first: what the person passes after -- shall win.
        arguments = ["-e", json.dumps(texts().as_written(extra_vars)), *options.extra]
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
        # -I: else Python has this program's folder, and what variables name, before Ansible's own modules.
        config.command[:1] = [sys.executable, "-I", str(ROOT / "onboard" / "playbook.py")]
        # Paths that the person gives after -- are meant from where they stand.
        config.cwd = os.getcwd()
        config.pexpect_timeout = 1
        if not has_terminals_left():
            if passwords:
                raise Stop("no terminal is free in which sudo could ask for the password: run it as root", SETUP)
            # What Ansible says comes at its end then.
            config.runner_mode, config.input_fd = "subprocess", subprocess.DEVNULL
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
        """Return whether Ansible still runs."""
        return self.thread.is_alive()

    def end(self) -> None:
        """Ask Ansible to stop as Ctrl-C does, then insist; what it would leave behind is ended too."""
        is_running = processes().is_running
        started = descendants(os.getpid())
        self.root.kill(children(os.getpid()), signal.SIGINT)
        for number, patience in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0)):
            until = time.monotonic() + patience
            while (self.running() or any(is_running(*child) for child in started.items())) and time.monotonic() < until:
                started.update(descendants(os.getpid()))
                time.sleep(0.1)
            self.root.kill([pid for pid, start in started.items() if is_running(pid, start)], number)
        self.thread.join(timeout=5)
