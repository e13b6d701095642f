# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Starts distros with real cloud-init and user-data in a Windows profile, twice each: prove.py PREFIX."""

from __future__ import annotations

import functools
import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/containers"))
from driver import PLAYBOOK, ROOT, Machine

DECLARED = {"go_env_cgo_enabled": "false", "go_tmpfs_place": "gotmpdir", "go_tmpfs_size": "256m"}
ULIMIT = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
PROFILE = "Users/Erin G"
PROGRAM = "/usr/local/sbin/wsltune-first"
LOG = "/var/log/cloud-init-output.log"
# Onboarding prints it once in each run.
RUN = "Everything that Ansible said"
# Of a machine that was not onboarded, everything of wsltune's that could be there.
TRACES = (
    "ls -d /var/lib/wsltune* /var/cache/gotmp /usr/bin/go /root/.config/go /home/alice/.config/go 2>/dev/null;"
    " grep wsltune /etc/fstab"
)
# Of what a second onboarding would write.
TIMES = "find /var/lib/wsltune* /usr/local/sbin /etc/fstab -type f | sort | xargs stat -c '%n %Y'"


def call(*words: object, **options: Any) -> str:
    """Run a program of this machine, which has to end with 0, and return what it prints."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{words}: exit {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


class Server(http.server.ThreadingHTTPServer):
    """A server that is quiet about clients that go away."""

    def handle_error(self, _request: object, _client: object) -> None:
        """Print nothing."""


class Repository:
    """The checkout as a repository behind https with an authority of its own, and keys to sign with."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, 0
        self.authority = folder / "authority.pem"
        for name in ("anna", "stranger"):
            call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name)
        self.signer = "anna@example.com " + " ".join((folder / "anna.pub").read_text().split()[:2])
        self.make()
        self.certify()

    def make(self) -> None:
        """Commit the checkout, and tag it with both keys."""
        source, bare = self.folder / "source", self.folder / "web/wsltune.git"
        call("git", "init", "--quiet", "--initial-branch=main", source)
        names = call("git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
        present = "\0".join(name for name in names if name and os.path.lexists(ROOT / name))
        archive = self.folder / "source.tar"
        call("tar", "-C", ROOT, "--null", "-T", "-", "-cf", archive, input=present)
        call("tar", "-C", source, "-xf", archive)
        call("git", "-C", source, "add", "--all")
        for key, ref in (("anna", "v1"), ("stranger", "v2")):
            names = ["-c", f"user.name={key}", "-c", f"user.email={key}@example.com", "-c", "gpg.format=ssh"]
            git = ["git", "-C", source, *names, "-c", f"user.signingkey={self.folder / key}"]
            call(*git, "commit", "--quiet", "--allow-empty", "-S", "-m", ref)
            call(*git, "tag", "-s", ref, "-m", ref)
        self.commit = call("git", "-C", source, "rev-parse", "v1^{commit}")
        call("git", "clone", "--quiet", "--bare", source, bare)
        call("git", "-C", bare, "repack", "-a", "-d", "-q")
        call("git", "-C", bare, "update-server-info")

    def certify(self) -> None:
        """Make the authority and the server's certificate."""
        here = {"cwd": self.folder}
        new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout"]
        call(*new, "authority.key", "-x509", "-days", "2", "-subj", "/CN=wsltune test", "-out", "authority.pem", **here)
        call(*new, "server.key", "-subj", "/CN=localhost", "-out", "server.csr", **here)
        (self.folder / "names").write_text("subjectAltName=DNS:localhost\n")
        sign = ["openssl", "x509", "-req", "-in", "server.csr", "-CA", "authority.pem", "-CAkey", "authority.key"]
        call(*sign, "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem", **here)

    def serve(self, port: int = 0) -> str:
        """Serve the repository from now on, and return its address."""
        repository = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                repository.asked += 1
                super().do_GET()

            def log_message(self, *_words: object) -> None:
                """Print nothing."""

        handler = functools.partial(Handler, directory=str(self.folder / "web"))
        server = Server(("127.0.0.1", port), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"https://localhost:{server.server_port}/wsltune.git"


class Distro(Machine):
    """A distro that starts for the first time, with a Windows drive of its own."""

    def __init__(self, name: str, folder: Path, image: str, repository: Repository) -> None:
        super().__init__(name, 0)
        self.image, self.repository = image, repository
        self.drive = folder / name
        self.data = self.drive / PROFILE / ".cloud-init"
        self.data.mkdir(parents=True)
        program = self.drive / "Windows/System32/cmd.exe"
        program.parent.mkdir(parents=True)
        program.write_bytes(b"MZ")
        program.chmod(0o755)

    def podman(self, *words: object) -> str:
        """Run podman."""
        return call(ROOT / "tests/containers/podman.sh", "podman", *words)

    def print_user_data(self, name: str, address: str, ref: str, timeout: int) -> None:
        """Run the playbook, as the guide has it."""
        wishes = {
            "user_data_repository": address,
            "user_data_ref": ref,
            "user_data_signers": [self.repository.signer],
            "user_data_variables": DECLARED,
            "user_data_timeout": timeout,
            "user_data_output": str(self.data / name),
        }
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MOLECULE_"))}
        environment |= {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "true"}
        call(PLAYBOOK, ROOT / "playbooks/user_data.yml", "-e", json.dumps(wishes), cwd=ROOT, env=environment)

    def start(self) -> None:
        """Start it for the first time."""
        options = ["--hostname", self.name, "--privileged", "--network=host", "--systemd=always", *ULIMIT]
        drive = ["--volume", f"{self.drive}:/mnt/c"]
        self.podman("create", "--name", self.name, *options, *drive, self.image, "/usr/local/sbin/wsl-start")
        authority = f"{self.name}:/usr/local/share/ca-certificates/first-boot.crt"
        self.podman("cp", self.repository.authority, authority)
        self.podman("start", self.name)

    def start_again(self) -> None:
        """Restart it."""
        self.podman("restart", "--time", "20", self.name)

    def wait(self, seconds: int = 400) -> dict[str, Any]:
        """Wait until cloud-init has ended, and return its own status."""
        end = time.monotonic() + seconds
        status: dict[str, Any] = {}
        while time.monotonic() < end:
            said = self.run("cloud-init", "status", "--format", "json", check=False)
            status = json.loads(said) if said.startswith("{") else {}
            if status.get("status") in ("done", "error", "degraded", "disabled"):
                return status
            time.sleep(2)
        return status

    def log(self) -> str:
        """Return what cloud-init and what it ran printed, of every start."""
        return self.run("cat", LOG)


class Proof:
    """What was found wrong."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.begin = time.monotonic()

    def expect(self, what: str, is_so: bool, details: object = "") -> None:
        """Print whether something is as it should be, and keep it where it is not."""
        seconds = time.monotonic() - self.begin
        print(f"{seconds:4.0f} s {'as it should be' if is_so else 'WRONG'}: {what}", flush=True)
        if not is_so:
            self.wrong.append(f"{what}: {str(details)[-2500:]}")

    def prove_good(self, distro: Distro) -> None:
        """Look at a distro that was onboarded, before and after a restart."""
        status = distro.wait()
        log = distro.log()
        self.expect("cloud-init is done, without an error", status.get("status") == "done", (status, log))
        self.expect("its source is WSL", status.get("datasource") == "wsl", status)
        self.expect("Git is installed", "/git" in distro.run("sh", "-c", "command -v git", check=False), log)
        self.expect("the signature is verified", 'Good "git" signature for anna@example.com' in log, log)
        head = distro.run("git", "-C", "/var/lib/wsltune-first", "rev-parse", "HEAD", check=False).strip()
        self.expect("what anna signed is checked out", head == distro.repository.commit, head)
        self.expect("onboarding ran once", log.count(RUN) == 1, log)
        self.tuned(distro)
        asked, before = distro.repository.asked, distro.run("sh", "-c", TIMES)
        distro.start_again()
        status = distro.wait()
        self.expect("the second start is done", status.get("status") == "done", status)
        log = distro.log()
        self.expect("nothing ran twice", log.count(RUN) == 1 and log.count("Good ") == 1, log)
        self.expect("nobody asked the repository", distro.repository.asked == asked, distro.repository.asked)
        after = distro.run("sh", "-c", TIMES)
        self.expect("and nothing changed", before == after, (before, after))
        self.tuned(distro)

    def tuned(self, distro: Distro) -> None:
        """Ask the operating system."""
        mount = distro.run(
            "findmnt", "--noheadings", "--output", "FSTYPE,SIZE", "/var/cache/gotmp", check=False
        ).split()
        self.expect("Go's temporary folder is in memory", mount == ["tmpfs", "256M"], mount)
        for user in ("root", "alice"):
            said = distro.run("su", "-", user, "-c", "go env CGO_ENABLED GOTMPDIR", check=False).split()
            uid = distro.run("id", "-u", user).strip()
            self.expect(f"{user}'s Go has the settings", said == ["0", f"/var/cache/gotmp/{uid}"], said)

    def prove_refused(self, distro: Distro, sentence: str) -> None:
        """Look at a distro where nothing may have been done, before and after a restart."""
        status = distro.wait()
        log = distro.log()
        name = distro.name.rpartition("-")[2]
        self.expect(f"{name}: cloud-init ends with an error", status.get("status") == "error", (status, log))
        self.expect(f"{name}: the log has the sentence", f"wsltune: {sentence}" in log, log)
        self.expect(f"{name}: and how to try again", f"To try again: sudo {PROGRAM}" in log, log)
        self.untouched(distro, name)
        distro.start_again()
        status = distro.wait()
        again = distro.log()
        self.expect(
            f"{name}: the second start tries nothing", again.count("wsltune: ") == log.count("wsltune: "), again
        )
        self.untouched(distro, name)

    def untouched(self, distro: Distro, name: str) -> None:
        """Look for anything of wsltune's."""
        left = distro.run("sh", "-c", TRACES, check=False).split()
        self.expect(f"{name}: nothing was done", left == [], left)

    def prove_later(self, distro: Distro, port: int) -> None:
        """Run the program by hand once the repository is there."""
        distro.repository.serve(port)
        done = subprocess.run(distro.command(PROGRAM), capture_output=True, text=True, check=False)
        self.expect("silent: tried again by hand, it is onboarded", done.returncode == 0, done.stdout + done.stderr)
        self.tuned(distro)


def main() -> int:
    """Play every first start, and return 1 where something was wrong."""
    prefix = sys.argv[1]
    proof = Proof()
    image = call(Path(__file__).parent / "image/build.sh").splitlines()[-1]
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="first-boot-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        repository = Repository(folder)
        address, nowhere = repository.serve(), f"https://localhost:{port}/wsltune.git"
        names = [f"{prefix}-{case}" for case in ("stranger", "silent", "good")]
        stranger, unanswered, good = distros = [Distro(name, folder, image, repository) for name in names]
        # One after the other: of machines that start at once, units fail with "Failed to spawn executor".
        try:
            stranger.print_user_data("Debian.user-data", address, "v2", 300)
            stranger.start()
            fresh = stranger.run("sh", "-c", "command -v git go", check=False)
            proof.expect("a fresh distro has neither Git nor Go", fresh == "", fresh)
            proof.prove_refused(stranger, "v2 is not signed by anybody in /etc/wsltune/first-signers")
            unanswered.print_user_data("debian-all.user-data", nowhere, "v1", 10)
            unanswered.start()
            proof.prove_refused(unanswered, f"{nowhere} did not give v1 within 10 seconds and")
            good.print_user_data("default.user-data", address, "v1", 300)
            good.start()
            proof.prove_good(good)
            silent.close()
            proof.prove_later(unanswered, port)
        finally:
            if not os.environ.get("FIRST_BOOT_KEEP"):
                call(ROOT / "tests/containers/machine.sh", "down", *(distro.name for distro in distros))
    for sentence in proof.wrong:
        print(f"\nWRONG: {sentence}", flush=True)
    return 1 if proof.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
