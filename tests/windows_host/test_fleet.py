# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""site.yml and rollback.yml from a controller that reaches the distro and its Windows host over ssh alone.

Simulated: OpenSSH Server of Windows, by Debian's with PowerShell as erin's login shell, as a DefaultShell is; Defender.
Real: Ansible's ssh connection, PowerShell as a Windows process, and all that both roles do.
"""

from __future__ import annotations

import json
import re

import pytest

WSLCONFIG = "C:\\Users\\erin\\.wslconfig"
ORIGINAL = "# mine\r\n[wsl2]\r\nmemory=2GB\r\n"
INVENTORY = "/var/tmp/fleet.json"
DRIFT = "/var/tmp/drift"
# An administrator's logon over the network is elevated, as every process under wine is.
SHELL = r"""#!/bin/sh
cd /opt/windows/drive_c/users/erin
exec env -i HOME=/home/erin USER=erin WINEPREFIX=/opt/windows WINELOADER=/usr/lib/wine/wine64 WINEDEBUG=-all \
    XDG_RUNTIME_DIR=/run/wsl-host/windows PATH=/usr/bin:/bin LANG=C.UTF-8 \
    /usr/lib/wine/wine64 'C:\windows\system32\WindowsPowerShell\v1.0\powershell.exe' "$@"
"""
SETUP = """
set -e
cat >/usr/local/bin/windows-shell
chmod 755 /usr/local/bin/windows-shell
/usr/sbin/usermod -s /usr/local/bin/windows-shell erin
install -d -m 700 -o erin -g erin /home/erin/.ssh
install -m 600 -o erin -g erin /root/.ssh/authorized_keys /home/erin/.ssh/
sed -n 's/^Port //p' /etc/ssh/sshd_config.d/port.conf
"""
TIDY = f"""
/usr/sbin/usermod -s /usr/sbin/nologin erin
rm -rf /home/erin/.ssh /usr/local/bin/windows-shell /etc/wsl.conf {INVENTORY} {DRIFT}
"""


@pytest.fixture
def controller(windows_host):
    """Runs a playbook for the whole fleet and returns its exit code, what it printed, and the changes by host."""

    def play(playbook: str, settings: dict):
        words = ["ansible-playbook", "-i", INVENTORY, f"playbooks/{playbook}", "-e", json.dumps(settings)]
        done = windows_host.run("env", "-u", "WSL_INTEROP", *words, check=False)
        print(done.stdout, done.stderr)
        changed = {host: int(count) for host, count in re.findall(r"^(\S+) +: .*changed=(\d+)", done.stdout, re.M)}
        return done.returncode, done.stdout, changed

    ssh = {
        "ansible_connection": "ssh",
        "ansible_host": "127.0.0.1",
        "ansible_port": windows_host.run("sh", "-c", SETUP, text=SHELL).stdout.strip(),
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no",
    }
    distro = {
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        "wsltune_windows_host": "laptop",
    }
    windows = {"ansible_user": "erin", "ansible_shell_type": "powershell"}
    inventory = {
        "all": {
            "vars": ssh,
            "children": {"distros": {"hosts": {"debian": distro}}, "windows": {"hosts": {"laptop": windows}}},
        }
    }
    windows_host.run("sh", "-c", f"cat >{INVENTORY}", text=json.dumps(inventory))
    windows_host.put(WSLCONFIG, ORIGINAL)
    yield play
    windows_host.run("sh", "-c", TIDY)
    windows_host.powershell(f"Remove-Item -ErrorAction Ignore {WSLCONFIG}; exit 0")


def find_drift_of_the_windows_side(controller, windows_host, settings: dict) -> None:
    """Look twice at a fleet that is tuned: as it is, then with what two people did; looking changes nothing."""

    def look() -> dict:
        code, _said, changed = controller("drift.yml", {**settings, "wsltune_drift_dir": DRIFT})
        fleet = json.loads(windows_host.run("cat", f"{DRIFT}/drift.json").stdout)
        hosts = {host["host"]: host for host in fleet["hosts"]}
        assert set(hosts) == {"debian", "laptop"} and changed == {"debian": 0, "laptop": 0}
        assert code == (2 if fleet["status"] == "drift" else 0)
        return hosts["laptop"]

    shop = next(entry for entry in windows_host.exclusions() if entry.startswith("C:\\src\\shop"))
    laptop = look()
    states = {setting["id"]: setting["state"] for setting in laptop["settings"]}
    # It waits where WSL runs as far as wsl.exe knows.
    assert states.pop("wslconfig:wsl2.swap") in ("in_state", "pending_restart")
    assert list(states.values()) == ["in_state"] * 3

    tuned = windows_host.get(WSLCONFIG)
    windows_host.put(WSLCONFIG, tuned.replace("swap=1GB", "swap=3GB"))
    windows_host.powershell(f"Remove-MpPreference -ExclusionPath '{shop}'")
    laptop = look()
    states = {setting["id"]: setting["state"] for setting in laptop["settings"] if setting["state"] != "in_state"}
    assert states == {"wslconfig:wsl2.swap": "changed", f"defender:path:{shop}": "gone"}
    assert "swap=3GB" in windows_host.get(WSLCONFIG) and shop not in windows_host.exclusions()

    windows_host.put(WSLCONFIG, tuned)
    windows_host.powershell(f"Add-MpPreference -ExclusionPath '{shop}'")


def test_a_fleet_is_tuned_twice_and_undone(controller, windows_host):
    settings = {
        "verify_benchmark": False,
        "go_tmpfs_place": "gotmpdir",
        "go_tmpfs_size": "256m",
        "wsl_conf_interop_append_windows_path": False,
        "wslconfig_settings": {"wsl2.swap": "1GB"},
        "defender_projects": ["C:\\src\\shop"],
    }
    code, said, changed = controller("site.yml", settings)
    assert code == 0 and changed["laptop"] == 2 and changed["debian"] > 0
    assert any(entry.startswith("C:\\src\\shop") for entry in windows_host.exclusions())
    assert "swap=1GB" in windows_host.get(WSLCONFIG)
    assert "The Windows side (Defender, .wslconfig) was left out" not in " ".join(said.split())

    code, said, changed = controller("site.yml", settings)
    assert (code, changed) == (0, {"debian": 0, "laptop": 0})

    find_drift_of_the_windows_side(controller, windows_host, settings)

    code, said, changed = controller("rollback.yml", {})
    assert code == 0 and changed["laptop"] == 2
    assert windows_host.exclusions() == [] and windows_host.get(WSLCONFIG) == ORIGINAL
    code, said, changed = controller("rollback.yml", {})
    assert (code, changed) == (0, {"debian": 0, "laptop": 0})
