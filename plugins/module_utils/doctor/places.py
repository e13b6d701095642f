# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judges the folders that Go works in: how slow, whether they execute, whether they have room."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.doctor import check as doctor_check
from ansible_collections.wsltune.go.plugins.module_utils.doctor.check import Check, Work, write_microseconds
from ansible_collections.wsltune.go.plugins.module_utils.levers import catalogue
from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo, text
from ansible_collections.wsltune.go.plugins.module_utils.linux.text import join_names

# Operations like a stat that `go test -count=1` waits for in a place: for each package, for each package that is linked
# into a test, and for each dependency. From two experiments: 24 packages on a drive whose stat took 613 us took 1.27 s
# (source), 18.4 s (GOCACHE) and 5.0 s (GOTMPDIR) longer; one package with 140 dependencies on one of 2.1 ms took 9.2 s
# (GOCACHE), 1.1 s (GOTMPDIR) and 10.4 s (GOROOT) longer. An estimate, and meant for the order of findings.
OPERATIONS = {
    "source": (90, 0, 0),
    "GOCACHE": (0, 25, 0),
    "GOMODCACHE": (0, 0, 2),
    "GOTMPDIR": (340, 0, 0),
    "TMPDIR": (20, 0, 0),
    "GOROOT": (0, 0, 35),
}
# Every local disk is below this by an order of magnitude; a Windows drive is above it.
SLOW_US = 100.0
TIMES_SLOWER = 4.0
LARGE = 10 << 30
"""Bytes of a build cache from which on it is worth a word."""
TELLING = ("stat", "open", "read")

PLACES = (
    ("WT-001", ("source",)),
    ("WT-002", ("GOCACHE",)),
    ("WT-003", ("GOMODCACHE",)),
    ("WT-004", ("GOTMPDIR", "TMPDIR")),
    ("WT-005", ("GOROOT",)),
)
NAMES = {"source": "The source"}
COMMANDS = {
    "WT-001": "move the project below your home: cp -a {path} ~/src/",
    "WT-005": "unpack Go below /usr/local and put /usr/local/go/bin first in PATH",
}
# Below the home, or the same for everybody.
BETTER = {"GOCACHE": ".cache/go-build", "GOMODCACHE": "go/pkg/mod", "GOTMPDIR": "/var/tmp"}


def write_move(name: str, places: Mapping[str, Any], go: Mapping[str, Any]) -> str:
    """Return the command that has Go work in another folder than the one of C(name)."""
    if name == "TMPDIR":
        return doctor_check.set_command(name, "", "environment")
    home = places.get("home", {}).get("path", "~")
    source = go.get("settings", {}).get(name, {}).get("source", "")
    return doctor_check.set_command(name, posixpath.join(home, BETTER[name]), source)


def measure_latency(place: Mapping[str, Any]) -> float | None:
    """Return the microseconds of an operation that only looks: the mean of the medians of stat, open and read."""
    medians = [place.get("times", {}).get(name, {}).get("median") for name in TELLING]
    known = [value for value in medians if value is not None]
    return sum(known) / len(known) if known else None


def describe_kind(place: Mapping[str, Any]) -> str:
    """Name the file system of a place in words."""
    return f"{'a Windows drive, ' if place['windows_drive'] else ''}{place['fstype'] or 'an unknown file system'}"


def _write_times(place: Mapping[str, Any]) -> str:
    medians = {name: spread["median"] for name, spread in place["times"].items() if spread}
    order = [name for name in ("open", "stat", "create", "read", "rename", "fsync") if name in medians]
    return ", ".join(f"{name} {write_microseconds(medians[name])}" for name in order)


def judge_speed(places: Mapping[str, Any], work: Work, go: Mapping[str, Any] | None = None) -> list[Check]:
    """WT-001 to WT-005: what each place costs against the distro's own disk."""
    reference = [measure_latency(places[name]) for name in ("reference", "home") if name in places]
    own = min((value for value in reference if value is not None), default=None)
    checks = []
    for check_id, names in PLACES:
        wanted = [name for name in places if name in names or (name.startswith("source ") and "source" in names)]
        if wanted:
            judged = [_judge_place(check_id, name, places, own, work, go or {}) for name in wanted]
            checks.append(doctor_check.rank(judged)[0])
    return checks


def _judge_place(
    check_id: str, name: str, places: Mapping[str, Any], own: float | None, work: Work, go: Mapping[str, Any]
) -> Check:
    place = places[name]
    shown = NAMES.get(name.partition(" ")[0], name)
    where = f"{shown} ({place['path']}) lies on {describe_kind(place)}"
    command = (
        COMMANDS[check_id].format(path=shlex.quote(place["path"]))
        if check_id in COMMANDS
        else write_move(name, places, go)
    )
    if place.get("hangs"):
        return Check(
            check_id,
            doctor_check.CRITICAL,
            f"{where}, which gives {place['hangs']}: whatever Go does there waits.",
            effect="go test does not end",
            command=command
            if place["mount_point"] in (None, "/")
            else f"sudo umount -l {shlex.quote(place['mount_point'])}",
            blocks=True,
        )
    cost = measure_latency(place)
    if cost is None:
        return doctor_check.unknown(
            check_id, f"{where}; what it costs could not be measured: {place.get('reason', 'no reason')}."
        )
    compared = own if own is not None else cost
    details = {"file_system": place["fstype"], "times_us": place["times"], "own_disk_us": own}
    many = work.packages
    each, linked, dependency = OPERATIONS[name.partition(" ")[0]]
    operations = each * many + linked * work.linked + dependency * work.dependencies
    extra = max(0.0, (cost - compared) * 1e-6 * operations)
    if not place["windows_drive"] and (cost < SLOW_US or cost < TIMES_SLOWER * compared):
        return doctor_check.ok(
            check_id, f"{where}: {_write_times(place)}.", value=round(cost, 1), unit="us", details=details
        )
    return Check(
        check_id,
        doctor_check.CRITICAL if extra >= 1.0 else doctor_check.WARNING,
        f"{where}, where an operation takes {write_microseconds(cost)} against {write_microseconds(compared)} on the "
        "own disk.",
        value=round(cost, 1),
        unit="us",
        effect=f"about {extra:.1f} s for every go test of {many} package{'s' if many > 1 else ''}",
        lever=catalogue.CASES.get(check_id, ""),
        command=command,
        seconds=extra,
        details=details,
    )


def judge_projects(projects: Mapping[str, Any] | None, modules: Sequence[str]) -> list[Check]:
    """WT-001 for projects that were not named: those on Windows drives are proposed to be moved."""
    paths = [path for path in (projects or {}).get("paths", []) if path not in modules]
    if not paths:
        return []
    return [
        Check(
            "WT-001",
            doctor_check.WARNING,
            f"{len(paths)} Go project{'s lie' if len(paths) > 1 else ' lies'} on a Windows drive: {join_names(paths)}.",
            value=len(paths),
            unit="projects",
            effect="their go test takes several times as long",
            lever=catalogue.CASES["WT-001"],
            command=f"./onboard.sh -- -e {_write_projects(paths[:4])}   (or have the doctor measure one)",
            seconds=0.5,
            details={"projects": paths, "complete": (projects or {}).get("complete")},
        )
    ]


def _write_projects(paths: Sequence[str]) -> str:
    """Return the projects as a shell takes them for the role workspace; what a folder is called is no template."""
    return text.write_variables({"workspace_projects": [{"source": path} for path in paths]})


def judge_executable(
    places: Mapping[str, Any], version: Sequence[int], go: Mapping[str, Any] | None = None
) -> list[Check]:
    """WT-006 and WT-007: Go executes what it builds, in GOTMPDIR and from 1.24 on in GOCACHE."""
    checks = []
    for check_id, name, broken in (
        ("WT-006", "GOTMPDIR", "go test and go run fail with 'permission denied'"),
        ("WT-007", "GOCACHE", "from Go 1.24 on the second go run and go tool fail with 'permission denied'"),
    ):
        place = places.get(name)
        if place is None:
            continue
        if place["executable"] is None:
            checks.append(
                doctor_check.unknown(check_id, f"Whether files in {place['path']} can be executed could not be tried.")
            )
        elif place["executable"]:
            checks.append(doctor_check.ok(check_id, f"{name} ({place['path']}) executes what lies there."))
        elif name == "GOCACHE" and tuple(version) < (1, 24):
            checks.append(
                doctor_check.ok(check_id, f"{place['path']} cannot execute, which this Go does not need there.")
            )
        else:
            how, command = _explain_not_executable(name, places, go or {})
            checks.append(
                Check(
                    check_id,
                    doctor_check.CRITICAL,
                    f"{name} ({place['path']}) lies on {describe_kind(place)} {how}: {broken}.",
                    effect="nothing runs" if check_id == "WT-006" else "go run and go tool fail",
                    lever=catalogue.CASES.get(check_id, ""),
                    command=command,
                    blocks=True,
                )
            )
    return checks


def _explain_not_executable(name: str, places: Mapping[str, Any], go: Mapping[str, Any]) -> tuple[str, str]:
    """Return what keeps files from being executed, as far as the mount table shows it, and what helps."""
    place = places[name]
    if place.get("noexec", True):
        return "mounted noexec", f"sudo mount -o remount,exec {shlex.quote(place['mount_point'])}"
    # The mask of a drive takes the right to execute; a policy may forbid it in a folder.
    how = (
        "where files cannot be executed"
        if place["windows_drive"]
        else "where files cannot be executed, though it is not noexec"
    )
    return how, write_move("GOTMPDIR" if name == "TMPDIR" else name, places, go)


def judge_room(places: Mapping[str, Any]) -> list[Check]:
    """WT-008: bytes and inodes that are left."""
    checks: list[Check] = []
    seen = set()
    for name, place in places.items():
        if place.get("free_bytes") is None or place["mount_point"] in seen:
            continue
        seen.add(place["mount_point"])
        total, free = place["total_bytes"], place["free_bytes"]
        inodes, left = place.get("inodes") or 0, place.get("free_inodes") or 0
        # A small tmpfs is small on purpose: what counts there is whether the module fits (WT-009).
        tight = free < 2**30 and free < total * 0.2
        if inodes and left < inodes * 0.02:
            tight, what = True, f"{left} of {inodes} inodes"
        else:
            what = f"{free >> 20} of {total >> 20} MiB"
        if not total or not tight:
            continue
        full = free < 64 * 2**20 or (inodes and left < 200)
        shown = "the disk for scratch files" if name == "reference" else NAMES.get(name, name)
        checks.append(
            Check(
                "WT-008",
                doctor_check.CRITICAL if full else doctor_check.WARNING,
                f"{shown} ({place['path']}) is on {place['mount_point']}, where {what} are left.",
                value=free >> 20,
                unit="MiB",
                effect="go build fails with 'no space left on device' when they are gone",
                command="go clean -cache"
                if name == "GOCACHE"
                else f"du -xh --max-depth=2 {shlex.quote(place['mount_point'])} | sort -h",
                blocks=bool(full),
            )
        )
    return [
        doctor_check.rank(checks)[0]
        if checks
        else doctor_check.ok("WT-008", "Every file system that Go uses has room.")
    ]


def judge_fit(places: Mapping[str, Any], modules: Sequence[Mapping[str, Any]]) -> list[Check]:
    """WT-009: whether what `go test` needs at once fits into GOTMPDIR's tmpfs."""
    place = places.get("GOTMPDIR")
    if place is None or place["fstype"] != "tmpfs" or not place.get("total_bytes"):
        return []
    total = place["total_bytes"]
    measured = [module for module in modules if module.get("test")]
    for module in modules:
        test = module.get("test") or {}
        need = test.get("peak_gotmpdir", 0)
        output = module.get("output", "") + test.get("err", "") + test.get("events", "")[-20000:]
        full = (module["trouble"] or test.get("code")) and "no space left on device" in output
        if full or need * 1.25 > total:
            return [
                Check(
                    "WT-009",
                    doctor_check.CRITICAL if full else doctor_check.WARNING,
                    f"The tmpfs on {place['mount_point']} has {total >> 20} MiB, and Go with {module['directory']} "
                    + ("ran out of space there." if full else f"used {need >> 20} MiB of it at once."),
                    value=total >> 20,
                    unit="MiB",
                    effect="go test fails with 'no space left on device'",
                    lever=catalogue.CASES["WT-009"],
                    # Where it ran out of space, less was seen than it needs, perhaps nothing.
                    command=f"sudo mount -o remount,size={max(1024, need * 4 >> 20, total * 2 >> 20)}m "
                    + shlex.quote(place["mount_point"]),
                    blocks=bool(full),
                )
            ]
    if not measured:
        return []
    most = max(module["test"]["peak_gotmpdir"] for module in measured)
    return [
        doctor_check.ok(
            "WT-009",
            f"go test used {most >> 20} of the {total >> 20} MiB of the tmpfs on {place['mount_point']} at once.",
            value=most >> 20,
            unit="MiB",
        )
    ]


def judge_caches(seen: Mapping[str, Any]) -> list[Check]:
    """WT-011: how large Go's caches are, how fast the build cache grows, and whether something keeps it small."""
    caches = seen.get("caches") or {}
    if "unknown" in caches:
        return [doctor_check.unknown("WT-011", f"Go's caches: {caches['unknown']}.")]
    built = caches.get("GOCACHE")
    if built is None:
        return []
    if "reason" in built:
        return [doctor_check.unknown("WT-011", f"GOCACHE ({built['path']}) could not be looked at: {built['reason']}.")]
    if built.get("missing"):
        return [doctor_check.ok("WT-011", f"GOCACHE ({built['path']}) is not there: nothing was built yet.")]
    sentence = f"GOCACHE ({built['path']}) takes {'' if built['complete'] else 'about '}{_write_size(built['bytes'])}"
    if built["written_a_day"] is not None:
        days = round(built["unused_days"])
        used = f"the oldest entry was last used {days} days ago" if days > 1 else "every entry was used since yesterday"
        sentence += f", Go wrote {_write_size(built['written_a_day'])} a day in the last week, and {used}"
    sentence += _describe_modules(caches.get("GOMODCACHE") or {"missing": True})
    if built["limit"]:
        sentence += f"; a timer keeps the build cache below {_write_size(built['limit'])}"
    amount = {"value": round(built["bytes"] / 2**30, 2), "unit": "GiB"}
    in_memory = seen["go"].get("places", {}).get("GOCACHE", {}).get("fstype") in mountinfo.IN_MEMORY
    if built["limit"] or built["bytes"] < LARGE or in_memory:
        return [doctor_check.ok("WT-011", f"{sentence}.", **amount)]
    effect = "the disk fills"
    if seen["wsl"]["is_wsl"]:
        effect = "WSL's disk grows on the Windows drive and does not shrink by itself"
    command = f"./onboard.sh -- -e go_env_gocache_limit={LARGE >> 30}GiB   (once: go clean -cache)"
    return [Check("WT-011", doctor_check.WARNING, f"{sentence}.", effect=effect, command=command, **amount)]


def _describe_modules(cache: Mapping[str, Any]) -> str:
    if cache.get("missing"):
        return ""
    if "reason" in cache:
        return f"; GOMODCACHE ({cache['path']}) could not be looked at: {cache['reason']}"
    return f"; GOMODCACHE takes {'' if cache['complete'] else 'more than '}{_write_size(cache['bytes'])}"


def _write_size(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def judge_existence(go: Mapping[str, Any]) -> list[Check]:
    """WT-010: GOTMPDIR must be there, and the others must be writable or be made."""
    broken = []
    for name, place in go["places"].items():
        if name == "GOROOT":
            continue
        set_by = go["settings"].get(name, {}).get("value") or name == "TMPDIR"
        if name in ("GOTMPDIR", "TMPDIR") and set_by and place["exists"] is False:
            broken.append((name, place["path"], "does not exist", f"mkdir -p {shlex.quote(place['path'])}"))
        elif "not writable" in go["unknown"].get(f"{name}.executable", ""):
            source = "environment" if name == "TMPDIR" else go["settings"].get(name, {}).get("source", "")
            broken.append((name, place["path"], "is not writable", doctor_check.set_command(name, "", source)))
    if not broken:
        return [doctor_check.ok("WT-010", "Go's folders are there or can be made, and the user can write to them.")]
    name, _path, _what, command = broken[0]
    names = join_names([f"{place[0]} ({place[1]}) {place[2]}" for place in broken])
    return [
        Check(
            "WT-010",
            doctor_check.CRITICAL,
            f"{names}: every go build and go test fails.",
            effect="nothing is built",
            lever=catalogue.CASES["WT-010"] if name == "GOTMPDIR" else "",
            command=command,
            blocks=True,
        )
    ]


def judge(seen: Mapping[str, Any], work: Work) -> list[Check]:
    """List the checks of Go's folders; none where they were not to be measured."""
    places = seen.get("places")
    if not isinstance(places, Mapping):
        return judge_caches(seen)
    if "unknown" in places:
        return [doctor_check.unknown("WT-001", f"Go's folders: {places['unknown']}."), *judge_caches(seen)]
    return [
        *judge_speed(places, work, seen["go"]),
        *judge_projects(
            seen.get("projects"), [place["path"] for name, place in places.items() if name.startswith("source")]
        ),
        *judge_executable(places, seen.get("version_of_go", ()), seen["go"]),
        *judge_room(places),
        *judge_fit(places, [module for module in seen.get("modules", []) if isinstance(module, Mapping)]),
        *judge_caches(seen),
        *(judge_existence(seen["go"]) if seen["go"]["go"] else []),
    ]
