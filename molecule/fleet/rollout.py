# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A platform engineer's two days with a fleet of twelve, by docs/guide/fleet.md alone: rollout.py FOLDER.

The machines of FOLDER/awake run already. Prints what happened, and at the end {"wrong": [...]}: what was other than
expected.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from ansible_collections.wsltune.go.plugins.module_utils.fleet.heal import read_webhook  # noqa: E402
from tests.containers import light  # noqa: E402

NAME = "2026-12"
SOAK = 36.0
SOAKS = "Run it again after the soak time."
"""Stands for the sentence with the minute that the record has."""
SLOWER = "Go got slower and was taken back on {} of 5 hosts; max_taken_back is 5 %."
CHANCE = "by so little that it may be chance among so many"
QUORUM = "3 of 5 hosts have answered and 4 are needed; 2 are pending."
FAILED = "The run failed on 1 of 3 hosts; max_failed is 5 %: fix them."
RINGS = [
    {"name": "sandbox", "hosts": ["anna", "ben"], "measure": 0, "soak_hours": SOAK / 3600},
    # Few hosts that share two processors measure unsharply; the one that gets slower shows by itself.
    {"name": "early", "hosts": ["carl", "dora", "emil", "fay", "gus"], "soak_hours": 0, "max_ratio": 1.3},
    {"name": "all", "share": "rest", "quorum": 80, "measure": 0, "soak_hours": 0},
]
FLEET = {
    "wsltune_rings": RINGS,
    "wsltune_users": ["alice"],
    "wsltune_user": "alice",
    "wsl_conf_force": True,
    "wsl_conf_settings": {"automount.options": "metadata"},
    "go_tmpfs_place": "gotmpdir",
    "go_tmpfs_size": "256m",
    "verify_scenarios": ["test"],
    "verify_packages": ["container/list"],
    "verify_budget_minutes": 2.5,
}
GO = "su - alice -c 'go version' 2>/dev/null || echo none"
# What somebody does on a machine after the rollout.
TAMPER = """
set -e
sed -i '/^options/d' /etc/wsl.conf
runuser -u alice -- sh -c 'echo GOTMPDIR=/tmp >> ~/.config/go/env'
"""
TRAIL = "cat /var/log/wsltune/changes.jsonl"
APPLY = "run site.yml, which writes the declared value"
MADE_AGAIN = "run site.yml, which makes it again"
PLANTED = {
    "wsl_conf:automount.options": ("gone", MADE_AGAIN),
    "go_env:alice:GOTMPDIR": ("changed", APPLY),
}


def get_reach() -> Path | None:
    """Return a folder with the connection community.general.wsl and paramiko, from PyPI; None where it has them not."""
    lock = ROOT / "requirements/reach.lock"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    made = cache / "wsltune/reach" / hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    if made.is_dir():
        return made
    wheels, new = made.with_suffix(".wheels"), made.with_suffix(".new")
    pip = [sys.executable, "-m", "pip", "--quiet", "--quiet"]
    download = ["download", "--no-deps", "--require-hashes", "--only-binary=:all:", "-r", str(lock), "-d", str(wheels)]
    if subprocess.run([*pip, *download], check=False).returncode:
        return None
    # Of 50 MB one collection; Ansible and what it needs are there.
    collections = next(wheels.glob("ansible-[0-9]*.whl"), None)
    if collections is None:
        return None
    with zipfile.ZipFile(collections) as archive:
        part = "ansible_collections/community/general/"
        archive.extractall(new, [name for name in archive.namelist() if name.startswith(part)])
    install = ["install", "--no-index", "--find-links", str(wheels), "--target", str(new), "paramiko"]
    subprocess.run([*pip, *install], check=True)
    new.rename(made)
    return made


class Story:
    """The engineer's folder: the inventory, the record and the reports, and what was other than expected."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.began = folder, time.monotonic()
        self.wrong: list[str] = []
        self.slower = SLOWER.format(1)
        self.reach = get_reach()
        self.record = folder / "state/wsltune/rollout" / NAME
        declared = yaml.safe_load((HERE / "inventory.yml").read_text(encoding="utf-8"))["machines"]
        self.port = int(declared["vars"]["ansible_port"])
        groups = {name: group["hosts"] for name, group in declared["children"].items()}
        self.addresses = {name: str(host["ansible_host"]) for hosts in groups.values() for name, host in hosts.items()}
        self.vars: dict[str, Any] = dict(FLEET)
        self.hosts: dict[str, dict[str, Any]] = light.make_inventory(self.addresses, self.port)
        self.hosts["carl"]["go_env_goflags"] = "-race"
        if self.reach:
            self.hosts["ben"].update(
                ansible_connection="community.general.wsl",
                ansible_user="benw",
                wsl_distribution="Debian",
                wsl_user="root",
                ansible_host_key_checking=False,
                ansible_paramiko_user_known_hosts_file=str(folder / "known_hosts"),
            )
        else:
            self.say("PyPI has no community.general and no paramiko here: ben is reached by ssh")

    def say(self, text: str) -> None:
        """Print the text with the seconds since the story began."""
        print(f"{time.monotonic() - self.began:5.0f} s: {text}", flush=True)

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Note what is other than it should be."""
        if found != wanted:
            self.wrong.append(f"{what}: {found!r} and not {wanted!r}")
            self.say(f"WRONG: {self.wrong[-1]}")

    def play(self, playbook: str, *words: str) -> tuple[int, str]:
        """Run a playbook over the inventory as it is now; return its exit code and what it printed."""
        inventory = self.folder / "fleet.json"
        inventory.write_text(json.dumps({"all": {"vars": self.vars, "hosts": self.hosts}}), encoding="utf-8")
        path = [os.environ.get("PYTHONPATH", ""), str(self.reach or "")]
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                *("-i", str(inventory), *words, f"playbooks/{playbook}.yml"),
            ],
            cwd=ROOT,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_"))},
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_FORKS": "12",
                "ANSIBLE_TIMEOUT": "5",
                "PYTHONPATH": os.pathsep.join(filter(None, path)),
                "XDG_STATE_HOME": str(self.folder / "state"),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        with (self.folder / "plays.log").open("a", encoding="utf-8") as log:
            log.write(f"### {playbook} {' '.join(words)}: exit code {done.returncode}\n{done.stdout}\n")
        self.say(f"{playbook} {' '.join(words)}: exit code {done.returncode}")
        return done.returncode, done.stdout

    def roll(self, what: str, code: int, why: str, then: str, command: str = "") -> dict[str, str]:
        """Run the rollout, compare its end, its reason and its advice, and return the state of each host."""
        ended, said = self.play("rollout", *_name_command(command))
        seen = self.see()
        self.say_ratios()
        # One in forty hosts is called slower where nothing is; the engineer does what the report says.
        for _time in range(3):
            if CHANCE not in seen["why"]:
                break
            self.expect(f"{what}, advice where it may be chance", "wsltune_rollout=continue" in seen["next"], True)
            ended, said = self.play("rollout", *_name_command("continue"))
            seen = self.see()
            self.say_ratios()
        if why.startswith(SLOWER.partition("{")[0]):
            # Nor does that spare one of the others beside a host that is slower.
            slower = [row["host"] for row in seen["hosts"] if row["verdict"] == "slower"]
            why = self.slower = SLOWER.format(len(slower))
            self.expect(f"{what}, one slower at most beside carl", "carl" in slower and len(slower) < 3, True)
        if then == SOAKS:
            until = time.localtime(seen["rings"][0]["soaks_until"])
            then = f"Run it again after {time.strftime('%Y-%m-%d %H:%M', until)}."
        self.expect(f"{what}, exit code", ended, code)
        self.expect(f"{what}, exit code in fleet.json", seen["exit_code"], code)
        self.expect(f"{what}, why", seen["why"], why)
        self.expect(f"{what}, next", seen["next"], then)
        for line in (seen["why"], f"Next: {seen['next']}"):
            self.expect(f"{what}, {line!r} at the terminal", _plain(line) in _plain(said), True)
        page = (self.record / "fleet.html").read_text(encoding="utf-8")
        # To be looked at afterwards, by a person.
        (self.folder / f"{what}.html").write_text(page, encoding="utf-8")
        self.expect(f"{what}, hosts in fleet.html", sorted(_list_hosts(page)), sorted(self.hosts))
        self.expect(f"{what}, hosts in fleet.json", sorted(row["host"] for row in seen["hosts"]), sorted(self.hosts))
        self.say(f"    {seen['why']}")
        return {row["host"]: row["state"] for row in seen["hosts"]}

    def see(self) -> dict[str, Any]:
        """Return fleet.json."""
        found: dict[str, Any] = json.loads((self.record / "fleet.json").read_text(encoding="utf-8"))
        return found

    def say_ratios(self) -> None:
        """Print what was measured."""
        for row in self.see()["hosts"]:
            if row["ratio"] is not None:
                self.say(f"    {row['host']}: {row['ratio']} ({row['low']} to {row['high']}), {row['verdict']}")

    def row(self, host: str) -> dict[str, Any]:
        """Return what fleet.json says of a host."""
        return next(row for row in self.see()["hosts"] if row["host"] == host)

    def on(self, host: str, command: str) -> str:
        """Run a command on a machine as root; return what it printed."""
        known = self.hosts[host]
        words = ["ssh", "-i", str(light.KEY), *str(known["ansible_ssh_common_args"]).split(), "-p", str(self.port)]
        done = subprocess.run(
            [*words, f"root@{self.addresses[host]}", command], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def is_tuned(self, host: str) -> list[bool]:
        """Return whether a machine has the line in fstab, the mount and the key in wsl.conf."""
        look = "grep -c gotmp /etc/fstab; grep -c gotmp /proc/mounts; cat /etc/wsl.conf | grep -c metadata; true"
        return [int(line) > 0 for line in self.on(host, look).splitlines()]

    def wake(self, host: str) -> None:
        """Boot a machine that sleeps."""
        light.start(self.folder / host, self.port, {host: self.addresses[host]}, light.list_layers())
        self.say(f"{host} wakes")


def _name_command(command: str) -> list[str]:
    """Return the words with which a person asks the rollout for something."""
    return ["-e", f"wsltune_rollout_name={NAME}", *(["-e", f"wsltune_rollout={command}"] if command else [])]


def _plain(text: str) -> str:
    """Return a text without line ends, indents and quotation marks, which YAML adds."""
    return re.sub(r"[\s'\"]+", "", text)


def _list_hosts(page: str) -> Iterator[str]:
    """Return the names in the first column of the table of hosts."""
    return (found[1] for found in re.finditer(r'<td data-label="Host"><span class="one">([^<]+)</span>', page))


def check_policies(story: Story) -> None:
    """Have the inventory checked as a merge request would: with a harmful value, and without it."""
    story.vars["wsl_conf_settings"] = {"automount.options": "metadata", "interop.enabled": False}
    code, said = story.play("policy")
    story.expect("policy with a harmful value, exit code", code, 2)
    found = sorted(re.findall(r"^(\w+): critical: (WTP-\d+): ", said, re.MULTILINE))
    story.expect("policy, findings", found, [(host, "WTP-102") for host in sorted(story.hosts)])
    story.vars["wsl_conf_settings"] = dict(FLEET["wsl_conf_settings"])
    code, said = story.play("policy")
    story.expect("policy without it, exit code", code, 0)
    story.expect("policy without it, the sentence", "\n0 findings on 12 hosts\n" in said, True)


def roll_out_first_ring(story: Story) -> None:
    """Tune the sandbox, which holds for its soak time."""
    code, said = story.play("rollout", "-e", f"wsltune_rollout_name={NAME}", "-e", "wsltune_rollout=go")
    story.expect("a command that there is not, exit code", code, 1)
    story.expect("a command that there is not, the sentence", "wsltune_rollout is 'go'" in said, True)
    story.expect("a command that there is not, a record", (story.record / "rollout.json").exists(), False)
    states = story.roll("sandbox", 3, "The soak time lasts another 1 min.", SOAKS)
    wanted = {host: "done" if host in ("anna", "ben") else "pending" for host in story.hosts}
    story.expect("sandbox, states", states, wanted)
    story.expect(
        "sandbox, what anna and ben have", [story.is_tuned(host) for host in ("anna", "ben")], [[True] * 3] * 2
    )
    story.expect("sandbox, dora has a Go", story.on("dora", GO), "none")
    story.expect("sandbox, what emil has", story.is_tuned("emil"), [False] * 3)


def roll_back_second_ring(story: Story) -> None:
    """Go on after the soak time; one machine gets slower, and the ring is rolled back."""
    time.sleep(max(0.0, story.see()["rings"][0]["soaks_until"] - time.time()) + 1)
    early = RINGS[1]["hosts"]
    advice = "Fix the cause, then run it with -e wsltune_rollout=continue to try this ring again."
    states = story.roll("early", 2, story.slower, advice)
    wanted = {host: "taken back" if host in early else "pending" for host in story.hosts} | dict.fromkeys(
        ("anna", "ben"), "done"
    )
    story.expect("early, states", states, wanted)
    story.expect("early, what its hosts have", [story.is_tuned(host) for host in early], [[False] * 3] * 5)
    story.expect("early, what the sandbox has", [story.is_tuned(host) for host in ("anna", "ben")], [[True] * 3] * 2)
    # Where too few runs fitted into the budget there is none.
    without = [host for host in early if story.row(host)["ratio"] is None]
    story.expect(f"early, without a ratio ({', '.join(without)}), at most one", len(without) < 2, True)
    story.expect("early, dora has a Go", story.on("dora", GO).startswith("go version go"), True)
    story.expect("early, carl's ratio is above 1.3", (story.row("carl")["ratio"] or 0) > 1.3, True)
    tries = {host: story.row(host)["tries"] for host in story.hosts}
    story.roll("a run after the rollback", 2, story.slower, advice)
    story.expect("a run after the rollback, tries", {host: story.row(host)["tries"] for host in story.hosts}, tries)


def go_on(story: Story) -> None:
    """Take the slow setting out, try the ring again, and meet the machine that fails and those that sleep."""
    del story.hosts["carl"]["go_env_goflags"]
    states = story.roll("early again", 3, "The ring all is next.", "Run it again.", "continue")
    early = RINGS[1]["hosts"]
    story.expect("early again, states", [states[host] for host in early], ["done"] * 5)
    pooled = story.see()["rings"][1]["decision"]["pooled"] or {}
    story.expect(f"early again, {pooled.get('machines')} hosts with a ratio", pooled.get("machines") in (4, 5), True)
    story.expect("early again, what carl has", story.is_tuned("carl"), [True] * 3)

    states = story.roll("all", 3, f"{QUORUM} {FAILED}", "Fix hugo, then run it again.")
    wanted = {"hugo": "failed", "ida": "pending", "jan": "pending", "kim": "done", "lou": "done"}
    story.expect("all, states", {host: states[host] for host in wanted}, wanted)
    story.expect("all, stragglers", story.see()["stragglers"], ["ida", "jan"])
    story.expect("all, hugo's note names the full disk", "No space left on device" in story.row("hugo")["note"], True)
    story.expect("all, what hugo has", story.is_tuned("hugo"), [False] * 3)

    story.on("hugo", "umount /var/lib/wsltune")
    states = story.roll("all, fixed", 3, QUORUM, "Run it again when ida and jan can answer.")
    story.expect("all, fixed, states", {host: states[host] for host in wanted}, {**wanted, "hugo": "done"})


def finish(story: Story) -> None:
    """Let one machine wake, which is the quorum, and then the other, which is caught up."""
    why = "Every ring has passed its gate."
    story.wake("ida")
    states = story.roll("ida is awake", 0, why, "Run it again to catch up jan.")
    story.expect("ida is awake, pending", [host for host, state in states.items() if state != "done"], ["jan"])
    story.wake("jan")
    last = "Nothing: give another wsltune_rollout_name to begin the next rollout."
    states = story.roll("jan is awake", 0, why, last)
    story.expect("jan is awake, states", states, dict.fromkeys(story.hosts, "done"))
    story.expect(
        "at the end, machines that are not tuned",
        [host for host in story.hosts if story.is_tuned(host) != [True] * 3],
        [],
    )
    before = _sums(story.record)
    code, said = story.play("rollout", "-e", f"wsltune_rollout_name={NAME}", "-e", "wsltune_rollout=status")
    story.expect("status, exit code", code, 0)
    story.expect("status, the record", _sums(story.record), before)
    for line in (
        f"Rollout {NAME} finished: 12 of 12 hosts are done.",
        why,
        f"Next: {last}",
        "fleet.html",
        *story.hosts,
    ):
        story.expect(f"status, {line!r}", _plain(line) in _plain(said), True)
    history = story.see()["history"]
    chance = [number for number, entry in enumerate(history) if CHANCE in " ".join(entry["sentences"])]
    left_out = {*chance, *(number + 1 for number in chance if history[number + 1]["result"] == "continue")}
    answers = [(entry["ring"], entry["result"]) for number, entry in enumerate(history) if number not in left_out]
    story.expect(
        "the history",
        answers,
        [
            ("sandbox", "hold"),
            ("sandbox", "go"),
            ("early", "roll back"),
            ("early", "continue"),
            ("early", "go"),
            ("all", "hold"),
            ("all", "hold"),
            ("all", "go"),
        ],
    )
    page = (story.record / "fleet.html").read_text(encoding="utf-8")
    for text in (story.slower, QUORUM, FAILED):
        story.expect(f"fleet.html, {text!r}", text in page, True)
    story.expect("fleet.html, other files that it needs", re.findall(r"(?:src|href)=", page), [])


def _sums(record: Path) -> dict[str, str]:
    """Return a checksum of each file of the record that no run may write for nothing."""
    files = [record / "rollout.json", *sorted((record / "hosts").iterdir())]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def look_for_drift(story: Story) -> None:
    """Have somebody change a machine by the next day; drift names what, and the alert heals it."""
    code, _said = story.play("drift")
    story.expect("drift before, exit code", code, 0)
    _compare_drift(story, "drift before", {})
    story.on("kim", TAMPER)
    code, said = story.play("drift")
    story.expect("drift, exit code", code, 2)
    _compare_drift(story, "drift", PLANTED)
    story.expect("drift, hosts that it does not name", [host for host in story.hosts if host not in said], [])
    heal(story)
    code, _said = story.play("drift")
    story.expect("drift after, exit code", code, 0)
    _compare_drift(story, "drift after", {})


def heal(story: Story) -> None:
    """Start what extensions/eda/rulebooks/heal.yml starts, with what its filter takes from Alertmanager's message.

    That an alert fires and a rulebook hears it is in the scenario heal, which has a Prometheus. Here another machine
    has an alert that is not true.
    """
    labels = [{"alertname": "WsltuneDrift", "instance": host, "state": "changed"} for host in ("kim", "lou")]
    alerts = read_webhook({"alerts": [{"status": "firing", "labels": each} for each in labels]})
    before = story.on("lou", TRAIL)
    code, said = story.play("heal", "-e", json.dumps({"wsltune_heal_alerts": alerts}))
    story.expect("heal, exit code", code, 0)
    healed = f"kim is healed: {', '.join(sorted(PLANTED))} are as declared again."
    for line in (healed, "lou has nothing to heal: what the alert names is as declared by now."):
        story.expect(f"heal, {line!r}", _plain(line) in _plain(said), True)
    lines = [json.loads(line) for line in story.on("kim", TRAIL).splitlines()]
    notes = ["".join(line["before"]) for line in lines if line["action"] == "healed for the alert WsltuneDrift"]
    story.expect(
        "heal, why is in kim's trail", sorted(notes), sorted(f"{name}: {was[0]}" for name, was in PLANTED.items())
    )
    own = [line["path"] for line in lines if line["by"] == "wsltune-heal" and line["action"] == "write"]
    story.expect("heal, what it wrote is in kim's trail", "/etc/wsl.conf" in own, True)
    story.expect("heal, lou's trail", story.on("lou", TRAIL), before)


def _compare_drift(story: Story, what: str, planted: dict[str, tuple[str, str]]) -> None:
    """Compare what drift.json says of all hosts: on kim what was planted, else nothing."""
    found = json.loads((story.folder / "state/wsltune/drift.json").read_text(encoding="utf-8"))
    story.expect(f"{what}, hosts", sorted(host["host"] for host in found["hosts"]), sorted(story.hosts))
    odd = {
        host["host"]: {
            one["id"]: (one["state"], one["remedy"])
            for one in host["settings"]
            if one["state"] not in ("in_state", "pending_restart")
        }
        for host in found["hosts"]
    }
    story.expect(
        f"{what}, found", {host: states for host, states in odd.items() if states}, {"kim": planted} if planted else {}
    )
    few = [host["host"] for host in found["hosts"] if len(host["settings"]) < 5]
    story.expect(f"{what}, hosts of which little is known", few, [])


def main(folder: Path) -> None:
    """Play the story and print what was other than expected."""
    story = Story(folder.resolve())
    try:
        for part in (check_policies, roll_out_first_ring, roll_back_second_ring, go_on, finish, look_for_drift):
            story.say(f"{part.__name__}: {part.__doc__}")
            part(story)
    except (OSError, LookupError, TypeError, ValueError, subprocess.CalledProcessError) as error:
        story.wrong.append(f"it ended early: {error!r}")
    print(json.dumps({"wrong": story.wrong, "seconds": round(time.monotonic() - story.began)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
