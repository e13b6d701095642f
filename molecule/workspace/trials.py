# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A restart, a rollback, kills and requests that must be refused: trials.py MACHINE PORT [kills | sync].

With `kills` it kills at more moments, and does nothing else. With `sync` it tries syncs alone, also killed ones and a
drive that stops to answer.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/containers"))
from driver import ROOT, Machine

HERE = Path(__file__).resolve().parent
ROLE = "../molecule/workspace/role.yml"
SHOP = "/mnt/c/Users/alice/shop"
PROJECTS = [{"source": SHOP, "bind": True}, {"source": "/mnt/c/Users/alice/papers", "target": "~/papers"}]
# Kills the run a while after the half copy is there, or after the fstab has the line.
WATCH = """
for try in $(seq 1500); do
    if %s; then sleep %s; pkill -KILL -x 'python3.*'; echo killed; exit; fi
    sleep 0.02
done
"""
FAST_PROJECT = [{"source": "/srv/fast/shop"}]
FAST = """
mkdir -p /srv/fast && mount -t tmpfs fast /srv/fast
cp -r /usr/local/share/gotest /srv/fast/shop && chown -R alice: /srv/fast
"""
BELOW = "/srv/windows/Users/alice/shop"
# The same for a sync: before its first file, while a file is written under another name, and between two files.
SYNC_MOMENTS = [
    "ls /home/alice/.local/state/wsltune/workspace/shop-*/carrying.json >/dev/null 2>&1",
    f"ls {BELOW}/many/.*.wsltune-sync >/dev/null 2>&1",
    f"[ $(ls {BELOW}/many 2>/dev/null | wc -l) -ge 10 ]",
]
SILENT = """
for try in $(seq 3000); do
    if [ $(ls %s/many 2>/dev/null | wc -l) -ge 10 ]; then pkill -STOP -x slow_drive; echo stopped; exit; fi
    sleep 0.02
done
"""
MOMENTS = [
    ("[ -d /home/alice/src/.shop.wsltune-new ]", 0),
    ("[ -d /home/alice/src/.shop.wsltune-new ]", 0.7),
    ("[ -e /home/alice/src/.shop.wsltune-new/shop/untracked.txt ]", 0),
    ("[ -d /home/alice/src/.shop.wsltune-new/shop-worktrees/shop-side/.git ] || pgrep -x git >/dev/null", 0.3),
    ("[ -d /home/alice/src/shop-worktrees ]", 0),
    ("[ -d /home/alice/src/shop ]", 0),
    ("grep -q wsltune=workspace /etc/fstab", 0),
]
# What only a machine can tell; the refusals that the words alone decide are unit tests.
REFUSED = {
    "exists and is not wsltune's copy": [
        {"source": "/mnt/c/Users/alice/papers", "target": "/home/bob", "user": "alice"}
    ],
    "which is not a directory on this machine": [{"source": "/mnt/c/Users/alice/none"}],
    "There is no account 'nobody-here'": [{"source": SHOP, "user": "nobody-here"}],
    "is a linked worktree or a submodule": [{"source": "/mnt/c/Users/alice/shop-side"}],
    "cannot be read by alice": [{"source": "/srv/secret", "user": "alice"}],
    "cannot make /srv/none": [{"source": SHOP, "target": "/srv/none/shop"}],
    "does not lie on a Windows drive": [{"source": "/srv/fast/shop", "bind": True}],
    "can be changed by another account": [{"source": "/srv/fast/shop", "user": "root", "target": "/root/shop"}],
    "is in use by sleep": [{"source": SHOP}],
}


class Trials:
    """Tries one machine and collects what is wrong."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.wrong = machine, []
        self.original = self.digest()
        self.before: dict = {}
        self.kills = self.refusals = self.sync_kills = 0

    def syncs(self) -> None:
        """Sync, also killed and with a drive that stops to answer."""
        self.sync()
        for moment in SYNC_MOMENTS:
            self.kill_sync(moment)
        self.silent_drive()
        self.latency("bridged")

    def check(self, verb: str) -> dict:
        """Return what check.py says on the machine."""
        self.machine.put(HERE / "check.py", "/var/tmp/check.py")
        return json.loads(self.machine.run("python3", "/var/tmp/check.py", verb).splitlines()[-1])

    def digest(self) -> dict:
        """Return what the original is now."""
        return self.check("digest")

    def look(self, when: str, *verbs: str) -> None:
        """Expect the original as it was, always; the copy and the old path are right where they should be."""
        now = self.digest()
        changed = [path for path in {**self.original, **now} if self.original.get(path) != now.get(path)]
        self.wrong += [f"{when}: the original's {path} changed" for path in changed[:3]]
        for verb in verbs:
            self.wrong += [f"{when}: {sentence}" for sentence in self.check(verb)["wrong"]]
        print(f"{when}: {len(self.wrong)} wrong so far", flush=True)

    def play(self, when: str, playbook: str, **variables) -> str:
        """Run a playbook, keep it as wrong where it fails, and return its output."""
        done = self.machine.play(playbook, variables)
        if done.code:
            self.wrong.append(f"{when}: {playbook} ends with {done.code}: {done.output[-600:]}")
        return done.output

    def forget(self) -> None:
        """Take the binds away and remove the copies, for the next trial."""
        self.play("between", ROLE, workspace_state="absent", workspace_projects=PROJECTS)
        self.machine.run("sh", "-c", "rm -rf /home/alice/src /home/alice/papers")

    def restart(self) -> None:
        """Restart the machine; everything is still in its place."""
        subprocess.run(
            [str(ROOT / "tests/containers/machine.sh"), "restart", self.machine.name], check=True, capture_output=True
        )
        self.look("after a restart", "copy", "shown")

    def rollback(self) -> None:
        """Roll back, expect the old fstab and the copy, and run the role again."""
        said = self.play("rollback", "rollback.yml")
        if "the copy /home/alice/src/shop stays" not in said:
            self.wrong.append(f"the rollback does not say that the copy stays: {said[-600:]}")
        self.look("after the rollback", "copy")
        if self.machine.run("cat", "/etc/fstab") != self.machine.run("cat", "/var/tmp/fstab.before"):
            self.wrong.append(f"the fstab is {self.machine.run('cat', '/etc/fstab')!r}")
        if "wsltune" in self.machine.run("sh", "-c", "ls /var/lib; findmnt -rn"):
            self.wrong.append("the rollback left something")
        # What was copied before counts again.
        said = self.play("after the rollback", ROLE, workspace_projects=PROJECTS)
        if "mounted" not in self.machine.run("sh", "-c", f"findmnt {SHOP} >/dev/null && echo mounted"):
            self.wrong.append(f"a run after the rollback: {said[-600:]}")

    def kill(self, moment: str, later: float) -> None:
        """Kill a run `later` seconds after the moment, then run again."""
        self.forget()
        watcher = subprocess.Popen(
            self.machine.command("sh", "-c", WATCH % (moment, later)), stdout=subprocess.PIPE, text=True
        )
        process = self.machine.start(ROLE, {"workspace_projects": PROJECTS}, subprocess.DEVNULL)
        process.wait()
        self.machine.kill(process)
        killed = "killed" in watcher.communicate()[0]
        self.kills += killed and process.returncode != 0
        when = f"killed {later} s after {moment}" if killed else f"not killed at {moment}"
        there = self.machine.run("sh", "-c", "ls -A /home/alice/src 2>/dev/null || true").split()
        self.look(when)
        self.play(f"{when}, the next run", ROLE, workspace_projects=PROJECTS)
        self.look(f"{when}, the next run (left: {' '.join(there) or 'nothing'})", "copy", "shown")

    def refuse(self) -> None:
        """Expect each request of REFUSED to be refused with its sentence, and nothing to be left of it."""
        self.forget()
        self.machine.run(
            "sh",
            "-c",
            "mkdir -p /srv/secret && echo x > /srv/secret/key && chmod 600 /srv/secret/key; touch /home/bob/.keep",
        )
        for sentence, projects in REFUSED.items():
            if "in use" in sentence:
                subprocess.Popen(self.machine.command("sh", "-c", f"cd {SHOP} && exec sleep 60"))
            done = self.machine.play(ROLE, {"workspace_projects": projects})
            message = " ".join(done.output.split())
            if done.code == 0 or sentence not in message or done.changed > 0:
                self.wrong.append(f"{projects}: exit {done.code}, not {sentence!r}: {done.output[-500:]}")
            self.refusals += done.code != 0
        self.machine.run("sh", "-c", "pkill -x sleep || true")
        left = self.machine.run("sh", "-c", "ls -A /home/alice/src /home/alice/papers /srv/none 2>/dev/null || true")
        if left:
            self.wrong.append(f"what was refused left {left}")
        self.look("after what was refused")

    def latency(self, microseconds: str) -> None:
        """Set how long each operation of the drive takes."""
        drive = str(ROOT / "tests/slow_drive/slow_drive.sh")
        subprocess.run([drive, "--in", self.machine.name, "latency", "/mnt/c", microseconds], check=True)

    def auto(self) -> None:
        """On auto a project on the slow drive is moved, and one on a disk as fast as the home's stays."""
        self.forget()
        self.machine.run("sh", "-c", FAST)
        # A planted gain that no other work on this machine hides.
        self.latency("1500")
        self.wrong += self.decide(PROJECTS, True)
        # Of a hundred experiments with two equal things a few call one of them faster, and hardly ever two in a row.
        self.wrong += self.decide(FAST_PROJECT, False) and self.decide(FAST_PROJECT, False)
        self.latency("bridged")
        left = self.machine.run("sh", "-c", "ls -dA /home/alice/.wsltune* /srv/fast/.wsltune* 2>/dev/null || true")
        if left:
            self.wrong.append(f"the trials left {left}")

    def decide(self, projects: list[dict], kept: bool) -> list[str]:
        """Have the lever decided for a project and restore all; list what is wrong where it is not so as expected."""
        wanted = {
            "wsltune_levers": {"source_on_ext4": "auto"},
            "verify_benchmark": True,
            "verify_scenarios": ["test"],
            "verify_budget_minutes": 1,
            "workspace_projects": projects,
        }
        source, wrong = projects[0]["source"], []
        said = self.play("on auto", "site.yml", **wanted)
        decision = re.search(r"source_on_ext4 (kept|not kept)[^\"]*", said)
        print(f"on auto, {source}: {decision and decision[0]}", flush=True)
        moved = self.machine.run("sh", "-c", "ls -A /home/alice/src 2>/dev/null || true").split()
        right = decision and decision[1] == ("kept" if kept else "not kept") and "not tried" not in decision[0]
        if not right or bool(moved) != kept:
            wrong.append(f"{source} on auto: {moved} in ~/src, {decision and decision[0]}: {said[-1500:]}")
        self.look(f"{source} on auto", *(["copy", "shown"] if kept and moved else []))
        # Measured once: what was moved has nothing to try any more, the other decision is remembered.
        again = self.machine.play("site.yml", wanted)
        if again.code or again.changed:
            wrong.append(f"{source} on auto, again: {again.changed} changes: {again.output[-1500:]}")
        self.play("after auto", "rollback.yml")
        self.forget()
        return wrong

    def sync(self) -> None:
        """Sync a copy below its bind mount: only what one side changed goes over, and nothing where both did."""
        self.forget()
        shop = [PROJECTS[0]]
        self.play("before a sync", ROLE, workspace_projects=shop)
        copy, below = "/home/alice/src/shop", "/srv/windows/Users/alice/shop"
        self.machine.run("sh", "-c", f"echo here > {copy}/sync.txt && chown alice: {copy}/sync.txt")
        said = self.play("a sync that reports", "sync.yml", workspace_projects=shop)
        if '"sync.txt": "changed here"' not in said:
            self.wrong.append(f"a sync does not say what changed: {said[-800:]}")
        self.look("after a sync that reports", "shown")
        self.play("a sync", "sync.yml", workspace_projects=shop, workspace_direction="to_drive")
        if self.machine.run("cat", f"{below}/sync.txt").strip() != "here":
            self.wrong.append("a sync to the drive brought nothing there")
        now = self.digest()
        now.pop(f"{below}/sync.txt", None)
        # A folder's time and size are those of its entries.
        others = [path for path in self.original if path != below and self.original[path] != now.get(path)]
        self.wrong += [f"a sync changed {path}" for path in others[:3]]
        self.machine.run("sh", "-c", f"echo two > {copy}/sync.txt; echo three > {below}/sync.txt")
        done = self.machine.play("sync.yml", {"workspace_projects": shop, "workspace_direction": "to_drive"})
        if done.code == 0 or "changed on both sides" not in " ".join(done.output.split()):
            self.wrong.append(f"a sync of what both sides changed: {done.output[-500:]}")
        if self.machine.run("cat", f"{below}/sync.txt").strip() != "three":
            self.wrong.append("a sync of what both sides changed wrote")
        print(f"after the syncs: {len(self.wrong)} wrong so far", flush=True)

    def many(self, text: str) -> None:
        """Change files of a new copy, on a drive that is so slow from then on that every moment is met."""
        self.latency("20")
        self.forget()
        self.machine.run("sh", "-c", f"rm -rf {BELOW}/many {BELOW}/sync.txt /home/alice/.local/state/wsltune/workspace")
        self.play("before a sync", ROLE, workspace_projects=[PROJECTS[0]])
        copy = "/home/alice/src/shop"
        write = f"for n in $(seq 40); do echo {text} $n > {copy}/many/$n; done; echo {text} >> {copy}/main.go"
        self.machine.run("sh", "-c", f"mkdir {copy}/many; {write}; chown -R alice: {copy}/many")
        self.before = self.digest()
        self.latency("1000")

    def finished(self, when: str) -> None:
        """Sync once more, and expect what the copy has on the drive, whole, with nothing beside it."""
        # Work goes on before anybody looks.
        self.machine.run("sh", "-c", "echo later > /home/alice/src/shop/many/1")
        said = self.play(f"{when}, the next report", "sync.yml", workspace_projects=[PROJECTS[0]])
        if "ended in the middle" not in said or '"in_the_way": ""' not in said:
            self.wrong.append(f"{when}: the next report says {said[-800:]}")
        self.play(
            f"{when}, the next sync", "sync.yml", workspace_projects=[PROJECTS[0]], workspace_direction="to_drive"
        )
        differing = self.machine.run(
            "sh", "-c", f"diff -r -x .git -x build -x '*.log' {BELOW} /home/alice/src/shop || true"
        )
        left = self.machine.run("sh", "-c", "find /srv/windows /home/alice/src -name '*.wsltune-sync'")
        if differing or left:
            self.wrong.append(f"{when}, the next sync: {differing}{left}")
        kept = self.machine.run("sh", "-c", "cat /home/alice/.local/state/wsltune/workspace/shop-*/before-*/main.go")
        if hashlib.sha256(kept.encode()).hexdigest() not in (self.before[f"{BELOW}/main.go"][-1],):
            self.wrong.append(f"{when}: main.go as it was on the drive is not kept once: {kept[-300:]!r}")
        self.machine.run("sh", "-c", "rm -r /home/alice/.local/state/wsltune/workspace/shop-*/before-*")
        print(f"{when}: {len(self.wrong)} wrong so far", flush=True)

    def kill_sync(self, moment: str) -> None:
        """Kill a sync at the moment, then sync again."""
        self.many("killed")
        watcher = subprocess.Popen(
            self.machine.command("sh", "-c", WATCH % (moment, 0)), stdout=subprocess.PIPE, text=True
        )
        words = {"workspace_projects": [PROJECTS[0]], "workspace_direction": "to_drive"}
        process = self.machine.start("sync.yml", words, subprocess.DEVNULL)
        process.wait()
        self.machine.kill(process)
        if "killed" not in watcher.communicate()[0] or process.returncode == 0:
            self.wrong.append(f"a sync was not killed when {moment}")
            return
        self.sync_kills += 1
        self.finished(f"a sync killed when {moment}")

    def silent_drive(self) -> None:
        """Have the drive stop answering in the middle of a sync, and come back later."""
        self.many("silent")
        watcher = subprocess.Popen(self.machine.command("sh", "-c", SILENT % BELOW), stdout=subprocess.PIPE, text=True)
        done = self.machine.play("../molecule/workspace/sync.yml", {"source": SHOP, "seconds": 8})
        message = " ".join(done.output.split())
        if "stopped" not in watcher.communicate()[0] or done.code == 0:
            self.wrong.append(f"the drive did not stop to answer: {message[-600:]}")
        elif f"{SHOP} gives no answer in 8 s" not in message or "which finishes it" not in message:
            self.wrong.append(f"a drive that stops to answer: {message[-600:]}")
        print(f"the drive stopped to answer: {done.seconds:.0f} s", flush=True)
        done = self.machine.play("sync.yml", {"workspace_projects": [PROJECTS[0]]})
        if done.code == 0 or "gives no answer in 2 s" not in " ".join(done.output.split()):
            self.wrong.append(f"a report of a drive that gives no answer: {done.output[-600:]}")
        self.machine.run("pkill", "-CONT", "-x", "slow_drive")
        # What waited in the kernel ends now.
        self.machine.run(
            "sh", "-c", "for try in $(seq 100); do pgrep -u alice -x 'python3.*' || break; sleep 0.1; done"
        )
        self.finished("a drive that came back")


def main() -> None:
    """Run the trials and print what is wrong."""
    trials = Trials(Machine(sys.argv[1], int(sys.argv[2])))
    if sys.argv[3:] == ["sync"]:
        trials.syncs()
        print(json.dumps({"wrong": trials.wrong, "sync_kills": trials.sync_kills}))
        return
    if sys.argv[3:] == ["kills"]:
        for moment, later in MOMENTS:
            trials.kill(moment, later)
        print(json.dumps({"wrong": trials.wrong, "kills": trials.kills}))
        return
    trials.restart()
    trials.rollback()
    for moment, later in MOMENTS[::2]:
        trials.kill(moment, later)
    trials.auto()
    trials.refuse()
    trials.sync()
    print(json.dumps({"wrong": trials.wrong, "kills": trials.kills, "refusals": trials.refusals}))


if __name__ == "__main__":
    main()
