# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A folder of Go's sources: which module and workspace count there, and whether another account can change it."""

from __future__ import annotations

import ast
import contextlib
import functools
import glob
import json
import os
import pathlib
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence

from ansible_collections.wsltune.go.plugins.module_utils.go import flags as go_flags
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, files, look, mountinfo, process
from ansible_collections.wsltune.go.plugins.module_utils.wsl import judge as wsl_judge
from ansible_collections.wsltune.go.plugins.module_utils.wsl import observe as wsl_observe

PLACES = ("GOROOT", "GOCACHE", "GOMODCACHE", "GOENV")
"""Settings of Go that name what it runs programs from, links into some, or is told of programs by."""
TEMPORARY = ("GOTMPDIR", "TMPDIR")
"""Where Go, and with cgo the C compiler, put what is built next; the second one counts beside the first."""
IMPORTED = ("GOMODCACHE", "GOPATH")
"""Those of them that have code, which a link there leads to, too."""
FIRST_STAMPING = 18
"""The first Go 1 that asks Git about what it builds."""
LARGEST_POINTER = 1 << 14
ASKED = 20.0
"""Seconds that Git may take to list its settings."""
RUN_BY_GIT = re.compile(
    r"core\.(alternaterefscommand|fsmonitor|hookspath|sshcommand)|uploadpack\.packobjectshook"
    r"|filter\..*\.(clean|smudge|process)|diff\..*\.(textconv|command)"
    r"|gpg\.(.*\.)?program|include(if\..*)?\.path",
    re.DOTALL,
)
"""Settings of Git that name what it runs, or more settings."""
BUILT = re.compile(
    r".*\.(go|c|cc|cpp|cxx|m|h|hh|hpp|hxx|s|S|sx|f|F|for|f90|syso|swig|swigcxx|a|so|mod|sum|work)|modules\.txt",
    re.DOTALL,
)
"""Names of files that Go builds from, or reads what to build in."""
BEHIND_IMPORTS = re.compile(rb"^(?:const|func|type|var)\b", re.MULTILINE)
"""How what follows the imports of a Go file begins; lines of a comment before them may begin so, too."""
COMMENT = re.compile(rb"//[^\n]*|/\*.*?\*/|(\"[^\"\n]*\"|`[^`]*`)", re.DOTALL)
"""A comment of Go, or a text in which none begins."""
LOOKING = 120.0
"""Seconds that looking for what others can change in a folder may take."""
LISTED = 600.0
"""Seconds that Go may take to say from where it would build; it fetches what is missing, as the build would."""
OF_MODULE = '{{with .Module}}{{.Path}}{{"\\t"}}{{.Dir}}{{end}}'
LISTING = '{{.ImportPath}}{{"\\t"}}{{if not .Standard}}{{.Dir}}{{"\\t"}}' + OF_MODULE + "{{end}}"
"""What Go is asked of each package: the path that imports it, its folder, its module's path and folder."""


def others_change(folder: str, kept: bool = False, whoever: bool = False) -> bool:
    """Return whether root would find in C(folder) what another account put there; no for a process that is not root's.

    With C(kept): whether another account could replace what root itself makes there. With C(whoever): what counts for
    root counts for any account. A Windows drive shows one account for all that is on it, so there only the way to the
    drive counts.
    """
    if os.geteuid() != 0 and not whoever:
        return False
    try:
        with files.place(folder, alone=True) as place:
            status, where = place.status(), place.path
        if status is None or files.is_ours_alone(status, status if kept else None, where):
            return False
    except files.NotOurs as error:
        where = error.filename
    except FileNotFoundError:
        # No other account can write in what is there of the way.
        return False
    mount = mountinfo.find(wsl_judge.mounts_of(wsl_observe.collect()), where)
    return mount is None or not mount.windows_drive


class _Code:
    """A module's code: the C(folders) that it lies in, and those of root's that links lead to and were looked at."""

    def __init__(self, folders: Sequence[str]) -> None:
        self.folders = folders
        self.linked: set[str] = set()
        self._imports: dict[str, bytes] = {}

    def imports(self, name: str) -> bool:
        """Return whether a file of it imports what has a folder C(name) on its way."""
        path = re.compile(rb"[\"`](?:[^/\"`\n][^\"`\n]*/)?%s[/\"`]" % re.escape(os.fsencode(name)))
        return any(path.search(self._read_imports(folder)) for folder in (*self.folders, *self.linked))

    def _read_imports(self, folder: str) -> bytes:
        """Return what stands before the first declaration of each Go file; read once, because links can be many."""
        if folder not in self._imports:
            self._imports[folder] = b"\n".join(_list_imports(folder))
        return self._imports[folder]


class _Repository(_Code):
    """The folders of a repository: Git reads what any link in them leads to."""

    def imports(self, _name: str) -> bool:
        """Return True."""
        return True


def _list_imports(folder: str) -> Iterator[bytes]:
    for file, status in files.walk(folder) if os.path.isdir(folder) else ():
        # A link to a file is built, too, and one to a folder cannot be read.
        if not stat.S_ISDIR(status.st_mode) and file.endswith(".go"):
            # What cannot be read by root another account can change, and that is found anyway.
            with contextlib.suppress(OSError):
                head = files.Files().head(file, files.LARGEST) or b""
                yield BEHIND_IMPORTS.split(COMMENT.sub(lambda found: found[1] or b" ", head), 1)[0]


def _find_below(folder: str, code: _Code | None = None) -> str:
    """Return what below a folder of root's own another account can change; nothing on a Windows drive.

    Where a link leads is for whoever made it, which is root here; with C(code) what Go builds by a link counts, too,
    and what was looked at is added there.
    """
    real = os.path.realpath(folder)
    mount = mountinfo.find(wsl_judge.mounts_of(wsl_observe.collect()), real)
    if mount is not None and mount.windows_drive:
        return ""
    for parent, folders, names in os.walk(real):
        for path in (os.path.join(parent, name) for name in (*folders, *names)):
            with contextlib.suppress(FileNotFoundError):
                status = os.lstat(path)
                if stat.S_ISLNK(status.st_mode):
                    found = "" if code is None else _find_linked(path, code)
                else:
                    found = "" if files.is_ours_alone(status, path=path) else path
                if found:
                    return found
    return ""


def _find_linked(link: str, code: _Code) -> str:
    """Return what of the code that C(link) leads to another account can change."""
    if others_change(link):
        return link if _is_code(link, code) else ""
    real = os.path.realpath(link)
    if not os.path.isdir(link) or real in code.linked or not _is_code(link, code):
        return ""
    code.linked.add(real)
    return _find_below(real, code)


def _is_code(link: str, code: _Code) -> bool:
    """Return whether Go may build from what C(link) leads to.

    Whoever can change what lies there may hide it as long as this looks, and a package may lie deeper. So what is
    imported counts, too.
    """
    name = os.path.basename(link)
    there = os.listdir(link) if os.path.isdir(link) else []
    return name == "vendor" or any(map(BUILT.fullmatch, (name, *there))) or code.imports(name)


def _find_in(folder: str, code: _Code | None = None) -> str:
    return folder if others_change(folder) else _find_below(folder, code)


def _find_what_others_change(folder: str, name: str) -> str:
    find = (
        functools.partial(_find_in_code, _Code([folder])) if name in IMPORTED else functools.partial(_find_in, folder)
    )
    # In a child, because what another account mounted there may give no answer.
    return str(look.once(find, LOOKING))


def _find_code(folder: str) -> str:
    """Return what of a module's code another account can change, also where its go.mod or go.work says it lies."""
    return folder if others_change(folder) else _find_in_code(_Code([folder, *_list_named(folder)]))


def _find_in_repository(folder: str) -> str:
    return _find_in_code(_Repository([folder, *_list_lenders(folder)]))


def _list_lenders(folder: str) -> list[str]:
    """Return the folders from which a repository borrows objects (gitrepository-layout(5)), and these from others.

    Git takes an object for the one that its name says, and does not look whether it is.
    """
    lenders: list[str] = []
    waiting = [os.path.join(folder, "objects")]
    while waiting:
        objects, state = os.path.realpath(waiting.pop()), None
        # What cannot be read by root another account can change, and that is found anyway.
        with contextlib.suppress(OSError):
            state = files.Files().read(os.path.join(objects, "info", "alternates"))
        lines = os.fsdecode(state.content).splitlines() if state else []
        places = [
            os.path.normpath(os.path.join(objects, line.strip('"'))) for line in lines if line[:1] not in ("", "#")
        ]
        waiting += [place for place in places if place not in lenders]
        lenders += [place for place in places if place not in lenders]
    return lenders


def _find_in_code(code: _Code) -> str:
    while True:
        known = list(code.linked)
        found = next(filter(None, (_find_in(place, code) for place in (*code.folders, *known))), "")
        # What a link led to may import what lies behind one that was seen before.
        if found or len(code.linked) == len(known):
            return found


def _list_named(folder: str) -> list[str]:
    """Return the folders that the go.mod and the go.work which count in C(folder) name, and those of what is used."""
    module = find_module_root(folder)
    work = "" if leave_out_workspace(folder, {}) else find_workspace_root(folder)
    # GOFLAGS may name another one beside it, by -modfile.
    places = _list_places(glob.glob(os.path.join(glob.escape(module), "*.mod"))) if module else []
    return list(dict.fromkeys([*(_list_used(os.path.join(work, "go.work")) if work else []), *places]))


def _list_used(path: str) -> list[str]:
    """Return the folders that a go.work names, and those that the modules there name."""
    used = named_places(path)
    return [*used, *_list_places([os.path.join(place, "go.mod") for place in used])]


def _list_places(paths: Sequence[str]) -> list[str]:
    return [place for path in paths for place in named_places(path)]


def find_named_of_others(path: str) -> str:
    """Return what others can change of the code that a file for GOWORK, -modfile or -overlay names; OSError.

    Nothing for a file of another kind, and for a process that is not root's.
    """
    name = os.path.basename(path)
    if os.geteuid() != 0 or not name.endswith((".mod", ".work", ".json")):
        return ""
    return str(look.once(functools.partial(_find_named, path), LOOKING))


def _find_named(path: str) -> str:
    if path.endswith(".json"):
        return next(filter(others_change, _list_overlaid(path)), "")
    return _find_in_code(_Code(_list_used(path) if path.endswith(".work") else named_places(path)))


def _list_overlaid(path: str) -> list[str]:
    """Return what a file for -overlay names; a relative path as if Go ran beside it.

    Each string counts, because Go finds what it looks for whatever the case of its name and whatever else is there.
    """
    state = files.Files().read(path)
    quoted = re.findall(r"\"(?:[^\"\\]|\\.)*\"", os.fsdecode(state.content)) if state else []
    words = []
    for word in quoted:
        # What is no string to Go, with which it builds nothing.
        with contextlib.suppress(ValueError):
            words.append(json.loads(word, strict=False))
    return [os.path.normpath(os.path.join(os.path.dirname(path), word)) for word in words]


def named_places(path: str) -> list[str]:
    """Return the folders that a go.mod or go.work names, by C(use) and C(replace); none where it cannot be read."""
    try:
        state = files.Files().read(path)
    except OSError:
        return []
    return places_in("" if state is None else state.content.decode("utf-8", "surrogateescape"), os.path.dirname(path))


def places_in(text: str, folder: str) -> list[str]:
    """Return the folders that the text of a go.mod or go.work in C(folder) names."""
    quoted = r"\"(?:[^\"\\\n]|\\[^\n])*\"|`[^`\n]*`"
    # In what is quoted, two slashes begin no comment.
    plain = re.sub(rf"({quoted})|//[^\n]*", r"\1", text)
    named = re.findall(rf"=>\s*({quoted}|\.{{1,2}}(?:/\S*)?|/\S+)", plain)
    # A quote begins what is quoted and nothing else, so that there is one way to read a block, however long it is.
    for block in re.findall(rf"^\s*use\s*\(((?:{quoted}|[^)\"`])*)\)", plain, re.MULTILINE):
        named += re.findall(rf"{quoted}|\S+", block)
    named += re.findall(rf"^\s*use\s+({quoted}|[^\s(]+)", plain, re.MULTILINE)
    return sorted({os.path.normpath(os.path.join(folder, _unquote(name))) for name in named})


def _unquote(word: str) -> str:
    """Return what a word of a go.mod or go.work stands for, as strconv.Unquote has it."""
    if word[:1] == '"':
        with contextlib.suppress(ValueError, SyntaxError):
            return str(ast.literal_eval(word))
    return word.strip('"`')


def find_code_of_others(folder: str, variable: str = "wsltune_user") -> str:
    """Say why root does not run what is in C(folder); nothing when it may, or for a process that is not root's.

    C(variable) is the one that has it done as another user.
    """
    return _explain_code(_find_code, folder, variable)


def find_repository_of_others(folder: str, variable: str = "wsltune_user") -> str:
    """Say why root runs no code out of the repository C(folder), such as a C(.git), as find_code_of_others() does."""
    return _explain_code(_find_in_repository, folder, variable)


def _explain_code(find: Callable[[str], str], folder: str, variable: str) -> str:
    if os.geteuid() != 0:
        return ""
    try:
        place = str(look.once(functools.partial(find, folder), LOOKING))
    except OSError as error:
        return f"{folder} could not be looked at by root ({error.strerror}): measure it as its owner ({variable})."
    if not place:
        return ""
    return f"{place} can be changed by other accounts, whose code root would run: measure it as its owner ({variable})."


def find_built_of_others(
    go: str,
    folder: str,
    environment: Mapping[str, str],
    words: Sequence[str] = ("./...",),
    variable: str = "wsltune_user",
    limit: float = LISTED,
) -> str:
    """Say why root builds nothing in C(folder), as Go itself says from where; as find_code_of_others().

    Asked after what Go runs and reads first was found to be root's alone; it runs nothing for this. C(environment) is
    that of the build, C(words) are its packages, and flags before them; Go has C(limit) seconds.
    """
    if os.geteuid() != 0:
        return ""
    command = [go, "list", "-e", "-deps", "-test", "-f", LISTING, *words]
    done = process.run(command, environment, folder, limit=limit)
    if done.timed_out or done.code:
        # Others may keep it from saying so for a moment.
        reason = f"no end within {limit:.0f} s" if done.timed_out else done.reason
        return (
            f"root builds nothing in {folder}, because Go does not say from where it would ({reason}): "
            f"see what go list ./... says there, or name a user to measure ({variable})."
        )
    return _explain_code(lambda _folder: _find_in_built(list_built(done.out)), folder, variable)


def list_built(listing: str) -> list[str]:
    """Return the folders that Go builds from, as it lists them by LISTING.

    Of what it does not find, the folder where that would lie in a module: whoever can put it there may wait.
    """
    rows = [line.split("\t") for line in listing.splitlines()]
    modules = {row[2]: row[3] for row in rows if len(row) == 4 and row[3]}
    folders = {row[1] for row in rows if len(row) > 1 and row[1]}
    for path in (row[0].partition(" ")[0] for row in rows if len(row) > 1 and not row[1]):
        folders |= {
            os.path.join(place, path[len(module) + 1 :])
            for module, place in modules.items()
            if path.startswith(f"{module}/")
        }
    return sorted(folders)


def _find_in_built(folders: Sequence[str]) -> str:
    for folder in folders:
        if others_change(folder):
            return folder
        for name in filter(BUILT.fullmatch, look.names(folder)):
            path = os.path.join(folder, name)
            if os.path.islink(path) and others_change(path):
                return path
    return ""


def find_place_of_others(
    places: Mapping[str, str], known: set[str] | None = None, variable: str = "wsltune_user"
) -> str:
    """Say why root's Go is not to build: it runs what lies in the C(places), and what it makes in temporary ones.

    C(places) are settings by name, of which PLACES and TEMPORARY count. What was found to be root's alone is added to
    C(known), and not looked at again. Nothing for a process that is not root's. C(variable) is that of
    find_code_of_others().
    """
    known = set() if known is None else known
    if os.geteuid() != 0:
        return ""
    named = [(name, places.get(name, "")) for name in PLACES]
    if places.get("GO111MODULE") == "off":
        # All that is imported comes from there then.
        named += [("GOPATH", os.path.join(part, "src")) for part in places.get("GOPATH", "").split(":")]
    for name, path in named:
        if path in known or not os.path.isabs(path):
            continue
        try:
            place = _find_what_others_change(path, name)
        except OSError as error:
            return f"root's {name} {path} could not be looked at: {error.strerror}."
        if place:
            return _explain_place(name, place, variable)
        known.add(path)
    for name in TEMPORARY:
        path = places.get(name, "")
        if os.path.isabs(path) and others_change(path, kept=True):
            return _explain_place(name, path, variable)
    return ""


def _explain_place(name: str, place: str, variable: str) -> str:
    return (
        f"{place} can be changed by other accounts, and root would run what its Go finds there: give root a {name} of "
        f"its own, or name a user to measure ({variable})."
    )


def check_account(folder: str, account: accounts.Account) -> None:
    """Raise AccountError where root would work for itself in what another account can change."""
    if account.uid == 0 and find_code_of_others(folder):
        raise accounts.AccountError(
            f"{folder} can be changed by other accounts, and root would run Go and write there: name the module's user"
        )


def leave_out_workspace(folder: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what keeps root's Go from a C(go.work) that another account can put above C(folder), such as in /tmp.

    Go takes the nearest one, which names the code that stands in for a module's dependencies. Nothing is returned where
    the nearest one is root's own, where GOWORK says which one counts, and for a process that is not root's.
    """
    if os.geteuid() != 0 or environment.get("GOWORK"):
        return {}
    # Go walks up the path that it was started with, and the one without links where that is another.
    for path in _spellings(folder):
        for part in _with_parents(path):
            if others_change(part):
                return {"GOWORK": "off"}
            if os.path.lexists(os.path.join(part, "go.work")):
                break
    return {}


def leave_out_repository(
    folders: Sequence[str], flags: str, version: str, environment: Mapping[str, str]
) -> dict[str, str]:
    """Return what keeps root's Go from asking Git about a repository that another account can put above C(folders).

    A build stamps its program with the state of the repository that it lies in, as Git says it, and that repository's
    settings name programs that Git runs, as do those of C(environment). In a folder such as /tmp Git even takes the
    folder itself for one, which is root's. C(flags) is the value of GOFLAGS, C(version) that of Go. Nothing for a
    process that is not root's.
    """
    unstamped = leave_out_stamp(flags, version)
    if os.geteuid() != 0 or unstamped == flags:
        return {}
    try:
        is_asked = look.once(lambda: any(map(_is_stamped_by_others, folders)), LOOKING)
    except OSError:
        is_asked = True
    is_asked = is_asked or any(find_settings_of_others(folder, environment) for folder in folders)
    return {"GOFLAGS": unstamped} if is_asked else {}


def find_settings_of_others(folder: str, environment: Mapping[str, str]) -> str:
    """Return what another account can change of the settings that Git has in C(folder), or of what they have it run.

    Such as a file of a team's that root's own settings include. Nothing for a process that is not root's.
    """
    if os.geteuid() != 0:
        return ""
    # Git names the files of a repository from there.
    top = _find_repository(_with_parents(folder)) or folder
    try:
        command = ["git", "config", "--list", "--includes", "--show-origin", "-z"]
        done = process.run(command, environment, top, limit=ASKED)
    except OSError:
        return ""
    if done.timed_out:
        return top
    words = done.out.split("\0")
    for origin, setting in zip(words[::2], words[1::2]):
        kind, _colon, file = origin.partition(":")
        name, _newline, value = setting.partition("\n")
        paths = [os.path.join(top, file)] if kind == "file" else []
        if RUN_BY_GIT.fullmatch(name):
            named = [value, *value.split()]
            paths += files.paths_in(named)
            # What is included may be there again as soon as this has looked.
            place = os.path.dirname(paths[0]) if paths and name.startswith("include") else top
            home = environment.get("HOME", "~")
            own = [home + word[1:] if word.startswith("~/") else word for word in named if "/" in word]
            paths += [os.path.join(place, os.path.expanduser(word)) for word in own]
        for path in paths:
            try:
                if others_change(os.path.normpath(path)):
                    return path
            except OSError:
                return path
    return ""


def _spellings(folder: str) -> list[str]:
    """Return a folder as it is named and without links, where that is another path."""
    return list(dict.fromkeys((os.path.abspath(folder), os.path.realpath(folder))))


def _with_parents(path: str) -> list[str]:
    return [path, *map(str, pathlib.PurePath(path).parents)]


def _find_repository(folders: Sequence[str]) -> str:
    """Return the first of C(folders) that has a repository; nothing where none has."""
    return next((folder for folder in folders if os.path.lexists(os.path.join(folder, ".git"))), "")


def leave_out_stamp(flags: str, version: str) -> str:
    """Return the value C(flags) of GOFLAGS with which a Go of C(version) asks Git nothing about what it builds."""
    numbered = re.search(r"go1\.(\d+)", version)
    # The oldest do not say which they are, and one that is being worked on may begin otherwise.
    if not version or (numbered and int(numbered[1]) < FIRST_STAMPING):
        return flags
    own = [word for word in go_flags.split(flags) if go_flags.name_of(word) != "buildvcs"]
    return " ".join([*own, "-buildvcs=false"])


def _is_stamped_by_others(folder: str) -> bool:
    for path in _spellings(folder):
        parts = _with_parents(path)
        if any(map(others_change, parts)):
            return True
        own = _find_repository(parts)
        if own and any(others_change(place) or _find_below(place) for place in _places_of_git(own)):
            return True
    return False


def _places_of_git(folder: str) -> list[str]:
    """Return where the repository of C(folder) lies: of a linked working tree or of a submodule elsewhere, too."""
    places = [os.path.join(folder, ".git")]
    for name, mark in (("", "gitdir: "), ("commondir", "")):
        state = None
        with contextlib.suppress(OSError):
            state = files.Files().read(os.path.join(places[-1], name).rstrip("/"), LARGEST_POINTER)
        if state is not None:
            pointer = os.fsdecode(state.content).strip()[len(mark) :]
            base = places[-1] if name else folder
            places.append(os.path.normpath(os.path.join(base, pointer)))
    return places


def find_module_root(folder: str) -> str:
    """Return the folder whose C(go.mod) counts in C(folder), itself or one above; nothing where there is none."""
    return _find_nearest(folder, "go.mod")


def find_workspace_root(folder: str) -> str:
    """Return the folder whose C(go.work) counts in C(folder); nothing where there is none."""
    return _find_nearest(folder, "go.work")


def _find_nearest(folder: str, name: str) -> str:
    if not os.path.isdir(folder):
        return ""
    parts = _with_parents(os.path.abspath(folder))
    return next((part for part in parts if os.path.isfile(os.path.join(part, name))), "")
