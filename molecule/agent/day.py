# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs on the machine: a first and a second run, refusals, the switch, a heal, metrics."""

from __future__ import annotations

import json
import os
import subprocess
import time

STATUS = "/var/lib/wsltune/pull/status.json"
METRICS = "/var/lib/prometheus/node-exporter"
TRAIL = "/var/log/wsltune/changes.jsonl"
began = time.monotonic()


def run(*command, check=True, **more):
    """Run a command; end the test with its output and the agent's log where it fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, **more)
    if check and done.returncode != 0:
        raise SystemExit(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}\n{log()}")
    return done


def log():
    """Return the last 6000 characters of the agent's log."""
    with open("/var/log/wsltune/pull.log", encoding="utf-8", errors="replace") as handle:
        return handle.read()[-6000:]


def pull(code=0):
    """Let the agent run once, check its exit code, and return its status."""
    done = run("wsltune-pull", "run", check=False)
    with open(STATUS, encoding="utf-8") as handle:
        status = json.load(handle)
    print(f"{time.monotonic() - began:5.0f} s  exit code {done.returncode}, {status['state']}: {status['reason']}")
    assert done.returncode == code, f"{status}\n{done.stderr}\n{log()}"
    return status


def git(*arguments, key="ours"):
    """Run Git in the fleet's repository; without a key commits are not signed."""
    signing = f"user.signingkey=/root/keys/{key}" if key else "commit.gpgsign=false"
    return run("git", "-C", "/srv/fleet", "-c", signing, *arguments).stdout.strip()


def commit(key="ours"):
    """Commit an empty change, signed with the key, and return its hash."""
    git("commit", "--quiet", "--allow-empty", "--message", "a change", key=key)
    return git("rev-parse", "HEAD")


def trail():
    """Return the entries of the trail."""
    with open(TRAIL, encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]


def look():
    """Return whether fstab has the tmpfs, and whether it is mounted."""
    with open("/etc/fstab", encoding="utf-8") as handle:
        return "/var/cache/gotmp" in handle.read(), os.path.ismount("/var/cache/gotmp")


listed = run("systemctl", "list-timers", "--all", "--no-legend", "wsltune-pull.timer").stdout
assert "wsltune-pull.service" in listed, listed

# The timer's own run, soon after the start, holds the lock; from here on only this test starts one.
run("systemctl", "stop", "wsltune-pull.timer")
while run("systemctl", "is-active", "wsltune-pull.service", check=False).stdout.strip() in ("active", "activating"):
    time.sleep(0.5)

first = git("rev-parse", "HEAD")
status = pull()
assert status["applied"] == first and look() == (True, True), status
assert status["drift"] and not {"changed", "gone", "conflict"} & set(status["drift"]), status

status = pull()
assert status["applied"] == first and status["heals"] == 0, status

changes = trail()
assert changes and all(one["commit"] == first and one["by"] == "wsltune-pull" for one in changes), changes
assert "/etc/fstab" in {one["path"] for one in changes}, changes
assert oct(os.stat(TRAIL).st_mode & 0o777) == "0o600"

for key in (None, "stranger"):
    commit(key)
    status = pull(2)
    assert status["accepted"] == first and "not signed by an allowed key" in status["reason"], status
    git("reset", "--quiet", "--hard", first)

second = commit()
assert pull()["applied"] == second
git("reset", "--quiet", "--hard", first)
status = pull(2)
assert "does not descend" in status["reason"] and status["applied"] == second, status
git("reset", "--quiet", "--hard", second)

run("wsltune-pull", "off")
third = commit()
status = pull()
assert status["state"] == "off" and status["applied"] == second, status
run("wsltune-pull", "on")
assert pull()["applied"] == third

run("umount", "/var/cache/gotmp")
run("sed", "-i", "/gotmp/d", "/etc/fstab")
assert look() == (False, False)
status = pull()
assert status["heals"] == 1 and look() == (True, True), f"{status}\n{log()}"

# The timer's unit runs it too, at idle priority.
run("systemctl", "start", "wsltune-pull.service")
with open(STATUS, encoding="utf-8") as handle:
    assert json.load(handle)["state"] == "ok"

for name in ("wsltune.prom", "wsltune_pull.prom"):
    path = os.path.join(METRICS, name)
    assert oct(os.stat(path).st_mode & 0o777) == "0o644", name
    with open(path, encoding="utf-8") as handle:
        run("promtool", "check", "metrics", stdin=handle)
run("promtool", "check", "rules", "--lint=all", "--lint-fatal", "/root/rules.yml")
run("promtool", "test", "rules", "/root/rules_test.yml")
print("metrics and rules are as promtool wants them")
