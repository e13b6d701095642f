# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks this WSL distro and its Windows host what the test suite takes for granted about them, and changes nothing.

    python3 tests/contract/observe.py [FILE]     writes FILE, contract.json in this folder by default

Exit codes: 0 all that was answered agrees, 1 something differs, 2 wrong usage, 3 nothing could be asked here.
"""

from __future__ import annotations

import base64
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "collections")]

import assumptions  # noqa: E402

from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo, reports  # noqa: E402
from ansible_collections.wsltune.go.plugins.module_utils.wsl import conf, interop, wslconfig  # noqa: E402
from ansible_collections.wsltune.go.plugins.module_utils.wsl import programs as wsl_programs  # noqa: E402

LIMIT = 60.0
"""Seconds that one question to Windows may take."""


def run(*words: str, text: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program from the root of a Windows drive, where its working directory has a name in Windows."""
    drives = wsl_programs.drive_roots(list_mounts())
    return subprocess.run(
        words,
        input=text,
        capture_output=True,
        timeout=LIMIT,
        check=False,
        cwd=drives[0].mount_point if drives else "/",
        env={**os.environ, **environment},
    )


def read_mounts() -> list[tuple[str, mountinfo.Mount]]:
    """Read the mount table as the collection does; each mount with its line."""
    folder = Path(mountinfo.VIRTIOFS_LINKS)
    links = {path.name: os.readlink(path) for path in folder.iterdir()} if folder.is_dir() else {}
    text = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    lines = [line for line in text.split("\n") if line.strip()]
    return list(zip(lines, mountinfo.parse(text, is_wsl=True, virtiofs_links=links)))


def list_mounts() -> list[mountinfo.Mount]:
    """Return the mounts without their lines."""
    return [mount for _line, mount in read_mounts()]


def find_windows_program(program: str) -> str:
    """Return the Linux path of a program of Windows; FileNotFoundError where no drive has it."""
    path = wsl_programs.find_program(list_mounts(), program, os.path.exists)
    if path is None:
        raise FileNotFoundError(program)
    return path


def run_powershell(script: str, text: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a script in powershell.exe."""
    return run(*interop.powershell_argv(find_windows_program(interop.POWERSHELL), script), text=text, **environment)


def run_wsl(*words: str, **environment: str) -> bytes:
    """Return what wsl.exe prints."""
    return run(find_windows_program(r"Windows\System32\wsl.exe"), *words, **environment).stdout


def observe_kernel() -> Any:
    release = Path("/proc/sys/kernel/osrelease").read_text(encoding="ascii")
    return next((word for word in ("microsoft", "Microsoft") if word in release), "other")


def _find_drive() -> tuple[list[str], mountinfo.Mount]:
    """Return type, source and options of the first drive as mountinfo spells them, and the mount as it is read."""
    mounts = read_mounts()
    first = wsl_programs.drive_roots([mount for _line, mount in mounts])[0]
    line = next(line for line, mount in mounts if mount is first)
    return line.partition(" - ")[2].split(" ", 2), first


def observe_drive() -> Any:
    (fstype, source, options), mount = _find_drive()
    server = next((option for option in options.split(",") if option.startswith("aname=drvfs;")), "")
    known = {"gid", "path", "symlinkroot", "uid"}
    return {
        "fstype": fstype,
        "source": re.sub(r"^[A-Z](?=:)", "X", source) if re.match(r"[A-Z]:\\134$", source) else "other",
        "server": sorted(known & {part.partition("=")[0] for part in server.split(";")}),
        "read_as": re.sub(r"^[A-Z](?=:)", "X", mount.windows_path or ""),
    }


def observe_transport() -> Any:
    names = {option.partition("=")[0] for option in _find_drive()[0][2].split(",")}
    return sorted({"aname", "msize", "rfd", "trans", "wfd"} & names)


def observe_binfmt() -> Any:
    entry = Path("/proc/sys/fs/binfmt_misc/WSLInterop").read_text(encoding="ascii")
    values = dict(re.findall(r"^(interpreter|flags|offset|magic):? (\S+)$", entry, re.MULTILINE))
    return {name: values.get(name, "") for name in ("interpreter", "magic", "offset", "flags")}


def observe_variables() -> Any:
    path = os.environ.get("WSL_INTEROP", "")
    is_socket = os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode)
    shape = re.sub(r"\d+(?=_interop$)", "N", path)
    if shape != "/run/WSL/N_interop":
        shape = "not set" if not path else "another path"
    names = ("WSL_DISTRO_NAME", "WSLENV")
    return {
        **{name: "set" if name in os.environ else "not set" for name in names},
        "WSL_INTEROP": f"{shape}, {'a socket' if is_socket else 'no socket'}",
    }


def observe_share() -> Any:
    answer = run("wslpath", "-w", "/").stdout.decode("utf-8", "replace").strip()
    match = re.fullmatch(r"(\\\\wsl(?:\.localhost|\$)\\)[^\\]+(\\?)", answer)
    return f"{match[1]}NAME{match[2]}" if match else "another"


def _name_encoding(data: bytes) -> str:
    if data[:2] == b"\xff\xfe" or data[:3] == b"\xef\xbb\xbf":
        return "with a mark"
    if len(data) > 3 and data[1] == 0 == data[3]:
        return "UTF-16LE"
    return "UTF-8" if data and b"\0" not in data else "other"


def observe_encoding() -> Any:
    usual = run_wsl("--list", "--verbose", WSLENV="")
    utf8 = run_wsl("--list", "--verbose", WSL_UTF8="1", WSLENV="WSL_UTF8")
    lines = utf8.count(b"\n")
    return {
        "usual": _name_encoding(usual),
        "WSL_UTF8": _name_encoding(utf8),
        "lines": "CRLF" if lines and utf8.count(b"\r\n") == lines else "other",
    }


def observe_list() -> Any:
    text = run_wsl("--list", "--verbose", WSL_UTF8="1", WSLENV="WSL_UTF8").decode("utf-8", "replace")
    heading, *rows = text.splitlines()
    # As ConvertFrom-WslList reads it.
    read = [re.fullmatch(r"(\*| ) (\S+)\s+(\S.*?)\s+([12])\s*", row) for row in rows if row.strip()]
    return {
        "heading": bool(heading.strip()) and re.fullmatch(r".*\s[12]\s*", heading) is None,
        "rows": "read" if read and all(read) else "not read",
        "defaults": sum(1 for match in read if match and match[1] == "*"),
    }


def observe_exit_code() -> Any:
    return {code: run_powershell(f"exit {code}").returncode for code in ("3", "256")}


def observe_output() -> Any:
    script = (
        "[Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false; [Console]::Out.WriteLine([char]233)"
    )
    return run_powershell(script).stdout.hex()


def observe_environment() -> Any:
    script = "[Console]::Out.Write([string]$env:WSLTUNE_NAMED + '/' + [string]$env:WSLTUNE_UNNAMED)"
    values = {"WSLTUNE_NAMED": "seen", "WSLTUNE_UNNAMED": "seen", "WSLENV": "WSLTUNE_NAMED"}
    named, _slash, unnamed = run_powershell(script, **values).stdout.decode("ascii", "replace").partition("/")
    return {"named": named or "not seen", "unnamed": unnamed.strip() or "not seen"}


def observe_wslconfig() -> Any:
    script = (
        "$file = Join-Path $env:USERPROFILE .wslconfig; if (Test-Path -LiteralPath $file) "
        "{ [Console]::Out.Write([Convert]::ToBase64String([IO.File]::ReadAllBytes($file))) }"
    )
    text = conf.decode(base64.b64decode(run_powershell(script).stdout), wslconfig.WSLCONFIG)[0]
    complaints = wslconfig.parse(text).warnings
    warned = re.search(rb"^wsl: ", run_wsl("--status", WSL_UTF8="1", WSLENV="WSL_UTF8"), re.MULTILINE)
    return {
        "reader": "complains" if complaints else "no complaint",
        "wsl.exe": "warns" if warned else "no warning",
    }


def list_scripts() -> list[Path]:
    """Return the PowerShell scripts of the checkout, without environments that were set up in it."""
    folders = ("plugins", "roles", "tests", "scripts")
    found = [path for name in folders for path in (ROOT / name).rglob("*.ps*1")]
    return sorted([*found, ROOT / "onboard.ps1"])


def observe_windows() -> dict[str, Any]:
    """Return what observe.ps1 sees."""
    scripts = b"".join(
        base64.b64encode(path.read_bytes().removeprefix(b"\xef\xbb\xbf")) + b"\r\n" for path in list_scripts()
    )
    script = (HERE / "observe.ps1").read_text(encoding="ascii")
    answer = run_powershell(script, text=scripts + b"\r\n")
    observed = json.loads(answer.stdout)
    return observed if isinstance(observed, dict) else {}


ASK: dict[str, Callable[[], Any]] = {
    "kernel_release": observe_kernel,
    "drive_mount": observe_drive,
    "drive_transport": observe_transport,
    "binfmt_entry": observe_binfmt,
    "session_variables": observe_variables,
    "distro_share": observe_share,
    "wsl_exe_encoding": observe_encoding,
    "wsl_exe_list": observe_list,
    "powershell_exit_code": observe_exit_code,
    "powershell_output": observe_output,
    "powershell_environment": observe_environment,
    "wslconfig_warnings": observe_wslconfig,
}


def ask(name: str, question: Callable[[], Any], reasons: dict[str, str]) -> Any:
    """Return an observation, or none with the reason where it cannot be made."""
    try:
        return question()
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        # Without what the error names, which may be a path of this machine.
        reasons[name] = type(error).__name__
        return None


def observe() -> dict[str, Any]:
    """Ask everything."""
    reasons: dict[str, str] = {}
    observed = {name: ask(name, question, reasons) for name, question in ASK.items()}
    windows = ask("windows", observe_windows, reasons) or {}
    observed.update({name: windows.get(name) for name in assumptions.ASSUMPTIONS if name not in ASK})
    return {"schema": assumptions.SCHEMA, "observed": observed, "reasons": reasons}


def main() -> int:
    """Write contract.json and print how each assumption fared."""
    if len(sys.argv) > 2 or sys.argv[1:2] in (["-h"], ["--help"]):
        print(__doc__, file=sys.stderr if len(sys.argv) > 2 else sys.stdout)
        return 2 if len(sys.argv) > 2 else 0
    target = Path(sys.argv[1] if len(sys.argv) == 2 else "contract.json")
    if wsl_programs.find_program(list_mounts(), interop.POWERSHELL, os.path.exists) is None:
        print("No Windows drive with powershell.exe is mounted here: run this inside WSL.", file=sys.stderr)
        return 3
    record = observe()
    outcomes = {name: assumptions.judge(name, record["observed"][name]) for name in assumptions.ASSUMPTIONS}
    for name, outcome in outcomes.items():
        print(f"{outcome:12}  {assumptions.ASSUMPTIONS[name].says}")
        if outcome == "differs":
            print(f"{'':12}  seen: {json.dumps(record['observed'][name])}")
    for complaint in assumptions.check(record):
        print(complaint, file=sys.stderr)
    if len(json.dumps(record)) > assumptions.LARGEST:
        return 1
    try:
        # Not through a link, which waits under this name where others write, such as in /tmp.
        text = json.dumps(record, indent=1, sort_keys=True) + "\n"
        reports.write(str(target.parent), {target.name: text.encode()})
    except OSError as error:
        print(f"{target} cannot be written ({error.strerror}): name a file to write, as in ./test.sh contract FILE.")
        return 2
    counts = ", ".join(f"{list(outcomes.values()).count(name)} {name}" for name in assumptions.OUTCOMES)
    print(f"\n{counts}. Written to {target}; docs/contributing/real-windows.md says how to contribute it.")
    return 1 if "differs" in outcomes.values() else 0


if __name__ == "__main__":
    sys.exit(main())
