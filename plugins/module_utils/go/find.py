# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which Go commands a user has, what each of them says of itself, and which one a terminal of that user starts."""

from __future__ import annotations

import errno
import fnmatch
import functools
import glob
import json
import os
import pwd
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from ansible_collections.wsltune.go.plugins.module_utils.go import envfile
from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, become, files, look, process, text

QUERY = (
    *("GOTMPDIR", "GOCACHE", "GOMODCACHE", "GOFLAGS", "CGO_ENABLED"),
    *("GOROOT", "GOVERSION", "GOENV", "GOTOOLCHAIN", "GOPATH", "GO111MODULE"),
)
MOST_TOOLCHAINS = 50
ASKED = 10.0
"""Seconds that one Go command may take to answer."""
MOST_SAID = 1 << 20
"""Bytes of what a Go command says that are kept."""
LARGEST_FILE = 1 << 20
SECONDS = 30.0
"""Seconds that finding and asking the Go commands of one user may take."""
# In each list a version manager's own choice stands before all that it has installed.
ELSEWHERE = (
    ("{GOROOT}/bin/go", "GOROOT"),
    ("{GVM_ROOT|~/.gvm}/gos/*/bin/go", "gvm"),
    ("{GOENV_ROOT|~/.goenv}/shims/go", "goenv"),
    ("{GOENV_ROOT|~/.goenv}/versions/*/bin/go", "goenv"),
    ("{MISE_DATA_DIR|XDG_DATA_HOME/mise|~/.local/share/mise}/shims/go", "mise"),
    ("{MISE_DATA_DIR|XDG_DATA_HOME/mise|~/.local/share/mise}/installs/go/*/bin/go", "mise"),
    ("{ASDF_DATA_DIR|~/.asdf}/shims/go", "asdf"),
    ("{ASDF_DATA_DIR|~/.asdf}/installs/go*/*/go/bin/go", "asdf"),
    ("{PROTO_HOME|~/.proto}/shims/go", "proto"),
    ("{PROTO_HOME|~/.proto}/tools/go/*/bin/go", "proto"),
    ("{GOBREW_ROOT|~}/.gobrew/current/bin/go", "gobrew"),
    ("{GOBREW_ROOT|~}/.gobrew/versions/*/go/bin/go", "gobrew"),
    ("{G_HOME|~/.g}/go/bin/go", "g"),
    ("{G_HOME|~/.g}/versions/*/bin/go", "g"),
    ("~/.go/current/bin/go", "goup"),
    ("~/.go/bin/go", "g"),
    ("~/.go/go*/bin/go", "goup"),
    ("~/.go/.versions/*/bin/go", "g"),
    ("{GOUP_HOME|~/.goup}/current/bin/go", "goup"),
    ("{GOUP_HOME|~/.goup}/versions/*/bin/go", "goup"),
    ("{VFOX_HOME|~/.version-fox}/sdks/golang/bin/go", "vfox"),
    ("{VFOX_HOME|~/.version-fox}/cache/golang/*/*/bin/go", "vfox"),
    ("~/.vfox/sdks/golang/bin/go", "vfox"),
    ("~/.vfox/cache/golang/*/*/bin/go", "vfox"),
    ("~/.gimme/versions/*/bin/go", "gimme"),
    ("~/.nix-profile/bin/go", "nix"),
    ("{XDG_STATE_HOME|~/.local/state}/nix/profile/bin/go", "nix"),
    ("/etc/profiles/per-user/{USER}/bin/go", "nix"),
    ("/nix/var/nix/profiles/default/bin/go", "nix"),
    ("/run/current-system/sw/bin/go", "nix"),
    ("{XDG_DATA_HOME|~/.local/share}/devbox/global/default/.devbox/nix/profile/default/bin/go", "devbox"),
    ("~/.flox/run/*/bin/go", "flox"),
    ("~/.guix-profile/bin/go", "Guix"),
    ("{HOMEBREW_PREFIX|/home/linuxbrew/.linuxbrew}/bin/go", "Homebrew"),
    ("{HOMEBREW_PREFIX|/home/linuxbrew/.linuxbrew}/opt/go*/libexec/bin/go", "Homebrew"),
    ("~/.linuxbrew/bin/go", "Homebrew"),
    ("{AQUA_ROOT_DIR|XDG_DATA_HOME/aquaproj-aqua|~/.local/share/aquaproj-aqua}/bin/go", "aqua"),
    ("{PIXI_HOME|~/.pixi}/bin/go", "pixi"),
    ("~/.pkgx/go.dev/v*/bin/go", "pkgx"),
    ("~/miniforge3/bin/go", "conda"),
    ("~/miniconda3/bin/go", "conda"),
    ("~/.local/go/bin/go", "~/.local/go"),
    ("~/.local/go*/bin/go", "~/.local"),
    ("~/.local/opt/go*/bin/go", "~/.local"),
    ("~/.local/bin/go", "~/.local"),
    ("/usr/local/go/bin/go", "/usr/local/go"),
    ("/usr/local/go*/bin/go", "/usr/local"),
    ("/opt/go/bin/go", "/opt/go"),
    ("/opt/go*/bin/go", "/opt"),
    ("/opt/go/*/bin/go", "/opt"),
    ("/usr/lib/go/bin/go", "package"),
    ("/usr/lib/golang/bin/go", "package"),
    ("/usr/lib/go-*/bin/go", "package"),
    ("/usr/lib64/go/*/bin/go", "package"),
    ("/snap/go/current/bin/go", "snap"),
    ("~/sdk/go*/bin/go", "~/sdk"),
    ("~/go/go*/bin/go", "GoLand"),
    ("~/go/bin/go[0-9]*", "~/go/bin"),
)
# Looking at a Go changes nothing: nothing is fetched or installed, and cmd/internal/telemetry/counter (Go 1.23 on)
# writes its counters where TEST_TELEMETRY_DIR says, otherwise below the folder of the user's configuration.
# That folder must stay visible: version managers have their choice of a Go there.
QUIET = {
    "GOTOOLCHAIN": "local",
    "TEST_TELEMETRY_DIR": "/dev/null/none",
    "MISE_OFFLINE": "1",
    "MISE_EXEC_AUTO_INSTALL": "0",
    "MISE_NOT_FOUND_AUTO_INSTALL": "0",
    "PROTO_AUTO_INSTALL": "false",
    "GOENV_AUTO_INSTALL": "0",
    "AQUA_DISABLE_LAZY_INSTALL": "true",
}
IN_TERMINAL = "terminal"
FOLLOWED_TOO = ("TMPDIR", "CC", "CXX", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
"""Variables that Go follows, beside those that begin with GO and CGO_."""
NAMING = (
    *("GOFLAGS", "GOCACHEPROG", "GOTOOLDIR", "GOAUTH", "GOPROXY", "GOWORK", "CC", "CXX", "AR", "FC", "GCCGO"),
    *("GCCGOTOOLDIR", "COMPILER_PATH", "GCC_EXEC_PREFIX", "LIBRARY_PATH"),
    *("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH", "CCC_OVERRIDE_OPTIONS"),
    # What SWIG makes C code from.
    "SWIG_LIB",
    # Files that a C compiler writes to.
    *("DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES"),
    # Git's settings are there, too.
    "XDG_CONFIG_HOME",
)
"""Variables that name what Go, and with cgo the C compiler, starts or builds from."""
CODE_NAMING = ("GOFLAGS", "GOWORK")
"""Those that name files which name code."""
NAMING_PREFIXES = ("CGO_", "GIT_", "PKG_CONFIG", "CCACHE_", "SCCACHE_", "DISTCC_", "ICECC_")
"""How others begin: Git's, pkg-config's, where a compiler's cache has what it compiled before, and who compiles."""
TEMPORARY = ("TMP", "TEMP", "TEMPDIR")
"""Variables by which a C compiler has a folder for temporary files, where TMPDIR names none."""
LOADING = (
    *("BASH_ENV", "ENV", "GCONV_PATH", "LOCPATH", "PERL5LIB", "PERL5OPT", "PYTHONHOME", "PYTHONPATH"),
    *("OPENSSL_CONF", "OPENSSL_ENGINES", "OPENSSL_MODULES"),
)
"""Variables that name what any program loads or runs first, beside those that begin with LD_ (ld.so(8))."""

Run = Callable[[Sequence[str], Mapping[str, str]], process.Done]


def _newest_first(pattern: str, path: str) -> tuple[Any, ...]:
    """Sort by the version where the pattern has a star: a release before its candidates, and what has none last."""
    named = "/".join(name for name, wanted in zip(path.split("/"), pattern.split("/")) if name != wanted)
    versions = re.findall(r"(?<![\d.])(\d+)\.(\d+)(?:\.(\d+))?(?:(rc|beta)(\d+))?(?!\.?\d)", named)
    if not versions:
        return 1, path
    *numbers, kind, candidate = versions[-1]
    release = [-int(number or 0) for number in numbers]
    return 0, release, ("", "rc", "beta").index(kind), -int(candidate or 0), path


def _places(pattern: str, home: str, environment: Mapping[str, str]) -> list[str]:
    """Return the patterns that one of ELSEWHERE stands for: a variable that is set, or what counts without it."""

    def value_of(match: re.Match[str]) -> str:
        for choice in match[1].split("|"):
            name, slash, rest = choice.partition("/")
            if name == "~" or not name:
                return choice
            value = environment.get(name, "")
            if os.path.isabs(value) or (name == "USER" and value and "/" not in value):
                return glob.escape(value) + slash + rest
        return ""

    path = re.sub(r"\{([^}]*)\}", value_of, pattern)
    if path.startswith("~/"):
        path = glob.escape(home) + path[1:]
    # A variable that is not set leaves nothing to look for.
    return [] if pattern.startswith("{GOROOT}") and path == "/bin/go" else [path]


def find_toolchains(
    home: str, search_path: str, environment: Mapping[str, str] | None = None
) -> tuple[list[dict[str, str]], dict[str, str]]:
    """Return every Go command that a user with this home and PATH has, the one on PATH first; and what gives no answer.

    That may be a version manager's folder on a dead server, or one version in it.
    """
    folders = [folder for folder in search_path.split(":") if os.path.isabs(folder)]
    places = [(os.path.join(glob.escape(folder), "go"), "PATH") for folder in folders]
    for pattern, name in ELSEWHERE:
        places += [(place, name) for place in _places(pattern, home, environment or {})]
    elsewhere, unanswered = _find_led_elsewhere([place for place, _name in places])
    places = [(place, name) for place, name in places if place not in elsewhere]
    paths, silent = look.find(place for place, _name in places)
    toolchains: dict[str, dict[str, str]] = {}
    for place, name in places:
        for path in sorted(paths[place], key=functools.partial(_newest_first, place)):
            if len(toolchains) < MOST_TOOLCHAINS and os.path.isfile(path):
                toolchains.setdefault(_identity(path), {"path": path, "found": name})
    found = [dict(entry, real=os.path.realpath(entry["path"])) for entry in toolchains.values()]
    return found, {**unanswered, **silent}


def _find_led_elsewhere(patterns: Sequence[str]) -> tuple[set[str], dict[str, str]]:
    """Return the patterns that root does not look for, and the folders that give no answer, each with the reason.

    A folder to list may be a link where others can write, as in Homebrew's.
    """
    if os.geteuid() != 0:
        return set(), {}
    found = {pattern: re.search(r"[*?[]", pattern) for pattern in patterns}
    folders = {pattern: os.path.dirname(pattern[: magic.start()]) for pattern, magic in found.items() if magic}
    questions = {folder: functools.partial(_may_be_led_elsewhere, folder) for folder in folders.values()}
    answers, silent = look.each(questions)
    return {pattern for pattern, folder in folders.items() if answers.get(folder, True)}, silent


def _may_be_led_elsewhere(folder: str) -> bool:
    try:
        return go_sources.others_change(folder)
    except OSError:
        return True


def _identity(path: str) -> str:
    """Return what two names of the same Go command share; a link to a version manager is a Go of its own."""
    real = os.path.realpath(path)
    return real if os.path.basename(real).startswith("go") else path


def is_for_everybody(path: str) -> bool:
    """Return whether a Go command lies where a distribution or an administrator puts one for the whole machine."""
    names = path.split("/")
    for pattern, _name in ELSEWHERE:
        wanted = pattern.split("/")
        # Elsewhere than below a variable or a home, and each star stands for one folder.
        if not wanted[0] and len(wanted) == len(names) and all(map(fnmatch.fnmatchcase, names, wanted)):
            return True
    return False


def goroot_commands(toolchains: Sequence[Mapping[str, Any]], goroot: str | None) -> list[str]:
    """Return the Go commands of a user that lie in a GOROOT; launchers such as those of mise and asdf do not."""
    paths = [toolchain["real"] for toolchain in toolchains if toolchain["real"]]
    for root in (goroot, *(toolchain.get("goroot") for toolchain in toolchains)):
        if root:
            paths.append(os.path.realpath(os.path.join(root, "bin", "go")))
    return [path for path in dict.fromkeys(paths) if os.path.basename(path) == "go" and _in_goroot(path)]


def _in_goroot(path: str) -> bool:
    return os.path.isdir(os.path.join(os.path.dirname(os.path.dirname(path)), "pkg", "tool"))


def _run(command: Sequence[str], environment: Mapping[str, str], directory: str = "/") -> process.Done:
    return process.run(command, environment, directory, limit=ASKED, most=MOST_SAID)


def reason_of(done: process.Done) -> str:
    """Return why a Go command failed: its own sentence, or the first one, because hints follow."""
    if done.timed_out:
        return f"no answer in {done.wall:.0f} s"
    lines = [line for line in (done.err.strip() or done.out.strip()).splitlines() if line.strip()]
    return text.line(next((line for line in lines if line.startswith("go: ")), lines[0])) if lines else done.reason


def go_env(go: str, run: Run, environment: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return the settings that C(go) reports, or why it reports none.

    The names are asked for one by one, and no flag of the C compiler is among them: `go env` alone, and CGO_LDFLAGS,
    fail where GOTMPDIR does not exist.
    """
    try:
        done = run([go, "env", "-json", *QUERY], {**environment, **QUIET})
    except OSError as error:
        return {}, f"{go} could not be run: {error.strerror or error}"
    if done.timed_out:
        return {}, f"{go} env gave no answer in time: a path in its settings may lie on a server that is gone"
    if done.code:
        return {}, f"{go} env failed: {reason_of(done)}"
    try:
        reported = json.loads(done.out)
        values = {name: reported[name] for name in QUERY if name in reported}
        # The command is the user's own and may give anything, such as lists in lists that nobody could pass on.
        usable = all(isinstance(value, str) and text.is_for_system(value) for value in values.values())
        if not usable or not os.path.isabs(values["GOROOT"]):
            raise ValueError(done.out)
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}, f"{go} env -json gives no settings, so it is not the Go command or prints something else as well"
    return values, ""


@dataclass
class Settled:
    """The Go commands of one user, all asked, and the environment in which the first that answers was found."""

    environment: dict[str, str]
    toolchains: list[dict[str, Any]]
    go: dict[str, Any] | None = None
    values: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    """What gives no answer, such as a Go command on the PATH that is a link to a dead server."""

    def environment_with_go(self) -> dict[str, str]:
        """Return the environment with the Go that answers first on its PATH, and as root nothing of others there."""
        path = self.go["path"] if self.go else ""
        named = self.environment.get("PATH", "").split(":")
        answering = [folder for folder in named if os.path.join(folder, "go") not in self.silent]
        shorter = {"PATH": ":".join(answering)} if answering != named else {}
        own = without_places_of_others({**self.environment, **shorter})
        folders = own.get("PATH", "").split(":")
        programs = [os.path.join(folder, "go") for folder in folders]
        if os.path.basename(path) == "go" and path != next(filter(os.path.isfile, programs), ""):
            return {**own, "PATH": ":".join([os.path.dirname(path), *filter(None, folders)])}
        return own


def settle(account: accounts.Account, environment: Mapping[str, str], seconds: float = SECONDS) -> Settled:
    """Find and ask the Go commands of the account that this process runs as.

    What a login finds on its PATH is what a terminal starts, unless the shell's startup files say something of
    their own; then, and where a login finds nothing, an interactive shell is asked too.
    """
    deadline = time.monotonic() + seconds
    found, silent = find_toolchains(account.home, environment.get("PATH", ""), environment)
    settled = Settled(dict(environment), found, silent=silent)
    startup, trouble = accounts.find_startup(account, environment)
    if trouble:
        settled.unknown["terminal"] = f"An interactive shell of {account.name} would not end, because {trouble}."
    elif not _on_path(settled.toolchains) or accounts.has_own_startup(account, environment, startup):
        _ask_terminal(accounts.in_terminal(account, environment, startup), settled, seconds / 3)
    for toolchain in settled.toolchains:
        reason = explain_not_roots(toolchain["path"]) or _explain_not_own(toolchain, account.home)
        if reason:
            # The link of another account may lead to any Go of root's, such as one of a container's tree.
            toolchain["real"] = ""
        if time.monotonic() > deadline:
            toolchain.update(version="", reason=f"{toolchain['path']} was not asked: no time left")
            continue
        values: dict[str, str] = {}
        if not reason:
            values, reason = _ask(account, toolchain, settled.environment)
        toolchain.update(version=values.get("GOVERSION", ""), reason=reason, goroot=values.get("GOROOT", ""))
        if values and not settled.values:
            settled.go, settled.values = toolchain, values
    named = settled.environment.get("PATH", "").split(":")
    on_path = {path: why for path, why in settled.silent.items() if os.path.dirname(path) in named}
    if on_path:
        settled.unknown["PATH"] = ", ".join(f"{path}: {reason}" for path, reason in on_path.items())
    if settled.silent and not settled.go:
        said = text.join_names([f"{path}: {reason}" for path, reason in settled.silent.items()])
        settled.unknown["answer"] = f"a Go may lie where nothing answers ({said})"
    return settled


def _on_path(toolchains: Sequence[Mapping[str, str]]) -> bool:
    return bool(toolchains) and toolchains[0]["found"] in ("PATH", IN_TERMINAL)


def explain_not_roots(go: str) -> str:
    """Say why root does not start the Go command C(go), also where it is on root's PATH; nothing for everybody else.

    What stands on a PATH for everybody may be a user's, such as a /usr/local/go that was given to one.
    """
    try:
        others = go_sources.others_change(go)
    except OSError as error:
        return f"{go} was not asked: {error.strerror}"
    return f"{go} was not asked: another account can change it, and root would run it" if others else ""


def _explain_not_own(toolchain: Mapping[str, str], home: str) -> str:
    """Say why an account does not start a Go that is neither on its PATH nor in its home, as others can change it.

    It lies where everybody's is looked for, such as Homebrew's, whose folder is one account's.
    """
    go = toolchain["path"]
    if toolchain["found"] in ("PATH", IN_TERMINAL) or go.startswith(f"{home.rstrip('/')}/"):
        return ""
    try:
        others = go_sources.others_change(go, whoever=True)
    except OSError as error:
        return f"{go} was not asked: {error.strerror}"
    return f"{go} was not asked: another account can change it, and it is not on the PATH" if others else ""


def explain_no_build(go: str, environment: Mapping[str, str], known: set[str] | None = None) -> str:
    """Say why root builds nothing with the Go command C(go) in C(environment); nothing for everybody else.

    Asked so that no other Go takes over, which may lie in such a place; C(known) is that of find_place_of_others().
    """
    if os.geteuid() != 0:
        return ""
    reason = explain_not_roots(go) or explain_variables(environment)
    if reason:
        return f"{reason}."
    values, reason = go_env(go, _run, environment)
    if reason:
        return f"{reason}."
    # The C compiler follows this one, whatever Go's own folder is.
    temporary = {"TMPDIR": environment.get("TMPDIR") or "/tmp"}
    place = go_sources.find_place_of_others({**values, **temporary}, known)
    reason = "" if place else explain_settings(values.get("GOENV", ""), environment)
    return place or (f"{reason}." if reason else "")


def without_places_of_others(environment: dict[str, str]) -> dict[str, str]:
    """Return C(environment), and for root without what leads Go to the programs of another account.

    Those are the folders of its PATH in which others can write, a home of such a kind that a login exports, and the
    variables that name a place there.
    """
    if os.geteuid() != 0:
        return environment
    own = {name: value for name, value in environment.items() if not _names_place_of_others(name, value)}
    if _is_of_others(own.get("HOME", "")):
        # Git has settings there that name what it runs.
        own["HOME"] = pwd.getpwuid(os.geteuid()).pw_dir
    named = environment.get("PATH", "").split(":")
    folders = [folder for folder in named if not _is_of_others(folder)]
    return {**own, "PATH": ":".join(folders)} if folders != named else own


def explain_variables(environment: Mapping[str, str]) -> str:
    """Say which variable keeps root from building, as it leads to another account's program; nothing for others."""
    if os.geteuid() != 0:
        return ""
    name = next((name for name, value in environment.items() if _names_place_of_others(name, value)), "")
    return f"{name} names what another account can replace, and root would run it" if name else ""


def explain_settings(path: str, environment: Mapping[str, str]) -> str:
    """Say which setting in the file C(path) of root's Go keeps root from building; nothing for others.

    A variable of C(environment) counts before it.
    """
    if os.geteuid() != 0 or not os.path.isabs(path):
        return ""
    try:
        # In a child, because it may lie on a dead server.
        state = look.once(functools.partial(files.Files().read, path, LARGEST_FILE))
    except OSError as error:
        # Of what is no file Go reads nothing either.
        return "" if error.errno == errno.EINVAL else f"root's {path} could not be looked at: {error.strerror}"
    settings = envfile.parse(text.decode(state.content)) if state else {}
    return explain_variables({name: value for name, value in settings.items() if not environment.get(name)})


def _names_place_of_others(name: str, value: str) -> bool:
    try:
        if name in TEMPORARY:
            # All may write in one, where each keeps what is theirs.
            return os.path.isabs(value) and go_sources.others_change(value, kept=True)
        if name not in NAMING and not name.startswith(NAMING_PREFIXES) and not _is_loading(name):
            return False
        paths = files.paths_in([value, *value.split()])
        return any(map(go_sources.others_change, paths)) or (
            name in CODE_NAMING and any(map(go_sources.find_named_of_others, paths))
        )
    except OSError:
        return True


def _is_loading(name: str) -> bool:
    return name in LOADING or name.startswith("LD_")


def _is_of_others(folder: str) -> bool:
    """Return whether root would start what another account put into a folder of its PATH, or where its Gos lead.

    A go starts the go1.27.3 of its PATH by itself where a go.mod asks for that one.
    """
    if os.geteuid() != 0 or not os.path.isabs(folder):
        return False
    try:
        go = os.path.join(folder, "go")
        return any(map(go_sources.others_change, (folder, go, *glob.iglob(glob.escape(go) + "[0-9]*"))))
    except OSError:
        return True


def _ask(
    account: accounts.Account, toolchain: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[dict[str, str], str]:
    # A launcher takes the version that is chosen for the folder it is started in; terminals start in the home.
    home = not _in_goroot(toolchain["real"]) and os.path.isdir(account.home)
    if toolchain["found"] not in ("PATH", IN_TERMINAL):
        environment = {name: value for name, value in environment.items() if name not in ("GOROOT", "GOTOOLDIR")}
    if os.geteuid() == 0:
        # What else it is set to do is asked of it, and not what its system has it load.
        own = without_places_of_others({name: value for name, value in environment.items() if _is_loading(name)})
        environment = {name: value for name, value in environment.items() if not _is_loading(name) or name in own}
    return go_env(toolchain["path"], functools.partial(_run, directory=account.home if home else "/"), environment)


def _ask_terminal(account: accounts.Account, settled: Settled, seconds: float) -> None:
    """Take over what an interactive shell has, where that is another Go than a login's, or other settings of it."""
    known = settled.toolchains[0]["path"] if _on_path(settled.toolchains) else None
    for login in (False, True):
        try:
            own = accounts.terminal_environment(account, settled.environment, login, min(accounts.TERMINAL, seconds))
        except accounts.AccountError as error:
            settled.unknown["terminal"] = str(error)
            return
        found, silent = find_toolchains(account.home, own.get("PATH", ""), own)
        if not _on_path(found):
            continue
        if found[0]["path"] != known or _followed_by_go(own) != _followed_by_go(settled.environment):
            before = {toolchain["path"] for toolchain in settled.toolchains if toolchain["found"] == "PATH"}
            for toolchain in found:
                if toolchain["found"] == "PATH" and toolchain["path"] not in before:
                    toolchain["found"] = IN_TERMINAL
            settled.environment, settled.toolchains, settled.silent = own, list(found), silent
        return


def _followed_by_go(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if value and (name.startswith(("GO", "CGO_")) or name in FOLLOWED_TOO)
    }


def answering(
    environment: Mapping[str, str], identity: process.Identity | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Return C(environment) without the directories of PATH that give no answer, and these with the reason."""
    folders = [folder for folder in environment.get("PATH", "").split(":") if os.path.isabs(folder)]
    silent = look.silent(folders, identity)
    kept = [folder for folder in environment.get("PATH", "").split(":") if folder not in silent]
    return {**environment, **({"PATH": ":".join(kept)} if silent else {})}, silent


def environment_with_go(
    account: accounts.Account, environment: Mapping[str, str], seconds: float = SECONDS
) -> dict[str, str]:
    """Return C(environment), or that of a terminal, with the Go that C(account) uses first on its PATH.

    Directories of PATH that give no answer are left out.
    """
    identity = accounts.identity(account)
    answers, _silent = answering(environment, identity)

    def find() -> dict[str, str]:
        return settle(account, answers, seconds).environment_with_go()

    # A child in any case, because what a terminal puts on PATH may never answer.
    return dict(become.ask(identity, find, seconds + ASKED, always=True))
