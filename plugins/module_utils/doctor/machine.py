# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judges the machine around Go: PATH, names, sockets, processes, clocks, memory, CPUs, antivirus, and Go itself."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor.check import Check, Work, write_microseconds
from ansible_collections.wsltune.go.plugins.module_utils.go import flags as go_flags
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue
from ansible_collections.wsltune.go.plugins.module_utils.linux.text import join_names

# The Go command and its tools look for programs such as gcc about this often in testing one package.
LOOKUPS = 6
# Programs that `go test` starts for a package: link, the test itself, vet and buildid checks.
STARTS = 5
SLOW_LOOKUP_US = 100.0
SLOW_NAME_US = 500_000.0
SLOW_LISTEN_US = 1000.0
SLOW_START_US = 15_000.0
# WSL's clock stands still while Windows sleeps; a second is what the clock chip is read in.
SKEW_S = 3.0


def judge_path(folders: Sequence[Mapping[str, Any]], packages: int) -> Check:
    """WT-040: what a program that is not found costs, because each directory of PATH is searched for it."""
    slow = [
        folder
        for folder in folders
        if folder.get("hangs") or folder["windows_drive"] or (folder["times"].get("median") or 0.0) > SLOW_LOOKUP_US
    ]
    total = sum(folder["times"].get("median") or 0.0 for folder in folders)
    details = {"directories": [{key: folder[key] for key in ("path", "fstype", "times")} for folder in folders]}
    if not slow:
        reason = (
            f"A program that is not in PATH is missed after {write_microseconds(total)}, in {len(folders)} directories."
        )
        return doctor_check.ok("WT-040", reason, value=round(total, 1), unit="us", details=details)
    names = join_names([f"{folder['path']} ({folder['fstype'] or 'unknown'})" for folder in slow])
    drives = [folder for folder in slow if folder["windows_drive"]]
    command = "for directory in PATH: take it out of ~/.profile or /etc/profile.d"
    hangs = [folder for folder in slow if folder.get("hangs")]
    if hangs:
        return Check(
            "WT-040",
            doctor_check.CRITICAL,
            f"PATH has {hangs[0]['path']}, which gives {hangs[0]['hangs']}: every command that comes after it waits.",
            effect="shells and builds stop where they look for a program",
            command=command,
            blocks=True,
        )
    seconds = total * 1e-6 * LOOKUPS * packages
    return Check(
        "WT-040",
        doctor_check.CRITICAL if seconds >= 1 else doctor_check.WARNING,
        f"PATH has {len(slow)} slow director{'ies' if len(slow) > 1 else 'y'}, {names}: "
        f"a program that is not found costs {write_microseconds(total)}.",
        value=round(total, 1),
        unit="us",
        effect=f"about {seconds:.2f} s for every go test, and every word completed in a shell",
        lever=catalogue.CASES["WT-040"] if drives else "",
        command="./onboard.sh -- -e wsl_conf_interop_append_windows_path=false" if drives else command,
        seconds=seconds,
        details=details,
    )


def _describe_difference(go: Mapping[str, Any], by_c: Mapping[str, Any]) -> str:
    if bool(go["error"]) != bool(by_c["error"]):
        lost, finder = ("Go's resolver", "the C library") if go["error"] else ("the C library", "Go's resolver")
        answer = (by_c if go["error"] else go)["addresses"]
        return f"{go['name']} is {join_names(answer)} for {finder} and not found by {lost}"
    if not go["error"] and not set(go["addresses"]) & set(by_c["addresses"]):
        here, there = join_names(go["addresses"]), join_names(by_c["addresses"])
        return f"{go['name']} is {here} for Go's resolver and {there} for the C library"
    return ""


def judge_names(resolver: Mapping[str, Any]) -> list[Check]:
    """WT-041 and WT-042: a program without cgo asks no nsswitch.conf module but files and dns."""
    own, by_c, usual = resolver["go"], resolver["c"], resolver["usual"]
    if own is None or usual is None:
        return [
            doctor_check.unknown(check_id, "The doctor's Go program gave no answer about names.")
            for check_id in ("WT-041", "WT-042")
        ]
    differences = [text for text in (_describe_difference(answer, other) for answer, other in zip(own, by_c)) if text]
    shown = join_names([answer["name"] for answer in own])
    through = "through cgo" if resolver["c_through"] == "cgo" else "through getaddrinfo, for cgo is off"
    details = {"go": own, "c": by_c, "usual": usual, "said": resolver["said"]}
    if differences:
        first = Check(
            "WT-041",
            doctor_check.WARNING,
            f"{join_names(differences)} (asked {through}).",
            effect="a program that is built without cgo, or with netdns=go, gets another answer",
            command="GODEBUG=netdns=cgo go test ./...   (or put the name into /etc/hosts)",
            details=details,
        )
    else:
        first = doctor_check.ok("WT-041", f"Go's resolver and the C library agree about {shown}.", details=details)
    slowest = max(usual, key=lambda answer: answer["us"])
    value = round(slowest["us"] / 1000, 1)
    if slowest["us"] < SLOW_NAME_US:
        return [first, doctor_check.ok("WT-042", f"Names are found within {value} ms.", value=value, unit="ms")]
    second = Check(
        "WT-042",
        doctor_check.WARNING,
        f"{slowest['name']} takes {write_microseconds(slowest['us'])} to resolve"
        + (f" and fails: {slowest['error']}." if slowest["error"] else "."),
        value=value,
        unit="ms",
        effect="tests that use a name wait for it each time",
        command="cat /etc/resolv.conf   (take out the server that does not answer)",
        seconds=slowest["us"] / 1e6,
    )
    return [first, second]


def judge_listen(times: Mapping[str, Any]) -> Check:
    """WT-043: tests with httptest open a socket each."""
    if times["error"]:
        return Check(
            "WT-043",
            doctor_check.CRITICAL,
            f"A socket on 127.0.0.1 cannot be opened and reached: {times['error']}.",
            effect="tests with net/http/httptest fail",
            command="sudo ip link set lo up",
            blocks=True,
        )
    value = round(times["median"], 1)
    usual, most = write_microseconds(times["median"]), write_microseconds(times["p99"])
    reason = f"net.Listen on 127.0.0.1 takes {usual}, 99 of 100 at most {most}."
    if times["median"] < SLOW_LISTEN_US:
        return doctor_check.ok("WT-043", reason, value=value, unit="us")
    return Check(
        "WT-043",
        doctor_check.WARNING,
        reason,
        value=value,
        unit="us",
        effect="tests that open sockets wait",
        command="sudo nft list ruleset",
        seconds=times["median"] / 1e6 * 100,
    )


def judge_start(starts: Mapping[str, Any], packages: int) -> Check:
    """WT-044: `go test` starts several programs for each package."""
    # The quickest of all: on a busy machine the others wait for a CPU, which is no cost of starting.
    best = starts["times"]["best"]
    value = round(best / 1000, 2)
    preload = [word for word in (starts.get("preload") or "").split() if not word.startswith("#")]
    if best < SLOW_START_US:
        return doctor_check.ok(
            "WT-044", f"A process starts and ends in {write_microseconds(best)} at best.", value=value, unit="ms"
        )
    seconds = best * 1e-6 * STARTS * packages
    because = f"; /etc/ld.so.preload loads {join_names(preload)} into each one" if preload else ""
    return Check(
        "WT-044",
        doctor_check.CRITICAL if seconds >= 1 else doctor_check.WARNING,
        f"A process takes at least {write_microseconds(best)} to start and end{because}.",
        value=value,
        unit="ms",
        effect=f"about {seconds:.1f} s for every go test",
        command="cat /etc/ld.so.preload" if preload else "ps -eo pid,comm,pcpu --sort=-pcpu | head",
        seconds=seconds,
    )


def judge_clock(clock: Mapping[str, Any], places: Mapping[str, Any]) -> Check:
    """WT-045: files dated in the future make Go distrust its cache, and TLS certificates not valid yet."""
    ahead = clock["ahead"]
    if ahead:
        touch = f"touch {' '.join(shlex.quote(path) for path, _by in ahead[:4])}" + (" ..." if len(ahead) > 4 else "")
        many = f"{ahead[0][0]}" + (f" and {len(ahead) - 1} more are" if len(ahead) > 1 else " is")
        return Check(
            "WT-045",
            doctor_check.WARNING,
            f"{many} dated {max(by for _path, by in ahead)} s in the future by this machine's clock.",
            value=max(by for _path, by in ahead),
            unit="s",
            effect="go test does not cache results of packages with such files",
            # A clock that its chip agrees with is no cause.
            command=touch if clock["rtc"] is not None and abs(clock["rtc"]) <= SKEW_S else f"sudo hwclock -s; {touch}",
            seconds=1.0,
        )
    skewed = {
        name: place["clock"]
        for name, place in places.items()
        if place.get("clock") is not None and abs(place["clock"]) > SKEW_S
    }
    if skewed:
        name, by = max(skewed.items(), key=lambda item: abs(item[1]))
        return Check(
            "WT-045",
            doctor_check.WARNING,
            f"New files in {places[name]['path']} are dated {by:+.0f} s against this machine's clock.",
            value=abs(by),
            unit="s",
            effect="go test does not cache results of packages with such files",
            command="sudo hwclock -s",
            seconds=1.0,
        )
    rtc = clock["rtc"]
    # A clock chip that runs in local time is off by whole quarters of an hour.
    if rtc is not None and abs(rtc) > SKEW_S and abs(rtc) % 900 > SKEW_S and 900 - abs(rtc) % 900 > SKEW_S:
        return Check(
            "WT-045",
            doctor_check.WARNING,
            f"This machine's clock differs by {abs(rtc):.0f} s from its clock chip, as after Windows slept.",
            value=abs(rtc),
            unit="s",
            effect="TLS, and go build by file times, may fail",
            command="sudo hwclock -s",
        )
    how = (
        f"and the clock chip's differ by {abs(rtc):.1f} s"
        if rtc is not None
        else "alone: there is no clock chip to ask"
    )
    return doctor_check.ok("WT-045", f"New files have this clock's time; it {how}.", value=rtc, unit="s")


def _parse_pressure(text: str | None) -> dict[str, float]:
    """Return the averages over a minute by line of a file below /proc/pressure."""
    averages = {}
    for line in (text or "").splitlines():
        match = re.match(r"(some|full) .*avg60=([0-9.]+)", line)
        if match:
            averages[match[1]] = float(match[2])
    return averages


def judge_memory(memory: Mapping[str, Any], is_wsl: bool = True) -> Check:
    """WT-046: a link takes some hundred MiB, and as many run at once as there are CPUs."""
    info = memory["meminfo"]
    total, available = info.get("MemTotal", 0), info.get("MemAvailable", 0)
    cgroup = memory["cgroup"]
    where = "of this machine"
    command = "raise memory= below [wsl2] in .wslconfig, then wsl.exe --shutdown" if is_wsl else "go test -p=1 ./..."
    if cgroup and cgroup["limit"] < total:
        total = cgroup["limit"]
        available = min(available, cgroup["available"])
        where = f"that the control group {cgroup['folder']} may use"
        command = f"raise the limit of {cgroup['folder']}, or go test -p=1 ./..."
    pressure = _parse_pressure(memory["pressure"].get("memory"))
    swapped = memory["swapping"] or 0
    used_swap = info.get("SwapTotal", 0) - info.get("SwapFree", 0)
    details = {
        "available": available,
        "total": total,
        "swap_used": used_swap,
        "pressure": {name: _parse_pressure(text) for name, text in memory["pressure"].items() if text},
    }
    reason = f"{available >> 20} of {total >> 20} MiB {where} are free"
    if not total:
        return doctor_check.unknown("WT-046", "/proc/meminfo says nothing.")
    if total < 2 * 2**30 or available < 512 * 2**20 or pressure.get("some", 0.0) > 10 or swapped > 200:
        if pressure.get("some", 0.0) > 10:
            reason += f", and processes waited {pressure['some']:.0f} % of the last minute for memory"
        if swapped > 200:
            reason += f", and {swapped} pages were read back from swap within half a second"
        short = available < 256 * 2**20
        return Check(
            "WT-046",
            doctor_check.CRITICAL if short else doctor_check.WARNING,
            reason + ".",
            value=available >> 20,
            unit="MiB",
            effect="links swap or are killed; fewer at once need less: go test -p=1",
            command=command,
            seconds=5.0,
            details=details,
        )
    return doctor_check.ok("WT-046", reason + ".", value=available >> 20, unit="MiB", details=details)


def _drop_p(flags: str, source: str, allowed: int) -> str:
    """Return the command that takes -p, and no other flag, out of GOFLAGS."""
    rest = go_flags.without(flags, [word for word in go_flags.split(flags) if go_flags.name_of(word) == "p"])
    # An empty setting of the user's does not hide what GOROOT/go.env says.
    return doctor_check.set_command("GOFLAGS", rest or (f"-p={allowed}" if source == "GOROOT/go.env" else ""), source)


def _most_packages(flags: str) -> int:
    """Return the number of the last -p in GOFLAGS, as strconv.ParseInt reads it; 0 where there is none."""
    values = [go_flags.value_of(word) for word in go_flags.split(flags) if go_flags.name_of(word) == "p"]
    last = values[-1] if values else ""
    number = re.fullmatch(r"\+?(?:0[oO]?([0-7]{1,9})|(0[xX][0-9a-fA-F]{1,7}|[1-9][0-9]{0,8}))", last)
    return 0 if number is None else int(number[1], 8) if number[1] else int(number[2], 0)


def judge_cpus(cpu: Mapping[str, Any], by_go: Mapping[str, Any] | None, total: int = 0) -> Check:
    """WT-047: as many packages are built and tested at once as GOMAXPROCS says.

    C(total) is the memory in bytes: fewer at once are right where it carries no more, which go_env_parallel sets.
    """
    allowed, quota = cpu["allowed"], cpu["quota"]
    usable = min(allowed, quota) if quota is not None else allowed
    # Go passes over a GOMAXPROCS that is no number.
    asked = int(cpu["gomaxprocs"]) if re.fullmatch("[0-9]{1,9}", cpu["gomaxprocs"]) else 0
    used = by_go["gomaxprocs"] if by_go else asked or allowed
    most = _most_packages(cpu["goflags"])
    details = dict(cpu, used=used)
    command = ""
    carried = go_tuning.parallel(total, allowed) if total else allowed
    if 0 < most < min(allowed, carried):
        what, at_once = f"GOFLAGS has -p={most}", most
        command = _drop_p(cpu["goflags"], cpu.get("goflags_source", ""), allowed)
    elif used < min(allowed, max(1, usable)):
        what, at_once = f"GOMAXPROCS is {used}", used
        command = doctor_check.set_command("GOMAXPROCS", "", "environment")
        if not asked:
            command = "cat /proc/self/cgroup   (no variable says so: see what limits this machine's CPUs)"
    elif used > usable + 1:
        return Check(
            "WT-047",
            doctor_check.WARNING,
            f"Go uses {used} CPUs, but its control group may use {usable:g}: it is stopped for a part of every period.",
            value=usable,
            unit="CPUs",
            effect="every program of Go stutters; Go 1.25 and later follow the quota themselves",
            command=f"export GOMAXPROCS={max(1, round(usable))}",
            seconds=1.0,
            details=details,
        )
    else:
        kept = f" (a quota of {quota:g})" if quota is not None else ""
        held = f", and GOFLAGS has -p={most}, as {total >> 20} MiB of memory carry" if 0 < most < allowed else ""
        return doctor_check.ok(
            "WT-047", f"Go uses {used} of {allowed} CPUs{kept}{held}.", value=used, unit="CPUs", details=details
        )
    return Check(
        "WT-047",
        doctor_check.WARNING,
        f"{what}, though {usable:g} CPUs may be used: {at_once} package{'s' if at_once > 1 else ''} at once.",
        value=at_once,
        unit="CPUs",
        effect=f"builds and tests take up to {usable / at_once:.1f} times as long",
        command=command,
        seconds=2.0 * (usable / at_once - 1),
        details=details,
    )


def is_excluded(path: str, exclusions: Sequence[str]) -> bool:
    """Return whether Defender passes over a folder of Windows, whatever program opens it and whatever scan it is."""
    folders = [path.rstrip("\\").lower()]
    while "\\" in folders[-1]:
        folders.append(folders[-1].rpartition("\\")[0])
    for entry in exclusions:
        name, _colon, conditions = entry.partition("\\:{")
        if re.search(r"Process:|ScanType:|PathType:file", conditions):
            continue
        # An asterisk stands for a name or a part of it, never for more than one folder.
        pattern = re.escape(name.rstrip("\\").lower()).replace(r"\*", r"[^\\]*").replace(r"\?", r"[^\\]")
        if any(re.fullmatch(pattern, folder) for folder in folders):
            return True
    return False


def judge_antivirus(windows: Mapping[str, Any], is_wsl: bool, on_drive: Sequence[str]) -> Check:
    """WT-048: what scans Go's folders on Windows drives (C(on_drive)); the distro's own disk is scanned by none."""
    if not is_wsl:
        return doctor_check.not_wsl("WT-048", "no Windows product scans these files.")
    products = windows.get("products")
    if products is None:
        return doctor_check.unknown(
            "WT-048", f"Windows could not be asked: {windows.get('reason') or windows.get('unknown')}."
        )
    # Bits 12 to 15 of the state say whether the product is on (1).
    active = [
        str(product.get("displayName"))
        for product in products
        if int(product.get("productState") or 0) >> 12 & 0xF == 1
    ]
    others = [name for name in active if not re.search(r"(Windows|Microsoft) Defender", name)]
    exclusions = windows.get("exclusions")
    details = {"products": list(products), "exclusions": exclusions}
    if others and on_drive:
        return Check(
            "WT-048",
            doctor_check.WARNING,
            f"{join_names(others)} scans what Go reads and writes on the Windows drive.",
            effect="every file that is opened there waits for it",
            lever=catalogue.CASES["WT-048"],
            command=f"exclude the project's folder in {others[0]}, or move it to the distro's own disk",
            seconds=0.5,
            details=details,
        )
    shown = f"{join_names(active)} scans Windows drives" if active else "Windows names no antivirus product that is on"
    if not active or not on_drive:
        return doctor_check.ok(
            "WT-048", f"{shown}; nothing of Go lies there." if not on_drive else f"{shown}.", details=details
        )
    # Without the right to see them there is one sentence in place of the exclusions.
    if exclusions is None or any(entry.startswith("N/A:") for entry in exclusions):
        why = (exclusions or [windows.get("exclusions_reason") or "it gave no answer"])[0].rstrip(".")
        return doctor_check.unknown(
            "WT-048", f"{join_names(active)} is on; whether it excludes {join_names(on_drive)} is unknown: {why}."
        )
    scanned = [path for path in on_drive if not is_excluded(path, exclusions)]
    if not scanned:
        return doctor_check.ok(
            "WT-048", f"{join_names(active)} excludes Go's folders on Windows drives.", details=details
        )
    return Check(
        "WT-048",
        doctor_check.WARNING,
        f"{join_names(active)} scans {join_names(scanned)}, and no exclusion names "
        f"{'it' if len(scanned) == 1 else 'them'}.",
        effect="every file that is opened there waits for it",
        lever=catalogue.CASES["WT-048"],
        command="move it to the distro's own disk, or exclude it with defender_projects, as administrator",
        seconds=0.5,
        details=details,
    )


def judge_toolchain(go: Mapping[str, Any], oldest: Sequence[int]) -> Check:
    """WT-049: whether there is a Go to look at."""
    if go["unknown"].get("answer"):
        return doctor_check.unknown("WT-049", f"What Go there is cannot be said: {go['unknown']['answer']}.")
    silent = [go_command["reason"] for go_command in go["toolchains"] if go_command.get("reason")]
    if go["go"] is None and silent:
        return Check(
            "WT-049",
            doctor_check.CRITICAL,
            f"The Go that is here does not answer: {join_names(silent)}.",
            effect="nothing can be built",
            command="go version",
            blocks=True,
        )
    if go["go"] is None:
        return Check(
            "WT-049",
            doctor_check.CRITICAL,
            f"No Go can be used: {go['unknown'].get('go', 'there is none')}.",
            effect="nothing can be built",
            command="install:go",
            blocks=True,
        )
    version = go_observe.version_tuple(go["go"]["version"])
    if version < tuple(oldest):
        return Check(
            "WT-049",
            doctor_check.CRITICAL,
            f"{go['go']['path']} is {go['go']['version'] or 'of an unknown version'}, too old to be looked at: "
            f"Go {oldest[0]}.{oldest[1]} and later can be.",
            effect="none of what is said of Go here holds for it",
            command="install:go",
            blocks=True,
        )
    other = go["go"].get("goroot_version", "")
    if version and other and go_observe.version_tuple(other) != version:
        return Check(
            "WT-049",
            doctor_check.CRITICAL,
            f"{go['go']['path']} is {go['go']['version']}, and its GOROOT {go['go']['goroot']} is of {other}: the "
            "compiler of one refuses the packages of the other.",
            effect="nothing can be built",
            command=doctor_check.set_command("GOROOT", "", "environment"),
            blocks=True,
        )
    first = go["toolchains"][0]
    if first.get("reason") and first["found"] in ("PATH", "terminal"):
        return Check(
            "WT-049",
            doctor_check.WARNING,
            f"The first Go on PATH fails: {first['reason']}; {go['go']['version']} at {go['go']['path']} answers.",
            effect="what is said of Go here holds for the one that answers",
            command="go version",
        )
    others = len(go["toolchains"]) - 1
    more = f"; {others} more Go command{'s' if others > 1 else ''} on this machine" if others > 0 else ""
    return doctor_check.ok("WT-049", f"{go['go']['version']} at {go['go']['path']}{more}.")


def judge_login(reason: str) -> Check:
    """WT-050: whether a login and an interactive shell of the user come to an end and show what they set."""
    if reason:
        return doctor_check.unknown("WT-050", f"Which Go a terminal starts is not known: {reason}")
    return doctor_check.ok("WT-050", "A login ends in time and shows what it sets.")


def judge(seen: Mapping[str, Any], work: Work, oldest: Sequence[int]) -> list[Check]:
    """List the checks of the machine itself; a part that was not observed has none, one that failed is unknown.

    `oldest` is the first version of Go that its makers still repair, as numbers.
    """
    checks = [judge_toolchain(seen["go"], oldest)]

    def part(name: str, *ids: str) -> Any:
        observed = seen.get(name)
        if isinstance(observed, Mapping) and "unknown" in observed:
            checks.extend(
                doctor_check.unknown(check_id, f"{doctor_check.TITLES[check_id]}: {observed['unknown']}.")
                for check_id in ids
            )
            return None
        return observed

    observed = part("login", "WT-050")
    if observed is not None:
        checks.append(judge_login(observed["reason"]))
    observed = part("path", "WT-040")
    if observed is not None:
        checks.append(judge_path(observed, work.packages))
    network = part("network", "WT-041", "WT-042", "WT-043") or {}
    if network.get("resolver"):
        checks += judge_names(network["resolver"])
    if network.get("listen"):
        checks.append(judge_listen(network["listen"]))
    observed = part("start", "WT-044")
    if observed is not None:
        checks.append(judge_start(observed, work.packages))
    places = seen.get("places") if "unknown" not in seen.get("places", {}) else {}
    observed = part("clock", "WT-045")
    if observed is not None:
        checks.append(judge_clock(observed, places or {}))
    observed = part("memory", "WT-046")
    if observed is not None:
        checks.append(judge_memory(observed, seen["wsl"]["is_wsl"]))
    observed = part("cpu", "WT-047")
    if observed is not None:
        total = seen.get("memory", {}).get("meminfo", {}).get("MemTotal", 0)
        checks.append(judge_cpus(observed, network.get("cpus"), total))
    if "windows" in seen:
        # The home of Windows is no folder of Go's, nor is the one that the others are compared with.
        on_drive = sorted(
            {
                place["windows_path"] or place["path"]
                for name, place in (places or {}).items()
                if place["windows_drive"] and name not in ("home", "reference")
            }
        )
        checks.append(judge_antivirus(seen["windows"], seen["wsl"]["is_wsl"], on_drive))
    return checks
