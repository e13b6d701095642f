# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Renders the Containerfile of modules on a machine and builds it here with podman: prove.py MACHINE PORT."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/containers"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))
from driver import ROOT, Machine

from ansible_collections.wsltune.go.plugins.module_utils.linux import elf

HERE = Path(__file__).resolve().parent
SHOP, NATIVE = "/home/alice/shop", "/home/alice/native"
GO_IMAGE = "localhost/wsltune-golang:1.27"
WISHES = {
    "ci_image_project": SHOP,
    "ci_image_go_image": GO_IMAGE,
    "ci_image_race": True,
    "ci_image_labels": {"org.opencontainers.image.title": 'The "shop" # 1'},
}
ULIMIT = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
MACHINES = {"amd64": 62, "arm64": 183}
"""ELF machine numbers (elf.h)."""


class Proof:
    """Collects what is wrong while the images of one machine's modules are rendered and built."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine, self.folder, self.wrong = machine, folder, []

    def expect(self, what: str, is_so: bool, details: object = "") -> None:
        """Print whether it is as it should be, and keep what is not."""
        print(f"{'as it should be' if is_so else 'WRONG'}: {what}", flush=True)
        if not is_so:
            self.wrong.append(f"{what}: {str(details)[-800:]}")

    def podman(self, *words: str, text: str | None = None) -> subprocess.CompletedProcess:
        """Run podman here; the caller looks at its exit code."""
        command = [str(ROOT / "tests/containers/podman.sh"), "podman", *words]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)

    def make_base(self) -> None:
        """Give the test machines' image the PATH of the official Go images."""
        base = self.podman("inspect", "--format", "{{.ImageName}}", self.machine.name).stdout.strip()
        text = f"FROM {base}\nENV PATH=/usr/local/go/bin:/usr/bin:/bin\n"
        built = self.podman("build", "--quiet", "--tag", GO_IMAGE, "--file", "-", text=text)
        self.expect("the stand-in for the official Go image is there", built.returncode == 0, built.stderr)

    def render(self, what: str, words: str = "", **wishes: object) -> str:
        """Run the role; with `words` it must fail and print them. Return the output, or how much changed."""
        done = self.machine.play("ci_image.yml", {"ci_image_hosts": "all", **WISHES, **wishes})
        text = " ".join(done.output.split())
        self.expect(what, words in text and (done.code != 0) == bool(words) and "Traceback" not in text, text)
        return text if done.code else f"changed={done.changed}"

    def fetch(self, project: str) -> Path:
        """Copy a project from the machine."""
        archive = self.folder / "project.tar"
        with archive.open("wb") as file:
            subprocess.run(self.machine.command("tar", "-C", project, "-c", "."), stdout=file, check=True)
        target = self.folder / Path(project).name
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        subprocess.run(["tar", "-x", "-C", target, "-f", archive], check=True)
        return target

    def build(self, project: Path, target: str, *options: str) -> subprocess.CompletedProcess:
        """Build a stage without a network and without pulling an image."""
        return self.podman(
            "build", "--pull=never", "--network=none", "--layers", *ULIMIT, "--target", target, *options, str(project)
        )

    def extract(self, image: str, name: str) -> Path:
        """Take a file out of an image without running it."""
        made = self.podman("create", image).stdout.strip()
        archive, target = self.folder / "image.tar", self.folder / f"{Path(name).name}-{image.rpartition(':')[2]}"
        self.podman("export", "--output", str(archive), made)
        self.podman("rm", made)
        with tarfile.open(archive) as file:
            member = file.extractfile(name)
            assert member is not None
            target.write_bytes(member.read())
        return target

    def prove_page(self) -> None:
        """Prove that the Dockerfile of docs/cases/WT-086.md does not parse, and does once its comment is gone."""
        page = (ROOT / "docs/cases/WT-086.md").read_text(encoding="utf-8")
        text = page.partition("<<'END'\n")[2].partition("END\n")[0]
        told = 'can\'t find = in "#". Must be of the form: name=value'
        # No image is pulled and none is here by that name, so that what parses ends there.
        for what, content, is_refused in (
            ("the article's Dockerfile is refused as the page says", text, True),
            ("without the comment it parses", text.replace(" # static", ""), False),
        ):
            built = self.podman("build", "--pull=never", "--file", "-", text=content)
            self.expect(what, built.returncode != 0 and (told in built.stderr) == is_refused, built.stderr)

    def clean(self) -> None:
        """Remove the images that were built; podman keeps their layers as its cache."""
        listed = self.podman("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
        ours = [name for name in listed if name.startswith(("localhost/wsltune-shop:", GO_IMAGE))]
        self.podman("image", "rm", "--force", *ours)

    def prove_files(self) -> None:
        """Prove what the role writes, and that it leaves alone what somebody changed."""
        before = self.machine.run("sh", "-c", f"cd {SHOP} && stat -c '%U %a %n' *")
        self.expect("check mode writes nothing", self.machine.run("ls", "-A", SHOP).split().count("Containerfile") == 0)
        self.expect("the role renders", self.render("a first run") == "changed=1")
        self.expect("a second run changes nothing", self.render("a second run") == "changed=0")
        seen = self.machine.run("sh", "-c", f"cd {SHOP} && stat -c '%U %a %n' *")
        self.expect("the file belongs to alice, all else is as before", "alice 644 Containerfile" in seen, seen)
        self.expect("no other file changed", set(before.splitlines()) < set(seen.splitlines()), seen)
        self.machine.run("sh", "-c", f"echo '# mine' >> {SHOP}/Containerfile")
        self.render("what somebody changed is not replaced", "is not the role's own or was changed since")
        self.render("and it is not removed", ci_image_state="absent")
        left = self.machine.run("sh", "-c", f"ls -A {SHOP}")
        self.expect("absent removes only what nobody changed", "Containerfile" in left and "ignore" not in left, left)
        self.machine.run("rm", f"{SHOP}/Containerfile")
        self.render("a run anew")

    def prove_images(self) -> None:
        """Prove what the rendered stages build, and that the program runs as nonroot without a network."""
        project = self.fetch(SHOP)
        tested = self.build(project, "test")
        self.expect("the tests run in the stage test", tested.returncode == 0, tested.stderr + tested.stdout)
        raced = self.build(project, "race")
        found = "DATA RACE" in raced.stdout + raced.stderr
        self.expect("the stage race finds a planted race", raced.returncode != 0 and found, raced.stderr + raced.stdout)
        seconds = []
        identities = []
        for tag in ("first", "second"):
            begin = time.monotonic()
            image = f"localhost/wsltune-shop:{tag}"
            built = self.build(project, "final", "--timestamp", "0", "--tag", image)
            self.expect(f"the image is built, {tag}", built.returncode == 0, built.stderr + built.stdout)
            seconds.append(time.monotonic() - begin)
            identities.append(self.podman("inspect", "--format", "{{.Id}}", image).stdout.strip())
        self.expect("the same inputs make the same image", identities[0] == identities[1] != "", identities)
        self.expect("the second build takes the cache", "Using cache" in built.stdout, built.stdout)
        print(f"built in {seconds[0]:.1f} s, again in {seconds[1]:.1f} s", flush=True)
        self.prove_run("localhost/wsltune-shop:second")
        label = self.podman(
            "inspect", "--format", '{{index .Labels "org.opencontainers.image.title"}}', "localhost/wsltune-shop:second"
        )
        self.expect("the label is as it was asked for", label.stdout.strip() == 'The "shop" # 1', label.stdout)
        for architecture, number in MACHINES.items():
            image = f"localhost/wsltune-shop:{architecture}"
            # Debian 12's podman 4.3 fills TARGETARCH but not BUILDPLATFORM.
            own = ["--build-arg", "BUILDPLATFORM=linux/amd64"]
            built = self.build(project, "final", *own, "--platform", f"linux/{architecture}", "--tag", image)
            self.expect(f"it is built for {architecture}", built.returncode == 0, built.stderr + built.stdout)
            program = self.extract(image, "shop")
            machine = int.from_bytes(program.read_bytes()[18:20], "little")
            self.expect(f"and is a program for {architecture}", machine == number, machine)
            needs = elf.needs(program.read_bytes())
            self.expect("that is linked statically", needs.interpreter in (None, "") and not needs.libraries, needs)
        # By name, so that nothing of this machine's binfmt_misc has to change.
        emulator = shutil.which("qemu-aarch64-static") or "qemu-aarch64-static is not installed"
        self.prove_run(
            "localhost/wsltune-shop:arm64",
            "--volume",
            f"{emulator}:/emulator:ro",
            "--entrypoint",
            '["/emulator", "/shop"]',
        )

    def prove_run(self, image: str, *options: str) -> None:
        """Prove that an image's program finds what the page says, without a network."""
        run = self.podman("run", "--rm", "--network", "none", *ULIMIT, *options, image)
        said = json.loads(run.stdout) if run.returncode == 0 else {}
        self.expect(f"{image} runs without a network", run.returncode == 0, run.stderr)
        wanted = {"uid": 65532, "user": "nonroot", "zone": "Europe/Berlin", "tmp": True, "resolver": "go"}
        self.expect("user, time zone, /tmp and resolver are as the page says", wanted.items() <= said.items(), said)


def main() -> None:
    """Prove one machine's modules; exit with 1 where something is wrong."""
    with tempfile.TemporaryDirectory() as scratch:
        proof = Proof(Machine(sys.argv[1], int(sys.argv[2])), Path(scratch))
        for name in ("shop", "native"):
            proof.machine.run("mkdir", "-p", f"/home/alice/{name}")
            for path in sorted((HERE / "files" / name).iterdir()):
                proof.machine.put(path, f"/home/alice/{name}/{path.name}")
        proof.machine.run("chown", "-R", "alice:", SHOP, NATIVE)
        proof.prove_page()
        proof.make_base()
        proof.prove_files()
        proof.prove_images()
        proof.render(
            "a module with cgo is refused by the package's name",
            "needs cgo in example.com/native: set ci_image_cgo to stage",
            ci_image_project=NATIVE,
        )
        proof.render("what is no module is refused", "/home/alice has no go.mod", ci_image_project="/home/alice")
        proof.clean()
    print(json.dumps({"wrong": proof.wrong}))
    sys.exit(bool(proof.wrong))


if __name__ == "__main__":
    main()
