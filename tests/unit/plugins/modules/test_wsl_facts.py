# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.wsltune.go.plugins.modules import wsl_facts


def facts(capsys, **options):
    with patch_module_args(options), pytest.raises(SystemExit):
        wsl_facts.main()
    result = json.loads(capsys.readouterr().out)
    assert result["changed"] is False
    return result["ansible_facts"]["wsl"]


def test_this_machine_returns_what_is_documented(capsys):
    found = facts(capsys)
    documented = yaml.safe_load(wsl_facts.RETURN)["ansible_facts"]["contains"]["wsl"]["contains"]
    assert set(found) == set(documented)
    assert set(found["conf"]) == set(documented["conf"]["contains"])
    assert found["mounts"] and found["memory"]["total_bytes"] > 0 and found["started_at"] > 0


def test_a_recorded_machine(capsys, tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "wsl.conf").write_text("[boot]\nsystemd=1\n")
    found = facts(capsys, root=str(tmp_path))
    assert found["conf"]["settings"] == {"boot.systemd": True}
    assert found["mounts"] is None and found["started_at"] is None
    assert found["is_wsl"] is False
