# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long the first `go test` after an import takes: an image of playbooks/image.yml against its untuned source.

    sudo .venv-test/bin/python benchmarks/first_test.py [--rounds 8]

Makes the image of molecule/image and imports it and its source. In each round both are started anew as WSL starts a
distro, in random order; an account is made, by the image's own first start or by useradd, and tests twice.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "molecule/image"), str(ROOT / "tests/containers"), str(ROOT / "collections")]
import prove  # noqa: E402
from driver import Machine  # noqa: E402

from ansible_collections.wsltune.go.plugins.module_utils.benchmark import stats  # noqa: E402

MACHINE = str(ROOT / "tests/containers/machine.sh")
UNTUNED, TUNED = "untuned", "tuned"
FIRST, SECOND = "first go test", "second go test"


def test(proof: prove.Proof) -> dict[str, float]:
    """Start the machine anew and return the seconds of its new account's first tests."""
    name, port = proof.machine.name, str(proof.machine.port)
    subprocess.run([MACHINE, "down", name], check=True, stdout=subprocess.DEVNULL)
    up = [MACHINE, "up", name, f"localhost/{name}:test", port, "wsl"]
    subprocess.run(up, check=True, stdout=subprocess.DEVNULL)
    if name.endswith(f"-{TUNED}"):
        done = proof.oobe(f"{proof.account}\n")
        if done.returncode:
            sys.exit(f"the first start failed: {done.stdout}{done.stderr}")
    else:
        proof.machine.run("useradd", "--create-home", "--shell", "/bin/bash", proof.account)
    proof.put_tests()
    seconds = {}
    for what in (FIRST, SECOND):
        begin = time.monotonic()
        proof.machine.run("su", "-", proof.account, "-c", "cd gotest && go test -count=1 .")
        seconds[what] = time.monotonic() - begin
    return seconds


def main() -> None:
    """Measure, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    rounds = parser.parse_args().rounds
    proofs: dict[str, prove.Proof] = {}
    with tempfile.TemporaryDirectory() as scratch:
        try:
            for number, kind in enumerate((TUNED, UNTUNED)):
                folder = Path(scratch, kind)
                folder.mkdir()
                proofs[kind] = prove.Proof(Machine(f"wsltune-first-{kind}", 2284 + number), folder, "")
            tuned, untuned = proofs[TUNED], proofs[UNTUNED]
            tuned.make_source()
            image = Path(scratch, "acme.wsl")
            made = tuned.build(image)
            if made.code:
                sys.exit(made.output)
            tuned.start(image)
            untuned.start(tuned.source)
            seconds: dict[tuple[str, str], list[float]] = {}
            rng = random.Random(1)
            for number in range(rounds):
                for kind in rng.sample(sorted(proofs), 2):
                    for what, spent in test(proofs[kind]).items():
                        seconds.setdefault((what, kind), []).append(spent)
                print(f"round {number + 1} of {rounds}", flush=True)
        finally:
            for proof in proofs.values():
                proof.end()
        for what in (FIRST, SECOND):
            before, after = seconds[what, UNTUNED], seconds[what, TUNED]
            ratio = stats.compare(before, after)
            low, high = ratio.interval
            print(
                f"{what}: {stats.median(before):.1f} s untuned, {stats.median(after):.1f} s tuned, "
                f"{ratio.ratio:.2f} [{low:.2f} to {high:.2f}] {ratio.verdict}"
            )


if __name__ == "__main__":
    main()
