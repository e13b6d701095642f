# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor import observe as doctor_observe
from ansible_collections.wsltune.go.plugins.module_utils.doctor import wsl as doctor_wsl
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import wslconfig as wsl_wslconfig


def facts(conf: str | None = "", **more: Any) -> dict[str, Any]:
    machine = wsl_judge.Machine(
        release="6.6.87.2-microsoft-standard-WSL2",
        has_init=True,
        has_run_wsl=True,
        conf=conf,
        conf_mtime=1000.0,
        stat="btime 2000",
        pid1_stat="1 (systemd) " + " ".join(["0"] * 50),
        **more,
    )
    return wsl_judge.observe(machine)


def conf(text: str, **more: Any) -> dict[str, doctor_check.Check]:
    return {check.id: check for check in doctor_wsl.judge_conf(facts(text, **more), text)}


def test_a_good_wsl_conf_is_ok() -> None:
    text = "# mine\n[boot]\nsystemd=true\n[interop]\nappendWindowsPath=false # quick\n"
    assert {check.status for check in conf(text, has_systemd_folder=True).values()} == {"ok"}


def test_on_another_machine_nothing_is_said() -> None:
    other = wsl_judge.observe(wsl_judge.Machine(release="6.1.0-debian", conf="; no matter"))
    assert {check.status for check in doctor_wsl.judge_conf(other, "; no matter")} == {"ok"}


@pytest.mark.parametrize(
    ("check_id", "status", "text", "said"),
    [
        ("WT-020", "critical", "[boot]\n; off\nsystemd=true\n", "line 2: a line starts with ;"),
        ("WT-020", "critical", "[my-sec]\n", "line 1"),
        ("WT-020", "critical", "[boot]\ncommand=C:\\Users\n", "line 2"),
        ("WT-021", "warning", "[boot]\nsystemd=true\nsystemd=false\n", "line 3: boot.systemd stands in line 2"),
        ("WT-022", "warning", "[wsl2]\nmemory=4GB\n", "knows no key 'wsl2.memory'"),
        ("WT-022", "warning", "[boot]\nsystemd=yes\n", "takes true or false, not 'yes'"),
        ("WT-023", "critical", "[automount]\noptions=metadata,cache=loose\n", "'cache=loose'"),
        ("WT-023", "critical", "[filesystem]\numask=22\n", "decimal"),
        ("WT-023", "critical", "[filesystem]\numask=0\n", "every user could write"),
        ("WT-020", "critical", "\udcff\udcfe[\0b\0o\0o\0t\0]\0\n\0", "line 1: the file is UTF-16"),
        (
            "WT-020",
            "critical",
            "\udcef\udcbb\udcbf[boot]\nsystemd=true\n",
            "line 1: the file starts with a byte order mark",
        ),
    ],
)
def test_each_mistake_in_wsl_conf(check_id: str, status: str, text: str, said: str) -> None:
    checks = conf(text)
    assert checks[check_id].status == status and said in checks[check_id].reason, checks[check_id].reason
    assert "sudo" in checks[check_id].command


def test_the_command_takes_out_the_line_that_is_meant() -> None:
    assert conf("[boot]\n; off\n")["WT-020"].command == "sudo sed -i '2s/^/# /' /etc/wsl.conf"
    assert conf("[boot]\nsystemd=true\nsystemd=false\n")["WT-021"].command == "sudo sed -i '3d' /etc/wsl.conf"


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe"])
def test_the_command_for_a_mark_keeps_what_the_file_says(mark: bytes, tmp_path: Path) -> None:
    file, text = tmp_path / "wsl.conf", "[boot]\nsystemd=true\n"
    file.write_bytes(mark + text.encode("utf-8" if mark[0] == 0xEF else "utf-16-le"))
    command = conf(file.read_bytes().decode("utf-8", "surrogateescape"))["WT-020"].command
    subprocess.run(["sh", "-ec", command.replace("sudo ", "").replace("/etc/wsl.conf", str(file))], check=True)
    assert file.read_text(encoding="utf-8") == text


SERVER = {"link": None, "there": True, "text": "# mine\nnameserver 1.1.1.1\n"}
DANGLING = {"link": "../mnt/wsl/resolv.conf", "there": False, "text": None}
OF_WSL = {"link": "/mnt/wsl/resolv.conf", "there": True, "text": "nameserver 10.255.255.254\n"}
OWN = "[network]\ngenerateResolvConf=false\n"
UNMOUNTED = "[automount]\nmountFsTab=false\n"
DRIVE = {"mount_point": "/mnt/c", "windows_drive": True, "fstype": "9p"}


@pytest.mark.parametrize(
    ("text", "more", "seen", "status", "said"),
    [
        (OWN, {}, {"resolver_file": SERVER}, "ok", "generateResolvConf"),
        (OWN, {}, {"resolver_file": DANGLING}, "critical", "link to ../mnt/wsl/resolv.conf, which is not there"),
        (OWN, {}, {"resolver_file": SERVER | {"text": "search corp\n"}}, "critical", "names no server"),
        (
            OWN,
            {},
            {"resolver_file": {"link": None, "there": False, "text": None}},
            "critical",
            "there is no /etc/resolv",
        ),
        (OWN, {}, {"resolver_file": OF_WSL}, "ok", ""),
        (OWN, {}, {"resolver_file": {"there": None}}, "unknown", "was not looked at"),
        (OWN, {}, {}, "unknown", "was not looked at"),
        # Written and not in force: what WSL made is not made again.
        (OWN, {"in_force": ""}, {"resolver_file": OF_WSL}, "critical", "leads nowhere after the restart"),
        (OWN, {"in_force": ""}, {"resolver_file": SERVER}, "ok", ""),
        ("[user]\ndefault=eve\n", {}, {"local_users": ["root", "eve"]}, "ok", "No value in /etc/wsl.conf does harm."),
        ("[user]\ndefault=adam\n", {}, {"local_users": ["root", "eve"]}, "critical", "WSL opens sessions as root"),
        ("[user]\ndefault=adam\n", {}, {}, "unknown", "/etc/passwd was not read"),
        (UNMOUNTED, {}, {"fstab": {"text": None}}, "ok", "mountFsTab"),
        (UNMOUNTED, {}, {"fstab": {"text": "# none\n\n"}}, "ok", ""),
        (UNMOUNTED, {}, {"fstab": {"text": "/dev/x none swap sw 0 0\nx /y nfs noauto 0 0\n"}}, "ok", ""),
        (UNMOUNTED, {}, {"fstab": {"text": "/dev/x /data ext4 nofail 0 0\n"}}, "critical", "nothing mounts /data"),
        (UNMOUNTED, {}, {"fstab": {"text": "/dev/x /data ext4 nofail 0 0\n", "mounted": ["/data"]}}, "ok", ""),
        (
            UNMOUNTED,
            {"in_force": ""},
            {"fstab": {"text": "/dev/x /data ext4 nofail 0 0\n", "mounted": ["/data"]}},
            "critical",
            "nothing mounts /data",
        ),
        (UNMOUNTED, {}, {"fstab": {"unknown": "no answer"}}, "unknown", "was not read"),
        ("[automount]\nenabled=false\n", {}, {}, "ok", ""),
        ("[interop]\nenabled=false\n", {}, {}, "ok", ""),
        ("[interop]\nenabled=false\n", {"in_force": ""}, {}, "critical", "interop.enabled=false"),
        ("[fileServer]\nenabled=false\n", {}, {}, "ok", ""),
        ("[boot]\nprotectBinfmt=false\n", {}, {}, "ok", ""),
        ("[boot]\nprotectBinfmt=false\n", {"has_systemd_folder": True}, {}, "critical", "boot.protectBinfmt"),
        ("[boot]\nprotectBinfmt=0\n[interop]\nenabled=0\n", {"has_systemd_folder": True}, {}, "ok", ""),
        ("[boot]\ninitTimeout=10\n", {}, {}, "ok", ""),
        ("[boot]\ninitTimeout=10\n", {"has_systemd_folder": True}, {}, "critical", "boot.initTimeout"),
        ("[automount]\ncgroups=v1\n", {}, {}, "ok", ""),
        ("[automount]\ncgroups=v1\n", {"has_systemd_folder": True}, {}, "ok", ""),
        ("[automount]\ncgroups=v1\n[boot]\nsystemd=1\n", {"pid1_comm": "init"}, {}, "critical", "systemd 256"),
        ("[automount]\nroot=drives\n", {}, {"mounts": [DRIVE]}, "ok", ""),
        ("[automount]\nroot=drives\n", {}, {}, "critical", "must start with /"),
        ("[automount]\noptions=metadata,msize=262144,odd\n", {}, {"mounts": [DRIVE]}, "ok", ""),
        ("[automount]\noptions=metadata,odd\n", {}, {}, "critical", "'odd' is unknown"),
        ("[automount]\noptions=cache=mmap\n", {}, {"mounts": [DRIVE]}, "ok", ""),
        ("[automount]\noptions=cache=loose\n", {}, {"mounts": [DRIVE]}, "critical", "keeps stale"),
        ("[automount]\noptions=cache=loose\nenabled=false\n", {}, {}, "ok", ""),
        ("[automount]\noptions=noexec\n", {}, {"mounts": [DRIVE]}, "critical", "noexec"),
        ("[automount]\noptions=noexec\n[interop]\nenabled=0\n", {}, {"mounts": [DRIVE]}, "ok", ""),
        ("[filesystem]\numask=18\n", {}, {}, "ok", "filesystem.umask"),
        ("[filesystem]\numask=7\n", {}, {}, "ok", "No value in /etc/wsl.conf does harm."),
        ("[filesystem]\numask=2\n", {"in_force": ""}, {}, "ok", "No value in /etc/wsl.conf does harm."),
        ("[filesystem]\numask=9\n", {}, {}, "critical", "decimal"),
        ("[filesystem]\numask=22\n", {}, {}, "critical", "decimal"),
    ],
)
def test_a_value_in_force_is_judged_by_what_it_does_here(
    text: str, more: dict[str, Any], seen: dict[str, Any], status: str, said: str
) -> None:
    in_force = more.get("in_force")
    machine = {"pid1_comm": "init", **more}
    if in_force is not None:
        machine["in_force_mtime"] = 3000.0
    seen = {"wsl": facts(text, mountinfo="", **machine), "conf": text, "mounts": [], **seen}
    checks = {check.id: check for check in doctor_wsl.judge(seen | {"fstab": READ_FSTAB | seen.get("fstab", {})})}
    assert (checks["WT-023"].status, said in checks["WT-023"].reason) == (status, True), checks["WT-023"].reason


@pytest.mark.parametrize(("more", "status"), [({}, "ok"), ({"in_force": "", "in_force_mtime": 3000.0}, "warning")])
def test_where_wsl_mounts_nothing_of_fstab_it_misses_none(more: dict[str, Any], status: str) -> None:
    seen = {"wsl": facts(UNMOUNTED, **more), "conf": UNMOUNTED, "fstab": {"text": None}}
    assert {check.id: check.status for check in doctor_wsl.judge(seen)}["WT-027"] == status


READ_FSTAB = {"text": "", "there": {}, "kinds": [], "modules": True, "mounted": []}


def test_written_and_not_in_force() -> None:
    check = conf("[boot]\nsystemd=true\n", pid1_comm="init")["WT-024"]
    assert check.status == "warning" and "boot.systemd is True there and False in force" in check.reason
    assert check.command.startswith("wsl.exe --terminate")
    powerless = conf("[boot]\nsystemd=true\n", can_start_systemd=False)["WT-024"]
    assert powerless.status == "warning" and "/sbin/init" in powerless.reason


def test_an_unreadable_wsl_conf_is_unknown() -> None:
    machine = facts(None, errors={"conf": "/etc/wsl.conf cannot be read: Permission denied."})
    assert {check.status for check in doctor_wsl.judge_conf(machine, None)} == {"unknown"}


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ({"offered": "/mnt/wslg/.X11-unix", "visible": False, "tmp_fstype": "tmpfs", "folder": ""}, "warning"),
        ({"offered": "/mnt/wslg/.X11-unix", "visible": True, "tmp_fstype": "tmpfs"}, "ok"),
        ({"offered": None, "visible": False, "tmp_fstype": "tmpfs"}, "ok"),
        ({"offered": "/mnt/wslg/.X11-unix", "visible": False, "tmp_fstype": None}, "ok"),
    ],
)
def test_wslg_behind_a_tmpfs(found: dict[str, Any], status: str) -> None:
    assert doctor_wsl.judge_wslg(found, True).status == status
    assert doctor_wsl.judge_wslg(found, False).status == "ok"


def test_what_the_folder_of_wslg_is_called_is_quoted_in_the_command() -> None:
    found = {"offered": "/mnt/a;id/wslg/.X11-unix", "visible": False, "tmp_fstype": "tmpfs", "folder": ""}
    assert " '/mnt/a;id/wslg/.X11-unix' /tmp/.X11-unix" in (doctor_wsl.judge_wslg(found, True).command or "")


@pytest.mark.parametrize(
    ("folder", "first"),
    [
        ("", "sudo mkdir /tmp/.X11-unix && sudo mount "),
        ("root", "sudo mount "),
        ("another", "sudo rm -r /tmp/.X11-unix && sudo mkdir /tmp/.X11-unix && sudo mount "),
        # Where /tmp gives no answer.
        (None, "sudo mkdir /tmp/.X11-unix && sudo mount "),
    ],
)
def test_no_link_of_another_account_has_the_command_for_wslg_mount_elsewhere(folder: str | None, first: str) -> None:
    """Any account can put one into /tmp, and mount(8) follows it; mkdir(1) does not, and what root made there stays."""
    found = {"offered": "/mnt/wslg/.X11-unix", "visible": False, "tmp_fstype": "tmpfs", "folder": folder}
    assert doctor_wsl.judge_wslg(found, True).command == f"{first}-o bind,ro /mnt/wslg/.X11-unix /tmp/.X11-unix"


@pytest.mark.parametrize("kind", ["", "root", "another"])
def test_whose_folder_the_one_for_wslg_is(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "place"
    if kind == "root":
        if os.geteuid() != 0:
            pytest.skip("needs root, whose folder it is")
        place.mkdir()
    elif kind == "another":
        place.symlink_to("/")
    assert doctor_observe.whose_folder(str(place)) == kind


def wslconfig(text: str | None) -> list[str]:
    return [check.status for check in doctor_wsl.judge_wslconfig(text, "/mnt/c/Users/ada/.wslconfig")][:2]


def test_a_kernel_that_runs_here_is_judged_by_what_it_has() -> None:
    text = "[wsl2]\nkernel=C:\\\\k\n"

    def status(works: bool) -> str:
        return doctor_wsl.judge_wslconfig(text, "/mnt/c/Users/ada/.wslconfig", kernel_works=works)[1].status

    assert (status(False), status(True)) == ("critical", "ok")
    assert doctor_wsl.does_kernel_work(1.0, 2.0, [])
    for case in ((3.0, 2.0, []), (None, 2.0, []), (1.0, None, []), (1.0, 2.0, ["tun"])):
        assert not doctor_wsl.does_kernel_work(*case)


def test_what_a_kernel_lacks() -> None:
    built_in = {"/sys/module/overlay", "/sys/module/bridge", "/dev/net/tun", "/sys/module/nf_tables"}
    assert doctor_observe.kernel_lacks("6.6-own", built_in.__contains__) == []
    assert doctor_observe.kernel_lacks("6.6-own", {"/lib/modules/6.6-own/modules.dep"}.__contains__) == []
    assert doctor_observe.kernel_lacks("6.6-own", (built_in - {"/dev/net/tun"}).__contains__) == ["tun"]


def test_wslconfig() -> None:
    assert wslconfig(None) == wslconfig("") == ["ok", "ok"]
    assert wslconfig("\ufeff[wsl2]\r\nmemory=8GB # half\r\nswapFile=C:\\\\temp\\\\swap.vhdx\r\n") == ["ok", "ok"]
    assert wslconfig("[wsl2]\nswapFile=C:\\temp\\swap.vhdx\n") == ["warning", "ok"]
    assert wslconfig("[wsl2]\nmemory=8GB\nmemory=4GB\n") == ["warning", "ok"]
    assert wslconfig("; old\n") == ["warning", "ok"]
    assert wslconfig("[experimental]\nsparseVhd=true\n") == ["ok", "critical"]
    assert wslconfig("[experimental]\nsparseVhd=1\n") == ["ok", "critical"]
    assert wslconfig("[experimental]\nautoMemoryReclaim=gradual\n") == ["ok", "critical"]
    assert wslconfig("[experimental]\nautoMemoryReclaim=disabled\n") == ["ok", "ok"]


def test_keys_of_wslconfig_are_those_of_the_windows_side() -> None:
    text = (Path(__file__).parents[5] / "plugins/module_utils/windows/WslConfig.psm1").read_text(encoding="ascii")
    assert re.findall(r"New-Key '([A-Za-z0-9.]+)'", text) == list(wsl_wslconfig.KEYS)
    aliases = re.findall(r"-Aliases '([A-Za-z.]+)'", text)
    assert aliases == [alias for key in wsl_wslconfig.KEYS.values() for alias in key.aliases]
    assert wslconfig("[wsl2]\npageReporting=true\n") == ["warning", "ok"]
    assert wslconfig("[wsl2]\nnetworkingMode=nat\n[experimental]\nnetworkingMode=mirrored\n") == ["warning", "ok"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("memory=1.5GB", "line 2: wsl2.memory takes a whole number with one of B, K, KB"),
        ("memory=1.5GB", "not '1.5GB'; WSL keeps its default"),
        ("memory=8Gb", "not '8Gb'"),
        ("memory=8 GB", "not '8 GB'"),
        ("memory=50%", "not '50%'"),
        ("processors=half", "wsl2.processors takes a whole number, not 'half'"),
        ("localhostForwarding=yes", "wsl2.localhostForwarding takes true or false, not 'yes'"),
        ("networkingMode=Mirror", "wsl2.networkingMode takes one of none, nat, bridged, mirrored"),
        ('memory="8GB', 'line 2: the value has a " that is not closed on its line, so WSL skips the line'),
        ("swapFile=C:\\temp\\s.vhdx\nkernel=C:\\k\\\nprocessors=4\nx", "line 5: a key has only letters"),
        ("swapFile=%USERPROFILE%\\\\swap.vhdx", "wsl2.swapFile has %USERPROFILE%, which WSL is not known to replace"),
        ("kernel=C:\\tmp\\\\k", "wsl2.kernel is 'C:\\tmp\\\\k' to WSL because a backslash must be written twice"),
        ("macAddress=x", "WSL does not start"),
        ("virtio9p=true", "wsl2.virtio9p=true has no effect"),
        ("[general", "takes the keys below it for other ones"),
        ("processors=4\n\x1a\nprocessors=2", ""),
        ('memory="8GB"', ""),
        ("\tPROCESSORS = 0x4 # four", ""),
        ("memory=\\\n8GB", ""),
        ("ignoredPorts=1\n[experimental]\nignoredPorts=1", "experimental.ignoredPorts has no effect without"),
    ],
)
def test_what_wsl_does_not_follow_in_wslconfig(lines: str, said: str) -> None:
    check = doctor_wsl.judge_wslconfig(f"[wsl2]\n{lines}\n", "x")[0]
    assert (check.id, check.status) == ("WT-025", "warning" if said else "ok"), check.reason
    assert said in check.reason


def test_a_key_of_the_other_file_is_named_as_one() -> None:
    for section in ("boot", "automount", "INTEROP", "network", "user", "gpu", "time", "fileServer", "filesystem"):
        check = doctor_wsl.judge_wslconfig(f"[{section}]\nsystemd=true\n", "x")[0]
        assert f"'{section}.systemd': [{section}] is a section of /etc/wsl.conf" in check.reason
    for section in ("wsl2", "Experimental"):
        reason = conf(f"[{section}]\nsparseVhd=true\n")["WT-022"].reason
        assert f"'{section}.sparseVhd': [{section}] is a section of .wslconfig" in reason
    # A key that is close enough is the better advice, and what both files have says nothing.
    assert "boot.memory'; wsl2.memory is one" in doctor_wsl.judge_wslconfig("[boot]\nmemory=4GB\n", "x")[0].reason
    assert "section of" not in conf("[general]\nx=1\n[nothing]\ny=2\n")["WT-022"].reason


def test_a_key_above_any_section_is_named_as_it_stands_there() -> None:
    check = doctor_wsl.judge_wslconfig("memory=4GB\n[wsl2]\nprocessors=2\n", "x")[0]
    assert "line 1: WSL knows no key 'memory'; wsl2.memory is one." in check.reason
    reason = conf("systemd=true\n[boot]\n")["WT-022"].reason
    assert "line 1: WSL knows no key 'systemd'; boot.systemd is one" in reason


def encoded(data: bytes) -> list[doctor_check.Check]:
    return doctor_wsl.judge_wslconfig(data.decode("utf-8", "surrogateescape"), "x", 4, 8 << 30)


def test_encodings_of_wslconfig() -> None:
    text = "[wsl2]\r\nmemory=8GB\r\nprocessors=63\r\n"
    read = encoded(b"\xff\xfe" + text.encode("utf-16-le"))
    assert [check.status for check in read] == ["ok", "ok", "warning"]
    assert "UTF-16" in read[0].reason and "byte order mark" in read[0].reason
    assert "processors=63" in read[2].reason and "does not read a file in UTF-16" in read[2].reason
    assert encoded(b"\xef\xbb\xbf" + text.encode())[0].reason == "WSL follows every line of .wslconfig."
    for data, said in (
        (b"\xfe\xff" + text.encode("utf-16-be"), "big-endian UTF-16"),
        (text.encode("utf-16-le"), "NUL bytes"),
        (b"\xff\xfe[", "cut off"),
    ):
        checks = encoded(data)
        assert [check.status for check in checks] == ["warning", "ok", "ok"] and said in checks[0].reason
        assert "UTF-8" in checks[0].command
    assert encoded(b"# caf\xe9\n[wsl2]\nvmSwitch=caf\xe9\n")[0].status == "warning"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("memory=8", "line 2: memory=8: WSL reads that as 8 bytes"),
        ("swap=0\nmemory=4GB", "swap=0: without swap the kernel kills"),
        ("safeMode=1", "line 2: safeMode=1: distros would have neither"),
        ("kernelCommandLine=quiet mitigations=off", "protection against attacks"),
        ("vmIdleTimeout=0", "less than a second"),
        ("[experimental]\nsparseVhd=true", "line 3: sparseVhd=true: Microsoft has switched sparse disks off"),
    ],
)
def test_the_doctor_judges_wslconfig_as_the_role_does(lines: str, said: str) -> None:
    check = doctor_wsl.judge_wslconfig(f"[wsl2]\n{lines}\n", "x")[1]
    assert (check.id, check.status) == ("WT-026", "critical") and said in check.reason


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("processors=4", "ok"),
        ("processors=8", "warning"),
        ("processors=0", "ok"),
        ("memory=8GB", "ok"),
        ("memory=16GB", "warning"),
        ("memory=4GB", "warning"),
        ("memory=8gb", "ok"),
        ("", "ok"),
    ],
)
def test_what_the_running_machine_shows_of_wslconfig(text: str, status: str) -> None:
    check = doctor_wsl.judge_wslconfig(f"[wsl2]\n{text}\n", "x", cpus=4, memory=8050 << 20)[2]
    assert (check.id, check.status) == ("WT-030", status)


def test_where_windows_cannot_be_asked_it_is_unknown() -> None:
    seen = {"wsl": facts(""), "conf": "", "mounts": [], "windows": {"reason": "the drive C: is not mounted"}}
    checks = {check.id: check for check in doctor_wsl.judge(seen)}
    assert checks["WT-025"].status == "unknown" and "C: is not mounted" in checks["WT-025"].reason


@pytest.mark.parametrize(("since", "started"), [(None, 30_000.0), (1_005.0, 1_005.0), (40_000.0, 30_000.0)])
def test_a_sleep_of_windows_puts_no_kernel_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, since: float | None, started: float
) -> None:
    """Linux counts its start back from now: with a clock that was set forward, from after the file was written."""
    monkeypatch.setattr(doctor_observe, "read", {"/proc/stat": "btime 30000\n"}.get)
    monkeypatch.setattr(doctor_observe.wsl_observe, "find_run_since", lambda: since)
    assert doctor_observe._kernel(str(tmp_path / "none"))["started"] == started
