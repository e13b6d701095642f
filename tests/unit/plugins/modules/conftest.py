# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs modules: Python ones in this process, PowerShell ones through ansible-core on the PowerShell that PWSH names."""

from __future__ import annotations

import base64
import configparser
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.fleet import observe as fleet_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import applied as go_applied
from ansible_collections.wsltune.go.plugins.module_utils.go import baseline as go_baseline
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, process

ROOT = Path(__file__).resolve().parents[4]
STANDIN = ROOT / "tests" / "windows_host" / "standins" / "wsl"


@dataclass
class Step:
    """One call of a module; `before` is a shell command that comes before it, `show` a file to be read after it."""

    options: dict[str, Any]
    before: str = ""
    check: bool = False
    show: Path | None = None


@dataclass
class Outcome:
    result: dict[str, Any]
    content: bytes | None = None

    def __getattr__(self, name: str) -> Any:
        return self.result[name]


@dataclass
class Bed:
    folder: Path
    pwsh: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.folder / "wsl.ini"

    def distros(self, **sections: dict[str, str]) -> None:
        ini = configparser.ConfigParser(interpolation=None, delimiters=("=",))
        ini.optionxform = str  # type: ignore[assignment,method-assign]
        ini.read_dict({"wsl": {"log": str(self.folder / "calls")}, **sections})
        with self.state.open("w") as file:
            ini.write(file)

    @property
    def calls(self) -> list[list[str]]:
        text = (self.folder / "calls").read_text() if (self.folder / "calls").exists() else ""
        return [line.split("\t") for line in text.splitlines()]

    def run(self, module: str, steps: list[Step]) -> list[Outcome]:
        tasks: list[dict[str, Any]] = []
        for step in steps:
            if step.before:
                tasks.append({"ansible.builtin.debug": {"msg": "{{ lookup('ansible.builtin.pipe', command) }}"}})
                tasks[-1]["vars"] = {"command": step.before}
            tasks.append(
                {
                    f"wsltune.go.{module}": step.options,
                    "register": "found",
                    "check_mode": step.check,
                    "diff": True,
                    "ignore_errors": True,
                }
            )
            read = f"test -e '{step.show}' && base64 -w0 '{step.show}' || echo none"
            told = {"result": "{{ found }}", "content": "{{ lookup('ansible.builtin.pipe', read) }}"}
            tasks.append({"ansible.builtin.debug": {"msg": "FOUND-{{ told | to_json | b64encode }}-"}})
            tasks[-1]["vars"] = {"told": told, "read": read if step.show else "echo none"}
        play = self.folder / "play.yml"
        play.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
        environment = {
            **os.environ,
            "HOME": str(self.folder),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "TMPDIR": str(self.folder),
            "PATH": f"{STANDIN}:{os.environ['PATH']}",
            "WSLTUNE_WSL_STATE": str(self.state),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_NOCOLOR": "1",
            **self.environment,
        }
        (self.folder / "data").mkdir(exist_ok=True)
        hosts = self.folder / "hosts.json"
        host = {"ansible_connection": "local", "ansible_pwsh_interpreter": self.pwsh}
        hosts.write_text(json.dumps({"all": {"hosts": {"windows": host}}}))
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(hosts), str(play)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
        said = re.findall(r"FOUND-([A-Za-z0-9+/=]+)-", ended.stdout)
        assert len(said) == len(steps), ended.stdout + ended.stderr
        outcomes = []
        for one in said:
            told = json.loads(base64.b64decode(one))
            content = None if told["content"] == "none" else base64.b64decode(told["content"])
            outcomes.append(Outcome(told["result"], content))
        return outcomes


@pytest.fixture
def bed(tmp_path: Path, pwsh: str) -> Bed:
    made = Bed(tmp_path, pwsh)
    made.distros()
    return made


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Run a module in this process; return what it prints. What it sets of this process goes again."""

    def run(module: ModuleType, check: bool = False, **options: Any) -> dict[str, Any]:
        capsys.readouterr()
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
        first_to_go = Path("/proc/self/oom_score_adj")
        before = first_to_go.read_text()
        try:
            with patch_module_args({"_ansible_check_mode": check, **options}), pytest.raises(SystemExit):
                module.main()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            with contextlib.suppress(OSError):
                first_to_go.write_text(before)
        result: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return result

    return run


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of /var/lib/wsltune."""
    folder = tmp_path / "state"
    for function in (
        journal.Journal.__init__,
        journal.read_record,
        journal.write_record,
        journal.forget_record,
        go_baseline.read,
        go_baseline.record,
        go_baseline.list_before,
        go_applied.record,
        go_applied.forget,
        go_applied.observe,
        go_applied.settle_size,
        fleet_observe.observe,
    ):
        defaults = tuple(str(folder) if value == journal.ROOT else value for value in function.__defaults__ or ())
        monkeypatch.setattr(function, "__defaults__", defaults)
    return folder


GO = r"""#!/bin/sh
# Answers as Go does, by the settings file that GOENV names or that lies in the home.
GOENV=${GOENV:-${XDG_CONFIG_HOME:-$HOME/.config}/go/env}
for flag in $GOFLAGS; do
    case $flag in -*) ;; *) echo "go: parsing \$GOFLAGS: non-flag \"$flag\"" >&2; exit 1 ;; esac
done
get() { sed -n "s/^$1=//p" "$GOENV" 2>/dev/null; }
case "$1" in
env)
    echo '{"GOROOT": "'@ROOT@'", "GOVERSION": "go1.99", "GOENV": "'"$GOENV"'",'
    echo '"GOTMPDIR": "'"$(get GOTMPDIR)"'", "GOCACHE": "'"$(get GOCACHE)"'", "GOMODCACHE": "'"$HOME"'/go/pkg/mod",'
    echo '"GOFLAGS": "'"$(get GOFLAGS)"'", "CGO_ENABLED": "'"${CGO_ENABLED:-$(get CGO_ENABLED)}"'"}'
    ;;
list) [ -e broken ] && { echo "cannot list" >&2; exit 1; }; cat cgo 2>/dev/null || true ;;
esac
"""


@dataclass
class People:
    """Accounts of a machine that has no others, and what a login of each finds."""

    all: dict[str, accounts.Account] = field(default_factory=dict)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, name: str, who: process.Identity, home: Path) -> accounts.Account:
        account = accounts.Account(name, who.uid, who.gid, str(home), "/bin/sh")
        root = home / "sdk" / "go"
        (root / "bin").mkdir(parents=True)
        (root / "pkg" / "tool").mkdir(parents=True)
        (root / "bin" / "go").write_text(GO.replace("@ROOT@", str(root)))
        (root / "bin" / "go").chmod(0o755)
        for path in (home, *home.rglob("*")):
            os.chown(path, who.uid, who.gid)
        self.all[name] = account
        self.environments[name] = {"HOME": str(home), "PATH": f"{root}/bin:/usr/bin:/bin"}
        return account


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> People:
    group = People()

    def find(names: list[str], also: str | None = None) -> list[accounts.Account]:
        unknown = set(names) - set(group.all)
        if unknown:
            raise accounts.AccountError(f"There is no account {min(unknown)!r} on this machine")
        return [group.all[name] for name in names or group.all]

    monkeypatch.setattr(accounts, "find", find)
    monkeypatch.setattr(
        accounts, "login_environment", lambda account, timeout=0.0: dict(group.environments[account.name])
    )
    return group
