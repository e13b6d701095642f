# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs the commands of docs/cases on a test machine: run.py MACHINE [PAGE...].

Each page runs as a user with sudo, in a mount and network namespace of its own with nothing but copies of the
machine's folders, so that nothing of it stays. Between Reproduce and Diagnose the doctor must name the page's case;
after Verify it must not any more. /opt/wsltune is this checkout, /opt/ansible has ansible-core.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "containers"))
import pages
from driver import Machine

# A machine as each page finds it. The overlays' upper sides are in memory and gone with the namespace.
PRELUDE = r"""
set -eu
mount --make-rprivate /
mkdir -p /dev/shm/case && mount -t tmpfs tmpfs /dev/shm/case
for folder in etc home srv usr var; do
    mkdir -p /dev/shm/case/$folder/upper /dev/shm/case/$folder/work
    side=/dev/shm/case/$folder
    mount -t overlay -o "lowerdir=/$folder,upperdir=$side/upper,workdir=$side/work" overlay /$folder
done
mkdir -m 1777 /var/case-tmp && mount --bind /var/case-tmp /tmp
printf '127.0.0.1 localhost %s\n' "$(hostname)" > /etc/hosts
: > /etc/resolv.conf
mount -t sysfs sysfs /sys
echo 0x9 > /sys/class/net/lo/flags
cp -r /usr/local/share/gotest /home/alice/app
chown -R alice: /home/alice/app
"""
WSL = r"""
touch /init
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/WSL /run/systemd/system /run/sudo
"""
# What a reader's shell has, and what this test asks the doctor. An output is kept to be searched.
SHELL = r"""
cd ~
export WSLTUNE_CHECKOUT=/opt/wsltune
case_output=/tmp/case-output
doctor() { # check, modules, names: prints "status: reason"
    local arguments
    arguments=$(python3 -c 'import json, sys
id, modules, names = sys.argv[1:]
told = {"checks": [id], "modules": modules.split(), "names": names.split(), "budget_minutes": 4}
print(json.dumps({"ANSIBLE_MODULE_ARGS": told}))' "$@")
    PYTHONPATH=/opt/wsltune/collections:/opt/ansible \
        python3 -B -m ansible_collections.wsltune.go.plugins.modules.doctor "$arguments" | python3 -c 'import json, sys
text = sys.stdin.read()
found = json.loads(text)
if "doctor" not in found:
    sys.exit("the doctor failed: " + str(found.get("msg")))
print("\n".join(check["status"] + ": " + check["reason"] for check in found["doctor"]["checks"]))'
}
wrong() { echo "WRONG $*"; exit 1; }
"""


def _ask(*question: str) -> str:
    words = " ".join(map(shlex.quote, question))
    return f'echo "== doctor"; case_told=$(doctor {words}) || wrong "$case_told"; echo "$case_told"'


def script(page: pages.Page) -> str:
    """The page as one script for bash, with what must hold in between."""
    check = page.values.get("check", page.id)
    lines = [SHELL]
    for section in pages.SECTIONS[1:]:
        for number, block in enumerate(page.of(section), 1):
            where = f"{section} {number}"
            if block.elsewhere:
                lines.append(f"echo {shlex.quote(f'SKIPPED {where}: needs {block.elsewhere}')}")
                continue
            lines.append(f"echo {shlex.quote(f'== {where}')}")
            # In this shell itself, as a reader would type it, so that cd and variables last.
            lines.append('case_code=0; exec 3>&1 4>&2 >"$case_output" 2>&1')
            if block.fails:
                lines.append(f"( set -eu -o pipefail\n{block.text})\ncase_code=$?")
            else:
                lines.append(f"trap 'exec 1>&3 2>&4; cat \"$case_output\"; echo WRONG {where} does not succeed' EXIT")
                lines.append(f"set -e -o pipefail\n{block.text}set +e +o pipefail; trap - EXIT")
            lines.append('exec 1>&3 2>&4 3>&- 4>&-; cat "$case_output"')
            if block.fails:
                lines.append(f"[ $case_code != 0 ] || wrong '{where} succeeds, but should fail'")
            for text in block.expected:
                complaint = shlex.quote(f"{where} does not print: {text}")
                lines.append(f'grep -qF -- {shlex.quote(text)} "$case_output" || wrong {complaint}')
        modules, names = page.values.get("modules", ""), page.values.get("names", "")
        if section == "Reproduce" and "no-doctor" not in page.words:
            said = page.values.get("says", "")
            expected = f"^[a-z]*: .*{said}" if said else "^(critical|warning): "
            lines.append(_ask(check, modules, names))
            lines.append(f'grep -qE -- {shlex.quote(expected)} <<<"$case_told" || wrong "the doctor does not name it"')
        if section == "Verify" and "no-doctor" not in page.words and "says" not in page.values:
            fixed = page.values.get("fixed", modules)
            names = page.values.get("fixed_names", names)
            lines.append(_ask(check, fixed, names))
            lines.append('! grep -qE "^(critical|warning): " <<<"$case_told" || wrong "the doctor still names it"')
    lines.append("echo PASSED")
    return "\n".join(lines) + "\n"


def run(machine: Machine, page: pages.Page) -> tuple[bool, str, int]:
    machine.run("sh", "-c", "cat > /dev/shm/case.sh; chmod 644 /dev/shm/case.sh", text=script(page))
    prelude = PRELUDE + (WSL if "wsl" in page.words else "")
    start = prelude + "exec runuser -l alice -c 'exec bash /dev/shm/case.sh' 2>&1"
    output = machine.run("timeout", "-k", "5", "240", "unshare", "-m", "-n", "bash", "-c", start, check=False)
    return output.rstrip().endswith("PASSED"), output, len(re.findall("^SKIPPED ", output, re.MULTILINE))


def main() -> None:
    machine, wanted = Machine(sys.argv[1], 0), sys.argv[2:]
    failed, skipped, tried = [], 0, 0
    for page in pages.all_pages():
        if wanted and page.id not in wanted:
            continue
        begin = time.monotonic()
        passed, output, missed = run(machine, page)
        tried, skipped = tried + 1, skipped + missed
        left = f", {missed} blocks skipped" if missed else ""
        print(
            f"{'passed' if passed else 'FAILED'}, {time.monotonic() - begin:.1f} s{left}: {page.id} {page.title}",
            flush=True,
        )
        if not passed:
            failed.append(page.id)
            print(output[-3000:], flush=True)
    elsewhere = sum(bool(block.elsewhere) for page in pages.all_pages() for block in page.blocks)
    print(json.dumps({"tried": tried, "failed": failed, "skipped": skipped, "elsewhere": elsewhere}))


if __name__ == "__main__":
    main()
