# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs at the first start of a distro that was made from an image: first-start.pyz [USER].

It does what needs a live kernel or the account, which the image could not have, by the modules that the image's roles
used too; then it looks for what makes Go slow, and prints what is tuned. Whatever goes wrong is a sentence: nothing
here keeps anybody from their first shell.
"""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
import textwrap
from typing import Any

PLAN = "/usr/lib/wsltune/first-start.json"
COLLECTION = "ansible_collections.wsltune.go.plugins"
SECONDS = 120.0


def run_module(name: str, arguments: str) -> None:
    """Become a module, as Ansible would start it."""
    from ansible.module_utils import basic

    # What the wrapper of a module sets, in each ansible-core from 2.19 on.
    vars(basic).update(_ANSIBLE_ARGS=arguments.encode("utf-8"), _ANSIBLE_PROFILE="legacy")
    runpy.run_module(f"{COLLECTION}.modules.{name}", run_name="__main__")


def call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run a module in a process of its own and return what it prints."""
    words = [sys.executable, sys.argv[0], "--module", name]
    given = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
    try:
        done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=SECONDS, check=False)
        result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"failed": True, "msg": f"it did not end within {SECONDS:.0f} s"}
    except (OSError, ValueError, IndexError):
        return {"failed": True, "msg": "it gave no answer"}
    return result


def say(sentence: str, first: str = "  ") -> None:
    """Print a sentence as wide as a small terminal."""
    print(textwrap.fill(" ".join(sentence.split()), 78, initial_indent=first, subsequent_indent="    "))


def tune(plan: dict[str, Any], user: str) -> None:
    """Carry out the steps that were left to the first start, and print what each came to."""
    for step in plan["steps"]:
        arguments = dict(step["arguments"], users=sorted({"root", user}))
        result = call(step["module"], arguments)
        if result.get("failed"):
            say(f"{step['module']} was left out: {result.get('msg', 'no reason was given')}")
            continue
        for sentence in [*result.get("headlines", []), *result.get("notes", [])]:
            say(sentence)


def look(plan: dict[str, Any], user: str) -> None:
    """Print what the doctor finds."""
    from ansible_collections.wsltune.go.plugins.module_utils.doctor import report

    result = call("doctor", {"user": user, "checks": plan["checks"]})
    if result.get("failed"):
        say(f"The doctor could not look: {result.get('msg', 'no reason was given')}")
        return
    say(report.write_headline(result["doctor"]))
    for check in result["doctor"]["checks"]:
        if check["status"] in ("critical", "warning"):
            say(f"{check['id']}: {check['reason']}")


def main(arguments: list[str]) -> int:
    """Do what the command line says; return the exit code."""
    if arguments[:1] == ["--module"]:
        run_module(arguments[1], sys.stdin.read())
        return 0
    user = arguments[0] if arguments else "root"
    with open(PLAN, encoding="utf-8") as file:
        plan = json.load(file)
    print(f"wsltune {plan['version']}: what is tuned in this distro")
    for sentence in plan["tuned"]:
        say(sentence)
    tune(plan, user)
    look(plan, user)
    print("Restore what was there before: see docs/guide/golden-image.md of wsltune.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
