# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The role defender through ansible-core, on PowerShell for Linux with the simulated Defender."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.windows import ON_ACCESS, WINDOWS, content, play, see

CACHE = r"C:\Users\dev\AppData\Local\go-build" + ON_ACCESS
MODCACHE = r"C:\Users\dev\go\pkg\mod" + ON_ACCESS
GOTMPDIR = r"C:\Users\dev\AppData\Local\go-tmp" + ON_ACCESS


def test_the_role_from_nothing_to_nothing_and_where_it_must_not_write(pwsh, tmp_path):
    theirs = {"path": ["D:\\theirs\\"], "process": ["theirs.exe"], "extension": []}
    states: dict[str, Any] = {
        "machine": theirs,
        "not_elevated": {"elevated": False},
        "passive_mode": {"status": {"AMRunningMode": "Passive"}},
    }
    for name, state in states.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(state), encoding="ascii")
        (tmp_path / f"{name}.registry").write_text("{}", encoding="ascii")
    whole = {
        "defender_include_toolchain": True,
        "defender_projects": [r"D:\src\proj"],
        "defender_wsl_projects": [r"\\wsl.localhost\Ubuntu\home\dev\src\proj"],
    }
    own = {"GOTMPDIR": r"C:\Users\dev\AppData\Local\go-tmp"}
    steps: list[tuple[str, bool, dict[str, Any], dict[str, str]]] = [
        ("machine", True, whole, own),
        ("machine", False, whole, own),
        ("machine", False, whole, own),
        ("machine", False, {"defender_include_modcache": False}, {"GOTMPDIR": WINDOWS["TEMP"] + r"\go"}),
        ("machine", False, {"defender_state": "absent"}, {}),
        *((name, False, {}, {}) for name in list(states)[1:]),
    ]
    tasks: list[dict[str, Any]] = []
    for name, check, variables, environment in steps:
        state = str(tmp_path / f"{name}.json")
        files = {"WSLTUNE_DEFENDER_STATE": state, "PWSH_BED_REGISTRY": str(tmp_path / f"{name}.registry")}
        role = {"ansible.builtin.include_role": {"name": "wsltune.go.defender"}, "vars": variables}
        tasks.append({"block": [role], "environment": {**files, **environment}, "check_mode": check})
        tasks.append(see(said="{{ defender_result }}", state=content(state)))
    printed, seen = play(tasks, pwsh, tmp_path)
    assert "Nothing is excluded for files on a distro's own disk (ext4)" in printed

    after = [step["state"] if isinstance(step["state"], dict) else json.loads(step["state"]) for step in seen]
    said = [step["said"] for step in seen]
    assert said[0]["changed"] and after[0] == theirs
    shares = [rf"\\{name}\Ubuntu\home\dev\src\proj{ON_ACCESS}" for name in ("wsl$", "wsl.localhost")]
    folders = [CACHE, MODCACHE, GOTMPDIR, r"D:\src\proj" + ON_ACCESS, *shares, "D:\\theirs\\"]
    tools = [rf"C:\Program Files\Go\pkg\tool\*\{name}.exe" for name in ("asm", "cgo", "compile", "link")]
    assert said[1]["changed"] and said[1]["verified"]
    assert sorted(after[1]["path"]) == sorted(folders)
    assert sorted(after[1]["process"]) == sorted([r"C:\Program Files\Go\bin\go.exe", *tools, "theirs.exe"])
    assert not said[2]["changed"] and after[2] == after[1]
    # A GOTMPDIR inside %TEMP% is left out, and what is no longer asked for goes.
    assert sorted(after[3]["path"]) == sorted([CACHE, "D:\\theirs\\"]) and after[3]["process"] == ["theirs.exe"]
    assert any("Temp" in note for note in said[3]["notes"])
    assert said[4]["changed"] and {kind: after[4][kind] for kind in theirs} == theirs
    assert "wsltune" not in (tmp_path / "machine.registry").read_text(encoding="utf-8")
    for name, outcome, state in zip(list(states)[1:], said[5:], after[5:], strict=True):
        assert outcome["reason"] == name and not outcome["changed"] and not state.get("path"), name
        assert outcome["sentence"].rstrip(".") in outcome["notes"]
    assert "Add-MpPreference -ExclusionPath" in printed
