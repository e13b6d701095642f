# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes a .wsl file here, starts it as WSL does and takes it through a first day: prove.py MACHINE PORT [FAMILY].

The source is Debian 13's, or laid out as a FAMILY of molecule/families is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/containers"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))
from driver import CACHE, PLAYBOOK, ROOT, Machine, Play

from ansible_collections.wsltune.go.plugins.module_utils.image import build, clean, rules

# As the variables of site.yml, so that a second onboarding can be given the same.
DECLARED = {
    "go_env_cgo_enabled": "false",
    "go_env_goflags": "-p=2",
    "go_tmpfs_size": "512m",
    "wsl_conf_force": True,
    "wsl_conf_settings": {"interop.appendWindowsPath": False},
}
# A small part of the machine's file system is enough, and quicker; Go needs no C compiler without cgo.
LEFT_OUT = re.compile(
    r"\./(usr/(libexec|lib)/gcc/|usr/share/(locale|doc|man|zsh|fish|perl)/|usr/share/go-[^/]*/(test|api|doc)/"
    r"|usr/bin/[^/]*(lto|gcc|g\+\+|cpp|gcov)[^/]*-14|usr/include/|usr/lib/x86_64-linux-gnu/(perl|lib[a-z]*san)"
    r"|usr/lib/[^/]*/[^/]*\.a$|.*/testdata/|etc/fstab$)"
)
# What the roles and the first start need, where it is a package of its own; elsewhere none of the accounts of the test.
# With Debian's BusyBox nobody can make an account as on Alpine, so that alice stays there.
FAMILY_SOURCE = (
    "if command -v apk >/dev/null; then apk add python3 bash;"
    " else for name in alice bob carol; do userdel -r $name; done; fi"
)
# What a test machine needs and a laptop has not: a start, and a way in by ssh.
CONTAINERFILE = """
FROM {base}
COPY wsl-init /usr/local/sbin/
COPY authorized_keys /root/.ssh/
RUN chmod 0700 /root/.ssh && ssh-keygen -qA && mkdir -p /etc/ssh/sshd_config.d
"""
OF_THE_TEST = (
    r"usr/local/sbin(/wsl-init)?|root/\.ssh(/.*)?|root|etc/ssh(/.*)?|etc/(hosts|hostname|resolv\.conf|mtab)|etc|run"
    r"|var/log/.*"
)
OF_THE_IMAGE = (
    r"etc/wsl-distribution\.conf|usr/lib|usr/lib/wsl(/wsltune-oobe)?|usr/lib/wsltune(/.*)?|etc/skel/\.cache(/.*)?"
    r"|etc/skel"
)
OF_THE_ACCOUNT = (
    r"home|home/(anna|alice)(/.*)?|etc/(passwd|group|shadow|gshadow|subuid|subgid)-?|etc/\.pwd\.lock|var/mail.*"
)
# What every start or program makes anew, and Debian's own leave behind.
OF_A_START = (
    r"proc|sys|dev|run|tmp|root/\.(cache|ansible)|root/\.config(/go(/telemetry(/.*)?)?)?|.*__pycache__.*"
    r"|var/lib/dpkg/(diversions|diversions-old|lock.*|triggers.*)|var/lib/(systemd|apt)/.*"
)
# When something was installed.
OF_A_MOMENT = r"\./var/lib/(dnf/history\.sqlite.*|pacman/local/.*/desc)"
# What a package manager keeps of what was installed and removed again; pacman writes ld.so.cache anew each time.
OF_A_MANAGER = (
    r"var/(lib|cache)/(rpm|dnf|zypp|pacman)(/.*)?|srv/repository/.*|(usr/)?lib/apk/.*|etc/apk/.*|etc/alternatives(/.*)?"
    r"|etc/ld\.so\.cache"
)
TAGS = ("test", "base", "source")
ULIMIT = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]


class Proof:
    """What was found wrong with an image, and where it is tried."""

    def __init__(self, machine: Machine, folder: Path, family: str) -> None:
        self.machine, self.folder, self.family, self.wrong = machine, folder, family, []
        self.makes_account = family != "alpine"
        self.account = "anna" if self.makes_account else "alice"
        self.source = folder / "source.tar"

    def expect(self, what: str, is_so: object, details: object = "") -> None:
        """Print whether something is as it should be, and keep it where it is not."""
        print(f"{'as it should be' if is_so else 'WRONG'}: {what}", flush=True)
        if not is_so:
            self.wrong.append(f"{what}: {str(details)[-1500:]}")

    def podman(self, *words: str) -> subprocess.CompletedProcess:
        """Run podman."""
        command = [str(ROOT / "tests/containers/podman.sh"), "podman", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def build(self, output: Path, **changes: object) -> Play:
        """Run playbooks/image.yml on this machine."""
        wishes = {
            "golden_image_source": str(self.source),
            "golden_image_output": str(output),
            "golden_image_root": str(CACHE / "image-root" / output.parent.name),
            "golden_image_name": "acme-go",
            "golden_image_compression": 1,
            "golden_image_warm": ["os/user"],
            **DECLARED,
            **changes,
        }
        begin = time.monotonic()
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MOLECULE_"))}
        environment |= {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "true"}
        command = [str(PLAYBOOK), str(ROOT / "playbooks/image.yml"), "-e", json.dumps(wishes)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        return Play(done.returncode, done.stdout + done.stderr, time.monotonic() - begin)

    def make_source(self) -> None:
        """Make a root file system of the one that the test machines' image was made of, or of a family's."""
        if self.family:
            self.make_family()
            return
        bases = [path for path in (CACHE / "images").glob("trixie-*.tar") if re.fullmatch(r"trixie-\w{12}", path.stem)]
        base = max(bases, key=lambda path: path.stat().st_size)
        with tarfile.open(base) as old, tarfile.open(self.source, "w", format=tarfile.PAX_FORMAT) as new:
            for member in old:
                if not LEFT_OUT.match(member.name):
                    new.addfile(member, old.extractfile(member) if member.isreg() else None)

    def make_family(self) -> None:
        """Make a root file system of a family's machine, without the accounts that the test has there."""
        tool = str(ROOT / "molecule/families/image/build.sh")
        image = subprocess.run([tool, self.family], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        made = self.make_container(f"FROM {image}\nRUN {FAMILY_SOURCE}\n", "source")
        name = f"{self.machine.name}-source"
        self.podman("create", "--name", name, made, "true")
        exported = self.podman("export", "--output", str(self.source), name)
        self.podman("rm", "--force", name)
        self.expect(f"there is a root file system like {self.family}'s", exported.returncode == 0, exported.stderr)

    def make_container(self, text: str, tag: str) -> str:
        """Build a container's image of a Containerfile's text in this folder; return its name."""
        context = self.folder / "context"
        context.mkdir(exist_ok=True)
        (context / "Containerfile").write_text(text)
        name = f"localhost/{self.machine.name}:{tag}"
        made = self.podman("build", "--quiet", *ULIMIT, "--network=host", "--tag", name, str(context))
        self.expect(f"{name} is built", made.returncode == 0, made.stderr)
        return name

    def prove_build(self) -> Path:
        """Build the image twice, and ask for what must be refused."""
        first, second = self.folder / "a/acme.wsl", self.folder / "b/acme.wsl"
        for path in (first, second):
            path.parent.mkdir()
            made = self.build(path)
            self.expect(f"the image is built, in {made.seconds:.0f} s", made.code == 0, made.output)
            if made.code != 0:
                raise SystemExit(self.end())
        differing = [name for name in differ(first, second) if not re.fullmatch(OF_A_MOMENT, name)]
        self.expect("two builds make the same", not differing, differing)
        if not self.family:
            # Here Go is there already, and nothing has to be installed.
            sums = [build.digest(str(path)) for path in (first, second)]
            self.expect("and the same file", sums[0] == sums[1], sums)
        again = self.build(first)
        self.expect("a third run changes nothing", again.code == 0 and again.changed == 0, again.output)
        self.prove_catalogue(first)
        other = self.build(first, go_env_cgo_enabled="true")
        refused = "with other options: set golden_image_replace" in " ".join(other.output.split())
        self.expect("other options are refused without golden_image_replace", other.code != 0 and refused, other.output)
        found = build.read(str(first))
        verdict = rules.judge(found.members, found.read, found.architecture)
        self.expect("Microsoft's rules find no error", verdict.errors == [], verdict)
        advice = [warning for warning in verdict.warnings if f"{self.account} with the user id" not in warning]
        self.expect("and advise nothing but an icon", advice == ["shortcut.icon is missing"], advice)
        bill = json.loads((first.parent / "acme.wsl.spdx.json").read_text())
        listed = {package["name"] for package in bill["packages"]}
        self.expect("the bill of materials has Go", listed & {"golang-go", "golang", "go"}, listed)
        self.prove_size(found)
        print(f"{first.stat().st_size / 2**20:.1f} MiB of {self.source.stat().st_size / 2**20:.1f} MiB", flush=True)
        return first

    def prove_catalogue(self, image: Path) -> None:
        """See that the image gets a catalogue where its address is known only after it is built."""
        wishes = {"golden_image_url": "https://x.example/acme.wsl", "golden_image_friendly_name": "Acme's Go"}
        path = image.parent / "acme.wsl.catalogue.json"
        later = self.build(image, **wishes)
        written = json.loads(path.read_text()) if path.exists() else {}
        [entry] = written.get("ModernDistributions", {}).get("acme-go", [{}])
        listed = {"Url": wishes["golden_image_url"], "Sha256": f"0x{build.digest(str(image))}"}
        named = entry.get("FriendlyName") == "Acme's Go"
        self.expect("its catalogue is written later", named and listed in entry.values(), written)
        self.expect("and nothing else", later.code == 0 and later.changed == 1 and str(path) in later.output, later)
        again = self.build(image, **wishes)
        self.expect("once", again.code == 0 and again.changed == 0, again.output)
        path.unlink(missing_ok=True)

    def prove_size(self, found: build.Archive) -> None:
        """See that the image adds little to its source, but for the caches that were asked for.

        What a file had before counts against it, because the Go command moves to make room for a launcher.
        """
        before = build.read(str(self.source)).members
        if "usr/bin/go" not in before:
            # Go came with it.
            return
        grown = {
            name: member.size - (before[name].size if name in before else 0)
            for name, member in found.members.items()
            if member.kind == "file" and not name.startswith("etc/skel/.cache/")
        }
        size = sum(grown.values())
        largest = sorted(grown, key=lambda name: -grown[name])[:10]
        self.expect(f"it adds {size / 2**20:.2f} MiB to its source", 0 < size <= 3 << 20, largest)

    def start(self, image: Path) -> None:
        """Import the image as a container and start it as WSL does."""
        base = f"localhost/{self.machine.name}:base"
        imported = self.podman("import", "--quiet", str(image), base)
        self.expect("the image is imported", imported.returncode == 0, imported.stderr)
        context = self.folder / "context"
        context.mkdir(exist_ok=True)
        own = ROOT / f"molecule/families/image/layout/{self.family}/usr/local/sbin/wsl-init"
        init = own if own.exists() else ROOT / "tests/containers/wsl-init"
        (context / "wsl-init").write_bytes(init.read_bytes())
        (context / "wsl-init").chmod(0o755)
        (context / "authorized_keys").write_bytes((CACHE / "ssh/id_ed25519.pub").read_bytes())
        name = self.make_container(CONTAINERFILE.format(base=base), "test")
        tool = str(ROOT / "tests/containers/machine.sh")
        up = [tool, "up", self.machine.name, name, str(self.machine.port), "wsl"]
        started = subprocess.run(up, capture_output=True, text=True, check=False)
        self.expect("it starts", started.returncode == 0, started.stderr)

    def oobe(self, answers: str) -> subprocess.CompletedProcess:
        """Run what WSL runs before the first shell."""
        command = self.machine.command("/usr/lib/wsl/wsltune-oobe")
        return subprocess.run(command, input=answers, capture_output=True, text=True, check=False)

    def prove_first_start(self) -> None:
        """Answer the questions of the first start."""
        status = self.machine.run("cat", "/run/mount-a.status").strip()
        tmp = self.machine.run("grep", " /tmp tmpfs ", "/proc/mounts", check=False)
        self.expect(
            "/tmp is in memory from the first start on", status == "0" and ",size=524288k" in tmp, (status, tmp)
        )
        first = self.oobe("Bad Name\nanna\n")
        print(first.stdout, flush=True)
        self.expect("the first start ends with 0", first.returncode == 0, first.stderr)
        if self.makes_account:
            self.expect("it says what is no name of an account", "'Bad Name' is no name" in first.stdout, first.stdout)
            who = self.machine.run("id", "anna")
            is_sudoer = "(sudo)" in who or "(wheel)" in who
            self.expect("it makes the account, who may use sudo", "uid=1000(anna)" in who and is_sudoer, who)
        said = " ".join(first.stdout.split())
        for words in ("what is tuned", "appendWindowsPath", "CGO_ENABLED=0", f"GOFLAGS for {self.account}"):
            self.expect(f"it says {words!r}", words in said, first.stdout)
        setting = self.machine.run("su", "-", self.account, "-c", "go env CGO_ENABLED GOFLAGS").split()
        self.expect("that account's Go has the settings", setting == ["0", "-p=2"], setting)
        self.machine.run("mv", "/usr/lib/wsltune/first-start.json", "/root/kept")
        broken = self.oobe("")
        self.machine.run("mv", "/root/kept", "/usr/lib/wsltune/first-start.json")
        self.expect(
            "what goes wrong keeps nobody from a shell", broken.returncode == 0 and "Later:" in broken.stdout, broken
        )

    def put_tests(self) -> None:
        """Give the new account a module with tests."""
        self.machine.run("mkdir", "-p", f"/home/{self.account}/gotest")
        for path in sorted((ROOT / "molecule/shared/files/gotest").iterdir()):
            self.machine.put(path, f"/home/{self.account}/gotest/{path.name}")
        self.machine.run("chown", "-R", f"{self.account}:", f"/home/{self.account}/gotest")

    def prove_first_test(self) -> None:
        """Run the first tests of the new account, with its build cache and with an empty one."""
        self.put_tests()
        seconds = []
        for before in ("", "GOCACHE=$HOME/empty "):
            begin = time.monotonic()
            said = self.machine.run("su", "-", self.account, "-c", f"cd gotest && {before}go test -count=1 .")
            seconds.append(time.monotonic() - begin)
            self.expect("the tests of a first day pass", said.startswith("ok"), said)
        self.machine.run("rm", "-r", f"/home/{self.account}/empty")
        print(f"the first go test: {seconds[0]:.1f} s, with an empty build cache {seconds[1]:.1f} s", flush=True)
        if self.makes_account:
            # An account that was there before has got no copy of it.
            self.expect("the warmed cache is used", seconds[0] < seconds[1], seconds)

    def prove_second_day(self) -> None:
        """Onboard once more, then roll back."""
        again = self.machine.play("site.yml", DECLARED)
        self.expect("another onboarding changes nothing", again.code == 0 and again.changed == 0, again.output)
        back = self.machine.play("rollback.yml", DECLARED)
        self.expect("the rollback runs", back.code == 0 and back.changed > 0, back.output)
        differences = self.compare()
        self.expect("it restores what the source had", differences == [], differences[:20])
        self.expect("and no record stays", self.machine.run("ls", "-A", "/var/lib").find("wsltune") < 0)

    def compare(self) -> list[str]:
        """Return what differs from the source, but for what belongs to the test, the image itself and the account."""
        wanted = {}
        with tarfile.open(self.source) as archive:
            for member in archive:
                name = member.name.removeprefix("./").rstrip("/")
                if name not in ("", ".") and not name.startswith(("dev/", "run/")):
                    wanted[name] = describe(archive, member)
        listed = self.machine.run("python3", "-", text=LIST)
        now = json.loads(listed)
        ignored = re.compile("|".join((OF_THE_TEST, OF_THE_IMAGE, OF_THE_ACCOUNT, OF_A_START, OF_A_MANAGER)))
        everything = {**wanted, **now}
        kept = {name for name, facts in everything.items() if clean.judge(name, facts[0] == "folder") == clean.KEEP}
        names = sorted(name for name in kept if not ignored.fullmatch(name))
        return [
            f"{name}: {wanted.get(name)} became {now.get(name)}" for name in names if wanted.get(name) != now.get(name)
        ]

    def end(self) -> int:
        """Remove the machine and print what was wrong; return the exit code."""
        subprocess.run([str(ROOT / "tests/containers/machine.sh"), "down", self.machine.name], check=False)
        self.podman("image", "rm", "--force", *(f"localhost/{self.machine.name}:{tag}" for tag in TAGS))
        print(json.dumps({"wrong": self.wrong}))
        return int(bool(self.wrong))


# What a rollback must restore of each path: its kind, mode and owner, and of a file its content and its time.
LIST = """
import hashlib, json, os, stat
found = {}
device = os.lstat("/").st_dev
for folder, folders, names in os.walk("/"):
    if os.lstat(folder).st_dev != device:
        folders[:] = []
        continue
    for name in folders + names:
        path = os.path.join(folder, name)
        status = os.lstat(path)
        facts = ["folder", stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid]
        if stat.S_ISLNK(status.st_mode):
            facts = ["link", os.readlink(path)]
        elif stat.S_ISREG(status.st_mode):
            facts = ["file", *facts[1:], int(status.st_mtime), hashlib.sha256(open(path, "rb").read()).hexdigest()]
        found[path[1:]] = facts
print(json.dumps(found))
"""


def differ(first: Path, second: Path) -> list[str]:
    """Return what two archives have not in common."""
    contents = []
    for path in (first, second):
        with tarfile.open(path) as archive:
            contents.append({member.name: [member.mtime, *describe(archive, member)] for member in archive})
    return sorted(name for name in {**contents[0], **contents[1]} if contents[0].get(name) != contents[1].get(name))


def describe(archive: tarfile.TarFile, member: tarfile.TarInfo) -> list:
    """Return what a rollback must restore of an entry, as LIST has it."""
    if member.issym():
        return ["link", member.linkname]
    facts = [member.mode & 0o7777, member.uid, member.gid]
    content = archive.extractfile(member)
    if content is None:
        return ["folder", *facts]
    return ["file", *facts, int(member.mtime), hashlib.sha256(content.read()).hexdigest()]


def main() -> None:
    """Prove it."""
    with tempfile.TemporaryDirectory() as scratch:
        proof = Proof(Machine(sys.argv[1], int(sys.argv[2])), Path(scratch), "".join(sys.argv[3:]))
        proof.make_source()
        image = proof.prove_build()
        proof.start(image)
        proof.prove_first_start()
        proof.prove_first_test()
        proof.prove_second_day()
        sys.exit(proof.end())


if __name__ == "__main__":
    main()
