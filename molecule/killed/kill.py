# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kills runs at many moments and looks at what they leave: kill.py HOW-MANY MACHINE PORT SHIFT.

SHIFT, between 0 and 1, lets two machines share the moments.

Half of the moments are spread evenly over a run's time. The other half are changes on the machine: a watcher there
kills at the first, second, ... one that it sees, in the middle of the module that makes it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/containers"))
from driver import Machine, Play

COMMON = {"go_tmpfs_place": "gotmpdir", "go_tmpfs_size": "1g", "wsl_conf_force": True}
SETTINGS = [
    COMMON | {"go_env_cgo_enabled": "false", "go_env_goflags": "-p=2", "wsl_conf_interop_append_windows_path": False},
    COMMON | {"go_tmpfs_path": "/var/lib/gotmp", "go_tmpfs_size": "512m", "wsl_conf_interop_append_windows_path": True},
]
WATCHED = [
    "/etc/fstab",
    "/etc/wsl.conf",
    "/etc/tmpfiles.d/wsltune-go.conf",
    "/etc/profile.d/wsltune-go.sh",
    "/etc/bash.bashrc",
    "/etc/zsh/zshenv",
    "/etc/fish/conf.d/wsltune-go.fish",
    "/usr/local/go/bin/go",
    "/usr/lib/go/bin/go",
    "/root/.config/go/env",
    "/home/alice/.config/go/env",
    "/home/bob/.config/go/env",
    "/home/carol/.config/go/env",
    "/sbin/mount.wsltune",
]
CHECK = """
import hashlib, json, os, subprocess, sys
files = {}
for path in json.loads(sys.argv[1]):
    try:
        with open(path, 'rb') as handle:
            content = handle.read()
        small = len(content) < 9000
        files[path] = content.decode('latin-1') if small else hashlib.sha256(content).hexdigest()
    except FileNotFoundError:
        files[path] = None
journal = '/var/lib/wsltune/journal'
for name in os.listdir(journal) if os.path.isdir(journal) else []:
    if name.endswith('.json'):
        with open(os.path.join(journal, name), encoding='utf-8') as handle:
            json.load(handle)
broken = []
tries = {}
for go in ('/usr/bin/go', '/usr/local/go/bin/go') if sys.argv[2] == 'build' else ():
    for user in ('root', 'alice'):
        tries[user + ', ' + go] = subprocess.Popen(
            ['su', '-', user, '-c', 'cd /usr/local/share/gotest && ' + go + ' build -o /dev/null .'],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
for who, tried in tries.items():
    said = tried.communicate()[0]
    if tried.returncode:
        broken.append(who + ': ' + said.strip())
verify = subprocess.run(['findmnt', '--verify', '--tab-file', '/etc/fstab'], capture_output=True, text=True)
if verify.returncode:
    broken.append('findmnt --verify: ' + verify.stdout + verify.stderr)
print(json.dumps({'files': files, 'broken': broken}))
"""
WATCH = """
import json, os, signal, sys
watched, last = json.loads(sys.argv[1]), int(sys.argv[2])
places = [path for name in watched for path in (name, os.path.join(os.path.dirname(name), '.' + os.path.basename(name)
          + '.wsltune-new'), name + '.distrib')] + ['/var/lib/wsltune', '/var/lib/wsltune/journal']

def look():
    seen = []
    for place in places:
        try:
            status = os.lstat(place)
            seen.append((status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode))
        except OSError:
            seen.append(None)
    return seen + [open('/proc/self/mounts').read()]

def kill():
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if int(pid) != os.getpid() and os.path.basename(os.readlink('/proc/' + pid + '/exe')).startswith('python3'):
                os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass

print('watching', flush=True)
count, old = 0, look()
while True:
    new = look()
    if new != old:
        count, old = count + 1, new
        if count == last:
            kill()
            print('killed', flush=True)
            sys.exit()
        if last == 0:
            print(count, flush=True)
"""


# A mount that moves is listed at both places until Go has left the old one.
LISTS = ("/etc/fstab", "/etc/tmpfiles.d/wsltune-go.conf")


def is_whole(text: str | None, known: set) -> bool:
    """Return whether a list is one of the known ones with nothing but lines of the others beside."""
    lines = set((text or "").splitlines(keepends=True))
    lists = [set(one.splitlines(keepends=True)) for one in known if one is not None]
    return any(one <= lines for one in lists) and lines <= set().union(*lists)


class Scenario:
    """Kills runs of site.yml on one machine and knows every content a whole run gives its files."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.known: dict[str, set] = {path: set() for path in WATCHED}
        self.final: list[dict] = []
        self.wrong: list[str] = []

    def look(self, build: bool = False) -> dict:
        """Return what the files are now and, asked to, whether Go works."""
        words = ("python3", "-c", CHECK, json.dumps(WATCHED), "build" if build else "")
        return json.loads(self.machine.run(*words))

    def learn(self, files: dict) -> None:
        """Count these digests among those that a file may have."""
        for path, digest in files.items():
            self.known[path].add(digest)

    def whole_run(self, number: int, when: str) -> Play:
        """Run to the end; the machine must be what these settings make of any machine."""
        play = self.machine.play("site.yml", SETTINGS[number])
        if play.code != 0:
            self.wrong.append(f"{when}: the next run failed: {play.output[-1500:]}")
        elif len(self.final) > number:
            now = self.look()
            for path, digest in now["files"].items():
                if digest != self.final[number][path]:
                    self.wrong.append(
                        f"{when}: after the next run {path} is not what an unbroken run makes: {digest!r}, "
                        f"not {self.final[number][path]!r}"
                    )
            self.wrong += [f"{when}: after the next run {sentence}" for sentence in now["broken"]]
        return play

    def prepare(self) -> tuple[float, int]:
        """Learn what unbroken runs make of the files; return how long one takes and how many changes it makes."""
        self.machine.snapshot("take", "/var/tmp/before.json")
        self.learn(self.look()["files"])
        for number in (0, 1):
            play = self.whole_run(number, "before the first kill")
            if play.code != 0:
                sys.exit(play.output)
            self.final.append(self.look()["files"])
            self.learn(self.final[number])
        watcher = self.watch(0)
        seconds = self.whole_run(0, "before the first kill").seconds
        watcher.kill()
        return seconds, int((watcher.communicate()[0].split() or ["0"])[-1])

    def watch(self, last: int) -> subprocess.Popen:
        """Start a program on the machine that ends at the change number `last`."""
        watcher = subprocess.Popen(
            self.machine.command("python3", "-c", WATCH, json.dumps(WATCHED), str(last)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert watcher.stdout is not None
        watcher.stdout.readline()
        return watcher

    def kill_after(self, number: int, seconds: float) -> bool:
        """Kill a run after so many seconds; return whether it still ran."""
        process = self.machine.start("site.yml", SETTINGS[number], subprocess.DEVNULL)
        time.sleep(seconds)
        killed = process.poll() is None
        self.machine.kill(process)
        return killed

    def kill_at_change(self, number: int, change: int) -> bool:
        """Kill a run at its change of that number; return whether it still ran."""
        watcher = self.watch(change)
        process = self.machine.start("site.yml", SETTINGS[number], subprocess.DEVNULL)
        while process.poll() is None and watcher.poll() is None:
            time.sleep(0.02)
        killed = process.poll() is None
        self.machine.kill(process)
        watcher.kill()
        watcher.wait()
        return killed

    def after_kill(self, number: int, when: str) -> None:
        """Expect each file to be old or new and Go to work, then run to the end."""
        now = self.look(build=True)
        for path, digest in now["files"].items():
            if digest not in self.known[path] and not (path in LISTS and is_whole(digest, self.known[path])):
                self.wrong.append(f"{when}: {path} is neither what it was nor what it becomes: {digest!r}")
        self.wrong += [f"{when}: {sentence}" for sentence in now["broken"]]
        self.whole_run(number, when)


def main() -> None:
    """Kill at the moments of this machine and print what is wrong."""
    wanted, name, port, shift = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    scenario = Scenario(Machine(name, port))
    machine = scenario.machine
    seconds, changes = scenario.prepare()
    print(f"a run takes {seconds:.1f} s and makes {changes} changes that can be seen", flush=True)

    times = [0.5 + (seconds - 0.5) * (index + shift) / (wanted // 2) for index in range(wanted // 2)]
    points = sorted(
        {max(1, round(changes * (index + 1 - shift) / (wanted - len(times)))) for index in range(wanted - len(times))}
    )
    moments = [("after", moment) for moment in times] + [("at change", point) for point in points]
    # Fewer changes than moments wanted: the rest are in between the others.
    moments += [("after", 0.7 + (seconds - 0.7) * (index + shift) / wanted) for index in range(wanted - len(moments))]
    kills = number = 0
    for turn, (kind, moment) in enumerate(moments):
        done = False
        while not done and moment >= 0.2:
            number = 1 - number  # the machine is now as the last settings make it, so the others change it
            when = f"killed {kind} {moment:.1f}" + (" s" if kind == "after" else "")
            if kind == "after":
                done = scenario.kill_after(number, moment)
            else:
                done = scenario.kill_at_change(number, max(1, int(moment)))
            moment *= 0.6  # where a run had ended before its moment came
        kills += done
        scenario.after_kill(number, when)
        if turn % 6 == 5:
            again = machine.play("site.yml", SETTINGS[number])
            if again.changed != 0:
                scenario.wrong.append(f"{when}: the run after the next changed {again.changed}: {again.output[-1500:]}")
        print(f"{when}: {'killed' if done else 'it had ended'}, {len(scenario.wrong)} wrong so far", flush=True)

    process = machine.start("rollback.yml", {}, subprocess.DEVNULL)
    time.sleep(seconds / 3)
    machine.kill(process)
    rollback = machine.play("rollback.yml", {})
    if rollback.code != 0:
        scenario.wrong.append(f"the rollback failed: {rollback.output[-1500:]}")
    scenario.wrong += machine.snapshot("compare", "/var/tmp/before.json")["differences"]
    print(json.dumps({"kills": kills, "wrong": scenario.wrong}))


if __name__ == "__main__":
    main()
