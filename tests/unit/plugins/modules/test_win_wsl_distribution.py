# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
from typing import Any

from tests.unit.plugins.modules.conftest import Bed, Step

LXSS = "Software/Microsoft/Windows/CurrentVersion/Lxss"


def registry(bed: Bed) -> None:
    """What the registry of a Windows with two distros has."""

    def key(values: dict[str, Any], keys: dict[str, Any] | None = None) -> dict[str, Any]:
        typed = {
            name: {"type": "DWord" if isinstance(value, int) else "String", "value": value}
            for name, value in values.items()
        }
        return {"values": typed, "keys": keys or {}}

    ubuntu = {"DistributionName": "Ubuntu", "BasePath": "\\\\?\\C:\\wsl\\Ubuntu", "Flags": 15, "DefaultUid": 1000}
    old = {"DistributionName": "Old", "BasePath": "C:\\Old", "Flags": 7, "DefaultUid": 0}
    tree = key({"DefaultDistribution": "{1}"}, {"{1}": key(ubuntu), "{2}": key(old)})
    for name in reversed(LXSS.split("/")):
        tree = {"values": {}, "keys": {name: tree}}
    file = bed.folder / "registry.json"
    file.write_text(json.dumps({"HKEY_CURRENT_USER": tree}))
    bed.environment["PWSH_BED_REGISTRY"] = str(file)


def test_list_and_restart(bed: Bed) -> None:
    registry(bed)
    # A state in Windows' language.
    bed.distros(
        Ubuntu={"running": "1"},
        Old={"running": "0", "version": "1"},
        Debian={"running": "1"},
        exec={"/bin/sh -s terminals": "0|mine me 0 bash\\nother bob 3 vim\\n"},
    )
    ini = bed.state.read_text().replace("[wsl]\n", "[wsl]\ndefault = Ubuntu\nrunning_word = Wird ausgeführt\n", 1)
    bed.state.write_text(ini)
    wanted = {"name": "ubuntu", "state": "restarted"}
    info, refused, told, whole, unknown = bed.run(
        "win_wsl_distribution",
        [
            Step({}),
            Step(wanted),
            Step({**wanted, "stop_others": True}),
            Step({**wanted, "whole_vm": True}, check=True),
            Step({"name": "Arch", "state": "restarted"}),
        ],
    )
    assert [(one["name"], one["state"], one["version"], one["vhdx_path"]) for one in info.distributions] == [
        ("Ubuntu", "running", 2, "C:\\wsl\\Ubuntu\\ext4.vhdx"),
        ("Old", "stopped", 1, None),
        ("Debian", "running", 2, None),
    ]
    assert info.distributions[0] | {"default": True, "default_uid": 1000, "guid": "{1}"} == info.distributions[0]
    assert refused.failed and refused.msg == (
        "Ubuntu was not restarted, for `wsl.exe --terminate Ubuntu` would stop the session of bob on pts/3 of Ubuntu "
        "(vim); ask first, then set stop_others."
    )
    assert told.changed and told.restart_command == "wsl.exe --terminate Ubuntu"
    assert told.stops == [
        "the session of me on pts/0 of Ubuntu (bash)",
        "the session of bob on pts/3 of Ubuntu (vim)",
        "every program and service of Ubuntu",
    ]
    assert [one["state"] for one in told.distributions] == ["running"]
    assert whole.failed and "would stop the session of bob on pts/3 of Ubuntu (vim) and the distro Debian" in whole.msg
    assert unknown.msg == "This Windows user has no distro 'Arch'; there are: Ubuntu, Old, Debian."

    stopping = [call for call in bed.calls if call[0] in ("--terminate", "--shutdown")]
    assert stopping == [["--terminate", "Ubuntu"]]
    assert bed.calls[-1] != ["--shutdown"]
    assert ["--distribution", "Ubuntu", "--exec", "/bin/true"] in bed.calls


def test_no_wsl(bed: Bed) -> None:
    bed.state.write_text("[wsl]\ninstalled=0\n[Ubuntu]\nrunning=0\n")
    registry(bed)
    (outcome,) = bed.run("win_wsl_distribution", [Step({})])
    assert outcome.failed
    assert outcome.msg == (
        "The distros cannot be listed: The Windows Subsystem for Linux is not installed. You can install by running "
        "'wsl.exe --install'."
    )
