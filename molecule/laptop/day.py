# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A developer's day: onboard.sh on a laptop whose Go lies on a Windows drive, a restart, the way back.

day.py MACHINE DRIVE [windows]; with `windows` MACHINE-windows is its Windows. `day.py MACHINE DRIVE sync` only copies
the project and syncs the copy, `day.py MACHINE DRIVE break` only sees what a cold page cache costs. Times are compared
only within one boot and one interleaved series. The time spent waiting for the drive is what the kernel's own 9p
tracepoints tell: from each request to its answer, of all threads together.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import stats  # noqa: E402
from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo  # noqa: E402
from ansible_collections.wsltune.go.plugins.module_utils.workspace import plan as workspace_plan  # noqa: E402
from tests.containers.driver import Machine  # noqa: E402
from tests.windows_host.driver import WindowsHost  # noqa: E402

SHOP = "/mnt/c/dev/shop"
COPY = "/home/alice/src/shop"
# Everything on the disk but what wsltune does not promise to restore: the copy itself, logs and caches.
LISTED = r"""
cd / && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp \
    -o -path ./var/tmp -o -path ./var/log -o -path ./var/lib/systemd -o -path ./mnt -o -path ./home/alice/wsltune \
    -o -path ./home/alice/src -o -name .cache -o -name .ansible -o -path ./home/alice/.local \
    -o -name telemetry -o -path ./root/.config -o -path ./home/alice/reference \
    -o -path ./root/.ssh \) -prune -o \( -type d -printf '%p %m %u %g\n' -o -printf '%p %m %u %g %s %T@ %l\n' \) | sort
"""
# The drive without what is mounted over it.
UNCOVERED = "mountpoint -q /run/original || { mkdir -p /run/original && mount --bind /mnt/c /run/original; }"
REQUEST = re.compile(r"\s(\d+\.\d+): 9p_client_(req|res): .*?\btag\s+(\d+)")


class Laptop:
    """The virtual machine, reached by ssh, with the time since the day began."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.begin = time.monotonic()

    def say(self, text: str) -> None:
        """Print the text with the seconds since the day began."""
        print(f"{time.monotonic() - self.begin:5.0f} s: {text}", flush=True)

    def run(self, user: str, command: str, check: bool = True, text: str | None = None) -> str:
        """Run a command as the user and return its output; RuntimeError where it fails and `check` is set."""
        result = subprocess.run(
            [str(ROOT / "tests/laptop/laptop.sh"), "ssh", self.name, user, command],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and result.returncode:
            raise RuntimeError(
                f"{user}: {command[:200]}: exit {result.returncode}: {result.stdout[-1500:]}{result.stderr[-1500:]}"
            )
        return result.stdout

    def restart(self) -> None:
        """Restart the machine and wait for its ssh."""
        subprocess.run([str(ROOT / "tests/laptop/laptop.sh"), "restart", self.name], check=True, capture_output=True)


class Day:
    """Does what a developer does in a day, and keeps what is wrong."""

    def __init__(self, laptop: Laptop, drive: Path, windows: WindowsHost | None) -> None:
        self.laptop, self.drive, self.windows = laptop, drive, windows
        self.wrong: list[str] = []

    def check(self, right: bool, sentence: str) -> None:
        """Keep and print the sentence where it is not right."""
        if not right:
            self.wrong.append(sentence)
            self.laptop.say(f"WRONG: {sentence}")

    def original(self) -> dict[str, list]:
        """Return what lies on the drive, by mode, owner, time of files and content."""
        found = {}
        for path in sorted((self.drive / "dev/shop").rglob("*")):
            status = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            found[str(path)] = [status.st_mode, status.st_uid, status.st_mtime_ns * path.is_file(), content]
        return found

    def prepare(self) -> None:
        """Make what the developer has: the checkout, and Go's settings that lead to the drive."""
        archive = subprocess.run(
            "git ls-files -co --exclude-standard -z | xargs -0 ls -d 2>/dev/null | tar -cf - -T -",
            shell=True,
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
        subprocess.run(
            [str(ROOT / "tests/laptop/laptop.sh"), "ssh", self.laptop.name, "alice", "tar -xf - -C wsltune"],
            input=archive,
            check=True,
        )
        settings = "GOCACHE=/mnt/c/dev/go-build\nGOTMPDIR=/mnt/c/dev/tmp\n"
        self.laptop.run("alice", "mkdir -p .config/go && cat > .config/go/env", text=settings)
        self.laptop.run("alice", "cat > bench.py", text=(HERE / "bench.py").read_text(encoding="utf-8"))
        if self.windows:
            self.windows.register_distro()
            self.windows.set_execution_policy("Bypass")
        # Everything on the distro's own disk, to compare with.
        self.laptop.run("alice", f"mkdir -p reference/tmp && cp -r {SHOP} reference/shop")

    def bench(self, rounds: int, *names: str) -> dict[str, list[float]]:
        """Return the seconds of `go test` in each place, in rounds that alternate."""
        known = {
            "drive": {
                "folder": "/run/original/dev/shop",
                "environment": {"GOCACHE": "/mnt/c/dev/go-build", "GOTMPDIR": "/mnt/c/dev/tmp"},
            },
            "own disk": {
                "folder": "/home/alice/reference/shop",
                "environment": {"GOCACHE": "/home/alice/.cache/go-build", "GOTMPDIR": "/home/alice/reference/tmp"},
            },
            "as it is": {"folder": SHOP, "environment": {}},
        }
        self.laptop.run("root", UNCOVERED)
        wanted = {name: known[name] for name in names}
        said = self.laptop.run("alice", f". /etc/profile; python3 bench.py {rounds} {shlex.quote(json.dumps(wanted))}")
        return json.loads(said)

    def waiting(self, name: str) -> tuple[float, int]:
        """Return the seconds that one test run waited for the drive, and how many requests that were."""
        switch = "for e in req res; do echo %d > events/9p/9p_client_$e/enable; done"
        begin = f"cd /sys/kernel/tracing && echo 16384 > buffer_size_kb && echo > trace && {switch % 1}"
        self.laptop.run("root", begin)
        self.bench(1, name)
        said = self.laptop.run("root", f"cd /sys/kernel/tracing && {switch % 0}; cat trace; echo > trace")
        return waited(said)

    def measure(self, rounds: int, pairs: int) -> dict[str, float]:
        """Compare with the drive in a few rounds, and closely with the distro's own disk in some more."""
        names = ("drive", "as it is", "own disk")
        self.bench(0, *names)
        times = self.bench(rounds, *names)
        more = self.bench(pairs, "as it is", "own disk")
        now, own = (times[name] + more[name] for name in ("as it is", "own disk"))
        drive, disk = stats.compare(now, times["drive"]), stats.compare(own, now)
        before, after = self.waiting("drive"), self.waiting("as it is")
        told = {
            "faster": round(drive.ratio, 2),
            "to_own_disk": round(disk.ratio, 3),
            "to_own_disk_interval": [round(end, 3) for end in disk.interval],
            "waiting_less": round(1 - after[0] / before[0], 3),
            "waited_before": round(before[0], 2),
            "waited_after": round(after[0], 2),
            "requests_before": before[1],
            "requests_after": after[1],
        }
        self.laptop.say(f"{times} {more} {told}")
        return told

    def after_a_break(self, pairs: int = stats.MIN_RUNS) -> None:
        """See that the first test after a break is slow: what WSL does to an idle machine, done by hand (WT-051)."""
        self.bench(0, "own disk")
        times: dict[str, list[float]] = {"warm": [], "cold": []}
        for number in range(2 * pairs):
            # In turn, the cold one first in every second pair.
            kind = ("warm", "cold", "cold", "warm")[number % 4]
            if kind == "cold":
                self.laptop.run("root", "sync; echo 3 > /proc/sys/vm/drop_caches")
            else:
                self.bench(1, "own disk")
            times[kind] += self.bench(1, "own disk")["own disk"]
        cold = stats.compare(times["warm"], times["cold"])
        self.laptop.say(f"after a break: {times}, {cold.ratio:.2f} times {cold.interval}")
        self.check(cold.verdict == stats.SLOWER, f"a cold page cache costs nothing: {times}")

    def terminal(self, command: str) -> str:
        """Return what a command prints in a WSL terminal of the developer's that was started as administrator."""
        return self.laptop.run("root", f"wsl-session alice elevated bash -lc {shlex.quote(command)}")

    def onboard(self, words: str) -> str:
        """Run onboard.sh without a terminal's input, expect that it succeeds, and return its output."""
        said = self.terminal(f"cd ~/wsltune && ./onboard.sh {words} </dev/null 2>&1 || echo exit $?")
        self.check("exit " not in said.splitlines()[-1], f"onboard.sh {words}: {said[-1500:]}")
        return said

    def doctor(self) -> None:
        """Expect the doctor to name the build cache on the drive before anything else, and all that lies there."""
        said = self.terminal(f"cd {SHOP} && ~/wsltune/onboard.sh doctor </dev/null; echo exit $?")
        found = json.loads(self.laptop.run("alice", "cat .local/state/wsltune/localhost/doctor.json"))["checks"]
        causes = [(check["id"], check["status"]) for check in found if check["status"] in ("critical", "warning")]
        self.laptop.say(said)
        named = {"WT-001", "WT-002", "WT-004"} | ({"WT-048"} if self.windows else set())
        self.check(
            causes[0] == ("WT-002", "critical") and named <= {name for name, _status in causes} and "exit 4\n" in said,
            f"the doctor named {causes}",
        )

    def of_windows(self) -> dict[str, object]:
        """Return what Windows has of what the roles for it change."""
        if not self.windows:
            return {}
        return {
            "exclusions": self.windows.exclusions(),
            "ledger": self.windows.ledger(),
            "wslconfig": self.windows.get(r"C:\Users\erin\.wslconfig"),
        }

    def state(self, when: str) -> None:
        """Expect what the machine itself says of the developer's Go and project."""
        ask = (
            f". /etc/profile; go env GOCACHE GOTMPDIR; stat -c %d:%i {SHOP} {COPY}; cd {SHOP} && git status --porcelain"
        )
        lines = self.laptop.run("alice", ask).splitlines()
        self.check(
            lines[:2] == ["/home/alice/.cache/go-build", "/var/cache/gotmp/1000"], f"{when}: go env says {lines[:2]}"
        )
        self.check(lines[2] == lines[3], f"{when}: {SHOP} is not the copy: {lines[2:4]}")
        self.check(lines[4:] == [" M price/price.go", "?? untracked.txt"], f"{when}: git status says {lines[4:]}")

    def sync(self) -> None:
        """Sync the copy with the original on the real 9p drive: report, carry over, both changed, and killed."""
        port = Path("/run/wsltune-laptops") / self.laptop.name / "port"
        machine = Machine(self.laptop.name, int(port.read_text(encoding="utf-8")))
        words = {"workspace_projects": [{"source": SHOP, "bind": True}]}
        to_drive = {**words, "workspace_direction": "to_drive"}
        begin, below = self.original(), self.drive / "dev/shop"
        done = machine.play("../molecule/workspace/role.yml", words)
        self.check(done.code == 0, f"the copy: {done.output[-800:]}")
        write = f"cd {COPY} && echo here > sync.txt && mkdir -p many && for n in $(seq 40); do echo $n > many/$n; done"
        self.laptop.run("alice", write)
        report = machine.play("sync.yml", words)
        self.check('"sync.txt": "changed here"' in report.output, f"the report: {report.output[-1500:]}")
        self.laptop.say(f"a report over 9p took {report.seconds:.0f} s: {report.output[-1500:]}")
        self.laptop.run("root", UNCOVERED)
        watch = (
            "for try in $(seq 6000); do ls /run/original/dev/shop/many/3 && pkill -KILL -x 'python3.*' && break; done"
        )
        watcher = subprocess.Popen(
            [str(ROOT / "tests/laptop/laptop.sh"), "ssh", self.laptop.name, "root", watch],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        killed = machine.play("sync.yml", to_drive)
        watcher.wait()
        self.check(killed.code != 0, "the sync was not killed")
        went = len([path for path in (below / "many").iterdir() if path.name.isdigit()])
        self.laptop.say(f"killed when {went} of 40 files were there")
        report = machine.play("sync.yml", words)
        said = "ended in the middle, with" in report.output and '"in_the_way": ""' in report.output
        self.check(said, f"after the kill: {report.output[-1500:]}")
        done = machine.play("sync.yml", to_drive)
        self.check(done.code == 0, f"the sync: {done.output[-800:]}")
        now = {path: it for path, it in self.original().items() if "/many" not in path and "sync.txt" not in path}
        self.check(now == begin, "a sync changed other files of the drive")
        names = sorted(path.name for path in (below / "many").iterdir())
        self.check(names == sorted(str(number) for number in range(1, 41)), f"the drive has {names}")
        self.laptop.run("alice", f"echo two > {COPY}/sync.txt")
        (below / "sync.txt").write_text("three\n", encoding="utf-8")
        done = machine.play("sync.yml", to_drive)
        said = "changed on both sides" in " ".join(done.output.split()) and "nothing was written" in done.output
        self.check(done.code != 0 and said, f"both sides changed: {done.output[-800:]}")
        self.check((below / "sync.txt").read_text(encoding="utf-8") == "three\n", "both sides changed, and it wrote")
        (below / "sync.txt").unlink()
        self.laptop.run("alice", f"rm -r {COPY}/sync.txt {COPY}/many")
        done = machine.play("sync.yml", to_drive)
        self.check(done.code == 0 and self.original() == begin, f"the way back: {done.output[-800:]}")
        self.laptop.say("synced")

    def without_systemd(self) -> None:
        """Try the fstab lines for a distro without systemd, where WSL's `mount -a` comes before the drives."""
        mounts = mountinfo.parse(self.laptop.run("root", "cat /proc/self/mountinfo"), is_wsl=True)
        project = workspace_plan.Project(SHOP, COPY, "alice", bind=True)
        drive = workspace_plan.drive_above(mounts, SHOP)
        self.check(drive is not None and drive.windows_drive, f"{SHOP} is not seen to lie on a Windows drive: {drive}")
        lines = workspace_plan.bind_lines(project, False, drive, "uid=1000,gid=1000")
        self.laptop.run("root", "cp -p /etc/fstab /root/fstab; cp -p /etc/wsl.conf /root/wsl.conf")
        self.laptop.run("root", "cat > /etc/fstab", text=workspace_plan.with_bind_lines("", lines))
        self.laptop.run("root", "printf '[boot]\\nsystemd=false\\n' > /etc/wsl.conf")
        self.laptop.restart()
        said = self.laptop.run(
            "root",
            f"ps -o comm= 1; cat /run/mount-a.status; stat -c %d:%i {SHOP} {COPY}; grep -c ' /mnt/c ' /proc/mounts",
        ).split()
        self.check(
            said[0] != "systemd" and said[1] == "0", f"without systemd: PID 1 is {said[0]}, mount -a said {said[1]}"
        )
        self.check(said[2] == said[3] and said[4] == "1", f"without systemd: {said}")
        self.laptop.run(
            "root", "cp -p /root/fstab /etc/fstab; cp -p /root/wsl.conf /etc/wsl.conf; rm /root/fstab /root/wsl.conf"
        )
        self.laptop.say("a start without systemd, and back")
        self.laptop.restart()


def waited(trace: str) -> tuple[float, int]:
    """Return the seconds from requests to their answers in a trace of the kernel's, and the number of requests."""
    open_since: dict[str, float] = {}
    total, count = 0.0, 0
    for line in trace.splitlines():
        match = REQUEST.search(line)
        if match and match[2] == "req":
            open_since[match[3]] = float(match[1])
        elif match and match[3] in open_since:
            total += float(match[1]) - open_since.pop(match[3])
            count += 1
    return total, count


def main() -> None:
    """Live the day and print what is wrong, with the times."""
    laptop = Laptop(sys.argv[1])
    day = Day(laptop, Path(sys.argv[2]), WindowsHost(f"{sys.argv[1]}-windows") if sys.argv[3:] == ["windows"] else None)
    if sys.argv[3:] in (["sync"], ["break"]):
        if sys.argv[3] == "sync":
            day.sync()
        else:
            day.prepare()
            day.after_a_break()
        print(json.dumps({"wrong": day.wrong, "seconds": round(time.monotonic() - laptop.begin)}))
        return
    day.prepare()
    laptop.say("the checkout is there")
    day.doctor()
    original, before, windows = day.original(), laptop.run("root", LISTED), day.of_windows()
    wanted = {"workspace_projects": [{"source": SHOP, "bind": True}], "wslconfig_settings": {"wsl2.swap": "1GB"}}
    wanted["go_tmpfs_place"] = "gotmpdir"
    said = day.onboard(f"--yes --no-benchmark -- -e {shlex.quote(json.dumps(wanted))}")
    laptop.say(said)
    if day.windows:
        tuned = day.of_windows()
        laptop.say(f"Windows: {tuned}")
        day.check(len(tuned["exclusions"]) == 2 and tuned["wslconfig"] == "[wsl2]\nswap=1GB\n", f"Windows has {tuned}")
    day.check(r"\\wsl.localhost\Debian\home\alice\src\shop" in said, "the way back for Windows programs is not told")
    day.state("after onboard.sh")
    onboarded = day.measure(4, 8)
    laptop.restart()
    laptop.say("restarted")
    day.state("after a restart")
    restarted = day.measure(4, 4)
    day.after_a_break()
    day.without_systemd()
    day.state("after a start without systemd and one with it")
    laptop.say(day.onboard("rollback --yes"))
    day.check(day.original() == original, "the original changed")
    day.check(day.of_windows() == windows, f"the rollback left Windows with {day.of_windows()}, it had {windows}")
    after = laptop.run("root", LISTED)
    differences = sorted(set(before.splitlines()) ^ set(after.splitlines()))
    day.check(not differences, f"the rollback left {differences[:10]}")
    said = laptop.run(
        "alice",
        f"go env GOCACHE GOTMPDIR; findmnt -n -o FSTYPE -T {SHOP}; cd {SHOP} && git status --porcelain; ls {COPY}",
    )
    day.check(
        said.split("\n")[:3] == ["/mnt/c/dev/go-build", "/mnt/c/dev/tmp", "9p"] and "price" in said,
        f"after the rollback: {said}",
    )
    laptop.say("rolled back")
    print(
        json.dumps(
            {
                "wrong": day.wrong,
                "onboarded": onboarded,
                "restarted": restarted,
                "seconds": round(time.monotonic() - laptop.begin),
            }
        )
    )


if __name__ == "__main__":
    main()
