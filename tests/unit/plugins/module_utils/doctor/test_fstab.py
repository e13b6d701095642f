# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor import fstab as doctor_fstab
from ansible_collections.wsltune.go.plugins.module_utils.linux import fstab


def judged(
    text: str | None, is_wsl: bool = True, systemd: bool = True, **there: bool | None
) -> list[doctor_check.Check]:
    found: dict[str, Any] = {
        "text": text,
        "there": {"/data": True, "/mnt/c/x": True, **{k: v for k, v in there.items() if v is not None}},
        "silent": {name: "no answer in 2 s" for name, known in there.items() if known is None},
        "kinds": ["ext4", "tmpfs", "nfs"],
        "modules": False,
        "mounted": ["/", "/var/gotmp"],
    }
    return doctor_fstab.judge(found, is_wsl, systemd, ["/mnt/c"] if is_wsl else [])


GOOD = """\
# disks
LABEL=data /data ext4 defaults,nofail 0 2
tmpfs /var/gotmp tmpfs size=1g,nofail,mode=1777 0 0
C: /mnt/c drvfs metadata 0 0
/mnt/c/x /data none bind 0 0
server:/home /data nfs noauto,x-systemd.automount 0 0
"""


def test_a_good_fstab_is_ok() -> None:
    assert [check.status for check in judged(GOOD)] == ["ok", "ok"]
    assert [check.status for check in judged(None, is_wsl=False)] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("line", "said", "there"),
    [
        ("LABEL=gone /data ext4 defaults 0 2", "LABEL=gone does not exist", {"LABEL=gone": False}),
        ("/dev/sdz1 /data ext4 nofail 0 2", "/dev/sdz1 does not exist", {"/dev/sdz1": False}),
        ("tmpfs /gone tmpfs size=1m 0 0", "the folder /gone does not exist", {"/gone": False}),
        ("x /data zfs defaults 0 0", "the kernel has no file system 'zfs'", {}),
        ("/mnt/c/x /data none bind 0 0", "on a Windows drive, which WSL mounts only after fstab", {}),
        ("tmpfs /data", "has 2 of at least 3 fields", {}),
    ],
)
def test_each_line_that_fails(line: str, said: str, there: dict[str, bool]) -> None:
    failing, _hanging = judged(f"# comment\n{line}\n", **there)
    assert (failing.status in ("warning", "critical") and f"line 2: {said}" in failing.reason) or said in failing.reason
    command = "sudo mkdir -p /gone" if "folder" in said else "sudo sed -i '2s/^/# /' /etc/fstab"
    assert failing.command == command


def test_nofail_decides_how_bad_it_is() -> None:
    gone = {"/dev/sdz1": False}
    assert judged("/dev/sdz1 /data ext4 defaults 0 2\n", **gone)[0].status == "critical"
    assert judged("/dev/sdz1 /data ext4 nofail 0 2\n", **gone)[0].status == "warning"
    assert judged("/dev/sdz1 /data ext4 defaults 0 2\n", systemd=False, **gone)[0].status == "warning"


def test_systemd_makes_the_folders_of_its_mounts_but_wsl_comes_before_it() -> None:
    line = "tmpfs /gone tmpfs size=1m 0 0\n"
    assert judged(line, is_wsl=False, **{"/gone": False})[0].status == "ok"
    check = judged(line, is_wsl=True, **{"/gone": False})[0]
    assert check.status == "warning" and check.effect.startswith(
        "systemd makes the folder and mounts it later, and WSL"
    )
    assert "is not there" in judged(line, is_wsl=True, systemd=False, **{"/gone": False})[0].effect


def test_what_waits_for_the_network() -> None:
    line = "server:/home /data nfs nofail,_netdev 0 0\n"
    assert judged(line, is_wsl=False)[1].status == "ok"
    check = judged(line)[1]
    assert check.status == "warning" and check.value == 60 and "server:/home on /data, nfs" in check.reason


@pytest.mark.parametrize(
    ("row", "waits"),
    [
        # Kinds that no list has: where a source names a server, or an option does.
        ("fs-1.efs.example:/ /data efs defaults 0 0", True),
        ("mds1,mds2:/vol /data beegfs2 defaults 0 0", True),
        ("[2001:db8::1]:/export /data nfs-new defaults 0 0", True),
        ("10.0.0.5 /data 9p trans=tcp,port=564 0 0", True),
        ("ada@host:src /data fuse.mysshfs defaults 0 0", True),
        ("https://dav.example/ada /data fuse.davx defaults 0 0", True),
        ("host:/src /data fuse3.sshfs defaults 0 0", True),
        ("C:/Users /data drvfs metadata 0 0", False),
        ("C:\\\\Users /data drvfs metadata 0 0", False),
        ("hostshare /data 9p trans=virtio 0 0", False),
        ("/mnt/a:/mnt/b /data fuse.mergerfs defaults 0 0", False),
        ("pool/data /data zfs defaults 0 0", False),
        ("tmpfs /data tmpfs size=1g 0 0", False),
        ("UUID=1:/2 /data ext4 nofail 0 0", False),
        ("overlay /data overlay lowerdir=/a:/b 0 0", False),
        (".host:/ /data fuse.vmhgfs-fuse allow_other 0 0", False),
    ],
)
def test_a_source_that_names_a_server_waits_for_it(row: str, waits: bool) -> None:
    assert (judged(row + "\n")[1].status == "warning") is waits


def test_wsl_without_fstab_says_so_at_every_start() -> None:
    assert judged(None)[0].status == "warning"


def seen(content: str, **more: Any) -> dict[str, Any]:
    known = {"there": {}, "silent": {}, "kinds": ["ext4"], "modules": True, "mounted": ["/"]}
    return {"text": content, **known, **more}


@pytest.mark.parametrize(
    "row",
    [
        "//nas.example/backup /mnt/nas cifs credentials=/etc/smb.cred 0 0",
        "//nas.example/Folders /mnt/y drvfs metadata,umask=22 0 0",
        "/mnt/d1:/mnt/d2 /mnt/pool fuse.mergerfs defaults,allow_other 0 0",
        "/mnt/d* /mnt/pool fuse.mergerfs defaults 0 0",
        "/dev/sdb1:/dev/sdc1 /mnt/pool fuse.x defaults 0 0",
        "/mnt/d1 /mnt/pool mergerfs defaults 0 0",
        "sshfs#ada@host:/home /mnt/ssh fuse defaults 0 0",
        "nas:/export /mnt/nfs nfs defaults 0 0",
        "overlay /mnt/o overlay lowerdir=/gone,upperdir=/gone,workdir=/gone 0 0",
        "/share /mnt/v virtiofs defaults 0 0",
        "tmpfs /mnt/t tmpfs size=1m 0 0",
        "none /mnt/n none defaults 0 0",
        "/dev/sdb1 /mnt/i ext4 _netdev 0 0",
    ],
)
def test_sources_that_are_no_paths_are_not_looked_for(row: str) -> None:
    line = fstab.parse_line(row)
    assert line is not None and doctor_fstab.path_of(line) == ""
    content = seen(row + "\n", there={line.source: False})
    assert doctor_fstab.judge(content, False, True, [])[0].status == "ok"


@pytest.mark.parametrize(
    ("row", "path"),
    [
        (r"LABEL=My\040Disk /m ext4", r"/dev/disk/by-label/My\x20Disk"),
        ('LABEL="My\\040Disk" /m ext4', r"/dev/disk/by-label/My\x20Disk"),
        (r"LABEL=a\134b\011c /m ext4", r"/dev/disk/by-label/a\x5cb\x09c"),
        (r"LABEL=Ger\303\244t\057x /m ext4", "/dev/disk/by-label/Ger\u00e4t\\x2fx"),
        ("PARTLABEL=a\u00a0b /m ext4", "/dev/disk/by-partlabel/a\u00a0b"),
        ("ID=ata-Disk_1 /m ext4", "/dev/disk/by-id/ata-Disk_1"),
        ("PARTUUID=1-02 /m ext4", "/dev/disk/by-partuuid/1-02"),
        ("UUID=1A2B-3C4D /m vfat", "/dev/disk/by-uuid/1A2B-3C4D"),
        ("/dev/sdb1 /m auto", "/dev/sdb1"),
        ("/dev/sdb1 /m fuseblk", "/dev/sdb1"),
        ("/srv/a /m none bind", "/srv/a"),
        ("/srv/a.iso /m iso9660 loop", "/srv/a.iso"),
        ("/srv/a.img /m auto ro,loop", "/srv/a.img"),
        ("/srv/a.img /m auto ro,loop=/dev/loop3", "/srv/a.img"),
    ],
)
def test_disks_and_bound_folders_are(row: str, path: str) -> None:
    line = fstab.parse_line(row)
    assert line is not None and doctor_fstab.path_of(line) == path
    content = seen(row + "\n", there={line.source: False})
    check = doctor_fstab.judge(content, False, True, [])[0]
    assert check.status == "critical" and f"{line.source} does not exist" in check.reason


@pytest.mark.parametrize("options", ["nofail", "_netdev", "x-systemd.automount", "noauto"])
def test_what_stops_no_start_is_not_critical(options: str) -> None:
    content = seen(f"/dev/sdz1 /data ext4 {options} 0 2\n", there={"/dev/sdz1": False})
    assert doctor_fstab.judge(content, True, True, [])[0].status in ("ok", "warning")


def test_a_line_that_mount_passes_over_stops_no_start() -> None:
    check = doctor_fstab.judge(seen("/dev/sda1 /\n"), False, True, [])[0]
    assert check.status == "warning" and "so mount passes over it" in check.reason


def test_a_no_break_space_is_named() -> None:
    check = doctor_fstab.judge(seen("tmpfs\u00a0/mnt/x tmpfs nofail 0 0\n"), False, True, [])[0]
    assert check.status == "warning" and "'tmpfs' is no folder's path; a no-break space" in check.reason


@pytest.mark.parametrize("option", ["X-mount.mkdir", "x-mount.mkdir", "X-mount.mkdir=0755"])
def test_a_folder_that_mount_makes_need_not_be_there(option: str) -> None:
    content = seen(f"tmpfs /gone tmpfs {option} 0 0\n", there={"/gone": False})
    assert doctor_fstab.judge(content, True, True, [])[0].status == "ok"


def test_what_lies_on_another_mount_of_fstab_is_judged_by_that_one() -> None:
    rows = "LABEL=ext /ext ext4 nofail 0 2\n/ext/src /src none bind,nofail 0 0\n"
    answers = {"/ext/src": False}
    assert doctor_fstab.judge(seen(rows, there=answers), False, True, [])[0].status == "ok"
    own = "tmpfs /ext tmpfs size=1m 0 0\n/gone /ext none bind 0 0\nLABEL=no /ext/b ext4 nofail 0 2\n"
    reason = doctor_fstab.judge(seen(own, there={"/gone": False, "LABEL=no": False}), False, True, [])[0].reason
    assert "line 2: /gone" in reason and "line 3: LABEL=no" in reason
    reason = doctor_fstab.judge(seen(rows, there={**answers, "LABEL=ext": False}), False, True, [])[0].reason
    assert "line 1: LABEL=ext" in reason and "line 2: /ext/src" in reason


def test_a_second_opinion_that_contradicts_keeps_it_from_critical() -> None:
    rows = "LABEL=x /data ext4 defaults 0 2\n"
    gone = {"LABEL=x": False}

    def status(**more: Any) -> str:
        return doctor_fstab.judge(seen(rows, there=gone, **more), False, True, [])[0].status

    blamed = "/data\n   [E] unreachable on boot required source: LABEL=x\n\n0 parse errors, 1 error\n"
    assert doctor_fstab.parse_verify(blamed) == {"/data": ["[E] unreachable on boot required source: LABEL=x"]}
    assert status(findmnt=doctor_fstab.parse_verify(blamed)) == status(findmnt=None) == "critical"
    assert status(findmnt={}) == "warning"
    fake = "mount: /a: can't find LABEL=y.\n/proc                    : already mounted\n/data  : successfully mounted\n"
    assert doctor_fstab.parse_fake(fake) == ["/data"]
    assert status(mount_fake=doctor_fstab.parse_fake(fake)) == "warning"


def test_what_does_not_answer_is_unknown_and_said() -> None:
    rows = "nas:/export /mnt/dead nfs nofail,_netdev 0 0\n"
    failing, hanging = judged(rows, is_wsl=False, **{"/mnt/dead": None})
    assert failing.status == "unknown" and "/mnt/dead gives no answer in 2 s" in failing.reason
    assert hanging.status == "warning" and "/mnt/dead (line 1, nfs) gives no answer in 2 s" in hanging.reason
    assert hanging.command == "sudo umount -l /mnt/dead"
    _failing, hanging = judged("nas:/x /mnt/a\\040;id nfs nofail,_netdev 0 0\n", is_wsl=False, **{"/mnt/a ;id": None})
    assert hanging.command == "sudo umount -l '/mnt/a ;id'"


@pytest.mark.parametrize(
    ("row", "on_wsl", "elsewhere"),
    [
        ("nas:/v /m nfs defaults,nofail,x-systemd.automount,_netdev 0 0", "warning", "ok"),
        (r"\\nas\share /m drvfs", "warning", "ok"),
        (r"\\\\nas\share /m drvfs", "warning", "ok"),
        ("//nas/share /m drvfs metadata 0 0", "warning", "ok"),
        ("C: /mnt/c drvfs metadata 0 0", "ok", "ok"),
        ("sshfs#ada@host: /m fuse defaults 0 0", "warning", "warning"),
        ("remote: /m fuse.rclone defaults 0 0", "warning", "warning"),
        ("remote: /m rclone noauto 0 0", "ok", "ok"),
        ("nas:/v /m nfs noauto,x-systemd.automount 0 0", "ok", "ok"),
        ("/a:/b /m fuse.mergerfs defaults 0 0", "ok", "ok"),
    ],
)
def test_what_makes_a_start_wait(row: str, on_wsl: str, elsewhere: str) -> None:
    assert doctor_fstab.judge(seen(row + "\n"), True, True, [])[1].status == on_wsl
    assert doctor_fstab.judge(seen(row + "\n"), False, True, [])[1].status == elsewhere


@pytest.mark.parametrize("systemd", [True, False])
@pytest.mark.parametrize(
    "row",
    [
        "nas:/v /m nfs defaults,nofail,x-systemd.automount 0 0",
        "\t nas:/v\t/m   nfs",
        "nas:/v /m nfs  \r",
        "nas:/a\u00a0b /m nfs nofail",
        "nas:/v /m nfs nofail 0 0\r",
    ],
)
def test_the_answer_is_no_more_needed_once_it_was_followed(tmp_path: Path, row: str, systemd: bool) -> None:
    table = tmp_path / "fstab"
    rows = f"# first\n{row}\n//nas/x /n cifs\n"
    table.write_bytes(rows.encode())
    command = doctor_fstab.judge(seen(rows), True, systemd, [])[1].command
    subprocess.run(shlex.split(command.replace("sudo ", "").replace("/etc/fstab", str(table))), check=True)
    content = table.read_bytes().decode()
    assert content.startswith("# first\n") and doctor_fstab.judge(seen(content), True, systemd, [])[1].status == "ok"
    before, after = fstab.parse_line(row), fstab.parse_line(content.split("\n")[1])
    assert before is not None and after is not None and after.source == before.source
    assert set(before.options) - {"defaults"} <= set(after.options) and "noauto" in after.options
