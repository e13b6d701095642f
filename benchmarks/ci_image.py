# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long the image of a Go program takes to build: the role's Containerfile against the mended Dockerfile of WT-086.

    sudo PYTHONPATH=collections .venv/bin/python benchmarks/ci_image.py --base localhost/wsltune-trixie:TAG

BASE is an image with Go in /usr/local/go, such as one of the test machines. Nothing is pulled: where the article has
alpine as its last stage, both have nothing, so that its size is not counted.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import jinja2

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import stats
from ansible_collections.wsltune.go.plugins.module_utils.go import image

ROOT = Path(__file__).resolve().parents[1]
MODULE = ROOT / "molecule/ci-image/files/shop"
GO_IMAGE = "localhost/wsltune-golang:1.27"
ARTICLE, ROLE = KINDS = ("article", "role")
COLD, EDIT = "empty caches", "one file edited"


def podman(*words, text=None, scratch="/var/tmp"):
    """Run podman, which keeps the caches that a build mounts in the scratch folder, and return what it prints."""
    command = [str(ROOT / "tests/containers/podman.sh"), "podman", *words]
    environment = {**os.environ, "TMPDIR": scratch}
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"podman {words[0]}: {done.stderr[-800:]}")
    return done.stdout.strip()


def article():
    """Return the Dockerfile of the case page with its comment gone, and with images that are here."""
    page = (ROOT / "docs/cases/WT-086.md").read_text(encoding="utf-8")
    text = page.partition("<<'END'\n")[2].partition("END\n")[0]
    for old, new in ((" # static", ""), ("golang:1.22-alpine", GO_IMAGE), ("alpine:latest", "scratch")):
        text = text.replace(old, new)
    return text


def rendered():
    """Return what the role writes for the module."""
    version = re.search(r"^go (\S+)", (MODULE / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)[1]
    facts = asdict(image.Module(str(MODULE), "example.com/shop", go=version, mains=["."], files={}))
    planned = image.make_plan(facts, {"go_image": GO_IMAGE})
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "roles/ci_image/templates"), trim_blocks=True
    )
    return environment.get_template("Containerfile.j2").render(_ci_image_spec=planned["image"])


def build(folder, kind, scratch, *options):
    """Build an image and return the seconds."""
    limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
    own = ["--pull=never", "--network=none", "--layers", "--build-arg", "BUILDPLATFORM=linux/amd64", *limits]
    begin = time.monotonic()
    podman(
        "build", *own, *options, "--tag", f"localhost/wsltune-bench:{kind}", str(folder / kind), scratch=str(scratch)
    )
    return time.monotonic() - begin


def measure(folder, rounds, rng):
    """Return the seconds of each build, by what was done before and by kind."""
    seconds = {(what, kind): [] for what in (EDIT, COLD) for kind in KINDS}
    caches = folder / "caches"
    caches.mkdir()
    for kind in KINDS:
        build(folder, kind, caches)
    for number in range(rounds):
        for what, kind in rng.sample(list(seconds), len(seconds)):
            with (folder / kind / "main.go").open("a", encoding="utf-8") as file:
                file.write(f"\nvar _ = {number}\n")
            if what == EDIT:
                took = build(folder, kind, caches)
            else:
                empty = Path(tempfile.mkdtemp(dir=folder))
                took = build(folder, kind, empty, "--no-cache")
                shutil.rmtree(empty)
            seconds[what, kind].append(took)
            print(f"{what}, {kind}: {took:.1f} s", flush=True)
    return seconds


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", required=True, help="an image with Go in /usr/local/go")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    podman(
        "build", "--quiet", "--tag", GO_IMAGE, "-f", "-", text=f"FROM {options.base}\nENV PATH=/usr/local/go/bin:/bin\n"
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for kind, name, text in ((ARTICLE, "Dockerfile", article()), (ROLE, "Containerfile", rendered())):
            shutil.copytree(MODULE, folder / kind)
            (folder / kind / name).write_text(text, encoding="utf-8")
        print(f"load {os.getloadavg()[0]:.1f}", flush=True)
        seconds = measure(folder, options.rounds, random.Random(options.seed))
    for what in (COLD, EDIT):
        one, other = seconds[what, ARTICLE], seconds[what, ROLE]
        found = stats.compare(one, other)
        low, high = found.interval
        times = " | ".join(f"{stats.median(values):.1f} s" for values in (one, other))
        print(f"| {what} | {times} | {found.ratio:.2f} [{low:.2f} to {high:.2f}] {found.verdict} |")
    for kind in KINDS:
        name = f"localhost/wsltune-bench:{kind}"
        print(f"{kind}: {int(podman('image', 'inspect', '--format', '{{.Size}}', name)) / 2**20:.1f} MiB")
        podman("image", "rm", "--force", name)
    podman("image", "rm", "--force", GO_IMAGE)


if __name__ == "__main__":
    main()
