# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the options of a Windows drive do for a source that stays on it, and what they risk.

    python benchmarks/drives/drives.py [--quick] [--minutes 14] [--only SCENARIO] [--coherence]
    python benchmarks/drives/drives.py [--minutes 14] [--stand-in MICROSECONDS] --modules FOLDER...

Boots the virtual machine of tests/laptop (qemu, as root), which mounts one folder of this machine several times by 9p,
each time with other options, and by virtiofs where this qemu has a virtiofsd. What is compared runs in turn. Then it
writes from the other side and looks what the laptop sees, and the other way round; it fails where WSL's own options
(cache=mmap) do not show what was written. `--coherence` does only that. `--modules` measures instead, with `go test` of
these modules, what the levers for a drive undo; each gets an equal part of the time. Absolute times mean nothing,
because the processor is emulated. With `--stand-in` it is the real processor, in a container (tests/containers), and
the drive is one of tests/slow_drive, a folder (FUSE) whose operations take that long each: 320 is what one over WSL's
bridge took in the article that started this project.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import schedule, stats, summaries  # noqa: E402
from ansible_collections.wsltune.go.plugins.module_utils.benchmark.experiment import CONTROL, Experiment, Scenario  # noqa: E402
from benchmarks.drives import guest  # noqa: E402

NAME, PORT = "wsltune-drives", "2286"
LAPTOP = ROOT / "tests/laptop/laptop.sh"
CONTAINERS = ROOT / "tests/containers"
DRIVE = Path("/run/wsltune-laptops/drives")
WSL = r"trans=virtio,version=9p2000.L,noatime,aname=drvfs;path=C:\;uid=1000;gid=1000;symlinkroot=/mnt/"
GO = ("test", "build")
SMALL = ("git", "stat", "open and read", "create and remove")
"""What takes no minutes, so that every view has it."""
PATIENCE = 5.0
"""Seconds after which what was written on the other side counts as not seen."""
MAIN = """package main

import (
	"fmt"

	"example.com/shop/price"
)

func main() {
	fmt.Println(price.Total(1, 2))
}
"""


@dataclass(frozen=True)
class View:
    """One way to have the source: a mount and settings. The first is what WSL and Go do by themselves."""

    name: str
    kind: str = "9p"
    options: str = "msize=65536,cache=mmap"
    of: str = ""
    """The view whose mount it uses, where it has none of its own."""
    environment: dict[str, str] = field(default_factory=dict)
    scenarios: tuple[str, ...] = (*GO, *SMALL)

    @property
    def label(self) -> str:
        """The name as a part of a path."""
        return self.name.replace(" ", "-")

    def mount(self) -> str:
        """Return where its drive is mounted."""
        return f"/run/views/{self.of or self.label}"

    def folder(self) -> str:
        """Return where its copy of the project is, in the laptop."""
        below = "/home/alice" if self.kind == "disk" else self.mount() + "/dev"
        return f"{below}/trees/{self.label}"


DEFAULT = View("cache=mmap")
ON_DRIVE = DEFAULT.mount() + "/dev"
CACHE_ON_DRIVE = View(
    "GOCACHE on the drive", of="cache=mmap", environment={"GOCACHE": ON_DRIVE + "/go-build"}, scenarios=("test",)
)
OWN_DISK = View("own disk", kind="disk")
WINDOWS_PATH = [f"{ON_DRIVE}/path/{number}" for number in range(24)]
"""As many folders as an ordinary PATH of Windows has."""
VIEWS = (
    DEFAULT,
    View("cache=none", options="msize=65536,cache=none"),
    View("cache=readahead", options="msize=65536,cache=readahead", scenarios=("test", *SMALL)),
    View("cache=loose", options="msize=65536,cache=loose"),
    View("msize=262144", options="msize=262144,cache=mmap", scenarios=("test", *SMALL)),
    View("virtiofs", kind="virtiofs", options=""),
    CACHE_ON_DRIVE,
    View("GOTMPDIR on the drive", of="cache=mmap", environment={"GOTMPDIR": ON_DRIVE + "/tmp"}, scenarios=("test",)),
    View("-buildvcs=false", of="cache=mmap", environment={"GOFLAGS": "-buildvcs=false"}, scenarios=("build",)),
    View("untrackedCache", of="cache=mmap", scenarios=("git",)),
    OWN_DISK,
)
OF_LEVERS = (
    DEFAULT,
    CACHE_ON_DRIVE,
    View("Windows' PATH", of="cache=mmap", environment={"PATH": ":".join([guest.ENVIRONMENT["PATH"], *WINDOWS_PATH])}),
    OWN_DISK,
)
"""What caches_local, append_windows_path and source_on_ext4 undo or do."""


class Guest:
    """A machine with guest.py in it."""

    def __init__(self, put: list[str], ask: list[str], down: list[str]) -> None:
        self.down = down
        """The command that removes the machine."""
        self.serial = 0
        """The number of the last run, by which each edits the source in its own way."""
        subprocess.run(put, input=(HERE / "guest.py").read_text(encoding="utf-8"), text=True, check=True)
        self.guest = subprocess.Popen(ask, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, verb: str, **words: Any) -> Any:
        """Ask guest.py; RuntimeError with its reason where it fails."""
        assert self.guest.stdin and self.guest.stdout
        self.guest.stdin.write(json.dumps({"verb": verb, **words}) + "\n")
        self.guest.stdin.flush()
        kind, value = json.loads(self.guest.stdout.readline())
        if kind == "error":
            raise RuntimeError(value)
        return value

    def end(self) -> None:
        """End the machine and remove its drive."""
        assert self.guest.stdin
        self.guest.stdin.close()
        self.guest.wait()
        subprocess.run(self.down, check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(DRIVE, ignore_errors=True)


class Container(Guest):
    """A container whose drive is one of tests/slow_drive."""

    def __init__(self, microseconds: int) -> None:
        DRIVE.mkdir(parents=True, exist_ok=True)
        image = subprocess.run([CONTAINERS / "build.sh", "trixie"], stdout=subprocess.PIPE, text=True, check=True)
        machine = [CONTAINERS / "machine.sh", "up", NAME, image.stdout.split()[-1], PORT, "systemd"]
        subprocess.run([*machine, "-v", f"{DRIVE}:{DRIVE}"], check=True, stdout=subprocess.DEVNULL)
        drive = [ROOT / "tests/slow_drive/slow_drive.sh", "--in", NAME, "up", DRIVE, DEFAULT.mount(), str(microseconds)]
        subprocess.run([*drive, "uid=1000", "gid=1000", "umask=0"], check=True, stdout=subprocess.DEVNULL)
        inside = [str(CONTAINERS / "podman.sh"), "podman", "exec", "-i", NAME]
        super().__init__(
            [*inside, "sh", "-c", "cat > /root/guest.py"],
            [*inside, "python3", "/root/guest.py"],
            [str(CONTAINERS / "machine.sh"), "down", NAME],
        )


class Laptop(Guest):
    """The virtual machine of tests/laptop."""

    def __init__(self) -> None:
        environment = {**os.environ, "WSLTUNE_LAPTOP_VIEWS": str(len([view for view in VIEWS if view.kind == "9p"]))}
        environment["WSLTUNE_LAPTOP_VIRTIOFS"] = "1"
        environment.pop("WSLTUNE_WINDOWS_PWSH", None)
        start = [str(ROOT / "molecule/laptop/start.sh"), NAME, PORT, str(DRIVE)]
        subprocess.run(start, env=environment, check=True, stdout=subprocess.DEVNULL)
        inside = [str(LAPTOP), "ssh", NAME, "root"]
        super().__init__(
            [*inside, "cat > /root/guest.py"], [*inside, "python3 /root/guest.py"], [str(LAPTOP), "down", NAME]
        )


def make_shop() -> Path:
    """Make the small module a repository with a program; return its folder."""
    shop = DRIVE / "dev/shop"
    (shop / "cmd/shop").mkdir(parents=True, exist_ok=True)
    (shop / "cmd/shop/main.go").write_text(MAIN, encoding="utf-8")
    (shop / "price/price.go").write_text(
        (ROOT / "tests/laptop/shop/price/price.go").read_text(encoding="utf-8"), encoding="utf-8"
    )
    identity = ["-c", "user.name=Alice", "-c", "user.email=alice@example.com", "-c", f"safe.directory={shop}"]
    subprocess.run(["git", *identity, "add", "."], cwd=shop, check=True)
    subprocess.run(["git", *identity, "commit", "-qm", "all"], cwd=shop, check=True)
    return shop


def make_trees(laptop: Guest, views: list[View], source: Path) -> None:
    """Give each view a copy of its own of the module on the drive, and one to the distro's own disk."""
    trees = DRIVE / "dev/trees"
    shutil.rmtree(trees, ignore_errors=True)
    laptop.ask("shell", text="rm -rf /home/alice/trees")
    for view in views:
        shutil.copytree(source, trees / view.label, symlinks=True)
    for folder in WINDOWS_PATH:
        (DRIVE / "dev" / folder.removeprefix(ON_DRIVE + "/")).mkdir(parents=True, exist_ok=True)
    subprocess.run(["chown", "-R", "1000:1000", DRIVE / "dev"], check=True)
    subprocess.run(["chmod", "-R", "0777", DRIVE / "dev"], check=True)
    laptop.ask("shell", text="install -d -o 1000 -g 1000 /var/tmp/gotmp /home/alice/trees")
    for view in views:
        if view.kind == "disk":
            copied = f"{DEFAULT.mount()}/dev/trees/{view.label}"
            laptop.ask("command", words=["cp", "-a", copied, view.folder()])
        if view.name == "untrackedCache":
            for words in (["config", "core.untrackedCache", "true"], ["update-index", "--untracked-cache"]):
                laptop.ask("command", words=["git", *words], folder=view.folder())


def mount_all(laptop: Guest) -> list[View]:
    """Mount each view, print its line of the mount table, and return those that there are."""
    there, number = [], 0
    for view in VIEWS:
        if view.of or view.kind == "disk":
            there.append(view)
            continue
        number += view.kind == "9p"
        tag, options = (f"view{number}", f"{view.options},{WSL}") if view.kind == "9p" else ("views", view.options)
        try:
            print(laptop.ask("mount", place=view.mount(), kind=view.kind, tag=tag, options=options))
            there.append(view)
        except RuntimeError as error:
            print(f"not to be had here: {view.name}: {error}")
    return there


def compare(laptop: Guest, views: list[View], scenarios: list[str], minutes: float, runs: int) -> None:
    """Run the scenarios in the views in turn, and print how each compares with the first."""
    taking = [view for view in views if scenarios[0] in view.scenarios]
    named = {view.name: view for view in taking}
    named[CONTROL] = taking[0]

    def execute(scenario: str, name: str, serial: int) -> dict[str, Any]:
        view = named[name]
        laptop.serial += 1
        words = {"folder": view.folder(), "environment": view.environment, "serial": laptop.serial}
        return dict(laptop.ask("measure", scenario=scenario, **words))

    clock = schedule.Clock(time.monotonic, time.monotonic(), 60 * minutes)
    wanted = [Scenario(name) for name in scenarios]
    measured = schedule.measure(wanted, [view.name for view in taking], execute, clock, 1, min_runs=runs, max_runs=20)
    summary = summaries.summarise_runs(Experiment([{"name": view.name} for view in taking], measured))
    for scenario, summed in zip(measured, summary["scenarios"]):
        print(f"\n{scenario.name}{': ' + scenario.reason if scenario.reason else ''}")
        for name in [view.name for view in taking] + [CONTROL]:
            walls = [run.wall for run in scenario.runs if run.variant == name and run.round]
            if not walls:
                continue
            one = summed["comparisons"].get(name)
            said = ""
            if one and None not in (one["low"], one["high"]):
                said = f"{one['ratio']:6.2f} [{one['low']:.2f} to {one['high']:.2f}]  {one['verdict']}"
            middle = stats.median(walls)
            shown = f"{middle:9.2f} s " if middle >= 0.05 else f"{1e6 * middle:9.0f} us"
            print(f"  {name:24}{shown} {len(walls):3} runs  {said}", flush=True)


def measure_levers(laptop: Guest, modules: list[Path], minutes: float, runs: int) -> None:
    """Measure with the tests of modules what the levers for a drive undo."""
    print(laptop.ask("shell", text="uname -r; nproc; findmnt -n -o FSTYPE -T /var/tmp; cat /proc/loadavg"))
    print(laptop.ask("command", words=["go", "version"]).strip())
    for module in modules:
        make_trees(laptop, list(OF_LEVERS), module.resolve())
        print(f"\n{module.name}")
        compare(laptop, list(OF_LEVERS), ["test"], minutes / len(modules), runs)


class Coherence:
    """Writes on one side of a view and looks on the other."""

    def __init__(self, laptop: Guest, view: View) -> None:
        self.laptop, self.view = laptop, view
        self.there = DRIVE / "dev/seen" / view.label
        self.here = f"{view.mount()}/dev/seen/{view.label}"
        shutil.rmtree(self.there, ignore_errors=True)
        self.there.mkdir(parents=True)
        for path in (DRIVE / "dev/seen", self.there):
            path.chmod(0o777)

    def when(self, look: Callable[[], bool]) -> str:
        """Return when it is true."""
        begin = time.monotonic()
        while time.monotonic() - begin < PATIENCE:
            if look():
                return "at once" if time.monotonic() - begin < 1 else f"after {time.monotonic() - begin:.0f} s"
            time.sleep(0.5)
        return "NOT SEEN"

    def seen(self, name: str, expected: str) -> str:
        """Return when the laptop sees what the other side has written."""
        return self.when(lambda: self.laptop.ask("look", path=f"{self.here}/{name}") == expected)

    def first(self, name: str, text: str) -> Path:
        """Make a file that the laptop has read."""
        path = self.there / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o666)
        assert self.laptop.ask("look", path=f"{self.here}/{name}") == text
        return path

    def all(self) -> dict[str, str]:
        """Return what each case came to."""
        found = {}
        # A folder that is listed and names that are looked up first, so that there is something to be stale.
        self.laptop.ask("look", path=f"{self.here}/new.txt")
        self.laptop.ask("look", path=self.here)
        (self.there / "new.txt").write_text("new", encoding="utf-8")
        found["a new file"] = self.seen("new.txt", "new")
        listed = " ".join(sorted(os.listdir(self.there)))
        found["a new name in the list"] = self.when(lambda: self.laptop.ask("look", path=self.here) == listed)
        self.first("changed.txt", "old text").write_text("new text", encoding="utf-8")
        found["changed in place"] = self.seen("changed.txt", "new text")
        with self.first("grown.txt", "one\n").open("a", encoding="utf-8") as handle:
            handle.write("two\n")
        found["appended to"] = self.seen("grown.txt", "one\ntwo\n")
        path = self.first("saved.txt", "old")
        self.there.joinpath("saved.tmp").write_text("saved", encoding="utf-8")
        os.replace(self.there / "saved.tmp", path)
        found["saved by an editor (rename)"] = self.seen("saved.txt", "saved")
        self.first("gone.txt", "x").unlink()
        found["removed"] = self.seen("gone.txt", "error: No such file or directory")
        path = self.first("log.txt", "one\n")
        with path.open("a", encoding="utf-8") as handle:
            handle.write("from Windows\n")
        self.laptop.ask("write", path=f"{self.here}/log.txt", text="from Linux\n", how="a")
        self.laptop.ask("shell", text="sync")
        text = path.read_text(encoding="utf-8")
        found["both append"] = "both kept" if "from Windows" in text and "from Linux" in text else f"LOST: {text!r}"
        self.laptop.ask("write", path=f"{self.here}/ours.txt", text="from Linux")
        ours = self.there / "ours.txt"
        found["written in Linux, seen on Windows"] = self.when(
            lambda: ours.exists() and ours.read_text(encoding="utf-8") == "from Linux"
        )
        found["go build after an edit on Windows"] = self.built()
        return found

    def built(self) -> str:
        """Return whether Go builds what was edited on the other side."""
        source = DRIVE / "dev/trees" / self.view.label / "price/price.go"
        words = ["go", "run", "./cmd/shop"]
        self.laptop.ask("command", words=words, folder=self.view.folder())
        before = source.read_text(encoding="utf-8")
        source.write_text(before.replace("total := 0", "total := 5"), encoding="utf-8")
        said = self.laptop.ask("command", words=words, folder=self.view.folder()).strip()
        source.write_text(before, encoding="utf-8")
        return {"8": "the new source", "3": "THE OLD SOURCE"}.get(said, f"fails: {said[-100:]}")


def main() -> int:
    """Measure and look; 1 where what WSL itself does hides what was written."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--minutes", type=float, default=14, help="for all that is timed (default 14)")
    parser.add_argument("--quick", action="store_true", help="two runs of each, to try this program; no verdicts")
    parser.add_argument("--coherence", action="store_true", help="only look what either side sees of the other")
    parser.add_argument("--only", choices=[*GO, *SMALL], help="one scenario gets all of the time")
    parser.add_argument("--modules", nargs="+", type=Path, metavar="FOLDER", help="modules without dependencies")
    parser.add_argument("--stand-in", type=int, metavar="MICROSECONDS", help="a slow drive, for --modules")
    options = parser.parse_args()
    minutes, runs = (0.5, 2) if options.quick else (options.minutes, stats.MIN_RUNS)
    if options.stand_in is not None and not options.modules:
        parser.error("--stand-in needs --modules")
    laptop: Guest = Laptop() if options.stand_in is None else Container(options.stand_in)
    try:
        # A container comes with its drive.
        views = mount_all(laptop) if options.stand_in is None else []
        if options.modules:
            measure_levers(laptop, options.modules, minutes, runs)
            return 0
        make_trees(laptop, views, make_shop())
        print(laptop.ask("shell", text="uname -r; git --version; findmnt -n -o FSTYPE -T /var/tmp"))
        print(laptop.ask("command", words=["go", "version"]).strip())
        print(
            "fsmonitor:", laptop.ask("command", words=["git", "fsmonitor--daemon", "start"], folder=views[0].folder())
        )
        if not options.coherence:
            parts = [(["git"], 0.1), ([*SMALL[1:]], 0.1), (["test"], 0.4), (["build"], 0.4)]
            parts = [([options.only], 1.0)] if options.only else parts
            for scenarios, share in parts:
                compare(laptop, views, scenarios, share * minutes, runs)
        wrong = False
        for view in views:
            if view.of or view.kind == "disk" or options.only:
                continue
            found = Coherence(laptop, view).all()
            print(f"\n{view.name}, what one side sees of the other")
            for case, result in found.items():
                print(f"  {case:36}{result}", flush=True)
            wrong |= view is DEFAULT and any(result != result.lower() for result in found.values())
    finally:
        laptop.end()
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
