# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an image runs at its first start."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from ansible_collections.wsltune.go.plugins.module_utils.image import clean

ROOT = Path(__file__).resolve().parents[3]
FILES = ROOT / "roles/golden_image/files"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"golden_image_{name}", FILES / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "first-start.pyz"
    path.write_bytes(load("make_program").make())
    return path


def test_the_same_versions_make_the_same_program_which_is_small(program: Path) -> None:
    content = load("make_program").make()
    assert content == program.read_bytes() and len(content) < 1 << 20


def test_the_program_runs_a_module_by_itself_without_ansible(program: Path, tmp_path: Path) -> None:
    given = json.dumps({"ANSIBLE_MODULE_ARGS": {"checks": ["WT-002"], "nonsense": 1}})
    command = ["/usr/bin/python3", "-I", str(program), "--module", "doctor"]
    done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "nonsense" in json.loads(done.stdout)["msg"], done.stderr
    for name in ("go_env", "doctor"):
        command[-1] = name
        given = json.dumps({"ANSIBLE_MODULE_ARGS": {"nonsense": 1}})
        done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=tmp_path, check=False)
        assert "nonsense" in json.loads(done.stdout)["msg"], done.stderr


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load("first_start")
    plan = {"version": "1.2.0", "tuned": ["wrote /etc/wsl.conf"], "checks": ["WT-049"]}
    plan["steps"] = [{"module": "go_env", "arguments": {"users": [], "cgo_enabled": "false"}}]
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    monkeypatch.setattr(module, "PLAN", str(tmp_path / "plan.json"))
    return module


CHECK = {
    "id": "WT-049",
    "status": "warning",
    "title": "No usable Go",
    "reason": "there is no Go",
    "cost": {"effect": "", "wasted": None, "unit": ""},
    "answer": {"lever": "", "command": ""},
    "page": "docs/cases/WT-049.md",
    "details": {},
}


def test_it_tunes_the_account_and_says_what_is_tuned(
    first: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = []

    def call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        calls.append((name, arguments))
        found = {
            "status": "warning",
            "checks": [CHECK],
            "counts": {"critical": 0, "warning": 1, "unknown": 0},
            "go": None,
        }
        return {"go_env": {"headlines": ["CGO_ENABLED=0"], "notes": ["a note"]}, "doctor": {"doctor": found}}[name]

    monkeypatch.setattr(first, "call", call)
    assert first.main(["anna"]) == 0
    assert calls == [
        ("go_env", {"users": ["anna", "root"], "cgo_enabled": "false"}),
        ("doctor", {"user": "anna", "checks": ["WT-049"]}),
    ]
    said = capsys.readouterr().out
    for words in ("what is tuned", "wrote /etc/wsl.conf", "CGO_ENABLED=0", "a note", "WT-049: there is no Go"):
        assert words in said


def test_what_fails_is_a_sentence(
    first: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(first, "call", lambda _name, _arguments: {"failed": True, "msg": "no room"})
    assert first.main([]) == 0
    said = capsys.readouterr().out
    assert "go_env was left out: no room" in said and "The doctor could not look: no room" in said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("print('no json')", "it gave no answer"),
        ("pass", "it gave no answer"),
        ("import time; time.sleep(9)", "it did not end within 1 s"),
    ],
)
def test_a_module_without_an_answer_is_a_sentence_too(
    first: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    (tmp_path / "program.py").write_text(text)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "program.py")])
    monkeypatch.setattr(first, "SECONDS", 1.0)
    assert first.call("go_env", {}) == {"failed": True, "msg": reason}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_no_link_in_a_home_has_root_touch_the_files_of_others() -> None:
    """WSL runs the script again where it was interrupted, and the account may have had a shell by then."""
    folder = Path(tempfile.mkdtemp(prefix="wsltune-test-"))
    try:
        folder.chmod(0o755)
        own, theirs = folder / "home/.cache/go-build/00/file", folder / "theirs/go-build/file"
        for path in (own, theirs):
            path.parent.mkdir(parents=True)
            path.touch()
            os.utime(path, (1000, 1000))
        subprocess.run(["chown", "-R", "nobody", folder / "home"], check=True)
        (folder / "passwd").write_text(f"nobody:x:1000:65534::{folder}/home:/bin/sh\n")
        script = (FILES / "wsltune-oobe").read_text().replace("/etc/passwd", f"{folder}/passwd")
        script = script.replace("/usr/lib/wsltune/", f"{folder}/none/")
        subprocess.run(["sh", "-c", script], stdin=subprocess.DEVNULL, check=True, capture_output=True)
        assert own.stat().st_mtime > 1000
        shutil.rmtree(folder / "home/.cache")
        (folder / "home/.cache").symlink_to(folder / "theirs")
        subprocess.run(["sh", "-c", script], stdin=subprocess.DEVNULL, check=True, capture_output=True)
        assert theirs.stat().st_mtime == 1000
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("programs", "calls"),
    [
        (
            ["useradd", "adduser", "addgroup"],
            ["useradd --create-home --shell SHELL --uid 1000 --groups wheel,video -- anna"],
        ),
        (
            ["adduser", "addgroup"],
            ["adduser -D -s SHELL -u 1000 anna", "addgroup anna wheel", "addgroup anna video"],
        ),
    ],
)
def test_the_first_start_makes_the_account_with_what_the_distribution_has(
    tmp_path: Path, programs: list[str], calls: list[str]
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("awk", "grep", "tr", "sh"):
        (tools / name).symlink_to(str(shutil.which(name)))
    for name in programs:
        made = "echo anna:x:1000:1000::/home/anna:/bin/sh >>passwd; " if name != "addgroup" else ""
        (tools / name).write_text(f'#!/bin/sh\n{made}echo "{name} $*" >>calls\n')
        (tools / name).chmod(0o755)
    (tmp_path / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (tmp_path / "group").write_text("wheel:x:10:\nvideo:x:27:\n")
    (tmp_path / "first-start.conf").write_text("user='anna'\ngroups='sudo wheel video'\n")
    script = re.sub("(?m)^PATH=.*", f"PATH={tools}", (FILES / "wsltune-oobe").read_text())
    for ours, path in (("/usr/lib/wsltune/", f"{tmp_path}/"), ("/etc/passwd", "passwd"), ("/etc/group", "group")):
        script = script.replace(ours, path)
    subprocess.run(["sh", "-c", script], cwd=tmp_path, stdin=subprocess.DEVNULL, check=True, capture_output=True)
    shell = "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"
    assert (tmp_path / "calls").read_text().splitlines() == [call.replace("SHELL", shell) for call in calls]


def test_the_cache_is_warmed_where_no_account_of_the_image_can_write() -> None:
    """A package's script may run as one, and whoever has its number on this machine could go in with it."""
    (folder,) = re.findall("(?m)^folder=(.*)", (FILES / "warm.sh").read_text())
    assert folder.startswith("/root/") and clean.judge(folder.lstrip("/")) == clean.DROP


def test_no_account_of_an_image_runs_a_program_while_it_is_made() -> None:
    """Who has its number on the machine that builds could go in by /proc/PID/root, past the folder's mode of 0700."""
    plays = yaml.safe_load((ROOT / "playbooks/image.yml").read_text(encoding="utf-8"))
    (inside,) = [play for play in plays if "wsltune_image" in play["hosts"]]
    assert inside["vars"]["go_env_users"] == inside["vars"]["go_tmpfs_users"] == ["root"]
    # First, because the roles look at everybody's where nothing is known.
    assert inside["tasks"][0].get("wsltune.go.go_facts") == {"users": ["root"]}
    for task in inside["tasks"][1:]:
        name = task.get("ansible.builtin.import_role", {}).get("name", "").rpartition(".")[2]
        for path in (ROOT / "roles" / name / "tasks").glob("*.yml") if name else ():
            text = path.read_text(encoding="utf-8")
            known = text.count("when: ansible_facts['go'] is not defined") + text.count("['users'].keys()")
            assert text.count("wsltune.go.go_facts:") == known, path
