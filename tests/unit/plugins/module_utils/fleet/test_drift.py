# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Drifts planted in the files of a machine that was set up, each with state and remedy; and machines without any."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.fleet import adopt, drift, observe
from ansible_collections.wsltune.go.plugins.module_utils.go import applied as go_applied
from ansible_collections.wsltune.go.plugins.module_utils.go import envfile, tool_gc
from ansible_collections.wsltune.go.plugins.module_utils.go import plan as go_plan
from ansible_collections.wsltune.go.plugins.module_utils.go import shims as go_shims
from ansible_collections.wsltune.go.plugins.module_utils.linux import fstab
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import observe as tmpfs_observe
from ansible_collections.wsltune.go.plugins.module_utils.tmpfs import plan as tmpfs_plan
from ansible_collections.wsltune.go.plugins.module_utils.workspace import places
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf as wsl_conf
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import launchers

MEMORY = {"total_bytes": 16 << 30, "available_bytes": 8 << 30, "swap_total_bytes": 4 << 30}
WSL_CONF = {
    "boot.systemd": True,
    "interop.appendWindowsPath": False,
    "network.hostname": "laptop",
    "automount.options": "metadata",
    "boot.initTimeout": "20000",
    "time.useWindowsTimezone": False,
}
GO = {"GOTMPDIR": "/var/cache/gotmp/1000", "GOFLAGS": "-p=4", "GOCACHE": "/home/alice/.cache/go-build"}
SOURCE, TARGET = "/mnt/c/shop", "/home/alice/src/shop"
BIND = fstab.Line(TARGET, SOURCE, "none", ("bind", "nofail", places.MARK))
START = {"restart_command": "wsl.exe --terminate Debian"}


@dataclass
class Bed:
    """A machine after a run: its files below a folder, the record of that run, and what was declared."""

    folder: Path
    mounted: bool = True
    bound: bool = True
    pending: dict[str, Any] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    live: dict[str, Any] = field(default_factory=dict)
    person: list[int] | None = field(default_factory=lambda: [0o700, 1000, 1000])
    is_root: bool = True
    declared: dict[str, Any] = field(default_factory=dict)
    projects: dict[str, Any] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        return self.folder / name.lstrip("/")

    @property
    def conf(self) -> Path:
        return self.path("/etc/wsl.conf")

    @property
    def env(self) -> Path:
        return self.path("/home/alice/.config/go/env")

    @property
    def table(self) -> Path:
        return self.path("/etc/fstab")

    @property
    def shim(self) -> Path:
        return self.path("/usr/local/go/bin/go")

    @property
    def size(self) -> int:
        return tmpfs_plan.plan_size("auto", MEMORY)

    def apply(self) -> None:
        record = journal.Journal(str(self.folder / "state"), run="1700000000.5")
        for path, before in ((self.conf, "# mine\n"), (self.table, "LABEL=x / ext4 defaults 0 1\n")):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(before)
        write = functools.partial(record.write, mode=0o644)
        write(str(self.conf), wsl_conf.merge("# mine\n", WSL_CONF).encode(), role="wsl_conf")
        launcher = os.path.join(wsl_judge.LAUNCHERS, "clip.exe")
        write(launcher, launchers.launcher("/mnt/c/Windows/System32/clip.exe").encode(), role="wsl_conf")
        lines = [*tmpfs_plan.wanted_lines("/var/cache/gotmp", self.size, 0, False), BIND]
        for role, mark, part in (("go_tmpfs", fstab.MARK, lines[:1]), ("workspace", places.MARK, lines[1:])):
            text = fstab.with_lines(self.table.read_text(), part, mark)
            write(str(self.table), text.encode(), role=role, shared=True)
        folders = tmpfs_plan.folders_text("/var/cache/gotmp", [(1000, 1000)])
        write(tmpfs_plan.FOLDERS_PATH, folders.encode(), role="go_tmpfs")
        write(str(self.env), envfile.merge("GOPROXY=https://u:secret@proxy\n", GO).encode(), role="go_env")
        pattern = "/var/cache/gotmp/{uid}"
        write(go_plan.PROFILE_PATH, go_plan.profile_text(pattern).encode(), role="go_env")
        write(go_plan.FISH_PATH, go_plan.fish_text(pattern).encode(), role="go_env")
        for path in map(Path, go_plan.BLOCK_PATHS):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("# theirs\n")
            write(str(path), go_plan.with_block("# theirs\n").encode(), role="go_env")
        self.shim.parent.mkdir(parents=True)
        self.shim.write_bytes(b"\x7fELF")
        record.displace(str(self.shim), go_shims.shim_text(f"{self.shim}.distrib").encode(), role="go_env")
        options = self.wishes()["go_env"]
        journal.write_record(go_applied.RECORD, {"settings": {"alice": GO}, "options": options}, record.root)

    def wishes(self) -> dict[str, Any]:
        return {
            "states": {},
            "wsl_conf": {
                "content": wsl_conf.merge("", WSL_CONF),
                "removed": [],
                "launchers": True,
                "force": False,
                "by_levers": [],
            },
            "go_tmpfs": {"kind": "gotmpdir", "size": "auto", "inodes": 0, "users": ["alice"], "left_out": {}},
            "go_env": {
                "users": ["alice"],
                "gotmpdir": "/var/cache/gotmp/{uid}",
                "gotmpdir_left_out": [],
                "gocache": "~/.cache/go-build",
                "gomodcache": "",
                "goflags": "-p=4",
                "cgo_enabled": "false",
                "caches_local": True,
            },
            "projects": [{"source": SOURCE, "target": TARGET, "bind": True}],
        }

    def facts(self) -> dict[str, Any]:
        machine = wsl_judge.Machine(release="6.6 microsoft-standard-WSL2", has_init=True, has_run_wsl=True)
        try:
            conf: str | None = self.conf.read_text()
        except FileNotFoundError:
            conf = None
        except OSError as error:
            conf, machine.errors["conf"] = None, f"{self.conf} cannot be read: {error.strerror}."
        machine = dataclasses.replace(machine, conf=conf, conf_path=str(self.conf), mountinfo="")
        wsl = wsl_judge.observe(machine)
        wsl["conf"].update(pending=self.pending, restart_command="wsl.exe --terminate Debian")
        wsl["mounts"] = [{"mount_point": SOURCE}] if self.bound else []
        live = {
            "fstype": "tmpfs",
            "source": "wsltune",
            "options": ["nosuid", "nodev"],
            "super_options": [f"size={self.size // 1024}k"],
            "mode": 0o755,
            **self.live,
        }
        table = self.table.read_text() if self.table.is_file() else None
        values = envfile.parse(self.env.read_text()) if self.env.is_file() else {}
        user = {
            "uid": 1000,
            "home": "/home/alice",
            "unknown": self.unknown,
            "exports": self.exports,
            "places": {},
            "settings": {name: {"value": self.exports.get(name, values.get(name, ""))} for name in GO},
            "user_file": {"path": str(self.env), "values": values, "state": "x"},
        }
        return {
            "wsl": wsl,
            "go": {"users": {"alice": user}},
            "go_tmpfs": {
                "path": "/var/cache/gotmp",
                "fstab": table,
                "memory": MEMORY,
                "needs_helper": False,
                "busybox": False,
                "live": live if self.mounted else None,
                "temporary": {"mount_point": "/", "fstype": "ext4", "source": "/dev/sda"},
                "start": START,
                "users": {"alice": {"uid": 1000, "gid": 1000, "folder": self.person}},
            },
            "drift": {
                **observe.observe(str(self.folder / "state"), str(self.conf), self.is_root),
                "projects": self.projects,
            },
        }

    def declare(self) -> dict[str, Any]:
        declared = self.wishes()
        for part, values in self.declared.items():
            declared[part] = {**declared[part], **values} if isinstance(values, dict) else values
        return declared

    def report(self) -> dict[str, Any]:
        return drift.report("laptop", self.facts(), self.declare(), time.time())

    def drifted(self) -> dict[str, str]:
        return {one["id"]: one["state"] for one in self.report()["settings"] if one["state"] != "in_state"}


@pytest.fixture
def bed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bed:
    made = Bed(tmp_path)
    monkeypatch.setattr(tmpfs_observe, "FSTAB", str(made.table))
    monkeypatch.setattr(drift, "FSTAB", str(made.table))
    monkeypatch.setattr(wsl_judge, "LAUNCHERS", str(made.path("/usr/local/bin")))
    for name in ("PROFILE_PATH", "FISH_PATH"):
        monkeypatch.setattr(go_plan, name, str(made.path(getattr(go_plan, name))))
    monkeypatch.setattr(go_plan, "BLOCK_PATHS", tuple(str(made.path(one)) for one in go_plan.BLOCK_PATHS))
    monkeypatch.setattr(tmpfs_plan, "FOLDERS_PATH", str(made.path(tmpfs_plan.FOLDERS_PATH)))
    watched = (go_plan.PROFILE_PATH, go_plan.FISH_PATH, *go_plan.BLOCK_PATHS, tmpfs_plan.FOLDERS_PATH)
    monkeypatch.setattr(observe, "WATCHED", watched)
    made.apply()
    return made


def set_conf(bed: Bed, name: str, value: Any) -> None:
    bed.conf.write_text(wsl_conf.merge(bed.conf.read_text(), {name: value}))


def declare_conf(bed: Bed, name: str, value: Any) -> None:
    bed.declared["wsl_conf"] = {"content": wsl_conf.merge("", {**WSL_CONF, name: value})}


def set_go(bed: Bed, name: str, value: str | None) -> None:
    bed.env.write_text(envfile.merge(bed.env.read_text(), {name: value}))


def set_line(bed: Bed, was: str, now: str) -> None:
    text = bed.table.read_text()
    assert was in text
    bed.table.write_text(text.replace(was, now))


def without_line(bed: Bed, mount_point: str) -> None:
    lines = [line for line in bed.table.read_text().splitlines(True) if f" {mount_point} " not in line]
    bed.table.write_text("".join(lines))


def edit(path: str) -> None:
    with open(path, "a", encoding="utf-8") as handle:
        handle.write("# edited\n")


OTHER: dict[str, Any] = {
    "boot.systemd": False,
    "interop.appendWindowsPath": True,
    "network.hostname": "other",
    "automount.options": "metadata,case=dir",
    "boot.initTimeout": "30000",
    "time.useWindowsTimezone": True,
}
THIRD: dict[str, Any] = {
    "network.hostname": "third",
    "automount.options": "case=off",
    "boot.initTimeout": "15000",
}
Plant = Callable[[Bed], object]
Planted = tuple[str, Plant, dict[str, str]]


def planted() -> list[Planted]:
    """Sixty drifts of ten kinds: what each is called, how it is planted, and the settings that are to show it."""
    found: list[Planted] = []

    def add(kind: str, plant: Plant, **states: str) -> None:
        found.append((kind, plant, {name.replace("__", ":"): state for name, state in states.items()}))

    def to(kind: str, plant: Plant, setting: str, state: str) -> None:
        found.append((kind, plant, {setting: state}))

    for name, value in OTHER.items():
        to(
            "1 a key of wsl.conf changed",
            lambda bed, n=name, v=value: set_conf(bed, n, v),
            f"wsl_conf:{name}",
            "changed",
        )
        to("2 a key of wsl.conf removed", lambda bed, n=name: set_conf(bed, n, None), f"wsl_conf:{name}", "gone")
        if name != "interop.appendWindowsPath":
            plant: Plant = lambda bed, n=name, v=value: declare_conf(bed, n, v)  # noqa: E731
            to("3 a newer declaration", plant, f"wsl_conf:{name}", "not_rolled_out")
        wait: Plant = lambda bed, n=name: bed.pending.update({n: {"in_force": None}})  # noqa: E731
        to("4 not in force before a restart", wait, f"wsl_conf:{name}", "pending_restart")

    def both(bed: Bed, name: str) -> None:
        declare_conf(bed, name, OTHER[name])
        set_conf(bed, name, THIRD[name])

    def same(bed: Bed, name: str) -> None:
        declare_conf(bed, name, OTHER[name])
        set_conf(bed, name, OTHER[name])

    for name in THIRD:
        to("5 both moved", lambda bed, n=name: both(bed, n), f"wsl_conf:{name}", "conflict")
        to("6 as declared by hand", lambda bed, n=name: same(bed, n), f"wsl_conf:{name}", "by_hand")
    flags = {"goflags": "-p=8"}

    def go_both(bed: Bed) -> None:
        bed.declared["go_env"] = flags
        set_go(bed, "GOFLAGS", "-v")

    def go_same(bed: Bed) -> None:
        bed.declared["go_env"] = flags
        set_go(bed, "GOFLAGS", "-p=8")

    to("5 both moved", go_both, "go_env:alice:GOFLAGS", "conflict")
    to("6 as declared by hand", go_same, "go_env:alice:GOFLAGS", "by_hand")
    to("3 a newer declaration", lambda bed: bed.declared.update(go_env=flags), "go_env:alice:GOFLAGS", "not_rolled_out")

    line, mount = "go_tmpfs:fstab:/var/cache/gotmp", "go_tmpfs:mount:/var/cache/gotmp"
    kind = "7 a line of fstab or its mount"
    to(kind, lambda bed: without_line(bed, "/var/cache/gotmp"), line, "gone")
    to(kind, lambda bed: set_line(bed, "size=2097152k", "size=1048576k"), line, "changed")
    to(kind, lambda bed: set_line(bed, "nosuid,nodev,exec", "nosuid,nodev,noexec"), line, "changed")
    to(kind, lambda bed: setattr(bed, "mounted", False), mount, "gone")
    to(kind, lambda bed: bed.live.update(options=["nosuid", "nodev", "noexec"]), mount, "changed")
    to(kind, lambda bed: bed.live.update(super_options=["size=1024k"]), mount, "changed")
    to(kind, lambda bed: bed.live.update(fstype="ext4", source="/dev/sdb"), mount, "changed")
    to(kind, lambda bed: setattr(bed, "person", None), "go_tmpfs:folder:alice", "gone")
    to(kind, lambda bed: setattr(bed, "person", [0o777, 1000, 1000]), "go_tmpfs:folder:alice", "changed")
    to(kind, lambda bed: without_line(bed, SOURCE), f"workspace:bind:{SOURCE}", "gone")
    to(kind, lambda bed: setattr(bed, "bound", False), f"workspace:bind:{SOURCE}", "gone")

    kind = "8 a setting of Go"
    to(kind, lambda bed: set_go(bed, "GOFLAGS", "-v"), "go_env:alice:GOFLAGS", "changed")
    to(kind, lambda bed: set_go(bed, "GOTMPDIR", "/tmp"), "go_env:alice:GOTMPDIR", "changed")
    to(kind, lambda bed: set_go(bed, "GOCACHE", None), "go_env:alice:GOCACHE", "gone")
    to(kind, lambda bed: bed.exports.update(GOFLAGS="-race"), "go_env:alice:GOFLAGS", "changed")

    to(kind, lambda bed: bed.exports.update(GOTMPDIR="/scratch"), "go_env:alice:GOTMPDIR", "changed")

    kind = "9 a file of a role"
    add(kind, lambda bed: os.unlink(go_plan.PROFILE_PATH), go_env__profile="gone")
    add(kind, lambda bed: edit(go_plan.PROFILE_PATH), go_env__profile="changed")
    add(kind, lambda bed: os.unlink(go_plan.FISH_PATH), go_env__fish="gone")
    add(kind, lambda bed: edit(go_plan.FISH_PATH), go_env__fish="changed")
    to(kind, lambda bed: Path(go_plan.BLOCK_PATHS[0]).write_text("# new\n"), "go_env:block:bash.bashrc", "gone")
    add(kind, lambda bed: os.unlink(tmpfs_plan.FOLDERS_PATH), go_tmpfs__folders="gone")
    launcher = "wsl_conf:launcher:clip.exe"
    to(kind, lambda bed: os.unlink(os.path.join(wsl_judge.LAUNCHERS, "clip.exe")), launcher, "gone")
    to(kind, lambda bed: edit(os.path.join(wsl_judge.LAUNCHERS, "clip.exe")), launcher, "changed")
    to(kind, lambda bed: bed.shim.write_bytes(b"\x7fELF newer"), "go_env:command:", "changed")

    def broken(bed: Bed) -> None:
        bed.conf.unlink()
        bed.conf.mkdir()

    def cut_off(bed: Bed) -> None:
        next((bed.folder / "state" / "journal").iterdir()).write_text("{")

    kind = "10 what cannot be read"
    to(kind, lambda bed: bed.unknown.update(environment="the login did not end"), "go_env:alice:GOFLAGS", "unknown")
    to(kind, broken, "wsl_conf:boot.systemd", "unknown")
    to(kind, cut_off, "journal:0", "unknown")
    return found


PLANTED = planted()


def test_sixty_drifts_of_ten_kinds_are_planted() -> None:
    assert (len(PLANTED), len({kind for kind, _plant, _states in PLANTED})) == (60, 10)


@pytest.mark.parametrize(
    ("kind", "plant", "states"), PLANTED, ids=[f"{k} {n}" for n, (k, _p, _s) in enumerate(PLANTED)]
)
def test_a_planted_drift_has_its_state_and_remedy(bed: Bed, kind: str, plant: Plant, states: dict[str, str]) -> None:
    plant(bed)
    report = bed.report()
    shown = {one["id"]: one for one in report["settings"]}
    for setting, state in states.items():
        one = next(shown[name] for name in shown if name.startswith(setting))
        assert (one["id"], one["state"]) == (one["id"], state)
        assert one["remedy"]
        assert one["reason"] if state == "unknown" else not one["reason"]
    want = {2} if set(states.values()) & set(drift.DRIFT) else {3, 0} if "unknown" not in states.values() else {1, 2}
    assert report["exit_code"] in want


@pytest.mark.parametrize("number", range(60))
def test_a_machine_without_drift_is_in_state(bed: Bed, number: int) -> None:
    # What differs from machine to machine and is nobody's drift.
    with bed.conf.open("a") as handle:
        handle.write(f"# machine {number}\n" * (number % 4))
    with bed.env.open("a") as handle:
        handle.write(f"GOPRIVATE=example{number}\n" * (number % 3))
    with bed.table.open("a") as handle:
        handle.write(f"LABEL=data{number} /data ext4 defaults 0 2\n" * (number % 2))
    edit(go_plan.BLOCK_PATHS[number % 2])
    if number % 5 == 0:
        bed.unknown["PATH"] = "a folder gives no answer"
    if number % 7 == 0:
        os.utime(bed.conf, (number, number))
    assert bed.drifted() == {}
    report = bed.report()
    assert (report["status"], report["exit_code"], report["counts"]["in_state"]) == (
        "in_state",
        0,
        len(report["settings"]),
    )
    assert len(report["settings"]) > 15


def snapshot(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns) for path in files}


def test_looking_changes_nothing(bed: Bed) -> None:
    before = snapshot(bed.folder)
    bed.report()
    assert snapshot(bed.folder) == before


def test_without_root_what_differs_is_unknown_and_what_is_as_declared_is_not(bed: Bed) -> None:
    bed.is_root = False
    set_conf(bed, "network.hostname", "other")
    report = bed.report()
    shown = {one["id"]: one for one in report["settings"]}
    assert shown["wsl_conf:network.hostname"]["state"] == "unknown"
    assert "root" in shown["wsl_conf:network.hostname"]["reason"]
    assert shown["wsl_conf:boot.systemd"]["state"] == "in_state"
    assert report["exit_code"] == 1


def test_a_password_in_a_settings_file_is_not_reported(bed: Bed) -> None:
    set_go(bed, "GOFLAGS", "-v")
    assert "secret" not in str(bed.facts()["drift"]) + str(bed.report())


def test_who_changed_a_file_and_when_is_reported(bed: Bed) -> None:
    set_conf(bed, "network.hostname", "other")
    os.utime(bed.conf, (1_800_000_000, 1_800_000_000))
    one = next(one for one in bed.report()["settings"] if one["id"] == "wsl_conf:network.hostname")
    assert (one["owner"], one["changed_at"]) == (bed.conf.owner(), "2027-01-15T08:00:00Z")
    assert bed.report()["applied_at"] == "2023-11-14T22:13:20Z"


def test_a_time_that_no_calendar_has_is_not_known() -> None:
    for moment in (2.0**55, -(2.0**55), 1e300):
        assert drift.iso(moment) is None
    assert drift.iso(-2_000_000_000.0) == "1906-08-16T20:26:40Z"


def test_what_an_account_alone_decides_about_is_told(bed: Bed) -> None:
    said = {one["id"]: one["account"] for one in bed.report()["settings"]}
    own = {name for name, account in said.items() if account == "alice"}
    assert own == {name for name in said if name.startswith(("go_env:alice:", "go_tmpfs:folder:alice"))}
    assert len(own) > 3
    assert {said[name] for name in set(said) - own} == {""}
    roots = bed.facts()
    roots["go"]["users"]["alice"]["uid"] = 0
    told = drift.report("anna", roots, bed.wishes(), 0.0)["settings"]
    assert {one["account"] for one in told if one["id"].startswith("go_env:alice:")} == {""}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads the files of others")
def test_accounts_that_give_no_answer_do_so_together_and_say_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = journal.Journal(str(tmp_path / "state"), run="1")
    for name in ("a", "b", "c", "d"):
        record.write(f"{tmp_path}/{name}", b"GOFLAGS=-v\n", role="go_env")
    entries = record.entries()
    for entry in entries:
        entry.uid = entry.gid = 4711
        record._save(entry)
    monkeypatch.setattr(observe, "LIMIT", 1.0)
    monkeypatch.setattr(observe.become, "GRACE", 1.0)
    true = observe._look

    def look(path: str, *more: Any) -> dict[str, Any]:
        if path in (f"{tmp_path}/{name}" for name in "abc"):
            time.sleep(60)
        return true(path, *more)

    monkeypatch.setattr(observe, "_look", look)
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        folder.chmod(folder.stat().st_mode | 0o011)
    (tmp_path / "d").write_text(f"GOFLAGS={'x' * 500000}\n")
    begin = time.monotonic()
    files = observe.observe(str(tmp_path / "state"), str(tmp_path / "wsl.conf"), True)["files"]
    assert time.monotonic() - begin < 4
    for name in ("a", "b", "c"):
        assert files[f"{tmp_path}/{name}"]["there"] is None and "no answer" in files[f"{tmp_path}/{name}"]["reason"]
    assert files[f"{tmp_path}/d"]["values"] == {"GOFLAGS": "x" * observe.LONGEST}
    (tmp_path / "d").write_text(f"GOFLAGS={'x' * (2 << 20)}\n")
    files = observe.observe(str(tmp_path / "state"), str(tmp_path / "wsl.conf"), True)["files"]
    assert "larger than" in files[f"{tmp_path}/d"]["reason"]


def test_a_role_that_is_declared_absent_and_still_there_is_not_rolled_out(bed: Bed) -> None:
    states = dict.fromkeys(("wsl_conf", "go_tmpfs", "go_env", "workspace"), "absent")
    bed.declared["states"] = states
    left = {one["id"]: one["state"] for one in bed.report()["settings"]}
    assert left["wsl_conf:file"] == left["go_env:alice:GOTMPDIR"] == left["go_env:profile"] == "not_rolled_out"
    assert left["go_tmpfs:fstab:/var/cache/gotmp"] == left[f"workspace:bind:{SOURCE}"] == "not_rolled_out"


def test_a_machine_that_nothing_was_applied_to_is_not_rolled_out(bed: Bed) -> None:
    for path in (bed.folder / "state").rglob("*.json"):
        path.unlink()
    bed.conf.write_text("")
    bed.mounted = False
    states = {one["id"]: one["state"] for one in bed.report()["settings"]}
    assert states["wsl_conf:boot.systemd"] == states["go_tmpfs:mount:/var/cache/gotmp"] == "not_rolled_out"


@pytest.mark.parametrize("owner", ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"])
def test_what_wsl_rewrites_itself_is_not_watched(bed: Bed, owner: str) -> None:
    assert not any(one["path"].endswith(owner) for one in bed.report()["settings"])


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (["in_state"], 0),
        (["in_state", "drift"], 2),
        (["drift", "unknown"], 2),
        (["pending_restart", "in_state"], 3),
        (["pending_restart", "unknown"], 1),
        (["not_seen", "in_state"], 1),
        ([], 1),
    ],
)
def test_a_fleet_has_the_exit_code_of_its_worst_machine(statuses, code):
    hosts = [
        {**drift.report_host(f"h{number}", [], 1.0, 1.0), "status": status} for number, status in enumerate(statuses)
    ]
    assert drift.fleet(hosts, 1.0)["exit_code"] == code


def test_a_machine_for_which_nothing_is_declared_is_in_state():
    assert drift.report_host("a", [], 1.0, 1.0)["status"] == "in_state"


def test_a_fleet_drops_no_host(bed: Bed) -> None:
    seen = bed.report()
    gone = drift.not_seen("asleep", {**copy.deepcopy(seen), "host": "asleep"}, "ssh: no route")
    never = drift.not_seen("new", None, "ssh: no route")
    broken = drift.could_not_look("broken", "no Python", time.time())
    fleet = drift.fleet([seen, gone, never, broken], time.time())
    assert {host["host"]: host["status"] for host in fleet["hosts"]} == {
        "laptop": "in_state",
        "asleep": "not_seen",
        "new": "not_seen",
        "broken": "unknown",
    }
    assert (fleet["exit_code"], sum(fleet["counts"].values())) == (1, 4)
    assert gone["looked_at"] == seen["looked_at"] and never["looked_at"] is None


def test_what_was_adopted_or_refused_when_a_machine_was_seen_last_is_not_so_again() -> None:
    changed = drift.View("go_env:ada:GOFLAGS", "go_env", "/x", "-v", "-v", "-x", recorded=True)
    seen = adopt.adopt(drift.report_host("asleep", [drift.describe(changed)], 1.0, 1.0), [changed.id, "wsl_conf:none"])
    assert seen["adopted"] and seen["adopt_variables"] and seen["adopt_refused"]
    gone = drift.not_seen("asleep", json.loads(json.dumps(seen)))
    assert gone["adopted"] == [] and not {"adopt_variables", "adopt_refused"} & set(gone)
    assert gone["settings"] == seen["settings"] and gone["looked_at"] == seen["looked_at"]


@pytest.mark.parametrize("user", ["ada", "x'; touch made; '", "x`touch made`", "{{ lookup('pipe', 'id') }}", 'x", "y'])
def test_no_name_that_a_host_gives_a_user_runs_where_a_value_is_adopted(user: str, tmp_path: Path) -> None:
    view = drift.View(f"go_env:{user}:GOFLAGS", "go_env", "/x", "-v", "-v", "-x", recorded=True)
    command = drift.describe(view)["remedy"].partition("or keep this one: ")[2]
    told = subprocess.run(["sh", "-c", f"printf '%s' {command}"], check=True, capture_output=True, cwd=tmp_path)
    # Given in a Jinja expression, it would be evaluated on the controller.
    named: Any = {"__ansible_unsafe": view.id} if "{" in view.id else view.id
    assert json.loads(told.stdout.decode().partition("-e")[2]) == {"wsltune_adopt": [named]}
    assert list(tmp_path.iterdir()) == []


def test_a_report_of_another_version_counts_as_never_seen() -> None:
    earlier = {"schema_version": 99, "host": "asleep", "looked_at": "2026-01-01T00:00:00Z"}
    assert drift.not_seen("asleep", earlier)["looked_at"] is None


def test_a_user_who_could_not_have_a_wish_has_not_drifted(bed: Bed) -> None:
    options = bed.wishes()["go_env"]
    less = {name: value for name, value in GO.items() if name != "GOTMPDIR"}
    data = {"settings": {"alice": less}, "options": options, "left_out": ["alice's GOTMPDIR is not set: it is full."]}
    journal.write_record(go_applied.RECORD, data, str(bed.folder / "state"))
    bed.env.write_text(envfile.merge("", less))
    assert not bed.drifted()


def test_settings_that_only_the_file_has_are_seen_there(bed: Bed) -> None:
    more = {"GOTOOLCHAIN": "go1.27.3+auto", "GOCACHEPROG": "/opt/cache", "CGO_LDFLAGS": "-O2 -g -fuse-ld=lld"}
    tuned = {"gotoolchain": "newest", "gocacheprog": "/opt/cache", "cgo_linker": "auto"}
    bed.declared["go_env"] = tuned
    data = {"settings": {"alice": {**GO, **more}}, "options": {**bed.wishes()["go_env"], **tuned}}
    journal.write_record(go_applied.RECORD, data, str(bed.folder / "state"))
    bed.env.write_text(envfile.merge(bed.env.read_text(), more))
    assert not bed.drifted()
    bed.env.write_text(bed.env.read_text().replace("GOCACHEPROG=/opt/cache\n", "").replace("lld", "mold"))
    assert bed.drifted() == {"go_env:alice:GOCACHEPROG": "gone", "go_env:alice:CGO_LDFLAGS": "changed"}


def test_a_tuning_that_was_applied_is_declared_as_it_came_out_and_a_new_wish_as_its_option() -> None:
    options = {"goflags": "-v", "parallel": "2", "cgo_linker": "auto", "gocacheprog": "/opt/cache", "gotoolchain": ""}
    applied = {"GOFLAGS": "-v -p=2", "CGO_LDFLAGS": "-O2 -g -fuse-ld=lld"}
    assert drift._tuned_of(options, options, applied) == {**applied, "GOCACHEPROG": "/opt/cache"}
    newer = drift._tuned_of({**options, "parallel": "4"}, options, applied)
    assert newer["GOFLAGS"] == "go_env_goflags=-v, go_env_parallel=4"
    assert drift._tuned_of({"goflags": "-v"}, {}, {}) == {"GOFLAGS": "-v"}


def test_garbage_collection_as_go_has_it_is_no_wish() -> None:
    assert drift._tuned_of({"tool_gc": True, "parallel": ""}, {}, {}) == {}
    assert drift._tuned_of({"tool_gc": False}, {}, {}) == {"GOFLAGS": "go_env_tool_gc=false"}


def test_the_program_that_goflags_names_is_watched(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    program = bed.path(tool_gc.PATH)
    monkeypatch.setattr(tool_gc, "PATH", str(program))
    record = journal.Journal(str(bed.folder / "state"), run="1700000000.5")
    record.write(str(program), b"#!/bin/sh\n", role="go_env", mode=0o755)
    bed.declared["go_env"] = {"tool_gc": False}

    def state() -> str:
        return {one["id"]: one["state"] for one in bed.report()["settings"]}["go_env:tool_gc"]

    assert state() == "in_state"
    edit(str(program))
    assert state() == "changed"
    program.unlink()
    assert state() == "gone"
    bed.declared["go_env"] = {"tool_gc": True}
    program.write_text("#!/bin/sh\n")
    assert state() == "not_rolled_out"


def test_what_a_run_checks_and_what_drift_watches_is_one_list() -> None:
    assert set(go_applied.WATCHED) < set(observe.WATCHED)


def declare_path(bed: Bed, value: bool | None, launchers: bool = True) -> None:
    content = wsl_conf.merge("", {**WSL_CONF, "interop.appendWindowsPath": value})
    bed.declared["wsl_conf"] = {"content": content, "launchers": launchers}


@pytest.mark.parametrize(
    ("value", "kept", "edited", "expected"),
    [
        (
            False,
            True,
            True,
            ("changed", "remove {path}, which a run leaves as it is because somebody edited it, then "),
        ),
        (False, False, True, ("conflict", "remove {path}, which a run leaves as it is because somebody edited it")),
        (False, False, False, ("not_rolled_out", "run site.yml")),
        (True, True, False, ("not_rolled_out", "run site.yml")),
        (None, True, True, None),
        (None, True, False, None),
    ],
)
def test_what_to_do_about_a_launcher_is_what_a_run_does(
    bed: Bed, value: bool | None, kept: bool, edited: bool, expected: tuple[str, str] | None
) -> None:
    path = os.path.join(wsl_judge.LAUNCHERS, "clip.exe")
    declare_path(bed, value, kept)
    if edited:
        edit(path)
    found = {one["id"]: one for one in bed.report()["settings"]}.get("wsl_conf:launcher:clip.exe")
    if expected is None:
        # The module leaves the launchers where it is asked nothing about PATH.
        assert found is None
    else:
        assert found and (found["state"], found["remedy"].startswith(expected[1].format(path=path))) == (
            expected[0],
            True,
        )
        assert "adopt" not in found["remedy"] or not edited
        due = not wsl_judge.are_launchers_met(
            launchers.look_up(journal.Journal(str(bed.folder / "state"))), *wanted(bed)
        )
        assert due is ("run site.yml" in found["remedy"] and not edited)


def test_a_launcher_counts_also_where_the_controller_has_that_folder_elsewhere(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.unlink(os.path.join(wsl_judge.LAUNCHERS, "clip.exe"))
    facts, declared = bed.facts(), bed.declare()
    monkeypatch.setattr(wsl_judge, "LAUNCHERS", str(bed.folder / "controller"))
    found = {one["id"]: one["state"] for one in drift.report("laptop", facts, declared, time.time())["settings"]}
    assert found["wsl_conf:launcher:clip.exe"] == "gone"


def test_what_a_lever_declares_is_kept_by_the_lever_and_not_adopted(bed: Bed) -> None:
    """As a setting beside it, the next run would refuse it."""
    declare_path(bed, False)
    bed.declared["wsl_conf"]["by_levers"] = [wsl_judge.LAUNCHED_FOR]
    set_conf(bed, wsl_judge.LAUNCHED_FOR, True)
    report, name = bed.report(), f"wsl_conf:{wsl_judge.LAUNCHED_FOR}"
    found = next(one for one in report["settings"] if one["id"] == name)
    assert found["state"] in (drift.CHANGED, drift.CONFLICT)
    assert drift.TURN_OFF in found["remedy"] and "wsltune_adopt" not in found["remedy"]
    adopted = adopt.adopt(report, [name], {"boot.systemd": True})
    assert adopted["adopt_variables"] == {} and drift.TURN_OFF in adopted["adopt_refused"][0]
    # Declared as a setting, it is adopted as one.
    adopted = adopt.adopt(report, [name], {"Interop.appendwindowspath": False})
    assert adopted["adopt_variables"] == {"wsl_conf_settings": {wsl_judge.LAUNCHED_FOR: True}}


def wanted(bed: Bed) -> tuple[str, bool]:
    return bed.declared["wsl_conf"]["content"], bed.declared["wsl_conf"]["launchers"]


@pytest.mark.parametrize(
    ("projects", "state", "remedy"),
    [
        ([], "present", "set workspace_state to absent and run site.yml"),
        ([{"source": "/mnt/c/other", "target": "/home/alice/other"}], "present", "run site.yml"),
        ([], "absent", "run site.yml"),
    ],
)
def test_a_project_that_is_not_listed_any_more_has_a_remedy_that_unbinds_it(
    bed: Bed, projects: list[dict[str, Any]], state: str, remedy: str
) -> None:
    bed.declared.update(projects=projects, states={"workspace": state})
    found = {one["id"]: one for one in bed.report()["settings"]}[f"workspace:bind:{SOURCE}"]
    assert found["state"] == "not_rolled_out" and found["remedy"].startswith(remedy)


@pytest.mark.parametrize(
    ("named", "places", "expected"),
    [
        (SOURCE, None, {}),
        ("/home/alice/win/shop", {"source": SOURCE, "target": TARGET, "reason": ""}, {}),
        (SOURCE, {"source": SOURCE, "target": TARGET, "reason": ""}, {}),
        (SOURCE, {"source": SOURCE, "target": "/data/elsewhere", "reason": ""}, {SOURCE: "not_rolled_out"}),
        (
            "/home/alice/win/shop",
            {"source": "", "target": "", "reason": "no answer in 2 s"},
            {SOURCE: "unknown", "/home/alice/win/shop": "unknown"},
        ),
    ],
)
def test_a_project_is_compared_by_where_it_really_lies(
    bed: Bed, named: str, places: dict[str, str] | None, expected: dict[str, str]
) -> None:
    """What a run writes into /etc/fstab are no names over links."""
    target = TARGET if places is None else "~/src/shop"
    bed.declared["projects"] = [{"source": named, "target": target, "bind": True}]
    bed.projects = {} if places is None else {named: places}
    assert bed.drifted() == {f"workspace:bind:{source}": state for source, state in expected.items()}
