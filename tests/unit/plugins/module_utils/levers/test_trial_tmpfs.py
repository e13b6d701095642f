# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.levers import trial_tmpfs
from ansible_collections.wsltune.go.plugins.module_utils.linux import become, look, process

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a tmpfs: needs root")


def test_what_a_trial_left_running_is_ended(tmp_path: Path, eve: process.Identity) -> None:
    """A process of the user's that has a session of its own and no parent would keep the tmpfs in memory."""
    noted = tmp_path / "pid"
    noted.touch()
    os.chown(noted, eve.uid, eve.gid)

    def left() -> None:
        subprocess.run(["sh", "-c", f"setsid sh -c 'echo $$ > {noted}; exec sleep 300' & sleep 0.3"], check=True)

    def trial() -> None:
        with trial_tmpfs.mounted(1 << 20, eve.uid, eve.gid, ("tmp",), str(tmp_path)):
            become.ask(eve, left)
            assert os.path.exists(f"/proc/{noted.read_text().strip()}")

    for directory in (tmp_path, *tmp_path.parents[:-1]):
        directory.chmod(directory.stat().st_mode | 0o011)
    look.once(trial, 20.0)
    assert not os.path.exists(f"/proc/{noted.read_text().strip()}")


def test_what_the_trial_did_not_start_goes_on(tmp_path: Path) -> None:
    """Another process of the caller's is no descendant of the trial's process, and goes on."""
    with subprocess.Popen(["sleep", "300"]) as other:

        def trial() -> None:
            with trial_tmpfs.mounted(1 << 20, 0, 0, ("tmp",), str(tmp_path)):
                pass

        look.once(trial, 20.0)
        assert other.poll() is None
        other.kill()


def test_what_another_account_put_in_its_place_stops_no_trial(tmp_path: Path, eve: process.Identity) -> None:
    """Where podman mounts /run, all can write in it, and the next number of a process can be guessed."""
    tmp_path.chmod(0o1777)

    def trial() -> list[str]:
        theirs = tmp_path / f"{trial_tmpfs.TRIAL_PREFIX}{os.getpid()}" / "inner"
        theirs.mkdir(parents=True)
        for path in (theirs, theirs.parent):
            os.chown(path, eve.uid, eve.gid)
        with trial_tmpfs.mounted(1 << 20, eve.uid, eve.gid, ("tmp",), str(tmp_path)) as folder:
            return [folder, *os.listdir(folder)]

    folder, *names = look.once(trial, 20.0)
    assert names == ["tmp"] and not os.path.lexists(folder)
