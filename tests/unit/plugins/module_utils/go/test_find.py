# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.go import find as go_find
from ansible_collections.wsltune.go.plugins.module_utils.go import observe as go_observe
from ansible_collections.wsltune.go.plugins.module_utils.go import sources as go_sources
from ansible_collections.wsltune.go.plugins.module_utils.linux import accounts, process

PLAIN = "/usr/bin:/bin"


def test_no_setting_is_asked_that_go_makes_a_folder_for() -> None:
    # cmd/go/internal/envcmd: it builds the flags of the C compiler in GOTMPDIR, which may be gone.
    assert not {name for name in go_find.QUERY if name.endswith("FLAGS") and name != "GOFLAGS"} | (
        {"PKG_CONFIG", "GOGCCFLAGS"} & set(go_find.QUERY)
    )


@pytest.mark.parametrize("value", ["/home/\ud800", "/home/\0"])
def test_what_no_path_can_be_is_no_setting(value: str) -> None:
    """The command may be a program of the user's own; root passes on, writes and opens what it says."""
    said = json.dumps({"GOROOT": "/usr/local/go", "GOCACHE": value})
    values, reason = go_find.go_env("go", lambda *_words: process.Done(0, said, "", False, 0, 0, 0, 0, 0), {})
    assert values == {} and "gives no settings" in reason


def test_toolchains_are_found_once_with_the_one_on_path_first(tmp_path: Path) -> None:
    sdk = tmp_path / "sdk" / "go1.26.0" / "bin"
    own = tmp_path / "bin"
    for directory in (sdk, own):
        directory.mkdir(parents=True)
        (directory / "go").write_text("")
    (tmp_path / "link").symlink_to(own)
    found = [
        entry
        for entry in go_find.find_toolchains(str(tmp_path), f"{tmp_path}/link:relative:{own}")[0]
        if entry["path"].startswith(str(tmp_path))
    ]
    assert [(entry["path"], entry["found"]) for entry in found] == [
        (f"{tmp_path}/link/go", "PATH"),
        (f"{sdk}/go", "~/sdk"),
    ]


def test_only_a_go_in_a_goroot_can_be_stood_in_for(tmp_path: Path) -> None:
    goroot, launcher = tmp_path / "go1.27", tmp_path / "mise"
    (goroot / "bin").mkdir(parents=True)
    (goroot / "pkg" / "tool").mkdir(parents=True)
    for path in (goroot / "bin" / "go", launcher):
        path.write_text("")
    own = tmp_path / "bin" / "go"
    own.parent.mkdir()
    own.write_text("")
    toolchains = [{"real": str(launcher)}, {"real": str(own)}]
    assert go_find.goroot_commands(toolchains, None) == []
    assert go_find.goroot_commands(toolchains, str(goroot)) == [f"{goroot}/bin/go"]


def test_go_env_is_asked_without_leaving_telemetry_behind_or_hiding_a_configuration() -> None:
    seen: dict[str, Any] = {}

    def run(command: Any, environment: Any) -> Any:
        seen.update(environment)
        return process.Done(0, json.dumps({"GOROOT": "/go"}), "", False, 0, 0, 0, 0, 0)

    own = {"HOME": "/h", "XDG_CONFIG_HOME": "/h/c", "MISE_CONFIG_DIR": "/h/m", "ASDF_DATA_DIR": "/h/a", "GOENV": "off"}
    assert go_find.go_env("go", run, own) == ({"GOROOT": "/go"}, "")
    assert {name: seen[name] for name in own} == own
    assert seen["TEST_TELEMETRY_DIR"].startswith("/dev/null") and seen["GOTOOLCHAIN"] == "local"


DEEP = "[" * 1500 + "]" * 1500


@pytest.mark.parametrize(
    "said",
    [
        "",
        "hello",
        "[]",
        '{"GOVERSION": "go1.26"}',
        'banner\n{"GOROOT": "/go"}',
        f'{{"GOROOT": "/go", "GOVERSION": {DEEP}}}',
        '{"GOROOT": "/go", "GOFLAGS": {"__ansible_type": "x"}}',
    ],
    ids=range(7),
)
def test_a_program_that_is_not_go_gives_a_reason(said: str) -> None:
    def run(command: Any, environment: Any) -> Any:
        return process.Done(0, said, "", False, 0, 0, 0, 0, 0)

    values, reason = go_find.go_env("/bin/go", run, {})
    assert values == {} and "not the Go command" in reason


def test_a_go_that_fails_gives_its_reason() -> None:
    def run(command: Any, environment: Any) -> Any:
        return process.Done(1, "", "x\ngo: cannot find GOROOT\n", False, 0, 0, 0, 0, 0)

    assert go_find.go_env("/bin/go", run, {}) == ({}, "/bin/go env failed: go: cannot find GOROOT")


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def goroot(path: Path, version: str) -> Path:
    """Make a GOROOT whose command answers as Go does; return the command."""
    (path / "pkg" / "tool").mkdir(parents=True)
    answer = json.dumps({"GOROOT": str(path), "GOVERSION": version, "GOENV": "off"})
    return program(path / "bin" / "go", f"#!/bin/sh\n[ \"$1\" = env ] || exit 2\ncat <<'end'\n{answer}\nend\n")


def person(home: Path, shell: str = "/bin/bash") -> accounts.Account:
    return accounts.Account("ada", os.getuid(), os.getgid(), str(home), shell)


def looked_at(home: Path, path: str = PLAIN, **variables: str) -> go_find.Settled:
    shell = variables.pop("shell", "/bin/bash")
    return go_find.settle(person(home, shell), {"HOME": str(home), "PATH": path, **variables})


MISE = """#!/bin/bash
# As mise does when it is started by the name of a tool: the version comes from its own configuration; without one
# the next command of that name on PATH is started, or it fails with three lines.
config=${MISE_GLOBAL_CONFIG_FILE:-${MISE_CONFIG_DIR:-${XDG_CONFIG_HOME:-$HOME/.config}/mise}/config.toml}
version=$(sed -n 's/^go = "\\(.*\\)"$/\\1/p' "$config" 2>/dev/null)
data=${MISE_DATA_DIR:-$HOME/.local/share/mise}
[ -n "$version" ] && exec "$data/installs/go/$version/bin/go" "$@"
PATH=${PATH//"$data/shims:"/}
command -v go >/dev/null && exec go "$@"
echo "mise ERROR No version is set for shim: go" >&2
echo "mise ERROR Set a global default version with one of the following:" >&2
echo "mise ERROR Run with --verbose or MISE_VERBOSE=1 for more information" >&2
exit 1
"""


def mise(home: Path, version: str, configuration: Path) -> Path:
    data = home / ".local/share/mise"
    goroot(data / "installs/go" / version, f"go{version}")
    (data / "shims").mkdir()
    (data / "shims" / "go").symlink_to(program(home / ".local/bin/mise", MISE))
    configuration.mkdir(parents=True)
    (configuration / "config.toml").write_text(f'[tools]\ngo = "{version}"\n')
    return data / "shims"


@pytest.mark.skipif(os.getuid() != 0, reason="only root may be led elsewhere")
def test_root_takes_no_go_for_its_own_that_a_link_of_another_account_leads_to(tmp_path: Path) -> None:
    """Homebrew's folder is one account's, and root looks there as everybody does."""
    brew, tree = tmp_path / "brew", tmp_path / "container/usr/local/go"
    roots = goroot(tree, "go1.27.3")
    goroot(tmp_path / "secret/go-unreleased/libexec", "go1.99")
    (brew / "bin").mkdir(parents=True)
    (brew / "bin/go").symlink_to(roots)
    (brew / "opt").symlink_to(tmp_path / "secret")
    for place in (brew, brew / "bin"):
        os.chown(place, 4711, 4711)
    for path in (PLAIN, f"{brew}/bin:{PLAIN}"):
        found = looked_at(tmp_path, path, HOMEBREW_PREFIX=str(brew)).toolchains
        hers = [entry for entry in found if entry["path"].startswith(str(brew))]
        assert [entry["path"] for entry in hers] == [f"{brew}/bin/go"] and "was not asked" in hers[0]["reason"]
        assert str(roots) not in go_find.goroot_commands(found, None)
    for place in (brew, brew / "bin"):
        os.chown(place, 0, 0)
    found = looked_at(tmp_path, PLAIN, HOMEBREW_PREFIX=str(brew)).toolchains
    assert str(roots) in go_find.goroot_commands(found, None) and "go1.99" in [entry["version"] for entry in found]


@pytest.mark.skipif(os.getuid() != 0, reason="only root is led elsewhere")
def test_a_folder_of_another_account_that_gives_no_answer_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = go_sources.others_change

    def look_there(folder: str, **how: bool) -> bool:
        if folder == f"{tmp_path}/brew/opt":
            time.sleep(60)
        return change(folder, **how)

    monkeypatch.setattr(go_sources, "others_change", look_there)
    own = goroot(tmp_path / "sdk/go1.27.3", "go1.27.3")
    began = time.monotonic()
    found = looked_at(tmp_path, PLAIN, HOMEBREW_PREFIX=f"{tmp_path}/brew")
    assert found.go and found.go["path"] == str(own) and time.monotonic() - began < 15


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give folders away")
def test_nobodys_look_starts_a_go_of_another_account_that_is_not_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Homebrew lies everybody's Go is looked for, and its folder is the account's that installed it."""
    brew, said = tmp_path / "brew", tmp_path / "said"
    go = program(brew / "bin/go", f"#!/bin/sh\necho ran >> {said}\nexit 1\n")
    own = goroot(tmp_path / "home/sdk/go1.27.3", "go1.27.3")
    (tmp_path / "home/sdk").chmod(0o777)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    for whose, path, starts in ((4712, PLAIN, False), (4712, f"{go.parent}:{PLAIN}", True), (4711, PLAIN, True)):
        os.chown(go.parent, whose, whose)
        found = looked_at(tmp_path / "home", path, HOMEBREW_PREFIX=str(brew))
        assert said.exists() == starts, (whose, path)
        said.unlink(missing_ok=True)
        (hers,) = [one for one in found.toolchains if one["path"] == str(go)]
        assert ("was not asked: another account can change it" in hers["reason"]) != starts
        assert found.go and found.go["path"] == str(own)


@pytest.mark.parametrize("variable", ["", "XDG_CONFIG_HOME", "MISE_CONFIG_DIR"])
def test_a_shim_of_mise_finds_its_configuration(tmp_path: Path, variable: str) -> None:
    place = {"": ".config/mise", "XDG_CONFIG_HOME": "own/mise", "MISE_CONFIG_DIR": "own"}[variable]
    shims = mise(tmp_path, "1.27.3", tmp_path / place)
    distribution = goroot(tmp_path / "usr/lib/go-1.24", "go1.24.4")
    variables = {variable: f"{tmp_path}/own"} if variable else {}
    found = looked_at(tmp_path, f"{shims}:{distribution.parent}:{PLAIN}", **variables)
    assert found.go and found.go["path"] == f"{shims}/go" and found.go["version"] == "go1.27.3"
    real = f"{tmp_path}/.local/share/mise/installs/go/1.27.3/bin/go"
    assert real in go_find.goroot_commands(found.toolchains, None)


def test_where_a_shim_does_not_answer_the_others_are_asked_and_its_first_line_is_the_reason(tmp_path: Path) -> None:
    shims = mise(tmp_path, "1.27.3", tmp_path / "elsewhere")
    found = looked_at(tmp_path, f"{shims}:{PLAIN}")
    assert found.go and found.go["found"] == "mise" and found.go["version"] == "go1.27.3"
    (reason,) = [one["reason"] for one in found.toolchains if one["path"] == f"{shims}/go"]
    assert reason == f"{shims}/go env failed: mise ERROR No version is set for shim: go"


def test_no_answer_is_not_no_go(tmp_path: Path) -> None:
    shims = mise(tmp_path, "1.27.3", tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / ".local/share/mise/installs")
    facts = go_observe.observe(person(tmp_path), [], {"HOME": str(tmp_path), "PATH": f"{shims}:{PLAIN}"})
    assert facts["go"] is None and len(facts["toolchains"]) >= 1
    assert "No version is set" in facts["unknown"]["go"]


def test_a_shim_of_asdf_is_asked_in_the_home(tmp_path: Path) -> None:
    """Asdf looks for .tool-versions in the folder it is started in and those above it."""
    data = tmp_path / "asdf"
    command = goroot(data / "installs/golang/1.26.1/go", "go1.26.1")
    (tmp_path / ".tool-versions").write_text("golang 1.26.1\n")
    chosen = "[ -r .tool-versions ] || { echo 'No version is set for command go' >&2; exit 126; }"
    shim = program(
        data / "shims/go", f'#!/usr/bin/env bash\n: "${{ASDF_DATA_DIR:?unset}}"\n{chosen}\nexec {command} "$@"\n'
    )
    found = looked_at(tmp_path, f"{shim.parent}:{PLAIN}", ASDF_DATA_DIR=str(data))
    assert found.go and found.go["path"] == str(shim) and found.go["version"] == "go1.26.1"
    assert not found.unknown and {one["version"] for one in found.toolchains if str(data) in one["path"]} == {
        "go1.26.1"
    }


def test_goenv_in_bashrc_with_a_root_of_its_own(tmp_path: Path) -> None:
    root = tmp_path / "opt/goenv"
    goroot(root / "versions/1.27.3", "go1.27.3")
    (root / "version").write_text("1.27.3\n")
    pick = 'version=$(cat "$GOENV_ROOT/version") || exit 1\nexec "$GOENV_ROOT/versions/$version/bin/go" "$@"\n'
    program(root / "shims/go", f"#!/usr/bin/env bash\n{pick}")
    (tmp_path / ".bashrc").write_text(
        f"case $- in *i*) ;; *) return;; esac\nexport GOENV_ROOT={root}\nexport PATH=$GOENV_ROOT/shims:$PATH\n"
    )
    found = looked_at(tmp_path)
    assert found.go and found.go["path"] == f"{root}/shims/go" and found.go["found"] == "terminal"
    assert found.go["version"] == "go1.27.3" and found.environment["GOENV_ROOT"] == str(root)


def test_a_terminal_is_believed_over_the_go_of_the_distribution(tmp_path: Path) -> None:
    """Gvm puts its Go on PATH by a script that .bashrc reads."""
    own = goroot(tmp_path / ".gvm/gos/go1.27.3", "go1.27.3")
    distribution = goroot(tmp_path / "usr/lib/go-1.24", "go1.24.4")
    scripts = program(tmp_path / ".gvm/scripts/gvm", f"gvm() {{ :; }}\nexport PATH={own.parent}:$PATH\n")
    (tmp_path / ".bashrc").write_text(f"[ -z $PS1 ] && return\n[[ -s {scripts} ]] && source {scripts}\n")
    found = looked_at(tmp_path, f"{distribution.parent}:{PLAIN}")
    assert found.go and found.go["path"] == str(own)
    assert {"go1.24.4", "go1.27.3"} <= {one["version"] for one in found.toolchains}
    environment = go_find.environment_with_go(person(tmp_path), {"HOME": str(tmp_path), "PATH": PLAIN})
    assert shutil.which("go", path=environment["PATH"]) == str(own)


def test_settings_that_only_a_terminal_has_are_believed(tmp_path: Path) -> None:
    distribution = goroot(tmp_path / "usr/lib/go-1.24", "go1.24.4")
    path = f"{distribution.parent}:{PLAIN}"
    (tmp_path / ".bashrc").write_text("case $- in *i*) ;; *) return;; esac\nexport GOCACHE=/mnt/c/gocache\n")
    found = looked_at(tmp_path, path)
    assert found.go and found.go["found"] == "PATH" and found.environment["GOCACHE"] == "/mnt/c/gocache"
    facts = go_observe.observe(person(tmp_path), [], {"HOME": str(tmp_path), "PATH": path})
    assert facts["exports"] == {"GOCACHE": "/mnt/c/gocache"}


@pytest.mark.parametrize("shell", ["dash", "ash", "sh", "ksh"])
@pytest.mark.parametrize("with_distribution", [False, True])
def test_a_shell_of_posix_reads_the_file_that_env_names(tmp_path: Path, shell: str, with_distribution: bool) -> None:
    own = goroot(tmp_path / "apps/go1.27.3", "go1.27.3")
    distribution = goroot(tmp_path / "usr/lib/go-1.24", "go1.24.4")
    program_of = {"dash": "dash", "ash": "busybox", "sh": "sh", "ksh": "dash"}[shell]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / shell).symlink_to(shutil.which(program_of) or pytest.skip(f"no {program_of}"))
    (tmp_path / ".shrc").write_text(f"PATH={own.parent}:$PATH\n")
    path = f"{distribution.parent}:{PLAIN}" if with_distribution else PLAIN
    found = looked_at(tmp_path, path, shell=f"{tmp_path}/bin/{shell}", ENV=f"{tmp_path}/.shrc")
    assert found.go and found.go["path"] == str(own) and "terminal" not in found.unknown
    if shell != "ksh":
        # Without that variable they read nothing, and none is started.
        (tmp_path / "bin" / shell).unlink()
        found = looked_at(tmp_path, path, shell=f"{tmp_path}/bin/{shell}")
        assert (found.go["version"] if found.go else "") == ("go1.24.4" if with_distribution else "")
        assert "terminal" not in found.unknown


def test_a_terminal_without_anything_of_its_own_is_not_started(tmp_path: Path) -> None:
    distribution = goroot(tmp_path / "usr/lib/go-1.24", "go1.24.4")
    shutil.copy("/etc/skel/.bashrc", tmp_path / ".bashrc")
    shell = program(tmp_path / "bash", f"#!/bin/sh\ntouch {tmp_path}/started\n")
    looked_at(tmp_path, f"{distribution.parent}:{PLAIN}", shell=str(shell))
    assert not (tmp_path / "started").exists()
    looked_at(tmp_path, shell=str(shell))
    assert (tmp_path / "started").exists()


SHELL = """#!/bin/bash
# A shell of another kind: with -l and -i it reads a file of its own, and without -c it is a terminal that ends.
[ "$1 $2 $3" = "-l -i -c" ] || exit 0
source "$HOME/.{name}rc"
eval "$4"
"""


@pytest.mark.parametrize(
    "line",
    [
        "exec {shell}",
        "case $- in *i*) exec {shell} -l ;; esac",
        'export SHELL=$(command -v {shell}); exec "$SHELL" # is {shell}\n[ -t 1 ] && exec "$(which {shell})"',
        "[[ $- == *i* && -z $BASH_EXECUTION_STRING ]] && exec {shell}",
        "if [ -t 1 ]; then exec /usr/bin/{shell} -l; fi",
        "{shell}",
        "/usr/bin/{shell} -l",
    ],
)
@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_shell_that_bash_hands_over_to_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, shell: str
) -> None:
    """On WSL many write that into .bashrc and never change the shell of their account."""
    own, distribution = goroot(tmp_path / "apps/go", "go1.27.3"), goroot(tmp_path / "usr/lib/go-1.24", "go1.24.4")
    other = program(tmp_path / "shells" / shell, SHELL.replace("{name}", shell))
    monkeypatch.setattr(accounts.programs, "SEARCHED", str(other.parent))
    (tmp_path / ".bashrc").write_text(f"alias ll='ls -l'\n{line.format(shell=shell)}\n")
    (tmp_path / f".{shell}rc").write_text(f"export PATH={own.parent}:$PATH\n")
    found = looked_at(tmp_path, f"{distribution.parent}:{other.parent}:{PLAIN}")
    assert found.go and found.go["path"] == str(own) and "terminal" not in found.unknown, found.unknown


NUSHELL = f"""#!{sys.executable}
# Of several statements nushell prints what the last one is.
import shlex, subprocess, sys
words = list(shlex.shlex(sys.argv[3], posix=True, punctuation_chars=";"))
while ";" in words:
    words = words[words.index(";") + 1 :]
subprocess.run(words)
"""


def unprivileged(home: Path, shell: str, monkeypatch: pytest.MonkeyPatch) -> accounts.Account:
    """Whoever is not root starts the own shell, without su."""
    uid = os.getuid() or 4711
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    return accounts.Account("ada", uid, os.getgid(), str(home), shell)


def test_a_login_in_another_language_shows_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = unprivileged(tmp_path, str(program(tmp_path / "nu", NUSHELL)), monkeypatch)
    assert accounts.login_environment(account)["SHELL"] == account.shell


@pytest.mark.parametrize("name", [".bash_profile", ".profile"])
def test_a_login_whose_profile_hands_over_is_one_of_that_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As on machines of an institute, where nobody can change the shell of an account."""
    zsh = program(tmp_path / "shells/zsh", '#!/bin/bash\n[ "$1 $2" = "-l -c" ] || exit 0\nexport A=1\neval "$3"\n')
    monkeypatch.setattr(accounts.programs, "SEARCHED", str(zsh.parent))
    (tmp_path / name).write_text(f"[ -x {zsh} ] && exec {zsh} -l\n")
    assert accounts.login_environment(unprivileged(tmp_path, "/bin/bash", monkeypatch))["A"] == "1"


@pytest.mark.parametrize(
    "line",
    ["alias z='exec zsh'", "# exec zsh", "echo exec-zsh", "exec zsh-autosuggest", "exec ./zsh.sh", "zsh() { true; }"],
)
def test_what_hands_nothing_over_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    program(tmp_path / "shells/zsh", "#!/bin/sh\nexit 1\n")
    monkeypatch.setattr(accounts.programs, "SEARCHED", f"{tmp_path}/shells")
    (tmp_path / ".bashrc").write_text(f"{line}\n")
    startup = {".bashrc": [f"{tmp_path}/.bashrc"]}
    assert accounts.in_terminal(person(tmp_path), {"PATH": PLAIN}, startup).shell == "/bin/bash"


@pytest.mark.parametrize(
    "line",
    [
        '[ -z "$TMUX" ] && exec tmux new-session -A -s main',
        'if command -v tmux >/dev/null && [[ ! $TERM =~ screen ]] && [ -z "$TMUX" ]; then exec tmux; fi',
        '[ -n "$STY" ] || exec screen -xRR',
        "[[ -z $ZELLIJ ]] && { false; exit; }",
    ],
)
def test_a_terminal_in_a_multiplexer_is_asked(tmp_path: Path, line: str) -> None:
    own = goroot(tmp_path / "apps/go", "go1.27.3")
    (tmp_path / ".bashrc").write_text(f"{line}\nPATH={own.parent}:$PATH\n")
    found = looked_at(tmp_path)
    assert found.go and found.go["path"] == str(own) and "terminal" not in found.unknown, found.unknown
    assert not {"TMUX", "STY", "ZELLIJ"} & set(found.environment)


@pytest.mark.parametrize(
    "line",
    [
        'PROMPT_COMMAND="_hook${{PROMPT_COMMAND:+;$PROMPT_COMMAND}}"',
        'PROMPT_COMMAND=("printf x >&2" _hook "history -a" "history -n" "history -w")',
        'PROMPT_COMMAND="_hook"; set -e',
        'PROMPT_COMMAND="exit 3"; _hook',
        "set -u; _hook",
    ],
)
def test_what_a_terminal_has_at_its_first_prompt_counts(tmp_path: Path, line: str) -> None:
    """As direnv with an .envrc in the home, and mise, have it."""
    own = goroot(tmp_path / "apps/go", "go1.27.3")
    (tmp_path / ".bashrc").write_text(f"_hook() {{ export PATH={own.parent}:$PATH; }}\n{line.format()}\n")
    (tmp_path / ".bash_history").write_text("ls\n" * 3000)
    found = looked_at(tmp_path)
    assert (tmp_path / ".bash_history").read_text() == "ls\n" * 3000
    assert found.go and found.go["path"] == str(own) and "terminal" not in found.unknown, found.unknown


def test_a_terminal_that_hangs_or_says_odd_things_has_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "TERMINAL", 1.0)
    (tmp_path / ".bashrc").write_text("sleep 300\n")
    begin = time.monotonic()
    assert "did not come to an end within 1 s" in looked_at(tmp_path).unknown["terminal"]
    assert time.monotonic() - begin < 10
    (tmp_path / ".bashrc").write_text("echo hello; exec true\n")
    assert "shows no environment: hello" in looked_at(tmp_path).unknown["terminal"]
    assert "options are not known" in looked_at(tmp_path, shell="/usr/bin/nu").unknown["terminal"]


def test_what_a_terminal_prints_and_leaves_running_is_no_matter(tmp_path: Path) -> None:
    own = goroot(tmp_path / "go1.27", "go1.27.3")
    (tmp_path / ".bashrc").write_text(
        f"echo A=1; yes B=2 | head -c 200000; sleep 271828 & trap 'echo PATH=/wrong' EXIT\nPATH={own.parent}:$PATH\n"
    )
    found = looked_at(tmp_path)
    assert found.go and found.go["path"] == str(own) and "B" not in found.environment
    assert subprocess.run(["pgrep", "-f", "sleep 271828"], capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize(
    "place",
    [
        ".gvm/gos/go1.27.3",
        ".goenv/versions/1.27.3",
        ".asdf/installs/golang/1.27.3/go",
        ".asdf/installs/go/1.27.3/go",
        ".local/share/mise/installs/go/1.27.3",
        ".gobrew/versions/1.27.3/go",
        ".g/versions/1.27.3",
        ".go",
        ".go/go1.27.3",
        ".goup/current",
        ".version-fox/cache/golang/v-1.27.3/golang-1.27.3",
        ".proto/tools/go/1.27.3",
        ".nix-profile",
        ".local/go",
        ".local/go1.27.3",
        "go/go1.27.3",
        "sdk/go1.27.3",
        ".flox/run/x86_64-linux.default.run",
        ".local/share/devbox/global/default/.devbox/nix/profile/default",
        ".local/share/aquaproj-aqua",
        ".guix-profile",
        ".pixi",
        ".pkgx/go.dev/v1.27.3",
        "miniforge3",
    ],
)
def test_a_go_in_a_usual_place_is_found_without_a_terminal(tmp_path: Path, place: str) -> None:
    command = goroot(tmp_path / place, "go1.27.3")
    found = looked_at(tmp_path, shell="/usr/sbin/nologin")
    assert str(command) in [one["path"] for one in found.toolchains if one["version"] == "go1.27.3"]


def test_roots_of_version_managers_are_those_that_the_login_names(tmp_path: Path) -> None:
    moved = {
        "GVM_ROOT": "gos/a",
        "GOENV_ROOT": "versions/b",
        "ASDF_DATA_DIR": "installs/golang/c/go",
        "MISE_DATA_DIR": "installs/go/d",
        "PROTO_HOME": "tools/go/e",
        "G_HOME": "versions/f",
        "XDG_DATA_HOME": "mise/installs/go/g",
    }
    for name, below in moved.items():
        command = goroot(tmp_path / "moved" / name / below, "go1.27.3")
        found = go_find.find_toolchains(str(tmp_path), PLAIN, environment={name: f"{tmp_path}/moved/{name}"})[0]
        assert str(command) in [one["path"] for one in found]


@pytest.mark.skipif(os.getuid() != 0, reason="only root must not start what others may change")
def test_root_starts_no_go_of_another_account_that_it_merely_finds(tmp_path: Path) -> None:
    command = goroot(tmp_path / "sdk/go1.27.3", "go1.27.3")
    os.chown(command.parent, 4711, 4711)
    found = looked_at(tmp_path)
    (reason,) = [one["reason"] for one in found.toolchains if one["path"] == str(command)]
    assert reason == f"{command} was not asked: another account can change it, and root would run it"


@pytest.mark.skipif(os.getuid() != 0, reason="only root must not start what others may change")
@pytest.mark.parametrize("whose", ["the folder", "the file", "a link to it"])
def test_root_starts_no_go_of_another_account_that_is_on_everybodys_path(tmp_path: Path, whose: str) -> None:
    """Such as /usr/local/go, given to the person who keeps it up to date, and named in /etc/profile."""
    hers, ran = goroot(tmp_path / "hers/go", "go1.27.3"), tmp_path / "ran"
    hers.write_text(f"#!/bin/sh\ntouch {ran}\n")
    folder = hers.parent
    if whose == "a link to it":
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "go").symlink_to(hers)
    os.chown(hers if whose == "the file" else hers.parent, 4711, 4711)
    path = f"{folder}:{PLAIN}"
    found = looked_at(tmp_path, path)
    assert found.go is None or not found.go["path"].startswith(str(tmp_path))
    assert f"{folder / 'go'} was not asked: another account" in " ".join(one["reason"] for one in found.toolchains)
    # Nor what looks for a go on its PATH later.
    assert str(folder) not in found.environment_with_go()["PATH"]
    assert not ran.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root must not start what others may change")
def test_nothing_that_root_starts_for_go_is_looked_for_in_a_folder_of_others(tmp_path: Path) -> None:
    """Such as gcc, git and strace, which lie beside no go."""
    for name in ("hers", "roots"):
        (tmp_path / name).mkdir()
    os.chown(tmp_path / "hers", 4711, 4711)
    found = looked_at(tmp_path, f"{tmp_path}/hers:{tmp_path}/roots:{tmp_path}/none:/tmp/none:{PLAIN}")
    assert found.environment_with_go()["PATH"].split(":")[:2] == [f"{tmp_path}/roots", f"{tmp_path}/none"]
    assert "/tmp/none" not in found.environment_with_go()["PATH"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root must not start what others may change")
@pytest.mark.parametrize(
    ("name", "value", "content"),
    [
        ("GOWORK", "go.work", "go 1.22\nuse ./lib\n"),
        ("GOWORK", "go.work", "use ./own\n"),
        ("GOFLAGS", "dev.mod", "module m\nreplace lib => ./lib\n"),
        ("GOFLAGS", "lay.json", '{"Replace": {"/srv/m/x.go": "{home}/lib/x.go"}}'),
    ],
)
def test_no_file_that_a_variable_names_has_roots_go_build_code_of_others(
    tmp_path: Path, name: str, value: str, content: str
) -> None:
    for folder in ("lib", "own"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "go.mod").write_text("module x\n")
    (tmp_path / "own" / "go.mod").write_text("module own\nreplace x => ../lib\n")
    (tmp_path / value).write_text(content.replace("{home}", str(tmp_path)))
    flag = {"dev.mod": "-p=2 -modfile=", "lay.json": "-overlay="}.get(value, "")
    assert go_find.explain_variables({name: f"{flag}{tmp_path}/{value}"}) == ""
    os.chown(tmp_path / "lib", 4711, 4711)
    said = go_find.explain_variables({name: f"{flag}{tmp_path}/{value}"})
    assert said == f"{name} names what another account can replace, and root would run it"


@pytest.mark.skipif(os.getuid() != 0, reason="only root must not start what others may change")
@pytest.mark.parametrize("found", ["PATH", "elsewhere"])
def test_no_variable_has_roots_go_start_what_others_can_replace(tmp_path: Path, found: str) -> None:
    """Such as by /etc/profile, which names a compiler or a cache program of a team's for everybody."""
    hers, roots = program(tmp_path / "hers" / "cc", "#!/bin/sh\n"), program(tmp_path / "roots" / "cc", "#!/bin/sh\n")
    os.chown(tmp_path / "hers", 4711, 4711)
    theirs = {
        "CC": f"ccache {hers}",
        "CGO_CFLAGS": f"-O2 -B{hers}",
        # As a C compiler takes it, too, and as a shell does.
        "CGO_CPPFLAGS": f"-O2 -isystem{hers.parent}",
        "GIT_SSH_COMMAND": f"true;{hers}",
        "GIT_PROXY_COMMAND": f"echo $({hers}) x",
        "GIT_EXEC_PATH": str(hers.parent),
        "GOCACHEPROG": f"{hers} --size 1",
        # A Go that go.mod asks for comes from there, too, and with GOSUMDB=off nothing says that it is the one.
        "GOPROXY": f"https://proxy.golang.org|file://{hers.parent}|direct",
        "GOFLAGS": f"-p=2 '-toolexec={hers} -v'",
        "LD_LIBRARY_PATH": f"{roots.parent}:{hers.parent}",
        "LD_PRELOAD": str(hers),
        "BASH_ENV": str(hers),
        # Headers are code, as is what a compiler keeps of an earlier run.
        "C_INCLUDE_PATH": f":{hers.parent}",
        "CPLUS_INCLUDE_PATH": str(hers.parent),
        "PKG_CONFIG_LIBDIR": str(hers.parent),
        "CCACHE_DIR": str(hers.parent),
        "SCCACHE_DIR": str(hers.parent),
        "GCCGOTOOLDIR": str(hers.parent),
        # A file that it writes, which another account may make a link.
        "DEPENDENCIES_OUTPUT": str(hers),
        # Git, too, has settings there that name what it runs.
        "XDG_CONFIG_HOME": str(hers.parent),
        # Where a C compiler makes what the assembler reads next, without a TMPDIR.
        "TMP": str(hers.parent),
        "TEMP": f"{hers.parent}/none",
        "OPENSSL_CONF": f"{hers.parent}/openssl.cnf",
        "SWIG_LIB": str(hers.parent),
        "DISTCC_DIR": str(hers.parent),
    }
    own = {"CXX": f"{roots} -O2", "GOFLAGS_OF_MINE": str(hers), "CGO_ENABLED": "1", "HOME": str(roots.parent)}
    own |= {"LD_BIND_NOW": "1", "PERL5LIB": str(roots.parent), "TEMPDIR": "/tmp"}
    gos = {"elsewhere": tmp_path / "sdk" / "go1.27.3" / "bin" / "go", "PATH": tmp_path / "roots" / "go"}
    go = program(gos[found], "#!/bin/sh\n")
    settled = go_find.Settled({**theirs, **own, "PATH": f"{tmp_path}/roots:{PLAIN}"}, [], {"path": str(go)})
    environment = settled.environment_with_go()
    assert environment.pop("PATH").split(":")[0] == str(go.parent)
    assert environment == own
    settled.environment["HOME"] = str(hers.parent)
    assert settled.environment_with_go()["HOME"] == pwd.getpwuid(0).pw_dir


@pytest.mark.skipif(os.getuid() != 0, reason="only root must not start what others may change")
def test_roots_go_is_asked_with_no_library_that_others_can_replace(tmp_path: Path) -> None:
    """Such as by /etc/profile, which has a folder of a team's in LD_LIBRARY_PATH for everybody."""
    said = tmp_path / "said"
    program(tmp_path / "roots" / "go", f'#!/bin/sh\necho "$LD_LIBRARY_PATH|$LD_BIND_NOW|$GOFLAGS" > {said}\n')
    (tmp_path / "hers").mkdir()
    os.chown(tmp_path / "hers", 4711, 4711)
    theirs = {"LD_LIBRARY_PATH": str(tmp_path / "hers"), "LD_BIND_NOW": "1", "GOFLAGS": f"-toolexec={tmp_path}/hers/x"}
    looked_at(tmp_path, f"{tmp_path}/roots:{PLAIN}", **theirs)
    # What else a login says is what is asked about.
    assert said.read_text() == f"|1|{theirs['GOFLAGS']}\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root must not start what others may change")
def test_a_go_that_another_go_starts_from_roots_path_is_roots_too(tmp_path: Path) -> None:
    """A go.mod with `go 1.27.3` has a go start the go1.27.3 of its PATH, such as a link into somebody's ~/sdk."""
    for name in ("linked", "roots"):
        (tmp_path / name).mkdir()
    hers = program(tmp_path / "sdk" / "go1.27.3", "#!/bin/sh\n")
    os.chown(hers, 4711, 4711)
    (tmp_path / "linked" / "go1.27.3").symlink_to(hers)
    program(tmp_path / "roots" / "go1.27.3", "#!/bin/sh\n")
    found = looked_at(tmp_path, f"{tmp_path}/linked:{tmp_path}/roots:{PLAIN}")
    assert found.environment_with_go()["PATH"].split(":")[0] == f"{tmp_path}/roots"


def test_the_newest_of_several_stands_first(tmp_path: Path) -> None:
    for version in ("1.9.7", "1.27.3", "1.21.13"):
        goroot(tmp_path / "sdk" / f"go{version}", f"go{version}")
    found = go_find.find_toolchains(str(tmp_path), PLAIN)[0]
    own = [one["path"].split("/")[-3] for one in found if one["found"] == "~/sdk"]
    assert own == ["go1.27.3", "go1.21.13", "go1.9.7"]


def test_a_release_stands_before_its_candidates_and_a_tip_last(tmp_path: Path) -> None:
    home = tmp_path / "home1.99"
    for name in ("gotip", "go1.28beta1", "go1.28rc2", "go1.28rc1", "go1.27rc1", "go1.27.0", "go1.27", "go1.26.3"):
        goroot(home / "sdk" / name, "go1.27")
    found = go_find.find_toolchains(str(home), PLAIN)[0]
    own = [one["path"].split("/")[-3] for one in found if one["found"] == "~/sdk"]
    assert own == ["go1.28rc2", "go1.28rc1", "go1.28beta1", "go1.27.0", "go1.27", "go1.27rc1", "go1.26.3", "gotip"]


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/usr/local/go/bin/go", True),
        ("/usr/lib/go-1.22/bin/go", True),
        ("/usr/lib/golang/bin/go", True),
        ("/opt/go/1.25.0/bin/go", True),
        ("/opt/go1.25/bin/go", True),
        ("/srv/container/usr/local/go/bin/go", False),
        ("/opt/gone/container/usr/lib/go/bin/go", False),
        ("/home/eve/sdk/go1.25/bin/go", False),
    ],
)
def test_a_place_for_the_whole_machine_is_known(path: str, known: bool) -> None:
    assert go_find.is_for_everybody(path) == known
