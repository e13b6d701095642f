# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""restart.yml from inside of a distro, and from outside over ssh with the Windows host beside it.

Simulated: wsl.exe, and what a restart does to the distro (standins/wsl). Real: the ssh connection that a restart ends.
"""

from __future__ import annotations

import json

import pytest

from tests.windows_host.driver import WSL_INI, WSL_LOG

WSLCONFIG = "C:\\Users\\erin\\.wslconfig"
NOBODY = "0|mine root 0 bash\\n"
BOB = "0|mine root 0 bash\\nother bob 3 vim\\n"
PLAY = """
port=$(sed -n 's/^Port //p' /etc/ssh/sshd_config.d/port.conf)
cat >/tmp/restart.json <<END
{"all": {"vars": {"ansible_python_interpreter": "/usr/bin/python3"}, "hosts": {
    "windows": {"ansible_connection": "wsltune.go.wsl_interop"},
    "inside": {"ansible_connection": "local", "wsltune_windows_host": "windows"},
    "outside": {"ansible_host": "127.0.0.1", "ansible_port": $port, "ansible_user": "root",
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no", "wsltune_windows_host": "windows"}}}}
END
ansible-playbook -i /tmp/restart.json playbooks/restart.yml -e "$1"
code=$?
rm /tmp/restart.json
exit $code
"""


@pytest.fixture
def waiting(windows_host, wsl_service):
    """A distro whose wsl.conf is not in force."""

    class Distro:
        def wsl(self, terminals: str = NOBODY, others: str = "") -> None:
            windows_host.put(
                WSL_INI,
                f"[wsl]\ndefault=Debian\nbooted=1000\nlog={WSL_LOG}\n[Debian]\nrunning=1\nservice=1\n{others}"
                # WSL's first socket, which each start of a distro makes; here it is the machine's that plays one.
                f"[exec]\n/bin/sh -s terminals={terminals}\n/bin/cat /proc/stat=0|btime %booted%\\n\n"
                "/bin/stat -c=0|%booted%\\n\n",
            )

        def play(self, host: str, restart: str, **more: object):
            settings = {"wsltune_hosts": host, "wsltune_restart": restart, **more}
            result = windows_host.run("sh", "-c", PLAY, "-", json.dumps(settings), check=False)
            print(result.stdout, result.stderr)
            return result

    distro = Distro()
    distro.wsl()
    windows_host.run("sh", "-c", "printf '[network]\\nhostname=elsewhere\\n' >/etc/wsl.conf")
    yield distro
    windows_host.powershell(f"Remove-Item -ErrorAction Ignore {WSLCONFIG}; exit 0")


def test_inside_it_is_told(waiting, windows_host):
    told = waiting.play("inside", "distro")
    assert told.returncode == 0 and "Not restarted: a distro cannot restart itself from inside" in told.stdout
    assert "network.hostname in /etc/wsl.conf takes effect after `wsl.exe --terminate Debian`" in told.stdout
    assert windows_host.restarts() == [] and windows_host.hostname() != "elsewhere"


def test_what_waits_is_in_force_after_a_restart(waiting, windows_host):
    told = waiting.play("outside", "none")
    assert told.returncode == 0 and "network.hostname in /etc/wsl.conf takes effect after" in told.stdout
    assert windows_host.restarts() == []
    done = waiting.play("outside", "distro")
    assert windows_host.restarts() == ["--terminate\tDebian"] and windows_host.hostname() == "elsewhere"
    assert done.returncode == 0 and "changed: [outside -> windows]" in done.stdout
    assert "In force now: network.hostname." in done.stdout
    again = waiting.play("outside", "distro")
    assert again.returncode == 0 and "Nothing waits for a restart." in again.stdout and windows_host.restarts() == []


def test_a_restart_that_brings_nothing_fails(waiting, windows_host):
    windows_host.run("sh", "-c", "printf '[boot]\\nsystemd=false\\n' >>/etc/wsl.conf")
    failed = waiting.play("outside", "distro")
    assert failed.returncode == 2 and windows_host.restarts() == ["--terminate\tDebian"]
    assert "boot.systemd in /etc/wsl.conf takes effect after" in failed.stdout
    assert "In force now" not in failed.stdout


def test_sessions_of_others_go_on(waiting, windows_host):
    waiting.wsl(BOB)
    refused = waiting.play("outside", "distro")
    assert refused.returncode == 2 and "would stop the session of bob on pts/3 of Debian (vim)" in refused.stdout
    assert windows_host.restarts() == [] and windows_host.hostname() != "elsewhere"
    asked = waiting.play("outside", "distro", wsltune_stop_others=True)
    assert (
        asked.returncode == 0
        and windows_host.restarts() == ["--terminate\tDebian"]
        and windows_host.hostname() == "elsewhere"
    )


def test_the_whole_machine_for_wslconfig(waiting, windows_host):
    waiting.wsl(others="[docker-desktop]\nrunning=1\n[Old]\nrunning=1\n[Off]\nrunning=0\n")
    windows_host.put(WSLCONFIG, "[wsl2]\nswap=1GB\n")
    told = waiting.play("outside", "none")
    assert "wsl2.swap in C:" in told.stdout and "wsl.exe --shutdown" in told.stdout
    refused = waiting.play("outside", "vm")
    assert refused.returncode == 2 and windows_host.restarts() == []
    assert (
        "would stop the distro docker-desktop (Docker Desktop with its containers) and the distro Old" in refused.stdout
    )
    done = waiting.play("outside", "vm", wsltune_stop_others=True)
    assert done.returncode == 0 and windows_host.restarts() == ["--shutdown"]
    assert "In force now: network.hostname, wsl2.swap." in done.stdout and windows_host.hostname() == "elsewhere"
    running = windows_host.powershell("$env:WSL_UTF8 = '1'; wsl.exe --list --running --quiet").split()
    assert running == ["Debian"]
    assert "Nothing waits for a restart." in waiting.play("outside", "vm").stdout and windows_host.restarts() == []
