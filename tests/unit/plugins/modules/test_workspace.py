# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils import changes, journal
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, mountinfo, process
from ansible_collections.wsltune.go.plugins.module_utils.workspace import copy as workspace_copy
from ansible_collections.wsltune.go.plugins.module_utils.workspace.places import WorkspaceError
from ansible_collections.wsltune.go.plugins.module_utils.workspace.plan import Project
from ansible_collections.wsltune.go.plugins.modules import workspace

root_only = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


class Machine(workspace.Workspace):
    """The module on a machine whose files are texts."""

    def __init__(self, drive: Path, **more: Any) -> None:
        self.texts = {"fstab": "", "systemd": False, "conf": None, "wsl": False} | more
        self.machine = workspace.wsl_judge.Machine(
            conf=self.texts["conf"],
            has_systemd_folder=self.texts["systemd"],
            has_init=self.texts["wsl"],
            has_run_wsl=True,
        )
        self.drive = drive

    def fstab(self) -> str:
        return self.texts["fstab"]

    def mounts(self) -> list[mountinfo.Mount]:
        root = mountinfo.Mount("/", "/", "ext4", "/dev/sdc", mount_id=1)
        drive = mountinfo.Mount(
            str(self.drive), "/", "9p", "C:\\", windows_drive=True, windows_path="C:\\", mount_id=2, parent_id=1
        )
        return [root, drive]


def lines(machine: Machine, source: str) -> list[str]:
    return [line.render() for line in machine.lines([Project(source, "/home/a/src/shop", "a", bind=True)])]


def test_the_drive_is_mounted_as_wsl_would_with_the_options_of_its_conf(tmp_path: Path) -> None:
    machine = Machine(tmp_path, conf="[automount]\noptions = metadata,umask=22\n")
    first, second = lines(machine, f"{tmp_path}/shop")
    owner = f"uid={os.getuid()},gid={os.getgid()}"
    assert first == f"C: {tmp_path} drvfs noatime,{owner},metadata,umask=22,nofail,comment=wsltune-workspace 0 0"
    assert second == f"/home/a/src/shop {tmp_path}/shop none bind,nofail,comment=wsltune-workspace 0 0"


def test_a_drive_that_the_user_mounts_is_left_to_the_users_line(tmp_path: Path) -> None:
    machine = Machine(tmp_path, fstab=f"C: {tmp_path} drvfs metadata 0 0\n")
    assert [line.split()[2] for line in lines(machine, f"{tmp_path}/shop")] == ["none"]


def test_the_line_waits_for_the_drive(tmp_path: Path) -> None:
    (line,) = lines(Machine(tmp_path, systemd=True), f"{tmp_path}/shop")
    assert f"x-systemd.requires={tmp_path}," in line


def test_a_path_off_the_windows_drives_is_not_mounted_over(tmp_path: Path) -> None:
    machine = Machine(tmp_path, fstab="broken\n")
    with pytest.raises(WorkspaceError, match=r"/home/a/slow/shop does not lie on a Windows drive.*set bind to false"):
        machine.check_bind([Project("/home/a/slow/shop", "/home/a/src/shop", "a", bind=True)])


@pytest.mark.parametrize(
    ("fstab", "sentence"),
    [
        ("broken\n", "is broken, line 1"),
        ("/x {}/shop none bind 0 0\n", "that wsltune did not write"),
    ],
)
def test_an_fstab_that_cannot_be_used_is_told_first(tmp_path: Path, fstab: str, sentence: str) -> None:
    machine = Machine(tmp_path, fstab=fstab.format(tmp_path), systemd=True)
    wanted = [Project(f"{tmp_path}/shop", "/home/a/src/shop", "a", bind=True)]
    machine.machine = workspace.wsl_observe.collect(str(tmp_path))
    with pytest.raises(WorkspaceError, match=sentence):
        machine.check_bind(wanted)
    machine.check_bind([Project(f"{tmp_path}/shop", "/home/a/src/shop", "a")])


@pytest.mark.parametrize(
    ("conf", "systemd", "comes_back"),
    [
        ("[automount]\nmountFsTab = false\n", True, False),
        ("[automount]\nmountFsTab = false\n[boot]\nsystemd = true\n", False, True),
        ("[automount]\nmountFsTab = true\n", False, True),
    ],
)
def test_what_mounts_the_line_is_what_runs_at_the_next_start(
    tmp_path: Path, conf: str, systemd: bool, comes_back: bool
) -> None:
    machine = Machine(tmp_path, conf=conf, systemd=systemd, wsl=True)
    wanted = [Project(f"{tmp_path}/shop", "/home/a/src/shop", "a", bind=True)]
    if comes_back:
        machine.check_bind(wanted)
        return
    with pytest.raises(WorkspaceError, match=r"automount\.mountFsTab is false in /etc/wsl.conf"):
        machine.check_bind(wanted)


class Bound(workspace.Workspace):
    """The module with a folder for the machine: its fstab, its journal, and a copy whose user is eve."""

    def __init__(self, tmp_path: Path, eve: process.Identity) -> None:
        self.module = SimpleNamespace(check_mode=False)
        self.changes = changes.Changes("workspace", lambda _entry: journal.Way(), "1", False)
        self.changes.journal = journal.Journal(str(tmp_path / "wsltune"), run="1")
        self.accounts = {"eve": accounts.Account("eve", eve.uid, eve.gid, str(tmp_path / "home"), "/bin/sh")}
        self.machine = SimpleNamespace(conf=None)
        self.headlines = []

    def mounts(self) -> list[mountinfo.Mount]:
        return mountinfo.parse(Path("/proc/self/mountinfo").read_text())

    def tell_systemd(self) -> None:
        pass


@pytest.fixture
def bound(tmp_path: Path, home: Path, eve: process.Identity, monkeypatch: pytest.MonkeyPatch) -> Bound:
    monkeypatch.setattr(workspace, "FSTAB", f"{tmp_path}/fstab")
    (tmp_path / "fstab").write_text("# mine\n")
    return Bound(tmp_path, eve)


@pytest.fixture
def copied(home: Path, eve: process.Identity) -> Project:
    project = Project(f"{home}/slow/shop", f"{home}/src/shop", "eve", bind=True)
    for path in (project.source, project.target):
        os.makedirs(path)
    (Path(project.target) / "copy").touch()
    os.setxattr(project.target, workspace_copy.ATTRIBUTE, workspace.workspace_plan.mark(project, "1"))
    for folder in (home, *home.rglob("*")):
        os.chown(folder, eve.uid, eve.gid)
    return project


def apart(function: Any) -> Any:
    """Call it where mounts are nobody else's, in a process of its own."""

    def there() -> Any:
        assert process.LIBRARY.unshare(0x20000) == 0
        assert process.LIBRARY.mount(b"none", b"/", None, 0x4000 | 1 << 18, None) == 0
        return function()

    class Errand:
        def run(self) -> Any:
            return there()

    with become.Hands(None, Errand, [WorkspaceError]) as hands:
        return hands.run()


@root_only
def test_the_copy_is_shown_and_taken_away(bound: Bound, copied: Project) -> None:
    def there() -> list[object]:
        said: list[object] = [bound.is_bound(copied)]
        bound.mount(copied)
        said += [bound.is_bound(copied), os.listdir(copied.source)]
        bound.unmount(copied.source, "/etc")
        said.append(bound.is_bound(copied))
        bound.unmount(copied.source, copied.target)
        return [*said, bound.is_bound(copied), os.listdir(copied.source)]

    assert apart(there) == [False, True, ["copy"], True, False, []]


@root_only
@pytest.mark.parametrize("which", ["source", "target"])
@pytest.mark.parametrize("above", [False, True])
def test_a_link_in_place_of_a_folder_is_not_followed(
    bound: Bound, copied: Project, home: Path, which: str, above: bool
) -> None:
    path = Path(getattr(copied, which))
    path = path.parent if above else path
    path.rename(f"{path}.own")
    path.symlink_to("/etc" if not above else f"{path}.own")

    def there() -> None:
        before = len(bound.mounts())
        try:
            bound.mount(copied)
        finally:
            assert len(bound.mounts()) == before

    with pytest.raises(NotADirectoryError):
        apart(there)


@root_only
def test_only_the_copy_of_that_user_is_shown(bound: Bound, copied: Project) -> None:
    os.chown(copied.target, 4712, 4712)
    with pytest.raises(WorkspaceError, match="is not eve's copy any more"):
        apart(lambda: bound.mount(copied))
    os.removexattr(copied.target, workspace_copy.ATTRIBUTE)
    with pytest.raises(OSError, match="No data available"):
        apart(lambda: bound.mount(copied))


@root_only
def test_a_folder_that_moves_while_it_is_mounted_on_is_uncovered(
    bound: Bound, copied: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind = workspace.mount.bind

    others = f"{copied.source}.others"
    os.mkdir(others)

    def moved(source: int, target: int, path: str) -> None:
        os.rename(copied.source, f"{copied.source}.own")
        os.mkdir(copied.source)
        bind(source, target, path)

    monkeypatch.setattr(workspace.mount, "bind", moved)

    def there() -> list[object]:
        # Everybody may mount something at the same time: each look at the mounts sees what came after the first.
        seen: list[int] = []
        own = bound.mounts

        def mounts() -> Any:
            if len(seen) == 1:
                assert process.LIBRARY.mount(b"others", os.fsencode(others), b"tmpfs", 0, None) == 0
            seen.append(1)
            return own()

        bound.mounts = mounts  # type: ignore[method-assign]
        try:
            bound.mount(copied)
        except WorkspaceError as error:
            return [str(error), [one.mount_point for one in own() if copied.source in one.mount_point]]
        return ["mounted"]

    assert apart(there) == ["that folder was moved at the same time", [others]]


def test_the_lines_are_written_once(bound: Bound, tmp_path: Path) -> None:
    line = workspace.fstab.Line("/a", "/b", "none", ("bind", workspace.places.MARK))
    assert bound.write_lines([line]) == ("# mine\n", f"# mine\n{line.render()}\n")
    assert (tmp_path / "fstab").read_text() == f"# mine\n{line.render()}\n" and bound.write_lines([line]) is None


@root_only
def test_the_owner_is_not_asked_of_where_a_link_leads(bound: Bound, home: Path, tmp_path: Path) -> None:
    (home / "shop").mkdir()
    (home / "link").symlink_to("/root")
    (tmp_path / "ours").symlink_to(home / "shop")
    os.chown(home / "shop", 0, 0)
    assert bound.owner(f"{home}/shop") == "root"
    assert bound.owner("/bin") == "root"
    with pytest.raises(WorkspaceError, match="leads over a link that its owner can change: name the project's user"):
        bound.owner(f"{home}/link")
    with pytest.raises(WorkspaceError, match="which is not a directory"):
        bound.owner(f"{home}/none")
    os.chown(home / "shop", 4711, 4711)
    with pytest.raises(WorkspaceError, match="belongs to user id 4711, which has no account here"):
        bound.owner(f"{home}/shop")


def test_what_is_told_shows_no_control_characters(bound: Bound) -> None:
    bound.changes.notes, bound.changes.kept = ["a\nb\x1b[2J"], ["\x1b"]
    assert bound.result()["notes"] == ["a b\\x1b[2J"] and bound.result()["kept"] == ["\\x1b"]


class Places:
    """A machine with a Windows drive in a folder, and bind mounts that are played."""

    def __init__(self, tmp_path: Path) -> None:
        self.drive = tmp_path / "drive"
        self.fstab = tmp_path / "fstab"
        self.bound: list[str] = []
        self.failing = ""

    def mounts(self) -> list[mountinfo.Mount]:
        root = mountinfo.Mount("/", "/", "ext4", "/dev/sdc", mount_id=1)
        drive = mountinfo.Mount(
            str(self.drive), "/", "9p", "C:\\", windows_drive=True, windows_path="C:\\", mount_id=2, parent_id=1
        )
        binds = [mountinfo.Mount(place, "/", "ext4", "/dev/sdc", mount_id=9) for place in self.bound]
        return [root, drive, *binds]

    def bind(self, _source: int, _target: int, path: str) -> None:
        if self.failing == "bind":
            raise OSError(1, "Operation not permitted", path)
        self.bound.append(path)

    def unmount(self, path: str) -> None:
        if self.failing == "unmount":
            raise OSError(16, "Device or resource busy", path)
        self.bound.remove(path)


@pytest.fixture
def places(tmp_path: Path, state: Path, people: Any, monkeypatch: pytest.MonkeyPatch) -> Places:
    played = Places(tmp_path)
    played.fstab.write_text("# mine\n")
    monkeypatch.setattr(workspace, "FSTAB", str(played.fstab))
    monkeypatch.setattr(workspace.Workspace, "mounts", played.mounts)
    monkeypatch.setattr(workspace.Workspace, "ask_mounted", lambda self, place, target: place in played.bound)
    monkeypatch.setattr(workspace.Workspace, "tell_systemd", lambda self: None)
    monkeypatch.setattr(workspace.wsl_judge, "starts_systemd", lambda machine: True)
    monkeypatch.setattr(workspace.mount, "bind", played.bind)
    monkeypatch.setattr(workspace.mount, "unmount", played.unmount)
    # What is played is not known to a child.
    monkeypatch.setattr(workspace, "_apart", lambda function, limit=0.0: function())
    monkeypatch.setattr(workspace.process, "holders", lambda place, uids=None: [])
    return played


@pytest.fixture
def shop(places: Places, people: Any, eve: process.Identity, home: Path, tmp_path: Path) -> dict[str, Any]:
    people.add("eve", eve, home)
    folder = places.drive / "shop"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module shop\n")
    for path in (places.drive, *places.drive.rglob("*")):
        os.chown(path, eve.uid, eve.gid)
    return {"source": str(folder), "user": "eve", "bind": True}


@root_only
def test_what_check_mode_lists_is_done_once_and_taken_back(
    call: Any, places: Places, shop: dict[str, Any], home: Path
) -> None:
    wanted = call(workspace, True, projects=[shop])
    assert not (home / "src").exists() and places.fstab.read_text() == "# mine\n"
    done = call(workspace, projects=[shop])
    target = f"{home}/src/shop"
    assert done["changes"] == wanted["changes"] and done["diff"] == wanted["diff"]
    assert done["changes"] == [
        f"copied {shop['source']} to {target}",
        f"wrote {places.fstab}",
        f"mounted {target} on {shop['source']}",
    ]
    (project,) = done["projects"]
    assert project["copied"] and project["bound"] and project["live"] == {"target": True, "source": True}
    assert Path(target, "go.mod").read_text() == "module shop\n" and os.stat(target).st_uid == 4711
    again = call(workspace, projects=[shop])
    assert not again["changed"] and not again["projects"][0]["copied"]
    wanted = call(workspace, True, state="absent")
    assert places.bound == [shop["source"]]
    done = call(workspace, state="absent")
    assert done["changes"] == wanted["changes"] == [f"unmounted {shop['source']}", f"restored {places.fstab}"]
    assert done["diff"] == wanted["diff"] and done["notes"][0].endswith(f"the copy {target} stays")
    assert places.fstab.read_text() == "# mine\n" and not places.bound and Path(target).exists()
    assert not call(workspace, state="absent", projects=[shop])["changed"]


@root_only
def test_check_mode_of_absent_knows_an_fstab_that_someone_brought_back(
    call: Any, places: Places, shop: dict[str, Any]
) -> None:
    call(workspace, projects=[shop])
    places.fstab.write_text("# theirs\n")
    wanted = call(workspace, True, state="absent")
    done = call(workspace, state="absent")
    assert (done["changes"], done["kept"]) == (wanted["changes"], wanted["kept"])
    assert done["changes"] == [] and "edited by someone else" in done["kept"][0]
    assert places.fstab.read_text() == "# theirs\n"


@root_only
def test_one_run_is_taken_back_alone(call: Any, places: Places, shop: dict[str, Any]) -> None:
    done = call(workspace, run="1", projects=[shop])
    assert done["changed"], done
    assert call(workspace, state="absent", only_this_run=True, run="2")["changes"] == []
    done = call(workspace, state="absent", only_this_run=True, run="1")
    assert done["changes"] == [f"unmounted {shop['source']}", f"restored {places.fstab}"]


@root_only
def test_a_bind_that_is_not_wanted_any_more_is_taken_away(call: Any, places: Places, shop: dict[str, Any]) -> None:
    call(workspace, projects=[shop])
    done = call(workspace, projects=[{**shop, "bind": False}])
    assert done["changes"] == [f"unmounted {shop['source']}", f"wrote {places.fstab}"] and not places.bound
    call(workspace, projects=[shop])
    places.failing = "unmount"
    done = call(workspace, projects=[{**shop, "bind": False}])
    assert "could not be unmounted (Device or resource busy)" in done["notes"][0] and done["changes"] == []
    assert shop["source"] in places.fstab.read_text() and shop["source"] in places.bound
    done = call(workspace, state="absent")
    # The rest of a rollback goes on, and the next one finds what is left.
    assert "(Device or resource busy)" in done["left"][0] and "then run again" in done["left"][0]
    places.failing = ""
    done = call(workspace, state="absent")
    assert done["left"] == [] and f"unmounted {shop['source']}" in done["changes"] and not places.bound
    assert f"restored {places.fstab}" in done["changes"]


@root_only
def test_a_mount_that_fails_takes_its_line_back_and_the_copy_stays(
    call: Any, places: Places, shop: dict[str, Any], home: Path
) -> None:
    places.failing = "bind"
    said = call(workspace, projects=[shop])["msg"]
    assert "could not be mounted on" in said and "(Operation not permitted): the copy stays" in said
    assert places.fstab.read_text() == "# mine\n" and (home / "src/shop").exists()


@root_only
def test_a_source_in_use_or_elsewhere_is_named(
    call: Any, places: Places, shop: dict[str, Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = home / "shop"
    own.mkdir()
    os.chown(own, 4711, 4711)
    done = call(workspace, True, projects=[{"source": str(own), "user": "eve"}])
    assert any("does not lie on a Windows drive (ext4)" in note for note in done["notes"])
    drive = {**shop, "source": str(places.drive), "bind": False}
    assert "is a whole drive or mount" in call(workspace, projects=[drive])["msg"]
    monkeypatch.setattr(workspace.process, "holders", lambda place, uids=None: ["code (12)"])
    assert "is in use by code (12)" in call(workspace, projects=[shop])["msg"]


@root_only
def test_an_error_of_the_system_is_one_sentence(
    call: Any, places: Places, shop: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_words: Any) -> None:
        raise OSError(28, "No space left on device", str(places.fstab))

    monkeypatch.setattr(workspace.Workspace, "bind", full)
    said = call(workspace, projects=[shop])["msg"]
    assert said == f"{places.fstab}: No space left on device; fix that, then run again; the original is as it was."


def test_it_needs_root(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "run it as root" in call(workspace, projects=[])["msg"]


@root_only
def test_a_process_that_its_user_stopped_is_a_note_and_the_others_go_on(
    call: Any, places: Places, shop: dict[str, Any], people: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.add("mallory", process.Identity(4799, 4799, [4799]), home.parent / "mallory")
    bad = places.drive / "bad"
    bad.mkdir()
    os.chown(bad, 4799, 4799)
    make = workspace_copy.Copy.make

    def stop(copy: workspace_copy.Copy) -> None:
        if copy.project.source == str(bad):
            os.kill(os.getpid(), signal.SIGSTOP)
        make(copy)

    monkeypatch.setattr(workspace_copy.Copy, "make", stop)
    monkeypatch.setattr(workspace, "FIRST", 2.0)
    monkeypatch.setattr(workspace, "EACH", 0.5)
    began = time.monotonic()
    done = call(workspace, projects=[{**shop, "source": str(bad), "user": "mallory"}, shop])
    assert not done.get("failed"), done
    assert [project["source"] for project in done["projects"]] == [shop["source"]]
    assert any(note.startswith(f"{bad} is left out: ") and "no answer in" in note for note in done["notes"])
    assert time.monotonic() - began < 8


def test_the_time_of_one_users_process_is_bounded(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.module = SimpleNamespace(params={"projects": [{"tests": False}] * 4})
    assert machine.allowed() == 2 * 3600
    machine.module.params["projects"] = [{"tests": True}]
    assert machine.allowed() == 3600 + 900 + 2 * 1800


def test_a_folder_that_gives_no_answer_keeps_nobody_waiting(
    bound: Bound, copied: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = [mountinfo.Mount(copied.source, "/", "ext4", "/dev/sdc", mount_id=9)]
    monkeypatch.setattr(bound, "mounts", lambda: mounts)
    monkeypatch.setattr(workspace.files, "opened_folder", lambda path: time.sleep(9))
    apart = workspace._apart
    monkeypatch.setattr(workspace, "_apart", lambda function, limit=0.0: apart(function, 0.3))
    began = time.monotonic()
    assert not bound.is_bound(copied)
    with pytest.raises(WorkspaceError, match="gives no answer in 0 s, so that what is mounted there stays"):
        bound.unmount(copied.source, copied.target)
    with pytest.raises(TimeoutError):
        bound.mount(copied)
    assert time.monotonic() - began < 15


@root_only
def test_what_gave_an_answer_and_then_gives_none_keeps_nobody_waiting(
    call: Any, places: Places, shop: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file system that the project's user has mounted, and that answers as its program likes."""
    is_folder, began = os.path.isdir, time.monotonic()

    def answer(path: Any) -> bool:
        if path == shop["source"]:
            time.sleep(9)
        return is_folder(path)

    monkeypatch.setattr(os.path, "isdir", answer)
    done = call(workspace, state="absent", projects=[shop])
    assert done["kept"] == [f"{shop['source']}: no answer in 2 s"] and time.monotonic() - began < 8


@root_only
def test_what_seems_roots_keeps_nobody_waiting_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace_copy.Courier, "folder", lambda courier, path: time.sleep(9))
    machine, began = Machine(tmp_path), time.monotonic()
    machine.module, machine.accounts, machine.couriers = SimpleNamespace(params={"projects": []}), {}, {}
    with pytest.raises(TimeoutError):
        machine.ask("root", "folder", "/srv/team/shop", limit=0.3)
    machine.close()
    assert time.monotonic() - began < 8


@root_only
@pytest.mark.parametrize("broken", ["source", "in use", "copy", "login"])
def test_what_is_wrong_with_one_project_stops_no_other(
    call: Any,
    places: Places,
    shop: dict[str, Any],
    people: Any,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    call(workspace, projects=[shop])
    shutil.rmtree(home / "src")
    bad = places.drive / "bad"
    bad.mkdir()
    other = {"source": str(bad), "user": "eve", "bind": True}
    lock = bad / ".git" / "index.lock"
    if broken == "source":
        bad.rmdir()
    elif broken == "in use":
        lock.parent.mkdir()
        lock.touch()
    elif broken == "copy":
        make = workspace_copy.Copy.make

        def fail(copy: workspace_copy.Copy) -> None:
            if copy.project.source == str(bad):
                raise WorkspaceError(f"{bad} changed while it was copied.")
            make(copy)

        monkeypatch.setattr(workspace_copy.Copy, "make", fail)
    else:
        people.add("mallory", process.Identity(4799, 4799, [4799]), home.parent / "mallory")
        del people.environments["mallory"]
        monkeypatch.setitem(other, "user", "mallory")

        def login(account: accounts.Account, timeout: float = 0.0) -> dict[str, str]:
            if account.name == "mallory":
                raise accounts.AccountError("A login of mallory did not come to an end within 20 s.")
            return dict(people.environments[account.name])

        monkeypatch.setattr(accounts, "login_environment", login)
    done = call(workspace, projects=[other, shop])
    assert not done.get("failed"), done
    assert [project["source"] for project in done["projects"]] == [shop["source"]]
    assert any(note.startswith(f"{bad} is left out: ") for note in done["notes"])
    assert shop["source"] in places.bound and (home / "src/shop/go.mod").exists()
    alone = call(workspace, projects=[other])
    assert alone["failed"] and "is left out" not in alone["msg"] and alone["left_out"] is True
    wrong = {"source": "drive/shop", "user": "eve"}
    bad_value = call(workspace, projects=[shop, wrong])
    assert "give an absolute path" in bad_value["msg"] and bad_value["left_out"] is False
    # What is bound stays so where its project is left out of a run.
    assert shop["source"] in places.fstab.read_text()


@root_only
def test_a_project_that_a_link_leads_into_another_one_stops_no_other(
    call: Any, places: Places, shop: dict[str, Any], people: Any, home: Path
) -> None:
    (home / "mine").symlink_to(shop["source"])
    (home / "elsewhere").mkdir()
    (home / "etc").symlink_to(home / "elsewhere")
    hers = [{"source": str(home / name), "user": "eve", "bind": True} for name in ("mine", "etc")]
    done = call(workspace, projects=[*hers, shop])
    assert not done.get("failed"), done
    assert [project["source"] for project in done["projects"]] == [shop["source"]]
    left = [note for note in done["notes"] if "is left out" in note]
    assert "give each place once" in left[0] and "does not lie on a Windows drive" in left[1] and len(left) == 2
    assert "does not lie on a Windows drive" in call(workspace, projects=hers[1:])["msg"]


@root_only
def test_a_copy_that_its_owner_removed_meanwhile_is_a_note(
    call: Any, places: Places, shop: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = places.drive / "other"
    other.mkdir()
    os.chown(other, 4711, 4711)
    live = workspace.Workspace.live

    def removed(machine: workspace.Workspace, project: Project) -> dict[str, bool]:
        if project.source == str(other):
            shutil.rmtree(project.target)
        return live(machine, project)

    monkeypatch.setattr(workspace.Workspace, "live", removed)
    done = call(workspace, projects=[{**shop, "source": str(other)}, shop])
    assert [project["holds"] for project in done["projects"]] == [False, True]
    assert any("src/other is not the copy and shown at" in note for note in done["notes"])


@root_only
def test_a_project_that_is_bound_stays_so_where_it_is_left_out(
    call: Any, places: Places, shop: dict[str, Any], home: Path
) -> None:
    call(workspace, projects=[shop])
    other = places.drive / "other"
    other.mkdir()
    os.chown(other, 4711, 4711)
    shutil.rmtree(home / "src")
    lock = Path(shop["source"]) / ".git" / "HEAD.lock"
    lock.parent.mkdir()
    lock.touch()
    done = call(workspace, projects=[shop, {**shop, "source": str(other)}])
    assert [project["source"] for project in done["projects"]] == [str(other)], done
    assert places.bound == [shop["source"], str(other)]
    assert f" {shop['source']} none" in places.fstab.read_text() and f" {other} none" in places.fstab.read_text()
