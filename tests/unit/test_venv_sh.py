# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment counts only when it is whole: scripts/venv.sh with a Python that does as it is told."""

from __future__ import annotations

import fcntl
import http.server
import os
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "venv.sh"

# Makes what `-m venv` makes; the pip of that fails when a file says so, and counts.
PYTHON = """#!/bin/sh
case "$*" in
-V) echo Python 3.99.0 ;;
"-I -m venv"*)
    pwd >"$COUNT.where"
    for venv; do :; done
    mkdir -p "$venv/bin" && cp "$0" "$venv/bin/python" && cp "$0" "$venv/bin/pip"
    ;;
"-I -m pip"*) echo pip >>"$COUNT"; [ ! -e "$COUNT.fail" ] ;;
esac
"""

BUSYBOX_READLINK = 'case $1 in -m) echo "readlink: invalid option" >&2; exit 1 ;; esac; exec /usr/bin/readlink "$@"'


class Checkout:
    def __init__(self, folder: Path) -> None:
        self.path = "/usr/bin:/bin"
        self.root = folder / "checkout"
        self.root.mkdir()
        self.venv = self.root / ".venv"
        self.lock = folder / "lock"
        self.lock.write_text("a==1\n", encoding="utf-8")
        self.count = folder / "count"
        self.python = folder / "python"
        self.python.write_text(PYTHON, encoding="utf-8")
        self.python.chmod(0o755)

    def sh(self, script: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", f'set -u; program=p root="{self.root}" log=/dev/null; . "{SCRIPT}"; {script}'],
            env={"PATH": self.path, "HOME": str(self.root), "COUNT": str(self.count)},
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def make(self, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
        return self.sh(f'make_venv "{self.python}" "{self.lock}" "{self.venv}"', timeout)

    def counts(self) -> bool:
        return self.sh(f'venv_current "{self.venv}" "{self.lock}"').returncode == 0

    @property
    def pips(self) -> int:
        return len(self.count.read_text(encoding="utf-8").splitlines()) if self.count.exists() else 0


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_a_second_start_installs_nothing(checkout: Checkout) -> None:
    assert not checkout.counts()
    assert checkout.make().returncode == 0
    assert checkout.counts()
    assert checkout.make().returncode == 0
    assert checkout.pips == 1


def test_what_was_not_finished_does_not_count_and_is_made_again(checkout: Checkout) -> None:
    failing = checkout.count.with_name("count.fail")
    failing.touch()
    done = checkout.make()
    assert done.returncode == 3
    assert "pip could not install" in done.stderr
    assert not checkout.counts()
    failing.unlink()
    assert checkout.make().returncode == 0
    assert checkout.counts()


def test_nobody_keeps_a_start_waiting_by_a_lock_on_the_checkout(checkout: Checkout) -> None:
    """Whoever can look into a folder can lock it."""
    descriptor = os.open(checkout.root, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        done = checkout.make(timeout=60)
    finally:
        os.close(descriptor)
    assert done.returncode == 0 and checkout.counts()
    assert checkout.venv.with_name(".venv.lock").stat().st_mode & 0o777 == 0o600


def test_a_second_start_waits_for_the_first(checkout: Checkout) -> None:
    kept = checkout.venv.with_name(".venv.lock")
    kept.touch()
    with kept.open() as handle, ThreadPoolExecutor(1) as pool:
        fcntl.flock(handle, fcntl.LOCK_EX)
        second = pool.submit(checkout.make)
        time.sleep(1)
        assert not second.done() and not checkout.venv.exists()
        fcntl.flock(handle, fcntl.LOCK_UN)
        assert second.result().returncode == 0
    assert checkout.counts()


def test_a_full_disk_is_named_before_a_package_manager_and_pip_fail(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/df").write_text("#!/bin/sh\nprintf 'a b c d\\n/dev/x 9 9 3 1%% /\\n'\n")
    (tmp_path / "bin/df").chmod(0o755)
    checkout.path = f"{tmp_path}/bin:{checkout.path}"
    assert checkout.sh(f'enough_room "{checkout.root}" 3').returncode == 0
    done = checkout.sh(f'enough_room "{checkout.root}" 400')
    assert done.returncode and f"the disk is full: {checkout.root} has 3 MB free" in done.stderr
    onboard = (SCRIPT.parents[1] / "onboard.sh").read_text(encoding="utf-8")
    assert 0 < onboard.index("enough_room ") < onboard.index("    install_python\n") < onboard.index("    make_venv ")


def test_another_lock_another_place_or_a_lost_python_do_not_count(checkout: Checkout) -> None:
    checkout.make()
    checkout.lock.write_text("a==2\n", encoding="utf-8")
    assert not checkout.counts()
    checkout.make()
    assert checkout.counts()
    moved = checkout.venv.rename(checkout.root / "elsewhere")
    checkout.venv = moved
    assert not checkout.counts()
    checkout.venv = checkout.root / ".venv"
    checkout.make()
    (checkout.venv / "bin/python").unlink()
    assert not checkout.counts()


def test_a_folder_of_somebody_else_is_refused_and_kept(checkout: Checkout) -> None:
    checkout.venv.mkdir()
    (checkout.venv / "mine").touch()
    done = checkout.make()
    assert done.returncode == 3
    assert done.stderr == f"p: {checkout.venv} was not made by wsltune: move it away and start again\n"
    assert (checkout.venv / "mine").exists()


def test_a_shim_that_answers_without_running_is_no_python(checkout: Checkout) -> None:
    shim = checkout.root / "python3"
    shim.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    shim.chmod(0o755)
    assert checkout.sh(f'python_works "{shim}"').returncode != 0


def test_pip_takes_no_folder_of_the_current_one_for_an_index(checkout: Checkout) -> None:
    """It may be somebody else's, such as /tmp."""
    asked: list[str] = []

    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_words: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Index) as index:
        threading.Thread(target=index.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{index.server_port}/simple"
        (checkout.root / address / "a").mkdir(parents=True)
        checkout.lock.write_text(f"a==1 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
        python = checkout.sh("find_python").stdout.strip()
        make = f'make_venv {python} "{checkout.lock}" "{checkout.venv}"'
        checkout.sh(f'cd "$root"; export PIP_INDEX_URL={address} PIP_RETRIES=0; {make}', 60)
        index.shutdown()
    assert asked == ["/simple/a/"]


def test_no_python_loads_what_lies_in_the_current_folder(checkout: Checkout) -> None:
    """It may be somebody else's, and root may be the one who starts onboard.sh there."""
    for name in ("venv", "ensurepip", "importlib", "pip"):
        text = f'open("{checkout.root}/loaded", "a").write("{name} ")\n'
        (checkout.root / f"{name}.py").write_text(text, encoding="utf-8")
    python = checkout.sh("find_python").stdout.strip()
    done = checkout.sh(
        f'cd "$root"; python_works {python}; find_newest_python; make_venv {python} "{checkout.lock}" "{checkout.venv}"'
    )
    assert python and (checkout.venv / "bin" / "python").exists(), done.stderr
    assert not (checkout.root / "loaded").exists(), (checkout.root / "loaded").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("candidates", "packages"),
    [
        ({"python3": "3.13.5-1"}, "python3\npython3-venv\n"),
        ({"python3": "3.10.6-1~22.04", "python3.11-venv": "3.11.0~rc1-1"}, "python3.11\npython3.11-venv\n"),
        ({"python3": "3.10.6-1~22.04", "python3.11-venv": "(none)"}, ""),
    ],
)
def test_the_packages_that_give_a_python(checkout: Checkout, candidates: dict[str, str], packages: str) -> None:
    cases = "".join(f"{name}) echo '  Candidate: {version}' ;; " for name, version in candidates.items())
    done = checkout.sh(f"apt-cache() {{ case $2 in {cases} *) : ;; esac; }}; apt_python")
    assert done.stdout == packages
    assert (done.returncode == 0) == bool(packages)


PACMAN = """#!/bin/sh
echo "pacman $*" >>"$COUNT"
case "$1" in
-Qq) echo python ;;
-Qu) cat "$COUNT.outdated" 2>/dev/null ;;
-S) [ ! -e "$COUNT.fail" ] ;;
esac
"""


@pytest.fixture
def arch(checkout: Checkout, tmp_path: Path) -> Checkout:
    """A machine with pacman alone."""
    checkout.path = str(tmp_path / "bin")
    (tmp_path / "bin").mkdir()
    for name in ("sed", "grep", "readlink", "dirname", "env", "tail", "id", "bash", "sh", "cat"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    (tmp_path / "bin/pacman").write_text(PACMAN, encoding="utf-8")
    (tmp_path / "bin/pacman").chmod(0o755)
    return checkout


@pytest.mark.skipif(os.geteuid() != 0, reason="installing needs root")
def test_another_package_manager_installs_what_is_missing(arch: Checkout) -> None:
    done = arch.sh("install_packages 'the part' python cgo git")
    assert done.returncode == 0 and done.stdout == "Installing with pacman: gcc git\n"
    assert arch.count.read_text(encoding="utf-8").splitlines()[-1] == "pacman -S --needed --noconfirm gcc git"


@pytest.mark.skipif(os.geteuid() != 0, reason="installing needs root")
def test_a_partial_upgrade_is_refused(arch: Checkout) -> None:
    Path(f"{arch.count}.outdated").write_text("linux 1 -> 2 [ignored]\n", encoding="utf-8")
    assert arch.sh("install_packages 'the part' git").returncode == 0
    Path(f"{arch.count}.outdated").write_text("glibc 1 -> 2\n", encoding="utf-8")
    done = arch.sh("install_packages 'the part' git")
    assert done.returncode == 3 and "bring the machine up to date with pacman -Syu" in done.stderr
    assert arch.count.read_text(encoding="utf-8").count("pacman -S ") == 1


def test_a_distribution_that_is_not_known_is_one_sentence(arch: Checkout) -> None:
    Path(arch.path, "pacman").unlink()
    done = arch.sh("install_python")
    assert done.returncode == 3 and "supported are Debian and Ubuntu (apt), Fedora" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("whose", ["user", "link", "shared", "roots"])
def test_root_opens_its_log_where_nobody_else_can_put_a_link(checkout: Checkout, tmp_path: Path, whose: str) -> None:
    """With sudo -E, HOME and XDG_STATE_HOME are a user's."""
    state, victim = tmp_path / "state", tmp_path / "victim"
    (state / "wsltune").mkdir(parents=True)
    victim.write_text("mine", encoding="utf-8")
    log = state / "wsltune" / "setup.log"
    if whose != "roots":
        log.symlink_to(victim)
    if whose == "user":
        os.chown(state, 4711, 4711)
    elif whose == "shared":
        state.chmod(0o777)
    elif whose == "link":
        (tmp_path / "way").symlink_to(state)
        os.chown(tmp_path / "way", 4711, 4711, follow_symlinks=False)
        state = tmp_path / "way"
    # Root's own home as the test knows it.
    own = f"{tmp_path}/root"
    text = SCRIPT.read_text(encoding="utf-8")
    assert "folder=~root/" in text
    program = tmp_path / "scripts" / "venv.sh"
    program.parent.mkdir()
    program.with_name("start.sh").symlink_to(SCRIPT.with_name("start.sh"))
    program.write_text(text.replace("folder=~root/", f"folder={own}/"), encoding="utf-8")
    done = subprocess.run(
        ["bash", "-c", f'set -u; program=p root=/; . "{program}"; open_log setup.log; echo "$log"'],
        env={"PATH": checkout.path, "HOME": str(tmp_path), "XDG_STATE_HOME": str(state)},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = str(log) if whose == "roots" else f"{own}/.local/state/wsltune/setup.log"
    assert done.stdout.strip() == expected
    assert victim.read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("owner", [0, 4711])
def test_root_runs_no_python_of_another_accounts_home(tmp_path: Path, owner: int) -> None:
    """With sudo -E, HOME is a user's, and pyenv is looked for there."""
    home = tmp_path / "home"
    python = home / ".pyenv/versions/3.99/bin/python3"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n", encoding="utf-8")
    os.chown(home, owner, owner)
    done = subprocess.run(
        ["bash", "-c", f'set -u; . "{SCRIPT}"; leave_places_of_others; newest_pyenv; echo "$HOME"'],
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "PYENV_ROOT": str(home / ".pyenv")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (str(python) in done.stdout) is (owner == 0)
    assert done.stdout.splitlines()[-1] == (str(home) if owner == 0 else os.path.expanduser("~root"))
    assert "leave_places_of_others\n" in (SCRIPT.parents[1] / "onboard.sh").read_text(encoding="utf-8")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("what", ["find_python", "find_newest_python"])
@pytest.mark.parametrize("owner", [0, 4711])
def test_root_runs_no_python_of_a_folder_of_path_that_others_write_in(tmp_path: Path, owner: int, what: str) -> None:
    """Where the machine's own is too old, one of /opt/team/bin would be taken, which /etc/profile puts on PATH."""
    shared, ran = tmp_path / "shared", tmp_path / "ran"
    python = shared / "python3.14"
    shared.mkdir()
    python.write_text(f"#!/bin/sh\ntouch {ran}\necho 399\n", encoding="utf-8")
    python.chmod(0o755)
    os.chown(shared, owner, owner)
    done = subprocess.run(
        # No Python of the machine's own runs.
        ["bash", "-c", f'. "{SCRIPT}"; python_works() {{ [[ $1 = {shared}/* ]] && "$1" >/dev/null; }}; {what}'],
        env={"PATH": f"/usr/bin:/bin:{shared}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == (str(python) if owner == 0 else ""), done.stderr
    assert ran.exists() == (owner == 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("owner", [0, 4711])
def test_pip_unpacks_as_root_in_no_folder_of_another_account(tmp_path: Path, owner: int) -> None:
    """With sudo -E, TMPDIR is a user's, who can replace what lies there before it runs."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    os.chown(folder, owner, owner)
    names = {"TMPDIR": str(folder), "PYTHONPYCACHEPREFIX": str(folder), "PYTHONWARNINGS": "error"}
    names |= {"PIP_LOG": f"{folder}/pip.log", "PIP_CACHE_DIR": f"{folder}/cache", "PIP_PYTHON": f"{folder}/python"}
    # What pip starts, and what says all of that; its TLS writes keys.
    names |= {"PIP_CONFIG_FILE": f"{folder}/pip.conf", "SSLKEYLOGFILE": f"{folder}/keys"}
    done = subprocess.run(
        ["bash", "-c", f'set -u; . "{SCRIPT}"; leave_places_of_others; env'],
        env={"PATH": "/usr/bin:/bin", "PIP_INDEX_URL": "https://pypi.example/simple", **names},
        capture_output=True,
        text=True,
        check=True,
    )
    left = {line.partition("=")[0] for line in done.stdout.splitlines()}
    kept = {name for name in names if not name.startswith("PYTHON")} if owner == 0 else set()
    assert left & {"PIP_INDEX_URL", *names} == {"PIP_INDEX_URL", *kept}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("owner", [0, 4711])
@pytest.mark.parametrize("way", ["new/er", "link/new"])
@pytest.mark.parametrize("readlink", ['exec /usr/bin/readlink "$@"', BUSYBOX_READLINK])
def test_a_place_that_is_not_there_yet_is_judged_by_what_it_will_lie_in(
    tmp_path: Path, owner: int, way: str, readlink: str
) -> None:
    """A link of root's may lead to another account's folder; BusyBox's readlink has no -m."""
    folder = tmp_path / "folder"
    folder.mkdir()
    os.chown(folder, owner, owner)
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "dangling").symlink_to(folder / "gone")
    program = tmp_path / "bin/readlink"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{readlink}\n", encoding="utf-8")
    program.chmod(0o755)
    for place in (f"{folder if way == 'new/er' else tmp_path}/{way}", f"{tmp_path}/dangling"):
        done = subprocess.run(
            ["bash", "-c", f'set -u; . "{SCRIPT}"; leave_places_of_others; echo "${{TMPDIR:-none}}"'],
            env={"PATH": f"{program.parent}:/usr/bin:/bin", "TMPDIR": place},
            capture_output=True,
            text=True,
            check=True,
        )
        assert (done.stdout.strip(), done.stderr) == (place if owner == 0 else "none", "")


def test_nobody_else_can_write_in_what_is_made_whatever_the_umask_is(checkout: Checkout) -> None:
    """As with a umask of 0, which [filesystem] umask=0 of wsl.conf gives: what lies there runs at each start."""
    before = os.umask(0)
    try:
        assert checkout.make().returncode == 0
    finally:
        os.umask(before)
    made = [checkout.venv, *checkout.venv.rglob("*")]
    others = 0o022 if os.geteuid() == 0 else 0o002
    assert len(made) > 4 and [path for path in made if path.stat().st_mode & others] == []


def test_no_service_restarts_because_packages_come(checkout: Checkout) -> None:
    """A process of any account can have needrestart say that the service which started it needs that."""
    script = "log=/dev/stdout; as_root() { \"$@\"; }; manager_root sh -c 'echo $NEEDRESTART_SUSPEND,$NEEDRESTART_MODE'"
    assert checkout.sh(script).stdout.splitlines()[-1] == "1,l"


def test_what_makes_the_environment_has_no_temporary_files_in_the_current_folder(checkout: Checkout) -> None:
    """Where /tmp is full, Python makes them there, and runs what others could replace by then."""
    assert checkout.make().returncode == 0
    assert Path(f"{checkout.count}.where").read_text(encoding="utf-8") == "/\n"
