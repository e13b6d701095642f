# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import functools
import json
import os
import stat
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.wsltune.go.plugins.module_utils import journal
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import launchers
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe
from ansible_collections.wsltune.go.plugins.modules import wsl_conf

BTIME, START = 1_700_000_000, 1_700_000_123.45


@pytest.fixture
def conf(tmp_path, monkeypatch):
    """A file to edit on a machine of its own: plain Linux unless `wsl` is called."""
    monkeypatch.setattr(journal, "Journal", functools.partial(journal.Journal, root=str(tmp_path / "state")))
    monkeypatch.setattr(wsl_judge, "IN_FORCE", str(tmp_path / "run" / "wsl.conf"))
    root = tmp_path / "root"
    real = wsl_observe.collect

    def collect(conf_path, run_command=None):
        machine = real(str(root), "/etc/wsl.conf")
        machine.conf_path = conf_path
        machine.can_start_systemd = True
        with_conf = real("/", conf_path)
        machine.conf, machine.conf_mtime = with_conf.conf, with_conf.conf_mtime
        machine.in_force, machine.in_force_mtime = with_conf.in_force, with_conf.in_force_mtime
        return machine

    monkeypatch.setattr(wsl_observe, "collect", collect)
    path = tmp_path / "etc" / "wsl.conf"
    path.parent.mkdir()
    return path


@pytest.fixture
def wsl(tmp_path, conf):
    for path, text in {
        "proc/sys/kernel/osrelease": "6.6.87.2-microsoft-standard-WSL2\n",
        "proc/1/comm": "init(Debian)\n",
        "proc/1/stat": "1 (init) S " + "0 " * 18 + "12345 1\n",
        "proc/stat": f"btime {BTIME}\n",
        "init": "",
        "run/WSL/1_interop": "",
    }.items():
        target = tmp_path / "root" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return tmp_path


@pytest.fixture
def run(conf, capsys):
    def call(check=False, **options):
        arguments = {"path": str(conf), "_ansible_check_mode": check, **options}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            wsl_conf.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_apply_check_again_and_absent(conf, run):
    original = b"# caf\xe9\r\n[boot]\r\nsystemd=0 # why\r\n"
    conf.write_bytes(original)
    conf.chmod(0o640)
    os.utime(conf, (START, START))
    options = {"content": "[boot]\nsystemd=true\n[filesystem]\numask=022\n"}

    checked = run(check=True, **options)
    assert checked["changed"] and conf.read_bytes() == original
    applied = run(**options)
    expected = b"# caf\xe9\r\n[boot]\r\nsystemd=true # why\r\n\r\n[filesystem]\r\numask=022\r\n"
    assert conf.read_bytes() == expected
    assert stat.S_IMODE(conf.stat().st_mode) == 0o640
    assert applied["diff"] == checked["diff"]
    assert applied["diff"][0]["after_header"] == str(conf)
    assert applied["changes"] == [
        f"{conf}: filesystem.umask from not set to 022",
        f"{conf}: boot.systemd from false to true",
    ]
    assert applied["wanted"] == applied["settings"] == {"boot.systemd": True, "filesystem.umask": 18}
    assert (applied["pending"], applied["restart_command"], applied["pending_sentences"]) == ([], None, [])

    again = run(**options)
    assert not again["changed"] and not again["diff"] and not again["changes"]

    checked = run(check=True, state="absent")
    assert checked["changed"] and conf.read_bytes() == expected
    given_back = run(state="absent")
    assert given_back["diff"] == checked["diff"]
    assert given_back["changes"] == [f"restored {conf}"]
    assert conf.read_bytes() == original and conf.stat().st_mtime == START
    assert not run(state="absent")["changed"]


def test_a_file_that_was_not_there_goes_again(conf, run):
    assert run(content="[boot]\nsystemd=1\n")["diff"][0]["before_header"] == "/dev/null"
    assert conf.read_text() == "[boot]\nsystemd=true\n"
    assert stat.S_IMODE(conf.stat().st_mode) == 0o644
    assert run(state="absent")["diff"][0]["after_header"] == "/dev/null"
    assert not conf.exists()


def test_nothing_wanted_only_reports(conf, run):
    assert run()["changed"] is False and not conf.exists()
    conf.write_text("[boot]\nsystemd=yes\n; x\nmore\n")
    result = run()
    assert result["changed"] is False and result["complete"] is False
    assert result["notes"][0].endswith("line 2: boot.systemd takes true or false, not 'yes'; WSL keeps its default.")
    assert "so WSL ignores everything after it." in result["notes"][1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_a_program_of_another_account_that_root_would_run_is_named(conf, run, home, eve, tmp_path):
    theirs, ours = home / "start.sh", tmp_path / "start.sh"
    for path in (theirs, ours):
        path.write_text("#!/bin/sh\n")
    os.chown(theirs, eve.uid, eve.gid)
    for check in (True, False):
        (note,) = run(check=check, content=f'[boot]\ncommand="sh -c \\"{theirs} >/dev/null &\\""\n')["notes"]
        assert note.startswith(f"boot.command: {theirs} can be given or replaced by another account")
        assert note.endswith(", and root runs it at each start")
    assert run(content=f"[boot]\ncommand={ours} >/dev/null\n")["notes"] == []
    assert run(content="[boot]\ncommand=service ssh start\n")["notes"] == []


def test_edits_of_others_stay(conf, run):
    conf.write_text("[user]\ndefault=root\n")
    run(content="[user]\ndefault=nobody\n[boot]\nsystemd=1\n")
    conf.write_text(conf.read_text() + "command=mine\n")
    checked = run(check=True, state="absent")
    result = run(state="absent")
    assert conf.read_text() == "[user]\ndefault=root\n\n[boot]\ncommand=mine\n"
    assert "edited by someone else" in result["kept"][0]
    assert checked["diff"] == result["diff"]


def test_a_file_of_ours_goes_when_others_left_only_blank_lines(conf, run):
    run(content="[boot]\nsystemd=1\n")
    conf.write_text(conf.read_text() + "\n")
    assert run(check=True, state="absent")["diff"][0]["after_header"] == "/dev/null"
    run(state="absent")
    assert not conf.exists()


def test_only_this_run(conf, run):
    run(content="[boot]\nsystemd=1\n", run="one")
    run(content="[user]\ndefault=root\n", run="two")
    assert not run(state="absent", only_this_run=True, run="three")["changed"]
    assert run(state="absent", only_this_run=True, run="two")["changed"]
    assert conf.read_text() == "[boot]\nsystemd=true\n"
    assert run(state="absent")["changed"] and not conf.exists()


def test_symbolic_link(conf, run):
    target = conf.with_name("real.conf")
    target.write_text("# real\n")
    conf.symlink_to("real.conf")
    assert run(content="[boot]\nsystemd=1\n")["path"] == str(target)
    assert conf.is_symlink() and "systemd=true" in target.read_text()
    run(state="absent")
    assert target.read_text() == "# real\n" and conf.is_symlink()


def test_remove_and_repair(conf, run):
    conf.write_text("[network]\nhostname=a\nhostname=b\n; old\n[boot]\nsystemd=1\n")
    refused = run(remove=["network.hostname"])
    assert refused["msg"].startswith(
        f"{conf}, line 4: a line starts with ;, but only # starts a comment, so WSL ignores"
    )
    assert run(remove=["network.hostname"], repair=True)["settings"] == {"boot.systemd": True}
    assert conf.read_text() == "[network]\n# ; old\n[boot]\nsystemd=1\n"


def test_a_file_in_utf_16_is_refused_or_becomes_utf_8(conf, run):
    conf.write_bytes("# caf\u00e9\r\n[network]\r\nhostname=a\r\n".encode("utf-16"))
    before, wanted = conf.read_bytes(), {"content": "[boot]\nsystemd=true\n"}
    refused = run(**wanted)
    assert "line 1: the file is UTF-16" in refused["msg"] and "save it as UTF-8" in refused["msg"]
    assert conf.read_bytes() == before
    assert run(repair=True, **wanted)["settings"] == {"boot.systemd": True, "network.hostname": "a"}
    assert conf.read_text(encoding="utf-8").startswith("# caf\u00e9\n[network]\nhostname=a\n")
    run(state="absent")
    assert conf.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"content": "[boot]\nsystemd=yes\n"}, "The wanted settings, line 2: boot.systemd takes true or false"),
        ({"content": "[boot]\nsystmd=1\n"}, "line 2: WSL knows no key 'boot.systmd'; boot.systemd is one."),
        ({"content": "[boot]\nsystemd=1\nsystemd=0\n"}, "line 3: boot.systemd stands in line 2 already"),
        ({"content": "[boot\n"}, "line 1: a section's name has only letters"),
        ({"content": "[boot]\ninitTimeout=5s\n"}, "takes a whole number, not '5s'"),
        ({"content": "[boot]\nsystemd=1\n", "remove": ["Boot.systemd"]}, "both set and to be removed"),
        ({"remove": ["boot.none"]}, "WSL knows no key 'boot.none'"),
        ({"content": "[filesystem]\numask=22\n"}, "which is 0026; write an octal mask as text"),
        ({"content": "[interop]\nenabled=0\n"}, "set allow_harmful to write it all the same."),
        ({"content": "[user]\ndefault=nosuchuser\n"}, "/etc/passwd has no such user"),
        (
            {"content": "[boot]\nsystemd=1\n", "path": "/nowhere/wsl.conf"},
            "The folder of /nowhere/wsl.conf does not exist",
        ),
        ({"content": "[boot]\nsystemd=1\n", "path": "/dev/null"}, "/dev/null cannot be read or written: not a regular"),
        ({"content": "[boot]\nsystemd=1\n", "path": "/dev"}, "/dev is a folder"),
    ],
)
def test_refusals(conf, run, options, message):
    conf.write_text("# mine\n")
    result = run(**options)
    assert result["failed"] and message in result["msg"]
    assert conf.read_text() == "# mine\n"


def test_harmful_on_request(conf, run):
    assert run(content="[interop]\nenabled=0\n[user]\ndefault=nosuchuser\n", allow_harmful=True)["changed"]


def test_pending_is_known_by_the_text_at_the_start(conf, run, wsl):
    conf.write_text("[filesystem]\numask=027\n")
    os.utime(conf, (START - 5, START - 5))
    options = {"content": "[filesystem]\numask=022\n[boot]\nsystemd=1\n[interop]\nappendWindowsPath=0\n"}
    checked = run(check=True, **options)
    applied = run(**options)
    assert checked["pending"] == applied["pending"] == ["filesystem.umask", "interop.appendWindowsPath", "boot.systemd"]
    assert applied["restart_command"] == "wsl.exe --terminate Debian"
    sentence = (
        f"filesystem.umask, interop.appendWindowsPath, boot.systemd in {conf} take effect after "
        "`wsl.exe --terminate Debian` in a Windows prompt. It ends every program and service of this distro; "
        "other distros and Windows go on."
    )
    assert applied["pending_sentences"] == [sentence]
    assert Path(wsl_judge.IN_FORCE).read_text() == "[filesystem]\numask=027\n"
    assert run(**options)["pending"] == applied["pending"]
    # The file is as at the start again: nothing is pending, and nothing is left in /run.
    assert run(state="absent")["pending"] == []
    assert not Path(wsl_judge.IN_FORCE).parent.exists()


def test_pending_when_the_file_changed_since_the_start(conf, run, wsl):
    conf.write_text("[filesystem]\numask=027\n")
    assert run()["pending"] == ["filesystem.umask"]
    run(content="[boot]\nsystemd=1\n")
    assert not Path(wsl_judge.IN_FORCE).exists()


def test_nothing_is_pending_for_a_file_that_never_was(conf, run, wsl):
    result = run(content="[filesystem]\numask=022\n[boot]\nsystemd=1\n")
    assert result["pending"] == ["boot.systemd"]
    assert Path(wsl_judge.IN_FORCE).read_text() == ""


def test_launchers_come_and_go_with_the_setting(conf, run, wsl, monkeypatch):
    folder, drive = wsl / "bin", wsl / "c"
    folder.mkdir()
    (drive / "Windows/System32").mkdir(parents=True)
    (drive / "Windows/explorer.exe").touch()
    monkeypatch.setattr(wsl_judge, "LAUNCHERS", str(folder))
    table = wsl / "root/proc/self/mountinfo"
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text(
        f"22 1 8:1 / / rw - ext4 /dev/sdc rw\n80 22 0:40 / {drive} rw - 9p C: rw,aname=drvfs;path=C:\\134;uid=1000\n"
    )
    off = {"content": "[interop]\nappendWindowsPath=false\n", "launchers": True}
    path = folder / "explorer.exe"

    checked = run(check=True, **off)
    assert f"wrote {path}" in checked["changes"] and not path.exists()
    applied = run(**off)
    assert applied["diff"] == checked["diff"] and applied["changes"] == checked["changes"]
    assert str(drive / "Windows/explorer.exe") in path.read_text() and stat.S_IMODE(path.stat().st_mode) == 0o755
    assert not run(**off)["changed"]
    # Asked for something else, they stay; with the Windows PATH they go.
    assert not run(content="")["changed"] and path.exists()
    back = {"content": "[interop]\nappendWindowsPath=true\n", "launchers": True}
    assert f"restored {path}" in run(check=True, **back)["changes"] and path.exists()
    run(**back)
    assert not path.exists()

    run(**off)
    path.write_text("#!/bin/sh\nmine\n")
    restored = run(state="absent")
    assert path.read_text() == "#!/bin/sh\nmine\n" and any(str(path) in said for said in restored["kept"])


def test_a_launcher_follows_its_program_unless_somebody_edited_it(conf, run, wsl, monkeypatch):
    folder = wsl / "bin"
    folder.mkdir()
    places = {name: f"/mnt/c/Program Files/{name}" for name in ("clip.exe", "code", "wsl.exe")}
    monkeypatch.setattr(wsl_judge, "LAUNCHERS", str(folder))
    monkeypatch.setattr(launchers, "find_in_time", lambda _mounts, _machine: places)
    monkeypatch.setattr(launchers, "names_taken", lambda *_words: [])
    off = {"content": "[interop]\nappendWindowsPath=false\n", "launchers": True}
    run(**off)
    (folder / "clip.exe").write_text("#!/bin/sh\nmine\n")
    (folder / "wsl.exe").rename(folder / "own")
    (folder / "wsl.exe").symlink_to("own")
    places.update({"code": "/c/Users/erin/code", "clip.exe": "/c/clip.exe", "wsl.exe": "/c/wsl.exe"})
    checked = run(check=True, **off)
    assert "/mnt/c/" in (folder / "code").read_text()
    assert run(**off)["changes"] == checked["changes"] == [f"wrote {folder}/code"]
    assert (folder / "code").read_text() == launchers.launcher("/c/Users/erin/code")
    assert stat.S_IMODE((folder / "code").stat().st_mode) == 0o755
    assert (folder / "clip.exe").read_text() == "#!/bin/sh\nmine\n"
    assert "/mnt/c/" in (folder / "own").read_text()
    assert not run(**off)["changed"]
    # Another Windows user's program is found no more; when the drives do not answer, none is. None is not known.
    known = dict(places)
    places.clear()
    assert not run(**off)["changed"]
    places.update({"wsl.exe": known["wsl.exe"], "code": None})
    assert not run(**off)["changed"]
    del places["code"]
    assert f"restored {folder}/code" in run(**off)["changes"] and not (folder / "code").exists()
    assert (folder / "clip.exe").read_text() == "#!/bin/sh\nmine\n"
    assert not run(**off)["changed"]


def test_a_launcher_that_is_gone_is_made_again_unless_the_distro_has_the_program_itself(conf, run, wsl, monkeypatch):
    folder, taken = wsl / "bin", []
    folder.mkdir()
    monkeypatch.setattr(wsl_judge, "LAUNCHERS", str(folder))
    monkeypatch.setattr(launchers, "find_in_time", lambda _mounts, _machine: {"code": "/c/code", "clip.exe": "/c/clip"})
    monkeypatch.setattr(launchers, "names_taken", lambda *_words: taken)
    off = {"content": "[interop]\nappendWindowsPath=false\n", "launchers": True}
    run(**off)
    (folder / "code").unlink()
    assert set(launchers.look_up(journal.Journal()).values()) == {"as_written", "gone"}
    assert run(**off)["changes"] == [f"wrote {folder}/code"]
    # Such as Microsoft's package for Linux, for which somebody deletes the launcher before it.
    (folder / "code").unlink()
    taken.append("code")
    run(**off)
    assert not (folder / "code").exists() and launchers.look_up(journal.Journal()) == {
        str(folder / "clip.exe"): "as_written"
    }


def test_check_mode_knows_the_file_that_stays_when_launchers_go(conf, run, wsl, monkeypatch):
    folder = wsl / "bin"
    folder.mkdir()
    monkeypatch.setattr(wsl_judge, "LAUNCHERS", str(folder))
    monkeypatch.setattr(launchers, "find_in_time", lambda _mounts, _machine: {})
    monkeypatch.setattr(launchers, "plan", lambda *_words: {str(folder / "explorer.exe"): "#!/bin/sh\n"})
    conf.write_text("[interop]\nappendWindowsPath=false\n")
    assert run(content=conf.read_text(), launchers=True)["changes"] == [f"wrote {folder}/explorer.exe"]
    checked = run(check=True, state="absent")
    assert checked["changes"] == [f"restored {folder}/explorer.exe"]
    assert checked["settings"] == run(state="absent")["settings"] == {"interop.appendWindowsPath": False}


def test_a_distro_without_windows_gets_no_launchers(conf, run, monkeypatch, tmp_path):
    monkeypatch.setattr(wsl_judge, "LAUNCHERS", str(tmp_path / "none"))
    run(content="[interop]\nappendWindowsPath=false\n", launchers=True)
    assert not (tmp_path / "none").exists()
