# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The roles wsl_conf and wslconfig take their settings alike, and document each key that WSL has."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.plugins.filter import core as ansible
from jinja2.nativetypes import NativeEnvironment

from ansible_collections.wsltune.go.plugins.filter import is_met
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import plan
from tests.unit.windows import content, play, see

ROOT = Path(__file__).resolve().parents[3]
TYPES = {"bool": "boolean", "int": "integer", "str": "text", "memory": "size", "mac": "MAC address", "path": "path"}
TYPES |= {"ip": "IPv4 address", "ports": "list of ports", "list": "list"}


def type_of(key: wsl_conf.Key) -> str:
    return " or ".join(key.choices) if key.type == "enum" else "octal text" if key.octal else TYPES[key.type]


@pytest.mark.parametrize("role", plan.ROLES)
def test_every_key_is_documented_with_its_type_and_default(role: str) -> None:
    keys = plan.ROLES[role].keys
    spec = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    lines = spec["argument_specs"]["main"]["options"][f"{role}_settings"]["description"]
    described = {match[1]: (match[2], line) for line in lines if (match := re.match(r"C\((\S+)\), (.+?)\. ", line))}
    assert list(described) == list(keys)
    for name, (kind, line) in described.items():
        assert kind == type_of(keys[name]) and keys[name].description in line
        if role == "wsl_conf":
            assert ("Refused without wsl_conf_allow_harmful" in line) == bool(keys[name].harmful)
    readme = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+\.\w+)` \| (.+?) \|", readme, re.MULTILINE))
    assert rows == {name: type_of(key) for name, key in keys.items()}


@pytest.mark.parametrize("role", plan.ROLES)
@pytest.mark.parametrize("given", ["boot.systemd", "boot.systemd,user.default", ["boot.systemd"]])
def test_keys_to_remove_may_be_named_by_a_text(role: str, given: Any) -> None:
    """Each letter of -e wsl_conf_remove=boot.systemd would be a key."""
    variables = yaml.safe_load((ROOT / "roles" / role / "vars" / "main.yml").read_text(encoding="utf-8"))
    removed = NativeEnvironment().from_string(variables[f"_{role}_removed"]).render({f"{role}_remove": given})
    assert removed == (given.split(",") if isinstance(given, str) else given)
    assert variables[f"_{role}_given"]["remove"] == f"{{{{ _{role}_removed }}}}"


def test_the_role_wslconfig_from_nothing_to_nothing(pwsh: str, tmp_path: Path) -> None:
    file = tmp_path / "wslconfig"
    file.write_bytes(b"[wsl2]\r\nmemory=1.5GB # mine\r\n")
    role = {"ansible.builtin.include_role": {"name": "wsltune.go.wslconfig"}}
    settings = {"wsl2.memory": "4GB", "WSL2.processors": 1, "experimental.sparseVhd": False, "wsl2.swap": None}
    given: dict[str, Any] = {"wslconfig_path": str(file), "wslconfig_settings": settings}
    tasks: list[dict[str, Any]] = []
    for more in ({}, {}, {"wslconfig_state": "absent"}):
        tasks.append({**role, "vars": {**given, **more}})
        tasks.append(see(said="{{ wslconfig_result }}", file=content(file, ", rstrip=false")))
    bad = {**given, "wslconfig_settings": {"wsl2.memory": "1.5GB"}}
    rescue = [see(said="{{ ansible_failed_result.msg }}", file=content(file, ", rstrip=false"))]
    tasks.append({"block": [{**role, "vars": bad}], "rescue": rescue})
    _printed, seen = play(tasks, pwsh, tmp_path)
    assert [step["said"]["changed"] for step in seen[:3]] == [True, False, True]
    for step in seen[:2]:
        assert "memory=4GB # mine" in step["file"] and "processors=1" in step["file"] and "swap" not in step["file"]
    assert file.read_bytes() == b"[wsl2]\r\nmemory=1.5GB # mine\r\n"
    assert seen[3]["said"].startswith("wsl2.memory takes a whole number with one of B, K, KB")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"wsl_conf_settings": {"boot.systemd": True}}, "+systemd=true"),
        ({"wsl_conf_interop_append_windows_path": False}, "+appendWindowsPath=false"),
        ({"wsl_conf_settings": {"boot.systemd": "sometimes"}}, "boot.systemd takes true or false, not 'sometimes'."),
        ({"wsl_conf_boot_systemd": True}, "set boot.systemd in wsl_conf_settings instead."),
        ({"wsl_conf_remove": ["boot.systemdd"]}, "wsl_conf_remove: WSL knows no key 'boot.systemdd'"),
    ],
)
def test_the_role_wsl_conf_in_check_mode(variables: dict[str, Any], said: str, tmp_path: Path) -> None:
    tasks = [{"ansible.builtin.include_role": {"name": "wsltune.go.wsl_conf"}}]
    text = json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}])
    (tmp_path / "play.yml").write_text(text, encoding="ascii")
    given = {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_python_interpreter": sys.executable,
        "wsl_conf_force": True,
        "wsl_conf_path": str(tmp_path / "wsl.conf"),
        **variables,
    }
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [program, "-i", "localhost,", "--check", "--diff", "-e", json.dumps(given), str(tmp_path / "play.yml")]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)
    printed = " ".join((done.stdout + done.stderr).split())
    assert said in printed and (done.returncode == 0) == said.startswith("+"), printed
    assert not (tmp_path / "wsl.conf").exists()


@pytest.mark.parametrize(("state", "due"), [("as_written", False), ("edited", False), ("gone", True)])
def test_a_launcher_that_is_gone_makes_the_role_due_without_a_call_of_a_module(state: str, due: bool) -> None:
    role = yaml.safe_load((ROOT / "roles/wsl_conf/vars/main.yml").read_text(encoding="utf-8"))
    jinja = NativeEnvironment()
    ours = {f"wsltune.go.{name}": function for name, function in is_met.FilterModule().filters().items()}
    jinja.filters.update(ours, bool=ansible.to_bool)
    conf = {
        "settings": {"interop.appendWindowsPath": False},
        "complete": True,
        "launchers": {"/usr/local/bin/clip.exe": state},
    }
    content = "[interop]\nappendWindowsPath=false\n"
    known: dict[str, Any] = {
        "ansible_facts": {"wsl": {"is_wsl": True, "conf": conf}},
        "wsl_conf_repair": False,
        "wsl_conf_force": False,
        "wsl_conf_launchers": True,
        "_wsl_conf_content": content,
        "_wsl_conf_wanted": {"content": content, "removed": [], "allow_harmful": False},
    }
    for name in ("_wsl_conf_counts", "_wsl_conf_is_met", "_wsl_conf_has_launchers", "_wsl_conf_is_due"):
        if name in role:
            known[name] = jinja.from_string(role[name]).render(known)
    # The check after a run asks for the file alone.
    assert known["_wsl_conf_is_due"] is due and known["_wsl_conf_is_met"]
