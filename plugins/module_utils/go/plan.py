# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What go_env wants: settings by user, the texts that export them, and what a user hears about it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.go import tuning as go_tuning
from ansible_collections.wsltune.go.plugins.module_utils.linux import mountinfo, shells
from ansible_collections.wsltune.go.plugins.module_utils.linux.text import join_names

BEGIN = "# BEGIN wsltune"
END = "# END wsltune"
PROFILE_PATH = "/etc/profile.d/wsltune-go.sh"
FISH_PATH = "/etc/fish/conf.d/wsltune-go.fish"
BLOCK_PATHS = shells.BLOCK_FILES
CACHES = {"GOCACHE": ".cache/go-build", "GOMODCACHE": "go/pkg/mod"}
CHOSEN_FOR_CGO = (
    *("CC", "CXX", "CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_FFLAGS", "CGO_LDFLAGS", "PKG_CONFIG"),
    *("GOEXPERIMENT", "GO_EXTLINK_ENABLED"),
)
"""What nobody sets who does not want cgo or another kind of link."""

ASKS_THE_ENVIRONMENT = re.compile(r"go1\.(?:2[6-9]|[3-9]\d)(?!\d)")
"""Versions of Go whose t.TempDir() is below an exported GOTMPDIR."""


class PlanError(ValueError):
    """A setting that cannot or must not be made, in one sentence."""


def expand(pattern: str, user: str, home: str, uid: str) -> str:
    """Return the path that C(pattern) means for one user: ~ is the home, {user} the name and {uid} the user id."""
    path = pattern.replace("{user}", user).replace("{uid}", uid)
    return home + path[1:] if path == "~" or path.startswith("~/") else path


def check_pattern(name: str, pattern: str) -> None:
    """Raise PlanError when C(pattern) cannot be a folder of the Go command."""
    if pattern and not re.fullmatch(r"[~/][^\s\"'$`\\;&|<>*?#]*", pattern):
        raise PlanError(
            f"go_env_{name.lower()} is {pattern!r}: give an absolute path without blanks or shell characters, in which "
            "~ is the home, {user} the name and {uid} the user id."
        )
    if pattern.startswith("~") and pattern[1:2] not in ("", "/"):
        raise PlanError(f"go_env_{name.lower()} is {pattern!r}: only ~/ of the user itself can be meant, not ~name.")


def check_goflags(flags: str) -> None:
    """Raise PlanError when C(flags) cannot be a line of a file; what is in them each Go is asked (go/flags.py)."""
    if "\n" in flags:
        raise PlanError(f"go_env_goflags is {flags!r}: give it in one line, such as -p=4 -v.")


def settings_for(
    user: str,
    observed: Mapping[str, Any],
    options: Mapping[str, Any],
    slow: Mapping[str, bool],
    tuned: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return what the Go settings file of one user shall say.

    C(slow) tells for each cache whether the place it had before the first run lies on a Windows drive. C(tuned) are
    the settings that change how Go works (tuning.settings), GOFLAGS among them.
    """
    wanted = {}
    home = observed["home"]
    left_out = user in options["gotmpdir_left_out"]
    for name in ("GOTMPDIR", "GOCACHE", "GOMODCACHE"):
        pattern = options[name.lower()]
        if pattern and not (left_out and (name == "GOTMPDIR" or pattern.startswith(options["made_before"] + "/"))):
            wanted[name] = expand(pattern, user, home, str(observed["uid"]))
    wanted.update(tuned or {})
    if options["cgo_enabled"] == "true":
        wanted["CGO_ENABLED"] = "1"
    if options["caches_local"]:
        for name, below in CACHES.items():
            if (
                slow.get(name)
                and name not in wanted
                and observed["settings"].get(name, {}).get("source") != "environment"
            ):
                wanted[name] = os.path.join(home, below)
    return wanted


def slow_caches(home: mountinfo.Mount | None, caches: Mapping[str, mountinfo.Mount | None]) -> dict[str, bool]:
    """Return for each cache whether it lies on a Windows drive, and the home would be faster.

    C(home) and C(caches) are the mounts they lie on; None where that is not known.
    """
    home_is_slow = home is not None and home.windows_drive
    return {
        name: mount is not None and mount.windows_drive and not home_is_slow
        for name, mount in ((name, caches.get(name)) for name in CACHES)
    }


def cache_path(name: str, observed: Mapping[str, Any], before: Mapping[str, Any] | None) -> str | None:
    """Return where a cache lay before the first run, or lies now where that was not recorded."""
    recorded: str | None = (before or {}).get("environment", {}).get(name)
    path: str | None = observed["places"].get(name, {}).get("path")
    return recorded or path


def obstacle(observed: Mapping[str, Any]) -> str:
    """Return why the settings file of one user must not be written, by what was observed; empty when it may be."""
    if observed["exports"].get("GOENV") == "off":
        return "GOENV=off in a login or a terminal, so that Go reads no settings file"
    if "user_file" in observed["unknown"]:
        return str(observed["unknown"]["user_file"])
    return ""


def shared_file(user: str, paths: Mapping[str, str]) -> str:
    """Return whose settings file that of one user is too; empty where it is nobody else's.

    C(paths) has the settings file of every user who can write it, with no links in it.
    """
    others = [name for name in paths if name != user and paths[name] == paths[user]]
    return f"{paths[user]} is the settings file of {join_names(others, 8)} too" if others else ""


def irreplaceable(mount: mountinfo.Mount | None) -> str:
    """Return what a Go command lies on where it cannot be replaced; nothing where it can."""
    if mount is None or not ("ro" in mount.options or mount.windows_drive):
        return ""
    return "a Windows drive" if mount.windows_drive else "a read-only file system"


def split_unmet(unmet: Mapping[str, Sequence[str]], uids: Mapping[str, int]) -> tuple[list[str], list[str]]:
    """Return the sentences that fail the run, and those that are notes.

    What one user's Go says of itself fails nobody else's run; where it holds for none, or for root, it is ours.
    """
    holds_for_one = any(not sentences for sentences in unmet.values())
    failing = [name for name in unmet if uids[name] == 0 or not holds_for_one]
    return (
        [sentence for name in failing for sentence in unmet[name]],
        [sentence for name, sentences in unmet.items() if name not in failing for sentence in sentences],
    )


def module_owner(directory: str, homes: Mapping[str, str]) -> str | None:
    """Return the user in whose home C(directory) lies, None where it lies in none."""
    return next((name for name, home in homes.items() if directory.startswith(home + "/")), None)


def folder_is_made(folder: str, made_before: str) -> bool:
    """Return whether an earlier step of the play makes C(folder), which check mode cannot see."""
    return bool(made_before) and folder.startswith(made_before + "/")


def command_owner(path: str, folder_owner: int, commands: Mapping[int, Sequence[str]]) -> int | None:
    """Return the user id that replaces the Go command at C(path); None where nobody may.

    C(folder_owner) owns its folder, and C(commands) has each user's Go commands by user id.
    """
    if folder_owner == 0 or path in commands.get(folder_owner, ()):
        return folder_owner
    return None


def block_wanted(current: str, clean: str) -> str:
    """Return what a shell's file shall say: someone else's lines may stand above the block, and are not moved."""
    return current if BLOCK in current else with_block(clean)


def notes_for(user: str, observed: Mapping[str, Any], wanted: Mapping[str, str], cgo_enabled: str) -> list[str]:
    """Return what this user shall know: own exports that win, and what places on Windows drives cost."""
    notes = []
    effective = dict(wanted, **({"CGO_ENABLED": "0"} if cgo_enabled == "false" else {}))
    for name, value in effective.items():
        export = observed["exports"].get(name)
        if (
            export is not None
            and export != value
            and not (name == "CGO_ENABLED" and cgo_enabled == "false" and export == "0")
        ):
            notes.append(
                f"{user} exports {name}={export} in a login or a terminal: that wins over {value} and is left alone; "
                "remove the export to use wsltune's."
            )
    if cgo_enabled == "false" and observed.get("keeps_cgo"):
        names = join_names(observed["keeps_cgo"], 8)
        notes.append(f"{user} sets {names}, so that cgo stays as {user} has it: unset it to have CGO_ENABLED=0.")
    for name, place in observed["places"].items():
        if not place["windows_drive"] or (name == "GOROOT" and place["path"].startswith(("/usr", "/snap"))):
            continue
        cost = ""
        if place.get("cost_us"):
            cost = (
                f"; a file made, looked at and removed takes {place['cost_us']:.0f} µs there and "
                f"{place['cost_us_home']:.0f} µs in the home"
            )
        worst = " (the worst of all placements)" if name == "GOCACHE" else ""
        action = f", moved to {wanted[name]}; the old files stay" if name in wanted else ""
        notes.append(f"{user}'s {name} {place['path']} lies on a Windows drive{worst}{cost}{action}.")
    return notes


def note_tests(users: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Say for whose tests an exported GOTMPDIR moves t.TempDir() too: Go 1.26 and later ask the environment."""
    moved = []
    for name, settings in wanted.items():
        versions = [str(toolchain.get("version")) for toolchain in users[name].get("toolchains", ())]
        folder = settings.get("GOTMPDIR")
        # Nothing is exported to root, and a value of one's own stays.
        if folder and users[name]["uid"] and users[name]["exports"].get("GOTMPDIR", folder) == folder:
            moved += [name] if any(map(ASKS_THE_ENVIRONMENT.match, versions)) else []
    if not moved:
        return []
    sentence = (
        f"With Go 1.26 and later t.TempDir() lies in GOTMPDIR too for {join_names(moved, 8)}: no longer on the file "
        "system of os.TempDir(), so that a rename from one to the other fails, and no larger than the tmpfs "
        "(docs/guide/gotmpdir.md)."
    )
    return [sentence]


def unmet(
    user: str, observed: Mapping[str, Any], wanted: Mapping[str, str], cgo_enabled: str, exports: Mapping[str, str]
) -> list[str]:
    """Return which wanted settings a fresh login's Go does not have, as sentences."""
    effective = dict(wanted, **({"CGO_ENABLED": "0"} if cgo_enabled == "false" else {}))
    missing = []
    for name, value in effective.items():
        if name == "CGO_ENABLED" and value == "0" and observed.get("keeps_cgo"):
            continue
        if name in go_tuning.FROM_FILE:
            got = observed.get("user_file", {}).get("values", {}).get(name)
        else:
            got = observed["settings"].get(name, {}).get("value")
        if got != value and not exports.get(name):
            missing.append(f"{user}'s go env says {name}={got!r} instead of {value!r}.")
    place = observed["places"].get("GOTMPDIR")
    if place and place["path"] == wanted.get("GOTMPDIR"):
        if place["exists"] is None:
            missing.append(f"{user}'s GOTMPDIR {place['path']} gives no answer, so that no Go command works.")
        elif not place["exists"]:
            missing.append(f"{user}'s GOTMPDIR {place['path']} does not exist, so that no Go command works.")
        elif place["executable"] is False:
            missing.append(f"{user}'s GOTMPDIR {place['path']} cannot execute files, so that go test and go run fail.")
    return missing


def _shell_folder(pattern: str) -> str:
    # Not by PATH, because root's shells read it too.
    return expand(pattern, "${USER:-$(/usr/bin/id -un)}", "${HOME}", "$(/usr/bin/id -u)")


def profile_text(gotmpdir: str) -> str:
    """Return the text for shells; it exports the folder only to the user who owns it.

    Not to root, whose exports go along with `su user -c` and would name a folder that user cannot enter; what came
    along from another user is taken away. `-O /` holds for root alone.
    """
    return f"""# Written by wsltune. The Go command reads GOTMPDIR from its own settings file as well; from Go 1.26 on
# t.TempDir() reads it from the environment alone. A value of your own wins.
case "${{GOTMPDIR:-}}" in
"" | {expand(gotmpdir, "*", "*", "*")})
    _wsltune="{_shell_folder(gotmpdir)}"
    if [ ! -O / ] && [ -d "$_wsltune" ] && [ -O "$_wsltune" ]; then
        GOTMPDIR=$_wsltune
        export GOTMPDIR
    elif [ -n "${{GOTMPDIR:-}}" ] && [ ! -O "${{GOTMPDIR:-}}" ]; then
        unset GOTMPDIR
    fi
    unset _wsltune
    ;;
esac
"""


def fish_text(gotmpdir: str) -> str:
    """Return the same for fish, which puts in no command within quotes."""
    return f"""# Written by wsltune; see {PROFILE_PATH}.
if test -z "$GOTMPDIR"; or string match -q -- "{expand(gotmpdir, "*", "*", "*")}" "$GOTMPDIR"
    set -l wsltune "{expand(gotmpdir, "$USER", "$HOME", '"(/usr/bin/id -u)"')}"
    if test ! -O /; and test -d "$wsltune"; and test -O "$wsltune"
        set -gx GOTMPDIR "$wsltune"
    else if test -n "$GOTMPDIR"; and test ! -O "$GOTMPDIR"
        set -e GOTMPDIR
    end
end
"""


BLOCK = f"""{BEGIN}: at the top, for shells that stop reading early when not interactive
if [ -r {PROFILE_PATH} ]; then
    . {PROFILE_PATH}
fi
{END}
"""


def headlines(changes: Sequence[str], wanted: Mapping[str, Mapping[str, str]], files: Mapping[str, str]) -> list[str]:
    """Return C(changes) in few words: whose settings, which shells, which Go commands."""
    lines = []
    users = [user for user, path in files.items() if f"wrote {path}" in changes or f"restored {path}" in changes]
    if users:
        names = sorted({name for user in users for name in wanted[user]})
        lines.append(f"{', '.join(names) or 'earlier settings'} for {join_names(users, 8)}")
    blocks = {path: "bash" if "bash" in os.path.basename(path) else "zsh" for path in BLOCK_PATHS}
    shells = {PROFILE_PATH: "login shells", **blocks, FISH_PATH: "fish"}
    touched = [name for path, name in shells.items() if f"wrote {path}" in changes or f"restored {path}" in changes]
    if touched:
        lines.append(f"GOTMPDIR in {join_names(touched, 8)}")
    covered = {f"{verb} {path}" for verb in ("wrote", "restored") for path in (*files.values(), *shells)}
    return lines + [change for change in changes if change not in covered]


def without_block(text: str) -> str:
    """Return C(text) without wsltune's block."""
    return re.sub(rf"(?ms)^{re.escape(BEGIN)}.*?^{re.escape(END)}\n", "", text)


def with_block(text: str) -> str:
    """Return C(text) with wsltune's block at its top."""
    return BLOCK + without_block(text)


def revert_block(base: bytes | None, written: bytes, current: bytes) -> bytes | None:
    """Take the block out of a file that someone else edited too."""
    text = without_block(current.decode("utf-8", "surrogateescape"))
    return None if base is None and not text.strip() else text.encode("utf-8", "surrogateescape")


def keeps_cgo(version: str) -> bool:
    """Return whether a Go of this version gets its cryptography by cgo, which CGO_ENABLED=0 would silently take away.

    Go itself shows its experiments as X:boringcrypto; Red Hat's and Microsoft's call OpenSSL.
    """
    return bool(re.search(r"X:\S*crypto|Red Hat|microsoft|fips", version, re.IGNORECASE))


def list_slow_caches(places: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return those of Go's caches that lie on a Windows drive."""
    return [name for name in CACHES if places.get(name, {}).get("windows_drive")]


def cgo_packages(listing: str) -> list[str]:
    """Return the packages that use cgo from the output of `go list -deps -f CGO_LISTING`."""
    return sorted({line.strip() for line in listing.splitlines() if line.strip()})


CGO_LISTING = "{{if and .CgoFiles (not .Standard)}}{{.ImportPath}}{{end}}"
