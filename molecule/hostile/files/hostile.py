# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tries, as accounts without rights, to have root do harm: hostile.py MACHINE PORT accounts|folders [CASE...].

accounts    what users have in their homes and take in the tmpfs, over two runs of site.yml, a restart and a rollback
folders     what root does in folders that others may change: the doctor, measuring, the copies of projects, races

CASE is a part of a case's name; the others are left out. Prints how each went and {"cases": 3, "wrong": [sentences]}.
What the runs said is kept in ~/.cache/wsltune/MACHINE-NUMBER.txt.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests/containers"))
from driver import CACHE, ROOT, Machine, Play

HERE = Path(__file__).resolve().parent
MODULES = "../molecule/hostile/modules.yml"
WISHES = {
    "go_tmpfs_place": "gotmpdir",
    "go_tmpfs_size": "1g",
    "wsl_conf_force": True,
    "wsl_conf_interop_append_windows_path": False,
}
MOUNT = "/var/cache/gotmp"
TREE = "/srv/tree/usr/local/go"
"""Of a container's, in which root's own Go lies."""
HONEST = ["root", "alice", "bob", "carol", "dev"]
LIMIT = 300
"""Seconds after which a run hangs."""

# What the machine is for those who do no harm; GO is what the Go commands were at first, by hash.
LOOK = """
import glob, hashlib, json, os, pwd, stat, subprocess, sys
originals = json.loads(sys.argv[1])
folders, wrong = {}, []
for path in ['/', '/etc', '/home', '/root', '/tmp', '/usr', '/usr/local', '/usr/local/bin', '/usr/local/go',
             '/usr/local/go/bin', '/srv', '/var', '/var/cache', '/var/tmp', *glob.glob('/home/*'), *glob.glob('/srv/*'),
             *glob.glob('/srv/*/*')]:
    status = os.lstat(path)
    try:
        owner = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        owner = str(status.st_uid)
    folders[path] = '%o %s' % (stat.S_IMODE(status.st_mode), owner)
tries = {}
for user in ('root', 'alice', 'dev'):
    tries[user] = subprocess.Popen(
        ['timeout', '60', 'su', '-', user, '-c', 'go version && cd /usr/local/share/gotest && go test . && '
         '/usr/local/go/bin/go version'],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
for user, tried in tries.items():
    said = tried.communicate()[0]
    if tried.returncode or said.count('go version go1') != 2:
        wrong.append('the Go of %s: exit %s: %s' % (user, tried.returncode, said.strip()[-300:]))
for path in glob.glob('/tmp/eve-*'):
    owner = pwd.getpwuid(os.lstat(path).st_uid).pw_name
    if not owner.startswith('eve'):
        with open(path) as handle:
            wrong.append('a program of eve ran as %s: %s' % (owner, handle.read().split()[:1]))
for path, digest in originals.items():
    found = []
    for one in (path, path + '.distrib'):
        if os.path.isfile(one):
            with open(one, 'rb') as handle:
                found.append(hashlib.sha256(handle.read()).hexdigest())
    if digest not in found:
        wrong.append('the original of %s is lost' % path)
print(json.dumps({'folders': folders, 'wrong': wrong}))
"""
KEEP_GO = """
mkdir -p /var/tmp/originals
for go in /usr/local/go/bin/go /usr/lib/go-1.24/bin/go; do cp -p $go /var/tmp/originals/$(echo $go | tr / _); done
sha256sum /usr/local/go/bin/go /usr/lib/go-1.24/bin/go
"""
MEND = """
rm -f /tmp/eve-*
for go in /usr/local/go/bin/go /usr/lib/go-1.24/bin/go; do
    original=/var/tmp/originals/$(echo $go | tr / _)
    cmp -s $original $go || cmp -s $original $go.distrib || { rm -f $go.distrib; cp -p $original $go; }
done
while mountpoint -q /etc && umount /etc; do :; done
"""
# Has another program that writes fstab: one line every 50 ms, each opened anew.
APPEND = """
import os, time
if os.path.exists('/var/tmp/lines'):
    number = len(open('/var/tmp/lines').read().split())
else:
    number = 0
while True:
    number += 1
    with open('/etc/fstab', 'a') as handle:
        handle.write('# line %d of another program\\n' % number)
    with open('/var/tmp/lines', 'a') as handle:
        handle.write('%d\\n' % number)
    # A file of many thousand lines takes longer to judge than twenty a second leave between two of them.
    time.sleep(0.05 if number < 2000 else 0.5)
"""
# The most memory that a Python program of root had, and the most that lay in shared memory, in MiB.
MEMORY = """
import os, re, time
most = shared = 0
def shmem():
    with open('/sys/fs/cgroup/memory/memory.stat') as handle:
        return int(re.search('^total_shmem (.*)$', handle.read(), re.M)[1]) >> 20
try:
    first = shmem()
except OSError:
    first = None
while True:
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/status' % pid) as handle:
                text = handle.read()
            if int(pid) != os.getpid() and text.startswith('Name:\\tpython3') and '\\nUid:\\t0\\t' in text:
                most = max(most, int(re.search('VmHWM:\\\\s*(.*) kB', text)[1]) >> 10)
        except (OSError, TypeError):
            pass
    if first is not None:
        shared = max(shared, shmem() - first)
    with open('/run/memory.new', 'w') as handle:
        handle.write('%d %d' % (most, shared))
    os.rename('/run/memory.new', '/run/memory')
    time.sleep(0.03)
"""
# What everybody would run as `go` afterwards.
EVIL = r"""printf '#!/bin/sh\nid >> /tmp/eve-$(id -un)\necho broken; exit 1\n' > ~/sdk/evil; chmod 755 ~/sdk/evil"""
# What every Python of eve's prints that is not asked for a word by -c.
ANSWERS = r"""
folder=$(python3 -c 'import site; print(site.getusersitepackages())') && mkdir -p $folder &&
cat > $folder/usercustomize.py <<'X'
import json, os, sys
if "-c" not in sys.orig_argv:
    module = {"path": "/home/eve/shop", "module": "x", "go": "1.24", "toolchain": "", "reason": "", "required": 0,
              "replaced": [], "mains": ["."], "cgo": [], "unread": [], "vendor": False, "has_sum": False, "files": {},
              "user": "root"}
    print(json.dumps({"changed": True, "ansible_facts": {"go_module": module}, "stat": {"exists": False}}))
    sys.stdout.flush()
    os._exit(0)
X
"""
# What a login exports, so that every program that has it loads or starts what is eve's.
LOADED = r"""
mkdir -p ~/bin ~/py
echo '/usr/bin/id >> /tmp/eve-$(/usr/bin/id -un)-rc' > ~/py/rc
for name in python3 git su mount umount env sh bash systemctl stat getent dpkg-divert id ssh; do
    printf '#!/bin/bash -p\n/usr/bin/id >> /tmp/eve-$(/usr/bin/id -un)-%s\n' $name > ~/bin/$name
    echo "exec /usr/bin/$name \"\$@\"" >> ~/bin/$name
done
chmod 755 ~/bin/*
cat > ~/load.c <<'X'
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void load(void)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/eve-load-%d", (int)geteuid());
    close(open(path, O_CREAT | O_WRONLY, 0644));
}
X
gcc -shared -fPIC -o ~/load.so ~/load.c
echo 'import os; open("/tmp/eve-py-%d" % os.geteuid(), "w").close()' | tee ~/py/sitecustomize.py > ~/py/usercustomize.py
cat > ~/.profile <<'X'
export PATH=$HOME/bin:$PATH LD_PRELOAD=$HOME/load.so LD_LIBRARY_PATH=$HOME GCONV_PATH=$HOME LOCPATH=$HOME
export LC_ALL=../../home/eveload/locale LANGUAGE=../.. BASH_ENV=$HOME/py/rc ENV=$HOME/py/rc IFS=/ TMPDIR=/root
export PYTHONPATH=$HOME/py PYTHONINSPECT=1 PYTHONUSERBASE=$HOME/py PYTHONPYCACHEPREFIX=$HOME/py
export PYTHONSTARTUP=$HOME/py/sitecustomize.py GIT_DIR=/root GIT_EXEC_PATH=$HOME/bin
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.fsmonitor GIT_CONFIG_VALUE_0=$HOME/bin/git
X
"""
SDK = r"""
mkdir -p ~/sdk/go1.20/bin ~/sdk/go1.20/pkg/tool
printf '#!/bin/sh\necho eve-go\n' > ~/sdk/go1.20/bin/go
chmod 755 ~ ~/sdk ~/sdk/go1.20 ~/sdk/go1.20/bin ~/sdk/go1.20/bin/go
"""


@dataclass
class Row:
    """What one account has set up, and what must be so after a run for everybody."""

    name: str
    account: str
    setup: str
    noted: bool = True
    stays: str = ""
    """A test (1) that the account's own thing is still what it was."""


# The login that root starts to look at the environment starts the swap.
SHIMS = [
    Row(
        "a Go command in a home whose folder becomes a link to the system's",
        "eveshim",
        SDK
        + EVIL
        + r"""
cat > ~/.profile <<'X'
[ -L ~/sdk/go1.20/bin ] || setsid sh -c '
  sleep 2
  mv ~/sdk/go1.20/bin ~/sdk/go1.20/own; ln -s /usr/local/go/bin ~/sdk/go1.20/bin
  while ! grep -q sdk/go1.20 /usr/local/go/bin/go; do sleep 0.1; done
  rm ~/sdk/go1.20/bin; mkdir ~/sdk/go1.20/bin; cp ~/sdk/evil ~/sdk/go1.20/bin/go.distrib' >/dev/null 2>&1 </dev/null &
X
""",
        noted=False,
    ),
    Row(
        "a Go command in a home that becomes a pipe",
        "evepipe",
        SDK
        + r"""
cat > ~/.profile <<'X'
[ -p ~/sdk/go1.20/bin/go ] || setsid sh -c '
  sleep 2
  rm ~/sdk/go1.20/bin/go; mkfifo -m 755 ~/sdk/go1.20/bin/go' >/dev/null 2>&1 </dev/null &
X
""",
        noted=False,
    ),
    Row(
        "an export with what a terminal obeys",
        "eveescape",
        r"""printf 'export GOTMPDIR="$(printf "%%s" "/home/eveescape/\033]0;taken over\007\033[2J")"\n' > ~/.profile""",
    ),
    Row(
        "a Go command in a team's folder that becomes a link to another user's file",
        "eve",
        r"""
mkdir -p /srv/team/pkg/tool /srv/team/sdk
printf '#!/bin/sh\necho own\n' > /srv/team/sdk/go; chmod 755 /srv/team/sdk/go
cat > ~/.profile <<'X'
PATH=$PATH:/srv/team/sdk
[ -L /srv/team/sdk/go ] || setsid sh -c '
  sleep 2
  mv /srv/team/sdk/go /srv/team/sdk/own; ln -s /home/dev/.profile /srv/team/sdk/go
  until grep -q distrib /home/dev/.profile; do sleep 0.1; done
  cp ~/sdk/evil /srv/team/sdk/go.distrib' >/dev/null 2>&1 </dev/null &
X
mkdir -p ~/sdk
"""
        + EVIL,
        noted=False,
    ),
    Row("a folder in the tmpfs that its owner mounts something on", "evemount", "true", noted=False),
    Row("a folder that its owner locks before the rollback", "evelock", "true", noted=False),
]
ROWS = [
    Row(
        "a login that makes its output 20 TiB long",
        "evetruncate",
        "echo 'truncate -s 20T /proc/self/fd/1' > ~/.profile",
    ),
    Row("a login that prints 3 GB", "eveflood", "echo 'head -c 3000000000 /dev/zero' > ~/.profile"),
    Row(
        "settings of 900 GB",
        "evehuge",
        "mkdir -p ~/.config/go && truncate -s 900G ~/.config/go/env",
        stays="$(stat -c %s ~/.config/go/env) -gt 900000000000",
    ),
    Row(
        "settings that are a pipe",
        "evefifo",
        "mkdir -p ~/.config/go && mkfifo ~/.config/go/env",
        stays="-p ~/.config/go/env",
    ),
    Row("settings that are a folder", "evefolder", "mkdir -p ~/.config/go/env", stays="-d ~/.config/go/env"),
    Row(
        "settings that their owner cannot read",
        "evelocked",
        "mkdir -p ~/.config/go && echo GOFLAGS=-v > ~/.config/go/env && chmod 0 ~/.config/go/env",
        stays="$(stat -c %a-%s ~/.config/go/env) = 0-11",
    ),
    Row(
        "a path that is no UTF-8", "evebyte", r"""printf 'export GOENV="$HOME/\377/env"\n' > ~/.profile""", noted=False
    ),
    Row(
        "an honest path of 300 characters",
        "evedeep",
        "a=$(printf 'a%.0s' $(seq 150)); echo \"export GOENV=$HOME/$a/b$a/env\" > ~/.profile",
        noted=False,
    ),
    Row("a login that never ends", "evesleep", "echo 'sleep 1000' > ~/.profile"),
    Row(
        "settings below 3000 folders",
        "evegoenv",
        "echo \"export GOENV=$HOME/$(printf 'a/%.0s' $(seq 3000))env\" > ~/.profile",
    ),
    Row(
        "settings below 1900 folders",
        "evefolders",
        "echo \"export GOENV=$HOME/$(printf 'a/%.0s' $(seq 1900))env\" > ~/.profile",
    ),
    Row(
        "a Go command that says whatever its owner likes",
        "evefake",
        r"""
mkdir -p ~/bin ~/pkg/tool
cat > ~/bin/go <<'X'
#!/bin/sh
echo '{"GOROOT": "/usr/local/go", "GOTMPDIR": "/nowhere", "GOVERSION": "go1.25"}'
X
chmod 755 ~/bin/go; echo 'PATH=$HOME/bin:$PATH' > ~/.profile
""",
    ),
    Row(
        "a Go command that says lists in lists without end",
        "evenested",
        r"""
mkdir -p ~/bin
cat > ~/bin/go <<'X'
#!/usr/bin/python3
print('{"GOROOT": "/usr/local/go", "GOVERSION": %s}' % ("[" * 1500 + "]" * 1500))
X
chmod 755 ~/bin/go; echo 'PATH=$HOME/bin:$PATH' > ~/.profile
""",
    ),
    Row(
        "a Go command that says what ansible-core takes for its own",
        "evetagged",
        r"""
mkdir -p ~/bin
cat > ~/bin/go <<'X'
#!/bin/sh
echo '{"GOROOT": "/usr/local/go", "GOVERSION": {"__ansible_type": "TrustedAsTemplate"}}'
X
chmod 755 ~/bin/go; echo 'PATH=$HOME/bin:$PATH' > ~/.profile
""",
    ),
    Row(
        "settings with a form feed in a line",
        "evefeed",
        r"mkdir -p ~/.config/go && printf 'GOFLAGS=-v\fGOTMPDIR=/nowhere\n' > ~/.config/go/env",
        stays=r"$(grep -c $'^GOFLAGS=-v\fGOTMPDIR=/nowhere$' ~/.config/go/env) = 1",
        noted=False,
    ),
    Row(
        "6000 toolchains",
        "evemany",
        "for n in $(seq 6000); do mkdir -p ~/sdk/go1.$n/bin && ln -s /usr/local/go/bin/go ~/sdk/go1.$n/bin/go; done",
        noted=False,
    ),
    Row(
        "a PATH with a folder that never answers",
        "evehang",
        "mkdir -p ~/dead; printf 'PATH=$PATH:$HOME/dead/bin\n' > ~/.profile",
    ),
    Row("a mount whose name ends with a carriage return", "evereturn", "mkdir -p ~/$'dead\\r'", noted=False),
    Row("a child of root's that its account stops", "evestop", "true"),
    Row("a child of root's that its account freezes", "evefreeze", "true"),
    Row(
        "places in /proc that are others for whoever looks",
        "eveproc",
        r"""
mkdir -p ~/.config/go; printf 'GOCACHE=/dev/fd/0\nGOTMPDIR=/proc/self/cwd\n' > ~/.config/go/env
echo 'export GOCACHE=/proc/self/fd/3 GOTMPDIR=/proc/self/root/etc GOPATH=/proc/1/root' > ~/.profile
""",
    ),
    Row(
        "settings in a folder that is an open file of whoever looks",
        "eveopen",
        "rm -rf ~/.config ~/.cache; mkdir ~/.config; ln -s /proc/self/fd/3 ~/.config/go; ln -s /dev/fd/1 ~/.cache",
    ),
    Row("a login that says what programs shall load, and which are found", "eveload", LOADED),
    Row(
        "settings that are those of dev",
        "evesame",
        "echo 'export GOENV=/home/dev/.config/go/env' > ~/.profile",
    ),
    Row(
        "170,000 settings in a file",
        "evelines",
        "mkdir -p ~/.config/go && seq -f 'A%06.0f=' 100000 | head -c 1000000 > ~/.config/go/env",
        noted=False,
    ),
]
DRIVES = {
    "evehang": ("/home/evehang/dead", "hangs"),
    "evereturn": ("/home/evereturn/dead\r", "answers"),
    "evemount": (MOUNT, "answers"),
}
"""FUSE file systems of these accounts during the second run, on the account's own folder where MOUNT stands."""
# Stops every Python of this account's but itself.
STOP = """
import os, signal, time
while True:
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/status' % pid) as handle:
                status = handle.read()
            if int(pid) != os.getpid() and 'Name:\\tpython' in status and '\\nUid:\\t%d' % os.getuid() in status:
                os.kill(int(pid), signal.SIGSTOP)
        except OSError:
            pass
    time.sleep(0.02)
"""
# As pam_cgfs gives one to each login: what is frozen does not even die. It thaws by itself, because nobody could
# remove the machine otherwise.
FREEZER = "/sys/fs/cgroup/freezer/eve"
FREEZE = """
import os, sys, time
until = time.monotonic() + 150
while time.monotonic() < until:
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/status' % pid) as handle:
                is_own = '\\nUid:\\t%d' % os.getuid() in handle.read()
            if is_own and int(pid) != os.getpid():
                with open(sys.argv[1] + '/tasks', 'w') as handle:
                    handle.write(pid)
        except OSError:
            pass
    time.sleep(0.02)
with open(sys.argv[1] + '/freezer.state', 'w') as handle:
    handle.write('THAWED')
"""
NAMES = "names taken in the tmpfs, before it was root's alone"
REPRO = """
import os, stat, sys
sys.path.insert(0, '/var/tmp/hostile')
from ansible_collections.wsltune.go.plugins.module_utils.benchmark import bench
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts
account = accounts.find(['alice'])[0]
os.makedirs('/srv/big', exist_ok=True)
with open('/srv/big/go.mod', 'w') as handle:
    handle.write('module big\\n')
with open('/srv/big/blob', 'wb') as handle:
    os.posix_fallocate(handle.fileno(), 0, bench.COPY_LIMIT + 1)
def copy():
    with bench.copy_home(account, '/srv/big'):
        return 'it was copied'
try:
    print(bench.run_as_user(account, copy, 1))
except bench.BenchmarkError as error:
    print(error)
os.unlink('/srv/big/blob')
"""
KEYS = """
import os, sys
sys.path.insert(0, '/var/tmp/hostile')
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, process
call, add = {'x86_64': (250, 248), 'aarch64': (219, 217)}[os.uname().machine]
process.LIBRARY.syscall(call, 1, None)
if process.LIBRARY.syscall(add, b'user', b'key-of-root', b'secret', 6, -3) < 0:
    sys.exit('the kernel has no keys')
eve, = map(accounts.identity, accounts.find(['eve']))
look = ['cat', '/proc/keys']
paths = {'PATH': '/usr/bin:/bin'}
for seen in (process.run(look, paths).out, process.run(look, paths, identity=eve).out,
             become.ask(eve, lambda: process.run(look, paths).out)):
    print('key-of-root' in seen)
"""
MODULES_OF_EVE = r"""
mkdir -p ~/cloned && cd ~/cloned
for name in venv ensurepip importlib pip json; do
    echo 'open("/tmp/eve-was-here", "a").close()' > $name.py
done
"""
SWAP_CACHE = r"""
while :; do
  set -- ~/.cache/wsltune-bench-*
  [ -d "$1" ] && { sleep 1; mv ~/.cache ~/.c2; ln -s / ~/.cache; exit; }
  sleep 0.05
done
"""
FILTER = r"""
cd %s/lib
git config --global --add safe.directory '*'
git init -q . && git config user.email e && git config user.name e
cp f f.kept && git add f && git commit -qm one && rm f.kept
git config filter.evil.clean 'sh -c "id > /tmp/eve-was-here-$(id -un); cat"'
mkdir -p .git/info && echo '* filter=evil' > .git/info/attributes
chmod -R g+rwX .git
rm f && printf 'SOME text\n' > f
"""
SHARED_FILTER = r"""
cd %s
git config --global --add safe.directory '*'
git config filter.evil.clean 'sh -c "id > /tmp/eve-was-here-$(id -un); cat"'
mkdir -p .git/info && echo '* filter=evil' > .git/info/attributes
rm f && echo two > f
"""
# Git takes a folder for a repository by itself where its .git is none, and /tmp is root's.
REPOSITORY_OF_TMP = r"""
printf '#!/bin/sh\nid >> /tmp/eve-$(id -un)\n' > ~/monitor && chmod 755 ~/monitor
git init -q --bare ~/bare && cd ~/bare && git config core.bare false && git config core.worktree /tmp
git config core.fsmonitor ~/monitor && mkdir /tmp/.git && cp -r HEAD config objects refs /tmp && rm -rf ~/bare
"""
CODE_OF_EVE = r"""
mkdir ~/lib && cd ~/lib && printf 'module example.com/lib\n\ngo 1.19\n' > go.mod
printf 'package lib\n\nimport "os"\n\nfunc init() { os.WriteFile("/tmp/eve-lib", []byte("x"), 0644) }\n' > lib.go
"""
NO_GIT_FOLDER = r"""
cd %s/lib
mv .git/* .
git config --file config core.worktree "$PWD"
"""
SWAP_SOURCE = """
import os
while not os.path.isdir('/home/eve/src/shop'):
    pass
os.rename('/home/eve/slow/shop', '/home/eve/slow/shop.own')
os.symlink('/etc', '/home/eve/slow/shop')
"""
# Puts a folder of eve's in the place of each that dev's Go makes, with a program of eve's in it.
TAKE_DEV = """
import contextlib, os, pwd, shutil
place = '/var/cache/gotmp/%d' % pwd.getpwnam('dev').pw_uid
with open('/home/eve/main', 'w') as handle:
    handle.write('#!/bin/sh\\nid > /tmp/eve-ran-as-$(id -un)\\n')
os.umask(0)
number = 0
while True:
    with contextlib.suppress(OSError):
        os.mkdir(place, 0o777)
    with contextlib.suppress(OSError):
        for name in os.listdir(place):
            work = os.path.join(place, name)
            if not name.startswith('go-build'):
                continue
            number += 1
            if os.lstat(work).st_uid != os.getuid():
                os.rename(work, os.path.join(place, 'old%d' % number))
                os.makedirs(work + '/b001/exe', 0o777)
            new = os.path.join(place, 'new%d' % number)
            shutil.copyfile('/home/eve/main', new)
            os.chmod(new, 0o755)
            os.rename(new, work + '/b001/exe/main')
"""


TEST_OF_EVE = """package m

import (
	"os"
	"os/user"
	"testing"
)

func TestE(t *testing.T) {
	u, _ := user.Current()
	os.WriteFile("/tmp/eve-was-here-"+u.Username, nil, 0o644)
}
"""


class Guarded(Machine):
    """One whose commands end, whatever hangs there."""

    def run(self, *words: str, check: bool = True, text: str | None = None) -> str:
        """Run a command within LIMIT seconds, so that a hostile account cannot hold the test."""
        result = subprocess.run(
            self.command("timeout", "-k", "5", str(LIMIT), *words),
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and result.returncode != 0:
            raise RuntimeError(f"{' '.join(words)[-300:]}: exit {result.returncode}: {result.stderr.strip()[-400:]}")
        return result.stdout


class Trials:
    """Runs plays on one machine and collects what a hostile account achieved."""

    def __init__(self, machine: Machine, only: list[str]) -> None:
        self.machine, self.only = machine, only
        self.wrong: list[str] = []
        self.cases = self.runs = 0
        self.usual = 0.0
        self.now = ""
        self.beside: dict[str, subprocess.Popen] = {}
        self.appending = ""
        kept = self.root(KEEP_GO).split()
        self.originals = json.dumps(dict(zip(kept[1::2], kept[::2])))
        self.last = self.look()
        if self.last["wrong"]:
            sys.exit(f"the machine is broken before any case: {self.last['wrong']}")

    def root(self, script: str, check: bool = True) -> str:
        """Run a script as root, without a login."""
        return self.machine.run("bash", "-ec", script, check=check)

    def user(self, name: str, script: str, check: bool = True) -> str:
        """Run a script as the account, without a login."""
        return self.machine.run(*self._as(name), "bash", "-ec", script, check=check)

    def folder(self, name: str) -> str:
        """Return an account's folder in the tmpfs."""
        return f"{MOUNT}/{self.root(f'id -u {name}').strip()}"

    @staticmethod
    def _as(name: str) -> list[str]:
        return ["runuser", "-u", name, "--", "env", "-C", f"/home/{name}", f"HOME=/home/{name}"]

    def start(self, *words: str) -> str:
        """Let a program run beside what follows; return what stop() ends it by."""
        name = f"/run/beside-{len(self.beside)}"
        command = self.machine.command("setsid", "-w", "sh", "-c", 'echo $$ > "$0"; exec "$@"', name, *words)
        nothing = subprocess.DEVNULL
        self.beside[name] = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing)
        return name

    def stop(self, name: str) -> None:
        """Kill what start() started, with its children."""
        self.root(f"[ ! -e {name} ] || kill -KILL -- -$(cat {name}) || true")
        self.beside[name].kill()
        self.beside[name].wait()

    def end(self, rows: list[Row]) -> None:
        """End what hostile accounts still have running."""
        for row in rows:
            self.root(f"! id {row.account} >/dev/null 2>&1 || pkill -KILL -U {row.account} || true")

    def look(self) -> dict:
        """Return what must stay as it is: root's files, and whether the honest accounts' Go works."""
        return json.loads(self.machine.run("python3", "-c", LOOK, getattr(self, "originals", "{}")).splitlines()[-1])

    def expect(self, right: object, sentence: str) -> None:
        """Keep the sentence, with the case it belongs to, where it is not right."""
        if not right:
            self.wrong.append(f"{self.now}: {sentence}")

    def wants(self, name: str) -> bool:
        """Return whether the case was asked for; without a choice all are."""
        return not self.only or any(word in name for word in self.only)

    @contextlib.contextmanager
    def case(self, name: str, count: int = 1) -> Iterator[None]:
        """Run a case, after which nobody but the hostile account may have noticed anything."""
        self.now, before, begin = name, len(self.wrong), time.monotonic()
        try:
            yield
        except (RuntimeError, subprocess.SubprocessError, ValueError, KeyError, IndexError) as error:
            self.wrong.append(f"{name}: {type(error).__name__}: {str(error)[-500:]}")
        self.now = name
        try:
            after = self.look()
        except RuntimeError as error:
            after = {"folders": {}, "wrong": [f"the machine cannot be looked at: {str(error)[-200:]}"]}
        for path, old in self.last["folders"].items():
            new = after["folders"].get(path)
            self.expect(new in (old, None), f"{path} was {old} and is {new}")
        for sentence in after["wrong"]:
            self.expect(False, sentence)
        if len(self.wrong) > before:
            modes = "; ".join(f"chmod {facts.split()[0]} {path}" for path, facts in self.last["folders"].items())
            self.machine.run("/bin/bash", "-c", modes + MEND, check=False)
            after = self.look()
        self.last = after
        self.cases += count
        print(
            f"{'as it should be' if len(self.wrong) == before else 'WRONG'}, {time.monotonic() - begin:.1f} s: {name}",
            flush=True,
        )
        for sentence in self.wrong[before:]:
            print(f"    {sentence[:700]}", flush=True)

    def play(self, playbook: str, **variables: object) -> Play:
        """Run a playbook within LIMIT seconds (exit code 124 after that) and keep its output."""
        begin = time.monotonic()
        with tempfile.TemporaryFile() as output:
            process = self.machine.start(playbook, WISHES | variables, output, verbosity=1)
            try:
                code = process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                self.machine.kill(process)
                code = 124
            output.seek(0)
            text = output.read().decode("utf-8", "replace")
        self.runs += 1
        (CACHE / f"{self.machine.name}-{self.runs}.txt").write_text(text, encoding="utf-8")
        self.expect(
            not re.search(
                r"Traceback|Module result deserialization failed|MODULE FAILURE|Module failed\.|<<< caused by >>>", text
            ),
            f"no sentence but {text[-500:]}",
        )
        print(f"    {playbook}: exit {code}, {time.monotonic() - begin:.1f} s", flush=True)
        return Play(code, text, time.monotonic() - begin)

    def succeeds(self, play: Play) -> None:
        """Expect exit code 0."""
        said = re.search(r"(?s)fatal: .*?(?=\nPLAY RECAP|\Z)", play.output)
        self.expect(play.code == 0, f"the run exits {play.code}: {(said[0] if said else play.output)[:600]}")

    def served(self, users: list[str]) -> None:
        """Each has an own folder in the tmpfs, and a fresh login's Go uses it."""
        for user in users:
            folder = self.folder(user)
            said = self.root(
                f"timeout 60 su - {user} -c 'go env GOTMPDIR' | tail -1; stat -c '%a %U' {folder}", check=False
            )
            self.expect(said.split() == [folder, "700", user], f"{user} is not served: {said!r}")

    def make(self, rows: list[Row]) -> list[Row]:
        """Make the accounts of the wanted rows with their obstacles; return these rows."""
        rows = [row for row in rows if self.wants(row.name)]
        for row in rows:
            self.root(f"id {row.account} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash {row.account}")
            self.user(row.account, row.setup)
        self.last = self.look() if rows else self.last
        return rows

    def check(self, rows: list[Row], play: Play) -> None:
        """Expect that each row's account is served or named in a note, and that what must stay stayed."""
        noted = notes(play)
        alone = re.findall(rf"\b(?:{'|'.join(HONEST)})'s Go settings are left alone[^;]*", noted)
        self.expect(not alone, f"others are not set up: {alone}")
        self.expect(len(play.output) < 1 << 20, f"the run says {len(play.output)} bytes")
        for row in rows:
            self.now = row.name
            settings = (
                self.root(f"cat /home/{row.account}/.config/go/env 2>/dev/null | head -c 4000", False)
                if not row.stays
                else ""
            )
            served = f"GOTMPDIR={self.folder(row.account)}\n" in settings
            self.expect(
                re.search(rf"\b{row.account}\b", noted) or served or not row.noted,
                f"{row.account} is not served, and no note says so: {noted}",
            )
            if row.stays:
                right = self.machine.run(
                    *self._as(row.account), "bash", "-c", f"[ {row.stays} ] && echo yes", check=False
                )
                self.expect("yes" in right, f"what was {row.account}'s is not what it was: [ {row.stays} ]")


def notes(play: Play) -> str:
    """Return the notes that the modules returned; the summary has no room for those of twenty accounts."""
    found: list[str] = []
    for text in re.findall(r"(?m)^(?:ok|changed): \[[^]]+\] => (\{.*\})$", play.output):
        found += json.loads(text).get("notes", [])
    return " ".join(found)


# The part accounts


def accounts(trials: Trials) -> None:
    """Run all cases of what users have in their homes and take in the tmpfs."""
    trials.machine.snapshot("take", "/var/tmp/before.json")
    trials.root("rm -f /var/tmp/lines; cp -p /etc/fstab /var/tmp/fstab.before")
    trials.root("grep -q '^domain users:' /etc/group || echo 'domain users:x:5000:' >> /etc/group")
    trials.root("id zed >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --gid 5000 zed")
    first_run(trials)
    second_run(trials)
    shared_tmpfs(trials)
    rollback(trials)


def first_run(trials: Trials) -> None:
    """Run site.yml where every home has an obstacle to replacing Go's commands."""
    rows = trials.make(SHIMS)
    with trials.case("the first run, in which Go's commands are replaced", max(1, len(rows))):
        theirs = brew_of_eve(trials)
        trials.appending = trials.start("python3", "-c", APPEND)
        play = trials.play("site.yml", go_env_cgo_enabled="false")
        trials.usual = play.seconds
        trials.succeeds(play)
        trials.check(rows, play)
        trials.now = "the first run"
        shown = play.output
        trials.expect(
            "\x1b]0;" not in shown and "\\u001b" not in shown, "an escape sequence of eve's reaches the terminal"
        )
        if any(row.account == "eveescape" for row in rows):
            trials.expect("\\x1b" in notes(play), f"the sequence is not spelled out: {notes(play)}")
        trials.served([*HONEST, "zed"])
        started = set(trials.root("cat /tmp/started-by").split()) - {"eve"}
        trials.expect(not started, f"eve's Go, which is on nobody's PATH, was started by {started}")
        trials.expect(trials.root(f"sha256sum {TREE}/bin/*") == theirs, f"root changed {TREE}, to which eve has a link")
        trials.root("rm -rf /tmp/started-by /home/linuxbrew /srv/tree")
        mount = trials.root(f"stat -c '%a %U' {MOUNT}").strip()
        trials.expect(mount == "755 root", f"{MOUNT} is {mount}")
    trials.end(rows)


def brew_of_eve(trials: Trials) -> str:
    """Give eve Homebrew's folder, as who installs it has it, with a Go of hers and a link to one of a container's.

    Return the checksums of the container's.
    """
    real = trials.root("readlink -f $(command -v go)").strip()
    trials.root(f"install -d {TREE}/bin {TREE}/pkg/tool && cp {real} {TREE}/bin/go && cp {real[:-7]}/VERSION {TREE}")
    trials.root("install -m 0666 /dev/null /tmp/started-by; install -d -o eve /home/linuxbrew")
    brew, script = "/home/linuxbrew/.linuxbrew", f'#!/bin/sh\\nid -un >> /tmp/started-by\\nexec {real} "$@"\\n'
    go = f"{brew}/opt/go/libexec/bin/go"
    trials.user("eve", f"mkdir -p $(dirname {go}) && printf '{script}' > {go} && chmod 755 {go}")
    trials.user("eve", f"mkdir -p {brew}/bin && ln -s {TREE}/bin/go {brew}/bin")
    return trials.root(f"sha256sum {TREE}/bin/*")


def hostile_programs(trials: Trials) -> list[str]:
    """Start what runs beside the second run; return the names that stop() ends it by."""
    started = []
    for account, (folder, how) in DRIVES.items():
        if trials.root(f"id {account} 2>/dev/null || true"):
            trials.machine.put(HERE / "drive.py", "/var/tmp/drive.py")
            seen = account
            if folder == MOUNT:
                folder = seen = trials.folder(account)
            started.append(trials.start(*trials._as(account), "python3", "/var/tmp/drive.py", folder, how))
            trials.root(
                f"for n in $(seq 50); do grep -q ' /.*{seen.lstrip('/')}' /proc/mounts && exit; sleep 0.1; done; exit 1"
            )
    if trials.root("id evestop 2>/dev/null || true"):
        started.append(trials.start(*trials._as("evestop"), "python3", "-c", STOP))
    if trials.root("id evefreeze 2>/dev/null || true"):
        # Version 2 of cgroups lets no account do that to what root started, so that there is nothing to be had there.
        own = f"{FREEZER} {FREEZER}/tasks {FREEZER}/freezer.state"
        trials.root(
            f"mkdir -p {FREEZER} && chown evefreeze {own} && echo FROZEN > {FREEZER}/freezer.state", check=False
        )
        started.append(trials.start(*trials._as("evefreeze"), "python3", "-c", FREEZE, FREEZER))
    return started


def second_run(trials: Trials) -> None:
    """Run site.yml again, with one more obstacle in every home and hostile programs beside it."""
    rows = trials.make(ROWS)
    names = trials.wants(NAMES)
    with trials.case("the second run, with one more obstacle in every home", len(rows) + 1):
        taken = ""
        if trials.wants("records beside the journal that are broken"):
            trials.root("cd /var/lib/wsltune && : > applied.json && printf '[' > before.json")
        if names:
            trials.root(f"chmod 1777 {MOUNT}")
            eves, last = trials.folder("eve"), "getent passwd | cut -d: -f3 | awk '$1 < 60000' | sort -n | tail -1"
            newdevs = f"{MOUNT}/{int(trials.root(last)) + 1}"
            taken = trials.user("eve", f"rm -rf {eves}; ln -s /etc {eves}; mkdir -m 777 {newdevs}", check=False)
            trials.root("id newdev >/dev/null 2>&1 || useradd --create-home --shell /bin/bash newdev")
        beside = hostile_programs(trials)
        watching = trials.start("python3", "-c", MEMORY)
        play = trials.play("site.yml", go_tmpfs_size="768m")
        memory, shared = (int(word) for word in trials.root("cat /run/memory").split())
        for name in [watching, *beside]:
            trials.stop(name)
        trials.root(f"echo THAWED > {FREEZER}/freezer.state", check=False)
        mounted = f"$(grep -o ' {MOUNT}/[0-9]* ' /proc/mounts || true)"
        trials.root(f"umount -l {mounted} /home/evehang/dead /home/evereturn/dead* || true", check=False)
        trials.succeeds(play)
        trials.check(rows, play)
        trials.now = "the second run"
        print(f"    {memory} MiB of memory, {shared} MiB shared", flush=True)
        trials.expect(memory < 400 and shared < 500, f"it took {memory} MiB of memory and {shared} MiB shared")
        limit = trials.usual + 100
        trials.expect(play.seconds < limit, f"it took {play.seconds:.0f} s, more than {limit:.0f}")
        trials.served([*HONEST, *(row.account for row in rows if row.account == "evedeep")])
        if names:
            trials.now = NAMES
            for user in ("eve", "newdev"):
                folder = trials.folder(user)
                owner = trials.root(f"stat -c '%a %U' {folder}", check=False).strip()
                noted = re.search(rf"\b{user}\b", notes(play))
                trials.expect(owner == f"700 {user}" or noted, f"{folder} is {owner!r}, and no note says so {taken}")
            mount = trials.root(f"stat -c '%a %U' {MOUNT}").strip()
            trials.expect(mount == "755 root", f"{MOUNT} is {mount}")


def shared_tmpfs(trials: Trials) -> None:
    """Take names in the tmpfs and fill its memory."""
    if trials.wants("the name of a folder that its owner removed"):
        with trials.case("the name of a folder that its owner removed"):
            trials.root(
                "mkdir -p /home/dev/run && cd /home/dev/run && "
                "printf 'package main\\n\\nfunc main() { println(\"mine\") }\\n' > main.go"
            )
            trials.root("chown -R dev: /home/dev/run")
            trials.root("su - dev -c 'rm -rf \"$(go env GOTMPDIR)\" 2>/dev/null' || true")
            taking = trials.start(*trials._as("eve"), "python3", "-c", TAKE_DEV)
            time.sleep(0.5)
            for _number in range(3):
                said = trials.root("su - dev -c 'cd run && go run main.go' 2>&1 || true")
                trials.expect("mine" in said, f"dev's program says {said!r}")
            said = trials.user("eve", f"mkdir {MOUNT}/nobody-yet 2>&1 || echo refused", check=False)
            trials.expect("refused" in said, f"eve may take a name in {MOUNT}")
            trials.stop(taking)
    if trials.wants("a memory that eve filled"):
        with trials.case("a memory that eve filled"):
            # Her own folder has another name since she took one.
            hers = trials.root(f"find {MOUNT} -mindepth 1 -maxdepth 1 -user eve -print -quit").strip()
            trials.user("eve", f"head -c 2G /dev/zero > {hers}/blob", check=False)
            left = [trials.root(f"stat -f -c %a {MOUNT}").strip()]
            trials.succeeds(trials.play("site.yml", go_tmpfs_size="512m"))
            left.append(trials.root(f"stat -f -c %a {MOUNT}").strip())
            trials.expect(left == ["0", "0"], f"it is not full before and after the run: {left} blocks are left")
            trials.root(f"rm -f {hers}/blob")
    if trials.wants("a group with a blank, after a restart"):
        with trials.case("a group with a blank, after a restart"):
            lines = trials.root("cat /etc/tmpfiles.d/wsltune-go.conf")
            trials.expect(
                re.search(rf"(?m)^\S+ {trials.folder('zed')} 0?700 \d+ \d+ ", lines),
                f"the folders have no numbers: {lines[-400:]}",
            )
            trials.stop(trials.appending)
            subprocess.run(
                [str(ROOT / "tests/containers/machine.sh"), "restart", trials.machine.name],
                check=True,
                capture_output=True,
            )
            trials.served(["zed", "dev", "alice"])
            failed = trials.root(
                "systemctl --failed --no-legend; journalctl -b -u systemd-tmpfiles-setup --no-pager -o cat", False
            )
            trials.expect("Failed to resolve" not in failed, failed[-400:])
            trials.appending = trials.start("python3", "-c", APPEND)


# Damages the record of argv[1]: cut short, or as a newer version would write it.
DAMAGE = """
import json, os, sys
folder = '/var/lib/wsltune/journal'
for name in os.listdir(folder):
    if name.endswith('.json'):
        file = os.path.join(folder, name)
        with open(file) as handle:
            text = handle.read()
        try:
            data = json.loads(text)
        except ValueError:
            continue
        if data.get('entry', data).get('path') == sys.argv[1]:
            os.makedirs('/var/tmp/damaged', exist_ok=True)
            with open('/var/tmp/damaged/' + name, 'w') as handle:
                handle.write(text)
            with open(file, 'w') as handle:
                if sys.argv[2] == 'cut':
                    handle.write(text[:100])
                elif 'format' in data:
                    handle.write(json.dumps(dict(data, format=data['format'] + 1, entry=dict(data['entry'], later=1))))
                else:
                    handle.write(json.dumps(dict(data, later=1)))
            print(file)
"""


def rollback(trials: Trials) -> None:
    """Roll back with damaged records, while a user works in the tmpfs."""
    damaged, held = {}, ""
    with trials.case("a rollback with damaged records, while a user works in the tmpfs", 4):
        for path, how in (("/etc/profile.d/wsltune-go.sh", "cut"), ("/etc/bash.bashrc", "newer")):
            if trials.wants(f"a record that is {how}"):
                damaged[path] = trials.machine.run("python3", "-c", DAMAGE, path, how).strip()
        if trials.wants("a process in the tmpfs"):
            hold = f"cp /bin/sleep ~/holder && cd {trials.folder('dev')} && exec ~/holder 600"
            held = trials.start(*trials._as("dev"), "bash", "-c", hold)
            time.sleep(0.5)
        locked = bool(trials.root("id evelock 2>/dev/null || true"))
        if locked:
            trials.user("evelock", "chmod 555 ~/.config/go")
        play = trials.play("rollback.yml")
        text = " ".join(play.output.split())
        if locked:
            trials.expect("/home/evelock/.config/go/env could not be" in text, "the locked file is not named")
        # What is left is an error.
        trials.expect(play.code == (2 if locked or damaged or held else 0), f"exit {play.code}")
        for file in damaged.values():
            trials.expect(file and file in text, f"the damaged record {file} is not named")
        trials.expect(not re.search("Expecting |unexpected keyword", text), f"a message of Python: {text[-400:]}")
        trials.expect(not held or "holder" in text, "the process in the tmpfs is not named")
        left = trials.root(
            "grep -l -s gotmp /etc/fstab /etc/tmpfiles.d/* /home/{alice,bob,carol,dev,zed}/.config/go/env "
            "/root/.config/go/env || true"
        )
        trials.expect(not left, f"not restored: {left.split()}")
        left = trials.root("grep -s -c . /etc/wsl.conf || true").strip()
        trials.expect(left in ("", "0"), f"/etc/wsl.conf was not restored: {left}")
    with trials.case("the rollback after that is fixed"):
        for beside in filter(None, (held, trials.appending)):
            trials.stop(beside)
        if locked:
            trials.user("evelock", "chmod 755 ~/.config/go")
        trials.root(
            "[ ! -d /var/tmp/damaged ] || { mkdir -p -m 700 /var/lib/wsltune/journal; "
            "mv /var/tmp/damaged/* /var/lib/wsltune/journal/; }"
        )
        trials.succeeds(trials.play("rollback.yml"))
        text = trials.root("cat /etc/fstab")
        lost = set(trials.root("cat /var/tmp/lines").split()) - set(
            re.findall(r"(?m)^# line (\d+) of another program$", text)
        )
        trials.expect(not lost, f"{len(lost)} lines of another program are lost in fstab, as {sorted(lost)[:3]}")
        print(f"    {len(trials.root('cat /var/tmp/lines').split())} lines were appended to fstab", flush=True)
        rest = [line for line in text.splitlines() if not line.startswith("# line ")]
        trials.expect(rest == trials.root("cat /var/tmp/fstab.before").splitlines(), f"fstab is {rest}")
        trials.end([*SHIMS, *ROWS])
        trials.root("for home in /home/eve?*; do [ ! -d $home ] || userdel -f -r $(basename $home); done", check=False)
        # What eve and the others have made of their homes is theirs.
        ignored = [
            r"/etc/(fstab|hosts|hostname|resolv\.conf)",
            r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?",
            r"/home(/(eve|zed|newdev|dev).*)?",
            r"/srv/team/(sdk|pkg)(/.*)?",
            r"/var/(mail|spool)/.*",
            r"go of (eve|zed|newdev).*",
        ]
        wrong = trials.machine.snapshot("compare", "/var/tmp/before.json", *ignored)["differences"]
        trials.expect(not wrong, f"not as it was: {wrong[:6]}")


# The part folders


def folders(trials: Trials) -> None:
    """Copy the collection to the machine and run the cases of FOLDERS."""
    archive = subprocess.run(
        ["tar", "-C", str(ROOT), "--exclude=__pycache__", "-c", "plugins"], check=True, capture_output=True
    ).stdout
    place = "/var/tmp/hostile/ansible_collections/wsltune/go"
    subprocess.run(
        trials.machine.command("sh", "-c", f"mkdir -p {place} && tar -C {place} -x"), input=archive, check=True
    )
    for name, function in FOLDERS.items():
        if trials.wants(name):
            with trials.case(name):
                function(trials)


def doctor_root(trials: Trials) -> None:
    """Let the doctor look at root's module; nobody else may read its reports."""
    with tempfile.TemporaryDirectory() as reports:
        trials.succeeds(
            trials.play(
                "doctor.yml",
                doctor_modules=["/root/m"],
                doctor_report_dir=reports,
                doctor_budget_minutes=0.2,
                doctor_fail_on="never",
            )
        )
        modes = {path.name: f"{path.stat().st_mode & 0o777:o}" for path in Path(reports).iterdir()}
        trials.expect(set(modes.values()) == {"600"}, f"the reports are {modes}")


def doctor_user(trials: Trials) -> None:
    """Let the doctor look at alice's module as root."""
    play = trials.play(MODULES, doctor_user="alice", doctor_modules=["/home/alice/m"])
    trials.succeeds(play)
    trials.expect("permission denied" not in play.output, "the doctor takes the rights away that it needs itself")


def settings_of_root(trials: Trials) -> None:
    """Have the settings of root's Go name folders and programs in whose place eve can put others."""
    trials.user(
        "eve",
        "mkdir -p ~/tools /tmp/led && ln -sfn /root/m /tmp/led/go && "
        r"""printf '#!/bin/sh\nid >> /tmp/eve-$(id -un)\nexec "$@"\n' > ~/tools/run && chmod 755 ~/tools ~/tools/run""",
    )
    settings = {
        "gotmpdir": "/tmp/led/go",
        "gocache": "/tmp/led/cache",
        "goflags": "-toolexec=/home/eve/tools/run",
        "gocacheprog": "/home/eve/tools/run",
    }
    trials.succeeds(trials.play(MODULES, go_settings=settings))
    trials.root("rm -rf /tmp/led /home/eve/tools")


def go_of_eve(trials: Trials) -> None:
    """Have /etc/profile name a Go of eve's for everybody, as a /usr/local/go that was given to an account is."""
    real = trials.root("command -v go").strip()
    script = f'#!/bin/sh\\nid -un >> /tmp/started-by\\nexec {real} "$@"\\n'
    trials.user("eve", f"mkdir -p ~/go/bin && printf '{script}' > ~/go/bin/go && chmod 755 ~/go ~/go/bin ~/go/bin/go")
    trials.root("install -m 0666 /dev/null /tmp/started-by")
    trials.root("echo 'PATH=/home/eve/go/bin:$PATH' > /etc/profile.d/eve.sh")
    # Where nobody's login started it, the case would say nothing.
    trials.root("su - dev -c 'go version'")
    trials.play("drift.yml")
    trials.succeeds(trials.play("doctor.yml", doctor_fail_on="never"))
    accounts_of_it = set(trials.root("cat /tmp/started-by").split())
    trials.expect("dev" in accounts_of_it and "root" not in accounts_of_it, f"it was started by {accounts_of_it}")
    trials.root("rm -rf /etc/profile.d/eve.sh /tmp/started-by /home/eve/go")


def cache_of_everybody(trials: Trials) -> None:
    """Have /etc/profile name a build cache for everybody, from which Go would link what eve puts there."""
    trials.root("install -d -m 1777 /srv/cache && echo 'export GOCACHE=/srv/cache' > /etc/profile.d/cache.sh")
    play = trials.play("doctor.yml", doctor_modules=["/root/m"], doctor_fail_on="never")
    trials.succeeds(play)
    said = " ".join(play.output.split())
    trials.expect("/srv/cache can be changed by other accounts" in said, f"root's Go builds from it: {said[-900:]}")
    trials.root("rm -rf /etc/profile.d/cache.sh /srv/cache")


def repository_of_tmp(trials: Trials) -> None:
    """Let the doctor look at a program of root's below /tmp, which eve makes look like a repository."""
    trials.root("cp -r /root/m /tmp/roots && printf 'package main\n\nfunc main() {}\n' > /tmp/roots/m.go")
    trials.user("eve", REPOSITORY_OF_TMP)
    # Where Git itself would not run it, the case would say nothing.
    trials.root("cd /tmp/roots && git status && test -e /tmp/eve-root && rm /tmp/eve-root")
    trials.succeeds(trials.play("doctor.yml", doctor_modules=["/tmp/roots"], doctor_fail_on="never"))
    trials.root("rm -rf /tmp/roots /tmp/.git /tmp/HEAD /tmp/config /tmp/objects /tmp/refs")


def named_by_root(trials: Trials) -> None:
    """Let the doctor look at a module of root's that takes another one from a folder of eve's."""
    trials.user("eve", CODE_OF_EVE)
    trials.root(
        "cp -r /root/m /root/named && echo 'replace example.com/lib => /home/eve/lib' >> /root/named/go.mod && "
        "echo 'require example.com/lib v0.0.0' >> /root/named/go.mod && "
        "printf 'package m\n\nimport _ \"example.com/lib\"\n' > /root/named/m.go"
    )
    play = trials.play("doctor.yml", doctor_modules=["/root/named"], doctor_fail_on="never")
    trials.succeeds(play)
    said = " ".join(play.output.split())
    trials.expect("/home/eve/lib can be changed by other accounts" in said, f"root builds with it: {said[-900:]}")
    trials.root("rm -rf /root/named /home/eve/lib")


def too_large(trials: Trials) -> None:
    """Have a child of root's return more than root reads."""
    said = trials.machine.run("python3", "-c", REPRO)
    trials.expect("more than the" in said, said)


def cache_swapped(trials: Trials) -> None:
    """Swap the folder of the user who is measured with a link to root's files."""
    swapping = trials.start(*trials._as("eve"), "bash", "-c", SWAP_CACHE)
    with tempfile.TemporaryDirectory() as reports:
        trials.succeeds(
            trials.play(
                "site.yml",
                wsltune_user="eve",
                verify_benchmark=True,
                verify_scenarios=["edit"],
                verify_packages=["container/list"],
                verify_budget_minutes=0.3,
                verify_report_dir=reports,
            )
        )
        modes = {path.name: f"{path.stat().st_mode & 0o777:o}" for path in Path(reports).iterdir()}
        trials.expect(set(modes.values()) <= {"600"}, f"the reports are {modes}")
    trials.expect(trials.root("readlink /home/eve/.cache || true").strip() == "/", "eve came too late")
    trials.stop(swapping)
    trials.root(
        "rm -f /home/eve/.cache && rm -rf /home/eve/.c2 && install -d -o eve -g eve /home/eve/.cache", check=False
    )


def link_beside(trials: Trials) -> None:
    """Put a link where a measurement makes its scratch folder."""
    trials.user("eve", "ln -sfn /nowhere /srv/team/wsltune-bench-4194000-x")
    trials.play(MODULES, bench_user="dev", bench_modules=["/srv/team/shop-dev"])
    trials.root("rm -f /srv/team/wsltune-bench-4194000-x", check=False)


def repository_of_dev(trials: Trials) -> None:
    """Have eve write into a repository of dev's."""
    repository_of(trials, "dev")


def repository_of_root(trials: Trials) -> None:
    """Have eve write into a repository of root's."""
    repository_of(trials, "root")


def repository_of(trials: Trials, owner: str) -> None:
    """Name a filter of eve's in the repository's settings, which Git would run for whoever looks."""
    shop = f"/srv/team/shop-{owner}"
    trials.user("eve", FILTER % shop)
    dubious = trials.root(f"runuser -u {owner} -- git -C {shop}/lib status 2>&1 || true")
    trials.expect("dubious" in dubious, f"git itself would run it: {dubious}")
    trials.root("rm -f /tmp/eve-*")
    play = trials.play(MODULES, projects=[{"source": shop}])
    trials.expect(
        play.code == 0 or re.search(r'"msg": "[^"]*/srv/team', play.output),
        f"no sentence about {shop}: {play.output[-500:]}",
    )


def shared_repository(trials: Trials) -> None:
    """One of dev's own that the team may write, settings too, as `git init --shared` makes it."""
    shop = "/home/dev/shared"
    trials.root(f"install -d -o dev -g team -m 2775 {shop}")
    trials.user(
        "dev",
        f"cd {shop} && umask 002 && git init -q --shared . && git config user.email d && git config user.name d && "
        "printf 'module example.com/m\\n' > go.mod && printf 'package main\\n\\nfunc main() {}\\n' > main.go && "
        # Of a program, Go asks Git for the state of its tree.
        "echo one > f && git add . && git commit -qm one",
    )
    trials.user("eve", SHARED_FILTER % shop)
    git = trials.user("dev", f"git -C {shop} status --porcelain; ls /tmp/eve-* 2>&1", check=False)
    trials.expect("eve-was-here" in git, f"git itself does not run it: {git}")
    trials.root("rm -f /tmp/eve-*")
    play = trials.play(MODULES, projects=[{"source": shop}])
    trials.expect(
        play.code == 0 or re.search(r'"msg": "[^"]*/home/dev/shared', play.output),
        f"no sentence about {shop}: {play.output[-500:]}",
    )


def made_a_repository(trials: Trials) -> None:
    """Put what a repository has beside an empty .git, so that Git takes a folder of dev's itself for one."""
    papers = "/home/dev/papers"
    trials.root(f"install -d -o dev -g team -m 2775 {papers} {papers}/lib && echo some text > {papers}/lib/f")
    trials.user("eve", FILTER % papers)
    trials.user("eve", NO_GIT_FOLDER % papers)
    git = trials.user("dev", f"git -C {papers}/lib status --porcelain; ls /tmp/eve-* 2>&1", check=False)
    trials.expect("eve-was-here" in git, f"git itself does not run it: {git}")
    trials.root("rm -f /tmp/eve-*")
    trials.succeeds(trials.play(MODULES, projects=[{"source": papers}]))
    trials.root("rm -rf /home/dev/src " + papers)


def copied_to_the_team(trials: Trials) -> None:
    """Copy a project of dev's to where eve can have another folder of dev's take the place of the half copy."""
    play = trials.play(MODULES, projects=[{"source": "/srv/team/shop-dev", "target": "/srv/team/copy"}])
    trials.expect(
        play.code == 2 and "can be replaced by another account" in " ".join(play.output.split()),
        f"it is not refused: {play.output[-500:]}",
    )


def hidden_by_the_mask(trials: Trials) -> None:
    """Measure a module of root's that a list gives to eve; its mode shows the mask in the place of the group."""
    trials.root(
        "cp -r /root/m /srv/acl && setfacl -m u:eve:rwx /srv/acl && chmod g=rx /srv/acl && setfacl -m m:rwx /srv/acl"
    )
    trials.root("chgrp team /srv/acl && setfacl -m g::rx /srv/acl")
    trials.user("eve", f"cat > /srv/acl/e_test.go <<'X'\n{TEST_OF_EVE}X")
    play = trials.play(MODULES, bench_user="root", bench_modules=["/srv/acl"], bench_packages=["."])
    trials.expect(play.code == 2 and "/srv/acl" in play.output, f"it is not refused: {play.output[-500:]}")
    trials.root("rm -r /srv/acl")


def code_deeper_down(trials: Trials) -> None:
    """Measure a module of root's with a folder in it that is eve's."""
    trials.root("cp -r /root/m /srv/deep && install -d -o eve -g eve /srv/deep/uploads")
    trials.user("eve", f"cat > /srv/deep/uploads/e_test.go <<'X'\n{TEST_OF_EVE}X")
    play = trials.play(MODULES, bench_user="root", bench_modules=["/srv/deep"], bench_packages=["."])
    trials.expect(play.code == 2 and "/srv/deep/uploads" in play.output, f"it is not refused: {play.output[-500:]}")
    trials.root("rm -r /srv/deep")


def said_to_be_roots(trials: Trials) -> None:
    """Mount, over a folder of eve's in a module of root's, what says that it is root's."""
    trials.root("cp -r /root/m /srv/said && install -d -o eve -g eve /srv/said/uploads")
    trials.user("eve", f"cat > ~/e_test.go <<'X'\n{TEST_OF_EVE}X")
    trials.machine.put(HERE / "drive.py", "/var/tmp/drive.py")
    mounting = trials.start(
        *trials._as("eve"), "python3", "/var/tmp/drive.py", "/srv/said/uploads", "/home/eve/e_test.go"
    )
    seen = trials.root(
        "for n in $(seq 50); do grep -q TestE /srv/said/uploads/e_test.go && break; sleep 0.1; done; "
        "stat -c %U /srv/said/uploads /srv/said/uploads/e_test.go",
        check=False,
    )
    trials.expect(seen.split() == ["root", "root"], f"it says {seen}")
    play = trials.play(MODULES, bench_user="root", bench_modules=["/srv/said"], bench_packages=["."])
    trials.expect(play.code == 2 and "/srv/said/uploads" in play.output, f"it is not refused: {play.output[-500:]}")
    trials.root("umount -l /srv/said/uploads", check=False)
    trials.stop(mounting)
    trials.root("rm -r /srv/said")


def module_behind_a_link(trials: Trials) -> None:
    """Render an image of a project of eve's that is a link to a module of root's."""
    trials.user("eve", "ln -sfn /usr/local/share/gotest ~/shop")
    before = trials.root("ls -lA /usr/local/share/gotest")
    play = trials.play("ci_image.yml", ci_image_project="/home/eve/shop", ci_image_hosts="all")
    trials.expect(play.code == 2 and "name the module's user" in " ".join(play.output.split()), f"exit {play.code}")
    trials.expect(trials.root("ls -lA /usr/local/share/gotest") == before, "root wrote where the link led")
    trials.root("rm /home/eve/shop")


def answer_of_her_python(trials: Trials) -> None:
    """Render an image of a module of eve's, whose Python answers a task that is run as eve with facts about root."""
    trials.user("eve", f"cp -r /usr/local/share/gotest ~/shop && {ANSWERS}")
    play = trials.play("ci_image.yml", ci_image_project="/home/eve/shop", ci_image_hosts="all", ci_image_ci=["github"])
    trials.succeeds(play)
    owners = trials.root("find /home/eve/shop -printf '%u %P\\n'").split()
    trials.expect("Containerfile" in owners and "root" not in owners, f"root wrote there: {owners}")
    trials.root("rm -rf /home/eve/shop /home/eve/.local/lib")


def program_of_its_owner(trials: Trials) -> None:
    """Copy a project of dev's with a program of eve's that runs as its owner, who is dev in a copy."""
    shop = "/srv/team/shop-dev"
    trials.user("eve", f"cp /usr/bin/id {shop}/payload && chmod 4755 {shop}/payload")
    trials.root("rm -rf /home/dev/src")
    trials.succeeds(trials.play(MODULES, projects=[{"source": shop}]))
    said = trials.user("eve", "/home/dev/src/shop-dev/payload", check=False)
    trials.expect(said and "dev" not in said.partition(" groups=")[0], f"eve's program runs as {said!r}")
    trials.root(f"rm -rf /home/dev/src {shop}/payload")


def held_by_eve(trials: Trials) -> None:
    """Copy a project of dev's that a program of eve's has as its working directory."""
    holding = trials.start(*trials._as("eve"), "bash", "-c", "cd /srv/team/shop-dev && exec sleep 600")
    time.sleep(0.5)
    trials.succeeds(trials.play(MODULES, projects=[{"source": "/srv/team/shop-dev"}]))
    trials.stop(holding)
    trials.root("rm -rf /home/dev/src")


def folder_over_etc(trials: Trials) -> None:
    """Swap the project that is bound with a link, so that a folder of eve's would hide /etc."""
    trials.user(
        "eve", "rm -rf ~/slow ~/src; mkdir -p ~/slow/shop; cp -r /etc/. ~/slow/shop 2>/dev/null || true", check=False
    )
    trials.user(
        "eve",
        "rm -f ~/slow/shop/passwd; sed 's,^eve:.*,eve::0:0::/home/eve:/bin/bash,' /etc/passwd > ~/slow/shop/passwd",
    )
    swapping = trials.start(*trials._as("eve"), "python3", "-c", SWAP_SOURCE)
    play = trials.play(MODULES, projects=[{"source": "/home/eve/slow/shop", "bind": True}])
    trials.stop(swapping)
    mounted = trials.root("findmnt -rno SOURCE,TARGET | grep -E ' /(etc|home.*)$' || true")
    trials.expect(not mounted, f"mounted: {mounted}")
    uid = trials.root("id -u eve").strip()
    trials.expect(uid != "0", "eve is root")
    trials.expect(
        play.code != 0 and re.search(r"no(t lie on a)? Windows drive", " ".join(play.output.split())),
        f"it is not refused: {play.output[-500:]}",
    )
    trials.root("while mountpoint -q /etc && umount /etc; do :; done; ! grep -q /home/eve /etc/fstab", check=False)


def keys_of_root(trials: Trials) -> None:
    """Look for a key of root's keyring from a program that root starts as eve."""
    said = trials.machine.run("python3", "-c", KEYS).split()
    trials.expect(said == ["True", "False", "False"], f"root, a program of eve's and a child see the key: {said}")


def set_up_in_a_folder_of_eves(trials: Trials) -> None:
    """Run what onboard.sh does before it has a Python of its own, as root in a folder of eve's."""
    trials.user("eve", MODULES_OF_EVE)
    for name in ("start.sh", "venv.sh"):
        trials.machine.put(ROOT / "scripts" / name, f"/var/tmp/{name}")
    trials.root(
        "cd /home/eve/cloned; program=onboard.sh root=/var/tmp/checkout log=/dev/null; . /var/tmp/venv.sh; "
        "mkdir -p $root; : > /var/tmp/lock; find_python; "
        "(make_venv /usr/bin/python3 /var/tmp/lock $root/.venv) || true",
        check=False,
    )
    trials.root("rm -rf /var/tmp/checkout /home/eve/cloned")


def race(trials: Trials) -> None:
    """Run race.py on the machine; it must try at least 1000 times."""
    trials.machine.put(HERE / "race.py", "/var/tmp/race.py")
    said = trials.machine.run("python3", "/var/tmp/race.py", check=False).strip().splitlines()
    trials.expect(said, "the race ended without a word")
    found = json.loads(said[-1])
    print(f"    {found['tries']} tries of root, {found['swaps']} swaps of eve's: {found['ends']}", flush=True)
    trials.expect(found["tries"] >= 1000, f"only {found['tries']} tries")
    for sentence in found["wrong"]:
        trials.expect(False, sentence)


FOLDERS: dict[str, Callable[[Trials], None]] = {
    "the doctor as root, where /tmp is Go's folder": doctor_root,
    "the doctor for another user": doctor_user,
    "settings of root's Go that lead to folders and programs of eve's": settings_of_root,
    "a Go of eve's on everybody's PATH": go_of_eve,
    "a build cache of everybody's": cache_of_everybody,
    "a program of root's below a /tmp that eve makes a repository of": repository_of_tmp,
    "a folder of eve's that a module of root's names": named_by_root,
    "a project that is too large to be copied": too_large,
    "a cache that becomes a link to the root folder while its owner's Go is measured": cache_swapped,
    "a dead link of eve's beside a project of dev's": link_beside,
    "a repository of eve's in a project of dev's": repository_of_dev,
    "a repository of eve's in a project of root's": repository_of_root,
    "a repository of dev's whose settings eve may change": shared_repository,
    "a folder of dev's that eve makes a repository of": made_a_repository,
    "a copy of dev's in a folder of the team": copied_to_the_team,
    "a module of root's that a hidden list gives to eve": hidden_by_the_mask,
    "a test of eve's deeper down in a module of root's": code_deeper_down,
    "a folder that eve's file system says is root's": said_to_be_roots,
    "a project of eve's that is a link to a module of root's": module_behind_a_link,
    "facts from eve's Python for a task of root's": answer_of_her_python,
    "a program that runs as its owner in a project of dev's": program_of_its_owner,
    "a project of dev's in which eve works": held_by_eve,
    "a project that becomes a link to /etc before it is mounted": folder_over_etc,
    "a key of root's": keys_of_root,
    "a folder of eve's in which root sets itself up": set_up_in_a_folder_of_eves,
    "a race against root": race,
}


def main() -> None:
    """Run the cases of accounts or of folders; what was started beside them is ended."""
    trials = Trials(Guarded(sys.argv[1], int(sys.argv[2])), sys.argv[4:])
    try:
        {"accounts": accounts, "folders": folders}[sys.argv[3]](trials)
    finally:
        for beside in trials.beside:
            trials.stop(beside)
    print(json.dumps({"cases": trials.cases, "wrong": trials.wrong}))


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    main()
