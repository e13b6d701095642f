# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo, programs
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe
from ansible_collections.wsltune.go.plugins.module_utils.wsl.judge import Machine, observe

DATA = Path(__file__).parents[1] / "linux" / "data" / "mountinfo"
BTIME, START = 1_700_000_000, 1_700_000_123.45


def pid1(ticks=12345, comm="systemd"):
    return f"1 ({comm}) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 {ticks} 22376448 3000\n"


def machine(name="wsl2_9p", **changes):
    wsl2 = Machine(
        release="6.6.87.2-microsoft-standard-WSL2\n",
        pid1_comm="systemd\n",
        pid2_comm="init-systemd(Ub\n",
        pid1_stat=pid1(),
        stat=f"cpu  1 2 3\nbtime {BTIME}\nprocesses 5\n",
        mountinfo=(DATA / (name + ".txt")).read_text(),
        meminfo="MemTotal: 16000 kB\nMemAvailable: 8000 kB\nSwapTotal: 4000 kB\n",
        hostname="laptop\n",
        environment={"WSL_DISTRO_NAME": "Ubuntu-24.04"},
        has_init=True,
        has_run_wsl=True,
        has_systemd_folder=True,
        binfmt_status="enabled\n",
        binfmt_entries={"WSLInterop": "enabled\ninterpreter /init\nflags: PF\noffset 0\nmagic 4d5a\n"},
        interop_sockets=["1_interop"],
    )
    return replace(wsl2, **changes)


def test_the_folder_of_wslg_is_none_that_an_account_mounted() -> None:
    table = (DATA / "wsl2_9p.txt").read_text()
    fuse = "900 31 0:99 / {} rw,nosuid,nodev - {} eve rw,user_id=1002,group_id=1002,allow_other\n"
    theirs = fuse.format("/home/eve/wslg", "fuse.sshfs") + fuse.format("/home/eve/a/wslg", "fuse")
    assert wsl_judge.wslg_folders(mountinfo.parse(theirs + table)) == ["/mnt/wslg"]
    assert wsl_judge.wslg_folders(mountinfo.parse(theirs)) == []


WSL1 = {
    "name": "wsl1",
    "release": "4.4.0-19041-Microsoft\n",
    "pid1_comm": "init\n",
    "has_systemd_folder": False,
    "hostname": None,
}
LINUX = {
    "name": "linux",
    "release": "6.12.0-amd64\n",
    "environment": {},
    "has_init": False,
    "has_run_wsl": False,
    "binfmt_entries": {},
    "interop_sockets": [],
}


@pytest.mark.parametrize(
    ("changes", "is_wsl", "version"),
    [
        ({}, True, 2),
        (WSL1, True, 1),
        (LINUX, False, None),
        ({"has_run_wsl": False}, True, 2),
        ({"has_run_wsl": False, "binfmt_entries": {}}, False, None),
        ({"release": "6.18.0-custom\n"}, True, 2),
        ({"release": "6.18.0-custom\n", "has_run_wsl": False}, False, None),
        ({"release": None}, True, 2),
        # A container on WSL2: its kernel, and in some images an /init of their own.
        ({"name": "docker_container_on_wsl2", "has_init": False}, False, None),
        (
            {"name": "docker_container_on_wsl2", "has_run_wsl": False, "binfmt_entries": {}, "binfmt_status": None},
            False,
            None,
        ),
    ],
)
def test_detection(changes, is_wsl, version):
    facts = observe(machine(**changes))
    assert (facts["is_wsl"], facts["version"]) == (is_wsl, version)
    json.dumps(facts)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "Ubuntu-24.04"),
        ({"environment": {}}, None),
        ({"environment": {}, "root_in_windows": "\\\\wsl.localhost\\Debian\\\n"}, "Debian"),
        ({"environment": {}, "root_in_windows": "\\\\wsl$\\My Distro\\\r\n"}, "My Distro"),
        ({"environment": {}, "pid1_comm": "init(Debian)\n"}, "Debian"),
        ({"environment": {}, "pid2_comm": "init-systemd(D)\n"}, "D"),
        (LINUX, None),
    ],
)
def test_distro(changes, name):
    facts = observe(machine(**changes))
    assert facts["distro"] == name
    assert ("distro" in facts["unknown"]) == (name is None and facts["is_wsl"])


@pytest.mark.parametrize(
    ("changes", "enabled", "reason"),
    [
        ({}, True, None),
        ({"binfmt_entries": {}}, False, "no entry WSLInterop"),
        ({"binfmt_entries": {"WSLInterop-late": "disabled\n"}}, False, "entry WSLInterop is disabled"),
        ({"binfmt_status": "disabled\n"}, False, "binfmt_misc is disabled"),
        ({"interop_sockets": []}, False, "no interop socket"),
        ({"binfmt_entries": {}, "binfmt_status": None}, None, "not mounted"),
        (LINUX, False, "not WSL"),
    ],
)
def test_interop(changes, enabled, reason):
    found = observe(machine(**changes))
    assert found["interop"]["enabled"] is enabled
    assert found["interop"]["reason"] is None if reason is None else reason in found["interop"]["reason"]
    assert ("interop" in found["unknown"]) == (enabled is None)


def test_start_and_memory():
    facts = observe(machine(pid1_stat=pid1(comm="a) S (b")))
    assert facts["started_at"] == START
    assert facts["memory"]["available_bytes"] == 8000 * 1024
    assert facts["kernel"] == "6.6.87.2-microsoft-standard-WSL2"
    assert [mount["mount_point"] for mount in facts["mounts"] if mount["windows_drive"]][:2] == ["/mnt/c", "/mnt/d"]


def test_what_cannot_be_read_is_null_and_told():
    errors = {"mounts": "/proc/self/mountinfo cannot be read: Permission denied.", "conf": "no"}
    facts = observe(Machine(errors=errors))
    assert facts["is_wsl"] is False
    assert [facts[name] for name in ("systemd", "memory", "mounts", "started_at", "kernel")] == [None] * 5
    assert (facts["conf"]["exists"], facts["conf"]["settings"]) == (None, None)
    assert set(facts["unknown"]) == {"mounts", "conf", "started_at"}


def test_broken_mountinfo_is_told():
    assert "line 1" in observe(machine(mountinfo="x"))["unknown"]["mounts"]


def test_conf_with_bytes_that_are_no_utf8():
    facts = observe(machine(conf="[user]\ndefault=caf\udce9\n; x\n", conf_mtime=START - 1))
    assert facts["conf"]["settings"] == {"user.default": "caf\\xe9"}
    assert facts["conf"]["complete"] is False
    assert facts["conf"]["warnings"][0]["line"] == 3
    assert facts["conf"]["warnings"][0]["kind"] == "InvalidKey"


BEFORE, AFTER = START - 100, START + 100
MASKED = "metadata,umask=022"


@pytest.mark.parametrize(
    ("conf", "mtime", "changes", "pending"),
    [
        (None, None, {}, {}),
        ("[boot]\nsystemd=true\n", AFTER, {}, {}),
        (
            "[boot]\nsystemd=true\n",
            BEFORE,
            {"has_systemd_folder": False, "pid1_comm": "init(Debian)"},
            {"boot.systemd": (True, False)},
        ),
        ("[boot]\nsystemd=0\n", AFTER, {}, {"boot.systemd": (False, True)}),
        (
            "[boot]\nsystemd=true\n",
            AFTER,
            {"has_systemd_folder": False, "pid1_comm": None},
            {"boot.systemd": (True, None)},
        ),
        ("[boot]\nsystemd=true\n", AFTER, WSL1, {}),
        (
            "[boot]\nsystemd=true\n",
            AFTER,
            {"has_systemd_folder": False, "pid1_comm": "init", "can_start_systemd": False},
            {},
        ),
        # The live drives have metadata and umask=22.
        (f"[automount]\noptions={MASKED}\n", AFTER, {}, {}),
        (
            "[automount]\noptions=metadata\n",
            AFTER,
            {},
            {"automount.options": ("metadata", "uid=1000,gid=1000,metadata,umask=22")},
        ),
        (
            "[automount]\noptions=metadata,umask=22,case=dir\n",
            AFTER,
            {},
            {"automount.options": ("metadata,umask=22,case=dir", ...)},
        ),
        (
            "[automount]\noptions=metadata,umask=22,uid=0\n",
            AFTER,
            {},
            {"automount.options": ("metadata,umask=22,uid=0", ...)},
        ),
        # A mount of someone's own that stays different across restarts is no pending change.
        ("[automount]\noptions=metadata\n", BEFORE, {}, {}),
        ("[automount]\noptions=cache=loose\n", AFTER, {}, {"automount.options": ("cache=loose", None)}),
        (
            "[automount]\noptions=metadata\n",
            AFTER,
            {"name": "wsl2_virtiofs_guid"},
            {"automount.options": ("metadata", None)},
        ),
        ("[automount]\noptions=metadata\n", BEFORE, {"name": "wsl2_virtiofs_guid"}, {}),
        ("[automount]\noptions=metadata,umask=22,fmask=111\n", AFTER, WSL1, {}),
        ("[automount]\nroot=/mnt/\n", AFTER, {}, {}),
        ("[automount]\nroot=/\n", AFTER, {}, {"automount.root": ("/", "/mnt")}),
        ("[network]\nhostname=laptop\n", AFTER, {}, {}),
        ("[network]\nhostname=other\n", AFTER, {}, {"network.hostname": ("other", None)}),
        ("[filesystem]\numask=077\n", AFTER, {}, {"filesystem.umask": (0o77, None)}),
        ("[filesystem]\numask=077\n", BEFORE, {}, {}),
        ("[filesystem]\numask=022\n", AFTER, {}, {}),
        ("[filesystem]\numask=077\n", AFTER, LINUX, {}),
        ("[filesystem]\numask=077\n", AFTER, {"pid1_stat": None}, {"filesystem.umask": (0o77, None)}),
    ],
)
def test_pending(conf, mtime, changes, pending):
    links = {"6f1a0b5e-3c51-4c0e-9d5b-0d4f7f1f2a11": "C:\\"}
    facts = observe(machine(conf=conf, conf_mtime=mtime, virtiofs_links=links, **changes))
    found = {name: (one["written"], one["in_force"]) for name, one in facts["conf"]["pending"].items()}
    assert set(found) == set(pending)
    for name, (written, in_force) in pending.items():
        assert found[name][0] == written
        assert in_force is ... or found[name][1] == in_force
    assert (facts["conf"]["restart_command"] is not None) == bool(pending)


@pytest.mark.parametrize(
    ("conf", "in_force", "in_force_mtime", "pending"),
    [
        ("[filesystem]\numask=077\n", "[filesystem]\numask=027\n", AFTER, {"filesystem.umask": (0o77, 0o27)}),
        ("[filesystem]\numask=077\n", "", AFTER, {"filesystem.umask": (0o77, 0o22)}),
        ("# none\n", "[filesystem]\numask=027\n", AFTER, {"filesystem.umask": (None, 0o27)}),
        ("[filesystem]\numask=0x3f\n", "[filesystem]\numask=077\n", AFTER, {}),
        ("[filesystem]\numask=022\n", "", AFTER, {}),
        # Left from an earlier start, where /run is no tmpfs.
        ("[filesystem]\numask=077\n", "[filesystem]\numask=027\n", BEFORE, {"filesystem.umask": (0o77, None)}),
    ],
)
def test_pending_with_the_text_at_the_start(conf, in_force, in_force_mtime, pending):
    changed = machine(conf=conf, conf_mtime=AFTER, in_force=in_force, in_force_mtime=in_force_mtime)
    found = observe(changed)["conf"]["pending"]
    assert {name: (one["written"], one["in_force"]) for name, one in found.items()} == pending


def test_after_a_sleep_of_windows_what_waits_still_waits():
    """The clock was set forward by eight hours, and the start that the kernel counts back moved with it."""
    hour, sleep = 3600, 8 * 3600
    slept = {"stat": f"btime {BTIME + sleep}\n", "run_since": START + 1, "conf_mtime": START + hour}
    text = "[filesystem]\numask=077\n"
    known = machine(conf=text, in_force="[filesystem]\numask=027\n", in_force_mtime=START + hour, **slept)
    for changed, in_force in ((known, 0o27), (machine(conf=text, **slept), None)):
        found = observe(changed)["conf"]["pending"]
        assert {name: (one["written"], one["in_force"]) for name, one in found.items()} == {
            "filesystem.umask": (0o77, in_force)
        }
    assert observe(known)["started_at"] == START + 1
    assert observe(replace(known, run_since=None))["started_at"] == START + sleep


def test_settings_without_effect():
    facts = observe(machine(conf="[boot]\nsystemd=true\n", can_start_systemd=False, has_systemd_folder=False))
    assert "/sbin/init" in facts["conf"]["notes"][0]
    assert "WSL1" in observe(machine(conf="[boot]\nsystemd=true\n", **WSL1))["conf"]["notes"][0]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("Ubuntu-24.04", "wsl.exe --terminate Ubuntu-24.04"),
        ("My Distro", 'wsl.exe --terminate "My Distro"'),
        ("", "wsl.exe --terminate <name of this distro, see wsl.exe --list>"),
    ],
)
def test_restart_command(name, command):
    assert wsl_judge.restart_command(machine(environment={"WSL_DISTRO_NAME": name})) == command
    assert wsl_judge.restart_command(machine(**LINUX)) is None


def write(root, path, text):
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text.encode("utf-8", "surrogateescape"))
    return target


def test_collect_reads_only_below_its_root(tmp_path):
    wanted = machine(environment={"WSL_DISTRO_NAME": "Recorded", "A": "b=c"})
    for path, text in {
        "/proc/sys/kernel/osrelease": wanted.release,
        "/proc/sys/kernel/hostname": wanted.hostname,
        "/proc/1/comm": "init(Recorded)\n",
        "/proc/1/stat": wanted.pid1_stat,
        "/proc/stat": wanted.stat,
        "/proc/self/mountinfo": wanted.mountinfo,
        "/proc/self/environ": "WSL_DISTRO_NAME=Recorded\0A=b=c\0",
        "/proc/meminfo": wanted.meminfo,
        "/proc/sys/fs/binfmt_misc/status": "enabled\n",
        "/proc/sys/fs/binfmt_misc/WSLInterop": "enabled\n",
        "/run/WSL/1_interop": "",
        "/init": "",
        "/etc/other.conf": "[boot]\nsystemd=true\n",
        wsl_judge.IN_FORCE: "",
    }.items():
        write(tmp_path, path, text)
    (tmp_path / "run/wsl/virtiofs").mkdir(parents=True)
    (tmp_path / "run/wsl/virtiofs/TAG").symlink_to("C:\\")
    os.utime(tmp_path / "etc/other.conf", (START + 5, START + 5))
    found = wsl_observe.collect(str(tmp_path) + "/", "/etc/other.conf")
    assert found.errors == {}
    assert found.environment == wanted.environment
    assert found.virtiofs_links == {"TAG": "C:\\"}
    facts = observe(found)
    assert (facts["is_wsl"], facts["version"], facts["distro"], facts["systemd"]) == (True, 2, "Recorded", False)
    assert facts["interop"]["enabled"] is True
    # No /sbin/init below this root.
    assert facts["conf"]["pending"] == {} and len(facts["conf"]["notes"]) == 1
    sbin = write(tmp_path, "/sbin/init", "")
    sbin.chmod(0o755)
    pending = observe(wsl_observe.collect(str(tmp_path), "/etc/other.conf"))["conf"]
    assert pending["pending"] == {"boot.systemd": {"written": True, "in_force": False}}
    assert pending["restart_command"] == "wsl.exe --terminate Recorded"


def test_the_start_is_not_after_what_was_made_in_run(tmp_path):
    mounted = (DATA / "wsl2_9p.txt").read_text()
    write(tmp_path, "/proc/self/mountinfo", mounted)
    assert wsl_observe.find_run_since(str(tmp_path)) is None
    first = write(tmp_path, "/run/first", "")
    since = first.stat().st_ctime
    os.utime(first, (1, 1))
    write(tmp_path, "/run/later", "")
    assert wsl_observe.collect(str(tmp_path)).run_since == wsl_observe.find_run_since(str(tmp_path)) >= since
    # A folder that is kept over a start says nothing of it.
    write(tmp_path, "/proc/self/mountinfo", "\n".join(line for line in mounted.splitlines() if " /run " not in line))
    assert wsl_observe.find_run_since(str(tmp_path)) is None


def test_collect_tells_what_it_cannot_read(tmp_path):
    (tmp_path / "etc/wsl.conf").mkdir(parents=True)
    found = wsl_observe.collect(str(tmp_path))
    assert found.errors == {"conf": "/etc/wsl.conf cannot be read: Is a directory."}


def test_collect_on_an_empty_root(tmp_path):
    assert observe(wsl_observe.collect(str(tmp_path)))["is_wsl"] is False


def test_the_distro_is_asked_for_only_where_nothing_else_tells(tmp_path, monkeypatch):
    asked = []

    def run_command(command, handle_exceptions):
        asked.append(command)
        return 0, "\\\\wsl.localhost\\Asked\\\n", ""

    def missing(command, handle_exceptions):
        raise FileNotFoundError

    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(programs, "SEARCHED", str(folder))
    monkeypatch.setattr(wsl_judge, "is_wsl", lambda found: True)
    monkeypatch.setattr(wsl_judge, "distro", lambda found: None)
    # What another account put into PATH is not asked.
    (tmp_path / "wslpath").write_text("#!/bin/sh\n")
    (tmp_path / "wslpath").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert wsl_observe.collect(run_command=run_command).root_in_windows is None and asked == []
    (tmp_path / "wslpath").rename(folder / "wslpath")
    assert wsl_observe.collect(run_command=run_command).root_in_windows == "\\\\wsl.localhost\\Asked\\\n"
    assert wsl_observe.collect(run_command=missing).root_in_windows is None
    assert wsl_observe.collect(str(tmp_path), run_command=run_command).root_in_windows is None
    monkeypatch.setattr(wsl_judge, "distro", lambda found: "Known")
    assert wsl_observe.collect(run_command=run_command).root_in_windows is None
    assert asked == [[str(folder / "wslpath"), "-w", "/"]]
